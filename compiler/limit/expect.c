/* Expectation nodes: E[F G] of two flattened definitions, its tangent kernel, means of one,
 * Stein. */
#include "limit/derive.h"

typedef struct Leaf {
    Elem e;
    Side side;
} Leaf;

typedef struct Node { /* an expectation being put together */
    Fx F, G;
    const Leaf *leaf;
    uint32_t nl, nleaf;
    bool pair; /* leaves 0..nl-1 and the others belong to two samples */
    Path path;
} Node;

static uint64_t leaf_mask(const FxPool *p, Fx f, bool *seen) {
    if (!f || seen[f]) return 0;
    seen[f] = true;
    const FxNode *n = fx_node(p, f);
    if (n->op == FX_leaf) return UINT64_C(1) << n->k;
    uint64_t m = 0;
    for (uint32_t i = 0; i < fx_arity(n->op); i++) m |= leaf_mask(p, n->arg[i], seen);
    return m;
}

static uint64_t leaves_in(Derive *L, Fx f) {
    return f ? leaf_mask(L->fx, f, ARENA_ARRAY(L->a, bool, f + 1)) : 0;
}

/* ---- scalars become thetas */
typedef struct Thetas {
    Derive *L;
    VEC(Fx) v;
    VEC(Side) side;
    Side of;
} Thetas;

static bool is_scalar(const FxPool *p, Fx f) {
    return fx_has(p, f, FX_hyper) || fx_has(p, f, FX_index) || fx_has(p, f, FX_dim) ||
           fx_has(p, f, FX_sref);
}

static Fx theta_of(Thetas *t, Fx f) {
    for (uint32_t k = 0; k < t->v.len; k++)
        if (t->v.data[k] == f) return fx_theta(t->L->fx, k);
    vec_push(t->L->a, &t->v, f);
    vec_push(t->L->a, &t->side, fx_has(t->L->fx, f, FX_sref) ? t->of : SIDE_none);
    return fx_theta(t->L->fx, t->v.len - 1);
}

/* The largest scalar subexpressions of f replaced by thetas. */
static Fx scalars_out(Thetas *t, Fx f) {
    FxPool *p = t->L->fx;
    if (!f || !is_scalar(p, f)) return f;
    if (!fx_has(p, f, FX_leaf)) return theta_of(t, f);
    FxNode n = *fx_node(p, f);
    Fx arg[3] = {0};
    for (uint32_t i = 0; i < fx_arity(n.op); i++) arg[i] = scalars_out(t, n.arg[i]);
    return fx_op(p, n.op, arg[0], arg[1], arg[2]);
}

/* ---- leaves that do not occur are dropped */
static Fx renumber(Derive *L, Fx f, const uint32_t *to, uint32_t n) {
    Fx *leaf = ARENA_ARRAY(L->a, Fx, n);
    for (uint32_t k = 0; k < n; k++) leaf[k] = fx_leaf(L->fx, to[k]);
    return f ? fx_map(L->fx, f, leaf, n, NULL, 0) : 0;
}

static void drop_unused(Derive *L, Node *d) {
    uint64_t used = leaves_in(L, d->F) | leaves_in(L, d->G);
    uint32_t *to = ARENA_ARRAY(L->a, uint32_t, d->nleaf), n = 0, nl = 0;
    Leaf *leaf = ARENA_ARRAY(L->a, Leaf, d->nleaf);
    for (uint32_t k = 0; k < d->nleaf; k++) {
        if (!(used >> k & 1)) continue;
        leaf[n] = d->leaf[k];
        nl += k < d->nl;
        to[k] = n++;
    }
    if (n == d->nleaf) return;
    d->F = renumber(L, d->F, to, d->nleaf);
    d->G = renumber(L, d->G, to, d->nleaf);
    d->leaf = leaf;
    d->nl = nl;
    d->nleaf = n;
}

/* ---- moments */
static LTerms moment(Derive *L, const Node *d, uint32_t p, uint32_t q, bool *indep) {
    bool cross = d->pair && p < d->nl && d->nl <= q;
    Elem a = d->leaf[p].e, b = d->leaf[q].e;
    TermVec t = {0};
    Corr c = corr_of(L, a, b, d->path);
    *indep = c.kind == CORR_never && p != q; /* never with itself: deterministic, E u^2 = m^2 */
    if (*indep) return (LTerms){0};
    Goal g = {LK_C, !cross, cross ? SIDE_none : d->leaf[p].side};
    cov_ref(L, g, a, b, d->path, c, &t);
    return terms_done(&t);
}

static const LExp *node_exp(Derive *L, Node *d) {
    uint32_t n = d->nleaf;
    LExp *e = ARENA_NEW(L->a, LExp);
    LTerms *cov = ARENA_ARRAY(L->a, LTerms, n * n), *mean = ARENA_ARRAY(L->a, LTerms, n);
    bool *indep = ARENA_ARRAY(L->a, bool, n * n);
    for (uint32_t p = 0; p < n; p++) {
        TermVec m = {0};
        mean_of(L, d->leaf[p].e, d->leaf[p].side, d->path, &m);
        mean[p] = terms_done(&m);
        for (uint32_t q = p; q < n; q++) cov[p * n + q] = moment(L, d, p, q, &indep[p * n + q]);
    }
    Thetas t = {.L = L, .of = d->leaf[0].side};
    e->F = scalars_out(&t, d->F);
    t.of = d->leaf[n - 1].side;
    e->G = scalars_out(&t, d->G);
    e->nl = d->nl;
    e->nleaf = n;
    e->lside = d->leaf[0].side;
    e->rside = d->leaf[n - 1].side;
    e->cov = cov;
    e->indep = indep;
    e->mean = mean;
    e->theta = t.v.data;
    e->tside = t.side.data;
    e->ntheta = t.v.len;
    return e;
}

/* Factors of E[F G]: what has no leaf is a coefficient. */
static void node_term(Derive *L, Node d, TermVec *out) {
    LFactor f[3];
    uint32_t n = 0;
    if (fx_is_zero(L->fx, d.F) || (d.G && fx_is_zero(L->fx, d.G))) return;
    if (d.G && !leaves_in(L, d.G)) {
        if (!fx_is_num(L->fx, d.G, 1)) f[n++] = factor_coef(L, d.G);
        d.G = 0;
    }
    if (!leaves_in(L, d.F)) {
        if (!fx_is_num(L->fx, d.F, 1)) f[n++] = factor_coef(L, d.F);
        d.F = d.G;
        d.G = 0;
    }
    drop_unused(L, &d);
    if (!d.G) {
        d.nl = d.nleaf;
        d.pair = false;
    }
    if (d.F) f[n++] = (LFactor){.kind = LF_exp, .side = SIDE_none, .exp = node_exp(L, &d)};
    term_push(L, out, f, n);
}

/* ---- two definitions */
typedef struct Sides { /* both copies' leaves in one numbering */
    Leaf *leaf;
    uint32_t nl, nleaf; /* nl = nleaf: one copy */
    uint32_t *right;    /* numbers of the right copy's leaves */
    Fx F, G;
    bool pair;
} Sides;

static uint32_t find_leaf(Derive *L, const Leaf *leaf, uint32_t n, Elem e, Path path) {
    for (uint32_t k = 0; k < n; k++)
        if (elem_same(L, leaf[k].e, e, path)) return k;
    return n;
}

/* Within one sample, leaves that both sides have are shared; then all of them are one copy. */
static Sides join_sides(Derive *L, Goal g, const FlatCase *a, const FlatCase *b, Path path) {
    Sides s = {.nl = a->nleaf, .nleaf = a->nleaf, .F = a->f, .pair = !g.self};
    s.leaf = ARENA_ARRAY(L->a, Leaf, a->nleaf + b->nleaf);
    s.right = ARENA_ARRAY(L->a, uint32_t, b->nleaf);
    Side left = g.self ? g.side : SIDE_x, right = g.self ? g.side : SIDE_y;
    for (uint32_t k = 0; k < a->nleaf; k++) s.leaf[k] = (Leaf){a->leaf[k], left};
    bool shared = false;
    for (uint32_t k = 0; k < b->nleaf; k++) {
        uint32_t at = g.self ? find_leaf(L, s.leaf, a->nleaf, b->leaf[k], path) : a->nleaf;
        shared |= at < a->nleaf;
        s.right[k] = at < a->nleaf ? at : s.nleaf++;
        if (at == a->nleaf) s.leaf[s.right[k]] = (Leaf){b->leaf[k], right};
    }
    if (shared) s.nl = s.nleaf;
    s.G = renumber(L, b->f, s.right, b->nleaf);
    return s;
}

static void tangent(Derive *L, Goal g, const Sides *s, uint32_t na, uint32_t nb, Path path,
                    TermVec *out) {
    for (uint32_t k = 0; k < na; k++) {
        for (uint32_t l = 0; l < nb; l++) {
            Elem a = s->leaf[k].e, b = s->leaf[s->right[l]].e;
            Corr c = corr_of(L, a, b, path);
            Fx dF = fx_diff(L->fx, s->F, k), dG = fx_diff(L->fx, s->G, s->right[l]);
            if (c.kind == CORR_never || fx_is_zero(L->fx, dF) || fx_is_zero(L->fx, dG)) continue;
            TermVec e = {0}, t = {0};
            node_term(L, (Node){dF, dG, s->leaf, s->nl, s->nleaf, s->pair, path}, &e);
            cov_ref(L, g, a, b, path, c, &t);
            for (uint32_t i = 0; i < e.len; i++)
                terms_prefix(L, NULL, 0, NULL, 0, e.data[i].factor, e.data[i].nfactor, &t, out);
        }
    }
}

void expect_pair(Derive *L, Goal g, Elem A, Elem B, Path path, TermVec *out) {
    const Flat *fa = flat_of(L, A.d), *fb = flat_of(L, B.d);
    if (!fa || !fb) return;
    for (uint32_t i = 0; i < fa->n; i++) {
        FlatCase a = flat_at(L, &fa->c[i], A, false);
        for (uint32_t k = 0; k < fb->n; k++) {
            FlatCase b = flat_at(L, &fb->c[k], B, !g.self);
            Path cs = path_and(L, (Path){a.cons, a.ncons}, b.cons, b.ncons);
            Path p = path_and(L, path, cs.c, cs.n);
            if (cs.n && !aff_feasible(L->x, p.c, p.n)) continue;
            Sides s = join_sides(L, g, &a, &b, p);
            TermVec t = {0};
            if (g.kind == LK_C)
                node_term(L, (Node){s.F, s.G, s.leaf, s.nl, s.nleaf, s.pair, p}, &t);
            else
                tangent(L, g, &s, a.nleaf, b.nleaf, p, &t);
            terms_prefix(L, NULL, 0, cs.c, cs.n, NULL, 0, &t, out);
        }
    }
}

/* ---- one definition: its mean, or the mean of its derivative by a leaf */
void expect_one(Derive *L, LKind kind, DefId d, uint32_t leaf, Path path, TermVec *out) {
    const Flat *f = flat_of(L, d);
    for (uint32_t i = 0; f && i < f->n; i++) {
        FlatCase c = flat_at(L, &f->c[i], elem_own(L, d), false);
        Path p = path_and(L, path, c.cons, c.ncons);
        if (c.ncons && !aff_feasible(L->x, p.c, p.n)) continue;
        if (kind == LK_D && leaf >= c.nleaf) continue;
        Leaf *leaves = ARENA_ARRAY(L->a, Leaf, c.nleaf);
        for (uint32_t k = 0; k < c.nleaf; k++) leaves[k] = (Leaf){c.leaf[k], SIDE_x};
        Fx F = kind == LK_D ? fx_diff(L->fx, c.f, leaf) : c.f;
        TermVec t = {0};
        node_term(L, (Node){F, 0, leaves, c.nleaf, c.nleaf, false, p}, &t);
        terms_prefix(L, NULL, 0, c.cons, c.ncons, NULL, 0, &t, out);
    }
}

/* Stein: E[F(u) w] = sum_k E[d_k F] C(u_k, w) for a centred Gaussian w, and the tangent kernel
 * by the chain rule in the same form. */
void expect_stein(Derive *L, Goal g, Elem N, Elem other, bool right, Path path, TermVec *out) {
    const Flat *f = flat_of(L, N.d);
    Side side = g.self ? g.side : right ? SIDE_y : SIDE_x;
    for (uint32_t i = 0; f && i < f->n; i++) {
        FlatCase c = flat_at(L, &f->c[i], N, right && !g.self);
        Path p = path_and(L, path, c.cons, c.ncons);
        if (c.ncons && !aff_feasible(L->x, p.c, p.n)) continue;
        for (uint32_t k = 0; k < c.nleaf; k++) {
            if (fx_is_zero(L->fx, fx_diff(L->fx, f->c[i].f, k))) continue;
            TermVec t = {0};
            cov(L, g, right ? other : c.leaf[k], right ? c.leaf[k] : other, p, false, &t);
            if (!t.len) continue;
            WArray key = {.kind = LK_D, .self = true, .leaf = k};
            LFactor d = factor_ref(demand(L, key, N, (Elem){0}, p, side), side, N.idx);
            terms_prefix(L, NULL, 0, c.cons, c.ncons, &d, 1, &t, out);
        }
    }
}

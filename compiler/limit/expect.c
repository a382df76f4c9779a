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
    Side side[2]; /* of F's scalars and of G's */
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
    VEC(LFactor) v;
    Side side; /* of the copy at hand */
    Path path;
} Thetas;

static bool is_scalar(const FxPool *p, Fx f) {
    return fx_has(p, f, FX_hyper) || fx_has(p, f, FX_index) || fx_has(p, f, FX_dim) ||
           fx_has(p, f, FX_sref);
}

static Fx theta_of(Thetas *t, Fx f) {
    LFactor o = factor_scalar(t->L, f, t->side, t->path);
    for (uint32_t k = 0; k < t->v.len; k++)
        if (t->v.data[k].coef == f && t->v.data[k].side == o.side) return fx_theta(t->L->fx, k);
    vec_push(t->L->a, &t->v, o);
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
    Thetas t = {.L = L, .side = d->side[0], .path = d->path};
    e->F = scalars_out(&t, d->F);
    t.side = d->side[1];
    e->G = scalars_out(&t, d->G);
    e->nl = d->nl;
    e->nleaf = n;
    e->lside = d->leaf[0].side;
    e->rside = d->leaf[n - 1].side;
    e->cov = cov;
    e->indep = indep;
    e->mean = mean;
    e->theta = t.v.data;
    e->ntheta = t.v.len;
    return e;
}

/* ---- noise that is not Gaussian: a leaf that is 1 with probability p, else 0 */
static bool is_coin(const Derive *L, DefId d) {
    return def_of(L, d)->op == PO_noise && !L->def[d].gauss;
}

static Fx with_leaf(Derive *L, Fx f, const Node *d, uint32_t k, int64_t v) {
    Fx *leaf = ARENA_ARRAY(L->a, Fx, d->nleaf);
    for (uint32_t i = 0; i < d->nleaf; i++) leaf[i] = fx_leaf(L->fx, i);
    leaf[k] = fx_num(L->fx, (double)v);
    return f ? fx_map(L->fx, f, leaf, d->nleaf, NULL, 0) : 0;
}

/* p * f, where f may be divided by p: dropout keeps its function as it is. */
static Fx times(Derive *L, Fx p, Fx f) {
    FxNode n = *fx_node(L->fx, f);
    if (n.op == FX_div && n.arg[1] == p) return n.arg[0];
    if (n.op == FX_div) return fx_div(L->fx, times(L, p, n.arg[0]), n.arg[1]);
    if (n.op != FX_mul) return fx_mul(L->fx, p, f);
    bool right = fx_has(L->fx, n.arg[0], FX_leaf);
    return right ? fx_mul(L->fx, n.arg[0], times(L, p, n.arg[1]))
                 : fx_mul(L->fx, times(L, p, n.arg[0]), n.arg[1]);
}

static void node_term(Derive *L, Node d, TermVec *out);

/* Both functions see leaf k: the two values one after the other.  Else its mean in the one that
 * does. */
static void coin_terms(Derive *L, Node d, uint32_t k, bool both, TermVec *out) {
    Fx p = L->p->fam.data[def_of(L, d.leaf[k].e.d)->fam].s2, q = fx_sub(L->fx, fx_num(L->fx, 1), p);
    Node on = d, off = d;
    on.F = with_leaf(L, d.F, &d, k, 1);
    on.G = with_leaf(L, d.G, &d, k, 1);
    off.F = with_leaf(L, d.F, &d, k, 0);
    off.G = with_leaf(L, d.G, &d, k, 0);
    if (!both) {
        on.F = on.F == d.F ? d.F : fx_add(L->fx, times(L, p, on.F), times(L, q, off.F));
        if (d.G) on.G = on.G == d.G ? d.G : fx_add(L->fx, times(L, p, on.G), times(L, q, off.G));
        return node_term(L, on, out);
    }
    for (int i = 0; i < 2; i++) {
        TermVec t = {0};
        LFactor w = factor_coef(L, i ? q : p);
        node_term(L, i ? off : on, &t);
        terms_prefix(L, NULL, 0, NULL, 0, &w, 1, &t, out);
    }
}

static bool coin_out(Derive *L, const Node *d, TermVec *out) {
    uint64_t f = leaves_in(L, d->F), g = leaves_in(L, d->G);
    for (uint32_t k = 0; k < d->nleaf; k++) {
        if (!((f | g) >> k & 1) || !is_coin(L, d->leaf[k].e.d)) continue;
        coin_terms(L, *d, k, f & g & UINT64_C(1) << k, out);
        return true;
    }
    return false;
}

/* Factors of E[F G]: what has no leaf is a coefficient. */
static void node_term(Derive *L, Node d, TermVec *out) {
    LFactor f[3];
    uint32_t n = 0;
    if (coin_out(L, &d, out)) return;
    if (fx_is_zero(L->fx, d.F) || (d.G && fx_is_zero(L->fx, d.G))) return;
    if (d.G && !leaves_in(L, d.G)) {
        if (!fx_is_num(L->fx, d.G, 1)) f[n++] = factor_scalar(L, d.G, d.side[1], d.path);
        d.G = 0;
    }
    if (!leaves_in(L, d.F)) {
        if (!fx_is_num(L->fx, d.F, 1)) f[n++] = factor_scalar(L, d.F, d.side[0], d.path);
        d.F = d.G;
        d.side[0] = d.side[1];
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
    Side side[2];
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
    s.side[0] = left;
    s.side[1] = right;
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

static Node sides_node(const Sides *s, Fx F, Fx G, Path path) {
    return (Node){F, G, s->leaf, s->nl, s->nleaf, s->pair, path, {s->side[0], s->side[1]}};
}

static void tangent(Derive *L, Goal g, const Sides *s, uint32_t na, uint32_t nb, Path path,
                    TermVec *out) {
    for (uint32_t k = 0; k < na; k++) {
        for (uint32_t l = 0; l < nb; l++) {
            Elem a = s->leaf[k].e, b = s->leaf[s->right[l]].e;
            if (is_coin(L, a.d) || is_coin(L, b.d)) continue;
            Corr c = corr_of(L, a, b, path);
            Fx dF = fx_diff(L->fx, s->F, k), dG = fx_diff(L->fx, s->G, s->right[l]);
            if (c.kind == CORR_never || fx_is_zero(L->fx, dF) || fx_is_zero(L->fx, dG)) continue;
            TermVec e = {0}, t = {0};
            node_term(L, sides_node(s, dF, dG, path), &e);
            cov_ref(L, g, a, b, path, c, &t);
            for (uint32_t i = 0; i < e.len; i++)
                terms_prefix(L, NULL, 0, NULL, 0, e.data[i].factor, e.data[i].nfactor, &t, out);
        }
    }
}

/* Pair `skip` of coins, a left and a right one of a family, that may be one: the condition. */
static bool coin_question(Derive *L, const FlatCase *a, const FlatCase *b, Path path, uint32_t skip,
                          ConsVec *same) {
    for (uint32_t k = 0; k < a->nleaf; k++) {
        for (uint32_t l = 0; l < b->nleaf; l++) {
            Elem x = a->leaf[k], y = b->leaf[l];
            if (x.d != y.d || !is_coin(L, x.d) || elem_same(L, x, y, path)) continue;
            same->len = 0;
            for (uint32_t i = 0; i < def_of(L, x.d)->ndim; i++)
                vec_push(L->a, same, cons_eq(L->x, x.idx[i], y.idx[i]));
            Path p = path_and(L, path, same->data, same->len);
            if (aff_feasible(L->x, p.c, p.n) && skip-- == 0) return true;
        }
    }
    return false;
}

static void expect_cases(Derive *L, Goal g, const FlatCase *a, const FlatCase *b, Path path,
                         uint32_t skip, TermVec *out) {
    ConsVec same = {0};
    if (g.self && coin_question(L, a, b, path, skip, &same)) {
        TermVec yes = {0}, no = {0};
        Cons other = cons_not(L->x, same.data, same.len);
        expect_cases(L, g, a, b, path_and(L, path, same.data, same.len), skip, &yes);
        expect_cases(L, g, a, b, path_and(L, path, &other, 1), skip + 1, &no);
        terms_prefix(L, NULL, 0, same.data, same.len, NULL, 0, &yes, out);
        return terms_prefix(L, NULL, 0, &other, 1, NULL, 0, &no, out);
    }
    Sides s = join_sides(L, g, a, b, path);
    if (g.kind == LK_C) node_term(L, sides_node(&s, s.F, s.G, path), out);
    else tangent(L, g, &s, a->nleaf, b->nleaf, path, out);
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
            TermVec t = {0};
            expect_cases(L, g, &a, &b, p, 0, &t);
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
        Node one = {F, 0, leaves, c.nleaf, c.nleaf, false, p, {SIDE_x, SIDE_x}};
        node_term(L, one, &t);
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

/* The equations: cov(kind, A[f], B[g]) by the rules of product.md, section 5, in its order. */
#include "limit/derive.h"
#include "diag/diag.h"

typedef enum Which { LEFT, RIGHT, BOTH } Which;

static bool is_data(const Def *d) { return d->op == PO_input || d->op == PO_basis; }
static bool is_atom(const Derive *L, DefId id) {
    ProgramOp op = def_of(L, id)->op;
    return op == PO_param || op == PO_matmul || (op == PO_noise && L->def[id].gauss);
}
/* A function of leaves, or noise that is not Gaussian: a leaf itself. */
static bool is_function(const Derive *L, DefId id) {
    ProgramOp op = def_of(L, id)->op;
    return op == PO_nonlin || (op == PO_noise && !L->def[id].gauss);
}
static bool is_sum(const Def *d) { return d->op == PO_lin && !d->mu; }

static Side right_side(Goal g) { return g.self ? g.side : SIDE_y; }
static Side left_side(Goal g) { return g.self ? g.side : SIDE_x; }

/* ---- means and products of means */
/* right: reductions take the right copy's names, in a product of means of one sample too. */
static void mean_copy(Derive *L, Elem A, Side side, bool right, Path path, TermVec *out) {
    const Def *d = def_of(L, A.d);
    if (L->def[A.d].centred) return;
    if (d->op == PO_one) return term_push(L, out, NULL, 0);
    if (is_sum(d) && !d->wrap && !is_big(L, A.d)) {
        for (uint32_t i = 0; i < L->def[A.d].narm; i++) {
            ArmAt at;
            TermVec t = {0};
            if (!arm_open(L, A, &L->def[A.d].arm[i], right, side, path, &at)) continue;
            mean_copy(L, at.of, side, right, at.path, &t);
            arm_close(L, &at, &t, out);
        }
        return;
    }
    uint32_t r = demand(L, (WArray){.kind = LK_M, .self = true}, A, (Elem){0}, path, side);
    LFactor f = factor_ref(r, side, A.idx);
    term_push(L, out, &f, 1);
}

void mean_of(Derive *L, Elem A, Side side, Path path, TermVec *out) {
    mean_copy(L, A, side, side == SIDE_y, path, out);
}

/* Never correlated: the product of the means; the tangent kernel is 0. */
static void mean_product(Derive *L, Goal g, Elem A, Elem B, Path path, TermVec *out) {
    if (g.kind == LK_T || L->def[A.d].centred || L->def[B.d].centred) return;
    TermVec a = {0}, b = {0};
    mean_of(L, A, left_side(g), path, &a);
    if (a.len) mean_copy(L, B, right_side(g), true, path, &b);
    for (uint32_t i = 0; i < a.len; i++) {
        LTerm t = a.data[i];
        terms_prefix(L, t.red, t.nred, t.cons, t.ncons, t.factor, t.nfactor, &b, out);
    }
}

/* ---- references */
static LFactor array_ref(Derive *L, Goal g, Elem A, Elem B, Path path) {
    if (L->mirrored && g.self && A.d > B.d) {
        Elem t = A;
        A = B;
        B = t;
    }
    uint32_t na = def_of(L, A.d)->ndim, nb = def_of(L, B.d)->ndim;
    Side side = g.self ? g.side : SIDE_none;
    uint32_t r = demand(L, (WArray){.kind = g.kind, .self = g.self}, A, B, path, side);
    Aff *idx = ARENA_ARRAY(L->a, Aff, na + nb);
    if (na) memcpy(idx, A.idx, na * sizeof *idx);
    if (nb) memcpy(idx + na, B.idx, nb * sizeof *idx);
    return factor_ref(r, side, idx);
}

/* A named reference where the two may be correlated, the product of means elsewhere. */
void cov_ref(Derive *L, Goal g, Elem A, Elem B, Path path, Corr corr, TermVec *out) {
    TermVec t = {0}, m = {0};
    if (corr.kind == CORR_never) return mean_product(L, g, A, B, path, out);
    LFactor f = array_ref(L, g, A, B, path_and(L, path, corr.c, corr.n));
    if (corr.kind == CORR_always) return term_push(L, out, &f, 1);
    term_push(L, &t, &f, 1);
    terms_prefix(L, NULL, 0, corr.c, corr.n, NULL, 0, &t, out);
    Cons no = cons_not(L->x, corr.c, corr.n);
    mean_product(L, g, A, B, path, &m);
    terms_prefix(L, NULL, 0, &no, 1, NULL, 0, &m, out);
}

/* ---- expanding linear definitions */
static void expand(Derive *L, Goal g, Elem A, Elem B, Path path, Which which, TermVec *out) {
    bool right = which == RIGHT;
    Side side = right ? right_side(g) : left_side(g);
    Elem e = right ? B : A;
    for (uint32_t i = 0; i < L->def[e.d].narm; i++) {
        ArmAt at;
        TermVec t = {0};
        if (!arm_open(L, e, &L->def[e.d].arm[i], right, side, path, &at)) continue;
        switch (which) {
        case LEFT: cov(L, g, at.of, B, at.path, false, &t); break;
        case RIGHT: cov(L, g, A, at.of, at.path, false, &t); break;
        case BOTH: expand(L, g, at.of, B, at.path, RIGHT, &t); break;
        }
        arm_close(L, &at, &t, out);
    }
}

/* A sum of symbolic length that no index of the operand's family carries (pooling, attention). */
static bool is_long(Derive *L, DefId id) {
    if (!is_sum(def_of(L, id))) return false;
    for (uint32_t i = 0; i < L->def[id].narm; i++) {
        const Arm *m = &L->def[id].arm[i];
        const Def *u = def_of(L, m->use.d);
        for (uint32_t k = 0; k < m->nred; k++) {
            if (aff_is_const(aff_sub(L->x, m->red[k].hi, m->red[k].lo))) continue;
            uint32_t n;
            const AffSubst *s = elem_bind(L, (Elem){m->use.d, m->use.idx}, false, &n);
            bool carried = false;
            for (uint32_t j = 0; j < (is_atom(L, m->use.d) ? u->nfidx : 0); j++)
                carried |= aff_mentions(aff_subst(L->x, u->fidx[j], s, n), m->red[k].var);
            if (!carried) return true;
        }
    }
    return false;
}

static bool hides_long(Derive *L, DefId id) {
    if (!is_sum(def_of(L, id))) return false;
    if (is_long(L, id)) return true;
    for (uint32_t i = 0; i < L->def[id].narm; i++)
        if (hides_long(L, L->def[id].arm[i].use.d)) return true;
    return false;
}

/* Read twice and hiding a long sum: its pairs are named. */
static bool is_stored(Derive *L, DefId id) { return L->def[id].reads > 1 && hides_long(L, id); }

static void cov_lins(Derive *L, Goal g, Elem A, Elem B, Path path, bool top, Corr corr,
                     TermVec *out) {
    const Def *a = def_of(L, A.d), *b = def_of(L, B.d);
    if (a->mu && !top) return cov_ref(L, g, A, B, path, corr, out);
    if (!top && is_stored(L, A.d) && is_stored(L, B.d))
        return cov_ref(L, g, A, B, path, corr, out);
    if (!top && !a->mu) {
        bool left = is_big(L, A.d), right = is_big(L, B.d);
        if (left && right) return cov_ref(L, g, A, B, path, corr, out);
        if (left || right) return expand(L, g, A, B, path, left ? RIGHT : LEFT, out);
    }
    if (a->mu && a->dim[mu_dim(L, A.d)].var != b->dim[mu_dim(L, B.d)].var) /* the later loop only */
        return expand(L, g, A, B, path, A.d > B.d ? LEFT : RIGHT, out);
    if (is_long(L, A.d) && is_long(L, B.d) && !(idx_size_only(L, A) && idx_size_only(L, B)))
        return expand(L, g, A, B, path, RIGHT, out);
    expand(L, g, A, B, path, BOTH, out);
}

/* One of the two is a linear definition and the other is not, or just one of them is
 * loop-carried. */
static void cov_one_lin(Derive *L, Goal g, Elem A, Elem B, Path path, bool top, Corr corr,
                        TermVec *out) {
    bool left = is_sum(def_of(L, A.d)), right = is_sum(def_of(L, B.d));
    if (left || right) {
        Elem e = left ? A : B, o = left ? B : A;
        bool half = is_long(L, e.d) && def_of(L, o.d)->op != PO_lin && !idx_size_only(L, e);
        if (!top && (half || is_big(L, e.d))) return cov_ref(L, g, A, B, path, corr, out);
        return expand(L, g, A, B, path, left ? LEFT : RIGHT, out);
    }
    if (!top) return cov_ref(L, g, A, B, path, corr, out);
    expand(L, g, A, B, path, def_of(L, A.d)->op == PO_lin ? LEFT : RIGHT, out);
}

/* ---- data vectors, parameters, products with matrices */
static void cov_data(Derive *L, Goal g, Elem A, Elem B, Path path, bool top, TermVec *out) {
    const Def *a = def_of(L, A.d), *b = def_of(L, B.d);
    const Corr always = {.kind = CORR_always};
    if (g.kind == LK_T) return;
    if (a->op == PO_basis && b->op == PO_basis) {
        uint32_t n, m;
        const AffSubst *sa = elem_bind(L, A, false, &n), *sb = elem_bind(L, B, !g.self, &m);
        Aff k = aff_subst(L->x, a->basis, sa, n), l = aff_subst(L->x, b->basis, sb, m);
        Cons same = cons_eq(L->x, k, l);
        LFactor f = factor_coef(L, fx_div(L->fx, fx_num(L->fx, 1), fx_dim(L->fx, a->input)));
        TermVec t = {0};
        term_push(L, &t, &f, 1);
        return terms_prefix(L, NULL, 0, &same, 1, NULL, 0, &t, out);
    }
    bool basis = a->op == PO_basis || b->op == PO_basis;
    if (!top && !basis && (a->ndim || b->ndim)) return cov_ref(L, g, A, B, path, always, out);
    LFactor f = {.kind = LF_gram, .side = SIDE_none};
    f.gram = (LGram){.def = {A.d, B.d}, .idx = {A.idx, B.idx}, .self = g.self,
                     .side = g.self ? g.side : SIDE_none, .kind = LK_C};
    term_push(L, out, &f, 1);
}

static void push_scaled(Derive *L, Fx scale, const Cons *d, uint32_t nd, const TermVec *t,
                        TermVec *out) {
    if (fx_is_zero(L->fx, scale)) return;
    LFactor f = factor_coef(L, scale);
    terms_prefix(L, NULL, 0, d, nd, &f, 1, t, out);
}

/* A variance that depends on a size of each sample is that of two scales of one parameter. */
static Fx between(Derive *L, Goal g, Fx s2) {
    if (g.self || !L->nright_sizes || !fx_has(L->fx, s2, FX_index)) return s2;
    Fx right = fx_subst(L->fx, s2, L->right_sizes, L->nright_sizes);
    return right == s2 ? s2 : fx_op(L->fx, FX_sqrt, fx_mul(L->fx, s2, right), 0, 0);
}

static void cov_atoms(Derive *L, Goal g, Elem A, Elem B, Path path, TermVec *out) {
    const Def *a = def_of(L, A.d), *b = def_of(L, B.d);
    if (a->op != b->op || a->fam != b->fam || a->transposed != b->transposed) return;
    const Fam *fam = &L->p->fam.data[a->fam];
    if (a->op == PO_noise && (!g.self || g.kind == LK_T)) return; /* drawn for every sample */
    uint32_t na, nb, nd = 0;
    const AffSubst *ma = elem_bind(L, A, false, &na), *mb = elem_bind(L, B, !g.self, &nb);
    Cons *all = ARENA_ARRAY(L->a, Cons, a->nfidx), *d = ARENA_ARRAY(L->a, Cons, a->nfidx);
    for (uint32_t i = 0; i < a->nfidx; i++)
        all[i] = cons_eq(L->x, aff_subst(L->x, a->fidx[i], ma, na),
                         aff_subst(L->x, b->fidx[i], mb, nb));
    Path p = path_and(L, path, all, a->nfidx);
    if (!aff_feasible(L->x, p.c, p.n)) return;
    for (uint32_t i = 0; i < a->nfidx; i++)
        if (!aff_implied(L->x, path.c, path.n, all[i])) d[nd++] = all[i];
    Fx s2 = between(L, g, fam->s2), scale = g.kind == LK_C ? s2 : between(L, g, fam->lr);
    TermVec t = {0}, rest = {0};
    if (a->op != PO_matmul) {
        term_push(L, &t, NULL, 0);
        return push_scaled(L, scale, d, nd, &t, out);
    }
    Elem u = elem_use(L, a->use[0], ma, na), v = elem_use(L, b->use[0], mb, nb);
    Goal c = g;
    c.kind = LK_C;
    if (!fx_is_zero(L->fx, scale)) cov(L, c, u, v, p, false, &t);
    push_scaled(L, scale, d, nd, &t, out);
    if (g.kind != LK_T) return;
    cov(L, g, u, v, p, false, &rest);
    push_scaled(L, s2, d, nd, &rest, out);
}

/* ---- the rules in order */
static bool fixed_law(const Derive *L, DefId d) { return L->def[d].gauss && L->def[d].centred; }

/* A nonlinearity against a centred Gaussian: by Stein's lemma, unless the function may jump:
 * then its mean derivative (in the sense of distributions) is not that of fx_diff, and C is an
 * expectation. */
static bool cov_stein(Derive *L, Goal g, Elem A, Elem B, Path path, bool top, Corr corr,
                      TermVec *out) {
    bool left = is_function(L, A.d) && fixed_law(L, B.d);
    bool right = is_function(L, B.d) && fixed_law(L, A.d);
    if (!left && !right) return false;
    Elem n = left ? A : B, o = left ? B : A;
    const Flat *f = flat_of(L, n.d);
    if (!f) return true;
    if (g.kind != LK_C || !f->jumps)
        expect_stein(L, g, n, o, right, path, out);
    else if (top)
        expect_pair(L, g, A, B, path, out);
    else
        cov_ref(L, g, A, B, path, corr, out);
    return true;
}

void cov(Derive *L, Goal g, Elem A, Elem B, Path path, bool top, TermVec *out) {
    const Def *a = def_of(L, A.d), *b = def_of(L, B.d);
    Corr corr = {.kind = CORR_always};
    if (!top) {
        corr = corr_of(L, A, B, path);
        if (corr.kind == CORR_never) return mean_product(L, g, A, B, path, out);
    }
    if (is_data(a) && is_data(b)) return cov_data(L, g, A, B, path, top, out);
    if (!top && (a->wrap || b->wrap)) return cov_ref(L, g, A, B, path, corr, out);
    if (is_atom(L, A.d) && is_atom(L, B.d)) return cov_atoms(L, g, A, B, path, out);
    if (cov_stein(L, g, A, B, path, top, corr, out)) return;
    if (is_function(L, A.d) && is_function(L, B.d)) {
        if (top) return expect_pair(L, g, A, B, path, out);
        return cov_ref(L, g, A, B, path, corr, out);
    }
    if (a->op == PO_lin && b->op == PO_lin && a->mu == b->mu)
        return cov_lins(L, g, A, B, path, top, corr, out);
    cov_one_lin(L, g, A, B, path, top, corr, out);
}

void warray_derive(Derive *L, const WArray *r, TermVec *out) {
    Path path = warray_domain(L, r);
    Elem A = elem_own(L, r->A);
    if (r->B) {
        Goal g = {r->kind, r->self, r->self ? SIDE_x : SIDE_none};
        return cov(L, g, A, elem_primed(L, r->B), path, true, out);
    }
    if (r->kind == LK_S) return scalar_derive(L, r->A, path, out);
    if (r->kind == LK_M && def_of(L, r->A)->op == PO_lin) {
        for (uint32_t i = 0; i < L->def[r->A].narm; i++) {
            ArmAt at;
            TermVec t = {0};
            if (!arm_open(L, A, &L->def[r->A].arm[i], false, SIDE_x, path, &at)) continue;
            mean_of(L, at.of, SIDE_x, at.path, &t);
            arm_close(L, &at, &t, out);
        }
        return;
    }
    expect_one(L, r->kind, r->A, r->leaf, path, out);
}

/* ---- outputs */
/* Sum over s in `by` of s * cov(kind, X, Y) under what s assumes. */
static void product(Derive *L, const TermVec *by, Goal g, Elem X, Elem Y, Path path,
                    const LFactor *f, uint32_t nf, TermVec *out) {
    for (uint32_t i = 0; i < by->len; i++) {
        LTerm s = by->data[i];
        ConsVec v = {0};
        TermVec t = {0}, u = {0};
        path_range(L, &v, s.red, s.nred, NULL, 0);
        for (uint32_t k = 0; k < s.ncons; k++) vec_push(L->a, &v, s.cons[k]);
        cov(L, g, X, Y, path_and(L, path, v.data, v.len), false, &t);
        terms_prefix(L, s.red, s.nred, s.cons, s.ncons, s.factor, s.nfactor, &t, &u);
        terms_prefix(L, NULL, 0, NULL, 0, f, nf, &u, out);
    }
}

/* f = coef v' x / sqrt(n), v independent of x, mean 0: a matrix of one row (theory.md, 3 and 5). */
static void cov_inner(Derive *L, Goal g, Elem A, Elem B, Path path, TermVec *out) {
    const Def *a = def_of(L, A.d), *b = def_of(L, B.d);
    Goal c = {LK_C, g.self, g.side}, t = {LK_T, g.self, g.side};
    uint32_t na, nb, nf = 0;
    const AffSubst *ma = elem_bind(L, A, false, &na), *mb = elem_bind(L, B, !g.self, &nb);
    Elem v = elem_use(L, a->use[0], ma, na), w = elem_use(L, b->use[0], mb, nb);
    Elem x = elem_use(L, a->use[1], ma, na), y = elem_use(L, b->use[1], mb, nb);
    Fx coef[3] = {fx_subst(L->fx, L->def[A.d].f, ma, na), fx_subst(L->fx, L->def[B.d].f, mb, nb),
                  def_of(L, a->use[1].d)->width};
    Side side[3] = {left_side(g), right_side(g), SIDE_none};
    LFactor f[3];
    for (int i = 0; i < 3; i++)
        if (coef[i] && !fx_is_num(L->fx, coef[i], 1))
            f[nf++] = factor_scalar(L, coef[i], side[i], path);
    TermVec cv = {0}, tv = {0};
    cov(L, c, v, w, path, false, &cv);
    if (g.kind == LK_C) return product(L, &cv, c, x, y, path, f, nf, out);
    cov(L, t, v, w, path, false, &tv);
    product(L, &tv, c, x, y, path, f, nf, out);
    product(L, &cv, t, x, y, path, f, nf, out);
}

void cov_output(Derive *L, Goal g, Elem A, Elem B, Path path, TermVec *out) {
    ProgramOp a = def_of(L, A.d)->op, b = def_of(L, B.d)->op;
    bool left = a == PO_output;
    if (left || b == PO_output) {
        Elem e = left ? A : B;
        for (uint32_t i = 0; i < L->def[e.d].narm; i++) {
            ArmAt at;
            TermVec t = {0};
            Side side = left ? left_side(g) : right_side(g);
            if (!arm_open(L, e, &L->def[e.d].arm[i], !left, side, path, &at)) continue;
            cov_output(L, g, left ? at.of : A, left ? B : at.of, at.path, &t);
            arm_close(L, &at, &t, out);
        }
        return;
    }
    if (a == PO_inner && b == PO_inner) return cov_inner(L, g, A, B, path, out);
    if (a == PO_inner || b == PO_inner) return; /* a readout and a scalar bias: independent */
    cov(L, g, A, B, path, false, out);
}

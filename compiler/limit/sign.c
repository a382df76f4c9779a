/* What is known of values: functions that are continuous, expressions and arrays that are >= 0. */
#include "limit/derive.h"
#include <math.h>

/* ---- jumps */
/* A condition `u > number` (either way round) on one leaf: *leaf, and the number in *at. */
static bool leaf_condition(const FxPool *p, Fx c, uint32_t *leaf, Fx *at) {
    const FxNode *n = fx_node(p, c);
    if (n->op == FX_not) return leaf_condition(p, n->arg[0], leaf, at);
    if (n->op != FX_gt && n->op != FX_ge) return false;
    for (int i = 0; i < 2; i++) {
        const FxNode *u = fx_node(p, n->arg[i]), *v = fx_node(p, n->arg[1 - i]);
        if (u->op != FX_leaf || v->op != FX_num) continue;
        *leaf = u->k;
        *at = n->arg[1 - i];
        return true;
    }
    return false;
}

static double some_value(void *ctx, Sym name) {
    (void)ctx;
    return 0.37 + 0.01 * (double)(name % 50);
}

static int64_t some_index(void *ctx, Sym name) {
    (void)ctx;
    return 3 + name % 5;
}

static double some_dim(void *ctx, uint32_t input) {
    (void)ctx;
    return 5 + input;
}

/* Do a and b agree where leaf k is the number at?  By values: they are analytic there, so
 * agreeing at a few unrelated points of the others is agreeing. */
static bool agree(FxPool *p, Fx a, Fx b, uint32_t k, Fx at) {
    enum { NLEAF = 64 };
    if (fx_has(p, a, FX_sref) || fx_has(p, b, FX_sref) || fx_nleaf(p, a) > NLEAF ||
        fx_nleaf(p, b) > NLEAF || fx_ntheta(p, a) || fx_ntheta(p, b))
        return false;
    for (int t = 0; t < 3; t++) {
        double u[NLEAF];
        for (int i = 0; i < NLEAF; i++) u[i] = sin(1.7 * i + 2.3 * t + 0.4);
        u[k] = fx_node(p, at)->num;
        FxEnv env = {.leaf = u, .hyper = some_value, .name = some_index, .dim = some_dim};
        double x = fx_eval(p, a, &env), y = fx_eval(p, b, &env);
        if (!(fabs(x - y) <= 1e-13 * (1 + fabs(x)))) return false;
    }
    return true;
}

bool fx_continuous(FxPool *p, Fx f) {
    FxNode n = *fx_node(p, f);
    if (!fx_has(p, f, FX_leaf)) return true;
    switch (n.op) {
    case FX_sign:
    case FX_step:
    case FX_gt:
    case FX_ge:
    case FX_eq:
    case FX_and:
    case FX_or:
    case FX_not: return false;
    case FX_if: {
        uint32_t k;
        Fx at;
        if (!fx_continuous(p, n.arg[1]) || !fx_continuous(p, n.arg[2])) return false;
        if (!fx_has(p, n.arg[0], FX_leaf)) return true;
        return leaf_condition(p, n.arg[0], &k, &at) && agree(p, n.arg[1], n.arg[2], k, at);
    }
    case FX_num:
    case FX_leaf:
    case FX_theta:
    case FX_hyper:
    case FX_index:
    case FX_dim:
    case FX_sref:
    case FX_add:
    case FX_sub:
    case FX_mul:
    case FX_div:
    case FX_pow:
    case FX_neg:
    case FX_exp:
    case FX_log:
    case FX_sqrt:
    case FX_sin:
    case FX_cos:
    case FX_tanh:
    case FX_erf:
    case FX_Phi:
    case FX_abs:
    case FX_max:
    case FX_min: break;
    }
    for (uint32_t i = 0; i < fx_arity(n.op); i++)
        if (!fx_continuous(p, n.arg[i])) return false;
    return true;
}

/* ---- expressions that are >= 0 */
typedef struct Sign {
    const FxPool *p;
    bool (*known)(void *ctx, Fx f);
    void *ctx;
    uint64_t leaf; /* leaves known to be >= 0 in this branch */
} Sign;

enum { MAX_FACTORS = 32 };

typedef struct Factors {
    Fx f[MAX_FACTORS];
    uint32_t n;
    bool overflow;
} Factors;

static bool nonneg(const Sign *s, Fx f);

/* The factors of a product that are left after pairing equal ones, numerator and denominator
 * alike. */
static void odd_factors(const Sign *s, Fx f, Factors *v) {
    const FxNode *n = fx_node(s->p, f);
    if ((n->op == FX_mul || n->op == FX_div) && !(s->known && s->known(s->ctx, f))) {
        odd_factors(s, n->arg[0], v);
        odd_factors(s, n->arg[1], v);
        return;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->f[i] != f) continue;
        v->f[i] = v->f[--v->n];
        return;
    }
    if (v->n < MAX_FACTORS)
        v->f[v->n++] = f;
    else
        v->overflow = true;
}

static bool product_nonneg(const Sign *s, Fx f) {
    Factors v = {.n = 0};
    odd_factors(s, f, &v);
    for (uint32_t i = 0; i < v.n; i++) {
        FxOp op = fx_node(s->p, v.f[i])->op;
        if (op != FX_mul && op != FX_div && !nonneg(s, v.f[i])) return false;
    }
    return !v.overflow;
}

static bool index_nonneg(Aff a) { return aff_is_const(a) && a.c >= 0; }

static bool power_nonneg(const Sign *s, const FxNode *n) {
    const FxNode *e = fx_node(s->p, n->arg[1]);
    if (e->op == FX_num && e->q == 1 && e->p % 2 == 0) return true;
    return nonneg(s, n->arg[0]);
}

/* if u > c (c >= 0) then a else b: u is >= 0 in a. */
static bool branch_nonneg(const Sign *s, const FxNode *n) {
    const FxNode *c = fx_node(s->p, n->arg[0]);
    Sign then = *s;
    if (c->op == FX_gt || c->op == FX_ge) {
        const FxNode *u = fx_node(s->p, c->arg[0]), *v = fx_node(s->p, c->arg[1]);
        if (u->op == FX_leaf && u->k < 64 && v->op == FX_num && v->num >= 0)
            then.leaf |= UINT64_C(1) << u->k;
    }
    return nonneg(&then, n->arg[1]) && nonneg(s, n->arg[2]);
}

static bool nonneg(const Sign *s, Fx f) {
    if (s->known && s->known(s->ctx, f)) return true;
    const FxNode n = *fx_node(s->p, f);
    switch (n.op) {
    case FX_num: return n.num >= 0;
    case FX_leaf: return n.k < 64 && s->leaf >> n.k & 1;
    case FX_theta:
    case FX_hyper:
    case FX_sref:
    case FX_sub:
    case FX_neg:
    case FX_log:
    case FX_sin:
    case FX_cos:
    case FX_sign: return false;
    case FX_index: return index_nonneg(n.aff);
    case FX_dim:
    case FX_exp:
    case FX_sqrt:
    case FX_Phi:
    case FX_abs:
    case FX_step:
    case FX_gt:
    case FX_ge:
    case FX_eq:
    case FX_and:
    case FX_or:
    case FX_not: return true;
    case FX_tanh:
    case FX_erf: return nonneg(s, n.arg[0]);
    case FX_add:
    case FX_min: return nonneg(s, n.arg[0]) && nonneg(s, n.arg[1]);
    case FX_max: return nonneg(s, n.arg[0]) || nonneg(s, n.arg[1]);
    case FX_mul:
    case FX_div: return product_nonneg(s, f);
    case FX_pow: return power_nonneg(s, &n);
    case FX_if: return branch_nonneg(s, &n);
    }
    return false;
}

bool fx_nonneg(const FxPool *p, Fx f, bool (*known)(void *ctx, Fx f), void *ctx) {
    Sign s = {p, known, ctx, 0};
    return nonneg(&s, f);
}

/* ---- arrays */
/* Variances are >= 0 (checked before a run), and so are widths. */
static bool known_nonneg(void *ctx, Fx f) {
    const Program *p = ctx;
    for (FamId i = 0; i < p->fam.len; i++)
        if (p->fam.data[i].s2 == f) return true;
    for (DefId d = 1; d < p->def.len; d++)
        if (p->def.data[d].width == f) return true;
    return false;
}

static bool one_place(const Limit *l, const LGram *g) {
    for (uint32_t i = 0; i < l->p->def.data[g->def[0]].ndim; i++)
        if (!aff_eq(g->idx[0][i], g->idx[1][i])) return false;
    return true;
}

static bool factor_nonneg(const Limit *l, const LFactor *f);

typedef struct Args {
    const Limit *l;
    const LScalar *s;
} Args;

static bool arg_nonneg(void *ctx, Fx f) {
    const Args *a = ctx;
    const FxNode *n = fx_node(a->l->fx, f);
    if (n->op == FX_theta) return n->k < a->s->narg && factor_nonneg(a->l, &a->s->arg[n->k]);
    return known_nonneg((void *)(uintptr_t)a->l->p, f);
}

static bool scalar_nonneg(const Limit *l, const LScalar *s) {
    Args a = {l, s};
    return fx_nonneg(l->fx, s->f, arg_nonneg, &a);
}

static bool factor_nonneg(const Limit *l, const LFactor *f) {
    void *p = (void *)(uintptr_t)l->p;
    switch (f->kind) {
    case LF_ref: return l->array.data[f->ref.array].nonneg;
    case LF_gram: return f->gram.self && f->gram.def[0] == f->gram.def[1] && one_place(l, &f->gram);
    case LF_coef: return fx_nonneg(l->fx, f->coef, known_nonneg, p);
    case LF_exp:
        return fx_nonneg(l->fx, f->exp->F, NULL, NULL) &&
               (!f->exp->G || fx_nonneg(l->fx, f->exp->G, NULL, NULL));
    case LF_softmax: return true;
    case LF_scalar: return scalar_nonneg(l, f->scalar);
    case LF_series:
    case LF_hermite: break; /* made by later stages */
    }
    return false;
}

static bool terms_nonneg(const Limit *l, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++)
        for (uint32_t k = 0; k < t.term[i].nfactor; k++)
            if (!factor_nonneg(l, &t.term[i].factor[k])) return false;
    return true;
}

/* Greatest fixpoint: a recurrence of nonnegative terms over nonnegative values stays so. */
void limit_signs(Limit *l) {
    for (LArrayId i = 1; i < l->array.len; i++) l->array.data[i].nonneg = true;
    for (bool again = true; again;) {
        again = false;
        for (LArrayId i = 1; i < l->array.len; i++) {
            LArray *r = &l->array.data[i];
            if (!r->nonneg || (!r->data && terms_nonneg(l, r->eq))) continue;
            r->nonneg = false;
            again = true;
        }
    }
}

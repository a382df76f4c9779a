/* Rebuilding, differentiating and evaluating expressions. */
#include "diag/diag.h"
#include "program/fx_impl.h"
#include <math.h>

/* ---- rebuilding */
typedef struct Rebuild {
    FxPool *p;
    FxMemo *m;
    const Fx *leaf, *theta;
    uint32_t nleaf, ntheta;
    const AffSubst *sub;
    uint32_t nsub;
    Fx (*hyper)(void *ctx, Sym name);
    Fx (*sref)(void *ctx, Fx sref);
    void *ctx;
} Rebuild;

static Fx rebuild_sref(Rebuild *r, const FxNode *n) {
    Aff *idx = ARENA_ARRAY(r->p->a, Aff, n->nidx);
    for (uint32_t i = 0; i < n->nidx; i++) idx[i] = aff_subst(r->p->x, n->idx[i], r->sub, r->nsub);
    return fx_sref(r->p, n->k, idx, n->nidx);
}

static Fx rebuild_leaf(Rebuild *r, Fx f, const FxNode *n) {
    if (n->op == FX_leaf && n->k < r->nleaf) return r->leaf[n->k];
    if (n->op == FX_theta && n->k < r->ntheta) return r->theta[n->k];
    if (n->op == FX_hyper && r->hyper) {
        Fx to = r->hyper(r->ctx, n->k);
        return to ? to : f;
    }
    if (n->op == FX_index && r->nsub)
        return fx_index(r->p, aff_subst(r->p->x, n->aff, r->sub, r->nsub));
    if (n->op == FX_sref && r->sref) {
        Fx to = r->sref(r->ctx, f);
        return to ? to : f;
    }
    if (n->op == FX_sref && r->nsub) return rebuild_sref(r, n);
    return f;
}

static Fx rebuild(Rebuild *r, Fx f) {
    if (r->m->gen[f] == r->m->now) return r->m->val[f];
    FxNode n = *fx_node(r->p, f);
    uint32_t k = fx_arity(n.op);
    Fx out = f, arg[3] = {0};
    if (!k) {
        out = rebuild_leaf(r, f, &n);
    } else {
        bool same = true;
        for (uint32_t i = 0; i < k; i++) {
            arg[i] = rebuild(r, n.arg[i]);
            same &= arg[i] == n.arg[i];
        }
        if (!same) out = fx_op(r->p, n.op, arg[0], arg[1], arg[2]);
    }
    r->m->gen[f] = r->m->now;
    r->m->val[f] = out;
    return out;
}

static Fx rebuild_all(Rebuild r, Fx f) {
    r.m = fx_memo_take(r.p);
    Fx out = rebuild(&r, f);
    fx_memo_give(r.p, r.m);
    return out;
}

Fx fx_map(FxPool *p, Fx f, const Fx *leaf, uint32_t nleaf, const Fx *theta, uint32_t ntheta) {
    return rebuild_all((Rebuild){.p = p, .leaf = leaf, .nleaf = nleaf, .theta = theta,
                                 .ntheta = ntheta}, f);
}

Fx fx_subst(FxPool *p, Fx f, const AffSubst *m, uint32_t n) {
    return n ? rebuild_all((Rebuild){.p = p, .sub = m, .nsub = n}, f) : f;
}

Fx fx_hypers(FxPool *p, Fx f, Fx (*to)(void *ctx, Sym name), void *ctx) {
    return rebuild_all((Rebuild){.p = p, .hyper = to, .ctx = ctx}, f);
}

Fx fx_sref_map(FxPool *p, Fx f, Fx (*to)(void *ctx, Fx sref), void *ctx) {
    return rebuild_all((Rebuild){.p = p, .sref = to, .ctx = ctx}, f);
}

static void srefs(const FxPool *p, Fx f, FxMemo *m, void (*see)(void *ctx, Fx sref), void *ctx) {
    if (m->gen[f] == m->now) return;
    m->gen[f] = m->now;
    const FxNode *n = fx_node(p, f);
    if (n->op == FX_sref) see(ctx, f);
    for (uint32_t i = 0; i < fx_arity(n->op); i++) srefs(p, n->arg[i], m, see, ctx);
}

void fx_srefs(const FxPool *p, Fx f, void (*see)(void *ctx, Fx sref), void *ctx) {
    FxMemo *m = fx_memo_take(p);
    srefs(p, f, m, see, ctx);
    fx_memo_give(p, m);
}

/* ---- differentiation */
typedef struct Diff {
    FxPool *p;
    FxMemo *m;
    uint32_t k;
} Diff;

/* At a tie of a comparison of vectors the derivative takes the `else` branch, whatever the sign of
 * equality says of the value: c becomes the interior (strict) or, under `not`, the closure of c. */
static Fx cond_at_tie(FxPool *p, Fx c, bool strict) {
    FxNode n = *fx_node(p, c);
    if (n.op == FX_and || n.op == FX_or)
        return fx_op(p, n.op, cond_at_tie(p, n.arg[0], strict), cond_at_tie(p, n.arg[1], strict),
                     0);
    if (n.op == FX_not) return fx_op(p, FX_not, cond_at_tie(p, n.arg[0], !strict), 0, 0);
    if ((n.op == FX_gt || n.op == FX_ge) && fx_has(p, c, FX_leaf))
        return fx_op(p, strict ? FX_gt : FX_ge, n.arg[0], n.arg[1], 0);
    if (n.op == FX_eq && strict && fx_has(p, c, FX_leaf)) return fx_rat(p, 0, 1);
    return c;
}

static Fx diff(Diff *d, Fx f);

static Fx diff_pow(Diff *d, const FxNode *n, Fx f) {
    FxPool *p = d->p;
    Fx a = n->arg[0], b = n->arg[1], da = diff(d, a), db = diff(d, b);
    Fx base = 0;
    if (!fx_is_zero(p, da)) {
        Fx low = fx_op(p, FX_pow, a, fx_sub(p, b, fx_rat(p, 1, 1)), 0);
        base = fx_mul(p, fx_mul(p, b, low), da);
    }
    if (fx_is_zero(p, db)) return base ? base : da;
    Fx expo = fx_mul(p, fx_mul(p, f, fx_op(p, FX_log, a, 0, 0)), db);
    return base ? fx_add(p, base, expo) : expo;
}

static Fx diff_div(Diff *d, const FxNode *n) {
    FxPool *p = d->p;
    Fx a = n->arg[0], b = n->arg[1], da = diff(d, a), db = diff(d, b);
    Fx first = fx_div(p, da, b);
    if (fx_is_zero(p, db)) return first;
    Fx sq = fx_op(p, FX_pow, b, fx_rat(p, 2, 1), 0);
    return fx_sub(p, first, fx_div(p, fx_mul(p, a, db), sq));
}

/* exp(-a^2 / w) times a constant: the derivatives of erf (w = 1) and Phi (w = 2). */
static Fx gaussian_of(FxPool *p, Fx a, int64_t w, double scale) {
    Fx sq = fx_op(p, FX_pow, a, fx_rat(p, 2, 1), 0);
    Fx e = fx_op(p, FX_exp, fx_op(p, FX_neg, fx_div(p, sq, fx_rat(p, w, 1)), 0, 0), 0, 0);
    return fx_mul(p, fx_num(p, scale), e);
}

/* dF/da of a function of one argument a; f is F(a). */
static Fx outer_slope(FxPool *p, FxOp op, Fx a, Fx f) {
    Fx one = fx_rat(p, 1, 1);
    if (op == FX_neg) return fx_rat(p, -1, 1);
    if (op == FX_exp) return f;
    if (op == FX_log) return fx_div(p, one, a);
    if (op == FX_sqrt) return fx_div(p, fx_rat(p, 1, 2), f);
    if (op == FX_sin) return fx_op(p, FX_cos, a, 0, 0);
    if (op == FX_cos) return fx_op(p, FX_neg, fx_op(p, FX_sin, a, 0, 0), 0, 0);
    if (op == FX_tanh) return fx_sub(p, one, fx_op(p, FX_pow, f, fx_rat(p, 2, 1), 0));
    if (op == FX_erf) return gaussian_of(p, a, 1, M_2_SQRTPI);
    if (op == FX_Phi) return gaussian_of(p, a, 2, M_2_SQRTPI * M_SQRT1_2 / 2);
    if (op == FX_abs) return fx_op(p, FX_sign, a, 0, 0);
    return fx_rat(p, 0, 1); /* sign, step, conditions */
}

static Fx diff_select(Diff *d, Fx cond, Fx a, Fx b) {
    Fx da = diff(d, a), db = diff(d, b);
    return fx_op(d->p, FX_if, cond_at_tie(d->p, cond, true), da, db);
}

static Fx diff_node(Diff *d, const FxNode *n, Fx f) {
    FxPool *p = d->p;
    Fx a = n->arg[0], b = n->arg[1];
    if (n->op == FX_add) return fx_add(p, diff(d, a), diff(d, b));
    if (n->op == FX_sub) return fx_sub(p, diff(d, a), diff(d, b));
    if (n->op == FX_mul) return fx_add(p, fx_mul(p, diff(d, a), b), fx_mul(p, a, diff(d, b)));
    if (n->op == FX_div) return diff_div(d, n);
    if (n->op == FX_pow) return diff_pow(d, n, f);
    if (n->op == FX_max) return diff_select(d, fx_op(p, FX_gt, a, b, 0), a, b);
    if (n->op == FX_min) return diff_select(d, fx_op(p, FX_gt, b, a, 0), a, b);
    if (n->op == FX_if) return diff_select(d, a, b, n->arg[2]);
    if (fx_arity(n->op) != 1) return fx_rat(p, 0, 1); /* gt, ge, eq, and, or */
    Fx da = diff(d, a);
    if (fx_is_zero(p, da)) return da;
    if (n->op == FX_neg) return fx_op(p, FX_neg, da, 0, 0);
    return fx_mul(p, outer_slope(p, n->op, a, f), da);
}

static Fx diff(Diff *d, Fx f) {
    /* Nodes made on the way have no derivative asked for: f is older than the memo. */
    if (d->m->gen[f] == d->m->now) return d->m->val[f];
    FxNode n = *fx_node(d->p, f);
    Fx out = fx_arity(n.op) ? diff_node(d, &n, f)
                            : fx_rat(d->p, n.op == FX_leaf && n.k == d->k, 1);
    d->m->gen[f] = d->m->now;
    d->m->val[f] = out;
    return out;
}

Fx fx_diff(FxPool *p, Fx f, uint32_t k) {
    Diff d = {p, fx_memo_take(p), k};
    Fx out = diff(&d, f);
    fx_memo_give(p, d.m);
    return out;
}

/* ---- evaluation */
static double eval_op(FxOp op, double a, double b, double c) {
    switch (op) {
    case FX_add: return a + b;
    case FX_sub: return a - b;
    case FX_mul: return a * b;
    case FX_div: return a / b;
    case FX_pow: return pow(a, b);
    case FX_neg: return -a;
    case FX_exp: return exp(a);
    case FX_log: return log(a);
    case FX_sqrt: return sqrt(a);
    case FX_sin: return sin(a);
    case FX_cos: return cos(a);
    case FX_tanh: return tanh(a);
    case FX_erf: return erf(a);
    case FX_Phi: return erfc(-a * M_SQRT1_2) / 2;
    case FX_abs: return fabs(a);
    case FX_sign: return (a > 0) - (a < 0);
    case FX_step: return a > 0;
    case FX_max: return a > b ? a : b;
    case FX_min: return a < b ? a : b;
    case FX_gt: return a > b;
    case FX_ge: return a >= b;
    case FX_eq: return a == b;
    case FX_and: return a != 0 && b != 0;
    case FX_or: return a != 0 || b != 0;
    case FX_not: return a == 0;
    case FX_if: return a != 0 ? b : c;
    case FX_num:
    case FX_leaf:
    case FX_theta:
    case FX_hyper:
    case FX_index:
    case FX_dim:
    case FX_sref: break;
    }
    bug("fx_eval: `%s` is no operation", fx_text(op));
}

static double eval_leaf(const FxNode *n, const FxEnv *e) {
    if (n->op == FX_num) return n->num;
    if (n->op == FX_leaf) return e->leaf ? e->leaf[n->k] : (double)NAN;
    if (n->op == FX_theta) return e->theta ? e->theta[n->k] : (double)NAN;
    if (n->op == FX_hyper) return e->hyper ? e->hyper(e->ctx, n->k) : (double)NAN;
    if (n->op == FX_index) return e->name ? (double)aff_at(n->aff, e->name, e->ctx) : (double)NAN;
    if (n->op == FX_sref) return e->sref ? e->sref(e->ctx, n) : (double)NAN;
    if (n->op == FX_dim) return e->dim ? e->dim(e->ctx, n->k) : (double)NAN;
    return (double)NAN;
}

static double eval(const FxPool *p, Fx f, const FxEnv *e, FxMemo *m) {
    if (m->gen[f] == m->now) return m->num[f];
    const FxNode *n = fx_node(p, f);
    uint32_t k = fx_arity(n->op);
    double v, arg[3] = {0};
    for (uint32_t i = 0; i < k; i++) arg[i] = eval(p, n->arg[i], e, m);
    v = k ? eval_op(n->op, arg[0], arg[1], arg[2]) : eval_leaf(n, e);
    m->gen[f] = m->now;
    m->num[f] = v;
    return v;
}

double fx_eval(const FxPool *p, Fx f, const FxEnv *env) {
    FxMemo *m = fx_memo_take(p);
    double v = eval(p, f, env, m);
    fx_memo_give(p, m);
    return v;
}

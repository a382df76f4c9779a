/* Expressions to normal form, bottom up.  A function of a sum with hard gates is split into cases:
 *     phi(f) = phi(f at g = 0) + g (phi(f at g = 1) - phi(f at g = 0))
 * for each gate g, for any phi; so max, abs, `if` and their compositions meet in one form. */
#include "gauss/normal.h"
#include "gauss/roots.h"
#include <math.h>

static const Normal *attempt(Norm *n, Fx f);

static Fm one(Norm *n) { return fm_int(n->p, 1); }
static Fm minus_one(Norm *n) { return fm_int(n->p, -1); }

static const Normal *fail(Norm *n, const char *why) {
    n->why = why;
    return NULL;
}

static const Normal *sub(Norm *n, const Normal *a, const Normal *b) {
    return nf_add(n, a, nf_scale(n, b, minus_one(n)));
}

/* ---- scalars */

static unsigned scalar_time(Norm *n, Fx f) {
    const FxNode *x = fx_node(n->fx, f);
    if (x->op == FX_theta) return n->theta_time ? n->theta_time(n->ctx, x->k) : TIME_const;
    unsigned t = TIME_const;
    for (uint32_t i = 0; i < fx_arity(x->op); i++) t |= scalar_time(n, x->arg[i]);
    return t;
}

static bool scalar_positive(Norm *n, Fx f) {
    const FxNode *x = fx_node(n->fx, f);
    if (x->op == FX_theta) return n->theta_pos && n->theta_pos[x->k];
    return x->op == FX_exp || x->op == FX_Phi || x->op == FX_dim || x->op == FX_sqrt;
}

static Fm scalar_symbol(Norm *n, Fx f) {
    return fm_sym(n->p, (FmSym){.kind = SK_scalar,
                                .fx = f,
                                .time = scalar_time(n, f),
                                .positive = scalar_positive(n, f)});
}

/* sqrt(r) or sqrt(r / pi) for a small rational r, as derivatives of erf and Phi write them. */
static Fm irrational(Norm *n, double v) {
    const double pi = 3.14159265358979323846;
    for (int with_pi = 0; with_pi < 2; with_pi++)
        for (int64_t d = 1; d <= 16; d++) {
            double t = v * v * (with_pi ? pi : 1) * (double)d, m = rint(t);
            if (m < 1 || m > 64 || fabs(t - m) > 1e-15 * m) continue;
            Fm r = fm_frac(n->p, (int64_t)m, d);
            if (with_pi) r = fm_mul(n->p, r, fm_inv(n->p, fm_pi(n->p)));
            return fm_scale(n->p, fm_sqrt(n->p, r), (Rat){v < 0 ? -1 : 1, 1});
        }
    return fm_double(n->p, v);
}

static Fm scalar_num(Norm *n, const FxNode *x) {
    if (x->q > 0 && x->q <= 1000000 && x->p < 1000000000 && x->p > -1000000000)
        return fm_frac(n->p, x->p, x->q);
    return irrational(n, x->num);
}

/* A scalar expression as a formula. */
static Fm norm_scalar(Norm *n, Fx f);

static Fm scalar_pow(Norm *n, Fx f, const FxNode *x) {
    Fm base = norm_scalar(n, x->arg[0]), e = norm_scalar(n, x->arg[1]);
    Rat r;
    if (!fm_number(n->p, e, &r) || r.d > 2 || r.n > 64 || r.n < -64 || (!base && r.n <= 0))
        return scalar_symbol(n, f);
    if (r.d == 2 && fm_sign(n->p, base) <= 0) return scalar_symbol(n, f);
    return fm_pow(n->p, base, r);
}

static Fm norm_scalar(Norm *n, Fx f) {
    const FxNode *x = fx_node(n->fx, f);
    Fm a, b;
    switch (x->op) {
    case FX_num: return scalar_num(n, x);
    case FX_add: return fm_add(n->p, norm_scalar(n, x->arg[0]), norm_scalar(n, x->arg[1]));
    case FX_sub: return fm_sub(n->p, norm_scalar(n, x->arg[0]), norm_scalar(n, x->arg[1]));
    case FX_mul: return fm_mul(n->p, norm_scalar(n, x->arg[0]), norm_scalar(n, x->arg[1]));
    case FX_neg: return fm_neg(n->p, norm_scalar(n, x->arg[0]));
    case FX_div:
        a = norm_scalar(n, x->arg[0]);
        b = norm_scalar(n, x->arg[1]);
        return b ? fm_mul(n->p, a, fm_inv(n->p, b)) : scalar_symbol(n, f);
    case FX_sqrt:
        a = norm_scalar(n, x->arg[0]);
        return fm_sign(n->p, a) > 0 ? fm_sqrt(n->p, a) : scalar_symbol(n, f);
    case FX_abs:
        a = norm_scalar(n, x->arg[0]);
        return fm_sign(n->p, a) > 0 ? a : scalar_symbol(n, f);
    case FX_pow: return scalar_pow(n, f, x);
    case FX_leaf:
    case FX_theta:
    case FX_hyper:
    case FX_index:
    case FX_dim:
    case FX_sref:
    case FX_exp:
    case FX_log:
    case FX_sin:
    case FX_cos:
    case FX_tanh:
    case FX_erf:
    case FX_Phi:
    case FX_sign:
    case FX_step:
    case FX_max:
    case FX_min:
    case FX_gt:
    case FX_ge:
    case FX_eq:
    case FX_and:
    case FX_or:
    case FX_not:
    case FX_if: break;
    }
    return scalar_symbol(n, f);
}

/* ---- case split */

typedef const Normal *Phi(Norm *n, const Normal *f);

static uint32_t first_hard_gate(const Norm *n, const Normal *f) {
    for (uint32_t i = 0; i < f->n; i++)
        for (uint32_t j = 0; j < MAX_GATE && f->t[i].key.gate[j]; j++)
            if (!n->gate.data[f->t[i].key.gate[j]].soft) return f->t[i].key.gate[j];
    return 0;
}

/* f where gate g has the value v. */
static const Normal *with_gate(Norm *n, const Normal *f, uint32_t g, bool v) {
    const Normal *r = nf_const(n, 0);
    for (uint32_t i = 0; i < f->n && r; i++) {
        Key k = f->t[i].key;
        uint32_t m = 0;
        bool has = false;
        for (uint32_t j = 0; j < MAX_GATE; j++) {
            if (k.gate[j] == g)
                has = true;
            else
                k.gate[m++] = k.gate[j];
        }
        if (has && !v) continue;
        for (; m < MAX_GATE; m++) k.gate[m] = 0;
        r = nf_add(n, r, nf_key(n, &k, f->t[i].coef));
    }
    return r;
}

static const Normal *split(Norm *n, const Normal *f, Phi *phi) {
    if (!f) return NULL;
    uint32_t g = first_hard_gate(n, f);
    if (!g) return phi(n, f);
    const Normal *f0 = split(n, with_gate(n, f, g, false), phi);
    if (!f0) return NULL;
    const Normal *f1 = split(n, with_gate(n, f, g, true), phi);
    if (!f1) return NULL;
    Key k = {0};
    k.gate[0] = g;
    return nf_add(n, f0, nf_mul(n, nf_key(n, &k, one(n)), sub(n, f1, f0)));
}

/* ---- functions of gate-free arguments */

/* [f > 0] for a numeric polynomial of one leaf: a gate at each change of sign. */
static const Normal *step_polynomial(Norm *n, const Normal *f) {
    uint32_t leaves = 0;
    Rat co[MAX_ROOT_DEGREE + 1] = {{0, 1}};
    uint32_t degree = 0;
    for (uint32_t i = 0; i <= MAX_ROOT_DEGREE; i++) co[i] = (Rat){0, 1};
    for (uint32_t i = 0; i < f->n; i++) {
        leaves |= key_leaves(n, &f->t[i].key);
        uint32_t d = 0;
        for (uint32_t j = 0; j < MAX_LEAF; j++) d += f->t[i].key.pow[j];
        if (d > MAX_ROOT_DEGREE || !fm_number(n->p, f->t[i].coef, &co[d]))
            return fail(n, "a condition is not affine");
        if (d > degree) degree = d;
    }
    if (!leaves || (leaves & (leaves - 1))) return fail(n, "a condition is not affine");
    uint32_t leaf = 0;
    while (!(leaves >> leaf & 1)) leaf++;
    Root root[MAX_ROOT_DEGREE];
    bool positive;
    uint32_t k = roots_of(n->p, co, degree, root, &positive);
    const Normal *r = nf_const(n, fm_int(n->p, positive));
    for (uint32_t i = 0; i < k; i++) {
        Gate g = {.c = fm_neg(n->p, root[i].at)};
        g.a[leaf] = one(n);
        r = nf_add(n, r, nf_scale(n, nf_gate(n, &g), fm_int(n->p, root[i].rising ? 1 : -1)));
    }
    return r;
}

/* step(f) for gate-free f: affine, or a numeric polynomial of one leaf. */
static const Normal *nf_step(Norm *n, const Normal *f) {
    Gate l;
    if (nf_affine(n, f, &l)) return nf_gate(n, &l);
    if (nf_polynomial(f)) return step_polynomial(n, f);
    return fail(n, "a condition is not affine");
}

/* [f >= 0]: differs from [f > 0] only where f is a constant. */
static const Normal *step_or_equal(Norm *n, const Normal *f) {
    if (!f->n) return nf_const(n, one(n));
    return nf_step(n, f);
}

static const Normal *exp_of(Norm *n, const Normal *f) {
    if (!nf_polynomial(f)) return fail(n, "exp of more than a quadratic");
    Key k = {0};
    Fm c = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t v[2] = {0}, m = 0;
        for (uint32_t x = 0; x < MAX_LEAF; x++)
            for (uint32_t y = 0; y < f->t[i].key.pow[x]; y++) {
                if (m == 2) return fail(n, "exp of more than a quadratic");
                v[m++] = x;
            }
        Fm s = f->t[i].coef;
        if (!m)
            c = s;
        else if (m == 1)
            k.lin[v[0]] = s;
        else
            k.quad[quad_at(v[0], v[1])] = fm_scale(n->p, s, (Rat){v[0] == v[1] ? -2 : -1, 1});
    }
    return nf_key(n, &k, fm_fn(n->p, FN_exp, c, 0, 0, 0));
}

static const Normal *trig(Norm *n, const Normal *f, bool is_cos) {
    Gate l;
    if (!nf_affine(n, f, &l)) return fail(n, "sin or cos of more than an affine form");
    Fm i = fm_i(n->p), half = fm_frac(n->p, 1, 2);
    const Normal *e = exp_of(n, nf_scale(n, f, i)), *m = exp_of(n, nf_scale(n, f, fm_neg(n->p, i)));
    if (!e || !m) return NULL;
    if (is_cos) return nf_add(n, nf_scale(n, e, half), nf_scale(n, m, half));
    Fm h = fm_mul(n->p, half, i);
    return nf_add(n, nf_scale(n, e, fm_neg(n->p, h)), nf_scale(n, m, h));
}

static const Normal *sin_of(Norm *n, const Normal *f) { return trig(n, f, false); }
static const Normal *cos_of(Norm *n, const Normal *f) { return trig(n, f, true); }

static const Normal *cdf_of(Norm *n, const Normal *f) {
    Gate l;
    if (!nf_affine(n, f, &l)) return fail(n, "a cdf of more than an affine form");
    l.soft = 1;
    return nf_gate(n, &l);
}

/* ---- expressions */

/* Inside a function nothing opaque is allowed: the whole call becomes opaque. */
static const Normal *strict(Norm *n, Fx f) {
    const Normal *r = normalise(n, f);
    if (nf_has_opaque(r)) return fail(n, "an argument has no normal form");
    return r;
}

static const Normal *power(Norm *n, const FxNode *x) {
    if (leaf_set(n->fx, x->arg[1])) return fail(n, "an exponent is not a number");
    const Normal *a = strict(n, x->arg[0]);
    Rat e;
    if (!a || !fm_number(n->p, norm_scalar(n, x->arg[1]), &e) || e.d != 1 || e.n < 0 || e.n > 32)
        return fail(n, "a power is not a whole number");
    const Normal *r = nf_const(n, one(n));
    for (int64_t i = 0; i < e.n && r; i++) r = nf_mul(n, r, a);
    return r;
}

static const Normal *condition(Norm *n, const Normal *a, const Normal *b, Phi *phi) {
    return a && b ? split(n, sub(n, a, b), phi) : NULL;
}

/* b + [c] (a - b) */
static const Normal *choose(Norm *n, const Normal *c, const Normal *a, const Normal *b) {
    return c && a && b ? nf_add(n, b, nf_mul(n, c, sub(n, a, b))) : NULL;
}

static const Normal *equal(Norm *n, const Normal *a, const Normal *b) {
    const Normal *d = a && b ? sub(n, a, b) : NULL;
    if (!d) return NULL;
    Rat r;
    Key zero = {0};
    if (!d->n) return nf_const(n, one(n));
    bool scalar = d->n == 1 && !memcmp(&d->t[0].key, &zero, sizeof zero);
    if (scalar && !fm_number(n->p, d->t[0].coef, &r)) return fail(n, "an equality of scalars");
    return nf_const(n, 0);
}

static const Normal *call1(Norm *n, const FxNode *x) {
    const Normal *a = strict(n, x->arg[0]);
    if (!a) return NULL;
    const Normal *zero = nf_const(n, 0), *h;
    switch (x->op) {
    case FX_exp: return split(n, a, exp_of);
    case FX_sin: return split(n, a, sin_of);
    case FX_cos: return split(n, a, cos_of);
    case FX_Phi: return split(n, a, cdf_of);
    case FX_erf:
        h = split(n, nf_scale(n, a, fm_sqrt(n->p, fm_int(n->p, 2))), cdf_of);
        return h ? sub(n, nf_scale(n, h, fm_int(n->p, 2)), nf_const(n, one(n))) : NULL;
    case FX_abs: return choose(n, split(n, a, nf_step), a, sub(n, zero, a));
    case FX_sign:
        return choose(n, split(n, a, nf_step), nf_const(n, one(n)), nf_const(n, minus_one(n)));
    case FX_step: return split(n, a, nf_step);
    case FX_not: return sub(n, nf_const(n, one(n)), a);
    case FX_neg: return nf_scale(n, a, minus_one(n));
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
    case FX_log:
    case FX_sqrt:
    case FX_tanh:
    case FX_max:
    case FX_min:
    case FX_gt:
    case FX_ge:
    case FX_eq:
    case FX_and:
    case FX_or:
    case FX_if: break;
    }
    return fail(n, fx_text(x->op));
}

static const Normal *call2(Norm *n, const FxNode *x) {
    const Normal *a = strict(n, x->arg[0]), *b = a ? strict(n, x->arg[1]) : NULL;
    if (!b) return NULL;
    if (x->op == FX_max) return choose(n, condition(n, a, b, nf_step), a, b);
    if (x->op == FX_min) return choose(n, condition(n, a, b, nf_step), b, a);
    if (x->op == FX_gt) return condition(n, a, b, nf_step);
    if (x->op == FX_ge) return condition(n, a, b, step_or_equal);
    if (x->op == FX_eq) return equal(n, a, b);
    const Normal *ab = nf_mul(n, a, b);
    return x->op == FX_and ? ab : sub(n, nf_add(n, a, b), ab);
}

static const Normal *attempt(Norm *n, Fx f) {
    const FxNode x = *fx_node(n->fx, f);
    if (!leaf_set(n->fx, f)) return nf_const(n, norm_scalar(n, f));
    switch (x.op) {
    case FX_leaf: return nf_leaf(n, x.k);
    case FX_add: return nf_add(n, normalise(n, x.arg[0]), normalise(n, x.arg[1]));
    case FX_sub: return sub(n, normalise(n, x.arg[0]), normalise(n, x.arg[1]));
    case FX_mul: return nf_mul(n, normalise(n, x.arg[0]), normalise(n, x.arg[1]));
    case FX_neg: return nf_scale(n, normalise(n, x.arg[0]), minus_one(n));
    case FX_div:
        if (leaf_set(n->fx, x.arg[1])) return fail(n, "a quotient");
        Fm d = norm_scalar(n, x.arg[1]);
        return d ? nf_scale(n, normalise(n, x.arg[0]), fm_inv(n->p, d)) : fail(n, "a quotient");
    case FX_pow: return power(n, &x);
    case FX_if:
        return choose(n, strict(n, x.arg[0]), normalise(n, x.arg[1]), normalise(n, x.arg[2]));
    case FX_max:
    case FX_min:
    case FX_gt:
    case FX_ge:
    case FX_eq:
    case FX_and:
    case FX_or: return call2(n, &x);
    case FX_exp:
    case FX_sin:
    case FX_cos:
    case FX_erf:
    case FX_Phi:
    case FX_abs:
    case FX_sign:
    case FX_step:
    case FX_not: return call1(n, &x);
    case FX_log:
    case FX_sqrt:
    case FX_tanh: return fail(n, fx_text(x.op));
    case FX_num:
    case FX_theta:
    case FX_hyper:
    case FX_index:
    case FX_dim:
    case FX_sref: break;
    }
    return nf_const(n, norm_scalar(n, f));
}

bool nf_tilted(const Normal *f) {
    for (uint32_t i = 0; i < f->n; i++) {
        const Key *k = &f->t[i].key;
        bool lin = false;
        for (uint32_t j = 0; j < MAX_LEAF; j++) lin = lin || k->lin[j];
        if (lin && k->gate[0]) return true;
    }
    return false;
}

/* An opaque part of one leaf swallows what surrounds it, as long as that has no other leaf. */
static bool should_widen(Norm *n, const Normal *r, Fx f) {
    uint32_t m = leaf_set(n->fx, f);
    if (!m || (m & (m - 1))) return false;
    if (!nf_has_opaque(r)) return false;
    Key k = {0};
    k.opq[0] = r->t[0].key.opq[0];
    Rat c;
    return r->n != 1 || memcmp(&k, &r->t[0].key, sizeof k) || !fm_number(n->p, r->t[0].coef, &c) ||
           c.n != 1 || c.d != 1;
}

const Normal *normalise(Norm *n, Fx f) {
    for (uint32_t i = 0; i < n->memo.len; i++)
        if (n->memo.data[i].f == f) return n->memo.data[i].r;
    const Normal *r = attempt(n, f);
    if (!r || should_widen(n, r, f)) r = nf_opaque(n, f);
    vec_push(n->a, &n->memo, (NormalMemo){f, r});
    return r;
}

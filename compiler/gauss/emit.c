/* Formulas as code: each node once, factors grouped by sample, so that the pair stage is left with
 * what depends on both. */
#include "diag/diag.h"
#include "gauss/fan.h"
#include "gauss/plan.h"

typedef struct Powered { /* value of atom^e */
    uint32_t atom;
    Rat e;
    MVal v;
} Powered;

struct Run {
    const Plan *pl;
    Operands o;
    FmPool *p;
    VEC(MVal) value;
    VEC(bool) have;
    VEC(Powered) power;
    PairVal pair[MAX_LEAF * MAX_LEAF];
    MVal std[MAX_LEAF], inv[MAX_LEAF];
    bool have_std[MAX_LEAF], have_inv[MAX_LEAF], have_quad, have_defect;
    MVal defect;
    MVal *quad;
};

Run *run_new(const Plan *pl, const Operands *o) {
    Run *r = ARENA_NEW(pl->c->a, Run);
    r->pl = pl;
    r->o = *o;
    r->p = pl->p;
    return r;
}

Mach *run_mach(Run *r) { return &r->o.m; }
const Operands *run_operands(const Run *r) { return &r->o; }
const Plan *run_plan(const Run *r) { return r->pl; }

static MVal num(Run *r, double v) { return m_num(&r->o.m, v); }

/* ---- operands */

MVal run_var(Run *r, uint32_t leaf) { return r->o.var[leaf]; }

MVal run_mean(Run *r, uint32_t leaf) {
    return r->pl->q.centred[leaf] ? num(r, 0) : r->o.mean[leaf];
}

MVal run_cov(Run *r, uint32_t i, uint32_t j) {
    if (i > j) return run_cov(r, j, i);
    if (i == j) return run_var(r, i);
    uint32_t at = i * r->pl->q.nleaf + j;
    if (r->pl->q.zero[at]) return num(r, 0);
    if (!r->pl->unit) return r->o.cov[at];
    Mach *m = &r->o.m;
    return m_mul(m, m_mul(m, run_std(r, 0), run_std(r, 1)), r->o.c);
}

MVal run_std(Run *r, uint32_t leaf) {
    Mach *m = &r->o.m;
    if (!r->have_std[leaf]) {
        r->have_std[leaf] = true;
        MVal pos = m_positive(m, r->o.var[leaf]);
        MVal s = r->pl->unit ? r->o.s[leaf != 0] : m_op1(m, KO_sqrt, r->o.var[leaf]);
        r->std[leaf] = m_select(m, pos, s, num(r, 0));
    }
    return r->std[leaf];
}

static MVal inverse_std(Run *r, uint32_t leaf) {
    Mach *m = &r->o.m;
    if (!r->have_inv[leaf]) {
        r->have_inv[leaf] = true;
        MVal pos = m_positive(m, r->o.var[leaf]);
        MVal inv = m_div(m, num(r, 1), m_op1(m, KO_sqrt, r->o.var[leaf]));
        r->inv[leaf] = m_select(m, pos, inv, num(r, 0));
    }
    return r->inv[leaf];
}

/* q p - k^2 by Kahan's rule: right to rounding for the numbers given, so 0 where two rows are
 * equal. */
static MVal determinant(Run *r, uint32_t i, uint32_t j) {
    Mach *m = &r->o.m;
    MVal q = r->o.var[i], p = r->o.var[j], k = run_cov(r, i, j), w = m_mul(m, q, p);
    MVal lost = m_fma(m, q, p, m_op1(m, KO_neg, w));
    MVal d = m_add(m, m_fma(m, m_op1(m, KO_neg, k), k, w), lost);
    return m_op2(m, KO_max, d, num(r, 0));
}

/* 1 - |c|: from the determinant where it is small. */
static MVal small_defect(Run *r, uint32_t i, uint32_t j, MVal c) {
    Mach *m = &r->o.m;
    MVal mag = m_op1(m, KO_abs, c), inv = m_mul(m, inverse_std(r, i), inverse_std(r, j));
    MVal r2 = m_mul(m, m_mul(m, determinant(r, i, j), inv), inv);
    MVal near = m_div(m, r2, m_add(m, num(r, 1), mag));
    return m_select(m, m_op2(m, KO_lt, num(r, 0.5), mag), near, m_sub(m, num(r, 1), mag));
}

MVal run_defect(Run *r) {
    if (!r->have_defect) {
        r->have_defect = true;
        r->defect = r->pl->q.exact ? r->o.d : m_op2(&r->o.m, KO_max, r->o.d, num(r, 0));
    }
    return r->defect;
}

const PairVal *run_pair(Run *r, uint32_t i, uint32_t j) {
    Mach *m = &r->o.m;
    PairVal *v = &r->pair[i * MAX_LEAF + j];
    if (v->have) return v;
    v->have = true;
    if (r->pl->unit) {
        v->c = r->o.c;
        v->d = run_defect(r);
        v->sign = r->pl->q.nonneg ? num(r, 1) : r->o.sign;
    } else {
        MVal c = m_mul(m, m_mul(m, run_cov(r, i, j), inverse_std(r, i)), inverse_std(r, j));
        v->c = m_clamp(m, c, -1, 1);
        v->d = small_defect(r, i, j, v->c);
        MVal neg = m_op2(m, KO_lt, v->c, num(r, 0));
        v->sign = m_select(m, neg, num(r, -1), num(r, 1));
    }
    v->neg = m_op2(m, KO_lt, v->sign, num(r, 0));
    return v;
}

MVal run_fx(Run *r, Fx f, const MVal *leaf) { return m_fx(&r->o.m, r->p->fx, f, leaf, r->o.theta); }

static MVal symbol(Run *r, const FmSym *s) {
    Mach *m = &r->o.m;
    switch (s->kind) {
    case SK_var: return r->o.var[s->i];
    case SK_cov: return run_cov(r, s->i, s->j);
    case SK_det: return determinant(r, s->i, s->j);
    case SK_mean: return r->o.mean[s->i];
    case SK_std: return run_std(r, s->i);
    case SK_c: return r->o.c;
    case SK_r: return m_mul(m, run_defect(r), m_sub(m, num(r, 2), run_defect(r)));
    case SK_scalar: return run_fx(r, s->fx, NULL);
    case SK_num: return num(r, s->num);
    }
    return num(r, 0);
}

/* ---- functions */

/* (b - rho a) / sqrt(1 - rho^2) = ((b - s a) + s d a) / sqrt(d (2 - d)), 0 / 0 = 0 */
static MVal cond_value(Run *r, const Atom *a) {
    Mach *m = &r->o.m;
    const PairVal *p = run_pair(r, a->arg[2], a->arg[3]);
    MVal b = run_value(r, a->arg[0]), sa = m_mul(m, p->sign, run_value(r, a->arg[1]));
    MVal top = m_fma(m, p->d, sa, m_sub(m, b, sa));
    MVal root = m_op1(m, KO_sqrt, m_mul(m, p->d, m_sub(m, num(r, 2), p->d)));
    double tiny = m_tiny(m), far = tiny < 1e-30 ? 1e100 : 1e15;
    MVal v = m_div(m, top, m_op2(m, KO_max, root, num(r, tiny)));
    return m_clamp(m, v, -far, far);
}

static MVal bvn_value(Run *r, const Atom *a) {
    Mach *m = &r->o.m;
    MVal c = m_clamp(m, run_value(r, a->arg[2]), -1, 1), r2 = run_value(r, a->arg[3]);
    MVal mag = m_op1(m, KO_abs, c), d = m_div(m, r2, m_add(m, num(r, 1), mag));
    MVal sign = m_select(m, m_op2(m, KO_lt, c, num(r, 0)), num(r, -1), num(r, 1));
    return m_op4(m, KO_bvn, run_value(r, a->arg[0]), run_value(r, a->arg[1]), m_clamp(m, d, 0, 1),
                 sign);
}

static MVal quad_value(Run *r, uint32_t n) {
    if (!r->have_quad) {
        r->have_quad = true;
        r->quad = ARENA_ARRAY(r->p->a, MVal, r->pl->x->integral.len);
        quad_values(r, r->quad);
    }
    return r->quad[n];
}

static MVal function(Run *r, const Atom *a) {
    Mach *m = &r->o.m;
    const PairVal *p;
    MVal x;
    switch ((FnOp)a->x) {
    case FN_exp: return m_op1(m, KO_exp, run_value(r, a->arg[0]));
    case FN_expm1: return m_op1(m, KO_expm1, run_value(r, a->arg[0]));
    case FN_dexp: x = run_value(r, a->arg[0]); return m_op2(m, KO_dexp, x, run_value(r, a->arg[1]));
    case FN_sin: return m_op1(m, KO_sin, run_value(r, a->arg[0]));
    case FN_cos: return m_op1(m, KO_cos, run_value(r, a->arg[0]));
    case FN_atan2:
        x = run_value(r, a->arg[0]);
        return m_op2(m, KO_atan2, x, run_value(r, a->arg[1]));
    case FN_asin:
        x = run_value(r, a->arg[0]);
        return m_op2(m, KO_asin, x, run_value(r, a->arg[1]));
    case FN_Phi: return m_op1(m, KO_Phi, run_value(r, a->arg[0]));
    case FN_step:
        x = m_positive(m, run_value(r, a->arg[0]));
        return m_select(m, x, num(r, 1), num(r, 0));
    case FN_abs: return m_op1(m, KO_abs, run_value(r, a->arg[0]));
    case FN_max: x = run_value(r, a->arg[0]); return m_op2(m, KO_max, x, run_value(r, a->arg[1]));
    case FN_keep: return run_value(r, a->arg[0]);
    case FN_cond: return cond_value(r, a);
    case FN_bvnd:
        p = run_pair(r, a->arg[2], a->arg[3]);
        x = run_value(r, a->arg[0]);
        return m_op4(m, KO_bvn, x, run_value(r, a->arg[1]), p->d, p->sign);
    case FN_bvn: return bvn_value(r, a);
    case FN_fan:
        p = run_pair(r, a->arg[2], a->arg[3]);
        return fan_value(m, r->p, a->arg[0], a->arg[1], p->c, p->d, p->neg);
    case FN_quad: return quad_value(r, a->arg[0]);
    }
    return num(r, 0);
}

/* ---- powers */

static MVal power(Run *r, uint32_t atom, Rat e);

static MVal atom_value(Run *r, const Atom *a) {
    switch (a->kind) {
    case AK_prime: return num(r, a->x);
    case AK_pi: return num(r, 3.14159265358979323846);
    case AK_i: bug("a formula kept an imaginary part");
    case AK_sym: return symbol(r, fm_symbol(r->p, a));
    case AK_fn: return function(r, a);
    case AK_sum: return run_value(r, a->x);
    }
    return num(r, 0);
}

static MVal whole_power(Run *r, MVal x, int64_t n) {
    MVal v = x;
    bool first = true;
    for (; n; n /= 2) {
        if (n % 2) {
            v = first ? x : m_mul(&r->o.m, v, x);
            first = false;
        }
        if (n > 1) x = m_mul(&r->o.m, x, x);
    }
    return v;
}

/* A determinant of several leaves: may be 0, or below 0 by rounding. */
static bool may_vanish(const Run *r, uint32_t atom) {
    const Atom *a = fm_atom(r->p, atom);
    if (a->kind == AK_sym) return fm_symbol(r->p, a)->kind == SK_det;
    return a->kind == AK_sum && !fm_bounded_below(r->p, a->x);
}

static MVal root(Run *r, uint32_t atom) {
    Mach *m = &r->o.m;
    MVal x = power(r, atom, (Rat){1, 1});
    if (may_vanish(r, atom)) x = m_op2(m, KO_max, x, num(r, 0));
    return m_op1(m, KO_sqrt, x);
}

/* What stands over a vanishing determinant vanishes faster: 0, not 1 / 0.  A variance instead
 * stands under a mean, (m / 0) is infinite; with two leaves it is masked (value.c). */
static MVal reciprocal(Run *r, uint32_t atom, Rat e) {
    Mach *m = &r->o.m;
    const Atom *a = fm_atom(r->p, atom);
    bool variance = a->kind == AK_sym && fm_symbol(r->p, a)->kind == SK_var;
    MVal x = power(r, atom, (Rat){-e.n, e.d});
    if (variance && r->pl->q.nleaf > 2) {
        double tiny = m_tiny(m);
        x = m_op2(m, KO_max, x, num(r, tiny * tiny));
    }
    MVal v = m_div(m, num(r, 1), x);
    return may_vanish(r, atom) ? m_select(m, m_positive(m, x), v, num(r, 0)) : v;
}

static MVal power_new(Run *r, uint32_t atom, Rat e) {
    Mach *m = &r->o.m;
    Rat one = {1, 1};
    if (e.n == 1 && e.d == 1) return atom_value(r, fm_atom(r->p, atom));
    if (e.n < 0) return reciprocal(r, atom, e);
    if (e.d == 1) return whole_power(r, power(r, atom, one), e.n);
    if (e.d != 2)
        return m_op2(m, KO_pow, power(r, atom, one), num(r, (double)e.n / (double)e.d));
    if (e.n == 1) return root(r, atom);
    return m_mul(m, power(r, atom, (Rat){1, 2}), power(r, atom, (Rat){e.n / 2, 1}));
}

static MVal power(Run *r, uint32_t atom, Rat e) {
    for (uint32_t i = 0; i < r->power.len; i++)
        if (r->power.data[i].atom == atom && !rat_cmp(r->power.data[i].e, e))
            return r->power.data[i].v;
    MVal v = power_new(r, atom, e);
    vec_push(r->p->a, &r->power, (Powered){atom, e, v});
    return v;
}

/* ---- sums */

/* A term whose factors are all of one sample (or constant), one after the other. */
static MVal plain_term(Run *r, FmTerm t) {
    double v;
    Fm f = fm_term(r->p, t.c, t.mono);
    if (fm_const(r->p, f, &v)) return num(r, v);
    Mono m = fm_mono(r->p, t.mono);
    MVal x = {0};
    Fm constant = fm_rat(r->p, t.c);
    bool any = false;
    for (uint32_t i = 0; i < m.n; i++) {
        Fm a = fm_atom_pow(r->p, m.p[i].atom, m.p[i].e);
        if (fm_const(r->p, a, &v)) {
            constant = fm_mul(r->p, constant, a);
            continue;
        }
        MVal w = power(r, m.p[i].atom, m.p[i].e);
        x = any ? m_mul(&r->o.m, x, w) : w;
        any = true;
    }
    fm_const(r->p, constant, &v);
    return v == 1 ? x : m_mul(&r->o.m, x, num(r, v));
}

static MVal plain_sum(Run *r, Fm f) {
    Sum s = fm_sum(r->p, f);
    MVal v = num(r, 0);
    for (uint32_t i = 0; i < s.n; i++) {
        MVal t = plain_term(r, s.t[i]);
        v = i ? m_add(&r->o.m, v, t) : t;
    }
    return v;
}

/* The factors of a monomial known at exactly this time (pair: of both samples). */
static uint32_t part(FmPool *p, uint32_t mono, unsigned time) {
    Mono m = fm_mono(p, mono);
    Power *w = ARENA_ARRAY(p->a, Power, m.n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < m.n; i++)
        if (p->atom_time.data[m.p[i].atom] == time) w[n++] = m.p[i];
    Rat one = {1, 1};
    return mono_from(p, w, n, &one);
}

typedef struct Side2 { /* sum of left * right, one left factor */
    uint32_t left;
    Fm right;
} Side2;

/* sum of c L R as values of one sample: L alone, R alone, and a product for each L that meets an R.
 */
static MVal rank_one(Run *r, const FmTerm *t, uint32_t n) {
    FmPool *p = r->p;
    Mach *m = &r->o.m;
    Fm left = 0, right = 0;
    Side2 *mixed = ARENA_ARRAY(p->a, Side2, n + 1);
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t L = part(p, t[i].mono, TIME_left), R = part(p, t[i].mono, TIME_right);
        uint32_t C = part(p, t[i].mono, TIME_const);
        Rat c = t[i].c;
        uint32_t CR = mono_product(p, C, R, &c);
        if (!R) {
            Fm f = fm_mul(p, fm_term(p, c, C), fm_term(p, (Rat){1, 1}, L));
            left = fm_add(p, left, f);
        } else if (!L) {
            right = fm_add(p, right, fm_term(p, c, CR));
        } else {
            uint32_t j = 0;
            while (j < k && mixed[j].left != L) j++;
            if (j == k) mixed[k++] = (Side2){L, 0};
            mixed[j].right = fm_add(p, mixed[j].right, fm_term(p, c, CR));
        }
    }
    MVal v = {0};
    bool any = false;
    if (left) v = run_value(r, left), any = true;
    if (right) {
        MVal x = run_value(r, right);
        v = any ? m_add(m, v, x) : x;
        any = true;
    }
    for (uint32_t j = 0; j < k; j++) {
        MVal x = run_value(r, fm_term(p, (Rat){1, 1}, mixed[j].left)),
             y = run_value(r, mixed[j].right);
        v = any ? m_fma(m, x, y, v) : m_mul(m, x, y);
        any = true;
    }
    return v;
}

/* Terms of a pair-time sum, grouped by their pair-time factor. */
static MVal grouped_sum(Run *r, Fm f) {
    FmPool *p = r->p;
    Sum s = fm_sum(p, f);
    uint32_t *pair = ARENA_ARRAY(p->a, uint32_t, s.n + 1);
    bool *done = ARENA_ARRAY(p->a, bool, s.n + 1);
    FmTerm *t = ARENA_ARRAY(p->a, FmTerm, s.n + 1);
    for (uint32_t i = 0; i < s.n; i++) pair[i] = part(p, s.t[i].mono, TIME_pair);
    MVal v = {0};
    bool any = false;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < s.n; i++) {
            if (done[i] || (pass == 0) != (pair[i] == 0)) continue;
            uint32_t n = 0;
            for (uint32_t j = i; j < s.n; j++)
                if (pair[j] == pair[i]) t[n++] = s.t[j], done[j] = true;
            MVal c = rank_one(r, t, n);
            if (pair[i]) {
                MVal x = plain_term(r, (FmTerm){{1, 1}, pair[i], 0});
                Rat one;
                bool unit = n == 1 && t[0].mono == pair[i];
                one = t[0].c;
                if (unit && one.n == 1 && one.d == 1)
                    c = any ? m_add(&r->o.m, v, x) : x;
                else
                    c = any ? m_fma(&r->o.m, c, x, v) : m_mul(&r->o.m, c, x);
            } else if (any) {
                c = m_add(&r->o.m, v, c);
            }
            v = c;
            any = true;
        }
    return any ? v : num(r, 0);
}

MVal run_value(Run *r, Fm f) {
    while (r->have.len <= f) {
        vec_push(r->p->a, &r->have, false);
        vec_push(r->p->a, &r->value, (MVal){0});
    }
    if (r->have.data[f]) return r->value.data[f];
    double x;
    MVal v;
    if (fm_const(r->p, f, &x))
        v = num(r, x);
    else if (fm_time(r->p, f) == TIME_pair)
        v = grouped_sum(r, f);
    else
        v = plain_sum(r, f);
    r->have.data[f] = true;
    r->value.data[f] = v;
    return v;
}

/* The public emitters and gauss_value. */
#include "diag/diag.h"
#include "gauss/series.h"
#include <math.h>

/* ---- common one-sample factors */

/* Powers of atoms of one sample that divide every term. */
static Fm common_factor(const Plan *pl, Fm f, unsigned time) {
    FmPool *p = pl->p;
    Sum s = fm_sum(p, f);
    Fm r = fm_int(p, 1);
    if (!s.n) return r;
    Mono m0 = fm_mono(p, s.t[0].mono);
    for (uint32_t i = 0; i < m0.n; i++) {
        Rat e = m0.p[i].e;
        bool all = p->atom_time.data[m0.p[i].atom] == time;
        for (uint32_t j = 1; j < s.n && all; j++) {
            Mono m = fm_mono(p, s.t[j].mono);
            uint32_t l = 0;
            while (l < m.n && m.p[l].atom != m0.p[i].atom) l++;
            all = l < m.n;
            if (all && rat_cmp(m.p[l].e, e) < 0) e = m.p[l].e;
        }
        if (all && e.n > 0) r = fm_mul(p, r, fm_atom_pow(p, m0.p[i].atom, e));
    }
    return r;
}

static bool is_one(const FmPool *p, Fm f) {
    Rat r;
    return fm_number(p, f, &r) && r.n == 1 && r.d == 1;
}

/* ---- zero variances */

static MVal at_mean(Run *r, Fx f) {
    const Plan *pl = run_plan(r);
    MVal leaf[MAX_LEAF] = {{0}};
    for (uint32_t i = 0; i < pl->q.nleaf; i++) leaf[i] = run_mean(r, i);
    return run_fx(r, f, leaf);
}

/* E F of one side, F(mean) where its variance is 0. */
static MVal side_mean(Run *r, int side) {
    const Plan *pl = run_plan(r);
    Mach *m = run_mach(r);
    MVal pos = m_positive(m, run_var(r, (uint32_t)side));
    return m_select(m, pos, run_value(r, pl->mean[side]), at_mean(r, pl->atmean[side]));
}

static MVal masked(Run *r, MVal v) {
    const Plan *pl = run_plan(r);
    Mach *m = run_mach(r);
    if (pl->q.nleaf == 1) {
        MVal alt = at_mean(r, pl->atmean[0]);
        if (pl->q.G) alt = m_mul(m, alt, at_mean(r, pl->atmean[1]));
        return m_select(m, m_positive(m, run_var(r, 0)), v, alt);
    }
    MVal least = m_op2(m, KO_min, run_var(r, 0), run_var(r, 1));
    return m_select(m, m_positive(m, least), v, m_mul(m, side_mean(r, 0), side_mean(r, 1)));
}

static MVal indicator(Run *r, uint32_t leaf) {
    Mach *m = run_mach(r);
    return m_select(m, m_positive(m, run_var(r, leaf)), m_num(m, 1), m_num(m, 0));
}

/* The plan's value without the one-sample factors scale[0], scale[1] (has: bit set). */
static MVal plan_value(Run *r, MVal scale[2], unsigned *has) {
    const Plan *pl = run_plan(r);
    FmPool *p = pl->p;
    Mach *m = run_mach(r);
    *has = 0;
    if (pl->q.nleaf == 1 || !pl->q.G || pl->q.same) {
        MVal v = run_value(r, pl->value);
        return pl->mask ? masked(r, v) : v;
    }
    Fm left = common_factor(pl, pl->value, TIME_left),
       right = common_factor(pl, pl->value, TIME_right);
    Fm rest = fm_mul(p, pl->value, fm_inv(p, fm_mul(p, left, right)));
    MVal v = run_value(r, rest);
    if (!is_one(p, left)) scale[0] = run_value(r, left), *has |= 1;
    if (!is_one(p, right)) scale[1] = run_value(r, right), *has |= 2;
    if (!pl->mask) return v;
    if (pl->vanish[0] && pl->vanish[1] && pl->unit && !*has) {
        /* the product that E[F G] is multiplied by where F, G grow: one value for both */
        MVal both = m_mul(m, run_std(r, 0), run_std(r, 1));
        return m_select(m, m_positive(m, both), v, m_num(m, 0));
    }
    if (pl->vanish[0] && pl->vanish[1]) {
        for (int i = 0; i < 2; i++) {
            MVal z = indicator(r, (uint32_t)i);
            scale[i] = *has >> i & 1 ? m_mul(m, scale[i], z) : z;
        }
        *has = 3;
        return v;
    }
    for (int i = 0; i < 2; i++)
        if (*has >> i & 1) v = m_mul(m, v, scale[i]);
    *has = 0;
    return masked(r, v);
}

/* ---- kernels */

static const MVal *lift(Ctx *c, const KVal *v, uint32_t n) {
    MVal *r = ARENA_ARRAY(c->a, MVal, n + 1);
    for (uint32_t i = 0; v && i < n; i++) r[i].k = v[i];
    return r;
}

static Run *kernel_run(KBuild *b, const Expectation *e, const GaussOperands *o) {
    const Plan *pl = e->data;
    uint32_t n = pl->q.nleaf;
    Operands op = {.m = {.c = b->c, .b = b}};
    uint32_t nt = pl->n->ntheta;
    op.var = lift(b->c, o->var, n);
    op.cov = lift(b->c, o->cov, n * n);
    op.mean = lift(b->c, o->mean, n);
    op.theta = lift(b->c, o->theta, nt);
    op.s[0].k = o->s[0];
    op.s[1].k = o->s[1];
    op.c.k = o->c;
    op.d.k = o->d;
    op.sign.k = o->sign;
    return run_new(pl, &op);
}

KVal gauss_emit(KBuild *b, const Expectation *e, const GaussOperands *o) {
    MVal s[2] = {{0}};
    unsigned has;
    KVal v = plan_value(kernel_run(b, e, o), s, &has).k, f = 0;
    if (has == 3) f = kb_op(b, KO_mul, s[0].k, s[1].k, 0);
    else if (has) f = s[has >> 1].k;
    return f ? kb_op(b, KO_mul, f, v, 0) : v;
}

void gauss_emit_both(KBuild *b, const Expectation *e, bool slope, const GaussOperands *o,
                     KVal v[2]) {
    const Plan *pl = e->data;
    Run *r = kernel_run(b, e, o);
    v[0] = run_value(r, pl->value).k;
    if (slope) v[1] = run_value(r, pl->slope).k;
}

KVal gauss_emit_unit(KBuild *b, const Expectation *e, const GaussOperands *o) {
    if (!e->homogeneous) bug("gauss_emit_unit: not a homogeneous plan");
    return plan_unit(kernel_run(b, e, o), false).k;
}

KVal gauss_emit_complement(KBuild *b, const Expectation *e, const GaussOperands *o) {
    if (!e->complement) bug("gauss_emit_complement: not offered by this plan");
    return plan_unit(kernel_run(b, e, o), true).k;
}

KVal gauss_emit_fx(KBuild *b, Fx f, const KVal *leaf, const KVal *theta) {
    Mach m = {.c = b->c, .b = b};
    const FxPool *fx = b->k->fx;
    const MVal *l = lift(b->c, leaf, leaf ? fx_nleaf(fx, f) : 0);
    return m_fx(&m, fx, f, l, lift(b->c, theta, theta ? fx_ntheta(fx, f) : 0)).k;
}

/* ---- numbers */

static const MVal *lift_numbers(Ctx *c, const double *v, uint32_t n) {
    MVal *r = ARENA_ARRAY(c->a, MVal, n + 1);
    for (uint32_t i = 0; v && i < n; i++) r[i].x = v[i];
    return r;
}

static Run *number_run(Ctx *c, const Plan *pl, const GaussNumbers *o) {
    uint32_t n = pl->q.nleaf, nt = pl->n->ntheta;
    Operands op = {.m = {.c = c}};
    op.var = lift_numbers(c, o->var, n);
    op.cov = lift_numbers(c, o->cov, n * n);
    op.mean = lift_numbers(c, o->mean, n);
    op.theta = lift_numbers(c, o->theta, nt);
    if (pl->unit)
        for (int i = 0; i < 2; i++) op.s[i] = m_op1(&op.m, KO_sqrt, op.var[i]);
    op.c.x = o->c;
    op.d.x = o->d;
    op.sign.x = o->sign;
    return run_new(pl, &op);
}

double gauss_value(Ctx *c, const GaussQuery *q, const Expectation *e, const GaussNumbers *n) {
    (void)q;
    if (e->beyond && !series_serves(e->data, n->var)) e = e->beyond;
    const Plan *pl = e->data;
    MVal s[2] = {{0}};
    unsigned has;
    if (e->method == GM_series) {
        double sd = sqrt(n->var[0] * n->var[1]), k = pl->unit || pl->q.zero[1] ? 0 : n->cov[1];
        double rho = pl->unit ? n->c : sd > 0 ? k / sd : 0;
        return series_value(pl, rho, n->var, n->mean);
    }
    double v = plan_value(number_run(c, pl, n), s, &has).x;
    for (int i = 0; i < 2; i++)
        if (has >> i & 1) v *= s[i].x;
    return v;
}

double gauss_value_unit(Ctx *c, const Expectation *e, const GaussNumbers *n, bool complement) {
    return plan_unit(number_run(c, e->data, n), complement).x;
}

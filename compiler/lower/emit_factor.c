/* Values of the factors of a term. */
#include "lower/emit.h"
#include "lower/normal.h"

/* In const, sample and series code the only per-sample array is that of the sample itself. */
static Side side_here(const Emit *e, Side s) {
    if (e->b.stage == KS_pair) return s;
    return s == SIDE_none ? SIDE_none : SIDE_x;
}

KVal emit_ref(Emit *e, LRef r) {
    const LArray *q = &e->l->array.data[r.array];
    Side side = q->stage == LS_sample || q->stage == LS_series ? side_here(e, r.side) : SIDE_none;
    if (e->b.stage != KS_pair && (q->stage == LS_sample || q->stage == LS_series)) side = SIDE_x;
    return kb_load(&e->b, e->array[r.array], side, r.idx, q->naxis);
}

/* ---- expectations */

static KVal minus_means(Emit *e, KVal second, KVal m, KVal n) {
    if (!m || !n) return second;
    return kb_op(&e->b, KO_sub, second, kb_op(&e->b, KO_mul, m, n, 0), 0);
}

static KVal optional(Emit *e, LRef r) { return r.array ? emit_ref(e, r) : 0; }

/* 1 - |c| of a correlation that carries the rounding of some operations: less than that is 0.
 * So vectors that are equal have angle 0 as they must, not sqrt(2 ulp); for others nothing is lost
 * that c has not lost. */
static KVal rounded_defect(Emit *e, KVal c) {
    KBuild *b = &e->b;
    double ulps = e->k->dtype == TP_F32 ? 0x1p-20 : 0x1p-49;
    KVal d = kb_op(b, KO_sub, kb_num(b, 1 - ulps), kb_op(b, KO_abs, c, 0, 0), 0);
    return kb_op(b, KO_max, d, kb_num(b, 0), 0);
}

/* c, d = 1 - |c| and the sign from whichever of c, 1 - c, 1 + c is stored. */
static void unit_operands(Emit *e, const LExp *x, GaussOperands *o) {
    KBuild *b = &e->b;
    KVal one = kb_num(b, 1), def = optional(e, x->defect), co = optional(e, x->codefect);
    o->s[0] = emit_ref(e, x->norm[0]);
    o->s[1] = emit_ref(e, x->norm[1]);
    KVal same = emit_same_unit(e, x);
    if (x->unit.array) {
        o->c = emit_ref(e, x->unit);
        if (same) o->c = kb_op(b, KO_select, same, one, o->c);
        o->d = rounded_defect(e, o->c);
        KVal neg = kb_op(b, KO_lt, o->c, kb_num(b, 0), 0);
        o->sign = kb_op(b, KO_select, neg, kb_num(b, -1), one);
        return;
    }
    if (same) def = kb_op(b, KO_select, same, kb_num(b, 0), def);
    o->c = kb_op(b, KO_sub, one, def, 0);
    if (!co) co = kb_op(b, KO_sub, kb_num(b, 2), def, 0);
    o->d = kb_op(b, KO_min, def, co, 0);
    KVal neg = kb_op(b, KO_lt, co, def, 0);
    o->sign = kb_op(b, KO_select, neg, kb_num(b, -1), one);
}

/* 1 / s, 0 for a sample of variance 0: a value of one sample, which no pair computes. */
static KVal inverse(KBuild *b, KVal q, KVal s) {
    KVal zero = kb_num(b, 0), some = kb_op(b, KO_lt, zero, q, 0);
    return kb_op(b, KO_select, some, kb_op(b, KO_div, kb_num(b, 1), s, 0), zero);
}

/* The same from plain moments, where nothing is stored normalised. */
static void plain_operands(Emit *e, GaussOperands *o) {
    KBuild *b = &e->b;
    KVal zero = kb_num(b, 0), one = kb_num(b, 1), q = o->var[0], p = o->var[1], k = o->cov[1];
    o->s[0] = kb_op(b, KO_sqrt, q, 0, 0);
    o->s[1] = kb_op(b, KO_sqrt, p, 0, 0);
    KVal inv = kb_op(b, KO_mul, inverse(b, q, o->s[0]), inverse(b, p, o->s[1]), 0);
    KVal c = kb_op(b, KO_mul, k, inv, 0);
    /* one leaf on both sides, as on the diagonal of an array over positions: exactly 1 */
    KVal same = kb_op(b, KO_and, kb_op(b, KO_eq, k, q, 0), kb_op(b, KO_eq, k, p, 0), 0);
    same = kb_op(b, KO_and, same, kb_op(b, KO_lt, zero, q, 0), 0);
    c = kb_op(b, KO_select, same, one, c);
    o->c = kb_op(b, KO_min, kb_op(b, KO_max, c, kb_num(b, -1), 0), one, 0);
    o->d = rounded_defect(e, o->c);
    o->sign = kb_op(b, KO_select, kb_op(b, KO_lt, o->c, zero, 0), kb_num(b, -1), one);
}

/* May a variance come out below 0: a difference of vectors that are equal, rounded? */
static bool may_cancel(const Emit *e, const LExp *x, LTerms var) {
    if (x->norm[0].array && e->b.stage == KS_pair) return false; /* the norms are read */
    for (uint32_t i = 0; i < var.n; i++)
        for (uint32_t k = 0; k < var.term[i].nfactor; k++) {
            const LFactor *f = &var.term[i].factor[k];
            if (f->kind == LF_ref && !e->l->array.data[f->ref.array].nonneg) return true;
        }
    return false;
}

void emit_gather(Emit *e, const LExp *x, GaussOperands *o) {
    uint32_t n = x->nleaf;
    KVal *var = ARENA_ARRAY(e->c->a, KVal, n), *mean = ARENA_ARRAY(e->c->a, KVal, n);
    KVal *cov = ARENA_ARRAY(e->c->a, KVal, n * n), *th = ARENA_ARRAY(e->c->a, KVal, x->ntheta);
    for (uint32_t p = 0; p < n; p++) mean[p] = x->mean[p].n ? emit_value(e, x->mean[p]) : 0;
    for (uint32_t p = 0; p < n; p++) {
        KVal self = emit_value(e, x->cov[p * n + p]);
        var[p] = minus_means(e, self, mean[p], mean[p]);
        if (mean[p] || may_cancel(e, x, x->cov[p * n + p]))
            var[p] = kb_op(&e->b, KO_max, var[p], kb_num(&e->b, 0), 0);
        for (uint32_t q = p + 1; q < n; q++) {
            if (x->indep[p * n + q] || !x->cov[p * n + q].n) continue;
            if (x->norm[0].array && p == 0 && q == x->nl) continue; /* c, d, sign instead */
            KVal v = emit_value(e, x->cov[p * n + q]), same = emit_same_cross(e, x, p, q);
            if (same) v = kb_op(&e->b, KO_select, same, self, v);
            cov[p * n + q] = minus_means(e, v, mean[p], mean[q]);
        }
    }
    for (uint32_t k = 0; k < x->ntheta; k++) th[k] = emit_factor(e, &x->theta[k]);
    *o = (GaussOperands){.var = var, .cov = cov, .mean = mean, .theta = th};
    if (x->norm[0].array) unit_operands(e, x, o);
    else if (normal_cross(x).array && cov[1]) plain_operands(e, o);
}

/* ---- dispatch */

static KVal emit_lscalar(Emit *e, const LScalar *s) {
    KVal *arg = ARENA_ARRAY(e->c->a, KVal, s->narg);
    for (uint32_t i = 0; i < s->narg; i++) arg[i] = emit_factor(e, &s->arg[i]);
    return emit_scalar(e, s->f, arg);
}

static KVal emit_expectation(Emit *e, const LExp *x) {
    GaussOperands o;
    emit_gather(e, x, &o);
    if (x->want == EXP_unit) return gauss_emit_unit(&e->b, x->plan, &o);
    if (x->want == EXP_complement) return gauss_emit_complement(&e->b, x->plan, &o);
    return gauss_emit(&e->b, x->plan, &o);
}

KVal emit_factor(Emit *e, const LFactor *f) {
    switch (f->kind) {
    case LF_ref: return emit_ref(e, f->ref);
    case LF_gram: return emit_gram(e, &f->gram);
    case LF_coef: return emit_scalar(e, f->coef, NULL);
    case LF_exp: return emit_expectation(e, f->exp);
    case LF_series: return emit_series(e, f->series);
    case LF_scalar: return emit_lscalar(e, f->scalar);
    case LF_softmax:
    case LF_hermite: break; /* a statement of its own */
    }
    return 0;
}

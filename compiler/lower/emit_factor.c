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

/* ---- Gram */

static KVal basis_pair(Emit *e, const Def *p, const Def *q) { /* [k = l] / d */
    Aff d = aff_sub(e->x, p->basis, q->basis);
    if (!aff_is_const(d) || d.c) return kb_num(&e->b, 0);
    return emit_scalar(e, fx_op(e->fx, FX_div, fx_num(e->fx, 1), fx_dim(e->fx, p->input), 0), NULL);
}

static TpInputKind gram_kind(const LGram *g) {
    if (g->kind == LK_E) return TP_IN_DEFECT;
    if (g->kind == LK_O) return TP_IN_CODEFECT;
    return g->form == FORM_unit ? TP_IN_UNIT : TP_IN_GRAM;
}

static KVal emit_gram(Emit *e, const LGram *g) {
    const Def *p = &e->l->p->def.data[g->def[0]], *q = &e->l->p->def.data[g->def[1]];
    bool pb = p->op == PO_basis, qb = q->op == PO_basis;
    if (pb && qb) return basis_pair(e, p, q);
    if (pb || qb) { /* xi_k / d of one sample */
        Side side = g->self ? g->side : pb ? SIDE_y : SIDE_x;
        const Def *in = pb ? q : p, *b = pb ? p : q;
        uint32_t arr = emit_input(e, TP_IN_COLUMN, KS_sample, in->input, in->input, b->basis);
        return kb_load(&e->b, arr, side_here(e, side), NULL, 0);
    }
    KStage stage = g->self ? KS_sample : KS_pair;
    uint32_t arr = emit_input(e, gram_kind(g), stage, p->input, q->input, aff_const(0));
    return kb_load(&e->b, arr, g->self ? side_here(e, g->side) : SIDE_none, NULL, 0);
}

/* ---- expectations */

static KVal minus_means(Emit *e, KVal second, KVal m, KVal n) {
    if (!m || !n) return second;
    return kb_op(&e->b, KO_sub, second, kb_op(&e->b, KO_mul, m, n, 0), 0);
}

static KVal optional(Emit *e, LRef r) { return r.array ? emit_ref(e, r) : 0; }

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
        o->d = kb_op(b, KO_sub, one, kb_op(b, KO_abs, o->c, 0, 0), 0);
        o->d = kb_op(b, KO_max, o->d, kb_num(b, 0), 0);
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

/* The same from plain moments, where nothing is stored normalised. */
static void plain_operands(Emit *e, GaussOperands *o) {
    KBuild *b = &e->b;
    KVal zero = kb_num(b, 0), one = kb_num(b, 1), q = o->var[0], p = o->var[1], k = o->cov[1];
    o->s[0] = kb_op(b, KO_sqrt, q, 0, 0);
    o->s[1] = kb_op(b, KO_sqrt, p, 0, 0);
    KVal ss = kb_op(b, KO_mul, o->s[0], o->s[1], 0), some = kb_op(b, KO_lt, zero, ss, 0);
    KVal c = kb_op(b, KO_select, some, kb_op(b, KO_div, k, ss, 0), zero);
    o->c = kb_op(b, KO_min, kb_op(b, KO_max, c, kb_num(b, -1), 0), one, 0);
    o->d = kb_op(b, KO_sub, one, kb_op(b, KO_abs, o->c, 0, 0), 0);
    o->sign = kb_op(b, KO_select, kb_op(b, KO_lt, o->c, zero, 0), kb_num(b, -1), one);
}

void emit_gather(Emit *e, const LExp *x, GaussOperands *o) {
    uint32_t n = x->nleaf;
    KVal *var = ARENA_ARRAY(e->c->a, KVal, n), *mean = ARENA_ARRAY(e->c->a, KVal, n);
    KVal *cov = ARENA_ARRAY(e->c->a, KVal, n * n), *th = ARENA_ARRAY(e->c->a, KVal, x->ntheta);
    for (uint32_t p = 0; p < n; p++) mean[p] = x->mean[p].n ? emit_value(e, x->mean[p]) : 0;
    for (uint32_t p = 0; p < n; p++) {
        KVal self = emit_value(e, x->cov[p * n + p]);
        var[p] = minus_means(e, self, mean[p], mean[p]);
        if (mean[p]) var[p] = kb_op(&e->b, KO_max, var[p], kb_num(&e->b, 0), 0);
        for (uint32_t q = p + 1; q < n; q++) {
            if (x->indep[p * n + q] || !x->cov[p * n + q].n) continue;
            if (x->norm[0].array && p == 0 && q == x->nl) continue; /* c, d, sign instead */
            KVal v = emit_value(e, x->cov[p * n + q]), same = emit_same_cross(e, x, p, q);
            if (same) v = kb_op(&e->b, KO_select, same, self, v);
            cov[p * n + q] = minus_means(e, v, mean[p], mean[q]);
        }
    }
    for (uint32_t k = 0; k < x->ntheta; k++) th[k] = emit_scalar(e, x->theta[k], NULL);
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

KVal emit_expectation(Emit *e, const LExp *x) {
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
    case LF_hermite: break; /* a statement of its own */
    }
    return 0;
}

#include "lower/same.h"
#include "limit/parts.h"

bool lref_same(const Limit *l, LRef a, LRef b) {
    if (a.array != b.array || a.side != b.side) return false;
    for (uint32_t i = 0; a.array && i < l->array.data[a.array].naxis; i++)
        if (!aff_eq(a.idx[i], b.idx[i])) return false;
    return true;
}

static bool exp_same(const Limit *l, const LExp *a, const LExp *b) {
    if (a == b) return true;
    if (a->F != b->F || a->G != b->G || a->nl != b->nl || a->nleaf != b->nleaf ||
        a->ntheta != b->ntheta || a->want != b->want)
        return false;
    for (uint32_t p = 0; p < a->nleaf; p++) {
        if (!lterms_same(l, a->mean[p], b->mean[p])) return false;
        for (uint32_t q = p; q < a->nleaf; q++)
            if (!lterms_same(l, a->cov[p * a->nleaf + q], b->cov[p * a->nleaf + q])) return false;
    }
    for (uint32_t k = 0; k < a->ntheta; k++)
        if (!lfactor_same(l, &a->theta[k], &b->theta[k])) return false;
    return true;
}

static bool gram_same(const Limit *l, const LGram *a, const LGram *b) {
    for (int s = 0; s < 2; s++)
        for (uint32_t i = 0; i < l->p->def.data[a->def[s]].ndim; i++)
            if (a->def[s] != b->def[s] || !aff_eq(a->idx[s][i], b->idx[s][i])) return false;
    return a->def[0] == b->def[0] && a->def[1] == b->def[1] && a->self == b->self &&
           (!a->self || a->side == b->side) && a->form == b->form && a->kind == b->kind;
}

bool lfactor_same(const Limit *l, const LFactor *a, const LFactor *b) {
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case LF_ref: return lref_same(l, a->ref, b->ref);
    case LF_gram: return gram_same(l, &a->gram, &b->gram);
    case LF_coef: return a->coef == b->coef;
    case LF_exp:
    case LF_hermite: return exp_same(l, a->exp, b->exp);
    case LF_series: return a->series == b->series;
    case LF_scalar:
        if (a->scalar->f != b->scalar->f || a->scalar->narg != b->scalar->narg) return false;
        for (uint32_t i = 0; i < a->scalar->narg; i++)
            if (!lfactor_same(l, &a->scalar->arg[i], &b->scalar->arg[i])) return false;
        return true;
    case LF_softmax:
        return a->softmax->over == b->softmax->over &&
               lterms_same(l, a->softmax->logit, b->softmax->logit);
    }
    return false;
}

static bool term_same(const Limit *l, const LTerm *a, const LTerm *b) {
    if (a->nred != b->nred || a->ncons != b->ncons || a->nfactor != b->nfactor) return false;
    for (uint32_t i = 0; i < a->nred; i++)
        if (a->red[i].var != b->red[i].var || !aff_eq(a->red[i].lo, b->red[i].lo) ||
            !aff_eq(a->red[i].hi, b->red[i].hi))
            return false;
    for (uint32_t i = 0; i < a->ncons; i++)
        if (!cons_same(a->cons[i], b->cons[i])) return false;
    for (uint32_t i = 0; i < a->nfactor; i++)
        if (!lfactor_same(l, &a->factor[i], &b->factor[i])) return false;
    return true;
}

bool lterms_same(const Limit *l, LTerms a, LTerms b) {
    if (a.n != b.n) return false;
    for (uint32_t i = 0; i < a.n; i++)
        if (!term_same(l, &a.term[i], &b.term[i])) return false;
    return true;
}

/* ---- the left sample's version */

static void left_side(Side *s) {
    if (*s == SIDE_y) *s = SIDE_x;
}

static LRef ref_left(void *ctx, LRef r) {
    (void)ctx;
    left_side(&r.side);
    return r;
}

static LFactor factor_left(void *ctx, LFactor f);

static LTerms terms_left(void *ctx, LTerms t) { return lterms_map(ctx, t, factor_left, ctx); }

static const LExp *exp_left(const LParts *m, const LExp *e) {
    LExp *o = lexp_parts(m, e);
    left_side(&o->lside);
    left_side(&o->rside);
    return o;
}

static LFactor factor_left(void *ctx, LFactor f) {
    LParts m = {ctx, ctx, terms_left, factor_left, ref_left};
    left_side(&f.side);
    if (f.kind == LF_gram) left_side(&f.gram.side);
    if (f.kind != LF_exp && f.kind != LF_hermite) return lfactor_parts(&m, f);
    f.exp = exp_left(&m, f.exp);
    return f;
}

LFactor lfactor_left(Arena *a, LFactor f) { return factor_left(a, f); }

LTerms lterms_left(Arena *a, LTerms t) { return terms_left(a, t); }

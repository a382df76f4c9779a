/* T = C + the rest: where a T equation contains every term of the C equation of the same pair
 * (lr and s2 are the same expression everywhere), those terms become one read of C.  The hot
 * loop then adds one stored number instead of doing the sum again. */
#include "limit/derive.h"

static bool ref_same(const Limit *l, const LRef *a, const LRef *b) {
    if (a->array != b->array || a->side != b->side) return false;
    for (uint32_t i = 0; i < l->array.data[a->array].naxis; i++)
        if (!aff_eq(a->idx[i], b->idx[i])) return false;
    return true;
}

static bool gram_same(const Limit *l, const LGram *a, const LGram *b) {
    if (a->self != b->self || a->side != b->side) return false;
    for (int s = 0; s < 2; s++) {
        if (a->def[s] != b->def[s]) return false;
        for (uint32_t i = 0; i < l->p->def.data[a->def[s]].ndim; i++)
            if (!aff_eq(a->idx[s][i], b->idx[s][i])) return false;
    }
    return true;
}

static bool resolved_same(const Limit *l, const LFactor *a, const LFactor *b) {
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case LF_ref: return ref_same(l, &a->ref, &b->ref);
    case LF_gram: return gram_same(l, &a->gram, &b->gram);
    case LF_coef: return a->coef == b->coef;
    case LF_scalar:
        if (a->scalar->f != b->scalar->f || a->scalar->narg != b->scalar->narg) return false;
        for (uint32_t i = 0; i < a->scalar->narg; i++)
            if (!resolved_same(l, &a->scalar->arg[i], &b->scalar->arg[i])) return false;
        return true;
    case LF_exp:
    case LF_series:
    case LF_hermite:
    case LF_softmax: break; /* a T equation reads derivatives, never the same expectation */
    }
    return false;
}

static bool dim_same(const Dim *a, const Dim *b) {
    return a->var == b->var && aff_eq(a->lo, b->lo) && aff_eq(a->hi, b->hi);
}

static bool term_same(const Limit *l, const LTerm *a, const LTerm *b) {
    if (a->nred != b->nred || a->ncons != b->ncons || a->nfactor != b->nfactor) return false;
    for (uint32_t i = 0; i < a->nred; i++)
        if (!dim_same(&a->red[i], &b->red[i])) return false;
    for (uint32_t i = 0; i < a->ncons; i++)
        if (!cons_same(a->cons[i], b->cons[i])) return false;
    for (uint32_t i = 0; i < a->nfactor; i++)
        if (!resolved_same(l, &a->factor[i], &b->factor[i])) return false;
    return true;
}

/* The C array of the same pair over the same axes. */
static LArrayId partner(const Limit *l, const LArray *t) {
    for (LArrayId i = 1; i < l->array.len; i++) {
        const LArray *c = &l->array.data[i];
        if (c->kind != LK_C || c->stage != LS_pair || c->A != t->A || c->B != t->B) continue;
        if (c->naxis != t->naxis) return 0;
        for (uint32_t k = 0; k < c->naxis; k++)
            if (!dim_same(&c->axis[k], &t->axis[k])) return 0;
        return i;
    }
    return 0;
}

/* Marks the terms of t that the terms of c are; false if one is missing. */
static bool contains(const Limit *l, LTerms t, LTerms c, bool *used) {
    for (uint32_t i = 0; i < c.n; i++) {
        uint32_t k = 0;
        while (k < t.n && (used[k] || !term_same(l, &t.term[k], &c.term[i]))) k++;
        if (k == t.n) return false;
        used[k] = true;
    }
    return c.n > 0;
}

void limit_reuse(Limit *l, Arena *a) {
    for (LArrayId i = 1; i < l->array.len; i++) {
        LArray *t = &l->array.data[i];
        LArrayId c = t->kind == LK_T ? partner(l, t) : 0;
        bool *used = ARENA_ARRAY(a, bool, t->eq.n);
        if (!c || !contains(l, t->eq, l->array.data[c].eq, used)) continue;
        Aff *idx = ARENA_ARRAY(a, Aff, t->naxis);
        for (uint32_t k = 0; k < t->naxis; k++) idx[k] = aff_name(l->aff, t->axis[k].var);
        LFactor *f = ARENA_NEW(a, LFactor);
        *f = factor_ref(c, SIDE_none, idx);
        LTerm *out = ARENA_ARRAY(a, LTerm, t->eq.n + 1);
        uint32_t n = 0;
        out[n++] = (LTerm){.factor = f, .nfactor = 1};
        for (uint32_t k = 0; k < t->eq.n; k++)
            if (!used[k]) out[n++] = t->eq.term[k];
        t->eq = (LTerms){out, n};
    }
}

/* Names replaced everywhere in working terms. */
#include "limit/derive.h"

typedef struct Subst {
    Derive *L;
    const AffSubst *m;
    uint32_t n;
} Subst;

static LTerm subst_term(const Subst *s, LTerm t);
static LFactor subst_factor(const Subst *s, LFactor f);

static const Aff *subst_idx(const Subst *s, const Aff *idx, uint32_t n) {
    Aff *out = ARENA_ARRAY(s->L->a, Aff, n);
    for (uint32_t i = 0; i < n; i++) out[i] = aff_subst(s->L->x, idx[i], s->m, s->n);
    return out;
}

static LTerms subst_terms(const Subst *s, LTerms t) {
    LTerm *out = ARENA_ARRAY(s->L->a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) out[i] = subst_term(s, t.term[i]);
    return (LTerms){out, t.n};
}

static const LExp *subst_exp(const Subst *s, const LExp *e) {
    Arena *a = s->L->a;
    LExp *o = arena_copy(a, e, sizeof *e);
    LTerms *cov = ARENA_ARRAY(a, LTerms, e->nleaf * e->nleaf);
    LTerms *mean = ARENA_ARRAY(a, LTerms, e->nleaf);
    LFactor *theta = ARENA_ARRAY(a, LFactor, e->ntheta);
    for (uint32_t p = 0; p < e->nleaf; p++) {
        mean[p] = subst_terms(s, e->mean[p]);
        for (uint32_t q = p; q < e->nleaf; q++)
            cov[p * e->nleaf + q] = subst_terms(s, e->cov[p * e->nleaf + q]);
    }
    for (uint32_t k = 0; k < e->ntheta; k++) theta[k] = subst_factor(s, e->theta[k]);
    o->cov = cov;
    o->mean = mean;
    o->theta = theta;
    return o;
}

static LFactor subst_factor(const Subst *s, LFactor f) {
    switch (f.kind) {
    case LF_ref:
        f.ref.idx = subst_idx(s, f.ref.idx, warray_nidx(s->L, &s->L->arr.data[f.ref.array]));
        return f;
    case LF_gram:
        for (int i = 0; i < 2; i++)
            f.gram.idx[i] = subst_idx(s, f.gram.idx[i], def_of(s->L, f.gram.def[i])->ndim);
        return f;
    case LF_coef: f.coef = fx_subst(s->L->fx, f.coef, s->m, s->n); return f;
    case LF_exp: f.exp = subst_exp(s, f.exp); return f;
    case LF_softmax: {
        LSoftmax *o = arena_copy(s->L->a, f.softmax, sizeof *o);
        o->logit = subst_terms(s, o->logit);
        f.softmax = o;
        return f;
    }
    case LF_series:
    case LF_hermite:
    case LF_scalar: break; /* made by later stages */
    }
    return f;
}

static LTerm subst_term(const Subst *s, LTerm t) {
    Arena *a = s->L->a;
    Dim *red = ARENA_ARRAY(a, Dim, t.nred);
    Cons *cons = ARENA_ARRAY(a, Cons, t.ncons);
    LFactor *f = ARENA_ARRAY(a, LFactor, t.nfactor);
    for (uint32_t i = 0; i < t.nred; i++)
        red[i] = (Dim){t.red[i].var, aff_subst(s->L->x, t.red[i].lo, s->m, s->n),
                       aff_subst(s->L->x, t.red[i].hi, s->m, s->n)};
    for (uint32_t i = 0; i < t.ncons; i++) cons[i] = cons_subst(s->L->x, t.cons[i], s->m, s->n);
    for (uint32_t i = 0; i < t.nfactor; i++) f[i] = subst_factor(s, t.factor[i]);
    return (LTerm){red, t.nred, cons, t.ncons, f, t.nfactor};
}

LTerm term_subst(Derive *L, LTerm t, const AffSubst *m, uint32_t n) {
    Subst s = {L, m, n};
    return subst_term(&s, t);
}

LTerms terms_subst(Derive *L, LTerms t, const AffSubst *m, uint32_t n) {
    Subst s = {L, m, n};
    return subst_terms(&s, t);
}

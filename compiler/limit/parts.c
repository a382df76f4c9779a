#include "limit/parts.h"

static LTerms terms_part(const LParts *m, LTerms t) { return m->terms ? m->terms(m->ctx, t) : t; }

static LRef ref_part(const LParts *m, LRef r) {
    return m->ref && r.array ? m->ref(m->ctx, r) : r;
}

static const LFactor *factors_part(const LParts *m, const LFactor *f, uint32_t n) {
    if (!m->factor) return f;
    LFactor *o = ARENA_ARRAY(m->a, LFactor, n);
    for (uint32_t k = 0; k < n; k++) o[k] = m->factor(m->ctx, f[k]);
    return o;
}

LExp *lexp_parts(const LParts *m, const LExp *e) {
    LExp *o = arena_copy(m->a, e, sizeof *e);
    uint32_t n = e->nleaf;
    LTerms *cov = ARENA_ARRAY(m->a, LTerms, n * n), *mean = ARENA_ARRAY(m->a, LTerms, n);
    for (uint32_t p = 0; p < n; p++) {
        mean[p] = terms_part(m, e->mean[p]);
        for (uint32_t q = p; q < n; q++) cov[p * n + q] = terms_part(m, e->cov[p * n + q]);
    }
    o->cov = cov;
    o->mean = mean;
    o->theta = factors_part(m, e->theta, e->ntheta);
    o->unit = ref_part(m, e->unit);
    o->defect = ref_part(m, e->defect);
    o->codefect = ref_part(m, e->codefect);
    for (int k = 0; k < 2; k++) o->norm[k] = ref_part(m, e->norm[k]);
    return o;
}

static const LSeries *series_parts(const LParts *m, const LSeries *s) {
    LSeries *o = arena_copy(m->a, s, sizeof *s);
    o->left = ref_part(m, s->left);
    o->right = ref_part(m, s->right);
    o->exp = lexp_parts(m, s->exp);
    return o;
}

LFactor lfactor_parts(const LParts *m, LFactor f) {
    switch (f.kind) {
    case LF_ref: f.ref = ref_part(m, f.ref); break;
    case LF_gram:
    case LF_coef: break;
    case LF_exp:
    case LF_hermite: f.exp = lexp_parts(m, f.exp); break;
    case LF_series: f.series = series_parts(m, f.series); break;
    case LF_scalar: {
        LScalar *o = arena_copy(m->a, f.scalar, sizeof *o);
        o->arg = factors_part(m, o->arg, o->narg);
        f.scalar = o;
        break;
    }
    case LF_softmax: {
        LSoftmax *o = arena_copy(m->a, f.softmax, sizeof *o);
        o->logit = terms_part(m, o->logit);
        f.softmax = o;
        break;
    }
    }
    return f;
}

LTerms lterms_map(Arena *a, LTerms t, LFactorMap *f, void *ctx) {
    LTerm *out = ARENA_ARRAY(a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) {
        out[i] = t.term[i];
        LFactor *fs = ARENA_ARRAY(a, LFactor, t.term[i].nfactor);
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) fs[k] = f(ctx, t.term[i].factor[k]);
        out[i].factor = fs;
    }
    return (LTerms){out, t.n};
}

/* ---- references */

typedef struct RefMap {
    LParts parts;
    LRefMap *f;
    void *ctx;
} RefMap;

static LRef refs_ref(void *ctx, LRef r) {
    const RefMap *m = ctx;
    return m->f(m->ctx, r);
}

static LFactor refs_factor(void *ctx, LFactor f) {
    const RefMap *m = ctx;
    return lfactor_parts(&m->parts, f);
}

static LTerms refs_terms(void *ctx, LTerms t) {
    const RefMap *m = ctx;
    return lterms_map(m->parts.a, t, refs_factor, ctx);
}

LTerms lterms_refs(Arena *a, LTerms t, LRefMap *f, void *ctx) {
    RefMap m = {{a, &m, refs_terms, refs_factor, refs_ref}, f, ctx};
    return refs_terms(&m, t);
}

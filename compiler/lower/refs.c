/* References replaced everywhere in terms, nested ones included. */
#include "lower/walk.h"

typedef struct RefMap {
    Arena *a;
    LRefMap *f;
    void *ctx;
} RefMap;

static LTerms map_terms(const RefMap *m, LTerms t);

static LFactor map_factor(const RefMap *m, LFactor f);

static LRef map_ref(const RefMap *m, LRef r) { return r.array ? m->f(m->ctx, r) : r; }

static const LExp *map_exp(const RefMap *m, const LExp *e) {
    LExp *o = arena_copy(m->a, e, sizeof *e);
    uint32_t n = e->nleaf;
    LTerms *cov = ARENA_ARRAY(m->a, LTerms, n * n), *mean = ARENA_ARRAY(m->a, LTerms, n);
    for (uint32_t p = 0; p < n; p++) {
        mean[p] = map_terms(m, e->mean[p]);
        for (uint32_t q = p; q < n; q++) cov[p * n + q] = map_terms(m, e->cov[p * n + q]);
    }
    LFactor *theta = ARENA_ARRAY(m->a, LFactor, e->ntheta);
    for (uint32_t k = 0; k < e->ntheta; k++) theta[k] = map_factor(m, e->theta[k]);
    o->theta = theta;
    o->cov = cov;
    o->mean = mean;
    o->unit = map_ref(m, e->unit);
    o->defect = map_ref(m, e->defect);
    o->codefect = map_ref(m, e->codefect);
    for (int k = 0; k < 2; k++) o->norm[k] = map_ref(m, e->norm[k]);
    return o;
}

static LFactor map_factor(const RefMap *m, LFactor f) {
    switch (f.kind) {
    case LF_ref: f.ref = map_ref(m, f.ref); break;
    case LF_gram:
    case LF_coef: break;
    case LF_exp:
    case LF_hermite: f.exp = map_exp(m, f.exp); break;
    case LF_series: {
        LSeries *o = arena_copy(m->a, f.series, sizeof *o);
        o->left = map_ref(m, o->left);
        o->right = map_ref(m, o->right);
        o->exp = map_exp(m, o->exp);
        f.series = o;
        break;
    }
    case LF_scalar: {
        LScalar *o = arena_copy(m->a, f.scalar, sizeof *o);
        LFactor *arg = ARENA_ARRAY(m->a, LFactor, o->narg);
        for (uint32_t k = 0; k < o->narg; k++) arg[k] = map_factor(m, f.scalar->arg[k]);
        o->arg = arg;
        f.scalar = o;
        break;
    }
    case LF_softmax: {
        LSoftmax *o = arena_copy(m->a, f.softmax, sizeof *o);
        o->logit = map_terms(m, o->logit);
        f.softmax = o;
        break;
    }
    }
    return f;
}

static LTerms map_terms(const RefMap *m, LTerms t) {
    LTerm *out = ARENA_ARRAY(m->a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) {
        LFactor *f = ARENA_ARRAY(m->a, LFactor, t.term[i].nfactor);
        for (uint32_t k = 0; k < t.term[i].nfactor; k++)
            f[k] = map_factor(m, t.term[i].factor[k]);
        out[i] = t.term[i];
        out[i].factor = f;
    }
    return (LTerms){out, t.n};
}

LTerms lterms_refs(Arena *a, LTerms t, LRefMap *f, void *ctx) {
    RefMap m = {a, f, ctx};
    return map_terms(&m, t);
}

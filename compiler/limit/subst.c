/* Names replaced everywhere in terms, of the working form and of the limit. */
#include "limit/derive.h"
#include "limit/parts.h"

typedef struct Subst {
    Arena *a;
    AffCtx *x;
    FxPool *fx;
    const Program *p;
    const Derive *L; /* whose arrays are read: these, .. */
    const Limit *l;  /* .. or these */
    const AffSubst *m;
    uint32_t n;
} Subst;

static const Aff *subst_idx(const Subst *s, const Aff *idx, uint32_t n) {
    Aff *out = ARENA_ARRAY(s->a, Aff, n);
    for (uint32_t i = 0; i < n; i++) out[i] = aff_subst(s->x, idx[i], s->m, s->n);
    return out;
}

static uint32_t ref_nidx(const Subst *s, LArrayId id) {
    if (s->L) return warray_nidx(s->L, &s->L->arr.data[id]);
    const LArray *r = &s->l->array.data[id];
    return r->naxis - (r->kind == LK_H); /* series leave the last index out */
}

static LRef subst_ref(void *ctx, LRef r) {
    const Subst *s = ctx;
    r.idx = subst_idx(s, r.idx, ref_nidx(s, r.array));
    return r;
}

static LTerms subst_terms(void *ctx, LTerms t);

static LFactor subst_factor(void *ctx, LFactor f) {
    const Subst *s = ctx;
    LParts parts = {s->a, ctx, subst_terms, subst_factor, subst_ref};
    f = lfactor_parts(&parts, f);
    if (f.kind == LF_coef) f.coef = fx_subst(s->fx, f.coef, s->m, s->n);
    for (int k = 0; f.kind == LF_gram && k < 2; k++) /* basis numbers are sizes or constants */
        f.gram.idx[k] = subst_idx(s, f.gram.idx[k], s->p->def.data[f.gram.def[k]].ndim);
    if (f.kind == LF_scalar) {
        LScalar *o = arena_copy(s->a, f.scalar, sizeof *o);
        o->f = fx_subst(s->fx, o->f, s->m, s->n);
        f.scalar = o;
    }
    return f;
}

/* Without the names that a term binds itself. */
static Subst shadowed(const Subst *s, const LTerm *t) {
    Subst o = *s;
    AffSubst *m = ARENA_ARRAY(s->a, AffSubst, s->n);
    o.m = m;
    o.n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        bool bound = false;
        for (uint32_t k = 0; k < t->nred; k++) bound |= t->red[k].var == s->m[i].name;
        if (!bound) m[o.n++] = s->m[i];
    }
    return o;
}

static LTerm subst_term(const Subst *outer, LTerm t) {
    Subst in = shadowed(outer, &t), *s = &in;
    Dim *red = ARENA_ARRAY(s->a, Dim, t.nred);
    Cons *cons = ARENA_ARRAY(s->a, Cons, t.ncons);
    LFactor *f = ARENA_ARRAY(s->a, LFactor, t.nfactor);
    for (uint32_t i = 0; i < t.nred; i++)
        red[i] = (Dim){t.red[i].var, aff_subst(s->x, t.red[i].lo, s->m, s->n),
                       aff_subst(s->x, t.red[i].hi, s->m, s->n)};
    for (uint32_t i = 0; i < t.ncons; i++) cons[i] = cons_subst(s->x, t.cons[i], s->m, s->n);
    for (uint32_t i = 0; i < t.nfactor; i++) f[i] = subst_factor(s, t.factor[i]);
    return (LTerm){red, t.nred, cons, t.ncons, f, t.nfactor};
}

static LTerms subst_terms(void *ctx, LTerms t) {
    const Subst *s = ctx;
    LTerm *out = ARENA_ARRAY(s->a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) out[i] = subst_term(s, t.term[i]);
    return (LTerms){out, t.n};
}

static Subst derive_subst(const Derive *L, const AffSubst *m, uint32_t n) {
    return (Subst){L->a, L->x, L->fx, L->p, L, NULL, m, n};
}

LTerm term_subst(Derive *L, LTerm t, const AffSubst *m, uint32_t n) {
    Subst s = derive_subst(L, m, n);
    return subst_term(&s, t);
}

LTerms terms_subst(Derive *L, LTerms t, const AffSubst *m, uint32_t n) {
    Subst s = derive_subst(L, m, n);
    return n ? subst_terms(&s, t) : t;
}

LTerms lterms_subst(const Limit *l, Arena *a, LTerms t, const AffSubst *m, uint32_t n) {
    Subst s = {a, l->aff, l->fx, l->p, NULL, l, m, n};
    return n ? subst_terms(&s, t) : t;
}

LRef lref_subst(AffCtx *x, Arena *a, LRef r, const AffSubst *m, uint32_t n, uint32_t naxis) {
    Subst s = {.a = a, .x = x, .m = m, .n = n};
    r.idx = subst_idx(&s, r.idx, naxis);
    return r;
}

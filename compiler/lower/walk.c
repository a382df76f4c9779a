#include "lower/walk.h"

const LSoftmax *lsoftmax_of(const LArray *r) {
    const LFactor *f = r->eq.n == 1 && r->eq.term[0].nfactor == 1 ? r->eq.term[0].factor : NULL;
    return f && f->kind == LF_softmax ? f->softmax : NULL;
}

void larray_domain(AffCtx *x, Arena *a, const LArray *r, ConsVec *out) {
    for (uint32_t i = 0; i < r->naxis; i++)
        cons_range(x, out, r->axis[i].var, r->axis[i].lo, r->axis[i].hi);
    for (uint32_t i = 0; i < r->ncons; i++) vec_push(a, out, r->cons[i]);
}

typedef struct Walk {
    AffCtx *x;
    Arena *a;
    LArrayId reader;
    LUseVec *out;
} Walk;

static void walk_terms(Walk *w, LTerms t, const Cons *path, uint32_t npath);
static void walk_factor(Walk *w, LFactor f, const Cons *path, uint32_t npath);

static void walk_ref(Walk *w, LRef r, const Cons *path, uint32_t npath) {
    if (!r.array) return;
    LUse u = {w->reader, r, path, npath};
    vec_push(w->a, w->out, u);
}

static void walk_exp(Walk *w, const LExp *e, const Cons *path, uint32_t npath) {
    for (uint32_t p = 0; p < e->nleaf; p++) {
        walk_terms(w, e->mean[p], path, npath);
        for (uint32_t q = p; q < e->nleaf; q++)
            walk_terms(w, e->cov[p * e->nleaf + q], path, npath);
    }
    for (uint32_t k = 0; k < e->ntheta; k++) walk_factor(w, e->theta[k], path, npath);
    walk_ref(w, e->unit, path, npath);
    walk_ref(w, e->defect, path, npath);
    walk_ref(w, e->codefect, path, npath);
    for (int s = 0; s < 2; s++) walk_ref(w, e->norm[s], path, npath);
}

static void walk_factor(Walk *w, LFactor f, const Cons *path, uint32_t npath) {
    switch (f.kind) {
    case LF_ref: walk_ref(w, f.ref, path, npath); break;
    case LF_gram:
    case LF_coef: break;
    case LF_exp:
    case LF_hermite: walk_exp(w, f.exp, path, npath); break;
    case LF_series:
        walk_ref(w, f.series->left, path, npath);
        walk_ref(w, f.series->right, path, npath);
        walk_exp(w, f.series->exp, path, npath);
        break;
    case LF_scalar:
        for (uint32_t i = 0; i < f.scalar->narg; i++)
            walk_factor(w, f.scalar->arg[i], path, npath);
        break;
    case LF_softmax: walk_terms(w, f.softmax->logit, path, npath); break;
    }
}

static void walk_terms(Walk *w, LTerms t, const Cons *path, uint32_t npath) {
    for (uint32_t i = 0; i < t.n; i++) {
        const LTerm *m = &t.term[i];
        ConsVec p = {0};
        for (uint32_t k = 0; k < npath; k++) vec_push(w->a, &p, path[k]);
        for (uint32_t k = 0; k < m->nred; k++)
            cons_range(w->x, &p, m->red[k].var, m->red[k].lo, m->red[k].hi);
        for (uint32_t k = 0; k < m->ncons; k++) vec_push(w->a, &p, m->cons[k]);
        for (uint32_t k = 0; k < m->nfactor; k++) walk_factor(w, m->factor[k], p.data, p.len);
    }
}

void lterms_uses(AffCtx *x, Arena *a, LArrayId reader, LTerms t, const Cons *path, uint32_t npath,
                 LUseVec *out) {
    Walk w = {x, a, reader, out};
    walk_terms(&w, t, path, npath);
}

void larray_uses(const Limit *l, Arena *a, LArrayId id, LUseVec *out) {
    const LArray *r = &l->array.data[id];
    ConsVec dom = {0};
    larray_domain(l->aff, a, r, &dom);
    lterms_uses(l->aff, a, id, r->eq, dom.data, dom.len, out);
}

bool lref_exists(const Limit *l, Arena *a, LRef r, const Cons *path, uint32_t npath) {
    const LArray *q = &l->array.data[r.array];
    AffSubst *m = ARENA_ARRAY(a, AffSubst, q->naxis);
    ConsVec own = {0};
    for (uint32_t i = 0; i < q->naxis; i++) {
        const Dim *d = &q->axis[i];
        if (!(q->wrap >> i & 1)) cons_range(l->aff, &own, d->var, d->lo, d->hi);
        m[i] = (AffSubst){q->axis[i].var, r.idx[i]};
    }
    for (uint32_t i = 0; i < q->ncons; i++) vec_push(a, &own, q->cons[i]);
    for (uint32_t i = 0; i < own.len; i++)
        if (!aff_implied(l->aff, path, npath, cons_subst(l->aff, own.data[i], m, q->naxis)))
            return false;
    return true;
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

LRef lref_subst(AffCtx *x, Arena *a, LRef r, const AffSubst *m, uint32_t n, uint32_t naxis) {
    Aff *idx = ARENA_ARRAY(a, Aff, naxis);
    for (uint32_t i = 0; i < naxis; i++) idx[i] = aff_subst(x, r.idx[i], m, n);
    r.idx = idx;
    return r;
}

/* ---- substitution of names */

typedef struct Subst {
    AffCtx *x;
    Arena *a;
    FxPool *fx;
    const Limit *l;
    const AffSubst *m;
    uint32_t n;
} Subst;

static LTerms subst_terms(const Subst *s, LTerms t);
static LFactor subst_factor(const Subst *s, LFactor f);

static const Aff *subst_idx(const Subst *s, const Aff *idx, uint32_t n) {
    if (!idx) return NULL;
    Aff *out = ARENA_ARRAY(s->a, Aff, n);
    for (uint32_t i = 0; i < n; i++) out[i] = aff_subst(s->x, idx[i], s->m, s->n);
    return out;
}

static LRef subst_ref(const Subst *s, LRef r) {
    if (r.array) r.idx = subst_idx(s, r.idx, s->l->array.data[r.array].naxis);
    return r;
}

static const LExp *subst_exp(const Subst *s, const LExp *e) {
    LExp *o = arena_copy(s->a, e, sizeof *e);
    uint32_t n = e->nleaf;
    LTerms *cov = ARENA_ARRAY(s->a, LTerms, n * n), *mean = ARENA_ARRAY(s->a, LTerms, n);
    for (uint32_t p = 0; p < n; p++) {
        mean[p] = subst_terms(s, e->mean[p]);
        for (uint32_t q = p; q < n; q++) cov[p * n + q] = subst_terms(s, e->cov[p * n + q]);
    }
    LFactor *theta = ARENA_ARRAY(s->a, LFactor, e->ntheta);
    for (uint32_t k = 0; k < e->ntheta; k++) theta[k] = subst_factor(s, e->theta[k]);
    o->cov = cov;
    o->mean = mean;
    o->theta = theta;
    o->unit = subst_ref(s, e->unit);
    o->defect = subst_ref(s, e->defect);
    o->codefect = subst_ref(s, e->codefect);
    for (int k = 0; k < 2; k++) o->norm[k] = subst_ref(s, e->norm[k]);
    return o;
}

static LFactor subst_factor(const Subst *s, LFactor f) {
    switch (f.kind) {
    case LF_ref: f.ref = subst_ref(s, f.ref); break;
    case LF_gram: /* basis numbers are sizes or constants */
        for (int k = 0; k < 2; k++)
            f.gram.idx[k] =
                subst_idx(s, f.gram.idx[k], s->l->p->def.data[f.gram.def[k]].ndim);
        break;
    case LF_coef: f.coef = fx_subst(s->fx, f.coef, s->m, s->n); break;
    case LF_exp:
    case LF_hermite: f.exp = subst_exp(s, f.exp); break;
    case LF_series: {
        LSeries *o = arena_copy(s->a, f.series, sizeof *o);
        o->left.idx = subst_idx(s, o->left.idx, s->l->array.data[o->left.array].naxis - 1);
        o->right.idx = subst_idx(s, o->right.idx, s->l->array.data[o->right.array].naxis - 1);
        o->exp = subst_exp(s, o->exp);
        f.series = o;
        break;
    }
    case LF_scalar: {
        LScalar *o = arena_copy(s->a, f.scalar, sizeof *o);
        LFactor *arg = ARENA_ARRAY(s->a, LFactor, o->narg);
        for (uint32_t k = 0; k < o->narg; k++) arg[k] = subst_factor(s, f.scalar->arg[k]);
        o->arg = arg;
        o->f = fx_subst(s->fx, o->f, s->m, s->n);
        f.scalar = o;
        break;
    }
    case LF_softmax: {
        LSoftmax *o = arena_copy(s->a, f.softmax, sizeof *o);
        o->logit = subst_terms(s, o->logit);
        f.softmax = o;
        break;
    }
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

static LTerms subst_terms(const Subst *outer, LTerms t) {
    LTerm *out = ARENA_ARRAY(outer->a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) {
        const LTerm *m = &t.term[i];
        LTerm *o = &out[i];
        *o = *m;
        Subst in = shadowed(outer, m), *s = &in;
        Dim *red = ARENA_ARRAY(s->a, Dim, m->nred);
        for (uint32_t k = 0; k < m->nred; k++)
            red[k] = (Dim){m->red[k].var, aff_subst(s->x, m->red[k].lo, s->m, s->n),
                           aff_subst(s->x, m->red[k].hi, s->m, s->n)};
        Cons *cons = ARENA_ARRAY(s->a, Cons, m->ncons);
        for (uint32_t k = 0; k < m->ncons; k++)
            cons[k] = cons_subst(s->x, m->cons[k], s->m, s->n);
        LFactor *f = ARENA_ARRAY(s->a, LFactor, m->nfactor);
        for (uint32_t k = 0; k < m->nfactor; k++) f[k] = subst_factor(s, m->factor[k]);
        o->red = red;
        o->cons = cons;
        o->factor = f;
    }
    return (LTerms){out, t.n};
}

LTerms lterms_subst(const Limit *l, Arena *a, LTerms t, const AffSubst *m, uint32_t n) {
    Subst s = {l->aff, a, l->fx, l, m, n};
    return n ? subst_terms(&s, t) : t;
}

LFactor lfactor_subst(const Limit *l, Arena *a, LFactor f, const AffSubst *m, uint32_t n) {
    Subst s = {l->aff, a, l->fx, l, m, n};
    return n ? subst_factor(&s, f) : f;
}

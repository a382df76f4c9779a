#include "lower/walk.h"

const LSoftmax *lsoftmax_of(const LArray *r) {
    const LFactor *f = r->eq.n == 1 && r->eq.term[0].nfactor == 1 ? r->eq.term[0].factor : NULL;
    return f && f->kind == LF_softmax ? f->softmax : NULL;
}

const LRef *lterm_window(const Limit *l, const LTerm *t, LStage stage) {
    const LRef *only = NULL;
    for (uint32_t i = 0; i < t->nfactor; i++) {
        const LFactor *f = &t->factor[i];
        if (f->kind == LF_coef) continue;
        if (f->kind != LF_ref || only) return NULL;
        only = &f->ref;
    }
    return only && l->array.data[only->array].stage == stage ? only : NULL;
}

void larray_domain(AffCtx *x, Arena *a, const LArray *r, ConsVec *out) {
    for (uint32_t i = 0; i < r->naxis; i++)
        cons_range(x, out, r->axis[i].var, r->axis[i].lo, r->axis[i].hi);
    for (uint32_t i = 0; i < r->ncons; i++) vec_push(a, out, r->cons[i]);
}

void larray_bounds(AffCtx *x, Arena *a, const LArray *r, uint32_t k, bool above, AffVec *out) {
    vec_push(a, out, above ? r->axis[k].hi : r->axis[k].lo);
    for (uint32_t i = 0; i < r->ncons; i++) {
        int32_t s = r->cons[i].kind == CONS_ge ? aff_coef(r->cons[i].e, r->axis[k].var) : 0;
        if (s != (above ? -1 : 1)) continue;
        Aff rest = aff_sub(x, r->cons[i].e, aff_scale(x, aff_name(x, r->axis[k].var), s));
        vec_push(a, out, above ? aff_plus(rest, 1) : aff_scale(x, rest, -1));
    }
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

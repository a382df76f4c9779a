#include "lower/normal.h"

/* Vectors that no sample enters (parameters) have constant norms: nothing to gain. */
bool normal_candidate(const Limit *l, LArrayId id) {
    const LArray *r = &l->array.data[id];
    return r->kind == LK_C && r->stage == LS_pair && r->A == r->B && r->self[0].array &&
           r->self[1].array && r->self[0].array == r->self[1].array &&
           l->array.data[r->self[0].array].stage != LS_const;
}

static bool single_ref(LTerms t, LRef *out) {
    if (t.n != 1 || t.term[0].nred || t.term[0].ncons || t.term[0].nfactor != 1) return false;
    if (t.term[0].factor[0].kind != LF_ref) return false;
    *out = t.term[0].factor[0].ref;
    return true;
}

LRef normal_cross(const LExp *e) {
    LRef r = {0};
    if (!e->G || e->nl != 1 || e->nleaf != 2) return r;
    if (!e->mean[0].n && !e->mean[1].n && !e->indep[1]) single_ref(e->cov[1], &r);
    return r;
}

bool normal_is_unit(const Limit *l, const LArray *r, const LExp *e) {
    if (!r || r->stage != LS_pair) return false;
    LArrayId cross = normal_cross(e).array;
    return cross && normal_candidate(l, cross);
}

const AffSubst *normal_subst(Arena *a, const LArray *r, const Aff *idx) {
    AffSubst *m = ARENA_ARRAY(a, AffSubst, r->naxis);
    for (uint32_t i = 0; i < r->naxis; i++) m[i] = (AffSubst){r->axis[i].var, idx[i]};
    return m;
}

/* Zero padding without conditions: where a window's guards say no more than that the element
 * read exists, the array is stored with a rim of zeros and the guards are dropped.  Short
 * windows are then written out, term by term. */
#include "lower/lower.h"
#include "lower/walk.h"

enum { MAX_RIM = 64, MAX_WINDOW = 9 };

typedef struct Halo {
    Limit *l;
    Arena *a;
    AffCtx *x;
    LArrayId reader;
} Halo;

static bool about_reduction(const LTerm *t, Cons c) {
    for (uint32_t i = 0; i < t->nred; i++)
        if (cons_mentions(c, t->red[i].var)) return true;
    return false;
}

/* Where the term stands: the reader's axes, the reductions, guards about neither window. */
static ConsVec term_path(Halo *h, const LTerm *t) {
    ConsVec p = {0};
    larray_domain(h->x, h->a, &h->l->array.data[h->reader], &p);
    for (uint32_t i = 0; i < t->nred; i++)
        cons_range(h->x, &p, t->red[i].var, t->red[i].lo, t->red[i].hi);
    for (uint32_t i = 0; i < t->ncons; i++)
        if (!about_reduction(t, t->cons[i])) vec_push(h->a, &p, t->cons[i]);
    return p;
}

/* The element read exists. */
static void existence(Halo *h, const LRef *r, ConsVec *out) {
    const LArray *q = &h->l->array.data[r->array];
    AffSubst *m = ARENA_ARRAY(h->a, AffSubst, q->naxis);
    ConsVec own = {0};
    larray_domain(h->x, h->a, q, &own);
    for (uint32_t i = 0; i < q->naxis; i++) m[i] = (AffSubst){q->axis[i].var, r->idx[i]};
    for (uint32_t i = 0; i < own.len; i++)
        vec_push(h->a, out, cons_subst(h->x, own.data[i], m, q->naxis));
}

/* Sums are no arrays: they have no rim, and one element. */
static const LRef *stored_ref(const Halo *h, const LTerm *t) {
    const LRef *r = lterm_window(h->l, t, h->l->array.data[h->reader].stage);
    return r && !h->l->array.data[r->array].sums ? r : NULL;
}

/* How far the indices leave the axes' ranges without the guards; false: not by constants. */
static bool rims(Halo *h, const LRef *r, const ConsVec *path, int64_t *rim) {
    const LArray *q = &h->l->array.data[r->array];
    for (uint32_t i = 0; i < q->naxis; i++) {
        Aff lo = q->axis[i].lo, hi = q->axis[i].hi;
        bool sizes = aff_size_only(h->x, lo) && aff_size_only(h->x, hi);
        AffBounds below = aff_bounds(h->x, aff_sub(h->x, r->idx[i], lo), path->data, path->len);
        AffBounds above = aff_bounds(h->x, aff_sub(h->x, r->idx[i], hi), path->data, path->len);
        bool in_lo = below.has_lo && below.lo >= 0, in_hi = above.has_hi && above.hi < 0;
        if ((!in_lo || !in_hi) && !sizes) return false;
        if (!below.has_lo || below.lo < -MAX_RIM || !above.has_hi || above.hi >= MAX_RIM)
            return false;
        rim[2 * i] = in_lo ? 0 : -below.lo;
        rim[2 * i + 1] = in_hi ? 0 : above.hi + 1;
    }
    return true;
}

static bool all_exist(Halo *h, const LTerm *t, const LRef *r, const ConsVec *path) {
    ConsVec p = {0};
    for (uint32_t i = 0; i < path->len; i++) vec_push(h->a, &p, path->data[i]);
    existence(h, r, &p);
    for (uint32_t i = 0; i < t->ncons; i++)
        if (about_reduction(t, t->cons[i]) && !aff_implied(h->x, p.data, p.len, t->cons[i]))
            return false;
    return true;
}

static void widen(Halo *h, LArrayId id, const int64_t *rim) {
    LArray *q = &h->l->array.data[id];
    int64_t *w = ARENA_ARRAY(h->a, int64_t, 2 * q->naxis);
    for (uint32_t i = 0; i < 2 * q->naxis; i++) {
        int64_t old = q->halo ? q->halo[i] : 0;
        w[i] = rim[i] > old ? rim[i] : old;
    }
    q->halo = w;
}

static bool window(Halo *h, LTerm *t) {
    const LRef *r = stored_ref(h, t);
    bool any = false;
    for (uint32_t i = 0; i < t->ncons; i++) any |= about_reduction(t, t->cons[i]);
    if (!r || !any || h->l->array.data[r->array].wrap) return false; /* no rim where indices wrap */
    ConsVec path = term_path(h, t), keep = {0};
    int64_t *rim = ARENA_ARRAY(h->a, int64_t, 2 * h->l->array.data[r->array].naxis);
    if (!all_exist(h, t, r, &path) || !rims(h, r, &path, rim)) return false;
    for (uint32_t i = 0; i < t->ncons; i++)
        if (!about_reduction(t, t->cons[i])) vec_push(h->a, &keep, t->cons[i]);
    widen(h, r->array, rim);
    t->cons = keep.data;
    t->ncons = keep.len;
    return true;
}

/* ---- short windows */

static bool is_short(const Halo *h, const LTerm *t) {
    if (t->nred != 1 || !aff_is_const(t->red[0].lo) || !aff_is_const(t->red[0].hi)) return false;
    for (uint32_t i = 0; i < t->ncons; i++)
        if (about_reduction(t, t->cons[i])) return false;
    return t->red[0].hi.c - t->red[0].lo.c <= MAX_WINDOW && stored_ref(h, t);
}

static LTerms written_out(Halo *h, LTerms eq) {
    VEC(LTerm) out = {0};
    for (uint32_t i = 0; i < eq.n; i++) {
        LTerm t = eq.term[i];
        if (!is_short(h, &t)) {
            vec_push(h->a, &out, t);
            continue;
        }
        LTerm bare = t;
        bare.nred = 0;
        for (int64_t k = t.red[0].lo.c; k < t.red[0].hi.c; k++) {
            AffSubst m = {t.red[0].var, aff_const(k)};
            vec_push(h->a, &out, lterms_subst(h->l, h->a, (LTerms){&bare, 1}, &m, 1).term[0]);
        }
    }
    return (LTerms){out.data, out.len};
}

bool lower_halo(Ctx *c, Limit *l) {
    for (LArrayId id = 1; id < l->array.len; id++) {
        LArray *r = &l->array.data[id];
        if ((r->stage != LS_pair && r->stage != LS_sample) || r->sums) continue;
        Halo h = {l, c->a, l->aff, id};
        LTerm *t = arena_copy(c->a, r->eq.term, r->eq.n * sizeof *t);
        for (uint32_t i = 0; i < r->eq.n; i++) window(&h, &t[i]);
        r->eq = written_out(&h, (LTerms){t, r->eq.n});
    }
    return true;
}

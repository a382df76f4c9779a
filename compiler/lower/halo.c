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

/* Is every condition under which elements exist a bound of one axis, whatever the others are? */
static bool is_box(const LArray *q) {
    for (uint32_t k = 0; k < q->naxis; k++)
        for (uint32_t i = 0; i < k; i++)
            if (aff_mentions(q->axis[k].lo, q->axis[i].var) ||
                aff_mentions(q->axis[k].hi, q->axis[i].var))
                return false;
    for (uint32_t i = 0; i < q->ncons; i++) {
        uint32_t n = 0;
        for (uint32_t k = 0; k < q->naxis; k++) n += cons_mentions(q->cons[i], q->axis[k].var);
        int32_t s = 0;
        for (uint32_t k = 0; k < q->naxis; k++) s += aff_coef(q->cons[i].e, q->axis[k].var);
        if (q->cons[i].kind != CONS_ge || n != 1 || (s != 1 && s != -1)) return false;
    }
    return true;
}

/* How far they leave where elements exist, which is less than the ranges where conditions bound an
 * axis further; false: not by constants. */
static bool near_rims(Halo *h, const LRef *r, const ConsVec *path, int64_t *rim) {
    const LArray *q = &h->l->array.data[r->array];
    if (!is_box(q)) return false;
    for (uint32_t i = 0; i < q->naxis; i++)
        for (int above = 0; above < 2; above++) {
            AffVec bound = {0};
            rim[2 * i + above] = 0;
            larray_bounds(h->x, h->a, q, i, above, &bound);
            for (uint32_t k = 0; k < bound.len; k++) {
                Aff over = aff_sub(h->x, r->idx[i], bound.data[k]);
                AffBounds b = aff_bounds(h->x, over, path->data, path->len);
                if (above ? !b.has_hi : !b.has_lo) return false;
                int64_t out = above ? b.hi + 1 : -b.lo;
                if (out > MAX_RIM) return false;
                if (out > rim[2 * i + above]) rim[2 * i + above] = out;
            }
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

static const int64_t *larger(Halo *h, const int64_t *old, const int64_t *rim, uint32_t n) {
    int64_t *w = ARENA_ARRAY(h->a, int64_t, n);
    for (uint32_t i = 0; i < n; i++) w[i] = !old || rim[i] > old[i] ? rim[i] : old[i];
    return w;
}

/* near: NULL where it is not known. */
static void widen(Halo *h, LArrayId id, const int64_t *rim, const int64_t *near) {
    LArray *q = &h->l->array.data[id];
    bool known = near && (!q->halo || q->rim);
    q->rim = known ? larger(h, q->rim, near, 2 * q->naxis) : NULL;
    q->halo = larger(h, q->halo, rim, 2 * q->naxis);
}

static bool window(Halo *h, LTerm *t) {
    const LRef *r = stored_ref(h, t);
    bool any = false;
    for (uint32_t i = 0; i < t->ncons; i++) any |= about_reduction(t, t->cons[i]);
    if (!r || !any || h->l->array.data[r->array].wrap) return false; /* no rim where indices wrap */
    ConsVec path = term_path(h, t), keep = {0};
    uint32_t n = 2 * h->l->array.data[r->array].naxis;
    int64_t *rim = ARENA_ARRAY(h->a, int64_t, n), *near = ARENA_ARRAY(h->a, int64_t, n);
    if (!all_exist(h, t, r, &path) || !rims(h, r, &path, rim)) return false;
    for (uint32_t i = 0; i < t->ncons; i++)
        if (!about_reduction(t, t->cons[i])) vec_push(h->a, &keep, t->cons[i]);
    widen(h, r->array, rim, near_rims(h, r, &path, near) ? near : NULL);
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

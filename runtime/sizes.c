/* Position sizes: found from the shapes of the data, and for each sample from --size. */
#include "run.h"
#include <math.h>
#include <string.h>

static bool is_position(const RtRun *r, int32_t z) {
    return r->k->size[z].kind == TP_SIZE_POSITION;
}

/* ---- from shapes */

/* The one term of the form that is not known yet, *rest: the value of the others; NULL: none, or
 * more than one. */
static const TpAffTerm *unknown_term(const RtRun *r, const RtSide *side, const TpAff *a,
                                     int64_t *rest) {
    const TpAffTerm *one = NULL;
    *rest = a->c;
    for (int32_t i = 0; i < a->nterm; i++) {
        const TpAffTerm *t = &a->term[i];
        int64_t v = is_position(r, t->size) ? side->bound[t->size] : r->v.size[t->size];
        *rest += t->k * v;
        if (v || !is_position(r, t->size)) continue;
        if (one) return NULL;
        one = t;
    }
    return one;
}

static bool has_lengths(const RtRun *r, const char *size) {
    for (int i = 0; i < r->job->nsize; i++)
        if (!strcmp(r->job->size[i].name, size)) return true;
    return false;
}

/* "axis 1 of x.npy has length 7, and input `x` has size 2*T + 2 there" */
static void axis_text(RtText *t, const RtRun *r, const RtSide *side, int32_t i, int32_t k) {
    const RtInput *in = &side->input[i];
    rt_put(t, "axis %d of %s has length %lld, and `%s` has size ", k + 1,
           rt_input_label(in, r->k->input[i].name), (long long)in->shape.len[1 + k],
           r->k->input[i].name);
    rt_put_aff(t, r->k, &r->k->input[i].size[k]);
    rt_put(t, " there");
}

static bool bind_axis(RtRun *r, RtSide *side, int32_t i, int32_t k, bool *again) {
    const TpAff *a = &r->k->input[i].size[k];
    int64_t rest, len = side->input[i].shape.len[1 + k];
    const TpAffTerm *t = unknown_term(r, side, a, &rest);
    char buf[400] = "";
    RtText text = {buf, sizeof buf, 0};
    if (!t) return true;
    const TpSize *z = &r->k->size[t->size];
    int64_t v = t->k ? (len - rest) / t->k : 0;
    if (v >= 1 && (v * t->k == len - rest || (z->varies && has_lengths(r, z->name)))) {
        side->bound[t->size] = v;
        *again = true;
        return true;
    }
    axis_text(&text, r, side, i, k);
    return rt_fail(r->e, TP_E_DATA, "%s: no whole number %s, at least 1, fits", buf, z->name);
}

static bool bind_side(RtRun *r, RtSide *side) {
    side->bound = rt_zalloc(r->k->nsize * 8, r->e);
    if (!side->bound) return false;
    for (bool again = true; again;) {
        again = false;
        for (int32_t i = 0; i < r->k->ninput; i++)
            for (int32_t k = 0; k < r->k->input[i].npos; k++)
                if (!bind_axis(r, side, i, k, &again)) return false;
    }
    for (int32_t z = 0; z < r->k->nsize; z++)
        if (is_position(r, z) && !side->bound[z])
            return rt_fail(r->e, TP_E_DATA,
                           "size `%s` of `%s` does not follow from the shapes of the data",
                           r->k->size[z].name, r->k->name);
    return true;
}

static bool has_own_lengths(const RtSide *side, const TpAff *a) {
    for (int32_t i = 0; i < a->nterm; i++)
        if (side->length[a->term[i].size]) return true;
    return false;
}

static int64_t size_at(const RtRun *r, const RtSide *side, int32_t z) {
    return is_position(r, z) ? side->bound[z] : r->v.size[z];
}

/* Axes whose sizes are the same for all samples. */
static bool check_axis(const RtRun *r, const RtSide *side, int32_t i, int32_t k) {
    const TpAff *a = &r->k->input[i].size[k];
    int64_t want = a->c;
    char buf[600] = "";
    RtText t = {buf, sizeof buf, 0};
    for (int32_t n = 0; n < a->nterm; n++)
        want += a->term[n].k * size_at(r, side, a->term[n].size);
    if (has_own_lengths(side, a) || want == side->input[i].shape.len[1 + k]) return true;
    axis_text(&t, r, side, i, k);
    for (int32_t n = 0; n < a->nterm; n++)
        rt_put(&t, "%s %s = %lld", n ? "," : ", where", r->k->size[a->term[n].size].name,
               (long long)size_at(r, side, a->term[n].size));
    return rt_fail(r->e, TP_E_DATA, "%s; expected length %lld", buf, (long long)want);
}

static bool check_side(const RtRun *r, const RtSide *side) {
    for (int32_t i = 0; i < r->k->ninput; i++)
        for (int32_t k = 0; k < r->k->input[i].npos; k++)
            if (!check_axis(r, side, i, k)) return false;
    return true;
}

/* Sizes that do not vary are one number for X and Y. */
static bool check_sides(const RtRun *r) {
    for (int32_t z = 0; r->nside > 1 && z < r->k->nsize; z++) {
        int64_t x = r->side[0].bound[z], y = r->side[1].bound[z];
        const char *name = r->k->size[z].name;
        if (is_position(r, z) && !r->k->size[z].varies && x != y)
            return rt_fail(r->e, TP_E_DATA,
                           "size `%s` is %lld in X, but %lld in Y; compile `%s` with --size %s to "
                           "let them differ",
                           name, (long long)x, (long long)y, r->k->name, name);
    }
    return true;
}

/* ---- from --size */

static bool find_size(const RtRun *r, const char *name, int32_t *out) {
    char buf[300] = "";
    RtText list = {buf, sizeof buf, 0};
    for (int32_t z = 0; z < r->k->nsize; z++) {
        if (!is_position(r, z)) continue;
        rt_put(&list, "%s%s", list.len ? ", " : "", r->k->size[z].name);
        if (strcmp(r->k->size[z].name, name)) continue;
        *out = z;
        return r->k->size[z].varies ||
               rt_fail(r->e, TP_E_USAGE,
                       "size `%s` is one number for all samples of this kernel: build `%s` anew "
                       "with --size %s",
                       name, r->k->name, name);
    }
    return rt_fail(r->e, TP_E_USAGE, "`%s` has no size `%.100s`%s%s", r->k->name, name,
                   list.len ? "; it has " : " and no other", buf);
}

static bool read_lengths(const RtRun *r, const TpData *d, const char *name, int64_t n,
                         double *into) {
    Npy f;
    char have[100];
    if (!d->path) {
        if (d->n == n) memcpy(into, d->rows, (size_t)n * 8);
        return d->n == n || rt_fail(r->e, TP_E_DATA, "size `%s` has %lld numbers for %lld samples",
                                    name, (long long)d->n, (long long)n);
    }
    if (!rt_npy_open(&f, d->path, r->e)) return false;
    tp_shape_text(have, sizeof have, &f.h.shape);
    bool ok = (f.h.shape.rank == 1 && f.h.n == n) ||
              rt_fail(r->e, TP_E_DATA,
                      "%s has shape %s; expected (%lld,), size `%s` of each sample",
                      rt_path(d->path), have, (long long)n, name);
    ok = ok && rt_npy_read(&f, into, r->job->stop, r->e);
    rt_npy_close(&f);
    return ok;
}

static bool check_lengths(const RtRun *r, const RtSide *side, const TpData *d, int32_t z) {
    for (int64_t s = 0; s < side->n; s++) {
        double v = side->length[z][s];
        char num[40];
        rt_number(num, sizeof num, 10, v);
        if (v < 1 || v > 1e15 || v != floor(v))
            return rt_fail(r->e, TP_E_DATA,
                           "%s: entry %lld (from 0) is %s; expected size `%s` of sample %lld of "
                           "%s, a whole number of at least 1",
                           d->path ? rt_path(d->path) : "lengths", (long long)s, num,
                           r->k->size[z].name, (long long)s, side->name);
    }
    return true;
}

static bool side_lengths(RtRun *r, RtSide *side, const TpNamed *size, int32_t z) {
    const TpData *d = side == &r->side[0] ? &size->x : &size->y;
    if (!d->path && !d->rows)
        return rt_fail(r->e, TP_E_USAGE, "size `%s` is given for %s only: expected --size %s=%s",
                       size->name, side == &r->side[0] ? "Y" : "X", size->name,
                       "X_SIZES.npy,Y_SIZES.npy");
    side->length[z] = rt_alloc(side->n * 8, r->e);
    return side->length[z] && read_lengths(r, d, size->name, side->n, side->length[z]) &&
           check_lengths(r, side, d, z);
}

static bool take_lengths(RtRun *r) {
    for (int s = 0; s < r->nside; s++) {
        r->side[s].length = rt_zalloc(r->k->nsize * (int64_t)sizeof(double *), r->e);
        if (!r->side[s].length) return false;
    }
    for (int i = 0; i < r->job->nsize; i++) {
        const TpNamed *size = &r->job->size[i];
        int32_t z;
        if (!find_size(r, size->name, &z)) return false;
        if (r->side[0].length[z])
            return rt_fail(r->e, TP_E_USAGE, "size `%s` is given twice", size->name);
        if (r->nside == 1 && (size->y.path || size->y.rows))
            return rt_fail(r->e, TP_E_USAGE, "size `%s` is given for Y, but there is no Y",
                           size->name);
        for (int s = 0; s < r->nside; s++)
            if (!side_lengths(r, &r->side[s], size, z)) return false;
    }
    return true;
}

bool rt_sizes_bind(RtRun *r) {
    for (int32_t z = 0; z < r->k->nsize; z++) r->varies |= r->k->size[z].varies != 0;
    for (int s = 0; s < r->nside; s++)
        if (!bind_side(r, &r->side[s])) return false;
    if (!take_lengths(r) || !check_sides(r)) return false;
    int64_t *right = NULL;
    if (r->nside > 1) {
        right = rt_alloc(r->k->nsize * 8, r->e);
        double *real = rt_alloc(r->k->nreal * 8, r->e);
        if (right && real) rt_values_derive(&r->v, r->side[1].bound, NULL, right, real);
        rt_free(real);
        if (!right || !real) {
            rt_free(right);
            return false;
        }
    }
    rt_values_derive(&r->v, r->side[0].bound, right, r->v.size, r->v.real);
    rt_free(right);
    return check_side(r, &r->side[0]) && (r->nside == 1 || check_side(r, &r->side[1]));
}

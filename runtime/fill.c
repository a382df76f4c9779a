/* What the runtime puts into sample arrays: squared lengths, coordinates, numbers, classes. */
#include "run.h"
#include <math.h>
#include <string.h>

/* ---- squared lengths: the diagonals of the same products that the pairs use */

typedef struct DiagonalWork {
    const RtRun *r;
    const RtInput *x, *y;
    int64_t n;
    double *into;     /* x . y of each slot */
    double *scratch;  /* one tile and one pack a worker */
    _Atomic int64_t next;
} DiagonalWork;

static int64_t diagonal_scratch(const RtRun *r) { return r->tile * r->tile + RT_DOT_PACK; }

static void diagonal_tile(const DiagonalWork *w, int64_t i0, int64_t ni, double *dot) {
    int64_t tile = w->r->tile;
    rt_product_tile(w->r, w->x, w->y, i0, ni, i0, ni, dot, dot + tile * tile);
    for (int64_t i = 0; i < ni; i++) w->into[i0 + i] = dot[i * tile + i];
}

static void diagonal_worker(void *ctx, int worker) {
    DiagonalWork *w = ctx;
    double *dot = w->scratch + worker * diagonal_scratch(w->r);
    for (;;) {
        int64_t i0 = atomic_fetch_add(&w->next, 1) * w->r->tile;
        if (i0 >= w->n || rt_stopped(w->r->job->stop)) return;
        diagonal_tile(w, i0, rt_min(w->r->tile, w->n - i0), dot);
    }
}

/* x . y of each slot's own rows. */
static bool find_diagonal(const RtRun *r, const RtSide *side, const RtInput *x, const RtInput *y,
                          double *into) {
    DiagonalWork w = {.r = r, .x = x, .y = y, .n = r->varies ? side->slots : side->n, .into = into};
    int threads = (int)rt_min(r->threads, (w.n + r->tile - 1) / r->tile);
    w.scratch = rt_alloc(threads * diagonal_scratch(r) * 8, r->e);
    bool ok = w.scratch && rt_parallel(threads, diagonal_worker, &w, r->e);
    rt_free(w.scratch);
    return ok;
}

static bool is_zero_row(const double *x, int64_t d) {
    for (int64_t k = 0; k < d; k++)
        if (x[k] != 0) return false;
    return true;
}

/* Squares outside [2^-960, 2^1000] have lost digits, or products with them would. */
static bool check_length(const RtRun *r, const RtSide *side, const RtInput *in, int64_t i) {
    double q = in->square[i];
    if (q >= 0x1p-960 && q <= 0x1p1000) return true;
    if (q == 0 && is_zero_row(in->slot + i * in->d, in->d)) return true;
    return rt_fail(r->e, TP_E_DATA,
                   "row %lld (from 0) of %s is too %s: the square of its length leaves "
                   "float64's range; rescale the data",
                   (long long)side->sample[i], in->file.path ? rt_path(in->file.path) : side->name,
                   q < 1 ? "small" : "large");
}

static bool side_lengths(RtRun *r, RtSide *side) {
    for (int32_t n = 0; n < r->k->ninput; n++) {
        RtInput *in = &side->input[n];
        if (rt_is_point(r, n)) continue;
        if (!find_diagonal(r, side, in, in, in->square)) return false;
        if (rt_stopped(r->job->stop)) return rt_fail(r->e, TP_E_STOPPED, "stopped");
        for (int64_t i = 0; i < (r->varies ? side->slots : side->n); i++) {
            if (!check_length(r, side, in, i)) return false;
            in->inverse[i] = in->square[i] > 0 ? 1 / sqrt(in->square[i]) : 0;
        }
    }
    return true;
}

/* ---- vectors at positions: their products are taken in the kernel's own precision */

typedef struct VectorCheck {
    const RtRun *r;
    const RtInput *in;
    const double *x; /* the sample */
    int64_t bad;     /* first number of the vector that is out of range; -1: none */
    double square;
} VectorCheck;

static bool check_vectors(void *ctx, int64_t at, int64_t n) {
    VectorCheck *c = ctx;
    bool f32 = c->r->k->dtype == TP_F32;
    for (int64_t v = at; v < at + n; v += c->in->d) {
        double q = 0, most = 0;
        for (int64_t k = v; k < v + c->in->d; k++) {
            q += c->x[k] * c->x[k];
            most = fmax(most, fabs(c->x[k]));
        }
        if (q >= (f32 ? 0x1p-120 : 0x1p-960) && q <= (f32 ? 0x1p120 : 0x1p1000)) continue;
        if (most == 0) continue;
        c->bad = v;
        c->square = q;
        return false;
    }
    return true;
}

static bool check_points(const RtRun *r, const RtSide *side, int32_t i) {
    const RtInput *in = &side->input[i];
    TpShape axes = {.rank = r->k->input[i].npos};
    char place[200];
    for (int k = 0; k < axes.rank; k++) axes.len[k] = in->shape.len[1 + k];
    for (int64_t s = 0; s < side->n; s++) {
        VectorCheck c = {r, in, in->x + s * in->row, -1, 0};
        if (rt_each_run(r, side, i, s, check_vectors, &c)) continue;
        rt_place_text(place, sizeof place, &axes, c.bad / in->d);
        return rt_fail(r->e, TP_E_DATA,
                       "row %lld (from 0) of %s at position %s is too %s: the square of its length "
                       "leaves %s's range; rescale the data",
                       (long long)s, in->file.path ? rt_path(in->file.path) : side->name, place,
                       c.square < 1 ? "small" : "large",
                       r->k->dtype == TP_F32 ? "float32" : "float64");
    }
    return true;
}

/* ---- arrays */

static bool check_column(const RtRun *r, const TpArray *a, int64_t column) {
    int64_t d = r->side[0].input[a->in[0]].d;
    return (column >= 0 && column < d) ||
           rt_fail(r->e, TP_E_DATA,
                   "basis(%lld) of input `%s` is asked for, which has coordinates 0 to %lld",
                   (long long)column, r->k->input[a->in[0]].name, (long long)d - 1);
}

/* Numbers of an input at the places of an array's axes, the input's first ones. */
typedef struct Source {
    const RtInput *in;
    int64_t column;     /* added to each place */
    double scale;       /* divided by */
    bool direction;     /* divided by each point's norm instead */
} Source;

static double place_value(const Source *s, int64_t sample, int64_t at, int64_t coordinate) {
    const double *x = &s->in->x[sample * s->in->row + at];
    double square = 0;
    if (!s->direction) return *x / s->scale;
    for (int64_t c = 0; c < s->in->d; c++) square += x[c - coordinate] * x[c - coordinate];
    return square > 0 ? *x / sqrt(square) : 0;
}

static void fill_block(const RtRun *r, const RtSide *side, int32_t array, int64_t b,
                       const Source *src) {
    const RtInput *in = src->in;
    const int64_t *sample = side->sample + b * r->block;
    int64_t n = rt_block_elements(side, array, b), idx[TP_RANK] = {0}, stride[TP_RANK + 1];
    int64_t at = src->column;
    void *into = rt_block(r, side, array, b);
    TpShape own;
    rt_array_shape(&r->k->array[array], side->group[side->of_block[b]].size, &own);
    stride[in->shape.rank - 1] = 1;
    for (int k = in->shape.rank - 1; k > 0; k--) stride[k - 1] = stride[k] * in->shape.len[k];
    for (int64_t e = 0; e < n; e++) {
        for (int64_t l = 0; l < r->block; l++)
            rt_put_real(r, into, e * r->block + l,
                        place_value(src, sample[l], at, src->direction ? idx[own.rank - 1] : 0));
        for (int k = own.rank - 1; k >= 0; k--) {
            at += stride[k + 1];
            if (++idx[k] < own.len[k]) break;
            at -= own.len[k] * stride[k + 1];
            idx[k] = 0;
        }
    }
}

static bool bad_axes(const RtRun *r, const TpArray *a) {
    return rt_fail(r->e, TP_E_ABI, "internal error: axes of array %s of `%s`", a->name, r->k->name);
}

/* The array's axes are the input's at each group's sizes. */
static bool check_axes(const RtRun *r, const RtSide *side, const TpArray *a) {
    const RtInput *in = &side->input[a->in[0]];
    const TpInputDecl *decl = &r->k->input[a->in[0]];
    bool point = a->input == TP_IN_POINT || a->input == TP_IN_DIRECTION;
    if (a->naxis != decl->npos + point || decl->npos > TP_RANK - 2)
        return bad_axes(r, a);
    for (int32_t g = 0; g < side->ngroup; g++)
        for (int32_t k = 0; k < a->naxis; k++) {
            const int64_t *size = side->group[g].size;
            int64_t want = k < decl->npos ? rt_aff_value(&decl->size[k], size) : in->d;
            if (rt_aff_value(&a->extent[k], size) != want) return bad_axes(r, a);
        }
    return true;
}

static bool fill_places(RtRun *r, RtSide *side, int32_t array, Source src) {
    const TpArray *a = &r->k->array[array];
    if (!check_axes(r, side, a)) return false;
    for (int64_t b = 0; b < side->slots / r->block; b++) {
        if (rt_stopped(r->job->stop)) return rt_fail(r->e, TP_E_STOPPED, "stopped");
        fill_block(r, side, array, b, &src);
    }
    return true;
}

/* One number for each slot, of value[slot], repeated by lanes beyond a block's last sample. */
static void fill_slots(const RtRun *r, RtSide *side, int32_t array, const double *value) {
    for (int64_t b = 0; b < side->slots / r->block; b++) {
        void *into = rt_block(r, side, array, b);
        for (int64_t l = 0; l < r->block; l++)
            rt_put_real(r, into, l, value[b * r->block + rt_min(l, side->count[b] - 1)]);
    }
}

static bool fill_gram(RtRun *r, RtSide *side, int32_t array) {
    const TpArray *a = &r->k->array[array];
    const RtInput *in = &side->input[a->in[0]];
    double *dot = rt_zalloc(side->slots * 8, r->e);
    bool ok = dot && find_diagonal(r, side, in, &side->input[a->in[1]], dot);
    for (int64_t i = 0; ok && i < side->slots; i++) dot[i] /= (double)in->d;
    if (ok) fill_slots(r, side, array, dot);
    rt_free(dot);
    return ok;
}

static bool fill_norm(RtRun *r, RtSide *side, int32_t array) {
    const RtInput *in = &side->input[r->k->array[array].in[0]];
    double *v = rt_zalloc(side->slots * 8, r->e);
    for (int64_t i = 0; v && i < side->slots; i++)
        v[i] = in->square[i] > 0 ? sqrt(in->square[i] / (double)in->d) : 1;
    if (v) fill_slots(r, side, array, v);
    rt_free(v);
    return v != NULL;
}

static bool fill_class(RtRun *r, RtSide *side, int32_t array) {
    int64_t *left = rt_alloc(r->side[0].n * 8, r->e);
    int64_t *right = r->nside > 1 ? rt_alloc(r->side[1].n * 8, r->e) : NULL;
    double *v = rt_zalloc(side->slots * 8, r->e);
    bool ok = left && v && (r->nside == 1 || right) && rt_classes(r, left, right);
    const int64_t *own = side == &r->side[0] ? left : right;
    for (int64_t i = 0; ok && i < side->slots; i++) v[i] = (double)own[side->sample[i]];
    if (ok) fill_slots(r, side, array, v);
    rt_free(left);
    rt_free(right);
    rt_free(v);
    return ok;
}

static bool fill_column(RtRun *r, RtSide *side, int32_t array) {
    const TpArray *a = &r->k->array[array];
    const RtInput *in = &side->input[a->in[0]];
    int64_t column = rt_aff_value(&a->column, r->v.size);
    return check_column(r, a, column) &&
           fill_places(r, side, array, (Source){in, column, (double)in->d, false});
}

static bool fill_input(RtRun *r, RtSide *side, int32_t array) {
    const TpArray *a = &r->k->array[array];
    const RtInput *in = &side->input[a->in[0]];
    switch ((TpInputKind)a->input) {
    case TP_IN_GRAM: return fill_gram(r, side, array);
    case TP_IN_NORM: return fill_norm(r, side, array);
    case TP_IN_COLUMN: return fill_column(r, side, array);
    case TP_IN_POINT:
        return fill_places(r, side, array, (Source){in, 0, sqrt((double)in->d), false});
    case TP_IN_DIRECTION: return fill_places(r, side, array, (Source){in, 0, 1, true});
    case TP_IN_DATA: return fill_places(r, side, array, (Source){in, 0, 1, false});
    case TP_IN_CLASS: return fill_class(r, side, array);
    case TP_IN_NONE: case TP_IN_UNIT: case TP_IN_DEFECT: case TP_IN_CODEFECT: break;
    }
    return bad_axes(r, a);
}

bool rt_arrays_fill(RtRun *r, RtSide *side) {
    if (!side_lengths(r, side)) return false;
    for (int32_t i = 0; i < r->k->ninput; i++)
        if (r->k->input[i].npos && !r->k->input[i].is_data && !check_points(r, side, i))
            return false;
    for (int32_t a = 1; a < r->k->narray; a++)
        if (r->k->array[a].stage == TP_STAGE_SAMPLE && r->k->array[a].class == TP_INPUT &&
            !fill_input(r, side, a))
            return false;
    return true;
}

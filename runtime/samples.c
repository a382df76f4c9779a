/* Everything that is computed once, or once per sample. */
#include "run.h"
#include <math.h>
#include <string.h>

/* ---- squared lengths: the diagonals of the same products that the pairs use */

typedef struct DiagonalWork {
    const RtRun *r;
    const RtInput *x, *y;
    double *into;     /* x . y of each sample */
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
        if (i0 >= w->x->n || rt_stopped(w->r->job->stop)) return;
        diagonal_tile(w, i0, rt_min(w->r->tile, w->x->n - i0), dot);
    }
}

static bool find_diagonal(const RtRun *r, const RtInput *x, const RtInput *y, double *into) {
    DiagonalWork w = {.r = r, .x = x, .y = y, .into = into};
    int threads = (int)rt_min(r->threads, (x->n + r->tile - 1) / r->tile);
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
    if (q == 0 && is_zero_row(in->x + i * in->d, in->d)) return true;
    return rt_fail(r->e, TP_E_DATA,
                   "row %lld (from 0) of %s is too %s: the square of its length leaves "
                   "float64's range; rescale the data",
                   (long long)i, in->file.path ? rt_path(in->file.path) : side->name,
                   q < 1 ? "small" : "large");
}

static bool side_lengths(RtRun *r, RtSide *side) {
    for (int32_t n = 0; n < r->k->ninput; n++) {
        RtInput *in = &side->input[n];
        if (!find_diagonal(r, in, in, in->square)) return false;
        if (rt_stopped(r->job->stop)) return rt_fail(r->e, TP_E_STOPPED, "stopped");
        for (int64_t i = 0; i < side->n; i++) {
            if (!check_length(r, side, in, i)) return false;
            in->inverse[i] = in->square[i] > 0 ? 1 / sqrt(in->square[i]) : 0;
        }
    }
    return true;
}

/* ---- arrays */

static bool alloc_side(RtRun *r, RtSide *side, TpStage stage) {
    if (!side->array) side->array = rt_zalloc(r->k->narray * (int64_t)sizeof(void *), r->e);
    if (!side->array) return false;
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage != (int32_t)stage) continue;
        side->array[a] =
            rt_zalloc(rt_array_elements(x, r->v.size) * side->stride * r->real_size, r->e);
        if (!side->array[a]) return false;
    }
    return true;
}

static bool alloc_const(RtRun *r) {
    r->carray = rt_zalloc(r->k->narray * (int64_t)sizeof(void *), r->e);
    if (!r->carray) return false;
    for (int32_t a = 1; a < r->k->narray; a++) {
        if (r->k->array[a].stage != TP_STAGE_CONST) continue;
        r->carray[a] =
            rt_zalloc(rt_array_elements(&r->k->array[a], r->v.size) * r->real_size, r->e);
        if (!r->carray[a]) return false;
    }
    return true;
}

static void put_real(const RtRun *r, void *array, int64_t i, double v) {
    if (r->k->dtype == TP_F32) ((float *)array)[i] = (float)v;
    else ((double *)array)[i] = v;
}

static double get_real(const RtRun *r, const void *array, int64_t i) {
    return r->k->dtype == TP_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static bool check_column(const RtRun *r, const TpArray *a, int64_t column) {
    int64_t d = r->side[0].input[a->in[0]].d;
    return (column >= 0 && column < d) ||
           rt_fail(r->e, TP_E_DATA,
                   "basis(%lld) of input `%s` is asked for, which has coordinates 0 to %lld",
                   (long long)column, r->k->input[a->in[0]].name, (long long)d - 1);
}

static bool fill_gram(RtRun *r, RtSide *side, const TpArray *a, void *into) {
    const RtInput *in = &side->input[a->in[0]];
    double *dot = in->square;
    if (a->in[0] != a->in[1]) {
        dot = rt_zalloc(side->stride * 8, r->e);
        if (!dot || !find_diagonal(r, in, &side->input[a->in[1]], dot)) {
            rt_free(dot);
            return false;
        }
    }
    for (int64_t i = 0; i < side->n; i++) put_real(r, into, i, dot[i] / (double)in->d);
    if (dot != in->square) rt_free(dot);
    return true;
}

static bool fill_input(RtRun *r, RtSide *side, int32_t array) {
    const TpArray *a = &r->k->array[array];
    const RtInput *in = &side->input[a->in[0]];
    void *into = side->array[array];
    double d = (double)in->d;
    if (a->input == TP_IN_GRAM && !fill_gram(r, side, a, into)) return false;
    if (a->input == TP_IN_NORM)
        for (int64_t i = 0; i < side->n; i++)
            put_real(r, into, i, in->square[i] > 0 ? sqrt(in->square[i] / d) : 1);
    if (a->input == TP_IN_COLUMN) {
        int64_t column = rt_aff_value(&a->column, r->v.size);
        if (!check_column(r, a, column)) return false;
        for (int64_t i = 0; i < side->n; i++) put_real(r, into, i, in->x[i * in->d + column] / d);
    }
    /* Lanes beyond the last sample repeat it. */
    for (int64_t i = side->n; i < side->stride; i++)
        put_real(r, into, i, get_real(r, into, side->n - 1));
    return true;
}

static bool fill_inputs(RtRun *r, RtSide *side) {
    for (int32_t a = 1; a < r->k->narray; a++)
        if (r->k->array[a].stage == TP_STAGE_SAMPLE && r->k->array[a].class == TP_INPUT &&
            !fill_input(r, side, a))
            return false;
    return true;
}

/* ---- stages */

typedef struct StageWork {
    TpSampleFn *fn;
    TpFrame frame;
    int64_t stride;
    const _Atomic int *stop;
    _Atomic int64_t next;
} StageWork;

static void stage_worker(void *ctx, int worker) {
    StageWork *w = ctx;
    (void)worker;
    for (;;) {
        int64_t s = atomic_fetch_add(&w->next, 1) * TP_BLOCK;
        if (s >= w->stride || rt_stopped(w->stop)) return;
        w->fn(&w->frame, s, s + TP_BLOCK);
    }
}

static TpFrame side_frame(const RtRun *r, const RtSide *side) {
    return (TpFrame){.size = r->v.size, .real = r->v.real, .carray = r->carray,
                     .xarray = side->array, .yarray = side->array, .self = r->k->self};
}

static bool run_stage(RtRun *r, const RtSide *side, TpSampleFn *fn) {
    if (!fn) return true;
    StageWork w = {.fn = fn, .frame = side_frame(r, side), .stride = side->stride,
                   .stop = r->job->stop};
    int threads = (int)rt_min(r->threads, side->stride / TP_BLOCK);
    if (!rt_parallel(threads, stage_worker, &w, r->e)) return false;
    return !rt_stopped(r->job->stop) || rt_fail(r->e, TP_E_STOPPED, "stopped");
}

/* ---- measured sizes */

typedef struct Largest {
    double value;
    const RtSide *side;
    int64_t sample;
} Largest;

static void find_largest(const RtRun *r, const RtSide *side, int32_t array, Largest *l) {
    int64_t n = rt_array_elements(&r->k->array[array], r->v.size);
    for (int64_t e = 0; e < n; e++)
        for (int64_t s = 0; s < side->n; s++) {
            double v = get_real(r, side->array[array], tp_place(e, n, s));
            if (isnan(l->value) || v <= l->value) continue;
            *l = (Largest){v, side, s};
        }
}

static bool measure(RtRun *r, int32_t i) {
    const TpSize *z = &r->k->size[i];
    Largest l = {0, &r->side[0], 0};
    for (int s = 0; s < r->nside; s++) find_largest(r, &r->side[s], z->array, &l);
    if (!isfinite(l.value))
        return rt_fail(r->e, TP_E_NUMBER, "%s of sample %lld of %s is not finite", z->name,
                       (long long)l.sample, l.side->name);
    char need[40];
    rt_number(need, sizeof need, 6, ceil(l.value));
    if (ceil(l.value) > (double)z->cap)
        return rt_fail(r->e, TP_E_NUMBER, "%s: sample %lld of %s needs %s terms, but there are "
                       "coefficients for %lld; use smaller variances or smaller inputs", z->name,
                       (long long)l.sample, l.side->name, need, (long long)z->cap);
    r->v.size[i] = (int64_t)ceil(l.value);
    return true;
}

bool rt_samples_run(RtRun *r) {
    if (!alloc_const(r)) return false;
    for (int s = 0; s < r->nside; s++)
        if (!alloc_side(r, &r->side[s], TP_STAGE_SAMPLE) || !side_lengths(r, &r->side[s]) ||
            !fill_inputs(r, &r->side[s]))
            return false;
    TpFrame f = side_frame(r, &r->side[0]);
    if (r->k->const_fn) r->k->const_fn(&f);
    for (int s = 0; s < r->nside; s++)
        if (!run_stage(r, &r->side[s], r->k->sample_fn)) return false;
    for (int32_t i = 0; i < r->k->nsize; i++)
        if (r->k->size[i].kind == TP_SIZE_MEASURED && !measure(r, i)) return false;
    return true;
}

bool rt_series_run(RtRun *r) {
    for (int s = 0; s < r->nside; s++)
        if (!alloc_side(r, &r->side[s], TP_STAGE_SERIES) ||
            !run_stage(r, &r->side[s], r->k->series_fn))
            return false;
    return true;
}

static void free_arrays(void **array, int32_t n) {
    for (int32_t a = 0; array && a < n; a++) rt_free(array[a]);
    rt_free(array);
}

void rt_samples_free(RtRun *r) {
    for (int s = 0; s < 2; s++) free_arrays(r->side[s].array, r->k->narray);
    free_arrays(r->carray, r->k->narray);
}

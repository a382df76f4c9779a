/* Everything that is computed once, or once per sample. */
#include "run.h"
#include <math.h>

/* ---- stages */

typedef struct StageWork {
    RtRun *r;
    const RtSide *side;
    TpSampleFn *fn;
    void **array; /* narray pointers a worker, where sizes vary */
    _Atomic int64_t next;
} StageWork;

static TpFrame side_frame(const RtRun *r, const RtSide *side) {
    return (TpFrame){.size = r->v.size, .real = r->v.real, .carray = r->carray,
                     .xarray = side->array, .yarray = side->array, .self = r->k->self};
}

static void run_block(const StageWork *w, int64_t b, void **array) {
    TpFrame f = side_frame(w->r, w->side);
    if (!w->r->varies) {
        w->fn(&f, b * w->r->block, (b + 1) * w->r->block);
        return;
    }
    const RtGroup *g = &w->side->group[w->side->of_block[b]];
    rt_block_pointers(w->r, w->side, b, array);
    f.size = g->size;
    f.real = g->real;
    f.xarray = f.yarray = array;
    w->fn(&f, 0, w->r->block);
}

static void stage_worker(void *ctx, int worker) {
    StageWork *w = ctx;
    void **array = w->array ? w->array + (int64_t)worker * w->r->k->narray : NULL;
    for (;;) {
        int64_t b = atomic_fetch_add(&w->next, 1);
        if (b * w->r->block >= w->side->slots || rt_stopped(w->r->job->stop)) return;
        run_block(w, b, array);
    }
}

static bool run_stage(RtRun *r, const RtSide *side, TpSampleFn *fn) {
    if (!fn) return true;
    StageWork w = {.r = r, .side = side, .fn = fn};
    int threads = (int)rt_min(r->threads, side->slots / r->block);
    if (r->varies) {
        w.array = rt_zalloc((int64_t)threads * r->k->narray * (int64_t)sizeof(void *), r->e);
        if (!w.array) return false;
    }
    bool ok = rt_parallel(threads, stage_worker, &w, r->e);
    rt_free(w.array);
    if (!ok) return false;
    return !rt_stopped(r->job->stop) || rt_fail(r->e, TP_E_STOPPED, "stopped");
}

/* ---- numbers that must be finite */

static bool check_element(RtRun *r, const RtSide *side, int32_t a, int64_t b, int64_t e) {
    const void *at = rt_block(r, side, a, b);
    for (int64_t l = 0; l < side->count[b]; l++) {
        double v = rt_get_real(r, at, e * r->block + l);
        char place[200];
        TpShape own;
        if (isfinite(v)) continue;
        rt_array_shape(&r->k->array[a], side->group[side->of_block[b]].size, &own);
        rt_place_text(place, sizeof place, &own, e);
        return rt_fail(r->e, TP_E_NUMBER, "the %s of sample %lld of %s%s%s is %s",
                       r->k->array[a].finite, (long long)side->sample[b * r->block + l],
                       side->name, own.rank ? " at position " : "", own.rank ? place : "",
                       isnan(v) ? "not a number" : "infinite");
    }
    return true;
}

static bool check_numbers(RtRun *r, const RtSide *side) {
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (!x->finite || x->stage != TP_STAGE_SAMPLE) continue;
        for (int64_t b = 0; b < side->slots / r->block; b++)
            for (int64_t e = 0; e < rt_block_elements(side, a, b); e++)
                if (!check_element(r, side, a, b, e)) return false;
    }
    return true;
}

/* ---- measured sizes */

typedef struct Largest {
    double value;
    const RtSide *side;
    int64_t sample;
} Largest;

static void find_largest(const RtRun *r, const RtSide *side, int32_t array, Largest *l) {
    for (int64_t b = 0; b < side->slots / r->block; b++) {
        const void *at = rt_block(r, side, array, b);
        for (int64_t e = 0; e < rt_block_elements(side, array, b); e++)
            for (int64_t s = 0; s < side->count[b]; s++) {
                double v = rt_get_real(r, at, e * r->block + s);
                if (isnan(l->value) || v <= l->value) continue;
                *l = (Largest){v, side, side->sample[b * r->block + s]};
            }
    }
}

/* The same for all samples. */
static void set_measured(RtRun *r, int32_t i, int64_t v) {
    r->v.size[i] = r->least[i] = r->most[i] = v;
    for (int s = 0; s < r->nside; s++)
        for (int32_t g = 0; g < r->side[s].ngroup; g++) r->side[s].group[g].size[i] = v;
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
                       "coefficients for %lld: series and quadrature are inaccurate at its "
                       "variance; use smaller variances or smaller inputs", z->name,
                       (long long)l.sample, l.side->name, need, (long long)z->cap);
    set_measured(r, i, (int64_t)ceil(l.value));
    return true;
}

bool rt_samples_run(RtRun *r) {
    if (!rt_arrays_const(r)) return false;
    for (int s = 0; s < r->nside; s++)
        if (!rt_arrays_make(r, &r->side[s], TP_STAGE_SAMPLE) || !rt_arrays_fill(r, &r->side[s]))
            return false;
    TpFrame f = side_frame(r, &r->side[0]);
    if (r->k->const_fn) r->k->const_fn(&f);
    for (int s = 0; s < r->nside; s++)
        if (!run_stage(r, &r->side[s], r->k->sample_fn) || !check_numbers(r, &r->side[s]))
            return false;
    for (int32_t i = 0; i < r->k->nsize; i++)
        if (r->k->size[i].kind == TP_SIZE_MEASURED && !measure(r, i)) return false;
    return true;
}

bool rt_series_run(RtRun *r) {
    for (int s = 0; s < r->nside; s++)
        if (!rt_arrays_make(r, &r->side[s], TP_STAGE_SERIES) ||
            !run_stage(r, &r->side[s], r->k->series_fn))
            return false;
    return true;
}

/* The pair stage: threads take tiles of pairs in order; each pair is computed once.
 * Of a training Gram only tiles on and above the diagonal are computed, the rest is mirrored. */
#include "run.h"
#include <math.h>
#include <string.h>

typedef struct Tile {
    int64_t i0, ni, j0, nj;
} Tile;

typedef struct Scratch { /* of one worker */
    char *block;         /* everything below lies in it */
    double *dot;         /* one tile a product */
    double *pack;
    RtRowBuffers *rows;  /* by product */
    float **narrow;      /* float32 kernels: rows of pair inputs, by array number */
    char *out[TP_NKERNEL];
    char *flip;          /* a tile, mirrored */
    void **parray, **row;
} Scratch;

typedef struct PairWork {
    RtRun *r;
    Scratch *scratch;
    int64_t rows, columns; /* of tiles */
    double pairs, start;   /* all pairs; when the stage began */
    _Atomic int64_t next;  /* tile */
    _Atomic int64_t done;  /* pairs */
    /* Lowest tile that failed.  Tiles are handed out in order, so those before it are done or being
     * done, and the first error is the same in every run. */
    _Atomic int64_t failed;
    TpError *error;        /* by worker */
    int64_t *error_tile;
    double next_report;    /* worker 0 */
    bool noted;
} PairWork;

/* ---- scratch: carved from one block; with no block, its size */

static void *carve(char *block, int64_t *used, int64_t bytes) {
    char *p = block ? block + *used : NULL;
    *used += rt_round_up(bytes, 64);
    return p;
}

static void carve_rows(const RtRun *r, Scratch *s, int64_t *used) {
    RtRowBuffers *rows = carve(s->block, used, r->nproduct * (int64_t)sizeof *rows);
    for (int32_t p = 0; p < r->nproduct; p++) {
        RtRowBuffers b = {.c = carve(s->block, used, r->tile * 8),
                          .e = carve(s->block, used, r->tile * 8),
                          .p = carve(s->block, used, r->tile * 8),
                          .g = carve(s->block, used, r->tile * 8)};
        if (s->block) rows[p] = b;
    }
    s->rows = rows;
}

static void carve_arrays(const RtRun *r, Scratch *s, int64_t *used) {
    int64_t pointers = r->k->narray * (int64_t)sizeof(void *);
    void **parray = carve(s->block, used, pointers), **row = carve(s->block, used, pointers);
    float **narrow = carve(s->block, used, pointers);
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage != TP_STAGE_PAIR) continue;
        bool stored = x->class == TP_STORED, in = x->class == TP_INPUT;
        int64_t n = stored ? rt_array_elements(x, r->v.size) : 0;
        bool fits = n < INT64_MAX / 4 / TP_BLOCK / 8;
        void *p = carve(s->block, used, fits ? n * TP_BLOCK * r->real_size : INT64_MAX / 4);
        void *f = carve(s->block, used, in && r->k->dtype == TP_F32 ? r->tile * 4 : 0);
        if (!s->block) continue;
        parray[a] = stored ? p : NULL;
        narrow[a] = f;
    }
    s->parray = parray;
    s->row = row;
    s->narrow = narrow;
}

static int64_t carve_all(const RtRun *r, Scratch *s) {
    int64_t used = 0, tile = r->tile * r->tile;
    s->dot = carve(s->block, &used, r->nproduct * tile * 8);
    s->pack = carve(s->block, &used, RT_DOT_PACK * 8);
    carve_rows(r, s, &used);
    carve_arrays(r, s, &used);
    for (int k = 0; k < TP_NKERNEL; k++)
        s->out[k] = carve(s->block, &used, r->k->kernels >> k & 1 ? tile * r->real_size : 0);
    s->flip = carve(s->block, &used, tile * r->real_size);
    return used;
}

int64_t rt_pairs_scratch(const RtRun *r) {
    Scratch none = {.block = NULL};
    return carve_all(r, &none);
}

/* ---- one row of a tile */

static void *input_row(const RtRun *r, const Scratch *s, int32_t array, const double *v,
                       int64_t n) {
    if (r->k->dtype != TP_F32) return (void *)(uintptr_t)v;
    float *f = s->narrow[array];
    for (int64_t k = 0; k < n; k++) f[k] = (float)v[k];
    return f;
}

static void set_inputs(const RtRun *r, const Scratch *s, int64_t i, int64_t j, int64_t n,
                       int64_t at) {
    for (int32_t q = 0; q < r->nproduct; q++) {
        const RtProduct *p = &r->product[q];
        RtRowBuffers b = s->rows[q];
        b.dot = s->dot + q * r->tile * r->tile + at;
        rt_product_row(r, p, i, j, n, &b);
        if (p->gram) s->row[p->gram] = input_row(r, s, p->gram, b.g, n);
        if (p->unit) s->row[p->unit] = input_row(r, s, p->unit, b.c, n);
        if (p->defect) s->row[p->defect] = input_row(r, s, p->defect, b.e, n);
        if (p->codefect) s->row[p->codefect] = input_row(r, s, p->codefect, b.p, n);
    }
}

static void set_outputs(const RtRun *r, const Scratch *s, int64_t at) {
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage == TP_STAGE_PAIR && x->class == TP_OUTPUT)
            s->row[a] = s->out[x->output] + at * r->real_size;
    }
}

static bool not_finite(const RtRun *r, int k, int64_t i, int64_t j, const char *row, int64_t n,
                       TpError *e) {
    for (int64_t l = 0; l < n; l++) {
        double v = r->k->dtype == TP_F32 ? (double)((const float *)(const void *)row)[l]
                                         : ((const double *)(const void *)row)[l];
        if (isfinite(v)) continue;
        return rt_fail(e, TP_E_NUMBER,
                       "the %s of samples %lld%s and %lld%s is %s: the numbers leave "
                       "the range of %s, or the kernel does not exist for these hyperparameters",
                       tp_kernel_name(k), (long long)i, r->nside > 1 ? " of X" : "",
                       (long long)(j + l), r->nside > 1 ? " of Y" : "",
                       isnan(v) ? "not a number" : "infinite",
                       r->k->dtype == TP_F32 ? "float32" : "float64");
    }
    return true;
}

static bool check_row(const RtRun *r, const Scratch *s, int64_t i, int64_t j, int64_t at, int64_t n,
                      TpError *e) {
    for (int k = 0; k < TP_NKERNEL; k++) {
        const char *row = s->out[k] + at * r->real_size;
        if (!(r->k->kernels >> k & 1)) continue;
        bool ok = r->k->dtype == TP_F32 ? r->loops->finite_f32((const float *)(const void *)row, n)
                                        : r->loops->finite((const double *)(const void *)row, n);
        if (!ok) return not_finite(r, k, i, j, row, n, e);
    }
    return true;
}

/* Columns [c0, c1) of row i of a tile, c0 a multiple of TP_BLOCK; of a training Gram from the first
 * block of lanes that is needed. */
static bool run_row(const RtRun *r, const Scratch *s, const TpFrame *f, const Tile *t, int64_t i,
                    int64_t c0, int64_t c1, TpError *e) {
    int64_t need = r->nside == 1 ? rt_max(i - t->j0, c0) : c0; /* first column that is kept */
    int64_t skip = need / TP_BLOCK * TP_BLOCK;
    if (need >= c1) return true;
    int64_t at = (i - t->i0) * r->tile + skip, n = rt_round_up(c1 - skip, TP_BLOCK);
    set_inputs(r, s, i, t->j0 + skip, n, at);
    set_outputs(r, s, at);
    if (r->k->pair_fn) r->k->pair_fn(f, i, t->j0 + skip, n);
    return check_row(r, s, i, t->j0 + need, at + need - skip, c1 - need, e);
}

/* How many columns the rows of a tile are run over at a time: where the right samples' arrays
 * (series coefficients) would not stay in the cache from one row to the next, one block of lanes.
 */
enum { CACHED = 256 << 10 };
static int64_t column_step(const RtRun *r) {
    double lane = 0;
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage == TP_STAGE_SAMPLE || x->stage == TP_STAGE_SERIES)
            lane += (double)rt_array_elements(x, r->v.size) * (double)r->real_size;
    }
    return lane * (double)r->tile <= (double)CACHED ? r->tile : TP_BLOCK;
}

/* ---- one tile */

static void mirror(const RtRun *r, const char *src, char *dst, int64_t ni, int64_t nj,
                   bool in_place) {
    int64_t ld = r->tile, size = r->real_size;
    for (int64_t i = 0; i < ni; i++)
        for (int64_t j = in_place ? i + 1 : 0; j < nj; j++) {
            const char *from = src + (i * ld + j) * size;
            char *to = dst + (j * ld + i) * size;
            if (size == 8) memcpy(to, from, 8);
            else memcpy(to, from, 4);
        }
}

static bool store_tile(const RtRun *r, const Scratch *s, const Tile *t, TpError *e) {
    for (int k = 0; k < TP_NKERNEL; k++) {
        const RtOutputFile *o = &r->out[k];
        bool diagonal = r->nside == 1 && t->i0 == t->j0;
        if (!o->wanted) continue;
        if (diagonal) mirror(r, s->out[k], s->out[k], t->ni, t->nj, true);
        if (!rt_output_tile(o, t->i0, t->ni, t->j0, t->nj, s->out[k], r->tile, e)) return false;
        if (diagonal || r->nside > 1) continue;
        mirror(r, s->out[k], s->flip, t->ni, t->nj, false);
        if (!rt_output_tile(o, t->j0, t->nj, t->i0, t->ni, s->flip, r->tile, e)) return false;
    }
    return true;
}

static void report(PairWork *w) {
    const TpJob *job = w->r->job;
    double now = rt_now(), done = (double)atomic_load(&w->done) / w->pairs;
    if (now < w->next_report) return;
    w->next_report = now + 0.1;
    double spent = now - w->start, left = done > 0 ? spent * (1 - done) / done : -1;
    if (job->progress) job->progress(job->ctx, done, spent < 0.3 ? -1 : left);
    if (!job->note || w->noted || spent < 0.5 || left < 10) return;
    char text[64], line[128] = "estimated time: ";
    tp_duration_text(text, sizeof text, spent + left);
    strcat(line, text);
    job->note(job->ctx, line);
    w->noted = true;
}

static bool run_tile(PairWork *w, const Scratch *s, const TpFrame *f, const Tile *t, int worker,
                     TpError *e) {
    RtRun *r = w->r;
    for (int32_t q = 0; q < r->nproduct; q++) {
        const RtProduct *p = &r->product[q];
        rt_product_tile(r, &r->side[0].input[p->in[0]], &rt_right(r)->input[p->in[1]], t->i0, t->ni,
                        t->j0, t->nj, s->dot + q * r->tile * r->tile, s->pack);
    }
    int64_t step = column_step(r);
    for (int64_t c0 = 0; c0 < t->nj; c0 += step) {
        int64_t c1 = rt_min(c0 + step, t->nj);
        for (int64_t i = t->i0; i < t->i0 + t->ni; i++) {
            if (rt_stopped(r->job->stop)) return rt_fail(e, TP_E_STOPPED, "stopped");
            if (!run_row(r, s, f, t, i, c0, c1, e)) return false;
            int64_t need = r->nside == 1 ? rt_max(i - t->j0, c0) : c0;
            atomic_fetch_add_explicit(&w->done, rt_max(c1 - need, 0), memory_order_relaxed);
            if (worker == 0) report(w);
        }
    }
    return store_tile(r, s, t, e);
}

/* ---- the queue */

/* Tile number n in order of rows; for a training Gram, row I begins at the diagonal. */
static bool find_tile(const PairWork *w, int64_t n, Tile *t) {
    const RtRun *r = w->r;
    bool training = r->nside == 1;
    int64_t i = 0, len = w->columns;
    for (; i < w->rows && n >= len; i++) {
        n -= len;
        if (training) len--;
    }
    if (i == w->rows) return false;
    int64_t j = training ? i + n : n;
    t->i0 = i * r->tile;
    t->j0 = j * r->tile;
    t->ni = rt_min(r->tile, r->side[0].n - t->i0);
    t->nj = rt_min(r->tile, rt_right(r)->n - t->j0);
    return true;
}

static void fail_tile(PairWork *w, int64_t tile, int worker) {
    w->error_tile[worker] = tile;
    int64_t old = atomic_load(&w->failed);
    while (tile < old && !atomic_compare_exchange_weak(&w->failed, &old, tile)) continue;
}

static TpFrame pair_frame(const RtRun *r, const Scratch *s) {
    return (TpFrame){.size = r->v.size, .real = r->v.real, .carray = r->carray,
                     .xarray = r->side[0].array, .yarray = rt_right(r)->array,
                     .parray = s->parray, .row = s->row, .self = r->k->self};
}

static void pair_worker(void *ctx, int worker) {
    PairWork *w = ctx;
    const Scratch *s = &w->scratch[worker];
    TpFrame f = pair_frame(w->r, s);
    Tile t;
    for (;;) {
        int64_t n = atomic_fetch_add(&w->next, 1);
        if (n > atomic_load(&w->failed) || !find_tile(w, n, &t)) return;
        if (run_tile(w, s, &f, &t, worker, &w->error[worker])) continue;
        fail_tile(w, n, worker);
        return;
    }
}

static bool scratch_make(PairWork *w) {
    int64_t bytes = rt_pairs_scratch(w->r);
    for (int i = 0; i < w->r->threads; i++) {
        w->scratch[i].block = rt_zalloc(bytes, w->r->e);
        if (!w->scratch[i].block) return false;
        carve_all(w->r, &w->scratch[i]);
    }
    return true;
}

static bool first_error(const PairWork *w) {
    int64_t first = atomic_load(&w->failed);
    for (int i = 0; i < w->r->threads; i++)
        if (w->error[i].code && w->error_tile[i] == first) {
            *w->r->e = w->error[i];
            return false;
        }
    return true;
}

bool rt_pairs_run(RtRun *r) {
    int64_t n = r->side[0].n, m = rt_right(r)->n, threads = r->threads;
    PairWork w = {.r = r,
                  .rows = (n + r->tile - 1) / r->tile,
                  .columns = (m + r->tile - 1) / r->tile,
                  .start = rt_now(),
                  .failed = INT64_MAX};
    w.pairs = r->nside == 1 ? (double)n * (double)(n + 1) / 2 : (double)n * (double)m;
    w.next_report = w.start + 0.1;
    w.scratch = rt_zalloc(threads * (int64_t)sizeof(Scratch), r->e);
    w.error = rt_zalloc(threads * (int64_t)sizeof(TpError), r->e);
    w.error_tile = rt_zalloc(threads * 8, r->e);
    bool ok = w.scratch && w.error && w.error_tile && scratch_make(&w) &&
              rt_parallel(r->threads, pair_worker, &w, r->e) && first_error(&w);
    for (int64_t i = 0; w.scratch && i < threads; i++) rt_free(w.scratch[i].block);
    rt_free(w.scratch);
    rt_free(w.error);
    rt_free(w.error_tile);
    return ok;
}

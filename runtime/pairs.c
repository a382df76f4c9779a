/* The pair stage: threads take tiles of pairs in order; each pair is computed once.
 * Of a training Gram only tiles on and above the diagonal are computed, the rest is mirrored. */
#include "run.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct PairWork {
    RtRun *r;
    RtScratch *scratch;
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

/* ---- one row of a tile */

static void *input_row(const RtRun *r, const RtScratch *s, int32_t array, const double *v,
                       int64_t n) {
    if (r->k->dtype != TP_F32) return (void *)(uintptr_t)v;
    float *f = s->narrow[array];
    for (int64_t k = 0; k < n; k++) f[k] = (float)v[k];
    return f;
}

static void set_inputs(const RtRun *r, const RtScratch *s, int64_t i, int64_t j, int64_t n,
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

static void set_outputs(const RtRun *r, const RtScratch *s, int64_t at) {
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage == TP_STAGE_PAIR && x->class == TP_OUTPUT)
            s->row[a] = s->out[x->output] + at * r->real_size;
    }
}

/* ---- a sample with itself, where that is another number than a pair's */

static void put_diagonal(const RtRun *r, const RtScratch *s, int64_t i, int64_t at) {
    const RtSide *side = &r->side[0];
    int64_t stride = r->wide_step ? r->wide_step : 1;
    for (int k = 0; k < TP_NKERNEL; k++) {
        int32_t a = r->diagonal[k];
        if (!a) continue;
        const void *own = rt_block(r, side, a, i / r->block);
        for (int64_t e = 0; e < rt_block_elements(side, a, i / r->block); e++)
            rt_put_real(r, s->out[k], e * stride + at,
                        rt_get_real(r, own, e * r->block + i % r->block));
    }
}

/* ---- results that are not finite */

typedef struct Where { /* a kernel's element `e` at left slot i, right slots from j on */
    int k;
    int64_t i, j, e;
    const int64_t *size;
} Where;

/* " at positions (0, 1) and (2, 3)", of results that have such axes. */
static void positions_text(char *buf, size_t cap, const RtRun *r, const Where *w) {
    TpShape own, half[2];
    char text[2][150];
    *buf = 0;
    if (!r->wide_step) return;
    rt_array_shape(&r->k->array[rt_output_array(r, w->k)], w->size, &own);
    int n = own.rank / 2;
    int64_t right = 1;
    for (int h = 0; h < 2; h++) {
        half[h].rank = n;
        for (int a = 0; a < n; a++) half[h].len[a] = own.len[h * n + a];
    }
    for (int a = 0; a < n; a++) right *= half[1].len[a];
    rt_place_text(text[0], sizeof text[0], &half[0], w->e / right);
    rt_place_text(text[1], sizeof text[1], &half[1], w->e % right);
    snprintf(buf, cap, " at positions %s and %s", text[0], text[1]);
}

/* ": in sample 2 of X, at position 1, .." where a number of one of the two samples alone is the
 * cause. */
static bool cause_text(char *buf, size_t cap, const RtRun *r, const RtSide *side, int64_t slot) {
    int64_t b = slot / r->block;
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        TpShape own;
        char place[200];
        if (x->stage != TP_STAGE_SAMPLE || x->class != TP_STORED) continue;
        rt_array_shape(x, side->group[side->of_block[b]].size, &own);
        for (int64_t e = 0; e < rt_block_elements(side, a, b); e++) {
            double v = rt_get_real(r, rt_block(r, side, a, b), e * r->block + slot % r->block);
            if (isfinite(v)) continue;
            rt_place_text(place, sizeof place, &own, e);
            snprintf(buf, cap,
                     "in sample %lld of %s%s%s a number of that sample alone is %s, as where a "
                     "variance of 0 is divided by",
                     (long long)side->sample[slot], side->name, own.rank ? ", at position " : "",
                     own.rank ? place : "", isnan(v) ? "not a number" : "infinite");
            return true;
        }
    }
    return false;
}

static bool not_finite(const RtRun *r, const Where *w, const void *row, int64_t n, TpError *e) {
    char at[340], cause[400];
    for (int64_t l = 0; l < n; l++) {
        double v = rt_get_real(r, row, l);
        if (isfinite(v)) continue;
        positions_text(at, sizeof at, r, w);
        if (!cause_text(cause, sizeof cause, r, &r->side[0], w->i) &&
            !cause_text(cause, sizeof cause, r, rt_right(r), w->j + l))
            snprintf(cause, sizeof cause,
                     "the numbers leave the range of %s, or the kernel does not exist for these "
                     "hyperparameters",
                     r->k->dtype == TP_F32 ? "float32" : "float64");
        return rt_fail(e, TP_E_NUMBER,
                       "the %s of samples %lld%s and %lld%s%s is %s: %s",
                       tp_kernel_name(w->k), (long long)r->side[0].sample[w->i],
                       r->nside > 1 ? " of X" : "", (long long)rt_right(r)->sample[w->j + l],
                       r->nside > 1 ? " of Y" : "", at, isnan(v) ? "not a number" : "infinite",
                       cause);
    }
    return true;
}

static bool check_part(const RtRun *r, const Where *w, const char *row, int64_t n, TpError *e) {
    bool ok = r->k->dtype == TP_F32 ? r->loops->finite_f32((const float *)(const void *)row, n)
                                    : r->loops->finite((const double *)(const void *)row, n);
    return ok || not_finite(r, w, row, n, e);
}

/* Right slots [j, j + n), whose first one lies at `at` of each row of the results. */
static bool check_row(const RtRun *r, const RtScratch *s, const int64_t *size, int64_t i, int64_t j,
                      int64_t at, int64_t n, TpError *e) {
    for (int k = 0; k < TP_NKERNEL; k++) {
        if (!(r->k->kernels >> k & 1)) continue;
        int64_t elements = 1;
        if (r->wide_step)
            elements = rt_array_elements(&r->k->array[rt_output_array(r, k)], size);
        for (int64_t l = 0; l < elements; l++) {
            Where w = {k, i, j, l, size};
            const char *row = s->out[k] + (l * r->wide_step + at) * r->real_size;
            if (!check_part(r, &w, row, n, e)) return false;
        }
    }
    return true;
}

/* Rows of a tile whose elements lie ready at a time. */
static int64_t rows_ready(const RtRun *r, const RtPairTile *t) {
    return r->k->compact ? RT_LEFT_ROWS : t->ni;
}

static void run_pairs(const RtRun *r, const RtScratch *s, const TpFrame *f, const RtPairTile *t,
                      int64_t i, int64_t j, int64_t n) {
    TpFrame own = *f;
    int64_t left = r->varies ? i % r->block : i;
    if (r->k->compact) {
        own.xarray = s->left[(i - t->i0) % RT_LEFT_ROWS];
        left = 0;
    }
    r->k->pair_fn(&own, left, r->varies ? j % r->block : j, n);
}

/* Columns [c0, c1) of row i of a tile, c0 a multiple of the lanes; of a training Gram from the
 * first lanes that are needed. */
static bool run_row(const RtRun *r, const RtScratch *s, const TpFrame *f, const RtPairTile *t,
                    int64_t i, int64_t c0, int64_t c1, TpError *e) {
    int64_t need = r->nside == 1 ? rt_max(i - t->j0, c0) : c0; /* first column that is kept */
    int64_t skip = need / r->lanes * r->lanes, j = t->j0 + skip;
    if (need >= c1) return true;
    int64_t n = rt_round_up(c1 - skip, r->lanes);
    int64_t at = r->wide_step ? 0 : (i - t->i0) * r->tile + skip, kept = at + need - skip;
    set_inputs(r, s, i, j, n, (i - t->i0) * r->tile + skip);
    set_outputs(r, s, at);
    if (r->k->pair_fn) run_pairs(r, s, f, t, i, j, n);
    if (r->nside == 1 && need == i - t->j0) put_diagonal(r, s, i, kept);
    if (!check_row(r, s, f->size, i, t->j0 + need, kept, c1 - need, e)) return false;
    return !r->wide_step || rt_store_wide(r, s, f->size, i, t->j0 + need, kept, c1 - need, e);
}

/* How many columns the rows of a tile are run over at a time: with positions, no more than the pair
 * function works on, so that a run can be stopped and its progress told; where the right samples'
 * arrays (series coefficients) would not stay in the cache from one row to the next, one block. */
enum { CACHED = 256 << 10 };
static int64_t column_step(const RtRun *r) {
    double lane = 0;
    if (r->wide_step) return r->wide_step;
    if (rt_has_positions(r)) return r->lanes;
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage == TP_STAGE_SAMPLE || x->stage == TP_STAGE_SERIES)
            lane += (double)rt_array_elements(x, r->v.size) * (double)r->real_size;
    }
    return lane * (double)r->tile <= (double)CACHED ? r->tile : TP_BLOCK;
}

/* ---- one tile */

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

/* Rows [i0, i1) of a tile. */
static bool run_rows(PairWork *w, const RtScratch *s, const TpFrame *f, const RtPairTile *t,
                     int64_t i0, int64_t i1, int worker, TpError *e) {
    RtRun *r = w->r;
    int64_t step = column_step(r);
    if (r->k->compact) rt_left_gather(r, s, i0, i1 - i0);
    for (int64_t c0 = 0; c0 < t->nj; c0 += step) {
        int64_t c1 = rt_min(c0 + step, t->nj);
        for (int64_t i = i0; i < i1; i++) {
            if (rt_stopped(r->job->stop)) return rt_fail(e, TP_E_STOPPED, "stopped");
            if (!run_row(r, s, f, t, i, c0, c1, e)) return false;
            int64_t need = r->nside == 1 ? rt_max(i - t->j0, c0) : c0;
            atomic_fetch_add_explicit(&w->done, rt_max(c1 - need, 0), memory_order_relaxed);
            if (worker == 0) report(w);
        }
    }
    return true;
}

static bool run_tile(PairWork *w, const RtScratch *s, const TpFrame *f, const RtPairTile *t,
                     int worker, TpError *e) {
    RtRun *r = w->r;
    for (int32_t q = 0; q < r->nproduct; q++) {
        const RtProduct *p = &r->product[q];
        rt_product_tile(r, &r->side[0].input[p->in[0]], &rt_right(r)->input[p->in[1]], t->i0, t->ni,
                        t->j0, t->nj, s->dot + q * r->tile * r->tile, s->pack);
    }
    int64_t ready = rows_ready(r, t);
    for (int64_t i = t->i0; i < t->i0 + t->ni; i += ready)
        if (!run_rows(w, s, f, t, i, rt_min(i + ready, t->i0 + t->ni), worker, e)) return false;
    return r->wide_step || rt_store_tile(r, s, t, e);
}

/* ---- the queue */

/* Tile number n in order of rows; for a training Gram, a row begins at the diagonal.  ni is 0 where
 * a block has fewer samples. */
static bool find_tile(const PairWork *w, int64_t n, RtPairTile *t) {
    const RtRun *r = w->r;
    int64_t i = 0, first = 0;
    for (; i < w->rows; i++) {
        first = r->nside == 1 ? i * r->tile_rows / r->tile : 0;
        if (n < w->columns - first) break;
        n -= w->columns - first;
    }
    if (i == w->rows) return false;
    const RtSide *x = &r->side[0], *y = rt_right(r);
    t->i0 = i * r->tile_rows;
    t->j0 = (first + n) * r->tile;
    int64_t xend = x->n, yend = y->n;
    if (r->varies) {
        xend = t->i0 / r->block * r->block + x->count[t->i0 / r->block];
        yend = t->j0 + y->count[t->j0 / r->block];
    }
    t->ni = rt_max(rt_min(r->tile_rows, xend - t->i0), 0);
    t->nj = rt_min(r->tile, yend - t->j0);
    return true;
}

static void fail_tile(PairWork *w, int64_t tile, int worker) {
    w->error_tile[worker] = tile;
    int64_t old = atomic_load(&w->failed);
    while (tile < old && !atomic_compare_exchange_weak(&w->failed, &old, tile)) continue;
}

static TpFrame pair_frame(const RtRun *r, const RtScratch *s) {
    bool own = r->varies;
    return (TpFrame){.size = own ? s->size : r->v.size, .real = own ? s->real : r->v.real,
                     .carray = r->carray, .xarray = own ? s->xarray : r->side[0].array,
                     .yarray = own ? s->yarray : rt_right(r)->array, .parray = s->parray,
                     .row = s->row, .stride = r->wide_step ? r->wide_step : r->tile,
                     .self = r->k->self};
}

/* Sizes of the two blocks of a tile, what is derived from them, and where the blocks lie. */
static void enter_blocks(const RtRun *r, const RtScratch *s, const RtPairTile *t) {
    const RtSide *x = &r->side[0], *y = rt_right(r);
    int64_t i = t->i0 / r->block, j = t->j0 / r->block;
    rt_values_derive(&r->v, x->group[x->of_block[i]].size, y->group[y->of_block[j]].size, s->size,
                     s->real);
    rt_block_pointers(r, x, i, s->xarray);
    rt_block_pointers(r, y, j, s->yarray);
}

static void pair_worker(void *ctx, int worker) {
    PairWork *w = ctx;
    const RtScratch *s = &w->scratch[worker];
    TpFrame f = pair_frame(w->r, s);
    RtPairTile t;
    for (;;) {
        int64_t n = atomic_fetch_add(&w->next, 1);
        if (n > atomic_load(&w->failed) || !find_tile(w, n, &t)) return;
        if (t.ni && w->r->varies) enter_blocks(w->r, s, &t);
        if (!t.ni || run_tile(w, s, &f, &t, worker, &w->error[worker])) continue;
        fail_tile(w, n, worker);
        return;
    }
}

static bool scratch_make(PairWork *w) {
    for (int i = 0; i < w->r->threads; i++)
        if (!rt_scratch_make(w->r, &w->scratch[i])) return false;
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
                  .rows = ((r->varies ? r->side[0].slots : n) + r->tile_rows - 1) / r->tile_rows,
                  .columns = ((r->varies ? rt_right(r)->slots : m) + r->tile - 1) / r->tile,
                  .start = rt_now(),
                  .failed = INT64_MAX};
    w.pairs = r->nside == 1 ? (double)n * (double)(n + 1) / 2 : (double)n * (double)m;
    w.next_report = w.start + 0.1;
    w.scratch = rt_zalloc(threads * (int64_t)sizeof(RtScratch), r->e);
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

/* From a thread's memory to the results: slots become samples again, and what a training Gram has
 * above its diagonal is mirrored. */
#include "run.h"
#include <math.h>
#include <string.h>

/* Entries of row `i` (a sample) at slots [j, j + n) of the columns' side, one after the other. */
static bool put_run(const RtRun *r, const RtOutputFile *o, const RtSide *columns, int64_t i,
                    int64_t j, int64_t n, const char *src, TpError *e) {
    int64_t entry = o->entry * r->real_size;
    if (!r->varies) return n <= 0 || rt_output_run(o, i, j, n, src, e);
    for (int64_t at = 0, end; at < n; at = end) {
        const int64_t *s = columns->sample + j;
        for (end = at + 1; end < n && s[end] == s[end - 1] + 1;) end++;
        if (!rt_output_run(o, i, s[at], end - at, src + at * entry, e)) return false;
    }
    return true;
}

/* ---- numbers: a whole tile */

static void flip_tile(const RtRun *r, const char *src, char *dst, int64_t ni, int64_t nj) {
    int64_t ld = r->tile;
    for (int64_t i = 0; i < ni; i++)
        for (int64_t j = 0; j < nj; j++) {
            if (r->real_size == 8) memcpy(dst + (j * ld + i) * 8, src + (i * ld + j) * 8, 8);
            else memcpy(dst + (j * ld + i) * 4, src + (i * ld + j) * 4, 4);
        }
}

static bool store_rows(const RtRun *r, const RtOutputFile *o, const char *src, const RtPairTile *t,
                       TpError *e) {
    for (int64_t i = 0; i < t->ni; i++) {
        int64_t from = r->nside == 1 ? rt_max(t->i0 + i - t->j0, 0) : 0;
        if (!put_run(r, o, rt_right(r), r->side[0].sample[t->i0 + i], t->j0 + from, t->nj - from,
                     src + (i * r->tile + from) * r->real_size, e))
            return false;
    }
    return true;
}

/* Below the diagonal. */
static bool store_mirrored(const RtRun *r, const RtOutputFile *o, const char *flip,
                           const RtPairTile *t, TpError *e) {
    for (int64_t j = 0; j < t->nj; j++) {
        int64_t n = rt_min(t->ni, t->j0 + j - t->i0);
        if (!put_run(r, o, &r->side[0], r->side[0].sample[t->j0 + j], t->i0, n,
                     flip + j * r->tile * r->real_size, e))
            return false;
    }
    return true;
}

bool rt_store_tile(const RtRun *r, const RtScratch *s, const RtPairTile *t, TpError *e) {
    for (int k = 0; k < TP_NKERNEL; k++) {
        const RtOutputFile *o = &r->out[k];
        if (!o->wanted) continue;
        if (!store_rows(r, o, s->out[k], t, e)) return false;
        if (r->nside > 1) continue;
        flip_tile(r, s->out[k], s->flip, t->ni, t->nj);
        if (!store_mirrored(r, o, s->flip, t, e)) return false;
    }
    return true;
}

/* ---- entries with position axes */

typedef struct Wide {
    const RtRun *r;
    const TpShape *full; /* of a result */
    TpShape own;         /* axes of an entry at these sizes */
    const char *src;     /* [element * wide_step + column] */
    char *entries;
    int64_t n, entry;    /* columns; numbers of an entry */
    bool same;           /* entries have all elements */
} Wide;

static void put_nan(const RtRun *r, char *to, int64_t n) {
    for (int64_t i = 0; i < n; i++) rt_put_real(r, to, i, NAN);
}

static void put_element(const Wide *w, int64_t to, int64_t from) {
    const char *src = w->src + from * w->r->wide_step * w->r->real_size;
    for (int64_t c = 0; c < w->n; c++) {
        int64_t at = c * w->entry + to;
        if (w->r->real_size == 8) memcpy(w->entries + at * 8, src + c * 8, 8);
        else memcpy(w->entries + at * 4, src + c * 4, 4);
    }
}

/* Place in a whole entry of each own element; flip: x and x' change places. */
static void gather(const Wide *w, bool flip) {
    int rank = w->own.rank, half = rank / 2;
    int64_t idx[TP_RANK] = {0}, stride[TP_RANK], step = 1, to = 0, n = 1;
    if (!w->same) put_nan(w->r, w->entries, w->n * w->entry);
    for (int k = rank - 1; k >= 0; k--) {
        stride[k] = step;
        step *= w->full->len[2 + k];
        n *= w->own.len[k];
    }
    for (int64_t e = 0; e < n; e++) {
        put_element(w, to, e);
        for (int k = rank - 1; k >= 0; k--) {
            int64_t by = stride[!flip ? k : k < half ? k + half : k - half];
            to += by;
            if (++idx[k] < w->own.len[k]) break;
            to -= w->own.len[k] * by;
            idx[k] = 0;
        }
    }
}

static bool store_mirrored_entries(const Wide *w, const RtOutputFile *o, int64_t i, int64_t j,
                                   TpError *e) {
    const RtSide *x = &w->r->side[0];
    gather(w, true);
    for (int64_t c = 0; c < w->n; c++) {
        if (j + c == i) continue;
        if (!rt_output_run(o, x->sample[j + c], x->sample[i], 1,
                           w->entries + c * w->entry * w->r->real_size, e))
            return false;
    }
    return true;
}

bool rt_store_wide(const RtRun *r, const RtScratch *s, const int64_t *size, int64_t i, int64_t j,
                   int64_t from, int64_t n, TpError *e) {
    for (int k = 0; k < TP_NKERNEL; k++) {
        const RtOutputFile *o = &r->out[k];
        if (!o->wanted) continue;
        Wide w = {.r = r, .full = &r->shape, .src = s->out[k] + from * r->real_size,
                  .entries = s->flip, .n = n, .entry = o->entry, .same = true};
        rt_array_shape(&r->k->array[rt_output_array(r, k)], size, &w.own);
        for (int a = 0; a < w.own.rank; a++) w.same &= w.own.len[a] == r->shape.len[2 + a];
        gather(&w, false);
        if (!put_run(r, o, rt_right(r), r->side[0].sample[i], j, n, w.entries, e)) return false;
        if (r->nside == 1 && !store_mirrored_entries(&w, o, i, j, e)) return false;
    }
    return true;
}

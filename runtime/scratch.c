/* Memory of one thread of the pair stage: carved from one block; with no block, its size. */
#include "run.h"

static void *carve(char *block, int64_t *used, int64_t bytes) {
    char *p = block ? block + *used : NULL;
    *used += rt_round_up(rt_min(bytes, INT64_MAX / 8), 64);
    if (*used > INT64_MAX / 8) *used = INT64_MAX / 8;
    return p;
}

static void carve_rows(const RtRun *r, RtScratch *s, int64_t *used) {
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

static int64_t stored_bytes(const RtRun *r, const TpArray *x) {
    int64_t lanes = r->k->lanes > 0 ? r->k->lanes : TP_BLOCK;
    int64_t n = x->class == TP_STORED ? rt_array_bound(x, r->least, r->most) : 0;
    return __builtin_mul_overflow(n, lanes * r->real_size, &n) ? INT64_MAX : n;
}

static void carve_arrays(const RtRun *r, RtScratch *s, int64_t *used) {
    int64_t pointers = r->k->narray * (int64_t)sizeof(void *);
    s->parray = carve(s->block, used, pointers);
    s->row = carve(s->block, used, pointers);
    s->xarray = carve(s->block, used, pointers);
    s->yarray = carve(s->block, used, pointers);
    s->narrow = carve(s->block, used, pointers);
    s->size = carve(s->block, used, r->k->nsize * 8);
    s->real = carve(s->block, used, r->k->nreal * 8);
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage != TP_STAGE_PAIR) continue;
        bool in = x->class == TP_INPUT;
        void *p = carve(s->block, used, stored_bytes(r, x));
        void *f = carve(s->block, used, in && r->k->dtype == TP_F32 ? r->tile * 4 : 0);
        if (!s->block) continue;
        s->parray[a] = x->class == TP_STORED ? p : NULL;
        s->narrow[a] = f;
    }
}

static void carve_left(const RtRun *r, RtScratch *s, int64_t *used) {
    for (int i = 0; r->k->compact && i < RT_LEFT_ROWS; i++) {
        s->left[i] = carve(s->block, used, r->k->narray * (int64_t)sizeof(void *));
        for (int32_t a = 1; a < r->k->narray; a++) {
            const TpArray *x = &r->k->array[a];
            int64_t n = x->left ? rt_array_bound(x, r->least, r->most) : 0, bytes;
            if (__builtin_mul_overflow(n, r->real_size, &bytes)) bytes = INT64_MAX;
            void *p = carve(s->block, used, bytes);
            if (s->block) s->left[i][a] = x->left ? p : NULL;
        }
    }
}

/* Of one result: a tile, or some columns with all positions. */
static int64_t output_bytes(const RtRun *r) {
    int64_t n = r->real_size * (r->wide_step ? r->wide_step : r->tile * r->tile);
    for (int i = 2; i < r->shape.rank; i++)
        if (__builtin_mul_overflow(n, r->shape.len[i], &n)) return INT64_MAX;
    return n;
}

static int64_t carve_all(const RtRun *r, RtScratch *s) {
    int64_t used = 0;
    s->dot = carve(s->block, &used, r->nproduct * r->tile * r->tile * 8);
    s->pack = carve(s->block, &used, RT_DOT_PACK * 8);
    carve_rows(r, s, &used);
    carve_arrays(r, s, &used);
    carve_left(r, s, &used);
    for (int k = 0; k < TP_NKERNEL; k++)
        s->out[k] = carve(s->block, &used, r->k->kernels >> k & 1 ? output_bytes(r) : 0);
    s->flip = carve(s->block, &used, output_bytes(r));
    return used;
}

int64_t rt_scratch_bytes(const RtRun *r) {
    RtScratch none = {.block = NULL};
    return carve_all(r, &none);
}

bool rt_scratch_make(const RtRun *r, RtScratch *s) {
    s->block = rt_zalloc(rt_scratch_bytes(r), r->e);
    if (s->block) carve_all(r, s);
    return s->block != NULL;
}

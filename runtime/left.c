/* A left sample's elements lie a block's width apart; a pair function that reads many of them gets
 * them one after the other, some samples (a cache line of lanes) at a time. */
#include "run.h"

typedef struct Row { /* where an array's elements of a slot come from and go */
    int64_t from; /* in reals, of the block */
    void *to;
} Row;

#define GATHER(T)                                                                                 \
    for (int64_t e = 0; e < elements; e++)                                                        \
        for (int64_t k = 0; k < n; k++)                                                           \
            ((T *)row[k].to)[e] = ((const T *)block)[e * r->block + row[k].from]

static void gather_block(const RtRun *r, const void *block, int64_t elements, const Row *row,
                         int64_t n) {
    if (r->k->dtype == TP_F32) GATHER(float);
    else GATHER(double);
}

/* Slots [i, i + n) of one block; the first is number `at` of those gathered. */
static void gather_array(const RtRun *r, const RtScratch *s, int32_t array, int64_t i, int64_t n,
                         int64_t at) {
    const RtSide *side = &r->side[0];
    int64_t b = i / r->block;
    Row row[RT_LEFT_ROWS];
    for (int64_t k = 0; k < n; k++) row[k] = (Row){(i + k) % r->block, s->left[at + k][array]};
    gather_block(r, rt_block(r, side, array, b), rt_block_elements(side, array, b), row, n);
}

void rt_left_gather(const RtRun *r, const RtScratch *s, int64_t i, int64_t n) {
    for (int64_t at = 0, m; at < n; at += m) {
        m = rt_min(n - at, r->block - (i + at) % r->block);
        for (int32_t a = 1; a < r->k->narray; a++)
            if (r->k->array[a].left) gather_array(r, s, a, i + at, m, at);
    }
}

/* Storage of sample arrays: blocks of samples, as long as their group's sizes need. */
#include "run.h"
#include <stdio.h>

static int64_t group_blocks(const RtRun *r, const RtSide *side, int32_t g) {
    int64_t end = g + 1 < side->ngroup ? side->group[g + 1].first : side->slots / r->block;
    return end - side->group[g].first;
}

/* Reals of one array on one side; INT64_MAX where that overflows. */
static int64_t side_reals(const RtRun *r, const RtSide *side, int32_t a) {
    int64_t all = 0;
    for (int32_t g = 0; g < side->ngroup; g++) {
        int64_t n = rt_array_elements(&r->k->array[a], side->group[g].size);
        if (__builtin_mul_overflow(n, group_blocks(r, side, g) * r->block, &n) ||
            __builtin_add_overflow(all, n, &all))
            return INT64_MAX;
    }
    return all;
}

int64_t rt_array_bytes(const RtRun *r, int32_t array) {
    int64_t all = 0;
    for (int s = 0; s < r->nside; s++)
        if (__builtin_add_overflow(all, side_reals(r, &r->side[s], array), &all)) return INT64_MAX;
    return __builtin_mul_overflow(all, r->real_size, &all) ? INT64_MAX : all;
}

static bool side_tables(RtRun *r, RtSide *side) {
    int64_t n = (int64_t)r->k->narray * side->ngroup * 8;
    if (!side->array) side->array = rt_zalloc(r->k->narray * (int64_t)sizeof(void *), r->e);
    if (!side->elements) side->elements = rt_zalloc(n, r->e);
    if (!side->start) side->start = rt_zalloc(n, r->e);
    return side->array && side->elements && side->start;
}

static void place_groups(const RtRun *r, RtSide *side, int32_t a) {
    int64_t at = 0;
    for (int32_t g = 0; g < side->ngroup; g++) {
        int64_t n = rt_array_elements(&r->k->array[a], side->group[g].size);
        side->elements[(int64_t)a * side->ngroup + g] = n;
        side->start[(int64_t)a * side->ngroup + g] = at;
        at += n * group_blocks(r, side, g) * r->block;
    }
}

bool rt_arrays_make(RtRun *r, RtSide *side, TpStage stage) {
    if (!side_tables(r, side)) return false;
    for (int32_t a = 1; a < r->k->narray; a++) {
        if (r->k->array[a].stage != (int32_t)stage) continue;
        place_groups(r, side, a);
        side->array[a] = rt_zalloc(side_reals(r, side, a) * r->real_size, r->e);
        if (!side->array[a]) return false;
    }
    return true;
}

bool rt_arrays_const(RtRun *r) {
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

void *rt_block(const RtRun *r, const RtSide *side, int32_t array, int64_t block) {
    int32_t g = side->of_block[block];
    int64_t k = (int64_t)array * side->ngroup + g;
    int64_t at = side->start[k] + (block - side->group[g].first) * side->elements[k] * r->block;
    return side->array[array] ? (char *)side->array[array] + at * r->real_size : NULL;
}

void rt_block_pointers(const RtRun *r, const RtSide *side, int64_t block, void **to) {
    for (int32_t a = 1; a < r->k->narray; a++) to[a] = rt_block(r, side, a, block);
}

void rt_array_shape(const TpArray *a, const int64_t *size, TpShape *extent) {
    extent->rank = (int)rt_min(a->naxis, TP_RANK);
    for (int i = 0; i < extent->rank; i++)
        extent->len[i] = rt_max(rt_aff_value(&a->extent[i], size), 1);
}

void rt_place_text(char *buf, size_t cap, const TpShape *extent, int64_t e) {
    TpShape idx = {.rank = extent->rank};
    for (int i = extent->rank - 1; i >= 0; i--) {
        idx.len[i] = e % extent->len[i];
        e /= extent->len[i];
    }
    if (idx.rank == 1) snprintf(buf, cap, "%lld", (long long)idx.len[0]);
    else tp_shape_text(buf, cap, &idx);
}

static void free_arrays(void **array, int32_t n) {
    for (int32_t a = 0; array && a < n; a++) rt_free(array[a]);
    rt_free(array);
}

void rt_arrays_free(RtRun *r) {
    for (int s = 0; s < 2; s++) {
        free_arrays(r->side[s].array, r->k->narray);
        rt_free(r->side[s].elements);
        rt_free(r->side[s].start);
    }
    free_arrays(r->carray, r->k->narray);
}

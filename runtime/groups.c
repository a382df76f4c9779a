/* Samples in blocks of equal sizes.  Where no size varies there is one group, in order of the data.
 * The order depends on the data only, so results do not depend on threads. */
#include "run.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct Key { /* a sample and its position sizes */
    const int64_t *size;
    int32_t n;
    int64_t sample;
} Key;

/* Large samples first: what is left for the end is short. */
static int by_size(const void *a, const void *b) {
    const Key *x = a, *y = b;
    for (int32_t i = 0; i < x->n; i++)
        if (x->size[i] != y->size[i]) return x->size[i] < y->size[i] ? 1 : -1;
    return (x->sample > y->sample) - (x->sample < y->sample);
}

static bool equal_sizes(const Key *x, const Key *y) {
    for (int32_t i = 0; i < x->n; i++)
        if (x->size[i] != y->size[i]) return false;
    return true;
}

/* ---- a sample's axes must lie in the data's */
static bool check_sample(const RtRun *r, const RtSide *side, int64_t sample, const int64_t *size) {
    for (int32_t i = 0; i < r->k->ninput; i++)
        for (int32_t k = 0; k < r->k->input[i].npos; k++) {
            const TpAff *a = &r->k->input[i].size[k];
            int64_t v = rt_aff_value(a, size), len = side->input[i].shape.len[1 + k];
            char buf[200] = "";
            RtText t = {buf, sizeof buf, 0};
            rt_put_aff(&t, r->k, a);
            if (v < 1 || v > len)
                return rt_fail(r->e, TP_E_DATA,
                               "sample %lld (from 0) of %s has %s = %lld, but axis %d of %s has "
                               "length %lld: expected 1 to %lld",
                               (long long)sample, side->name, buf, (long long)v, k + 1,
                               rt_input_label(&side->input[i], r->k->input[i].name), (long long)len,
                               (long long)len);
        }
    return true;
}

/* ---- keys in order */
typedef struct Order {
    Key *key;
    int64_t *size;
} Order;

/* size[]: nsize numbers for each sample; only position sizes count. */
static bool order_make(RtRun *r, const RtSide *side, Order *o) {
    int32_t nz = r->varies ? r->k->nsize : 0;
    o->key = rt_alloc(side->n * (int64_t)sizeof(Key), r->e);
    o->size = rt_zalloc(side->n * nz * 8, r->e);
    if (!o->key || !o->size) return false;
    for (int64_t s = 0; s < side->n; s++) {
        int64_t *size = o->size + s * nz;
        for (int32_t z = 0; z < nz; z++)
            if (r->k->size[z].kind == TP_SIZE_POSITION)
                size[z] = side->length[z] ? (int64_t)side->length[z][s] : side->bound[z];
        o->key[s] = (Key){size, nz, s};
    }
    qsort(o->key, (size_t)side->n, sizeof *o->key, by_size);
    return true;
}

static void order_free(Order *o) {
    rt_free(o->key);
    rt_free(o->size);
}

/* ---- groups and blocks */

static bool group_numbers(RtRun *r, RtSide *side, RtGroup *g, const Key *k) {
    g->size = rt_alloc(r->k->nsize * 8, r->e);
    g->real = rt_alloc(r->k->nreal * 8, r->e);
    if (!g->size || !g->real) return false;
    rt_values_derive(&r->v, r->varies ? k->size : side->bound, NULL, g->size, g->real);
    return !r->varies || check_sample(r, side, k->sample, g->size);
}

static bool alloc_slots(RtRun *r, RtSide *side, int64_t blocks) {
    side->slots = blocks * r->block;
    side->sample = rt_alloc(side->slots * 8, r->e);
    side->of_block = rt_alloc(blocks * 4, r->e);
    side->count = rt_alloc(blocks * 4, r->e);
    side->of_sample = rt_alloc(side->n * 4, r->e);
    side->group = rt_zalloc(side->ngroup * (int64_t)sizeof(RtGroup), r->e);
    return side->sample && side->of_block && side->count && side->of_sample && side->group;
}

static void fill_block(const RtRun *r, RtSide *side, const Key *k, int64_t n, int64_t block,
                       int32_t group) {
    side->of_block[block] = group;
    side->count[block] = (int32_t)rt_min(n, r->block);
    for (int64_t l = 0; l < r->block; l++)
        side->sample[block * r->block + l] = k[rt_min(l, n - 1)].sample;
    for (int64_t l = 0; l < side->count[block]; l++) side->of_sample[k[l].sample] = group;
}

static int64_t group_end(const Order *o, int64_t n, int64_t at) {
    int64_t end = at + 1;
    while (end < n && equal_sizes(&o->key[at], &o->key[end])) end++;
    return end;
}

static bool side_groups(RtRun *r, RtSide *side, const Order *o) {
    int64_t blocks = 0, block = 0;
    for (int64_t at = 0, end; at < side->n; at = end) {
        end = group_end(o, side->n, at);
        blocks += (end - at + r->block - 1) / r->block;
        side->ngroup++;
    }
    if (!alloc_slots(r, side, blocks)) return false;
    int32_t g = 0;
    for (int64_t at = 0, end; at < side->n; at = end, g++) {
        end = group_end(o, side->n, at);
        side->group[g].first = block;
        if (!group_numbers(r, side, &side->group[g], &o->key[at])) return false;
        for (int64_t s = at; s < end; s += r->block)
            fill_block(r, side, o->key + s, end - s, block++, g);
    }
    return true;
}

/* Smallest and largest sizes; a right size has those of the left one it is made of. */
static bool find_bounds(RtRun *r) {
    int32_t nz = r->k->nsize;
    r->least = rt_alloc(nz * 8, r->e);
    r->most = rt_alloc(nz * 8, r->e);
    if (!r->least || !r->most) return false;
    for (int32_t z = 0; z < nz; z++) {
        r->least[z] = r->most[z] = r->side[0].group[0].size[z];
        for (int s = 0; s < r->nside; s++)
            for (int32_t g = 0; g < r->side[s].ngroup; g++) {
                r->least[z] = rt_min(r->least[z], r->side[s].group[g].size[z]);
                r->most[z] = rt_max(r->most[z], r->side[s].group[g].size[z]);
            }
    }
    return true;
}

bool rt_groups_make(RtRun *r) {
    for (int s = 0; s < r->nside; s++) {
        Order o = {NULL, NULL};
        bool ok = order_make(r, &r->side[s], &o) && side_groups(r, &r->side[s], &o);
        order_free(&o);
        if (!ok) return false;
    }
    return find_bounds(r);
}

bool rt_groups_check(const RtRun *r) {
    for (int s = 0; s < r->nside; s++)
        for (int32_t g = 0; g < r->side[s].ngroup; g++) {
            const RtSide *side = &r->side[s];
            char where[64] = "";
            if (r->varies)
                snprintf(where, sizeof where, " (sample %lld of %s)",
                         (long long)side->sample[side->group[g].first * r->block], side->name);
            if (!rt_values_check(r->k, side->group[g].real, side->group[g].size, where, r->e))
                return false;
        }
    return true;
}

void rt_groups_free(RtRun *r) {
    for (int s = 0; s < 2; s++) {
        RtSide *side = &r->side[s];
        for (int32_t g = 0; side->group && g < side->ngroup; g++) {
            rt_free(side->group[g].size);
            rt_free(side->group[g].real);
        }
        for (int32_t z = 0; side->length && z < r->k->nsize; z++) rt_free(side->length[z]);
        rt_free(side->length);
        rt_free(side->group);
        rt_free(side->bound);
        rt_free(side->sample);
        rt_free(side->of_block);
        rt_free(side->count);
        rt_free(side->of_sample);
    }
    rt_free(r->least);
    rt_free(r->most);
}

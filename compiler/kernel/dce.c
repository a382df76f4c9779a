/* Remove what nothing depends on: values, stores to arrays that are never read, loops and ifs that
 * do nothing, and arrays that are left without use. */
#include "kernel/rewrite.h"

typedef struct Live {
    bool *array;          /* read by live code, measured, or an output */
    bool *ins[KS_COUNT];
    bool changed;
} Live;

static bool mark(Live *l, bool *what) {
    if (*what) return false;
    *what = l->changed = true;
    return true;
}

static void mark_value(Live *l, const KFn *f, bool *live, KVal v) {
    const KIns *i = &f->ins.data[v];
    if (!mark(l, &live[v])) return;
    if (i->op == KO_load) mark(l, &l->array[i->x]);
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++) mark_value(l, f, live, i->arg[j]);
}

/* Whether the block does anything. */
static bool mark_block(Live *l, const KFn *f, bool *live, uint32_t block) {
    bool any = false;
    const KBlock *b = &f->block.data[block];
    for (uint32_t n = 0; block && n < b->ins.len; n++) {
        KVal v = b->ins.data[n];
        const KIns *i = &f->ins.data[v];
        if (i->op == KO_store && l->array[i->x]) {
            mark_value(l, f, live, v);
        } else if (i->op == KO_loop || i->op == KO_if) {
            bool then = mark_block(l, f, live, i->block), other = mark_block(l, f, live, i->block2);
            if (then || other) mark(l, &live[v]);
        }
        any |= live[v];
    }
    return any;
}

static KVal dce_ins(Rewrite *r, KVal old, KIns ins) {
    const Live *l = r->self;
    return l->ins[r->stage][old] ? rewrite_copy(r, ins) : 0;
}

/* Arrays without loads and stores leave the list; the others keep their order. */
static void drop_arrays(Ctx *c, Kernel *k) {
    uint32_t *to = ARENA_ARRAY(c->a, uint32_t, k->array.len), n = 1;
    for (uint32_t x = 1; x < k->array.len; x++) to[x] = k->array.data[x].class == KA_output;
    for (uint32_t z = 0; z < k->size.len; z++) to[k->size.data[z].array] = 1;
    for (int s = 0; s < KS_COUNT; s++)
        for (KVal v = 1; v < k->fn[s].ins.len; v++) {
            const KIns *i = &k->fn[s].ins.data[v];
            if (i->op == KO_load || i->op == KO_store) to[i->x] = 1;
        }
    for (uint32_t x = 1; x < k->array.len; x++) {
        if (!to[x]) continue;
        k->array.data[n] = k->array.data[x];
        to[x] = n++;
    }
    k->array.len = n;
    for (uint32_t z = 0; z < k->size.len; z++)
        if (k->size.data[z].array) k->size.data[z].array = to[k->size.data[z].array];
    for (int s = 0; s < KS_COUNT; s++)
        for (KVal v = 1; v < k->fn[s].ins.len; v++) {
            KIns *i = &k->fn[s].ins.data[v];
            if (i->op == KO_load || i->op == KO_store) i->x = to[i->x];
        }
}

/* An else block that became empty goes. */
static void drop_empty_else(KFn *f) {
    for (KVal v = 1; v < f->ins.len; v++) {
        KIns *i = &f->ins.data[v];
        if (i->op == KO_if && i->block2 && !f->block.data[i->block2].ins.len) i->block2 = 0;
    }
}

void kernel_dce(Ctx *c, Kernel *k) {
    Live l = {.array = ARENA_ARRAY(c->a, bool, k->array.len), .changed = true};
    for (uint32_t x = 1; x < k->array.len; x++) l.array[x] = k->array.data[x].class == KA_output;
    for (uint32_t z = 0; z < k->size.len; z++)
        if (k->size.data[z].kind == KZ_measured) l.array[k->size.data[z].array] = true;
    for (int s = 0; s < KS_COUNT; s++) l.ins[s] = ARENA_ARRAY(c->a, bool, k->fn[s].ins.len);
    while (l.changed) {
        l.changed = false;
        for (int s = KS_COUNT - 1; s >= 0; s--) mark_block(&l, &k->fn[s], l.ins[s], 1);
    }
    for (int s = 0; s < KS_COUNT; s++) {
        rewrite_fn(c, k, (KStage)s, dce_ins, &l);
        drop_empty_else(&k->fn[s]);
    }
    drop_arrays(c, k);
}

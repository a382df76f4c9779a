/* Equal values in scope become one; a load finds the value of an earlier load or store of the same
 * element, if no store to the array can have come between.  Dead stores and values are dce's. */
#include "kernel/keys.h"
#include "kernel/rewrite.h"

typedef struct Cse {
    Keys *keys;
    uint32_t *epoch; /* of an array: raised by every store */
} Cse;

static void raise_stored(const Rewrite *r, Cse *s, uint32_t block) {
    const KBlock *b = &r->from.block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) {
        const KIns *k = &r->from.ins.data[b->ins.data[i]];
        if (k->op == KO_store) s->epoch[k->x]++;
        if (k->block) raise_stored(r, s, k->block);
        if (k->block2) raise_stored(r, s, k->block2);
    }
}

/* A turn of a loop may find what earlier turns stored. */
static void cse_loop(Rewrite *r, Cse *s, const KIns *ins) {
    uint32_t mark = keys_mark(s->keys);
    raise_stored(r, s, ins->block);
    kb_loop_like(&r->b, ins);
    rewrite_block(r, ins->block);
    kb_end(&r->b);
    keys_leave(s->keys, mark);
    raise_stored(r, s, ins->block);
}

static void cse_if(Rewrite *r, Cse *s, const KIns *ins) {
    uint32_t mark = keys_mark(s->keys);
    kb_if(&r->b, ins->cons, ins->ncons);
    rewrite_block(r, ins->block);
    keys_leave(s->keys, mark);
    if (ins->block2) {
        kb_else(&r->b);
        rewrite_block(r, ins->block2);
        keys_leave(s->keys, mark);
    }
    kb_end(&r->b);
}

/* From now on a load of the element finds the stored value. */
static void cse_store(Rewrite *r, Cse *s, KIns ins) {
    kb_emit(&r->b, ins);
    const KArray *a = &r->k->array.data[ins.x];
    if (a->class == KA_output) return;
    KIns load = {.op = KO_load, .x = ins.x, .idx = ins.idx, .nidx = ins.nidx};
    if (a->stage == KS_sample || a->stage == KS_series) load.side = SIDE_x;
    keys_add(s->keys, load, ++s->epoch[ins.x], ins.arg[0]);
}

static KVal cse_ins(Rewrite *r, KVal old, KIns ins) {
    (void)old;
    Cse *s = r->self;
    if (ins.op == KO_loop) return cse_loop(r, s, &ins), 0;
    if (ins.op == KO_if) return cse_if(r, s, &ins), 0;
    if (ins.op == KO_store) return cse_store(r, s, ins), 0;
    uint32_t epoch = ins.op == KO_load ? s->epoch[ins.x] : 0;
    KVal v = keys_find(s->keys, ins, epoch);
    if (v) return v;
    v = rewrite_copy(r, ins);
    keys_add(s->keys, ins, epoch, v);
    return v;
}

void kernel_cse(Ctx *c, Kernel *k) {
    for (int stage = 0; stage < KS_COUNT; stage++) {
        Cse s = {keys_new(c->a), ARENA_ARRAY(c->a, uint32_t, k->array.len)};
        rewrite_fn(c, k, (KStage)stage, cse_ins, &s);
    }
}

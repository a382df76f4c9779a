/* A loop that stores the same numbers to the same elements in every turn has one: fills of arrays
 * whose axis went (contract). */
#include "kernel/rewrite.h"

/* Stores of numbers, and loops and ifs around them, none of which names the variable. */
static bool is_constant(const KFn *f, uint32_t block, Sym var) {
    const KBlock *b = &f->block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) {
        const KIns *k = &f->ins.data[b->ins.data[i]];
        double number;
        if (kins_mentions(k, var)) return false;
        if (k->op == KO_store && !kval_num(f, k->arg[0], &number)) return false;
        if (k->block && !is_constant(f, k->block, var)) return false;
        if (k->block2 && !is_constant(f, k->block2, var)) return false;
        if (k->op != KO_store && k->op != KO_num && !k->block) return false;
    }
    return true;
}

/* Every lower bound is below every upper one. */
static void some_turn(Rewrite *r, const KIns *k, ConsVec *out) {
    for (uint32_t i = 0; i <= k->nmore_lo; i++)
        for (uint32_t j = 0; j <= k->nmore_hi; j++) {
            Aff lo = i ? k->more_lo[i - 1] : k->lo, hi = j ? k->more_hi[j - 1] : k->hi;
            vec_push(r->c->a, out, cons_lt(r->k->aff, lo, hi));
        }
}

static KVal once_ins(Rewrite *r, KVal old, KIns ins) {
    (void)old;
    if (ins.op != KO_loop || !is_constant(&r->from, ins.block, ins.var))
        return rewrite_copy(r, ins);
    ConsVec some = {0};
    some_turn(r, &ins, &some);
    kb_if(&r->b, some.data, some.len);
    rewrite_block(r, ins.block);
    kb_end(&r->b);
    return 0;
}

void kernel_once(Ctx *c, Kernel *k) {
    for (int s = 0; s < KS_COUNT; s++) rewrite_fn(c, k, (KStage)s, once_ins, NULL);
}

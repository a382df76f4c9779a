/* Windows that slide: where a loop over v loads elements v + c and v + c + 1 of an array that it
 * does not store to, the first is what the second was in the turn before, and stays in a
 * register. */
#include "codegen/emit.h"

static const KIns *instruction(const Emit *e, KVal v) { return &e->k->fn[e->stage].ins.data[v]; }

/* b is one element further than a, along one axis, whose index moves with var alone. */
static bool follows(const Emit *e, const KIns *a, const KIns *b, Sym var) {
    const KArray *x = &e->k->array.data[a->x];
    bool moved = false;
    if (b->op != KO_load || a->x != b->x || a->side != b->side) return false;
    for (uint32_t j = 0; j < a->nidx; j++) {
        bool here = aff_mentions(a->idx[j], var);
        if (!here && aff_eq(a->idx[j], b->idx[j])) continue;
        if (!here || moved || x->axis[j].slices || x->axis[j].wrap) return false;
        if (aff_coef(a->idx[j], var) != 1 || !aff_eq(aff_plus(a->idx[j], 1), b->idx[j]))
            return false;
        moved = true;
    }
    return moved;
}

static KVal follower(const Emit *e, const KBlock *b, const KIns *a, Sym var) {
    for (uint32_t n = 0; n < b->ins.len; n++)
        if (follows(e, a, instruction(e, b->ins.data[n]), var)) return b->ins.data[n];
    return 0;
}

void slide_find(const Emit *e, const KIns *loop, SlideVec *out) {
    const KBlock *b = &e->k->fn[e->stage].block.data[loop->block];
    for (uint32_t n = 0; n < b->ins.len && !loop->down; n++) {
        const KIns *a = instruction(e, b->ins.data[n]);
        if (a->op != KO_load || e->cell[a->x] || load_uniform(e, a)) continue;
        if (e->turns && !turns_differ(e, a)) continue;
        KVal next = follower(e, b, a, loop->var);
        if (!next || kfn_stores(&e->k->fn[e->stage], loop->block, a->x)) continue;
        vec_push(e->c->a, out, (Slide){.v = b->ins.data[n], .next = next});
    }
}

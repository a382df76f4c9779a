/* Values that are the same in all turns of a loop are computed before it: pure ones, and loads from
 * arrays that no function of this stage stores to.  Numbers stay where they are. */
#include "kernel/op.h"
#include "kernel/path.h"

typedef struct Lift {
    Ctx *c;
    Kernel *k;
    KFn *f;
    KStage stage;
    uint32_t *depth; /* by value: blocks around its block */
    ConsVec path;    /* around the block that is looked at */
} Lift;

typedef VEC(KVal) ValVec;

static KIns *instruction(const Lift *s, KVal v) { return &s->f->ins.data[v]; }

static bool is_number(KOp op) { return op == KO_num || op == KO_real; }

static bool in_range(const Lift *s, Aff i, Aff lo, Aff hi) {
    AffCtx *x = s->k->aff;
    return path_implies(x, &s->path, cons_le(x, lo, i)) &&
           path_implies(x, &s->path, cons_lt(x, i, hi));
}

/* The element exists before the loop as well, and nobody changes it. */
static bool load_lifts(const Lift *s, const KIns *i) {
    const KArray *a = &s->k->array.data[i->x];
    if (a->class != KA_input && a->stage >= s->stage) return false;
    for (uint32_t j = 0; j < i->nidx; j++)
        if (a->axis[j].wrap || !in_range(s, i->idx[j], kernel_axis_lo(s->k, &a->axis[j], i->side),
                                         kernel_axis_hi(s->k, &a->axis[j], i->side)))
            return false;
    return true;
}

static bool lifts(const Lift *s, KVal v, const KIns *loop, uint32_t depth) {
    const KIns *i = instruction(s, v);
    if (is_number(i->op) || (!kop_pure(i->op) && i->op != KO_load)) return false;
    for (uint32_t j = 0; j < i->nidx; j++)
        if (aff_mentions(i->idx[j], loop->var)) return false;
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++)
        if (s->depth[i->arg[j]] >= depth && !is_number(instruction(s, i->arg[j])->op)) return false;
    if (i->op == KO_table)
        return in_range(s, i->idx[0], aff_const(0), aff_const(s->k->table.data[i->x].n));
    return i->op != KO_load || load_lifts(s, i);
}

/* A value of the loop's block, `depth` deep, goes to out; numbers that it needs go with it. */
static void lift_value(Lift *s, KVal v, uint32_t depth, ValVec *out) {
    const KIns *i = instruction(s, v);
    if (s->depth[v] < depth) return;
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++) lift_value(s, i->arg[j], depth, out);
    s->depth[v] = depth - 1;
    vec_push(s->c->a, out, v);
}

static void lift_loop(Lift *s, const KIns *loop, uint32_t depth, ValVec *out) {
    KBlock *b = &s->f->block.data[loop->block];
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->ins.len; i++)
        if (lifts(s, b->ins.data[i], loop, depth)) lift_value(s, b->ins.data[i], depth, out);
    for (uint32_t i = 0; i < b->ins.len; i++) {
        KVal v = b->ins.data[i];
        if (s->depth[v] >= depth) b->ins.data[n++] = v;
    }
    b->ins.len = n;
}

static void lift_block(Lift *s, uint32_t block, uint32_t depth);

static void lift_inside(Lift *s, const KIns *i, uint32_t depth) {
    AffCtx *x = s->k->aff;
    uint32_t keep = s->path.len;
    if (i->op == KO_loop) path_loop(x, s->c->a, &s->path, i);
    for (uint32_t j = 0; j < i->ncons; j++) path_assume(x, s->c->a, &s->path, i->cons[j]);
    if (i->block) lift_block(s, i->block, depth + 1);
    s->path.len = keep;
    if (!i->block2) return;
    path_assume_not(x, s->c->a, &s->path, i->cons, i->ncons);
    lift_block(s, i->block2, depth + 1);
    s->path.len = keep;
}

/* Inner loops first: what leaves them may leave this block's loop, too. */
static void lift_block(Lift *s, uint32_t block, uint32_t depth) {
    ValVec out = {0};
    KBlock *b = &s->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        KVal v = b->ins.data[n];
        const KIns *i = instruction(s, v);
        s->depth[v] = depth;
        lift_inside(s, i, depth);
        if (i->op == KO_loop) lift_loop(s, i, depth + 1, &out);
        vec_push(s->c->a, &out, v);
    }
    b->ins.len = 0;
    for (uint32_t n = 0; n < out.len; n++) vec_push(s->c->a, &b->ins, out.data[n]);
}

void kernel_lift(Ctx *c, Kernel *k) {
    for (int stage = 0; stage < KS_COUNT; stage++) {
        Lift s = {.c = c, .k = k, .f = &k->fn[stage], .stage = (KStage)stage};
        s.depth = ARENA_ARRAY(c->a, uint32_t, s.f->ins.len);
        lift_block(&s, 1, 1);
    }
}

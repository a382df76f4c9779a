/* Turns of a loop side by side.  A loop that sums over an inner one (an attention's rows, products
 * of inputs) waits for one addition after another; several of its turns, whose inner loops go on
 * together, do not, and what all of them load is loaded once.  Each turn adds in its own order, as
 * before.  Turns must not depend on one another; cells that a turn fills before it reads them are
 * each turn's own.  Worth a factor 1.8 on a transformer with T = 64 (Zen 4; both types). */
#include "codegen/emit.h"

typedef struct JamCheck {
    const Emit *e;
    const KIns *loop;
    uint32_t *first; /* by array: 1: its first access is a store of every turn; 2: something else */
    bool *stored;    /* by array */
    uint32_t size;   /* instructions */
    bool sums;       /* an inner loop stores to a cell */
} JamCheck;

static const KIns *instruction(const Emit *e, KVal v) { return &e->k->fn[e->stage].ins.data[v]; }

static void look_access(JamCheck *s, const KIns *i, uint32_t depth, bool in_loop) {
    bool store = i->op == KO_store;
    if (!s->e->cell[i->x]) return;
    if (!s->first[i->x]) s->first[i->x] = store && !depth ? 1 : 2;
    s->stored[i->x] |= store;
    s->sums |= store && in_loop;
}

/* Everything inside goes through the same steps in all turns. */
static bool look(JamCheck *s, uint32_t block, uint32_t depth, bool in_loop) {
    const KBlock *b = &s->e->k->fn[s->e->stage].block.data[block];
    s->size += b->ins.len;
    for (uint32_t n = 0; n < b->ins.len; n++) {
        const KIns *i = instruction(s->e, b->ins.data[n]);
        SlideVec slide = {0};
        if (i->op == KO_load || i->op == KO_store) look_access(s, i, depth, in_loop);
        if (i->op != KO_loop && i->op != KO_if) continue;
        if (kins_mentions(i, s->loop->var)) return false;
        if (i->op == KO_loop) slide_find(s->e, i, &slide);
        bool loop = in_loop || i->op == KO_loop;
        if (slide.len || !look(s, i->block, depth + 1, loop)) return false;
        if (i->block2 && !look(s, i->block2, depth + 1, loop)) return false;
    }
    return true;
}

bool turns_meet(Emit *e, KVal loop) {
    Depend d = {.c = e->c, .k = (Kernel *)e->k, .f = &e->k->fn[e->stage]};
    AccessVec all = {0};
    for (uint32_t i = 0; i < e->open.len; i++) vec_push(e->c->a, &d.open, e->open.data[i]);
    depend_collect(&d, loop, &all);
    for (uint32_t i = 0; i < all.len; i++)
        for (uint32_t j = 0; j < all.len; j++) {
            const Access *a = &all.data[i], *b = &all.data[j];
            if (!e->cell[instruction(e, a->v)->x] && depend_matters(&d, a, b) &&
                depend_meet(&d, a, b, e->open.len, TURNS_second_later))
                return true;
        }
    return false;
}

enum { SMALL = 64 }; /* instructions that are worth MAX_JAM copies */

uint32_t jam_turns(Emit *e, KVal loop) {
    const KIns *l = instruction(e, loop);
    uint32_t narray = e->k->array.len, vectors = e->u * e->g;
    JamCheck s = {.e = e, .loop = l, .first = ARENA_ARRAY(e->c->a, uint32_t, narray),
               .stored = ARENA_ARRAY(e->c->a, bool, narray)};
    SlideVec slide = {0};
    if (e->jam.n || l->down || 2 * vectors > MAX_JAM) return 1;
    slide_find(e, l, &slide);
    if (slide.len || !look(&s, l->block, 0, false) || !s.sums) return 1;
    for (uint32_t i = 1; i < narray; i++)
        if (s.stored[i] && s.first[i] != 1) return 1;
    if (turns_meet(e, loop)) return 1;
    return s.size > SMALL ? 2 : MAX_JAM / vectors;
}

/* A turn's own cells; the last turn has the loop's, so that what follows finds its values. */
static LLVMValueRef **own_cells(Emit *e, const KIns *loop, bool last) {
    uint32_t n = e->k->array.len;
    LLVMValueRef **cell = arena_copy(e->c->a, e->cell, n * sizeof *cell);
    for (uint32_t i = 1; i < n && !last; i++) {
        if (!cell[i] || !kfn_stores(&e->k->fn[e->stage], loop->block, i)) continue;
        cell[i] = lanes_new(e);
        for (uint32_t v = 0; v < e->u * e->g; v++)
            cell[i][v] = LLVMBuildAlloca(e->entry, e->vec.real, "");
    }
    return cell;
}

void jam_select(Emit *e, uint32_t j) {
    e->val = e->jam.val[j];
    e->cell = e->jam.cell[j];
    e->var.data[e->jam.at].shift = j;
}

/* n turns; the loop's variable is the last open one. */
static void emit_jam(Emit *e, const KIns *loop, uint32_t n) {
    Val *val = e->val;
    LLVMValueRef **cell = e->cell;
    uint32_t nval = e->k->fn[e->stage].ins.len;
    e->jam = (Jam){.n = n, .at = e->var.len - 1};
    for (uint32_t j = 0; j < n; j++) {
        e->jam.val[j] = arena_copy(e->c->a, val, nval * sizeof *val);
        e->jam.cell[j] = own_cells(e, loop, j + 1 == n);
    }
    emit_block(e, loop->block);
    e->jam = (Jam){0};
    e->val = val;
    e->cell = cell;
}

LLVMValueRef emit_strides(Emit *e, const KIns *loop, LLVMValueRef lo, LLVMValueRef hi, uint32_t n,
                          bool all, EmitTurns *turns) {
    LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b), head = block_new(e, "stride");
    LLVMBasicBlockRef body = block_new(e, "turns"), done = block_new(e, "rest");
    LLVMValueRef step = LLVMConstInt(e->i64, n, 0), last = LLVMBuildNSWSub(e->b, hi, step, "");
    LLVMBuilderRef at = LLVMCreateBuilderInContext(e->cx);
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntSLE, lo, last, ""), head, done);
    LLVMPositionBuilderAtEnd(at, head);
    LLVMPositionBuilderAtEnd(e->b, body);
    LLVMValueRef v = LLVMBuildPhi(at, e->i64, ""), first = v;
    if (all) first = LLVMBuildSelect(at, LLVMBuildICmp(at, LLVMIntSLT, v, last, ""), v, last, "");
    vec_push(e->c->a, &e->var, (LoopVar){loop->var, first, at, 0});
    turns(e, loop, n);
    (void)vec_pop(&e->var);
    LLVMBuildBr(at, body);
    LLVMDisposeBuilder(at);
    LLVMValueRef next = LLVMBuildNSWAdd(e->b, v, step, "");
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->b);
    LLVMValueRef more = all ? LLVMBuildICmp(e->b, LLVMIntSLT, next, hi, "")
                            : LLVMBuildICmp(e->b, LLVMIntSLE, next, last, "");
    LLVMBuildCondBr(e->b, more, head, done);
    LLVMAddIncoming(v, (LLVMValueRef[]){lo, next}, (LLVMBasicBlockRef[]){from, latch}, 2);
    LLVMPositionBuilderAtEnd(e->b, done);
    LLVMValueRef rest = LLVMBuildPhi(e->b, e->i64, "");
    LLVMAddIncoming(rest, (LLVMValueRef[]){lo, all ? hi : next},
                    (LLVMBasicBlockRef[]){from, latch}, 2);
    return rest;
}

LLVMValueRef emit_jammed(Emit *e, const KIns *loop, LLVMValueRef lo, LLVMValueRef hi, uint32_t n) {
    return emit_strides(e, loop, lo, hi, n, false, emit_jam);
}

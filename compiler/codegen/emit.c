/* A kernel's functions as LLVM IR: vectors of lanes, loops kept.
 *
 * Straight code is emitted group after group and, within a group, instruction by instruction for
 * its u vectors: u independent chains hide the latency of an operation, and the groups' phase shift
 * hides the ends of the chains.  Values that are the same in all lanes are computed once, as
 * scalars. */
#include "codegen/emit.h"
#include "diag/diag.h"
#include <stdio.h>
#include <string.h>

/* A load from memory whose value is the same in all lanes of the function. */
bool load_uniform(const Emit *e, const KIns *ins) {
    const KArray *a = &e->k->array.data[ins->x];
    if (a->stage == KS_const) return true;
    if (a->stage == KS_pair || e->stage != KS_pair) return false;
    return ins->side == SIDE_x;
}

static bool is_cell(const Emit *e, uint32_t array) { return e->cell[array] != NULL; }

static const KIns *instruction(const Emit *e, KVal v) { return &e->k->fn[e->stage].ins.data[v]; }

static bool uniform(const Emit *e, const KIns *ins) {
    if (ins->op == KO_load && e->turns) return !turns_differ(e, ins);
    if (ins->op == KO_load) return !is_cell(e, ins->x) && load_uniform(e, ins);
    for (int i = 0; i < 3; i++)
        if (ins->arg[i] && !e->val[ins->arg[i]].one) return false;
    return true;
}

/* Memory that no function of this stage writes while it runs. */
static bool load_is_invariant(const Emit *e, const KIns *ins) {
    const KArray *a = &e->k->array.data[ins->x];
    return a->class == KA_input || a->stage < e->stage;
}

static LLVMValueRef load(Emit *e, const KIns *ins, LLVMTypeRef t, LLVMValueRef p) {
    LLVMValueRef v = LLVMBuildLoad2(e->b, t, p, "");
    LLVMSetAlignment(v, e->k->dtype == TP_F32 ? 4 : 8);
    if (load_is_invariant(e, ins)) LLVMSetMetadata(v, e->invariant, e->empty);
    return v;
}

static LLVMValueRef lane_place(Emit *e, LLVMValueRef p, uint32_t v) {
    if (!v) return p;
    LLVMValueRef at = LLVMConstInt(e->i64, (unsigned long long)v * e->vec.w, 0);
    return LLVMBuildInBoundsGEP2(e->b, e->scalar, p, &at, 1, "");
}

static LLVMValueRef emit_uniform(Emit *e, const KIns *ins) {
    LLVMValueRef arg[3];
    if (ins->op == KO_num) return LLVMConstReal(e->scalar, ins->num);
    if (ins->op == KO_real) return emit_real(e, ins->x);
    if (ins->op == KO_index)
        return LLVMBuildSIToFP(e->b, emit_aff(e, ins->idx[0]), e->scalar, "");
    if (ins->op == KO_table)
        return LLVMBuildLoad2(e->b, e->scalar, emit_table_place(e, ins), "");
    if (ins->op == KO_load && is_cell(e, ins->x))
        return LLVMBuildLoad2(e->b, e->scalar, e->cell[ins->x][0], "");
    if (ins->op == KO_load) return load(e, ins, e->scalar, emit_place(e, ins));
    for (int i = 0; i < 3; i++) arg[i] = ins->arg[i] ? e->val[ins->arg[i]].one : NULL;
    return emit_op(e, &e->one, ins->op, arg);
}

static void name_value(const Emit *e, LLVMValueRef v, KVal k) {
    char name[24];
    if (!e->named) return;
    int n = snprintf(name, sizeof name, "k%u", (unsigned)k);
    LLVMSetValueName2(v, name, (size_t)n);
}

/* One instruction for the vectors [lo, hi). */
static void emit_store(Emit *e, const KIns *ins, uint32_t lo, uint32_t hi) {
    const Val *x = &e->val[ins->arg[0]];
    if (is_cell(e, ins->x)) {
        for (uint32_t v = lo; v < hi; v++)
            LLVMBuildStore(e->b, x->lane[v], e->cell[ins->x][v]);
        return;
    }
    LLVMValueRef p = emit_place(e, ins);
    for (uint32_t v = lo; v < hi; v++)
        LLVMSetAlignment(LLVMBuildStore(e->b, x->lane[v], lane_place(e, p, v)),
                         e->k->dtype == TP_F32 ? 4 : 8);
}

LLVMValueRef *lanes_new(Emit *e) {
    return ARENA_ARRAY(e->c->a, LLVMValueRef, e->u * e->g);
}

static void emit_load(Emit *e, KVal k, const KIns *ins, uint32_t lo, uint32_t hi) {
    Val *x = &e->val[k];
    bool cell = is_cell(e, ins->x);
    LLVMValueRef p = cell ? NULL : emit_place(e, ins);
    for (uint32_t v = lo; v < hi; v++)
        x->lane[v] = cell ? LLVMBuildLoad2(e->b, e->vec.real, e->cell[ins->x][v], "")
                          : load(e, ins, e->vec.real, lane_place(e, p, v));
}

static void emit_lanes(Emit *e, KVal k, const KIns *ins, uint32_t lo, uint32_t hi) {
    if (ins->op == KO_store) {
        emit_store(e, ins, lo, hi);
        return;
    }
    Val *x = &e->val[k];
    if (!x->lane) x->lane = lanes_new(e);
    if (ins->op == KO_load) {
        if (!e->slid[k]) emit_load(e, k, ins, lo, hi);
        return;
    }
    for (uint32_t v = lo; v < hi; v++) {
        LLVMValueRef arg[3] = {0};
        for (int i = 0; i < 3; i++)
            if (ins->arg[i]) arg[i] = e->val[ins->arg[i]].lane[v];
        x->lane[v] = emit_op(e, &e->vec, ins->op, arg);
        name_value(e, x->lane[v], k);
    }
}

/* A value of all lanes at once, with its vector form for users that differ by lane. */
static void emit_one(Emit *e, KVal k, const KIns *ins) {
    Val *x = &e->val[k];
    x->one = emit_uniform(e, ins);
    name_value(e, x->one, k);
    x->lane = lanes_new(e);
    LLVMValueRef v = emit_splat(e, x->one);
    for (uint32_t i = 0; i < e->u * e->g; i++) x->lane[i] = v;
}

static void emit_turn(Emit *e, const KVal *ins, uint32_t n) {
    for (uint32_t g = 0; g < e->g; g++)
        for (uint32_t i = 0; i < n; i++) {
            const KIns *x = instruction(e, ins[i]);
            if (x->op == KO_store || !uniform(e, x))
                emit_lanes(e, ins[i], x, g * e->u, (g + 1) * e->u);
            else if (g == 0)
                emit_one(e, ins[i], x);
        }
}

static void emit_straight(Emit *e, const KVal *source, uint32_t n) {
    KVal *ins = ARENA_ARRAY(e->c->a, KVal, n);
    schedule(e->c, e->k, e->stage, e->u, source, n, ins);
    for (uint32_t j = 0; j < e->jam.n; j++) {
        jam_select(e, j);
        emit_turn(e, ins, n);
    }
    if (!e->jam.n) emit_turn(e, ins, n);
}

LLVMBasicBlockRef block_new(Emit *e, const char *name) {
    return LLVMAppendBasicBlockInContext(e->cx, e->fn, e->named ? name : "");
}

/* The largest (LLVMIntSGT) or smallest (LLVMIntSLT) of the forms. */
static LLVMValueRef emit_bound(Emit *e, LLVMIntPredicate order, Aff first, const Aff *more,
                               uint32_t nmore) {
    LLVMValueRef v = emit_aff(e, first);
    for (uint32_t i = 0; i < nmore; i++) {
        LLVMValueRef x = emit_aff(e, more[i]);
        v = LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, order, x, v, ""), x, v, "");
    }
    return v;
}

/* ---- windows that slide: loads before the first turn, then values of the turn before */
static void slide_enter(Emit *e, const SlideVec *s) {
    for (uint32_t i = 0; i < s->len; i++) {
        Slide *w = &s->data[i];
        e->val[w->v].lane = w->first = lanes_new(e);
        emit_load(e, w->v, instruction(e, w->v), 0, e->u * e->g);
    }
}

static void slide_turn(Emit *e, const SlideVec *s, LLVMBuilderRef head) {
    for (uint32_t i = 0; i < s->len; i++) {
        Slide *w = &s->data[i];
        e->val[w->v].lane = w->phi = lanes_new(e);
        e->slid[w->v] = true;
        for (uint32_t v = 0; v < e->u * e->g; v++) w->phi[v] = LLVMBuildPhi(head, e->vec.real, "");
    }
}

static void slide_next(Emit *e, const SlideVec *s, LLVMBasicBlockRef from,
                       LLVMBasicBlockRef latch) {
    for (uint32_t i = 0; i < s->len; i++)
        for (uint32_t v = 0; v < e->u * e->g; v++) {
            LLVMValueRef in[] = {s->data[i].first[v], e->val[s->data[i].next].lane[v]};
            LLVMAddIncoming(s->data[i].phi[v], in, (LLVMBasicBlockRef[]){from, latch}, 2);
        }
}

/* Instructions of a block, but for those of loops inside it. */
static uint32_t loop_size(const Emit *e, uint32_t block) {
    const KBlock *b = &e->k->fn[e->stage].block.data[block];
    uint32_t n = b->ins.len;
    for (uint32_t i = 0; i < b->ins.len; i++) {
        const KIns *k = instruction(e, b->ins.data[i]);
        if (k->op != KO_if) continue;
        n += loop_size(e, k->block);
        if (k->block2) n += loop_size(e, k->block2);
    }
    return n;
}

/* do { body } while (++v < hi), entered if lo < hi. */
static void emit_loop(Emit *e, KVal loop) {
    const KIns *ins = instruction(e, loop);
    uint32_t size = 0, jam = e->strip && !e->turns ? 1 : jam_turns(e, loop);
    bool strips = e->strip && !e->turns && turns_are_lanes(e, loop, &size);
    e->nwide += size;
    e->nloop += e->turns ? 0 : loop_size(e, ins->block);
    vec_push(e->c->a, &e->open, (Around){loop, false});
    LLVMValueRef lo = emit_bound(e, LLVMIntSGT, ins->lo, ins->more_lo, ins->nmore_lo);
    LLVMValueRef hi = emit_bound(e, LLVMIntSLT, ins->hi, ins->more_hi, ins->nmore_hi);
    if (jam > 1) lo = emit_jammed(e, ins, lo, hi, jam);
    if (strips) lo = emit_by_turns(e, ins, lo, hi, e->strip);
    LLVMValueRef one = LLVMConstInt(e->i64, 1, 0);
    LLVMBasicBlockRef from = block_new(e, "enter"), head = block_new(e, "loop");
    LLVMBasicBlockRef body = block_new(e, "turn"), done = block_new(e, "done");
    LLVMBuilderRef at = LLVMCreateBuilderInContext(e->cx);
    LLVMValueRef first = ins->down ? LLVMBuildNSWSub(e->b, hi, one, "") : lo;
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, lo, hi, ""), from, done);
    SlideVec slide = {0};
    slide_find(e, ins, &slide);
    LLVMPositionBuilderAtEnd(at, from);
    LLVMPositionBuilderAtEnd(e->b, from);
    vec_push(e->c->a, &e->var, (LoopVar){ins->var, first, at, 0});
    slide_enter(e, &slide);
    (void)vec_pop(&e->var);
    LLVMBuildBr(e->b, head);
    LLVMPositionBuilderAtEnd(at, head);
    LLVMPositionBuilderAtEnd(e->b, body);
    LLVMValueRef v = LLVMBuildPhi(at, e->i64, e->named ? sym_text(e->c->syms, ins->var) : "");
    slide_turn(e, &slide, at);
    vec_push(e->c->a, &e->var, (LoopVar){ins->var, v, at, 0});
    emit_block(e, ins->block);
    (void)vec_pop(&e->var);
    (void)vec_pop(&e->open);
    LLVMBuildBr(at, body);
    LLVMDisposeBuilder(at);
    LLVMValueRef next = ins->down ? LLVMBuildNSWSub(e->b, v, one, "")
                                  : LLVMBuildNSWAdd(e->b, v, one, "");
    LLVMValueRef more = LLVMBuildICmp(e->b, ins->down ? LLVMIntSGE : LLVMIntSLT, next,
                                      ins->down ? lo : hi, "");
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->b);
    LLVMBuildCondBr(e->b, more, head, done);
    LLVMAddIncoming(v, (LLVMValueRef[]){first, next}, (LLVMBasicBlockRef[]){from, latch}, 2);
    slide_next(e, &slide, from, latch);
    LLVMPositionBuilderAtEnd(e->b, done);
}

static void emit_branch(Emit *e, KVal v, bool otherwise) {
    const KIns *ins = instruction(e, v);
    vec_push(e->c->a, &e->open, (Around){v, otherwise});
    emit_block(e, otherwise ? ins->block2 : ins->block);
    (void)vec_pop(&e->open);
}

static void emit_if(Emit *e, KVal v) {
    const KIns *ins = instruction(e, v);
    LLVMValueRef holds = emit_cons(e, ins->cons, ins->ncons);
    LLVMBasicBlockRef then = block_new(e, "then"), done = block_new(e, "join");
    LLVMBasicBlockRef other = ins->block2 ? block_new(e, "else") : done;
    LLVMBuildCondBr(e->b, holds, then, other);
    LLVMPositionBuilderAtEnd(e->b, then);
    emit_branch(e, v, false);
    LLVMBuildBr(e->b, done);
    if (ins->block2) {
        LLVMPositionBuilderAtEnd(e->b, other);
        emit_branch(e, v, true);
        LLVMBuildBr(e->b, done);
    }
    LLVMPositionBuilderAtEnd(e->b, done);
}

static bool is_structure(KOp op) { return op == KO_loop || op == KO_if; }

void emit_block(Emit *e, uint32_t block) {
    const KBlock *b = &e->k->fn[e->stage].block.data[block];
    for (uint32_t i = 0; i < b->ins.len;) {
        uint32_t n = i;
        while (n < b->ins.len && !is_structure(instruction(e, b->ins.data[n])->op)) n++;
        emit_straight(e, b->ins.data + i, n - i);
        if (n < b->ins.len) {
            KVal s = b->ins.data[n++];
            if (instruction(e, s)->op == KO_loop)
                emit_loop(e, s);
            else
                emit_if(e, s);
        }
        i = n;
    }
}

/* for (base = first; base < end; base += u * g * w) body */
static void emit_lane_loop(Emit *e, LLVMValueRef first, LLVMValueRef end) {
    LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b), head = block_new(e, "lanes");
    LLVMBasicBlockRef body = block_new(e, "body"), done = block_new(e, "end");
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, first, end, ""), head, done);
    LLVMPositionBuilderAtEnd(e->turn, head);
    e->base = LLVMBuildPhi(e->turn, e->i64, "");
    LLVMPositionBuilderAtEnd(e->b, body);
    emit_block(e, 1);
    LLVMBuildBr(e->turn, body);
    LLVMValueRef step = LLVMConstInt(e->i64, e->u * e->g * e->vec.w, 0);
    LLVMValueRef next = LLVMBuildNSWAdd(e->b, e->base, step, "");
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->b);
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntSLT, next, end, ""), head, done);
    LLVMAddIncoming(e->base, (LLVMValueRef[]){first, next}, (LLVMBasicBlockRef[]){from, latch}, 2);
    LLVMPositionBuilderAtEnd(e->b, done);
}

static void attribute(Emit *e, const char *key, const char *value) {
    LLVMAttributeRef a = LLVMCreateStringAttribute(e->cx, key, (unsigned)strlen(key), value,
                                                   (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(e->fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, a);
}

/* Without min-legal-vector-width LLVM splits 512-bit vectors in two.  Without stackrealign it may
 * find out too late that spilled vectors want aligned slots, and lets them cross cache lines. */
static void attributes(Emit *e) {
    char bits[16];
    unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(e->fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->cx, nounwind, 0));
    snprintf(bits, sizeof bits, "%u", (unsigned)e->t->bits);
    attribute(e, "prefer-vector-width", bits);
    attribute(e, "min-legal-vector-width", bits);
    attribute(e, "target-cpu", e->t->cpu);
    attribute(e, "stackrealign", "");
    if (*e->t->features) attribute(e, "target-features", e->t->features);
    if (e->t->tune) attribute(e, "tune-cpu", e->t->tune);
}

static LLVMValueRef *nothing_yet(Emit *e, size_t n) {
    return ARENA_ARRAY(e->c->a, LLVMValueRef, n + 1);
}

static bool array_is_stored(const KArray *a) {
    for (uint32_t i = 0; i < a->naxis; i++)
        if (axis_is_stored(&a->axis[i])) return true;
    return false;
}

static bool function_loads(const KFn *f, uint32_t array) {
    for (uint32_t i = 1; i < f->ins.len; i++)
        if (f->ins.data[i].op == KO_load && f->ins.data[i].x == array) return true;
    return false;
}

/* Without storage axes, and read by this stage alone. */
static bool array_is_cell(const Kernel *k, uint32_t array, KStage stage) {
    const KArray *a = &k->array.data[array];
    if (a->class != KA_stored || a->stage != stage || array_is_stored(a)) return false;
    for (uint32_t i = 0; i < k->size.len; i++)
        if (k->size.data[i].kind == KZ_measured && k->size.data[i].array == array) return false;
    for (int s = stage + 1; s < KS_COUNT; s++)
        if (function_loads(&k->fn[s], array)) return false;
    return true;
}

static void cells(Emit *e) {
    e->cell = ARENA_ARRAY(e->c->a, LLVMValueRef *, e->k->array.len);
    for (uint32_t i = 1; i < e->k->array.len; i++) {
        if (!array_is_cell(e->k, i, e->stage)) continue;
        e->cell[i] = lanes_new(e);
        for (uint32_t v = 0; v < e->u * e->g; v++)
            e->cell[i][v] = LLVMBuildAlloca(e->entry, e->vec.real, "");
    }
}

static void function_state(Emit *e, KStage stage, Grouping n) {
    const Kernel *k = e->k;
    e->stage = stage;
    e->u = n.u;
    e->g = n.g;
    e->strip = n.strip;
    e->one = shape_make(e, 1);
    e->vec = shape_make(e, n.w);
    e->lanes = n.u * n.g * n.w;
    e->val = ARENA_ARRAY(e->c->a, Val, k->fn[stage].ins.len);
    e->slid = ARENA_ARRAY(e->c->a, bool, k->fn[stage].ins.len);
    e->size = nothing_yet(e, k->size.len);
    e->real = nothing_yet(e, k->real.len);
    LLVMValueRef **of_array[] = {&e->carray, &e->xarray, &e->yarray, &e->parray, &e->row};
    for (size_t i = 0; i < sizeof of_array / sizeof *of_array; i++)
        *of_array[i] = nothing_yet(e, k->array.len);
    e->base = e->stride = NULL;
}

static LLVMTypeRef function_type(const Emit *e) {
    LLVMTypeRef p[] = {e->ptr, e->i64, e->i64, e->i64};
    static const unsigned n[KS_COUNT] = {1, 3, 3, 4}; /* TpConstFn, TpSampleFn, TpPairFn */
    return LLVMFunctionType(LLVMVoidTypeInContext(e->cx), p, n[e->stage], 0);
}

static LLVMValueRef emit_function(Emit *e, KStage stage, Grouping n, const char *name) {
    function_state(e, stage, n);
    e->fn = LLVMAddFunction(e->m, name, function_type(e));
    attributes(e);
    LLVMBasicBlockRef entry = block_new(e, "entry"), start = block_new(e, "start");
    LLVMPositionBuilderAtEnd(e->entry, entry);
    LLVMPositionBuilderAtEnd(e->b, start);
    cells(e);
    if (stage == KS_const)
        emit_block(e, 1);
    else if (stage == KS_pair)
        emit_lane_loop(e, LLVMConstInt(e->i64, 0, 0), LLVMGetParam(e->fn, 3));
    else
        emit_lane_loop(e, LLVMGetParam(e->fn, 1), LLVMGetParam(e->fn, 2));
    LLVMBuildRetVoid(e->b);
    LLVMBuildBr(e->entry, start);
    return e->fn;
}

/* Tables as private constants of the kernel's type. */
static void tables(Emit *e) {
    uint32_t n = e->k->table.len;
    e->table = ARENA_ARRAY(e->c->a, LLVMValueRef, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        const KTable *t = &e->k->table.data[i];
        LLVMValueRef *v = ARENA_ARRAY(e->c->a, LLVMValueRef, t->n + 1);
        for (uint32_t j = 0; j < t->n; j++) v[j] = LLVMConstReal(e->scalar, t->v[j]);
        LLVMValueRef init = LLVMConstArray2(e->scalar, v, t->n);
        LLVMValueRef g = LLVMAddGlobal(e->m, LLVMTypeOf(init), "table");
        LLVMSetInitializer(g, init);
        LLVMSetGlobalConstant(g, 1);
        LLVMSetLinkage(g, LLVMPrivateLinkage);
        LLVMSetAlignment(g, 64);
        e->table[i] = g;
    }
}

static const char *const stage_name[KS_COUNT] = {"const", "sample", "series", "pair"};

EmittedFns emit_kernel(Ctx *c, const Kernel *k, const Target *t, Grouping pair, LLVMModuleRef m,
                       const char *prefix, uint32_t stages) {
    LLVMContextRef cx = LLVMGetModuleContext(m);
    Emit e = {.c = c, .k = k, .t = t, .cx = cx, .m = m};
    e.b = LLVMCreateBuilderInContext(cx);
    e.entry = LLVMCreateBuilderInContext(cx);
    e.turn = LLVMCreateBuilderInContext(cx);
    e.i64 = LLVMInt64TypeInContext(cx);
    e.ptr = LLVMPointerTypeInContext(cx, 0);
    e.scalar = k->dtype == TP_F32 ? LLVMFloatTypeInContext(cx) : LLVMDoubleTypeInContext(cx);
    e.invariant = LLVMGetMDKindIDInContext(cx, "invariant.load", 14);
    e.empty = LLVMMetadataAsValue(cx, LLVMMDNodeInContext2(cx, NULL, 0));
    e.named = !LLVMContextShouldDiscardValueNames(cx);
    tables(&e);
    EmittedFns out = {0};
    e.block = sample_block(k, pair);
    uint32_t two = e.block >= 2 * pair.w ? 2 : 1;
    const Grouping n[KS_COUNT] = {{1, 1, 1, 0}, {pair.w, 1, 1, pair.strip},
                                  {pair.w, two, 1, pair.strip}, pair};
    for (int s = 0; s < KS_COUNT; s++) {
        if (!(stages >> s & 1)) continue;
        if (k->fn[s].block.len < 2 || !k->fn[s].block.data[1].ins.len) continue;
        const char *name = arena_printf(c->a, "%s_%s", prefix, stage_name[s]);
        out.fn[s] = emit_function(&e, s, n[s], name);
    }
    LLVMDisposeBuilder(e.b);
    LLVMDisposeBuilder(e.entry);
    LLVMDisposeBuilder(e.turn);
    out.strips = 2 * e.nwide > e.nloop;
    return out;
}

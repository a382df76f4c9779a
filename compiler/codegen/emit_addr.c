/* Places in memory.  What depends on the frame alone (sizes, strides, base pointers) is computed
 * once, in the function's entry block; what depends on a loop's variable and outer ones in the head
 * of that loop.  Constants are added last: they become part of the access. */
#include "codegen/emit.h"
#include "diag/diag.h"
#include <stddef.h>

/* inv + c + sum v * k: inv and k are known in the entry block, v are loop variables or ring slices;
 * depth: number of loops around that v needs, 1 for the outermost. */
typedef struct LinTerm {
    LLVMValueRef v, k;
    uint32_t depth;
} LinTerm;
typedef struct Lin {
    LLVMValueRef inv;
    int64_t c;
    VEC(LinTerm) term;
} Lin;

static LLVMValueRef int_const(Emit *e, int64_t v) {
    return LLVMConstInt(e->i64, (unsigned long long)v, 1);
}

static LLVMValueRef add(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildNSWAdd(b, x, y, "");
}

static LLVMValueRef mul(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildNSWMul(b, x, y, "");
}

static LLVMValueRef load_invariant(Emit *e, LLVMTypeRef t, LLVMValueRef p) {
    LLVMValueRef v = LLVMBuildLoad2(e->entry, t, p, "");
    LLVMSetMetadata(v, e->invariant, e->empty);
    return v;
}

static LLVMValueRef frame_field(Emit *e, size_t offset, LLVMTypeRef t) {
    LLVMValueRef f = LLVMGetParam(e->fn, 0), at = int_const(e, (int64_t)offset);
    LLVMTypeRef byte = LLVMInt8TypeInContext(e->cx);
    return load_invariant(e, t, LLVMBuildInBoundsGEP2(e->entry, byte, f, &at, 1, ""));
}

/* frame->FIELD[i], remembered in *seen. */
static LLVMValueRef frame_item(Emit *e, LLVMValueRef *seen, size_t field, uint32_t i,
                               LLVMTypeRef t) {
    if (seen[i]) return seen[i];
    LLVMValueRef at = int_const(e, i), list = frame_field(e, field, e->ptr);
    return seen[i] = load_invariant(e, t, LLVMBuildInBoundsGEP2(e->entry, t, list, &at, 1, ""));
}

LLVMValueRef emit_real(Emit *e, uint32_t x) {
    if (e->real[x]) return e->real[x];
    LLVMTypeRef f64 = LLVMDoubleTypeInContext(e->cx);
    LLVMValueRef v = frame_item(e, e->real, offsetof(TpFrame, real), x, f64);
    return e->real[x] = LLVMBuildFPCast(e->entry, v, e->scalar, "");
}

/* Its number among the open loops, from 1; 0: no loop variable. */
static uint32_t loop_depth(const Emit *e, Sym name) {
    for (uint32_t i = e->var.len; i-- > 0;)
        if (e->var.data[i].name == name) return i + 1;
    return 0;
}

static LLVMValueRef size_value(Emit *e, Sym name) {
    for (uint32_t i = 0; i < e->k->size.len; i++)
        if (e->k->size.data[i].name == name)
            return frame_item(e, e->size, offsetof(TpFrame, size), i, e->i64);
    bug("codegen: `%s` is neither a size nor a loop variable here", sym_text(e->c->syms, name));
}

/* lin += k * a for k known in the entry block. */
static void lin_add(Emit *e, Lin *l, Aff a, LLVMValueRef k) {
    bool fixed = LLVMIsAConstantInt(k) != NULL;
    LLVMValueRef inv = int_const(e, 0);
    for (uint32_t i = 0; i < a.nterm; i++) {
        uint32_t depth = loop_depth(e, a.term[i].name);
        LLVMValueRef c = int_const(e, a.term[i].k);
        LinTerm t = {depth ? e->var.data[depth - 1].v : NULL, mul(e->entry, c, k), depth};
        if (depth) a.c += a.term[i].k * e->var.data[depth - 1].shift;
        if (depth) vec_push(e->c->a, &l->term, t);
        else inv = add(e->entry, inv, mul(e->entry, c, size_value(e, a.term[i].name)));
    }
    if (fixed) l->c += a.c * LLVMConstIntGetSExtValue(k);
    else inv = add(e->entry, inv, int_const(e, a.c));
    l->inv = add(e->entry, l->inv, mul(e->entry, inv, k));
}

static LLVMBuilderRef head_of(const Emit *e, uint32_t depth) {
    return depth ? e->var.data[depth - 1].head : e->entry;
}

static uint32_t lin_depth(const Lin *l) {
    uint32_t d = 0;
    for (uint32_t i = 0; i < l->term.len; i++)
        if (l->term.data[i].depth > d) d = l->term.data[i].depth;
    return d;
}

/* The terms of one depth, in its loop's head; NULL: there are none. */
static LLVMValueRef lin_terms(Emit *e, const Lin *l, uint32_t depth) {
    LLVMBuilderRef b = head_of(e, depth);
    LLVMValueRef v = NULL;
    for (uint32_t i = 0; i < l->term.len; i++) {
        if (l->term.data[i].depth != depth) continue;
        LLVMValueRef x = mul(b, l->term.data[i].v, l->term.data[i].k);
        v = v ? add(b, v, x) : x;
    }
    return v;
}

static LLVMValueRef lin_value(Emit *e, const Lin *l) {
    LLVMValueRef v = l->inv;
    uint32_t last = lin_depth(l);
    for (uint32_t d = 1; d <= last; d++) {
        LLVMValueRef x = lin_terms(e, l, d);
        if (x) v = add(head_of(e, d), v, x);
    }
    return l->c ? add(head_of(e, last), v, int_const(e, l->c)) : v;
}

LLVMValueRef emit_aff(Emit *e, Aff a) {
    Lin l = {.inv = int_const(e, 0)};
    lin_add(e, &l, a, int_const(e, 1));
    return lin_value(e, &l);
}

static LLVMValueRef emit_con(Emit *e, const Cons *c) {
    switch (c->kind) {
    case CONS_ge: return LLVMBuildICmp(e->b, LLVMIntSGE, emit_aff(e, c->e), int_const(e, 0), "");
    case CONS_eq: return LLVMBuildICmp(e->b, LLVMIntEQ, emit_aff(e, c->e), int_const(e, 0), "");
    case CONS_not: return LLVMBuildNot(e->b, emit_cons(e, c->of, c->nof), "");
    }
    bug("codegen: constraint of kind %d", (int)c->kind);
}

LLVMValueRef emit_cons(Emit *e, const Cons *c, uint32_t n) {
    LLVMValueRef all = LLVMConstInt(LLVMInt1TypeInContext(e->cx), 1, 0);
    for (uint32_t i = 0; i < n; i++) all = LLVMBuildAnd(e->b, all, emit_con(e, &c[i]), "");
    return all;
}

bool axis_is_stored(const KAxis *x) { return x->slices != 1; }

/* Slice of a ring: (index - lo) modulo d; indices are never below lo. */
static void lin_ring(Emit *e, Lin *l, Aff index, Aff lo, uint32_t slices, LLVMValueRef k) {
    Lin at = {.inv = int_const(e, 0)};
    lin_add(e, &at, index, int_const(e, 1));
    lin_add(e, &at, lo, int_const(e, -1));
    LLVMValueRef v = lin_value(e, &at), d = int_const(e, slices);
    uint32_t depth = lin_depth(&at);
    v = LLVMBuildURem(head_of(e, depth), v, d, "");
    if (depth) vec_push(e->c->a, &l->term, (LinTerm){v, k, depth});
    else l->inv = add(e->entry, l->inv, mul(e->entry, v, k));
}

/* index - lo modulo the extent, also below 0.  An empty axis is not accessed, but its remainder may
 * be taken. */
static void lin_wrap(Emit *e, Lin *l, Aff index, Aff lo, LLVMValueRef extent, LLVMValueRef k) {
    Lin at = {.inv = int_const(e, 0)};
    lin_add(e, &at, index, int_const(e, 1));
    lin_add(e, &at, lo, int_const(e, -1));
    uint32_t depth = lin_depth(&at);
    LLVMBuilderRef b = head_of(e, depth);
    LLVMValueRef zero = int_const(e, 0);
    LLVMValueRef some = LLVMBuildICmp(e->entry, LLVMIntSGT, extent, zero, "");
    LLVMValueRef n = LLVMBuildSelect(e->entry, some, extent, int_const(e, 1), "");
    LLVMValueRef v = LLVMBuildSRem(b, lin_value(e, &at), n, "");
    v = LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntSLT, v, zero, ""), add(b, v, n), v, "");
    if (depth) vec_push(e->c->a, &l->term, (LinTerm){v, k, depth});
    else l->inv = add(e->entry, l->inv, mul(e->entry, v, k));
}

/* Number of the element in its array, times apart; *all: that of the array's end (NULL: it has one
 * element). */
static Lin element(Emit *e, const KIns *ins, LLVMValueRef apart, LLVMValueRef *all) {
    const KArray *a = &e->k->array.data[ins->x];
    Lin l = {.inv = int_const(e, 0)};
    if (ins->nidx != a->naxis)
        bug("codegen: `%s` has %u indices, not %u", sym_text(e->c->syms, a->name), ins->nidx,
            a->naxis);
    LLVMValueRef k = apart, one = int_const(e, 1);
    *all = NULL;
    for (uint32_t i = a->naxis; i-- > 0;) {
        const KAxis *x = &a->axis[i];
        if (!axis_is_stored(x)) continue;
        if (x->slices) {
            lin_ring(e, &l, ins->idx[i], kernel_axis_lo(e->k, x, ins->side), x->slices, k);
            *all = k = mul(e->entry, k, int_const(e, x->slices));
            continue;
        }
        Aff lo = kernel_axis_lo(e->k, x, ins->side), hi = kernel_axis_hi(e->k, x, ins->side);
        Lin to = {.inv = int_const(e, 0)};
        lin_add(e, &to, hi, one);
        lin_add(e, &to, lo, int_const(e, -1));
        LLVMValueRef extent = lin_value(e, &to);
        if (x->wrap) {
            lin_wrap(e, &l, ins->idx[i], lo, extent, k);
        } else {
            lin_add(e, &l, ins->idx[i], k);
            lin_add(e, &l, lo, mul(e->entry, k, int_const(e, -1)));
        }
        *all = k = mul(e->entry, k, extent);
    }
    return l;
}

/* Not `in bounds`: only the last of an access's places surely is. */
static LLVMValueRef gep(Emit *e, LLVMBuilderRef b, LLVMValueRef p, LLVMValueRef at) {
    return LLVMBuildGEP2(b, e->scalar, p, &at, 1, "");
}

/* Where an array lies: elements of one lane are `apart` from each other; blocked: samples in blocks
 * of Emit.block, each with all its elements; `first` (NULL: 0) is the first lane as far as the
 * entry block knows it; lanes: the lane loop's position comes on top. */
typedef struct Home {
    LLVMValueRef p, apart;
    bool blocked, lanes;
    LLVMValueRef first;
} Home;

#define ITEM(e, field, i) frame_item((e), (e)->field, offsetof(TpFrame, field), (i), (e)->ptr)

static LLVMValueRef stride(Emit *e) {
    if (!e->stride) e->stride = frame_field(e, offsetof(TpFrame, stride), e->i64);
    return e->stride;
}

static Home array_home(Emit *e, const KIns *ins) {
    const KArray *a = &e->k->array.data[ins->x];
    uint32_t x = ins->x;
    LLVMValueRef block = int_const(e, e->block), lanes = int_const(e, e->lanes);
    if (a->stage == KS_const)
        return (Home){ITEM(e, carray, x), int_const(e, 1), false, false, NULL};
    if (a->stage == KS_pair) {
        if (a->class != KA_stored) return (Home){ITEM(e, row, x), stride(e), false, true, NULL};
        return (Home){ITEM(e, parray, x), lanes, false, false, NULL};
    }
    if (e->stage != KS_pair) return (Home){ITEM(e, xarray, x), block, true, true, NULL};
    if (ins->side == SIDE_x && pair_is_compact(e->k))
        return (Home){ITEM(e, xarray, x), int_const(e, 1), false, false, NULL};
    if (ins->side == SIDE_x)
        return (Home){ITEM(e, xarray, x), block, true, false, LLVMGetParam(e->fn, 1)};
    return (Home){ITEM(e, yarray, x), block, true, true, LLVMGetParam(e->fn, 2)};
}

/* Place of a sample among blocks that are `all` elements long. */
static LLVMValueRef sample_place(Emit *e, LLVMBuilderRef b, LLVMValueRef s, LLVMValueRef all) {
    if (!all) return s;
    LLVMValueRef block = LLVMBuildLShr(b, s, int_const(e, __builtin_ctz(e->block)), "");
    LLVMValueRef lane = LLVMBuildAnd(b, s, int_const(e, e->block - 1), "");
    return add(b, mul(b, block, all), lane);
}

/* p moved by all but inv. */
static LLVMValueRef lin_place(Emit *e, const Lin *l, LLVMValueRef p) {
    uint32_t last = lin_depth(l);
    for (uint32_t d = 1; d <= last; d++) {
        LLVMValueRef x = lin_terms(e, l, d);
        if (x) p = gep(e, head_of(e, d), p, x);
    }
    return l->c ? gep(e, e->b, p, int_const(e, l->c)) : p;
}

LLVMValueRef emit_place(Emit *e, const KIns *ins) {
    Home h = array_home(e, ins);
    LLVMValueRef all;
    Lin l = element(e, ins, h.apart, &all);
    if (!h.blocked) all = NULL;
    LLVMValueRef fixed = l.inv;
    if (h.first) fixed = add(e->entry, fixed, sample_place(e, e->entry, h.first, all));
    LLVMValueRef p = gep(e, e->entry, h.p, fixed);
    if (h.lanes) p = gep(e, e->turn, p, sample_place(e, e->turn, e->base, all));
    return lin_place(e, &l, p);
}

LLVMValueRef emit_table_place(Emit *e, const KIns *ins) {
    Lin l = {.inv = int_const(e, 0)};
    lin_add(e, &l, ins->idx[0], int_const(e, 1));
    return lin_place(e, &l, gep(e, e->entry, e->table[ins->x], l.inv));
}

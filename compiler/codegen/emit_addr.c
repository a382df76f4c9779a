/* Places in memory.  What depends on the frame alone (sizes, strides, base pointers) is computed
 * once, in the function's entry block; an access costs one multiplication and addition per loop
 * variable. */
#include "codegen/emit.h"
#include "diag/diag.h"
#include <stddef.h>

/* inv + sum v * k: inv and k are known in the entry block, v are loop variables or ring slices. */
typedef struct LinTerm {
    LLVMValueRef v, k;
} LinTerm;
typedef struct Lin {
    LLVMValueRef inv;
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

static LLVMValueRef loop_var(const Emit *e, Sym name) {
    for (uint32_t i = e->var.len; i-- > 0;)
        if (e->var.data[i].name == name) return e->var.data[i].v;
    return NULL;
}

static LLVMValueRef size_value(Emit *e, Sym name) {
    for (uint32_t i = 0; i < e->k->size.len; i++)
        if (e->k->size.data[i].name == name)
            return frame_item(e, e->size, offsetof(TpFrame, size), i, e->i64);
    bug("codegen: `%s` is neither a size nor a loop variable here", sym_text(e->c->syms, name));
}

/* lin += k * a for k known in the entry block. */
static void lin_add(Emit *e, Lin *l, Aff a, LLVMValueRef k) {
    LLVMValueRef inv = int_const(e, a.c);
    for (uint32_t i = 0; i < a.nterm; i++) {
        LLVMValueRef c = int_const(e, a.term[i].k), v = loop_var(e, a.term[i].name);
        if (v)
            vec_push(e->c->a, &l->term, (LinTerm){v, mul(e->entry, c, k)});
        else
            inv = add(e->entry, inv, mul(e->entry, c, size_value(e, a.term[i].name)));
    }
    l->inv = add(e->entry, l->inv, mul(e->entry, inv, k));
}

static LLVMValueRef lin_variant(Emit *e, const Lin *l) {
    LLVMValueRef v = NULL;
    for (uint32_t i = 0; i < l->term.len; i++) {
        LLVMValueRef x = mul(e->b, l->term.data[i].v, l->term.data[i].k);
        v = v ? add(e->b, v, x) : x;
    }
    return v;
}

static LLVMValueRef lin_value(Emit *e, const Lin *l) {
    LLVMValueRef v = lin_variant(e, l);
    return v ? add(e->b, l->inv, v) : l->inv;
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
static void lin_ring(Emit *e, Lin *l, Aff index, const KAxis *x, LLVMValueRef k) {
    Lin at = {.inv = int_const(e, 0)};
    lin_add(e, &at, index, int_const(e, 1));
    lin_add(e, &at, x->lo, int_const(e, -1));
    LLVMValueRef v = lin_value(e, &at), d = int_const(e, x->slices);
    vec_push(e->c->a, &l->term, (LinTerm){LLVMBuildURem(e->b, v, d, ""), k});
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
            lin_ring(e, &l, ins->idx[i], x, k);
            *all = k = mul(e->entry, k, int_const(e, x->slices));
            continue;
        }
        lin_add(e, &l, ins->idx[i], k);
        lin_add(e, &l, x->lo, mul(e->entry, k, int_const(e, -1)));
        Lin extent = {.inv = int_const(e, 0)};
        lin_add(e, &extent, x->hi, one);
        lin_add(e, &extent, x->lo, int_const(e, -1));
        *all = k = mul(e->entry, k, extent.inv);
    }
    return l;
}

static LLVMValueRef gep(Emit *e, LLVMBuilderRef b, LLVMValueRef p, LLVMValueRef at) {
    return LLVMBuildInBoundsGEP2(b, e->scalar, p, &at, 1, "");
}

/* Where an array lies: elements of one lane are `apart` from each other; blocked: samples in blocks
 * of TP_BLOCK, each with all its elements; `first` (NULL: 0) is the first lane as far as the entry
 * block knows it; lanes: the lane loop's position comes on top. */
typedef struct Home {
    LLVMValueRef p;
    int64_t apart;
    bool blocked, lanes;
    LLVMValueRef first;
} Home;

#define ITEM(e, field, i) frame_item((e), (e)->field, offsetof(TpFrame, field), (i), (e)->ptr)

static Home array_home(Emit *e, const KIns *ins) {
    const KArray *a = &e->k->array.data[ins->x];
    uint32_t x = ins->x;
    if (a->stage == KS_const) return (Home){ITEM(e, carray, x), 1, false, false, NULL};
    if (a->stage == KS_pair) {
        if (a->class != KA_stored) return (Home){ITEM(e, row, x), 1, false, true, NULL};
        return (Home){ITEM(e, parray, x), TP_BLOCK, false, false, NULL};
    }
    if (e->stage != KS_pair) return (Home){ITEM(e, xarray, x), TP_BLOCK, true, true, NULL};
    if (ins->side == SIDE_x)
        return (Home){ITEM(e, xarray, x), TP_BLOCK, true, false, LLVMGetParam(e->fn, 1)};
    return (Home){ITEM(e, yarray, x), TP_BLOCK, true, true, LLVMGetParam(e->fn, 2)};
}

/* Place of a sample among blocks that are `all` elements long. */
static LLVMValueRef sample_place(Emit *e, LLVMBuilderRef b, LLVMValueRef s, LLVMValueRef all) {
    if (!all) return s;
    LLVMValueRef block = LLVMBuildLShr(b, s, int_const(e, 6), "");
    LLVMValueRef lane = LLVMBuildAnd(b, s, int_const(e, TP_BLOCK - 1), "");
    _Static_assert(TP_BLOCK == 1 << 6, "the shift above");
    return add(b, mul(b, block, all), lane);
}

LLVMValueRef emit_place(Emit *e, const KIns *ins) {
    Home h = array_home(e, ins);
    LLVMValueRef all;
    Lin l = element(e, ins, int_const(e, h.apart), &all);
    if (!h.blocked) all = NULL;
    LLVMValueRef fixed = l.inv, v = lin_variant(e, &l);
    if (h.first) fixed = add(e->entry, fixed, sample_place(e, e->entry, h.first, all));
    LLVMValueRef p = gep(e, e->entry, h.p, fixed);
    if (h.lanes) p = gep(e, e->turn, p, sample_place(e, e->turn, e->base, all));
    return v ? gep(e, e->b, p, v) : p;
}

LLVMValueRef emit_table_place(Emit *e, const KIns *ins) {
    Lin l = {.inv = int_const(e, 0)};
    lin_add(e, &l, ins->idx[0], int_const(e, 1));
    LLVMValueRef p = gep(e, e->entry, e->table[ins->x], l.inv), v = lin_variant(e, &l);
    return v ? gep(e, e->b, p, v) : p;
}

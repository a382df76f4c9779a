/* Primitive instructions.  Each is emitted as the one IEEE operation (or the bit operations) that
 * the interpreter executes; no flags that would let LLVM approximate or contract. */
#include "codegen/emit.h"
#include "diag/diag.h"
#include <string.h>

static const char *const intrinsic_name[IN_COUNT] = {
    [IN_fma] = "llvm.fma",   [IN_fabs] = "llvm.fabs",
    [IN_sqrt] = "llvm.sqrt", [IN_copysign] = "llvm.copysign",
    [IN_nearbyint] = "llvm.nearbyint"};

Shape shape_make(Emit *e, uint32_t w) {
    Shape s = {.w = w, .real = e->scalar};
    bool f32 = e->k->dtype == TP_F32;
    s.bits = f32 ? LLVMInt32TypeInContext(e->cx) : e->i64;
    if (w > 1) {
        s.real = LLVMVectorType(s.real, w);
        s.bits = LLVMVectorType(s.bits, w);
    }
    for (int i = 0; i < IN_COUNT; i++) {
        unsigned id = LLVMLookupIntrinsicID(intrinsic_name[i], strlen(intrinsic_name[i]));
        s.type[i] = LLVMIntrinsicGetType(e->cx, id, &s.real, 1);
        s.fn[i] = LLVMGetIntrinsicDeclaration(e->m, id, &s.real, 1);
    }
    return s;
}

static LLVMValueRef repeat(LLVMValueRef one, uint32_t w) {
    LLVMValueRef lane[64];
    if (w == 1) return one;
    for (uint32_t i = 0; i < w; i++) lane[i] = one;
    return LLVMConstVector(lane, w);
}

LLVMValueRef shape_real(const Shape *s, double v) {
    LLVMTypeRef t = s->w == 1 ? s->real : LLVMGetElementType(s->real);
    return repeat(LLVMConstReal(t, v), s->w);
}

static LLVMValueRef shape_int(const Shape *s, uint64_t v) {
    LLVMTypeRef t = s->w == 1 ? s->bits : LLVMGetElementType(s->bits);
    return repeat(LLVMConstInt(t, v, 0), s->w);
}

LLVMValueRef emit_splat(Emit *e, LLVMValueRef one) {
    LLVMTypeRef t = LLVMTypeOf(one), i32 = LLVMInt32TypeInContext(e->cx);
    uint32_t w = e->vec.w;
    if (w == 1) return one;
    if (LLVMIsConstant(one)) return repeat(one, w);
    LLVMValueRef none = LLVMGetPoison(LLVMVectorType(t, w));
    LLVMValueRef first = LLVMBuildInsertElement(e->b, none, one, LLVMConstInt(i32, 0, 0), "");
    return LLVMBuildShuffleVector(e->b, first, none, LLVMConstNull(LLVMVectorType(i32, w)), "");
}

static LLVMValueRef call(Emit *e, const Shape *s, Intrinsic in, const LLVMValueRef *a, unsigned n) {
    LLVMValueRef arg[3] = {a[0], n > 1 ? a[1] : NULL, n > 2 ? a[2] : NULL};
    return LLVMBuildCall2(e->b, s->type[in], s->fn[in], arg, n, "");
}

/* The layout of an IEEE number, and the magic sums that move whole numbers in and out of it. */
typedef struct Float {
    unsigned fraction;     /* bits */
    uint64_t exponent;     /* mask, shifted down; bias = half of it */
    uint64_t keep, unit;   /* sign and fraction; the exponent field of 1.0 */
    double whole;          /* 1.5 2^fraction: x + whole has x in its low bits */
    uint64_t ulp_one;      /* the bits of 2^fraction, whose low bits count units */
    double ulp_one_value;  /* 2^fraction */
} Float;
static const Float float64 = {52, 0x7ff, 0x800fffffffffffff, 0x3ff0000000000000, 0x1.8p52,
                              0x4330000000000000, 0x1p52};
static const Float float32 = {23, 0xff, 0x807fffff, 0x3f800000, 0x1.8p23, 0x4b000000, 0x1p23};

static const Float *layout(const Emit *e) { return e->k->dtype == TP_F32 ? &float32 : &float64; }

/* 2^a: the low bits of a + bias + 1.5 2^fraction are the biased exponent; shift them into place. */
static LLVMValueRef emit_pow2(Emit *e, const Shape *s, LLVMValueRef a) {
    const Float *f = layout(e);
    double bias = (double)(f->exponent / 2);
    LLVMValueRef sum = LLVMBuildFAdd(e->b, a, shape_real(s, f->whole + bias), "");
    LLVMValueRef bits = LLVMBuildBitCast(e->b, sum, s->bits, "");
    bits = LLVMBuildShl(e->b, bits, shape_int(s, f->fraction), "");
    return LLVMBuildBitCast(e->b, bits, s->real, "");
}

/* The biased exponent put into the low bits of 2^fraction; the difference is exact. */
static LLVMValueRef emit_exponent(Emit *e, const Shape *s, LLVMValueRef a) {
    const Float *f = layout(e);
    LLVMValueRef bits = LLVMBuildBitCast(e->b, a, s->bits, "");
    bits = LLVMBuildLShr(e->b, bits, shape_int(s, f->fraction), "");
    bits = LLVMBuildAnd(e->b, bits, shape_int(s, f->exponent), "");
    bits = LLVMBuildOr(e->b, bits, shape_int(s, f->ulp_one), "");
    LLVMValueRef x = LLVMBuildBitCast(e->b, bits, s->real, "");
    double bias = (double)(f->exponent / 2);
    return LLVMBuildFSub(e->b, x, shape_real(s, f->ulp_one_value + bias), "");
}

static LLVMValueRef emit_mantissa(Emit *e, const Shape *s, LLVMValueRef a) {
    const Float *f = layout(e);
    LLVMValueRef bits = LLVMBuildBitCast(e->b, a, s->bits, "");
    bits = LLVMBuildAnd(e->b, bits, shape_int(s, f->keep), "");
    bits = LLVMBuildOr(e->b, bits, shape_int(s, f->unit), "");
    return LLVMBuildBitCast(e->b, bits, s->real, "");
}

static LLVMValueRef compare(Emit *e, LLVMRealPredicate p, const LLVMValueRef *a) {
    return LLVMBuildFCmp(e->b, p, a[0], a[1], "");
}

LLVMValueRef emit_op(Emit *e, const Shape *s, KOp op, const LLVMValueRef *a) {
    LLVMBuilderRef b = e->b;
    switch (op) {
    case KO_add: return LLVMBuildFAdd(b, a[0], a[1], "");
    case KO_sub: return LLVMBuildFSub(b, a[0], a[1], "");
    case KO_mul: return LLVMBuildFMul(b, a[0], a[1], "");
    case KO_div: return LLVMBuildFDiv(b, a[0], a[1], "");
    case KO_fma: return call(e, s, IN_fma, a, 3);
    case KO_neg: return LLVMBuildFNeg(b, a[0], "");
    case KO_abs: return call(e, s, IN_fabs, a, 1);
    case KO_sqrt: return call(e, s, IN_sqrt, a, 1);
    case KO_min: return LLVMBuildSelect(b, compare(e, LLVMRealOLT, a), a[0], a[1], "");
    case KO_max: return LLVMBuildSelect(b, compare(e, LLVMRealOGT, a), a[0], a[1], "");
    case KO_copysign: return call(e, s, IN_copysign, a, 2);
    case KO_rint: return call(e, s, IN_nearbyint, a, 1);
    case KO_pow2: return emit_pow2(e, s, a[0]);
    case KO_exponent: return emit_exponent(e, s, a[0]);
    case KO_mantissa: return emit_mantissa(e, s, a[0]);
    case KO_lt: return compare(e, LLVMRealOLT, a);
    case KO_le: return compare(e, LLVMRealOLE, a);
    case KO_eq: return compare(e, LLVMRealOEQ, a);
    case KO_and: return LLVMBuildAnd(b, a[0], a[1], "");
    case KO_or: return LLVMBuildOr(b, a[0], a[1], "");
    case KO_not: return LLVMBuildNot(b, a[0], "");
    case KO_select: return LLVMBuildSelect(b, a[0], a[1], a[2], "");
    case KO_num: case KO_real: case KO_index: case KO_table: case KO_load: case KO_store:
    case KO_loop: case KO_if:
        break;
    case KO_exp: case KO_expm1: case KO_log: case KO_log1p: case KO_sin: case KO_cos: case KO_tanh:
    case KO_erf: case KO_Phi: case KO_pow: case KO_atan2: case KO_asin: case KO_dexp: case KO_fan00:
    case KO_fan11: case KO_bvn:
        break;
    }
    bug("codegen: instruction %d is not a primitive operation; expand the kernel first", (int)op);
}

/* What the expansions are written in: one short name per primitive, polynomials, and the parts
 * that several functions share. */
#ifndef TPC_VMATH_OPS_H
#define TPC_VMATH_OPS_H
#include "kernel/kernel.h"
#include "kernel/vmath/coefficients.h"

#define VM_UNARY(name) \
    static inline KVal vm_##name(KBuild *b, KVal x) { return kb_op(b, KO_##name, x, 0, 0); }
#define VM_BINARY(name) \
    static inline KVal vm_##name(KBuild *b, KVal x, KVal y) { return kb_op(b, KO_##name, x, y, 0); }
#define VM_TERNARY(name)                                              \
    static inline KVal vm_##name(KBuild *b, KVal x, KVal y, KVal z) { \
        return kb_op(b, KO_##name, x, y, z);                          \
    }
VM_UNARY(neg)
VM_UNARY(abs)
VM_UNARY(sqrt)
VM_UNARY(rint)
VM_UNARY(pow2)
VM_UNARY(exponent)
VM_UNARY(mantissa)
VM_BINARY(add)
VM_BINARY(sub)
VM_BINARY(mul)
VM_BINARY(div)
VM_BINARY(min)
VM_BINARY(max)
VM_BINARY(copysign)
VM_BINARY(lt)
VM_BINARY(eq)
VM_BINARY(and)
VM_TERNARY(fma)
VM_TERNARY(select)
#undef VM_UNARY
#undef VM_BINARY
#undef VM_TERNARY

static inline bool vm_single(const KBuild *b) { return b->k->dtype == TP_F32; }
/* A constant that differs by type. */
static inline double vm_pick(const KBuild *b, double f64, double f32) {
    return vm_single(b) ? f32 : f64;
}
/* The array of coefficients.h for the kernel's type; the polynomial with these coefficients. */
#define VM_COEF(b, name) (vm_single(b) ? name##_f32 : name##_f64)
#define VM_COUNT(b, name) \
    ((uint32_t)((vm_single(b) ? sizeof name##_f32 : sizeof name##_f64) / sizeof(double)))
#define VM_POLY(b, name, x) vm_horner(b, VM_COEF(b, name), VM_COUNT(b, name), x)
KVal vm_horner(KBuild *b, const double *coef, uint32_t n, KVal x);
/* The same in half the steps one after the other, for one product more: even and odd powers apart.
 */
#define VM_POLY_HALVES(b, name, x) \
    vm_horner_halves(b, VM_COEF(b, name), VM_COUNT(b, name), x)
KVal vm_horner_halves(KBuild *b, const double *coef, uint32_t n, KVal x);

/* An unevaluated sum hi + lo of |lo| <= ulp(hi). */
typedef struct VmSum {
    KVal hi, lo;
} VmSum;
VmSum vm_sum(KBuild *b, KVal x, KVal y);      /* x + y exactly (Knuth) */
VmSum vm_sum_fast(KBuild *b, KVal x, KVal y); /* the same for |x| >= |y| or x = 0 (Dekker) */
VmSum vm_product(KBuild *b, KVal x, KVal y);  /* x y exactly */

/* lo <= x <= hi; NaN stays NaN. */
KVal vm_clamp(KBuild *b, double lo, double hi, KVal x);
/* m 2^k for whole |k| <= 2044 (float32: 252), rounded once. */
KVal vm_scale(KBuild *b, KVal m, KVal k);

/* e^x = m 2^k, sqrt 1/2 <= m <= sqrt 2 (and a little more); q = m - 1 without cancellation. */
typedef struct VmExp {
    KVal q, m, k;
} VmExp;
/* e^x and e^-x are 0 and inf from here on, and halves of k still are in pow2's range. */
static inline double vm_exp_end(const KBuild *b) { return vm_pick(b, 1400, 170); }
/* Of x = hi + lo, |hi| <= vm_exp_end: vm_exp_clamp.  lo may be 0 (none). */
VmExp vm_exp_parts(KBuild *b, KVal hi, KVal lo);
KVal vm_exp_clamp(KBuild *b, KVal x);
/* e^x, x in [-700, 0] (float32: [-87, 0]); a few operations less. */
KVal vm_exp_small(KBuild *b, KVal x);

/* a = m 2^e with sqrt 1/2 <= m <= sqrt 2, for finite a > 0. */
typedef struct VmLog {
    KVal m, e;
} VmLog;
VmLog vm_log_parts(KBuild *b, KVal a);

/* Phi(-y) e^(y^2 / 2), 0 <= y <= 39 (float32: 15) */
KVal vm_tail_ratio(KBuild *b, KVal y);

KVal vm_exp(KBuild *b, KVal x);
KVal vm_expm1(KBuild *b, KVal x);
KVal vm_dexp(KBuild *b, KVal a, KVal x);
KVal vm_log(KBuild *b, KVal x);
KVal vm_log1p(KBuild *b, KVal x);
KVal vm_pow(KBuild *b, KVal a, KVal y);
KVal vm_sin(KBuild *b, KVal x);
KVal vm_cos(KBuild *b, KVal x);
KVal vm_atan2(KBuild *b, KVal y, KVal x);
KVal vm_asin(KBuild *b, KVal s, KVal c);
KVal vm_tanh(KBuild *b, KVal x);
KVal vm_erf(KBuild *b, KVal x);
KVal vm_Phi(KBuild *b, KVal x);
KVal vm_fan00(KBuild *b, KVal d);
KVal vm_fan11(KBuild *b, KVal d);
KVal vm_bvn(KBuild *b, KVal h, KVal k, KVal d, KVal sign);
#endif

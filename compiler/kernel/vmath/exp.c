/* exp, expm1, dexp, tanh: x = k ln 2 + r, |r| <= ln 2 / 2; e^r = 1 + r + r^2 P(r). */
#include "kernel/vmath/ops.h"

KVal vm_exp_clamp(KBuild *b, KVal x) {
    return vm_clamp(b, -vm_exp_end(b), vm_exp_end(b), x);
}

VmExp vm_exp_parts(KBuild *b, KVal hi, KVal lo) {
    const double *ln2 = VM_COEF(b, ln2);
    KVal one = kb_num(b, 1);
    KVal k = vm_rint(b, vm_mul(b, hi, kb_num(b, VM_COEF(b, inverse)[0])));
    KVal r = vm_fma(b, k, kb_num(b, -ln2[0]), hi); /* exact */
    if (lo) r = vm_add(b, r, vm_fma(b, k, kb_num(b, -ln2[1]), lo));
    else r = vm_fma(b, k, kb_num(b, -ln2[1]), r);
    KVal q = vm_fma(b, vm_mul(b, r, r), VM_POLY(b, exp, r), r);
    return (VmExp){q, vm_add(b, one, q), k};
}

KVal vm_exp(KBuild *b, KVal x) {
    VmExp e = vm_exp_parts(b, vm_exp_clamp(b, x), 0);
    return vm_scale(b, e.m, e.k);
}

KVal vm_exp_small(KBuild *b, KVal x) {
    VmExp e = vm_exp_parts(b, x, 0);
    return vm_mul(b, e.m, vm_pow2(b, e.k));
}

/* 2 (2^(k-1) q + (2^(k-1) - 1/2)): k = 1024 does not overflow before the result does.  The select
 * keeps subnormals and -0. */
KVal vm_expm1(KBuild *b, KVal x) {
    KVal half = kb_num(b, 0.5);
    VmExp e = vm_exp_parts(b, vm_clamp(b, vm_pick(b, -40, -20), vm_pick(b, 710, 89), x), 0);
    KVal s = vm_pow2(b, vm_sub(b, e.k, kb_num(b, 1)));
    KVal y = vm_fma(b, s, e.q, vm_sub(b, s, half));
    KVal tiny = vm_lt(b, vm_abs(b, x), kb_num(b, vm_pick(b, 0x1p-54, 0x1p-25)));
    return vm_select(b, tiny, x, vm_add(b, y, y));
}

/* The larger of e^a, e^(a-x) times 1 - e^-|x|, which has the sign of x.  Scaled last: the product
 * may be finite where the exponential is not. */
KVal vm_dexp(KBuild *b, KVal a, KVal x) {
    KVal zero = kb_num(b, 0), down = vm_lt(b, x, zero);
    VmSum d = vm_sum(b, a, vm_neg(b, x));
    KVal inside = vm_lt(b, vm_abs(b, d.hi), kb_num(b, vm_exp_end(b)));
    KVal hi = vm_select(b, down, d.hi, a);
    KVal lo = vm_select(b, vm_and(b, down, inside), d.lo, zero);
    VmExp e = vm_exp_parts(b, vm_exp_clamp(b, hi), lo);
    KVal u = vm_expm1(b, vm_neg(b, vm_abs(b, x)));
    return vm_copysign(b, vm_scale(b, vm_mul(b, e.m, u), e.k), x);
}

/* tanh |x| = -u / (u + 2), u = e^(-2|x|) - 1 */
KVal vm_tanh(KBuild *b, KVal x) {
    KVal u = vm_expm1(b, vm_mul(b, vm_abs(b, x), kb_num(b, -2)));
    return vm_copysign(b, vm_div(b, u, vm_add(b, u, kb_num(b, 2))), x);
}

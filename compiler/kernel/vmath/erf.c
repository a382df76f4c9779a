/* erf and the normal cdf: Phi(-y) = 2 c e^(-y^2/2) P(t) / (y + c), t = (y - c) / (y + c), one
 * polynomial for all y >= 0 (after Schonfelder, Math. Comp. 32, 1978, who does so for erfc). */
#include "kernel/vmath/ops.h"

/* With s = 2 c / (y + c): M(y) = Phi(-y) e^(y^2/2) = s P(1 - s).  The rounded s belongs to another
 * argument, y - e; M' = y M - 1 / sqrt(2 pi) makes up for it (up to 3 ulp near y = 0). */
KVal vm_tail_ratio(KBuild *b, KVal y) {
    const double *c = VM_COEF(b, tail_centre);
    KVal one = kb_num(b, 1), c2 = kb_num(b, 2 * c[0]);
    VmSum d = vm_sum(b, y, kb_num(b, c[0]));
    KVal s = vm_div(b, c2, d.hi), minus = vm_neg(b, s);
    KVal rest = vm_fma(b, minus, d.lo, vm_fma(b, minus, d.hi, c2));
    KVal e = vm_mul(b, rest, vm_mul(b, d.hi, kb_num(b, -0.5 / c[0])));
    KVal m = vm_mul(b, VM_POLY(b, tail, vm_sub(b, one, s)), s);
    return vm_fma(b, e, vm_fma(b, y, m, kb_num(b, -c[2])), m);
}

/* |x| < 1/2: x + x E(x^2); else 1 - erfc, erfc(a) = 2 Phi(-sqrt 2 a), e^(-a^2) from a itself. */
KVal vm_erf(KBuild *b, KVal x) {
    KVal one = kb_num(b, 1), a = vm_abs(b, x);
    KVal near = vm_fma(b, a, VM_POLY(b, erf, vm_mul(b, a, a)), a);
    KVal c = vm_min(b, kb_num(b, vm_pick(b, 6, 4)), a); /* erfc is below half an ulp of 1 there */
    KVal e = vm_exp_small(b, vm_mul(b, c, vm_neg(b, c)));
    KVal m = vm_tail_ratio(b, vm_mul(b, c, kb_num(b, VM_COEF(b, root)[0])));
    KVal far = vm_fma(b, vm_mul(b, e, kb_num(b, -2)), m, one);
    return vm_copysign(b, vm_select(b, vm_lt(b, a, kb_num(b, 0.5)), near, far), x);
}

/* y^2 as a sum: its rounding would cost y^2/2 ulp.  Scaled last: subnormal results round once. */
KVal vm_Phi(KBuild *b, KVal x) {
    KVal half = kb_num(b, -0.5), one = kb_num(b, 1);
    KVal y = vm_min(b, kb_num(b, VM_COEF(b, tail_centre)[1]), vm_abs(b, x));
    VmSum sq = vm_product(b, y, y);
    VmExp e = vm_exp_parts(b, vm_mul(b, sq.hi, half), vm_mul(b, sq.lo, half));
    KVal tail = vm_scale(b, vm_mul(b, e.m, vm_tail_ratio(b, y)), e.k);
    return vm_select(b, vm_lt(b, x, kb_num(b, 0)), tail, vm_sub(b, one, tail));
}

/* log, log1p: x = m 2^e, f = m - 1, s = f / (2 + f), log m = f - f^2/2 + s (f^2/2 + R(s^2)), the
 * form of FDLIBM's e_log.c. */
#include "kernel/vmath/ops.h"
#include <math.h>

/* m in [sqrt 1/2, sqrt 2] of a normal number */
static VmLog normal_parts(KBuild *b, KVal a) {
    KVal m = vm_mantissa(b, a), e = vm_exponent(b, a);
    KVal big = vm_lt(b, kb_num(b, VM_COEF(b, root)[0]), m);
    return (VmLog){vm_select(b, big, vm_mul(b, m, kb_num(b, 0.5)), m),
                   vm_select(b, big, vm_add(b, e, kb_num(b, 1)), e)};
}

VmLog vm_log_parts(KBuild *b, KVal a) {
    KVal low = vm_lt(b, a, kb_num(b, vm_pick(b, 0x1p-1022, 0x1p-126)));
    KVal up = vm_mul(b, a, kb_num(b, vm_pick(b, 0x1p54, 0x1p25)));
    VmLog p = normal_parts(b, vm_select(b, low, up, a));
    KVal shift = kb_num(b, vm_pick(b, 54, 25));
    return (VmLog){p.m, vm_select(b, low, vm_sub(b, p.e, shift), p.e)};
}

/* e ln 2 + log(1 + f), f in [sqrt 1/2 - 1, sqrt 2 - 1] */
static KVal log_sum(KBuild *b, KVal f, KVal e) {
    const double *ln2 = VM_COEF(b, ln2);
    KVal s = vm_div(b, f, vm_add(b, kb_num(b, 2), f)), z = vm_mul(b, s, s);
    KVal r = vm_mul(b, z, VM_POLY(b, log, z));
    KVal h = vm_mul(b, vm_mul(b, f, kb_num(b, 0.5)), f);
    KVal low = vm_fma(b, s, vm_add(b, h, r), vm_mul(b, e, kb_num(b, ln2[1])));
    KVal y = vm_sub(b, f, vm_sub(b, h, low));
    return vm_add(b, vm_mul(b, e, kb_num(b, ln2[0])), y);
}

/* y for finite a > 0; else the logarithm's limits, or NaN; a itself where it is NaN or inf. */
static KVal with_limits(KBuild *b, KVal a, KVal y) {
    KVal zero = kb_num(b, 0);
    KVal inside = vm_and(b, vm_lt(b, zero, a), vm_lt(b, a, kb_num(b, INFINITY)));
    KVal other = vm_select(b, vm_lt(b, a, zero), kb_num(b, NAN), a);
    KVal limit = vm_select(b, vm_eq(b, a, zero), kb_num(b, -INFINITY), other);
    return vm_select(b, inside, y, limit);
}

KVal vm_log(KBuild *b, KVal x) {
    VmLog p = vm_log_parts(b, x);
    return with_limits(b, x, log_sum(b, vm_sub(b, p.m, kb_num(b, 1)), p.e));
}

/* 1 + x = u + c exactly; f = (m - 1) + c / 2^e, which is x itself for e = 0. */
KVal vm_log1p(KBuild *b, KVal x) {
    KVal one = kb_num(b, 1);
    VmSum u = vm_sum(b, one, x);
    VmLog p = normal_parts(b, u.hi);
    KVal down = vm_max(b, kb_num(b, vm_pick(b, -1000, -120)), vm_neg(b, p.e));
    KVal f = vm_fma(b, u.lo, vm_pow2(b, down), vm_sub(b, p.m, one));
    KVal y = with_limits(b, u.hi, log_sum(b, f, p.e));
    KVal tiny = vm_lt(b, vm_abs(b, x), kb_num(b, vm_pick(b, 0x1p-54, 0x1p-25)));
    return vm_select(b, tiny, x, y);
}

/* a^y = e^(y log a), log a as a sum of two numbers with a relative error near 2^-64 (float32:
 * 2^-36), so that y log a, up to 745 (104), is good to well below an ulp of the result. */
#include "kernel/vmath/ops.h"
#include <math.h>

/* s = (m - 1) / (m + 1) as a sum: the remainder of the division, divided again */
static VmSum ratio(KBuild *b, KVal m) {
    KVal one = kb_num(b, 1), f = vm_sub(b, m, one);
    VmSum d = vm_sum_fast(b, one, m); /* exact for m up to 2 as well: m is a multiple of ulp(1)/2 */
    KVal r = vm_div(b, one, d.hi), s = vm_mul(b, f, r);
    KVal rest = vm_fma(b, vm_neg(b, s), d.hi, f);
    rest = vm_fma(b, vm_neg(b, s), d.lo, rest);
    return (VmSum){s, vm_mul(b, rest, r)};
}

/* 2 s^2 / 3 + 2 s^4 Q(s^2) = log m / s - 2 */
static VmSum series(KBuild *b, VmSum s) {
    const double *third = VM_COEF(b, two_thirds);
    VmSum z = vm_product(b, s.hi, s.hi);
    z.lo = vm_fma(b, vm_add(b, s.hi, s.hi), s.lo, z.lo);
    VmSum t = vm_product(b, z.hi, kb_num(b, third[0]));
    KVal low = vm_fma(b, z.hi, kb_num(b, third[1]), vm_mul(b, z.lo, kb_num(b, third[0])));
    t.lo = vm_add(b, t.lo, low);
    KVal tail = vm_mul(b, vm_mul(b, z.hi, z.hi), VM_POLY(b, log2sum, z.hi));
    VmSum sum = vm_sum_fast(b, t.hi, vm_add(b, tail, tail));
    return (VmSum){sum.hi, vm_add(b, sum.lo, t.lo)};
}

/* log(m 2^e) */
static VmSum log_pair(KBuild *b, VmLog p) {
    const double *ln2 = VM_COEF(b, ln2);
    VmSum s = ratio(b, p.m), a = series(b, s);
    VmSum u = vm_product(b, s.hi, a.hi);
    u.lo = vm_add(b, u.lo, vm_fma(b, s.hi, a.lo, vm_mul(b, s.lo, a.hi)));
    VmSum log_m = vm_sum_fast(b, vm_add(b, s.hi, s.hi), u.hi);
    log_m.lo = vm_add(b, log_m.lo, vm_add(b, u.lo, vm_add(b, s.lo, s.lo)));
    VmSum out = vm_sum_fast(b, vm_mul(b, p.e, kb_num(b, ln2[0])), log_m.hi);
    out.lo = vm_add(b, out.lo, vm_fma(b, p.e, kb_num(b, ln2[1]), log_m.lo));
    return out;
}

/* What the logarithm cannot do: a = 0 and inf (a or 1 / a), a < 0, y = 0. */
static KVal with_limits(KBuild *b, KVal a, KVal y, KVal power) {
    KVal zero = kb_num(b, 0), one = kb_num(b, 1), inf = kb_num(b, INFINITY);
    KVal nan = vm_select(b, vm_eq(b, y, y), kb_num(b, NAN), y);
    KVal inside = vm_and(b, vm_lt(b, zero, a), vm_lt(b, a, inf));
    KVal edge = vm_select(b, vm_lt(b, zero, y), a, vm_div(b, one, a));
    edge = vm_select(b, vm_eq(b, y, y), edge, y);
    edge = vm_select(b, vm_lt(b, a, zero), nan, edge);
    KVal out = vm_select(b, inside, power, edge);
    return vm_select(b, vm_eq(b, y, zero), one, out);
}

KVal vm_pow(KBuild *b, KVal a, KVal y) {
    VmSum l = log_pair(b, vm_log_parts(b, a));
    VmSum p = vm_product(b, l.hi, y);
    p.lo = vm_fma(b, l.lo, y, p.lo);
    KVal end = kb_num(b, vm_exp_end(b));
    KVal lo = vm_select(b, vm_lt(b, vm_abs(b, p.hi), end), p.lo, kb_num(b, 0));
    VmExp e = vm_exp_parts(b, vm_exp_clamp(b, p.hi), lo);
    return with_limits(b, a, y, vm_scale(b, e.m, e.k));
}

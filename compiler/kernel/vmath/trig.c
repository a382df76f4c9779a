/* sin, cos, atan2, asin. */
#include "kernel/vmath/ops.h"
#include <math.h>

/* (-1)^n sin(x - k pi) with k = n (sin), n + 1/2 (cos).  The first step of the reduction is exact:
 * x - k pi[0] is below 2 and a multiple of ulp(pi) / 2, half the spacing of numbers near 2. */
static KVal sin_reduced(KBuild *b, KVal x, KVal n, KVal k) {
    const double *pi = VM_COEF(b, pi);
    KVal r = x;
    for (int i = 0; i < 3; i++) r = vm_fma(b, k, kb_num(b, -pi[i]), r);
    KVal z = vm_mul(b, r, r);
    KVal s = vm_clamp(b, -1, 1, vm_fma(b, vm_mul(b, r, z), VM_POLY(b, sin, z), r));
    KVal h = vm_mul(b, n, kb_num(b, 0.5)), odd = vm_sub(b, h, vm_rint(b, h)); /* 0, +-1/2 */
    return vm_select(b, vm_eq(b, odd, kb_num(b, 0)), s, vm_neg(b, s));
}

/* Beyond this the quotient x / pi has too few fractional bits to choose n. */
static KVal in_range(KBuild *b, KVal x, KVal y) {
    KVal end = kb_num(b, vm_pick(b, 0x1p45, 0x1p18));
    return vm_select(b, vm_lt(b, vm_abs(b, x), end), y, kb_num(b, NAN));
}

KVal vm_sin(KBuild *b, KVal x) {
    KVal n = vm_rint(b, vm_mul(b, x, kb_num(b, VM_COEF(b, inverse)[1])));
    return in_range(b, x, sin_reduced(b, x, n, n));
}

/* cos x = -(-1)^n sin(x - (n + 1/2) pi) */
KVal vm_cos(KBuild *b, KVal x) {
    KVal half = kb_num(b, 0.5);
    KVal q = vm_fma(b, x, kb_num(b, VM_COEF(b, inverse)[1]), kb_num(b, -0.5));
    KVal n = vm_rint(b, q);
    return in_range(b, x, vm_neg(b, sin_reduced(b, x, n, vm_add(b, n, half))));
}

/* t = min / max of |y|, x; atan t or pi/2 - atan t.  The order of operands of min and max lets a
 * NaN through. */
KVal vm_atan2(KBuild *b, KVal y, KVal x) {
    const double *quarter = VM_COEF(b, half_pi);
    KVal zero = kb_num(b, 0), one = kb_num(b, 1), inf = kb_num(b, INFINITY);
    KVal a = vm_abs(b, y), lo = vm_min(b, a, x), hi = vm_max(b, x, a);
    KVal t = vm_div(b, lo, vm_select(b, vm_eq(b, hi, zero), one, hi));
    t = vm_select(b, vm_eq(b, lo, inf), one, t);
    KVal z = vm_mul(b, t, t);
    KVal s = vm_fma(b, vm_mul(b, t, z), VM_POLY(b, atan, z), t);
    KVal rest = vm_add(b, kb_num(b, quarter[0]), vm_sub(b, kb_num(b, quarter[1]), s));
    return vm_copysign(b, vm_select(b, vm_lt(b, x, a), rest, s), y);
}

/* asin of the smaller of |s|, c, whose square z is at most 1/2; pi/2 - asin c.  z from s alone, so
 * that the polynomial need not wait for a root: an error of z counts less than one of t. */
KVal vm_asin(KBuild *b, KVal s, KVal c) {
    const double *quarter = VM_COEF(b, half_pi);
    KVal a = vm_abs(b, s), t = vm_min(b, c, a), y = vm_mul(b, s, s);
    KVal z = vm_min(b, vm_sub(b, kb_num(b, 1), y), y);
    t = vm_fma(b, vm_mul(b, t, z), VM_POLY_HALVES(b, asin, z), t);
    KVal rest = vm_add(b, kb_num(b, quarter[0]), vm_sub(b, kb_num(b, quarter[1]), t));
    return vm_copysign(b, vm_select(b, vm_lt(b, c, a), rest, t), s);
}

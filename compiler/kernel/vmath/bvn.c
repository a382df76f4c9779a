/* The bivariate normal probability P(z > -h, z' > -k) by Owen's T function (D. B. Owen, Ann. Math.
 * Statist. 27, 1956), written without a division by h, k or 1 - rho^2:
 *   (Phi(h) + Phi(k)) / 2 - ray(h, k) - ray(k, h) - [h k < 0] / 2,
 *   ray(h, k) = sgn(h) R(|h|, x),  x = sgn(h) (k - rho h) / sqrt(1 - rho^2),
 *   R(h, x) = T(h, x / h) = (1/2 pi) int_0^atan(x/h) exp(-h^2 / (2 cos^2 t)) dt, odd in x,
 * and for x > h the reflection T(h, a) + T(a h, 1/a) = (u + v)/2 - u v, u, v the tails of h, x. */
#include "kernel/vmath/ops.h"

/* Beyond this argument tails and T are below any absolute error that counts, and exponents of
 * -(h^2 + x^2)/2 stay in the range of vm_exp_small. */
static double far(const KBuild *b) { return vm_pick(b, 26, 9); }

/* Phi(-y), 0 <= y <= far: absolute accuracy */
static KVal upper_tail(KBuild *b, KVal y) {
    KVal e = vm_exp_small(b, vm_mul(b, vm_mul(b, y, kb_num(b, -0.5)), y));
    return vm_mul(b, e, vm_tail_ratio(b, y));
}

/* num / den */
typedef struct Fraction {
    KVal num, den;
} Fraction;

static Fraction fraction_add(KBuild *b, Fraction x, Fraction y) {
    KVal cross = vm_mul(b, y.num, x.den);
    return (Fraction){vm_fma(b, x.num, y.den, cross), vm_mul(b, x.den, y.den)};
}

/* T(h, a), a = m / h <= 1, by Gauss-Legendre in x: exp(-(h^2 + m^2 x^2)/2) / (1 + a^2 x^2) */
static KVal owen_t(KBuild *b, KVal h, KVal m) {
    const double *node = VM_COEF(b, owen_node), *weight = VM_COEF(b, owen_weight);
    uint32_t n = VM_COUNT(b, owen_node);
    KVal one = kb_num(b, 1), half = kb_num(b, -0.5);
    KVal a = vm_div(b, m, h), a2 = vm_mul(b, a, a);
    KVal h2 = vm_mul(b, vm_mul(b, h, half), h), m2 = vm_mul(b, vm_mul(b, m, half), m);
    Fraction sum = {0, 0};
    for (uint32_t i = 0; i < n; i++) {
        KVal e = vm_exp_small(b, vm_fma(b, m2, kb_num(b, node[i]), h2));
        Fraction f = {vm_mul(b, e, kb_num(b, weight[i])), vm_fma(b, a2, kb_num(b, node[i]), one)};
        sum = i ? fraction_add(b, sum, f) : f;
    }
    return vm_mul(b, a, vm_div(b, sum.num, sum.den));
}

/* ray(h, k); u is the tail of |h|, slope 1 / sqrt(1 - rho^2) */
static KVal ray(KBuild *b, KVal h, KVal k, KVal u, KVal d, KVal sign, KVal root) {
    KVal sh = vm_mul(b, sign, h); /* k - rho h = (k - s h) + d s h */
    KVal x = vm_div(b, vm_fma(b, d, sh, vm_sub(b, k, sh)), root);
    KVal y = vm_min(b, kb_num(b, far(b)), vm_abs(b, x)), a = vm_abs(b, h);
    KVal t = owen_t(b, vm_max(b, a, y), vm_min(b, a, y));
    KVal v = upper_tail(b, y);
    KVal mean = vm_mul(b, vm_add(b, u, v), kb_num(b, 0.5));
    KVal above = vm_sub(b, vm_sub(b, mean, vm_mul(b, u, v)), t);
    KVal size = vm_select(b, vm_lt(b, a, y), above, t);
    return vm_mul(b, vm_copysign(b, size, x), vm_copysign(b, kb_num(b, 1), h));
}

/* In range, and not zero: the direction of (h, k) = (0, 0) is then that of (1, 1), for which the
 * formula has the right limit. */
static KVal bounded(KBuild *b, KVal h) {
    KVal zero = vm_eq(b, h, kb_num(b, 0));
    KVal tiny = kb_num(b, vm_pick(b, 1e-100, 1e-12));
    return vm_select(b, zero, tiny, vm_clamp(b, -far(b), far(b), h));
}

/* With s = sgn / 2 the terms without rays are (1/2 + s_h)(1/2 + s_k) - s_h u_h - s_k u_k. */
KVal vm_bvn(KBuild *b, KVal h0, KVal k0, KVal d, KVal sign) {
    KVal half = kb_num(b, 0.5), floor = kb_num(b, vm_pick(b, 1e-150, 1e-18));
    KVal h = bounded(b, h0), k = bounded(b, k0);
    KVal root = vm_sqrt(b, vm_mul(b, d, vm_sub(b, kb_num(b, 2), d)));
    root = vm_max(b, floor, root);
    KVal uh = upper_tail(b, vm_abs(b, h)), uk = upper_tail(b, vm_abs(b, k));
    KVal sh = vm_copysign(b, half, h), sk = vm_copysign(b, half, k);
    KVal both = vm_mul(b, vm_add(b, half, sh), vm_add(b, half, sk));
    KVal tails = vm_add(b, vm_mul(b, sh, uh), vm_mul(b, sk, uk));
    KVal rays = vm_add(b, ray(b, h, k, uh, d, sign, root), ray(b, k, h, uk, d, sign, root));
    KVal p = vm_sub(b, both, vm_add(b, tails, rays));
    return vm_clamp(b, 0, 1, p);
}

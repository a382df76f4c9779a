/* Dispatch over the MACRO rows, and the arithmetic shared by all expansions. */
#include "kernel/vmath/vmath.h"
#include "diag/diag.h"
#include "kernel/vmath/ops.h"

KVal vm_horner(KBuild *b, const double *coef, uint32_t n, KVal x) {
    KVal p = kb_num(b, coef[n - 1]);
    for (uint32_t i = n - 1; i-- > 0;) p = vm_fma(b, p, x, kb_num(b, coef[i]));
    return p;
}

KVal vm_horner_halves(KBuild *b, const double *coef, uint32_t n, KVal x) {
    KVal xx = vm_mul(b, x, x), p[2];
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t k = n - 1 - (n - 1 - i) % 2;
        p[i] = kb_num(b, coef[k]);
        while (k >= 2) k -= 2, p[i] = vm_fma(b, p[i], xx, kb_num(b, coef[k]));
    }
    return vm_fma(b, p[1], x, p[0]);
}

VmSum vm_sum(KBuild *b, KVal x, KVal y) {
    KVal s = vm_add(b, x, y);
    KVal t = vm_sub(b, s, x);
    KVal ex = vm_sub(b, x, vm_sub(b, s, t)), ey = vm_sub(b, y, t);
    return (VmSum){s, vm_add(b, ex, ey)};
}

VmSum vm_sum_fast(KBuild *b, KVal x, KVal y) {
    KVal s = vm_add(b, x, y);
    return (VmSum){s, vm_add(b, vm_sub(b, x, s), y)};
}

VmSum vm_product(KBuild *b, KVal x, KVal y) {
    KVal p = vm_mul(b, x, y);
    return (VmSum){p, vm_fma(b, x, y, vm_neg(b, p))};
}

/* min and max give their second operand where a NaN is compared. */
KVal vm_clamp(KBuild *b, double lo, double hi, KVal x) {
    return vm_max(b, kb_num(b, lo), vm_min(b, kb_num(b, hi), x));
}

KVal vm_scale(KBuild *b, KVal m, KVal k) {
    KVal half = vm_rint(b, vm_mul(b, k, kb_num(b, 0.5)));
    KVal rest = vm_sub(b, k, half);
    return vm_mul(b, vm_mul(b, m, vm_pow2(b, half)), vm_pow2(b, rest));
}

KVal vmath_expand(KBuild *b, KOp op, const KVal *arg) {
    switch ((int)op) {
    case KO_exp: return vm_exp(b, arg[0]);
    case KO_expm1: return vm_expm1(b, arg[0]);
    case KO_log: return vm_log(b, arg[0]);
    case KO_log1p: return vm_log1p(b, arg[0]);
    case KO_sin: return vm_sin(b, arg[0]);
    case KO_cos: return vm_cos(b, arg[0]);
    case KO_tanh: return vm_tanh(b, arg[0]);
    case KO_erf: return vm_erf(b, arg[0]);
    case KO_Phi: return vm_Phi(b, arg[0]);
    case KO_pow: return vm_pow(b, arg[0], arg[1]);
    case KO_atan2: return vm_atan2(b, arg[0], arg[1]);
    case KO_asin: return vm_asin(b, arg[0], arg[1]);
    case KO_dexp: return vm_dexp(b, arg[0], arg[1]);
    case KO_fan00: return vm_fan00(b, arg[0]);
    case KO_fan11: return vm_fan11(b, arg[0]);
    case KO_bvn: return vm_bvn(b, arg[0], arg[1], arg[2], arg[3]);
    }
    bug("vmath: operation %d has no expansion", (int)op);
}

/* The arc-cosine pair in d = 1 - cos alpha: with w = sqrt d both alpha / w and
 * (sin alpha - alpha cos alpha) / (d w) are analytic on [0, 1] (singular at d = 2), so each is one
 * polynomial with a small relative error everywhere.  1 / (2 pi) is in the coefficients.  Where
 * both are asked for the same d, they share w. */
#include "kernel/vmath/ops.h"

KVal vm_fan00(KBuild *b, KVal d) {
    KVal w = vm_sqrt(b, d);
    return vm_mul(b, w, VM_POLY(b, fan00, d));
}

KVal vm_fan11(KBuild *b, KVal d) {
    KVal w = vm_sqrt(b, d);
    return vm_mul(b, vm_mul(b, d, w), VM_POLY(b, fan11, d));
}

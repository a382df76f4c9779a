/* Vector mathematics into primitives, each macro in its place. */
#include "kernel/rewrite.h"
#include "kernel/vmath/vmath.h"

static KVal expand_ins(Rewrite *r, KVal old, KIns ins) {
    (void)old;
    if (kop_info(ins.op)->flag != KF_MACRO) return rewrite_copy(r, ins);
    return vmath_expand(&r->b, ins.op, ins.arg);
}

void kernel_expand(Ctx *c, Kernel *k) {
    for (int s = 0; s < KS_COUNT; s++) rewrite_fn(c, k, (KStage)s, expand_ins, NULL);
}

/* (m ? x : 0) y = m ? x y : 0, which machines with masks do in one instruction.  After hoist: a
 * choice between values of one sample is one of them, and stays so where it meets the other's. */
#include "kernel/rewrite.h"

static KVal mask_ins(Rewrite *r, KVal old, KIns ins) {
    (void)old;
    for (int i = 0; i < 2 && ins.op == KO_mul; i++) {
        KIns s = *rewrite_new(r, ins.arg[i]);
        double zero;
        if (s.op != KO_select || !kval_num(rewrite_to(r), s.arg[2], &zero) || zero != 0) continue;
        KVal x = kb_op(&r->b, KO_mul, s.arg[1], ins.arg[1 - i], 0);
        return kb_op(&r->b, KO_select, s.arg[0], x, s.arg[2]);
    }
    return rewrite_copy(r, ins);
}

void kernel_mask(Ctx *c, Kernel *k) {
    for (int s = 0; s < KS_COUNT; s++) rewrite_fn(c, k, (KStage)s, mask_ins, NULL);
}

/* Rewriting a function: its instructions are copied in order into a new one, each through the
 * pass, with a map from old values to new ones.  Every pass but dce is one of these. */
#ifndef TPC_KERNEL_REWRITE_H
#define TPC_KERNEL_REWRITE_H
#include "kernel/op.h"

typedef struct Rewrite Rewrite;
/* What becomes of instruction `old`: ins is a copy of it, operands mapped and names substituted.
 * Emits what stands for it and returns its new value (0: it has none). */
typedef KVal RewriteIns(Rewrite *r, KVal old, KIns ins);

struct Rewrite {
    Ctx *c;
    Kernel *k;
    KStage stage;
    KFn from;
    KBuild b;
    KVal *map;            /* old -> new */
    VEC(AffSubst) subst;  /* loop variables replaced by forms; applied in order of their places */
    RewriteIns *ins;
    void *self;           /* the pass's */
};

/* Start: the kernel's function becomes empty, the old one is r->from. */
Rewrite rewrite_begin(Ctx *c, Kernel *k, KStage stage, RewriteIns *ins, void *self);
/* Begin and copy all. */
void rewrite_fn(Ctx *c, Kernel *k, KStage stage, RewriteIns *ins, void *self);
/* Copy an old block's instructions into the open block. */
void rewrite_block(Rewrite *r, uint32_t block);
/* The plain copy: emits ins; loops and ifs with their blocks. */
KVal rewrite_copy(Rewrite *r, KIns ins);

static inline KFn *rewrite_to(const Rewrite *r) { return &r->k->fn[r->stage]; }
static inline const KIns *rewrite_new(const Rewrite *r, KVal v) {
    return &r->k->fn[r->stage].ins.data[v];
}
#endif

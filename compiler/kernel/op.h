/* The table of kernel.def, the scalar twins of primitive instructions, and raw emission: for the
 * passes, the text forms and the interpreter. */
#ifndef TPC_KERNEL_OP_H
#define TPC_KERNEL_OP_H
#include "kernel/kernel.h"

typedef struct KOpInfo {
    const char *name;
    KType result;
    const char *operands; /* "rr": r real, m mask */
    uint8_t nargs;
    KFlag flag;
} KOpInfo;
const KOpInfo *kop_info(KOp op);
/* Pure: depends on operands and loop variables only.  Not loads, stores, loops, ifs. */
bool kop_pure(KOp op);
bool kop_commutes(KOp op);

/* The value of a real-valued primitive of operands (not num, real, index, table, load), as the
 * interpreter and compiled code have it: rounded to float at every step where dtype is f32. */
double prim_real(TpDtype dtype, KOp op, const double arg[3]);
/* lt, le, eq. */
bool prim_compare(TpDtype dtype, KOp op, double a, double b);

/* Append as it is; loops and ifs: their blocks must exist.  Returns the value. */
KVal kb_emit(KBuild *b, KIns ins);
/* Open a loop with the variable, the bounds and the direction of another. */
void kb_loop_like(KBuild *b, const KIns *loop);
/* Append an empty block to the function being built. */
uint32_t kb_block(KBuild *b);
bool kval_num(const KFn *f, KVal v, double *out);
/* Do the instruction's own indices, conditions or bounds name it? */
bool kins_mentions(const KIns *k, Sym name);
/* Does the block, or one inside it, store to the array? */
bool kfn_stores(const KFn *f, uint32_t block, uint32_t array);
const Aff *aff_copy(Arena *a, const Aff *idx, uint32_t n);
void kfn_init(KFn *f, Arena *a);
#endif

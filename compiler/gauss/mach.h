/* Two machines that run one description of a computation: the kernel builder (values are
 * instructions) and plain doubles.  So a plan is written once, emitted into kernels and evaluated
 * by itself. */
#ifndef TPC_GAUSS_MACH_H
#define TPC_GAUSS_MACH_H
#include "kernel/kernel.h"

typedef union MVal {
    KVal k;
    double x;
} MVal;

typedef struct MIdx { /* a loop variable, or a constant */
    Aff a;
    int64_t i;
} MIdx;

typedef struct FxMemo { /* values of subexpressions: a hash table, emptied by the next turn */
    struct FxValue *slot;
    uint32_t size, used, turn; /* size: 0, or a power of 2 */
} FxMemo;

typedef struct Mach {
    Ctx *c;
    KBuild *b; /* NULL: doubles */
    VEC(double) mem;
    FxMemo memo; /* of m_fx while it runs: one for all points of a quadrature */
} Mach;

typedef struct MTable {
    uint32_t id;
    const double *v;
} MTable;

MVal m_num(Mach *m, double v);
MVal m_op4(Mach *m, KOp op, MVal x, MVal y, MVal z, MVal w);
static inline MVal m_op3(Mach *m, KOp op, MVal x, MVal y, MVal z) {
    return m_op4(m, op, x, y, z, (MVal){0});
}
static inline MVal m_op2(Mach *m, KOp op, MVal x, MVal y) { return m_op3(m, op, x, y, (MVal){0}); }
static inline MVal m_op1(Mach *m, KOp op, MVal x) { return m_op2(m, op, x, (MVal){0}); }
static inline MVal m_add(Mach *m, MVal x, MVal y) { return m_op2(m, KO_add, x, y); }
static inline MVal m_sub(Mach *m, MVal x, MVal y) { return m_op2(m, KO_sub, x, y); }
static inline MVal m_mul(Mach *m, MVal x, MVal y) { return m_op2(m, KO_mul, x, y); }
static inline MVal m_div(Mach *m, MVal x, MVal y) { return m_op2(m, KO_div, x, y); }
static inline MVal m_fma(Mach *m, MVal x, MVal y, MVal z) { return m_op3(m, KO_fma, x, y, z); }
static inline MVal m_select(Mach *m, MVal c, MVal x, MVal y) {
    return m_op3(m, KO_select, c, x, y);
}
/* x > 0 as a mask */
MVal m_positive(Mach *m, MVal x);
MVal m_clamp(Mach *m, MVal x, double lo, double hi);
/* sum c[i] x^i */
MVal m_horner(Mach *m, const double *c, uint32_t degree, MVal x);
/* A number next to zero (or infinity) that survives in the kernel's type: tiny^2 is no underflow.
 */
double m_tiny(const Mach *m);

MTable m_table(Mach *m, const char *name, const double *v, uint32_t n);
MVal m_at(Mach *m, MTable t, MIdx i);
typedef void MBody(Mach *m, void *ctx, MIdx i);
void m_loop(Mach *m, int64_t n, MBody *body, void *ctx);
MIdx m_idx(int64_t i);
MIdx m_idx_plus(MIdx i, int64_t d);
/* Arrays of n elements that loops carry; n = 1: a cell. */
uint32_t m_array(Mach *m, const char *name, uint32_t n);
MVal m_get(Mach *m, uint32_t array, uint32_t n, MIdx i);
void m_set(Mach *m, uint32_t array, uint32_t n, MIdx i, MVal v);

/* Coordinatewise expressions; leaves and thetas given.  Hyperparameters: Kernel.real by name. */
MVal m_fx(Mach *m, const FxPool *fx, Fx f, const MVal *leaf, const MVal *theta);

/* Special functions in double (number.c). */
double num_op(KOp op, const double *a);
#endif

/* The pool's inside, shared by fx.c, fx_calc.c and fx_text.c only. */
#ifndef TPC_PROGRAM_FX_IMPL_H
#define TPC_PROGRAM_FX_IMPL_H
#include "base/vec.h"
#include "program/fx.h"

/* Results of one walk over shared nodes, by node number; valid where gen[i] == now. */
typedef struct FxMemo {
    struct FxMemo *next;
    Fx *val;
    double *num;
    uint32_t *gen;
    uint32_t cap, now;
} FxMemo;

typedef struct FxScratch {
    Arena *a;
    FxMemo *free;
} FxScratch;

struct FxPool {
    Arena *a;
    AffCtx *x;
    VEC(FxNode) node; /* [0] unused */
    VEC(double) size; /* of each node, written out as a tree */
    uint32_t *slot;   /* open addressing, power of two, 0 = empty */
    uint32_t nslot;
    FxScratch *scratch;
};

FxMemo *fx_memo_take(const FxPool *p);
void fx_memo_give(const FxPool *p, FxMemo *m);

/* A constant that is not known exactly. */
Fx fx_inexact(FxPool *p, double v);
#endif

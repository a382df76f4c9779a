/* Plans from text, and their values in double. */
#ifndef TPC_TEST_GAUSS_SUPPORT_H
#define TPC_TEST_GAUSS_SUPPORT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "diag/diag.h"
#include "gauss/gauss.h"
#include "gauss/plan.h"

typedef struct Bench {
    Ctx c;
    AffCtx *aff;
    FxPool *fx;
} Bench;

Bench bench_new(void);
void bench_free(Bench *b);
/* "relu(u0)": the expression with the names of the standard library replaced, leaves u0, u1, .. */
Fx bench_fx(Bench *b, const char *text);
/* The same with leaf 0 renamed to leaf k. */
Fx bench_fx_at(Bench *b, const char *text, uint32_t k);
/* Plan of one leaf a side; d1, d2: almost-everywhere derivatives instead. */
typedef struct Pair {
    GaussQuery q;
    const Expectation *e;
} Pair;
Pair bench_pair(Bench *b, Fx f, Fx g, bool unit, bool centred);
/* E F G (or E F) of one leaf. */
Pair bench_single(Bench *b, Fx f, Fx g, bool centred);
double pair_value(Bench *b, const Pair *p, double q0, double q1, double d, double sign, double m0,
                  double m1);
double single_value(Bench *b, const Pair *p, double q, double m);
/* The normal form of an expression of leaf 0. */
const char *bench_normal(Bench *b, const char *text);
#endif

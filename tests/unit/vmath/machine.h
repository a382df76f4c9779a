/* One MACRO operation of kernel.def as a function of vectors, executed by the interpreter; and
 * errors in units in the last place. */
#ifndef TESTS_VMATH_MACHINE_H
#define TESTS_VMATH_MACHINE_H
#include "kernel/kernel.h"

/* out[i] = op(arg[0][i], ..); float32: arguments are rounded first. */
void machine_run(KOp op, TpDtype dtype, const double *const *arg, double *out, size_t n);
/* One value. */
double machine_call(KOp op, TpDtype dtype, double x, double y, double z, double w);
/* How often `counted` occurs in the expansions of ops (ended by KO_COUNT) on the same arguments,
 * merged by kernel_cse. */
uint32_t machine_count(const KOp *ops, TpDtype dtype, KOp counted);

/* |got - exact| in units of the last place of the type at exact; 0 if both are NaN or the same
 * infinity (exact beyond the largest number by half an ulp counts as infinite). */
double ulp_error(TpDtype dtype, double got, long double exact);

/* A generator of its own (xorshift64*), so that runs repeat. */
typedef struct Random {
    uint64_t s;
} Random;
double random_unit(Random *r);                                  /* [0, 1) */
double random_between(Random *r, double lo, double hi);         /* uniform */
double random_scaled(Random *r, double lo, double hi);          /* log-uniform, 0 < lo < hi */
#endif

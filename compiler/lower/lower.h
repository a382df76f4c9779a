/* From the limit's recurrences to kernel code: choose the method of every expectation, normalise
 * what is stored, order the equations into loops, contract storage, emit. */
#ifndef TPC_LOWER_H
#define TPC_LOWER_H
#include "gauss/gauss.h"
#include "limit/limit.h"

/* Choose the method of every expectation (gauss); a diagnostic where there is none yet. */
bool lower_expect(Ctx *c, Limit *l);
/* Normalised arrays and defects (product.md 2b). */
bool lower_normalise(Ctx *c, Limit *l);
/* Hermite arrays for the expectations whose plan is a series. */
bool lower_series(Ctx *c, Limit *l);
/* Order the equations (loops, fusion, storage) and emit them. */
bool lower_kernel(Ctx *c, const Limit *l, TpDtype dtype, Kernel **out);
#endif

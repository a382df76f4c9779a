/* From the limit's recurrences to kernel code: choose the method of every expectation, normalise
 * what is stored, order the equations into loops, contract storage, emit. */
#ifndef TPC_LOWER_H
#define TPC_LOWER_H
#include "gauss/gauss.h"
#include "limit/limit.h"

/* Choose the method of every expectation (gauss); a diagnostic where there is none yet. */
bool lower_expect(Ctx *c, Limit *l);
/* Scales of layer norms and the like as sample arrays; lower_normalise begins with it. */
void lower_scales(Ctx *c, Limit *l);
/* Normalised arrays and defects (product.md 2b). */
bool lower_normalise(Ctx *c, Limit *l);
/* Hermite arrays for the expectations whose plan is a series. */
bool lower_series(Ctx *c, Limit *l);
/* Positions of one offset at a time (product.md 10): LArray.group, Limit.group. */
bool lower_offset(Ctx *c, Limit *l);
/* Windows over several axes as one sum an axis. */
bool lower_box(Ctx *c, Limit *l);
/* Rims of zeros instead of guards: LArray.halo. */
bool lower_halo(Ctx *c, Limit *l);
/* Can the equations be ordered into loops?  Says nothing. */
bool lower_has_order(Ctx *c, const Limit *l);
/* Order the equations (loops, fusion, storage) and emit them. */
bool lower_kernel(Ctx *c, const Limit *l, TpDtype dtype, Kernel **out);
#endif

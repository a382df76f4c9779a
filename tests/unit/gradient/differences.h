/* A gradient against central differences at finite width. */
#ifndef TEST_GRADIENT_DIFFERENCES_H
#define TEST_GRADIENT_DIFFERENCES_H
#include "../program/common.h"
#include "gradient/gradient.h"
#include "program/finite.h"

/* The gradient of p: sound, and the same when read back. */
Gradient *gradient_of(Ctx *c, const Program *p);
/* Every adjoint of g against differences of the output by coordinates of what it is the adjoint of,
 * at width n and positions of `size`.  Returns what differs first; NULL: nothing. */
const char *differences(Ctx *c, const Gradient *g, uint64_t seed, uint32_t n, int64_t size);
/* The same of every `grad` of p, whose gradient is g. */
const char *asked_differences(Ctx *c, const Program *p, const Gradient *g, uint64_t seed,
                              uint32_t n, int64_t size);
#endif

/* The neural tangent kernel of a network of finite width. */
#ifndef TEST_SUPPORT_FINITE_NTK_H
#define TEST_SUPPORT_FINITE_NTK_H
#include "gradient/gradient.h"
#include "program/finite.h"

/* Theta of two samples of g->p (finite_sample), by theory's sum over pairs of uses:
 *
 *     matrix W, entries N(0, s2 / cols), uses y = W u and z = W' t:
 *         e / (cols n) sum over pairs of uses of (dy . dy')(u . u'), (dz . dz')(t . t'),
 *         mixed (dy . t')(u . dz')
 *     vector: e <dv dv'>;  input matrix: e / (d n) (xi . xi')(dy . dy')
 *
 * of outputs with indices out, out2 (NULL: no dims); of sqrt(n) f where f is a moment. */
double finite_ntk(Arena *a, const Gradient *g, Finite *x, Finite *x2, uint32_t n,
                  const int64_t *out, const int64_t *out2);
#endif

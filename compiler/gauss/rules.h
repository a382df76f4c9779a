/* Integration rules and polynomial fits, made at compile time. */
#ifndef TPC_GAUSS_RULES_H
#define TPC_GAUSS_RULES_H
#include "base/arena.h"
#include <stdbool.h>

/* n-point Gauss-Legendre rule on [0, 1]. */
void rule_legendre(uint32_t n, double *x, double *w);
/* Monomial coefficients in x = 2 d - 1 of the polynomial of this degree through f at Chebyshev
 * points of d in [0, 1]; negligible leading ones are dropped: returns the degree. */
uint32_t fit_unit_interval(double (*f)(const void *ctx, double d), const void *ctx, uint32_t degree,
                           double *c);
#endif

/* Moments over the fan z > 0, z' > 0 of two unit Gaussians, without cancellation (design:
 * arc-cosine kernels of every order).  With alpha in [0, pi/2] the smaller angle, d = 1 - |rho| = 1
 * - cos alpha, T(a, b) = g J / (2 pi) > 0,  g = 2^((a+b)/2) Gamma((a+b)/2 + 1), J = int_0^alpha
 * sin^a t sin^b(alpha - t) dt, rho <= 0: fan = T;  rho > 0: fan = H(rho) - (-1)^b T, H(rho) = E z^a
 * z'^b [z > 0] a polynomial. */
#ifndef TPC_GAUSS_FAN_H
#define TPC_GAUSS_FAN_H
#include "gauss/formula.h"
#include "gauss/mach.h"

enum { MAX_FAN = 24 }; /* a + b */

/* In which order the exponents are used: (a, b) with b odd where one of them is. */
void fan_order(uint32_t *a, uint32_t *b);
/* Coefficients of H in powers of rho, exact. */
uint32_t fan_half(FmPool *p, uint32_t a, uint32_t b, Fm *coef);
MVal fan_tail(Mach *m, uint32_t a, uint32_t b, MVal d);
/* The whole moment; neg: mask of rho < 0. */
MVal fan_value(Mach *m, FmPool *p, uint32_t a, uint32_t b, MVal c, MVal d, MVal neg);
#endif

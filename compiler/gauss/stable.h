/* Rewritings of formulas that keep digits; none knows a function. */
#ifndef TPC_GAUSS_STABLE_H
#define TPC_GAUSS_STABLE_H
#include "gauss/formula.h"

/* exp(a + i b) = exp(a) (cos b + i sin b); the imaginary part of the whole cancels. */
Fm stable_real(FmPool *p, Fm f);
/* R sum c_i e^(A_i) with sum c_i = 0 as R sum c_i (e^(A_i) - e^(A_0)), by differences that do not
 * cancel; otherwise pairs of opposite coefficients. */
Fm stable_differences(FmPool *p, Fm f);
#endif

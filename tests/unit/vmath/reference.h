/* The functions of the vector mathematics in long double: wide enough (11 bits more than float64)
 * to measure errors in ulp, and another implementation, the C library's. */
#ifndef TESTS_VMATH_REFERENCE_H
#define TESTS_VMATH_REFERENCE_H

typedef long double Reference(long double x, long double y);

Reference ref_exp, ref_expm1, ref_log, ref_log1p, ref_sin, ref_cos, ref_tanh, ref_erf, ref_Phi;
Reference ref_pow, ref_atan2, ref_asin, ref_dexp, ref_fan00, ref_fan11;
/* P(z > -h, z' > -k) by Plackett's integral over the correlation; |rho| < 1. */
long double ref_bvn(long double h, long double k, long double rho);
#endif

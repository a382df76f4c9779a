/* Real roots of polynomials with rational coefficients. */
#ifndef TPC_GAUSS_ROOTS_H
#define TPC_GAUSS_ROOTS_H
#include "gauss/formula.h"

enum { MAX_ROOT_DEGREE = 8 };

typedef struct Root {
    Fm at;       /* exact where it is a small rational */
    bool rising; /* negative below, positive above */
} Root;

/* Changes of sign of sum c[i] x^i, ascending; *positive: sign at minus infinity. */
uint32_t roots_of(FmPool *p, const Rat *c, uint32_t degree, Root *out, bool *positive);
#endif

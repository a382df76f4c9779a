/* Expectations of normal forms under a joint Gaussian, as formulas.  Everything is a ratio of
 * minors of one bordered covariance matrix; nothing divides by 1 - rho^2. */
#ifndef TPC_GAUSS_EXPECT_H
#define TPC_GAUSS_EXPECT_H
#include "gauss/normal.h"

enum { MAX_SQUARE = MAX_LEAF * (MAX_LEAF - 1) / 2 };

typedef struct Square { /* symbol^2 -> to: k^2 = q p - D, c^2 = 1 - r */
    uint32_t atom;
    Fm to;
} Square;

typedef struct Law {
    uint32_t nleaf;
    Fm cov[MAX_LEAF * MAX_LEAF]; /* symmetric; 0: independent */
    Fm mean[MAX_LEAF];
    Square square[MAX_SQUARE];
    uint32_t nsquare;
} Law;

typedef struct Integral { /* E of the factors of key; core: leaves of all but its monomial */
    Key key;
    uint32_t core, leaves;
    unsigned time;
} Integral;

typedef struct Expect {
    Norm *n;
    FmPool *p;
    Law law;
    VEC(Integral) integral;
    bool no_fan; /* the general orthant form also for centred fans (tests) */
    bool failed; /* a term has neither closed form nor integral */
    const char *why;
} Expect;

/* E f; what has no closed form becomes an atom FN_quad that names an integral. */
Fm expect_of(Expect *x, const Normal *f);
/* Closed form of one group of leaves; false: none. */
bool expect_group(Expect *x, const Key *k, Fm *out);
/* Even powers of the symbols of law.square rewritten, if that leaves fewer negative terms (or
 * always). */
Fm law_tidy(const Expect *x, Fm f, bool always);
#endif

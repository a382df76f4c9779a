/* The limit of the unrolled program at the probe: one sample, every loop and position written out.
 * Z of every vector is a normal form over Gaussian leaves. */
#ifndef TPC_CHECK_LIMIT1_H
#define TPC_CHECK_LIMIT1_H
#include "check/checker.h"

typedef enum LeafKind {
    LEAF_param, /* vector of a family, normal noise */
    LEAF_coin,  /* Bernoulli noise: 0 or 1 */
    LEAF_input, /* U x */
    LEAF_hat,   /* the Gaussian part of a product */
    LEAF_sum    /* an affine combination of others */
} LeafKind;

typedef struct InputRef { /* a data vector: an input at a position, or basis(k) */
    bool basis;
    uint32_t input;
    const int64_t *pos;
    uint32_t npos;
    int64_t k;
} InputRef;

typedef struct GaussLeaf {
    LeafKind kind;
    FamId fam;
    bool transposed;
    const int64_t *member; /* of the family */
    uint32_t nmember;
    InputRef in;
    Form arg;    /* hat: the operand; sum: the combination */
    Form z;      /* hat: Z of the operand, for the corrections */
    Form scale;  /* variance of an entry times the operand's length; of a vector its variance */
    DefId def;   /* hat: the product */
    const int64_t *idx;
} GaussLeaf;

typedef struct Coefficient {
    DefId def;           /* the product whose argument correlates */
    const int64_t *idx;
    uint32_t hat;        /* leaf of the opposite product */
    Form slope;          /* dZ/dhat, times the scale */
    Form value;          /* its expectation; 0: not known */
    Num num;
} Coefficient;

typedef struct CovEntry {
    uint32_t a, b;
    Form v;
} CovEntry;

typedef struct ZCell {
    DefId d;
    const int64_t *idx;
    uint32_t hash;
    Form z;
    bool done;
} ZCell;

typedef struct Limit1 {
    Checker *k;
    Ctx *c;
    Arena *a;
    FormPool *f;
    VEC(GaussLeaf) leaf;
    VEC(Coefficient) coef;
    VEC(ZCell) cell;
    uint32_t *slot, nslot;
    VEC(CovEntry) cov;
    uint32_t *covslot, ncovslot;
    VEC(Form) mean_key, mean_value; /* expectations found so far */
    VEC(Sym) bound;      /* loop variables and their values */
    VEC(int64_t) bound_value;
    VEC(Sym) size_used;  /* sizes that the result is for */
    bool *both;
    const char *stuck;   /* why it ended early; NULL: it did not */
    bool found;          /* a correction that is not 0 */
    double stretch;      /* of the default probe's Gram values */
    uint32_t depth, numbers, points; /* nesting; expectations so far, those by points */
    uint32_t steps;      /* covariances of combinations */
    size_t memory;       /* of the arena when it began */
} Limit1;

Limit1 *limit1_new(Checker *k, double stretch);
/* Z of a vector, or the value of a scalar.  0: stuck. */
Form limit1_at(Limit1 *l, DefId d, const int64_t *idx);
void limit1_each(Limit1 *l, DefId d, void (*see)(void *ctx, const int64_t *idx), void *ctx);
int64_t limit1_name(void *ctx, Sym name);
void limit1_stuck(Limit1 *l, const char *why);
const char *limit1_leaf_name(void *ctx, uint32_t leaf);

/* leaves.c */
uint32_t leaf_intern(Limit1 *l, GaussLeaf g);
Form leaf_cov(Limit1 *l, uint32_t a, uint32_t b);
/* dZ/d(leaf), through sums. */
Form leaf_slope(Limit1 *l, Form z, uint32_t leaf);
/* The leaves that a form depends on, sums taken apart. */
void leaf_bases(Limit1 *l, Form z, Leaves *out);
/* Linear occurrences of sums written out. */
Form leaf_expand(Limit1 *l, Form z);
/* The form as argument of a function: an affine one becomes a multiple of one leaf. */
Form leaf_argument(Limit1 *l, Form z);

/* unroll.c: what is known of a coefficient.  found: after the first that is not 0 little more is
 * done. */
void coefficient_found(Limit1 *l, const Coefficient *c);
typedef enum Worth { WORTH_zero, WORTH_unknown, WORTH_nonzero } Worth;
Worth coefficient_worth(const Coefficient *c);

/* expect.c */
Form expect(Limit1 *l, Form z);
/* E of a product of powers that depend on leaves, by parity or as a number. */
Num expect_product(Limit1 *l, const Mono *m);
/* parts.c: out[i] = E dz/dhat[i]; false: that has no number either. */
bool coefficients_by_parts(Limit1 *l, Form z, const uint32_t *hat, uint32_t n, Num *out);
/* number.c: E of a product of functions, as a number. */
Num expect_number(Limit1 *l, Form z);
#endif

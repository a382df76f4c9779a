/* May gradient independence be assumed?  The ladder of verdicts of the tensor program of forward
 * and backward pass, with loops and positions kept.
 *
 *     simple-gia  Simple GIA Check (2006.14548): every readout vector is sampled with mean zero,
 *                 independently of everything else, and occurs nowhere below a vector that is read
 *                 out, and no matrix is used in both orientations in the forward pass
 *     bp-like     2006.14548, definition A.3: for some set of zero-mean vectors, `W' z` only where
 *                 z is odd in them, `W z` only where z does not contain them; which orientation is
 *                 W is searched for each matrix.  Of a program that uses no matrix in both
 *                 orientations, without any vector
 *     gia-exact   neither, but every correction of a product by a matrix used in both orientations
 *                 (2009.10685, rule for Z of a matrix product) is proved to be 0
 *     undecided   some correction could neither be proved 0 nor told from it
 *     gia-fails   some correction is not 0
 *
 * The verdict is that of the values in force.  `condition` names hyperparameters that it depends on
 * being 0; for all others the upper three rungs are proved for every value. */
#ifndef TPC_CHECK_H
#define TPC_CHECK_H
#include "gradient/gradient.h"

typedef enum Rung { /* higher is better */
    RUNG_gia_fails,
    RUNG_undecided,
    RUNG_gia_exact,
    RUNG_bp_like,
    RUNG_simple_gia
} Rung;
typedef enum Readout { /* none: programs */
    READOUT_independent,
    READOUT_mean,
    READOUT_interior,
    READOUT_none
} Readout;

typedef enum CheckClause {
#define CLAUSE(id, name, text) CLAUSE_##id,
#include "check/clause.def"
} CheckClause;

typedef struct CheckLink { /* a definition on the way of a dependence */
    const char *name;
    Span span;
} CheckLink;

typedef struct CheckReason { /* a condition that does not hold */
    CheckClause clause;
    const char *text;    /* for people */
    const char *subject; /* the vector or matrix */
    Span use[2];         /* its place in the readout, and the other use; of a matrix: the use that
                            correlates and the opposite one (file 0: none) */
    VEC(CheckLink) chain; /* from the argument of the first use down to the second */
    const char *formula;  /* of the coefficient; NULL: none */
    double value, bound;  /* at the probe; NaN: not known */
    uint32_t nonzero, of; /* coefficients that are not 0, of those looked at */
    bool partial;         /* there are more */
} CheckReason;

typedef struct Verdict {
    Rung rung;
    Readout readout;
    const char *condition; /* "mu == 0", or NULL: for all values */
    const char *higher;    /* "simple-gia while mu == 0", or NULL */
    bool unrolled;         /* gia-exact: shown on the unrolled program */
    const char *sizes;     /* then: for these sizes alone, "depth = 3"; NULL: it has none */
    VEC(CheckReason) reason;
    VEC(const char *) why; /* bp-like: the special vectors and orientations; gia-exact: proofs */
    VEC(FamId) special;    /* bp-like: families of the special vectors */
} Verdict;

/* Where numbers are computed.  Unset functions: inputs of unit norm per coordinate, correlation
 * 1 / 2 between neighbours, positions of size 4. */
typedef struct CheckProbe {
    int64_t (*size)(void *ctx, Sym name);
    int64_t (*dim)(void *ctx, uint32_t input);
    double (*gram)(void *ctx, uint32_t in1, const int64_t *pos1, uint32_t in2,
                   const int64_t *pos2);                        /* x.x' / d */
    double (*coordinate)(void *ctx, uint32_t input, const int64_t *pos, int64_t k);
    double (*datum)(void *ctx, uint32_t input, const int64_t *pos);
    void *ctx;
} CheckProbe;

/* probe NULL: the default.  False: diagnostics were added (gradients that cannot be formed). */
bool check_program(Ctx *c, const Program *p, const CheckProbe *probe, Verdict *out);
const char *rung_text(Rung r);
const char *readout_text(Readout r);
const char *clause_name(CheckClause c);
const char *clause_text(CheckClause c);
/* "simple-gia" -> RUNG_simple_gia; false: no such rung. */
bool rung_parse(const char *s, Rung *out);

/* May `kernels` (1 << KernelKind) of p be computed: the NTK by its forward form, the NNGP where f
 * is a Gaussian process?  False: a diagnostic names the reason.  What that depends on (mu == 0) is
 * added to the checks of p. */
bool check_runnable(Ctx *c, Program *p, unsigned kernels, bool assume_gia);
#endif

/* May gradient independence be assumed?  The Simple GIA Check (2006.14548) on the tensor program.
 *
 * A program passes if every readout vector is sampled with zero mean, independently of everything
 * else, and occurs nowhere below a vector that is read out, and no matrix is used in both
 * orientations.  The verdict is that of the hyperparameters' values in force; `condition` names
 * those it depends on (`mu == 0`).  Higher analysis (BP-like, coefficients) is not there yet: a
 * program that does not pass is `unchecked`. */
#ifndef TPC_CHECK_H
#define TPC_CHECK_H
#include "program/program.h"

typedef enum Rung { RUNG_unchecked, RUNG_simple_gia } Rung; /* higher is better */
typedef enum Readout { READOUT_independent, READOUT_mean, READOUT_interior } Readout;

typedef struct CheckReason { /* a condition that does not hold */
    const char *condition;   /* "readout-mean", "readout-interior", "both-orientations" */
    const char *text;        /* for people */
    const char *subject;     /* the vector or matrix */
    Span use[2];             /* its place in the readout, and the other use (file 0: none) */
} CheckReason;

typedef struct Verdict {
    Rung rung;
    Readout readout;
    const char *condition; /* "mu == 0", or NULL: for all values */
    VEC(CheckReason) reason;
} Verdict;

void check_program(Ctx *c, const Program *p, Verdict *out);
const char *rung_text(Rung r);
const char *readout_text(Readout r);
/* "simple-gia" -> RUNG_simple_gia; false: no such rung. */
bool rung_parse(const char *s, Rung *out);

/* May `kernels` (1 << KernelKind) of p be computed: the NTK by its forward form, the NNGP where f
 * is a Gaussian process?  False: a diagnostic names the reason. */
bool check_runnable(Ctx *c, const Program *p, unsigned kernels, bool assume_gia);
#endif

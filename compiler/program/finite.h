/* Networks of finite width: the interpreter of the program, in double.
 *
 * Elements of definitions are evaluated as they are asked for, and kept.  `grad` definitions must
 * have been expanded.  Parameters come from the caller, so that two interpreters can share them;
 * a random environment is in finite_random. */
#ifndef TPC_PROGRAM_FINITE_H
#define TPC_PROGRAM_FINITE_H
#include "program/program.h"

typedef struct FiniteEnv {
    uint32_t n; /* the reference width */
    /* Entries of row i of a matrix, all coordinates of a vector (i = 0): mean 0, variance 1; of
     * Bernoulli noise, numbers that are uniform in [0, 1).  copy: of the independent matrix that
     * stands for the transpose. */
    void (*row)(void *ctx, const Program *p, FamId fam, const int64_t *idx, bool copy, uint32_t i,
                double *out, uint32_t n);
    /* Coordinate i of an input at a position; of a data argument, i = 0. */
    double (*datum)(void *ctx, uint32_t input, const int64_t *pos, uint32_t npos, uint32_t i);
    uint32_t (*dim)(void *ctx, uint32_t input);
    int64_t (*size)(void *ctx, Sym name); /* of kind SIZE_position */
    bool copies;   /* W' is an independent copy of W, wherever it is used */
    size_t memory; /* matrices beyond so many bytes are drawn anew for every product; 0: 1 GiB */
    void *ctx;
} FiniteEnv;

typedef struct Finite Finite;

/* Everything is in arena a. */
Finite *finite_new(Arena *a, const Program *p, FiniteEnv env);
/* Another sample: the same parameters, whose matrices are shared, and other data (env.ctx). */
Finite *finite_sample(Finite *f, FiniteEnv env);
/* Element idx of definition d: its coordinates (a scalar has one); *len: how many. */
const double *finite_at(Finite *f, DefId d, const int64_t *idx, uint32_t *len);
/* The returned element at values of the output's dims. */
double finite_output(Finite *f, const int64_t *out);
/* Value of an expression without names (families' variances, widths). */
double finite_value(Finite *f, Fx x);
int64_t finite_aff(Finite *f, Aff a); /* of sizes only */
/* Bind a name in later calls of finite_value and finite_aff (a loop variable). */
void finite_bind(Finite *f, Sym name, int64_t v);
void finite_unbind(Finite *f);
/* Coordinate i of d[idx] is delta more than what it would be; what was kept is forgotten, but not
 * the matrices.  delta = 0: as before. */
void finite_perturb(Finite *f, DefId d, const int64_t *idx, uint32_t i, double delta);
/* All indices of a definition, the last running fastest: see(ctx, idx). */
void finite_each(Finite *f, DefId d, void (*see)(void *ctx, const int64_t *idx), void *ctx);

/* Independent normal parameters, all from one seed, data and noise from it and the sample's number;
 * dimension d of the inputs. */
typedef struct FiniteRandom {
    uint64_t seed, sample;
    uint32_t d;
    int64_t size; /* every position size */
} FiniteRandom;
FiniteEnv finite_random(FiniteRandom *r, uint32_t n);
#endif

/* Two evaluations of a program's kernels that share nothing but the expectation of two
 * functions: the limit's recurrences, element by element, and the master theorem unrolled over
 * explicit Gaussian vectors, whose whole covariance and tangent matrices are built (no
 * analysis, no loops kept). */
#ifndef TPC_TEST_ORACLE_H
#define TPC_TEST_ORACLE_H
#include "limit/limit.h"

enum { NSAMPLE = 3, DIM = 4, MAX_POSITIONS = 4 };

enum { DATA_zeros = 1, DATA_repeats = 2, DATA_multiples = 4 };

typedef struct Setup {
    const Ctx *c;
    const Program *p;
    double gram[2][2][NSAMPLE][NSAMPLE];   /* [input][input] */
    double x[2][NSAMPLE][DIM];
    double (*real)(void *ctx, Sym name);   /* hyperparameters */
    int64_t (*size)(void *ctx, Sym name);  /* int hyperparameters */
    /* Position sizes: of every sample.  NULL: there are none. */
    int64_t (*own)(void *ctx, int sample, Sym name);
    void *ctx;
    /* At some positions: vectors of zeros; vectors that also stand elsewhere; -2 times such. */
    unsigned data;
} Setup;

void setup_data(Setup *s, unsigned seed);
/* Coordinate c of the vector at position idx[0..n) of a sample; a number of a data argument. */
double setup_point(const Setup *s, uint32_t input, int sample, const int64_t *idx, uint32_t n,
                   int c);
double setup_number(const Setup *s, uint32_t input, int sample, const int64_t *idx, uint32_t n);
double setup_gram(const Setup *s, uint32_t in0, int s0, const int64_t *i0, uint32_t n0,
                  uint32_t in1, int s1, const int64_t *i1, uint32_t n1);
/* A size: position sizes and those made of them are the sample's, primed ones the other's. */
int64_t setup_size(const Setup *s, int sample, int other, Sym name);

/* E[F G] (E F where G = 0) over n jointly Gaussian leaves; cov: centred, n * n.  Piecewise linear
 * functions of one leaf with a break at 0: closed form; else a tensor Gauss-Hermite rule. */
double oracle_expect(const FxPool *p, Fx F, Fx G, uint32_t n, const double *cov, const double *mean,
                     const FxEnv *env);

typedef struct LimitEval LimitEval;
LimitEval *limit_eval_new(Arena *a, const Setup *s, const Limit *l);
/* Kernel k of samples i, j.  *bad is set where an equation depends on itself. */
double limit_eval(LimitEval *e, uint32_t k, int i, int j, const char **bad);

/* The same at positions at[..] of i, then of j. */
double limit_eval_at(LimitEval *e, uint32_t k, int i, int j, const int64_t *at, const char **bad);

double unrolled_eval(Arena *a, const Setup *s, KernelKind kernel, int i, int j);
double unrolled_eval_at(Arena *a, const Setup *s, KernelKind kernel, int i, int j,
                        const int64_t *at);
#endif

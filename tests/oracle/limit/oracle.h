/* Two evaluations of a program's kernels that share nothing but the expectation of two
 * functions: the limit's recurrences, element by element, and the master theorem unrolled over
 * explicit Gaussian vectors, whose whole covariance and tangent matrices are built (no
 * analysis, no loops kept). */
#ifndef TPC_TEST_ORACLE_H
#define TPC_TEST_ORACLE_H
#include "limit/limit.h"

enum { NSAMPLE = 3, DIM = 4 };

typedef struct Setup {
    const Ctx *c;
    const Program *p;
    double gram[2][2][NSAMPLE][NSAMPLE];   /* [input][input] */
    double x[2][NSAMPLE][DIM];
    double (*real)(void *ctx, Sym name);   /* hyperparameters */
    int64_t (*size)(void *ctx, Sym name);
    void *ctx;
} Setup;

void setup_data(Setup *s, unsigned seed);

/* E[F G] (E F where G = 0) over n jointly Gaussian leaves; cov: centred, n * n.  Piecewise linear
 * functions of one leaf with a break at 0: closed form; else a tensor Gauss-Hermite rule. */
double oracle_expect(const FxPool *p, Fx F, Fx G, uint32_t n, const double *cov, const double *mean,
                     const FxEnv *env);

typedef struct LimitEval LimitEval;
LimitEval *limit_eval_new(Arena *a, const Setup *s, const Limit *l);
/* Kernel k of samples i, j.  *bad is set where an equation depends on itself. */
double limit_eval(LimitEval *e, uint32_t k, int i, int j, const char **bad);

double unrolled_eval(Arena *a, const Setup *s, KernelKind kernel, int i, int j);
#endif

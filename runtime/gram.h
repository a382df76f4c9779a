/* Scalar products of sample tiles and what the kernels are given of them: Gram, unit Gram, defect.
 * Everything is computed in float64, by loops of fixed order, whatever the kernel's dtype. */
#ifndef TP_GRAM_H
#define TP_GRAM_H
#include "rt.h"

/* ---- blas.c: a BLAS found at run time */
typedef void RtDgemm(const char *ta, const char *tb, const int *m, const int *n, const int *k,
                     const double *alpha, const double *a, const int *lda, const double *b,
                     const int *ldb, const double *beta, double *c, const int *ldc);
typedef struct RtBlas {
    RtDgemm *dgemm; /* NULL: own loop */
    void (*set_threads)(int);
    int threads_before; /* what the library had: rt_blas_done puts it back */
    char name[80];
} RtBlas;
/* Load one where the product of `madds` multiply-adds is worth it.  The library is told to use one
 * thread a call, until rt_blas_done.  It stays loaded. */
void rt_blas_find(RtBlas *b, TpBlasChoice choice, double madds);
void rt_blas_done(const RtBlas *b);

/* ---- loops.c, compiled once per instruction set: the same bits from each, since every operation
 * is an IEEE one of fixed order. */
enum { RT_DOT_CHUNK = 256, RT_DOT_PACK = RT_DOT_CHUNK * 16 };
typedef struct RtTile { /* c[i * ldc + j] = x[i] . y[j]: ni rows of x, nj of y, of length d */
    const double *x, *y;
    int64_t ni, nj, d;
    double *c;
    int64_t ldc;
    double *pack; /* RT_DOT_PACK numbers of scratch */
} RtTile;

/* Below this, 1 - |c| is recomputed from the rows: cancellation in 1 - c would leave fewer than ten
 * digits. */
#define RT_NEAR 1e-6
typedef struct RtRow { /* one left sample against n right samples, n a multiple of 8 */
    const double *dot; /* x . y_j */
    double ri;         /* 1 / |x|, 0 where that is 0 */
    const double *rj;  /* 1 / |y_j| */
    int64_t n;
    double *c, *e, *p; /* out: c, 1 - c, 1 + c */
} RtRow;

typedef struct RtLoops {
    /* Adds in chunks of RT_DOT_CHUNK, in order of k, multiply and add rounded separately: the same
     * bits for every tile shape. */
    void (*tile)(const RtTile *t);
    /* Fill c, e, p; true where some 1 - |c| < RT_NEAR: those entries still need `defect`. */
    bool (*unit)(const RtRow *r);
    /* |x / |x| - s y / |y||^2 / 2 without cancellation, s = 1 or -1, of nonzero rows; xx, yy: their
     * squared lengths (rounded ones do). */
    double (*defect)(const double *x, const double *y, int64_t d, double s, double xx, double yy);
    /* All of v[0..n) finite. */
    bool (*finite)(const double *v, int64_t n);
    bool (*finite_f32)(const float *v, int64_t n);
} RtLoops;
extern const RtLoops rt_loops_base, rt_loops_avx2, rt_loops_avx512;
/* The fastest for this processor. */
const RtLoops *rt_loops(void);
#endif

/* The ReLU recursion of NNGP and NTK written by hand: what compiled kernels are measured against.
 *
 * With s = sqrt K(x, x), a = sigma_w^2 / 2, b = sigma_b^2 let layer l have, by sample,
 *   f = sqrt(a) s / s',  g = sqrt(b) / s',  s' = sqrt(a s^2 + b),  so f^2 + g^2 = 1,
 * and by pair the defect d = 1 - K(x, y) / (s_x s_y) and theta = Theta / (s_x s_y).  Then
 *   d'     = f_x f_y (1 - kappa1) + ((f_x - f_y)^2 + (g_x - g_y)^2) / 2,
 *   theta' = (1 - d') + f_x f_y kappa0 theta,
 * with v = min(d, 2 - d), w = sqrt v, 1 - kappa1 = min(d, 1) - 2 v w R(v), kappa0 = 1 - 2 w P(v) or
 * 2 w P(v) by the sign of 1 - d; P and R are the polynomials fan00 and fan11.  No cancellation
 * anywhere; K = s_x s_y (1 - d), Theta = s_x s_y theta at the end. */
#ifndef TESTS_BENCH_RECUR_H
#define TESTS_BENCH_RECUR_H

/* By layer and sample: f[l * stride + sample]; scale[sample]: s after the last layer.  64-byte
 * aligned, stride a multiple of 64. */
typedef struct RecurTable64 {
    const double *f, *g, *scale;
    long stride;
} RecurTable64;
typedef struct RecurTable32 {
    const float *f, *g, *scale;
    long stride;
} RecurTable32;

/* Left sample i against right samples j .. j + n, n and j multiples of 64: d0[0 .. n) -> K, Theta.
 * theta starts as 1 - d0. */
void bench_recur_f64(int depth, long n, const double *d0, double *K, double *Theta,
                     const RecurTable64 *left, long i, const RecurTable64 *right, long j);
void bench_recur_f32(int depth, long n, const float *d0, float *K, float *Theta,
                     const RecurTable32 *left, long i, const RecurTable32 *right, long j);
/* "AVX-512" or "AVX2" */
const char *bench_recur_shape(void);
#endif

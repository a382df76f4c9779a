/* The recursion of a convolutional ReLU network written by hand: what compiled kernels are measured
 * against.  depth times (3 x 3 convolution with zero padding, ReLU) on H x W images of C channels,
 * then flatten or global average pooling, and a readout.
 *
 * A pair array K[p, p'] meets only elements of the same offset p' - p through all layers, so that
 * each of the (2 H - 1)(2 W - 1) images of one offset runs through them alone, in the cache
 * (flatten needs offset 0 only).  With s = sqrt K(x, x) by layer, position and sample,
 *   K = a box(m) + b,  T = a box(t) + b,  c = K / (s_x s_y),
 *   m = s_x s_y kappa1(c),  t = m + kappa0(c) T,
 * a = sigma_w^2 / (2 * 9), b = sigma_b^2, m = t = 2 <x, y> / C before the first layer, box the sum
 * over the 3 x 3 neighbours that exist: rows first, three of their sums then.
 * kappa0 and kappa1 as in recur.h.  Right samples lie in the lanes of a vector.
 *
 * As safe as what it is compared with: equal samples have c = 1 (`same`: 1 by lane where the right
 * sample is the left one, else -2), rounding does not take 1 - |c| below 0, and a position of
 * variance 0 (s = 0, inverse 0: a black patch) has kappa0 = 0. */
#ifndef TESTS_BENCH_CNN_H
#define TESTS_BENCH_CNN_H

enum { CNN_H = 32, CNN_W = 32, CNN_HW = CNN_H * CNN_W, CNN_C = 3 };

/* Of one left sample and as many right ones as a vector has lanes.  By layer and position: s and
 * 1 / s; by position and channel: x.  Right: lanes innermost, 64-byte aligned. */
typedef struct Cnn64 {
    int depth;
    double a, b;
    const double *s, *inverse, *x, *right_s, *right_inverse, *right_x, *same;
} Cnn64;
typedef struct Cnn32 {
    int depth;
    float a, b;
    const float *s, *inverse, *x, *right_s, *right_inverse, *right_x, *same;
} Cnn32;

/* Adds the sums over the image of offset (dy, dx), by lane. */
void bench_cnn_f64(const Cnn64 *t, int dy, int dx, double *K, double *Theta);
void bench_cnn_f32(const Cnn32 *t, int dy, int dx, float *K, float *Theta);
int bench_cnn_lanes_f64(void);
int bench_cnn_lanes_f32(void);
/* "AVX-512" or "AVX2" */
const char *bench_cnn_shape(void);
#endif

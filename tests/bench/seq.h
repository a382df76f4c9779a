/* Recursions over sequences written by hand, for one left sample and the right ones in the lanes of
 * vectors: what compiled kernels are measured against (seq.tp has the networks).  With q = K(x, x),
 * s = sqrt q by place and sample, kappa as in recur.h:
 *   relu: c = K / (s s'), m = s s' kappa1(c) / 2, f = kappa0(c) / 2;
 *   erf:  c = K i i', i = sqrt(2 / (1 + 2 q)), m = (2 / pi) asin c,
 *         f = (2 / pi) i i' / sqrt(1 - c^2);
 * m = E phi phi, f = E phi' phi' (arXiv 0911.0601; Williams 1996).
 *
 * Recurrent network (arXiv 2006.14548, theorem B.1), g = <x[t], x'[t']> / d, from m = n = 0:
 *   K = w m + u g + b,  T = w m + w n + u g + b,  (m, n)[t+1, t'+1] = (m(K), f(K) T).
 * Of the last state t = t' is enough (length against length); the average needs all (t, t').
 *
 * Transformer (2006.14548, appendix B.4, with layer norms): K, T are T x T arrays;
 *   Z = y y' A (u K) A',  N = y y' A (u K + u T) A',  A = 1 + softmax(u K(x, x)),
 *   H = w Z + b,  K = z z' (w m(H) + b + Z),  T = z z' (w m(H) + b + f(H) (w Z + w N + b) w + N),
 * y, z: 1 / sqrt of the second moments before the norms.
 *
 * Layer norm before each ReLU: c = K / (s s') as the norm makes it, m = kappa1(c) / 2. */
#ifndef TESTS_BENCH_SEQ_H
#define TESTS_BENCH_SEQ_H

typedef enum SeqKind {
    SEQ_relu_last,
    SEQ_relu_avg,
    SEQ_erf_avg,
    SEQ_transformer,
    SEQ_norm
} SeqKind;

enum { SEQ_T = 64, SEQ_D = 8 };

/* Of one left sample and `lanes` right ones, lanes innermost, 64-byte aligned.  s, inverse (erf: i
 * for both): by layer and position; a: A by layer, row and column; y, z: by layer and position. */
typedef struct Seq64 {
    int depth;
    double w, u, b;
    const double *x, *s, *inverse, *a, *y, *z;
    const double *right_x, *right_s, *right_inverse, *right_a, *right_y, *right_z;
} Seq64;
typedef struct Seq32 {
    int depth;
    float w, u, b;
    const float *x, *s, *inverse, *a, *y, *z;
    const float *right_x, *right_s, *right_inverse, *right_a, *right_y, *right_z;
} Seq32;

/* K, Theta of `lanes` pairs: the means over the pooled positions. */
void bench_seq_f64(SeqKind kind, const Seq64 *t, double *K, double *Theta);
void bench_seq_f32(SeqKind kind, const Seq32 *t, float *K, float *Theta);
int bench_seq_lanes(SeqKind kind, int is_f32);
/* "AVX-512" or "AVX2" */
const char *bench_seq_shape(void);
#endif

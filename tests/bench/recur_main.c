/* Time per entry and layer of the hand-written recursion, and its error: depth 20, unequal norms,
 * bias.  recur_main [depth]. */
#include "recur.h"
#include "timing.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 768, ROUNDS = 15 };
static const double A = 1, B = 0.1; /* sigma_w^2 / 2, sigma_b^2 */

typedef struct Samples {
    int depth;
    double *s0, *f, *g, *scale;
    float *f32, *g32, *scale32;
} Samples;

static void *array(size_t n, size_t size) { return aligned_alloc(64, n * size); }

static Samples samples_new(int depth, uint64_t *seed) {
    size_t n = (size_t)depth * N;
    Samples t = {depth, array(N, 8), array(n, 8), array(n, 8), array(N, 8),
                 array(n, 4), array(n, 4), array(N, 4)};
    for (long j = 0; j < N; j++) {
        double s = t.s0[j] = sqrt(0.5 + timing_uniform(seed));
        for (int l = 0; l < depth; l++) {
            double next = sqrt(A * s * s + B);
            t.f[l * N + j] = sqrt(A) * s / next;
            t.g[l * N + j] = sqrt(B) / next;
            t.f32[l * N + j] = (float)t.f[l * N + j];
            t.g32[l * N + j] = (float)t.g[l * N + j];
            s = next;
        }
        t.scale[j] = s;
        t.scale32[j] = (float)s;
    }
    return t;
}

/* 1 - kappa1 and kappa0 of the defect d */
static long double defect1(long double d) {
    long double pi = acosl(-1), t = 2 * asinl(sqrtl(d / 2)), g = sinl(t) - t * cosl(t);
    if (t < 0.05L) g = t * t * t * (1.0L / 3 - t * t / 30 + t * t * t * t / 840);
    return d - g / pi;
}

/* The recursion in long double on K, Theta themselves; norms from their own recursion. */
static void reference(const Samples *t, double d0, long i, long j, long double *K, long double *T) {
    long double d = d0, x = t->s0[i] * (long double)t->s0[i], y = t->s0[j] * (long double)t->s0[j];
    long double theta = 1 - d, pi = acosl(-1);
    for (int l = 0; l < t->depth; l++) {
        long double x1 = A * x + B, y1 = A * y + B, root = sqrtl(x1 * y1);
        long double ff = A * sqrtl(x * y) / root, r = sqrtl(x) - sqrtl(y);
        long double norms = 1 - ff - B / root;
        norms = A * B * r * r / (root * (root + B + A * sqrtl(x * y)));
        long double kappa0 = 1 - 2 * asinl(sqrtl(d / 2)) / pi;
        d = ff * defect1(d) + norms;
        theta = (1 - d) + ff * kappa0 * theta;
        x = x1, y = y1;
    }
    *K = sqrtl(x * y) * (1 - d);
    *T = sqrtl(x * y) * theta;
}

static void report(const char *type, double *time, double per, double err) {
    timing_sort(time, ROUNDS);
    printf("%s %s: %.3f ns per entry and layer (best %.3f), Theta's relative error %.1e\n", type,
           bench_recur_shape(), time[ROUNDS / 2] * per, time[0] * per, err);
}

#define RUN(type, REAL, TABLE, call, F, G, SCALE)                                                 \
    static void run_##type(const Samples *t) {                                                    \
        REAL *d0 = array(N, sizeof *d0), *K = array(N, sizeof *K), *T = array(N, sizeof *T);      \
        TABLE table = {t->F, t->G, t->SCALE, N};                                                  \
        uint64_t seed = 7;                                                                        \
        double time[ROUNDS], err = 0;                                                             \
        int reps = 20000 / t->depth;                                                              \
        for (long j = 0; j < N; j++) d0[j] = (REAL)(2 * timing_uniform(&seed));                   \
        for (int r = 0; r < ROUNDS; r++) {                                                        \
            double t0 = timing_seconds();                                                         \
            for (int k = 0; k < reps; k++) {                                                      \
                call(t->depth, N, d0, K, T, &table, 5, &table, 0);                                \
                __asm__ volatile("" ::: "memory");                                                \
            }                                                                                     \
            time[r] = timing_seconds() - t0;                                                      \
        }                                                                                         \
        for (long j = 0; j < N; j++) {                                                            \
            long double k, th;                                                                    \
            reference(t, d0[j], 5, j, &k, &th);                                                   \
            err = fmax(err, (double)fabsl((T[j] - th) / th));                                     \
        }                                                                                         \
        report(#type, time, 1e9 / ((double)reps * (double)N * t->depth), err);                    \
        free(d0), free(K), free(T);                                                               \
    }
RUN(f64, double, RecurTable64, bench_recur_f64, f, g, scale)
RUN(f32, float, RecurTable32, bench_recur_f32, f32, g32, scale32)

int main(int argc, char **argv) {
    uint64_t seed = 20;
    Samples t = samples_new(argc > 1 ? atoi(argv[1]) : 20, &seed);
    run_f64(&t);
    run_f32(&t);
    free(t.s0), free(t.f), free(t.g), free(t.scale), free(t.f32), free(t.g32), free(t.scale32);
    return 0;
}

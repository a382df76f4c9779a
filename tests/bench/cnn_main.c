/* Time per position pair and layer of the hand-written CNN recursion, and its difference from the
 * plain algorithm.  cnn_main [depth]. */
#include "cnn.h"
#include "timing.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, ROUNDS = 9 };
static const double SW2 = 2, SB2 = 0.01;

typedef struct Samples { /* [0]: the left sample, then the lanes'; layer, position */
    int depth;
    double (*x)[CNN_HW][CNN_C], (*s)[CNN_HW];
} Samples;

static void *array(size_t bytes) {
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p) abort();
    return memset(p, 0, bytes);
}

/* The sum over the neighbours of p that exist, of the places both in y's and x's range. */
static double box(const double *m, int y, int x, int h, int w) {
    double sum = 0;
    for (int i = y - 1; i <= y + 1; i++)
        for (int j = x - 1; j <= x + 1; j++)
            if (i >= 0 && i < h && j >= 0 && j < w) sum += m[i * CNN_W + j];
    return sum;
}

static void norms(const Samples *t, int sample) {
    double m[CNN_HW], q[CNN_HW];
    for (int p = 0; p < CNN_HW; p++) {
        m[p] = 0;
        for (int c = 0; c < CNN_C; c++)
            m[p] += 2 * t->x[sample][p][c] * t->x[sample][p][c] / CNN_C;
    }
    for (int l = 0; l < t->depth; l++) {
        for (int p = 0; p < CNN_HW; p++) {
            q[p] = SW2 / 18 * box(m, p / CNN_W, p % CNN_W, CNN_H, CNN_W) + SB2;
            t->s[sample * t->depth + l][p] = sqrt(q[p]);
        }
        memcpy(m, q, sizeof m);
    }
}

static Samples samples_new(int depth) {
    Samples t = {depth, array((LANES + 1) * sizeof *t.x),
                 array((size_t)(LANES + 1) * (size_t)depth * sizeof *t.s)};
    uint64_t seed = 5;
    for (int i = 0; i <= LANES; i++) {
        for (int p = 0; p < CNN_HW; p++)
            for (int c = 0; c < CNN_C; c++) t.x[i][p][c] = 2 * timing_uniform(&seed) - 0.7;
        norms(&t, i);
    }
    return t;
}

/* The plain algorithm for the image of offset (dy, dx) of the left sample and a lane's. */
static void plain(const Samples *t, int lane, int dy, int dx, double *K, double *Theta) {
    static double m[CNN_HW], n[CNN_HW], k[CNN_HW], th[CNN_HW];
    int y0 = dy < 0 ? -dy : 0, x0 = dx < 0 ? -dx : 0, h = CNN_H - abs(dy), w = CNN_W - abs(dx);
    const double pi = acos(-1);
    *K = *Theta = 0;
    for (int l = -1; l < t->depth; l++)
        for (int pass = 0; pass < 2; pass++)
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    int p = (y0 + y) * CNN_W + x0 + x, q = p + dy * CNN_W + dx;
                    int e = y * CNN_W + x;
                    if (l < 0) {
                        m[e] = 0;
                        for (int c = 0; c < CNN_C; c++)
                            m[e] += 2 * t->x[0][p][c] * t->x[1 + lane][q][c] / CNN_C;
                        n[e] = m[e];
                    } else if (!pass) {
                        k[e] = SW2 / 18 * box(m, y, x, h, w) + SB2;
                        th[e] = SW2 / 18 * box(n, y, x, h, w) + SB2;
                    } else {
                        double s = t->s[l][p] * t->s[(1 + lane) * t->depth + l][q];
                        double c = fmax(-1, fmin(1, k[e] / s)), a = acos(c);
                        m[e] = s * (sqrt((1 - c) * (1 + c)) + (pi - a) * c) / pi;
                        n[e] = m[e] + (1 - a / pi) * th[e];
                        if (l == t->depth - 1) *K += m[e], *Theta += n[e];
                    }
                }
}

#define RUN(type, REAL, TABLE)                                                                    \
    static void run_##type(const Samples *t) {                                                    \
        int n = bench_cnn_lanes_##type(), d = t->depth;                                           \
        size_t all = (size_t)d * CNN_HW, bytes = sizeof(REAL);                                    \
        REAL *s = array(all * bytes), *v = array(all * bytes), *x = array(CNN_HW * CNN_C * bytes); \
        REAL *rs = array(all * (size_t)n * bytes), *rv = array(all * (size_t)n * bytes);          \
        REAL *rx = array((size_t)(CNN_HW * CNN_C * n) * bytes);                                   \
        for (int l = 0; l < d; l++)                                                               \
            for (int p = 0; p < CNN_HW; p++) {                                                    \
                s[l * CNN_HW + p] = (REAL)t->s[l][p];                                             \
                v[l * CNN_HW + p] = (REAL)(1 / t->s[l][p]);                                       \
                for (int j = 0; j < n; j++) {                                                     \
                    double one = t->s[(1 + j) * d + l][p];                                        \
                    rs[(l * CNN_HW + p) * n + j] = (REAL)one;                                     \
                    rv[(l * CNN_HW + p) * n + j] = (REAL)(1 / one);                               \
                }                                                                                 \
            }                                                                                     \
        for (int p = 0; p < CNN_HW * CNN_C; p++) {                                                \
            x[p] = (REAL)t->x[0][p / CNN_C][p % CNN_C];                                           \
            for (int j = 0; j < n; j++) rx[p * n + j] = (REAL)t->x[1 + j][p / CNN_C][p % CNN_C];  \
        }                                                                                         \
        REAL *same = array(64);                                                                   \
        for (int j = 0; j < n; j++) same[j] = -2;                                                 \
        TABLE table = {d, (REAL)(SW2 / 18), (REAL)SB2, s, v, x, rs, rv, rx, same};                \
        REAL *K = array(64), *T = array(64);                                                      \
        double time[2][ROUNDS], err = 0, positions = 0;                                           \
        for (int r = 0; r < ROUNDS; r++) {                                                        \
            double t0 = timing_seconds();                                                         \
            for (int k = 0; k < 20; k++) bench_cnn_##type(&table, 0, 0, K, T);                    \
            time[0][r] = (timing_seconds() - t0) / 20;                                            \
            t0 = timing_seconds();                                                                \
            positions = 0;                                                                        \
            for (int dy = 1 - CNN_H; dy < CNN_H; dy++)                                            \
                for (int dx = 1 - CNN_W; dx < CNN_W; dx++) {                                      \
                    if ((dy + 7 * dx + 1600) % 16) continue;                                      \
                    bench_cnn_##type(&table, dy, dx, K, T);                                       \
                    positions += (CNN_H - abs(dy)) * (CNN_W - abs(dx));                           \
                }                                                                                 \
            time[1][r] = timing_seconds() - t0;                                                   \
        }                                                                                         \
        for (int k = 0; k < 3; k++) {                                                             \
            double want, theta;                                                                   \
            memset(K, 0, 64), memset(T, 0, 64);                                                   \
            bench_cnn_##type(&table, 4 * k, -3 * k, K, T);                                        \
            plain(t, k, 4 * k, -3 * k, &want, &theta);                                        \
            err = fmax(err, fabs((double)K[k] / want - 1));                                   \
            err = fmax(err, fabs((double)T[k] / theta - 1));                                  \
        }                                                                                         \
        for (int i = 0; i < 2; i++) timing_sort(time[i], ROUNDS);                                 \
        double one = 1e9 / (CNN_HW * (double)d * n), some = 1e9 / (positions * d * n);            \
        printf("%s %s, depth %d: flatten %.4f ms per pair, %.3f ns per position and layer (best "  \
               "%.3f); pooled %.2f ms, %.3f ns (best %.3f); differs by %.1e from the plain "      \
               "algorithm\n", #type, bench_cnn_shape(), d, time[0][ROUNDS / 2] / n * 1e3,         \
               time[0][ROUNDS / 2] * one, time[0][0] * one,                                       \
               time[1][ROUNDS / 2] * some * 1e-6 * CNN_HW * CNN_HW * d,                           \
               time[1][ROUNDS / 2] * some, time[1][0] * some, err);                               \
        free(s), free(v), free(x), free(rs), free(rv), free(rx), free(K), free(T);                \
    }
RUN(f64, double, Cnn64)
RUN(f32, float, Cnn32)

int main(int argc, char **argv) {
    Samples t = samples_new(argc > 1 ? atoi(argv[1]) : 21);
    run_f64(&t);
    run_f32(&t);
    free(t.x), free(t.s);
    return 0;
}

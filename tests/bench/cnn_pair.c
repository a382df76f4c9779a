/* The compiled pair function beside the hand-written CNN recursion (cnn.h): 3 x 3 convolutions with
 * zero padding and ReLU on 32 x 32 x 3 images, NNGP and NTK of one left sample and a vector's right
 * ones, from the samples' arrays to results.
 *
 *     cnn_pair KERNEL.kir flat|pool [name=value ..] [f32] [isa=..] [u=..] [g=..] [limit=1.15]
 *              [rounds=..]
 *
 * KERNEL.kir: what `tpc show --stage=kernel` prints for the networks of cnn.tp.  The two are timed
 * in alternation; the ratio is the median over pairs of rounds. */
#include "cnn.h"
#include "compiled.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 99, LEFT = 5, MAX_DEPTH = 512 };
static const double SW2 = 2, SB2 = 0.01;

typedef struct Args {
    CompiledArgs compiled;
    bool pool;
    int depth, rounds;
    double limit;
} Args;

typedef struct Bench {
    Compiled compiled;
    const Args *args;
    double (*x)[CNN_HW][CNN_C]; /* the samples of a block: left and right ones are the same */
    Cnn64 c64;
    Cnn32 c32;
} Bench;

static bool is_f32(const Bench *b) { return b->args->compiled.dtype == TP_F32; }

static void put(const Bench *b, void *p, size_t i, double v) {
    bench_put(b->args->compiled.dtype, p, i, v);
}

static double get(const Bench *b, const void *p, size_t i) {
    return bench_get(b->args->compiled.dtype, p, i);
}

/* ---- the hand-written one */
static double box(const double *m, int p) {
    double sum = 0;
    for (int i = -1; i <= 1; i++)
        for (int j = -1; j <= 1; j++) {
            int y = p / CNN_W + i, x = p % CNN_W + j;
            if (y >= 0 && y < CNN_H && x >= 0 && x < CNN_W) sum += m[y * CNN_W + x];
        }
    return sum;
}

/* s of all layers and positions of a sample, lanes apart; inverse: 1 / s. */
static void norms(const Bench *b, int sample, void *s, void *inverse, size_t lanes, size_t lane) {
    double m[CNN_HW], q[CNN_HW];
    for (int p = 0; p < CNN_HW; p++) {
        m[p] = 0;
        for (int c = 0; c < CNN_C; c++) m[p] += 2 * b->x[sample][p][c] * b->x[sample][p][c] / CNN_C;
    }
    for (int l = 0; l < b->args->depth; l++) {
        for (int p = 0; p < CNN_HW; p++) {
            q[p] = SW2 / 18 * box(m, p) + SB2;
            put(b, s, (size_t)(l * CNN_HW + p) * lanes + lane, sqrt(q[p]));
            put(b, inverse, (size_t)(l * CNN_HW + p) * lanes + lane, 1 / sqrt(q[p]));
        }
        memcpy(m, q, sizeof m);
    }
}

static void points(const Bench *b, int sample, void *x, size_t lanes, size_t lane) {
    for (int e = 0; e < CNN_HW * CNN_C; e++)
        put(b, x, (size_t)e * lanes + lane, b->x[sample][e / CNN_C][e % CNN_C]);
}

static int hand_lanes(const Bench *b) {
    return is_f32(b) ? bench_cnn_lanes_f32() : bench_cnn_lanes_f64();
}

static void prepare_hand(Bench *b) {
    size_t lanes = (size_t)hand_lanes(b), all = (size_t)b->args->depth * CNN_HW;
    void *s = bench_reals(all), *v = bench_reals(all), *x = bench_reals(CNN_HW * CNN_C);
    void *rs = bench_reals(all * lanes), *rv = bench_reals(all * lanes);
    void *rx = bench_reals(CNN_HW * CNN_C * lanes);
    void *same = bench_reals(lanes);
    for (size_t j = 0; j < lanes; j++) put(b, same, j, j == LEFT ? 1 : -2);
    norms(b, LEFT, s, v, 1, 0);
    points(b, LEFT, x, 1, 0);
    for (size_t j = 0; j < lanes; j++) {
        norms(b, (int)j, rs, rv, lanes, j);
        points(b, (int)j, rx, lanes, j);
    }
    b->c64 = (Cnn64){b->args->depth, SW2 / 18, SB2, s, v, x, rs, rv, rx, same};
    b->c32 = (Cnn32){b->args->depth, (float)(SW2 / 18), (float)SB2, s, v, x, rs, rv, rx,
                     same};
}

static void make_data(Bench *b) {
    uint64_t seed = 3;
    b->x = bench_reals(sizeof *b->x / 8 * TP_BLOCK);
    for (int s = 0; s < TP_BLOCK; s++)
        for (int e = 0; e < CNN_HW * CNN_C; e++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            b->x[s][e / CNN_C][e % CNN_C] = (double)(seed >> 11) * 0x1p-52 - 0.7;
        }
}

static void hand_offset(const Bench *b, int dy, int dx, void *K, void *Theta) {
    if (is_f32(b)) bench_cnn_f32(&b->c32, dy, dx, K, Theta);
    else bench_cnn_f64(&b->c64, dy, dx, K, Theta);
}

/* K, Theta: of a vector of pairs, the means over position pairs of E relu relu = m / 2. */
static void hand(const Bench *b, void *K, void *Theta) {
    size_t n = (size_t)hand_lanes(b);
    double scale = 0.5 / CNN_HW / (b->args->pool ? CNN_HW : 1);
    memset(K, 0, 64), memset(Theta, 0, 64);
    if (!b->args->pool) hand_offset(b, 0, 0, K, Theta);
    for (int dy = 1 - CNN_H; b->args->pool && dy < CNN_H; dy++)
        for (int dx = 1 - CNN_W; dx < CNN_W; dx++) hand_offset(b, dy, dx, K, Theta);
    for (size_t j = 0; j < n; j++) {
        put(b, K, j, get(b, K, j) * scale);
        put(b, Theta, j, get(b, Theta, j) * scale);
    }
}

/* ---- times, per pair */
static double time_hand(const Bench *b, int reps) {
    void *K = bench_reals(8), *Theta = bench_reals(8);
    double t0 = bench_seconds();
    for (int r = 0; r < reps; r++) hand(b, K, Theta);
    double t = (bench_seconds() - t0) / reps / hand_lanes(b);
    free(K), free(Theta);
    return t;
}

static double measure(Bench *b) {
    double jit[MAX_ROUNDS], own[MAX_ROUNDS], median[3];
    int n = b->args->rounds, reps = b->args->pool ? 1 : 40;
    double positions = (double)CNN_HW * (b->args->pool ? CNN_HW : 1), per = 1e9 / positions;
    for (int r = 0; r < n; r++) {
        jit[r] = compiled_time(&b->compiled, reps);
        own[r] = time_hand(b, reps);
    }
    bench_medians(jit, own, n, median);
    per /= b->args->depth;
    printf("%s %s: compiled %.4f ms per pair, %.3f (best %.3f) ns per position and layer; by hand "
           "(%s) %.4f ms, %.3f (best %.3f): ratio %.3f\n",
           is_f32(b) ? "float32" : "float64", b->args->pool ? "pooled" : "flattened",
           median[0] * 1e3, median[0] * per, jit[0] * per, bench_cnn_shape(), median[1] * 1e3,
           median[1] * per, own[0] * per, median[2]);
    return median[2];
}

/* Prints the largest relative differences of the results from the hand-written loop's; the larger
 * one. */
static double compare(const Bench *b) {
    void *K = bench_reals(8), *Theta = bench_reals(8);
    int n = hand_lanes(b);
    hand(b, K, Theta);
    double k = compiled_difference(&b->compiled, 0, K, n);
    double t = compiled_difference(&b->compiled, 1, Theta, n);
    printf("  %s; differs by %.1e (K), %.1e (Theta)\n", compiled_text(&b->compiled), k, t);
    free(K), free(Theta);
    return fmax(k, t);
}

static void parse_args(Args *a, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *s = argv[i];
        if (!strcmp(s, "pool")) a->pool = true;
        else if (!strcmp(s, "flat")) a->pool = false;
        else if (!strncmp(s, "limit=", 6)) a->limit = atof(s + 6);
        else if (!strncmp(s, "rounds=", 7)) a->rounds = atoi(s + 7);
        else if (!compiled_arg(&a->compiled, s)) a->compiled.kernel = s;
        if (!strncmp(s, "depth=", 6)) a->depth = atoi(s + 6);
    }
    if (!a->rounds) a->rounds = a->pool ? 5 : 21;
}

int main(int argc, char **argv) {
    Args args = {.depth = 21};
    parse_args(&args, argc, argv);
    if (!args.compiled.kernel || args.depth < 1 || args.depth > MAX_DEPTH ||
        args.rounds > MAX_ROUNDS)
        return 2;
    Bench b = {.args = &args};
    make_data(&b);
    compiled_begin(&b.compiled, args.compiled, CNN_H, CNN_C, &b.x[0][0][0], CNN_HW * CNN_C, LEFT);
    prepare_hand(&b);
    double ratio = measure(&b), difference = compare(&b);
    compiled_end(&b.compiled);
    return (args.limit > 0 && ratio > args.limit) ||
           !(difference <= (args.compiled.dtype == TP_F32 ? 1e-4 : 1e-12));
}

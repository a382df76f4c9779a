/* The compiled pair function beside the hand-written recursions over sequences (seq.h): NNGP and
 * NTK of one left sample and some right ones, from the samples' arrays to results.
 *
 *     seq_pair KERNEL.kir relu_last|relu_avg|erf_avg|transformer|layernorm [name=value ..] [f32]
 *              [isa=..] [u=..] [g=..] [limit=1.3] [rounds=..]
 *
 * KERNEL.kir: what `tpc show --stage=kernel` prints for that network of seq.tp.  The two are timed
 * in alternation; the ratio is the median over pairs of rounds. */
#include "compiled.h"
#include "seq.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 99, LEFT = TP_BLOCK - 1, POINT = SEQ_T * SEQ_D };
static const double W = 1.6, U = 0.9, B = 0.1, PI = 3.14159265358979323846;
static const char *const NAME[] = {"relu_last", "relu_avg", "erf_avg", "transformer", "layernorm"};

typedef struct Bench {
    Compiled c;
    CompiledArgs args;
    SeqKind kind;
    int depth, rounds, positions;
    double limit;
    double (*x)[POINT];
    Seq64 t64;
    Seq32 t32;
} Bench;

static bool is_f32(const Bench *b) { return b->args.dtype == TP_F32; }

/* ---- what the hand-written loops read of a sample, in float64 */
typedef struct OneSide {
    double s[2 * SEQ_T], inverse[2 * SEQ_T], a[2 * SEQ_T * SEQ_T], y[2 * SEQ_T], z[2 * SEQ_T];
} OneSide;

static double dot(const double *x, const double *y) {
    double g = 0;
    for (int c = 0; c < SEQ_D; c++) g += x[c] * y[c];
    return g / SEQ_D;
}

static void recurrent(const double *x, bool erf, OneSide *o) {
    double m = 0;
    for (int t = 0; t < SEQ_T; t++) {
        double q = W * m + U * dot(x + t * SEQ_D, x + t * SEQ_D) + B;
        o->s[t] = erf ? sqrt(2 / (1 + 2 * q)) : sqrt(q);
        o->inverse[t] = erf ? o->s[t] : 1 / o->s[t];
        m = erf ? 2 / PI * asin(2 * q / (1 + 2 * q)) : q / 2;
    }
}

static void normed(const double *x, int depth, OneSide *o) {
    double m = dot(x, x);
    for (int l = 0; l < depth; l++, m = 0.5) {
        o->s[l] = sqrt(W * m + B);
        o->inverse[l] = 1 / o->s[l];
    }
}

typedef double Square[SEQ_T][SEQ_T];

/* out = A K A' */
static void sandwich(const double *a, Square K, Square out) {
    Square half = {{0}};
    for (int s = 0; s < SEQ_T; s++)
        for (int t = 0; t < SEQ_T; t++)
            for (int r = 0; r < SEQ_T; r++) half[s][r] += a[s * SEQ_T + t] * K[t][r];
    for (int s = 0; s < SEQ_T; s++)
        for (int r = 0; r < SEQ_T; r++) {
            out[s][r] = 0;
            for (int t = 0; t < SEQ_T; t++) out[s][r] += half[s][t] * a[r * SEQ_T + t];
        }
}

static void attention(Square K, double *a) {
    for (int s = 0; s < SEQ_T; s++) {
        double sum = 0;
        for (int t = 0; t < SEQ_T; t++) sum += exp(K[s][t]);
        for (int t = 0; t < SEQ_T; t++) a[s * SEQ_T + t] = exp(K[s][t]) / sum + (s == t);
    }
}

/* The second moments before the norm to 1; scale: 1 / their roots. */
static void norm(Square K, double *scale) {
    for (int s = 0; s < SEQ_T; s++) scale[s] = 1 / sqrt(K[s][s]);
    for (int s = 0; s < SEQ_T; s++)
        for (int t = 0; t < SEQ_T; t++) K[s][t] *= scale[s] * scale[t];
}

static double relu_mean(double q, double p, double k) {
    double c = fmin(k / sqrt(q * p), 1);
    return sqrt(q * p) * (sqrt(1 - c * c) + (PI - acos(c)) * c) / (2 * PI);
}

static void block(Square K, int l, OneSide *o) {
    Square Z;
    double *a = o->a + l * SEQ_T * SEQ_T;
    for (int s = 0; s < SEQ_T; s++)
        for (int t = 0; t < SEQ_T; t++) K[s][t] *= U;
    attention(K, a);
    sandwich(a, K, Z);
    norm(Z, o->y + l * SEQ_T);
    for (int s = 0; s < SEQ_T; s++) {
        o->s[l * SEQ_T + s] = sqrt(W * Z[s][s] + B);
        o->inverse[l * SEQ_T + s] = 1 / o->s[l * SEQ_T + s];
        for (int t = 0; t < SEQ_T; t++) {
            double m = relu_mean(W * Z[s][s] + B, W * Z[t][t] + B, W * Z[s][t] + B);
            K[s][t] = Z[s][t] + B + W * m;
        }
    }
    norm(K, o->z + l * SEQ_T);
}

static void prepare(const Bench *b, const double *x, OneSide *o) {
    Square K;
    if (b->kind == SEQ_norm) normed(x, b->depth, o);
    if (b->kind <= SEQ_erf_avg) recurrent(x, b->kind == SEQ_erf_avg, o);
    if (b->kind != SEQ_transformer) return;
    for (int s = 0; s < SEQ_T; s++)
        for (int t = 0; t < SEQ_T; t++) K[s][t] = dot(x + s * SEQ_D, x + t * SEQ_D);
    for (int l = 0; l < b->depth; l++) block(K, l, o);
}

/* Array number i of those that Seq64 lists, and its length. */
static const double *array(const OneSide *o, const double *x, int i, size_t *n) {
    const double *const all[6] = {x, o->s, o->inverse, o->a, o->y, o->z};
    *n = i == 0 ? POINT : i == 3 ? 2 * SEQ_T * SEQ_T : 2 * SEQ_T;
    return all[i];
}

static void put_side(const Bench *b, int sample, int lane, int lanes, void *out[6]) {
    OneSide *o = bench_reals(sizeof *o / 8);
    prepare(b, b->x[sample], o);
    for (int i = 0; i < 6; i++) {
        size_t n;
        const double *v = array(o, b->x[sample], i, &n);
        if (!out[i]) out[i] = bench_reals(n * (size_t)lanes);
        for (size_t e = 0; e < n; e++)
            bench_put(b->args.dtype, out[i], e * (size_t)lanes + (size_t)lane, v[e]);
    }
    free(o);
}

static void prepare_hand(Bench *b) {
    int lanes = bench_seq_lanes(b->kind, is_f32(b));
    void *l[6] = {0}, *r[6] = {0};
    put_side(b, LEFT, 0, 1, l);
    for (int j = 0; j < lanes; j++) put_side(b, j, j, lanes, r);
    b->t64 = (Seq64){b->depth, W, U, B, l[0], l[1], l[2], l[3], l[4], l[5],
                     r[0], r[1], r[2], r[3], r[4], r[5]};
    b->t32 = (Seq32){b->depth, (float)W, (float)U, (float)B, l[0], l[1], l[2], l[3], l[4], l[5],
                     r[0], r[1], r[2], r[3], r[4], r[5]};
}

static void hand(const Bench *b, void *K, void *Theta) {
    if (is_f32(b)) bench_seq_f32(b->kind, &b->t32, K, Theta);
    else bench_seq_f64(b->kind, &b->t64, K, Theta);
}

static double time_hand(const Bench *b, int reps) {
    void *K = bench_reals(64), *Theta = bench_reals(64);
    double t0 = bench_seconds();
    for (int r = 0; r < reps; r++) hand(b, K, Theta);
    double t = (bench_seconds() - t0) / reps / bench_seq_lanes(b->kind, is_f32(b));
    free(K), free(Theta);
    return t;
}

static void make_data(Bench *b) {
    uint64_t seed = 3;
    b->x = bench_reals(sizeof *b->x / 8 * TP_BLOCK);
    for (int s = 0; s < TP_BLOCK; s++)
        for (int e = 0; e < POINT; e++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            b->x[s][e] = (double)(seed >> 11) * 0x1p-52 - 0.7;
        }
}

static double measure(Bench *b) {
    double jit[MAX_ROUNDS], own[MAX_ROUNDS], median[3];
    double one = compiled_time(&b->c, 1) * b->c.jit.kernel->lanes;
    int n = b->rounds, reps = 1 + (int)(5e-3 / one);
    for (int r = 0; r < n; r++) {
        jit[r] = compiled_time(&b->c, reps);
        own[r] = time_hand(b, reps);
    }
    bench_medians(jit, own, n, median);
    double per = 1e9 / b->positions / b->depth;
    printf("%s %s: compiled %.4f ms per pair, %.3f (best %.3f) ns per position pair and layer; by "
           "hand (%s) %.4f ms, %.3f (best %.3f): ratio %.3f\n", is_f32(b) ? "float32" : "float64",
           NAME[b->kind], median[0] * 1e3, median[0] * per, jit[0] * per, bench_seq_shape(),
           median[1] * 1e3, median[1] * per, own[0] * per, median[2]);
    return median[2];
}

static void parse_args(Bench *b, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int kind = -1;
        for (int k = 0; k < 5; k++)
            if (!strcmp(argv[i], NAME[k])) kind = k;
        if (kind >= 0) b->kind = (SeqKind)kind;
        else if (!strncmp(argv[i], "limit=", 6)) b->limit = atof(argv[i] + 6);
        else if (!strncmp(argv[i], "rounds=", 7)) b->rounds = atoi(argv[i] + 7);
        else if (!compiled_arg(&b->args, argv[i])) b->args.kernel = argv[i];
    }
    b->depth = b->kind == SEQ_transformer ? 2 : b->kind == SEQ_norm ? 10 : 1;
    b->positions = b->kind == SEQ_norm ? 1 : SEQ_T * (b->kind == SEQ_relu_last ? 1 : SEQ_T);
}

int main(int argc, char **argv) {
    Bench b = {.rounds = 21};
    parse_args(&b, argc, argv);
    if (!b.args.kernel || b.rounds < 1 || b.rounds > MAX_ROUNDS) return 2;
    make_data(&b);
    int used = b.kind == SEQ_norm ? SEQ_D : POINT;
    double *x = bench_reals((size_t)used * TP_BLOCK);
    for (int s = 0; s < TP_BLOCK; s++)
        memcpy(x + s * used, b.x[s], (size_t)used * sizeof *x);
    compiled_begin(&b.c, b.args, SEQ_T, SEQ_D, x, used, LEFT);
    prepare_hand(&b);
    double ratio = measure(&b);
    void *K = bench_reals(64), *Theta = bench_reals(64);
    hand(&b, K, Theta);
    int lanes = bench_seq_lanes(b.kind, is_f32(&b));
    double k = compiled_difference(&b.c, 0, K, lanes);
    double t = compiled_difference(&b.c, 1, Theta, lanes);
    printf("  %s; differs by %.1e (K), %.1e (Theta)\n", compiled_text(&b.c), k, t);
    compiled_end(&b.c);
    free(K), free(Theta), free(x);
    return (b.limit > 0 && ratio > b.limit) || !(fmax(k, t) <= (is_f32(&b) ? 1e-4 : 1e-12));
}

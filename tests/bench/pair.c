/* The compiled pair function beside the hand-written recursion (recur.h): depth-20 ReLU MLP with
 * bias and unequal norms, NNGP and NTK, from a ready tile of input defects to a ready tile of
 * results.
 *
 *     pair [KERNEL.kir] [name=value ..] [f32] [isa=..] [u=..] [g=..] [limit=1.15] [quiet]
 *
 * KERNEL.kir: what `tpc show --stage=kernel` prints for such a network; without it, the kernel
 * below.  The two are timed in alternation; the ratio is the median over pairs of rounds. */
#include "compile.h"
#include "recur.h"
#include "timing.h"
#include "values.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 64, RIGHT = 768, ROUNDS = 31, MAX_SET = 16, MAX_DEPTH = 4096 };
static const double A = 1, B = 0.1; /* sigma_w^2 / 2, sigma_b^2 */

static const char relu[] =
    "kernel relu f64 nngp ntk\ninput x\nsize depth hyper least 0 = 20\n"
    "real ra hyper = 1\nreal rb hyper = 0.31622776601683794\n"
    "array norm sample input norm 0 0\narray d0 pair input defect 0 0\n"
    "array s sample [l in 0..depth + 1]\narray f sample [l in 0..depth]\n"
    "array g sample [l in 0..depth]\narray d pair\narray theta pair\n"
    "array nngp pair output nngp\narray ntk pair output ntk\n"
    "sample {\n"
    "    %0 = load norm@x\n    store s[0], %0\n    %1 = real ra\n    %2 = real rb\n"
    "    for l in 0..depth {\n"
    "        %3 = load s@x[l]\n        %4 = mul %1, %3\n        %5 = mul %2, %2\n"
    "        %6 = fma %4, %4, %5\n        %7 = sqrt %6\n        store s[l + 1], %7\n"
    "        %8 = div %4, %7\n        store f[l], %8\n"
    "        %9 = div %2, %7\n        store g[l], %9\n"
    "    }\n"
    "}\n"
    "pair {\n"
    "    %0 = num 0x1p+0\n    %1 = num 0x1p+1\n    %2 = num 0x1p-1\n"
    "    %3 = load d0\n    store d, %3\n    %4 = sub %0, %3\n    store theta, %4\n"
    "    for l in 0..depth {\n"
    "        %5 = load d\n        %6 = sub %1, %5\n        %7 = min %5, %6\n"
    "        %8 = fan00 %7\n        %9 = fan11 %7\n"
    "        %10 = mul %1, %8\n        %11 = sub %0, %10\n        %12 = le %5, %0\n"
    "        %13 = select %12, %11, %10\n"
    "        %14 = min %5, %0\n        %15 = neg %9\n        %16 = fma %15, %1, %14\n"
    "        %17 = load f@x[l]\n        %18 = load f@y[l]\n"
    "        %19 = load g@x[l]\n        %20 = load g@y[l]\n"
    "        %21 = sub %18, %17\n        %22 = sub %20, %19\n"
    "        %23 = mul %22, %22\n        %24 = fma %21, %21, %23\n        %25 = mul %24, %2\n"
    "        %26 = mul %18, %17\n        %27 = fma %26, %16, %25\n        store d, %27\n"
    "        %28 = sub %0, %27\n        %29 = mul %26, %13\n        %30 = load theta\n"
    "        %31 = fma %29, %30, %28\n        store theta, %31\n"
    "    }\n"
    "    %32 = load s@x[depth]\n    %33 = load s@y[depth]\n    %34 = mul %32, %33\n"
    "    %35 = load d\n    %36 = sub %0, %35\n    %37 = mul %34, %36\n    store nngp, %37\n"
    "    %38 = load theta\n    %39 = mul %34, %38\n    store ntk, %39\n"
    "}\n";

typedef struct Args {
    const char *kernel;
    const char *set[MAX_SET];
    int nset, depth;
    TpDtype dtype;
    CodegenOptions o;
    double limit;
    bool quiet;
} Args;

typedef struct Bench {
    Ctx c;
    const Args *args;
    Kernel *k;
    Jit jit;
    RtValues v;
    TpFrame frame;
    double *norm_left, *norm_right, *d0;
    void *tile[3]; /* defects, K, Theta: the hand-written loop's */
    void *table[2][3]; /* left, right: f, g, scale */
} Bench;

static void *reals(size_t n) {
    void *p = aligned_alloc(64, (n * 8 + 127) / 64 * 64);
    if (!p) abort();
    return memset(p, 0, n * 8);
}

static void put(const Bench *b, void *p, size_t i, double v) {
    if (b->args->dtype == TP_F32) ((float *)p)[i] = (float)v;
    else ((double *)p)[i] = v;
}

static double get(const Bench *b, const void *p, size_t i) {
    return b->args->dtype == TP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static void compile(Bench *b) {
    const char *text = b->args->kernel ? compile_read(&b->c, b->args->kernel) : relu;
    b->k = compile_text(&b->c, text, b->args->dtype, &b->args->o, &b->jit);
}

static void settings(Bench *b) {
    int64_t dim[4] = {16, 16, 16, 16};
    TpError e = {0};
    const TpKernel *k = b->jit.kernel;
    if (k->ninput > 4 || !rt_values_make(&b->v, k, b->args->set, b->args->nset, dim, &e))
        compile_stop(&b->c, e.text);
}

/* One-sample input arrays: norms in [0.7, 1.3], their squares, coordinates. */
static double sample_input(const TpArray *a, double norm, uint64_t *seed) {
    if (a->input == TP_IN_NORM) return norm;
    if (a->input == TP_IN_GRAM) return norm * norm;
    return timing_uniform(seed) - 0.5;
}

static double pair_input(const TpArray *a, double d, double norms) {
    switch (a->input) {
    case TP_IN_GRAM: return norms * (1 - d);
    case TP_IN_UNIT: return 1 - d;
    case TP_IN_CODEFECT: return 2 - d;
    default: return d;
    }
}

static void fill_input(Bench *b, const TpArray *a, void *left, void *right) {
    uint64_t seed = 11;
    for (int64_t s = 0; s < LEFT; s++) put(b, left, s, sample_input(a, b->norm_left[s], &seed));
    for (int64_t s = 0; s < RIGHT; s++) put(b, right, s, sample_input(a, b->norm_right[s], &seed));
}

enum { ROW = 5 }; /* the left sample that is timed */

static void allocate_pair(Bench *b, int32_t i, const TpArray *a, size_t n) {
    void **parray = (void **)b->frame.parray, **row = (void **)b->frame.row;
    if (a->class == TP_STORED) parray[i] = reals(n * TP_BLOCK);
    else row[i] = reals(RIGHT);
    for (int64_t j = 0; a->class == TP_INPUT && j < RIGHT; j++)
        put(b, row[i], j, pair_input(a, b->d0[j], b->norm_left[ROW] * b->norm_right[j]));
}

static void allocate(Bench *b, TpStage stage) {
    const TpKernel *k = b->jit.kernel;
    void **x = (void **)b->frame.xarray, **y = (void **)b->frame.yarray;
    for (int32_t i = 1; i < k->narray; i++) {
        const TpArray *a = &k->array[i];
        if (a->stage != (int32_t)stage) continue;
        size_t n = (size_t)rt_array_elements(a, b->v.size);
        if (stage == TP_STAGE_CONST) ((void **)b->frame.carray)[i] = reals(n);
        if (stage == TP_STAGE_PAIR) allocate_pair(b, i, a, n);
        if (stage == TP_STAGE_CONST || stage == TP_STAGE_PAIR) continue;
        x[i] = reals(n * LEFT);
        y[i] = reals(n * RIGHT);
        if (a->class == TP_INPUT) fill_input(b, a, x[i], y[i]);
    }
}

static void run_samples(TpFrame f, TpSampleFn *fn) {
    if (!fn) return;
    fn(&f, 0, LEFT);
    f.xarray = f.yarray;
    fn(&f, 0, RIGHT);
}

/* Sizes that are the maximum of a sample array. */
static void measure_sizes(Bench *b) {
    const TpKernel *k = b->jit.kernel;
    void *const *x = b->frame.xarray, *const *y = b->frame.yarray;
    for (int32_t i = 0; i < k->nsize; i++) {
        const TpSize *z = &k->size[i];
        if (z->kind != TP_SIZE_MEASURED) continue;
        double most = 0;
        size_t n = (size_t)rt_array_elements(&k->array[z->array], b->v.size);
        for (size_t j = 0; j < n * LEFT; j++) most = fmax(most, get(b, x[z->array], j));
        for (size_t j = 0; j < n * RIGHT; j++) most = fmax(most, get(b, y[z->array], j));
        b->v.size[i] = (int64_t)fmin(ceil(most), (double)z->cap);
    }
}

static void **pointers(const Bench *b) {
    return ARENA_ARRAY(b->c.a, void *, b->jit.kernel->narray);
}

static void prepare_compiled(Bench *b) {
    const TpKernel *k = b->jit.kernel;
    b->frame = (TpFrame){.size = b->v.size, .real = b->v.real, .carray = pointers(b),
                         .xarray = pointers(b), .yarray = pointers(b), .parray = pointers(b),
                         .row = pointers(b), .self = k->self};
    allocate(b, TP_STAGE_CONST);
    allocate(b, TP_STAGE_SAMPLE);
    if (k->const_fn) k->const_fn(&b->frame);
    run_samples(b->frame, k->sample_fn);
    measure_sizes(b);
    allocate(b, TP_STAGE_SERIES);
    allocate(b, TP_STAGE_PAIR);
    run_samples(b->frame, k->series_fn);
}

static void hand_tables(Bench *b, int side, const double *norm, size_t n) {
    int depth = b->args->depth;
    void **t = b->table[side];
    for (int i = 0; i < 3; i++) t[i] = reals(i < 2 ? n * (size_t)depth : n);
    for (size_t j = 0; j < n; j++) {
        double s = norm[j];
        for (int l = 0; l < depth; l++) {
            double next = sqrt(A * s * s + B);
            put(b, t[0], (size_t)l * n + j, sqrt(A) * s / next);
            put(b, t[1], (size_t)l * n + j, sqrt(B) / next);
            s = next;
        }
        put(b, t[2], j, s);
    }
}

static void prepare_hand(Bench *b) {
    hand_tables(b, 0, b->norm_left, LEFT);
    hand_tables(b, 1, b->norm_right, RIGHT);
    for (int i = 0; i < 3; i++) b->tile[i] = reals(RIGHT);
    for (size_t j = 0; j < RIGHT; j++) put(b, b->tile[0], j, b->d0[j]);
}

static void make_data(Bench *b) {
    uint64_t seed = 3;
    b->norm_left = reals(LEFT);
    b->norm_right = reals(RIGHT);
    b->d0 = reals(RIGHT);
    for (int i = 0; i < LEFT; i++) b->norm_left[i] = 0.7 + 0.6 * timing_uniform(&seed);
    for (int i = 0; i < RIGHT; i++) b->norm_right[i] = 0.7 + 0.6 * timing_uniform(&seed);
    for (int i = 0; i < RIGHT; i++) b->d0[i] = 2 * timing_uniform(&seed);
}

static double time_compiled(const Bench *b, int reps) {
    double t0 = timing_seconds();
    for (int r = 0; r < reps; r++) b->jit.kernel->pair_fn(&b->frame, ROW, 0, RIGHT);
    return timing_seconds() - t0;
}

#define TABLE(T, type, side) \
    {(const type *)b->table[side][0], (const type *)b->table[side][1], \
     (const type *)b->table[side][2], side ? RIGHT : LEFT}
static double time_hand(const Bench *b, int reps) {
    RecurTable64 x = TABLE(RecurTable64, double, 0), y = TABLE(RecurTable64, double, 1);
    RecurTable32 p = TABLE(RecurTable32, float, 0), q = TABLE(RecurTable32, float, 1);
    int depth = b->args->depth;
    double t0 = timing_seconds();
    for (int r = 0; r < reps; r++) {
        if (b->args->dtype == TP_F32)
            bench_recur_f32(depth, RIGHT, b->tile[0], b->tile[1], b->tile[2], &p, ROW, &q, 0);
        else
            bench_recur_f64(depth, RIGHT, b->tile[0], b->tile[1], b->tile[2], &x, ROW, &y, 0);
        __asm__ volatile("" ::: "memory");
    }
    return timing_seconds() - t0;
}

/* Largest relative difference of an output from the hand-written loop's. */
static double difference(const Bench *b, int output) {
    double worst = 0;
    const TpKernel *k = b->jit.kernel;
    for (int32_t i = 1; i < k->narray; i++)
        for (size_t j = 0; k->array[i].class == TP_OUTPUT && j < RIGHT; j++) {
            double x = get(b, b->frame.row[i], j), y = get(b, b->tile[1 + output], j);
            if (k->array[i].output == output) worst = fmax(worst, fabs(x - y) / fabs(y));
        }
    return worst;
}

static double measure(Bench *b) {
    double jit[ROUNDS], hand[ROUNDS], ratio[ROUNDS];
    int reps = 12000 / b->args->depth + 1, entries = reps * RIGHT;
    double per = 1e9 / ((double)entries * b->args->depth);
    time_hand(b, reps), time_compiled(b, reps);
    for (int r = 0; r < ROUNDS; r++) {
        jit[r] = time_compiled(b, reps);
        hand[r] = time_hand(b, reps);
        ratio[r] = jit[r] / hand[r];
    }
    timing_sort(jit, ROUNDS);
    timing_sort(hand, ROUNDS);
    timing_sort(ratio, ROUNDS);
    printf("%s: compiled %.3f (best %.3f), by hand (%s) %.3f (best %.3f) ns per entry and layer: "
           "ratio %.3f\n", b->args->dtype == TP_F32 ? "float32" : "float64",
           jit[ROUNDS / 2] * per, jit[0] * per, bench_recur_shape(), hand[ROUNDS / 2] * per,
           hand[0] * per, ratio[ROUNDS / 2]);
    return ratio[ROUNDS / 2];
}

static void parse_args(Args *a, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *s = argv[i], *eq = strchr(s, '=');
        if (!strcmp(s, "f32")) a->dtype = TP_F32;
        else if (!strcmp(s, "quiet")) a->quiet = true;
        else if (!eq) a->kernel = s;
        else if (!strncmp(s, "isa=", 4)) a->o.isa = s + 4;
        else if (!strncmp(s, "u=", 2)) a->o.u = (uint32_t)atoi(eq + 1);
        else if (!strncmp(s, "g=", 2)) a->o.g = (uint32_t)atoi(eq + 1);
        else if (!strncmp(s, "limit=", 6)) a->limit = atof(eq + 1);
        else if (a->nset < MAX_SET) a->set[a->nset++] = s;
        if (!strncmp(s, "depth=", 6)) a->depth = atoi(eq + 1);
    }
}

int main(int argc, char **argv) {
    Args args = {.depth = 20};
    parse_args(&args, argc, argv);
    if (args.depth < 1 || args.depth > MAX_DEPTH) return 2;
    Bench b = {.args = &args, .c = compile_ctx()};
    compile(&b);
    settings(&b);
    make_data(&b);
    prepare_compiled(&b);
    prepare_hand(&b);
    double ratio = measure(&b), K = difference(&b, 0), Theta = difference(&b, 1);
    const CodegenTime *t = &b.jit.time;
    if (!args.quiet)
        printf("  %u lanes, %u x %u vectors; differs by %.1e (K), %.1e (Theta); compiled in "
               "%.1f ms: init %.1f build %.1f verify %.1f passes %.1f codegen %.1f link %.1f\n",
               b.jit.w, b.jit.u, b.jit.g, K, Theta,
               t->init + t->build + t->verify + t->passes + t->codegen + t->link, t->init, t->build,
               t->verify, t->passes, t->codegen, t->link);
    codegen_jit_free(&b.jit);
    return (args.limit > 0 && ratio > args.limit) ||
           !(fmax(K, Theta) <= (args.dtype == TP_F32 ? 1e-4 : 1e-12));
}

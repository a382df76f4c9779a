/* What kernels are given of the data: Gram, unit Gram and defects, against quadruple precision. */
#include "fixture.h"
#include "gram.h"
#include "npy.h"
#include <math.h>

/* A kernel that hands out its input arrays: the left sample array of `sample`, or pair array
 * `pair`. */
typedef struct Probe {
    int32_t pair, sample;
} Probe;

enum { P_SELF = 1, P_NORM, P_COLUMN, P_CROSS_SELF, P_GRAM, P_UNIT, P_DEFECT, P_CODEFECT, P_CROSS,
       P_OUT, P_COUNT };

static const TpAffTerm probe_column_term = {0, 1};
static const TpInputDecl probe_input[] = {{.name = "x"}, {.name = "z"}};
static const TpCodeIns probe_code[] = {{TPC_NUM, 0, 0}};
static const TpSize probe_size[] = {
    {.name = "k", .kind = TP_SIZE_HYPER, .value = {probe_code, 1}}};
#define PROBE(name, stage, class, kind, a, b) {name, stage, class, kind, {a, b}, 0, {0, 0, 0}, 0, 0}
static const TpArray probe_array[P_COUNT] = {
    [P_SELF] = PROBE("self", TP_STAGE_SAMPLE, TP_INPUT, TP_IN_GRAM, 0, 0),
    [P_NORM] = PROBE("norm", TP_STAGE_SAMPLE, TP_INPUT, TP_IN_NORM, 0, 0),
    [P_COLUMN] = {"column", TP_STAGE_SAMPLE, TP_INPUT, TP_IN_COLUMN, {0, 0}, 0,
                  {1, &probe_column_term, 1}, 0, 0},
    [P_CROSS_SELF] = PROBE("cross self", TP_STAGE_SAMPLE, TP_INPUT, TP_IN_GRAM, 0, 1),
    [P_GRAM] = PROBE("gram", TP_STAGE_PAIR, TP_INPUT, TP_IN_GRAM, 0, 0),
    [P_UNIT] = PROBE("unit", TP_STAGE_PAIR, TP_INPUT, TP_IN_UNIT, 0, 0),
    [P_DEFECT] = PROBE("defect", TP_STAGE_PAIR, TP_INPUT, TP_IN_DEFECT, 0, 0),
    [P_CODEFECT] = PROBE("codefect", TP_STAGE_PAIR, TP_INPUT, TP_IN_CODEFECT, 0, 0),
    [P_CROSS] = PROBE("cross", TP_STAGE_PAIR, TP_INPUT, TP_IN_GRAM, 0, 1),
    [P_OUT] = PROBE("out", TP_STAGE_PAIR, TP_OUTPUT, TP_IN_NONE, 0, 0),
};

static void probe_f64(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    const Probe *p = f->self;
    const double *v = p->pair ? f->row[p->pair] : NULL;
    (void)j0;
    for (int64_t k = 0; k < n; k++)
        ((double *)f->row[P_OUT])[k] = v ? v[k] : ((const double *)f->xarray[p->sample])[i];
}

static void probe_f32(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    const Probe *p = f->self;
    const float *v = p->pair ? f->row[p->pair] : NULL;
    (void)j0;
    for (int64_t k = 0; k < n; k++)
        ((float *)f->row[P_OUT])[k] = v ? v[k] : ((const float *)f->xarray[p->sample])[i];
}

typedef struct Data {
    const double *x, *z, *y, *zy;
    int64_t n, m, d;
} Data;

static void probe(const Data *d, Probe p, TpDtype dtype, TpBlasChoice blas, const char *set,
                  void *out) {
    TpKernel k = {.abi = TP_ABI_VERSION, .dtype = (int32_t)dtype, .kernels = 1, .name = "probe",
                  .ninput = 2, .nsize = 1, .narray = P_COUNT,
                  .input = probe_input, .size = probe_size, .array = probe_array,
                  .pair_fn = dtype == TP_F32 ? probe_f32 : probe_f64, .self = &p};
    TpNamed more = {
        "z", {.rows = d->z, .n = d->n, .d = d->d}, {.rows = d->zy, .n = d->m, .d = d->d}};
    TpJob job = {.kernel = &k, .x = {.rows = d->x, .n = d->n, .d = d->d},
                 .y = {.rows = d->y, .n = d->m, .d = d->d}, .more = &more, .nmore = 1, .threads = 2,
                 .set = &set, .nset = set != NULL, .out = {{.data = out}}, .blas = blas};
    TpError e;
    if (!tp_run(&job, NULL, &e)) fail_msg("%s", e.text);
}

static __float128 dot128(const double *x, const double *y, int64_t d) {
    __float128 s = 0;
    for (int64_t k = 0; k < d; k++) s += (__float128)x[k] * y[k];
    return s;
}

/* Newton's step doubles the digits of the long double root. */
static __float128 sqrt128(__float128 v) {
    if (v == 0) return 0;
    __float128 s = sqrtl((long double)v);
    return (s + v / s) / 2;
}

/* 1 - c or 1 + c: (xx yy - xy^2) / (s (s +- xy)), s^2 = xx yy, where that has no cancellation. */
static double defect128(const double *x, const double *y, int64_t d, int sign) {
    __float128 xx = dot128(x, x, d), yy = dot128(y, y, d), xy = sign * dot128(x, y, d);
    if (xx == 0 || yy == 0) return 1;
    __float128 s = sqrt128(xx * yy);
    if (xy < 0) return (double)(1 - xy / s);
    return (double)((xx * yy - xy * xy) / (s * (s + xy)));
}

#define N 130
#define D 50

/* Rows 3k are random; 3k + 1 near-duplicates of them at distances 1e-9 .. 1e-2, every other one
 * also scaled; 3k + 2 near-opposites.  Row 7 is zero, row 8 equals row 6, row 11 is 3 times row 9.
 */
static double *near_rows(void) {
    double *x = random_rows(5, N, D);
    uint64_t s = 77;
    for (int i = 0; i + 2 < N; i += 3) {
        double eps = pow(10, -9 + i / 3 % 8), scale = i % 2 ? 1 : 1.7;
        for (int k = 0; k < D; k++) {
            x[(i + 1) * D + k] = scale * (x[i * D + k] + eps * next_uniform(&s));
            x[(i + 2) * D + k] = -(x[i * D + k] + eps * next_uniform(&s));
        }
    }
    memset(x + 7 * D, 0, D * 8);
    memcpy(x + 8 * D, x + 6 * D, D * 8);
    for (int k = 0; k < D; k++) x[11 * D + k] = 3 * x[9 * D + k];
    return x;
}

/* Above RT_NEAR the defect has an absolute error of some eps, below it a relative one; the
 * reference itself has an absolute error of some 1e-34. */
static void defects_keep_their_digits(void **state) {
    (void)state;
    double *x = near_rows();
    static double e[N * N], p[N * N];
    Data d = {x, x, NULL, NULL, N, 0, D};
    probe(&d, (Probe){.pair = P_DEFECT}, TP_F64, TP_BLAS_NONE, NULL, e);
    probe(&d, (Probe){.pair = P_CODEFECT}, TP_F64, TP_BLAS_NONE, NULL, p);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double ee = defect128(x + i * D, x + j * D, D, 1),
                   pe = defect128(x + i * D, x + j * D, D, -1);
            double te = ee < RT_NEAR ? 1e-12 * ee + 1e-33 : 4e-15;
            double tp = pe < RT_NEAR ? 1e-12 * pe + 1e-33 : 4e-15;
            assert_true(fabs(e[i * N + j] - ee) <= te);
            assert_true(fabs(p[i * N + j] - pe) <= tp);
        }
    assert_true(e[3 * N + 3] == 0 && p[3 * N + 3] == 2);
    assert_true(e[6 * N + 8] == 0);
    assert_true(e[7 * N + 7] == 1 && e[7 * N + 3] == 1 && p[7 * N + 3] == 1);
    free(x);
}

static void unit_gram_is_consistent(void **state) {
    (void)state;
    double *x = near_rows();
    static double c[N * N], e[N * N], g[N * N], self[N * N], norm[N * N];
    Data d = {x, x, NULL, NULL, N, 0, D};
    probe(&d, (Probe){.pair = P_UNIT}, TP_F64, TP_BLAS_NONE, NULL, c);
    probe(&d, (Probe){.pair = P_DEFECT}, TP_F64, TP_BLAS_NONE, NULL, e);
    probe(&d, (Probe){.pair = P_GRAM}, TP_F64, TP_BLAS_NONE, NULL, g);
    probe(&d, (Probe){.sample = P_SELF}, TP_F64, TP_BLAS_NONE, NULL, self);
    probe(&d, (Probe){.sample = P_NORM}, TP_F64, TP_BLAS_NONE, NULL, norm);
    for (int i = 0; i < N; i++) {
        /* A row of the sample probe holds row min(i, j) of a mirrored matrix: the diagonal is i's.
         */
        double si = self[i * N + i], ni = norm[i * N + i];
        assert_true(g[i * N + i] == si);
        assert_true(i == 7 ? ni == 1 && si == 0 : ni == sqrt(si));
        assert_true(c[i * N + i] == (i == 7 ? 0 : 1));
        for (int j = 0; j < N; j++) {
            double ge = (double)(dot128(x + i * D, x + j * D, D) / D);
            assert_true(fabs(c[i * N + j] - (1 - e[i * N + j])) <= 2.3e-16);
            assert_true(fabs(g[i * N + j] - ge) <= 1e-15 * D);
        }
    }
    free(x);
}

static void cross_products_use_both_inputs(void **state) {
    (void)state;
    enum { M = 9 };
    double *x = random_rows(1, N, D), *z = random_rows(2, N, D), *y = random_rows(3, M, D),
           *zy = random_rows(4, M, D);
    static double v[N * M];
    Data d = {x, z, y, zy, N, M, D};
    probe(&d, (Probe){.pair = P_CROSS}, TP_F64, TP_BLAS_NONE, NULL, v);
    for (int i = 0; i < N * M; i++) {
        double e = (double)(dot128(x + i / M * D, zy + i % M * D, D) / D);
        assert_true(fabs(v[i] - e) <= 1e-15 * D);
    }
    probe(&d, (Probe){.sample = P_CROSS_SELF}, TP_F64, TP_BLAS_NONE, NULL, v);
    for (int i = 0; i < N; i++) {
        double e = (double)(dot128(x + i * D, z + i * D, D) / D);
        assert_true(fabs(v[i * M] - e) <= 1e-15 * D);
    }
    probe(&d, (Probe){.sample = P_COLUMN}, TP_F64, TP_BLAS_NONE, "k=4", v);
    for (int i = 0; i < N; i++) assert_true(v[i * M] == x[i * D + 5] / D);
    free(x);
    free(z);
    free(y);
    free(zy);
}

static void float32_is_rounded_float64(void **state) {
    (void)state;
    double *x = near_rows();
    static double wide[N * N];
    static float narrow[N * N];
    Data d = {x, x, NULL, NULL, N, 0, D};
    static const Probe probes[] = {
        {P_GRAM, 0}, {P_UNIT, 0}, {P_DEFECT, 0}, {0, P_SELF}, {0, P_NORM}};
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        probe(&d, probes[i], TP_F64, TP_BLAS_NONE, NULL, wide);
        probe(&d, probes[i], TP_F32, TP_BLAS_NONE, NULL, narrow);
        for (int k = 0; k < N * N; k++) assert_true(narrow[k] == (float)wide[k]);
    }
    free(x);
}

static void wrong_columns_are_refused(void **state) {
    (void)state;
    double x[4] = {1, 2, 3, 4}, out;
    TpKernel k = {.abi = TP_ABI_VERSION, .kernels = 1, .name = "probe",
                  .ninput = 2, .nsize = 1, .narray = P_COUNT, .input = probe_input,
                  .size = probe_size, .array = probe_array, .pair_fn = probe_f64};
    TpNamed more = {"z", {.rows = x, .n = 1, .d = 4}, {.rows = NULL}};
    const char *set = "k=3";
    TpJob job = {.kernel = &k, .x = {.rows = x, .n = 1, .d = 4}, .more = &more, .nmore = 1,
                 .set = &set, .nset = 1, .out = {{.data = &out}}};
    TpError e;
    assert_false(tp_run(&job, NULL, &e));
    assert_text(&e, TP_E_DATA, "basis(4) of input `x` is asked for, which has coordinates 0 to 3");
    more.x.d = 3;
    assert_false(tp_run(&job, NULL, &e));
    assert_text(&e, TP_E_DATA,
                "inputs `x` and `z` meet in a scalar product, but have 4 and 3 columns");
    more.x.n = 2;
    more.x.d = 2;
    assert_false(tp_run(&job, NULL, &e));
    assert_text(&e, TP_E_DATA, "z has 2 samples, but x has 1");
    job.nmore = 0;
    assert_false(tp_run(&job, NULL, &e));
    assert_text(&e, TP_E_USAGE, "input `z` of `probe` is missing: give it by --data z=FILE");
}

/* ---- the loops of each instruction set */

static const RtLoops *const tables[] = {
    &rt_loops_base,
#if defined(__x86_64__)
    &rt_loops_avx2, &rt_loops_avx512,
#endif
};

static bool runs(size_t t) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (t == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (t == 2) return rt_loops() == &rt_loops_avx512;
#endif
    return t == 0;
}

static void every_instruction_set_gives_the_same_bits(void **state) {
    (void)state;
    enum { NI = 67, NJ = 45, LD = 64, LONG = 611 };
    double *x = random_rows(1, NI, LONG), *y = random_rows(2, NJ, LONG);
    static double c[3][NI * LD], pack[RT_DOT_PACK], u[3][3][LD], rj[LD];
    for (int i = 0; i < LD; i++) rj[i] = 0.07;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        if (!runs(t)) continue;
        RtTile tile = {x, y, NI, NJ, LONG, c[t], LD, pack};
        tables[t]->tile(&tile);
        RtRow row = {c[t], 0.07, rj, LD, u[t][0], u[t][1], u[t][2]};
        tables[t]->unit(&row);
        assert_memory_equal(c[t], c[0], sizeof c[0]);
        assert_memory_equal(u[t], u[0], sizeof u[0]);
        for (int k = 1; k < 30; k++) {
            double a = tables[t]->defect(x, y, k, 1, 1.25, 0.75);
            double b = tables[0]->defect(x, y, k, 1, 1.25, 0.75);
            assert_memory_equal(&a, &b, 8);
        }
        for (int k = 0; k < 20; k++) {
            double v[20] = {0};
            float f[20] = {0};
            assert_true(tables[t]->finite(v, 20) && tables[t]->finite_f32(f, 20));
            v[k] = k % 2 ? NAN : INFINITY;
            f[k] = (float)v[k];
            assert_false(tables[t]->finite(v, 20) || tables[t]->finite_f32(f, 20));
        }
    }
    free(x);
    free(y);
}

static void tiles_are_products(void **state) {
    (void)state;
    static const int64_t shape[][3] = {
        {1, 1, 1}, {4, 8, 16}, {5, 17, 256}, {7, 33, 257}, {64, 64, 700}};
    static double c[64 * 64], pack[RT_DOT_PACK];
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
        int64_t ni = shape[s][0], nj = shape[s][1], d = shape[s][2];
        double *x = random_rows(1, ni, d), *y = random_rows(2, nj, d);
        RtTile tile = {x, y, ni, nj, d, c, 64, pack};
        rt_loops()->tile(&tile);
        for (int64_t i = 0; i < ni; i++)
            for (int64_t j = 0; j < nj; j++) {
                double e = (double)dot128(x + i * d, y + j * d, d);
                assert_true(fabs(c[i * 64 + j] - e) <= 2.3e-16 * (double)d);
            }
        free(x);
        free(y);
    }
}

/* Both give the kernel; rounding differs.  Large enough that the library is used where there is
 * one. */
static void blas_agrees_with_the_loop(void **state) {
    (void)state;
    enum { BIG = 900, LONG = 2600 };
    double *x = random_rows(6, BIG, LONG);
    double *a = malloc(BIG * BIG * 8), *b = malloc(BIG * BIG * 8);
    RtBlas found;
    Data d = {x, x, NULL, NULL, BIG, 0, LONG};
    rt_blas_find(&found, TP_BLAS_AUTO, 1e12);
    rt_blas_done(&found);
    print_message("products by %s\n", found.name);
    probe(&d, (Probe){.pair = P_GRAM}, TP_F64, TP_BLAS_NONE, NULL, a);
    probe(&d, (Probe){.pair = P_GRAM}, TP_F64, TP_BLAS_AUTO, NULL, b);
    for (int i = 0; i < BIG * BIG; i++) assert_true(fabs(a[i] - b[i]) <= 1e-14);
    free(x);
    free(a);
    free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defects_keep_their_digits),
        cmocka_unit_test(unit_gram_is_consistent),
        cmocka_unit_test(cross_products_use_both_inputs),
        cmocka_unit_test(float32_is_rounded_float64),
        cmocka_unit_test(wrong_columns_are_refused),
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(tiles_are_products),
        cmocka_unit_test(blas_agrees_with_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

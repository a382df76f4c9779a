/* Inputs with positions, data arguments and sizes that differ between samples: kernels written by
 * hand against the direct sum. */
#include "fixture.h"
#include "kernel_positions.h"
#include "npy.h"
#include "tp.h"
#include <math.h>

enum { N = 150, M = 70, T = 7, D = 3 };

typedef struct Side { /* n samples of at most T positions */
    int64_t n, t;
    double *x, *a, *len;
} Side;

static Side side_make(uint64_t seed, int64_t n, int64_t t, bool ragged) {
    Side s = {n, t, random_rows(seed, n, t * D), random_rows(seed + 100, n, t), NULL};
    if (!ragged) return s;
    uint64_t bits = seed + 7;
    s.len = malloc((size_t)n * 8);
    for (int64_t i = 0; i < n; i++) {
        s.len[i] = 1 + (double)(next_bits(&bits) % (uint64_t)t);
        for (int64_t p = (int64_t)s.len[i]; p < t; p++) { /* padding is never looked at */
            for (int c = 0; c < D; c++) s.x[(i * t + p) * D + c] = NAN;
            s.a[i * t + p] = i % 2 ? NAN : 5;
        }
    }
    return s;
}

static void side_free(Side *s) {
    free(s->x);
    free(s->a);
    free(s->len);
}

static int64_t own(const Side *s, int64_t i) { return s->len ? (int64_t)s->len[i] : s->t; }

static double gram(const Side *x, int64_t i, int64_t p, const Side *y, int64_t j, int64_t q) {
    long double v = 0;
    for (int c = 0; c < D; c++)
        v += (long double)x->x[(i * x->t + p) * D + c] * y->x[(j * y->t + q) * D + c];
    return (double)v / (double)D;
}

static bool equal(const Side *x, int64_t i, const Side *y, int64_t j) {
    if (own(x, i) != own(y, j)) return false;
    size_t n = (size_t)own(x, i) * 8;
    return !memcmp(x->x + i * x->t * D, y->x + j * y->t * D, n * D) &&
           !memcmp(x->a + i * x->t, y->a + j * y->t, n);
}

static bool close_to(double a, double b) { return fabs(a - b) <= 1e-13 * (1 + fabs(b)); }

static void check_number(const Side *x, int64_t i, const Side *y, int64_t j, double nngp,
                         double ntk) {
    int64_t t = own(x, i), u = own(y, j);
    double all = 0, part = 0;
    for (int64_t p = 0; p < t; p++)
        for (int64_t q = 0; q < u; q++) {
            double g = gram(x, i, p, y, j, q);
            all += x->a[i * x->t + p] * y->a[j * y->t + q] * g;
            if (p < t / 2 && q < u / 2) part += g;
        }
    if (equal(x, i, y, j)) part += 100;
    if (close_to(nngp, all / (double)(t * u)) && close_to(ntk, part)) return;
    fail_msg("pair %d %d: %.17g %.17g", (int)i, (int)j, nngp, ntk);
}

/* left: whether x was the left one of the pair as it was computed. */
static bool family_is(const Side *x, int64_t i, const Side *y, int64_t j, const double *nngp,
                      const double *ntk, bool left) {
    for (int64_t p = 0; p < x->t; p++)
        for (int64_t q = 0; q < y->t; q++) {
            double k = nngp[p * y->t + q], t = ntk[p * y->t + q];
            if (p >= own(x, i) || q >= own(y, j)) {
                if (!isnan(k) || !isnan(t)) return false;
                continue;
            }
            double g = gram(x, i, p, y, j, q);
            double a = left ? x->a[i * x->t + p] : y->a[j * y->t + q];
            if (!close_to(k, g + 1 / (double)(left ? own(x, i) : own(y, j)))) return false;
            if (!close_to(t, a * g)) return false;
        }
    return true;
}

typedef struct Job {
    Positions net;
    TpJob job;
    TpNamed more, size;
    int64_t axis[2];
    int64_t entry;
    double *out[2];
} Job;

static void job_make(Job *b, const Side *x, const Side *y, bool wide, int lanes) {
    bool varies = x->len || y->len || x->t != y->t;
    positions_make(&b->net, varies, wide, false, lanes);
    b->axis[0] = x->t;
    b->axis[1] = y->t;
    b->more = (TpNamed){"A", {.rows = x->a, .n = x->n, .axis = b->axis, .naxis = 1},
                        {.rows = y->a, .n = y->n, .axis = b->axis + 1, .naxis = 1}};
    b->size = (TpNamed){"T", {.rows = x->len, .n = x->n}, {.rows = y->len, .n = y->n}};
    b->job = (TpJob){.kernel = &b->net.k, .threads = 1, .more = &b->more, .nmore = 1,
                     .x = {.rows = x->x, .n = x->n, .d = D, .axis = b->axis, .naxis = 1},
                     .y = {.rows = y->x, .n = y->n, .d = D, .axis = b->axis + 1, .naxis = 1}};
    b->job.size = &b->size;
    b->job.nsize = x->len || y->len ? 1 : 0;
    if (x == y) {
        b->job.y = b->more.y = b->size.y = (TpData){.path = NULL};
    }
    b->entry = wide ? x->t * y->t : 1;
    for (int k = 0; k < 2; k++) {
        b->out[k] = malloc((size_t)(x->n * y->n * b->entry) * 8);
        b->job.out[k].data = b->out[k];
    }
}

static void job_run(Job *b) {
    TpError e;
    if (!tp_run(&b->job, NULL, &e)) fail_msg("%s", e.text);
}

static void job_free(Job *b) {
    free(b->out[0]);
    free(b->out[1]);
}

static void check_job(const Job *b, const Side *x, const Side *y, bool wide) {
    for (int64_t i = 0; i < x->n; i++)
        for (int64_t j = 0; j < y->n; j++) {
            int64_t at = (i * y->n + j) * b->entry;
            const double *k = b->out[0] + at, *t = b->out[1] + at;
            if (!wide) {
                check_number(x, i, y, j, *k, *t);
                continue;
            }
            bool ok = family_is(x, i, y, j, k, t, true) ||
                      (x == y && i != j && family_is(x, i, y, j, k, t, false));
            if (!ok) fail_msg("pair %d %d", (int)i, (int)j);
        }
}

static void check_all(const Side *x, const Side *y) {
    static const int lanes[] = {8, 16, 64};
    for (int wide = 0; wide < 2; wide++)
        for (int l = 0; l < 3; l++) {
            Job b, c;
            job_make(&b, x, y, wide, lanes[l]);
            job_run(&b);
            check_job(&b, x, y, wide);
            job_make(&c, x, y, wide, lanes[l]);
            c.job.threads = 3;
            job_run(&c);
            for (int k = 0; k < 2; k++)
                assert_memory_equal(b.out[k], c.out[k], (size_t)(x->n * y->n * b.entry) * 8);
            job_free(&b);
            job_free(&c);
        }
}

static void one_size(void **state) {
    (void)state;
    Side x = side_make(1, N, T, false), y = side_make(2, M, T, false);
    memcpy(x.x + 140 * T * D, x.x + 3 * T * D, T * D * 8); /* equal samples */
    memcpy(x.a + 140 * T, x.a + 3 * T, T * 8);
    memcpy(y.x + 9 * T * D, x.x + 3 * T * D, T * D * 8);
    memcpy(y.a + 9 * T, x.a + 3 * T, T * 8);
    check_all(&x, &x);
    check_all(&x, &y);
    side_free(&x);
    side_free(&y);
}

static void few_samples(void **state) {
    (void)state;
    Side x = side_make(1, 5, 1, false), y = side_make(2, 1, 1, false);
    check_all(&x, &x);
    check_all(&y, &y);
    check_all(&x, &y);
    side_free(&x);
    side_free(&y);
}

static void shapes_may_differ(void **state) {
    (void)state;
    Side x = side_make(3, N, T, false), y = side_make(4, M, 4, false);
    check_all(&x, &y);
    side_free(&x);
    side_free(&y);
}

static void ragged_samples(void **state) {
    (void)state;
    Side x = side_make(5, N, T, true), y = side_make(6, M, 9, true);
    x.len[100] = x.len[2];
    for (int p = 0; p < T; p++) {
        x.a[100 * T + p] = p < (int)x.len[2] ? x.a[2 * T + p] : -3; /* other padding */
        for (int c = 0; c < D; c++)
            x.x[(100 * T + p) * D + c] = p < (int)x.len[2] ? x.x[(2 * T + p) * D + c] : 8;
    }
    y.len[1] = x.len[2];
    memcpy(y.x + 9 * D, x.x + 2 * T * D, T * D * 8);
    memcpy(y.a + 9, x.a + 2 * T, T * 8);
    check_all(&x, &x);
    check_all(&x, &y);
    side_free(&x);
    side_free(&y);
}

/* A training Gram of ragged samples against the same samples on both sides. */
static void mirrored_ragged(void **state) {
    (void)state;
    Side x = side_make(7, N, T, true), y = x;
    Job b, c;
    job_make(&b, &x, &x, false, 8);
    job_make(&c, &x, &y, false, 8);
    job_run(&b);
    job_run(&c);
    for (int i = 0; i < N * N; i++) assert_true(close_to(b.out[0][i], c.out[0][i]));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++)
            assert_memory_equal(&b.out[0][i * N + j], &b.out[0][j * N + i], 8);
    job_free(&b);
    job_free(&c);
    side_free(&x);
}

/* ---- files */

static const char *write_array(const char *name, const double *v, const TpShape *s) {
    char dict[300], shape[200];
    size_t n = 8;
    tp_shape_text(shape, sizeof shape, s);
    for (int i = 0; i < s->rank; i++) n *= (size_t)s->len[i];
    snprintf(dict, sizeof dict, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape);
    return write_npy(name, 1, dict, v, n);
}

static void result_in_a_file(void **state) {
    (void)state;
    Side x = side_make(8, 20, T, true), y = side_make(9, 12, T + 1, true);
    Job b, c;
    TpReport r;
    TpError e;
    Npy f;
    job_make(&b, &x, &y, true, 8);
    job_make(&c, &x, &y, true, 8);
    job_run(&b);
    c.job.x = (TpData){.path = write_array("x.npy", x.x, &(TpShape){3, {20, T, D}})};
    c.job.y = (TpData){.path = write_array("y.npy", y.x, &(TpShape){3, {12, T + 1, D}})};
    c.more.x = (TpData){.path = write_array("xa.npy", x.a, &(TpShape){2, {20, T}})};
    c.more.y = (TpData){.path = write_array("ya.npy", y.a, &(TpShape){2, {12, T + 1}})};
    c.size.x = (TpData){.path = write_array("xl.npy", x.len, &(TpShape){1, {20}})};
    c.size.y = (TpData){.path = write_array("yl.npy", y.len, &(TpShape){1, {12}})};
    c.job.out[0] = (TpOutput){.path = in_folder("k.npy")};
    c.job.out[1] = (TpOutput){.keep = true};
    assert_true(tp_plan(&c.job, &r, &e));
    assert_int_equal(r.shape.rank, 4);
    if (!tp_run(&c.job, &r, &e)) fail_msg("%s", e.text);
    const int64_t shape[] = {20, 12, T, T + 1};
    assert_memory_equal(r.shape.len, shape, sizeof shape);
    size_t bytes = 20 * 12 * T * (T + 1) * 8;
    assert_memory_equal(r.data[1], b.out[1], bytes);
    free(r.data[1]);
    double *k = malloc(bytes);
    assert_true(rt_npy_open(&f, in_folder("k.npy"), &e));
    assert_memory_equal(f.h.shape.len, shape, sizeof shape);
    f.padded = true;
    assert_true(rt_npy_read(&f, k, NULL, &e));
    rt_npy_close(&f);
    assert_memory_equal(k, b.out[0], bytes);
    free(k);
    job_free(&b);
    job_free(&c);
    side_free(&x);
    side_free(&y);
}

/* ---- a sample with itself */

static void diagonal_is_replaced(void **state) {
    (void)state;
    for (int ragged = 0; ragged < 2; ragged++)
        for (int wide = 0; wide < 2; wide++) {
            Side x = side_make(10, N, T, ragged);
            Job b;
            job_make(&b, &x, &x, wide, 8);
            positions_make(&b.net, ragged, wide, true, 8);
            if (!wide) b.net.array[P_SELF].naxis = 0;
            if (!wide) b.net.k.sample_fn = NULL;
            job_run(&b);
            for (int64_t i = 0; i < N; i++) {
                int64_t t = own(&x, i), at = (i * N + i) * b.entry;
                if (!wide) assert_true(b.out[0][at] == 0);
                for (int64_t p = 0; wide && p < t; p++)
                    for (int64_t q = 0; q < t; q++)
                        assert_true(b.out[0][at + p * T + q] == (double)(1000 + p * t + q));
                if (i && wide) assert_true(b.out[0][at - b.entry] < 1000);
            }
            job_free(&b);
            side_free(&x);
        }
}

/* ---- errors */

static void refused(Job *b, int code, const char *text) {
    TpError e;
    assert_false(tp_run(&b->job, NULL, &e));
    assert_text(&e, code, text);
}

static void wrong_shapes(void **state) {
    (void)state;
    Side x = side_make(11, 5, T, false), y = side_make(12, 4, T, false);
    Job b;
    job_make(&b, &x, &y, false, 8);
    b.job.x.naxis = 0;
    b.job.x.d = T * D;
    refused(&b, TP_E_DATA, "x has shape (5, 21) of rank 2; expected rank 3: (N, T, d)");
    b.job.x = (TpData){.rows = x.x, .n = 5, .d = D, .axis = b.axis, .naxis = 1};
    b.axis[0] = 0;
    refused(&b, TP_E_DATA, "input `x` has shape (5, 0, 3); expected at least one sample");
    b.axis[0] = T;
    int64_t other = T - 1;
    b.more.x.axis = &other;
    refused(&b, TP_E_DATA, "axis 1 of A has length 6, and `A` has size T there, where T = 7; "
                           "expected length 7");
    b.more.x.axis = b.axis;
    b.axis[1] = other;
    refused(&b, TP_E_DATA, "size `T` is 7 in X, but 6 in Y; compile `net` with --size T to let "
                           "them differ");
    b.axis[1] = T;
    b.more.x.n = 4;
    refused(&b, TP_E_DATA, "A has 4 samples, but x has 5");
    b.more.x.n = 5;
    b.job.nmore = 0;
    refused(&b, TP_E_USAGE, "input `A` of `net` is missing");
    job_free(&b);
    side_free(&x);
    side_free(&y);
}

/* Sizes affine in a size: 2 * T + 1 of an axis of 8 has no T. */
static void sizes_are_solved(void **state) {
    (void)state;
    Side x = side_make(13, 5, T, false);
    Job b;
    job_make(&b, &x, &x, false, 8);
    TpAffTerm two = {P_T, 2};
    TpAff form = {1, &two, 1}, number = {T + 1, NULL, 0};
    b.net.input[0].size = &form;
    b.net.input[1].size = &form;
    int64_t even = 6;
    b.job.x.axis = b.more.x.axis = &even;
    refused(&b, TP_E_DATA, "axis 1 of x has length 6, and `x` has size 2*T + 1 there: no whole "
                           "number T, at least 1, fits");
    b.job.x.axis = b.more.x.axis = b.axis;
    b.net.array[P_POINT].extent = (const TpAff[]){form, b.net.aff[P_D]};
    b.net.array[P_A].extent = &form;
    b.net.array[P_SUM].extent = &form;
    b.net.k.sample_fn = NULL;
    b.net.k.pair_fn = NULL;
    job_run(&b); /* T = 3 */
    b.net.input[1].size = &number;
    refused(&b, TP_E_DATA, "axis 1 of A has length 7, and `A` has size 8 there; expected length 8");
    b.net.input[0].size = &number;
    refused(&b, TP_E_DATA, "size `T` of `net` does not follow from the shapes of the data");
    job_free(&b);
    side_free(&x);
}

static void wrong_sizes(void **state) {
    (void)state;
    Side x = side_make(14, 5, T, true), y = side_make(15, 4, T, true);
    Job b;
    job_make(&b, &x, &y, false, 8);
    x.len[3] = T + 1;
    refused(&b, TP_E_DATA, "sample 3 (from 0) of X has T = 8, but axis 1 of x has length 7: "
                           "expected 1 to 7");
    x.len[3] = 0;
    refused(&b, TP_E_DATA, "entry 3 (from 0) is 0; expected size `T` of sample 3 of X, a whole ");
    x.len[3] = 1.5;
    refused(&b, TP_E_DATA, "entry 3 (from 0) is 1.5");
    x.len[3] = 2;
    b.size.x.n = 4;
    refused(&b, TP_E_DATA, "size `T` has 4 numbers for 5 samples");
    b.size.x.n = 5;
    b.size.y.rows = NULL;
    refused(&b, TP_E_USAGE, "size `T` is given for X only: expected --size T=X_SIZES.npy,Y_SIZES");
    b.size.y.rows = y.len;
    b.size.name = "H";
    refused(&b, TP_E_USAGE, "`net` has no size `H`; it has T");
    b.size.name = "T";
    b.net.size[P_T].varies = b.net.size[P_H].varies = 0;
    refused(&b, TP_E_USAGE, "size `T` is one number for all samples of this kernel: build `net` "
                            "anew with --size T");
    b.net.size[P_T].varies = b.net.size[P_H].varies = 1;
    b.size.x = (TpData){.path = write_array("l.npy", x.len, &(TpShape){2, {5, 1}})};
    refused(&b, TP_E_DATA, "l.npy has shape (5, 1); expected (5,), size `T` of each sample");
    b.size.x = (TpData){.rows = x.len, .n = 5};
    x.x[(4 * T + 0) * D + 1] = NAN;
    refused(&b, TP_E_DATA, "row 4 (from 0) of X holds NaN or inf");
    job_free(&b);
    side_free(&x);
    side_free(&y);
}

static void nan_names_the_place(void **state) {
    (void)state;
    Side x = side_make(16, 80, T, true);
    Job b;
    job_make(&b, &x, &x, true, 8);
    x.len[70] = 5;
    for (int p = 0; p < 5; p++)
        for (int c = 0; c < D; c++) x.x[(70 * T + p) * D + c] = p == 4 && c == 0 ? 1e-200 : 0;
    refused(&b, TP_E_DATA, "row 70 (from 0) of X at position 4 is too small");
    for (int p = 0; p < 5; p++) {
        x.a[70 * T + p] = p < 3 ? 1 : 1.7e308; /* the sum overflows at the fifth */
        x.x[(70 * T + p) * D] = 1;
    }
    refused(&b, TP_E_NUMBER, "the sum at net.tp:3:7 of sample 70 of X at position 4 is infinite");
    b.net.array[P_SUM].finite = NULL;
    for (int p = 0; p < 5; p++) x.x[(70 * T + p) * D] = 1e10;
    refused(&b, TP_E_NUMBER, "the NTK of samples 70 and");
    refused(&b, TP_E_NUMBER, " at positions 3 and ");
    refused(&b, TP_E_NUMBER, "in sample 70 of X, at position 4 a number of that sample alone is "
                             "infinite");
    job_free(&b);
    side_free(&x);
}

/* What a float32 kernel is given: x over sqrt d, a column over d, the numbers of A, the class. */
static void single_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    const float *x = f->xarray[P_POINT], *a = f->yarray[P_A], *class = f->yarray[P_CLASS];
    const float *column = f->xarray[P_SUM];
    float *nngp = f->row[P_NNGP], *ntk = f->row[P_NTK];
    for (int64_t j = 0; j < n; j++) {
        nngp[j] = x[tp_place((T - 1) * D + 1, T * D, i)] + column[tp_place(3, T, i)];
        ntk[j] = a[tp_place(T - 2, T, j0 + j)] + 10 * class[j0 + j];
    }
}

static void float32_arrays(void **state) {
    (void)state;
    enum { K = 70, L = 3 };
    Side x = side_make(18, K, T, false), y = side_make(19, L, T, false);
    Job b;
    static float nngp[K * L], ntk[K * L];
    job_make(&b, &x, &y, false, 16);
    memcpy(y.x + 2 * T * D, x.x + 66 * T * D, T * D * 8);
    memcpy(y.a + 2 * T, x.a + 66 * T, T * 8);
    b.net.k.dtype = TP_F32;
    b.net.array[P_SUM] = (TpArray){.name = "column", .stage = TP_STAGE_SAMPLE, .class = TP_INPUT,
                                   .input = TP_IN_COLUMN, .column = {2, NULL, 0},
                                   .extent = &b.net.aff[P_T], .naxis = 1};
    b.net.k.sample_fn = NULL;
    b.net.k.pair_fn = single_pair;
    b.job.out[0].data = nngp;
    b.job.out[1].data = ntk;
    job_run(&b);
    for (int i = 0; i < K; i++)
        for (int j = 0; j < L; j++) {
            int class = j == 2 ? 66 : K + j;
            float a = (float)y.a[j * T + T - 2] + 10 * (float)class;
            float p = (float)(x.x[(i * T + T - 1) * D + 1] / sqrt(D));
            assert_true(nngp[i * L + j] == p + (float)(x.x[(i * T + 3) * D + 2] / D));
            assert_true(ntk[i * L + j] == a);
        }
    x.x[5] = 1e30;
    refused(&b, TP_E_DATA, "row 0 (from 0) of X at position 1 is too large: the square of its "
                           "length leaves float32's range");
    job_free(&b);
    side_free(&x);
    side_free(&y);
}

static void memory_is_stated(void **state) {
    (void)state;
    Side x = side_make(17, 5, T, false);
    Job b;
    TpReport r;
    TpError e;
    char text[1000];
    job_make(&b, &x, &x, true, 8);
    if (!tp_run(&b.job, &r, &e)) fail_msg("%s", e.text);
    tp_report_text(text, sizeof text, &b.job, &r);
    assert_non_null(strstr(text, "result (5, 5, 7, 7), tiles of 64, 1 thread, memory "));
    assert_true(r.scratch >= T * T * 8 * 8 && r.scratch < 1 << 20);
    b.job.memory = 1000;
    refused(&b, TP_E_MEMORY, " each, results ");
    b.job.memory = 0;
    assert_false(tp_table_fits(&r.shape));
    assert_true(tp_table_fits(&(TpShape){4, {2, 2, 7, 7}}));
    tp_table(text, sizeof text, b.out[0], TP_F64, &(TpShape){4, {1, 2, 2, 1}});
    assert_non_null(strstr(text, "[0, 1]\n"));
    job_free(&b);
    side_free(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_size),
        cmocka_unit_test(few_samples),
        cmocka_unit_test(shapes_may_differ),
        cmocka_unit_test(ragged_samples),
        cmocka_unit_test(mirrored_ragged),
        cmocka_unit_test(result_in_a_file),
        cmocka_unit_test(diagonal_is_replaced),
        cmocka_unit_test(wrong_shapes),
        cmocka_unit_test(sizes_are_solved),
        cmocka_unit_test(wrong_sizes),
        cmocka_unit_test(nan_names_the_place),
        cmocka_unit_test(float32_arrays),
        cmocka_unit_test(memory_is_stated),
    };
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}

/* Scalar code, measured sizes, texts. */
#include "fixture.h"
#include "kernel_relu.h"
#include "values.h"
#include <math.h>

static double code(const TpCodeIns *ins, int n) {
    const double real[] = {2.5, -3};
    const int64_t size[] = {7};
    const TpCode c = {ins, n};
    return rt_code_value(&c, real, size);
}

static double apply(TpCodeOp op, double a, double b) {
    const TpCodeIns one[] = {{TPC_NUM, 0, a}, {op, 0, 0}},
                    two[] = {{TPC_NUM, 0, a}, {TPC_NUM, 0, b}, {op, 0, 0}};
    double x = code(one, 2);
    return isnan(x) ? code(two, 3) : x;
}

static void code_computes(void **state) {
    (void)state;
    static const struct {
        TpCodeOp op;
        double a, b, value;
    } row[] = {
        {TPC_ADD, 2, 3, 5},    {TPC_SUB, 2, 3, -1},  {TPC_MUL, 2, 3, 6},   {TPC_DIV, 3, 2, 1.5},
        {TPC_POW, 2, 10, 1024}, {TPC_NEG, 2, 0, -2}, {TPC_EXP, 0, 0, 1},   {TPC_LOG, 1, 0, 0},
        {TPC_SQRT, 9, 0, 3},   {TPC_SIN, 0, 0, 0},   {TPC_COS, 0, 0, 1},   {TPC_TANH, 0, 0, 0},
        {TPC_ERF, 0, 0, 0},    {TPC_PHI, 0, 0, 0.5}, {TPC_ABS, -4, 0, 4},  {TPC_SIGN, -4, 0, -1},
        {TPC_SIGN, 0, 0, 0},   {TPC_STEP, 0, 0, 0},  {TPC_STEP, 2, 0, 1},  {TPC_MAX, 2, 3, 3},
        {TPC_MIN, 2, 3, 2},    {TPC_GT, 2, 2, 0},    {TPC_GE, 2, 2, 1},    {TPC_EQ, 2, 2, 1},
        {TPC_AND, 1, 0, 0},    {TPC_OR, 1, 0, 1},    {TPC_NOT, 0, 0, 1},   {TPC_NOT, 5, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_true(apply(row[i].op, row[i].a, row[i].b) == row[i].value);
    const TpCodeIns choose[] = {
        {TPC_REAL, 1, 0}, {TPC_SIZE, 0, 0}, {TPC_REAL, 0, 0}, {TPC_IF, 0, 0}};
    assert_true(code(choose, 4) == 7);
    assert_true(isnan(code(choose, 3)));
    assert_true(isnan(code(choose + 3, 1)));
}

static void extents_are_affine(void **state) {
    (void)state;
    const TpAffTerm term = {0, 2};
    const TpAff axis[] = {{3, &term, 1}, {-20, &term, 1}, {INT64_C(1) << 62, NULL, 0}};
    const int64_t size[] = {5};
    TpArray a = {.extent = axis, .naxis = 2};
    assert_int_equal(rt_array_elements(&a, size), 13); /* an empty axis counts as one */
    a.naxis = 3;
    assert_true(rt_array_elements(&a, size) == INT64_MAX);
}

/* A series whose length is the largest self Gram, rounded up. */
static void series_length(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    (void)i, (void)j0;
    for (int64_t k = 0; k < n; k++) ((double *)f->row[A_NNGP])[k] = (double)f->size[1];
}
static void series_fill(const TpFrame *f, int64_t s0, int64_t s1) {
    double *v = f->xarray[A_Q];
    for (int64_t l = 0; l < f->size[1]; l++)
        for (int64_t s = s0; s < s1; s++) v[tp_place(l, f->size[1], s)] = 1;
}

static void sizes_are_measured(void **state) {
    (void)state;
    static const TpAffTerm term = {1, 1};
    static const TpAff axis = {0, &term, 1};
    TpSize size[] = {relu_size[0], {.name = "terms", .kind = TP_SIZE_MEASURED,
                                     .array = A_SELF, .cap = 40}};
    TpArray array[A_COUNT];
    TpKernel k;
    relu_only(&k, array, 0);
    array[A_Q].stage = TP_STAGE_SERIES;
    array[A_Q].extent = &axis;
    k.size = size;
    k.sample_fn = NULL;
    k.series_fn = series_fill;
    k.pair_fn = series_length;
    double x[3] = {1, -2.5, 5.25}, y[1] = {6}, out[9];
    TpJob job = {.kernel = &k, .x = {.rows = x, .n = 3, .d = 1}, .out = {{.data = out}}};
    TpError e;
    assert_true(tp_run(&job, NULL, &e));
    assert_true(out[0] == 28);
    job.y = (TpData){.rows = y, .n = 1, .d = 1};
    assert_true(tp_run(&job, NULL, &e));
    assert_true(out[0] == 36);
    y[0] = 7;
    assert_false(tp_run(&job, NULL, &e));
    assert_text(&e, TP_E_NUMBER,
                "terms: sample 0 of Y needs 49 terms, but there are coefficients for 40");
}

static void sizes_in_bytes(void **state) {
    (void)state;
    int64_t b;
    assert_true(tp_parse_bytes("4096", &b) && b == 4096);
    assert_true(tp_parse_bytes("512M", &b) && b == 512 << 20);
    assert_true(tp_parse_bytes("1.5GiB", &b) && b == INT64_C(3) << 29);
    assert_true(tp_parse_bytes("2kB", &b) && b == 2048);
    static const char *const bad[] = {"",       "G", "-1G",  "1X",        "1Gb",
                                      "1.2.3G", "0", "1e30", "99999999T", "4 G"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(tp_parse_bytes(bad[i], &b));
}

static void texts(void **state) {
    (void)state;
    char s[200];
    static const struct {
        double seconds;
        const char *text;
    } times[] = {{0.25, "0.25 s"},
                 {42, "42 s"},
                 {61, "1 min 01 s"},
                 {7500, "2 h 05 min"},
                 {-1, "unknown time"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        tp_duration_text(s, sizeof s, times[i].seconds);
        assert_string_equal(s, times[i].text);
    }
    tp_bytes_text(s, sizeof s, 1.5 * 1024 * 1024 * 1024);
    assert_string_equal(s, "1.5 GiB");
    tp_bytes_text(s, sizeof s, 1010.0 * 1024);
    assert_string_equal(s, "1010 KiB");
    tp_progress_text(s, sizeof s, 0.5, 80);
    assert_string_equal(s, "\r[###############               ]  50 %, 1 min 20 s left\033[K");
    tp_output_path(s, sizeof s, "dir/K.npy", 1);
    assert_string_equal(s, "dir/K.ntk.npy");
    tp_output_path(s, sizeof s, "K", 0);
    assert_string_equal(s, "K.nngp.npy");
    assert_int_equal(tp_parse_kernels("ntk,nngp"), 3);
    assert_int_equal(tp_parse_kernels("ntk,"), 0);
    const double v[] = {1, -2.5, 1e-20, 4};
    size_t n = tp_table(s, sizeof s, v, TP_F64, &(TpShape){2, {2, 2}});
    assert_int_equal(n, strlen(s));
    assert_string_equal(s,
                        "                1             -2.5\n            1e-20                4\n");
    assert_int_equal(tp_table(NULL, 0, v, TP_F64, &(TpShape){2, {2, 2}}), n);
}

static void settings_without_data(void **state) {
    (void)state;
    TpError e;
    const char *set = "depth=4";
    assert_true(tp_check_settings(&relu_kernel, &set, 1, &e));
    set = "depth=4.5";
    assert_false(tp_check_settings(&relu_kernel, &set, 1, &e));
    TpReal real[3] = {relu_real[0], relu_real[1], relu_real[2]};
    TpKernel k = relu_kernel;
    k.real = real;
    real[R_B].value.n = 0;
    assert_false(tp_check_settings(&k, NULL, 0, &e));
    assert_text(&e, TP_E_SETTING, "hyperparameter `bias` has no default: set bias=VALUE");
    char text[400];
    rt_settings_text(text, sizeof text, &k);
    assert_string_equal(text, "  w = 2\n  bias (must be set)\n  depth = 3, a whole number\n"
                              "  readout = 1.0, fixed\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_computes),   cmocka_unit_test(extents_are_affine),
        cmocka_unit_test(sizes_are_measured), cmocka_unit_test(sizes_in_bytes),
        cmocka_unit_test(texts),           cmocka_unit_test(settings_without_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The interpreter against values by hand, in both precisions. */
#include "kt.h"

static Ctx c;
static const int64_t no_size[] = {0};
static const double no_real[] = {0};

static int fresh(void **state) {
    (void)state;
    c = kt_ctx();
    return 0;
}

static int done(void **state) {
    (void)state;
    arena_free(c.a);
    return 0;
}

/* Value in lane j of the one output. */
static double output(const KtRun *r, int64_t j) {
    for (uint32_t x = 1; x < r->k->array.len; x++)
        if (r->k->array.data[x].class == KA_output) return kt_get(r, r->row[x], j);
    fail_msg("no output");
    return 0;
}

static double eval(const char *dtype, const char *code) {
    static const char form[] = "kernel t %s nngp\narray out pair output nngp\npair {\n%s }";
    const char *text = arena_printf(c.a, form, dtype, code);
    Kernel *k = kt_parse(&c, text);
    KtRun r = kt_begin(&c, k, no_size, no_real);
    kt_run(&c, &r, 0);
    assert_int_equal(r.faults, 0);
    for (int64_t j = 1; j < KT_SAMPLES; j++) {
        double a = output(&r, 0), b = output(&r, j);
        assert_memory_equal(&a, &b, sizeof a);
    }
    return output(&r, 0);
}

static double eval2(const char *dtype, const char *op, const char *a, const char *b) {
    return eval(dtype, arena_printf(c.a, "%%0 = num %s %%1 = num %s %%2 = %s %%0, %%1 "
                                         "store out, %%2", a, b, op));
}

static double eval1(const char *dtype, const char *op, const char *a) {
    return eval(dtype, arena_printf(c.a, "%%0 = num %s %%1 = %s %%0 store out, %%1", a, op));
}

static void arithmetic(void **state) {
    (void)state;
    assert_true(eval2("f64", "add", "0.1", "0.2") == 0.1 + 0.2);
    assert_true(eval2("f32", "add", "0.1", "0.2") == (double)(0.1f + 0.2f));
    assert_true(eval2("f64", "sub", "1", "0.9") == 1 - 0.9);
    assert_true(eval2("f64", "mul", "0.1", "3") == 0.1 * 3);
    assert_true(eval2("f32", "div", "1", "3") == (double)(1.0f / 3.0f));
    assert_true(eval1("f64", "sqrt", "2") == sqrt(2));
    assert_true(eval1("f32", "sqrt", "2") == (double)sqrtf(2));
    assert_true(isnan(eval1("f64", "sqrt", "-1")));
    assert_true(eval1("f64", "neg", "2") == -2);
    assert_true(eval1("f64", "abs", "-2") == 2);
    const char *fma_code = "%0 = num 0x1.0000001p+0 %1 = num -0x1.0000002p+0 "
                           "%2 = fma %0, %0, %1 store out, %2";
    assert_true(eval("f64", fma_code) == 0x1p-56); /* rounded twice it would be 0 */
}

static void comparisons(void **state) {
    (void)state;
    assert_true(signbit(eval2("f64", "min", "0", "-0")));  /* a < b fails: b */
    assert_false(signbit(eval2("f64", "min", "-0", "0")));
    assert_true(eval2("f64", "min", "nan", "1") == 1);
    assert_true(isnan(eval2("f64", "min", "1", "nan")));
    assert_true(eval2("f64", "max", "1", "2") == 2);
    assert_true(eval2("f64", "max", "nan", "1") == 1);
    static const struct {
        const char *mask;
        double want;
    } t[] = {{"%3 = lt %0, %1 %4 = not %3 %5 = not %4", 1},
             {"%3 = lt %1, %0 %4 = not %3 %5 = not %4", 0},
             {"%3 = le %0, %0 %4 = le %0, %1 %5 = and %3, %4", 1},
             {"%3 = eq %0, %1 %4 = eq %2, %2 %5 = or %3, %4", 0},
             {"%3 = lt %2, %0 %4 = lt %0, %2 %5 = or %3, %4", 0},
             {"%3 = lt %0, %1 %4 = lt %1, %0 %5 = and %3, %4", 0},
             {"%3 = lt %1, %0 %4 = lt %0, %1 %5 = or %3, %4", 1}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const char *code = arena_printf(c.a, "%%0 = num 1 %%1 = num 2 %%2 = num nan %s "
                                             "%%6 = num 1 %%7 = num 0 %%8 = select %%5, %%6, %%7 "
                                             "store out, %%8", t[i].mask);
        assert_true(eval("f64", code) == t[i].want);
    }
}

static void bits(void **state) {
    (void)state;
    assert_true(eval2("f64", "copysign", "3", "-0") == -3);
    assert_true(eval1("f64", "rint", "2.5") == 2 && eval1("f64", "rint", "-3.5") == -4);
    assert_true(eval1("f32", "rint", "0.5") == 0);
    static const int e[] = {0, 1, -1, 52, -1022, 1023};
    for (size_t i = 0; i < sizeof e / sizeof *e; i++)
        assert_true(eval1("f64", "pow2", arena_printf(c.a, "%d", e[i])) == ldexp(1, e[i]));
    assert_true(eval1("f32", "pow2", "-126") == 0x1p-126);
    assert_true(eval1("f32", "pow2", "127") == 0x1p127);
    assert_true(eval1("f64", "exponent", "-12") == 3 && eval1("f64", "mantissa", "-12") == -1.5);
    assert_true(eval1("f64", "exponent", "0x1p-1022") == -1022);
    assert_true(eval1("f32", "exponent", "0.3") == -2);
    assert_true(eval1("f32", "mantissa", "0.3") == (double)(0.3f * 4));
}

static void sources_of_values(void **state) {
    (void)state;
    Kernel *k = kt_parse(&c, "kernel t f64 nngp\nsize n hyper\nreal r hyper\ntable t = 5, 7\n"
                             "array w const [i in -1..n]\narray out pair output nngp\n"
                             "const { for i in -1..n { %0 = index 2*i-n store w[i], %0 } }\n"
                             "pair { if n>=3 { %0 = load w[n-1] %1 = real r %2 = table t[1]\n"
                             "%3 = add %0, %1 %4 = add %3, %2 store out, %4 } }");
    KtRun r = kt_begin(&c, k, (int64_t[]){4}, (double[]){0.5});
    kt_run(&c, &r, 3);
    assert_true(output(&r, 9) == 2 + 0.5 + 7);
    assert_true(kt_get(&r, r.carray[1], 0) == -6); /* w[-1] lies first */
    assert_int_equal(r.faults, 0);
}

/* A ring of 2 as a Fibonacci sequence, upwards and in lanes. */
static const char fibonacci[] =
    "kernel t f64 nngp\ninput x\nsize n hyper least 2\n"
    "array g sample input gram 0 0\narray u pair input unit 0 0\n"
    "array F pair [l in 0..n ring %d]\narray out pair output nngp\n"
    "pair { %%0 = load g@x %%1 = load g@y store F[0], %%0 store F[1], %%1\n"
    "for l in 2..n { %%2 = load F[l-1] %%3 = load F[l-2] %%4 = add %%2, %%3 store F[l], %%4 }\n"
    "%%5 = load F[n-1] %%6 = load u %%7 = add %%5, %%6 store out, %%7 }";

static void lanes_and_rings(void **state) {
    (void)state;
    Kernel *k = kt_parse(&c, arena_printf(c.a, fibonacci, 2));
    KtRun r = kt_begin(&c, k, (int64_t[]){7}, no_real);
    kt_run(&c, &r, 5);
    assert_int_equal(r.faults, 0);
    for (int64_t j = 0; j < KT_SAMPLES; j++) {
        double x = kt_data(TP_IN_GRAM, 5), y = kt_data(TP_IN_GRAM, j);
        double a = x, b = y;
        for (int l = 2; l < 7; l++) {
            double s = b + a;
            a = b;
            b = s;
        }
        assert_true(output(&r, j) == b + kt_data(TP_IN_UNIT + 7, j));
    }
}

static void overwritten_slices_are_reported(void **state) {
    (void)state;
    Kernel *k = kt_parse(&c, arena_printf(c.a, fibonacci, 1));
    KtRun r = kt_begin(&c, k, (int64_t[]){7}, no_real);
    kt_run(&c, &r, 0);
    assert_int_equal(r.faults, 5); /* F[l - 2], once in each turn */
    k = kt_parse(&c, "kernel t f64 nngp\narray a pair\narray out pair output nngp\n"
                     "pair { %0 = load a store out, %0 }");
    r = kt_begin(&c, k, no_size, no_real);
    kt_run(&c, &r, 0);
    assert_int_equal(r.faults, 1); /* never written */
}

static void loops_and_branches(void **state) {
    (void)state;
    static const struct {
        const char *loop;
        int64_t n;
        double want; /* digits in the order of the turns */
    } t[] = {
        {"for l in 0..n", 4, 123}, {"for l in 0..n down", 4, 3210}, {"for l in 2..n", 2, 0},
        {"for l in 3..n", 1, 0},   {"for l in 3..n down", 1, 0},    {"for l in n-1..n", 6, 5},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const char *body = "{ %1 = load a %2 = num 10 %3 = index l\n"
                           "%4 = fma %1, %2, %3 store a, %4 }";
        const char *text = arena_printf(
            c.a, "kernel t f64 nngp\nsize n hyper\narray a pair\narray out pair output nngp\n"
                 "pair { %%0 = num 0 store a, %%0 %s %s %%5 = load a store out, %%5 }",
            t[i].loop, body);
        KtRun r = kt_begin(&c, kt_parse(&c, text), &t[i].n, no_real);
        kt_run(&c, &r, 0);
        assert_true(output(&r, 0) == t[i].want);
    }
    for (int64_t n = 0; n < 6; n++) {
        const char *text = "kernel t f64 nngp\nsize n hyper\narray out pair output nngp\n"
                           "pair { if not(n>=1 & n<3) & n!=4 { %0 = num 1 store out, %0 }\n"
                           "else { if n=4 { %1 = num 2 store out, %1 } } }";
        KtRun r = kt_begin(&c, kt_parse(&c, text), &n, no_real);
        kt_run(&c, &r, 0);
        assert_true(output(&r, 0) == (n == 4 ? 2 : n == 0 || n >= 3));
    }
}

/* Sample arrays over an axis, read from both sides; the series stage after them. */
static void stages(void **state) {
    (void)state;
    Kernel *k = kt_parse(&c, "kernel t f64 nngp\ninput x\nsize n hyper\nsize m measured s\n"
                             "array g sample input gram 0 0\narray s sample\n"
                             "array S sample [l in 0..n]\narray H series [l in 0..m]\n"
                             "array out pair output nngp\n"
                             "sample { %0 = load g@x store s, %0 for l in 0..n {\n"
                             "%1 = index l %2 = add %1, %0 store S[l], %2 } }\n"
                             "series { for l in 0..m { %0 = load s@x store H[l], %0 } }\n"
                             "pair { if n>=2 & m>=1 { %0 = load S@x[n-1] %1 = load S@y[n-2]\n"
                             "%2 = load H@y[m-1] %3 = sub %0, %1 %4 = add %3, %2\n"
                             "store out, %4 } }");
    KtRun r = kt_begin(&c, k, (int64_t[]){5, 2}, no_real);
    kt_run(&c, &r, 11);
    assert_int_equal(r.faults, 0);
    for (int64_t j = 0; j < KT_SAMPLES; j++) {
        double x = kt_data(TP_IN_GRAM, 11), y = kt_data(TP_IN_GRAM, j);
        assert_true(output(&r, j) == (4 + x) - (3 + y) + y);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(arithmetic, fresh, done),
        cmocka_unit_test_setup_teardown(comparisons, fresh, done),
        cmocka_unit_test_setup_teardown(bits, fresh, done),
        cmocka_unit_test_setup_teardown(sources_of_values, fresh, done),
        cmocka_unit_test_setup_teardown(lanes_and_rings, fresh, done),
        cmocka_unit_test_setup_teardown(overwritten_slices_are_reported, fresh, done),
        cmocka_unit_test_setup_teardown(loops_and_branches, fresh, done),
        cmocka_unit_test_setup_teardown(stages, fresh, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

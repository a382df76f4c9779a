/* One normal form for many writings; formulas. */
#include "support.h"
#include <math.h>

static void same(const char *const *writings) {
    Bench b = bench_new();
    const char *first = bench_normal(&b, writings[0]);
    for (; *writings; writings++) {
        const char *s = bench_normal(&b, *writings);
        if (strcmp(s, first)) fail_msg("`%s` is %s, not %s", *writings, s, first);
    }
    bench_free(&b);
}

static void one_form(void **state) {
    (void)state;
    same((const char *[]){"max(u0, 0)", "if u0 > 0 then u0 else 0", "if u0 >= 0 then u0 else 0",
                          "(u0 + abs(u0)) / 2", "u0 * step(u0)", "-min(-u0, 0)",
                          "u0 * (1 + sign(u0)) / 2", "max(3 * u0, 0) / 3",
                          "if 0 > u0 then 0 else u0", "max(u0, 0 * u0)",
                          "if not (u0 > 0) then 0 else u0", "u0 - min(u0, 0)", NULL});
    same((const char *[]){"u0 * Phi(u0)", "u0 * (1 + erf(u0 / sqrt(2))) / 2", "u0 - u0 * Phi(-u0)",
                          "0.5 * u0 * (1 + erf(u0 / 2^0.5))", "u0 / 2 + u0 * erf(u0 / sqrt(2)) / 2",
                          NULL});
    same((const char *[]){"max(min(u0, 1), -1)", "min(max(u0, -1), 1)",
                          "if u0 > 1 then 1 else if -1 > u0 then -1 else u0",
                          "(abs(u0 + 1) - abs(u0 - 1)) / 2", "max(u0 + 1, 0) - max(u0 - 1, 0) - 1",
                          "if abs(u0) > 1 then sign(u0) else u0", NULL});
    same((const char *[]){"max(u0, 0)^2", "if u0 > 0 then u0^2 else 0", "u0^2 * step(u0)",
                          "u0 * max(u0, 0)", "(u0^2 + u0 * abs(u0)) / 2", NULL});
    same((const char *[]){"exp(-abs(u0))", "if u0 > 0 then exp(-u0) else exp(u0)", NULL});
    same((const char *[]){"sin(u0)^2", "(1 - cos(2 * u0)) / 2", "1 - cos(u0)^2", NULL});
    same((const char *[]){"if u0 > 0 then u0 else exp(u0) - 1", "max(u0, 0) + exp(min(u0, 0)) - 1",
                          "u0 - min(u0, 0) + exp(min(u0, 0)) - 1", NULL});
    same((const char *[]){"step((u0 - 1) * (u0 - 2))", "1 - step(u0 - 1) + step(u0 - 2)",
                          "if 1 > u0 or u0 > 2 then 1 else 0", NULL});
    same((const char *[]){"exp(-u0^2)", "exp(-u0 * u0)", "exp(-u0^2 / 2)^2", NULL});
}

static void widening(void **state) {
    (void)state;
    Bench b = bench_new();
    assert_string_equal(bench_normal(&b, "u0 * (1/2 + tanh(u0 / 2) / 2) * u1"),
                        "(1) u1 {u0 * (0.5 + tanh(u0 / 2) / 2)}");
    assert_string_equal(bench_normal(&b, "max(u0 - u1, 0)"),
                        "(-1) u1 [u0 + -1 u1 > 0]  +  (1) u0 [u0 + -1 u1 > 0]");
    bench_free(&b);
}

static void check_formula(Bench *b, const char *text, const char *want, bool deriv) {
    Fx x = bench_fx(b, text);
    if (deriv) x = fx_diff(b->fx, x, 0);
    Pair p = bench_pair(b, x, x, false, true);
    assert_int_equal(p.e->method, GM_closed);
    assert_string_equal(p.e->text, want);
}

static void formulas(void **state) {
    (void)state;
    Bench b = bench_new();
    check_formula(&b, "max(u0, 0)", "sqrt(q0) sqrt(q1) fan(1, 1, 0, 1)", false);
    check_formula(&b, "erf(u0)", "2 asin(2 k01/(sqrt(1 + 2 q0) sqrt(1 + 2 q1)))/pi", false);
    check_formula(&b, "erf(u0)", "4/(pi sqrt(1 + 2 q0 + 2 q1 + 4 D01))", true);
    check_formula(&b, "u0^3", "9 q0 q1 k01 + 6 k01^3", false);
    check_formula(&b, "exp(u0)", "exp(q0/2 + q1/2 + k01)", false);
    Pair p = bench_single(&b, bench_fx(&b, "tanh(u0)"), 0, true);
    assert_int_equal(p.e->method, GM_quadrature);
    assert_int_equal(p.e->dims, 1);
    p = bench_single(&b, bench_fx(&b, "erf"), 0, true);
    assert_true(p.e->zero); /* odd */
    p = bench_single(&b, bench_fx(&b, "erf"), 0, true);
    p.q.distributional = true;
    assert_false(gauss_plan(&b.c, &p.q)->zero);
    bench_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_form), cmocka_unit_test(widening),
                                       cmocka_unit_test(formulas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Expressions: exact constants, derivatives against differences, text both ways. */
#include "base/buf.h"
#include "program/fx.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

typedef struct World {
    Arena *a;
    Intern *syms;
    FxPool *p;
} World;

static int setup(void **state) {
    World *w = calloc(1, sizeof *w);
    w->a = arena_new(0, NULL, NULL);
    w->syms = intern_new(w->a);
    w->p = fxpool_new(w->a, affctx_new(w->a, w->syms));
    *state = w;
    return 0;
}

static int teardown(void **state) {
    World *w = *state;
    arena_free(w->a);
    free(w);
    return 0;
}

static Fx parse(World *w, const char *s) {
    Fx f = fx_parse(w->p, w->syms, &s);
    return *s ? 0 : f;
}

static const char *text(World *w, Fx f) {
    Buf b = buf_new(w->a);
    fx_print(w->p, w->syms, &b, f);
    return buf_text(&b);
}

static void check_text(World *w, const char *in, const char *out) {
    Fx f = parse(w, in);
    assert_true(f);
    assert_string_equal(text(w, f), out);
    assert_int_equal(parse(w, out), f);
}

static void test_numbers(void **state) {
    World *w = *state;
    FxPool *p = w->p;
    const FxNode *n = fx_node(p, fx_decimal(p, "0.01", 4));
    assert_int_equal(n->p, 1);
    assert_int_equal(n->q, 100);
    assert_true(n->num == 0.01);
    assert_int_equal(fx_decimal(p, "1e-2", 4), fx_rat(p, 1, 100));
    assert_int_equal(fx_decimal(p, "2.5E+1", 6), fx_rat(p, 25, 1));
    assert_int_equal(fx_num(p, 0.375), fx_rat(p, 3, 8));
    assert_int_equal(fx_node(p, fx_num(p, 0.1))->q, 0);
    assert_int_equal(fx_node(p, fx_decimal(p, "3.14159265358979323846", 22))->q, 0);
    assert_true(fx_node(p, fx_decimal(p, "1e400", 5))->num == INFINITY);
    assert_int_equal(fx_div(p, fx_rat(p, 1, 3), fx_rat(p, -2, 5)), fx_rat(p, -5, 6));
    assert_int_equal(parse(w, "1/3 + 1/6"), fx_rat(p, 1, 2));
    assert_int_equal(parse(w, "(2/3)^-2"), fx_rat(p, 9, 4));
    assert_int_equal(parse(w, "sqrt(4/9)"), fx_rat(p, 2, 3));
    assert_int_equal(fx_node(p, parse(w, "sqrt(2)"))->op, FX_sqrt);
    assert_int_equal(fx_node(p, parse(w, "1/0"))->op, FX_div);
}

static void test_neutral(void **state) {
    World *w = *state;
    Fx u = fx_leaf(w->p, 0);
    assert_int_equal(parse(w, "u0 + 0"), u);
    assert_int_equal(parse(w, "1 * u0 / 1"), u);
    assert_int_equal(parse(w, "u0^1 - 0"), u);
    assert_true(fx_is_zero(w->p, parse(w, "0 * u0")));
    assert_int_equal(parse(w, "--u0"), u);
    assert_int_equal(parse(w, "if 2 > 1 then u0 else u1"), u);
    assert_int_equal(parse(w, "max(u0, u0)"), u);
    Fx more = parse(w, "u0 > 1");
    assert_int_equal(parse(w, "u0 > 1 or 0"), more);
    assert_int_equal(parse(w, "1 and u0 > 1"), more);
    assert_true(fx_is_num(w->p, parse(w, "u0 > 1 or 3"), 1));
    assert_true(fx_is_zero(w->p, parse(w, "0 and u0 > 1")));
    check_text(w, "u0 and 1", "u0 and 1"); /* u0 is not 0 or 1 */
}

static void test_print(void **state) {
    World *w = *state;
    check_text(w, "max(u0,0)", "max(u0, 0)");
    check_text(w, "-u0^2", "-u0^2");
    check_text(w, "(-u0)^2", "(-u0)^2");
    check_text(w, "u0 - (u1 - u2) - 1", "u0 - (u1 - u2) - 1");
    check_text(w, "u0 / (u1 * u2)", "u0 / (u1 * u2)");
    check_text(w, "u0*(1/3)", "u0 * (1/3)");
    check_text(w, "0.5 * u0", "0.5 * u0");
    check_text(w, "u0 ^ (2 ^ u1)", "u0^2^u1");
    check_text(w, "(u0^2)^u1", "(u0^2)^u1");
    check_text(w, "if u0 > 0 and not u1 >= 2 then u0 else (if u1 == 0 then 1 else 2)",
               "if u0 > 0 and not u1 >= 2 then u0 else if u1 == 0 then 1 else 2");
    check_text(w, "2 * (if u0 > 0 then 1 else 3)", "2 * (if u0 > 0 then 1 else 3)");
    check_text(w, "gain^2 / dim(0) + th0 * [2*l - 1]", "gain^2 / dim(0) + th0 * [2*l-1]");
    check_text(w, "hyper(u0) + hyper(max) + $3[l + 1, 0]", "hyper(u0) + hyper(max) + $3[l+1, 0]");
    check_text(w, "0x1.999999999999ap-4 * u0", "0x1.999999999999ap-4 * u0");
    check_text(w, "\xcf\x83_w * Phi(u0)", "\xcf\x83_w * Phi(u0)");
}

static void test_bad(void **state) {
    World *w = *state;
    const char *bad[] = {"", "u0 +", "max(u0)", "(u0", "if u0 then 1", "u0 u1", "[l", "$",
                         "1 > 2 > 3", "dim(x)", "and", "then"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(parse(w, bad[i]));
    char deep[5000];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_false(parse(w, deep));
}

static double at(World *w, Fx f, double u0, double u1, double th0) {
    double leaf[] = {u0, u1}, theta[] = {th0};
    return fx_eval(w->p, f, &(FxEnv){.leaf = leaf, .theta = theta});
}

static void test_diff(void **state) {
    World *w = *state;
    const char *smooth[] = {
        "u0 * Phi(u0)", "exp(-u0^2) * sin(u1)", "tanh(u0 * u1) / (2 + cos(u0))", "erf(u0 + u1)^3",
        "log(1 + exp(u0))", "sqrt(1 + u0^2)", "abs(u0) * u1", "max(u0, u1) - min(u0, 2 * u1)",
        "if u0 > u1 then u0^2 else u0 * u1", "(1 + u0^2)^u1", "u0^th0", "sign(u0) + step(u1)",
        "(2 + sin(u1))^(u0 * th0)", "-u0 / u1", "if u0 >= 0 and u1 > 0 then u0 else exp(u0)"};
    for (size_t i = 0; i < sizeof smooth / sizeof *smooth; i++) {
        Fx f = parse(w, smooth[i]);
        for (uint32_t k = 0; k < 2; k++) {
            Fx d = fx_diff(w->p, f, k);
            double u[] = {0.7, 0.4}, h = 1e-6;
            double hi = at(w, f, u[0] + (k == 0 ? h : 0), u[1] + (k == 1 ? h : 0), 1.5);
            double lo = at(w, f, u[0] - (k == 0 ? h : 0), u[1] - (k == 1 ? h : 0), 1.5);
            /* central difference: h^2 f''' / 6 + eps / h */
            assert_true(fabs(at(w, d, u[0], u[1], 1.5) - (hi - lo) / (2 * h)) < 1e-8);
        }
    }
}

/* The language's table of ties: the derivative takes the `else` branch. */
static void test_ties(void **state) {
    World *w = *state;
    struct {
        const char *f;
        double value, slope;
    } row[] = {{"max(u0, 0)", 0, 0},      {"max(0, u0)", 0, 1},
               {"min(u0, 0)", 0, 0},      {"min(0, u0)", 0, 1},
               {"abs(u0)", 0, 0},         {"sign(u0)", 0, 0},
               {"step(u0)", 0, 0},        {"if u0 > 0 then u0 else 3 * u0", 0, 3},
               {"if u0 >= 0 then u0 else 3 * u0", 0, 3}, {"if 0 >= u0 then u0 else 3 * u0", 0, 3},
               {"if not u0 > 0 then u0 else 3 * u0", 0, 3},
               {"if u0 == 0 then 2 else 3 * u0", 2, 3},
               {"if not u0 == 0 then u0 else 3 * u0", 0, 3},
               {"if u0 >= 0 or u0 > 1 then u0 + 1 else 3 * u0", 1, 3}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Fx f = parse(w, row[i].f);
        assert_true(at(w, f, 0, 0, 0) == row[i].value);
        assert_true(at(w, fx_diff(w->p, f, 0), 0, 0, 0) == row[i].slope);
    }
}

static Fx to_two(void *ctx, Sym name) {
    World *w = ctx;
    return name == intern(w->syms, "gain") ? fx_rat(w->p, 2, 1) : 0;
}

static void test_rebuild(void **state) {
    World *w = *state;
    Fx f = parse(w, "gain * u0 + th0 * u1 + rate * [l]");
    Fx leaf[] = {parse(w, "u1^2")}, theta[] = {parse(w, "[l+1]")};
    assert_string_equal(text(w, fx_map(w->p, f, leaf, 1, theta, 1)),
                        "gain * u1^2 + [l+1] * u1 + rate * [l]");
    assert_int_equal(fx_nleaf(w->p, f), 2);
    assert_int_equal(fx_ntheta(w->p, f), 1);
    assert_true(fx_has(w->p, f, FX_index));
    assert_string_equal(text(w, fx_hypers(w->p, f, to_two, w)),
                        "2 * u0 + th0 * u1 + rate * [l]");
    AffSubst m = {intern(w->syms, "l"), aff_const(3)};
    assert_string_equal(text(w, fx_subst(w->p, f, &m, 1)), "gain * u0 + th0 * u1 + rate * 3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_neutral, setup, teardown),
        cmocka_unit_test_setup_teardown(test_print, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_diff, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ties, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rebuild, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

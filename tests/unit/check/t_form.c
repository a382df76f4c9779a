/* Normal forms: equal expressions are one form, whose values are those of the expression; parity;
 * derivatives against differences. */
#include "../program/common.h"
#include "check/form.h"

typedef struct Bench {
    Ctx c;
    FxPool *fx;
    FormPool *f;
} Bench;

static Bench bench(void) {
    Bench b = {.c = ctx_new()};
    b.fx = fxpool_new(b.c.a, affctx_new(b.c.a, b.c.syms));
    b.f = formpool_new(&b.c, b.fx);
    return b;
}

static Form leaf(void *ctx, uint32_t k) { return form_leaf(((Bench *)ctx)->f, k); }

/* Scalars are worth 0.7. */
static Form scalar(void *ctx, Fx x) { return form_sym_fx(((Bench *)ctx)->f, x, 0.7); }

static Fx parse(Bench *b, const char *text) {
    const char *s = text;
    Fx f = fx_parse(b->fx, b->c.syms, &s);
    if (!f || *s) fail_msg("%s: at %s", text, s);
    return f;
}

static Form form(Bench *b, const char *text) {
    FormEnv env = {leaf, scalar, b};
    return form_from_fx(b->f, parse(b, text), &env);
}

static const char *const same[][2] = {
    {"Phi(u0)", "1 - Phi(-u0)"},
    {"max(u0, 0) + max(-u0, 0)", "abs(u0)"},
    {"max(u0, u1)", "u0 + u1 - min(u1, u0)"},
    {"if u0 > 0 then u0 else 0", "max(u0, 0)"},
    {"if u0 > u1 then u0 else u1", "max(u0, u1)"},
    {"step(u0)^3", "step(u0)"},
    {"u0 * sign(u0)", "abs(u0)"},
    {"abs(u0) * sign(u0)", "u0"},
    {"sign(2 * u0)", "sign(u0)"},
    {"1 / (1 + exp(-u0))", "(1 + tanh(u0 / 2)) / 2"},
    {"exp(-u0) / (1 + exp(-u0))^2", "(1 - tanh(u0 / 2)^2) / 4"},
    {"exp(u0) * exp(-u0)", "1"},
    {"exp(u0)^2", "exp(2 * u0)"},
    {"(u0 + u1)^2 - (u0 - u1)^2", "4 * u0 * u1"},
    {"u0 / sqrt(2)", "sqrt(2) * u0 / 2"},
    {"sqrt(8)", "2 * sqrt(2)"},
    {"tanh(-u0)", "-tanh(u0)"},
    {"cos(u0 - u1)", "cos(u1 - u0)"},
    {"sqrt(mu + 1)^2", "mu + 1"},
    {"mu / sqrt(mu)", "sqrt(mu)"},
    {"0.1 + 0.2", "0.3"},
    {"abs(max(u0, 0))", "max(u0, 0)"},
    {"sign(max(u0, 0))", "step(u0)"},
    {"sign(-max(-u0, 0))", "step(u0) - 1"},
    {"max(3 * max(u0, 0), 0)", "3 * max(u0, 0)"},
    {"max(min(u0, 0), 0)", "0"},
    {"abs(mu * max(u0, 0))", "abs(mu) * max(u0, 0)"},
};

static void test_same(void **state) {
    (void)state;
    Bench b = bench();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        Form x = form(&b, same[i][0]), y = form(&b, same[i][1]);
        if (!x || x != y) print_error("%s is not %s\n", same[i][0], same[i][1]);
        assert_true(x && x == y);
    }
    arena_free(b.c.a);
}

static const char *const smooth[] = {
    "u0 * Phi(u0)", "tanh(u0 * u1) * u1", "exp(-u0^2) * sin(u1)", "erf(u0 + mu * u1)^3",
    "1 / (1 + exp(-u0))", "log(2 + cos(u0))", "max(u0, u1) * u0", "abs(u0) * cos(u1)",
    "if u0 > 0 then u0 else exp(u0) - 1", "(u0^2 + 1)^(1 / 2) / (u1^2 + 2)",
    "exp(-u0) / (1 + exp(-u0))^2", "u0^5 - 3 * u0 * u1^2",
};

static Fx fx_leaf_of(void *ctx, uint32_t k) { return fx_leaf(((Bench *)ctx)->fx, k); }

static double hyper(void *ctx, Sym name) {
    (void)ctx;
    (void)name;
    return 0.7;
}

static double at(Bench *b, Fx f, double x, double y) {
    double u[2] = {x, y};
    return fx_eval(b->fx, f, &(FxEnv){.leaf = u, .hyper = hyper});
}

static void test_values(void **state) {
    (void)state;
    Bench b = bench();
    for (size_t i = 0; i < sizeof smooth / sizeof *smooth; i++) {
        Fx f = parse(&b, smooth[i]);
        Form g = form(&b, smooth[i]);
        Fx back = form_to_fx(b.f, g, fx_leaf_of, &b);
        for (uint32_t k = 0; k < 2; k++) {
            Fx slope = form_to_fx(b.f, form_diff(b.f, g, k), fx_leaf_of, &b);
            for (int j = 0; j < 4; j++) {
                double x = 0.83 - 0.57 * j, y = -0.41 + 0.39 * j, h = 1e-6;
                double v = at(&b, f, x, y), w = at(&b, back, x, y);
                double up = at(&b, f, x + h * !k, y + h * k);
                double down = at(&b, f, x - h * !k, y - h * k);
                double d = (up - down) / (2 * h), e = at(&b, slope, x, y);
                if (fabs(v - w) > 1e-12 || fabs(d - e) > 1e-7)
                    print_error("%s at %g, %g: %g, %g; %g, %g\n", smooth[i], x, y, v, w, d, e);
                assert_true(fabs(v - w) <= 1e-12 && fabs(d - e) <= 1e-7);
            }
        }
    }
    arena_free(b.c.a);
}

typedef struct ParityRow {
    const char *text;
    Parity want; /* u0 odd, u1 even, u2 without parity, u3 zero */
} ParityRow;

static const ParityRow parity_row[] = {
    {"u0", PAR_odd},
    {"u0^2", PAR_even},
    {"u0 * u1", PAR_odd},
    {"u0 * tanh(u0)", PAR_even},
    {"u0 + u1", PAR_none},
    {"u0 + u3", PAR_odd},
    {"u2 * u3", PAR_zero},
    {"tanh(u3)", PAR_zero},
    {"cos(u3)", PAR_even},
    {"u2", PAR_none},
    {"cos(u0) * erf(u0)", PAR_odd},
    {"Phi(u0)", PAR_none},
    {"Phi(u0) - 1 / 2", PAR_odd},
    {"max(u0, 0)", PAR_none},
    {"max(u0, 0) - max(-u0, 0)", PAR_odd},
    {"exp(u0) - exp(-u0)", PAR_odd},
    {"exp(u0) + exp(-u0)", PAR_even},
    {"exp(u0) + exp(-2 * u0)", PAR_none},
    {"1 / u0", PAR_odd},
    {"log(1 + u0^2)", PAR_even},
    {"sqrt(u1)", PAR_even},
    {"if u0 > 0 then 1 else -1", PAR_odd},
    {"exp(-u0) / (1 + exp(-u0))^2", PAR_even},
    {"u0 * exp(u1)", PAR_odd},
};

static Parity parity_of_leaf(void *ctx, uint32_t k) {
    static const Parity p[] = {PAR_odd, PAR_even, PAR_none, PAR_zero};
    (void)ctx;
    return p[k];
}

static void test_parity(void **state) {
    (void)state;
    Bench b = bench();
    for (size_t i = 0; i < sizeof parity_row / sizeof *parity_row; i++) {
        Parity p = form_parity_deep(b.f, form(&b, parity_row[i].text), parity_of_leaf, NULL);
        if (p != parity_row[i].want) print_error("%s: %d\n", parity_row[i].text, p);
        assert_int_equal(p, parity_row[i].want);
    }
    arena_free(b.c.a);
}

/* Distributional derivatives at a break. */
static void test_break(void **state) {
    (void)state;
    Bench b = bench();
    Form relu = form(&b, "max(u0, 0)"), delta = form_fn(b.f, FF_delta, form_leaf(b.f, 0));
    Form once = form_diff(b.f, relu, 0);
    assert_int_equal(once, form(&b, "step(u0)"));
    assert_int_equal(form_diff(b.f, once, 0), delta);
    /* the slope of elu has no jump: (exp(x) - 1) times delta is 0 */
    Form elu = form_diff(b.f, form(&b, "if u0 > 0 then u0 else exp(u0) - 1"), 0);
    assert_int_equal(form_diff(b.f, elu, 0), form(&b, "exp(u0) * (1 - step(u0))"));
    assert_int_equal(form_mul(b.f, delta, form(&b, "cos(u0) * u1")),
                     form_mul(b.f, delta, form(&b, "u1")));
    assert_int_equal(form_mul(b.f, delta, form(&b, "sin(u0)")), FORM_ZERO);
    arena_free(b.c.a);
}

/* What is too large is no form; so is everything made of it. */
static void test_limits(void **state) {
    (void)state;
    Bench b = bench();
    Form x = form(&b, "u0 + u1 + u2 + u3 + 1"), y = x;
    for (int i = 0; i < 40 && y; i++) y = form_mul(b.f, y, x);
    assert_int_equal(y, 0);
    assert_int_equal(form_add(b.f, y, x), 0);
    Form big = form_rat(b.f, INT64_MAX / 3, 1);
    assert_int_equal(form_mul(b.f, big, big), 0);
    assert_true(form_vanishes(b.f, form(&b, "1 / (mu + 1) + mu / (mu + 1) - 1")));
    assert_false(form_vanishes(b.f, form(&b, "1 / (mu + 1) + mu / (mu + 2) - 1")));
    arena_free(b.c.a);
}

static Form twice(void *ctx, uint32_t k) {
    return form_scale(((Bench *)ctx)->f, form_leaf(((Bench *)ctx)->f, k), 2, 1);
}

/* Work that ends anywhere ends in no form, not in a crash. */
static void test_budget(void **state) {
    (void)state;
    static const char *const text[] = {
        "max(u0, 0) * tanh(u0 + u1 / 3)^2 - 1 / sqrt(mu + 1 / 4)",
        "(u0 * exp(-u0^2 / 2) + Phi(2 * u0)) * (u1 + mu)^3",
        "(if u0 > u1 then u0 else cos(u1)) * abs(u0 - u1) * sign(2 * u1)",
        "(mu / 10 + mu^2 / 4)^-2 * u0^2 * exp(-u0^2 / (mu + 1) / 8)",
        "u0^-100 / (u0^2 + 1)^70",
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        for (uint64_t work = 1, done = 0; !done; work++) {
            Bench b = bench();
            Fx x = parse(&b, text[i]);
            formpool_budget(b.f, work);
            FormEnv env = {leaf, scalar, &b};
            Form f = form_from_fx(b.f, x, &env), d = form_diff(b.f, f, 0);
            Form all = form_mul(b.f, f, form_subst(b.f, form_mul(b.f, d, d), twice, &b));
            done = (all && formpool_work(b.f) <= work) || work > 5000;
            arena_free(b.c.a);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),   cmocka_unit_test(test_values), cmocka_unit_test(test_parity),
        cmocka_unit_test(test_break),  cmocka_unit_test(test_limits), cmocka_unit_test(test_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

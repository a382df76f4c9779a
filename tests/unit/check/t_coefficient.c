/* Corrections: proofs that they are 0, with twins where they are not; their numbers against closed
 * forms; verdicts for some sizes alone. */
#include "../program/common.h"
#include "check/check.h"

typedef struct Row {
    const char *name, *body; /* of a network over the declarations below */
    Rung rung;
    double value; /* of the first correction that is not 0; NaN: any */
    const char *sizes;
} Row;

static const char head[] =
    "fn square(x) = x^2\n"
    "fn logistic(x) = 1 / (1 + exp(-x))\n"
    "fn soft(x) = log(1 + exp(x))\n"
    "fn elu(x) = if x > 0 then x else exp(x) - 1\n"
    "layer norm(x: vector, eps = 0) {\n"
    "    m = moment(x)\n"
    "    return (x - m) / sqrt(moment((x - m)^2) + eps)\n"
    "}\n"
    "network f(x: input, mu = 1, zero = 0, depth: int = 2) {\n"
    "    param U: matrix ~ N(0, 1 / fan_in)\n"
    "    param W: matrix ~ N(0, 2 / fan_in)\n"
    "    param b: vector ~ N(0, 1)\n"
    "    param v: vector ~ N(0, 3)\n"
    "    random one: vector ~ N(1, 0)\n"
    "    g = U * x\n";

#define EXACT RUNG_gia_exact
#define FAILS RUNG_gia_fails
#define SQRT_2PI 2.5066282746310002

static const Row row[] = {
    /* an odd function of what is centred */
    {"tanh", "h = W * tanh(g)\n return one' * tanh(h) / sqrt(n)", EXACT, NAN, NULL},
    {"tanh, not centred", "h = W * tanh(g) + mu\n return one' * tanh(h) / sqrt(n)", FAILS, NAN,
     NULL},
    {"tanh, a bias", "h = W * tanh(g) + b\n return one' * tanh(h) / sqrt(n)", EXACT, NAN, NULL},
    {"logistic", "h = W * tanh(g)\n return one' * logistic(h) / sqrt(n)", EXACT, NAN, NULL},
    {"logistic by its derivative", "h = W * logistic(g)\n return one' * logistic(h) / sqrt(n)",
     EXACT, NAN, NULL},
    {"silu", "h = W * tanh(g)\n k = h * logistic(h)\n return one' * k / sqrt(n)", FAILS, NAN, NULL},
    {"softplus", "h = W * tanh(g)\n return one' * soft(h) / sqrt(n)", FAILS, NAN, NULL},
    /* the distributional derivative: E relu'' is the density at 0, of h of variance 2 E relu^2 */
    {"relu", "h = W * relu(g)\n return one' * relu(h) / sqrt(n)", FAILS, 2 / SQRT_2PI, NULL},
    {"relu, a bias", "h = W * relu(g) + b\n return one' * relu(h) / sqrt(n)", FAILS,
     2 / (SQRT_2PI * M_SQRT2), NULL},
    {"abs", "h = W * relu(g)\n return one' * abs(h) / sqrt(n)", FAILS, 4 / SQRT_2PI, NULL},
    {"elu has no jump in its slope", "h = W * relu(g)\n return one' * elu(h) / sqrt(n)", FAILS,
     /* 2 E[exp(h); h < 0] = 2 exp(1 / 2) Phi(-1), h ~ N(0, 1) */
     2 * 1.6487212707001282 * 0.15865525393145707, NULL},
    {"square", "h = W * relu(g)\n return one' * square(h) / sqrt(n)", FAILS, 4, NULL},
    {"gelu",  /* E gelu'' = E (2 - h^2) phi(h), h ~ N(0, 2 E tanh^2) .. here of variance 2 */
     "h = W * g\n return one' * (h * Phi(h)) / sqrt(n)", FAILS,
     2 * (2 - 2.0 / 3) / (SQRT_2PI * 1.7320508075688772), NULL},
    /* a density times what is left given h = 0: E cos(b) = exp(-1/2); sin and cos of h drop out at
     * variance 2 */
    {"delta with a correlated function",
     "h = W * g\n return one' * (relu(h) * cos(h + b)) / sqrt(n)", FAILS,
     -2 * 0.60653065971263342 / (SQRT_2PI * M_SQRT2), NULL},
    /* parity in two vectors together */
    {"inside, gelu", "h = W * tanh(g) + v\n return v' * (h * Phi(h)) / sqrt(n)", EXACT, NAN, NULL},
    {"inside, tanh", "h = W * tanh(g) + v\n return v' * tanh(h) / sqrt(n)", FAILS, NAN, NULL},
    {"inside, cube", /* E[v 6 h] = 6 * 3, times 2 */
     "h = W * g + v\n return v' * (h * h * h) / sqrt(n)", FAILS, 36, NULL},
    /* a polynomial factor of mean 0, in rational arithmetic */
    {"polynomial", "h = W * g\n r = v^2 - 3\n return r' * relu(h) / sqrt(n)", EXACT, NAN, NULL},
    {"polynomial, not", "h = W * g\n r = v^2 - 2\n return r' * relu(h) / sqrt(n)", FAILS, NAN,
     NULL},
    {"polynomial of degree 4", "h = W * g\n r = v^4 - 9 * v^2\n return r' * relu(h) / sqrt(n)",
     EXACT, NAN, NULL},
    /* cancellation of expectations: scale invariance of the norm */
    {"norm", "h = W * relu(norm(g))\n return one' * relu(norm(h)) / sqrt(n)", EXACT, NAN, NULL},
    {"norm of eps", "h = W * relu(norm(g))\n return one' * relu(norm(h, eps = 1)) / sqrt(n)", FAILS,
     NAN, NULL},
    {"norm of eps by value", "h = W * relu(norm(g))\n return one' * relu(norm(h, zero)) / sqrt(n)",
     EXACT, NAN, NULL},
    {"norm in a loop",
     "h = g\n repeat depth { h = dense(relu(norm(h))) }\n return one' * relu(norm(h)) / sqrt(n)",
     EXACT, NAN, "depth = 2"},
    /* forward pass */
    {"tied", "return v' * (W' * tanh(W * g)) / sqrt(n)", FAILS, NAN, NULL},
    {"tied, linear", "return v' * (W' * (W * g)) / sqrt(n)", FAILS, 2, NULL},
    {"tied, even", "return v' * (W' * square(W * g)) / sqrt(n)", EXACT, NAN, NULL},
    {"tied, even, and gradients through it", "return v' * tanh(W' * square(W * g)) / sqrt(n)",
     EXACT, NAN, NULL},
    {"an earlier one makes it", "y = W' * tanh(W * g)\n return one' * square(W * y) / sqrt(n)",
     FAILS, NAN, NULL},
    /* loops */
    {"a loop, for all sizes",
     "h = dense(tanh(g))\n repeat depth { h = dense(tanh(h)) }\n return one' * tanh(h) / sqrt(n)",
     EXACT, NAN, NULL},
    {"a residual loop, for all sizes",
     "h = dense(tanh(g))\n repeat depth { h = h + dense(tanh(h)) }\n"
     " return one' * tanh(h) / sqrt(n)",
     EXACT, NAN, NULL},
    {"a shared matrix, for all sizes",
     "h = g\n repeat depth { h = W * tanh(h) + g }\n return one' * tanh(h) / sqrt(n)", EXACT, NAN,
     NULL},
    {"dropout", "noise m: vector ~ bernoulli(1 / 2)\n h = W * (m * relu(g))\n"
                " return one' * (m * relu(h)) / sqrt(n)", FAILS, M_SQRT2 / SQRT_2PI, NULL},
    {"normal noise", "noise m: vector ~ N(0, 1)\n h = W * relu(g)\n"
                     " return one' * (m * relu(h)) / sqrt(n)", EXACT, NAN, NULL},
};

static void test_rows(void **state) {
    (void)state;
    bool bad = false;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Ctx c = ctx_new();
        Verdict v;
        const Row *r = &row[i];
        Program *p = elaborate_text(&c, arena_printf(c.a, "%s    %s\n}\n", head, r->body));
        if (!p) print_error("%s: %s", r->name, messages(&c));
        assert_non_null(p);
        assert_true(check_program(&c, p, NULL, &v));
        double got = v.reason.len ? vec_last(&v.reason).value : (double)NAN;
        const char *sizes = v.sizes ? v.sizes : "", *want = r->sizes ? r->sizes : "";
        bool same = v.rung == r->rung && !strcmp(sizes, want) &&
                    (isnan(r->value) || fabs(got - r->value) <= 1e-9 * fabs(r->value));
        if (!same)
            print_error("%s: %s for %s, %.12g (expected %.12g) %s\n", r->name, rung_text(v.rung),
                        sizes, got, r->value, v.reason.len ? vec_last(&v.reason).formula : "");
        bad |= !same;
        arena_free(c.a);
    }
    assert_false(bad);
}

static Verdict verdict_of(Ctx *c, const char *body, const CheckProbe *probe) {
    Verdict v;
    Program *p = elaborate_text(c, arena_printf(c->a, "%s    %s\n}\n", head, body));
    assert_non_null(p);
    assert_true(check_program(c, p, probe, &v));
    return v;
}

/* gia-exact by the value of a hyperparameter says so. */
static void test_condition(void **state) {
    (void)state;
    Ctx c = ctx_new();
    const char *by_value = "h = W * relu(norm(g))\n return one' * relu(norm(h, zero)) / sqrt(n)";
    Verdict v = verdict_of(&c, by_value, NULL);
    assert_string_equal(v.condition, "zero == 0");
    v = verdict_of(&c, "h = W * tanh(g) + zero\n return one' * tanh(h) / sqrt(n)", NULL);
    assert_int_equal(v.rung, RUNG_gia_exact);
    assert_string_equal(v.condition, "zero == 0");
    v = verdict_of(&c, "h = W * tanh(g)\n return one' * (mu * tanh(h)) / sqrt(n)", NULL);
    assert_null(v.condition);
    arena_free(c.a);
}

static double gram(void *ctx, uint32_t in1, const int64_t *p1, uint32_t in2, const int64_t *p2) {
    (void)in1, (void)in2, (void)p1, (void)p2;
    return *(double *)ctx;
}

/* The witness: matrix, both uses, the chain between them, the number of corrections. */
static void test_witness(void **state) {
    (void)state;
    Ctx c = ctx_new();
    double q = 8;
    CheckProbe probe = {.gram = gram, .ctx = &q};
    const char *twice = "h = W * relu(g)\n k = W * relu(h)\n return one' * relu(k) / sqrt(n)";
    Verdict v = verdict_of(&c, twice, &probe);
    const CheckReason *r = &vec_last(&v.reason);
    assert_int_equal(r->clause, CLAUSE_coefficient);
    assert_string_equal(r->subject, "W");
    assert_true(r->use[0].file && r->use[1].file);
    assert_true(fabs(r->value - 2 / (SQRT_2PI * sqrt(8))) < 1e-9);
    assert_true(r->chain.len >= 3);
    assert_string_equal(r->chain.data[r->chain.len - 1].name, "k");
    assert_int_equal(r->nonzero, 2);
    assert_int_equal(r->of, 2);
    assert_string_equal(v.reason.data[0].subject, "one");
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_condition),
        cmocka_unit_test(test_witness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

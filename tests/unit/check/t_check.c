/* The two upper rungs on programs of the source language: every clause of the Simple GIA Check and
 * of BP-like (2006.14548, definition A.3) with a program that just passes and one that just
 * fails. */
#include "../program/common.h"
#include "check/check.h"

typedef struct Row {
    const char *name, *body; /* of a network over the declarations below */
    Rung rung;
    Readout readout;
    const char *condition; /* NULL: none */
    const char *reason;    /* condition of the first reason, NULL: none */
} Row;

static const char head[] =
    "network f(x: input, mu = 0, tau = 1) {\n"
    "    param U: matrix ~ N(0, 1 / fan_in)\n"
    "    param W: matrix ~ N(0, 1 / fan_in)\n"
    "    param v: vector ~ N(0, 1)\n"
    "    h = W * relu(U * x)\n";

#define SIMPLE RUNG_simple_gia
#define BP RUNG_bp_like
#define EXACT RUNG_gia_exact
#define FAILS RUNG_gia_fails
#define INDEP READOUT_independent
#define MEAN READOUT_mean
#define INTERIOR READOUT_interior

static const Row row[] = {
    /* Simple GIA Check: sampled with mean zero */
    {"mean zero", "return v' * relu(h) / sqrt(n)", SIMPLE, INDEP, NULL, NULL},
    {"mean zero, not", "param w: vector ~ N(1, 1)\n return w' * relu(h) / sqrt(n)", FAILS, MEAN,
     NULL, "readout-mean"},
    {"mean zero by value", "param w: vector ~ N(mu, 1)\n return w' * relu(h) / sqrt(n)", SIMPLE,
     INDEP, "mu == 0", NULL},
    {"mean zero by value, not", "param w: vector ~ N(tau, 1)\n return w' * relu(h) / sqrt(n)",
     FAILS, MEAN, NULL, "readout-mean"},
    {"mean zero by two values",
     "param w: vector ~ N(mu * tau, 1)\n return w' * relu(h) / sqrt(n)", SIMPLE, INDEP, "mu == 0",
     NULL},
    {"mean zero by a difference",
     "param w: vector ~ N(tau - 1, 1)\n return w' * relu(h) / sqrt(n)", SIMPLE, INDEP,
     "tau - 1 == 0", NULL},
    {"constant vector", "random one: vector ~ N(1, 0)\n return one' * relu(h) / sqrt(n)", FAILS,
     MEAN, NULL, "readout-mean"},
    {"moment", "return moment(relu(h))", FAILS, MEAN, NULL, "readout-mean"},
    /* .. independently of the rest, and used nowhere else */
    {"bias", "param c: scalar ~ N(0, 1)\n return v' * h / sqrt(n) + c", SIMPLE, INDEP, NULL, NULL},
    {"two readouts", "param w: vector ~ N(0, 1)\n return (v' * h - w' * relu(h)) / sqrt(n)", SIMPLE,
     INDEP, NULL, NULL},
    {"sum of parameters", "param w: vector ~ N(0, 1)\n u = v + w\n return u' * h / sqrt(n)", SIMPLE,
     INDEP, NULL, NULL},
    {"zero-initialised", "param w: vector ~ N(0, 0) lr 1\n return w' * h / sqrt(n)", SIMPLE, INDEP,
     NULL, NULL},
    {"used nowhere else, not", "return v' * relu(h + v) / sqrt(n)", EXACT, INTERIOR, NULL,
     "readout-interior"},
    {"used nowhere else by value", "return v' * relu(h + mu * v) / sqrt(n)", SIMPLE, INDEP,
     "mu == 0", NULL},
    {"used nowhere else, far", "g = W * relu(h + v)\n return v' * relu(g) / sqrt(n)", EXACT,
     INTERIOR, NULL, "readout-interior"},
    {"one readout in the other's vector",
     "param w: vector ~ N(0, 1)\n return (v' * (h + w) + w' * h) / sqrt(n)", BP, INTERIOR,
     NULL, "readout-interior"},
    {"mean and interior", "param w: vector ~ N(1, 1)\n return w' * tanh(h + w) / sqrt(n)", FAILS,
     INTERIOR, NULL, "readout-interior"},
    {"column of another matrix",
     "param V: matrix ~ N(0, 1 / fan_in)\n r = V * basis(0)\n return r' * h / sqrt(n)", SIMPLE,
     INDEP, NULL, NULL},
    {"column of the embedding", "r = U * basis(0)\n return r' * relu(h) / sqrt(n)", EXACT, INTERIOR,
     NULL, "readout-interior"},
    {"by a scalar", "return v' * (h + moment(v * v)) / sqrt(n)", BP, INTERIOR, NULL,
     "readout-interior"},
    {"in a loop", "repeat 3 { h = dense(relu(h)) }\n return v' * h / sqrt(n)", SIMPLE, INDEP, NULL,
     NULL},
    {"in a loop, interior", "repeat 3 { h = dense(relu(h)) + v }\n return v' * relu(h) / sqrt(n)",
     EXACT, INTERIOR, NULL, "readout-interior"},
    {"one for each layer",
     "param w: vector[3] ~ N(0, 1)\n"
     " for l in 0..3 { h = dense(relu(h)) ; y[l] = h }\n"
     " return (sum(l in 0..3) w[l]' * y[l]) / sqrt(n)",
     SIMPLE, INDEP, NULL, NULL},
    /* .. no matrix in both orientations */
    {"one orientation", "param V: matrix ~ N(0, 1 / fan_in)\n return v' * (V' * tanh(h)) / sqrt(n)",
     SIMPLE, INDEP, NULL, NULL},
    {"one orientation, not", "return v' * (W' * tanh(h)) / sqrt(n)", FAILS, INDEP, NULL,
     "both-orientations"},
    /* BP-like (1): W' only where z is odd */
    {"odd", "r = tanh(v)\n return r' * relu(h) / sqrt(n)", BP, MEAN, NULL, "readout-mean"},
    {"odd, not", "r = relu(v)\n return r' * relu(h) / sqrt(n)", FAILS, MEAN, NULL, "readout-mean"},
    {"product of odd and even", "r = v * cos(v)\n return r' * relu(h) / sqrt(n)", BP, MEAN, NULL,
     "readout-mean"},
    {"product of odds", "r = v * tanh(v)\n return r' * relu(h) / sqrt(n)", FAILS, MEAN, NULL,
     "readout-mean"},
    {"odd by cancellation", "r = exp(v) - exp(-v)\n return r' * relu(h) / sqrt(n)", BP, MEAN, NULL,
     "readout-mean"},
    {"odd by cancellation, not", "r = exp(v) - exp(-2 * v)\n return r' * relu(h) / sqrt(n)", FAILS,
     MEAN, NULL, "readout-mean"},
    {"odd by Phi", "r = Phi(v) - 1 / 2\n return r' * relu(h) / sqrt(n)", BP, MEAN, NULL,
     "readout-mean"},
    {"odd by the logistic function",
     "r = 1 / (1 + exp(-v)) - 1 / 2\n return r' * relu(h) / sqrt(n)", BP, MEAN, NULL,
     "readout-mean"},
    {"a moment of an odd vector", "r = v * (1 + moment(v))\n return r' * relu(h) / sqrt(n)", BP,
     MEAN, NULL, "readout-mean"},
    {"a moment of an odd vector added", "r = v + moment(v * v * v)\n return r' * relu(h) / sqrt(n)",
     BP, MEAN, NULL, "readout-mean"},
    {"a moment of an even vector added", "r = v + moment(v * v)\n return r' * relu(h) / sqrt(n)",
     FAILS, MEAN, NULL, "readout-mean"},
    /* (2): W only where z does not contain v */
    {"does not contain", "return v' * (h + v) / sqrt(n)", BP, INTERIOR, NULL, "readout-interior"},
    {"contains", "g = W * relu(U * x + v)\n r = tanh(v)\n return r' * relu(g) / sqrt(n)", EXACT,
     INTERIOR, NULL, "readout-interior"},
    {"contains by a moment that is 0",
     "g = W * (relu(U * x) + moment(v))\n r = tanh(v)\n return r' * relu(g) / sqrt(n)", BP,
     INTERIOR, NULL, "readout-interior"},
    {"contains by a moment",
     "g = W * (relu(U * x) + moment(v * v))\n r = tanh(v)\n return r' * relu(g) / sqrt(n)", EXACT,
     INTERIOR, NULL, "readout-interior"},
    /* (3): mean zero */
    {"special vector of mean zero by value",
     "param w: vector ~ N(mu, 1)\n r = tanh(w)\n return r' * relu(h) / sqrt(n)", BP, MEAN,
     "mu == 0", "readout-mean"},
    {"special vector of mean zero, not",
     "param w: vector ~ N(tau, 1)\n r = tanh(w)\n return r' * relu(h) / sqrt(n)", FAILS, MEAN, NULL,
     "readout-mean"},
    /* the search */
    {"two special vectors",
     "param w: vector ~ N(0, 1)\n r = tanh(v)\n s = tanh(w)\n"
     " return (r' * relu(h) + s' * relu(h)) / sqrt(n)",
     BP, MEAN, NULL, "readout-mean"},
    {"three special vectors",
     "param w: vector ~ N(0, 1)\n param u: vector ~ N(0, 1)\n r = tanh(v + w)\n s = tanh(w + u)\n"
     " return (r' * relu(h) + s' * relu(h)) / sqrt(n)",
     BP, MEAN, NULL, "readout-mean"},
    {"the embedding is special, W' is forward",
     "g = W * (U * x)\n random one: vector ~ N(1, 0)\n return one' * g / sqrt(n)", BP, MEAN, NULL,
     "readout-mean"},
    {"no matrix in both orientations",
     "random one: vector ~ N(1, 0)\n return one' * relu(U * x) / sqrt(n)", BP, MEAN, NULL,
     "readout-mean"},
};

static const char *clause_of(const Verdict *v) {
    return v->reason.len ? clause_name(v->reason.data[0].clause) : "";
}

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
        const char *condition = v.condition ? v.condition : "";
        const char *want = r->condition ? r->condition : "";
        bool same = v.rung == r->rung && v.readout == r->readout && !strcmp(condition, want) &&
                    !strcmp(clause_of(&v), r->reason ? r->reason : "");
        if (!same)
            print_error("%s: %s, %s, while %s, %s\n", r->name, rung_text(v.rung),
                        readout_text(v.readout), condition, clause_of(&v));
        bad |= !same;
        for (uint32_t k = 0; k < v.reason.len && v.reason.data[k].clause <= CLAUSE_contains; k++)
            assert_true(v.reason.data[k].use[0].file);
        arena_free(c.a);
    }
    assert_false(bad);
}

static bool runnable(const char *body, unsigned kernels, bool assume, uint32_t *code) {
    Ctx c = ctx_new();
    Program *p = elaborate_text(&c, arena_printf(c.a, "%s    %s\n}\n", head, body));
    bool ok = check_runnable(&c, p, kernels, assume);
    *code = 0;
    for (uint32_t k = 400; k < 403; k++)
        if (diags_has(c.ds, k)) *code = *code * 1000 + k;
    arena_free(c.a);
    return ok;
}

/* The forward form of the NTK: simple-gia, or bp-like with the readout among the special
 * vectors. */
static void test_runnable(void **state) {
    (void)state;
    uint32_t code;
    const char *fresh = "return v' * h / sqrt(n)", *mean = "return (v + 1)' * h / sqrt(n)";
    const char *odd = "r = tanh(v)\n return r' * relu(h) / sqrt(n)";
    const char *inside = "return v' * (h + v) / sqrt(n)";
    const char *one = "random one: vector ~ N(1, 0)\n return one' * relu(U * x) / sqrt(n)";
    assert_true(runnable(fresh, 3, false, &code));
    assert_false(runnable(fresh, 3, true, &code));
    assert_int_equal(code, 402);
    assert_false(runnable(mean, 1, false, &code));
    assert_int_equal(code, 401);
    assert_false(runnable(mean, 2, false, &code));
    assert_int_equal(code, 400);
    assert_false(runnable(mean, 3, false, &code));
    assert_int_equal(code, 400401);
    assert_false(runnable(odd, 2, false, &code));
    assert_false(runnable(inside, 2, false, &code));
    assert_false(runnable(one, 2, false, &code));
}

/* What a verdict depends on is checked before each run. */
static void test_conditions(void **state) {
    (void)state;
    Ctx c = ctx_new();
    const char *body = "param w: vector ~ N(mu, 1)\n return w' * relu(h) / sqrt(n)";
    Program *p = elaborate_text(&c, arena_printf(c.a, "%s    %s\n}\n", head, body));
    uint32_t n = p->check.len;
    assert_true(check_runnable(&c, p, 3, false));
    assert_int_equal(p->check.len, n + 1);
    assert_int_equal(p->check.data[n].kind, CHECK_nonneg);
    assert_true(program_value(p, p->check.data[n].value) == 0);
    arena_free(c.a);
}

/* The explain pages of codes that a program can cause. */
static void test_pages(void **state) {
    (void)state;
    for (uint32_t code = 400; code < 402; code++) {
        Ctx c = ctx_new();
        const char *page = diag_page(code);
        Program *wrong = elaborate_text(&c, example(c.a, page, "\n## Wrong\n"));
        Program *right = elaborate_text(&c, example(c.a, page, "\n## Right\n"));
        assert_true(check_runnable(&c, right, 3, false));
        assert_int_equal(diags_count(c.ds), 0);
        assert_false(check_runnable(&c, wrong, code == 400 ? 2 : 1, false));
        assert_true(diags_has(c.ds, code));
        assert_int_equal(diags_count(c.ds), 1);
        arena_free(c.a);
    }
}

static void test_texts(void **state) {
    (void)state;
    Rung r;
    for (int i = RUNG_gia_fails; i <= RUNG_simple_gia; i++) {
        assert_true(rung_parse(rung_text((Rung)i), &r));
        assert_int_equal(r, i);
    }
    assert_false(rung_parse("gia", &r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_runnable),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

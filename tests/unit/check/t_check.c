/* The Simple GIA Check on programs of the source language and on programs written by hand. */
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

static const Row row[] = {
    {"fresh", "return v' * relu(h) / sqrt(n)", RUNG_simple_gia, READOUT_independent, NULL, NULL},
    {"bias", "param c: scalar ~ N(0, 1)\n return v' * h / sqrt(n) + c", RUNG_simple_gia,
     READOUT_independent, NULL, NULL},
    {"two readouts", "param w: vector ~ N(0, 1)\n return (v' * h - w' * relu(h)) / sqrt(n)",
     RUNG_simple_gia, READOUT_independent, NULL, NULL},
    {"sum of parameters", "param w: vector ~ N(0, 1)\n u = v + w\n return u' * h / sqrt(n)",
     RUNG_simple_gia, READOUT_independent, NULL, NULL},
    {"zero-initialised", "param w: vector ~ N(0, 0) lr 1\n return w' * h / sqrt(n)",
     RUNG_simple_gia, READOUT_independent, NULL, NULL},
    {"mean", "param w: vector ~ N(1, 1)\n return w' * h / sqrt(n)", RUNG_unchecked, READOUT_mean,
     NULL, "readout-mean"},
    {"mean of value 0", "param w: vector ~ N(mu, 1)\n return w' * h / sqrt(n)", RUNG_simple_gia,
     READOUT_independent, "mu == 0", NULL},
    {"mean by a value", "param w: vector ~ N(tau, 1)\n return w' * h / sqrt(n)", RUNG_unchecked,
     READOUT_mean, NULL, "readout-mean"},
    {"ones", "random one: vector ~ N(1, 0)\n return one' * h / sqrt(n)", RUNG_unchecked,
     READOUT_mean, NULL, "readout-mean"},
    {"interior", "return v' * relu(h + v) / sqrt(n)", RUNG_unchecked, READOUT_interior, NULL,
     "readout-interior"},
    {"interior, far", "g = W * relu(h + v)\n return v' * g / sqrt(n)", RUNG_unchecked,
     READOUT_interior, NULL, "readout-interior"},
    {"of one readout in the other's vector",
     "param w: vector ~ N(0, 1)\n return (v' * (h + w) + w' * h) / sqrt(n)", RUNG_unchecked,
     READOUT_interior, NULL, "readout-interior"},
    {"mean and interior", "param w: vector ~ N(1, 1)\n return w' * (h + w) / sqrt(n)",
     RUNG_unchecked, READOUT_interior, NULL, "readout-interior"},
    {"a function of a parameter", "r = tanh(v)\n return r' * h / sqrt(n)", RUNG_unchecked,
     READOUT_mean, NULL, "readout-mean"},
    {"column of another matrix",
     "param V: matrix ~ N(0, 1 / fan_in)\n r = V * basis(0)\n return r' * h / sqrt(n)",
     RUNG_simple_gia, READOUT_independent, NULL, NULL},
    {"column of the embedding", "r = U * basis(0)\n return r' * h / sqrt(n)", RUNG_unchecked,
     READOUT_interior, NULL, "readout-interior"},
    {"in a loop",
     "repeat 3 { h = dense(relu(h)) }\n return v' * h / sqrt(n)", RUNG_simple_gia,
     READOUT_independent, NULL, NULL},
    {"in a loop, interior",
     "repeat 3 { h = dense(relu(h)) + v }\n return v' * h / sqrt(n)", RUNG_unchecked,
     READOUT_interior, NULL, "readout-interior"},
    {"one for each layer",
     "param w: vector[3] ~ N(0, 1)\n"
     " for l in 0..3 { h = dense(relu(h)) ; y[l] = h }\n"
     " return (sum(l in 0..3) w[l]' * y[l]) / sqrt(n)",
     RUNG_simple_gia, READOUT_independent, NULL, NULL},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Ctx c = ctx_new();
        Verdict v;
        const Row *r = &row[i];
        Program *p = elaborate_text(&c, arena_printf(c.a, "%s    %s\n}\n", head, r->body));
        if (!p) print_error("%s: %s", r->name, messages(&c));
        assert_non_null(p);
        check_program(&c, p, &v);
        if (v.rung != r->rung || v.readout != r->readout)
            print_error("%s: %s, %s\n", r->name, rung_text(v.rung), readout_text(v.readout));
        assert_int_equal(v.rung, r->rung);
        assert_int_equal(v.readout, r->readout);
        assert_string_equal(v.condition ? v.condition : "", r->condition ? r->condition : "");
        assert_string_equal(v.reason.len ? v.reason.data[0].condition : "",
                            r->reason ? r->reason : "");
        for (uint32_t k = 0; k < v.reason.len; k++) assert_true(v.reason.data[k].use[0].file);
        arena_free(c.a);
    }
}

/* Both orientations of a matrix, which only texts have so far. */
static void test_orientations(void **state) {
    (void)state;
    Ctx c = ctx_new();
    Verdict v;
    Program *p = reread(&c, "program tied\ninput x\n"
                            "input_matrix U: param s2 = 1, lr = 1\n"
                            "matrix W: param s2 = 1, lr = 1\nvector v: param s2 = 1, lr = 1\n"
                            "def x = input 0\ndef a = matmul U * x\ndef b = matmul W * a\n"
                            "def c = nonlin tanh(u0) of b\ndef d = matmul W' * c\n"
                            "def v = param v\ndef f = inner 1 of v, d\nreturn f\n");
    if (!p) print_error("%s", messages(&c));
    assert_non_null(p);
    assert_null(program_verify(&c, p));
    check_program(&c, p, &v);
    assert_int_equal(v.rung, RUNG_unchecked);
    assert_int_equal(v.readout, READOUT_independent);
    assert_string_equal(v.reason.data[0].condition, "both-orientations");
    assert_false(check_runnable(&c, p, 1, false));
    assert_true(diags_has(c.ds, 400));
    arena_free(c.a);
}

static bool runnable(const char *body, unsigned kernels, bool assume, uint32_t *code) {
    Ctx c = ctx_new();
    Program *p = elaborate_text(&c, arena_printf(c.a, "%s    %s\n}\n", head, body));
    bool ok = check_runnable(&c, p, kernels, assume);
    *code = 0;
    for (uint32_t k = 400; k < 420; k++)
        if (diags_has(c.ds, k)) *code = *code * 1000 + k;
    arena_free(c.a);
    return ok;
}

static void test_runnable(void **state) {
    (void)state;
    uint32_t code;
    const char *fresh = "return v' * h / sqrt(n)", *mean = "return (v + 1)' * h / sqrt(n)";
    assert_true(runnable(fresh, 3, false, &code));
    assert_false(runnable(fresh, 3, true, &code));
    assert_int_equal(code, 402);
    assert_false(runnable(mean, 1, false, &code));
    assert_int_equal(code, 401);
    assert_false(runnable(mean, 2, false, &code));
    assert_int_equal(code, 400);
    assert_false(runnable(mean, 3, false, &code));
    assert_int_equal(code, 400401);
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
    assert_non_null(diag_page(402));
}

static void test_rungs(void **state) {
    (void)state;
    Rung r;
    assert_true(rung_parse("simple-gia", &r) && r == RUNG_simple_gia);
    assert_false(rung_parse("simple", &r));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_orientations),
                                       cmocka_unit_test(test_runnable),
                                       cmocka_unit_test(test_pages),
                                       cmocka_unit_test(test_rungs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

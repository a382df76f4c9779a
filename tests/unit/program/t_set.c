/* Settings, choice of the network, values in force. */
#include "common.h"

static const char source[] =
    "fn swishy(x) = x * Phi(2 * x)\n"
    "network f(x: input, depth: int = 3, gain = sqrt(2), bias = gain / 10, act: fn = relu,\n"
    "          p: zero | circular = zero) {\n"
    "    h = dense(x, gain = gain, bias = bias)\n"
    "    repeat depth { h = dense(act(h), gain = gain) }\n"
    "    return readout(if p == zero then h else relu(h))\n"
    "}\n"
    "network g(x: input, k: int = 2, m: int = k + 1) {\n"
    "    param W: matrix[k * m] ~ N(0, 1 / fan_in)\n"
    "    h = relu(dense(x))\n"
    "    return readout(sum(i in 0..k, j in 0..m) W[m * i + j] * h)\n"
    "}\n";

static Program *with(Ctx *c, const char *net, const char *name, const char *value) {
    Setting s = {name, value};
    *c = ctx_new();
    return elaborate(c, load_text(c, source), net, &s, 1);
}

static double value_of(Ctx *c, const Program *p, const char *name) {
    const Hyper *h = program_hyper(p, intern(c->syms, name));
    assert_non_null(h);
    return program_value(p, h->init);
}

static void refused(const char *net, const char *name, const char *value, uint32_t code,
                    const char *words) {
    Ctx c;
    assert_null(with(&c, net, name, value));
    if (!diags_has(c.ds, code)) print_error("%s=%s: %s", name, value, messages(&c));
    assert_true(diags_has(c.ds, code));
    Buf b = buf_new(c.a);
    diags_render(c.ds, (DiagRender){.format = DIAG_HUMAN}, &b);
    if (!strstr(buf_text(&b), words)) print_error("%s", buf_text(&b));
    assert_non_null(strstr(buf_text(&b), words));
    arena_free(c.a);
}

static void test_values(void **state) {
    (void)state;
    Ctx c;
    Program *p = with(&c, "f", "gain", "2 * sqrt(3)");
    assert_non_null(p);
    assert_true(fabs(value_of(&c, p, "gain") - 2 * sqrt(3)) < 1e-15);
    assert_true(fabs(value_of(&c, p, "bias") - 2 * sqrt(3) / 10) < 1e-16);
    assert_true(program_hyper(p, intern(c.syms, "gain"))->given);
    assert_false(program_hyper(p, intern(c.syms, "depth"))->fixed);
    arena_free(c.a);
    p = with(&c, "f", "depth", "10");
    assert_true(value_of(&c, p, "depth") == 10);
    arena_free(c.a);
}

static void test_choices(void **state) {
    (void)state;
    Ctx c;
    Program *p = with(&c, "f", "act", "swishy");
    assert_non_null(strstr(printed(&c, p), "Phi(2 * u0)"));
    assert_string_equal(program_hyper(p, intern(c.syms, "act"))->text, "swishy");
    arena_free(c.a);
    p = with(&c, "f", "act", "deriv(erf)");
    assert_non_null(strstr(printed(&c, p), "exp(-u0^2)"));
    arena_free(c.a);
    p = with(&c, "f", "p", "circular");
    assert_non_null(strstr(printed(&c, p), "max(u0, 0) of h2[depth]"));
    arena_free(c.a);
}

/* An int that multiplies an index is a constant of the program. */
static void test_fixed(void **state) {
    (void)state;
    Ctx c;
    Program *p = with(&c, "g", "m", "5");
    assert_non_null(p);
    assert_true(program_hyper(p, intern(c.syms, "m"))->fixed);
    assert_true(program_hyper(p, intern(c.syms, "k"))->fixed);
    assert_non_null(strstr(printed(&c, p), "[5*i+j]"));
    arena_free(c.a);
}

static void test_refused(void **state) {
    (void)state;
    refused("f", "detph", "3", 203, "is `depth` meant?");
    refused("f", "detph", "3", 203, "`depth`, `gain`, `bias`, `act`, `p`");
    refused("f", "depth", "2.5", 204, "an integer");
    refused("f", "depth", "gain", 202, "gain");
    refused("f", "gain", "1 / 0", 258, "zero");
    refused("f", "gain", "log(0)", 204, "finite");
    refused("f", "gain", "relu", 204, "finite number");
    refused("f", "gain", "n", 204, "finite number");
    refused("f", "act", "3", 204, "a function");
    refused("f", "act", "reul", 202, "reul");
    refused("f", "act", "dense", 266, "dense");
    refused("f", "p", "same", 204, "`zero`, `circular`");
    refused("h", "depth", "3", 201, "`f`, `g`");
}

static void test_twice(void **state) {
    (void)state;
    Ctx c = ctx_new();
    Setting s[] = {{"depth", "3"}, {"depth", "4"}};
    assert_null(elaborate(&c, load_text(&c, source), "f", s, 2));
    assert_true(diags_has(c.ds, 206));
    arena_free(c.a);
}

static void test_checks(void **state) {
    (void)state;
    Ctx c;
    double v;
    Program *p = with(&c, "f", "depth", "3");
    assert_null(program_failed_check(p, &v));
    arena_free(c.a);
    p = with(&c, "f", "depth", "-2");
    const Check *k = program_failed_check(p, &v);
    assert_non_null(k);
    assert_non_null(strstr(k->what, "turns of the loop"));
    assert_true(v == -2);
    arena_free(c.a);
}

static void test_huge_loop(void **state) {
    (void)state;
    Ctx c;
    Program *p = with(&c, "f", "depth", "1000000000000");
    assert_non_null(p);
    assert_true(p->def.len < 30);
    arena_free(c.a);
}

/* Libraries of layers name the network that is compiled when none is asked for. */
static void test_default_network(void **state) {
    (void)state;
    Ctx c = ctx_new();
    Program *p = elaborate_text(&c, source);
    assert_string_equal(sym_text(c.syms, p->name), "g");
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_choices),
        cmocka_unit_test(test_fixed),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_twice),   cmocka_unit_test(test_checks),
        cmocka_unit_test(test_huge_loop), cmocka_unit_test(test_default_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

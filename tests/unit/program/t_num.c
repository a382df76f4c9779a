/* Powers of n: what scales, what does not, and what the variance of a family comes to. */
#include "common.h"

typedef struct Row {
    const char *body; /* of a network with U (data), h = U * x */
    uint32_t code;    /* 0: fine */
    const char *find; /* in the program's text or the messages */
} Row;

static const Row row[] = {
    {"param W: matrix ~ N(0, 2 / n)\n h = W * h", 0, "matrix W: param s2 = 2, lr = 2"},
    {"param W: matrix ~ N(0, 2 / fan_in)\n h = W * h", 0, "matrix W: param s2 = 2, lr = 2"},
    {"param W: matrix ~ N(0, (sqrt(2) / sqrt(n))^2)\n h = W * h", 0, "s2 = sqrt(2)^2"},
    {"param W: matrix ~ N(0, sqrt(1 / n) * n^(-1/2))\n h = W * h", 0, "s2 = 1, lr = 1"},
    {"param W: matrix ~ N(0, n / (n * n))\n h = W * h", 0, "s2 = 1, lr = 1"},
    {"param W: matrix ~ N(0, n / fan_in^2)\n h = W * h", 0, "s2 = 1, lr = 1"},
    {"param W: matrix ~ N(0, 1 / n^2)\n h = W * h", 221, "off by n^-1"},
    {"param W: matrix ~ N(0, 1 / sqrt(n))\n h = W * h", 221, "off by n^(1/2)"},
    {"param W: matrix ~ N(0, 1)\n h = W * h", 221, "off by n"},
    {"param V: matrix ~ N(0, g^2)\n h = V * x", 0, "input_matrix V: param s2 = g^2 * dim(0)"},
    {"param V: matrix ~ N(0, 1 / sqrt(fan_in))\n h = V * x", 0, "s2 = sqrt(dim(0))"},
    {"param V: matrix ~ N(0, 1 / dim(x))\n h = V * x", 0, "input_matrix V: param s2 = 1, lr = 1"},
    {"param V: matrix ~ N(0, 1 / (fan_in * sqrt(dim(x))))\n h = V * x", 0, "s2 = 1 / sqrt(dim(0))"},
    {"param V: matrix ~ N(0, 1 / n)\n h = V * x", 221, "off by n^-1"},
    {"param b: vector ~ N(0, 1 / n)\n h = h + b", 221, "off by n^-1"},
    {"param b: vector ~ N(0, sqrt(n) / n^(1/2))\n h = h + b", 0, "vector b: param s2 = 1"},
    {"width m = 3 * n\n param W: matrix[n, m] ~ N(0, 1 / m)\n"
     " param V: matrix[m] ~ N(0, 1 / fan_in)\n h = W * (V * x)",
     0, "matrix W: param s2 = 1, lr = 1, cols = 3"},
    {"width m = 3 * n\n param W: matrix[n, m] ~ N(0, 1 / n)\n"
     " param V: matrix[m] ~ N(0, 1 / fan_in)\n h = W * (V * x)",
     0, "matrix W: param s2 = 3, lr = 3, cols = 3"},
    {"width m = n / 2\n param W: matrix[n, m] ~ N(0, 1 / fan_in)\n"
     " param V: matrix[m] ~ N(0, 1 / fan_in)\n h = W * (V * x)",
     0, "cols = 0.5"},
    {"width m = -n\n param b: vector[m] ~ N(0, 1)", 227, "a width is negative"},
    {"width m = n^2\n param b: vector[m] ~ N(0, 1)", 260, "`m` is not a multiple of n"},
    {"h = h * n / n", 0, "inner 1 of v, h"},
    {"h = sqrt(n) * h / n^(1/2)", 0, "inner 1 of v, h"},
    {"h = h * n^(1/3)", 224, "constant multiple of 1/4"},
    {"h = h + n", 222, "order 1 and n"},
    {"h = (h + h / n) / 2", 222, "order 1 and n^-1"},
    {"h = if n > 100 then h else 0", 224, "a comparison"},
    {"h = max(h, n)", 224, "inside `max`"},
    {"h = h * sqrt(dim(x))", 0, "(sqrt(dim(0))) * h"},
    {"param b: vector ~ N(0, 1) lr n\n h = h + b", 263, "a learning rate of order n"},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Ctx c = ctx_new();
        const Row *r = &row[i];
        Program *p = elaborate_text(&c, arena_printf(c.a,
            "network f(x: input, g = 2) {\n    param U: matrix ~ N(0, 1 / fan_in)\n"
            "    param v: vector ~ N(0, 1)\n    h = U * x\n    %s\n"
            "    return v' * h / sqrt(n)\n}\n", r->body));
        const char *text = p ? printed(&c, p) : messages(&c);
        bool good = r->code ? !p && diags_has(c.ds, r->code) && diags_count(c.ds) == 1 : p != NULL;
        if (!good || !strstr(text, r->find)) print_error("%s:\n%s\n", r->body, text);
        assert_true(good);
        assert_non_null(strstr(text, r->find));
        arena_free(c.a);
    }
}

/* Fixes that the diagnostics offer. */
static void test_fix(void **state) {
    (void)state;
    Ctx c = ctx_new();
    assert_null(elaborate_text(&c, "network f(x: input, g = 2) {\n"
                                   "    param W: matrix ~ N(0, g + 1)\n"
                                   "    return readout(W * x + W * relu(x))\n}\n"));
    Ctx d = ctx_new();
    assert_null(elaborate_text(&d, "network f(x: input, g = 2) {\n"
                                   "    param W: matrix ~ N(0, g + 1)\n"
                                   "    return readout(W * dense(x))\n}\n"));
    Buf b = buf_new(d.a);
    diags_render(d.ds, (DiagRender){.format = DIAG_JSON}, &b);
    assert_non_null(strstr(buf_text(&b), "(g + 1) / fan_in"));
    arena_free(c.a);
    arena_free(d.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_fix)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

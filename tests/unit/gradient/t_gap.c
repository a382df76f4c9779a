/* Networks whose answer is known: theory's table of cases that must come out right. */
#include "../../support/finite_gap.h"
#include "differences.h"

enum { WIDTH = 256, SEEDS = 24 };

static Gap gap_of(const char *text) {
    Ctx c = ctx_new();
    Program *p = elaborate_text(&c, text);
    assert_non_null(p);
    Gap gap = finite_gap(gradient_of(&c, p), WIDTH, 1, SEEDS);
    arena_free(c.a);
    return gap;
}

#define MLP(act, readout)                                                   \
    "network f(x: input) {\n"                                               \
    "    param U: matrix ~ N(0, 1 / fan_in)\n"                              \
    "    param W: matrix ~ N(0, 2 / fan_in)\n"                              \
    "    param W2: matrix ~ N(0, 2 / fan_in)\n"                             \
    "    h = W2 * " act "(W * " act "(U * x))\n" readout "}\n"

/* A mean readout on relu: the gradient of the last layer is not odd in anything. */
static void wrong(void **state) {
    (void)state;
    Gap g = gap_of(MLP("relu", "return moment(relu(h))\n"));
    assert_true(fabs(g.mean) > 6 * g.error && fabs(g.mean) > 0.02 * g.size);
}

static void right(void **state) {
    static const char *const text[] = {
        MLP("relu", "param v: vector ~ N(0, 1)\n return v' * relu(h) / sqrt(n)\n"),
        MLP("tanh", "return moment(tanh(h))\n")};
    (void)state;
    for (int i = 0; i < 2; i++) {
        Gap g = gap_of(text[i]);
        assert_true(fabs(g.mean) < 5 * g.error);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wrong), cmocka_unit_test(right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

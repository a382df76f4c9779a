/* Means of distributional derivatives over several leaves, scalars as symbols, three dimensions. */
#include "support.h"
#include <math.h>

static const bool cen[4] = {true, true, true, true}, none[16];

static double one_copy(Bench *b, const char *f, uint32_t dleaf, const double *var, double k,
                       GaussMethod method) {
    GaussQuery q = {.fx = b->fx, .F = bench_fx(b, f), .nl = 2, .nleaf = 2, .same = true,
                    .zero = none, .centred = cen, .distributional = true, .dleaf = dleaf};
    const Expectation *e = gauss_plan(&b->c, &q);
    if (e->method != method) fail_msg("%s: method %d: %s", f, (int)e->method, e->text);
    double cov[4] = {0, k, 0, 0};
    GaussNumbers n = {.var = var, .cov = cov};
    return gauss_value(&b->c, &q, e, &n);
}

static void distributional(void **state) {
    (void)state;
    Bench b = bench_new();
    double var[2] = {1.2, 0.7}, k = 0.3, v = 1.2 + 0.7 - 2 * k;
    assert_true(fabs(one_copy(&b, "max(u0, u1)", 0, var, k, GM_closed) - 0.5) < 1e-15);
    double density = 1 / sqrt(2 * M_PI * v);
    assert_true(fabs(one_copy(&b, "step(u0 - u1)", 0, var, k, GM_closed) - density) < 1e-15);
    assert_true(fabs(one_copy(&b, "step(u0 - u1)", 1, var, k, GM_closed) + density) < 1e-15);
    /* d_0 [u0 > 0] u1 = delta(u0) u1: E[u1 | u0 = 0] = 0; times u1^2: the conditional variance */
    assert_true(one_copy(&b, "step(u0) * u1", 0, var, k, GM_closed) == 0);
    double rest = (0.7 - k * k / 1.2) / sqrt(2 * M_PI * 1.2);
    assert_true(fabs(one_copy(&b, "step(u0) * u1^2", 0, var, k, GM_closed) - rest) < 1e-15);
    /* d_1 of silu(u0) u1 is silu(u0) */
    double s = one_copy(&b, "u0 / (1 + exp(-u0)) * u1", 1, var, k, GM_quadrature);
    Pair silu = bench_single(&b, bench_fx(&b, "u0 / (1 + exp(-u0))"), 0, true);
    assert_true(fabs(s - single_value(&b, &silu, 1.2, 0)) < 1e-14);
    bench_free(&b);
}

/* Stein's identity q E F' = E[u F] for jumps and kinks without a closed form; at variance 0 the
 * derivative at the mean. */
static void one_leaf(void **state) {
    (void)state;
    Bench b = bench_new();
    const char *f = "if u0 > 0 then tanh(u0) + 1 else u0 / (1 - u0)";
    Pair p = bench_single(&b, bench_fx(&b, f), 0, true), smooth = p;
    p.q.distributional = true;
    p.e = gauss_plan(&b.c, &p.q);
    assert_int_equal(p.e->method, GM_quadrature);
    smooth.q.F = fx_diff(b.fx, p.q.F, 0);
    smooth.e = gauss_plan(&b.c, &smooth.q);
    for (double q = 0.01; q < 20; q *= 4) {
        double want = single_value(&b, &smooth, q, 0) + 1 / sqrt(2 * M_PI * q);
        assert_true(fabs(single_value(&b, &p, q, 0) - want) < 1e-12 * want);
    }
    Pair relu = bench_single(&b, bench_fx(&b, "relu"), 0, false);
    relu.q.distributional = true;
    relu.e = gauss_plan(&b.c, &relu.q);
    assert_true(single_value(&b, &relu, 0, 0.5) == 1 && single_value(&b, &relu, 0, -0.5) == 0);
    assert_true(single_value(&b, &relu, 0, 0) == 0);
    bench_free(&b);
}

/* relu(s x + t) with a scale of known sign; of unknown sign by quadrature with a symbolic break. */
static void scalars(void **state) {
    (void)state;
    Bench b = bench_new();
    const char *text = "max(th0 * u0 + th1, 0)";
    bool pos[2] = {true, false};
    for (int known = 0; known < 2; known++) {
        Pair p = bench_pair(&b, bench_fx(&b, text), bench_fx(&b, text), true, true);
        p.q.theta_pos = known ? pos : NULL;
        p.e = gauss_plan(&b.c, &p.q);
        assert_int_equal(p.e->method, known ? GM_closed : GM_quadrature);
        double var[2] = {1.3, 0.8}, th[2] = {1.5, -0.4}, c = 0.6;
        GaussNumbers n = {.var = var, .theta = th, .c = c, .d = 1 - c, .sign = 1};
        double v = gauss_value(&b.c, &p.q, p.e, &n);
        Pair r = bench_pair(&b, bench_fx(&b, "relu"), bench_fx(&b, "relu"), true, false);
        double want = pair_value(&b, &r, 1.3 * 2.25, 0.8 * 2.25, 0.4, 1, -0.4, -0.4);
        assert_true(fabs(v - want) < (known ? 1e-15 : 1e-11));
    }
    Fx scaled = bench_fx(&b, "tanh(th0 * u0)");
    Pair t = bench_pair(&b, scaled, scaled, true, true);
    assert_int_equal(t.e->method, GM_quadrature);
    double var[2] = {1.3, 0.8}, th[1] = {1.5};
    GaussNumbers n = {.var = var, .theta = th, .c = -0.6, .d = 0.4, .sign = -1};
    Pair r = bench_pair(&b, bench_fx(&b, "tanh"), bench_fx(&b, "tanh"), true, true);
    double want = pair_value(&b, &r, 1.3 * 2.25, 0.8 * 2.25, 0.4, -1, 0, 0);
    assert_true(fabs(gauss_value(&b.c, &t.q, t.e, &n) - want) < 1e-11);
    bench_free(&b);
}

/* Three correlated leaves a, b, a'. */
static void three(void **state) {
    (void)state;
    Bench b = bench_new();
    double var[3] = {1, 0.8, 1.1}, cov[9] = {0, 0.3, 0.5, 0, 0, 0.2, 0, 0, 0};
    Fx F = bench_fx(&b, "tanh(u0 / 2) * tanh(u1)"), leaf[1] = {fx_leaf(b.fx, 2)};
    GaussQuery q = {.fx = b.fx, .F = F, .G = fx_map(b.fx, bench_fx(&b, "tanh"), leaf, 1, NULL, 0),
                    .nl = 2, .nleaf = 3, .zero = none, .centred = cen};
    /* three odd functions: 0 by symmetry */
    const Expectation *e = gauss_plan(&b.c, &q);
    assert_int_equal(e->method, GM_quadrature);
    assert_int_equal(e->dims, 3);
    GaussNumbers n = {.var = var, .cov = cov};
    assert_true(fabs(gauss_value(&b.c, &q, e, &n)) < 1e-13);
    /* with a plain leaf as G: u2 is eliminated, E g u2 = alpha E g u0 + beta E g u1 */
    q.F = bench_fx(&b, "tanh(u0 / 2 + 1) * tanh(u1 + 0.3)");
    q.G = leaf[0];
    e = gauss_plan(&b.c, &q);
    assert_int_equal(e->dims, 2);
    double v = gauss_value(&b.c, &q, e, &n), det = 1 * 0.8 - 0.3 * 0.3;
    double alpha = (0.5 * 0.8 - 0.2 * 0.3) / det, beta = (0.2 * 1 - 0.5 * 0.3) / det, want = 0;
    for (uint32_t i = 0; i < 2; i++) {
        GaussQuery m = q;
        m.F = fx_mul(b.fx, q.F, fx_leaf(b.fx, i));
        m.G = 0;
        m.nl = m.nleaf = 2;
        m.same = true;
        const Expectation *em = gauss_plan(&b.c, &m);
        double c2[4] = {0, 0.3, 0, 0};
        GaussNumbers n2 = {.var = var, .cov = c2};
        want += (i ? beta : alpha) * gauss_value(&b.c, &m, em, &n2);
    }
    assert_true(fabs(v - want) < 1e-13);
    bench_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(distributional), cmocka_unit_test(one_leaf),
                                       cmocka_unit_test(scalars), cmocka_unit_test(three)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

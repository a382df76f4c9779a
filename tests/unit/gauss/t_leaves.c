/* Several leaves a side: closed forms, elimination, factoring; against identities and tensor
 * Gauss-Hermite sums written here. */
#include "support.h"
#include "gauss/rules.h"
#include <math.h>
#include <stdio.h>

enum { DIM = 4 };

typedef struct Many {
    GaussQuery q;
    const Expectation *e;
} Many;

/* F over leaves 0..nl-1, G over nl..2 nl - 1 (text in u0.. renamed). */
static Many plan_many(Bench *b, const char *f, uint32_t nl, const bool *zero) {
    bool *cen = ARENA_ARRAY(b->c.a, bool, 2 * nl), *none = ARENA_ARRAY(b->c.a, bool, 4 * nl * nl);
    Fx leaf[DIM];
    for (uint32_t i = 0; i < 2 * nl; i++) cen[i] = true;
    for (uint32_t i = 0; i < nl; i++) leaf[i] = fx_leaf(b->fx, nl + i);
    Fx F = bench_fx(b, f);
    Many m = {.q = {.fx = b->fx,
                    .F = F,
                    .G = fx_map(b->fx, F, leaf, nl, NULL, 0),
                    .nl = nl,
                    .nleaf = 2 * nl,
                    .zero = zero ? zero : none,
                    .centred = cen}};
    m.e = gauss_plan(&b->c, &m.q);
    return m;
}

static double value_many(Bench *b, const Many *m, const double *C) {
    uint32_t n = m->q.nleaf;
    double var[DIM], cov[DIM * DIM];
    for (uint32_t i = 0; i < n; i++) {
        var[i] = C[i * n + i];
        for (uint32_t j = 0; j < n; j++) cov[i * n + j] = C[i * n + j];
    }
    GaussNumbers o = {.var = var, .cov = cov};
    return gauss_value(&b->c, &m->q, m->e, &o);
}

/* Tensor trapezoid sums over L z, any smooth integrand. */
static double brute(Bench *b, const Many *m, const double *C, int nodes) {
    uint32_t n = m->q.nleaf;
    double L[DIM][DIM] = {{0}}, R = 7.5, h = 2 * R / nodes, total = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double s = C[i * n + j];
            for (uint32_t k = 0; k < j; k++) s -= L[i][k] * L[j][k];
            L[i][j] = i == j ? sqrt(fmax(s, 0)) : L[j][j] > 1e-9 ? s / L[j][j] : 0;
        }
    int at[DIM] = {0};
    for (;;) {
        double z[DIM], y[DIM], w = 1;
        for (uint32_t i = 0; i < n; i++) {
            z[i] = -R + h * at[i];
            w *= h * exp(-z[i] * z[i] / 2) / sqrt(2 * M_PI);
        }
        if (w > 1e-18) {
            for (uint32_t i = 0; i < n; i++) {
                y[i] = 0;
                for (uint32_t j = 0; j <= i; j++) y[i] += L[i][j] * z[j];
            }
            FxEnv env = {.leaf = y};
            total += w * fx_eval(b->fx, m->q.F, &env) * fx_eval(b->fx, m->q.G, &env);
        }
        uint32_t i = 0;
        while (i < n && ++at[i] > nodes) at[i++] = 0;
        if (i == n) return total;
    }
}

/* Leaves a, b, a', b', all correlated. */
static const double correlated[16] = {1.2, 0.3,  0.5, 0.1,  0.3, 0.9, -0.2, 0.4,
                                      0.5, -0.2, 0.8, 0.25, 0.1, 0.4, 0.25, 1.1};
static const double independent[16] = {1.2, 0, 0.5, 0, 0, 0.9, 0, 0.4,
                                       0.5, 0, 0.8, 0, 0, 0.4, 0, 1.1};
static const bool across[16] = {0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0};

static void check(const char *f, const double *C, const bool *zero, GaussMethod method,
                  uint32_t dims, double tol) {
    Bench b = bench_new();
    Many m = plan_many(&b, f, 2, zero);
    if (m.e->method == GM_none) fail_msg("%s: %s", f, m.e->why_none);
    assert_int_equal(m.e->method, method);
    if (method == GM_quadrature) assert_int_equal(m.e->dims, dims);
    double v = value_many(&b, &m, C), want = brute(&b, &m, C, 40);
    if (!(fabs(v - want) <= tol)) fail_msg("%s: %.15g, not %.15g", f, v, want);
    bench_free(&b);
}

static void smooth(void **state) {
    (void)state;
    const char *silu_b = "u0 * (1/2 + tanh(u0 / 2) / 2) * u1";
    check(silu_b, independent, across, GM_quadrature, 2, 1e-9);
    check(silu_b, correlated, NULL, GM_quadrature, 2, 1e-9);
    check("u0 * Phi(u0) * u1", correlated, NULL, GM_closed, 0, 1e-11);
    check("erf(u0 + u1)", correlated, NULL, GM_closed, 0, 1e-11);
    check("erf(u0) * u1^2", correlated, NULL, GM_closed, 0, 1e-11);
    check("sin(u0) * exp(-u1^2)", correlated, NULL, GM_closed, 0, 1e-11);
    check("tanh(u0) * u1^2 + u1", correlated, NULL, GM_quadrature, 2, 1e-8);
}

/* E[sin(a) tanh(b)], a and b correlated: with E[sin(a) | b] one integral, by trapezoids. */
static void sine_beside_tanh(void **state) {
    (void)state;
    Bench b = bench_new();
    const double var[2] = {1.2, 0.9}, cov[4] = {0, 0.3, 0.3, 0};
    const bool zero[4] = {0}, centred[2] = {true, true};
    GaussQuery q = {.fx = b.fx, .F = bench_fx(&b, "sin(u0) * tanh(u1)"), .nl = 2, .nleaf = 2,
                    .same = true, .zero = zero, .centred = centred, .no_series = true};
    const Expectation *e = gauss_plan(&b.c, &q);
    GaussNumbers n = {.var = var, .cov = cov};
    double slope = cov[1] / var[1], left = var[0] - slope * cov[1], want = 0;
    for (double z = -8; z <= 8; z += 1.0 / 64) {
        double y = z * sqrt(var[1]);
        want += exp(-z * z / 2) * sin(slope * y) * tanh(y) / 64 / sqrt(2 * M_PI);
    }
    assert_int_equal(e->method, GM_quadrature);
    assert_true(fabs(gauss_value(&b.c, &q, e, &n) - want * exp(-left / 2)) < 1e-9);
    bench_free(&b);
}

/* max(a, b)^2 + min(a, b)^2 = a^2 + b^2; max(a, b) + min(a, b) = a + b. */
static void gates(void **state) {
    (void)state;
    Bench b = bench_new();
    Many hi = plan_many(&b, "max(u0, u1)", 2, NULL), lo = plan_many(&b, "min(u0, u1)", 2, NULL);
    assert_int_equal(hi.e->method, GM_closed);
    double h = value_many(&b, &hi, correlated), l = value_many(&b, &lo, correlated);
    assert_true(fabs(h - l) < 1e-15); /* min(a, b) = -max(-a, -b) */
    Many lin = plan_many(&b, "u0 + u1", 2, NULL);
    /* E max max' + E min min' + cross = E (a + b)(a' + b') */
    Many cross = lo, other = hi; /* E max min' and E min max' */
    cross.q.F = bench_fx(&b, "max(u0, u1)");
    cross.e = gauss_plan(&b.c, &cross.q);
    other.q.F = bench_fx(&b, "min(u0, u1)");
    other.e = gauss_plan(&b.c, &other.q);
    double sum = h + l + value_many(&b, &cross, correlated) + value_many(&b, &other, correlated);
    assert_true(fabs(sum - value_many(&b, &lin, correlated)) < 1e-14);
    bench_free(&b);
}

static void factored(void **state) {
    (void)state;
    Bench b = bench_new();
    /* relu(a) b with a, b independent: product of two expectations */
    Many m = plan_many(&b, "max(u0, 0) * u1", 2, across);
    assert_int_equal(m.e->method, GM_closed);
    double c = 0.5 / sqrt(1.2 * 0.8), t = acos(c);
    double relu = sqrt(1.2 * 0.8) * (sqrt(1 - c * c) + c * (M_PI - t)) / (2 * M_PI);
    assert_true(fabs(value_many(&b, &m, independent) - relu * 0.4) < 1e-15);
    /* sigmoid(a) tanh(b): two integrals where independent, none where not */
    const char *st = "(1/2 + tanh(u0 / 2) / 2) * tanh(u1)";
    m = plan_many(&b, st, 2, across);
    assert_int_equal(m.e->method, GM_quadrature);
    assert_int_equal(m.e->dims, 2);
    double want = brute(&b, &m, independent, 40);
    assert_true(fabs(value_many(&b, &m, independent) - want) < 1e-8);
    m = plan_many(&b, st, 2, NULL);
    assert_int_equal(m.e->method, GM_none);
    assert_non_null(strstr(m.e->why_none, "tanh"));
    bench_free(&b);
}

/* a + relu(b): sums are taken apart. */
static void residual(void **state) {
    (void)state;
    Bench b = bench_new();
    Many m = plan_many(&b, "u0 + max(u1, 0)", 2, NULL);
    assert_int_equal(m.e->method, GM_closed);
    double c = 0.4 / sqrt(0.9 * 1.1), t = acos(c);
    double relu = sqrt(0.9 * 1.1) * (sqrt(1 - c * c) + c * (M_PI - t)) / (2 * M_PI);
    double want = 0.5 + 0.1 / 2 + -0.2 / 2 + relu;
    assert_true(fabs(value_many(&b, &m, correlated) - want) < 1e-15);
    bench_free(&b);
}

/* Equal leaves: singular covariances need no branch. */
static void singular(void **state) {
    (void)state;
    Bench b = bench_new();
    double C[16] = {1.2, 0.3, 1.2, 0.3, 0.3, 0.9, 0.3, 0.9, 1.2, 0.3, 1.2, 0.3, 0.3, 0.9, 0.3, 0.9};
    Many m = plan_many(&b, "max(u0, u1)", 2, NULL);
    double v = value_many(&b, &m, C);
    /* E max^2 = E (a^2 + b^2) / 2 for centred a, b.  The angle between a - b and a' - b' is known
     * to half the digits only; one copy has no such angle. */
    assert_true(fabs(v - (1.2 + 0.9) / 2) < 1e-7);
    GaussQuery self = m.q;
    self.G = self.F;
    self.nl = self.nleaf = 2;
    self.same = true;
    const Expectation *es = gauss_plan(&b.c, &self);
    double vs[2] = {1.2, 0.9}, cs[4] = {0, 0.3};
    GaussNumbers ns = {.var = vs, .cov = cs};
    assert_true(fabs(gauss_value(&b.c, &self, es, &ns) - (1.2 + 0.9) / 2) < 1e-14);
    const char *silu_b = "u0 * (1/2 + tanh(u0 / 2) / 2) * u1";
    m = plan_many(&b, silu_b, 2, NULL);
    GaussQuery one = m.q;
    one.G = one.F;
    one.nl = one.nleaf = 2;
    one.same = true;
    const Expectation *e = gauss_plan(&b.c, &one);
    assert_int_equal(e->method, GM_quadrature);
    assert_int_equal(e->dims, 1);
    double var[2] = {1.2, 0.9}, cov[4] = {0, 0.3};
    GaussNumbers o = {.var = var, .cov = cov};
    assert_true(fabs(gauss_value(&b.c, &one, e, &o) - value_many(&b, &m, C)) < 1e-12);
    bench_free(&b);
}

/* A sample of variance 0, in kernels: the leaves are constants. */
static void zero_sample(void **state) {
    (void)state;
    static const char *const f[] = {"max(u0, u1)", "max(u0, 0) * u1", "if u0 > 0 then u1 else 0",
                                    "u0 / (1 + exp(-u0)) * u1", "max(u0, 0) * tanh(u1)"};
    for (size_t i = 0; i < sizeof f / sizeof *f; i++)
        for (int indep = 0; indep < 2; indep++) {
            Bench b = bench_new();
            Many m = plan_many(&b, f[i], 2, indep ? across : NULL);
            if (m.e->method == GM_none) {
                bench_free(&b);
                continue;
            }
            double C[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.8, 0.1, 0, 0, 0.1, 1.1};
            double v = value_many(&b, &m, C);
            if (!(fabs(v) < 1e-13)) fail_msg("%s: %g", f[i], v);
            bench_free(&b);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_sample), cmocka_unit_test(smooth), cmocka_unit_test(gates),
        cmocka_unit_test(sine_beside_tanh),
                                       cmocka_unit_test(factored), cmocka_unit_test(residual),
                                       cmocka_unit_test(singular)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

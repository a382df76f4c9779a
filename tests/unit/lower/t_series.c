/* Kernels of smooth activations against quadrature of the test's own: value and slope (the factor
 * E F' G' of the NTK) at correlations up to 1 and -1, from small variances to those where no series
 * serves any more.  Errors are relative to the value at correlation 1. */
#include "lk.h"

enum { NODES = 400, CASES = 8 };
static const double RANGE = 11, TOLERANCE = 1e-12, RATIO = 0.7;
static const double corr[CASES] = {1, -1, 0.999, 0.99, -0.99, 0.9, 0.5, 0.05};

typedef struct Act {
    const char *text;
    double (*f)(double), (*d)(double);
    double largest, fine; /* variance tried; size of its features */
} Act;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double dsigmoid(double x) { return sigmoid(x) * sigmoid(-x); }
static double dtanh(double x) { return 1 / (cosh(x) * cosh(x)); }
static double shifted(double x) { return tanh(x + 1); }
static double dshifted(double x) { return dtanh(x + 1); }
static double steep(double x) { return tanh(10 * x); }
static double dsteep(double x) { return 10 * dtanh(10 * x); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double lorentz(double x) { return 1 / (1 + x * x); }
static double dlorentz(double x) { return -2 * x / ((1 + x * x) * (1 + x * x)); }

static const Act acts[] = {
    {"tanh(x)", tanh, dtanh, 400, 1},         {"1 / (1 + exp(-x))", sigmoid, dsigmoid, 100, 1},
    {"tanh(x + 1)", shifted, dshifted, 49, 1}, {"log(1 + exp(x))", softplus, sigmoid, 49, 1},
    {"1 / (1 + x^2)", lorentz, dlorentz, 49, 1}, {"tanh(10 * x)", steep, dsteep, 49, 0.1},
};

/* ---- quadrature: trapezoid rule in t, u = fine sinh(t) */

typedef struct Rule {
    double u[NODES], w[NODES];
} Rule;

static void rule(Rule *r, double mean, double s, double fine) {
    double lo = asinh((mean - RANGE * s) / fine), hi = asinh((mean + RANGE * s) / fine);
    for (int i = 0; i < NODES; i++) {
        double t = lo + (hi - lo) * i / (NODES - 1), z;
        r->u[i] = fine * sinh(t);
        z = (r->u[i] - mean) / s;
        r->w[i] = fine * cosh(t) * exp(-z * z / 2) / (s * sqrt(2 * M_PI)) * (hi - lo) / (NODES - 1);
    }
}

/* E f(u) f(v), variances q and p. */
static double expect(double (*f)(double), double q, double p, double c, double fine) {
    Rule outer, inner;
    double sum = 0, s = sqrt(p * (1 - c) * (1 + c)), k = c * sqrt(p / q);
    rule(&outer, 0, sqrt(q), fine);
    for (int i = 0; i < NODES; i++) {
        double u = outer.u[i], mean = k * u, value = 0;
        if (outer.w[i] < 1e-18) continue;
        if (s > 0) rule(&inner, mean, s, fine);
        for (int j = 0; s > 0 && j < NODES; j++) value += inner.w[j] * f(inner.u[j]);
        sum += outer.w[i] * f(u) * (s > 0 ? value : f(mean));
    }
    return sum;
}

/* ---- kernels */

typedef struct Data {
    double norm[2];
} Data;

static double sample_input(void *ctx, const TpArray *a, int side, int s) {
    double n = ((const Data *)ctx)->norm[side];
    (void)s;
    return a->input == TP_IN_NORM ? n : n * n;
}

static double pair_input(void *ctx, const TpArray *a, int i, int j) {
    const Data *d = ctx;
    double c = corr[j % CASES];
    (void)i;
    if (a->input == TP_IN_DEFECT) return 1 - c;
    if (a->input == TP_IN_CODEFECT) return 1 + c;
    return a->input == TP_IN_UNIT ? c : c * d->norm[0] * d->norm[1];
}

static void check_case(const Act *a, double q, double p, int j, double k, double t) {
    double c = corr[j], kk = sqrt(expect(a->f, q, q, 1, a->fine) * expect(a->f, p, p, 1, a->fine));
    double dd = sqrt(expect(a->d, q, q, 1, a->fine) * expect(a->d, p, p, 1, a->fine));
    double value = fabs(k - expect(a->f, q, p, c, a->fine)) / kk;
    double s = sqrt(q * p), slope = fabs((t - k) / (c * s) - expect(a->d, q, p, c, a->fine)) / dd;
    /* the difference t - k cancels, and the slope is divided by c */
    double rounding = 4e-16 * kk / (fabs(c) * s * dd);
    if (value <= TOLERANCE && slope <= TOLERANCE + rounding) return;
    fail_msg("%s, variances %g %g, c %g: errors %.1e, slope %.1e", a->text, q, p, c, value, slope);
}

static void check_kernel(const Act *a, double q, double p) {
    char text[200];
    snprintf(text, sizeof text, "fn phi(x) = %s\nnetwork f(x: input) {\n"
                                "    h = dense(x, gain = 1)\n    return readout(phi(h))\n}\n",
             a->text);
    Lk r = {.c = ctx_new()};
    Data d = {{sqrt(q), sqrt(p)}};
    r.l = lk_limit(&r.c, text, NULL, NULL, 0);
    lk_kernel(&r, true, TP_F64);
    lk_samples(&r, NULL, 0, sample_input, &d);
    lk_row(&r, 0, pair_input, &d);
    for (int j = 0; j < CASES; j++)
        check_case(a, q, p, j, lk_out(&r, KERNEL_nngp, j), lk_out(&r, KERNEL_ntk, j));
    lk_free(&r);
}

static void kernels(void **state) {
    static const double variance[] = {0.1, 1, 10, 16, 49, 400};
    (void)state;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        for (size_t k = 0; k < sizeof variance / sizeof *variance; k++) {
            if (variance[k] > acts[i].largest) continue;
            check_kernel(&acts[i], variance[k], variance[k]);
            if (variance[k] <= 16) check_kernel(&acts[i], variance[k], RATIO * variance[k]);
        }
}

/* Two functions of vectors of different variance under one matrix are their sum: its series needs
 * the terms of either. */
static double moment(const char *body, double q) {
    char text[300];
    snprintf(text, sizeof text, "network f(x: input) {\n    param W: matrix ~ N(0, 1 / fan_in)\n"
                                "    h = dense(x, gain = 1)\n    return readout(%s)\n}\n", body);
    Lk r = {.c = ctx_new()};
    Data d = {{sqrt(q), sqrt(q)}};
    r.l = lk_limit(&r.c, text, NULL, NULL, 0);
    lk_kernel(&r, true, TP_F64);
    lk_samples(&r, NULL, 0, sample_input, &d);
    lk_row(&r, 0, pair_input, &d);
    double v = lk_out(&r, KERNEL_nngp, 0);
    lk_free(&r);
    return v;
}

static void cross_moments(void **state) {
    (void)state;
    for (double q = 0.5; q < 4; q *= 2) {
        double apart = moment("W * (h + tanh(h) / 4) + W * (1 / (1 + exp(-3 * h)))", q);
        double whole = moment("W * (h + tanh(h) / 4 + 1 / (1 + exp(-3 * h)))", q);
        if (fabs(apart - whole) > TOLERANCE * whole)
            fail_msg("variance %g: %.17g for %.17g", q, apart, whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(kernels), cmocka_unit_test(cross_moments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

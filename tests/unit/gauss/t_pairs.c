/* K and K' of the standard activations against tests/oracle/gauss_pairs.csv, E F, E F^2 and the
 * mean of the distributional derivative against gauss_means.csv. */
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Row {
    char name[32];
    int deriv, sign;
    double q, p, d, value, scale;
} Row;

static const char *const quadrature[] = {"tanh", "sigmoid", "silu", "softplus", "mish"};
static const char *const kinked[] = {"elu", "selu", "laplace", "softsign"};
static const char *const relative[] = {"relu", "abs", "step", "erf", "relu2", "relu3"};

static bool in(const char *const *list, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i], name)) return true;
    return false;
}
#define IN(list, name) in(list, sizeof list / sizeof *list, name)

/* Error over the scale; over the value where the row asks for that. */
static double tolerance(const char *name) {
    if (IN(quadrature, name)) return 1e-10;
    if (IN(kinked, name)) return 1e-9;
    return 1e-12;
}

static FILE *oracle(const char *file) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", ORACLE_DIR, file);
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("cannot open %s", path);
    return f;
}

static bool next_row(FILE *f, Row *r) {
    return fscanf(f, "%31[^,],%d,%lf,%lf,%d,%lf,%lf,%lf\n", r->name, &r->deriv, &r->q, &r->p,
                  &r->sign, &r->d, &r->value, &r->scale) == 8;
}

typedef struct Worst {
    double scaled, rel;
    Row at;
    int n;
} Worst;

static void check_row(Bench *b, const Pair *p, const Row *r, Worst *w, bool verbose) {
    double v = pair_value(b, p, r->q, r->p, r->d, r->sign, 0, 0), err = fabs(v - r->value);
    double scaled = err / r->scale, rel = err / fabs(r->value);
    if (r->scale == 0 || isinf(r->scale)) return;
    bool want = fabs(r->value) > 1e-3 * r->scale || IN(relative, r->name);
    if (r->value == 0 || r->deriv) want = want && fabs(r->value) > 1e-3 * r->scale;
    if (verbose && !(scaled <= tolerance(r->name)))
        printf("    %s%s q %g p %g sign %d d %g: %.17g, not %.17g: %.2g\n", r->name,
               r->deriv ? "'" : "", r->q, r->p, r->sign, r->d, v, r->value, scaled);
    if (!(scaled <= w->scaled)) w->scaled = scaled, w->at = *r;
    if (want && !(rel <= w->rel)) w->rel = rel;
    w->n++;
}

static bool finish(const Worst *w, const char *name, int deriv, const Expectation *e) {
    if (!w->n) return true;
    double tol = tolerance(name);
    bool ok = w->scaled <= tol && w->rel <= tol;
    printf("  %-12s%s  scaled %.1e  relative %.1e  method %d  %s\n", name, deriv ? "'" : " ",
           w->scaled, w->rel, (int)e->method, ok ? "" : "<-- too large");
    return ok;
}

static void pairs(void **state) {
    (void)state;
    FILE *f = oracle("gauss_pairs.csv");
    Bench b = bench_new();
    Row r, last = {.deriv = -1};
    Pair p = {0};
    Worst w = {0};
    bool ok = true, verbose = getenv("GAUSS_VERBOSE") != NULL;
    const char *only = getenv("GAUSS_ONLY");
    while (next_row(f, &r)) {
        if (only && strcmp(only, r.name)) continue;
        if (strcmp(r.name, last.name) || r.deriv != last.deriv) {
            if (w.n && !finish(&w, last.name, last.deriv, p.e)) ok = false;
            bench_free(&b);
            b = bench_new();
            w = (Worst){0};
            Fx x = bench_fx(&b, r.name);
            if (r.deriv) x = fx_diff(b.fx, x, 0);
            p = bench_pair(&b, x, x, true, true);
            if (p.e->method == GM_none) fail_msg("%s: %s", r.name, p.e->why_none);
        }
        last = r;
        check_row(&b, &p, &r, &w, verbose);
    }
    if (!finish(&w, last.name, last.deriv, p.e)) ok = false;
    bench_free(&b);
    fclose(f);
    assert_true(ok);
}

static double compare(const char *name, const char *what, double q, double v, double ref,
                      double scale, double tol) {
    double err = fabs(v - ref) / scale;
    if (!(err <= tol)) printf("  %s %s q %g: %.17g, not %.17g: %.1e\n", name, what, q, v, ref, err);
    return err;
}

static void means(void **state) {
    (void)state;
    FILE *f = oracle("gauss_means.csv");
    char name[32];
    double q, m, s, d, worst = 0;
    bool ok = true;
    while (fscanf(f, "%31[^,],%lf,%lf,%lf,%lf\n", name, &q, &m, &s, &d) == 5) {
        Bench b = bench_new();
        Fx x = bench_fx(&b, name);
        Pair e = bench_single(&b, x, 0, true), e2 = bench_single(&b, x, x, true), ed = e;
        ed.q.distributional = true;
        ed.e = gauss_plan(&b.c, &ed.q);
        double scale = sqrt(s), tol = 1e-13;
        if (s >
            1e-3 *
                fmin(q, 1)) { /* else below the rounding of the terms: max(x - 1, 0) at q = 1e-3 */
            double a = compare(name, "mean", q, single_value(&b, &e, q, 0), m, scale, tol);
            double c = compare(name, "second", q, single_value(&b, &e2, q, 0), s, s, 10 * tol);
            double g = compare(name, "slope", q, single_value(&b, &ed, q, 0), d,
                               fmax(fabs(d), scale / sqrt(q)), 10 * tol);
            ok = ok && a <= tol && c <= 10 * tol && g <= 10 * tol;
            worst = fmax(worst, fmax(a, fmax(c, g)));
        }
        bench_free(&b);
    }
    printf("  worst mean, second moment, slope: %.1e\n", worst);
    fclose(f);
    assert_true(ok);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pairs), cmocka_unit_test(means)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

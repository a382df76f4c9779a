/* Largest errors in ulp over random arguments, against long double.  Set TPC_VMATH_POINTS for more
 * of them than the default, TPC_VMATH_SHOW to see the figures. */
#include "machine.h"
#include "reference.h"
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* How arguments are drawn: uniform; log-uniform; log-uniform with random sign; lo + log-uniform;
 * hi - log-uniform; the cosine, where x is a sine. */
typedef enum Draw { UNIFORM, SCALED, SIGNED, ABOVE, BELOW, COSINE } Draw;

typedef struct Range {
    Draw draw;
    double lo, hi;
} Range;

typedef struct Case {
    const char *name;
    KOp op;
    Reference *ref;
    Range x, y; /* of float64 */
    Range x32, y32;
} Case;

#define NO {UNIFORM, 0, 0}
#define SAME(op, x, y) {#op, KO_##op, ref_##op, x, y, x, y}
#define R(draw, lo, hi) {draw, lo, hi}
static const Case cases[] = {
    {"exp", KO_exp, ref_exp, R(UNIFORM, -745, 710), NO, R(UNIFORM, -103, 89), NO},
    {"exp near 0", KO_exp, ref_exp, R(SIGNED, 1e-20, 2), NO, R(SIGNED, 1e-10, 2), NO},
    {"expm1", KO_expm1, ref_expm1, R(UNIFORM, -50, 710), NO, R(UNIFORM, -20, 89), NO},
    {"expm1 near 0", KO_expm1, ref_expm1, R(SIGNED, 1e-310, 2), NO, R(SIGNED, 1e-40, 2), NO},
    {"log", KO_log, ref_log, R(SCALED, 5e-324, 1.7e308), NO, R(SCALED, 1e-45, 3e38), NO},
    {"log near 1", KO_log, ref_log, R(UNIFORM, 0.5, 2), NO, R(UNIFORM, 0.5, 2), NO},
    {"log at 1", KO_log, ref_log, R(ABOVE, 1, 0.1), NO, R(ABOVE, 1, 0.1), NO},
    {"log below 1", KO_log, ref_log, R(BELOW, 1, 0.1), NO, R(BELOW, 1, 0.1), NO},
    {"log1p", KO_log1p, ref_log1p, R(SCALED, 1e-320, 1e308), NO, R(SCALED, 1e-42, 1e38), NO},
    {"log1p near 0", KO_log1p, ref_log1p, R(UNIFORM, -1, 1), NO, R(UNIFORM, -1, 1), NO},
    {"log1p small", KO_log1p, ref_log1p, R(SIGNED, 1e-17, 0.5), NO, R(SIGNED, 1e-9, 0.5), NO},
    {"sin", KO_sin, ref_sin, R(UNIFORM, -10, 10), NO, R(UNIFORM, -10, 10), NO},
    {"sin wide", KO_sin, ref_sin, R(SIGNED, 1e-10, 1e5), NO, R(SIGNED, 1e-10, 1e5), NO},
    {"sin far", KO_sin, ref_sin, R(SIGNED, 1e5, 3e13), NO, R(SIGNED, 1e4, 2.6e5), NO},
    {"cos", KO_cos, ref_cos, R(UNIFORM, -10, 10), NO, R(UNIFORM, -10, 10), NO},
    {"cos wide", KO_cos, ref_cos, R(SIGNED, 1e-10, 1e5), NO, R(SIGNED, 1e-10, 1e5), NO},
    {"cos far", KO_cos, ref_cos, R(SIGNED, 1e5, 3e13), NO, R(SIGNED, 1e4, 2.6e5), NO},
    {"tanh", KO_tanh, ref_tanh, R(UNIFORM, -3, 3), NO, R(UNIFORM, -3, 3), NO},
    {"tanh wide", KO_tanh, ref_tanh, R(SIGNED, 1e-310, 30), NO, R(SIGNED, 1e-40, 20), NO},
    {"erf", KO_erf, ref_erf, R(UNIFORM, -1, 1), NO, R(UNIFORM, -1, 1), NO},
    {"erf wide", KO_erf, ref_erf, R(SIGNED, 1e-300, 7), NO, R(SIGNED, 1e-37, 5), NO},
    {"Phi", KO_Phi, ref_Phi, R(UNIFORM, -2, 9), NO, R(UNIFORM, -2, 6), NO},
    {"Phi tail", KO_Phi, ref_Phi, R(UNIFORM, -38.5, 0), NO, R(UNIFORM, -14.2, 0), NO},
    {"pow", KO_pow, ref_pow, R(SCALED, 1e-2, 1e2), R(UNIFORM, -100, 100), R(SCALED, 1e-2, 1e2),
     R(UNIFORM, -18, 18)},
    {"pow wide", KO_pow, ref_pow, R(SCALED, 5e-324, 1e308), R(SIGNED, 1e-5, 3),
     R(SCALED, 1e-45, 3e38), R(SIGNED, 1e-5, 3)},
    {"pow near 1", KO_pow, ref_pow, R(UNIFORM, 0.7, 1.5), R(UNIFORM, -900, 900),
     R(UNIFORM, 0.7, 1.5), R(UNIFORM, -120, 120)},
    {"pow at 1", KO_pow, ref_pow, R(ABOVE, 1, 1e-2), R(SIGNED, 1, 1e5), R(ABOVE, 1, 1e-2),
     R(SIGNED, 1, 1e4)},
    {"atan2", KO_atan2, ref_atan2, R(UNIFORM, -1, 1), R(UNIFORM, 0, 1), R(UNIFORM, -1, 1),
     R(UNIFORM, 0, 1)},
    {"atan2 wide", KO_atan2, ref_atan2, R(SIGNED, 1e-150, 1e150), R(SCALED, 1e-150, 1e150),
     R(SIGNED, 1e-18, 1e18), R(SCALED, 1e-18, 1e18)},
    {"asin", KO_asin, ref_asin, R(UNIFORM, -1, 1), R(COSINE, 0, 1), R(UNIFORM, -1, 1),
     R(COSINE, 0, 1)},
    {"asin small", KO_asin, ref_asin, R(SIGNED, 1e-300, 1), R(COSINE, 0, 1),
     R(SIGNED, 1e-35, 1), R(COSINE, 0, 1)},
    {"asin near 1", KO_asin, ref_asin, R(BELOW, 1, 1), R(COSINE, 0, 1), R(BELOW, 1, 1),
     R(COSINE, 0, 1)},
    {"dexp", KO_dexp, ref_dexp, R(UNIFORM, -30, 30), R(SIGNED, 1e-18, 60), R(UNIFORM, -30, 30),
     R(SIGNED, 1e-9, 60)},
    {"dexp wide", KO_dexp, ref_dexp, R(UNIFORM, -740, 709), R(SIGNED, 1e-18, 900),
     R(UNIFORM, -100, 88), R(SIGNED, 1e-9, 120)},
    {"fan00", KO_fan00, ref_fan00, R(UNIFORM, 0, 1), NO, R(UNIFORM, 0, 1), NO},
    {"fan00 small", KO_fan00, ref_fan00, R(SCALED, 1e-300, 1), NO, R(SCALED, 1e-37, 1), NO},
    {"fan11", KO_fan11, ref_fan11, R(UNIFORM, 0, 1), NO, R(UNIFORM, 0, 1), NO},
    {"fan11 small", KO_fan11, ref_fan11, R(SCALED, 1e-200, 1), NO, R(SCALED, 1e-24, 1), NO},
};

static double draw(Random *r, Range g, double x) {
    switch (g.draw) {
    case UNIFORM: return random_between(r, g.lo, g.hi);
    case SCALED: return random_scaled(r, g.lo, g.hi);
    case SIGNED: return random_scaled(r, g.lo, g.hi) * (random_unit(r) < 0.5 ? -1 : 1);
    case ABOVE: return g.lo + random_scaled(r, 1e-17, g.hi);
    case BELOW: return g.lo - random_scaled(r, 1e-17, g.hi);
    case COSINE: return (double)sqrtl((1 - (long double)x) * (1 + (long double)x));
    }
    return 0;
}

typedef struct Worst {
    double ulp, x, y, got;
} Worst;

static Worst worst_of(const Case *t, TpDtype dtype, size_t n) {
    double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y), *out = malloc(n * sizeof *out);
    Random r = {0x9e3779b97f4a7c15};
    for (size_t i = 0; i < n; i++) {
        x[i] = draw(&r, dtype == TP_F64 ? t->x : t->x32, 0);
        if (dtype == TP_F32) x[i] = (float)x[i];
        y[i] = draw(&r, dtype == TP_F64 ? t->y : t->y32, x[i]);
        if (dtype == TP_F32) y[i] = (float)y[i];
    }
    machine_run(t->op, dtype, (const double *[]){x, y}, out, n);
    Worst w = {0};
    for (size_t i = 0; i < n; i++) {
        double e = ulp_error(dtype, out[i], t->ref(x[i], y[i]));
        if (!(e <= w.ulp)) w = (Worst){e, x[i], y[i], out[i]};
    }
    free(x), free(y), free(out);
    return w;
}

static void accuracy(TpDtype dtype, double bound) {
    const char *points = getenv("TPC_VMATH_POINTS"), *show = getenv("TPC_VMATH_SHOW");
    size_t n = points ? strtoul(points, NULL, 10) : 20000;
    bool bad = false;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Worst w = worst_of(&cases[i], dtype, n);
        bad |= !(w.ulp <= bound);
        if (show || !(w.ulp <= bound))
            print_message("%s %-14s %6.2f ulp at (%.17g, %.17g): %.17g\n",
                          dtype == TP_F64 ? "f64" : "f32", cases[i].name, w.ulp, w.x, w.y, w.got);
    }
    assert_false(bad);
}

static void float64_within_4_ulp(void **state) { (void)state, accuracy(TP_F64, 4); }
static void float32_within_5_ulp(void **state) { (void)state, accuracy(TP_F32, 5); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(float64_within_4_ulp),
                                       cmocka_unit_test(float32_within_5_ulp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

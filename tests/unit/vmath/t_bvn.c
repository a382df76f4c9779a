/* The bivariate normal probability: random arguments against Plackett's integral in long double,
 * and its identities. */
#include "machine.h"
#include "reference.h"
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static double bvn(TpDtype t, double h, double k, double d, double s) {
    return machine_call(KO_bvn, t, h, k, d, s);
}

static double gauss(Random *r) {
    return sqrt(-2 * log(1 - random_unit(r))) * cos(6.283185307179586 * random_unit(r));
}

enum { N = 1500 };

static void random_arguments(TpDtype dtype, double bound) {
    static double h[N], k[N], d[N], s[N], out[N];
    Random r = {88172645463325252};
    for (int i = 0; i < N; i++) {
        h[i] = (float)(2 * gauss(&r));
        d[i] = i % 2 ? (float)random_scaled(&r, 1e-8, 1) : (float)random_unit(&r);
        s[i] = random_unit(&r) < 0.5 ? -1 : 1;
        k[i] = i % 3 ? (float)(2 * gauss(&r)) : (float)(s[i] * h[i] + sqrt(d[i]) * gauss(&r));
    }
    machine_run(KO_bvn, dtype, (const double *[]){h, k, d, s}, out, N);
    double worst = 0;
    for (int i = 0; i < N; i++) {
        double e = (double)fabsl(out[i] - ref_bvn(h[i], k[i], s[i] * (1 - (long double)d[i])));
        if (!(e <= worst)) worst = e;
        if (!(e <= bound)) fail_msg("bvn(%a, %a, %a, %g): %.3g", h[i], k[i], d[i], s[i], e);
    }
    if (getenv("TPC_VMATH_SHOW")) print_message("bvn: %.3g\n", worst);
}

static void random_float64(void **state) { (void)state, random_arguments(TP_F64, 4e-16); }
static void random_float32(void **state) { (void)state, random_arguments(TP_F32, 4e-7); }

/* rho = 1: Phi(min); rho = -1: Phi(h) + Phi(k) - 1, at least 0 */
static void perfect_correlation(void **state) {
    (void)state;
    const double at[] = {-30, -3, -1, -0.3, -1e-9, 0, 1e-9, 0.2, 1, 2.5, 40};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        for (size_t j = 0; j < sizeof at / sizeof *at; j++) {
            double h = at[i], k = at[j];
            double up = (double)ref_Phi(fmin(h, k), 0);
            double down = fmax(0, (double)(ref_Phi(h, 0) - ref_Phi(-k, 0)));
            assert_true(fabs(bvn(TP_F64, h, k, 0, 1) - up) <= 4e-16);
            assert_true(fabs(bvn(TP_F64, h, k, 0, -1) - down) <= 4e-16);
            assert_true(fabs(bvn(TP_F32, h, k, 0, 1) - up) <= 4e-7);
            assert_true(fabs(bvn(TP_F32, h, k, 0, -1) - down) <= 4e-7);
        }
}

/* Means 0: 1/4 + asin(rho) / (2 pi), for either sign of the zeros */
static void centred(void **state) {
    (void)state;
    const double d[] = {0, 1e-300, 1e-16, 1e-8, 0.1, 0.5, 0.9, 1};
    const double zero[] = {0.0, -0.0};
    for (size_t i = 0; i < sizeof d / sizeof *d; i++)
        for (int s = -1; s <= 1; s += 2)
            for (int z = 0; z < 4; z++) {
                double exact = 0.25 + s * (0.25 - (double)ref_fan00(d[i], 0));
                double h = zero[z & 1], k = zero[z >> 1];
                assert_true(fabs(bvn(TP_F64, h, k, d[i], s) - exact) <= 4e-16);
                assert_true(fabs(bvn(TP_F32, h, k, d[i], s) - exact) <= 4e-7);
            }
}

static void limits(void **state) {
    (void)state;
    const TpDtype t[] = {TP_F64, TP_F32};
    for (int i = 0; i < 2; i++) {
        double eps = i ? 4e-7 : 4e-16;
        for (int s = -1; s <= 1; s += 2) {
            assert_true(fabs(bvn(t[i], INFINITY, 0.5, 0.3, s) - (double)ref_Phi(0.5, 0)) <= eps);
            assert_true(bvn(t[i], -INFINITY, 0.5, 0.3, s) <= eps);
            assert_true(fabs(bvn(t[i], INFINITY, INFINITY, 0.3, s) - 1) <= eps);
            assert_true(isnan(bvn(t[i], NAN, 0.5, 0.3, s)));
            assert_true(isnan(bvn(t[i], 0.5, NAN, 0.3, s)));
        }
        double product = (double)(ref_Phi(0.7, 0) * ref_Phi(-1.2, 0));
        assert_true(fabs(bvn(t[i], (float)0.7, -(float)1.2, 1, 1) - product) <= 1e-7 + eps);
    }
}

/* The same bits for swapped arguments: Gram matrices stay symmetric. */
static void symmetric(void **state) {
    (void)state;
    static double h[N], k[N], d[N], s[N], a[N], b[N];
    Random r = {1234567};
    for (int i = 0; i < N; i++) {
        h[i] = gauss(&r), k[i] = gauss(&r), d[i] = random_unit(&r);
        s[i] = random_unit(&r) < 0.5 ? -1 : 1;
    }
    machine_run(KO_bvn, TP_F64, (const double *[]){h, k, d, s}, a, N);
    machine_run(KO_bvn, TP_F64, (const double *[]){k, h, d, s}, b, N);
    assert_memory_equal(a, b, sizeof a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_float64),      cmocka_unit_test(random_float32),
        cmocka_unit_test(perfect_correlation), cmocka_unit_test(centred),
        cmocka_unit_test(limits),              cmocka_unit_test(symmetric)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

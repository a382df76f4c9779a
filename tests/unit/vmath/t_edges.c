/* Values at the ends of the domains: zeros, subnormals, infinities, NaN. */
#include "machine.h"
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define INF INFINITY
#define ANY (-1e300) /* either dtype's value is in the other column */

typedef struct Edge {
    KOp op;
    double x, y, exact64, exact32;
} Edge;

#define BOTH(op, x, y, v) {KO_##op, x, y, v, v}
#define F64(op, x, y, v) {KO_##op, x, y, v, ANY}
#define F32(op, x, y, v) {KO_##op, x, y, ANY, v}
static const Edge edges[] = {
    BOTH(exp, 0.0, 0, 1), BOTH(exp, -0.0, 0, 1), BOTH(exp, INF, 0, INF), BOTH(exp, -INF, 0, 0),
    BOTH(exp, NAN, 0, NAN), BOTH(exp, 1e30, 0, INF), BOTH(exp, -1e30, 0, 0),
    F64(exp, 709.79, 0, INF), F64(exp, -745.2, 0, 0), F64(exp, -745.1, 0, 5e-324),
    F32(exp, 88.8, 0, INF), F32(exp, -104, 0, 0), F32(exp, -103.2, 0, 0x1p-149),
    BOTH(expm1, 0.0, 0, 0.0), BOTH(expm1, -0.0, 0, -0.0), BOTH(expm1, INF, 0, INF),
    BOTH(expm1, -INF, 0, -1), BOTH(expm1, NAN, 0, NAN), BOTH(expm1, -1e30, 0, -1),
    F64(expm1, 5e-324, 0, 5e-324), F64(expm1, -5e-324, 0, -5e-324),
    F32(expm1, 0x1p-149, 0, 0x1p-149),
    BOTH(log, 1, 0, 0), BOTH(log, 0.0, 0, -INF), BOTH(log, -0.0, 0, -INF), BOTH(log, INF, 0, INF),
    BOTH(log, -1, 0, NAN), BOTH(log, -INF, 0, NAN), BOTH(log, NAN, 0, NAN),
    BOTH(log1p, 0.0, 0, 0), BOTH(log1p, -0.0, 0, -0.0), BOTH(log1p, -1, 0, -INF),
    BOTH(log1p, INF, 0, INF), BOTH(log1p, -2, 0, NAN), BOTH(log1p, -INF, 0, NAN),
    BOTH(log1p, NAN, 0, NAN), F64(log1p, -5e-324, 0, -5e-324), F32(log1p, -0x1p-149, 0, -0x1p-149),
    BOTH(sin, 0.0, 0, 0), BOTH(sin, -0.0, 0, 0), BOTH(sin, INF, 0, NAN), BOTH(sin, NAN, 0, NAN),
    F64(sin, 5e-324, 0, 5e-324), F64(sin, 0x1p45, 0, NAN), F32(sin, 0x1p18, 0, NAN),
    BOTH(cos, 0.0, 0, 1), BOTH(cos, -0.0, 0, 1), BOTH(cos, -INF, 0, NAN), BOTH(cos, NAN, 0, NAN),
    F64(cos, 5e-324, 0, 1), F64(cos, 0x1p45, 0, NAN), F32(cos, 0x1p18, 0, NAN),
    BOTH(tanh, 0.0, 0, 0.0), BOTH(tanh, -0.0, 0, -0.0), BOTH(tanh, INF, 0, 1),
    BOTH(tanh, -INF, 0, -1),
    BOTH(tanh, 1e30, 0, 1), BOTH(tanh, NAN, 0, NAN), F64(tanh, 5e-324, 0, 5e-324),
    BOTH(erf, 0.0, 0, 0.0), BOTH(erf, -0.0, 0, -0.0), BOTH(erf, INF, 0, 1), BOTH(erf, -INF, 0, -1),
    BOTH(erf, -1e30, 0, -1), BOTH(erf, NAN, 0, NAN), F64(erf, 5e-324, 0, 5e-324),
    BOTH(Phi, 0.0, 0, 0.5), BOTH(Phi, -0.0, 0, 0.5), BOTH(Phi, INF, 0, 1), BOTH(Phi, -INF, 0, 0),
    BOTH(Phi, 1e30, 0, 1), BOTH(Phi, -1e30, 0, 0), BOTH(Phi, NAN, 0, NAN), F64(Phi, -38.6, 0, 0),
    BOTH(pow, 2, 10, 1024), BOTH(pow, 2, -1, 0.5), BOTH(pow, 1, 1e30, 1), BOTH(pow, 0, 0, 1),
    BOTH(pow, 0, 2, 0), BOTH(pow, 0, 1e-30, 0), BOTH(pow, 0, -2, INF), BOTH(pow, INF, 0, 1),
    BOTH(pow, INF, 0.5, INF), BOTH(pow, INF, -0.5, 0), BOTH(pow, -1, 2, NAN), BOTH(pow, 3, 0, 1),
    BOTH(pow, NAN, 2, NAN), BOTH(pow, 2, NAN, NAN), BOTH(pow, 0, NAN, NAN), BOTH(pow, NAN, 0, 1),
    BOTH(pow, 2, INF, INF), BOTH(pow, 2, -INF, 0), BOTH(pow, 0.5, INF, 0),
    BOTH(pow, 0.5, -INF, INF),
    BOTH(pow, 1e30, 1e30, INF), BOTH(pow, 1e30, -1e30, 0), F64(pow, 5e-324, 1, 5e-324),
    F64(pow, 2, 1023, 0x1p1023), F64(pow, 2, 1024, INF), F64(pow, 2, -1074, 0x1p-1074),
    F32(pow, 2, 127, 0x1p127), F32(pow, 2, 128, INF), F32(pow, 2, -149, 0x1p-149),
    BOTH(asin, 0.0, 1, 0.0), BOTH(asin, -0.0, 1, -0.0), BOTH(asin, NAN, 1, NAN),
    BOTH(asin, NAN, NAN, NAN), F64(asin, 1, 0, M_PI_2), F64(asin, -1, 0, -M_PI_2),
    F64(asin, 5e-324, 1, 5e-324), F32(asin, 1, 0, (float)M_PI_2), F32(asin, -1, 0, -(float)M_PI_2),
    BOTH(atan2, 0.0, 0.0, 0.0), BOTH(atan2, -0.0, 0.0, -0.0), BOTH(atan2, 0.0, 1, 0.0),
    BOTH(atan2, -0.0, 1, -0.0), BOTH(atan2, 0, INF, 0), BOTH(atan2, NAN, 1, NAN),
    BOTH(atan2, 1, NAN, NAN), F64(atan2, 1, 0, M_PI_2), F64(atan2, -1, 0, -M_PI_2),
    F64(atan2, INF, 1, M_PI_2), F64(atan2, INF, INF, M_PI_4), F64(atan2, -INF, INF, -M_PI_4),
    F64(atan2, 5e-324, 5e-324, M_PI_4), F64(atan2, 1e300, 1e-300, M_PI_2),
    F64(atan2, 5e-324, 1, 5e-324), F32(atan2, 1, 0, (float)M_PI_2),
    F32(atan2, -INF, 1, -(float)M_PI_2),
    BOTH(dexp, 3, 0.0, 0.0), BOTH(dexp, 3, -0.0, -0.0), BOTH(dexp, 0, INF, 1),
    BOTH(dexp, 0, -INF, -INF),
    BOTH(dexp, -INF, 1, 0), BOTH(dexp, NAN, 1, NAN), BOTH(dexp, 1, NAN, NAN),
    BOTH(dexp, 1e30, 1, INF),
    BOTH(fan00, 0, 0, 0), BOTH(fan00, NAN, 0, NAN),
    BOTH(fan11, 0, 0, 0), BOTH(fan11, NAN, 0, NAN),
};

static bool same(double got, double want) {
    if (isnan(want)) return isnan(got);
    bool zero_sign = want != 0 || signbit(want) == 0 || signbit(got);
    return got == want && zero_sign;
}

static void edge_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        const Edge *e = &edges[i];
        const TpDtype type[] = {TP_F64, TP_F32};
        const double want[] = {e->exact64, e->exact32};
        for (int t = 0; t < 2; t++) {
            if (want[t] == ANY) continue;
            double got = machine_call(e->op, type[t], e->x, e->y, 0, 0);
            if (!same(got, want[t]))
                fail_msg("row %zu (%s, %a, %a): %a, not %a", i, t ? "f32" : "f64", e->x, e->y, got,
                         want[t]);
        }
    }
}

/* What formulas rely on: |sin|, |cos|, |tanh|, |erf| <= 1; 0 <= Phi <= 1; odd functions. */
static void ranges(void **state) {
    (void)state;
    enum { N = 4096 };
    static double x[N], minus[N], up[N], down[N];
    const KOp odd[] = {KO_sin, KO_tanh, KO_erf};
    Random r = {42};
    for (int i = 0; i < N; i++) {
        x[i] = i % 2 ? random_between(&r, 0, 20) : M_PI_2 * (i / 2) + random_between(&r, 0, 1e-8);
        minus[i] = -x[i];
    }
    for (int t = 0; t < 2; t++) {
        for (int o = 0; o < 3; o++) {
            machine_run(odd[o], t ? TP_F32 : TP_F64, (const double *[]){x}, up, N);
            machine_run(odd[o], t ? TP_F32 : TP_F64, (const double *[]){minus}, down, N);
            for (int i = 0; i < N; i++) assert_true(up[i] == -down[i] && fabs(up[i]) <= 1);
        }
        machine_run(KO_cos, t ? TP_F32 : TP_F64, (const double *[]){x}, up, N);
        for (int i = 0; i < N; i++) assert_true(fabs(up[i]) <= 1);
        machine_run(KO_Phi, t ? TP_F32 : TP_F64, (const double *[]){x}, up, N);
        for (int i = 0; i < N; i++) assert_true(up[i] >= 0.5 && up[i] <= 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(edge_values), cmocka_unit_test(ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

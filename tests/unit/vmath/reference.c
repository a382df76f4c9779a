#include "reference.h"
#include <math.h>

static const long double PI = 3.14159265358979323846264338327950288L;

#define ONE(name, expr) \
    long double ref_##name(long double x, long double y) { return (void)y, expr; }
ONE(exp, expl(x))
ONE(expm1, expm1l(x))
ONE(log, logl(x))
ONE(log1p, log1pl(x))
ONE(sin, sinl(x))
ONE(cos, cosl(x))
ONE(tanh, tanhl(x))
ONE(erf, erfl(x))
#undef ONE

long double ref_pow(long double x, long double y) { return powl(x, y); }
long double ref_atan2(long double x, long double y) { return atan2l(x, y); }

/* The smaller of the two counts. */
long double ref_asin(long double s, long double c) {
    return fabsl(s) <= c ? asinl(s) : copysignl(PI / 2 - asinl(c), s);
}

/* erfc(x / sqrt 2) / 2: the rounding of the argument a is made up for by e^(a^2 - x^2/2). */
long double ref_Phi(long double x, long double y) {
    (void)y;
    long double a = -x * sqrtl(0.5L), aa = a * a, xx = x * x;
    long double low = fmal(a, a, -aa) - fmal(x, x, -xx) / 2;
    long double d = (aa - xx / 2) + low;
    return erfcl(a) / 2 * (x < -1 ? 1 + d : 1);
}

/* e^a - e^(a-x), the rounding of a - x included */
long double ref_dexp(long double x, long double y) {
    if (y >= 0) return -expl(x) * expm1l(-y);
    long double d = x - y, t = d - x, low = (x - (d - t)) + (-y - t);
    return expl(d) * expm1l(y) * (1 + low);
}

static long double angle(long double d) { return 2 * asinl(sqrtl(d / 2)); }

long double ref_fan00(long double x, long double y) {
    (void)y;
    return angle(x) / (2 * PI);
}

/* sin t - t cos t = sum over n of (-1)^(n+1) 2n t^(2n+1) / (2n+1)! */
long double ref_fan11(long double x, long double y) {
    (void)y;
    long double t = angle(x), term = t, sum = 0;
    for (int n = 1; n < 20; n++) {
        term *= -t * t / ((2 * n) * (2 * n + 1));
        sum -= 2 * n * term;
    }
    return sum / (2 * PI);
}

/* 20-point Gauss-Legendre nodes by Newton's method */
enum { NODES = 20 };
typedef struct Rule {
    long double x[NODES], w[NODES];
} Rule;

static Rule gauss_legendre(void) {
    Rule r;
    for (int i = 0; i < NODES; i++) {
        long double x = -cosl(PI * (i + 0.75L) / ((long double)NODES + 0.5L)), slope = 0;
        for (int step = 0; step < 8; step++) {
            long double p0 = 1, p1 = x;
            for (int n = 2; n <= NODES; n++) {
                long double p2 = ((2 * n - 1) * x * p1 - (n - 1) * p0) / n;
                p0 = p1;
                p1 = p2;
            }
            slope = (long double)NODES * (x * p1 - p0) / (x * x - 1);
            x -= p1 / slope;
        }
        r.x[i] = x;
        r.w[i] = 2 / ((1 - x * x) * slope * slope);
    }
    return r;
}

/* Phi(h) Phi(k) + int_0^asin(rho) exp(-(h^2 - 2 h k sin t + k^2) / (2 cos^2 t)) dt / (2 pi); panels
 * shrink towards pi/2, where the integrand may be steep. */
long double ref_bvn(long double h, long double k, long double rho) {
    Rule rule = gauss_legendre();
    long double end = asinl(fabsl(rho)), s = rho < 0 ? -1 : 1, sum = 0, lo = 0;
    while (lo < end) {
        long double hi = lo + (PI / 2 - lo) / 4;
        if (hi > end || end - lo < 1e-9L) hi = end;
        for (int i = 0; i < NODES; i++) {
            long double t = (lo + hi) / 2 + (hi - lo) / 2 * rule.x[i], c = cosl(t);
            long double q = (h * h - 2 * h * k * s * sinl(t) + k * k) / (2 * c * c);
            sum += (hi - lo) / 2 * rule.w[i] * expl(-q);
        }
        lo = hi;
    }
    return ref_Phi(h, 0) * ref_Phi(k, 0) + s * sum / (2 * PI);
}

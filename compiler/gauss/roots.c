#include "gauss/roots.h"
#include <math.h>

static double horner(const double *c, uint32_t degree, double x) {
    double v = c[degree];
    for (uint32_t i = degree; i--;) v = v * x + c[i];
    return v;
}

static double bisect(const double *c, uint32_t degree, double lo, double hi) {
    bool up = horner(c, degree, hi) > 0;
    for (int i = 0; i < 200 && lo < hi; i++) {
        double mid = lo + (hi - lo) / 2;
        if (mid <= lo || mid >= hi) break;
        if ((horner(c, degree, mid) > 0) == up)
            hi = mid;
        else
            lo = mid;
    }
    return lo + (hi - lo) / 2;
}

/* Ascending roots with a change of sign: between neighbouring roots of the derivative. */
static uint32_t sign_changes(const double *c, uint32_t degree, double *out) {
    if (!degree) return 0;
    double d[MAX_ROOT_DEGREE + 1] = {0}, at[MAX_ROOT_DEGREE + 2];
    double big = 1;
    for (uint32_t i = 0; i < degree; i++) {
        d[i] = c[i + 1] * (i + 1);
        big = fmax(big, fabs(c[i] / c[degree]));
    }
    uint32_t n = 0, k = 0;
    at[n++] = -2 * big * degree;
    n += sign_changes(d, degree - 1, at + n);
    at[n++] = 2 * big * degree;
    for (uint32_t i = 0; i + 1 < n; i++) {
        double a = horner(c, degree, at[i]), b = horner(c, degree, at[i + 1]);
        if ((a > 0) != (b > 0)) out[k++] = bisect(c, degree, at[i], at[i + 1]);
    }
    return k;
}

/* The root as a rational, if it exactly is a small one. */
static Fm exact(FmPool *p, const Rat *c, uint32_t degree, double x) {
    for (int64_t d = 1; d <= 64; d++) {
        double m = rint(x * (double)d);
        if (fabs(m - x * (double)d) > 1e-11 || fabs(m) > 1e6) continue;
        Rat r = rat((int64_t)m, d), v = c[degree];
        bool before = p->overflow;
        p->overflow = false;
        for (uint32_t i = degree; i--;) v = rat_add(p, rat_mul(p, v, r), c[i]);
        bool ok = !p->overflow && v.n == 0;
        p->overflow = before;
        if (ok) return fm_rat(p, r);
    }
    return fm_double(p, x);
}

uint32_t roots_of(FmPool *p, const Rat *c, uint32_t degree, Root *out, bool *positive) {
    double v[MAX_ROOT_DEGREE + 1], at[MAX_ROOT_DEGREE];
    for (uint32_t i = 0; i <= degree; i++) v[i] = (double)c[i].n / (double)c[i].d;
    *positive = (v[degree] > 0) == (degree % 2 == 0);
    uint32_t n = sign_changes(v, degree, at);
    bool sign = *positive;
    for (uint32_t i = 0; i < n; i++) {
        sign = !sign;
        out[i] = (Root){exact(p, c, degree, at[i]), sign};
    }
    return n;
}

#include "gauss/rules.h"
#include <math.h>

void rule_legendre(uint32_t n, double *x, double *w) {
    for (uint32_t i = 0; i < n; i++) {
        long double z = cosl((long double)M_PI * (i + 0.75L) / (n + 0.5L)), dp = 1;
        for (int it = 0; it < 60; it++) {
            long double p = 1, q = 0;
            for (uint32_t k = 0; k < n; k++) {
                long double t = ((2 * k + 1) * z * p - k * q) / (k + 1);
                q = p;
                p = t;
            }
            dp = n * (z * p - q) / (z * z - 1);
            long double dz = p / dp;
            z -= dz;
            if (fabsl(dz) < 1e-19L) break;
        }
        x[n - 1 - i] = (double)((1 + z) / 2);
        w[n - 1 - i] = (double)(1 / ((1 - z * z) * dp * dp));
    }
}

enum { MAX_FIT = 40 };

uint32_t fit_unit_interval(double (*f)(const void *ctx, double d), const void *ctx, uint32_t degree,
                           double *c) {
    double cheb[MAX_FIT + 1] = {0}, v[MAX_FIT + 1];
    uint32_t n = degree + 1;
    for (uint32_t j = 0; j < n; j++) v[j] = f(ctx, (1 + cos(M_PI * (j + 0.5) / n)) / 2);
    double largest = 0;
    for (uint32_t k = 0; k < n; k++) {
        long double s = 0;
        for (uint32_t j = 0; j < n; j++) s += v[j] * cosl((long double)M_PI * k * (j + 0.5L) / n);
        cheb[k] = (double)(s * (k ? 2 : 1) / n);
        largest = fmax(largest, fabs(cheb[k]));
    }
    while (degree && fabs(cheb[degree]) < 2e-17 * largest) degree--;
    /* T_k as monomials, by its recurrence */
    long double a[MAX_FIT + 1] = {1}, b[MAX_FIT + 1] = {0}, sum[MAX_FIT + 1] = {0};
    b[1] = 1;
    for (uint32_t k = 0; k <= degree; k++) {
        for (uint32_t i = 0; i <= k; i++) sum[i] += cheb[k] * a[i];
        long double t[MAX_FIT + 1] = {0};
        for (uint32_t i = 0; i < degree; i++) t[i + 1] = 2 * b[i];
        for (uint32_t i = 0; i <= degree; i++) {
            t[i] -= a[i];
            a[i] = b[i];
            b[i] = t[i];
        }
    }
    for (uint32_t i = 0; i <= degree; i++) c[i] = (double)sum[i];
    return degree;
}

/* Coefficients by parts, where the derivative has no normal form (a step of what is not Gaussian):
 * sum over j of Cov(g_i, g_j) c_j = E[g_i Z] over all hats g that Z depends on. */
#include "check/limit1.h"
#include <math.h>

enum { MAX_HATS = 12 };

/* E[leaf z], every leaf inside an integral. */
static Num moment_with(Limit1 *l, uint32_t leaf, Form z) {
    Form f = form_mul(l->f, form_leaf(l->f, leaf), z);
    Num sum = {0, 0};
    if (!f) return (Num){(double)NAN, INFINITY};
    FormNode n = form_node(l->f, f);
    for (uint32_t i = 0; i < n.n; i++) {
        Power *in = ARENA_ARRAY(l->a, Power, n.m[i].n + 1);
        Power *out = ARENA_ARRAY(l->a, Power, n.m[i].n + 1);
        uint32_t nin = 0, nout = 0;
        for (uint32_t j = 0; j < n.m[i].n; j++)
            if (form_atom(l->f, n.m[i].f[j].atom).leaves) in[nin++] = n.m[i].f[j];
            else out[nout++] = n.m[i].f[j];
        Mono with = {1, 1, in, nin};
        Form factor = form_of_mono(l->f, (Mono){n.m[i].num, n.m[i].den, out, nout});
        Num a = form_value(l->f, factor), b = expect_product(l, &with);
        sum.v += a.v * b.v;
        sum.err += fabs(a.v) * b.err + a.err * (fabs(b.v) + b.err);
    }
    return sum;
}

/* Gaussian elimination with the largest pivot; what depends on others gets 0. */
static void solve(double a[MAX_HATS][MAX_HATS + 1], uint32_t n, double *x) {
    bool used[MAX_HATS] = {false};
    int row[MAX_HATS];
    double top = 0;
    for (uint32_t i = 0; i < n; i++) {
        row[i] = -1;
        x[i] = 0;
        if (a[i][i] > top) top = a[i][i];
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t best = n;
        for (uint32_t i = 0; i < n; i++)
            if (!used[i] && (best == n || fabs(a[i][i]) > fabs(a[best][best]))) best = i;
        if (best == n || fabs(a[best][best]) < 1e-9 * top) break;
        used[best] = true;
        row[best] = 1;
        for (uint32_t i = 0; i < n; i++) {
            if (i == best) continue;
            double q = a[i][best] / a[best][best];
            for (uint32_t j = 0; j <= n; j++) a[i][j] -= q * a[best][j];
        }
    }
    for (uint32_t i = 0; i < n; i++)
        if (row[i] > 0) x[i] = a[i][n] / a[i][i];
}

bool coefficients_by_parts(Limit1 *l, Form z, const uint32_t *hat, uint32_t n, Num *out) {
    double a[MAX_HATS][MAX_HATS + 1], x[MAX_HATS], err = 0;
    if (n > MAX_HATS) return false;
    for (uint32_t i = 0; i < n; i++) {
        Num b = moment_with(l, hat[i], z);
        if (!isfinite(b.v) || !isfinite(b.err)) return false;
        a[i][n] = b.v;
        double least = INFINITY;
        for (uint32_t j = 0; j < n; j++) {
            a[i][j] = form_value(l->f, leaf_cov(l, hat[i], hat[j])).v;
            if (!isfinite(a[i][j])) return false;
            if (j == i) least = a[i][j];
        }
        if (!(least > 0)) return false;
        err = fmax(err, b.err / least);
    }
    solve(a, n, x);
    for (uint32_t i = 0; i < n; i++) out[i] = (Num){x[i], 4 * n * err};
    return true;
}

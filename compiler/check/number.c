/* Expectations as numbers: by compiler/gauss, over linearly independent leaves. */
#include "check/limit1.h"
#include "gauss/gauss.h"
#include <math.h>

enum { MAX_HARD = 8, MAX_NUMBERS = 20000, MAX_SIZE = 1000 };

typedef struct Hard { /* leaves of a product, and their law */
    Limit1 *l;
    uint32_t leaf[MAX_HARD], n;
    double cov[MAX_HARD][MAX_HARD], mean[MAX_HARD];
    double err; /* relative, of the covariances */
    /* leaf i = sum over the independent ones by[i][j] * t_j + mean[i] */
    double by[MAX_HARD][MAX_HARD];
    uint32_t basis[MAX_HARD], nbasis;
} Hard;

static const Num unknown = {(double)NAN, INFINITY};

static bool collect(Limit1 *l, Form z, Hard *h) {
    Leaves v = {0};
    form_leaves(l->f, z, &v);
    h->l = l;
    if (v.len > MAX_HARD) return false;
    for (uint32_t i = 0; i < v.len; i++) {
        if (l->leaf.data[v.data[i]].kind == LEAF_coin) return false;
        h->leaf[h->n++] = v.data[i];
    }
    for (uint32_t i = 0; i < h->n; i++)
        for (uint32_t j = 0; j < h->n; j++) {
            Num c = form_value(l->f, leaf_cov(l, h->leaf[i], h->leaf[j]));
            if (!isfinite(c.v)) return false;
            h->cov[i][j] = c.v;
            if (i == j && c.v > 0 && c.err / c.v > h->err) h->err = c.err / c.v;
        }
    return true;
}

/* Given that leaf u is at `at`. */
static void condition(Hard *h, uint32_t u, double at) {
    double v = h->cov[u][u], col[MAX_HARD];
    for (uint32_t i = 0; i < h->n; i++) col[i] = h->cov[i][u];
    for (uint32_t i = 0; i < h->n; i++) {
        h->mean[i] += col[i] / v * at;
        for (uint32_t j = 0; j < h->n; j++) {
            h->cov[i][j] -= col[i] * col[j] / v;
            if (fabs(h->cov[i][j]) < 1e-13 * sqrt(fabs(v))) h->cov[i][j] = 0;
        }
    }
    for (uint32_t i = 0; i < h->n; i++) h->cov[i][u] = h->cov[u][i] = 0;
}

/* Linearly independent leaves; the others in terms of them. */
static void independent(Hard *h) {
    double c[MAX_HARD][MAX_HARD];
    memcpy(c, h->cov, sizeof c);
    for (uint32_t i = 0; i < h->n; i++) {
        double v = h->cov[i][i], left = v, coef[MAX_HARD] = {0};
        /* regress on the basis so far, by solving its normal equations */
        uint32_t m = h->nbasis;
        double a[MAX_HARD][MAX_HARD + 1];
        for (uint32_t r = 0; r < m; r++) {
            for (uint32_t s = 0; s < m; s++) a[r][s] = c[h->basis[r]][h->basis[s]];
            a[r][m] = c[h->basis[r]][i];
        }
        for (uint32_t p = 0; p < m; p++)
            for (uint32_t r = p + 1; r < m; r++) {
                double q = a[r][p] / a[p][p];
                for (uint32_t s = p; s <= m; s++) a[r][s] -= q * a[p][s];
            }
        for (uint32_t p = m; p-- > 0;) {
            coef[p] = a[p][m];
            for (uint32_t s = p + 1; s < m; s++) coef[p] -= a[p][s] * coef[s];
            coef[p] /= a[p][p];
        }
        for (uint32_t p = 0; p < m; p++) left -= coef[p] * c[h->basis[p]][i];
        if (left > 1e-11 * v) {
            h->by[i][m] = 1;
            h->basis[h->nbasis++] = i;
        } else {
            memcpy(h->by[i], coef, sizeof coef);
        }
    }
}

static Fx hard_leaf(void *ctx, uint32_t leaf) {
    Hard *h = ctx;
    FxPool *fx = h->l->k->p->fx;
    for (uint32_t i = 0; i < h->n; i++) {
        if (h->leaf[i] != leaf) continue;
        Fx r = fx_num(fx, h->mean[i]);
        for (uint32_t j = 0; j < h->nbasis; j++)
            if (h->by[i][j] != 0)
                r = fx_add(fx, r, fx_mul(fx, fx_num(fx, h->by[i][j]), fx_leaf(fx, j)));
        return r;
    }
    return 0;
}

/* ---- more than three dimensions: points */

static double normal_quantile(double p) {
    double x = 0;
    for (int i = 0; i < 60; i++) {
        double f = 0.5 * erfc(-x * M_SQRT1_2) - p, d = exp(-x * x / 2) / sqrt(2 * M_PI);
        double step = f / (d + 1e-300);
        x -= step > 1 ? 1 : step < -1 ? -1 : step;
        if (fabs(step) < 1e-13) break;
    }
    return x;
}

static bool cholesky(const Hard *h, double out[MAX_HARD][MAX_HARD]) {
    for (uint32_t i = 0; i < h->nbasis; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double s = h->cov[h->basis[i]][h->basis[j]];
            for (uint32_t q = 0; q < j; q++) s -= out[i][q] * out[j][q];
            if (i == j && s <= 0) return false;
            out[i][j] = i == j ? sqrt(s) : s / out[j][j];
        }
    return true;
}

static const int POINTS = 256, SHIFTS = 16;

/* A Korobov-like sequence of square roots of primes, randomly shifted: the mean over SHIFTS shifts
 * and four standard errors. */
static Num by_points(Hard *h, Fx f) {
    static const double prime[MAX_HARD] = {2, 3, 5, 7, 11, 13, 17, 19};
    double low[MAX_HARD][MAX_HARD] = {{0}}, sum = 0, square = 0;
    uint64_t state = 0x9e3779b97f4a7c15u;
    if (h->l->points++ > 40 || !cholesky(h, low)) return unknown;
    for (int s = 0; s < SHIFTS; s++) {
        double shift[MAX_HARD], mean = 0;
        for (uint32_t i = 0; i < h->nbasis; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            shift[i] = (double)(state >> 11) * 0x1p-53;
        }
        for (int k = 0; k < POINTS; k++) {
            double t[MAX_HARD], leaf[MAX_HARD];
            for (uint32_t i = 0; i < h->nbasis; i++) {
                double u = fmod(shift[i] + (k + 1) * sqrt(prime[i]), 1);
                t[i] = normal_quantile(u < 1e-12 ? 1e-12 : u);
                leaf[i] = 0;
                for (uint32_t q = 0; q <= i; q++) leaf[i] += low[i][q] * t[q];
            }
            FxEnv env = {.leaf = leaf};
            mean += fx_eval(h->l->k->p->fx, f, &env) / POINTS;
        }
        sum += mean;
        square += mean * mean;
    }
    double m = sum / SHIFTS, var = (square / SHIFTS - m * m) / (SHIFTS - 1);
    return (Num){m, 4 * sqrt(var > 0 ? var : 0) + 4 * h->err * fabs(m)};
}

static Num by_gauss(Hard *h, Form z) {
    Limit1 *l = h->l;
    bool zero[MAX_HARD * MAX_HARD] = {false}, centred[MAX_HARD];
    double var[MAX_HARD], cov[MAX_HARD * MAX_HARD] = {0}, mean[MAX_HARD] = {0};
    independent(h);
    Fx f = form_to_fx(l->f, z, hard_leaf, h);
    if (!f) return unknown;
    if (h->nbasis > 3 || fx_size(l->k->p->fx, f) > MAX_SIZE) return by_points(h, f);
    uint32_t n = h->nbasis;
    if (!n) {
        FxEnv env = {0};
        double v = fx_eval(l->k->p->fx, f, &env);
        return (Num){v, 1e-9 * fabs(v)};
    }
    for (uint32_t i = 0; i < n; i++) {
        var[i] = h->cov[h->basis[i]][h->basis[i]];
        centred[i] = true;
        for (uint32_t j = 0; j < n; j++) {
            cov[i * n + j] = h->cov[h->basis[i]][h->basis[j]];
            zero[i * n + j] = cov[i * n + j] == 0;
        }
    }
    GaussQuery q = {.fx = l->k->p->fx, .F = f, .nl = n, .nleaf = n, .same = true, .zero = zero,
                    .centred = centred, .no_series = true};
    const Expectation *e = gauss_plan(l->c, &q);
    if (e->method == GM_none || e->dims > 2) return by_points(h, f); /* 3: seconds */
    GaussNumbers v = {.var = var, .cov = cov, .mean = mean};
    double x = gauss_value(l->c, &q, e, &v);
    if (!isfinite(x)) return by_points(h, f);
    double error = gauss_error(e, var), err = (error > 1e-10 ? error : 1e-10) + 4 * h->err;
    return (Num){x, err * (1 + fabs(x))};
}

/* E[delta(a u + m) rest] = density of a u + m at 0 times E[rest | u = -m / a]. */
static Num with_delta(Hard *h, Form arg, Form rest) {
    Limit1 *l = h->l;
    Leaves v = {0};
    form_leaves(l->f, arg, &v);
    if (v.len != 1) return unknown;
    uint32_t u = 0;
    while (h->leaf[u] != v.data[0]) u++;
    Form a = form_diff(l->f, arg, v.data[0]);
    if (!a || form_node(l->f, a).leaves || h->cov[u][u] <= 0) return unknown;
    Form m = form_sub(l->f, arg, form_mul(l->f, a, form_leaf(l->f, v.data[0])));
    double slope = form_value(l->f, a).v, off = form_value(l->f, m).v, s2 = h->cov[u][u];
    double at = -off / slope;
    double density = exp(-at * at / (2 * s2)) / (sqrt(2 * M_PI * s2) * fabs(slope));
    condition(h, u, at);
    Num r = by_gauss(h, rest);
    return (Num){density * r.v, density * r.err + 4 * h->err * fabs(density * r.v)};
}

Num expect_number(Limit1 *l, Form z) {
    Hard h = {0};
    if (l->numbers++ > MAX_NUMBERS) {
        limit1_stuck(l, "it takes too many expectations");
        return unknown;
    }
    if (!collect(l, z, &h)) return unknown;
    FormNode n = form_node(l->f, z);
    for (uint32_t i = 0; n.n == 1 && i < n.m[0].n; i++) {
        Atom a = form_atom(l->f, n.m[0].f[i].atom);
        if (a.kind != ATOM_fn || a.fn != FF_delta) continue;
        if (n.m[0].f[i].p != 1 || n.m[0].f[i].q != 1) return unknown;
        Mono rest = n.m[0];
        Power *f = ARENA_ARRAY(l->a, Power, rest.n);
        for (uint32_t j = 0, o = 0; j < rest.n; j++)
            if (j != i) f[o++] = rest.f[j];
        rest.f = f;
        rest.n--;
        return with_delta(&h, a.arg, form_of_mono(l->f, rest));
    }
    return by_gauss(&h, z);
}

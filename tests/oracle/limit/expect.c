#include "oracle.h"
#include <math.h>
#include <string.h>

void setup_data(Setup *s, unsigned seed) {
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < NSAMPLE; i++)
            for (int d = 0; d < DIM; d++) {
                seed = seed * 1664525u + 1013904223u;
                s->x[k][i][d] = (double)(seed >> 8) / (1 << 23) - 1;
            }
    for (int k = 0; k < 2; k++)
        for (int l = 0; l < 2; l++)
            for (int i = 0; i < NSAMPLE; i++)
                for (int j = 0; j < NSAMPLE; j++) {
                    double g = 0;
                    for (int d = 0; d < DIM; d++) g += s->x[k][i][d] * s->x[l][j][d];
                    s->gram[k][l][i][j] = g / (double)DIM;
                }
}

/* ---- data with positions */
static double noise(uint32_t h) {
    h = (h ^ h >> 16) * 0x45d9f3bu;
    h = (h ^ h >> 16) * 0x45d9f3bu;
    return (double)(h ^ h >> 16) / 2147483648.0 - 1;
}

static uint32_t place(uint32_t input, int sample, const int64_t *idx, uint32_t n, int c) {
    uint32_t h = input * 7919u + (uint32_t)sample * 104729u + (uint32_t)c * 31u + 17;
    for (uint32_t i = 0; i < n; i++) h = h * 16777619u + (uint32_t)idx[i] + 101;
    return h;
}

double setup_point(const Setup *s, uint32_t input, int sample, const int64_t *idx, uint32_t n,
                   int c) {
    if (!n) return s->x[input][sample][c];
    uint32_t h = place(input, sample, idx, n, -1) >> 7;
    if (s->data & DATA_zeros && h % 3 == 0) return 0;
    if (s->data & DATA_repeats && h / 3 % 2) return noise((uint32_t)c + 5);
    if (s->data & DATA_multiples && h / 6 % 2) return -2 * noise((uint32_t)c + 5);
    return noise(place(input, sample, idx, n, c));
}

double setup_number(const Setup *s, uint32_t input, int sample, const int64_t *idx, uint32_t n) {
    (void)s;
    return 0.5 + 0.5 * noise(place(input + 9, sample, idx, n, 0));
}

double setup_gram(const Setup *s, uint32_t in0, int s0, const int64_t *i0, uint32_t n0,
                  uint32_t in1, int s1, const int64_t *i1, uint32_t n1) {
    double g = 0;
    for (int c = 0; c < DIM; c++)
        g += setup_point(s, in0, s0, i0, n0, c) * setup_point(s, in1, s1, i1, n1, c);
    return g / (double)DIM;
}

typedef struct SizeOf {
    const Setup *s;
    int sample;
} SizeOf;

static int64_t size_value(void *ctx, Sym name) {
    const SizeOf *z = ctx;
    return setup_size(z->s, z->sample, z->sample, name);
}

static int64_t floor_div(int64_t a, int64_t k) { return a >= 0 ? a / k : -((k - 1 - a) / k); }

int64_t setup_size(const Setup *s, int sample, int other, Sym name) {
    const char *text = sym_text(s->c->syms, name);
    size_t len = strlen(text);
    if (text[len - 1] == '\'')
        return setup_size(s, other, other, intern_n(s->c->syms, text, len - 1));
    for (uint32_t i = 0; i < s->p->size.len; i++) {
        const SizeDef *z = &s->p->size.data[i];
        if (z->name != name) continue;
        SizeOf of = {s, sample};
        int64_t a = aff_at(z->a, size_value, &of), b = aff_at(z->b, size_value, &of);
        switch (z->kind) {
        case SIZE_position: return s->own(s->ctx, sample, name);
        case SIZE_floor: return floor_div(a, z->k);
        case SIZE_max: return a > b ? a : b;
        case SIZE_min: return a < b ? a : b;
        }
    }
    return s->size(s->ctx, name);
}

/* ---- piecewise linear functions of one leaf: k0 + k1 u + k2 max(u, 0) + k3 [u > 0] */
typedef struct Piecewise {
    double k[4];
    int leaf; /* -1: constant */
} Piecewise;

enum { MAXLEAF = 64 };

static double at(const FxPool *p, Fx f, uint32_t n, int leaf, double t, const FxEnv *env) {
    double u[MAXLEAF] = {0};
    FxEnv e = *env;
    e.leaf = u;
    if (leaf >= 0 && (uint32_t)leaf < n) u[leaf] = t;
    return fx_eval(p, f, &e);
}

static bool occurs(const FxPool *p, Fx f, uint32_t k) {
    const FxNode *n = fx_node(p, f);
    if (n->op == FX_leaf) return n->k == k;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (occurs(p, n->arg[i], k)) return true;
    return false;
}

static bool is_piecewise(const FxPool *p, Fx f, uint32_t n, const FxEnv *env, Piecewise *out) {
    *out = (Piecewise){.leaf = -1};
    if (!f) {
        out->k[0] = 1;
        return true;
    }
    for (uint32_t k = 0; k < n; k++) {
        if (!occurs(p, f, k)) continue;
        if (out->leaf >= 0) return false;
        out->leaf = (int)k;
    }
    int l = out->leaf;
    double p1 = at(p, f, n, l, 1, env), p2 = at(p, f, n, l, 2, env), m1 = at(p, f, n, l, -1, env),
           m2 = at(p, f, n, l, -2, env);
    double sp = p2 - p1, cp = p1 - sp, sm = m1 - m2, cm = m1 + sm;
    static const double test[] = {0.25, 0.6, 3.7, -0.3, -0.8, -4.1};
    for (int i = 0; i < 6; i++) {
        double t = test[i], want = t > 0 ? cp + sp * t : cm + sm * t;
        if (fabs(at(p, f, n, l, t, env) - want) > 1e-11 * (1 + fabs(want))) return false;
    }
    out->k[0] = cm;
    out->k[1] = sm;
    out->k[2] = sp - sm;
    out->k[3] = cp - cm;
    return true;
}

/* E of products of {1, u, max(u, 0), [u > 0]} and the same of v. */
static double basic(int f, int g, double a, double c, double b) {
    if (f > g) return basic(g, f, b, c, a);
    a = fmax(a, 0); /* a difference of equal vectors, rounded */
    b = fmax(b, 0);
    double sa = sqrt(a), sb = sqrt(b), rho = a > 0 && b > 0 ? c / sqrt(a * b) : 0;
    if (rho > 1) rho = 1;
    if (rho < -1) rho = -1;
    double step_a = a > 0 ? 0.5 : 0, step_b = b > 0 ? 0.5 : 0, tau = 2 * M_PI;
    switch (f * 4 + g) {
    case 0: return 1;
    case 1: return 0;
    case 2: return sb / sqrt(tau);
    case 3: return step_b;
    case 5: return c;
    case 6: return c / 2;
    case 7: return b > 0 ? c / sqrt(tau * b) : 0;
    case 10: return sa * sb / tau * (sqrt((1 - rho) * (1 + rho)) + rho * (M_PI - acos(rho)));
    case 11: return b > 0 ? sa / (2 * sqrt(tau)) * (1 + rho) : 0;
    case 15: return a > 0 && b > 0 ? (M_PI - acos(rho)) / tau : step_a * step_b * 0;
    }
    return NAN;
}

/* Of an argument that is 0 for sure: the value there, which the pieces do not know. */
static void deterministic(const FxPool *p, Fx f, uint32_t n, const double *cov, const FxEnv *env,
                          Piecewise *w) {
    if (w->leaf < 0 || cov[(uint32_t)w->leaf * n + (uint32_t)w->leaf] > 0) return;
    *w = (Piecewise){.k = {at(p, f, n, w->leaf, 0, env)}, .leaf = -1};
}

static bool closed(const FxPool *p, Fx F, Fx G, uint32_t n, const double *cov, const double *mean,
                   const FxEnv *env, double *out) {
    Piecewise f, g;
    for (uint32_t i = 0; i < n; i++)
        if (mean[i] != 0) return false;
    if (!is_piecewise(p, F, n, env, &f) || !is_piecewise(p, G, n, env, &g)) return false;
    deterministic(p, F, n, cov, env, &f);
    deterministic(p, G, n, cov, env, &g);
    uint32_t i = f.leaf < 0 ? 0 : (uint32_t)f.leaf, j = g.leaf < 0 ? 0 : (uint32_t)g.leaf;
    double a = f.leaf < 0 ? 0 : cov[i * n + i], b = g.leaf < 0 ? 0 : cov[j * n + j];
    double c = f.leaf < 0 || g.leaf < 0 ? 0 : cov[i * n + j];
    *out = 0;
    for (int s = 0; s < 4; s++)
        for (int t = 0; t < 4; t++)
            if (f.k[s] != 0 && g.k[t] != 0) *out += f.k[s] * g.k[t] * basic(s, t, a, c, b);
    return true;
}

/* ---- quadrature */
/* Trapezoidal rule: exponentially accurate for analytic functions times the normal density.  sd: of
 * the widest leaf, whose functions are the steepest. */
enum { MAXNODE = 2048 };

static int nodes(uint32_t rank, double sd, double *z, double *w) {
    int m = rank <= 2 ? 30 : rank == 3 ? 16 : 11, fine = (int)(8 * sd / 0.3);
    int most = rank == 1 ? MAXNODE / 2 - 1 : 120;
    if (rank <= 2 && fine > m) m = fine < most ? fine : most;
    double h = (rank <= 2 ? 8.0 : 6.5) / m, s = 0;
    for (int i = -m; i <= m; i++) {
        z[i + m] = h * i;
        s += w[i + m] = exp(-h * h * i * i / 2);
    }
    for (int i = 0; i <= 2 * m; i++) w[i] /= s;
    return 2 * m + 1;
}

/* cov = L L^T by pivoted Cholesky; returns the rank. */
static uint32_t factorise(uint32_t n, const double *cov, double *L) {
    double d[MAXLEAF];
    uint32_t rank = 0;
    double top = 0;
    for (uint32_t i = 0; i < n; i++) {
        d[i] = cov[i * n + i];
        if (d[i] > top) top = d[i];
    }
    for (uint32_t i = 0; i < n * n; i++) L[i] = 0;
    while (rank < n) {
        uint32_t p = 0;
        for (uint32_t i = 1; i < n; i++)
            if (d[i] > d[p]) p = i;
        if (d[p] <= 1e-13 * top || d[p] <= 0) return rank;
        double root = sqrt(d[p]);
        for (uint32_t i = 0; i < n; i++) {
            double s = cov[i * n + p];
            for (uint32_t k = 0; k < rank; k++) s -= L[i * n + k] * L[p * n + k];
            L[i * n + rank] = s / root;
        }
        for (uint32_t i = 0; i < n; i++) d[i] -= L[i * n + rank] * L[i * n + rank];
        d[p] = 0;
        rank++;
    }
    return rank;
}

static double quadrature(const FxPool *p, Fx F, Fx G, uint32_t n, const double *cov,
                         const double *mean, const FxEnv *env) {
    double L[MAXLEAF * MAXLEAF / 16], u[MAXLEAF], z[MAXNODE], w[MAXNODE], sum = 0;
    if (n > 16) return NAN;
    uint32_t rank = factorise(n, cov, L);
    if (rank > 5) return NAN;
    double top = 0;
    for (uint32_t i = 0; i < n; i++) top = fmax(top, cov[i * n + i]);
    int m = nodes(rank, sqrt(top), z, w), at_node[8] = {0};
    FxEnv e = *env;
    e.leaf = u;
    for (;;) {
        double weight = 1;
        for (uint32_t i = 0; i < n; i++) u[i] = mean[i];
        for (uint32_t r = 0; r < rank; r++) {
            weight *= w[at_node[r]];
            for (uint32_t i = 0; i < n; i++) u[i] += L[i * n + r] * z[at_node[r]];
        }
        if (weight > 1e-18) sum += weight * fx_eval(p, F, &e) * (G ? fx_eval(p, G, &e) : 1);
        uint32_t r = 0;
        while (r < rank && ++at_node[r] == m) at_node[r++] = 0;
        if (r == rank) return sum;
    }
}

static bool independent(const FxPool *p, Fx F, Fx G, uint32_t n, const double *cov) {
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            if (cov[i * n + j] != 0 && occurs(p, F, i) && occurs(p, G, j)) return false;
    return true;
}

double oracle_expect(const FxPool *p, Fx F, Fx G, uint32_t n, const double *cov, const double *mean,
                     const FxEnv *env) {
    double v;
    if (G && independent(p, F, G, n, cov))
        return oracle_expect(p, F, 0, n, cov, mean, env) *
               oracle_expect(p, G, 0, n, cov, mean, env);
    if (closed(p, F, G, n, cov, mean, env, &v)) return v;
    return quadrature(p, F, G, n, cov, mean, env);
}

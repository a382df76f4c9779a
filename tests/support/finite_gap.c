#include "finite_gap.h"
#include "finite_ntk.h"
#include <math.h>

double gap_datum(bool second, uint32_t input, const int64_t *pos, uint32_t npos, uint32_t i) {
    uint64_t h = input + 1;
    int64_t at = 0;
    for (uint32_t k = 0; k < npos; k++) at = at * 5 + pos[k];
    h = (h * 31 + (uint64_t)at + 7) * 0x9e3779b97f4a7c15u;
    double x = h >> (40 + i) & 1 ? 1 : -1;
    return second && i == (uint32_t)at % GAP_DIM ? -x : x;
}

/* ---- networks */

static double quantile(double p) { /* Newton's method from the middle: convex on the way out */
    double x = 0;
    for (int i = 0; i < 200; i++) {
        double f = 0.5 * erfc(-x * M_SQRT1_2) - p, d = exp(-x * x / 2) / sqrt(2 * M_PI);
        double step = fmax(-0.5, fmin(0.5, f / d));
        x -= step;
        if (fabs(step) < 1e-12) break;
    }
    return x;
}

const double *gap_levels(Arena *a) {
    double *x = ARENA_ARRAY(a, double, GAP_LEVELS), square = 0;
    for (int k = 0; k < GAP_LEVELS / 2; k++) {
        x[k] = quantile((k + 0.5) / GAP_LEVELS);
        x[GAP_LEVELS - 1 - k] = -x[k];
        square += 2 * x[k] * x[k];
    }
    for (int k = 0; k < GAP_LEVELS; k++) x[k] /= sqrt(square / GAP_LEVELS);
    return x;
}

static uint64_t mixed(uint64_t h) { /* the finalizer of splitmix64 (Steele, Lea, Flood 2014) */
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static void row(void *ctx, const Program *p, FamId fam, const int64_t *idx, bool copy, uint32_t i,
                double *out, uint32_t n) {
    const GapNetwork *r = ctx;
    const Fam *f = &p->fam.data[fam];
    if (f->kind != FAM_matrix) {
        r->row(ctx, p, fam, idx, copy, i, out, n);
        return;
    }
    uint64_t key = mixed(r->random.seed * 0x9e3779b97f4a7c15u + 2 * fam + copy);
    for (uint32_t k = 0; k < f->nindex; k++) key = mixed(key * 3 + (uint64_t)idx[k]);
    key = mixed(key ^ mixed(i));
    for (uint32_t j = 0; j < n; j += 4) {
        uint64_t h = mixed(key + j * 0x9e3779b97f4a7c15u);
        for (uint32_t k = 0; k < 4 && j + k < n; k++, h >>= 16)
            out[j + k] = r->level[h % GAP_LEVELS];
    }
}

/* All seeds share the samples. */
static double datum(void *ctx, uint32_t input, const int64_t *pos, uint32_t npos, uint32_t i) {
    const GapNetwork *r = ctx;
    return gap_datum(r->random.sample, input, pos, npos, i);
}

FiniteEnv gap_network(GapNetwork *r, const double *level, uint64_t seed, uint64_t sample,
                      uint32_t n, bool copies) {
    r->random = (FiniteRandom){.seed = seed, .sample = sample, .d = GAP_DIM,
                               .size = GAP_POSITIONS};
    FiniteEnv e = finite_random(&r->random, n);
    r->level = level;
    r->row = e.row;
    e.row = row;
    e.datum = datum;
    e.copies = copies;
    e.ctx = r;
    return e;
}

/* ---- gaps: out[copies][other sample] */

static void thetas(const Gradient *g, const double *level, uint32_t n, uint64_t seed,
                   double out[2][2]) {
    Arena *a = arena_new(0, NULL, NULL);
    GapNetwork r[2][2];
    int64_t at[16] = {0};
    Finite *f[2][2], *first = NULL;
    for (int copies = 0; copies < 2; copies++)
        for (uint32_t i = 0; i < 2; i++) {
            FiniteEnv e = gap_network(&r[copies][i], level, seed, i, n, copies);
            f[copies][i] = first ? finite_sample(first, e) : finite_new(a, g->p, e);
            first = f[0][0];
        }
    for (int copies = 0; copies < 2; copies++)
        for (int i = 0; i < 2; i++)
            out[copies][i] = finite_ntk(a, g, f[copies][0], f[copies][i], n, at, at);
    arena_free(a);
}

void finite_gaps(const Gradient *g, uint32_t n, uint64_t first, uint32_t seeds, Gap out[2]) {
    double sum[2] = {0}, square[2] = {0}, size[2] = {0}, t[2][2];
    Arena *a = arena_new(0, NULL, NULL);
    const double *level = gap_levels(a);
    for (uint32_t k = 0; k < seeds; k++) {
        thetas(g, level, n, first + k, t);
        for (int i = 0; i < 2; i++) {
            double d = t[0][i] - t[1][i];
            sum[i] += d;
            square[i] += d * d;
            size[i] += fabs(t[0][i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        double mean = sum[i] / seeds, var = (square[i] - sum[i] * mean) / (seeds - 1);
        out[i] = (Gap){mean, sqrt(fmax(var, 0) / seeds), size[i] / seeds};
    }
    arena_free(a);
}

Gap finite_gap(const Gradient *g, uint32_t n, uint64_t first, uint32_t seeds) {
    Gap out[2];
    finite_gaps(g, n, first, seeds, out);
    return out[1];
}

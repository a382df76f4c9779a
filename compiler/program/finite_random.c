/* Normal parameters from a counter: entry j of row i of a member depends on these numbers and the
 * seed alone. */
#include "program/finite.h"
#include <math.h>

static uint64_t mixed(uint64_t h) { /* the finalizer of splitmix64 (Steele, Lea, Flood 2014) */
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static double uniform(uint64_t h) { return ((double)(h >> 11) + 0.5) / 9007199254740992.0; }

/* Two normal numbers a pair of words (Box and Muller 1958). */
static void normals(uint64_t key, double *out, uint32_t n) {
    for (uint32_t j = 0; j < n; j += 2) {
        double r = sqrt(-2 * log(uniform(mixed(key + j * 0x9e3779b97f4a7c15u))));
        double a = 2 * M_PI * uniform(mixed(key + (j + 1) * 0x9e3779b97f4a7c15u));
        out[j] = r * cos(a);
        if (j + 1 < n) out[j + 1] = r * sin(a);
    }
}

static uint64_t key_of(uint64_t seed, uint64_t kind, uint64_t k, const int64_t *idx, uint32_t n) {
    uint64_t h = mixed(seed * 0x9e3779b97f4a7c15u + kind * 2 + 1);
    h = mixed(h ^ k);
    for (uint32_t i = 0; i < n; i++) h = mixed(h * 3 + (uint64_t)idx[i]);
    return h;
}

static void row(void *ctx, const Program *p, FamId fam, const int64_t *idx, bool copy, uint32_t i,
                double *out, uint32_t n) {
    const FiniteRandom *r = ctx;
    const Fam *f = &p->fam.data[fam];
    uint64_t kind = f->kind == FAM_noise ? 3 + r->sample : copy;
    uint64_t key = key_of(r->seed, kind, fam, idx, f->nindex);
    key = mixed(key ^ mixed(i));
    if (f->kind != FAM_noise || f->law != NOISE_bernoulli) {
        normals(key, out, n);
        return;
    }
    for (uint32_t j = 0; j < n; j++) out[j] = uniform(mixed(key + j * 0x9e3779b97f4a7c15u));
}

static double datum(void *ctx, uint32_t input, const int64_t *pos, uint32_t npos, uint32_t i) {
    const FiniteRandom *r = ctx;
    double x[2];
    uint64_t key = key_of(r->seed + (r->sample << 32), 2, input, pos, npos);
    normals(mixed(key ^ mixed(i)), x, 2);
    return x[0];
}

static uint32_t dim(void *ctx, uint32_t input) {
    const FiniteRandom *r = ctx;
    (void)input;
    return r->d;
}

static int64_t size(void *ctx, Sym name) {
    const FiniteRandom *r = ctx;
    (void)name;
    return r->size;
}

FiniteEnv finite_random(FiniteRandom *r, uint32_t n) {
    return (FiniteEnv){.n = n, .row = row, .datum = datum, .dim = dim, .size = size, .ctx = r};
}

/* Which samples are equal: in all inputs and data, as far as their own sizes reach. */
#include "run.h"
#include <string.h>

/* ---- runs of a sample's own numbers in a padded array */

typedef struct Walk {
    const TpShape *shape;
    const int64_t *own; /* lengths by axis, [0] unused */
    RtRunFn *fn;
    void *ctx;
} Walk;

/* Axes from `axis` on; at: of the first number, in the array of these axes' outer ones. */
static bool walk(const Walk *w, int axis, int64_t at) {
    int64_t n = 1;
    int last = w->shape->rank - 1;
    while (last > axis && w->own[last] == w->shape->len[last]) last--;
    for (int k = axis; k < w->shape->rank; k++) n *= k > last ? w->shape->len[k] : 1;
    if (axis == last) return w->fn(w->ctx, at, w->own[axis] * n);
    int64_t step = 1;
    for (int k = axis + 1; k < w->shape->rank; k++) step *= w->shape->len[k];
    for (int64_t i = 0; i < w->own[axis]; i++)
        if (!walk(w, axis + 1, at + i * step)) return false;
    return true;
}

bool rt_each_run(const RtRun *r, const RtSide *side, int32_t input, int64_t sample, RtRunFn *fn,
                 void *ctx) {
    const RtInput *in = &side->input[input];
    const TpInputDecl *decl = &r->k->input[input];
    int64_t own[TP_RANK];
    if (!r->varies || !decl->npos) return fn(ctx, 0, in->row);
    for (int i = 1; i < in->shape.rank; i++) own[i] = in->shape.len[i];
    const int64_t *size = side->group[side->of_sample[sample]].size;
    for (int32_t k = 0; k < decl->npos; k++) own[1 + k] = rt_aff_value(&decl->size[k], size);
    return walk(&(Walk){&in->shape, own, fn, ctx}, 1, 0);
}

/* ---- hash and comparison */

typedef struct Hash {
    const double *x;
    uint64_t h;
} Hash;

static void mix(uint64_t *h, uint64_t v) {
    *h = (*h ^ v) * 0x9E3779B97F4A7C15u;
    *h ^= *h >> 29;
}

static bool hash_run(void *ctx, int64_t at, int64_t n) {
    Hash *c = ctx;
    for (int64_t i = 0; i < n; i++) {
        double v = c->x[at + i] + 0.0; /* -0 equals 0 */
        uint64_t bits;
        memcpy(&bits, &v, sizeof bits);
        mix(&c->h, bits);
    }
    return true;
}

/* Two samples may lie in arrays of different padding: their own numbers are compared. */
typedef struct Gather {
    const double *x;
    double *to;
    int64_t n;
} Gather;

static bool gather_run(void *ctx, int64_t at, int64_t n) {
    Gather *g = ctx;
    memcpy(g->to + g->n, g->x + at, (size_t)n * 8);
    g->n += n;
    return true;
}

typedef struct Classes {
    const RtRun *r;
    int64_t nx, all;
    uint64_t *hash;
    int64_t *table; /* sample + 1; 0: free */
    int64_t mask;
    double *a, *b;  /* the own numbers of two samples' input */
} Classes;

static const RtSide *side_of(const Classes *c, int64_t *s) {
    if (*s < c->nx) return &c->r->side[0];
    *s -= c->nx;
    return &c->r->side[1];
}

static uint64_t hash_of(const Classes *c, int64_t s) {
    const RtSide *side = side_of(c, &s);
    Hash h = {NULL, 1};
    for (int32_t i = 0; i < c->r->k->ninput; i++) {
        h.x = side->input[i].x + s * side->input[i].row;
        rt_each_run(c->r, side, i, s, hash_run, &h);
    }
    return h.h;
}

static bool same_sizes(const Classes *c, const RtSide *p, int64_t s, const RtSide *q, int64_t t) {
    const int64_t *a = p->group[p->of_sample[s]].size, *b = q->group[q->of_sample[t]].size;
    for (int32_t i = 0; i < c->r->k->nsize; i++)
        if (c->r->k->size[i].kind == TP_SIZE_POSITION && a[i] != b[i]) return false;
    return true;
}

static bool same(const Classes *c, int64_t s, int64_t t) {
    const RtSide *p = side_of(c, &s), *q = side_of(c, &t);
    if (!same_sizes(c, p, s, q, t)) return false;
    for (int32_t i = 0; i < c->r->k->ninput; i++) {
        Gather g = {p->input[i].x + s * p->input[i].row, c->a, 0};
        Gather h = {q->input[i].x + t * q->input[i].row, c->b, 0};
        rt_each_run(c->r, p, i, s, gather_run, &g);
        rt_each_run(c->r, q, i, t, gather_run, &h);
        for (int64_t k = 0; k < g.n; k++)
            if (c->a[k] != c->b[k]) return false;
    }
    return true;
}

static int64_t first_equal(Classes *c, int64_t s) {
    uint64_t h = c->hash[s] = hash_of(c, s);
    for (int64_t at = (int64_t)(h & (uint64_t)c->mask);; at = (at + 1) & c->mask) {
        int64_t t = c->table[at] - 1;
        if (t < 0) {
            c->table[at] = s + 1;
            return s;
        }
        if (c->hash[t] == h && same(c, t, s)) return t;
    }
}

static int64_t longest_row(const RtRun *r) {
    int64_t n = 1;
    for (int s = 0; s < r->nside; s++)
        for (int32_t i = 0; i < r->k->ninput; i++) n = rt_max(n, r->side[s].input[i].row);
    return n;
}

bool rt_classes(const RtRun *r, int64_t *left, int64_t *right) {
    Classes c = {.r = r, .nx = r->side[0].n};
    c.all = c.nx + (r->nside > 1 ? r->side[1].n : 0);
    if (r->k->dtype == TP_F32 && c.all > 1 << 24)
        return rt_fail(r->e, TP_E_DATA, "float32 kernels with positions take at most %d samples",
                       1 << 24);
    for (c.mask = 64; c.mask < 2 * c.all;) c.mask *= 2;
    c.table = rt_zalloc(c.mask * 8, r->e);
    c.hash = rt_zalloc(c.all * 8, r->e);
    c.a = rt_alloc(longest_row(r) * 8, r->e);
    c.b = rt_alloc(longest_row(r) * 8, r->e);
    c.mask--;
    bool ok = c.table && c.hash && c.a && c.b;
    for (int64_t s = 0; ok && s < c.all; s++) {
        int64_t t = first_equal(&c, s);
        if (s < c.nx) left[s] = t;
        else right[s - c.nx] = t;
    }
    rt_free(c.table);
    rt_free(c.hash);
    rt_free(c.a);
    rt_free(c.b);
    return ok;
}

/* A program's kernel, run by the interpreter for one pair of the oracle's samples at a time, with
 * the sizes of those two. */
#ifndef TEST_LOWER_POSRUN_H
#define TEST_LOWER_POSRUN_H
#include "diag/diag.h"
#include "lower/lower.h"
#include "oracle.h"
#include "pairinput.h"
#include <math.h>

typedef struct PosRun {
    Ctx *c;
    const Setup *s;
    Kernel *k;
    TpKernel *t;
    uint64_t faults;
    bool over; /* more terms than there are coefficients: the runtime refuses the data */
    TpFrame f;
    int64_t *size;
    double *real;
} PosRun;

/* The number a hyperparameter has where nothing sets it. */
static inline double pos_default(const Program *p, Sym name) {
    FxEnv env = {0};
    for (uint32_t i = 0; i < p->hyper.len; i++)
        if (p->hyper.data[i].name == name) return fx_eval(p->fx, p->hyper.data[i].init, &env);
    bug("no such number");
}

static inline void *pos_reals(Arena *a, int64_t n) {
    double *p = ARENA_ARRAY(a, double, (size_t)n + 16);
    return (void *)(((uintptr_t)p + 63) / 64 * 64);
}

static inline int64_t pos_extent(const PosRun *r, const TpAff *x) {
    int64_t v = x->c;
    for (int32_t i = 0; i < x->nterm; i++) v += x->term[i].k * r->size[x->term[i].size];
    return v > 0 ? v : 0;
}

static inline int64_t pos_elements(const PosRun *r, const TpArray *a) {
    int64_t n = 1;
    for (int32_t i = 0; i < a->naxis; i++) n *= pos_extent(r, &a->extent[i]);
    return n;
}

/* ---- sizes and numbers */
static inline void pos_sizes(PosRun *r, int i, int j) {
    for (uint32_t z = 0; z < r->k->size.len; z++) {
        const KSize *s = &r->k->size.data[z];
        if (s->kind == KZ_measured) continue;
        r->size[z] = s->kind == KZ_dim ? DIM : setup_size(r->s, i, j, s->name);
    }
}

static inline double pos_hyper(void *ctx, Sym name) {
    const PosRun *r = ctx;
    return r->s->real(r->s->ctx, name);
}

static inline int64_t pos_name(void *ctx, Sym name) {
    const PosRun *r = ctx;
    return setup_size(r->s, 0, 0, name);
}

static inline double pos_dim(void *ctx, uint32_t input) {
    (void)ctx, (void)input;
    return DIM;
}

static inline void pos_numbers(PosRun *r) {
    FxEnv env = {.hyper = pos_hyper, .name = pos_name, .dim = pos_dim, .ctx = r};
    for (uint32_t i = 0; i < r->k->real.len; i++) {
        const KReal *v = &r->k->real.data[i];
        r->real[i] = v->hyper ? pos_hyper(r, v->name) : fx_eval(r->k->fx, v->value, &env);
    }
}

/* ---- inputs */
static inline double pos_norm(const PosRun *r, uint32_t in, int s) {
    return sqrt(setup_gram(r->s, in, s, NULL, 0, in, s, NULL, 0));
}

static inline double pos_pair(const PosRun *r, const TpArray *a, int i, int j) {
    uint32_t p = (uint32_t)a->in[0], q = (uint32_t)a->in[1];
    double g = setup_gram(r->s, p, i, NULL, 0, q, j, NULL, 0);
    double c = g / (pos_norm(r, p, i) * pos_norm(r, q, j));
    if (i == j && p == q) c = 1;
    PairInput v = pair_input_of(g, c);
    return pair_input_at(&v, a);
}

static inline double pos_sample(const PosRun *r, const TpArray *a, int s, const int64_t *idx) {
    uint32_t in = (uint32_t)a->in[0], n = (uint32_t)a->naxis;
    switch ((TpInputKind)a->input) {
    case TP_IN_GRAM: return setup_gram(r->s, in, s, NULL, 0, (uint32_t)a->in[1], s, NULL, 0);
    case TP_IN_NORM: return pos_norm(r, in, s);
    case TP_IN_COLUMN: return setup_point(r->s, in, s, idx, n, (int)a->column.c) / DIM;
    case TP_IN_POINT: return setup_point(r->s, in, s, idx, n - 1, (int)idx[n - 1]) / sqrt(DIM);
    case TP_IN_DIRECTION: {
        double g = setup_gram(r->s, in, s, idx, n - 1, in, s, idx, n - 1);
        double x = setup_point(r->s, in, s, idx, n - 1, (int)idx[n - 1]);
        return g > 0 ? x / sqrt(g * DIM) : 0;
    }
    case TP_IN_DATA: return setup_number(r->s, in, s, idx, n);
    case TP_IN_CLASS: return s;
    case TP_IN_NONE:
    case TP_IN_UNIT:
    case TP_IN_DEFECT:
    case TP_IN_CODEFECT: break;
    }
    bug("input %d of a sample", a->input);
}

/* ---- arrays */
static inline void pos_fill(PosRun *r, double *p, const TpArray *a, int s) {
    int64_t n = pos_elements(r, a), idx[8];
    for (int64_t e = 0; e < n; e++) {
        int64_t rest = e;
        for (int32_t k = a->naxis; k-- > 0;) {
            int64_t m = pos_extent(r, &a->extent[k]);
            idx[k] = rest % m;
            rest /= m;
        }
        double v = pos_sample(r, a, s, idx);
        for (int lane = 0; lane < TP_BLOCK; lane++) p[e * TP_BLOCK + lane] = v;
    }
}

static inline void pos_arrays(PosRun *r, void **to, TpStage stage, int s) {
    for (int32_t i = 1; i < r->t->narray; i++) {
        const TpArray *a = &r->t->array[i];
        if (a->stage != (int32_t)stage) continue;
        to[i] = pos_reals(r->c->a, pos_elements(r, a) * TP_BLOCK);
        if (a->class == TP_INPUT) pos_fill(r, to[i], a, s);
    }
}

static inline void pos_measure(PosRun *r) {
    for (int32_t i = 0; i < r->t->nsize; i++) {
        const TpSize *z = &r->t->size[i];
        if (z->kind != TP_SIZE_MEASURED) continue;
        const double *p = r->f.xarray[z->array], *q = r->f.yarray[z->array];
        int64_t n = pos_elements(r, &r->t->array[z->array]) * TP_BLOCK;
        double most = 0;
        for (int64_t e = 0; e < n; e++) most = fmax(most, fmax(p[e], q[e]));
        r->size[i] = (int64_t)fmin(ceil(most), (double)z->cap);
        r->over |= ceil(most) > (double)z->cap;
    }
}

static inline void pos_one_sample(PosRun *r, TpSampleFn *fn, void **to, TpStage stage, int s) {
    pos_sizes(r, s, s);
    pos_arrays(r, to, stage, s);
    TpFrame f = r->f;
    f.xarray = to;
    if (fn) fn(&f, 0, TP_BLOCK);
}

/* Everything of samples i and j, then their pair. */
static inline void pos_run(PosRun *r, int i, int j) {
    uint32_t n = (uint32_t)r->t->narray;
    Arena *a = r->c->a;
    void **c = ARENA_ARRAY(a, void *, n), **x = ARENA_ARRAY(a, void *, n);
    void **y = ARENA_ARRAY(a, void *, n), **p = ARENA_ARRAY(a, void *, n);
    void **row = ARENA_ARRAY(a, void *, n);
    r->size = ARENA_ARRAY(a, int64_t, r->k->size.len);
    r->real = ARENA_ARRAY(a, double, r->k->real.len);
    r->f = (TpFrame){.size = r->size, .real = r->real, .carray = c, .xarray = x, .yarray = y,
                     .parray = p, .row = row, .stride = TP_BLOCK, .self = r->t->self};
    pos_sizes(r, i, j);
    pos_numbers(r);
    pos_arrays(r, c, TP_STAGE_CONST, 0);
    if (r->t->const_fn) r->t->const_fn(&r->f);
    pos_one_sample(r, r->t->sample_fn, x, TP_STAGE_SAMPLE, i);
    pos_one_sample(r, r->t->sample_fn, y, TP_STAGE_SAMPLE, j);
    pos_measure(r);
    pos_one_sample(r, r->t->series_fn, x, TP_STAGE_SERIES, i);
    pos_one_sample(r, r->t->series_fn, y, TP_STAGE_SERIES, j);
    pos_sizes(r, i, j);
    for (uint32_t k = 1; k < n; k++) {
        const TpArray *q = &r->t->array[k];
        if (q->stage != TP_STAGE_PAIR) continue;
        double *to = pos_reals(a, pos_elements(r, q) * TP_BLOCK);
        (q->class == TP_STORED ? p : row)[k] = to;
        for (int lane = 0; q->class == TP_INPUT && lane < TP_BLOCK; lane++)
            to[lane] = pos_pair(r, q, i, j);
    }
    r->t->pair_fn(&r->f, 0, 0, r->t->lanes);
}

/* Kernel value of lane 0 at element e of the output's axes. */
static inline double pos_out(const PosRun *r, KernelKind kernel, TpStage stage, int64_t e) {
    for (int32_t k = 1; k < r->t->narray; k++) {
        const TpArray *a = &r->t->array[k];
        if (a->class != TP_OUTPUT || a->output != (int32_t)kernel || a->stage != (int32_t)stage)
            continue;
        void *const *of = stage == TP_STAGE_PAIR ? r->f.row : r->f.xarray;
        return ((const double *)of[k])[e * TP_BLOCK];
    }
    bug("no such output");
}
#endif

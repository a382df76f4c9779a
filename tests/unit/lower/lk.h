/* From source text to a kernel that the interpreter runs on one row of pairs with inputs of the
 * test's own choice. */
#ifndef TEST_LOWER_LK_H
#define TEST_LOWER_LK_H
#include "../program/common.h"
#include "lower/lower.h"
#include "pairinput.h"
#include "values.h"

enum { LK_SAMPLES = TP_BLOCK };

typedef double LkSample(void *ctx, const TpArray *a, int side, int s);
typedef double LkPair(void *ctx, const TpArray *a, int i, int j);

typedef struct Lk {
    Ctx c;
    Limit *l;
    Kernel *k;
    TpKernel *t;
    RtValues v;
    TpFrame f;
    uint64_t faults;
} Lk;

static inline Limit *lk_limit(Ctx *c, const char *text, const char *network, const Setting *set,
                              uint32_t n) {
    Program *p = elaborate(c, load_text(c, text), network, set, n);
    Limit *l = NULL;
    if (!p || !limit_derive(c, p, 3, &l) || !lower_expect(c, l)) fail_msg("%s", messages(c));
    return l;
}

static inline void *lk_reals(Arena *a, size_t n) {
    double *p = ARENA_ARRAY(a, double, n + 16); /* room for alignment */
    return (void *)(((uintptr_t)p + 63) / 64 * 64);
}

static inline void lk_put(const Lk *r, void *p, int64_t i, double v) {
    if (r->k->dtype == TP_F32) ((float *)p)[i] = (float)v;
    else ((double *)p)[i] = v;
}

static inline double lk_at(const Lk *r, const void *p, int64_t i) {
    return r->k->dtype == TP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static inline void lk_kernel(Lk *r, bool normalise, TpDtype dtype) {
    Ctx *c = &r->c;
    if (normalise) assert_true(lower_normalise(c, r->l));
    assert_true(lower_series(c, r->l));
    assert_true(lower_kernel(c, r->l, dtype, &r->k));
    const char *wrong = kernel_verify(c, r->k);
    if (wrong) {
        Buf b = buf_new(c->a);
        limit_print(c, &b, r->l);
        fail_msg("%s\n%s", wrong, buf_text(&b));
    }
    assert_true(kernel_optimise(c, r->k));
    r->t = kernel_describe(c, r->k, c->a);
    kernel_interpret_checked(c, r->k, r->t, c->a, &r->faults);
}

static inline void lk_stage(Lk *r, TpStage stage, LkSample *sample, void *ctx) {
    void **x = (void **)r->f.xarray, **y = (void **)r->f.yarray;
    for (int32_t i = 1; i < r->t->narray; i++) {
        const TpArray *a = &r->t->array[i];
        if (a->stage != (int32_t)stage) continue;
        size_t n = (size_t)rt_array_elements(a, r->v.size);
        if (stage == TP_STAGE_CONST) {
            ((void **)r->f.carray)[i] = lk_reals(r->c.a, n);
        } else if (stage == TP_STAGE_PAIR) {
            void **to = (void **)(a->class == TP_STORED ? r->f.parray : r->f.row);
            to[i] = lk_reals(r->c.a, n * LK_SAMPLES);
        } else {
            x[i] = lk_reals(r->c.a, n * LK_SAMPLES);
            y[i] = lk_reals(r->c.a, n * LK_SAMPLES);
            for (int s = 0; a->class == TP_INPUT && s < LK_SAMPLES; s++) {
                lk_put(r, x[i], s, sample(ctx, a, 0, s));
                lk_put(r, y[i], s, sample(ctx, a, 1, s));
            }
        }
    }
}

static inline void lk_both(Lk *r, TpSampleFn *fn) {
    if (!fn) return;
    TpFrame f = r->f;
    fn(&f, 0, LK_SAMPLES);
    f.xarray = f.yarray;
    fn(&f, 0, LK_SAMPLES);
}

static inline void lk_measure(Lk *r) {
    for (int32_t i = 0; i < r->t->nsize; i++) {
        const TpSize *z = &r->t->size[i];
        if (z->kind != TP_SIZE_MEASURED) continue;
        double most = 0;
        int64_t n = rt_array_elements(&r->t->array[z->array], r->v.size) * LK_SAMPLES;
        for (int64_t j = 0; j < n; j++)
            most = fmax(most, fmax(lk_at(r, r->f.xarray[z->array], j),
                                   lk_at(r, r->f.yarray[z->array], j)));
        r->v.size[i] = (int64_t)fmin(ceil(most), (double)z->cap);
    }
}

/* Everything of one sample; set: texts name=value. */
static inline void lk_samples(Lk *r, const char *const *set, int nset, LkSample *sample,
                              void *ctx) {
    int64_t dim[4] = {5, 5, 5, 5};
    TpError e = {0};
    if (!rt_values_make(&r->v, r->t, set, nset, dim, &e)) fail_msg("%s", e.text);
    Arena *a = r->c.a;
    uint32_t n = (uint32_t)r->t->narray;
    r->f = (TpFrame){.size = r->v.size, .real = r->v.real, .self = r->t->self,
                     .carray = ARENA_ARRAY(a, void *, n), .xarray = ARENA_ARRAY(a, void *, n),
                     .yarray = ARENA_ARRAY(a, void *, n), .parray = ARENA_ARRAY(a, void *, n),
                     .row = ARENA_ARRAY(a, void *, n)};
    lk_stage(r, TP_STAGE_CONST, NULL, NULL);
    lk_stage(r, TP_STAGE_SAMPLE, sample, ctx);
    if (r->t->const_fn) r->t->const_fn(&r->f);
    lk_both(r, r->t->sample_fn);
    lk_measure(r);
    lk_stage(r, TP_STAGE_SERIES, sample, ctx);
    lk_stage(r, TP_STAGE_PAIR, NULL, NULL);
    lk_both(r, r->t->series_fn);
}

static inline void lk_row(Lk *r, int i, LkPair *pair, void *ctx) {
    for (int32_t k = 1; k < r->t->narray; k++)
        if (r->t->array[k].class == TP_INPUT && r->t->array[k].stage == TP_STAGE_PAIR)
            for (int j = 0; j < LK_SAMPLES; j++)
                lk_put(r, r->f.row[k], j, pair(ctx, &r->t->array[k], i, j));
    r->t->pair_fn(&r->f, i, 0, LK_SAMPLES);
    if (r->faults) fail_msg("%llu reads of what was never stored", (unsigned long long)r->faults);
}

static inline double lk_out(const Lk *r, KernelKind kernel, int j) {
    for (int32_t k = 1; k < r->t->narray; k++)
        if (r->t->array[k].class == TP_OUTPUT && r->t->array[k].output == (int32_t)kernel)
            return lk_at(r, r->f.row[k], j);
    fail_msg("no such output");
    return NAN;
}

static inline void lk_free(Lk *r) {
    rt_values_free(&r->v);
    arena_free(r->c.a);
}
#endif

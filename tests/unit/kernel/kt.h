/* Helpers of the kernel's tests: a context, text in and out, and a small runtime that executes a
 * kernel on made-up data and keeps everything it stored. */
#ifndef KT_H
#define KT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "diag/diag.h"
#include "kernel/parse.h"

#define UNUSED __attribute__((unused))

static UNUSED Ctx kt_ctx(void) {
    Arena *a = arena_new(0, NULL, NULL);
    Sources *src = sources_new(a);
    return (Ctx){a, intern_new(a), src, diags_new(a, src)};
}

/* All diagnostics so far, in the short form. */
static UNUSED const char *kt_messages(Ctx *c) {
    Buf b = buf_new(c->a);
    diags_render(c->ds, (DiagRender){DIAG_SHORT, false}, &b);
    return buf_text(&b);
}

static UNUSED Kernel *kt_parse(Ctx *c, const char *text) {
    Kernel *k;
    uint32_t file = source_add(c->src, "test.kir", text, strlen(text));
    if (!kernel_parse(c, text, file, &k)) fail_msg("%s", kt_messages(c));
    return k;
}

static UNUSED const char *kt_print(Ctx *c, const Kernel *k) {
    Buf b = buf_new(c->a);
    kernel_print(c, &b, k);
    return buf_text(&b);
}

/* ---- execution */
enum { KT_SAMPLES = TP_BLOCK };

typedef struct KtRun {
    Kernel *k;
    TpKernel *t;
    int64_t *size;
    double *real;
    void **carray, **xarray, **parray, **row;
    uint64_t faults;
} KtRun;

static UNUSED int64_t kt_extent(const KtRun *r, const TpArray *a) {
    int64_t n = 1;
    for (int32_t i = 0; i < a->naxis; i++) {
        int64_t e = a->extent[i].c;
        for (int32_t j = 0; j < a->extent[i].nterm; j++)
            e += a->extent[i].term[j].k * r->size[a->extent[i].term[j].size];
        n *= e > 0 ? e : 0;
    }
    return n;
}

static UNUSED void kt_set(const KtRun *r, void *p, int64_t i, double v) {
    if (r->k->dtype == TP_F64) ((double *)p)[i] = v;
    else ((float *)p)[i] = (float)v;
}

static UNUSED double kt_get(const KtRun *r, const void *p, int64_t i) {
    return r->k->dtype == TP_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

/* Input data: any fixed function of the place. */
static UNUSED double kt_data(uint32_t kind, int64_t i) {
    return 0.25 + (double)((i * 37 + kind * 11) % 64) / 64;
}

/* Sizes and reals by number.  Left and right samples are the same. */
static UNUSED KtRun kt_begin(Ctx *c, Kernel *k, const int64_t *size, const double *real) {
    KtRun r = {.k = k, .t = kernel_describe(c, k, c->a)};
    uint32_t n = k->array.len;
    r.size = arena_copy(c->a, size, k->size.len * sizeof *size);
    r.real = arena_copy(c->a, real, k->real.len * sizeof *real);
    r.carray = ARENA_ARRAY(c->a, void *, n);
    r.xarray = ARENA_ARRAY(c->a, void *, n);
    r.parray = ARENA_ARRAY(c->a, void *, n);
    r.row = ARENA_ARRAY(c->a, void *, n);
    for (uint32_t x = 1; x < n; x++) {
        const TpArray *a = &r.t->array[x];
        int64_t e = kt_extent(&r, a);
        r.carray[x] = ARENA_ARRAY(c->a, double, e + 1);
        r.xarray[x] = ARENA_ARRAY(c->a, double, e * KT_SAMPLES + 1);
        r.parray[x] = ARENA_ARRAY(c->a, double, e * TP_BLOCK + 1);
        r.row[x] = ARENA_ARRAY(c->a, double, KT_SAMPLES);
        for (int64_t i = 0; a->class == TP_INPUT && i < KT_SAMPLES; i++) {
            kt_set(&r, r.xarray[x], i, kt_data((uint32_t)a->input, i));
            kt_set(&r, r.row[x], i, kt_data((uint32_t)a->input + 7, i));
        }
    }
    return r;
}

static UNUSED TpFrame kt_frame(const KtRun *r) {
    return (TpFrame){.size = r->size, .real = r->real, .carray = r->carray, .xarray = r->xarray,
                     .yarray = r->xarray, .parray = r->parray, .row = r->row,
                     .self = r->t->self};
}

/* Everything up to the pairs of left sample i. */
static UNUSED void kt_run(Ctx *c, KtRun *r, int64_t i) {
    kernel_interpret_checked(c, r->k, r->t, c->a, &r->faults);
    TpFrame f = kt_frame(r);
    if (r->t->const_fn) r->t->const_fn(&f);
    if (r->t->sample_fn) r->t->sample_fn(&f, 0, KT_SAMPLES);
    if (r->t->series_fn) r->t->series_fn(&f, 0, KT_SAMPLES);
    if (r->t->pair_fn) r->t->pair_fn(&f, i, 0, KT_SAMPLES);
}

static UNUSED uint32_t kt_array(const Ctx *c, const Kernel *k, const char *name) {
    for (uint32_t x = 1; x < k->array.len; x++)
        if (!strcmp(sym_text(c->syms, k->array.data[x].name), name)) return x;
    fail_msg("no array %s", name);
    return 0;
}
#endif

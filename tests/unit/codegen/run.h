/* Running a kernel's four functions on made-up data, by any descriptor, and comparing the results
 * of two: the interpreter's and compiled code's. */
#ifndef TEST_CODEGEN_RUN_H
#define TEST_CODEGEN_RUN_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include "codegen/jit.h"
#include "diag/diag.h"
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NX = 64, NY = 192, PAIR_ROWS = 3 }; /* samples left and right; rows of pairs that are run */

typedef struct Data {
    const TpKernel *k;
    Arena *a;
    const int64_t *size; /* hyper sizes are given, measured ones found */
    int64_t *all;
    const double *real;
    void **carray, **xarray, **yarray, **parray, **out; /* out: PAIR_ROWS * NY reals each */
    uint64_t seed;
} Data;

static inline Ctx test_ctx(void) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {.a = a, .syms = intern_new(a), .src = sources_new(a)};
    c.ds = diags_new(a, c.src);
    return c;
}

/* Shows what went wrong before the test fails. */
static inline void check_ctx(Ctx *c, bool ok) {
    if (ok) return;
    Buf b = buf_new(c->a);
    diags_render(c->ds, (DiagRender){DIAG_HUMAN, false}, &b);
    fail_msg("%s", buf_text(&b));
}

static inline uint64_t next_random(uint64_t *s) {
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = *s >> 33 ^ *s;
    return x * 0x9e3779b97f4a7c15u >> 11;
}

static inline double uniform(uint64_t *s, double lo, double hi) {
    return lo + (hi - lo) * (double)(next_random(s) & 0xfffffffffffff) * 0x1p-52;
}

static inline size_t real_size(const TpKernel *k) { return k->dtype == TP_F32 ? 4 : 8; }

static inline double real_at(const TpKernel *k, const void *p, size_t i) {
    return k->dtype == TP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static inline void real_put(const TpKernel *k, void *p, size_t i, double v) {
    if (k->dtype == TP_F32)
        ((float *)p)[i] = (float)v;
    else
        ((double *)p)[i] = v;
}

static inline int64_t aff_value(const Data *d, const TpAff *a) {
    int64_t v = a->c;
    for (int32_t i = 0; i < a->nterm; i++) v += a->term[i].k * d->all[a->term[i].size];
    return v;
}

static inline size_t elements(const Data *d, const TpArray *a) {
    size_t n = 1;
    for (int32_t i = 0; i < a->naxis; i++) {
        int64_t e = aff_value(d, &a->extent[i]);
        n *= e > 0 ? (size_t)e : 0;
    }
    return n;
}

/* 64-byte aligned, filled with a number that shows when it is used. */
static inline void *reals(const Data *d, size_t n) {
    char *p = arena_alloc(d->a, (n + 16) * real_size(d->k) + 64);
    p += (64 - (uintptr_t)p % 64) % 64;
    for (size_t i = 0; i < n; i++) real_put(d->k, p, i, 12345.0);
    return p;
}

static inline void fill(Data *d, void *p, size_t n, double lo, double hi) {
    for (size_t i = 0; i < n; i++) real_put(d->k, p, i, uniform(&d->seed, lo, hi));
}

static inline void allocate(Data *d, TpStage stage) {
    for (int32_t i = 1; i < d->k->narray; i++) {
        const TpArray *a = &d->k->array[i];
        if (a->stage != (int32_t)stage) continue;
        size_t n = elements(d, a);
        if (stage == TP_STAGE_CONST) d->carray[i] = reals(d, n);
        if (stage == TP_STAGE_SAMPLE || stage == TP_STAGE_SERIES) {
            d->xarray[i] = reals(d, n * NX);
            d->yarray[i] = reals(d, n * NY);
            if (a->class != TP_INPUT) continue;
            fill(d, d->xarray[i], n * NX, 0.25, 2);
            fill(d, d->yarray[i], n * NY, 0.25, 2);
        }
        if (stage == TP_STAGE_PAIR) {
            d->parray[i] = reals(d, n * TP_BLOCK);
            if (a->class == TP_STORED) continue;
            d->out[i] = reals(d, PAIR_ROWS * NY);
            if (a->class == TP_INPUT) fill(d, d->out[i], PAIR_ROWS * NY, -1, 1);
        }
    }
}

static inline void measure(Data *d) {
    for (int32_t i = 0; i < d->k->nsize; i++) {
        const TpSize *z = &d->k->size[i];
        if (z->kind != TP_SIZE_MEASURED) continue;
        double m = 0;
        size_t n = elements(d, &d->k->array[z->array]);
        for (size_t j = 0; j < n * NX; j++) m = fmax(m, real_at(d->k, d->xarray[z->array], j));
        for (size_t j = 0; j < n * NY; j++) m = fmax(m, real_at(d->k, d->yarray[z->array], j));
        d->all[i] = (int64_t)fmin(ceil(m), (double)z->cap);
    }
}

static inline void run_samples(Data *d, TpFrame f, TpSampleFn *fn) {
    if (!fn) return;
    fn(&f, 0, NX);
    f.xarray = d->yarray;
    fn(&f, 0, TP_BLOCK);
    fn(&f, TP_BLOCK, NY);
}

static inline void run_pairs(Data *d, TpFrame f) {
    void **row = ARENA_ARRAY(d->a, void *, d->k->narray);
    f.row = row;
    for (int64_t i = 0; i < PAIR_ROWS; i++)
        for (int part = 0; part < 2; part++) {
            int64_t j0 = part ? TP_BLOCK : 0, n = part ? NY - TP_BLOCK : TP_BLOCK;
            for (int32_t a = 1; a < d->k->narray; a++)
                if (d->out[a]) row[a] = (char *)d->out[a] + (size_t)(i * NY + j0) * real_size(d->k);
            d->k->pair_fn(&f, i * 7, j0, n);
        }
}

static inline void **pointers(const TpKernel *k, Arena *a) {
    return ARENA_ARRAY(a, void *, k->narray);
}

/* The whole run.  size, real: as many as the kernel has. */
static inline Data run_kernel(Arena *a, const TpKernel *k, const int64_t *size, const double *real,
                              uint64_t seed) {
    Data d = {.k = k, .a = a, .size = size, .real = real, .seed = seed};
    d.all = ARENA_ARRAY(a, int64_t, k->nsize + 1);
    for (int32_t i = 0; i < k->nsize; i++) d.all[i] = size[i];
    d.carray = pointers(k, a);
    d.xarray = pointers(k, a);
    d.yarray = pointers(k, a);
    d.parray = pointers(k, a);
    d.out = pointers(k, a);
    TpFrame f = {.size = d.all, .real = real, .carray = d.carray, .xarray = d.xarray,
                 .yarray = d.yarray, .parray = d.parray, .self = k->self};
    allocate(&d, TP_STAGE_CONST);
    allocate(&d, TP_STAGE_SAMPLE);
    if (k->const_fn) k->const_fn(&f);
    run_samples(&d, f, k->sample_fn);
    measure(&d);
    allocate(&d, TP_STAGE_SERIES);
    allocate(&d, TP_STAGE_PAIR);
    run_samples(&d, f, k->series_fn);
    if (k->pair_fn) run_pairs(&d, f);
    return d;
}

static inline void same(const TpKernel *k, int32_t array, const char *what, const void *p,
                        const void *q, size_t n) {
    for (size_t i = 0; p && i < n; i++) {
        double x = real_at(k, p, i), y = real_at(k, q, i);
        if ((isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y))) continue;
        fail_msg("%s %s[%zu]: %a by the interpreter, %a by code", k->array[array].name, what, i, x,
                 y);
    }
}

/* Bit for bit the same, all arrays that are kept. */
static inline void same_data(const Data *x, const Data *y) {
    for (int32_t i = 1; i < x->k->narray; i++) {
        const TpArray *a = &x->k->array[i];
        size_t n = elements(x, a);
        if (a->stage != TP_STAGE_PAIR) {
            /* an array of its own function alone may have stayed in registers */
            if (n == 1 && a->class == TP_STORED && a->naxis == 0) continue;
            same(x->k, i, "const", x->carray[i], y->carray[i], n);
            same(x->k, i, "left", x->xarray[i], y->xarray[i], n * NX);
            same(x->k, i, "right", x->yarray[i], y->yarray[i], n * NY);
        }
        if (a->stage == TP_STAGE_PAIR && a->class == TP_OUTPUT)
            same(x->k, i, "out", x->out[i], y->out[i], PAIR_ROWS * NY);
    }
}

/* Instruction sets this machine runs, NULL-terminated; always "host" and "generic". */
static inline const char *const *test_levels(void) {
    static const char *list[6];
    static const char *const all[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};
    int n = 0;
    list[n++] = "host";
    list[n++] = "generic";
    for (int i = 0; i < 3; i++)
        if (tp_isa_runs(all[i])) list[n++] = all[i];
    list[n] = NULL;
    return list;
}

/* Interpreter against compiled code of one instruction set and shape. */
static inline void compare(Ctx *c, const Kernel *k, const CodegenOptions *o, const int64_t *size,
                           const double *real) {
    TpKernel *ref = kernel_describe(c, k, c->a);
    Jit j;
    kernel_interpret(c, k, ref, c->a);
    check_ctx(c, codegen_jit(c, k, o, &j));
    Data x = run_kernel(c->a, ref, size, real, 7), y = run_kernel(c->a, j.kernel, size, real, 7);
    same_data(&x, &y);
    codegen_jit_free(&j);
}

/* The same for all of them, and single vectors on the best. */
static inline void compare_all(Ctx *c, const Kernel *k, const int64_t *size, const double *real) {
    const char *const *isa = test_levels();
    const char *bad = kernel_verify(c, k);
    if (bad) fail_msg("%s", bad);
    for (; *isa; isa++) compare(c, k, &(CodegenOptions){.isa = *isa}, size, real);
    compare(c, k, &(CodegenOptions){.u = 1, .g = 1}, size, real);
}
#endif

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
    void **carray, **xarray, **yarray, **parray, **out; /* out: PAIR_ROWS * elements * NY reals */
    uint64_t seed;
    bool varies; /* some size does: the right blocks' are one larger than the left's in turn */
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

static inline Kernel *parse_text(Ctx *c, const char *text) {
    Kernel *k = NULL;
    uint32_t file = source_add(c->src, "test.kir", text, strlen(text));
    check_ctx(c, kernel_parse(c, text, file, &k));
    return k;
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

static inline void measure_made(Data *d);

/* Sizes for left samples, right samples of a block as left ones, or pairs with them. */
typedef enum SizesOf { SIZES_LEFT, SIZES_RIGHT, SIZES_PAIR } SizesOf;
static inline void set_sizes(Data *d, SizesOf of, int64_t block) {
    for (int32_t i = 0; i < d->k->nsize; i++) {
        const TpSize *z = &d->k->size[i];
        if (z->kind == TP_SIZE_POSITION && z->varies)
            d->all[i] = d->size[i] + (of == SIZES_RIGHT ? block % 2 : 0);
    }
    measure_made(d);
    for (int32_t i = 0; of == SIZES_PAIR && i < d->k->nsize; i++) {
        const TpSize *z = &d->k->size[i];
        if (z->kind != TP_SIZE_RIGHT) continue;
        set_sizes(d, SIZES_RIGHT, block);
        int64_t right = d->all[z->of];
        set_sizes(d, SIZES_LEFT, 0);
        d->all[i] = right;
    }
}

/* At the largest sizes. */
static inline size_t elements(const Data *d, const TpArray *a);
static inline size_t most_elements(Data *d, const TpArray *a) {
    size_t n;
    if (!d->varies) return elements(d, a);
    set_sizes(d, SIZES_RIGHT, 1);
    for (int32_t i = 0; i < d->k->nsize; i++)
        if (d->k->size[i].kind == TP_SIZE_RIGHT) d->all[i] = d->all[d->k->size[i].of];
    n = elements(d, a);
    set_sizes(d, SIZES_LEFT, 0);
    return n;
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

/* Place of element e among n of sample s in a sample array of this kernel. */
static inline size_t place(const TpKernel *k, size_t e, size_t n, size_t s) {
    size_t block = k->block > 0 ? (size_t)k->block : TP_BLOCK;
    return (s / block * n + e) * block + s % block;
}

static inline void fill_samples(Data *d, void *p, size_t n, size_t samples) {
    for (size_t e = 0; e < n; e++)
        for (size_t s = 0; s < samples; s++)
            real_put(d->k, p, place(d->k, e, n, s), uniform(&d->seed, 0.25, 2));
}

static inline void allocate(Data *d, TpStage stage) {
    for (int32_t i = 1; i < d->k->narray; i++) {
        const TpArray *a = &d->k->array[i];
        if (a->stage != (int32_t)stage) continue;
        size_t n = most_elements(d, a);
        if (stage == TP_STAGE_CONST) d->carray[i] = reals(d, n);
        if (stage == TP_STAGE_SAMPLE || stage == TP_STAGE_SERIES) {
            d->xarray[i] = reals(d, n * NX);
            d->yarray[i] = reals(d, n * NY);
            if (a->class != TP_INPUT) continue;
            fill_samples(d, d->xarray[i], n, NX);
            fill_samples(d, d->yarray[i], n, NY);
        }
        if (stage == TP_STAGE_PAIR) {
            d->parray[i] = reals(d, n * TP_BLOCK);
            if (a->class == TP_STORED) continue;
            d->out[i] = reals(d, PAIR_ROWS * n * NY);
            if (a->class == TP_INPUT) fill(d, d->out[i], PAIR_ROWS * n * NY, -1, 1);
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

static inline int64_t code_value(const Data *d, const TpCode *c) {
    double s[32];
    int n = 0;
    for (int32_t i = 0; i < c->n; i++) {
        const TpCodeIns *x = &c->ins[i];
        if (x->op == TPC_NUM) s[n++] = x->num;
        else if (x->op == TPC_SIZE) s[n++] = (double)d->all[x->x];
        else if (x->op == TPC_ADD) n--, s[n - 1] += s[n];
        else if (x->op == TPC_MUL) n--, s[n - 1] *= s[n];
        else if (x->op == TPC_MAX) n--, s[n - 1] = fmax(s[n - 1], s[n]);
        else if (x->op == TPC_MIN) n--, s[n - 1] = fmin(s[n - 1], s[n]);
        else fail_msg("code %d in a size", x->op);
    }
    return (int64_t)s[0];
}

/* Sizes made of others: in the order that the descriptor gives. */
static inline void measure_made(Data *d) {
    for (int32_t order = 0; order < d->k->nsize + d->k->nreal; order++)
        for (int32_t i = 0; i < d->k->nsize; i++) {
            const TpSize *z = &d->k->size[i];
            if (z->order != order) continue;
            if (z->kind == TP_SIZE_FLOOR) d->all[i] = code_value(d, &z->value) / z->k;
            if (z->kind == TP_SIZE_MAX) d->all[i] = code_value(d, &z->value);
        }
}

/* Pointers to a block's part of the arrays of samples. */
static inline void **block_of(Data *d, void *const *array, int64_t block) {
    void **out = ARENA_ARRAY(d->a, void *, d->k->narray);
    for (int32_t i = 1; i < d->k->narray; i++) {
        size_t n = array[i] ? most_elements(d, &d->k->array[i]) : 0;
        if (n) out[i] = (char *)array[i] + (size_t)block * n * TP_BLOCK * real_size(d->k);
    }
    return out;
}

static inline void run_samples(Data *d, TpFrame f, TpSampleFn *fn) {
    if (!fn) return;
    fn(&f, 0, NX);
    f.xarray = d->yarray;
    if (!d->varies) {
        fn(&f, 0, TP_BLOCK);
        fn(&f, TP_BLOCK, NY);
        return;
    }
    for (int64_t b = 0; b < NY / TP_BLOCK; b++) {
        set_sizes(d, SIZES_RIGHT, b);
        f.xarray = block_of(d, d->yarray, b);
        fn(&f, 0, TP_BLOCK);
    }
    set_sizes(d, SIZES_LEFT, 0);
}

/* Rows from column j0 on.  Outputs of a row lie together, one element after the other. */
static inline void set_rows(Data *d, void **row, int64_t i, int64_t j0) {
    for (int32_t a = 1; a < d->k->narray; a++) {
        if (!d->out[a]) continue;
        size_t n = most_elements(d, &d->k->array[a]);
        row[a] = (char *)d->out[a] + ((size_t)i * n * NY + (size_t)j0) * real_size(d->k);
    }
}

/* The left sample's arrays as the pair function has them. */
static inline void **left_arrays(Data *d, int64_t i) {
    void **out = ARENA_ARRAY(d->a, void *, d->k->narray);
    if (!d->k->compact) return d->xarray;
    for (int32_t a = 1; a < d->k->narray; a++) {
        if (!d->k->array[a].left) continue;
        size_t n = elements(d, &d->k->array[a]);
        out[a] = reals(d, n);
        for (size_t e = 0; e < n; e++)
            real_put(d->k, out[a], e, real_at(d->k, d->xarray[a], place(d->k, e, n, (size_t)i)));
    }
    return out;
}

static inline void run_pairs(Data *d, TpFrame f) {
    void **row = ARENA_ARRAY(d->a, void *, d->k->narray);
    f.row = row;
    f.stride = NY;
    for (int64_t i = 0; i < PAIR_ROWS; i++) {
        f.xarray = left_arrays(d, i * 7);
        if (!d->varies) {
            set_rows(d, row, i, 0);
            d->k->pair_fn(&f, i * 7, 0, TP_BLOCK);
            set_rows(d, row, i, TP_BLOCK);
            d->k->pair_fn(&f, i * 7, TP_BLOCK, NY - TP_BLOCK);
            continue;
        }
        for (int64_t b = 0; b < NY / TP_BLOCK; b++) {
            set_rows(d, row, i, b * TP_BLOCK);
            f.yarray = block_of(d, d->yarray, b);
            set_sizes(d, SIZES_PAIR, b);
            d->k->pair_fn(&f, i * 7, 0, TP_BLOCK);
            set_sizes(d, SIZES_LEFT, 0);
        }
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
    for (int32_t i = 0; i < k->nsize; i++) d.varies |= k->size[i].varies != 0;
    set_sizes(&d, SIZES_LEFT, 0);
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

static inline void same_real(const TpKernel *k, int32_t array, const char *what, size_t i, double x,
                             double y) {
    if ((isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y))) return;
    fail_msg("%s %s[%zu]: %a by the interpreter, %a by code", k->array[array].name, what, i, x, y);
}

static inline void same(const TpKernel *k, int32_t array, const char *what, const void *p,
                        const void *q, size_t n) {
    for (size_t i = 0; p && i < n; i++)
        same_real(k, array, what, i, real_at(k, p, i), real_at(k, q, i));
}

/* Blocks may be of other lengths in the two.  Where sizes vary, elements mean different things from
 * block to block, and blocks are the same. */
static inline void same_samples(const Data *x, const Data *y, int32_t array, const char *what,
                                const void *p, const void *q, size_t n, size_t samples) {
    for (size_t e = 0; p && e < n; e++)
        for (size_t s = 0; s < samples; s++)
            same_real(x->k, array, what, e * samples + s, real_at(x->k, p, place(x->k, e, n, s)),
                      real_at(y->k, q, place(y->k, e, n, s)));
}

/* Bit for bit the same, all arrays that are kept. */
static inline void same_data(Data *x, Data *y) {
    for (int32_t i = 1; i < x->k->narray; i++) {
        const TpArray *a = &x->k->array[i];
        size_t n = most_elements(x, a);
        if (a->stage != TP_STAGE_PAIR) {
            /* an array of its own function alone may have stayed in registers */
            if (n == 1 && a->class == TP_STORED && a->naxis == 0) continue;
            same(x->k, i, "const", x->carray[i], y->carray[i], n);
            same_samples(x, y, i, "left", x->xarray[i], y->xarray[i], n, NX);
            same_samples(x, y, i, "right", x->yarray[i], y->yarray[i], n, NY);
        }
        if (a->stage == TP_STAGE_PAIR && a->class == TP_OUTPUT)
            same(x->k, i, "out", x->out[i], y->out[i], PAIR_ROWS * n * NY);
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

/* The same for all of them, and single vectors and turns as lanes on the best. */
static inline void compare_all(Ctx *c, const Kernel *k, const int64_t *size, const double *real) {
    const char *const *isa = test_levels();
    const char *bad = kernel_verify(c, k);
    if (bad) fail_msg("%s", bad);
    for (; *isa; isa++) compare(c, k, &(CodegenOptions){.isa = *isa}, size, real);
    compare(c, k, &(CodegenOptions){.u = 1, .g = 1}, size, real);
    compare(c, k, &(CodegenOptions){.right = 1}, size, real);
}

/* In both types of reals. */
static inline void check_text(const char *text, const int64_t *size, const double *real) {
    for (int f32 = 0; f32 < 2; f32++) {
        Ctx c = test_ctx();
        Kernel *k = parse_text(&c, text);
        if (f32) k->dtype = TP_F32;
        compare_all(&c, k, size, real);
        arena_free(c.a);
    }
}
#endif

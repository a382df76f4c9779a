#include "compiled.h"
#include "compile.h"
#include "timing.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double bench_seconds(void) { return timing_seconds(); }

void *bench_reals(size_t n) {
    size_t bytes = (n * 8 + 127) / 64 * 64;
    void *p = aligned_alloc(64, bytes);
    if (!p) abort();
    return memset(p, 0, bytes);
}

void bench_put(TpDtype type, void *p, size_t i, double v) {
    if (type == TP_F32) ((float *)p)[i] = (float)v;
    else ((double *)p)[i] = v;
}

double bench_get(TpDtype type, const void *p, size_t i) {
    return type == TP_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

void bench_medians(double *a, double *b, int n, double out[3]) {
    double *ratio = bench_reals((size_t)n);
    for (int i = 0; i < n; i++) ratio[i] = a[i] / b[i];
    timing_sort(a, (size_t)n);
    timing_sort(b, (size_t)n);
    timing_sort(ratio, (size_t)n);
    out[0] = a[n / 2], out[1] = b[n / 2], out[2] = ratio[n / 2];
    free(ratio);
}

bool compiled_arg(CompiledArgs *args, const char *s) {
    const char *eq = strchr(s, '=');
    if (!strcmp(s, "f32")) args->dtype = TP_F32;
    else if (!eq) return false;
    else if (!strncmp(s, "isa=", 4)) args->o.isa = s + 4;
    else if (!strncmp(s, "u=", 2)) args->o.u = (uint32_t)atoi(eq + 1);
    else if (!strncmp(s, "g=", 2)) args->o.g = (uint32_t)atoi(eq + 1);
    else if (args->nset < COMPILED_SET) args->set[args->nset++] = s;
    return true;
}

static void compile(Compiled *b) {
    const char *text = compile_read(&b->c, b->args.kernel);
    b->k = compile_text(&b->c, text, b->args.dtype, &b->args.o, &b->jit);
}

static void settings(Compiled *b, int64_t size, int64_t d) {
    int64_t dim[1] = {d}, position[64] = {0};
    TpError e = {0};
    const TpKernel *k = b->jit.kernel;
    if (k->ninput != 1 || k->nsize > 64 ||
        !rt_values_make(&b->v, k, b->args.set, b->args.nset, dim, &e))
        compile_stop(&b->c, e.text);
    for (int32_t i = 0; i < k->nsize; i++) position[i] = size;
    rt_values_derive(&b->v, position, NULL, b->v.size, b->v.real);
}

/* Of element e among n of sample s in a sample array. */
static size_t place(const Compiled *b, size_t e, size_t n, size_t s) {
    size_t block = b->jit.kernel->block > 0 ? (size_t)b->jit.kernel->block : TP_BLOCK;
    return (s / block * n + e) * block + s % block;
}

/* Over the root of d: of points; over the norm: directions. */
static double divisor(const TpArray *a, const double *x, int64_t d) {
    double q = 0;
    if (a->input == TP_IN_POINT) return sqrt((double)d);
    for (int64_t c = 0; c < d; c++) q += x[c] * x[c];
    return sqrt(q);
}

static void fill_input(Compiled *b, const TpArray *a, void *p, const double *x, int n, int64_t d) {
    bool points = a->input == TP_IN_POINT || a->input == TP_IN_DIRECTION;
    for (int s = 0; s < TP_BLOCK; s++) {
        if (a->input == TP_IN_CLASS) bench_put(b->args.dtype, p, (size_t)s, s);
        for (int e = 0; points && e < n; e++) {
            const double *of = x + (size_t)s * (size_t)n;
            bench_put(b->args.dtype, p, place(b, (size_t)e, (size_t)n, (size_t)s),
                      of[e] / divisor(a, of + e / d * d, d));
        }
    }
}

/* Products of the left sample with all others: what the runtime makes of inputs without
 * positions. */
static void fill_row(Compiled *b, const TpArray *a, void *p, const double *x, int n) {
    const double *l = x + (size_t)b->left * (size_t)n;
    for (size_t s = 0; s < TP_BLOCK; s++) {
        double dot = 0, q = 0, ql = 0;
        const double *y = x + s * (size_t)n;
        for (int e = 0; e < n; e++) dot += l[e] * y[e], q += y[e] * y[e], ql += l[e] * l[e];
        double c = dot / sqrt(q * ql);
        if (a->input == TP_IN_GRAM) c = dot / n;
        if (a->input == TP_IN_DEFECT) c = 1 - c;
        if (a->input == TP_IN_CODEFECT) c = 1 + c;
        bench_put(b->args.dtype, p, s, c);
    }
}

static void fill_gram(Compiled *b, void *p, const double *x, int n, bool root) {
    for (size_t s = 0; s < TP_BLOCK; s++) {
        double q = 0;
        const double *of = x + s * (size_t)n;
        for (int e = 0; e < n; e++) q += of[e] * of[e];
        bench_put(b->args.dtype, p, s, root ? sqrt(q / n) : q / n);
    }
}

static void fill_sample(Compiled *b, const TpArray *a, void *p, const double *x, int n, int64_t d) {
    if (a->input == TP_IN_GRAM) fill_gram(b, p, x, n, false);
    else if (a->input == TP_IN_NORM) fill_gram(b, p, x, n, true);
    else fill_input(b, a, p, x, n, d);
}

/* The left sample's arrays, element after element. */
static void **compact(Compiled *b, void *const *all) {
    const TpKernel *k = b->jit.kernel;
    TpDtype type = b->args.dtype;
    void **out = ARENA_ARRAY(b->a, void *, k->narray);
    for (int32_t i = 1; i < k->narray; i++) {
        const TpArray *a = &k->array[i];
        size_t n = (size_t)rt_array_elements(a, b->v.size);
        if (!a->left) continue;
        out[i] = bench_reals(n);
        for (size_t e = 0; e < n; e++)
            bench_put(type, out[i], e, bench_get(type, all[i], place(b, e, n, (size_t)b->left)));
    }
    return out;
}

static void allocate(Compiled *b, const double *x, int n, int64_t d) {
    const TpKernel *k = b->jit.kernel;
    void **pointer[4];
    for (int i = 0; i < 4; i++) pointer[i] = ARENA_ARRAY(b->a, void *, k->narray);
    b->frame = (TpFrame){.size = b->v.size, .real = b->v.real, .carray = pointer[0],
                         .xarray = pointer[1], .yarray = pointer[1], .parray = pointer[2],
                         .row = pointer[3], .stride = TP_BLOCK, .self = k->self};
    for (int32_t i = 1; i < k->narray; i++) {
        const TpArray *a = &k->array[i];
        size_t e = (size_t)rt_array_elements(a, b->v.size);
        bool input = a->class == TP_INPUT, pair = a->stage == TP_STAGE_PAIR;
        if (a->stage == TP_STAGE_CONST) pointer[0][i] = bench_reals(e);
        else if (!pair) pointer[1][i] = bench_reals(e * TP_BLOCK);
        else if (a->class == TP_STORED) pointer[2][i] = bench_reals(e * (size_t)k->lanes);
        else pointer[3][i] = bench_reals(e * TP_BLOCK);
        if (input && pair) fill_row(b, a, pointer[3][i], x, n);
        if (input && !pair) fill_sample(b, a, pointer[1][i], x, n, d);
        if (pair && a->class == TP_STORED && a->naxis)
            b->scratch += (double)e * k->lanes * (b->args.dtype == TP_F32 ? 4 : 8);
    }
    if (k->const_fn) k->const_fn(&b->frame);
    if (k->sample_fn) k->sample_fn(&b->frame, 0, TP_BLOCK);
    if (k->compact) b->frame.xarray = compact(b, pointer[1]);
}

void compiled_begin(Compiled *b, CompiledArgs args, int64_t size, int64_t d, const double *x,
                    int npoint, int left) {
    *b = (Compiled){.c = compile_ctx(), .args = args, .left = left};
    b->a = b->c.a;
    compile(b);
    settings(b, size, d);
    allocate(b, x, npoint, d);
}

void compiled_end(Compiled *b) { codegen_jit_free(&b->jit); }

double compiled_time(const Compiled *b, int reps) {
    double t0 = timing_seconds();
    int n = b->jit.kernel->lanes;
    for (int r = 0; r < reps; r++) b->jit.kernel->pair_fn(&b->frame, b->left, 0, n);
    return (timing_seconds() - t0) / reps / n;
}

double compiled_difference(const Compiled *b, int output, const void *want, int n) {
    double worst = 0;
    const TpKernel *k = b->jit.kernel;
    for (int32_t i = 1; i < k->narray; i++)
        for (int j = 0; k->array[i].class == TP_OUTPUT && j < n && j < k->lanes; j++) {
            if (k->array[i].output != output) continue;
            double x = bench_get(b->args.dtype, b->frame.row[i], (size_t)j);
            worst = fmax(worst, fabs(x / bench_get(b->args.dtype, want, (size_t)j) - 1));
        }
    return worst;
}

const char *compiled_text(const Compiled *b) {
    const CodegenTime *t = &b->jit.time;
    Buf text = buf_new(b->a);
    buf_printf(&text, "%u lanes, %u x %u vectors, %.0f KiB of scratch, compiled in %.1f ms",
               b->jit.w, b->jit.u, b->jit.g, b->scratch / 1024,
               t->init + t->build + t->verify + t->passes + t->codegen + t->link);
    return buf_text(&text);
}

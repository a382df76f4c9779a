/* The C interface of shared libraries (tpc_kernel.h), over tp_run. */
#include "image.h"
#include "rt.h"
#include "tpc_kernel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(TPC_E_ABI == (int)TP_E_ABI && TPC_E_DATA == (int)TP_E_DATA, "codes are TpStatus");

#define EXPORT __attribute__((visibility("default")))

typedef struct Axes { /* position axes of an input */
    char *name;
    int64_t x[TP_RANK], y[TP_RANK];
    int n;
} Axes;

struct TpcKernel {
    const TpKernel *kernel;
    char **set; /* "name=value" */
    int nset;
    TpNamed *input; /* names owned */
    int ninput;
    Axes *axes;
    int naxes;
    TpNamed *size; /* names and numbers owned */
    int nsize;
    int threads;
    int64_t memory;
    TpBlasChoice blas;
    _Atomic int stop;
    TpError error;
};

EXPORT int tpc_kernel_new(TpcKernel **out, const struct TpImage *image, int which) {
    *out = NULL;
    if (image->abi != TP_ABI_VERSION) return TPC_E_ABI;
    const TpLevel *l = tp_image_level(image, NULL);
    if (!l) return TPC_E_SYSTEM;
    const TpKernel *kernel = tp_level_kernel(l, (uint32_t)which);
    if (!kernel) return TPC_E_USAGE;
    TpcKernel *k = calloc(1, sizeof *k);
    if (!k) return TPC_E_MEMORY;
    k->kernel = kernel;
    k->blas = TP_BLAS_NONE;
    *out = k;
    return TPC_OK;
}

static void free_size(TpNamed *z) {
    free((void *)(uintptr_t)z->name);
    free((void *)(uintptr_t)z->x.rows);
    free((void *)(uintptr_t)z->y.rows);
}

EXPORT void tpc_kernel_free(TpcKernel *k) {
    if (!k) return;
    for (int i = 0; i < k->nset; i++) free(k->set[i]);
    for (int i = 0; i < k->ninput; i++) free((void *)(uintptr_t)k->input[i].name);
    for (int i = 0; i < k->naxes; i++) free(k->axes[i].name);
    for (int i = 0; i < k->nsize; i++) free_size(&k->size[i]);
    free(k->set);
    free(k->input);
    free(k->axes);
    free(k->size);
    free(k);
}

static int no_memory(TpcKernel *k) {
    k->error = (TpError){.code = TP_OK};
    rt_fail(&k->error, TP_E_MEMORY, "out of memory");
    return k->error.code;
}

/* The setting of that name, or the place after the last. */
static char **setting_slot(TpcKernel *k, const char *name) {
    size_t n = strlen(name);
    for (int i = 0; i < k->nset; i++)
        if (!strncmp(k->set[i], name, n) && k->set[i][n] == '=') return &k->set[i];
    char **more = realloc(k->set, (size_t)(k->nset + 1) * sizeof *more);
    if (!more) return NULL;
    k->set = more;
    k->set[k->nset] = NULL;
    return &k->set[k->nset];
}

EXPORT int tpc_kernel_set(TpcKernel *k, const char *name, double value) {
    char num[40];
    rt_number(num, sizeof num, 17, value);
    size_t cap = strlen(name) + sizeof num + 2;
    char *text = malloc(cap), **slot = setting_slot(k, name);
    if (!text || !slot) {
        free(text);
        return no_memory(k);
    }
    snprintf(text, cap, "%s=%s", name, num);
    if (slot == &k->set[k->nset]) k->nset++;
    free(*slot);
    *slot = text;
    return TPC_OK;
}

EXPORT int tpc_kernel_threads(TpcKernel *k, int threads) {
    k->threads = threads;
    return TPC_OK;
}

EXPORT int tpc_kernel_memory(TpcKernel *k, long long bytes) {
    k->memory = bytes;
    return TPC_OK;
}

EXPORT int tpc_kernel_blas(TpcKernel *k, int on) {
    k->blas = on ? TP_BLAS_AUTO : TP_BLAS_NONE;
    return TPC_OK;
}

static TpNamed *input_slot(TpcKernel *k, const char *name) {
    for (int i = 0; i < k->ninput; i++)
        if (!strcmp(k->input[i].name, name)) return &k->input[i];
    TpNamed *more = realloc(k->input, (size_t)(k->ninput + 1) * sizeof *more);
    if (more) k->input = more;
    char *own = more ? strdup(name) : NULL;
    if (!own) return NULL;
    k->input[k->ninput] = (TpNamed){.name = own};
    return &k->input[k->ninput++];
}

EXPORT int tpc_kernel_input(TpcKernel *k, const char *name, const double *x, const double *y,
                            long long d) {
    TpNamed *in = input_slot(k, name);
    if (!in) return no_memory(k);
    in->x = (TpData){.rows = x, .d = d};
    in->y = (TpData){.rows = y, .d = d};
    return TPC_OK;
}

static Axes *axes_of(const TpcKernel *k, const char *name) {
    for (int i = 0; i < k->naxes; i++)
        if (!strcmp(k->axes[i].name, name)) return &k->axes[i];
    return NULL;
}

static Axes *axes_slot(TpcKernel *k, const char *name) {
    Axes *a = axes_of(k, name);
    if (a) return a;
    Axes *more = realloc(k->axes, (size_t)(k->naxes + 1) * sizeof *more);
    if (more) k->axes = more;
    char *own = more ? strdup(name) : NULL;
    if (!own) return NULL;
    k->axes[k->naxes] = (Axes){.name = own};
    return &k->axes[k->naxes++];
}

EXPORT int tpc_kernel_axes(TpcKernel *k, const char *name, const long long *x, const long long *y,
                           int n) {
    k->error = (TpError){.code = TP_OK};
    if (n < 0 || n > TP_RANK - 2) {
        rt_fail(&k->error, TP_E_USAGE, "%d axes of `%.100s`: expected at most %d", n, name,
                TP_RANK - 2);
        return k->error.code;
    }
    Axes *a = axes_slot(k, name);
    if (!a) return no_memory(k);
    a->n = n;
    for (int i = 0; i < n; i++) {
        a->x[i] = x[i];
        a->y[i] = y ? y[i] : x[i];
    }
    return TPC_OK;
}

static TpNamed *size_slot(TpcKernel *k, const char *name) {
    for (int i = 0; i < k->nsize; i++)
        if (!strcmp(k->size[i].name, name)) return &k->size[i];
    TpNamed *more = realloc(k->size, (size_t)(k->nsize + 1) * sizeof *more);
    if (more) k->size = more;
    char *own = more ? strdup(name) : NULL;
    if (!own) return NULL;
    k->size[k->nsize] = (TpNamed){.name = own};
    return &k->size[k->nsize++];
}

static bool copy_sizes(TpData *d, const long long *v, long long n) {
    double *own = v && n > 0 ? calloc((size_t)n, sizeof *own) : NULL;
    bool ok = own || !v || n <= 0;
    for (long long i = 0; own && i < n; i++) own[i] = (double)v[i];
    free((void *)(uintptr_t)d->rows);
    *d = (TpData){.rows = own, .n = own ? n : 0};
    return ok;
}

EXPORT int tpc_kernel_sizes(TpcKernel *k, const char *name, const long long *x, long long nx,
                            const long long *y, long long ny) {
    TpNamed *z = size_slot(k, name);
    if (!z || !copy_sizes(&z->x, x, nx) || !copy_sizes(&z->y, y, ny)) return no_memory(k);
    if (z->x.rows || z->y.rows) return TPC_OK;
    free_size(z);
    *z = k->size[--k->nsize];
    return TPC_OK;
}

static TpData with_axes(const TpcKernel *k, const char *name, TpData d, bool right) {
    const Axes *a = axes_of(k, name);
    if (!a || !d.rows) return d;
    d.axis = right ? a->y : a->x;
    d.naxis = a->n;
    return d;
}

typedef struct Call { /* arguments of an evaluation */
    const double *x, *y;
    long long nx, ny, d;
} Call;

static TpJob make_job(TpcKernel *k, const Call *c) {
    for (int i = 0; i < k->ninput; i++) {
        TpNamed *in = &k->input[i];
        in->x.n = c->nx;
        in->y.n = c->ny;
        if (!c->y) in->y.rows = NULL;
        in->x = with_axes(k, in->name, in->x, false);
        in->y = with_axes(k, in->name, in->y, true);
    }
    const char *first = k->kernel->ninput ? k->kernel->input[0].name : "";
    return (TpJob){.kernel = k->kernel,
                   .x = with_axes(k, first, (TpData){.rows = c->x, .n = c->nx, .d = c->d}, false),
                   .y = with_axes(k, first, (TpData){.rows = c->y, .n = c->ny, .d = c->d}, true),
                   .more = k->input, .nmore = k->ninput, .size = k->size, .nsize = k->nsize,
                   .set = (const char *const *)k->set, .nset = k->nset, .threads = k->threads,
                   .memory = k->memory, .blas = k->blas, .stop = &k->stop};
}

EXPORT int tpc_kernel_eval(TpcKernel *k, const double *x, long long nx, const double *y,
                           long long ny, long long d, void *nngp, void *ntk) {
    TpJob job = make_job(k, &(Call){x, y, nx, ny, d});
    job.out[0].data = nngp;
    job.out[1].data = ntk;
    atomic_store(&k->stop, 0);
    tp_run(&job, NULL, &k->error);
    return k->error.code;
}

EXPORT int tpc_kernel_shape(TpcKernel *k, const double *x, long long nx, const double *y,
                            long long ny, long long d, long long *axis, int *naxis) {
    TpReport r;
    TpJob job = make_job(k, &(Call){x, y, nx, ny, d});
    int room = *naxis;
    if (!tp_plan(&job, &r, &k->error)) return k->error.code;
    *naxis = r.shape.rank;
    for (int i = 0; i < r.shape.rank && i < room; i++) axis[i] = r.shape.len[i];
    return TPC_OK;
}

EXPORT int tpc_kernel_real_size(const TpcKernel *k) { return (int)rt_real_size(k->kernel->dtype); }
EXPORT void tpc_kernel_stop(TpcKernel *k) { atomic_store(&k->stop, 1); }
EXPORT const char *tpc_kernel_error(const TpcKernel *k) { return k->error.text; }

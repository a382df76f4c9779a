/* The C interface of shared libraries (tpc_kernel.h), over tp_run. */
#include "image.h"
#include "rt.h"
#include "tpc_kernel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(TPC_E_ABI == (int)TP_E_ABI && TPC_E_DATA == (int)TP_E_DATA, "codes are TpStatus");

#define EXPORT __attribute__((visibility("default")))

struct TpcKernel {
    const TpKernel *kernel;
    char **set; /* "name=value" */
    int nset;
    TpNamed *input; /* names owned */
    int ninput;
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

EXPORT void tpc_kernel_free(TpcKernel *k) {
    if (!k) return;
    for (int i = 0; i < k->nset; i++) free(k->set[i]);
    for (int i = 0; i < k->ninput; i++) free((void *)(uintptr_t)k->input[i].name);
    free(k->set);
    free(k->input);
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

EXPORT int tpc_kernel_eval(TpcKernel *k, const double *x, long long nx, const double *y,
                           long long ny, long long d, void *nngp, void *ntk) {
    for (int i = 0; i < k->ninput; i++) {
        k->input[i].x.n = nx;
        k->input[i].y.n = ny;
        if (!y) k->input[i].y.rows = NULL;
    }
    TpJob job = {.kernel = k->kernel, .x = {.rows = x, .n = nx, .d = d},
                 .y = {.rows = y, .n = ny, .d = d}, .more = k->input, .nmore = k->ninput,
                 .set = (const char *const *)k->set, .nset = k->nset, .threads = k->threads,
                 .memory = k->memory, .out = {{.data = nngp}, {.data = ntk}}, .blas = k->blas,
                 .stop = &k->stop};
    atomic_store(&k->stop, 0);
    tp_run(&job, NULL, &k->error);
    return k->error.code;
}

EXPORT int tpc_kernel_real_size(const TpcKernel *k) { return (int)rt_real_size(k->kernel->dtype); }
EXPORT void tpc_kernel_stop(TpcKernel *k) { atomic_store(&k->stop, 1); }
EXPORT const char *tpc_kernel_error(const TpcKernel *k) { return k->error.text; }

/* A BLAS by dlopen, so that neither tpc nor its kernels depend on one.  The plain Fortran interface
 * with 32-bit integers is what OpenBLAS, BLIS and MKL have in common. */
#include "gram.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Loading a library takes about as long as the own loop needs for this. */
#define WORTH_MADDS 1e9

typedef struct Maker { /* how a library shows that it is a fast one */
    const char *name, *mark, *set_threads, *get_threads, *core;
} Maker;
static const Maker makers[] = {
    {"OpenBLAS", "openblas_get_config", "openblas_set_num_threads", "openblas_get_num_threads",
     "openblas_get_corename"},
    {"BLIS", "bli_info_get_version_str", "bli_thread_set_num_threads", "bli_thread_get_num_threads",
     NULL},
    {"MKL", "mkl_get_max_threads", "MKL_Set_Num_Threads", "MKL_Get_Max_Threads", NULL},
};
static const char *const files[] = {"libopenblas.so.0", "libmkl_rt.so.2", "libmkl_rt.so.1",
                                    "libblis.so.4",     "libcblas.so.3",  "libblas.so.3"};

/* OpenBLAS before 0.3.25 takes new Intel processors for a Prescott, which is seven times slower
 * (OpenBLAS issue 4267).  The kernels named here are those it uses for every processor with these
 * instructions, so nothing is lost where it knows better.  An existing setting is respected. */
static void name_core(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        setenv("OPENBLAS_CORETYPE", "Haswell", 0);
#endif
    setenv("OPENBLAS_NUM_THREADS", "1", 0);
}

/* ISO C has no conversion from object to function pointers; POSIX has, for dlsym. */
#define SYMBOL(dest, lib, name)                                                                   \
    do {                                                                                          \
        void *sym_ = dlsym((lib), (name));                                                        \
        memcpy(&(dest), &sym_, sizeof sym_);                                                      \
    } while (0)

static void describe(RtBlas *b, void *lib, const Maker *m, const char *file) {
    char *(*core)(void) = NULL;
    if (m->core) SYMBOL(core, lib, m->core);
    snprintf(b->name, sizeof b->name, "%s%s%s (%s)", m->name, core ? " " : "", core ? core() : "",
             file);
}

/* Reference BLAS is slower than the own loop: a library must show one of the marks. */
static bool use(RtBlas *b, void *lib, const char *file) {
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        const Maker *m = &makers[i];
        int (*get)(void) = NULL;
        if (!dlsym(lib, m->mark)) continue;
        SYMBOL(b->dgemm, lib, "dgemm_");
        SYMBOL(b->set_threads, lib, m->set_threads);
        SYMBOL(get, lib, m->get_threads);
        if (!b->dgemm || !b->set_threads || !get) break;
        b->threads_before = get();
        b->set_threads(1);
        describe(b, lib, m, file);
        return true;
    }
    b->dgemm = NULL;
    return false;
}

void rt_blas_find(RtBlas *b, TpBlasChoice choice, double madds) {
    *b = (RtBlas){.name = "own loop"};
    if (choice == TP_BLAS_NONE || madds < WORTH_MADDS) return;
    name_core();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        void *lib = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
        if (!lib) continue;
        if (use(b, lib, files[i])) return;
        dlclose(lib);
    }
}

void rt_blas_done(const RtBlas *b) {
    if (b->dgemm && b->threads_before != 1) b->set_threads(b->threads_before);
}

/* Finding and loading the code generator's module. */
#include "codegen/codegen.h"
#include "diag/diag.h"
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE "libtpc_codegen.so"

/* Where the module lies, seen from the program's folder: an installed tree, then a build tree. */
static const char *const beside[] = {"", "../lib/tpc/", "../codegen/", "compiler/codegen/",
                                     "../../compiler/codegen/"};

static const char *program_folder(Arena *a) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return NULL;
    path[n] = 0;
    char *slash = strrchr(path, '/');
    if (!slash) return NULL;
    slash[1] = 0;
    return arena_strdup(a, path);
}

static const char *module_path(Arena *a) {
    const char *folder = program_folder(a);
    for (size_t i = 0; folder && i < sizeof beside / sizeof *beside; i++) {
        const char *p = arena_printf(a, "%s%s" MODULE, folder, beside[i]);
        if (!access(p, R_OK)) return p;
    }
    return TPC_CODEGEN_DIR "/" MODULE;
}

/* What comes out of it is found by codegen_load, which waits in dlopen while this one is busy. */
static void *preload(void *unused) {
    (void)unused;
    Arena *a = arena_new(0, NULL, NULL);
    dlopen(module_path(a), RTLD_NOW | RTLD_LOCAL);
    arena_free(a);
    return NULL;
}

/* LLVM allocates 8 MB in small pieces.  By default the heaps of threads grow page by page, a system
 * call each, which other threads' page faults wait for. */
static void heap_in_large_steps(void) {
#ifdef M_TOP_PAD
    mallopt(M_TOP_PAD, 4 << 20);
#endif
}

void codegen_preload(CodegenPreload *p) {
    heap_in_large_steps();
    p->begun = !pthread_create(&p->thread, NULL, preload, NULL);
}

void codegen_preload_end(CodegenPreload *p) {
    if (p->begun) pthread_join(p->thread, NULL);
    p->begun = false;
}

const CodegenApi *codegen_load(Ctx *c, const char *path) {
    if (!path) path = module_path(c->a);
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!so) {
        Diag *d = diag(c->ds, codegen_missing, (Span){0}, path, dlerror());
        diag_help(d, "commands that make no code (check, show, fmt, explain) work without it");
        return NULL;
    }
    const CodegenApi *api = dlsym(so, CODEGEN_SYMBOL);
    if (!api || api->version != CODEGEN_VERSION || api->shape != CODEGEN_SHAPE) {
        diag(c->ds, codegen_mismatch, (Span){0}, path);
        dlclose(so);
        return NULL;
    }
    return api;
}

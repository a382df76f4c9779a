/* Finding and loading the code generator's module. */
#include "codegen/codegen.h"
#include "diag/diag.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE "libtpc_codegen.so"

/* Where the module lies, seen from the program's folder: an installed tree, then a build tree. */
static const char *const beside[] = {"", "../lib/tpc/", "../codegen/", "compiler/codegen/",
                                     "../../compiler/codegen/"};

static char *program_folder(Arena *a) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return NULL;
    path[n] = 0;
    char *slash = strrchr(path, '/');
    if (!slash) return NULL;
    slash[1] = 0;
    return arena_strdup(a, path);
}

static const char *module_path(Ctx *c) {
    const char *folder = program_folder(c->a);
    for (size_t i = 0; folder && i < sizeof beside / sizeof *beside; i++) {
        const char *p = arena_printf(c->a, "%s%s" MODULE, folder, beside[i]);
        if (!access(p, R_OK)) return p;
    }
    return TPC_CODEGEN_DIR "/" MODULE;
}

const CodegenApi *codegen_load(Ctx *c, const char *path) {
    if (!path) path = module_path(c);
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

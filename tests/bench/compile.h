/* A kernel's text compiled; what goes wrong ends the process. */
#ifndef BENCH_COMPILE_H
#define BENCH_COMPILE_H
#include "codegen/jit.h"
#include "diag/diag.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline Ctx compile_ctx(void) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {.a = a, .syms = intern_new(a), .src = sources_new(a)};
    c.ds = diags_new(a, c.src);
    return c;
}

_Noreturn static inline void compile_stop(const Ctx *c, const char *why) {
    Buf text = buf_new(c->a);
    diags_render(c->ds, (DiagRender){DIAG_HUMAN, false}, &text);
    fprintf(stderr, "benchmark: %s\n%s", why, buf_text(&text));
    exit(2);
}

static inline const char *compile_read(const Ctx *c, const char *path) {
    FILE *f = fopen(path, "r");
    if (!f) compile_stop(c, "cannot read the kernel");
    Buf text = buf_new(c->a);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) buf_putn(&text, part, n);
    fclose(f);
    return buf_text(&text);
}

static inline Kernel *compile_text(Ctx *c, const char *text, TpDtype dtype,
                                   const CodegenOptions *o, Jit *jit) {
    Kernel *k;
    uint32_t file = source_add(c->src, "kernel", text, strlen(text));
    if (!kernel_parse(c, text, file, &k)) compile_stop(c, "the kernel cannot be read");
    k->dtype = dtype;
    if (!kernel_optimise(c, k)) compile_stop(c, "the kernel cannot be optimised");
    if (!codegen_jit(c, k, o, jit)) compile_stop(c, "no code");
    return k;
}
#endif

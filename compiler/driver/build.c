/* tpc build: a standalone kernel.  Three kernels go into it, so that each can be asked for alone:
 * nngp, ntk, and both in one pass. */
#include "check/check.h"
#include "codegen/link.h"
#include "driver/driver.h"
#include <ctype.h>

/* The sets of kernels that an image holds: every non-empty part of what was asked for. */
static uint32_t kernel_sets(unsigned asked, unsigned set[3]) {
    uint32_t n = 0;
    for (unsigned s = 1; s < 4; s++)
        if ((s & asked) == s) set[n++] = s;
    return n;
}

static const char *identifier(Session *s, const char *name) {
    Buf b = buf_new(s->a);
    for (const char *p = name; *p; p++)
        if (isalnum((unsigned char)*p) || *p == '_') buf_putc(&b, *p);
        else buf_printf(&b, "_%02x", (unsigned)(unsigned char)*p);
    return buf_text(&b);
}

static const char *default_output(Session *s, const char *name) {
    switch (s->o->build) {
    case BUILD_EXECUTABLE: return name;
    case BUILD_SHARED: return arena_printf(s->a, "%s.so", name);
    case BUILD_OBJECT: return arena_printf(s->a, "%s.o", name);
    }
    return name;
}

static bool target_of(Session *s, const char **isa, uint32_t *n) {
    const char *t = s->o->target;
    *n = 0;
    if (!t) return true;
    *isa = !strcmp(t, "native") ? "host" : t;
    *n = 1;
    return true;
}

static bool compile_sets(Session *s, const char *path, const Kernel **kernel, uint32_t *n,
                         const Program **program) {
    unsigned set[3];
    *n = kernel_sets(s->o->kernels, set);
    for (uint32_t i = 0; i < *n; i++) {
        Compiled k;
        if (!compile_file(s, path, set[i], UPTO_PROGRAM, &k)) return false;
        if (!check_runnable(&s->c, k.program, s->o->kernels, false)) return false;
        if (!compile_program(s, k.program, set[i], UPTO_KERNEL, &k)) return false;
        kernel[i] = k.kernel;
        *program = k.program;
    }
    return true;
}

int command_build(Session *s) {
    if (s->o->args.len != 1) {
        options_help(stderr, 'b');
        return EXIT_USAGE;
    }
    if (!s->o->kernels_given) s->o->kernels = 3;
    const Kernel *kernel[3];
    const Program *p = NULL;
    CodegenImage im = {.kernel = kernel, .main = s->o->build == BUILD_EXECUTABLE};
    const char *isa;
    if (!target_of(s, &isa, &im.nisa)) return EXIT_USAGE;
    im.isa = im.nisa ? &isa : NULL;
    codegen_preload(&s->preload);
    if (!compile_sets(s, s->o->args.data[0], kernel, &im.nkernel, &p)) return session_end(s);
    im.name = identifier(s, sym_text(s->c.syms, p->name));
    const CodegenApi *api = codegen_load(&s->c, NULL);
    LinkJob job = {.name = im.name,
                   .output = s->o->output ? s->o->output : default_output(s, im.name)};
    job.kind = s->o->build == BUILD_SHARED ? LINK_SHARED
               : s->o->build == BUILD_OBJECT ? LINK_OBJECT : LINK_EXECUTABLE;
    if (!api || !api->object(&s->c, &im, &job.object)) return session_end(s);
    if (link_kernel(&s->c, &job) && s->o->verbose) fprintf(stderr, "tpc: wrote %s\n", job.output);
    return session_end(s);
}

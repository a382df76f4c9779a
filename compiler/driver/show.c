/* tpc show: any stage as text.  tpc opt: passes on the text of a kernel. */
#include "codegen/link_file.h"
#include "driver/driver.h"

typedef enum ShowStage {
    SHOW_ast,
    SHOW_program,
    SHOW_gradient,
    SHOW_limit,
    SHOW_kernel,
    SHOW_llvm,
    SHOW_asm
} ShowStage;

static bool stage_of(const char *name, ShowStage *out) {
    static const char *const stage[] = {"ast",    "program", "gradient", "limit",
                                       "kernel", "llvm",    "asm"};
    for (int i = 0; i < 7; i++)
        if (!strcmp(name, stage[i])) {
            *out = (ShowStage)i;
            return true;
        }
    return false;
}

/* Where -o says. */
static int result(Session *s, const Buf *b) {
    const char *to = s->o->output;
    if (to) file_replace(&s->c, to, buf_text(b), b->len);
    else put(b);
    return session_end(s);
}

static int show_code(Session *s, const Kernel *k, CodegenText what, Buf *b) {
    const CodegenApi *api = codegen_load(&s->c, NULL);
    CodegenOptions o = {.isa = s->o->target};
    if (!api || !api->text(&s->c, k, &o, what, b)) return session_end(s);
    return result(s, b);
}

int command_show(Session *s) {
    ShowStage st;
    if (s->o->args.len != 1 || !stage_of(s->o->stage ? s->o->stage : "program", &st)) {
        options_help(stderr, 's');
        return EXIT_USAGE;
    }
    static const Upto upto_of[] = {
        [SHOW_ast] = UPTO_AST,           [SHOW_program] = UPTO_PROGRAM,
        [SHOW_gradient] = UPTO_GRADIENT, [SHOW_limit] = UPTO_LIMIT,
        [SHOW_kernel] = UPTO_KERNEL,     [SHOW_llvm] = UPTO_KERNEL,
        [SHOW_asm] = UPTO_KERNEL};
    Upto upto = upto_of[st];
    Compiled k;
    if (!compile_file(s, s->o->args.data[0], s->o->kernels, upto, &k)) return session_end(s);
    Buf b = buf_new(s->a);
    switch (st) {
    case SHOW_ast: syntax_dump(&s->c, k.ast->main, &b); break;
    case SHOW_program: program_print(&s->c, &b, k.program); break;
    case SHOW_gradient: program_print(&s->c, &b, k.gradient->p); break;
    case SHOW_limit: limit_print(&s->c, &b, k.limit); break;
    case SHOW_kernel: kernel_print(&s->c, &b, k.kernel); break;
    case SHOW_llvm: return show_code(s, k.kernel, CODEGEN_LLVM, &b);
    case SHOW_asm: return show_code(s, k.kernel, CODEGEN_ASM, &b);
    }
    return result(s, &b);
}

/* ---- opt */

static bool run_passes(Session *s, Kernel *k) {
    if (!s->o->passes) return kernel_optimise(&s->c, k);
    const char *p = s->o->passes;
    while (*p) {
        size_t n = strcspn(p, ",");
        const char *name = arena_strndup(s->a, p, n);
        if (!kernel_pass(&s->c, k, name)) {
            fprintf(stderr, "tpc: there is no pass `%s`\n", name);
            return false;
        }
        p += n + (p[n] == ',');
    }
    return true;
}

int command_opt(Session *s) {
    if (s->o->args.len != 1) {
        options_help(stderr, 'o');
        return EXIT_USAGE;
    }
    const char *path = s->o->args.data[0], *why;
    size_t len;
    const char *text = syntax_read_disk(NULL, s->a, path, &len, &why);
    if (!text) {
        diag(s->c.ds, cannot_read, (Span){0}, path, why);
        return session_end(s);
    }
    uint32_t file = source_add(s->c.src, path, text, len);
    Kernel *k;
    if (!kernel_parse(&s->c, text, file, &k)) return session_end(s);
    if (!run_passes(s, k)) return EXIT_USAGE;
    Buf b = buf_new(s->a);
    kernel_print(&s->c, &b, k);
    return result(s, &b);
}

/* elaborate FILE.tp [NETWORK] [name=value..]: the program's text on stdout, or diagnostics in short
 * format with status 1.  FILE.tprog is read instead.  Every text is verified and read back. */
#include "diag/diag.h"
#include "program/program.h"
#include "syntax/syntax.h"
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

static void print_diags(Ctx *c) {
    Buf b = buf_new(c->a);
    diags_render(c->ds, (DiagRender){.format = DIAG_SHORT}, &b);
    fputs(buf_text(&b), stdout);
}

static int show(Ctx *c, const Program *p) {
    const char *wrong = program_verify(c, p);
    Buf b = buf_new(c->a), again = buf_new(c->a);
    Program *q;
    program_print(c, &b, p);
    fputs(buf_text(&b), stdout);
    if (wrong) {
        printf("unsound: %s\n", wrong);
        return 3;
    }
    uint32_t file = source_add(c->src, "again", buf_text(&b), strlen(buf_text(&b)));
    if (!program_parse(c, buf_text(&b), file, &q)) {
        print_diags(c);
        return 3;
    }
    program_print(c, &again, q);
    if (strcmp(buf_text(&b), buf_text(&again))) {
        printf("reads back as\n%s", buf_text(&again));
        return 3;
    }
    wrong = program_verify(c, q);
    if (wrong) printf("unsound when read back: %s\n", wrong);
    return wrong ? 3 : 0;
}

static bool load(Ctx *c, const char *path, int argc, char **argv, Program **p) {
    Ast *ast;
    SyntaxFiles f = {.main = path, .read = syntax_read_disk, .resolve = syntax_resolve_disk};
    Setting *set = ARENA_ARRAY(c->a, Setting, argc);
    Sym name = 0;
    uint32_t n = 0;
    for (int i = 0; i < argc; i++) {
        char *eq = strchr(argv[i], '=');
        if (!eq) name = intern(c->syms, argv[i]);
        if (eq) set[n++] = (Setting){arena_strndup(c->a, argv[i], (size_t)(eq - argv[i])), eq + 1};
    }
    f.lib = syntax_stdlib(&f.nlib);
    return syntax_load(c, &f, &ast) && program_elaborate(c, ast, name, set, n, p);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {.a = a, .syms = intern_new(a), .src = sources_new(a)};
    c.ds = diags_new(a, c.src);
    size_t len = strlen(argv[1]);
    bool text = len > 6 && !strcmp(argv[1] + len - 6, ".tprog");
    Program *p = NULL;
    bool ok;
    if (text) {
        const char *why, *s = syntax_read_disk(NULL, a, argv[1], &len, &why);
        if (!s) return 2;
        char *t = arena_strndup(a, s, len);
        ok = program_parse(&c, t, source_add(c.src, basename(argv[1]), t, len), &p);
    } else {
        ok = load(&c, argv[1], argc - 2, argv + 2, &p);
    }
    int rc = ok ? show(&c, p) : 1;
    if (diags_count(c.ds)) print_diags(&c);
    arena_free(a);
    return rc;
}

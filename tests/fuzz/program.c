/* Any text as a program: an error, or a program whose text reads back and that the verifier can
 * judge.  A text that does not begin with `program` or `network`, or has a brace, is a source file
 * instead: what elaborates must be sound. */
#include "program/program.h"
#include "diag/diag.h"
#include "syntax/syntax.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *printed(const Ctx *c, const Program *p) {
    Buf b = buf_new(c->a);
    program_print(c, &b, p);
    return buf_text(&b);
}

static Program *reread(Ctx *c, const char *text) {
    Program *p;
    uint32_t file = source_add(c->src, "f.tprog", text, strlen(text));
    bool ok = program_parse(c, text, file, &p);
    if (ok == (diags_errors(c->ds) > 0)) bug("errors and the reader's answer disagree");
    return ok ? p : NULL;
}

static void laws(Ctx *c, const Program *p) {
    const char *once = printed(c, p);
    const Program *q = reread(c, once);
    if (!q) bug("the printed text does not read back:\n%s", once);
    if (strcmp(once, printed(c, q))) bug("printing twice differs:\n%s\n%s", once, printed(c, q));
    const char *a = program_verify(c, p), *b = program_verify(c, q);
    if (!a != !b) bug("sound or not: %s, %s", a ? a : "sound", b ? b : "sound");
}

typedef struct Text {
    const char *s;
    size_t len;
} Text;

static const char *read_text(void *ctx, Arena *a, const char *path, size_t *len, const char **why) {
    const Text *t = ctx;
    (void)a;
    (void)path;
    *why = NULL;
    *len = t->len;
    return t->s;
}

static void source(Ctx *c, const char *s, size_t len) {
    Text t = {s, len};
    SyntaxFiles f = {.main = "f.tp", .read = read_text, .ctx = &t};
    Ast *ast;
    Program *p;
    f.lib = syntax_stdlib(&f.nlib);
    if (!syntax_load(c, &f, &ast)) return;
    bool ok = program_elaborate(c, ast, 0, NULL, 0, &p);
    if (ok == (diags_errors(c->ds) > 0)) bug("errors and the elaborator's answer disagree");
    if (!ok) return;
    const char *wrong = program_verify(c, p);
    if (wrong) bug("unsound: %s\n%s", wrong, printed(c, p));
    laws(c, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {a, intern_new(a), sources_new(a), NULL};
    c.ds = diags_new(a, c.src);
    char *text = arena_strndup(a, (const char *)data, size);
    bool printed_form = !strncmp(text, "program", 7) || !strncmp(text, "network", 7);
    if (!printed_form || strstr(text, "{")) {
        source(&c, text, strlen(text));
    } else {
        Program *p = reread(&c, text);
        if (p) laws(&c, p);
    }
    arena_free(a);
    return 0;
}

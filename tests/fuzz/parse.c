/* Any bytes: parse, format, parse again.  The formatter's laws must hold for what parses, and every
 * diagnostic must render in all three forms. */
#include "diag/diag.h"
#include "syntax/syntax.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static AstFile *parse(Ctx *c, const char *text, size_t len, bool *ok) {
    AstFile *f;
    *ok = syntax_parse(c, source_add(c->src, "f.tp", text, len), AST_MAIN, &f);
    return f;
}

static const char *dump(const Ctx *c, const AstFile *f) {
    Buf b = buf_new(c->a);
    syntax_dump(c, f, &b);
    return buf_text(&b);
}

static void render(const Ctx *c) {
    for (int f = DIAG_HUMAN; f <= DIAG_JSON; f++) {
        Buf b = buf_new(c->a);
        diags_render(c->ds, (DiagRender){(DiagFormat)f, true}, &b);
        if (diags_count(c->ds) && !b.len) bug("diagnostics without a text");
    }
}

static void laws(Ctx *c, const AstFile *f) {
    Buf once = buf_new(c->a), twice = buf_new(c->a);
    syntax_format(c, f, &once);
    bool ok;
    const AstFile *g = parse(c, buf_text(&once), once.len, &ok);
    if (!ok) bug("the formatted text does not parse:\n%s", buf_text(&once));
    if (strcmp(dump(c, f), dump(c, g)))
        bug("the formatted text means something else:\n%s", buf_text(&once));
    syntax_format(c, g, &twice);
    if (strcmp(buf_text(&once), buf_text(&twice)))
        bug("formatting twice differs:\n%s\n----\n%s", buf_text(&once), buf_text(&twice));
    if (f->comments.len != g->comments.len) bug("comments were lost:\n%s", buf_text(&once));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {a, intern_new(a), sources_new(a), NULL};
    c.ds = diags_new(a, c.src);
    bool ok;
    AstFile *f = parse(&c, (const char *)data, size, &ok);
    if (ok == (diags_errors(c.ds) > 0)) bug("errors and the parser's answer disagree");
    if (ok)
        laws(&c, f);
    else
        render(&c);
    syntax_parse_expr(&c, f->file);
    arena_free(a);
    return 0;
}

/* A compilation of one text, for the tests of this stage. */
#ifndef TEST_SYNTAX_COMMON_H
#define TEST_SYNTAX_COMMON_H
#include "diag/diag.h"
#include "syntax/syntax.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static inline Ctx ctx_new(void) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {a, intern_new(a), sources_new(a), NULL};
    c.ds = diags_new(a, c.src);
    return c;
}

static inline const char *errors(const Ctx *c) {
    Buf b = buf_new(c->a);
    diags_render(c->ds, (DiagRender){.format = DIAG_SHORT}, &b);
    return buf_text(&b);
}

static inline AstFile *parse(Ctx *c, const char *text) {
    AstFile *f;
    bool ok = syntax_parse(c, source_add(c->src, "t.tp", text, strlen(text)), AST_MAIN, &f);
    assert_int_equal(ok, diags_errors(c->ds) == 0);
    return f;
}

static inline const char *dump(Ctx *c, const AstFile *f) {
    Buf b = buf_new(c->a);
    syntax_dump(c, f, &b);
    return buf_text(&b);
}

static inline const char *formatted(Ctx *c, const AstFile *f) {
    Buf b = buf_new(c->a);
    syntax_format(c, f, &b);
    return buf_text(&b);
}

/* The laws of the formatter, for a text that parses. */
static inline void check_formatter(const char *name, const char *text) {
    Ctx c = ctx_new();
    AstFile *f = parse(&c, text);
    if (*errors(&c)) print_error("%s: %s", name, errors(&c));
    assert_int_equal(diags_errors(c.ds), 0);
    const char *once = formatted(&c, f);
    AstFile *g = parse(&c, once);
    if (*errors(&c)) print_error("%s: of the formatted text: %s", name, errors(&c));
    assert_string_equal(dump(&c, f), dump(&c, g));
    assert_string_equal(once, formatted(&c, g));
    assert_int_equal(f->comments.len, g->comments.len);
    arena_free(c.a);
}
#endif

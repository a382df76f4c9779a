/* Elaborating a text or a file, for the tests of this stage. */
#ifndef TEST_PROGRAM_COMMON_H
#define TEST_PROGRAM_COMMON_H
#include "diag/diag.h"
#include "program/program.h"
#include "program/values.h"
#include "syntax/syntax.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static inline Ctx ctx_new(void) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {.a = a, .syms = intern_new(a), .src = sources_new(a)};
    c.ds = diags_new(a, c.src);
    return c;
}

static inline const char *messages(const Ctx *c) {
    Buf b = buf_new(c->a);
    diags_render(c->ds, (DiagRender){.format = DIAG_SHORT}, &b);
    return buf_text(&b);
}

static inline const char *printed(const Ctx *c, const Program *p) {
    Buf b = buf_new(c->a);
    program_print(c, &b, p);
    return buf_text(&b);
}

static inline Program *reread(Ctx *c, const char *text) {
    Program *p;
    return program_parse(c, text, source_add(c->src, "t.tprog", text, strlen(text)), &p) ? p : NULL;
}

typedef struct TextFile {
    const char *text;
    size_t len;
} TextFile;

static inline const char *read_text(void *ctx, Arena *a, const char *path, size_t *len,
                                    const char **why) {
    const TextFile *t = ctx;
    (void)a;
    (void)path;
    *why = NULL;
    *len = t->len;
    return t->text;
}

static inline Ast *load_text(Ctx *c, const char *text) {
    TextFile t = {text, strlen(text)};
    SyntaxFiles f = {.main = "t.tp", .read = read_text, .ctx = &t};
    Ast *ast;
    f.lib = syntax_stdlib(&f.nlib);
    return syntax_load(c, &f, &ast) ? ast : NULL;
}

/* NULL: there were errors.  What comes out is sound, and reads back. */
static inline Program *elaborate(Ctx *c, const Ast *ast, const char *name, const Setting *set,
                                 uint32_t n) {
    Program *p;
    Sym s = name ? intern(c->syms, name) : 0;
    if (!ast || !program_elaborate(c, ast, s, set, n, &p)) {
        assert_true(diags_errors(c->ds) > 0);
        return NULL;
    }
    assert_int_equal(diags_errors(c->ds), 0);
    const char *wrong = program_verify(c, p), *text = printed(c, p);
    if (wrong) print_error("%s\n%s", wrong, text);
    assert_null(wrong);
    Program *q = reread(c, text);
    if (!q) print_error("%s\n%s", messages(c), text);
    assert_non_null(q);
    assert_string_equal(printed(c, q), text);
    wrong = program_verify(c, q);
    if (wrong) print_error("read back: %s\n%s", wrong, text);
    assert_null(wrong);
    return p;
}

/* A program under a heading of an explain page; NULL: the page has none. */
static inline const char *example(Arena *a, const char *page, const char *heading) {
    const char *s = strstr(page, heading);
    if (!s) return NULL;
    s = strstr(s, "```tp\n") + 6;
    return arena_strndup(a, s, (size_t)(strstr(s, "```") - s));
}

static inline Program *elaborate_text(Ctx *c, const char *text) {
    return elaborate(c, load_text(c, text), NULL, NULL, 0);
}
#endif

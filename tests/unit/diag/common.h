/* A sink of diagnostics over one source text. */
#ifndef TEST_DIAG_COMMON_H
#define TEST_DIAG_COMMON_H
#include "diag/diag.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

typedef struct World {
    Arena *a;
    Sources *src;
    Diags *ds;
    uint32_t file;
} World;

static inline World world(const char *text) {
    World w = {.a = arena_new(0, NULL, NULL)};
    w.src = sources_new(w.a);
    w.ds = diags_new(w.a, w.src);
    w.file = source_add(w.src, "mlp.tp", text, strlen(text));
    return w;
}

/* The first place of `word` in the text. */
static inline Span at(const World *w, const char *word) {
    size_t n;
    const char *s = source_text(w->src, w->file, &n), *p = strstr(s, word);
    assert_non_null(p);
    return (Span){w->file, (uint32_t)(p - s), (uint32_t)(p - s + (ptrdiff_t)strlen(word))};
}

static inline const char *render(const World *w, DiagFormat f) {
    Buf b = buf_new(w->a);
    diags_render(w->ds, (DiagRender){.format = f}, &b);
    return buf_text(&b);
}
#endif

#include "diag/source.h"
#include "base/vec.h"

typedef struct Source {
    const char *path, *text;
    size_t len;
    VEC(uint32_t) line; /* offset of each line's first byte */
} Source;

struct Sources {
    Arena *a;
    VEC(Source) file; /* file number - 1 */
};

Sources *sources_new(Arena *a) {
    Sources *s = ARENA_NEW(a, Sources);
    s->a = a;
    return s;
}

uint32_t source_add(Sources *s, const char *path, const char *text, size_t len) {
    Source f = {
        .path = arena_strdup(s->a, path), .text = arena_strndup(s->a, text, len), .len = len};
    vec_push(s->a, &f.line, 0);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n') vec_push(s->a, &f.line, (uint32_t)i + 1);
    vec_push(s->a, &s->file, f);
    return s->file.len;
}

static const Source *source_get(const Sources *s, uint32_t file) {
    return file && file <= s->file.len ? &s->file.data[file - 1] : NULL;
}

const char *source_path(const Sources *s, uint32_t file) {
    const Source *f = source_get(s, file);
    return f ? f->path : "<unknown>";
}

const char *source_text(const Sources *s, uint32_t file, size_t *len) {
    const Source *f = source_get(s, file);
    *len = f ? f->len : 0;
    return f ? f->text : "";
}

uint32_t source_lines(const Sources *s, uint32_t file) {
    const Source *f = source_get(s, file);
    return f ? f->line.len : 0;
}

/* Largest line whose start is <= offset. */
static uint32_t line_index(const Source *f, uint32_t offset) {
    uint32_t lo = 0, hi = f->line.len;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (f->line.data[mid] <= offset)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

LineCol source_linecol(const Sources *s, uint32_t file, uint32_t offset) {
    const Source *f = source_get(s, file);
    if (!f) return (LineCol){0, 0};
    if (offset > f->len) offset = (uint32_t)f->len;
    uint32_t k = line_index(f, offset), col = 1;
    for (uint32_t i = f->line.data[k]; i < offset; i++)
        if (((unsigned char)f->text[i] & 0xC0) != 0x80) col++;
    return (LineCol){k + 1, col};
}

uint32_t source_line(const Sources *s, uint32_t file, uint32_t offset) {
    const Source *f = source_get(s, file);
    return f ? line_index(f, offset) + 1 : 0;
}

Span source_line_span(const Sources *s, uint32_t file, uint32_t line) {
    const Source *f = source_get(s, file);
    if (!f || !line || line > f->line.len) return (Span){0, 0, 0};
    uint32_t lo = f->line.data[line - 1];
    uint32_t hi = line < f->line.len ? f->line.data[line] - 1 : (uint32_t)f->len;
    if (hi > lo && f->text[hi - 1] == '\r') hi--;
    return (Span){file, lo, hi};
}

const char *source_place(const Sources *s, Arena *a, Span sp) {
    if (!source_get(s, sp.file)) return "<unknown>";
    LineCol p = source_linecol(s, sp.file, sp.lo);
    return arena_printf(a, "%s:%u:%u", source_path(s, sp.file), p.line, p.col);
}

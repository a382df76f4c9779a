/* Source files by number, and places in them. */
#ifndef TPC_DIAG_SOURCE_H
#define TPC_DIAG_SOURCE_H
#include "base/ctx.h"

Sources *sources_new(Arena *a);
/* Adds a text (copied); returns its file number (1, 2, ..). */
uint32_t source_add(Sources *s, const char *path, const char *text, size_t len);
const char *source_path(const Sources *s, uint32_t file);
const char *source_text(const Sources *s, uint32_t file, size_t *len);
typedef struct LineCol {
    uint32_t line, col; /* from 1; col counts Unicode characters */
} LineCol;
LineCol source_linecol(const Sources *s, uint32_t file, uint32_t offset);
/* The line's number alone (from 1), without counting its characters. */
uint32_t source_line(const Sources *s, uint32_t file, uint32_t offset);
uint32_t source_lines(const Sources *s, uint32_t file);
/* The bytes of a line without its end; file = 0 if there is no such line. */
Span source_line_span(const Sources *s, uint32_t file, uint32_t line);
/* "mlp.tp:7:5" in the arena; "<unknown>" for file 0. */
const char *source_place(const Sources *s, Arena *a, Span sp);
#endif

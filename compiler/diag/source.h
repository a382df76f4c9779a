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
/* "mlp.tp:7:5" in the arena; "<unknown>" for file 0. */
const char *source_place(const Sources *s, Arena *a, Span sp);
#endif

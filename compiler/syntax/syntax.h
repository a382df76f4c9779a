/* From text to syntax tree and back.  See ast.h for the tree. */
#ifndef TPC_SYNTAX_H
#define TPC_SYNTAX_H
#include "base/buf.h"
#include "syntax/ast.h"

/* A text of the standard library, embedded when tpc is built. */
typedef struct SyntaxText {
    const char *name; /* "dense.tp" */
    const char *text;
    size_t len;
} SyntaxText;

/* stdlib/ *.tp, sorted by name. */
const SyntaxText *syntax_stdlib(uint32_t *n);

/* Where files come from.  No file system is touched but through `read` and `resolve`. */
typedef struct SyntaxFiles {
    const char *main;   /* path of the main file */
    const char *
        *dirs; /* -I folders; imports must lie in one of them or in the main file's folder */
    uint32_t ndirs;
    const SyntaxText *lib;
    uint32_t nlib;
    void *ctx;
    /* Contents of `path` in `a`; NULL: *why gets the reason ("No such file or directory"). */
    const char *(*read)(void *ctx, Arena *a, const char *path, size_t *len, const char **why);
    /* The path without symbolic links, `.` and `..`; NULL if there is no such file.  May be NULL:
     * paths are then cleaned as texts. */
    const char *(*resolve)(void *ctx, Arena *a, const char *path);
} SyntaxFiles;

/* Read and resolve through the disk; ctx unused. */
const char *syntax_read_disk(void *ctx, Arena *a, const char *path, size_t *len, const char **why);
const char *syntax_resolve_disk(void *ctx, Arena *a, const char *path);

/* The main file, everything it imports and the library.  False: errors were reported.  */
bool syntax_load(Ctx *c, const SyntaxFiles *f, Ast **out);
/* One file alone, already in Ctx.src: imports are not followed.  *out is set even where false is
 * returned (the items that could be read). */
bool syntax_parse(Ctx *c, uint32_t file, AstRole role, AstFile **out);
/* An expression alone, such as the value of `--set`.  NULL: errors were reported. */
AstExpr *syntax_parse_expr(Ctx *c, uint32_t file);

/* The tree as source text: two spaces before a trailing comment, four of indent, line breaks inside
 * expressions and single blank lines kept.  fmt(fmt(x)) = fmt(x), and it parses to the same tree.
 */
void syntax_format(const Ctx *c, const AstFile *f, Buf *out);
/* The tree as text for `tpc show --stage=ast`: one s-expression per item, stable. */
void syntax_dump(const Ctx *c, const AstFile *f, Buf *out);
void syntax_dump_expr(const Ctx *c, const AstExpr *e, Buf *out);
#endif

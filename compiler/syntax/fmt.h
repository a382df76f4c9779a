/* State of the formatter; private to fmt.c and fmt_expr.c. */
#ifndef TPC_SYNTAX_FMT_H
#define TPC_SYNTAX_FMT_H
#include "diag/diag.h"
#include "syntax/syntax.h"

/* Stands before a trailing comment until the columns of neighbours are known; no source holds it.
 */
#define FMT_TRAIL '\x01'

enum { FMT_INDENT = 4 };

typedef struct Fmt {
    const Ctx *c;
    const AstFile *f;
    const char *text;
    Buf *out;
    int indent;
    uint32_t comment; /* the next one to be written */
    uint32_t end;     /* source offset after the last token written: where a gap begins */
} Fmt;

uint32_t fmt_line(const Fmt *f, uint32_t offset);
/* Write the next comment. */
void fmt_comment(Fmt *f);
bool fmt_has_comment(const Fmt *f, uint32_t before);
void fmt_newline(Fmt *f, int indent);
/* Between two tokens: `space`, or a new line where the source has one before `next`; comments on
 * the way are written.  Only where a line may end. */
void fmt_gap(Fmt *f, const char *space, uint32_t next);
/* A bracket; a closing one stands on a line of its own where it does in the source. */
void fmt_open(Fmt *f, char bracket);
void fmt_close(Fmt *f, char bracket);

void fmt_expr(Fmt *f, const AstExpr *e);
void fmt_args(Fmt *f, const AstArgs *v);       /* with their ( ) */
void fmt_indices(Fmt *f, const AstIndices *v); /* with their [ ] */
void fmt_ranges(Fmt *f, const AstRanges *v);
void fmt_name(Fmt *f, AstName n);
void fmt_param(Fmt *f, const AstParam *x);
void fmt_type(Fmt *f, const AstType *t);
#endif

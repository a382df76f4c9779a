/* Reading the text forms: a cursor over NUL-terminated text, blanks skipped before every token. */
#ifndef TPC_PROGRAM_CURSOR_H
#define TPC_PROGRAM_CURSOR_H
#include "affine/affine.h"

void cursor_blank(const char **s);
/* Is the next token `t`?  Words must end where t ends.  If so, move over it. */
bool cursor_take(const char **s, const char *t);
Sym cursor_name(Intern *syms, const char **s);   /* 0: no name here */
bool cursor_int(const char **s, int64_t *out);   /* with an optional sign */
/* A form as aff_print wrote it (blanks allowed). */
bool cursor_aff(AffCtx *x, Intern *syms, const char **s, Aff *out);
/* A constraint as cons_print wrote it. */
bool cursor_cons(AffCtx *x, Arena *a, Intern *syms, const char **s, Cons *out);
#endif

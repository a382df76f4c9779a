/* What every stage is handed: `bool stage(Ctx *, const In *, Out **)`, false = diagnostics were
 * added and there is no output.  Nothing else is shared between stages; there is no global state.
 */
#ifndef TPC_BASE_CTX_H
#define TPC_BASE_CTX_H
#include "base/arena.h"
#include "base/intern.h"
#include <stdbool.h>

typedef struct Sources Sources; /* diag/source.h */
typedef struct Diags Diags;     /* diag/diag.h */

/* A byte range [lo, hi) of source file number `file` (1, 2, ..; 0 = no place). */
typedef struct Span {
    uint32_t file, lo, hi;
} Span;

typedef struct Ctx {
    Arena *a; /* lives as long as the compilation */
    Intern *syms;
    Sources *src;
    Diags *ds;
} Ctx;
#endif

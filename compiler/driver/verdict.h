/* Verdicts for people and programs. */
#ifndef TPC_DRIVER_VERDICT_H
#define TPC_DRIVER_VERDICT_H
#include "check/check.h"
#include "driver/driver.h"
#include <jansson.h>

/* One line, and below it a note for each condition that does not hold. */
void verdict_text(Session *s, const Ast *ast, const char *name, const Verdict *v, bool colour,
                  Buf *b);
json_t *verdict_json(Session *s, const Ast *ast, const char *name, const Verdict *v);

/* mend.c: the standard mend of a condition, as replacements in the source that go together. */
typedef struct Mend {
    Span span;
    const char *replacement, *text;
} Mend;
typedef VEC(Mend) Mends;
void mends_of(Session *s, const Ast *ast, const CheckReason *r, Mends *out);

/* probe.c: false: the file does not fit (a message was added); *out NULL without --probe. */
bool probe_of(Session *s, const Program *p, const CheckProbe **out);
#endif

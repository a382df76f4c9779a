/* Diagnostics: values, collected; rendered by the driver only.
 *
 * One row per message in messages/<stage>.def: DIAG(code, severity, id, "format").  The code is
 * stable and never reused; `TP0217` is code 217.  A page of `tpc explain` for each code stands in
 * pages/TP0217.md.  Formats are checked against arguments by the compiler:
 *
 *     Diag *d = diag(c->ds, not_odd, span, W, u);       // error[TP0217]: `W'` is applied to ..
 *     diag_label(d, span2, "`%s` is declared here", v);  // secondary place
 *     diag_note(d, "`%s` depends on `%s`", a, b);
 *     diag_help(d, "use `%s`", x);
 *     diag_fix(d, span3, "dh", "use `dh`");              // replacement that applies
 */
#ifndef TPC_DIAG_H
#define TPC_DIAG_H
#include "base/buf.h"
#include "base/ctx.h"
#include "diag/source.h"

typedef enum DiagSeverity { SEV_error, SEV_warning, SEV_note } DiagSeverity;

typedef enum DiagId {
#define DIAG(code, sev, id, fmt) DIAG_##id,
#include "diag/diag.def"
} DiagId;

#define DIAG(code, sev, id, fmt) \
    static const char diag_fmt_##id[] __attribute__((unused)) = fmt;
#include "diag/diag.def"

typedef struct Diag Diag;

Diags *diags_new(Arena *a, Sources *src);
Diag *diag_add(Diags *ds, DiagId id, Span sp, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
#define diag(ds, id, ...) DIAG_EXPAND(ds, id, __VA_ARGS__)
#define DIAG_EXPAND(ds, id, ...)                                                             \
    DIAG_PICK(__VA_ARGS__, DIAG_MANY, DIAG_MANY, DIAG_MANY, DIAG_MANY, DIAG_MANY, DIAG_MANY, \
              DIAG_MANY, DIAG_ONE, )(ds, id, __VA_ARGS__)
#define DIAG_PICK(a1, a2, a3, a4, a5, a6, a7, a8, f, ...) f
#define DIAG_ONE(ds, id, sp) diag_add((ds), DIAG_##id, (sp), "%s", diag_fmt_##id)
#define DIAG_MANY(ds, id, sp, ...) diag_add((ds), DIAG_##id, (sp), diag_fmt_##id, __VA_ARGS__)
void diag_label(Diag *d, Span sp, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void diag_note(Diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void diag_help(Diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void diag_fix(Diag *d, Span sp, const char *replacement, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The diagnostics from number `from` on arose in `what`, called at `call`: they get a label there.
 * inside: what is called is not the reader's text; the call becomes their place. */
void diags_called(Diags *ds, uint32_t from, Span call, const char *what, bool inside);

uint32_t diags_errors(const Diags *ds); /* number of errors so far */
uint32_t diags_count(const Diags *ds);
bool diags_full(const Diags *ds);       /* the cap of errors is reached: stop early */
bool diags_has(const Diags *ds, uint32_t code);

typedef enum DiagFormat { DIAG_HUMAN, DIAG_SHORT, DIAG_JSON } DiagFormat;
typedef struct DiagRender {
    DiagFormat format;
    bool colour;
} DiagRender;
/* All, sorted by place, duplicates dropped; JSON: one object a line. */
void diags_render(const Diags *ds, DiagRender r, Buf *out);
/* The text of `tpc explain TP0217`; NULL: no such code. */
const char *diag_page(uint32_t code);
/* "TP0217" or "217" -> 217; 0 if it is no code. */
uint32_t diag_code_of(const char *text);

/* Our fault: prints the pass and the message, aborts. */
_Noreturn void bug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#endif

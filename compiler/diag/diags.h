/* What a diagnostic consists of; for the files of this folder alone. */
#ifndef TPC_DIAG_DIAGS_H
#define TPC_DIAG_DIAGS_H
#include "base/vec.h"
#include "diag/diag.h"

typedef struct DiagLabel { /* at the diagnostic's own span: the primary label */
    Span span;
    const char *text;
} DiagLabel;

typedef enum DiagNoteKind { NOTE_note, NOTE_help } DiagNoteKind;
typedef struct DiagNote {
    DiagNoteKind kind;
    const char *text;
} DiagNote;

typedef struct DiagFix {
    Span span;
    const char *replacement, *text;
} DiagFix;

struct Diag {
    Diags *in;
    DiagId id;
    Span span;
    uint32_t seq; /* order of arrival: ties of place */
    const char *text;
    VEC(DiagLabel) label; /* primary ones included */
    VEC(DiagNote) note;
    VEC(DiagFix) fix;
};

struct Diags {
    Arena *a;
    Sources *src;
    VEC(Diag *) list;
    uint32_t errors, dropped;
};

uint32_t diag_code(DiagId id);
const char *diag_id_name(DiagId id);
DiagSeverity diag_severity(DiagId id);
const char *diag_severity_name(DiagSeverity s);
static inline bool span_same(Span a, Span b) {
    return a.file == b.file && a.lo == b.lo && a.hi == b.hi;
}

void diag_render_human(const Diags *ds, const Diag *d, bool colour, Buf *out);
void diag_render_json(const Diags *ds, const Diag *d, Buf *out);
#endif

#include "diag/diags.h"
#include "diag/text.h"
#include <stdio.h>
#include <stdlib.h>

enum { MAX_ERRORS = 20 };

typedef struct DiagRow {
    uint32_t code;
    DiagSeverity severity;
    const char *name;
} DiagRow;

static const DiagRow rows[] = {
#define DIAG(code, sev, id, fmt) [DIAG_##id] = {code, SEV_##sev, #id},
#include "diag/diag.def"
};

uint32_t diag_code(DiagId id) { return rows[id].code; }
const char *diag_id_name(DiagId id) { return rows[id].name; }
DiagSeverity diag_severity(DiagId id) { return rows[id].severity; }

const char *diag_severity_name(DiagSeverity s) {
    switch (s) {
    case SEV_error: return "error";
    case SEV_warning: return "warning";
    case SEV_note: return "note";
    }
    return "";
}

Diags *diags_new(Arena *a, Sources *src) {
    Diags *ds = ARENA_NEW(a, Diags);
    ds->a = a;
    ds->src = src;
    return ds;
}

__attribute__((format(printf, 2, 0))) static const char *format(Arena *a, const char *fmt,
                                                                va_list ap) {
    va_list ap2;
    va_copy(ap2, ap);
    int n = vsnprintf(NULL, 0, fmt, ap2);
    va_end(ap2);
    char *s = arena_alloc(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    return text_clean(a, s);
}

Diag *diag_add(Diags *ds, DiagId id, Span sp, const char *fmt, ...) {
    Diag *d = ARENA_NEW(ds->a, Diag);
    va_list ap;
    va_start(ap, fmt);
    *d =
        (Diag){.in = ds, .id = id, .span = sp, .seq = ds->list.len, .text = format(ds->a, fmt, ap)};
    va_end(ap);
    if (diag_severity(id) == SEV_error) {
        if (diags_full(ds)) {
            ds->dropped++;
            return d; /* takes labels and notes like any other, and is never shown */
        }
        ds->errors++;
    }
    vec_push(ds->a, &ds->list, d);
    return d;
}

void diag_label(Diag *d, Span sp, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    DiagLabel l = {sp, format(d->in->a, fmt, ap)};
    va_end(ap);
    vec_push(d->in->a, &d->label, l);
}

static void note_add(Diag *d, DiagNoteKind kind, const char *text) {
    vec_push(d->in->a, &d->note, (DiagNote){kind, text});
}

void diag_note(Diag *d, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    note_add(d, NOTE_note, format(d->in->a, fmt, ap));
    va_end(ap);
}

void diag_help(Diag *d, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    note_add(d, NOTE_help, format(d->in->a, fmt, ap));
    va_end(ap);
}

void diag_fix(Diag *d, Span sp, const char *replacement, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    DiagFix f = {sp, arena_strdup(d->in->a, replacement), format(d->in->a, fmt, ap)};
    va_end(ap);
    vec_push(d->in->a, &d->fix, f);
}

void diags_called(Diags *ds, uint32_t from, Span call, const char *what, bool inside) {
    for (uint32_t i = from; i < ds->list.len; i++) {
        Diag *d = ds->list.data[i];
        if (inside) {
            diag_label(d, d->span, "in `%s`", what);
            d->span = call;
        } else {
            diag_label(d, call, "`%s` is called here", what);
        }
    }
}

uint32_t diags_errors(const Diags *ds) { return ds->errors; }
uint32_t diags_count(const Diags *ds) { return ds->list.len; }
bool diags_full(const Diags *ds) { return ds->errors >= MAX_ERRORS; }

bool diags_has(const Diags *ds, uint32_t code) {
    for (uint32_t i = 0; i < ds->list.len; i++)
        if (diag_code(ds->list.data[i]->id) == code) return true;
    return false;
}

static int by_place(const void *pa, const void *pb) {
    const Diag *a = *(Diag *const *)pa, *b = *(Diag *const *)pb;
    if (a->span.file != b->span.file) return a->span.file < b->span.file ? -1 : 1;
    if (a->span.lo != b->span.lo) return a->span.lo < b->span.lo ? -1 : 1;
    return a->seq < b->seq ? -1 : 1;
}

static bool repeats(const Diag *a, const Diag *b) {
    return a->id == b->id && span_same(a->span, b->span) && !strcmp(a->text, b->text);
}

static void render_short(const Diags *ds, const Diag *d, Buf *out) {
    if (d->span.file) buf_printf(out, "%s: ", source_place(ds->src, ds->a, d->span));
    buf_printf(out, "%s[TP%04u]: %s\n", diag_severity_name(diag_severity(d->id)), diag_code(d->id),
               d->text);
}

static void render_one(const Diags *ds, const Diag *d, DiagRender r, Buf *out) {
    switch (r.format) {
    case DIAG_HUMAN: diag_render_human(ds, d, r.colour, out); break;
    case DIAG_SHORT: render_short(ds, d, out); break;
    case DIAG_JSON: diag_render_json(ds, d, out); break;
    }
}

void diags_render(const Diags *ds, DiagRender r, Buf *out) {
    uint32_t n = ds->list.len;
    Diag **d = arena_copy(ds->a, ds->list.data, n * sizeof *d);
    if (n) qsort(d, n, sizeof *d, by_place);
    for (uint32_t i = 0; i < n; i++)
        if (!i || !repeats(d[i - 1], d[i])) render_one(ds, d[i], r, out);
    if (ds->dropped && r.format == DIAG_HUMAN)
        buf_printf(out, "%u more error%s not shown\n", ds->dropped, ds->dropped == 1 ? "" : "s");
}

uint32_t diag_code_of(const char *text) {
    if ((text[0] == 'T' || text[0] == 't') && (text[1] == 'P' || text[1] == 'p')) text += 2;
    uint32_t code = 0, k = 0;
    for (; text[k] >= '0' && text[k] <= '9' && k < 5; k++)
        code = code * 10 + (uint32_t)(text[k] - '0');
    if (!k || text[k]) return 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code) return code;
    return 0;
}

void bug(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("tpc: internal error: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputs("\nThis is a bug in tpc, whatever the program says. Please report it with the program.\n",
          stderr);
    va_end(ap);
    abort();
}

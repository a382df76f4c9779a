/* A diagnostic as one JSON object on a line:
 * {v, code, id, severity, message, spans: [{file, lo, hi, line, col, end_line, end_col, label,
 * primary}], notes: [{kind, text}], fixes: [{file, lo, hi, replacement, text}]}.
 * lo and hi are byte offsets, lines and columns count from 1. */
#include "diag/diags.h"
#include "diag/text.h"
#include <jansson.h>
#include <stdlib.h>

static json_t *text(const Diags *ds, const char *s) { return json_string(text_clean(ds->a, s)); }

static json_t *span(const Diags *ds, Span sp, bool primary, const char *label) {
    LineCol lo = source_linecol(ds->src, sp.file, sp.lo),
            hi = source_linecol(ds->src, sp.file, sp.hi);
    json_t *o = json_object();
    json_object_set_new(o, "file", text(ds, source_path(ds->src, sp.file)));
    json_object_set_new(o, "lo", json_integer(sp.lo));
    json_object_set_new(o, "hi", json_integer(sp.hi));
    json_object_set_new(o, "line", json_integer(lo.line));
    json_object_set_new(o, "col", json_integer(lo.col));
    json_object_set_new(o, "end_line", json_integer(hi.line));
    json_object_set_new(o, "end_col", json_integer(hi.col));
    json_object_set_new(o, "label", text(ds, label));
    json_object_set_new(o, "primary", json_boolean(primary));
    return o;
}

static json_t *spans(const Diags *ds, const Diag *d) {
    json_t *list = json_array();
    const char *own = "";
    for (uint32_t i = 0; i < d->label.len; i++)
        if (span_same(d->label.data[i].span, d->span)) own = d->label.data[i].text;
    if (d->span.file) json_array_append_new(list, span(ds, d->span, true, own));
    for (uint32_t i = 0; i < d->label.len; i++) {
        const DiagLabel *l = &d->label.data[i];
        if (l->span.file && !span_same(l->span, d->span))
            json_array_append_new(list, span(ds, l->span, false, l->text));
    }
    return list;
}

static json_t *notes(const Diags *ds, const Diag *d) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < d->note.len; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "kind",
                            json_string(d->note.data[i].kind == NOTE_help ? "help" : "note"));
        json_object_set_new(o, "text", text(ds, d->note.data[i].text));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *fixes(const Diags *ds, const Diag *d) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < d->fix.len; i++) {
        const DiagFix *f = &d->fix.data[i];
        json_t *o = json_object();
        json_object_set_new(o, "file", text(ds, source_path(ds->src, f->span.file)));
        json_object_set_new(o, "lo", json_integer(f->span.lo));
        json_object_set_new(o, "hi", json_integer(f->span.hi));
        json_object_set_new(o, "replacement", text(ds, f->replacement));
        json_object_set_new(o, "text", text(ds, f->text));
        json_array_append_new(list, o);
    }
    return list;
}

void diag_render_json(const Diags *ds, const Diag *d, Buf *out) {
    json_t *o = json_object();
    json_object_set_new(o, "v", json_integer(1));
    json_object_set_new(o, "code", json_string(arena_printf(ds->a, "TP%04u", diag_code(d->id))));
    json_object_set_new(o, "id", json_string(diag_id_name(d->id)));
    json_object_set_new(o, "severity", json_string(diag_severity_name(diag_severity(d->id))));
    json_object_set_new(o, "message", text(ds, d->text));
    json_object_set_new(o, "spans", spans(ds, d));
    json_object_set_new(o, "notes", notes(ds, d));
    json_object_set_new(o, "fixes", fixes(ds, d));
    char *s = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (!s) bug("a diagnostic could not be written as JSON");
    buf_puts(out, s);
    buf_putc(out, '\n');
    free(s);
    json_decref(o);
}

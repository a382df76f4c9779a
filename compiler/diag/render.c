/* Diagnostics for people: the source lines with carets, as rustc made usual. */
#include "diag/diags.h"
#include "diag/text.h"
#include <stdio.h>
#include <stdlib.h>

enum { TAB = 4, MAX_WIDTH = 160, LEAD = 60, MAX_SPAN_LINES = 5 };

typedef struct Mark { /* a piece of a span on one line */
    uint32_t file, line, lo, hi; /* display columns from 0; lo < hi */
    bool primary;
    const char *text; /* "" where nothing is written beside it */
} Mark;
typedef VEC(Mark) Marks;

typedef struct View { /* a source line as shown */
    const char *text;
    uint32_t *col;  /* display column of each byte, and of the end */
    uint32_t bytes;
    Span span;
} View;

typedef struct Render {
    const Diags *ds;
    Arena *a;
    Buf *out;
    bool colour;
    int gutter;
    Marks marks;
} Render;

static const char *const RED = "1;31", *const YELLOW = "1;33", *const BLUE = "1;34",
                         *const BOLD = "1", *const GREEN = "1;32";

static void paint(Render *r, const char *code) {
    if (r->colour) buf_printf(r->out, "\x1b[%sm", code);
}

static void plain(Render *r) {
    if (r->colour) buf_puts(r->out, "\x1b[0m");
}

static const char *severity_colour(DiagSeverity s) {
    switch (s) {
    case SEV_error: return RED;
    case SEV_warning: return YELLOW;
    case SEV_note: return GREEN;
    }
    return BOLD;
}

/* n bytes as the terminal shows them: tabs to columns, what is no character as U+FFFD.  col, where
 * not NULL, gets the display column of each byte and of the end. */
static const char *display(Arena *a, const char *s, uint32_t n, uint32_t *col) {
    Buf b = buf_new(a);
    uint32_t at = 0;
    for (uint32_t i = 0; i < n;) {
        uint32_t cp = 0, k = utf8_decode(s + i, n - i, &cp);
        uint32_t width = s[i] == '\t' ? TAB - at % TAB : !k ? 1 : utf8_width(cp);
        for (uint32_t j = 0; col && j < (k ? k : 1); j++) col[i + j] = at;
        if (s[i] == '\t')
            buf_pad(&b, (int)width);
        else if (!k || utf8_is_control(cp))
            buf_puts(&b, "\xEF\xBF\xBD");
        else
            buf_putn(&b, s + i, k);
        at += width;
        i += k ? k : 1;
    }
    if (col) col[n] = at;
    return buf_text(&b);
}

static View view_line(Render *r, uint32_t file, uint32_t line) {
    size_t len;
    const char *text = source_text(r->ds->src, file, &len);
    Span sp = source_line_span(r->ds->src, file, line);
    uint32_t n = sp.hi - sp.lo;
    View v = {.bytes = n, .span = sp, .col = ARENA_ARRAY(r->a, uint32_t, n + 1)};
    v.text = display(r->a, text + sp.lo, n, v.col);
    return v;
}

static uint32_t view_col(const View *v, uint32_t offset) {
    return v->col[offset <= v->span.lo ? 0 : offset >= v->span.hi ? v->bytes : offset - v->span.lo];
}

static void mark_add(Render *r, uint32_t line, Span sp, bool primary, const char *text) {
    View v = view_line(r, sp.file, line);
    uint32_t lo = sp.lo;
    if (sp.lo < v.span.lo) { /* a later line of the span: from its first visible character */
        size_t len;
        const char *s = source_text(r->ds->src, sp.file, &len);
        for (lo = v.span.lo; lo < v.span.hi && (s[lo] == ' ' || s[lo] == '\t');) lo++;
    }
    Mark m = {sp.file, line, view_col(&v, lo), view_col(&v, sp.hi), primary, text};
    if (m.hi <= m.lo) m.hi = m.lo + 1; /* an empty place still gets a caret */
    vec_push(r->a, &r->marks, m);
}

static void marks_of_span(Render *r, Span sp, bool primary, const char *text) {
    if (!sp.file) return;
    uint32_t first = source_line(r->ds->src, sp.file, sp.lo);
    uint32_t last = source_line(r->ds->src, sp.file, sp.hi > sp.lo ? sp.hi - 1 : sp.lo);
    bool all = last - first < MAX_SPAN_LINES;
    for (uint32_t l = first; l <= last; l++) {
        if (!all && l == first + 1) l = last;
        mark_add(r, l, sp, primary, l == last ? text : "");
    }
}

static void marks_collect(Render *r, const Diag *d) {
    bool labelled = false;
    for (uint32_t i = 0; i < d->label.len; i++) {
        DiagLabel l = d->label.data[i];
        bool primary = span_same(l.span, d->span);
        labelled |= primary;
        marks_of_span(r, l.span, primary, l.text);
    }
    if (!labelled) marks_of_span(r, d->span, true, "");
}

/* The primary file first, then by file, line, and place on the line. */
static int mark_order(const void *pa, const void *pb) {
    const Mark *a = pa, *b = pb;
    if (a->file != b->file) return a->file < b->file ? -1 : 1;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    if (a->lo != b->lo) return a->lo < b->lo ? -1 : 1;
    return a->primary == b->primary ? 0 : a->primary ? -1 : 1;
}

static void gutter(Render *r, uint32_t line) {
    paint(r, BLUE);
    if (line)
        buf_printf(r->out, "%*u |", r->gutter, line);
    else
        buf_printf(r->out, "%*s |", r->gutter, "");
    plain(r);
}

/* Cut a text to the columns [from, from + MAX_WIDTH). */
static void put_window(Render *r, const char *text, uint32_t from) {
    size_t n = strlen(text);
    uint32_t col = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0, k = utf8_decode(text + i, n - i, &cp), w = utf8_width(cp);
        if (col >= from && col + w <= from + MAX_WIDTH) buf_putn(r->out, text + i, k);
        col += w;
        i += k;
    }
}

typedef struct LineMarks {
    const Mark *m;
    uint32_t n, from; /* first display column shown */
} LineMarks;

static void put_underlines(Render *r, LineMarks l) {
    uint32_t end = 0;
    for (uint32_t i = 0; i < l.n; i++)
        if (l.m[i].hi > end) end = l.m[i].hi;
    if (end > l.from + MAX_WIDTH) end = l.from + MAX_WIDTH;
    char *row = arena_alloc(r->a, end + 2);
    memset(row, ' ', end);
    for (int pass = 0; pass < 2; pass++) /* carets over dashes */
        for (uint32_t i = 0; i < l.n; i++)
            for (uint32_t c = l.m[i].lo; l.m[i].primary == pass && c < l.m[i].hi && c < end; c++)
                row[c] = pass ? '^' : '-';
    for (uint32_t c = l.from; c < end;) {
        uint32_t e = c;
        while (e < end && row[e] == row[c]) e++;
        if (row[c] != ' ') paint(r, row[c] == '^' ? RED : BLUE);
        buf_putn(r->out, row + c, e - c);
        if (row[c] != ' ') plain(r);
        c = e;
    }
}

static void put_text(Render *r, const Mark *m) {
    paint(r, m->primary ? RED : BLUE);
    buf_puts(r->out, m->text);
    plain(r);
}

/* The labels that do not fit beside the underlines: from the right, each on a row of its own. */
static void put_hanging(Render *r, LineMarks l, uint32_t k) {
    gutter(r, 0);
    buf_putc(r->out, ' ');
    uint32_t col = l.from;
    for (uint32_t i = 0; i <= k; i++) {
        const Mark *m = &l.m[i];
        if (!*m->text || m->lo < col) continue;
        if (i < k && m->lo >= l.m[k].lo) continue;
        buf_pad(r->out, (int)(m->lo - col));
        if (i < k)
            buf_putc(r->out, '|');
        else
            put_text(r, m);
        col = m->lo + 1;
    }
    buf_putc(r->out, '\n');
}

static void put_line(Render *r, LineMarks l) {
    View v = view_line(r, l.m->file, l.m->line);
    if (v.col[v.bytes] > MAX_WIDTH && l.m->lo > LEAD) l.from = l.m->lo - LEAD;
    gutter(r, l.m->line);
    if (*v.text) buf_putc(r->out, ' ');
    put_window(r, v.text, l.from);
    buf_putc(r->out, '\n');
    gutter(r, 0);
    buf_putc(r->out, ' ');
    put_underlines(r, l);
    bool beside = *l.m[l.n - 1].text != 0;
    for (uint32_t i = 0; i + 1 < l.n; i++)
        if (l.m[i].hi > l.m[l.n - 1].lo) beside = false;
    if (beside) {
        buf_putc(r->out, ' ');
        put_text(r, &l.m[l.n - 1]);
    }
    buf_putc(r->out, '\n');
    for (uint32_t k = l.n - (beside ? 1 : 0); k-- > 0;)
        if (*l.m[k].text) put_hanging(r, l, k);
}

static void put_place(Render *r, const char *arrow, Span sp) {
    buf_pad(r->out, r->gutter);
    paint(r, BLUE);
    buf_puts(r->out, arrow);
    plain(r);
    buf_printf(r->out, " %s\n", source_place(r->ds->src, r->a, sp));
    gutter(r, 0);
    buf_putc(r->out, '\n');
}

static void put_marks_of_file(Render *r, uint32_t file) {
    for (uint32_t i = 0; i < r->marks.len;) {
        const Mark *m = &r->marks.data[i];
        uint32_t n = 1;
        while (i + n < r->marks.len && m[n].file == m->file && m[n].line == m->line) n++;
        if (m->file == file) put_line(r, (LineMarks){m, n, 0});
        i += n;
    }
}

static void put_marks(Render *r, const Diag *d) {
    if (r->marks.len) qsort(r->marks.data, r->marks.len, sizeof(Mark), mark_order);
    put_place(r, "-->", d->span);
    put_marks_of_file(r, d->span.file);
    for (uint32_t i = 0; i < d->label.len; i++) {
        Span sp = d->label.data[i].span;
        bool seen = sp.file == d->span.file || !sp.file;
        for (uint32_t k = 0; k < i; k++) seen |= d->label.data[k].span.file == sp.file;
        if (seen) continue;
        put_place(r, ":::", sp);
        put_marks_of_file(r, sp.file);
    }
}

static void put_note(Render *r, const char *kind, const char *text) {
    buf_pad(r->out, r->gutter + 1);
    paint(r, BLUE);
    buf_putc(r->out, '=');
    plain(r);
    buf_putc(r->out, ' ');
    paint(r, BOLD);
    buf_printf(r->out, "%s:", kind);
    plain(r);
    buf_putc(r->out, ' ');
    for (; *text; text++) { /* later lines stand below the first */
        buf_putc(r->out, *text);
        if (*text == '\n') buf_pad(r->out, r->gutter + 5 + (int)strlen(kind));
    }
    buf_putc(r->out, '\n');
}

/* The line as it reads once the fix is applied. */
static void put_fix(Render *r, const DiagFix *f) {
    put_note(r, "help", f->text);
    uint32_t line = source_line(r->ds->src, f->span.file, f->span.lo);
    Span sp = source_line_span(r->ds->src, f->span.file, line);
    if (!sp.file || f->span.hi > sp.hi || sp.hi - sp.lo > MAX_WIDTH || strchr(f->replacement, '\n'))
        return;
    size_t len;
    const char *s = source_text(r->ds->src, sp.file, &len);
    char *fixed = arena_printf(r->a, "%.*s%s%.*s", (int)(f->span.lo - sp.lo), s + sp.lo,
                               f->replacement, (int)(sp.hi - f->span.hi), s + f->span.hi);
    gutter(r, 0);
    buf_putc(r->out, '\n');
    gutter(r, line);
    buf_printf(r->out, " %s\n", display(r->a, fixed, (uint32_t)strlen(fixed), NULL));
}

static int digits(const Marks *m) {
    uint32_t most = 1;
    for (uint32_t i = 0; i < m->len; i++)
        if (m->data[i].line > most) most = m->data[i].line;
    int n = 0;
    for (; most; most /= 10) n++;
    return n;
}

void diag_render_human(const Diags *ds, const Diag *d, bool colour, Buf *out) {
    Render r = {.ds = ds, .a = ds->a, .out = out, .colour = colour};
    DiagSeverity s = diag_severity(d->id);
    marks_collect(&r, d);
    r.gutter = digits(&r.marks);
    paint(&r, severity_colour(s));
    buf_printf(out, "%s[TP%04u]", diag_severity_name(s), diag_code(d->id));
    plain(&r);
    paint(&r, BOLD);
    buf_printf(out, ": %s", d->text);
    plain(&r);
    buf_putc(out, '\n');
    if (d->span.file) put_marks(&r, d);
    if (d->span.file && (d->note.len || d->fix.len)) {
        gutter(&r, 0);
        buf_putc(out, '\n');
    }
    for (uint32_t i = 0; i < d->note.len; i++)
        put_note(&r, d->note.data[i].kind == NOTE_help ? "help" : "note", d->note.data[i].text);
    for (uint32_t i = 0; i < d->fix.len; i++) put_fix(&r, &d->fix.data[i]);
    buf_putc(out, '\n');
}

/* The formatter: the tree as source text.  Comments and line breaks are found by their places in
 * the source, so the tree must come from it. */
#include "syntax/fmt.h"
#include "diag/text.h"

uint32_t fmt_line(const Fmt *f, uint32_t offset) {
    return source_line(f->c->src, f->f->file, offset);
}

void fmt_newline(Fmt *f, int indent) {
    buf_putc(f->out, '\n');
    buf_pad(f->out, indent);
}

void fmt_comment(Fmt *f) {
    Span sp = f->f->comments.data[f->comment++];
    buf_putn(f->out, f->text + sp.lo, sp.hi - sp.lo);
}

bool fmt_has_comment(const Fmt *f, uint32_t before) {
    return f->comment < f->f->comments.len && f->f->comments.data[f->comment].lo < before;
}

static void trailing(Fmt *f) {
    buf_putc(f->out, FMT_TRAIL);
    fmt_comment(f);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Past blanks, comments and a trailing comma. */
static uint32_t skip_blank(const Fmt *f, uint32_t i) {
    for (;; i++) {
        if (f->text[i] == '#') i += (uint32_t)strcspn(f->text + i, "\n");
        if (!is_blank(f->text[i]) && f->text[i] != ',') return i;
    }
}

static bool breaks(const Fmt *f, uint32_t from, uint32_t to) {
    return from < to && memchr(f->text + from, '\n', to - from);
}

void fmt_open(Fmt *f, char bracket) {
    uint32_t i = skip_blank(f, f->end);
    while (f->text[i] == ')') i = skip_blank(f, i + 1); /* doubled parentheses are printed once */
    if (f->text[i] == bracket) f->end = i + 1;
    buf_putc(f->out, bracket);
}

void fmt_close(Fmt *f, char bracket) {
    uint32_t i = skip_blank(f, f->end);
    bool comments = fmt_has_comment(f, i);
    if (comments) trailing(f);
    if (comments || breaks(f, f->end, i)) fmt_newline(f, f->indent);
    while (fmt_has_comment(f, i)) {
        fmt_comment(f);
        fmt_newline(f, f->indent);
    }
    if (f->text[i] == bracket) f->end = i + 1;
    buf_putc(f->out, bracket);
}

void fmt_gap(Fmt *f, const char *space, uint32_t next) {
    bool comments = fmt_has_comment(f, next);
    for (uint32_t i; i = skip_blank(f, f->end), f->text[i] == ')' && i < next;) f->end = i + 1;
    if (!comments && !breaks(f, f->end, next)) {
        buf_puts(f->out, space);
        return;
    }
    if (comments) trailing(f);
    fmt_newline(f, f->indent + FMT_INDENT);
    while (fmt_has_comment(f, next)) {
        fmt_comment(f);
        fmt_newline(f, f->indent + FMT_INDENT);
    }
}

/* Lines of a block or of the file.  line: the source line of what was written last, 0 for nothing.
 */
typedef struct Lines {
    uint32_t line;
} Lines;

/* Begin a line for what stands at lo; a blank line of the source is kept. */
static void lines_begin(Fmt *f, Lines *l, uint32_t lo) {
    uint32_t line = fmt_line(f, lo);
    if (l->line && line > l->line + 1) buf_putc(f->out, '\n');
    if (f->out->len) fmt_newline(f, f->indent);
}

static void lines_comments(Fmt *f, Lines *l, uint32_t before) {
    while (fmt_has_comment(f, before)) {
        Span sp = f->f->comments.data[f->comment];
        lines_begin(f, l, sp.lo);
        fmt_comment(f);
        l->line = fmt_line(f, sp.lo);
    }
}

/* After a statement that ends at hi: the comment beside it, and those inside that found no place.
 */
static void lines_end(Fmt *f, Lines *l, uint32_t hi, uint32_t next) {
    const AstFile *a = f->f;
    bool first = true;
    l->line = fmt_line(f, hi);
    while (f->comment < a->comments.len) {
        uint32_t lo = a->comments.data[f->comment].lo;
        bool inside = lo < hi, beside = lo < next && fmt_line(f, lo) == l->line;
        if (!inside && !beside) break;
        if (first)
            trailing(f);
        else {
            fmt_newline(f, f->indent);
            fmt_comment(f);
        }
        first = false;
    }
}

static void put_stmt(Fmt *f, const AstStmt *s);
static void put_check(Fmt *f, const AstCheck *k);

typedef enum BodyKind { BODY_stmts, BODY_checks } BodyKind;

typedef struct Body { /* what stands between braces */
    BodyKind kind;
    const AstStmts *stmts;
    const AstChecks *checks;
    uint32_t len;
    Span span;
} Body;

static Span body_span(const Body *b, uint32_t i) {
    return b->kind == BODY_stmts ? b->stmts->data[i]->span : b->checks->data[i].span;
}

static void body_item(Fmt *f, const Body *b, uint32_t i) {
    switch (b->kind) {
    case BODY_stmts: put_stmt(f, b->stmts->data[i]); break;
    case BODY_checks: put_check(f, &b->checks->data[i]); break;
    }
}

static void put_one_line(Fmt *f, const Body *b) {
    buf_puts(f->out, "{ ");
    for (uint32_t i = 0; i < b->len; i++) {
        if (i) buf_puts(f->out, "; ");
        body_item(f, b, i);
    }
    buf_puts(f->out, b->len ? " }" : "}");
}

static void put_body(Fmt *f, const Body *b) {
    uint32_t open = b->span.lo, close = b->span.hi - 1;
    f->end = b->span.hi;
    bool one_line =
        fmt_line(f, open) == fmt_line(f, close) || !(b->len || fmt_has_comment(f, close));
    if (one_line && !fmt_has_comment(f, open)) {
        put_one_line(f, b);
        f->end = b->span.hi;
        return;
    }
    buf_putc(f->out, '{');
    f->indent += FMT_INDENT;
    Lines l = {0};
    lines_end(f, &l, open + 1, b->len ? body_span(b, 0).lo : close);
    l.line = 0;
    for (uint32_t i = 0; i < b->len; i++) {
        Span sp = body_span(b, i);
        lines_comments(f, &l, sp.lo);
        lines_begin(f, &l, sp.lo);
        f->end = sp.lo;
        body_item(f, b, i);
        lines_end(f, &l, sp.hi, i + 1 < b->len ? body_span(b, i + 1).lo : close);
    }
    lines_comments(f, &l, close);
    f->indent -= FMT_INDENT;
    fmt_newline(f, f->indent);
    buf_putc(f->out, '}');
    f->end = b->span.hi;
}

static void put_block(Fmt *f, const AstBlock *b) {
    buf_putc(f->out, ' ');
    put_body(f,
             &(Body){.kind = BODY_stmts, .stmts = &b->stmts, .len = b->stmts.len, .span = b->span});
}

static void put_decl(Fmt *f, const AstStmt *s) {
    buf_printf(f->out, "%s ", ast_decl_text(s->decl.kind));
    fmt_name(f, s->decl.name);
    buf_putc(f->out, ':');
    fmt_gap(f, " ", s->decl.type.span.lo);
    fmt_type(f, &s->decl.type);
    buf_puts(f->out, " ~");
    fmt_gap(f, " ", s->decl.law.span.lo);
    fmt_name(f, s->decl.law);
    fmt_args(f, &s->decl.args);
    if (!s->decl.lr) return;
    buf_puts(f->out, " lr ");
    fmt_expr(f, s->decl.lr);
}

static void put_assign(Fmt *f, const AstStmt *s) {
    fmt_name(f, s->assign.name);
    if (s->assign.at.len) fmt_indices(f, &s->assign.at);
    buf_puts(f->out, " =");
    fmt_gap(f, " ", s->assign.value->span.lo);
    fmt_expr(f, s->assign.value);
}

static void put_stmt(Fmt *f, const AstStmt *s) {
    f->end = s->span.lo;
    switch (s->kind) {
    case AS_assign: put_assign(f, s); break;
    case AS_decl: put_decl(f, s); break;
    case AS_width:
        buf_puts(f->out, "width ");
        fmt_name(f, s->width.name);
        buf_puts(f->out, " =");
        fmt_gap(f, " ", s->width.value->span.lo);
        fmt_expr(f, s->width.value);
        break;
    case AS_for:
        buf_puts(f->out, "for ");
        fmt_ranges(f, &s->loop.ranges);
        put_block(f, &s->loop.body);
        break;
    case AS_repeat:
        buf_puts(f->out, "repeat ");
        fmt_expr(f, s->repeat.count);
        put_block(f, &s->repeat.body);
        break;
    case AS_return:
        buf_puts(f->out, "return ");
        fmt_expr(f, s->value);
        break;
    }
}

static void put_check(Fmt *f, const AstCheck *k) {
    f->end = k->span.lo;
    switch (k->kind) {
    case AC_verdict: buf_puts(f->out, "verdict "); break;
    case AC_error: buf_puts(f->out, "error "); break;
    case AC_value: break;
    }
    fmt_name(f, k->name);
    if (k->kind != AC_value) return;
    if (k->called) fmt_args(f, &k->args);
    if (k->at.len) fmt_indices(f, &k->at);
    buf_puts(f->out, " =");
    fmt_gap(f, " ", k->value->span.lo);
    fmt_expr(f, k->value);
    buf_puts(f->out, " +-");
    fmt_gap(f, " ", k->tol->span.lo);
    fmt_expr(f, k->tol);
}

static void put_params(Fmt *f, const AstParams *v) {
    fmt_open(f, '(');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i) buf_putc(f->out, ',');
        fmt_gap(f, i ? " " : "", v->data[i].span.lo);
        fmt_param(f, &v->data[i]);
    }
    fmt_close(f, ')');
}

static void put_test(Fmt *f, const AstItem *it) {
    buf_putc(f->out, ':');
    fmt_gap(f, " ", it->test.target.span.lo);
    fmt_name(f, it->test.target);
    if (it->test.args.len) fmt_args(f, &it->test.args);
    buf_putc(f->out, ' ');
    put_body(f, &(Body){.kind = BODY_checks, .checks = &it->test.checks, .len = it->test.checks.len,
                        .span = it->test.block});
}

static void put_item(Fmt *f, const AstItem *it) {
    f->end = it->span.lo;
    buf_printf(f->out, "%s ", ast_item_text(it->kind));
    if (it->kind != AI_import) fmt_name(f, it->name);
    switch (it->kind) {
    case AI_import: buf_printf(f->out, "\"%s\"", it->import.path); break;
    case AI_fn:
        put_params(f, &it->params);
        buf_puts(f->out, " =");
        fmt_gap(f, " ", it->body->span.lo);
        fmt_expr(f, it->body);
        break;
    case AI_layer:
    case AI_network:
    case AI_program:
        put_params(f, &it->params);
        put_block(f, &it->block);
        break;
    case AI_test: put_test(f, it); break;
    }
}

static uint32_t columns(const char *s, size_t n) {
    uint32_t col = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0, k = utf8_decode(s + i, n - i, &cp);
        col += k ? utf8_width(cp) : 1;
        i += k ? k : 1;
    }
    return col;
}

typedef struct TextLine {
    const char *s;
    uint32_t code, len; /* bytes before the mark (all where there is none), bytes in all */
    uint32_t cols;
} TextLine;

static TextLine next_line(const char *s) {
    uint32_t n = (uint32_t)strcspn(s, "\n");
    const char *mark = memchr(s, FMT_TRAIL, n);
    uint32_t code = mark ? (uint32_t)(mark - s) : n;
    return (TextLine){s, code, n, columns(s, code)};
}

/* Comments beside consecutive lines begin in one column. */
static void align_comments(const char *s, Buf *out) {
    uint32_t col = 0; /* of the comments in this run; 0: not in one */
    while (*s) {
        TextLine l = next_line(s);
        bool marked = l.code < l.len;
        if (marked && !col)
            for (TextLine k = l;; k = next_line(k.s + k.len + 1)) {
                if (k.cols + 2 > col) col = k.cols + 2;
                if (!k.s[k.len]) break;
                TextLine after = next_line(k.s + k.len + 1);
                if (after.code == after.len) break;
            }
        buf_putn(out, l.s, l.code);
        if (marked) {
            buf_pad(out, (int)(col - l.cols));
            buf_putn(out, l.s + l.code + 1, l.len - l.code - 1);
        } else {
            col = 0;
        }
        s += l.len;
        if (*s) buf_putc(out, *s++);
    }
}

void syntax_format(const Ctx *c, const AstFile *a, Buf *out) {
    size_t len;
    Buf raw = buf_new(c->a);
    Fmt f = {.c = c, .f = a, .text = source_text(c->src, a->file, &len), .out = &raw};
    Lines l = {0};
    for (uint32_t i = 0; i < a->items.len; i++) {
        const AstItem *it = a->items.data[i];
        uint32_t next = i + 1 < a->items.len ? a->items.data[i + 1]->span.lo : (uint32_t)len;
        lines_comments(&f, &l, it->span.lo);
        lines_begin(&f, &l, it->span.lo);
        put_item(&f, it);
        lines_end(&f, &l, it->span.hi, next);
    }
    lines_comments(&f, &l, (uint32_t)len + 1);
    if (raw.len) buf_putc(&raw, '\n');
    align_comments(buf_text(&raw), out);
}

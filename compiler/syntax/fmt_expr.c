/* The formatter's expressions, lists and types. */
#include "syntax/fmt.h"

void fmt_name(Fmt *f, AstName n) {
    buf_puts(f->out, sym_text(f->c->syms, n.sym));
    f->end = n.span.hi;
}

/* The first byte of an expression, with the parentheses it stands in. */
static uint32_t expr_start(const AstExpr *e) { return e->span.lo; }

static void put_inside(Fmt *f, const AstExpr *e);

static void put_binary(Fmt *f, const AstExpr *e) {
    bool tight = e->binary.op == AB_pow;
    fmt_expr(f, e->binary.a);
    buf_puts(f->out, tight ? "" : " ");
    buf_puts(f->out, ast_binop_text(e->binary.op));
    fmt_gap(f, tight ? "" : " ", expr_start(e->binary.b));
    fmt_expr(f, e->binary.b);
}

/* An expression after a place where no line may end: a break comes after its parenthesis. */
static void put_after(Fmt *f, const AstExpr *e) {
    buf_puts(f->out, e->paren ? " (" : "");
    fmt_gap(f, e->paren ? "" : " ", expr_start(e));
    put_inside(f, e);
}

static void put_reduce(Fmt *f, const AstExpr *e) {
    buf_puts(f->out, ast_reduce_text(e->reduce.op));
    f->end = e->reduce.op_span.hi;
    fmt_open(f, '(');
    fmt_ranges(f, &e->reduce.ranges);
    fmt_close(f, ')');
    put_after(f, e->reduce.body);
}

static void put_cond(Fmt *f, const AstExpr *e) {
    buf_puts(f->out, "if");
    fmt_gap(f, " ", expr_start(e->cond.test));
    fmt_expr(f, e->cond.test);
    buf_puts(f->out, " then");
    fmt_gap(f, " ", expr_start(e->cond.then));
    fmt_expr(f, e->cond.then);
    buf_puts(f->out, " else");
    fmt_gap(f, " ", expr_start(e->cond.other));
    fmt_expr(f, e->cond.other);
}

static void put_list(Fmt *f, const AstExprs *v) {
    fmt_open(f, '[');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i) buf_putc(f->out, ',');
        fmt_gap(f, i ? " " : "", expr_start(v->data[i]));
        fmt_expr(f, v->data[i]);
    }
    fmt_close(f, ']');
}

static void put_call(Fmt *f, const AstExpr *e) {
    fmt_expr(f, e->call.fn);
    fmt_args(f, &e->call.args);
}

static void put_index(Fmt *f, const AstExpr *e) {
    fmt_expr(f, e->index.of);
    fmt_indices(f, &e->index.at);
}

static void put_bare(Fmt *f, const AstExpr *e) {
    switch (e->kind) {
    case AE_num: buf_puts(f->out, e->num.text); break;
    case AE_name: buf_puts(f->out, sym_text(f->c->syms, e->name)); break;
    case AE_neg:
        buf_putc(f->out, '-');
        fmt_expr(f, e->arg);
        break;
    case AE_not:
        buf_puts(f->out, "not ");
        fmt_expr(f, e->arg);
        break;
    case AE_transpose:
        fmt_expr(f, e->arg);
        buf_putc(f->out, '\'');
        break;
    case AE_binary: put_binary(f, e); break;
    case AE_call: put_call(f, e); break;
    case AE_index: put_index(f, e); break;
    case AE_reduce: put_reduce(f, e); break;
    case AE_cond: put_cond(f, e); break;
    case AE_list: put_list(f, &e->list); break;
    }
}

static void put_inside(Fmt *f, const AstExpr *e) {
    f->end = e->span.lo;
    put_bare(f, e);
    f->end = e->span.hi;
    if (e->paren) fmt_close(f, ')');
}

void fmt_expr(Fmt *f, const AstExpr *e) {
    if (e->paren) buf_putc(f->out, '(');
    put_inside(f, e);
}

void fmt_args(Fmt *f, const AstArgs *v) {
    fmt_open(f, '(');
    for (uint32_t i = 0; i < v->len; i++) {
        const AstArg *a = &v->data[i];
        if (i) buf_putc(f->out, ',');
        fmt_gap(f, i ? " " : "", a->name.sym ? a->name.span.lo : expr_start(a->value));
        if (a->name.sym) {
            fmt_name(f, a->name);
            buf_puts(f->out, " =");
            fmt_gap(f, " ", expr_start(a->value));
        }
        fmt_expr(f, a->value);
    }
    fmt_close(f, ')');
}

void fmt_indices(Fmt *f, const AstIndices *v) {
    fmt_open(f, '[');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i) buf_putc(f->out, v->data[i].semi ? ';' : ',');
        fmt_gap(f, i ? " " : "", expr_start(v->data[i].e));
        fmt_expr(f, v->data[i].e);
    }
    fmt_close(f, ']');
}

void fmt_ranges(Fmt *f, const AstRanges *v) {
    for (uint32_t i = 0; i < v->len; i++) {
        const AstRange *r = &v->data[i];
        if (i) buf_putc(f->out, ',');
        if (i || fmt_has_comment(f, r->span.lo)) fmt_gap(f, i ? " " : "", r->span.lo);
        fmt_name(f, r->var);
        buf_puts(f->out, " in");
        fmt_gap(f, " ", expr_start(r->lo));
        fmt_expr(f, r->lo);
        buf_puts(f->out, "..");
        fmt_gap(f, "", expr_start(r->hi));
        fmt_expr(f, r->hi);
    }
}

static void put_words(Fmt *f, const AstNames *v) {
    for (uint32_t i = 0; i < v->len; i++) {
        if (i) {
            buf_puts(f->out, " |");
            fmt_gap(f, " ", v->data[i].span.lo);
        }
        fmt_name(f, v->data[i]);
    }
}

void fmt_type(Fmt *f, const AstType *t) {
    if (t->kind == AT_words) {
        put_words(f, &t->words);
        return;
    }
    buf_puts(f->out, ast_type_text(t->kind));
    f->end = t->span.lo + (uint32_t)strlen(ast_type_text(t->kind));
    if (t->dims.len) fmt_indices(f, &t->dims);
}

void fmt_param(Fmt *f, const AstParam *x) {
    fmt_name(f, x->name);
    if (x->type.given) {
        buf_putc(f->out, ':');
        fmt_gap(f, " ", x->type.span.lo);
        fmt_type(f, &x->type);
    }
    if (!x->init) return;
    buf_puts(f->out, " =");
    fmt_gap(f, " ", expr_start(x->init));
    fmt_expr(f, x->init);
}

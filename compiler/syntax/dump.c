/* The tree as s-expressions: `tpc show --stage=ast`, and what the parser's golden files hold. */
#include "syntax/syntax.h"

typedef struct Dump {
    const Ctx *c;
    Buf *out;
} Dump;

static const char *text(const Dump *d, AstName n) { return sym_text(d->c->syms, n.sym); }

static void put_expr(Dump *d, const AstExpr *e);

static void put_args(Dump *d, const AstArgs *v) {
    for (uint32_t i = 0; i < v->len; i++) {
        const AstArg *a = &v->data[i];
        buf_putc(d->out, ' ');
        if (a->name.sym) buf_printf(d->out, "(= %s ", text(d, a->name));
        put_expr(d, a->value);
        if (a->name.sym) buf_putc(d->out, ')');
    }
}

static void put_indices(Dump *d, const AstIndices *v) {
    for (uint32_t i = 0; i < v->len; i++) {
        buf_puts(d->out, v->data[i].semi ? " ; " : " ");
        put_expr(d, v->data[i].e);
    }
}

static void put_ranges(Dump *d, const AstRanges *v) {
    for (uint32_t i = 0; i < v->len; i++) {
        buf_printf(d->out, " (in %s ", text(d, v->data[i].var));
        put_expr(d, v->data[i].lo);
        buf_putc(d->out, ' ');
        put_expr(d, v->data[i].hi);
        buf_putc(d->out, ')');
    }
}

static void put_node(Dump *d, const char *head, const AstExpr *a, const AstExpr *b,
                     const AstExpr *c) {
    buf_printf(d->out, "(%s ", head);
    put_expr(d, a);
    if (b) {
        buf_putc(d->out, ' ');
        put_expr(d, b);
    }
    if (c) {
        buf_putc(d->out, ' ');
        put_expr(d, c);
    }
    buf_putc(d->out, ')');
}

static void put_expr(Dump *d, const AstExpr *e) {
    switch (e->kind) {
    case AE_num: buf_puts(d->out, e->num.text); break;
    case AE_name: buf_puts(d->out, sym_text(d->c->syms, e->name)); break;
    case AE_neg: put_node(d, "neg", e->arg, NULL, NULL); break;
    case AE_not: put_node(d, "not", e->arg, NULL, NULL); break;
    case AE_transpose: put_node(d, "transpose", e->arg, NULL, NULL); break;
    case AE_binary:
        put_node(d, ast_binop_text(e->binary.op), e->binary.a, e->binary.b, NULL);
        break;
    case AE_cond: put_node(d, "if", e->cond.test, e->cond.then, e->cond.other); break;
    case AE_call:
        buf_puts(d->out, "(call ");
        put_expr(d, e->call.fn);
        put_args(d, &e->call.args);
        buf_putc(d->out, ')');
        break;
    case AE_index:
        buf_puts(d->out, "(index ");
        put_expr(d, e->index.of);
        put_indices(d, &e->index.at);
        buf_putc(d->out, ')');
        break;
    case AE_reduce:
        buf_printf(d->out, "(%s", ast_reduce_text(e->reduce.op));
        put_ranges(d, &e->reduce.ranges);
        buf_putc(d->out, ' ');
        put_expr(d, e->reduce.body);
        buf_putc(d->out, ')');
        break;
    case AE_list:
        buf_puts(d->out, "(list");
        for (uint32_t i = 0; i < e->list.len; i++) {
            buf_putc(d->out, ' ');
            put_expr(d, e->list.data[i]);
        }
        buf_putc(d->out, ')');
        break;
    }
}

static void put_type(Dump *d, const AstType *t) {
    buf_printf(d->out, "(%s", t->kind == AT_words ? "words" : ast_type_text(t->kind));
    put_indices(d, &t->dims);
    for (uint32_t i = 0; i < t->words.len; i++)
        buf_printf(d->out, " %s", text(d, t->words.data[i]));
    buf_putc(d->out, ')');
}

static void line(Dump *d, int indent) {
    buf_putc(d->out, '\n');
    buf_pad(d->out, indent);
}

static void put_block(Dump *d, const AstBlock *b, int indent);

static void put_decl(Dump *d, const AstStmt *s) {
    buf_printf(d->out, "(%s %s ", ast_decl_text(s->decl.kind), text(d, s->decl.name));
    put_type(d, &s->decl.type);
    buf_printf(d->out, " (%s", text(d, s->decl.law));
    put_args(d, &s->decl.args);
    buf_putc(d->out, ')');
    if (s->decl.lr) {
        buf_puts(d->out, " (lr ");
        put_expr(d, s->decl.lr);
        buf_putc(d->out, ')');
    }
}

static void put_stmt(Dump *d, const AstStmt *s, int indent) {
    switch (s->kind) {
    case AS_assign:
        buf_printf(d->out, "(= %s%s", s->assign.at.len ? "(index " : "", text(d, s->assign.name));
        put_indices(d, &s->assign.at);
        buf_puts(d->out, s->assign.at.len ? ") " : " ");
        put_expr(d, s->assign.value);
        break;
    case AS_decl: put_decl(d, s); break;
    case AS_width:
        buf_printf(d->out, "(width %s ", text(d, s->width.name));
        put_expr(d, s->width.value);
        break;
    case AS_for:
        buf_puts(d->out, "(for");
        put_ranges(d, &s->loop.ranges);
        put_block(d, &s->loop.body, indent + 2);
        break;
    case AS_repeat:
        buf_puts(d->out, "(repeat ");
        put_expr(d, s->repeat.count);
        put_block(d, &s->repeat.body, indent + 2);
        break;
    case AS_return:
        buf_puts(d->out, "(return ");
        put_expr(d, s->value);
        break;
    }
    buf_putc(d->out, ')');
}

static void put_block(Dump *d, const AstBlock *b, int indent) {
    for (uint32_t i = 0; i < b->stmts.len; i++) {
        line(d, indent);
        put_stmt(d, b->stmts.data[i], indent);
    }
}

static void put_params(Dump *d, const AstParams *v) {
    for (uint32_t i = 0; i < v->len; i++) {
        line(d, 2);
        buf_printf(d->out, "(: %s ", text(d, v->data[i].name));
        put_type(d, &v->data[i].type);
        if (v->data[i].init) {
            buf_putc(d->out, ' ');
            put_expr(d, v->data[i].init);
        }
        buf_putc(d->out, ')');
    }
}

static void put_value_check(Dump *d, const AstCheck *k) {
    buf_printf(d->out, "(value %s", text(d, k->name));
    if (k->called) {
        buf_puts(d->out, " (of");
        put_args(d, &k->args);
        buf_putc(d->out, ')');
    }
    if (k->at.len) {
        buf_puts(d->out, " (at");
        put_indices(d, &k->at);
        buf_putc(d->out, ')');
    }
    buf_putc(d->out, ' ');
    put_expr(d, k->value);
    buf_putc(d->out, ' ');
    put_expr(d, k->tol);
    buf_putc(d->out, ')');
}

static void put_check(Dump *d, const AstCheck *k) {
    switch (k->kind) {
    case AC_verdict: buf_printf(d->out, "(verdict %s)", text(d, k->name)); break;
    case AC_error: buf_printf(d->out, "(error %s)", text(d, k->name)); break;
    case AC_value: put_value_check(d, k); break;
    }
}

static void put_item(Dump *d, const AstItem *it) {
    buf_printf(d->out, "(%s", ast_item_text(it->kind));
    if (it->kind != AI_import) buf_printf(d->out, " %s", text(d, it->name));
    put_params(d, &it->params);
    switch (it->kind) {
    case AI_import: buf_printf(d->out, " \"%s\"", it->import.path); break;
    case AI_fn:
        line(d, 2);
        put_expr(d, it->body);
        break;
    case AI_layer:
    case AI_network:
    case AI_program: put_block(d, &it->block, 2); break;
    case AI_test:
        buf_printf(d->out, " (%s", text(d, it->test.target));
        put_args(d, &it->test.args);
        buf_putc(d->out, ')');
        for (uint32_t i = 0; i < it->test.checks.len; i++) {
            line(d, 2);
            put_check(d, &it->test.checks.data[i]);
        }
        break;
    }
    buf_puts(d->out, ")\n");
}

void syntax_dump(const Ctx *c, const AstFile *f, Buf *out) {
    Dump d = {c, out};
    for (uint32_t i = 0; i < f->items.len; i++) put_item(&d, f->items.data[i]);
}

void syntax_dump_expr(const Ctx *c, const AstExpr *e, Buf *out) {
    Dump d = {c, out};
    put_expr(&d, e);
}

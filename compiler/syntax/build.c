#include "syntax/build.h"

/* How far back a list is searched for a name given twice: keeps long lists linear. */
enum { RECENT = 256 };

static bool deeper(Parser *p, AstExpr *e, const AstExpr *child) {
    if (child && child->depth >= e->depth) e->depth = (uint16_t)(child->depth + 1);
    if (e->depth <= AST_MAX_DEPTH) return true;
    e->depth = AST_MAX_DEPTH;
    report_too_deep(p, e->span, AST_MAX_DEPTH);
    return false;
}

static AstExpr *expr_new(Parser *p, Span sp, AstExprKind kind) {
    AstExpr *e = ARENA_NEW(p->c->a, AstExpr);
    e->kind = kind;
    e->span = sp;
    e->depth = 1;
    return e;
}

AstExpr *expr_num(Parser *p, Span sp, Sym text) {
    AstExpr *e = expr_new(p, sp, AE_num);
    e->num.text = sym_text(p->c->syms, text);
    e->num.len = (uint32_t)strlen(e->num.text);
    return e;
}

AstExpr *expr_name(Parser *p, Span sp, Sym name) {
    AstExpr *e = expr_new(p, sp, AE_name);
    e->name = name;
    return e;
}

AstExpr *expr_unary(Parser *p, Span sp, AstExprKind kind, AstExpr *a) {
    AstExpr *e = expr_new(p, sp, kind);
    e->arg = a;
    deeper(p, e, a);
    return e;
}

AstExpr *expr_binary(Parser *p, Span sp, AstBinop op, AstExpr *a, Span at, AstExpr *b) {
    AstExpr *e = expr_new(p, sp, AE_binary);
    e->binary.op = op;
    e->binary.a = a;
    e->binary.b = b;
    e->binary.at = at;
    if (deeper(p, e, a)) deeper(p, e, b);
    return e;
}

AstExpr *expr_call(Parser *p, Span sp, AstExpr *fn, AstArgs args) {
    AstExpr *e = expr_new(p, sp, AE_call);
    e->call.fn = fn;
    e->call.args = args;
    bool ok = deeper(p, e, fn);
    for (uint32_t i = 0; ok && i < args.len; i++) ok = deeper(p, e, args.data[i].value);
    return e;
}

AstExpr *expr_index(Parser *p, Span sp, AstExpr *of, AstIndices at) {
    AstExpr *e = expr_new(p, sp, AE_index);
    e->index.of = of;
    e->index.at = at;
    bool ok = deeper(p, e, of);
    for (uint32_t i = 0; ok && i < at.len; i++) ok = deeper(p, e, at.data[i].e);
    return e;
}

static bool reduce_named(const Parser *p, const AstExpr *op, AstReduce *out) {
    if (op->kind != AE_name) return false;
    const char *s = sym_text(p->c->syms, op->name);
    for (AstReduce r = AR_sum; r <= AR_max; r++)
        if (!strcmp(s, ast_reduce_text(r))) return *out = r, true;
    return false;
}

AstExpr *expr_reduce(Parser *p, Span sp, AstExpr *op, AstRanges ranges, AstExpr *body) {
    AstExpr *e = expr_new(p, sp, AE_reduce);
    if (!reduce_named(p, op, &e->reduce.op)) {
        const char *s = op->kind == AE_name ? sym_text(p->c->syms, op->name) : "this";
        Diag *d = diag(p->c->ds, not_a_reduction, op->span, s);
        diag_help(d, "`sum`, `avg` and `max` take ranges: `sum(i in 0..k) x[i]`");
    }
    e->reduce.op_span = op->span;
    e->reduce.ranges = ranges;
    e->reduce.body = body;
    bool ok = deeper(p, e, body);
    for (uint32_t i = 0; ok && i < ranges.len; i++)
        ok = deeper(p, e, ranges.data[i].lo) && deeper(p, e, ranges.data[i].hi);
    return e;
}

AstExpr *expr_cond(Parser *p, Span sp, AstExpr *test, AstExpr *then, AstExpr *other) {
    AstExpr *e = expr_new(p, sp, AE_cond);
    e->cond.test = test;
    e->cond.then = then;
    e->cond.other = other;
    if (deeper(p, e, test) && deeper(p, e, then)) deeper(p, e, other);
    return e;
}

AstExpr *expr_list(Parser *p, Span sp, AstExprs items) {
    AstExpr *e = expr_new(p, sp, AE_list);
    e->list = items;
    if (!p->test) diag(p->c->ds, list_outside_test, sp);
    bool ok = true;
    for (uint32_t i = 0; ok && i < items.len; i++) ok = deeper(p, e, items.data[i]);
    return e;
}

AstExpr *expr_paren(AstExpr *e) {
    e->paren = true;
    return e;
}

/* n, fan_in and inf mean one thing everywhere. */
static void name_define(Parser *p, AstName x) {
    static const char *const why[] = {"the width", "the number of columns of the matrix declared",
                                      "infinity"};
    for (int i = 0; i < 3; i++)
        if (x.sym == p->reserved[i])
            diag(p->c->ds, reserved_name, x.span, sym_text(p->c->syms, x.sym), why[i]);
}

static AstItem *item_new(Parser *p, Span sp, AstItemKind kind, AstName name) {
    AstItem *i = ARENA_NEW(p->c->a, AstItem);
    i->kind = kind;
    i->span = sp;
    i->name = name;
    if (kind != AI_test) name_define(p, name);
    return i;
}

AstItem *item_import(Parser *p, Span sp, Sym path, Span at) {
    AstItem *i = item_new(p, sp, AI_import, (AstName){0});
    i->import.path = sym_text(p->c->syms, path);
    i->import.span = at;
    return i;
}

AstItem *item_fn(Parser *p, Span sp, AstName name, AstParams params, AstExpr *body) {
    AstItem *i = item_new(p, sp, AI_fn, name);
    i->params = params;
    i->body = body;
    return i;
}

AstItem *item_net(Parser *p, Span sp, AstItemKind kind, AstName name, AstParams params,
                  AstBlock b) {
    AstItem *i = item_new(p, sp, kind, name);
    i->params = params;
    i->block = b;
    return i;
}

AstItem *item_test(Parser *p, Span sp, AstName name, AstName target, AstArgs args, AstChecks checks,
                   Span block) {
    AstItem *i = item_new(p, sp, AI_test, name);
    i->test.target = target;
    i->test.args = args;
    i->test.checks = checks;
    i->test.block = block;
    return i;
}

static AstStmt *stmt_new(Parser *p, Span sp, AstStmtKind kind) {
    AstStmt *s = ARENA_NEW(p->c->a, AstStmt);
    s->kind = kind;
    s->span = sp;
    return s;
}

AstStmt *stmt_assign(Parser *p, Span sp, AstName name, AstIndices at, AstExpr *value) {
    AstStmt *s = stmt_new(p, sp, AS_assign);
    name_define(p, name);
    s->assign.name = name;
    s->assign.at = at;
    s->assign.value = value;
    return s;
}

AstStmt *stmt_decl(Parser *p, Span sp, AstDeclKind kind, AstName name, AstType type, AstName law,
                   AstArgs args, AstExpr *lr) {
    AstStmt *s = stmt_new(p, sp, AS_decl);
    name_define(p, name);
    s->decl.kind = kind;
    s->decl.name = name;
    s->decl.type = type;
    s->decl.law = law;
    s->decl.args = args;
    s->decl.lr = lr;
    return s;
}

AstStmt *stmt_width(Parser *p, Span sp, AstName name, AstExpr *value) {
    AstStmt *s = stmt_new(p, sp, AS_width);
    name_define(p, name);
    s->width.name = name;
    s->width.value = value;
    return s;
}

AstStmt *stmt_for(Parser *p, Span sp, AstRanges ranges, AstBlock body) {
    AstStmt *s = stmt_new(p, sp, AS_for);
    s->loop.ranges = ranges;
    s->loop.body = body;
    return s;
}

AstStmt *stmt_repeat(Parser *p, Span sp, AstExpr *count, AstBlock body) {
    AstStmt *s = stmt_new(p, sp, AS_repeat);
    s->repeat.count = count;
    s->repeat.body = body;
    return s;
}

AstStmt *stmt_return(Parser *p, Span sp, AstExpr *value) {
    AstStmt *s = stmt_new(p, sp, AS_return);
    s->value = value;
    return s;
}

AstExpr *lr_clause(Parser *p, AstName word, AstExpr *value) {
    if (word.sym == p->lr) return value;
    const char *s = sym_text(p->c->syms, word.sym);
    Diag *d = diag(p->c->ds, unexpected_token, word.span, "`lr` or the end of the line",
                   arena_printf(p->c->a, "`%s`", s));
    diag_help(d, "after the law only a learning rate may follow: `param v: vector ~ N(0, 1) lr 1`");
    return NULL;
}

AstType type_default(AstName name) {
    return (AstType){.kind = AT_real, .span = span_after(name.span)};
}
AstType type_fn(Span sp) { return (AstType){.kind = AT_fn, .given = true, .span = sp}; }
AstType type_words(Span sp, AstNames words) {
    return (AstType){.kind = AT_words, .given = true, .span = sp, .words = words};
}

static bool type_takes_sizes(AstTypeKind k) {
    return k == AT_vector || k == AT_matrix || k == AT_input || k == AT_data;
}

static void type_unknown(Parser *p, AstName name) {
    Diag *d = diag(p->c->ds, unknown_type, name.span, sym_text(p->c->syms, name.sym));
    diag_help(d,
              "types are `real`, `int`, `fn`, `scalar`, `vector`, `matrix`, `input`, `data`, or a "
              "list of words such as `zero | circular`");
}

AstType type_named(Parser *p, Span sp, AstName name, AstIndices dims, Span brackets) {
    AstType t = {.kind = AT_real, .given = true, .span = sp, .dims = dims};
    const char *s = sym_text(p->c->syms, name.sym);
    AstTypeKind k = AT_real;
    while (k < AT_data && strcmp(s, ast_type_text(k))) k++;
    if (strcmp(s, ast_type_text(k))) {
        type_unknown(p, name);
        return t;
    }
    t.kind = k;
    if (dims.len && !type_takes_sizes(k)) {
        Diag *d = diag(p->c->ds, type_without_sizes, brackets, s);
        diag_fix(d, brackets, "", "leave them out");
    }
    return t;
}

AstCheck check_word(Parser *p, Span sp, AstName kind, AstName word) {
    AstCheck k = {.kind = AC_verdict, .span = sp, .name = word};
    const char *s = sym_text(p->c->syms, kind.sym);
    if (!strcmp(s, "error")) {
        k.kind = AC_error;
    } else if (strcmp(s, "verdict")) {
        Diag *d = diag(p->c->ds, unknown_check, kind.span, s);
        diag_help(d, "a test holds lines such as `verdict simple-gia`, `error TP0217`, "
                     "`ntk([1, 0], [0, 1]) = 0.5 +- 1e-12` and `m[2] = 2 +- 1e-12`");
    }
    return k;
}

AstCheck check_value(Span sp, AstName name, AstArgs args, Span parens, AstIndices at,
                     AstExpr *value, AstExpr *tol) {
    return (AstCheck){.kind = AC_value, .span = sp, .name = name, .called = parens.hi > parens.lo,
                      .args = args, .at = at, .value = value, .tol = tol};
}

AstName name_hyphen(Parser *p, Span sp, AstName a, AstName b) {
    const Intern *t = p->c->syms;
    const char *s = arena_printf(p->c->a, "%s-%s", sym_text(t, a.sym), sym_text(t, b.sym));
    return (AstName){intern(p->c->syms, s), sp};
}

AstRange range_new(Parser *p, Span sp, AstName var, AstExpr *lo, AstExpr *hi) {
    name_define(p, var);
    return (AstRange){var, lo, hi, sp};
}

void item_push(Parser *p, AstItem *i) { vec_push(p->c->a, &p->out->items, i); }
void stmt_push(Parser *p, AstStmts *v, AstStmt *s) { vec_push(p->c->a, v, s); }
void word_push(Parser *p, AstNames *v, AstName x) { vec_push(p->c->a, v, x); }
void check_push(Parser *p, AstChecks *v, AstCheck x) { vec_push(p->c->a, v, x); }
void range_push(Parser *p, AstRanges *v, AstRange x) { vec_push(p->c->a, v, x); }
void expr_push(Parser *p, AstExprs *v, AstExpr *e) { vec_push(p->c->a, v, e); }
void index_push(Parser *p, AstIndices *v, bool semi, AstExpr *e) {
    vec_push(p->c->a, v, (AstIndex){e, semi});
}

void param_push(Parser *p, AstParams *v, AstParam x) {
    name_define(p, x.name);
    for (uint32_t i = v->len > RECENT ? v->len - RECENT : 0; i < v->len; i++) {
        if (v->data[i].name.sym != x.name.sym) continue;
        Diag *d = diag(p->c->ds, defined_twice, x.name.span, sym_text(p->c->syms, x.name.sym));
        diag_label(d, v->data[i].name.span, "first defined here");
        break;
    }
    vec_push(p->c->a, v, x);
}

void arg_push(Parser *p, AstArgs *v, AstArg x) {
    bool named = v->len && vec_last(v).name.sym;
    if (named && !x.name.sym) {
        Diag *d = diag(p->c->ds, positional_after_named, x.value->span);
        diag_label(d, vec_last(v).name.span, "this one has a name");
        x.name = vec_last(v).name;
    } else if (x.name.sym) {
        for (uint32_t i = v->len > RECENT ? v->len - RECENT : 0; i < v->len; i++) {
            if (v->data[i].name.sym != x.name.sym) continue;
            Diag *d = diag(p->c->ds, argument_twice, x.name.span, sym_text(p->c->syms, x.name.sym));
            diag_label(d, v->data[i].name.span, "first given here");
            break;
        }
    }
    vec_push(p->c->a, v, x);
}

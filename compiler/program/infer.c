/* What a variable that starts at 0 is, the zero vector or a number: by the expressions assigned to
 * it.  They are looked at before they are evaluated, so this is a guess; see number_found. */
#include "program/elab.h"

enum { MAX_NEST = 100 };

typedef struct Infer {
    Elab *e;
    const AstStmts *within;
    Syms open; /* names being looked at: numbers if nothing else says otherwise */
    int nest;
} Infer;

static bool is_number(Infer *t, const AstExpr *x);

/* Are all assignments to the name (or its elements) numbers?  *any: there are some. */
static bool assigned(Infer *t, const AstStmts *list, Sym name, bool *any) {
    for (uint32_t i = 0; i < list->len; i++) {
        const AstStmt *s = list->data[i];
        if (s->kind == AS_for && !assigned(t, &s->loop.body.stmts, name, any)) return false;
        if (s->kind == AS_repeat && !assigned(t, &s->repeat.body.stmts, name, any)) return false;
        if (s->kind == AS_decl && s->decl.name.sym == name) return false;
        if (s->kind != AS_assign || s->assign.name.sym != name) continue;
        *any = true;
        if (!is_number(t, s->assign.value)) return false;
    }
    return true;
}

static bool value_is_number(const Elab *e, const Value *v) {
    if (v->kind == VAL_family) return v->of->kind == VAL_number;
    if (v->kind == VAL_carried) {
        const Value *init = &v->carried->init;
        return v->carried->scalar ||
               (init->kind == VAL_number && !fx_is_zero(e->fx, init->num.f));
    }
    if (v->kind != VAL_array) return v->kind == VAL_number;
    const Array *a = v->array;
    return a->scalar || !a->elem.len || a->elem.data[0].value.kind == VAL_number ||
           starts_as_number(e, a->span);
}

static bool name_is_number(Infer *t, Sym name) {
    const Var *v = var_find(t->e, name);
    bool any = false;
    if (name == t->e->sym.n || name == t->e->sym.inf) return true;
    if (v && !value_is_number(t->e, &v->value)) return false;
    for (uint32_t i = 0; i < t->open.len; i++)
        if (t->open.data[i] == name) return true;
    vec_push(t->e->a, &t->open, name);
    return assigned(t, t->within, name, &any); /* in no assignment: a variable of a loop */
}

static bool call_is_number(Infer *t, const AstExpr *x) {
    const AstExpr *fn = x->call.fn;
    Elab *e = t->e;
    if (fn->kind == AE_name && !var_find(e, fn->name)) {
        const AstItem *it = ast_find(e->ast, e->file, fn->name);
        if (it && it->kind != AI_fn) return false;
        if (!it && (fn->name == e->sym.moment || fn->name == e->sym.dim)) return true;
        if (!it && (fn->name == e->sym.grad || fn->name == e->sym.basis || fn->name == e->sym.pad))
            return false;
    }
    for (uint32_t i = 0; i < x->call.args.len; i++)
        if (!is_number(t, x->call.args.data[i].value)) return false;
    return true;
}

static bool is_number_kind(Infer *t, const AstExpr *x) {
    switch (x->kind) {
    case AE_num: return true;
    case AE_name: return name_is_number(t, x->name);
    case AE_neg:
    case AE_not: return is_number(t, x->arg);
    case AE_binary: return is_number(t, x->binary.a) && is_number(t, x->binary.b);
    case AE_call: return call_is_number(t, x);
    case AE_index: return is_number(t, x->index.of);
    case AE_reduce: return is_number(t, x->reduce.body);
    case AE_cond:
        return is_number(t, x->cond.test) && is_number(t, x->cond.then) &&
               is_number(t, x->cond.other);
    case AE_transpose:
    case AE_list: break;
    }
    return false;
}

static bool is_number(Infer *t, const AstExpr *x) {
    if (!tick(t->e) || t->nest >= MAX_NEST) return false;
    t->nest++;
    bool is = is_number_kind(t, x);
    t->nest--;
    return is;
}

bool infer_number(Elab *e, const AstStmts *within, Sym name) {
    Infer t = {.e = e, .within = within};
    bool any = false;
    vec_push(e->a, &t.open, name);
    return assigned(&t, within, name, &any) && any;
}

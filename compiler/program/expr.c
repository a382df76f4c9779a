/* Expressions. */
#include "program/elab.h"
#include <math.h>

enum { MAX_STEPS = 4000000 };
static const double MAX_SIZE = 10000;

bool tick(Elab *e) {
    if (e->steps > MAX_STEPS) return false;
    if (++e->steps <= MAX_STEPS) return true;
    diag(e->c->ds, program_too_large, e->p->span, sym_text(e->c->syms, e->p->name));
    return false;
}

bool small_enough(Elab *e, Fx f) {
    if (fx_size(e->fx, f) <= MAX_SIZE) return true;
    if (e->steps <= MAX_STEPS) {
        e->steps = MAX_STEPS;
        tick(e);
    }
    return false;
}

/* ---- conditions of integers as constraints */
static bool fx_aff(Elab *e, Fx f, Aff *out) {
    const FxNode *n = fx_node(e->fx, f);
    if (n->op == FX_index) *out = n->aff;
    if (n->op == FX_num && n->q == 1) *out = aff_const(n->p);
    return n->op == FX_index || (n->op == FX_num && n->q == 1);
}

static bool cond_compare(Elab *e, const FxNode *n, bool positive, ConsVec *out) {
    Aff a, b;
    if (!fx_aff(e, n->arg[0], &a) || !fx_aff(e, n->arg[1], &b)) return false;
    Cons c;
    if (n->op == FX_eq) {
        c = cons_eq(e->x, a, b);
        if (!positive) { /* at an end of the range it is an inequality */
            ConsVec path = {0};
            path_cons(e, 0, &path);
            if (aff_implied(e->x, path.data, path.len, cons_le(e->x, b, a)))
                c = cons_lt(e->x, b, a);
            else if (aff_implied(e->x, path.data, path.len, cons_le(e->x, a, b)))
                c = cons_lt(e->x, a, b);
            else
                c = cons_not(e->x, &c, 1);
        }
    } else if (n->op == FX_gt) {
        c = positive ? cons_lt(e->x, b, a) : cons_le(e->x, a, b);
    } else {
        c = positive ? cons_le(e->x, b, a) : cons_lt(e->x, a, b);
    }
    if (c.kind == CONS_ge) { /* at the end of the range it is an equality */
        ConsVec path = {0};
        path_cons(e, 0, &path);
        Cons other = cons_ge(aff_scale(e->x, c.e, -1));
        if (aff_implied(e->x, path.data, path.len, other))
            c = cons_eq(e->x, c.e, aff_const(0));
    }
    vec_push(e->a, out, c);
    return true;
}

/* c (or its negation) as a conjunction of constraints; false where it is not one of integers. */
bool cond_cons(Elab *e, Fx c, bool positive, ConsVec *out) {
    FxNode n = *fx_node(e->fx, c);
    if (n.op == FX_not) return cond_cons(e, n.arg[0], !positive, out);
    if (n.op == FX_gt || n.op == FX_ge || n.op == FX_eq) return cond_compare(e, &n, positive, out);
    if (n.op != FX_and && n.op != FX_or) return false;
    if ((n.op == FX_and) == positive)
        return cond_cons(e, n.arg[0], positive, out) && cond_cons(e, n.arg[1], positive, out);
    ConsVec of = {0}; /* not all of the negations */
    if (!cond_cons(e, n.arg[0], !positive, &of) || !cond_cons(e, n.arg[1], !positive, &of))
        return false;
    vec_push(e->a, out, cons_not(e->x, of.data, of.len));
    return true;
}

/* ---- vectors */
bool vec_order(Elab *e, Value *v, Span sp) {
    if (v->num.n || v->num.fan) {
        Diag *d = diag(e->c->ds, power_vector, sp, num_power(e, v->num.n + v->num.fan));
        diag_note(d, "the coordinates of a vector must stay of order one when n grows");
        return false;
    }
    v->num.f = num_fx(e, v->num);
    v->num.d = 0;
    return true;
}

static bool vectors_agree(Elab *e, const Value *a, const Value *b, Span at, Value *out) {
    bool azero = a->kind == VAL_number && fx_is_zero(e->fx, a->num.f);
    bool bzero = b->kind == VAL_number && fx_is_zero(e->fx, b->num.f);
    if (a->is_input != b->is_input && !azero && !bzero) {
        Diag *d = diag(e->c->ds, input_mixed, at, value_kind(e, a), value_kind(e, b));
        diag_help(d, "apply a matrix to the data first: `param U: matrix ~ N(0, 1 / fan_in)`, "
                     "`U * x`");
        return false;
    }
    if (a->width && b->width && a->width != b->width) {
        diag(e->c->ds, width_mismatch, at, width_text(e, a->width), width_text(e, b->width));
        return false;
    }
    out->width = a->width ? a->width : b->width;
    out->is_input = a->is_input || b->is_input;
    return true;
}

static bool is_scaling(AstBinop op, const Value *a, const Value *b) {
    return (op == AB_mul && (a->kind == VAL_number || b->kind == VAL_number)) ||
           (op == AB_div && b->kind == VAL_number);
}

static Value coordinatewise(Elab *e, AstBinop op, Value a, Value b, Span sp, Span at) {
    Value v = {.kind = VAL_vector, .span = sp};
    bool linear = op == AB_add || op == AB_sub || is_scaling(op, &a, &b);
    if (!linear && (a.is_input || b.is_input)) {
        diag(e->c->ds, input_nonlinear, at, arena_printf(e->a, "`%s`", ast_binop_text(op)));
        return val_none();
    }
    if (is_scaling(op, &a, &b)) {
        v.width = a.width ? a.width : b.width;
        v.is_input = a.is_input || b.is_input;
    } else if (!vectors_agree(e, &a, &b, at, &v)) {
        return val_none();
    }
    a.is_int = b.is_int = a.has_aff = b.has_aff = false;
    Value r = number_binary(e, op, a, b, sp, at);
    if (r.kind == VAL_none) return r;
    v.num = r.num;
    return v;
}

static bool numeric(const Value *v) { return v->kind == VAL_number || v->kind == VAL_vector; }
static bool is_matrix(const Value *v) { return v->kind == VAL_matrix || v->kind == VAL_cmatrix; }

static Value operands_wrong(Elab *e, AstBinop op, const Value *a, const Value *b, Span at) {
    if (a->kind == VAL_output || b->kind == VAL_output) {
        bool both = a->kind == b->kind || op == AB_pow || op == AB_div;
        if (both && (op == AB_mul || op == AB_div || op == AB_pow))
            diag(e->c->ds, output_nonlinear, at);
        else
            diag_help(
                diag(e->c->ds, inner_inside, at),
                "outputs are added to outputs: `sum(l in 0..depth) v[l]' * h[l]` over a loop");
        return val_none();
    }
    Diag *d = diag(e->c->ds, operands, at, ast_binop_text(op), value_kind(e, a), value_kind(e, b));
    if (is_matrix(a) && is_matrix(b))
        diag_help(d, op == AB_mul ? "apply one after the other: `A * (B * x)`"
                                  : "apply both: `A * x + B * x`");
    return val_none();
}

static Value scale_any(Elab *e, Value v, Value by, bool divide) {
    if (v.kind == VAL_output) return output_scale(e, v, by.num, divide);
    v.num = divide ? num_div(e, v.num, by.num) : num_mul(e, v.num, by.num);
    return v;
}

static Value vectors_binary(Elab *e, AstBinop op, Value a, Value b, Span sp, Span at) {
    if (a.kind == VAL_none || b.kind == VAL_none) return val_none();
    if (a.kind == VAL_family || b.kind == VAL_family) {
        Value v[2] = {a, b};
        Lift l;
        if (!lift_open(e, v, NULL, 2, at, &l)) return val_none();
        return lift_close(e, &l, vectors_binary(e, op, v[0], v[1], sp, at), sp);
    }
    bool arith = op == AB_add || op == AB_sub;
    if (a.kind == VAL_number && b.kind == VAL_number) return number_binary(e, op, a, b, sp, at);
    if (numeric(&a) && numeric(&b)) return coordinatewise(e, op, a, b, sp, at);
    if (op == AB_mul && is_matrix(&a) && numeric(&b)) return matrix_times(e, a, b, sp);
    if (op == AB_mul && a.kind == VAL_covector && numeric(&b)) return output_of(e, a, b, sp);
    bool scalable = is_matrix(&a) || a.kind == VAL_covector || a.kind == VAL_output;
    if (scalable && b.kind == VAL_number && (op == AB_mul || op == AB_div))
        return scale_any(e, a, b, op == AB_div);
    if (a.kind == VAL_number && op == AB_mul &&
        (is_matrix(&b) || b.kind == VAL_covector || b.kind == VAL_output))
        return scale_any(e, b, a, false);
    if (arith && a.kind == VAL_output && b.kind == VAL_output)
        return output_add(e, a, b, op == AB_sub, sp);
    if (op == AB_mul && a.kind == VAL_covector && is_matrix(&b)) { /* v' W = (W' v)' */
        a.kind = VAL_vector;
        b.kind = b.kind == VAL_matrix ? VAL_cmatrix : VAL_matrix;
        a = matrix_times(e, b, a, sp);
        if (a.kind == VAL_vector) a.kind = VAL_covector;
        return a;
    }
    return operands_wrong(e, op, &a, &b, at);
}

/* ---- names and literals */
static Value eval_number(Elab *e, const AstExpr *x) {
    int64_t v = 0;
    bool whole = x->num.len < 19;
    for (uint32_t i = 0; i < x->num.len && whole; i++) {
        char ch = x->num.text[i];
        if (ch == '_') continue;
        whole = ch >= '0' && ch <= '9';
        v = v * 10 + (ch - '0');
    }
    Value r = whole ? val_int(e, aff_const(v)) : val_fx(fx_decimal(e->fx, x->num.text, x->num.len));
    r.literal = true;
    return r;
}

static bool elementary(Elab *e, Sym name, FxOp *op) {
    const char *s = sym_text(e->c->syms, name);
    for (int k = FX_exp; k <= FX_min; k++)
        if (!strcmp(fx_text((FxOp)k), s)) {
            *op = (FxOp)k;
            return true;
        }
    return false;
}

static Value unknown_name(Elab *e, Sym name, Span sp) {
    Syms all = {0};
    for (uint32_t i = 0; i < e->var.len; i++) vec_push(e->a, &all, e->var.data[i].name);
    for (uint32_t i = 0; i < e->ast->files.len; i++)
        for (uint32_t k = 0; k < e->ast->files.data[i]->items.len; k++) {
            const AstItem *it = e->ast->files.data[i]->items.data[k];
            if (it->kind == AI_fn || it->kind == AI_layer) vec_push(e->a, &all, it->name.sym);
        }
    for (int k = FX_exp; k <= FX_min; k++)
        vec_push(e->a, &all, intern(e->c->syms, fx_text((FxOp)k)));
    const char *s = sym_text(e->c->syms, name), *near = nearest_name(e, s, &all);
    Diag *d = diag(e->c->ds, unknown_name, sp, s);
    if (near) diag_fix(d, sp, near, "is `%s` meant?", near);
    return val_none();
}

static Value eval_reserved(Elab *e, Sym name, Span sp) {
    Fx one = fx_rat(e->fx, 1, 1);
    if (name == e->sym.n) return val_num((Num){.f = one, .n = QUARTER});
    if (name == e->sym.inf) return val_fx(fx_num(e->fx, (double)INFINITY));
    if (e->fan_of) return val_num((Num){.f = one, .fan = QUARTER});
    diag(e->c->ds, fan_in_place, sp);
    return val_none();
}

static Value item_value(Elab *e, const AstItem *it, Span sp) {
    if (it->kind == AI_fn) {
        FnValue *f = ARENA_NEW(e->a, FnValue);
        f->item = it;
        return (Value){.kind = VAL_fn, .fn = f, .span = sp};
    }
    diag(e->c->ds, item_as_value, sp, ast_item_text(it->kind), sym_text(e->c->syms, it->name.sym));
    return val_none();
}

static Value eval_name(Elab *e, Sym name, Span sp) {
    Var *v = var_find(e, name);
    if (v) {
        if (v->value.kind == VAL_carried) return carried_read(e, v->value.carried, sp);
        if (v->value.kind == VAL_gone) {
            Diag *d = diag(e->c->ds, loop_value, sp, sym_text(e->c->syms, name), v->value.why);
            diag_label(d, v->span, "its last value is made here");
            v->value = val_none();
            return val_none();
        }
        if (v->value.nheld) return floors_again(e, v->value);
        return family_clear(e, v->value);
    }
    if (name == e->sym.n || name == e->sym.inf || name == e->sym.fan_in)
        return eval_reserved(e, name, sp);
    const AstItem *it = ast_find(e->ast, e->file, name);
    FxOp op;
    if (it) return item_value(e, it, sp);
    if (elementary(e, name, &op)) {
        FnValue *f = ARENA_NEW(e->a, FnValue);
        f->op = op;
        return (Value){.kind = VAL_fn, .fn = f, .span = sp};
    }
    return unknown_name(e, name, sp);
}

/* ---- unary operators */
static Value eval_neg(Elab *e, const AstExpr *x) {
    Value v = whole(e, eval(e, x->arg), x->arg->span);
    if (v.kind == VAL_number) return number_neg(e, v);
    if (v.kind == VAL_none) return v;
    if (v.kind == VAL_vector) {
        v.num.f = fx_op(e->fx, FX_neg, v.num.f, 0, 0);
        return v;
    }
    return vectors_binary(e, AB_mul, val_int(e, aff_const(-1)), v, x->span, x->span);
}

static Value eval_not(Elab *e, const AstExpr *x) {
    Value v = eval(e, x->arg);
    if (v.kind == VAL_none) return v;
    if (!numeric(&v)) {
        diag(e->c->ds, type_expected, x->arg->span, "a condition", value_kind(e, &v));
        return val_none();
    }
    v.num.f = fx_op(e->fx, FX_not, num_fx(e, v.num), 0, 0);
    v.is_int = v.has_aff = false;
    return v;
}

static Value transpose(Elab *e, Value v, const AstExpr *x) {
    if (v.kind == VAL_family) {
        Lift l;
        if (!lift_open(e, &v, NULL, 1, x->span, &l)) return val_none();
        return lift_close(e, &l, transpose(e, v, x), x->span);
    }
    if (v.kind == VAL_vector && v.is_input) {
        diag(e->c->ds, input_inner, x->span);
        return val_none();
    }
    if (v.kind == VAL_vector)
        v.kind = VAL_covector;
    else if (v.kind == VAL_matrix)
        v.kind = VAL_cmatrix;
    else if (v.kind == VAL_cmatrix)
        v.kind = VAL_matrix;
    else if (v.kind == VAL_covector)
        v.kind = VAL_vector;
    else if (v.kind != VAL_none) {
        diag(e->c->ds, type_expected, x->arg->span, "a vector or a matrix", value_kind(e, &v));
        return val_none();
    }
    return v;
}

static Value eval_transpose(Elab *e, const AstExpr *x) {
    return transpose(e, whole(e, eval(e, x->arg), x->arg->span), x);
}

/* ---- if */
static Value cond_join(Elab *e, Fx test, Value test_value, Value a, Value b, const AstExpr *x) {
    Value v = {.kind = VAL_number, .span = x->span};
    if (a.kind == VAL_none || b.kind == VAL_none) return val_none();
    if (a.kind == VAL_family || b.kind == VAL_family) {
        Value both[2] = {a, b};
        Lift l;
        if (!lift_open(e, both, NULL, 2, x->span, &l)) return val_none();
        v = cond_join(e, test, test_value, both[0], both[1], x);
        return lift_close(e, &l, v, x->span);
    }
    if (!numeric(&a) || !numeric(&b)) {
        diag(e->c->ds, type_expected, numeric(&a) ? x->cond.other->span : x->cond.then->span,
             "a number or a vector", value_kind(e, numeric(&a) ? &b : &a));
        return val_none();
    }
    bool vector = a.kind == VAL_vector || b.kind == VAL_vector || test_value.kind == VAL_vector;
    if (vector) {
        v.kind = VAL_vector;
        if (!vectors_agree(e, &a, &b, x->span, &v)) return val_none();
        Value w = v;
        if (test_value.kind == VAL_vector && !vectors_agree(e, &test_value, &w, x->span, &v))
            return val_none();
        if (test_value.kind == VAL_vector && v.is_input) {
            diag(e->c->ds, input_nonlinear, x->span, "`if`");
            return val_none();
        }
    }
    bool zero = fx_is_zero(e->fx, a.num.f) || fx_is_zero(e->fx, b.num.f);
    if (!zero && (a.num.n != b.num.n || a.num.fan != b.num.fan)) {
        diag(e->c->ds, power_sum, x->span, num_power(e, a.num.n), num_power(e, b.num.n));
        return val_none();
    }
    v.num = fx_is_zero(e->fx, a.num.f) ? b.num : a.num;
    v.num.d = 0;
    Fx yes = num_fx(e, a.num), no = num_fx(e, b.num);
    v.num.f = vector ? fx_op(e->fx, FX_if, test, yes, no)
                     : scalar_select(e, test, yes, no, x->span);
    v.is_int = a.is_int && b.is_int && !vector;
    return v;
}

static Value eval_branch(Elab *e, const AstExpr *x, Fx test, bool positive) {
    ConsVec cons = {0};
    uint32_t keep = e->frame.len;
    if (fx_has(e->fx, test, FX_leaf) || !cond_cons(e, test, positive, &cons)) cons.len = 0;
    for (uint32_t i = 0; i < cons.len; i++) frame_cond(e, cons.data[i]);
    Value v = whole(e, eval(e, x), x->span);
    if (cons.len) v = family_plain(e, v, "f", x->span);
    /* Nonlinear parts are made here, where the condition limits their indices. */
    if (cons.len && v.kind == VAL_vector && !e->fn_depth) {
        ArmVec arms = {0};
        vec_arms(e, v.num.f, v.width, x->span, &arms);
        v.num.f = arms_value(e, &arms, v.width, v.is_input, x->span);
    }
    bool closed = floors_none(e, keep + cons.len, x->span);
    e->frame.len = keep;
    return closed ? v : val_none();
}

/* Can the condition (or its negation) hold here?  Known for conditions of integers. */
static bool possible(Elab *e, Fx test, bool positive) {
    ConsVec path = {0};
    path_cons(e, 0, &path);
    if (fx_has(e->fx, test, FX_leaf) || !cond_cons(e, test, positive, &path)) return true;
    return aff_feasible(e->x, path.data, path.len);
}

static Value eval_cond(Elab *e, const AstExpr *x) {
    Value t = eval(e, x->cond.test);
    double known;
    if (t.kind == VAL_none) return t;
    if (!numeric(&t) || !num_pure(t.num)) {
        diag(e->c->ds, type_expected, x->cond.test->span, "a condition", value_kind(e, &t));
        return val_none();
    }
    if (value_is_const(e, t, &known)) return eval(e, known != 0 ? x->cond.then : x->cond.other);
    if (!possible(e, t.num.f, true)) return eval(e, x->cond.other);
    if (!possible(e, t.num.f, false)) return eval(e, x->cond.then);
    Value a = eval_branch(e, x->cond.then, t.num.f, true);
    Value b = eval_branch(e, x->cond.other, t.num.f, false);
    return cond_join(e, t.num.f, t, a, b, x);
}

/* ---- words: `padding == zero` */
static bool eval_words(Elab *e, const AstExpr *x, Value *out) {
    const AstExpr *a = x->binary.a, *b = x->binary.b;
    if (x->binary.op != AB_eq && x->binary.op != AB_ne) return false;
    if (a->kind != AE_name || b->kind != AE_name) return false;
    Var *va = var_find(e, a->name), *vb = var_find(e, b->name);
    bool wa = va && va->value.kind == VAL_word, wb = vb && vb->value.kind == VAL_word;
    if (!wa && !wb) return false;
    Sym l = wa ? va->value.word : a->name, r = wb ? vb->value.word : b->name;
    *out = val_int(e, aff_const((l == r) == (x->binary.op == AB_eq)));
    return true;
}

static Value eval_binary(Elab *e, const AstExpr *x) {
    Value v;
    if (eval_words(e, x, &v)) return v;
    Value a = whole(e, eval(e, x->binary.a), x->binary.a->span);
    Value b = whole(e, eval(e, x->binary.b), x->binary.b->span);
    return vectors_binary(e, x->binary.op, a, b, x->span, x->binary.at);
}

static Value eval_any(Elab *e, const AstExpr *x) {
    switch (x->kind) {
    case AE_num: return eval_number(e, x);
    case AE_name: return eval_name(e, x->name, x->span);
    case AE_neg: return eval_neg(e, x);
    case AE_not: return eval_not(e, x);
    case AE_transpose: return eval_transpose(e, x);
    case AE_binary: return eval_binary(e, x);
    case AE_call: return eval_call(e, x);
    case AE_index: return eval_index(e, x);
    case AE_reduce: return eval_reduce(e, x);
    case AE_cond: return eval_cond(e, x);
    case AE_list: diag(e->c->ds, type_expected, x->span, "a number or a vector", "a list"); break;
    }
    return val_none();
}

Value eval(Elab *e, const AstExpr *x) {
    if (e->restart || !tick(e)) return val_none();
    uint32_t keep = e->frame.len;
    Value v = eval_any(e, x);
    if (e->frame.len > keep) v = floors_close(e, v, keep, x->span);
    bool fx = v.kind == VAL_number || v.kind == VAL_vector || v.kind == VAL_covector;
    return fx && !small_enough(e, v.num.f) ? val_none() : v;
}

/* An index, a size or a bound: affine in loop variables and sizes. */
bool eval_int(Elab *e, const AstExpr *x, const char *what, Aff *out) {
    Value v = eval(e, x);
    if (v.kind == VAL_none) return false;
    if (v.kind != VAL_number || !v.is_int) {
        diag(e->c->ds, int_expected, x->span, what, value_kind(e, &v));
        return false;
    }
    *out = v.aff;
    if (v.has_aff) return true;
    if (fix_hypers(e, v.num.f)) return false;
    Diag *d = diag(e->c->ds, not_affine, x->span, what);
    diag_note(d, "indices and sizes are sums of loop variables and sizes times constants");
    return false;
}

/* Calls: functions are written out as expressions, layers are inlined. */
#include "program/elab.h"

typedef struct Given { /* an argument, evaluated in the caller's scope */
    Sym name; /* 0: by position */
    Span name_span, span;
    Value value;
    bool used;
} Given;
typedef VEC(Given) Givens;

/* ---- parameters and their types */
static const char *type_text(Elab *e, const AstParam *p) {
    switch (p->type.kind) {
    case AT_real: return "a number";
    case AT_int: return "an integer";
    case AT_fn: return "a function";
    case AT_scalar: return "a scalar parameter";
    case AT_vector: return p->type.dims.len ? "a family of vectors" : "a vector";
    case AT_matrix: return "a matrix";
    case AT_input: return "a data vector";
    case AT_data: return "data";
    case AT_words: break;
    }
    Buf b = buf_new(e->a);
    buf_puts(&b, "one of the words ");
    for (uint32_t i = 0; i < p->type.words.len; i++)
        buf_printf(&b, "%s`%s`", i ? ", " : "", sym_text(e->c->syms, p->type.words.data[i].sym));
    return buf_text(&b);
}

static bool word_of(const AstParam *p, Sym s) {
    for (uint32_t i = 0; i < p->type.words.len; i++)
        if (p->type.words.data[i].sym == s) return true;
    return false;
}

/* Positions of `vector[H, W]`: its sizes other than widths. */
static bool says_n(const Elab *e, const AstExpr *x) {
    if (x->kind == AE_binary) return says_n(e, x->binary.a) || says_n(e, x->binary.b);
    return ast_is_name(x, e->sym.n);
}

static uint32_t positions_wanted(const Elab *e, const AstParam *p) {
    uint32_t n = 0;
    if (p->type.kind == AT_data) return p->type.dims.len;
    if (p->type.kind != AT_vector && p->type.kind != AT_input) return 0;
    for (uint32_t i = 0; i < p->type.dims.len; i++) n += !says_n(e, p->type.dims.data[i].e);
    return n;
}

static bool value_fits(const Elab *e, const AstParam *p, const Value *v) {
    uint32_t want = positions_wanted(e, p);
    bool family = v->kind == VAL_family && v->npos == want;
    switch (p->type.kind) {
    case AT_real: return v->kind == VAL_number;
    case AT_int: return v->kind == VAL_number && v->is_int;
    case AT_fn: return v->kind == VAL_fn;
    case AT_words: return v->kind == VAL_word && word_of(p, v->word);
    case AT_scalar: return v->kind == VAL_output;
    case AT_vector:
        if (want) return family && v->of->kind == VAL_vector;
        return v->kind == VAL_vector || v->kind == VAL_number;
    case AT_matrix: return v->kind == VAL_matrix;
    case AT_input:
        if (want) return family && v->is_input;
        return v->kind == VAL_vector && v->is_input;
    case AT_data:
        if (want) return family && v->of->kind == VAL_number;
        return v->kind == VAL_number;
    }
    return false;
}

/* A family as a `vector[H, W]`: the sizes get names, positions count from 0. */
static bool coerce_family(Elab *e, const AstParam *p, const char *owner, Value *v, Span sp) {
    *v = family_plain(e, family_clear(e, *v), sym_text(e->c->syms, p->name.sym), sp);
    if (v->kind == VAL_none) return false;
    Dim *pos = arena_copy(e->a, v->pos, v->npos * sizeof *pos);
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, v->npos);
    uint32_t k = 0;
    for (uint32_t i = 0; i < p->type.dims.len; i++) {
        const AstExpr *x = p->type.dims.data[i].e;
        if (says_n(e, x)) {
            Value w = eval(e, x);
            if (w.kind == VAL_none || w.num.f == v->width) continue;
            diag(e->c->ds, width_mismatch, sp, width_text(e, w.num.f), width_text(e, v->width));
            return false;
        }
        Aff lo = aff_subst(e->x, pos[k].lo, m, k), hi = aff_subst(e->x, pos[k].hi, m, k);
        if (!size_bind(e, x, aff_sub(e->x, hi, lo), owner, sp)) return false;
        pos[k].lo = aff_const(0);
        pos[k].hi = aff_sub(e->x, hi, lo);
        m[k] = (AffSubst){pos[k].var, aff_add(e->x, aff_name(e->x, pos[k].var), lo)};
        k++;
    }
    Value of = value_subst(e, *v->of, m, k);
    v->pos = pos;
    v->of = arena_copy(e->a, &of, sizeof of);
    return true;
}

/* The value as the parameter's type takes it. */
static bool coerce(Elab *e, const AstParam *p, const char *owner, Value *v, Span sp) {
    if (v->kind == VAL_none) return false;
    if (!value_fits(e, p, v)) {
        Diag *d = diag(e->c->ds, argument_type, sp, owner, type_text(e, p),
                       sym_text(e->c->syms, p->name.sym), value_kind(e, v));
        diag_label(d, p->span, "`%s` is declared here", sym_text(e->c->syms, p->name.sym));
        return false;
    }
    v->literal = false;
    if (v->kind == VAL_family) return coerce_family(e, p, owner, v, sp);
    if (p->type.kind == AT_vector) *v = to_vector(*v, sp);
    return p->type.kind != AT_vector || vec_order(e, v, sp);
}

/* ---- arguments */
static const AstParam *param_named(const AstItem *it, Sym name) {
    for (uint32_t i = 0; i < it->params.len; i++)
        if (it->params.data[i].name.sym == name) return &it->params.data[i];
    return NULL;
}

static Value eval_arg(Elab *e, const AstParam *p, const AstExpr *x) {
    if (p && p->type.kind == AT_words && x->kind == AE_name) {
        Var *v = var_find(e, x->name);
        if (v && v->value.kind == VAL_word) return v->value;
        if (word_of(p, x->name))
            return (Value){.kind = VAL_word, .word = x->name, .span = x->span};
    }
    return eval(e, x);
}

static void unknown_argument(Elab *e, const AstItem *it, const AstArg *a) {
    Syms names = {0};
    Buf all = buf_new(e->a);
    for (uint32_t i = 0; i < it->params.len; i++) {
        vec_push(e->a, &names, it->params.data[i].name.sym);
        buf_printf(&all, "%s`%s`", i ? ", " : "", sym_text(e->c->syms, names.data[i]));
    }
    const char *s = sym_text(e->c->syms, a->name.sym), *near = nearest_name(e, s, &names);
    Diag *d = diag(e->c->ds, unknown_argument, a->name.span, sym_text(e->c->syms, it->name.sym), s);
    if (names.len) diag_note(d, "its parameters are %s", buf_text(&all));
    if (near) diag_fix(d, a->name.span, near, "is `%s` meant?", near);
}

static bool args_eval(Elab *e, const AstItem *it, const AstArgs *args, Span sp, Givens *out) {
    bool ok = true;
    for (uint32_t i = 0; i < args->len; i++) {
        const AstArg *a = &args->data[i];
        const AstParam *p = NULL;
        if (a->name.sym)
            p = param_named(it, a->name.sym);
        else if (i < it->params.len)
            p = &it->params.data[i];
        if (!p && a->name.sym) {
            unknown_argument(e, it, a);
            ok = false;
            continue;
        }
        if (!p) {
            Diag *d = diag(e->c->ds, too_many_arguments, a->value->span,
                           sym_text(e->c->syms, it->name.sym), it->params.len, args->len);
            diag_label(d, it->name.span, "`%s` is declared here",
                       sym_text(e->c->syms, it->name.sym));
            return false;
        }
        for (uint32_t k = 0; k < out->len; k++)
            if (out->data[k].name == p->name.sym) {
                diag(e->c->ds, argument_again, a->name.sym ? a->name.span : a->value->span,
                     sym_text(e->c->syms, p->name.sym), sym_text(e->c->syms, it->name.sym));
                ok = false;
            }
        Value v = whole(e, eval_arg(e, p, a->value), a->value->span);
        ok &= v.kind != VAL_none;
        vec_push(e->a, out, (Given){.name = p->name.sym, .span = a->value->span, .value = v});
    }
    (void)sp;
    return ok;
}

/* In the callee's scope: its parameters, defaults where no argument was given. */
static bool params_bind(Elab *e, const AstItem *it, Givens *given, Span sp) {
    bool ok = true;
    const char *owner = sym_text(e->c->syms, it->name.sym);
    for (uint32_t i = 0; i < it->params.len; i++) {
        const AstParam *p = &it->params.data[i];
        Value v = val_none();
        Span at = p->span;
        bool found = false;
        for (uint32_t k = 0; k < given->len && !found; k++)
            if (given->data[k].name == p->name.sym) {
                v = given->data[k].value;
                at = given->data[k].span;
                found = true;
            }
        if (!found && p->init) {
            v = eval_arg(e, p, p->init);
        } else if (!found) {
            Diag *d = diag(e->c->ds, missing_argument, sp, owner,
                           sym_text(e->c->syms, p->name.sym));
            diag_label(d, p->span, "it is declared here");
            ok = false;
            continue;
        }
        bool anywhere = it->kind == AI_fn && p->type.kind == AT_real && v.kind == VAL_vector;
        if (!anywhere && !coerce(e, p, owner, &v, at)) ok = false, v = val_none();
        var_put(e, e->scope.len - 1, p->name.sym, v, p->name.span);
    }
    return ok;
}

/* Messages from inside a call say where it is; those from the library's own text come to the call.
 */
static void call_trace(Elab *e, uint32_t from, const AstItem *it, Span sp) {
    const AstFile *in = ast_file_of(e->ast, it->span), *at = ast_file_of(e->ast, sp);
    bool inside = in && at && in->role == AST_STDLIB && at->role != AST_STDLIB;
    diags_called(e->c->ds, from, sp, sym_text(e->c->syms, it->name.sym), inside);
}

static bool call_enter(Elab *e, const AstItem *it, Span sp) {
    for (uint32_t i = 0; i < e->call.len; i++) {
        if (e->call.data[i].item != it) continue;
        const char *s = sym_text(e->c->syms, it->name.sym);
        Diag *d = diag(e->c->ds, recursion, sp, ast_item_text(it->kind), s);
        if (it->kind != AI_fn)
            diag_help(d, "repeat with `repeat` or `for`; a value from the turn before is read by "
                         "name");
        return false;
    }
    vec_push(e->a, &e->call, (Call){.item = it, .span = sp});
    return true;
}

/* ---- functions */
static Value function_of_input(Elab *e, const char *name, Span sp) {
    Diag *d = diag(e->c->ds, input_nonlinear, sp, arena_printf(e->a, "`%s`", name));
    diag_help(d, "apply a matrix to the data first: `param U: matrix ~ N(0, 1 / fan_in)`, `U * x`");
    return val_none();
}

/* What the vectors among the arguments have in common; false after an error. */
static bool args_shape(Elab *e, Value *arg, uint32_t n, const char *name, Span sp, Value *shape) {
    *shape = (Value){.kind = VAL_number, .span = sp};
    for (uint32_t i = 0; i < n; i++) {
        if (arg[i].kind != VAL_vector) continue;
        shape->kind = VAL_vector;
        if (arg[i].is_input) {
            function_of_input(e, name, sp);
            return false;
        }
        if (!vec_order(e, &arg[i], sp)) return false;
        if (shape->width && arg[i].width && shape->width != arg[i].width) {
            diag(e->c->ds, width_mismatch, sp, width_text(e, shape->width),
                 width_text(e, arg[i].width));
            return false;
        }
        if (arg[i].width) shape->width = arg[i].width;
    }
    return true;
}

/* A vector argument becomes one leaf, whatever expression it is. */
static Value arg_leaf(Elab *e, Value v) {
    if (v.kind != VAL_vector || !fx_has(e->fx, v.num.f, FX_leaf)) return v;
    if (fx_node(e->fx, v.num.f)->op == FX_leaf) return v;
    v.num.f = atom_new(e, (Atom){.kind = ATOM_alias, .f = v.num.f, .width = v.width,
                                 .span = v.span});
    return v;
}

static Value fn_result(Elab *e, Value r, Value shape, const char *name, Span sp) {
    if (r.kind == VAL_none) return r;
    if (r.kind != VAL_number && r.kind != VAL_vector) {
        diag(e->c->ds, type_expected, sp, "a number as the value of a `fn`", value_kind(e, &r));
        return val_none();
    }
    if (shape.kind == VAL_number) {
        r.kind = VAL_number;
        return r;
    }
    r.kind = VAL_vector;
    r.width = shape.width;
    r.is_int = r.has_aff = false;
    r.span = sp;
    if (e->fn_depth || !fx_has(e->fx, r.num.f, FX_leaf)) return r;
    if (fx_node(e->fx, r.num.f)->op == FX_leaf) return r;
    if (!vec_order(e, &r, sp)) return val_none();
    r.num.f = atom_new(e, (Atom){.kind = ATOM_pending, .f = r.num.f, .width = r.width,
                                 .name = name, .span = sp});
    return r;
}

static Value apply_item(Elab *e, const AstItem *it, Givens *given, Span sp) {
    if (!call_enter(e, it, sp)) return val_none();
    const AstFile *file = e->file;
    const Family *fan = e->fan_of;
    e->file = ast_file_of(e->ast, it->span);
    e->fan_of = NULL;
    e->fn_depth++;
    scope_open(e, true);
    bool ok = params_bind(e, it, given, sp);
    uint32_t mark = diags_count(e->c->ds);
    Value r = ok ? eval(e, it->body) : val_none();
    scope_close(e);
    call_trace(e, mark, it, sp);
    e->fn_depth--;
    e->fan_of = fan;
    e->file = file;
    e->call.len--;
    return r;
}

static Value apply_elementary(Elab *e, FxOp op, const Value *arg, uint32_t n, Span sp) {
    if (n != fx_arity(op)) {
        diag(e->c->ds, argument_count, sp, fx_text(op), fx_arity(op), n);
        return val_none();
    }
    return number_function(e, op, arg, n, sp);
}

/* f'(first argument): the first argument stands alone in a leaf of its own. */
static Value apply_deriv(Elab *e, const FnValue *of, Value *arg, uint32_t n, Span sp) {
    Fx at = arg[0].num.f;
    Value own = arg[0];
    own.kind = VAL_vector;
    own.is_int = own.has_aff = false;
    own.num.f = atom_new(e, (Atom){.kind = ATOM_alias, .f = at, .width = fx_rat(e->fx, 1, 1),
                                   .span = sp});
    uint32_t k = fx_node(e->fx, own.num.f)->k;
    arg[0] = own;
    e->fn_depth++;
    Value r = apply_fn(e, of, arg, n, sp);
    e->fn_depth--;
    if (r.kind == VAL_none) return r;
    uint32_t nleaf = e->atom.len;
    Fx *to = ARENA_ARRAY(e->a, Fx, nleaf);
    for (uint32_t i = 0; i < nleaf; i++) to[i] = fx_leaf(e->fx, i);
    to[k] = at;
    r.num.f = fx_map(e->fx, fx_diff(e->fx, expand_pending(e, r.num.f), k), to, nleaf, NULL, 0);
    return r;
}

static const char *fn_name(Elab *e, const FnValue *f) {
    if (f->of) return arena_printf(e->a, "d_%s", fn_name(e, f->of));
    return f->item ? sym_text(e->c->syms, f->item->name.sym) : fx_text(f->op);
}

Value apply_fn(Elab *e, const FnValue *f, Value *arg, uint32_t n, Span sp) {
    Value shape, r;
    for (uint32_t i = 0; i < n; i++) {
        Lift l;
        if (arg[i].kind != VAL_family) continue;
        if (!lift_open(e, arg, NULL, n, sp, &l)) return val_none();
        return lift_close(e, &l, apply_fn(e, f, arg, n, sp), sp);
    }
    const char *name = fn_name(e, f);
    for (uint32_t i = 0; i < n; i++) {
        if (arg[i].kind == VAL_none) return arg[i];
        bool fn_arg = arg[i].kind == VAL_fn && f->item;
        if (arg[i].kind == VAL_number || arg[i].kind == VAL_vector || fn_arg) continue;
        if (arg[i].kind == VAL_output) {
            diag(e->c->ds, output_nonlinear, sp);
            return val_none();
        }
        diag(e->c->ds, type_expected, sp, arena_printf(e->a, "a number or a vector in `%s`", name),
             value_kind(e, &arg[i]));
        return val_none();
    }
    if (!args_shape(e, arg, n, name, sp, &shape)) return val_none();
    for (uint32_t i = 0; i < n && !e->fn_depth; i++) arg[i] = arg_leaf(e, arg[i]);
    if (f->of && (!n || arg[0].kind == VAL_fn)) {
        diag(e->c->ds, argument_count, sp,
             arena_printf(e->a, "deriv(%s)", fn_name(e, f->of)), 1u, n);
        return val_none();
    }
    if (f->of) {
        r = apply_deriv(e, f->of, arg, n, sp);
    } else if (f->item) {
        Givens g = {0};
        if (n > f->item->params.len) {
            diag(e->c->ds, argument_count, sp, name, f->item->params.len, n);
            return val_none();
        }
        for (uint32_t i = 0; i < n; i++)
            vec_push(e->a, &g, (Given){.name = f->item->params.data[i].name.sym, .span = sp,
                                       .value = arg[i]});
        r = apply_item(e, f->item, &g, sp);
    } else {
        r = apply_elementary(e, f->op, arg, n, sp);
    }
    return fn_result(e, r, shape, name, sp);
}

/* Positional and named arguments in the order of the parameters; defaults stay out at the end. */
static Value call_fn(Elab *e, const FnValue *f, const AstExpr *x) {
    const FnValue *root = f;
    while (root->of) root = root->of;
    VEC(Value) arg = {0};
    if (!root->item) {
        for (uint32_t i = 0; i < x->call.args.len; i++) {
            if (x->call.args.data[i].name.sym) {
                diag(e->c->ds, unknown_argument, x->call.args.data[i].name.span, fn_name(e, f),
                     sym_text(e->c->syms, x->call.args.data[i].name.sym));
                return val_none();
            }
            const AstExpr *one = x->call.args.data[i].value;
            vec_push(e->a, &arg, whole(e, eval(e, one), one->span));
        }
        return apply_fn(e, f, arg.data, arg.len, x->span);
    }
    Givens g = {0};
    if (!args_eval(e, root->item, &x->call.args, x->span, &g)) return val_none();
    for (uint32_t i = 0; i < root->item->params.len && g.len; i++) {
        const AstParam *p = &root->item->params.data[i];
        Value v = val_none();
        uint32_t left = 0;
        for (uint32_t k = 0; k < g.len; k++) {
            if (g.data[k].name == p->name.sym) v = g.data[k].value, g.data[k].used = true;
            left += !g.data[k].used;
        }
        if (v.kind == VAL_none && !left) break;
        if (v.kind == VAL_none) { /* a default before a given one */
            if (!p->init) break;
            v = eval_arg(e, p, p->init);
        }
        vec_push(e->a, &arg, v);
    }
    return apply_fn(e, f, arg.data, arg.len, x->span);
}

/* ---- layers */
/* Families that stand where members are wanted: the layer acts at each of their positions. */
static bool givens_lift(Elab *e, const AstItem *it, Givens *g, Span sp, Lift *l) {
    Value *v = ARENA_ARRAY(e->a, Value, g->len);
    uint32_t *up = ARENA_ARRAY(e->a, uint32_t, g->len);
    for (uint32_t i = 0; i < g->len; i++) {
        const AstParam *p = param_named(it, g->data[i].name);
        v[i] = g->data[i].value;
        uint32_t want = positions_wanted(e, p);
        bool takes = p->type.kind != AT_fn && p->type.kind != AT_words && p->type.kind != AT_data;
        if (v[i].kind == VAL_family && takes && v[i].npos > want) up[i] = v[i].npos - want;
    }
    if (!lift_open(e, v, up, g->len, sp, l)) return false;
    for (uint32_t i = 0; i < g->len; i++) g->data[i].value = v[i];
    return true;
}

static Value call_layer(Elab *e, const AstItem *it, const AstExpr *x) {
    Givens g = {0};
    Lift l;
    if (e->fn_depth) {
        diag(e->c->ds, layer_in_fn, x->span, sym_text(e->c->syms, it->name.sym));
        return val_none();
    }
    if (!args_eval(e, it, &x->call.args, x->span, &g) || !call_enter(e, it, x->span))
        return val_none();
    if (!givens_lift(e, it, &g, x->span, &l)) {
        e->call.len--;
        return val_none();
    }
    const AstFile *file = e->file;
    e->file = ast_file_of(e->ast, it->span);
    scope_open(e, true);
    bool ok = params_bind(e, it, &g, x->span);
    uint32_t mark = diags_count(e->c->ds);
    Value r = ok ? exec_block(e, &it->block, true) : val_none();
    scope_close(e);
    call_trace(e, mark, it, x->span);
    e->file = file;
    e->call.len--;
    return lift_close(e, &l, r, x->span);
}

/* ---- what the language itself provides */
static Value call_basis(Elab *e, const AstExpr *x) {
    Aff k;
    if (x->call.args.len != 1) {
        diag(e->c->ds, argument_count, x->span, "basis", 1u, x->call.args.len);
        return val_none();
    }
    if (!eval_int(e, x->call.args.data[0].value, "the argument of `basis`", &k)) return val_none();
    Use u = def_make(e, (Def){.op = PO_basis, .basis = k, .span = x->span}, "basis");
    return vec_use(e, u, 0, true);
}

static Value call_dim(Elab *e, const AstExpr *x) {
    Value v = x->call.args.len == 1 ? eval(e, x->call.args.data[0].value) : val_none();
    if (x->call.args.len != 1)
        diag(e->c->ds, argument_count, x->span, "dim", 1u, x->call.args.len);
    if (v.kind == VAL_none) return v;
    if (v.kind == VAL_family) v = *v.of;
    uint32_t n = v.kind == VAL_vector && v.is_input ? fx_nleaf(e->fx, v.num.f) : 0;
    for (uint32_t k = 0; k < n; k++)
        if (e->atom.data[k].kind == ATOM_use && fx_has(e->fx, v.num.f, FX_leaf)) {
            const Def *d = &e->p->def.data[e->atom.data[k].use.d];
            bool in = fx_node(e->fx, v.num.f)->op != FX_leaf || fx_node(e->fx, v.num.f)->k == k;
            if (d->op == PO_input && in)
                return val_num((Num){.f = fx_rat(e->fx, 1, 1), .d = QUARTER, .din = d->input});
        }
    diag(e->c->ds, type_expected, x->span, "an input in `dim`", value_kind(e, &v));
    return val_none();
}

static Value call_deriv(Elab *e, const AstExpr *x) {
    Value v = x->call.args.len == 1 ? eval(e, x->call.args.data[0].value) : val_none();
    if (x->call.args.len != 1)
        diag(e->c->ds, argument_count, x->span, "deriv", 1u, x->call.args.len);
    if (v.kind == VAL_none) return v;
    if (v.kind != VAL_fn) {
        Diag *d = diag(e->c->ds, type_expected, x->call.args.data[0].value->span,
                       "a function in `deriv`", value_kind(e, &v));
        diag_help(d, "write `deriv(phi)(h)` for phi'(h)");
        return val_none();
    }
    FnValue *f = ARENA_NEW(e->a, FnValue);
    f->of = v.fn;
    return (Value){.kind = VAL_fn, .fn = f, .span = x->span};
}

static Value call_rounding(Elab *e, const AstExpr *x, bool up) {
    Value v = x->call.args.len == 1 ? eval(e, x->call.args.data[0].value) : val_none();
    if (x->call.args.len != 1)
        diag(e->c->ds, argument_count, x->span, up ? "ceil" : "floor", 1u, x->call.args.len);
    if (v.kind == VAL_none || (v.kind == VAL_number && v.is_int)) return v;
    const FxNode *n = v.kind == VAL_number ? fx_node(e->fx, v.num.f) : NULL;
    if (n && n->op == FX_num && n->q && num_pure(v.num)) {
        int64_t q = n->p / n->q, down = n->p % n->q < 0 ? q - 1 : q;
        return val_int(e, aff_const(up && n->p % n->q ? down + 1 : down));
    }
    if (n && fix_hypers(e, v.num.f)) return val_none();
    Aff a, q;
    int32_t k;
    if (n && num_pure(v.num) && fx_ratio(e, v.num.f, &a, &k) &&
        size_floor(e, up ? aff_plus(a, k - 1) : a, k, x->span, &q))
        return val_int(e, q);
    diag(e->c->ds, later_floor, x->span, up ? "ceil" : "floor");
    return val_none();
}

static bool call_special(Elab *e, const AstExpr *x, Sym s, Value *out) {
    *out = val_none();
    if (s == e->sym.basis)
        *out = call_basis(e, x);
    else if (s == e->sym.dim)
        *out = call_dim(e, x);
    else if (s == e->sym.deriv)
        *out = call_deriv(e, x);
    else if (s == e->sym.ceil || s == e->sym.floor)
        *out = call_rounding(e, x, s == e->sym.ceil);
    else if (s == e->sym.moment)
        *out = call_moment(e, x);
    else if (s == e->sym.grad)
        *out = call_grad(e, x);
    else if (s == e->sym.softmax)
        *out = call_softmax(e, x);
    else if (s == e->sym.pad)
        *out = call_pad(e, x);
    else
        return false;
    return true;
}

Value eval_call(Elab *e, const AstExpr *x) {
    const AstExpr *fn = x->call.fn;
    Value v;
    if (fn->kind == AE_name && !var_find(e, fn->name)) {
        const AstItem *it = ast_find(e->ast, e->file, fn->name);
        if (it && it->kind == AI_layer) return call_layer(e, it, x);
        if (!it && call_special(e, x, fn->name, &v)) return v;
    }
    v = eval(e, fn);
    if (v.kind == VAL_none) return v;
    if (v.kind == VAL_fn) return call_fn(e, v.fn, x);
    Diag *d = diag(e->c->ds, not_callable, fn->span, value_kind(e, &v));
    if (v.kind == VAL_number || v.kind == VAL_vector)
        diag_help(d, "a product needs its `*`");
    return val_none();
}

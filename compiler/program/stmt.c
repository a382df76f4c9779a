/* Statements: assignments, loops, and the values that loops carry from turn to turn. */
#include "program/elab.h"

static void exec_stmt(Elab *e, const AstStmt *s);

/* ---- loops: ranges */
Aff bound_extreme(Elab *e, Aff a, bool greatest) {
    for (uint32_t i = e->frame.len; i-- > 0;) {
        const Frame *f = &e->frame.data[i];
        int32_t k = f->is_loop ? aff_coef(a, f->dim.var) : 0;
        if (!k) continue;
        AffSubst m = {f->dim.var, (k > 0) != greatest ? f->dim.lo : aff_plus(f->dim.hi, -1)};
        a = aff_subst(e->x, a, &m, 1);
    }
    return a;
}

/* a >= 0 must hold under the path: proved, or a fact about sizes that is checked before a run.
 * False: it fails whatever the sizes are, or depends on more than sizes. */
bool must_hold(Elab *e, const ConsVec *path, Aff a, const char *what, Span sp) {
    if (aff_implied(e->x, path->data, path->len, cons_ge(a))) return true;
    Aff least = bound_extreme(e, a, false);
    if (aff_is_const(least) || !aff_size_only(e->x, least)) return false;
    if (aff_implied(e->x, NULL, 0, cons_lt(e->x, least, aff_const(0)))) return false;
    affctx_fact(e->x, cons_ge(least));
    vec_push(e->a, &e->p->check,
             (Check){CHECK_nonneg, fx_index(e->fx, least),
                     arena_printf(e->a, "%s at %s", what, source_place(e->c->src, e->a, sp)), sp});
    return true;
}

static bool turns_nonneg(Elab *e, Aff lo, Aff hi, Span sp) {
    ConsVec path = {0};
    path_cons(e, 0, &path);
    Aff turns = aff_sub(e->x, hi, lo);
    if (must_hold(e, &path, turns, "turns of the loop", sp)) return true;
    Aff least = bound_extreme(e, turns, false);
    Diag *d = diag(e->c->ds, negative_turns, sp, (long long)least.c);
    diag_help(d, "ranges are half-open: `a..b` is a, .., b - 1");
    return false;
}

bool loop_range(Elab *e, AstName var, const AstExpr *lo, const AstExpr *hi, Span sp, Dim *out) {
    Aff a = aff_const(0), b;
    uint32_t keep = e->frame.len;
    if ((lo && !eval_int(e, lo, "the start of a range", &a)) ||
        !eval_int(e, hi, lo ? "the end of a range" : "the number of turns", &b) ||
        !floors_none(e, keep, sp))
        return false;
    if (!turns_nonneg(e, a, b, sp)) return false;
    *out = (Dim){dim_fresh(e, var.sym), a, b};
    return true;
}

/* ---- loop-carried variables */
static void assigned_names(Elab *e, const AstStmts *list, AstNames *out) {
    for (uint32_t i = 0; i < list->len; i++) {
        const AstStmt *s = list->data[i];
        if (s->kind == AS_for) assigned_names(e, &s->loop.body.stmts, out);
        if (s->kind == AS_repeat) assigned_names(e, &s->repeat.body.stmts, out);
        if (s->kind != AS_assign || s->assign.at.len) continue;
        bool known = false;
        for (uint32_t k = 0; k < out->len; k++) known |= out->data[k].sym == s->assign.name.sym;
        if (!known) vec_push(e->a, out, s->assign.name);
    }
}

static DefId carried_def(Elab *e, Carried *c, Fx width) {
    Dims dim = {0};
    for (uint32_t i = 0; i < c->nframe; i++)
        if (e->frame.data[i].is_loop) vec_push(e->a, &dim, e->frame.data[i].dim);
    Dim own = c->loop.dim;
    own.hi = aff_plus(own.hi, 1);
    vec_push(e->a, &dim, own);
    for (uint32_t i = 0; i < c->npos; i++) vec_push(e->a, &dim, c->pos[i]);
    c->width = width;
    DefId d = def_reserve(e, (Def){.op = c->scalar ? PO_scalar : PO_lin, .mu = true,
                                   .dim = dim.data, .ndim = dim.len,
                                   .width = c->scalar ? 0 : width, .span = c->span},
                          sym_text(e->c->syms, c->name));
    def_rename(e, d, c->name);
    return d;
}

/* of: the value before the loop or after a turn, whose positions it has. */
static void carried_make(Elab *e, Carried *c, const Value *of, Fx width) {
    Value v = family_clear(e, *of);
    c->pos = v.pos;
    c->npos = v.npos;
    c->mu = carried_def(e, c, width ? width : fx_rat(e->fx, 1, 1));
}

static bool is_zero_number(Elab *e, const Value *v) {
    return v->kind == VAL_number && fx_is_zero(e->fx, v->num.f);
}

/* Is the start of a variable a number, or numbers?  0 may stand for a vector. */
static bool is_scalars(Elab *e, const Value *v, Span sp) {
    if (v->kind == VAL_family) return v->of->kind == VAL_number;
    if (v->kind != VAL_number) return false;
    return !is_zero_number(e, v) || starts_as_number(e, sp);
}

static Value carried_use(Elab *e, const Carried *c, Use u) {
    return c->scalar ? val_fx(scalar_use(e, u)) : vec_use(e, u, c->width, false);
}

/* The variable in a turn, before it is assigned there. */
Value carried_read(Elab *e, Carried *c, Span sp) {
    Value init = c->init;
    const char *name = sym_text(e->c->syms, c->name);
    if (!c->mu) c->scalar |= is_scalars(e, &init, c->span);
    if (!c->mu && init.is_input) {
        diag(e->c->ds, carried_data, sp, name);
        var_set(e, c->name, val_none(), sp);
        return val_none();
    }
    if (!c->mu) carried_make(e, c, &init, init.width);
    Value v = family_new(e, c->pos, c->npos, carried_use(e, c, def_own(e, c->mu, sp)), sp);
    var_set(e, c->name, v, c->span);
    return family_clear(e, v);
}

static Arm arm_guard(Elab *e, Arm a, Cons guard) {
    ConsVec cons = {0};
    vec_push(e->a, &cons, guard);
    for (uint32_t k = 0; k < a.ncons; k++) vec_push(e->a, &cons, a.cons[k]);
    a.cons = cons.data;
    a.ncons = cons.len;
    return a;
}

static Arm arm_shift(Elab *e, Arm a, Sym var, Cons guard) {
    AffSubst m = {var, aff_plus(aff_name(e->x, var), -1)};
    a = arm_subst(e, a, &m, 1);
    return arm_guard(e, a, guard);
}

/* An arm that reads a linear definition of this very turn is replaced by that one's arms. */
static void arm_splice(Elab *e, const Arm *a, DefId mark, ArmVec *out) {
    const Def *d = &e->p->def.data[a->use.d];
    bool own = !e->learnt->grad && d->op == PO_lin && !d->mu && !d->wrap && a->use.d >= mark &&
               !a->nred && !a->ncons;
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, d->ndim);
    for (uint32_t i = 0; own && i < d->ndim; i++) {
        Aff var = aff_name(e->x, d->dim[i].var), at = a->use.idx[i];
        bool outer = false;
        for (uint32_t k = 0; k < e->frame.len; k++)
            outer |= e->frame.data[k].is_loop && !e->frame.data[k].implicit &&
                     e->frame.data[k].dim.var == d->dim[i].var;
        own = aff_eq(at, var) || (!outer && at.nterm == 1 && !at.c && at.term[0].k == 1);
        m[i] = (AffSubst){d->dim[i].var, at};
    }
    for (uint32_t i = 0; own && i < d->narm; i++) {
        Arm b = arm_subst(e, d->arm[i], m, d->ndim);
        b.coef = fx_mul(e->fx, a->coef, b.coef);
        vec_push(e->a, out, b);
    }
    if (!own) vec_push(e->a, out, *a);
}

static bool carried_mismatch(Elab *e, const Carried *c, const Value *end) {
    const char *name = sym_text(e->c->syms, c->name);
    bool kinds = end->kind != VAL_vector && end->kind != VAL_number;
    ValueKind of = c->scalar ? VAL_number : VAL_vector;
    if (c->scalar) kinds = end->kind != VAL_number;
    if (c->npos || end->kind == VAL_family)
        kinds = end->kind != VAL_family || end->of->kind != of || end->npos != c->npos ||
                !positions_fit(e, c->pos, end->pos, c->npos, c->span);
    if (!kinds && !end->is_input && (!end->width || end->width == c->width)) return false;
    bool sizes = end->kind == VAL_family && c->npos && end->of->kind == of;
    const char *is = sizes ? "a family over other positions" : value_kind(e, end);
    Diag *d = diag(e->c->ds, carried_type, c->span, name,
                   kinds || end->is_input ? is : "a vector of another width");
    diag_label(d, c->init.span, "`%s` is %s before the loop", name, value_kind(e, &c->init));
    return true;
}

/* The arms of a value of the variable, over its positions. */
static void carried_value(Elab *e, const Carried *c, Value v, ArmVec *out) {
    uint32_t keep = e->frame.len;
    if (v.kind == VAL_family) {
        AffSubst *m = ARENA_ARRAY(e->a, AffSubst, c->npos);
        for (uint32_t i = 0; i < c->npos; i++)
            m[i] = (AffSubst){v.pos[i].var, aff_name(e->x, c->pos[i].var)};
        for (uint32_t i = 0; i < c->npos; i++) frame_implicit(e, c->pos[i]);
        v = value_subst(e, *v.of, m, c->npos);
    }
    if (c->scalar && scalar_order(e, &v, c->span)) scalar_arms(e, v.num.f, out);
    v = to_vector(v, c->span);
    if (!c->scalar && vec_order(e, &v, c->span)) vec_arms(e, v.num.f, c->width, c->span, out);
    e->frame.len = keep;
}

/* The end of the body: the value there is that of the next turn. */
static void carried_arms(Elab *e, Carried *c, Value end, DefId mark, ArmVec *later) {
    Sym var = c->loop.dim.var;
    Cons guard = cons_le(e->x, aff_plus(c->loop.dim.lo, 1), aff_name(e->x, var));
    ArmVec arms = {0}, flat = {0};
    carried_value(e, c, end, &arms);
    for (uint32_t i = 0; i < arms.len; i++) arm_splice(e, &arms.data[i], mark, &flat);
    for (uint32_t i = 0; i < flat.len; i++)
        vec_push(e->a, later, arm_shift(e, flat.data[i], var, guard));
}

static void carried_first(Elab *e, Carried *c, ArmVec *arms) {
    ArmVec init = {0};
    Cons guard = cons_eq(e->x, aff_name(e->x, c->loop.dim.var), c->loop.dim.lo);
    if (c->init.kind != VAL_number || c->scalar) carried_value(e, c, c->init, &init);
    for (uint32_t i = 0; i < init.len; i++)
        vec_push(e->a, arms, arm_guard(e, init.data[i], guard));
}

static bool is_vectors(const Value *v) {
    return v->kind == VAL_vector || (v->kind == VAL_family && v->of->kind == VAL_vector);
}

/* After the body, inside the loop.  False: the variable has no value after the loop. */
static bool carried_close(Elab *e, Carried *c, DefId mark, Value *after) {
    Var *v = var_find(e, c->name);
    Value end = v->value;
    ArmVec arms = {0};
    *after = val_none();
    if (end.kind == VAL_none || c->init.kind == VAL_none) return true;
    if (!c->mu) { /* not read before it was assigned */
        bool zero = is_zero_number(e, &c->init);
        bool vectors = !end.is_input && !c->init.is_input &&
                       ((is_vectors(&end) && (zero || is_vectors(&c->init))) ||
                        (c->init.kind == VAL_vector && end.kind == VAL_number));
        c->scalar = c->init.kind == VAL_number && end.kind == VAL_number;
        if (!vectors && !c->scalar) {
            *after = (Value){.kind = VAL_gone, .span = c->span,
                             .why = "it has no value after a loop of 0 turns"};
            return false;
        }
        carried_make(e, c, c->init.kind == VAL_number ? &end : &c->init,
                     c->init.width ? c->init.width : end.width);
    }
    if (carried_mismatch(e, c, &end)) return true;
    carried_first(e, c, &arms);
    carried_arms(e, c, end, mark, &arms);
    bool zero = c->init.kind == VAL_number && !c->scalar;
    if (zero && number_found(e, c->mu, &arms, c->span)) return true;
    Def *d = &e->p->def.data[c->mu];
    d->arm = arms.data;
    d->narm = arms.len;
    return true;
}

static Value carried_after(Elab *e, const Carried *c) {
    const Def *d = &e->p->def.data[c->mu];
    Use u = def_own(e, c->mu, c->span);
    Aff *idx = arena_copy(e->a, u.idx, d->ndim * sizeof *idx);
    idx[d->ndim - 1 - c->npos] = c->loop.dim.hi;
    u.idx = idx;
    return family_new(e, c->pos, c->npos, carried_use(e, c, u), c->span);
}

typedef struct LoopBody {
    const AstRanges *ranges; /* NULL: repeat */
    const AstExpr *count;
    const AstBlock *body;
    Span span;
} LoopBody;

static void loop_run(Elab *e, const LoopBody *l, uint32_t level);

static void loop_inside(Elab *e, const LoopBody *l, uint32_t level) {
    if (l->ranges && level + 1 < l->ranges->len)
        loop_run(e, l, level + 1);
    else
        for (uint32_t i = 0; i < l->body->stmts.len && !e->restart; i++)
            exec_stmt(e, l->body->stmts.data[i]);
}

/* Variables of outside that the body assigns; in the body they start as carried ones. */
static void carried_open(Elab *e, const LoopBody *l, Frame loop, uint32_t nframe,
                         CarriedVec *out) {
    AstNames names = {0};
    assigned_names(e, &l->body->stmts, &names);
    for (uint32_t i = 0; i < names.len; i++) {
        Var *v = var_find(e, names.data[i].sym);
        if (!v || v->value.kind == VAL_gone) continue;
        if (v->value.kind == VAL_array && !array_complete(e, v->value.array)) continue;
        Carried *c = ARENA_NEW(e->a, Carried);
        c->name = names.data[i].sym;
        c->span = names.data[i].span;
        c->loop = loop;
        c->nframe = nframe;
        c->init = family_clear(e, whole(e, v->value, c->span));
        if (v->value.kind == VAL_carried) c->init = carried_read(e, v->value.carried, c->span);
        c->init.span = var_find(e, c->name)->span;
        c->scalar = is_zero_number(e, &c->init) && infer_number(e, &l->body->stmts, c->name);
        vec_push(e->a, out, c);
    }
}

/* What a loop that cannot be run assigns is not known after it. */
static void loop_poison(Elab *e, const LoopBody *l) {
    AstNames names = {0};
    assigned_names(e, &l->body->stmts, &names);
    for (uint32_t i = 0; i < names.len && !e->restart; i++)
        if (var_find(e, names.data[i].sym))
            var_set(e, names.data[i].sym, val_none(), names.data[i].span);
}

static void loop_run(Elab *e, const LoopBody *l, uint32_t level) {
    Dim dim;
    CarriedVec carried = {0};
    AstName var = {intern(e->c->syms, "l"), l->span};
    const AstRange *r = l->ranges ? &l->ranges->data[level] : NULL;
    if (r) var = r->var;
    if (!loop_range(e, var, r ? r->lo : NULL, r ? r->hi : l->count, r ? r->span : l->count->span,
                    &dim)) {
        loop_poison(e, l);
        return;
    }
    uint32_t nframe = e->frame.len;
    Frame loop = {.is_loop = true, .dim = dim};
    carried_open(e, l, loop, nframe, &carried);
    frame_loop(e, dim, false, var.span);
    scope_open(e, false);
    DefId mark = e->p->def.len;
    for (uint32_t i = 0; i < carried.len; i++) {
        Carried *c = carried.data[i];
        bool plain = is_vectors(&c->init) || c->init.kind == VAL_number;
        Value v = plain ? (Value){.kind = VAL_carried, .carried = c} : val_none();
        if (c->init.kind != VAL_none && !plain)
            v = (Value){.kind = VAL_gone, .why = "loops carry vectors only"};
        var_set(e, c->name, v, c->init.span);
    }
    if (r) var_put(e, e->scope.len - 1, var.sym, val_int(e, aff_name(e->x, dim.var)), var.span);
    loop_inside(e, l, level);
    Value *after = ARENA_ARRAY(e->a, Value, carried.len);
    bool *kept = ARENA_ARRAY(e->a, bool, carried.len);
    for (uint32_t i = 0; i < carried.len && !e->restart; i++)
        kept[i] = carried_close(e, carried.data[i], mark, &after[i]);
    scope_close(e);
    e->frame.len = nframe;
    for (uint32_t i = 0; i < carried.len && !e->restart; i++) {
        Carried *c = carried.data[i];
        if (kept[i] && c->mu) after[i] = carried_after(e, c);
        var_set(e, c->name, after[i], c->span);
    }
}

/* ---- assignment */
static void array_mixed(Elab *e, Sym name, Var *old, Span sp) {
    Diag *d = diag(e->c->ds, array_mixed, sp, sym_text(e->c->syms, name));
    diag_label(d, old->span, "its elements are assigned here");
    old->value = val_none();
}

static void exec_assign(Elab *e, const AstStmt *s) {
    Sym name = s->assign.name.sym;
    Var *old = var_find(e, name);
    if (old && old->value.kind == VAL_array && !array_complete(e, old->value.array)) {
        array_mixed(e, name, old, s->assign.name.span);
        return;
    }
    uint32_t keep = e->frame.len;
    Value v = whole(e, eval(e, s->assign.value), s->assign.value->span);
    old = var_find(e, name);
    if (old && old->value.kind == VAL_array && v.kind != VAL_family) {
        array_mixed(e, name, old, s->assign.name.span);
        return;
    }
    if (v.kind == VAL_number && e->frame.len > keep) floors_hold(e, &v, keep);
    if (v.kind == VAL_family)
        v = family_named(e, v, name, s->assign.name.span);
    if (v.kind == VAL_family && v.of->kind == VAL_number)
        v = scalars_named(e, v, name, s->assign.name.span);
    if (v.kind == VAL_vecs || v.kind == VAL_none) v.span = s->assign.name.span;
    if (v.kind == VAL_vector)
        v = vec_order(e, &v, s->assign.value->span) ? vec_named(e, v, name, s->assign.name.span)
                                                    : val_none();
    if (v.kind == VAL_number) v = scalar_named(e, v, name, s->assign.name.span);
    v.literal = false;
    var_set(e, name, v, s->assign.name.span);
}

static void exec_any(Elab *e, const AstStmt *s);

static void exec_stmt(Elab *e, const AstStmt *s) {
    if (e->restart || diags_full(e->c->ds)) return;
    uint32_t keep = e->frame.len;
    exec_any(e, s);
    floors_none(e, keep, s->span);
}

static void exec_any(Elab *e, const AstStmt *s) {
    LoopBody l = {.span = s->span};
    switch (s->kind) {
    case AS_assign:
        if (s->assign.at.len)
            array_assign(e, s);
        else
            exec_assign(e, s);
        return;
    case AS_decl: exec_decl(e, s); return;
    case AS_width: exec_width(e, s); return;
    case AS_for:
        l.ranges = &s->loop.ranges;
        l.body = &s->loop.body;
        loop_run(e, &l, 0);
        return;
    case AS_repeat:
        l.count = s->repeat.count;
        l.body = &s->repeat.body;
        loop_run(e, &l, 0);
        return;
    case AS_return:
        diag(e->c->ds, return_place, s->span);
        vec_last(&e->call).returned = true;
        return;
    }
}

/* The body of a layer or network: its value is that of the `return` at its end. */
Value exec_block(Elab *e, const AstBlock *b, bool body_of_call) {
    Value v = val_none();
    for (uint32_t i = 0; i < b->stmts.len && !e->restart; i++) {
        const AstStmt *s = b->stmts.data[i];
        if (s->kind == AS_return && body_of_call && i + 1 == b->stmts.len)
            return whole(e, eval(e, s->value), s->value->span);
        exec_stmt(e, s);
    }
    const Call *c = &vec_last(&e->call);
    if (body_of_call && !e->restart && !c->returned) {
        Diag *d = diag(e->c->ds, no_return, c->item->name.span, ast_item_text(c->item->kind),
                       sym_text(e->c->syms, c->item->name.sym));
        diag_help(d, "end it with `return`");
    }
    return v;
}

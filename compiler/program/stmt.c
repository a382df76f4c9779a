/* Statements: assignments, loops, and the values that loops carry from turn to turn. */
#include "program/elab.h"

static void exec_stmt(Elab *e, const AstStmt *s);

/* ---- loops: ranges */
/* The least value over all turns of the loops around. */
static Aff bound_least(Elab *e, Aff a) {
    for (uint32_t i = e->frame.len; i-- > 0;) {
        const Frame *f = &e->frame.data[i];
        int32_t k = f->is_loop ? aff_coef(a, f->dim.var) : 0;
        if (!k) continue;
        AffSubst m = {f->dim.var, k > 0 ? f->dim.lo : aff_plus(f->dim.hi, -1)};
        a = aff_subst(e->x, a, &m, 1);
    }
    return a;
}

/* a >= 0 must hold under the path: proved, or a fact about sizes that is checked before a run.
 * False: it fails whatever the sizes are, or depends on more than sizes. */
bool must_hold(Elab *e, const ConsVec *path, Aff a, const char *what, Span sp) {
    if (aff_implied(e->x, path->data, path->len, cons_ge(a))) return true;
    Aff least = bound_least(e, a);
    if (aff_is_const(least) || !aff_size_only(e->x, least)) return false;
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
    Aff least = bound_least(e, turns);
    Diag *d = diag(e->c->ds, negative_turns, sp, (long long)least.c);
    diag_help(d, "ranges are half-open: `a..b` is a, .., b - 1");
    return false;
}

bool loop_range(Elab *e, AstName var, const AstExpr *lo, const AstExpr *hi, Span sp, Dim *out) {
    Aff a = aff_const(0), b;
    if ((lo && !eval_int(e, lo, "the start of a range", &a)) ||
        !eval_int(e, hi, lo ? "the end of a range" : "the number of turns", &b))
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
    c->width = width;
    DefId d = def_reserve(e, (Def){.op = PO_lin, .mu = true, .dim = dim.data, .ndim = dim.len,
                                   .width = width, .span = c->span},
                          sym_text(e->c->syms, c->name));
    def_rename(e, d, c->name);
    return d;
}

/* The variable in a turn, before it is assigned there. */
Value carried_read(Elab *e, Carried *c, Span sp) {
    Value init = c->init;
    const char *name = sym_text(e->c->syms, c->name);
    bool zero = init.kind == VAL_number && fx_is_zero(e->fx, init.num.f);
    if (!c->mu && init.kind == VAL_number && !zero) {
        Diag *d = diag(e->c->ds, carried_number, sp, name);
        diag_label(d, c->span, "`%s` is assigned in the loop here", name);
        diag_note(d, "loops carry vectors; `0` stands for the zero vector");
        var_set(e, c->name, val_none(), sp);
        return val_none();
    }
    if (!c->mu && init.is_input) {
        diag(e->c->ds, carried_data, sp, name);
        var_set(e, c->name, val_none(), sp);
        return val_none();
    }
    if (!c->mu) c->mu = carried_def(e, c, init.width ? init.width : fx_rat(e->fx, 1, 1));
    Value v = vec_use(e, def_own(e, c->mu, sp), c->width, false);
    var_set(e, c->name, v, c->span);
    return v;
}

static Arm arm_shift(Elab *e, Arm a, Sym var, Cons guard) {
    AffSubst m = {var, aff_plus(aff_name(e->x, var), -1)};
    uint32_t n = e->p->def.data[a.use.d].ndim;
    ConsVec cons = {0};
    Aff *idx = ARENA_ARRAY(e->a, Aff, n);
    Dim *red = ARENA_ARRAY(e->a, Dim, a.nred);
    vec_push(e->a, &cons, guard);
    for (uint32_t i = 0; i < n; i++) idx[i] = aff_subst(e->x, a.use.idx[i], &m, 1);
    for (uint32_t i = 0; i < a.nred; i++)
        red[i] = (Dim){a.red[i].var, aff_subst(e->x, a.red[i].lo, &m, 1),
                       aff_subst(e->x, a.red[i].hi, &m, 1)};
    for (uint32_t i = 0; i < a.ncons; i++)
        vec_push(e->a, &cons, cons_subst(e->x, a.cons[i], &m, 1));
    a.coef = fx_subst(e->fx, a.coef, &m, 1);
    a.use.idx = idx;
    a.red = red;
    a.cons = cons.data;
    a.ncons = cons.len;
    return a;
}

/* An arm that reads a linear definition of this very turn is replaced by that one's arms. */
static void arm_splice(Elab *e, const Arm *a, DefId mark, ArmVec *out) {
    const Def *d = &e->p->def.data[a->use.d];
    bool own = d->op == PO_lin && !d->mu && a->use.d >= mark && !a->nred && !a->ncons;
    for (uint32_t i = 0; own && i < d->ndim; i++)
        own = aff_eq(a->use.idx[i], aff_name(e->x, d->dim[i].var));
    for (uint32_t i = 0; own && i < d->narm; i++) {
        Arm b = d->arm[i];
        b.coef = fx_mul(e->fx, a->coef, b.coef);
        vec_push(e->a, out, b);
    }
    if (!own) vec_push(e->a, out, *a);
}

static bool carried_mismatch(Elab *e, const Carried *c, const Value *end) {
    const char *name = sym_text(e->c->syms, c->name);
    bool kinds = end->kind != VAL_vector && end->kind != VAL_number;
    if (!kinds && !end->is_input && (!end->width || end->width == c->width)) return false;
    Diag *d = diag(e->c->ds, carried_type, c->span, name,
                   kinds || end->is_input ? value_kind(e, end) : "a vector of another width");
    diag_label(d, c->init.span, "`%s` is %s before the loop", name, value_kind(e, &c->init));
    return true;
}

/* The end of the body: the value there is that of the next turn. */
static void carried_arms(Elab *e, Carried *c, Value end, DefId mark, ArmVec *later) {
    Sym var = c->loop.dim.var;
    Cons guard = cons_le(e->x, aff_plus(c->loop.dim.lo, 1), aff_name(e->x, var));
    ArmVec arms = {0}, flat = {0};
    vec_arms(e, end.num.f, c->width, c->span, &arms);
    for (uint32_t i = 0; i < arms.len; i++) arm_splice(e, &arms.data[i], mark, &flat);
    for (uint32_t i = 0; i < flat.len; i++)
        vec_push(e->a, later, arm_shift(e, flat.data[i], var, guard));
}

static void carried_first(Elab *e, Carried *c, ArmVec *arms) {
    ArmVec init = {0};
    Cons guard = cons_eq(e->x, aff_name(e->x, c->loop.dim.var), c->loop.dim.lo);
    if (c->init.kind == VAL_vector) vec_arms(e, c->init.num.f, c->width, c->span, &init);
    for (uint32_t i = 0; i < init.len; i++) {
        Arm a = init.data[i];
        ConsVec cons = {0};
        vec_push(e->a, &cons, guard);
        for (uint32_t k = 0; k < a.ncons; k++) vec_push(e->a, &cons, a.cons[k]);
        a.cons = cons.data;
        a.ncons = cons.len;
        vec_push(e->a, arms, a);
    }
}

/* After the body, inside the loop.  False: the variable has no value after the loop. */
static bool carried_close(Elab *e, Carried *c, DefId mark, Value *after) {
    Var *v = var_find(e, c->name);
    Value end = v->value;
    ArmVec arms = {0};
    *after = val_none();
    if (end.kind == VAL_none || c->init.kind == VAL_none) return true;
    if (!c->mu) { /* not read before it was assigned */
        bool vectors = end.kind == VAL_vector && !end.is_input && !c->init.is_input &&
                       (c->init.kind == VAL_vector || fx_is_zero(e->fx, c->init.num.f));
        if (!vectors) {
            *after = (Value){.kind = VAL_gone, .span = c->span,
                             .why = "it has no value after a loop of 0 turns"};
            return false;
        }
        c->mu = carried_def(e, c, c->init.width ? c->init.width
                                  : end.width ? end.width : fx_rat(e->fx, 1, 1));
    }
    if (carried_mismatch(e, c, &end)) return true;
    end = to_vector(end, c->span);
    if (!vec_order(e, &end, c->span)) return true;
    carried_first(e, c, &arms);
    carried_arms(e, c, end, mark, &arms);
    Def *d = &e->p->def.data[c->mu];
    d->arm = arms.data;
    d->narm = arms.len;
    return true;
}

static Value carried_after(Elab *e, const Carried *c) {
    const Def *d = &e->p->def.data[c->mu];
    Use u = def_own(e, c->mu, c->span);
    Aff *idx = arena_copy(e->a, u.idx, d->ndim * sizeof *idx);
    idx[d->ndim - 1] = c->loop.dim.hi;
    u.idx = idx;
    return vec_use(e, u, c->width, false);
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
        if (!v || v->value.kind == VAL_array || v->value.kind == VAL_gone) continue;
        Carried *c = ARENA_NEW(e->a, Carried);
        c->name = names.data[i].sym;
        c->span = names.data[i].span;
        c->loop = loop;
        c->nframe = nframe;
        c->init = v->value;
        if (v->value.kind == VAL_carried) c->init = carried_read(e, v->value.carried, c->span);
        c->init.span = var_find(e, c->name)->span;
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
        bool plain = c->init.kind == VAL_vector || c->init.kind == VAL_number;
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
static void exec_assign(Elab *e, const AstStmt *s) {
    Sym name = s->assign.name.sym;
    Var *old = var_find(e, name);
    if (old && old->value.kind == VAL_array) {
        Diag *d = diag(e->c->ds, array_mixed, s->assign.name.span, sym_text(e->c->syms, name));
        diag_label(d, old->span, "its elements are assigned here");
        old->value = val_none();
        return;
    }
    Value v = eval(e, s->assign.value);
    if (v.kind == VAL_vecs || v.kind == VAL_none) v.span = s->assign.name.span;
    if (v.kind == VAL_vector)
        v = vec_order(e, &v, s->assign.value->span) ? vec_named(e, v, name, s->assign.name.span)
                                                    : val_none();
    v.literal = false;
    var_set(e, name, v, s->assign.name.span);
}

static void exec_stmt(Elab *e, const AstStmt *s) {
    LoopBody l = {.span = s->span};
    if (e->restart || diags_full(e->c->ds)) return;
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
        if (s->kind == AS_return && body_of_call && i + 1 == b->stmts.len) return eval(e, s->value);
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

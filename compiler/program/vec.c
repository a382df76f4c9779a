/* Vectors: from expressions over atoms to arms of linear definitions and to nonlinear ones. */
#include "program/elab.h"
#include <math.h>

Fx atom_new(Elab *e, Atom a) {
    for (uint32_t i = e->atom.len; a.kind == ATOM_use && i-- > 0;) {
        const Atom *b = &e->atom.data[i];
        if (b->kind != ATOM_use || b->use.d != a.use.d) continue;
        bool same = true;
        for (uint32_t k = 0; k < e->p->def.data[a.use.d].ndim; k++)
            same &= aff_eq(a.use.idx[k], b->use.idx[k]);
        if (same) return fx_leaf(e->fx, i);
    }
    vec_push(e->a, &e->atom, a);
    return fx_leaf(e->fx, e->atom.len - 1);
}

Value vec_use(Elab *e, Use u, Fx width, bool is_input) {
    Fx f = atom_new(e, (Atom){.kind = ATOM_use, .use = u, .width = width, .span = u.span});
    return (Value){.kind = VAL_vector, .num = {.f = f}, .width = width, .is_input = is_input,
                   .span = u.span};
}

Use vec_one(Elab *e, Fx width, Span sp) {
    return def_make(e, (Def){.op = PO_one, .width = width, .span = sp}, "one");
}

Value to_vector(Value v, Span sp) {
    if (v.kind != VAL_number) return v;
    v.kind = VAL_vector;
    v.width = 0;
    v.is_input = false;
    v.is_int = v.has_aff = false;
    v.span = sp;
    return v;
}

/* Which atoms occur in f. */
static bool *atoms_in(Elab *e, Fx f) {
    bool *has = ARENA_ARRAY(e->a, bool, e->atom.len);
    fx_leaves(e->fx, f, has);
    return has;
}

/* The width (and kind) shared by the vectors in f; unchanged if there are none. */
static void vec_widths(Elab *e, Fx f, Fx *width, bool *is_input) {
    uint32_t n = fx_nleaf(e->fx, f);
    const bool *has = n ? atoms_in(e, f) : NULL;
    for (uint32_t k = 0; k < n; k++) {
        const Atom *a = &e->atom.data[k];
        if (has[k] && a->width) *width = a->width;
        if (has[k] && !a->width) *is_input = true;
    }
}

/* Results of functions written out.  An atom's expression is over earlier atoms. */
Fx expand_pending(Elab *e, Fx f) {
    uint32_t n = fx_nleaf(e->fx, f);
    bool any = false, *has = n ? atoms_in(e, f) : NULL;
    Fx *to = ARENA_ARRAY(e->a, Fx, n);
    for (uint32_t k = n; k-- > 0;) {
        bool pending = has[k] && e->atom.data[k].kind == ATOM_pending;
        if (pending) fx_leaves(e->fx, e->atom.data[k].f, has);
        any |= pending;
    }
    for (uint32_t k = 0; k < n && any; k++) {
        to[k] = has[k] ? fx_leaf(e->fx, k) : 0;
        if (has[k] && e->atom.data[k].kind == ATOM_pending)
            to[k] = fx_map(e->fx, e->atom.data[k].f, to, k, NULL, 0);
    }
    return any ? fx_map(e->fx, f, to, n, NULL, 0) : f;
}

/* ---- linear expressions */
static bool has_leaf(Elab *e, Fx f) { return fx_has(e->fx, f, FX_leaf); }

static bool is_linear(Elab *e, Fx f) {
    if (!tick(e) || !has_leaf(e, f)) return true;
    FxNode n = *fx_node(e->fx, f);
    if (n.op == FX_leaf) return e->atom.data[n.k].kind != ATOM_pending;
    if (n.op == FX_add || n.op == FX_sub) return is_linear(e, n.arg[0]) && is_linear(e, n.arg[1]);
    if (n.op == FX_neg) return is_linear(e, n.arg[0]);
    if (n.op == FX_mul && !has_leaf(e, n.arg[0])) return is_linear(e, n.arg[1]);
    if (n.op == FX_mul && !has_leaf(e, n.arg[1])) return is_linear(e, n.arg[0]);
    if (n.op == FX_div && !has_leaf(e, n.arg[1])) return is_linear(e, n.arg[0]);
    return n.op == FX_if && !has_leaf(e, n.arg[0]) && is_linear(e, n.arg[1]) &&
           is_linear(e, n.arg[2]);
}

typedef struct Arms {
    Elab *e;
    ArmVec *out;
    ConsVec guard;
    Fx width;
    Span span;
} Arms;

static void arm_put(Arms *t, Arm a) {
    Elab *e = t->e;
    ConsVec cons = {0};
    if (fx_is_zero(e->fx, a.coef)) return;
    const FxNode *coef = fx_node(e->fx, a.coef);
    if (coef->op == FX_num && !isfinite(coef->num)) {
        diag(e->c->ds, not_finite, t->span, "a coefficient of a vector");
        return;
    }
    for (uint32_t i = 0; i < t->guard.len; i++) vec_push(e->a, &cons, t->guard.data[i]);
    for (uint32_t i = 0; i < a.ncons; i++) vec_push(e->a, &cons, a.cons[i]);
    a.cons = cons.data;
    a.ncons = cons.len;
    path_cons(e, 0, &cons);
    if (a.ncons && !aff_feasible(e->x, cons.data, cons.len)) return;
    for (uint32_t i = 0; !a.nred && !a.ncons && i < t->out->len; i++) {
        Arm *b = &t->out->data[i];
        bool same = !b->nred && !b->ncons && b->use.d == a.use.d;
        for (uint32_t k = 0; same && k < e->p->def.data[a.use.d].ndim; k++)
            same = aff_eq(a.use.idx[k], b->use.idx[k]);
        if (!same) continue;
        b->coef = fx_add(e->fx, b->coef, a.coef);
        return;
    }
    vec_push(e->a, t->out, a);
}

/* A combination that has a definition: a centred vector, say, is used where it is written again. */
static const Combined *combined_find(Elab *e, Fx f) {
    for (uint32_t i = 0; i < e->combined.len; i++)
        if (e->combined.data[i].f == f && use_inside(e, e->combined.data[i].use))
            return &e->combined.data[i];
    return NULL;
}

static void arms_of(Arms *t, Fx f, Fx coef);
static Use nonlin_make(Elab *e, Fx f, const char *name, Span sp);

static void arms_of_atom(Arms *t, const Atom *a, Fx coef) {
    Elab *e = t->e;
    if (a->kind == ATOM_use) {
        arm_put(t, (Arm){.coef = coef, .use = a->use});
    } else if (a->kind == ATOM_alias) {
        arms_of(t, a->f, coef);
    } else if (a->kind == ATOM_pending) {
        if (is_linear(e, a->f))
            arms_of(t, a->f, coef);
        else
            arm_put(t, (Arm){.coef = coef, .use = nonlin_make(e, a->f, a->name, a->span)});
    } else {
        for (uint32_t i = 0; i < a->arms.len; i++) {
            Arm b = a->arms.data[i];
            b.coef = fx_mul(e->fx, coef, b.coef);
            arm_put(t, b);
        }
    }
}

/* if c then a else b with c free of vectors: guards where c is affine, else coefficients. */
static void arms_of_cond(Arms *t, const FxNode *n, Fx coef) {
    Elab *e = t->e;
    uint32_t keep = t->guard.len;
    ConsVec yes = {0}, no = {0};
    if (cond_cons(e, n->arg[0], true, &yes) && cond_cons(e, n->arg[0], false, &no)) {
        for (uint32_t i = 0; i < yes.len; i++) vec_push(e->a, &t->guard, yes.data[i]);
        arms_of(t, n->arg[1], coef);
        t->guard.len = keep;
        for (uint32_t i = 0; i < no.len; i++) vec_push(e->a, &t->guard, no.data[i]);
        arms_of(t, n->arg[2], coef);
        t->guard.len = keep;
        return;
    }
    Fx one = fx_rat(e->fx, 1, 1), zero = fx_rat(e->fx, 0, 1);
    arms_of(t, n->arg[1], fx_mul(e->fx, coef, fx_op(e->fx, FX_if, n->arg[0], one, zero)));
    arms_of(t, n->arg[2], fx_mul(e->fx, coef, fx_op(e->fx, FX_if, n->arg[0], zero, one)));
}

static void arms_of(Arms *t, Fx f, Fx coef) {
    Elab *e = t->e;
    FxPool *p = e->fx;
    if (!tick(e) || fx_is_zero(p, f) || fx_is_zero(p, coef)) return;
    FxNode n = *fx_node(p, f);
    const Combined *known = combined_find(e, f);
    if (known) {
        arm_put(t, (Arm){.coef = coef, .use = known->use});
        return;
    }
    Fx a = n.arg[0], b = n.arg[1];
    if (n.op == FX_if && !has_leaf(e, a)) {
        arms_of_cond(t, &n, coef);
    } else if (!has_leaf(e, f)) {
        arm_put(t, (Arm){.coef = fx_mul(p, coef, f), .use = vec_one(e, t->width, t->span)});
    } else if (n.op == FX_leaf) {
        arms_of_atom(t, &e->atom.data[n.k], coef);
    } else if (n.op == FX_add || n.op == FX_sub) {
        arms_of(t, a, coef);
        arms_of(t, b, n.op == FX_add ? coef : fx_op(p, FX_neg, coef, 0, 0));
    } else if (n.op == FX_neg) {
        arms_of(t, a, fx_op(p, FX_neg, coef, 0, 0));
    } else if (n.op == FX_mul && !has_leaf(e, a)) {
        arms_of(t, b, fx_mul(p, coef, a));
    } else if (n.op == FX_mul && !has_leaf(e, b)) {
        arms_of(t, a, fx_mul(p, coef, b));
    } else if (n.op == FX_div && !has_leaf(e, b)) {
        arms_of(t, a, fx_div(p, coef, b));
    } else {
        arm_put(t, (Arm){.coef = coef, .use = nonlin_make(e, f, "f", t->span)});
    }
}

void vec_arms(Elab *e, Fx f, Fx width, Span sp, ArmVec *out) {
    bool is_input = false;
    Arms t = {.e = e, .out = out, .width = width ? width : fx_rat(e->fx, 1, 1), .span = sp};
    vec_widths(e, f, &t.width, &is_input);
    arms_of(&t, f, fx_rat(e->fx, 1, 1));
    uint32_t n = 0;
    for (uint32_t i = 0; i < out->len; i++)
        if (!fx_is_zero(e->fx, out->data[i].coef)) out->data[n++] = out->data[i];
    out->len = n;
}

static Use lin_make(Elab *e, const ArmVec *arms, Fx width, const char *name, Span sp) {
    return def_make(e, (Def){.op = PO_lin, .width = width, .arm = arms->data, .narm = arms->len,
                             .span = sp}, name);
}

Fx arms_value(Elab *e, const ArmVec *arms, Fx width, bool is_input, Span sp) {
    if (!arms->len) return fx_rat(e->fx, 0, 1);
    return atom_new(e, (Atom){.kind = ATOM_sum, .arms = *arms, .width = is_input ? 0 : width,
                              .span = sp});
}

bool vec_single(Elab *e, Value v, const char *name, Span sp, Fx *coef, Use *out) {
    ArmVec arms = {0};
    vec_arms(e, v.num.f, v.width, sp, &arms);
    if (!arms.len) return false;
    if (arms.len == 1 && !arms.data[0].nred && !arms.data[0].ncons) {
        *coef = arms.data[0].coef;
        *out = arms.data[0].use;
        out->span = sp;
        return true;
    }
    Fx width = v.width;
    bool is_input = false;
    vec_widths(e, v.num.f, &width, &is_input);
    *coef = fx_rat(e->fx, 1, 1);
    *out = lin_make(e, &arms, is_input ? 0 : width ? width : fx_rat(e->fx, 1, 1), name, sp);
    return true;
}

/* The vector as a definition called by the name it was assigned to. */
Value vec_named(Elab *e, Value v, Sym name, Span sp) {
    ArmVec arms = {0};
    uint32_t before = e->p->def.len;
    if (fx_node(e->fx, v.num.f)->op == FX_leaf &&
        e->atom.data[fx_node(e->fx, v.num.f)->k].kind == ATOM_use &&
        e->user_named.data[e->atom.data[fx_node(e->fx, v.num.f)->k].use.d])
        return v;
    vec_arms(e, v.num.f, v.width, sp, &arms);
    if (!arms.len) {
        v.num.f = fx_rat(e->fx, 0, 1);
        return v;
    }
    const Arm *one = &arms.data[0];
    bool plain = arms.len == 1 && !one->nred && !one->ncons && fx_is_num(e->fx, one->coef, 1);
    Fx width = v.width;
    bool is_input = v.is_input;
    vec_widths(e, v.num.f, &width, &is_input);
    Use u = plain ? one->use
                  : lin_make(e, &arms, is_input ? 0 : width ? width : fx_rat(e->fx, 1, 1),
                             sym_text(e->c->syms, name), sp);
    const Def *d = &e->p->def.data[u.d];
    bool made_up = d->op != PO_param && d->op != PO_one && d->op != PO_input && !d->mu;
    if (!plain || u.d >= before || made_up) def_rename(e, u.d, name);
    Value r = vec_use(e, u, is_input ? 0 : width, is_input);
    r.span = sp;
    return r;
}

/* ---- nonlinear expressions: leaves are the maximal linear subexpressions */
typedef struct Slot {
    Fx f;        /* over atoms */
    ArmVec arms;
    bool alias;  /* the argument of a function, or a plain vector: stays one leaf */
    bool to_base;
    Fx as;       /* over the leaves of the definition */
} Slot;

typedef struct Nonlin {
    Elab *e;
    Fx width;
    Span span;
    VEC(Slot) slot;
    VEC(Use) use;
} Nonlin;

static uint32_t slot_of(Nonlin *t, Fx f) {
    for (uint32_t i = 0; i < t->slot.len; i++)
        if (t->slot.data[i].f == f) return i;
    Slot s = {.f = f, .alias = fx_node(t->e->fx, f)->op == FX_leaf};
    Arms a = {.e = t->e, .out = &s.arms, .width = t->width, .span = t->span};
    arms_of(&a, f, fx_rat(t->e->fx, 1, 1));
    vec_push(t->e->a, &t->slot, s);
    return t->slot.len - 1;
}

static uint32_t atoms_count(Elab *e, Fx f) {
    const bool *has = atoms_in(e, f);
    uint32_t n = 0;
    for (uint32_t k = 0; k < e->atom.len; k++) n += has[k];
    return n;
}

/* f with its maximal linear subexpressions of several vectors, and the vectors that stand alone,
 * replaced by thetas: numbers of slots.  So 2 * x beside x is no leaf of its own. */
static Fx slots_cut(Nonlin *t, Fx f) {
    Elab *e = t->e;
    if (!tick(e) || !has_leaf(e, f)) return f;
    FxNode n = *fx_node(e->fx, f);
    if (n.op == FX_leaf || (is_linear(e, f) && atoms_count(e, f) > 1))
        return fx_theta(e->fx, slot_of(t, f));
    Fx arg[3] = {0};
    for (uint32_t i = 0; i < fx_arity(n.op); i++) arg[i] = slots_cut(t, n.arg[i]);
    return fx_op(e->fx, n.op, arg[0], arg[1], arg[2]);
}

static Fx leaf_of(Nonlin *t, Use u) {
    Elab *e = t->e;
    for (uint32_t i = 0; i < t->use.len; i++) {
        bool same = t->use.data[i].d == u.d;
        for (uint32_t k = 0; same && k < e->p->def.data[u.d].ndim; k++)
            same = aff_eq(u.idx[k], t->use.data[i].idx[k]);
        if (same) return fx_leaf(e->fx, i);
    }
    vec_push(e->a, &t->use, u);
    return fx_leaf(e->fx, t->use.len - 1);
}

static bool is_one(Elab *e, const Arm *a) { return e->p->def.data[a->use.d].op == PO_one; }

/* Sums over an index and guarded ones stay one leaf each. */
static bool is_opaque(const Slot *s) {
    for (uint32_t i = 0; i < s->arms.len; i++)
        if (s->arms.data[i].nred || s->arms.data[i].ncons) return true;
    return false;
}

static uint32_t slot_bases(Elab *e, const Slot *s) { /* vectors other than the constant one */
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->arms.len; i++) n += !is_one(e, &s->arms.data[i]);
    return n;
}

static bool is_plain(Elab *e, const Slot *s) {
    return s->arms.len == 1 && !is_opaque(s) && fx_is_num(e->fx, s->arms.data[0].coef, 1);
}

/* A slot written in the vectors that it is a combination of. */
static Fx slot_in_bases(Nonlin *t, const Slot *s) {
    Elab *e = t->e;
    Fx sum = fx_rat(e->fx, 0, 1);
    for (uint32_t i = 0; i < s->arms.len; i++) {
        const Arm *a = &s->arms.data[i];
        Fx term = is_one(e, a) ? a->coef : fx_mul(e->fx, a->coef, leaf_of(t, a->use));
        sum = fx_add(e->fx, sum, term);
    }
    return sum;
}

static Fx slot_as_leaf(Nonlin *t, Slot *s) {
    Elab *e = t->e;
    if (is_plain(e, s)) return leaf_of(t, s->arms.data[0].use);
    const FxNode *n = fx_node(e->fx, s->f);
    const char *name = n->op == FX_leaf && e->atom.data[n->k].name ? e->atom.data[n->k].name : "s";
    return leaf_of(t, lin_make(e, &s->arms, t->width, name, t->span));
}

/* Does writing all slots in their bases need fewer leaves than keeping each as one? */
static bool bases_are_fewer(Nonlin *t) {
    Elab *e = t->e;
    Nonlin all = {.e = e}, kept = {.e = e};
    uint32_t others = 0;
    for (uint32_t i = 0; i < t->slot.len; i++) {
        const Slot *s = &t->slot.data[i];
        if (is_opaque(s)) continue;
        slot_in_bases(&all, s);
        if (s->to_base || is_plain(e, s))
            slot_in_bases(&kept, s);
        else
            others++;
    }
    return all.use.len < kept.use.len + others;
}

static Use nonlin_make(Elab *e, Fx f, const char *name, Span sp) {
    Nonlin t = {.e = e, .width = fx_rat(e->fx, 1, 1), .span = sp};
    bool is_input = false;
    f = expand_pending(e, f);
    if (!small_enough(e, f)) f = fx_rat(e->fx, 0, 1);
    vec_widths(e, f, &t.width, &is_input);
    Fx cut = slots_cut(&t, f);
    for (uint32_t i = 0; i < t.slot.len; i++) {
        Slot *s = &t.slot.data[i];
        uint32_t n = slot_bases(e, s);
        s->to_base = !is_opaque(s) && (n == 0 || (n == 1 && !s->alias));
    }
    bool in_bases = bases_are_fewer(&t);
    Fx *as = ARENA_ARRAY(e->a, Fx, t.slot.len);
    for (uint32_t i = 0; i < t.slot.len; i++) {
        Slot *s = &t.slot.data[i];
        bool base = s->to_base || (in_bases && !is_opaque(s));
        as[i] = base ? slot_in_bases(&t, s) : slot_as_leaf(&t, s);
    }
    Fx g = fx_map(e->fx, cut, NULL, 0, as, t.slot.len);
    if (!has_leaf(e, g)) /* all its vectors are zero or constant */
        return lin_make(e, &(ArmVec){.data = arena_copy(e->a, &(Arm){.coef = g,
                            .use = vec_one(e, t.width, sp)}, sizeof(Arm)), .len = 1},
                        t.width, name, sp);
    return def_make(e, (Def){.op = PO_nonlin, .width = t.width, .use = t.use.data,
                             .nuse = t.use.len, .f = g, .span = sp}, name ? name : "f");
}

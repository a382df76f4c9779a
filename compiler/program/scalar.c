/* Numbers that are known at run time only: expressions that read scalar definitions. */
#include "program/elab.h"
#include <math.h>

bool has_scalar(const Elab *e, Fx f) { return fx_has(e->fx, f, FX_sref); }

Fx scalar_use(Elab *e, Use u) {
    return fx_sref(e->fx, u.d, u.idx, e->p->def.data[u.d].ndim);
}

/* ---- arms */
/* A sum made on the way, whose arms may stand in its place. */
static const Def *open_sum(Elab *e, const FxNode *n) {
    if (n->op != FX_sref || e->user_named.data[n->k] || e->open.data[n->k]) return NULL;
    const Def *d = &e->p->def.data[n->k];
    return d->op == PO_scalar && !d->mu ? d : NULL;
}

static bool has_sum(Elab *e, Fx f) {
    const FxNode *n = fx_node(e->fx, f);
    if (open_sum(e, n)) return true;
    if (n->op == FX_add || n->op == FX_sub || n->op == FX_mul)
        return has_sum(e, n->arg[0]) || has_sum(e, n->arg[1]);
    return (n->op == FX_neg || n->op == FX_div) && has_sum(e, n->arg[0]);
}

static void arms_put(Elab *e, const ConsVec *guard, Arm a, ArmVec *out) {
    ConsVec cons = {0}, path = {0};
    if (fx_is_zero(e->fx, a.coef)) return;
    for (uint32_t i = 0; i < guard->len; i++) vec_push(e->a, &cons, guard->data[i]);
    for (uint32_t i = 0; i < a.ncons; i++) vec_push(e->a, &cons, a.cons[i]);
    a.cons = cons.data;
    a.ncons = cons.len;
    path_cons(e, 0, &path);
    for (uint32_t i = 0; i < a.nred; i++)
        cons_range(e->x, &path, a.red[i].var, a.red[i].lo, a.red[i].hi);
    for (uint32_t i = 0; i < cons.len; i++) vec_push(e->a, &path, cons.data[i]);
    if (cons.len && !aff_feasible(e->x, path.data, path.len)) return;
    vec_push(e->a, out, a);
}

/* coef * the arms of d at idx. */
static void arms_inline(Elab *e, const ConsVec *guard, const FxNode *n, Fx coef, ArmVec *out) {
    Def d = e->p->def.data[n->k];
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, d.ndim);
    for (uint32_t i = 0; i < d.ndim; i++) m[i] = (AffSubst){d.dim[i].var, n->idx[i]};
    for (uint32_t i = 0; i < d.narm; i++) {
        Arm a = arm_subst(e, d.arm[i], m, d.ndim);
        a.coef = fx_mul(e->fx, coef, a.coef);
        arms_put(e, guard, a, out);
    }
}

static void arms_of(Elab *e, const ConsVec *guard, Fx f, Fx coef, ArmVec *out) {
    FxPool *p = e->fx;
    FxNode n = *fx_node(p, f);
    Fx a = n.arg[0], b = n.arg[1];
    if (!has_sum(e, f)) {
        arms_put(e, guard, (Arm){.coef = fx_mul(p, coef, f)}, out);
    } else if (open_sum(e, &n)) {
        arms_inline(e, guard, &n, coef, out);
    } else if (n.op == FX_add || n.op == FX_sub) {
        arms_of(e, guard, a, coef, out);
        arms_of(e, guard, b, n.op == FX_add ? coef : fx_op(p, FX_neg, coef, 0, 0), out);
    } else if (n.op == FX_neg) {
        arms_of(e, guard, a, fx_op(p, FX_neg, coef, 0, 0), out);
    } else if (n.op == FX_div) {
        arms_of(e, guard, a, fx_div(p, coef, b), out);
    } else {
        bool left = has_sum(e, a);
        arms_of(e, guard, left ? a : b, fx_mul(p, coef, left ? b : a), out);
    }
}

void scalar_arms(Elab *e, Fx f, ArmVec *out) {
    arms_of(e, &(ConsVec){0}, f, fx_rat(e->fx, 1, 1), out);
}

static Fx scalar_def(Elab *e, const ArmVec *arms, const char *name, Span sp) {
    if (!arms->len) return fx_rat(e->fx, 0, 1);
    Def d = {.op = PO_scalar, .arm = arms->data, .narm = arms->len, .span = sp};
    return scalar_use(e, def_make(e, d, name));
}

/* if test then a else b; conditions of indices guard what a and b read. */
Fx scalar_select(Elab *e, Fx test, Fx a, Fx b, Span sp) {
    ConsVec yes = {0}, no = {0};
    ArmVec arms = {0};
    bool run_time = has_scalar(e, a) || has_scalar(e, b);
    if (!run_time || !cond_cons(e, test, true, &yes) || !cond_cons(e, test, false, &no))
        return fx_op(e->fx, FX_if, test, a, b);
    arms_of(e, &yes, a, fx_rat(e->fx, 1, 1), &arms);
    arms_of(e, &no, b, fx_rat(e->fx, 1, 1), &arms);
    return scalar_def(e, &arms, "s", sp);
}

/* A number that is known at run time, as a definition called by the name it was assigned to. */
Value scalar_named(Elab *e, Value v, Sym name, Span sp) {
    if (!has_scalar(e, v.num.f)) return v;
    FxNode n = *fx_node(e->fx, v.num.f);
    if (n.op != FX_sref) {
        ArmVec arms = {0};
        scalar_arms(e, v.num.f, &arms);
        v.num.f = scalar_def(e, &arms, sym_text(e->c->syms, name), sp);
        n = *fx_node(e->fx, v.num.f);
    }
    if (n.op == FX_sref && !e->p->def.data[n.k].mu && e->p->def.data[n.k].op != PO_data)
        def_rename(e, n.k, name);
    v.is_int = v.has_aff = false;
    v.span = sp;
    return v;
}

/* The same at every position of a family of numbers. */
Value scalars_named(Elab *e, Value v, Sym name, Span sp) {
    Lift l;
    if (!lift_open(e, &v, NULL, 1, sp, &l)) return val_none();
    return lift_close(e, &l, scalar_named(e, v, name, sp), sp);
}

/* May the number be the value of a definition?  Its power of d is multiplied in. */
bool scalar_order(Elab *e, Value *v, Span sp) {
    if (v->num.n || v->num.fan) {
        diag(e->c->ds, power_function, sp, "a number that is computed step by step");
        return false;
    }
    v->num.f = num_fx(e, v->num);
    v->num.d = 0;
    return true;
}

/* Sums over indices: arms with reductions. */
Fx scalar_sum(Elab *e, Fx body, const Frame *f, uint32_t n, Span sp) {
    ArmVec arms = {0};
    scalar_arms(e, body, &arms);
    for (uint32_t i = 0; i < arms.len; i++) {
        Arm *a = &arms.data[i];
        Dims red = {0};
        for (uint32_t k = 0; k < n; k++) vec_push(e->a, &red, f[k].dim);
        for (uint32_t k = 0; k < a->nred; k++) vec_push(e->a, &red, a->red[k]);
        a->red = red.data;
        a->nred = red.len;
    }
    return scalar_def(e, &arms, "s", sp);
}

/* ---- cases that exclude each other */
enum { MAX_SPLIT = 64 };

/* aff_feasible takes no notice of `not`: here one of what they deny is false in turn. */
static bool feasible(Elab *e, const Cons *cs, uint32_t n, int split) {
    uint32_t at = 0;
    while (at < n && cs[at].kind != CONS_not) at++;
    if (!aff_feasible(e->x, cs, n)) return false;
    if (at == n || split >= MAX_SPLIT) return true;
    Cons *c = arena_copy(e->a, cs, n * sizeof *c);
    for (uint32_t i = 0; i < cs[at].nof; i++) {
        Cons of = cs[at].of[i];
        if (of.kind == CONS_eq) {
            c[at] = cons_ge(aff_plus(aff_scale(e->x, of.e, -1), -1));
            if (feasible(e, c, n, split + 1)) return true;
            c[at] = cons_ge(aff_plus(of.e, -1));
        } else if (of.kind == CONS_ge) {
            c[at] = cons_not(e->x, &of, 1);
        } else {
            return true;
        }
        if (feasible(e, c, n, split + 1)) return true;
    }
    return false;
}

static bool arms_exclusive(Elab *e, const Def *d) {
    for (uint32_t i = 0; i < d->narm; i++) {
        if (d->arm[i].nred) return false;
        for (uint32_t k = 0; k < i; k++) {
            ConsVec both = {0};
            path_cons(e, 0, &both);
            for (uint32_t j = 0; j < d->arm[i].ncons; j++)
                vec_push(e->a, &both, d->arm[i].cons[j]);
            for (uint32_t j = 0; j < d->arm[k].ncons; j++)
                vec_push(e->a, &both, d->arm[k].cons[j]);
            if (feasible(e, both.data, both.len, 0)) return false;
        }
    }
    return true;
}

static void cases_of(Elab *e, Fx f, ArmVec *out);

/* The arms of a sum in which one at most holds, and the number 0 where none does. */
static bool cases_of_sum(Elab *e, const FxNode *n, ArmVec *out) {
    Def d = e->p->def.data[n->k];
    if (d.op != PO_scalar || d.mu || e->open.data[n->k] || !arms_exclusive(e, &d)) return false;
    ArmVec arms = {0};
    ConsVec rest = {0};
    bool whole = false;
    arms_inline(e, &(ConsVec){0}, n, fx_rat(e->fx, 1, 1), &arms);
    for (uint32_t i = 0; i < arms.len; i++) {
        vec_push(e->a, out, arms.data[i]);
        whole |= !arms.data[i].ncons;
        if (arms.data[i].ncons)
            vec_push(e->a, &rest, cons_not(e->x, arms.data[i].cons, arms.data[i].ncons));
    }
    ConsVec path = {0};
    path_cons(e, 0, &path);
    for (uint32_t i = 0; i < rest.len; i++) vec_push(e->a, &path, rest.data[i]);
    if (!whole && feasible(e, path.data, path.len, 0))
        vec_push(e->a, out, (Arm){.coef = fx_rat(e->fx, 0, 1), .cons = rest.data,
                                  .ncons = rest.len});
    return true;
}

static void cases_of_branch(Elab *e, const ConsVec *side, Fx branch, ArmVec *out) {
    ArmVec in = {0};
    cases_of(e, branch, &in);
    for (uint32_t i = 0; i < in.len; i++) {
        ConsVec cons = {0};
        for (uint32_t k = 0; k < side->len; k++) vec_push(e->a, &cons, side->data[k]);
        for (uint32_t k = 0; k < in.data[i].ncons; k++) vec_push(e->a, &cons, in.data[i].cons[k]);
        in.data[i].cons = cons.data;
        in.data[i].ncons = cons.len;
        vec_push(e->a, out, in.data[i]);
    }
}

/* f as values under conditions of indices, of which exactly one holds. */
static void cases_of(Elab *e, Fx f, ArmVec *out) {
    FxNode n = *fx_node(e->fx, f);
    uint32_t arity = fx_arity(n.op);
    ConsVec yes = {0}, no = {0};
    if (n.op == FX_sref && cases_of_sum(e, &n, out)) return;
    if (n.op == FX_if && cond_cons(e, n.arg[0], true, &yes) &&
        cond_cons(e, n.arg[0], false, &no)) {
        cases_of_branch(e, &yes, n.arg[1], out);
        cases_of_branch(e, &no, n.arg[2], out);
        return;
    }
    for (uint32_t i = 0; i < arity && n.op != FX_if; i++) {
        ArmVec in = {0};
        cases_of(e, n.arg[i], &in);
        if (in.len < 2) continue; /* the first operand with cases splits the whole */
        for (uint32_t k = 0; k < in.len; k++) {
            Fx arg[3] = {n.arg[0], n.arg[1], n.arg[2]};
            arg[i] = in.data[k].coef;
            in.data[k].coef = fx_op(e->fx, n.op, arg[0], arity > 1 ? arg[1] : 0, 0);
            vec_push(e->a, out, in.data[k]);
        }
        return;
    }
    vec_push(e->a, out, (Arm){.coef = f});
}

/* The cases of f that can hold and are not -inf. */
void scalar_cases(Elab *e, Fx f, ArmVec *out) {
    ArmVec all = {0};
    cases_of(e, f, &all);
    for (uint32_t i = 0; i < all.len; i++) {
        const FxNode *n = fx_node(e->fx, all.data[i].coef);
        ConsVec path = {0};
        if (n->op == FX_num && n->num == -(double)INFINITY) continue;
        path_cons(e, 0, &path);
        for (uint32_t k = 0; k < all.data[i].ncons; k++)
            vec_push(e->a, &path, all.data[i].cons[k]);
        if (feasible(e, path.data, path.len, 0)) vec_push(e->a, out, all.data[i]);
    }
}

/* ---- variables that start at 0: the zero vector, or the number */
bool starts_as_number(const Elab *e, Span sp) {
    for (uint32_t i = 0; i < e->learnt->numbers.len; i++) {
        Span s = e->learnt->numbers.data[i];
        if (s.file == sp.file && s.lo == sp.lo) return true;
    }
    return false;
}

/* Is the vector made of the constant one and of `self` alone? */
static bool is_constant(Elab *e, DefId d, DefId self, bool *seen, bool *ones) {
    const Def *x = &e->p->def.data[d];
    *ones |= x->op == PO_one;
    if (d == self || seen[d] || x->op == PO_one) return true;
    seen[d] = true;
    if (x->op != PO_lin && x->op != PO_nonlin) return false;
    for (uint32_t i = 0; i < x->nuse; i++)
        if (!is_constant(e, x->use[i].d, self, seen, ones)) return false;
    for (uint32_t i = 0; i < x->narm; i++)
        if (!is_constant(e, x->arm[i].use.d, self, seen, ones)) return false;
    return x->nuse + x->narm > 0;
}

bool number_found(Elab *e, DefId self, const ArmVec *arms, Span sp) {
    bool *seen = ARENA_ARRAY(e->a, bool, e->p->def.len), ones = false;
    if (starts_as_number(e, sp)) return false;
    for (uint32_t i = 0; i < arms->len; i++)
        if (!is_constant(e, arms->data[i].use.d, self, seen, &ones)) return false;
    if (!ones) return false;
    vec_push(e->a, &e->learnt->numbers, sp);
    e->restart = true;
    return true;
}

/* t // k and t % k of a loop variable t: a variable q with k q <= t <= k q + k - 1, over which the
 * smallest vector or output around it is a sum with one term.  Until then its loop and conditions
 * stay open, as the innermost frames. */
#include "program/elab.h"

/* The variable of a // k that is open already. */
static bool floor_find(Elab *e, Aff a, int32_t k, Aff *out) {
    for (uint32_t i = e->frame.len; i-- > 2;) {
        const Frame *f = &e->frame.data[i - 2];
        if (!f->is_loop || !f->reduction || !f->implicit) continue;
        *out = aff_name(e->x, f->dim.var);
        Aff rest = aff_sub(e->x, a, aff_scale(e->x, *out, k));
        if (cons_same(f[1].cons, cons_ge(rest)) &&
            cons_same(f[2].cons, cons_le(e->x, rest, aff_const(k - 1))))
            return true;
    }
    return false;
}

bool floor_open(Elab *e, Aff a, int32_t k, Span sp, Aff *out) {
    Aff lo, hi, rest;
    if (floor_find(e, a, k, out)) return true;
    if (!size_floor(e, bound_extreme(e, a, false), k, sp, &lo) ||
        !size_floor(e, bound_extreme(e, a, true), k, sp, &hi))
        return false;
    Sym q = dim_fresh(e, intern(e->c->syms, "q"));
    frame_loop(e, (Dim){q, lo, aff_plus(hi, 1)}, true, sp);
    vec_last(&e->frame).implicit = true;
    *out = aff_name(e->x, q);
    rest = aff_sub(e->x, a, aff_scale(e->x, *out, k));
    frame_cond(e, cons_ge(rest));
    frame_cond(e, cons_le(e->x, rest, aff_const(k - 1)));
    return true;
}

static void frames_split(Elab *e, const Frame *f, uint32_t n, Dims *red, ConsVec *cons) {
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].is_loop)
            vec_push(e->a, red, f[i].dim);
        else
            vec_push(e->a, cons, f[i].cons);
    }
}

static void join_red(Elab *e, const Dims *outer, const Dim **red, uint32_t *n) {
    Dims all = {0};
    for (uint32_t i = 0; i < outer->len; i++) vec_push(e->a, &all, outer->data[i]);
    for (uint32_t i = 0; i < *n; i++) vec_push(e->a, &all, (*red)[i]);
    *red = all.data;
    *n = all.len;
}

static void join_cons(Elab *e, const ConsVec *outer, const Cons **cons, uint32_t *n) {
    ConsVec all = {0};
    for (uint32_t i = 0; i < outer->len; i++) vec_push(e->a, &all, outer->data[i]);
    for (uint32_t i = 0; i < *n; i++) vec_push(e->a, &all, (*cons)[i]);
    *cons = all.data;
    *n = all.len;
}

static Value floors_sum(Elab *e, Value v, const Dims *red, const ConsVec *cons, Span sp) {
    if (v.kind == VAL_output) {
        OutTerms out = {0};
        for (uint32_t i = 0; i < v.out.len; i++) {
            OutTerm t = v.out.data[i];
            join_red(e, red, &t.red, &t.nred);
            join_cons(e, cons, &t.cons, &t.ncons);
            vec_push(e->a, &out, t);
        }
        v.out = out;
        return v;
    }
    ArmVec arms = {0};
    if (!vec_order(e, &v, sp)) return val_none();
    vec_arms(e, v.num.f, v.width, sp, &arms);
    for (uint32_t i = 0; i < arms.len; i++) {
        join_red(e, red, &arms.data[i].red, &arms.data[i].nred);
        join_cons(e, cons, &arms.data[i].cons, &arms.data[i].ncons);
    }
    v.num.f = arms_value(e, &arms, v.width ? v.width : fx_rat(e->fx, 1, 1), v.is_input, sp);
    return v;
}

Value floors_close(Elab *e, Value v, uint32_t keep, Span sp) {
    if (v.kind == VAL_none) e->frame.len = keep;
    const Value *of = v.kind == VAL_family ? v.of : &v;
    if (e->frame.len == keep || e->fn_depth ||
        (of->kind != VAL_vector && of->kind != VAL_output))
        return v;
    Dims red = {0};
    ConsVec cons = {0};
    Lift l = {0};
    frames_split(e, e->frame.data + keep, e->frame.len - keep, &red, &cons);
    if (v.kind == VAL_family && !lift_open(e, &v, NULL, 1, sp, &l)) return val_none();
    v = floors_sum(e, v, &red, &cons, sp);
    if (l.npos) v = lift_close(e, &l, v, sp);
    e->frame.len = keep;
    return v;
}

bool floors_none(Elab *e, uint32_t keep, Span sp) {
    if (e->frame.len <= keep) return true;
    e->frame.len = keep;
    diag(e->c->ds, later_floor, sp, "//");
    return false;
}

/* ---- integers that a variable holds */
void floors_hold(Elab *e, Value *v, uint32_t keep) {
    v->nheld = e->frame.len - keep;
    v->held = arena_copy(e->a, e->frame.data + keep, v->nheld * sizeof(Frame));
    e->frame.len = keep;
}

Value floors_again(Elab *e, Value v) {
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, v.nheld);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v.nheld; i++) {
        Frame f = v.held[i];
        if (!f.is_loop) {
            frame_cond(e, cons_subst(e->x, f.cons, m, n));
            continue;
        }
        Sym q = dim_fresh(e, intern(e->c->syms, "q"));
        m[n++] = (AffSubst){f.dim.var, aff_name(e->x, q)};
        frame_loop(e, (Dim){q, f.dim.lo, f.dim.hi}, true, f.span);
        vec_last(&e->frame).implicit = true;
    }
    v = value_subst(e, v, m, n);
    v.nheld = 0;
    return v;
}

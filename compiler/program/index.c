/* Members of families, and sums over indices. */
#include "program/elab.h"

bool index_fits(Elab *e, const ConsVec *path, Aff i, Aff lo, Aff hi, Span sp, const char *of) {
    const char *which = arena_printf(e->a, "index %s of `%s` in %s..%s", aff_written(e, i), of,
                                     aff_written(e, lo), aff_written(e, hi));
    return must_hold(e, path, aff_sub(e->x, i, lo),
                     arena_printf(e->a, "room below %s", which), sp) &&
           must_hold(e, path, aff_plus(aff_sub(e->x, hi, i), -1),
                     arena_printf(e->a, "room above %s", which), sp);
}

bool index_in(Elab *e, Aff i, Aff lo, Aff hi, Span sp, const char *what) {
    ConsVec path = {0};
    path_cons(e, 0, &path);
    if (index_fits(e, &path, i, lo, hi, sp, what)) return true;
    index_outside(e, i, lo, hi, sp, what);
    return false;
}

static Value index_matrix(Elab *e, Value v, const AffVec *idx, const AstExpr *x) {
    const Family *f = v.fam;
    const char *name = sym_text(e->c->syms, f->name);
    uint32_t have = v.kind == VAL_matrix ? v.nidx : 0;
    if (have + idx->len > f->nsize || (v.kind == VAL_vecs && idx->len != f->nsize)) {
        Diag *d = diag(e->c->ds, index_count, x->span, name, f->nsize, have + idx->len);
        diag_label(d, f->span, "`%s` is declared here", name);
        return val_none();
    }
    for (uint32_t i = 0; i < idx->len; i++)
        if (!index_in(e, idx->data[i], aff_const(0), f->size[have + i],
                      x->index.at.data[i].e->span, name))
            return val_none();
    if (v.kind == VAL_vecs) return vecs_member(e, v, idx->data, x->span);
    AffVec all = {0};
    for (uint32_t i = 0; i < have; i++) vec_push(e->a, &all, v.idx[i]);
    for (uint32_t i = 0; i < idx->len; i++) vec_push(e->a, &all, idx->data[i]);
    v.idx = all.data;
    v.nidx = all.len;
    return v;
}

Value eval_index(Elab *e, const AstExpr *x) {
    AffVec idx = {0};
    Value v = eval(e, x->index.of);
    if (v.kind == VAL_none) return v;
    if (v.kind != VAL_matrix && v.kind != VAL_vecs && v.kind != VAL_array &&
        v.kind != VAL_family) {
        diag(e->c->ds, not_family, x->index.of->span, value_kind(e, &v));
        return val_none();
    }
    for (uint32_t i = 0; i < x->index.at.len; i++) {
        Aff a;
        if (!eval_int(e, x->index.at.data[i].e, "an index", &a)) return val_none();
        vec_push(e->a, &idx, a);
    }
    if (v.kind == VAL_array && idx.len < v.array->npos && v.array->elem.len)
        return array_part(e, v.array, idx.data, idx.len, x->span);
    if (v.kind == VAL_array) return array_read(e, v.array, idx.data, idx.len, x->span);
    if (v.kind == VAL_family) return family_member(e, v, idx.data, idx.len, x);
    return index_matrix(e, v, &idx, x);
}

/* ---- sums over indices */
static Fx turns_fx(Elab *e, const Frame *f, uint32_t n) {
    Fx all = fx_rat(e->fx, 1, 1);
    for (uint32_t i = 0; i < n; i++)
        all = fx_mul(e->fx, all, fx_index(e->fx, aff_sub(e->x, f[i].dim.hi, f[i].dim.lo)));
    return all;
}

typedef struct Unroll {
    const Frame *f;
    uint32_t n;
    AffSubst *at; /* values of the outer variables */
    AstReduce op;
    uint32_t terms;
    bool ok, any;
    Fx sum;
} Unroll;

static void unroll(Elab *e, Unroll *u, uint32_t level, Fx body) {
    if (!u->ok) return;
    if (level == u->n) {
        u->ok = ++u->terms <= MAX_UNROLL;
        FxOp op = u->op == AR_max ? FX_max : FX_add;
        u->sum = u->any ? fx_op(e->fx, op, u->sum, body, 0) : body;
        u->any = true;
        return;
    }
    Dim d = u->f[level].dim;
    d.lo = aff_subst(e->x, d.lo, u->at, level);
    d.hi = aff_subst(e->x, d.hi, u->at, level);
    u->ok = aff_is_const(d.lo) && aff_is_const(d.hi) && d.hi.c - d.lo.c <= MAX_UNROLL;
    for (int64_t k = d.lo.c; u->ok && k < d.hi.c; k++) {
        u->at[level] = (AffSubst){d.var, aff_const(k)};
        unroll(e, u, level + 1, fx_subst(e->fx, body, &u->at[level], 1));
    }
}

static bool mentions(Elab *e, Fx f, const Frame *fr, uint32_t n) {
    const FxNode *x = fx_node(e->fx, f);
    for (uint32_t i = 0; i < n; i++) {
        if (x->op == FX_index && aff_uses(x->aff, fr[i].dim.var)) return true;
        for (uint32_t k = 0; k < x->nidx; k++)
            if (aff_uses(x->idx[k], fr[i].dim.var)) return true;
    }
    for (uint32_t i = 0; i < fx_arity(x->op); i++)
        if (mentions(e, x->arg[i], fr, n)) return true;
    return false;
}

/* A sum of numbers: written out, or the number of terms where all are equal. */
static Value reduce_numbers(Elab *e, const AstExpr *x, Value v, const Frame *f, uint32_t n) {
    Unroll u = {.f = f, .n = n, .op = x->reduce.op, .ok = true, .sum = fx_rat(e->fx, 0, 1)};
    u.at = ARENA_ARRAY(e->a, AffSubst, n);
    Fx turns = turns_fx(e, f, n), body = v.num.f;
    bool same = !mentions(e, body, f, n);
    v.is_int = v.has_aff = false;
    if (same && x->reduce.op == AR_sum) {
        v.num.f = fx_mul(e->fx, turns, body);
    } else if (!same) {
        bool max = x->reduce.op == AR_max, run_time = has_scalar(e, body);
        if (max || !run_time) unroll(e, &u, 0, body);
        if (max && (!u.ok || !u.any)) {
            diag(e->c->ds, later_number_sum, x->span, ast_reduce_text(x->reduce.op));
            return val_none();
        }
        if (!max && (run_time || !u.ok)) u.sum = scalar_sum(e, body, f, n, x->span);
        v.num.f = x->reduce.op == AR_avg ? fx_div(e->fx, u.sum, turns) : u.sum;
    }
    return v;
}

/* The average of nothing is no number: where sizes decide it, a check before a run. */
static void avg_terms(Elab *e, const Frame *f, uint32_t n, Span sp) {
    ConsVec none = {0};
    for (uint32_t i = 0; i < n; i++) {
        Aff less = aff_plus(aff_sub(e->x, f[i].dim.hi, f[i].dim.lo), -1);
        if (aff_size_only(e->x, less) && has_position(e, fx_index(e->fx, less)))
            must_hold(e, &none, less, "number of averaged terms, less one,", sp);
    }
}

static Value reduce_vectors(Elab *e, const AstExpr *x, Value v, const Frame *f, uint32_t n) {
    ArmVec arms = {0};
    Dim *dim = ARENA_ARRAY(e->a, Dim, n);
    for (uint32_t i = 0; i < n; i++) dim[i] = f[i].dim;
    vec_arms(e, v.num.f, v.width, x->span, &arms);
    for (uint32_t i = 0; i < arms.len; i++) {
        Arm *a = &arms.data[i];
        Dims red = {0};
        for (uint32_t k = 0; k < n; k++) vec_push(e->a, &red, dim[k]);
        for (uint32_t k = 0; k < a->nred; k++) vec_push(e->a, &red, a->red[k]);
        a->red = red.data;
        a->nred = red.len;
    }
    v.num.f = arms_value(e, &arms, v.width ? v.width : fx_rat(e->fx, 1, 1), v.is_input, x->span);
    if (x->reduce.op == AR_avg) v.num.f = fx_div(e->fx, v.num.f, turns_fx(e, f, n));
    return v;
}

static Value reduce_outputs(Elab *e, const AstExpr *x, Value v, const Frame *f, uint32_t n) {
    Value r = v;
    r.out = (OutTerms){0};
    for (uint32_t i = 0; i < v.out.len; i++) {
        OutTerm t = v.out.data[i];
        Dims red = {0};
        for (uint32_t k = 0; k < n; k++) vec_push(e->a, &red, f[k].dim);
        for (uint32_t k = 0; k < t.nred; k++) vec_push(e->a, &red, t.red[k]);
        t.red = red.data;
        t.nred = red.len;
        vec_push(e->a, &r.out, t);
    }
    if (x->reduce.op == AR_avg) r = output_scale(e, r, (Num){.f = turns_fx(e, f, n)}, true);
    return r;
}

static Value reduce_value(Elab *e, const AstExpr *x, Value v, const Frame *f, uint32_t n) {
    if (v.kind == VAL_none) return v;
    if (x->reduce.op == AR_avg) avg_terms(e, f, n, x->span);
    if (v.kind == VAL_family) {
        Lift l;
        if (!lift_open(e, &v, NULL, 1, x->span, &l)) return val_none();
        return lift_close(e, &l, reduce_value(e, x, v, f, n), x->span);
    }
    if (v.kind == VAL_number || (v.kind == VAL_vector && e->fn_depth))
        return reduce_numbers(e, x, v, f, n);
    if (x->reduce.op == AR_max) {
        diag(e->c->ds, later_max, x->span);
        return val_none();
    }
    if (v.kind == VAL_vector) return reduce_vectors(e, x, v, f, n);
    if (v.kind == VAL_output) return reduce_outputs(e, x, v, f, n);
    diag(e->c->ds, type_expected, x->reduce.body->span, "numbers, vectors or outputs in a sum",
         value_kind(e, &v));
    return val_none();
}

Value eval_reduce(Elab *e, const AstExpr *x) {
    uint32_t nframe = e->frame.len, n = x->reduce.ranges.len;
    Value v = val_none();
    bool ok = true;
    scope_open(e, false);
    for (uint32_t i = 0; i < n && ok; i++) {
        const AstRange *r = &x->reduce.ranges.data[i];
        Dim d;
        ok = loop_range(e, r->var, r->lo, r->hi, r->span, &d);
        if (!ok) break;
        frame_loop(e, d, true, r->span);
        var_put(e, e->scope.len - 1, r->var.sym, val_int(e, aff_name(e->x, d.var)), r->var.span);
    }
    if (ok) v = whole(e, eval(e, x->reduce.body), x->reduce.body->span);
    ok = ok && floors_none(e, nframe + n, x->reduce.body->span);
    if (ok) {
        Frame *f = arena_copy(e->a, e->frame.data + nframe, n * sizeof *f);
        v = reduce_value(e, x, v, f, n);
    }
    scope_close(e);
    e->frame.len = nframe;
    return v;
}

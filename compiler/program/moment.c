/* Moments: averages over coordinates.
 *
 * A moment of a product of two vectors is a `second`, of a vector a `mean`; sums are taken apart,
 * and whatever else is a function of vectors becomes a `nonlin` first.  (x - m)^2 is the second
 * moment of the vector x - m * one, not E x^2 - m^2, which would cancel. */
#include "program/elab.h"

typedef struct Moment {
    Elab *e;
    Fx width;
    Span span;
} Moment;

static Fx moment_fx(Moment *m, Fx f);

static bool has_leaf(const Moment *m, Fx f) { return fx_has(m->e->fx, f, FX_leaf); }

/* A linear combination of vectors, each perhaps the value of a function. */
static bool is_combination(Moment *m, Fx f) {
    if (!tick(m->e) || !has_leaf(m, f)) return true;
    FxNode n = *fx_node(m->e->fx, f);
    if (n.op == FX_leaf) return true;
    if (n.op == FX_add || n.op == FX_sub)
        return is_combination(m, n.arg[0]) && is_combination(m, n.arg[1]);
    if (n.op == FX_neg) return is_combination(m, n.arg[0]);
    if (n.op == FX_mul && !has_leaf(m, n.arg[0])) return is_combination(m, n.arg[1]);
    if (n.op == FX_mul && !has_leaf(m, n.arg[1])) return is_combination(m, n.arg[0]);
    return n.op == FX_div && !has_leaf(m, n.arg[1]) && is_combination(m, n.arg[0]);
}

/* A definition's sum over the r n coordinates is divided by n. */
static Fx average(Moment *m, Fx sum) { return fx_div(m->e->fx, sum, m->width); }

static Fx mean_of(Moment *m, Use u) {
    Elab *e = m->e;
    const Def *v = &e->p->def.data[u.d];
    if (v->op == PO_one) return fx_rat(e->fx, 1, 1);
    const char *name = arena_printf(e->a, "mean_%s", sym_text(e->c->syms, v->name));
    Def d = {.op = PO_mean, .use = arena_copy(e->a, &u, sizeof u), .nuse = 1, .span = m->span};
    return average(m, scalar_use(e, def_make(e, d, name)));
}

/* One vector for the combination; it is the same one wherever the combination is written again. */
static bool factor(Moment *m, Fx f, Fx *coef, Use *out) {
    Elab *e = m->e;
    Value v = {.kind = VAL_vector, .num = {.f = f}, .width = m->width, .span = m->span};
    uint32_t before = e->p->def.len;
    FxOp op = fx_node(e->fx, f)->op;
    if (!vec_single(e, v, "centred", m->span, coef, out)) return false;
    bool fresh = out->d >= before && e->p->def.data[out->d].op == PO_lin;
    if (fresh && (op == FX_add || op == FX_sub)) vec_push(e->a, &e->combined, (Combined){f, *out});
    return true;
}

static Fx second_of(Moment *m, Fx a, Fx b) {
    Elab *e = m->e;
    Fx ca, cb;
    Use u[2];
    if (!factor(m, a, &ca, &u[0]) || !factor(m, b, &cb, &u[1])) return fx_rat(e->fx, 0, 1);
    Fx coef = fx_mul(e->fx, ca, cb);
    bool one[2];
    for (int i = 0; i < 2; i++) one[i] = e->p->def.data[u[i].d].op == PO_one;
    if (one[0] || one[1]) return fx_mul(e->fx, coef, mean_of(m, u[one[0]]));
    Def d = {.op = PO_second, .use = arena_copy(e->a, u, sizeof u), .nuse = 2, .span = m->span};
    return fx_mul(e->fx, coef, average(m, scalar_use(e, def_make(e, d, "second"))));
}

/* The mean of each vector in the sum; sums over indices and guarded terms as one vector. */
static Fx moment_arms(Moment *m, Fx f) {
    Elab *e = m->e;
    ArmVec arms = {0}, rest = {0};
    Fx sum = fx_rat(e->fx, 0, 1);
    vec_arms(e, f, m->width, m->span, &arms);
    for (uint32_t i = 0; i < arms.len; i++) {
        const Arm *a = &arms.data[i];
        if (a->nred || a->ncons)
            vec_push(e->a, &rest, *a);
        else
            sum = fx_add(e->fx, sum, fx_mul(e->fx, a->coef, mean_of(m, a->use)));
    }
    if (!rest.len) return sum;
    Def d = {.op = PO_lin, .width = m->width, .arm = rest.data, .narm = rest.len, .span = m->span};
    return fx_add(e->fx, sum, mean_of(m, def_make(e, d, "sum")));
}

static Fx moment_under(Moment *m, Fx test, bool positive, Fx f) {
    Elab *e = m->e;
    ConsVec cons = {0};
    uint32_t keep = e->frame.len;
    if (cond_cons(e, test, positive, &cons))
        for (uint32_t i = 0; i < cons.len; i++) frame_cond(e, cons.data[i]);
    Fx r = moment_fx(m, f);
    e->frame.len = keep;
    return r;
}

/* Is the value of a function a polynomial that is better looked into? */
static bool is_polynomial(Moment *m, const Atom *a) {
    if (a->kind != ATOM_pending) return false;
    FxOp op = fx_node(m->e->fx, a->f)->op;
    return op == FX_add || op == FX_sub || op == FX_neg || op == FX_mul || op == FX_div ||
           op == FX_pow || op == FX_leaf;
}

static Fx moment_fx(Moment *m, Fx f) {
    Elab *e = m->e;
    FxPool *p = e->fx;
    if (!tick(e) || !has_leaf(m, f)) return f;
    FxNode n = *fx_node(p, f);
    Fx a = n.arg[0], b = n.arg[1];
    if (n.op == FX_add || n.op == FX_sub) {
        Fx left = moment_fx(m, a);
        return fx_op(p, n.op, left, moment_fx(m, b), 0);
    }
    if (n.op == FX_neg) return fx_op(p, FX_neg, moment_fx(m, a), 0, 0);
    if (n.op == FX_mul && !has_leaf(m, a)) return fx_mul(p, a, moment_fx(m, b));
    if (n.op == FX_mul && !has_leaf(m, b)) return fx_mul(p, moment_fx(m, a), b);
    if (n.op == FX_div && !has_leaf(m, b)) return fx_div(p, moment_fx(m, a), b);
    if (n.op == FX_if && !has_leaf(m, a)) {
        Fx yes = moment_under(m, a, true, b), no = moment_under(m, a, false, n.arg[2]);
        return scalar_select(e, a, yes, no, m->span);
    }
    if (n.op == FX_leaf && is_polynomial(m, &e->atom.data[n.k]))
        return moment_fx(m, e->atom.data[n.k].f);
    if (n.op == FX_mul && is_combination(m, a) && is_combination(m, b)) return second_of(m, a, b);
    if (n.op == FX_pow && fx_is_num(p, b, 2) && is_combination(m, a)) return second_of(m, a, a);
    return moment_arms(m, f);
}

static Value moment_of(Elab *e, Value v, Span sp) {
    if (v.kind == VAL_none || v.kind == VAL_number) return v;
    if (v.kind == VAL_family) {
        Lift l;
        if (!lift_open(e, &v, NULL, 1, sp, &l)) return val_none();
        return lift_close(e, &l, moment_of(e, v, sp), sp);
    }
    if (v.kind != VAL_vector) {
        diag(e->c->ds, type_expected, sp, "a vector in `moment`", value_kind(e, &v));
        return val_none();
    }
    if (v.is_input) {
        Diag *d = diag(e->c->ds, moment_data, sp);
        diag_help(d, "apply a matrix to the data first: `param U: matrix ~ N(0, 1 / fan_in)`, "
                     "`moment(U * x)`");
        return val_none();
    }
    Moment m = {.e = e, .width = v.width ? v.width : fx_rat(e->fx, 1, 1), .span = sp};
    Value r = val_num(v.num);
    r.num.f = moment_fx(&m, v.num.f);
    r.span = sp;
    return r;
}

Value call_moment(Elab *e, const AstExpr *x) {
    if (x->call.args.len != 1) {
        diag(e->c->ds, argument_count, x->span, "moment", 1u, x->call.args.len);
        return val_none();
    }
    if (e->fn_depth) {
        Diag *d = diag(e->c->ds, moment_in_fn, x->span);
        diag_help(d, "a `layer` may use moments");
        return val_none();
    }
    const AstExpr *of = x->call.args.data[0].value;
    return moment_of(e, whole(e, eval(e, of), of->span), x->span);
}

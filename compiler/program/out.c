/* Matrix products, inner products and the network's output. */
#include "program/elab.h"

static Value zero_vector(Elab *e, Fx width, Span sp) {
    return (Value){.kind = VAL_vector, .num = {.f = fx_rat(e->fx, 0, 1)}, .width = width,
                   .span = sp};
}

static const Aff *member_index(Elab *e, const Family *f, const Aff *idx, uint32_t n,
                               uint32_t *out) {
    AffVec all = {0};
    for (uint32_t i = 0; i < f->nown; i++) vec_push(e->a, &all, f->own[i]);
    for (uint32_t i = 0; i < n; i++) vec_push(e->a, &all, idx[i]);
    *out = all.len;
    return all.data;
}

/* The input that a data vector is made of; NONE: of no input. */
enum { NONE = UINT32_MAX };

static uint32_t def_input(Elab *e, DefId id) {
    const Def *d = &e->p->def.data[id];
    uint32_t in = d->op == PO_input ? d->input : NONE;
    for (uint32_t i = 0; d->op == PO_lin && in == NONE && i < d->narm; i++)
        in = def_input(e, d->arm[i].use.d);
    return in;
}

static uint32_t atoms_input(Elab *e, Fx f) {
    uint32_t n = fx_nleaf(e->fx, f), in = NONE;
    bool *has = ARENA_ARRAY(e->a, bool, n);
    fx_leaves(e->fx, f, has);
    for (uint32_t k = 0; k < n && in == NONE; k++) {
        const Atom *a = &e->atom.data[k];
        if (!has[k]) continue;
        if (a->kind == ATOM_use) in = def_input(e, a->use.d);
        if (a->kind == ATOM_alias || a->kind == ATOM_pending) in = atoms_input(e, a->f);
        for (uint32_t i = 0; a->kind == ATOM_sum && in == NONE && i < a->arms.len; i++)
            in = def_input(e, a->arms.data[i].use.d);
    }
    return in;
}

static uint32_t input_number(Elab *e, Fx f) {
    uint32_t in = atoms_input(e, f);
    return in == NONE ? 0 : in;
}

/* ---- products with what is zero under conditions */
/* W * ([guards] coef * x[idx]): the product of the whole of x, of which an element is taken under
 * the guards, where they are what keeps the index inside. */
static bool guarded_operand(Elab *e, Value x, Arm *arm) {
    ArmVec arms = {0};
    const FxNode *n = fx_node(e->fx, x.num.f);
    if (n->op != FX_leaf || e->atom.data[n->k].kind != ATOM_sum) return false;
    vec_arms(e, x.num.f, x.width, x.span, &arms);
    if (arms.len != 1 || arms.data[0].nred || !arms.data[0].ncons) return false;
    *arm = arms.data[0];
    return true;
}

/* Opens a loop over each dim of the operand whose index the guards keep inside; back: from the
 * loops' variables to the index. */
static uint32_t operand_open(Elab *e, Use *u, AffSubst *back) {
    const Def *d = &e->p->def.data[u->d];
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, d->ndim);
    Aff *idx = arena_copy(e->a, u->idx, d->ndim * sizeof *idx);
    uint32_t n = 0;
    ConsVec path = {0};
    path_cons(e, 0, &path);
    for (uint32_t i = 0; i < d->ndim; i++) {
        Dim dim = d->dim[i];
        dim.lo = aff_subst(e->x, dim.lo, m, i);
        dim.hi = aff_subst(e->x, dim.hi, m, i);
        bool inside = d->wrap >> i & 1 ||
            (aff_implied(e->x, path.data, path.len, cons_le(e->x, dim.lo, idx[i])) &&
             aff_implied(e->x, path.data, path.len, cons_lt(e->x, idx[i], dim.hi)));
        if (!inside) {
            dim.var = loop_var_free(e, dim.var);
            back[n++] = (AffSubst){dim.var, idx[i]};
            frame_implicit(e, dim);
            idx[i] = aff_name(e->x, dim.var);
        }
        m[i] = (AffSubst){d->dim[i].var, idx[i]};
    }
    u->idx = idx;
    return n;
}

/* Is the matrix (or its transpose) of the right kind for x?  Settled by its first use. */
static bool matrix_fits(Elab *e, const Value *m, const Value *x, Span sp) {
    Family *f = m->fam;
    const char *name = sym_text(e->c->syms, f->name);
    if (m->kind == VAL_matrix)
        return family_settle(e, f, x->width, x->is_input,
                             x->is_input ? input_number(e, x->num.f) : 0, sp);
    if (x->is_input || f->law == LAW_input) {
        Diag *d = diag(e->c->ds, input_transpose, sp, name);
        diag_label(d, f->span, "`%s` is declared here", name);
        return false;
    }
    if (!family_settle(e, f, f->cols, false, 0, sp)) return false;
    if (!x->width || x->width == f->rows) return true;
    Diag *d = diag(e->c->ds, columns, sp, arena_printf(e->a, "%s'", name), width_text(e, f->rows),
                   width_text(e, x->width));
    diag_label(d, f->span, "`%s` is declared here", name);
    return false;
}

Value matrix_times(Elab *e, Value m, Value v, Span sp) {
    Family *f = m.fam;
    const char *name = sym_text(e->c->syms, f->name);
    bool transposed = m.kind == VAL_cmatrix;
    if (m.nidx < f->nsize) {
        diag(e->c->ds, index_count, sp, name, f->nsize, m.nidx);
        return val_none();
    }
    Value x = to_vector(v, sp), whole = m;
    whole.num = num_mul(e, m.num, x.num);
    whole.num.f = fx_rat(e->fx, 1, 1);
    Fx factor = m.num.f;
    if (f->poison || !vec_order(e, &whole, sp)) return val_none();
    if (!matrix_fits(e, &m, &x, sp)) return val_none();
    Fx rows = transposed ? f->cols : f->rows, cols = transposed ? f->rows : f->cols;
    if (!x.is_input && !x.width && fx_has(e->fx, x.num.f, FX_leaf)) bug("matrix_times: no width");
    Fx coef;
    Use u;
    Arm arm;
    uint32_t keep = e->frame.len, nback = 0;
    AffSubst back[32];
    bool guarded = guarded_operand(e, x, &arm) && e->p->def.data[arm.use.d].ndim <= 32;
    if (guarded) {
        coef = arm.coef;
        u = arm.use;
        nback = operand_open(e, &u, back);
    } else if (!x.width && !x.is_input) { /* a number: the constant vector of as many columns */
        coef = x.num.f;
        if (!fx_is_zero(e->fx, coef)) u = vec_one(e, cols, sp);
    } else if (!vec_single(e, x, arena_printf(e->a, "%s_in", name), sp, &coef, &u)) {
        coef = fx_rat(e->fx, 0, 1);
    }
    if (fx_is_zero(e->fx, coef)) return zero_vector(e, rows, sp);
    Def d = {.op = PO_matmul, .width = rows, .fam = f->id, .transposed = transposed, .span = sp};
    d.fidx = member_index(e, f, m.idx, m.nidx, &d.nfidx);
    d.use = arena_copy(e->a, &u, sizeof u);
    d.nuse = 1;
    const char *of = sym_text(e->c->syms, e->p->def.data[u.d].name);
    const char *result = arena_printf(e->a, transposed ? "%st_%s" : "%s_%s", name, of);
    Value r = vec_use(e, def_make(e, d, result), rows, false);
    e->frame.len = keep;
    if (guarded) {
        ArmVec arms = {0};
        arm.coef = fx_rat(e->fx, 1, 1);
        r = value_subst(e, r, back, nback);
        arm.use = e->atom.data[fx_node(e->fx, r.num.f)->k].use;
        vec_push(e->a, &arms, arm);
        r.num.f = arms_value(e, &arms, rows, false, sp);
    }
    Num c = {.f = fx_mul(e->fx, coef, fx_mul(e->fx, factor, f->scale)), .n = m.num.n + x.num.n,
             .fan = m.num.fan + x.num.fan, .d = m.num.d + x.num.d,
             .din = m.num.d ? m.num.din : x.num.din};
    r.num = num_mul(e, c, r.num);
    return r;
}

/* ---- outputs */
Value output_of(Elab *e, Value v, Value x, Span sp) {
    Value out = {.kind = VAL_output, .span = sp};
    x = to_vector(x, sp);
    if (x.is_input) {
        diag(e->c->ds, input_inner, sp);
        return val_none();
    }
    if (v.width && x.width && v.width != x.width) {
        diag(e->c->ds, width_mismatch, sp, width_text(e, v.width), width_text(e, x.width));
        return val_none();
    }
    Num powers = num_mul(e, v.num, x.num);
    Fx width = v.width ? v.width : x.width ? x.width : fx_rat(e->fx, 1, 1);
    Fx cv, cx;
    Use u[2];
    if (!v.width) /* a number broadcasts to the other's width */
        v.num.f = fx_mul(e->fx, v.num.f, atom_new(e, (Atom){.kind = ATOM_use, .width = width,
                                                            .use = vec_one(e, width, sp)}));
    if (!x.width)
        x.num.f = fx_mul(e->fx, x.num.f, atom_new(e, (Atom){.kind = ATOM_use, .width = width,
                                                            .use = vec_one(e, width, sp)}));
    if (!vec_single(e, v, "v", sp, &cv, &u[0]) || !vec_single(e, x, "x", sp, &cx, &u[1]))
        return out;
    Def d = {.op = PO_inner, .use = arena_copy(e->a, u, sizeof u), .nuse = 2,
             .f = fx_rat(e->fx, 1, 1), .span = sp};
    OutTerm t = {.coef = powers, .inner = def_make(e, d, "f")};
    t.coef.f = fx_mul(e->fx, cv, cx);
    t.coef.n += QUARTER / 2;
    vec_push(e->a, &out.out, t);
    return out;
}

Value output_scale(Elab *e, Value o, Num by, bool divide) {
    Value r = o;
    r.out = (OutTerms){0};
    for (uint32_t i = 0; i < o.out.len; i++) {
        OutTerm t = o.out.data[i];
        t.coef = divide ? num_div(e, t.coef, by) : num_mul(e, t.coef, by);
        vec_push(e->a, &r.out, t);
    }
    return r;
}

Value output_add(Elab *e, Value a, Value b, bool minus, Span sp) {
    Value r = {.kind = VAL_output, .span = sp};
    if (a.out.len && b.out.len) {
        int32_t p = a.out.data[0].coef.n, q = b.out.data[0].coef.n;
        if (p != q) {
            Diag *d = diag(e->c->ds, power_sum, sp, num_power(e, p), num_power(e, q));
            diag_note(d, "`v' * x / sqrt(n)` is of order 1, as a scalar parameter is");
            return val_none();
        }
    }
    if (minus) b = output_scale(e, b, (Num){.f = fx_rat(e->fx, -1, 1)}, false);
    for (uint32_t i = 0; i < a.out.len; i++) vec_push(e->a, &r.out, a.out.data[i]);
    for (uint32_t i = 0; i < b.out.len; i++) vec_push(e->a, &r.out, b.out.data[i]);
    return r;
}

static bool output_order(Elab *e, const OutTerms *t, Span sp) {
    for (uint32_t i = 0; i < t->len; i++) {
        int32_t p = t->data[i].coef.n + t->data[i].coef.fan;
        if (!p) continue;
        Diag *d = diag(e->c->ds, power_output, sp, num_power(e, p));
        diag_help(d, "%s the output by `%s`", p > 0 ? "divide" : "multiply",
                  p == QUARTER / 2 || p == -QUARTER / 2 ? "sqrt(n)"
                                                        : num_power(e, p > 0 ? p : -p));
        return false;
    }
    return true;
}

static Use output_single(Elab *e, const OutTerm *t) {
    Def d = e->p->def.data[t->inner.d];
    d.f = num_fx(e, t->coef);
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, d.ndim);
    for (uint32_t i = 0; i < d.ndim; i++) m[i] = (AffSubst){d.dim[i].var, t->inner.idx[i]};
    Use *use = arena_copy(e->a, d.use, 2 * sizeof *use);
    for (int k = 0; k < 2; k++) {
        uint32_t n = e->p->def.data[use[k].d].ndim;
        Aff *idx = ARENA_ARRAY(e->a, Aff, n);
        for (uint32_t i = 0; i < n; i++) idx[i] = aff_subst(e->x, use[k].idx[i], m, d.ndim);
        use[k].idx = idx;
    }
    d.use = use;
    return def_make(e, d, "f");
}

static void output_is(Elab *e, Use u) {
    e->p->out = u.d;
    e->p->out_idx = u.idx;
}

/* The output as a definition; false after an error. */
bool output_define(Elab *e, const Value *v, Span sp, Use *out) {
    if (!output_order(e, &v->out, sp)) return false;
    OutTerms live = {0};
    for (uint32_t i = 0; i < v->out.len; i++)
        if (!fx_is_zero(e->fx, v->out.data[i].coef.f)) vec_push(e->a, &live, v->out.data[i]);
    if (live.len == 1 && !live.data[0].nred && !live.data[0].ncons) {
        *out = output_single(e, &live.data[0]);
        return true;
    }
    Arm *arm = ARENA_ARRAY(e->a, Arm, live.len);
    for (uint32_t i = 0; i < live.len; i++) {
        const OutTerm *t = &live.data[i];
        arm[i] = (Arm){.red = t->red, .nred = t->nred, .cons = t->cons, .ncons = t->ncons,
                       .coef = num_fx(e, t->coef), .use = t->inner};
    }
    *out = def_make(e, (Def){.op = PO_output, .arm = arm, .narm = live.len, .span = sp}, "f");
    return true;
}

/* A number that is returned: a moment of a network; any number of a program. */
static bool number_finish(Elab *e, Value v, Span sp) {
    if (v.num.n || v.num.fan) {
        diag(e->c->ds, power_output, sp, num_power(e, v.num.n + v.num.fan));
        return false;
    }
    FxNode n = *fx_node(e->fx, num_fx(e, v.num));
    if (n.op == FX_sref) {
        output_is(e, (Use){.d = n.k, .idx = n.idx, .span = sp});
        return true;
    }
    Arm *arm = ARENA_NEW(e->a, Arm);
    arm->coef = num_fx(e, v.num);
    output_is(e, def_make(e, (Def){.op = PO_scalar, .arm = arm, .narm = 1, .span = sp}, "m"));
    return true;
}

/* The value that the network returns. */
bool output_finish(Elab *e, Value v, Span sp) {
    if (v.kind == VAL_none) return false;
    if (v.kind == VAL_family && v.of->kind != VAL_vector) {
        Lift l;
        Value m = v;
        if (!lift_open(e, &m, NULL, 1, sp, &l)) return false;
        e->p->out_dim = l.pos;
        e->p->nout_dim = l.npos;
        bool ok = output_finish(e, m, sp);
        e->frame.len = l.nframe;
        return ok;
    }
    if (v.kind == VAL_number && (e->p->is_program || has_scalar(e, v.num.f)))
        return number_finish(e, v, sp);
    if (v.kind != VAL_output || e->p->is_program) {
        if (e->p->is_program) {
            diag(e->c->ds, program_return, sp, value_kind(e, &v));
            return false;
        }
        Diag *d = diag(e->c->ds, return_type, sp, value_kind(e, &v));
        if (v.kind == VAL_vector || v.kind == VAL_family)
            diag_help(d, "read it out: `param v: vector ~ N(0, 1)`, `return v' * x / sqrt(n)`");
        return false;
    }
    Use u;
    if (!output_define(e, &v, sp, &u)) return false;
    output_is(e, u);
    return true;
}

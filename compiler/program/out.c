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

static uint32_t input_number(Elab *e, Fx f) {
    uint32_t n = fx_nleaf(e->fx, f);
    for (uint32_t k = 0; k < n; k++)
        if (e->atom.data[k].kind == ATOM_use && !e->atom.data[k].width) {
            const Def *d = &e->p->def.data[e->atom.data[k].use.d];
            bool here = fx_node(e->fx, f)->op != FX_leaf || fx_node(e->fx, f)->k == k;
            if (d->op == PO_input && here) return d->input;
        }
    return 0;
}

Value matrix_times(Elab *e, Value m, Value v, Span sp) {
    Family *f = m.fam;
    const char *name = sym_text(e->c->syms, f->name);
    if (m.kind == VAL_cmatrix) {
        diag(e->c->ds, later_transpose, sp, name);
        return val_none();
    }
    if (m.nidx < f->nsize) {
        diag(e->c->ds, index_count, sp, name, f->nsize, m.nidx);
        return val_none();
    }
    Value x = to_vector(v, sp), whole = m;
    whole.num = num_mul(e, m.num, x.num);
    whole.num.f = fx_rat(e->fx, 1, 1);
    Fx factor = m.num.f;
    if (f->poison || !vec_order(e, &whole, sp)) return val_none();
    if (!family_settle(e, f, x.width, x.is_input, x.is_input ? input_number(e, x.num.f) : 0, sp))
        return val_none();
    if (!x.is_input && !x.width && fx_has(e->fx, x.num.f, FX_leaf)) bug("matrix_times: no width");
    Fx coef;
    Use u;
    if (!x.width && !x.is_input) { /* a number: the constant vector of as many columns */
        coef = x.num.f;
        if (!fx_is_zero(e->fx, coef)) u = vec_one(e, f->cols, sp);
    } else if (!vec_single(e, x, arena_printf(e->a, "%s_in", name), sp, &coef, &u)) {
        coef = fx_rat(e->fx, 0, 1);
    }
    if (fx_is_zero(e->fx, coef)) return zero_vector(e, f->rows, sp);
    Def d = {.op = PO_matmul, .width = f->rows, .fam = f->id, .span = sp};
    d.fidx = member_index(e, f, m.idx, m.nidx, &d.nfidx);
    d.use = arena_copy(e->a, &u, sizeof u);
    d.nuse = 1;
    const char *of = sym_text(e->c->syms, e->p->def.data[u.d].name);
    Value r = vec_use(e, def_make(e, d, arena_printf(e->a, "%s_%s", name, of)), f->rows, false);
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

static void output_single(Elab *e, const OutTerm *t) {
    Def d = e->p->def.data[t->inner.d];
    d.f = num_fx(e, t->coef);
    const Dim *none = NULL;
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
    d.dim = none;
    d.ndim = 0;
    e->p->out = def_make(e, d, "f").d;
}

/* The value that the network returns. */
bool output_finish(Elab *e, Value v, Span sp) {
    if (v.kind == VAL_none) return false;
    if (v.kind == VAL_array || v.kind == VAL_vecs) {
        diag(e->c->ds, later_output_family, sp);
        return false;
    }
    if (v.kind != VAL_output) {
        Diag *d = diag(e->c->ds, return_type, sp, value_kind(e, &v));
        if (v.kind == VAL_vector)
            diag_help(d, "read it out: `param v: vector ~ N(0, 1)`, `return v' * x / sqrt(n)`");
        return false;
    }
    if (!output_order(e, &v.out, sp)) return false;
    OutTerms live = {0};
    for (uint32_t i = 0; i < v.out.len; i++)
        if (!fx_is_zero(e->fx, v.out.data[i].coef.f)) vec_push(e->a, &live, v.out.data[i]);
    if (live.len == 1 && !live.data[0].nred && !live.data[0].ncons) {
        output_single(e, &live.data[0]);
        return true;
    }
    Arm *arm = ARENA_ARRAY(e->a, Arm, live.len);
    for (uint32_t i = 0; i < live.len; i++) {
        const OutTerm *t = &live.data[i];
        arm[i] = (Arm){.red = t->red, .nred = t->nred, .cons = t->cons, .ncons = t->ncons,
                       .coef = num_fx(e, t->coef), .use = t->inner};
    }
    e->p->out = def_make(e, (Def){.op = PO_output, .arm = arm, .narm = live.len, .span = sp},
                         "f").d;
    return true;
}

/* Indexed definitions as families: all of an array, or a part of an array of families. */
#include "program/array.h"

static const char *array_name(Elab *e, const Array *a) { return sym_text(e->c->syms, a->name); }

bool array_complete(Elab *e, const Array *a) {
    ArrayRead r = read_here(e, NULL, a->span);
    for (uint32_t i = 0; i < a->elem.len; i++)
        if (elem_loop_open(&a->elem.data[i], &r)) return false;
    return a->elem.len > 0;
}

static Dim *elem_positions(Elab *e, const Array *a, const Element *m) {
    Dim *pos = ARENA_ARRAY(e->a, Dim, a->npos);
    for (uint32_t p = 0; p < a->npos; p++) {
        Extent x = elem_extent(e, a, m, p);
        pos[p] = (Dim){a->var[p], x.lo, x.hi};
    }
    return pos;
}

static void array_vars(Elab *e, Array *a) {
    if (a->var) return;
    Sym *var = ARENA_ARRAY(e->a, Sym, a->npos);
    for (uint32_t p = 0; p < a->npos; p++) {
        for (uint32_t k = 0; k < a->elem.len && !var[p]; k++)
            var[p] = elem_var(&a->elem.data[k], p);
        if (!var[p]) var[p] = dim_fresh(e, intern(e->c->syms, "i"));
    }
    a->var = var;
}

static Value family_of(Elab *e, const Dim *pos, uint32_t n, Value of, Span sp) {
    return family_clear(e, family_new(e, pos, n, of, sp));
}

/* ---- numbers and inner products: cases by the statements */
static Fx cons_fx(Elab *e, const ConsVec *c) {
    Fx all = fx_rat(e->fx, 1, 1), zero = fx_rat(e->fx, 0, 1);
    for (uint32_t i = 0; i < c->len; i++) {
        FxOp op = c->data[i].kind == CONS_eq ? FX_eq : FX_ge;
        Fx one = fx_op(e->fx, op, fx_index(e->fx, c->data[i].e), zero, 0);
        all = i ? fx_op(e->fx, FX_and, all, one, 0) : one;
    }
    return all;
}

static void case_outputs(Elab *e, const Value *v, const ConsVec *guard, OutTerms *all) {
    for (uint32_t k = 0; k < v->out.len; k++) {
        OutTerm t = v->out.data[k];
        ConsVec cons = {0};
        for (uint32_t j = 0; j < guard->len; j++) vec_push(e->a, &cons, guard->data[j]);
        for (uint32_t j = 0; j < t.ncons; j++) vec_push(e->a, &cons, t.cons[j]);
        t.cons = cons.data;
        t.ncons = cons.len;
        vec_push(e->a, all, t);
    }
}

static Value cases_whole(Elab *e, Array *a, Span sp) {
    uint32_t p = 0, n = a->elem.len, *order = ARENA_ARRAY(e->a, uint32_t, n);
    AffSubst *sub = ARENA_ARRAY(e->a, AffSubst, a->npos);
    OutTerms out = {0};
    Value all = val_none();
    array_vars(e, a);
    if (!array_order_of(e, a, &p, order)) return all;
    Dim *pos = elem_positions(e, a, &a->elem.data[order[0]]);
    pos[p].hi = elem_extent(e, a, &a->elem.data[order[n - 1]], p).hi;
    uint32_t keep = e->frame.len;
    for (uint32_t i = 0; i < a->npos; i++) frame_implicit(e, pos[i]);
    for (uint32_t i = n; i-- > 0;) {
        const Element *m = &a->elem.data[order[i]];
        ConsVec guard = {0};
        elem_guard(e, a, p, order, i, &guard);
        Value v = value_subst(e, m->value, sub, elem_subst(e, a, m, sub));
        case_outputs(e, &v, &guard, &out);
        if (i + 1 == n) {
            all = v;
        } else if (v.kind == VAL_number) {
            Fx here = num_fx(e, v.num);
            all.num.f = scalar_select(e, cons_fx(e, &guard), here, all.num.f, sp);
            all.has_aff = false;
        }
    }
    e->frame.len = keep;
    all.out = out;
    return family_of(e, pos, a->npos, all, sp);
}

/* ---- the whole */
Value array_whole(Elab *e, Array *a, Span sp) {
    if (a->poison) return val_none();
    if (!array_complete(e, a)) {
        Diag *d = diag(e->c->ds, array_order, sp, array_name(e, a));
        diag_label(d, a->span, "it is assigned here");
        a->poison = true;
        return val_none();
    }
    const Element *m = &a->elem.data[0];
    if (m->value.kind == VAL_output || (is_numbers(e, a) && !a->def)) {
        a->done = true;
        return cases_whole(e, a, sp);
    }
    if (a->elem.len == 1 && !a->def) {
        AffSubst *sub = ARENA_ARRAY(e->a, AffSubst, a->npos);
        a->done = true;
        array_vars(e, a);
        Value v = value_subst(e, to_vector(m->value, sp), sub, elem_subst(e, a, m, sub));
        return family_of(e, elem_positions(e, a, m), a->npos, v, sp);
    }
    if (!a->def) array_def(e, a);
    array_finish(e, a);
    if (a->poison) return val_none();
    const Def *d = &e->p->def.data[a->def];
    Use own = def_own(e, a->def, sp);
    Value v = a->scalar ? val_fx(scalar_use(e, own)) : vec_use(e, own, a->width, a->is_input);
    return family_of(e, d->dim + outer_dims(e, a), a->npos, v, sp);
}

Value array_part(Elab *e, Array *a, const Aff *idx, uint32_t n, Span sp) {
    Lift l;
    AffVec all = {0};
    if (a->poison) return val_none();
    array_vars(e, a);
    const Dim *pos = elem_positions(e, a, &a->elem.data[0]) + n;
    Value of = family_new(e, pos, a->npos - n, val_int(e, aff_const(0)), sp);
    if (!lift_open(e, &of, NULL, 1, sp, &l)) return val_none();
    for (uint32_t i = 0; i < n; i++) vec_push(e->a, &all, idx[i]);
    for (uint32_t i = 0; i < l.npos; i++) vec_push(e->a, &all, aff_name(e->x, l.pos[i].var));
    return lift_close(e, &l, array_read(e, a, all.data, all.len, sp), sp);
}

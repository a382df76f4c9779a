/* pad(x, zero) and pad(x, circular): any index is legal. */
#include "program/elab.h"

/* x as a definition whose indices wrap around. */
static Value pad_circular(Elab *e, Value v, Span sp) {
    Lift l;
    Value m = v;
    ArmVec arms = {0};
    if (!lift_open(e, &m, NULL, 1, sp, &l)) return val_none();
    for (uint32_t i = 0; i < l.npos; i++) {
        ConsVec path = {0};
        Aff turns = aff_sub(e->x, l.pos[i].hi, l.pos[i].lo);
        if (must_hold(e, &path, aff_plus(turns, -1), "size less one of what is padded", sp))
            continue;
        diag(e->c->ds, size_empty, sp, aff_written(e, turns));
        return val_none();
    }
    vec_arms(e, m.num.f, m.width, sp, &arms);
    if (arms.len) {
        Fx width = m.is_input ? 0 : m.width ? m.width : fx_rat(e->fx, 1, 1);
        Use u = def_make(e, (Def){.op = PO_lin, .width = width, .arm = arms.data,
                                  .narm = arms.len, .span = sp}, "pad");
        Def *d = &e->p->def.data[u.d];
        for (uint32_t i = 0; i < d->ndim; i++)
            for (uint32_t k = 0; k < l.npos; k++)
                if (d->dim[i].var == l.pos[k].var) d->wrap |= 1u << i;
        m = vec_use(e, u, width, m.is_input);
    }
    Value r = lift_close(e, &l, m, sp);
    r.pad = PAD_circular;
    return r;
}

static bool pad_word(Elab *e, const AstExpr *x, Pad *out) {
    const Var *v = x->kind == AE_name ? var_find(e, x->name) : NULL;
    Sym word = x->kind == AE_name ? x->name : 0;
    if (v && v->value.kind == VAL_none) return false;
    if (v) word = v->value.kind == VAL_word ? v->value.word : 0;
    const char *s = word ? sym_text(e->c->syms, word) : "";
    *out = !strcmp(s, "zero") ? PAD_zero : !strcmp(s, "circular") ? PAD_circular : PAD_none;
    if (*out) return true;
    diag(e->c->ds, type_expected, x->span, "one of the words `zero`, `circular`",
         v ? value_kind(e, &v->value) : "another expression");
    return false;
}

Value call_pad(Elab *e, const AstExpr *x) {
    Pad pad;
    if (x->call.args.len != 2) {
        diag(e->c->ds, argument_count, x->span, "pad", 2u, x->call.args.len);
        return val_none();
    }
    const AstExpr *of = x->call.args.data[0].value;
    Value v = whole(e, eval(e, of), of->span);
    if (v.kind == VAL_none || !pad_word(e, x->call.args.data[1].value, &pad)) return val_none();
    if (v.kind != VAL_family || v.of->kind != VAL_vector) {
        Diag *d = diag(e->c->ds, type_expected, of->span, "a family of vectors in `pad`",
                       value_kind(e, &v));
        diag_help(d, "declare the argument with its positions: `x: vector[T]`");
        return val_none();
    }
    v.pad = PAD_none;
    v = family_plain(e, v, "pad", of->span);
    if (v.kind == VAL_none) return v;
    if (pad == PAD_circular) return pad_circular(e, v, x->span);
    v.pad = PAD_zero;
    v.span = x->span;
    return v;
}

/* Guards for what is not known to lie inside. */
static bool guards_inside(Elab *e, const Value *v, const Aff *idx, ConsVec *guard) {
    ConsVec path = {0};
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, v->npos);
    path_cons(e, 0, &path);
    for (uint32_t i = 0; i < v->npos; i++) {
        Aff lo = aff_subst(e->x, v->pos[i].lo, m, i), hi = aff_subst(e->x, v->pos[i].hi, m, i);
        Cons c[2] = {cons_le(e->x, lo, idx[i]), cons_lt(e->x, idx[i], hi)};
        for (int k = 0; k < 2; k++) {
            if (aff_implied(e->x, path.data, path.len, c[k])) continue;
            vec_push(e->a, guard, c[k]);
            vec_push(e->a, &path, c[k]);
        }
        m[i] = (AffSubst){v->pos[i].var, idx[i]};
    }
    return aff_feasible(e->x, path.data, path.len);
}

Value pad_member(Elab *e, Value v, const Aff *idx, const AstExpr *x) {
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, v.npos);
    for (uint32_t i = 0; i < v.npos; i++) m[i] = (AffSubst){v.pos[i].var, idx[i]};
    Value r = value_subst(e, *v.of, m, v.npos);
    ConsVec guard = {0};
    r.span = x->span;
    if (v.pad == PAD_circular) return r;
    if (!guards_inside(e, &v, idx, &guard)) {
        r.num.f = fx_rat(e->fx, 0, 1);
        return r;
    }
    if (!guard.len) return r;
    ArmVec arms = {0};
    vec_arms(e, r.num.f, r.width, x->span, &arms);
    for (uint32_t i = 0; i < arms.len; i++) {
        ConsVec cons = {0};
        for (uint32_t k = 0; k < guard.len; k++) vec_push(e->a, &cons, guard.data[k]);
        for (uint32_t k = 0; k < arms.data[i].ncons; k++)
            vec_push(e->a, &cons, arms.data[i].cons[k]);
        arms.data[i].cons = cons.data;
        arms.data[i].ncons = cons.len;
    }
    r.num.f = arms_value(e, &arms, r.width ? r.width : fx_rat(e->fx, 1, 1), r.is_input, x->span);
    return r;
}

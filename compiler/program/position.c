/* Families: a value at every position of some ranges.  What is done to a family is done to its
 * members, in implicit loops over the positions; parameters declared there are shared.
 *
 * Values mention the variables of open loops, and families bind those of their positions.  So a
 * position's variable must not be that of an open loop: see family_clear. */
#include "program/elab.h"

static bool var_open(Elab *e, Sym var) {
    for (uint32_t i = 0; i < e->frame.len; i++)
        if (e->frame.data[i].is_loop && e->frame.data[i].dim.var == var) return true;
    return false;
}

Sym loop_var_free(Elab *e, Sym var) { return var_open(e, var) ? dim_fresh(e, var) : var; }

void frame_implicit(Elab *e, Dim d) {
    frame_loop(e, d, false, (Span){0});
    vec_last(&e->frame).implicit = true;
}

Value family_new(Elab *e, const Dim *pos, uint32_t npos, Value of, Span sp) {
    if (of.kind == VAL_none || !npos) return of;
    Dims all = {0};
    for (uint32_t i = 0; i < npos; i++) vec_push(e->a, &all, pos[i]);
    for (uint32_t i = 0; of.kind == VAL_family && i < of.npos; i++)
        vec_push(e->a, &all, of.pos[i]);
    if (of.kind == VAL_family) of = *of.of;
    Value v = {.kind = VAL_family, .pos = all.data, .npos = all.len, .span = sp};
    v.of = arena_copy(e->a, &of, sizeof of);
    v.width = of.width;
    v.is_input = of.is_input;
    return v;
}

/* ---- substitution of loop variables */
typedef struct Subst {
    Elab *e;
    const AffSubst *m;
    uint32_t n;
    Fx *done; /* by atom */
    uint32_t natom;
} Subst;

static const Aff *affs_subst(Elab *e, const Aff *a, uint32_t n, const AffSubst *m, uint32_t nm) {
    Aff *r = ARENA_ARRAY(e->a, Aff, n);
    for (uint32_t i = 0; i < n; i++) r[i] = aff_subst(e->x, a[i], m, nm);
    return r;
}

static const Dim *dims_subst(Elab *e, const Dim *d, uint32_t n, const AffSubst *m, uint32_t nm) {
    Dim *r = ARENA_ARRAY(e->a, Dim, n);
    for (uint32_t i = 0; i < n; i++)
        r[i] = (Dim){d[i].var, aff_subst(e->x, d[i].lo, m, nm), aff_subst(e->x, d[i].hi, m, nm)};
    return r;
}

static const Cons *conses_subst(Elab *e, const Cons *c, uint32_t n, const AffSubst *m,
                                uint32_t nm) {
    Cons *r = ARENA_ARRAY(e->a, Cons, n);
    for (uint32_t i = 0; i < n; i++) r[i] = cons_subst(e->x, c[i], m, nm);
    return r;
}

static Use use_subst(Elab *e, Use u, const AffSubst *m, uint32_t n) {
    u.idx = affs_subst(e, u.idx, e->p->def.data[u.d].ndim, m, n);
    return u;
}

Arm arm_subst(Elab *e, Arm a, const AffSubst *m, uint32_t n) {
    a.red = dims_subst(e, a.red, a.nred, m, n);
    a.cons = conses_subst(e, a.cons, a.ncons, m, n);
    a.coef = fx_subst(e->fx, a.coef, m, n);
    a.use = use_subst(e, a.use, m, n);
    return a;
}

static bool arm_same(Elab *e, const Arm *a, const Arm *b) {
    bool same = a->coef == b->coef;
    for (uint32_t i = 0; same && i < a->nred; i++)
        same = aff_eq(a->red[i].lo, b->red[i].lo) && aff_eq(a->red[i].hi, b->red[i].hi);
    for (uint32_t i = 0; same && i < a->ncons; i++) same = cons_same(a->cons[i], b->cons[i]);
    for (uint32_t i = 0; same && i < e->p->def.data[a->use.d].ndim; i++)
        same = aff_eq(a->use.idx[i], b->use.idx[i]);
    return same;
}

static Fx vector_subst(Subst *s, Fx f);

static Fx atom_subst(Subst *s, uint32_t k) {
    Elab *e = s->e;
    Atom a = e->atom.data[k];
    if (s->done[k]) return s->done[k];
    bool same = true;
    if (a.kind == ATOM_use) {
        a.use = use_subst(e, a.use, s->m, s->n);
        same = false; /* atom_new finds it again */
    } else if (a.kind == ATOM_sum) {
        ArmVec arms = {0};
        for (uint32_t i = 0; i < a.arms.len; i++) {
            vec_push(e->a, &arms, arm_subst(e, a.arms.data[i], s->m, s->n));
            same &= arm_same(e, &arms.data[i], &a.arms.data[i]);
        }
        a.arms = arms;
    } else {
        Fx f = vector_subst(s, a.f);
        same = f == a.f;
        a.f = f;
    }
    s->done[k] = same ? fx_leaf(e->fx, k) : atom_new(e, a);
    return s->done[k];
}

static Fx vector_subst(Subst *s, Fx f) {
    FxPool *p = s->e->fx;
    f = fx_subst(p, f, s->m, s->n);
    uint32_t nl = fx_nleaf(p, f);
    if (!nl || !tick(s->e)) return f;
    bool *has = ARENA_ARRAY(s->e->a, bool, nl);
    Fx *to = ARENA_ARRAY(s->e->a, Fx, nl);
    fx_leaves(p, f, has);
    for (uint32_t k = 0; k < nl; k++) to[k] = has[k] ? atom_subst(s, k) : 0;
    return fx_map(p, f, to, nl, NULL, 0);
}

static OutTerms outs_subst(Elab *e, const OutTerms *o, const AffSubst *m, uint32_t n) {
    OutTerms r = {0};
    for (uint32_t i = 0; i < o->len; i++) {
        OutTerm t = o->data[i];
        t.coef.f = fx_subst(e->fx, t.coef.f, m, n);
        t.inner = use_subst(e, t.inner, m, n);
        t.red = dims_subst(e, t.red, t.nred, m, n);
        t.cons = conses_subst(e, t.cons, t.ncons, m, n);
        vec_push(e->a, &r, t);
    }
    return r;
}

Value value_subst(Elab *e, Value v, const AffSubst *m, uint32_t n) {
    Subst s = {.e = e, .m = m, .n = n, .natom = e->atom.len};
    if (!n) return v;
    if (v.kind == VAL_number && v.has_aff) return val_int(e, aff_subst(e->x, v.aff, m, n));
    if (v.kind == VAL_number || v.kind == VAL_vector || v.kind == VAL_covector) {
        s.done = ARENA_ARRAY(e->a, Fx, s.natom);
        v.num.f = vector_subst(&s, v.num.f);
    } else if (v.kind == VAL_output) {
        v.out = outs_subst(e, &v.out, m, n);
    } else if (v.kind == VAL_matrix || v.kind == VAL_cmatrix) {
        v.idx = affs_subst(e, v.idx, v.nidx, m, n);
    } else if (v.kind == VAL_family) {
        v.pos = dims_subst(e, v.pos, v.npos, m, n);
        Value of = value_subst(e, *v.of, m, n);
        v.of = arena_copy(e->a, &of, sizeof of);
    }
    return v;
}

/* ---- positions */
Value family_clear(Elab *e, Value v) {
    if (v.kind != VAL_family) return v;
    Dim *pos = arena_copy(e->a, v.pos, v.npos * sizeof *pos);
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, v.npos);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v.npos; i++) {
        pos[i].lo = aff_subst(e->x, pos[i].lo, m, n);
        pos[i].hi = aff_subst(e->x, pos[i].hi, m, n);
        Sym s = loop_var_free(e, pos[i].var);
        if (s == pos[i].var) continue;
        m[n++] = (AffSubst){pos[i].var, aff_name(e->x, s)};
        pos[i].var = s;
    }
    Value of = value_subst(e, *v.of, m, n);
    v.pos = pos;
    v.of = arena_copy(e->a, &of, sizeof of);
    return v;
}

static const char *positions_text(Elab *e, const Dim *d, uint32_t n) {
    Buf b = buf_new(e->a);
    for (uint32_t i = 0; i < n; i++)
        buf_printf(&b, "%s%s..%s", i ? ", " : "", aff_written(e, d[i].lo), aff_written(e, d[i].hi));
    return buf_text(&b);
}

bool sizes_equal(Elab *e, Aff a, Aff b, const char *what, Span sp) {
    ConsVec path = {0};
    path_cons(e, 0, &path);
    if (aff_eq(a, b)) return true;
    return must_hold(e, &path, aff_sub(e->x, a, b), what, sp) &&
           must_hold(e, &path, aff_sub(e->x, b, a), what, sp);
}

bool positions_fit(Elab *e, const Dim *a, const Dim *b, uint32_t n, Span sp) {
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, n);
    for (uint32_t i = 0; i < n; i++) {
        Aff lo = aff_subst(e->x, b[i].lo, m, i), hi = aff_subst(e->x, b[i].hi, m, i);
        const char *what = arena_printf(e->a, "difference of the sizes %s and %s",
                                        aff_written(e, a[i].hi), aff_written(e, hi));
        if (!sizes_equal(e, a[i].lo, lo, what, sp) || !sizes_equal(e, a[i].hi, hi, what, sp))
            return false;
        m[i] = (AffSubst){b[i].var, aff_name(e->x, a[i].var)};
    }
    return true;
}

static bool positions_agree(Elab *e, const Lift *l, const Value *v, uint32_t n, Span sp) {
    if (n == l->npos && positions_fit(e, l->pos, v->pos, n, sp)) return true;
    diag(e->c->ds, positions_differ, sp, positions_text(e, l->pos, l->npos),
         positions_text(e, v->pos, n));
    return false;
}

/* ---- doing something at every position */
static void lift_positions(Elab *e, const Value *v, uint32_t n, Lift *l) {
    Value own = family_clear(e, *v);
    l->pos = own.pos;
    l->npos = n;
    for (uint32_t i = 0; i < n; i++) frame_implicit(e, own.pos[i]);
}

bool lift_open(Elab *e, Value *arg, const uint32_t *up, uint32_t n, Span sp, Lift *l) {
    *l = (Lift){.nframe = e->frame.len};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = up ? up[i] : arg[i].kind == VAL_family ? arg[i].npos : 0;
        if (!k) continue;
        Value v = arg[i];
        if (!l->npos) lift_positions(e, &v, k, l);
        if (!positions_agree(e, l, &v, k, sp)) {
            e->frame.len = l->nframe;
            return false;
        }
        AffSubst *m = ARENA_ARRAY(e->a, AffSubst, k);
        for (uint32_t j = 0; j < k; j++)
            m[j] = (AffSubst){v.pos[j].var, aff_name(e->x, l->pos[j].var)};
        const Dim *rest = dims_subst(e, v.pos + k, v.npos - k, m, k);
        Value of = value_subst(e, *v.of, m, k);
        arg[i] = family_new(e, rest, v.npos - k, of, v.span);
        if (k == v.npos) arg[i].span = v.span;
    }
    return true;
}

Value lift_close(Elab *e, const Lift *l, Value r, Span sp) {
    e->frame.len = l->nframe;
    switch (r.kind) {
    case VAL_none: return r;
    case VAL_number:
    case VAL_vector:
    case VAL_covector:
    case VAL_output:
    case VAL_family: return family_new(e, l->pos, l->npos, r, sp);
    case VAL_matrix:
    case VAL_cmatrix:
    case VAL_vecs:
    case VAL_fn:
    case VAL_word:
    case VAL_array:
    case VAL_carried:
    case VAL_gone: break;
    }
    if (!l->npos) return r;
    diag(e->c->ds, type_expected, sp, "a vector at each position", value_kind(e, &r));
    return val_none();
}

/* ---- other values as families */
static Value vecs_whole(Elab *e, Value v, Span sp) {
    const Family *f = v.fam;
    Dim *pos = ARENA_ARRAY(e->a, Dim, f->nsize);
    Aff *idx = ARENA_ARRAY(e->a, Aff, f->nsize);
    const Def *d = f->def ? &e->p->def.data[f->def] : NULL;
    for (uint32_t i = 0; i < f->nsize; i++) {
        Sym own = d ? d->dim[f->nown + i].var : dim_fresh(e, intern(e->c->syms, "i"));
        pos[i] = (Dim){own, aff_const(0), f->size[i]};
        idx[i] = aff_name(e->x, own);
    }
    return family_clear(e, family_new(e, pos, f->nsize, vecs_member(e, v, idx, sp), sp));
}

Value whole(Elab *e, Value v, Span sp) {
    if (v.kind == VAL_array) return array_whole(e, v.array, sp);
    if (v.kind == VAL_vecs) return vecs_whole(e, v, sp);
    return v;
}

/* ---- families as definitions */
static bool is_use(Elab *e, const Value *v) {
    const FxNode *n = fx_node(e->fx, v->num.f);
    return n->op == FX_leaf && e->atom.data[n->k].kind == ATOM_use && num_pure(v->num);
}

/* name_sym 0: a made-up name where a definition is needed. */
static Value family_settled(Elab *e, Value v, Sym name_sym, const char *name, Span sp) {
    Lift l;
    if (v.kind != VAL_family || v.of->kind != VAL_vector) return v;
    if (!name_sym && is_use(e, v.of)) return v;
    Value m = v, r;
    Pad pad = v.pad;
    if (!lift_open(e, &m, NULL, 1, sp, &l)) return val_none();
    if (!vec_order(e, &m, sp)) {
        e->frame.len = l.nframe;
        return val_none();
    }
    if (name_sym) {
        m = vec_named(e, m, name_sym, sp);
    } else {
        Fx coef;
        Use u;
        if (vec_single(e, m, name, sp, &coef, &u)) {
            r = vec_use(e, u, m.width, m.is_input);
            m.num.f = fx_mul(e->fx, coef, r.num.f);
        } else {
            m.num.f = fx_rat(e->fx, 0, 1);
        }
    }
    r = lift_close(e, &l, m, v.span);
    r.pad = pad;
    return r;
}

Value family_plain(Elab *e, Value v, const char *name, Span sp) {
    return family_settled(e, v, 0, name, sp);
}

Value family_named(Elab *e, Value v, Sym name, Span sp) {
    return family_settled(e, v, name, NULL, sp);
}

/* ---- members */
static const char *family_name(Elab *e, const AstExpr *x) {
    return x->kind == AE_name ? sym_text(e->c->syms, x->name) : "the family";
}

Value family_member(Elab *e, Value v, const Aff *idx, uint32_t n, const AstExpr *x) {
    const char *name = family_name(e, x->index.of);
    if (n > v.npos || (v.pad && n != v.npos)) {
        diag(e->c->ds, index_count, x->span, name, v.npos, n);
        return val_none();
    }
    v = family_plain(e, v, "f", x->index.of->span);
    if (v.kind == VAL_none) return v;
    if (v.pad) return pad_member(e, v, idx, x);
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, n);
    for (uint32_t i = 0; i < n; i++) {
        Aff lo = aff_subst(e->x, v.pos[i].lo, m, i), hi = aff_subst(e->x, v.pos[i].hi, m, i);
        if (!index_in(e, idx[i], lo, hi, x->index.at.data[i].e->span, name)) return val_none();
        m[i] = (AffSubst){v.pos[i].var, idx[i]};
    }
    const Dim *rest = dims_subst(e, v.pos + n, v.npos - n, m, n);
    return family_new(e, rest, v.npos - n, value_subst(e, *v.of, m, n), x->span);
}

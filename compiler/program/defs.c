/* Making definitions: which loops they range over, sharing of equal ones. */
#include "program/elab.h"

bool aff_uses(Aff a, Sym name) { return aff_coef(a, name) != 0; }

static bool taken(const Syms *list, Sym s) {
    for (uint32_t i = 0; i < list->len; i++)
        if (list->data[i] == s) return true;
    return false;
}

const char *aff_written(Elab *e, Aff a) {
    Buf b = buf_new(e->a);
    aff_print(e->c->syms, &b, aff_subst(e->x, a, e->as_written.data, e->as_written.len));
    return buf_text(&b);
}

Diag *index_outside(Elab *e, Aff i, Aff lo, Aff hi, Span sp, const char *of) {
    const char *range = arena_printf(e->a, "%s..%s", aff_written(e, lo), aff_written(e, hi));
    return diag(e->c->ds, index_range, sp, aff_written(e, i), of, range);
}

void def_rename(Elab *e, DefId d, Sym to) {
    if (e->user_named.data[d]) return;
    e->user_named.data[d] = true;
    name_free(e, &e->names, e->p->def.data[d].name); /* made up */
    e->p->def.data[d].name = name_fresh(e, sym_text(e->c->syms, to));
}

DefId def_reserve(Elab *e, Def d, const char *base) {
    d.name = name_fresh(e, base);
    vec_push(e->a, &e->p->def, d);
    vec_push(e->a, &e->user_named, false);
    vec_push(e->a, &e->open, false);
    return e->p->def.len - 1;
}

Use def_own(Elab *e, DefId d, Span sp) {
    const Def *def = &e->p->def.data[d];
    Aff *idx = ARENA_ARRAY(e->a, Aff, def->ndim);
    for (uint32_t i = 0; i < def->ndim; i++) idx[i] = aff_name(e->x, def->dim[i].var);
    return (Use){d, idx, sp};
}

/* ---- which loop variables a definition mentions */
static void note_aff(Elab *e, Aff a, Syms *out) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!aff_size_only(e->x, aff_name(e->x, a.term[i].name)) && !taken(out, a.term[i].name))
            vec_push(e->a, out, a.term[i].name);
}

static void note_cons(Elab *e, Cons c, Syms *out) {
    if (c.kind != CONS_not) note_aff(e, c.e, out);
    for (uint32_t i = 0; c.kind == CONS_not && i < c.nof; i++) note_cons(e, c.of[i], out);
}

static void note_fx(Elab *e, Fx f, Syms *out) {
    const FxNode *n = fx_node(e->fx, f);
    if (n->op == FX_index) note_aff(e, n->aff, out);
    for (uint32_t i = 0; i < n->nidx; i++) note_aff(e, n->idx[i], out);
    for (uint32_t i = 0; i < fx_arity(n->op); i++) note_fx(e, n->arg[i], out);
}

static void note_use(Elab *e, Use u, Syms *out) {
    for (uint32_t i = 0; i < e->p->def.data[u.d].ndim; i++) note_aff(e, u.idx[i], out);
}

static void note_arm(Elab *e, const Arm *a, Syms *out) {
    Syms all = {0};
    for (uint32_t i = 0; i < a->nred; i++) {
        note_aff(e, a->red[i].lo, &all);
        note_aff(e, a->red[i].hi, &all);
    }
    for (uint32_t i = 0; i < a->ncons; i++) note_cons(e, a->cons[i], &all);
    note_fx(e, a->coef, &all);
    note_use(e, a->use, &all);
    for (uint32_t i = 0; i < all.len; i++) {
        bool bound = false;
        for (uint32_t k = 0; k < a->nred; k++) bound |= a->red[k].var == all.data[i];
        if (!bound && !taken(out, all.data[i])) vec_push(e->a, out, all.data[i]);
    }
}

static void note_def(Elab *e, const Def *d, Syms *out) {
    note_aff(e, d->basis, out);
    for (uint32_t i = 0; i < d->nfidx; i++) note_aff(e, d->fidx[i], out);
    for (uint32_t i = 0; i < d->nuse; i++) note_use(e, d->use[i], out);
    if (d->f) note_fx(e, d->f, out);
    for (uint32_t i = 0; i < d->narm; i++) note_arm(e, &d->arm[i], out);
}

/* ---- ranges */
/* Are the operand's indices inside its ranges, for all dims (and the arm's reductions, guards)? */
static bool use_fits(Elab *e, const Dims *dims, const Arm *arm, Use u) {
    const Def *o = &e->p->def.data[u.d];
    ConsVec path = {0};
    if (e->open.data[u.d]) return true; /* checked when it is closed */
    for (uint32_t i = 0; i < dims->len; i++)
        cons_range(e->x, &path, dims->data[i].var, dims->data[i].lo, dims->data[i].hi);
    for (uint32_t i = 0; arm && i < arm->nred; i++)
        cons_range(e->x, &path, arm->red[i].var, arm->red[i].lo, arm->red[i].hi);
    for (uint32_t i = 0; arm && i < arm->ncons; i++) vec_push(e->a, &path, arm->cons[i]);
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, o->ndim);
    for (uint32_t i = 0; i < o->ndim; i++) {
        Aff lo = aff_subst(e->x, o->dim[i].lo, m, i), hi = aff_subst(e->x, o->dim[i].hi, m, i);
        bool wraps = o->wrap >> i & 1;
        if (!wraps && (!aff_implied(e->x, path.data, path.len, cons_le(e->x, lo, u.idx[i])) ||
                       !aff_implied(e->x, path.data, path.len, cons_lt(e->x, u.idx[i], hi))))
            return false;
        m[i] = (AffSubst){o->dim[i].var, u.idx[i]};
    }
    return true;
}

bool use_inside(Elab *e, Use u) {
    Dims none = {0};
    ConsVec path = {0};
    path_cons(e, 0, &path);
    return use_fits(e, &none, &(Arm){.cons = path.data, .ncons = path.len}, u);
}

typedef struct ScalarsFit {
    Elab *e;
    const Dims *dims;
    const Arm *arm;
    bool ok;
} ScalarsFit;

static void scalar_fits(void *ctx, Fx sref) {
    ScalarsFit *s = ctx;
    FxNode n = *fx_node(s->e->fx, sref);
    s->ok = s->ok && use_fits(s->e, s->dims, s->arm, (Use){.d = n.k, .idx = n.idx});
}

static bool scalars_fit(Elab *e, const Dims *dims, const Arm *arm, Fx f) {
    ScalarsFit s = {e, dims, arm, true};
    if (f) fx_srefs(e->fx, f, scalar_fits, &s);
    return s.ok;
}

static bool def_fits(Elab *e, const Def *d, const Dims *dims) {
    for (uint32_t i = 0; i < d->nuse; i++)
        if (!use_fits(e, dims, NULL, d->use[i])) return false;
    for (uint32_t i = 0; i < d->narm; i++)
        if (!use_fits(e, dims, &d->arm[i], d->arm[i].use) ||
            !scalars_fit(e, dims, &d->arm[i], d->arm[i].coef))
            return false;
    return scalars_fit(e, dims, NULL, d->f);
}

/* The bound with the variables of frames[0..n) that are not wanted put at their extremes: it covers
 * all their turns. */
static Aff bound_cover(Elab *e, Aff a, uint32_t n, const Syms *want, bool upper) {
    for (uint32_t i = n; i-- > 0;) {
        const Frame *f = &e->frame.data[i];
        if (!f->is_loop || taken(want, f->dim.var)) continue;
        int32_t k = aff_coef(a, f->dim.var);
        if (!k) continue;
        Aff to = (k > 0) == upper ? aff_plus(f->dim.hi, -1) : f->dim.lo;
        AffSubst m = {f->dim.var, to};
        a = aff_subst(e->x, a, &m, 1);
    }
    return a;
}

/* Guards around the current place cut the range of a dim, where its bound is weaker. */
static void dims_tighten(Elab *e, Dims *dims) {
    for (uint32_t i = 0; i < e->frame.len; i++) {
        const Frame *f = &e->frame.data[i];
        if (f->is_loop || f->cons.kind == CONS_not) continue;
        for (uint32_t k = dims->len; k-- > 0;) {
            Dim *d = &dims->data[k];
            int32_t c = aff_coef(f->cons.e, d->var);
            if (c != 1 && c != -1) continue;
            Aff rest = aff_sub(e->x, f->cons.e, aff_scale(e->x, aff_name(e->x, d->var), c));
            bool known = true;
            for (uint32_t t = 0; t < rest.nterm; t++) {
                Aff v = aff_name(e->x, rest.term[t].name);
                bool earlier = aff_size_only(e->x, v);
                for (uint32_t q = 0; q < k; q++) earlier |= dims->data[q].var == rest.term[t].name;
                known &= earlier;
            }
            if (!known) continue;
            Aff at = c == 1 ? aff_scale(e->x, rest, -1) : rest;
            ConsVec path = {0};
            path_cons(e, 0, &path);
            bool eq = f->cons.kind == CONS_eq;
            if ((c == 1 || eq) && aff_implied(e->x, path.data, path.len, cons_le(e->x, d->lo, at)))
                d->lo = at;
            if ((c == -1 || eq) &&
                aff_implied(e->x, path.data, path.len, cons_le(e->x, aff_plus(at, 1), d->hi)))
                d->hi = aff_plus(at, 1);
            break;
        }
    }
}

static void dims_collect(Elab *e, Syms *need, bool cover, Dims *out) {
    uint32_t n = e->frame.len;
    for (uint32_t i = n; !cover && i-- > 0;) { /* bounds drag their outer variables in */
        const Frame *f = &e->frame.data[i];
        if (!f->is_loop || !taken(need, f->dim.var)) continue;
        note_aff(e, f->dim.lo, need);
        note_aff(e, f->dim.hi, need);
    }
    out->len = 0;
    for (uint32_t i = 0; i < n; i++) {
        const Frame *f = &e->frame.data[i];
        if (!f->is_loop || !taken(need, f->dim.var)) continue;
        Aff lo = bound_cover(e, f->dim.lo, i, need, false);
        Aff hi = bound_cover(e, f->dim.hi, i, need, true);
        vec_push(e->a, out, (Dim){f->dim.var, lo, hi});
    }
}

/* An operand of unknown extent: the conditions around are what keeps the index inside. */
static bool reads_open(Elab *e, const Def *d) {
    bool open = false, guarded = false;
    for (uint32_t i = 0; i < d->nuse; i++) open |= e->open.data[d->use[i].d];
    for (uint32_t i = 0; i < d->narm; i++) open |= e->open.data[d->arm[i].use.d];
    for (uint32_t i = 0; i < e->frame.len; i++) guarded |= !e->frame.data[i].is_loop;
    return open && guarded;
}

/* The loops a definition depends on.  A range that mentions an outer variable which the definition
 * does not depend on is widened over all its turns, where the operands allow it. */
static void def_dims(Elab *e, const Def *d, Dims *dims) {
    Syms need = {0};
    note_def(e, d, &need);
    dims_collect(e, &need, true, dims);
    if (!reads_open(e, d) && def_fits(e, d, dims)) return;
    dims_tighten(e, dims);
    if (def_fits(e, d, dims)) return;
    dims_collect(e, &need, false, dims);
    if (def_fits(e, d, dims)) return;
    dims_tighten(e, dims);
    if (def_fits(e, d, dims)) return;
    for (uint32_t i = 0; i < e->frame.len; i++) /* guards may relate it to other loops */
        if (!e->frame.data[i].is_loop) note_cons(e, e->frame.data[i].cons, &need);
    dims_collect(e, &need, false, dims);
    dims_tighten(e, dims);
}

/* ---- sharing */
static bool affs_same(const Aff *a, const Aff *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (!aff_eq(a[i], b[i])) return false;
    return true;
}

static bool dims_same(const Dim *a, const Dim *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (a[i].var != b[i].var || !aff_eq(a[i].lo, b[i].lo) || !aff_eq(a[i].hi, b[i].hi))
            return false;
    return true;
}

static bool use_same(Elab *e, Use a, Use b) {
    return a.d == b.d && affs_same(a.idx, b.idx, e->p->def.data[a.d].ndim);
}

static bool arms_same(Elab *e, const Def *a, const Def *b) {
    if (a->narm != b->narm || a->over != b->over || b->mu || a->wrap || b->wrap) return false;
    for (uint32_t i = 0; i < a->narm; i++) {
        const Arm *x = &a->arm[i], *y = &b->arm[i];
        if (x->coef != y->coef || x->ncons != y->ncons || x->nred != y->nred ||
            !dims_same(x->red, y->red, x->nred) || !use_same(e, x->use, y->use))
            return false;
        for (uint32_t k = 0; k < x->ncons; k++)
            if (!cons_same(x->cons[k], y->cons[k])) return false;
    }
    return true;
}

static bool def_same(Elab *e, const Def *a, const Def *b) {
    if (a->op != b->op || a->ndim != b->ndim || a->width != b->width || a->fam != b->fam ||
        a->transposed != b->transposed || a->f != b->f || a->nuse != b->nuse ||
        a->input != b->input || a->nfidx != b->nfidx || !aff_eq(a->basis, b->basis))
        return false;
    if (!dims_same(a->dim, b->dim, a->ndim) || !affs_same(a->fidx, b->fidx, a->nfidx)) return false;
    for (uint32_t i = 0; i < a->nuse; i++)
        if (!use_same(e, a->use[i], b->use[i])) return false;
    return (!a->narm && !b->narm) || arms_same(e, a, b);
}

/* With the dims that were found: shared with an equal one, or new. */
static Use def_with(Elab *e, Def d, const Dims *found, const char *base) {
    Dims dims = *found;
    d.dim = dims.data;
    d.ndim = dims.len;
    bool sums = d.op == PO_lin && !e->learnt->grad; /* by which of two equal ones may matter */
    bool shared = d.op != PO_input && d.op != PO_output && (d.op != PO_lin || sums);
    for (uint32_t i = 1; shared && i < e->p->def.len; i++)
        if (def_same(e, &d, &e->p->def.data[i])) return def_own(e, i, d.span);
    return def_own(e, def_reserve(e, d, base), d.span);
}

Use def_make(Elab *e, Def d, const char *base) {
    Dims dims = {0};
    def_dims(e, &d, &dims);
    return def_with(e, d, &dims, base);
}

Use def_make_over(Elab *e, Def d, Sym over, const char *base) {
    Dims dims = {0};
    Syms need = {0};
    note_def(e, &d, &need);
    if (!taken(&need, over)) vec_push(e->a, &need, over);
    dims_collect(e, &need, false, &dims); /* its range is part of the meaning: not widened */
    for (d.over = 0; dims.data[d.over].var != over; d.over++) {}
    return def_with(e, d, &dims, base);
}

/* From the working form to limit.h: every array over its free axes only, bounds drawn together,
 * stages, names, self twins.  What is not reachable from the outputs is dropped. */
#include "limit/derive.h"

typedef struct Resolved { /* per WArray, while it is being resolved */
    VEC(Dim) axis;
    Path domain; /* what the axes' bounds say */
    LTerms eq;   /* simplified, refs still in working form */
    const AffSubst *rename; /* axes to the names of the loops they step along with */
    uint32_t nrename;
    bool done, varies, zero;
} Resolved;

typedef struct Resolve {
    Derive *L;
    Resolved *r; /* by number of WArray */
    VEC(uint32_t) order;
    bool second; /* equations are there already */
} Resolve;

/* ---- axes */
static void axis_push(Resolve *R, Resolved *o, Sym var, Aff lo, Aff hi) {
    vec_push(R->L->a, &o->axis, (Dim){var, lo, hi});
}

static void free_axes(Resolve *R, const WArray *r, Resolved *o, const AffSubst *m, uint32_t n) {
    Derive *L = R->L;
    const Def *da = def_of(L, r->A), *db = r->B ? def_of(L, r->B) : NULL;
    for (uint32_t i = 0; i < da->ndim; i++)
        if (!r->is_fixed[i])
            axis_push(R, o, da->dim[i].var, aff_subst(L->x, da->dim[i].lo, m, n),
                      aff_subst(L->x, da->dim[i].hi, m, n));
    if (!db) return;
    uint32_t nb;
    const AffSubst *bind = elem_bind(L, elem_primed(L, r->B), !r->self, &nb);
    for (uint32_t i = 0; i < db->ndim; i++) {
        const Link *l = &r->link[i];
        if (r->is_fixed[da->ndim + i] || link_equal(l)) continue;
        Aff lo = aff_subst(L->x, aff_subst(L->x, db->dim[i].lo, bind, nb), m, n);
        Aff hi = aff_subst(L->x, aff_subst(L->x, db->dim[i].hi, bind, nb), m, n);
        if (l->on) {
            Aff left = aff_subst(L->x, aff_name(L->x, da->dim[l->a].var), m, n);
            lo = aff_add(L->x, left, l->lo);
            hi = aff_plus(aff_add(L->x, left, l->hi), 1);
        }
        axis_push(R, o, affctx_prime(L->x, db->dim[i].var), lo, hi);
    }
}

static Path axes_domain(Derive *L, const Resolved *o, uint32_t n) {
    ConsVec v = {0};
    path_range(L, &v, o->axis.data, n, NULL, 0);
    return (Path){v.data, v.len};
}

/* Can c (e >= 0) be a bound of axis k: its variable with coefficient +-1, none of a later axis? */
static bool bounds_axis(const Resolved *o, Cons c, uint32_t k) {
    int32_t s = aff_coef(c.e, o->axis.data[k].var);
    if (s != 1 && s != -1) return false;
    for (uint32_t i = k + 1; i < o->axis.len; i++)
        if (aff_mentions(c.e, o->axis.data[i].var)) return false;
    return true;
}

/* Draw a bound together where the new one is always the tighter; else c stays a guard. */
static void tighten(Derive *L, Resolved *o, Cons c) {
    for (uint32_t k = 0; k < o->axis.len; k++) {
        if (!bounds_axis(o, c, k)) continue;
        Dim *d = &o->axis.data[k];
        Path before = axes_domain(L, o, k);
        int32_t s = aff_coef(c.e, d->var);
        Aff rest = aff_sub(L->x, c.e, aff_scale(L->x, aff_name(L->x, d->var), s));
        Aff lo = aff_scale(L->x, rest, -1), hi = aff_plus(rest, 1);
        if (s > 0 && aff_implied(L->x, before.c, before.n, cons_le(L->x, d->lo, lo))) d->lo = lo;
        if (s < 0 && aff_implied(L->x, before.c, before.n, cons_le(L->x, hi, d->hi))) d->hi = hi;
        return;
    }
}

static bool holds(Derive *L, Path p, Cons c) { return aff_implied(L->x, p.c, p.n, c); }

static void axes_make(Resolve *R, uint32_t i, const AffSubst *m, uint32_t n, ConsVec *guard) {
    Derive *L = R->L;
    const WArray *r = &L->arr.data[i];
    Resolved *o = &R->r[i];
    Path dom = warray_domain(L, r);
    Cons *c = ARENA_ARRAY(L->a, Cons, dom.n);
    for (uint32_t k = 0; k < dom.n; k++) c[k] = cons_subst(L->x, dom.c[k], m, n);
    free_axes(R, r, o, m, n);
    for (uint32_t k = 0; k < dom.n; k++)
        if (c[k].kind == CONS_ge && !holds(L, axes_domain(L, o, o->axis.len), c[k]))
            tighten(L, o, c[k]);
    o->domain = axes_domain(L, o, o->axis.len);
    for (uint32_t k = 0; k < dom.n; k++)
        if (!holds(L, o->domain, c[k])) vec_push(L->a, guard, c[k]);
}

/* ---- reading */
static void reach(Resolve *R, uint32_t i);

static void reach_terms(Resolve *R, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++) {
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            const LFactor *f = &t.term[i].factor[k];
            if (f->kind == LF_ref) reach(R, f->ref.array);
            if (f->kind != LF_exp) continue;
            for (uint32_t p = 0; p < f->exp->nleaf; p++) {
                reach_terms(R, f->exp->mean[p]);
                for (uint32_t q = p; q < f->exp->nleaf; q++)
                    reach_terms(R, f->exp->cov[p * f->exp->nleaf + q]);
            }
        }
    }
}

static uint32_t find_self(const Derive *L, DefId d) {
    for (uint32_t i = 1; i < L->arr.len; i++) {
        const WArray *r = &L->arr.data[i];
        if (r->kind == LK_C && r->self && r->A == d && r->B == d) return i;
    }
    return 0;
}

/* ---- names of axes */
static bool reduces(LTerms t, Sym v) {
    for (uint32_t i = 0; i < t.n; i++) {
        for (uint32_t k = 0; k < t.term[i].nred; k++)
            if (t.term[i].red[k].var == v) return true;
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            const LExp *e = t.term[i].factor[k].kind == LF_exp ? t.term[i].factor[k].exp : NULL;
            for (uint32_t p = 0; e && p < e->nleaf; p++) {
                if (reduces(e->mean[p], v)) return true;
                for (uint32_t q = p; q < e->nleaf; q++)
                    if (reduces(e->cov[p * e->nleaf + q], v)) return true;
            }
        }
    }
    return false;
}

static bool is_axis(const Resolved *o, Sym v) {
    for (uint32_t i = 0; i < o->axis.len; i++)
        if (o->axis.data[i].var == v) return true;
    return false;
}

static Sym home_of(Derive *L, const WArray *r, Sym v) {
    const Def *da = def_of(L, r->A), *db = r->B ? def_of(L, r->B) : NULL;
    for (uint32_t k = 0; k < da->ndim; k++)
        if (da->dim[k].var == v) return L->def[r->A].home[k];
    for (uint32_t k = 0; db && k < db->ndim; k++)
        if (affctx_prime(L->x, db->dim[k].var) == v)
            return affctx_prime(L->x, L->def[r->B].home[k]);
    return v;
}

static void rename_axes(Resolve *R, uint32_t i) {
    Derive *L = R->L;
    Resolved *o = &R->r[i];
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, o->axis.len);
    for (uint32_t k = 0; k < o->axis.len; k++) {
        Sym v = o->axis.data[k].var, w = home_of(L, &L->arr.data[i], v);
        if (w == v || is_axis(o, w) || reduces(o->eq, w)) continue;
        m[o->nrename++] = (AffSubst){v, aff_name(L->x, w)};
        o->axis.data[k].var = w;
    }
    o->rename = m;
    if (!o->nrename) return;
    for (uint32_t k = 0; k < o->axis.len; k++) {
        Dim *d = &o->axis.data[k];
        d->lo = aff_subst(L->x, d->lo, m, o->nrename);
        d->hi = aff_subst(L->x, d->hi, m, o->nrename);
    }
    o->eq = terms_subst(L, o->eq, m, o->nrename);
    o->domain = axes_domain(L, o, o->axis.len);
}

/* Elements outside what the axes can say do not exist: their terms are guarded away. */
static void equation(Resolve *R, uint32_t i) {
    Derive *L = R->L;
    const WArray *r = &L->arr.data[i];
    uint32_t n;
    const AffSubst *m = warray_names(L, r, &n);
    ConsVec guard = {0};
    TermVec own = {0}, t = {0};
    axes_make(R, i, m, n, &guard);
    LTerms eq = terms_subst(L, r->eq, m, n);
    for (uint32_t k = 0; k < eq.n; k++) vec_push(L->a, &own, eq.term[k]);
    terms_prefix(L, NULL, 0, guard.data, guard.len, NULL, 0, &own, &t);
    R->r[i].eq = terms_simplify(L, terms_done(&t), R->r[i].domain);
    rename_axes(R, i);
}

static void reach(Resolve *R, uint32_t i) {
    if (R->r[i].done) return;
    R->r[i].done = true;
    const WArray *r = &R->L->arr.data[i];
    if (!R->second) equation(R, i);
    reach_terms(R, R->r[i].eq);
    if (r->kind == LK_C && !r->self && r->A == r->B) {
        uint32_t twin = find_self(R->L, r->A);
        if (twin) reach(R, twin);
    }
    vec_push(R->L->a, &R->order, i);
}

/* ---- what is 0 */
static bool term_zero(const Resolve *R, const LTerm *t) {
    for (uint32_t k = 0; k < t->nfactor; k++)
        if (t->factor[k].kind == LF_ref && R->r[t->factor[k].ref.array].zero) return true;
    return false;
}

static LTerms drop_zeros(Resolve *R, LTerms t) {
    TermVec v = {0};
    for (uint32_t i = 0; i < t.n; i++) {
        LTerm m = t.term[i];
        if (term_zero(R, &m)) continue;
        LFactor *f = arena_copy(R->L->a, m.factor, m.nfactor * sizeof *f);
        for (uint32_t k = 0; k < m.nfactor; k++) {
            if (f[k].kind != LF_exp) continue;
            LExp *e = arena_copy(R->L->a, f[k].exp, sizeof *e);
            LTerms *cov = arena_copy(R->L->a, e->cov, e->nleaf * e->nleaf * sizeof *cov);
            LTerms *mean = arena_copy(R->L->a, e->mean, e->nleaf * sizeof *mean);
            for (uint32_t p = 0; p < e->nleaf * e->nleaf; p++) cov[p] = drop_zeros(R, cov[p]);
            for (uint32_t p = 0; p < e->nleaf; p++) mean[p] = drop_zeros(R, mean[p]);
            e->cov = cov;
            e->mean = mean;
            f[k].exp = e;
        }
        m.factor = f;
        vec_push(R->L->a, &v, m);
    }
    return terms_done(&v);
}

/* Greatest fixpoint: arrays all of whose terms read such an array are 0; reads of them go. */
static bool zeros(Resolve *R) {
    bool any = false;
    for (uint32_t k = 0; k < R->order.len; k++) R->r[R->order.data[k]].zero = true;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t k = 0; k < R->order.len; k++) {
            Resolved *o = &R->r[R->order.data[k]];
            for (uint32_t i = 0; o->zero && i < o->eq.n; i++)
                if (!term_zero(R, &o->eq.term[i])) o->zero = false, again = true;
        }
    }
    for (uint32_t k = 0; k < R->order.len; k++) any |= R->r[R->order.data[k]].zero;
    return any;
}

/* What is still read, once the reads of zeros are gone. */
static void drop_unread(Resolve *R, Limit *l) {
    if (!zeros(R)) return;
    for (uint32_t k = 0; k < R->order.len; k++) {
        Resolved *o = &R->r[R->order.data[k]];
        o->eq = drop_zeros(R, o->eq);
        o->done = false;
    }
    R->order.len = 0;
    R->second = true;
    for (uint32_t k = 0; k < l->nout; k++) {
        l->out[k].value = drop_zeros(R, l->out[k].value);
        reach_terms(R, l->out[k].value);
    }
}

/* ---- stages */
static bool terms_vary(const Resolve *R, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++) {
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            const LFactor *f = &t.term[i].factor[k];
            if (f->kind == LF_gram) return true;
            if (f->kind == LF_ref && R->r[f->ref.array].varies) return true;
            if (f->kind != LF_exp) continue;
            for (uint32_t p = 0; p < f->exp->nleaf; p++) {
                if (terms_vary(R, f->exp->mean[p])) return true;
                for (uint32_t q = p; q < f->exp->nleaf; q++)
                    if (terms_vary(R, f->exp->cov[p * f->exp->nleaf + q])) return true;
            }
        }
    }
    return false;
}

static bool own_size(const Derive *L, const Resolved *o) {
    for (uint32_t i = 0; i < o->axis.len; i++)
        for (uint32_t k = 0; k < L->nright_sizes; k++)
            if (aff_mentions(o->axis.data[i].lo, L->right_sizes[k].name) ||
                aff_mentions(o->axis.data[i].hi, L->right_sizes[k].name))
                return true;
    return false;
}

static void stages(Resolve *R) {
    for (bool again = true; again;) {
        again = false;
        for (uint32_t k = 0; k < R->order.len; k++) {
            uint32_t i = R->order.data[k];
            Resolved *o = &R->r[i];
            if (o->varies) continue;
            o->varies = !R->L->arr.data[i].self || own_size(R->L, o) || terms_vary(R, o->eq);
            again |= o->varies;
        }
    }
}

/* ---- references over free axes */
static LTerms convert(Resolve *R, LTerms t);

static LRef convert_ref(Resolve *R, LRef f) {
    Derive *L = R->L;
    const WArray *r = &L->arr.data[f.array];
    uint32_t na = def_of(L, r->A)->ndim, n = warray_nidx(L, r), k = 0;
    Aff *idx = ARENA_ARRAY(L->a, Aff, n);
    for (uint32_t i = 0; i < n; i++)
        if (!r->is_fixed[i] && (i < na || !link_equal(&r->link[i - na]))) idx[k++] = f.idx[i];
    Side side = r->self && R->r[f.array].varies ? f.side : SIDE_none;
    return (LRef){r->id, side, idx};
}

static const LExp *convert_exp(Resolve *R, const LExp *e) {
    Arena *a = R->L->a;
    LExp *o = arena_copy(a, e, sizeof *e);
    uint32_t n = e->nleaf;
    LTerms *cov = ARENA_ARRAY(a, LTerms, n * n), *mean = ARENA_ARRAY(a, LTerms, n);
    for (uint32_t p = 0; p < n; p++) {
        mean[p] = convert(R, e->mean[p]);
        for (uint32_t q = p; q < n; q++) cov[p * n + q] = convert(R, e->cov[p * n + q]);
    }
    o->cov = cov;
    o->mean = mean;
    return o;
}

static LTerms convert(Resolve *R, LTerms t) {
    Arena *a = R->L->a;
    LTerm *out = ARENA_ARRAY(a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) {
        out[i] = t.term[i];
        LFactor *f = arena_copy(a, t.term[i].factor, t.term[i].nfactor * sizeof *f);
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            if (f[k].kind == LF_exp) f[k].exp = convert_exp(R, f[k].exp);
            if (f[k].kind != LF_ref) continue;
            f[k].ref = convert_ref(R, f[k].ref);
            f[k].side = f[k].ref.side;
        }
        out[i].factor = f;
    }
    return (LTerms){out, t.n};
}

static bool inside(Resolve *R, const Resolved *o, const Aff *idx, Path domain) {
    Derive *L = R->L;
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, o->axis.len);
    for (uint32_t i = 0; i < o->axis.len; i++) {
        Aff lo = aff_subst(L->x, o->axis.data[i].lo, m, i);
        Aff hi = aff_subst(L->x, o->axis.data[i].hi, m, i);
        m[i] = (AffSubst){o->axis.data[i].var, idx[i]};
        if (!holds(L, domain, cons_le(L->x, lo, idx[i]))) return false;
        if (!holds(L, domain, cons_lt(L->x, idx[i], hi))) return false;
    }
    return true;
}

/* The self array of definition d at element e of a pair array over domain, where it is stored. */
static LRef twin_ref(Resolve *R, Elem e, Side side, Path domain) {
    Derive *L = R->L;
    uint32_t i = find_self(L, e.d), nd = def_of(L, e.d)->ndim;
    if (!i || !R->r[i].done) return (LRef){0};
    const WArray *r = &L->arr.data[i];
    Aff *idx = ARENA_ARRAY(L->a, Aff, 2 * nd);
    for (uint32_t k = 0; k < 2 * nd; k++) {
        idx[k] = e.idx[k % nd];
        bool there = !r->is_fixed[k] || holds(L, domain, cons_eq(L->x, idx[k], r->fixed[k]));
        if (!there) return (LRef){0};
    }
    for (uint32_t k = 0; k < nd; k++) {
        const Link *l = &r->link[k];
        if (!l->on) continue;
        Aff d = aff_sub(L->x, e.idx[k], e.idx[l->a]);
        bool above = holds(L, domain, cons_le(L->x, l->lo, d));
        if (!above || !holds(L, domain, cons_le(L->x, d, l->hi))) return (LRef){0};
    }
    LRef f = convert_ref(R, (LRef){i, side, idx});
    return inside(R, &R->r[i], f.idx, domain) ? f : (LRef){0};
}

static void twins(Resolve *R, uint32_t i, LArray *o) {
    Derive *L = R->L;
    const WArray *r = &L->arr.data[i];
    if (r->self || (r->kind != LK_C && r->kind != LK_T)) return;
    uint32_t n;
    const AffSubst *m = warray_names(L, r, &n);
    Elem a = elem_own(L, r->A), b = elem_primed(L, r->B);
    a = elem_use(L, (Use){.d = a.d, .idx = a.idx}, m, n);
    b = elem_use(L, (Use){.d = b.d, .idx = b.idx}, m, n);
    a = elem_use(L, (Use){.d = a.d, .idx = a.idx}, R->r[i].rename, R->r[i].nrename);
    b = elem_use(L, (Use){.d = b.d, .idx = b.idx}, R->r[i].rename, R->r[i].nrename);
    o->self[0] = twin_ref(R, a, SIDE_x, R->r[i].domain);
    o->self[1] = twin_ref(R, b, SIDE_y, R->r[i].domain);
}

/* ---- names */
static Sym array_name(Derive *L, const WArray *r, const Limit *l) {
    const char *a = sym_text(L->c->syms, def_of(L, r->A)->name), *s = "";
    const char *b = r->B ? sym_text(L->c->syms, def_of(L, r->B)->name) : "";
    switch (r->kind) {
    case LK_C: s = arena_printf(L->a, "%s.%s.%s", r->self ? "q" : "K", a, b); break;
    case LK_T: s = arena_printf(L->a, "%s.%s.%s", r->self ? "t" : "Th", a, b); break;
    case LK_M: s = arena_printf(L->a, "mean.%s", a); break;
    case LK_D: s = arena_printf(L->a, "deriv%u.%s", r->leaf, a); break;
    case LK_S:
    case LK_N:
    case LK_F:
    case LK_E:
    case LK_O:
    case LK_H: break; /* made by later stages */
    }
    for (uint32_t i = 1; i < l->array.len; i++)
        if (l->array.data[i].name == intern(L->c->syms, s)) {
            s = arena_printf(L->a, "%s_", s);
            i = 0;
        }
    return intern(L->c->syms, s);
}

static void array_push(Resolve *R, uint32_t i, Limit *l) {
    Derive *L = R->L;
    WArray *r = &L->arr.data[i];
    Resolved *o = &R->r[i];
    LArray a = {.kind = r->kind, .A = r->A, .B = r->B, .leaf = r->leaf,
                .axis = o->axis.data, .naxis = o->axis.len, .span = def_of(L, r->A)->span};
    a.stage = !r->self ? LS_pair : o->varies ? LS_sample : LS_const;
    a.name = array_name(L, r, l);
    vec_push(L->a, &l->array, a);
}

void limit_resolve(Derive *L, Limit *l) {
    Resolve R = {.L = L, .r = ARENA_ARRAY(L->a, Resolved, L->arr.len)};
    for (uint32_t k = 0; k < l->nout; k++) {
        ConsVec v = {0};
        path_range(L, &v, L->p->out_dim, L->p->nout_dim, NULL, 0);
        l->out[k].value = terms_simplify(L, l->out[k].value, (Path){v.data, v.len});
        reach_terms(&R, l->out[k].value);
    }
    drop_unread(&R, l);
    stages(&R);
    vec_push(L->a, &l->array, (LArray){0});
    for (uint32_t k = 0; k < R.order.len; k++) {
        L->arr.data[R.order.data[k]].id = k + 1;
        array_push(&R, R.order.data[k], l);
    }
    for (uint32_t k = 0; k < R.order.len; k++) {
        uint32_t i = R.order.data[k];
        l->array.data[k + 1].eq = convert(&R, R.r[i].eq);
        twins(&R, i, &l->array.data[k + 1]);
    }
    for (uint32_t k = 0; k < l->nout; k++) l->out[k].value = convert(&R, l->out[k].value);
}

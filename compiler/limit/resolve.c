/* From the working form to limit.h: every array over its free axes only, bounds drawn together,
 * stages, names, self twins.  What is not reachable from the outputs is dropped. */
#include "limit/derive.h"
#include "limit/parts.h"

typedef struct Resolved { /* per WArray, while it is being resolved */
    VEC(Dim) axis;
    uint32_t wrap; /* bit k: indices of axis k are taken modulo its extent */
    ConsVec cons; /* what the axes' bounds cannot say: elements only exist there */
    Path domain;  /* all of this */
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
static void axis_push(Resolve *R, Resolved *o, Sym var, Aff lo, Aff hi, bool wrap) {
    if (wrap) o->wrap |= 1u << o->axis.len;
    vec_push(R->L->a, &o->axis, (Dim){var, lo, hi});
}

static void free_axes(Resolve *R, const WArray *r, Resolved *o, const AffSubst *m, uint32_t n) {
    Derive *L = R->L;
    const Def *da = def_of(L, r->A), *db = r->B ? def_of(L, r->B) : NULL;
    for (uint32_t i = 0; i < da->ndim; i++)
        if (!r->is_fixed[i])
            axis_push(R, o, da->dim[i].var, aff_subst(L->x, da->dim[i].lo, m, n),
                      aff_subst(L->x, da->dim[i].hi, m, n), da->wrap >> i & 1);
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
        axis_push(R, o, affctx_prime(L->x, db->dim[i].var), lo, hi, db->wrap >> i & 1);
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

static bool has_axis(const Resolved *o, Cons c) {
    for (uint32_t k = 0; k < o->axis.len; k++)
        if (cons_mentions(c, o->axis.data[k].var)) return true;
    return false;
}

/* guard: conditions on sizes alone, under which there are elements at all. */
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
    for (uint32_t k = 0; k < dom.n; k++) {
        if (holds(L, o->domain, c[k])) continue;
        vec_push(L->a, has_axis(o, c[k]) ? &o->cons : guard, c[k]);
        o->domain = path_and(L, o->domain, &c[k], 1);
    }
}

/* ---- reading */
static void reach(Resolve *R, uint32_t i);

static void reach_sref(void *ctx, Fx sref) {
    Resolve *R = ctx;
    reach(R, scalar_array(R->L, fx_node(R->L->fx, sref)->k));
}

static void reach_terms(Resolve *R, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++) {
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            const LFactor *f = &t.term[i].factor[k];
            if (f->kind == LF_ref) reach(R, f->ref.array);
            if (f->kind == LF_coef) fx_srefs(R->L->fx, f->coef, reach_sref, R);
            if (f->kind == LF_softmax) reach_terms(R, f->softmax->logit);
            if (f->kind != LF_exp) continue;
            for (uint32_t p = 0; p < f->exp->ntheta; p++)
                fx_srefs(R->L->fx, f->exp->theta[p].coef, reach_sref, R);
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
            const LFactor *f = &t.term[i].factor[k];
            const LExp *e = f->kind == LF_exp ? f->exp : NULL;
            if (f->kind == LF_softmax && reduces(f->softmax->logit, v)) return true;
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
    for (uint32_t k = 0; k < o->cons.len; k++)
        o->cons.data[k] = cons_subst(L->x, o->cons.data[k], m, o->nrename);
    o->domain = path_and(L, axes_domain(L, o, o->axis.len), o->cons.data, o->cons.len);
}

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
    Path axes = axes_domain(L, &R->r[i], R->r[i].axis.len);
    axes = path_and(L, axes, R->r[i].cons.data, R->r[i].cons.len);
    R->r[i].eq = terms_simplify(L, terms_done(&t), axes);
    R->r[i].domain = axes; /* without the guard, which stands in the equation only */
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

static LTerms drop_zeros(void *ctx, LTerms t) {
    Resolve *R = ctx;
    LParts parts = {R->L->a, R, drop_zeros, NULL, NULL};
    TermVec v = {0};
    for (uint32_t i = 0; i < t.n; i++) {
        LTerm m = t.term[i];
        if (term_zero(R, &m)) continue;
        LFactor *f = arena_copy(R->L->a, m.factor, m.nfactor * sizeof *f);
        for (uint32_t k = 0; k < m.nfactor; k++)
            if (f[k].kind == LF_exp) f[k].exp = lexp_parts(&parts, f[k].exp);
        m.factor = f;
        vec_push(R->L->a, &v, m);
    }
    return terms_done(&v);
}

/* Greatest fixpoint: arrays all of whose terms read such an array are 0; reads of them go. */
static bool zeros(Resolve *R) {
    bool any = false;
    for (uint32_t k = 0; k < R->order.len; k++) {
        uint32_t i = R->order.data[k];
        R->r[i].zero = R->L->arr.data[i].kind != LK_S;
    }
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
        l->out[k].self = drop_zeros(R, l->out[k].self);
        reach_terms(R, l->out[k].value);
        reach_terms(R, l->out[k].self);
    }
}

/* ---- stages */
static bool aff_varies(const Derive *L, Aff a) {
    for (uint32_t k = 0; k < L->nright_sizes; k++)
        if (aff_mentions(a, L->right_sizes[k].name)) return true;
    return false;
}

static bool cons_varies(const Derive *L, Cons c) {
    for (uint32_t k = 0; k < L->nright_sizes; k++)
        if (cons_mentions(c, L->right_sizes[k].name)) return true;
    return false;
}

typedef struct Varies {
    const Resolve *R;
    bool yes;
} Varies;

static void sref_varies(void *ctx, Fx sref) {
    Varies *v = ctx;
    const Derive *L = v->R->L;
    v->yes |= v->R->r[scalar_array(L, fx_node(L->fx, sref)->k)].varies;
}

static bool coef_varies(const Resolve *R, Fx f) {
    Derive *L = R->L;
    Varies v = {R, fx_has(L->fx, f, FX_index) && L->nright_sizes &&
                       fx_subst(L->fx, f, L->right_sizes, L->nright_sizes) != f};
    fx_srefs(L->fx, f, sref_varies, &v);
    return v.yes;
}

static bool terms_vary(const Resolve *R, LTerms t);

static bool exp_varies(const Resolve *R, const LExp *e) {
    for (uint32_t p = 0; p < e->ntheta; p++)
        if (coef_varies(R, e->theta[p].coef)) return true;
    for (uint32_t p = 0; p < e->nleaf; p++) {
        if (terms_vary(R, e->mean[p])) return true;
        for (uint32_t q = p; q < e->nleaf; q++)
            if (terms_vary(R, e->cov[p * e->nleaf + q])) return true;
    }
    return false;
}

static bool factor_varies(const Resolve *R, const LFactor *f) {
    switch (f->kind) {
    case LF_gram: return true;
    case LF_ref: return R->r[f->ref.array].varies;
    case LF_coef: return coef_varies(R, f->coef);
    case LF_exp: return exp_varies(R, f->exp);
    case LF_softmax: return terms_vary(R, f->softmax->logit);
    case LF_series:
    case LF_hermite:
    case LF_scalar: break; /* made by later stages */
    }
    return false;
}

static bool terms_vary(const Resolve *R, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++) {
        const LTerm *m = &t.term[i];
        for (uint32_t k = 0; k < m->nred; k++)
            if (aff_varies(R->L, m->red[k].lo) || aff_varies(R->L, m->red[k].hi)) return true;
        for (uint32_t k = 0; k < m->ncons; k++)
            if (cons_varies(R->L, m->cons[k])) return true;
        for (uint32_t k = 0; k < m->nfactor; k++)
            if (factor_varies(R, &m->factor[k])) return true;
    }
    return false;
}

static bool own_size(const Derive *L, const Resolved *o) {
    for (uint32_t i = 0; i < o->axis.len; i++)
        if (aff_varies(L, o->axis.data[i].lo) || aff_varies(L, o->axis.data[i].hi)) return true;
    return false;
}

static void stages(Resolve *R) {
    for (bool again = true; again;) {
        again = false;
        for (uint32_t k = 0; k < R->order.len; k++) {
            uint32_t i = R->order.data[k];
            Resolved *o = &R->r[i];
            if (o->varies) continue;
            const WArray *w = &R->L->arr.data[i];
            o->varies = !w->self || own_size(R->L, o) || terms_vary(R, o->eq) ||
                        def_of(R->L, w->A)->op == PO_data;
            again |= o->varies;
        }
    }
}

/* ---- references over free axes */
static LTerms convert(void *ctx, LTerms t);

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

typedef struct Convert { /* an expression's scalars become reads of arrays */
    Resolve *R;
    Side side;
    VEC(LFactor) arg;
} Convert;

static Fx convert_sref(void *ctx, Fx sref) {
    Convert *v = ctx;
    Derive *L = v->R->L;
    const FxNode *n = fx_node(L->fx, sref);
    uint32_t of = scalar_array(L, n->k);
    LRef r = convert_ref(v->R, (LRef){of, v->side, n->idx});
    LFactor f = {.kind = LF_ref, .side = r.side, .ref = r};
    for (uint32_t i = 0; i < v->arg.len; i++) {
        const LRef *o = &v->arg.data[i].ref;
        bool same = o->array == r.array;
        for (uint32_t k = 0; same && k < v->R->r[of].axis.len; k++)
            same = aff_eq(o->idx[k], r.idx[k]);
        if (same) return fx_theta(L->fx, i);
    }
    vec_push(L->a, &v->arg, f);
    return fx_theta(L->fx, v->arg.len - 1);
}

static LFactor convert_coef(void *ctx, LFactor f) {
    Resolve *R = ctx;
    Convert v = {.R = R, .side = f.side};
    if (f.side == SIDE_none) return f;
    LScalar *s = ARENA_NEW(R->L->a, LScalar);
    s->f = fx_sref_map(R->L->fx, f.coef, convert_sref, &v);
    s->arg = v.arg.data;
    s->narg = v.arg.len;
    if (fx_node(R->L->fx, s->f)->op == FX_theta) return s->arg[0];
    return (LFactor){.kind = LF_scalar, .side = f.side, .scalar = s};
}

static LFactor convert_softmax(Resolve *R, LFactor f, const Resolved *o, const Def *d) {
    LSoftmax *s = arena_copy(R->L->a, f.softmax, sizeof *s);
    Sym over = d->dim[s->over].var;
    for (uint32_t k = 0; k < o->nrename; k++)
        if (o->rename[k].name == over) over = o->rename[k].to.term->name;
    s->over = 0;
    while (o->axis.data[s->over].var != over) s->over++;
    s->logit = convert(R, s->logit);
    f.softmax = s;
    return f;
}

static LFactor convert_factor(void *ctx, LFactor f) {
    Resolve *R = ctx;
    LParts parts = {R->L->a, R, convert, convert_coef, NULL};
    if (f.kind == LF_exp) f.exp = lexp_parts(&parts, f.exp);
    if (f.kind == LF_coef) return convert_coef(R, f);
    if (f.kind != LF_ref) return f;
    f.ref = convert_ref(R, f.ref);
    f.side = f.ref.side;
    return f;
}

static LTerms convert(void *ctx, LTerms t) {
    Resolve *R = ctx;
    return lterms_map(R->L->a, t, convert_factor, R);
}

/* Is idx an element of a self array, whose sizes are those of the sample at side? */
static bool inside(Resolve *R, const Resolved *o, const Aff *idx, Side side, Path domain) {
    Derive *L = R->L;
    uint32_t n = side == SIDE_y ? L->nright_sizes : 0;
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, o->axis.len + n);
    for (uint32_t i = 0; i < n; i++) m[i] = L->right_sizes[i];
    for (uint32_t i = 0; i < o->axis.len; i++) {
        Aff lo = aff_subst(L->x, o->axis.data[i].lo, m, n);
        Aff hi = aff_subst(L->x, o->axis.data[i].hi, m, n);
        m[n++] = (AffSubst){o->axis.data[i].var, idx[i]};
        if (!holds(L, domain, cons_le(L->x, lo, idx[i]))) return false;
        if (!holds(L, domain, cons_lt(L->x, idx[i], hi))) return false;
    }
    for (uint32_t i = 0; i < o->cons.len; i++)
        if (!holds(L, domain, cons_subst(L->x, o->cons.data[i], m, n))) return false;
    return true;
}

/* The self array of definition d at element e of a pair array over domain, where it is stored. */
static LRef twin_ref(Resolve *R, Elem e, Side side, Path domain) {
    Derive *L = R->L;
    uint32_t i = find_self(L, e.d), nd = def_of(L, e.d)->ndim;
    uint32_t ns = side == SIDE_y ? L->nright_sizes : 0;
    if (!i || !R->r[i].done) return (LRef){0};
    const WArray *r = &L->arr.data[i];
    Aff *idx = ARENA_ARRAY(L->a, Aff, 2 * nd);
    for (uint32_t k = 0; k < 2 * nd; k++) {
        idx[k] = e.idx[k % nd];
        Aff fixed = aff_subst(L->x, r->fixed[k], L->right_sizes, ns);
        bool there = !r->is_fixed[k] || holds(L, domain, cons_eq(L->x, idx[k], fixed));
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
    return inside(R, &R->r[i], f.idx, side, domain) ? f : (LRef){0};
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

/* The diagonal of a self array: its right axes at their left copies. */
static void diagonal(Resolve *R, uint32_t i, LArray *o) {
    Derive *L = R->L;
    const WArray *r = &L->arr.data[i];
    if (r->kind != LK_C || !r->self || r->A != r->B) return;
    uint32_t nd = def_of(L, r->A)->ndim, k = 0;
    Aff *diag = ARENA_ARRAY(L->a, Aff, o->naxis);
    for (uint32_t d = 0; d < nd; d++)
        if (!r->is_fixed[d]) k++;
    o->ndiag = k;
    for (uint32_t d = 0; d < k; d++) diag[d] = aff_name(L->x, o->axis[d].var);
    for (uint32_t d = 0; d < nd; d++) {
        if (r->is_fixed[nd + d] || link_equal(&r->link[d])) continue;
        uint32_t at = 0;
        for (uint32_t j = 0; j < d; j++) at += !r->is_fixed[j];
        diag[k++] = r->is_fixed[d] ? r->fixed[d] : diag[at];
    }
    o->diag = diag;
}

static LTerms convert_eq(Resolve *R, uint32_t i) {
    const Resolved *o = &R->r[i];
    const Def *d = def_of(R->L, R->L->arr.data[i].A);
    if (d->op != PO_softmax || R->L->arr.data[i].kind != LK_S) return convert(R, o->eq);
    LTerm *t = arena_copy(R->L->a, o->eq.term, o->eq.n * sizeof *t);
    for (uint32_t k = 0; k < o->eq.n; k++) {
        LFactor *f = ARENA_NEW(R->L->a, LFactor);
        *f = convert_softmax(R, t[k].factor[0], o, d);
        t[k].factor = f;
    }
    return (LTerms){t, o->eq.n};
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
    case LK_S: s = a; break;
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
                .axis = o->axis.data, .naxis = o->axis.len, .wrap = o->wrap,
                .cons = o->cons.data, .ncons = o->cons.len,
                .span = def_of(L, r->A)->span, .noisy = L->def[r->A].noisy || L->def[r->B].noisy,
                .data = def_of(L, r->A)->op == PO_data, .input = def_of(L, r->A)->input};
    a.stage = !r->self ? LS_pair : o->varies ? LS_sample : LS_const;
    a.name = array_name(L, r, l);
    vec_push(L->a, &l->array, a);
}

void limit_resolve(Derive *L, Limit *l) {
    Resolve R = {.L = L, .r = ARENA_ARRAY(L->a, Resolved, L->arr.len)};
    for (uint32_t k = 0; k < l->nout; k++) {
        LOutput *o = &l->out[k];
        ConsVec v = {0}, s = {0};
        path_range(L, &v, o->axis, o->naxis, NULL, 0);
        o->value = terms_simplify(L, o->value, (Path){v.data, v.len});
        reach_terms(&R, o->value);
        if (!o->noisy) continue;
        path_range(L, &s, o->self_axis, o->naxis, NULL, 0);
        o->self = terms_simplify(L, o->self, (Path){s.data, s.len});
        reach_terms(&R, o->self);
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
        l->array.data[k + 1].eq = convert_eq(&R, i);
        twins(&R, i, &l->array.data[k + 1]);
        diagonal(&R, i, &l->array.data[k + 1]);
    }
    for (uint32_t k = 0; k < l->nout; k++) {
        l->out[k].value = convert(&R, l->out[k].value);
        l->out[k].self = convert(&R, l->out[k].self);
    }
}

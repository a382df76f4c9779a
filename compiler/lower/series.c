/* Hermite series: expectations of smooth functions of one leaf a side become products of one-sample
 * coefficient arrays, E[F(u) G(v)] = sum_k a_k b_k c^k (theory 7.3). */
#include "lower/normal.h"

typedef struct SeriesPass {
    Ctx *c;
    Limit *l;
    Arena *a;
    const LArray *r;    /* the pair array whose equation is rewritten */
    const LTerm *term;  /* and the term: its guards are those of the coefficients */
} SeriesPass;

/* The expectation with both leaves those of one side of the left sample. */
static const LExp *one_sided(SeriesPass *s, const LExp *e, int side) {
    LExp *o = arena_copy(s->a, e, sizeof *e);
    uint32_t leaf = side ? e->nl : 0, n = e->nleaf;
    LTerms *cov = ARENA_ARRAY(s->a, LTerms, n * n), *mean = ARENA_ARRAY(s->a, LTerms, n);
    bool *indep = ARENA_ARRAY(s->a, bool, n * n);
    for (uint32_t p = 0; p < n; p++) {
        mean[p] = lterms_left(s->a, e->mean[leaf]);
        cov[p * n + p] = lterms_left(s->a, e->cov[leaf * n + leaf]);
        for (uint32_t q = p + 1; q < n; q++) indep[p * n + q] = true;
    }
    LFactor *theta = ARENA_ARRAY(s->a, LFactor, e->ntheta);
    for (uint32_t k = 0; k < e->ntheta; k++) theta[k] = lfactor_left(s->a, e->theta[k]);
    o->cov = cov;
    o->mean = mean;
    o->indep = indep;
    o->theta = theta;
    o->lside = o->rside = SIDE_x;
    o->unit = o->defect = o->codefect = o->norm[0] = o->norm[1] = (LRef){0};
    return o;
}

/* Is G the function F of its own leaf?  Then both sides share their arrays. */
static bool twins(SeriesPass *s, const LExp *e) {
    FxPool *fx = s->l->fx;
    Fx leaf[2] = {fx_leaf(fx, 0), fx_leaf(fx, 0)};
    Fx *th = ARENA_ARRAY(s->a, Fx, e->ntheta);
    uint32_t half = e->ntheta / 2;
    for (uint32_t k = 0; k < e->ntheta; k++) th[k] = fx_theta(fx, k < half ? k : k - half);
    if (fx_map(fx, e->G, leaf, 2, th, e->ntheta) != e->F) return false;
    for (uint32_t k = half; k < e->ntheta; k++) {
        LFactor left = lfactor_left(s->a, e->theta[k - half]);
        LFactor right = lfactor_left(s->a, e->theta[k]);
        if (!lfactor_same(s->l, &left, &right)) return false;
    }
    return true;
}

static LTerms hermite_eq(SeriesPass *s, const LExp *e) {
    LFactor *f = ARENA_NEW(s->a, LFactor);
    *f = (LFactor){.kind = LF_hermite, .exp = e};
    LTerm *t = ARENA_NEW(s->a, LTerm);
    *t = (LTerm){.factor = f, .nfactor = 1, .cons = s->term->cons, .ncons = s->term->ncons};
    return (LTerms){t, 1};
}

static bool same_axes(const LArray *q, const LArray *like) {
    if (q->naxis != like->naxis) return false;
    for (uint32_t i = 0; i < like->naxis; i++) {
        bool terms = like->kind == LK_H && i + 1 == like->naxis; /* its name is its own */
        if (!terms && q->axis[i].var != like->axis[i].var) return false;
        if (!aff_eq(q->axis[i].lo, like->axis[i].lo) || !aff_eq(q->axis[i].hi, like->axis[i].hi))
            return false;
    }
    return true;
}

static LArrayId find_array(SeriesPass *s, const LArray *like) {
    for (LArrayId k = 1; k < s->l->array.len; k++) {
        const LArray *q = &s->l->array.data[k];
        if (q->kind == LK_H && q->leaf == like->leaf && same_axes(q, like) &&
            lterms_same(s->l, q->eq, like->eq))
            return k;
    }
    return 0;
}

/* ---- axes: those of the pair array that one side depends on, under the left copy's names */

typedef struct Axes {
    Dim *dim;
    const Aff *at; /* in the pair array's axes */
    uint32_t n;
} Axes;

static bool mentions(const SeriesPass *s, LTerms eq, Sym v) {
    AffSubst away = {v, aff_const(INT32_MIN)}; /* an index no program has */
    return !lterms_same(s->l, lterms_subst(s->l, s->a, eq, &away, 1), eq);
}

static bool has_axis(const Dim *d, uint32_t n, Sym v) {
    for (uint32_t i = 0; i < n; i++)
        if (d[i].var == v) return true;
    return false;
}

/* Where an axis v of the pair array is read: at v + by of an axis of a one-sample array, over
 * lo..hi.  Of a right index i + T' - T that is what one side needs, whatever pairs the pair array
 * holds. */
typedef struct Own {
    AffCtx *x;
    const Limit *l;
    Sym v;
    bool found;
    Aff by, lo, hi;
} Own;

static LRef see_own(void *ctx, LRef r) {
    Own *h = ctx;
    const LArray *q = &h->l->array.data[r.array];
    for (uint32_t i = 0; i < q->naxis && !h->found; i++) {
        Aff by = aff_sub(h->x, r.idx[i], aff_name(h->x, h->v));
        h->found = aff_size_only(h->x, by) && aff_size_only(h->x, q->axis[i].lo) &&
                   aff_size_only(h->x, q->axis[i].hi) && !(q->wrap >> i & 1);
        if (h->found) *h = (Own){h->x, h->l, h->v, true, by, q->axis[i].lo, q->axis[i].hi};
    }
    return r;
}

static Own own_axis(SeriesPass *s, LTerms eq, Sym v) {
    Own h = {.x = s->l->aff, .l = s->l, .v = v, .by = aff_const(0)};
    lterms_refs(s->a, eq, see_own, &h);
    return h;
}

/* Sizes of the other sample are this one's own: T' is T. */
static const AffSubst *own_sizes(SeriesPass *s, uint32_t *n) {
    const Program *p = s->l->p;
    AffSubst *m = ARENA_ARRAY(s->a, AffSubst, p->size.len);
    *n = 0;
    for (uint32_t i = 0; i < p->size.len; i++) {
        Sym z = p->size.data[i].name;
        if (program_size_varies(p, z))
            m[(*n)++] = (AffSubst){affctx_prime(s->l->aff, z), aff_name(s->l->aff, z)};
    }
    return m;
}

static Dim dim_subst(SeriesPass *s, Dim d, const AffSubst *m, uint32_t n) {
    return (Dim){d.var, aff_subst(s->l->aff, d.lo, m, n), aff_subst(s->l->aff, d.hi, m, n)};
}

static Axes axes_of(SeriesPass *s, LTerms *eq) {
    AffCtx *x = s->l->aff;
    uint32_t n = s->r->naxis, k = n, m = 0, nz;
    Dim *d = ARENA_ARRAY(s->a, Dim, n); /* filled from the end: bounds name earlier axes */
    Own *own = ARENA_ARRAY(s->a, Own, n);
    for (uint32_t i = n; i-- > 0;) {
        Dim axis = s->r->axis[i];
        bool used = mentions(s, *eq, axis.var);
        for (uint32_t j = k; j < n; j++)
            used |= aff_mentions(d[j].lo, axis.var) || aff_mentions(d[j].hi, axis.var);
        if (!used) continue;
        own[--k] = own_axis(s, *eq, axis.var);
        d[k] = own[k].found ? (Dim){axis.var, own[k].lo, own[k].hi} : axis;
    }
    d += k;
    own += k;
    n -= k;
    Aff *at = ARENA_ARRAY(s->a, Aff, n);
    AffSubst *to = ARENA_ARRAY(s->a, AffSubst, n);
    const AffSubst *sizes = own_sizes(s, &nz);
    for (uint32_t i = 0; i < n; i++) {
        Sym v = d[i].var, w = affctx_unprime(x, v);
        at[i] = aff_add(x, aff_name(x, v), own[i].by);
        if (has_axis(d, n, w)) w = v;
        d[i] = dim_subst(s, d[i], to, m);
        d[i].var = w;
        to[m++] = (AffSubst){v, aff_sub(x, aff_name(x, w), own[i].by)};
    }
    for (uint32_t i = 0; i < n; i++) d[i] = dim_subst(s, d[i], sizes, nz);
    *eq = lterms_subst(s->l, s->a, *eq, to, m);
    *eq = lterms_subst(s->l, s->a, *eq, sizes, nz);
    return (Axes){d, at, n};
}

/* One side of a series: the sample array of its number of terms, made where it is not there yet,
 * and the size that measures it. */
typedef struct Part {
    LArray r; /* like the coefficient array, without its last axis */
    const Aff *at;
    Sym size;
} Part;

static Sym find_size(SeriesPass *s, const LArray *like) {
    for (uint32_t i = 0; i < s->l->measure.len; i++) {
        const LArray *q = &s->l->array.data[s->l->measure.data[i].array];
        if (q->kind == LK_F && q->leaf == like->leaf && same_axes(q, like) &&
            lterms_same(s->l, q->eq, like->eq))
            return s->l->measure.data[i].name;
    }
    return 0;
}

static const char *name_of(SeriesPass *s, const char *what) {
    return arena_printf(s->a, "%s.%s", what,
                        sym_text(s->c->syms, s->l->p->def.data[s->r->A].name));
}

static Part part_of(SeriesPass *s, const LExp *e, int side) {
    LArray r = *s->r;
    r.kind = LK_F;
    r.ncons = 0;
    r.stage = LS_sample;
    r.form = FORM_plain;
    r.leaf = side && twins(s, e) ? 0 : (uint32_t)side;
    r.self[0] = r.self[1] = (LRef){0};
    r.nonneg = false;
    r.eq = hermite_eq(s, one_sided(s, e, side));
    Axes x = axes_of(s, &r.eq);
    r.axis = x.dim;
    r.naxis = x.n;
    Part p = {r, x.at, find_size(s, &r)};
    if (p.size) return p;
    r.name = intern_fresh(s->c->syms, name_of(s, "terms"));
    vec_push(s->a, &s->l->array, r);
    p.size = intern_fresh(s->c->syms, name_of(s, "nterms"));
    affctx_size(s->l->aff, p.size, 0);
    LMeasure m = {p.size, s->l->array.len - 1, 0}; /* cap: known when it is emitted */
    vec_push(s->a, &s->l->measure, m);
    return p;
}

static LRef hermite_array(SeriesPass *s, const Part *p, Side side, Aff terms) {
    LArray r = p->r;
    Dim *axis = ARENA_ARRAY(s->a, Dim, r.naxis + 1);
    for (uint32_t i = 0; i < r.naxis; i++) axis[i] = r.axis[i];
    axis[r.naxis] = (Dim){intern_fresh(s->c->syms, "k"), aff_const(0), terms};
    r.axis = axis;
    r.naxis++;
    r.kind = LK_H;
    r.stage = LS_series;
    LArrayId found = find_array(s, &r);
    if (found) return (LRef){found, side, p->at};
    r.name = intern_fresh(s->c->syms, name_of(s, "hermite"));
    vec_push(s->a, &s->l->array, r);
    return (LRef){s->l->array.len - 1, side, p->at};
}

/* Of two different arrays each has the terms that either needs, and more: the tail of a product is
 * small only where both tails are. */
static const LSeries *series_of(SeriesPass *s, const LExp *e) {
    LSeries *o = ARENA_NEW(s->a, LSeries);
    Part left = part_of(s, e, 0), right = part_of(s, e, 1);
    Aff terms = aff_name(s->l->aff, left.size);
    if (right.size != left.size)
        terms = aff_add(s->l->aff, terms, aff_name(s->l->aff, right.size));
    o->left = hermite_array(s, &left, SIDE_x, terms);
    o->right = hermite_array(s, &right, SIDE_y, terms);
    o->exp = e;
    return o;
}

static bool is_series(const LFactor *f) {
    return f->kind == LF_exp && f->exp->plan->method == GM_series;
}

static LFactor series_factor(SeriesPass *s, LFactor f) {
    if (is_series(&f)) return (LFactor){.kind = LF_series, .series = series_of(s, f.exp)};
    return f;
}

/* ---- tangent arrays: E[F' G'] = d E[F G] / dc / (s s'), from the coefficients of F and G */

/* The series of the second moments of the same vector, if the expectation e of array t is that of
 * the derivatives of its functions, over the same indices. */
static const LSeries *series_twin(SeriesPass *s, const LArray *t, const LExp *e) {
    FxPool *fx = s->l->fx;
    if (!e->norm[0].array) return NULL;
    for (LArrayId id = 1; id < s->l->array.len; id++) {
        const LArray *q = &s->l->array.data[id];
        if (q->stage != LS_pair || q->kind == LK_T || q->A != t->A || q->B != t->B) continue;
        if (q->naxis != t->naxis || q->eq.n != 1) continue;
        for (uint32_t k = 0; k < q->eq.term[0].nfactor; k++) {
            const LFactor *f = &q->eq.term[0].factor[k];
            if (f->kind != LF_series) continue;
            const LExp *of = f->series->exp;
            bool same = fx_diff(fx, of->F, 0) == e->F && fx_diff(fx, of->G, of->nl) == e->G;
            for (int i = 0; i < 2; i++) same = same && lref_same(s->l, of->norm[i], e->norm[i]);
            for (uint32_t i = 0; i < t->naxis; i++) same = same && q->axis[i].var == t->axis[i].var;
            if (same) return f->series;
        }
    }
    return NULL;
}

static LFactor inverse_norm(SeriesPass *s, LRef norm) {
    FxPool *fx = s->l->fx;
    LFactor *arg = ARENA_NEW(s->a, LFactor);
    *arg = (LFactor){.kind = LF_ref, .ref = norm};
    LScalar *o = ARENA_NEW(s->a, LScalar);
    *o = (LScalar){fx_div(fx, fx_num(fx, 1), fx_theta(fx, 0)), arg, 1};
    return (LFactor){.kind = LF_scalar, .scalar = o};
}

static LTerm series_term(SeriesPass *s, const LTerm *t) {
    VEC(LFactor) out = {0};
    s->term = t;
    for (uint32_t k = 0; k < t->nfactor; k++) {
        const LFactor *f = &t->factor[k];
        bool tangent = is_series(f) && s->r->kind == LK_T;
        const LSeries *twin = tangent ? series_twin(s, s->r, f->exp) : NULL;
        if (!twin) {
            vec_push(s->a, &out, series_factor(s, *f));
            continue;
        }
        LSeries *d = arena_copy(s->a, twin, sizeof *d);
        d->deriv = true;
        vec_push(s->a, &out, inverse_norm(s, f->exp->norm[0]));
        vec_push(s->a, &out, inverse_norm(s, f->exp->norm[1]));
        vec_push(s->a, &out, (LFactor){.kind = LF_series, .series = d});
    }
    LTerm o = *t;
    o.factor = out.data;
    o.nfactor = out.len;
    return o;
}

static LTerms series_eq(SeriesPass *s, LTerms t) {
    LTerm *out = ARENA_ARRAY(s->a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) out[i] = series_term(s, &t.term[i]);
    return (LTerms){out, t.n};
}

bool lower_series(Ctx *c, Limit *l) {
    uint32_t n = l->array.len;
    for (int tangent = 0; tangent < 2; tangent++) {
        for (LArrayId id = 1; id < n; id++) {
            LArray *r = arena_copy(c->a, &l->array.data[id], sizeof *r);
            if (r->stage != LS_pair || (r->kind == LK_T) != tangent) continue;
            SeriesPass s = {c, l, c->a, r, NULL};
            LTerms eq = series_eq(&s, r->eq);
            l->array.data[id].eq = eq;
        }
    }
    return true;
}

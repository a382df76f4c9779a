/* What scalar definitions pass back, and the output. */
#include "gradient/pass.h"

/* ---- expressions and the scalars they read */
typedef struct Reading {
    Pass *s;
    FxVec found;
} Reading;

static void see(void *ctx, Fx sref) {
    Reading *r = ctx;
    uint32_t d = fx_node(r->s->w->fx, sref)->k;
    if (r->s->adj[d]) vec_push(r->s->w->a, &r->found, sref);
}

FxVec scalars_read(Pass *s, Fx f) {
    Reading r = {.s = s};
    fx_srefs(s->w->fx, f, see, &r);
    return r.found;
}

bool reads_scalar(Pass *s, Fx f) { return scalars_read(s, f).len > 0; }

typedef struct AsLeaf {
    Fx sref, leaf;
} AsLeaf;

static Fx to_leaf(void *ctx, Fx sref) {
    const AsLeaf *l = ctx;
    return sref == l->sref ? l->leaf : 0;
}

Fx sref_slope(Pass *s, Fx f, Fx sref) {
    FxPool *fx = s->w->fx;
    uint32_t n = fx_nleaf(fx, f);
    AsLeaf l = {sref, fx_leaf(fx, n)};
    Fx *back = ARENA_ARRAY(s->w->a, Fx, n + 1);
    for (uint32_t i = 0; i < n; i++) back[i] = fx_leaf(fx, i);
    back[n] = sref;
    Fx slope = fx_diff(fx, fx_sref_map(fx, f, to_leaf, &l), n);
    return fx_map(fx, slope, back, n + 1, NULL, 0);
}

void rule_coefficient(Pass *s, const Scope *at, Fx f, Fx weight, DefId from) {
    FxVec v = scalars_read(s, f);
    for (uint32_t i = 0; i < v.len; i++) {
        const FxNode *n = fx_node(s->w->fx, v.data[i]);
        Use target = {.d = n->k, .idx = n->idx};
        Fx slope = sref_slope(s, f, v.data[i]);
        adjoint_add(s, target, at, fx_mul(s->w->fx, slope, weight), (Use){0}, from);
    }
}

/* ---- definitions */
static Scope dims_scope(const Def *d) { return (Scope){.dim = d->dim, .ndim = d->ndim}; }

static void arms_of(Pass *s, DefId id, DefId source) {
    Def d = *work_def(s->w, id);
    Scope own = dims_scope(&d);
    for (uint32_t i = 0; i < d.narm; i++) {
        const Arm *a = &d.arm[i];
        Scope at = own;
        at.red = a->red;
        at.nred = a->nred;
        at.cons = a->cons;
        at.ncons = a->ncons;
        rule_coefficient(s, &at, a->coef, pass_sref(s, source, &own), source);
    }
}

/* The constant vector of a width, made where there is none. */
static Use constant_vector(Pass *s, Fx width) {
    Work *w = s->w;
    for (DefId i = 1; i < w->p->def.len; i++) {
        const Def *d = work_def(w, i);
        if (d->op == PO_one && d->width == width && !d->ndim) return (Use){.d = i};
    }
    Def one = {.op = PO_one, .width = width};
    return (Use){.d = work_add(w, one, NULL, intern(w->c->syms, "one"), (Made){.part = GRAD_part})};
}

static void rule_moment(Pass *s, DefId id) {
    Work *w = s->w;
    Def d = *work_def(w, id);
    Scope at = dims_scope(&d);
    Fx g = pass_sref(s, s->adj[id], &at);
    if (d.op == PO_mean) {
        if (!s->adj[d.use[0].d]) return;
        Use one = constant_vector(s, work_def(w, d.use[0].d)->width);
        adjoint_add(s, d.use[0], &at, g, one, s->adj[id]);
        return;
    }
    adjoint_add(s, d.use[0], &at, g, d.use[1], s->adj[id]);
    adjoint_add(s, d.use[1], &at, g, d.use[0], s->adj[id]);
}

/* Do the ranges of other dims name dim k?  A triangle summed over its first index. */
static bool range_names(const Def *d, uint32_t k) {
    for (uint32_t i = 0; i < d->ndim; i++)
        if (aff_mentions(d->dim[i].lo, d->dim[k].var) || aff_mentions(d->dim[i].hi, d->dim[k].var))
            return true;
    return false;
}

/* sum over t of a da, t the dim that a sums to 1 over, as a reduction; guards keep the other
 * indices in the ranges that they have there. */
static Arm row_sum(Pass *s, const Def *d, Fx each) {
    Work *w = s->w;
    const Dim *t = &d->dim[d->over];
    Sym v = intern_fresh(w->c->syms, sym_text(w->c->syms, t->var));
    AffSubst m = {t->var, aff_name(w->x, v)};
    ConsVec in = {0};
    for (uint32_t i = d->over + 1; i < d->ndim; i++)
        if (aff_mentions(d->dim[i].lo, t->var) || aff_mentions(d->dim[i].hi, t->var))
            cons_range(w->x, &in, d->dim[i].var, aff_subst(w->x, d->dim[i].lo, &m, 1),
                       aff_subst(w->x, d->dim[i].hi, &m, 1));
    Dim *red = ARENA_NEW(w->a, Dim);
    *red = (Dim){v, t->lo, t->hi};
    return (Arm){.red = red, .nred = 1, .cons = in.data, .ncons = in.len,
                 .coef = fx_subst(w->fx, each, &m, 1)};
}

/* de = a (da - sum over t of a da).  The sum is over the other dims, over all of them (equal for
 * all t) where their ranges depend on t. */
static void rule_softmax(Pass *s, DefId id) {
    Work *w = s->w;
    FxPool *fx = w->fx;
    Def d = *work_def(w, id);
    Scope own = dims_scope(&d), outer = own;
    Fx da = pass_sref(s, s->adj[id], &own);
    Aff *idx = ARENA_ARRAY(w->a, Aff, d.ndim);
    Dim *rest = ARENA_ARRAY(w->a, Dim, d.ndim);
    uint32_t n = 0;
    for (uint32_t i = 0; i < d.ndim; i++) {
        idx[i] = aff_name(w->x, d.dim[i].var);
        if (i != d.over) rest[n++] = d.dim[i];
    }
    if (!range_names(&d, d.over)) outer = (Scope){.dim = rest, .ndim = n};
    Fx a = fx_sref(fx, id, idx, d.ndim);
    Arm *sum = ARENA_NEW(w->a, Arm), *whole = ARENA_NEW(w->a, Arm);
    *sum = row_sum(s, &d, fx_mul(fx, a, da));
    DefId mean = pass_part(s, (Def){.op = PO_scalar, .arm = sum, .narm = 1}, &outer, "s",
                           GRAD_part, id, s->adj[id]);
    Fx away = fx_sub(fx, da, pass_sref(s, mean, &outer));
    *whole = (Arm){.coef = fx_mul(fx, a, away)};
    DefId e = pass_part(s, (Def){.op = PO_scalar, .arm = whole, .narm = 1}, &own, "e", GRAD_part,
                        id, s->adj[id]);
    arms_of(s, id, e);
}

void rule_scalar(Pass *s, DefId id) {
    switch (work_def(s->w, id)->op) {
    case PO_second:
    case PO_mean: rule_moment(s, id); return;
    case PO_scalar: arms_of(s, id, s->adj[id]); return;
    case PO_softmax: rule_softmax(s, id); return;
    case PO_input:
    case PO_basis:
    case PO_one:
    case PO_param:
    case PO_noise:
    case PO_matmul:
    case PO_lin:
    case PO_nonlin:
    case PO_grad:
    case PO_data:
    case PO_inner:
    case PO_output: return;
    }
}

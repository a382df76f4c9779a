/* Z of every vector and the value of every scalar, as they are asked for. */
#include "check/limit1.h"
#include "program/values.h"
#include <math.h>
#include <stdlib.h>

enum { MAX_CELLS = 20000, MAX_DIMS = 16, MAX_NEST = 2000,
       MAX_MEMORY = 256 << 20, MAX_WORK = 2000000 };

/* Stands for hyperparameters that are 0 where that is not assumed. */
static const double GENERIC = 0.3719;

void limit1_stuck(Limit1 *l, const char *why) {
    if (!l->stuck) l->stuck = why;
}

/* ---- names */
static void used_size(Limit1 *l, Sym name) {
    for (uint32_t i = 0; i < l->size_used.len; i++)
        if (l->size_used.data[i] == name) return;
    vec_push(l->a, &l->size_used, name);
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

int64_t limit1_name(void *ctx, Sym name) {
    Limit1 *l = ctx;
    const Program *p = l->k->p;
    const CheckProbe *q = l->k->probe;
    for (uint32_t i = l->bound.len; i-- > 0;)
        if (l->bound.data[i] == name) return l->bound_value.data[i];
    for (uint32_t i = 0; i < p->size.len; i++) {
        const SizeDef *z = &p->size.data[i];
        if (z->name != name) continue;
        if (z->kind == SIZE_position) {
            used_size(l, name);
            return q && q->size ? q->size(q->ctx, name) : 4;
        }
        int64_t a = aff_at(z->a, limit1_name, l), b = aff_at(z->b, limit1_name, l);
        if (z->kind == SIZE_floor) return floor_div(a, z->k);
        return (z->kind == SIZE_max) == (a > b) ? a : b;
    }
    const Hyper *h = program_hyper(p, name);
    double v = h && h->init ? program_value(p, h->init) : (double)NAN;
    if (!(fabs(v) < 1e9)) {
        limit1_stuck(l, "a size has no value");
        return 1;
    }
    if (!h->fixed) used_size(l, name);
    return (int64_t)v;
}

static void bind(Limit1 *l, Sym name, int64_t v) {
    vec_push(l->a, &l->bound, name);
    vec_push(l->a, &l->bound_value, v);
}

static void unbind(Limit1 *l, uint32_t to) { l->bound.len = l->bound_value.len = to; }

static const int64_t *index_at(Limit1 *l, const Aff *idx, uint32_t n) {
    int64_t *v = ARENA_ARRAY(l->a, int64_t, n + 1);
    for (uint32_t i = 0; i < n; i++) v[i] = aff_at(idx[i], limit1_name, l);
    return v;
}

/* ---- cells */
static uint32_t hash_of(DefId d, const int64_t *idx, uint32_t n) {
    uint64_t h = d * 0x9e3779b97f4a7c15u + 1;
    for (uint32_t i = 0; i < n; i++) h = (h ^ (uint64_t)idx[i]) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t cell_at(Limit1 *l, DefId d, const int64_t *idx) {
    uint32_t n = def_of(l->k, d)->ndim, h = hash_of(d, idx, n);
    for (uint32_t i = h; l->nslot && l->slot[i & (l->nslot - 1)]; i++) {
        const ZCell *c = &l->cell.data[l->slot[i & (l->nslot - 1)] - 1];
        if (c->hash == h && c->d == d && (!n || !memcmp(c->idx, idx, n * sizeof *idx)))
            return l->slot[i & (l->nslot - 1)] - 1;
    }
    vec_push(l->a, &l->cell,
             (ZCell){d, arena_copy(l->a, idx, (n + 1) * sizeof *idx), h, 0, false});
    if (l->cell.len * 2 > l->nslot) {
        l->nslot = l->nslot ? l->nslot * 2 : 256;
        l->slot = ARENA_ARRAY(l->a, uint32_t, l->nslot);
        for (uint32_t k = 0; k + 1 < l->cell.len; k++) {
            uint32_t i = l->cell.data[k].hash;
            while (l->slot[i & (l->nslot - 1)]) i++;
            l->slot[i & (l->nslot - 1)] = k + 1;
        }
    }
    uint32_t i = h;
    while (l->slot[i & (l->nslot - 1)]) i++;
    l->slot[i & (l->nslot - 1)] = l->cell.len;
    return l->cell.len - 1;
}

/* ---- scalars */
typedef struct Evaluating {
    Limit1 *l;
    const Def *d;
} Evaluating;

static Form evaluate(Limit1 *l, const Def *d, Fx f);

static Form comparison(Limit1 *l, const Def *d, const FxNode *n) {
    Num a = form_value(l->f, evaluate(l, d, n->arg[0]));
    Num b = form_value(l->f, evaluate(l, d, n->arg[1]));
    bool holds = n->op == FX_gt ? a.v > b.v : n->op == FX_ge ? a.v >= b.v : a.v == b.v;
    return holds ? FORM_ONE : FORM_ZERO;
}

static Form scalar(void *ctx, Fx x) {
    Evaluating *e = ctx;
    Limit1 *l = e->l;
    const FxNode *n = fx_node(l->k->p->fx, x);
    if (n->op == FX_sref) return limit1_at(l, n->k, index_at(l, n->idx, n->nidx));
    if (n->op == FX_index) return form_rat(l->f, aff_at(n->aff, limit1_name, l), 1);
    if (n->op == FX_dim) {
        const CheckProbe *p = l->k->probe;
        return form_sym_fx(l->f, x, p && p->dim ? (double)p->dim(p->ctx, n->k) : 4);
    }
    if (n->op == FX_gt || n->op == FX_ge || n->op == FX_eq) return comparison(l, e->d, n);
    if (fact_zero(l->k, x)) return FORM_ZERO;
    double v = program_value(l->k->p, x);
    if (isnan(v)) limit1_stuck(l, "a hyperparameter has no value");
    return form_sym_fx(l->f, x, v == 0 ? GENERIC : v);
}

static Form operand(void *ctx, uint32_t k) {
    Evaluating *e = ctx;
    Use u = e->d->use[k];
    Form z = limit1_at(e->l, u.d, index_at(e->l, u.idx, def_of(e->l->k, u.d)->ndim));
    return z ? leaf_argument(e->l, z) : 0;
}

static Form evaluate(Limit1 *l, const Def *d, Fx f) {
    if (fact_zero(l->k, f)) return FORM_ZERO;
    Evaluating e = {l, d};
    FormEnv env = {operand, scalar, &e};
    return form_from_fx(l->f, f, &env);
}

/* ---- sums over reductions */
typedef struct Summing {
    Limit1 *l;
    const Def *d;
    const Arm *arm;
    Form (*term)(struct Summing *s);
    Forms terms;
} Summing;

static void sum_from(Summing *s, uint32_t r) {
    Limit1 *l = s->l;
    if (l->stuck) return;
    if (r < s->arm->nred) {
        const Dim *d = &s->arm->red[r];
        int64_t lo = aff_at(d->lo, limit1_name, l), hi = aff_at(d->hi, limit1_name, l);
        uint32_t depth = l->bound.len;
        if (hi - lo > MAX_CELLS) limit1_stuck(l, "a sum is too long");
        for (int64_t v = lo; v < hi && !l->stuck; v++) {
            bind(l, d->var, v);
            sum_from(s, r + 1);
            unbind(l, depth);
        }
        return;
    }
    for (uint32_t i = 0; i < s->arm->ncons; i++)
        if (!cons_at(s->arm->cons[i], limit1_name, l)) return;
    Form t = s->term(s);
    if (t != FORM_ZERO) vec_push(l->a, &s->terms, t);
}

static Form vector_term(Summing *s) {
    Limit1 *l = s->l;
    Form c = evaluate(l, s->d, s->arm->coef);
    if (c == FORM_ZERO) return c;
    Use u = s->arm->use;
    const Def *o = def_of(l->k, u.d);
    return form_mul(l->f, c, limit1_at(l, u.d, index_at(l, u.idx, o->ndim)));
}

static Form scalar_term(Summing *s) { return evaluate(s->l, s->d, s->arm->coef); }

static Form arms_sum(Limit1 *l, const Def *d, bool vectors) {
    Summing s = {.l = l, .d = d, .term = vectors ? vector_term : scalar_term};
    for (uint32_t i = 0; i < d->narm; i++) {
        s.arm = &d->arm[i];
        sum_from(&s, 0);
    }
    Form sum = form_sum(l->f, &s.terms);
    return vectors ? leaf_expand(l, sum) : sum;
}

/* exp of the element over the sum of exps along one dim; a case excludes the others. */
static Form softmax_element(Limit1 *l, const Def *d) {
    Form own = FORM_ZERO, total = FORM_ZERO;
    const Dim *dim = &d->dim[d->over];
    int64_t at = limit1_name(l, dim->var);
    int64_t lo = aff_at(dim->lo, limit1_name, l), hi = aff_at(dim->hi, limit1_name, l);
    uint32_t depth = l->bound.len;
    for (int64_t v = lo; v < hi && !l->stuck; v++) {
        bind(l, dim->var, v);
        for (uint32_t i = 0; i < d->narm; i++) {
            bool in = true;
            for (uint32_t j = 0; j < d->arm[i].ncons; j++)
                in &= cons_at(d->arm[i].cons[j], limit1_name, l);
            if (!in) continue;
            Form e = form_fn(l->f, FF_exp, evaluate(l, d, d->arm[i].coef));
            if (v == at) own = e;
            total = form_add(l->f, total, e);
        }
        unbind(l, depth);
    }
    return own == FORM_ZERO ? own : form_div(l->f, own, total, 1);
}

/* ---- products */
static Form family_s2(Limit1 *l, FamId f) { return evaluate(l, NULL, fam_of(l->k, f)->s2); }

static GaussLeaf member_of(Limit1 *l, const Def *d, LeafKind kind) {
    return (GaussLeaf){.kind = kind, .fam = d->fam, .transposed = d->transposed,
                       .member = index_at(l, d->fidx, d->nfidx), .nmember = d->nfidx};
}

/* U times a combination of data vectors. */
static Form input_product(Limit1 *l, GaussLeaf g, Use u) {
    const Def *d = def_of(l->k, u.d);
    const int64_t *idx = index_at(l, u.idx, d->ndim);
    uint32_t depth = l->bound.len;
    if (d->op == PO_input || d->op == PO_basis) {
        g.in = (InputRef){.basis = d->op == PO_basis, .input = d->input, .pos = idx,
                          .npos = d->op == PO_input ? d->ndim : 0};
        for (uint32_t i = 0; i < d->ndim; i++) bind(l, d->dim[i].var, idx[i]);
        if (g.in.basis) g.in.k = aff_at(d->basis, limit1_name, l);
        unbind(l, depth);
        return form_leaf(l->f, leaf_intern(l, g));
    }
    if (d->op != PO_lin) return 0;
    for (uint32_t i = 0; i < d->ndim; i++) bind(l, d->dim[i].var, idx[i]);
    Form sum = FORM_ZERO;
    for (uint32_t i = 0; i < d->narm && sum; i++) {
        if (d->arm[i].nred || d->arm[i].ncons) sum = 0;
        else sum = form_add(l->f, sum, form_mul(l->f, evaluate(l, d, d->arm[i].coef),
                                                input_product(l, g, d->arm[i].use)));
    }
    unbind(l, depth);
    if (!sum) limit1_stuck(l, "a combination of data vectors is too involved");
    return sum;
}

/* The hats of opposite products by the same matrix on which the argument of hat depends. */
static Leaves opposite(Limit1 *l, const GaussLeaf *h) {
    Leaves base = {0}, out = {0};
    leaf_bases(l, h->arg, &base);
    for (uint32_t i = 0; i < base.len; i++) {
        const GaussLeaf *o = &l->leaf.data[base.data[i]];
        if (o->kind == LEAF_hat && o->fam == h->fam && o->transposed != h->transposed &&
            (!h->nmember || !memcmp(o->member, h->member, h->nmember * sizeof *h->member)))
            vec_push(l->a, &out, base.data[i]);
    }
    return out;
}

static Coefficient coefficient(Limit1 *l, const GaussLeaf *h, uint32_t hat, const Num *parts) {
    Coefficient c = {.hat = hat};
    c.slope = form_mul(l->f, h->scale, leaf_slope(l, h->arg, hat));
    c.value = parts ? 0 : expect(l, c.slope);
    if (c.value && form_vanishes(l->f, c.value)) c.value = FORM_ZERO;
    c.num = form_value(l->f, c.value);
    if (parts) {
        Num s = form_value(l->f, h->scale);
        c.num = (Num){s.v * parts->v, s.v * parts->err + s.err * fabs(parts->v)};
        c.value = form_named(l->f, arena_printf(l->a, "c%u", l->coef.len + 1), c.num.v, c.num.err);
    }
    return c;
}

/* A short form as it is, else a name for it. */
static Form factor_of(Limit1 *l, const Coefficient *c) {
    FormNode n = form_node(l->f, c->value);
    if (!c->value || n.n == 0 || (n.n == 1 && n.m[0].n <= 3)) return c->value;
    return form_named(l->f, arena_printf(l->a, "c%u", l->coef.len), c->num.v, c->num.err);
}

/* Z = hat + sum of coefficients times the arguments of the opposite products. */
static Form corrected(Limit1 *l, DefId id, const int64_t *idx, uint32_t hat) {
    GaussLeaf h = l->leaf.data[hat];
    Form z = form_leaf(l->f, hat);
    if (!l->both[h.fam]) return z;
    Leaves opp = opposite(l, &h);
    Num *parts = NULL;
    Coefficient *c = ARENA_ARRAY(l->a, Coefficient, opp.len + 1);
    for (uint32_t i = 0; i < opp.len; i++) {
        c[i] = coefficient(l, &h, opp.data[i], parts ? &parts[i] : NULL);
        if (isfinite(c[i].num.v) || parts || l->stuck) continue;
        parts = ARENA_ARRAY(l->a, Num, opp.len);
        if (!coefficients_by_parts(l, h.arg, opp.data, opp.len, parts)) {
            parts = NULL;
            c[i].value = 0;
            c[i].num = (Num){(double)NAN, INFINITY};
        } else {
            c[i] = coefficient(l, &h, opp.data[i], &parts[i]);
        }
    }
    for (uint32_t i = 0; i < opp.len && z; i++) {
        c[i].def = id;
        c[i].idx = idx;
        vec_push(l->a, &l->coef, c[i]);
        coefficient_found(l, &c[i]);
        if (c[i].value == FORM_ZERO) continue; /* leaves no trace */
        z = form_add(l->f, z, form_mul(l->f, factor_of(l, &c[i]), l->leaf.data[opp.data[i]].arg));
    }
    return z;
}

static Form product(Limit1 *l, DefId id, const int64_t *idx) {
    const Def *d = def_of(l->k, id);
    const Fam *f = fam_of(l->k, d->fam);
    Form s2 = family_s2(l, d->fam);
    if (s2 == FORM_ZERO || !s2) return s2;
    if (f->kind == FAM_input_matrix) {
        GaussLeaf g = member_of(l, d, LEAF_input);
        g.scale = s2;
        return input_product(l, g, d->use[0]);
    }
    Use u = d->use[0];
    Form x = limit1_at(l, u.d, index_at(l, u.idx, def_of(l->k, u.d)->ndim));
    if (!x || x == FORM_ZERO) return x;
    GaussLeaf g = member_of(l, d, LEAF_hat);
    g.arg = x;
    g.def = id;
    g.idx = idx;
    g.scale = s2;
    if (d->transposed)
        g.scale = form_mul(l->f, s2, form_div(l->f, evaluate(l, NULL, f->rows),
                                              evaluate(l, NULL, f->cols), 1));
    uint32_t before = l->leaf.len, hat = leaf_intern(l, g);
    if (hat < before) { /* the same product once more */
        const GaussLeaf *o = &l->leaf.data[hat];
        if (o->def != id || memcmp(o->idx, idx, d->ndim * sizeof *idx))
            return limit1_at(l, o->def, o->idx);
    }
    if (l->cell.len > 40) leaf_cov(l, hat, hat); /* before others need it, to nest less */
    return leaf_expand(l, corrected(l, id, idx, hat));
}

static Form vector_of(Limit1 *l, const Def *d, LeafKind kind) {
    GaussLeaf g = member_of(l, d, kind);
    g.scale = family_s2(l, d->fam);
    if (!g.scale || g.scale == FORM_ZERO) return g.scale;
    return form_leaf(l->f, leaf_intern(l, g));
}

static Form at_use(Limit1 *l, Use u) {
    return limit1_at(l, u.d, index_at(l, u.idx, def_of(l->k, u.d)->ndim));
}

/* Sums over coordinates divided by n: the width times the average. */
static Form moment(Limit1 *l, const Def *d) {
    Form z = at_use(l, d->use[0]);
    if (d->nuse == 2) z = form_mul(l->f, z, at_use(l, d->use[1]));
    Form r = evaluate(l, NULL, def_of(l->k, d->use[0].d)->width);
    return form_mul(l->f, r, expect(l, z));
}

static void print_index(Buf *b, const int64_t *idx, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) buf_printf(b, "%s%lld", i ? ", " : "[", (long long)idx[i]);
    if (n) buf_putc(b, ']');
}

static Form datum(Limit1 *l, const Def *d, const int64_t *idx) {
    const CheckProbe *p = l->k->probe;
    double v = 0.25;
    if (p && p->datum) v = p->datum(p->ctx, d->input, idx);
    else if (d->ndim == 2) v = 1.0 / (double)(2 + llabs(idx[0] - idx[1]));
    Buf b = buf_new(l->a);
    buf_puts(&b, sym_text(l->c->syms, d->name));
    print_index(&b, idx, d->ndim);
    return form_named(l->f, buf_text(&b), v, 0);
}

static Form compute(Limit1 *l, DefId id, const int64_t *idx) {
    const Def *d = def_of(l->k, id);
    switch (d->op) {
    case PO_one: return FORM_ONE;
    case PO_param: return vector_of(l, d, LEAF_param);
    case PO_noise:
        return vector_of(l, d, fam_of(l->k, d->fam)->law == NOISE_bernoulli ? LEAF_coin
                                                                            : LEAF_param);
    case PO_matmul: return product(l, id, idx);
    case PO_lin: return arms_sum(l, d, true);
    case PO_nonlin: return evaluate(l, d, d->f);
    case PO_data: return datum(l, d, idx);
    case PO_second:
    case PO_mean: return moment(l, d);
    case PO_scalar: return arms_sum(l, d, false);
    case PO_softmax: return softmax_element(l, d);
    case PO_input: case PO_basis: case PO_grad: case PO_inner: case PO_output: break;
    }
    return 0;
}

/* Circular dims: the index modulo the extent. */
static const int64_t *wrapped(Limit1 *l, const Def *d, const int64_t *idx) {
    if (!d->wrap) return idx;
    int64_t *v = arena_copy(l->a, idx, d->ndim * sizeof *idx);
    for (uint32_t i = 0; i < d->ndim; i++) {
        if (!(d->wrap >> i & 1)) continue;
        int64_t lo = aff_at(d->dim[i].lo, limit1_name, l);
        int64_t n = aff_at(d->dim[i].hi, limit1_name, l) - lo;
        if (n > 0) v[i] = lo + ((v[i] - lo) % n + n) % n;
    }
    return v;
}

Form limit1_at(Limit1 *l, DefId id, const int64_t *idx) {
    const Def *d = def_of(l->k, id);
    idx = wrapped(l, d, idx);
    uint32_t at = cell_at(l, id, idx);
    if (l->cell.data[at].done || l->stuck) return l->cell.data[at].z;
    if (arena_used(l->a) - l->memory > MAX_MEMORY) limit1_stuck(l, "unrolled it is too large");
    if (l->cell.len > MAX_CELLS) limit1_stuck(l, "unrolled it is too long");
    l->cell.data[at].done = true; /* a cycle would read 0: none */
    uint32_t outer = l->bound.len, depth = l->depth++;
    if (depth > MAX_NEST) limit1_stuck(l, "unrolled it is too deep");
    for (uint32_t i = 0; i < d->ndim; i++) bind(l, d->dim[i].var, idx[i]);
    l->depth = 0;
    Form z = compute(l, id, l->cell.data[at].idx);
    l->depth = depth;
    unbind(l, outer);
    if (!z) limit1_stuck(l, "an expression has no normal form, or is too large");
    l->cell.data[at].z = z;
    return z;
}

typedef struct Each {
    Limit1 *l;
    const Def *d;
    int64_t idx[MAX_DIMS];
    void (*see)(void *ctx, const int64_t *idx);
    void *ctx;
} Each;

static void each_from(Each *e, uint32_t i) {
    Limit1 *l = e->l;
    if (l->stuck) return;
    if (i == e->d->ndim) {
        e->see(e->ctx, e->idx);
        return;
    }
    int64_t lo = aff_at(e->d->dim[i].lo, limit1_name, l);
    int64_t hi = aff_at(e->d->dim[i].hi, limit1_name, l);
    uint32_t depth = l->bound.len;
    for (e->idx[i] = lo; e->idx[i] < hi && !l->stuck; e->idx[i]++) {
        bind(l, e->d->dim[i].var, e->idx[i]);
        each_from(e, i + 1);
        unbind(l, depth);
    }
}

void limit1_each(Limit1 *l, DefId d, void (*see)(void *ctx, const int64_t *idx), void *ctx) {
    Each e = {.l = l, .d = def_of(l->k, d), .see = see, .ctx = ctx};
    each_from(&e, 0);
}

Limit1 *limit1_new(Checker *k, double stretch) {
    Limit1 *l = ARENA_NEW(k->a, Limit1);
    l->stretch = stretch;
    l->k = k;
    l->c = k->c;
    l->a = k->a;
    l->f = formpool_new(k->c, k->p->fx);
    l->both = families_both(k);
    l->memory = arena_used(k->a);
    formpool_budget(l->f, MAX_WORK);
    return l;
}

/* ---- names of leaves */
const char *limit1_leaf_name(void *ctx, uint32_t leaf) {
    Limit1 *l = ctx;
    const GaussLeaf *g = &l->leaf.data[leaf];
    Buf b = buf_new(l->a);
    switch (g->kind) {
    case LEAF_param:
    case LEAF_coin:
        buf_puts(&b, fam_name(l->k, g->fam));
        print_index(&b, g->member, g->nmember);
        break;
    case LEAF_input:
        buf_printf(&b, "%s", fam_name(l->k, g->fam));
        print_index(&b, g->member, g->nmember);
        buf_printf(&b, "*x");
        print_index(&b, g->in.pos, g->in.npos);
        break;
    case LEAF_hat:
        buf_puts(&b, def_name(l->k, g->def));
        print_index(&b, g->idx, def_of(l->k, g->def)->ndim);
        break;
    case LEAF_sum: {
        for (uint32_t i = 0; i < l->cell.len; i++) { /* the vector that it is */
            const ZCell *c = &l->cell.data[i];
            if (c->z != g->arg) continue;
            buf_puts(&b, def_name(l->k, c->d));
            print_index(&b, c->idx, def_of(l->k, c->d)->ndim);
            return buf_text(&b);
        }
        buf_putc(&b, '(');
        form_print(l->f, &b, g->arg, limit1_leaf_name, l);
        buf_putc(&b, ')');
        break;
    }
    }
    return buf_text(&b);
}

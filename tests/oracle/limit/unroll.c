/* The master theorem unrolled: every G-var of both samples is a row of a covariance matrix and of a
 * tangent matrix; a vector is a sum of functions of linear combinations of them. */
#include "oracle.h"
#include "diag/diag.h"
#include <math.h>
#include <string.h>

enum { MAXG = 20000, MAXL = 16, MAXI = 10 };

typedef struct Combo { /* constant + sum coef * g-var */
    double c;
    VEC(uint32_t) g;
    VEC(double) k;
} Combo;

typedef struct Atom { /* coef * F(leaves); F = 0: the leaf itself; data: an input vector */
    double coef;
    Fx F;
    const Combo *leaf;
    uint32_t nleaf;
    bool data;
    uint32_t input;
    int64_t basis; /* -1: the sample */
    int sample;
    int64_t pos[MAXI]; /* data: position */
    uint32_t npos;
} Atom;

typedef VEC(Atom) Vector;

typedef struct GVar { /* correlated with those of the same member of its family alone */
    uint32_t fam;
    int64_t idx[MAXI];
    const Vector *operand; /* NULL: a parameter vector */
    uint32_t member, at;   /* which member, number among its G-vars */
    double *cov, *tan;     /* with the member's G-vars 0..at */
} GVar;

typedef VEC(uint32_t) Indices;

typedef struct Pair { /* what was computed of two vectors */
    const Vector *x, *y;
    double dot, tan;
    bool has_dot, has_tan;
} Pair;

typedef struct Memo {
    DefId d;
    int sample;
    int64_t idx[MAXI];
    const Vector *v; /* NULL: a scalar */
    double number;
} Memo;

typedef struct Unroll {
    Arena *a;
    const Setup *s;
    VEC(GVar) g;
    VEC(Indices) member;   /* G-vars of every member of a family */
    VEC(Memo) memo;
    uint32_t *slot, nslot; /* hash of memo */
    Pair *pair;
    uint32_t npair, cappair;
    Sym name[24]; /* names bound while a definition is evaluated */
    int64_t value[24];
    uint32_t n;
    int sample; /* whose sizes and scalars */
} Unroll;

static int64_t name_value(void *ctx, Sym name) {
    const Unroll *u = ctx;
    for (uint32_t k = u->n; k-- > 0;)
        if (u->name[k] == name) return u->value[k];
    return setup_size(u->s, u->sample, u->sample, name);
}

static double real_value(void *ctx, Sym name) {
    const Unroll *u = ctx;
    return u->s->real(u->s->ctx, name);
}

static double dim_value(void *ctx, uint32_t input) {
    (void)ctx, (void)input;
    return DIM;
}

static double sref_value(void *ctx, const FxNode *n);

static FxEnv env_of(Unroll *u) {
    return (FxEnv){.hyper = real_value, .name = name_value, .dim = dim_value, .sref = sref_value,
                   .ctx = u};
}

static double scalar(Unroll *u, Fx f) {
    FxEnv e = env_of(u);
    return fx_eval(u->s->p->fx, f, &e);
}

/* ---- expectations of vectors */
static double entry(const Unroll *u, uint32_t i, uint32_t j, bool tan) {
    const GVar *a = &u->g.data[i], *b = &u->g.data[j];
    if (a->member != b->member) return 0;
    if (a->at < b->at) a = b, b = &u->g.data[i];
    return (tan ? a->tan : a->cov)[b->at];
}

static double combo_dot(const Unroll *u, const Combo *a, const Combo *b, bool tan) {
    double s = 0;
    for (uint32_t i = 0; i < a->g.len; i++)
        for (uint32_t j = 0; j < b->g.len; j++)
            s += a->k.data[i] * b->k.data[j] * entry(u, a->g.data[i], b->g.data[j], tan);
    return s;
}

static double data_dot(const Unroll *u, const Atom *a, const Atom *b) {
    const Setup *s = u->s;
    if (a->basis >= 0 && b->basis >= 0) return a->basis == b->basis ? 1.0 / (double)DIM : 0;
    if (a->basis >= 0)
        return setup_point(s, b->input, b->sample, b->pos, b->npos, (int)a->basis) / (double)DIM;
    if (b->basis >= 0)
        return setup_point(s, a->input, a->sample, a->pos, a->npos, (int)b->basis) / (double)DIM;
    return setup_gram(s, a->input, a->sample, a->pos, a->npos, b->input, b->sample, b->pos,
                      b->npos);
}

/* E[F G] over both atoms' leaves; F, G may be derivatives.  0 stands for the identity on leaf 0. */
static double atoms_expect(Unroll *u, const Atom *a, Fx F, const Atom *b, Fx G) {
    FxPool *p = u->s->p->fx;
    const Combo *leaf[2 * MAXL];
    double cov[4 * MAXL * MAXL], mean[2 * MAXL];
    Fx shift[MAXL];
    uint32_t n = 0;
    if (!F && !G) return combo_dot(u, a->leaf, b->leaf, false) + a->leaf->c * b->leaf->c;
    for (uint32_t k = 0; k < a->nleaf; k++) leaf[n++] = &a->leaf[k];
    for (uint32_t k = 0; k < b->nleaf; k++) {
        shift[k] = fx_leaf(p, n);
        leaf[n++] = &b->leaf[k];
    }
    for (uint32_t i = 0; i < n; i++) {
        mean[i] = leaf[i]->c;
        for (uint32_t j = 0; j < n; j++) cov[i * n + j] = combo_dot(u, leaf[i], leaf[j], false);
    }
    Fx f = F ? F : fx_leaf(p, 0), g = fx_map(p, G ? G : fx_leaf(p, 0), shift, b->nleaf, NULL, 0);
    Fx known[2 * MAXL]; /* leaves that are numbers */
    for (uint32_t i = 0; i < n; i++)
        known[i] = leaf[i]->g.len ? fx_leaf(p, i) : fx_num(p, leaf[i]->c);
    for (uint32_t i = 0; i < n; i++)
        if (!leaf[i]->g.len) mean[i] = 0;
    f = fx_map(p, f, known, n, NULL, 0);
    g = fx_map(p, g, known, n, NULL, 0);
    FxEnv e = env_of(u);
    return oracle_expect(p, f, g, n, cov, mean, &e);
}

static Pair *pair_of(Unroll *u, const Vector *x, const Vector *y);

static void pairs_grow(Unroll *u) {
    Pair *old = u->pair;
    uint32_t n = u->cappair;
    u->cappair = n ? 2 * n : 1024;
    u->pair = ARENA_ARRAY(u->a, Pair, u->cappair);
    u->npair = 0;
    for (uint32_t i = 0; i < n; i++)
        if (old[i].x) *pair_of(u, old[i].x, old[i].y) = old[i];
}

static Pair *pair_of(Unroll *u, const Vector *x, const Vector *y) {
    if (2 * u->npair >= u->cappair) pairs_grow(u);
    uint64_t h = (uintptr_t)x * 0x9e3779b97f4a7c15u ^ (uintptr_t)y * 0xc2b2ae3d27d4eb4fu;
    uint32_t i = (uint32_t)(h >> 32) & (u->cappair - 1);
    while (u->pair[i].x && (u->pair[i].x != x || u->pair[i].y != y)) i = (i + 1) & (u->cappair - 1);
    if (!u->pair[i].x) {
        u->pair[i] = (Pair){.x = x, .y = y};
        u->npair++;
    }
    return &u->pair[i];
}

static double dot_of(Unroll *u, const Vector *x, const Vector *y) {
    double s = 0;
    for (uint32_t i = 0; i < x->len; i++)
        for (uint32_t j = 0; j < y->len; j++) {
            const Atom *a = &x->data[i], *b = &y->data[j];
            double v = a->data ? data_dot(u, a, b) : atoms_expect(u, a, a->F, b, b->F);
            s += a->coef * b->coef * v;
        }
    return s;
}

static double dot(Unroll *u, const Vector *x, const Vector *y) {
    Pair *p = pair_of(u, x, y);
    if (p->has_dot) return p->dot;
    double v = dot_of(u, x, y);
    p = pair_of(u, x, y);
    p->has_dot = true;
    return p->dot = v;
}

static Fx derivative(Unroll *u, const Atom *a, uint32_t k) {
    FxPool *p = u->s->p->fx;
    return a->F ? fx_diff(p, a->F, k) : fx_num(p, 1);
}

static double tangent_of(Unroll *u, const Vector *x, const Vector *y) {
    double s = 0;
    for (uint32_t i = 0; i < x->len; i++)
        for (uint32_t j = 0; j < y->len; j++) {
            const Atom *a = &x->data[i], *b = &y->data[j];
            for (uint32_t k = 0; !a->data && k < a->nleaf; k++)
                for (uint32_t l = 0; l < b->nleaf; l++) {
                    double t = combo_dot(u, &a->leaf[k], &b->leaf[l], true);
                    if (t == 0) continue;
                    s += a->coef * b->coef * t *
                         atoms_expect(u, a, derivative(u, a, k), b, derivative(u, b, l));
                }
        }
    return s;
}

static double tangent(Unroll *u, const Vector *x, const Vector *y) {
    Pair *p = pair_of(u, x, y);
    if (p->has_tan) return p->tan;
    double v = tangent_of(u, x, y);
    p = pair_of(u, x, y);
    p->has_tan = true;
    return p->tan = v;
}

static uint32_t member_of(Unroll *u, const GVar *v) {
    for (uint32_t m = 0; m < u->member.len; m++) {
        const GVar *o = &u->g.data[u->member.data[m].data[0]];
        if (o->fam == v->fam && !memcmp(o->idx, v->idx, sizeof v->idx)) return m;
    }
    vec_push(u->a, &u->member, (Indices){0});
    return u->member.len - 1;
}

static uint32_t gvar(Unroll *u, GVar v, const Fam *f) {
    uint32_t n = u->g.len;
    if (n == MAXG) bug("too many G-vars in the test");
    double s2 = scalar(u, f->s2), lr = scalar(u, f->lr);
    v.member = member_of(u, &v);
    v.at = u->member.data[v.member].len;
    vec_push(u->a, &u->member.data[v.member], n);
    vec_push(u->a, &u->g, v);
    double *cov = ARENA_ARRAY(u->a, double, v.at + 1), *tan = ARENA_ARRAY(u->a, double, v.at + 1);
    for (uint32_t j = 0; j <= v.at; j++) {
        const GVar *o = &u->g.data[u->member.data[v.member].data[j]];
        double k = v.operand ? dot(u, v.operand, o->operand) : 1;
        cov[j] = s2 * k;
        tan[j] = lr * k + (v.operand ? s2 * tangent(u, v.operand, o->operand) : 0);
    }
    u->g.data[n].cov = cov;
    u->g.data[n].tan = tan;
    return n;
}

/* ---- definitions */
static const Vector *value(Unroll *u, DefId d, const int64_t *idx, int sample);

/* Of a wrapped dim the index is taken modulo its extent (whose bounds are sizes). */
static int64_t wrapped(Unroll *u, const Dim *d, int64_t i) {
    int64_t lo = aff_at(d->lo, name_value, u), n = aff_at(d->hi, name_value, u) - lo;
    return lo + ((i - lo) % n + n) % n;
}

static const Vector *value_use(Unroll *u, Use use, int sample) {
    int64_t idx[MAXI] = {0};
    const Def *d = &u->s->p->def.data[use.d];
    for (uint32_t i = 0; i < d->ndim; i++) {
        idx[i] = aff_at(use.idx[i], name_value, u);
        if (d->wrap >> i & 1) idx[i] = wrapped(u, &d->dim[i], idx[i]);
    }
    return value(u, use.d, idx, sample);
}

static void add_gvar(Unroll *u, Vector *out, uint32_t g) {
    Combo *c = ARENA_NEW(u->a, Combo);
    vec_push(u->a, &c->g, g);
    vec_push(u->a, &c->k, 1.0);
    vec_push(u->a, out, (Atom){.coef = 1, .leaf = c, .nleaf = 1});
}

static void atom_value(Unroll *u, const Def *d, int sample, Vector *out) {
    const Fam *f = &u->s->p->fam.data[d->fam];
    GVar g = {.fam = d->fam};
    for (uint32_t i = 0; i < d->nfidx; i++) g.idx[i] = aff_at(d->fidx[i], name_value, u);
    if (d->op == PO_noise) g.idx[MAXI - 1] = sample + 1;
    if (d->op == PO_matmul) g.operand = value_use(u, d->use[0], sample);
    add_gvar(u, out, gvar(u, g, f));
}

static void arm_value(Unroll *u, const Arm *m, uint32_t red, int sample, Vector *out) {
    if (red < m->nred) {
        uint32_t n = u->n++;
        int64_t lo = aff_at(m->red[red].lo, name_value, u);
        int64_t hi = aff_at(m->red[red].hi, name_value, u);
        u->name[n] = m->red[red].var;
        for (int64_t i = lo; i < hi; i++) {
            u->value[n] = i;
            arm_value(u, m, red + 1, sample, out);
        }
        u->n = n;
        return;
    }
    for (uint32_t i = 0; i < m->ncons; i++)
        if (!cons_at(m->cons[i], name_value, u)) return;
    double k = scalar(u, m->coef);
    const Vector *v = value_use(u, m->use, sample);
    for (uint32_t i = 0; i < v->len; i++) {
        Atom a = v->data[i];
        a.coef *= k;
        vec_push(u->a, out, a);
    }
}

static void combo_add(Unroll *u, Combo *to, double coef, const Combo *c) {
    to->c += coef * c->c;
    for (uint32_t k = 0; k < c->g.len; k++) {
        uint32_t at = 0;
        while (at < to->g.len && to->g.data[at] != c->g.data[k]) at++;
        if (at == to->g.len) {
            vec_push(u->a, &to->g, c->g.data[k]);
            vec_push(u->a, &to->k, 0.0);
        }
        to->k.data[at] += coef * c->k.data[k];
    }
}

static bool is_linear(const Vector *v) {
    for (uint32_t i = 0; i < v->len; i++)
        if (v->data[i].F) return false;
    return true;
}

/* A vector as an expression over leaves appended to *leaf; a linear one is one leaf. */
static Fx as_expression(Unroll *u, const Vector *v, Combo *leaf, uint32_t *n) {
    FxPool *p = u->s->p->fx;
    Fx s = fx_num(p, 0);
    if (*n == MAXL) bug("too many leaves in the test");
    if (is_linear(v)) {
        Combo *c = &leaf[*n];
        *c = (Combo){0};
        for (uint32_t i = 0; i < v->len; i++) combo_add(u, c, v->data[i].coef, v->data[i].leaf);
        return fx_leaf(p, (*n)++);
    }
    for (uint32_t i = 0; i < v->len; i++) {
        const Atom *a = &v->data[i];
        Fx to[MAXL];
        if (*n + a->nleaf > MAXL) bug("too many leaves in the test");
        for (uint32_t k = 0; k < a->nleaf; k++) {
            to[k] = fx_leaf(p, *n);
            leaf[(*n)++] = a->leaf[k];
        }
        Fx f = a->F ? fx_map(p, a->F, to, a->nleaf, NULL, 0) : to[0];
        s = fx_add(p, s, fx_mul(p, fx_num(p, a->coef), f));
    }
    return s;
}

/* Hyperparameters and indices of a nonlinearity's expression are put in as numbers. */
static Fx with_numbers(Unroll *u, Fx f) {
    FxPool *p = u->s->p->fx;
    FxNode n = *fx_node(p, f);
    if (n.op == FX_hyper || n.op == FX_index || n.op == FX_dim || n.op == FX_sref)
        return fx_num(p, scalar(u, f));
    Fx arg[3] = {0};
    if (!fx_arity(n.op)) return f;
    for (uint32_t i = 0; i < fx_arity(n.op); i++) arg[i] = with_numbers(u, n.arg[i]);
    return fx_op(p, n.op, arg[0], arg[1], arg[2]);
}

static void nonlin_value(Unroll *u, const Def *d, int sample, Vector *out) {
    Combo *leaf = ARENA_ARRAY(u->a, Combo, MAXL);
    Fx to[MAXL], f = with_numbers(u, d->f);
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->nuse; i++)
        to[i] = as_expression(u, value_use(u, d->use[i], sample), leaf, &n);
    f = fx_map(u->s->p->fx, f, to, d->nuse, NULL, 0);
    vec_push(u->a, out, (Atom){.coef = 1, .F = f, .leaf = leaf, .nleaf = n});
}

/* Equal functions as one; of a linear vector, all Gaussians as one and all constants as one. */
static void merge(Unroll *u, Vector *v) {
    Vector out = {0};
    Combo *c = ARENA_NEW(u->a, Combo), *one = ARENA_NEW(u->a, Combo);
    bool linear = is_linear(v);
    for (uint32_t i = 0; i < v->len; i++) {
        const Atom *a = &v->data[i];
        uint32_t same = 0;
        if (linear && !a->data) {
            combo_add(u, c, a->coef, a->leaf);
            continue;
        }
        while (same < out.len && (a->data || out.data[same].F != a->F ||
                                  out.data[same].leaf != a->leaf)) same++;
        if (same < out.len) out.data[same].coef += a->coef;
        else vec_push(u->a, &out, *a);
    }
    one->c = c->c; /* apart, where functions of centred leaves have closed forms */
    c->c = 0;
    if (c->g.len) vec_push(u->a, &out, (Atom){.coef = 1, .leaf = c, .nleaf = 1});
    if (one->c != 0) vec_push(u->a, &out, (Atom){.coef = 1, .leaf = one, .nleaf = 1});
    *v = out;
}

static void def_value(Unroll *u, const Def *d, int sample, Vector *out) {
    switch (d->op) {
    case PO_input:
    case PO_basis: {
        int64_t k = d->op == PO_basis ? aff_at(d->basis, name_value, u) : -1;
        Atom a = {.coef = 1, .data = true, .input = d->input, .basis = k, .sample = sample,
                  .npos = d->op == PO_input ? d->ndim : 0};
        for (uint32_t i = 0; i < a.npos; i++) a.pos[i] = name_value(u, d->dim[i].var);
        vec_push(u->a, out, a);
        return;
    }
    case PO_one: {
        Combo *c = ARENA_NEW(u->a, Combo);
        c->c = 1;
        vec_push(u->a, out, (Atom){.coef = 1, .leaf = c, .nleaf = 1});
        return;
    }
    case PO_param:
    case PO_noise:
    case PO_matmul: atom_value(u, d, sample, out); return;
    case PO_lin:
        for (uint32_t i = 0; i < d->narm; i++) arm_value(u, &d->arm[i], 0, sample, out);
        merge(u, out);
        return;
    case PO_nonlin: nonlin_value(u, d, sample, out); return;
    case PO_data:
    case PO_second:
    case PO_mean:
    case PO_scalar:
    case PO_softmax:
    case PO_grad:
    case PO_inner:
    case PO_output: break;
    }
    bug("no vector");
}

/* ---- scalars */
static double arms_number(Unroll *u, const Arm *m, uint32_t red, bool *any) {
    if (red < m->nred) {
        uint32_t n = u->n++;
        int64_t lo = aff_at(m->red[red].lo, name_value, u);
        int64_t hi = aff_at(m->red[red].hi, name_value, u);
        double s = 0;
        u->name[n] = m->red[red].var;
        for (int64_t i = lo; i < hi; i++) {
            u->value[n] = i;
            s += arms_number(u, m, red + 1, any);
        }
        u->n = n;
        return s;
    }
    for (uint32_t i = 0; i < m->ncons; i++)
        if (!cons_at(m->cons[i], name_value, u)) return 0;
    *any = true;
    return scalar(u, m->coef);
}

static double sum_number(Unroll *u, const Def *d, bool *any) {
    double s = 0;
    for (uint32_t i = 0; i < d->narm; i++) s += arms_number(u, &d->arm[i], 0, any);
    return s;
}

static double softmax_number(Unroll *u, const Def *d) {
    const Dim *over = &d->dim[d->over];
    int64_t lo = aff_at(over->lo, name_value, u), hi = aff_at(over->hi, name_value, u);
    int64_t own = u->value[d->over];
    bool any = false;
    double sum = 0, at = sum_number(u, d, &any);
    for (int64_t i = lo; any && i < hi; i++) {
        bool there = false;
        u->value[d->over] = i;
        double e = exp(sum_number(u, d, &there) - at);
        if (there) sum += e;
    }
    u->value[d->over] = own;
    return any ? 1 / sum : 0;
}

static double mean_number(Unroll *u, const Vector *v) {
    double s = 0;
    for (uint32_t i = 0; i < v->len; i++) {
        const Atom *a = &v->data[i];
        double cov[MAXL * MAXL], mean[MAXL];
        for (uint32_t p = 0; p < a->nleaf; p++) {
            mean[p] = a->leaf[p].c;
            for (uint32_t q = 0; q < a->nleaf; q++)
                cov[p * a->nleaf + q] = combo_dot(u, &a->leaf[p], &a->leaf[q], false);
        }
        FxEnv e = env_of(u);
        s += a->coef * (a->F ? oracle_expect(u->s->p->fx, a->F, 0, a->nleaf, cov, mean, &e)
                             : mean[0]);
    }
    return s;
}

static double number(Unroll *u, const Def *d, const int64_t *idx) {
    bool any = false;
    switch (d->op) {
    case PO_data: return setup_number(u->s, d->input, u->sample, idx, d->ndim);
    case PO_second: {
        const Vector *v = value_use(u, d->use[0], u->sample);
        return dot(u, v, value_use(u, d->use[1], u->sample));
    }
    case PO_mean: return mean_number(u, value_use(u, d->use[0], u->sample));
    case PO_softmax: return softmax_number(u, d);
    case PO_scalar: return sum_number(u, d, &any);
    case PO_input:
    case PO_basis:
    case PO_one:
    case PO_param:
    case PO_matmul:
    case PO_lin:
    case PO_nonlin:
    case PO_noise:
    case PO_grad:
    case PO_inner:
    case PO_output: break;
    }
    bug("no scalar");
}

/* ---- elements */
static uint32_t memo_slot(const Unroll *u, DefId d, const int64_t *idx, int sample) {
    uint32_t h = d * 2654435761u + (uint32_t)sample * 40503u;
    for (int i = 0; i < MAXI; i++) h = (h ^ (uint32_t)idx[i]) * 16777619u;
    h = (h ^ h >> 15) & (u->nslot - 1);
    for (;; h = (h + 1) & (u->nslot - 1)) {
        if (!u->slot[h]) return h;
        const Memo *m = &u->memo.data[u->slot[h] - 1];
        if (m->d == d && m->sample == sample && !memcmp(m->idx, idx, sizeof m->idx)) return h;
    }
}

static const Memo *memo_find(const Unroll *u, DefId d, const int64_t *idx, int sample) {
    uint32_t i = u->nslot ? u->slot[memo_slot(u, d, idx, sample)] : 0;
    return i ? &u->memo.data[i - 1] : NULL;
}

static void memo_add(Unroll *u, Memo m) {
    vec_push(u->a, &u->memo, m);
    uint32_t from = u->memo.len - 1;
    if (2 * u->memo.len > u->nslot) {
        u->nslot = u->nslot ? 2 * u->nslot : 1024;
        u->slot = ARENA_ARRAY(u->a, uint32_t, u->nslot);
        from = 0;
    }
    for (uint32_t i = from; i < u->memo.len; i++) {
        const Memo *o = &u->memo.data[i];
        u->slot[memo_slot(u, o->d, o->idx, o->sample)] = i + 1;
    }
}

static const Memo *element(Unroll *u, DefId d, const int64_t *idx, int sample) {
    const Def *def = &u->s->p->def.data[d];
    const Memo *known = memo_find(u, d, idx, sample);
    if (known) return known;
    Unroll was = *u;
    u->n = def->ndim;
    u->sample = sample;
    for (uint32_t i = 0; i < def->ndim; i++) {
        u->name[i] = def->dim[i].var;
        u->value[i] = idx[i];
    }
    Memo m = {.d = d, .sample = sample};
    memcpy(m.idx, idx, sizeof m.idx);
    if (program_op_is_scalar(def->op)) {
        m.number = number(u, def, idx);
    } else {
        Vector *v = ARENA_NEW(u->a, Vector);
        def_value(u, def, sample, v);
        m.v = v;
    }
    memo_add(u, m);
    u->n = was.n;
    u->sample = was.sample;
    memcpy(u->name, was.name, sizeof was.name);
    memcpy(u->value, was.value, sizeof was.value);
    return memo_find(u, d, idx, sample);
}

static const Vector *value(Unroll *u, DefId d, const int64_t *idx, int sample) {
    return element(u, d, idx, sample)->v;
}

static double sref_value(void *ctx, const FxNode *n) {
    Unroll *u = ctx;
    int64_t idx[MAXI] = {0};
    for (uint32_t i = 0; i < n->nidx; i++) idx[i] = aff_at(n->idx[i], name_value, u);
    return element(u, n->k, idx, u->sample)->number;
}

/* ---- outputs: sums of inner products and scalar parameters */
typedef struct Readout {
    double coef;
    const Vector *v, *x;
    double width;
    uint32_t bias; /* family of a scalar parameter, where v is NULL */
} Readout;
typedef VEC(Readout) Readouts;

static void readouts(Unroll *u, Use use, double coef, Readouts *out);

static void readout_arm(Unroll *u, const Arm *m, uint32_t red, double coef, Readouts *out) {
    if (red < m->nred) {
        uint32_t n = u->n++;
        int64_t lo = aff_at(m->red[red].lo, name_value, u);
        int64_t hi = aff_at(m->red[red].hi, name_value, u);
        u->name[n] = m->red[red].var;
        for (int64_t i = lo; i < hi; i++) {
            u->value[n] = i;
            readout_arm(u, m, red + 1, coef, out);
        }
        u->n = n;
        return;
    }
    for (uint32_t i = 0; i < m->ncons; i++)
        if (!cons_at(m->cons[i], name_value, u)) return;
    readouts(u, m->use, coef * scalar(u, m->coef), out);
}

static void readouts(Unroll *u, Use use, double coef, Readouts *out) {
    const Def *def = &u->s->p->def.data[use.d];
    Unroll was = *u;
    int64_t idx[MAXI] = {0};
    for (uint32_t i = 0; i < def->ndim; i++) idx[i] = aff_at(use.idx[i], name_value, u);
    u->n = def->ndim;
    for (uint32_t i = 0; i < def->ndim; i++) {
        u->name[i] = def->dim[i].var;
        u->value[i] = idx[i];
    }
    if (def->op == PO_output) {
        for (uint32_t i = 0; i < def->narm; i++) readout_arm(u, &def->arm[i], 0, coef, out);
    } else if (def->op == PO_inner) {
        Readout r = {coef * scalar(u, def->f), value_use(u, def->use[0], u->sample),
                     value_use(u, def->use[1], u->sample), 1, 0};
        r.width = scalar(u, u->s->p->def.data[def->use[1].d].width);
        vec_push(u->a, out, r);
    } else {
        vec_push(u->a, out, (Readout){.coef = coef, .bias = def->fam});
    }
    u->n = was.n;
    memcpy(u->name, was.name, sizeof was.name);
    memcpy(u->value, was.value, sizeof was.value);
}

/* The returned element at positions at[..] of the sample. */
static Readouts returned(Unroll *u, int sample, const int64_t *at) {
    const Program *p = u->s->p;
    Readouts out = {0};
    u->sample = sample;
    u->n = p->nout_dim;
    for (uint32_t i = 0; i < p->nout_dim; i++) {
        u->name[i] = p->out_dim[i].var;
        u->value[i] = at[i];
    }
    readouts(u, (Use){.d = p->out, .idx = p->out_idx}, 1, &out);
    u->n = 0;
    return out;
}

double unrolled_eval(Arena *a, const Setup *s, KernelKind kernel, int i, int j) {
    return unrolled_eval_at(a, s, kernel, i, j, NULL);
}

double unrolled_eval_at(Arena *a, const Setup *s, KernelKind kernel, int i, int j,
                        const int64_t *at) {
    Unroll u = {.a = a, .s = s};
    Readouts x = returned(&u, i, at), y = returned(&u, j, at ? at + s->p->nout_dim : NULL);
    double k = 0;
    for (uint32_t p = 0; p < x.len; p++)
        for (uint32_t q = 0; q < y.len; q++) {
            const Readout *f = &x.data[p], *g = &y.data[q];
            double c = f->coef * g->coef;
            if (!f->v || !g->v) {
                if (f->v || g->v || f->bias != g->bias) continue;
                const Fam *m = &s->p->fam.data[f->bias];
                k += c * scalar(&u, kernel == KERNEL_nngp ? m->s2 : m->lr);
                continue;
            }
            double vv = dot(&u, f->v, g->v), xx = dot(&u, f->x, g->x);
            if (kernel == KERNEL_nngp)
                k += c * f->width * vv * xx;
            else
                k += c * f->width * (tangent(&u, f->v, g->v) * xx + vv * tangent(&u, f->x, g->x));
        }
    return k;
}

/* The master theorem unrolled: every G-var of both samples is a row of a covariance matrix and of a
 * tangent matrix; a vector is a sum of functions of linear combinations of them. */
#include "oracle.h"
#include "diag/diag.h"
#include <string.h>

enum { MAXG = 256, MAXL = 16 };

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
} Atom;

typedef VEC(Atom) Vector;

typedef struct GVar {
    uint32_t fam;
    int64_t idx[4];
    const Vector *operand; /* NULL: a parameter vector */
} GVar;

typedef struct Memo {
    DefId d;
    int sample;
    int64_t idx[4];
    const Vector *v;
} Memo;

typedef struct Unroll {
    Arena *a;
    const Setup *s;
    double *cov, *tan; /* MAXG * MAXG */
    VEC(GVar) g;
    VEC(Memo) memo;
    Sym name[16]; /* names bound while a definition is evaluated */
    int64_t value[16];
    uint32_t n;
} Unroll;

static int64_t name_value(void *ctx, Sym name) {
    const Unroll *u = ctx;
    for (uint32_t k = u->n; k-- > 0;)
        if (u->name[k] == name) return u->value[k];
    return u->s->size(u->s->ctx, name);
}

static double real_value(void *ctx, Sym name) {
    const Unroll *u = ctx;
    return u->s->real(u->s->ctx, name);
}

static double dim_value(void *ctx, uint32_t input) {
    (void)ctx, (void)input;
    return DIM;
}

static FxEnv env_of(Unroll *u) {
    return (FxEnv){.hyper = real_value, .name = name_value, .dim = dim_value, .ctx = u};
}

static double scalar(Unroll *u, Fx f) {
    FxEnv e = env_of(u);
    return fx_eval(u->s->p->fx, f, &e);
}

/* ---- expectations of vectors */
static double combo_dot(const Combo *a, const Combo *b, const double *m) {
    double s = 0;
    for (uint32_t i = 0; i < a->g.len; i++)
        for (uint32_t j = 0; j < b->g.len; j++)
            s += a->k.data[i] * b->k.data[j] * m[a->g.data[i] * MAXG + b->g.data[j]];
    return s;
}

static double data_dot(const Unroll *u, const Atom *a, const Atom *b) {
    const Setup *s = u->s;
    if (a->basis >= 0 && b->basis >= 0) return a->basis == b->basis ? 1.0 / (double)DIM : 0;
    if (a->basis >= 0) return s->x[b->input][b->sample][a->basis] / (double)DIM;
    if (b->basis >= 0) return s->x[a->input][a->sample][b->basis] / (double)DIM;
    return s->gram[a->input][b->input][a->sample][b->sample];
}

/* E[F G] over both atoms' leaves; F, G may be derivatives.  0 stands for the identity on leaf 0. */
static double atoms_expect(Unroll *u, const Atom *a, Fx F, const Atom *b, Fx G) {
    FxPool *p = u->s->p->fx;
    const Combo *leaf[2 * MAXL];
    double cov[4 * MAXL * MAXL], mean[2 * MAXL];
    Fx shift[MAXL];
    uint32_t n = 0;
    for (uint32_t k = 0; k < a->nleaf; k++) leaf[n++] = &a->leaf[k];
    for (uint32_t k = 0; k < b->nleaf; k++) {
        shift[k] = fx_leaf(p, n);
        leaf[n++] = &b->leaf[k];
    }
    for (uint32_t i = 0; i < n; i++) {
        mean[i] = leaf[i]->c;
        for (uint32_t j = 0; j < n; j++) cov[i * n + j] = combo_dot(leaf[i], leaf[j], u->cov);
    }
    Fx f = F ? F : fx_leaf(p, 0), g = fx_map(p, G ? G : fx_leaf(p, 0), shift, b->nleaf, NULL, 0);
    FxEnv e = env_of(u);
    return oracle_expect(p, f, g, n, cov, mean, &e);
}

static double dot(Unroll *u, const Vector *x, const Vector *y) {
    double s = 0;
    for (uint32_t i = 0; i < x->len; i++)
        for (uint32_t j = 0; j < y->len; j++) {
            const Atom *a = &x->data[i], *b = &y->data[j];
            double v = a->data ? data_dot(u, a, b) : atoms_expect(u, a, a->F, b, b->F);
            s += a->coef * b->coef * v;
        }
    return s;
}

static Fx derivative(Unroll *u, const Atom *a, uint32_t k) {
    FxPool *p = u->s->p->fx;
    return a->F ? fx_diff(p, a->F, k) : fx_num(p, 1);
}

static double tangent(Unroll *u, const Vector *x, const Vector *y) {
    double s = 0;
    for (uint32_t i = 0; i < x->len; i++)
        for (uint32_t j = 0; j < y->len; j++) {
            const Atom *a = &x->data[i], *b = &y->data[j];
            for (uint32_t k = 0; !a->data && k < a->nleaf; k++)
                for (uint32_t l = 0; l < b->nleaf; l++) {
                    double t = combo_dot(&a->leaf[k], &b->leaf[l], u->tan);
                    if (t == 0) continue;
                    s += a->coef * b->coef * t *
                         atoms_expect(u, a, derivative(u, a, k), b, derivative(u, b, l));
                }
        }
    return s;
}

static uint32_t gvar(Unroll *u, GVar v, const Fam *f) {
    uint32_t n = u->g.len;
    if (n == MAXG) bug("too many G-vars in the test");
    double s2 = scalar(u, f->s2), lr = scalar(u, f->lr);
    vec_push(u->a, &u->g, v);
    for (uint32_t j = 0; j <= n; j++) {
        const GVar *o = &u->g.data[j];
        double c = 0, t = 0;
        if (o->fam == v.fam && !memcmp(o->idx, v.idx, sizeof v.idx)) {
            double k = v.operand ? dot(u, v.operand, o->operand) : 1;
            c = s2 * k;
            t = lr * k + (v.operand ? s2 * tangent(u, v.operand, o->operand) : 0);
        }
        u->cov[n * MAXG + j] = u->cov[j * MAXG + n] = c;
        u->tan[n * MAXG + j] = u->tan[j * MAXG + n] = t;
    }
    return n;
}

/* ---- definitions */
static const Vector *value(Unroll *u, DefId d, const int64_t *idx, int sample);

static const Vector *value_use(Unroll *u, Use use, int sample) {
    int64_t idx[4] = {0};
    for (uint32_t i = 0; i < u->s->p->def.data[use.d].ndim; i++)
        idx[i] = aff_at(use.idx[i], name_value, u);
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
        for (uint32_t i = 0; i < v->len; i++) {
            const Combo *o = v->data[i].leaf;
            c->c += v->data[i].coef * o->c;
            for (uint32_t k = 0; k < o->g.len; k++) {
                vec_push(u->a, &c->g, o->g.data[k]);
                vec_push(u->a, &c->k, v->data[i].coef * o->k.data[k]);
            }
        }
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
    if (n.op == FX_hyper || n.op == FX_index || n.op == FX_dim) return fx_num(p, scalar(u, f));
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

static void def_value(Unroll *u, const Def *d, int sample, Vector *out) {
    switch (d->op) {
    case PO_input:
    case PO_basis: {
        int64_t k = d->op == PO_basis ? aff_at(d->basis, name_value, u) : -1;
        vec_push(u->a, out, (Atom){.coef = 1, .data = true, .input = d->input, .basis = k,
                                   .sample = sample});
        return;
    }
    case PO_one: {
        Combo *c = ARENA_NEW(u->a, Combo);
        c->c = 1;
        vec_push(u->a, out, (Atom){.coef = 1, .leaf = c, .nleaf = 1});
        return;
    }
    case PO_param:
    case PO_matmul: atom_value(u, d, sample, out); return;
    case PO_lin:
        for (uint32_t i = 0; i < d->narm; i++) arm_value(u, &d->arm[i], 0, sample, out);
        return;
    case PO_nonlin: nonlin_value(u, d, sample, out); return;
    case PO_inner:
    case PO_output: break;
    }
    bug("no vector");
}

static const Vector *value(Unroll *u, DefId d, const int64_t *idx, int sample) {
    const Def *def = &u->s->p->def.data[d];
    for (uint32_t i = 0; i < u->memo.len; i++) {
        const Memo *m = &u->memo.data[i];
        if (m->d == d && m->sample == sample && !memcmp(m->idx, idx, sizeof m->idx)) return m->v;
    }
    Sym name[16];
    int64_t kept[16];
    uint32_t n = u->n;
    memcpy(name, u->name, sizeof name);
    memcpy(kept, u->value, sizeof kept);
    u->n = def->ndim;
    for (uint32_t i = 0; i < def->ndim; i++) {
        u->name[i] = def->dim[i].var;
        u->value[i] = idx[i];
    }
    Vector *v = ARENA_NEW(u->a, Vector);
    def_value(u, def, sample, v);
    Memo m = {.d = d, .sample = sample, .v = v};
    memcpy(m.idx, idx, sizeof m.idx);
    vec_push(u->a, &u->memo, m);
    u->n = n;
    memcpy(u->name, name, sizeof name);
    memcpy(u->value, kept, sizeof kept);
    return v;
}

/* ---- outputs: sums of inner products and scalar parameters */
typedef struct Readout {
    double coef;
    const Vector *v, *x;
    double width;
    uint32_t bias; /* family of a scalar parameter, where v is NULL */
} Readout;
typedef VEC(Readout) Readouts;

static void readouts(Unroll *u, DefId d, double coef, int sample, Readouts *out) {
    const Def *def = &u->s->p->def.data[d];
    if (def->op == PO_output) {
        for (uint32_t i = 0; i < def->narm; i++)
            readouts(u, def->arm[i].use.d, coef * scalar(u, def->arm[i].coef), sample, out);
    } else if (def->op == PO_inner) {
        Readout r = {coef * scalar(u, def->f), value_use(u, def->use[0], sample),
                     value_use(u, def->use[1], sample), 1, 0};
        r.width = scalar(u, u->s->p->def.data[def->use[1].d].width);
        vec_push(u->a, out, r);
    } else {
        vec_push(u->a, out, (Readout){.coef = coef, .bias = def->fam});
    }
}

double unrolled_eval(Arena *a, const Setup *s, KernelKind kernel, int i, int j) {
    Unroll u = {.a = a, .s = s};
    u.cov = ARENA_ARRAY(a, double, MAXG * MAXG);
    u.tan = ARENA_ARRAY(a, double, MAXG * MAXG);
    Readouts x = {0}, y = {0};
    readouts(&u, s->p->out, 1, i, &x);
    readouts(&u, s->p->out, 1, j, &y);
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

/* Evaluation on demand: a hash table of elements, an own stack of loop variables. */
#include "program/finite.h"
#include "diag/diag.h"
#include "program/values.h"
#include <math.h>

enum { MAX_DIMS = 16, MAX_LEAVES = 64 };

typedef struct Cell { /* an element of a definition, or a matrix of a family */
    uint32_t id;      /* definition; family * 2 + copy */
    uint32_t hash, n;
    const int64_t *idx;
    double *x;
    uint32_t len;
} Cell;

typedef struct Table {
    VEC(Cell) cell;
    uint32_t *slot, nslot; /* open addressing: cell + 1 */
} Table;

typedef struct Bind {
    Sym name;
    int64_t v;
} Bind;

struct Finite {
    Arena *a, *cells; /* kept elements lie in an arena of their own */
    const Program *p;
    FiniteEnv env;
    Table element, *matrix;
    size_t *used; /* bytes of matrices */
    VEC(Bind) bind;
    DefId moved; /* the perturbation; 0: none */
    int64_t at[MAX_DIMS];
    uint32_t coordinate;
    double delta;
};

/* ---- tables */
static uint32_t hash_of(uint32_t id, const int64_t *idx, uint32_t n) {
    uint64_t h = id * 0x9e3779b97f4a7c15u + 1;
    for (uint32_t i = 0; i < n; i++) h = (h ^ (uint64_t)idx[i]) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h ^ h >> 32);
}

static Cell *table_find(Table *t, uint32_t id, const int64_t *idx, uint32_t n) {
    uint32_t h = hash_of(id, idx, n);
    for (uint32_t i = h; t->nslot && t->slot[i & (t->nslot - 1)]; i++) {
        Cell *c = &t->cell.data[t->slot[i & (t->nslot - 1)] - 1];
        if (c->hash == h && c->id == id && (!n || !memcmp(c->idx, idx, n * sizeof *idx))) return c;
    }
    return NULL;
}

static void table_slot(Table *t, uint32_t k) {
    uint32_t i = t->cell.data[k].hash;
    while (t->slot[i & (t->nslot - 1)]) i++;
    t->slot[i & (t->nslot - 1)] = k + 1;
}

static void table_add(Arena *a, Table *t, Cell c) {
    c.hash = hash_of(c.id, c.idx, c.n);
    vec_push(a, &t->cell, c);
    if (t->cell.len * 2 > t->nslot) {
        t->nslot = t->nslot ? t->nslot * 2 : 64;
        t->slot = ARENA_ARRAY(a, uint32_t, t->nslot);
        for (uint32_t k = 0; k + 1 < t->cell.len; k++) table_slot(t, k);
    }
    table_slot(t, t->cell.len - 1);
}

/* ---- numbers */
static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t name_value(void *ctx, Sym name) {
    Finite *f = ctx;
    for (uint32_t i = f->bind.len; i-- > 0;)
        if (f->bind.data[i].name == name) return f->bind.data[i].v;
    for (uint32_t i = 0; i < f->p->size.len; i++) {
        const SizeDef *z = &f->p->size.data[i];
        if (z->name != name) continue;
        if (z->kind == SIZE_position) return f->env.size(f->env.ctx, name);
        int64_t a = aff_at(z->a, name_value, f), b = aff_at(z->b, name_value, f);
        if (z->kind == SIZE_floor) return floor_div(a, z->k);
        return (z->kind == SIZE_max) == (a > b) ? a : b;
    }
    const Hyper *h = program_hyper(f->p, name);
    if (!h) bug("finite: `%u` has no value", name);
    return (int64_t)program_value(f->p, h->init);
}

static double hyper_value(void *ctx, Sym name) {
    Finite *f = ctx;
    return program_value(f->p, program_hyper(f->p, name)->init);
}

static double dim_value(void *ctx, uint32_t input) {
    Finite *f = ctx;
    return f->env.dim(f->env.ctx, input);
}

static Cell element(Finite *f, DefId d, const int64_t *idx);

static double sref_value(void *ctx, const FxNode *n) {
    Finite *f = ctx;
    int64_t idx[MAX_DIMS];
    for (uint32_t i = 0; i < n->nidx; i++) idx[i] = aff_at(n->idx[i], name_value, f);
    return element(f, n->k, idx).x[0];
}

static double value(Finite *f, Fx x, const double *leaf) {
    FxEnv e = {.leaf = leaf, .hyper = hyper_value, .name = name_value, .dim = dim_value,
               .sref = sref_value, .ctx = f};
    return fx_eval(f->p->fx, x, &e);
}

double finite_value(Finite *f, Fx x) { return value(f, x, NULL); }
int64_t finite_aff(Finite *f, Aff a) { return aff_at(a, name_value, f); }
void finite_bind(Finite *f, Sym name, int64_t v) { vec_push(f->a, &f->bind, (Bind){name, v}); }
void finite_unbind(Finite *f) { f->bind.len--; }

static uint32_t width_of(Finite *f, Fx width) {
    return (uint32_t)lround(value(f, width, NULL) * f->env.n);
}

/* The input whose dimension a data vector has. */
static uint32_t input_of(Finite *f, DefId d) {
    const Def *o = &f->p->def.data[d];
    while (o->op == PO_lin && o->narm) o = &f->p->def.data[o->arm[0].use.d];
    return o->input;
}

static uint32_t length_of(Finite *f, DefId d) {
    const Def *o = &f->p->def.data[d];
    if (program_op_is_scalar(o->op)) return 1;
    return o->width ? width_of(f, o->width) : f->env.dim(f->env.ctx, input_of(f, d));
}

/* ---- definitions */
static Cell used(Finite *f, Use u) {
    int64_t idx[MAX_DIMS];
    for (uint32_t i = 0; i < f->p->def.data[u.d].ndim; i++)
        idx[i] = aff_at(u.idx[i], name_value, f);
    return element(f, u.d, idx);
}

static void member_index(Finite *f, const Def *d, int64_t *out) {
    if (d->nfidx > MAX_DIMS) bug("finite: %u indices of a family", d->nfidx);
    for (uint32_t i = 0; i < d->nfidx; i++) out[i] = aff_at(d->fidx[i], name_value, f);
}

static void draw(Finite *f, const Def *d, const int64_t *idx, bool copy, uint32_t i, double *out,
                 uint32_t n) {
    f->env.row(f->env.ctx, f->p, d->fam, idx, copy, i, out, n);
}

/* All entries of a matrix; NULL: it does not fit and is drawn by rows. */
static const double *matrix(Finite *f, const Def *d, const int64_t *idx, bool copy, uint32_t rows,
                            uint32_t cols) {
    uint32_t id = d->fam * 2 + copy;
    Cell *c = table_find(f->matrix, id, idx, d->nfidx);
    if (c) return c->x;
    size_t size = (size_t)rows * cols * sizeof(double);
    size_t limit = f->env.memory ? f->env.memory : (size_t)1 << 30;
    if (*f->used + size > limit) return NULL;
    *f->used += size;
    double *w = arena_alloc(f->a, size);
    for (uint32_t i = 0; i < rows; i++) draw(f, d, idx, copy, i, w + (size_t)i * cols, cols);
    table_add(f->a, f->matrix,
              (Cell){.id = id, .n = d->nfidx, .x = w,
                     .idx = arena_copy(f->a, idx, d->nfidx * sizeof *idx)});
    return w;
}

static void eval_matmul(Finite *f, const Def *d, double *out, uint32_t n) {
    const Fam *m = &f->p->fam.data[d->fam];
    int64_t idx[MAX_DIMS];
    Cell x = used(f, d->use[0]);
    member_index(f, d, idx);
    uint32_t rows = d->transposed ? x.len : n, cols = d->transposed ? n : x.len;
    bool copy = d->transposed && f->env.copies;
    double sd = sqrt(value(f, m->s2, NULL) / cols);
    const double *w = matrix(f, d, idx, copy, rows, cols);
    double *row = w ? NULL : ARENA_ARRAY(f->cells, double, cols);
    for (uint32_t i = 0; i < rows; i++) {
        const double *r = w ? w + (size_t)i * cols : row;
        if (!w) draw(f, d, idx, copy, i, row, cols);
        double sum = 0;
        if (d->transposed)
            for (uint32_t j = 0; j < cols; j++) out[j] += r[j] * x.x[i];
        else
            for (uint32_t j = 0; j < cols; j++) sum += r[j] * x.x[j];
        if (!d->transposed) out[i] = sum;
    }
    for (uint32_t i = 0; i < n; i++) out[i] *= sd;
}

static void eval_member(Finite *f, const Def *d, double *out, uint32_t n) {
    const Fam *m = &f->p->fam.data[d->fam];
    int64_t idx[MAX_DIMS];
    member_index(f, d, idx);
    draw(f, d, idx, false, 0, out, n);
    double s2 = value(f, m->s2, NULL);
    bool bernoulli = m->kind == FAM_noise && m->law == NOISE_bernoulli;
    for (uint32_t i = 0; i < n; i++) out[i] = bernoulli ? out[i] < s2 : out[i] * sqrt(s2);
}

/* Adds an arm; false: no guard held anywhere. */
static bool eval_arm(Finite *f, const Arm *a, uint32_t level, double *out, uint32_t n) {
    bool any = false;
    if (level < a->nred) {
        int64_t lo = finite_aff(f, a->red[level].lo), hi = finite_aff(f, a->red[level].hi);
        for (int64_t k = lo; k < hi; k++) {
            finite_bind(f, a->red[level].var, k);
            any |= eval_arm(f, a, level + 1, out, n);
            finite_unbind(f);
        }
        return any;
    }
    for (uint32_t i = 0; i < a->ncons; i++)
        if (!cons_at(a->cons[i], name_value, f)) return false;
    double coef = value(f, a->coef, NULL);
    if (!a->use.d) {
        out[0] += coef;
        return true;
    }
    Cell x = used(f, a->use);
    for (uint32_t i = 0; i < n; i++) out[i] += coef * x.x[i];
    return true;
}

static bool eval_arms(Finite *f, const Def *d, double *out, uint32_t n) {
    bool any = false;
    for (uint32_t i = 0; i < d->narm; i++) any |= eval_arm(f, &d->arm[i], 0, out, n);
    return any;
}

static void eval_nonlin(Finite *f, const Def *d, double *out, uint32_t n) {
    double leaf[MAX_LEAVES];
    const double *x[MAX_LEAVES];
    if (d->nuse > MAX_LEAVES) bug("finite: a function of %u vectors", d->nuse);
    for (uint32_t k = 0; k < d->nuse; k++) x[k] = used(f, d->use[k]).x;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < d->nuse; k++) leaf[k] = x[k][i];
        out[i] = value(f, d->f, leaf);
    }
}

/* Do the dims behind `over` contain their bound values, at the bound value of `over`? */
static bool in_row(Finite *f, const Def *d, const int64_t *at) {
    for (uint32_t i = d->over + 1; i < d->ndim; i++)
        if (at[i] < finite_aff(f, d->dim[i].lo) || at[i] >= finite_aff(f, d->dim[i].hi))
            return false;
    return true;
}

/* exp(score) / the sum over the dim `over`, the greatest score taken out; `at`: the row's index. */
static double eval_softmax(Finite *f, const Def *d, const int64_t *at) {
    const Dim *t = &d->dim[d->over];
    int64_t lo = finite_aff(f, t->lo), hi = finite_aff(f, t->hi);
    double *e = ARENA_ARRAY(f->cells, double, hi - lo), most = -(double)INFINITY, sum = 0;
    bool *in = ARENA_ARRAY(f->cells, bool, hi - lo);
    for (int64_t k = lo; k < hi; k++) {
        finite_bind(f, t->var, k);
        in[k - lo] = in_row(f, d, at) && eval_arms(f, d, &e[k - lo], 1);
        finite_unbind(f);
        if (in[k - lo] && e[k - lo] > most) most = e[k - lo];
    }
    for (int64_t k = lo; k < hi; k++)
        if (in[k - lo]) sum += exp(e[k - lo] - most);
    return in[at[d->over] - lo] ? exp(e[at[d->over] - lo] - most) / sum : 0;
}

static double inner(Finite *f, Use a, Use b) {
    Cell x = used(f, a), y = used(f, b);
    double sum = 0;
    for (uint32_t i = 0; i < x.len; i++) sum += x.x[i] * y.x[i];
    return sum;
}

static void eval_def(Finite *f, const Def *d, const int64_t *at, double *out, uint32_t n) {
    FiniteEnv *e = &f->env;
    switch (d->op) {
    case PO_input:
        for (uint32_t i = 0; i < n; i++) out[i] = e->datum(e->ctx, d->input, at, d->ndim, i);
        return;
    case PO_basis: out[finite_aff(f, d->basis)] = 1; return;
    case PO_one:
        for (uint32_t i = 0; i < n; i++) out[i] = 1;
        return;
    case PO_param:
    case PO_noise: eval_member(f, d, out, n); return;
    case PO_matmul: eval_matmul(f, d, out, n); return;
    case PO_lin:
    case PO_scalar:
    case PO_output: eval_arms(f, d, out, n); return;
    case PO_nonlin: eval_nonlin(f, d, out, n); return;
    case PO_data: out[0] = e->datum(e->ctx, d->input, at, d->ndim, 0); return;
    case PO_second: out[0] = inner(f, d->use[0], d->use[1]) / e->n; return;
    case PO_mean: {
        Cell x = used(f, d->use[0]);
        for (uint32_t i = 0; i < x.len; i++) out[0] += x.x[i] / e->n;
        return;
    }
    case PO_softmax: out[0] = eval_softmax(f, d, at); return;
    case PO_inner:
        out[0] = value(f, d->f, NULL) * inner(f, d->use[0], d->use[1]) / sqrt(e->n);
        return;
    case PO_grad: bug("finite: a gradient that was not expanded");
    }
}

/* The element that is read: circular dims take the index modulo their length. */
static void settle(Finite *f, const Def *d, const int64_t *idx, int64_t *at) {
    if (d->ndim > MAX_DIMS) bug("finite: %u dims", d->ndim);
    for (uint32_t i = 0; i < d->ndim; i++) {
        int64_t lo = finite_aff(f, d->dim[i].lo), hi = finite_aff(f, d->dim[i].hi);
        at[i] = idx[i];
        if (d->wrap >> i & 1) at[i] -= floor_div(idx[i] - lo, hi - lo) * (hi - lo);
        if (at[i] < lo || at[i] >= hi)
            bug("finite: index %lld of dim %u is not in %lld..%lld", (long long)at[i], i,
                (long long)lo, (long long)hi);
        finite_bind(f, d->dim[i].var, at[i]);
    }
}

static Cell element(Finite *f, DefId id, const int64_t *idx) {
    const Def *d = &f->p->def.data[id];
    uint32_t keep = f->bind.len;
    int64_t at[MAX_DIMS] = {0};
    settle(f, d, idx, at);
    Cell *have = table_find(&f->element, id, at, d->ndim);
    if (have) {
        f->bind.len = keep;
        return *have;
    }
    uint32_t n = length_of(f, id);
    Cell c = {.id = id, .n = d->ndim, .len = n, .x = ARENA_ARRAY(f->cells, double, n),
              .idx = arena_copy(f->cells, at, d->ndim * sizeof *at)};
    eval_def(f, d, at, c.x, n);
    if (f->moved == id && !memcmp(f->at, at, d->ndim * sizeof *at)) c.x[f->coordinate] += f->delta;
    f->bind.len = keep;
    table_add(f->cells, &f->element, c);
    return c;
}

/* ---- the interface */
Finite *finite_new(Arena *a, const Program *p, FiniteEnv env) {
    Finite *f = ARENA_NEW(a, Finite);
    *f = (Finite){.a = a, .cells = a, .p = p, .env = env, .matrix = ARENA_NEW(a, Table),
                  .used = ARENA_NEW(a, size_t)};
    return f;
}

Finite *finite_sample(Finite *f, FiniteEnv env) {
    Finite *g = ARENA_NEW(f->a, Finite);
    *g = (Finite){.a = f->a, .cells = f->a, .p = f->p, .env = env, .matrix = f->matrix,
                  .used = f->used};
    return g;
}

const double *finite_at(Finite *f, DefId d, const int64_t *idx, uint32_t *len) {
    Cell c = element(f, d, idx);
    if (len) *len = c.len;
    return c.x;
}

double finite_output(Finite *f, const int64_t *out) {
    const Program *p = f->p;
    int64_t idx[MAX_DIMS];
    for (uint32_t i = 0; i < p->nout_dim; i++) finite_bind(f, p->out_dim[i].var, out[i]);
    for (uint32_t i = 0; i < p->def.data[p->out].ndim; i++) idx[i] = finite_aff(f, p->out_idx[i]);
    f->bind.len -= p->nout_dim;
    return element(f, p->out, idx).x[0];
}

void finite_perturb(Finite *f, DefId d, const int64_t *idx, uint32_t i, double delta) {
    f->element = (Table){0};
    f->moved = delta != 0 ? d : 0;
    for (uint32_t k = 0; k < f->p->def.data[d].ndim; k++) f->at[k] = idx[k];
    f->coordinate = i;
    f->delta = delta;
}

static void each(Finite *f, const Def *d, uint32_t level, int64_t *idx,
                 void (*see)(void *ctx, const int64_t *idx), void *ctx) {
    if (level == d->ndim) {
        see(ctx, idx);
        return;
    }
    int64_t lo = finite_aff(f, d->dim[level].lo), hi = finite_aff(f, d->dim[level].hi);
    for (idx[level] = lo; idx[level] < hi; idx[level]++) {
        finite_bind(f, d->dim[level].var, idx[level]);
        each(f, d, level + 1, idx, see, ctx);
        finite_unbind(f);
    }
}

void finite_each(Finite *f, DefId d, void (*see)(void *ctx, const int64_t *idx), void *ctx) {
    int64_t idx[MAX_DIMS];
    each(f, &f->p->def.data[d], 0, idx, see, ctx);
}

/* The elaborated program at width n = N: definitions are evaluated as they are asked for. */
#include "finite.h"

typedef struct Cell { /* value of one element of a definition */
    DefId d;
    int64_t idx[MAX_INDEX];
    const double *x;
} Cell;

typedef struct Bind {
    Sym name;
    int64_t v;
} Bind;

typedef struct Run {
    Ctx *c;
    const Program *p;
    VEC(Cell) cell;
    VEC(Bind) bind;
} Run;

static double hyper_value(void *ctx, Sym name) {
    const Run *r = ctx;
    return program_value(r->p, program_hyper(r->p, name)->init);
}

static int64_t name_value(void *ctx, Sym name) {
    const Run *r = ctx;
    for (uint32_t i = r->bind.len; i-- > 0;)
        if (r->bind.data[i].name == name) return r->bind.data[i].v;
    return (int64_t)hyper_value(ctx, name);
}

static double dim_value(void *ctx, uint32_t input) {
    (void)ctx;
    (void)input;
    return D;
}

static double scalar(Run *r, Fx f, const double *leaf) {
    FxEnv e = {.leaf = leaf, .hyper = hyper_value, .name = name_value, .dim = dim_value, .ctx = r};
    return fx_eval(r->p->fx, f, &e);
}

static uint32_t length(Run *r, Fx width) {
    return width ? (uint32_t)lround(scalar(r, width, NULL) * (double)N) : D;
}

static const double *element(Run *r, DefId d, const int64_t *idx);

static const double *used(Run *r, Use u) {
    int64_t idx[MAX_INDEX] = {0};
    for (uint32_t i = 0; i < r->p->def.data[u.d].ndim; i++)
        idx[i] = aff_at(u.idx[i], name_value, r);
    return element(r, u.d, idx);
}

static void member_index(Run *r, const Def *d, int64_t *out) {
    for (uint32_t i = 0; i < d->nfidx; i++) out[i] = aff_at(d->fidx[i], name_value, r);
}

static void eval_matmul(Run *r, const Def *d, double *out, uint32_t n) {
    const Fam *f = &r->p->fam.data[d->fam];
    bool input = f->kind == FAM_input_matrix;
    uint32_t m = input ? D : length(r, f->cols);
    double sd = sqrt(scalar(r, f->s2, NULL) / m);
    const double *x = used(r, d->use[0]);
    int64_t idx[MAX_INDEX];
    member_index(r, d, idx);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < m; j++)
            out[i] += sd * draw(f->span.lo, idx, d->nfidx, i, j) * x[j];
}

static void eval_arm(Run *r, const Arm *a, uint32_t level, double *out, uint32_t n) {
    if (level < a->nred) {
        int64_t lo = aff_at(a->red[level].lo, name_value, r);
        int64_t hi = aff_at(a->red[level].hi, name_value, r);
        for (int64_t k = lo; k < hi; k++) {
            vec_push(r->c->a, &r->bind, (Bind){a->red[level].var, k});
            eval_arm(r, a, level + 1, out, n);
            r->bind.len--;
        }
        return;
    }
    for (uint32_t i = 0; i < a->ncons; i++)
        if (!cons_at(a->cons[i], name_value, r)) return;
    double coef = scalar(r, a->coef, NULL);
    const double *x = used(r, a->use);
    for (uint32_t i = 0; i < n; i++) out[i] += coef * x[i];
}

static void eval_nonlin(Run *r, const Def *d, double *out, uint32_t n) {
    const double *x[16];
    assert_true(d->nuse <= 16);
    for (uint32_t k = 0; k < d->nuse; k++) x[k] = used(r, d->use[k]);
    for (uint32_t i = 0; i < n; i++) {
        double leaf[16];
        for (uint32_t k = 0; k < d->nuse; k++) leaf[k] = x[k][i];
        out[i] = scalar(r, d->f, leaf);
    }
}

static void eval_def(Run *r, const Def *d, double *out, uint32_t n) {
    int64_t idx[MAX_INDEX];
    const double *v, *x;
    switch (d->op) {
    case PO_input:
        for (uint32_t i = 0; i < n; i++) out[i] = datum(d->input, i);
        return;
    case PO_basis: out[aff_at(d->basis, name_value, r)] = 1; return;
    case PO_one:
        for (uint32_t i = 0; i < n; i++) out[i] = 1;
        return;
    case PO_param: {
        const Fam *f = &r->p->fam.data[d->fam];
        double sd = sqrt(scalar(r, f->s2, NULL));
        member_index(r, d, idx);
        for (uint32_t i = 0; i < n; i++) out[i] = sd * draw(f->span.lo, idx, d->nfidx, i, 0);
        return;
    }
    case PO_matmul: eval_matmul(r, d, out, n); return;
    case PO_noise:
    case PO_grad:
    case PO_data:
    case PO_second:
    case PO_mean:
    case PO_scalar:
    case PO_softmax: fail_msg("not evaluated here"); return;
    case PO_lin:
    case PO_output:
        for (uint32_t i = 0; i < d->narm; i++) eval_arm(r, &d->arm[i], 0, out, n);
        return;
    case PO_nonlin: eval_nonlin(r, d, out, n); return;
    case PO_inner:
        v = used(r, d->use[0]);
        x = used(r, d->use[1]);
        n = length(r, r->p->def.data[d->use[0].d].width);
        for (uint32_t i = 0; i < n; i++) out[0] += v[i] * x[i] / sqrt(N);
        out[0] *= scalar(r, d->f, NULL);
        return;
    }
}

static const double *element(Run *r, DefId id, const int64_t *idx) {
    const Def *d = &r->p->def.data[id];
    for (uint32_t i = 0; i < r->cell.len; i++)
        if (r->cell.data[i].d == id &&
            !memcmp(r->cell.data[i].idx, idx, sizeof(int64_t[MAX_INDEX])))
            return r->cell.data[i].x;
    bool scalar_def = d->op == PO_inner || d->op == PO_output;
    uint32_t keep = r->bind.len, n = scalar_def ? 1 : length(r, d->width);
    double *x = ARENA_ARRAY(r->c->a, double, n);
    for (uint32_t i = 0; i < d->ndim; i++) {
        assert_true(idx[i] >= aff_at(d->dim[i].lo, name_value, r));
        assert_true(idx[i] < aff_at(d->dim[i].hi, name_value, r));
        vec_push(r->c->a, &r->bind, (Bind){d->dim[i].var, idx[i]});
    }
    eval_def(r, d, x, n);
    r->bind.len = keep;
    Cell cell = {.d = id, .x = x};
    memcpy(cell.idx, idx, sizeof cell.idx);
    vec_push(r->c->a, &r->cell, cell);
    return x;
}

double finite_program(Ctx *c, const Program *p) {
    Run r = {.c = c, .p = p};
    int64_t idx[MAX_INDEX] = {0};
    return element(&r, p->out, idx)[0];
}

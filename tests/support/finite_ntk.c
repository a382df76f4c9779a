#include "finite_ntk.h"

enum { MAX_DIMS = 16 };

typedef struct FamilyUse { /* one element of a product or parameter */
    FamId fam;
    int64_t member[MAX_DIMS];
    uint32_t nmember;
    bool transposed;
    const double *operand, *adjoint; /* u and dy; a parameter has its adjoint only */
    uint32_t noperand, nadjoint;
} FamilyUse;

typedef struct Collect {
    Arena *a;
    const Gradient *g;
    Finite *f;
    const int64_t *out;
    DefId d;
    VEC(FamilyUse) use;
} Collect;

static void element(void *ctx, const int64_t *idx) {
    Collect *c = ctx;
    const Def *d = &c->g->p->def.data[c->d];
    FamilyUse u = {.fam = d->fam, .nmember = d->nfidx, .transposed = d->transposed};
    int64_t at[MAX_DIMS];
    for (uint32_t i = 0; i < c->g->nout; i++) at[i] = c->out[i];
    for (uint32_t i = 0; i < d->ndim; i++) at[c->g->nout + i] = idx[i];
    u.adjoint = finite_at(c->f, c->g->adjoint[c->d], at, &u.nadjoint);
    for (uint32_t i = 0; i < d->ndim; i++) finite_bind(c->f, d->dim[i].var, idx[i]);
    for (uint32_t i = 0; i < d->nfidx; i++) u.member[i] = finite_aff(c->f, d->fidx[i]);
    if (d->op == PO_matmul) {
        Use x = d->use[0];
        for (uint32_t i = 0; i < c->g->p->def.data[x.d].ndim; i++)
            at[i] = finite_aff(c->f, x.idx[i]);
        u.operand = finite_at(c->f, x.d, at, &u.noperand);
    }
    for (uint32_t i = 0; i < d->ndim; i++) finite_unbind(c->f);
    vec_push(c->a, &c->use, u);
}

static void collect(Collect *c) {
    for (c->d = 1; c->d < c->g->nforward; c->d++) {
        const Def *d = &c->g->p->def.data[c->d];
        if ((d->op != PO_matmul && d->op != PO_param) || !c->g->adjoint[c->d]) continue;
        finite_each(c->f, c->d, element, c);
    }
}

static double dot(const double *x, const double *y, uint32_t n) {
    double s = 0;
    for (uint32_t i = 0; i < n; i++) s += x[i] * y[i];
    return s;
}

static bool same_member(const FamilyUse *a, const FamilyUse *b) {
    if (a->fam != b->fam) return false;
    for (uint32_t i = 0; i < a->nmember; i++)
        if (a->member[i] != b->member[i]) return false;
    return true;
}

static double pair(const FamilyUse *a, const FamilyUse *b, const Fam *f, uint32_t n) {
    if (f->kind == FAM_vector) return dot(a->adjoint, b->adjoint, a->nadjoint) / n;
    uint32_t cols = a->transposed ? a->nadjoint : a->noperand;
    bool same = a->transposed == b->transposed;
    double left = dot(a->adjoint, same ? b->adjoint : b->operand, a->nadjoint);
    double right = dot(a->operand, same ? b->operand : b->adjoint, a->noperand);
    return left * right / cols / n;
}

double finite_ntk(Arena *a, const Gradient *g, Finite *x, Finite *x2, uint32_t n,
                  const int64_t *out, const int64_t *out2) {
    Collect c[2] = {{.a = a, .g = g, .f = x, .out = out}, {.a = a, .g = g, .f = x2, .out = out2}};
    double sum = 0;
    for (int i = 0; i < 2; i++) collect(&c[i]);
    for (uint32_t i = 0; i < c[0].use.len; i++)
        for (uint32_t k = 0; k < c[1].use.len; k++) {
            const FamilyUse *u = &c[0].use.data[i], *w = &c[1].use.data[k];
            if (!same_member(u, w)) continue;
            const Fam *f = &g->p->fam.data[u->fam];
            sum += finite_value(x, f->lr) * pair(u, w, f, n);
        }
    return sum;
}

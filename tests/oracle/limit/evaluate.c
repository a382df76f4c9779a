/* The limit's equations evaluated one element at a time, remembering what was computed. */
#include "oracle.h"
#include <math.h>
#include <string.h>

enum { MAXIDX = 10, MAXENV = 64 };

typedef struct Key {
    uint32_t array;
    int i, j;
    int64_t idx[MAXIDX];
} Key;

typedef struct Entry {
    Key key;
    double value;
    bool used, busy;
} Entry;

struct LimitEval {
    Arena *a;
    const Setup *s;
    const Limit *l;
    Entry *slot;
    uint32_t nslot, count;
    const char *bad;
};

typedef struct Env { /* names bound while an equation is evaluated, for samples i and j */
    LimitEval *e;
    int i, j;
    Sym name[MAXENV];
    int64_t value[MAXENV];
    uint32_t n;
    const LArray *of; /* whose equation it is */
} Env;

LimitEval *limit_eval_new(Arena *a, const Setup *s, const Limit *l) {
    LimitEval *e = ARENA_NEW(a, LimitEval);
    *e = (LimitEval){.a = a, .s = s, .l = l, .nslot = 1 << 10};
    e->slot = ARENA_ARRAY(a, Entry, e->nslot);
    return e;
}

static int64_t name_value(void *ctx, Sym name) {
    const Env *v = ctx;
    for (uint32_t k = v->n; k-- > 0;)
        if (v->name[k] == name) return v->value[k];
    return setup_size(v->e->s, v->i, v->j, name);
}

static double real_value(void *ctx, Sym name) {
    const Env *v = ctx;
    return v->e->s->real(v->e->s->ctx, name);
}

static double dim_value(void *ctx, uint32_t input) {
    (void)ctx, (void)input;
    return DIM;
}

static uint32_t slot_of(const LimitEval *e, const Key *k) {
    uint32_t h = 2166136261u;
    const unsigned char *b = (const unsigned char *)k;
    for (size_t i = 0; i < sizeof *k; i++) h = (h ^ b[i]) * 16777619u;
    uint32_t i = (h ^ h >> 13) & (e->nslot - 1);
    while (e->slot[i].used && memcmp(&e->slot[i].key, k, sizeof *k)) i = (i + 1) & (e->nslot - 1);
    return i;
}

static void grow(LimitEval *e) {
    Entry *old = e->slot;
    uint32_t n = e->nslot;
    e->nslot *= 2;
    e->slot = ARENA_ARRAY(e->a, Entry, e->nslot);
    for (uint32_t i = 0; i < n; i++)
        if (old[i].used) e->slot[slot_of(e, &old[i].key)] = old[i];
}

static double terms_value(Env *v, LTerms t);
static double term_value(Env *v, const LTerm *t, uint32_t red);
static double factor_value(Env *v, const LFactor *f);

static double element(LimitEval *e, LArrayId id, const int64_t *idx, int i, int j) {
    const LArray *r = &e->l->array.data[id];
    Key k;
    memset(&k, 0, sizeof k);
    k.array = id;
    k.i = i;
    k.j = j;
    if (r->data) return setup_number(e->s, r->input, i, idx, r->naxis);
    for (uint32_t n = 0; n < r->naxis; n++) k.idx[n] = idx[n];
    uint32_t at = slot_of(e, &k);
    if (e->slot[at].used) {
        if (e->slot[at].busy) e->bad = sym_text(e->s->c->syms, r->name);
        return e->slot[at].value;
    }
    e->slot[at] = (Entry){.key = k, .used = true, .busy = true};
    if (++e->count * 2 > e->nslot) grow(e);
    Env v = {.e = e, .i = i, .j = j, .of = r};
    for (uint32_t n = 0; n < r->naxis; n++) {
        v.name[n] = r->axis[n].var;
        v.value[n] = idx[n];
        v.n = n;
        if (idx[n] < aff_at(r->axis[n].lo, name_value, &v) ||
            idx[n] >= aff_at(r->axis[n].hi, name_value, &v))
            e->bad = "a read outside an array";
        v.n = n + 1;
    }
    double x = e->bad ? 0 : terms_value(&v, r->eq);
    at = slot_of(e, &k);
    e->slot[at].busy = false;
    e->slot[at].value = x;
    return x;
}

static double ref_value(Env *v, LRef f) {
    const LArray *r = &v->e->l->array.data[f.array];
    int64_t idx[MAXIDX] = {0};
    Env own = *v; /* whose sizes the array's axes have */
    if (r->stage != LS_pair && f.side == SIDE_y) own.i = v->j;
    if (r->stage != LS_pair) own.j = own.i;
    for (uint32_t n = 0; n < r->naxis; n++) {
        idx[n] = aff_at(f.idx[n], name_value, v);
        if (!(r->wrap >> n & 1)) continue;
        int64_t lo = aff_at(r->axis[n].lo, name_value, &own);
        int64_t len = aff_at(r->axis[n].hi, name_value, &own) - lo;
        idx[n] = lo + ((idx[n] - lo) % len + len) % len;
    }
    if (r->stage == LS_pair) return element(v->e, f.array, idx, v->i, v->j);
    if (r->stage == LS_const) return element(v->e, f.array, idx, 0, 0);
    int s = f.side == SIDE_y ? v->j : v->i;
    return element(v->e, f.array, idx, s, s);
}

static double gram_value(Env *v, const LGram *g) {
    const Setup *s = v->e->s;
    const Def *a = &s->p->def.data[g->def[0]], *b = &s->p->def.data[g->def[1]];
    int i = v->i, j = v->j;
    if (g->self) i = j = g->side == SIDE_y ? v->j : v->i;
    int64_t p[MAX_POSITIONS] = {0}, q[MAX_POSITIONS] = {0};
    for (uint32_t k = 0; k < a->ndim; k++) p[k] = aff_at(g->idx[0][k], name_value, v);
    for (uint32_t k = 0; k < b->ndim; k++) q[k] = aff_at(g->idx[1][k], name_value, v);
    if (a->op == PO_basis)
        return setup_point(s, b->input, j, q, b->ndim, (int)a->basis.c) / (double)DIM;
    if (b->op == PO_basis)
        return setup_point(s, a->input, i, p, a->ndim, (int)b->basis.c) / (double)DIM;
    return setup_gram(s, a->input, i, p, a->ndim, b->input, j, q, b->ndim);
}

static double exp_value(Env *v, const LExp *x) {
    const FxPool *fx = v->e->l->fx;
    double cov[MAXENV * 4], mean[16], theta[32];
    FxEnv env = {.theta = theta, .hyper = real_value, .name = name_value, .dim = dim_value,
                 .ctx = v};
    uint32_t n = x->nleaf;
    for (uint32_t k = 0; k < x->ntheta; k++) theta[k] = factor_value(v, &x->theta[k]);
    for (uint32_t p = 0; p < n; p++) mean[p] = terms_value(v, x->mean[p]);
    for (uint32_t p = 0; p < n; p++)
        for (uint32_t q = p; q < n; q++) {
            double c = terms_value(v, x->cov[p * n + q]) - mean[p] * mean[q];
            cov[p * n + q] = cov[q * n + p] = x->indep[p * n + q] ? 0 : c;
        }
    return oracle_expect(fx, x->F, x->G, n, cov, mean, &env);
}

static double scalar_value(Env *v, const LScalar *s) {
    double theta[32];
    FxEnv env = {.theta = theta, .hyper = real_value, .name = name_value, .dim = dim_value,
                 .ctx = v};
    for (uint32_t k = 0; k < s->narg; k++) theta[k] = factor_value(v, &s->arg[k]);
    return fx_eval(v->e->l->fx, s->f, &env);
}

/* The logit at row index i of the axis; false: masked. */
static bool logit_at(Env *v, const LSoftmax *s, Sym axis, int64_t i, double *out) {
    uint32_t n = v->n++;
    bool any = false;
    v->name[n] = axis;
    v->value[n] = i;
    for (uint32_t k = 0; k < s->logit.n; k++) {
        const LTerm *t = &s->logit.term[k];
        bool holds = true;
        for (uint32_t c = 0; c < t->ncons; c++) holds &= cons_at(t->cons[c], name_value, v);
        if (holds) *out = term_value(v, t, 0);
        any |= holds;
    }
    v->n = n;
    return any;
}

static double softmax_value(Env *v, const LArray *r, const LSoftmax *s) {
    const Dim *d = &r->axis[s->over];
    int64_t lo = aff_at(d->lo, name_value, v), hi = aff_at(d->hi, name_value, v);
    double own = 0, sum = 0, e;
    if (!logit_at(v, s, d->var, name_value(v, d->var), &own)) return 0;
    for (int64_t i = lo; i < hi; i++)
        if (logit_at(v, s, d->var, i, &e)) sum += exp(e - own);
    return 1 / sum;
}

static double factor_value(Env *v, const LFactor *f) {
    FxEnv env = {.hyper = real_value, .name = name_value, .dim = dim_value, .ctx = v};
    switch (f->kind) {
    case LF_ref: return ref_value(v, f->ref);
    case LF_gram: return gram_value(v, &f->gram);
    case LF_coef: return fx_eval(v->e->l->fx, f->coef, &env);
    case LF_exp: return exp_value(v, f->exp);
    case LF_scalar: return scalar_value(v, f->scalar);
    case LF_softmax: return softmax_value(v, v->of, f->softmax);
    case LF_series:
    case LF_hermite: break;
    }
    v->e->bad = "a factor of a later stage";
    return 0;
}

static double term_value(Env *v, const LTerm *t, uint32_t red) {
    if (red < t->nred) {
        const Dim *d = &t->red[red];
        int64_t lo = aff_at(d->lo, name_value, v), hi = aff_at(d->hi, name_value, v);
        double s = 0;
        uint32_t n = v->n++;
        v->name[n] = d->var;
        for (int64_t i = lo; i < hi; i++) {
            v->value[n] = i;
            s += term_value(v, t, red + 1);
        }
        v->n = n;
        return s;
    }
    for (uint32_t k = 0; k < t->ncons; k++)
        if (!cons_at(t->cons[k], name_value, v)) return 0;
    double x = 1;
    for (uint32_t k = 0; k < t->nfactor && !v->e->bad; k++) x *= factor_value(v, &t->factor[k]);
    return x;
}

static double terms_value(Env *v, LTerms t) {
    double s = 0;
    for (uint32_t k = 0; k < t.n; k++) s += term_value(v, &t.term[k], 0);
    return s;
}

double limit_eval(LimitEval *e, uint32_t k, int i, int j, const char **bad) {
    return limit_eval_at(e, k, i, j, NULL, bad);
}

double limit_eval_at(LimitEval *e, uint32_t k, int i, int j, const int64_t *at, const char **bad) {
    const LOutput *o = &e->l->out[k];
    Env v = {.e = e, .i = i, .j = j};
    for (; v.n < o->naxis; v.n++) {
        v.name[v.n] = o->axis[v.n].var;
        v.value[v.n] = at[v.n];
    }
    double x = terms_value(&v, o->value);
    *bad = e->bad;
    return x;
}

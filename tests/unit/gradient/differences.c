#include "differences.h"

enum { MAX_POINTS = 5, MAX_DIMS = 16 };

typedef struct Points { /* some elements of a definition */
    Arena *a;
    uint32_t ndim;
    VEC(const int64_t *) all;
} Points;

static void see(void *ctx, const int64_t *idx) {
    Points *p = ctx;
    vec_push(p->a, &p->all, arena_copy(p->a, idx, p->ndim * sizeof *idx));
}

static Points points(Ctx *c, Finite *f, const Def *d, DefId id) {
    Points p = {.a = c->a, .ndim = d->ndim};
    finite_each(f, id, see, &p);
    return p;
}

typedef struct Test {
    Ctx *c;
    const Gradient *g;
    Finite *f, *moved; /* as it is; perturbed */
    uint32_t n;
    const int64_t *out; /* indices of the output's dims */
    uint64_t seed;
} Test;

/* The output's factor: f itself, sqrt(n) f of a moment. */
static double output(Test *t, Finite *f) {
    return finite_output(f, t->out) * (t->g->moment ? sqrt(t->n) : 1);
}

static double moved(Test *t, DefId d, const int64_t *idx, uint32_t i, double h) {
    bool scalar = program_op_is_scalar(t->g->p->def.data[d].op);
    finite_perturb(t->moved, d, idx, i, h);
    return output(t, t->moved) * (scalar ? 1 / sqrt(t->n) : sqrt(t->n));
}

static double difference(Test *t, DefId d, const int64_t *idx, uint32_t i, double h) {
    return (moved(t, d, idx, i, h) - moved(t, d, idx, i, -h)) / (2 * h);
}

/* Do the slopes to both sides differ, however near?  The point is at a kink, as relu(0). */
static bool at_kink(Test *t, DefId d, const int64_t *idx, uint32_t i) {
    double at = moved(t, d, idx, i, 0), h = 1e-7;
    double up = (moved(t, d, idx, i, h) - at) / h, down = (at - moved(t, d, idx, i, -h)) / h;
    return fabs(up - down) > 1e-4 * (fabs(up) + fabs(down));
}

static double adjoint(Test *t, DefId d, const int64_t *idx, uint32_t i, double *scale) {
    DefId a = t->g->adjoint[d];
    int64_t at[MAX_DIMS];
    uint32_t len, k = t->g->nout;
    *scale = 1;
    if (!a) return 0;
    for (uint32_t j = 0; j < k; j++) at[j] = t->out[j];
    for (uint32_t j = 0; j < t->g->p->def.data[d].ndim; j++) at[k + j] = idx[j];
    const double *x = finite_at(t->f, a, at, &len);
    for (uint32_t j = 0; j < len; j++) *scale = fmax(*scale, fabs(x[j]));
    return x[i];
}

/* A kink between the two points shows in one step's difference but hardly in both. */
static const char *coordinate(Test *t, DefId d, const int64_t *idx, uint32_t i) {
    double scale, want = 0, got = adjoint(t, d, idx, i, &scale);
    static const double step[] = {1e-5, 1e-6, 3e-5, 1e-7};
    for (int k = 0; k < 4; k++) {
        want = difference(t, d, idx, i, step[k]);
        if (fabs(got - want) <= (k == 3 ? 1e-5 : 1e-6) * scale) return NULL;
    }
    if (at_kink(t, d, idx, i)) return NULL;
    Buf b = buf_new(t->c->a);
    buf_printf(&b, "%s[", sym_text(t->c->syms, t->g->p->def.data[d].name));
    for (uint32_t j = 0; j < t->g->p->def.data[d].ndim; j++)
        buf_printf(&b, "%s%lld", j ? ", " : "", (long long)idx[j]);
    buf_printf(&b, "], coordinate %u: adjoint %.12g, difference %.12g", i, got, want);
    for (uint32_t j = 0; j < t->g->nout; j++) buf_printf(&b, " of %lld", (long long)t->out[j]);
    return buf_text(&b);
}

static const char *definition(Test *t, DefId d) {
    const Def *o = &t->g->p->def.data[d];
    Points p = points(t->c, t->f, o, d);
    for (uint32_t k = 0; k < MAX_POINTS && k < p.all.len; k++) {
        uint32_t len, at = k * (p.all.len - 1) / (MAX_POINTS - 1);
        if (p.all.len <= MAX_POINTS) at = k;
        finite_at(t->f, d, p.all.data[at], &len);
        for (uint32_t i = 0; i < 2 && i < len; i++) {
            const char *wrong = coordinate(t, d, p.all.data[at], (uint32_t)(t->seed + i + k) % len);
            if (wrong) return wrong;
        }
    }
    return NULL;
}

/* One coordinate of element idx of a `grad`, d in the source. */
static const char *asked(Test *t, const Def *d, DefId now, const int64_t *idx, uint32_t i) {
    const Program *p = t->g->p;
    int64_t x[MAX_DIMS], y[MAX_DIMS];
    DefId vec = t->g->from[d->use[0].d], out = t->g->from[d->use[1].d];
    bool moment = p->def.data[out].op != PO_inner && p->def.data[out].op != PO_output;
    for (uint32_t k = 0; k < d->ndim; k++) finite_bind(t->f, d->dim[k].var, idx[k]);
    for (uint32_t k = 0; k < p->def.data[vec].ndim; k++) x[k] = finite_aff(t->f, d->use[0].idx[k]);
    for (uint32_t k = 0; k < p->def.data[out].ndim; k++) y[k] = finite_aff(t->f, d->use[1].idx[k]);
    for (uint32_t k = 0; k < d->ndim; k++) finite_unbind(t->f);
    double v[2], h = 1e-5;
    for (int s = 0; s < 2; s++) {
        finite_perturb(t->moved, vec, x, i, s ? h : -h);
        v[s] = finite_at(t->moved, out, y, NULL)[0];
    }
    double want = (v[1] - v[0]) / (2 * h) * (moment ? t->n : sqrt(t->n));
    double got = finite_at(t->f, now, idx, NULL)[i];
    if (fabs(got - want) <= 1e-6 * (1 + fabs(want))) return NULL;
    return arena_printf(t->c->a, "%s, coordinate %u: gradient %.12g, difference %.12g",
                        sym_text(t->c->syms, d->name), i, got, want);
}

const char *asked_differences(Ctx *c, const Program *p, const Gradient *g, uint64_t seed,
                              uint32_t n, int64_t size) {
    FiniteRandom r = {.seed = seed, .d = 3, .size = size};
    FiniteEnv e = finite_random(&r, n);
    Test t = {.c = c, .g = g, .n = n, .seed = seed};
    t.f = finite_new(c->a, g->p, e);
    t.moved = finite_new(c->a, g->p, e);
    for (DefId d = 1; d < p->def.len; d++) {
        const Def *o = &p->def.data[d];
        if (o->op != PO_grad) continue;
        Points all = points(c, t.f, o, g->from[d]);
        for (uint32_t k = 0; k < all.all.len; k++) {
            const char *wrong = asked(&t, o, g->from[d], all.all.data[k], k % n);
            if (wrong) return wrong;
        }
    }
    return NULL;
}

/* Outputs, data and constants have no adjoint. */
static bool is_tested(const Def *d) {
    if (d->op == PO_inner || d->op == PO_output || d->op == PO_data) return false;
    if (d->op == PO_one || d->op == PO_noise) return false;
    return program_op_is_scalar(d->op) || (d->op != PO_input && d->op != PO_basis && d->width);
}

static const char *at_output(Test *t) {
    for (DefId d = 1; d < t->g->nforward; d++) {
        const char *wrong = is_tested(&t->g->p->def.data[d]) ? definition(t, d) : NULL;
        if (wrong) return wrong;
    }
    return NULL;
}

static const char *each_output(Test *t, uint32_t level, int64_t *out) {
    const Program *p = t->g->p;
    t->out = out;
    if (level == t->g->nout) return at_output(t);
    const Dim *d = &p->out_dim[level];
    int64_t lo = finite_aff(t->f, d->lo), hi = finite_aff(t->f, d->hi);
    const char *wrong = NULL;
    for (out[level] = lo; out[level] < hi && !wrong; out[level]++) {
        finite_bind(t->f, d->var, out[level]);
        wrong = each_output(t, level + 1, out);
        finite_unbind(t->f);
    }
    return wrong;
}

const char *differences(Ctx *c, const Gradient *g, uint64_t seed, uint32_t n, int64_t size) {
    FiniteRandom r = {.seed = seed, .d = 3, .size = size};
    FiniteEnv e = finite_random(&r, n);
    int64_t out[MAX_DIMS];
    Test t = {.c = c, .g = g, .n = n, .seed = seed};
    t.f = finite_new(c->a, g->p, e);
    t.moved = finite_new(c->a, g->p, e);
    return each_output(&t, 0, out);
}

Gradient *gradient_of(Ctx *c, const Program *p) {
    Gradient *g;
    if (!gradient_make(c, p, &g)) {
        print_error("%s\n", messages(c));
        return NULL;
    }
    const char *text = printed(c, g->p), *wrong = program_verify(c, g->p);
    if (wrong) print_error("%s\n%s", wrong, text);
    assert_null(wrong);
    Program *q = reread(c, text);
    if (!q) print_error("%s\n%s", messages(c), text);
    assert_non_null(q);
    assert_string_equal(printed(c, q), text);
    assert_null(program_verify(c, q));
    return g;
}

/* The elaborated program at width n = N, with the draws that finite_source has. */
#include "finite.h"
#include "program/finite.h"

typedef struct Sizes {
    const Program *p;
    const int64_t *size;
} Sizes;

static void row(void *ctx, const Program *p, FamId fam, const int64_t *idx, bool copy, uint32_t i,
                double *out, uint32_t n) {
    const Fam *f = &p->fam.data[fam];
    bool vector = f->kind == FAM_vector || f->kind == FAM_noise;
    (void)ctx;
    (void)copy;
    for (uint32_t j = 0; j < n; j++)
        out[j] = vector ? draw(f->span.lo, idx, f->nindex, j, 0)
                        : draw(f->span.lo, idx, f->nindex, i, j);
}

static double element(void *ctx, uint32_t input, const int64_t *pos, uint32_t n, uint32_t i) {
    (void)ctx;
    return datum(input, pos, n, i);
}

static uint32_t dim(void *ctx, uint32_t input) {
    (void)ctx;
    (void)input;
    return D;
}

static int64_t size_value(void *ctx, Sym name) {
    const Sizes *s = ctx;
    uint32_t k = 0;
    for (uint32_t i = 0; i < s->p->size.len; i++) {
        if (s->p->size.data[i].kind != SIZE_position) continue;
        if (s->p->size.data[i].name == name) return s->size[k];
        k++;
    }
    fail_msg("a size that no input names");
    return 0;
}

static Finite *evaluator(Ctx *c, const Program *p, const int64_t *size) {
    Sizes *s = ARENA_NEW(c->a, Sizes);
    *s = (Sizes){p, size};
    return finite_new(c->a, p, (FiniteEnv){.n = N, .row = row, .datum = element, .dim = dim,
                                           .size = size_value, .ctx = s});
}

static uint32_t outputs(Finite *f, const Program *p, uint32_t level, int64_t *at, double *out) {
    if (level == p->nout_dim) {
        *out = finite_output(f, at);
        return 1;
    }
    const Dim *d = &p->out_dim[level];
    int64_t lo = finite_aff(f, d->lo), hi = finite_aff(f, d->hi);
    uint32_t n = 0;
    for (at[level] = lo; at[level] < hi; at[level]++) {
        assert_true(n < MAX_OUT);
        finite_bind(f, d->var, at[level]);
        n += outputs(f, p, level + 1, at, out + n);
        finite_unbind(f);
    }
    return n;
}

uint32_t finite_program(Ctx *c, const Program *p, const int64_t *size, double *out) {
    int64_t at[MAX_INDEX] = {0};
    return outputs(evaluator(c, p, size), p, 0, at, out);
}

bool finite_holds(Ctx *c, const Program *p, const int64_t *size) {
    Finite *f = evaluator(c, p, size);
    for (uint32_t i = 0; i < p->check.len; i++) {
        double v = finite_value(f, p->check.data[i].value);
        bool ok = isfinite(v) && (p->check.data[i].kind != CHECK_nonneg || v >= 0) &&
                  (p->check.data[i].kind != CHECK_positive || v > 0);
        if (!ok) return false;
    }
    for (uint32_t i = 1; p->size.len && i < p->def.len; i++)
        for (uint32_t k = 0; k < p->def.data[i].ndim; k++) {
            Dim d = p->def.data[i].dim[k];
            bool sizes = aff_size_only(p->aff, d.lo) && aff_size_only(p->aff, d.hi);
            if (sizes && finite_aff(f, d.lo) >= finite_aff(f, d.hi)) return false;
        }
    return true;
}

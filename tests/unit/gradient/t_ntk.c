/* The finite NTK from adjoints against the one from differences by every single parameter. */
#include "../../support/finite_ntk.h"
#include "../../support/random_program.h"
#include "differences.h"

enum { WIDTH = 3, PROGRAMS = 40, MAX_SLOPES = 4096 };

typedef struct Shifted { /* a random environment, one raw entry of which is moved */
    FiniteRandom random;
    FiniteEnv base;
    FamId fam;
    int64_t member[4];
    uint32_t i, j;
    double delta;
} Shifted;

static void row(void *ctx, const Program *p, FamId fam, const int64_t *idx, bool copy, uint32_t i,
                double *out, uint32_t n) {
    Shifted *s = ctx;
    s->base.row(&s->random, p, fam, idx, copy, i, out, n);
    if (fam != s->fam || i != s->i || s->j >= n) return;
    for (uint32_t k = 0; k < p->fam.data[fam].nindex; k++)
        if (idx[k] != s->member[k]) return;
    out[s->j] += s->delta;
}

static double datum(void *ctx, uint32_t input, const int64_t *pos, uint32_t npos, uint32_t i) {
    Shifted *s = ctx;
    return s->base.datum(&s->random, input, pos, npos, i);
}

static uint32_t dim(void *ctx, uint32_t input) {
    Shifted *s = ctx;
    return s->base.dim(&s->random, input);
}

static int64_t size(void *ctx, Sym name) {
    Shifted *s = ctx;
    return s->base.size(&s->random, name);
}

static double value(Ctx *c, const Gradient *g, Shifted *s) {
    FiniteEnv e = {.n = WIDTH, .row = row, .datum = datum, .dim = dim, .size = size, .ctx = s};
    int64_t none[1] = {0};
    return finite_output(finite_new(c->a, g->p, e), none) * (g->moment ? sqrt(WIDTH) : 1);
}

/* sqrt(rate / s2) df/d omega: W = sqrt(s2 / cols) omega has learning rate e / cols in W. */
static double slope(Ctx *c, const Gradient *g, Shifted *s, double rate, double s2) {
    double h = 1e-5;
    s->delta = h;
    double up = value(c, g, s);
    s->delta = -h;
    double down = value(c, g, s);
    s->delta = 0;
    return (up - down) / (2 * h) * sqrt(rate / s2);
}

static double by_entries(Ctx *c, const Gradient *g, Shifted *a, Shifted *b) {
    double sum = 0;
    Finite *f = finite_new(c->a, g->p, finite_random(&a->random, WIDTH));
    for (FamId k = 0; k < g->p->fam.len; k++) {
        const Fam *m = &g->p->fam.data[k];
        double rate = finite_value(f, m->lr), s2 = finite_value(f, m->s2);
        int64_t members = m->nindex ? 3 : 1;
        uint32_t rows = m->kind == FAM_vector ? 1 : WIDTH;
        uint32_t cols = m->kind == FAM_input_matrix ? a->random.d : WIDTH;
        if (m->kind == FAM_noise || rate == 0) continue;
        assert_true(m->nindex <= 1);
        for (int64_t q = 0; q < members; q++)
            for (uint32_t i = 0; i < rows; i++)
                for (uint32_t j = 0; j < cols; j++) {
                    a->fam = b->fam = k;
                    a->member[0] = b->member[0] = q;
                    a->i = b->i = i;
                    a->j = b->j = j;
                    sum += slope(c, g, a, rate, s2) * slope(c, g, b, rate, s2);
                }
    }
    return sum;
}

static void entries(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        Ctx c = ctx_new();
        RandomProgram r = random_program(seed, (RandomOptions){.smooth = true, .pieces = 4});
        const char *text = random_text(c.a, &r);
        Program *p = elaborate_text(&c, text);
        assert_non_null(p);
        Gradient *g = gradient_of(&c, p);
        Shifted s[2];
        Finite *f[2] = {0};
        for (uint32_t i = 0; i < 2; i++) {
            s[i] = (Shifted){.random = {.seed = seed, .sample = i, .d = 2, .size = 2},
                             .fam = UINT32_MAX};
            s[i].base = finite_random(&s[i].random, WIDTH);
            f[i] = i ? finite_sample(f[0], s[i].base) : finite_new(c.a, g->p, s[i].base);
        }
        double got = finite_ntk(c.a, g, f[0], f[1], WIDTH, NULL, NULL);
        double want = by_entries(&c, g, &s[0], &s[1]), scale = 1 + fabs(want);
        if (!(fabs(got - want) <= 1e-6 * scale))
            print_error("%s: %.12g, by entries %.12g\n%s", text, got, want, printed(&c, g->p));
        assert_true(fabs(got - want) <= 1e-6 * scale);
        arena_free(c.a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

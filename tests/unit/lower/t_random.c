/* Random loop programs through the whole lowering: the kernel in the interpreter, which counts
 * reads of what was never stored or already overwritten, against the limit's recurrences evaluated
 * element by element. */
#include "lk.h"
#include "oracle.h"
#include "../limit/random.h"

enum { NPROGRAM = 300 };

static double sample_input(void *ctx, const TpArray *a, int side, int s) {
    const Setup *d = ctx;
    (void)side;
    double q = d->gram[0][0][s % NSAMPLE][s % NSAMPLE];
    return a->input == TP_IN_NORM ? sqrt(q) : q;
}

static double pair_input(void *ctx, const TpArray *a, int i, int j) {
    const Setup *d = ctx;
    const double(*g)[NSAMPLE] = d->gram[0][0];
    double k = g[i][j % NSAMPLE], c = k / sqrt(g[i][i] * g[j % NSAMPLE][j % NSAMPLE]);
    if (i == j % NSAMPLE) c = 1;
    PairInput v = pair_input_of(k, c);
    return pair_input_at(&v, a);
}

static void run(Lk *r, Values *v, Setup *s) {
    const Program *p = v->b->p;
    const char *set[16];
    int n = 0;
    for (uint32_t i = 0; i < p->hyper.len; i++) {
        const Hyper *h = &p->hyper.data[i];
        const char *name = sym_text(v->b->c.syms, h->name);
        set[n++] = h->kind == HYPER_int
                       ? arena_printf(r->c.a, "%s=%lld", name, (long long)size_of(v, h->name))
                       : arena_printf(r->c.a, "%s=%.17g", name, real_of(v, h->name));
    }
    lk_samples(r, set, n, sample_input, s);
}

static void compare(Lk *r, LimitEval *e, unsigned seed, const Limit *l, int i, int j) {
    for (uint32_t k = 0; k < l->nout; k++) {
        const char *bad;
        double want = limit_eval(e, k, i, j, &bad), got = lk_out(r, l->out[k].kernel, j);
        if (bad) fail_msg("program %u: %s", seed, bad);
        /* a jump of a jump makes the fourth root of a rounded 1 - rho */
        double limit = i == j ? 1e-3 : 1e-6;
        if (!(fabs(got - want) <= limit * fmax(fabs(want), 1e-2)))
            fail_msg("program %u, kernel %u, pair %d %d: %.12g, the limit says %.12g", seed, k, i,
                     j, got, want);
    }
}

static void check(unsigned seed, int64_t depth, int64_t inner, bool normalise) {
    PB *b = generate(seed), *again = generate(seed);
    Limit *plain;
    Lk r = {.c = b->c};
    if (!limit_derive(&b->c, b->p, 3, &r.l) || !lower_expect(&r.c, r.l))
        fail_msg("program %u: %s", seed, messages(&b->c));
    assert_true(limit_derive(&again->c, again->p, 3, &plain));
    lk_kernel(&r, normalise, TP_F64);
    Values v = {b, depth, inner}, w = {again, depth, inner};
    Setup s = {.c = &again->c, .p = again->p, .real = real_of, .size = size_of, .ctx = &w};
    setup_data(&s, seed);
    run(&r, &v, &s);
    LimitEval *e = limit_eval_new(again->c.a, &s, plain);
    for (int i = 0; i < 2; i++) {
        lk_row(&r, i, pair_input, &s);
        if (r.faults) fail_msg("program %u: reads of what was never stored", seed);
        for (int j = i; j < NSAMPLE; j++) compare(&r, e, seed, plain, i, j);
    }
    arena_free(again->c.a);
    lk_free(&r);
}

static void programs(bool normalise) {
    unsigned first = getenv("TPC_TEST_FIRST") ? (unsigned)atoi(getenv("TPC_TEST_FIRST")) : 0;
    unsigned n = getenv("TPC_TEST_COUNT") ? (unsigned)atoi(getenv("TPC_TEST_COUNT")) : NPROGRAM;
    for (unsigned seed = first; seed < first + n; seed++) {
        check(seed, 3, 2, normalise);
        check(seed, 1, 1, normalise);
    }
}

static void plain_programs(void **state) {
    (void)state;
    programs(false);
}

static void normalised_programs(void **state) {
    (void)state;
    programs(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain_programs),
                                       cmocka_unit_test(normalised_programs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

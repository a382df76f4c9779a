/* Random loop programs: the limit's recurrences against the master theorem unrolled. */
#include "diag/diag.h"
#include "oracle.h"
#include "random.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { NPROGRAM = 400 };

static void dump(PB *b, const Limit *l) {
    Buf t = buf_new(b->c.a);
    limit_print(&b->c, &t, l);
    fprintf(stderr, "%s\n", buf_text(&t));
}

static double check(PB *b, const Limit *l, Values v, unsigned seed, Arena *scratch) {
    Setup s = {.c = &b->c, .p = b->p, .real = real_of, .size = size_of, .ctx = &v};
    double worst = 0;
    setup_data(&s, seed);
    arena_reset(scratch);
    LimitEval *e = limit_eval_new(scratch, &s, l);
    Arena *more = arena_new(0, NULL, NULL);
    for (int j = 0; j < 2; j++)
        for (uint32_t k = 0; k < l->nout; k++) {
            const char *bad;
            double got = limit_eval(e, k, 0, j, &bad);
            if (bad) {
                dump(b, l);
                fail_msg("program %u: %s", seed, bad);
            }
            double want = unrolled_eval(more, &s, l->out[k].kernel, 0, j);
            double top = fmax(fabs(want), 1e-3), err = fabs(got - want) / top;
            if (!(err < 1e-7)) {
                dump(b, l);
                fail_msg("program %u, kernel %u, pair 0 %d: %.12g, unrolled %.12g", seed, k, j, got,
                         want);
            }
            worst = fmax(worst, err);
            arena_reset(more);
        }
    arena_free(more);
    return worst;
}

static void random_programs(void **state) {
    (void)state;
    unsigned first = getenv("TPC_TEST_FIRST") ? (unsigned)atoi(getenv("TPC_TEST_FIRST")) : 0;
    unsigned n = getenv("TPC_TEST_COUNT") ? (unsigned)atoi(getenv("TPC_TEST_COUNT")) : NPROGRAM;
    double worst = 0;
    Arena *scratch = arena_new(0, NULL, NULL);
    for (unsigned seed = first; seed < first + n; seed++) {
        PB *b = generate(seed);
        Limit *l;
        bool mirrored = seed % 5 == 4;
        bool ok = mirrored ? limit_derive_mirrored(&b->c, b->p, 3, &l)
                           : limit_derive(&b->c, b->p, 3, &l);
        if (!ok) {
            Buf t = buf_new(b->c.a);
            diags_render(b->c.ds, (DiagRender){.format = DIAG_SHORT}, &t);
            fail_msg("program %u is refused: %s", seed, buf_text(&t));
        }
        const char *bad = limit_verify(&b->c, l);
        if (bad) {
            dump(b, l);
            fail_msg("program %u: %s", seed, bad);
        }
        worst = fmax(worst, check(b, l, (Values){b, 3, 2}, seed, scratch));
        worst = fmax(worst, check(b, l, (Values){b, 1, 1}, seed, scratch));
        arena_free(b->c.a);
    }
    arena_free(scratch);
    assert_true(worst < 1e-7);
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(random_programs)};
    return cmocka_run_group_tests(t, NULL, NULL);
}

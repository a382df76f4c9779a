/* The rungs against truth: random programs (seeds recorded, what fails is made smaller) whose NTK
 * is computed at finite width with true and with independently copied transposes.
 *
 * No program called simple-gia, bp-like or gia-exact may differ once extrapolated to infinite width
 * (differences at widths n and 4 n, Richardson in 1 / n); family-wise false alarms: ALARM.  Of
 * those called gia-fails the share that differs is printed.
 *
 *     t_truth [PROGRAMS [FIRST [WIDTH]]] */
#include "../../support/finite_gap.h"
#include "../../support/random_program.h"
#include "../program/common.h"
#include "check/check.h"

enum { SEEDS = 24 };
static const double ALARM = 1e-3;

typedef struct Truth {
    uint32_t programs, first, width;
    double limit;    /* of |t| */
    Rung rung;       /* of the program looked at */
    double t[2];
} Truth;

static double normal_tail(double t) { return erfc(t * M_SQRT1_2); }

/* The number of standard errors that one of `n` tests exceeds with probability ALARM. */
static double threshold(uint32_t n) {
    double lo = 0, hi = 10;
    for (int i = 0; i < 60; i++) {
        double mid = (lo + hi) / 2;
        if (normal_tail(mid) * n > ALARM) lo = mid;
        else hi = mid;
    }
    return hi;
}

static bool verdict_of(Ctx *c, const RandomProgram *p, Verdict *v, Gradient **g) {
    Program *q = elaborate_text(c, random_text(c->a, p));
    return q && check_program(c, q, NULL, v) && (!g || gradient_make(c, q, g));
}

/* Differences at both widths, extrapolated; in standard errors.  The tails of the differences are
 * not normal with so few seeds: errors have SEEDS - 1 degrees of freedom, allowed for by 1.6. */
static void measure(Truth *t, const Gradient *g) {
    Gap small[2], large[2];
    finite_gaps(g, t->width, 1, SEEDS, small);
    finite_gaps(g, 4 * t->width, 1, SEEDS, large);
    for (int k = 0; k < 2; k++) {
        double d = (4 * large[k].mean - small[k].mean) / 3;
        double e = hypot(4 * large[k].error, small[k].error) / 3;
        t->t[k] = d / (e + 1e-12 * (1 + large[k].size));
    }
}

static bool differs(const Truth *t) {
    return fabs(t->t[0]) > 1.6 * t->limit || fabs(t->t[1]) > 1.6 * t->limit;
}

static bool is_wrong(void *ctx, const RandomProgram *p) {
    Truth *t = ctx;
    Ctx c = ctx_new();
    Verdict v;
    Gradient *g;
    bool wrong = false;
    if (verdict_of(&c, p, &v, &g) && v.rung >= RUNG_gia_exact) {
        measure(t, g);
        wrong = differs(t);
    }
    t->rung = v.rung;
    arena_free(c.a);
    return wrong;
}

static void report(Truth *t, RandomProgram p) {
    Ctx c = ctx_new();
    p = random_shrink(p, is_wrong, t);
    is_wrong(t, &p);
    print_error("called %s, but the NTK differs by %.1f and %.1f standard errors:\n%s\n",
                rung_text(t->rung), t->t[0], t->t[1], random_text(c.a, &p));
    arena_free(c.a);
}

/* A correction that the NTK does not show at these widths: it meets a matrix that the NTK weights
 * little, or its effect is below the noise of SEEDS networks. */
static void unseen(const Truth *t, const RandomProgram *p, const Verdict *v) {
    const CheckReason *r = &vec_last(&v->reason);
    print_message("seed %llu: coefficient %.3g of `%s` unseen, at %.1f and %.1f standard errors\n",
                  (unsigned long long)p->seed, r->value, r->subject, t->t[0], t->t[1]);
}

static void test_random(void **state) {
    Truth *t = *state;
    uint32_t count[RUNG_simple_gia + 1] = {0}, differing = 0, wrong = 0;
    t->limit = threshold(2 * t->programs);
    for (uint32_t i = 0; i < t->programs; i++) {
        RandomProgram p = random_program(t->first + i, (RandomOptions){0});
        Ctx c = ctx_new();
        Verdict v;
        Gradient *g;
        if (!verdict_of(&c, &p, &v, &g)) {
            print_error("%s\n%s", messages(&c), random_text(c.a, &p));
            fail();
        }
        count[v.rung]++;
        measure(t, g);
        if (v.rung == RUNG_gia_fails) {
            differing += differs(t);
            if (!differs(t)) unseen(t, &p, &v);
        }
        if (v.rung >= RUNG_gia_exact && differs(t)) {
            report(t, p);
            wrong++;
        }
        arena_free(c.a);
    }
    print_message("%u programs:", t->programs);
    for (int r = RUNG_simple_gia; r >= 0; r--)
        print_message(" %s %u", rung_text((Rung)r), count[r]);
    print_message("; of gia-fails %u differ at widths %u and %u\n", differing, t->width,
                  4 * t->width);
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv) {
    Truth t = {.programs = argc > 1 ? (uint32_t)atoi(argv[1]) : 200,
               .first = argc > 2 ? (uint32_t)atoi(argv[2]) : 1,
               .width = argc > 3 ? (uint32_t)atoi(argv[3]) : 32};
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_random, &t)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

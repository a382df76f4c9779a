/* Random expressions: closed forms against quadrature of the same plan. */
#include "support.h"
#include <math.h>
#include <stdio.h>

typedef struct Random {
    uint64_t s;
} Random;

static uint32_t below(Random *r, uint32_t n) {
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return (uint32_t)((r->s * 0x2545f4914f6cdd1d >> 33) % n);
}

static const char *constant(Random *r) {
    static const char *const c[] = {"1", "2", "0.5", "1/3", "0.25", "1.5"};
    return c[below(r, 6)];
}

static const char *expression(Bench *b, Random *r, int depth);

static const char *affine(Bench *b, Random *r) {
    return arena_printf(b->c.a, below(r, 2) ? "(%s * u0 + %s)" : "(%s * u0 - %s)", constant(r),
                        below(r, 3) ? "0" : constant(r));
}

static const char *leaf(Bench *b, Random *r) {
    const char *l = affine(b, r);
    switch (below(r, 9)) {
    case 0: return arena_printf(b->c.a, "max(%s, 0)", l);
    case 1: return arena_printf(b->c.a, "abs(%s)", l);
    case 2: return arena_printf(b->c.a, "step(%s)", l);
    case 3: return arena_printf(b->c.a, "erf(%s)", l);
    case 4: return arena_printf(b->c.a, "Phi(%s)", l);
    case 5: return arena_printf(b->c.a, "exp(-%s^2)", l);
    case 6: return arena_printf(b->c.a, "sin(%s)", l);
    case 7: return arena_printf(b->c.a, "min(%s, %s)", l, constant(r));
    }
    return l;
}

static const char *expression(Bench *b, Random *r, int depth) {
    if (!depth) return leaf(b, r);
    const char *x = expression(b, r, depth - 1), *y = leaf(b, r);
    switch (below(r, 5)) {
    case 0: return arena_printf(b->c.a, "(%s + %s)", x, y);
    case 1: return arena_printf(b->c.a, "(%s - %s)", x, y);
    case 2: return arena_printf(b->c.a, "%s * %s", x, y);
    case 3: return arena_printf(b->c.a, "(if %s > 0 then %s else %s)", affine(b, r), x, y);
    }
    return x;
}

static void closed_against_quadrature(void **state) {
    (void)state;
    Random r = {12345};
    double worst = 0;
    int closed = 0, total = 0;
    for (; total < 150; total++) {
        Bench b = bench_new();
        const char *text = expression(&b, &r, 1 + (int)below(&r, 2));
        Fx f = bench_fx(&b, text);
        bool centred = below(&r, 2);
        double q = 0.2 + 0.3 * below(&r, 8), p = 0.2 + 0.3 * below(&r, 8);
        double d = below(&r, 4) ? 0.05 * (1 + below(&r, 20)) : 1e-5, sign = below(&r, 2) ? 1 : -1;
        Pair a = bench_pair(&b, f, f, true, centred), n = a;
        n.q.no_closed = true;
        n.e = gauss_plan(&b.c, &n.q);
        Pair self = bench_single(&b, f, f, centred);
        if (a.e->method == GM_closed && n.e->method == GM_quadrature) {
            double v = pair_value(&b, &a, q, p, d, sign, 0.4, -0.3),
                   w = pair_value(&b, &n, q, p, d, sign, 0.4, -0.3);
            double scale =
                sqrt(single_value(&b, &self, q, 0.4) * single_value(&b, &self, p, -0.3)) + 1e-3;
            double err = fabs(v - w) / scale;
            if (!(err < 1e-8))
                fail_msg("%s (centred %d, q %g p %g d %g sign %g): %.15g, quadrature %.15g", text,
                         centred, q, p, d, sign, v, w);
            worst = fmax(worst, err);
            closed++;
        }
        bench_free(&b);
    }
    printf("  %d of %d closed, worst %.1e\n", closed, total, worst);
    assert_true(closed > 75);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(closed_against_quadrature)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

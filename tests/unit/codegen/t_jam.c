/* Turns of loops side by side (emit_jam.c): against the interpreter, for all lengths around the
 * number of turns, with cells that a turn fills and the last turn leaves behind, and where turns
 * depend on one another. */
#include "run.h"

static void check(const char *text, const int64_t *size, uint32_t u) {
    for (int f32 = 0; f32 < 2; f32++) {
        Ctx c = test_ctx();
        Kernel *k = parse_text(&c, text);
        if (f32) k->dtype = TP_F32;
        static const double real[1] = {0};
        compare(&c, k, &(CodegenOptions){.u = u, .g = 1}, size, real);
        arena_free(c.a);
    }
}

static const char head[] =
    "kernel k f64 nngp ntk\ninput x [T]\nsize T position least 0\nsize d dim 0 least 1\n"
    "array x sample input point 0 0 [p in 0..T, c in 0..d]\n"
    "array G pair [p in 0..T+2, q in 0..T]\narray s pair\narray last pair\narray n pair\n"
    "array nngp pair output nngp\narray ntk pair output ntk\n"
    "pair {\n    %0 = num 0\n    %1 = num 1\n"
    "    store last, %0\n    store n, %0\n    store s, %0\n";

/* Products of points; `last` holds the last one, `ntk` their sum. */
static const char products[] =
    "    for p in 0..T { for q in 0..T {\n"
    "        store s, %0\n"
    "        for c in 0..d {\n"
    "            %2 = load s\n            %3 = load x@x[p, c]\n            %4 = load x@y[q, c]\n"
    "            %5 = fma %3, %4, %2\n            store s, %5\n"
    "        }\n"
    "        %6 = load s\n        store G[p, q], %6\n        store last, %6\n"
    "    } }\n"
    "    for p in 0..T { for q in 0..T {\n"
    "        %7 = load G[p, q]\n        %8 = load n\n        %9 = add %7, %8\n"
    "        store n, %9\n"
    "    } }\n"
    "    %10 = load last\n    store nngp, %10\n    %11 = load n\n    store ntk, %11\n}\n";

/* Row p + 1 is made of row p: turns of p wait for one another, those of q do not; `n` is
 * carried. */
static const char rows[] =
    "    for q in 0..T { store G[0, q], %1 }\n"
    "    for p in 0..T {\n"
    "        store s, %0\n"
    "        for q in 0..T {\n"
    "            %2 = load G[p, q]\n            %3 = load s\n            %4 = load x@y[q, 0]\n"
    "            %5 = fma %2, %4, %3\n            store s, %5\n"
    "        }\n"
    "        %6 = load s\n"
    "        for q in 0..T {\n"
    "            %7 = load x@x[q, 0]\n            %8 = mul %7, %6\n"
    "            store G[p+1, q], %8\n"
    "        }\n"
    "        %9 = load n\n        %10 = add %9, %6\n        store n, %10\n"
    "    }\n"
    "    %11 = load n\n    store nngp, %11\n    %12 = load s\n    store ntk, %12\n}\n";

/* An if around the inner loop and one inside; conditions do not ask for the turn. */
static const char branches[] =
    "    for p in 0..T {\n"
    "        store s, %1\n"
    "        if T >= 4 {\n"
    "            for q in 0..T {\n"
    "                if q >= 2 {\n"
    "                    %2 = load s\n                    %3 = load x@y[q, 0]\n"
    "                    %4 = load x@x[p, 0]\n                    %5 = fma %3, %4, %2\n"
    "                    store s, %5\n"
    "                }\n"
    "            }\n"
    "        } else {\n            store s, %0\n        }\n"
    "        %6 = load s\n        store G[p, 0], %6\n        store last, %6\n"
    "    }\n"
    "    for p in 0..T { %7 = load G[p, 0]\n        %8 = load n\n        %9 = add %7, %8\n"
    "        store n, %9 }\n"
    "    %10 = load last\n    store nngp, %10\n    %11 = load n\n    store ntk, %11\n}\n";

static void test_lengths(void **state) {
    (void)state;
    static const char *const body[] = {products, rows, branches};
    char text[4096];
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        for (int64_t T = 1; T < 10; T++) {
            const int64_t size[2] = {T, 3};
            snprintf(text, sizeof text, "%s%s", head, body[i]);
            check(text, size, (uint32_t)(1 + T % 2));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Turns of loops as the lanes of vectors (emit_turns.c): against the interpreter, for lengths
 * below, at and above those of a vector, with what may be in such a loop and what keeps one from
 * being one. */
#include "run.h"

static void check(const char *text, bool strips) {
    for (int f32 = 0; f32 < 2; f32++)
        for (int64_t T = 0; T < 38; T += T % 3 == 1 ? 1 : 2) {
            Ctx c = test_ctx();
            Kernel *k = parse_text(&c, text);
            const int64_t size[] = {T, 3};
            if (f32) k->dtype = TP_F32;
            compare(&c, k, &(CodegenOptions){.right = 1}, size, NULL);
            Jit j;
            check_ctx(&c, codegen_jit(&c, k, &(CodegenOptions){.right = 1}, &j));
            assert_int_equal(j.strips, strips);
            if (strips) assert_int_equal(j.kernel->lanes, 1);
            codegen_jit_free(&j);
            check_ctx(&c, codegen_jit(&c, k, &(CodegenOptions){.right = 17}, &j));
            assert_false(j.strips);
            codegen_jit_free(&j);
            arena_free(c.a);
        }
}

static const char head[] =
    "kernel k f64 nngp ntk\ninput x [T]\nsize T position least 0\nsize d dim 0 least 1\n"
    "array x sample input point 0 0 [p in 0..T, c in 0..d]\n"
    "array m sample [p in 0..T]\narray w sample [p in 0..T]\n"
    "array G pair [p in 0..T+2, q in -1..T+1]\narray H pair [p in 0..T+2, q in 0..T]\n"
    "array s pair\narray t pair\narray u pair\n"
    "array nngp pair output nngp\narray ntk pair output ntk\n"
    "sample {\n    %0 = num 1\n"
    "    for p in 0..T {\n"
    "        %1 = load x@x[p, 0]\n        store m[p], %1\n"
    "    }\n"
    "    for p in 0..T {\n"
    "        %2 = load m@x[p]\n        %3 = abs %2\n        %4 = sqrt %3\n"
    "        %5 = add %4, %0\n        store w[p], %5\n"
    "    }\n}\n"
    "pair {\n    %0 = num 0\n    %1 = num 1\n    store s, %0\n    store t, %0\n"
    "    for p in 0..T+2 { for q in -1..T+1 { store G[p, q], %0 } }\n";

/* Values are numbered from n on. */
static char *program(Arena *a, const char *body, int n) {
    Buf b = buf_new(a);
    buf_puts(&b, head);
    buf_puts(&b, body);
    buf_printf(&b, "    for p in 0..T { for q in 0..T {\n"
                   "        %%%d = load H[p, q]\n        %%%d = load s\n", n, n + 1);
    buf_printf(&b, "        %%%d = add %%%d, %%%d\n        store s, %%%d\n    } }\n", n + 2, n,
               n + 1, n + 2);
    buf_printf(&b, "    %%%d = load s\n    store nngp, %%%d\n", n + 3, n + 3);
    buf_printf(&b, "    %%%d = load t\n    store ntk, %%%d\n}\n", n + 4, n + 4);
    return arena_strdup(a, buf_text(&b));
}

/* What is the same for all turns, a cell of each turn's own, an if, choices, windows. */
static const char image[] =
    "    for p in 0..T {\n"
    "        %2 = load m@x[p]\n"
    "        for q in 0..T {\n"
    "            %3 = load m@y[q]\n            %4 = mul %2, %3\n            store u, %4\n"
    "            if T >= 4 {\n"
    "                %5 = load w@y[q]\n                %6 = load w@x[p]\n"
    "                %7 = fma %5, %6, %4\n                store u, %7\n"
    "            }\n"
    "            %8 = load u\n            %9 = lt %8, %0\n            %10 = select %9, %1, %8\n"
    "            %11 = sqrt %10\n            store G[p, q], %11\n"
    "        }\n"
    "    }\n"
    "    for p in 0..T {\n"
    "        for q in max(0, 1)..min(T, T - 1) {\n"
    "            %12 = load G[p, q-1]\n            %13 = load G[p, q]\n"
    "            %14 = load G[p, q+1]\n            %15 = add %12, %13\n"
    "            %16 = add %15, %14\n            store H[p, q], %16\n"
    "        }\n"
    "        if T >= 1 { store H[p, 0], %1 }\n"
    "        if T >= 2 { store H[p, T-1], %1 }\n"
    "    }\n";

/* A product of matrices: an inner loop adds up for each turn. */
static const char product[] =
    "    for p in 0..T { for q in 0..T {\n"
    "        %2 = load m@x[p]\n        %3 = load w@y[q]\n        %4 = mul %2, %3\n"
    "        store G[p, q], %4\n"
    "    } }\n"
    "    for p in 0..T {\n"
    "        for q in 0..T {\n"
    "            store u, %0\n"
    "            for r in 0..T {\n"
    "                %5 = load G[r, q]\n                %6 = load w@x[r]\n"
    "                %7 = load u\n                %8 = fma %5, %6, %7\n"
    "                store u, %8\n"
    "            }\n"
    "            %9 = load u\n            store H[p, q], %9\n"
    "        }\n"
    "    }\n"
    "    store t, %1\n";

/* Turns that wait for one another, whose elements lie apart, that leave a cell behind. */
static const char waiting[] =
    "    for p in 0..T { for q in 0..T {\n"
    "        %2 = load x@x[p, 0]\n        %3 = load x@y[q, 0]\n        %4 = mul %2, %3\n"
    "        %5 = load G[p, q-1]\n        %6 = add %4, %5\n        store G[p, q], %6\n"
    "    } }\n"
    "    for q in 0..T { for p in 0..T {\n"
    "        %7 = load G[p, q]\n        store t, %7\n        store H[p, q], %7\n"
    "    } }\n";

static void strips(void **state) {
    (void)state;
    Ctx c = test_ctx();
    check(program(c.a, image, 17), true);
    check(program(c.a, product, 10), true);
    arena_free(c.a);
}

static void no_strips(void **state) {
    (void)state;
    Ctx c = test_ctx();
    check(program(c.a, waiting, 8), false);
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(strips), cmocka_unit_test(no_strips)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

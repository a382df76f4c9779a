#include "base/arena.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void zeroed_and_aligned(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *p = arena_alloc(a, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 0xFF, n);
    }
    arena_free(a);
}

static void blocks_do_not_overlap(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    unsigned char *p[200];
    for (int i = 0; i < 200; i++) memset(p[i] = arena_alloc(a, 1000), i, 1000);
    for (int i = 0; i < 200; i++)
        for (int k = 0; k < 1000; k++) assert_int_equal(p[i][k], i);
    arena_free(a);
}

static void larger_than_a_chunk(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    char *p = arena_alloc(a, 20 << 20);
    p[0] = p[(20 << 20) - 1] = 1;
    assert_true(arena_used(a) >= 20 << 20);
    arena_free(a);
}

static void reset_gives_zeroed_memory_again(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    for (int round = 0; round < 5; round++) {
        char *p = arena_alloc(a, 5000);
        for (int i = 0; i < 5000; i++) assert_int_equal(p[i], 0);
        memset(p, 1, 5000);
        for (int i = 0; i < 100; i++) arena_alloc(a, 4096);
        arena_reset(a);
    }
    arena_free(a);
}

static void texts(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    assert_string_equal(arena_strndup(a, "abcdef", 2), "ab");
    assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    char big[5000];
    memset(big, 'y', sizeof big);
    big[4999] = 0;
    assert_string_equal(arena_printf(a, "%s", big), big);
    int v[3] = {1, 2, 3};
    assert_memory_equal(arena_copy(a, v, sizeof v), v, sizeof v);
    arena_free(a);
}

static void out(void *ctx, size_t wanted) {
    (void)wanted;
    longjmp(*(jmp_buf *)ctx, 1);
}

static void limit_calls_the_handler(void **state) {
    (void)state;
    jmp_buf jump;
    Arena *a = arena_new(1 << 20, out, &jump);
    volatile int got = 0;
    if (!setjmp(jump))
        for (; got < 10000; got++) arena_alloc(a, 1024);
    assert_in_range(got, 100, 1024);
    assert_true(arena_used(a) <= 1 << 20);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_and_aligned),
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(larger_than_a_chunk),
        cmocka_unit_test(reset_gives_zeroed_memory_again),
        cmocka_unit_test(texts),
        cmocka_unit_test(limit_calls_the_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

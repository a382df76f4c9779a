#include "base/buf.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *shortest(Arena *a, double x) {
    Buf b = buf_new(a);
    buf_double(&b, x);
    return buf_text(&b);
}

static void puts_and_printf(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    Buf b = buf_new(a);
    assert_string_equal(buf_text(&b), "");
    for (int i = 0; i < 1000; i++) buf_printf(&b, "%d,", i % 10);
    assert_int_equal(b.len, 2000);
    buf_pad(&b, 3);
    buf_putc(&b, '|');
    buf_putn(&b, "xyz", 2);
    assert_string_equal(buf_text(&b) + 1998, "9,   |xy");
    arena_free(a);
}

static void doubles_are_shortest(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    assert_string_equal(shortest(a, 0.1), "0.1");
    assert_string_equal(shortest(a, 1.0 / 3), "0.3333333333333333");
    assert_string_equal(shortest(a, 1e300), "1e+300");
    assert_string_equal(shortest(a, -2), "-2");
    assert_string_equal(shortest(a, INFINITY), "inf");
    assert_string_equal(shortest(a, -INFINITY), "-inf");
    assert_string_equal(shortest(a, NAN), "nan");
    arena_free(a);
}

/* Both texts of a double read back as the same bits. */
static void doubles_read_back(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    uint64_t s = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        s ^= s << 13, s ^= s >> 7, s ^= s << 17; /* xorshift64 */
        double x, y;
        memcpy(&x, &s, sizeof x);
        if (!isfinite(x)) continue;
        Buf b = buf_new(a);
        i % 2 ? buf_double(&b, x) : buf_hex(&b, x);
        size_t end;
        y = text_double(buf_text(&b), b.len, &end);
        assert_int_equal(end, b.len);
        assert_memory_equal(&x, &y, sizeof x);
    }
    arena_free(a);
}

static void text_double_stops(void **state) {
    (void)state;
    size_t end;
    assert_true(text_double("2.5e1xyz", 8, &end) == 25);
    assert_int_equal(end, 5);
    assert_true(text_double("12345", 2, &end) == 12);
    assert_int_equal(end, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_and_printf),
        cmocka_unit_test(doubles_are_shortest),
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(text_double_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

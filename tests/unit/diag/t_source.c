#include "diag/source.h"
#include "diag/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char text[] = "fn f(x) = x\n\n\xCF\x83 = \xCE\xB8\r\nlast";

static void places(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    Sources *s = sources_new(a);
    uint32_t f = source_add(s, "a/b.tp", text, sizeof text - 1);
    assert_int_equal(f, 1);
    assert_int_equal(source_add(s, "c.tp", "", 0), 2);
    LineCol p = source_linecol(s, f, 0);
    assert_int_equal(p.line * 100 + p.col, 101);
    p = source_linecol(s, f, 12);
    assert_int_equal(p.line * 100 + p.col, 201);
    p = source_linecol(s, f, 18); /* after sigma (2 bytes), space, `=`, space */
    assert_int_equal(p.line * 100 + p.col, 305);
    p = source_linecol(s, f, 9999);
    assert_int_equal(p.line * 100 + p.col, 405);
    assert_string_equal(source_place(s, a, (Span){f, 3, 4}), "a/b.tp:1:4");
    assert_string_equal(source_place(s, a, (Span){0, 0, 0}), "<unknown>");
    arena_free(a);
}

static void lines(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    Sources *s = sources_new(a);
    uint32_t f = source_add(s, "x", text, sizeof text - 1);
    assert_int_equal(source_lines(s, f), 4);
    Span sp = source_line_span(s, f, 3);
    assert_int_equal(sp.hi - sp.lo, 7); /* without the carriage return */
    sp = source_line_span(s, f, 4);
    assert_int_equal(sp.hi - sp.lo, 4);
    assert_int_equal(source_line_span(s, f, 5).file, 0);
    assert_int_equal(source_line(s, f, 13), 3);
    arena_free(a);
}

static void utf8(void **state) {
    (void)state;
    uint32_t cp;
    assert_int_equal(utf8_decode("\xCF\x83", 2, &cp), 2);
    assert_int_equal(cp, 0x3C3);
    assert_int_equal(utf8_decode("\xF0\x9D\x94\xB8", 4, &cp), 4);
    assert_int_equal(cp, 0x1D538);
    assert_int_equal(utf8_decode("\xC0\x80", 2, &cp), 0);         /* overlong */
    assert_int_equal(utf8_decode("\xED\xA0\x80", 3, &cp), 0);     /* surrogate */
    assert_int_equal(utf8_decode("\xF4\x90\x80\x80", 4, &cp), 0); /* above 10FFFF */
    assert_int_equal(utf8_decode("\xCF", 1, &cp), 0);             /* cut off */
    assert_int_equal(utf8_width(0x301) * 100 + utf8_width('a') * 10 + utf8_width(0x4E00), 12);
    assert_true(utf8_is_control(0x202E) && utf8_is_control(7) && !utf8_is_control(' '));
}

static void cleaning(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    assert_string_equal(text_clean(a, "a\x1B[31m\xFFz\n"), "a\xEF\xBF\xBD[31m\xEF\xBF\xBDz\n");
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),
        cmocka_unit_test(lines),
        cmocka_unit_test(utf8),
        cmocka_unit_test(cleaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

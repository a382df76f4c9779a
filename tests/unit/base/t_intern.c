#include "base/intern.h"
#include "base/vec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void equal_names_equal_syms(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    Intern *t = intern_new(a);
    Sym x = intern(t, "sigma"), y = intern_n(t, "sigma_w", 5);
    assert_int_not_equal(x, 0);
    assert_int_equal(x, y);
    assert_int_not_equal(x, intern(t, "sigma_w"));
    assert_string_equal(sym_text(t, x), "sigma");
    assert_string_equal(sym_text(t, 0), "");
    arena_free(a);
}

static void many_names_survive_growth(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    Intern *t = intern_new(a);
    enum { N = 20000 };
    Sym *s = ARENA_ARRAY(a, Sym, N);
    for (int i = 0; i < N; i++) s[i] = intern(t, arena_printf(a, "name%d", i));
    for (int i = 0; i < N; i++) {
        const char *text = arena_printf(a, "name%d", i);
        assert_int_equal(intern(t, text), s[i]);
        assert_string_equal(sym_text(t, s[i]), text);
    }
    arena_free(a);
}

static void fresh_names_are_new(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    Intern *t = intern_new(a);
    intern(t, "h2");
    assert_string_equal(sym_text(t, intern_fresh(t, "h")), "h");
    assert_string_equal(sym_text(t, intern_fresh(t, "h")), "h3");
    assert_string_equal(sym_text(t, intern_fresh(t, "h")), "h4");
    arena_free(a);
}

static void vectors_grow(void **state) {
    (void)state;
    Arena *a = arena_new(0, NULL, NULL);
    VEC(uint64_t) v = {0};
    for (uint64_t i = 0; i < 10000; i++) vec_push(a, &v, i * i);
    assert_int_equal(v.len, 10000);
    for (uint64_t i = 0; i < 10000; i++) assert_int_equal(v.data[i], i * i);
    assert_int_equal(vec_last(&v), 9999u * 9999u);
    assert_int_equal(vec_pop(&v), 9999u * 9999u);
    assert_int_equal(v.len, 9999);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_names_equal_syms),
        cmocka_unit_test(many_names_survive_growth),
        cmocka_unit_test(fresh_names_are_new),
        cmocka_unit_test(vectors_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

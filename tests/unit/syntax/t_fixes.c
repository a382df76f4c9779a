/* A fix, applied to the source by the bytes that the JSON form names, leaves a program that parses.
 */
#include "common.h"
#include <jansson.h>

static const char *applied(Ctx *c, const char *text) {
    Buf b = buf_new(c->a), out = buf_new(c->a);
    diags_render(c->ds, (DiagRender){.format = DIAG_JSON}, &b);
    uint32_t at = 0;
    for (const char *s = buf_text(&b); *s; s = strchr(s, '\n') + 1) {
        json_t *o = json_loads(s, JSON_DISABLE_EOF_CHECK, NULL), *fix;
        assert_non_null(o);
        fix = json_array_get(json_object_get(o, "fixes"), 0);
        assert_non_null(fix);
        uint32_t lo = (uint32_t)json_integer_value(json_object_get(fix, "lo"));
        buf_putn(&out, text + at, lo - at);
        buf_puts(&out, json_string_value(json_object_get(fix, "replacement")));
        at = (uint32_t)json_integer_value(json_object_get(fix, "hi"));
        json_decref(o);
    }
    buf_puts(&out, text + at);
    return buf_text(&out);
}

static void check(const char *text, uint32_t code, const char *want) {
    Ctx c = ctx_new(), d = ctx_new();
    parse(&c, text);
    assert_true(diags_has(c.ds, code));
    const char *fixed = applied(&c, text);
    assert_string_equal(fixed, want);
    parse(&d, fixed);
    assert_string_equal(errors(&d), "");
    arena_free(c.a);
    arena_free(d.a);
}

static void fixes_parse(void **state) {
    (void)state;
    check("fn f(x) = x ** 2\n", 103, "fn f(x) = x ^ 2\n");
    check("fn f(x) = 2x + 3.5y\n", 104, "fn f(x) = 2 * x + 3.5 * y\n");
    check("fn f(x) = x \xC3\x97 y \xE2\x88\x92 z\n", 103, "fn f(x) = x * y - z\n");
    check("fn f(x) = if x > 0 && !(x < 1) then x else \xE2\x88\x9E\n", 103,
          "fn f(x) = if x > 0 and not (x < 1) then x else inf\n");
    check("fn f(x) = if x = 0 then 1 else x\n", 100, "fn f(x) = if x == 0 then 1 else x\n");
    check("layer l(x: int[3]) { return x }\n", 121, "layer l(x: int) { return x }\n");
    check("layer l(W, x) { return W\xE2\x80\x99 * x }\n", 103, "layer l(W, x) { return W' * x }\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fixes_parse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "common.h"
#include <jansson.h>

static void one_object_a_line(void **state) {
    (void)state;
    World w = world("a = \"b\"\n");
    Diag *d = diag(w.ds, unknown_type, at(&w, "\"b\""), "\"\xFF\t\n");
    diag_label(d, at(&w, "\"b\""), "own");
    diag_label(d, at(&w, "a"), "other");
    diag_note(d, "note");
    diag_help(d, "help");
    diag_fix(d, at(&w, "a"), "c", "use c");
    diag(w.ds, cannot_read, ((Span){0, 0, 0}), "a", "b");
    const char *text = render(&w, DIAG_JSON), *second = strchr(text, '\n') + 1;
    json_t *o = json_loads(second, JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "code")), "TP0109");
    assert_string_equal(json_string_value(json_object_get(o, "id")), "unknown_type");
    assert_string_equal(json_string_value(json_object_get(o, "severity")), "error");
    assert_string_equal(json_string_value(json_object_get(o, "message")),
                        "unknown type `\"\xEF\xBF\xBD\xEF\xBF\xBD\n`");
    json_t *spans = json_object_get(o, "spans"), *s = json_array_get(spans, 0);
    assert_int_equal(json_array_size(spans), 2);
    assert_true(json_is_true(json_object_get(s, "primary")));
    assert_string_equal(json_string_value(json_object_get(s, "label")), "own");
    assert_int_equal(json_integer_value(json_object_get(s, "col")), 5);
    assert_int_equal(json_integer_value(json_object_get(s, "end_col")), 8);
    assert_int_equal(json_array_size(json_object_get(o, "notes")), 2);
    assert_int_equal(json_array_size(json_object_get(o, "fixes")), 1);
    json_decref(o);
    o = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    assert_int_equal(json_array_size(json_object_get(o, "spans")), 0);
    json_decref(o);
    arena_free(w.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_object_a_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

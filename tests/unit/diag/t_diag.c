#include "common.h"

static void sorted_without_repeats(void **state) {
    (void)state;
    World w = world("fn f(x) = y + z\n");
    diag(w.ds, unknown_type, at(&w, "z"), "z");
    diag(w.ds, unknown_type, at(&w, "y"), "y");
    diag(w.ds, unknown_type, at(&w, "z"), "z");
    diag(w.ds, cannot_read, ((Span){0, 0, 0}), "a.tp", "no such file");
    assert_string_equal(render(&w, DIAG_SHORT),
                        "error[TP0600]: cannot read `a.tp`: no such file\n"
                        "mlp.tp:1:11: error[TP0109]: unknown type `y`\n"
                        "mlp.tp:1:15: error[TP0109]: unknown type `z`\n");
    assert_int_equal(diags_count(w.ds), 4);
    assert_true(diags_has(w.ds, 109));
    assert_false(diags_has(w.ds, 100));
    arena_free(w.a);
}

static void capped(void **state) {
    (void)state;
    World w = world("x\n");
    for (int i = 0; i < 30; i++) {
        Diag *d = diag(w.ds, unknown_type, at(&w, "x"), i % 2 ? "a" : "b");
        diag_note(d, "a note on every one, dropped or not");
        diag_label(d, at(&w, "x"), "here");
    }
    assert_true(diags_full(w.ds));
    assert_int_equal(diags_errors(w.ds), 20);
    assert_non_null(strstr(render(&w, DIAG_HUMAN), "10 more errors not shown\n"));
    arena_free(w.a);
}

static void codes(void **state) {
    (void)state;
    assert_int_equal(diag_code_of("TP0100"), 100);
    assert_int_equal(diag_code_of("tp100"), 100);
    assert_int_equal(diag_code_of("600"), 600);
    assert_int_equal(diag_code_of("TP"), 0);
    assert_int_equal(diag_code_of("TP9999"), 0);
    assert_int_equal(diag_code_of("99999999999999999999"), 0);
    assert_int_equal(diag_code_of("100x"), 0);
    assert_int_equal(diag_code_of(""), 0);
}

/* Codes are unique, and each has its page, headed by its code. */
static void pages(void **state) {
    (void)state;
    static const struct {
        uint32_t code;
        const char *id;
    } rows[] = {
#define DIAG(code, sev, id, fmt) {code, #id},
#include "diag/diag.def"
    };
    uint32_t missing = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < i; k++) assert_int_not_equal(rows[i].code, rows[k].code);
        const char *page = diag_page(rows[i].code);
        char head[16];
        snprintf(head, sizeof head, "# TP%04u: ", rows[i].code);
        if (page && !strncmp(page, head, strlen(head))) continue;
        print_error("no page of TP%04u (%s), or its first line is not `%s...`\n", rows[i].code,
                    rows[i].id, head);
        missing++;
    }
    assert_int_equal(missing, 0);
    assert_null(diag_page(9999));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_without_repeats),
        cmocka_unit_test(capped),
        cmocka_unit_test(codes),
        cmocka_unit_test(pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

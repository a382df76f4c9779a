/* The examples of this stage's explain pages: the wrong one gives the page's message and no other,
 * the right one none. */
#include "common.h"

static void check_page(uint32_t code, const char *page) {
    Ctx c = ctx_new(), d = ctx_new();
    const char *wrong = example(c.a, page, "\n## Wrong\n");
    const char *right = example(c.a, page, "\n## Right\n");
    assert_int_equal(!wrong, !right);
    if (wrong) {
        elaborate_text(&c, right);
        if (diags_count(c.ds)) print_error("TP%04u, right: %s", code, messages(&c));
        assert_int_equal(diags_count(c.ds), 0);
        elaborate_text(&d, wrong);
        if (!diags_has(d.ds, code) || diags_count(d.ds) != 1)
            print_error("TP%04u, wrong: %s", code, messages(&d));
        assert_true(diags_has(d.ds, code));
        assert_int_equal(diags_count(d.ds), 1);
    }
    arena_free(c.a);
    arena_free(d.a);
}

static const struct {
    uint32_t code;
    const char *id;
} row[] = {
#define DIAG(code, sev, id, fmt) {code, #id},
#include "diag/messages/program.def"
#undef DIAG
};

static void pages(void **state) {
    (void)state;
    int n = 0;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const char *page = diag_page(row[i].code);
        if (page) check_page(row[i].code, page), n++;
    }
    assert_true(n > 70);
}

static void every_message_has_a_page(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (!diag_page(row[i].code)) print_error("TP%04u %s has no page\n", row[i].code, row[i].id);
        assert_non_null(diag_page(row[i].code));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages),
                                       cmocka_unit_test(every_message_has_a_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

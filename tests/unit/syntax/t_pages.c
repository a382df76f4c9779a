/* The examples of this stage's explain pages: the wrong one gives the page's error and no other,
 * the right one parses and follows the formatter's style. */
#include "common.h"

static const char *example(Arena *a, const char *page, const char *heading) {
    const char *s = strstr(page, heading);
    if (!s) return NULL;
    s = strstr(s, "```tp\n");
    assert_non_null(s);
    s += 6;
    const char *end = strstr(s, "```");
    assert_non_null(end);
    return arena_strndup(a, s, (size_t)(end - s));
}

static void check_page(uint32_t code) {
    Ctx c = ctx_new(), d = ctx_new();
    const char *page = diag_page(code), *wrong = example(c.a, page, "\n## Wrong\n");
    const char *right = example(c.a, page, "\n## Right\n");
    assert_int_equal(!wrong, !right);
    if (wrong) {
        AstFile *f = parse(&c, right);
        assert_string_equal(errors(&c), "");
        assert_string_equal(formatted(&c, f), right);
        if (code == 108) wrong = "fn f(x, x) = x\n"; /* the page's needs the loader: t_load.c */
        parse(&d, wrong);
        if (diags_count(d.ds) != 1 || !diags_has(d.ds, code))
            print_error("TP%04u: the wrong example gives\n%s", code, errors(&d));
        assert_true(diags_has(d.ds, code) && diags_count(d.ds) == 1);
    }
    arena_free(c.a);
    arena_free(d.a);
}

static void pages(void **state) {
    (void)state;
    for (uint32_t code = 100; code < 200; code++)
        if (diag_page(code)) check_page(code);
}

/* The programs of the language manual are written as the formatter writes them. */
static void manual(void **state) {
    (void)state;
    Ctx c = ctx_new();
    size_t len;
    const char *why,
        *text = syntax_read_disk(NULL, c.a, TEST_ROOT "/grammar/README.md", &len, &why);
    assert_non_null(text);
    int n = 0;
    for (const char *s = text; (s = strstr(s, "\n```tp\n")); n++) {
        s += 7;
        const char *program = arena_strndup(c.a, s, (size_t)(strstr(s, "```") - s));
        AstFile *f = parse(&c, program);
        assert_string_equal(errors(&c), "");
        assert_string_equal(formatted(&c, f), program);
    }
    assert_true(n >= 3);
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(manual)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

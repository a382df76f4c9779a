#include "common.h"

static const char program[] = "network mlp(x: input) {\n"
                              "    random v: vector ~ N(0, 1)\n"
                              "\td = W' * u\n"
                              "    \xCF\x83\xE4\xB8\x80 = bad\n"
                              "}\n";

static void labels_notes_and_fix(void **state) {
    (void)state;
    World w = world(program);
    Diag *d = diag(w.ds, unknown_type, at(&w, "W' * u"), "W");
    diag_label(d, at(&w, "W' * u"), "the condition fails here");
    diag_label(d, at(&w, "v"), "`v` is declared here");
    diag_note(d, "first line\nsecond line");
    diag_help(d, "read the page");
    diag_fix(d, at(&w, "u\n"), "dh\n", "not shown: it spans lines");
    assert_string_equal(render(&w, DIAG_HUMAN),
                        "error[TP0109]: unknown type `W`\n"
                        " --> mlp.tp:3:6\n"
                        "  |\n"
                        "2 |     random v: vector ~ N(0, 1)\n"
                        "  |            - `v` is declared here\n"
                        "3 |     d = W' * u\n"
                        "  |         ^^^^^^ the condition fails here\n"
                        "  |\n"
                        "  = note: first line\n"
                        "          second line\n"
                        "  = help: read the page\n"
                        "  = help: not shown: it spans lines\n"
                        "\n");
    arena_free(w.a);
}

static Span first(const World *w, uint32_t lo, uint32_t hi) { return (Span){w->file, lo, hi}; }

static void wide_characters(void **state) {
    (void)state;
    World w = world(program);
    Diag *d = diag(w.ds, unknown_type, at(&w, "bad"), "bad");
    diag_fix(d, at(&w, "bad"), "good", "use `good`");
    assert_string_equal(render(&w, DIAG_HUMAN),
                        "error[TP0109]: unknown type `bad`\n"
                        " --> mlp.tp:4:10\n"
                        "  |\n"
                        "4 |     \xCF\x83\xE4\xB8\x80 = bad\n"
                        "  |           ^^^\n"
                        "  |\n"
                        "  = help: use `good`\n"
                        "  |\n"
                        "4 |     \xCF\x83\xE4\xB8\x80 = good\n"
                        "\n");
    arena_free(w.a);
}

static void spans_of_several_lines(void **state) {
    (void)state;
    World w = world(program);
    Diag *d = diag(w.ds, unknown_type, first(&w, 22, at(&w, "W'").lo), "x");
    diag_label(d, first(&w, 22, at(&w, "W'").lo), "all this");
    assert_string_equal(render(&w, DIAG_HUMAN),
                        "error[TP0109]: unknown type `x`\n"
                        " --> mlp.tp:1:23\n"
                        "  |\n"
                        "1 | network mlp(x: input) {\n"
                        "  |                       ^\n"
                        "2 |     random v: vector ~ N(0, 1)\n"
                        "  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
                        "3 |     d = W' * u\n"
                        "  |     ^^^^ all this\n"
                        "\n");
    arena_free(w.a);
}

static void several_labels_on_a_line(void **state) {
    (void)state;
    World w = world("a = b + c\n");
    Diag *d = diag(w.ds, unknown_type, at(&w, "b"), "b");
    diag_label(d, at(&w, "b"), "this");
    diag_label(d, at(&w, "a"), "goes here");
    diag_label(d, at(&w, "c"), "with this");
    assert_string_equal(render(&w, DIAG_HUMAN),
                        "error[TP0109]: unknown type `b`\n"
                        " --> mlp.tp:1:5\n"
                        "  |\n"
                        "1 | a = b + c\n"
                        "  | -   ^   - with this\n"
                        "  | |   this\n"
                        "  | goes here\n"
                        "\n");
    arena_free(w.a);
}

static void other_files_and_ends(void **state) {
    (void)state;
    World w = world("x");
    uint32_t other = source_add(w.src, "lib.tp", "one\ntwo\n", 8);
    Diag *d = diag(w.ds, unknown_type, first(&w, 1, 1), "x");
    diag_label(d, (Span){other, 4, 7}, "defined here");
    assert_string_equal(render(&w, DIAG_HUMAN),
                        "error[TP0109]: unknown type `x`\n"
                        " --> mlp.tp:1:2\n"
                        "  |\n"
                        "1 | x\n"
                        "  |  ^\n"
                        " ::: lib.tp:2:1\n"
                        "  |\n"
                        "2 | two\n"
                        "  | --- defined here\n"
                        "\n");
    arena_free(w.a);
}

/* A line of 100,000 characters is shown around the place only. */
static void long_lines_are_cut(void **state) {
    (void)state;
    World w = world("x");
    char *s = arena_alloc(w.a, 100002);
    memset(s, 'y', 100000);
    s[100000] = '\n';
    w.file = source_add(w.src, "long.tp", s, 100001);
    diag(w.ds, unknown_type, first(&w, 50000, 50003), "y");
    const char *text = render(&w, DIAG_HUMAN);
    assert_true(strlen(text) < 600);
    assert_non_null(strstr(text, " ^^^\n"));
    arena_free(w.a);
}

static void colours(void **state) {
    (void)state;
    World w = world("x\n");
    diag(w.ds, unknown_type, at(&w, "x"), "x");
    Buf b = buf_new(w.a);
    diags_render(w.ds, (DiagRender){DIAG_HUMAN, true}, &b);
    assert_non_null(strstr(buf_text(&b), "\x1b[1;31merror[TP0109]\x1b[0m"));
    assert_null(strstr(render(&w, DIAG_HUMAN), "\x1b"));
    arena_free(w.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_notes_and_fix),     cmocka_unit_test(wide_characters),
        cmocka_unit_test(spans_of_several_lines),   cmocka_unit_test(several_labels_on_a_line),
        cmocka_unit_test(other_files_and_ends),     cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

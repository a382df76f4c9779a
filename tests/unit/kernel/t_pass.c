/* Golden tests of the passes: golden/opt/NAME.kir, whose first line is `; passes: fold cse`, gives
 * NAME.opt.  With TPC_BLESS set the expected files are written instead. */
#include "kt.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_file(Arena *a, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    Buf b = buf_new(a);
    for (int ch; (ch = fgetc(f)) != EOF;) buf_putc(&b, (char)ch);
    fclose(f);
    return arena_strdup(a, buf_text(&b));
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void run_passes(Ctx *c, Kernel *k, const char *text) {
    static const char head[] = "; passes: ";
    assert_int_equal(strncmp(text, head, sizeof head - 1), 0);
    const char *s = text + sizeof head - 1;
    while (*s != '\n') {
        size_t n = strcspn(s, " \n");
        assert_true(kernel_pass(c, k, arena_strndup(c->a, s, n)));
        s += n;
        if (*s == ' ') s++;
    }
}

static int check(const char *path) {
    Ctx c = kt_ctx();
    char *text = read_file(c.a, path);
    Kernel *k = kt_parse(&c, text);
    run_passes(&c, k, text);
    const char *got = kt_print(&c, k);
    char *want_path = arena_strdup(c.a, path);
    memcpy(want_path + strlen(want_path) - 3, "opt", 3);
    if (getenv("TPC_BLESS")) write_file(want_path, got);
    char *want = read_file(c.a, want_path);
    int bad = !want || strcmp(got, want);
    if (bad) print_error("%s: got\n%s", path, got);
    assert_string_equal(kt_print(&c, kt_parse(&c, got)), got);
    arena_free(c.a);
    return bad;
}

static void golden(void **state) {
    (void)state;
    glob_t g;
    assert_int_equal(glob(GOLDEN_DIR "/opt/*.kir", 0, NULL, &g), 0);
    int bad = 0;
    for (size_t i = 0; i < g.gl_pathc; i++) bad += check(g.gl_pathv[i]);
    globfree(&g);
    assert_int_equal(bad, 0);
}

static void unknown_pass(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kt_parse(&c, "kernel t f64");
    assert_false(kernel_pass(&c, k, "vectorise"));
    assert_true(kernel_optimise(&c, k));
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(unknown_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/golden/parse: x.tp with x.ast (the tree) or x.err (the errors in short form).  Programs
 * that parse are held to the formatter's laws as well, and so are the standard library and the
 * examples. TPC_BLESS=1 writes the expected files anew. */
#include "common.h"
#include <glob.h>
#include <stdlib.h>

static char *read_all(const char *path, size_t *len) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    char *s = NULL;
    size_t n = 0, cap = 0;
    do {
        s = realloc(s, (cap += 65536) + 1);
        n += fread(s + n, 1, cap - n, f);
    } while (n == cap);
    fclose(f);
    s[*len = n] = 0;
    return s;
}

static void write_all(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void compare(const char *path, const char *ext, const char *got) {
    char name[1024];
    snprintf(name, sizeof name, "%.*s%s", (int)strlen(path) - 3, path, ext);
    if (getenv("TPC_BLESS")) write_all(name, got);
    size_t len = 0;
    char *want = read_all(name, &len);
    if (!want || strcmp(want, got)) print_error("%s differs; got\n%s", name, got);
    assert_true(want && !strcmp(want, got));
    free(want);
}

static const char *base_name(const char *path) {
    const char *s = strrchr(path, '/');
    return s ? s + 1 : path;
}

static void check_file(const char *path) {
    size_t len = 0;
    char *text = read_all(path, &len);
    assert_non_null(text);
    Ctx c = ctx_new();
    AstFile *f;
    bool ok = syntax_parse(&c, source_add(c.src, base_name(path), text, len), AST_MAIN, &f);
    if (ok) {
        compare(path, ".ast", dump(&c, f));
        check_formatter(path, text);
    } else {
        compare(path, ".err", errors(&c));
    }
    arena_free(c.a);
    free(text);
}

static void for_each(const char *pattern, void (*f)(const char *)) {
    glob_t g = {0};
    glob(pattern, 0, NULL, &g);
    for (size_t i = 0; i < g.gl_pathc; i++) f(g.gl_pathv[i]);
    globfree(&g);
}

static void golden(void **state) {
    (void)state;
    for_each(TEST_ROOT "/tests/golden/parse/*.tp", check_file);
}

static void check_program(const char *path) {
    size_t len = 0;
    char *text = read_all(path, &len);
    assert_non_null(text);
    check_formatter(path, text);
    free(text);
}

static void programs_format(void **state) {
    (void)state;
    for_each(TEST_ROOT "/stdlib/*.tp", check_program);
    for_each(TEST_ROOT "/examples/*/*.tp", check_program);
    for_each(TEST_ROOT "/tests/reference/programs/*.tp", check_program);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(programs_format)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

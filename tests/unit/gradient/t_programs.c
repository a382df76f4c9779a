/* Gradients of programs given as text, against differences. */
#include "differences.h"
#include <dirent.h>

static void check_file(const char *path) {
    Ctx c = ctx_new();
    const char *why;
    size_t size;
    const char *s = syntax_read_disk(NULL, c.a, path, &size, &why);
    Program *p = reread(&c, s);
    if (!p) print_error("%s: %s\n", path, messages(&c));
    assert_non_null(p);
    Gradient *g = gradient_of(&c, p);
    assert_non_null(g);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        int64_t positions = 2 + (int64_t)seed;
        const char *wrong = asked_differences(&c, p, g, seed, 4, positions);
        if (!wrong && !p->is_program) wrong = differences(&c, g, seed, 4, positions);
        if (wrong) print_error("%s: %s\n%s", path, wrong, printed(&c, g->p));
        assert_null(wrong);
    }
    arena_free(c.a);
}

static void check_folder(const char *folder, int least) {
    struct dirent **e;
    int n = scandir(folder, &e, NULL, alphasort), found = 0;
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(e[i]->d_name, '.');
        char path[1024];
        if (dot && !strcmp(dot, ".tprog")) {
            snprintf(path, sizeof path, "%s/%s", folder, e[i]->d_name);
            check_file(path);
            found++;
        }
        free(e[i]);
    }
    free(e);
    assert_true(found >= least);
}

static void shown(void **state) {
    (void)state;
    check_folder(TEST_ROOT "/tests/golden/show", 20);
}

static void own(void **state) {
    (void)state;
    check_folder(TEST_ROOT "/tests/unit/gradient", 10);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shown), cmocka_unit_test(own)};
    if (argc > 1) { /* one file */
        check_file(argv[1]);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/golden/program: NAME.tp elaborates to NAME.tprog, or fails with NAME.err; NAME.tprog
 * without a source is read, verified and printed.  A line `# set: depth=3 act=gelu` gives settings,
 * `# network: f` a network.  TPC_BLESS=1 rewrites the expectations. */
#include "common.h"
#include <dirent.h>

#define FOLDER TEST_ROOT "/tests/golden/program/"

static const char *slurp(Arena *a, const char *path) {
    size_t n;
    const char *why, *s = syntax_read_disk(NULL, a, path, &n, &why);
    return s ? arena_strndup(a, s, n) : NULL;
}

static uint32_t words(Arena *a, const char *text, const char *key, char **out, uint32_t max) {
    const char *s = strstr(text, key);
    uint32_t n = 0;
    if (!s) return 0;
    s += strlen(key);
    while (n < max && *s && *s != '\n') {
        size_t len = strcspn(s, " \n");
        if (len) out[n++] = arena_strndup(a, s, len);
        s += len;
        s += strspn(s, " ");
    }
    return n;
}

static void compare(Arena *a, const char *path, const char *got) {
    const char *want = slurp(a, path);
    if (getenv("TPC_BLESS")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(got, f);
        fclose(f);
        return;
    }
    if (!want) print_error("%s is missing\n", path);
    assert_non_null(want);
    if (strcmp(want, got)) print_error("%s:\n", path);
    assert_string_equal(got, want);
}

static void check_source(const char *base) {
    Ctx c = ctx_new();
    char *arg[16], *name[1];
    Setting set[16];
    const char *text = slurp(c.a, arena_printf(c.a, FOLDER "%s.tp", base));
    uint32_t n = words(c.a, text, "# set: ", arg, 16);
    bool named = words(c.a, text, "# network: ", name, 1);
    for (uint32_t i = 0; i < n; i++) {
        char *eq = strchr(arg[i], '=');
        *eq = 0;
        set[i] = (Setting){arg[i], eq + 1};
    }
    Program *p = elaborate(&c, load_text(&c, text), named ? name[0] : NULL, set, n);
    const char *out = p ? printed(&c, p) : messages(&c);
    compare(c.a, arena_printf(c.a, FOLDER "%s.%s", base, p ? "tprog" : "err"), out);
    if (p && diags_count(c.ds))
        compare(c.a, arena_printf(c.a, FOLDER "%s.err", base), messages(&c));
    arena_free(c.a);
}

static void check_program(const char *base) {
    Ctx c = ctx_new();
    const char *path = arena_printf(c.a, FOLDER "%s.tprog", base), *text = slurp(c.a, path);
    Program *p = reread(&c, text);
    const char *wrong = p ? program_verify(&c, p) : messages(&c);
    if (wrong) /* what is expected stands in a comment at the top */
        assert_non_null(strstr(text, wrong));
    else
        assert_string_equal(printed(&c, p), text);
    arena_free(c.a);
}

static bool ends(const char *s, const char *with) {
    size_t n = strlen(s), m = strlen(with);
    return n > m && !strcmp(s + n - m, with);
}

static void golden(void **state) {
    (void)state;
    struct dirent **e;
    int n = scandir(FOLDER, &e, NULL, alphasort), found = 0;
    Arena *a = arena_new(0, NULL, NULL);
    for (int i = 0; i < n; i++) {
        const char *name = e[i]->d_name;
        if (ends(name, ".tp")) {
            check_source(arena_strndup(a, name, strlen(name) - 3));
            found++;
        } else if (ends(name, ".tprog")) {
            char *base = arena_strndup(a, name, strlen(name) - 6);
            FILE *f = fopen(arena_printf(a, FOLDER "%s.tp", base), "r");
            if (!f) check_program(base);
            if (f) fclose(f);
        }
        free(e[i]);
    }
    free(e);
    arena_free(a);
    assert_true(found > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Gradients of source programs: those of the golden tests, every network and test of the standard
 * library. */
#include "differences.h"
#include <dirent.h>

#define FOLDER TEST_ROOT "/tests/golden/program/"
#define LIBRARY TEST_ROOT "/stdlib/"
#define PAGES TEST_ROOT "/compiler/diag/pages/"

static void check_program(Ctx *c, const char *path, const Program *p) {
    Gradient *g = gradient_of(c, p);
    assert_non_null(g);
    const char *wrong = asked_differences(c, p, g, 3, 4, 3);
    if (!wrong && !p->is_program) wrong = differences(c, g, 3, 4, 3);
    if (wrong) print_error("%s: %s\n%s", path, wrong, printed(c, g->p));
    assert_null(wrong);
}

/* Network or program k of the text: 1 as it should be, 0 refused, -1 there is no k-th. */
static int check_network(const char *path, const char *source, size_t size, uint32_t k) {
    Ctx c = ctx_new();
    Ast *ast = load_text(&c, arena_strndup(c.a, source, size));
    int found = -1;
    for (uint32_t i = 0; ast && i < ast->main->items.len; i++) {
        const AstItem *it = ast->main->items.data[i];
        if ((it->kind != AI_network && it->kind != AI_program) || k--) continue;
        Program *p = elaborate(&c, ast, sym_text(c.syms, it->name.sym), NULL, 0);
        if (p) check_program(&c, path, p);
        found = p != NULL;
        break;
    }
    arena_free(c.a);
    return found;
}

/* How many of the file's networks are not refused. */
static int check_source(const char *path) {
    Arena *a = arena_new(0, NULL, NULL);
    size_t size;
    const char *why, *text = syntax_read_disk(NULL, a, path, &size, &why);
    int found = 0, one;
    for (uint32_t k = 0; (one = check_network(path, text, size, k)) >= 0; k++) found += one;
    arena_free(a);
    return found;
}

static void golden(void **state) {
    struct dirent **e;
    int n = scandir(FOLDER, &e, NULL, alphasort), found = 0;
    (void)state;
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(e[i]->d_name, '.');
        char path[1024];
        snprintf(path, sizeof path, FOLDER "%s", e[i]->d_name);
        if (dot && !strcmp(dot, ".tp") && strncmp(e[i]->d_name, "TP", 2))
            found += check_source(path);
        free(e[i]);
    }
    free(e);
    assert_true(found >= 20);
}

/* The network or program of item k of a file of the library; of a test, under its settings. */
static bool check_item(const SyntaxText *file, uint32_t k) {
    Ctx c = ctx_new();
    const char *text = arena_strndup(c.a, file->text, file->len);
    Ast *ast = load_text(&c, text);
    assert_non_null(ast);
    const AstItem *it = ast->main->items.data[k];
    bool network = it->kind == AI_network || it->kind == AI_program;
    Program *p = NULL;
    if (network) {
        p = elaborate(&c, ast, sym_text(c.syms, it->name.sym), NULL, 0);
    } else if (it->kind == AI_test) {
        VEC(Setting) set = {0};
        for (uint32_t i = 0; i < it->test.args.len; i++) {
            const AstArg *a = &it->test.args.data[i];
            Span sp = a->value->span;
            vec_push(c.a, &set, (Setting){sym_text(c.syms, a->name.sym),
                                          arena_strndup(c.a, text + sp.lo, sp.hi - sp.lo)});
        }
        p = elaborate(&c, ast, sym_text(c.syms, it->test.target.sym), set.data, set.len);
    }
    if (p) check_program(&c, sym_text(c.syms, it->name.sym), p);
    arena_free(c.a);
    return p != NULL;
}

/* How many networks and tests of a library file are not refused. */
static uint32_t check_library(const char *path) {
    Ctx c = ctx_new();
    size_t size;
    const char *why, *text = syntax_read_disk(NULL, c.a, path, &size, &why);
    SyntaxText file = {path, text, size};
    Ast *ast = load_text(&c, arena_strndup(c.a, text, size));
    assert_non_null(ast);
    uint32_t found = 0;
    for (uint32_t k = 0; k < ast->main->items.len; k++) found += check_item(&file, k);
    arena_free(c.a);
    return found;
}

static void library(void **state) {
    struct dirent **e;
    int n = scandir(LIBRARY, &e, NULL, alphasort);
    uint32_t found = 0;
    (void)state;
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(e[i]->d_name, '.');
        char path[1024];
        snprintf(path, sizeof path, LIBRARY "%s", e[i]->d_name);
        if (dot && !strcmp(dot, ".tp")) found += check_library(path);
        free(e[i]);
    }
    free(e);
    assert_true(found >= 20);
}

/* The programs of the explain pages: the wrong one is refused by this stage, the right one not. */
static void refused(void **state) {
    static const uint32_t code[] = {398, 399};
    (void)state;
    for (int i = 0; i < 2; i++) {
        Ctx c = ctx_new();
        size_t size;
        const char *why, *path = arena_printf(c.a, PAGES "TP%04u.md", code[i]);
        const char *page = syntax_read_disk(NULL, c.a, path, &size, &why);
        Gradient *g;
        Program *p = elaborate_text(&c, example(c.a, page, "## Right"));
        assert_true(gradient_make(&c, p, &g));
        p = elaborate_text(&c, example(c.a, page, "## Wrong"));
        assert_false(gradient_make(&c, p, &g));
        assert_true(diags_has(c.ds, code[i]));
        arena_free(c.a);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(library),
                                       cmocka_unit_test(refused)};
    if (argc > 1) return check_source(argv[1]) == 0; /* one file */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

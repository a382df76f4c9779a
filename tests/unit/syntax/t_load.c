#include "common.h"

/* A disk in memory. */
typedef struct Entry {
    const char *path, *text;
} Entry;

static const char *read_entry(void *ctx, Arena *a, const char *path, size_t *len,
                              const char **why) {
    (void)a;
    for (const Entry *e = ctx; e->path; e++)
        if (!strcmp(e->path, path)) {
            *len = strlen(e->text);
            return e->text;
        }
    *why = "No such file or directory";
    return NULL;
}

static const SyntaxText lib[] = {{"act.tp", "fn relu(x) = max(x, 0)\n", 23}};

static bool load(Ctx *c, const Entry *disk, const char *main, const char *dir, Ast **out) {
    const char *dirs[] = {dir};
    SyntaxFiles f = {.main = main, .dirs = dirs, .ndirs = dir ? 1 : 0, .lib = lib, .nlib = 1,
                     .ctx = (void *)(uintptr_t)disk, .read = read_entry};
    return syntax_load(c, &f, out);
}

static void imports_in_order(void **state) {
    (void)state;
    static const Entry disk[] = {
        {"p/main.tp", "import \"a.tp\"\nimport \"sub/b.tp\"\nfn relu(x) = x\n"},
        {"p/a.tp", "import \"sub/../c.tp\"\nfn a(x) = c(x)\n"},
        {"p/sub/b.tp", "import \"../c.tp\"\nfn b(x) = x\n"},
        {"p/c.tp", "fn c(x) = x\n"},
        {"p/sub/../c.tp", "fn c(x) = x\n"},
        {0},
    };
    Ctx c = ctx_new();
    Ast *t;
    bool ok = load(&c, disk, "p/main.tp", NULL, &t);
    assert_string_equal(errors(&c), "");
    assert_true(ok);
    assert_int_equal(t->files.len, 5); /* library, c, a, b, main */
    static const char *const path[] = {"stdlib/act.tp", "p/sub/../c.tp", "p/a.tp", "p/sub/b.tp",
                                       "p/main.tp"};
    for (uint32_t i = 0; i < 5; i++)
        assert_string_equal(source_path(c.src, t->files.data[i]->file), path[i]);
    assert_int_equal(t->files.data[0]->role, AST_STDLIB);
    assert_int_equal(t->files.data[1]->role, AST_IMPORTED);
    assert_ptr_equal(t->main, t->files.data[4]);
    assert_int_equal(t->main->sees.len, 4);
    assert_ptr_equal(t->main->items.data[0]->import.file, t->files.data[2]);
    assert_non_null(ast_find(t, t->main, intern(c.syms, "c")));
    assert_null(ast_find(t, t->files.data[1], intern(c.syms, "b"))); /* c.tp does not see b.tp */
    arena_free(c.a);
}

static void expect(const Entry *disk, const char *dir, const char *want) {
    Ctx c = ctx_new();
    Ast *t;
    bool ok = load(&c, disk, "p/main.tp", dir, &t);
    assert_string_equal(errors(&c), want);
    assert_int_equal(ok, !*want);
    arena_free(c.a);
}

static void failures(void **state) {
    (void)state;
    expect((Entry[]){{0}}, NULL,
           "error[TP0600]: cannot read `p/main.tp`: No such file or directory\n");
    expect((Entry[]){{"p/main.tp", "import \"no.tp\"\n"}, {0}}, NULL,
           "p/main.tp:1:8: error[TP0114]: cannot import `no.tp`: No such file or directory\n");
    expect((Entry[]){{"p/main.tp", "import \"main.tp\"\n"}, {0}}, NULL,
           "p/main.tp:1:8: error[TP0116]: `main.tp` imports itself\n");
    expect((Entry[]){{"p/main.tp", "import \"a.tp\"\n"}, {"p/a.tp", "import \"main.tp\"\n"}, {0}},
           NULL, "p/a.tp:1:8: error[TP0116]: `main.tp` imports itself\n");
    expect(
        (Entry[]){{"p/main.tp", "import \"../secret.tp\"\n"}, {"secret.tp", "fn f(x) = x\n"}, {0}},
        NULL,
        "p/main.tp:1:8: error[TP0115]: `../secret.tp` lies outside the main file's folder and the "
        "folders given by -I\n");
    expect(
        (Entry[]){{"p/main.tp", "import \"/etc/passwd\"\n"}, {0}}, NULL,
        "p/main.tp:1:8: error[TP0115]: `/etc/passwd` lies outside the main file's folder and the "
        "folders given by -I\n");
    expect((Entry[]){{"p/main.tp", "import \"a.tp\"\n fn f(x) = 1\n"},
                     {"p/a.tp", "fn f(x) = 2\n"},
                     {0}},
           NULL, "p/a.tp:1:4: error[TP0108]: `f` is defined twice\n");
    expect((Entry[]){{"p/main.tp", "import \"a.tp\"\nfn f(x) = )\n"},
                     {"p/a.tp", "fn g(x) = (\n"},
                     {0}},
           NULL,
           "p/main.tp:2:11: error[TP0100]: expected an expression, found `)`\n"
           "p/a.tp:1:12: error[TP0100]: expected an expression, found the end of the file\n");
}

static void other_folders(void **state) {
    (void)state;
    static const Entry disk[] = {
        {"p/main.tp", "import \"own.tp\"\n"}, {"q/own.tp", "import \"more.tp\"\n"},
        {"q/more.tp", "fn f(x) = x\n"}, {0}};
    expect(disk, "q", "");
}

static void many_files(void **state) {
    (void)state;
    Ctx c = ctx_new();
    Entry *chain = ARENA_ARRAY(c.a, Entry, 72);
    for (int i = 0; i < 70; i++)
        chain[i] = (Entry){i ? arena_printf(c.a, "p/f%d.tp", i) : "p/main.tp",
                           arena_printf(c.a, "import \"f%d.tp\"\n", i + 1)};
    chain[70] = (Entry){"p/f70.tp", ""};
    expect(chain, NULL, "p/f63.tp:1:8: error[TP0117]: imports nested deeper than 64 files\n");
    Buf b = buf_new(c.a);
    Entry *wide = ARENA_ARRAY(c.a, Entry, 302);
    for (int i = 1; i <= 300; i++) {
        wide[i] = (Entry){arena_printf(c.a, "p/f%d.tp", i), ""};
        buf_printf(&b, "import \"f%d.tp\"\n", i);
    }
    wide[0] = (Entry){"p/main.tp", buf_text(&b)};
    Ast *t;
    assert_false(load(&c, wide, "p/main.tp", NULL, &t));
    assert_true(diags_has(c.ds, 122));
    arena_free(c.a);
}

/* What is embedded parses, and no two of its definitions have one name. */
static void standard_library(void **state) {
    (void)state;
    Ctx c = ctx_new();
    Ast *t;
    SyntaxFiles f = {.main = "m.tp", .ctx = (Entry[]){{"m.tp", ""}, {0}}, .read = read_entry};
    f.lib = syntax_stdlib(&f.nlib);
    for (uint32_t i = 0; i < f.nlib; i++) assert_int_equal(strlen(f.lib[i].text), f.lib[i].len);
    bool ok = syntax_load(&c, &f, &t);
    assert_string_equal(errors(&c), "");
    assert_true(ok);
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imports_in_order), cmocka_unit_test(failures),
        cmocka_unit_test(other_folders),    cmocka_unit_test(many_files),
        cmocka_unit_test(standard_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

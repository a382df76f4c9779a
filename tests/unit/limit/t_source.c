/* From source text: golden prints of tests/golden/limit/NAME.tp, and the values of the limit
 * against the unrolled master theorem.  TPC_BLESS=1 rewrites the prints. */
#include "diag/diag.h"
#include "oracle.h"
#include "syntax/syntax.h"
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void fail_with(Ctx *c, const char *what) {
    Buf t = buf_new(c->a);
    diags_render(c->ds, (DiagRender){.format = DIAG_SHORT}, &t);
    fail_msg("%s: %s", what, buf_text(&t));
}

static Ctx context(void) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {.a = a, .syms = intern_new(a), .src = sources_new(a)};
    c.ds = diags_new(a, c.src);
    return c;
}

static Program *elaborate(Ctx *c, const char *path) {
    SyntaxFiles f = {.main = path, .read = syntax_read_disk, .resolve = syntax_resolve_disk};
    f.lib = syntax_stdlib(&f.nlib);
    Ast *ast;
    Program *p;
    if (!syntax_load(c, &f, &ast) || !program_elaborate(c, ast, 0, NULL, 0, &p)) {
        fail_with(c, path);
        return NULL;
    }
    const char *bad = program_verify(c, p);
    if (bad) fail_msg("%s: %s", path, bad);
    return p;
}

static double default_of(void *ctx, Sym name) {
    const Program *p = ctx;
    FxEnv env = {.hyper = default_of, .ctx = ctx};
    for (uint32_t i = 0; i < p->hyper.len; i++)
        if (p->hyper.data[i].name == name) return fx_eval(p->fx, p->hyper.data[i].init, &env);
    return NAN;
}

static int64_t size_of(void *ctx, Sym name) { return (int64_t)default_of(ctx, name); }

static void check_values(Ctx *c, const Program *p, const Limit *l, const char *path) {
    Setup s = {.c = c, .p = p, .real = default_of, .size = size_of, .ctx = (void *)(uintptr_t)p};
    setup_data(&s, 11);
    LimitEval *e = limit_eval_new(c->a, &s, l);
    for (int j = 0; j < 2; j++)
        for (uint32_t k = 0; k < l->nout; k++) {
            const char *bad;
            double got = limit_eval(e, k, 0, j, &bad);
            if (bad) fail_msg("%s: %s", path, bad);
            double want = unrolled_eval(c->a, &s, l->out[k].kernel, 0, j);
            if (!(fabs(got - want) <= 1e-7 * fmax(fabs(want), 0.1)))
                fail_msg("%s, kernel %u, pair 0 %d: %.12g, unrolled %.12g", path, k, j, got, want);
        }
}

static const char *read_text(Arena *a, const char *path) {
    size_t n;
    const char *why, *s = syntax_read_disk(NULL, a, path, &n, &why);
    return s ? arena_strndup(a, s, n) : "";
}

static void check_print(Ctx *c, const Limit *l, const char *path) {
    Buf t = buf_new(c->a);
    limit_print(c, &t, l);
    if (getenv("TPC_BLESS")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fputs(buf_text(&t), f);
        fclose(f);
    }
    assert_string_equal(buf_text(&t), read_text(c->a, path));
}

static void check_file(const char *name) {
    Ctx c = context();
    size_t n = strlen(name) - strlen(".tp");
    const char *path = arena_printf(c.a, "%s/%s", GOLDEN_DIR, name);
    const Program *p = elaborate(&c, path);
    Limit *l;
    if (!limit_derive(&c, p, 3, &l)) fail_with(&c, path);
    const char *bad = limit_verify(&c, l);
    if (bad) fail_msg("%s: %s", path, bad);
    check_print(&c, l, arena_printf(c.a, "%s/%.*s.limit", GOLDEN_DIR, (int)n, name));
    check_values(&c, p, l, path);
    arena_free(c.a);
}

static void golden(void **state) {
    (void)state;
    int count = 0;
    DIR *d = opendir(GOLDEN_DIR);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 3, ".tp")) continue;
        check_file(e->d_name);
        count++;
    }
    closedir(d);
    assert_true(count >= 9);
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(golden)};
    return cmocka_run_group_tests(t, NULL, NULL);
}

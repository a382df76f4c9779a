/* The module: found, refused, missing.  TPC_TEST_MODULE names it in the build tree. */
#include "run.h"

static void loads(void **state) {
    (void)state;
    const char *path = getenv("TPC_TEST_MODULE");
    if (!path) skip();
    Ctx c = test_ctx();
    const CodegenApi *api = codegen_load(&c, path);
    check_ctx(&c, api != NULL);
    assert_true(strlen(api->llvm) > 1);
    static const char text[] = "kernel k f64 nngp\ninput x\narray nngp pair output nngp\n"
                               "pair {\n    %0 = num 0x1p+1\n    store nngp, %0\n}\n";
    Kernel *k = parse_text(&c, text);
    Jit j;
    check_ctx(&c, api->jit(&c, k, &(CodegenOptions){0}, &j));
    double out[TP_BLOCK] = {0};
    void *row[] = {NULL, out};
    TpFrame f = {.row = row};
    j.kernel->pair_fn(&f, 0, 0, TP_BLOCK);
    assert_true(out[0] == 2 && out[TP_BLOCK - 1] == 2);
    api->jit_free(&j);
    arena_free(c.a);
}

static void missing(void **state) {
    (void)state;
    Ctx c = test_ctx();
    assert_null(codegen_load(&c, "/nonexistent/libtpc_codegen.so"));
    assert_true(diags_has(c.ds, 530));
    arena_free(c.a);
}

static void another_library(void **state) {
    (void)state;
    Ctx c = test_ctx();
    assert_null(codegen_load(&c, "libm.so.6"));
    assert_true(diags_has(c.ds, 531));
    arena_free(c.a);
}

/* Beside a load in another thread, and where there is nothing to load. */
static void preloading(void **state) {
    CodegenPreload p, again;
    codegen_preload(&p);
    loads(state);
    codegen_preload(&again);
    codegen_preload_end(&p);
    codegen_preload_end(&again);
    codegen_preload_end(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(preloading), cmocka_unit_test(loads),
                                       cmocka_unit_test(missing),
                                       cmocka_unit_test(another_library)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

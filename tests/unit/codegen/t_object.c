/* Object files: linked to a library, every level's descriptor is loaded back and run against the
 * interpreter; executables; what happens without a C compiler. */
#include "run.h"
#include "codegen/link.h"
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

static const char text[] =
    "kernel small f64 nngp ntk\ninput x\nsize depth hyper least 0 = 3\nreal a hyper = 2\n"
    "table t = 0x1p+0, -0x1p-1, 0x1.8p+0\n"
    "check nonneg \"the number a\" = a\n"
    "array norm sample input norm 0 0\narray gram pair input unit 0 0\n"
    "array s sample [l in 0..depth + 1]\narray cell pair\n"
    "array nngp pair output nngp\narray ntk pair output ntk\n"
    "sample {\n"
    "    %0 = load norm@x\n"
    "    store s[0], %0\n"
    "    for l in 0..depth {\n"
    "        %1 = load s@x[l]\n        %2 = real a\n        %3 = table t[1]\n"
    "        %4 = fma %1, %2, %3\n        %5 = sqrt %4\n        store s[l + 1], %5\n"
    "    }\n"
    "}\n"
    "pair {\n"
    "    %0 = load gram\n    store cell, %0\n"
    "    for l in 0..depth + 1 {\n"
    "        %1 = load cell\n        %2 = load s@x[l]\n        %3 = load s@y[l]\n"
    "        %4 = mul %2, %3\n        %5 = fma %4, %1, %0\n        store cell, %5\n"
    "    }\n"
    "    %6 = load cell\n    store nngp, %6\n    %7 = mul %6, %6\n    store ntk, %7\n"
    "}\n";

static Kernel *parse(Ctx *c, TpDtype dtype) {
    Kernel *k = parse_text(c, text);
    k->dtype = dtype;
    return k;
}

static const char *folder(Ctx *c) {
    char *f = arena_strdup(c->a, "/tmp/tpc-test-XXXXXX");
    assert_non_null(mkdtemp(f));
    return f;
}

static void remove_all(Ctx *c, const char *dir) {
    const char *command = arena_printf(c->a, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static bool exists(const char *path) { return !access(path, F_OK); }

static CodegenBytes object(Ctx *c, const Kernel *k, bool with_main, const char *const *isa,
                           uint32_t nisa) {
    CodegenImage im = {.name = "small", .kernel = &k, .nkernel = 1, .isa = isa, .nisa = nisa,
                       .main = with_main};
    CodegenBytes o;
    check_ctx(c, codegen_object(c, &im, &o));
    return o;
}

static void run_levels(Ctx *c, const Kernel *k, const TpImage *im) {
    TpKernel *ref = kernel_describe(c, k, c->a);
    const int64_t size[] = {5};
    const double real[] = {1.75};
    int ran = 0;
    kernel_interpret(c, k, ref, c->a);
    Data x = run_kernel(c->a, ref, size, real, 3);
    assert_int_equal(im->abi, TP_ABI_VERSION);
    assert_string_equal(im->name, "small");
    for (int32_t i = 0; i < im->nlevel; i++) {
        const TpLevel *l = tp_image_level(im, im->level[i].isa);
        if (!l) continue;
        const TpKernel *d = tp_level_kernel(l, 3);
        assert_non_null(d);
        assert_string_equal(d->name, ref->name);
        assert_string_equal(d->check[0].what, "the number a");
        assert_int_equal(d->real[0].value.ins[0].op, ref->real[0].value.ins[0].op);
        assert_true(d->size[0].value.ins[0].num == 3);
        Data y = run_kernel(c->a, d, size, real, 3);
        same_data(&x, &y);
        ran++;
    }
    assert_true(ran >= 1);
}

static void shared_library(void **state) {
    (void)state;
    for (int f32 = 0; f32 < 2; f32++) {
        Ctx c = test_ctx();
        Kernel *k = parse(&c, f32 ? TP_F32 : TP_F64);
        const char *dir = folder(&c), *so = arena_printf(c.a, "%s/small.so", dir);
        LinkJob job = {LINK_SHARED, "small", object(&c, k, false, NULL, 0), so, "cc"};
        check_ctx(&c, link_kernel(&c, &job));
        assert_true(exists(arena_printf(c.a, "%s/small.h", dir)));
        void *lib = dlopen(so, RTLD_NOW | RTLD_LOCAL);
        if (!lib) fail_msg("%s", dlerror());
        const TpImage *im = dlsym(lib, "tp_image_small");
        assert_non_null(im);
        assert_non_null(dlsym(lib, "tpc_kernel_eval"));
        assert_null(dlsym(lib, "tp_run"));
        run_levels(&c, k, im);
        dlclose(lib);
        remove_all(&c, dir);
        arena_free(c.a);
    }
}

static const char *output_of(Ctx *c, const char *command) {
    char *s = arena_alloc(c->a, 4096);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    s[fread(s, 1, 4095, p)] = 0;
    pclose(p);
    return s;
}

static int lines(const char *s) {
    int n = 0;
    for (; *s; s++) n += *s == '\n';
    return n;
}

/* ldd of the executable shows the kernel's vdso, libc, the loader and at most libm. */
static void executable(void **state) {
    (void)state;
    Ctx c = test_ctx();
    const char *dir = folder(&c), *path = arena_printf(c.a, "%s/small", dir);
    CodegenBytes o = object(&c, parse(&c, TP_F64), true, NULL, 0);
    LinkJob job = {LINK_EXECUTABLE, "small", o, path, "cc"};
    check_ctx(&c, link_kernel(&c, &job));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_mode & S_IXUSR);
    const char *needs = output_of(&c, arena_printf(c.a, "ldd '%s'", path));
    assert_non_null(strstr(needs, "libc.so"));
    assert_null(strstr(needs, "LLVM"));
    assert_true(lines(needs) <= 3 + (strstr(needs, "libm.so") != NULL));
    const char *help = output_of(&c, arena_printf(c.a, "'%s' --help", path));
    assert_non_null(strstr(help, "small"));
    assert_int_equal(lines(output_of(&c, arena_printf(c.a, "ls '%s'", dir))), 1);
    remove_all(&c, dir);
    arena_free(c.a);
}

static void object_files(void **state) {
    (void)state;
    Ctx c = test_ctx();
    static const char *const host[] = {"host"};
    const char *dir = folder(&c), *path = arena_printf(c.a, "%s/small.o", dir);
    LinkJob job = {LINK_OBJECT, "small", object(&c, parse(&c, TP_F64), false, host, 1), path, NULL};
    check_ctx(&c, link_kernel(&c, &job));
    assert_true(exists(path));
    assert_true(exists(arena_printf(c.a, "%s/small.h", dir)));
    assert_true(exists(arena_printf(c.a, "%s/libtpcrt.a", dir)));
    remove_all(&c, dir);
    arena_free(c.a);
}

static void failing(LinkKind kind, const char *cc, const char *output, uint32_t code) {
    Ctx c = test_ctx();
    const char *dir = folder(&c);
    const char *path = output ? output : arena_printf(c.a, "%s/k", dir);
    LinkJob job = {kind, "small", object(&c, parse(&c, TP_F64), false, NULL, 0), path, cc};
    assert_false(link_kernel(&c, &job)); /* an executable without main: the linker objects */
    assert_true(diags_has(c.ds, code));
    assert_int_equal(lines(output_of(&c, arena_printf(c.a, "ls '%s'", dir))), 0);
    remove_all(&c, dir);
    arena_free(c.a);
}

static void failures(void **state) {
    (void)state;
    failing(LINK_EXECUTABLE, "no-such-compiler", NULL, 534);
    failing(LINK_EXECUTABLE, "cc -pipe", NULL, 535);
    failing(LINK_EXECUTABLE, "false", NULL, 535);
    failing(LINK_EXECUTABLE, "cc", "/nonexistent/k", 535);
    failing(LINK_OBJECT, NULL, "/nonexistent/k.o", 536);
    failing(LINK_SHARED, "  ", NULL, 537);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_library), cmocka_unit_test(executable),
        cmocka_unit_test(object_files), cmocka_unit_test(failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

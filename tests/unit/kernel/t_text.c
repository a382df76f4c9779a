/* Text and back: print(parse(print(k))) = print(k); what is refused. */
#include "kt.h"

static const char full[] =
    "kernel mlp f32 nngp ntk\n"
    "input x\n"
    "input y [T, 2*U+1]\n"
    "data mask [T]\n"
    "fixed word act \"relu\\\"\\\\\\n\"\n"
    "fixed int width = 3\n"
    "size depth hyper least 0 = 3\n"
    "size T position varies least 1\n"
    "size U position\n"
    "size half floor T+1 / 2 varies\n"
    "size most max half, 3 varies\n"
    "size less min T-1, U varies\n"
    "size T' right T\n"
    "size d dim 0 least 1\n"
    "size terms measured need cap 63 least 0\n"
    "fact depth>=T+1\n"
    "real sw hyper = 1.5\n"
    "real sb hyper\n"
    "real s2 = sw * sw\n"
    "check nonneg \"variance of W at mlp.tp:7:5\" = s2\n"
    "table gauss = 0x1p+0, -0x1.8p+1, 0x1.5555555555555p-2\n"
    "array q sample input gram 0 0\n"
    "array coordinate sample input column 0 0 T-1\n"
    "array g pair input unit 0 1\n"
    "array points sample input point 1 1 [t in 0..T, u in 0..2*U+1, c in 0..d]\n"
    "array numbers sample input data 2 2 [t in 0..T]\n"
    "array kind sample input class 0 0\n"
    "array around sample [t in 0..T wrap, u in -1..U] finite \"moment at net.tp:3:7\"\n"
    "array self sample output nngp [t in 0..T]\n"
    "array need sample\n"
    "array coef const [i in 0..depth, j in -1..2*U+3]\n"
    "array S.h sample [l in 0..depth+1]\n"
    "array H.h series [l in 0..depth, k in 0..terms]\n"
    "array K.h.h' pair [l in 0..depth+1 ring 2]\n"
    "array acc pair\n"
    "array \"an odd name\" pair\n"
    "array out pair output ntk\n"
    "\n"
    "const {\n"
    "    for i in 0..depth {\n"
    "        for j in max(-1, -i)..min(3, depth-i, 7) down {\n"
    "            %0 = index 2*i+j-1\n"
    "            %1 = table gauss[j+1-1]\n"
    "            %2 = fma %0, %1, %0\n"
    "            store coef[i, j], %2\n"
    "        }\n"
    "    }\n"
    "}\n";

static void round_trip(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k;
    if (!kernel_read(&c, full, 0, &k)) fail_msg("%s", kt_messages(&c));
    const char *one = kt_print(&c, k);
    assert_true(kernel_read(&c, one, 0, &k));
    assert_string_equal(kt_print(&c, k), one);
    assert_non_null(strstr(one, "real s2 = "));
    assert_non_null(strstr(one, "array K.h.h' pair [l in 0..depth+1 ring 2]\n"));
    assert_non_null(strstr(one, "array \"an odd name\" pair\n"));
    assert_non_null(strstr(one, "size half floor T+1 / 2 varies\n"));
    assert_non_null(strstr(one, "size T' right T least 1\n"));
    assert_non_null(strstr(one, "[t in 0..T wrap, u in -1..U] finite \"moment at net.tp:3:7\"\n"));
    assert_non_null(strstr(one, "for j in max(-1, -i)..min(3, depth-i, 7) down {"));
    assert_non_null(strstr(one, "size terms measured need cap 63 least 0\n"));
    arena_free(c.a);
}

/* Every instruction of the table, with operands of the right number and type. */
static void every_instruction(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Buf b = buf_new(c.a);
    buf_puts(&b, "kernel all f64\narray a pair\n\npair {\n"
                 "    %0 = load a\n    %1 = lt %0, %0\n");
    int n = 2;
    for (uint32_t op = 0; op < KO_COUNT; op++) {
        const KOpInfo *info = kop_info((KOp)op);
        if (!info->nargs || info->result == KT_NONE) continue;
        buf_printf(&b, "    %%%d = %s ", n++, info->name);
        for (uint32_t j = 0; j < info->nargs; j++)
            buf_printf(&b, "%s%%%d", j ? ", " : "", info->operands[j] == 'm');
        buf_putc(&b, '\n');
    }
    buf_puts(&b, "}\n");
    Kernel *k = kt_parse(&c, buf_text(&b));
    assert_string_equal(kt_print(&c, k), buf_text(&b));
    arena_free(c.a);
}

static void numbers_are_exact(void **state) {
    (void)state;
    static const double num[] = {0.1, -0.0, 1e-310, 1.7976931348623157e308, 3, INFINITY, -INFINITY};
    Ctx c = kt_ctx();
    AffCtx *x = affctx_new(c.a, c.syms);
    Kernel *k = kernel_new(&c, x, fxpool_new(c.a, x)), *back;
    k->name = intern(c.syms, "t");
    KBuild b = kb_begin(&c, k, KS_const);
    enum { N = sizeof num / sizeof *num };
    for (int i = 0; i < N; i++) kb_num(&b, num[i]);
    kb_num(&b, (double)NAN);
    back = kt_parse(&c, kt_print(&c, k));
    for (int i = 0; i < N; i++)
        assert_memory_equal(&back->fn[KS_const].ins.data[i + 1].num, &num[i], sizeof *num);
    assert_true(isnan(back->fn[KS_const].ins.data[N + 1].num));
    arena_free(c.a);
}

static void comments_and_space(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kt_parse(&c, "; a kernel\nkernel t f64 ; its name\narray a\n pair pair { ; body\n"
                             "%0=num 1 ; one\n\tstore a,%0 }");
    assert_string_equal(kt_print(&c, k), "kernel t f64\narray a pair\n\npair {\n"
                                         "    %0 = num 0x1p+0\n    store a, %0\n}\n");
    arena_free(c.a);
}

static void conditions(void **state) {
    (void)state;
    static const char *const cons[][2] = {
        {"l>=1", "l>=1"},          {"l > 0", "l>=1"},      {"l <= n", "n>=l"},
        {"l < n - 1", "n>=l+2"},   {"l = 3", "l=3"},       {"l != 3", "l!=3"},
        {"1 <= 2*l", "2*l>=1"},    {"not(l=3 & n>=l)", "not(l=3 & n>=l)"},
        {"not(not(l=3 & n>=4) & l>=2)", "not(not(l=3 & n>=4) & l>=2)"},
    };
    for (size_t i = 0; i < sizeof cons / sizeof *cons; i++) {
        Ctx c = kt_ctx();
        static const char form[] = "kernel t f64\nsize n hyper\narray a pair\npair {\n"
                           "for l in 0..n { if %s { %%0 = num 1 } } }";
        const char *text = arena_printf(c.a, form, cons[i][0]);
        const char *out = kt_print(&c, kt_parse(&c, text));
        const char *want = arena_printf(c.a, "        if %s {\n", cons[i][1]);
        if (!strstr(out, want)) fail_msg("%s gives\n%s", cons[i][0], out);
        arena_free(c.a);
    }
}

static void refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", "kernel", "kernel t", "kernel t f16", "kernel t f64 pair", "kernel t f64 pair {",
        "kernel t f64 pair { } const { }", "kernel t f64 pair { } x",
        "kernel t f64 pair { num 1 }", "kernel t f64 pair { %1 = num 1 }",
        "kernel t f64 pair { %0 = add %0, %0 }", "kernel t f64 pair { %0 = nonsense 1 }",
        "kernel t f64 pair { %0 = add }", "kernel t f64 pair { %0 = num }",
        "kernel t f64 pair { %0 = load a }", "kernel t f64 pair { %0 = real r }",
        "kernel t f64 pair { %0 = table t[0] }", "kernel t f64 pair { store a, %0 }",
        "kernel t f64 array a pair pair { %0 = store a, %0 }",
        "kernel t f64 array a pair [l in 0..] pair { }", "kernel t f64 array a later",
        "kernel t f64 array a pair [l in 0..3 ring 0]", "kernel t f64 array a input",
        "kernel t f64 array a pair output", "kernel t f64 size n", "kernel t f64 size n measured a",
        "kernel t f64 real r", "kernel t f64 real r = ", "kernel t f64 real r = 1 +",
        "kernel t f64 check nonneg \"w = 1", "kernel t f64 check \"w\" = 1",
        "kernel t f64 table t = ", "kernel t f64 fixed x", "kernel \"t f64",
        "kernel t f64 pair { for l in 0..4 { }", "kernel t f64 pair { for l 0..4 { } }",
        "kernel t f64 pair { if l { } }", "kernel t f64 pair { if not(l=1 { } }",
        "kernel t f64 pair { %0 = index 99999999999999999999 }",
        "kernel t f64 pair { %0 = index 9999999999*l }",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Ctx c = kt_ctx();
        Kernel *k;
        uint32_t file = source_add(c.src, "bad.kir", bad[i], strlen(bad[i]));
        if (kernel_read(&c, bad[i], file, &k)) fail_msg("accepted: %s", bad[i]);
        assert_int_equal(diags_errors(c.ds), 1);
        assert_true(diags_has(c.ds, 480));
        arena_free(c.a);
    }
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k;
    Buf b = buf_new(c.a);
    buf_puts(&b, "kernel t f64 pair {");
    for (int i = 0; i < 5000; i++) buf_puts(&b, "if 1>=0 {");
    assert_false(kernel_read(&c, buf_text(&b), 0, &k));
    Buf n = buf_new(c.a);
    buf_puts(&n, "kernel t f64 pair { if ");
    for (int i = 0; i < 5000; i++) buf_puts(&n, "not(");
    assert_false(kernel_read(&c, buf_text(&n), 0, &k));
    arena_free(c.a);
}

static void unsound_text_is_an_error(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k;
    const char *text = "kernel t f64\nfixed word a \"b\"\narray a pair [l in 0..3]\n"
                       "pair { %0 = load a[3] }";
    assert_false(kernel_parse(&c, text, source_add(c.src, "t.kir", text, strlen(text)), &k));
    assert_true(diags_has(c.ds, 481));
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_instruction),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(comments_and_space),
        cmocka_unit_test(conditions),
        cmocka_unit_test(refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(unsound_text_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Loops, ifs, cells, rings, tables, all four functions: code against the interpreter. */
#include "run.h"

#define HEAD "kernel k f64 nngp ntk\ninput x\nsize depth hyper least 0\nsize extra hyper least 0\n"
#define OUTPUTS "array nngp pair output nngp\narray ntk pair output ntk\n"

/* const -> sample -> series -> pair, a measured size, a table, numbers of the run. */
static const char four_functions[] = HEAD
    "size terms measured need cap 6\nfact terms <= 6\n"
    "real a hyper\nreal b hyper\n"
    "table t = 0x1p+0, -0x1p-1, 0x1.8p+0, 0x1p-3, 0x1.4p+1, -0x1p-2, 0x1p-5\n"
    "array w const [k in 0..extra + 2]\n"
    "array x0 sample input norm 0 0\n"
    "array s sample [l in 0..depth + 1]\n"
    "array need sample\n"
    "array coef series [k in 0..terms, l in 0..depth]\n"
    "array c0 pair input unit 0 0\n"
    "array acc pair\n" OUTPUTS
    "const {\n"
    "    for k in 0..extra + 2 {\n"
    "        %0 = index 2 * k - 3 + depth\n"
    "        %1 = real a\n"
    "        %2 = mul %0, %1\n"
    "        store w[k], %2\n"
    "    }\n"
    "}\n"
    "sample {\n"
    "    %0 = load x0@x\n"
    "    store s[0], %0\n"
    "    for l in 0..depth {\n"
    "        %1 = load s@x[l]\n"
    "        %2 = load w[1]\n"
    "        %3 = fma %1, %2, %0\n"
    "        %4 = real b\n"
    "        %5 = min %3, %4\n"
    "        store s[l + 1], %5\n"
    "    }\n"
    "    %6 = load s@x[depth]\n"
    "    %7 = abs %6\n"
    "    store need, %7\n"
    "}\n"
    "series {\n"
    "    for l in 0..depth {\n"
    "        %0 = load s@x[l]\n"
    "        for k in 0..terms down {\n"
    "            %1 = table t[k]\n"
    "            %2 = mul %1, %0\n"
    "            store coef[k, l], %2\n"
    "        }\n"
    "    }\n"
    "}\n"
    "pair {\n"
    "    %0 = load c0\n"
    "    %1 = num 0x0p+0\n"
    "    store acc, %1\n"
    "    for l in 0..depth {\n"
    "        for k in 0..terms {\n"
    "            %2 = load coef@x[k, l]\n"
    "            %3 = load coef@y[k, l]\n"
    "            %4 = mul %2, %3\n"
    "            %5 = load acc\n"
    "            %6 = fma %5, %0, %4\n"
    "            store acc, %6\n"
    "        }\n"
    "    }\n"
    "    %7 = load acc\n"
    "    store nngp, %7\n"
    "    %8 = load need@x\n"
    "    %9 = load need@y\n"
    "    %10 = sub %8, %9\n"
    "    store ntk, %10\n"
    "}\n";

/* Rings of several slices over shifted indices, a whole array that starts above 0, nested ifs. */
static const char rings[] = HEAD
    "array g pair input gram 0 0\n"
    "array h pair [l in 0..depth + 1 ring 3]\n"
    "array one pair [l in 0..depth + 1 ring 1, m in 0..2]\n"
    "array whole pair [l in 2 - extra..depth + 3, m in 0..extra + 1]\n" OUTPUTS
    "pair {\n"
    "    %0 = load g\n"
    "    store h[0], %0\n"
    "    store one[0, 0], %0\n"
    "    store one[0, 1], %0\n"
    "    for l in 0..depth {\n"
    "        %1 = load h[l]\n"
    "        if l >= 2 & not (l = 4) {\n"
    "            %2 = load h[l - 2]\n"
    "            %3 = sub %1, %2\n"
    "            store h[l + 1], %3\n"
    "        } else {\n"
    "            %4 = num 0x1.8p-1\n"
    "            %5 = mul %1, %4\n"
    "            store h[l + 1], %5\n"
    "            if extra = l {\n"
    "                %6 = abs %5\n"
    "                store h[l + 1], %6\n"
    "            }\n"
    "        }\n"
    "        %7 = load h[l + 1]\n"
    "        %8 = load one[l, 1]\n"
    "        %9 = add %7, %8\n"
    "        store one[l + 1, 0], %8\n"
    "        store one[l + 1, 1], %9\n"
    "        for m in 0..extra + 1 {\n"
    "            %10 = index 3 * l - m\n"
    "            %11 = mul %10, %9\n"
    "            store whole[l + 2 - m, m], %11\n"
    "        }\n"
    "    }\n"
    "    store nngp, %0\n"
    "    store ntk, %0\n"
    "    if depth >= 1 {\n"
    "        %12 = load one[depth, 1]\n"
    "        store nngp, %12\n"
    "        %13 = load whole[depth + 1 - extra, extra]\n"
    "        %14 = load one[depth, 0]\n"
    "        %15 = add %13, %14\n"
    "        store ntk, %15\n"
    "    }\n"
    "}\n";

/* Values of an outer block used inside, of the left sample alone, and carried by cells. */
static const char uniform_values[] = HEAD
    "real a hyper\n"
    "array d pair input defect 0 0\n"
    "array q sample input gram 0 0\n"
    "array v sample input norm 0 0\n"
    "array cell pair\n"
    "array other pair\n" OUTPUTS
    "pair {\n"
    "    %0 = load d\n"
    "    %1 = load q@x\n"
    "    %2 = sqrt %1\n"
    "    %3 = real a\n"
    "    %4 = lt %2, %3\n"
    "    store cell, %2\n"
    "    store other, %0\n"
    "    for l in 0..depth {\n"
    "        %5 = load v@y\n"
    "        %6 = div %5, %2\n"
    "        %7 = lt %6, %0\n"
    "        %8 = or %4, %7\n"
    "        %9 = not %4\n"
    "        %10 = and %8, %9\n"
    "        %11 = load cell\n"
    "        %12 = select %10, %11, %2\n"
    "        %13 = select %4, %12, %6\n"
    "        %14 = select %4, %2, %3\n"
    "        %15 = load other\n"
    "        %16 = add %13, %14\n"
    "        store other, %11\n"
    "        %17 = sub %15, %16\n"
    "        store cell, %17\n"
    "    }\n"
    "    %18 = load cell\n"
    "    %19 = load other\n"
    "    store nngp, %18\n"
    "    store ntk, %19\n"
    "}\n";

static void all_functions(void **state) {
    (void)state;
    check_text(four_functions, (int64_t[]){4, 1, 0}, (double[]){0.375, 5.5});
    check_text(four_functions, (int64_t[]){0, 0, 0}, (double[]){0.375, 2.0});
    check_text(four_functions, (int64_t[]){1, 3, 0}, (double[]){-0.75, 0.5});
}

static void rings_and_ifs(void **state) {
    (void)state;
    for (int64_t depth = 0; depth < 9; depth += 2)
        check_text(rings, (int64_t[]){depth, depth % 3}, NULL);
}

static void uniform_and_cells(void **state) {
    (void)state;
    check_text(uniform_values, (int64_t[]){3, 0}, (double[]){1.0});
    check_text(uniform_values, (int64_t[]){0, 0}, (double[]){0.1});
}

/* Every shape of the pair function gives the same bits. */
static void shapes(void **state) {
    static const uint32_t shape[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2},
                                        {4, 2}, {2, 4}, {8, 2}, {16, 1}};
    (void)state;
    Ctx c = test_ctx();
    Kernel *k = parse_text(&c, rings);
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (const char *const *isa = test_levels(); *isa; isa++) {
            CodegenOptions o = {.isa = *isa, .u = shape[i][0], .g = shape[i][1]};
            compare(&c, k, &o, (int64_t[]){5, 1}, NULL);
        }
    arena_free(c.a);
}

static void unknown_isa(void **state) {
    (void)state;
    Ctx c = test_ctx();
    Jit j;
    assert_false(codegen_jit(&c, parse_text(&c, rings), &(CodegenOptions){.isa = "x87"}, &j));
    assert_true(diags_has(c.ds, 532));
    arena_free(c.a);
}

static void texts(void **state) {
    (void)state;
    Ctx c = test_ctx();
    Kernel *k = parse_text(&c, rings);
    Buf ir = buf_new(c.a), code = buf_new(c.a);
    check_ctx(&c, codegen_text(&c, k, &(CodegenOptions){0}, CODEGEN_LLVM, &ir));
    check_ctx(&c, codegen_text(&c, k, &(CodegenOptions){0}, CODEGEN_ASM, &code));
    assert_non_null(strstr(buf_text(&ir), "define void @k_pair"));
    assert_non_null(strstr(buf_text(&code), "k_pair:"));
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_functions), cmocka_unit_test(rings_and_ifs),
        cmocka_unit_test(uniform_and_cells), cmocka_unit_test(shapes),
        cmocka_unit_test(unknown_isa), cmocka_unit_test(texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Positions: arrays with axes in every stage, loops of several bounds, indices that wrap, sizes of
 * the right sample.  Code against the interpreter, and against sums written out here. */
#include "run.h"

/* Gram of points, a circular filter of width 2 r + 1 over it, its diagonal and all of it out, data
 * and class numbers read, a half size. */
static const char circular[] =
    "kernel k f64 nngp ntk\ninput x [T]\ndata m [T]\n"
    "size T position least 1\nsize d dim 0 least 1\nsize r hyper least 0\n"
    "size half floor T + 1 / 2 least 1\nfact 2 * half <= T + 1\nfact half <= T\n"
    "size most max half, r least 0\nfact most >= half\nfact most >= r\n"
    "array x sample input point 0 0 [p in 0..T, c in 0..d]\n"
    "array m sample input data 1 1 [p in 0..T]\n"
    "array same sample input class 0 0\n"
    "array q sample [p in 0..T wrap]\n"
    "array G pair [p in 0..T wrap, p' in 0..T wrap]\n"
    "array acc pair\n"
    "array self sample output nngp [p in 0..T, p' in 0..half]\n"
    "array nngp pair output nngp [p in 0..T, p' in 0..half]\n"
    "array ntk pair output ntk\n"
    "sample {\n"
    "    for p in 0..T {\n"
    "        %0 = load x@x[p, 0]\n"
    "        %1 = load m@x[p]\n"
    "        %2 = mul %0, %1\n"
    "        store q[p - 3], %2\n"
    "        for p' in 0..half { store self[p, p'], %2 }\n"
    "    }\n"
    "}\n"
    "pair {\n"
    "    %0 = num 0\n"
    "    for p in 0..T { for p' in 0..T {\n"
    "        store acc, %0\n"
    "        for c in 0..d {\n"
    "            %1 = load acc\n"
    "            %2 = load x@x[p, c]\n"
    "            %3 = load x@y[p', c]\n"
    "            %4 = fma %2, %3, %1\n"
    "            store acc, %4\n"
    "        }\n"
    "        %5 = load acc\n"
    "        store G[p, p'], %5\n"
    "    } }\n"
    "    for p in 0..T { for p' in 0..half down {\n"
    "        store acc, %0\n"
    "        for a in -r..r + 1 { %6 = load acc\n"
    "            %7 = load G[p + a, p' - a]\n"
    "            %8 = load q@y[p - 2 * a]\n"
    "            %9 = fma %7, %8, %6\n"
    "            store acc, %9 }\n"
    "        %10 = load acc\n"
    "        store nngp[p, p'], %10\n"
    "    } }\n"
    "    %11 = load same@x\n"
    "    %12 = load same@y\n"
    "    %13 = eq %11, %12\n"
    "    %14 = load G[T, 0]\n"
    "    %15 = index most\n"
    "    %16 = select %13, %14, %15\n"
    "    store ntk, %16\n"
    "}\n";

static void positions(void **state) {
    (void)state;
    for (int64_t T = 1; T < 6; T += 2)
        check_text(circular, (const int64_t[]){T, 3, 4, (T + 1) / 2, 4}, NULL);
}

/* The circular filter by its definition, in plain C. */
static void circular_values(void **state) {
    (void)state;
    enum { T = 3, D = 2, R = 1, HALF = 2 };
    Ctx c = test_ctx();
    Kernel *k = parse_text(&c, circular);
    Jit j;
    check_ctx(&c, codegen_jit(&c, k, &(CodegenOptions){0}, &j));
    Data d = run_kernel(c.a, j.kernel, (const int64_t[]){T, D, R, HALF, HALF}, NULL, 5);
    const double *x = d.xarray[1], *y = d.yarray[1], *my = d.yarray[2], *out = d.out[8];
    assert_string_equal(j.kernel->array[8].name, "nngp");
    for (int64_t i = 0; i < PAIR_ROWS; i++)
        for (int64_t n = 0; n < NY; n++)
            for (int p = 0; p < T; p++)
                for (int s = 0; s < HALF; s++) {
                    double sum = 0;
                    for (int a = -R; a <= R; a++) {
                        int u = (p + a + T) % T, v = (s - a + T) % T, w = (p - 2 * a + 3 + T) % T;
                        double g = 0;
                        for (int e = 0; e < D; e++)
                            g += x[place(d.k, (size_t)(u * D + e), T * D, (size_t)i * 7)] *
                                 y[place(d.k, (size_t)(v * D + e), T * D, (size_t)n)];
                        sum += g * y[place(d.k, (size_t)w * D, T * D, (size_t)n)] *
                               my[place(d.k, (size_t)w, T, (size_t)n)];
                    }
                    double got = out[(i * T * HALF + p * HALF + s) * NY + n];
                    assert_true(fabs(got - sum) <= 1e-14 * (1 + fabs(sum)));
                }
    codegen_jit_free(&j);
    arena_free(c.a);
}

/* Images of one offset o = p' - p, of equal sizes: p from max(0, -o) to min(T, T - o). */
static const char offsets[] =
    "kernel k f64 nngp\ninput x [T]\nsize T position least 1\nsize d dim 0 least 1\n"
    "array x sample input point 0 0 [p in 0..T, c in 0..d]\n"
    "array K pair [p in 0..T]\narray sum pair\narray nngp pair output nngp\n"
    "pair {\n"
    "    %0 = num 0\n"
    "    store sum, %0\n"
    "    for o in 1-T..T {\n"
    "        for p in max(0, -o)..min(T, T - o) {\n"
    "            %1 = load x@x[p, 0]\n"
    "            %2 = load x@y[p + o, 0]\n"
    "            %3 = mul %1, %2\n"
    "            store K[p], %3\n"
    "        }\n"
    "        for p in max(0, -o)..min(T, T - o) down {\n"
    "            %4 = load K[p]\n"
    "            %5 = index p + 2 * o\n"
    "            %6 = load sum\n"
    "            %7 = fma %4, %5, %6\n"
    "            store sum, %7\n"
    "        }\n"
    "    }\n"
    "    %8 = load sum\n"
    "    store nngp, %8\n"
    "}\n";

static void bounds(void **state) {
    (void)state;
    for (int64_t T = 1; T < 8; T += 3) check_text(offsets, (const int64_t[]){T, 1}, NULL);
}

/* Left samples of T positions, right blocks of T' that differ. */
static const char ragged[] =
    "kernel k f64 nngp ntk\ninput x [T]\n"
    "size T position varies least 1\nsize d dim 0 least 1\nsize T' right T least 1\n"
    "size h floor T / 2 varies least 0\nsize h' right h least 0\nfact 2 * h <= T\n"
    "fact 2 * h' <= T'\n"
    "real scale = 1 / [T']\n"
    "array x sample input point 0 0 [p in 0..T, c in 0..d]\n"
    "array q sample [p in 0..T, s in 0..h+1]\n"
    "array K pair [p in 0..T, p' in 0..T']\n"
    "array ntk pair output ntk [p in 0..T, p' in 0..T']\narray nngp pair output nngp\n"
    "sample {\n"
    "    for p in 0..T { for s in 0..h+1 {\n"
    "        %0 = load x@x[p, 0]\n"
    "        %1 = index p + 3 * s\n"
    "        %2 = mul %0, %1\n"
    "        store q[p, s], %2\n"
    "    } }\n"
    "}\n"
    "pair {\n"
    "    for p in 0..T { for p' in 0..T' {\n"
    "        %0 = load x@x[p, d - 1]\n"
    "        %1 = load q@y[p', h']\n"
    "        %2 = load q@x[p, h]\n"
    "        %3 = sub %1, %2\n"
    "        %4 = mul %0, %3\n"
    "        store K[p, p'], %4\n"
    "        store ntk[p, p'], %4\n"
    "    } }\n"
    "    %5 = load K[T - 1, T' - 1]\n"
    "    store nngp, %5\n"
    "}\n";

static void varying(void **state) {
    (void)state;
    for (int64_t T = 1; T < 5; T++)
        check_text(ragged, (const int64_t[]){T, 2, T, T / 2, T / 2}, (const double[]){0.5});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions), cmocka_unit_test(circular_values), cmocka_unit_test(bounds),
        cmocka_unit_test(varying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

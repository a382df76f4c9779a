/* The text of programs: what cannot be read, what reads but is not sound. */
#include "common.h"

#define HEAD                                                                                      \
    "program f\ninput x\nhyper depth: int = 3\nhyper g: real = 0.5\n"                             \
    "input_matrix U: param s2 = 1, lr = 1\nmatrix W[1]: param s2 = g^2, lr = g^2\n"               \
    "vector v: param s2 = 1, lr = 1\ncheck nonneg [depth] \"turns\"\n"                            \
    "def x = input 0\ndef u = matmul U * x\n"
#define TAIL "def v = param v\ndef f = inner 1 of v, y\nreturn f\n"

static void test_sound(void **state) {
    (void)state;
    const char *body[] = {
        "def y = nonlin max(u0, 0) of u\n",
        "def y = lin (g) * u + u ; a comment\n",
        ("def h[l in 0..depth+1] = mu [l=0] u + [l>=1] m[l-1]\n"
         "def m[l in 0..depth] = matmul W[l] * h[l]\ndef y = lin h[depth]\n"),
        "def one = one\ndef y = lin u + sum(i in 0..3, k in 0..i+1) [i!=k] (g * [i]) * one\n",
        "def b = basis 0 2\ndef z data = lin x + b\ndef y = matmul U * z\n",
        ("size T = position\ndata A[T, T]\ndata c\ninput X[T]\n"
         "def A[i in 0..T, k in 0..T] = data 1\n"
         "def c = data 2\ndef s[i in 0..T] = second u, u\ndef m = mean u\n"
         "def a[i in 0..T, k in 0..T] = softmax over 1 [i>=k] ($s[k] * $A[i, k] + $c)\n"
         "def q[t in 0..T+1] = mu scalar [t=0] ($m) + [t>=1] (max($q[t-1], $a[t-1, 0]))\n"
         "def e = scalar sum(i in 0..T) [i!=1] ($q[i] * [i])\n"
         "def y = lin ($e / sqrt($s[0] + g)) * u + sum(i in 0..T) ($q[i]) * u\n"),
        ("noise b: bernoulli s2 = g, lr = 0\nnoise w[1]: normal s2 = 1, lr = 0\n"
         "def m = noise b\ndef z = noise w[2]\ndef t = matmul W'[0] * z\ndef h = inner 1 of u, t\n"
         "def d = grad t, h\ndef s = mean t\ndef y = nonlin u0 * u1 + $s * u2 of m, t, d\n"),
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        Ctx c = ctx_new();
        Program *p = reread(&c, arena_printf(c.a, HEAD "%s" TAIL, body[i]));
        if (!p) print_error("%s%s", body[i], messages(&c));
        assert_non_null(p);
        if (program_verify(&c, p)) print_error("%s%s\n", body[i], program_verify(&c, p));
        assert_null(program_verify(&c, p));
        const char *text = printed(&c, p);
        assert_string_equal(printed(&c, reread(&c, text)), text);
        arena_free(c.a);
    }
}

static void test_unsound(void **state) {
    (void)state;
    static const struct {
        const char *body, *wrong;
    } row[] = {
        {"def y = nonlin max(u1, 0) of u\n", "y: a leaf without an operand"},
        {"def y = nonlin max(x0, 0) of u\n", "`x0` is no real hyperparameter"},
        {"def y = nonlin max(depth, u0) of u\n", "`depth` is no real hyperparameter"},
        {"def y = nonlin u0 * [l] of u\n", "`l` is no dim or size in scope"},
        {"def y = nonlin u0 * th0 of u\n", "a scalar without a definition"},
        {"def y = nonlin u0 * u1 of u, x\n", "`x` has another width"},
        {"def y = lin u + x\n", "`x` has another width"},
        {"def y width (2) = matmul W[0] * u\n", "a width other than the family's"},
        {"def y = matmul W * u\n", "a wrong number of family indices"},
        {"def y = matmul W[0] * x\n", "`x` has another width"},
        {"def y = matmul U * u\n", "`u` has another width"},
        {"def y = param U\n", "a family of the wrong kind"},
        {"def y = lin z\ndef z = lin u\n", "`z` is used before its definition"},
        {"def h[l in 0..depth] = nonlin u0 * [l] of u\ndef y = lin h[depth]\n",
         "index 0 of `h` leaves its range"},
        {"def h[l in 0..depth+1] = mu [l=0] u + h[l-1]\ndef y = lin h[depth]\n",
         "index 0 of `h` leaves its range"},
        {"def h[l in 0..k, k in 0..3] = lin u\ndef y = lin h[0, 0]\n", "`k` is no dim or size"},
        {"def h[l in 0..3, l in 0..3] = lin u\ndef y = lin h[0, 0]\n", "two dims of one name"},
        {"def y = mu u\n", "mu is a lin or a scalar over a loop"},
        {"def s = mean x\ndef y = lin u\n", "a moment of data"},
        {"def s = second u\ndef y = lin u\n", "a moment of a wrong number of vectors"},
        {"def s = second u, x\ndef y = lin u\n", "`x` has another width"},
        {"def y = lin ($u) * u\n", "a vector where a scalar is read"},
        {"def y = lin ($9) * u\n", "a scalar that does not exist"},
        {"def s[l in 0..2] = mean u\ndef y = lin ($s) * u\n", "a scalar that does not exist"},
        {"def s[l in 0..2] = mean u\ndef y = lin ($s[2]) * u\n", "index 0 of `s` leaves its range"},
        {"def s = scalar ($t)\ndef t = mean u\ndef y = lin u\n", "`t` is used before"},
        {"def s = scalar (g) * u\ndef y = lin u\n", "a scalar with a vector"},
        {"def s[l in 0..2] = softmax over 1 (g)\ndef y = lin u\n", "a dim that does not exist"},
        {"def s[l in 0..2] = softmax over 0 sum(k in 0..2) (g)\ndef y = lin u\n",
         "a softmax of a sum"},
        {"def A = data 0\ndef y = lin u\n", "the data argument does not exist"},
        {"def d = grad u, u\ndef y = lin u\n", "a gradient of a vector"},
        {"def y = matmul W'[0] * x\n", "`x` has another width"},
        {"noise b: normal s2 = g, lr = 0\ndef y = param b\n", "a family of the wrong kind"},
        {"def y = noise W[0]\n", "a family of the wrong kind"},
        {"def z = inner 1 of u, u\ndef y = lin z\n", "an operand is no vector"},
        {"def z = inner 1 of x, x\ndef y = lin u\n", "an inner product with data"},
        {"def z = input 1\ndef y = lin u\n", "the input does not exist"},
        {"def y = lin (dim(1)) * u\n", "dim of an unknown input"},
        {"matrix A: random s2 = 1, lr = 1\ndef y = lin u\n", "a random family with a learning"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Ctx c = ctx_new();
        Program *p = reread(&c, arena_printf(c.a, HEAD "%s" TAIL, row[i].body));
        if (!p) print_error("%s%s", row[i].body, messages(&c));
        assert_non_null(p);
        const char *wrong = program_verify(&c, p);
        if (!wrong || !strstr(wrong, row[i].wrong))
            print_error("%s%s\n", row[i].body, wrong ? wrong : "sound");
        assert_true(wrong && strstr(wrong, row[i].wrong));
        arena_free(c.a);
    }
}

static void test_outputs(void **state) {
    (void)state;
    Ctx c = ctx_new();
    Program *p = reread(&c, HEAD "return u\n");
    assert_string_equal(program_verify(&c, p), "program: the output is a vector");
    p = reread(&c, HEAD "def v = param v\ndef f[l in 0..3] = inner [l] of v, u\n"
                        "return f[l] for l in 0..3\n");
    assert_null(program_verify(&c, p));
    arena_free(c.a);
}

static void test_unreadable(void **state) {
    (void)state;
    static const struct {
        const char *body, *want;
    } row[] = {
        {"def y\n", "expected ="},
        {"def y = linear u\n", "expected "},
        {"def y = lin w\n", "the name of a definition"},
        {"def y = lin u[0]\n", "one index for each dim"},
        {"def y = lin (g * u\n", "expected )"},
        {"def y = lin [l ~ 1] u\n", "a condition"},
        {"def y = lin u u\n", "the end of the line"},
        {"def y = lin ($s) * u\n", "an expression"},
        {"def y = lin ($u[0) * u\n", "an expression"},
        {"noise b: cauchy s2 = 1, lr = 0\n", "expected normal"},
        {"def u = lin u\n", "a name that is not taken"},
        {"def y = matmul Q * u\n", "the name of a family"},
        {"def y[l in 0..] = lin u\n", "an index"},
        {"def y = nonlin max(u0) of u\n", "an expression"},
        {"def y = lin (((((((((( u\n", "an expression"},
        {"matrix A: param s2 = 1\n", "expected ,"},
        {"hyper a: complex = 1\n", "expected real"},
        {"something else\n", "another line"},
        {"check nonneg g \"open\n", "expected \""},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Ctx c = ctx_new();
        Program *p = reread(&c, arena_printf(c.a, HEAD "%s" TAIL, row[i].body));
        assert_null(p);
        assert_true(diags_has(c.ds, 390));
        if (!strstr(messages(&c), row[i].want)) print_error("%s%s", row[i].body, messages(&c));
        assert_non_null(strstr(messages(&c), row[i].want));
        arena_free(c.a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sound), cmocka_unit_test(test_unsound),
                                       cmocka_unit_test(test_outputs),
                                       cmocka_unit_test(test_unreadable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "common.h"

static void expect(const char *text, const char *want) {
    Ctx c = ctx_new();
    AstFile *f = parse(&c, text);
    assert_string_equal(errors(&c), "");
    assert_string_equal(formatted(&c, f), want);
    arena_free(c.a);
    check_formatter("text", text);
}

static void spacing(void **state) {
    (void)state;
    expect("fn  f( x,y=1 )=x*y+-y^ 2 // 3", "fn f(x, y = 1) = x * y + -y^2 // 3\n");
    expect("fn f(x) = ((x))  +(y)", "fn f(x) = (x) + (y)\n");
    expect("layer l(x:vector[H,W],p:zero|circular=zero){param F:matrix[k;k]~N(0,1/fan_in)lr 2\n"
           "return F[0;1]'*x}",
           "layer l(x: vector[H, W], p: zero | circular = zero) {\n"
           "    param F: matrix[k; k] ~ N(0, 1 / fan_in) lr 2\n"
           "    return F[0; 1]' * x\n"
           "}\n");
    expect("test t:f(a=1){nngp([1,0],[[1],[2]])[0,1]=1+-1e-3;error TP0217;verdict simple-gia}",
           "test t: f(a = 1) { nngp([1, 0], [[1], [2]])[0, 1] = 1 +- 1e-3; error TP0217; verdict "
           "simple-gia }\n");
    expect("fn f(x)=if not a and b then sum(i in 0..k,j in i..k)x[i]else-inf",
           "fn f(x) = if not a and b then sum(i in 0..k, j in i..k) x[i] else -inf\n");
}

static void blocks(void **state) {
    (void)state;
    expect("layer l() { for i in 0..k { a = b ; c = d } }",
           "layer l() { for i in 0..k { a = b; c = d } }\n");
    expect("layer l() { for i in 0..k {\na = b ; c = d } }",
           "layer l() {\n    for i in 0..k {\n        a = b\n        c = d\n    }\n}\n");
    expect("layer l() {\n\n\n}", "layer l() { }\n");
    expect("layer l() { }", "layer l() { }\n");
    expect("layer l()\n{\nwidth m=2*n\nnoise z:vector[m]~bernoulli(0.5)\n}",
           "layer l() {\n    width m = 2 * n\n    noise z: vector[m] ~ bernoulli(0.5)\n}\n");
}

static void blank_lines(void **state) {
    (void)state;
    expect("\n\n# a\n\n\n\n# b\nfn f(x) = 1\n\n\nfn g(x) = 1\n\n",
           "# a\n\n# b\nfn f(x) = 1\n\nfn g(x) = 1\n");
    expect("layer l() {\n\n a = 1\n\n\n # c\n\n b = 2\n\n}\n",
           "layer l() {\n    a = 1\n\n    # c\n\n    b = 2\n}\n");
}

static void comments(void **state) {
    (void)state;
    expect("fn f(x) = 1 # one  \nfn long(x) = 22   # two\n\nfn g(x) = 1      # three\n# end",
           "fn f(x) = 1      # one\nfn long(x) = 22  # two\n\nfn g(x) = 1  # three\n# end\n");
    expect("layer l() { # open\n # inside\n a = 1 # beside\n # last\n} # after\n",
           "layer l() {  # open\n    # inside\n    a = 1  # beside\n    # last\n}  # after\n");
    expect("layer l() {\n # only\n}\n", "layer l() {\n    # only\n}\n");
    expect("fn f(x) = x + # first\n # second\n 1 # third",
           "fn f(x) = x +  # first\n    # second\n    1  # third\n");
    expect("fn f(x) = (x # first\n # second\n)", "fn f(x) = (x  # first\n# second\n)\n");
    expect("layer l() { repeat (k # count\n) { a = 1 } }",
           "layer l() {\n    repeat (k  # count\n    ) { a = 1 }\n}\n");
    expect("#\xCF\x83\n", "#\xCF\x83\n");
    expect("", "");
}

static void line_breaks(void **state) {
    (void)state;
    expect("fn f(x) =\nx +\n  y\n    * z", "fn f(x) =\n    x +\n    y *\n    z\n");
    expect("fn f(\nx,\ny\n) = g(x,\n y)\n", "fn f(\n    x,\n    y\n) = g(x,\n    y)\n");
    expect("fn f(x) = if a\nthen b\nelse c", "fn f(x) = if a then\n    b else\n    c\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spacing),     cmocka_unit_test(blocks),      cmocka_unit_test(blank_lines),
        cmocka_unit_test(comments),    cmocka_unit_test(line_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

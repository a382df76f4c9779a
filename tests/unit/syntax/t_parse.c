#include "common.h"

static const char *expr(const char *text) {
    static _Thread_local char out[4096];
    Ctx c = ctx_new();
    AstExpr *e = syntax_parse_expr(&c, source_add(c.src, "e", text, strlen(text)));
    Buf b = buf_new(c.a);
    if (e) syntax_dump_expr(&c, e, &b);
    snprintf(out, sizeof out, "%s", e ? buf_text(&b) : errors(&c));
    arena_free(c.a);
    return out;
}

static void precedence(void **state) {
    (void)state;
    assert_string_equal(expr("-x^2"), "(neg (^ x 2))");
    assert_string_equal(expr("2^-x^3"), "(^ 2 (neg (^ x 3)))");
    assert_string_equal(expr("a^b^c"), "(^ a (^ b c))");
    assert_string_equal(expr("a - b - c"), "(- (- a b) c)");
    assert_string_equal(expr("-a * b"), "(* (neg a) b)");
    assert_string_equal(expr("a / b * c // d % e"), "(% (// (* (/ a b) c) d) e)");
    assert_string_equal(expr("W' * x / 2"), "(/ (* (transpose W) x) 2)");
    assert_string_equal(expr("x^W'"), "(^ x (transpose W))");
    assert_string_equal(expr("not a == b and c or d"), "(or (and (not (== a b)) c) d)");
    assert_string_equal(expr("if a < 1 then b else c + 1"), "(if (< a 1) b (+ c 1))");
    assert_string_equal(expr("1 + if a then b else c * d"), "(+ 1 (if a b (* c d)))");
}

static void reductions(void **state) {
    (void)state;
    assert_string_equal(expr("b + sum(i in 0..k) W[i] * x + c"),
                        "(+ (+ b (sum (in i 0 k) (* (index W i) x))) c)");
    assert_string_equal(expr("avg(i in 0..k, j in i..k + 1) x[i, j] / 2 - 1"),
                        "(- (avg (in i 0 k) (in j i (+ k 1)) (/ (index x i j) 2)) 1)");
    assert_string_equal(expr("2 * max(i in 0..k) a * b"), "(* 2 (max (in i 0 k) (* a b)))");
    assert_string_equal(expr("sum(i in 0..k) -x[i] * y"),
                        "(sum (in i 0 k) (* (neg (index x i)) y))");
    assert_string_equal(expr("max(x, 0)"), "(call max x 0)");
    assert_string_equal(expr("sum(i in 0..2) sum(j in 0..i) a"),
                        "(sum (in i 0 2) (sum (in j 0 i) a))");
}

static void calls_and_indices(void **state) {
    (void)state;
    assert_string_equal(expr("deriv(relu)(h)"), "(call (call deriv relu) h)");
    assert_string_equal(expr("softmax(s, over = t)"), "(call softmax s (= over t))");
    assert_string_equal(expr("F[p; q, r]'"), "(transpose (index F p ; q r))");
    assert_string_equal(expr("grad(f, h[t - 1])"), "(call grad f (index h (- t 1)))");
    assert_string_equal(expr("f(\n  a,\n  b,\n)"), "(call f a b)");
    assert_string_equal(expr("-inf"), "(neg inf)");
}

static void numbers_keep_their_text(void **state) {
    (void)state;
    assert_string_equal(expr("0.10"), "0.10");
    assert_string_equal(expr("1e-12 + .5 + 00012345678901234567890.5E+3"),
                        "(+ (+ 1e-12 .5) 00012345678901234567890.5E+3)");
}

static void expressions_alone_end(void **state) {
    (void)state;
    assert_string_equal(expr("gelu"), "gelu");
    assert_string_equal(expr("2 3"), "e:1:3: error[TP0100]: expected the end of file, found `3`\n");
    assert_string_equal(
        expr(""), "e:1:1: error[TP0100]: expected an expression, found the end of the file\n");
}

/* Every node's span covers its text. */
static void spans(void **state) {
    (void)state;
    Ctx c = ctx_new();
    const char *text = "fn f(x) = a + (b * c[1])'\n";
    AstFile *f = parse(&c, text);
    const AstExpr *e = f->items.data[0]->body;
    assert_int_equal(e->span.lo, 10);
    assert_int_equal(e->span.hi, 25);
    assert_int_equal(e->binary.at.lo, 12);
    const AstExpr *t = e->binary.b, *m = t->arg;
    assert_int_equal(t->span.lo, 14);
    assert_int_equal(t->span.hi, 25);
    assert_true(m->paren);
    assert_int_equal(m->span.lo, 15); /* without the parentheses */
    assert_int_equal(m->span.hi, 23);
    assert_int_equal(f->items.data[0]->name.span.lo, 3);
    assert_int_equal(f->items.data[0]->params.data[0].name.span.hi, 6);
    arena_free(c.a);
}

static const char *body(Ctx *c, const char *text) {
    return dump(c, parse(c, arena_printf(c->a, "layer l() {%s}", text)));
}

static void statements_end_at_lines(void **state) {
    (void)state;
    Ctx c = ctx_new();
    const char *two = "(layer l\n  (= a b)\n  (= c d))\n";
    assert_string_equal(body(&c, " a = b; c = d "), two);
    assert_string_equal(body(&c, "\n\n;;a = b ;\n\n; c = d;;\n"), two);
    assert_string_equal(body(&c, "\na = b # c\n# d\nc = d\n"), two);
    assert_string_equal(body(&c, "\r\na =\r\n b\r\nc\t=\td"), two);
    const char *one = "(layer l\n  (= a (+ b (if c d e))))\n";
    assert_string_equal(body(&c, "a = b +\n if c then d else e"), one);
    assert_string_equal(body(&c, "a = b\n + if c\n then d\n else e\n"), one);
    assert_string_equal(body(&c, "a = (b\n + (if c then d else e)\n)\n"), one);
    assert_int_equal(diags_errors(c.ds), 0);
    arena_free(c.a);
}

static void names(void **state) {
    (void)state;
    Ctx c = ctx_new();
    const char *text =
        "fn \xCF\x83_w\xE2\x82\x81(\xCE\xB8, N, lr, verdict, sum, vector, error) = lr\n";
    assert_string_equal(
        dump(&c, parse(&c, text)),
        "(fn \xCF\x83_w\xE2\x82\x81\n  (: \xCE\xB8 (real))\n  (: N (real))\n  (: lr (real))\n"
        "  (: verdict (real))\n  (: sum (real))\n  (: vector (real))\n  (: error (real))\n"
        "  lr)\n");
    assert_int_equal(diags_errors(c.ds), 0);
    arena_free(c.a);
}

static void byte_order_mark(void **state) {
    (void)state;
    Ctx c = ctx_new();
    AstFile *f = parse(&c, "\xEF\xBB\xBF" "fn f(x) = x\n");
    assert_int_equal(diags_errors(c.ds), 0);
    assert_int_equal(f->items.data[0]->span.lo, 3);
    arena_free(c.a);
}

static void find_prefers_the_user(void **state) {
    (void)state;
    Ctx c = ctx_new();
    AstFile *lib, *user;
    Ast t = {0};
    const char *a = "fn f(x) = 1\nfn g(x) = f(x)\n",
               *b = "fn f(x) = 2\ntest g: f { error TP0100 }\n";
    assert_true(syntax_parse(&c, source_add(c.src, "lib", a, strlen(a)), AST_STDLIB, &lib));
    assert_true(syntax_parse(&c, source_add(c.src, "user", b, strlen(b)), AST_MAIN, &user));
    vec_push(c.a, &t.files, lib);
    vec_push(c.a, &t.files, user);
    Sym f = intern(c.syms, "f"), g = intern(c.syms, "g");
    assert_ptr_equal(ast_find(&t, user, f), user->items.data[0]);
    assert_ptr_equal(ast_find(&t, lib, f), lib->items.data[0]);
    assert_ptr_equal(ast_find(&t, user, g), lib->items.data[1]);
    assert_null(ast_find(&t, user, intern(c.syms, "h")));
    assert_ptr_equal(ast_file_of(&t, user->items.data[0]->span), user);
    arena_free(c.a);
}

static const char *repeated(Arena *a, const char *head, const char *part, int n, const char *tail) {
    Buf b = buf_new(a);
    buf_puts(&b, head);
    for (int i = 0; i < n; i++) buf_puts(&b, part);
    buf_puts(&b, tail);
    return buf_text(&b);
}

/* Nesting ends in one error, never in an exhausted stack. */
static void depth_is_limited(void **state) {
    (void)state;
    static const char *const part[] = {
        "(", "-", "x^", "x+", "f(", "x[", "if ", "not ", "sum(i in 0..2) "};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        Ctx c = ctx_new();
        parse(&c, repeated(c.a, "fn f(x) = ", part[i], 50000, "x\n"));
        assert_true(diags_has(c.ds, 106));
        assert_int_equal(diags_errors(c.ds), 1);
        arena_free(c.a);
    }
    Ctx c = ctx_new();
    parse(&c, repeated(c.a, "layer l() {\n", "repeat 2 {\n", 50000, ""));
    assert_true(diags_has(c.ds, 106));
    arena_free(c.a);
    c = ctx_new();
    parse(&c, repeated(c.a, "fn f(x) = ", "x + ", AST_MAX_DEPTH - 1, "x\n"));
    assert_int_equal(diags_errors(c.ds), 0);
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence),
        cmocka_unit_test(reductions),
        cmocka_unit_test(calls_and_indices),
        cmocka_unit_test(numbers_keep_their_text),
        cmocka_unit_test(expressions_alone_end),
        cmocka_unit_test(spans),
        cmocka_unit_test(statements_end_at_lines),
        cmocka_unit_test(names),
        cmocka_unit_test(byte_order_mark),
        cmocka_unit_test(find_prefers_the_user),
        cmocka_unit_test(depth_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The builder: constants, neutral elements, names, blocks. */
#include "kt.h"

static Kernel *kernel(Ctx *c) {
    AffCtx *x = affctx_new(c->a, c->syms);
    Kernel *k = kernel_new(c, x, fxpool_new(c->a, x));
    k->name = intern(c->syms, "t");
    return k;
}

static KOp op_of(const KBuild *b, KVal v) { return b->k->fn[b->stage].ins.data[v].op; }

static void constants_fold(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kernel(&c);
    KBuild b = kb_begin(&c, k, KS_pair);
    const KFn *f = &k->fn[KS_pair];
    KVal two = kb_num(&b, 2), three = kb_num(&b, 3);
    static const struct {
        KOp op;
        double want;
    } t[] = {{KO_add, 5}, {KO_sub, -1}, {KO_mul, 6}, {KO_div, 2.0 / 3}};
    double v = 0;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_true(kval_num(f, kb_op(&b, t[i].op, two, three, 0), &v));
        assert_true(v == t[i].want);
    }
    assert_true(kval_num(f, kb_op(&b, KO_neg, two, 0, 0), &v));
    assert_true(v == -2);
    assert_true(kval_num(f, kb_index(&b, aff_const(7)), &v));
    assert_true(v == 7);
    KVal root = kb_op(&b, KO_sqrt, two, 0, 0);
    assert_int_equal(op_of(&b, root), KO_sqrt);
    arena_free(c.a);
}

static void constants_fold_in_single_precision(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kernel(&c);
    k->dtype = TP_F32;
    KBuild b = kb_begin(&c, k, KS_pair);
    double v = 0;
    KVal third = kb_op(&b, KO_div, kb_num(&b, 1), kb_num(&b, 3), 0);
    assert_true(kval_num(&k->fn[KS_pair], third, &v));
    assert_true(v == (double)(1.0f / 3.0f));
    arena_free(c.a);
}

static void neutral_elements_vanish(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kernel(&c);
    uint32_t cell = kernel_cell(k, &c, KS_pair, "cell");
    KBuild b = kb_begin(&c, k, KS_pair);
    KVal x = kb_load(&b, cell, SIDE_none, NULL, 0), zero = kb_num(&b, 0), one = kb_num(&b, 1);
    assert_int_equal(kb_op(&b, KO_add, x, zero, 0), x);
    assert_int_equal(kb_op(&b, KO_add, zero, x, 0), x);
    assert_int_equal(kb_op(&b, KO_sub, x, zero, 0), x);
    assert_int_equal(kb_op(&b, KO_mul, x, one, 0), x);
    assert_int_equal(kb_op(&b, KO_mul, one, x, 0), x);
    assert_int_equal(kb_op(&b, KO_div, x, one, 0), x);
    KVal product = kb_op(&b, KO_mul, x, zero, 0), difference = kb_op(&b, KO_sub, zero, x, 0);
    assert_int_equal(op_of(&b, product), KO_mul);
    assert_int_equal(op_of(&b, difference), KO_sub);
    arena_free(c.a);
}

static void names_are_made_unique(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kernel(&c);
    double one = 1;
    uint32_t a = kernel_cell(k, &c, KS_pair, "acc"), b = kernel_cell(k, &c, KS_pair, "acc");
    uint32_t t = kernel_table(k, &c, "acc", &one, 1);
    assert_int_not_equal(k->array.data[a].name, k->array.data[b].name);
    assert_int_not_equal(k->table.data[t].name, k->array.data[b].name);
    assert_int_not_equal(k->table.data[t].name, k->array.data[a].name);
    arena_free(c.a);
}

static void blocks_nest(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kernel(&c);
    Sym l = intern(c.syms, "l");
    uint32_t cell = kernel_cell(k, &c, KS_pair, "cell");
    KBuild b = kb_begin(&c, k, KS_pair);
    Cons first = cons_eq(k->aff, aff_name(k->aff, l), aff_const(0));
    kb_loop(&b, l, aff_const(0), aff_const(4), true);
    kb_if(&b, &first, 1);
    kb_store(&b, cell, NULL, 0, kb_num(&b, 0));
    kb_else(&b);
    kb_store(&b, cell, NULL, 0, kb_load(&b, cell, SIDE_none, NULL, 0));
    kb_end(&b);
    kb_end(&b);
    assert_null(kernel_verify(&c, k));
    assert_string_equal(kt_print(&c, k), "kernel t f64\n"
                                         "array cell pair\n"
                                         "\n"
                                         "pair {\n"
                                         "    for l in 0..4 down {\n"
                                         "        if l=0 {\n"
                                         "            %0 = num 0x0p+0\n"
                                         "            store cell, %0\n"
                                         "        } else {\n"
                                         "            %1 = load cell\n"
                                         "            store cell, %1\n"
                                         "        }\n"
                                         "    }\n"
                                         "}\n");
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_fold),
        cmocka_unit_test(constants_fold_in_single_precision),
        cmocka_unit_test(neutral_elements_vanish),
        cmocka_unit_test(names_are_made_unique),
        cmocka_unit_test(blocks_nest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The descriptor: extents, scalar code, order of evaluation. */
#include "kt.h"

static const char text[] =
    "kernel mlp f32 nngp ntk\ninput x\ninput y\n"
    "fixed word act \"relu\"\n"
    "size depth hyper least 0 = 3\nsize d dim 0 least 1\nsize terms measured need cap 63 least 0\n"
    "real sw hyper = 2 * sb\nreal sb hyper\nreal s2 = sw * sw\n"
    "check nonneg \"variance of W\" = s2\n"
    "array need sample\narray q sample input gram 1 1\narray col sample input column 0 1 depth-1\n"
    "array K pair [l in 1..2*depth+1, m in 0..3 ring 2, n in 0..4 ring 1]\n"
    "array out pair output ntk\n";

static const char positions[] =
    "kernel cnn f64 nngp\ninput x [H, 2*W+1]\ndata m [H]\n"
    "size r right H\nsize c max h, W + n varies\nsize h floor H - 1 / 3 varies\n"
    "size W position\nsize H position varies\nsize n hyper\nsize d dim 0\n"
    "array p sample input point 0 0 [i in 0..H, j in 0..2*W+1, k in 0..d]\n"
    "array v sample [i in 0..H] finite \"moment\"\n";

static void sizes(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k;
    if (!kernel_read(&c, positions, 0, &k)) fail_msg("%s", kt_messages(&c));
    TpKernel *t = kernel_describe(&c, k, c.a);
    static const int32_t kind[] = {TP_SIZE_RIGHT,    TP_SIZE_MAX,      TP_SIZE_FLOOR,
                                   TP_SIZE_POSITION, TP_SIZE_POSITION, TP_SIZE_HYPER};
    for (int i = 0; i < 6; i++) assert_int_equal(t->size[i].kind, kind[i]);
    assert_int_equal(t->size[0].of, 4);
    assert_int_equal(t->size[2].k, 3);
    assert_true(t->size[1].order > t->size[2].order && t->size[1].order > t->size[5].order);
    assert_true(t->size[4].varies && !t->size[3].varies && t->size[1].varies);
    assert_int_equal(t->size[1].value.ins[t->size[1].value.n - 1].op, TPC_MAX);
    assert_int_equal(t->input[0].npos, 2);
    assert_int_equal(t->input[0].size[1].c, 1);
    assert_int_equal(t->input[0].size[1].term[0].size, 3);
    assert_true(t->input[1].is_data && !t->input[0].is_data);
    assert_string_equal(t->array[2].finite, "moment");
    assert_null(t->array[1].finite);
    assert_int_equal(t->lanes, TP_BLOCK);
    arena_free(c.a);
}

static void arrays(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    Kernel *k = kt_parse(&c, text);
    TpKernel *t = kernel_describe(&c, k, c.a);
    const TpArray *K = &t->array[kt_array(&c, k, "K")], *col = &t->array[kt_array(&c, k, "col")];
    assert_int_equal(K->naxis, 2); /* a ring of one slice has no storage */
    assert_int_equal(K->extent[0].c, 0);
    assert_int_equal(K->extent[0].nterm, 1);
    assert_int_equal(K->extent[0].term[0].k, 2);
    assert_int_equal(K->extent[0].term[0].size, 0);
    assert_int_equal(K->extent[1].c, 2);
    assert_int_equal(K->stage, TP_STAGE_PAIR);
    assert_int_equal(col->input, TP_IN_COLUMN);
    assert_int_equal(col->column.c, -1);
    assert_int_equal(col->in[1], 1);
    assert_int_equal(t->array[kt_array(&c, k, "out")].output, 1);
    assert_int_equal(t->array[kt_array(&c, k, "q")].class, TP_INPUT);
    assert_int_equal(t->narray, k->array.len);
    assert_int_equal(t->dtype, TP_F32);
    assert_int_equal(t->kernels, 3);
    assert_string_equal(t->input[1].name, "y");
    assert_string_equal(t->fixed[0].value, "relu");
    assert_null(t->pair_fn);
    arena_free(c.a);
}

static void numbers(void **state) {
    (void)state;
    Ctx c = kt_ctx();
    TpKernel *t = kernel_describe(&c, kt_parse(&c, text), c.a);
    assert_int_equal(t->nreal, 3);
    assert_true(t->real[0].hyper && t->real[1].hyper && !t->real[2].hyper);
    assert_int_equal(t->real[1].value.n, 0);
    assert_true(t->real[1].order < t->real[0].order); /* sw needs sb */
    assert_true(t->real[0].order < t->real[2].order);
    const TpCode *s2 = &t->real[2].value;
    assert_int_equal(s2->n, 3);
    assert_int_equal(s2->ins[0].op, TPC_REAL);
    assert_int_equal(s2->ins[1].x, 0);
    assert_int_equal(s2->ins[2].op, TPC_MUL);
    assert_int_equal(t->size[0].kind, TP_SIZE_HYPER);
    assert_int_equal(t->size[0].value.ins[0].op, TPC_NUM);
    assert_true(t->size[0].value.ins[0].num == 3);
    assert_int_equal(t->size[1].kind, TP_SIZE_DIM);
    assert_int_equal(t->size[2].cap, 63);
    assert_string_equal(t->array[t->size[2].array].name, "need");
    assert_int_equal(t->check[0].kind, TP_CHECK_NONNEG);
    assert_string_equal(t->check[0].what, "variance of W");
    arena_free(c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(arrays), cmocka_unit_test(numbers),
                                       cmocka_unit_test(sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

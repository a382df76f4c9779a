/* The code of expansions: the instruction counts that the speed of the ReLU recursion rests on, and
 * sound, readable kernels. */
#include "diag/diag.h"
#include "kernel/op.h"
#include "machine.h"
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static void fan_pair(void **state) {
    (void)state;
    const KOp pair[] = {KO_fan00, KO_fan11, (KOp)KO_COUNT};
    assert_int_equal(machine_count(pair, TP_F64, KO_fma), 17 + 16);
    assert_int_equal(machine_count(pair, TP_F64, KO_sqrt), 1);
    assert_int_equal(machine_count(pair, TP_F64, KO_mul), 3);
    assert_int_equal(machine_count(pair, TP_F32, KO_fma), 7 + 6);
    assert_int_equal(machine_count(pair, TP_F32, KO_sqrt), 1);
    assert_int_equal(machine_count(pair, TP_F32, KO_mul), 3);
}

static const char *text_of(Ctx *c, const Kernel *k) {
    Buf b = buf_new(c->a);
    kernel_print(c, &b, k);
    return buf_text(&b);
}

static Kernel *parse(Ctx *c, const char *text) {
    Kernel *k = NULL;
    Buf b = buf_new(c->a);
    if (kernel_parse(c, text, source_add(c->src, "test.kir", text, strlen(text)), &k)) return k;
    diags_render(c->ds, (DiagRender){DIAG_SHORT, false}, &b);
    fail_msg("%s", buf_text(&b));
    return NULL;
}

/* One macro of the pair stage, applied to what it may be applied to. */
static const char *program(Ctx *c, KOp op, const char *dtype) {
    const char *operands[] = {"", "%0", "%0, %0", "%0, %0, %0", "%0, %0, %0, %0"};
    const KOpInfo *info = kop_info(op);
    return arena_printf(c->a, "kernel vmath %s nngp\ninput x\narray u pair input unit 0 0\n"
                              "array y pair output nngp\npair {\n    %%0 = load u\n"
                              "    %%1 = %s %s\n    store y, %%1\n}\n",
                        dtype, info->name, operands[info->nargs]);
}

/* Expanded code passes the verifier and prints as text that reads back to the same text: its
 * constants include infinities and NaN. */
static void texts(void **state) {
    (void)state;
    for (int op = 0; op < KO_COUNT; op++)
        for (int t = 0; t < 2; t++) {
            if (kop_info((KOp)op)->flag != KF_MACRO) continue;
            Arena *a = arena_new(0, NULL, NULL);
            Ctx c = {.a = a, .syms = intern_new(a), .src = sources_new(a)};
            c.ds = diags_new(a, c.src);
            Kernel *k = parse(&c, program(&c, (KOp)op, t ? "f32" : "f64"));
            kernel_expand(&c, k);
            assert_null(kernel_verify(&c, k));
            const char *once = text_of(&c, k);
            assert_string_equal(text_of(&c, parse(&c, once)), once);
            arena_free(a);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fan_pair), cmocka_unit_test(texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

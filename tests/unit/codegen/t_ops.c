/* Every primitive operation on ordinary and special operands, as vectors and as values that are the
 * same in all lanes. */
#include "run.h"
#include "kernel/op.h"

/* Numbers around every corner: signed zeros, halves, denormals, extremes, not-a-numbers. */
static const double special[] = {0.0,      -0.0,      0.5,  -0.5,     1.5,      2.5,       -2.5,
                                 1.0,      -1.0,      3.75, 1e-310,   -1e-310,  1e300,     -1e300,
                                 INFINITY, -INFINITY, NAN,  0x1p-126, 0x1p-149, 1e-40,     7.0,
                                 -7.0,     1023.0,    -1022.0, 4194303.5, -4194302.5, 100.0, 0.1,
                                 0.3};
enum { N = sizeof special / sizeof *special };

typedef struct Arrays {
    uint32_t v, r, sum, out[2], table;
    Sym i;
} Arrays;

static KArray of_stage(Ctx *c, const char *name, KStage stage, const KAxis *axis) {
    return (KArray){.name = intern(c->syms, name), .stage = stage, .axis = axis,
                    .naxis = axis ? 1 : 0};
}

static Kernel *kernel_begin(Ctx *c, TpDtype dtype, Arrays *a) {
    AffCtx *aff = affctx_new(c->a, c->syms);
    Kernel *k = kernel_new(c, aff, fxpool_new(c->a, aff));
    k->name = intern(c->syms, "ops");
    k->dtype = dtype;
    k->kernels = 3;
    vec_push(c->a, &k->input, (InputDecl){.name = intern(c->syms, "x")});
    KAxis *axis = ARENA_NEW(c->a, KAxis);
    a->i = intern(c->syms, "i");
    *axis = (KAxis){.var = a->i, .hi = aff_const(N)};
    a->v = kernel_array(k, c, of_stage(c, "v", KS_sample, axis));
    a->r = kernel_array(k, c, of_stage(c, "r", KS_sample, axis));
    a->sum = kernel_cell(k, c, KS_pair, "sum");
    for (int n = 0; n < 2; n++) {
        KArray o = of_stage(c, n ? "o1" : "o0", KS_pair, NULL);
        o.class = KA_output;
        o.output = (KernelKind)n;
        a->out[n] = kernel_array(k, c, o);
    }
    double twice[2 * N];
    for (int n = 0; n < 2 * N; n++) twice[n] = special[n % N];
    a->table = kernel_table(k, c, "special", twice, 2 * N);
    return k;
}

/* op of reals x; masks are comparisons with x[0]; a mask comes back as one of two reals. */
static KVal apply(KBuild *b, KOp op, const KVal *x) {
    const KOpInfo *info = kop_info(op);
    KVal a[3] = {0};
    for (int n = 0; n < info->nargs; n++)
        a[n] = info->operands[n] == 'm' ? kb_op(b, KO_lt, x[n], x[2 - n], 0) : x[n];
    KVal y = kb_op(b, op, a[0], a[1], a[2]);
    return info->result == KT_M ? kb_op(b, KO_select, y, x[0], x[1]) : y;
}

/* Something bounded that shows y, the sign of a zero and not-a-numbers too. */
static KVal tame(KBuild *b, KVal y) {
    KVal number = kb_op(b, KO_eq, y, y, 0), sign = kb_op(b, KO_copysign, kb_num(b, 0.25), y, 0);
    KVal z = kb_op(b, KO_max, kb_op(b, KO_min, y, kb_num(b, 1e3), 0), kb_num(b, -1e3), 0);
    return kb_op(b, KO_select, number, kb_op(b, KO_add, z, sign, 0), kb_num(b, 3.0));
}

/* v[i] = special[i]; r[i] = sum over partners of op: vectors against table values. */
static void sample_part(Ctx *c, Kernel *k, const Arrays *a, KOp op) {
    KBuild b = kb_begin(c, k, KS_sample);
    Aff i = aff_name(k->aff, a->i);
    kb_loop(&b, a->i, aff_const(0), aff_const(N), false);
    kb_store(&b, a->v, &i, 1, kb_table(&b, a->table, i));
    kb_end(&b);
    kb_loop(&b, a->i, aff_const(0), aff_const(N), false);
    KVal sum = kb_num(&b, 1.0), x = kb_load(&b, a->v, SIDE_x, &i, 1);
    for (int shift = 0; shift < N; shift += 6) {
        KVal y = kb_table(&b, a->table, aff_plus(i, shift));
        KVal z = kb_table(&b, a->table, aff_plus(i, N / 2));
        sum = kb_op(&b, KO_fma, sum, kb_num(&b, 0.75), tame(&b, apply(&b, op, (KVal[]){x, y, z})));
    }
    kb_store(&b, a->r, &i, 1, sum);
    kb_end(&b);
}

/* out0: left against right samples; out1: left samples alone, one value for all lanes. */
static void pair_part(Ctx *c, Kernel *k, const Arrays *a, KOp op) {
    KBuild b = kb_begin(c, k, KS_pair);
    Aff i = aff_name(k->aff, a->i);
    for (int n = 0; n < 2; n++) {
        kb_store(&b, a->sum, NULL, 0, kb_num(&b, 0));
        kb_loop(&b, a->i, aff_const(0), aff_const(N), n == 1);
        KVal x = kb_load(&b, a->r, SIDE_x, &i, 1);
        KVal y = kb_load(&b, n ? a->r : a->v, n ? SIDE_x : SIDE_y, &i, 1);
        KVal z = kb_table(&b, a->table, aff_plus(i, N / 3));
        KVal s = kb_load(&b, a->sum, SIDE_none, NULL, 0);
        s = kb_op(&b, KO_fma, s, kb_num(&b, 0.5), tame(&b, apply(&b, op, (KVal[]){x, y, z})));
        kb_store(&b, a->sum, NULL, 0, s);
        kb_end(&b);
        kb_store(&b, a->out[n], NULL, 0, kb_load(&b, a->sum, SIDE_none, NULL, 0));
    }
}

static void ops_agree(TpDtype dtype) {
    for (int op = 0; op < KO_COUNT; op++) {
        const KOpInfo *info = kop_info((KOp)op);
        if (info->flag != KF_PRIM || !kop_pure((KOp)op) || !info->nargs) continue;
        Ctx c = test_ctx();
        Arrays a;
        Kernel *k = kernel_begin(&c, dtype, &a);
        sample_part(&c, k, &a, (KOp)op);
        pair_part(&c, k, &a, (KOp)op);
        compare_all(&c, k, NULL, NULL);
        arena_free(c.a);
    }
}

static void every_op_f64(void **state) {
    (void)state;
    ops_agree(TP_F64);
}

static void every_op_f32(void **state) {
    (void)state;
    ops_agree(TP_F32);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_op_f64),
                                       cmocka_unit_test(every_op_f32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Vector mathematics on every instruction set: bit for bit what the interpreter gives, on ordinary
 * and on special arguments. */
#include "run.h"
#include "kernel/op.h"

/* Arguments: scale times u in [-1, 1], or its size; or a positive number; or a sign. */
typedef enum Draw { NONE, EITHER, SIZE, POSITIVE, SIGN } Draw;
typedef struct Arg {
    Draw draw;
    double scale;
} Arg;
typedef struct Case {
    KOp op;
    Arg arg[4];
} Case;

static const Case cases[] = {
    {KO_exp, {{EITHER, 800}}},
    {KO_expm1, {{EITHER, 60}}},
    {KO_log, {{POSITIVE, 1}}},
    {KO_log1p, {{EITHER, 1}}},
    {KO_sin, {{EITHER, 1e4}}},
    {KO_cos, {{EITHER, 1e4}}},
    {KO_tanh, {{EITHER, 4}}},
    {KO_erf, {{EITHER, 3}}},
    {KO_Phi, {{EITHER, 39}}},
    {KO_pow, {{POSITIVE, 1}, {EITHER, 100}}},
    {KO_atan2, {{EITHER, 1}, {POSITIVE, 1}}},
    {KO_asin, {{EITHER, 0.5}, {POSITIVE, 1}}},
    {KO_dexp, {{EITHER, 50}, {EITHER, 3}}},
    {KO_fan00, {{SIZE, 1}}},
    {KO_fan11, {{SIZE, 1}}},
    {KO_bvn, {{EITHER, 3}, {EITHER, -2}, {SIZE, 1}, {SIGN, 1}}},
};

static const double special[] = {
    0.0,    -0.0,     1.0,       -1.0, 0x1p-1074, -1e-310, 1e-40,  1e300,
    -1e300, INFINITY, -INFINITY, NAN,  0.5,       88.8,    -103.9, 1e-17,
};
enum { NSPECIAL = sizeof special / sizeof *special };

typedef struct Inputs {
    KVal u, x, y; /* u differs by pair, x and y by sample */
} Inputs;

static KVal draw(KBuild *b, const Inputs *in, Arg a, int n) {
    KVal scale = kb_num(b, a.scale), u = n % 2 ? kb_op(b, KO_mul, in->u, in->x, 0) : in->u;
    switch (a.draw) {
    case NONE: return 0;
    case EITHER: return kb_op(b, KO_mul, u, scale, 0);
    case SIZE: return kb_op(b, KO_abs, in->u, 0, 0);
    case POSITIVE: return kb_op(b, KO_mul, in->y, scale, 0);
    case SIGN: return kb_op(b, KO_copysign, kb_num(b, 1), kb_op(b, KO_sub, in->x, in->y, 0), 0);
    }
    return 0;
}

/* Where u falls into the n-th of small intervals, the n-th special number; turned by `turn`. */
static KVal inject(KBuild *b, const Inputs *in, KVal v, int turn) {
    for (int n = 0; n < NSPECIAL; n++) {
        KVal below = kb_op(b, KO_lt, in->u, kb_num(b, -0.9 + 0.1 * n), 0);
        KVal above = kb_op(b, KO_lt, kb_num(b, -0.95 + 0.1 * n), in->u, 0);
        KVal here = kb_op(b, KO_and, below, above, 0);
        v = kb_op(b, KO_select, here, kb_num(b, special[(n + turn) % NSPECIAL]), v);
    }
    return v;
}

static uint32_t array_of(Ctx *c, Kernel *k, const char *name, KStage stage, TpInputKind in) {
    return kernel_array(k, c, (KArray){.name = intern(c->syms, name), .stage = stage, .input = in,
                                       .class = in ? KA_input : KA_output});
}

static Kernel *kernel_of(Ctx *c, const Case *t, TpDtype dtype) {
    AffCtx *aff = affctx_new(c->a, c->syms);
    Kernel *k = kernel_new(c, aff, fxpool_new(c->a, aff));
    k->name = intern(c->syms, "vmath");
    k->dtype = dtype;
    k->kernels = 3;
    vec_push(c->a, &k->input, (InputDecl){.name = intern(c->syms, "x")});
    uint32_t norm = array_of(c, k, "norm", KS_sample, TP_IN_NORM);
    uint32_t unit = array_of(c, k, "unit", KS_pair, TP_IN_UNIT);
    KBuild b = kb_begin(c, k, KS_pair);
    Inputs in = {kb_load(&b, unit, SIDE_none, NULL, 0), kb_load(&b, norm, SIDE_x, NULL, 0),
                 kb_load(&b, norm, SIDE_y, NULL, 0)};
    for (int out = 0; out < 2; out++) {
        uint32_t a = array_of(c, k, out ? "special" : "plain", KS_pair, TP_IN_NONE);
        k->array.data[a].output = (KernelKind)out;
        KVal arg[4];
        for (int n = 0; n < 4; n++) {
            arg[n] = draw(&b, &in, t->arg[n], n);
            if (out && arg[n] && t->arg[n].draw != SIGN) arg[n] = inject(&b, &in, arg[n], 5 * n);
        }
        kb_store(&b, a, NULL, 0, kb_op4(&b, t->op, arg[0], arg[1], arg[2], arg[3]));
    }
    kernel_expand(c, k);
    kernel_cse(c, k);
    return k;
}

static void cases_agree(TpDtype dtype) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Ctx c = test_ctx();
        compare_all(&c, kernel_of(&c, &cases[i], dtype), NULL, NULL);
        arena_free(c.a);
    }
}

static void every_function_f64(void **state) { (void)state, cases_agree(TP_F64); }
static void every_function_f32(void **state) { (void)state, cases_agree(TP_F32); }

/* A row of the table for each MACRO row of kernel.def. */
static void complete(void **state) {
    (void)state;
    for (int op = 0; op < KO_COUNT; op++) {
        bool found = kop_info((KOp)op)->flag != KF_MACRO;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) found |= cases[i].op == (KOp)op;
        assert_true(found);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_function_f64),
                                       cmocka_unit_test(every_function_f32),
                                       cmocka_unit_test(complete)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

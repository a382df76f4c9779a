/* Emitted kernels, executed by the interpreter, against the plans evaluated in double. */
#include "support.h"
#include "abi.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    N = TP_BLOCK,
    IN_VAR0,
    IN_VAR1,
    IN_COV,
    IN_C,
    IN_D,
    IN_SIGN,
    IN_S0,
    IN_S1,
    IN_M0,
    IN_M1,
    INPUTS
};

typedef struct Rig { /* a kernel whose sample arrays 1 .. INPUTS - 1 are operands */
    Bench *b;
    Kernel *k;
    KBuild kb;
    KVal in[INPUTS];
    uint32_t out;
    void *mem[512];
} Rig;

static Rig rig_new(Bench *b, TpDtype dtype) {
    Rig r = {.b = b};
    r.k = kernel_new(&b->c, b->aff, b->fx);
    r.k->name = intern(b->c.syms, "rig");
    r.k->dtype = dtype;
    r.kb = kb_begin(&b->c, r.k, KS_sample);
    for (uint32_t i = 1; i < INPUTS; i++) {
        uint32_t a = kernel_array(
            r.k, &b->c, (KArray){.name = intern_fresh(b->c.syms, "in"), .stage = KS_sample});
        r.in[i] = kb_load(&r.kb, a, SIDE_x, NULL, 0);
    }
    r.out = kernel_array(r.k, &b->c,
                         (KArray){.name = intern_fresh(b->c.syms, "out"), .stage = KS_sample});
    return r;
}

static GaussOperands operands(Rig *r) {
    KVal *v = ARENA_ARRAY(r->b->c.a, KVal, 12);
    v[0] = r->in[IN_VAR0], v[1] = r->in[IN_VAR1], v[2] = r->in[IN_M0], v[3] = r->in[IN_M1],
    v[5] = r->in[IN_COV];
    return (GaussOperands){.var = v,
                           .mean = v + 2,
                           .cov = v + 4,
                           .s = {r->in[IN_S0], r->in[IN_S1]},
                           .c = r->in[IN_C],
                           .d = r->in[IN_D],
                           .sign = r->in[IN_SIGN]};
}

static int64_t extent(Rig *r, uint32_t a) {
    const KArray *x = &r->k->array.data[a];
    int64_t n = 1;
    for (uint32_t i = 0; i < x->naxis; i++) n *= x->axis[i].hi.c;
    return n;
}

/* Runs on lanes of operands in[i][lane] and returns the output in lane order. */
static void rig_run(Rig *r, const double (*in)[N], double *out) {
    Ctx *c = &r->b->c;
    const char *why = kernel_verify(c, r->k);
    if (why) fail_msg("before expansion: %s", why);
    assert_true(kernel_pass(c, r->k, "expand"));
    why = kernel_verify(c, r->k);
    if (why) fail_msg("after expansion: %s", why);
    bool f32 = r->k->dtype == TP_F32;
    for (uint32_t a = 1; a < r->k->array.len; a++) {
        r->mem[a] = aligned_alloc(64, (size_t)extent(r, a) * N * sizeof(double));
        for (uint32_t j = 0; a < INPUTS && j < N; j++) {
            if (f32)
                ((float *)r->mem[a])[j] = (float)in[a][j];
            else
                ((double *)r->mem[a])[j] = in[a][j];
        }
    }
    TpKernel desc = {0};
    kernel_interpret(c, r->k, &desc, c->a);
    TpFrame f = {.xarray = r->mem, .self = desc.self};
    desc.sample_fn(&f, 0, N);
    for (uint32_t j = 0; j < N; j++)
        out[j] = f32 ? (double)((float *)r->mem[r->out])[j] : ((double *)r->mem[r->out])[j];
    for (uint32_t a = 1; a < r->k->array.len; a++) free(r->mem[a]);
}

static const double qs[] = {0.1, 1, 10, 0}, ds[] = {1, 0.5, 1e-6, 0};

/* Lanes: variances x defects x signs. */
static void lanes(double (*in)[N], bool zeros) {
    for (uint32_t j = 0; j < N; j++) {
        double q = qs[j % (zeros ? 4 : 3)], p = qs[(j / 4) % (zeros ? 4 : 3)], d = ds[(j / 16) % 4];
        double sign = j % 2 ? -1 : 1;
        in[IN_VAR0][j] = q, in[IN_VAR1][j] = p;
        in[IN_S0][j] = q > 0 ? sqrt(q) : 1, in[IN_S1][j] = p > 0 ? sqrt(p) : 1;
        in[IN_C][j] = sign * (1 - d), in[IN_D][j] = d, in[IN_SIGN][j] = sign;
        in[IN_COV][j] = sign * (1 - d) * sqrt(q * p);
        in[IN_M0][j] = 0.3, in[IN_M1][j] = -0.7;
    }
}

static double value_at(Rig *r, const Pair *p, const double (*in)[N], uint32_t j) {
    return pair_value(r->b, p, in[IN_VAR0][j], in[IN_VAR1][j], in[IN_D][j], in[IN_SIGN][j],
                      in[IN_M0][j], in[IN_M1][j]);
}

/* Quadratures take long in the interpreter: few of them. */
static bool too_long(const char *name, bool unit, bool centred, TpDtype dtype) {
    bool quadrature = !strcmp(name, "elu") || !strcmp(name, "softsign");
    return quadrature && (!unit || !centred || dtype == TP_F32);
}

static const char *const all[] = {
    "relu",     "leaky_relu", "abs",       "sign",  "step",         "erf",   "Phi",     "gelu",
    "gaussian", "sin",        "cos",       "exp",   "snake",        "gabor", "square",  "cube",
    "relu2",    "relu3",      "hard_tanh", "relu6", "shifted_relu", "elu",   "softsign"};

static void check(const char *name, bool unit, bool centred, TpDtype dtype) {
    static double in[INPUTS][N], out[N];
    lanes(in, true);
    for (int deriv = 0; deriv < 2 && !too_long(name, unit, centred, dtype); deriv++) {
        Bench b = bench_new();
        Rig r = rig_new(&b, dtype);
        Fx x = bench_fx(&b, name);
        if (deriv) x = fx_diff(b.fx, x, 0);
        Pair p = bench_pair(&b, x, x, unit, centred);
        GaussOperands o = operands(&r);
        if (p.e->method != GM_none && p.e->method != GM_series) {
            kb_store(&r.kb, r.out, NULL, 0, gauss_emit(&r.kb, p.e, &o));
            rig_run(&r, (const double(*)[N])in, out);
            for (uint32_t j = 0; j < N; j++) {
                double want = value_at(&r, &p, (const double(*)[N])in, j);
                double tol = dtype == TP_F32 ? 3e-5 : unit ? 3e-14 : 3e-8;
                if (!(fabs(out[j] - want) <=
                      tol * (fabs(want) + fmax(1, in[IN_VAR0][j] * in[IN_VAR1][j]))))
                    fail_msg("%s deriv %d unit %d centred %d f32 %d lane %u (q %g p %g d %g): "
                             "%.17g, not %.17g",
                             name, deriv, unit, centred, dtype == TP_F32, j, in[IN_VAR0][j],
                             in[IN_VAR1][j], in[IN_D][j], out[j], want);
            }
        }
        bench_free(&b);
    }
}

static void closed_unit(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check(all[i], true, true, TP_F64);
}

static void closed_plain(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check(all[i], false, true, TP_F64);
}

static void closed_means(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) check(all[i], true, false, TP_F64);
}

static void closed_f32(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i], "exp") && strcmp(all[i], "cube") && strcmp(all[i], "relu3"))
            check(all[i], true, true, TP_F32);
}

/* 1 - E F F' / (|F| |F'|) to full relative accuracy next to c = 1, in few instructions. */
static void complement(void **state) {
    (void)state;
    static const char *const names[] = {"relu",  "leaky_relu", "abs",    "step", "sign",
                                        "relu2", "relu3",      "square", "cube"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Bench b = bench_new();
        Fx x = bench_fx(&b, names[i]);
        Pair p = bench_pair(&b, x, x, true, true);
        assert_true(p.e->homogeneous && p.e->complement);
        double last = 0;
        for (double d = 1e-15; d < 1; d *= 7) {
            GaussNumbers n = {.c = 1 - d, .d = d, .sign = 1};
            double v = gauss_value_unit(&b.c, p.e, &n, false),
                   e = gauss_value_unit(&b.c, p.e, &n, true);
            if (fabs(1 - v - e) > 4e-16) fail_msg("%s d %g: %.17g and %.17g", names[i], d, v, e);
            assert_true(e > last);
            last = e;
            n = (GaussNumbers){.c = d - 1, .d = d, .sign = -1};
            v = gauss_value_unit(&b.c, p.e, &n, false), e = gauss_value_unit(&b.c, p.e, &n, true);
            assert_true(fabs(1 - v - e) <= 4e-16);
        }
        bench_free(&b);
    }
    Bench b = bench_new();
    Fx x = bench_fx(&b, "relu");
    Pair p = bench_pair(&b, x, x, true, true);
    GaussNumbers n = {.c = 1, .d = 1e-8, .sign = 1};
    /* 1 - kappa1 = d - (sin a - a cos a) / pi = d - (2 d)^(3/2) / (3 pi) + .. */
    double e = gauss_value_unit(&b.c, p.e, &n, true),
           want = 1e-8 - 2 * sqrt(2) / (3 * M_PI) * 1e-12;
    assert_true(fabs(e - want) < 1e-19);
    Rig r = rig_new(&b, TP_F64);
    uint32_t before = r.k->fn[KS_sample].ins.len;
    GaussOperands o = operands(&r);
    KVal v = gauss_emit_complement(&r.kb, p.e, &o);
    kb_store(&r.kb, r.out, NULL, 0, v);
    assert_true(r.k->fn[KS_sample].ins.len - before < 16);
    bench_free(&b);
}

/* Hermite arrays: the series summed by hand from emitted coefficients. */
static void hermite(void **state) {
    (void)state;
    static const char *const names[] = {"tanh", "silu", "softplus", "mish", "sigmoid"};
    static double in[INPUTS][N], out[N], terms[N];
    lanes(in, false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Bench b = bench_new();
        Fx x = bench_fx(&b, names[i]);
        Pair p = bench_pair(&b, x, x, true, true);
        assert_int_equal(p.e->method, GM_series);
        Rig r = rig_new(&b, TP_F64);
        GaussOperands o = operands(&r);
        int64_t cap = gauss_series_caps(p.e, 0, false).terms;
        KVal t = gauss_emit_terms(&r.kb, p.e, 0, false, o.var[0]);
        uint32_t nt = kernel_array(r.k, &b.c,
                                   (KArray){.name = intern(b.c.syms, "terms"), .stage = KS_sample});
        kb_store(&r.kb, nt, NULL, 0, t);
        KAxis ax = {.var = intern(b.c.syms, "k"), .lo = aff_const(0), .hi = aff_const(cap)};
        uint32_t arr = kernel_array(
            r.k, &b.c,
            (KArray){
                .name = intern(b.c.syms, "hermite"), .stage = KS_sample, .axis = &ax, .naxis = 1});
        gauss_emit_hermite(&r.kb, p.e, 0, false, &o, arr, NULL, 0, aff_const(cap), cap);
        /* sum a_k^2 is E F^2 */
        uint32_t sum = kernel_cell(r.k, &b.c, KS_sample, "sum");
        kb_store(&r.kb, sum, NULL, 0, kb_num(&r.kb, 0));
        Sym k = intern_fresh(b.c.syms, "j");
        kb_loop(&r.kb, k, aff_const(0), aff_const(cap), false);
        Aff at = aff_name(b.aff, k);
        KVal a = kb_load(&r.kb, arr, SIDE_x, &at, 1), s = kb_load(&r.kb, sum, SIDE_x, NULL, 0);
        kb_store(&r.kb, sum, NULL, 0, kb_op(&r.kb, KO_fma, a, a, s));
        kb_end(&r.kb);
        kb_store(&r.kb, r.out, NULL, 0, kb_load(&r.kb, sum, SIDE_x, NULL, 0));
        rig_run(&r, (const double(*)[N])in, out);
        (void)terms;
        Pair self = bench_single(&b, x, x, true);
        for (uint32_t j = 0; j < N; j++) {
            double want = single_value(&b, &self, in[IN_VAR0][j], 0);
            if (!(fabs(out[j] - want) <= 2e-12 * want))
                fail_msg("%s q %g: sum of squares %.17g, E F^2 %.17g", names[i], in[IN_VAR0][j],
                         out[j], want);
        }
        bench_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complement),   cmocka_unit_test(hermite),
        cmocka_unit_test(closed_unit),  cmocka_unit_test(closed_plain),
        cmocka_unit_test(closed_means), cmocka_unit_test(closed_f32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Programs with positions, scalars and sizes of their own in text form (tests/oracle/positions):
 * the limit's equations and the kernel in the interpreter against the unrolled master theorem. */
#include "posrun.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct Case {
    const char *file;
    const char *varying; /* a size that differs between samples */
    int size[NSAMPLE];
    double tolerance;
} Case;

static const Case cases[] = {
    {"layernorm_pre", NULL, {0}, 1e-11},    {"layernorm_post", NULL, {0}, 1e-11},
    {"conv_flat", NULL, {5, 5, 5}, 1e-11},  {"conv_gap", NULL, {4, 4, 4}, 1e-11},
    {"conv_gap", NULL, {1, 1, 1}, 1e-11},   {"conv_circ", NULL, {4, 4, 4}, 1e-11},
    {"conv_circ", NULL, {2, 2, 2}, 1e-11},  {"rnn_last", NULL, {3, 3, 3}, 1e-11},
    {"rnn_last", "T", {2, 4, 3}, 1e-11},    {"rnn_avg", NULL, {3, 3, 3}, 1e-11},
    {"rnn_avg", "T", {2, 4, 3}, 1e-11},     {"rnn_states", "T", {2, 1, 3}, 1e-11},
    {"rnn_states", NULL, {3, 3, 3}, 1e-11}, {"transformer", NULL, {3, 3, 3}, 1e-11},
    {"transformer", "T", {2, 3, 1}, 1e-11}, {"gcn", NULL, {3, 3, 3}, 1e-11},
    {"gcn", "V", {3, 2, 1}, 1e-11},         {"noise", NULL, {2, 2, 2}, 1e-11},
    {"pool", NULL, {7, 7, 7}, 1e-11},       {"pool", NULL, {8, 8, 8}, 1e-11},
    {"pool", "P", {7, 4, 6}, 1e-11},        {"image", NULL, {2, 2, 2}, 1e-11},
    {"scalars", NULL, {3, 3, 3}, 1e-11},    {"scalars", "T", {2, 3, 1}, 1e-11},
    {"conv_circ", "P", {3, 4, 1}, 1e-11},   {"conv_gap", "P", {3, 4, 1}, 1e-11},
    {"arms", NULL, {3, 3, 3}, 1e-11},       {"arms", "T", {3, 3, 3}, 1e-11},
};

typedef struct Test {
    Ctx c;
    Program *p;
    const Case *of;
    bool noisy;
} Test;

static double real_value(void *ctx, Sym name) { return pos_default(((const Test *)ctx)->p, name); }

static int64_t int_value(void *ctx, Sym name) { return (int64_t)real_value(ctx, name); }

static int64_t own_size(void *ctx, int sample, Sym name) {
    (void)name;
    return ((const Test *)ctx)->of->size[sample];
}

static void refuse(Test *t, const char *what) {
    Buf b = buf_new(t->c.a);
    diags_render(t->c.ds, (DiagRender){.format = DIAG_SHORT}, &b);
    fail_msg("%s: %s: %s", t->of->file, what, buf_text(&b));
}

static char *read_text(Arena *a, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s", path);
    char *s = arena_alloc(a, 1 << 16);
    size_t n = fread(s, 1, (1 << 16) - 1, f);
    s[n] = 0;
    fclose(f);
    return s;
}

static void start(Test *t, const Case *of) {
    Arena *a = arena_new(0, NULL, NULL);
    *t = (Test){.c = {.a = a, .syms = intern_new(a), .src = sources_new(a)}, .of = of};
    t->c.ds = diags_new(a, t->c.src);
    const char *path = arena_printf(a, TEST_ROOT "/tests/oracle/positions/%s.tprog", of->file);
    if (!program_parse(&t->c, read_text(a, path), 0, &t->p)) refuse(t, "text");
    const char *wrong = program_verify(&t->c, t->p);
    if (wrong) fail_msg("%s: %s", of->file, wrong);
    if (of->varying) vec_push(a, &t->p->varying, intern(t->c.syms, of->varying));
}

static Limit *limit_of(Test *t) {
    Limit *l;
    if (!limit_derive(&t->c, t->p, 3, &l)) refuse(t, "limit");
    const char *wrong = limit_verify(&t->c, l);
    if (wrong) fail_msg("%s: %s", t->of->file, wrong);
    t->noisy = l->out[0].noisy;
    return l;
}

static void kernel_of(Test *t, Limit *l, PosRun *r) {
    if (!lower_expect(&t->c, l) || !lower_normalise(&t->c, l) || !lower_series(&t->c, l) ||
        !lower_kernel(&t->c, l, TP_F64, &r->k))
        refuse(t, "lower");
    const char *wrong = limit_verify(&t->c, l);
    if (!wrong) wrong = kernel_verify(&t->c, r->k);
    if (wrong) fail_msg("%s: %s", t->of->file, wrong);
    if (!kernel_optimise(&t->c, r->k)) refuse(t, "passes");
    r->t = kernel_describe(&t->c, r->k, t->c.a);
    kernel_interpret_checked(&t->c, r->k, r->t, t->c.a, &r->faults);
}

static void compare(Test *t, const char *what, int kernel, int i, int j, double got, double want,
                    double tolerance) {
    if (fabs(got - want) <= tolerance * fmax(fabs(want), 0.1)) return;
    fail_msg("%s %s, %s, kernel %d, pair %d %d: %.15g, unrolled %.15g", t->of->file,
             t->of->varying ? t->of->varying : "", what, kernel, i, j, got, want);
}

static void one_value(Test *t, const Setup *s, LimitEval *e, const PosRun *r, int i, int j,
                      const int64_t *at, int64_t element) {
    for (uint32_t k = 0; k < 2; k++) {
        const char *bad;
        double want = unrolled_eval_at(t->c.a, s, (KernelKind)k, i, j, at);
        bool self = i == j && t->noisy;
        double got = limit_eval_at(e, k, i, j, at, &bad);
        if (bad) fail_msg("%s: %s", t->of->file, bad);
        if (!self) compare(t, "limit", (int)k, i, j, got, want, 1e-7);
        double run =
            pos_out(r, (KernelKind)k, self ? TP_STAGE_SAMPLE : TP_STAGE_PAIR, element);
        compare(t, "kernel", (int)k, i, j, run, want, i == j ? 1e-7 : t->of->tolerance);
    }
}

static void pair(Test *t, const Setup *s, LimitEval *e, PosRun *r, int i, int j) {
    pos_run(r, i, j);
    /* stores are remembered at one extent of an array */
    if (r->faults && !t->of->varying)
        fail_msg("%s: %llu faults", t->of->file, (unsigned long long)r->faults);
    if (!t->p->nout_dim) return one_value(t, s, e, r, i, j, NULL, 0);
    int64_t at[2], m = t->of->size[i], n = t->of->size[j];
    for (at[0] = 0; at[0] < m; at[0]++)
        for (at[1] = 0; at[1] < n; at[1]++) one_value(t, s, e, r, i, j, at, at[0] * n + at[1]);
}

/* The printed limit; TPC_BLESS=1 rewrites the files. */
static void golden(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        Test t;
        start(&t, &cases[k]);
        Buf b = buf_new(t.c.a);
        limit_print(&t.c, &b, limit_of(&t));
        const char *path = arena_printf(t.c.a, TEST_ROOT "/tests/golden/limit/positions_%s%s.limit",
                                        cases[k].file, cases[k].varying ? "_varying" : "");
        if (getenv("TPC_BLESS")) {
            FILE *f = fopen(path, "wb");
            assert_non_null(f);
            fputs(buf_text(&b), f);
            fclose(f);
        }
        assert_string_equal(buf_text(&b), read_text(t.c.a, path));
        arena_free(t.c.a);
    }
}

static void values(void **state) {
    (void)state;
    const char *only = getenv("TPC_CASE");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        Test t;
        if (only && strcmp(only, cases[k].file)) continue;
        start(&t, &cases[k]);
        Setup s = {.c = &t.c, .p = t.p, .real = real_value, .size = int_value, .own = own_size,
                   .ctx = &t};
        setup_data(&s, 5);
        LimitEval *e = limit_eval_new(t.c.a, &s, limit_of(&t));
        PosRun r = {.c = &t.c, .s = &s};
        kernel_of(&t, limit_of(&t), &r);
        for (int j = 0; j < NSAMPLE; j++) pair(&t, &s, e, &r, j == 2, j);
        arena_free(t.c.a);
    }
}

/* Dropout after every relu of an MLP without biases: of a sample with itself the second moment of
 * the noise is 1 / p, in the variances that a pair has too; between samples it is 1. */
static void dropout(void **state) {
    (void)state;
    static const Case of = {"dropout", NULL, {0}, 1e-12};
    const double sw = 2, p = 0.8;
    Test t;
    start(&t, &of);
    Setup s = {.c = &t.c, .p = t.p, .real = real_value, .size = int_value, .own = own_size,
               .ctx = &t};
    setup_data(&s, 5);
    PosRun r = {.c = &t.c, .s = &s};
    kernel_of(&t, limit_of(&t), &r);
    pos_run(&r, 0, 1);
    double q = s.gram[0][0][0][0], o = s.gram[0][0][1][1], k = s.gram[0][0][0][1];
    double a = sw * q, tan = a, c = k / sqrt(q * o), w = sw * sqrt(q * o), th = sw * k;
    double tr = 0, kr = 0, dr = 0, c1 = c;
    for (int l = 0; l < 3; l++) {
        double angle = acos(c1);
        kr = w * (sin(angle) + (M_PI - angle) * c1) / (2 * M_PI);
        dr = (M_PI - angle) / (2 * M_PI) * th;
        th = sw * (kr + dr);
        w /= p;
        c1 = 2 * kr / w;
        tr = 0.5 * tan / p;
        a = 0.5 * a / p;
        tan = sw * (a + tr);
        if (l < 2) a *= sw;
    }
    compare(&t, "self", 0, 0, 0, pos_out(&r, KERNEL_nngp, TP_STAGE_SAMPLE, 0), a, 1e-12);
    compare(&t, "self", 1, 0, 0, pos_out(&r, KERNEL_ntk, TP_STAGE_SAMPLE, 0), a + tr, 1e-12);
    compare(&t, "pair", 0, 0, 1, pos_out(&r, KERNEL_nngp, TP_STAGE_PAIR, 0), kr, 1e-12);
    compare(&t, "pair", 1, 0, 1, pos_out(&r, KERNEL_ntk, TP_STAGE_PAIR, 0), kr + dr, 1e-12);
    arena_free(t.c.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(values),
                                       cmocka_unit_test(dropout)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

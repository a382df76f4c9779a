/* Known architectures: the printed limit against golden files, the values against the unrolled
 * master theorem.  TPC_BLESS=1 rewrites the files. */
#include "diag/diag.h"
#include "networks.h"
#include "oracle.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static double real_of(void *ctx, Sym name) {
    const char *s = sym_text(((PB *)ctx)->c.syms, name);
    return !strcmp(s, "sw") ? 1.3 : !strcmp(s, "sb") ? 0.2 : !strcmp(s, "alpha") ? 0.6 : 1.1;
}

static int64_t depth3(void *ctx, Sym name) {
    (void)ctx, (void)name;
    return 3;
}

static int64_t depth1(void *ctx, Sym name) {
    (void)ctx, (void)name;
    return 1;
}

static Limit *derive(PB *b) {
    Limit *l;
    if (!limit_derive(&b->c, b->p, 3, &l)) {
        Buf t = buf_new(b->c.a);
        diags_render(b->c.ds, (DiagRender){.format = DIAG_SHORT}, &t);
        fail_msg("refused: %s", buf_text(&t));
    }
    const char *bad = limit_verify(&b->c, l);
    if (bad) fail_msg("%s", bad);
    return l;
}

static char *read_file(Arena *a, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return arena_strdup(a, "");
    char *s = arena_alloc(a, 1 << 16);
    size_t n = fread(s, 1, (1 << 16) - 1, f);
    s[n] = 0;
    fclose(f);
    return s;
}

static void golden(void **state) {
    (void)state;
    for (int k = 0; k < NNETWORK; k++) {
        PB *b = networks[k].make();
        Buf t = buf_new(b->c.a);
        limit_print(&b->c, &t, derive(b));
        const char *path = arena_printf(b->c.a, "%s/%s.limit", GOLDEN_DIR, networks[k].name);
        if (getenv("TPC_BLESS")) {
            FILE *f = fopen(path, "wb");
            assert_non_null(f);
            fputs(buf_text(&t), f);
            fclose(f);
        }
        assert_string_equal(buf_text(&t), read_file(b->c.a, path));
        arena_free(b->c.a);
    }
}

static void compare(PB *b, const Limit *l, int64_t (*size)(void *, Sym), const char *name) {
    Setup s = {.c = &b->c, .p = b->p, .real = real_of, .size = size, .ctx = b};
    setup_data(&s, 5);
    LimitEval *e = limit_eval_new(b->c.a, &s, l);
    for (int j = 0; j < 3; j++)
        for (uint32_t k = 0; k < l->nout; k++) {
            const char *bad;
            double got = limit_eval(e, k, j == 2, j, &bad);
            if (bad) fail_msg("%s: %s", name, bad);
            double want = unrolled_eval(b->c.a, &s, l->out[k].kernel, j == 2, j);
            if (!(fabs(got - want) <= 1e-7 * fmax(fabs(want), 0.1)))
                fail_msg("%s, kernel %u, pair %d %d: %.12g, unrolled %.12g", name, k, j == 2, j,
                         got, want);
        }
}

static bool has_loop(const PB *b) {
    for (DefId d = 1; d < b->p->def.len; d++)
        if (b->p->def.data[d].mu) return true;
    return false;
}

static void values(void **state) {
    (void)state;
    for (int k = 0; k < NNETWORK; k++) {
        PB *b = networks[k].make();
        const Limit *l = derive(b);
        compare(b, l, depth3, networks[k].name);
        if (has_loop(b)) compare(b, l, depth1, networks[k].name);
        arena_free(b->c.a);
    }
}

/* ---- refusals */
static PB *net_stream(void) { /* x = tanh(x + tanh(W x)) */
    Parts p = parts("stream");
    PB *b = p.b;
    Fx tanh0 = fx_op(b->fx, FX_tanh, fx_leaf(b->fx, 0), 0, 0);
    DefId x = state(&p, "h", pb_at(b, p.e), depth_of(&p, 0));
    loop_over(&p, depth_of(&p, 0));
    DefId g = pb_matmul(b, "g", p.W, pb_own(b, x), turn(&p));
    DefId r = pb_nonlin(b, "r", tanh0, 1, pb_own(b, g)), s = pb_lin(b, "s");
    pb_arm(b, s, p.one, pb_own(b, x));
    pb_arm(b, s, p.one, pb_own(b, r));
    DefId y = pb_nonlin(b, "y", tanh0, 1, pb_own(b, s));
    pb_pop(b);
    pb_mu_next(b, x, y);
    return finish(&p, pb_at(b, x, depth_of(&p, 0)));
}

static PB *net_long_sum(void) { /* tanh(sum(m in 0..depth) tanh(W[m] e)) */
    Parts p = parts("sum");
    PB *b = p.b;
    Fx tanh0 = fx_op(b->fx, FX_tanh, fx_leaf(b->fx, 0), 0, 0);
    loop_over(&p, depth_of(&p, 0));
    DefId g = pb_matmul(b, "g", p.W, pb_at(b, p.e), turn(&p));
    DefId r = pb_nonlin(b, "r", tanh0, 1, pb_own(b, g));
    pb_pop(b);
    DefId s = pb_lin(b, "s");
    pb_arm_sum(b, s, p.one, pb_at(b, r, pb_name(b, "m")),
               pb_dim(b, "m", aff_const(0), depth_of(&p, 0)));
    return finish(&p, pb_at(b, pb_nonlin(b, "y", tanh0, 1, pb_at(b, s))));
}

static void refused(Network *make, uint32_t code, const char *text) {
    PB *b = make();
    Limit *l;
    assert_false(limit_derive(&b->c, b->p, 3, &l));
    assert_true(diags_has(b->c.ds, code));
    assert_int_equal(diags_count(b->c.ds), 1);
    Buf t = buf_new(b->c.a);
    diags_render(b->c.ds, (DiagRender){.format = DIAG_SHORT}, &t);
    assert_non_null(strstr(buf_text(&t), text));
    arena_free(b->c.a);
}

static void refusals(void **state) {
    (void)state;
    refused(net_stream, 420, "`y` applies a nonlinearity to `h`");
    refused(net_long_sum, 421, "`y` applies a nonlinearity to `s`, a sum of depth vectors");
}

/* x = x + W x written out 40 times: expanded naively this has 2^40 terms.  K[n] = (1 + sw)^n
 * K[0], and with lr = sw Theta[n] = K[n] (1 + n sw / (1 + sw)). */
static void written_out(void **state) {
    (void)state;
    enum { LINES = 40 };
    Parts p = parts("lines");
    PB *b = p.b;
    DefId x = p.e;
    for (int i = 0; i < LINES; i++) {
        DefId g = pb_matmul(b, "g", p.W, pb_at(b, x), aff_const(i)), y = pb_lin(b, "y");
        pb_arm(b, y, p.one, pb_at(b, x));
        pb_arm(b, y, p.one, pb_at(b, g));
        x = y;
    }
    finish(&p, pb_at(b, x));
    const Limit *l = derive(b);
    assert_true(l->array.len < 4 * LINES);
    Setup s = {.c = &b->c, .p = b->p, .real = real_of, .size = depth3, .ctx = b};
    setup_data(&s, 9);
    const char *bad;
    LimitEval *e = limit_eval_new(b->c.a, &s, l);
    double K = 1.1 * 1.3 * s.gram[0][0][0][1] * pow(2.3, LINES), k = limit_eval(e, 0, 0, 1, &bad);
    double T = K * (2 + (double)LINES * 1.3 / 2.3), t = limit_eval(e, 1, 0, 1, &bad);
    assert_null(bad);
    assert_true(fabs(k - K) <= 1e-12 * fabs(K) && fabs(t - T) <= 1e-12 * fabs(T));
    arena_free(b->c.a);
}

/* ---- what else the result carries */
static const LArray *find(PB *b, const Limit *l, const char *name) {
    for (LArrayId i = 1; i < l->array.len; i++)
        if (!strcmp(sym_text(b->c.syms, l->array.data[i].name), name)) return &l->array.data[i];
    fail_msg("no array %s", name);
    return NULL;
}

static void signs_and_twins(void **state) {
    (void)state;
    PB *b = net_mlp();
    const Limit *l = derive(b);
    const LArray *r = find(b, l, "K.r.r"), *h = find(b, l, "K.h.h");
    assert_true(r->nonneg);
    assert_false(h->nonneg); /* the data's Gram may be negative */
    assert_ptr_equal(&l->array.data[h->self[0].array], find(b, l, "q.h.h"));
    assert_int_equal(h->self[0].side, SIDE_x);
    assert_int_equal(h->self[1].side, SIDE_y);
    assert_int_equal(find(b, l, "q.h.h")->stage, LS_sample);
    assert_int_equal(h->stage, LS_pair);
    arena_free(b->c.a);
}

/* The verifier must see what is wrong. */
static LFactor *first_ref(const LArray *r) {
    for (uint32_t i = 0; i < r->eq.n; i++)
        for (uint32_t k = 0; k < r->eq.term[i].nfactor; k++)
            if (r->eq.term[i].factor[k].kind == LF_ref)
                return (LFactor *)(uintptr_t)&r->eq.term[i].factor[k];
    fail_msg("no reference");
    return NULL;
}

static void verifier(void **state) {
    (void)state;
    PB *b = net_mlp();
    Limit *l = derive(b);
    LFactor *f = first_ref(find(b, l, "K.h.h")), good = *f;
    Aff out = aff_plus(*f->ref.idx, 2);
    f->ref.idx = &out;
    assert_non_null(strstr(limit_verify(&b->c, l), "outside its axes"));
    *f = good;
    f->ref.side = SIDE_x;
    assert_non_null(strstr(limit_verify(&b->c, l), "a side where none belongs"));
    *f = good;
    assert_null(limit_verify(&b->c, l));
    f = first_ref(find(b, l, "q.h.h"));
    good = *f;
    f->ref.side = SIDE_y;
    assert_non_null(strstr(limit_verify(&b->c, l), "reads side y outside pair"));
    *f = good;
    f->ref.array = (LArrayId)(find(b, l, "K.r.r") - l->array.data);
    assert_non_null(strstr(limit_verify(&b->c, l), "later stage"));
    *f = good;
    LArray *r = &l->array.data[1];
    Sym name = r->name;
    r->name = l->array.data[2].name;
    assert_non_null(strstr(limit_verify(&b->c, l), "two arrays of one name"));
    r->name = name;
    arena_free(b->c.a);
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(golden), cmocka_unit_test(values),
                                   cmocka_unit_test(refusals), cmocka_unit_test(written_out),
                                   cmocka_unit_test(signs_and_twins), cmocka_unit_test(verifier)};
    return cmocka_run_group_tests(t, NULL, NULL);
}

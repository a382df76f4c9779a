/* Random networks with positions from source text to kernels, with and without the passes that
 * rearrange positions, against the unrolled master theorem.  An argument: how many programs.
 * TPC_TEST_FIRST, TPC_TEST_COUNT choose seeds; TPC_TEST_SHOW prints each, TPC_TEST_PRINT=limit, raw
 * or kernel what is made of it. */
#include "lk.h"
#include "posgen.h"
#include "posrun.h"
#include <time.h>

enum { NPROGRAM = 60 };

typedef struct Tally {
    unsigned code[1000];
    unsigned run, refused;
} Tally;

typedef struct Case {
    PosGen g;
    const char *text;
    uint64_t seed;
    Ctx c;
    Program *p;
    Setup s;
    Tally *tally;
    LimitEval *limit;
    bool noisy;
} Case;

static double real_value(void *ctx, Sym name) {
    const Case *t = ctx;
    bool depth = !strcmp(sym_text(t->c.syms, name), "depth");
    return depth ? (double)t->g.depth : pos_default(t->p, name);
}

static int64_t int_value(void *ctx, Sym name) { return (int64_t)real_value(ctx, name); }

static int64_t own_size(void *ctx, int sample, Sym name) {
    const Case *t = ctx;
    const char *s = sym_text(t->c.syms, name);
    for (int d = 0; d < PG_RANK; d++)
        if (!strcmp(s, pg_in[d])) return t->g.size[sample][d];
    bug("no such size");
}

static void fail_case(const Case *t, const char *what) {
    print_error("program %llu: %s\ndepth %lld, points %u, sizes", (unsigned long long)t->seed, what,
                (long long)t->g.depth, t->g.points);
    for (int i = 0; i < NSAMPLE; i++)
        for (int d = 0; d < t->g.rank; d++)
            print_error("%s%d", d ? "x" : i ? ", " : " ", t->g.size[i][d]);
    print_error("\n");
    for (const char *s = t->text; *s;) {
        size_t n = strcspn(s, "\n") + 1; /* cmocka cuts long messages */
        print_error("%.*s", (int)n, s);
        s += n;
    }
    fail_msg("program %llu", (unsigned long long)t->seed);
}

static const char *said(const Ctx *c) {
    Buf b = buf_new(c->a);
    diags_render(c->ds, (DiagRender){.format = DIAG_SHORT}, &b);
    return buf_text(&b);
}

static void refuse(Case *t) {
    const char *s = said(&t->c), *at = strstr(s, "TP0");
    t->tally->refused++;
    if (!at || diags_has(t->c.ds, 500) || diags_has(t->c.ds, 502)) fail_case(t, s);
    t->tally->code[atoi(at + 3)]++;
    if (getenv("TPC_TEST_SHOW"))
        print_message("%llu refused: %s\n", (unsigned long long)t->seed, s);
}

static bool start(Case *t, uint64_t seed, Tally *tally) {
    *t = (Case){.c = ctx_new(), .seed = seed, .tally = tally};
    t->text = pg_make(&t->g, t->c.a, seed);
    Ast *ast = load_text(&t->c, t->text);
    if (!ast || !program_elaborate(&t->c, ast, 0, NULL, 0, &t->p)) {
        refuse(t);
        return false;
    }
    const char *wrong = program_verify(&t->c, t->p);
    if (wrong) fail_case(t, wrong);
    for (int d = 0; d < t->g.rank; d++)
        if (t->g.varying[d]) vec_push(t->c.a, &t->p->varying, intern(t->c.syms, pg_in[d]));
    t->s = (Setup){.c = &t->c, .p = t->p, .real = real_value, .size = int_value, .own = own_size,
                   .ctx = t, .data = t->g.points};
    setup_data(&t->s, 5);
    return true;
}

static Limit *limit_of(Case *t) {
    Limit *l, *m;
    if (!limit_derive(&t->c, t->p, 3, &l)) return NULL;
    if (!lower_has_order(&t->c, l) && limit_derive_mirrored(&t->c, t->p, 3, &m) &&
        lower_has_order(&t->c, m))
        l = m;
    const char *wrong = limit_verify(&t->c, l);
    if (wrong) fail_case(t, wrong);
    t->noisy = l->out[0].noisy;
    return l;
}

static void print_stage(Case *t, const char *stage, const Limit *l, const Kernel *k) {
    const char *which = getenv("TPC_TEST_PRINT");
    Buf b = buf_new(t->c.a);
    if (!which || strcmp(which, stage)) return;
    if (k) kernel_print(&t->c, &b, k);
    else limit_print(&t->c, &b, l);
    fprintf(stderr, "%s\n", buf_text(&b));
}

static bool kernel_of(Case *t, Limit *l, bool passes, PosRun *r) {
    Ctx *c = &t->c;
    *r = (PosRun){.c = c, .s = &t->s};
    if (!lower_expect(c, l) || !lower_normalise(c, l) || !lower_series(c, l)) return false;
    if (passes && (!lower_offset(c, l) || !lower_box(c, l) || !lower_halo(c, l))) return false;
    print_stage(t, "limit", l, NULL);
    const char *wrong = limit_verify(c, l);
    if (wrong) fail_case(t, wrong);
    if (!lower_kernel(c, l, TP_F64, &r->k)) return false;
    wrong = kernel_verify(c, r->k);
    if (wrong) fail_case(t, wrong);
    print_stage(t, "raw", l, r->k);
    if (!kernel_optimise(c, r->k)) return false;
    wrong = kernel_verify(c, r->k);
    if (wrong) fail_case(t, wrong);
    print_stage(t, "kernel", l, r->k);
    r->t = kernel_describe(c, r->k, c->a);
    kernel_interpret_checked(c, r->k, r->t, c->a, &r->faults);
    return true;
}

static void same(Case *t, const char *what, int kernel, int i, int j, double got, double want,
                 double tolerance) {
    double err = fabs(got - want) / fmax(fabs(want), 0.05);
    if (err <= tolerance) return;
    fail_case(t, arena_printf(t->c.a, "%s, kernel %d, pair %d %d: %.15g for %.15g", what, kernel, i,
                              j, got, want));
}

/* Where arguments coincide the arc cosine of a rounded 1 takes half the digits, a step those of a
 * step again half of them.  A window that zeros fill is one such argument: the bias. */
static double tolerance(const Case *t, int i, int j) {
    if (i != j && !t->g.points) return strstr(t->text, "zero)") ? 1e-7 : 1e-9;
    return strstr(t->text, "step(") ? 1e-3 : 2e-6;
}

static void one_value(Case *t, const PosRun *r, int i, int j, const int64_t *at, int64_t e) {
    bool self = i == j && t->noisy;
    TpStage stage = self ? TP_STAGE_SAMPLE : TP_STAGE_PAIR;
    for (int k = 0; k < 2; k++) {
        double want = unrolled_eval_at(t->c.a, &t->s, (KernelKind)k, i, j, at);
        const char *bad;
        double equations = limit_eval_at(t->limit, (uint32_t)k, i, j, at, &bad);
        if (bad) fail_case(t, bad);
        if (!self) same(t, "limit", k, i, j, equations, want, tolerance(t, i, j));
        double plain = pos_out(&r[0], (KernelKind)k, stage, e);
        double passes = pos_out(&r[1], (KernelKind)k, stage, e);
        same(t, "kernel", k, i, j, plain, want, tolerance(t, i, j));
        same(t, "passes", k, i, j, passes, plain, i == j || t->g.points ? 1e-7 : 1e-11);
    }
}

static void pair(Case *t, PosRun *r, int i, int j) {
    for (int k = 0; k < 2; k++) {
        pos_run(&r[k], i, j);
        /* stores are remembered at one extent of an array */
        if (r[k].faults && !t->p->varying.len) fail_case(t, k ? "faults of passes" : "faults");
    }
    if (r[0].over) return;
    int rank = t->p->nout_dim ? t->g.out_rank : 0;
    int64_t at[2 * PG_RANK] = {0}, n = 1;
    int size[2 * PG_RANK];
    for (int d = 0; d < rank; d++) {
        size[d] = t->g.out_size[i][d];
        size[rank + d] = t->g.out_size[j][d];
    }
    for (int d = 0; d < 2 * rank; d++) n *= size[d];
    for (int64_t e = 0; e < n; e += 1 + (n > 40) * (n / 20)) {
        int64_t rest = e;
        for (int d = 2 * rank; d-- > 0; rest /= size[d]) at[d] = rest % size[d];
        one_value(t, r, i, j, at, e);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* smooth: functions too that the oracle integrates for seconds. */
static void check(uint64_t seed, bool smooth, Tally *tally) {
    Case t;
    PosRun r[2];
    bool show = getenv("TPC_TEST_SHOW");
    double t0 = now();
    if (start(&t, seed, tally) && (smooth || t.g.rough)) {
        if (show) print_message("%s\n", t.text);
        Limit *l = limit_of(&t), *m = l ? limit_of(&t) : NULL;
        if (l) t.limit = limit_eval_new(t.c.a, &t.s, limit_of(&t));
        if (!l || !kernel_of(&t, l, false, &r[0]) || !kernel_of(&t, m, true, &r[1])) {
            refuse(&t);
        } else {
            double t1 = now();
            pair(&t, r, 0, 1);
            pair(&t, r, 1, 2);
            pair(&t, r, 0, 0);
            tally->run++;
            if (show)
                print_message("%llu: compiled in %.2f s, run in %.2f s\n",
                              (unsigned long long)seed, t1 - t0, now() - t1);
        }
    }
    arena_free(t.c.a);
}

static unsigned number_of(const char *name, unsigned otherwise) {
    const char *s = getenv(name);
    return s ? (unsigned)atoi(s) : otherwise;
}

/* Programs that are refused are refused by a code; few of these are. */
static void programs(void **state) {
    unsigned count = *(const unsigned *)*state, tried = 0;
    unsigned first = number_of("TPC_TEST_FIRST", 0), n = number_of("TPC_TEST_COUNT", count);
    bool all = n == 1 || count != NPROGRAM;
    Tally tally = {0};
    for (unsigned s = first; tally.run + tally.refused < n && tried < 3 * n; s++, tried++)
        check(s, all, &tally);
    print_message("%u ran, %u refused\n", tally.run, tally.refused);
    for (int k = 0; k < 1000; k++)
        if (tally.code[k]) print_message("TP%04d %u\n", k, tally.code[k]);
    assert_true(tally.refused * 20 <= tally.run + 20);
}

int main(int argc, char **argv) {
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : NPROGRAM;
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(programs, &count)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

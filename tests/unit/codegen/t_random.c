/* Random kernels: code against the interpreter, bit for bit, in every function and shape. */
#include "run.h"
#include "kernel/op.h"

enum { MAX_SCOPE = 40, NCELL = 3 };

typedef struct Gen {
    Ctx *c;
    Kernel *k;
    KBuild *b;
    uint64_t seed;
    uint32_t cell[KS_COUNT][NCELL], ring, whole, sample, gram, norm, consts, table;
    Sym depth;
    KVal real[MAX_SCOPE], mask[MAX_SCOPE];
    uint32_t nreal, nmask;
    Aff turn; /* the innermost loop variable, or 0 */
    int level, fresh;
} Gen;

static uint32_t pick(Gen *g, uint32_t n) { return (uint32_t)(next_random(&g->seed) >> 7) % n; }

static KVal some_real(Gen *g) { return g->real[pick(g, g->nreal)]; }

static void keep(KVal *list, uint32_t *n, Gen *g, KVal v) {
    if (*n < MAX_SCOPE)
        list[(*n)++] = v;
    else
        list[pick(g, MAX_SCOPE)] = v;
}

static void random_op(Gen *g) {
    KOp op;
    const KOpInfo *info;
    KVal a[3] = {0};
    do {
        op = (KOp)pick(g, KO_COUNT);
        info = kop_info(op);
    } while (info->flag != KF_PRIM || !kop_pure(op) || !info->nargs);
    for (int i = 0; i < info->nargs; i++) {
        if (info->operands[i] == 'm' && !g->nmask) return;
        a[i] = info->operands[i] == 'm' ? g->mask[pick(g, g->nmask)] : some_real(g);
    }
    KVal v = kb_op(g->b, op, a[0], a[1], a[2]);
    if (info->result == KT_M)
        keep(g->mask, &g->nmask, g, v);
    else
        keep(g->real, &g->nreal, g, v);
}

static void random_load(Gen *g) {
    KBuild *b = g->b;
    bool pair = b->stage == KS_pair;
    Side own = b->stage == KS_sample ? SIDE_x : SIDE_none;
    Aff t = g->turn;
    KVal v;
    switch (b->stage == KS_const ? pick(g, 4) : pick(g, 7)) {
    case 0: v = kb_num(b, uniform(&g->seed, -3, 3)); break;
    case 1: v = kb_table(b, g->table, t); break;
    case 2: v = kb_load(b, g->cell[b->stage][pick(g, NCELL)], own, NULL, 0); break;
    case 3: v = kb_load(b, g->consts, SIDE_none, &t, 1); break;
    case 4: v = kb_load(b, g->norm, pair && pick(g, 2) ? SIDE_y : SIDE_x, NULL, 0); break;
    case 5: v = pair ? kb_load(b, g->gram, SIDE_none, NULL, 0) : kb_index(b, aff_plus(t, 2)); break;
    default: /* 6 */
        v = pair ? kb_load(b, g->sample, pick(g, 2) ? SIDE_y : SIDE_x, &t, 1)
                 : kb_real(b, 0);
    }
    keep(g->real, &g->nreal, g, v);
}

static void random_store(Gen *g) {
    KBuild *b = g->b;
    KVal v = some_real(g);
    /* keep what is carried from growing without bound */
    v = kb_op(b, KO_max, kb_op(b, KO_min, v, kb_num(b, 64), 0), kb_num(b, -64), 0);
    if (pick(g, 2)) {
        kb_store(b, g->cell[b->stage][pick(g, NCELL)], NULL, 0, v);
    } else if (b->stage == KS_pair) {
        kb_store(b, pick(g, 2) ? g->ring : g->whole, &g->turn, 1, v);
    } else {
        kb_store(b, b->stage == KS_sample ? g->sample : g->consts, &g->turn, 1, v);
    }
}

static void random_block(Gen *g, int n);

static void random_loop(Gen *g) {
    char name[16];
    snprintf(name, sizeof name, "i%d", g->fresh++);
    Sym var = intern(g->c->syms, name);
    Aff outer = g->turn;
    kb_loop(g->b, var, aff_const(0), aff_name(g->k->aff, g->depth), pick(g, 2));
    g->turn = aff_name(g->k->aff, var);
    random_block(g, 6);
    g->turn = outer;
    kb_end(g->b);
}

static void random_if(Gen *g) {
    Cons con = cons_ge(aff_plus(g->turn, -(int64_t)pick(g, 3)));
    if (pick(g, 2)) con = cons_not(g->k->aff, &con, 1);
    kb_if(g->b, &con, 1);
    random_block(g, 4);
    if (pick(g, 2)) {
        kb_else(g->b);
        random_block(g, 4);
    }
    kb_end(g->b);
}

static void random_block(Gen *g, int n) {
    uint32_t nreal = g->nreal, nmask = g->nmask;
    g->level++;
    for (int i = 0; i < n; i++) {
        uint32_t what = pick(g, 12);
        if (what < 3) random_load(g);
        else if (what < 9) random_op(g);
        else if (what < 10) random_store(g);
        else if (g->level < 4) what < 11 ? random_loop(g) : random_if(g);
    }
    g->level--;
    g->nreal = nreal; /* values inside go out of scope; a kept list only grew at its end */
    g->nmask = nmask;
}

static KArray array(Ctx *c, const char *name, KStage stage, const KAxis *x) {
    return (KArray){.name = intern(c->syms, name), .stage = stage, .axis = x, .naxis = x ? 1 : 0};
}

static KAxis *axis(Gen *g, uint32_t slices) {
    KAxis *x = ARENA_NEW(g->c->a, KAxis);
    *x = (KAxis){.var = intern(g->c->syms, "l"), .slices = slices};
    x->hi = aff_plus(aff_name(g->k->aff, g->depth), 1);
    return x;
}

static KArray input(Ctx *c, const char *name, KStage stage, TpInputKind kind) {
    KArray a = array(c, name, stage, NULL);
    a.class = KA_input;
    a.input = kind;
    return a;
}

static void declare(Gen *g) {
    static const char *const cell_name[] = {"c0", "c1", "c2"};
    static const double t[] = {1, -2, 0.5, 3, -0.25, 0.125, 7, -9, 2.5, 0};
    Ctx *c = g->c;
    for (int s = 0; s < KS_COUNT; s++)
        for (int i = 0; i < NCELL; i++)
            g->cell[s][i] = kernel_cell(g->k, c, (KStage)s, cell_name[i]);
    g->ring = kernel_array(g->k, c, array(c, "ring", KS_pair, axis(g, 2)));
    g->whole = kernel_array(g->k, c, array(c, "whole", KS_pair, axis(g, 0)));
    g->sample = kernel_array(g->k, c, array(c, "sample", KS_sample, axis(g, 0)));
    g->consts = kernel_array(g->k, c, array(c, "consts", KS_const, axis(g, 0)));
    g->gram = kernel_array(g->k, c, input(c, "gram", KS_pair, TP_IN_GRAM));
    g->norm = kernel_array(g->k, c, input(c, "norm", KS_sample, TP_IN_NORM));
    g->table = kernel_table(g->k, c, "t", t, sizeof t / sizeof *t);
}

/* Everything that may be read is written first. */
static void prepare(Gen *g, KBuild *b) {
    g->b = b;
    g->nreal = g->nmask = 0;
    g->turn = aff_const(0);
    for (int i = 0; i < NCELL; i++) kb_store(b, g->cell[b->stage][i], NULL, 0, kb_num(b, i - 1));
    if (b->stage == KS_sample || b->stage == KS_const) {
        Sym l = intern(g->c->syms, "l");
        Aff at = aff_name(g->k->aff, l), hi = aff_plus(aff_name(g->k->aff, g->depth), 1);
        kb_loop(b, l, aff_const(0), hi, false);
        KVal v = kb_op(b, KO_mul, kb_index(b, at), kb_num(b, 0.375), 0);
        kb_store(b, b->stage == KS_sample ? g->sample : g->consts, &at, 1, v);
        kb_end(b);
    }
    keep(g->real, &g->nreal, g, kb_num(b, 0.75));
    keep(g->real, &g->nreal, g, kb_real(b, 0));
}

static void outputs(Gen *g) {
    for (int n = 0; n < 2; n++) {
        KArray o = array(g->c, n ? "ntk" : "nngp", KS_pair, NULL);
        o.class = KA_output;
        o.output = (KernelKind)n;
        uint32_t x = kernel_array(g->k, g->c, o);
        KVal v = some_real(g);
        for (int i = 0; i < NCELL; i++) {
            KVal cell = kb_load(g->b, g->cell[KS_pair][i], SIDE_none, NULL, 0);
            v = kb_op(g->b, n ? KO_sub : KO_add, v, cell, 0);
        }
        kb_store(g->b, x, NULL, 0, v);
    }
}

static Kernel *random_kernel(Ctx *c, uint64_t seed) {
    AffCtx *aff = affctx_new(c->a, c->syms);
    Kernel *k = kernel_new(c, aff, fxpool_new(c->a, aff));
    Gen g = {.c = c, .k = k, .seed = seed};
    k->name = intern(c->syms, "random");
    k->kernels = 3;
    k->dtype = pick(&g, 2) ? TP_F64 : TP_F32;
    vec_push(c->a, &k->input, (InputDecl){.name = intern(c->syms, "x")});
    g.depth = intern(c->syms, "depth");
    affctx_size(aff, g.depth, 0);
    vec_push(c->a, &k->size, (KSize){.name = g.depth, .kind = KZ_hyper});
    vec_push(c->a, &k->real, (KReal){.name = intern(c->syms, "a"), .hyper = true});
    declare(&g);
    for (int s = 0; s < KS_COUNT; s++) {
        if (s == KS_series) continue;
        KBuild b = kb_begin(c, k, (KStage)s);
        prepare(&g, &b);
        random_block(&g, s == KS_pair ? 40 : 20);
        if (s == KS_pair) outputs(&g);
    }
    return k;
}

static void random_kernels(void **state) {
    (void)state;
    const char *const *isa = test_levels();
    int nisa = 0;
    while (isa[nisa]) nisa++;
    for (uint64_t seed = 1; seed <= 160; seed++) {
        Ctx c = test_ctx();
        Kernel *k = random_kernel(&c, seed * 0x9e3779b97f4a7c15u);
        CodegenOptions o = {.isa = isa[seed % (uint64_t)nisa], .u = 1u << seed % 3,
                            .g = 1u << seed / 3 % 3};
        compare(&c, k, &o, (int64_t[]){(int64_t)(seed % 6)}, (double[]){-1.25});
        arena_free(c.a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

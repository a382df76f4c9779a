/* Random kernels: text and back, soundness after every pass, and the same results.  All values are
 * multiples of 1/64 of moderate size, so that sums and products are exact and even contraction to
 * fma changes no bit. */
#include "kt.h"

/* Arrays 1 .. NARRAY are used anywhere; the rings after them by recurrences only, because what a
 * read of an overwritten slice finds is not defined. */
enum { MAX_DEPTH = 3, NARRAY = 7, RING2 = 8, RING3 = 9, ROUNDS = 150 };

typedef struct Gen {
    Ctx *c;
    KBuild b;
    uint64_t seed;
    VEC(KVal) real, mask; /* values in scope */
    VEC(Sym) var;         /* open loops, each inside 0..n */
    ConsVec path;
    int depth;
} Gen;

static uint32_t pick(Gen *g, uint32_t n) {
    g->seed = g->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(g->seed >> 33) % n;
}

static Aff size_n(Gen *g) { return aff_name(g->b.k->aff, intern(g->c->syms, "n")); }

/* An affine form that is in 0..n here, or false. */
static bool random_index(Gen *g, Aff *out) {
    AffCtx *x = g->b.k->aff;
    Aff a = aff_const(pick(g, 2));
    if (g->var.len && pick(g, 5))
        a = aff_plus(aff_name(x, g->var.data[pick(g, g->var.len)]), (int)pick(g, 4) - 2);
    else if (!pick(g, 3))
        a = aff_plus(size_n(g), -1);
    *out = a;
    return aff_implied(x, g->path.data, g->path.len, cons_ge(a)) &&
           aff_implied(x, g->path.data, g->path.len, cons_lt(x, a, size_n(g)));
}

static Cons random_cons(Gen *g) {
    AffCtx *x = g->b.k->aff;
    Aff a = g->var.len && pick(g, 4) ? aff_name(x, g->var.data[pick(g, g->var.len)]) : size_n(g);
    Aff t = pick(g, 3) ? aff_const(pick(g, 4)) : aff_plus(size_n(g), -1 - (int)pick(g, 2));
    switch (pick(g, 5)) {
    case 0: return cons_eq(x, a, t);
    case 1: return cons_le(x, t, a);
    case 2: return cons_le(x, a, t);
    case 3: {
        Cons of[2] = {cons_eq(x, a, t), cons_le(x, aff_const(1), size_n(g))};
        return cons_not(x, of, 1 + pick(g, 2));
    }
    default: return cons_lt(x, a, t);
    }
}

static void put(Gen *g, KVal v) {
    const KFn *f = &g->b.k->fn[g->b.stage];
    if (kop_info(f->ins.data[v].op)->result == KT_M) vec_push(g->c->a, &g->mask, v);
    else vec_push(g->c->a, &g->real, v);
}

static KVal any(Gen *g) {
    if (!g->real.len) put(g, kb_num(&g->b, 0.5 + pick(g, 4)));
    uint32_t recent = g->real.len > 3 && pick(g, 2) ? g->real.len - 3 : 0;
    return g->real.data[recent + pick(g, g->real.len - recent)];
}

static KVal any_mask(Gen *g) {
    KVal x = any(g), y = any(g);
    if (!g->mask.len) put(g, kb_op(&g->b, KO_lt, x, y, 0));
    return g->mask.data[pick(g, g->mask.len)];
}

/* v as a multiple of 1/16 in [-2, 2]. */
static KVal rounded(Gen *g, KVal v) {
    KVal two = kb_num(&g->b, 2), low = kb_num(&g->b, -2), up = kb_num(&g->b, 16);
    KVal down = kb_num(&g->b, 0.0625);
    v = kb_op(&g->b, KO_max, kb_op(&g->b, KO_min, v, two, 0), low, 0);
    v = kb_op(&g->b, KO_rint, kb_op(&g->b, KO_mul, v, up, 0), 0, 0);
    return kb_op(&g->b, KO_mul, v, down, 0);
}

static void random_op(Gen *g) {
    static const KOp op[] = {KO_add, KO_sub, KO_mul, KO_neg, KO_abs,
                             KO_min, KO_max, KO_fma, KO_div};
    KOp o = op[pick(g, sizeof op / sizeof *op)];
    KVal a[3] = {0};
    for (uint32_t j = 0; j < kop_info(o)->nargs; j++) {
        KVal x = any(g), y = any(g);
        bool product = (o == KO_add || o == KO_sub) && pick(g, 2);
        a[j] = product ? kb_op(&g->b, KO_mul, x, y, 0) : x;
        if (o == KO_div && j == 1) a[j] = kb_num(&g->b, ldexp(1, (int)pick(g, 4) - 2));
    }
    put(g, rounded(g, kb_op(&g->b, o, a[0], a[1], a[2])));
}

static void random_source(Gen *g) {
    Aff i;
    switch (pick(g, 4)) {
    case 0: put(g, kb_num(&g->b, (double)pick(g, 5) - 1)); break;
    case 1: put(g, kb_real(&g->b, 0)); break;
    case 2:
        if (random_index(g, &i)) put(g, kb_index(&g->b, i));
        break;
    default:
        if (!aff_implied(g->b.k->aff, g->path.data, g->path.len,
                         cons_le(g->b.k->aff, aff_const(1), size_n(g))))
            break;
        put(g, kb_table(&g->b, 0, aff_const(pick(g, 2))));
    }
}

/* Often the stage's own array, so that loads and stores meet. */
static uint32_t random_array(Gen *g) {
    static const uint32_t own[KS_COUNT] = {3, 5, 0, 6}; /* w, S, none, K */
    return own[g->b.stage] && pick(g, 2) ? own[g->b.stage] : 1 + pick(g, NARRAY);
}

/* The axes of an array: none, one, or one that wraps, whose index may be anything. */
static bool array_index(Gen *g, const KArray *a, Aff *i) {
    AffCtx *x = g->b.k->aff;
    *i = aff_const(0);
    if (!a->naxis) return true;
    bool in = random_index(g, i);
    if (!a->axis->wrap) return in;
    *i = aff_plus(aff_scale(x, *i, 1 + (int)pick(g, 2)), (int)pick(g, 9) - 4);
    return aff_implied(x, g->path.data, g->path.len, cons_le(x, aff_const(1), size_n(g)));
}

static void random_load(Gen *g) {
    uint32_t x = random_array(g);
    const KArray *a = &g->b.k->array.data[x];
    Aff i;
    if (a->stage > g->b.stage || a->class == KA_output) return;
    if (!array_index(g, a, &i)) return;
    Side side = a->stage == KS_sample ? SIDE_x : SIDE_none;
    if (side == SIDE_x && g->b.stage == KS_pair && pick(g, 2)) side = SIDE_y;
    put(g, kb_load(&g->b, x, side, &i, a->naxis));
}

static void random_store(Gen *g) {
    uint32_t x = random_array(g);
    const KArray *a = &g->b.k->array.data[x];
    Aff i;
    KVal v = any(g);
    if (a->stage != g->b.stage || a->class == KA_input) return;
    if (!array_index(g, a, &i)) return;
    kb_store(&g->b, x, &i, a->naxis, v);
}

static void random_block(Gen *g);

static void random_loop(Gen *g) {
    static const char *const name[] = {"i", "j", "l", "m"};
    AffCtx *x = g->b.k->aff;
    Sym v = intern(g->c->syms, name[g->depth]);
    Aff lo = aff_const(pick(g, 3)), hi = aff_plus(size_n(g), -(int)pick(g, 2));
    if (g->var.len && !pick(g, 3)) hi = aff_plus(aff_name(x, vec_last(&g->var)), 1);
    if (!pick(g, 4)) hi = aff_plus(lo, 1 + pick(g, 2));
    if (!aff_is_const(hi) || aff_implied(x, g->path.data, g->path.len, cons_le(x, hi, size_n(g)))) {
        uint32_t keep = g->path.len;
        Aff los[2] = {lo, aff_const((int)pick(g, 4) - 1)}, his[2] = {hi, size_n(g)};
        if (g->var.len) his[1] = aff_plus(aff_name(x, g->var.data[0]), (int)pick(g, 3));
        uint32_t nlo = 1 + !pick(g, 4), nhi = 1 + !pick(g, 4);
        kb_loop_in(&g->b, v, los, nlo, his, nhi, pick(g, 2));
        cons_range(x, &g->path, v, lo, hi);
        vec_push(g->c->a, &g->var, v);
        random_block(g);
        g->var.len--;
        g->path.len = keep;
        kb_end(&g->b);
    }
}

static void random_if(Gen *g) {
    uint32_t keep = g->path.len;
    Cons cons[2] = {random_cons(g), random_cons(g)};
    uint32_t n = 1 + pick(g, 2);
    kb_if(&g->b, cons, n);
    for (uint32_t j = 0; j < n; j++) vec_push(g->c->a, &g->path, cons[j]);
    random_block(g);
    g->path.len = keep;
    if (pick(g, 2)) {
        kb_else(&g->b);
        random_block(g);
    }
    kb_end(&g->b);
}

static void random_block(Gen *g) {
    uint32_t nreal = g->real.len, nmask = g->mask.len;
    g->depth++;
    for (uint32_t n = 3 + pick(g, 8); n > 0; n--) {
        uint32_t what = pick(g, 12);
        if (what < 2) random_op(g);
        else if (what < 3) random_source(g);
        else if (what < 6) random_load(g);
        else if (what < 9) random_store(g);
        else if (what < 10) {
            KVal m = any_mask(g), x = any(g), y = any(g);
            put(g, kb_op(&g->b, KO_select, m, x, y));
        } else if (g->depth > MAX_DEPTH) random_op(g);
        else if (what < 11) random_loop(g);
        else random_if(g);
    }
    g->depth--;
    g->real.len = nreal;
    g->mask.len = nmask;
}

static void ring_load(Gen *g, uint32_t ring, Aff at) {
    put(g, kb_load(&g->b, ring, SIDE_none, &at, 1));
}

/* A value that tells its turn and what was read before. */
static void ring_next(Gen *g, uint32_t ring, Aff at, KVal before) {
    KVal turn = kb_op(&g->b, KO_mul, kb_index(&g->b, at), kb_num(&g->b, 0.0625), 0), x = any(g);
    KVal v = kb_op(&g->b, KO_add, kb_op(&g->b, KO_sub, turn, before, 0), x, 0);
    put(g, rounded(g, v));
    kb_store(&g->b, ring, &at, 1, vec_last(&g->real));
}

/* One turn: a read of an earlier turn, one store, maybe in branches, a read of what was stored. */
static void random_turn(Gen *g, uint32_t ring, Aff at) {
    uint32_t back = ring == RING2 ? 1 : 1 + pick(g, 2);
    random_op(g);
    ring_load(g, ring, aff_plus(at, -(int)back));
    KVal before = vec_last(&g->real);
    random_op(g);
    if (pick(g, 3)) {
        ring_next(g, ring, at, before);
    } else {
        Cons cons = random_cons(g);
        kb_if(&g->b, &cons, 1);
        ring_next(g, ring, at, before);
        g->real.len--;
        kb_else(&g->b);
        ring_next(g, ring, at, any(g));
        g->real.len--;
        kb_end(&g->b);
    }
    if (pick(g, 2)) ring_load(g, ring, at);
    random_store(g);
}

/* A recurrence over 1.. or 2..n+1+extra that starts from stored values and ends with a read. */
static void random_recurrence(Gen *g) {
    AffCtx *x = g->b.k->aff;
    uint32_t ring = pick(g, 2) ? RING2 : RING3, lo = ring == RING2 ? 1 : 2, nreal = g->real.len;
    Sym v = intern(g->c->syms, "t");
    Aff hi = aff_plus(size_n(g), 1 + pick(g, 3)), l = aff_name(x, v);
    uint32_t keep = g->path.len, nmask = g->mask.len;
    for (uint32_t i = 0; i < lo; i++) {
        Aff at = aff_const(i);
        kb_store(&g->b, ring, &at, 1, kb_num(&g->b, 1 + i));
    }
    kb_loop(&g->b, v, aff_const(lo), hi, false);
    cons_range(x, &g->path, v, aff_const(lo), hi);
    vec_push(g->c->a, &g->var, v);
    random_turn(g, ring, l);
    g->var.len--;
    g->path.len = keep;
    kb_end(&g->b);
    g->real.len = nreal;
    g->mask.len = nmask;
    Cons ran = cons_lt(x, aff_const(lo), hi);
    kb_if(&g->b, &ran, 1);
    ring_load(g, ring, aff_plus(hi, -1));
    kb_store(&g->b, RING2 - 1, NULL, 0, vec_last(&g->real)); /* out */
    kb_end(&g->b);
    g->real.len = nreal;
}

static const char declarations[] =
    "kernel random %s nngp\ninput x\nsize n hyper least %d\nreal r hyper\ntable t = 1.5, -0.25\n"
    "array g sample input gram 0 0\narray u pair input unit 0 0\narray w const [i in 0..n]\n"
    "array s sample\narray S sample [i in 0..n wrap]\narray K pair [i in 0..n]\n"
    "array out pair output nngp\narray R pair [i in 0..n+4 ring 2]\n"
    "array Q pair [i in 0..n+4 ring 3]\n";

/* With a least of 2 the constant indices 0 and 1 are always in range, and much is loaded. */
static int least(uint64_t seed) { return seed % 3 ? 2 : 0; }

static Kernel *random_kernel(Ctx *c, uint64_t seed) {
    const char *dtype = seed % 4 ? "f64" : "f32";
    Kernel *k = kt_parse(c, arena_printf(c->a, declarations, dtype, least(seed)));
    Gen g = {.c = c, .seed = seed * 0x9e3779b97f4a7c15u + 1};
    for (int s = 0; s < KS_COUNT; s++) {
        g.b = kb_begin(c, k, (KStage)s);
        random_block(&g);
        if (s == KS_pair)
            for (int n = 0; n < 2; n++) random_recurrence(&g);
        random_block(&g);
    }
    return k;
}

static Kernel *copy(Ctx *c, const Kernel *k) {
    Kernel *out;
    if (!kernel_read(c, kt_print(c, k), 0, &out)) fail_msg("%s", kt_messages(c));
    return out;
}

/* What every array holds after the pairs of one left sample, for five sizes. */
enum { NSIZES = 5, LEFT = 3 };
typedef struct Results {
    KtRun run[NSIZES];
} Results;

static Results results(Ctx *c, Kernel *k, int64_t first) {
    Results r;
    for (int64_t n = first; n < first + NSIZES; n++) {
        KtRun *run = &r.run[n - first];
        *run = kt_begin(c, k, &n, (double[]){0.75});
        kernel_interpret(c, k, run->t, c->a);
        TpFrame f = kt_frame(run);
        if (run->t->const_fn) run->t->const_fn(&f);
        if (run->t->sample_fn) run->t->sample_fn(&f, 0, KT_SAMPLES);
        if (run->t->pair_fn) run->t->pair_fn(&f, LEFT, 0, KT_SAMPLES);
    }
    return r;
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* The array's contents and their number. */
static const void *contents(const KtRun *r, uint32_t x, int64_t *n) {
    const TpArray *a = &r->t->array[x];
    *n = kt_extent(r, a);
    if (a->class == TP_OUTPUT) return *n = KT_SAMPLES, r->row[x];
    if (a->stage == TP_STAGE_CONST) return r->carray[x];
    if (a->stage == TP_STAGE_PAIR) return *n *= TP_BLOCK, r->parray[x];
    return *n *= KT_SAMPLES, r->xarray[x];
}

/* outputs: only those, where a pass may leave scratch without what nobody reads. */
static bool same_arrays(Ctx *c, const KtRun *a, const KtRun *b, bool outputs) {
    for (uint32_t x = 1; x < a->k->array.len; x++)
        for (uint32_t y = 1; y < b->k->array.len; y++) {
            const KArray *ax = &a->k->array.data[x];
            bool ring = ax->naxis && ax->axis->slices; /* scratch, which carry leaves unused */
            if (ring || ax->name != b->k->array.data[y].name) continue;
            if (outputs && ax->class != KA_output) continue;
            int64_t n, m;
            const void *p = contents(a, x, &n), *q = contents(b, y, &m);
            for (int64_t i = 0; i < n && i < m; i++)
                if (!same(kt_get(a, p, i), kt_get(b, q, i))) {
                    print_error("%s at %d of n = %d: %a, not %a\n",
                                sym_text(c->syms, ax->name), (int)i,
                                (int)a->size[0], kt_get(b, q, i), kt_get(a, p, i));
                    return false;
                }
        }
    return true;
}

static void check_pass(Ctx *c, const Kernel *k, const Results *want, const char *pass) {
    int64_t first = want->run[0].size[0];
    Kernel *t = copy(c, k);
    const char *before = kt_print(c, t);
    assert_true(strcmp(pass, "all") ? kernel_pass(c, t, pass) : kernel_optimise(c, t));
    const char *fault = kernel_verify(c, t);
    if (fault) fail_msg("%s: %s\n%s\n%s", pass, fault, before, kt_print(c, t));
    Results got = results(c, t, first);
    bool outputs = !strcmp(pass, "contract") || !strcmp(pass, "all");
    for (int i = 0; i < NSIZES; i++)
        if (!same_arrays(c, &want->run[i], &got.run[i], outputs))
            fail_msg("%s:\n%s\nbecomes\n%s", pass, before, kt_print(c, t));
}

static void passes_keep_results(void **state) {
    (void)state;
    static const char *const pass[] = {"fold",  "cse",    "dce",  "hoist",    "split", "carry",
                                       "expand", "fuse", "contract", "lift", "all"};
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        Ctx c = kt_ctx();
        Kernel *k = random_kernel(&c, seed);
        const char *fault = kernel_verify(&c, k);
        if (fault) fail_msg("%s\n%s", fault, kt_print(&c, k));
        assert_string_equal(kt_print(&c, copy(&c, k)), kt_print(&c, k));
        Results want = results(&c, k, least(seed));
        for (size_t p = 0; p < sizeof pass / sizeof *pass; p++) check_pass(&c, k, &want, pass[p]);
        arena_free(c.a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_keep_results)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

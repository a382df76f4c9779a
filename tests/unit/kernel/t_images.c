/* Random recursions over images: statements that read neighbours and store one element each, in
 * loops of their own, as the passes fuse and contract find them.  Results are compared before and
 * after; the checked interpreter sees no read of what was never written. */
#include "kt.h"

enum { NARRAY = 4, MOST_STATEMENTS = 6, ROUNDS = 500 };

typedef struct Gen {
    uint64_t seed;
    Buf b;
    int value; /* next number of a value */
} Gen;

static uint32_t pick(Gen *g, uint32_t n) {
    g->seed = g->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(g->seed >> 33) % n;
}

static const char *const near[] = {"-1", "", "", "+1"};

/* Rows mostly forwards, so that loops can be fused; columns in one of three ranges. */
static const char *open_loops(Gen *g) {
    static const char *const range[] = {"0..W", "max(0, -o)..min(W, W-o)", "0..l+1"};
    uint32_t r = pick(g, 5);
    buf_printf(&g->b, "for y in 0..H%s {\n", pick(g, 6) ? "" : " down");
    if (!pick(g, 5)) buf_puts(&g->b, "if y>=l {\n");
    else buf_puts(&g->b, "if H>=1 {\n");
    buf_printf(&g->b, "for z in %s {\n", range[r < 3 ? 0 : r - 2]);
    return "}\n}\n}\n";
}

static void statement(Gen *g) {
    const char *end = open_loops(g);
    uint32_t n = 1 + pick(g, 3), to = pick(g, NARRAY);
    int sum = g->value;
    buf_printf(&g->b, "%%%d = index y + 2*z + l\n", g->value++);
    for (uint32_t i = 0; i < n; i++) {
        const char *dy = pick(g, 2) ? "" : near[pick(g, 4)];
        buf_printf(&g->b, "%%%d = load A%u[y%s, z%s]\n", g->value, pick(g, NARRAY), dy,
                   near[pick(g, 4)]);
        buf_printf(&g->b, "%%%d = sub %%%d, %%%d\n", g->value + 1, g->value, sum);
        sum = g->value + 1;
        g->value += 2;
    }
    buf_printf(&g->b, "store A%u[y, z], %%%d\n%s", to, sum, end);
}

static void fill(Gen *g, uint32_t array) {
    buf_puts(&g->b, "for y in -1..H+1 { for z in -1..W+1 {\n");
    buf_printf(&g->b, "%%%d = num %u\nstore A%u[y, z], %%%d\n} }\n", g->value, 3 * (array & 1),
               array, g->value);
    g->value++;
}

static void output(Gen *g, uint32_t array) {
    buf_puts(&g->b, "for y in -1..H+1 { for z in -1..W+1 {\n");
    int v = g->value;
    g->value += 3;
    buf_printf(&g->b, "%%%d = load acc\n%%%d = load A%u[y, z]\n%%%d = add %%%d, %%%d\n", v, v + 1,
               array, v + 2, v, v + 1);
    buf_printf(&g->b, "store acc, %%%d\n} }\n", v + 2);
}

static const char *random_text(Ctx *c, uint64_t seed) {
    Gen g = {.seed = seed * 0x9e3779b97f4a7c15u + 1, .b = buf_new(c->a)};
    buf_puts(&g.b, "kernel images f64 nngp\nsize H hyper least 1\nsize W hyper least 2\n"
                   "array acc pair\narray out pair output nngp\n");
    for (int i = 0; i < NARRAY; i++)
        buf_printf(&g.b, "array A%d pair [y in -1..H+1, z in -1..W+1]\n", i);
    buf_puts(&g.b, "pair {\n%0 = num 0\nstore acc, %0\nfor o in 1-W..2 {\n");
    g.value = 1;
    for (uint32_t i = 0; i < NARRAY; i++) fill(&g, i);
    buf_puts(&g.b, "for l in 0..2 {\n");
    for (uint32_t n = 2 + pick(&g, MOST_STATEMENTS - 1); n > 0; n--) statement(&g);
    if (!pick(&g, 4)) fill(&g, pick(&g, NARRAY));
    buf_puts(&g.b, "}\n");
    output(&g, pick(&g, NARRAY));
    if (!pick(&g, 3)) output(&g, pick(&g, NARRAY));
    buf_printf(&g.b, "}\n%%%d = load acc\nstore out, %%%d\n}\n", g.value, g.value);
    return buf_text(&g.b);
}

static double result(Ctx *c, Kernel *k, const int64_t *size) {
    KtRun r = kt_begin(c, k, size, NULL);
    kt_run(c, &r, 0);
    assert_int_equal(r.faults, 0);
    for (uint32_t x = 1; x < k->array.len; x++)
        if (k->array.data[x].class == KA_output) return kt_get(&r, r.row[x], 5);
    fail();
    return 0;
}

static uint32_t count_axes(const Kernel *k) {
    uint32_t n = 0;
    for (uint32_t x = 1; x < k->array.len; x++) n += k->array.data[x].naxis;
    return n;
}

static void results_keep(void **state) {
    (void)state;
    static const char *const pass[] = {"fuse", "contract", "fuse cse contract dce fuse contract"};
    static const int64_t size[3][2] = {{1, 2}, {3, 2}, {4, 5}};
    uint32_t contracted = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        Ctx c = kt_ctx();
        const char *text = random_text(&c, seed);
        for (int p = 0; p < 3; p++) {
            Kernel *k = kt_parse(&c, text), *t = kt_parse(&c, text);
            for (const char *s = pass[p]; *s;) {
                size_t n = strcspn(s, " ");
                assert_true(kernel_pass(&c, t, arena_strndup(c.a, s, n)));
                s += n + (s[n] == ' ');
            }
            const char *fault = kernel_verify(&c, t);
            if (fault) fail_msg("%s\n%s", fault, kt_print(&c, t));
            contracted += count_axes(k) - count_axes(t);
            for (int i = 0; i < 3; i++)
                if (result(&c, k, size[i]) != result(&c, t, size[i]))
                    fail_msg("%s: %s\nbecomes\n%s", pass[p], text, kt_print(&c, t));
        }
        arena_free(c.a);
    }
    assert_true(contracted > ROUNDS / 2); /* the test tests something */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_keep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What elaboration means: networks of finite width give the same number as their source, for the
 * golden programs and for random ones. */
#include "finite.h"
#include "random_positions.h"
#include <dirent.h>

#define FOLDER TEST_ROOT "/tests/golden/program/"

static const AstItem *network(Ctx *c, const Ast *ast, const char *name) {
    return ast_find(ast, ast->main, intern(c->syms, name));
}

static const int64_t sizes[][MAX_SIZES] = {{5, 4, 3, 2}, {1, 1, 1, 1}, {2, 3, 4, 5}, {4, 2, 6, 3}};

static void check_same(Ctx *c, const char *text, const char *name) {
    Ast *ast = load_text(c, text);
    Program *p = elaborate(c, ast, name, NULL, 0);
    if (!p) print_error("%s\n%s", messages(c), text);
    assert_non_null(p);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes && (!k || p->size.len); k++) {
        double want[MAX_OUT], got[MAX_OUT];
        if (!finite_holds(c, p, sizes[k])) continue;
        const AstItem *net = network(c, ast, sym_text(c->syms, p->name));
        uint32_t n = finite_source(c, ast, net, sizes[k], want);
        assert_int_equal(finite_program(c, p, sizes[k], got), n);
        for (uint32_t i = 0; i < n; i++) {
            bool same = fabs(got[i] - want[i]) <= 1e-9 * (1 + fabs(want[i]));
            if (!same)
                print_error("%s\n%s: output %u at size %d: %.17g, its source %.17g\n", text,
                            printed(c, p), i, (int)sizes[k][0], got[i], want[i]);
            assert_true(same);
        }
    }
}

static void golden(void **state) {
    (void)state;
    struct dirent **e;
    int n = scandir(FOLDER, &e, NULL, alphasort), found = 0;
    for (int i = 0; i < n; i++) {
        const char *name = e[i]->d_name;
        size_t len = strlen(name), size;
        bool source = len > 3 && !strcmp(name + len - 3, ".tp") && strncmp(name, "TP", 2);
        bool own = !strcmp(name, "der.tp") || !strncmp(name, "grad_", 5); /* have tests elsewhere */
        if (source && !own) {
            Ctx c = ctx_new();
            const char *why, *s = syntax_read_disk(NULL, c.a, arena_printf(c.a, FOLDER "%s", name),
                                                   &size, &why);
            const char *net = NULL, *text = arena_strndup(c.a, s, size);
            const char *key = strstr(text, "# network: ");
            if (key) net = arena_strndup(c.a, key + 11, strcspn(key + 11, "\n"));
            check_same(&c, text, net);
            found++;
            arena_free(c.a);
        }
        free(e[i]);
    }
    free(e);
    assert_true(found > 10);
}

/* ---- random sources */
typedef struct Gen {
    Buf b;
    uint64_t seed;
    const char *var[32]; /* vectors that may be read */
    int nvar, nloop, nfam, names;
    const char *loop[4];
    const char *fam[8]; /* arrays y[0..4), complete */
    bool early[4];      /* loop variable starts at 0 */
    const char *num[8]; /* numbers */
    int nnum;
} Gen;

static uint32_t pick(Gen *g, uint32_t n) {
    g->seed = g->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(g->seed >> 33) % n;
}

static void indent(Gen *g) { buf_pad(&g->b, 4 + 4 * g->nloop); }
static const char *name_new(Gen *g, const char *base) {
    return arena_printf(g->b.a, "%s%d", base, g->names++);
}

static void expr(Gen *g, int depth);
static void condition(Gen *g);

/* A number: moments, numbers with names, sums, cases. */
static void number(Gen *g, int depth) {
    Buf *b = &g->b;
    uint32_t kind = depth ? pick(g, 7) : 6;
    if (kind == 0) {
        buf_puts(b, "(");
        number(g, depth - 1);
        buf_puts(b, pick(g, 2) ? " + 0.5 * " : " - gain * ");
        number(g, depth - 1);
        buf_puts(b, ")");
    } else if (kind == 1 && g->nloop) {
        buf_puts(b, "(if ");
        condition(g);
        buf_puts(b, " then ");
        number(g, depth - 1);
        buf_puts(b, " else ");
        number(g, depth - 1);
        buf_puts(b, ")");
    } else if (kind == 2 && g->nfam) {
        const char *k = name_new(g, "k"), *y = g->fam[pick(g, (uint32_t)g->nfam)];
        buf_printf(b, "(sum(%s in 0..4) moment(%s[%s] * %s) / (%s + 1))", k, y, k,
                   g->var[pick(g, (uint32_t)g->nvar)], k);
    } else if (kind < 5) {
        buf_printf(b, "tanh(moment(");
        expr(g, depth - 1);
        if (pick(g, 2)) buf_puts(b, " * "), expr(g, depth - 1);
        buf_puts(b, "))");
    } else {
        buf_puts(b, g->num[pick(g, (uint32_t)g->nnum)]);
    }
}

static void leaf(Gen *g) {
    if (g->nfam && !pick(g, 4))
        buf_printf(&g->b, "%s[%u]", g->fam[pick(g, (uint32_t)g->nfam)], pick(g, 4));
    else
        buf_puts(&g->b, g->var[pick(g, (uint32_t)g->nvar)]);
}

static void condition(Gen *g) {
    static const char *const op[] = {"==", "!=", "<", "<=", ">", ">="};
    const char *l = g->loop[pick(g, (uint32_t)g->nloop)];
    buf_printf(&g->b, "%s %s %u", l, op[pick(g, 6)], pick(g, 4));
    if (!pick(g, 3)) {
        buf_puts(&g->b, pick(g, 2) ? " and " : " or ");
        buf_printf(&g->b, "%s >= %u", g->loop[pick(g, (uint32_t)g->nloop)], pick(g, 3));
    }
}

static void expr(Gen *g, int depth) {
    static const char *const fn[] = {"tanh", "relu", "sin", "squash", "bump"};
    Buf *b = &g->b;
    uint32_t kind = depth ? pick(g, 12) : 8;
    if (kind == 0 || kind == 1) {
        buf_printf(b, "%s(", fn[pick(g, 5)]);
        expr(g, depth - 1);
        buf_puts(b, ")");
    } else if (kind == 2 || kind == 3) {
        buf_puts(b, "(");
        expr(g, depth - 1);
        buf_puts(b, pick(g, 2) ? " + " : " - ");
        expr(g, depth - 1);
        buf_puts(b, ")");
    } else if (kind == 4) {
        buf_printf(b, "%s * ", pick(g, 2) ? "0.5" : "gain");
        expr(g, depth - 1);
    } else if (kind == 5) {
        buf_puts(b, "tanh(");
        expr(g, depth - 1);
        buf_puts(b, " * ");
        expr(g, depth - 1);
        buf_puts(b, ")");
    } else if (kind == 6 && g->nloop) {
        buf_puts(b, "(if ");
        condition(g);
        buf_puts(b, " then ");
        expr(g, depth - 1);
        buf_puts(b, " else ");
        expr(g, depth - 1);
        buf_puts(b, ")");
    } else if (kind == 6 && g->nfam) {
        const char *k = name_new(g, "k");
        buf_printf(b, "(avg(%s in 0..4) tanh(%s[%s]", k, g->fam[pick(g, (uint32_t)g->nfam)], k);
        buf_printf(b, " + 0.1 * %s))", g->var[pick(g, (uint32_t)g->nvar)]);
    } else if (kind == 7) {
        buf_puts(b, pick(g, 3) ? "(W * tanh(" : "(W' * tanh(");
        expr(g, depth - 1);
        buf_puts(b, "))");
    } else if (kind == 9) {
        buf_puts(b, "(");
        number(g, depth - 1);
        buf_puts(b, pick(g, 2) ? " * " : " + ");
        expr(g, depth - 1);
        buf_puts(b, ")");
    } else if (kind == 10) {
        buf_puts(b, "normed(");
        expr(g, depth - 1);
        buf_puts(b, ")");
    } else {
        leaf(g);
    }
}

static void assign(Gen *g, const char *name) {
    indent(g);
    buf_printf(&g->b, "%s = ", name);
    expr(g, 3);
    buf_putc(&g->b, '\n');
}

static void assign_number(Gen *g, const char *name) {
    indent(g);
    buf_printf(&g->b, "%s = ", name);
    number(g, 3);
    buf_putc(&g->b, '\n');
}

static void body(Gen *g, int level);

static void loop(Gen *g, int level) {
    static const char *const range[] = {"0..3", "0..depth", "1..4", "0..4"};
    const char *l = name_new(g, "l");
    int outer = g->nvar, numbers = g->nnum;
    indent(g);
    if (g->nloop && !pick(g, 3)) /* a triangle */
        buf_printf(&g->b, "for %s in 0..%s + 1 {\n", l, g->loop[g->nloop - 1]);
    else
        buf_printf(&g->b, "for %s in %s {\n", l, range[pick(g, 4)]);
    g->loop[g->nloop++] = l;
    if (pick(g, 2)) {
        const char *m = name_new(g, "M"), *v = name_new(g, "m");
        indent(g);
        if (pick(g, 2))
            buf_printf(&g->b, "param %s: matrix ~ N(0, 1 / %s)\n", m, pick(g, 2) ? "n" : "fan_in");
        else
            buf_printf(&g->b, "param %s: matrix ~ N(0, 1 / ((%s + 1) * fan_in))\n", m, l);
        indent(g);
        buf_printf(&g->b, "%s = %s * %s\n", v, m, g->var[pick(g, (uint32_t)g->nvar)]);
        g->var[g->nvar++] = v;
    }
    if (pick(g, 2)) {
        const char *v = name_new(g, "b");
        indent(g);
        buf_printf(&g->b, "param %s: vector ~ N(%u, 0.5 / (%s + 1))\n", v, pick(g, 2), l);
        g->var[g->nvar++] = v;
    }
    body(g, level + 1);
    for (int k = 0; k < 1 + (int)pick(g, 2); k++) /* change something of outside */
        assign(g, g->var[pick(g, (uint32_t)outer)]);
    if (pick(g, 2)) assign_number(g, g->num[pick(g, (uint32_t)numbers)]);
    g->nnum = numbers;
    g->nloop--;
    g->nvar = outer;
    indent(g);
    buf_puts(&g->b, "}\n");
}

/* y[l] for l in 0..4, from other vectors, from y before, or from all of it so far. */
static void family(Gen *g) {
    const char *y = name_new(g, "y"), *l = name_new(g, "l");
    uint32_t kind = pick(g, 4);
    Buf *b = &g->b;
    if (kind) {
        indent(g);
        buf_printf(b, "%s[0] = ", y);
        expr(g, 1);
        buf_putc(b, '\n');
    }
    indent(g);
    buf_printf(b, "for %s in 0..%d {\n", l, kind ? 3 : 4);
    g->loop[g->nloop++] = l;
    indent(g);
    buf_printf(b, "param %sM: matrix ~ N(0, 0.7 / fan_in)\n", y);
    indent(g);
    if (kind == 0)
        buf_printf(b, "%s[%s] = %sM * ", y, l, y), expr(g, 1);
    else if (kind == 1)
        buf_printf(b, "%s[%s + 1] = %sM * tanh(%s[%s]) + ", y, l, y, y, l), expr(g, 1);
    else if (kind == 2)
        buf_printf(b, "%s[%s + 1] = sum(k in 0..%s + 1) 0.5^k * tanh(%s[k]) + ", y, l, l, y),
            expr(g, 1);
    else
        buf_printf(b, "%s[%s + 1] = sum(k in 0..%s + 1) S[%s; k] * tanh(%s[k])", y, l, l, l, y);
    buf_putc(b, '\n');
    g->nloop--;
    indent(g);
    buf_puts(b, "}\n");
    g->fam[g->nfam++] = y;
}

static void body(Gen *g, int level) {
    for (int k = 0; k < 2 + (int)pick(g, 2); k++) {
        uint32_t kind = pick(g, 7);
        if (kind == 0 && level < 2) {
            loop(g, level);
        } else if (kind == 1 && level == 0 && g->nfam < 4) {
            family(g);
        } else if (kind == 6 && g->nnum < 8) {
            const char *s = name_new(g, "s");
            assign_number(g, s);
            g->num[g->nnum++] = s;
        } else if (g->nvar < 24) {
            const char *v = name_new(g, "h");
            assign(g, v);
            g->var[g->nvar++] = v;
        }
    }
}

static const char *random_source(Arena *a, uint64_t seed) {
    Gen g = {.b = buf_new(a), .seed = seed * 977 + 5, .var = {"p", "q"}, .nvar = 2,
             .num = {"c", "z"}, .nnum = 2};
    buf_puts(&g.b, "fn squash(x, a = 0.5) = if x > a then a else tanh(x)\n"
                   "fn bump(x) = exp(-x^2) + 0.1 * x\n"
                   "layer normed(x: vector) {\n"
                   "    m = moment(x)\n"
                   "    return (x - m) / sqrt(moment((x - m)^2) + 0.5)\n"
                   "}\n"
                   "network f(x: input, depth: int = 3, gain = 0.8) {\n"
                   "    param U: matrix ~ N(0, 1 / fan_in)\n"
                   "    param V: matrix ~ N(0, 1 / fan_in)\n"
                   "    param W: matrix ~ N(0, 1 / fan_in)\n"
                   "    param S: matrix[4; 4] ~ N(0, 0.5 / n)\n"
                   "    p = U * x\n"
                   "    q = tanh(V * x)\n"
                   "    c = 0.3\n"
                   "    z = 0\n");
    body(&g, 0);
    loop(&g, 0);
    body(&g, 0);
    buf_puts(&g.b, "    return readout(");
    expr(&g, 2);
    if (g.nfam) buf_printf(&g.b, " + avg(k in 1..4) tanh(%s[k])", g.fam[0]);
    buf_puts(&g.b, ")\n}\n");
    return buf_text(&g.b);
}

static void random_programs(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) { 
        Ctx c = ctx_new();
        check_same(&c, random_source(c.a, seed), NULL);
        arena_free(c.a);
    }
}

static void random_families(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        Ctx c = ctx_new();
        check_same(&c, random_positions(c.a, seed), NULL);
        arena_free(c.a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(random_programs),
                                       cmocka_unit_test(random_families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

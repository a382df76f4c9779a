/* Random sources over families: layers, loops, recurrences, padding, parts of families. */
#include "random_positions.h"

typedef struct Gen {
    Buf b;
    uint64_t seed;
    const char *var[24]; /* families over 0..T */
    uint32_t nvar, names;
    bool loop;           /* inside a loop of families */
} Gen;

static uint32_t pick(Gen *g, uint32_t n) {
    g->seed = g->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(g->seed >> 33) % n;
}

static const char *any(Gen *g) { return g->var[pick(g, g->nvar)]; }
static const char *fresh(Gen *g, const char *base) {
    return arena_printf(g->b.a, "%s%u", base, g->names++);
}

/* An expression of whole families. */
static void whole_expr(Gen *g, int depth) {
    static const char *const layer[] = {"dense", "conv", "local", "states", "flip", "deep", "mix"};
    static const char *const fn[] = {"tanh", "relu", "sin"};
    Buf *b = &g->b;
    uint32_t kind = depth ? pick(g, 7) : 6;
    if (kind == 0 || kind == 1) {
        buf_printf(b, "%s(", layer[pick(g, 7)]);
        whole_expr(g, depth - 1);
        buf_putc(b, ')');
    } else if (kind == 2) {
        buf_puts(b, "conv(");
        whole_expr(g, depth - 1);
        buf_printf(b, ", %u, padding = %s)", 1 + pick(g, 4), pick(g, 2) ? "zero" : "circular");
    } else if (kind == 3) {
        buf_printf(b, "%s(", fn[pick(g, 3)]);
        whole_expr(g, depth - 1);
        buf_putc(b, ')');
    } else if (kind == 4) {
        buf_printf(b, "(%s * ", pick(g, 2) ? "0.5" : any(g));
        whole_expr(g, depth - 1);
        buf_putc(b, ')');
    } else if (kind == 5) {
        buf_putc(b, '(');
        whole_expr(g, depth - 1);
        buf_puts(b, pick(g, 2) ? " + " : " - ");
        whole_expr(g, depth - 1);
        buf_putc(b, ')');
    } else {
        buf_puts(b, any(g));
    }
}

/* An expression of members at position t. */
static void member_expr(Gen *g, int depth) {
    Buf *b = &g->b;
    switch (depth ? pick(g, 11) : pick(g, 3)) {
    case 0: buf_printf(b, "%s[t]", any(g)); break;
    case 1: buf_printf(b, "%s[T - 1 - t]", any(g)); break;
    case 2: buf_printf(b, "%s[0]", any(g)); break;
    case 3: buf_printf(b, "%s[t // %u]", any(g), 2 + pick(g, 2)); break;
    case 4:
        buf_printf(b, "(if t > %u then %s[t - 1] else ", pick(g, 2), any(g));
        member_expr(g, depth - 1);
        buf_putc(b, ')');
        break;
    case 5:
        buf_printf(b, "(if t %% 2 == %u then ", pick(g, 2));
        member_expr(g, depth - 1);
        buf_puts(b, " else ");
        member_expr(g, depth - 1);
        buf_putc(b, ')');
        break;
    case 6: {
        const char *s = fresh(g, "s");
        buf_printf(b, "(sum(%s in 0..t + 1) 0.5^%s * tanh(%s[%s]))", s, s, any(g), s);
        break;
    }
    case 7: {
        const char *s = fresh(g, "s");
        buf_printf(b, "(avg(%s in 0..T) (if %s <= t then %s[%s] else %s[t]))", s, s, any(g), s,
                   any(g));
        break;
    }
    case 8:
        buf_puts(b, "tanh(");
        member_expr(g, depth - 1);
        buf_puts(b, " + ");
        member_expr(g, depth - 1);
        buf_putc(b, ')');
        break;
    case 9:
        buf_puts(b, "(W * ");
        member_expr(g, depth - 1);
        buf_putc(b, ')');
        break;
    case 10:
        buf_puts(b, "dense(");
        member_expr(g, depth - 1);
        buf_putc(b, ')');
        break;
    }
}

static void statement(Gen *g) {
    const char *h = fresh(g, "h"), *k = fresh(g, "k");
    Buf *b = &g->b;
    uint32_t kind = pick(g, g->loop ? 2 : 5);
    if (kind == 0) {
        buf_printf(b, "    %s = ", h);
        whole_expr(g, 3);
        buf_putc(b, '\n');
    } else if (kind == 1) {
        buf_printf(b, "    for t in 0..T { %s[t] = ", h);
        member_expr(g, 3);
        buf_puts(b, " }\n");
    } else if (kind == 2) { /* a loop that carries a family */
        buf_printf(b, "    %s = %s\n    repeat %u {\n", h, any(g), pick(g, 4));
        uint32_t keep = g->nvar;
        g->var[g->nvar++] = h;
        g->loop = true;
        if (pick(g, 2)) statement(g);
        buf_printf(b, "    %s = 0.5 * %s + ", h, h);
        whole_expr(g, 2);
        buf_puts(b, "\n    }\n");
        g->loop = false;
        g->nvar = keep;
    } else if (kind == 3) { /* an array of families */
        buf_printf(b, "    %s[0] = ", k);
        whole_expr(g, 1);
        buf_printf(b, "\n    for l in 0..3 { %s[l + 1] = tanh(%s[l]) + ", k, k);
        whole_expr(g, 2);
        buf_printf(b, " }\n    %s = %s[%u] - %s[1]\n", h, k, pick(g, 4), k);
    } else { /* a recurrence over positions */
        buf_printf(b, "    %s = 0\n    for t in 0..T {\n    %s = tanh(0.7 * (W * %s) + ", k, k, k);
        member_expr(g, 1);
        buf_printf(b, ")\n    %s[t] = %s\n    }\n", h, k);
    }
    g->var[g->nvar++] = h;
}

const char *random_positions(Arena *a, uint64_t seed) {
    Gen g = {.b = buf_new(a), .seed = seed * 911 + 3, .var = {"p", "q"}, .nvar = 2};
    Buf *b = &g.b;
    buf_puts(b,
        "layer conv(x: vector[T], k: int = 3, padding: zero | circular = zero) {\n"
        "    param F: matrix[k] ~ N(0, 1 / (k * fan_in))\n"
        "    param c: vector ~ N(0, 0.1)\n"
        "    xp = pad(x, padding)\n"
        "    for t in 0..T { y[t] = c + sum(p in 0..k) F[p] * xp[t + p - k // 2] }\n"
        "    return y\n}\n"
        "layer local(x: vector[S]) {\n"
        "    for i in 0..S {\n"
        "        param L: matrix ~ N(0, 1 / fan_in)\n"
        "        z[i] = L * x[i]\n"
        "    }\n"
        "    return z\n}\n"
        "layer states(x: vector[T]) {\n"
        "    param R: matrix ~ N(0, 0.5 / n)\n"
        "    s = x[0]\n"
        "    for t in 0..T {\n"
        "        s = tanh(R * s + x[t])\n"
        "        h[t] = s\n"
        "    }\n"
        "    return h\n}\n"
        "layer flip(x: vector[T]) {\n"
        "    for t in 0..T { y[t] = x[T - 1 - t] }\n"
        "    return y\n}\n"
        "layer deep(x: vector) {\n"
        "    h = x\n"
        "    repeat 2 { h = h + dense(tanh(h)) }\n"
        "    return h\n}\n"
        "layer mix(x: vector[T]) {\n"
        "    m = avg(t in 0..T) x[t]\n"
        "    return tanh(x - m) + dense(m)\n}\n"
        "network f(x: input[T]) {\n"
        "    param U: matrix ~ N(0, 1 / fan_in)\n"
        "    param W: matrix ~ N(0, 1 / fan_in)\n"
        "    p = U * x\n"
        "    q = tanh(conv(x, 2))\n");
    for (uint32_t k = 2 + pick(&g, 4); k > 0; k--) statement(&g);
    const char *out = any(&g);
    switch (pick(&g, 3)) {
    case 0: buf_printf(b, "    return readout(%s)\n}\n", out); break;
    case 1: buf_printf(b, "    return readout(avg(t in 0..T) tanh(%s[t]))\n}\n", out); break;
    case 2:
        buf_puts(b, "    param v: vector[T] ~ N(0, 1 / T)\n");
        buf_printf(b, "    return (sum(t in 0..T) v[t]' * relu(%s[t])) / sqrt(n)\n}\n", out);
        break;
    }
    return buf_text(b);
}

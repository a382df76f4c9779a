/* Random networks with positions as source text: convolutions, pooling, recurrences, attention,
 * graphs, norms, residual streams; and the sizes of their samples. */
#ifndef TEST_LOWER_POSGEN_H
#define TEST_LOWER_POSGEN_H
#include "base/buf.h"
#include "oracle.h"

enum { PG_RANK = 3, PG_VARS = 24 };

typedef struct PgVar { /* a family of vectors */
    const char *name;
    bool gauss;
    bool own;  /* has the input's sizes */
    int rank;
    int size[NSAMPLE][PG_RANK];
} PgVar;

typedef struct PosGen {
    Arena *a;
    uint64_t seed;
    Buf layers, body;
    uint32_t names;
    int rank;              /* of the input */
    int size[NSAMPLE][PG_RANK];
    int fixed[PG_RANK];    /* sizes that are numbers; 0: a name */
    bool varying[PG_RANK]; /* names whose sizes differ between samples */
    bool data;             /* a graph is read */
    bool random_noise;
    bool rough;            /* no smooth functions; they are slow to check */
    bool loops;            /* inside a repeat */
    int64_t depth;
    unsigned points;       /* Setup.data */
    bool family;           /* returned positions */
    int out_size[NSAMPLE][PG_RANK];
    int out_rank;
} PosGen;

static const char *const pg_size[] = {"P", "Q", "R"}, *const pg_var[] = {"i", "j", "k"},
                  *const pg_in[] = {"T", "S", "Z"};

static unsigned pg(PosGen *g, unsigned n) {
    g->seed = g->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(g->seed >> 33) % n;
}

static const char *pg_name(PosGen *g, const char *s) {
    return arena_printf(g->a, "%s%u", s, g->names++);
}

/* "[P, Q]"; "i in 0..P, j in 0..Q"; "i, j" */
static const char *pg_list(PosGen *g, int rank, const char *form) {
    Buf b = buf_new(g->a);
    for (int d = 0; d < rank; d++) {
        if (d) buf_puts(&b, ", ");
        for (const char *s = form; *s; s++) {
            if (*s == 'V') buf_puts(&b, pg_var[d]);
            else if (*s == 'S') buf_puts(&b, pg_size[d]);
            else buf_putc(&b, *s);
        }
    }
    return buf_text(&b);
}

static const char *pg_act(PosGen *g) {
    static const char *const f[] = {"relu", "relu", "relu", "abs", "step", "leaky", "relu",
                                    "erf",  "gelu", "tanh", "sin", "cube", "cosine", "silu"};
    return f[pg(g, g->rough ? 7 : 14)];
}

/* A jump of a jump of a jump loses all digits where arguments coincide. */
static const char *pg_smoother(PosGen *g) {
    const char *f = pg_act(g);
    return strcmp(f, "step") ? f : "relu";
}

static const char *pg_bias(PosGen *g) {
    switch (pg(g, 4)) {
    case 0: return "N(0, 0) lr 0.3";
    case 1: return "N(0, 0.1)";
    case 2: return "N(0, g * 0.2) lr 1";
    }
    return NULL;
}

static const char *pg_head(PosGen *g, const char *kind, int rank) {
    const char *l = pg_name(g, kind);
    buf_printf(&g->layers, "layer %s(x: vector[%s], g) {\n", l, pg_list(g, rank, "S"));
    return l;
}

static void pg_tail(PosGen *g, const char *value) {
    buf_printf(&g->layers, "    return %s\n}\n", value);
}

static PgVar pg_call(PosGen *g, const char *layer, PgVar x, bool gauss) {
    PgVar y = x;
    y.name = pg_name(g, "h");
    y.gauss = gauss;
    bool made = layer[strlen(layer) - 1] <= '9'; /* by this file: takes g */
    buf_printf(&g->body, "    %s = %s(%s%s)\n", y.name, layer, x.name, made ? ", g" : "");
    return y;
}

static int pg_least(const PgVar *x, int d) {
    int m = x->size[0][d];
    for (int s = 1; s < NSAMPLE; s++) m = x->size[s][d] < m ? x->size[s][d] : m;
    return m;
}

static int pg_most(const PgVar *x) {
    int m = 0;
    for (int s = 0; s < NSAMPLE; s++) {
        int n = 1;
        for (int d = 0; d < x->rank; d++) n *= x->size[s][d];
        m = n > m ? n : m;
    }
    return m;
}

/* ---- convolutions */
typedef struct PgConv {
    int k[PG_RANK], stride[PG_RANK], dil[PG_RANK], shift[PG_RANK];
    int padding; /* 0 zero, 1 circular, 2 valid */
} PgConv;

static PgConv pg_conv_of(PosGen *g, const PgVar *x, bool same) {
    PgConv c = {.padding = (int)pg(g, same ? 2 : 3)};
    for (int d = 0; d < x->rank; d++) {
        c.k[d] = 1 + (int)pg(g, x->rank == 1 ? 5 : 3);
        c.stride[d] = same || pg(g, 2) ? 1 : 1 + (int)pg(g, 3);
        c.dil[d] = pg(g, 4) ? 1 : 2;
        c.shift[d] = pg(g, 6) ? c.k[d] / 2 * c.dil[d] : (int)pg(g, 3);
        while (c.padding == 2 && (c.k[d] - 1) * c.dil[d] >= pg_least(x, d)) c.k[d]--;
        if (c.padding == 2) c.shift[d] = 0;
    }
    return c;
}

static const char *pg_extent(PosGen *g, const PgConv *c, int d) {
    int reach = (c->k[d] - 1) * c->dil[d], s = c->stride[d];
    if (c->padding < 2)
        return s == 1 ? pg_size[d] : arena_printf(g->a, "ceil(%s / %d)", pg_size[d], s);
    if (s == 1) return reach ? arena_printf(g->a, "%s - %d", pg_size[d], reach) : pg_size[d];
    return arena_printf(g->a, "(%s - %d) // %d", pg_size[d], reach + 1 - s, s);
}

static void pg_resize(const PgConv *c, PgVar *y) {
    for (int s = 0; s < NSAMPLE; s++)
        for (int d = 0; d < y->rank; d++) {
            int n = y->size[s][d];
            if (c->padding == 2) n -= (c->k[d] - 1) * c->dil[d];
            y->size[s][d] = (n + c->stride[d] - 1) / c->stride[d];
        }
    for (int d = 0; d < y->rank; d++)
        if (c->stride[d] > 1 || (c->padding == 2 && c->k[d] > 1)) y->own = false;
}

static const char *pg_place(PosGen *g, const PgConv *c, int rank) {
    static const char *const tap[] = {"a", "c", "e"};
    Buf b = buf_new(g->a);
    for (int d = 0; d < rank; d++)
        buf_printf(&b, "%s%d * %s + %d * %s - %d", d ? ", " : "", c->stride[d], pg_var[d],
                   c->dil[d], tap[d], c->shift[d]);
    return buf_text(&b);
}

static void pg_loops(PosGen *g, const PgConv *c, int rank) {
    buf_puts(&g->layers, "    for ");
    for (int d = 0; d < rank; d++)
        buf_printf(&g->layers, "%s%s in 0..%s", d ? ", " : "", pg_var[d], pg_extent(g, c, d));
    buf_printf(&g->layers, " { y[%s] = ", pg_list(g, rank, "V"));
}

static const char *pg_taps(PosGen *g, const PgConv *c, int rank) {
    static const char *const tap[] = {"a", "c", "e"};
    Buf b = buf_new(g->a);
    for (int d = 0; d < rank; d++)
        buf_printf(&b, "%s%s in 0..%d", d ? ", " : "", tap[d], c->k[d]);
    return buf_text(&b);
}

static PgVar pg_conv(PosGen *g, PgVar x, bool same) {
    static const char *const family[] = {"F[a]", "F[a; c]", "F[a; c; e]"};
    PgConv c = pg_conv_of(g, &x, same);
    const char *l = pg_head(g, "conv", x.rank), *bias = pg_bias(g);
    Buf *b = &g->layers;
    buf_puts(b, "    param F: matrix[");
    int n = 1;
    for (int d = 0; d < x.rank; d++) {
        buf_printf(b, "%s%d", d ? "; " : "", c.k[d]);
        n *= c.k[d];
    }
    buf_printf(b, "] ~ N(0, %s / (%d * fan_in))%s\n", pg(g, 2) ? "2" : "g", n,
               pg(g, 3) ? "" : " lr 1");
    if (bias) buf_printf(b, "    param b: vector ~ %s\n", bias);
    if (c.padding < 2) buf_printf(b, "    xp = pad(x, %s)\n", c.padding ? "circular" : "zero");
    pg_loops(g, &c, x.rank);
    buf_printf(b, "%ssum(%s) %s * %s[%s] }\n", bias ? "b + " : "", pg_taps(g, &c, x.rank),
               family[x.rank - 1], c.padding < 2 ? "xp" : "x", pg_place(g, &c, x.rank));
    pg_tail(g, "y");
    PgVar y = pg_call(g, l, x, true);
    pg_resize(&c, &y);
    return y;
}

/* Average over windows. */
static PgVar pg_pool(PosGen *g, PgVar x, bool same) {
    PgConv c = pg_conv_of(g, &x, same);
    const char *l = pg_head(g, "pool", x.rank);
    if (c.padding < 2)
        buf_printf(&g->layers, "    xp = pad(x, %s)\n", c.padding ? "circular" : "zero");
    pg_loops(g, &c, x.rank);
    buf_printf(&g->layers, "avg(%s) %s[%s] }\n", pg_taps(g, &c, x.rank),
               c.padding < 2 ? "xp" : "x", pg_place(g, &c, x.rank));
    pg_tail(g, "y");
    PgVar y = pg_call(g, l, x, x.gauss);
    pg_resize(&c, &y);
    return y;
}

/* ---- one position at a time */
static PgVar pg_dense(PosGen *g, PgVar x) {
    const char *l = pg_name(g, "point"), *bias = pg_bias(g);
    buf_printf(&g->layers, "layer %s(x: vector, g) {\n    param W: matrix ~ N(0, %s / fan_in)\n", l,
               pg(g, 2) ? "2" : "g");
    if (bias) buf_printf(&g->layers, "    param b: vector ~ %s\n", bias);
    if (x.gauss && !pg(g, 3) && strcmp(x.name, "x")) { /* the same matrix twice */
        buf_printf(&g->layers, "    z = W * %s(W * x)\n", pg_act(g));
        pg_tail(g, bias ? "W * relu(z) + b" : "0.5 * z + x");
    } else {
        pg_tail(g, bias ? "W * x + b" : "W * x");
    }
    return pg_call(g, l, x, true);
}

static PgVar pg_activate(PosGen *g, PgVar x) {
    return pg_call(g, g->loops ? pg_smoother(g) : pg_act(g), x, false);
}

static PgVar pg_norm(PosGen *g, PgVar x) { return pg_call(g, pg(g, 2) ? "ln" : "rms", x, x.gauss); }

/* ---- along a sequence */
/* Arms under different guards, some of which hold together: neighbours beyond the ends are 0. */
static PgVar pg_mix(PosGen *g, PgVar x) {
    const char *l = pg_head(g, "mix", 1), *f = x.gauss ? pg_smoother(g) : "";
    const char *d = pg(g, 2) ? "-" : "+";
    Buf *b = &g->layers;
    buf_printf(b, "    param W: matrix ~ N(0, %s / fan_in)\n", pg(g, 2) ? "0.1" : "g");
    buf_puts(b, "    param V: matrix ~ N(0, 1 / fan_in)\n");
    buf_printf(b, "    for i in 0..P { k[i] = V * x[i] }\n    xp = pad(k, zero)\n"
                  "    for i in 0..P { z[i] = W * %s(x[i]) }\n", f);
    if (!pg(g, 3)) buf_puts(b, "    zp = pad(z, zero)\n");
    else buf_puts(b, "    zp = z\n");
    buf_printf(b, "    for i in 0..P { y[i] = zp[i] + xp[i %s %u]%s }\n", d, 1 + pg(g, 2),
               pg(g, 3) ? "" : pg(g, 2) ? " + 0.5 * xp[i + 1]" : " + k[P - 1 - i]");
    pg_tail(g, "y");
    return pg_call(g, l, x, true);
}

static PgVar pg_rnn(PosGen *g, PgVar x) {
    const char *l = pg_head(g, "rnn", 1), *f = pg_smoother(g);
    bool both = !pg(g, 3), last = pg(g, 2);
    Buf *b = &g->layers;
    buf_puts(b, "    param W: matrix ~ N(0, g / n)\n    param U: matrix ~ N(0, 1 / fan_in)\n"
                "    param b: vector ~ N(0, 0.1)\n    s = 0\n    for i in 0..P {\n");
    if (last) buf_puts(b, "        z[i] = s\n");
    buf_printf(b, "        s = %s(W * s + U * x[i] + b)\n", f);
    if (!last) buf_puts(b, "        z[i] = s\n");
    buf_puts(b, "    }\n");
    if (both) {
        const char *w = pg(g, 2) ? "W" : "V";
        if (*w == 'V') buf_puts(b, "    param V: matrix ~ N(0, 0.7 / n)\n");
        buf_printf(b, "    r = 0\n    for i in 0..P {\n        r = %s(%s * r + U * x[P - 1 - i])\n"
                      "        q[i] = r\n    }\n"
                      "    for i in 0..P { y[i] = z[i] + q[P - 1 - i] }\n", f, w);
    }
    pg_tail(g, both ? "y" : "z");
    return pg_call(g, l, x, false);
}

static PgVar pg_attention(PosGen *g, PgVar x) {
    static const char *const mask[] = {"j <= i", "j <= i + 1 and i <= j + 1", "j >= i"};
    const char *l = pg_head(g, "attend", 1), *m = pg(g, 2) ? mask[pg(g, 3)] : NULL;
    Buf *b = &g->layers;
    buf_puts(b, "    param K: matrix ~ N(0, 1 / fan_in)\n    for i in 0..P { k[i] = K * x[i] }\n");
    buf_printf(b, "    for i in 0..P, j in 0..P { s[i, j] = %s%smoment(k[i] * k[j])%s%s }\n",
               m ? "if " : "", m ? arena_printf(g->a, "%s then ", m) : "",
               pg(g, 2) ? " / 2" : "", m ? " else -inf" : "");
    buf_puts(b, "    a = softmax(s, over = j)\n");
    bool value = pg(g, 2);
    if (value) buf_puts(b, "    param V: matrix ~ N(0, 1.5 / n)\n");
    buf_printf(b, "    for i in 0..P { y[i] = %ssum(j in 0..P) a[i, j] * %sk[j] }\n",
               pg(g, 2) ? "k[i] + " : "", value ? "V * " : "");
    pg_tail(g, "y");
    return pg_call(g, l, x, true);
}

/* Sums over the neighbours in a graph, from either end. */
static PgVar pg_graph(PosGen *g, PgVar x) {
    PgVar y = x;
    y.name = pg_name(g, "h");
    g->data = true;
    buf_printf(&g->body, "    for i in 0..%s { %s[i] = sum(j in 0..%s) %s * %s[j] }\n", pg_in[0],
               y.name, pg_in[0], pg(g, 2) ? "A[i, j]" : "A[j, i]", x.name);
    return y;
}

static PgVar pg_move(PosGen *g, PgVar x) {
    const char *l = pg_head(g, "move", 1);
    static const char *const line[] = {
        "    for i in 0..P { y[i] = x[P - 1 - i] }\n",
        "    for i in 0..P - 1 { y[i] = x[i + 1] }\n",
        "    for i in 0..2 * P { y[i] = x[i // 2] }\n",
        "    for i in 0..P { y[i] = avg(j in 0..i + 1) x[j] }\n",
        "    for i in 0..P - 1 { y[i] = x[i + 1] - 0.5 * x[i] }\n",
        "    for i in 0..P { y[i] = x[i] + 0.5 * x[P - 1 - i] }\n",
        "    for i in 0..P { y[i] = if i % 2 == 0 then x[i] else 0.5 * x[i - 1] }\n",
        "    for i in 0..P + 1 { y[i] = if i < 1 then x[P - 1] else x[i - 1] }\n",
        "    m = avg(j in 0..P) x[j]\n    for i in 0..P { y[i] = x[i] - m }\n"};
    unsigned k = pg(g, 9);
    if ((k == 1 || k == 4) && pg_least(&x, 0) < 2) k = 0;
    if (k == 2 && pg_most(&x) > 4) k = 3;
    if (k == 8 && (g->points || pg_least(&x, 0) < 2)) k = 0; /* x - x: 0 but for rounding */
    buf_puts(&g->layers, line[k]);
    pg_tail(g, "y");
    PgVar y = pg_call(g, l, x, x.gauss);
    for (int s = 0; s < NSAMPLE; s++)
        y.size[s][0] += k == 1 || k == 4 ? -1 : k == 2 ? y.size[s][0] : k == 7;
    y.own &= k != 1 && k != 2 && k != 4 && k != 7;
    return y;
}

/* The mean over the last axis of an image. */
static PgVar pg_squash(PosGen *g, PgVar x) {
    const char *l = pg_head(g, "squash", x.rank), *v = pg_var[x.rank - 1];
    const char *at = pg_list(g, x.rank - 1, "V"), *size = pg_size[x.rank - 1];
    buf_printf(&g->layers, "    for %s { y[%s] = ", pg_list(g, x.rank - 1, "V in 0..S"), at);
    if (pg(g, 2)) buf_printf(&g->layers, "avg(%s in 0..%s) x[%s, %s] }\n", v, size, at, v);
    else buf_printf(&g->layers, "x[%s, %s - 1] }\n", at, size);
    pg_tail(g, "y");
    PgVar y = pg_call(g, l, x, x.gauss);
    y.rank--;
    y.own = false;
    return y;
}

static PgVar pg_embed(PosGen *g, PgVar x) {
    const char *l = pg_head(g, "embed", x.rank), *at = pg_list(g, x.rank, "V");
    buf_printf(&g->layers,
               "    param e: vector[%s] ~ N(0, 0.3)\n    for %s { y[%s] = x[%s] + e[%s] }\n",
               pg_list(g, x.rank, "S"), pg_list(g, x.rank, "V in 0..S"), at, at, at);
    pg_tail(g, "y");
    return pg_call(g, l, x, x.gauss);
}

static PgVar pg_drop(PosGen *g, PgVar x) {
    const char *l = pg_name(g, "drop");
    g->random_noise = true;
    buf_printf(&g->layers, "layer %s(x: vector, g) {\n    noise m: vector ~ N(0, 0.2)\n", l);
    pg_tail(g, "x + m");
    return pg_call(g, l, x, x.gauss);
}

/* ---- composition */

/* Keeps sizes and rank; ends Gaussian if x is and `gauss`. */
static PgVar pg_inner(PosGen *g, PgVar x) {
    PgVar h = x.gauss ? pg_activate(g, x) : x;
    if (!pg(g, 4)) h = pg_pool(g, h, true);
    if (!pg(g, 6)) h = pg_norm(g, h);
    if (h.rank == 1 && !pg(g, 4)) return pg_attention(g, h);
    return pg(g, 4) ? pg_conv(g, h, true) : pg_dense(g, h);
}

static PgVar pg_repeat(PosGen *g, PgVar x) {
    PgVar h = x;
    h.name = pg_name(g, "h");
    const char *turns = pg(g, 3) ? "depth" : pg(g, 2) ? "2" : "depth - 1";
    buf_printf(&g->body, "    %s = %s\n    repeat %s {\n", h.name, x.name, turns);
    g->loops = true;
    PgVar y = pg_inner(g, h);
    if (!x.gauss && pg(g, 2)) y = pg_activate(g, y);
    g->loops = false;
    if (pg(g, 2)) buf_printf(&g->body, "    %s = %s + 0.7 * %s\n", h.name, h.name, y.name);
    else buf_printf(&g->body, "    %s = %s\n", h.name, y.name);
    buf_puts(&g->body, "    }\n");
    return h;
}

static PgVar pg_residual(PosGen *g, PgVar x) {
    PgVar y = pg_inner(g, x), z = y;
    z.name = pg_name(g, "h");
    z.gauss = x.gauss && y.gauss;
    z.own = x.own;
    buf_printf(&g->body, "    %s = %s %s %s\n", z.name, x.name, pg(g, 3) ? "+" : "-", y.name);
    return z;
}

static PgVar pg_step(PosGen *g, PgVar x) {
    if (x.gauss && pg(g, 2)) return pg_activate(g, x);
    switch (pg(g, 12)) {
    case 0:
    case 1:
    case 2: return pg_conv(g, x, false);
    case 3: return pg_pool(g, x, false);
    case 4: return pg_norm(g, x);
    case 5: return pg_repeat(g, x);
    case 6: return pg_residual(g, x);
    case 7: return x.rank == 1 ? pg_rnn(g, x) : pg_squash(g, x);
    case 8: return x.rank != 1 ? pg_dense(g, x) : pg(g, 2) ? pg_attention(g, x) : pg_mix(g, x);
    case 9: return x.rank == 1 ? pg_move(g, x) : pg_conv(g, x, true);
    case 10: return x.rank == 1 && x.own ? pg_graph(g, x) : pg_embed(g, x);
    }
    return pg(g, 3) ? pg_repeat(g, x) : pg_drop(g, x);
}

/* ---- the output */
static void pg_pooled(PosGen *g, PgVar x, const char *out) {
    const char *l = pg_head(g, "pooled", x.rank), *m = "m";
    buf_printf(&g->layers, "    m = avg(%s) x[%s]\n", pg_list(g, x.rank, "V in 0..S"),
               pg_list(g, x.rank, "V"));
    if (!pg(g, 3)) {
        buf_printf(&g->layers, "    param W: matrix ~ N(0, 1 / fan_in)\n    z = %s(W * m)\n",
                   pg_act(g));
        m = "z";
    }
    buf_printf(&g->layers, "    param v: vector ~ N(0, %s)\n    return v' * %s / sqrt(n)\n}\n",
               pg(g, 2) ? "1" : "g", m);
    buf_printf(&g->body, "    %s = %s(%s, g)\n", out, l, x.name);
}

static void pg_flat(PosGen *g, PgVar x, const char *out) {
    const char *l = pg_head(g, "flat", x.rank), *at = pg_list(g, x.rank, "V");
    buf_printf(&g->layers, "    param v: vector[%s] ~ N(0, 1)\n"
               "    return (sum(%s) v[%s]' * x[%s]) / sqrt(n)\n}\n", pg_list(g, x.rank, "S"),
               pg_list(g, x.rank, "V in 0..S"), at, at);
    buf_printf(&g->body, "    %s = %s(%s, g)\n", out, l, x.name);
}

static void pg_one(PosGen *g, PgVar x, const char *out) {
    const char *l = pg_head(g, "one", x.rank);
    buf_printf(&g->layers, "    param v: vector ~ N(0, 1)\n    return v' * x[%s] / sqrt(n)\n}\n",
               pg_list(g, x.rank, pg(g, 2) ? "S - 1" : "0"));
    buf_printf(&g->body, "    %s = %s(%s, g)\n", out, l, x.name);
}

static void pg_family(PosGen *g, PgVar x, const char *out) {
    const char *l = pg_head(g, "each", x.rank), *at = pg_list(g, x.rank, "V");
    buf_printf(&g->layers,
               "    param v: vector ~ N(0, 1)\n    for %s { f[%s] = v' * x[%s] / sqrt(n) }\n",
               pg_list(g, x.rank, "V in 0..S"), at, at);
    pg_tail(g, "f");
    buf_printf(&g->body, "    %s = %s(%s, g)\n", out, l, x.name);
    g->family = true;
    g->out_rank = x.rank;
    memcpy(g->out_size, x.size, sizeof x.size);
}

static void pg_output(PosGen *g, PgVar x, PgVar other) {
    unsigned k = pg(g, 8);
    if (k < 3) pg_pooled(g, x, "f");
    else if (k < 5) pg_flat(g, x, "f");
    else if (k == 5) pg_one(g, x, "f");
    else if (k == 6) pg_family(g, x, "f");
    else {
        pg_pooled(g, x, "f0");
        pg_pooled(g, other, "f1");
        buf_puts(&g->body, "    f = f0 + 0.5 * f1\n");
    }
}

static void pg_sizes(PosGen *g) {
    static const int most[] = {0, 6, 3, 2};
    for (int d = 0; d < g->rank; d++) {
        int m = g->rank == 1 && !g->rough ? 3 : most[g->rank];
        int n = pg(g, 3) ? m - (int)pg(g, 2) : 1 + (int)pg(g, (unsigned)m);
        if (n < 1) n = 1;
        g->fixed[d] = pg(g, 6) ? 0 : n;
        g->varying[d] = !g->fixed[d] && !pg(g, g->rank == 1 ? 2 : 4);
        for (int s = 0; s < NSAMPLE; s++)
            g->size[s][d] = g->varying[d] ? 1 + (int)pg(g, (unsigned)m) : n;
    }
}

static const char *pg_text(PosGen *g) {
    Buf b = buf_new(g->a);
    buf_printf(&b, "fn leaky(x) = if x > 0 then x else 0.2 * x\nfn cube(x) = x + 0.1 * x^3\n"
                   "fn cosine(x) = cos(x)\n%s"
                   "layer ln(x: vector) {\n    m = moment(x)\n"
                   "    return (x - m) / sqrt(moment((x - m)^2) + 0.1)\n}\n"
                   "layer rms(x: vector) {\n    return x / sqrt(moment(x^2) + 0.2)\n}\n",
               buf_text(&g->layers));
    buf_puts(&b, "network f(x: input[");
    for (int d = 0; d < g->rank; d++) {
        buf_puts(&b, d ? ", " : "");
        if (g->fixed[d]) buf_printf(&b, "%d", g->fixed[d]);
        else buf_puts(&b, pg_in[d]);
    }
    buf_printf(&b, "]%s, depth: int = 2, g = 0.9) {\n%s    return f\n}\n",
               g->data ? ", A: data[T, T]" : "", buf_text(&g->body));
    return buf_text(&b);
}

/* The source of program `seed`. */
static const char *pg_make(PosGen *g, Arena *a, uint64_t seed) {
    *g = (PosGen){.a = a, .seed = seed * 7919 + 11, .layers = buf_new(a), .body = buf_new(a)};
    for (int i = 0; i < 3; i++) pg(g, 2);
    g->rank = pg(g, 3) ? 1 : pg(g, 5) ? 2 : 3;
    g->rough = pg(g, 3) || g->rank > 1;
    g->depth = 1 + pg(g, g->rough ? 4 : 2);
    g->points = pg(g, 2) ? 0 : pg(g, 8);
    pg_sizes(g);
    PgVar x = {.name = "x", .gauss = true, .own = !g->fixed[0], .rank = g->rank}, before;
    memcpy(x.size, g->size, sizeof x.size);
    x = pg(g, 2) ? pg_conv(g, x, false) : pg_dense(g, x);
    before = x;
    for (unsigned n = 1 + pg(g, 5); n; n--) {
        if (pg(g, 2)) before = x;
        x = pg_step(g, x);
    }
    pg_output(g, x, before);
    return pg_text(g);
}
#endif

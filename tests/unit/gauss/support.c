#include "support.h"
#include "diag/source.h"
#include <math.h>
#include <string.h>

Bench bench_new(void) {
    Bench b = {0};
    b.c.a = arena_new(0, NULL, NULL);
    b.c.syms = intern_new(b.c.a);
    b.c.src = sources_new(b.c.a);
    b.c.ds = diags_new(b.c.a, b.c.src);
    b.aff = affctx_new(b.c.a, b.c.syms);
    b.fx = fxpool_new(b.c.a, b.aff);
    return b;
}

void bench_free(Bench *b) { arena_free(b->c.a); }

static const struct {
    const char *name, *body;
} lib[] = {
    {"relu", "max(u0, 0)"},
    {"leaky_relu", "if u0 > 0 then u0 else 0.01 * u0"},
    {"abs", "abs(u0)"},
    {"sign", "sign(u0)"},
    {"step", "step(u0)"},
    {"erf", "erf(u0)"},
    {"Phi", "Phi(u0)"},
    {"gelu", "u0 * Phi(u0)"},
    {"gaussian", "exp(-u0^2)"},
    {"sin", "sin(u0)"},
    {"cos", "cos(u0)"},
    {"exp", "exp(u0)"},
    {"snake", "u0 + sin(u0)^2"},
    {"gabor", "exp(-u0^2) * sin(3 * u0)"},
    {"square", "u0^2"},
    {"cube", "u0^3"},
    {"he3", "u0^3 - 3 * u0"},
    {"relu2", "if u0 > 0 then u0^2 else 0"},
    {"relu3", "max(u0, 0)^3"},
    {"relu5", "max(u0, 0)^5"},
    {"hard_tanh", "max(min(u0, 1), -1)"},
    {"relu6", "min(max(u0, 0), 6)"},
    {"hard_sigmoid", "max(0, min(1, u0 / 6 + 1/2))"},
    {"shifted_relu", "max(u0 - 1, 0)"},
    {"shrink", "if abs(u0) > 1 then u0 else 0"},
    {"tanh", "tanh(u0)"},
    {"sigmoid", "1/2 + tanh(u0 / 2) / 2"},
    {"silu", "u0 * (1/2 + tanh(u0 / 2) / 2)"},
    {"softplus", "log(1 + exp(u0))"},
    {"mish", "u0 * tanh(log(1 + exp(u0)))"},
    {"elu", "if u0 > 0 then u0 else exp(u0) - 1"},
    {"selu", "if u0 > 0 then 1.0507009873554805 * u0 else 1.7580993408473766 * (exp(u0) - 1)"},
    {"laplace", "exp(-abs(u0))"},
    {"softsign", "u0 / (1 + abs(u0))"},
};

Fx bench_fx(Bench *b, const char *text) {
    const char *s = text;
    for (size_t i = 0; i < sizeof lib / sizeof *lib; i++)
        if (!strcmp(lib[i].name, text)) s = lib[i].body;
    Fx f = fx_parse(b->fx, b->c.syms, &s);
    if (!f || *s) fail_msg("cannot read `%s` at `%s`", text, s);
    return f;
}

Fx bench_fx_at(Bench *b, const char *text, uint32_t k) {
    Fx leaf = fx_leaf(b->fx, k);
    return fx_map(b->fx, bench_fx(b, text), &leaf, 1, NULL, 0);
}

static const bool no_zero[4];

Pair bench_pair(Bench *b, Fx f, Fx g, bool unit, bool centred) {
    bool *cen = ARENA_ARRAY(b->c.a, bool, 2);
    cen[0] = cen[1] = centred;
    Fx leaf = fx_leaf(b->fx, 1);
    Pair p = {.q = {.fx = b->fx,
                    .F = f,
                    .G = fx_map(b->fx, g, &leaf, 1, NULL, 0),
                    .nl = 1,
                    .nleaf = 2,
                    .zero = no_zero,
                    .centred = cen,
                    .unit = unit}};
    p.e = gauss_plan(&b->c, &p.q);
    return p;
}

Pair bench_single(Bench *b, Fx f, Fx g, bool centred) {
    bool *cen = ARENA_ARRAY(b->c.a, bool, 1);
    cen[0] = centred;
    Pair p = {.q = {.fx = b->fx,
                    .F = f,
                    .G = g,
                    .nl = 1,
                    .nleaf = 1,
                    .same = true,
                    .zero = no_zero,
                    .centred = cen}};
    p.e = gauss_plan(&b->c, &p.q);
    return p;
}

double pair_value(Bench *b, const Pair *p, double q0, double q1, double d, double sign, double m0,
                  double m1) {
    double var[2] = {q0, q1}, mean[2] = {m0, m1}, c = sign * (1 - d);
    double cov[4] = {0, c * sqrt(q0 * q1), 0, 0};
    GaussNumbers n = {.var = var, .cov = cov, .mean = mean, .c = c, .d = d, .sign = sign};
    return gauss_value(&b->c, &p->q, p->e, &n);
}

double single_value(Bench *b, const Pair *p, double q, double m) {
    GaussNumbers n = {.var = &q, .mean = &m};
    return gauss_value(&b->c, &p->q, p->e, &n);
}

const char *bench_normal(Bench *b, const char *text) {
    FmPool *p = fmpool_new(b->c.a, b->fx, b->c.syms);
    Norm *n = norm_new(b->c.a, p, b->c.syms);
    Buf s = buf_new(b->c.a);
    nf_print(n, &s, normalise(n, bench_fx(b, text)));
    return buf_text(&s);
}

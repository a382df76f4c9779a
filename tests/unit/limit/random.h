/* Random loop programs: one or two loops, loops inside, states, matrices shared or one a turn,
 * piecewise linear functions, sums over turns. */
#ifndef TPC_TEST_RANDOM_H
#define TPC_TEST_RANDOM_H
#include "build.h"

enum { MAXPOOL = 40, MAXFAM = 4 };

typedef struct Item { /* a vector that may be read at the current place */
    Use u;
    bool gauss;
    uint32_t level; /* loops around its definition */
} Item;

typedef struct Gen {
    PB *b;
    unsigned seed;
    FamId fam[MAXFAM], vec[2];
    int nfam;
    Item item[MAXPOOL];
    int nitem;
    int names;
} Gen;

static unsigned rnd(Gen *g, unsigned n) {
    g->seed = g->seed * 1664525u + 1013904223u;
    return (g->seed >> 9) % n;
}

static const char *fresh(Gen *g, const char *s) {
    return arena_printf(g->b->c.a, "%s%d", s, g->names++);
}

static void add(Gen *g, Use u, bool gauss) {
    if (g->nitem < MAXPOOL) g->item[g->nitem++] = (Item){u, gauss, g->b->ndim};
}

static int pick(Gen *g, bool gauss) {
    int n = 0, at = -1;
    for (int i = 0; i < g->nitem; i++)
        if ((!gauss || g->item[i].gauss) && !rnd(g, (unsigned)++n)) at = i;
    return at;
}

static Fx coefficient(Gen *g) {
    static const double c[] = {1, 1, -0.5, 0.7};
    unsigned k = rnd(g, 5);
    return k == 4 ? pb_real(g->b, "alpha") : fx_num(g->b->fx, c[k]);
}

/* Piecewise linear functions, continuous or not, by max, by abs and by `if`. */
static Fx function(Gen *g) {
    FxPool *p = g->b->fx;
    Fx u = fx_leaf(p, 0), zero = fx_num(p, 0), positive = fx_op(p, FX_gt, u, zero, 0);
    switch (rnd(g, 6)) {
    case 0: return fx_op(p, FX_abs, u, 0, 0);
    case 1: return fx_op(p, FX_if, positive, u, fx_mul(p, pb_real(g->b, "alpha"), u));
    case 2: return fx_op(p, FX_step, u, 0, 0);
    case 3: return fx_op(p, FX_if, positive, fx_add(p, u, fx_num(p, 1)), fx_num(p, -0.5));
    }
    return fx_op(p, FX_max, u, zero, 0);
}

/* A family whose members are fresh in turn `var`, or shared. */
static Aff member(Gen *g) {
    PB *b = g->b;
    if (!b->ndim || rnd(g, 2)) return aff_const(0);
    return aff_name(b->x, b->dim[b->ndim - 1].var);
}

static void line(Gen *g) {
    PB *b = g->b;
    unsigned kind = rnd(g, 10);
    int i = pick(g, kind < 3);
    if (i < 0) kind = 5, i = pick(g, false);
    Item it = g->item[i];
    if (kind < 3) {
        DefId d = pb_nonlin(b, fresh(g, "r"), function(g), 1, it.u);
        add(g, pb_own(b, d), false);
    } else if (kind < 7) {
        FamId f = g->fam[rnd(g, (unsigned)g->nfam)];
        Aff m = b->p->fam.data[f].nindex ? member(g) : aff_const(0);
        DefId d = pb_matmul(b, fresh(g, "h"), f, it.u, m);
        add(g, pb_own(b, d), true);
    } else {
        DefId d = pb_lin(b, fresh(g, "s"));
        Item o = g->item[pick(g, false)];
        bool gauss = it.gauss && o.gauss;
        pb_arm(b, d, fx_num(b->fx, 1), it.u);
        pb_arm(b, d, coefficient(g), o.u);
        if (!rnd(g, 4)) {
            DefId v = pb_param(b, fresh(g, "b"), g->vec[rnd(g, 2)], member(g));
            pb_arm(b, d, coefficient(g), pb_own(b, v));
        }
        add(g, pb_own(b, d), gauss);
    }
}

static void body(Gen *g, int level);

typedef struct State {
    DefId mu;
    bool gauss;
} State;

/* May the item be a state's value at the end of a turn? */
static bool may_follow(const Gen *g, const Item *it, bool gauss) {
    const Def *d = &g->b->p->def.data[it->u.d];
    if (gauss && !it->gauss) return false;
    return it->level == g->b->ndim && d->ndim == g->b->ndim && !d->mu;
}

static void loop(Gen *g, int level) {
    PB *b = g->b;
    State st[3];
    int ns = 1 + (int)rnd(g, 3), outer = g->nitem;
    const char *var = fresh(g, "l");
    Aff size = rnd(g, 3) ? pb_name(b, level ? "inner" : "depth") : aff_const(2);
    for (int k = 0; k < ns; k++) {
        pb_push(b, var, aff_const(0), aff_plus(size, 1));
        st[k].mu = pb_mu(b, fresh(g, "m"));
        pb_pop(b);
        st[k].gauss = rnd(g, 2);
        int i = pick(g, st[k].gauss);
        if (i >= 0 && i < outer && rnd(g, 6)) pb_mu_init(b, st[k].mu, g->item[i].u);
    }
    pb_push(b, var, aff_const(0), size);
    for (int k = 0; k < ns; k++) add(g, pb_own(b, st[k].mu), st[k].gauss);
    int before = g->nitem;
    body(g, level + 1);
    for (int k = 0; k < ns; k++) {
        int at = -1, n = 0;
        for (int i = before; i < g->nitem; i++)
            if (may_follow(g, &g->item[i], st[k].gauss) && !rnd(g, (unsigned)++n)) at = i;
        if (rnd(g, 2)) pb_mu_next(b, st[k].mu, st[k].mu);
        if (at >= 0) pb_mu_next(b, st[k].mu, g->item[at].u.d);
    }
    Item some = g->item[g->nitem - 1];
    pb_pop(b);
    g->nitem = outer;
    for (int k = 0; k < ns; k++) {
        Use u = pb_own(b, st[k].mu);
        Aff *idx = arena_copy(b->c.a, u.idx, (b->ndim + 1) * sizeof *idx);
        idx[b->ndim] = size;
        add(g, (Use){.d = u.d, .idx = idx}, st[k].gauss);
    }
    const Def *sd = &b->p->def.data[some.u.d];
    if (rnd(g, 2) && sd->ndim == b->ndim + 1 && !sd->mu) { /* a sum over the turns */
        DefId s = pb_lin(b, fresh(g, "t"));
        const char *m = fresh(g, "n");
        Aff *idx = arena_copy(b->c.a, some.u.idx, (b->ndim + 1) * sizeof *idx);
        idx[b->ndim] = pb_name(b, m);
        pb_arm_sum(b, s, coefficient(g), (Use){.d = some.u.d, .idx = idx},
                   pb_dim(b, m, aff_const(0), size));
        add(g, pb_own(b, s), some.gauss);
    }
}

static void body(Gen *g, int level) {
    int n = 2 + (int)rnd(g, 3);
    for (int k = 0; k < n; k++) line(g);
    if (level < 2 && !rnd(g, level ? 4 : 1)) loop(g, level);
    if (!rnd(g, 2)) line(g);
}

/* Any item but the first two, which every program has. */
static Use late_item(Gen *g) {
    return g->item[g->nitem - 1 - (int)rnd(g, (unsigned)(g->nitem - 2))].u;
}

static PB *generate(unsigned seed) {
    PB *b = pb_new("random");
    Gen g = {.b = b, .seed = seed * 2654435761u + 12345};
    pb_size(b, "depth", 1);
    pb_size(b, "inner", 1);
    Fx s2 = pb_real(b, "sw"), lr = rnd(&g, 2) ? s2 : pb_real(b, "ew");
    FamId U = pb_fam(b, FAM_input_matrix, "U", s2, lr, 0);
    DefId x = pb_input(b, "x");
    g.nfam = 1 + (int)rnd(&g, 3);
    for (int k = 0; k < g.nfam; k++)
        g.fam[k] = pb_fam(b, FAM_matrix, fresh(&g, "W"), s2, lr, rnd(&g, 2));
    for (int k = 0; k < 2; k++)
        g.vec[k] = pb_fam(b, FAM_vector, fresh(&g, "c"), pb_real(b, "sb"), pb_real(b, "sb"), 1);
    for (int k = 0; k < 2; k++) {
        FamId f = k ? pb_fam(b, FAM_input_matrix, "U2", s2, lr, 0) : U;
        add(&g, pb_own(b, pb_matmul(b, fresh(&g, "e"), f, pb_at(b, x))), true);
    }
    loop(&g, 0);
    if (seed % 3 == 0) loop(&g, 0);
    DefId o = pb_lin(b, "o");
    for (int k = 0; k < 2; k++)
        pb_arm(b, o, fx_num(b->fx, 1), late_item(&g));
    Fx sv = pb_real(b, "sv");
    pb_output(b, pb_fam(b, FAM_vector, "readout", sv, sv, 0), pb_at(b, o));
    return b;
}

/* ---- what a program is evaluated with */

typedef struct Values {
    PB *b;
    int64_t depth, inner;
} Values;

static double real_of(void *ctx, Sym name) {
    const Values *v = ctx;
    const char *s = sym_text(v->b->c.syms, name);
    return !strcmp(s, "sw") ? 1.3 : !strcmp(s, "ew") ? 0.8 : !strcmp(s, "sb") ? 0.2 :
           !strcmp(s, "alpha") ? 0.6 : 1.1;
}

static int64_t size_of(void *ctx, Sym name) {
    const Values *v = ctx;
    return strcmp(sym_text(v->b->c.syms, name), "depth") ? v->inner : v->depth;
}
#endif

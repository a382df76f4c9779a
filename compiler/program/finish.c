/* What the output does not need is dropped; definitions come after their operands. */
#include "program/elab.h"

typedef struct Tidy {
    Program *p;
    Arena *a;
    uint8_t *state; /* 0 not seen, 1 being ordered, 2 ordered */
    bool *live;
    VEC(DefId) order, stack;
    DefId *to; /* new numbers */
} Tidy;

typedef struct Operands {
    Tidy *t;
    void (*see)(Tidy *t, DefId d);
} Operands;

static void operand_scalar(void *ctx, Fx sref) {
    const Operands *o = ctx;
    o->see(o->t, fx_node(o->t->p->fx, sref)->k);
}

/* Every definition that d reads, scalars in its expressions too. */
static void operands(Tidy *t, const Def *d, void (*see)(Tidy *t, DefId d)) {
    Operands o = {t, see};
    for (uint32_t i = 0; i < d->nuse; i++) see(t, d->use[i].d);
    for (uint32_t i = 0; i < d->narm; i++) {
        if (d->arm[i].use.d) see(t, d->arm[i].use.d);
        fx_srefs(t->p->fx, d->arm[i].coef, operand_scalar, &o);
    }
    if (d->f) fx_srefs(t->p->fx, d->f, operand_scalar, &o);
}

static void mark_one(Tidy *t, DefId d) {
    if (t->live[d]) return;
    t->live[d] = true;
    vec_push(t->a, &t->stack, d);
}

static void mark(Tidy *t, DefId d) {
    mark_one(t, d);
    while (t->stack.len) {
        Def x = t->p->def.data[vec_pop(&t->stack)];
        operands(t, &x, mark_one);
    }
}

static void order(Tidy *t, DefId d) {
    const Def *x = &t->p->def.data[d];
    if (t->state[d] == 1) bug("program: a cycle through `%u` that is not loop-carried", d);
    if (t->state[d]) return;
    t->state[d] = 1;
    if (!x->mu) operands(t, x, order);
    t->state[d] = 2;
    vec_push(t->a, &t->order, d);
}

static Fx scalar_renumber(void *ctx, Fx sref) {
    const Tidy *t = ctx;
    FxNode n = *fx_node(t->p->fx, sref);
    return fx_sref(t->p->fx, t->to[n.k], n.idx, n.nidx);
}

static bool has_family(const Def *d) {
    return d->op == PO_param || d->op == PO_matmul || d->op == PO_noise;
}

static void renumber(Tidy *t, const FamId *fam_to, Def *d) {
    const DefId *to = t->to;
    Use *use = arena_copy(t->a, d->use, d->nuse * sizeof *use);
    Arm *arm = arena_copy(t->a, d->arm, d->narm * sizeof *arm);
    for (uint32_t i = 0; i < d->nuse; i++) use[i].d = to[use[i].d];
    for (uint32_t i = 0; i < d->narm; i++) {
        arm[i].use.d = to[arm[i].use.d];
        arm[i].coef = fx_sref_map(t->p->fx, arm[i].coef, scalar_renumber, t);
    }
    if (d->f) d->f = fx_sref_map(t->p->fx, d->f, scalar_renumber, t);
    d->use = use;
    d->arm = arm;
    if (has_family(d)) d->fam = fam_to[d->fam];
}

void program_tidy(Elab *e) {
    Program *p = e->p;
    uint32_t n = p->def.len;
    Tidy t = {.p = p, .a = e->a, .state = ARENA_ARRAY(e->a, uint8_t, n),
              .live = ARENA_ARRAY(e->a, bool, n)};
    DefId *to = t.to = ARENA_ARRAY(e->a, DefId, n);
    FamId *fam_to = ARENA_ARRAY(e->a, FamId, p->fam.len);
    bool *fam_live = ARENA_ARRAY(e->a, bool, p->fam.len);
    mark(&t, p->out);
    for (DefId d = 1; d < n; d++)
        if (t.live[d] || p->def.data[d].op == PO_input) order(&t, d);
    for (uint32_t i = 0; i < t.order.len; i++) {
        const Def *d = &p->def.data[t.order.data[i]];
        to[t.order.data[i]] = i + 1;
        if (has_family(d)) fam_live[d->fam] = true;
    }
    uint32_t nf = 0;
    for (FamId f = 0; f < p->fam.len; f++) {
        fam_to[f] = nf;
        if (fam_live[f]) p->fam.data[nf++] = p->fam.data[f];
    }
    p->fam.len = nf;
    Def *all = ARENA_ARRAY(e->a, Def, t.order.len + 1);
    for (uint32_t i = 0; i < t.order.len; i++) {
        all[i + 1] = p->def.data[t.order.data[i]];
        renumber(&t, fam_to, &all[i + 1]);
    }
    p->out = to[p->out];
    p->def.data = all;
    p->def.len = p->def.cap = t.order.len + 1;
}

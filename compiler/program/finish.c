/* What the output does not need is dropped; definitions come after their operands. */
#include "program/elab.h"

typedef struct Tidy {
    Program *p;
    Arena *a;
    uint8_t *state; /* 0 not seen, 1 being ordered, 2 ordered */
    bool *live;
    VEC(DefId) order;
} Tidy;

static void mark(Tidy *t, DefId d) {
    VEC(DefId) todo = {0};
    vec_push(t->a, &todo, d);
    t->live[d] = true;
    while (todo.len) {
        const Def *x = &t->p->def.data[vec_pop(&todo)];
        for (uint32_t i = 0; i < x->nuse + x->narm; i++) {
            DefId o = i < x->nuse ? x->use[i].d : x->arm[i - x->nuse].use.d;
            if (t->live[o]) continue;
            t->live[o] = true;
            vec_push(t->a, &todo, o);
        }
    }
}

static void order(Tidy *t, DefId d) {
    const Def *x = &t->p->def.data[d];
    if (t->state[d] == 1) bug("program: a cycle through `%u` that is not loop-carried", d);
    if (t->state[d]) return;
    t->state[d] = 1;
    for (uint32_t i = 0; !x->mu && i < x->nuse; i++) order(t, x->use[i].d);
    for (uint32_t i = 0; !x->mu && i < x->narm; i++) order(t, x->arm[i].use.d);
    t->state[d] = 2;
    vec_push(t->a, &t->order, d);
}

static void renumber(Tidy *t, const DefId *to, const FamId *fam_to, Def *d) {
    Use *use = arena_copy(t->a, d->use, d->nuse * sizeof *use);
    Arm *arm = arena_copy(t->a, d->arm, d->narm * sizeof *arm);
    for (uint32_t i = 0; i < d->nuse; i++) use[i].d = to[use[i].d];
    for (uint32_t i = 0; i < d->narm; i++) arm[i].use.d = to[arm[i].use.d];
    d->use = use;
    d->arm = arm;
    if (d->op == PO_param || d->op == PO_matmul) d->fam = fam_to[d->fam];
}

void program_tidy(Elab *e) {
    Program *p = e->p;
    uint32_t n = p->def.len;
    Tidy t = {.p = p, .a = e->a, .state = ARENA_ARRAY(e->a, uint8_t, n),
              .live = ARENA_ARRAY(e->a, bool, n)};
    DefId *to = ARENA_ARRAY(e->a, DefId, n);
    FamId *fam_to = ARENA_ARRAY(e->a, FamId, p->fam.len);
    bool *fam_live = ARENA_ARRAY(e->a, bool, p->fam.len);
    mark(&t, p->out);
    for (DefId d = 1; d < n; d++)
        if (t.live[d] || p->def.data[d].op == PO_input) order(&t, d);
    for (uint32_t i = 0; i < t.order.len; i++) {
        const Def *d = &p->def.data[t.order.data[i]];
        to[t.order.data[i]] = i + 1;
        if (d->op == PO_param || d->op == PO_matmul) fam_live[d->fam] = true;
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
        renumber(&t, to, fam_to, &all[i + 1]);
    }
    p->out = to[p->out];
    p->def.data = all;
    p->def.len = p->def.cap = t.order.len + 1;
}

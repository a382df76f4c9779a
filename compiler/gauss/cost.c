/* Slots of the pair stage: what depends on one sample is hoisted and costs nothing. */
#include "gauss/plan.h"

static const double slots[FN_COUNT] = {
#define FN(name, nformula, nraw, text, cost) [FN_##name] = cost,
#include "gauss/fn.def"
};
static const uint8_t nformula[FN_COUNT] = {
#define FN(name, nf, nraw, text, cost) [FN_##name] = nf,
#include "gauss/fn.def"
};

typedef struct Count {
    const FmPool *p;
    VEC(Fm) seen;
    VEC(Power) power;
    double slots;
} Count;

static void count_sum(Count *c, Fm f);

static void count_power(Count *c, Power w) {
    const Atom *a = fm_atom(c->p, w.atom);
    bool atom_seen = false;
    for (uint32_t i = 0; i < c->power.len; i++) {
        Power o = c->power.data[i];
        if (o.atom != w.atom) continue;
        atom_seen = true;
        if (!rat_cmp(o.e, w.e)) return;
    }
    vec_push(c->p->a, &c->power, w);
    if (!atom_seen) {
        if (a->kind == AK_sum) count_sum(c, a->x);
        if (a->kind == AK_fn) c->slots += slots[a->x];
        for (uint32_t i = 0; a->kind == AK_fn && i < nformula[a->x]; i++) count_sum(c, a->arg[i]);
    }
    if (w.e.d == 2)
        c->slots += w.e.n > 0 ? 8 : 16;
    else if (w.e.n < 0)
        c->slots += 8;
    else if (w.e.n > 1)
        c->slots += (double)(w.e.n - 1);
}

static void count_sum(Count *c, Fm f) {
    if (fm_time(c->p, f) != TIME_pair) return;
    for (uint32_t i = 0; i < c->seen.len; i++)
        if (c->seen.data[i] == f) return;
    vec_push(c->p->a, &c->seen, f);
    Sum s = fm_sum(c->p, f);
    for (uint32_t i = 0; i < s.n; i++) {
        Mono m = fm_mono(c->p, s.t[i].mono);
        unsigned sides = 0;
        for (uint32_t j = 0; j < m.n; j++) {
            unsigned t = c->p->atom_time.data[m.p[j].atom];
            if (t == TIME_pair) {
                count_power(c, m.p[j]);
                c->slots += 1;
            } else {
                sides |= t;
            }
        }
        c->slots += sides == TIME_pair ? 2 : sides ? 1 : 0;
    }
}

double plan_cost(const Plan *pl, Fm f) {
    Count c = {.p = pl->p};
    count_sum(&c, f);
    return c.slots;
}

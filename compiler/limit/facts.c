/* Facts about definitions that hold for every pair (product.md, section 3): Gaussian and
 * centred are greatest fixpoints; how often a definition is read.  The mean of a centred vector
 * is the number 0, so nothing else needs to know it. */
#include "limit/derive.h"

enum { MAX_INLINE = 8, SIZE_CAP = 1 << 20 };

static void keep_arms(Derive *L, DefFact *f, const Def *d) {
    Arm *arm = ARENA_ARRAY(L->a, Arm, d->narm);
    for (uint32_t i = 0; i < d->narm; i++)
        if (!fx_is_zero(L->fx, d->arm[i].coef)) arm[f->narm++] = d->arm[i];
    f->arm = arm;
}

static void start(Derive *L, DefId id) {
    const Def *d = def_of(L, id);
    DefFact *f = &L->def[id];
    switch (d->op) {
    case PO_input:
    case PO_basis:
    case PO_param:
    case PO_matmul: f->vector = f->gauss = f->centred = true; break;
    case PO_one: f->vector = f->gauss = true; break;
    case PO_nonlin: f->vector = true; break;
    case PO_lin:
        f->vector = f->gauss = f->centred = true;
        keep_arms(L, f, d);
        break;
    case PO_inner: break;
    case PO_output: keep_arms(L, f, d); break;
    }
}

/* One sweep; true if a fact fell. */
static bool sweep(Derive *L) {
    bool change = false;
    for (DefId id = 1; id < L->p->def.len; id++) {
        DefFact *f = &L->def[id];
        if (def_of(L, id)->op != PO_lin) continue;
        for (uint32_t i = 0; i < f->narm; i++) {
            const DefFact *u = &L->def[f->arm[i].use.d];
            change |= (f->gauss && !u->gauss) || (f->centred && !u->centred);
            f->gauss &= u->gauss;
            f->centred &= u->centred;
        }
    }
    return change;
}

static void count_reads(Derive *L) {
    for (DefId id = 1; id < L->p->def.len; id++) {
        const Def *d = def_of(L, id);
        for (uint32_t i = 0; i < d->nuse; i++) L->def[d->use[i].d].reads++;
        for (uint32_t i = 0; i < L->def[id].narm; i++) L->def[L->def[id].arm[i].use.d].reads++;
    }
}

/* Operands come before their users, except through loop-carried variables, which are named. */
static void sizes(Derive *L) {
    for (DefId id = 1; id < L->p->def.len; id++) {
        const Def *d = def_of(L, id);
        DefFact *f = &L->def[id];
        f->size = d->op == PO_matmul ? L->def[d->use[0].d].size : 1;
        if (d->op != PO_lin || d->mu) continue;
        f->size = 0;
        for (uint32_t i = 0; i < f->narm && f->size < SIZE_CAP; i++)
            f->size += L->def[f->arm[i].use.d].size;
    }
}

bool is_big(const Derive *L, DefId d) {
    const Def *def = def_of(L, d);
    return def->op == PO_lin && !def->mu && L->def[d].reads > 1 && L->def[d].size > MAX_INLINE;
}

void facts_make(Derive *L) {
    L->def = ARENA_ARRAY(L->a, DefFact, L->p->def.len);
    for (DefId id = 1; id < L->p->def.len; id++) start(L, id);
    while (sweep(L)) {}
    count_reads(L);
    sizes(L);
}

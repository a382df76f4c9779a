/* Facts about definitions that hold for every pair (product.md, section 3): Gaussian and
 * centred are greatest fixpoints; how often a definition is read.  The mean of a centred vector
 * is the number 0, so nothing else needs to know it. */
#include "limit/derive.h"

enum { MAX_INLINE = 8, SIZE_CAP = 1 << 20 };

/* A case of a softmax stays, with a logit of 0 too. */
static void keep_known(Derive *L, DefId id) {
    const Def *d = def_of(L, id);
    DefFact *f = &L->def[id];
    Arm *arm = ARENA_ARRAY(L->a, Arm, d->narm);
    for (uint32_t i = 0; i < d->narm; i++) {
        Arm m = d->arm[i];
        m.coef = scalar_known(L, m.coef);
        if (d->op == PO_softmax || !fx_is_zero(L->fx, m.coef)) arm[f->narm++] = m;
    }
    f->arm = arm;
    f->f = scalar_known(L, d->f);
}

static bool known_zero(Derive *L, Fx f) { return fx_is_zero(L->fx, scalar_known(L, f)); }

static void start(Derive *L, DefId id) {
    const Def *d = def_of(L, id);
    DefFact *f = &L->def[id];
    switch (d->op) {
    case PO_input:
    case PO_basis:
    case PO_param:
    case PO_matmul:
    case PO_lin: f->vector = f->gauss = f->centred = true; break;
    case PO_noise:
        f->vector = f->noisy = true;
        f->gauss = f->centred = L->p->fam.data[d->fam].law == NOISE_normal;
        break;
    case PO_one: f->vector = f->gauss = true; break;
    case PO_nonlin: f->vector = true; break;
    case PO_mean:
    case PO_scalar: f->zero = true; break;
    case PO_second:
    case PO_data:
    case PO_softmax:
    case PO_grad:
    case PO_inner:
    case PO_output: break;
    }
}

/* One sweep; true if a fact fell. */
static bool sweep(Derive *L) {
    bool change = false;
    for (DefId id = 1; id < L->p->def.len; id++) {
        DefFact *f = &L->def[id];
        const Def *d = def_of(L, id);
        if (d->op == PO_mean && f->zero && !L->def[d->use[0].d].centred)
            f->zero = false, change = true;
        if (d->op != PO_lin && d->op != PO_scalar) continue;
        for (uint32_t i = 0; i < d->narm; i++) {
            if (known_zero(L, d->arm[i].coef)) continue;
            const DefFact *u = &L->def[d->arm[i].use.d];
            change |= f->zero || (f->gauss && !u->gauss) || (f->centred && !u->centred);
            f->zero = false;
            f->gauss &= u->gauss;
            f->centred &= u->centred;
        }
    }
    return change;
}

/* Least fixpoint; operands come before users, except through loop-carried variables. */
static bool noise_spreads(Derive *L) {
    bool change = false;
    for (DefId id = 1; id < L->p->def.len; id++) {
        const Def *d = def_of(L, id);
        DefFact *f = &L->def[id];
        bool noisy = f->noisy;
        for (uint32_t i = 0; i < d->nuse; i++) noisy |= L->def[d->use[i].d].noisy;
        for (uint32_t i = 0; i < f->narm; i++)
            noisy |= f->arm[i].use.d && L->def[f->arm[i].use.d].noisy;
        change |= noisy != f->noisy;
        f->noisy = noisy;
    }
    return change;
}

/* ---- what an output depends on */
static void live_sref(void *ctx, Fx sref);

static void mark_live(Derive *L, DefId id) {
    DefFact *f = &L->def[id];
    const Def *d = def_of(L, id);
    if (f->live) return;
    f->live = true;
    for (uint32_t i = 0; i < d->nuse; i++) mark_live(L, d->use[i].d);
    if (f->f) fx_srefs(L->fx, f->f, live_sref, L);
    for (uint32_t i = 0; i < f->narm; i++) {
        if (f->arm[i].use.d) mark_live(L, f->arm[i].use.d);
        fx_srefs(L->fx, f->arm[i].coef, live_sref, L);
    }
}

static void live_sref(void *ctx, Fx sref) {
    Derive *L = ctx;
    mark_live(L, fx_node(L->fx, sref)->k);
}

static void count_reads(Derive *L) {
    for (DefId id = 1; id < L->p->def.len; id++) {
        const Def *d = def_of(L, id);
        if (!L->def[id].live) continue;
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
    for (DefId id = 1; id < L->p->def.len; id++) keep_known(L, id);
    while (noise_spreads(L)) {}
    mark_live(L, L->p->out);
    count_reads(L);
    sizes(L);
}

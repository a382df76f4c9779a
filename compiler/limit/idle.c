/* Dims that a definition's value does not depend on: `relu(x[k])` written inside a loop over l
 * is an array over (l, k), equal for all l.  Its elements are all read at one l, so that no
 * array of moments gets an axis for it and nothing is computed once a turn. */
#include "limit/derive.h"

typedef struct Idle {
    Derive *L;
    bool **on; /* [def][dim]: matters */
} Idle;

static bool use_mentions(const Idle *x, Use u, Sym v) {
    for (uint32_t i = 0; i < def_of(x->L, u.d)->ndim; i++)
        if (x->on[u.d][i] && aff_mentions(u.idx[i], v)) return true;
    return false;
}

static bool fx_mentions(Derive *L, Fx f, Sym v) {
    if (!f || (!fx_has(L->fx, f, FX_index) && !fx_has(L->fx, f, FX_sref))) return false;
    AffSubst away = {v, aff_const(INT32_MIN)}; /* an index no program has */
    return fx_subst(L->fx, f, &away, 1) != f;
}

static bool arm_mentions(const Idle *x, const Arm *m, Sym v) {
    for (uint32_t i = 0; i < m->nred; i++)
        if (aff_mentions(m->red[i].lo, v) || aff_mentions(m->red[i].hi, v)) return true;
    for (uint32_t i = 0; i < m->ncons; i++)
        if (cons_mentions(m->cons[i], v)) return true;
    return fx_mentions(x->L, m->coef, v) || (m->use.d && use_mentions(x, m->use, v));
}

static bool matters(const Idle *x, DefId id, Sym v) {
    const Def *d = def_of(x->L, id);
    if (aff_mentions(d->basis, v) || fx_mentions(x->L, x->L->def[id].f, v)) return true;
    if (d->op == PO_input || d->op == PO_data) return true; /* positions */
    if (d->op == PO_softmax && d->dim[d->over].var == v) return true;
    for (uint32_t i = 0; i < d->nfidx; i++)
        if (aff_mentions(d->fidx[i], v)) return true;
    for (uint32_t i = 0; i < d->nuse; i++)
        if (use_mentions(x, d->use[i], v)) return true;
    for (uint32_t i = 0; i < x->L->def[id].narm; i++)
        if (arm_mentions(x, &x->L->def[id].arm[i], v)) return true;
    return false;
}

/* Where the ranges of later dims are widest in dim k: +1 at its end, -1 at its start, 0 anywhere,
 * 2 nowhere. */
static int widest(const Def *d, uint32_t k) {
    int at = 0;
    for (uint32_t i = k + 1; i < d->ndim; i++) {
        Sym v = d->dim[k].var;
        int32_t c[2] = {aff_coef(d->dim[i].hi, v), -aff_coef(d->dim[i].lo, v)};
        for (int s = 0; s < 2; s++) {
            int want = c[s] > 0 ? 1 : -1;
            if (!c[s]) continue;
            if (at && at != want) return 2;
            at = want;
        }
    }
    return at;
}

static bool sweep(Idle *x) {
    bool change = false;
    for (DefId id = 1; id < x->L->p->def.len; id++) {
        const Def *d = def_of(x->L, id);
        for (uint32_t k = 0; k < d->ndim; k++) {
            if (x->on[id][k] || !matters(x, id, d->dim[k].var)) continue;
            x->on[id][k] = change = true;
        }
    }
    return change;
}

static void homes_make(Derive *L);

/* Least fixpoint of `matters`; an idle dim is read at the place where the other ranges are
 * widest. */
void idle_make(Derive *L) {
    uint32_t n = L->p->def.len;
    Idle x = {L, ARENA_ARRAY(L->a, bool *, n)};
    for (DefId id = 1; id < n; id++) {
        const Def *d = def_of(L, id);
        x.on[id] = ARENA_ARRAY(L->a, bool, d->ndim);
        for (uint32_t k = 0; k < d->ndim; k++) x.on[id][k] = widest(d, k) == 2;
    }
    while (sweep(&x)) {}
    for (DefId id = 1; id < n; id++) {
        const Def *d = def_of(L, id);
        bool *idle = ARENA_ARRAY(L->a, bool, d->ndim);
        Aff *rep = ARENA_ARRAY(L->a, Aff, d->ndim);
        for (uint32_t k = 0; k < d->ndim; k++) {
            idle[k] = !x.on[id][k];
            rep[k] = widest(d, k) > 0 ? aff_plus(d->dim[k].hi, -1) : d->dim[k].lo;
        }
        L->def[id].idle = idle;
        L->def[id].rep = rep;
    }
    homes_make(L);
}

/* ---- homes */
static bool is_home(const Derive *L, DefId id, Sym w) {
    for (uint32_t k = 0; k < def_of(L, id)->ndim; k++)
        if (!L->def[id].idle[k] && L->def[id].home[k] == w) return true;
    return false;
}

/* The home of an operand's dim that is read at var + constant.  *stays: an operand steps along with
 * the definition's own loop.  Data vectors step along with nothing. */
static void home_from(Derive *L, DefId id, uint32_t k, Use u, Sym *home, bool *stays) {
    Sym v = def_of(L, id)->dim[k].var;
    if (!u.d || def_of(L, u.d)->op == PO_input) return;
    for (uint32_t i = 0; i < def_of(L, u.d)->ndim; i++) {
        Aff e = u.idx[i];
        if (L->def[u.d].idle[i] || e.nterm != 1 || e.term->name != v || e.term->k != 1) continue;
        Sym w = L->def[u.d].home[i];
        *stays |= w == v;
        if (*home == v && w != v && !is_home(L, id, w)) *home = w;
    }
}

static Sym home_of(Derive *L, DefId id, uint32_t k) {
    const Def *d = def_of(L, id);
    Sym v = d->dim[k].var, home = v;
    bool stays = false;
    for (uint32_t i = 0; i < d->nuse; i++) home_from(L, id, k, d->use[i], &home, &stays);
    for (uint32_t i = 0; i < L->def[id].narm; i++)
        home_from(L, id, k, L->def[id].arm[i].use, &home, &stays);
    return stays ? v : home;
}

/* `y[m] = relu(h[m])` steps along h's loop whatever m is called: equations that depend on each
 * other then have a loop in common.  Operands come before users, except through loop-carried
 * variables. */
static void homes_make(Derive *L) {
    uint32_t n = L->p->def.len;
    for (DefId id = 1; id < n; id++) {
        const Def *d = def_of(L, id);
        Sym *home = ARENA_ARRAY(L->a, Sym, d->ndim);
        for (uint32_t k = 0; k < d->ndim; k++) home[k] = d->dim[k].var;
        L->def[id].home = home;
    }
    for (DefId id = 1; id < n; id++) {
        const Def *d = def_of(L, id);
        Sym *home = arena_copy(L->a, L->def[id].home, d->ndim * sizeof *home);
        for (uint32_t k = 0; k < d->ndim && !d->mu; k++) {
            if (L->def[id].idle[k]) continue;
            home[k] = home_of(L, id, k);
            L->def[id].home = home;
        }
    }
}

void idle_index(Derive *L, DefId id, Aff *idx, const AffSubst *m, uint32_t n) {
    const Def *d = def_of(L, id);
    const DefFact *f = &L->def[id];
    bool any = false;
    for (uint32_t k = 0; k < d->ndim && f->idle; k++) any |= f->idle[k];
    if (!any) return;
    AffSubst *own = ARENA_ARRAY(L->a, AffSubst, d->ndim + n);
    uint32_t ns = 0;
    for (uint32_t i = 0; i < n; i++)
        if (affctx_is_size(L->x, m[i].name)) own[ns++] = m[i];
    for (uint32_t k = 0; k < d->ndim; k++) {
        if (f->idle[k]) idx[k] = aff_subst(L->x, f->rep[k], own, ns);
        own[ns++] = (AffSubst){d->dim[k].var, idx[k]};
    }
}

/* Contributions simplified: an equality removes the reduction it determines, implied guards and
 * empty sums go. */
#include "gradient/pass.h"

Arm arm_replace(Work *w, Arm a, const AffSubst *m, uint32_t n) {
    Dim *red = arena_copy(w->a, a.red, a.nred * sizeof *red);
    Cons *cons = arena_copy(w->a, a.cons, a.ncons * sizeof *cons);
    for (uint32_t i = 0; i < a.nred; i++) {
        red[i].lo = aff_subst(w->x, red[i].lo, m, n);
        red[i].hi = aff_subst(w->x, red[i].hi, m, n);
    }
    for (uint32_t i = 0; i < a.ncons; i++) cons[i] = cons_subst(w->x, cons[i], m, n);
    a.red = red;
    a.cons = cons;
    a.coef = fx_subst(w->fx, a.coef, m, n);
    if (!a.use.d) return a;
    uint32_t nidx = work_def(w, a.use.d)->ndim;
    Aff *idx = ARENA_ARRAY(w->a, Aff, nidx);
    for (uint32_t i = 0; i < nidx; i++) idx[i] = aff_subst(w->x, a.use.idx[i], m, n);
    a.use.idx = idx;
    return a;
}

/* What the equality e = 0 says of v, whose coefficient is +-1. */
static Aff solved(Work *w, Aff e, Sym v) {
    int32_t k = aff_coef(e, v);
    return aff_scale(w->x, aff_sub(w->x, aff_scale(w->x, aff_name(w->x, v), k), e), k);
}

/* Reductions in an order in which each one's bounds name earlier ones only; false: there is none.
 * skip: left out. */
static bool order_reds(Arm *a, uint32_t skip, Dim *out) {
    uint32_t n = 0, want = a->nred - (skip < a->nred);
    bool *done = (bool[64]){0};
    while (n < want) {
        uint32_t before = n;
        for (uint32_t i = 0; i < a->nred; i++) {
            bool ready = i != skip && !done[i];
            for (uint32_t k = 0; ready && k < a->nred; k++)
                ready = (k != skip && done[k]) || (!aff_mentions(a->red[i].lo, a->red[k].var) &&
                                    !aff_mentions(a->red[i].hi, a->red[k].var));
            if (!ready) continue;
            done[i] = true;
            out[n++] = a->red[i];
        }
        if (n == before) return false;
    }
    return true;
}

/* Removes reduction r by equality c; its range becomes guards.  False: a range would name
 * itself. */
static bool eat(Work *w, Arm *a, uint32_t r, uint32_t c) {
    Dim d = a->red[r];
    AffSubst s = {d.var, solved(w, a->cons[c].e, d.var)};
    Arm b = *a;
    ConsVec v = {0};
    for (uint32_t i = 0; i < a->ncons; i++)
        if (i != c) vec_push(w->a, &v, a->cons[i]);
    cons_range(w->x, &v, d.var, d.lo, d.hi);
    b.cons = v.data;
    b.ncons = v.len;
    b = arm_replace(w, b, &s, 1);
    Dim *red = ARENA_ARRAY(w->a, Dim, a->nred);
    if (!order_reds(&b, r, red)) return false;
    b.red = red;
    b.nred = a->nred - 1;
    *a = b;
    return true;
}

/* Which reduction an equality should remove: one of symbolic extent, else the longest. */
static int64_t worth(Work *w, Dim d) {
    Aff n = aff_sub(w->x, d.hi, d.lo);
    return aff_is_const(n) ? n.c : INT64_MAX;
}

static bool eat_best(Work *w, Arm *a) {
    int64_t below = INT64_MAX;
    for (bool first = true;; first = false) { /* candidates by falling worth */
        int64_t best = -1;
        uint32_t r = 0, c = 0;
        for (uint32_t i = 0; i < a->ncons; i++) {
            if (a->cons[i].kind != CONS_eq) continue;
            for (uint32_t k = 0; k < a->nred; k++) {
                int32_t q = aff_coef(a->cons[i].e, a->red[k].var);
                int64_t v = worth(w, a->red[k]);
                if ((q != 1 && q != -1) || v <= best || (!first && v >= below)) continue;
                best = v, r = k, c = i;
            }
        }
        if (best < 0) return false;
        if (eat(w, a, r, c)) return true;
        below = best;
    }
}

/* What holds where arm a is read, its guards apart. */
static ConsVec premises(Work *w, const Arm *a, const ConsVec *base) {
    ConsVec v = {0};
    for (uint32_t i = 0; i < base->len; i++) vec_push(w->a, &v, base->data[i]);
    for (uint32_t i = 0; i < a->nred; i++)
        cons_range(w->x, &v, a->red[i].var, a->red[i].lo, a->red[i].hi);
    return v;
}

static void drop_guards(Work *w, Arm *a, const ConsVec *base) {
    ConsVec all = premises(w, a, base), keep = {0};
    uint32_t n = all.len;
    for (uint32_t i = 0; i < a->ncons; i++) {
        all.len = n;
        for (uint32_t k = 0; k < keep.len; k++) vec_push(w->a, &all, keep.data[k]);
        for (uint32_t k = i + 1; k < a->ncons; k++) vec_push(w->a, &all, a->cons[k]);
        if (!aff_implied(w->x, all.data, all.len, a->cons[i])) vec_push(w->a, &keep, a->cons[i]);
    }
    a->cons = keep.data;
    a->ncons = keep.len;
}

static bool possible(Work *w, const Arm *a, const ConsVec *base) {
    ConsVec all = premises(w, a, base);
    for (uint32_t i = 0; i < a->ncons; i++) vec_push(w->a, &all, a->cons[i]);
    if (!aff_feasible(w->x, all.data, all.len)) return false;
    for (uint32_t i = 0; i < a->ncons; i++) { /* `not` of what holds anyway */
        bool held = a->cons[i].kind == CONS_not;
        for (uint32_t k = 0; held && k < a->cons[i].nof; k++)
            held = aff_implied(w->x, all.data, all.len, a->cons[i].of[k]);
        if (held) return false;
    }
    return true;
}

/* A guard v >= e on a reduction that no other one's range names becomes its lower end where it lies
 * above it anyway; likewise the upper end. */
static bool bounds_red(Work *w, Arm *a, uint32_t r, uint32_t c, const ConsVec *base) {
    const Dim *d = &a->red[r];
    Aff e = a->cons[c].e;
    int32_t k = aff_coef(e, d->var);
    if (a->cons[c].kind != CONS_ge || (k != 1 && k != -1)) return false;
    Aff end = solved(w, e, d->var);
    for (uint32_t i = 0; i < a->nred; i++)
        if (aff_mentions(a->red[i].lo, d->var) || aff_mentions(a->red[i].hi, d->var) ||
            (i >= r && aff_mentions(end, a->red[i].var)))
            return false;
    Arm rest = *a;
    ConsVec v = {0}, all;
    Dim *red = arena_copy(w->a, a->red, a->nred * sizeof *red);
    for (uint32_t i = 0; i < a->ncons; i++)
        if (i != c) vec_push(w->a, &v, a->cons[i]);
    rest.red = red;
    rest.nred = r; /* the bound must hold without the reduction itself */
    all = premises(w, &rest, base);
    Aff old = k > 0 ? d->lo : aff_plus(d->hi, -1);
    if (!aff_implied(w->x, all.data, all.len,
                     k > 0 ? cons_le(w->x, old, end) : cons_le(w->x, end, old)))
        return false;
    if (k > 0) red[r].lo = end;
    else red[r].hi = aff_plus(end, 1);
    a->red = red;
    a->cons = v.data;
    a->ncons = v.len;
    return true;
}

static bool tighten(Work *w, Arm *a, const ConsVec *base) {
    for (uint32_t c = 0; c < a->ncons; c++)
        for (uint32_t r = 0; r < a->nred; r++)
            if (bounds_red(w, a, r, c, base)) return true;
    return false;
}

bool arm_simplify(Work *w, Arm *a, const ConsVec *base) {
    if (fx_is_zero(w->fx, a->coef) || a->nred > 64) return !fx_is_zero(w->fx, a->coef);
    while (eat_best(w, a)) {}
    if (!possible(w, a, base)) return false;
    drop_guards(w, a, base);
    while (tighten(w, a, base)) {}
    return true;
}

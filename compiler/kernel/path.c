#include "kernel/path.h"

void path_loop(AffCtx *x, Arena *a, ConsVec *path, const KIns *loop) {
    Aff v = aff_name(x, loop->var);
    cons_range(x, path, loop->var, loop->lo, loop->hi);
    for (uint32_t i = 0; i < loop->nmore_lo; i++)
        vec_push(a, path, cons_le(x, loop->more_lo[i], v));
    for (uint32_t i = 0; i < loop->nmore_hi; i++)
        vec_push(a, path, cons_lt(x, v, loop->more_hi[i]));
}

bool path_implies(AffCtx *x, const ConsVec *path, Cons c) {
    return aff_implied(x, path->data, path->len, c);
}

bool path_excludes(AffCtx *x, Arena *a, ConsVec *path, Cons c) {
    if (c.kind == CONS_not) {
        for (uint32_t i = 0; i < c.nof; i++)
            if (!path_implies(x, path, c.of[i])) return false;
        return true;
    }
    vec_push(a, path, c);
    bool yes = !aff_feasible(x, path->data, path->len);
    path->len--;
    return yes;
}

/* c is false. */
static void assume_false(AffCtx *x, Arena *a, ConsVec *path, Cons c) {
    Aff above = aff_plus(c.e, -1), below = aff_plus(aff_scale(x, c.e, -1), -1);
    switch (c.kind) {
    case CONS_ge: vec_push(a, path, cons_ge(below)); break;
    case CONS_eq:
        if (path_implies(x, path, cons_ge(c.e))) vec_push(a, path, cons_ge(above));
        else if (path_implies(x, path, cons_ge(aff_scale(x, c.e, -1))))
            vec_push(a, path, cons_ge(below));
        break;
    case CONS_not:
        for (uint32_t i = 0; i < c.nof; i++) path_assume(x, a, path, c.of[i]);
        break;
    }
}

void path_assume_not(AffCtx *x, Arena *a, ConsVec *path, const Cons *c, uint32_t n) {
    uint32_t open = 0, which = 0;
    for (uint32_t i = 0; i < n && open < 2; i++)
        if (!path_implies(x, path, c[i])) {
            open++;
            which = i;
        }
    if (open == 1) assume_false(x, a, path, c[which]);
    if (!open) vec_push(a, path, cons_ge(aff_const(-1))); /* the place is never reached */
}

void path_assume(AffCtx *x, Arena *a, ConsVec *path, Cons c) {
    if (c.kind == CONS_not) path_assume_not(x, a, path, c.of, c.nof);
    else vec_push(a, path, c);
}

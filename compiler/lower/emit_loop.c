/* Loops whose bounds take in the conditions they run under, rims of zeros, loops over offsets. */
#include "lower/emit.h"

static bool mentions_any(Cons c, const Sym *name, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (cons_mentions(c, name[i])) return true;
    return false;
}

void emit_loop_under(Emit *e, Dim d, const Cons *cons, uint32_t ncons, const Sym *later,
                     uint32_t nlater, bool *used) {
    VEC(Aff) lo = {0}, hi = {0};
    Arena *a = e->c->a;
    vec_push(a, &lo, d.lo);
    vec_push(a, &hi, d.hi);
    cons_range(e->x, &e->path, d.var, d.lo, d.hi);
    for (uint32_t i = 0; i < ncons; i++) {
        if (used[i] || cons[i].kind != CONS_ge || mentions_any(cons[i], later, nlater)) continue;
        int32_t s = aff_coef(cons[i].e, d.var);
        if (s != 1 && s != -1) continue;
        used[i] = true;
        if (aff_implied(e->x, e->path.data, e->path.len, cons[i])) continue;
        Aff rest = aff_sub(e->x, cons[i].e, aff_scale(e->x, aff_name(e->x, d.var), s));
        if (s > 0) vec_push(a, &lo, aff_scale(e->x, rest, -1));
        else vec_push(a, &hi, aff_plus(rest, 1));
        vec_push(a, &e->path, cons[i]);
    }
    kb_loop_in(&e->b, d.var, lo.data, lo.len, hi.data, hi.len, false);
}

/* ---- rims */

/* Zeros over the whole of an array, in all slices of a ring; axis k < naxis from lo to hi only. */
static void emit_zero_box(Emit *e, LArrayId id, uint32_t k, Aff lo, Aff hi) {
    const LArray *r = &e->l->array.data[id];
    const KArray *to = &e->k->array.data[e->array[id]];
    uint32_t n = to->naxis;
    Aff *idx = ARENA_ARRAY(e->c->a, Aff, n);
    KAxis *axis = arena_copy(e->c->a, to->axis, n * sizeof *axis);
    for (uint32_t i = 0; i < n; i++) {
        Sym v = intern_fresh(e->c->syms, sym_text(e->c->syms, r->axis[i].var));
        Aff end[2] = {axis[i].hi, aff_plus(axis[i].lo, axis[i].slices)};
        if (i == k) kb_loop(&e->b, v, lo, hi, false);
        else kb_loop_in(&e->b, v, &axis[i].lo, 1, end, axis[i].slices ? 2 : 1, false);
        idx[i] = aff_name(e->x, v);
    }
    kb_store(&e->b, e->array[id], idx, n, kb_num(&e->b, 0));
    for (uint32_t i = 0; i < n; i++) kb_end(&e->b);
}

/* The n elements of axis k below (above) where elements exist: beside the innermost of one or two
 * bounds. */
static void emit_rim(Emit *e, LArrayId id, uint32_t k, bool above, int64_t n) {
    AffVec at = {0};
    larray_bounds(e->x, e->c->a, &e->l->array.data[id], k, above, &at);
    for (uint32_t i = 0; i < at.len && n; i++) {
        Aff lo = aff_plus(at.data[i], above ? 0 : -n), hi = aff_plus(at.data[i], above ? n : 0);
        Aff first = at.data[above ? 1 : 0], second = at.data[above ? 0 : 1];
        if (!i && at.len == 2) {
            Cons inner = cons_le(e->x, second, first); /* max of lower bounds, min of upper ones */
            kb_if(&e->b, &inner, 1);
        } else if (i) {
            kb_else(&e->b);
        }
        emit_zero_box(e, id, k, lo, hi);
    }
    if (at.len == 2 && n) kb_end(&e->b);
}

/* A row that is made and read in one turn of an axis around it loses that axis (kernel/contract.c)
 * if all of it is filled, which then is one row. */
static bool is_row(const Emit *e, LArrayId id) {
    const LArray *r = &e->l->array.data[id];
    const KArray *to = &e->k->array.data[e->array[id]];
    bool whole = false;
    for (uint32_t k = 0; k + 1 < r->naxis; k++) {
        if (r->rim[2 * k] || r->rim[2 * k + 1]) return false;
        whole |= !to->axis[k].slices;
    }
    return whole;
}

/* Only the rim where that is known: the inside is written before it is read. */
static bool has_thin_rim(Emit *e, LArrayId id) {
    const LArray *r = &e->l->array.data[id];
    if (!r->rim || is_row(e, id)) return false;
    for (uint32_t k = 0; k < r->naxis; k++)
        for (int above = 0; above < 2; above++) {
            if (!r->rim[2 * k + above]) continue;
            AffVec at = {0};
            larray_bounds(e->x, e->c->a, r, k, above, &at);
            if (at.len > 2 || e->k->array.data[e->array[id]].axis[k].slices) return false;
        }
    return true;
}

/* What no equation writes is zero. */
static void emit_zeros(Emit *e, LArrayId id) {
    const LArray *r = &e->l->array.data[id];
    if (!has_thin_rim(e, id)) {
        emit_zero_box(e, id, UINT32_MAX, aff_const(0), aff_const(0));
        return;
    }
    for (uint32_t k = 0; k < r->naxis; k++)
        for (int above = 0; above < 2; above++)
            emit_rim(e, id, k, above, r->rim[2 * k + above]);
}

void emit_rims(Emit *e, KStage stage, uint32_t group) {
    for (LArrayId id = 1; id < e->l->array.len; id++) {
        const LArray *r = &e->l->array.data[id];
        if ((KStage)r->stage == stage && r->group == group && r->halo) emit_zeros(e, id);
    }
}

/* ---- groups */

void emit_group_begin(Emit *e, uint32_t group) {
    const LGroup *g = &e->l->group.data[group];
    for (LArrayId id = 1; id < e->l->array.len; id++) {
        const LArray *r = &e->l->array.data[id];
        if (r->group == group && r->sums)
            kb_store(&e->b, e->array[id], NULL, 0, kb_num(&e->b, 0));
    }
    for (uint32_t d = 0; d < g->noff; d++) {
        kb_loop(&e->b, g->off[d].var, g->off[d].lo, g->off[d].hi, false);
        cons_range(e->x, &e->path, g->off[d].var, g->off[d].lo, g->off[d].hi);
    }
    emit_rims(e, KS_pair, group);
}

void emit_group_end(Emit *e, uint32_t group) {
    for (uint32_t d = 0; d < e->l->group.data[group].noff; d++) kb_end(&e->b);
}

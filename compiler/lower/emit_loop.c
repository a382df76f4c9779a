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

/* Zero everywhere, in all slices of a ring: what no equation writes stays so. */
static void emit_zeros(Emit *e, LArrayId id) {
    const LArray *r = &e->l->array.data[id];
    const KArray *k = &e->k->array.data[e->array[id]];
    Aff *idx = ARENA_ARRAY(e->c->a, Aff, k->naxis);
    const KAxis *axis = k->axis;
    uint32_t n = k->naxis;
    for (uint32_t i = 0; i < n; i++) {
        Sym v = intern_fresh(e->c->syms, sym_text(e->c->syms, r->axis[i].var));
        Aff end[2] = {axis[i].hi, aff_plus(axis[i].lo, axis[i].slices)};
        kb_loop_in(&e->b, v, &axis[i].lo, 1, end, axis[i].slices ? 2 : 1, false);
        idx[i] = aff_name(e->x, v);
    }
    kb_store(&e->b, e->array[id], idx, n, kb_num(&e->b, 0));
    for (uint32_t i = 0; i < n; i++) kb_end(&e->b);
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

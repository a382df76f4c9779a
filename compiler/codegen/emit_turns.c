/* Where pairs are few, the lanes of a vector are turns of a loop over positions: one pair at a
 * time, w consecutive turns together.  Turns must not depend on one another; what they load and
 * store must lie side by side or be the same for all.  The last w turns may be done twice (a turn
 * stores nothing that it loads), so that only loops of fewer turns are left to scalars. */
#include "codegen/emit.h"

typedef struct Look {
    const Emit *e;
    Sym var;
    uint32_t block;  /* the loop's */
    uint32_t *first; /* by array: 1: its first access is a store of every turn; 2: something else */
    bool *stored, *loaded; /* by array */
    uint32_t size;   /* instructions */
} Look;

static const KIns *instruction(const Emit *e, KVal v) { return &e->k->fn[e->stage].ins.data[v]; }

/* One element further a turn: the variable is in the index of the innermost axis alone. */
static bool is_unit_step(const Emit *e, const KIns *i, Sym var) {
    const KArray *a = &e->k->array.data[i->x];
    bool inner = true;
    if (a->class != KA_stored && a->stage == KS_pair) return false;
    for (uint32_t n = a->naxis; n-- > 0;) {
        const KAxis *x = &a->axis[n];
        if (!axis_is_stored(x)) {
            if (aff_mentions(i->idx[n], var)) return false;
            continue;
        }
        bool fits = inner && !x->slices && !x->wrap && aff_coef(i->idx[n], var) == 1;
        if (aff_mentions(i->idx[n], var) && !fits) return false;
        inner = false;
    }
    return true;
}

bool turns_differ(const Emit *e, const KIns *load) {
    return kins_mentions(load, e->turns) || (e->cell[load->x] && e->wide[load->x]);
}

static bool is_loaded_outside(const Look *s, uint32_t array, uint32_t block) {
    const KBlock *b = &s->e->k->fn[s->e->stage].block.data[block];
    if (block == s->block) return false;
    for (uint32_t n = 0; n < b->ins.len; n++) {
        const KIns *i = instruction(s->e, b->ins.data[n]);
        if (i->op == KO_load && i->x == array) return true;
        if (i->block && is_loaded_outside(s, array, i->block)) return true;
        if (i->block2 && is_loaded_outside(s, array, i->block2)) return true;
    }
    return false;
}

static bool look_access(Look *s, const KIns *i, uint32_t depth) {
    bool store = i->op == KO_store;
    s->stored[i->x] |= store;
    s->loaded[i->x] |= !store;
    if (!s->first[i->x]) s->first[i->x] = store && !depth ? 1 : 2;
    if (s->e->cell[i->x]) return true;
    return is_unit_step(s->e, i, s->var) && (!store || kins_mentions(i, s->var));
}

static bool look(Look *s, uint32_t block, uint32_t depth) {
    const KBlock *b = &s->e->k->fn[s->e->stage].block.data[block];
    s->size += b->ins.len;
    for (uint32_t n = 0; n < b->ins.len; n++) {
        const KIns *i = instruction(s->e, b->ins.data[n]);
        bool access = i->op == KO_load || i->op == KO_store;
        if (access ? !look_access(s, i, depth) : kins_mentions(i, s->var)) return false;
        if (i->block && !look(s, i->block, depth + 1)) return false;
        if (i->block2 && !look(s, i->block2, depth + 1)) return false;
    }
    return true;
}

bool turns_are_lanes(Emit *e, KVal loop, uint32_t *size) {
    const KIns *l = instruction(e, loop);
    uint32_t n = e->k->array.len;
    Look s = {.e = e, .var = l->var, .block = l->block, .first = ARENA_ARRAY(e->c->a, uint32_t, n),
              .stored = ARENA_ARRAY(e->c->a, bool, n), .loaded = ARENA_ARRAY(e->c->a, bool, n)};
    if (!look(&s, l->block, 0)) return false;
    for (uint32_t i = 1; i < n; i++) {
        if (!s.stored[i]) continue;
        bool own = s.first[i] == 1 && !is_loaded_outside(&s, i, 1);
        if (e->cell[i] ? !own : s.loaded[i]) return false;
    }
    *size = s.size;
    return !turns_meet(e, loop);
}

/* ---- emission */

/* Values from outside are the same in all turns. */
static void share_outer(Emit *e, uint32_t block) {
    const KBlock *b = &e->k->fn[e->stage].block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        const KIns *i = instruction(e, b->ins.data[n]);
        for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++) {
            Val *v = &e->val[i->arg[j]];
            if (!v->lane) continue; /* made inside */
            LLVMValueRef one = v->one ? v->one : v->lane[0];
            *v = (Val){one, lanes_new(e)};
            v->lane[0] = emit_splat(e, one);
        }
        if (i->block) share_outer(e, i->block);
        if (i->block2) share_outer(e, i->block2);
    }
}

static void own_cells(Emit *e, uint32_t block) {
    const KBlock *b = &e->k->fn[e->stage].block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        const KIns *i = instruction(e, b->ins.data[n]);
        if (i->op == KO_store && e->cell[i->x] && !e->wide[i->x]) {
            e->wide[i->x] = true;
            e->cell[i->x] = lanes_new(e);
            e->cell[i->x][0] = LLVMBuildAlloca(e->entry, e->vec.real, "");
        }
        if (i->block) own_cells(e, i->block);
        if (i->block2) own_cells(e, i->block2);
    }
}

static void emit_wide(Emit *e, const KIns *loop, uint32_t w) {
    Val *val = e->val;
    LLVMValueRef **cell = e->cell;
    Shape vec = e->vec;
    uint32_t n = e->k->array.len;
    e->val = arena_copy(e->c->a, val, e->k->fn[e->stage].ins.len * sizeof *val);
    e->cell = arena_copy(e->c->a, cell, n * sizeof *cell);
    e->wide = ARENA_ARRAY(e->c->a, bool, n);
    e->vec = shape_make(e, w);
    e->turns = loop->var;
    share_outer(e, loop->block);
    own_cells(e, loop->block);
    emit_block(e, loop->block);
    e->val = val;
    e->cell = cell;
    e->vec = vec;
    e->turns = 0;
    e->wide = NULL;
}

LLVMValueRef emit_by_turns(Emit *e, const KIns *loop, LLVMValueRef lo, LLVMValueRef hi,
                           uint32_t w) {
    return emit_strides(e, loop, lo, hi, w, true, emit_wide);
}

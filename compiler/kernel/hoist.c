/* Values of the pair stage that depend on one sample, or on none, are computed once per sample, or
 * once, into a new array over the loops they depend on; the pair stage loads them.  The values of
 * the left sample and of the right one share an array where they are the same computation.
 * Moved are the largest such values; single loads, numbers and negations stay. */
#include "kernel/hoist.h"
#include "kernel/keys.h"

static bool is_late_aff(const Hoist *h, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        for (uint32_t j = 0; j < h->k->size.len; j++) {
            const KSize *z = &h->k->size.data[j];
            if (z->name == a.term[i].name && z->kind == KZ_measured) return true;
        }
    return false;
}

static Bind join(Bind a, Bind b) {
    if (a == BIND_const || a == b) return b;
    return b == BIND_const ? a : BIND_pair;
}

static void bind_load(Hoist *h, KVal v, const KIns *i) {
    const KArray *a = &h->k->array.data[i->x];
    switch (a->stage) {
    case KS_const: break;
    case KS_sample:
    case KS_series:
        h->late[v] = a->stage == KS_series;
        h->bind[v] = i->side == SIDE_x ? BIND_x : BIND_y;
        break;
    case KS_pair: h->bind[v] = BIND_pair; break;
    case KS_COUNT: break;
    }
}

static void bind_value(Hoist *h, KVal v, Keys *keys) {
    KIns key = h->f->ins.data[v];
    if (kop_info(key.op)->result == KT_NONE) return;
    if (key.op == KO_load) bind_load(h, v, &key);
    for (uint32_t j = 0; j < key.nidx; j++) h->late[v] |= is_late_aff(h, key.idx[j]);
    for (uint32_t j = 0; j < kop_info(key.op)->nargs; j++) {
        h->bind[v] = join(h->bind[v], h->bind[key.arg[j]]);
        h->late[v] |= h->late[key.arg[j]];
        key.arg[j] = h->canon[key.arg[j]];
    }
    key.side = SIDE_none;
    if (h->bind[v] == BIND_pair) return;
    h->canon[v] = keys_find(keys, key, 0);
    if (h->canon[v]) return;
    h->canon[v] = v;
    keys_add(keys, key, 0, v);
}

static void bind_block(Hoist *h, uint32_t block, Frame frame, Keys *keys) {
    if (!block) return;
    vec_push(h->c->a, &h->frame, frame);
    uint32_t here = h->frame.len - 1;
    const KBlock *b = &h->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        KVal v = b->ins.data[n];
        const KIns *i = &h->f->ins.data[v];
        h->frame_of[v] = here;
        bind_value(h, v, keys);
        if (i->op != KO_loop && i->op != KO_if) continue;
        bind_block(h, i->block, (Frame){here, v, false}, keys);
        bind_block(h, i->block2, (Frame){here, v, true}, keys);
    }
}

static bool is_work(KOp op) {
    switch ((int)op) {
    case KO_num:
    case KO_real:
    case KO_index:
    case KO_table:
    case KO_load:
    case KO_neg: return false;
    }
    return true;
}

static bool movable(const Hoist *h, KVal v) {
    const KIns *i = &h->f->ins.data[v];
    if (kop_info(i->op)->result != KT_R || h->bind[v] == BIND_pair || !is_work(i->op)) return false;
    return !(h->late[v] && h->bind[v] == BIND_const); /* there is no constant stage that late */
}

static KStage target(const Hoist *h, KVal v) {
    if (h->bind[v] == BIND_const) return KS_const;
    return h->late[v] ? KS_series : KS_sample;
}

/* Axes of the new array: the place's loops, their bounds over all sizes of outer loops. */
static Aff extreme(AffCtx *x, const Place *p, uint32_t loop, Aff e, bool upper) {
    for (uint32_t i = loop; i-- > 0;) {
        const PlaceItem *w = &p->item.data[i];
        int32_t k = w->var ? aff_coef(e, w->var) : 0;
        if (!k) continue;
        AffSubst s = {w->var, (k > 0) == upper ? aff_plus(w->hi, -1) : w->lo};
        e = aff_subst(x, e, &s, 1);
    }
    return e;
}

static uint32_t new_array(Hoist *h, KVal v, uint32_t place) {
    const Place *p = &h->place.data[place];
    VEC(KAxis) axis = {0};
    for (uint32_t i = 0; i < p->item.len; i++) {
        const PlaceItem *w = &p->item.data[i];
        if (!w->var) continue;
        vec_push(h->c->a, &axis, (KAxis){w->var, extreme(h->k->aff, p, i, w->lo, false),
                                         extreme(h->k->aff, p, i, w->hi, true), 0, false});
    }
    return kernel_array(h->k, h->c, (KArray){.name = intern(h->c->syms, "hoist"),
                                             .stage = target(h, v), .axis = axis.data,
                                             .naxis = axis.len});
}

static void move(Hoist *h, KVal v) {
    if (h->moved_of[v]) return;
    Moved m = {h->canon[v], v, 0, target(h, v), hoist_place(h, v)};
    for (uint32_t i = 1; i < h->moved.len; i++) {
        const Moved *o = &h->moved.data[i];
        if (o->canon != m.canon || o->place != m.place || o->stage != m.stage) continue;
        h->moved_of[v] = i;
        return;
    }
    m.array = new_array(h, v, m.place);
    vec_push(h->c->a, &h->moved, m);
    h->moved_of[v] = h->moved.len - 1;
}

/* v stays: its operands move, or stay too. */
static void stay(Hoist *h, KVal v, bool *seen) {
    const KIns *i = &h->f->ins.data[v];
    if (seen[v]) return;
    seen[v] = true;
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++) {
        if (movable(h, i->arg[j])) move(h, i->arg[j]);
        else stay(h, i->arg[j], seen);
    }
}

void kernel_hoist(Ctx *c, Kernel *k) {
    KFn *f = &k->fn[KS_pair];
    uint32_t n = f->ins.len;
    Hoist h = {.c = c, .k = k, .f = f,
               .bind = ARENA_ARRAY(c->a, Bind, n), .late = ARENA_ARRAY(c->a, bool, n),
               .canon = ARENA_ARRAY(c->a, uint32_t, n), .frame_of = ARENA_ARRAY(c->a, uint32_t, n),
               .moved_of = ARENA_ARRAY(c->a, uint32_t, n), .seen = ARENA_ARRAY(c->a, uint32_t, n)};
    bool *seen = ARENA_ARRAY(c->a, bool, n);
    vec_push(c->a, &h.moved, (Moved){0});
    bind_block(&h, 1, (Frame){0}, keys_new(c->a));
    for (KVal v = 1; v < n; v++)
        if (f->ins.data[v].op == KO_store || h.bind[v] == BIND_pair) stay(&h, v, seen);
    if (h.moved.len > 1) hoist_emit(&h);
}

/* Values of the pair stage that depend on one sample, or on none, are computed once per sample, or
 * once, into a new array over the loops they depend on; the pair stage loads them.  The values of
 * the left sample and of the right one share an array where they are the same computation.
 * Moved are the largest such values; single loads, numbers and negations stay, and so does what is
 * under a condition on measured sizes: few runs need it, and all would pay for the array. */
#include "kernel/hoist.h"

typedef struct LoopBind { /* whose sizes the range of an open loop depends on */
    Sym var;
    Bind bind;
} LoopBind;
typedef VEC(LoopBind) LoopBindVec;

static bool is_late_aff(const Hoist *h, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++) {
        const KSize *z = kernel_size(h->k, a.term[i].name);
        if (z && z->kind == KZ_measured) return true;
    }
    return false;
}

static bool is_late_if(const Hoist *h, const KIns *i) {
    bool late = false;
    for (uint32_t j = 0; i->op == KO_if && j < i->ncons; j++)
        late |= i->cons[j].kind != CONS_not && is_late_aff(h, i->cons[j].e);
    return late;
}

static Bind join(Bind a, Bind b) {
    if (a == BIND_const || a == b) return b;
    return b == BIND_const ? a : BIND_pair;
}

static Bind bind_aff(const Hoist *h, const LoopBindVec *open, Aff a) {
    Bind b = BIND_const;
    for (uint32_t i = 0; i < a.nterm; i++) {
        const KSize *z = kernel_size(h->k, a.term[i].name);
        if (z && z->kind == KZ_right) b = join(b, BIND_y);
        else if (z && z->varies) b = join(b, BIND_x);
        for (uint32_t j = 0; j < open->len; j++)
            if (open->data[j].var == a.term[i].name) b = join(b, open->data[j].bind);
    }
    return b;
}

static Bind bind_loop(const Hoist *h, const LoopBindVec *open, const KIns *i) {
    Bind b = join(bind_aff(h, open, i->lo), bind_aff(h, open, i->hi));
    for (uint32_t j = 0; j < i->nmore_lo; j++) b = join(b, bind_aff(h, open, i->more_lo[j]));
    for (uint32_t j = 0; j < i->nmore_hi; j++) b = join(b, bind_aff(h, open, i->more_hi[j]));
    return b;
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

static void bind_value(Hoist *h, KVal v, const LoopBindVec *open) {
    const KIns *i = &h->f->ins.data[v];
    if (kop_info(i->op)->result == KT_NONE) return;
    if (i->op == KO_load) bind_load(h, v, i);
    for (uint32_t j = 0; j < i->nidx; j++) {
        h->late[v] |= is_late_aff(h, i->idx[j]);
        h->bind[v] = join(h->bind[v], bind_aff(h, open, i->idx[j]));
    }
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++) {
        h->bind[v] = join(h->bind[v], h->bind[i->arg[j]]);
        h->late[v] |= h->late[i->arg[j]];
    }
}

static void bind_block(Hoist *h, uint32_t block, Frame frame, LoopBindVec *open) {
    if (!block) return;
    vec_push(h->c->a, &h->frame, frame);
    uint32_t here = h->frame.len - 1;
    const KBlock *b = &h->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        KVal v = b->ins.data[n];
        const KIns *i = &h->f->ins.data[v];
        h->frame_of[v] = here;
        bind_value(h, v, open);
        if (i->op != KO_loop && i->op != KO_if) continue;
        uint32_t keep = open->len;
        bool rare = frame.rare || is_late_if(h, i);
        if (i->op == KO_loop)
            vec_push(h->c->a, open, (LoopBind){i->var, bind_loop(h, open, i)});
        bind_block(h, i->block, (Frame){here, v, false, rare}, open);
        open->len = keep;
        bind_block(h, i->block2, (Frame){here, v, true, rare}, open);
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
    if (h->frame.data[h->frame_of[v]].rare) return false;
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
        AffSubst s = {w->var, (k > 0) == upper ? aff_plus(w->hi[0], -1) : w->lo[0]};
        e = aff_subst(x, e, &s, 1);
    }
    return e;
}

/* The closest of the bounds, as far as that is known. */
static Aff closest(AffCtx *x, const Place *p, uint32_t loop, const Aff *a, uint32_t n, bool upper) {
    Aff best = extreme(x, p, loop, a[0], upper);
    for (uint32_t i = 1; i < n; i++) {
        Aff e = extreme(x, p, loop, a[i], upper);
        if (aff_implied(x, NULL, 0, upper ? cons_le(x, e, best) : cons_le(x, best, e))) best = e;
    }
    return best;
}

static uint32_t new_array(Hoist *h, KVal v, uint32_t place) {
    const Place *p = &h->place.data[place];
    AffCtx *x = h->k->aff;
    VEC(KAxis) axis = {0};
    for (uint32_t i = 0; i < p->item.len; i++) {
        const PlaceItem *w = &p->item.data[i];
        if (!w->var) continue;
        vec_push(h->c->a, &axis, (KAxis){.var = w->var,
                                         .lo = closest(x, p, i, w->lo, w->nlo, false),
                                         .hi = closest(x, p, i, w->hi, w->nhi, true)});
    }
    return kernel_array(h->k, h->c, (KArray){.name = intern(h->c->syms, "hoist"),
                                             .stage = target(h, v), .axis = axis.data,
                                             .naxis = axis.len});
}

/* Number of a computation as its place sees it. */
static uint32_t computation(Hoist *h, const Site *s, KVal v) {
    if (hoist_met(h, v)) return h->canon[v];
    KIns key = h->f->ins.data[v];
    Aff *idx = key.nidx ? ARENA_ARRAY(h->c->a, Aff, key.nidx) : NULL;
    for (uint32_t j = 0; j < key.nidx; j++) (void)site_form(h, s, key.idx[j], &idx[j]);
    key.idx = idx;
    key.side = SIDE_none;
    for (uint32_t j = 0; j < kop_info(key.op)->nargs; j++)
        key.arg[j] = computation(h, s, key.arg[j]);
    uint32_t n = keys_find(h->keys, key, 0);
    if (!n) keys_add(h->keys, key, 0, n = h->keys->entry.len);
    return h->canon[v] = n;
}

uint32_t hoist_number(Hoist *h, const Site *s, KVal v) {
    h->walk++;
    return computation(h, s, v);
}

static bool move(Hoist *h, KVal v) {
    if (h->moved_of[v]) return true;
    Site *site = ARENA_NEW(h->c->a, Site);
    Moved m = {.v = v, .stage = target(h, v), .site = site};
    if (!hoist_place(h, v, site, &m.place)) return false;
    m.canon = hoist_number(h, site, v);
    h->site_of[v] = site;
    for (uint32_t i = 1; i < h->moved.len && !h->moved_of[v]; i++) {
        const Moved *o = &h->moved.data[i];
        if (o->canon == m.canon && o->place == m.place && o->stage == m.stage) h->moved_of[v] = i;
    }
    if (h->moved_of[v]) return true;
    m.array = new_array(h, v, m.place);
    vec_push(h->c->a, &h->moved, m);
    h->moved_of[v] = h->moved.len - 1;
    return true;
}

/* v stays: its operands move, or stay too. */
static void stay(Hoist *h, KVal v, bool *seen) {
    const KIns *i = &h->f->ins.data[v];
    if (seen[v]) return;
    seen[v] = true;
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++)
        if (!movable(h, i->arg[j]) || !move(h, i->arg[j])) stay(h, i->arg[j], seen);
}

void kernel_hoist(Ctx *c, Kernel *k) {
    KFn *f = &k->fn[KS_pair];
    uint32_t n = f->ins.len;
    Hoist h = {.c = c, .k = k, .f = f, .keys = keys_new(c->a),
               .bind = ARENA_ARRAY(c->a, Bind, n), .late = ARENA_ARRAY(c->a, bool, n),
               .canon = ARENA_ARRAY(c->a, uint32_t, n), .frame_of = ARENA_ARRAY(c->a, uint32_t, n),
               .moved_of = ARENA_ARRAY(c->a, uint32_t, n), .seen = ARENA_ARRAY(c->a, uint32_t, n),
               .site_of = ARENA_ARRAY(c->a, const Site *, n)};
    bool *seen = ARENA_ARRAY(c->a, bool, n);
    LoopBindVec open = {0};
    vec_push(c->a, &h.moved, (Moved){0});
    bind_block(&h, 1, (Frame){0}, &open);
    for (KVal v = 1; v < n; v++)
        if (f->ins.data[v].op == KO_store || h.bind[v] == BIND_pair) stay(&h, v, seen);
    if (h.moved.len > 1) hoist_emit(&h);
}

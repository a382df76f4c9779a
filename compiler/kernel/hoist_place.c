/* The loops and conditions under which a moved value is computed. */
#include "kernel/hoist.h"
#include "kernel/path.h"

static bool has(const Hoist *h, Sym s) {
    for (uint32_t i = 0; i < h->deps.len; i++)
        if (h->deps.data[i] == s) return true;
    return false;
}

static void add_deps(Hoist *h, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!affctx_is_size(h->k->aff, a.term[i].name) && !has(h, a.term[i].name))
            vec_push(h->c->a, &h->deps, a.term[i].name);
}

static void cons_deps(Hoist *h, const Cons *c) {
    if (c->kind != CONS_not) add_deps(h, c->e);
    for (uint32_t i = 0; c->kind == CONS_not && i < c->nof; i++) cons_deps(h, &c->of[i]);
}

static bool aff_known(const Hoist *h, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!affctx_is_size(h->k->aff, a.term[i].name) && !has(h, a.term[i].name)) return false;
    return true;
}

static bool cons_known(const Hoist *h, const Cons *c) {
    if (c->kind != CONS_not) return aff_known(h, c->e);
    for (uint32_t i = 0; i < c->nof; i++)
        if (!cons_known(h, &c->of[i])) return false;
    return true;
}

static bool met(Hoist *h, KVal v) {
    if (h->seen[v] == h->walk) return true;
    h->seen[v] = h->walk;
    return false;
}

/* Loop variables in the computation of v. */
static void value_deps(Hoist *h, KVal v) {
    const KIns *i = &h->f->ins.data[v];
    if (met(h, v)) return;
    for (uint32_t j = 0; j < i->nidx; j++) add_deps(h, i->idx[j]);
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++) value_deps(h, i->arg[j]);
}

/* Frames around v, outermost first. */
typedef VEC(uint32_t) FrameVec;
static void frames_around(const Hoist *h, uint32_t frame, FrameVec *out) {
    if (!h->frame.data[frame].ins) return;
    frames_around(h, h->frame.data[frame].parent, out);
    vec_push(h->c->a, out, frame);
}

/* How much of what stands around a value is kept around its computation: as little as keeps its
 * indices in range. */
typedef enum Keep {
    KEEP_loops, /* those it depends on */
    KEEP_known, /* and the conditions on their variables and on sizes */
    KEEP_all    /* and all other conditions, with the loops those depend on */
} Keep;

/* Bounds of loops that are kept may mention outer variables. */
static void close_deps(Hoist *h, const FrameVec *around, Keep keep) {
    bool all = keep == KEEP_all;
    for (uint32_t i = around->len; i-- > 0;) {
        const Frame *f = &h->frame.data[around->data[i]];
        const KIns *k = &h->f->ins.data[f->ins];
        if (k->op == KO_loop && (all || has(h, k->var))) {
            add_deps(h, k->lo);
            add_deps(h, k->hi);
        }
        for (uint32_t j = 0; all && k->op == KO_if && j < k->ncons; j++) cons_deps(h, &k->cons[j]);
    }
}

static void place_cons(Hoist *h, Place *p, const Cons *cons, uint32_t n) {
    VEC(Cons) known = {0};
    for (uint32_t i = 0; i < n; i++)
        if (cons_known(h, &cons[i])) vec_push(h->c->a, &known, cons[i]);
    if (known.len) vec_push(h->c->a, &p->item, (PlaceItem){.cons = known.data, .ncons = known.len});
}

/* A loop that is not kept runs at least once where the value is computed. */
static Place place_make(Hoist *h, const FrameVec *around, Keep keep) {
    AffCtx *x = h->k->aff;
    Place p = {0};
    for (uint32_t i = 0; i < around->len; i++) {
        const Frame *f = &h->frame.data[around->data[i]];
        const KIns *k = &h->f->ins.data[f->ins];
        if (k->op == KO_loop && has(h, k->var)) {
            vec_push(h->c->a, &p.item, (PlaceItem){.var = k->var, .lo = k->lo, .hi = k->hi});
        } else if (keep == KEEP_loops) {
            continue;
        } else if (k->op == KO_loop) {
            Cons runs = cons_lt(x, k->lo, k->hi);
            place_cons(h, &p, &runs, 1);
        } else if (f->otherwise) {
            Cons c = cons_not(x, k->cons, k->ncons);
            place_cons(h, &p, &c, 1);
        } else {
            place_cons(h, &p, k->cons, k->ncons);
        }
    }
    return p;
}

void place_path(const Hoist *h, const Place *p, ConsVec *out) {
    for (uint32_t i = 0; i < p->item.len; i++) {
        const PlaceItem *w = &p->item.data[i];
        if (w->var) cons_range(h->k->aff, out, w->var, w->lo, w->hi);
        for (uint32_t j = 0; j < w->ncons; j++) path_assume(h->k->aff, h->c->a, out, w->cons[j]);
    }
}

static bool in_range(const Hoist *h, const ConsVec *path, Aff i, Aff lo, Aff hi) {
    AffCtx *x = h->k->aff;
    return path_implies(x, path, cons_le(x, lo, i)) && path_implies(x, path, cons_lt(x, i, hi));
}

/* Every index in the computation of v is in range under the path. */
static bool value_in_range(Hoist *h, const ConsVec *path, KVal v) {
    const KIns *i = &h->f->ins.data[v];
    if (met(h, v)) return true;
    if (i->op == KO_table)
        return in_range(h, path, i->idx[0], aff_const(0), aff_const(h->k->table.data[i->x].n));
    const KArray *a = &h->k->array.data[i->x];
    for (uint32_t j = 0; i->op == KO_load && j < i->nidx; j++)
        if (!in_range(h, path, i->idx[j], a->axis[j].lo, a->axis[j].hi)) return false;
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++)
        if (!value_in_range(h, path, i->arg[j])) return false;
    return true;
}

static bool same_item(const PlaceItem *a, const PlaceItem *b) {
    if (a->var != b->var || a->ncons != b->ncons) return false;
    if (a->var && !(aff_eq(a->lo, b->lo) && aff_eq(a->hi, b->hi))) return false;
    for (uint32_t i = 0; i < a->ncons; i++)
        if (!cons_same(a->cons[i], b->cons[i])) return false;
    return true;
}

static uint32_t place_number(Hoist *h, Place p) {
    for (uint32_t i = 0; i < h->place.len; i++) {
        const Place *q = &h->place.data[i];
        bool same = q->item.len == p.item.len;
        for (uint32_t j = 0; same && j < p.item.len; j++)
            same = same_item(&p.item.data[j], &q->item.data[j]);
        if (same) return i;
    }
    vec_push(h->c->a, &h->place, p);
    return h->place.len - 1;
}

uint32_t hoist_place(Hoist *h, KVal v) {
    FrameVec around = {0};
    Place p = {0};
    frames_around(h, h->frame_of[v], &around);
    h->deps.len = 0;
    h->walk++;
    value_deps(h, v);
    for (int keep = KEEP_loops; keep <= KEEP_all; keep++) {
        ConsVec path = {0};
        close_deps(h, &around, (Keep)keep);
        p = place_make(h, &around, (Keep)keep);
        place_path(h, &p, &path);
        h->walk++;
        if (value_in_range(h, &path, v)) break;
    }
    return place_number(h, p);
}

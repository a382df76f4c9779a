/* The loops and conditions under which a moved value is computed. */
#include "diag/diag.h"
#include "kernel/hoist.h"
#include "kernel/path.h"

/* How much of what stands around a value is kept around its computation: as little as keeps its
 * indices in range. */
typedef enum Keep {
    KEEP_loops, /* those it depends on */
    KEEP_known, /* and the conditions on their variables and on sizes */
    KEEP_all    /* and all other conditions, with the loops those depend on */
} Keep;

static const KIns *frame_ins(const Hoist *h, uint32_t frame) {
    return &h->f->ins.data[h->frame.data[frame].ins];
}

/* ---- ranges: whose sizes a constraint is about must be the value's own */
static Bind sizes_of(const Hoist *h, Aff a) {
    Bind b = BIND_const;
    for (uint32_t i = 0; i < a.nterm; i++) {
        const KSize *z = kernel_size(h->k, a.term[i].name);
        if (!z || !(z->varies || z->kind == KZ_right)) continue;
        Bind one = z->kind == KZ_right ? BIND_y : BIND_x;
        b = b == BIND_const || b == one ? one : BIND_pair;
    }
    return b;
}

static bool own_form(const Hoist *h, const Site *s, Aff a, Aff *out) {
    Bind b = sizes_of(h, a);
    return (b == BIND_const || b == s->bind) && site_form(h, s, a, out);
}

static bool own_cons(const Hoist *h, const Site *s, Cons c, Cons *out) {
    bool own = c.kind == CONS_not || sizes_of(h, c.e) == BIND_const || sizes_of(h, c.e) == s->bind;
    for (uint32_t i = 0; c.kind == CONS_not && i < c.nof; i++) {
        Cons unused;
        own &= own_cons(h, s, c.of[i], &unused);
    }
    return own && site_cons(h, s, c, out);
}

static void place_cons(Hoist *h, const Site *s, Place *p, const Cons *cons, uint32_t n) {
    VEC(Cons) known = {0};
    for (uint32_t i = 0; i < n; i++) {
        Cons c;
        if (own_cons(h, s, cons[i], &c)) vec_push(h->c->a, &known, c);
    }
    if (known.len) vec_push(h->c->a, &p->item, (PlaceItem){.cons = known.data, .ncons = known.len});
}

static bool place_bounds(Hoist *h, const Site *s, Aff first, const Aff *more, uint32_t nmore,
                         const Aff **out) {
    Aff *a = ARENA_ARRAY(h->c->a, Aff, nmore + 1);
    *out = a;
    for (uint32_t i = 0; i <= nmore; i++)
        if (!own_form(h, s, i ? more[i - 1] : first, &a[i])) return false;
    return true;
}

/* The loop over a single axis as it stands in the pair stage. */
static bool place_loop(Hoist *h, const Site *s, Place *p, const KIns *k) {
    PlaceItem w = {.nlo = k->nmore_lo + 1, .nhi = k->nmore_hi + 1};
    for (uint32_t i = 0; i < s->axis.len; i++)
        if (aff_eq(s->axis.data[i].form, aff_name(h->k->aff, k->var))) w.var = s->axis.data[i].name;
    bool ok = w.var && place_bounds(h, s, k->lo, k->more_lo, k->nmore_lo, &w.lo) &&
              place_bounds(h, s, k->hi, k->more_hi, k->nmore_hi, &w.hi);
    vec_push(h->c->a, &p->item, w);
    return ok;
}

static bool is_axis(const Hoist *h, const Site *s, Sym var) {
    for (uint32_t i = 0; i < s->axis.len; i++)
        if (aff_eq(s->axis.data[i].form, aff_name(h->k->aff, var))) return true;
    return false;
}

/* What the frame implies where it is entered. */
static void frame_cons(Hoist *h, const Site *s, Place *p, uint32_t frame) {
    AffCtx *x = h->k->aff;
    const KIns *k = frame_ins(h, frame);
    if (k->op == KO_loop) {
        Cons runs = cons_lt(x, k->lo, k->hi);
        place_cons(h, s, p, &runs, 1);
    } else if (h->frame.data[frame].otherwise) {
        Cons c = cons_not(x, k->cons, k->ncons);
        place_cons(h, s, p, &c, 1);
    } else {
        place_cons(h, s, p, k->cons, k->ncons);
    }
}

/* Loops around the value whose variables are its axes; others run at least once where the value is
 * computed.  False: a bound is not known there. */
static bool place_as_is(Hoist *h, const Site *s, const FrameVec *around, Keep keep, Place *p) {
    for (uint32_t i = 0; i < around->len; i++) {
        const KIns *k = frame_ins(h, around->data[i]);
        if (k->op == KO_loop && is_axis(h, s, k->var)) {
            if (!place_loop(h, s, p, k)) return false;
        } else if (keep != KEEP_loops) {
            frame_cons(h, s, p, around->data[i]);
        }
    }
    return true;
}

/* ---- projection: the box of the axes' values under all loops around, or all conditions too */
static void around_path(Hoist *h, const FrameVec *around, Keep keep, ConsVec *path) {
    AffCtx *x = h->k->aff;
    for (uint32_t i = 0; i < around->len; i++) {
        const KIns *k = frame_ins(h, around->data[i]);
        if (k->op == KO_loop) path_loop(x, h->c->a, path, k);
        else if (keep == KEEP_loops) continue;
        else if (h->frame.data[around->data[i]].otherwise)
            path_assume_not(x, h->c->a, path, k->cons, k->ncons);
        else
            for (uint32_t j = 0; j < k->ncons; j++) path_assume(x, h->c->a, path, k->cons[j]);
    }
}

typedef VEC(Aff) BoundVec;

/* c bounds t: t >= the form pushed to lo, or t < that pushed to hi. */
static void read_bound(const Hoist *h, Cons c, Sym t, BoundVec *lo, BoundVec *hi) {
    AffCtx *x = h->k->aff;
    int32_t k = aff_coef(c.e, t);
    if (c.kind == CONS_not || (k != 1 && k != -1)) return;
    Aff rest = aff_sub(x, c.e, aff_scale(x, aff_name(x, t), k));
    Aff neg = aff_scale(x, rest, -1);
    if (k > 0 || c.kind == CONS_eq) vec_push(h->c->a, lo, k > 0 ? neg : rest);
    if (k < 0 || c.kind == CONS_eq) vec_push(h->c->a, hi, aff_plus(k > 0 ? neg : rest, 1));
}

/* Bounds that another one implies, from what is known about sizes, go. */
static void drop_implied(const Hoist *h, BoundVec *b, bool upper) {
    AffCtx *x = h->k->aff;
    for (uint32_t i = 0; i < b->len;) {
        bool gone = false;
        for (uint32_t j = 0; j < b->len && !gone; j++) {
            Aff u = b->data[i], w = b->data[j];
            gone = i != j && aff_implied(x, NULL, 0, upper ? cons_le(x, w, u) : cons_le(x, u, w));
        }
        if (!gone) {
            i++;
            continue;
        }
        for (uint32_t j = i + 1; j < b->len; j++) b->data[j - 1] = b->data[j];
        b->len--;
    }
}

static bool own_bounds(Hoist *h, const Site *s, BoundVec *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->len; i++) {
        Aff own;
        if (own_form(h, s, b->data[i], &own)) b->data[n++] = own;
    }
    b->len = n;
    return n > 0;
}

static bool place_box(Hoist *h, const Site *s, const FrameVec *around, Keep keep, Place *p) {
    AffCtx *x = h->k->aff;
    Sym elim[64];
    uint32_t nelim = 0;
    for (uint32_t i = 0; i < around->len && nelim < 64; i++)
        if (frame_ins(h, around->data[i])->op == KO_loop)
            elim[nelim++] = frame_ins(h, around->data[i])->var;
    Sym t = intern(h->c->syms, "axis'"); /* primed: no name of the source */
    for (uint32_t i = 0; i < s->axis.len; i++) {
        ConsVec path = {0}, out = {0};
        BoundVec lo = {0}, hi = {0};
        around_path(h, around, keep, &path);
        vec_push(h->c->a, &path, cons_eq(x, aff_name(x, t), s->axis.data[i].form));
        if (!aff_project(x, path.data, path.len, elim, nelim, &out)) return false;
        for (uint32_t j = 0; j < out.len; j++) read_bound(h, out.data[j], t, &lo, &hi);
        if (!own_bounds(h, s, &lo) || !own_bounds(h, s, &hi)) return false;
        drop_implied(h, &lo, false);
        drop_implied(h, &hi, true);
        vec_push(h->c->a, &p->item, (PlaceItem){.var = s->axis.data[i].name, .lo = lo.data,
                                                .nlo = lo.len, .hi = hi.data, .nhi = hi.len});
    }
    return true;
}

/* ---- is it enough? */
static void place_path(const Hoist *h, const Place *p, ConsVec *out) {
    AffCtx *x = h->k->aff;
    for (uint32_t i = 0; i < p->item.len; i++) {
        const PlaceItem *w = &p->item.data[i];
        for (uint32_t j = 0; w->var && j < w->nlo; j++)
            vec_push(h->c->a, out, cons_le(x, w->lo[j], aff_name(x, w->var)));
        for (uint32_t j = 0; w->var && j < w->nhi; j++)
            vec_push(h->c->a, out, cons_lt(x, aff_name(x, w->var), w->hi[j]));
        for (uint32_t j = 0; j < w->ncons; j++) path_assume(x, h->c->a, out, w->cons[j]);
    }
}

static bool in_range(const Hoist *h, const Site *s, const ConsVec *path, Aff i, Aff lo, Aff hi) {
    AffCtx *x = h->k->aff;
    return site_form(h, s, i, &i) && path_implies(x, path, cons_le(x, lo, i)) &&
           path_implies(x, path, cons_lt(x, i, hi));
}

static bool axis_in_range(const Hoist *h, const Site *s, const ConsVec *path, Aff i,
                          const KAxis *x) {
    if (x->wrap) return path_implies(h->k->aff, path, cons_lt(h->k->aff, x->lo, x->hi));
    return in_range(h, s, path, i, x->lo, x->hi);
}

/* Every index in the computation of v is in range under the path. */
static bool value_in_range(Hoist *h, const Site *s, const ConsVec *path, KVal v) {
    const KIns *i = &h->f->ins.data[v];
    if (hoist_met(h, v)) return true;
    if (i->op == KO_table)
        return in_range(h, s, path, i->idx[0], aff_const(0),
                        aff_const(h->k->table.data[i->x].n));
    const KArray *a = &h->k->array.data[i->x];
    for (uint32_t j = 0; i->op == KO_load && j < i->nidx; j++)
        if (!axis_in_range(h, s, path, i->idx[j], &a->axis[j])) return false;
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++)
        if (!value_in_range(h, s, path, i->arg[j])) return false;
    return true;
}

static bool place_serves(Hoist *h, const Site *s, const Place *p, KVal v) {
    ConsVec path = {0};
    place_path(h, p, &path);
    h->walk++;
    return value_in_range(h, s, &path, v);
}

/* ---- numbers of places */
static bool same_bounds(const Aff *a, uint32_t na, const Aff *b, uint32_t nb) {
    for (uint32_t i = 0; na == nb && i < na; i++)
        if (!aff_eq(a[i], b[i])) return false;
    return na == nb;
}

static bool same_item(const PlaceItem *a, const PlaceItem *b) {
    if (a->var != b->var || a->ncons != b->ncons) return false;
    if (!same_bounds(a->lo, a->nlo, b->lo, b->nlo) || !same_bounds(a->hi, a->nhi, b->hi, b->nhi))
        return false;
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

/* Loop variables that the conditions and bounds around need become axes as well. */
static void form_axes(Hoist *h, Site *s, Aff a) {
    AffCtx *x = h->k->aff;
    for (uint32_t i = 0; i < a.nterm; i++) {
        Sym var = a.term[i].name;
        if (affctx_is_size(x, var) || is_axis(h, s, var)) continue;
        site_add(h, s, var, aff_name(x, var));
    }
}

static void cons_axes(Hoist *h, Site *s, const Cons *c) {
    if (c->kind != CONS_not) form_axes(h, s, c->e);
    for (uint32_t i = 0; c->kind == CONS_not && i < c->nof; i++) cons_axes(h, s, &c->of[i]);
}

static void close_axes(Hoist *h, Site *s, const FrameVec *around) {
    for (uint32_t i = around->len; i-- > 0;) {
        const KIns *k = frame_ins(h, around->data[i]);
        for (uint32_t j = 0; k->op == KO_loop && is_axis(h, s, k->var) && j <= k->nmore_lo; j++)
            form_axes(h, s, j ? k->more_lo[j - 1] : k->lo);
        for (uint32_t j = 0; k->op == KO_loop && is_axis(h, s, k->var) && j <= k->nmore_hi; j++)
            form_axes(h, s, j ? k->more_hi[j - 1] : k->hi);
        for (uint32_t j = 0; k->op == KO_if && j < k->ncons; j++) cons_axes(h, s, &k->cons[j]);
    }
}

bool hoist_place(Hoist *h, KVal v, Site *site, uint32_t *place) {
    FrameVec around = {0};
    frames_around(h, h->frame_of[v], &around);
    if (!site_make(h, v, site)) return false;
    for (int way = 0; way < 5; way++) {
        Place p = {0};
        bool box = way == 1 || way == 3; /* as is; its box; the same with conditions; all of it */
        Keep keep = way < 2 ? KEEP_loops : way < 4 ? KEEP_known : KEEP_all;
        if (!box && !site_is_plain(site)) continue;
        if (keep == KEEP_all) close_axes(h, site, &around);
        bool made = box ? place_box(h, site, &around, keep, &p)
                        : place_as_is(h, site, &around, keep, &p);
        if (!made || !place_serves(h, site, &p, v)) continue;
        *place = place_number(h, p);
        return true;
    }
    return false;
}

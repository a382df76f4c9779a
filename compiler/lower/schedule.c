#include "lower/schedule.h"
#include "diag/diag.h"
#include "lower/lower.h"

typedef struct Dep {
    LArrayId reader, read;
    const LUse *use;
} Dep;
typedef VEC(Dep) DepVec;
typedef VEC(LArrayId) IdVec;

typedef struct LoopOf { /* the outermost loop an array is computed in */
    bool in;
    Sym w;
    TimeMode mode;
    Node *node;
} LoopOf;

typedef struct Sched {
    Ctx *c;
    Arena *a;
    const Limit *l;
    AffCtx *x;
    LUseVec uses; /* all reads of all arrays, outputs last */
    LoopOf *loop_of;
    Schedule *out;
} Sched;

typedef struct TimeKey {
    Sym w;
    TimeMode mode;
    const struct TimeKey *up;
} TimeKey;

/* ---- times */

/* Rows of a softmax are made as a whole; where indices are taken modulo there is no order. */
static bool has_no_order(const LArray *r, uint32_t axis) {
    const LSoftmax *s = lsoftmax_of(r);
    return r->wrap >> axis & 1 || (s && s->over == axis);
}

static int axis_named(const Intern *syms, const LArray *r, Sym w, bool primed) {
    const char *name = sym_text(syms, w);
    size_t n = strlen(name);
    for (uint32_t i = 0; i < r->naxis; i++) {
        if (has_no_order(r, i)) continue;
        const char *s = sym_text(syms, r->axis[i].var);
        if (strncmp(s, name, n)) continue;
        if (!strcmp(s + n, primed ? "'" : "")) return (int)i;
    }
    return -1;
}

int schedule_axis(const Intern *syms, const LArray *r, Sym w, TimeMode mode) {
    bool primed = mode == TIME_right;
    int k = axis_named(syms, r, w, primed);
    return k >= 0 ? k : axis_named(syms, r, w, !primed);
}

/* The times of array r: its axis, or both axes under max; none: 0. */
static uint32_t times(const Sched *s, const LArray *r, Sym w, TimeMode mode, uint32_t axis[2]) {
    int k = schedule_axis(s->c->syms, r, w, mode);
    if (k < 0) return 0;
    axis[0] = (uint32_t)k;
    if (mode != TIME_max) return 1;
    int other = axis_named(s->c->syms, r, w, true);
    if (other < 0 || other == k) return 1;
    axis[1] = (uint32_t)other;
    return 2;
}

typedef enum Legality { FORWARD, SAME_OR_BACK, STRICTLY_BACK } Legality;

/* Is max(reader times) < time c - shift possible? */
static bool can_precede(Sched *s, const LArray *r, const uint32_t *ra, uint32_t nr, Aff read,
                        int64_t behind, const LUse *u) {
    ConsVec p = {0};
    for (uint32_t i = 0; i < u->npath; i++) vec_push(s->a, &p, u->path[i]);
    for (uint32_t i = 0; i < nr; i++) {
        Aff t = aff_name(s->x, r->axis[ra[i]].var);
        vec_push(s->a, &p, cons_ge(aff_plus(aff_sub(s->x, read, t), -behind)));
    }
    return aff_feasible(s->x, p.data, p.len);
}

static Legality legality(Sched *s, const Dep *d, Sym w, TimeMode mode) {
    const LArray *r = &s->l->array.data[d->reader], *q = &s->l->array.data[d->read];
    uint32_t ra[2], qa[2], nr = times(s, r, w, mode, ra), nq = times(s, q, w, mode, qa);
    if (!nr || !nq) return FORWARD;
    Legality best = STRICTLY_BACK;
    for (uint32_t i = 0; i < nq; i++) {
        int64_t shift = s->out->shift[d->read] - s->out->shift[d->reader];
        Aff read = aff_plus(d->use->ref.idx[qa[i]], shift);
        if (can_precede(s, r, ra, nr, read, 1, d->use)) return FORWARD;
        if (can_precede(s, r, ra, nr, read, 0, d->use)) best = SAME_OR_BACK;
    }
    return best;
}

/* ---- strongly connected components (Tarjan), sources of the reads first */

typedef struct Scc {
    Sched *s;
    const IdVec *ks;
    const DepVec *deps;
    uint32_t *num, *low, count;
    bool *on;
    VEC(uint32_t) stack;
    VEC(IdVec) out;
} Scc;

static uint32_t position(const IdVec *ks, LArrayId id) {
    for (uint32_t i = 0; i < ks->len; i++)
        if (ks->data[i] == id) return i;
    return UINT32_MAX;
}

static void scc_pop(Scc *t, uint32_t v) {
    bool *in = ARENA_ARRAY(t->s->a, bool, t->ks->len);
    uint32_t k;
    do {
        k = vec_pop(&t->stack);
        t->on[k] = false;
        in[k] = true;
    } while (k != v);
    IdVec comp = {0};
    for (uint32_t i = 0; i < t->ks->len; i++)
        if (in[i]) vec_push(t->s->a, &comp, t->ks->data[i]);
    vec_push(t->s->a, &t->out, comp);
}

static void scc_visit(Scc *t, uint32_t v) {
    t->num[v] = t->low[v] = ++t->count;
    vec_push(t->s->a, &t->stack, v);
    t->on[v] = true;
    for (uint32_t i = 0; i < t->deps->len; i++) {
        const Dep *d = &t->deps->data[i];
        if (d->reader != t->ks->data[v]) continue;
        uint32_t w = position(t->ks, d->read);
        if (w == UINT32_MAX) continue;
        if (!t->num[w]) {
            scc_visit(t, w);
            if (t->low[w] < t->low[v]) t->low[v] = t->low[w];
        } else if (t->on[w] && t->num[w] < t->low[v]) {
            t->low[v] = t->num[w];
        }
    }
    if (t->low[v] == t->num[v]) scc_pop(t, v);
}

static void scc_run(Sched *s, const IdVec *ks, const DepVec *deps, Scc *t) {
    *t = (Scc){.s = s, .ks = ks, .deps = deps};
    t->num = ARENA_ARRAY(s->a, uint32_t, ks->len);
    t->low = ARENA_ARRAY(s->a, uint32_t, ks->len);
    t->on = ARENA_ARRAY(s->a, bool, ks->len);
    for (uint32_t i = 0; i < ks->len; i++)
        if (!t->num[i]) scc_visit(t, i);
}

/* ---- ordering */

static bool order(Sched *s, const IdVec *ks, const DepVec *deps, const TimeKey *up, NodeVec *out);

static bool has_key(const TimeKey *up, Sym w, TimeMode mode) {
    for (; up; up = up->up)
        if (up->w == w && up->mode == mode) return true;
    return false;
}

static Node *node_stmt(Sched *s, LArrayId id) {
    Node *n = ARENA_NEW(s->a, Node);
    n->array = id;
    return n;
}

/* Loop names of a component in order of appearance. */
static void loop_names(Sched *s, const IdVec *comp, IdVec *out) {
    for (uint32_t i = 0; i < comp->len; i++) {
        const LArray *r = &s->l->array.data[comp->data[i]];
        for (uint32_t k = 0; k < r->naxis; k++) {
            Sym w = affctx_unprime(s->x, r->axis[k].var);
            if (position(out, w) == UINT32_MAX) vec_push(s->a, out, w);
        }
    }
}

/* Try (w, mode): the reads that remain inside a turn go to rest; false: not legal or no use. */
static bool try_time(Sched *s, const DepVec *inner, Sym w, TimeMode mode, DepVec *rest) {
    bool useful = false;
    *rest = (DepVec){0};
    for (uint32_t i = 0; i < inner->len; i++) {
        Legality g = legality(s, &inner->data[i], w, mode);
        if (g == FORWARD) return false;
        if (g == STRICTLY_BACK) useful = true;
        else vec_push(s->a, rest, inner->data[i]);
    }
    return useful;
}

/* Components of ks that still depend on themselves through deps. */
static uint32_t cycles(Sched *s, const IdVec *ks, const DepVec *deps) {
    Scc t;
    uint32_t n = 0;
    scc_run(s, ks, deps, &t);
    for (uint32_t i = 0; i < t.out.len; i++) {
        const IdVec *comp = &t.out.data[i];
        bool inner = false;
        for (uint32_t k = 0; k < deps->len && !inner; k++)
            inner = position(comp, deps->data[k].reader) != UINT32_MAX &&
                    position(comp, deps->data[k].read) != UINT32_MAX;
        n += inner;
    }
    return n;
}

/* Shift the times of a component's arrays so that all end in the same turn, where that is legal and
 * no worse; rest: the reads that stay inside a turn. */
static void retime(Sched *s, const IdVec *comp, const DepVec *inner, Sym w, TimeMode mode,
                   DepVec *rest) {
    int64_t *was = ARENA_ARRAY(s->a, int64_t, comp->len);
    const LArray *first = &s->l->array.data[comp->data[0]];
    Aff end = first->axis[schedule_axis(s->c->syms, first, w, mode)].hi;
    int64_t most = 0;
    bool ok = true;
    for (uint32_t i = 0; i < comp->len; i++) {
        const LArray *r = &s->l->array.data[comp->data[i]];
        Aff d = aff_sub(s->x, end, r->axis[schedule_axis(s->c->syms, r, w, mode)].hi);
        was[i] = s->out->shift[comp->data[i]];
        ok &= aff_is_const(d) && !was[i];
        if (ok && d.c < most) most = d.c;
        if (ok) s->out->shift[comp->data[i]] = d.c;
    }
    DepVec shifted;
    for (uint32_t i = 0; i < comp->len && ok; i++) s->out->shift[comp->data[i]] -= most;
    if (ok && try_time(s, inner, w, mode, &shifted) &&
        cycles(s, comp, &shifted) <= cycles(s, comp, rest)) {
        *rest = shifted;
        return;
    }
    for (uint32_t i = 0; i < comp->len; i++) s->out->shift[comp->data[i]] = was[i];
}

/* Arrays over positions: what a turn makes is read in the same turn, position by position, and need
 * not be stored. */
static bool has_positions(const Sched *s, const IdVec *comp, Sym w) {
    for (uint32_t i = 0; i < comp->len; i++) {
        const LArray *r = &s->l->array.data[comp->data[i]];
        for (uint32_t k = 0; k < r->naxis; k++)
            if (affctx_unprime(s->x, r->axis[k].var) != w) return true;
    }
    return false;
}

static bool under_max(const TimeKey *key) {
    for (; key; key = key->up)
        if (key->mode == TIME_max) return true;
    return false;
}

static bool order_component(Sched *s, const IdVec *comp, const DepVec *inner, const TimeKey *up,
                            NodeVec *out) {
    IdVec names = {0};
    loop_names(s, comp, &names);
    for (int mode = TIME_left; mode <= TIME_max; mode++) {
        for (uint32_t i = 0; i < names.len; i++) {
            Sym w = names.data[i];
            DepVec rest;
            if (has_key(up, w, (TimeMode)mode) || !try_time(s, inner, w, (TimeMode)mode, &rest))
                continue;
            Node *n = ARENA_NEW(s->a, Node);
            *n = (Node){.loop = true, .w = w, .mode = (TimeMode)mode};
            TimeKey key = {w, (TimeMode)mode, up};
            if (!under_max(&key) && !has_positions(s, comp, w))
                retime(s, comp, inner, w, (TimeMode)mode, &rest);
            if (!order(s, comp, &rest, &key, &n->body)) return false;
            vec_push(s->a, out, n);
            return true;
        }
    }
    const LArray *r = &s->l->array.data[comp->data[0]];
    diag(s->c->ds, lower_no_order, r->span, sym_text(s->c->syms, r->name), comp->len);
    return false;
}

static bool is_stmt(const Node *n) { return !n->loop && !n->group; }

static void node_arrays(Sched *s, const Node *n, IdVec *out) {
    if (is_stmt(n)) {
        vec_push(s->a, out, n->array);
        return;
    }
    for (uint32_t i = 0; i < n->body.len; i++) node_arrays(s, n->body.data[i], out);
}

static bool reads_from(Sched *s, const Node *later, const Node *earlier, const DepVec *deps) {
    IdVec a = {0}, b = {0};
    node_arrays(s, later, &a);
    node_arrays(s, earlier, &b);
    for (uint32_t i = 0; i < deps->len; i++)
        if (position(&a, deps->data[i].reader) != UINT32_MAX &&
            position(&b, deps->data[i].read) != UINT32_MAX)
            return true;
    return false;
}

static bool can_fuse(Sched *s, const Node *m, const Node *n, const DepVec *deps) {
    if (!m->loop || !n->loop || m->w != n->w || m->mode != n->mode) return false;
    IdVec a = {0}, b = {0};
    node_arrays(s, m, &a);
    node_arrays(s, n, &b);
    for (uint32_t i = 0; i < deps->len; i++) {
        const Dep *d = &deps->data[i];
        if (position(&b, d->reader) != UINT32_MAX && position(&a, d->read) != UINT32_MAX &&
            legality(s, d, n->w, n->mode) == FORWARD)
            return false;
    }
    return true;
}

/* Merge loops over the same time where every read of the later one points to the same or an earlier
 * turn, moving a loop up past nodes it does not read. */
static void fuse(Sched *s, NodeVec *nodes, const DepVec *deps) {
    NodeVec out = {0};
    for (uint32_t i = 0; i < nodes->len; i++) {
        Node *n = nodes->data[i];
        bool done = false;
        for (uint32_t k = out.len; n->loop && k-- > 0;) {
            Node *m = out.data[k];
            if (can_fuse(s, m, n, deps)) {
                for (uint32_t j = 0; j < n->body.len; j++)
                    vec_push(s->a, &m->body, n->body.data[j]);
                fuse(s, &m->body, deps);
                done = true;
                break;
            }
            if (reads_from(s, n, m, deps)) break;
        }
        if (!done) vec_push(s->a, &out, n);
    }
    *nodes = out;
}

static bool order(Sched *s, const IdVec *ks, const DepVec *deps, const TimeKey *up, NodeVec *out) {
    Scc t;
    scc_run(s, ks, deps, &t);
    for (uint32_t i = 0; i < t.out.len; i++) {
        const IdVec *comp = &t.out.data[i];
        DepVec inner = {0};
        for (uint32_t k = 0; k < deps->len; k++) {
            const Dep *d = &deps->data[k];
            if (position(comp, d->reader) != UINT32_MAX && position(comp, d->read) != UINT32_MAX)
                vec_push(s->a, &inner, *d);
        }
        if (!inner.len) vec_push(s->a, out, node_stmt(s, comp->data[0]));
        else if (!order_component(s, comp, &inner, up, out)) return false;
    }
    fuse(s, out, deps);
    return true;
}

/* ---- statements that could join a loop */

/* Time distance of a read inside loop n: positive = points back that many turns; false: unbounded.
 */
static bool distance(Sched *s, const LUse *u, const Node *n, int64_t *lo, int64_t *hi) {
    const LArray *r = &s->l->array.data[u->reader], *q = &s->l->array.data[u->ref.array];
    uint32_t ra[2], qa[2];
    if (times(s, r, n->w, n->mode, ra) != 1 || times(s, q, n->w, n->mode, qa) != 1) return false;
    Aff d = aff_sub(s->x, aff_name(s->x, r->axis[ra[0]].var), u->ref.idx[qa[0]]);
    d = aff_plus(d, s->out->shift[u->reader] - s->out->shift[u->ref.array]);
    AffBounds b = aff_bounds(s->x, d, u->path, u->npath);
    if (!b.has_lo || !b.has_hi) return false;
    *lo = b.lo;
    *hi = b.hi;
    return true;
}

static bool node_has(const Node *n, LArrayId id) {
    if (is_stmt(n)) return n->array == id;
    for (uint32_t i = 0; i < n->body.len; i++)
        if (node_has(n->body.data[i], id)) return true;
    return false;
}

static bool before(const Node *n, LArrayId a, LArrayId b, bool *found) {
    if (is_stmt(n)) {
        if (n->array == b) *found = true;
        return n->array == a && !*found;
    }
    for (uint32_t i = 0; i < n->body.len; i++)
        if (before(n->body.data[i], a, b, found)) return true;
    return false;
}

/* Move every statement that reads an old value (distance >= 1) of an array before the statement
 * that overwrites it, where no read of this turn forbids it: then one slice less has to be kept. */
static void sort_turn(Sched *s, Node *n) {
    uint32_t len = n->body.len;
    for (uint32_t round = 0; round < len; round++) {
        bool moved = false;
        for (uint32_t i = 0; i + 1 < len && !moved; i++) {
            Node *w = n->body.data[i], *r = n->body.data[i + 1];
            if (w->loop || r->loop) continue;
            bool old = false, now = false;
            for (uint32_t k = 0; k < s->uses.len; k++) {
                const LUse *u = &s->uses.data[k];
                if (u->reader != r->array || u->ref.array != w->array) continue;
                int64_t lo, hi;
                if (!distance(s, u, n, &lo, &hi) || lo < 1) now = true;
                else old = true;
            }
            if (!old || now) continue;
            n->body.data[i] = r;
            n->body.data[i + 1] = w;
            moved = true;
        }
        if (!moved) return;
    }
}

/* ---- storage */

static bool is_last(Sched *s, const LArray *q, uint32_t axis, Aff idx, const LUse *u) {
    Aff last = aff_plus(q->axis[axis].hi, -1);
    return aff_implied(s->x, u->path, u->npath, cons_eq(s->x, idx, last));
}

/* Does it read another place than the reader's own?  Then the loops over places can become one
 * (kernel/fuse.c) only if what was there before is kept until the reader has passed. */
static bool reads_elsewhere(const LUse *u, uint32_t time_axis, uint32_t naxis) {
    for (uint32_t i = 0; i < naxis; i++) {
        Aff at = u->ref.idx[i];
        if (i != time_axis && (at.nterm != 1 || at.term[0].k != 1 || at.c)) return true;
    }
    return false;
}

/* Slices of array id along the time axis of the loop it is computed in (product.md 9). */
static Storage storage_of(Sched *s, LArrayId id) {
    Storage whole = {0, 0};
    const LoopOf *lo = &s->loop_of[id];
    if (!lo->in || lo->mode == TIME_max) return whole;
    const LArray *q = &s->l->array.data[id];
    int axis = schedule_axis(s->c->syms, q, lo->w, lo->mode);
    int64_t far = 0;
    bool old_after = false; /* is the oldest slice read after it could be overwritten? */
    for (uint32_t k = 0; k < s->uses.len; k++) {
        const LUse *u = &s->uses.data[k];
        if (u->ref.array != id) continue;
        bool inside = u->reader && s->l->array.data[u->reader].stage == q->stage &&
                      node_has(lo->node, u->reader);
        if (!inside) {
            if (!is_last(s, q, (uint32_t)axis, u->ref.idx[axis], u)) return whole;
            continue;
        }
        int64_t dlo, dhi;
        if (!distance(s, u, lo->node, &dlo, &dhi)) return whole;
        bool found = false, early = before(lo->node, u->reader, id, &found) &&
                                    !reads_elsewhere(u, (uint32_t)axis, q->naxis);
        if (dhi > far || (dhi == far && !early)) old_after = !early && dhi > 0;
        if (dhi > far) far = dhi;
    }
    if (q->stage != LS_pair) return whole; /* other stages read them per sample */
    return (Storage){(uint32_t)(far + (old_after || !far ? 1 : 0)), (uint32_t)axis};
}

static void mark_loops(Sched *s, Node *n, Node *outer) {
    if (is_stmt(n)) {
        if (outer) s->loop_of[n->array] = (LoopOf){true, outer->w, outer->mode, outer};
        return;
    }
    if (n->loop) sort_turn(s, n);
    for (uint32_t i = 0; i < n->body.len; i++)
        mark_loops(s, n->body.data[i], outer || n->group ? outer : n);
}

/* ---- groups: each runs as a whole, after what it reads and before what reads its sums */

typedef struct Chunks {
    Sched *s;
    const IdVec *ks;
    const DepVec *deps;
    bool *done, *blocked; /* by position in ks */
} Chunks;

static uint32_t group_at(const Chunks *k, uint32_t i) {
    return k->s->l->array.data[k->ks->data[i]].group;
}

/* What is not done and needs an array of a group that is not done. */
static void block(Chunks *k) {
    for (uint32_t i = 0; i < k->ks->len; i++) k->blocked[i] = !k->done[i] && group_at(k, i);
    for (bool again = true; again;) {
        again = false;
        for (uint32_t d = 0; d < k->deps->len; d++) {
            uint32_t r = position(k->ks, k->deps->data[d].reader);
            uint32_t q = position(k->ks, k->deps->data[d].read);
            if (k->done[r] || k->blocked[r] || !k->blocked[q]) continue;
            k->blocked[r] = again = true;
        }
    }
}

static bool group_ready(const Chunks *k, uint32_t g) {
    bool any = false;
    for (uint32_t i = 0; i < k->ks->len; i++) any |= group_at(k, i) == g && !k->done[i];
    for (uint32_t d = 0; d < k->deps->len && any; d++) {
        uint32_t r = position(k->ks, k->deps->data[d].reader);
        uint32_t q = position(k->ks, k->deps->data[d].read);
        if (group_at(k, r) == g && group_at(k, q) != g && !k->done[q]) return false;
    }
    return any;
}

/* Orders the arrays of group g, or (0) those that are not blocked. */
static bool order_chunk(Chunks *k, uint32_t g, NodeVec *out) {
    Sched *s = k->s;
    IdVec ids = {0};
    DepVec deps = {0};
    for (uint32_t i = 0; i < k->ks->len; i++)
        if (!k->done[i] && group_at(k, i) == g && (g || !k->blocked[i])) {
            vec_push(s->a, &ids, k->ks->data[i]);
            k->done[i] = true;
        }
    for (uint32_t d = 0; d < k->deps->len; d++)
        if (position(&ids, k->deps->data[d].reader) != UINT32_MAX &&
            position(&ids, k->deps->data[d].read) != UINT32_MAX)
            vec_push(s->a, &deps, k->deps->data[d]);
    NodeVec nodes = {0}; /* apart: loops are fused by what these read of each other */
    if (!order(s, &ids, &deps, NULL, &nodes)) return false;
    for (uint32_t i = 0; i < nodes.len; i++) vec_push(s->a, out, nodes.data[i]);
    return true;
}

static bool order_stage(Sched *s, const IdVec *ks, const DepVec *deps, NodeVec *out) {
    Chunks k = {s, ks, deps, ARENA_ARRAY(s->a, bool, ks->len), ARENA_ARRAY(s->a, bool, ks->len)};
    for (uint32_t left = s->l->group.len; left-- > 0;) {
        block(&k);
        if (!order_chunk(&k, 0, out)) return false;
        for (uint32_t g = 1; g < s->l->group.len; g++) {
            if (!group_ready(&k, g)) continue;
            Node *n = ARENA_NEW(s->a, Node);
            n->group = g;
            if (!order_chunk(&k, g, &n->body)) return false;
            vec_push(s->a, out, n);
        }
    }
    return true;
}

/* ---- entry */

static void all_uses(Sched *s) {
    for (LArrayId id = 1; id < s->l->array.len; id++) larray_uses(s->l, s->a, id, &s->uses);
    for (uint32_t i = 0; i < s->l->nout; i++)
        lterms_uses(s->x, s->a, 0, s->l->out[i].value, NULL, 0, &s->uses);
}

bool lower_has_order(Ctx *c, const Limit *l) {
    Ctx quiet = *c;
    Schedule s;
    quiet.ds = diags_new(c->a, c->src);
    return schedule_make(&quiet, l, &s);
}

bool schedule_make(Ctx *c, const Limit *l, Schedule *out) {
    Sched s = {.c = c, .a = c->a, .l = l, .x = l->aff, .out = out};
    all_uses(&s);
    s.loop_of = ARENA_ARRAY(c->a, LoopOf, l->array.len);
    *out = (Schedule){.l = l, .store = ARENA_ARRAY(c->a, Storage, l->array.len),
                      .shift = ARENA_ARRAY(c->a, int64_t, l->array.len)};
    for (int st = 0; st < KS_COUNT; st++) {
        IdVec ks = {0};
        DepVec deps = {0};
        for (LArrayId id = 1; id < l->array.len; id++)
            if ((int)l->array.data[id].stage == st) vec_push(c->a, &ks, id);
        for (uint32_t k = 0; k < s.uses.len; k++) {
            const LUse *u = &s.uses.data[k];
            if (!u->reader || (int)l->array.data[u->reader].stage != st ||
                (int)l->array.data[u->ref.array].stage != st)
                continue;
            Dep d = {u->reader, u->ref.array, u};
            vec_push(c->a, &deps, d);
        }
        bool grouped = st == KS_pair && l->group.len > 1;
        if (grouped ? !order_stage(&s, &ks, &deps, &out->root[st])
                    : !order(&s, &ks, &deps, NULL, &out->root[st]))
            return false;
        for (uint32_t i = 0; i < out->root[st].len; i++)
            mark_loops(&s, out->root[st].data[i], NULL);
    }
    for (LArrayId id = 1; id < l->array.len; id++) out->store[id] = storage_of(&s, id);
    return true;
}

/* Storage that lives for one turn of a loop: an axis of an array goes where every element is made
 * and read in the same turn v of a loop, at index v + c; there may be several such loops, one after
 * another.  An array without axes is a cell.  Stores to elements that are never read go too.
 *
 * A read in turn v of place z (the other indices) finds after the change what was stored last at z
 * in any turn.  That is what it found before if
 *   (a) a store of the same turn that comes before it certainly stores to z, or
 *   (b) the whole array was filled with one number before, and every place that is stored to in any
 *       turn of any of the loops is stored to in this turn too, before the read: what no turn
 *       stores to keeps the number (rims of zeros). */
#include "kernel/depend.h"
#include "kernel/path.h"
#include "kernel/rewrite.h"

typedef struct Turn { /* an access in a loop whose turns the element lives for */
    Access a;
    KVal loop;
    uint32_t depth; /* number of things around the loop */
} Turn;

typedef struct Contract {
    Ctx *c;
    Kernel *k;
    KFn *f;
    Depend d;
    AccessVec all;  /* of the function, in order */
    /* the array and axis that are looked at */
    uint32_t array, axis;
    VEC(Turn) in;   /* its accesses, in order */
    AccessVec fill; /* stores of a number before them */
} Contract;

static const KIns *instruction(const Contract *s, KVal v) { return &s->f->ins.data[v]; }

/* ---- which loops */

/* The loop around a whose variable its index on the axis is, plus a constant. */
static bool find_loop(const Contract *s, const Access *a, Turn *out) {
    AffCtx *x = s->k->aff;
    Aff i = instruction(s, a->v)->idx[s->axis];
    for (uint32_t n = 0; n < a->naround; n++) {
        const KIns *k = instruction(s, a->around[n].ins);
        if (k->op != KO_loop || aff_coef(i, k->var) != 1) continue;
        *out = (Turn){*a, a->around[n].ins, n};
        return aff_size_only(x, aff_sub(x, i, aff_name(x, k->var)));
    }
    return false;
}

/* A store of the number that all of them store. */
static bool is_fill(const Contract *s, const Access *a) {
    const KIns *i = instruction(s, a->v);
    double v, first;
    if (i->op != KO_store || !kval_num(s->f, i->arg[0], &v)) return false;
    return !s->fill.len ||
           (kval_num(s->f, instruction(s, s->fill.data[0].v)->arg[0], &first) && v == first);
}

/* The access stands in no other of the loops, and has the same place in their turns. */
static bool one_loop(const Contract *s, const Turn *t) {
    AffCtx *x = s->k->aff;
    for (uint32_t i = 0; i < s->in.len; i++) {
        const Turn *o = &s->in.data[i];
        for (uint32_t n = 0; n < t->a.naround; n++)
            if (t->a.around[n].ins == o->loop && o->loop != t->loop) return false;
        for (uint32_t n = 0; n < o->a.naround; n++)
            if (o->a.around[n].ins == t->loop && o->loop != t->loop) return false;
        Aff apart = aff_sub(x, instruction(s, o->a.v)->idx[s->axis],
                            instruction(s, t->a.v)->idx[s->axis]);
        if (o->loop == t->loop && !aff_eq(apart, aff_const(0))) return false;
    }
    return true;
}

/* Fills first, then accesses in loops.  A store of the number counts as a fill up to the first load
 * or store of something else. */
static bool sort_accesses(Contract *s) {
    s->in.len = s->fill.len = 0;
    for (uint32_t i = 0; i < s->all.len; i++) {
        const Access *a = &s->all.data[i];
        Turn t;
        if (instruction(s, a->v)->x != s->array) continue;
        if (!s->in.len && is_fill(s, a)) {
            vec_push(s->c->a, &s->fill, *a);
            continue;
        }
        if (!find_loop(s, a, &t) || !one_loop(s, &t)) return false;
        vec_push(s->c->a, &s->in, t);
    }
    return s->in.len > 0;
}

/* ---- (a) */
static uint32_t common(const Access *a, const Access *b) {
    uint32_t n = 0;
    while (n < a->naround && n < b->naround && a->around[n].ins == b->around[n].ins &&
           a->around[n].otherwise == b->around[n].otherwise)
        n++;
    return n;
}

static void path_around(const Contract *s, const Access *a, uint32_t from, ConsVec *out) {
    AffCtx *x = s->k->aff;
    for (uint32_t i = from; i < a->naround; i++) {
        const KIns *k = instruction(s, a->around[i].ins);
        if (k->op == KO_loop) path_loop(x, s->c->a, out, k);
        else if (a->around[i].otherwise) vec_push(s->c->a, out, cons_not(x, k->cons, k->ncons));
        else
            for (uint32_t j = 0; j < k->ncons; j++) vec_push(s->c->a, out, k->cons[j]);
    }
}

/* The loop variables of the store inside what it has in common with the load. */
typedef VEC(AffSubst) Solution;

static bool is_solved(const Solution *s, Sym var) {
    for (uint32_t i = 0; i < s->len; i++)
        if (s->data[i].name == var) return true;
    return false;
}

static bool has_own(const Contract *s, const Access *a, uint32_t from, Aff e) {
    for (uint32_t i = from; i < a->naround; i++) {
        const KIns *k = instruction(s, a->around[i].ins);
        if (k->op == KO_loop && aff_mentions(e, k->var)) return true;
    }
    return false;
}

/* stored = read, solved for a variable of the store's own loops, if it has one. */
static void solve(const Contract *s, const Access *store, uint32_t from, Aff stored, Aff read,
                  Solution *out) {
    AffCtx *x = s->k->aff;
    for (uint32_t i = from; i < store->naround; i++) {
        const KIns *k = instruction(s, store->around[i].ins);
        int32_t c = k->op == KO_loop ? aff_coef(stored, k->var) : 0;
        if ((c != 1 && c != -1) || is_solved(out, k->var)) continue;
        Aff rest = aff_sub(x, stored, aff_scale(x, aff_name(x, k->var), c));
        if (has_own(s, store, from, rest)) continue;
        vec_push(s->c->a, out, (AffSubst){k->var, aff_scale(x, aff_sub(x, read, rest), c)});
        return;
    }
}

/* Where `other` stands, the store's path from depth `from` on holds under m, and so do the
 * equalities of its indices with the other's, but for those of axis `skip` (UINT32_MAX: of
 * rings). */
static bool happens(Contract *s, const Access *store, uint32_t from, const Access *other,
                    const Solution *m, uint32_t skip) {
    AffCtx *x = s->k->aff;
    const KIns *a = instruction(s, store->v), *b = instruction(s, other->v);
    ConsVec path = {0}, want = {0};
    for (uint32_t i = from; i < store->naround; i++) {
        const KIns *k = instruction(s, store->around[i].ins);
        if (k->op == KO_loop && !is_solved(m, k->var)) return false;
    }
    path_around(s, store, from, &want);
    path_around(s, other, 0, &path);
    for (uint32_t i = 0; i < want.len; i++)
        if (!path_implies(x, &path, cons_subst(x, want.data[i], m->data, m->len))) return false;
    for (uint32_t n = 0; n < a->nidx; n++) {
        uint32_t slices = s->k->array.data[s->array].axis[n].slices;
        if (n == skip || slices == 1 || (skip == UINT32_MAX && slices)) continue;
        Aff at = aff_subst(x, a->idx[n], m->data, m->len);
        if (!path_implies(x, &path, cons_eq(x, at, b->idx[n]))) return false;
    }
    return true;
}

/* Where `other` accesses a place, the store stores to that place in every turn of what the first
 * `from` things around it are. */
static bool covers(Contract *s, const Access *store, uint32_t from, const Access *other) {
    const KIns *a = instruction(s, store->v), *b = instruction(s, other->v);
    Solution m = {0};
    for (uint32_t n = 0; n < a->nidx; n++)
        if (n != s->axis) solve(s, store, from, a->idx[n], b->idx[n], &m);
    return happens(s, store, from, other, &m, s->axis);
}

static bool is_store(const Contract *s, const Turn *t) {
    return instruction(s, t->a.v)->op == KO_store;
}

static bool is_covered(Contract *s, uint32_t load) {
    const Turn *b = &s->in.data[load];
    for (uint32_t i = 0; i < load; i++) {
        const Turn *a = &s->in.data[i];
        if (is_store(s, a) && a->loop == b->loop && covers(s, &a->a, common(&a->a, &b->a), &b->a))
            return true;
    }
    return false;
}

/* ---- (b) */
static bool has_turn(const Contract *s, Cons c, const Turn *t, uint32_t from) {
    for (uint32_t i = from; i <= t->depth; i++) {
        const KIns *k = instruction(s, t->a.around[i].ins);
        if (k->op == KO_loop && cons_mentions(c, k->var)) return true;
    }
    return false;
}

/* The places that the store stores to do not depend on the loops from depth `from` to the turn. */
static bool same_places(Contract *s, const Turn *t, uint32_t from) {
    ConsVec own = {0};
    const KIns *k = instruction(s, t->a.v);
    path_around(s, &t->a, t->depth + 1, &own);
    for (uint32_t n = 0; n < k->nidx; n++)
        if (n != s->axis && s->k->array.data[s->array].axis[n].slices != 1)
            vec_push(s->c->a, &own, cons_ge(k->idx[n]));
    for (uint32_t i = 0; i < own.len; i++)
        if (has_turn(s, own.data[i], t, from)) return false;
    return true;
}

/* The fill's loop over a ring's index goes through all slices that there are. */
static bool all_slices(const Contract *s, const Access *fill, Aff i, const KAxis *x, Solution *m) {
    Aff end = aff_plus(x->lo, x->slices);
    for (uint32_t n = 0; n < fill->naround; n++) {
        const KIns *k = instruction(s, fill->around[n].ins);
        if (k->op != KO_loop || !aff_eq(i, aff_name(s->k->aff, k->var))) continue;
        bool all = aff_eq(k->lo, x->lo) && !k->nmore_lo &&
                   (aff_eq(k->hi, x->hi) || aff_eq(k->hi, end));
        for (uint32_t j = 0; j < k->nmore_hi; j++)
            all &= aff_eq(k->more_hi[j], x->hi) || aff_eq(k->more_hi[j], end);
        vec_push(s->c->a, m, (AffSubst){k->var, x->lo});
        return all;
    }
    return false;
}

/* What the load reads was filled. */
static bool fill_reaches(Contract *s, const Access *fill, const Access *load) {
    const KIns *a = instruction(s, fill->v), *b = instruction(s, load->v);
    const KArray *array = &s->k->array.data[s->array];
    uint32_t from = common(fill, load);
    Solution m = {0};
    for (uint32_t n = 0; n < a->nidx; n++) {
        const KAxis *x = &array->axis[n];
        if (!x->slices) solve(s, fill, from, a->idx[n], b->idx[n], &m);
        else if (!all_slices(s, fill, a->idx[n], x, &m)) return false;
    }
    return happens(s, fill, from, load, &m, UINT32_MAX);
}

static bool is_filled(Contract *s, const Turn *load) {
    for (uint32_t i = 0; i < s->fill.len; i++)
        if (fill_reaches(s, &s->fill.data[i], &load->a)) return true;
    return false;
}

/* In one turn, the load comes before the store at the same place. */
static bool comes_before(Contract *s, uint32_t load, uint32_t store) {
    const Access *a = &s->in.data[load].a, *b = &s->in.data[store].a;
    uint32_t n = common(a, b);
    if (load < store && depend_meet(&s->d, a, b, n, TURNS_any)) return true;
    for (uint32_t i = s->in.data[load].depth + 1; i < n; i++)
        if (instruction(s, a->around[i].ins)->op == KO_loop &&
            depend_meet(&s->d, a, b, i, TURNS_second_later))
            return true;
    return false;
}

/* The loops between the fills and the turns of t, by the depth of the outermost. */
static uint32_t refilled_at(const Contract *s, const Turn *t) {
    uint32_t from = t->depth;
    for (uint32_t j = 0; j < s->fill.len; j++) {
        uint32_t n = common(&t->a, &s->fill.data[j]);
        from = n < from ? n : from;
    }
    return from;
}

/* What the store of another loop stores to is stored to in the turn of the load, too. */
static bool is_within(Contract *s, const Turn *store, const Turn *load) {
    for (uint32_t i = 0; i < s->in.len; i++) {
        const Turn *t = &s->in.data[i];
        if (!is_store(s, t) || t->loop != load->loop) continue;
        uint32_t n = common(&t->a, &store->a); /* within it, names are of the same loops */
        if (n < refilled_at(s, t) || n < refilled_at(s, store)) continue;
        if (covers(s, &t->a, t->depth + 1, &store->a)) return true;
    }
    return false;
}

static bool keeps_fill(Contract *s, uint32_t load) {
    const Turn *b = &s->in.data[load];
    if (!is_filled(s, b)) return false;
    for (uint32_t i = 0; i < s->in.len; i++) {
        const Turn *a = &s->in.data[i];
        if (!is_store(s, a)) continue;
        if (!same_places(s, a, refilled_at(s, a))) return false;
        if (a->loop == b->loop ? comes_before(s, load, i) : !is_within(s, a, b)) return false;
    }
    return true;
}

/* ---- the change */
static bool lives_for_a_turn(Contract *s) {
    if (!sort_accesses(s)) return false;
    for (uint32_t i = 0; i < s->in.len; i++)
        if (!is_store(s, &s->in.data[i]) && !is_covered(s, i) && !keeps_fill(s, i)) return false;
    return true;
}

static void drop_axis(Contract *s) {
    KArray *a = &s->k->array.data[s->array];
    KAxis *axis = arena_copy(s->c->a, a->axis, a->naxis * sizeof *axis);
    a->naxis--;
    for (uint32_t n = s->axis; n < a->naxis; n++) axis[n] = axis[n + 1];
    a->axis = axis;
    for (uint32_t i = 0; i < s->all.len; i++) {
        KIns *k = &s->f->ins.data[s->all.data[i].v];
        if (k->x != s->array) continue;
        Aff *idx = arena_copy(s->c->a, k->idx, k->nidx * sizeof *idx);
        k->nidx--;
        for (uint32_t n = s->axis; n < k->nidx; n++) idx[n] = idx[n + 1];
        k->idx = idx;
    }
}

/* Scratch of this function alone. */
static bool is_scratch(const Contract *s, KStage stage, uint32_t array) {
    const KArray *a = &s->k->array.data[array];
    if (a->stage != stage || a->class != KA_stored || a->finite) return false;
    for (uint32_t i = 0; i < s->k->size.len; i++)
        if (s->k->size.data[i].kind == KZ_measured && s->k->size.data[i].array == array)
            return false;
    for (int other = stage + 1; other < KS_COUNT; other++)
        for (KVal v = 1; v < s->k->fn[other].ins.len; v++) {
            const KIns *i = &s->k->fn[other].ins.data[v];
            if (i->op == KO_load && i->x == array) return false;
        }
    return true;
}

/* ---- stores that no load meets */
static void drop_value(Contract *s, KVal v) {
    for (uint32_t b = 1; b < s->f->block.len; b++) {
        KBlock *k = &s->f->block.data[b];
        uint32_t n = 0;
        for (uint32_t i = 0; i < k->ins.len; i++)
            if (k->ins.data[i] != v) k->ins.data[n++] = k->ins.data[i];
        k->ins.len = n;
    }
}

static bool is_read(Contract *s, const Access *store) {
    for (uint32_t i = 0; i < s->all.len; i++) {
        const Access *a = &s->all.data[i];
        if (instruction(s, a->v)->op == KO_load && depend_matters(&s->d, store, a) &&
            depend_meet(&s->d, store, a, 0, TURNS_any))
            return true;
    }
    return false;
}

/* A load finds the element that its indices name, but what a number fills is found in all turns of
 * a ring. */
static void drop_stores(Contract *s, uint32_t array) {
    uint32_t n = 0;
    double number;
    for (uint32_t i = 0; i < s->all.len; i++) {
        const Access *a = &s->all.data[i];
        const KIns *k = instruction(s, a->v);
        s->d.logical = k->op == KO_store && !kval_num(s->f, k->arg[0], &number);
        bool dead = k->op == KO_store && k->x == array && !is_read(s, a);
        if (dead) drop_value(s, a->v);
        else s->all.data[n++] = *a;
    }
    s->all.len = n;
    s->d.logical = false;
}

static void contract_array(Contract *s, uint32_t array) {
    s->array = array;
    for (s->axis = 0; s->axis < s->k->array.data[array].naxis;) {
        const KAxis *x = &s->k->array.data[array].axis[s->axis];
        if (!x->slices && !x->wrap && lives_for_a_turn(s)) drop_axis(s);
        else s->axis++;
    }
}

void kernel_contract(Ctx *c, Kernel *k) {
    for (int stage = 0; stage < KS_COUNT; stage++) {
        Contract s = {.c = c, .k = k, .f = &k->fn[stage]};
        s.d = (Depend){.c = c, .k = k, .f = s.f};
        depend_block(&s.d, 1, &s.all);
        for (uint32_t x = 1; x < k->array.len; x++)
            if (is_scratch(&s, (KStage)stage, x)) {
                drop_stores(&s, x);
                contract_array(&s, x);
            }
    }
}

/* Sibling loops over the same range become one, and so do sibling ifs of the same conditions,
 * outermost first and then inside: what one turn of the first loop makes, the same turn of the
 * second finds in registers or in the cache, and both find their common values (cse).  Turns
 * keep their results: where turn v of the first and turn w of the second meet an element that one
 * of them writes, v comes first, v <= w.  What stands between the two moves before or after them.
 * A loop that holds nothing but an if whose conditions are the same in all turns goes into it. */
#include "kernel/depend.h"
#include "kernel/rewrite.h"

typedef struct Fuse {
    Ctx *c;
    Kernel *k;
    KFn *f;
    Depend d;
    AccessVec *memo; /* by value: its accesses, where `known` says `turn` */
    uint32_t *known, turn;
} Fuse;

static KIns *instruction(const Fuse *s, KVal v) { return &s->f->ins.data[v]; }

/* ---- the same range */
static bool has_bound(Aff a, Aff first, const Aff *more, uint32_t nmore) {
    bool found = aff_eq(a, first);
    for (uint32_t i = 0; i < nmore; i++) found |= aff_eq(a, more[i]);
    return found;
}

static bool same_bounds(Aff a, const Aff *ma, Aff b, const Aff *mb, uint32_t n) {
    bool same = has_bound(a, b, mb, n);
    for (uint32_t i = 0; i < n; i++) same &= has_bound(ma[i], b, mb, n);
    return same;
}

static bool same_range(const KIns *a, const KIns *b) {
    return a->down == b->down && a->nmore_lo == b->nmore_lo && a->nmore_hi == b->nmore_hi &&
           same_bounds(a->lo, a->more_lo, b->lo, b->more_lo, a->nmore_lo) &&
           same_bounds(a->hi, a->more_hi, b->hi, b->more_hi, a->nmore_hi);
}

/* ---- operands */

/* Does the instruction, or a block inside it, use the value? */
static bool uses(const Fuse *s, KVal user, KVal v);
static bool block_uses(const Fuse *s, uint32_t block, KVal v) {
    const KBlock *b = &s->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++)
        if (uses(s, b->ins.data[n], v)) return true;
    return false;
}

static bool uses(const Fuse *s, KVal user, KVal v) {
    const KIns *i = instruction(s, user);
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++)
        if (i->arg[j] == v) return true;
    return (i->block && block_uses(s, i->block, v)) || (i->block2 && block_uses(s, i->block2, v));
}

/* ---- what may change places */
static AccessVec accesses(Fuse *s, KVal v) {
    if (s->known[v] == s->turn) return s->memo[v];
    AccessVec out = {0};
    depend_collect(&s->d, v, &out);
    s->known[v] = s->turn;
    return s->memo[v] = out;
}

static bool meet(Fuse *s, const AccessVec *a, const AccessVec *b) {
    for (uint32_t i = 0; i < a->len; i++)
        for (uint32_t j = 0; j < b->len; j++)
            if (depend_matters(&s->d, &a->data[i], &b->data[j]) &&
                depend_meet(&s->d, &a->data[i], &b->data[j], s->d.open.len, TURNS_any))
                return true;
    return false;
}

static bool depends(Fuse *s, KVal later, KVal earlier) {
    if (uses(s, later, earlier)) return true;
    AccessVec a = accesses(s, earlier), b = accesses(s, later);
    return meet(s, &a, &b);
}

typedef VEC(KVal) ValVec;

/* Can `second` move up to `first`?  What is between them goes before `first` or stays after. */
static bool part(Fuse *s, const KVal *between, uint32_t n, KVal first, KVal second, ValVec *before,
                 ValVec *after) {
    for (uint32_t i = 0; i < n; i++) {
        bool stays = depends(s, between[i], first);
        for (uint32_t j = 0; j < after->len && !stays; j++)
            stays = depends(s, between[i], after->data[j]);
        if (stays && depends(s, second, between[i])) return false;
        if (stays) vec_push(s->c->a, after, between[i]);
        else vec_push(s->c->a, before, between[i]);
    }
    return true;
}

/* No turn of the second loop needs to come after a later turn of the first. */
static bool turns_keep(Fuse *s, KVal first, KVal second) {
    AccessVec a = accesses(s, first), b = accesses(s, second);
    for (uint32_t i = 0; i < a.len; i++)
        for (uint32_t j = 0; j < b.len; j++)
            if (depend_matters(&s->d, &a.data[i], &b.data[j]) &&
                depend_meet(&s->d, &a.data[i], &b.data[j], s->d.open.len, TURNS_second_earlier))
                return false;
    return true;
}

/* ---- the loops' own variable */
static Aff renamed(const Fuse *s, Aff a, AffSubst m) { return aff_subst(s->k->aff, a, &m, 1); }

static const Aff *renamed_all(const Fuse *s, const Aff *a, uint32_t n, AffSubst m) {
    Aff *out = n ? ARENA_ARRAY(s->c->a, Aff, n) : NULL;
    for (uint32_t i = 0; i < n; i++) out[i] = renamed(s, a[i], m);
    return out;
}

static void rename_block(Fuse *s, uint32_t block, AffSubst m) {
    const KBlock *b = &s->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        KIns *i = instruction(s, b->ins.data[n]);
        i->idx = renamed_all(s, i->idx, i->nidx, m);
        i->more_lo = renamed_all(s, i->more_lo, i->nmore_lo, m);
        i->more_hi = renamed_all(s, i->more_hi, i->nmore_hi, m);
        if (i->op == KO_loop) {
            i->lo = renamed(s, i->lo, m);
            i->hi = renamed(s, i->hi, m);
        }
        Cons *cons = i->ncons ? ARENA_ARRAY(s->c->a, Cons, i->ncons) : NULL;
        for (uint32_t j = 0; j < i->ncons; j++)
            cons[j] = cons_subst(s->k->aff, i->cons[j], &m, 1);
        i->cons = cons;
        if (i->block) rename_block(s, i->block, m);
        if (i->block2) rename_block(s, i->block2, m);
    }
}

/* A loop inside `block` has this variable. */
static bool is_taken(const Fuse *s, uint32_t block, Sym var) {
    const KBlock *b = &s->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        const KIns *i = instruction(s, b->ins.data[n]);
        if (i->op == KO_loop && i->var == var) return true;
        if ((i->block && is_taken(s, i->block, var)) || (i->block2 && is_taken(s, i->block2, var)))
            return true;
    }
    return false;
}

static void append_block(Fuse *s, uint32_t to, uint32_t from) {
    const KBlock *f = &s->f->block.data[from];
    for (uint32_t n = 0; n < f->ins.len; n++)
        vec_push(s->c->a, &s->f->block.data[to].ins, f->ins.data[n]);
}

static void join(Fuse *s, KVal first, KVal second) {
    const KIns *a = instruction(s, first), *b = instruction(s, second);
    if (a->op == KO_loop && a->var != b->var)
        rename_block(s, b->block, (AffSubst){b->var, aff_name(s->k->aff, a->var)});
    s->turn++;
    append_block(s, a->block, b->block);
    if (a->block2) append_block(s, a->block2, b->block2);
}

/* for v { if c { A } } becomes if c { for v { A } }: the value that stands in the loop's place. */
static KVal leave_if(Fuse *s, KVal loop) {
    KIns *k = instruction(s, loop);
    KBlock *body = &s->f->block.data[k->block];
    if (k->op != KO_loop || body->ins.len != 1) return loop;
    KVal branch = body->ins.data[0];
    KIns *i = instruction(s, branch);
    if (i->op != KO_if || i->block2) return loop;
    for (uint32_t j = 0; j < i->ncons; j++)
        if (cons_mentions(i->cons[j], k->var)) return loop;
    uint32_t then = i->block;
    i->block = k->block;
    k->block = then;
    body->ins.data[0] = loop;
    return branch;
}

/* ---- a block */
static bool same_conditions(const KIns *a, const KIns *b) {
    bool same = a->ncons == b->ncons && !a->block2 == !b->block2;
    for (uint32_t i = 0; same && i < a->ncons; i++) same = cons_same(a->cons[i], b->cons[i]);
    return same;
}

/* May become one, for all that their own accesses say. */
static bool fits(Fuse *s, KVal first, KVal second) {
    const KIns *a = instruction(s, first), *b = instruction(s, second);
    if (a->op != b->op) return false;
    if (a->op == KO_if) return same_conditions(a, b);
    if (!same_range(a, b) || (a->var != b->var && is_taken(s, b->block, a->var))) return false;
    return turns_keep(s, first, second);
}

/* Number in the list of what joins list[at]; 0: nothing does. */
static uint32_t partner(Fuse *s, const KBlock *b, uint32_t at, ValVec *before, ValVec *after) {
    for (uint32_t j = at + 1; j < b->ins.len; j++) {
        if (!fits(s, b->ins.data[at], b->ins.data[j])) continue;
        before->len = after->len = 0;
        if (part(s, b->ins.data + at + 1, j - at - 1, b->ins.data[at], b->ins.data[j], before,
                 after))
            return j;
    }
    return 0;
}

/* before, list[at] with list[with], after, the rest. */
static void fuse_at(Fuse *s, KBlock *b, uint32_t at, uint32_t with, const ValVec *before,
                    const ValVec *after) {
    ValVec out = {0};
    KVal first = b->ins.data[at];
    join(s, first, b->ins.data[with]);
    for (uint32_t i = 0; i < at; i++) vec_push(s->c->a, &out, b->ins.data[i]);
    for (uint32_t i = 0; i < before->len; i++) vec_push(s->c->a, &out, before->data[i]);
    vec_push(s->c->a, &out, first);
    for (uint32_t i = 0; i < after->len; i++) vec_push(s->c->a, &out, after->data[i]);
    for (uint32_t i = with + 1; i < b->ins.len; i++) vec_push(s->c->a, &out, b->ins.data[i]);
    for (uint32_t i = 0; i < out.len; i++) b->ins.data[i] = out.data[i];
    b->ins.len = out.len;
}

static void fuse_siblings(Fuse *s, KBlock *b) {
    s->turn++;
    for (uint32_t at = 0; at < b->ins.len;) {
        ValVec before = {0}, after = {0};
        bool has_block = instruction(s, b->ins.data[at])->block != 0;
        uint32_t with = has_block ? partner(s, b, at, &before, &after) : 0;
        if (with) fuse_at(s, b, at, with, &before, &after);
        at += with ? before.len : 1;
    }
}

/* Ifs that leave loops may join others: then all over again. */
static void fuse_block(Fuse *s, uint32_t block) {
    KBlock *b = &s->f->block.data[block];
    for (bool left = true; left;) {
        left = false;
        fuse_siblings(s, b);
        for (uint32_t n = 0; n < b->ins.len; n++) {
            KVal v = b->ins.data[n];
            const uint32_t inner[2] = {instruction(s, v)->block, instruction(s, v)->block2};
            for (int i = 0; i < 2; i++) {
                if (!inner[i]) continue;
                vec_push(s->c->a, &s->d.open, (Around){v, i == 1});
                fuse_block(s, inner[i]);
                s->d.open.len--;
            }
            b->ins.data[n] = leave_if(s, v);
            left |= b->ins.data[n] != v;
        }
    }
}

void kernel_fuse(Ctx *c, Kernel *k) {
    for (int stage = 0; stage < KS_COUNT; stage++) {
        Fuse s = {.c = c, .k = k, .f = &k->fn[stage]};
        s.d = (Depend){.c = c, .k = k, .f = s.f};
        s.memo = ARENA_ARRAY(c->a, AccessVec, s.f->ins.len);
        s.known = ARENA_ARRAY(c->a, uint32_t, s.f->ins.len);
        fuse_block(&s, 1);
    }
}

/* Conditions on loop variables out of loops: `for l in 0..n { if l = 0 {A} else {B} }` becomes
 * `if n >= 1 {A at 0} for l in 1..n {B}`; likewise at the end of the range, and thresholds `l >= c`
 * where c lies between the bounds.  Conditions that hold, or fail, by their place are removed, and
 * so are loops of no turn or one.  The order of execution stays what it is. */
#include "kernel/path.h"
#include "kernel/rewrite.h"

enum { MAX_PEEL = 2, GROWTH = 8, ROOM = 1000, CHEAP = 40, MACRO_COST = 40 };

typedef struct Split {
    ConsVec path;     /* around the current place of the new code */
    VEC(Sym) inner;   /* find_cut: variables of loops inside the one to be cut */
    uint32_t limit;   /* no more cuts when the function has this many instructions */
} Split;

typedef struct Range {
    Sym var;
    Aff lo, hi;
    bool down;
    uint32_t body; /* old block */
} Range;

static bool implied(const Rewrite *r, const Split *s, Cons c) {
    return path_implies(r->k->aff, &s->path, c);
}

static bool never(const Rewrite *r, Split *s, Cons c) {
    return path_excludes(r->k->aff, r->c->a, &s->path, c);
}

static void assume(const Rewrite *r, Split *s, Cons c) {
    path_assume(r->k->aff, r->c->a, &s->path, c);
}

/* ---- where to cut */

/* A range of positions: of the data's sizes. */
static bool is_positions(const Rewrite *r, const Range *g) {
    const Aff bound[2] = {g->lo, g->hi};
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < bound[i].nterm; j++) {
            const KSize *z = kernel_size(r->k, bound[i].term[j].name);
            bool one = !z || z->kind == KZ_hyper || z->kind == KZ_dim || z->kind == KZ_measured;
            if (!one) return true;
        }
    return false;
}

/* Work in an old block; vector mathematics counts as what it becomes. */
static uint32_t block_cost(const Rewrite *r, uint32_t block) {
    const KBlock *b = &r->from.block.data[block];
    uint32_t n = b->ins.len;
    for (uint32_t i = 0; i < b->ins.len; i++) {
        const KIns *k = &r->from.ins.data[b->ins.data[i]];
        if (kop_info(k->op)->flag == KF_MACRO) n += MACRO_COST;
        if (k->block) n += block_cost(r, k->block);
        if (k->block2) n += block_cost(r, k->block2);
    }
    return n;
}

/* Over positions a condition costs little beside what it would cost to have the body twice. */
static bool worth_cutting(const Rewrite *r, const Range *g) {
    return !is_positions(r, g) || block_cost(r, g->body) <= CHEAP;
}
static bool mentions_inner(const Split *s, Aff e) {
    for (uint32_t i = 0; i < e.nterm; i++)
        for (uint32_t j = 0; j < s->inner.len; j++)
            if (e.term[i].name == s->inner.data[j]) return true;
    return false;
}

/* lo < p < hi may be: a cut there would separate something. */
static bool separates(const Rewrite *r, Split *s, const Range *g, Aff p) {
    AffCtx *x = r->k->aff;
    vec_push(r->c->a, &s->path, cons_lt(x, g->lo, p));
    vec_push(r->c->a, &s->path, cons_lt(x, p, g->hi));
    bool yes = aff_feasible(x, s->path.data, s->path.len);
    s->path.len -= 2;
    return yes;
}

/* A place where the truth of c changes. */
static bool cons_cut(const Rewrite *r, Split *s, const Range *g, Cons c, Aff *p) {
    AffCtx *x = r->k->aff;
    if (c.kind == CONS_not) {
        for (uint32_t i = 0; i < c.nof; i++)
            if (cons_cut(r, s, g, c.of[i], p)) return true;
        return false;
    }
    int32_t k = aff_coef(c.e, g->var);
    if ((k != 1 && k != -1) || mentions_inner(s, c.e)) return false;
    if (implied(r, s, c) || never(r, s, c)) return false;
    Aff rest = aff_sub(x, c.e, aff_scale(x, aff_name(x, g->var), k));
    *p = k > 0 ? aff_scale(x, rest, -1) : rest; /* var >= p, var <= p or var = p */
    if (c.kind == CONS_ge && k < 0) *p = aff_plus(*p, 1);
    if (separates(r, s, g, *p)) return true;
    *p = aff_plus(*p, 1);
    return c.kind == CONS_eq && separates(r, s, g, *p);
}

static Cons cons_now(const Rewrite *r, Cons c) {
    for (uint32_t i = r->subst.len; i-- > 0;) c = cons_subst(r->k->aff, c, &r->subst.data[i], 1);
    return c;
}

static bool find_cut(const Rewrite *r, Split *s, const Range *g, uint32_t block, Aff *p) {
    const KBlock *b = &r->from.block.data[block];
    bool found = false;
    for (uint32_t i = 0; i < b->ins.len && !found; i++) {
        const KIns *k = &r->from.ins.data[b->ins.data[i]];
        uint32_t keep = s->inner.len;
        for (uint32_t j = 0; j < k->ncons && !found; j++)
            found = cons_cut(r, s, g, cons_now(r, k->cons[j]), p);
        if (k->op == KO_loop) vec_push(r->c->a, &s->inner, k->var);
        if (k->block && !found) found = find_cut(r, s, g, k->block, p);
        if (k->block2 && !found) found = find_cut(r, s, g, k->block2, p);
        s->inner.len = keep;
    }
    return found;
}

/* ---- copying */
static void copy_range(Rewrite *r, Split *s, const Range *g);

/* The turn at `at`, under a guard unless it is known to happen. */
static void copy_turn(Rewrite *r, Split *s, const Range *g, Aff at, Cons guard) {
    uint32_t keep = s->path.len;
    if (never(r, s, guard)) return;
    bool sure = implied(r, s, guard);
    if (!sure) {
        kb_if(&r->b, &guard, 1);
        assume(r, s, guard);
    }
    vec_push(r->c->a, &r->subst, (AffSubst){g->var, at});
    rewrite_block(r, g->body);
    r->subst.len--;
    if (!sure) kb_end(&r->b);
    s->path.len = keep;
}

static void copy_loop(Rewrite *r, Split *s, const Range *g) {
    uint32_t keep = s->path.len;
    kb_loop(&r->b, g->var, g->lo, g->hi, g->down);
    cons_range(r->k->aff, &s->path, g->var, g->lo, g->hi);
    rewrite_block(r, g->body);
    s->path.len = keep;
    kb_end(&r->b);
}

/* A loop of several bounds is not cut. */
static void copy_whole(Rewrite *r, Split *s, const KIns *loop) {
    uint32_t keep = s->path.len;
    kb_loop_like(&r->b, loop);
    path_loop(r->k->aff, r->c->a, &s->path, loop);
    rewrite_block(r, loop->block);
    s->path.len = keep;
    kb_end(&r->b);
}

/* The turns before p and from p on, in the loop's order; n of them are peeled off one side. */
static void copy_peeled(Rewrite *r, Split *s, const Range *g, Aff p, int64_t n, bool front) {
    AffCtx *x = r->k->aff;
    Range rest = *g;
    if (front) rest.lo = p;
    else rest.hi = p;
    bool loop_first = front == g->down;
    if (loop_first) copy_range(r, s, &rest);
    for (int64_t i = 0; i < n; i++) {
        Aff at = aff_plus(front ? g->lo : p, g->down ? n - 1 - i : i);
        copy_turn(r, s, g, at, front ? cons_lt(x, at, g->hi) : cons_le(x, g->lo, at));
    }
    if (!loop_first) copy_range(r, s, &rest);
}

static void copy_both(Rewrite *r, Split *s, const Range *g, Aff p) {
    Range a = *g, b = *g;
    a.hi = b.lo = p;
    copy_range(r, s, g->down ? &b : &a);
    copy_range(r, s, g->down ? &a : &b);
}

/* p need not lie between the bounds: if it does, two loops, else the loop as it was. */
static void copy_guarded(Rewrite *r, Split *s, const Range *g, Aff p) {
    AffCtx *x = r->k->aff;
    Cons inside[2] = {cons_le(x, g->lo, p), cons_le(x, p, g->hi)};
    uint32_t keep = s->path.len, n = 0;
    for (int i = 0; i < 2; i++)
        if (!implied(r, s, inside[i])) inside[n++] = inside[i];
    if (!n) return copy_both(r, s, g, p);
    kb_if(&r->b, inside, n);
    for (uint32_t i = 0; i < n; i++) assume(r, s, inside[i]);
    copy_both(r, s, g, p);
    s->path.len = keep;
    kb_else(&r->b);
    path_assume_not(x, r->c->a, &s->path, inside, n);
    copy_loop(r, s, g);
    s->path.len = keep;
    kb_end(&r->b);
}

static void copy_range(Rewrite *r, Split *s, const Range *g) {
    AffCtx *x = r->k->aff;
    Aff p;
    if (never(r, s, cons_lt(x, g->lo, g->hi))) return;
    if (aff_eq(g->hi, aff_plus(g->lo, 1)))
        return copy_turn(r, s, g, g->lo, cons_lt(x, g->lo, g->hi));
    uint32_t keep = s->path.len;
    cons_range(x, &s->path, g->var, g->lo, g->hi);
    bool cut = rewrite_to(r)->ins.len < s->limit && worth_cutting(r, g) &&
               find_cut(r, s, g, g->body, &p);
    s->path.len = keep;
    if (!cut) return copy_loop(r, s, g);
    Aff before = aff_sub(x, p, g->lo), after = aff_sub(x, g->hi, p);
    if (aff_is_const(before) && before.c >= 1 && before.c <= MAX_PEEL)
        copy_peeled(r, s, g, p, before.c, true);
    else if (aff_is_const(after) && after.c >= 1 && after.c <= MAX_PEEL)
        copy_peeled(r, s, g, p, after.c, false);
    else
        copy_guarded(r, s, g, p);
}

static void copy_if(Rewrite *r, Split *s, const KIns *ins) {
    uint32_t keep = s->path.len;
    ConsVec left = {0};
    for (uint32_t i = 0; i < ins->ncons; i++) {
        if (never(r, s, ins->cons[i])) {
            s->path.len = keep;
            if (ins->block2) rewrite_block(r, ins->block2);
            return;
        }
        if (implied(r, s, ins->cons[i])) continue;
        vec_push(r->c->a, &left, ins->cons[i]);
        assume(r, s, ins->cons[i]);
    }
    if (left.len) kb_if(&r->b, left.data, left.len);
    rewrite_block(r, ins->block);
    s->path.len = keep;
    if (!left.len) return;
    if (ins->block2) {
        kb_else(&r->b);
        path_assume_not(r->k->aff, r->c->a, &s->path, left.data, left.len);
        rewrite_block(r, ins->block2);
        s->path.len = keep;
    }
    kb_end(&r->b);
}

static KVal split_ins(Rewrite *r, KVal old, KIns ins) {
    Split *s = r->self;
    (void)old;
    if (ins.op == KO_loop && (ins.nmore_lo || ins.nmore_hi)) return copy_whole(r, s, &ins), 0;
    if (ins.op == KO_loop) {
        Range g = {ins.var, ins.lo, ins.hi, ins.down, ins.block};
        copy_range(r, s, &g);
        return 0;
    }
    if (ins.op == KO_if) return copy_if(r, s, &ins), 0;
    return rewrite_copy(r, ins);
}

void kernel_split(Ctx *c, Kernel *k) {
    for (int stage = 0; stage < KS_COUNT; stage++) {
        Split s = {.limit = k->fn[stage].ins.len * GROWTH + ROOM};
        rewrite_fn(c, k, (KStage)stage, split_ins, &s);
    }
}

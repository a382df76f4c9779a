/* Rings of the pair stage become cells, which the code generator keeps in registers.
 *
 * A ring whose stores go through the indices one by one is a window: cell 0 holds the newest index,
 * cell k the one k before.  A store to the next index moves the window by copying the cells.  The
 * newest index is followed through the code as an affine form; where it depends on a condition (a
 * loop that may not run) the alternatives are kept with their guards.  A ring with an access that
 * this does not explain stays a ring. */
#include "kernel/path.h"
#include "kernel/rewrite.h"

enum { MAX_SLICES = 4, MAX_ALT = 6, MAX_OFFSET = 4 };

typedef struct Alt { /* the newest index where the guards hold */
    const Cons *guard;
    uint32_t nguard;
    Aff newest;
} Alt;

typedef struct Window { /* n = 0: nothing was stored yet */
    Alt alt[MAX_ALT];
    uint32_t n;
} Window;

typedef enum Shift { STAY, MOVE } Shift;

typedef struct Access { /* what becomes of a load or store */
    uint8_t cell;
    Shift shift;
} Access;

typedef struct Carry {
    Ctx *c;
    Kernel *k;
    const KFn *f;
    uint32_t array, slices; /* the ring that is looked at */
    ConsVec path;
    Access *access;         /* by value */
    uint32_t *cell0;        /* by array: its first cell; 0: stays */
} Carry;

static bool touches(const Carry *s, uint32_t block, KOp op) {
    const KBlock *b = &s->f->block.data[block];
    for (uint32_t n = 0; block && n < b->ins.len; n++) {
        const KIns *i = &s->f->ins.data[b->ins.data[n]];
        if (i->op == op && i->x == s->array) return true;
        if ((i->block && touches(s, i->block, op)) || (i->block2 && touches(s, i->block2, op)))
            return true;
    }
    return false;
}

static Window window_at(Aff a) { return (Window){.alt[0] = {.newest = a}, .n = 1}; }

/* k with a + k = b here, lo <= k <= hi. */
static bool distance(const Carry *s, Aff a, Aff b, int lo, int hi, int *k) {
    AffCtx *x = s->k->aff;
    Aff d = aff_sub(x, b, a);
    if (aff_is_const(d)) return *k = (int)d.c, d.c >= lo && d.c <= hi;
    for (*k = lo; *k <= hi; ++*k)
        if (path_implies(x, &s->path, cons_eq(x, aff_plus(a, *k), b))) return true;
    return false;
}

/* k with a + k = the newest index, the same in every alternative that is possible here. */
static bool below_newest(Carry *s, const Window *w, Aff a, int lo, int hi, int *k) {
    bool found = false, ok = true;
    for (uint32_t i = 0; i < w->n && ok; i++) {
        const Alt *alt = &w->alt[i];
        uint32_t keep = s->path.len;
        int d;
        for (uint32_t j = 0; j < alt->nguard; j++) vec_push(s->c->a, &s->path, alt->guard[j]);
        if (aff_feasible(s->k->aff, s->path.data, s->path.len)) {
            ok = distance(s, a, alt->newest, lo, hi, &d) && (!found || d == *k);
            *k = d;
            found = true;
        }
        s->path.len = keep;
    }
    return ok && found;
}

static bool follow_load(Carry *s, Window *w, KVal v) {
    int k;
    if (!below_newest(s, w, s->f->ins.data[v].idx[0], 0, (int)s->slices - 1, &k)) return false;
    s->access[v] = (Access){(uint8_t)k, STAY};
    return true;
}

static bool follow_store(Carry *s, Window *w, KVal v) {
    Aff at = s->f->ins.data[v].idx[0];
    int k = 0;
    if (w->n && !below_newest(s, w, at, -1, (int)s->slices - 1, &k)) return false;
    s->access[v] = (Access){(uint8_t)(k < 0 ? 0 : k), k < 0 ? MOVE : STAY};
    if (k < 0 || !w->n) *w = window_at(at);
    return true;
}

static bool follow_block(Carry *s, Window *w, uint32_t block);

/* Index of the first store in the block, in turn `var` of the loop, less var. */
static bool first_store(const Carry *s, uint32_t block, Sym var, int64_t *c) {
    const KBlock *b = &s->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        const KIns *i = &s->f->ins.data[b->ins.data[n]];
        if (i->op != KO_store || i->x != s->array) continue;
        Aff d = aff_sub(s->k->aff, i->idx[0], aff_name(s->k->aff, var));
        *c = d.c;
        return aff_is_const(d);
    }
    return false;
}

/* At the start of turn l the newest index is l + c. */
static bool loop_offset(Carry *s, const Window *w, const KIns *i, int64_t *c) {
    if (w->n) {
        int k = 0;
        bool found = below_newest(s, w, i->lo, -MAX_OFFSET, MAX_OFFSET, &k);
        *c = k;
        return found;
    }
    bool found = first_store(s, i->block, i->var, c);
    *c -= 1;
    return found;
}

static Window guarded(const Carry *s, const Window *w, const Cons *guard, uint32_t n, Window into) {
    for (uint32_t i = 0; i < w->n && into.n < MAX_ALT; i++) {
        const Alt *a = &w->alt[i];
        Cons *both = ARENA_ARRAY(s->c->a, Cons, a->nguard + n);
        for (uint32_t j = 0; j < a->nguard; j++) both[j] = a->guard[j];
        for (uint32_t j = 0; j < n; j++) both[a->nguard + j] = guard[j];
        into.alt[into.n++] = (Alt){both, a->nguard + n, a->newest};
    }
    return into;
}

static bool follow_loop(Carry *s, Window *w, const KIns *i) {
    AffCtx *x = s->k->aff;
    uint32_t keep = s->path.len;
    bool stores = touches(s, i->block, KO_store);
    int64_t c = 0;
    if (!stores && !touches(s, i->block, KO_load)) return true;
    bool plain = !i->down && !i->nmore_lo && !i->nmore_hi;
    if (stores && (!plain || !loop_offset(s, w, i, &c))) return false;
    Window in = stores ? window_at(aff_plus(aff_name(x, i->var), c)) : *w;
    path_loop(x, s->c->a, &s->path, i);
    Aff next = aff_plus(aff_name(x, i->var), c + 1);
    int zero;
    bool ok = follow_block(s, &in, i->block);
    ok = ok && (!stores || below_newest(s, &in, next, 0, 0, &zero));
    s->path.len = keep;
    if (!ok || !stores) return ok;
    Cons runs = cons_le(x, i->lo, i->hi), skipped = cons_lt(x, i->hi, i->lo);
    Window after = window_at(aff_plus(i->hi, c));
    Window out = guarded(s, &after, &runs, 1, (Window){.n = 0});
    *w = guarded(s, w, &skipped, 1, out);
    return w->n < MAX_ALT;
}

static bool follow_if(Carry *s, Window *w, const KIns *i) {
    AffCtx *x = s->k->aff;
    uint32_t keep = s->path.len;
    Window then = *w, other = *w;
    for (uint32_t j = 0; j < i->ncons; j++) path_assume(x, s->c->a, &s->path, i->cons[j]);
    bool ok = follow_block(s, &then, i->block);
    uint32_t n = s->path.len - keep;
    Window out = guarded(s, &then, s->path.data + keep, n, (Window){.n = 0});
    s->path.len = keep;
    path_assume_not(x, s->c->a, &s->path, i->cons, i->ncons);
    ok = ok && (!i->block2 || follow_block(s, &other, i->block2));
    n = s->path.len - keep;
    out = guarded(s, &other, s->path.data + keep, n, out);
    s->path.len = keep;
    if (touches(s, i->block, KO_store) || (i->block2 && touches(s, i->block2, KO_store))) *w = out;
    return ok && w->n < MAX_ALT;
}

static bool follow_block(Carry *s, Window *w, uint32_t block) {
    const KBlock *b = &s->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) {
        KVal v = b->ins.data[n];
        const KIns *i = &s->f->ins.data[v];
        bool mine = (i->op == KO_load || i->op == KO_store) && i->x == s->array;
        bool ok = true;
        if (mine) ok = i->op == KO_load ? follow_load(s, w, v) : follow_store(s, w, v);
        else if (i->op == KO_loop) ok = follow_loop(s, w, i);
        else if (i->op == KO_if) ok = follow_if(s, w, i);
        if (!ok) return false;
    }
    return true;
}

static KVal carry_ins(Rewrite *r, KVal old, KIns ins) {
    const Carry *s = r->self;
    uint32_t first = ins.op == KO_load || ins.op == KO_store ? s->cell0[ins.x] : 0;
    if (!first) return rewrite_copy(r, ins);
    Access a = s->access[old];
    uint32_t cells = r->k->array.data[ins.x].axis[0].slices;
    if (ins.op == KO_load) return kb_load(&r->b, first + a.cell, SIDE_none, NULL, 0);
    for (uint32_t k = cells - 1; a.shift == MOVE && k > 0; k--)
        kb_store(&r->b, first + k, NULL, 0, kb_load(&r->b, first + k - 1, SIDE_none, NULL, 0));
    kb_store(&r->b, first + a.cell, NULL, 0, ins.arg[0]);
    return 0;
}

static bool is_ring(const KArray *a) {
    return a->stage == KS_pair && a->class == KA_stored && a->naxis == 1 && a->axis->slices &&
           a->axis->slices <= MAX_SLICES;
}

void kernel_carry(Ctx *c, Kernel *k) {
    Carry s = {.c = c, .k = k, .f = &k->fn[KS_pair]};
    uint32_t n = k->array.len;
    s.access = ARENA_ARRAY(c->a, Access, s.f->ins.len);
    s.cell0 = ARENA_ARRAY(c->a, uint32_t, n);
    for (uint32_t x = 1; x < n; x++) {
        if (!is_ring(&k->array.data[x])) continue;
        Window w = {.n = 0};
        s.array = x;
        s.slices = k->array.data[x].axis->slices;
        s.path.len = 0;
        if (!follow_block(&s, &w, 1)) continue;
        const char *name = sym_text(c->syms, k->array.data[x].name);
        s.cell0[x] = k->array.len;
        for (uint32_t i = 0; i < s.slices; i++) kernel_cell(k, c, KS_pair, name);
    }
    rewrite_fn(c, k, KS_pair, carry_ins, &s);
}

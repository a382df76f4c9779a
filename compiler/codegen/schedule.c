/* The order of straight code: list scheduling in a window.
 *
 * Expanded vector mathematics comes as one long dependent chain after another (a Horner polynomial
 * is 17 steps); u vectors of one chain are not enough to fill two FMA ports.  The window lets the
 * next chain start while the first waits, and bounds how far a value's life is stretched.  It is
 * worth 10 % on the ReLU recursion with 256-bit vectors and 2 % with 512-bit ones. */
#include "codegen/emit.h"
#include "kernel/op.h"

enum { WINDOW = 32 };

typedef struct Node {
    KVal v;
    uint32_t ready; /* time its operands are there, in half cycles */
    bool done;
} Node;

typedef struct Scheduler {
    const KFn *f;
    Node *node;
    uint32_t n, u;
    uint32_t *finish; /* by value: when its result is there */
    uint32_t *at;     /* by value: its node + 1; 0: defined before */
    uint32_t *touch;  /* by array: last node + 1 that loads or stores it */
    uint32_t *after;  /* by node: another node + 1 that must come before it; 0: none */
} Scheduler;

/* Half cycles from issue to result: rough figures of current cores. */
static uint32_t latency(KOp op) {
    if (op == KO_num || op == KO_real) return 0;
    if (op == KO_div || op == KO_sqrt) return 40;
    if (op == KO_load || op == KO_table || op == KO_index) return 12;
    if (op == KO_neg || op == KO_abs || op == KO_copysign || op == KO_select) return 4;
    return 8;
}

static bool free_of_charge(KOp op) { return op == KO_num || op == KO_real; }

/* Accesses to an array that a store is among stay in order: each waits for the one before. */
static void order_memory(Scheduler *s, uint32_t i, const bool *stored) {
    const KIns *x = &s->f->ins.data[s->node[i].v];
    if ((x->op != KO_load && x->op != KO_store) || !stored[x->x]) return;
    s->after[i] = s->touch[x->x];
    s->touch[x->x] = i + 1;
}

static bool can_go(const Scheduler *s, uint32_t i, uint32_t *ready) {
    const KIns *x = &s->f->ins.data[s->node[i].v];
    *ready = 0;
    if (s->after[i] && !s->node[s->after[i] - 1].done) return false;
    for (int k = 0; k < 3; k++) {
        KVal a = x->arg[k];
        if (!a || !s->at[a]) continue;
        if (!s->node[s->at[a] - 1].done) return false;
        if (s->finish[a] > *ready) *ready = s->finish[a];
    }
    return true;
}

/* The first in the window that need not wait, else the one that waits least. */
static uint32_t choose(const Scheduler *s, uint32_t first, uint32_t now, uint32_t *ready) {
    uint32_t best = first, seen = 0;
    *ready = UINT32_MAX;
    for (uint32_t i = first; i < s->n && seen < WINDOW; i++) {
        uint32_t r;
        if (s->node[i].done) continue;
        seen += !free_of_charge(s->f->ins.data[s->node[i].v].op);
        if (!can_go(s, i, &r) || r >= *ready) continue;
        best = i;
        *ready = r;
        if (r <= now) break;
    }
    return best;
}

static void prepare(Ctx *c, Scheduler *s, const Kernel *k, const KVal *ins) {
    bool *stored = ARENA_ARRAY(c->a, bool, k->array.len);
    s->node = ARENA_ARRAY(c->a, Node, s->n);
    s->finish = ARENA_ARRAY(c->a, uint32_t, s->f->ins.len);
    s->at = ARENA_ARRAY(c->a, uint32_t, s->f->ins.len);
    s->touch = ARENA_ARRAY(c->a, uint32_t, k->array.len);
    s->after = ARENA_ARRAY(c->a, uint32_t, s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        const KIns *x = &s->f->ins.data[ins[i]];
        if (x->op == KO_store) stored[x->x] = true;
        s->node[i].v = ins[i];
        s->at[ins[i]] = i + 1;
    }
    for (uint32_t i = 0; i < s->n; i++) order_memory(s, i, stored);
}

void schedule(Ctx *c, const Kernel *k, KStage stage, uint32_t u, const KVal *ins, uint32_t n,
              KVal *out) {
    Scheduler s = {.f = &k->fn[stage], .n = n, .u = u};
    prepare(c, &s, k, ins);
    for (uint32_t first = 0, now = 0, m = 0; m < n; m++) {
        uint32_t ready;
        while (s.node[first].done) first++;
        uint32_t i = choose(&s, first, now, &ready);
        KOp op = s.f->ins.data[s.node[i].v].op;
        if (ready != UINT32_MAX && ready > now) now = ready;
        s.node[i].done = true;
        s.finish[s.node[i].v] = now + latency(op);
        if (!free_of_charge(op)) now += u;
        out[m] = s.node[i].v;
    }
}

/* Operands before users, loop-carried definitions before what they carry. */
#include "diag/diag.h"
#include "gradient/pass.h"

typedef VEC(DefId) DefIds;

typedef struct Reads {
    Work *w;
    DefIds *out;
} Reads;

static void see(void *ctx, Fx sref) {
    Reads *r = ctx;
    vec_push(r->w->a, r->out, fx_node(r->w->fx, sref)->k);
}

static void reads_of(Work *w, const Def *d, DefIds *out) {
    Reads r = {w, out};
    for (uint32_t i = 0; i < d->nuse; i++) vec_push(w->a, out, d->use[i].d);
    for (uint32_t i = 0; i < d->narm; i++) {
        if (d->arm[i].use.d) vec_push(w->a, out, d->arm[i].use.d);
        fx_srefs(w->fx, d->arm[i].coef, see, &r);
    }
    if (d->f) fx_srefs(w->fx, d->f, see, &r);
}

bool *defs_below(Work *w, DefId top, DefId first) {
    bool *seen = ARENA_ARRAY(w->a, bool, w->p->def.len);
    DefIds stack = {0}, in = {0};
    vec_push(w->a, &stack, top);
    while (stack.len) {
        in.len = 0;
        reads_of(w, work_def(w, vec_pop(&stack)), &in);
        for (uint32_t i = 0; i < in.len; i++) {
            DefId o = in.data[i];
            if (o < first || seen[o]) continue;
            seen[o] = true;
            vec_push(w->a, &stack, o);
        }
    }
    return seen;
}

typedef struct Sort {
    Work *w;
    uint8_t *state; /* 0 not seen, 1 being ordered, 2 ordered */
    DefIds order, after;
} Sort;

/* An own stack: chains of definitions may be long.  What a loop-carried definition reads comes
 * later. */
static void visit(Sort *t, DefId top) {
    typedef struct Frame {
        DefId d;
        uint32_t at;
        DefIds in;
    } Frame;
    VEC(Frame) stack = {0};
    Work *w = t->w;
    if (t->state[top]) return;
    vec_push(w->a, &stack, (Frame){.d = top});
    while (stack.len) {
        Frame *f = &stack.data[stack.len - 1];
        const Def *d = work_def(w, f->d);
        if (!t->state[f->d]) {
            t->state[f->d] = 1;
            reads_of(w, d, d->mu ? &t->after : &f->in);
        }
        if (f->at < f->in.len) {
            DefId o = f->in.data[f->at++];
            if (t->state[o] == 1)
                bug("gradient: a cycle through `%s` that is not loop-carried",
                    sym_text(w->c->syms, work_def(w, o)->name));
            if (!t->state[o]) vec_push(w->a, &stack, (Frame){.d = o});
            continue;
        }
        t->state[f->d] = 2;
        vec_push(w->a, &t->order, f->d);
        stack.len--;
    }
}

static void visit_all(Sort *t, DefId top) {
    visit(t, top);
    while (t->after.len) visit(t, vec_pop(&t->after));
}

/* ---- new numbers */
typedef struct Renumber {
    Work *w;
    const DefId *to;
} Renumber;

static Fx renumber_sref(void *ctx, Fx sref) {
    Renumber *r = ctx;
    FxNode n = *fx_node(r->w->fx, sref);
    return fx_sref(r->w->fx, r->to[n.k], n.idx, n.nidx);
}

static void renumber(Renumber *r, Def *d) {
    Work *w = r->w;
    Use *use = arena_copy(w->a, d->use, d->nuse * sizeof *use);
    Arm *arm = arena_copy(w->a, d->arm, d->narm * sizeof *arm);
    for (uint32_t i = 0; i < d->nuse; i++) use[i].d = r->to[use[i].d];
    for (uint32_t i = 0; i < d->narm; i++) {
        if (arm[i].use.d) arm[i].use.d = r->to[arm[i].use.d];
        arm[i].coef = fx_sref_map(w->fx, arm[i].coef, renumber_sref, r);
    }
    if (d->f) d->f = fx_sref_map(w->fx, d->f, renumber_sref, r);
    d->use = use;
    d->arm = arm;
}

void work_order(Work *w, DefId fixed, const bool *keep, DefId **to) {
    Program *p = w->p;
    Sort t = {.w = w, .state = ARENA_ARRAY(w->a, uint8_t, p->def.len)};
    for (DefId d = 1; d < fixed; d++) {
        t.state[d] = 2;
        vec_push(w->a, &t.order, d);
    }
    for (DefId d = fixed; d < p->def.len; d++)
        if (keep[d]) visit_all(&t, d);
    Renumber r = {w, *to = ARENA_ARRAY(w->a, DefId, p->def.len)};
    uint32_t n = t.order.len;
    for (uint32_t i = 0; i < n; i++) (*to)[t.order.data[i]] = i + 1;
    Def *all = ARENA_ARRAY(w->a, Def, n + 1);
    Made *made = ARENA_ARRAY(w->a, Made, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        all[i + 1] = p->def.data[t.order.data[i]];
        made[i + 1] = w->made.data[t.order.data[i]];
        made[i + 1].of = made[i + 1].of ? (*to)[made[i + 1].of] : i + 1;
        renumber(&r, &all[i + 1]);
    }
    p->out = (*to)[p->out];
    p->def.data = all;
    p->def.len = p->def.cap = n + 1;
    w->made.data = made;
    w->made.len = w->made.cap = n + 1;
}

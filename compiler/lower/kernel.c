/* Scheduled equations to kernel code: loops of the schedule, one store per statement. */
#include "diag/diag.h"
#include "lower/emit.h"

typedef struct Store { /* destination of a statement */
    uint32_t array;
    const Aff *idx;
    uint32_t n;
} Store;

static void store_to(Emit *e, void *ctx, KVal v) {
    const Store *s = ctx;
    kb_store(&e->b, s->array, s->idx, s->n, v);
}

/* Opens a condition for those of cs that the path does not imply; returns whether it did. */
static bool open_if(Emit *e, const Cons *cs, uint32_t n) {
    ConsVec need = {0};
    for (uint32_t i = 0; i < n; i++)
        if (!aff_implied(e->x, e->path.data, e->path.len, cs[i]))
            vec_push(e->c->a, &need, cs[i]);
    if (!need.len) return false;
    kb_if(&e->b, need.data, need.len);
    for (uint32_t i = 0; i < need.len; i++) vec_push(e->c->a, &e->path, need.data[i]);
    return true;
}

static const LFactor *hermite_of(const LArray *r) {
    const LFactor *f = r->eq.n == 1 && r->eq.term[0].nfactor == 1 ? r->eq.term[0].factor : NULL;
    return f && f->kind == LF_hermite ? f : NULL;
}

static bool measured(const Emit *e, Cons c) {
    for (uint32_t i = 0; i < e->l->measure.len; i++)
        if (cons_mentions(c, e->l->measure.data[i].name)) return true;
    return false;
}

static bool rare(const Emit *e, const LTerm *t) {
    for (uint32_t i = 0; i < t->ncons; i++)
        if (measured(e, t->cons[i])) return true;
    return false;
}

static bool same_guards(const LTerm *a, const LTerm *b) {
    bool same = a->ncons == b->ncons;
    for (uint32_t i = 0; same && i < a->ncons; i++) same = cons_same(a->cons[i], b->cons[i]);
    return same;
}

/* Adds the rare terms that share the guards of term first. */
static void emit_rare(Emit *e, LTerms eq, uint32_t first, const Store *s) {
    VEC(LTerm) sum = {0};
    const LTerm *t = &eq.term[first];
    for (uint32_t i = 0; i < eq.n; i++) {
        if (!same_guards(t, &eq.term[i])) continue;
        if (i < first) return; /* done with the earlier one */
        LTerm free = eq.term[i];
        free.ncons = 0;
        vec_push(e->c->a, &sum, free);
    }
    uint32_t mark = e->path.len;
    bool open = open_if(e, t->cons, t->ncons);
    KVal v = emit_value(e, (LTerms){sum.data, sum.len});
    KVal old = kb_load(&e->b, s->array, SIDE_none, s->idx, s->n);
    kb_store(&e->b, s->array, s->idx, s->n, kb_op(&e->b, KO_add, old, v, 0));
    if (open) kb_end(&e->b);
    e->path.len = mark;
}

/* Stores the sum; terms under a measured condition (rare: samples of variance 0) are added
 * afterwards, so that the usual path stays one straight sum. */
static void emit_equation(Emit *e, LTerms eq, Store s) {
    VEC(LTerm) usual = {0};
    for (uint32_t i = 0; i < eq.n; i++)
        if (!rare(e, &eq.term[i])) vec_push(e->c->a, &usual, eq.term[i]);
    emit_terms(e, (LTerms){usual.data, usual.len}, store_to, &s);
    for (uint32_t i = 0; i < eq.n; i++)
        if (rare(e, &eq.term[i])) emit_rare(e, eq, i, &s);
}

/* Coefficients of a series or their number, where the series stands at all; returns whether a
 * condition was opened.  Numbers are measured over all elements: there is always one. */
static bool emit_hermite(Emit *e, LArrayId id, const LTerm *t, const Aff *idx, uint32_t n) {
    const LArray *r = &e->l->array.data[id];
    bool always = true;
    for (uint32_t i = 0; i < t->ncons; i++)
        always &= aff_implied(e->x, e->path.data, e->path.len, t->cons[i]);
    if (!always && r->kind != LK_H) kb_store(&e->b, e->array[id], idx, n, kb_num(&e->b, 0));
    bool open = open_if(e, t->cons, t->ncons);
    emit_hermite_statement(e, id, hermite_of(r)->exp, idx, n);
    return open;
}

/* A part of its own for each offset: a million numbers added up one by one would lose digits. */
static void emit_sum(Emit *e, LTerms eq, uint32_t cell) {
    uint32_t part = emit_cell(e, "part");
    kb_store(&e->b, part, NULL, 0, kb_num(&e->b, 0));
    for (uint32_t i = 0; i < eq.n; i++) emit_accumulate(e, &eq.term[i], part);
    KVal v = kb_load(&e->b, part, SIDE_none, NULL, 0);
    KVal all = kb_load(&e->b, cell, SIDE_none, NULL, 0);
    kb_store(&e->b, cell, NULL, 0, kb_op(&e->b, KO_add, all, v, 0));
}

/* One statement; m maps the axes that are loop times already to their loop variables. */
static void emit_statement(Emit *e, LArrayId id, const AffSubst *m, uint32_t n) {
    const LArray *r = &e->l->array.data[id];
    const LSoftmax *soft = lsoftmax_of(r);
    if (r->data) return;
    uint32_t mark = e->path.len, naxis = r->kind == LK_H ? r->naxis - 1 : r->naxis, open = 0;
    Aff *idx = ARENA_ARRAY(e->c->a, Aff, r->naxis);
    Cons *cons = ARENA_ARRAY(e->c->a, Cons, r->ncons);
    bool *used = ARENA_ARRAY(e->c->a, bool, r->ncons);
    Sym *name = ARENA_ARRAY(e->c->a, Sym, r->naxis);
    ConsVec guard = {0};
    Dim row = {0};
    for (uint32_t i = 0; i < r->naxis; i++) name[i] = r->axis[i].var;
    for (uint32_t i = 0; i < r->ncons; i++) cons[i] = cons_subst(e->x, r->cons[i], m, n);
    for (uint32_t i = 0; i < naxis; i++) {
        Aff var = aff_name(e->x, r->axis[i].var), at = aff_subst(e->x, var, m, n);
        Aff lo = aff_subst(e->x, r->axis[i].lo, m, n), hi = aff_subst(e->x, r->axis[i].hi, m, n);
        bool timed = false;
        for (uint32_t k = 0; k < n; k++) timed |= m[k].name == r->axis[i].var;
        idx[i] = at;
        if (soft && i == soft->over) {
            row = (Dim){r->axis[i].var, lo, hi};
            continue;
        }
        if (timed) {
            vec_push(e->c->a, &guard, cons_le(e->x, lo, at));
            vec_push(e->c->a, &guard, cons_lt(e->x, at, hi));
            continue;
        }
        emit_loop_under(e, (Dim){name[i], lo, hi}, cons, r->ncons, name + i + 1, naxis - i - 1,
                        used);
        open++;
    }
    for (uint32_t i = 0; i < r->ncons; i++)
        if (!used[i]) vec_push(e->c->a, &guard, cons[i]);
    open += open_if(e, guard.data, guard.len);
    e->b.span = r->span;
    LTerms eq = lterms_subst(e->l, e->c->a, r->eq, m, n);
    if (hermite_of(r)) open += emit_hermite(e, id, &eq.term[0], idx, naxis);
    else if (soft)
        emit_softmax(e, e->array[id], eq.term[0].factor[0].softmax, row, idx, r->naxis);
    else if (r->sums) emit_sum(e, eq, e->array[id]);
    else emit_equation(e, eq, (Store){e->array[id], idx, r->naxis});
    for (uint32_t i = 0; i < open; i++) kb_end(&e->b);
    e->path.len = mark;
}

/* ---- loops */

typedef struct Times {
    AffSubst *m;
    uint32_t n;
} Times;

static Times times_with(Emit *e, Times t, Sym axis, Aff to) {
    AffSubst *m = ARENA_ARRAY(e->c->a, AffSubst, t.n + 1);
    for (uint32_t i = 0; i < t.n; i++) m[i] = t.m[i];
    m[t.n] = (AffSubst){axis, to};
    return (Times){m, t.n + 1};
}

/* Time substitutions are kept per loop: a statement takes those whose axis it has. */
typedef struct OpenLoop {
    const Node *node;
    Sym var;
    const struct OpenLoop *up;
} OpenLoop;

static void arrays_of(Emit *e, const Node *n, LUseVec *out) {
    if (!n->loop && !n->group) {
        LUse u = {.reader = n->array};
        vec_push(e->c->a, out, u);
        return;
    }
    for (uint32_t i = 0; i < n->body.len; i++) arrays_of(e, n->body.data[i], out);
}

/* The smaller (larger) of two forms if that is provable under the path; false if not. */
static bool hull(Emit *e, Aff a, Aff b, bool upper, Aff *out) {
    if (aff_implied(e->x, e->path.data, e->path.len, cons_le(e->x, a, b)))
        return *out = upper ? b : a, true;
    if (aff_implied(e->x, e->path.data, e->path.len, cons_le(e->x, b, a)))
        return *out = upper ? a : b, true;
    return false;
}

/* The least (largest) value that a bound of an array's axis takes over its other axes.  Where it
 * depends on one (bands), the statements inside are guarded. */
static Aff bound_over(Emit *e, const KArray *k, uint32_t axis, Aff bound, bool upper) {
    for (uint32_t i = k->naxis; i-- > 0;) {
        int32_t c = i == axis ? 0 : aff_coef(bound, k->axis[i].var);
        if (!c) continue;
        bool most = upper == (c > 0);
        AffSubst m = {k->axis[i].var, most ? aff_plus(k->axis[i].hi, -1) : k->axis[i].lo};
        bound = aff_subst(e->x, bound, &m, 1);
    }
    return bound;
}

static bool loop_range(Emit *e, const Node *n, Aff *lo, Aff *hi) {
    LUseVec ids = {0};
    arrays_of(e, n, &ids);
    for (uint32_t i = 0; i < ids.len; i++) {
        const LArray *r = &e->l->array.data[ids.data[i].reader];
        const KArray *k = &e->k->array.data[e->array[ids.data[i].reader]];
        int axis = schedule_axis(e->c->syms, r, n->w, n->mode);
        int64_t shift = e->sched.shift[ids.data[i].reader];
        Aff l = aff_plus(bound_over(e, k, (uint32_t)axis, k->axis[axis].lo, false), shift);
        Aff h = aff_plus(bound_over(e, k, (uint32_t)axis, k->axis[axis].hi, true), shift);
        if (!i) {
            *lo = l;
            *hi = h;
        } else if (!hull(e, *lo, l, false, lo) || !hull(e, *hi, h, true, hi)) {
            diag(e->c->ds, lower_loop_range, r->span, sym_text(e->c->syms, n->w));
            return false;
        }
    }
    return true;
}

/* Under what conditions the elements of an array exist, of its axis in loop n by the variable. */
static void conditions(Emit *e, const Node *n, Sym var, LArrayId id, ConsVec *out) {
    const LArray *r = &e->l->array.data[id];
    Sym own = r->axis[schedule_axis(e->c->syms, r, n->w, n->mode)].var;
    AffSubst m = {own, aff_plus(aff_name(e->x, var), -e->sched.shift[id])};
    for (uint32_t i = 0; i < r->ncons; i++) {
        Cons c = cons_subst(e->x, r->cons[i], &m, 1);
        bool inner = false;
        for (uint32_t k = 0; k < r->naxis; k++)
            inner |= r->axis[k].var != own && cons_mentions(c, r->axis[k].var);
        if (!inner) vec_push(e->c->a, out, c);
    }
}

/* Those of all arrays of the loop: they become bounds. */
static ConsVec common_conditions(Emit *e, const Node *n, Sym var) {
    LUseVec ids = {0};
    arrays_of(e, n, &ids);
    ConsVec all = {0}, own;
    if (n->mode == TIME_max) return all;
    conditions(e, n, var, ids.data[0].reader, &all);
    for (uint32_t i = 1; i < ids.len && all.len; i++) {
        uint32_t keep = 0;
        own = (ConsVec){0};
        conditions(e, n, var, ids.data[i].reader, &own);
        for (uint32_t k = 0; k < all.len; k++) {
            bool found = false;
            for (uint32_t j = 0; j < own.len; j++) found |= cons_same(own.data[j], all.data[k]);
            if (found) all.data[keep++] = all.data[k];
        }
        all.len = keep;
    }
    return all;
}

static bool emit_node(Emit *e, const Node *n, const OpenLoop *up);

static Times statement_times(Emit *e, LArrayId id, const OpenLoop *up) {
    Times t = {0};
    const LArray *r = &e->l->array.data[id];
    for (; up; up = up->up) {
        if (up->node->mode == TIME_max) continue; /* emit_shell */
        int axis = schedule_axis(e->c->syms, r, up->node->w, up->node->mode);
        if (axis < 0) continue;
        Aff turn = aff_plus(aff_name(e->x, up->var), -e->sched.shift[id]);
        t = times_with(e, t, r->axis[axis].var, turn);
    }
    return t;
}

/* ---- turns of max(w, w') = t: the row w = t, w' <= t and the column w' = t, w < t */

static const OpenLoop *max_loop(const OpenLoop *up) {
    while (up && up->node->mode != TIME_max) up = up->up;
    return up;
}

static bool timed(Times t, Sym axis, Aff *at) {
    for (uint32_t i = 0; i < t.n; i++)
        if (t.m[i].name == axis) return *at = t.m[i].to, true;
    return false;
}

static void emit_when(Emit *e, LArrayId id, Times t, Cons c) {
    if (!aff_feasible(e->x, &c, 1)) return;
    uint32_t mark = e->path.len;
    bool open = open_if(e, &c, 1);
    emit_statement(e, id, t.m, t.n);
    if (open) kb_end(&e->b);
    e->path.len = mark;
}

/* Axis k runs over lo .. end. */
static void emit_line(Emit *e, LArrayId id, Times t, int k, Aff end) {
    const LArray *r = &e->l->array.data[id];
    Sym v = r->axis[k].var;
    Aff lo = aff_subst(e->x, r->axis[k].lo, t.m, t.n);
    uint32_t mark = e->path.len;
    kb_loop(&e->b, v, lo, end, false);
    cons_range(e->x, &e->path, v, lo, end);
    Times in = times_with(e, t, v, aff_name(e->x, v));
    emit_statement(e, id, in.m, in.n);
    kb_end(&e->b);
    e->path.len = mark;
}

/* One axis is that of a loop inside, at value `at`: a whole line along the other one where it is t,
 * else one element of the line at t. */
static void emit_crossing(Emit *e, LArrayId id, Times t, Aff at, int other, Aff now) {
    uint32_t mark = e->path.len;
    Cons corner = cons_eq(e->x, at, now);
    bool open = open_if(e, &corner, 1);
    emit_line(e, id, t, other, aff_plus(now, 1));
    if (open) kb_end(&e->b);
    e->path.len = mark;
    Times in = times_with(e, t, e->l->array.data[id].axis[other].var, now);
    emit_when(e, id, in, cons_lt(e->x, at, now));
}

static void emit_shell(Emit *e, LArrayId id, const OpenLoop *up, const OpenLoop *max) {
    const LArray *r = &e->l->array.data[id];
    int row = schedule_axis(e->c->syms, r, max->node->w, TIME_left);
    int col = schedule_axis(e->c->syms, r, max->node->w, TIME_right);
    Times t = statement_times(e, id, up);
    Aff now = aff_name(e->x, max->var), i, j;
    bool has_row = timed(t, r->axis[row].var, &i), has_col = timed(t, r->axis[col].var, &j);
    if (row == col) {
        if (has_row) emit_when(e, id, t, cons_eq(e->x, i, now));
        else {
            Times both = times_with(e, t, r->axis[row].var, now);
            emit_statement(e, id, both.m, both.n);
        }
    } else if (has_row && has_col) {
        emit_when(e, id, t, cons_eq(e->x, i, now));
        Cons c = cons_eq(e->x, j, now);
        uint32_t mark = e->path.len;
        bool open = open_if(e, &c, 1);
        emit_when(e, id, t, cons_lt(e->x, i, now));
        if (open) kb_end(&e->b);
        e->path.len = mark;
    } else if (has_row) {
        emit_crossing(e, id, t, i, col, now);
    } else if (has_col) {
        emit_crossing(e, id, t, j, row, now);
    } else {
        emit_line(e, id, times_with(e, t, r->axis[row].var, now), col, aff_plus(now, 1));
        emit_line(e, id, times_with(e, t, r->axis[col].var, now), row, now);
    }
}

static bool emit_group(Emit *e, const Node *n) {
    uint32_t mark = e->path.len;
    bool ok = true;
    emit_group_begin(e, n->group);
    for (uint32_t i = 0; i < n->body.len && ok; i++) ok = emit_node(e, n->body.data[i], NULL);
    emit_group_end(e, n->group);
    e->path.len = mark;
    return ok;
}

static bool emit_node(Emit *e, const Node *n, const OpenLoop *up) {
    if (n->group) return emit_group(e, n);
    if (!n->loop) {
        const OpenLoop *max = max_loop(up);
        const LArray *r = &e->l->array.data[n->array];
        if (max && schedule_axis(e->c->syms, r, max->node->w, TIME_left) >= 0) {
            emit_shell(e, n->array, up, max);
            return true;
        }
        Times t = statement_times(e, n->array, up);
        emit_statement(e, n->array, t.m, t.n);
        return true;
    }
    Aff lo, hi;
    if (!loop_range(e, n, &lo, &hi)) return false;
    const OpenLoop *max = max_loop(up);
    if (max && max->node->w == n->w) hi = aff_plus(aff_name(e->x, max->var), 1);
    /* the name itself may be taken by a left axis that is a loop of its own */
    Sym var = n->mode == TIME_left ? n->w : intern_fresh(e->c->syms, sym_text(e->c->syms, n->w));
    OpenLoop here = {n, var, up};
    uint32_t mark = e->path.len;
    ConsVec cons = common_conditions(e, n, var);
    bool ok = true, *used = ARENA_ARRAY(e->c->a, bool, cons.len);
    emit_loop_under(e, (Dim){var, lo, hi}, cons.data, cons.len, NULL, 0, used);
    for (uint32_t i = 0; i < n->body.len && ok; i++) ok = emit_node(e, n->body.data[i], &here);
    kb_end(&e->b);
    e->path.len = mark;
    return ok;
}

/* ---- outputs */

/* One array for a kernel's pairs, one for what stands on the diagonal of a training Gram. */
static void emit_output(Emit *e, const LOutput *o, KStage stage, const Dim *axis, LTerms value) {
    const char *name = o->kernel == KERNEL_nngp ? "nngp" : "ntk";
    KAxis *box = ARENA_ARRAY(e->c->a, KAxis, o->naxis);
    Aff *idx = ARENA_ARRAY(e->c->a, Aff, o->naxis);
    for (uint32_t i = 0; i < o->naxis; i++) {
        box[i] = (KAxis){.var = axis[i].var, .lo = axis[i].lo, .hi = axis[i].hi};
        idx[i] = aff_name(e->x, axis[i].var);
    }
    KArray k = {.name = intern_fresh(e->c->syms, name), .stage = stage, .class = KA_output,
                .axis = box, .naxis = o->naxis, .output = o->kernel};
    Store s = {kernel_array(e->k, e->c, k), idx, o->naxis};
    uint32_t mark = e->path.len;
    for (uint32_t i = 0; i < o->naxis; i++) {
        kb_loop(&e->b, axis[i].var, axis[i].lo, axis[i].hi, false);
        cons_range(e->x, &e->path, axis[i].var, axis[i].lo, axis[i].hi);
    }
    emit_terms(e, value, store_to, &s);
    for (uint32_t i = 0; i < o->naxis; i++) kb_end(&e->b);
    e->path.len = mark;
}

static void emit_outputs(Emit *e, KStage stage) {
    for (uint32_t i = 0; i < e->l->nout; i++) {
        const LOutput *o = &e->l->out[i];
        e->k->kernels |= 1u << o->kernel;
        if (stage == KS_pair) emit_output(e, o, stage, o->axis, o->value);
        else if (o->noisy) emit_output(e, o, stage, o->self_axis, o->self);
    }
}

bool lower_kernel(Ctx *c, const Limit *l, TpDtype dtype, Kernel **out) {
    Emit e = {.c = c, .l = l, .x = l->aff, .fx = l->fx};
    if (!schedule_make(c, l, &e.sched)) return false;
    e.k = kernel_new(c, l->aff, l->fx);
    e.k->dtype = dtype;
    if (!emit_resources(&e)) return false;
    for (int st = 0; st < KS_COUNT; st++) {
        e.b = kb_begin(c, e.k, (KStage)st);
        if (st == KS_pair) emit_same(&e);
        emit_rims(&e, (KStage)st, 0);
        const NodeVec *root = &e.sched.root[st];
        for (uint32_t i = 0; i < root->len; i++)
            if (!emit_node(&e, root->data[i], NULL)) return false;
        if (st == KS_pair || st == KS_sample) emit_outputs(&e, (KStage)st);
    }
    *out = e.k;
    return true;
}

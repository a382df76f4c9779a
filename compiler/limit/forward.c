/* Arrays that only pass an element of another on, as a loop variable does with what the turn before
 * left in it: `K.s.s[t] = [t>=1] K.h.h[t-1]`.  Their readers read what is behind them, under their
 * guards; so a recursion has one range, not one of T + 1 beside those of T. */
#include "limit/derive.h"
#include "limit/parts.h"

typedef struct Forward {
    Limit *l;
    Arena *a;
    bool *passes;  /* by array */
    LArrayId *now; /* by array: its number without those that go */
    bool nested;   /* find_passages: inside an expectation, a scalar, a logit */
} Forward;

static const LFactor *behind(const LArray *r) {
    const LTerm *t = r->eq.n == 1 ? r->eq.term : NULL;
    if (!t || t->nred || t->nfactor != 1 || t->factor->kind != LF_ref) return NULL;
    return t->factor;
}

static bool is_passage(const Limit *l, LArrayId id) {
    const LArray *r = &l->array.data[id];
    const LFactor *f = behind(r);
    if (!f || r->wrap || r->ncons || r->noisy || f->ref.array == id) return false;
    const LArray *to = &l->array.data[f->ref.array];
    return to->kind == r->kind && to->stage == r->stage && !to->noisy && !to->wrap;
}

/* ---- readers that need the array itself */
static LTerms keep_terms(void *ctx, LTerms t);

static LRef keep_ref(void *ctx, LRef r) {
    Forward *w = ctx;
    if (w->nested || r.side == SIDE_y) w->passes[r.array] = false; /* y: sizes of its own */
    return r;
}

static LFactor keep_factor(void *ctx, LFactor f) {
    Forward *w = ctx;
    bool outer = w->nested;
    w->nested |= f.kind != LF_ref;
    LParts parts = {w->a, w, keep_terms, keep_factor, keep_ref};
    lfactor_parts(&parts, f);
    w->nested = outer;
    return f;
}

static LTerms keep_terms(void *ctx, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++)
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) keep_factor(ctx, t.term[i].factor[k]);
    return t;
}

/* An array that stays keeps its norms. */
static bool keep_norms(Forward *w) {
    bool change = false;
    for (LArrayId id = 1; id < w->l->array.len; id++)
        for (int k = 0; k < 2 && !w->passes[id]; k++) {
            LArrayId self = w->l->array.data[id].self[k].array;
            change |= w->passes[self];
            w->passes[self] = false;
        }
    return change;
}

/* A chain that comes back to itself has no end. */
static bool keep_circles(Forward *w) {
    bool change = false;
    for (LArrayId id = 1; id < w->l->array.len; id++) {
        LArrayId at = id;
        for (LArrayId n = 0; w->passes[at] && n < w->l->array.len; n++)
            at = behind(&w->l->array.data[at])->ref.array;
        if (!w->passes[at]) continue;
        w->passes[at] = false;
        change = true;
    }
    return change;
}

static void find_passages(Forward *w) {
    Limit *l = w->l;
    for (LArrayId id = 1; id < l->array.len; id++) w->passes[id] = is_passage(l, id);
    for (LArrayId id = 1; id < l->array.len; id++) keep_terms(w, l->array.data[id].eq);
    for (uint32_t k = 0; k < l->nout; k++) {
        keep_terms(w, l->out[k].value);
        keep_terms(w, l->out[k].self);
    }
    while (keep_circles(w) || keep_norms(w)) {}
}

/* ---- readers */

/* Adds a guard unless it holds; false: it never does. */
static bool push_guard(Forward *w, ConsVec *path, ConsVec *own, Cons c) {
    AffCtx *x = w->l->aff;
    if (aff_implied(x, path->data, path->len, c)) return true;
    vec_push(w->a, path, c);
    vec_push(w->a, own, c);
    return aff_feasible(x, path->data, path->len);
}

/* Factor k read from behind; false: the term is 0. */
static bool look_through(Forward *w, LTerm *t, LFactor *f, const ConsVec *around) {
    const LArray *r = &w->l->array.data[f->ref.array];
    AffSubst *m = ARENA_ARRAY(w->a, AffSubst, r->naxis);
    for (uint32_t i = 0; i < r->naxis; i++) m[i] = (AffSubst){r->axis[i].var, f->ref.idx[i]};
    LTerms through = lterms_subst(w->l, w->a, r->eq, m, r->naxis);
    ConsVec path = {0}, own = {0};
    for (uint32_t i = 0; i < around->len; i++) vec_push(w->a, &path, around->data[i]);
    for (uint32_t i = 0; i < t->nred; i++)
        cons_range(w->l->aff, &path, t->red[i].var, t->red[i].lo, t->red[i].hi);
    for (uint32_t i = 0; i < t->ncons; i++) {
        vec_push(w->a, &path, t->cons[i]);
        vec_push(w->a, &own, t->cons[i]);
    }
    for (uint32_t i = 0; i < through.term->ncons; i++)
        if (!push_guard(w, &path, &own, through.term->cons[i])) return false;
    t->cons = own.data;
    t->ncons = own.len;
    *f = through.term->factor[0];
    return true;
}

static LTerms forward_terms(Forward *w, LTerms t, const ConsVec *around) {
    LTerm *out = ARENA_ARRAY(w->a, LTerm, t.n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t.n; i++) {
        LTerm now = t.term[i];
        LFactor *f = arena_copy(w->a, now.factor, now.nfactor * sizeof *f);
        bool some = true;
        for (uint32_t k = 0; k < now.nfactor && some; k++)
            while (some && f[k].kind == LF_ref && w->passes[f[k].ref.array])
                some = look_through(w, &now, &f[k], around);
        now.factor = f;
        if (some) out[n++] = now;
    }
    return (LTerms){out, n};
}

static void forward_output(Forward *w, LTerms *t, const Dim *axis, uint32_t naxis) {
    ConsVec v = {0};
    for (uint32_t i = 0; i < naxis; i++)
        cons_range(w->l->aff, &v, axis[i].var, axis[i].lo, axis[i].hi);
    *t = forward_terms(w, *t, &v);
}

/* ---- the arrays that stay, numbered anew */
static LRef renumber(void *ctx, LRef r) {
    r.array = ((const Forward *)ctx)->now[r.array];
    return r;
}

static LTerms renumbered(Forward *w, LTerms t) { return lterms_refs(w->a, t, renumber, w); }

static void close_up(Forward *w) {
    Limit *l = w->l;
    uint32_t n = 1;
    for (LArrayId id = 1; id < l->array.len; id++) w->now[id] = w->passes[id] ? 0 : n++;
    for (LArrayId id = 1; id < l->array.len; id++) {
        if (w->passes[id]) continue;
        LArray r = l->array.data[id];
        r.eq = renumbered(w, r.eq);
        for (int k = 0; k < 2; k++) r.self[k] = renumber(w, r.self[k]);
        l->array.data[w->now[id]] = r;
    }
    l->array.len = n;
    for (uint32_t k = 0; k < l->nout; k++) {
        l->out[k].value = renumbered(w, l->out[k].value);
        l->out[k].self = renumbered(w, l->out[k].self);
    }
}

void limit_forward(Limit *l, Arena *a) {
    Forward w = {.l = l, .a = a, .passes = ARENA_ARRAY(a, bool, l->array.len),
                 .now = ARENA_ARRAY(a, LArrayId, l->array.len)};
    find_passages(&w);
    for (LArrayId id = 1; id < l->array.len; id++) {
        LArray *r = &l->array.data[id];
        ConsVec v = {0};
        for (uint32_t i = 0; i < r->naxis; i++)
            cons_range(l->aff, &v, r->axis[i].var, r->axis[i].lo, r->axis[i].hi);
        for (uint32_t i = 0; i < r->ncons; i++) vec_push(a, &v, r->cons[i]);
        if (!w.passes[id]) r->eq = forward_terms(&w, r->eq, &v);
    }
    for (uint32_t k = 0; k < l->nout; k++) {
        forward_output(&w, &l->out[k].value, l->out[k].axis, l->out[k].naxis);
        uint32_t nself = l->out[k].noisy ? l->out[k].naxis : 0;
        forward_output(&w, &l->out[k].self, l->out[k].self_axis, nself);
    }
    close_up(&w);
}

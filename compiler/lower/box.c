/* Separable sums: a window over several axes, sum over a, b of A[i + a, j + b], becomes one sum an
 * axis, through an array of partial sums; a k x k window then costs 2 k additions instead of k^2.
 * One-sample and pair arrays alike, so that both add in the same order. */
#include "lower/lower.h"
#include "lower/same.h"
#include "lower/walk.h"

typedef struct Box {
    Ctx *c;
    Limit *l;
    Arena *a;
    AffCtx *x;
    LArrayId reader;
    const LTerm *t;
    const LRef *of;
    uint32_t red;      /* the reduction that gets an array of its own: the term's last */
    bool *along;       /* by axis of the array: its index has that reduction */
} Box;

static const LArray *array_of(const Box *b, LArrayId id) { return &b->l->array.data[id]; }

static uint32_t reductions_in(const LTerm *t, Aff a) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->nred; i++) n += aff_mentions(a, t->red[i].var);
    return n;
}

static bool fx_mentions(const Box *b, Fx f, Sym v) {
    const FxNode *n = fx_node(b->l->fx, f);
    if (n->op == FX_index && aff_mentions(n->aff, v)) return true;
    for (uint32_t i = 0; i < n->nidx; i++)
        if (aff_mentions(n->idx[i], v)) return true;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (fx_mentions(b, n->arg[i], v)) return true;
    return false;
}

/* Every index and guard has one reduction at most, ranges and coefficients have none. */
static bool separable(const Box *b, const LTerm *t, const LRef *of) {
    if (t->nred < 2) return false;
    for (uint32_t i = 0; i < t->nred; i++)
        if (reductions_in(t, t->red[i].lo) || reductions_in(t, t->red[i].hi)) return false;
    for (uint32_t i = 0; i < array_of(b, of->array)->naxis; i++)
        if (reductions_in(t, of->idx[i]) > 1) return false;
    for (uint32_t i = 0; i < t->ncons; i++)
        if (t->cons[i].kind == CONS_not || reductions_in(t, t->cons[i].e) > 1) return false;
    for (uint32_t i = 0; i < t->nfactor; i++)
        for (uint32_t k = 0; t->factor[i].kind == LF_coef && k < t->nred; k++)
            if (fx_mentions(b, t->factor[i].coef, t->red[k].var)) return false;
    return true;
}

/* The axes of the reader that the windows' indices move along: each in one index only. */
static bool own_axis(const Box *b, Aff idx, const Dim **out) {
    const LArray *r = array_of(b, b->reader);
    *out = NULL;
    for (uint32_t i = 0; i < r->naxis; i++) {
        if (!aff_mentions(idx, r->axis[i].var)) continue;
        if (*out || !aff_size_only(b->x, r->axis[i].lo) || !aff_size_only(b->x, r->axis[i].hi))
            return false;
        *out = &r->axis[i];
    }
    return *out != NULL;
}

/* The partial sums' axes: the array's, but the reader's where the last reduction moves.  False
 * where the guards or bounds do not carry over. */
static bool partial_axes(Box *b, Dim *axis, Aff *inner, Aff *outer) {
    const LArray *q = array_of(b, b->of->array);
    Sym v = b->t->red[b->red].var;
    for (uint32_t i = 0; i < q->naxis; i++) {
        b->along[i] = aff_mentions(b->of->idx[i], v);
        axis[i] = q->axis[i];
        inner[i] = aff_name(b->x, q->axis[i].var);
        outer[i] = b->of->idx[i];
        if (!b->along[i] && axis[i].var == v) return false; /* the reduction would hide the axis */
        if (!b->along[i]) continue;
        const Dim *own;
        if (!own_axis(b, b->of->idx[i], &own)) return false;
        for (uint32_t k = 0; k < q->naxis; k++)
            if (k != i && (q->axis[k].var == own->var || (k < i && axis[k].var == own->var)))
                return false; /* one axis of the reader for two of the array */
        axis[i] = *own;
        inner[i] = b->of->idx[i];
        outer[i] = aff_name(b->x, own->var);
    }
    for (uint32_t i = 0; i < q->naxis; i++) /* bounds that name an axis that is no longer there */
        for (uint32_t k = 0; k < q->naxis; k++)
            if (b->along[k] && (aff_mentions(axis[i].lo, q->axis[k].var) ||
                                aff_mentions(axis[i].hi, q->axis[k].var)))
                return false;
    return true;
}

/* A size, or a variable of the loops around both arrays (offsets). */
static bool is_common(const Box *b, Sym v) {
    const LArray *q = array_of(b, b->of->array), *r = array_of(b, b->reader);
    bool common = q->group == r->group;
    for (uint32_t i = 0; i < r->naxis; i++) common &= r->axis[i].var != v;
    for (uint32_t i = 0; i < b->t->nred; i++) common &= b->t->red[i].var != v;
    return common || affctx_is_size(b->x, v);
}

/* Names no other axis than those of the partial sums that the last reduction moves along. */
static bool about_moved(const Box *b, const Dim *axis, Aff e, Sym reduction) {
    uint32_t n = array_of(b, b->of->array)->naxis;
    for (uint32_t i = 0; i < e.nterm; i++) {
        Sym v = e.term[i].name;
        bool known = v == reduction || is_common(b, v);
        for (uint32_t k = 0; k < n; k++) known |= b->along[k] && axis[k].var == v;
        if (!known) return false;
    }
    return true;
}

/* The partial sums' conditions: the array's own, but the reader's along the last reduction.  That
 * they are enough is seen where the elements read are (reads_exist). */
static bool partial_cons(Box *b, const Dim *axis, ConsVec *out) {
    const LArray *q = array_of(b, b->of->array), *r = array_of(b, b->reader);
    for (uint32_t i = 0; i < q->ncons; i++) {
        bool moved = false;
        for (uint32_t k = 0; k < q->naxis; k++)
            moved |= b->along[k] && cons_mentions(q->cons[i], q->axis[k].var);
        if (!moved) vec_push(b->a, out, q->cons[i]);
    }
    for (uint32_t i = 0; i < r->ncons; i++) {
        bool moved = false;
        for (uint32_t k = 0; k < q->naxis; k++)
            moved |= b->along[k] && cons_mentions(r->cons[i], axis[k].var);
        if (!moved) continue;
        if (r->cons[i].kind == CONS_not || !about_moved(b, axis, r->cons[i].e, 0)) return false;
        vec_push(b->a, out, r->cons[i]);
    }
    return true;
}

static LTerm one_term(Box *b, const Dim *red, uint32_t nred, bool last, const LFactor *f,
                      uint32_t nf) {
    LTerm t = {.red = red, .nred = nred, .factor = f, .nfactor = nf};
    ConsVec v = {0};
    for (uint32_t i = 0; i < b->t->ncons; i++)
        if (cons_mentions(b->t->cons[i], b->t->red[b->red].var) == last)
            vec_push(b->a, &v, b->t->cons[i]);
    t.cons = v.data;
    t.ncons = v.len;
    return t;
}

static LArrayId partial_array(Box *b, LArray r) {
    for (LArrayId id = 1; id < b->l->array.len; id++) {
        const LArray *q = array_of(b, id);
        bool same = q->kind == r.kind && q->stage == r.stage && q->naxis == r.naxis &&
                    q->group == r.group && q->ncons == r.ncons && lterms_same(b->l, q->eq, r.eq);
        for (uint32_t i = 0; same && i < r.naxis; i++)
            same = q->axis[i].var == r.axis[i].var && aff_eq(q->axis[i].lo, r.axis[i].lo) &&
                   aff_eq(q->axis[i].hi, r.axis[i].hi);
        if (same) return id;
    }
    vec_push(b->a, &b->l->array, r);
    return b->l->array.len - 1;
}

/* Does the term, as it stands in array r, read only elements that exist? */
static bool reads_exist(const Box *b, const LArray *r, const LTerm *t) {
    ConsVec path = {0};
    larray_domain(b->x, b->a, r, &path);
    for (uint32_t i = 0; i < t->nred; i++)
        cons_range(b->x, &path, t->red[i].var, t->red[i].lo, t->red[i].hi);
    for (uint32_t i = 0; i < t->ncons; i++) vec_push(b->a, &path, t->cons[i]);
    for (uint32_t i = 0; i < t->nfactor; i++)
        if (t->factor[i].kind == LF_ref &&
            !lref_exists(b->l, b->a, t->factor[i].ref, path.data, path.len))
            return false;
    return true;
}

/* Splits the last reduction off the term; false: it stays as it is. */
static bool split(Box *b, LTerm *out) {
    LArray r = *array_of(b, b->of->array);
    uint32_t n = r.naxis;
    Dim *axis = ARENA_ARRAY(b->a, Dim, n);
    Aff *inner = ARENA_ARRAY(b->a, Aff, n), *outer = ARENA_ARRAY(b->a, Aff, n);
    ConsVec cons = {0};
    b->along = ARENA_ARRAY(b->a, bool, n);
    if (!partial_axes(b, axis, inner, outer) || !partial_cons(b, axis, &cons)) return false;
    LFactor *f = ARENA_NEW(b->a, LFactor);
    *f = (LFactor){.kind = LF_ref, .ref = {b->of->array,
                   b->of->side == SIDE_none ? SIDE_none : SIDE_x, inner}};
    LTerm *part = ARENA_NEW(b->a, LTerm);
    *part = one_term(b, &b->t->red[b->red], 1, true, f, 1);
    for (uint32_t i = 0; i < part->ncons; i++)
        if (!about_moved(b, axis, part->cons[i].e, b->t->red[b->red].var)) return false;
    r.name = intern_fresh(b->c->syms, arena_printf(b->a, "box.%s", sym_text(b->c->syms, r.name)));
    r.axis = axis;
    r.eq = (LTerms){part, 1};
    r.cons = cons.data;
    r.ncons = cons.len;
    for (uint32_t i = 0; i < n; i++)
        if (b->along[i]) r.wrap &= ~(1u << i);
    r.self[0] = r.self[1] = (LRef){0};
    if (!reads_exist(b, &r, part)) return false;
    uint32_t before = b->l->array.len;
    LArrayId id = partial_array(b, r);
    LFactor *of = ARENA_ARRAY(b->a, LFactor, b->t->nfactor);
    for (uint32_t i = 0; i < b->t->nfactor; i++) {
        of[i] = b->t->factor[i];
        if (of[i].kind == LF_ref) of[i].ref = (LRef){id, b->of->side, outer};
    }
    *out = one_term(b, b->t->red, b->red, false, of, b->t->nfactor);
    if (reads_exist(b, array_of(b, b->reader), out)) return true;
    b->l->array.len = before;
    return false;
}

static void split_term(Ctx *c, Limit *l, LArrayId reader, uint32_t term) {
    for (;;) {
        LTerms eq = l->array.data[reader].eq;
        Box b = {.c = c, .l = l, .a = c->a, .x = l->aff, .reader = reader, .t = &eq.term[term]};
        b.of = lterm_window(l, b.t, l->array.data[reader].stage);
        if (!b.of || !separable(&b, b.t, b.of)) return;
        b.red = b.t->nred - 1;
        LTerm *t = arena_copy(c->a, eq.term, eq.n * sizeof *t);
        if (!split(&b, &t[term])) return;
        l->array.data[reader].eq.term = t;
    }
}

bool lower_box(Ctx *c, Limit *l) {
    uint32_t n = l->array.len;
    for (LArrayId id = 1; id < n; id++) {
        LStage s = l->array.data[id].stage;
        bool plain = !l->array.data[id].sums && (s == LS_pair || s == LS_sample);
        for (uint32_t i = 0; plain && i < l->array.data[id].eq.n; i++) split_term(c, l, id, i);
    }
    return true;
}

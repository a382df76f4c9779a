/* Offset decomposition (product.md 10): where pair arrays over positions p, p' only meet
 * elements of the same offset p' - p (of a multiple of it, beyond strides), the offset becomes
 * an outer loop, and the arrays keep p alone: what a stride-1 convolution keeps in (H W)^2
 * numbers fits into the cache as H W of one offset, for all layers.
 *
 * A group grows from a double sum over p and p' (global pooling): the array that it reads, then
 * what that one's equation reads, and so on.  It stands if every read of its arrays is one of
 * its arrays' or one of its sums; else the arrays stay as they are. */
#include "lower/lower.h"
#include "lower/same.h"
#include "lower/walk.h"

enum { MAX_OFF = 4 };

/* In an array of a group: axis right[d] = axis left[d] + mul[d] * off[d] + add[d]. */
typedef struct Pairing {
    uint32_t left[MAX_OFF], right[MAX_OFF];
    int32_t mul[MAX_OFF];
    int64_t add[MAX_OFF];
} Pairing;

typedef struct Root { /* term number `term` of an array's (reader 0: of an output's) equation */
    LArrayId reader;
    uint32_t out, term;
    uint32_t u[MAX_OFF], w[MAX_OFF]; /* its reductions over p and over p' */
} Root;

typedef VEC(Root) RootVec;

typedef struct Offset {
    Ctx *c;
    Limit *l;
    Arena *a;
    AffCtx *x;
    const Pairing **pairing; /* by array; NULL: in no group */
    uint32_t *group;         /* by array */
    RootVec roots;           /* of the group being grown */
    Dim off[MAX_OFF];
    uint32_t noff, g;
    LArrayId n;  /* arrays there were at the start */
    bool closed; /* only roots over the group's own arrays join it */
    VEC(LArrayId) queue;
    bool failed;
} Offset;

static bool is_primed(const Offset *o, Sym v) { return affctx_unprime(o->x, v) != v; }

static LArray *array_of(const Offset *o, LArrayId id) { return &o->l->array.data[id]; }

/* ---- roots */

/* The reduction that idx is, up to a constant; nred: none. */
static uint32_t reduction_of(const LTerm *t, Aff idx) {
    if (idx.nterm != 1 || idx.term[0].k != 1) return t->nred;
    for (uint32_t i = 0; i < t->nred; i++)
        if (t->red[i].var == idx.term[0].name) return i;
    return t->nred;
}

static bool name_closed(const Offset *o, const LTerm *t, Sym name) {
    for (uint32_t i = 0; i < t->nred; i++)
        if (t->red[i].var == name) return true;
    return affctx_is_size(o->x, name);
}

static bool aff_closed(const Offset *o, const LTerm *t, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!name_closed(o, t, a.term[i].name)) return false;
    return true;
}

static bool fx_closed(const Offset *o, const LTerm *t, Fx f) {
    const FxNode *n = fx_node(o->l->fx, f);
    if (n->op == FX_index && !aff_closed(o, t, n->aff)) return false;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!fx_closed(o, t, n->arg[i])) return false;
    return true;
}

static bool cons_closed(const Offset *o, const LTerm *t, Cons c) {
    if (c.kind != CONS_not) return aff_closed(o, t, c.e);
    for (uint32_t i = 0; i < c.nof; i++)
        if (!cons_closed(o, t, c.of[i])) return false;
    return true;
}

/* Does the term stand on its own: are all names in it sizes and its own reductions? */
static bool term_closed(const Offset *o, const LTerm *t) {
    for (uint32_t i = 0; i < t->nred; i++)
        if (!aff_size_only(o->x, t->red[i].lo) || !aff_size_only(o->x, t->red[i].hi)) return false;
    for (uint32_t i = 0; i < t->ncons; i++)
        if (!cons_closed(o, t, t->cons[i])) return false;
    for (uint32_t i = 0; i < t->nfactor; i++) {
        const LFactor *f = &t->factor[i];
        if (f->kind == LF_coef ? !fx_closed(o, t, f->coef) : f->kind != LF_ref) return false;
        const LRef *r = f->kind == LF_ref ? &f->ref : NULL;
        for (uint32_t k = 0; r && k < array_of(o, r->array)->naxis; k++)
            if (!aff_closed(o, t, r->idx[k])) return false;
    }
    return true;
}

/* The pair array that a term sums, if it reads just one. */
static const LRef *term_array(const Offset *o, const LTerm *t) {
    const LRef *only = NULL;
    for (uint32_t i = 0; i < t->nfactor; i++) {
        const LFactor *f = &t->factor[i];
        if (f->kind != LF_ref || array_of(o, f->ref.array)->stage != LS_pair) continue;
        if (only) return NULL;
        only = &f->ref;
    }
    return only;
}

/* Axes of the array that are reductions of the term, left and right ones in order. */
static bool root_axes(const Offset *o, const LTerm *t, const LRef *r, Root *root, Pairing *p,
                      uint32_t *noff) {
    const LArray *q = array_of(o, r->array);
    uint32_t nl = 0, nr = 0;
    for (uint32_t k = 0; k < q->naxis; k++) {
        uint32_t v = reduction_of(t, r->idx[k]);
        bool right = is_primed(o, q->axis[k].var);
        if (v == t->nred) {
            if (!aff_size_only(o->x, r->idx[k])) return false;
            continue;
        }
        if ((right ? nr : nl) == MAX_OFF) return false;
        if (right) {
            root->w[nr] = v;
            p->right[nr++] = k;
        } else {
            root->u[nl] = v;
            p->left[nl++] = k;
        }
    }
    for (uint32_t d = 0; d < nl && nl == nr; d++) {
        p->mul[d] = 1;
        p->add[d] = r->idx[p->right[d]].c - r->idx[p->left[d]].c;
    }
    *noff = nl;
    return nl && nl == nr && 2 * nl == t->nred;
}

static bool pairing_same(const Pairing *a, const Pairing *b, uint32_t n) {
    for (uint32_t d = 0; d < n; d++)
        if (a->left[d] != b->left[d] || a->right[d] != b->right[d] || a->mul[d] != b->mul[d] ||
            a->add[d] != b->add[d])
            return false;
    return true;
}

/* ---- growth */

static bool wraps(const Offset *o, LArrayId id, const Pairing *p) {
    for (uint32_t d = 0; d < o->noff; d++)
        if ((array_of(o, id)->wrap >> p->left[d] | array_of(o, id)->wrap >> p->right[d]) & 1)
            return true;
    return false;
}

static void join(Offset *o, LArrayId id, const Pairing *p) {
    o->failed |= wraps(o, id, p); /* there offsets are numbers modulo a size */
    if (o->pairing[id]) {
        o->failed |= o->group[id] != o->g || !pairing_same(o->pairing[id], p, o->noff);
        return;
    }
    o->pairing[id] = arena_copy(o->a, p, sizeof *p);
    o->group[id] = o->g;
    vec_push(o->a, &o->queue, id);
}

/* The right axes of an array of the group in terms of its left ones and the offsets. */
static const AffSubst *right_axes(const Offset *o, LArrayId id) {
    const Pairing *p = o->pairing[id];
    AffSubst *m = ARENA_ARRAY(o->a, AffSubst, o->noff);
    for (uint32_t d = 0; d < o->noff; d++) {
        Aff left = aff_name(o->x, array_of(o, id)->axis[p->left[d]].var);
        Aff off = aff_scale(o->x, aff_name(o->x, o->off[d].var), p->mul[d]);
        m[d] = (AffSubst){array_of(o, id)->axis[p->right[d]].var,
                          aff_plus(aff_add(o->x, left, off), p->add[d])};
    }
    return m;
}

static bool mentions_offset(const Offset *o, Aff a) {
    for (uint32_t d = 0; d < o->noff; d++)
        if (aff_mentions(a, o->off[d].var)) return true;
    return false;
}

/* idx[m] - idx[k] = mul * off[d] + add? */
static bool same_offset(const Offset *o, Aff diff, uint32_t d, int32_t *mul, int64_t *add) {
    *mul = aff_coef(diff, o->off[d].var);
    *add = diff.c;
    return *mul && diff.nterm == 1;
}

/* The pairing of an array as it is read at idx; 0: it meets no offset, 1: found, -1: none fits. */
static int read_pairing(const Offset *o, LArrayId id, const Aff *idx, Pairing *p) {
    const LArray *q = array_of(o, id);
    uint32_t found = 0, mention = 0;
    *p = (Pairing){0};
    for (uint32_t m = 0; m < q->naxis; m++) mention += mentions_offset(o, idx[m]);
    if (!mention) return 0;
    for (uint32_t d = 0; d < o->noff; d++) {
        bool done = false;
        for (uint32_t m = 0; m < q->naxis && !done; m++) {
            if (!aff_mentions(idx[m], o->off[d].var)) continue;
            for (uint32_t k = 0; k < q->naxis && !done; k++) {
                if (k == m || is_primed(o, q->axis[k].var)) continue;
                done = same_offset(o, aff_sub(o->x, idx[m], idx[k]), d, &p->mul[d], &p->add[d]);
                p->left[d] = k;
                p->right[d] = m;
            }
        }
        found += done;
    }
    return found == o->noff && mention == found ? 1 : -1;
}

static LRef grow_ref(void *ctx, LRef r) {
    Offset *o = ctx;
    if (array_of(o, r.array)->stage != LS_pair || o->failed) return r;
    Pairing p;
    int fits = read_pairing(o, r.array, r.idx, &p);
    if (fits < 0 || (!fits && o->group[r.array] == o->g)) o->failed = true;
    else if (fits) join(o, r.array, &p);
    return r;
}

static void grow(Offset *o) {
    for (uint32_t i = 0; i < o->queue.len && !o->failed; i++) {
        LArrayId id = o->queue.data[i];
        LTerms eq = lterms_subst(o->l, o->a, array_of(o, id)->eq, right_axes(o, id), o->noff);
        lterms_refs(o->a, eq, grow_ref, o);
    }
}

/* ---- is every other read of the group's arrays one of its sums? */

static LTerms *equation(Offset *o, LArrayId reader, uint32_t out) {
    return reader ? &array_of(o, reader)->eq : &o->l->out[out].value;
}

static bool is_root(const Offset *o, LArrayId reader, uint32_t out, uint32_t term) {
    for (uint32_t i = 0; i < o->roots.len; i++) {
        const Root *r = &o->roots.data[i];
        if (r->reader == reader && r->out == out && r->term == term) return true;
    }
    return false;
}

static LRef foreign_ref(void *ctx, LRef r) {
    Offset *o = ctx;
    o->failed |= o->group[r.array] == o->g;
    return r;
}

static void check_reader(Offset *o, LArrayId reader, uint32_t out) {
    LTerms t = *equation(o, reader, out);
    for (uint32_t i = 0; i < t.n; i++)
        if (!is_root(o, reader, out, i))
            lterms_refs(o->a, (LTerms){&t.term[i], 1}, foreign_ref, o);
}

typedef struct Reach {
    Offset *o;
    bool *seen;
} Reach;

static LRef reach_ref(void *ctx, LRef r) {
    Reach *w = ctx;
    if (w->seen[r.array]) return r;
    w->seen[r.array] = true;
    lterms_refs(w->o->a, array_of(w->o, r.array)->eq, reach_ref, w);
    return r;
}

/* The sums' readers must not be needed by the group itself. */
static void check_order(Offset *o) {
    Reach w = {o, ARENA_ARRAY(o->a, bool, o->l->array.len)};
    for (uint32_t i = 0; i < o->queue.len; i++) {
        w.seen[o->queue.data[i]] = true;
        lterms_refs(o->a, array_of(o, o->queue.data[i])->eq, reach_ref, &w);
    }
    for (uint32_t i = 0; i < o->roots.len; i++)
        o->failed |= o->roots.data[i].reader && w.seen[o->roots.data[i].reader];
}

/* ---- rewriting */

static LRef drop_right(void *ctx, LRef r) {
    Offset *o = ctx;
    const Pairing *p = r.array < o->n ? o->pairing[r.array] : NULL;
    if (!p || o->group[r.array] != o->g) return r;
    uint32_t n = array_of(o, r.array)->naxis, k = 0;
    Aff *idx = ARENA_ARRAY(o->a, Aff, n);
    for (uint32_t i = 0; i < n; i++) {
        bool right = false;
        for (uint32_t d = 0; d < o->noff; d++) right |= p->right[d] == i;
        if (!right) idx[k++] = r.idx[i];
    }
    r.idx = idx;
    return r;
}

static void range_cons(const Offset *o, ConsVec *v, const Dim *d, const AffSubst *m, uint32_t n) {
    Aff at = aff_subst(o->x, aff_name(o->x, d->var), m, n);
    vec_push(o->a, v, cons_le(o->x, aff_subst(o->x, d->lo, m, n), at));
    vec_push(o->a, v, cons_lt(o->x, at, aff_subst(o->x, d->hi, m, n)));
}

typedef struct Member { /* an array's new form, put in place once all are made */
    const Dim *axis;
    uint32_t naxis;
    ConsVec cons;
    LTerms eq;
    LRef self[2];
} Member;

static LRef subst_ref(const Offset *o, LRef r, const AffSubst *m) {
    return r.array ? lref_subst(o->x, o->a, r, m, o->noff, array_of(o, r.array)->naxis) : r;
}

static Member member_make(Offset *o, LArrayId id) {
    const LArray *r = array_of(o, id);
    const Pairing *p = o->pairing[id];
    const AffSubst *m = right_axes(o, id);
    Member out = {0};
    Dim *axis = ARENA_ARRAY(o->a, Dim, r->naxis);
    for (uint32_t i = 0; i < r->naxis; i++) {
        bool right = false;
        for (uint32_t d = 0; d < o->noff; d++) right |= p->right[d] == i;
        if (right) range_cons(o, &out.cons, &r->axis[i], m, o->noff);
        else axis[out.naxis++] = (Dim){r->axis[i].var, aff_subst(o->x, r->axis[i].lo, m, o->noff),
                                       aff_subst(o->x, r->axis[i].hi, m, o->noff)};
    }
    for (uint32_t i = 0; i < r->ncons; i++)
        vec_push(o->a, &out.cons, cons_subst(o->x, r->cons[i], m, o->noff));
    out.axis = axis;
    out.eq = lterms_refs(o->a, lterms_subst(o->l, o->a, r->eq, m, o->noff), drop_right, o);
    for (int s = 0; s < 2; s++) out.self[s] = subst_ref(o, r->self[s], m);
    return out;
}

/* The part of the root's sum that belongs to one offset. */
static LTerm root_part(Offset *o, const Root *root) {
    LTerm t = equation(o, root->reader, root->out)->term[root->term];
    AffSubst *m = ARENA_ARRAY(o->a, AffSubst, o->noff);
    ConsVec cons = {0};
    Dim *red = ARENA_ARRAY(o->a, Dim, o->noff);
    for (uint32_t d = 0; d < o->noff; d++) {
        Aff u = aff_name(o->x, t.red[root->u[d]].var);
        m[d] = (AffSubst){t.red[root->w[d]].var,
                          aff_add(o->x, u, aff_name(o->x, o->off[d].var))};
        red[d] = t.red[root->u[d]];
    }
    for (uint32_t d = 0; d < o->noff; d++) range_cons(o, &cons, &t.red[root->w[d]], m, o->noff);
    LTerm bare = t;
    bare.red = NULL;
    bare.nred = 0;
    bare = lterms_refs(o->a, lterms_subst(o->l, o->a, (LTerms){&bare, 1}, m, o->noff), drop_right,
                       o).term[0];
    for (uint32_t i = 0; i < bare.ncons; i++) vec_push(o->a, &cons, bare.cons[i]);
    bare.red = red;
    bare.nred = o->noff;
    bare.cons = cons.data;
    bare.ncons = cons.len;
    return bare;
}

static LArrayId sum_array(Offset *o, const LTerm *part) {
    LTerms eq = {part, 1};
    for (LArrayId id = 1; id < o->l->array.len; id++) {
        const LArray *r = array_of(o, id);
        if (r->sums && r->group == o->g && lterms_same(o->l, r->eq, eq)) return id;
    }
    LRef of = *term_array(o, part);
    const LArray *q = array_of(o, of.array);
    LArray r = {.kind = q->kind, .stage = LS_pair, .A = q->A, .B = q->B, .eq = eq, .group = o->g,
                .sums = true, .span = q->span};
    r.name = intern_fresh(o->c->syms, arena_printf(o->a, "sum.%s", sym_text(o->c->syms, q->name)));
    vec_push(o->a, &o->l->array, r);
    return o->l->array.len - 1;
}

static void root_rewrite(Offset *o, const Root *root, const LTerm *part) {
    LTerms *eq = equation(o, root->reader, root->out);
    LTerm *t = arena_copy(o->a, eq->term, eq->n * sizeof *t);
    LFactor *f = ARENA_NEW(o->a, LFactor);
    LTerm *own = arena_copy(o->a, part, sizeof *part);
    *f = (LFactor){.kind = LF_ref, .ref = {sum_array(o, own), SIDE_none, NULL}};
    eq = equation(o, root->reader, root->out); /* the arrays may have moved */
    t[root->term] = (LTerm){.factor = f, .nfactor = 1};
    eq->term = t;
}

static void rewrite(Offset *o) {
    Member *m = ARENA_ARRAY(o->a, Member, o->queue.len);
    LTerm *part = ARENA_ARRAY(o->a, LTerm, o->roots.len);
    for (uint32_t i = 0; i < o->queue.len; i++) m[i] = member_make(o, o->queue.data[i]);
    for (uint32_t i = 0; i < o->roots.len; i++) part[i] = root_part(o, &o->roots.data[i]);
    for (uint32_t i = 0; i < o->queue.len; i++) {
        LArray *r = array_of(o, o->queue.data[i]);
        r->axis = m[i].axis;
        r->naxis = m[i].naxis;
        r->cons = m[i].cons.data;
        r->ncons = m[i].cons.len;
        r->eq = m[i].eq;
        r->self[0] = m[i].self[0];
        r->self[1] = m[i].self[1];
        r->group = o->g;
    }
    LGroup g = {arena_copy(o->a, o->off, o->noff * sizeof *o->off), o->noff};
    vec_push(o->a, &o->l->group, g);
    for (uint32_t i = 0; i < o->roots.len; i++) root_rewrite(o, &o->roots.data[i], &part[i]);
}

/* ---- one group after the other */

/* Offsets of a root: from the smallest p' less the largest p to the largest less the smallest. */
static void root_offsets(Offset *o, const LTerm *t, const Root *r, const LRef *ref,
                         const Pairing *p) {
    for (uint32_t d = 0; d < o->noff; d++) {
        const Dim *u = &t->red[r->u[d]], *w = &t->red[r->w[d]];
        const char *of = sym_text(o->c->syms, array_of(o, ref->array)->axis[p->left[d]].var);
        o->off[d].var = intern_fresh(o->c->syms, arena_printf(o->a, "%s_off", of));
        o->off[d].lo = aff_plus(aff_sub(o->x, w->lo, u->hi), 1);
        o->off[d].hi = aff_sub(o->x, w->hi, u->lo);
    }
}

static bool same_offsets(const Offset *o, const LTerm *t, const Root *r) {
    for (uint32_t d = 0; d < o->noff; d++) {
        const Dim *u = &t->red[r->u[d]], *w = &t->red[r->w[d]];
        if (!aff_eq(o->off[d].lo, aff_plus(aff_sub(o->x, w->lo, u->hi), 1)) ||
            !aff_eq(o->off[d].hi, aff_sub(o->x, w->hi, u->lo)))
            return false;
    }
    return true;
}

/* Takes a term into the group being grown (starts one with the first), if it is a root. */
static void try_root(Offset *o, LArrayId reader, uint32_t out, uint32_t term) {
    const LTerm *t = &equation(o, reader, out)->term[term];
    Root r = {.reader = reader, .out = out, .term = term};
    Pairing p = {0};
    uint32_t noff;
    const LRef *ref = term_array(o, t);
    if (!ref || o->failed || is_root(o, reader, out, term)) return;
    if (array_of(o, ref->array)->group || (o->closed && o->roots.len && !o->pairing[ref->array]))
        return;
    if (!term_closed(o, t) || !root_axes(o, t, ref, &r, &p, &noff)) return;
    if (o->roots.len && (noff != o->noff || !same_offsets(o, t, &r))) return;
    if (!o->roots.len) {
        o->noff = noff;
        root_offsets(o, t, &r, ref, &p);
    }
    vec_push(o->a, &o->roots, r);
    join(o, ref->array, &p);
    grow(o);
}

typedef bool TermVisit(Offset *o, LArrayId reader, uint32_t out, uint32_t term);

/* Visits all terms that could be roots, those of arrays outside groups and of outputs, until one
 * visit returns true. */
static bool each_term(Offset *o, TermVisit *f) {
    for (LArrayId id = 1; id < o->n; id++)
        for (uint32_t i = 0; array_of(o, id)->stage == LS_pair && !array_of(o, id)->group &&
                             i < array_of(o, id)->eq.n; i++)
            if (f(o, id, 0, i)) return true;
    for (uint32_t k = 0; k < o->l->nout; k++)
        for (uint32_t i = 0; i < o->l->out[k].value.n; i++)
            if (f(o, 0, k, i)) return true;
    return false;
}

static bool visit_more(Offset *o, LArrayId reader, uint32_t out, uint32_t term) {
    try_root(o, reader, out, term);
    return o->failed;
}

static bool grown(Offset *o, LArrayId reader, uint32_t out, uint32_t term) {
    o->roots.len = o->queue.len = 0;
    o->failed = false;
    try_root(o, reader, out, term);
    if (!o->roots.len) return false;
    each_term(o, visit_more);
    for (LArrayId id = 1; id < o->n && !o->failed; id++)
        if (o->group[id] != o->g) check_reader(o, id, 0);
    for (uint32_t k = 0; k < o->l->nout && !o->failed; k++) check_reader(o, 0, k);
    if (!o->failed) check_order(o);
    if (!o->failed) return true;
    for (uint32_t i = 0; i < o->queue.len; i++) {
        o->pairing[o->queue.data[i]] = NULL;
        o->group[o->queue.data[i]] = 0;
    }
    return false;
}

/* All sums over the same offsets go into one group if that stands, so that arrays that read each
 * other do; else only those of its own arrays. */
static bool visit_first(Offset *o, LArrayId reader, uint32_t out, uint32_t term) {
    o->closed = false;
    bool ok = grown(o, reader, out, term);
    o->closed = true;
    if (!ok && !grown(o, reader, out, term)) return false;
    rewrite(o);
    return true;
}

static bool one_group(Ctx *c, Limit *l) {
    Offset o = {.c = c, .l = l, .a = c->a, .x = l->aff, .n = l->array.len, .g = l->group.len};
    o.pairing = ARENA_ARRAY(c->a, const Pairing *, o.n);
    o.group = ARENA_ARRAY(c->a, uint32_t, o.n);
    return each_term(&o, visit_first);
}

bool lower_offset(Ctx *c, Limit *l) {
    if (!l->group.len) vec_push(c->a, &l->group, (LGroup){0});
    while (one_group(c, l)) continue;
    return true;
}

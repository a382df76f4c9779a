/* Which elements of which arrays are needed (product.md, section 4): every read widens the state of
 * the array it reads; an array whose state grew is derived again. */
#include "limit/derive.h"

enum { MAX_WIDENED = 4 };

uint32_t warray_nidx(const Derive *L, const WArray *r) {
    return def_of(L, r->A)->ndim + (r->B ? def_of(L, r->B)->ndim : 0);
}

bool link_equal(const Link *l) { return l->on && aff_eq(l->lo, l->hi); }

static bool constant_length(Derive *L, const Dim *d) {
    return aff_is_const(aff_sub(L->x, d->hi, d->lo));
}

/* Dims that are never left out: of a wrapped dim any index is one element of many; numbers that
 * come with a sample and rows of a softmax are whole. */
static bool keeps_dim(const Derive *L, DefId d, uint32_t k) {
    const Def *def = def_of(L, d);
    return def->wrap >> k & 1 || def->op == PO_data || (def->op == PO_softmax && def->over == k);
}

/* Two wrapped dims of one extent, over both copies. */
static bool wrap_same(Derive *L, Elem A, Elem B, uint32_t a, uint32_t b, bool self) {
    const Def *da = def_of(L, A.d), *db = def_of(L, B.d);
    if (!(da->wrap >> a & 1) || !(db->wrap >> b & 1)) return false;
    Aff na = aff_sub(L->x, da->dim[a].hi, da->dim[a].lo);
    Aff nb = aff_sub(L->x, db->dim[b].hi, db->dim[b].lo);
    bool own = false; /* a size of each sample: not the same modulus */
    for (uint32_t i = 0; i < L->nright_sizes && !self; i++)
        own |= aff_mentions(nb, L->right_sizes[i].name);
    return aff_eq(na, nb) && aff_eq(da->dim[a].lo, db->dim[b].lo) && !own;
}

/* The link of right dim b that a read (A, B) shows; dims of one source loop are paired first.
 * Between two short loops a band would say no more than their ranges do. */
static Link find_link(Derive *L, Elem A, Elem B, uint32_t b, const bool *used, bool self,
                      Path path) {
    const Def *da = def_of(L, A.d), *db = def_of(L, B.d);
    bool wrap = db->wrap >> b & 1;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t a = 0; a < da->ndim; a++) {
            if (used[a] || (da->dim[a].var == db->dim[b].var) != (pass == 0)) continue;
            Aff d = aff_reduce(L->x, aff_sub(L->x, B.idx[b], A.idx[a]), path.c, path.n);
            if (wrap || da->wrap >> a & 1) { /* modulo the size: only offset 0 is equal */
                bool equal = wrap_same(L, A, B, a, b, self) && aff_is_const(d) && !d.c;
                if (equal) return (Link){true, a, d, d};
                continue;
            }
            if (aff_size_only(L->x, d)) return (Link){true, a, d, d};
            if (constant_length(L, &da->dim[a]) && constant_length(L, &db->dim[b])) continue;
            AffBounds e = aff_bounds(L->x, d, path.c, path.n);
            if (e.has_lo && e.has_hi) return (Link){true, a, aff_const(e.lo), aff_const(e.hi)};
        }
    }
    return (Link){0};
}

static void read_state(Derive *L, Elem A, Elem B, Path path, WArray *s) {
    uint32_t na = def_of(L, A.d)->ndim, nb = B.d ? def_of(L, B.d)->ndim : 0;
    bool *used = ARENA_ARRAY(L->a, bool, na);
    s->link = ARENA_ARRAY(L->a, Link, nb);
    s->is_fixed = ARENA_ARRAY(L->a, bool, na + nb);
    s->fixed = ARENA_ARRAY(L->a, Aff, na + nb);
    for (uint32_t b = 0; b < nb; b++) {
        s->link[b] = find_link(L, A, B, b, used, s->self, path);
        if (s->link[b].on) used[s->link[b].a] = true;
    }
    for (uint32_t k = 0; k < na + nb; k++) {
        Aff e = aff_reduce(L->x, k < na ? A.idx[k] : B.idx[k - na], path.c, path.n);
        DefId d = k < na ? A.d : B.d;
        uint32_t dim = k < na ? k : k - na;
        bool whole = (L->whole[d] && !L->def[d].idle[dim]) || keeps_dim(L, d, dim);
        s->is_fixed[k] = aff_size_only(L->x, e) && !whole;
        s->fixed[k] = e;
    }
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Both states' elements: equal link stays, constant intervals take their hull, else full. */
static Link link_join(const WArray *r, Link o, Link n) {
    if (!o.on || !n.on || o.a != n.a) return (Link){0};
    if (aff_eq(o.lo, n.lo) && aff_eq(o.hi, n.hi)) return o;
    bool constant = aff_is_const(o.lo) && aff_is_const(o.hi) && aff_is_const(n.lo) &&
                    aff_is_const(n.hi);
    if (!constant || r->widened >= MAX_WIDENED) return (Link){0};
    return (Link){true, o.a, aff_const(min64(o.lo.c, n.lo.c)), aff_const(max64(o.hi.c, n.hi.c))};
}

static bool link_same(Link a, Link b) {
    return a.on == b.on && (!a.on || (a.a == b.a && aff_eq(a.lo, b.lo) && aff_eq(a.hi, b.hi)));
}

static bool state_join(Derive *L, WArray *r, const WArray *s) {
    uint32_t n = warray_nidx(L, r), na = def_of(L, r->A)->ndim;
    bool change = false, widened = false;
    for (uint32_t b = 0; b < n - na; b++) {
        Link l = link_join(r, r->link[b], s->link[b]);
        widened |= !link_same(l, r->link[b]);
        r->link[b] = l;
    }
    for (uint32_t k = 0; k < n; k++) {
        bool keep = r->is_fixed[k] && s->is_fixed[k] && aff_eq(r->fixed[k], s->fixed[k]);
        change |= keep != r->is_fixed[k];
        r->is_fixed[k] = keep;
    }
    r->widened += widened;
    return change || widened;
}

static void enqueue(Derive *L, uint32_t i) {
    if (L->arr.data[i].queued) return;
    L->arr.data[i].queued = true;
    vec_push(L->a, &L->queue, i);
}

/* A read at side y in terms of the right sample's own sizes; those of the left one are
 * forgotten. */
static void swap_sizes(Derive *L, Elem *A, Elem *B, Path *path) {
    uint32_t n = L->nright_sizes;
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, 2 * n);
    for (uint32_t i = 0; i < n; i++) {
        Sym size = L->right_sizes[i].name, other = intern(L->c->syms,
            arena_printf(L->a, "%s~", sym_text(L->c->syms, size)));
        m[i] = (AffSubst){size, aff_name(L->x, other)};
        m[n + i] = (AffSubst){affctx_prime(L->x, size), aff_name(L->x, size)};
    }
    Use a = {A->d, A->idx, {0}}, b = {B->d, B->idx, {0}};
    *A = elem_use(L, a, m, 2 * n);
    if (B->d) *B = elem_use(L, b, m, 2 * n);
    Cons *c = ARENA_ARRAY(L->a, Cons, path->n);
    for (uint32_t i = 0; i < path->n; i++) c[i] = cons_subst(L->x, path->c[i], m, 2 * n);
    path->c = c;
}

uint32_t demand(Derive *L, WArray key, Elem A, Elem B, Path path, Side side) {
    if (side == SIDE_y && L->nright_sizes) swap_sizes(L, &A, &B, &path);
    key.A = A.d;
    key.B = B.d;
    read_state(L, A, B, path, &key);
    for (uint32_t i = 1; i < L->arr.len; i++) {
        WArray *r = &L->arr.data[i];
        if (r->kind != key.kind || r->self != key.self || r->A != key.A || r->B != key.B ||
            r->leaf != key.leaf)
            continue;
        if (state_join(L, r, &key)) enqueue(L, i);
        return i;
    }
    vec_push(L->a, &L->arr, key);
    enqueue(L, L->arr.len - 1);
    return L->arr.len - 1;
}

/* Constraints of the array's elements over the dims of A and the primed dims of B. */
Path warray_domain(Derive *L, const WArray *r) {
    const Def *da = def_of(L, r->A), *db = r->B ? def_of(L, r->B) : NULL;
    ConsVec v = {0};
    path_range(L, &v, da->dim, da->ndim, NULL, 0);
    Elem a = elem_own(L, r->A);
    for (uint32_t k = 0; k < da->ndim; k++)
        if (r->is_fixed[k]) vec_push(L->a, &v, cons_eq(L->x, a.idx[k], r->fixed[k]));
    if (!db) return (Path){v.data, v.len};
    Elem b = elem_primed(L, r->B);
    uint32_t n;
    const AffSubst *m = elem_bind(L, b, !r->self, &n);
    path_range(L, &v, db->dim, db->ndim, m, n);
    for (uint32_t k = 0; k < db->ndim; k++) {
        const Link *l = &r->link[k];
        if (r->is_fixed[da->ndim + k])
            vec_push(L->a, &v, cons_eq(L->x, b.idx[k], r->fixed[da->ndim + k]));
        if (!l->on) continue;
        Aff d = aff_sub(L->x, b.idx[k], a.idx[l->a]);
        if (link_equal(l)) {
            vec_push(L->a, &v, cons_eq(L->x, d, l->lo));
        } else {
            vec_push(L->a, &v, cons_le(L->x, l->lo, d));
            vec_push(L->a, &v, cons_le(L->x, d, l->hi));
        }
    }
    return (Path){v.data, v.len};
}

const AffSubst *warray_names(Derive *L, const WArray *r, uint32_t *n) {
    const Def *da = def_of(L, r->A), *db = r->B ? def_of(L, r->B) : NULL;
    uint32_t nb = db ? db->ndim : 0, k = 0;
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, da->ndim + nb);
    Aff *left = ARENA_ARRAY(L->a, Aff, da->ndim);
    for (uint32_t i = 0; i < da->ndim; i++) {
        left[i] = r->is_fixed[i] ? r->fixed[i] : aff_name(L->x, da->dim[i].var);
        if (r->is_fixed[i]) m[k++] = (AffSubst){da->dim[i].var, left[i]};
    }
    for (uint32_t i = 0; i < nb; i++) {
        Sym v = affctx_prime(L->x, db->dim[i].var);
        if (r->is_fixed[da->ndim + i])
            m[k++] = (AffSubst){v, r->fixed[da->ndim + i]};
        else if (link_equal(&r->link[i]))
            m[k++] = (AffSubst){v, aff_add(L->x, left[r->link[i].a], r->link[i].lo)};
    }
    *n = k;
    return m;
}

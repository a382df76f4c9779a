/* Gaussian leaves: interning, covariances, affine combinations. */
#include "check/limit1.h"
#include <string.h>

enum { MAX_STEPS = 300000 };

static bool same_index(const int64_t *a, uint32_t na, const int64_t *b, uint32_t nb) {
    return na == nb && (!na || !memcmp(a, b, na * sizeof *a));
}

static bool same_input(const InputRef *a, const InputRef *b) {
    return a->basis == b->basis && a->input == b->input && a->k == b->k &&
           same_index(a->pos, a->npos, b->pos, b->npos);
}

static bool same_member(const GaussLeaf *a, const GaussLeaf *b) {
    return a->fam == b->fam && a->transposed == b->transposed &&
           same_index(a->member, a->nmember, b->member, b->nmember);
}

static bool same_leaf(const GaussLeaf *a, const GaussLeaf *b) {
    if (a->kind != b->kind || a->arg != b->arg) return false;
    if (a->kind == LEAF_sum) return true;
    return same_member(a, b) && (a->kind != LEAF_input || same_input(&a->in, &b->in));
}

uint32_t leaf_intern(Limit1 *l, GaussLeaf g) {
    for (uint32_t i = 0; i < l->leaf.len; i++)
        if (same_leaf(&l->leaf.data[i], &g)) return i;
    vec_push(l->a, &l->leaf, g);
    return l->leaf.len - 1;
}

/* ---- covariances */
static double probe_gram(Limit1 *l, const InputRef *a, const InputRef *b) {
    const CheckProbe *p = l->k->probe;
    int64_t d = p && p->dim ? p->dim(p->ctx, a->basis ? b->input : a->input) : 4;
    if (a->basis && b->basis) return a->k == b->k ? 1.0 / (double)d : 0;
    if (a->basis || b->basis) {
        const InputRef *x = a->basis ? b : a;
        int64_t k = a->basis ? a->k : b->k;
        double v = p && p->coordinate ? p->coordinate(p->ctx, x->input, x->pos, k)
                                      : k ? 0.5 : 1.25;
        return v / (double)d;
    }
    if (p && p->gram) return p->gram(p->ctx, a->input, a->pos, b->input, b->pos);
    double g = a->input == b->input ? 1 : 0.25; /* neighbours have correlation 1 / 2 */
    for (uint32_t i = 0; i < a->npos; i++)
        for (int64_t n = a->pos[i] > b->pos[i] ? a->pos[i] - b->pos[i] : b->pos[i] - a->pos[i];
             n > 0 && g > 1e-9; n--)
            g /= 2;
    return g * l->stretch;
}

static void put_input(Limit1 *l, Buf *b, const InputRef *x) {
    const InputDecl *in = &l->k->p->input.data[x->input];
    if (x->basis) buf_printf(b, "basis(%lld)", (long long)x->k);
    else buf_puts(b, sym_text(l->c->syms, in->name));
    for (uint32_t i = 0; i < x->npos; i++)
        buf_printf(b, "%s%lld", i ? ", " : "[", (long long)x->pos[i]);
    if (x->npos) buf_putc(b, ']');
}

/* x.x' / d by a name: what cancels must do so for all data. */
static Form input_gram(Limit1 *l, const InputRef *a, const InputRef *b) {
    Buf t = buf_new(l->a);
    double v = probe_gram(l, a, b);
    if (a->basis && b->basis && a->k != b->k) return FORM_ZERO;
    buf_puts(&t, "<");
    put_input(l, &t, a);
    buf_putc(&t, ' ');
    put_input(l, &t, b);
    buf_puts(&t, ">");
    return form_named(l->f, buf_text(&t), v, 0);
}

/* Short, of small numbers: 2^-60 would soon not fit. */
static bool handy(Limit1 *l, Form v) {
    FormNode n = form_node(l->f, v);
    for (uint32_t i = 0; i < n.n; i++)
        if (n.m[i].num > 1 << 24 || n.m[i].num < -(1 << 24) || n.m[i].den > 1 << 24) return false;
    return n.n <= 6;
}

static Form base_cov(Limit1 *l, uint32_t i, uint32_t j) {
    GaussLeaf a = l->leaf.data[i], b = l->leaf.data[j];
    FormPool *f = l->f;
    if (a.kind != b.kind || !same_member(&a, &b)) return FORM_ZERO;
    if (a.kind == LEAF_param) return a.scale;
    if (a.kind == LEAF_input) return form_mul(f, a.scale, input_gram(l, &a.in, &b.in));
    if (a.kind != LEAF_hat) return 0;
    Form v = form_mul(f, a.scale, expect(l, form_mul(f, a.arg, b.arg)));
    if (!v || handy(l, v)) return v;
    Num n = form_value(f, v); /* a name instead, to keep forms small */
    return form_named(f, arena_printf(l->a, "C[%s, %s]", limit1_leaf_name(l, i),
                                      limit1_leaf_name(l, j)), n.v, n.err);
}

static Form combination(const Limit1 *l, uint32_t leaf) {
    return l->leaf.data[leaf].kind == LEAF_sum ? l->leaf.data[leaf].arg : 0;
}

/* One term of an affine form: its leaf, and the coefficient. */
static bool affine_term(Limit1 *l, const Mono *m, uint32_t *leaf, Form *coef) {
    Power *rest = ARENA_ARRAY(l->a, Power, m->n + 1);
    uint32_t n = 0, found = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        Atom a = form_atom(l->f, m->f[i].atom);
        if (!a.leaves) {
            rest[n++] = m->f[i];
            continue;
        }
        if (found || a.kind != ATOM_leaf || m->f[i].p != 1 || m->f[i].q != 1) return false;
        found = 1;
        *leaf = a.k;
    }
    *coef = form_of_mono(l->f, (Mono){m->num, m->den, rest, n});
    return found;
}

static Form cov_uncached(Limit1 *l, uint32_t a, uint32_t b) {
    if (l->steps++ > MAX_STEPS) limit1_stuck(l, "unrolled it is too large");
    if (l->stuck) return 0;
    Form ca = combination(l, a), cb = combination(l, b), sum = FORM_ZERO;
    if (!ca && !cb) return base_cov(l, a, b);
    FormNode n = form_node(l->f, ca ? ca : cb);
    for (uint32_t i = 0; i < n.n && sum; i++) {
        uint32_t leaf;
        Form c;
        if (!affine_term(l, &n.m[i], &leaf, &c)) return 0;
        Form v = leaf_cov(l, leaf, ca ? b : a);
        sum = form_add(l->f, sum, form_mul(l->f, c, v));
    }
    return sum;
}

static void cov_slots(Limit1 *l) {
    if (l->cov.len * 2 < l->ncovslot) return;
    l->ncovslot = l->ncovslot ? l->ncovslot * 2 : 256;
    l->covslot = ARENA_ARRAY(l->a, uint32_t, l->ncovslot);
    for (uint32_t k = 0; k < l->cov.len; k++) {
        uint32_t h = l->cov.data[k].a * 0x9e3779b9u ^ l->cov.data[k].b * 0x85ebca6bu;
        while (l->covslot[h & (l->ncovslot - 1)]) h++;
        l->covslot[h & (l->ncovslot - 1)] = k + 1;
    }
}

Form leaf_cov(Limit1 *l, uint32_t a, uint32_t b) {
    if (a > b) {
        uint32_t t = a;
        a = b;
        b = t;
    }
    cov_slots(l);
    uint32_t h = a * 0x9e3779b9u ^ b * 0x85ebca6bu;
    for (; l->covslot[h & (l->ncovslot - 1)]; h++) {
        CovEntry *e = &l->cov.data[l->covslot[h & (l->ncovslot - 1)] - 1];
        if (e->a == a && e->b == b) return e->v;
    }
    Form v = cov_uncached(l, a, b);
    cov_slots(l);
    h = a * 0x9e3779b9u ^ b * 0x85ebca6bu;
    while (l->covslot[h & (l->ncovslot - 1)]) h++;
    vec_push(l->a, &l->cov, (CovEntry){a, b, v});
    l->covslot[h & (l->ncovslot - 1)] = l->cov.len;
    return v;
}

/* ---- combinations */
void leaf_bases(Limit1 *l, Form z, Leaves *out) {
    Leaves v = {0};
    form_leaves(l->f, z, &v);
    for (uint32_t i = 0; i < v.len; i++) {
        Form c = combination(l, v.data[i]);
        form_leaves(l->f, c ? c : form_leaf(l->f, v.data[i]), out);
    }
}

Form leaf_slope(Limit1 *l, Form z, uint32_t leaf) {
    Leaves v = {0};
    Form sum = FORM_ZERO;
    form_leaves(l->f, z, &v);
    for (uint32_t i = 0; i < v.len && sum; i++) {
        Form c = combination(l, v.data[i]), k = v.data[i] == leaf ? FORM_ONE : FORM_ZERO;
        if (c) k = form_diff(l->f, c, leaf);
        if (k == FORM_ZERO) continue;
        sum = form_add(l->f, sum, form_mul(l->f, k, form_diff(l->f, z, v.data[i])));
    }
    return sum;
}

Form leaf_expand(Limit1 *l, Form z) {
    if (!z) return 0;
    FormNode n = form_node(l->f, z);
    bool any = false;
    uint32_t leaf;
    Form c, sum = FORM_ZERO;
    for (uint32_t i = 0; i < n.n && !any; i++)
        any = affine_term(l, &n.m[i], &leaf, &c) && combination(l, leaf);
    if (!any) return z;
    for (uint32_t i = 0; i < n.n && sum; i++) {
        Form t = form_of_mono(l->f, n.m[i]);
        if (affine_term(l, &n.m[i], &leaf, &c) && combination(l, leaf))
            t = form_mul(l->f, c, combination(l, leaf));
        sum = form_add(l->f, sum, t);
    }
    return sum;
}

Form leaf_argument(Limit1 *l, Form z) {
    FormNode n = form_node(l->f, z);
    Form lead = 0, sum = FORM_ZERO, rest = FORM_ZERO;
    uint32_t terms = 0, leaf;
    for (uint32_t i = 0; i < n.n; i++) {
        Form c, t = form_of_mono(l->f, n.m[i]);
        bool free = true;
        for (uint32_t j = 0; j < n.m[i].n; j++) free &= !form_atom(l->f, n.m[i].f[j].atom).leaves;
        if (free) {
            rest = form_add(l->f, rest, t);
            continue;
        }
        if (!affine_term(l, &n.m[i], &leaf, &c) || l->leaf.data[leaf].kind == LEAF_coin) return z;
        if (!lead) lead = c;
        sum = form_add(l->f, sum, t);
        terms++;
    }
    if (terms < 2) return z;
    Form scaled = form_mul(l->f, sum, form_pow(l->f, lead, -1, 1));
    if (!scaled || !sum) return z;
    uint32_t s = leaf_intern(l, (GaussLeaf){.kind = LEAF_sum, .arg = scaled});
    return form_add(l->f, form_mul(l->f, lead, form_leaf(l->f, s)), rest);
}

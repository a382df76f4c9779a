/* Expectations of normal forms: exactly as far as Stein's and Isserlis' rules go, then numbers.
 *
 *     E[x M] = sum over leaves y of M of Cov(x, y) E[dM/dy]
 *     E[x delta(u) M]: the same with covariances given u = 0, delta(u) not differentiated
 *
 * What is left is a product of functions; it factors over independent groups of leaves.  A group
 * that is odd under the change of sign of some sources is 0; else it is a symbol with a number. */
#include "check/limit1.h"

enum { MAX_DEPTH = 200, MAX_TRIALS = 64 };

static Form expect_mono(Limit1 *l, const Mono *m);

/* ---- zero by parity */
typedef struct Trial {
    Limit1 *l;
    const uint32_t *rep; /* a leaf of each source */
    uint32_t nrep, set;  /* bit set of negated sources */
} Trial;

/* Leaves of one source change their sign together. */
static bool one_source(const GaussLeaf *a, const GaussLeaf *b) {
    return a->kind == b->kind && a->fam == b->fam && a->transposed == b->transposed &&
           (!a->nmember ||
            !memcmp(a->member, b->member, a->nmember * sizeof *a->member));
}

static Parity base_parity(const Trial *t, uint32_t leaf) {
    const GaussLeaf *g = &t->l->leaf.data[leaf];
    for (uint32_t i = 0; i < t->nrep; i++)
        if (one_source(g, &t->l->leaf.data[t->rep[i]]))
            return t->set >> i & 1 ? PAR_odd : PAR_even;
    return PAR_even;
}

static Parity trial_parity(void *ctx, uint32_t leaf) {
    Trial *t = ctx;
    const GaussLeaf *g = &t->l->leaf.data[leaf];
    if (g->kind != LEAF_sum) return base_parity(t, leaf);
    Leaves v = {0};
    Parity r = PAR_zero;
    form_leaves(t->l->f, g->arg, &v);
    for (uint32_t i = 0; i < v.len; i++) r = parity_join(r, base_parity(t, v.data[i]));
    return r;
}

static bool odd_somehow(Limit1 *l, const Mono *m) {
    Leaves v = {0};
    uint32_t rep[16], n = 0;
    leaf_bases(l, form_of_mono(l->f, *m), &v);
    for (uint32_t i = 0; i < v.len; i++) {
        const GaussLeaf *g = &l->leaf.data[v.data[i]];
        bool seen = g->kind == LEAF_coin || n == 16;
        for (uint32_t j = 0; j < n && !seen; j++) seen = one_source(g, &l->leaf.data[rep[j]]);
        if (!seen) rep[n++] = v.data[i];
    }
    Trial t = {l, rep, n, 0};
    if (n > 6) { /* single ones and all together */
        for (uint32_t i = 0; i <= n; i++) {
            t.set = i < n ? 1u << i : (1u << n) - 1;
            if (mono_parity(l->f, m, trial_parity, &t) == PAR_odd) return true;
        }
        return false;
    }
    for (t.set = 1; t.set < 1u << n; t.set++)
        if (mono_parity(l->f, m, trial_parity, &t) == PAR_odd) return true;
    return false;
}

/* ---- Stein's rule */
typedef struct Split { /* a product taken apart */
    Form factor;       /* without leaves */
    Power *f;
    uint32_t n;
    int power, delta;  /* places of a leaf with a natural exponent, of a delta; -1: none */
} Split;

/* The leaf of an affine argument a * leaf + m. */
static bool single(Limit1 *l, Form arg, uint32_t *leaf, Form *a, Form *m) {
    Leaves v = {0};
    form_leaves(l->f, arg, &v);
    if (v.len != 1) return false;
    *leaf = v.data[0];
    *a = form_diff(l->f, arg, *leaf);
    if (!*a || form_node(l->f, *a).leaves) return false;
    *m = form_sub(l->f, arg, form_mul(l->f, *a, form_leaf(l->f, *leaf)));
    return *m != 0;
}

/* Is the leaf in an argument that is not affine?  There Stein's rule would go on for ever:
 * (exp(-x^2))' = -2 x exp(-x^2). */
static bool curved(Limit1 *l, const Power *f, uint32_t n, uint32_t leaf) {
    for (uint32_t i = 0; i < n; i++) {
        Atom a = form_atom(l->f, f[i].atom);
        if (!a.leaves || a.kind == ATOM_leaf || !form_has_leaf(l->f, a.arg, leaf)) continue;
        Form slope = form_diff(l->f, a.arg, leaf);
        if (a.kind == ATOM_base || !slope || form_node(l->f, slope).leaves) return true;
    }
    return false;
}

/* A break of what is not affine in one leaf, on leaves that correlate with this one: its derivative
 * would be a delta that no rule takes further. */
static bool rough(Limit1 *l, const Power *f, uint32_t n, uint32_t leaf) {
    for (uint32_t i = 0; i < n; i++) {
        Atom a = form_atom(l->f, f[i].atom);
        uint32_t x;
        Form slope, off;
        Leaves v = {0};
        if (!a.leaves || a.kind != ATOM_fn) continue;
        if (a.fn != FF_sign && a.fn != FF_abs && a.fn != FF_delta) continue;
        if (single(l, a.arg, &x, &slope, &off)) continue;
        form_leaves(l->f, a.arg, &v);
        for (uint32_t j = 0; j < v.len; j++)
            if (v.data[j] == leaf || leaf_cov(l, leaf, v.data[j]) != FORM_ZERO) return true;
    }
    return false;
}

/* A leaf with a natural exponent, for Stein's rule; a delta. */
static void find_parts(Limit1 *l, Split *s) {
    s->power = s->delta = -1;
    for (uint32_t i = 0; i < s->n; i++) {
        Atom a = form_atom(l->f, s->f[i].atom);
        if (a.kind == ATOM_leaf && s->f[i].q == 1 && s->f[i].p > 0 &&
            !curved(l, s->f, s->n, a.k) && !rough(l, s->f, s->n, a.k))
            s->power = (int)i;
        if (a.kind == ATOM_fn && a.fn == FF_delta) s->delta = (int)i;
    }
}

static Split split(Limit1 *l, const Mono *m) {
    Split s = {.power = -1, .delta = -1, .f = ARENA_ARRAY(l->a, Power, m->n + 1)};
    Power *rest = ARENA_ARRAY(l->a, Power, m->n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        Atom a = form_atom(l->f, m->f[i].atom);
        if (!a.leaves) {
            rest[n++] = m->f[i];
            continue;
        }
        s.f[s.n++] = m->f[i];
    }
    s.factor = form_of_mono(l->f, (Mono){m->num, m->den, rest, n});
    return s;
}

static Form product_of(Limit1 *l, const Power *f, uint32_t n, int without) {
    Form r = FORM_ONE;
    for (uint32_t i = 0; i < n; i++) {
        if ((int)i == without || !f[i].p) continue;
        Power *one = ARENA_NEW(l->a, Power);
        *one = f[i];
        r = form_mul(l->f, r, form_of_mono(l->f, (Mono){1, 1, one, 1}));
    }
    return r;
}

/* E[x rest], rest with its delta. */
static Form stein(Limit1 *l, const Split *s) {
    FormPool *f = l->f;
    uint32_t x = form_atom(f, s->f[s->power].atom).k, u = 0;
    Power *less = arena_copy(l->a, s->f, s->n * sizeof *less);
    less[s->power].p--;
    Form delta = FORM_ONE, a = 0, m = 0, sum = FORM_ZERO;
    if (s->delta >= 0) {
        delta = product_of(l, &s->f[s->delta], 1, -1);
        if (!single(l, form_atom(f, s->f[s->delta].atom).arg, &u, &a, &m)) return 0;
    }
    Form rest = product_of(l, less, s->n, s->delta);
    Form back = FORM_ZERO; /* Cov(x, u) / Var u */
    if (a) back = form_mul(f, leaf_cov(l, x, u), form_pow(f, leaf_cov(l, u, u), -1, 1));
    if (m && m != FORM_ZERO) { /* mean of x given u = -m / a */
        Form mean = form_mul(f, back, form_mul(f, m, form_pow(f, a, -1, 1)));
        sum = form_scale(f, form_mul(f, mean, form_mul(f, delta, rest)), -1, 1);
    }
    Leaves v = {0};
    if (!rest) return 0;
    form_leaves(f, rest, &v);
    for (uint32_t i = 0; i < v.len && sum; i++) {
        Form c = leaf_cov(l, x, v.data[i]);
        if (a) c = form_sub(f, c, form_mul(f, back, leaf_cov(l, u, v.data[i])));
        if (c == FORM_ZERO) continue;
        Form d = form_mul(f, delta, form_diff(f, rest, v.data[i]));
        sum = form_add(f, sum, form_mul(f, c, d));
    }
    return sum ? expect(l, sum) : 0;
}

/* E[|u| M] = m E[sign(u) M] + sum over y of Cov(u, y) E[d(sign(u) M)/dy], u = a x + m. */
static Form without_abs(Limit1 *l, const Split *s, int at) {
    FormPool *f = l->f;
    uint32_t x;
    Form a, m, u = form_atom(f, s->f[at].atom).arg;
    if (!single(l, u, &x, &a, &m)) return 0;
    Form rest = form_mul(f, form_fn(f, FF_sign, u), product_of(l, s->f, s->n, at));
    Form sum = form_mul(f, m, rest);
    Leaves v = {0};
    if (!rest) return 0;
    form_leaves(f, rest, &v);
    for (uint32_t i = 0; i < v.len && sum; i++) {
        Form c = form_mul(f, a, leaf_cov(l, x, v.data[i]));
        if (c != FORM_ZERO)
            sum = form_add(f, sum, form_mul(f, c, form_diff(f, rest, v.data[i])));
    }
    return sum ? expect(l, sum) : 0;
}

/* Twice the derivative by x of exp(c x^2)'s argument, 2 c; 0: it is another function. */
static Form quadratic(Limit1 *l, const Power *w, uint32_t x) {
    Atom a = form_atom(l->f, w->atom);
    if (a.kind != ATOM_fn || a.fn != FF_exp || w->p != 1 || w->q != 1) return 0;
    Form slope = form_diff(l->f, a.arg, x), twice = slope ? form_diff(l->f, slope, x) : 0;
    if (!twice || form_node(l->f, twice).leaves) return 0;
    return slope == form_mul(l->f, twice, form_leaf(l->f, x)) ? twice : 0;
}

/* Is the product a function of x alone, curved at most in the factor `at`? */
static bool tame(Limit1 *l, const Split *s, uint32_t x, uint32_t at) {
    for (uint32_t i = 0; i < s->n; i++) {
        Leaves v = {0};
        form_leaves(l->f, product_of(l, &s->f[i], 1, -1), &v);
        if (v.len != 1 || v.data[0] != x) return false;
        if (i != at && curved(l, &s->f[i], 1, x)) return false;
    }
    return true;
}

/* Stein's rule under a Gaussian factor, q = Var x, where it takes the power down all the same:
 * (1 - 2 c q) E[x exp(c x^2) M] = q E[exp(c x^2) M']. */
static Form tilted(Limit1 *l, const Split *s) {
    FormPool *f = l->f;
    for (uint32_t i = 0; i < s->n && s->delta < 0; i++) {
        Atom x = form_atom(f, s->f[i].atom);
        if (x.kind != ATOM_leaf || s->f[i].q != 1 || s->f[i].p < 1) continue;
        for (uint32_t j = 0; j < s->n; j++) {
            Form twice = j == i ? 0 : quadratic(l, &s->f[j], x.k);
            if (!twice || !tame(l, s, x.k, j)) continue;
            Form q = leaf_cov(l, x.k, x.k), d = form_sub(f, FORM_ONE, form_mul(f, twice, q));
            if (!d || form_node(f, d).leaves || !(form_value(f, d).v > 0)) continue;
            Power *less = arena_copy(l->a, s->f, s->n * sizeof *less);
            less[i].p--;
            Form m = form_diff(f, product_of(l, less, s->n, (int)j), x.k);
            Form rest = form_mul(f, product_of(l, &s->f[j], 1, -1), m);
            return rest ? expect(l, form_mul(f, form_mul(f, q, form_pow(f, d, -1, 1)), rest)) : 0;
        }
    }
    return 0;
}

static int find_abs(Limit1 *l, const Split *s) {
    for (uint32_t i = 0; i < s->n && s->delta < 0; i++) {
        Atom a = form_atom(l->f, s->f[i].atom);
        uint32_t x;
        Form slope, off;
        if (a.kind == ATOM_fn && a.fn == FF_abs && s->f[i].p == 1 && s->f[i].q == 1 &&
            single(l, a.arg, &x, &slope, &off) && !rough(l, s->f, s->n, x))
            return (int)i;
    }
    return -1;
}

/* ---- independent groups */
static void leaves_of(Limit1 *l, const Power *w, Leaves *out) {
    Atom a = form_atom(l->f, w->atom);
    if (a.kind == ATOM_leaf) form_leaves(l->f, form_leaf(l->f, a.k), out);
    else form_leaves(l->f, a.arg, out);
}

static bool linked(Limit1 *l, const Leaves *a, const Leaves *b) {
    for (uint32_t i = 0; i < a->len; i++)
        for (uint32_t j = 0; j < b->len; j++)
            if (a->data[i] == b->data[j] || leaf_cov(l, a->data[i], b->data[j]) != FORM_ZERO)
                return true;
    return false;
}

static Form group_mean(Limit1 *l, Form g) {
    Form known = form_mean_find(l->f, g);
    if (known || !g) return known;
    FormNode n = form_node(l->f, g);
    if (n.n != 1) return expect(l, g);
    if (odd_somehow(l, &n.m[0])) return FORM_ZERO;
    Num v = expect_number(l, g);
    return form_mean(l->f, g, v.v, v.err);
}

static Form groups(Limit1 *l, const Split *s) {
    uint32_t *group = ARENA_ARRAY(l->a, uint32_t, s->n);
    Leaves *leaves = ARENA_ARRAY(l->a, Leaves, s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        leaves_of(l, &s->f[i], &leaves[i]);
        group[i] = i;
        for (uint32_t j = 0; j < i; j++) {
            if (group[j] == group[i] || !linked(l, &leaves[i], &leaves[j])) continue;
            uint32_t from = group[j];
            for (uint32_t q = 0; q <= i; q++)
                if (group[q] == from) group[q] = group[i];
        }
    }
    Form r = FORM_ONE;
    for (uint32_t g = 0; g < s->n && r; g++) {
        Form one = FORM_ONE;
        bool any = false;
        for (uint32_t i = 0; i < s->n; i++) {
            if (group[i] != g) continue;
            any = true;
            one = form_mul(l->f, one, product_of(l, &s->f[i], 1, -1));
        }
        if (any) r = form_mul(l->f, r, group_mean(l, one));
    }
    return r;
}

/* Products of coins with others: E[m M] = p E[M] where M does not contain m. */
static bool coins(Limit1 *l, Split *s) {
    for (uint32_t i = 0; i < s->n; i++) {
        Atom a = form_atom(l->f, s->f[i].atom);
        if (a.kind != ATOM_leaf || l->leaf.data[a.k].kind != LEAF_coin) continue;
        for (uint32_t j = 0; j < s->n; j++) {
            Atom b = form_atom(l->f, s->f[j].atom);
            if (j != i && b.kind != ATOM_leaf && form_has_leaf(l->f, b.arg, a.k)) return false;
        }
        s->factor = form_mul(l->f, s->factor, l->leaf.data[a.k].scale);
        s->f[i] = s->f[--s->n];
        i--;
    }
    find_parts(l, s);
    return true;
}

static Form expect_mono(Limit1 *l, const Mono *m) {
    Split s = split(l, m);
    if (!s.n) return s.factor;
    if (!coins(l, &s)) return 0;
    if (!s.n) return s.factor;
    if (odd_somehow(l, &(Mono){1, 1, s.f, s.n})) return FORM_ZERO;
    int abs = s.power >= 0 ? -1 : find_abs(l, &s);
    Form r = abs >= 0 ? without_abs(l, &s, abs) : 0;
    if (!r && s.power < 0) r = tilted(l, &s);
    if (!r) r = s.power >= 0 ? stein(l, &s) : groups(l, &s);
    return form_mul(l->f, s.factor, r);
}

Num expect_product(Limit1 *l, const Mono *m) {
    if (odd_somehow(l, m)) return (Num){0, 0};
    return expect_number(l, form_of_mono(l->f, *m));
}

Form expect(Limit1 *l, Form z) {
    if (!z || l->stuck || l->depth > MAX_DEPTH) return 0;
    FormNode n = form_node(l->f, z);
    if (!n.leaves) return z;
    for (uint32_t i = l->mean_key.len; i-- > 0;)
        if (l->mean_key.data[i] == z) return l->mean_value.data[i];
    Forms terms = {0};
    l->depth++;
    for (uint32_t i = 0; i < n.n; i++) {
        Form t = expect_mono(l, &n.m[i]);
        if (t != FORM_ZERO) vec_push(l->a, &terms, t);
        if (!t) break;
    }
    l->depth--;
    Form sum = form_sum(l->f, &terms);
    vec_push(l->a, &l->mean_key, z);
    vec_push(l->a, &l->mean_value, sum);
    return sum;
}

/* Sums, independent groups and integrals; law_tidy. */
#include "gauss/expect.h"

Fm law_tidy(const Expect *x, Fm f, bool always) {
    FmPool *p = x->p;
    for (uint32_t i = 0; i < x->law.nsquare; i++) {
        Sum s = fm_sum(p, f);
        Fm r = 0;
        uint32_t before = 0, after = 0;
        bool any = false;
        for (uint32_t j = 0; j < s.n; j++) {
            Mono m = fm_mono(p, s.t[j].mono);
            Power *w = ARENA_ARRAY(p->a, Power, m.n + 1);
            int64_t half = 0;
            for (uint32_t l = 0; l < m.n; l++) {
                w[l] = m.p[l];
                if (w[l].atom != x->law.square[i].atom || w[l].e.d != 1 || w[l].e.n < 2) continue;
                half = w[l].e.n / 2;
                w[l].e.n %= 2;
            }
            Rat c = s.t[j].c;
            uint32_t mono = mono_from(p, w, m.n, &c);
            Fm t = fm_term(p, c, mono);
            for (int64_t l = 0; l < half; l++) t = fm_mul(p, t, x->law.square[i].to);
            any = any || half;
            before += s.t[j].c.n < 0;
            r = fm_add(p, r, t);
        }
        if (!any) continue;
        Sum z = fm_sum(p, r);
        for (uint32_t j = 0; j < z.n; j++) after += z.t[j].c.n < 0;
        if (always || after < before) f = r;
    }
    return f;
}

/* ---- groups */

static uint32_t gate_mask(const Norm *n, uint32_t g) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (n->gate.data[g].a[i]) m |= 1u << i;
    return m;
}

typedef struct Groups {
    uint32_t of[MAX_LEAF]; /* bit set of the leaf's group */
} Groups;

static void join(Groups *g, uint32_t mask) {
    uint32_t all = mask;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (mask >> i & 1) all |= g->of[i];
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (all >> i & 1) g->of[i] = all;
}

static void find_groups(const Expect *x, const Key *k, uint32_t leaves, Groups *g) {
    for (uint32_t i = 0; i < MAX_LEAF; i++) g->of[i] = 1u << i;
    for (uint32_t i = 0; i < x->law.nleaf; i++)
        for (uint32_t j = 0; j < i; j++)
            if ((leaves >> i & 1) && (leaves >> j & 1) && x->law.cov[i * MAX_LEAF + j])
                join(g, 1u << i | 1u << j);
    for (uint32_t b = 0; b < MAX_LEAF; b++)
        for (uint32_t a = 0; a < b; a++)
            if (k->quad[quad_at(a, b)]) join(g, 1u << a | 1u << b);
    for (uint32_t i = 0; i < MAX_GATE && k->gate[i]; i++) join(g, gate_mask(x->n, k->gate[i]));
    for (uint32_t i = 0; i < MAX_DELTA && k->delta[i]; i++) join(g, gate_mask(x->n, k->delta[i]));
    for (uint32_t i = 0; i < MAX_OPAQUE && k->opq[i]; i++) join(g, leaf_set(x->n->fx, k->opq[i]));
}

static void keep_in(const Norm *n, uint32_t *v, uint32_t max, uint32_t mask) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < max && v[i]; i++)
        if (gate_mask(n, v[i]) & mask) v[m++] = v[i];
    for (; m < max; m++) v[m] = 0;
}

static Key restrict_key(const Expect *x, const Key *k, uint32_t mask) {
    Key r = *k;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (!(mask >> i & 1)) r.pow[i] = 0, r.lin[i] = 0;
    for (uint32_t b = 0; b < MAX_LEAF; b++)
        for (uint32_t a = 0; a <= b; a++)
            if (!(mask >> b & 1)) r.quad[quad_at(a, b)] = 0;
    keep_in(x->n, r.gate, MAX_GATE, mask);
    keep_in(x->n, r.delta, MAX_DELTA, mask);
    uint32_t m = 0;
    for (uint32_t i = 0; i < MAX_OPAQUE && k->opq[i]; i++)
        if (leaf_set(x->n->fx, k->opq[i]) & mask) r.opq[m++] = k->opq[i];
    for (; m < MAX_OPAQUE; m++) r.opq[m] = 0;
    return r;
}

static Fm integral_of(Expect *x, const Key *k, uint32_t leaves) {
    Key core = *k;
    if (k->delta[0]) {
        x->failed = true;
        x->why = "a derivative at a kink between several vectors";
    }
    memset(core.pow, 0, sizeof core.pow);
    Integral in = {.key = *k, .core = key_leaves(x->n, &core), .leaves = leaves};
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (leaves >> i & 1) in.time |= x->p->leaf_time[i];
    for (uint32_t i = 0; i < x->integral.len; i++)
        if (!memcmp(&x->integral.data[i].key, k, sizeof *k))
            return fm_fn(x->p, FN_quad, i, in.time, 0, 0);
    vec_push(x->p->a, &x->integral, in);
    return fm_fn(x->p, FN_quad, x->integral.len - 1, in.time, 0, 0);
}

static Fm expect_term(Expect *x, const Term *t) {
    uint32_t leaves = key_leaves(x->n, &t->key), done = 0;
    Groups g;
    find_groups(x, &t->key, leaves, &g);
    Fm r = t->coef;
    for (uint32_t i = 0; i < MAX_LEAF && r; i++) {
        if (!(leaves >> i & 1) || (done >> i & 1)) continue;
        done |= g.of[i];
        Key k = restrict_key(x, &t->key, g.of[i]);
        Fm e = 0;
        bool closed = !k.opq[0] && expect_group(x, &k, &e);
        r = fm_mul(x->p, r, closed ? e : integral_of(x, &k, g.of[i] & leaves));
    }
    return r;
}

Fm expect_of(Expect *x, const Normal *f) {
    Fm r = 0;
    for (uint32_t i = 0; i < f->n; i++) r = fm_add(x->p, r, expect_term(x, &f->t[i]));
    return r;
}

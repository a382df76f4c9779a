/* Closed form of one group: minors of the bordered covariance matrix, the recursion U over the
 * monomial, orthant probabilities.  Index set: leaves, gates y = l + s w, deltas, and one index per
 * square tau l^2 of the quadratic form. */
#include "gauss/expect.h"

enum { MAX_INDEX = 28, MEAN = 30, MEAN0 = 31, MAX_EVAL = 4000 };

typedef enum IndexKind { IX_leaf, IX_gate, IX_delta, IX_tau } IndexKind;

typedef struct Index {
    IndexKind kind;
    bool soft;
    uint32_t leaf;
    Fm l[MAX_LEAF], c;
    Fm tau;
    Fm mean, mean0; /* with and without the tilt by exp(lin) */
} Index;

typedef struct MinorMemo {
    uint8_t n, row[MAX_INDEX], col[MAX_INDEX];
    Fm value;
} MinorMemo;

typedef struct UMemo {
    uint32_t S, G;
    uint8_t pow[MAX_LEAF];
    Fm value;
} UMemo;

typedef struct Group {
    Expect *x;
    FmPool *p;
    Index ix[MAX_INDEX];
    uint32_t n, S0;
    int leaf_index[MAX_LEAF];
    Fm lin[MAX_LEAF];
    bool tilted, edge;
    uint32_t ei, ej; /* edge: the two leaves */
    Fm factor;       /* exp of the tilt, for S other than S0 */
    VEC(MinorMemo) minors;
    VEC(UMemo) values;
    uint32_t evals;
    bool failed;
} Group;

static Fm law_cov(const Group *g, const Fm *a, const Fm *b) {
    FmPool *p = g->p;
    Fm r = 0;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        for (uint32_t j = 0; j < MAX_LEAF && a[i]; j++) {
            Fm c = g->x->law.cov[i * MAX_LEAF + j];
            if (b[j] && c) r = fm_add(p, r, fm_mul(p, fm_mul(p, a[i], b[j]), c));
        }
    return r;
}

/* ---- building the index set */

static bool push(Group *g, Index ix) {
    if (g->n == MAX_INDEX) return false;
    g->ix[g->n++] = ix;
    return true;
}

/* sum_ab Q_ab x_a x_b = sum tau l^2, one square completed after the other. */
static bool complete_squares(Group *g, const Key *k) {
    FmPool *p = g->p;
    Fm q[MAX_QUAD];
    memcpy(q, k->quad, sizeof q);
    for (;;) {
        uint32_t a = 0, any = 0;
        for (uint32_t i = 0; i < MAX_QUAD; i++) any |= q[i];
        if (!any) return true;
        while (a < MAX_LEAF && !q[quad_at(a, a)]) a++;
        if (a == MAX_LEAF) return false; /* indefinite */
        Index ix = {.kind = IX_tau, .tau = q[quad_at(a, a)]};
        Fm inv = fm_inv(p, ix.tau);
        for (uint32_t b = 0; b < MAX_LEAF; b++) {
            uint32_t at = a < b ? quad_at(a, b) : quad_at(b, a);
            ix.l[b] = a == b ? fm_int(p, 1) : fm_mul(p, q[at], inv);
            q[at] = 0;
        }
        for (uint32_t b = 0; b < MAX_LEAF; b++)
            for (uint32_t c = 0; c <= b; c++) {
                if (b == a || c == a || !ix.l[b] || !ix.l[c]) continue;
                Fm d = fm_mul(p, ix.tau, fm_mul(p, ix.l[b], ix.l[c]));
                q[quad_at(c, b)] = fm_sub(p, q[quad_at(c, b)], d);
            }
        if (!push(g, ix)) return false;
    }
}

static bool has_imaginary(const Group *g, const Fm *lin) {
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (lin[i] && fm_has(g->p, lin[i], AK_i, 0)) return true;
    return false;
}

static bool build(Group *g, const Key *k) {
    FmPool *p = g->p;
    uint32_t leaves = key_leaves(g->x->n, k);
    for (uint32_t i = 0; i < MAX_LEAF; i++) {
        g->leaf_index[i] = -1;
        if (!(leaves >> i & 1)) continue;
        g->leaf_index[i] = (int)g->n;
        Index ix = {.kind = IX_leaf, .leaf = i};
        ix.l[i] = fm_int(p, 1);
        push(g, ix);
    }
    for (uint32_t i = 0; i < MAX_GATE && k->gate[i]; i++) {
        const Gate *y = &g->x->n->gate.data[k->gate[i]];
        Index ix = {.kind = IX_gate, .soft = y->soft, .c = y->c};
        memcpy(ix.l, y->a, sizeof ix.l);
        if (!push(g, ix)) return false;
    }
    for (uint32_t i = 0; i < MAX_DELTA && k->delta[i]; i++) {
        const Gate *y = &g->x->n->gate.data[k->delta[i]];
        Index ix = {.kind = IX_delta, .soft = y->soft, .c = y->c};
        memcpy(ix.l, y->a, sizeof ix.l);
        if (!push(g, ix)) return false;
    }
    memcpy(g->lin, k->lin, sizeof g->lin);
    for (uint32_t i = 0; i < MAX_LEAF; i++) g->tilted = g->tilted || g->lin[i];
    if (k->gate[0] && has_imaginary(g, g->lin)) return false;
    return complete_squares(g, k);
}

static void means(Group *g) {
    FmPool *p = g->p;
    for (uint32_t i = 0; i < g->n; i++) {
        Index *ix = &g->ix[i];
        Fm m = ix->c;
        for (uint32_t j = 0; j < MAX_LEAF; j++)
            if (ix->l[j]) m = fm_add(p, m, fm_mul(p, ix->l[j], g->x->law.mean[j]));
        ix->mean0 = m;
        ix->mean = fm_add(p, m, law_cov(g, ix->l, g->lin));
        if (ix->kind == IX_tau || ix->kind == IX_delta) g->S0 |= 1u << i;
    }
    if (!g->tilted) return;
    Fm e = fm_scale(p, law_cov(g, g->lin, g->lin), rat(1, 2));
    for (uint32_t j = 0; j < MAX_LEAF; j++)
        e = fm_add(p, e, fm_mul(p, g->lin[j], g->x->law.mean[j]));
    g->factor = fm_fn(p, FN_exp, e, 0, 0, 0);
}

/* ---- minors */

static Fm entry(const Group *g, uint32_t r, uint32_t c) {
    FmPool *p = g->p;
    if (r >= MEAN && c >= MEAN) return 0;
    if (r >= MEAN) return r == MEAN ? g->ix[c].mean : g->ix[c].mean0;
    const Index *x = &g->ix[r];
    Fm v = c == MEAN ? x->mean : c == MEAN0 ? x->mean0 : law_cov(g, x->l, g->ix[c].l);
    if (x->kind == IX_tau) v = fm_mul(p, v, x->tau);
    if (r == c && (x->kind == IX_tau || x->soft)) v = fm_add(p, v, fm_int(p, 1));
    return v;
}

static Fm minor(Group *g, const uint8_t *row, const uint8_t *col, uint32_t n) {
    FmPool *p = g->p;
    if (!n) return fm_int(p, 1);
    for (uint32_t i = 0; i < g->minors.len; i++) {
        const MinorMemo *m = &g->minors.data[i];
        if (m->n == n && !memcmp(m->row, row, n) && !memcmp(m->col, col, n)) return m->value;
    }
    Fm z = 0;
    for (uint32_t j = 0; j < n; j++) {
        Fm e = entry(g, row[0], col[j]);
        if (!e) continue;
        uint8_t rest[MAX_INDEX];
        memcpy(rest, col, j);
        memcpy(rest + j, col + j + 1, n - j - 1);
        Fm t = fm_mul(p, e, minor(g, row + 1, rest, n - 1));
        z = j % 2 ? fm_sub(p, z, t) : fm_add(p, z, t);
    }
    z = law_tidy(g->x, z, false);
    MinorMemo m = {.n = (uint8_t)n, .value = z};
    memcpy(m.row, row, n);
    memcpy(m.col, col, n);
    vec_push(p->a, &g->minors, m);
    return z;
}

enum { NONE = 255 };

/* Determinant of rows S, i and columns S, j. */
static Fm mn(Group *g, uint32_t S, uint32_t i, uint32_t j) {
    uint8_t row[MAX_INDEX + 1], col[MAX_INDEX + 1];
    uint32_t n = 0;
    for (uint32_t b = 0; b < g->n; b++)
        if (S >> b & 1) row[n] = col[n] = (uint8_t)b, n++;
    if (i != NONE) row[n] = (uint8_t)i, col[n] = (uint8_t)j, n++;
    return minor(g, row, col, n);
}

static Fm det(Group *g, uint32_t S) { return mn(g, S, NONE, NONE); }

/* Rows S + i, columns S + j with i, j outside S. */
static bool any_mean(const Group *g, uint32_t S, bool tilt) {
    for (uint32_t i = 0; i < g->n; i++)
        if ((S >> i & 1) && (tilt ? g->ix[i].mean : g->ix[i].mean0)) return true;
    return false;
}

/* ---- densities and orthants */

static Fm standardised(Group *g, uint32_t i) {
    return fm_mul(g->p, g->ix[i].mean, fm_pow(g->p, entry(g, i, i), rat(-1, 2)));
}

static uint32_t gate_leaf(const Group *g, uint32_t i) {
    uint32_t j = 0;
    while (!g->ix[i].l[j]) j++;
    return j;
}

static Fm cond(Group *g, uint32_t b, uint32_t a) {
    Fm r = fm_fn(g->p, FN_cond, standardised(g, b), standardised(g, a), g->ei, g->ej);
    return r;
}

/* Conditioned first, then tilted: one exponent, no cancellation between two. */
static Fm tilt_exponent(Group *g, uint32_t S, Fm d) {
    FmPool *p = g->p;
    Fm inv = fm_inv(p, d), e = 0, second = 0;
    if (any_mean(g, S, false))
        e = fm_scale(p, fm_mul(p, law_tidy(g->x, mn(g, S, MEAN0, MEAN0), true), inv), rat(1, 2));
    for (uint32_t a = 0; a < MAX_LEAF; a++) {
        if (!g->lin[a]) continue;
        uint32_t ia = (uint32_t)g->leaf_index[a];
        Fm m = mn(g, S, ia, MEAN0);
        if (m) e = fm_add(p, e, fm_mul(p, g->lin[a], fm_mul(p, m, inv)));
        for (uint32_t b = 0; b < MAX_LEAF; b++) {
            if (!g->lin[b]) continue;
            Fm c = mn(g, S, ia, (uint32_t)g->leaf_index[b]);
            second = fm_add(p, second, fm_mul(p, fm_mul(p, g->lin[a], g->lin[b]), c));
        }
    }
    second = law_tidy(g->x, second, true);
    return fm_add(p, e, fm_scale(p, fm_mul(p, second, inv), rat(1, 2)));
}

static Fm density(Group *g, uint32_t S) {
    FmPool *p = g->p;
    Fm d = det(g, S);
    int nd = 0;
    uint32_t first = NONE, last = NONE;
    for (uint32_t i = 0; i < g->n; i++) {
        if (!(S >> i & 1)) continue;
        nd += g->ix[i].kind != IX_tau;
        if (first == NONE) first = i;
        last = i;
    }
    Fm r = fm_mul(p, fm_pow(p, d, rat(-1, 2)), fm_2pi(p, -nd)), e;
    if (S == g->S0 && g->tilted)
        return fm_mul(p, r, fm_fn(p, FN_exp, tilt_exponent(g, S, d), 0, 0, 0));
    if (g->edge && nd == 2) {
        if (!any_mean(g, S, true)) return r;
        Fm h = standardised(g, first), c = cond(g, last, first);
        e = fm_add(p, fm_mul(p, h, h), fm_mul(p, c, c));
        return fm_mul(p, r, fm_fn(p, FN_exp, fm_scale(p, e, rat(-1, 2)), 0, 0, 0));
    }
    if (any_mean(g, S, true)) {
        e = fm_scale(p, fm_mul(p, mn(g, S, MEAN, MEAN), fm_inv(p, d)), rat(1, 2));
        r = fm_mul(p, r, fm_fn(p, FN_exp, e, 0, 0, 0));
    }
    return g->tilted ? fm_mul(p, r, g->factor) : r;
}

/* asin of the correlation of a, b given S: v_a v_b - c^2 = minor(S) minor(S a b) (Jacobi).  Where
 * no variance can vanish they divide both, each a value of one sample: no quotient a pair. */
static Fm angle(Group *g, uint32_t S, uint32_t a, uint32_t b) {
    FmPool *p = g->p;
    Fm c = mn(g, S, a, b), root = fm_mul(p, det(g, S | 1u << a | 1u << b), det(g, S));
    Fm va = mn(g, S, a, a), vb = mn(g, S, b, b);
    if (!fm_bounded_below(p, va) || !fm_bounded_below(p, vb))
        return fm_fn(p, FN_atan2, c, fm_sqrt(p, root), 0, 0);
    Fm by = fm_mul(p, fm_pow(p, va, rat(-1, 2)), fm_pow(p, vb, rat(-1, 2)));
    return fm_fn(p, FN_asin, fm_mul(p, c, by), fm_mul(p, fm_sqrt(p, root), by), 0, 0);
}

static Fm orthant2(Group *g, uint32_t S, uint32_t a, uint32_t b, bool zero, const Fm *h) {
    FmPool *p = g->p;
    if (zero) {
        Fm t = fm_mul(p, angle(g, S, a, b), fm_inv(p, fm_scale(p, fm_pi(p), (Rat){2, 1})));
        return fm_add(p, fm_frac(p, 1, 4), t);
    }
    if (g->edge) return fm_fn(p, FN_bvnd, standardised(g, a), standardised(g, b), g->ei, g->ej);
    Fm va = mn(g, S, a, a), vb = mn(g, S, b, b), vv = fm_mul(p, va, vb), d = det(g, S);
    Fm c = fm_mul(p, mn(g, S, a, b), fm_pow(p, vv, rat(-1, 2)));
    Fm r = fm_mul(p, fm_mul(p, det(g, S | 1u << a | 1u << b), d), fm_inv(p, vv));
    return fm_fn(p, FN_bvn, h[0], h[1], c, r);
}

static Fm orthant(Group *g, uint32_t S, uint32_t G) {
    FmPool *p = g->p;
    uint32_t i[3], n = 0;
    bool zero = true;
    Fm d = det(g, S), h[3];
    for (uint32_t b = 0; b < g->n; b++) {
        if (!(G >> b & 1)) continue;
        if (n == 3) return g->failed = true, 0;
        Fm m = any_mean(g, S | 1u << b, true) ? mn(g, S, b, MEAN) : 0;
        zero = zero && !m;
        h[n] = fm_mul(p, m, fm_pow(p, fm_mul(p, mn(g, S, b, b), d), rat(-1, 2)));
        i[n++] = b;
    }
    if (!n) return fm_int(p, 1);
    if (n == 1) {
        uint32_t s = 0;
        while (s < g->n && S != 1u << s) s++;
        if (g->edge && s < g->n && (g->ix[s].mean || g->ix[i[0]].mean)) h[0] = cond(g, i[0], s);
        return fm_fn(p, FN_Phi, h[0], 0, 0, 0);
    }
    if (n == 2) return orthant2(g, S, i[0], i[1], zero, h);
    if (!zero) return g->failed = true, 0;
    Fm t = fm_add(p, angle(g, S, i[0], i[1]), angle(g, S, i[0], i[2]));
    t = fm_add(p, t, angle(g, S, i[1], i[2]));
    t = fm_mul(p, t, fm_inv(p, fm_scale(p, fm_pi(p), (Rat){4, 1})));
    return fm_add(p, fm_frac(p, 1, 8), t);
}

/* ---- the recursion over the monomial: with x a leaf of it and f = mono / x,
 * U(S, mono, G) = mean(x|S) U(S, f, G) + sum_j cov(x, j|S) U(S, d_j f, G)
 *               + sum_{g in G} cov(x, g|S) U(S + g, f, G - g). */

static Fm U(Group *g, uint32_t S, const uint8_t *pow, uint32_t G);

static Fm U_step(Group *g, uint32_t S, uint8_t *f, uint32_t i, uint32_t G) {
    FmPool *p = g->p;
    Fm d = det(g, S), inv = fm_inv(p, d), r = 0;
    if (any_mean(g, S | 1u << i, true)) {
        Fm m = mn(g, S, i, MEAN);
        if (m) r = fm_mul(p, fm_mul(p, m, inv), U(g, S, f, G));
    }
    for (uint32_t j = 0; j < MAX_LEAF; j++) {
        if (!f[j]) continue;
        Fm c = mn(g, S, i, (uint32_t)g->leaf_index[j]);
        if (!c) continue;
        int64_t e = f[j]--;
        Fm t = fm_mul(p, fm_mul(p, c, inv), U(g, S, f, G));
        f[j]++;
        r = fm_add(p, r, fm_scale(p, t, (Rat){e, 1}));
    }
    for (uint32_t b = 0; b < g->n; b++) {
        if (!(G >> b & 1)) continue;
        Fm c = mn(g, S, i, b);
        if (c) r = fm_add(p, r, fm_mul(p, fm_mul(p, c, inv), U(g, S | 1u << b, f, G & ~(1u << b))));
    }
    return r;
}

static Fm U(Group *g, uint32_t S, const uint8_t *pow, uint32_t G) {
    if (!det(g, S) || g->failed) return 0;
    for (uint32_t i = 0; i < g->values.len; i++) {
        const UMemo *m = &g->values.data[i];
        if (m->S == S && m->G == G && !memcmp(m->pow, pow, MAX_LEAF)) return m->value;
    }
    if (++g->evals > MAX_EVAL) return g->failed = true, 0;
    uint32_t best = MAX_LEAF;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (pow[i] && (best == MAX_LEAF || pow[i] > pow[best])) best = i;
    UMemo m = {.S = S, .G = G};
    memcpy(m.pow, pow, MAX_LEAF);
    if (best == MAX_LEAF) {
        m.value = fm_mul(g->p, density(g, S), orthant(g, S, G));
    } else {
        uint8_t f[MAX_LEAF];
        memcpy(f, pow, MAX_LEAF);
        f[best]--;
        m.value = U_step(g, S, f, (uint32_t)g->leaf_index[best], G);
    }
    vec_push(g->p->a, &g->values, m);
    return m.value;
}

/* ---- fans and edges */

/* Two hard gates, one leaf each, nothing else: everything in the standardised breaks, d = 1 -
 * |rho|. */
static void find_edge(Group *g, const Key *k) {
    uint32_t at[2], n = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        const Index *ix = &g->ix[i];
        if (ix->kind == IX_tau || ix->kind == IX_delta) return;
        if (ix->kind != IX_gate) continue;
        uint32_t leaves = 0;
        for (uint32_t j = 0; j < MAX_LEAF; j++) leaves += ix->l[j] != 0;
        if (n == 2 || ix->soft || leaves != 1) return;
        at[n++] = i;
    }
    if (g->tilted || n != 2) return;
    uint32_t u = gate_leaf(g, at[0]), v = gate_leaf(g, at[1]);
    uint32_t leaves = key_leaves(g->x->n, k);
    if (u == v || leaves != (1u << u | 1u << v)) return;
    g->edge = true;
    g->ei = u < v ? u : v;
    g->ej = u < v ? v : u;
}

static bool fan(Group *g, const Key *k, Fm *out) {
    if (!g->edge || g->x->no_fan) return false;
    for (uint32_t i = 0; i < g->n; i++)
        if (g->ix[i].mean) return false;
    uint32_t u = g->ei, v = g->ej, a = k->pow[u], b = k->pow[v];
    Fm r = fm_pow(g->p, g->x->law.cov[u * MAX_LEAF + u], rat(a, 2));
    r = fm_mul(g->p, r, fm_pow(g->p, g->x->law.cov[v * MAX_LEAF + v], rat(b, 2)));
    uint32_t lo = a < b ? a : b, hi = a < b ? b : a;
    *out = fm_mul(g->p, r, fm_fn(g->p, FN_fan, lo, hi, u, v));
    return true;
}

bool expect_group(Expect *x, const Key *k, Fm *out) {
    Group *g = ARENA_NEW(x->p->a, Group);
    g->x = x;
    g->p = x->p;
    if (!build(g, k)) return false;
    means(g);
    find_edge(g, k);
    if (fan(g, k, out)) return true;
    uint32_t G = 0;
    for (uint32_t i = 0; i < g->n; i++)
        if (g->ix[i].kind == IX_gate) G |= 1u << i;
    *out = U(g, g->S0, k->pow, G);
    return !g->failed;
}

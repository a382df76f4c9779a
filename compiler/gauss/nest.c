/* The integrand of a nest: Cholesky factor of its leaves, factors of the terms, moments of leaves
 * that occur only as powers. */
#include "gauss/quad.h"

static MVal num(Nest *q, double v) { return m_num(q->m, v); }

/* a / b, 0 where b is 0 or lost in rounding, at most `bound` in size. */
static MVal ratio(Nest *q, MVal a, MVal b, MVal bound) {
    Mach *m = q->m;
    MVal ok = m_positive(m, b);
    MVal v = m_select(m, ok, m_div(m, a, b), num(q, 0));
    return m_op2(m, KO_min, m_op2(m, KO_max, v, m_op1(m, KO_neg, bound)), bound);
}

static MVal root_of(Nest *q, MVal x) {
    return m_op1(q->m, KO_sqrt, m_op2(q->m, KO_max, x, num(q, 0)));
}

/* Row of the Cholesky factor for leaf x against the first n core leaves; *left: variance left over.
 */
static void factor_row(Nest *q, uint32_t x, uint32_t n, MVal *row, MVal *left) {
    Mach *m = q->m;
    *left = run_var(q->r, x);
    for (uint32_t k = 0; k < n; k++) {
        MVal c = run_cov(q->r, x, q->leaf[k]);
        for (uint32_t j = 0; j < k; j++) c = m_fma(m, m_op1(m, KO_neg, row[j]), q->L[k][j], c);
        row[k] = ratio(q, c, q->L[k][k], root_of(q, *left));
        *left = m_fma(m, m_op1(m, KO_neg, row[k]), row[k], *left);
    }
}

static void core_factor(Nest *q) {
    Mach *m = q->m;
    for (uint32_t i = 0; i < q->n; i++) {
        q->mean[i] = run_mean(q->r, q->leaf[i]);
        if (i == 1) { /* accurate near correlation +-1 */
            const PairVal *p = run_pair(q->r, q->leaf[0], q->leaf[1]);
            MVal s = run_std(q->r, q->leaf[1]), two = num(q, 2);
            MVal r = m_mul(m, p->d, m_sub(m, two, p->d));
            q->L[1][0] = m_mul(m, s, p->c);
            q->L[1][1] = m_mul(m, s, m_op1(m, KO_sqrt, r));
            continue;
        }
        MVal left;
        factor_row(q, q->leaf[i], i, q->L[i], &left);
        q->L[i][i] = i ? root_of(q, left) : run_std(q->r, q->leaf[0]);
    }
}

static void eliminate(Nest *q) {
    Mach *m = q->m;
    MVal left;
    for (uint32_t i = 0; i < q->nelim; i++) {
        factor_row(q, q->elim[i].leaf, q->n, q->elim[i].gamma, &left);
        q->elim_mean[i] = run_mean(q->r, q->elim[i].leaf);
        for (uint32_t j = 0; j <= i; j++) {
            MVal c = run_cov(q->r, q->elim[i].leaf, q->elim[j].leaf);
            for (uint32_t k = 0; k < q->n; k++)
                c = m_fma(m, m_op1(m, KO_neg, q->elim[i].gamma[k]), q->elim[j].gamma[k], c);
            q->R[i][j] = q->R[j][i] = c;
        }
    }
}

/* Everything that loops must not compute first. */
static void touch_constants(Nest *q) {
    const Plan *pl = q->pl;
    for (uint32_t k = 0; k < q->nint; k++) {
        const Key *key = &pl->x->integral.data[q->in[k]].key;
        for (uint32_t i = 0; i < MAX_GATE && key->gate[i]; i++) {
            const Gate *g = &pl->n->gate.data[key->gate[i]];
            run_value(q->r, g->c);
            for (uint32_t j = 0; j < MAX_LEAF; j++) run_value(q->r, g->a[j]);
        }
        for (uint32_t i = 0; i < MAX_LEAF; i++) run_value(q->r, key->lin[i]);
        for (uint32_t i = 0; i < MAX_QUAD; i++) run_value(q->r, key->quad[i]);
    }
}

void nest_prepare(Nest *q) {
    core_factor(q);
    eliminate(q);
    touch_constants(q);
    for (uint32_t k = 0; k < q->nint; k++) {
        const Key *key = &q->pl->x->integral.data[q->in[k]].key;
        for (uint32_t i = 0; i < MAX_OPAQUE && key->opq[i]; i++)
            q->leaves[k][i] = leaf_set(q->pl->q.fx, key->opq[i]);
        q->cell[k] = m_array(q->m, "integral", 1);
        m_set(q->m, q->cell[k], 1, m_idx(0), num(q, 0));
    }
}

/* ---- factors */

static uint32_t known_mask(const Nest *q, uint32_t n) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) m |= 1u << q->leaf[i];
    return m;
}

static MVal affine(Nest *q, const Fm *a, Fm c, const MVal *y) {
    MVal v = run_value(q->r, c);
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (a[i]) v = m_fma(q->m, run_value(q->r, a[i]), y[i], v);
    return v;
}

static MVal gate_factor(Nest *q, const Gate *g, const MVal *y) {
    MVal l = affine(q, g->a, g->c, y);
    if (g->soft) return m_op1(q->m, KO_Phi, l);
    return m_select(q->m, m_positive(q->m, l), num(q, 1), num(q, 0));
}

static uint32_t gate_mask(const Gate *g) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (g->a[i]) m |= 1u << i;
    return m;
}

static MVal whole_power(Mach *m, MVal x, uint32_t n) {
    MVal r = x;
    for (uint32_t i = 1; i < n; i++) r = m_mul(m, r, x);
    return r;
}

/* exp(lin - quad / 2), at the last level. */
static bool exponential(Nest *q, const Key *k, const MVal *y, MVal *out) {
    Mach *m = q->m;
    bool any = false;
    MVal e = num(q, 0);
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (k->lin[i]) e = m_fma(m, run_value(q->r, k->lin[i]), y[i], e), any = true;
    for (uint32_t b = 0; b < MAX_LEAF; b++)
        for (uint32_t a = 0; a <= b; a++) {
            Fm v = k->quad[quad_at(a, b)];
            if (!v) continue;
            MVal t = m_mul(m, m_mul(m, y[a], y[b]), run_value(q->r, v));
            e = m_fma(m, t, num(q, a == b ? -0.5 : -1), e);
            any = true;
        }
    if (any) *out = m_op1(m, KO_exp, e);
    return any;
}

/* In float32 functions such as e^x / (1 + e^x)^2 overflow where little weight is left:
 * nothing, then.  (In float64 trials of the rule have shown that they do not.) */
static MVal in_range(Mach *m, MVal v, MVal weight) {
    if (!m->b || m->b->k->dtype != TP_F32) return v;
    MVal finite = m_op2(m, KO_lt, m_op1(m, KO_abs, v), m_num(m, 1e30));
    MVal some = m_op2(m, KO_lt, m_num(m, 1e-12), m_op1(m, KO_abs, weight));
    return m_select(m, some, v, m_select(m, finite, v, m_num(m, 0)));
}

void nest_factors(Nest *q, uint32_t from, uint32_t done, const MVal *y, MVal *weight) {
    uint32_t before = known_mask(q, from), now = known_mask(q, done), core = known_mask(q, q->n);
    Fx seen[MAX_NEST_INTEGRALS];
    MVal value[MAX_NEST_INTEGRALS];
    uint32_t nseen = 0;
    for (uint32_t k = 0; k < q->nint; k++) {
        const Key *key = &q->pl->x->integral.data[q->in[k]].key;
        for (uint32_t i = 0; i < MAX_OPAQUE && key->opq[i]; i++) {
            uint32_t m = q->leaves[k][i], j = 0;
            if ((m & ~now) || !(m & ~before)) continue;
            while (j < nseen && seen[j] != key->opq[i]) j++;
            if (j == nseen && nseen < MAX_NEST_INTEGRALS) {
                seen[nseen] = key->opq[i];
                value[nseen++] = run_fx(q->r, key->opq[i], y);
            }
            MVal v = j < nseen ? value[j] : run_fx(q->r, key->opq[i], y);
            weight[k] = m_mul(q->m, weight[k], in_range(q->m, v, weight[k]));
        }
        for (uint32_t i = 0; i < MAX_GATE && key->gate[i]; i++) {
            const Gate *g = &q->pl->n->gate.data[key->gate[i]];
            uint32_t m = gate_mask(g);
            if (!(m & ~now) && (m & ~before))
                weight[k] = m_mul(q->m, weight[k], gate_factor(q, g, y));
        }
        for (uint32_t i = 0; i < MAX_LEAF; i++)
            if (key->pow[i] && (core >> i & 1) && (now >> i & 1) && !(before >> i & 1))
                weight[k] = m_mul(q->m, weight[k], whole_power(q->m, y[i], key->pow[i]));
    }
}

/* ---- leaves that occur as powers: E prod x_i^p_i given z */

static bool conditional_moment(Nest *q, const MVal *mu, uint8_t *p, MVal *out) {
    Mach *m = q->m;
    uint32_t i = 0;
    while (i < q->nelim && !p[i]) i++;
    if (i == q->nelim) return false; /* 1 */
    p[i]--;
    MVal v = mu[i], t;
    if (conditional_moment(q, mu, p, &t)) v = m_mul(m, v, t);
    for (uint32_t j = 0; j < q->nelim; j++) {
        if (!p[j]) continue;
        MVal c = q->R[i][j];
        if (p[j] > 1) c = m_mul(m, c, num(q, p[j]));
        p[j]--;
        if (conditional_moment(q, mu, p, &t)) c = m_mul(m, c, t);
        p[j]++;
        v = m_add(m, v, c);
    }
    p[i]++;
    *out = v;
    return true;
}

void nest_add(Nest *q, const MVal *y, const MVal *z, const MVal *weight) {
    Mach *m = q->m;
    MVal mu[MAX_LEAF] = {{0}};
    for (uint32_t i = 0; i < q->nelim; i++) {
        mu[i] = q->elim_mean[i];
        for (uint32_t k = 0; k < q->n; k++) mu[i] = m_fma(m, q->elim[i].gamma[k], z[k], mu[i]);
    }
    for (uint32_t k = 0; k < q->nint; k++) {
        const Key *key = &q->pl->x->integral.data[q->in[k]].key;
        uint8_t p[MAX_LEAF] = {0};
        for (uint32_t i = 0; i < q->nelim; i++) p[i] = key->pow[q->elim[i].leaf];
        MVal v = weight[k], t;
        if (exponential(q, key, y, &t)) v = m_mul(m, v, t);
        if (conditional_moment(q, mu, p, &t)) v = m_mul(m, v, t);
        m_set(m, q->cell[k], 1, m_idx(0), m_add(m, m_get(m, q->cell[k], 1, m_idx(0)), v));
    }
}

/* Where an expression of single leaves has kinks and jumps. */
#include "gauss/quad.h"
#include "gauss/roots.h"
#include "gauss/shape.h"
#include <math.h>

static void add_break(Plan *pl, uint32_t leaf, Fm at) {
    for (uint32_t i = 0; i < pl->breaks.len; i++)
        if (pl->breaks.data[i].leaf == leaf && pl->breaks.data[i].at == at) return;
    if (breaks_count(pl, leaf) == MAX_BREAK) {
        pl->rough = true;
        return;
    }
    vec_push(pl->p->a, &pl->breaks, (Break){leaf, at});
}

uint32_t breaks_count(const Plan *pl, uint32_t leaf) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < pl->breaks.len; i++) n += pl->breaks.data[i].leaf == leaf;
    return n;
}

static bool one_bit(uint32_t m) { return m && !(m & (m - 1)); }

static uint32_t bit_number(uint32_t m) {
    uint32_t i = 0;
    while (!(m >> i & 1)) i++;
    return i;
}

static void affine_break(Plan *pl, const Gate *g) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (g->a[i]) m |= 1u << i;
    if (!m) return;
    if (!one_bit(m)) {
        pl->rough = true;
        return;
    }
    uint32_t leaf = bit_number(m);
    add_break(pl, leaf, fm_neg(pl->p, fm_mul(pl->p, g->c, fm_inv(pl->p, g->a[leaf]))));
}

static bool above(const Plan *pl, Fx f, double u) {
    double v = 0;
    shape_value(pl->q.fx, f, u, &v);
    return v > 0;
}

/* Changes of sign of a function of one leaf, isolated numerically. */
static void numeric_breaks(Plan *pl, Fx f, uint32_t leaf) {
    double step = 1.0 / 32;
    bool last = above(pl, f, -64);
    for (int i = -64 * 32; i < 64 * 32; i++) {
        bool next = above(pl, f, (i + 1) * step);
        if (next == last) continue;
        double lo = i * step, hi = (i + 1) * step;
        for (int it = 0; it < 80; it++) {
            double mid = (lo + hi) / 2;
            if (mid <= lo || mid >= hi) break;
            if (above(pl, f, mid) == last)
                lo = mid;
            else
                hi = mid;
        }
        double at = fabs(lo) < 1e-15 ? 0 : last ? lo : hi;
        add_break(pl, leaf, fm_double(pl->p, rint(at) == at ? at : (lo + hi) / 2));
        last = next;
    }
}

/* Breaks where f changes its sign. */
static void zero_of(Plan *pl, Fx f) {
    uint32_t m = leaf_set(pl->q.fx, f);
    if (!m) return;
    const Normal *n = normalise(pl->n, f);
    Gate g;
    if (nf_affine(pl->n, n, &g)) {
        affine_break(pl, &g);
        return;
    }
    if (one_bit(m) && shape_numeric(pl->q.fx, f))
        numeric_breaks(pl, f, bit_number(m));
    else
        pl->rough = true;
}

void breaks_of(Plan *pl, Fx f) {
    const FxNode n = *fx_node(pl->q.fx, f);
    if (!leaf_set(pl->q.fx, f)) return;
    switch (n.op) {
    case FX_abs:
    case FX_sign:
    case FX_step: zero_of(pl, n.arg[0]); break;
    case FX_max:
    case FX_min:
    case FX_gt:
    case FX_ge: zero_of(pl, fx_sub(pl->q.fx, n.arg[0], n.arg[1])); break;
    case FX_num:
    case FX_leaf:
    case FX_theta:
    case FX_hyper:
    case FX_index:
    case FX_dim:
    case FX_sref:
    case FX_add:
    case FX_sub:
    case FX_mul:
    case FX_div:
    case FX_pow:
    case FX_neg:
    case FX_exp:
    case FX_log:
    case FX_sqrt:
    case FX_sin:
    case FX_cos:
    case FX_tanh:
    case FX_erf:
    case FX_Phi:
    case FX_eq:
    case FX_and:
    case FX_or:
    case FX_not:
    case FX_if: break;
    }
    for (uint32_t i = 0; i < fx_arity(n.op); i++) breaks_of(pl, n.arg[i]);
}

void breaks_of_key(Plan *pl, const Key *k) {
    for (uint32_t i = 0; i < MAX_OPAQUE && k->opq[i]; i++) breaks_of(pl, k->opq[i]);
    for (uint32_t i = 0; i < MAX_GATE && k->gate[i]; i++)
        if (!pl->n->gate.data[k->gate[i]].soft) affine_break(pl, &pl->n->gate.data[k->gate[i]]);
}

double shape_slots(const FxPool *fx, Fx f) {
    const FxNode *n = fx_node(fx, f);
    double s = 1;
    if (n->op == FX_exp || n->op == FX_sin || n->op == FX_cos || n->op == FX_log) s = 40;
    if (n->op == FX_tanh || n->op == FX_erf || n->op == FX_Phi) s = 65;
    if (n->op == FX_div || n->op == FX_sqrt) s = 8;
    if (n->op == FX_num || n->op == FX_leaf || n->op == FX_theta) s = 0;
    if (n->op == FX_pow) s = fx_node(fx, n->arg[1])->op == FX_num ? 3 : 80;
    for (uint32_t i = 0; i < fx_arity(n->op); i++) s += shape_slots(fx, n->arg[i]);
    return s;
}

/* Hermite series: E F(u) G(v) = sum_k a_k b_k rho^k for smooth F and G of one leaf each, with
 * a_k = E F(m + s z) h_k(z), h_k the normalised Hermite polynomials.  Coefficients come from the
 * trapezoid rule, which converges faster than any power here; h_k phi^(1/2) stays of order 1. */
#include "gauss/series.h"
#include "diag/diag.h"
#include "gauss/quad.h"
#include "gauss/shape.h"
#include <math.h>

/* ---- which plans */

static bool one_leaf(const Plan *pl, Fx f, uint32_t leaf) {
    return leaf_set(pl->q.fx, f) == 1u << leaf && shape_smooth(pl->q.fx, f) &&
           shape_numeric(pl->q.fx, f);
}

bool series_applies(Plan *pl) {
    const GaussQuery *q = &pl->q;
    if (q->no_series || !q->G || q->same || q->nl != 1 || q->nleaf != 2) return false;
    if (!one_leaf(pl, q->F, 0) || !one_leaf(pl, q->G, 1)) return false;
    return nf_has_opaque(normalise(pl->n, q->F)) || nf_has_opaque(normalise(pl->n, q->G));
}

static GaussParity parity_of(const FxPool *fx, Fx f) {
    static const double at[] = {0.13, 0.37, 0.71, 1.03, 1.59, 2.27, 3.01, 4.9, 7.7};
    bool even = true, odd = true;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        double a, b;
        if (!shape_value(fx, f, at[i], &a) || !shape_value(fx, f, -at[i], &b)) return GP_none;
        double eps = 1e-15 * (fabs(a) + fabs(b));
        even = even && fabs(a - b) <= eps;
        odd = odd && fabs(a + b) <= eps;
    }
    return even ? GP_even : odd ? GP_odd : GP_none;
}

/* ---- the plan */

/* One centred function on both sides. */
static bool twins(const Plan *pl) {
    Fx leaf[2] = {fx_leaf(pl->q.fx, 0), fx_leaf(pl->q.fx, 0)};
    return pl->q.centred[0] && pl->q.centred[1] &&
           fx_map(pl->q.fx, pl->q.G, leaf, 2, NULL, 0) == pl->q.F;
}

/* Slowly converging functions (1 / (1 + 100 x^2)) are left to quadrature. */
static bool converges(const Hermite *h) {
    for (int side = 0; side < SIDES; side++)
        if (h->last[1][side] < 0 || h->q[h->last[1][side]] < 1) return false;
    return true;
}

/* Quadrature where variances are too large for the series. */
static void plan_beyond(Plan *pl, Hermite *h, Expectation *e) {
    const Expectation *q = gauss_plan_both(pl->c, &pl->q, h->d[0], h->d[1]);
    if (q->method != GM_quadrature) return;
    for (int side = 0; side < SIDES; side++) {
        Fx f[2] = {h->f[side], h->d[side]};
        for (uint32_t slope = 0; slope < 2; slope++)
            h->reach[slope][side] = quad_reach(q->data, q->dims, f, 1 + slope, h->leaf[side]);
    }
    e->beyond = q;
}

static Hermite *hermite_new(Plan *pl) {
    Hermite *h = ARENA_NEW(pl->c->a, Hermite);
    h->f[0] = pl->q.F;
    h->f[1] = pl->q.G;
    h->leaf[1] = 1;
    for (uint32_t i = 0; i < SIDES; i++) {
        h->d[i] = fx_diff(pl->q.fx, h->f[i], i);
        h->parity[i] = pl->q.centred[i] ? parity_of(pl->q.fx, h->f[i]) : GP_none;
    }
    if (h->parity[0] == h->parity[1]) h->packed = h->parity[0];
    h->lump = twins(pl);
    return h;
}

bool series_plan(Plan *pl, Expectation *e) {
    Hermite *h = hermite_new(pl);
    series_orders(pl, h);
    if (!converges(h)) return false;
    pl->series = h;
    e->method = GM_series;
    e->dims = 1;
    e->packed = h->packed;
    e->zero = h->parity[0] && h->parity[1] && h->parity[0] != h->parity[1];
    e->cost = 4.0 * h->terms[0][0][20]; /* at variance 1 */
    if (!e->zero) plan_beyond(pl, h, e);
    e->error = 1e-12; /* the tolerance, the quadrature beyond, and the errors of coefficients */
    return true;
}

/* ---- numbers */

bool series_serves(const Plan *pl, const double *var) {
    const Hermite *h = pl->series;
    for (int i = 0; i < SIDES; i++)
        if (var[i] > h->q[h->last[0][i]]) return false;
    return true;
}

double series_value(const Plan *pl, double c, const double *var, const double *mean) {
    const Hermite *h = pl->series;
    Recurrence r[2];
    double unused, sum = 0, power = 1;
    for (int i = 0; i < 2; i++)
        recurrence_start(&r[i], pl->q.fx, h->f[i], pl->q.centred[i] ? 0 : mean[i], sqrt(var[i]),
                         &unused);
    uint32_t order = 0, at = 0;
    while (at + 1 < STEPS && h->q[at] < fmax(var[0], var[1])) at++;
    for (int i = 0; i < 2; i++)
        if (h->terms[0][i][at] > order) order = h->terms[0][i][at];
    if (h->packed) order = 2 * order;
    for (uint32_t k = 0; k < order; k++) {
        double a = recurrence_step(&r[0], (int)k), b = recurrence_step(&r[1], (int)k);
        sum += a * b * power;
        power *= c;
    }
    return sum;
}

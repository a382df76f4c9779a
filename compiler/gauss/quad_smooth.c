/* The rule of smooth leaves on trial: how many nodes, how fine around 0, its error, and the
 * variance up to which it is good.  What is integrated is f^2, the worst of what a pair meets; the
 * same rule with twice the nodes is the truth: its error is the square. */
#include "gauss/quad.h"
#include "gauss/shape.h"
#include <math.h>

enum { FINER = 2, HALVINGS = 6 };
static const double GOOD = 3e-13, LARGE = 32, MODERATE = 8, SHIFT = 2;

/* Steps by the dimensions of the nest; more where a trial says so, in three dimensions never. */
enum { CHOICES = 4 };
static const uint32_t steps[MAX_DIM][CHOICES] = {
    {160, 240, 320, 480}, {64, 96, 128, 160}, {40, 40, 40, 40}};

uint32_t quad_smooth_steps(const Plan *pl, uint32_t dims) {
    return pl->steps ? pl->steps : steps[dims - 1][0];
}

typedef struct Trial {
    const FxPool *fx;
    Fx f;
    double shift; /* of the function against the nodes: where means differ */
} Trial;

/* E f(mu + sd z + shift)^2 by n steps (see smooth_level). */
static double square(const Trial *q, double mu, double sd, double scale, uint32_t n) {
    double s = fmax(sd / scale, 1), sum = 0;
    double centre = sd > scale ? fmin(fmax(-mu / sd, -QUAD_RANGE), QUAD_RANGE) : 0;
    double lo = asinh((-QUAD_RANGE - centre) * s), hi = asinh((QUAD_RANGE - centre) * s);
    for (uint32_t i = 0; i <= n; i++) {
        double t = lo + (hi - lo) * i / n, z = sinh(t) / s + centre, v = NAN;
        shape_value(q->fx, q->f, mu + sd * z + q->shift, &v);
        sum += v * v * exp(-z * z / 2) * cosh(t);
    }
    return sum * (hi - lo) / (n * s * sqrt(2 * M_PI));
}

/* Relative to E f(sd z)^2; of what overflows: infinite.  The other leaf moves the mean, by many
 * standard deviations of what it leaves over: there nodes are dense where nothing is. */
static double error_at(const Trial *q, double sd, double scale, uint32_t n) {
    static const double left[] = {1, 0.5, 0.25, 0.125};
    double worst = 0, whole = 0;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        double mu = i ? sd : 0;
        double v = square(q, mu, sd * left[i], scale, n);
        double w = square(q, mu, sd * left[i], scale, FINER * n);
        if (!isfinite(v) || !isfinite(w)) return INFINITY;
        if (!i) whole = w;
        worst = fmax(worst, fabs(v - w));
    }
    return whole > 0 ? worst / whole : 0;
}

typedef struct Rule {
    uint32_t steps;
    double scale, error;
} Rule;

/* At standard deviations up to LARGE, where the error is largest. */
static double worst_error(const Trial *q, double scale, uint32_t n) {
    static const double sd[] = {LARGE, 16, 8, 4, 2, 1};
    double worst = 0;
    for (size_t i = 0; i < sizeof sd / sizeof *sd && worst <= GOOD; i++)
        worst = fmax(worst, error_at(q, sd[i], scale, n));
    return worst;
}

static bool testable(const Plan *pl, Fx f, uint32_t leaf) {
    const FxPool *fx = pl->q.fx;
    return leaf_set(fx, f) == 1u << leaf && shape_smooth(fx, f) && shape_numeric(fx, f);
}

/* The coarsest rule that is good, else the best one for moderate variances. */
static Rule rule_of(const Trial *q, uint32_t dims) {
    Rule best = {steps[dims - 1][0], 1, INFINITY};
    for (int i = 0; i < CHOICES; i++)
        for (int k = 0; k <= HALVINGS; k++) {
            Rule r = {steps[dims - 1][i], ldexp(1, -k), 0};
            r.error = worst_error(q, r.scale, r.steps);
            if (r.error <= GOOD) return r;
            r.error = error_at(q, MODERATE, r.scale, r.steps);
            if (r.error < best.error) best = r;
        }
    return best;
}

/* Means of two leaves may differ: a function of one is a function of the other, moved. */
static Trial trial_of(const Plan *pl, Fx f, uint32_t leaf) {
    return (Trial){pl->q.fx, f, pl->q.centred[leaf] ? 0 : SHIFT};
}

/* Functions of one leaf, seen as functions of leaf 0. */
typedef struct Trials {
    Trial trial[2 * MAX_OPAQUE];
    Rule rule[2 * MAX_OPAQUE];
    uint32_t n;
} Trials;

static Rule tried_rule(Trials *t, const Plan *pl, Fx f, uint32_t leaf, uint32_t dims) {
    Fx at[MAX_LEAF];
    for (uint32_t i = 0; i < MAX_LEAF; i++) at[i] = fx_leaf(pl->q.fx, 0);
    Trial q = trial_of(pl, fx_map(pl->q.fx, f, at, MAX_LEAF, NULL, 0), leaf);
    for (uint32_t i = 0; i < t->n; i++)
        if (t->trial[i].f == q.f && t->trial[i].shift == q.shift) return t->rule[i];
    Rule r = rule_of(&q, dims);
    if (t->n < sizeof t->rule / sizeof *t->rule) {
        t->trial[t->n] = q;
        t->rule[t->n++] = r;
    }
    return r;
}

/* Every function of one leaf in the integrals, and F and G (of which normal cdfs may be left). */
static void each_function(const Plan *pl, void (*see)(void *ctx, Fx f, uint32_t leaf), void *ctx) {
    for (uint32_t leaf = 0; leaf < pl->q.nleaf; leaf++) {
        if (breaks_count(pl, leaf)) continue;
        for (uint32_t k = 0; k < pl->x->integral.len; k++) {
            const Key *key = &pl->x->integral.data[k].key;
            for (uint32_t i = 0; i < MAX_OPAQUE && key->opq[i]; i++)
                if (testable(pl, key->opq[i], leaf)) see(ctx, key->opq[i], leaf);
        }
        if (testable(pl, pl->q.F, leaf)) see(ctx, pl->q.F, leaf);
        if (pl->q.G && testable(pl, pl->q.G, leaf)) see(ctx, pl->q.G, leaf);
    }
}

typedef struct Choice {
    Plan *pl;
    uint32_t dims;
    Trials t;
    double worst;
} Choice;

static void choose(void *ctx, Fx f, uint32_t leaf) {
    Choice *c = ctx;
    Rule r = tried_rule(&c->t, c->pl, f, leaf, c->dims);
    double *scale = &c->pl->scale[leaf];
    if (!*scale || r.scale < *scale) *scale = r.scale;
    if (r.steps > c->pl->steps) c->pl->steps = r.steps;
    c->worst = fmax(c->worst, r.error);
}

double quad_smooth_rule(Plan *pl, uint32_t dims) {
    Choice c = {.pl = pl, .dims = dims};
    each_function(pl, choose, &c);
    return c.worst;
}

static double quad_error(const Plan *pl, uint32_t dims, Fx f, uint32_t leaf, double var) {
    double scale = pl->scale[leaf] ? pl->scale[leaf] : 1;
    Trial q = trial_of(pl, f, leaf);
    return error_at(&q, sqrt(var), scale, quad_smooth_steps(pl, dims));
}

double quad_reach(const Plan *pl, uint32_t dims, const Fx *f, uint32_t nf, uint32_t leaf) {
    double reach = 0;
    for (double var = 1; var <= LARGE * LARGE; var *= 4) {
        for (uint32_t i = 0; i < nf; i++)
            if (!(quad_error(pl, dims, f[i], leaf, var) <= GOOD)) return reach;
        reach = var;
    }
    return reach;
}

typedef struct Worst {
    const Plan *pl;
    uint32_t dims;
    const double *var;
    double error;
} Worst;

static void add_error(void *ctx, Fx f, uint32_t leaf) {
    Worst *w = ctx;
    w->error = fmax(w->error, quad_error(w->pl, w->dims, f, leaf, w->var[leaf]));
}

double gauss_error(const Expectation *e, const double *var) {
    const Plan *pl = e->data;
    if (e->method != GM_quadrature) return e->error;
    Worst w = {pl, e->dims, var, pl->rule_error};
    each_function(pl, add_error, &w);
    return w.error;
}

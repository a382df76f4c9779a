/* Quadrature rules.
 *   smooth leaves: trapezoid rule in t, u = a sinh t around the mean of what is left of the leaf,
 * so that features of size 1 (Plan.scale) are resolved whatever the variance (quad_smooth.c tries
 * it); leaves with kinks: Gauss-Legendre panels between the breaks, finer towards them; an outer
 * leaf's panels are also split where the inner leaf's break passes, a layer of width
 * sqrt(1 - rho^2); two leaves with kinks at their means: polar coordinates, the angle split at the
 * kink lines, which has no layer at any correlation. */
#include "gauss/quad.h"
#include "gauss/rules.h"
#include <math.h>

enum { PANEL = 20, ANGLE = 28, RADIUS = 36, MAX_POINT = 48 };

/* ---- Cartesian nests */

typedef struct Level {
    Nest *q;
    uint32_t level;
    MVal y[MAX_LEAF], z[MAX_DIM], weight[MAX_NEST_INTEGRALS];
    /* of this level's rule */
    MVal mu, sd, centre, a, lo, step, half, width, shift;
    MTable t, w;
    uint32_t points, npoint;
} Level;

static MVal num(Mach *m, double v) { return m_num(m, v); }

static void enter(Nest *q, uint32_t level, const Level *outer);

/* One node: z, the leaf's value y and the weight are known. */
static void at_node(Level *l, MVal z, MVal y, MVal w) {
    Mach *m = l->q->m;
    Level in = *l;
    in.z[l->level] = z;
    in.y[l->q->leaf[l->level]] = y;
    MVal density = m_op1(m, KO_exp, m_mul(m, m_mul(m, z, z), num(m, -0.5)));
    w = m_mul(m, w, m_mul(m, density, num(m, 0.398942280401432677940)));
    for (uint32_t k = 0; k < l->q->nint; k++)
        in.weight[k] = l->level ? m_mul(m, l->weight[k], w) : w;
    nest_factors(l->q, l->level, l->level + 1, in.y, in.weight);
    if (l->level + 1 == l->q->n)
        nest_add(l->q, in.y, in.z, in.weight);
    else
        enter(l->q, l->level + 1, &in);
}

/* asinh */
static MVal arsinh(Mach *m, MVal x) {
    MVal s = m_op1(m, KO_abs, x), r = m_op1(m, KO_sqrt, m_fma(m, x, x, num(m, 1)));
    return m_op2(m, KO_copysign, m_op1(m, KO_log, m_add(m, s, r)), x);
}

static void smooth_node(Mach *m, void *ctx, MIdx i) {
    Level *l = ctx;
    MVal t = m_fma(m, m_at(m, l->t, i), l->step, l->lo);
    MVal e = m_op1(m, KO_exp, t), inv = m_div(m, num(m, 1), e), half = num(m, 0.5);
    MVal sinh = m_mul(m, m_sub(m, e, inv), half), cosh = m_mul(m, m_add(m, e, inv), half);
    MVal y = m_fma(m, l->width, sinh, l->shift);
    at_node(l, m_fma(m, l->a, sinh, l->centre), y, m_mul(m, m_mul(m, l->a, cosh), l->step));
}

static void smooth_level(Level *l) {
    Mach *m = l->q->m;
    uint32_t n = quad_smooth_steps(l->q->pl, l->q->n);
    if (!l->q->count.v) {
        double *index = ARENA_ARRAY(m->c->a, double, n + 1);
        for (uint32_t i = 0; i <= n; i++) index[i] = i;
        l->q->count = m_table(m, "count", index, n + 1);
    }
    l->t = l->q->count;
    double fine = l->q->pl->scale[l->q->leaf[l->level]];
    MVal scale = num(m, fine ? fine : 1), R = num(m, QUAD_RANGE);
    MVal big = m_op2(m, KO_lt, scale, l->sd), wide = m_op2(m, KO_max, l->sd, scale);
    MVal s = m_mul(m, wide, num(m, fine ? 1 / fine : 1));
    l->a = m_div(m, num(m, 1), s);
    MVal at = m_clamp(m, m_div(m, m_op1(m, KO_neg, l->mu), wide), -QUAD_RANGE, QUAD_RANGE);
    l->centre = m_select(m, big, at, num(m, 0));
    /* y = sd z + mu, without the cancellation near 0 */
    MVal far = m_op2(m, KO_lt, m_mul(m, wide, R), m_op1(m, KO_abs, l->mu));
    MVal rest = m_select(m, far, m_fma(m, l->sd, l->centre, l->mu), num(m, 0));
    l->shift = m_select(m, big, rest, l->mu);
    l->width = m_mul(m, l->sd, l->a);
    l->lo = arsinh(m, m_mul(m, m_sub(m, m_op1(m, KO_neg, R), l->centre), s));
    MVal hi = arsinh(m, m_mul(m, m_sub(m, R, l->centre), s));
    l->step = m_mul(m, m_sub(m, hi, l->lo), num(m, 1.0 / n));
    m_loop(m, n + 1, smooth_node, l);
}

/* ---- panels */

static void sort_points(Mach *m, MVal *p, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t j = i; j; j--) {
            MVal a = p[j - 1], b = p[j];
            p[j - 1] = m_op2(m, KO_min, a, b);
            p[j] = m_op2(m, KO_max, a, b);
        }
}

typedef struct Points {
    MVal p[MAX_POINT];
    uint32_t n;
} Points;

static void put(Mach *m, Points *p, MVal x) {
    if (p->n < MAX_POINT) p->p[p->n++] = m_clamp(m, x, -QUAD_RANGE, QUAD_RANGE);
}

/* x + k w for k = 0, +-near, +-far */
static void put_around(Mach *m, Points *p, MVal x, MVal w, double near, double far) {
    put(m, p, x);
    double k[4] = {near, -near, far, -far};
    for (int i = 0; i < 4; i++) put(m, p, m_fma(m, w, num(m, k[i]), x));
}

/* (b - mu) / sd, finite for sd = 0 */
static MVal standardised(Mach *m, MVal b, MVal mu, MVal sd) {
    return m_div(m, m_sub(m, b, mu), m_op2(m, KO_max, sd, num(m, m_tiny(m))));
}

static void panel_points(Level *l, Points *p) {
    Nest *q = l->q;
    Mach *m = q->m;
    MVal a = m_div(m, num(m, 1), m_op2(m, KO_max, l->sd, num(m, 1)));
    put(m, p, num(m, -QUAD_RANGE));
    put(m, p, num(m, QUAD_RANGE));
    put(m, p, num(m, 4));
    put(m, p, num(m, -4));
    put_around(m, p, standardised(m, num(m, 0), l->mu, l->sd), a, 1.5, 6);
    for (uint32_t i = 0; i < q->pl->breaks.len; i++) {
        const Break *b = &q->pl->breaks.data[i];
        MVal at = run_value(q->r, b->at);
        if (b->leaf == q->leaf[l->level] && b->at)
            put_around(m, p, standardised(m, at, l->mu, l->sd), a, 1.5, 6);
        for (uint32_t j = l->level + 1; j < q->n; j++) {
            if (b->leaf != q->leaf[j]) continue;
            /* the inner break passes its mean at slope * z + mean = at, in a layer rest / slope */
            MVal slope = q->L[j][l->level], size = m_op1(m, KO_abs, slope);
            size = m_op2(m, KO_max, size, num(m, m_tiny(m)));
            slope = m_op2(m, KO_copysign, size, slope);
            MVal inner = q->mean[j];
            for (uint32_t k = 0; k < l->level; k++) inner = m_fma(m, q->L[j][k], l->z[k], inner);
            MVal z = m_div(m, m_sub(m, at, inner), slope);
            MVal w = m_div(m, q->L[j][j], size);
            put_around(m, p, z, m_op2(m, KO_min, w, num(m, 1e6)), 3, 8);
        }
    }
}

static void panel_node(Mach *m, void *ctx, MIdx i) {
    Level *l = ctx;
    MVal z = m_fma(m, m_at(m, l->t, i), l->step, l->lo);
    at_node(l, z, m_fma(m, l->sd, z, l->mu), m_mul(m, m_at(m, l->w, i), l->step));
}

static void one_panel(Mach *m, void *ctx, MIdx i) {
    Level *l = ctx;
    l->lo = m_get(m, l->points, l->npoint, i);
    l->step = m_sub(m, m_get(m, l->points, l->npoint, m_idx_plus(i, 1)), l->lo);
    m_loop(m, PANEL, panel_node, l);
}

static void legendre_tables(Mach *m, uint32_t n, MTable *t, MTable *w) {
    double *x = ARENA_ARRAY(m->c->a, double, n), *v = ARENA_ARRAY(m->c->a, double, n);
    rule_legendre(n, x, v);
    *t = m_table(m, "legendre_x", x, n);
    *w = m_table(m, "legendre_w", v, n);
}

static void panel_level(Level *l) {
    Mach *m = l->q->m;
    Points p = {.n = 0};
    panel_points(l, &p);
    sort_points(m, p.p, p.n);
    l->npoint = p.n;
    Nest *q = l->q;
    if (q->npoint[l->level] < p.n) {
        q->npoint[l->level] = p.n;
        q->points[l->level] = m_array(m, "panels", p.n);
    }
    l->points = q->points[l->level];
    for (uint32_t i = 0; i < p.n; i++) m_set(m, l->points, p.n, m_idx(i), p.p[i]);
    if (!q->panel_t.v) legendre_tables(m, PANEL, &q->panel_t, &q->panel_w);
    l->t = q->panel_t;
    l->w = q->panel_w;
    m_loop(m, p.n - 1, one_panel, l);
}

static bool level_kinked(const Nest *q, uint32_t level) {
    for (uint32_t j = level; j < q->n; j++)
        if (breaks_count(q->pl, q->leaf[j])) return true;
    return false;
}

static void enter(Nest *q, uint32_t level, const Level *outer) {
    Mach *m = q->m;
    Level l = {.q = q};
    if (outer) l = *outer;
    l.level = level;
    l.mu = q->mean[level];
    for (uint32_t k = 0; k < level; k++) l.mu = m_fma(m, q->L[level][k], l.z[k], l.mu);
    l.sd = q->L[level][level];
    if (level_kinked(q, level))
        panel_level(&l);
    else
        smooth_level(&l);
}

static void nest_cartesian(Nest *q) {
    for (uint32_t i = 0; i < q->pl->breaks.len; i++) run_value(q->r, q->pl->breaks.data[i].at);
    enter(q, 0, NULL);
}

/* ---- polar */

/* Kinks only at the means: both leaves centred, all breaks at 0. */
static bool nest_is_polar(const Nest *q) {
    const Plan *pl = q->pl;
    if (q->n != 2 || pl->rough || !level_kinked(q, 0)) return false;
    for (uint32_t i = 0; i < pl->breaks.len; i++) {
        const Break *b = &pl->breaks.data[i];
        if ((b->leaf == q->leaf[0] || b->leaf == q->leaf[1]) && (b->at || !pl->q.centred[b->leaf]))
            return false;
    }
    return pl->q.centred[q->leaf[0]] && pl->q.centred[q->leaf[1]];
}

typedef struct Polar {
    Nest *q;
    MTable phi_x, phi_y, phi_w, r_x, r_w, sign_u, sign_v;
    uint32_t width;         /* array of sector widths */
    MVal s[2], a, T, angle; /* radius = a sinh(T x) */
    MVal su, sv, u, v, w, weight;
} Polar;

static void polar_radius(Mach *m, void *ctx, MIdx i) {
    Polar *p = ctx;
    MVal t = m_mul(m, m_at(m, p->r_x, i), p->T), half = num(m, 0.5);
    MVal e = m_op1(m, KO_exp, t), inv = m_div(m, num(m, 1), e);
    MVal r = m_mul(m, p->a, m_mul(m, m_sub(m, e, inv), half));
    MVal dr = m_mul(m, m_mul(m, p->a, m_mul(m, m_add(m, e, inv), half)), p->T);
    MVal density = m_op1(m, KO_exp, m_mul(m, m_mul(m, r, r), num(m, -0.5)));
    MVal w = m_mul(m, m_mul(m, m_mul(m, r, density), m_mul(m, dr, m_at(m, p->r_w, i))), p->weight);
    MVal y[MAX_LEAF] = {{0}}, z[MAX_DIM] = {{0}}, weight[MAX_NEST_INTEGRALS];
    z[0] = m_mul(m, r, p->u);
    z[1] = m_mul(m, r, p->w);
    y[p->q->leaf[0]] = m_mul(m, p->s[0], z[0]);
    y[p->q->leaf[1]] = m_mul(m, p->s[1], m_mul(m, r, p->v));
    for (uint32_t k = 0; k < p->q->nint; k++) weight[k] = w;
    nest_factors(p->q, 0, 2, y, weight);
    nest_add(p->q, y, z, weight);
}

/* Sector of width w between a kink line of u and one of v: u = +- r sin phi, v = +- r sin(w - phi),
 * the second standard variable is +- r cos phi with v's sign. */
static void polar_angle(Mach *m, void *ctx, MIdx i) {
    Polar *p = ctx;
    MVal phi = m_mul(m, m_at(m, p->phi_x, i), p->angle),
         rest = m_mul(m, m_at(m, p->phi_y, i), p->angle);
    p->u = m_mul(m, p->su, m_op1(m, KO_sin, phi));
    p->v = m_mul(m, p->sv, m_op1(m, KO_sin, rest));
    p->w = m_mul(m, p->sv, m_op1(m, KO_cos, phi));
    p->weight = m_mul(m, m_mul(m, m_at(m, p->phi_w, i), p->angle), num(m, 0.159154943091895335769));
    m_loop(m, RADIUS, polar_radius, p);
}

static void polar_sector(Mach *m, void *ctx, MIdx i) {
    Polar *p = ctx;
    p->angle = m_get(m, p->width, 4, i);
    p->su = m_at(m, p->sign_u, i);
    p->sv = m_at(m, p->sign_v, i);
    m_loop(m, ANGLE, polar_angle, p);
}

/* Nodes of an angle, denser towards both kink lines, where functions such as 1 / (1 + |u|) change
 * over angles of size 1 / (s r): phi = w g, g = x^2 (3 - 2 x). */
static void angle_tables(Mach *m, Polar *p) {
    double x[ANGLE], w[ANGLE], g[ANGLE], rest[ANGLE];
    rule_legendre(ANGLE, x, w);
    for (uint32_t i = 0; i < ANGLE; i++) {
        g[i] = x[i] * x[i] * (3 - 2 * x[i]);
        rest[i] = (1 - x[i]) * (1 - x[i]) * (1 + 2 * x[i]);
        w[i] *= 6 * x[i] * (1 - x[i]);
    }
    p->phi_x = m_table(m, "angle", g, ANGLE);
    p->phi_y = m_table(m, "angle_rest", rest, ANGLE);
    p->phi_w = m_table(m, "angle_weight", w, ANGLE);
}

static void nest_polar(Nest *q) {
    static const double su[4] = {-1, 1, 1, -1}, sv[4] = {1, -1, 1, -1};
    Mach *m = q->m;
    Polar p = {.q = q};
    const PairVal *pair = run_pair(q->r, q->leaf[0], q->leaf[1]);
    MVal pi = num(m, 3.14159265358979323846);
    MVal alpha = m_mul(m, m_op1(m, KO_fan00, pair->d), num(m, 6.28318530717958647693));
    MVal big = m_sub(m, pi, alpha);
    MVal first = m_select(m, pair->neg, big, alpha), second = m_select(m, pair->neg, alpha, big);
    p.width = m_array(m, "sector", 4);
    for (int i = 0; i < 4; i++) m_set(m, p.width, 4, m_idx(i), i < 2 ? first : second);
    p.sign_u = m_table(m, "sign_u", su, 4);
    p.sign_v = m_table(m, "sign_v", sv, 4);
    angle_tables(m, &p);
    legendre_tables(m, RADIUS, &p.r_x, &p.r_w);
    for (int i = 0; i < 2; i++) p.s[i] = run_std(q->r, q->leaf[i]);
    MVal s = m_op2(m, KO_max, m_op2(m, KO_max, p.s[0], p.s[1]), num(m, 1));
    p.a = m_div(m, num(m, 1), s);
    p.T = arsinh(m, m_mul(m, s, num(m, QUAD_RANGE)));
    m_loop(m, 4, polar_sector, &p);
}

/* ---- the plan's integrals, nest by nest */

static void build_nest(Nest *q, Run *r, const bool *done, uint32_t first) {
    const Plan *pl = run_plan(r);
    const Integral *in = pl->x->integral.data;
    *q = (Nest){.r = r, .m = run_mach(r), .pl = pl};
    uint32_t core = in[first].core, powers = 0;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (core >> i & 1) q->leaf[q->n++] = i;
    for (uint32_t k = first; k < pl->x->integral.len && q->nint < MAX_NEST_INTEGRALS; k++) {
        if (done[k] || in[k].core != core) continue;
        q->in[q->nint++] = k;
        for (uint32_t i = 0; i < MAX_LEAF; i++)
            if (in[k].key.pow[i] && !(core >> i & 1)) powers |= 1u << i;
    }
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (powers >> i & 1) q->elim[q->nelim++].leaf = i;
}

void quad_values(Run *r, MVal *out) {
    const Plan *pl = run_plan(r);
    uint32_t n = pl->x->integral.len;
    bool *done = ARENA_ARRAY(pl->p->a, bool, n);
    for (uint32_t k = 0; k < n; k++) {
        if (done[k]) continue;
        Nest *q = ARENA_NEW(pl->p->a, Nest);
        build_nest(q, r, done, k);
        nest_prepare(q);
        if (nest_is_polar(q))
            nest_polar(q);
        else
            nest_cartesian(q);
        for (uint32_t i = 0; i < q->nint; i++) {
            out[q->in[i]] = m_get(q->m, q->cell[i], 1, m_idx(0));
            done[q->in[i]] = true;
        }
    }
}

/* ---- the plan */

static uint32_t bits(uint32_t m) {
    uint32_t n = 0;
    for (; m; m &= m - 1) n++;
    return n;
}

static double nest_evaluations(const Nest *q) {
    if (nest_is_polar(q)) return 4 * ANGLE * RADIUS;
    double n = 1;
    for (uint32_t i = 0; i < q->n; i++) {
        uint32_t panels = 8;
        for (uint32_t j = i; j < q->n; j++) panels += 5 * breaks_count(q->pl, q->leaf[j]);
        n *= level_kinked(q, i) ? panels * PANEL : quad_smooth_steps(q->pl, q->n) + 1u;
    }
    return n;
}

const char *quad_plan(Plan *pl, Expectation *e) {
    const Integral *in = pl->x->integral.data;
    uint32_t n = pl->x->integral.len;
    e->method = GM_quadrature;
    e->error = 1e-12;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t d = bits(in[k].core);
        if (d > MAX_DIM)
            return arena_printf(pl->c->a,
                                "an integral over %u correlated vectors is not computed yet", d);
        if (d > e->dims) e->dims = d;
        breaks_of_key(pl, &in[k].key);
    }
    if (pl->breaks.len) e->needs_defect = pl->q.G && !pl->q.same;
    if (pl->breaks.len) e->error = 1e-10;
    if (pl->rough) e->error = 1e-4;
    pl->rule_error = e->error;
    double smooth = quad_smooth_rule(pl, e->dims);
    if (smooth > e->error) e->error = smooth;
    e->cost = plan_cost(pl, pl->value);
    for (uint32_t k = 0; k < n; k++) {
        if (in[k].time != TIME_pair && pl->q.G && !pl->q.same) continue;
        Nest q = {.pl = pl};
        for (uint32_t i = 0; i < MAX_LEAF; i++)
            if (in[k].core >> i & 1) q.leaf[q.n++] = i;
        double slots = 40;
        for (uint32_t i = 0; i < MAX_OPAQUE && in[k].key.opq[i]; i++)
            slots += shape_slots(pl->q.fx, in[k].key.opq[i]);
        e->cost += nest_evaluations(&q) * slots;
    }
    return NULL;
}

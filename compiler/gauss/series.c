/* Hermite series: E F(u) G(v) = sum_k a_k b_k rho^k for smooth F and G of one leaf each, with
 * a_k = E F(m + s z) h_k(z), h_k the normalised Hermite polynomials.  Coefficients come from the
 * trapezoid rule, which converges faster than any power here; h_k phi^(1/2) stays of order 1. */
#include "gauss/series.h"
#include "diag/diag.h"
#include "gauss/shape.h"
#include <math.h>

enum { MAX_ORDER = 1400, STEPS = 37, NODES = 401 };
static const double RANGE = 12.5, TOLERANCE = 1e-13, COARSE = 1e-7;

struct Hermite {
    Fx f[2];
    uint32_t leaf[2];
    GaussParity parity[2];
    uint32_t packed;          /* 0: all k, 1: even, 2: odd */
    double q[STEPS];          /* variances up to which .. */
    uint32_t terms[2][STEPS]; /* .. this many stored coefficients are enough */
    uint32_t last[2];         /* step of the largest variance served, at least coarsely */
};

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

/* ---- coefficients in double, for the number of terms */

typedef struct Recurrence {
    double z[NODES], now[NODES], before[NODES];
} Recurrence;

static void recurrence_start(Recurrence *r, const FxPool *fx, Fx f, double mean, double s,
                             double *second) {
    double h = 2 * RANGE / (NODES - 1);
    *second = 0;
    for (int j = 0; j < NODES; j++) {
        double v = 0, z = -RANGE + h * j;
        shape_value(fx, f, mean + s * z, &v);
        double w = h * exp(-z * z / 2) / sqrt(2 * M_PI);
        r->z[j] = z;
        r->before[j] = 0;
        r->now[j] = v * w;
        *second += v * v * w;
    }
}

static double recurrence_step(Recurrence *r, int k) {
    double a = 0, inv = 1 / sqrt(k + 1.0), root = sqrt((double)k);
    for (int j = 0; j < NODES; j++) {
        a += r->now[j];
        double next = (r->z[j] * r->now[j] - root * r->before[j]) * inv;
        r->before[j] = r->now[j];
        r->now[j] = next;
    }
    return a;
}

/* Orders needed: the tail of E F^2 = sum a_k^2 below the tolerance; *left: its share there. */
static uint32_t orders(const FxPool *fx, Fx f, double mean, double q, double *left) {
    Recurrence r;
    double f2;
    recurrence_start(&r, fx, f, mean, sqrt(q), &f2);
    double tail = f2;
    uint32_t k = 0;
    for (; k < MAX_ORDER && tail > TOLERANCE * f2; k++) {
        double a = recurrence_step(&r, (int)k);
        tail -= a * a;
    }
    *left = f2 > 0 ? tail / f2 : 0;
    return k;
}

static uint32_t stored(const Hermite *h, uint32_t k) {
    if (!h->packed) return k ? k : 1;
    uint32_t odd = h->packed == 2;
    return k > odd ? (k - odd + 1) / 2 : 1;
}

/* Every second step where means vary: their coefficients are needed at several means. */
static void count_terms(const Plan *pl, Hermite *h, int side) {
    static const double means[] = {0, 1, -1, 3, -3};
    const FxPool *fx = pl->q.fx;
    uint32_t n = pl->q.centred[h->leaf[side]] ? 1 : sizeof means / sizeof *means, most = 0;
    uint32_t stride = n > 1 ? 2 : 1;
    bool served = true;
    for (uint32_t i = 0; i < STEPS; i += stride) {
        double worst = 0, left;
        for (uint32_t j = 0; j < n && served; j++) {
            uint32_t k = orders(fx, h->f[side], means[j], exp2(-10 + i / 2.0), &left);
            if (k > most) most = k;
            if (left > worst) worst = left;
        }
        served = served && worst <= COARSE;
        if (served) h->last[side] = i;
        for (uint32_t j = i < stride ? 0 : i - stride + 1; j <= i; j++) {
            h->q[j] = exp2(-10 + j / 2.0);
            h->terms[side][j] = stored(h, most);
        }
    }
}

/* Slowly converging functions (1 / (1 + 100 x^2)) are left to quadrature. */
static bool converges(const Hermite *h) { return h->q[h->last[0]] >= 4 && h->q[h->last[1]] >= 4; }

bool series_plan(Plan *pl, Expectation *e) {
    Hermite *h = ARENA_NEW(pl->c->a, Hermite);
    h->f[0] = pl->q.F;
    h->f[1] = pl->q.G;
    h->leaf[1] = 1;
    for (int i = 0; i < 2; i++)
        h->parity[i] = pl->q.centred[i] ? parity_of(pl->q.fx, h->f[i]) : GP_none;
    bool opposite = h->parity[0] && h->parity[1] && h->parity[0] != h->parity[1];
    if (h->parity[0] == h->parity[1]) h->packed = h->parity[0];
    for (int i = 0; i < 2; i++) count_terms(pl, h, i);
    if (!converges(h)) return false;
    pl->series = h;
    e->method = GM_series;
    e->dims = 1;
    e->packed = h->packed;
    e->error = 2 * TOLERANCE;
    e->zero = opposite;
    e->cost = 4.0 * h->terms[0][20]; /* at variance 1 */
    return true;
}

/* ---- emission */

KVal gauss_emit_terms(KBuild *b, const Expectation *e, int side, KVal q, KVal mean, int64_t *cap) {
    const Hermite *h = ((const Plan *)e->data)->series;
    const uint32_t *t = h->terms[side];
    (void)mean;
    KVal v = kb_num(b, t[0]);
    for (int i = 1; i < STEPS; i++) {
        if (t[i] == t[i - 1]) continue;
        KVal above = kb_op(b, KO_lt, kb_num(b, h->q[i - 1]), q, 0);
        v = kb_op(b, KO_select, above, kb_num(b, t[i]), v);
    }
    *cap = t[STEPS - 1];
    KVal beyond = kb_op(b, KO_lt, kb_num(b, h->q[h->last[side]]), q, 0);
    return kb_op(b, KO_select, beyond, kb_num(b, (double)*cap + 1), v);
}

typedef struct Filler { /* one rule for the coefficients up to some order */
    KBuild *b;
    const Plan *pl;
    const Hermite *h;
    int side;
    uint32_t array, nidx;
    Aff *idx; /* the last one is the coefficient */
    Aff terms;
    KVal s, mean;
    const KVal *theta;
    uint32_t A, B, C, cap; /* tables of the recurrence */
    uint32_t now, before;
} Filler;

static Side own_side(const KBuild *b) { return b->stage == KS_pair ? SIDE_none : SIDE_x; }

static KVal cell(const Filler *f, uint32_t c) { return kb_load(f->b, c, own_side(f->b), NULL, 0); }

/* Packed: h_(k+2) = (A z^2 - B) h_k - C h_(k-2); else h_(k+1) = A z h_k - C h_(k-1). */
static void make_tables(Filler *f) {
    Ctx *c = f->b->c;
    double *A = ARENA_ARRAY(c->a, double, f->cap), *B = ARENA_ARRAY(c->a, double, f->cap);
    double *C = ARENA_ARRAY(c->a, double, f->cap);
    for (uint32_t t = 0; t < f->cap; t++) {
        double k = f->h->packed ? 2.0 * t + (f->h->packed == 2) : t;
        A[t] = f->h->packed ? 1 / sqrt((k + 1) * (k + 2)) : 1 / sqrt(k + 1);
        B[t] = (2 * k + 1) * A[t];
        C[t] = (f->h->packed ? sqrt(k * (k - 1)) : sqrt(k)) * A[t];
    }
    Mach m = {.c = c, .b = f->b};
    f->A = m_table(&m, "hermite_a", A, f->cap).id;
    f->C = m_table(&m, "hermite_c", C, f->cap).id;
    if (f->h->packed) f->B = m_table(&m, "hermite_b", B, f->cap).id;
}

static void fill_node(Filler *f, KVal z, KVal w) {
    KBuild *b = f->b;
    const Hermite *h = f->h;
    KVal leaf[2] = {0};
    leaf[h->leaf[f->side]] = kb_op(b, KO_fma, z, f->s, f->mean);
    KVal v = kb_op(b, KO_mul, gauss_emit_fx(b, h->f[f->side], leaf, f->theta), w, 0);
    if (h->packed == 2) v = kb_op(b, KO_mul, v, z, 0);
    kb_store(b, f->now, NULL, 0, v);
    kb_store(b, f->before, NULL, 0, kb_num(b, 0));
    KVal x = h->packed ? kb_op(b, KO_mul, z, z, 0) : z;
    Sym k = intern_fresh(b->c->syms, "k");
    kb_loop(b, k, aff_const(0), f->terms, false);
    Aff at = aff_name(b->k->aff, k);
    f->idx[f->nidx] = at;
    KVal now = cell(f, f->now), old = kb_load(b, f->array, own_side(b), f->idx, f->nidx + 1);
    kb_store(b, f->array, f->idx, f->nidx + 1, kb_op(b, KO_add, old, now, 0));
    KVal a = kb_op(b, KO_mul, x, kb_table(b, f->A, at), 0);
    if (h->packed) a = kb_op(b, KO_sub, a, kb_table(b, f->B, at), 0);
    KVal back = kb_op(b, KO_mul, cell(f, f->before), kb_table(b, f->C, at), 0);
    KVal next = kb_op(b, KO_sub, kb_op(b, KO_mul, a, now, 0), back, 0);
    kb_store(b, f->before, NULL, 0, now);
    kb_store(b, f->now, NULL, 0, next);
    kb_end(b);
}

/* Trapezoid rule that resolves the orders up to `order`: wave numbers of F and h_k add. */
static void fill(Filler *f, uint32_t order) {
    KBuild *b = f->b;
    double wave = sqrt(order) + sqrt(2.0 * order) + 8;
    uint32_t half = (uint32_t)ceil(RANGE * wave / (2 * M_PI)),
             n = f->h->packed ? half + 1 : 2 * half + 1;
    double *z = ARENA_ARRAY(b->c->a, double, n), *w = ARENA_ARRAY(b->c->a, double, n);
    for (uint32_t j = 0; j < n; j++) {
        double step = RANGE / half;
        z[j] = f->h->packed ? step * j : step * ((double)j - half);
        w[j] = step * exp(-z[j] * z[j] / 2) / sqrt(2 * M_PI);
        if (f->h->packed && j) w[j] *= 2; /* the mirrored node */
    }
    Mach m = {.c = b->c, .b = b};
    uint32_t tz = m_table(&m, "hermite_z", z, n).id, tw = m_table(&m, "hermite_w", w, n).id;
    Sym v = intern_fresh(b->c->syms, "g");
    kb_loop(b, v, aff_const(0), aff_const(n), false);
    Aff j = aff_name(b->k->aff, v);
    fill_node(f, kb_table(b, tz, j), kb_table(b, tw, j));
    kb_end(b);
}

static void clear(Filler *f) {
    Sym k = intern_fresh(f->b->c->syms, "k");
    kb_loop(f->b, k, aff_const(0), f->terms, false);
    f->idx[f->nidx] = aff_name(f->b->k->aff, k);
    kb_store(f->b, f->array, f->idx, f->nidx + 1, kb_num(f->b, 0));
    kb_end(f->b);
}

void gauss_emit_hermite(KBuild *b, const Expectation *e, int side, const GaussOperands *o,
                        uint32_t array, const Aff *idx, uint32_t nidx, Aff terms) {
    const Plan *pl = e->data;
    const Hermite *h = pl->series;
    Filler f = {.b = b,
                .pl = pl,
                .h = h,
                .side = side,
                .array = array,
                .nidx = nidx,
                .terms = terms,
                .theta = o->theta,
                .cap = h->terms[side][STEPS - 1]};
    uint32_t other = h->terms[!side][STEPS - 1], per = h->packed ? 2 : 1;
    if (other > f.cap) f.cap = other;
    f.idx = ARENA_ARRAY(b->c->a, Aff, nidx + 1);
    for (uint32_t i = 0; i < nidx; i++) f.idx[i] = idx[i];
    uint32_t leaf = h->leaf[side];
    f.s = kb_op(b, KO_sqrt, o->var[leaf], 0, 0);
    f.mean = pl->q.centred[leaf] ? kb_num(b, 0) : o->mean[leaf];
    f.now = kernel_cell(b->k, b->c, b->stage, "hermite_now");
    f.before = kernel_cell(b->k, b->c, b->stage, "hermite_before");
    make_tables(&f);
    clear(&f);
    uint32_t small = 96;
    if (f.cap * per <= small) {
        fill(&f, f.cap * per);
        return;
    }
    Cons few = cons_le(b->k->aff, terms, aff_const(small / per));
    kb_if(b, &few, 1);
    fill(&f, small);
    kb_else(b);
    fill(&f, f.cap * per);
    kb_end(b);
}

/* ---- numbers */

double series_value(const Plan *pl, double c, const double *var, const double *mean) {
    const Hermite *h = pl->series;
    Recurrence r[2];
    double unused, sum = 0, power = 1;
    for (int i = 0; i < 2; i++)
        recurrence_start(&r[i], pl->q.fx, h->f[i], pl->q.centred[i] ? 0 : mean[i], sqrt(var[i]),
                         &unused);
    uint32_t order = 0, at = 0;
    while (at + 1 < STEPS && h->q[at] < fmax(var[0], var[1])) at++;
    for (int i = 0; i < 2; i++) order = h->terms[i][at] > order ? h->terms[i][at] : order;
    if (h->packed) order = 2 * order;
    for (uint32_t k = 0; k < order; k++) {
        double a = recurrence_step(&r[0], (int)k), b = recurrence_step(&r[1], (int)k);
        sum += a * b * power;
        power *= c;
    }
    return sum;
}

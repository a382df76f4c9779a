/* How many orders a Hermite series needs.
 *
 * Value: by Cauchy and Schwarz the orders k >= K of sum a_k b_k c^k come to at most (t t')^(1/2)
 * |c|^K, t = sum_{k >= K} a_k^2 the tail of E F^2.  Slope, s s' E F' G': the same with k a_k^2, the
 * tail T of s^2 E F'^2, which decays later: of tanh at variance 49 it is 100 times t.
 *
 * So where F = G the last stored coefficient, of order L, is raised to hold all of T: its square
 * becomes T_L / L; even and odd orders have a last one each.  That makes the slope exact at c = 1
 * and -1 between equal variances.  Elsewhere, with w_k = k a_k b_k, W their sum and m their mean
 * excess of k over L, Jensen's inequality gives
 *     |sum w_k c^(k-1) - W c^(L-1)| <= W (c^(L-1) - c^(L-1+m)) <= W m / n ((L-1) / n)^((L-1) / m),
 * n = L - 1 + m, (1) and unequal variances add |W - (T T')^(1/2)| (2).  For tanh m is near
 * (L q)^(1/2) / pi, so that (1) gains a factor near L and the slope needs no more orders than the
 * value. */
#include "gauss/series.h"
#include "gauss/shape.h"
#include <math.h>

/* Orders of which the tails are made: some beyond those that may be summed. */
enum { ORDERS = MAX_ORDER + MAX_ORDER / 2, QUIET = 12 };
static const double RANGE = 12.5, NEGLIGIBLE = 1e-17, ROUNDING = 1e-14, NOTHING = 1e-20;

const double series_tolerance[2] = {1e-13, 8e-13};

void recurrence_start(Recurrence *r, const FxPool *fx, Fx f, double mean, double s,
                      double *second) {
    double h = 2 * RANGE / (NODES - 1);
    *second = 0;
    for (int j = 0; j < NODES; j++) {
        double v = 0, z = -RANGE + h * j;
        double w = h * exp(-z * z / 2) / sqrt(2 * M_PI);
        shape_value(fx, f, mean + s * z, &v);
        if (!isfinite(v) && w < NOTHING) v = 0;
        r->z[j] = z;
        r->before[j] = 0;
        r->now[j] = v * w;
        *second += v * v * w;
    }
}

double recurrence_step(Recurrence *r, int k) {
    double a = 0, inv = 1 / sqrt(k + 1.0), root = sqrt((double)k);
    for (int j = 0; j < NODES; j++) {
        a += r->now[j];
        double next = (r->z[j] * r->now[j] - root * r->before[j]) * inv;
        r->before[j] = r->now[j];
        r->now[j] = next;
    }
    return a;
}

uint32_t series_stored(const Hermite *h, uint32_t k) {
    if (!h->packed) return k ? k : 1;
    uint32_t odd = h->packed == 2;
    return k > odd ? (k - odd + 1) / 2 : 1;
}

/* The coefficients at one variance, E F^2, s^2 E F'^2 and what the orders here lack of these; [0],
 * [1]: of even and of odd orders. */
typedef struct Spectrum {
    double a[ORDERS];
    uint32_t n;
    double square, slope, lacks, lacks_slope[2];
} Spectrum;

/* size: what rounding errors are a small part of. */
static double lacking(double all, double found, double size) {
    double rest = all - found;
    return rest > ROUNDING * size ? rest : 0;
}

/* s^2 E of the squares of the odd and of the even part of F': orders of F even and odd. */
static void slopes(const FxPool *fx, Fx d, double mean, double s, double part[2]) {
    Recurrence r;
    double all, odd = 0;
    recurrence_start(&r, fx, d, mean, s, &all);
    for (int j = 0; j < NODES; j++) {
        double w = exp(-r.z[j] * r.z[j] / 2), v = (r.now[j] - r.now[NODES - 1 - j]) / 2;
        if (w > NOTHING) odd += v * v / w;
    }
    part[0] = s * s * odd * sqrt(2 * M_PI) * (NODES - 1) / (2 * RANGE);
    part[1] = s * s * all - part[0];
}

static void spectrum(Spectrum *s, const FxPool *fx, const Hermite *h, int side, double mean,
                     double q) {
    Recurrence r;
    double found = 0, sloped[2] = {0, 0}, part[2];
    slopes(fx, h->d[side], mean, sqrt(q), part);
    s->slope = part[0] + part[1];
    recurrence_start(&r, fx, h->f[side], mean, sqrt(q), &s->square);
    uint32_t quiet = 0, k = 0;
    for (; k < ORDERS && quiet < QUIET; k++) {
        double a = s->a[k] = recurrence_step(&r, (int)k), a2 = a * a;
        found += a2;
        sloped[k & 1] += k * a2;
        bool small = a2 <= NEGLIGIBLE * s->square && k * a2 <= NEGLIGIBLE * s->slope;
        quiet = small && k ? quiet + 1 : 0;
    }
    s->n = k;
    s->lacks = lacking(s->square, found, s->square);
    /* a_k is off by a share of E F^2: where F hardly varies that is not small beside it */
    double size = s->slope + sqrt(s->slope * s->square);
    for (int i = 0; i < 2; i++) s->lacks_slope[i] = lacking(part[i], sloped[i], size);
}

static bool all_finite(const Spectrum *s) { return isfinite(s->square) && isfinite(s->slope); }

/* Orders needed for a tail of sum k^power a_k^2 below the tolerance; UINT32_MAX: too many. */
static uint32_t plain_orders(const Spectrum *s, int power) {
    double all = power ? s->slope : s->square;
    double tail = power ? s->lacks_slope[0] + s->lacks_slope[1] : s->lacks;
    double most = series_tolerance[power] * all;
    if (tail > most) return UINT32_MAX;
    for (uint32_t k = s->n; k-- > 0;) {
        tail += (power ? k : 1) * s->a[k] * s->a[k];
        if (tail > most) return k + 1;
    }
    return 0;
}

/* (1) */
static double jensen(double W, double m, double L) {
    double n = L - 1 + m;
    if (L <= 1 || m <= 0 || W <= 0) return L <= 1 ? W : 0;
    return W * m / n * exp((L - 1) / m * log((L - 1) / n));
}

/* Orders needed by the slope between variances of u and v with tails in the last coefficient of
 * this parity: (1) and (2).  Coefficients of opposite signs are all left to (2). */
static uint32_t lumped_orders(const Spectrum *u, const Spectrum *v, uint32_t parity) {
    double t = u->lacks_slope[parity], t2 = v->lacks_slope[parity], w = sqrt(t * t2);
    double most = series_tolerance[1] / 2 * sqrt(u->slope * v->slope);
    uint32_t n = u->n > v->n ? u->n : v->n;
    if (w > most) return UINT32_MAX;
    double first = w * n;
    for (uint32_t k = n; k-- > 1;) {
        double a = k < u->n ? u->a[k] : 0, b = k < v->n ? v->a[k] : 0;
        if ((k & 1) != parity) continue;
        t += k * a * a;
        t2 += k * b * b;
        w += k * a * b;
        first += (double)k * k * a * b;
        double both = sqrt(t * t2), whole = a * b > 0 ? both : -both;
        if (fabs(w) + fabs(w - whole) <= most || !a || !b) continue;
        double m = w > 0 ? first / w - k : 0;
        if (jensen(fabs(w), m > 0 ? m : 0, k) + fabs(w - whole) > most)
            return k + 3; /* the next one may be the last */
    }
    return 0;
}

/* Means at which functions of leaves that are not centred are tried. */
static const double means[] = {0, 1, -1, 3, -3};

typedef struct Count {
    const Plan *pl;
    Hermite *h;
    Arena *a;
    int side;
    const Spectrum *at[STEPS]; /* lump: of the steps so far */
} Count;

/* Orders at one step: [0] value, [1] value and slope. */
static void step_orders(Count *c, uint32_t i, uint32_t k[2]) {
    const Hermite *h = c->h;
    uint32_t n = c->pl->q.centred[h->leaf[c->side]] ? 1 : sizeof means / sizeof *means;
    Spectrum *s = ARENA_NEW(c->a, Spectrum);
    k[0] = k[1] = 0;
    for (uint32_t j = 0; j < n; j++) {
        spectrum(s, c->pl->q.fx, h, c->side, means[j], h->q[i]);
        if (!all_finite(s)) k[0] = k[1] = UINT32_MAX;
        uint32_t value = plain_orders(s, 0), slope = h->lump ? 0 : plain_orders(s, 1);
        if (value > k[0]) k[0] = value;
        if (slope > k[1]) k[1] = slope;
    }
    c->at[i] = s;
    for (uint32_t j = 0; h->lump && j <= 2 * i + 1; j++) {
        uint32_t slope = lumped_orders(s, c->at[j / 2], j % 2);
        if (slope > k[1]) k[1] = slope;
    }
    if (k[0] > k[1]) k[1] = k[0];
}

/* Every second step where means vary: their coefficients are needed at several means. */
static void count_side(Count *c) {
    Hermite *h = c->h;
    bool centred = c->pl->q.centred[h->leaf[c->side]];
    uint32_t stride = centred ? 1 : 2, most[2] = {0, 0};
    bool served[2] = {true, true};
    for (uint32_t i = 0; i < STEPS; i += stride) {
        uint32_t k[2] = {UINT32_MAX, UINT32_MAX};
        if (served[0]) step_orders(c, i, k);
        for (int slope = 0; slope < 2; slope++) {
            served[slope] = served[slope] && k[slope] <= MAX_ORDER;
            if (served[slope]) h->last[slope][c->side] = (int)i;
            if (served[slope] && k[slope] > most[slope]) most[slope] = k[slope];
            for (uint32_t j = i < stride ? 0 : i - stride + 1; j <= i; j++)
                h->terms[slope][c->side][j] = series_stored(h, most[slope]);
        }
    }
}

void series_orders(const Plan *pl, Hermite *h) {
    Arena *a = arena_new(0, NULL, NULL);
    for (uint32_t i = 0; i < STEPS; i++) h->q[i] = exp2(-10 + i / 2.0);
    for (int side = 0; side < SIDES; side++) {
        Count c = {.pl = pl, .h = h, .a = a, .side = side};
        h->last[0][side] = h->last[1][side] = -1;
        if (side && h->lump) { /* the same function */
            for (int slope = 0; slope < 2; slope++) {
                memcpy(h->terms[slope][1], h->terms[slope][0], sizeof h->terms[slope][0]);
                h->last[slope][1] = h->last[slope][0];
            }
            continue;
        }
        count_side(&c);
    }
    arena_free(a);
}

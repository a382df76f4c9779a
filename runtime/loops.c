/* Inner loops over vectors of eight doubles.  Compiled once per instruction set, by the flags of
 * meson.build, which define RT_LOOPS (the table's name) and RT_COLUMNS (vectors of columns that the
 * product keeps in registers). */
#include "gram.h"
#include <math.h>
#include <string.h>

typedef double V8 __attribute__((vector_size(64), aligned(8), may_alias));

/* nc * 8 columns of y, coordinates [k, k + n): pack[k][column].  Missing columns are 0. */
static inline void pack_columns(const double *y, int64_t d, int64_t cols, int64_t n, int nc,
                                double *pack) {
    int64_t w = nc * 8;
    if (cols < w) memset(pack, 0, (size_t)(n * w) * sizeof *pack);
    for (int64_t j = 0; j < rt_min(cols, w); j++)
        for (int64_t k = 0; k < n; k++) pack[k * w + j] = y[j * d + k];
}

/* Four rows of x against 8 nc packed columns: sums over one chunk. */
static inline void micro(const double *const x[4], const double *pack, int64_t n, int nc, V8 *out) {
    V8 s[8] = {{0}};
    for (int64_t k = 0; k < n; k++)
        for (int v = 0; v < nc; v++) {
            V8 y = *(const V8 *)(pack + (k * nc + v) * 8);
            for (int r = 0; r < 4; r++) s[r * nc + v] += y * x[r][k];
        }
    for (int i = 0; i < 4 * nc; i++) out[i] = s[i];
}

/* Rows i..i+4 (the last one repeated at the end) of one chunk, added to c. */
static inline void four_rows(const RtTile *b, int64_t i, int64_t j, int64_t k, int64_t n, int nc) {
    const double *x[4];
    for (int r = 0; r < 4; r++) x[r] = b->x + rt_min(i + r, b->ni - 1) * b->d + k;
    V8 s[8];
    micro(x, b->pack, n, nc, s);
    int64_t cols = rt_min(8 * nc, b->nj - j);
    for (int r = 0; r < rt_min(4, b->ni - i); r++) {
        double *c = b->c + (i + r) * b->ldc + j;
        const double *v = (const double *)&s[r * nc];
        for (int64_t l = 0; l < cols; l++) c[l] = k ? c[l] + v[l] : v[l];
    }
}

static void tile_wide(const RtTile *b, int nc) {
    for (int64_t k = 0; k < b->d; k += RT_DOT_CHUNK)
        for (int64_t j = 0; j < b->nj; j += 8 * nc) {
            int64_t n = rt_min(RT_DOT_CHUNK, b->d - k);
            pack_columns(b->y + j * b->d + k, b->d, b->nj - j, n, nc, b->pack);
            for (int64_t i = 0; i < b->ni; i += 4) four_rows(b, i, j, k, n, nc);
        }
}

static void tile(const RtTile *t) { tile_wide(t, RT_COLUMNS); }

static bool unit(const RtRow *r) {
    const double *restrict dot = r->dot, *restrict rj = r->rj;
    double *restrict c = r->c, *restrict e = r->e, *restrict p = r->p;
    const double ri = r->ri;
    for (int64_t k = 0; k < r->n; k++) {
        double v = dot[k] * ri * rj[k];
        v = v > 1 ? 1 : v;
        c[k] = v < -1 ? -1 : v;
    }
    for (int64_t k = 0; k < r->n; k++) {
        e[k] = 1 - c[k];
        p[k] = 1 + c[k];
    }
    int64_t near = 0;
    for (int64_t k = 0; k < r->n; k++) near |= (e[k] < RT_NEAR) | (p[k] < RT_NEAR);
    return near != 0;
}

static inline double sum8(const double v[8]) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

typedef struct Pair {
    const double *x, *y;
    int64_t d;
    double s, t;
} Pair;

/* delta = s y - t x of coordinate k. */
static inline double pair_delta(const Pair *p, int64_t k) {
    return __builtin_fma(-p->t, p->x[k], p->s * p->y[k]);
}

/* delta (s y + t x) */
static inline double pair_product(const Pair *p, int64_t k) {
    return pair_delta(p, k) * __builtin_fma(p->t, p->x[k], p->s * p->y[k]);
}

/* Sums in eight lanes, coordinate k in lane k mod 8, so that they can be vectors. */
static inline double pair_shift(const Pair *p) {
    double acc[8] = {0};
    int64_t k = 0;
    for (; k + 8 <= p->d; k += 8)
        for (int l = 0; l < 8; l++) acc[l] += pair_product(p, k + l);
    for (int l = 0; k + l < p->d; l++) acc[l] += pair_product(p, k + l);
    return sum8(acc);
}

static inline double pair_square(const Pair *p, double shift) {
    double acc[8] = {0};
    int64_t k = 0;
    for (; k + 8 <= p->d; k += 8)
        for (int l = 0; l < 8; l++) {
            double w = __builtin_fma(-shift, p->x[k + l], pair_delta(p, k + l));
            acc[l] += w * w;
        }
    for (int l = 0; k + l < p->d; l++) {
        double w = __builtin_fma(-shift, p->x[k + l], pair_delta(p, k + l));
        acc[l] += w * w;
    }
    return sum8(acc);
}

/* With u = s y, t = |u| / |x| rounded, and delta = u - t x (one rounding, small where the rows are
 * nearly parallel):  |u|^2 - t^2 |x|^2 = delta . (u + t x)  and
 *     u / |u| - x / |x| = (delta - x (|u| - t |x|) / |x|) / |u|,
 * a difference of small numbers only. */
static double defect(const double *x, const double *y, int64_t d, double s, double xx, double yy) {
    double a = sqrt(xx), b = sqrt(yy);
    Pair p = {x, y, d, s, b / a};
    double shift = pair_shift(&p) / (b + p.t * a) / a;
    return pair_square(&p, shift) / yy / 2;
}

/* 0 * v is 0 or NaN. */
static bool finite_f64(const double *v, int64_t n) {
    double acc[8] = {0};
    int64_t k = 0;
    for (; k + 8 <= n; k += 8)
        for (int l = 0; l < 8; l++) acc[l] += v[k + l] * 0;
    for (int l = 0; k + l < n; l++) acc[l] += v[k + l] * 0;
    return sum8(acc) == 0;
}

static bool finite_f32(const float *v, int64_t n) {
    float acc[8] = {0};
    int64_t k = 0;
    for (; k + 8 <= n; k += 8)
        for (int l = 0; l < 8; l++) acc[l] += v[k + l] * 0;
    double s = 0;
    for (int l = 0; l < 8; l++) s += (double)acc[l];
    for (; k < n; k++) s += (double)v[k] * 0;
    return s == 0;
}

const RtLoops RT_LOOPS = {tile, unit, defect, finite_f64, finite_f32};

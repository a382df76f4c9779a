#include "gauss/fan.h"
#include "gauss/rules.h"
#include "diag/diag.h"
#include <math.h>

void fan_order(uint32_t *a, uint32_t *b) {
    if (*b % 2 == 1 || *a % 2 == 0) return;
    uint32_t t = *a;
    *a = *b;
    *b = t;
}

static Fm double_factorial(FmPool *p, int64_t n) { /* n!! , (-1)!! = 1 */
    Fm r = fm_int(p, 1);
    for (; n > 1; n -= 2) r = fm_scale(p, r, (Rat){n, 1});
    return r;
}

/* E z^m [z > 0] */
static Fm half_moment(FmPool *p, int64_t m) {
    if (m % 2 == 0) return fm_scale(p, double_factorial(p, m - 1), rat(1, 2));
    return fm_mul(p, double_factorial(p, m - 1), fm_2pi(p, -1));
}

static int64_t choose(int64_t n, int64_t k) {
    int64_t r = 1;
    for (int64_t i = 1; i <= k; i++) r = r * (n - k + i) / i;
    return r;
}

/* z' = rho z + sqrt(1 - rho^2) w: sum over even j of C(b, j) rho^(b-j) (1 - rho^2)^(j/2) (j-1)!!
 * E z^(a+b-j) [z > 0]. */
uint32_t fan_half(FmPool *p, uint32_t a, uint32_t b, Fm *coef) {
    for (uint32_t i = 0; i <= b; i++) coef[i] = 0;
    for (uint32_t j = 0; j <= b; j += 2) {
        Fm t = fm_mul(p, double_factorial(p, (int64_t)j - 1), half_moment(p, (int64_t)a + b - j));
        t = fm_scale(p, t, (Rat){choose(b, j), 1});
        for (uint32_t l = 0; l <= j / 2; l++) {
            int64_t s = choose(j / 2, l) * (l % 2 ? -1 : 1);
            uint32_t at = b - j + 2 * l;
            coef[at] = fm_add(p, coef[at], fm_scale(p, t, (Rat){s, 1}));
        }
    }
    return b;
}

enum { NODES = 40, FIT = 26 };

typedef struct Wedge {
    uint32_t a, b;
    double x[NODES], w[NODES];
} Wedge;

/* g J / (2 pi) over d^((a+b+1)/2) */
static double wedge_ratio(const void *ctx, double d) {
    const Wedge *q = ctx;
    uint32_t n = q->a + q->b;
    double al = atan2(sqrt(d * (2 - d)), 1 - d), sum = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        double s = sin(al * q->x[i]) / al, t = sin(al * (1 - q->x[i])) / al;
        sum += q->w[i] * pow(s, q->a) * pow(t, q->b);
    }
    double g = pow(2, n / 2.0) * tgamma(n / 2.0 + 1) / (2 * M_PI);
    return g * pow(al / sqrt(d), n + 1) * sum;
}

static MVal power(Mach *m, MVal x, uint32_t n) {
    MVal r = n ? x : m_num(m, 1);
    for (uint32_t i = 1; i < n; i++) r = m_mul(m, r, x);
    return r;
}

MVal fan_tail(Mach *m, uint32_t a, uint32_t b, MVal d) {
    if (a == 0 && b == 0) return m_op1(m, KO_fan00, d);
    if (a == 1 && b == 1) return m_op1(m, KO_fan11, d);
    if (a + b > MAX_FAN) bug("fan_tail: order %u + %u", a, b);
    Wedge q = {.a = a, .b = b};
    rule_legendre(NODES, q.x, q.w);
    double c[FIT + 1];
    uint32_t degree = fit_unit_interval(wedge_ratio, &q, FIT, c), n = a + b + 1;
    MVal x = m_fma(m, d, m_num(m, 2), m_num(m, -1));
    MVal v = m_horner(m, c, degree, x);
    if (n / 2) v = m_mul(m, v, power(m, d, n / 2));
    return n % 2 ? m_mul(m, v, m_op1(m, KO_sqrt, d)) : v;
}

MVal fan_value(Mach *m, FmPool *p, uint32_t a, uint32_t b, MVal c, MVal d, MVal neg) {
    fan_order(&a, &b);
    Fm h[MAX_FAN + 1];
    double v[MAX_FAN + 1];
    uint32_t degree = fan_half(p, a, b, h);
    for (uint32_t i = 0; i <= degree; i++)
        if (!fm_const(p, h[i], &v[i])) bug("fan_value: a coefficient is no number");
    MVal half = m_select(m, neg, m_num(m, 0), m_horner(m, v, degree, c));
    MVal t = fan_tail(m, a, b, d);
    if (b % 2 == 0) t = m_select(m, neg, t, m_op1(m, KO_neg, t));
    return m_add(m, half, t);
}

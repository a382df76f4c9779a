/* Instructions of kernels on doubles, written apart from the vector mathematics. */
#include "gauss/mach.h"
#include "diag/diag.h"
#include <math.h>

static double Phi(double x) { return erfc(-x / sqrt(2)) / 2; }

static double angle(double d) { return atan2(sqrt(d * (2 - d)), 1 - d); }

/* (sin a - a cos a) / (2 pi) as its alternating series: sum (-1)^(k+1) 2 k a^(2k+1) / (2k+1)!. */
static double fan11(double d) {
    double a = angle(d), t = a, sum = 0;
    for (int k = 1; k < 20; k++) {
        t *= a * a / (2 * k * (2 * k + 1));
        sum += (k % 2 ? 2 : -2) * k * t;
    }
    return sum / (2 * M_PI);
}

static double dexp(double a, double b) {
    return b >= 0 ? -exp(a) * expm1(-b) : exp(a - b) * expm1(b);
}

/* int_0^atan(x / h) exp(-h^2 / (2 cos^2)) / (2 pi), h >= 0: Owen's T(h, x / h) without the
 * division. */
static double ray(double h, double x) {
    static const double node[10] = {
        0.0765265211334973338, 0.2277858511416450781, 0.3737060887154195607, 0.5108670019508270980,
        0.6360536807265150255, 0.7463319064601507926, 0.8391169718222188234, 0.9122344282513259059,
        0.9639719272779137913, 0.9931285991850949248};
    static const double weight[10] = {
        0.1527533871307258507, 0.1491729864726037468, 0.1420961093183820514, 0.1316886384491766269,
        0.1181945319615184174, 0.1019301198172404350, 0.0832767415767047487, 0.0626720483341090636,
        0.0406014298003869413, 0.0176140071391521183};
    double sign = x < 0 ? -1 : 1, y = fabs(x);
    bool swap = y > h;
    double a = swap ? h / y : (h > 0 ? y / h : 0), H = swap ? y : h, sum = 0;
    for (int i = 0; i < 20; i++) {
        double t = a * (1 + (i % 2 ? node[i / 2] : -node[i / 2])) / 2;
        sum += weight[i / 2] * exp(-H * H * (1 + t * t) / 2) / (1 + t * t);
    }
    double T = a * sum / (4 * M_PI);
    if (!swap) return sign * T;
    double u = Phi(-h), v = Phi(-y);
    return sign * ((u + v) / 2 - u * v - T);
}

static double bvn(double h, double k, double d, double sg) {
    double s = sqrt(d * (2 - d)), c = sg * (1 - d);
    if (h == 0 && k == 0) return 0.25 + atan2(c, s) / (2 * M_PI);
    double den = fmax(s, 1e-150);
    double ch = ((h - sg * k) + sg * d * k) / den, ck = ((k - sg * h) + sg * d * h) / den;
    double j = h * k < 0 || (h * k == 0 && h + k < 0) ? 0.5 : 0;
    double f = ray(fabs(h), copysign(1, h) * ck) + ray(fabs(k), copysign(1, k) * ch);
    return (Phi(h) + Phi(k)) / 2 - f - j;
}

double num_op(KOp op, const double *a) {
    switch (op) {
    case KO_add: return a[0] + a[1];
    case KO_sub: return a[0] - a[1];
    case KO_mul: return a[0] * a[1];
    case KO_div: return a[0] / a[1];
    case KO_fma: return fma(a[0], a[1], a[2]);
    case KO_neg: return -a[0];
    case KO_abs: return fabs(a[0]);
    case KO_sqrt: return sqrt(a[0]);
    case KO_min: return a[0] < a[1] ? a[0] : a[1];
    case KO_max: return a[0] > a[1] ? a[0] : a[1];
    case KO_copysign: return copysign(a[0], a[1]);
    case KO_rint: return rint(a[0]);
    case KO_pow2: return exp2(a[0]);
    case KO_exponent: return logb(a[0]);
    case KO_mantissa: return a[0] / exp2(logb(a[0]));
    case KO_lt: return a[0] < a[1];
    case KO_le: return a[0] <= a[1];
    case KO_eq: return a[0] == a[1];
    case KO_and: return a[0] != 0 && a[1] != 0;
    case KO_or: return a[0] != 0 || a[1] != 0;
    case KO_not: return a[0] == 0;
    case KO_select: return a[0] != 0 ? a[1] : a[2];
    case KO_exp: return exp(a[0]);
    case KO_expm1: return expm1(a[0]);
    case KO_log: return log(a[0]);
    case KO_log1p: return log1p(a[0]);
    case KO_sin: return sin(a[0]);
    case KO_cos: return cos(a[0]);
    case KO_tanh: return tanh(a[0]);
    case KO_erf: return erf(a[0]);
    case KO_Phi: return Phi(a[0]);
    case KO_pow: return pow(a[0], a[1]);
    case KO_atan2: return atan2(a[0], a[1]);
    case KO_asin: return atan2(a[0], a[1]);
    case KO_dexp: return dexp(a[0], a[1]);
    case KO_fan00: return angle(a[0]) / (2 * M_PI);
    case KO_fan11: return fan11(a[0]);
    case KO_bvn: return bvn(a[0], a[1], a[2], a[3]);
    case KO_num:
    case KO_real:
    case KO_index:
    case KO_table:
    case KO_load:
    case KO_store:
    case KO_loop:
    case KO_if: break;
    }
    bug("num_op: instruction %d has no value of its own", (int)op);
}

/* Scalar code of descriptors: a stack machine over doubles. */
#include "values.h"
#include <math.h>
#include <string.h>

enum { STACK = 256 };

static double sign(double x) { return (x > 0) - (x < 0); }
static double normal_cdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

static double unary(TpCodeOp op, double a) {
    switch (op) {
    case TPC_NEG: return -a;
    case TPC_EXP: return exp(a);
    case TPC_LOG: return log(a);
    case TPC_SQRT: return sqrt(a);
    case TPC_SIN: return sin(a);
    case TPC_COS: return cos(a);
    case TPC_TANH: return tanh(a);
    case TPC_ERF: return erf(a);
    case TPC_PHI: return normal_cdf(a);
    case TPC_ABS: return fabs(a);
    case TPC_SIGN: return sign(a);
    case TPC_STEP: return a > 0;
    case TPC_NOT: return a == 0;
    case TPC_NUM: case TPC_REAL: case TPC_SIZE: case TPC_ADD: case TPC_SUB: case TPC_MUL:
    case TPC_DIV: case TPC_POW: case TPC_MAX: case TPC_MIN: case TPC_GT: case TPC_GE: case TPC_EQ:
    case TPC_AND: case TPC_OR: case TPC_IF: break;
    }
    return NAN;
}

static double binary(TpCodeOp op, double a, double b) {
    switch (op) {
    case TPC_ADD: return a + b;
    case TPC_SUB: return a - b;
    case TPC_MUL: return a * b;
    case TPC_DIV: return a / b;
    case TPC_POW: return pow(a, b);
    case TPC_MAX: return a > b ? a : b;
    case TPC_MIN: return a < b ? a : b;
    case TPC_GT: return a > b;
    case TPC_GE: return a >= b;
    case TPC_EQ: return a == b;
    case TPC_AND: return a != 0 && b != 0;
    case TPC_OR: return a != 0 || b != 0;
    case TPC_NUM: case TPC_REAL: case TPC_SIZE: case TPC_NEG: case TPC_EXP: case TPC_LOG:
    case TPC_SQRT: case TPC_SIN: case TPC_COS: case TPC_TANH: case TPC_ERF: case TPC_PHI:
    case TPC_ABS: case TPC_SIGN: case TPC_STEP: case TPC_NOT: case TPC_IF: break;
    }
    return NAN;
}

static int arity(TpCodeOp op) {
    switch (op) {
    case TPC_NUM: case TPC_REAL: case TPC_SIZE: return 0;
    case TPC_NEG: case TPC_EXP: case TPC_LOG: case TPC_SQRT: case TPC_SIN: case TPC_COS:
    case TPC_TANH: case TPC_ERF: case TPC_PHI: case TPC_ABS: case TPC_SIGN: case TPC_STEP:
    case TPC_NOT: return 1;
    case TPC_ADD: case TPC_SUB: case TPC_MUL: case TPC_DIV: case TPC_POW: case TPC_MAX:
    case TPC_MIN: case TPC_GT: case TPC_GE: case TPC_EQ: case TPC_AND: case TPC_OR: return 2;
    case TPC_IF: return 3;
    }
    return 0;
}

static double leaf(const TpCodeIns *i, const double *real, const int64_t *size) {
    return i->op == TPC_NUM ? i->num : i->op == TPC_REAL ? real[i->x] : (double)size[i->x];
}

double rt_code_value(const TpCode *code, const double *real, const int64_t *size) {
    double s[STACK];
    int n = 0;
    for (int32_t k = 0; k < code->n; k++) {
        const TpCodeIns *i = &code->ins[k];
        TpCodeOp op = (TpCodeOp)i->op;
        int need = arity(op);
        if (n < need || n == STACK) return NAN;
        n -= need;
        if (need == 0) s[n] = leaf(i, real, size);
        else if (need == 1) s[n] = unary(op, s[n]);
        else if (need == 2) s[n] = binary(op, s[n], s[n + 1]);
        else s[n] = s[n] != 0 ? s[n + 1] : s[n + 2];
        n++;
    }
    return n == 1 ? s[0] : NAN;
}

int64_t rt_aff_value(const TpAff *a, const int64_t *size) {
    int64_t v = a->c;
    for (int32_t i = 0; i < a->nterm; i++) v += a->term[i].k * size[a->term[i].size];
    return v;
}

int64_t rt_array_elements(const TpArray *a, const int64_t *size) {
    return rt_array_bound(a, size, size);
}

int64_t rt_array_bound(const TpArray *a, const int64_t *least, const int64_t *most) {
    int64_t n = 1;
    for (int32_t i = 0; i < a->naxis; i++) {
        const TpAff *x = &a->extent[i];
        int64_t len = x->c;
        for (int32_t t = 0; t < x->nterm; t++)
            len += x->term[t].k * (x->term[t].k < 0 ? least : most)[x->term[t].size];
        if (__builtin_mul_overflow(n, rt_max(len, 1), &n)) return INT64_MAX;
    }
    return n;
}

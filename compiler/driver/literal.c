/* Literal numbers and arrays of test blocks. */
#include "driver/driver.h"
#include <math.h>

/* ---- constant expressions */

typedef double Fn1(double);
static double phi_cdf(double x) { return erfc(-x / sqrt(2)) / 2; }

static bool constant(Session *s, const AstExpr *e, double *out);

static bool call(Session *s, const AstExpr *e, double *out) {
    static const struct {
        const char *name;
        Fn1 *fn;
    } table[] = {{"sqrt", sqrt}, {"exp", exp}, {"log", log},  {"sin", sin},    {"cos", cos},
                 {"tanh", tanh}, {"erf", erf}, {"abs", fabs}, {"Phi", phi_cdf}};
    double x;
    if (e->call.fn->kind != AE_name || e->call.args.len != 1 ||
        !constant(s, e->call.args.data[0].value, &x))
        return false;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(sym_text(s->c.syms, e->call.fn->name), table[i].name)) {
            *out = table[i].fn(x);
            return true;
        }
    return false;
}

static bool binary(Session *s, const AstExpr *e, double *out) {
    double a, b;
    if (!constant(s, e->binary.a, &a) || !constant(s, e->binary.b, &b)) return false;
    switch (e->binary.op) {
    case AB_add: *out = a + b; return true;
    case AB_sub: *out = a - b; return true;
    case AB_mul: *out = a * b; return true;
    case AB_div: *out = a / b; return true;
    case AB_pow: *out = pow(a, b); return true;
    case AB_floordiv: *out = floor(a / b); return true;
    case AB_mod: *out = a - b * floor(a / b); return true;
    case AB_or:
    case AB_and:
    case AB_eq:
    case AB_ne:
    case AB_lt:
    case AB_le:
    case AB_gt:
    case AB_ge: return false;
    }
    return false;
}

static bool constant(Session *s, const AstExpr *e, double *out) {
    switch (e->kind) {
    case AE_num: *out = text_double(e->num.text, e->num.len, NULL); return true;
    case AE_neg:
        if (!constant(s, e->arg, out)) return false;
        *out = -*out;
        return true;
    case AE_binary: return binary(s, e, out);
    case AE_call: return call(s, e, out);
    case AE_name:
        *out = M_PI;
        return !strcmp(sym_text(s->c.syms, e->name), "pi");
    case AE_not:
    case AE_transpose:
    case AE_index:
    case AE_reduce:
    case AE_cond:
    case AE_list: return false;
    }
    return false;
}

bool literal_number(Session *s, const AstExpr *e, double *out) {
    if (constant(s, e, out)) return true;
    diag(s->c.ds, test_not_constant, e->span);
    return false;
}

/* ---- nested lists */

typedef VEC(double) Numbers;

/* Lengths by depth, from the first elements. */
static int list_shape(const AstExpr *e, int64_t len[TP_RANK]) {
    int rank = 0;
    while (e->kind == AE_list && e->list.len && rank < TP_RANK - 1) {
        len[rank++] = e->list.len;
        e = e->list.data[0];
    }
    return rank;
}

static bool list_numbers(Session *s, const AstExpr *e, const int64_t *len, int rank, Numbers *v) {
    double x;
    if (!rank) {
        if (e->kind == AE_list) {
            diag(s->c.ds, test_row, e->span);
            return false;
        }
        if (!literal_number(s, e, &x)) return false;
        vec_push(s->a, v, x);
        return true;
    }
    if (e->kind != AE_list) {
        diag(s->c.ds, test_row, e->span);
        return false;
    }
    if (e->list.len != (uint32_t)*len) {
        diag(s->c.ds, test_uneven, e->span, e->list.len, (uint32_t)*len);
        return false;
    }
    for (uint32_t i = 0; i < e->list.len; i++)
        if (!list_numbers(s, e->list.data[i], len + 1, rank - 1, v)) return false;
    return true;
}

bool literal_data(Session *s, const AstExpr *e, TpData *out) {
    int64_t *len = ARENA_ARRAY(s->a, int64_t, TP_RANK);
    Numbers v = {0};
    int rank = list_shape(e, len);
    if (!list_numbers(s, e, len, rank, &v)) return false;
    *out = (TpData){.rows = v.data, .n = 1, .axis = len, .naxis = rank > 0 ? rank - 1 : 0,
                    .d = rank > 0 ? len[rank - 1] : 0};
    return true;
}

/* Numbers of the language: exact expressions with their powers of n, fan_in and d kept apart. */
#include "program/elab.h"
#include <math.h>
#include <stdlib.h>

enum { MAX_AFF_COEF = 1 << 30 };

Value val_none(void) { return (Value){.kind = VAL_none}; }
Value val_fx(Fx f) { return (Value){.kind = VAL_number, .num = {.f = f}}; }
Value val_num(Num n) { return (Value){.kind = VAL_number, .num = n}; }

Value val_int(Elab *e, Aff a) {
    return (Value){.kind = VAL_number, .num = {.f = fx_index(e->fx, a)}, .is_int = true,
                   .has_aff = true, .aff = a};
}

bool num_pure(Num n) { return !n.n && !n.fan && !n.d; }

/* base^(q/4) of a factor that is an expression. */
static Fx fx_quarters(Elab *e, Fx base, int32_t q) {
    return fx_op(e->fx, FX_pow, base, fx_rat(e->fx, q, QUARTER), 0);
}

/* The power of d multiplied in: dim(x)^(1/2) is written sqrt(dim(x)). */
static Num num_plain_d(Elab *e, Num a) {
    if (!a.d) return a;
    Fx dim = fx_dim(e->fx, a.din), p;
    if (abs(a.d) == QUARTER / 2)
        p = fx_op(e->fx, FX_sqrt, dim, 0, 0);
    else
        p = fx_quarters(e, dim, abs(a.d));
    a.f = a.d > 0 ? fx_mul(e->fx, a.f, p) : fx_div(e->fx, a.f, p);
    a.d = 0;
    return a;
}

Fx num_fx(Elab *e, Num a) { return num_plain_d(e, a).f; }

static Num num_join_d(Elab *e, Num a, Num b, int sign) {
    Num r = a;
    if (!a.d || !b.d || a.din == b.din) {
        if (!a.d) r.din = b.din;
        r.d = a.d + sign * b.d;
        return r;
    }
    a = num_plain_d(e, a);
    b = num_plain_d(e, b);
    a.f = sign > 0 ? fx_mul(e->fx, a.f, b.f) : fx_div(e->fx, a.f, b.f);
    return a;
}

static int32_t clamp_power(int32_t p) { /* nothing real is that large; no overflow by repetition */
    return p > MAX_POWER ? MAX_POWER : p < -MAX_POWER ? -MAX_POWER : p;
}

static Num num_product(Elab *e, Num a, Num b, int sign) {
    bool joint = a.d && b.d && a.din != b.din;
    Num r = num_join_d(e, a, b, sign);
    if (!joint) r.f = sign > 0 ? fx_mul(e->fx, a.f, b.f) : fx_div(e->fx, a.f, b.f);
    r.n = clamp_power(a.n + sign * b.n);
    r.fan = clamp_power(a.fan + sign * b.fan);
    r.d = clamp_power(r.d);
    return r;
}

Num num_mul(Elab *e, Num a, Num b) { return num_product(e, a, b, 1); }
Num num_div(Elab *e, Num a, Num b) { return num_product(e, a, b, -1); }

static const char *power_text(Elab *e, const char *base, int32_t q) {
    if (q % QUARTER == 0)
        return q == QUARTER ? base : arena_printf(e->a, "%s^%d", base, q / QUARTER);
    int den = q % 2 ? 4 : 2;
    return arena_printf(e->a, "%s^(%d/%d)", base, q * den / QUARTER, den);
}

const char *num_power(Elab *e, int32_t q) { return q ? power_text(e, "n", q) : "1"; }

static const char *powers(Elab *e, Num a) {
    if (!a.n && !a.fan) return "1";
    if (!a.fan) return power_text(e, "n", a.n);
    if (!a.n) return power_text(e, "fan_in", a.fan);
    return arena_printf(e->a, "%s %s", power_text(e, "n", a.n), power_text(e, "fan_in", a.fan));
}

/* ---- sums */
static Value number_sum(Elab *e, AstBinop op, Value a, Value b, Span sp) {
    FxOp o = op == AB_add ? FX_add : FX_sub;
    Num x = a.num, y = b.num;
    if (!fx_is_zero(e->fx, x.f) && !fx_is_zero(e->fx, y.f)) {
        if (x.n != y.n || x.fan != y.fan) {
            Diag *d = diag(e->c->ds, power_sum, sp, powers(e, x), powers(e, y));
            diag_note(d, "with n -> inf one of the two does not count");
            return val_none();
        }
        if (x.d != y.d || (x.d && x.din != y.din)) x = num_plain_d(e, x), y = num_plain_d(e, y);
    } else if (fx_is_zero(e->fx, x.f)) {
        x.n = y.n, x.fan = y.fan, x.d = y.d, x.din = y.din;
    }
    x.f = fx_op(e->fx, o, x.f, y.f, 0);
    return val_num(x);
}

/* ---- integers */
static bool small_const(Aff a, int64_t *out) {
    if (!aff_is_const(a) || llabs(a.c) > MAX_AFF_COEF) return false;
    *out = a.c;
    return true;
}

static bool aff_scalable(Aff a, int64_t k) {
    int64_t v;
    if (__builtin_mul_overflow(a.c, k, &v)) return false;
    for (uint32_t i = 0; i < a.nterm; i++)
        if (llabs((int64_t)a.term[i].k * k) > MAX_AFF_COEF) return false;
    return true;
}

static bool aff_addable(Aff a, Aff b) {
    int64_t v;
    if (__builtin_add_overflow(a.c, b.c, &v) || __builtin_sub_overflow(a.c, b.c, &v)) return false;
    for (uint32_t i = 0; i < a.nterm; i++)
        if (abs(a.term[i].k) > MAX_AFF_COEF / 2) return false;
    for (uint32_t i = 0; i < b.nterm; i++)
        if (abs(b.term[i].k) > MAX_AFF_COEF / 2) return false;
    return true;
}

static int64_t floor_div(int64_t a, int64_t b) {
    int64_t q = a / b;
    return a % b && (a < 0) != (b < 0) ? q - 1 : q;
}

/* a // b and a % b: b must be a constant, a a constant or of sizes. */
static Value int_floor(Elab *e, AstBinop op, Value a, Value b, Span sp) {
    if (a.has_aff && b.has_aff && aff_is_const(a.aff) && aff_is_const(b.aff)) {
        if (b.aff.c == 0 || (a.aff.c == INT64_MIN && b.aff.c == -1)) {
            diag(e->c->ds, division_by_zero, sp);
            return val_none();
        }
        int64_t q = floor_div(a.aff.c, b.aff.c);
        return val_int(e, aff_const(op == AB_floordiv ? q : a.aff.c - q * b.aff.c));
    }
    bool fixed = fix_hypers(e, a.num.f);
    if (fix_hypers(e, b.num.f) || fixed) return val_none();
    Aff q;
    int64_t k;
    if (a.has_aff && b.has_aff && small_const(b.aff, &k) && k > 0 &&
        (size_floor(e, a.aff, (int32_t)k, sp, &q) || floor_open(e, a.aff, (int32_t)k, sp, &q))) {
        if (op == AB_floordiv) return val_int(e, q);
        if (aff_scalable(q, k))
            return val_int(e, aff_sub(e->x, a.aff, aff_scale(e->x, q, (int32_t)k)));
    }
    diag(e->c->ds, later_floor, sp, ast_binop_text(op));
    return val_none();
}

static Value int_power(Elab *e, Value a, Value b) {
    int64_t r = 1, base, n;
    if (!a.has_aff || !b.has_aff || !small_const(a.aff, &base) || !small_const(b.aff, &n) || n < 0)
        return val_none();
    for (int64_t i = 0; i < n && i < 64; i++)
        if (__builtin_mul_overflow(r, base, &r)) return val_none();
    return n < 64 ? val_int(e, aff_const(r)) : val_none();
}

/* Integer arithmetic that stays affine; VAL_none: it does not (or isn't integer arithmetic). */
static Value int_binary(Elab *e, AstBinop op, Value a, Value b) {
    int64_t k;
    if (!a.has_aff || !b.has_aff) return val_none();
    if ((op == AB_add || op == AB_sub) && aff_addable(a.aff, b.aff))
        return val_int(e, op == AB_add ? aff_add(e->x, a.aff, b.aff) : aff_sub(e->x, a.aff, b.aff));
    if (op == AB_mul && small_const(a.aff, &k) && aff_scalable(b.aff, k))
        return val_int(e, aff_scale(e->x, b.aff, (int32_t)k));
    if (op == AB_mul && small_const(b.aff, &k) && aff_scalable(a.aff, k))
        return val_int(e, aff_scale(e->x, a.aff, (int32_t)k));
    if (op == AB_pow) return int_power(e, a, b);
    return val_none();
}

/* ---- powers */
static bool power_scale(int32_t p, double by, int32_t *out) {
    double v = p * by;
    *out = (int32_t)v;
    return v == floor(v) && fabs(v) <= (double)MAX_POWER;
}

static Value number_pow(Elab *e, Value a, Value b, Span sp) {
    Num r = a.num;
    const FxNode *k = fx_node(e->fx, b.num.f);
    if (!num_pure(b.num)) {
        diag(e->c->ds, power_function, sp, "an exponent");
        return val_none();
    }
    if (!num_pure(r) &&
        (k->op != FX_num || !power_scale(a.num.n, k->num, &r.n) ||
         !power_scale(a.num.fan, k->num, &r.fan) || !power_scale(a.num.d, k->num, &r.d))) {
        diag(e->c->ds, power_function, sp, "a power that is not a constant multiple of 1/4");
        return val_none();
    }
    r.f = fx_op(e->fx, FX_pow, a.num.f, b.num.f, 0);
    return val_num(r);
}

/* ---- comparisons and logic */
static Value number_compare(Elab *e, AstBinop op, Value a, Value b, Span sp) {
    if (a.num.n != b.num.n || a.num.fan != b.num.fan) {
        diag(e->c->ds, power_function, sp, "a comparison");
        return val_none();
    }
    Fx x = num_fx(e, a.num), y = num_fx(e, b.num);
    switch (op) {
    case AB_gt: return val_fx(fx_op(e->fx, FX_gt, x, y, 0));
    case AB_lt: return val_fx(fx_op(e->fx, FX_gt, y, x, 0));
    case AB_ge: return val_fx(fx_op(e->fx, FX_ge, x, y, 0));
    case AB_le: return val_fx(fx_op(e->fx, FX_ge, y, x, 0));
    case AB_eq: return val_fx(fx_op(e->fx, FX_eq, x, y, 0));
    case AB_ne: return val_fx(fx_op(e->fx, FX_not, fx_op(e->fx, FX_eq, x, y, 0), 0, 0));
    case AB_and: return val_fx(fx_op(e->fx, FX_and, x, y, 0));
    case AB_or: return val_fx(fx_op(e->fx, FX_or, x, y, 0));
    case AB_add:
    case AB_sub:
    case AB_mul:
    case AB_div:
    case AB_floordiv:
    case AB_mod:
    case AB_pow: break;
    }
    bug("number_compare: `%s`", ast_binop_text(op));
}

Value number_binary(Elab *e, AstBinop op, Value a, Value b, Span sp, Span at) {
    bool ints = a.is_int && b.is_int;
    if (op == AB_floordiv || op == AB_mod) {
        if (ints) return int_floor(e, op, a, b, sp);
        diag(e->c->ds, int_operands, at, ast_binop_text(op));
        return val_none();
    }
    if (ints) {
        Value v = int_binary(e, op, a, b);
        if (v.kind != VAL_none) return v;
    }
    Value r;
    if (op == AB_add || op == AB_sub) {
        r = number_sum(e, op, a, b, sp);
    } else if (op == AB_mul) {
        r = val_num(num_mul(e, a.num, b.num));
    } else if (op == AB_div) {
        if (fx_is_zero(e->fx, b.num.f)) {
            diag(e->c->ds, division_by_zero, sp);
            return val_none();
        }
        r = val_num(num_div(e, a.num, b.num));
    } else if (op == AB_pow) {
        r = number_pow(e, a, b, sp);
    } else {
        return number_compare(e, op, a, b, sp);
    }
    double k;
    bool whole = op != AB_pow || (value_is_const(e, b, &k) && k >= 0);
    r.is_int = ints && op != AB_div && whole;
    return r;
}

Value number_neg(Elab *e, Value a) {
    if (a.has_aff && aff_scalable(a.aff, -1)) {
        Value v = val_int(e, aff_scale(e->x, a.aff, -1));
        v.literal = a.literal;
        return v;
    }
    a.num.f = fx_op(e->fx, FX_neg, a.num.f, 0, 0);
    a.has_aff = false;
    return a;
}

Value number_function(Elab *e, FxOp op, const Value *arg, uint32_t n, Span sp) {
    Num r = arg[0].num;
    bool pure = num_pure(r), ints = arg[0].is_int;
    for (uint32_t i = 1; i < n; i++) {
        pure &= num_pure(arg[i].num);
        ints &= arg[i].is_int;
    }
    if (op == FX_sqrt && !pure && power_scale(r.n, 0.5, &r.n) && power_scale(r.fan, 0.5, &r.fan) &&
        power_scale(r.d, 0.5, &r.d)) {
        r.f = fx_op(e->fx, op, r.f, 0, 0);
        return val_num(r);
    }
    for (uint32_t i = 0; i < n; i++)
        if (arg[i].num.n || arg[i].num.fan) {
            diag(e->c->ds, power_function, sp, arena_printf(e->a, "`%s`", fx_text(op)));
            return val_none();
        }
    Fx x = num_fx(e, arg[0].num), y = n > 1 ? num_fx(e, arg[1].num) : 0;
    Value v = val_fx(fx_op(e->fx, op, x, y, 0));
    const FxNode *k = fx_node(e->fx, v.num.f);
    v.is_int = ints && (op == FX_max || op == FX_min || op == FX_abs || op == FX_sign);
    if (v.is_int && k->op == FX_num && k->q == 1) return val_int(e, aff_const(k->p));
    if (v.is_int && k->op == FX_index) return val_int(e, k->aff);
    Aff size;
    if (v.is_int && n == 2 && arg[0].has_aff && arg[1].has_aff && has_position(e, v.num.f) &&
        size_extreme(e, op == FX_max, arg[0].aff, arg[1].aff, sp, &size))
        return val_int(e, size);
    return v;
}

bool value_is_const(const Elab *e, Value v, double *out) {
    const FxNode *k = fx_node(e->fx, v.num.f);
    if (k->op != FX_num || !num_pure(v.num)) return false;
    *out = k->num;
    return true;
}

const char *width_text(Elab *e, Fx width) {
    FxOp op = fx_node(e->fx, width)->op;
    Buf b = buf_new(e->a);
    fx_print(e->fx, e->c->syms, &b, width);
    if (fx_is_num(e->fx, width, 1)) return "n";
    bool sum = op == FX_add || op == FX_sub || op == FX_if;
    return arena_printf(e->a, sum ? "(%s) * n" : "%s * n", buf_text(&b));
}

const char *value_kind(const Elab *e, const Value *v) {
    switch (v->kind) {
    case VAL_number: return v->is_int ? "an integer" : "a number";
    case VAL_vector: return v->is_input ? "a data vector" : "a vector";
    case VAL_covector: return "a transposed vector";
    case VAL_matrix: return v->nidx < v->fam->nsize ? "a family of matrices" : "a matrix";
    case VAL_cmatrix: return "a transposed matrix";
    case VAL_vecs: return "a family of vectors";
    case VAL_output: return "an inner product";
    case VAL_fn: return "a function";
    case VAL_word: return arena_printf(e->a, "the word `%s`", sym_text(e->c->syms, v->word));
    case VAL_array: return "a family of indexed definitions";
    case VAL_family:
        if (v->of->kind == VAL_vector)
            return v->is_input ? "a family of data vectors" : "a family of vectors";
        return v->of->kind == VAL_output ? "a family of inner products" : "a family of numbers";
    case VAL_none:
    case VAL_carried:
    case VAL_gone: break;
    }
    return "nothing";
}

/* Questions about formulas, and their text. */
#include "gauss/formula.h"
#include <math.h>

static const struct {
    const char *text;
    uint8_t nformula, nraw;
} fns[FN_COUNT] = {
#define FN(name, nf, nraw, text, slots) [FN_##name] = {text, nf, nraw},
#include "gauss/fn.def"
};

bool fm_number(const FmPool *p, Fm f, Rat *out) {
    Sum s = fm_sum(p, f);
    if (s.n > 1 || (s.n == 1 && s.t[0].mono)) return false;
    *out = s.n ? s.t[0].c : (Rat){0, 1};
    return true;
}

static bool fn_const(const FmPool *p, const Atom *a, double *out) {
    double x = 0, y = 0;
    if (!fm_const(p, a->arg[0], &x)) return false;
    if (fns[a->x].nformula > 1 && !fm_const(p, a->arg[1], &y)) return false;
    switch ((FnOp)a->x) {
    case FN_exp: *out = exp(x); return true;
    case FN_expm1: *out = expm1(x); return true;
    case FN_dexp: *out = exp(x) - exp(x - y); return true;
    case FN_sin: *out = sin(x); return true;
    case FN_cos: *out = cos(x); return true;
    case FN_atan2: *out = atan2(x, y); return true;
    case FN_asin: *out = atan2(x, y); return true;
    case FN_Phi: *out = erfc(-x / sqrt(2)) / 2; return true;
    case FN_step: *out = x > 0; return true;
    case FN_abs: *out = fabs(x); return true;
    case FN_max: *out = fmax(x, y); return true;
    case FN_keep: *out = x; return true;
    case FN_cond:
    case FN_bvnd:
    case FN_bvn:
    case FN_fan:
    case FN_quad: return false;
    }
    return false;
}

static bool atom_const(const FmPool *p, const Atom *a, double *out) {
    switch (a->kind) {
    case AK_prime: *out = a->x; return true;
    case AK_pi: *out = acos(-1); return true;
    case AK_i: return false;
    case AK_sym: *out = fm_symbol(p, a)->num; return fm_symbol(p, a)->kind == SK_num;
    case AK_fn: return fn_const(p, a, out);
    case AK_sum: return fm_const(p, a->x, out);
    }
    return false;
}

bool fm_const(const FmPool *p, Fm f, double *out) {
    Sum s = fm_sum(p, f);
    double total = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        double v = (double)s.t[i].c.n / (double)s.t[i].c.d, x;
        Mono m = fm_mono(p, s.t[i].mono);
        for (uint32_t j = 0; j < m.n; j++) {
            if (!atom_const(p, fm_atom(p, m.p[j].atom), &x)) return false;
            v *= pow(x, (double)m.p[j].e.n / (double)m.p[j].e.d);
        }
        total += v;
    }
    *out = total;
    return true;
}

static int power_sign(const FmPool *p, Power w) {
    const Atom *a = fm_atom(p, w.atom);
    if (w.e.d != 1) return a->kind == AK_i ? 0 : 1;
    int s = 0;
    if (a->kind == AK_prime || a->kind == AK_pi) s = 1;
    if (a->kind == AK_sym) s = fm_symbol(p, a)->positive;
    if (a->kind == AK_fn) s = a->x == FN_exp || a->x == FN_Phi || a->x == FN_bvn || a->x == FN_bvnd;
    if (a->kind == AK_sum) s = fm_sign(p, a->x);
    return s < 0 && w.e.n % 2 == 0 ? 1 : s;
}

int fm_sign(const FmPool *p, Fm f) {
    double x;
    if (fm_const(p, f, &x)) return (x > 0) - (x < 0);
    Sum s = fm_sum(p, f);
    int sign = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        int t = s.t[i].c.n > 0 ? 1 : -1;
        Mono m = fm_mono(p, s.t[i].mono);
        for (uint32_t j = 0; j < m.n; j++) t *= power_sign(p, m.p[j]);
        if (!t || (i && t != sign)) return 0;
        sign = t;
    }
    return sign;
}

bool fm_has(const FmPool *p, Fm f, AtomKind kind, uint32_t x) {
    Sum s = fm_sum(p, f);
    for (uint32_t i = 0; i < s.n; i++) {
        Mono m = fm_mono(p, s.t[i].mono);
        for (uint32_t j = 0; j < m.n; j++) {
            const Atom *a = fm_atom(p, m.p[j].atom);
            if (a->kind == kind && (kind != AK_fn || a->x == x)) return true;
            if (a->kind == AK_sum && fm_has(p, a->x, kind, x)) return true;
            for (uint32_t l = 0; a->kind == AK_fn && l < fns[a->x].nformula; l++)
                if (fm_has(p, a->arg[l], kind, x)) return true;
        }
    }
    return false;
}

/* ---- text */

static void print_symbol(const FmPool *p, Buf *b, const FmSym *s) {
    switch (s->kind) {
    case SK_var: buf_printf(b, "q%u", s->i); return;
    case SK_cov: buf_printf(b, "k%u%u", s->i, s->j); return;
    case SK_det: buf_printf(b, "D%u%u", s->i, s->j); return;
    case SK_mean: buf_printf(b, "m%u", s->i); return;
    case SK_std: buf_printf(b, "s%u", s->i); return;
    case SK_c: buf_puts(b, "c"); return;
    case SK_r: buf_puts(b, "(1 - c^2)"); return;
    case SK_scalar: fx_print(p->fx, p->syms, b, s->fx); return;
    case SK_num: buf_double(b, s->num); return;
    }
}

static void print_atom(const FmPool *p, Buf *b, const Atom *a) {
    switch (a->kind) {
    case AK_prime: buf_printf(b, "%u", a->x); return;
    case AK_pi: buf_puts(b, "pi"); return;
    case AK_i: buf_puts(b, "i"); return;
    case AK_sym: print_symbol(p, b, fm_symbol(p, a)); return;
    case AK_sum: break;
    case AK_fn: buf_puts(b, fns[a->x].text); break;
    }
    buf_putc(b, '(');
    if (a->kind == AK_sum) fm_print(p, b, a->x);
    uint32_t n = a->kind != AK_fn ? 0 : a->x == FN_asin ? 1 : fns[a->x].nformula;
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_puts(b, ", ");
        fm_print(p, b, a->arg[i]);
    }
    for (uint32_t i = 0; a->kind == AK_fn && i < fns[a->x].nraw; i++)
        buf_printf(b, i || fns[a->x].nformula ? ", %u" : "%u", a->arg[fns[a->x].nformula + i]);
    buf_putc(b, ')');
}

static void print_power(const FmPool *p, Buf *b, Power w, int side) {
    const Atom *a = fm_atom(p, w.atom);
    Rat e = {side < 0 ? -w.e.n : w.e.n, w.e.d};
    if (e.n == 1 && e.d == 2) {
        buf_puts(b, a->kind == AK_sum ? "sqrt" : "sqrt(");
        print_atom(p, b, a);
        if (a->kind != AK_sum) buf_putc(b, ')');
        return;
    }
    print_atom(p, b, a);
    if (e.d != 1)
        buf_printf(b, "^(%lld/%lld)", (long long)e.n, (long long)e.d);
    else if (e.n != 1)
        buf_printf(b, "^%lld", (long long)e.n);
}

/* The powers of one sign as a product; returns how many there were. */
static uint32_t print_side(const FmPool *p, Buf *b, Mono m, int64_t c, int side) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < m.n; i++) n += (m.p[i].e.n > 0) == (side > 0);
    uint32_t k = 0;
    if (c != 1 || (!n && side > 0)) {
        buf_printf(b, "%lld", (long long)c);
        k++;
    }
    for (uint32_t i = 0; i < m.n; i++) {
        if ((m.p[i].e.n > 0) != (side > 0)) continue;
        if (k++) buf_putc(b, ' ');
        print_power(p, b, m.p[i], side);
    }
    return k;
}

static void print_term(const FmPool *p, Buf *b, FmTerm t) {
    Mono m = fm_mono(p, t.mono);
    print_side(p, b, m, t.c.n < 0 ? -t.c.n : t.c.n, 1);
    Buf down = buf_new(b->a);
    uint32_t k = print_side(p, &down, m, t.c.d, -1);
    if (!k) return;
    buf_printf(b, k > 1 ? "/(%s)" : "/%s", buf_text(&down));
}

void fm_print(const FmPool *p, Buf *b, Fm f) {
    Sum s = fm_sum(p, f);
    if (!s.n) buf_putc(b, '0');
    for (uint32_t i = 0; i < s.n; i++) {
        bool neg = s.t[i].c.n < 0;
        if (i)
            buf_puts(b, neg ? " - " : " + ");
        else if (neg)
            buf_putc(b, '-');
        print_term(p, b, s.t[i]);
    }
}

bool fm_bounded_below(const FmPool *p, Fm f) {
    if (fm_sign(p, f) <= 0) return false;
    Sum s = fm_sum(p, f);
    for (uint32_t i = 0; i < s.n; i++)
        if (mono_time(p, s.t[i].mono) == TIME_const) return true;
    return false;
}

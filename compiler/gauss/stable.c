#include "gauss/stable.h"

static bool is_exp(const FmPool *p, Power w) {
    const Atom *a = fm_atom(p, w.atom);
    return a->kind == AK_fn && a->x == FN_exp && w.e.n == 1 && w.e.d == 1;
}

/* ---- complex exponentials */

static bool mono_imaginary(const FmPool *p, uint32_t mono) {
    Mono m = fm_mono(p, mono);
    for (uint32_t i = 0; i < m.n; i++)
        if (fm_atom(p, m.p[i].atom)->kind == AK_i) return true;
    return false;
}

static Fm exp_real(FmPool *p, Fm arg) {
    Sum s = fm_sum(p, arg);
    Fm re = 0, im = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        Fm t = fm_term(p, s.t[i].c, s.t[i].mono);
        if (mono_imaginary(p, s.t[i].mono))
            im = fm_sub(p, im, fm_mul(p, t, fm_i(p)));
        else
            re = fm_add(p, re, t);
    }
    if (!im) return fm_fn(p, FN_exp, arg, 0, 0, 0);
    bool flip = fm_sum(p, im).t[0].c.n < 0;
    if (flip) im = fm_neg(p, im);
    Fm c = fm_fn(p, FN_cos, im, 0, 0, 0);
    Fm sn = fm_mul(p, fm_i(p), fm_fn(p, FN_sin, im, 0, 0, 0));
    return fm_mul(p, fm_fn(p, FN_exp, re, 0, 0, 0), flip ? fm_sub(p, c, sn) : fm_add(p, c, sn));
}

/* The whole is real, so terms that kept a factor i cancel, though they may not do so letter by
 * letter (c^2 + r = 1): they are dropped. */
static Fm real_part(FmPool *p, Fm f) {
    Sum s = fm_sum(p, f);
    Fm r = 0;
    for (uint32_t i = 0; i < s.n; i++)
        if (!mono_imaginary(p, s.t[i].mono)) r = fm_add(p, r, fm_term(p, s.t[i].c, s.t[i].mono));
    return r;
}

Fm stable_real(FmPool *p, Fm f) {
    if (!fm_has(p, f, AK_i, 0)) return f;
    Sum s = fm_sum(p, f);
    Fm r = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        Mono m = fm_mono(p, s.t[i].mono);
        Fm t = fm_rat(p, s.t[i].c);
        for (uint32_t j = 0; j < m.n; j++) {
            if (is_exp(p, m.p[j]))
                t = fm_mul(p, t, exp_real(p, fm_atom(p, m.p[j].atom)->arg[0]));
            else
                t = fm_mul(p, t, fm_atom_pow(p, m.p[j].atom, m.p[j].e));
        }
        r = fm_add(p, r, t);
    }
    return real_part(p, r);
}

/* ---- differences of exponentials */

typedef struct Exp { /* c e^arg */
    Fm arg;
    Rat c;
    bool done;
} Exp;

/* e^a - e^b */
static Fm difference(FmPool *p, Fm a, Fm b) {
    if (!b) return fm_fn(p, FN_expm1, a, 0, 0, 0);
    if (!a) return fm_neg(p, fm_fn(p, FN_expm1, b, 0, 0, 0));
    return fm_fn(p, FN_dexp, a, fm_sub(p, a, b), 0, 0);
}

static Fm cancelling(FmPool *p, const Exp *e, uint32_t n) {
    uint32_t base = 0;
    for (uint32_t i = 1; i < n; i++) {
        Rat a = e[i].c, b = e[base].c;
        if (a.n < 0) a.n = -a.n;
        if (b.n < 0) b.n = -b.n;
        if (rat_cmp(a, b) > 0 || (rat_cmp(a, b) == 0 && !e[i].arg)) base = i;
    }
    Fm r = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i != base) r = fm_add(p, r, fm_scale(p, difference(p, e[i].arg, e[base].arg), e[i].c));
    return r;
}

static Fm opposite_pairs(FmPool *p, Exp *e, uint32_t n) {
    Fm r = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (e[i].done) continue;
        uint32_t j = i + 1;
        while (j < n && (e[j].done || e[j].c.n != -e[i].c.n || e[j].c.d != e[i].c.d)) j++;
        Fm t = fm_fn(p, FN_exp, e[i].arg, 0, 0, 0);
        if (j < n) {
            t = difference(p, e[i].arg, e[j].arg);
            e[j].done = true;
        }
        r = fm_add(p, r, fm_scale(p, t, e[i].c));
    }
    return r;
}

static Fm combine(FmPool *p, Exp *e, uint32_t n) {
    Rat sum = {0, 1};
    uint32_t real = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum = rat_add(p, sum, e[i].c);
        real += e[i].arg != 0;
    }
    if (n > 1 && real && !sum.n) return cancelling(p, e, n);
    return opposite_pairs(p, e, n);
}

typedef struct Split { /* coef * rest * e^arg */
    uint32_t rest;
    Exp e;
    bool done;
} Split;

static Split split(FmPool *p, FmTerm t) {
    Mono m = fm_mono(p, t.mono);
    Power *w = ARENA_ARRAY(p->a, Power, m.n + 1);
    uint32_t n = 0;
    Split s = {.e = {.c = t.c}};
    for (uint32_t i = 0; i < m.n; i++) {
        if (is_exp(p, m.p[i]))
            s.e.arg = fm_atom(p, m.p[i].atom)->arg[0];
        else
            w[n++] = m.p[i];
    }
    Rat one = {1, 1};
    s.rest = mono_from(p, w, n, &one);
    return s;
}

Fm stable_differences(FmPool *p, Fm f) {
    if (!fm_has(p, f, AK_fn, FN_exp)) return f;
    Sum s = fm_sum(p, f);
    Split *t = ARENA_ARRAY(p->a, Split, s.n + 1);
    Exp *e = ARENA_ARRAY(p->a, Exp, s.n + 1);
    for (uint32_t i = 0; i < s.n; i++) t[i] = split(p, s.t[i]);
    Fm r = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        uint32_t n = 0;
        if (t[i].done) continue;
        for (uint32_t j = i; j < s.n; j++) {
            if (t[j].done || t[j].rest != t[i].rest) continue;
            e[n++] = t[j].e;
            t[j].done = true;
        }
        r = fm_add(p, r, fm_mul(p, fm_term(p, (Rat){1, 1}, t[i].rest), combine(p, e, n)));
    }
    return r;
}

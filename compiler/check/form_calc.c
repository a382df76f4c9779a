/* Calculus of normal forms: derivatives, substitution, parity. */
#include "check/form_impl.h"
#include <math.h>

static Form power_form(FormPool *p, const Power *w) {
    Power *f = ARENA_NEW(p->a, Power);
    *f = *w;
    return form_of_mono(p, (Mono){1, 1, f, 1});
}

/* ---- leaves */
static void leaf_add(FormPool *p, Leaves *out, uint32_t k) {
    uint32_t i = 0;
    while (i < out->len && out->data[i] < k) i++;
    if (i < out->len && out->data[i] == k) return;
    vec_push(p->a, out, k);
    for (uint32_t j = out->len - 1; j > i; j--) out->data[j] = out->data[j - 1];
    out->data[i] = k;
}

void form_leaves(FormPool *p, Form f, Leaves *out) {
    FormNode n = p->form.data[f];
    for (uint32_t i = 0; i < n.n && n.leaves; i++)
        for (uint32_t j = 0; j < n.m[i].n; j++) {
            Atom a = p->atom.data[n.m[i].f[j].atom];
            if (a.kind == ATOM_leaf) leaf_add(p, out, a.k);
            else if (a.leaves) form_leaves(p, a.arg, out);
        }
}

bool form_has_leaf(FormPool *p, Form f, uint32_t leaf) {
    FormNode n = p->form.data[f];
    for (uint32_t i = 0; i < n.n && n.leaves; i++)
        for (uint32_t j = 0; j < n.m[i].n; j++) {
            Atom a = p->atom.data[n.m[i].f[j].atom];
            if (a.kind == ATOM_leaf ? a.k == leaf : a.leaves && form_has_leaf(p, a.arg, leaf))
                return true;
        }
    return false;
}

/* ---- derivatives */
static Form fn_slope(FormPool *p, FormFn fn, Form a, Form self) {
    switch (fn) {
    case FF_exp: return self;
    case FF_log: return form_pow(p, a, -1, 1);
    case FF_sin: return form_fn(p, FF_cos, a);
    case FF_cos: return form_scale(p, form_fn(p, FF_sin, a), -1, 1);
    case FF_tanh: return form_sub(p, FORM_ONE, form_mul(p, self, self));
    case FF_erf: /* 2 / sqrt(pi) exp(-a^2) */
        return form_mul(p, form_number(p, M_2_SQRTPI),
                        form_fn(p, FF_exp, form_scale(p, form_mul(p, a, a), -1, 1)));
    case FF_Q: /* 2 phi(a); the constant as fx_diff has it, so that both cancel */
        return form_mul(p, form_scale(p, form_number(p, M_2_SQRTPI * M_SQRT1_2 / 2), 2, 1),
                        form_fn(p, FF_exp, form_scale(p, form_mul(p, a, a), -1, 2)));
    case FF_abs: return form_fn(p, FF_sign, a);
    case FF_sign: return form_scale(p, form_fn(p, FF_delta, a), 2, 1);
    case FF_delta: return 0;
    }
    return 0;
}

static Form power_diff(FormPool *p, const Power *w, uint32_t leaf) {
    Atom a = p->atom.data[w->atom];
    Form inner = FORM_ONE, outer;
    Power less = {w->atom, w->p - w->q, w->q};
    if (a.kind == ATOM_leaf && a.k != leaf) return FORM_ZERO;
    if (a.kind != ATOM_leaf && (!a.leaves || !form_has_leaf(p, a.arg, leaf))) return FORM_ZERO;
    if (a.kind != ATOM_leaf) inner = form_diff(p, a.arg, leaf);
    if (inner == FORM_ZERO) return inner;
    outer = FORM_ONE;
    if (a.kind == ATOM_fn && a.fn == FF_log) { /* a quotient: softplus' is the logistic function */
        outer = form_div(p, inner, a.arg, 1);
        inner = FORM_ONE;
    } else if (a.kind == ATOM_fn) {
        outer = fn_slope(p, a.fn, a.arg, power_form(p, &(Power){w->atom, 1, 1}));
    }
    if (less.p) outer = form_mul(p, outer, form_mul(p, power_form(p, &less), FORM_ONE));
    return form_scale(p, form_mul(p, outer, inner), w->p, w->q);
}

Form form_diff(FormPool *p, Form f, uint32_t leaf) {
    if (!f) return 0;
    FormNode n = p->form.data[f];
    Form sum = FORM_ZERO;
    for (uint32_t i = 0; i < n.n && n.leaves; i++)
        for (uint32_t j = 0; j < n.m[i].n; j++) {
            Mono rest = n.m[i];
            Form d = power_diff(p, &rest.f[j], leaf);
            if (d == FORM_ZERO) continue;
            Power *q = ARENA_ARRAY(p->a, Power, rest.n);
            for (uint32_t k = 0, o = 0; k < rest.n; k++)
                if (k != j) q[o++] = rest.f[k];
            rest.f = q;
            rest.n--;
            sum = form_add(p, sum, form_mul(p, form_of_mono(p, rest), d));
        }
    return sum;
}

/* ---- substitution */
Form form_subst(FormPool *p, Form f, Form (*to)(void *ctx, uint32_t leaf), void *ctx) {
    if (!f || !p->form.data[f].leaves) return f;
    FormNode n = p->form.data[f];
    Form sum = FORM_ZERO;
    for (uint32_t i = 0; i < n.n && sum; i++) {
        Mono rest = {n.m[i].num, n.m[i].den, NULL, 0};
        Form t = form_of_mono(p, rest);
        for (uint32_t j = 0; j < n.m[i].n && t; j++) {
            Power w = n.m[i].f[j];
            Atom a = p->atom.data[w.atom];
            Form one;
            if (a.kind == ATOM_leaf) {
                one = to(ctx, a.k);
                if (!one) one = form_leaf(p, a.k);
            } else if (a.leaves) {
                Form arg = form_subst(p, a.arg, to, ctx);
                one = a.kind == ATOM_base ? arg : form_fn(p, a.fn, arg);
            } else {
                t = form_mul(p, t, power_form(p, &w));
                continue;
            }
            t = form_mul(p, t, form_pow(p, one, w.p, w.q));
        }
        sum = form_add(p, sum, t);
    }
    return sum;
}

static Form zero_leaf(void *ctx, uint32_t leaf) {
    return leaf == *(uint32_t *)ctx ? FORM_ZERO : 0;
}

Form form_at_zero(FormPool *p, Form f, uint32_t leaf) {
    return form_subst(p, f, zero_leaf, &leaf);
}

/* ---- parity */
Parity parity_join(Parity a, Parity b) {
    if (a == PAR_zero) return b;
    if (b == PAR_zero || a == b) return a;
    return PAR_none;
}

Parity parity_mul(Parity a, Parity b) {
    if (a == PAR_zero || b == PAR_zero) return PAR_zero;
    if (a == PAR_none || b == PAR_none) return PAR_none;
    return a == b ? PAR_even : PAR_odd;
}

static Parity atom_parity(FormPool *p, Atom a, LeafParity *leaf, void *ctx) {
    if (a.kind == ATOM_leaf) return leaf(ctx, a.k);
    if (!a.leaves) return PAR_even;
    Parity q = form_parity(p, a.arg, leaf, ctx);
    if (a.kind == ATOM_base || q == PAR_none) return q;
    if (q == PAR_zero) return form_fn_odd(a.fn) || a.fn == FF_abs ? PAR_zero : PAR_even;
    if (q == PAR_even || form_fn_even(a.fn)) return PAR_even;
    return form_fn_odd(a.fn) ? PAR_odd : PAR_none;
}

static Parity power_parity(Parity a, const Power *w) {
    if (a == PAR_zero) return w->p > 0 ? PAR_zero : PAR_even; /* 1 / 0 is refused elsewhere */
    if (a == PAR_even || a == PAR_none) return a;
    return w->q != 1 ? PAR_none : w->p % 2 ? PAR_odd : PAR_even;
}

Parity mono_parity(FormPool *p, const Mono *m, LeafParity *leaf, void *ctx) {
    Parity r = PAR_even;
    for (uint32_t i = 0; i < m->n; i++)
        r = parity_mul(r, power_parity(atom_parity(p, p->atom.data[m->f[i].atom], leaf, ctx),
                                       &m->f[i]));
    return r;
}

Parity form_parity(FormPool *p, Form f, LeafParity *leaf, void *ctx) {
    if (!f) return PAR_none;
    FormNode n = p->form.data[f];
    Parity r = PAR_zero;
    for (uint32_t i = 0; i < n.n && r != PAR_none; i++)
        r = parity_join(r, mono_parity(p, &n.m[i], leaf, ctx));
    return r;
}

typedef struct Negate {
    FormPool *p;
    LeafParity *leaf;
    void *ctx;
    bool unknown;
} Negate;

static Form negated(void *ctx, uint32_t leaf) {
    Negate *g = ctx;
    Parity q = g->leaf(g->ctx, leaf);
    if (q == PAR_none) g->unknown = true;
    if (q == PAR_zero) return FORM_ZERO;
    return q == PAR_odd ? form_scale(g->p, form_leaf(g->p, leaf), -1, 1) : 0;
}

static Form without_zero(void *ctx, uint32_t leaf) {
    Negate *g = ctx;
    return g->leaf(g->ctx, leaf) == PAR_zero ? FORM_ZERO : 0;
}

Parity form_parity_deep(FormPool *p, Form f, LeafParity *leaf, void *ctx) {
    Parity r = form_parity(p, f, leaf, ctx);
    Negate g = {p, leaf, ctx, false};
    if (r != PAR_none || !f) return r;
    Form plus = form_subst(p, f, without_zero, &g), minus = form_subst(p, f, negated, &g);
    if (g.unknown || !plus || !minus) return PAR_none;
    if (plus == minus) return plus == FORM_ZERO ? PAR_zero : PAR_even;
    return form_add(p, plus, minus) == FORM_ZERO ? PAR_odd : PAR_none;
}

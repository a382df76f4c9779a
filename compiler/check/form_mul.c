/* Products of normal forms and what cancels in them; powers, functions, the logistic function. */
#include "check/form_impl.h"
#include <limits.h>

/* ---- products */
static bool power_add(Power *a, const Power *b) {
    int64_t n = (int64_t)a->p * b->q + (int64_t)b->p * a->q, d = (int64_t)a->q * b->q;
    int64_t g = form_gcd(n, d);
    n /= g ? g : 1;
    d /= g ? g : 1;
    if (n > INT32_MAX || n < -INT32_MAX || d > INT32_MAX) return false;
    a->p = (int32_t)n;
    a->q = (int32_t)(n ? d : 1);
    return true;
}

static bool is_fn(const FormPool *p, uint32_t atom, FormFn fn) {
    return p->atom.data[atom].kind == ATOM_fn && p->atom.data[atom].fn == fn;
}

/* The only leaf of a form c * leaf; false: it is no such form. */
static bool lone_leaf(const FormPool *p, Form f, uint32_t *atom) {
    FormNode n = p->form.data[f];
    uint32_t found = 0;
    if (n.n != 1) return false;
    for (uint32_t i = 0; i < n.m[0].n; i++) {
        const Power *w = &n.m[0].f[i];
        if (!p->atom.data[w->atom].leaves) continue;
        if (found || p->atom.data[w->atom].kind != ATOM_leaf || w->p != 1 || w->q != 1)
            return false;
        found = w->atom;
    }
    *atom = found;
    return found != 0;
}

/* A product being reduced: what the rules took out is in `more`, a factor. */
typedef struct Reduce {
    Power f[64];
    uint32_t n;
    Form more;
    bool zero;
} Reduce;

static void drop(Reduce *r, uint32_t i) {
    for (; i + 1 < r->n; i++) r->f[i] = r->f[i + 1];
    r->n--;
}

static void take_out(FormPool *p, Reduce *r, Form f) { r->more = form_mul(p, r->more, f); }

static int find_fn(const FormPool *p, const Reduce *r, FormFn fn, Form arg) {
    for (uint32_t i = 0; i < r->n; i++)
        if (is_fn(p, r->f[i].atom, fn) && p->atom.data[r->f[i].atom].arg == arg) return (int)i;
    return -1;
}

/* The place of x where arg = c x with a natural exponent; -1: none. */
static int own_leaf(const FormPool *p, const Reduce *r, Form arg) {
    uint32_t leaf;
    if (!lone_leaf(p, arg, &leaf)) return -1;
    for (uint32_t k = 0; k < r->n; k++)
        if (r->f[k].atom == leaf && r->f[k].q == 1 && r->f[k].p > 0) return (int)k;
    return -1;
}

/* Natural powers of sums, whole powers of what is a product. */
static bool reduce_base(FormPool *p, Reduce *r, uint32_t i, Form arg) {
    Power w = r->f[i];
    if (w.q == 2 && w.p != 1 && form_is_number(p, arg)) { /* roots of numbers have exponent 1/2 */
        r->f[i].p = 1;
        take_out(p, r, form_pow(p, arg, (w.p - 1) / 2, 1));
        return true;
    }
    if (w.q != 1 || (w.p < 0 && p->form.data[arg].n != 1)) return false;
    drop(r, i);
    if (w.p < 0) {
        take_out(p, r, form_pow(p, arg, w.p, 1));
        return true;
    }
    if (w.p > MAX_EXPAND) r->more = 0;
    for (int32_t k = 0; k < w.p && r->more; k++) take_out(p, r, arg);
    return true;
}

static bool reduce_exp(FormPool *p, Reduce *r, uint32_t i, Form arg) {
    Power w = r->f[i];
    if (w.p != 1) {
        drop(r, i);
        take_out(p, r, form_fn(p, FF_exp, form_scale(p, arg, w.p, w.q)));
        return true;
    }
    for (uint32_t k = i + 1; k < r->n; k++) {
        if (!is_fn(p, r->f[k].atom, FF_exp) || r->f[k].p != 1 || r->f[k].q != 1) continue;
        Form b = p->atom.data[r->f[k].atom].arg;
        drop(r, k);
        drop(r, i);
        take_out(p, r, form_fn(p, FF_exp, form_add(p, arg, b)));
        return true;
    }
    return false;
}

static bool reduce_abs(FormPool *p, Reduce *r, uint32_t i, Form arg) {
    Power w = r->f[i];
    if (w.q != 1 || w.p <= 1) return false;
    r->f[i].p = w.p & 1;
    take_out(p, r, form_pow(p, arg, w.p & ~1, 1));
    return true;
}

static bool reduce_sign(FormPool *p, Reduce *r, uint32_t i, Form arg) {
    Power w = r->f[i];
    if (w.q == 1 && (w.p < 0 || w.p > 1)) {
        r->f[i].p = w.p & 1;
        return true;
    }
    int k = find_fn(p, r, FF_abs, arg), at = own_leaf(p, r, arg);
    if (k >= 0 && r->f[k].q == 1 && r->f[k].p >= 1) {
        r->f[k].p--;
        r->f[i].p--;
        take_out(p, r, arg);
        return true;
    }
    if (at < 0) return false;
    Form c = form_mul(p, arg, form_of_atom(p, r->f[at].atom, -1, 1));
    r->f[at].p--;
    r->f[i].p = 0;
    take_out(p, r, form_mul(p, form_fn(p, FF_abs, arg), form_pow(p, c, -1, 1)));
    return true;
}

static bool reduce_delta(FormPool *p, Reduce *r, uint32_t i, Form arg) {
    uint32_t leaf;
    Power w = r->f[i];
    bool reads = false;
    if (find_fn(p, r, FF_sign, arg) >= 0 || find_fn(p, r, FF_abs, arg) >= 0 ||
        own_leaf(p, r, arg) >= 0) {
        r->zero = true;
        return false;
    }
    if (!lone_leaf(p, arg, &leaf)) return false;
    leaf = p->atom.data[leaf].k;
    for (uint32_t k = 0; k < r->n; k++) {
        Atom o = p->atom.data[r->f[k].atom];
        reads |= k != i && o.leaves && o.kind != ATOM_leaf && form_has_leaf(p, o.arg, leaf);
    }
    if (!reads) return false;
    for (uint32_t k = 0; k < r->n; k++)
        if (k != i)
            take_out(p, r, form_at_zero(p, form_of_atom(p, r->f[k].atom, r->f[k].p, r->f[k].q),
                                        leaf));
    r->f[0] = w;
    r->n = 1;
    return true;
}

/* sign^2 = 1, |a|^2 = a^2, |a| sign(a) = a, x sign(x) = |x|, delta(a) sign(a) = delta(a) |a| = 0,
 * G(x) delta(x) = G(0) delta(x), powers of exp and of sums.  True: something was done. */
static bool reduce_once(FormPool *p, Reduce *r) {
    for (uint32_t i = 0; i < r->n && !r->zero; i++) {
        Atom a = p->atom.data[r->f[i].atom];
        if (!r->f[i].p) {
            drop(r, i);
            return true;
        }
        if (a.kind == ATOM_base && reduce_base(p, r, i, a.arg)) return true;
        if (a.kind != ATOM_fn) continue;
        if (a.fn == FF_exp && reduce_exp(p, r, i, a.arg)) return true;
        if (a.fn == FF_abs && reduce_abs(p, r, i, a.arg)) return true;
        if (a.fn == FF_sign && reduce_sign(p, r, i, a.arg)) return true;
        if (a.fn == FF_delta && reduce_delta(p, r, i, a.arg)) return true;
    }
    return false;
}

static Form mono_mul(FormPool *p, const Mono *a, const Mono *b) {
    Reduce r = {.more = FORM_ONE};
    Mono c = {.num = a->num, .den = a->den};
    uint32_t i = 0, j = 0;
    if (!mono_scale(&c, b->num, b->den) || a->n + b->n > 60) return 0;
    while (i < a->n || j < b->n) {
        if (j == b->n || (i < a->n && a->f[i].atom < b->f[j].atom)) {
            r.f[r.n++] = a->f[i++];
        } else if (i == a->n || b->f[j].atom < a->f[i].atom) {
            r.f[r.n++] = b->f[j++];
        } else {
            r.f[r.n] = a->f[i++];
            if (!power_add(&r.f[r.n], &b->f[j++])) return 0;
            r.n++;
        }
    }
    while (reduce_once(p, &r)) {}
    if (r.zero) return FORM_ZERO;
    if (!r.more) return 0;
    c.f = arena_copy(p->a, r.f, r.n * sizeof *r.f);
    c.n = r.n;
    Form f = form_of_mono(p, c);
    return r.more == FORM_ONE ? f : form_mul(p, f, r.more);
}

Form form_mul(FormPool *p, Form a, Form b) {
    if (!a || !b) return 0;
    if (a == FORM_ZERO || b == FORM_ZERO) return FORM_ZERO;
    if (a == FORM_ONE) return b;
    if (b == FORM_ONE) return a;
    FormNode x = p->form.data[a], y = p->form.data[b];
    p->work += (uint64_t)x.n * y.n;
    if ((uint64_t)x.n * y.n > 4 * MAX_MONOS || p->depth > 200) return 0;
    if (p->budget && p->work > p->budget) return 0;
    MonoVec v = {0};
    p->depth++;
    bool ok = true;
    for (uint32_t i = 0; i < x.n && ok; i++)
        for (uint32_t j = 0; j < y.n && ok; j++) {
            Form t = mono_mul(p, &x.m[i], &y.m[j]);
            FormNode n = p->form.data[t];
            ok = t != 0;
            for (uint32_t k = 0; k < n.n; k++) vec_push(p->a, &v, n.m[k]);
        }
    p->depth--;
    return ok ? sum_of(p, &v) : 0;
}

/* ---- powers and functions */
static Form power_of_mono(FormPool *p, const Mono *m, int32_t num, int32_t den) {
    if (den != 1) { /* of one symbol or sum; sqrt(x^2) is |x| */
        if (m->n != 1 || m->num != 1 || m->den != 1) return 0;
        AtomKind kind = p->atom.data[m->f[0].atom].kind;
        if (kind == ATOM_fn || kind == ATOM_leaf) return 0;
        if (m->f[0].q == 1 && m->f[0].p % 2 == 0) return 0;
    }
    Form r = FORM_ONE;
    if (den == 1) {
        Mono c = {.num = 1, .den = 1};
        int32_t k = num < 0 ? -num : num;
        for (int32_t i = 0; i < k; i++)
            if (!mono_scale(&c, num < 0 ? m->den : m->num, num < 0 ? m->num : m->den)) return 0;
        r = form_of_mono(p, c);
    }
    for (uint32_t i = 0; i < m->n && r; i++) {
        Power w = m->f[i];
        int64_t a = (int64_t)w.p * num, b = (int64_t)w.q * den, g = form_gcd(a, b);
        if (a / g > INT32_MAX || a / g < INT32_MIN || b / g > INT32_MAX) return 0;
        /* by the multiplication, so that the rules see it */
        Form one = form_of_atom(p, w.atom, (int32_t)(a / g), (int32_t)(b / g));
        Mono id = {1, 1, NULL, 0};
        if (!one) return 0; /* beyond the budget */
        r = form_mul(p, r, mono_mul(p, &p->form.data[one].m[0], &id));
    }
    return r;
}

static Form base_power(FormPool *p, Form a, int32_t num, int32_t den) {
    return form_of_atom(p, form_atom_intern(p, (Atom){.kind = ATOM_base, .arg = a}), num, den);
}

/* sqrt(num / den) = s / den * sqrt(r), num den = s^2 r, r without square factors. */
static Form root_of(FormPool *p, int64_t num, int64_t den) {
    __int128 wide = (__int128)num * den;
    if (wide > (int64_t)1 << 40) return base_power(p, form_rat(p, num, den), 1, 2);
    int64_t r = (int64_t)wide, s = 1;
    for (int64_t q = 2; q * q <= r; q++)
        while (r % (q * q) == 0) r /= q * q, s *= q;
    Form f = form_rat(p, s, den);
    return r == 1 ? f : form_mul(p, f, base_power(p, form_rat(p, r, 1), 1, 2));
}

/* (c m)^(num / 2), c > 0 a rational: c^(num / 2) m^(num / 2), the root of c in lowest terms. */
static Form root_out(FormPool *p, const Mono *m, int32_t num) {
    Mono rest = {1, 1, m->f, m->n};
    int32_t whole = num >= 0 ? num / 2 : -((1 - num) / 2); /* floor; num is odd */
    Form c = form_mul(p, form_pow(p, form_rat(p, m->num, m->den), whole, 1),
                      root_of(p, m->num, m->den));
    return m->n ? form_mul(p, c, form_pow(p, form_of_mono(p, rest), num, 2)) : c;
}

Form form_pow(FormPool *p, Form a, int32_t num, int32_t den) {
    if (!a || !den) return 0;
    if (!num) return FORM_ONE;
    if (a == FORM_ONE) return a;
    FormNode n = p->form.data[a];
    if (!n.n) return num > 0 ? FORM_ZERO : 0;
    if (n.n == 1 && den == 2 && num % 2 && n.m[0].num > 0 && num > -64 && num < 64 &&
        (n.m[0].num != 1 || n.m[0].den != 1))
        return root_out(p, &n.m[0], num);
    if (n.n == 1 && num >= -64 && num <= 64) {
        Form r = power_of_mono(p, &n.m[0], num, den);
        if (r || den == 1) return r;
    }
    if (den == 1 && num > 0 && num <= MAX_EXPAND) {
        Form r = a;
        for (int32_t k = 1; k < num && r; k++) r = form_mul(p, r, a);
        return r;
    }
    if (den == 1 && num < 0 && n.n > 1) return form_div(p, FORM_ONE, a, -num);
    return base_power(p, a, num, den);
}

/* c (1 + exp(a)): a; 0: it is no such sum.  Its coefficient into *c. */
static Form logistic_arg(FormPool *p, Form f, Form *c) {
    FormNode n = p->form.data[f];
    if (n.n != 2) return 0;
    for (int k = 0; k < 2; k++) {
        const Mono *u = &n.m[k], *e = &n.m[1 - k];
        if (e->n != u->n + 1 || e->num != u->num || e->den != u->den) continue;
        Form q = form_mul(p, form_of_mono(p, *e), form_pow(p, form_of_mono(p, *u), -1, 1));
        if (!q || p->form.data[q].n != 1 || p->form.data[q].m[0].n != 1) continue;
        Power w = p->form.data[q].m[0].f[0];
        if (!is_fn(p, w.atom, FF_exp) || w.p != 1 || w.q != 1) continue;
        *c = form_of_mono(p, *u);
        return p->atom.data[w.atom].arg;
    }
    return 0;
}

/* exp(j a) / (1 + exp(a))^k = s^j (1 - s)^(k - j), s the logistic function of a. */
static Form logistic(FormPool *p, Form a, int32_t j, int32_t k) {
    Form t = form_fn(p, FF_tanh, form_scale(p, a, 1, 2));
    Form s = form_scale(p, form_add(p, FORM_ONE, t), 1, 2);
    Form r = form_sub(p, FORM_ONE, s);
    return form_mul(p, form_pow(p, s, j, 1), form_pow(p, r, k - j, 1));
}

static Form div_logistic(FormPool *p, const Mono *m, Form a, int32_t k) {
    Mono rest = *m;
    for (uint32_t i = 0; i < m->n; i++) {
        if (!is_fn(p, m->f[i].atom, FF_exp) || m->f[i].p != 1 || m->f[i].q != 1) continue;
        for (int32_t j = 1; j <= k; j++) {
            if (form_scale(p, a, j, 1) != p->atom.data[m->f[i].atom].arg) continue;
            Power *f = ARENA_ARRAY(p->a, Power, m->n);
            for (uint32_t l = 0, o = 0; l < m->n; l++)
                if (l != i) f[o++] = m->f[l];
            rest.f = f;
            rest.n = m->n - 1;
            return form_mul(p, form_of_mono(p, rest), logistic(p, a, j, k));
        }
    }
    return form_mul(p, form_of_mono(p, rest), logistic(p, a, 0, k));
}

Form form_div(FormPool *p, Form num, Form den, int32_t k) {
    if (!num || !den || k < 1 || den == FORM_ZERO) return 0;
    FormNode d = p->form.data[den], n = p->form.data[num];
    Form c = 0, a = logistic_arg(p, den, &c);
    if (d.n == 1) return form_mul(p, num, form_pow(p, den, -k, 1));
    if (!a || k > 8) return form_mul(p, num, base_power(p, den, -k, 1));
    Form r = FORM_ZERO;
    for (uint32_t i = 0; i < n.n; i++) r = form_add(p, r, div_logistic(p, &n.m[i], a, k));
    return form_mul(p, r, form_pow(p, c, -k, 1));
}

static char fn_parity(FormFn fn) {
    static const char parity[] = {
#define FF(name, parity, text) #parity[0],
#include "check/form.def"
    };
    return parity[fn];
}

bool form_fn_odd(FormFn fn) { return fn_parity(fn) == 'o'; }
bool form_fn_even(FormFn fn) { return fn_parity(fn) == 'e'; }

static Form applied(FormPool *p, FormFn fn, Form a) {
    if (!a) return 0;
    uint32_t atom = form_atom_intern(p, (Atom){.kind = ATOM_fn, .fn = fn, .arg = a});
    return form_of_atom(p, atom, 1, 1);
}

/* a = c (|x| + x) or c (|x| - x), c without leaves: of one sign for all x.  *plus: the first. */
static bool one_sided(FormPool *p, Form a, Form *c, Form *x, bool *plus) {
    FormNode n = p->form.data[a];
    for (uint32_t i = 0; i < n.n && n.n >= 2; i++) {
        Power *rest = ARENA_ARRAY(p->a, Power, n.m[i].n + 1);
        uint32_t nrest = 0, other = 0;
        *x = 0;
        for (uint32_t j = 0; j < n.m[i].n; j++) {
            Power w = n.m[i].f[j];
            if (!p->atom.data[w.atom].leaves) rest[nrest++] = w;
            else if (is_fn(p, w.atom, FF_abs) && w.p == 1 && w.q == 1)
                *x = p->atom.data[w.atom].arg;
            else other++;
        }
        if (!*x || other) continue;
        *c = form_of_mono(p, (Mono){n.m[i].num, n.m[i].den, rest, nrest});
        Form linear = form_sub(p, a, form_of_mono(p, n.m[i])), want = form_mul(p, *c, *x);
        *plus = linear == want;
        if (linear && (*plus || linear == form_scale(p, want, -1, 1))) return true;
    }
    return false;
}

/* sign(a) or |a|, the first number of a being positive. */
static Form sign_or_abs(FormPool *p, FormFn fn, Form a) {
    Form c, x;
    bool plus, abs = fn == FF_abs;
    if (form_is_number(p, a)) return abs ? a : FORM_ONE;
    if (one_sided(p, a, &c, &x, &plus)) {
        Form one = form_fn(p, fn, c), s = form_fn(p, FF_sign, x);
        if (abs) return form_mul(p, one, form_mul(p, a, form_pow(p, c, -1, 1)));
        s = form_add(p, FORM_ONE, form_scale(p, s, plus ? 1 : -1, 1));
        return form_scale(p, form_mul(p, one, s), 1, 2);
    }
    FormNode n = p->form.data[a]; /* a positive factor goes out */
    int64_t num = n.m[0].num, den = n.m[0].den;
    Form r = applied(p, fn, form_scale(p, a, den, num));
    return abs ? form_scale(p, r, num, den) : r;
}

Form form_fn(FormPool *p, FormFn fn, Form a) {
    if (!a) return 0;
    if (a == FORM_ZERO) {
        if (form_fn_odd(fn) || fn == FF_abs) return FORM_ZERO;
        if (fn == FF_cos || fn == FF_exp) return FORM_ONE;
        return 0; /* log, delta */
    }
    FormNode n = p->form.data[a];
    bool flip = n.m[0].num < 0 && (form_fn_odd(fn) || form_fn_even(fn));
    if (flip) a = form_scale(p, a, -1, 1);
    if (!a) return 0;
    Form r = fn == FF_sign || fn == FF_abs ? sign_or_abs(p, fn, a) : applied(p, fn, a);
    return flip && form_fn_odd(fn) ? form_scale(p, r, -1, 1) : r;
}

/* A sum without leaves under the lowest exponent in f; false: there is none below 0. */
static bool lowest_base(const FormPool *p, Form f, Power *out) {
    FormNode n = p->form.data[f];
    bool found = false;
    for (uint32_t i = 0; i < n.n; i++)
        for (uint32_t j = 0; j < n.m[i].n; j++) {
            Power w = n.m[i].f[j];
            Atom a = p->atom.data[w.atom];
            if (a.kind != ATOM_base || a.leaves || w.p >= 0) continue;
            bool same = found && out->atom == w.atom;
            if (found && !same) continue;
            if (!found || (int64_t)w.p * out->q < (int64_t)out->p * w.q) *out = w;
            found = true;
        }
    return found;
}

bool form_vanishes(FormPool *p, Form f) {
    Power w;
    for (int i = 0; i < 24 && f && f != FORM_ZERO && lowest_base(p, f, &w); i++)
        f = form_mul(p, f, form_of_atom(p, w.atom, -w.p, w.q));
    return f == FORM_ZERO;
}

#include "gauss/formula.h"
#include "diag/diag.h"
#include <math.h>
#include <stdlib.h>

__extension__ typedef __int128 Wide;

/* ---- interned byte strings */

static uint64_t hash_bytes(const void *d, uint32_t n) {
    const unsigned char *s = d;
    uint64_t h = 1469598103934665603u;
    for (uint32_t i = 0; i < n; i++) h = (h ^ s[i]) * 1099511628211u;
    return h ^ (h >> 29);
}

static void blobs_grow(Blobs *b, Arena *a) {
    uint32_t n = b->nslot ? b->nslot * 2 : 64;
    b->slot = ARENA_ARRAY(a, uint32_t, n);
    b->nslot = n;
    for (uint32_t i = 0; i < b->data.len; i++) {
        uint64_t h = hash_bytes(b->data.data[i], b->size.data[i]);
        while (b->slot[h & (n - 1)]) h++;
        b->slot[h & (n - 1)] = i + 1;
    }
}

static uint32_t blob_intern(Blobs *b, Arena *a, const void *d, uint32_t n) {
    if ((b->data.len + 1) * 2 > b->nslot) blobs_grow(b, a);
    uint64_t h = hash_bytes(d, n);
    for (;; h++) {
        uint32_t i = b->slot[h & (b->nslot - 1)];
        if (!i) break;
        if (b->size.data[i - 1] == n && (!n || !memcmp(b->data.data[i - 1], d, n))) return i - 1;
    }
    vec_push(a, &b->data, n ? arena_copy(a, d, n) : NULL);
    vec_push(a, &b->size, n);
    b->slot[h & (b->nslot - 1)] = b->data.len;
    return b->data.len - 1;
}

FmPool *fmpool_new(Arena *a, FxPool *fx, const Intern *syms) {
    FmPool *p = ARENA_NEW(a, FmPool);
    p->a = a;
    p->fx = fx;
    p->syms = syms;
    blob_intern(&p->sums, a, NULL, 0);
    blob_intern(&p->monos, a, NULL, 0);
    return p;
}

Sum fm_sum(const FmPool *p, Fm f) {
    return (Sum){p->sums.data.data[f], p->sums.size.data[f] / (uint32_t)sizeof(FmTerm)};
}

Mono fm_mono(const FmPool *p, uint32_t m) {
    return (Mono){p->monos.data.data[m], p->monos.size.data[m] / (uint32_t)sizeof(Power)};
}

const Atom *fm_atom(const FmPool *p, uint32_t atom) { return p->atoms.data.data[atom]; }
const FmSym *fm_symbol(const FmPool *p, const Atom *a) { return &p->sym.data[a->x]; }

/* ---- rationals */

static Rat rat_wide(FmPool *p, Wide n, Wide d) {
    Wide a = n < 0 ? -n : n, b = d;
    while (b) {
        Wide t = a % b;
        a = b;
        b = t;
    }
    if (a > 1) n /= a, d /= a;
    Wide max = INT64_MAX / 4;
    if (n > max || n < -max || d > max) {
        p->overflow = true;
        return (Rat){1, 1};
    }
    return (Rat){(int64_t)n, (int64_t)d};
}

Rat rat(int64_t n, int64_t d) {
    int64_t a = n < 0 ? -n : n, b = d < 0 ? -d : d;
    while (b) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    if (d < 0) a = -a;
    return (Rat){n / a, d / a};
}

Rat rat_mul(FmPool *p, Rat a, Rat b) { return rat_wide(p, (Wide)a.n * b.n, (Wide)a.d * b.d); }

Rat rat_add(FmPool *p, Rat a, Rat b) {
    if (a.d == b.d && a.d == 1) return rat_wide(p, (Wide)a.n + b.n, 1);
    return rat_wide(p, (Wide)a.n * b.d + (Wide)b.n * a.d, (Wide)a.d * b.d);
}

int rat_cmp(Rat a, Rat b) {
    Wide x = (Wide)a.n * b.d, y = (Wide)b.n * a.d;
    return x < y ? -1 : x > y;
}

/* ---- atoms */

static unsigned atom_time_of(const FmPool *p, const Atom *a) {
    static const uint8_t nformula[FN_COUNT] = {
#define FN(name, nf, nraw, text, slots) [FN_##name] = nf,
#include "gauss/fn.def"
    };
    if (a->kind == AK_sym) return fm_symbol(p, a)->time;
    if (a->kind == AK_sum) return fm_time(p, a->x);
    if (a->kind != AK_fn) return TIME_const;
    unsigned t = a->x == FN_quad ? a->arg[1] : TIME_const;
    if (a->x == FN_cond || a->x == FN_bvnd || a->x == FN_fan)
        t = p->leaf_time[a->arg[2]] | p->leaf_time[a->arg[3]];
    for (uint32_t i = 0; i < nformula[a->x]; i++) t |= fm_time(p, a->arg[i]);
    return t;
}

static uint32_t atom_intern(FmPool *p, Atom a) {
    uint32_t id = blob_intern(&p->atoms, p->a, &a, sizeof a);
    if (id == p->atom_time.len) vec_push(p->a, &p->atom_time, atom_time_of(p, &a));
    return id;
}

unsigned mono_time(const FmPool *p, uint32_t mono) {
    Mono m = fm_mono(p, mono);
    unsigned t = 0;
    for (uint32_t i = 0; i < m.n; i++) t |= p->atom_time.data[m.p[i].atom];
    return t;
}

unsigned fm_time(const FmPool *p, Fm f) {
    Sum s = fm_sum(p, f);
    unsigned t = 0;
    for (uint32_t i = 0; i < s.n; i++) t |= mono_time(p, s.t[i].mono);
    return t;
}

/* ---- monomials */

static Fm exp_of(FmPool *p, Fm arg) {
    Atom a = {.kind = AK_fn, .x = FN_exp, .arg = {arg}};
    return atom_intern(p, a);
}

/* Whole parts of powers of primes go to the coefficient, i^2 = -1. */
static bool power_reduce(FmPool *p, Power *w, Rat *c) {
    const Atom *a = fm_atom(p, w->atom);
    if (a->kind == AK_prime) {
        int64_t k = w->e.n / w->e.d - (w->e.n % w->e.d < 0);
        Rat b = k >= 0 ? (Rat){(int64_t)a->x, 1} : (Rat){1, (int64_t)a->x};
        for (int64_t i = 0; i < (k < 0 ? -k : k); i++) *c = rat_mul(p, *c, b);
        w->e = rat_add(p, w->e, (Rat){-k, 1});
    }
    if (a->kind == AK_i) {
        int64_t e = ((w->e.n % 4) + 4) % 4;
        if (e >= 2) *c = (Rat){-c->n, c->d};
        w->e = (Rat){e % 2, 1};
    }
    return w->e.n != 0;
}

/* exp(a)^e exp(b) = exp(e a + b): at most one exp of power 1 is left. */
static uint32_t merge_exp(FmPool *p, Power *w, uint32_t n) {
    uint32_t k = 0, found = 0;
    bool plain = true;
    Fm arg = 0;
    for (uint32_t i = 0; i < n; i++) {
        const Atom *a = fm_atom(p, w[i].atom);
        if (a->kind != AK_fn || a->x != FN_exp) continue;
        found++;
        plain = plain && w[i].e.n == 1 && w[i].e.d == 1;
    }
    if (!found || (found == 1 && plain)) return n;
    for (uint32_t i = 0; i < n; i++) {
        const Atom *a = fm_atom(p, w[i].atom);
        if (a->kind == AK_fn && a->x == FN_exp)
            arg = fm_add(p, arg, fm_scale(p, a->arg[0], w[i].e));
        else
            w[k++] = w[i];
    }
    if (arg) w[k++] = (Power){{1, 1}, exp_of(p, arg), 0};
    return k;
}

static void sort_powers(Power *w, uint32_t n) {
    for (uint32_t i = 1; i < n; i++) {
        Power x = w[i];
        uint32_t j = i;
        for (; j && w[j - 1].atom > x.atom; j--) w[j] = w[j - 1];
        w[j] = x;
    }
}

uint32_t mono_from(FmPool *p, const Power *pw, uint32_t n, Rat *c) {
    Power *w = ARENA_ARRAY(p->a, Power, n + 1);
    uint32_t k = 0, m = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = 0;
        while (j < k && w[j].atom != pw[i].atom) j++;
        if (j == k)
            w[k++] = (Power){pw[i].e, pw[i].atom, 0};
        else
            w[j].e = rat_add(p, w[j].e, pw[i].e);
    }
    k = merge_exp(p, w, k);
    for (uint32_t i = 0; i < k; i++)
        if (w[i].e.n && power_reduce(p, &w[i], c)) w[m++] = w[i];
    sort_powers(w, m);
    return blob_intern(&p->monos, p->a, w, m * (uint32_t)sizeof *w);
}

uint32_t mono_product(FmPool *p, uint32_t a, uint32_t b, Rat *c) {
    if (!a || !b) return a + b;
    Mono x = fm_mono(p, a), y = fm_mono(p, b);
    Power *w = ARENA_ARRAY(p->a, Power, x.n + y.n);
    memcpy(w, x.p, x.n * sizeof *w);
    memcpy(w + x.n, y.p, y.n * sizeof *w);
    return mono_from(p, w, x.n + y.n, c);
}

/* ---- sums */

static int by_mono(const void *a, const void *b) {
    uint32_t x = ((const FmTerm *)a)->mono, y = ((const FmTerm *)b)->mono;
    return x < y ? -1 : x > y;
}

static Fm sum_from(FmPool *p, FmTerm *t, uint32_t n) {
    if (n > 1) qsort(t, n, sizeof *t, by_mono);
    uint32_t k = 0;
    for (uint32_t i = 0; i < n;) {
        FmTerm x = t[i++];
        while (i < n && t[i].mono == x.mono) x.c = rat_add(p, x.c, t[i++].c);
        if (x.c.n) t[k++] = (FmTerm){x.c, x.mono, 0};
    }
    return blob_intern(&p->sums, p->a, t, k * (uint32_t)sizeof *t);
}

Fm fm_term(FmPool *p, Rat c, uint32_t mono) {
    FmTerm t = {c, mono, 0};
    return sum_from(p, &t, 1);
}

Fm fm_rat(FmPool *p, Rat r) { return fm_term(p, r, 0); }

Fm fm_add(FmPool *p, Fm a, Fm b) {
    if (!a || !b) return a + b;
    Sum x = fm_sum(p, a), y = fm_sum(p, b);
    FmTerm *t = ARENA_ARRAY(p->a, FmTerm, x.n + y.n);
    memcpy(t, x.t, x.n * sizeof *t);
    memcpy(t + x.n, y.t, y.n * sizeof *t);
    return sum_from(p, t, x.n + y.n);
}

Fm fm_scale(FmPool *p, Fm a, Rat r) {
    if (!a || !r.n) return 0;
    if (r.n == 1 && r.d == 1) return a;
    Sum x = fm_sum(p, a);
    FmTerm *t = ARENA_ARRAY(p->a, FmTerm, x.n);
    for (uint32_t i = 0; i < x.n; i++) t[i] = (FmTerm){rat_mul(p, x.t[i].c, r), x.t[i].mono, 0};
    return sum_from(p, t, x.n);
}

/* Product term by term, sums in monomials left as they are. */
static Fm product_raw(FmPool *p, Fm a, Fm b) {
    Sum x = fm_sum(p, a), y = fm_sum(p, b);
    FmTerm *t = ARENA_ARRAY(p->a, FmTerm, x.n * y.n + 1);
    for (uint32_t i = 0; i < x.n; i++)
        for (uint32_t j = 0; j < y.n; j++) {
            Rat c = rat_mul(p, x.t[i].c, y.t[j].c);
            uint32_t m = mono_product(p, x.t[i].mono, y.t[j].mono, &c);
            t[i * y.n + j] = (FmTerm){c, m, 0};
        }
    return sum_from(p, t, x.n * y.n);
}

/* A sum to a small whole power inside a monomial is multiplied out again. */
static Fm expand_sums(FmPool *p, Rat c, uint32_t mono) {
    Mono m = fm_mono(p, mono);
    Power *rest = ARENA_ARRAY(p->a, Power, m.n + 1);
    uint32_t k = 0;
    Fm r = fm_rat(p, c);
    for (uint32_t i = 0; i < m.n; i++) {
        const Atom *a = fm_atom(p, m.p[i].atom);
        Rat e = m.p[i].e;
        if (a->kind != AK_sum || e.d != 1 || e.n < 0 || e.n > 4) {
            rest[k++] = m.p[i];
            continue;
        }
        uint32_t core = a->x;
        for (int64_t j = 0; j < e.n; j++) r = product_raw(p, r, core);
    }
    if (k == m.n) return fm_term(p, c, mono);
    Rat one = {1, 1};
    uint32_t rm = mono_from(p, rest, k, &one);
    return product_raw(p, r, fm_term(p, one, rm));
}

static Fm mono_mul(FmPool *p, FmTerm a, FmTerm b) {
    Rat c = rat_mul(p, a.c, b.c);
    uint32_t m = mono_product(p, a.mono, b.mono, &c);
    return expand_sums(p, c, m);
}

static int64_t gcd64(int64_t a, int64_t b) {
    a = a < 0 ? -a : a;
    while (b) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

/* s = c * monomial * core with core an interned sum: common powers and the common factor divided
 * out. */
static uint32_t content(FmPool *p, Fm f, Rat *c, uint32_t *mono) {
    Sum s = fm_sum(p, f);
    Mono m0 = fm_mono(p, s.t[0].mono);
    Power *com = ARENA_ARRAY(p->a, Power, m0.n + 1), *inv = ARENA_ARRAY(p->a, Power, m0.n + 1);
    uint32_t k = 0;
    for (uint32_t i = 0; i < m0.n; i++) {
        Rat e = m0.p[i].e;
        bool all = fm_atom(p, m0.p[i].atom)->kind != AK_i;
        for (uint32_t j = 1; j < s.n && all; j++) {
            Mono m = fm_mono(p, s.t[j].mono);
            uint32_t l = 0;
            while (l < m.n && m.p[l].atom != m0.p[i].atom) l++;
            all = l < m.n;
            if (all && rat_cmp(m.p[l].e, e) < 0) e = m.p[l].e;
        }
        if (all) com[k++] = (Power){e, m0.p[i].atom, 0};
    }
    int64_t g = 0, l = 1;
    bool negative = true;
    for (uint32_t i = 0; i < s.n; i++) {
        g = gcd64(s.t[i].c.n, g);
        Rat q = rat_mul(p, (Rat){l, 1}, (Rat){s.t[i].c.d / gcd64(s.t[i].c.d, l), 1});
        l = q.n;
        negative = negative && s.t[i].c.n < 0;
    }
    *c = rat(negative ? -g : g, l);
    for (uint32_t i = 0; i < k; i++) inv[i] = (Power){{-com[i].e.n, com[i].e.d}, com[i].atom, 0};
    Rat one = *c, unit = {1, 1};
    Fm over = fm_term(p, rat(one.d, one.n), mono_from(p, inv, k, &unit));
    uint32_t core = product_raw(p, over, f);
    *mono = mono_from(p, com, k, c);
    return atom_intern(p, (Atom){.kind = AK_sum, .x = core});
}

/* (1 + q)^(-1/2) * (1 + q): add exponents where the other side is a sum that already is an atom. */
static bool merge_sum(FmPool *p, Fm a, Fm b, Fm *out) {
    Sum x = fm_sum(p, a), y = fm_sum(p, b);
    if (x.n != 1 || y.n < 2) return false;
    Mono m = fm_mono(p, x.t[0].mono);
    bool any = false;
    for (uint32_t i = 0; i < m.n; i++) any = any || fm_atom(p, m.p[i].atom)->kind == AK_sum;
    if (!any) return false;
    Rat c;
    uint32_t mono, core = content(p, b, &c, &mono);
    for (uint32_t i = 0; i < m.n; i++) {
        if (m.p[i].atom != core) continue;
        Power w = {{1, 1}, core, 0};
        uint32_t one = mono_from(p, &w, 1, &c);
        mono = mono_product(p, mono, one, &c);
        *out = mono_mul(p, x.t[0], (FmTerm){c, mono, 0});
        return true;
    }
    return false;
}

Fm fm_mul(FmPool *p, Fm a, Fm b) {
    if (!a || !b) return 0;
    Fm r;
    if (merge_sum(p, a, b, &r) || merge_sum(p, b, a, &r)) return r;
    Sum x = fm_sum(p, a), y = fm_sum(p, b);
    if (x.n == 1 && y.n == 1) return mono_mul(p, x.t[0], y.t[0]);
    VEC(FmTerm) acc = {0};
    for (uint32_t i = 0; i < x.n; i++)
        for (uint32_t j = 0; j < y.n; j++) {
            Sum z = fm_sum(p, mono_mul(p, x.t[i], y.t[j]));
            for (uint32_t l = 0; l < z.n; l++) vec_push(p->a, &acc, z.t[l]);
        }
    return sum_from(p, acc.data, acc.len);
}

/* ---- powers */

Fm fm_atom_pow(FmPool *p, uint32_t atom, Rat e) {
    Power w = {e, atom, 0};
    Rat c = {1, 1};
    uint32_t m = mono_from(p, &w, 1, &c);
    return fm_term(p, c, m);
}

/* |n|^e as a product of prime powers. */
static Fm root_int(FmPool *p, int64_t n, Rat e) {
    Fm r = fm_int(p, 1);
    for (int64_t f = 2; n > 1 && f < 1000000; f++) {
        if (f * f > n) f = n;
        int64_t k = 0;
        while (n % f == 0) n /= f, k++;
        if (!k) continue;
        if (f > UINT32_MAX) break;
        uint32_t a = atom_intern(p, (Atom){.kind = AK_prime, .x = (uint32_t)f});
        r = fm_mul(p, r, fm_atom_pow(p, a, rat_mul(p, e, (Rat){k, 1})));
    }
    if (n > 1) p->overflow = true;
    return r;
}

static Fm pow_rational(FmPool *p, Rat c, Rat e) {
    if (e.d != 1) {
        if (c.n < 0) p->overflow = true;
        return fm_mul(p, root_int(p, c.n < 0 ? -c.n : c.n, e), root_int(p, c.d, (Rat){-e.n, e.d}));
    }
    Rat r = {1, 1}, b = e.n > 0 ? c : rat(c.d, c.n);
    for (int64_t i = 0; i < (e.n < 0 ? -e.n : e.n); i++) r = rat_mul(p, r, b);
    return fm_rat(p, r);
}

/* sqrt(x^2) is x only where x is known to be positive. */
static uint32_t root_atom(FmPool *p, uint32_t atom, Rat e, Rat r) {
    const Atom *a = fm_atom(p, atom);
    Rat er = rat_mul(p, e, r);
    if (a->kind != AK_sym || fm_symbol(p, a)->positive || r.d != 2 || er.d != 1 || er.n % 2 == 0)
        return atom;
    Atom f = {.kind = AK_fn, .x = FN_abs, .arg = {fm_atom_pow(p, atom, (Rat){1, 1})}};
    return atom_intern(p, f);
}

Fm fm_pow(FmPool *p, Fm a, Rat r) {
    if (!r.n) return fm_int(p, 1);
    if (r.n == 1 && r.d == 1) return a;
    Sum s = fm_sum(p, a);
    if (!s.n) {
        if (r.n < 0) p->overflow = true;
        return 0;
    }
    if (s.n > 1) {
        if (r.d == 1 && r.n > 0 && r.n <= 6) {
            Fm z = a;
            for (int64_t i = 1; i < r.n; i++) z = fm_mul(p, z, a);
            return z;
        }
        Rat c;
        uint32_t mono, core = content(p, a, &c, &mono);
        return fm_mul(p, fm_pow(p, fm_term(p, c, mono), r), fm_atom_pow(p, core, r));
    }
    Mono m = fm_mono(p, s.t[0].mono);
    Rat sc = s.t[0].c, one = {1, 1};
    Power *w = ARENA_ARRAY(p->a, Power, m.n + 1);
    for (uint32_t i = 0; i < m.n; i++)
        w[i] = (Power){rat_mul(p, m.p[i].e, r), root_atom(p, m.p[i].atom, m.p[i].e, r), 0};
    uint32_t mm = mono_from(p, w, m.n, &one);
    return fm_mul(p, pow_rational(p, sc, r), fm_term(p, one, mm));
}

/* ---- atoms as formulas */

Fm fm_pi(FmPool *p) { return fm_atom_pow(p, atom_intern(p, (Atom){.kind = AK_pi}), (Rat){1, 1}); }
Fm fm_i(FmPool *p) { return fm_atom_pow(p, atom_intern(p, (Atom){.kind = AK_i}), (Rat){1, 1}); }
Fm fm_2pi(FmPool *p, int n) { return fm_pow(p, fm_scale(p, fm_pi(p), (Rat){2, 1}), rat(n, 2)); }

Fm fm_sym(FmPool *p, FmSym s) {
    uint32_t k = 0;
    for (; k < p->sym.len; k++) {
        const FmSym *o = &p->sym.data[k];
        if (o->kind == s.kind && o->i == s.i && o->j == s.j && o->fx == s.fx && o->num == s.num)
            break;
    }
    if (k == p->sym.len) vec_push(p->a, &p->sym, s);
    return fm_atom_pow(p, atom_intern(p, (Atom){.kind = AK_sym, .x = k}), (Rat){1, 1});
}

Fm fm_double(FmPool *p, double v) {
    for (int64_t d = 1; d <= 4096; d *= 2)
        if (v * (double)d == rint(v * (double)d) && fabs(v) * (double)d < 1e6)
            return fm_frac(p, (int64_t)(v * (double)d), d);
    Fm f = fm_sym(p, (FmSym){.kind = SK_num, .num = fabs(v), .positive = true});
    return v < 0 ? fm_neg(p, f) : f;
}

Fm fm_fn(FmPool *p, FnOp op, Fm a, Fm b, Fm c, Fm d) {
    double x, y;
    Rat r, q;
    switch (op) {
    case FN_exp:
        if (!a) return fm_int(p, 1);
        break;
    case FN_expm1:
    case FN_sin:
        if (!a) return 0;
        break;
    case FN_cos:
        if (!a) return fm_int(p, 1);
        break;
    case FN_dexp:
        if (!b) return 0;
        break;
    case FN_atan2:
    case FN_asin:
        if (!a) return 0;
        break;
    case FN_Phi:
        if (!a) return fm_frac(p, 1, 2);
        break;
    case FN_step:
        if (!a) return 0;
        if (fm_const(p, a, &x)) return fm_int(p, x > 0);
        break;
    case FN_abs:
        if (!a) return 0;
        if (fm_const(p, a, &x)) return x < 0 ? fm_neg(p, a) : a;
        break;
    case FN_max:
        if (a == b) return a;
        if (fm_number(p, a, &r) && fm_number(p, b, &q)) return rat_cmp(r, q) < 0 ? b : a;
        if (fm_const(p, a, &x) && fm_const(p, b, &y)) return x < y ? b : a;
        break;
    case FN_keep:
    case FN_cond:
    case FN_bvnd:
    case FN_bvn:
    case FN_fan:
    case FN_quad: break;
    }
    Atom at = {.kind = AK_fn, .x = op, .arg = {a, b, c, d}};
    return fm_atom_pow(p, atom_intern(p, at), (Rat){1, 1});
}

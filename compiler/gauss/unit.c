/* Homogeneous functions of one leaf a side (breaks at 0): E F G / (|F| |G|) as a function of the
 * correlation alone, and one minus it without cancellation. */
#include "gauss/fan.h"
#include "gauss/plan.h"

/* F(s u) = s^degree F(u): every term has the same power, gates stand at 0. */
static bool homogeneous(const Plan *pl, const Normal *f, uint32_t leaf, uint32_t *degree) {
    if (!f->n) return false;
    for (uint32_t i = 0; i < f->n; i++) {
        Key k = f->t[i].key, zero = {0};
        uint32_t g = k.gate[0];
        if (g) {
            const Gate *y = &pl->n->gate.data[g];
            if (y->soft || y->c || k.gate[1]) return false;
        }
        uint32_t e = k.pow[leaf];
        if ((i && e != *degree) || fm_time(pl->p, f->t[i].coef) != TIME_const) return false;
        *degree = e;
        k.gate[0] = 0;
        k.pow[leaf] = 0;
        if (memcmp(&k, &zero, sizeof k)) return false;
    }
    return true;
}

static Fm std_power(Plan *pl, uint32_t leaf, int64_t e) {
    Fm q = pl->x->law.cov[leaf * MAX_LEAF + leaf];
    return fm_pow(pl->p, q, rat(e, 2));
}

/* 1 - c^2 for every r. */
static Fm without_r(Plan *pl, Fm f) {
    FmPool *p = pl->p;
    Sum s = fm_sum(p, f);
    Fm out = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        Mono m = fm_mono(p, s.t[i].mono);
        Fm t = fm_rat(p, s.t[i].c);
        for (uint32_t j = 0; j < m.n; j++) {
            const Atom *a = fm_atom(p, m.p[j].atom);
            Fm w = fm_atom_pow(p, m.p[j].atom, (Rat){1, 1});
            if (a->kind == AK_sym && fm_symbol(p, a)->kind == SK_r) {
                if (m.p[j].e.d != 1 || m.p[j].e.n < 0) return f;
                Fm c = fm_sym(p, (FmSym){.kind = SK_c, .time = TIME_pair});
                w = fm_sub(p, fm_int(p, 1), fm_mul(p, c, c));
            }
            t = fm_mul(p, t, fm_pow(p, w, m.p[j].e));
        }
        out = fm_add(p, out, t);
    }
    return out;
}

static int64_t choose(int64_t n, int64_t k) {
    int64_t r = 1;
    for (int64_t i = 1; i <= k; i++) r = r * (n - k + i) / i;
    return r;
}

/* out += a (sign (1 - d))^n */
static bool add_power(FmPool *p, UnitForm *u, Fm *out, Fm a, uint32_t n, bool negative) {
    if (n >= MAX_UNIT) return false;
    if (n + 1 > u->n) u->n = n + 1;
    for (uint32_t i = 0; i <= n; i++) {
        int64_t s = choose(n, i) * (i % 2 ? -1 : 1) * (negative && n % 2 ? -1 : 1);
        out[i] = fm_add(p, out[i], fm_scale(p, a, (Rat){s, 1}));
    }
    return true;
}

static bool add_fan(Plan *pl, UnitForm *u, const Atom *f, Fm coef) {
    uint32_t a = f->arg[0], b = f->arg[1];
    Fm h[MAX_FAN + 1];
    if (u->ntail == MAX_TAIL || a + b > MAX_FAN) return false;
    fan_order(&a, &b);
    uint32_t degree = fan_half(pl->p, a, b, h);
    for (uint32_t i = 0; i <= degree; i++)
        if (h[i] && !add_power(pl->p, u, u->pos, fm_mul(pl->p, coef, h[i]), i, false)) return false;
    u->tail[u->ntail].a = a;
    u->tail[u->ntail].b = b;
    u->tail[u->ntail++].coef = coef;
    return true;
}

static bool add_term(Plan *pl, UnitForm *u, FmTerm t) {
    FmPool *p = pl->p;
    Mono m = fm_mono(p, t.mono);
    Fm coef = fm_rat(p, t.c);
    const Atom *fan = NULL;
    uint32_t power = 0;
    for (uint32_t j = 0; j < m.n; j++) {
        const Atom *a = fm_atom(p, m.p[j].atom);
        Rat e = m.p[j].e;
        bool whole = e.d == 1 && e.n > 0;
        if (a->kind == AK_fn && a->x == FN_fan) {
            if (fan || !whole || e.n != 1) return false;
            fan = a;
        } else if (a->kind == AK_sym && fm_symbol(p, a)->kind == SK_c) {
            if (!whole) return false;
            power = (uint32_t)e.n;
        } else if (p->atom_time.data[m.p[j].atom] == TIME_const) {
            coef = fm_mul(p, coef, fm_atom_pow(p, m.p[j].atom, e));
        } else {
            return false;
        }
    }
    if (fan) return !power && add_fan(pl, u, fan, coef);
    return add_power(p, u, u->pos, coef, power, false) &&
           add_power(p, u, u->neg, coef, power, true);
}

/* E f^2 over s^(2 degree), a constant. */
static Fm norm2(Plan *pl, const Normal *f, uint32_t leaf, uint32_t degree) {
    const Normal *ff = nf_mul(pl->n, f, f);
    if (!ff) return 0;
    Fm v = fm_mul(pl->p, expect_of(pl->x, ff), std_power(pl, leaf, -2 * (int64_t)degree));
    return fm_time(pl->p, v) == TIME_const ? v : 0;
}

bool unit_form(Plan *pl, Expectation *e) {
    FmPool *p = pl->p;
    uint32_t *deg = e->degree;
    if (!pl->unit || !pl->q.centred[0] || !pl->q.centred[1]) return false;
    if (!homogeneous(pl, pl->F, 0, &deg[0]) || !homogeneous(pl, pl->G, 1, &deg[1])) return false;
    pl->norm2[0] = norm2(pl, pl->F, 0, deg[0]);
    pl->norm2[1] = norm2(pl, pl->G, 1, deg[1]);
    if (!pl->norm2[0] || !pl->norm2[1]) return false;
    Fm norm = pl->norm2[0];
    if (pl->norm2[1] != norm) norm = fm_sqrt(p, fm_mul(p, norm, pl->norm2[1]));
    Fm v =
        fm_mul(p, pl->value,
               fm_mul(p, std_power(pl, 0, -(int64_t)deg[0]), std_power(pl, 1, -(int64_t)deg[1])));
    v = fm_mul(p, without_r(pl, v), fm_inv(p, norm));
    UnitForm *u = ARENA_NEW(p->a, UnitForm);
    Sum s = fm_sum(p, v);
    for (uint32_t i = 0; i < s.n; i++)
        if (!add_term(pl, u, s.t[i])) return false;
    Rat one;
    e->homogeneous = true;
    e->complement = fm_number(p, u->pos[0], &one) && one.n == 1 && one.d == 1;
    fm_const(p, pl->norm2[0], &e->norm2);
    pl->form = u;
    return true;
}

/* ---- emission */

static MVal polynomial(Run *r, const Fm *c, uint32_t n, MVal d) {
    Mach *m = run_mach(r);
    while (n && !c[n - 1]) n--;
    if (!n) return m_num(m, 0);
    MVal v = run_value(r, c[--n]);
    while (n--) v = c[n] ? m_fma(m, v, d, run_value(r, c[n])) : m_mul(m, v, d);
    return v;
}

MVal plan_unit(Run *r, bool complement) {
    const Plan *pl = run_plan(r);
    const UnitForm *u = pl->form;
    const Operands *o = run_operands(r);
    Mach *m = run_mach(r);
    FmPool *p = pl->p;
    MVal d = run_defect(r);
    Fm pos[MAX_UNIT], neg[MAX_UNIT];
    for (uint32_t i = 0; i < MAX_UNIT; i++) {
        Fm one = i ? 0 : fm_int(p, 1);
        pos[i] = complement ? fm_sub(p, one, u->pos[i]) : u->pos[i];
        neg[i] = complement ? fm_sub(p, one, u->neg[i]) : u->neg[i];
    }
    bool same = pl->q.nonneg || !memcmp(pos, neg, sizeof pos);
    MVal v = polynomial(r, pos, u->n, d);
    if (!same) {
        MVal is_neg = m_op2(m, KO_lt, o->sign, m_num(m, 0));
        v = m_select(m, is_neg, polynomial(r, neg, u->n, d), v);
    }
    for (uint32_t i = 0; i < u->ntail; i++) {
        MVal t = fan_tail(m, u->tail[i].a, u->tail[i].b, d);
        bool even = u->tail[i].b % 2 == 0; /* rho > 0: -(-1)^b T */
        if (even && !pl->q.nonneg) t = m_mul(m, t, o->sign);
        MVal w = run_value(r, complement != even ? fm_neg(p, u->tail[i].coef) : u->tail[i].coef);
        v = m_fma(m, t, w, v);
    }
    return v;
}

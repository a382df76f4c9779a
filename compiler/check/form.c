/* The pool of normal forms: interning, sums, products, powers, functions. */
#include "check/form_impl.h"
#include "diag/diag.h"

/* ---- rationals; false: they do not fit */
int64_t form_gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}

static bool rat_fit(__int128 n, __int128 d, int64_t *num, int64_t *den) {
    __int128 a = n < 0 ? -n : n, b = d;
    while (b) {
        __int128 r = a % b;
        a = b;
        b = r;
    }
    if (!a) a = 1;
    n /= a;
    d /= a;
    if (n > INT64_MAX || n < -INT64_MAX || d > INT64_MAX) return false;
    *num = (int64_t)n;
    *den = (int64_t)d;
    return true;
}

static bool rat_add(Mono *a, const Mono *b) {
    return rat_fit((__int128)a->num * b->den + (__int128)b->num * a->den,
                   (__int128)a->den * b->den, &a->num, &a->den);
}

bool mono_scale(Mono *a, int64_t num, int64_t den) {
    __int128 n = (__int128)a->num * num, d = (__int128)a->den * den;
    if (d < 0) n = -n, d = -d;
    return rat_fit(n, d, &a->num, &a->den);
}

/* ---- interning */
static uint32_t mix(uint32_t h, uint64_t v) {
    uint64_t x = (h ^ v) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(x ^ x >> 29);
}

static uint32_t powers_hash(uint32_t h, const Power *f, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        h = mix(mix(h, f[i].atom), (uint64_t)(uint32_t)f[i].p << 32 | (uint32_t)f[i].q);
    return h;
}

static uint32_t node_hash(const FormNode *v) {
    uint32_t h = v->n + 1;
    for (uint32_t i = 0; i < v->n; i++) {
        const Mono *m = &v->m[i];
        h = powers_hash(mix(mix(h, (uint64_t)m->num), (uint64_t)m->den), m->f, m->n);
    }
    return h;
}

static bool powers_same(const Mono *a, const Mono *b) {
    return a->n == b->n && (!a->n || !memcmp(a->f, b->f, a->n * sizeof *a->f));
}

static bool node_same(const FormNode *a, const FormNode *b) {
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->m[i].num != b->m[i].num || a->m[i].den != b->m[i].den ||
            !powers_same(&a->m[i], &b->m[i]))
            return false;
    return true;
}

/* Twice as many, empty; the caller fills them again. */
static void slots_grow(FormPool *p, uint32_t **slot, uint32_t *n) {
    *n = *n ? *n * 2 : 256;
    *slot = ARENA_ARRAY(p->a, uint32_t, *n);
}

static void forms_rehash(FormPool *p) {
    if (p->form.len * 2 < p->nslot) return;
    slots_grow(p, &p->slot, &p->nslot);
    for (uint32_t k = 1; k < p->form.len; k++) {
        uint32_t i = node_hash(&p->form.data[k]);
        while (p->slot[i & (p->nslot - 1)]) i++;
        p->slot[i & (p->nslot - 1)] = k;
    }
}

static Form form_intern(FormPool *p, FormNode v) {
    uint32_t h = node_hash(&v), i = h;
    for (; p->slot[i & (p->nslot - 1)]; i++)
        if (node_same(&p->form.data[p->slot[i & (p->nslot - 1)]], &v))
            return p->slot[i & (p->nslot - 1)];
    for (uint32_t k = 0; k < v.n && !v.leaves; k++)
        for (uint32_t j = 0; j < v.m[k].n && !v.leaves; j++)
            v.leaves = p->atom.data[v.m[k].f[j].atom].leaves;
    vec_push(p->a, &p->form, v);
    p->slot[i & (p->nslot - 1)] = p->form.len - 1;
    forms_rehash(p);
    return p->form.len - 1;
}

uint32_t form_atom_intern(FormPool *p, Atom v) {
    uint32_t h = mix(mix(mix((uint32_t)v.kind + 7, (uint64_t)v.fn), v.k), v.arg), i = h;
    if (p->atom.len * 2 >= p->naslot) {
        slots_grow(p, &p->aslot, &p->naslot);
        for (uint32_t k = 1; k < p->atom.len; k++) {
            const Atom *o = &p->atom.data[k];
            uint32_t j = mix(mix(mix((uint32_t)o->kind + 7, (uint64_t)o->fn), o->k), o->arg);
            while (p->aslot[j & (p->naslot - 1)]) j++;
            p->aslot[j & (p->naslot - 1)] = k;
        }
    }
    for (; p->aslot[i & (p->naslot - 1)]; i++) {
        const Atom *o = &p->atom.data[p->aslot[i & (p->naslot - 1)]];
        if (o->kind == v.kind && o->fn == v.fn && o->k == v.k && o->arg == v.arg)
            return p->aslot[i & (p->naslot - 1)];
    }
    v.leaves = v.kind == ATOM_leaf || (v.arg && p->form.data[v.arg].leaves);
    vec_push(p->a, &p->atom, v);
    p->aslot[i & (p->naslot - 1)] = p->atom.len - 1;
    return p->atom.len - 1;
}

FormPool *formpool_new(Ctx *c, FxPool *fx) {
    FormPool *p = ARENA_NEW(c->a, FormPool);
    p->c = c;
    p->a = c->a;
    p->fx = fx;
    vec_push(p->a, &p->atom, (Atom){0});
    vec_push(p->a, &p->sym, (FormSym){0});
    vec_push(p->a, &p->form, (FormNode){0});
    forms_rehash(p);
    if (form_intern(p, (FormNode){0}) != FORM_ZERO || form_rat(p, 1, 1) != FORM_ONE)
        bug("forms: constants");
    return p;
}

FormNode form_node(const FormPool *p, Form f) { return p->form.data[f]; }
Atom form_atom(const FormPool *p, uint32_t atom) { return p->atom.data[atom]; }
uint64_t formpool_work(const FormPool *p) { return p->work; }
void formpool_budget(FormPool *p, uint64_t work) { p->budget = work; }

/* ---- sums */
static int mono_order(const void *x, const void *y) {
    const Mono *a = x, *b = y;
    for (uint32_t i = 0; i < a->n && i < b->n; i++) {
        if (a->f[i].atom != b->f[i].atom) return a->f[i].atom < b->f[i].atom ? -1 : 1;
        int64_t d = (int64_t)a->f[i].p * b->f[i].q - (int64_t)b->f[i].p * a->f[i].q;
        if (d) return d > 0 ? -1 : 1;
    }
    return a->n == b->n ? 0 : a->n < b->n ? -1 : 1;
}

Form sum_of(FormPool *p, MonoVec *v) {
    p->work += v->len;
    if (v->len > 16 * MAX_MONOS || (p->budget && p->work > p->budget)) return 0;
    if (v->len > 1) qsort(v->data, v->len, sizeof *v->data, mono_order);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->len; i++) {
        if (n && powers_same(&v->data[n - 1], &v->data[i])) {
            if (!rat_add(&v->data[n - 1], &v->data[i])) return 0;
        } else {
            if (n && !v->data[n - 1].num) n--;
            v->data[n++] = v->data[i];
        }
    }
    if (n && !v->data[n - 1].num) n--;
    if (n > MAX_MONOS) return 0;
    return form_intern(p, (FormNode){.m = v->data, .n = n});
}

Form form_of_mono(FormPool *p, Mono m) {
    MonoVec v = {0};
    if (m.num) vec_push(p->a, &v, m);
    return sum_of(p, &v);
}

Form form_rat(FormPool *p, int64_t num, int64_t den) {
    int64_t g = form_gcd(num, den);
    if (!g) return FORM_ZERO;
    return form_of_mono(p, (Mono){num / g, den / g, NULL, 0});
}

Form form_of_atom(FormPool *p, uint32_t atom, int32_t num, int32_t den) {
    Power *f = ARENA_NEW(p->a, Power);
    *f = (Power){atom, num, den};
    return form_of_mono(p, (Mono){1, 1, f, 1});
}

Form form_leaf(FormPool *p, uint32_t k) {
    return form_of_atom(p, form_atom_intern(p, (Atom){.kind = ATOM_leaf, .k = k}), 1, 1);
}

static Form of_sym(FormPool *p, uint32_t k) {
    return form_of_atom(p, form_atom_intern(p, (Atom){.kind = ATOM_sym, .k = k}), 1, 1);
}

static Form sym_add(FormPool *p, FormSym s) {
    vec_push(p->a, &p->sym, s);
    return of_sym(p, p->sym.len - 1);
}

Form form_sym_fx(FormPool *p, Fx f, double v) {
    for (uint32_t i = 1; i < p->sym.len; i++)
        if (p->sym.data[i].kind == SYM_fx && p->sym.data[i].fx == f) return of_sym(p, i);
    return sym_add(p, (FormSym){.kind = SYM_fx, .fx = f, .v = v});
}

Form form_number(FormPool *p, double v) {
    if (v == (double)(int64_t)v && v > -1e15 && v < 1e15) return form_rat(p, (int64_t)v, 1);
    if (v < 0) return form_scale(p, form_number(p, -v), -1, 1);
    for (uint32_t i = 1; i < p->sym.len; i++)
        if (p->sym.data[i].kind == SYM_number && p->sym.data[i].v == v) return of_sym(p, i);
    return sym_add(p, (FormSym){.kind = SYM_number, .v = v});
}

Form form_mean_find(FormPool *p, Form of) {
    for (uint32_t i = p->sym.len; i-- > 1;)
        if (p->sym.data[i].kind == SYM_mean && p->sym.data[i].of == of) return of_sym(p, i);
    return 0;
}

Form form_mean(FormPool *p, Form of, double v, double err) {
    return sym_add(p, (FormSym){.kind = SYM_mean, .of = of, .v = v, .err = err});
}

Form form_named(FormPool *p, const char *text, double v, double err) {
    return sym_add(p, (FormSym){.kind = SYM_named, .text = text, .v = v, .err = err});
}

Form form_scale(FormPool *p, Form a, int64_t num, int64_t den) {
    if (!a) return 0;
    FormNode n = p->form.data[a];
    MonoVec v = {0};
    for (uint32_t i = 0; i < n.n; i++) {
        Mono m = n.m[i];
        if (!mono_scale(&m, num, den)) return 0;
        if (m.num) vec_push(p->a, &v, m);
    }
    return sum_of(p, &v);
}

static Form add_scaled(FormPool *p, Form a, Form b, int64_t k) {
    if (!a || !b) return 0;
    FormNode x = p->form.data[a], y = p->form.data[b];
    MonoVec v = {0};
    for (uint32_t i = 0; i < x.n; i++) vec_push(p->a, &v, x.m[i]);
    for (uint32_t i = 0; i < y.n; i++) {
        Mono m = y.m[i];
        m.num *= k;
        vec_push(p->a, &v, m);
    }
    return sum_of(p, &v);
}

Form form_sum(FormPool *p, const Forms *v) {
    MonoVec m = {0};
    if (v->len == 1) return v->data[0];
    for (uint32_t i = 0; i < v->len; i++) {
        FormNode n = p->form.data[v->data[i]];
        if (!v->data[i]) return 0;
        for (uint32_t j = 0; j < n.n; j++) vec_push(p->a, &m, n.m[j]);
    }
    return sum_of(p, &m);
}

Form form_add(FormPool *p, Form a, Form b) { return add_scaled(p, a, b, 1); }
Form form_sub(FormPool *p, Form a, Form b) { return add_scaled(p, a, b, -1); }

bool form_is_number(const FormPool *p, Form f) {
    FormNode n = p->form.data[f];
    return f == FORM_ZERO || (n.n == 1 && !n.m[0].n);
}

/* Arithmetic of normal forms. */
#include "gauss/normal.h"
#include <stdlib.h>

static const Normal nf_zero = {0};

Norm *norm_new(Arena *a, FmPool *p, Intern *syms) {
    Norm *n = ARENA_NEW(a, Norm);
    n->a = a;
    n->p = p;
    n->fx = p->fx;
    n->syms = syms;
    vec_push(a, &n->gate, (Gate){0});
    return n;
}

uint32_t leaf_set(const FxPool *fx, Fx f) {
    const FxNode *n = fx_node(fx, f);
    if (n->op == FX_leaf) return n->k < 32 ? 1u << n->k : 0;
    uint32_t m = 0;
    for (uint32_t i = 0; i < fx_arity(n->op); i++) m |= leaf_set(fx, n->arg[i]);
    return m;
}

static bool key_has_opaque(const Key *k) { return k->opq[0] != 0; }

bool nf_has_opaque(const Normal *f) {
    for (uint32_t i = 0; i < f->n; i++)
        if (key_has_opaque(&f->t[i].key)) return true;
    return false;
}

static uint32_t gate_leaves(const Gate *g) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (g->a[i]) m |= 1u << i;
    return m;
}

uint32_t key_leaves(const Norm *n, const Key *k) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (k->pow[i] || k->lin[i]) m |= 1u << i;
    for (uint32_t b = 0; b < MAX_LEAF; b++)
        for (uint32_t a = 0; a <= b; a++)
            if (k->quad[quad_at(a, b)]) m |= 1u << a | 1u << b;
    for (uint32_t i = 0; i < MAX_GATE && k->gate[i]; i++)
        m |= gate_leaves(&n->gate.data[k->gate[i]]);
    for (uint32_t i = 0; i < MAX_DELTA && k->delta[i]; i++)
        m |= gate_leaves(&n->gate.data[k->delta[i]]);
    for (uint32_t i = 0; i < MAX_OPAQUE && k->opq[i]; i++) m |= leaf_set(n->fx, k->opq[i]);
    return m;
}

/* ---- sums */

static int by_key(const void *a, const void *b) {
    return memcmp(&((const Term *)a)->key, &((const Term *)b)->key, sizeof(Key));
}

static const Normal *nf_from(Norm *n, Term *t, uint32_t len) {
    if (len > 1) qsort(t, len, sizeof *t, by_key);
    uint32_t k = 0;
    for (uint32_t i = 0; i < len;) {
        uint32_t j = i;
        Fm c = 0;
        for (; j < len && !by_key(&t[i], &t[j]); j++) c = fm_add(n->p, c, t[j].coef);
        if (c) {
            if (k != i) t[k] = t[i];
            t[k++].coef = c;
        }
        i = j;
    }
    if (k > MAX_TERMS) {
        n->why = "it has too many terms";
        return NULL;
    }
    Normal *r = ARENA_NEW(n->a, Normal);
    *r = (Normal){k ? arena_copy(n->a, t, k * sizeof *t) : NULL, k};
    return r;
}

const Normal *nf_add(Norm *n, const Normal *a, const Normal *b) {
    if (!a || !b) return NULL;
    if (!a->n) return b;
    if (!b->n) return a;
    Term *t = ARENA_ARRAY(n->a, Term, a->n + b->n);
    memcpy(t, a->t, a->n * sizeof *t);
    memcpy(t + a->n, b->t, b->n * sizeof *t);
    return nf_from(n, t, a->n + b->n);
}

const Normal *nf_scale(Norm *n, const Normal *a, Fm c) {
    if (!a) return NULL;
    if (!c || !a->n) return &nf_zero;
    Rat r;
    if (fm_number(n->p, c, &r) && r.n == 1 && r.d == 1) return a;
    Term *t = arena_copy(n->a, a->t, a->n * sizeof *t);
    for (uint32_t i = 0; i < a->n; i++) t[i].coef = fm_mul(n->p, t[i].coef, c);
    return nf_from(n, t, a->n);
}

const Normal *nf_key(Norm *n, const Key *k, Fm coef) {
    if (!coef) return &nf_zero;
    Term *t = ARENA_NEW(n->a, Term);
    t->key = *k;
    t->coef = coef;
    return nf_from(n, t, 1);
}

const Normal *nf_const(Norm *n, Fm c) {
    Key k = {0};
    return nf_key(n, &k, c);
}

const Normal *nf_leaf(Norm *n, uint32_t leaf) {
    Key k = {0};
    k.pow[leaf] = 1;
    return nf_key(n, &k, fm_int(n->p, 1));
}

const Normal *nf_opaque(Norm *n, Fx f) {
    Key k = {0};
    k.opq[0] = f;
    return nf_key(n, &k, fm_int(n->p, 1));
}

/* ---- products */

static uint32_t gate_intern(Norm *n, const Gate *g) {
    for (uint32_t i = 1; i < n->gate.len; i++)
        if (!memcmp(&n->gate.data[i], g, sizeof *g)) return i;
    vec_push(n->a, &n->gate, *g);
    return n->gate.len - 1;
}

static void insert_sorted(uint32_t *v, uint32_t n, uint32_t x) {
    uint32_t i = n;
    for (; i && v[i - 1] > x; i--) v[i] = v[i - 1];
    v[i] = x;
}

static uint32_t count(const uint32_t *v, uint32_t max) {
    uint32_t n = 0;
    while (n < max && v[n]) n++;
    return n;
}

/* [l + c > 0] [l + d > 0] = [l + min(c, d) > 0]: 0 if the linear parts differ. */
static uint32_t gate_tighter(Norm *n, uint32_t x, uint32_t y) {
    const Gate *g = &n->gate.data[x], *h = &n->gate.data[y];
    if (g->soft || h->soft || memcmp(g->a, h->a, sizeof g->a)) return 0;
    if (g->c == h->c) return x;
    int s = fm_sign(n->p, fm_sub(n->p, g->c, h->c));
    if (s) return s < 0 ? x : y;
    Gate r = *g;
    r.c = fm_neg(n->p, fm_fn(n->p, FN_max, fm_neg(n->p, g->c), fm_neg(n->p, h->c), 0, 0));
    return gate_intern(n, &r);
}

static bool put_gate(Norm *n, Key *k, uint32_t g) {
    uint32_t len = count(k->gate, MAX_GATE);
    for (uint32_t i = 0; i < len; i++) {
        uint32_t t = gate_tighter(n, k->gate[i], g);
        if (!t) continue;
        for (uint32_t j = i; j + 1 < len; j++) k->gate[j] = k->gate[j + 1];
        k->gate[len - 1] = 0;
        insert_sorted(k->gate, len - 1, t);
        return true;
    }
    if (len == MAX_GATE) return false;
    insert_sorted(k->gate, len, g);
    return true;
}

static bool key_mul(Norm *n, const Key *a, const Key *b, Key *out) {
    *out = *a;
    for (uint32_t i = 0; i < MAX_LEAF; i++) {
        if (a->pow[i] + b->pow[i] > 64) return false;
        out->pow[i] = (uint8_t)(a->pow[i] + b->pow[i]);
        if (b->lin[i]) out->lin[i] = fm_add(n->p, a->lin[i], b->lin[i]);
    }
    for (uint32_t i = 0; i < MAX_QUAD; i++)
        if (b->quad[i]) out->quad[i] = fm_add(n->p, a->quad[i], b->quad[i]);
    for (uint32_t i = 0; i < MAX_GATE && b->gate[i]; i++)
        if (!put_gate(n, out, b->gate[i])) return false;
    for (uint32_t i = 0; i < MAX_DELTA && b->delta[i]; i++) {
        uint32_t len = count(out->delta, MAX_DELTA);
        if (len == MAX_DELTA) return false;
        insert_sorted(out->delta, len, b->delta[i]);
    }
    for (uint32_t i = 0; i < MAX_OPAQUE && b->opq[i]; i++) {
        uint32_t len = count(out->opq, MAX_OPAQUE);
        if (len == MAX_OPAQUE) return false;
        insert_sorted(out->opq, len, b->opq[i]);
    }
    return true;
}

const Normal *nf_mul(Norm *n, const Normal *a, const Normal *b) {
    if (!a || !b) return NULL;
    Term *t = ARENA_ARRAY(n->a, Term, a->n * b->n + 1);
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t j = 0; j < b->n; j++) {
            Term *r = &t[i * b->n + j];
            if (!key_mul(n, &a->t[i].key, &b->t[j].key, &r->key)) {
                n->why = "a product has too many factors";
                return NULL;
            }
            r->coef = fm_mul(n->p, a->t[i].coef, b->t[j].coef);
        }
    return nf_from(n, t, a->n * b->n);
}

/* ---- gates */

const Normal *nf_gate(Norm *n, const Gate *l) {
    uint32_t lead = 0;
    while (lead < MAX_LEAF && !l->a[lead]) lead++;
    if (lead == MAX_LEAF)
        return nf_const(n, fm_fn(n->p, l->soft ? FN_Phi : FN_step, l->c, 0, 0, 0));
    int s = fm_sign(n->p, l->a[lead]);
    if (!s) {
        n->why = "the sign of a factor inside a condition is not known";
        return NULL;
    }
    Fm by = l->soft ? fm_int(n->p, s) : fm_inv(n->p, s > 0 ? l->a[lead] : fm_neg(n->p, l->a[lead]));
    if (!l->soft && s < 0) by = fm_neg(n->p, by);
    Gate g = {.c = fm_mul(n->p, l->c, by), .soft = l->soft};
    for (uint32_t i = 0; i < MAX_LEAF; i++) g.a[i] = fm_mul(n->p, l->a[i], by);
    Key k = {0};
    k.gate[0] = gate_intern(n, &g);
    const Normal *r = nf_key(n, &k, fm_int(n->p, 1));
    Fm one = fm_int(n->p, 1);
    return s > 0 ? r : nf_add(n, nf_const(n, one), nf_scale(n, r, fm_neg(n->p, one)));
}

bool nf_polynomial(const Normal *f) {
    Key zero = {0};
    for (uint32_t i = 0; i < f->n; i++) {
        Key k = f->t[i].key;
        memset(k.pow, 0, sizeof k.pow);
        if (memcmp(&k, &zero, sizeof k)) return false;
    }
    return true;
}

bool nf_affine(const Norm *n, const Normal *f, Gate *out) {
    (void)n;
    *out = (Gate){0};
    if (!nf_polynomial(f)) return false;
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t degree = 0, leaf = 0;
        for (uint32_t j = 0; j < MAX_LEAF; j++) {
            degree += f->t[i].key.pow[j];
            if (f->t[i].key.pow[j]) leaf = j;
        }
        if (degree > 1) return false;
        if (degree)
            out->a[leaf] = f->t[i].coef;
        else
            out->c = f->t[i].coef;
    }
    return true;
}

/* ---- derivatives */

static const Normal *gate_affine(Norm *n, const Gate *g) {
    const Normal *r = nf_const(n, g->c);
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        if (g->a[i]) r = nf_add(n, r, nf_scale(n, nf_leaf(n, i), g->a[i]));
    return r;
}

static void key_drop_gate(Key *k, uint32_t at) {
    for (uint32_t i = at; i + 1 < MAX_GATE; i++) k->gate[i] = k->gate[i + 1];
    k->gate[MAX_GATE - 1] = 0;
}

/* The derivative of gate number i: the normal density, or a delta. */
static const Normal *diff_gate(Norm *n, const Term *t, uint32_t i, uint32_t leaf) {
    Gate g = n->gate.data[t->key.gate[i]];
    Key k = t->key;
    key_drop_gate(&k, i);
    Fm c = fm_mul(n->p, t->coef, g.a[leaf]);
    if (!g.soft) {
        uint32_t len = count(k.delta, MAX_DELTA), id = t->key.gate[i];
        if (len == MAX_DELTA) return NULL;
        insert_sorted(k.delta, len, id);
        return nf_key(n, &k, c);
    }
    const Normal *l = gate_affine(n, &g), *sq = nf_mul(n, l, l);
    if (!sq) return NULL;
    Key e = {0};
    Fm constant = 0;
    for (uint32_t j = 0; j < sq->n; j++) {
        uint32_t v[2], m = 0;
        for (uint32_t x = 0; x < MAX_LEAF; x++)
            for (uint32_t y = 0; y < sq->t[j].key.pow[x]; y++) v[m++] = x;
        Fm s = sq->t[j].coef;
        if (m == 2)
            e.quad[quad_at(v[0], v[1])] = v[0] == v[1] ? s : fm_scale(n->p, s, rat(1, 2));
        else if (m == 1)
            e.lin[v[0]] = fm_scale(n->p, s, rat(-1, 2));
        else
            constant = fm_scale(n->p, s, rat(-1, 2));
    }
    Fm f = fm_mul(n->p, fm_2pi(n->p, -1), fm_fn(n->p, FN_exp, constant, 0, 0, 0));
    return nf_mul(n, nf_key(n, &k, c), nf_key(n, &e, f));
}

static const Normal *diff_term(Norm *n, const Term *t, uint32_t leaf) {
    const Normal *r = &nf_zero;
    for (uint32_t i = 0; i < MAX_DELTA && t->key.delta[i]; i++)
        if (n->gate.data[t->key.delta[i]].a[leaf]) return NULL;
    Key k = t->key;
    if (k.pow[leaf]) {
        k.pow[leaf]--;
        r = nf_key(n, &k, fm_scale(n->p, t->coef, (Rat){t->key.pow[leaf], 1}));
    }
    if (t->key.lin[leaf])
        r = nf_add(n, r, nf_key(n, &t->key, fm_mul(n->p, t->coef, t->key.lin[leaf])));
    for (uint32_t o = 0; o < MAX_LEAF; o++) {
        Fm v = t->key.quad[o < leaf ? quad_at(o, leaf) : quad_at(leaf, o)];
        if (!v) continue;
        k = t->key;
        k.pow[o]++;
        r = nf_add(n, r, nf_key(n, &k, fm_neg(n->p, fm_mul(n->p, t->coef, v))));
    }
    for (uint32_t i = 0; i < MAX_GATE && t->key.gate[i] && r; i++)
        if (n->gate.data[t->key.gate[i]].a[leaf]) r = nf_add(n, r, diff_gate(n, t, i, leaf));
    for (uint32_t i = 0; i < MAX_OPAQUE && t->key.opq[i] && r; i++) {
        Fx d = fx_diff(n->fx, t->key.opq[i], leaf);
        if (fx_is_zero(n->fx, d)) continue;
        k = t->key;
        for (uint32_t j = i; j + 1 < MAX_OPAQUE; j++) k.opq[j] = k.opq[j + 1];
        k.opq[MAX_OPAQUE - 1] = 0;
        insert_sorted(k.opq, count(k.opq, MAX_OPAQUE), d);
        r = nf_add(n, r, nf_key(n, &k, t->coef));
    }
    return r;
}

const Normal *nf_diff(Norm *n, const Normal *f, uint32_t leaf) {
    const Normal *r = &nf_zero;
    for (uint32_t i = 0; i < f->n && r; i++) r = nf_add(n, r, diff_term(n, &f->t[i], leaf));
    return r;
}

/* ---- text */

static void print_affine(const Norm *n, Buf *b, const Gate *g) {
    const char *sep = "";
    for (uint32_t i = 0; i < MAX_LEAF; i++) {
        Rat r;
        if (!g->a[i]) continue;
        buf_puts(b, sep);
        if (!fm_number(n->p, g->a[i], &r) || r.n != 1 || r.d != 1) {
            fm_print(n->p, b, g->a[i]);
            buf_putc(b, ' ');
        }
        buf_printf(b, "u%u", i);
        sep = " + ";
    }
    if (!g->c) return;
    buf_puts(b, " + ");
    fm_print(n->p, b, g->c);
}

static void print_exp(const Norm *n, Buf *b, const Key *k) {
    const char *sep = " exp(";
    for (uint32_t i = 0; i < MAX_LEAF; i++) {
        if (!k->lin[i]) continue;
        buf_puts(b, sep);
        fm_print(n->p, b, k->lin[i]);
        buf_printf(b, " u%u", i);
        sep = " + ";
    }
    for (uint32_t y = 0; y < MAX_LEAF; y++)
        for (uint32_t x = 0; x <= y; x++) {
            if (!k->quad[quad_at(x, y)]) continue;
            buf_puts(b, sep);
            buf_puts(b, "-(");
            fm_print(n->p, b, k->quad[quad_at(x, y)]);
            buf_printf(b, x == y ? ")/2 u%u u%u" : ") u%u u%u", x, y);
            sep = " + ";
        }
    if (*sep == ' ' && sep[1] == '+') buf_putc(b, ')');
}

static const char *term_text(const Norm *n, const Term *t) {
    const Key *k = &t->key;
    Buf b = buf_new(n->a);
    buf_putc(&b, '(');
    fm_print(n->p, &b, t->coef);
    buf_putc(&b, ')');
    for (uint32_t j = 0; j < MAX_LEAF; j++)
        if (k->pow[j]) buf_printf(&b, k->pow[j] > 1 ? " u%u^%u" : " u%u", j, k->pow[j]);
    print_exp(n, &b, k);
    for (uint32_t j = 0; j < MAX_GATE && k->gate[j]; j++) {
        const Gate *g = &n->gate.data[k->gate[j]];
        buf_puts(&b, g->soft ? " Phi(" : " [");
        print_affine(n, &b, g);
        buf_puts(&b, g->soft ? ")" : " > 0]");
    }
    for (uint32_t j = 0; j < MAX_DELTA && k->delta[j]; j++) {
        buf_puts(&b, " delta(");
        print_affine(n, &b, &n->gate.data[k->delta[j]]);
        buf_putc(&b, ')');
    }
    for (uint32_t j = 0; j < MAX_OPAQUE && k->opq[j]; j++) {
        buf_puts(&b, " {");
        fx_print(n->fx, n->syms, &b, k->opq[j]);
        buf_putc(&b, '}');
    }
    return buf_text(&b);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Terms in the order of their texts: gate numbers depend on the writing. */
void nf_print(const Norm *n, Buf *b, const Normal *f) {
    const char **text = ARENA_ARRAY(n->a, const char *, f->n + 1);
    for (uint32_t i = 0; i < f->n; i++) text[i] = term_text(n, &f->t[i]);
    qsort(text, f->n, sizeof *text, by_text);
    if (!f->n) buf_putc(b, '0');
    for (uint32_t i = 0; i < f->n; i++) {
        if (i) buf_puts(b, "  +  ");
        buf_puts(b, text[i]);
    }
}

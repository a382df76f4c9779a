/* Hermite series in kernels: how many terms a variance needs, and the loops that fill arrays of
 * coefficients. */
#include "gauss/series.h"
#include <math.h>

static const double RANGE = 12.5;

/* The constant and the linear term are always there: variance 0 needs them (emit_series.c); and two
 * coefficients of positive order, for the tails. */
enum { LEAST = 3 };

SeriesCaps gauss_series_caps(const Expectation *e, int side, bool slope) {
    const Hermite *h = ((const Plan *)e->data)->series;
    uint32_t most = h->terms[slope][side][STEPS - 1];
    int64_t terms = most < LEAST ? LEAST : most;
    return (SeriesCaps){terms, terms + (e->beyond && h->reach[slope][side] > 0)};
}

KVal gauss_emit_terms(KBuild *b, const Expectation *e, int side, bool slope, KVal q) {
    const Hermite *h = ((const Plan *)e->data)->series;
    const uint32_t *t = h->terms[slope][side];
    SeriesCaps cap = gauss_series_caps(e, side, slope);
    double last = h->q[h->last[slope][side]], reach = fmax(last, h->reach[slope][side]);
    KVal v = kb_num(b, fmax(t[0], LEAST));
    for (int i = 1; i < STEPS; i++) {
        if (t[i] <= fmax(t[i - 1], LEAST)) continue;
        KVal above = kb_op(b, KO_lt, kb_num(b, h->q[i - 1]), q, 0);
        v = kb_op(b, KO_select, above, kb_num(b, t[i]), v);
    }
    KVal beyond = kb_op(b, KO_lt, kb_num(b, last), q, 0);
    v = kb_op(b, KO_select, beyond, kb_num(b, (double)cap.terms + 1), v);
    KVal none = kb_op(b, KO_lt, kb_num(b, reach), q, 0);
    return kb_op(b, KO_select, none, kb_num(b, (double)cap.served + 1), v);
}

typedef struct Filler { /* one rule for the coefficients up to some order */
    KBuild *b;
    const Plan *pl;
    const Hermite *h;
    int side;
    uint32_t array, nidx;
    Aff *idx; /* the last one is the coefficient */
    Aff terms;
    KVal s, mean;
    const KVal *theta;
    uint32_t A, B, C, cap; /* tables of the recurrence */
    uint32_t now, before;
    /* cells of s^2 E F'^2, the parts of even and of odd orders (packed: all of it first); 0: the
     * tail is left out */
    uint32_t slope[2];
} Filler;

static Side own_side(const KBuild *b) { return b->stage == KS_pair ? SIDE_none : SIDE_x; }

static KVal cell(const Filler *f, uint32_t c) { return kb_load(f->b, c, own_side(f->b), NULL, 0); }

/* Packed: h_(k+2) = (A z^2 - B) h_k - C h_(k-2); else h_(k+1) = A z h_k - C h_(k-1). */
static void make_tables(Filler *f) {
    Ctx *c = f->b->c;
    double *A = ARENA_ARRAY(c->a, double, f->cap), *B = ARENA_ARRAY(c->a, double, f->cap);
    double *C = ARENA_ARRAY(c->a, double, f->cap);
    for (uint32_t t = 0; t < f->cap; t++) {
        double k = f->h->packed ? 2.0 * t + (f->h->packed == 2) : t;
        A[t] = f->h->packed ? 1 / sqrt((k + 1) * (k + 2)) : 1 / sqrt(k + 1);
        B[t] = (2 * k + 1) * A[t];
        C[t] = (f->h->packed ? sqrt(k * (k - 1)) : sqrt(k)) * A[t];
    }
    Mach m = {.c = c, .b = f->b};
    f->A = m_table(&m, "hermite_a", A, f->cap).id;
    f->C = m_table(&m, "hermite_c", C, f->cap).id;
    if (f->h->packed) f->B = m_table(&m, "hermite_b", B, f->cap).id;
}

/* s F'(s z); what has overflowed stands beside a weight of nothing (recurrence_start). */
static KVal slope_at(Filler *f, KVal z) {
    KBuild *b = f->b;
    KVal leaf[2] = {0}, zero = kb_num(b, 0);
    leaf[f->h->leaf[f->side]] = kb_op(b, KO_mul, z, f->s, 0);
    KVal v = gauss_emit_fx(b, f->h->d[f->side], leaf, f->theta);
    KVal finite = kb_op(b, KO_lt, kb_op(b, KO_abs, v, 0, 0), kb_num(b, 1e18), 0);
    return kb_op(b, KO_mul, kb_op(b, KO_select, finite, v, zero), f->s, 0);
}

static void add_square(Filler *f, uint32_t to, KVal v, KVal w) {
    KBuild *b = f->b;
    KVal sum = kb_op(b, KO_fma, kb_op(b, KO_mul, v, w, 0), v, cell(f, to));
    kb_store(b, to, NULL, 0, sum);
}

/* The odd part of F' belongs to even orders of F. */
static void add_slope(Filler *f, KVal z, KVal w) {
    KBuild *b = f->b;
    KVal v = slope_at(f, z), half = kb_num(b, 0.5);
    if (f->h->packed) {
        add_square(f, f->slope[0], v, w);
        return;
    }
    KVal mirror = slope_at(f, kb_op(b, KO_neg, z, 0, 0));
    add_square(f, f->slope[0], kb_op(b, KO_mul, kb_op(b, KO_sub, v, mirror, 0), half, 0), w);
    add_square(f, f->slope[1], kb_op(b, KO_mul, kb_op(b, KO_add, v, mirror, 0), half, 0), w);
}

static void fill_node(Filler *f, KVal z, KVal w) {
    KBuild *b = f->b;
    const Hermite *h = f->h;
    KVal leaf[2] = {0};
    leaf[h->leaf[f->side]] = kb_op(b, KO_fma, z, f->s, f->mean);
    if (f->slope[0]) add_slope(f, z, w);
    KVal v = kb_op(b, KO_mul, gauss_emit_fx(b, h->f[f->side], leaf, f->theta), w, 0);
    if (h->packed == 2) v = kb_op(b, KO_mul, v, z, 0);
    kb_store(b, f->now, NULL, 0, v);
    kb_store(b, f->before, NULL, 0, kb_num(b, 0));
    KVal x = h->packed ? kb_op(b, KO_mul, z, z, 0) : z;
    Sym k = intern_fresh(b->c->syms, "k");
    kb_loop(b, k, aff_const(0), f->terms, false);
    Aff at = aff_name(b->k->aff, k);
    f->idx[f->nidx] = at;
    KVal now = cell(f, f->now), old = kb_load(b, f->array, own_side(b), f->idx, f->nidx + 1);
    kb_store(b, f->array, f->idx, f->nidx + 1, kb_op(b, KO_add, old, now, 0));
    KVal a = kb_op(b, KO_mul, x, kb_table(b, f->A, at), 0);
    if (h->packed) a = kb_op(b, KO_sub, a, kb_table(b, f->B, at), 0);
    KVal back = kb_op(b, KO_mul, cell(f, f->before), kb_table(b, f->C, at), 0);
    KVal next = kb_op(b, KO_sub, kb_op(b, KO_mul, a, now, 0), back, 0);
    kb_store(b, f->before, NULL, 0, now);
    kb_store(b, f->now, NULL, 0, next);
    kb_end(b);
}

/* Trapezoid rule that resolves the orders up to `order`: wave numbers of F and h_k add. */
static void fill(Filler *f, uint32_t order) {
    KBuild *b = f->b;
    double wave = sqrt(order) + sqrt(2.0 * order) + 8;
    uint32_t half = (uint32_t)ceil(RANGE * wave / (2 * M_PI)),
             n = f->h->packed ? half + 1 : 2 * half + 1;
    double *z = ARENA_ARRAY(b->c->a, double, n), *w = ARENA_ARRAY(b->c->a, double, n);
    for (uint32_t j = 0; j < n; j++) {
        double step = RANGE / half;
        z[j] = f->h->packed ? step * j : step * ((double)j - half);
        w[j] = step * exp(-z[j] * z[j] / 2) / sqrt(2 * M_PI);
        if (f->h->packed && j) w[j] *= 2; /* the mirrored node */
    }
    Mach m = {.c = b->c, .b = b};
    uint32_t tz = m_table(&m, "hermite_z", z, n).id, tw = m_table(&m, "hermite_w", w, n).id;
    Sym v = intern_fresh(b->c->syms, "g");
    kb_loop(b, v, aff_const(0), aff_const(n), false);
    Aff j = aff_name(b->k->aff, v);
    fill_node(f, kb_table(b, tz, j), kb_table(b, tw, j));
    kb_end(b);
}

static void clear(Filler *f) {
    Sym k = intern_fresh(f->b->c->syms, "k");
    kb_loop(f->b, k, aff_const(0), f->terms, false);
    f->idx[f->nidx] = aff_name(f->b->k->aff, k);
    kb_store(f->b, f->array, f->idx, f->nidx + 1, kb_num(f->b, 0));
    kb_end(f->b);
}

/* The last coefficient, of order L, takes what is left of sum k a_k^2 = s^2 E F'^2. */
static void lump_last(Filler *f, uint32_t orders, Aff last, KVal left) {
    KBuild *b = f->b;
    f->idx[f->nidx] = last;
    KVal a = kb_load(b, f->array, own_side(b), f->idx, f->nidx + 1);
    KVal rest = kb_op(b, KO_max, left, kb_num(b, 0), 0);
    rest = kb_op(b, KO_div, rest, kb_table(b, orders, last), 0);
    KVal root = kb_op(b, KO_sqrt, kb_op(b, KO_fma, a, a, rest), 0, 0);
    kb_store(b, f->array, f->idx, f->nidx + 1, kb_op(b, KO_copysign, root, a, 0));
}

static void take_away(Filler *f, uint32_t from, KVal a, KVal k) {
    KBuild *b = f->b;
    KVal ka2 = kb_op(b, KO_mul, kb_op(b, KO_mul, a, a, 0), k, 0);
    kb_store(b, from, NULL, 0, kb_op(b, KO_sub, cell(f, from), ka2, 0));
}

/* Tables by stored coefficient: its order k; k for odd orders, else 0. */
static void order_tables(const Filler *f, uint32_t table[2]) {
    uint32_t per = f->h->packed ? 2 : 1;
    Mach m = {.c = f->b->c, .b = f->b};
    for (uint32_t odd = 0; odd < 2; odd++) {
        double *order = ARENA_ARRAY(m.c->a, double, f->cap);
        for (uint32_t t = 0; t < f->cap; t++) {
            uint32_t k = per * t + (f->h->packed == 2);
            order[t] = odd && k % 2 == 0 ? 0 : k;
        }
        table[odd] = m_table(&m, odd ? "hermite_odd" : "hermite_k", order, f->cap).id;
    }
}

static void lump(Filler *f) {
    KBuild *b = f->b;
    bool both = !f->h->packed;
    uint32_t table[2];
    order_tables(f, table);
    Sym v = intern_fresh(b->c->syms, "k");
    kb_loop(b, v, aff_const(0), f->terms, false);
    Aff at = f->idx[f->nidx] = aff_name(b->k->aff, v);
    KVal a = kb_load(b, f->array, own_side(b), f->idx, f->nidx + 1), k = kb_table(b, table[0], at);
    KVal odd = both ? kb_table(b, table[1], at) : 0;
    take_away(f, f->slope[0], a, both ? kb_op(b, KO_sub, k, odd, 0) : k);
    if (both) take_away(f, f->slope[1], a, odd);
    kb_end(b);
    Cons some = cons_ge(aff_plus(f->terms, -LEAST));
    kb_if(b, &some, 1);
    for (int i = 1; i <= 1 + both; i++) {
        Aff last = aff_plus(f->terms, -i);
        KVal left = cell(f, f->slope[0]), zero = kb_num(b, 0);
        KVal is_odd = both ? kb_op(b, KO_lt, zero, kb_table(b, table[1], last), 0) : 0;
        if (both) left = kb_op(b, KO_select, is_odd, cell(f, f->slope[1]), left);
        lump_last(f, table[0], last, left);
    }
    kb_end(b);
}

/* Few orders need few nodes. */
static void fill_by_size(Filler *f) {
    static const uint32_t small[] = {96, 384};
    KBuild *b = f->b;
    uint32_t per = f->h->packed ? 2 : 1, open = 0;
    for (size_t i = 0; i < sizeof small / sizeof *small && f->cap * per > small[i]; i++) {
        Cons few = cons_le(b->k->aff, f->terms, aff_const(small[i] / per));
        kb_if(b, &few, 1);
        fill(f, small[i]);
        kb_else(b);
        open++;
    }
    fill(f, f->cap * per);
    while (open--) kb_end(b);
}

void gauss_emit_hermite(KBuild *b, const Expectation *e, int side, bool slope,
                        const GaussOperands *o, uint32_t array, const Aff *idx, uint32_t nidx,
                        Aff terms, int64_t cap) {
    const Plan *pl = e->data;
    const Hermite *h = pl->series;
    Filler f = {.b = b,
                .pl = pl,
                .h = h,
                .side = side,
                .array = array,
                .nidx = nidx,
                .terms = terms,
                .theta = o->theta,
                .cap = (uint32_t)cap};
    f.idx = ARENA_ARRAY(b->c->a, Aff, nidx + 1);
    for (uint32_t i = 0; i < nidx; i++) f.idx[i] = idx[i];
    uint32_t leaf = h->leaf[side];
    f.s = kb_op(b, KO_sqrt, o->var[leaf], 0, 0);
    f.mean = pl->q.centred[leaf] ? kb_num(b, 0) : o->mean[leaf];
    f.now = kernel_cell(b->k, b->c, b->stage, "hermite_now");
    f.before = kernel_cell(b->k, b->c, b->stage, "hermite_before");
    for (int i = 0; i < (h->packed ? 1 : 2) && slope && h->lump; i++) {
        f.slope[i] = kernel_cell(b->k, b->c, b->stage, "hermite_slope");
        kb_store(b, f.slope[i], NULL, 0, kb_num(b, 0));
    }
    make_tables(&f);
    clear(&f);
    fill_by_size(&f);
    if (f.slope[0]) lump(&f);
}

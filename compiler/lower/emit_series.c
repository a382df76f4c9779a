/* Hermite series: coefficients of one sample, and their sum for a pair. */
#include "lower/emit.h"

/* ---- the sum: value and slope by Horner's rule in one loop */

static KVal coefficient(Emit *e, LRef r, Aff k) {
    uint32_t n = e->l->array.data[r.array].naxis;
    Aff *idx = ARENA_ARRAY(e->c->a, Aff, n);
    for (uint32_t i = 0; i + 1 < n; i++) idx[i] = r.idx[i];
    idx[n - 1] = k;
    r.idx = idx;
    return emit_ref(e, r);
}

static KVal correlation(Emit *e, const LExp *x) {
    GaussOperands o;
    KBuild *b = &e->b;
    emit_gather(e, x, &o);
    if (o.c) return o.c;
    KVal zero = kb_num(b, 0), qp = kb_op(b, KO_mul, o.var[0], o.var[1], 0);
    KVal c = kb_op(b, KO_div, o.cov[1] ? o.cov[1] : zero, kb_op(b, KO_sqrt, qp, 0, 0), 0);
    return kb_op(b, KO_select, kb_op(b, KO_lt, zero, qp, 0), c, zero);
}

/* Is the derivative of this array's series wanted anywhere? */
static bool slope_wanted(const Emit *e, LArrayId id) {
    for (LArrayId of = 1; of < e->l->array.len; of++) {
        const LArray *r = &e->l->array.data[of];
        for (uint32_t t = 0; t < r->eq.n; t++)
            for (uint32_t k = 0; k < r->eq.term[t].nfactor; k++) {
                const LFactor *f = &r->eq.term[t].factor[k];
                if (f->kind != LF_series || !f->series->deriv) continue;
                if (f->series->left.array == id || f->series->right.array == id) return true;
            }
    }
    return false;
}

/* The body of the innermost loop around the current place; 0: none. */
static uint32_t innermost_loop(const Emit *e) {
    const KFn *fn = &e->k->fn[e->b.stage];
    for (uint32_t i = e->b.open.len; i-- > 0;)
        for (uint32_t k = 1; k < fn->ins.len; k++)
            if (fn->ins.data[k].op == KO_loop && fn->ins.data[k].block == e->b.open.data[i])
                return e->b.open.data[i];
    return 0;
}

static bool in_cells(Emit *e, const LSeries *s) {
    const SeriesCells *m = &e->series;
    if (!m->value || m->loop != innermost_loop(e)) return false;
    for (uint32_t i = 0; i < m->path.len; i++)
        if (!aff_implied(e->x, e->path.data, e->path.len, m->path.data[i])) return false;
    uint32_t n = e->l->array.data[s->left.array].naxis - 1;
    if (m->left.array != s->left.array || m->right.array != s->right.array) return false;
    for (uint32_t i = 0; i < n; i++)
        if (!aff_eq(m->left.idx[i], s->left.idx[i]) || !aff_eq(m->right.idx[i], s->right.idx[i]))
            return false;
    return true;
}

static const Dim *terms_axis(const Emit *e, LRef r) {
    const LArray *h = &e->l->array.data[r.array];
    return &h->axis[h->naxis - 1];
}

static void horner(Emit *e, const LSeries *s, KVal x, const SeriesCells *m) {
    KBuild *b = &e->b;
    const Dim *axis = terms_axis(e, s->left);
    KVal zero = kb_num(b, 0);
    kb_store(b, m->value, NULL, 0, zero);
    if (m->slope) kb_store(b, m->slope, NULL, 0, zero);
    Sym k = intern_fresh(e->c->syms, "k");
    kb_loop(b, k, axis->lo, axis->hi, true);
    Aff at = aff_name(e->x, k);
    KVal ab = kb_op(b, KO_mul, coefficient(e, s->left, at), coefficient(e, s->right, at), 0);
    KVal p = kb_load(b, m->value, SIDE_none, NULL, 0);
    if (m->slope) {
        KVal dp = kb_load(b, m->slope, SIDE_none, NULL, 0);
        kb_store(b, m->slope, NULL, 0, kb_op(b, KO_fma, dp, x, p));
    }
    kb_store(b, m->value, NULL, 0, kb_op(b, KO_fma, p, x, ab));
    kb_end(b);
}

/* ---- how many terms */

/* Is the derivative of a series with this measured number of terms wanted? */
static bool sloped(const Emit *e, Sym size) {
    for (LArrayId id = 1; id < e->l->array.len; id++) {
        const LArray *r = &e->l->array.data[id];
        if (r->kind == LK_H && aff_mentions(r->axis[r->naxis - 1].hi, size) && slope_wanted(e, id))
            return true;
    }
    return false;
}

static SeriesCaps caps_of(const Emit *e, const LMeasure *m) {
    const LArray *r = &e->l->array.data[m->array];
    const LExp *x = r->eq.term[0].factor[0].exp;
    return gauss_series_caps(x->plan, (int)r->leaf, sloped(e, m->name));
}

static int64_t most_terms(const Emit *e, Aff terms) {
    int64_t most = 0;
    for (uint32_t i = 0; i < e->l->measure.len; i++) {
        const LMeasure *m = &e->l->measure.data[i];
        if (aff_mentions(terms, m->name)) most += caps_of(e, m).terms;
    }
    return most;
}

/* Opens a condition under which there are coefficients; false: there always are. */
static bool open_few(Emit *e, Aff terms) {
    ConsVec few = {0};
    for (uint32_t i = 0; i < e->l->measure.len; i++) {
        const LMeasure *m = &e->l->measure.data[i];
        if (!aff_mentions(terms, m->name)) continue;
        SeriesCaps cap = caps_of(e, m);
        if (cap.served == cap.terms) continue;
        Cons c = cons_le(e->x, aff_name(e->x, m->name), aff_const(cap.terms));
        vec_push(e->c->a, &few, c);
    }
    if (few.len) kb_if(&e->b, few.data, few.len);
    return few.len > 0;
}

/* ---- variances too large for the series: quadrature of the value and of s s' E F' G' */

static void quadrature(Emit *e, const LExp *x, const SeriesCells *m) {
    KBuild *b = &e->b;
    GaussOperands o;
    emit_gather(e, x, &o);
    KVal v[2];
    gauss_emit_both(b, x->plan->beyond, m->slope, &o, v);
    kb_store(b, m->value, NULL, 0, v[0]);
    if (!m->slope) return;
    KVal ss = kb_op(b, KO_mul, emit_ref(e, x->norm[0]), emit_ref(e, x->norm[1]), 0);
    kb_store(b, m->slope, NULL, 0, kb_op(b, KO_mul, ss, v[1], 0));
}

/* The polynomial in x and its derivative, from either. */
static void polynomial(Emit *e, const LSeries *s, KVal c, KVal x, SeriesCells *m) {
    KBuild *b = &e->b;
    uint32_t packed = s->exp->plan->packed;
    m->value = emit_cell(e, "series");
    if (s->deriv || slope_wanted(e, s->left.array)) m->slope = emit_cell(e, "slope");
    bool open = open_few(e, terms_axis(e, s->left)->hi);
    horner(e, s, x, m);
    KVal p = kb_load(b, m->value, SIDE_none, NULL, 0);
    if (packed == 2) kb_store(b, m->value, NULL, 0, kb_op(b, KO_mul, c, p, 0));
    if (m->slope && packed) {
        KVal dp = kb_load(b, m->slope, SIDE_none, NULL, 0);
        KVal twice = kb_op(b, KO_mul, kb_num(b, 2), packed == 1 ? c : x, 0);
        KVal slope = packed == 1 ? kb_op(b, KO_mul, twice, dp, 0) : kb_op(b, KO_fma, twice, dp, p);
        kb_store(b, m->slope, NULL, 0, slope);
    }
    if (!open) return;
    kb_else(b);
    quadrature(e, s->exp, m);
    kb_end(b);
}

/* sum_j a_j b_j c^k(j), k(j) = j, 2 j or 2 j + 1 (Expectation.packed), or its derivative by c. With
 * P the polynomial in x = c or c^2: P; P(c^2); c P(c^2); derivatives P'; 2 c P'; P + 2 x P'. */
KVal emit_series(Emit *e, const LSeries *s) {
    KBuild *b = &e->b;
    if (!in_cells(e, s)) {
        KVal c = correlation(e, s->exp);
        KVal x = s->exp->plan->packed ? kb_op(b, KO_mul, c, c, 0) : c;
        SeriesCells m = {.left = s->left, .right = s->right};
        for (uint32_t i = 0; i < e->path.len; i++) vec_push(e->c->a, &m.path, e->path.data[i]);
        m.loop = innermost_loop(e);
        polynomial(e, s, c, x, &m);
        e->series = m;
    }
    return kb_load(b, s->deriv ? e->series.slope : e->series.value, SIDE_none, NULL, 0);
}

/* ---- the coefficients */

static const LMeasure *measure_of(const Emit *e, LArrayId id) {
    uint32_t i = 0;
    while (e->l->measure.data[i].array != id) i++;
    return &e->l->measure.data[i];
}

static void set_cap(Emit *e, Sym size, int64_t cap) {
    for (uint32_t i = 0; i < e->k->size.len; i++) {
        KSize *z = &e->k->size.data[i];
        if (z->name == size) z->cap = cap;
    }
    affctx_fact(e->x, cons_le(e->x, aff_name(e->x, size), aff_const(cap)));
}

static void emit_terms_count(Emit *e, LArrayId id, const LExp *x, const GaussOperands *o,
                             const Aff *idx, uint32_t nidx) {
    const LMeasure *m = measure_of(e, id);
    int side = (int)e->l->array.data[id].leaf;
    KVal n = gauss_emit_terms(&e->b, x->plan, side, sloped(e, m->name), o->var[0]);
    kb_store(&e->b, e->array[id], idx, nidx, n);
    set_cap(e, m->name, caps_of(e, m).served);
}

/* a_1 = s E F'.  A sample of variance 0 (whose norm s counts as 1) gets a_1 = F'(mean), so that the
 * slope of the series is F'(mean) s' E G' with every other sample. */
static void emit_slope_at_zero(Emit *e, LArrayId id, const LExp *x, const GaussOperands *o,
                               const Aff *idx, uint32_t nidx) {
    KBuild *b = &e->b;
    uint32_t packed = x->plan->packed, side = e->l->array.data[id].leaf, n = x->nleaf;
    if (packed == 1) return; /* even functions: F'(0) = 0 */
    Aff *at = ARENA_ARRAY(e->c->a, Aff, nidx + 1);
    for (uint32_t i = 0; i < nidx; i++) at[i] = idx[i];
    at[nidx] = aff_const(packed ? 0 : 1);
    KVal zero = kb_num(b, 0), *leaf = ARENA_ARRAY(e->c->a, KVal, n);
    for (uint32_t k = 0; k < n; k++) leaf[k] = o->mean[0] ? o->mean[0] : zero;
    Fx d = fx_diff(e->fx, side ? x->G : x->F, side ? x->nl : 0);
    KVal slope = gauss_emit_fx(b, d, leaf, o->theta);
    KVal a = kb_load(b, e->array[id], SIDE_x, at, nidx + 1);
    kb_store(b, e->array[id], at, nidx + 1,
             kb_op(b, KO_select, kb_op(b, KO_lt, zero, o->var[0], 0), a, slope));
}

void emit_hermite_statement(Emit *e, LArrayId id, const LExp *x, const Aff *idx, uint32_t nidx) {
    const LArray *r = &e->l->array.data[id];
    GaussOperands o;
    emit_gather(e, x, &o);
    if (r->kind != LK_H) {
        emit_terms_count(e, id, x, &o, idx, nidx);
        return;
    }
    Aff terms = r->axis[r->naxis - 1].hi;
    bool slope = slope_wanted(e, id), open = open_few(e, terms);
    gauss_emit_hermite(&e->b, x->plan, (int)r->leaf, slope, &o, e->array[id], idx, nidx, terms,
                       most_terms(e, terms));
    if (slope) {
        Cons two = cons_ge(aff_plus(terms, -2));
        kb_if(&e->b, &two, 1);
        emit_slope_at_zero(e, id, x, &o, idx, nidx);
        kb_end(&e->b);
    }
    if (open) kb_end(&e->b);
}

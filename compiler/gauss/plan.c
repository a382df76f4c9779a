/* The decision: closed form, Hermite series or quadrature. */
#include "diag/diag.h"
#include "gauss/plan.h"
#include "gauss/series.h"
#include "gauss/shape.h"
#include "gauss/stable.h"

/* ---- symbols */

static unsigned theta_time(void *ctx, uint32_t k) {
    const Plan *pl = ctx;
    if (pl->q.same || !pl->q.G) return TIME_left;
    bool f = shape_has_theta(pl->q.fx, pl->q.F, k);
    bool g = shape_has_theta(pl->q.fx, pl->q.G, k);
    return (f ? TIME_left : 0u) | (g ? TIME_right : 0u);
}

static FmSym symbol(const Plan *pl, FmSymKind kind, uint32_t i, uint32_t j) {
    unsigned t = pl->p->leaf_time[i] | pl->p->leaf_time[j];
    bool pos = kind == SK_var || kind == SK_std || kind == SK_det || kind == SK_r;
    return (FmSym){.kind = kind, .i = i, .j = j, .time = t, .positive = pos};
}

static void law_square(Plan *pl, Fm root, Fm to) {
    Law *l = &pl->x->law;
    Sum s = fm_sum(pl->p, root);
    Mono m = fm_mono(pl->p, s.t[0].mono);
    l->square[l->nsquare++] = (Square){m.p[0].atom, to};
}

static void build_law(Plan *pl) {
    const GaussQuery *q = &pl->q;
    FmPool *p = pl->p;
    Law *l = &pl->x->law;
    l->nleaf = q->nleaf;
    for (uint32_t i = 0; i < q->nleaf; i++) {
        Fm s = fm_sym(p, symbol(pl, pl->unit ? SK_std : SK_var, i, i));
        l->cov[i * MAX_LEAF + i] = pl->unit ? fm_mul(p, s, s) : s;
        if (!q->centred[i]) l->mean[i] = fm_sym(p, symbol(pl, SK_mean, i, i));
    }
    for (uint32_t i = 0; i < q->nleaf; i++)
        for (uint32_t j = i + 1; j < q->nleaf; j++) {
            if (q->zero[i * q->nleaf + j]) continue;
            Fm k = fm_sym(p, symbol(pl, pl->unit ? SK_c : SK_cov, i, j)), to, c = k;
            Fm d = fm_sym(p, symbol(pl, pl->unit ? SK_r : SK_det, i, j));
            if (pl->unit) {
                to = fm_sub(p, fm_int(p, 1), d);
                Fm s0 = fm_sym(p, symbol(pl, SK_std, i, i)),
                   s1 = fm_sym(p, symbol(pl, SK_std, j, j));
                c = fm_mul(p, k, fm_mul(p, s0, s1));
            } else {
                Fm qp = fm_mul(p, l->cov[i * MAX_LEAF + i], l->cov[j * MAX_LEAF + j]);
                to = fm_sub(p, qp, d);
            }
            law_square(pl, k, to);
            l->cov[i * MAX_LEAF + j] = l->cov[j * MAX_LEAF + i] = c;
        }
}

static Plan *plan_new(Ctx *c, const GaussQuery *q) {
    Plan *pl = ARENA_NEW(c->a, Plan);
    pl->c = c;
    pl->q = *q;
    uint32_t n = q->nleaf;
    pl->q.centred = n ? arena_copy(c->a, q->centred, n * sizeof *q->centred) : NULL;
    pl->q.zero = n ? arena_copy(c->a, q->zero, n * n * sizeof *q->zero) : NULL;
    pl->p = fmpool_new(c->a, q->fx, c->syms);
    for (uint32_t i = 0; i < MAX_LEAF; i++)
        pl->p->leaf_time[i] = q->same || !q->G || i < q->nl ? TIME_left : TIME_right;
    pl->n = norm_new(c->a, pl->p, c->syms);
    pl->n->theta_pos = q->theta_pos;
    pl->n->theta_time = theta_time;
    pl->n->ctx = pl;
    pl->n->ntheta = fx_ntheta(q->fx, q->F);
    if (q->G && fx_ntheta(q->fx, q->G) > pl->n->ntheta) pl->n->ntheta = fx_ntheta(q->fx, q->G);
    pl->x = ARENA_NEW(c->a, Expect);
    pl->x->n = pl->n;
    pl->x->p = pl->p;
    pl->unit = q->unit && q->G && !q->same && q->nl == 1 && q->nleaf == 2;
    pl->atmean[0] = q->F;
    pl->atmean[1] = q->G;
    build_law(pl);
    return pl;
}

/* ---- closed forms */

static const Normal *factor_of(Plan *pl, Fx f) {
    const Normal *n = normalise(pl->n, f);
    return pl->q.no_closed || nf_tilted(n) ? nf_opaque(pl->n, f) : n;
}

/* Value of f at leaves 0, gates at their constants; exponentials are 1. */
static Fm value_at_zero(const Plan *pl, const Normal *f) {
    Fm v = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        const Key *k = &f->t[i].key;
        bool zero = k->opq[0] != 0;
        for (uint32_t j = 0; j < MAX_LEAF; j++) zero = zero || k->pow[j];
        Fm t = f->t[i].coef;
        for (uint32_t j = 0; j < MAX_GATE && k->gate[j]; j++) {
            const Gate *g = &pl->n->gate.data[k->gate[j]];
            t = fm_mul(pl->p, t, fm_fn(pl->p, g->soft ? FN_Phi : FN_step, g->c, 0, 0, 0));
        }
        if (!zero) v = fm_add(pl->p, v, t);
    }
    return v;
}

/* c0 + sum c_i e^(a_i) with vanishing total: sum c_i expm1(a_i), kept as one factor. */
static Fm kept_mean(Plan *pl, Fm f) {
    Fm r = stable_differences(pl->p, f);
    return r ? fm_fn(pl->p, FN_keep, r, 0, 0, 0) : 0;
}

/* F and G vanish at 0: K = E F E G + Cov, the covariance as differences of exponentials. */
static Fm centre(Plan *pl, Fm v) {
    FmPool *p = pl->p;
    bool exps = fm_has(p, v, AK_fn, FN_exp) && !fm_has(p, v, AK_fn, FN_bvn) &&
                !fm_has(p, v, AK_fn, FN_bvnd) && !fm_has(p, v, AK_fn, FN_quad);
    if (!exps || pl->q.same || !pl->q.G) return v;
    if (value_at_zero(pl, pl->F) || value_at_zero(pl, pl->G)) return v;
    Fm mf = stable_real(p, expect_of(pl->x, pl->F)), mg = stable_real(p, expect_of(pl->x, pl->G));
    if (!mf || !mg) return v;
    Fm cov = stable_differences(p, fm_sub(p, v, fm_mul(p, mf, mg)));
    return fm_add(p, cov, fm_mul(p, kept_mean(pl, mf), kept_mean(pl, mg)));
}

/* E[(u - m) F] / q: the mean of the distributional derivative of a function of one leaf. */
static const Normal *stein_integrand(Plan *pl) {
    Fm m = pl->x->law.mean[0];
    const Normal *u = nf_add(pl->n, nf_leaf(pl->n, 0), nf_const(pl->n, fm_neg(pl->p, m)));
    return nf_mul(pl->n, u, pl->F);
}

/* The integrand as one function, in no normal form. */
static const Normal *whole(Plan *pl) {
    if (pl->q.distributional) return nf_opaque(pl->n, pl->atmean[0]);
    Fx fg = pl->q.G ? fx_mul(pl->q.fx, pl->q.F, pl->q.G) : pl->q.F;
    return nf_opaque(pl->n, fg);
}

static const Normal *integrand(Plan *pl) {
    pl->F = factor_of(pl, pl->q.F);
    pl->G = pl->q.G ? factor_of(pl, pl->q.G) : nf_const(pl->n, fm_int(pl->p, 1));
    if (pl->q.distributional) {
        pl->atmean[0] = fx_diff(pl->q.fx, pl->q.F, pl->q.dleaf);
        if (pl->q.nleaf == 1) return stein_integrand(pl);
        if (!nf_has_opaque(pl->F)) return nf_diff(pl->n, pl->F, pl->q.dleaf);
        return normalise(pl->n, pl->atmean[0]);
    }
    const Normal *r = nf_mul(pl->n, pl->F, pl->G);
    return r ? r : whole(pl);
}

/* Quadrature is over real functions: sines beside functions without normal form are not. */
static bool complex_integral(const Plan *pl) {
    for (uint32_t i = 0; i < pl->x->integral.len; i++) {
        const Key *k = &pl->x->integral.data[i].key;
        for (uint32_t j = 0; j < MAX_LEAF; j++)
            if (fm_has(pl->p, k->lin[j], AK_i, 0)) return true;
        for (uint32_t j = 0; j < MAX_QUAD; j++)
            if (fm_has(pl->p, k->quad[j], AK_i, 0)) return true;
    }
    return false;
}

static void closed_value(Plan *pl, const Normal *f) {
    FmPool *p = pl->p;
    Fm v = stable_real(p, expect_of(pl->x, f));
    if (pl->q.distributional && pl->q.nleaf == 1) v = fm_mul(p, v, fm_inv(p, pl->x->law.cov[0]));
    v = centre(pl, v);
    bool edges = fm_has(p, v, AK_fn, FN_cond) || fm_has(p, v, AK_fn, FN_bvnd);
    pl->value = edges ? v : stable_differences(p, v);
}

/* ---- zero variances */

/* Does the formula fail at variance 0: a hard gate that no power of its leaf or no known sign
 * holds. */
static bool breaks_at_zero(const Plan *pl, const Normal *f) {
    for (uint32_t i = 0; i < f->n; i++) {
        const Key *k = &f->t[i].key;
        for (uint32_t j = 0; j < MAX_GATE && k->gate[j]; j++) {
            const Gate *g = &pl->n->gate.data[k->gate[j]];
            uint32_t leaf = 0;
            while (leaf < MAX_LEAF && !g->a[leaf]) leaf++;
            if (g->soft || leaf == MAX_LEAF) continue;
            if (!pl->q.centred[leaf] || g->c || !k->pow[leaf]) return true;
        }
    }
    return false;
}

static bool vanishes(const Plan *pl, Fx f, uint32_t leaf) {
    if (!pl->q.centred[leaf]) return false;
    Fx zero[MAX_LEAF];
    for (uint32_t i = 0; i < MAX_LEAF; i++) zero[i] = fx_num(pl->q.fx, 0);
    Fx at = fx_map(pl->q.fx, f, zero, MAX_LEAF, NULL, 0);
    if (fx_is_zero(pl->q.fx, at)) return true;
    double v;
    return shape_value(pl->q.fx, at, 0, &v) && v == 0;
}

/* Does a variance stand in a denominator? */
static bool over_variance(const FmPool *p, Fm f) {
    Sum s = fm_sum(p, f);
    for (uint32_t i = 0; i < s.n; i++) {
        Mono m = fm_mono(p, s.t[i].mono);
        for (uint32_t k = 0; k < m.n; k++) {
            const Atom *a = fm_atom(p, m.p[k].atom);
            if (m.p[k].e.n >= 0 || a->kind != AK_sym) continue;
            FmSymKind kind = fm_symbol(p, a)->kind;
            if (kind == SK_var || kind == SK_std) return true;
        }
    }
    return false;
}

static void zero_variances(Plan *pl) {
    const GaussQuery *q = &pl->q;
    bool pair = q->G && !q->same && q->nl == 1 && q->nleaf == 2;
    if (q->nleaf != 1 && !pair) return;
    bool f = breaks_at_zero(pl, pl->F), g = breaks_at_zero(pl, pl->G);
    pl->mask = f || g || q->distributional;
    if (!pl->mask || !pair) return;
    pl->mean[0] = stable_real(pl->p, expect_of(pl->x, pl->F));
    pl->mean[1] = stable_real(pl->p, expect_of(pl->x, pl->G));
    /* a factor 0 does where the formula is finite: fans, not breaks over a standard deviation */
    const FmPool *p = pl->p;
    bool finite = !over_variance(p, pl->value) && !fm_has(p, pl->value, AK_fn, FN_bvnd) &&
                  !fm_has(p, pl->value, AK_fn, FN_cond) && !fm_has(p, pl->value, AK_fn, FN_bvn) &&
                  !fm_has(p, pl->value, AK_fn, FN_Phi);
    pl->vanish[0] = finite && vanishes(pl, q->F, 0);
    pl->vanish[1] = finite && vanishes(pl, q->G, 1);
}

/* ---- description */

enum { LONG_TEXT = 1200 };

static const char *closed_text(const Plan *pl) {
    Buf b = buf_new(pl->c->a);
    fm_print(pl->p, &b, pl->value);
    if (b.len < LONG_TEXT) return buf_text(&b);
    return arena_printf(pl->c->a, "%.*s .. (%u terms)", LONG_TEXT / 2, buf_text(&b),
                        fm_sum(pl->p, pl->value).n);
}

static const char *tree_text(const Plan *pl, const char *head, const char *tail) {
    Buf b = buf_new(pl->c->a);
    buf_puts(&b, head);
    fx_print(pl->q.fx, pl->c->syms, &b, pl->q.F);
    if (pl->q.G) {
        buf_puts(&b, ") * (");
        fx_print(pl->q.fx, pl->c->syms, &b, pl->q.G);
    }
    buf_puts(&b, tail);
    return buf_text(&b);
}

static double closed_error(const Plan *pl) {
    const FmPool *p = pl->p;
    if (fm_has(p, pl->value, AK_fn, FN_bvnd) || fm_has(p, pl->value, AK_fn, FN_bvn)) return 1e-13;
    if (fm_has(p, pl->value, AK_fn, FN_exp) || fm_has(p, pl->value, AK_fn, FN_dexp)) return 1e-13;
    return 1e-14;
}

static bool hard_gates(const Plan *pl, const Normal *f) {
    for (uint32_t i = 0; i < f->n; i++)
        for (uint32_t j = 0; j < MAX_GATE && f->t[i].key.gate[j]; j++)
            if (!pl->n->gate.data[f->t[i].key.gate[j]].soft) return true;
    return false;
}

static void describe_closed(Plan *pl, Expectation *e) {
    e->method = GM_closed;
    e->text = closed_text(pl);
    e->error = closed_error(pl);
    e->zero = !pl->value;
    e->needs_defect = hard_gates(pl, pl->F) && hard_gates(pl, pl->G);
    e->cost = plan_cost(pl, pl->value);
    zero_variances(pl);
    unit_form(pl, e);
}

static const Expectation *none(Plan *pl, Expectation *e, const char *why) {
    e->method = GM_none;
    e->why_none = tree_text(pl, "the expectation of (", arena_printf(pl->c->a, "): %s", why));
    e->text = e->why_none;
    return e;
}

const Expectation *gauss_plan_both(Ctx *c, const GaussQuery *q, Fx dF, Fx dG) {
    Expectation *e = ARENA_NEW(c->a, Expectation);
    Plan *pl = plan_new(c, q);
    e->data = pl;
    pl->q.no_closed = true;
    closed_value(pl, integrand(pl));
    const Normal *d = nf_mul(pl->n, nf_opaque(pl->n, dF), nf_opaque(pl->n, dG));
    pl->slope = stable_real(pl->p, expect_of(pl->x, d));
    const char *why = quad_plan(pl, e);
    return why ? none(pl, e, why) : e;
}

const Expectation *gauss_plan(Ctx *c, const GaussQuery *q) {
    Expectation *e = ARENA_NEW(c->a, Expectation);
    if (q->nleaf > MAX_LEAF) {
        e->method = GM_none;
        e->why_none = e->text = arena_printf(c->a, "an expectation over %u vectors", q->nleaf);
        return e;
    }
    Plan *pl = plan_new(c, q);
    e->data = pl;
    if (!q->no_closed && series_applies(pl) && series_plan(pl, e)) {
        pl->F = nf_opaque(pl->n, q->F);
        pl->G = nf_opaque(pl->n, q->G);
        e->text = tree_text(pl, "Hermite series of (", ")");
        return e;
    }
    const Normal *f = integrand(pl);
    if (!f) return none(pl, e, pl->n->why ? pl->n->why : "no normal form");
    closed_value(pl, f);
    if (complex_integral(pl)) {
        pl->x->integral.len = 0;
        closed_value(pl, whole(pl));
    }
    if (pl->p->overflow) return none(pl, e, "its numbers are too large for exact arithmetic");
    if (pl->x->failed) return none(pl, e, pl->x->why);
    if (!pl->x->integral.len) {
        describe_closed(pl, e);
        return e;
    }
    const char *why = quad_plan(pl, e);
    if (why) return none(pl, e, why);
    if (q->distributional) zero_variances(pl);
    e->text = tree_text(
        pl,
        arena_printf(c->a, "quadrature in %u dimension%s of (", e->dims, e->dims > 1 ? "s" : ""),
        ")");
    return e;
}

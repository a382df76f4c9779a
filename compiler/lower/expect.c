/* The method of every expectation: queries to gauss, one per different expectation. */
#include "diag/diag.h"
#include "lower/normal.h"

typedef struct Planner {
    Ctx *c;
    Limit *l;
    const LArray *r; /* whose equation; NULL: an output */
    bool ok;
    bool *told; /* [def] a message was given */
} Planner;

static bool theta_positive(const Limit *l, const LFactor *t) {
    if (t->kind != LF_coef && t->kind != LF_scalar) return false;
    const FxNode *n = fx_node(l->fx, t->kind == LF_coef ? t->coef : t->scalar->f);
    if (n->op == FX_num) return n->num > 0;
    return n->op == FX_exp;
}

static bool cross_nonneg(const Limit *l, const LExp *e, bool unit) {
    return unit && l->array.data[normal_cross(e).array].nonneg;
}

static const Expectation *ask(Planner *p, const LExp *e, bool unit) {
    Arena *a = p->c->a;
    uint32_t n = e->nleaf;
    bool *zero = ARENA_ARRAY(a, bool, n * n), *centred = ARENA_ARRAY(a, bool, n);
    bool *pos = ARENA_ARRAY(a, bool, e->ntheta);
    for (uint32_t i = 0; i < n; i++) {
        centred[i] = !e->mean[i].n;
        for (uint32_t k = i + 1; k < n; k++)
            zero[i * n + k] = e->indep[i * n + k] || !e->cov[i * n + k].n;
    }
    for (uint32_t k = 0; k < e->ntheta; k++) pos[k] = theta_positive(p->l, &e->theta[k]);
    GaussQuery q = {.fx = p->l->fx, .F = e->F, .G = e->G, .nl = e->nl, .nleaf = n,
                    .same = e->nl == n, .zero = zero, .centred = centred, .unit = unit,
                    .theta_pos = pos, .nonneg = cross_nonneg(p->l, e, unit),
                    .no_series = !p->r || p->r->stage != LS_pair};
    return gauss_plan(p->c, &q);
}

static LTerms plan_terms(Planner *p, LTerms t);

/* Expectations are shared between terms; each is planned where it stands. */
static LFactor plan_factor(void *ctx, LFactor f) {
    Planner *p = ctx;
    if (f.kind != LF_exp) return f;
    LExp *e = arena_copy(p->c->a, f.exp, sizeof *e);
    bool unit = normal_is_unit(p->l, p->r, f.exp);
    e->plan = ask(p, e, unit);
    if (e->plan->method == GM_none) {
        const Program *pr = p->l->p;
        DefId d = p->r ? p->r->A : pr->out;
        p->ok = false;
        if (p->told[d]) return f; /* its derivatives have no method either */
        p->told[d] = true;
        diag(p->c->ds, lower_no_method, pr->def.data[d].span,
             sym_text(p->c->syms, pr->def.data[d].name),
             e->plan->why_none ? e->plan->why_none : "its expectation");
    }
    f.exp = e;
    return f;
}

static LTerms plan_terms(Planner *p, LTerms t) { return lterms_map(p->c->a, t, plan_factor, p); }

bool lower_expect(Ctx *c, Limit *l) {
    Planner p = {c, l, NULL, true, ARENA_ARRAY(c->a, bool, l->p->def.len)};
    for (LArrayId id = 1; id < l->array.len; id++) {
        p.r = &l->array.data[id];
        LTerms eq = plan_terms(&p, l->array.data[id].eq);
        l->array.data[id].eq = eq;
    }
    p.r = NULL;
    for (uint32_t i = 0; i < l->nout; i++) l->out[i].value = plan_terms(&p, l->out[i].value);
    return p.ok;
}

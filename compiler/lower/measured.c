/* What arms need exactly depends on the samples: their numbers are measured before the pairs are
 * computed, and terms are guarded by what comes out. */
#include "lower/normalise.h"
#include <math.h>

/* The array r of one sample gets the equation t, and its largest number becomes a size of the run:
 * 0, or 1 where any number is more than 0. */
static LMeasure measured(Normal *n, LArray r, LTerm t, const char *prefix) {
    const char *of = sym_text(n->c->syms, r.name);
    r.name = intern_fresh(n->c->syms, arena_printf(n->a, "%s.%s", prefix, of));
    r.kind = LK_F;
    r.stage = LS_sample;
    r.form = FORM_plain;
    r.nonneg = true;
    r.ncons = 0;
    r.self[0] = r.self[1] = (LRef){0};
    r.eq = (LTerms){arena_copy(n->a, &t, sizeof t), 1};
    vec_push(n->a, &n->l->array, r);
    Sym size = intern_fresh(n->c->syms, arena_printf(n->a, "%ss.%s", prefix, of));
    affctx_size(n->l->aff, size, 0);
    LMeasure m = {size, n->l->array.len - 1, 1};
    vec_push(n->a, &n->l->measure, m);
    return m;
}

/* 1/2 where `some` of arg is false, else 0 */
static LTerm half_unless(Normal *n, Fx some, LFactor arg, const LTerm *guards) {
    FxPool *fx = n->l->fx;
    Fx f = fx_op(fx, FX_if, some, fx_num(fx, 0), fx_rat(fx, 1, 2));
    LScalar s = {f, arena_copy(n->a, &arg, sizeof arg), 1};
    LFactor v = {.kind = LF_scalar, .scalar = arena_copy(n->a, &s, sizeof s)};
    return (LTerm){.cons = guards->cons, .ncons = guards->ncons,
                   .factor = arena_copy(n->a, &v, sizeof v), .nfactor = 1};
}

LArrayId normal_zero(Normal *n, LArrayId self) {
    SelfInfo *s = &n->self[self];
    if (s->zero) return s->zero;
    FxPool *fx = n->l->fx;
    LArray r = n->l->array.data[self];
    LFactor arg = {.kind = LF_ref, .ref = {self, SIDE_x, r.diag}};
    r.naxis = r.ndiag;
    Fx some = fx_op(fx, FX_gt, fx_theta(fx, 0), fx_num(fx, 0), 0);
    LMeasure m = measured(n, r, half_unless(n, some, arg, &(LTerm){0}), "zero");
    s->zeros = m.name;
    return s->zero = m.array;
}

/* With 1 + c >= f f' >= 2^-10 the rounding of 2 - (1 - c) moves an angle by 2^-53 / sqrt 2^-9 at
 * most (float32: 2^-24), which is no more than that of the sine and the root. */
static const double STRONG = 0x1p-10;

/* The arm that alone keeps 1 + c away from 0: the same vector in all samples, or one whose moments
 * are never negative; without guards if there is one. */
static uint32_t strong_arm(Normal *n, const LTerms *eq, const LArrayId *arm) {
    uint32_t best = eq->n;
    for (uint32_t i = 0; i < eq->n; i++) {
        Part p;
        if (!arm[i] || !normal_part(n, &eq->term[i], &p)) continue;
        bool ref = p.operand && p.operand->kind == LF_ref;
        if (p.operand && !(ref && n->l->array.data[p.operand->ref.array].nonneg)) continue;
        if (best == eq->n || !eq->term[i].ncons) best = i;
    }
    return best;
}

/* Is 1 + c of any operand computed pair by pair and position by position?  Of inputs without
 * positions it comes with the Gram. */
static bool is_costly(Normal *n, const LTerms *eq) {
    for (uint32_t i = 0; i < eq->n; i++) {
        Part p;
        if (!normal_part(n, &eq->term[i], &p) || !p.operand) continue;
        const LFactor *f = p.operand;
        if (f->kind == LF_gram && n->l->p->def.data[f->gram.def[0]].ndim) return true;
        if (f->kind != LF_ref) continue;
        const LArray *r = &n->l->array.data[f->ref.array];
        if (r->naxis && !r->nonneg) return true;
    }
    return false;
}

bool normal_strong(Normal *n, LArrayId id, const LArrayId *arm, ConsVec *where) {
    const LTerms *eq = &n->eq[id];
    LArray r = n->l->array.data[id];
    uint32_t i = is_costly(n, eq) ? strong_arm(n, eq, arm) : eq->n;
    if (i == eq->n) return false;
    FxPool *fx = n->l->fx;
    Aff *at = ARENA_ARRAY(n->a, Aff, r.naxis);
    for (uint32_t k = 0; k < r.naxis; k++) at[k] = aff_name(n->l->aff, r.axis[k].var);
    LFactor f = {.kind = LF_ref, .ref = {arm[i], SIDE_x, at}};
    if (n->l->array.data[arm[i]].stage != LS_sample) return false;
    Fx some = fx_op(fx, FX_ge, fx_theta(fx, 0), fx_num(fx, sqrt(STRONG)), 0);
    LMeasure m = measured(n, r, half_unless(n, some, f, &eq->term[i]), "weak");
    for (uint32_t k = 0; k < eq->term[i].ncons; k++) vec_push(n->a, where, eq->term[i].cons[k]);
    vec_push(n->a, where, cons_ge(aff_scale(n->l->aff, aff_name(n->l->aff, m.name), -1)));
    return true;
}

/* ---- 1 + c of operands, where all that read it do so under one such guard */

static bool is_weak(const Normal *n, Cons c) {
    for (uint32_t i = 0; i < n->l->measure.len; i++) {
        Cons some = cons_ge(aff_plus(aff_name(n->l->aff, n->l->measure.data[i].name), -1));
        if (cons_same(c, some)) return true;
    }
    return false;
}

/* The guard that all reads of the array are under; false: there is none. */
static bool common_guard(const Normal *n, const LUseVec *use, LArrayId id, Cons *out) {
    bool any = false;
    for (uint32_t i = 0; i < use->len; i++) {
        const LUse *u = &use->data[i];
        if (u->ref.array != id) continue;
        bool found = false;
        for (uint32_t k = 0; k < u->npath && !found; k++) {
            found = is_weak(n, u->path[k]) && (!any || cons_same(u->path[k], *out));
            if (found) *out = u->path[k];
        }
        if (!found) return false;
        any = true;
    }
    return any;
}

void normal_sink_codefects(Normal *n) {
    LUseVec use = {0};
    Limit *l = n->l;
    for (LArrayId id = 1; id < l->array.len; id++) larray_uses(l, n->a, id, &use);
    for (uint32_t k = 0; k < l->nout; k++)
        lterms_uses(l->aff, n->a, 0, l->out[k].value, NULL, 0, &use);
    for (LArrayId id = 1; id < l->array.len; id++) {
        LArray *r = &l->array.data[id];
        Cons c;
        if (r->kind != LK_O || !common_guard(n, &use, id, &c)) continue;
        LTerm *out = arena_copy(n->a, r->eq.term, r->eq.n * sizeof *out);
        for (uint32_t i = 0; i < r->eq.n; i++) out[i] = normal_under(n, &out[i], &c, 1);
        r->eq.term = out;
    }
}

/* Factors whose value in force is 0: what a verdict may depend on. */
#include "check/checker.h"
#include "program/values.h"
#include <math.h>

/* Only hyperparameters and numbers in it. */
static bool is_fixed(const Checker *k, Fx f) {
    const FxNode *n = fx_node(k->p->fx, f);
    if (n->op == FX_leaf || n->op == FX_theta || n->op == FX_sref || n->op == FX_dim) return false;
    for (uint32_t i = 0; n->op == FX_index && i < n->aff.nterm; i++)
        if (!program_hyper(k->p, n->aff.term[i].name)) return false;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!is_fixed(k, n->arg[i])) return false;
    return true;
}

static bool zero_in_force(Checker *k, Fx f) {
    return is_fixed(k, f) && program_value(k->p, f) == 0;
}

static void add(Checker *k, Fx f) {
    if (fx_is_zero(k->p->fx, f)) return;
    for (uint32_t i = 0; i < k->zero.len; i++)
        if (k->zero.data[i].f == f) return;
    vec_push(k->a, &k->zero, (Zero){f, true});
}

/* The factors of f that are 0; of powers, the bases. */
static void factors(Checker *k, Fx f) {
    const FxNode *n = fx_node(k->p->fx, f);
    Fx a = n->arg[0], b = n->arg[1];
    if (n->op == FX_mul) {
        factors(k, a);
        factors(k, b);
    } else if (n->op == FX_neg || n->op == FX_div || n->op == FX_sqrt ||
               (n->op == FX_pow && fx_node(k->p->fx, b)->op == FX_num)) {
        factors(k, a);
    } else if (n->op != FX_num && zero_in_force(k, f)) {
        add(k, f);
    }
}

static void hypers(Checker *k, Fx f) {
    const FxNode *n = fx_node(k->p->fx, f);
    if (n->op == FX_hyper && program_value(k->p, f) == 0) add(k, f);
    for (uint32_t i = 0; i < fx_arity(n->op); i++) hypers(k, n->arg[i]);
}

static Fx extent(Checker *k, const Dim *d) {
    return fx_index(k->p->fx, aff_sub(k->p->aff, d->hi, d->lo));
}

static void extents(Checker *k, const Def *d) {
    for (uint32_t i = 0; i < d->ndim; i++) {
        Aff e = aff_sub(k->p->aff, d->dim[i].hi, d->dim[i].lo);
        if (aff_is_const(e) || !aff_size_only(k->p->aff, e)) continue;
        Fx f = extent(k, &d->dim[i]);
        if (!zero_in_force(k, f)) continue;
        add(k, f);
        k->turns = true;
    }
}

void facts_collect(Checker *k) {
    k->zero.len = 0;
    k->turns = false;
    for (FamId f = 0; f < k->p->fam.len; f++) factors(k, fam_of(k, f)->s2);
    for (DefId d = 1; d < k->p->def.len; d++) {
        const Def *o = def_of(k, d);
        extents(k, o);
        for (uint32_t i = 0; i < o->narm; i++) {
            factors(k, o->arm[i].coef);
            hypers(k, o->arm[i].coef);
        }
        if (o->f) hypers(k, o->f);
    }
}

static bool assumed(const Checker *k, Fx f) {
    for (uint32_t i = 0; i < k->zero.len; i++)
        if (k->zero.data[i].f == f) return k->zero.data[i].assumed;
    return false;
}

bool fact_zero(Checker *k, Fx f) {
    if (fx_is_zero(k->p->fx, f) || (k->zero.len && assumed(k, f))) return true;
    if (!k->zero.len) return false;
    const FxNode *n = fx_node(k->p->fx, f);
    if (n->op == FX_mul) return fact_zero(k, n->arg[0]) || fact_zero(k, n->arg[1]);
    if (n->op == FX_neg || n->op == FX_div || n->op == FX_sqrt) return fact_zero(k, n->arg[0]);
    if (n->op != FX_pow) return false;
    const FxNode *e = fx_node(k->p->fx, n->arg[1]);
    return e->op == FX_num && e->num > 0 && fact_zero(k, n->arg[0]);
}

bool def_empty(Checker *k, DefId id) {
    const Def *d = def_of(k, id);
    for (uint32_t i = 0; k->turns && i < d->ndim; i++)
        if (assumed(k, extent(k, &d->dim[i]))) return true;
    return false;
}

const char *facts_text(Checker *k) {
    Buf b = buf_new(k->a);
    for (uint32_t i = 0; i < k->zero.len; i++) {
        if (!k->zero.data[i].assumed) continue;
        if (b.len) buf_puts(&b, " and ");
        const FxNode *n = fx_node(k->p->fx, k->zero.data[i].f);
        if (n->op == FX_index) aff_print(k->c->syms, &b, n->aff);
        else fx_print(k->p->fx, k->c->syms, &b, k->zero.data[i].f);
        buf_puts(&b, " == 0");
    }
    return b.len ? buf_text(&b) : NULL;
}

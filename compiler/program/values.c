#include "program/values.h"
#include <math.h>

enum { MAX_NEST = 64 };

const Hyper *program_hyper(const Program *p, Sym name) {
    for (uint32_t i = 0; i < p->hyper.len; i++)
        if (p->hyper.data[i].name == name) return &p->hyper.data[i];
    return NULL;
}

typedef struct InForce {
    const Program *p;
    int nest;
} InForce;

static double in_force(InForce *v, Fx f);

static double hyper_in_force(void *ctx, Sym name) {
    InForce *v = ctx;
    const Hyper *h = program_hyper(v->p, name);
    if (!h || !h->init || v->nest > MAX_NEST) return (double)NAN;
    v->nest++;
    double x = in_force(v, h->init);
    v->nest--;
    return x;
}

static int64_t size_in_force(void *ctx, Sym name) {
    double x = hyper_in_force(ctx, name);
    return fabs(x) < 9e18 ? (int64_t)x : 0;
}

static bool sizes_known(InForce *v, Fx f) {
    const FxNode *n = fx_node(v->p->fx, f);
    for (uint32_t i = 0; n->op == FX_index && i < n->aff.nterm; i++)
        if (isnan(hyper_in_force(v, n->aff.term[i].name))) return false;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!sizes_known(v, n->arg[i])) return false;
    return true;
}

static double in_force(InForce *v, Fx f) {
    FxEnv env = {.hyper = hyper_in_force, .name = size_in_force, .ctx = v};
    return sizes_known(v, f) ? fx_eval(v->p->fx, f, &env) : (double)NAN;
}

double program_value(const Program *p, Fx f) { return in_force(&(InForce){p, 0}, f); }

/* Does f wait for the data? */
static bool needs_data(const Program *p, Fx f) {
    const FxNode *n = fx_node(p->fx, f);
    if (n->op == FX_dim) return true;
    for (uint32_t i = 0; n->op == FX_index && i < n->aff.nterm; i++)
        for (uint32_t k = 0; k < p->size.len; k++)
            if (p->size.data[k].name == n->aff.term[i].name) return true;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (needs_data(p, n->arg[i])) return true;
    return false;
}

const Check *program_failed_check(const Program *p, double *value) {
    for (uint32_t i = 0; i < p->check.len; i++) {
        const Check *k = &p->check.data[i];
        double v = *value = program_value(p, k->value);
        if (isnan(v) && needs_data(p, k->value)) continue;
        bool ok = isfinite(v);
        if (k->kind == CHECK_nonneg) ok &= v >= 0;
        if (k->kind == CHECK_positive) ok &= v > 0;
        if (!ok) return k;
    }
    return NULL;
}

#include "gauss/shape.h"
#include "gauss/normal.h"

bool shape_has_theta(const FxPool *fx, Fx f, uint32_t k) {
    const FxNode *n = fx_node(fx, f);
    if (n->op == FX_theta) return n->k == k;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (shape_has_theta(fx, n->arg[i], k)) return true;
    return false;
}

static bool kink(FxOp op) {
    return op == FX_max || op == FX_min || op == FX_abs || op == FX_sign || op == FX_step ||
           op == FX_gt || op == FX_ge || op == FX_eq || op == FX_and || op == FX_or ||
           op == FX_not || op == FX_if;
}

bool shape_smooth(const FxPool *fx, Fx f) {
    const FxNode *n = fx_node(fx, f);
    if (kink(n->op) && leaf_set(fx, n->op == FX_if ? n->arg[0] : f)) return false;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!shape_smooth(fx, n->arg[i])) return false;
    return true;
}

bool shape_numeric(const FxPool *fx, Fx f) {
    const FxNode *n = fx_node(fx, f);
    if (n->op == FX_theta || n->op == FX_hyper || n->op == FX_index || n->op == FX_dim ||
        n->op == FX_sref)
        return false;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!shape_numeric(fx, n->arg[i])) return false;
    return true;
}

bool shape_value(const FxPool *fx, Fx f, double u, double *out) {
    double leaf[32];
    if (!shape_numeric(fx, f)) return false;
    for (uint32_t i = 0; i < 32; i++) leaf[i] = u;
    FxEnv env = {.leaf = leaf};
    *out = fx_eval(fx, f, &env);
    return true;
}

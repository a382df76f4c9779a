/* Scalar definitions: deterministic numbers of one sample, arrays of kind S.  Expressions read them
 * as sref nodes; the working form keeps those, with the side of the sample, until resolve.c makes
 * reads of arrays of them. */
#include "limit/derive.h"
#include "diag/diag.h"

static Fx zero_to(void *ctx, Fx sref) {
    Derive *L = ctx;
    return L->def[fx_node(L->fx, sref)->k].zero ? fx_num(L->fx, 0) : 0;
}

Fx scalar_known(Derive *L, Fx f) { return f ? fx_sref_map(L->fx, f, zero_to, L) : 0; }

typedef struct Demand {
    Derive *L;
    Side side;
    Path path;
} Demand;

static void demand_sref(void *ctx, Fx sref) {
    Demand *d = ctx;
    const FxNode *n = fx_node(d->L->fx, sref);
    demand(d->L, (WArray){.kind = LK_S, .self = true}, (Elem){n->k, n->idx}, (Elem){0}, d->path,
           d->side);
}

void scalar_demand(Derive *L, Fx f, Side side, Path path) {
    Demand d = {L, side, path};
    fx_srefs(L->fx, f, demand_sref, &d);
}

uint32_t scalar_array(const Derive *L, DefId d) {
    for (uint32_t i = 1; i < L->arr.len; i++)
        if (L->arr.data[i].kind == LK_S && L->arr.data[i].A == d) return i;
    bug("`%s` was not demanded", sym_text(L->c->syms, def_of(L, d)->name));
}

/* The terms of a scalar's arms, or of a softmax's logits. */
static void arm_terms(Derive *L, DefId id, Path path, TermVec *out) {
    for (uint32_t i = 0; i < L->def[id].narm; i++) {
        ArmAt at;
        TermVec one = {0};
        Elem own = elem_own(L, id);
        if (!arm_open(L, own, &L->def[id].arm[i], false, SIDE_x, path, &at)) continue;
        term_push(L, &one, NULL, 0);
        arm_close(L, &at, &one, out);
    }
}

static void softmax(Derive *L, DefId id, Path path, TermVec *out) {
    TermVec logit = {0};
    LSoftmax *s = ARENA_NEW(L->a, LSoftmax);
    arm_terms(L, id, path, &logit);
    *s = (LSoftmax){def_of(L, id)->over, terms_done(&logit)};
    LFactor f = {.kind = LF_softmax, .softmax = s};
    term_push(L, out, &f, 1);
}

/* A sum over r n coordinates divided by n is r times their average. */
static void coordinates(Derive *L, const Def *d, const TermVec *average, TermVec *out) {
    Fx width = def_of(L, d->use[0].d)->width;
    LFactor f = factor_coef(L, width);
    terms_prefix(L, NULL, 0, NULL, 0, &f, fx_is_num(L->fx, width, 1) ? 0 : 1, average, out);
}

void scalar_derive(Derive *L, DefId id, Path path, TermVec *out) {
    const Def *d = def_of(L, id);
    TermVec sum = {0};
    switch (d->op) {
    case PO_second:
        cov(L, (Goal){LK_C, true, SIDE_x}, elem_use(L, d->use[0], NULL, 0),
            elem_use(L, d->use[1], NULL, 0), path, false, &sum);
        coordinates(L, d, &sum, out);
        return;
    case PO_mean:
        mean_of(L, elem_use(L, d->use[0], NULL, 0), SIDE_x, path, &sum);
        coordinates(L, d, &sum, out);
        return;
    case PO_scalar: arm_terms(L, id, path, out); return;
    case PO_softmax: softmax(L, id, path, out); return;
    case PO_data: return;
    case PO_input:
    case PO_basis:
    case PO_one:
    case PO_param:
    case PO_matmul:
    case PO_lin:
    case PO_nonlin:
    case PO_noise:
    case PO_grad:
    case PO_inner:
    case PO_output: break;
    }
    bug("`%s` is no scalar", sym_text(L->c->syms, d->name));
}

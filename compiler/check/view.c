/* The program of forward and backward pass, and who reads what. */
#include "check/checker.h"
#include "diag/diag.h"

static void read_add(Checker *k, DefIds *v, DefId d) {
    for (uint32_t i = 0; i < v->len; i++)
        if (v->data[i] == d) return;
    vec_push(k->a, v, d);
}

typedef struct Seeing {
    Checker *k;
    DefIds *v;
} Seeing;

static void see_sref(void *ctx, Fx sref) {
    Seeing *s = ctx;
    read_add(s->k, s->v, fx_node(s->k->p->fx, sref)->k);
}

static void collect_reads(Checker *k, DefId id) {
    const Def *d = def_of(k, id);
    Seeing s = {k, &k->reads[id]};
    for (uint32_t i = 0; i < d->nuse; i++) read_add(k, s.v, d->use[i].d);
    for (uint32_t i = 0; i < d->narm; i++) {
        if (d->arm[i].use.d) read_add(k, s.v, d->arm[i].use.d);
        fx_srefs(k->p->fx, d->arm[i].coef, see_sref, &s);
    }
    if (d->f) fx_srefs(k->p->fx, d->f, see_sref, &s);
}

void fam_add(Checker *k, FamIds *list, FamId f) {
    for (uint32_t i = 0; i < list->len; i++)
        if (list->data[i] == f) return;
    vec_push(k->a, list, f);
}

/* What an arm of coefficient 0 reads is not below, if skip_zero. */
void mark_below(Checker *k, DefId id, bool *seen, bool skip_zero) {
    DefIds stack = {0};
    if (!seen[id]) vec_push(k->a, &stack, id);
    seen[id] = true;
    while (stack.len) {
        DefId at = vec_pop(&stack);
        const Def *d = def_of(k, at);
        const DefIds *r = &k->reads[at];
        for (uint32_t i = 0; i < r->len; i++) {
            DefId o = r->data[i];
            bool zero = skip_zero && d->op == PO_lin;
            for (uint32_t j = 0; zero && j < d->narm; j++)
                zero = d->arm[j].use.d != o || fact_zero(k, d->arm[j].coef);
            if (zero && !program_op_is_scalar(def_of(k, o)->op)) continue;
            if (!seen[o]) vec_push(k->a, &stack, o);
            seen[o] = true;
        }
    }
}

static void mark_needed(Checker *k) {
    uint32_t n = k->p->def.len;
    k->needed = ARENA_ARRAY(k->a, bool, n);
    k->below_out = ARENA_ARRAY(k->a, bool, n);
    mark_below(k, k->p->out, k->below_out, false);
    memcpy(k->needed, k->below_out, n * sizeof *k->needed);
    for (DefId d = 1; k->g && d < k->nforward; d++) {
        ProgramOp op = def_of(k, d)->op;
        if (!k->below_out[d] || !k->g->adjoint[d]) continue;
        if (op == PO_param || op == PO_matmul) mark_below(k, k->g->adjoint[d], k->needed, false);
    }
}

static bool asks_gradient(const Program *p) {
    for (DefId d = 1; d < p->def.len; d++)
        if (p->def.data[d].op == PO_grad) return true;
    return false;
}

bool view_make(Ctx *c, const Program *p, bool gradient, Checker *k) {
    Gradient *g = NULL;
    if ((gradient || asks_gradient(p)) && !gradient_make(c, p, &g)) return false;
    k->c = c;
    k->a = c->a;
    k->g = g;
    k->p = g ? g->p : p;
    k->nforward = g ? g->nforward : p->def.len;
    k->reads = ARENA_ARRAY(k->a, DefIds, k->p->def.len);
    for (DefId d = 1; d < k->p->def.len; d++) collect_reads(k, d);
    if (!k->forms) k->forms = formpool_new(c, p->fx);
    forms_forget(k);
    mark_needed(k);
    return true;
}

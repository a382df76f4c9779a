/* Normal forms of the expressions of definitions. */
#include "check/checker.h"
#include <math.h>

typedef struct Forming {
    Checker *k;
    const Def *d;
    DefForms *out;
} Forming;

static Form operand(void *ctx, uint32_t leaf) {
    Forming *f = ctx;
    return form_leaf(f->k->forms, leaf);
}

static Form scalar(void *ctx, Fx x) {
    Forming *f = ctx;
    Checker *k = f->k;
    if (fact_zero(k, x)) return FORM_ZERO;
    if (fx_node(k->p->fx, x)->op != FX_sref) return form_sym_fx(k->forms, x, (double)NAN);
    uint32_t i = 0;
    while (i < f->out->sref.len && f->out->sref.data[i] != x) i++;
    if (i == f->out->sref.len) vec_push(k->a, &f->out->sref, x);
    return form_leaf(k->forms, f->d->nuse + i);
}

static void make(Checker *k, DefId id) {
    Forming f = {k, def_of(k, id), &k->def[id]};
    FormEnv env = {operand, scalar, &f};
    uint32_t n = f.d->op == PO_nonlin ? 1 : f.d->narm;
    Form *form = ARENA_ARRAY(k->a, Form, n + 1);
    for (uint32_t i = 0; i < n; i++)
        form[i] = form_from_fx(k->forms, f.d->op == PO_nonlin ? f.d->f : f.d->arm[i].coef, &env);
    k->def[id].form = form;
}

Form def_form(Checker *k, DefId d, uint32_t i) {
    if (!k->def[d].form) make(k, d);
    return k->def[d].form[i];
}

void forms_forget(Checker *k) { k->def = ARENA_ARRAY(k->a, DefForms, k->p->def.len); }

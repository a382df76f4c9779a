/* The output taken apart into inner products, from which gradients start. */
#include "gradient/pass.h"

/* sum over red [cons] coef * element idx of an output */
typedef struct Part {
    const Dim *red;
    uint32_t nred;
    const Cons *cons;
    uint32_t ncons;
    Fx coef;
    DefId d;
    const Aff *idx;
} Part;

static void *joined(Work *w, const void *a, uint32_t na, const void *b, uint32_t nb, size_t size) {
    char *v = arena_alloc(w->a, (na + nb) * size);
    if (na) memcpy(v, a, na * size);
    if (nb) memcpy(v + na * size, b, nb * size);
    return v;
}

static const AffSubst *at_index(Work *w, const Part *t) {
    const Def *d = work_def(w, t->d);
    AffSubst *m = ARENA_ARRAY(w->a, AffSubst, d->ndim);
    for (uint32_t i = 0; i < d->ndim; i++) m[i] = (AffSubst){d->dim[i].var, t->idx[i]};
    return m;
}

/* k v'x / sqrt(n); where k depends on scalars, these get <v x> dk/dtheta. */
static void part_inner(Pass *s, const Part *t) {
    Work *w = s->w;
    Def d = *work_def(w, t->d);
    Fx one = fx_rat(w->fx, 1, 1);
    Arm v = {.coef = one, .use = d.use[0]}, x = {.coef = d.f, .use = d.use[1]};
    const AffSubst *m = at_index(w, t);
    v = arm_replace(w, v, m, d.ndim);
    x = arm_replace(w, x, m, d.ndim);
    Fx k = fx_mul(w->fx, t->coef, x.coef);
    Scope at = {.red = t->red, .nred = t->nred, .cons = t->cons, .ncons = t->ncons};
    adjoint_add(s, v.use, &at, k, x.use, 0);
    adjoint_add(s, x.use, &at, k, v.use, 0);
    if (!reads_scalar(s, k)) return;
    Scope all = {.red = t->red, .nred = t->nred};
    Use *use = ARENA_ARRAY(w->a, Use, 2);
    v.cons = x.cons = t->cons;
    v.ncons = x.ncons = t->ncons;
    use[0] = guarded_operand(s, t->d, &v, &all);
    use[1] = guarded_operand(s, t->d, &x, &all);
    DefId p = pass_part(s, (Def){.op = PO_second, .use = use, .nuse = 2}, &all, "p", GRAD_part,
                        t->d, 0);
    rule_coefficient(s, &at, k, pass_sref(s, p, &all), 0);
}

static Arm with_fresh_reds(Work *w, Arm a, const AffSubst *m, uint32_t n) {
    AffSubst *all = joined(w, m, n, NULL, 0, sizeof *m);
    all = joined(w, all, n, ARENA_ARRAY(w->a, AffSubst, a.nred), a.nred, sizeof *m);
    Dim *red = arena_copy(w->a, a.red, a.nred * sizeof *red);
    for (uint32_t i = 0; i < a.nred; i++) {
        Sym v = intern_fresh(w->c->syms, sym_text(w->c->syms, red[i].var));
        all[n + i] = (AffSubst){red[i].var, aff_name(w->x, v)};
        red[i].var = v;
    }
    a.red = red;
    return arm_replace(w, a, all, n + a.nred);
}

static void part(Pass *s, const Part *t) {
    Work *w = s->w;
    Def d = *work_def(w, t->d);
    if (d.op == PO_inner) {
        part_inner(s, t);
    } else if (d.op == PO_output) {
        const AffSubst *m = at_index(w, t);
        for (uint32_t i = 0; i < d.narm; i++) {
            Arm a = with_fresh_reds(w, d.arm[i], m, d.ndim);
            Part in = {.red = joined(w, t->red, t->nred, a.red, a.nred, sizeof *a.red),
                       .nred = t->nred + a.nred,
                       .cons = joined(w, t->cons, t->ncons, a.cons, a.ncons, sizeof *a.cons),
                       .ncons = t->ncons + a.ncons,
                       .coef = fx_mul(w->fx, t->coef, a.coef),
                       .d = a.use.d,
                       .idx = a.use.idx};
            part(s, &in);
        }
    } else { /* a moment */
        Use target = {.d = t->d, .idx = t->idx};
        adjoint_add(s, target, &(Scope){0}, t->coef, (Use){0}, 0);
    }
}

void rule_output(Pass *s) {
    part(s, &(Part){.coef = fx_rat(s->w->fx, 1, 1), .d = s->out.d, .idx = s->out.idx});
}

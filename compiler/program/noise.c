/* Laws of noise: N(mean, variance) as parameters have it, and bernoulli(p). */
#include "program/elab.h"

bool noise_law(Elab *e, const AstStmt *s, Family *f) {
    Sym law = s->decl.law.sym;
    bool bernoulli = law == e->sym.bernoulli;
    if (!bernoulli && law != e->sym.N) {
        Diag *d = diag(e->c->ds, noise_law, s->decl.law.span, sym_text(e->c->syms, f->name),
                       sym_text(e->c->syms, law));
        diag_help(d, "noise is `N(mean, variance)`, or `bernoulli(p)`: 1 with probability p, "
                     "else 0");
        return false;
    }
    f->noise_law = bernoulli ? NOISE_bernoulli : NOISE_normal;
    const AstArgs *args = &s->decl.args;
    bool named = false;
    for (uint32_t i = 0; i < args->len; i++) named |= args->data[i].name.sym != 0;
    if (args->len == (bernoulli ? 1u : 2u) && !named) return true;
    if (bernoulli)
        diag(e->c->ds, argument_count, s->decl.law.span, "bernoulli", 1u, args->len);
    else
        diag(e->c->ds, law_arguments, s->decl.law.span);
    return false;
}

/* The probability, which stands for the variance. */
bool noise_numbers(Elab *e, const AstStmt *s, Family *f) {
    const AstExpr *x = s->decl.args.data[0].value;
    const char *name = sym_text(e->c->syms, f->name);
    Fx zero = fx_rat(e->fx, 0, 1), one = fx_rat(e->fx, 1, 1);
    f->mean = f->lr = (Num){.f = zero};
    if (!decl_number(e, x, "a probability", &f->var)) return false;
    f->var_span = x->span;
    if (s->decl.lr) {
        diag(e->c->ds, lr_of_random, s->decl.lr->span, name);
        return false;
    }
    if (f->var.n || f->var.fan) {
        diag(e->c->ds, mean_power, x->span, "probability", num_power(e, f->var.n + f->var.fan));
        return false;
    }
    f->var = (Num){.f = num_fx(e, f->var)};
    if (has_loop(e, f->var.f) || has_position(e, f->var.f)) {
        diag(e->c->ds, later_noise_index, x->span, name);
        return false;
    }
    const FxNode *n = fx_node(e->fx, f->var.f);
    if (n->op == FX_num && !(n->num >= 0 && n->num <= 1)) {
        diag(e->c->ds, probability, x->span);
        return false;
    }
    check_add(e, CHECK_nonneg, fx_sub(e->fx, one, f->var.f),
              arena_printf(e->a, "1 - probability of %s", name), x->span);
    return true;
}

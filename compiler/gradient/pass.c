/* The pass: a place for every adjoint, the rules, then what is zero goes. */
#include "gradient/pass.h"

/* ---- making definitions */
static bool name_taken(Work *w, Sym s) {
    if (s >= w->ntaken) {
        Sym n = s * 2 + 64;
        uint8_t *v = ARENA_ARRAY(w->a, uint8_t, n);
        if (w->ntaken) memcpy(v, w->taken, w->ntaken);
        w->taken = v;
        w->ntaken = n;
    }
    return w->taken[s];
}

DefId work_add(Work *w, Def d, const char *mark, Sym base, Made m) {
    const char *b = sym_text(w->c->syms, base);
    const char *name = mark ? arena_printf(w->a, "%s.%s", mark, b) : b;
    Sym s = intern(w->c->syms, name);
    for (uint32_t k = 2; name_taken(w, s); k++)
        s = intern(w->c->syms, arena_printf(w->a, "%s_%u", name, k));
    w->taken[s] = 1;
    d.name = s;
    vec_push(w->a, &w->p->def, d);
    vec_push(w->a, &w->made, m);
    return w->p->def.len - 1;
}

DefId pass_part(Pass *s, Def d, const Scope *at, const char *mark, GradientPart part, DefId of,
                DefId from) {
    Work *w = s->w;
    const Def *o = work_def(w, of);
    uint32_t nout = s->out.ndim, n = nout;
    Dim *dim = ARENA_ARRAY(w->a, Dim, nout + at->ndim + at->nred);
    if (nout) memcpy(dim, s->out.dim, nout * sizeof *dim);
    for (uint32_t i = 0; i < at->ndim; i++) dim[n++] = at->dim[i];
    for (uint32_t i = 0; i < at->nred; i++) dim[n++] = at->red[i];
    d.dim = dim;
    d.ndim = n;
    d.span = o->span;
    if (s->mark[1]) mark = arena_printf(w->a, "%.1s%s%s", mark, s->mark + 1, mark + 1);
    return work_add(w, d, mark, o->name, (Made){.part = part, .of = of, .from = from});
}

Use pass_use(Pass *s, DefId d, const Scope *at) {
    Work *w = s->w;
    uint32_t n = 0;
    Aff *idx = ARENA_ARRAY(w->a, Aff, s->out.ndim + at->ndim + at->nred);
    for (uint32_t i = 0; i < s->out.ndim; i++) idx[n++] = aff_name(w->x, s->out.dim[i].var);
    for (uint32_t i = 0; i < at->ndim; i++) idx[n++] = aff_name(w->x, at->dim[i].var);
    for (uint32_t i = 0; i < at->nred; i++) idx[n++] = aff_name(w->x, at->red[i].var);
    return (Use){.d = d, .idx = idx, .span = work_def(w, d)->span};
}

Fx pass_sref(Pass *s, DefId d, const Scope *at) {
    return fx_sref(s->w->fx, d, pass_use(s, d, at).idx, s->out.ndim + at->ndim + at->nred);
}

/* ---- the pass */
static bool has_adjoint(const Def *d) {
    switch (d->op) {
    case PO_one:
    case PO_param:
    case PO_noise:
    case PO_matmul:
    case PO_lin:
    case PO_nonlin: return d->width != 0;
    case PO_second:
    case PO_mean:
    case PO_scalar:
    case PO_softmax: return true;
    case PO_input:
    case PO_basis:
    case PO_grad:
    case PO_data:
    case PO_inner:
    case PO_output: return false;
    }
    return false;
}

static void place(Pass *s, DefId id) {
    Work *w = s->w;
    Def d = *work_def(w, id);
    bool scalar = program_op_is_scalar(d.op);
    Scope at = {.dim = d.dim, .ndim = d.ndim};
    Def adj = {.op = scalar ? PO_scalar : PO_lin, .width = scalar ? 0 : d.width};
    s->adj[id] = pass_part(s, adj, &at, "d", GRAD_adjoint, id, 0);
}

bool pass_run(Work *w, Output out, const char *mark, DefId **adjoint) {
    Pass s = {.w = w, .out = out, .mark = mark, .first = w->p->def.len};
    s.adj = ARENA_ARRAY(w->a, DefId, s.first);
    bool *in = defs_below(w, out.d, 1);
    in[out.d] = true;
    for (DefId d = 1; d < s.first; d++)
        if (in[d] && has_adjoint(work_def(w, d))) place(&s, d);
    rule_output(&s);
    for (DefId d = s.first; d-- > 1;) {
        if (!s.adj[d]) continue;
        if (program_op_is_scalar(work_def(w, d)->op)) rule_scalar(&s, d);
        else rule_vector(&s, d);
    }
    if (s.failed) return false;
    pass_prune(&s);
    *adjoint = s.adj;
    return true;
}

/* What vector definitions pass back to their operands. */
#include "gradient/pass.h"

static Scope own_scope(const Def *d, const Arm *a) {
    Scope at = {.dim = d->dim, .ndim = d->ndim};
    if (a) {
        at.red = a->red;
        at.nred = a->nred;
        at.cons = a->cons;
        at.ncons = a->ncons;
    }
    return at;
}

static Use own_adjoint(Pass *s, DefId d) {
    Scope at = own_scope(work_def(s->w, d), NULL);
    return pass_use(s, s->adj[d], &at);
}

/* Does the guarded operand depend on which element of the output is meant? */
static bool names_output(const Pass *s, const Arm *a) {
    const Def *d = work_def(s->w, a->use.d);
    for (uint32_t i = 0; i < s->out.ndim; i++) {
        Sym v = s->out.dim[i].var;
        for (uint32_t k = 0; k < a->ncons; k++)
            if (cons_mentions(a->cons[k], v)) return true;
        for (uint32_t k = 0; k < d->ndim; k++)
            if (aff_mentions(a->use.idx[k], v)) return true;
    }
    return false;
}

Use guarded_operand(Pass *s, DefId id, const Arm *a, const Scope *at) {
    Work *w = s->w;
    if (!a->ncons) return a->use;
    Scope all = {.dim = at->dim, .ndim = at->ndim, .red = at->red, .nred = at->nred};
    Arm *one = ARENA_NEW(w->a, Arm);
    *one = (Arm){.cons = a->cons, .ncons = a->ncons, .coef = fx_rat(w->fx, 1, 1), .use = a->use};
    Def d = {.op = PO_lin, .width = work_def(w, a->use.d)->width, .arm = one, .narm = 1};
    uint32_t nout = s->out.ndim;
    if (!names_output(s, a)) s->out.ndim = 0; /* a forward quantity */
    DefId u = pass_part(s, d, &all, "c", GRAD_part, id, 0);
    Use use = pass_use(s, u, &all);
    s->out.ndim = nout;
    return use;
}

/* <g x>, over the indices of at. */
static DefId moment_with(Pass *s, DefId id, const Scope *at, Use x) {
    Work *w = s->w;
    Use *use = ARENA_ARRAY(w->a, Use, 2);
    use[0] = own_adjoint(s, id);
    use[1] = x;
    bool one = work_def(w, x.d)->op == PO_one;
    Def d = {.op = one ? PO_mean : PO_second, .use = use, .nuse = one ? 1 : 2};
    Scope all = {.dim = at->dim, .ndim = at->ndim, .red = at->red, .nred = at->nred};
    return pass_part(s, d, &all, "p", GRAD_part, id, s->adj[id]);
}

static void rule_lin(Pass *s, DefId id) {
    Def d = *work_def(s->w, id);
    for (uint32_t i = 0; i < d.narm; i++) {
        const Arm *a = &d.arm[i];
        Scope at = own_scope(&d, a);
        adjoint_add(s, a->use, &at, a->coef, own_adjoint(s, id), s->adj[id]);
        if (!reads_scalar(s, a->coef)) continue;
        DefId p = moment_with(s, id, &at, guarded_operand(s, id, a, &at));
        rule_coefficient(s, &at, a->coef, pass_sref(s, p, &at), p);
    }
}

static void rule_matmul(Pass *s, DefId id) {
    Work *w = s->w;
    Def d = *work_def(w, id);
    const Fam *f = &w->p->fam.data[d.fam];
    if (f->kind == FAM_input_matrix || !s->adj[d.use[0].d]) return;
    Use *use = ARENA_NEW(w->a, Use);
    *use = own_adjoint(s, id);
    Def t = {.op = PO_matmul, .width = d.transposed ? f->rows : f->cols, .fam = d.fam,
             .transposed = !d.transposed, .fidx = d.fidx, .nfidx = d.nfidx, .use = use, .nuse = 1};
    Scope at = own_scope(&d, NULL);
    DefId made = pass_part(s, t, &at, "t", GRAD_product, id, s->adj[id]);
    adjoint_add(s, d.use[0], &at, fx_rat(w->fx, 1, 1), pass_use(s, made, &at), made);
}

/* A function of the operands of d that it names; with the adjoint as a last factor where times is
 * set.  Leaves are numbered anew. */
static Def function_of(Pass *s, DefId id, Fx f, bool times) {
    Work *w = s->w;
    const Def *d = work_def(w, id);
    bool *has = ARENA_ARRAY(w->a, bool, d->nuse);
    Fx *leaf = ARENA_ARRAY(w->a, Fx, d->nuse);
    Use *use = ARENA_ARRAY(w->a, Use, d->nuse + 1);
    uint32_t n = 0;
    fx_leaves(w->fx, f, has);
    for (uint32_t i = 0; i < d->nuse; i++) {
        if (!has[i]) continue;
        leaf[i] = fx_leaf(w->fx, n);
        use[n++] = d->use[i];
    }
    f = fx_map(w->fx, f, leaf, d->nuse, NULL, 0);
    Fx width = d->width;
    if (times) {
        f = fx_mul(w->fx, f, fx_leaf(w->fx, n));
        use[n++] = own_adjoint(s, id);
    }
    return (Def){.op = PO_nonlin, .width = width, .f = f, .use = use, .nuse = n};
}

typedef struct Pull {
    Fx slope;
    DefId t;
} Pull;
typedef VEC(Pull) Pulls;

/* Operands of equal slopes (u + v inside a function) share one definition. */
static void nonlin_operand(Pass *s, DefId id, uint32_t k, Pulls *made) {
    Work *w = s->w;
    Def d = *work_def(w, id);
    Fx slope = fx_diff(w->fx, d.f, k);
    if (!s->adj[d.use[k].d] || fx_is_zero(w->fx, slope)) return;
    Scope at = own_scope(&d, NULL);
    if (!fx_has(w->fx, slope, FX_leaf)) {
        adjoint_add(s, d.use[k], &at, slope, own_adjoint(s, id), s->adj[id]);
        return;
    }
    DefId t = 0;
    for (uint32_t i = 0; i < made->len; i++)
        if (made->data[i].slope == slope) t = made->data[i].t;
    if (!t) {
        const char *mark = "t", *u = sym_text(w->c->syms, work_def(w, d.use[k].d)->name);
        if (d.nuse > 1) mark = arena_printf(w->a, "t.%s", u);
        t = pass_part(s, function_of(s, id, slope, true), &at, mark, GRAD_pull, id, s->adj[id]);
        vec_push(w->a, made, (Pull){slope, t});
    }
    adjoint_add(s, d.use[k], &at, fx_rat(w->fx, 1, 1), pass_use(s, t, &at), t);
}

/* The vector dF/dtheta and its moment with the adjoint; where no operand occurs in it, the
 * adjoint's mean. */
static void nonlin_scalar(Pass *s, DefId id, Fx sref) {
    Work *w = s->w;
    Def d = *work_def(w, id);
    Fx slope = sref_slope(s, d.f, sref);
    if (fx_is_zero(w->fx, slope)) return;
    Scope at = own_scope(&d, NULL);
    const FxNode *n = fx_node(w->fx, sref);
    Use target = {.d = n->k, .idx = n->idx}, *use = ARENA_NEW(w->a, Use);
    DefId p;
    Fx weight = fx_rat(w->fx, 1, 1);
    if (fx_has(w->fx, slope, FX_leaf)) {
        uint32_t nout = s->out.ndim;
        s->out.ndim = 0;
        DefId q = pass_part(s, function_of(s, id, slope, false), &at, "q", GRAD_part, id, 0);
        Use qu = pass_use(s, q, &at);
        s->out.ndim = nout;
        p = moment_with(s, id, &at, qu);
    } else {
        *use = own_adjoint(s, id);
        Def mean = {.op = PO_mean, .use = use, .nuse = 1};
        p = pass_part(s, mean, &at, "p", GRAD_part, id, s->adj[id]);
        weight = slope;
    }
    adjoint_add(s, target, &at, fx_mul(w->fx, weight, pass_sref(s, p, &at)), (Use){0}, p);
}

static void rule_nonlin(Pass *s, DefId id) {
    const Def *d = work_def(s->w, id);
    uint32_t n = d->nuse;
    FxVec v = scalars_read(s, d->f);
    Pulls made = {0};
    for (uint32_t k = 0; k < n; k++) nonlin_operand(s, id, k, &made);
    for (uint32_t k = 0; k < v.len; k++) nonlin_scalar(s, id, v.data[k]);
}

void rule_vector(Pass *s, DefId id) {
    switch (work_def(s->w, id)->op) {
    case PO_lin: rule_lin(s, id); return;
    case PO_matmul: rule_matmul(s, id); return;
    case PO_nonlin: rule_nonlin(s, id); return;
    case PO_input:
    case PO_basis:
    case PO_one:
    case PO_param:
    case PO_noise:
    case PO_grad:
    case PO_data:
    case PO_second:
    case PO_mean:
    case PO_scalar:
    case PO_softmax:
    case PO_inner:
    case PO_output: return;
    }
}

/* Gradients that a program asks for, then those of its output. */
#include "diag/diag.h"
#include "gradient/pass.h"

typedef struct Done { /* a pass that was run for a `grad` */
    Output out;
    const Aff *idx; /* in the reader's names, where the output has no dims of its own */
    DefId *adj;
} Done;

typedef struct Grads {
    Work *w;
    VEC(Done) done;
    bool network;
    DefId *to; /* of a definition before the last ordering: its number now */
} Grads;

static Work work_new(Ctx *c, const Program *p) {
    Work w = {.c = c, .a = c->a, .fx = p->fx, .x = p->aff, .p = ARENA_NEW(c->a, Program)};
    *w.p = *p;
    w.p->def.data = arena_copy(c->a, p->def.data, p->def.len * sizeof *p->def.data);
    w.p->def.cap = p->def.len;
    for (DefId d = 0; d < p->def.len; d++) {
        vec_push(c->a, &w.made, (Made){.of = d});
        if (!d) continue;
        Sym s = p->def.data[d].name;
        if (s >= w.ntaken) {
            Sym n = s * 2 + 64;
            uint8_t *v = ARENA_ARRAY(c->a, uint8_t, n);
            if (w.ntaken) memcpy(v, w.taken, w.ntaken);
            w.taken = v;
            w.ntaken = n;
        }
        w.taken[s] = 1;
    }
    return w;
}

/* Dims of an output under names of their own. */
static Output with_dims(Work *w, DefId d) {
    const Def *o = work_def(w, d);
    Dim *dim = ARENA_ARRAY(w->a, Dim, o->ndim);
    Aff *idx = ARENA_ARRAY(w->a, Aff, o->ndim);
    AffSubst *m = ARENA_ARRAY(w->a, AffSubst, o->ndim);
    for (uint32_t i = 0; i < o->ndim; i++) {
        Sym v = intern_fresh(w->c->syms, sym_text(w->c->syms, o->dim[i].var));
        dim[i] = (Dim){v, aff_subst(w->x, o->dim[i].lo, m, i), aff_subst(w->x, o->dim[i].hi, m, i)};
        idx[i] = aff_name(w->x, v);
        m[i] = (AffSubst){o->dim[i].var, idx[i]};
    }
    return (Output){d, idx, dim, o->ndim};
}

/* Does definition `top` depend on a gradient that is still to be made? */
static bool asks_first(Work *w, DefId top) {
    const bool *below = defs_below(w, top, 1);
    bool asks = work_def(w, top)->op == PO_grad;
    for (DefId d = 1; d < w->p->def.len; d++) asks |= below[d] && work_def(w, d)->op == PO_grad;
    return asks;
}

static bool index_fixed(Work *w, Use u) {
    for (uint32_t i = 0; i < work_def(w, u.d)->ndim; i++)
        if (!aff_size_only(w->x, u.idx[i])) return false;
    return true;
}

static bool same_output(Work *w, const Done *o, Use u, bool fixed) {
    if (o->out.d != u.d || fixed != !o->out.ndim) return false;
    for (uint32_t i = 0; fixed && i < work_def(w, u.d)->ndim; i++)
        if (!aff_eq(o->out.idx[i], u.idx[i])) return false;
    return true;
}

/* Adjoints of the output that u names, over the output's dims unless the index is fixed. */
static Done *pass_for(Grads *g, Use u) {
    Work *w = g->w;
    bool fixed = index_fixed(w, u);
    for (uint32_t i = 0; i < g->done.len; i++)
        if (same_output(w, &g->done.data[i], u, fixed)) return &g->done.data[i];
    Done o = {.out = {.d = u.d, .idx = u.idx}};
    if (!fixed) o.out = with_dims(w, u.d);
    uint32_t k = g->done.len + (g->network ? 1 : 0);
    const char *mark = k ? arena_printf(w->a, "d%u", g->network ? k : k + 1) : "d";
    if (!pass_run(w, o.out, mark, &o.adj)) return NULL;
    vec_push(w->a, &g->done, o);
    return &vec_last(&g->done);
}

/* `grad` becomes a lin that reads the adjoint; of a definition that the output does not depend on,
 * an empty one. */
static bool expand(Grads *g, DefId id) {
    Work *w = g->w;
    Use x = work_def(w, id)->use[0], f = work_def(w, id)->use[1];
    Done *o = pass_for(g, f);
    if (!o) return false;
    Def *d = work_def(w, id);
    d->op = PO_lin;
    d->use = NULL;
    d->nuse = 0;
    DefId adj = o->adj[x.d];
    if (!adj) return true;
    uint32_t n = o->out.ndim, nx = work_def(w, x.d)->ndim;
    Aff *idx = ARENA_ARRAY(w->a, Aff, n + nx);
    if (n) memcpy(idx, f.idx, n * sizeof *idx);
    if (nx) memcpy(idx + n, x.idx, nx * sizeof *idx);
    Arm *a = ARENA_NEW(w->a, Arm);
    *a = (Arm){.coef = fx_rat(w->fx, 1, 1), .use = {.d = adj, .idx = idx, .span = d->span}};
    d->arm = a;
    d->narm = 1;
    return true;
}

/* Gradients of outputs that depend on no other gradient first. */
static bool expand_all(Grads *g, uint32_t n) {
    Work *w = g->w;
    for (bool change = true; change;) {
        DefId left = 0;
        change = false;
        for (DefId d = 1; d < n; d++) {
            if (work_def(w, d)->op != PO_grad) continue;
            left = left ? left : d;
            if (asks_first(w, work_def(w, d)->use[1].d)) continue;
            if (!expand(g, d)) return false;
            change = true;
        }
        if (left && !change) {
            const Def *d = work_def(w, left);
            diag(w->c->ds, gradient_cycle, d->span, sym_text(w->c->syms, d->name));
            return false;
        }
    }
    return true;
}

/* ---- the output of a network */
static Output returned(Work *w) {
    const Program *p = w->p;
    uint32_t nd = p->nout_dim, ni = work_def(w, p->out)->ndim;
    Dim *dim = ARENA_ARRAY(w->a, Dim, nd);
    AffSubst *m = ARENA_ARRAY(w->a, AffSubst, nd);
    Aff *idx = ARENA_ARRAY(w->a, Aff, ni);
    for (uint32_t i = 0; i < nd; i++) {
        Sym v = intern_fresh(w->c->syms, sym_text(w->c->syms, p->out_dim[i].var));
        dim[i] = (Dim){v, aff_subst(w->x, p->out_dim[i].lo, m, i),
                       aff_subst(w->x, p->out_dim[i].hi, m, i)};
        m[i] = (AffSubst){p->out_dim[i].var, aff_name(w->x, v)};
    }
    for (uint32_t i = 0; i < ni; i++) idx[i] = aff_subst(w->x, p->out_idx[i], m, nd);
    return (Output){p->out, idx, dim, nd};
}

static bool wants_adjoint(const Def *d) { return d->op != PO_one && d->op != PO_noise; }

static void result(Work *w, const DefId *adj, const DefId *from, uint32_t nsource, Gradient *g) {
    uint32_t n = w->p->def.len;
    g->p = w->p;
    g->part = ARENA_ARRAY(w->a, GradientPart, n);
    g->of = ARENA_ARRAY(w->a, DefId, n);
    g->adjoint = ARENA_ARRAY(w->a, DefId, n);
    for (DefId d = 1; d < n; d++) {
        g->part[d] = d < g->nforward ? GRAD_forward : w->made.data[d].part;
        g->of[d] = d < g->nforward ? d : w->made.data[d].of;
        g->adjoint[d] = adj && d < g->nforward ? adj[d] : 0;
    }
    g->from = ARENA_ARRAY(w->a, DefId, nsource);
    for (DefId d = 1; d < nsource; d++) g->from[d] = from[d];
}

/* Adjoints for the output, behind everything else. */
static bool differentiate(Work *w, Gradient *g, DefId **adj) {
    Output out = returned(w);
    if (!pass_run(w, out, "d", adj)) return false;
    bool *keep = ARENA_ARRAY(w->a, bool, w->p->def.len);
    DefId *to;
    for (DefId d = 1; d < g->nforward; d++) {
        DefId *a = &(*adj)[d];
        if (!wants_adjoint(work_def(w, d))) *a = 0;
        if (*a) keep[*a] = true;
    }
    ProgramOp op = work_def(w, out.d)->op;
    g->nout = out.ndim;
    g->moment = op != PO_inner && op != PO_output;
    work_order(w, g->nforward, keep, &to);
    for (DefId d = 1; d < g->nforward; d++) (*adj)[d] = to[(*adj)[d]];
    return true;
}

bool gradient_make(Ctx *c, const Program *p, Gradient **out) {
    Work w = work_new(c, p);
    Gradient *g = *out = ARENA_NEW(c->a, Gradient);
    Grads gs = {.w = &w, .network = !p->is_program};
    if (!expand_all(&gs, p->def.len)) return false;
    bool *keep = ARENA_ARRAY(c->a, bool, w.p->def.len);
    DefId *from, *adj = NULL;
    memset(keep + 1, true, p->def.len - 1);
    work_order(&w, 1, keep, &from);
    g->nforward = w.p->def.len;
    if (!p->is_program && !differentiate(&w, g, &adj)) return false;
    result(&w, adj, from, p->def.len, g);
    return true;
}

/* The derivation as a whole: facts, demand fixpoint, outputs, resolved form. */
#include "limit/derive.h"
#include "diag/diag.h"

/* Normalised arrays divide by the second moments of both samples (product.md 2b): the self
 * arrays of a pair C array of one definition are needed wherever it is. */
static void demand_twins(Derive *L, const WArray *r, Path path) {
    if (r->kind != LK_C || r->self || r->A != r->B) return;
    WArray key = {.kind = LK_C, .self = true};
    Elem a = elem_own(L, r->A), b = elem_primed(L, r->B);
    demand(L, key, a, a, path, SIDE_x);
    demand(L, key, b, b, path, SIDE_y);
}

static void fixpoint(Derive *L) {
    while (L->queue_at < L->queue.len && !L->failed) {
        uint32_t i = L->queue.data[L->queue_at++];
        WArray r = L->arr.data[i];
        TermVec t = {0};
        L->arr.data[i].queued = false;
        demand_twins(L, &r, warray_domain(L, &r));
        warray_derive(L, &r, &t);
        L->arr.data[i].eq = terms_done(&t);
    }
}

/* Sizes that differ between samples are those of the right one under primed names; what is known of
 * the left ones holds for them. */
static void right_facts(Derive *L) {
    const Cons *fact;
    uint32_t n = affctx_facts(L->x, &fact);
    ConsVec more = {0};
    for (uint32_t i = 0; i < n; i++) {
        Cons c = cons_subst(L->x, fact[i], L->right_sizes, L->nright_sizes);
        bool known = false;
        for (uint32_t k = 0; k < n; k++) known |= cons_same(fact[k], c);
        if (!known) vec_push(L->a, &more, c);
    }
    for (uint32_t i = 0; i < more.len; i++) affctx_fact(L->x, more.data[i]);
}

static void right_sizes(Derive *L) {
    VEC(AffSubst) m = {0};
    for (uint32_t i = 0; i < L->p->size.len; i++) {
        Sym name = L->p->size.data[i].name;
        if (!program_size_varies(L->p, name)) continue;
        vec_push(L->a, &m, (AffSubst){name, aff_name(L->x, affctx_prime(L->x, name))});
    }
    L->right_sizes = m.data;
    L->nright_sizes = m.len;
    if (m.len) right_facts(L);
}

/* The returned element and its position axes, those of the right copy primed. */
typedef struct Returned {
    Elem left, right;
    Dim *axis;
    Path path;
} Returned;

static Returned returned(Derive *L, bool self) {
    const Program *p = L->p;
    uint32_t nsize = self ? 0 : L->nright_sizes, n = p->nout_dim + nsize;
    uint32_t nd = def_of(L, p->out)->ndim;
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, n);
    Returned r = {.left = {p->out, p->out_idx}, .axis = ARENA_ARRAY(L->a, Dim, 2 * p->nout_dim)};
    for (uint32_t i = 0; i < p->nout_dim; i++) {
        Sym v = p->out_dim[i].var;
        m[i] = (AffSubst){v, aff_name(L->x, affctx_prime(L->x, v))};
    }
    for (uint32_t i = 0; i < nsize; i++) m[p->nout_dim + i] = L->right_sizes[i];
    Aff *right = ARENA_ARRAY(L->a, Aff, nd);
    for (uint32_t i = 0; i < nd; i++) right[i] = aff_subst(L->x, p->out_idx[i], m, n);
    r.right = (Elem){p->out, right};
    for (uint32_t i = 0; i < p->nout_dim; i++) {
        Dim d = p->out_dim[i];
        r.axis[i] = d;
        r.axis[p->nout_dim + i] = (Dim){affctx_prime(L->x, d.var), aff_subst(L->x, d.lo, m, n),
                                        aff_subst(L->x, d.hi, m, n)};
    }
    ConsVec v = {0};
    path_range(L, &v, r.axis, 2 * p->nout_dim, NULL, 0);
    r.path = (Path){v.data, v.len};
    return r;
}

static LOutput output(Derive *L, KernelKind kernel, LKind kind) {
    LOutput o = {.kernel = kernel, .naxis = 2 * L->p->nout_dim, .noisy = L->def[L->p->out].noisy};
    TermVec t = {0}, self = {0};
    Returned r = returned(L, false);
    cov_output(L, (Goal){kind, false, SIDE_none}, r.left, r.right, r.path, &t);
    o.axis = r.axis;
    o.value = terms_done(&t);
    if (!o.noisy) return o;
    r = returned(L, true);
    cov_output(L, (Goal){kind, true, SIDE_x}, r.left, r.right, r.path, &self);
    o.self_axis = r.axis;
    o.self = terms_done(&self);
    return o;
}

/* What is told by name that there is no limit of it yet. */
static bool supported(Derive *L) {
    const Def *out = def_of(L, L->p->out);
    if (out->op != PO_output && out->op != PO_inner && program_op_is_scalar(out->op)) {
        diag(L->c->ds, limit_moment, out->span);
        return false;
    }
    for (DefId id = 1; id < L->p->def.len; id++) {
        if (!L->def[id].live || def_of(L, id)->op != PO_grad) continue;
        diag(L->c->ds, limit_gradient, def_of(L, id)->span);
        return false;
    }
    return true;
}

static void arrays_make(Derive *L, Limit *l) {
    static const LKind kind[KERNEL_COUNT] = {[KERNEL_nngp] = LK_C, [KERNEL_ntk] = LK_T};
    L->arr.len = L->queue.len = L->queue_at = 0;
    vec_push(L->a, &L->arr, (WArray){0});
    l->nout = 0;
    for (uint32_t k = 0; k < KERNEL_COUNT; k++)
        if (l->kernels >> k & 1)
            l->out[l->nout++] = output(L, (KernelKind)k, kind[k]);
    fixpoint(L);
}

static bool derive(Ctx *c, const Program *p, unsigned kernels, bool mirrored, Limit **out) {
    Derive L = {.c = c, .a = c->a, .p = p, .x = p->aff, .fx = p->fx, .mirrored = mirrored};
    L.whole = ARENA_ARRAY(c->a, bool, p->def.len);
    right_sizes(&L);
    facts_make(&L);
    if (!supported(&L)) return false;
    idle_make(&L);
    tops_make(&L);
    Limit *l = ARENA_NEW(c->a, Limit);
    l->p = p;
    l->aff = p->aff;
    l->fx = p->fx;
    l->kernels = kernels;
    l->mirrored = mirrored;
    do arrays_make(&L, l);
    while (!L.failed && cycles_unfix(&L));
    if (L.failed) return false;
    limit_resolve(&L, l);
    limit_forward(l, c->a);
    limit_reuse(l, c->a);
    limit_signs(l);
    if (affctx_overflow(L.x)) {
        diag(c->ds, limit_overflow, p->span, sym_text(c->syms, p->name));
        return false;
    }
    *out = l;
    return true;
}

bool limit_derive(Ctx *c, const Program *p, unsigned kernels, Limit **out) {
    return derive(c, p, kernels, false, out);
}

bool limit_derive_mirrored(Ctx *c, const Program *p, unsigned kernels, Limit **out) {
    return derive(c, p, kernels, true, out);
}

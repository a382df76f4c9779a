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

static void right_sizes(Derive *L) {
    VEC(AffSubst) m = {0};
    for (uint32_t i = 0; i < L->p->input.len; i++) {
        const InputDecl *in = &L->p->input.data[i];
        for (uint32_t k = 0; k < in->npos; k++) {
            if (in->size[k].nterm != 1) continue;
            bool known = false;
            for (uint32_t j = 0; j < m.len; j++) known |= m.data[j].name == in->size[k].term[0].name;
            Aff to = aff_name(L->x, affctx_prime(L->x, in->size[k].term[0].name));
            if (!known) vec_push(L->a, &m, (AffSubst){in->size[k].term[0].name, to});
        }
    }
    L->right_sizes = m.data;
    L->nright_sizes = m.len;
}

/* The returned element: its position axes are the outputs' axes, primed on the right. */
static LTerms output(Derive *L, LKind kind) {
    const Program *p = L->p;
    uint32_t n = p->nout_dim + L->nright_sizes, nd = def_of(L, p->out)->ndim;
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, n);
    for (uint32_t i = 0; i < p->nout_dim; i++) {
        Sym v = p->out_dim[i].var;
        m[i] = (AffSubst){v, aff_name(L->x, affctx_prime(L->x, v))};
    }
    for (uint32_t i = 0; i < L->nright_sizes; i++) m[p->nout_dim + i] = L->right_sizes[i];
    Aff *right = ARENA_ARRAY(L->a, Aff, nd);
    for (uint32_t i = 0; i < nd; i++) right[i] = aff_subst(L->x, p->out_idx[i], m, n);
    ConsVec v = {0};
    TermVec t = {0};
    path_range(L, &v, p->out_dim, p->nout_dim, NULL, 0);
    path_range(L, &v, p->out_dim, p->nout_dim, m, n);
    Elem x = {p->out, p->out_idx}, y = {p->out, right};
    cov_output(L, kind, x, y, (Path){v.data, v.len}, &t);
    return terms_done(&t);
}

static void arrays_make(Derive *L, Limit *l) {
    static const LKind kind[KERNEL_COUNT] = {[KERNEL_nngp] = LK_C, [KERNEL_ntk] = LK_T};
    L->arr.len = L->queue.len = L->queue_at = 0;
    vec_push(L->a, &L->arr, (WArray){0});
    l->nout = 0;
    for (uint32_t k = 0; k < KERNEL_COUNT; k++)
        if (l->kernels >> k & 1)
            l->out[l->nout++] = (LOutput){(KernelKind)k, output(L, kind[k])};
    fixpoint(L);
}

static bool derive(Ctx *c, const Program *p, unsigned kernels, bool mirrored, Limit **out) {
    Derive L = {.c = c, .a = c->a, .p = p, .x = p->aff, .fx = p->fx, .mirrored = mirrored};
    L.whole = ARENA_ARRAY(c->a, bool, p->def.len);
    right_sizes(&L);
    facts_make(&L);
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

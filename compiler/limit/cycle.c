/* Recurrences through one element: an array that is only read at a fixed index has no axis for it,
 * and cannot take its turn in a loop with arrays that it depends on and that depend on it.
 * `if l == 2 then A else B` inside a loop makes such ones.  They get their axes back. */
#include "limit/derive.h"

typedef struct Walk { /* Tarjan's strongly connected components */
    Derive *L;
    uint32_t *num, *low;
    bool *on;
    VEC(uint32_t) stack;
    uint32_t count;
    bool found;
} Walk;

static void visit(Walk *w, uint32_t v);

static void read(Walk *w, uint32_t v, uint32_t to) {
    if (!w->num[to]) {
        visit(w, to);
        if (w->low[to] < w->low[v]) w->low[v] = w->low[to];
    } else if (w->on[to] && w->num[to] < w->low[v]) {
        w->low[v] = w->num[to];
    }
}

typedef struct Reader {
    Walk *w;
    uint32_t v;
} Reader;

static void read_sref(void *ctx, Fx sref) {
    const Reader *r = ctx;
    Derive *L = r->w->L;
    read(r->w, r->v, scalar_array(L, fx_node(L->fx, sref)->k));
}

static void reads(Walk *w, uint32_t v, LTerms t) {
    Reader r = {w, v};
    for (uint32_t i = 0; i < t.n; i++)
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            const LFactor *f = &t.term[i].factor[k];
            if (f->kind == LF_ref) read(w, v, f->ref.array);
            if (f->kind == LF_coef) fx_srefs(w->L->fx, f->coef, read_sref, &r);
            if (f->kind == LF_softmax) reads(w, v, f->softmax->logit);
            if (f->kind != LF_exp) continue;
            for (uint32_t p = 0; p < f->exp->ntheta; p++)
                fx_srefs(w->L->fx, f->exp->theta[p].coef, read_sref, &r);
            uint32_t n = f->exp->nleaf;
            for (uint32_t p = 0; p < n; p++) {
                reads(w, v, f->exp->mean[p]);
                for (uint32_t q = p; q < n; q++) reads(w, v, f->exp->cov[p * n + q]);
            }
        }
}

static void unfix(Walk *w, const WArray *r) {
    Derive *L = w->L;
    uint32_t n = warray_nidx(L, r), na = def_of(L, r->A)->ndim;
    for (uint32_t k = 0; k < n; k++) {
        DefId d = k < na ? r->A : r->B;
        bool idle = L->def[d].idle[k < na ? k : k - na];
        if (!r->is_fixed[k] || idle || L->whole[d]) continue;
        L->whole[d] = true;
        w->found = true;
    }
}

static void visit(Walk *w, uint32_t v) {
    w->num[v] = w->low[v] = ++w->count;
    vec_push(w->L->a, &w->stack, v);
    w->on[v] = true;
    reads(w, v, w->L->arr.data[v].eq);
    if (w->low[v] < w->num[v]) return;
    bool many = vec_last(&w->stack) != v;
    uint32_t k;
    do {
        k = vec_pop(&w->stack);
        w->on[k] = false;
        if (many) unfix(w, &w->L->arr.data[k]);
    } while (k != v);
}

bool cycles_unfix(Derive *L) {
    uint32_t n = L->arr.len;
    Walk w = {.L = L, .num = ARENA_ARRAY(L->a, uint32_t, n), .low = ARENA_ARRAY(L->a, uint32_t, n),
              .on = ARENA_ARRAY(L->a, bool, n)};
    for (uint32_t v = 1; v < n; v++)
        if (!w.num[v]) visit(&w, v);
    return w.found;
}

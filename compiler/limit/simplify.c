/* Terms simplified over a domain: an equality with a reduction removes it (the delta of a
 * matrix eats the sum), implied guards and infeasible terms go, coefficients become one factor,
 * equal terms add. */
#include "limit/derive.h"
#include "limit/parts.h"

static bool idx_same(const Aff *a, const Aff *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (!aff_eq(a[i], b[i])) return false;
    return true;
}

static bool factor_same(const Derive *L, const LFactor *a, const LFactor *b) {
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case LF_ref:
        return a->ref.array == b->ref.array && a->ref.side == b->ref.side &&
               idx_same(a->ref.idx, b->ref.idx, warray_nidx(L, &L->arr.data[a->ref.array]));
    case LF_gram:
        for (int i = 0; i < 2; i++)
            if (a->gram.def[i] != b->gram.def[i] ||
                !idx_same(a->gram.idx[i], b->gram.idx[i], def_of(L, a->gram.def[i])->ndim))
                return false;
        return a->gram.self == b->gram.self && a->gram.side == b->gram.side;
    case LF_coef: return a->coef == b->coef && a->side == b->side;
    case LF_exp: return a->exp == b->exp;
    case LF_series:
    case LF_hermite:
    case LF_scalar:
    case LF_softmax: break; /* made by later stages, or alone */
    }
    return false;
}

/* ---- one term */
static bool find_delta(const LTerm *t, uint32_t *red, uint32_t *cons) {
    for (uint32_t c = 0; c < t->ncons; c++) {
        if (t->cons[c].kind != CONS_eq) continue;
        for (uint32_t r = t->nred; r-- > 0;) {
            int32_t k = aff_coef(t->cons[c].e, t->red[r].var);
            if (k != 1 && k != -1) continue;
            *red = r;
            *cons = c;
            return true;
        }
    }
    return false;
}

/* The reduction becomes what the equality says; its range becomes guards. */
static LTerm eat_delta(Derive *L, LTerm t, uint32_t r, uint32_t c) {
    Dim d = t.red[r];
    Aff e = t.cons[c].e, var = aff_name(L->x, d.var);
    int32_t k = aff_coef(e, d.var);
    AffSubst s = {d.var, aff_scale(L->x, aff_sub(L->x, aff_scale(L->x, var, k), e), k)};
    ConsVec v = {0};
    Dim *red = ARENA_ARRAY(L->a, Dim, t.nred);
    for (uint32_t i = 0; i < t.ncons; i++)
        if (i != c) vec_push(L->a, &v, t.cons[i]);
    cons_range(L->x, &v, d.var, d.lo, d.hi);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t.nred; i++)
        if (i != r) red[n++] = t.red[i];
    LTerm o = {red, n, v.data, v.len, t.factor, t.nfactor};
    return term_subst(L, o, &s, 1);
}

static LTerm drop_guards(Derive *L, LTerm t, Path base) {
    ConsVec keep = {0};
    Cons *with = ARENA_ARRAY(L->a, Cons, base.n + t.ncons);
    if (base.n) memcpy(with, base.c, base.n * sizeof *with);
    for (uint32_t i = 0; i < t.ncons; i++) {
        uint32_t n = base.n;
        for (uint32_t k = 0; k < keep.len; k++) with[n++] = keep.data[k];
        for (uint32_t k = i + 1; k < t.ncons; k++) with[n++] = t.cons[k];
        if (!aff_implied(L->x, with, n, t.cons[i])) vec_push(L->a, &keep, t.cons[i]);
    }
    t.cons = keep.data;
    t.ncons = keep.len;
    return t;
}

typedef struct Nested {
    Derive *L;
    Path path;
} Nested;

static LTerms nested_simplify(void *ctx, LTerms t) {
    const Nested *in = ctx;
    return terms_simplify(in->L, t, in->path);
}

static LFactor exp_simplify(Derive *L, LFactor f, Path path) {
    Nested in = {L, path};
    LParts parts = {L->a, &in, nested_simplify, NULL, NULL};
    f.exp = lexp_parts(&parts, f.exp);
    return f;
}

/* f = number * rest */
static Fx split_number(Derive *L, Fx f, Fx *rest) {
    const FxNode *n = fx_node(L->fx, f);
    *rest = fx_num(L->fx, 1);
    if (n->op == FX_num) return f;
    *rest = f;
    if (n->op != FX_mul || fx_node(L->fx, n->arg[0])->op != FX_num) return fx_num(L->fx, 1);
    *rest = n->arg[1];
    return n->arg[0];
}

/* Numbers are kept in front, so that equal coefficients look the same. */
static Fx coef_product(Derive *L, Fx a, Fx b) {
    Fx ra, rb, na = split_number(L, a, &ra), nb = split_number(L, b, &rb);
    return fx_mul(L->fx, fx_mul(L->fx, na, nb), fx_mul(L->fx, ra, rb));
}

/* One coefficient of no sample, first, then one of each side's scalars; false: the term is 0. */
static bool gather_coef(Derive *L, LTerm *t) {
    Fx c[SIDE_y + 1];
    uint32_t n = 0;
    LFactor *f = ARENA_ARRAY(L->a, LFactor, t->nfactor + SIDE_y + 1);
    for (int s = SIDE_none; s <= SIDE_y; s++) c[s] = fx_num(L->fx, 1);
    for (uint32_t i = 0; i < t->nfactor; i++)
        if (t->factor[i].kind == LF_coef)
            c[t->factor[i].side] = coef_product(L, c[t->factor[i].side], t->factor[i].coef);
    for (int s = SIDE_none; s <= SIDE_y; s++) {
        if (fx_is_zero(L->fx, c[s])) return false;
        if (fx_is_num(L->fx, c[s], 1)) continue;
        f[n] = factor_coef(L, c[s]);
        f[n++].side = (Side)s;
    }
    for (uint32_t i = 0; i < t->nfactor; i++)
        if (t->factor[i].kind != LF_coef) f[n++] = t->factor[i];
    t->factor = f;
    t->nfactor = n;
    return true;
}

/* Is there a coefficient of no sample? */
static uint32_t has_coef(const LTerm *t) {
    return t->nfactor && t->factor[0].kind == LF_coef && t->factor[0].side == SIDE_none;
}

static LFactor softmax_simplify(Derive *L, LFactor f, Path domain);

static LFactor factor_simplify(Derive *L, LFactor f, Path path) {
    if (f.kind == LF_exp) return exp_simplify(L, f, path);
    return f.kind == LF_softmax ? softmax_simplify(L, f, path) : f;
}

static bool term_simplify(Derive *L, LTerm *t, Path domain) {
    uint32_t r, c;
    while (find_delta(t, &r, &c)) *t = eat_delta(L, *t, r, c);
    ConsVec range = {0};
    path_range(L, &range, t->red, t->nred, NULL, 0);
    Path base = path_and(L, domain, range.data, range.len);
    Path all = path_and(L, base, t->cons, t->ncons);
    if (all.n > domain.n && !aff_feasible(L->x, all.c, all.n)) return false;
    for (uint32_t i = 0; i < t->ncons; i++) { /* `not` of what holds anyway */
        Cons k = t->cons[i];
        bool held = k.kind == CONS_not;
        for (uint32_t j = 0; held && j < k.nof; j++)
            held = aff_implied(L->x, all.c, all.n, k.of[j]);
        if (held) return false;
    }
    *t = drop_guards(L, *t, base);
    if (!gather_coef(L, t)) return false;
    LFactor *f = arena_copy(L->a, t->factor, t->nfactor * sizeof *f);
    for (uint32_t i = 0; i < t->nfactor; i++) f[i] = factor_simplify(L, f[i], all);
    t->factor = f;
    return true;
}

/* Logits stay apart, and those of 0 stay: a case that holds is not masked. */
static LFactor softmax_simplify(Derive *L, LFactor f, Path domain) {
    LSoftmax *o = arena_copy(L->a, f.softmax, sizeof *o);
    TermVec v = {0};
    for (uint32_t i = 0; i < o->logit.n; i++) {
        LTerm t = o->logit.term[i];
        Path all = path_and(L, domain, t.cons, t.ncons);
        if (t.ncons && !aff_feasible(L->x, all.c, all.n)) continue;
        if (!t.nred) t = drop_guards(L, t, domain);
        vec_push(L->a, &v, t);
    }
    o->logit = terms_done(&v);
    f.softmax = o;
    return f;
}

/* ---- several terms */
static bool same_but_coef(const Derive *L, const LTerm *a, const LTerm *b, Fx *ca, Fx *cb) {
    uint32_t i = has_coef(a), k = has_coef(b);
    if (a->nred || b->nred || a->ncons != b->ncons) return false;
    if (a->nfactor - i != b->nfactor - k) return false;
    for (uint32_t c = 0; c < a->ncons; c++)
        if (!cons_same(a->cons[c], b->cons[c])) return false;
    for (uint32_t n = 0; n < a->nfactor - i; n++)
        if (!factor_same(L, &a->factor[i + n], &b->factor[k + n])) return false;
    *ca = i ? a->factor[0].coef : fx_num(L->fx, 1);
    *cb = k ? b->factor[0].coef : fx_num(L->fx, 1);
    return true;
}

static Fx coef_sum(Derive *L, Fx a, Fx b) {
    Fx ra, rb, na = split_number(L, a, &ra), nb = split_number(L, b, &rb);
    return ra == rb ? fx_mul(L->fx, fx_add(L->fx, na, nb), ra) : fx_add(L->fx, a, b);
}

/* Add t to a term that differs in the coefficient only. */
static bool add_to(Derive *L, TermVec *v, const LTerm *t) {
    for (uint32_t i = 0; i < v->len; i++) {
        Fx a, b;
        if (!same_but_coef(L, &v->data[i], t, &a, &b)) continue;
        uint32_t k = has_coef(t);
        LFactor *f = ARENA_ARRAY(L->a, LFactor, t->nfactor - k + 1);
        f[0] = factor_coef(L, coef_sum(L, a, b));
        memcpy(f + 1, t->factor + k, (t->nfactor - k) * sizeof *f);
        v->data[i].factor = f;
        v->data[i].nfactor = t->nfactor - k + 1;
        return true;
    }
    return false;
}

LTerms terms_simplify(Derive *L, LTerms t, Path domain) {
    TermVec v = {0}, out = {0};
    for (uint32_t i = 0; i < t.n; i++) {
        LTerm s = t.term[i];
        if (term_simplify(L, &s, domain) && !add_to(L, &v, &s)) vec_push(L->a, &v, s);
    }
    for (uint32_t i = 0; i < v.len; i++)
        if (gather_coef(L, &v.data[i])) vec_push(L->a, &out, v.data[i]);
    return terms_done(&out);
}

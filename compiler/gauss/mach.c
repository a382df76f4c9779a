#include "gauss/mach.h"
#include "diag/diag.h"

MVal m_num(Mach *m, double v) {
    if (m->b) return (MVal){.k = kb_num(m->b, v)};
    return (MVal){.x = v};
}

MVal m_op4(Mach *m, KOp op, MVal x, MVal y, MVal z, MVal w) {
    if (m->b) return (MVal){.k = kb_op4(m->b, op, x.k, y.k, z.k, w.k)};
    double a[4] = {x.x, y.x, z.x, w.x};
    return (MVal){.x = num_op(op, a)};
}

MVal m_positive(Mach *m, MVal x) { return m_op2(m, KO_lt, m_num(m, 0), x); }

MVal m_clamp(Mach *m, MVal x, double lo, double hi) {
    return m_op2(m, KO_min, m_op2(m, KO_max, x, m_num(m, lo)), m_num(m, hi));
}

MVal m_horner(Mach *m, const double *c, uint32_t degree, MVal x) {
    MVal v = m_num(m, c[degree]);
    for (uint32_t i = degree; i--;) {
        if (c[i] == 0)
            v = m_mul(m, v, x);
        else
            v = m_fma(m, v, x, m_num(m, c[i]));
    }
    return v;
}

double m_tiny(const Mach *m) { return m->b && m->b->k->dtype == TP_F32 ? 1e-18 : 1e-150; }

/* ---- tables, loops, arrays */

MTable m_table(Mach *m, const char *name, const double *v, uint32_t n) {
    if (!m->b) return (MTable){0, arena_copy(m->c->a, v, n * sizeof *v)};
    Kernel *k = m->b->k;
    for (uint32_t i = 0; i < k->table.len; i++)
        if (k->table.data[i].n == n && !memcmp(k->table.data[i].v, v, n * sizeof *v))
            return (MTable){i, v};
    return (MTable){kernel_table(k, m->c, name, v, n), v};
}

MVal m_at(Mach *m, MTable t, MIdx i) {
    if (m->b) return (MVal){.k = kb_table(m->b, t.id, i.a)};
    return (MVal){.x = t.v[i.i]};
}

void m_loop(Mach *m, int64_t n, MBody *body, void *ctx) {
    if (!m->b) {
        for (int64_t i = 0; i < n; i++) body(m, ctx, m_idx(i));
        return;
    }
    Sym v = intern_fresh(m->c->syms, "g");
    kb_loop(m->b, v, aff_const(0), aff_const(n), false);
    body(m, ctx, (MIdx){aff_name(m->b->k->aff, v), 0});
    kb_end(m->b);
}

MIdx m_idx(int64_t i) { return (MIdx){aff_const(i), i}; }
MIdx m_idx_plus(MIdx i, int64_t d) { return (MIdx){aff_plus(i.a, d), i.i + d}; }

uint32_t m_array(Mach *m, const char *name, uint32_t n) {
    if (!m->b) {
        for (uint32_t i = 0; i < n; i++) vec_push(m->c->a, &m->mem, 0.0);
        return m->mem.len - n;
    }
    Sym s = intern_fresh(m->c->syms, name);
    if (n == 1) return kernel_cell(m->b->k, m->c, m->b->stage, sym_text(m->c->syms, s));
    KAxis *ax = ARENA_NEW(m->c->a, KAxis);
    *ax = (KAxis){.var = intern_fresh(m->c->syms, "g"), .lo = aff_const(0), .hi = aff_const(n)};
    return kernel_array(m->b->k, m->c,
                        (KArray){.name = s, .stage = m->b->stage, .axis = ax, .naxis = 1});
}

static Side own_side(const Mach *m) {
    return m->b->stage == KS_sample || m->b->stage == KS_series ? SIDE_x : SIDE_none;
}

MVal m_get(Mach *m, uint32_t array, uint32_t n, MIdx i) {
    if (m->b) return (MVal){.k = kb_load(m->b, array, own_side(m), &i.a, n > 1)};
    return (MVal){.x = m->mem.data[array + (n > 1 ? i.i : 0)]};
}

void m_set(Mach *m, uint32_t array, uint32_t n, MIdx i, MVal v) {
    if (m->b)
        kb_store(m->b, array, &i.a, n > 1, v.k);
    else
        m->mem.data[array + (n > 1 ? i.i : 0)] = v.x;
}

/* ---- expressions */

typedef struct FxRun {
    Mach *m;
    const FxPool *fx;
    const MVal *leaf, *theta;
} FxRun;

static MVal run(FxRun *r, Fx f);

static MVal number_of_mask(Mach *m, MVal c) { return m_select(m, c, m_num(m, 1), m_num(m, 0)); }

static MVal find_real(Mach *m, Sym name) {
    if (!m->b) bug("m_fx: a hyperparameter has no value here");
    Kernel *k = m->b->k;
    for (uint32_t i = 0; i < k->real.len; i++)
        if (k->real.data[i].name == name) return (MVal){.k = kb_real(m->b, i)};
    bug("m_fx: no real `%s`", sym_text(m->c->syms, name));
}

static MVal find_dim(Mach *m, uint32_t input) {
    if (!m->b) bug("m_fx: a dimension has no value here");
    Kernel *k = m->b->k;
    for (uint32_t i = 0; i < k->size.len; i++)
        if (k->size.data[i].kind == KZ_dim && k->size.data[i].in == input)
            return (MVal){.k = kb_index(m->b, aff_name(k->aff, k->size.data[i].name))};
    bug("m_fx: no size for the dimension of input %u", input);
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)) */
static bool softplus(FxRun *r, const FxNode *n, MVal *out) {
    const FxNode *s = fx_node(r->fx, n->arg[0]);
    if (s->op != FX_add) return false;
    Fx e = fx_is_num(r->fx, s->arg[0], 1) ? s->arg[1] : s->arg[0];
    if (!fx_is_num(r->fx, e == s->arg[1] ? s->arg[0] : s->arg[1], 1)) return false;
    if (fx_node(r->fx, e)->op != FX_exp) return false;
    Mach *m = r->m;
    MVal x = run(r, fx_node(r->fx, e)->arg[0]);
    MVal t = m_op1(m, KO_exp, m_op1(m, KO_neg, m_op1(m, KO_abs, x)));
    *out = m_add(m, m_op2(m, KO_max, x, m_num(m, 0)), m_op1(m, KO_log1p, t));
    return true;
}

static MVal whole_power(Mach *m, MVal x, int64_t n) {
    MVal r = m_num(m, 1);
    bool first = true;
    for (int64_t k = n < 0 ? -n : n; k; k /= 2) {
        if (k % 2) {
            r = first ? x : m_mul(m, r, x);
            first = false;
        }
        if (k > 1) x = m_mul(m, x, x);
    }
    return n < 0 ? m_div(m, m_num(m, 1), r) : r;
}

static MVal power(FxRun *r, const FxNode *n) {
    const FxNode *e = fx_node(r->fx, n->arg[1]);
    MVal x = run(r, n->arg[0]);
    if (e->op == FX_num && e->q == 1 && e->p > -64 && e->p < 64) return whole_power(r->m, x, e->p);
    if (e->op == FX_num && e->num == 0.5) return m_op1(r->m, KO_sqrt, x);
    return m_op2(r->m, KO_pow, x, run(r, n->arg[1]));
}

static MVal sign_of(Mach *m, MVal x) {
    MVal neg = m_select(m, m_op2(m, KO_lt, x, m_num(m, 0)), m_num(m, -1), m_num(m, 0));
    return m_select(m, m_positive(m, x), m_num(m, 1), neg);
}

static MVal prim1(FxRun *r, KOp op, const FxNode *n) { return m_op1(r->m, op, run(r, n->arg[0])); }
static MVal prim2(FxRun *r, KOp op, const FxNode *n) {
    MVal x = run(r, n->arg[0]);
    return m_op2(r->m, op, x, run(r, n->arg[1]));
}

/* Conditions are numbers 1 and 0. */
static MVal truth(FxRun *r, Fx f) { return m_positive(r->m, run(r, f)); }

static MVal compare(FxRun *r, KOp op, Fx a, Fx b) {
    MVal x = run(r, a);
    return number_of_mask(r->m, m_op2(r->m, op, x, run(r, b)));
}

static MVal choose(FxRun *r, const FxNode *n) {
    MVal c = truth(r, n->arg[0]), a = run(r, n->arg[1]);
    return m_select(r->m, c, a, run(r, n->arg[2]));
}

static MVal node(FxRun *r, Fx f) {
    const FxNode n = *fx_node(r->fx, f);
    Mach *m = r->m;
    MVal v;
    switch (n.op) {
    case FX_num: return m_num(m, n.num);
    case FX_leaf: return r->leaf[n.k];
    case FX_theta: return r->theta[n.k];
    case FX_hyper: return find_real(m, n.k);
    case FX_index: return m->b ? (MVal){.k = kb_index(m->b, n.aff)} : m_num(m, (double)n.aff.c);
    case FX_dim: return find_dim(m, n.k);
    case FX_sref: break;
    case FX_add: return prim2(r, KO_add, &n);
    case FX_sub: return prim2(r, KO_sub, &n);
    case FX_mul: return prim2(r, KO_mul, &n);
    case FX_div: return prim2(r, KO_div, &n);
    case FX_pow: return power(r, &n);
    case FX_neg: return prim1(r, KO_neg, &n);
    case FX_exp: return prim1(r, KO_exp, &n);
    case FX_log: return softplus(r, &n, &v) ? v : prim1(r, KO_log, &n);
    case FX_sqrt: return prim1(r, KO_sqrt, &n);
    case FX_sin: return prim1(r, KO_sin, &n);
    case FX_cos: return prim1(r, KO_cos, &n);
    case FX_tanh: return prim1(r, KO_tanh, &n);
    case FX_erf: return prim1(r, KO_erf, &n);
    case FX_Phi: return prim1(r, KO_Phi, &n);
    case FX_abs: return prim1(r, KO_abs, &n);
    case FX_sign: return sign_of(m, run(r, n.arg[0]));
    case FX_step: return number_of_mask(m, truth(r, n.arg[0]));
    case FX_max: return prim2(r, KO_max, &n);
    case FX_min: return prim2(r, KO_min, &n);
    case FX_gt: return compare(r, KO_lt, n.arg[1], n.arg[0]);
    case FX_ge: return compare(r, KO_le, n.arg[1], n.arg[0]);
    case FX_eq: return compare(r, KO_eq, n.arg[0], n.arg[1]);
    case FX_and: return prim2(r, KO_mul, &n);
    case FX_or: return prim2(r, KO_max, &n);
    case FX_not: return m_sub(m, m_num(m, 1), run(r, n.arg[0]));
    case FX_if: return choose(r, &n);
    }
    bug("m_fx: a scalar definition inside an expectation");
}

/* ---- values of subexpressions */
typedef struct FxValue {
    Fx f;
    uint32_t turn; /* another one than the table's: free */
    MVal v;
} FxValue;

static FxValue *memo_slot(const FxMemo *t, Fx f) {
    uint32_t i = f * 2654435769u >> 7;
    while (t->slot[i & (t->size - 1)].turn == t->turn && t->slot[i & (t->size - 1)].f != f) i++;
    return &t->slot[i & (t->size - 1)];
}

static void memo_put(Mach *m, Fx f, MVal v) {
    FxMemo *t = &m->memo, old = *t;
    if (2 * t->used >= t->size) {
        t->size = old.size ? 2 * old.size : 64;
        t->slot = ARENA_ARRAY(m->c->a, FxValue, t->size);
        for (uint32_t i = 0; i < old.size; i++)
            if (old.slot[i].turn == t->turn) *memo_slot(t, old.slot[i].f) = old.slot[i];
    }
    *memo_slot(t, f) = (FxValue){f, t->turn, v};
    t->used++;
}

static void memo_next(FxMemo *t) {
    t->turn++;
    t->used = 0;
}

static MVal run(FxRun *r, Fx f) {
    const FxMemo *t = &r->m->memo;
    const FxValue *s = t->size ? memo_slot(t, f) : NULL;
    if (s && s->turn == t->turn) return s->v;
    MVal v = node(r, f);
    memo_put(r->m, f, v);
    return v;
}

MVal m_fx(Mach *m, const FxPool *fx, Fx f, const MVal *leaf, const MVal *theta) {
    FxRun r = {.m = m, .fx = fx, .leaf = leaf, .theta = theta};
    memo_next(&m->memo);
    return run(&r, f);
}

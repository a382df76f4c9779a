/* Which pair arrays are stored normalised, and how (product.md 2b); the rewriting itself is in
 * normalise_eq.c. */
#include "lower/normalise.h"

/* ---- coefficients */

static bool checked_nonneg(void *ctx, Fx f) {
    const Program *p = ctx;
    for (uint32_t i = 0; i < p->check.len; i++)
        if (p->check.data[i].value == f && p->check.data[i].kind != CHECK_finite) return true;
    return false;
}

static bool is_scale(const Normal *n, const LFactor *f) {
    if (f->kind != LF_ref || f->ref.side == SIDE_none) return false;
    const LArray *r = &n->l->array.data[f->ref.array];
    return (r->kind == LK_F || r->kind == LK_S) && r->nonneg;
}

static bool same_place(const Normal *n, const LFactor *x, const LFactor *y) {
    LRef r = y->ref;
    r.side = x->ref.side;
    return lref_same(n->l, x->ref, r);
}

/* Does the guard compare sizes of the two samples?  Then a pair may lack an arm that both have. */
static bool is_mixed(const Normal *n, Cons c) {
    const Program *p = n->l->p;
    for (uint32_t i = 0; i < p->size.len; i++) {
        Sym z = p->size.data[i].name;
        if (program_size_varies(p, z) && cons_mentions(c, affctx_prime(n->l->aff, z))) return true;
    }
    return false;
}

bool normal_part(Normal *n, const LTerm *t, Part *out) {
    const LFactor *scale[SIDE_y + 1] = {NULL};
    *out = (Part){fx_num(n->l->fx, 1), NULL, NULL};
    if (t->nred) return false;
    for (uint32_t i = 0; i < t->ncons; i++)
        if (is_mixed(n, t->cons[i])) return false;
    for (uint32_t i = 0; i < t->nfactor; i++) {
        const LFactor *f = &t->factor[i];
        if (f->kind == LF_coef) {
            out->coef = fx_mul(n->l->fx, out->coef, f->coef);
            continue;
        }
        if (is_scale(n, f) && !scale[f->ref.side]) {
            scale[f->ref.side] = f;
            continue;
        }
        if (out->operand || (f->kind != LF_ref && f->kind != LF_gram)) return false;
        out->operand = f;
    }
    out->scale = scale[SIDE_x];
    if (!scale[SIDE_x] != !scale[SIDE_y]) return false;
    if (out->scale && !same_place(n, scale[SIDE_x], scale[SIDE_y])) return false;
    return fx_nonneg(n->l->fx, out->coef, checked_nonneg, (void *)(uintptr_t)n->l->p) &&
            !fx_has(n->l->fx, out->coef, FX_sref);
}

/* ---- modes */

static bool gram_normal(const Normal *n, const LGram *g) {
    const Def *p = &n->l->p->def.data[g->def[0]], *q = &n->l->p->def.data[g->def[1]];
    return !g->self && p->op == PO_input && q->op == PO_input && p->input == q->input;
}

static bool equal_self(const Normal *n, const LArray *r) {
    uint32_t k = n->l->array.data[r->self[0].array].ndiag;
    for (uint32_t i = 0; i < k; i++)
        if (!aff_eq(r->self[0].idx[i], r->self[1].idx[i])) return false;
    return true;
}

/* Index of the right copy in terms of the left one's sizes. */
static Aff at_left(const Normal *n, Aff a) {
    const Program *p = n->l->p;
    for (uint32_t i = 0; i < p->size.len; i++) {
        Sym z = p->size.data[i].name;
        if (!program_size_varies(p, z)) continue;
        AffSubst m = {affctx_prime(n->l->aff, z), aff_name(n->l->aff, z)};
        a = aff_subst(n->l->aff, a, &m, 1);
    }
    return a;
}

/* Is it one element of the operand on both sides?  C(x[i], x[i - 1]) in x[i] + x[i - 1] is no arm:
 * its norms are those of two elements, and with itself its c is not 1. */
static bool one_element(const Normal *n, const LFactor *f) {
    if (f->kind == LF_gram) {
        for (uint32_t i = 0; i < n->l->p->def.data[f->gram.def[0]].ndim; i++)
            if (!aff_eq(f->gram.idx[0][i], at_left(n, f->gram.idx[1][i]))) return false;
        return true;
    }
    const LArray *q = &n->l->array.data[f->ref.array];
    const AffSubst *m = normal_subst(n->a, q, f->ref.idx);
    for (uint32_t i = 0; i < n->l->array.data[q->self[0].array].ndiag; i++) {
        Aff x = aff_subst(n->l->aff, q->self[0].idx[i], m, q->naxis);
        Aff y = aff_subst(n->l->aff, q->self[1].idx[i], m, q->naxis);
        if (!aff_eq(x, at_left(n, y))) return false;
    }
    return true;
}

static bool arms(Normal *n, LArrayId id) {
    const LArray *r = &n->l->array.data[id];
    if (!equal_self(n, r)) return false;
    for (uint32_t i = 0; i < r->eq.n; i++) {
        Part p;
        if (!normal_part(n, &r->eq.term[i], &p)) return false;
        if (!p.operand) continue;
        if (p.operand->kind == LF_gram ? !gram_normal(n, &p.operand->gram)
                                       : !normal_candidate(n->l, p.operand->ref.array))
            return false;
        if (!one_element(n, p.operand)) return false;
    }
    return r->eq.n > 0;
}

static const LExp *only_exp(const LArray *r) {
    if (r->eq.n != 1 || r->eq.term[0].nred || r->eq.term[0].ncons || r->eq.term[0].nfactor != 1)
        return NULL;
    const LFactor *f = r->eq.term[0].factor;
    return f->kind == LF_exp ? f->exp : NULL;
}

static CMode c_mode(Normal *n, LArrayId id) {
    const LArray *r = &n->l->array.data[id];
    const LExp *e = only_exp(r);
    if (r->noisy) return C_ROUNDED; /* a pair's terms are not those of the norms */
    if (e && normal_is_unit(n->l, r, e) && e->plan->complement && equal_self(n, r)) return C_GATE;
    return arms(n, id) ? C_ARMS : C_ROUNDED;
}

/* ---- needs: which arrays are read normalised, with their defects */

typedef struct Need {
    Normal *n;
    bool changed;
} Need;

/* e, o, zero: as need_e, need_o, at_zero of its NormInfo */
static void need(Need *w, LArrayId id, bool e, bool o, bool zero) {
    NormInfo *i = &w->n->info[id];
    bool oo = o && !w->n->l->array.data[id].nonneg;
    if (i->unit && (i->need_e || !e) && (i->need_o || !oo) && (i->at_zero || !zero)) return;
    i->unit = true;
    i->need_e |= e;
    i->need_o |= oo;
    i->at_zero |= zero;
    w->changed = true;
}

static LFactor need_exp(void *ctx, LFactor f) {
    Need *w = ctx;
    if (f.kind != LF_exp) return f;
    LRef cross = normal_cross(f.exp);
    bool defect = f.exp->plan->needs_defect;
    if (cross.array) need(w, cross.array, defect, defect, true);
    return f;
}

static void need_readers(Need *w) {
    const Limit *l = w->n->l;
    for (LArrayId id = 1; id < w->n->n0; id++) {
        const LArray *r = &l->array.data[id];
        for (uint32_t t = 0; t < r->eq.n; t++)
            for (uint32_t k = 0; k < r->eq.term[t].nfactor; k++) {
                const LFactor *f = &r->eq.term[t].factor[k];
                if (f->kind == LF_exp && normal_is_unit(l, r, f->exp)) need_exp(w, *f);
            }
    }
}

static void need_operands(Need *w, LArrayId id) {
    const NormInfo *i = &w->n->info[id];
    const LArray *r = &w->n->l->array.data[id];
    if (!i->need_e || i->c != C_ARMS) return;
    for (uint32_t t = 0; t < r->eq.n; t++) {
        Part p;
        if (normal_part(w->n, &r->eq.term[t], &p) && p.operand && p.operand->kind == LF_ref)
            need(w, p.operand->ref.array, true, i->need_o,
                 i->at_zero && normal_copies(w->n, id, t));
    }
}

/* Is the array read in a sum over positions?  Then its elements are not scaled one by one. */
static bool read_in_sum(const Normal *n, LArrayId id) {
    for (LArrayId k = 1; k < n->n0; k++) {
        const LArray *r = &n->l->array.data[k];
        for (uint32_t t = 0; r->stage == LS_pair && t < r->eq.n; t++)
            for (uint32_t i = 0; r->eq.term[t].nred && i < r->eq.term[t].nfactor; i++) {
                const LFactor *f = &r->eq.term[t].factor[i];
                if (f->kind == LF_ref && f->ref.array == id) return true;
            }
    }
    return false;
}

static void find_needs(Normal *n) {
    Need w = {n, false};
    need_readers(&w);
    do {
        w.changed = false;
        for (LArrayId id = 1; id < n->n0; id++)
            if (n->info[id].unit) need_operands(&w, id);
    } while (w.changed);
    for (LArrayId id = 1; id < n->n0; id++) {
        NormInfo *i = &n->info[id];
        if (i->c == C_GATE && !read_in_sum(n, id))
            i->unit = true; /* costs nothing, and its tangent array shares its scale */
        i->apart = i->unit && i->c == C_ROUNDED;
        if (i->apart) i->unit = false;
        if (i->unit) continue;
        i->c = C_PLAIN;
        i->need_e = i->need_o = false;
    }
}

/* Greatest fixpoint: exact arms of exact operands, gates over an exact correlation. */
static bool still_exact(Normal *n, LArrayId id) {
    const NormInfo *i = &n->info[id];
    const LArray *r = &n->l->array.data[id];
    if (!i->unit || !i->need_e) return false;
    if (i->c == C_GATE) return n->info[normal_cross(only_exp(r)).array].exact;
    for (uint32_t t = 0; t < r->eq.n; t++) {
        Part p;
        if (normal_part(n, &r->eq.term[t], &p) && p.operand && p.operand->kind == LF_ref &&
            !n->info[p.operand->ref.array].exact)
            return false;
    }
    return true;
}

static void find_exact(Normal *n) {
    for (LArrayId id = 1; id < n->n0; id++) n->info[id].exact = n->info[id].unit;
    for (bool again = true; again;) {
        again = false;
        for (LArrayId id = 1; id < n->n0; id++) {
            if (!n->info[id].exact || still_exact(n, id)) continue;
            n->info[id].exact = false;
            again = true;
        }
    }
}

/* ---- one-sample arrays: norms */

static LTerms scalar_eq(Normal *n, Fx f, const LFactor *arg, uint32_t narg) {
    LScalar *s = ARENA_NEW(n->a, LScalar);
    *s = (LScalar){f, arena_copy(n->a, arg, narg * sizeof *arg), narg};
    LFactor *fac = ARENA_NEW(n->a, LFactor);
    *fac = (LFactor){.kind = LF_scalar, .scalar = s};
    LTerm *t = ARENA_NEW(n->a, LTerm);
    *t = (LTerm){.factor = fac, .nfactor = 1};
    return (LTerms){t, 1};
}

/* An array over the diagonal of a self array: f of it. */
static LArrayId add_like(Normal *n, LArrayId self, LKind kind, const char *prefix, Fx f) {
    LArray r = n->l->array.data[self];
    LFactor of = {.kind = LF_ref, .ref = {self, SIDE_x, r.diag}};
    r.naxis = r.ndiag;
    r.ncons = 0;
    const char *name = sym_text(n->c->syms, r.name);
    r.name = intern_fresh(n->c->syms, arena_printf(n->a, "%s.%s", prefix, name));
    r.kind = kind;
    r.nonneg = true;
    r.self[0] = r.self[1] = (LRef){0};
    r.eq = scalar_eq(n, f, &of, 1);
    vec_push(n->a, &n->l->array, r);
    return n->l->array.len - 1;
}

LArrayId normal_norm(Normal *n, LArrayId self) {
    SelfInfo *s = &n->self[self];
    if (s->norm) return s->norm;
    FxPool *fx = n->l->fx;
    Fx q = fx_theta(fx, 0), pos = fx_op(fx, FX_gt, q, fx_num(fx, 0), 0);
    Fx f = fx_op(fx, FX_if, pos, fx_op(fx, FX_sqrt, q, 0, 0), fx_num(fx, 1));
    return s->norm = add_like(n, self, LK_N, "s", f);
}

LArrayId normal_root(Normal *n, LArrayId self) {
    SelfInfo *s = &n->self[self];
    if (s->root) return s->root;
    FxPool *fx = n->l->fx;
    Fx q = fx_theta(fx, 0), pos = fx_op(fx, FX_gt, q, fx_num(fx, 0), 0);
    Fx f = fx_op(fx, FX_if, pos, fx_op(fx, FX_sqrt, q, 0, 0), fx_num(fx, 0));
    return s->root = add_like(n, self, LK_F, "root", f);
}

/* ---- tangent arrays */

LArrayId normal_c_twin(const Normal *n, LArrayId t) {
    const LArray *r = &n->l->array.data[t];
    for (LArrayId id = 1; id < n->n0; id++) {
        const LArray *q = &n->l->array.data[id];
        if (q->kind == LK_C && q->stage == LS_pair && q->A == r->A && q->B == r->B &&
            normal_candidate(n->l, id))
            return id;
    }
    return 0;
}

static bool t_arms(Normal *n, LArrayId id) {
    const LArray *r = &n->l->array.data[id];
    if (!equal_self(n, r)) return false;
    for (uint32_t i = 0; i < r->eq.n; i++) {
        Part p;
        if (!normal_part(n, &r->eq.term[i], &p)) return false;
        if (!p.operand) continue;
        if (p.operand->kind == LF_gram) {
            if (!gram_normal(n, &p.operand->gram) || !one_element(n, p.operand)) return false;
            continue;
        }
        const LArray *q = &n->l->array.data[p.operand->ref.array];
        if (q->stage != LS_pair || q->A != q->B || !q->self[0].array) return false;
        if (!one_element(n, p.operand)) return false;
    }
    return r->eq.n > 0;
}

/* The term E[..] * T(leaf, leaf): its tangent operand, or NULL. */
static const LFactor *leaf_operand(const Normal *n, const LArray *r, const LExp **e) {
    if (r->eq.n != 1 || r->eq.term[0].nred || r->eq.term[0].ncons) return NULL;
    const LFactor *op = NULL;
    *e = NULL;
    for (uint32_t k = 0; k < r->eq.term[0].nfactor; k++) {
        const LFactor *f = &r->eq.term[0].factor[k];
        if (f->kind == LF_exp && !*e) *e = f->exp;
        else if (f->kind == LF_ref && !op) op = f;
        else return NULL;
    }
    return *e && op && normal_is_unit(n->l, r, *e) ? op : NULL;
}

static bool flat_at_zero(const Normal *n, Fx f) {
    if (fx_nleaf(n->l->fx, f) > 1 || fx_ntheta(n->l->fx, f) || fx_has(n->l->fx, f, FX_hyper))
        return false;
    double zero = 0;
    FxEnv env = {.leaf = &zero};
    return fx_eval(n->l->fx, fx_diff(n->l->fx, f, 0), &env) == 0 && fx_eval(n->l->fx, f, &env) == 0;
}

/* A copy of shared arrays only, whatever the guards. */
static bool t_copy(Normal *n, LArrayId id) {
    LArrayId twin = normal_c_twin(n, id);
    for (uint32_t i = 0; i < n->l->array.data[id].eq.n; i++) {
        LArrayId of = normal_t_copies(n, id, twin, i);
        if (!of || n->info[of].t != T_SHARED) return false;
    }
    return true;
}

static void t_mode(Normal *n, LArrayId id) {
    const LArray *r = &n->l->array.data[id];
    NormInfo *i = &n->info[id];
    if (r->kind != LK_T || r->stage != LS_pair || r->A != r->B || !r->self[0].array) return;
    LArrayId twin = normal_c_twin(n, id);
    const LExp *e;
    const LFactor *op = leaf_operand(n, r, &e);
    if (op) {
        const LArray *q = &n->l->array.data[op->ref.array];
        LRef cross = normal_cross(e);
        const LArray *h = &n->l->array.data[cross.array];
        if (q->A != h->A || q->B != h->B) return;
        bool gate = twin && n->info[twin].c == C_GATE;
        const LExp *ce = gate ? only_exp(&n->l->array.data[twin]) : NULL;
        bool shared = ce && ce->plan->degree[0] == 1 && ce->plan->norm2 > 0 &&
                      e->plan->homogeneous && e->plan->norm2 > 0 && flat_at_zero(n, ce->F);
        i->t = shared ? T_SHARED : T_LEAF;
    } else if (twin && n->info[twin].unit && n->info[twin].c != C_PLAIN && t_arms(n, id)) {
        i->t = T_ARMS;
    }
}

static void t_modes(Normal *n) {
    for (LArrayId id = 1; id < n->n0; id++) t_mode(n, id);
    for (bool again = true; again;) { /* a leaf scale needs a scaled leaf */
        again = false;
        for (LArrayId id = 1; id < n->n0; id++) {
            NormInfo *i = &n->info[id];
            if (i->t != T_SHARED && i->t != T_LEAF) continue;
            const LExp *e;
            const LFactor *op = leaf_operand(n, &n->l->array.data[id], &e);
            if (n->info[op->ref.array].t == T_ARMS) continue;
            i->t = T_PLAIN;
            again = true;
        }
    }
    for (LArrayId id = 1; id < n->n0; id++)
        if (n->info[id].t == T_ARMS && t_copy(n, id)) n->info[id].t = T_COPY;
}

bool lower_normalise(Ctx *c, Limit *l) {
    lower_scales(c, l);
    uint32_t n0 = l->array.len;
    Normal n = {.c = c, .l = l, .a = c->a, .n0 = n0};
    n.info = ARENA_ARRAY(c->a, NormInfo, n0);
    n.self = ARENA_ARRAY(c->a, SelfInfo, n0);
    LTerms *eq = ARENA_ARRAY(c->a, LTerms, n0);
    for (LArrayId id = 1; id < n0; id++) {
        eq[id] = l->array.data[id].eq;
        if (normal_candidate(l, id)) n.info[id].c = c_mode(&n, id);
    }
    n.eq = eq;
    find_needs(&n);
    find_exact(&n);
    t_modes(&n);
    normal_rewrite(&n);
    return true;
}

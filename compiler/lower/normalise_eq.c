/* Rewriting of equations for normalised arrays.  Notation of product.md 2b: s norms, f arm factors
 * with sum f^2 = 1, e = 1 - c, o = 1 + c. */
#include "lower/normalise.h"

typedef VEC(LFactor) FactorVec;
typedef VEC(LTerm) TermVec;

/* ---- small constructors */

static LFactor ref_factor(LArrayId array, Side side, const Aff *idx) {
    return (LFactor){.kind = LF_ref, .ref = {array, side, idx}};
}

static LFactor scalar_factor(Normal *n, Fx f, const LFactor *arg, uint32_t narg) {
    LScalar *s = ARENA_NEW(n->a, LScalar);
    *s = (LScalar){f, arena_copy(n->a, arg, narg * sizeof *arg), narg};
    return (LFactor){.kind = LF_scalar, .scalar = s};
}

static LFactor coef_factor(Fx f) { return (LFactor){.kind = LF_coef, .coef = f}; }

static Fx theta(Normal *n, uint32_t k) { return fx_theta(n->l->fx, k); }

static LTerm term_of(Normal *n, const LTerm *like, const FactorVec *f) {
    LTerm t = *like;
    t.factor = arena_copy(n->a, f->data, f->len * sizeof *f->data);
    t.nfactor = f->len;
    return t;
}

static const Aff *idx_subst(Normal *n, const Aff *idx, uint32_t k, const LArray *r, const Aff *at) {
    const AffSubst *m = normal_subst(n->a, r, at);
    Aff *out = ARENA_ARRAY(n->a, Aff, k);
    for (uint32_t i = 0; i < k; i++) out[i] = aff_subst(n->l->aff, idx[i], m, r->naxis);
    return out;
}

/* The index of the self array of pair array id at element `at`, for a side.  Its first entries are
 * an index of the arrays made over the diagonal of the self array. */
static const Aff *self_idx(Normal *n, LArrayId id, int side, const Aff *at) {
    const LArray *r = &n->l->array.data[id];
    uint32_t k = n->l->array.data[r->self[side].array].naxis;
    return idx_subst(n, r->self[side].idx, k, r, at);
}

/* ---- reading a normalised array */

static LFactor read_c(Normal *n, LArrayId id, const Aff *at) {
    LFactor f = ref_factor(id, SIDE_none, at);
    if (n->l->array.data[id].kind != LK_E) return f;
    FxPool *fx = n->l->fx;
    return scalar_factor(n, fx_sub(fx, fx_num(fx, 1), theta(n, 0)), &f, 1);
}

static LFactor read_defect(Normal *n, LArrayId id, const Aff *at, LKind want) {
    LFactor f = ref_factor(id, SIDE_none, at);
    FxPool *fx = n->l->fx;
    bool e = n->l->array.data[id].kind == LK_E;
    if (e && want == LK_E) return f;
    if (e && n->info[id].codefect) return ref_factor(n->info[id].codefect, SIDE_none, at);
    Fx one = fx_num(fx, 1), two = fx_num(fx, 2), v = theta(n, 0);
    if (e) return scalar_factor(n, fx_sub(fx, two, v), &f, 1);
    Fx g = want == LK_E ? fx_sub(fx, one, v) : fx_add(fx, one, v); /* c is rounded: may pass +-1 */
    return scalar_factor(n, fx_op(fx, FX_max, g, fx_num(fx, 0), 0), &f, 1);
}

static bool is_unit_c(const Normal *n, LArrayId id) {
    return id < n->n0 && n->info[id].unit && n->info[id].c != C_PLAIN;
}

/* The array that holds c of this one; 0: none. */
static LArrayId array_of_c(const Normal *n, LArrayId id) {
    if (is_unit_c(n, id)) return id;
    return id < n->n0 ? n->info[id].c_array : 0;
}

/* Pushes the plain value of an element of a pair array: stored value times both sides' scales. */
static void push_plain(Normal *n, FactorVec *out, const LFactor *f) {
    LArrayId id = f->ref.array;
    const Aff *at = f->ref.idx;
    if (is_unit_c(n, id)) {
        LArrayId self = n->l->array.data[id].self[0].array, root = normal_root(n, self);
        vec_push(n->a, out, ref_factor(root, SIDE_x, self_idx(n, id, 0, at)));
        vec_push(n->a, out, ref_factor(root, SIDE_y, self_idx(n, id, 1, at)));
        vec_push(n->a, out, read_c(n, id, at));
        return;
    }
    if (id < n->n0 && n->info[id].scale.array) {
        const Scale *s = &n->info[id].scale;
        const LArray *r = &n->l->array.data[id];
        uint32_t k = n->l->array.data[s->array].naxis;
        vec_push(n->a, out, ref_factor(s->array, SIDE_x, idx_subst(n, s->x, k, r, at)));
        vec_push(n->a, out, ref_factor(s->array, SIDE_y, idx_subst(n, s->y, k, r, at)));
    }
    vec_push(n->a, out, *f);
}

static LTerms plain_terms(Normal *n, LTerms t);

static const LExp *plain_exp(Normal *n, const LExp *e) {
    LExp *o = arena_copy(n->a, e, sizeof *e);
    uint32_t k = e->nleaf;
    LTerms *cov = ARENA_ARRAY(n->a, LTerms, k * k), *mean = ARENA_ARRAY(n->a, LTerms, k);
    for (uint32_t p = 0; p < k; p++) {
        mean[p] = plain_terms(n, e->mean[p]);
        for (uint32_t q = p; q < k; q++) {
            bool unit = e->norm[0].array && p == 0 && q == e->nl;
            cov[p * k + q] = unit ? (LTerms){0} : plain_terms(n, e->cov[p * k + q]);
        }
    }
    o->cov = cov;
    o->mean = mean;
    return o;
}

/* Terms with every normalised array read back to its plain value. */
static LTerms plain_terms(Normal *n, LTerms t) {
    LTerm *out = ARENA_ARRAY(n->a, LTerm, t.n);
    for (uint32_t i = 0; i < t.n; i++) {
        FactorVec f = {0};
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            LFactor g = t.term[i].factor[k];
            if (g.kind == LF_exp) g.exp = plain_exp(n, g.exp);
            if (g.kind == LF_ref) push_plain(n, &f, &g);
            else vec_push(n->a, &f, g);
        }
        out[i] = term_of(n, &t.term[i], &f);
    }
    return (LTerms){out, t.n};
}

/* ---- unit expectations read c, 1 - c, 1 + c and the norms */

static const LExp *unit_exp(Normal *n, const LExp *e) {
    LRef cross = normal_cross(e);
    LArrayId c = cross.array < n->n0 ? n->info[cross.array].c_array : 0;
    if (!c && !is_unit_c(n, cross.array)) return e;
    LExp *o = arena_copy(n->a, e, sizeof *e);
    LArrayId self = n->l->array.data[cross.array].self[0].array, norm = normal_norm(n, self);
    bool defect = n->l->array.data[cross.array].kind == LK_E;
    LArrayId co = n->info[cross.array].codefect;
    if (defect) o->defect = (LRef){cross.array, SIDE_none, cross.idx};
    else o->unit = (LRef){c ? c : cross.array, SIDE_none, cross.idx};
    o->rounded = !n->info[cross.array].exact;
    if (co) o->codefect = (LRef){co, SIDE_none, cross.idx};
    o->norm[0] = (LRef){norm, SIDE_x, self_idx(n, cross.array, 0, cross.idx)};
    o->norm[1] = (LRef){norm, SIDE_y, self_idx(n, cross.array, 1, cross.idx)};
    return o;
}

static LFactor unit_factor(void *ctx, LFactor f) {
    if (f.kind == LF_exp) f.exp = unit_exp(ctx, f.exp);
    return f;
}

/* ---- arm factors f = sqrt(coef) * (scale of the operand) / s */

typedef struct Arms {
    Normal *n;
    LArrayId id;      /* the pair array */
    LArrayId norm;    /* s of its own vector */
    const LArray *r;
    TermVec out;
} Arms;

/* One-sample scale of an operand at the left sample: norm or root of what it stands for; false: 1.
 */
static bool operand_scale(Arms *w, const LFactor *op, LFactor *out) {
    Normal *n = w->n;
    if (op->kind == LF_gram) { /* sqrt of the self Gram: theta is squared there, see gram_root */
        LGram g = op->gram;
        g.self = true;
        g.def[1] = g.def[0];
        g.idx[1] = g.idx[0];
        g.side = SIDE_x;
        g.form = FORM_plain;
        g.kind = LK_C;
        *out = (LFactor){.kind = LF_gram, .gram = g};
        return true;
    }
    LArrayId id = op->ref.array;
    if (array_of_c(n, id)) {
        LArrayId self = n->l->array.data[id].self[0].array;
        *out = ref_factor(normal_root(n, self), SIDE_x, self_idx(n, id, 0, op->ref.idx));
        return true;
    }
    const Scale *s = &n->info[id].scale;
    if (!s->array) return false;
    uint32_t k = n->l->array.data[s->array].naxis;
    const Aff *x = idx_subst(n, s->x, k, &n->l->array.data[id], op->ref.idx);
    *out = ref_factor(s->array, SIDE_x, x);
    return true;
}

/* sqrt(coef) * scale * scale of the operand / s, as an expression of one-sample values. */
static LFactor arm_value(Arms *w, const Part *p) {
    Normal *n = w->n;
    FxPool *fx = n->l->fx;
    LFactor arg[3] = {ref_factor(w->norm, SIDE_x, normal_self_axes(n, w->id))};
    Fx num = fx_op(fx, FX_sqrt, p->coef, 0, 0);
    uint32_t narg = 1;
    if (p->operand && operand_scale(w, p->operand, &arg[narg])) {
        Fx s = theta(n, narg++);
        if (p->operand->kind == LF_gram) s = fx_op(fx, FX_sqrt, s, 0, 0);
        num = fx_mul(fx, num, s);
    }
    if (p->scale) {
        num = fx_mul(fx, num, theta(n, narg));
        arg[narg++] = *p->scale;
    }
    return scalar_factor(n, fx_div(fx, num, theta(n, 0)), arg, narg);
}

/* The sample array of an arm's factor (equal ones are one array). */
static LArrayId arm_factor(Arms *w, const LTerm *t, const Part *p) {
    Normal *n = w->n;
    LFactor f = arm_value(w, p);
    LArray a = *w->r;
    FactorVec fv = {0};
    vec_push(n->a, &fv, f);
    LTerm *one = ARENA_NEW(n->a, LTerm);
    LTerm like = {.cons = t->cons, .ncons = t->ncons};
    *one = term_of(n, &like, &fv);
    a.eq = (LTerms){one, 1};
    for (LArrayId k = n->n0; k < n->l->array.len; k++) {
        const LArray *q = &n->l->array.data[k];
        if (q->kind == LK_F && q->A == a.A && q->naxis == a.naxis && lterms_same(n->l, q->eq, a.eq))
            return k;
    }
    a.kind = LK_F;
    a.ncons = 0;
    a.stage = n->l->array.data[w->norm].stage;
    a.nonneg = true;
    a.self[0] = a.self[1] = (LRef){0};
    const char *base = sym_text(n->c->syms, n->l->p->def.data[a.A].name);
    a.name = intern_fresh(n->c->syms, arena_printf(n->a, "f.%s", base));
    vec_push(n->a, &n->l->array, a);
    return n->l->array.len - 1;
}

static const Aff *axes_of(Normal *n, const LArray *r) {
    Aff *idx = ARENA_ARRAY(n->a, Aff, r->naxis);
    for (uint32_t i = 0; i < r->naxis; i++) idx[i] = aff_name(n->l->aff, r->axis[i].var);
    return idx;
}

const Aff *normal_self_axes(Normal *n, LArrayId id) {
    return self_idx(n, id, 0, axes_of(n, &n->l->array.data[id]));
}

static void push_pair(Arms *w, FactorVec *f, LArrayId arm) {
    const Aff *at = axes_of(w->n, w->r);
    vec_push(w->n->a, f, ref_factor(arm, SIDE_x, at));
    vec_push(w->n->a, f, ref_factor(arm, SIDE_y, at));
}

/* The operand as c, 1 - c or 1 + c; false: it is 0 there (1 - c of a shared vector). */
static bool operand_as(Arms *w, const LFactor *op, LKind want, FactorVec *f) {
    Normal *n = w->n;
    FxPool *fx = n->l->fx;
    if (!op) { /* the same vector on both sides: c = 1 */
        if (want == LK_O) vec_push(n->a, f, coef_factor(fx_num(fx, 2)));
        return want != LK_E;
    }
    if (op->kind == LF_gram) {
        LFactor g = *op;
        g.gram.form = FORM_unit;
        g.gram.kind = want;
        vec_push(n->a, f, g);
        return true;
    }
    LArrayId id = array_of_c(n, op->ref.array);
    if (!id) vec_push(n->a, f, *op); /* a tangent array */
    else if (want == LK_C) vec_push(n->a, f, read_c(n, id, op->ref.idx));
    else vec_push(n->a, f, read_defect(n, id, op->ref.idx, want));
    return true;
}

/* ---- sum of (f - f')^2 / 2 over the arms of one guard, and the mask of zero variances */

static void push_spread(Arms *w, const LTerms *eq, const LArrayId *arm, uint32_t first) {
    Normal *n = w->n;
    FxPool *fx = n->l->fx;
    const Aff *at = axes_of(n, w->r);
    FactorVec arg = {0};
    Fx sum = 0;
    for (uint32_t i = first; i < eq->n; i++) {
        if (!normal_guards_same(&eq->term[first], &eq->term[i])) continue;
        Fx d = fx_sub(fx, theta(n, arg.len), theta(n, arg.len + 1)), dd = fx_mul(fx, d, d);
        sum = sum ? fx_add(fx, sum, dd) : dd;
        vec_push(n->a, &arg, ref_factor(arm[i], SIDE_x, at));
        vec_push(n->a, &arg, ref_factor(arm[i], SIDE_y, at));
    }
    Fx half = fx_mul(fx, fx_rat(fx, 1, 2), sum);
    FactorVec f = {0};
    vec_push(n->a, &f, scalar_factor(n, half, arg.data, arg.len));
    LTerm like = {.cons = eq->term[first].cons, .ncons = eq->term[first].ncons};
    vec_push(n->a, &w->out, term_of(n, &like, &f));
}

/* A sample of variance 0 has no direction: 1 - c is 1 with every other sample (sum f^2 is 0 there,
 * not 1, which leaves 1/2 missing for each such side).  like: under whose guards. */
static void push_zero_mask(Arms *w, const LTerm *like) {
    Normal *n = w->n;
    LArrayId self = w->r->self[0].array, z = normal_zero(n, self);
    Cons some = cons_ge(aff_plus(aff_name(n->l->aff, n->self[self].zeros), -1));
    LTerm t = normal_under(n, like, &some, 1);
    for (int side = 0; side < 2; side++) {
        const Aff *at = self_idx(n, w->id, side, axes_of(n, w->r));
        FactorVec f = {0};
        vec_push(n->a, &f, ref_factor(z, side ? SIDE_y : SIDE_x, at));
        vec_push(n->a, &w->out, term_of(n, &t, &f));
    }
}

/* Are all operands of the arms under the guards of term i known not to be negative? */
static bool guard_nonneg(Arms *w, const LTerms *eq, uint32_t i) {
    for (uint32_t k = 0; k < eq->n; k++) {
        if (!normal_guards_same(&eq->term[i], &eq->term[k])) continue;
        Part p;
        normal_part(w->n, &eq->term[k], &p);
        if (!p.operand) continue;
        if (p.operand->kind != LF_ref || !w->n->l->array.data[p.operand->ref.array].nonneg)
            return false;
    }
    return true;
}

/* 1 + c where c is not negative: 2 - e, whose rounding does not matter there. */
static void push_two_minus(Arms *w, const LTerm *like) {
    Normal *n = w->n;
    LFactor e = ref_factor(w->id, SIDE_none, axes_of(n, w->r));
    FxPool *fx = n->l->fx;
    FactorVec f = {0};
    vec_push(n->a, &f, scalar_factor(n, fx_sub(fx, fx_num(fx, 2), theta(n, 0)), &e, 1));
    LTerm t = {.cons = like->cons, .ncons = like->ncons};
    vec_push(n->a, &w->out, term_of(n, &t, &f));
}

/* ---- equations of the three forms */

static void push_arms(Arms *w, const LTerms *eq, const LArrayId *arm, LKind want, uint32_t first) {
    for (uint32_t i = first; i < eq->n; i++) {
        if (!normal_guards_same(&eq->term[first], &eq->term[i])) continue;
        Part p;
        normal_part(w->n, &eq->term[i], &p);
        FactorVec f = {0};
        if (arm[i]) push_pair(w, &f, arm[i]);
        if (operand_as(w, p.operand, want, &f))
            vec_push(w->n->a, &w->out, term_of(w->n, &eq->term[i], &f));
    }
}

/* Is term i the first under its guards? */
static bool opens(const LTerms *eq, uint32_t i) {
    for (uint32_t k = 0; k < i; k++)
        if (normal_guards_same(&eq->term[i], &eq->term[k])) return false;
    return true;
}

/* Do the guards of term k hold wherever those of term i do?  Of two that say the same, the first's.
 */
static bool covers(Arms *w, uint32_t k, uint32_t i) {
    Normal *n = w->n;
    return k != i && normal_guards_within(n, w->id, i, k) &&
           (k < i || !normal_guards_within(n, w->id, k, i));
}

/* The mask under the guards of term i, but once where those of several terms hold. */
static void push_mask_once(Arms *w, const LTerms *eq, uint32_t i) {
    Normal *n = w->n;
    ConsVec cons = {0};
    bool covered = false;
    for (uint32_t k = 0; k < eq->n && !covered; k++) covered = opens(eq, k) && covers(w, k, i);
    for (uint32_t k = 0; k < i; k++) {
        if (!opens(eq, k) || covers(w, i, k) || !normal_guards_overlap(n, w->id, i, k)) continue;
        const LTerm *t = &n->eq[w->id].term[k];
        vec_push(n->a, &cons, cons_not(n->l->aff, t->cons, t->ncons));
    }
    LTerm like = normal_under(n, &eq->term[i], cons.data, cons.len);
    if (!covered) push_zero_mask(w, &like);
}

/* The equation for c, 1 - c or 1 + c, one set of guards after the other. */
static LTerms arms_as(Arms *w, const LTerms *eq, const LArrayId *arm, LKind want) {
    w->out.data = NULL;
    w->out.len = w->out.cap = 0;
    for (uint32_t i = 0; i < eq->n; i++) {
        if (!opens(eq, i)) continue;
        if (want == LK_O && guard_nonneg(w, eq, i) && normal_guard_alone(w->n, w->id, i)) {
            push_two_minus(w, &eq->term[i]);
            continue;
        }
        push_arms(w, eq, arm, want, i);
        if (want == LK_C || !arm[i]) continue;
        push_spread(w, eq, arm, i);
        push_mask_once(w, eq, i);
    }
    return (LTerms){w->out.data, w->out.len};
}

/* 1 + c: 2 - (1 - c) where an arm keeps it away from 0, elsewhere the arms'. */
static LTerms codefect(Arms *w, const LTerms *eq, const LArrayId *arm) {
    Normal *n = w->n;
    ConsVec where = {0};
    if (!normal_strong(n, w->id, arm, &where)) return arms_as(w, eq, arm, LK_O);
    Cons rest = cons_not(n->l->aff, where.data, where.len);
    LTerm *under = ARENA_ARRAY(n->a, LTerm, eq->n);
    for (uint32_t i = 0; i < eq->n; i++) under[i] = normal_under(n, &eq->term[i], &rest, 1);
    LTerms exact = {under, eq->n};
    arms_as(w, &exact, arm, LK_O);
    push_two_minus(w, &(LTerm){.cons = where.data, .ncons = where.len});
    return (LTerms){w->out.data, w->out.len};
}

static Arms arms_begin(Normal *n, LArrayId id, LArrayId norm) {
    LArray *r = arena_copy(n->a, &n->l->array.data[id], sizeof *r);
    return (Arms){.n = n, .id = id, .norm = norm, .r = r};
}

/* 0: none, the term is a copy */
static LArrayId *arm_factors(Arms *w, const LTerms *eq) {
    LArrayId *arm = ARENA_ARRAY(w->n->a, LArrayId, eq->n);
    for (uint32_t i = 0; i < eq->n; i++) {
        Part p;
        if (normal_copies(w->n, w->id, i)) continue;
        normal_part(w->n, &eq->term[i], &p);
        arm[i] = arm_factor(w, &eq->term[i], &p);
    }
    return arm;
}

static void add_codefect(Normal *n, LArrayId id) {
    LArray r = n->l->array.data[id];
    const char *name = sym_text(n->c->syms, r.name);
    r.name = intern_fresh(n->c->syms, arena_printf(n->a, "%s.o", name));
    r.kind = LK_O;
    r.form = FORM_unit;
    r.eq = (LTerms){0};
    vec_push(n->a, &n->l->array, r);
    n->info[id].codefect = n->l->array.len - 1;
}

static void rewrite_arms(Normal *n, LArrayId id) {
    const LTerms *eq = &n->eq[id];
    Arms w = arms_begin(n, id, normal_norm(n, n->l->array.data[id].self[0].array));
    LArrayId *arm = arm_factors(&w, eq);
    LTerms e = arms_as(&w, eq, arm, n->info[id].need_e ? LK_E : LK_C);
    n->l->array.data[id].eq = e;
    if (n->info[id].codefect) {
        LTerms o = codefect(&w, eq, arm);
        n->l->array.data[n->info[id].codefect].eq = o;
    }
}

static void rewrite_gate(Normal *n, LArrayId id) {
    LTerms t = lterms_map(n->a, n->eq[id], unit_factor, n);
    LExp *e = arena_copy(n->a, t.term[0].factor[0].exp, sizeof *e);
    e->want = n->info[id].need_e ? EXP_complement : EXP_unit;
    LFactor *f = ARENA_NEW(n->a, LFactor);
    *f = (LFactor){.kind = LF_exp, .exp = plain_exp(n, e)};
    LTerm *m = arena_copy(n->a, t.term, sizeof *m);
    m->factor = f;
    n->l->array.data[id].eq = (LTerms){m, 1};
}

static LArrayId inverse_array(Normal *n, LArrayId self) {
    SelfInfo *s = &n->self[self];
    if (s->inverse) return s->inverse;
    FxPool *fx = n->l->fx;
    LArrayId norm = normal_norm(n, self);
    LArray r = n->l->array.data[norm];
    LFactor arg = ref_factor(norm, SIDE_x, axes_of(n, &r));
    FactorVec fv = {0};
    vec_push(n->a, &fv, scalar_factor(n, fx_div(fx, fx_num(fx, 1), theta(n, 0)), &arg, 1));
    LTerm *t = ARENA_NEW(n->a, LTerm), like = {0};
    *t = term_of(n, &like, &fv);
    const char *name = sym_text(n->c->syms, n->l->array.data[self].name);
    r.name = intern_fresh(n->c->syms, arena_printf(n->a, "inv.%s", name));
    r.kind = LK_F;
    r.eq = (LTerms){t, 1};
    vec_push(n->a, &n->l->array, r);
    return s->inverse = n->l->array.len - 1;
}

static void add_c_array(Normal *n, LArrayId id) {
    LArray r = n->l->array.data[id];
    LArrayId inv = inverse_array(n, r.self[0].array);
    const Aff *at = axes_of(n, &r);
    FactorVec f = {0};
    LTerm like = {0}, *t = ARENA_NEW(n->a, LTerm);
    vec_push(n->a, &f, ref_factor(inv, SIDE_x, self_idx(n, id, 0, at)));
    vec_push(n->a, &f, ref_factor(inv, SIDE_y, self_idx(n, id, 1, at)));
    vec_push(n->a, &f, ref_factor(id, SIDE_none, at));
    *t = term_of(n, &like, &f);
    r.name = intern_fresh(n->c->syms, arena_printf(n->a, "c.%s", sym_text(n->c->syms, r.name)));
    r.form = FORM_unit;
    r.eq = (LTerms){t, 1};
    vec_push(n->a, &n->l->array, r);
    n->info[id].c_array = n->l->array.len - 1;
}

/* ---- tangent arrays */

static void t_scale(Normal *n, LArrayId id) {
    NormInfo *i = &n->info[id];
    LArray *r = &n->l->array.data[id];
    const Aff *at = axes_of(n, r);
    if (i->t == T_ARMS || i->t == T_SHARED || i->t == T_COPY) {
        LArrayId self = r->self[0].array;
        LArrayId by = i->t == T_ARMS ? normal_norm(n, self) : normal_root(n, self);
        i->scale = (Scale){by, self_idx(n, id, 0, at), self_idx(n, id, 1, at)};
    } else if (i->t == T_LEAF) {
        const LExp *e = NULL;
        for (uint32_t k = 0; k < r->eq.term[0].nfactor; k++)
            if (r->eq.term[0].factor[k].kind == LF_exp) e = r->eq.term[0].factor[k].exp;
        LRef cross = normal_cross(e);
        LArrayId self = n->l->array.data[cross.array].self[0].array;
        i->scale = (Scale){normal_norm(n, self), self_idx(n, cross.array, 0, cross.idx),
                           self_idx(n, cross.array, 1, cross.idx)};
    }
    if (i->t != T_PLAIN) n->l->array.data[id].form = FORM_unit;
}

/* c of the array's own vector at its own index: no factor, 1 - c is right at variance 0 too. */
static bool is_own_c(Normal *n, const LArray *r, const LFactor *op) {
    if (!op || op->kind != LF_ref || !is_unit_c(n, op->ref.array)) return false;
    const LArray *q = &n->l->array.data[op->ref.array];
    if (q->A != r->A || q->naxis != r->naxis) return false;
    for (uint32_t i = 0; i < r->naxis; i++)
        if (!aff_eq(op->ref.idx[i], aff_name(n->l->aff, r->axis[i].var))) return false;
    return true;
}

/* The tangent array that term i passes on at the same scale: no factor. */
static bool is_passed_on(Normal *n, LArrayId id, uint32_t i) {
    LArrayId of = normal_t_copies(n, id, normal_c_twin(n, id), i);
    return of && (n->info[id].t == T_COPY || n->info[of].t == T_ARMS);
}

static void rewrite_t_arms(Normal *n, LArrayId id) {
    const LTerms *eq = &n->eq[id];
    Arms w = arms_begin(n, id, normal_norm(n, n->l->array.data[id].self[0].array));
    TermVec out = {0};
    for (uint32_t i = 0; i < eq->n; i++) {
        Part p;
        normal_part(n, &eq->term[i], &p);
        FactorVec f = {0};
        if (!p.scale && is_own_c(n, w.r, p.operand) && fx_is_num(n->l->fx, p.coef, 1)) {
            vec_push(n->a, &f, read_c(n, p.operand->ref.array, p.operand->ref.idx));
        } else if (is_passed_on(n, id, i)) {
            vec_push(n->a, &f, *p.operand);
        } else {
            push_pair(&w, &f, arm_factor(&w, &eq->term[i], &p));
            operand_as(&w, p.operand, LK_C, &f);
        }
        vec_push(n->a, &out, term_of(n, &eq->term[i], &f));
    }
    n->l->array.data[id].eq = (LTerms){out.data, out.len};
}

static LArrayId gate_twin(const Normal *n, LArrayId id) {
    for (LArrayId k = 1; k < n->n0; k++)
        if (n->info[k].c == C_GATE && n->l->array.data[k].A == n->l->array.data[id].A) return k;
    return 0;
}

/* r = F(h), F homogeneous of degree 1: |F|^2 = a s^2 and E[F' F'] = b unit, a and b numbers, so
 * that T(r) / (|F| |F'|) = (b / a) unit T(h) / (s s').  Elsewhere E[F' F'] T(h) / (s s'). */
static void rewrite_t_leaf(Normal *n, LArrayId id) {
    const LTerm *t = &n->eq[id].term[0];
    bool shared = n->info[id].t == T_SHARED;
    double norm2 = shared ? n->eq[gate_twin(n, id)].term[0].factor[0].exp->plan->norm2 : 1;
    FactorVec f = {0};
    for (uint32_t k = 0; k < t->nfactor; k++) {
        LFactor g = unit_factor(n, t->factor[k]);
        if (g.kind == LF_exp) {
            LExp *e = arena_copy(n->a, plain_exp(n, g.exp), sizeof *e);
            if (shared) e->want = EXP_unit;
            if (shared && e->plan->norm2 != norm2)
                vec_push(n->a, &f, coef_factor(fx_num(n->l->fx, e->plan->norm2 / norm2)));
            g.exp = e;
        }
        vec_push(n->a, &f, g);
    }
    LTerm *m = ARENA_NEW(n->a, LTerm);
    *m = term_of(n, t, &f);
    n->l->array.data[id].eq = (LTerms){m, 1};
}

/* ---- all of them */

void normal_rewrite(Normal *n) {
    for (LArrayId id = 1; id < n->n0; id++) {
        if (!is_unit_c(n, id)) continue;
        n->l->array.data[id].form = FORM_unit;
        if (n->info[id].need_e) n->l->array.data[id].kind = LK_E;
        if (n->info[id].need_o && n->info[id].c == C_ARMS) add_codefect(n, id);
    }
    for (LArrayId id = 1; id < n->n0; id++)
        if (n->info[id].apart) add_c_array(n, id);
    for (LArrayId id = 1; id < n->n0; id++) t_scale(n, id);
    for (LArrayId id = 1; id < n->n0; id++) {
        NormInfo *i = &n->info[id];
        if (is_unit_c(n, id)) {
            if (i->c == C_ARMS) rewrite_arms(n, id);
            else rewrite_gate(n, id);
        } else if (i->t == T_ARMS || i->t == T_COPY) {
            rewrite_t_arms(n, id);
        } else if (i->t != T_PLAIN) {
            rewrite_t_leaf(n, id);
        } else {
            LTerms eq = plain_terms(n, lterms_map(n->a, n->eq[id], unit_factor, n));
            n->l->array.data[id].eq = eq;
        }
    }
    for (uint32_t k = 0; k < n->l->nout; k++)
        n->l->out[k].value = plain_terms(n, n->l->out[k].value);
    normal_sink_codefects(n);
}

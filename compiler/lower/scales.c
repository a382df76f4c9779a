/* Scalar factors of terms, such as those of a layer norm, as sample arrays: 1 / sqrt(v[l, t] + eps)
 * is computed once for each element of v, and checked to be finite there. */
#include "diag/source.h"
#include "lower/lower.h"
#include "lower/walk.h"

typedef VEC(LFactor) FactorVec;

typedef struct Scales {
    Ctx *c;
    Limit *l;
    Arena *a;
    LArrayId first; /* of the arrays made here */
} Scales;

/* ---- products */

/* The theta nodes of f renumbered in order of occurrence; out: which arguments those are. */
typedef struct Used {
    Scales *s;
    const LScalar *of;
    uint32_t *number; /* by argument, + 1 */
    FactorVec arg;
} Used;

static void collect(Used *u, Fx f) {
    FxNode n = *fx_node(u->s->l->fx, f);
    if (n.op == FX_theta && !u->number[n.k]) {
        vec_push(u->s->a, &u->arg, u->of->arg[n.k]);
        u->number[n.k] = u->arg.len;
    }
    for (uint32_t i = 0; i < fx_arity(n.op); i++) collect(u, n.arg[i]);
}

static LScalar restricted(Scales *s, const LScalar *of, Fx f) {
    Used u = {.s = s, .of = of, .number = ARENA_ARRAY(s->a, uint32_t, of->narg)};
    Fx *theta = ARENA_ARRAY(s->a, Fx, of->narg);
    collect(&u, f);
    for (uint32_t k = 0; k < of->narg; k++)
        theta[k] = fx_theta(s->l->fx, u.number[k] ? u.number[k] - 1 : 0);
    return (LScalar){fx_map(s->l->fx, f, NULL, 0, theta, of->narg), u.arg.data, u.arg.len};
}

/* ---- arrays */

static bool known_nonneg(void *ctx, Fx f) {
    (void)ctx, (void)f;
    return false;
}

static bool dims_same(const Scales *s, const LArray *p, const LArray *q) {
    if (p->naxis != q->naxis || p->wrap || q->wrap || p->ncons || q->ncons) return false;
    AffSubst *m = ARENA_ARRAY(s->a, AffSubst, p->naxis);
    AffCtx *x = s->l->aff;
    for (uint32_t i = 0; i < p->naxis; i++) {
        if (!aff_eq(aff_subst(x, p->axis[i].lo, m, i), q->axis[i].lo) ||
            !aff_eq(aff_subst(x, p->axis[i].hi, m, i), q->axis[i].hi))
            return false;
        m[i] = (AffSubst){p->axis[i].var, aff_name(x, q->axis[i].var)};
    }
    return true;
}

/* Are all arguments elements of arrays over the same axes, at the same place, and nothing else
 * depends on that place? */
static bool one_place(const Scales *s, const LScalar *f) {
    if (!f->narg || fx_has(s->l->fx, f->f, FX_index)) return false;
    const LRef *r = &f->arg[0].ref;
    for (uint32_t k = 0; k < f->narg; k++) {
        const LRef *q = &f->arg[k].ref;
        if (f->arg[k].kind != LF_ref || q->side != r->side) return false;
        if (s->l->array.data[q->array].stage != LS_sample) return false;
        if (!dims_same(s, &s->l->array.data[r->array], &s->l->array.data[q->array])) return false;
        for (uint32_t i = 0; i < s->l->array.data[q->array].naxis; i++)
            if (!aff_eq(q->idx[i], r->idx[i])) return false;
    }
    return true;
}

static const Aff *own_idx(Scales *s, const LArray *r) {
    Aff *idx = ARENA_ARRAY(s->a, Aff, r->naxis);
    for (uint32_t i = 0; i < r->naxis; i++) idx[i] = aff_name(s->l->aff, r->axis[i].var);
    return idx;
}

static bool scale_same(const LArray *r, const LScalar *f) {
    const LScalar *g = r->eq.term[0].factor[0].scalar;
    if (g->f != f->f || g->narg != f->narg) return false;
    for (uint32_t k = 0; k < f->narg; k++)
        if (g->arg[k].ref.array != f->arg[k].ref.array) return false;
    return true;
}

/* The array of f over the axes of its arguments. */
static LArrayId scale_array(Scales *s, const LScalar *f) {
    for (LArrayId k = s->first; k < s->l->array.len; k++)
        if (scale_same(&s->l->array.data[k], f)) return k;
    LArray r = s->l->array.data[f->arg[0].ref.array];
    const Aff *at = own_idx(s, &r);
    LScalar *own = arena_copy(s->a, f, sizeof *own);
    LFactor *arg = ARENA_ARRAY(s->a, LFactor, f->narg), *fac = ARENA_NEW(s->a, LFactor);
    LTerm *t = ARENA_NEW(s->a, LTerm);
    for (uint32_t k = 0; k < f->narg; k++)
        arg[k] = (LFactor){
            .kind = LF_ref, .side = SIDE_x, .ref = {f->arg[k].ref.array, SIDE_x, at}};
    own->arg = arg;
    *fac = (LFactor){.kind = LF_scalar, .side = SIDE_x, .scalar = own};
    *t = (LTerm){.factor = fac, .nfactor = 1};
    const char *of = sym_text(s->c->syms, r.name);
    r.name = intern_fresh(s->c->syms, arena_printf(s->a, "scale.%s", of));
    r.kind = LK_F;
    r.data = false;
    r.nonneg = fx_nonneg(s->l->fx, f->f, known_nonneg, NULL);
    r.noisy = false;
    r.self[0] = r.self[1] = (LRef){0};
    r.diag = NULL;
    r.ndiag = 0;
    r.eq = (LTerms){t, 1};
    r.finite = arena_printf(s->a, "scale at %s", source_place(s->c->src, s->a, r.span));
    vec_push(s->a, &s->l->array, r);
    return s->l->array.len - 1;
}

/* ---- factors */

static void push_coef(Scales *s, FactorVec *out, Fx f) {
    if (fx_is_num(s->l->fx, f, 1)) return;
    LFactor c = {.kind = LF_coef, .coef = f};
    vec_push(s->a, out, c);
}

static void split(Scales *s, const LFactor *whole, Fx f, FactorVec *out) {
    FxNode n = *fx_node(s->l->fx, f);
    if (n.op == FX_mul) {
        split(s, whole, n.arg[0], out);
        split(s, whole, n.arg[1], out);
        return;
    }
    if (n.op == FX_neg) {
        push_coef(s, out, fx_num(s->l->fx, -1));
        split(s, whole, n.arg[0], out);
        return;
    }
    if (!fx_has(s->l->fx, f, FX_theta)) {
        push_coef(s, out, f);
        return;
    }
    LScalar *one = ARENA_NEW(s->a, LScalar);
    *one = restricted(s, whole->scalar, f);
    if (fx_node(s->l->fx, one->f)->op == FX_theta) {
        vec_push(s->a, out, one->arg[0]);
    } else if (one_place(s, one)) {
        LRef at = one->arg[0].ref;
        LFactor r = {.kind = LF_ref, .side = at.side, .ref = at};
        r.ref.array = scale_array(s, one);
        vec_push(s->a, out, r);
    } else {
        LFactor r = *whole;
        r.scalar = one;
        vec_push(s->a, out, r);
    }
}

/* One coefficient in front, as everywhere. */
static void gather(Scales *s, FactorVec *v) {
    Fx c = fx_num(s->l->fx, 1);
    FactorVec out = {0};
    for (uint32_t k = 0; k < v->len; k++)
        if (v->data[k].kind == LF_coef) c = fx_mul(s->l->fx, c, v->data[k].coef);
    push_coef(s, &out, c);
    for (uint32_t k = 0; k < v->len; k++)
        if (v->data[k].kind != LF_coef) vec_push(s->a, &out, v->data[k]);
    *v = out;
}

static bool has_scalar(const LTerm *t) {
    for (uint32_t k = 0; k < t->nfactor; k++)
        if (t->factor[k].kind == LF_scalar) return true;
    return false;
}

static LTerms rewritten(Scales *s, LTerms t) {
    LTerm *out = arena_copy(s->a, t.term, t.n * sizeof *out);
    for (uint32_t i = 0; i < t.n; i++) {
        FactorVec v = {0};
        if (!has_scalar(&t.term[i])) continue;
        for (uint32_t k = 0; k < t.term[i].nfactor; k++) {
            const LFactor *f = &t.term[i].factor[k];
            if (f->kind == LF_scalar) split(s, f, f->scalar->f, &v);
            else vec_push(s->a, &v, *f);
        }
        gather(s, &v);
        out[i].factor = v.data;
        out[i].nfactor = v.len;
    }
    return (LTerms){out, t.n};
}

void lower_scales(Ctx *c, Limit *l) {
    Scales s = {.c = c, .l = l, .a = c->a, .first = l->array.len};
    for (LArrayId id = 1; id < s.first; id++) {
        LTerms eq = rewritten(&s, l->array.data[id].eq);
        l->array.data[id].eq = eq;
    }
    for (uint32_t i = 0; i < l->nout; i++) {
        l->out[i].value = rewritten(&s, l->out[i].value);
        l->out[i].self = rewritten(&s, l->out[i].self);
    }
}

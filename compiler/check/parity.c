/* Parity of every definition when some vectors or Gaussian parts are negated together: the least
 * fixpoint from "zero", so that cycles of a loop are what their entries make them. */
#include "check/checker.h"

enum { MAX_INLINED = 2000 };

typedef struct Analysis {
    Checker *k;
    const SourceSet *s;
    ParityMode mode;
    Parity *of;
    bool *member; /* of the set, by family and orientation; NULL: it is short */
} Analysis;

static bool negated(const Analysis *a, FamId f, bool transposed) {
    if (a->member) return a->member[2 * f + transposed];
    for (uint32_t i = 0; i < a->s->len; i++)
        if (a->s->data[i].fam == f && a->s->data[i].transposed == transposed) return true;
    return false;
}

typedef struct Reading { /* leaves of a definition's forms */
    Checker *k;
    DefId d;
    const Parity *of;
} Reading;

static Parity leaf_parity(void *ctx, uint32_t leaf) {
    Reading *r = ctx;
    const Def *d = def_of(r->k, r->d);
    if (leaf < d->nuse) return r->of[d->use[leaf].d];
    Fx sref = r->k->def[r->d].sref.data[leaf - d->nuse];
    return r->of[fx_node(r->k->p->fx, sref)->k];
}

Parity form_parity_of(Checker *k, DefId d, Form f, const Parity *of, bool deep) {
    Reading r = {k, d, of};
    return deep ? form_parity_deep(k->forms, f, leaf_parity, &r)
                : form_parity(k->forms, f, leaf_parity, &r);
}

static Parity source_parity(Analysis *a, const Def *d) {
    if (negated(a, d->fam, d->op == PO_matmul && d->transposed)) return PAR_odd;
    return fact_zero(a->k, fam_of(a->k, d->fam)->s2) ? PAR_zero : PAR_even;
}

static Parity product_parity(Analysis *a, const Def *d) {
    Checker *k = a->k;
    Parity x = a->of[d->use[0].d];
    if (fam_of(k, d->fam)->kind == FAM_input_matrix) return source_parity(a, d);
    if (fact_zero(k, fam_of(k, d->fam)->s2)) return PAR_zero;
    if (a->mode == PARITY_INITIAL) return x;
    return source_parity(a, d);
}

static Parity arms_parity(Analysis *a, DefId id) {
    const Def *d = def_of(a->k, id);
    Parity r = PAR_zero;
    for (uint32_t i = 0; i < d->narm; i++) {
        if (fact_zero(a->k, d->arm[i].coef)) continue;
        Parity c = form_parity_of(a->k, id, def_form(a->k, id, i), a->of, false);
        if (d->op == PO_lin) c = parity_mul(c, a->of[d->arm[i].use.d]);
        else if (c == PAR_none) c = PAR_even; /* a number */
        r = parity_join(r, c);
    }
    return r;
}

/* A moment is a number: even; of what is odd, 0. */
static Parity moment_parity(Parity x) {
    return x == PAR_odd || x == PAR_zero ? PAR_zero : PAR_even;
}

/* ---- several definitions as one expression */

/* What is neither odd nor even may cancel in a sum: exp(x) - exp(-x).  Operands without a parity
 * are written out. */
typedef struct Inline {
    Analysis *a;
    VEC(Use) leaf; /* the others, by number */
    uint32_t depth;
    bool failed;
} Inline;

typedef struct Inlining {
    Inline *in;
    DefId id;
    const AffSubst *m; /* the definition's dims */
    uint32_t n;
} Inlining;

/* A sum of multiples. */
static bool plain_lin(Checker *k, DefId id) {
    const Def *d = def_of(k, id);
    bool plain = d->op == PO_lin && !d->mu;
    for (uint32_t i = 0; i < d->narm && plain; i++)
        plain = !d->arm[i].nred && !d->arm[i].ncons &&
                !form_node(k->forms, def_form(k, id, i)).leaves;
    return plain;
}

static Form inline_use(Inline *in, Use u, const AffSubst *m, uint32_t n);

static Form inline_leaf(void *ctx, uint32_t leaf) {
    Inlining *t = ctx;
    Checker *k = t->in->a->k;
    const Def *d = def_of(k, t->id);
    Form f = leaf < d->nuse ? inline_use(t->in, d->use[leaf], t->m, t->n) : 0; /* no scalars */
    t->in->failed |= !f;
    return f ? f : FORM_ZERO;
}

static Form inline_def(Inline *in, DefId id, const AffSubst *m, uint32_t n) {
    Checker *k = in->a->k;
    const Def *d = def_of(k, id);
    Inlining t = {in, id, m, n};
    if (d->op == PO_nonlin) return form_subst(k->forms, def_form(k, id, 0), inline_leaf, &t);
    Form sum = FORM_ZERO;
    for (uint32_t i = 0; i < d->narm && sum; i++) {
        Form c = def_form(k, id, i);
        if (!c || form_node(k->forms, c).leaves) return 0;
        Form x = inline_use(in, d->arm[i].use, m, n);
        sum = form_add(k->forms, sum, form_mul(k->forms, c, x));
    }
    return sum;
}

static Form inline_use(Inline *in, Use u, const AffSubst *m, uint32_t n) {
    Checker *k = in->a->k;
    const Def *d = def_of(k, u.d);
    Aff *idx = ARENA_ARRAY(k->a, Aff, d->ndim);
    for (uint32_t i = 0; i < d->ndim; i++) idx[i] = aff_subst(k->p->aff, u.idx[i], m, n);
    if (d->op == PO_one) return FORM_ONE;
    bool open = d->op == PO_nonlin && in->a->of[u.d] == PAR_none;
    if ((open || plain_lin(k, u.d)) && !d->wrap && in->depth < 8) {
        AffSubst *to = ARENA_ARRAY(k->a, AffSubst, d->ndim);
        for (uint32_t i = 0; i < d->ndim; i++) to[i] = (AffSubst){d->dim[i].var, idx[i]};
        in->depth++;
        Form f = inline_def(in, u.d, to, d->ndim);
        in->depth--;
        return f;
    }
    for (uint32_t i = 0; i < in->leaf.len; i++) {
        const Use *o = &in->leaf.data[i];
        bool same = o->d == u.d;
        for (uint32_t j = 0; j < d->ndim && same; j++) same = aff_eq(o->idx[j], idx[j]);
        if (same) return form_leaf(k->forms, i);
    }
    vec_push(k->a, &in->leaf, (Use){.d = u.d, .idx = idx});
    return form_leaf(k->forms, in->leaf.len - 1);
}

static Parity inlined_leaf(void *ctx, uint32_t leaf) {
    Inline *in = ctx;
    return in->a->of[in->leaf.data[leaf].d];
}

static Parity inlined_parity(Analysis *a, DefId id) {
    const Def *d = def_of(a->k, id);
    Inline in = {.a = a};
    bool any = false; /* an operand that can be written out */
    for (uint32_t i = 0; i < d->nuse + d->narm; i++) {
        DefId o = i < d->nuse ? d->use[i].d : d->arm[i - d->nuse].use.d;
        ProgramOp op = def_of(a->k, o)->op;
        any |= a->of[o] == PAR_none && (op == PO_nonlin || op == PO_lin);
    }
    if (a->k->inlined > MAX_INLINED || d->nuse + d->narm > 8) return PAR_none;
    if (!any || (d->op == PO_lin && !plain_lin(a->k, id))) return PAR_none;
    a->k->inlined++;
    Form f = inline_def(&in, id, NULL, 0);
    if (in.leaf.len > 12) a->k->inlined += 20; /* long ones are for few */
    return !f || in.failed ? PAR_none : form_parity_deep(a->k->forms, f, inlined_leaf, &in);
}

static Parity plain_parity(Analysis *a, DefId id) {
    const Def *d = def_of(a->k, id);
    switch (d->op) {
    case PO_input: case PO_basis: case PO_one: case PO_noise: case PO_data: case PO_softmax:
        return PAR_even;
    case PO_param: return source_parity(a, d);
    case PO_matmul: return product_parity(a, d);
    case PO_lin:
    case PO_scalar: return arms_parity(a, id);
    case PO_nonlin: return form_parity_of(a->k, id, def_form(a->k, id, 0), a->of, true);
    case PO_second:
        return moment_parity(parity_mul(a->of[d->use[0].d], a->of[d->use[1].d]));
    case PO_mean: return moment_parity(a->of[d->use[0].d]);
    case PO_grad: case PO_inner: case PO_output: return PAR_even;
    }
    return PAR_even;
}

static Parity def_parity(Analysis *a, DefId id) {
    if (def_empty(a->k, id)) return PAR_zero;
    Parity r = plain_parity(a, id);
    ProgramOp op = def_of(a->k, id)->op;
    return r == PAR_none && (op == PO_lin || op == PO_nonlin) ? inlined_parity(a, id) : r;
}

/* Vectors that contain a negated one, directly or through other vectors or scalars. */
static void contains(Analysis *a, bool *in) {
    Checker *k = a->k;
    for (bool change = true; change;) {
        change = false;
        for (DefId d = 1; d < k->p->def.len; d++) {
            const Def *o = def_of(k, d);
            if (in[d] || !k->needed[d] || a->of[d] == PAR_zero) continue;
            bool own = o->op == PO_param ||
                       (o->op == PO_matmul && fam_of(k, o->fam)->kind == FAM_input_matrix);
            in[d] = own && negated(a, o->fam, false);
            for (uint32_t i = 0; i < k->reads[d].len && !in[d]; i++)
                in[d] = in[k->reads[d].data[i]];
            change |= in[d];
        }
    }
}

static void settle(Analysis *a, const DefIds *at) {
    for (bool change = true; change;) {
        change = false;
        for (uint32_t i = 0; i < at->len; i++) {
            DefId d = at->data[i];
            if (a->of[d] == PAR_none) continue;
            Parity q = parity_join(a->of[d], def_parity(a, d));
            if (q == a->of[d]) continue;
            a->of[d] = q;
            change = true;
        }
    }
}

void parities_in(Checker *k, const SourceSet *s, const DefIds *at, Parity *of) {
    Analysis a = {k, s, PARITY_SOURCES, of, NULL};
    if (s->len > 8) a.member = ARENA_ARRAY(k->a, bool, 2 * k->p->fam.len);
    for (uint32_t i = 0; i < s->len && a.member; i++)
        a.member[2 * s->data[i].fam + s->data[i].transposed] = true;
    for (uint32_t i = 0; i < at->len; i++) of[at->data[i]] = PAR_zero;
    settle(&a, at);
}

void parities(Checker *k, const SourceSet *s, Parities *out) {
    Analysis a = {k, s, PARITY_INITIAL, ARENA_ARRAY(k->a, Parity, k->p->def.len), NULL};
    DefIds at = {0};
    for (DefId d = 1; d < k->p->def.len; d++)
        if (k->needed[d]) vec_push(k->a, &at, d);
    settle(&a, &at);
    out->of = a.of;
    out->contains = ARENA_ARRAY(k->a, bool, k->p->def.len);
    contains(&a, out->contains);
}

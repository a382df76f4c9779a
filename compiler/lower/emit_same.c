/* Pairs of one sample with itself, or with an equal one.  Correlations that carry rounding errors
 * are not exactly 1 there, and a kink or jump turns an error u into sqrt(u): so they are set to 1
 * by a mask, made once from the data. */
#include "lower/emit.h"

/* Does this expectation read a correlation that has to be 1 for equal samples, and may not be? */
static bool wants(const LExp *x) {
    if (!x->G || x->nl == x->nleaf || !x->plan->needs_defect) return false;
    return !x->norm[0].array || x->rounded;
}

static bool terms_want(LTerms t) {
    for (uint32_t i = 0; i < t.n; i++)
        for (uint32_t k = 0; k < t.term[i].nfactor; k++)
            if (t.term[i].factor[k].kind == LF_exp && wants(t.term[i].factor[k].exp)) return true;
    return false;
}

static KVal input_same(Emit *e, uint32_t in) {
    KBuild *b = &e->b;
    Aff none = aff_const(0);
    uint32_t norm = emit_input(e, TP_IN_NORM, KS_sample, in, in, none);
    uint32_t gram = emit_input(e, TP_IN_GRAM, KS_sample, in, in, none);
    uint32_t defect = emit_input(e, TP_IN_DEFECT, KS_pair, in, in, none);
    KVal zero = kb_num(b, 0), v[2], q[2];
    for (int s = 0; s < 2; s++) {
        v[s] = kb_load(b, norm, s ? SIDE_y : SIDE_x, NULL, 0);
        q[s] = kb_op(b, KO_eq, kb_load(b, gram, s ? SIDE_y : SIDE_x, NULL, 0), zero, 0);
    }
    KVal parallel = kb_op(b, KO_eq, kb_load(b, defect, SIDE_none, NULL, 0), zero, 0);
    KVal both_zero = kb_op(b, KO_and, q[0], q[1], 0); /* 1 - c is 1 there */
    KVal either = kb_op(b, KO_or, parallel, both_zero, 0);
    return kb_op(b, KO_and, kb_op(b, KO_eq, v[0], v[1], 0), either, 0);
}

/* Samples with positions or data of their own are told apart by the runtime. */
static KVal class_same(Emit *e) {
    uint32_t c = emit_input(e, TP_IN_CLASS, KS_sample, 0, 0, aff_const(0));
    return kb_op(&e->b, KO_eq, kb_load(&e->b, c, SIDE_x, NULL, 0),
                 kb_load(&e->b, c, SIDE_y, NULL, 0), 0);
}

static bool has_classes(const Program *p) {
    for (uint32_t i = 0; i < p->input.len; i++)
        if (p->input.data[i].is_data || p->input.data[i].npos) return true;
    return false;
}

void emit_same(Emit *e) {
    const Limit *l = e->l;
    bool any = false;
    for (LArrayId id = 1; id < l->array.len && !any; id++)
        any = l->array.data[id].stage == LS_pair && terms_want(l->array.data[id].eq);
    for (uint32_t i = 0; i < l->nout && !any; i++) any = terms_want(l->out[i].value);
    if (any && has_classes(l->p)) {
        e->same = class_same(e);
        return;
    }
    for (uint32_t i = 0; any && i < l->p->input.len; i++) {
        KVal m = input_same(e, i);
        e->same = e->same ? kb_op(&e->b, KO_and, e->same, m, 0) : m;
    }
}

/* The mask, where elements ix of the left sample and iy of the right one are one element too. */
static KVal same_element(Emit *e, const Aff *ix, const Aff *iy, uint32_t n) {
    KVal m = e->same;
    for (uint32_t i = 0; i < n; i++) {
        Aff d = aff_sub(e->x, ix[i], iy[i]);
        if (aff_is_const(d)) {
            if (d.c) return 0;
            continue;
        }
        KVal eq = kb_op(&e->b, KO_eq, kb_index(&e->b, d), kb_num(&e->b, 0), 0);
        m = kb_op(&e->b, KO_and, m, eq, 0);
    }
    return m;
}

KVal emit_same_unit(Emit *e, const LExp *x) {
    if (!e->same || !x->rounded || !x->plan->needs_defect) return 0;
    if (e->l->array.data[x->norm[0].array].noisy) return 0;
    return same_element(e, x->norm[0].idx, x->norm[1].idx,
                        e->l->array.data[x->norm[0].array].naxis);
}

/* The second moment of leaf p of the left sample and leaf q of the right one is a moment of one
 * definition: an array of its own with self arrays at both indices. */
KVal emit_same_cross(Emit *e, const LExp *x, uint32_t p, uint32_t q) {
    LTerms t = x->cov[p * x->nleaf + q];
    if (!e->same || !x->plan->needs_defect || p >= x->nl || q < x->nl) return 0;
    if (t.n != 1 || t.term[0].nred || t.term[0].ncons) return 0;
    const LFactor *f = &t.term[0].factor[t.term[0].nfactor - 1]; /* scales may stand before it */
    if (f->kind == LF_scalar && f->scalar->narg == 1) f = f->scalar->arg; /* 1 - c is stored */
    if (f->kind != LF_ref) return 0;
    const LArray *r = &e->l->array.data[f->ref.array];
    if (r->stage != LS_pair || !r->self[0].array || r->self[0].array != r->self[1].array) return 0;
    if ((r->kind != LK_C && r->kind != LK_E) || r->noisy) return 0;
    uint32_t n = e->l->array.data[r->self[0].array].naxis;
    AffSubst *m = ARENA_ARRAY(e->c->a, AffSubst, r->naxis);
    for (uint32_t i = 0; i < r->naxis; i++) m[i] = (AffSubst){r->axis[i].var, f->ref.idx[i]};
    Aff *ix = ARENA_ARRAY(e->c->a, Aff, n), *iy = ARENA_ARRAY(e->c->a, Aff, n);
    for (uint32_t i = 0; i < n; i++) {
        ix[i] = aff_subst(e->x, r->self[0].idx[i], m, r->naxis);
        iy[i] = aff_subst(e->x, r->self[1].idx[i], m, r->naxis);
    }
    return same_element(e, ix, iy, n);
}

/* Soundness of a limit: every read inside its array's axes, stages in order, sides where they
 * belong. */
#include "limit/limit.h"

typedef struct Verify {
    const Ctx *c;
    const Limit *l;
    Arena *a;
    Sym reader;
    LStage stage;
    bool softmax; /* of the equation at hand */
    const char *bad;
} Verify;

static void complain(Verify *v, const char *what, const char *of) {
    if (v->bad) return;
    const char *name = v->reader ? sym_text(v->c->syms, v->reader) : "an output";
    v->bad = arena_printf(v->a, "%s: %s%s", name, what, of);
}

static const char *cons_text(Verify *v, Cons k) {
    Buf b = buf_new(v->a);
    cons_print(v->c->syms, &b, k);
    return buf_text(&b);
}

static void verify_bound(Verify *v, const LArray *r, const Cons *path, uint32_t n, Cons k) {
    if (aff_implied(v->l->aff, path, n, k)) return;
    Buf b = buf_new(v->a);
    buf_printf(&b, "reads %s outside its axes: %s does not hold under [",
               sym_text(v->c->syms, r->name), cons_text(v, k));
    for (uint32_t i = 0; i < n; i++) buf_printf(&b, "%s%s", i ? " & " : "", cons_text(v, path[i]));
    buf_putc(&b, ']');
    complain(v, buf_text(&b), "");
}

/* The array's sizes are those of the sample at the reference's side. */
static const AffSubst *sizes_at(Verify *v, Side side, uint32_t *n) {
    const Program *p = v->l->p;
    AffSubst *m = ARENA_ARRAY(v->a, AffSubst, p->size.len);
    *n = 0;
    for (uint32_t i = 0; side == SIDE_y && i < p->size.len; i++) {
        Sym s = p->size.data[i].name;
        if (!program_size_varies(p, s)) continue;
        m[(*n)++] = (AffSubst){s, aff_name(v->l->aff, affctx_prime(v->l->aff, s))};
    }
    return m;
}

static void verify_ref(Verify *v, LRef f, const Cons *path, uint32_t n) {
    AffCtx *x = v->l->aff;
    if (!f.array) return;
    if (f.array >= v->l->array.len) return complain(v, "reads an array that is not there", "");
    const LArray *r = &v->l->array.data[f.array];
    const char *name = sym_text(v->c->syms, r->name);
    if (r->stage > v->stage) complain(v, "reads an array of a later stage: ", name);
    if (f.side == SIDE_y && v->stage != LS_pair) complain(v, "reads side y outside pair: ", name);
    bool sided = r->stage == LS_sample || r->stage == LS_series;
    if (sided == (f.side == SIDE_none)) complain(v, "a side where none belongs, or none: ", name);
    uint32_t nsize;
    const AffSubst *size = sizes_at(v, f.side, &nsize);
    AffSubst *m = ARENA_ARRAY(v->a, AffSubst, r->naxis + nsize);
    memcpy(m, size, nsize * sizeof *m);
    for (uint32_t i = 0; i < r->naxis; i++) {
        uint32_t k = nsize + i;
        Aff lo = aff_subst(x, r->axis[i].lo, m, k), hi = aff_subst(x, r->axis[i].hi, m, k);
        m[k] = (AffSubst){r->axis[i].var, f.idx[i]};
        if (r->wrap >> i & 1) continue;
        if (r->halo) lo = aff_plus(lo, -r->halo[2 * i]);
        if (r->halo) hi = aff_plus(hi, r->halo[2 * i + 1]);
        verify_bound(v, r, path, n, cons_le(x, lo, f.idx[i]));
        verify_bound(v, r, path, n, cons_lt(x, f.idx[i], hi));
    }
    for (uint32_t i = 0; i < r->ncons && !r->halo; i++)
        verify_bound(v, r, path, n, cons_subst(x, r->cons[i], m, nsize + r->naxis));
}

static void verify_terms(Verify *v, LTerms t, const Cons *path, uint32_t n);
static void verify_factor(Verify *v, const LFactor *f, const Cons *path, uint32_t n);

static void verify_exp(Verify *v, const LExp *e, const Cons *path, uint32_t n) {
    if (e->nl > e->nleaf) complain(v, "an expectation with more left leaves than leaves", "");
    if (fx_nleaf(v->l->fx, e->F) > e->nleaf || (e->G && fx_nleaf(v->l->fx, e->G) > e->nleaf))
        complain(v, "an expectation without all its leaves", "");
    for (uint32_t p = 0; p < e->nleaf; p++) {
        verify_terms(v, e->mean[p], path, n);
        for (uint32_t q = p; q < e->nleaf; q++)
            verify_terms(v, e->cov[p * e->nleaf + q], path, n);
    }
    for (uint32_t k = 0; k < e->ntheta; k++) verify_factor(v, &e->theta[k], path, n);
    verify_ref(v, e->unit, path, n);
    verify_ref(v, e->defect, path, n);
    verify_ref(v, e->codefect, path, n);
    for (int s = 0; s < 2; s++) verify_ref(v, e->norm[s], path, n);
}

static void verify_factor(Verify *v, const LFactor *f, const Cons *path, uint32_t n) {
    switch (f->kind) {
    case LF_ref: verify_ref(v, f->ref, path, n); break;
    case LF_gram:
        if (f->gram.side == SIDE_y && v->stage != LS_pair)
            complain(v, "reads a Gram at side y outside pair", "");
        if (!f->gram.self && v->stage != LS_pair)
            complain(v, "reads a pair's Gram outside pair", "");
        break;
    case LF_coef:
        if (fx_has(v->l->fx, f->coef, FX_leaf)) complain(v, "a coefficient with a leaf", "");
        if (fx_has(v->l->fx, f->coef, FX_sref)) complain(v, "a scalar that is no array", "");
        break;
    case LF_exp:
    case LF_hermite: verify_exp(v, f->exp, path, n); break;
    case LF_series: verify_exp(v, f->series->exp, path, n); break;
    case LF_scalar:
        for (uint32_t k = 0; k < f->scalar->narg; k++)
            verify_factor(v, &f->scalar->arg[k], path, n);
        break;
    case LF_softmax:
        verify_terms(v, f->softmax->logit, path, n);
        if (v->reader && !v->softmax) complain(v, "a softmax that is not alone", "");
        break;
    }
}

static void verify_terms(Verify *v, LTerms t, const Cons *path, uint32_t n) {
    for (uint32_t i = 0; i < t.n && !v->bad; i++) {
        const LTerm *m = &t.term[i];
        ConsVec p = {0};
        for (uint32_t k = 0; k < n; k++) vec_push(v->a, &p, path[k]);
        for (uint32_t k = 0; k < m->nred; k++)
            cons_range(v->l->aff, &p, m->red[k].var, m->red[k].lo, m->red[k].hi);
        for (uint32_t k = 0; k < m->ncons; k++) vec_push(v->a, &p, m->cons[k]);
        for (uint32_t k = 0; k < m->nfactor; k++)
            verify_factor(v, &m->factor[k], p.data, p.len);
    }
}

static void verify_names(Verify *v) {
    for (LArrayId i = 1; i < v->l->array.len; i++)
        for (LArrayId k = 1; k < i; k++)
            if (v->l->array.data[i].name == v->l->array.data[k].name)
                complain(v, "two arrays of one name: ",
                         sym_text(v->c->syms, v->l->array.data[i].name));
}

static void verify_output(Verify *v, LStage stage, const Dim *axis, uint32_t n, LTerms t) {
    ConsVec dom = {0};
    for (uint32_t k = 0; k < n; k++)
        cons_range(v->l->aff, &dom, axis[k].var, axis[k].lo, axis[k].hi);
    v->stage = stage;
    verify_terms(v, t, dom.data, dom.len);
}

const char *limit_verify(const Ctx *c, const Limit *l) {
    Verify v = {.c = c, .l = l, .a = c->a, .stage = LS_pair};
    verify_names(&v);
    for (LArrayId i = 1; i < l->array.len && !v.bad; i++) {
        const LArray *r = &l->array.data[i];
        ConsVec dom = {0};
        for (uint32_t k = 0; k < r->naxis; k++)
            cons_range(l->aff, &dom, r->axis[k].var, r->axis[k].lo, r->axis[k].hi);
        for (uint32_t k = 0; k < r->ncons; k++) vec_push(v.a, &dom, r->cons[k]);
        v.reader = r->name;
        v.stage = r->stage;
        v.softmax = r->kind == LK_S && r->eq.n == 1 && r->eq.term[0].nfactor == 1;
        verify_terms(&v, r->eq, dom.data, dom.len);
        for (int s = 0; s < 2; s++) verify_ref(&v, r->self[s], dom.data, dom.len);
    }
    v.reader = 0;
    v.stage = LS_pair;
    for (uint32_t k = 0; k < l->nout; k++) {
        const LOutput *o = &l->out[k];
        verify_output(&v, LS_pair, o->axis, o->naxis, o->value);
        verify_output(&v, LS_sample, o->self_axis, o->noisy ? o->naxis : 0, o->self);
    }
    return v.bad;
}

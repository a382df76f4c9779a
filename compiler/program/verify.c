/* Structure of a program: what every later stage relies on. */
#include "program/program.h"

typedef struct Verify {
    const Ctx *c;
    const Program *p;
    const Def *d;      /* being looked at */
    ConsVec path;      /* its ranges, and those of the arm */
    const char *wrong; /* the first thing found */
} Verify;

static const char *name(Verify *v, Sym s) { return sym_text(v->c->syms, s); }

static bool fail(Verify *v, const char *what) {
    if (!v->wrong)
        v->wrong = arena_printf(v->c->a, "%s: %s", v->d ? name(v, v->d->name) : "program", what);
    return false;
}

/* ---- names in scope */
static bool known_name(Verify *v, Sym s, const Dim *dim, uint32_t n, const Arm *arm) {
    for (uint32_t i = 0; i < n; i++)
        if (dim[i].var == s) return true;
    for (uint32_t i = 0; arm && i < arm->nred; i++)
        if (arm->red[i].var == s) return true;
    return affctx_is_size(v->p->aff, s);
}

static bool known_names(Verify *v, Aff a, uint32_t ndim, const Arm *arm) {
    const Dim *dim = v->d ? v->d->dim : v->p->out_dim;
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!known_name(v, a.term[i].name, dim, ndim, arm))
            return fail(v, arena_printf(v->c->a, "`%s` is no dim or size in scope",
                                        name(v, a.term[i].name)));
    return true;
}

static bool cons_known(Verify *v, Cons c, const Arm *arm) {
    if (c.kind != CONS_not) return known_names(v, c.e, v->d->ndim, arm);
    for (uint32_t i = 0; i < c.nof; i++)
        if (!cons_known(v, c.of[i], arm)) return false;
    return true;
}

static bool hyper_known(Verify *v, Sym s) {
    for (uint32_t i = 0; i < v->p->hyper.len; i++)
        if (v->p->hyper.data[i].name == s) return v->p->hyper.data[i].kind == HYPER_real;
    return false;
}

static bool use_known(Verify *v, Use u, const Arm *arm);

static bool sref_known(Verify *v, const FxNode *n, const Arm *arm) {
    if (!v->d || n->k < 1 || n->k >= v->p->def.len || n->nidx != v->p->def.data[n->k].ndim)
        return fail(v, "a scalar that does not exist");
    if (!program_op_is_scalar(v->p->def.data[n->k].op))
        return fail(v, "a vector where a scalar is read");
    return use_known(v, (Use){.d = n->k, .idx = n->idx}, arm);
}

/* A scalar expression: leaves below nleaf, real hyperparameters, names in scope. */
static bool fx_known(Verify *v, Fx f, uint32_t nleaf, const Arm *arm) {
    if (!f) return fail(v, "an expression is missing");
    const FxNode *n = fx_node(v->p->fx, f);
    if (n->op == FX_leaf && n->k >= nleaf) return fail(v, "a leaf without an operand");
    if (n->op == FX_theta) return fail(v, "a scalar without a definition");
    if (n->op == FX_sref && !sref_known(v, n, arm)) return false;
    if (n->op == FX_hyper && !hyper_known(v, n->k))
        return fail(v, arena_printf(v->c->a, "`%s` is no real hyperparameter", name(v, n->k)));
    if (n->op == FX_dim && n->k >= v->p->input.len) return fail(v, "dim of an unknown input");
    if (n->op == FX_index && !known_names(v, n->aff, v->d ? v->d->ndim : 0, arm)) return false;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!fx_known(v, n->arg[i], nleaf, arm)) return false;
    return true;
}

/* ---- operands */
static bool use_known(Verify *v, Use u, const Arm *arm) {
    if (u.d < 1 || u.d >= v->p->def.len) return fail(v, "an operand does not exist");
    const Def *o = &v->p->def.data[u.d];
    DefId own = v->d ? (DefId)(v->d - v->p->def.data) : v->p->def.len;
    uint32_t ndim = v->d ? v->d->ndim : v->p->nout_dim;
    if (u.d >= own && !o->mu && !v->d->mu)
        return fail(v, arena_printf(v->c->a, "`%s` is used before its definition",
                                    name(v, o->name)));
    AffSubst *m = ARENA_ARRAY(v->c->a, AffSubst, o->ndim);
    for (uint32_t i = 0; i < o->ndim; i++) {
        Aff lo = aff_subst(v->p->aff, o->dim[i].lo, m, i);
        Aff hi = aff_subst(v->p->aff, o->dim[i].hi, m, i);
        if (!known_names(v, u.idx[i], ndim, arm)) return false;
        m[i] = (AffSubst){o->dim[i].var, u.idx[i]};
        if (o->wrap >> i & 1) continue;
        if (!aff_implied(v->p->aff, v->path.data, v->path.len, cons_le(v->p->aff, lo, u.idx[i])) ||
            !aff_implied(v->p->aff, v->path.data, v->path.len, cons_lt(v->p->aff, u.idx[i], hi)))
            return fail(v, arena_printf(v->c->a, "index %u of `%s` leaves its range", i,
                                        name(v, o->name)));
    }
    return true;
}

static bool is_scalar(const Def *d) { return program_op_is_scalar(d->op); }
static bool is_output(const Def *d) { return d->op == PO_inner || d->op == PO_output; }

static bool vector_use(Verify *v, Use u, Fx width, const Arm *arm) {
    if (!use_known(v, u, arm)) return false;
    const Def *o = &v->p->def.data[u.d];
    if (is_scalar(o)) return fail(v, "an operand is no vector");
    return o->width == width || fail(v, arena_printf(v->c->a, "`%s` has another width",
                                                     name(v, o->name)));
}

static bool arm_known(Verify *v, const Arm *a) {
    const Program *p = v->p;
    uint32_t keep = v->path.len;
    for (uint32_t i = 0; i < a->nred; i++) {
        Arm outer = *a;
        outer.nred = i;
        if (!known_names(v, a->red[i].lo, v->d->ndim, &outer) ||
            !known_names(v, a->red[i].hi, v->d->ndim, &outer))
            return false;
        cons_range(p->aff, &v->path, a->red[i].var, a->red[i].lo, a->red[i].hi);
    }
    for (uint32_t i = 0; i < a->ncons; i++) {
        if (!cons_known(v, a->cons[i], a)) return false;
        vec_push(v->c->a, &v->path, a->cons[i]);
    }
    bool ok = fx_known(v, a->coef, 0, a);
    if (v->d->op == PO_lin) {
        ok = ok && vector_use(v, a->use, v->d->width, a);
    } else if (ok && v->d->op == PO_output) {
        ok = use_known(v, a->use, a) &&
             (is_output(&p->def.data[a->use.d]) || fail(v, "an operand is no output"));
    } else if (ok && a->use.d) {
        ok = fail(v, "a scalar with a vector");
    }
    v->path.len = keep;
    return ok;
}

/* ---- families */
static bool family_use(Verify *v, bool matrix) {
    const Def *d = v->d;
    if (d->fam >= v->p->fam.len) return fail(v, "the family does not exist");
    const Fam *f = &v->p->fam.data[d->fam];
    bool is_matrix = f->kind == FAM_matrix || f->kind == FAM_input_matrix;
    bool noise = f->kind == FAM_noise;
    if (is_matrix != matrix || noise != (d->op == PO_noise))
        return fail(v, "a family of the wrong kind");
    if (d->nfidx != f->nindex) return fail(v, "a wrong number of family indices");
    for (uint32_t i = 0; i < d->nfidx; i++)
        if (!known_names(v, d->fidx[i], d->ndim, NULL)) return false;
    Fx rows = d->transposed ? f->cols : f->rows;
    return d->width == rows || fail(v, "a width other than the family's");
}

static bool matmul_known(Verify *v) {
    const Def *d = v->d;
    if (!family_use(v, true) || d->nuse != 1) return fail(v, "a product has one operand");
    const Fam *f = &v->p->fam.data[d->fam];
    Fx cols = f->kind == FAM_input_matrix ? 0 : d->transposed ? f->rows : f->cols;
    return vector_use(v, d->use[0], cols, NULL);
}

static bool fam_known(Verify *v, const Fam *f) {
    v->d = NULL;
    bool ok = fx_known(v, f->s2, 0, NULL) && fx_known(v, f->lr, 0, NULL) &&
              fx_known(v, f->rows, 0, NULL);
    if (ok && f->kind == FAM_matrix) ok = fx_known(v, f->cols, 0, NULL);
    if (ok && !f->trained && !fx_is_zero(v->p->fx, f->lr))
        ok = fail(v, "a random family with a learning rate");
    return ok;
}

/* ---- sizes and inputs */
static bool size_known(Verify *v, Aff a, uint32_t nsize) {
    for (uint32_t i = 0; i < a.nterm; i++) {
        Sym s = a.term[i].name;
        bool known = false;
        for (uint32_t k = 0; k < nsize; k++) known |= v->p->size.data[k].name == s;
        for (uint32_t k = 0; k < v->p->hyper.len; k++)
            known |= v->p->hyper.data[k].name == s && v->p->hyper.data[k].kind == HYPER_int;
        if (!known)
            return fail(v, arena_printf(v->c->a, "`%s` is no size declared before", name(v, s)));
    }
    return true;
}

static bool sizes_known(Verify *v) {
    const Program *p = v->p;
    for (uint32_t i = 0; i < p->size.len; i++) {
        const SizeDef *z = &p->size.data[i];
        if (!size_known(v, z->a, i) || !size_known(v, z->b, i)) return false;
        if (z->kind == SIZE_floor && z->k <= 0) return fail(v, "a size over a divisor below 1");
        for (uint32_t k = 0; k < i; k++)
            if (p->size.data[k].name == z->name) return fail(v, "two sizes of one name");
    }
    for (uint32_t i = 0; i < p->input.len; i++)
        for (uint32_t k = 0; k < p->input.data[i].npos; k++)
            if (!size_known(v, p->input.data[i].size[k], p->size.len)) return false;
    for (uint32_t i = 0; i < p->varying.len; i++) {
        bool known = false;
        for (uint32_t k = 0; k < p->size.len; k++)
            known |= p->size.data[k].name == p->varying.data[i] &&
                     p->size.data[k].kind == SIZE_position;
        if (!known) return fail(v, "what varies is no position size");
    }
    return true;
}

/* The dims of an input are its axes. */
static bool axes_known(Verify *v) {
    const Def *d = v->d;
    const InputDecl *in = &v->p->input.data[d->input];
    if (d->ndim != in->npos) return fail(v, "a wrong number of indices");
    for (uint32_t i = 0; i < d->ndim; i++)
        if (!aff_eq(d->dim[i].lo, aff_const(0)) || !aff_eq(d->dim[i].hi, in->size[i]))
            return fail(v, "a dim that is no axis of the input");
    return true;
}

/* ---- definitions */
static bool dims_known(Verify *v, const Dim *dim, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (!known_names(v, dim[i].lo, i, NULL) || !known_names(v, dim[i].hi, i, NULL))
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (dim[k].var == dim[i].var) return fail(v, "two dims of one name");
        cons_range(v->p->aff, &v->path, dim[i].var, dim[i].lo, dim[i].hi);
    }
    return true;
}

static bool output_known(Verify *v) {
    const Program *p = v->p;
    v->d = NULL;
    v->path.len = 0;
    if (p->out < 1 || p->out >= p->def.len) return fail(v, "there is no output");
    if (!program_op_is_scalar(p->def.data[p->out].op)) return fail(v, "the output is a vector");
    return dims_known(v, p->out_dim, p->nout_dim) &&
           use_known(v, (Use){.d = p->out, .idx = p->out_idx}, NULL);
}

static bool nonlin_known(Verify *v) {
    const Def *d = v->d;
    if (!d->nuse) return fail(v, "a function of no vectors");
    for (uint32_t i = 0; i < d->nuse; i++)
        if (!vector_use(v, d->use[i], d->width, NULL)) return false;
    return (d->width || fail(v, "a function of data")) && fx_known(v, d->f, d->nuse, NULL);
}

static bool inner_known(Verify *v) {
    const Def *d = v->d;
    if (d->nuse != 2) return fail(v, "an inner product of two vectors");
    if (!use_known(v, d->use[0], NULL)) return false;
    Fx width = v->p->def.data[d->use[0].d].width;
    if (!width) return fail(v, "an inner product with data");
    return vector_use(v, d->use[0], width, NULL) && vector_use(v, d->use[1], width, NULL) &&
           fx_known(v, d->f, 0, NULL);
}

static bool data_known(Verify *v) {
    const Def *d = v->d;
    if (d->input >= v->p->input.len || !v->p->input.data[d->input].is_data)
        return fail(v, "the data argument does not exist");
    return axes_known(v);
}

static bool moment_known(Verify *v, uint32_t n) {
    const Def *d = v->d;
    if (d->nuse != n) return fail(v, "a moment of a wrong number of vectors");
    if (!use_known(v, d->use[0], NULL)) return false;
    Fx width = v->p->def.data[d->use[0].d].width;
    for (uint32_t i = 0; i < n; i++)
        if (!vector_use(v, d->use[i], width, NULL)) return false;
    return width || fail(v, "a moment of data");
}

static bool grad_known(Verify *v) {
    const Def *d = v->d;
    if (d->nuse != 2) return fail(v, "a gradient of an output by a vector");
    return vector_use(v, d->use[0], d->width, NULL) && use_known(v, d->use[1], NULL) &&
           (is_scalar(&v->p->def.data[d->use[1].d]) || fail(v, "a gradient of a vector"));
}

static bool def_known(Verify *v) {
    const Def *d = v->d;
    v->path.len = 0;
    if (!dims_known(v, d->dim, d->ndim)) return false;
    if (d->wrap && (d->op != PO_lin || d->mu || d->wrap >> d->ndim))
        return fail(v, "only dims of a lin wrap around");
    if (d->mu && ((d->op != PO_lin && d->op != PO_scalar) || !d->ndim))
        return fail(v, "mu is a lin or a scalar over a loop");
    switch (d->op) {
    case PO_input:
    case PO_basis:
        if (d->width) return fail(v, "a data vector has no width");
        if (d->input >= v->p->input.len) return fail(v, "the input does not exist");
        if (d->op == PO_input && !axes_known(v)) return false;
        return known_names(v, d->basis, d->ndim, NULL);
    case PO_one: return d->width || fail(v, "the constant vector has a width");
    case PO_param:
    case PO_noise: return family_use(v, false);
    case PO_data: return data_known(v);
    case PO_second: return moment_known(v, 2);
    case PO_mean: return moment_known(v, 1);
    case PO_grad: return grad_known(v);
    case PO_softmax:
        if (d->over >= d->ndim) return fail(v, "a softmax over a dim that does not exist");
        for (uint32_t i = 0; i < d->narm; i++)
            if (d->arm[i].nred) return fail(v, "a softmax of a sum");
        break;
    case PO_matmul: return matmul_known(v);
    case PO_nonlin: return nonlin_known(v);
    case PO_inner: return inner_known(v);
    case PO_lin:
    case PO_scalar:
    case PO_output: break;
    }
    for (uint32_t i = 0; i < d->narm; i++)
        if (!arm_known(v, &d->arm[i])) return false;
    return true;
}

static bool names_unique(Verify *v) {
    for (uint32_t i = 1; i < v->p->def.len; i++)
        for (uint32_t k = i + 1; k < v->p->def.len; k++)
            if (v->p->def.data[i].name == v->p->def.data[k].name)
                return fail(v, arena_printf(v->c->a, "two definitions `%s`",
                                            name(v, v->p->def.data[i].name)));
    return true;
}

const char *program_verify(const Ctx *c, const Program *p) {
    Verify v = {.c = c, .p = p};
    if (!names_unique(&v) || !sizes_known(&v)) return v.wrong;
    for (uint32_t i = 0; i < p->fam.len; i++)
        if (!fam_known(&v, &p->fam.data[i])) return v.wrong;
    for (uint32_t i = 1; i < p->def.len; i++) {
        v.d = &p->def.data[i];
        if (!def_known(&v)) return v.wrong;
    }
    if (!output_known(&v)) return v.wrong;
    for (uint32_t i = 0; i < p->check.len; i++) fx_known(&v, p->check.data[i].value, 0, NULL);
    return v.wrong;
}

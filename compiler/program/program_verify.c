/* Is the program sound?  The first fault found, as a sentence.
 *
 * Not decided here: that a loop-carried definition reads earlier turns only (beyond reading itself),
 * and that the members of a family are the intended ones. */
#include "program/program.h"
#include <stdio.h>

typedef struct Verifier {
    const Ctx *c;
    const Program *p;
    AffCtx *x;
    const char *fault;
    const char *where;   /* "definition `h`", .. */
    ConsVec path;        /* ranges and guards around the current place */
    VEC(Sym) open;       /* dims and reductions around it */
    VEC(uint32_t) seen;  /* expression nodes visited, by walk */
    uint32_t walk;
} Verifier;

static bool fault(Verifier *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fault(Verifier *v, const char *fmt, ...) {
    if (v->fault) return false;
    va_list ap;
    va_start(ap, fmt);
    char what[300];
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    v->fault = arena_printf(v->c->a, "%s: %s", v->where, what);
    return false;
}

static const char *text(const Verifier *v, Sym s) { return sym_text(v->c->syms, s); }

static const char *aff_text(const Verifier *v, Aff a) {
    Buf b = buf_new(v->c->a);
    aff_print(v->c->syms, &b, a);
    return buf_text(&b);
}

static const char *fx_show(const Verifier *v, Fx f) {
    if (!f) return "none";
    Buf b = buf_new(v->c->a);
    fx_print(v->p->fx, v->c->syms, &b, f);
    return buf_text(&b);
}

static const Def *def_of(const Verifier *v, DefId d) { return &v->p->def.data[d]; }

static void enter(Verifier *v, const char *what, Sym name) {
    v->where = arena_printf(v->c->a, "%s `%s`", what, text(v, name));
    v->path.len = v->open.len = 0;
}

/* ---- names */
static const Hyper *hyper_named(const Verifier *v, Sym s) {
    for (uint32_t i = 0; i < v->p->hyper.len; i++)
        if (v->p->hyper.data[i].name == s) return &v->p->hyper.data[i];
    return NULL;
}

static bool is_size(const Verifier *v, Sym s) {
    if (!affctx_is_size(v->x, s)) return false;
    const Hyper *h = hyper_named(v, s);
    if (h) return h->kind == HYPER_int;
    for (uint32_t i = 0; i < v->p->input.len; i++)
        for (uint32_t k = 0; k < v->p->input.data[i].npos; k++)
            if (v->p->input.data[i].size[k] == s) return true;
    return false;
}

static bool is_open(const Verifier *v, Sym s) {
    for (uint32_t i = 0; i < v->open.len; i++)
        if (v->open.data[i] == s) return true;
    return false;
}

static bool check_names(Verifier *v, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!is_open(v, a.term[i].name) && !is_size(v, a.term[i].name))
            return fault(v, "`%s` is neither a size nor an index here", text(v, a.term[i].name));
    return true;
}

static bool check_cons(Verifier *v, const Cons *c) {
    if (c->kind != CONS_not) return check_names(v, c->e);
    for (uint32_t i = 0; i < c->nof; i++)
        if (!check_cons(v, &c->of[i])) return false;
    return true;
}

/* ---- expressions */
static bool check_node(Verifier *v, Fx f) {
    while (v->seen.len <= f) vec_push(v->c->a, &v->seen, 0);
    if (v->seen.data[f] == v->walk) return true;
    v->seen.data[f] = v->walk;
    const FxNode *n = fx_node(v->p->fx, f);
    if (n->op == FX_index && !check_names(v, n->aff)) return false;
    if (n->op == FX_dim && n->k >= v->p->input.len)
        return fault(v, "the dimension of input %u, which is not declared", n->k);
    if (n->op == FX_hyper && !hyper_named(v, n->k))
        return fault(v, "hyperparameter `%s` is not declared", text(v, n->k));
    if (n->op == FX_theta || n->op == FX_sref)
        return fault(v, "a scalar operand, which programs do not have yet");
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!check_node(v, n->arg[i])) return false;
    return true;
}

static bool check_fx(Verifier *v, const char *what, Fx f, uint32_t nleaf) {
    if (!f) return fault(v, "%s is missing", what);
    v->walk++;
    if (!check_node(v, f)) return false;
    uint32_t n = fx_nleaf(v->p->fx, f);
    if (n <= nleaf) return true;
    if (!nleaf) return fault(v, "%s is no scalar: %s", what, fx_show(v, f));
    return fault(v, "%s reads vector %u of %u", what, n, nleaf);
}

/* ---- ranges */
/* What holds beside what `not` constraints say (aff_implied takes none as a premise): where all but
 * one part of one are implied, the negation of that part. */
static void assume(Verifier *v, const Cons *c) {
    const Cons *open = NULL;
    Arena *a = v->c->a;
    if (c->kind != CONS_not) {
        vec_push(a, &v->path, *c);
        return;
    }
    for (uint32_t i = 0; i < c->nof; i++) {
        if (aff_implied(v->x, v->path.data, v->path.len, c->of[i])) continue;
        if (open) return;
        open = &c->of[i];
    }
    if (!open) {
        vec_push(a, &v->path, cons_ge(aff_const(-1))); /* the place is never reached */
        return;
    }
    if (open->kind == CONS_ge) vec_push(a, &v->path, cons_not(v->x, open, 1));
    if (open->kind != CONS_eq) return;
    Aff above = aff_plus(open->e, -1), below = aff_plus(aff_scale(v->x, open->e, -1), -1);
    if (aff_implied(v->x, v->path.data, v->path.len, cons_ge(open->e)))
        vec_push(a, &v->path, cons_ge(above));
    else if (aff_implied(v->x, v->path.data, v->path.len, cons_ge(aff_scale(v->x, open->e, -1))))
        vec_push(a, &v->path, cons_ge(below));
}

static bool check_dims(Verifier *v, const Dim *dim, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        const Dim *d = &dim[i];
        if (!d->var || affctx_is_size(v->x, d->var))
            return fault(v, "`%s` cannot be an index", text(v, d->var));
        if (is_open(v, d->var)) return fault(v, "index `%s` stands twice", text(v, d->var));
        if (!check_names(v, d->lo) || !check_names(v, d->hi)) return false;
        vec_push(v->c->a, &v->open, d->var);
        cons_range(v->x, &v->path, d->var, d->lo, d->hi);
    }
    return true;
}

/* Indices inside the operand's dims, whose bounds may use its earlier dims. */
static bool check_ranges(Verifier *v, DefId id, const Aff *idx) {
    const Def *d = def_of(v, id);
    AffSubst *m = ARENA_ARRAY(v->c->a, AffSubst, d->ndim);
    for (uint32_t i = 0; i < d->ndim; i++) {
        if (!check_names(v, idx[i])) return false;
        Aff lo = aff_subst(v->x, d->dim[i].lo, m, i), hi = aff_subst(v->x, d->dim[i].hi, m, i);
        if (!aff_implied(v->x, v->path.data, v->path.len, cons_le(v->x, lo, idx[i])))
            return fault(v, "index %s of `%s` may lie below %s", aff_text(v, idx[i]),
                         text(v, d->name), aff_text(v, lo));
        if (!aff_implied(v->x, v->path.data, v->path.len, cons_lt(v->x, idx[i], hi)))
            return fault(v, "index %s of `%s` may reach %s", aff_text(v, idx[i]), text(v, d->name),
                         aff_text(v, hi));
        m[i] = (AffSubst){d->dim[i].var, idx[i]};
    }
    return true;
}

static bool check_element(Verifier *v, DefId d, const Aff *idx) {
    if (d >= v->p->def.len || !def_of(v, d)->name)
        return fault(v, "operand %u does not exist", d);
    return check_ranges(v, d, idx);
}

/* ---- vectors */
static bool is_scalar(const Def *d) { return d->op == PO_inner || d->op == PO_output; }

/* Data: of the input's dimension, not of a width in n. */
static bool is_data(const Def *d) {
    return d->op == PO_input || d->op == PO_basis || (d->op == PO_lin && !d->width);
}

static bool check_width(Verifier *v, const Def *o, Fx want, const char *what) {
    if (o->width == want) return true;
    return fault(v, "`%s` has width %s, %s has %s", text(v, o->name), fx_show(v, o->width), what,
                 fx_show(v, want));
}

static bool check_order(Verifier *v, DefId id, const Use *u) {
    const Def *d = def_of(v, id);
    if (u->d < id) return true;
    if (!d->mu) return fault(v, "operand `%s` comes later", text(v, def_of(v, u->d)->name));
    if (u->d != id) return true;
    for (uint32_t i = 0; i < d->ndim; i++) {
        Aff own = aff_name(v->x, d->dim[i].var);
        if (aff_implied(v->x, v->path.data, v->path.len, cons_lt(v->x, u->idx[i], own))) return true;
    }
    return fault(v, "it reads itself, and not in an earlier turn");
}

static bool check_use(Verifier *v, DefId id, const Use *u) {
    return check_element(v, u->d, u->idx) && check_order(v, id, u);
}

/* An operand that is a vector of the network's, not data. */
static bool check_vector(Verifier *v, DefId id, const Use *u) {
    if (!check_use(v, id, u)) return false;
    const Def *o = def_of(v, u->d);
    if (is_scalar(o)) return fault(v, "operand `%s` is a scalar", text(v, o->name));
    return !is_data(o) || fault(v, "operand `%s` is data", text(v, o->name));
}

/* ---- definitions, by kind */
static bool check_family(Verifier *v, const Def *d, bool vector) {
    if (d->fam >= v->p->fam.len || !v->p->fam.data[d->fam].name)
        return fault(v, "family %u does not exist", d->fam);
    const Fam *f = &v->p->fam.data[d->fam];
    if ((f->kind == FAM_vector) != vector)
        return fault(v, "family `%s` is not one of %s", text(v, f->name),
                     vector ? "vectors" : "matrices");
    if (d->nfidx != f->nindex)
        return fault(v, "%u indices of family `%s`, which has %u", d->nfidx, text(v, f->name),
                     f->nindex);
    for (uint32_t i = 0; i < d->nfidx; i++)
        if (!check_names(v, d->fidx[i])) return false;
    return true;
}

static bool check_input(Verifier *v, const Def *d) {
    if (d->input >= v->p->input.len) return fault(v, "input %u is not declared", d->input);
    if (d->op == PO_basis) return check_names(v, d->basis);
    uint32_t npos = v->p->input.data[d->input].npos;
    return d->ndim == npos || fault(v, "%u dims of an input with %u positions", d->ndim, npos);
}

static bool check_param(Verifier *v, const Def *d) {
    if (!check_family(v, d, true)) return false;
    const Fam *f = &v->p->fam.data[d->fam];
    return d->width == f->rows ||
           fault(v, "width %s of a vector whose family has %s", fx_show(v, d->width),
                 fx_show(v, f->rows));
}

static bool check_matmul(Verifier *v, DefId id, const Def *d) {
    if (!check_family(v, d, false)) return false;
    if (d->nuse != 1) return fault(v, "a matrix is applied to %u vectors", d->nuse);
    const Fam *f = &v->p->fam.data[d->fam];
    const char *name = text(v, f->name);
    if (!check_use(v, id, &d->use[0])) return false;
    const Def *o = def_of(v, d->use[0].d);
    if (is_scalar(o)) return fault(v, "operand `%s` is a scalar", text(v, o->name));
    if (is_data(o) != (f->kind == FAM_input_matrix))
        return fault(v, "%s `%s` is applied to `%s`, which is %sdata",
                     is_data(o) ? "matrix" : "input matrix", name, text(v, o->name),
                     is_data(o) ? "" : "not ");
    if (f->kind == FAM_input_matrix && d->transposed)
        return fault(v, "input matrix `%s` is transposed", name);
    Fx from = d->transposed ? f->rows : f->cols, to = d->transposed ? f->cols : f->rows;
    if (!is_data(o) && !check_width(v, o, from, arena_printf(v->c->a, "`%s`", name))) return false;
    return d->width == to || fault(v, "width %s of a product that has %s", fx_show(v, d->width),
                                   fx_show(v, to));
}

static bool check_arm_operand(Verifier *v, DefId id, const Def *d, const Use *u) {
    if (!check_use(v, id, u)) return false;
    const Def *o = def_of(v, u->d);
    const char *name = text(v, o->name);
    if (is_scalar(o) != is_scalar(d))
        return fault(v, is_scalar(o) ? "operand `%s` is a scalar" : "operand `%s` is a vector", name);
    if (is_data(o) != is_data(d))
        return fault(v, is_data(o) ? "operand `%s` is data" : "operand `%s` is not data", name);
    return check_width(v, o, d->width, "the sum");
}

static bool check_arm(Verifier *v, DefId id, const Def *d, const Arm *a) {
    uint32_t npath = v->path.len, nopen = v->open.len;
    bool ok = check_dims(v, a->red, a->nred);
    for (uint32_t i = 0; ok && i < a->ncons; i++) {
        ok = check_cons(v, &a->cons[i]);
        if (ok) assume(v, &a->cons[i]);
    }
    ok = ok && check_fx(v, "a coefficient", a->coef, 0) && check_arm_operand(v, id, d, &a->use);
    v->path.len = npath;
    v->open.len = nopen;
    return ok;
}

static bool check_nonlin(Verifier *v, DefId id, const Def *d) {
    if (!check_fx(v, "the function", d->f, d->nuse)) return false;
    for (uint32_t i = 0; i < d->nuse; i++)
        if (!check_vector(v, id, &d->use[i]) ||
            !check_width(v, def_of(v, d->use[i].d), d->width, "the result"))
            return false;
    return d->nuse || fault(v, "a function of no vector");
}

static bool check_inner(Verifier *v, DefId id, const Def *d) {
    if (d->nuse != 2) return fault(v, "an inner product of %u vectors", d->nuse);
    if (!check_fx(v, "the coefficient", d->f, 0)) return false;
    if (!check_vector(v, id, &d->use[0]) || !check_vector(v, id, &d->use[1])) return false;
    const Def *left = def_of(v, d->use[0].d);
    return check_width(v, def_of(v, d->use[1].d), left->width,
                       arena_printf(v->c->a, "`%s`", text(v, left->name)));
}

static bool check_own_width(Verifier *v, const Def *d) {
    if (is_scalar(d) || d->op == PO_input || d->op == PO_basis)
        return !d->width || fault(v, "it has no width in n, but %s", fx_show(v, d->width));
    if (is_data(d)) return true;
    uint32_t n = v->open.len; /* a width may not depend on an index */
    v->open.len = 0;
    bool ok = check_fx(v, "the width", d->width, 0);
    v->open.len = n;
    return ok;
}

static bool check_mu(Verifier *v, const Def *d) {
    if (d->op != PO_lin) return fault(v, "a mu must be lin");
    return d->ndim || fault(v, "a mu without a dim");
}

static bool check_def(Verifier *v, DefId id) {
    const Def *d = def_of(v, id);
    enter(v, "definition", d->name);
    if (!check_dims(v, d->dim, d->ndim) || !check_own_width(v, d)) return false;
    if (d->mu && !check_mu(v, d)) return false;
    switch (d->op) {
    case PO_input:
    case PO_basis: return check_input(v, d);
    case PO_one: return true;
    case PO_param: return check_param(v, d);
    case PO_matmul: return check_matmul(v, id, d);
    case PO_lin:
    case PO_output:
        for (uint32_t i = 0; i < d->narm; i++)
            if (!check_arm(v, id, d, &d->arm[i])) return false;
        return true;
    case PO_nonlin: return check_nonlin(v, id, d);
    case PO_inner: return check_inner(v, id, d);
    }
    return true;
}

/* ---- declarations */
static bool check_fam(Verifier *v, const Fam *f) {
    enter(v, "family", f->name);
    if (!check_fx(v, "the variance", f->s2, 0) || !check_fx(v, "the learning rate", f->lr, 0) ||
        !check_fx(v, "the width", f->rows, 0))
        return false;
    if (f->kind == FAM_matrix && !check_fx(v, "the number of columns", f->cols, 0)) return false;
    return f->trained || fx_is_zero(v->p->fx, f->lr) || fault(v, "it is not trained, but has a rate");
}

static bool check_hyper(Verifier *v, const Hyper *h) {
    enter(v, "hyperparameter", h->name);
    bool number = h->kind == HYPER_real || h->kind == HYPER_int;
    if (!number) return h->text || fault(v, "it has no value");
    return !h->init || check_fx(v, "its value", h->init, 0);
}

static bool unique(Verifier *v, const Sym *name, uint32_t n, const char *what) {
    for (uint32_t i = 0; i < n; i++) {
        enter(v, what, name[i]);
        for (uint32_t k = 0; k < i; k++)
            if (name[i] == name[k] && name[i]) return fault(v, "the name stands twice");
        if (!name[i] && i) return fault(v, "number %u has no name", i);
    }
    return true;
}

static bool check_unique(Verifier *v) {
    const Program *p = v->p;
    uint32_t n = p->def.len + p->fam.len + p->hyper.len + p->input.len;
    Sym *name = ARENA_ARRAY(v->c->a, Sym, n);
    for (uint32_t i = 0; i < p->def.len; i++) name[i] = p->def.data[i].name;
    if (!unique(v, name, p->def.len, "definition")) return false;
    for (uint32_t i = 0; i < p->fam.len; i++) name[i] = p->fam.data[i].name;
    if (!unique(v, name, p->fam.len, "family")) return false;
    for (uint32_t i = 0; i < p->hyper.len; i++) name[i] = p->hyper.data[i].name;
    if (!unique(v, name, p->hyper.len, "hyperparameter")) return false;
    for (uint32_t i = 0; i < p->input.len; i++) name[i] = p->input.data[i].name;
    return unique(v, name, p->input.len, "input");
}

static bool check_head(Verifier *v) {
    const Program *p = v->p;
    bool ok = check_unique(v);
    for (uint32_t i = 0; ok && i < p->hyper.len; i++) ok = check_hyper(v, &p->hyper.data[i]);
    for (uint32_t i = 0; ok && i < p->fam.len; i++)
        ok = (!i && !p->fam.data[i].name) || check_fam(v, &p->fam.data[i]);
    enter(v, "program", p->name);
    for (uint32_t i = 0; ok && i < p->check.len; i++)
        ok = check_fx(v, p->check.data[i].what, p->check.data[i].value, 0);
    const Cons *fact;
    uint32_t n = affctx_facts(v->x, &fact);
    for (uint32_t i = 0; ok && i < n; i++) ok = check_cons(v, &fact[i]);
    return ok;
}

static bool check_out(Verifier *v) {
    const Program *p = v->p;
    enter(v, "program", p->name);
    if (p->out >= p->def.len || !def_of(v, p->out)->name) return fault(v, "it has no output");
    if (!is_scalar(def_of(v, p->out)))
        return fault(v, "output `%s` is neither inner nor output", text(v, def_of(v, p->out)->name));
    return check_dims(v, p->out_dim, p->nout_dim) && check_ranges(v, p->out, p->out_idx);
}

const char *program_verify(const Ctx *c, const Program *p) {
    Verifier v = {.c = c, .p = p, .x = p->aff};
    bool ok = check_head(&v);
    for (DefId d = 0; ok && d < p->def.len; d++)
        ok = (!d && !def_of(&v, d)->name) || check_def(&v, d);
    if (ok) check_out(&v);
    return v.fault;
}

#include "build.h"
#include "diag/diag.h"

PB *pb_new(const char *name) {
    Arena *a = arena_new(0, NULL, NULL);
    PB *b = ARENA_NEW(a, PB);
    Program *p = ARENA_NEW(a, Program);
    b->c.a = a;
    b->c.syms = intern_new(a);
    b->c.src = sources_new(a);
    b->c.ds = diags_new(a, b->c.src);
    b->x = p->aff = affctx_new(a, b->c.syms);
    b->fx = p->fx = fxpool_new(a, b->x);
    p->name = intern(b->c.syms, name);
    vec_push(a, &p->def, (Def){0});
    vec_push(a, &p->fam, (Fam){0});
    b->p = p;
    return b;
}

Aff pb_name(PB *b, const char *s) { return aff_name(b->x, intern(b->c.syms, s)); }

Aff pb_size(PB *b, const char *s, int64_t least) {
    Sym n = intern(b->c.syms, s);
    affctx_size(b->x, n, least);
    vec_push(b->c.a, &b->p->hyper, (Hyper){.name = n, .kind = HYPER_int});
    return aff_name(b->x, n);
}

Fx pb_real(PB *b, const char *s) {
    Sym n = intern(b->c.syms, s);
    bool known = false;
    for (uint32_t i = 0; i < b->p->hyper.len; i++) known |= b->p->hyper.data[i].name == n;
    if (!known) vec_push(b->c.a, &b->p->hyper, (Hyper){.name = n, .kind = HYPER_real});
    return fx_hyper(b->fx, n);
}

Dim pb_dim(PB *b, const char *var, Aff lo, Aff hi) { return (Dim){intern(b->c.syms, var), lo, hi}; }
void pb_push(PB *b, const char *var, Aff lo, Aff hi) { b->dim[b->ndim++] = pb_dim(b, var, lo, hi); }
void pb_pop(PB *b) { b->ndim--; }

FamId pb_fam(PB *b, FamKind kind, const char *name, Fx s2, Fx lr, uint32_t nindex) {
    Fx one = fx_num(b->fx, 1);
    Fam f = {.name = intern(b->c.syms, name), .kind = kind, .trained = true, .s2 = s2, .lr = lr,
             .rows = one, .cols = one, .nindex = nindex};
    vec_push(b->c.a, &b->p->fam, f);
    return b->p->fam.len - 1;
}

static DefId def_push(PB *b, const char *name, Def d) {
    d.name = intern_fresh(b->c.syms, name);
    d.dim = arena_copy(b->c.a, b->dim, b->ndim * sizeof *b->dim);
    d.ndim = b->ndim;
    if (d.op != PO_input && d.op != PO_basis) d.width = fx_num(b->fx, 1);
    vec_push(b->c.a, &b->p->def, d);
    return b->p->def.len - 1;
}

static DefId no_dims(PB *b, const char *name, Def d) {
    uint32_t n = b->ndim;
    b->ndim = 0;
    DefId id = def_push(b, name, d);
    b->ndim = n;
    return id;
}

DefId pb_input(PB *b, const char *name) {
    vec_push(b->c.a, &b->p->input, (InputDecl){.name = intern(b->c.syms, name)});
    return no_dims(b, name, (Def){.op = PO_input, .input = b->p->input.len - 1});
}

DefId pb_basis(PB *b, const char *name, uint32_t input, int64_t k) {
    return no_dims(b, name, (Def){.op = PO_basis, .input = input, .basis = aff_const(k)});
}

DefId pb_one(PB *b) { return no_dims(b, "one", (Def){.op = PO_one}); }

static const Aff *read_forms(PB *b, va_list ap, uint32_t n) {
    Aff *v = ARENA_ARRAY(b->c.a, Aff, n);
    for (uint32_t i = 0; i < n; i++) v[i] = va_arg(ap, Aff);
    return v;
}

Use pb_at(PB *b, DefId d, ...) {
    va_list ap;
    va_start(ap, d);
    Use u = {.d = d, .idx = read_forms(b, ap, b->p->def.data[d].ndim)};
    va_end(ap);
    return u;
}

Use pb_own(PB *b, DefId d) {
    const Def *def = &b->p->def.data[d];
    Aff *v = ARENA_ARRAY(b->c.a, Aff, def->ndim);
    for (uint32_t i = 0; i < def->ndim; i++) v[i] = aff_name(b->x, def->dim[i].var);
    return (Use){.d = d, .idx = v};
}

DefId pb_param(PB *b, const char *name, FamId f, ...) {
    va_list ap;
    va_start(ap, f);
    uint32_t n = b->p->fam.data[f].nindex;
    const Aff *idx = read_forms(b, ap, n);
    va_end(ap);
    return def_push(b, name, (Def){.op = PO_param, .fam = f, .fidx = idx, .nfidx = n});
}

DefId pb_matmul(PB *b, const char *name, FamId f, Use u, ...) {
    va_list ap;
    va_start(ap, u);
    uint32_t n = b->p->fam.data[f].nindex;
    const Aff *idx = read_forms(b, ap, n);
    va_end(ap);
    return def_push(b, name, (Def){.op = PO_matmul, .fam = f, .fidx = idx, .nfidx = n,
                                   .use = arena_copy(b->c.a, &u, sizeof u), .nuse = 1});
}

DefId pb_lin(PB *b, const char *name) { return def_push(b, name, (Def){.op = PO_lin}); }
DefId pb_mu(PB *b, const char *name) { return def_push(b, name, (Def){.op = PO_lin, .mu = true}); }

static void arm_push(PB *b, DefId lin, Arm m) {
    Def *d = &b->p->def.data[lin];
    Arm *v = ARENA_ARRAY(b->c.a, Arm, d->narm + 1);
    if (d->narm) memcpy(v, d->arm, d->narm * sizeof *v);
    v[d->narm++] = m;
    d->arm = v;
}

void pb_arm(PB *b, DefId lin, Fx coef, Use u) { arm_push(b, lin, (Arm){.coef = coef, .use = u}); }

void pb_arm_if(PB *b, DefId lin, Fx coef, Use u, Cons c) {
    Cons *v = arena_copy(b->c.a, &c, sizeof c);
    arm_push(b, lin, (Arm){.coef = coef, .use = u, .cons = v, .ncons = 1});
}

void pb_arm_sum(PB *b, DefId lin, Fx coef, Use u, Dim red) {
    Dim *v = arena_copy(b->c.a, &red, sizeof red);
    arm_push(b, lin, (Arm){.coef = coef, .use = u, .red = v, .nred = 1});
}

static Aff loop_var(PB *b, DefId mu) {
    const Def *d = &b->p->def.data[mu];
    return aff_name(b->x, d->dim[d->ndim - 1].var);
}

void pb_mu_init(PB *b, DefId mu, Use u) {
    pb_arm_if(b, mu, fx_num(b->fx, 1), u, cons_eq(b->x, loop_var(b, mu), aff_const(0)));
}

void pb_mu_next(PB *b, DefId mu, DefId d) {
    Use u = pb_own(b, d);
    Aff *idx = arena_copy(b->c.a, u.idx, b->p->def.data[d].ndim * sizeof *idx);
    uint32_t last = b->p->def.data[d].ndim - 1;
    idx[last] = aff_plus(idx[last], -1);
    u.idx = idx;
    pb_arm_if(b, mu, fx_num(b->fx, 1), u, cons_ge(aff_plus(loop_var(b, mu), -1)));
}

DefId pb_nonlin(PB *b, const char *name, Fx f, uint32_t n, ...) {
    va_list ap;
    va_start(ap, n);
    Use *u = ARENA_ARRAY(b->c.a, Use, n);
    for (uint32_t i = 0; i < n; i++) u[i] = va_arg(ap, Use);
    va_end(ap);
    return def_push(b, name, (Def){.op = PO_nonlin, .f = f, .use = u, .nuse = n});
}

DefId pb_relu(PB *b, const char *name, Use u) {
    Fx f = fx_op(b->fx, FX_max, fx_leaf(b->fx, 0), fx_num(b->fx, 0), 0);
    return pb_nonlin(b, name, f, 1, u);
}

DefId pb_output(PB *b, FamId readout, Use x) {
    DefId v = pb_param(b, "v", readout);
    Use *u = ARENA_ARRAY(b->c.a, Use, 2);
    u[0] = pb_at(b, v);
    u[1] = x;
    DefId f = def_push(b, "f", (Def){.op = PO_inner, .f = fx_num(b->fx, 1), .use = u, .nuse = 2});
    b->p->out = f;
    return f;
}

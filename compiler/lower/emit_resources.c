/* What kernel code refers to: sizes, numbers of the run, arrays, inputs; scalar expressions. */
#include "lower/emit.h"
#include "diag/diag.h"
#include "diag/source.h"

/* ---- sizes, hyperparameters, checks */

static void add_hyper(Emit *e, const Hyper *h) {
    Kernel *k = e->k;
    if (h->fixed || h->kind == HYPER_fn || h->kind == HYPER_word) {
        vec_push(e->c->a, &k->fixed, *h);
    } else if (h->kind == HYPER_int) {
        KSize z = {.name = h->name, .kind = KZ_hyper, .value = h->init};
        vec_push(e->c->a, &k->size, z);
    } else {
        KReal r = {.name = h->name, .value = h->init, .hyper = true};
        vec_push(e->c->a, &k->real, r);
    }
}

Sym emit_dim(const Emit *e, uint32_t input) {
    for (uint32_t i = 0; i < e->k->size.len; i++)
        if (e->k->size.data[i].kind == KZ_dim && e->k->size.data[i].in == input)
            return e->k->size.data[i].name;
    bug("input %u has no dimension", input);
}

static void add_dims(Emit *e) {
    const Program *p = e->l->p;
    for (uint32_t i = 0; i < p->input.len; i++) {
        if (p->input.data[i].is_data) continue;
        const char *name = sym_text(e->c->syms, p->input.data[i].name);
        Sym s = intern_fresh(e->c->syms, arena_printf(e->c->a, "dim.%s", name));
        affctx_size(e->x, s, 1);
        KSize z = {.name = s, .kind = KZ_dim, .in = i};
        vec_push(e->c->a, &e->k->size, z);
    }
}

static void add_size(Emit *e, const SizeDef *z) {
    static const KSizeKind kind[] = {[SIZE_position] = KZ_position, [SIZE_floor] = KZ_floor,
                                     [SIZE_max] = KZ_max, [SIZE_min] = KZ_min};
    KSize s = {.name = z->name, .kind = kind[z->kind], .a = z->a, .b = z->b, .k = z->k,
               .varies = program_size_varies(e->l->p, z->name)};
    vec_push(e->c->a, &e->k->size, s);
}

/* Position sizes and what is made of them; those of the right sample where samples differ. */
static void add_sizes(Emit *e) {
    const Program *p = e->l->p;
    uint32_t first = e->k->size.len;
    for (uint32_t i = 0; i < p->size.len; i++) add_size(e, &p->size.data[i]);
    for (uint32_t i = 0; i < p->size.len; i++) {
        if (!e->k->size.data[first + i].varies) continue;
        KSize s = {.name = affctx_prime(e->x, p->size.data[i].name), .kind = KZ_right,
                   .of = first + i, .varies = true};
        vec_push(e->c->a, &e->k->size, s);
    }
}

/* ---- arrays */

/* Bounds of an axis over all values of the earlier axes: interval arithmetic on affine forms. */
static Aff box(Emit *e, const LArray *r, const KAxis *done, uint32_t n, Aff f, bool upper) {
    for (uint32_t i = n; i-- > 0;) {
        int32_t k = aff_coef(f, r->axis[i].var);
        if (!k) continue;
        bool high = upper == (k > 0);
        AffSubst m = {r->axis[i].var, high ? aff_plus(done[i].hi, -1) : done[i].lo};
        f = aff_subst(e->x, f, &m, 1);
    }
    return f;
}

/* Is every element of the box one of the array's? */
static bool is_box(const Emit *e, const LArray *r) {
    for (uint32_t i = 0; i < r->naxis; i++)
        if (!aff_size_only(e->x, r->axis[i].lo) || !aff_size_only(e->x, r->axis[i].hi))
            return false;
    return !r->ncons && !r->halo;
}

/* What a message calls numbers that are not finite. */
static const char *finite_text(Emit *e, const LArray *r) {
    if (r->finite || r->kind != LK_S || r->data) return r->finite;
    const char *what = lsoftmax_of(r) ? "softmax" : "scalar";
    return arena_printf(e->c->a, "%s at %s", what, source_place(e->c->src, e->c->a, r->span));
}

static void add_array(Emit *e, LArrayId id) {
    const LArray *r = &e->l->array.data[id];
    if (r->data) {
        e->array[id] = emit_input(e, TP_IN_DATA, KS_sample, r->input, r->input, aff_const(0));
        return;
    }
    KAxis *axis = ARENA_ARRAY(e->c->a, KAxis, r->naxis);
    Storage st = e->sched.store[id];
    for (uint32_t i = 0; i < r->naxis; i++) {
        axis[i].var = r->axis[i].var;
        axis[i].lo = box(e, r, axis, i, r->axis[i].lo, false);
        axis[i].hi = box(e, r, axis, i, aff_plus(r->axis[i].hi, -1), true);
        axis[i].hi = aff_plus(axis[i].hi, 1);
        if (r->halo) axis[i].lo = aff_plus(axis[i].lo, -r->halo[2 * i]);
        if (r->halo) axis[i].hi = aff_plus(axis[i].hi, r->halo[2 * i + 1]);
        axis[i].wrap = r->wrap >> i & 1;
        axis[i].slices = st.slices && st.axis == i ? st.slices : 0;
    }
    KArray k = {.name = r->name, .stage = (KStage)r->stage, .class = KA_stored, .axis = axis,
                .naxis = r->naxis};
    if (r->stage == LS_sample && is_box(e, r)) k.finite = finite_text(e, r);
    e->array[id] = kernel_array(e->k, e->c, k);
}

bool emit_resources(Emit *e) {
    const Program *p = e->l->p;
    e->k->name = p->name;
    for (uint32_t i = 0; i < p->input.len; i++) vec_push(e->c->a, &e->k->input, p->input.data[i]);
    for (uint32_t i = 0; i < p->hyper.len; i++) add_hyper(e, &p->hyper.data[i]);
    for (uint32_t i = 0; i < p->check.len; i++) vec_push(e->c->a, &e->k->check, p->check.data[i]);
    add_sizes(e);
    add_dims(e);
    e->array = ARENA_ARRAY(e->c->a, uint32_t, e->l->array.len);
    for (LArrayId id = 1; id < e->l->array.len; id++) add_array(e, id);
    for (uint32_t i = 0; i < e->l->measure.len; i++) {
        const LMeasure *m = &e->l->measure.data[i];
        KSize z = {
            .name = m->name, .kind = KZ_measured, .array = e->array[m->array], .cap = m->cap};
        vec_push(e->c->a, &e->k->size, z);
    }
    return true;
}

static const char *input_name(Emit *e, const InputArray *in) {
    static const char *const word[] = {"none",     "gram", "unit",  "defect",
                                       "codefect", "norm", "column", "point",
                                       "data",     "class", "direction"};
    const Program *p = e->l->p;
    Buf b = buf_new(e->c->a);
    buf_printf(&b, "%s.%s", word[in->kind], sym_text(e->c->syms, p->input.data[in->in[0]].name));
    if (in->kind == TP_IN_COLUMN) {
        buf_puts(&b, ".");
        aff_print(e->c->syms, &b, in->basis);
    } else if (in->kind < TP_IN_NORM) {
        buf_printf(&b, ".%s", sym_text(e->c->syms, p->input.data[in->in[1]].name));
    }
    if (in->stage == KS_pair) buf_puts(&b, ".pair");
    return buf_text(&b);
}

/* Positions, then coordinates, of what the runtime hands over element by element. */
static const KAxis *input_axes(Emit *e, TpInputKind kind, uint32_t input, uint32_t *n) {
    const InputDecl *d = &e->l->p->input.data[input];
    bool point = kind == TP_IN_POINT || kind == TP_IN_DIRECTION;
    *n = 0;
    if (kind != TP_IN_COLUMN && kind != TP_IN_DATA && !point) return NULL;
    KAxis *axis = ARENA_ARRAY(e->c->a, KAxis, d->npos + 1);
    for (; *n < d->npos; ++*n)
        axis[*n] = (KAxis){.var = intern(e->c->syms, arena_printf(e->c->a, "p%u", *n)),
                           .lo = aff_const(0), .hi = d->size[*n]};
    if (point)
        axis[(*n)++] = (KAxis){.var = intern(e->c->syms, "c"), .lo = aff_const(0),
                               .hi = aff_name(e->x, emit_dim(e, input))};
    return axis;
}

uint32_t emit_input(Emit *e, TpInputKind kind, KStage stage, uint32_t in0, uint32_t in1,
                    Aff basis) {
    for (uint32_t i = 0; i < e->input.len; i++) {
        const InputArray *q = &e->input.data[i];
        if (q->kind == kind && q->stage == stage && q->in[0] == in0 && q->in[1] == in1 &&
            aff_eq(q->basis, basis))
            return q->array;
    }
    InputArray in = {kind, stage, {in0, in1}, basis, 0};
    KArray k = {.name = intern_fresh(e->c->syms, input_name(e, &in)), .stage = stage,
                .class = KA_input, .input = kind, .in = {in0, in1}, .basis = basis};
    k.axis = input_axes(e, kind, in0, &k.naxis);
    in.array = kernel_array(e->k, e->c, k);
    vec_push(e->c->a, &e->input, in);
    return in.array;
}

/* ---- scalar expressions */

/* A size that differs between samples? */
static bool own_size(const Emit *e, Aff a) {
    for (uint32_t i = 0; i < e->k->size.len; i++)
        if (e->k->size.data[i].varies && aff_mentions(a, e->k->size.data[i].name)) return true;
    return false;
}

static bool varies(Emit *e, Fx f) {
    const FxNode *n = fx_node(e->fx, f);
    if (n->op == FX_theta || n->op == FX_leaf || n->op == FX_sref) return true;
    if (n->op == FX_index) return !aff_size_only(e->x, n->aff) || own_size(e, n->aff);
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (varies(e, n->arg[i])) return true;
    return false;
}

/* The number of the run that holds f: a hyperparameter itself, or a derived number. */
static KVal run_number(Emit *e, Fx f) {
    const FxNode *n = fx_node(e->fx, f);
    if (n->op == FX_num) return kb_num(&e->b, n->num);
    if (n->op == FX_index && aff_is_const(n->aff)) return kb_num(&e->b, (double)n->aff.c);
    if (n->op == FX_hyper)
        for (uint32_t i = 0; i < e->k->real.len; i++)
            if (e->k->real.data[i].name == n->k) return kb_real(&e->b, i);
    for (uint32_t i = 0; i < e->derived.len; i++)
        if (e->derived.data[i].value == f) return kb_real(&e->b, e->derived.data[i].real);
    Sym name = intern_fresh(e->c->syms, arena_printf(e->c->a, "r%u", e->derived.len));
    KReal r = {.name = name, .value = f};
    vec_push(e->c->a, &e->k->real, r);
    DerivedReal d = {f, e->k->real.len - 1};
    vec_push(e->c->a, &e->derived, d);
    return kb_real(&e->b, d.real);
}

typedef struct Scalar { /* an expression whose parts that are numbers of the run became thetas */
    Emit *e;
    const KVal *theta; /* the caller's */
    VEC(KVal) value;   /* by new theta */
} Scalar;

static Fx as_theta(Scalar *s, KVal v) {
    for (uint32_t i = 0; i < s->value.len; i++)
        if (s->value.data[i] == v) return fx_theta(s->e->fx, i);
    vec_push(s->e->c->a, &s->value, v);
    return fx_theta(s->e->fx, s->value.len - 1);
}

static Fx with_thetas(Scalar *s, Fx f) {
    FxNode n = *fx_node(s->e->fx, f);
    if (n.op == FX_num) return f;
    if (n.op == FX_theta) return as_theta(s, s->theta[n.k]);
    if (!varies(s->e, f)) return as_theta(s, run_number(s->e, f));
    if (n.op == FX_index) return as_theta(s, kb_index(&s->e->b, n.aff));
    for (uint32_t i = 0; i < fx_arity(n.op); i++) n.arg[i] = with_thetas(s, n.arg[i]);
    return fx_op(s->e->fx, n.op, n.arg[0], n.arg[1], n.arg[2]);
}

KVal emit_scalar(Emit *e, Fx f, const KVal *theta) {
    if (!varies(e, f)) return run_number(e, f);
    Scalar s = {.e = e, .theta = theta};
    Fx g = with_thetas(&s, f);
    return gauss_emit_fx(&e->b, g, NULL, s.value.data);
}

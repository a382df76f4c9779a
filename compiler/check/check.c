#include "check/check.h"
#include "diag/diag.h"

typedef struct ReadoutUse {
    FamId fam;
    Span span;
} ReadoutUse;

typedef struct Checker {
    Ctx *c;
    const Program *p;
    Verdict *v;
    VEC(ReadoutUse) readout; /* families of readout vectors, and of input matrices read out */
    Buf condition;
    bool *below;             /* [def]: below a vector that is read out */
} Checker;

static const Def *def_of(const Checker *k, DefId d) { return &k->p->def.data[d]; }

static const char *fam_name(const Checker *k, FamId f) {
    return sym_text(k->c->syms, k->p->fam.data[f].name);
}

static void reason(Checker *k, CheckReason r) { vec_push(k->c->a, &k->v->reason, r); }

/* ---- values in force */

static int64_t size_value(void *ctx, Sym name);

static double hyper_value(void *ctx, Sym name) {
    const Checker *k = ctx;
    FxEnv env = {.hyper = hyper_value, .name = size_value, .ctx = ctx};
    for (uint32_t i = 0; i < k->p->hyper.len; i++) {
        const Hyper *h = &k->p->hyper.data[i];
        if (h->name == name && h->init) return fx_eval(k->p->fx, h->init, &env);
    }
    return 1; /* required and not given: any value that is not special */
}

static int64_t size_value(void *ctx, Sym name) { return (int64_t)hyper_value(ctx, name); }

static double one_dim(void *ctx, uint32_t input) {
    (void)ctx;
    (void)input;
    return 1;
}

static double value_of(Checker *k, Fx f) {
    FxEnv env = {.hyper = hyper_value, .name = size_value, .dim = one_dim, .ctx = k};
    return fx_eval(k->p->fx, f, &env);
}

/* A coefficient of the constant vector in a readout: 0 for all values, or 0 as the values are. */
static bool coefficient_zero(Checker *k, Fx f) {
    if (fx_is_zero(k->p->fx, f)) return true;
    if (value_of(k, f) != 0) return false;
    if (k->condition.len) buf_puts(&k->condition, " and ");
    fx_print(k->p->fx, k->c->syms, &k->condition, f);
    buf_puts(&k->condition, " == 0");
    return true;
}

/* ---- readout vectors */

static void add_readout(Checker *k, FamId f, Span sp) {
    ReadoutUse u = {f, sp};
    vec_push(k->c->a, &k->readout, u);
}

static bool input_column(const Checker *k, const Def *d) {
    return d->op == PO_matmul && k->p->fam.data[d->fam].kind == FAM_input_matrix && d->nuse == 1 &&
           def_of(k, d->use[0].d)->op == PO_basis;
}

/* Is the vector made of fresh parameters alone (whose uses elsewhere are looked for later)?  Its
 * nonzero mean is a reason of its own. */
static bool readout_vector(Checker *k, DefId id, Span sp) {
    const Def *d = def_of(k, id);
    if (d->op == PO_param || input_column(k, d)) {
        add_readout(k, d->fam, sp);
        return true;
    }
    if (d->op != PO_lin || d->mu) return false;
    for (uint32_t i = 0; i < d->narm; i++) {
        const Def *q = def_of(k, d->arm[i].use.d);
        if (q->op == PO_one) {
            if (coefficient_zero(k, d->arm[i].coef)) continue;
            k->v->readout = READOUT_mean;
            reason(k, (CheckReason){"readout-mean", "the readout vector has a nonzero mean",
                                    sym_text(k->c->syms, d->name), {sp, d->span}});
            continue;
        }
        if (!readout_vector(k, d->arm[i].use.d, sp)) return false;
    }
    return true;
}

static void mark_below(Checker *k, DefId id) {
    if (k->below[id]) return;
    k->below[id] = true;
    const Def *d = def_of(k, id);
    for (uint32_t i = 0; i < d->nuse; i++) mark_below(k, d->use[i].d);
    for (uint32_t i = 0; i < d->narm; i++) mark_below(k, d->arm[i].use.d);
}

/* v' x: which of the two is the readout vector?  The one made of parameters; both may be (a scalar
 * bias is an inner product with ones). */
static void inner(Checker *k, const Def *d) {
    uint32_t n = k->readout.len, nr = k->v->reason.len;
    Readout r = k->v->readout;
    for (int side = 0; side < 2; side++) {
        if (readout_vector(k, d->use[side].d, d->use[side].span)) {
            mark_below(k, d->use[1 - side].d);
            return;
        }
        k->readout.len = n;
        k->v->reason.len = nr;
        k->v->readout = r;
    }
    mark_below(k, d->use[1].d);
    bool constant = def_of(k, d->use[0].d)->op == PO_one;
    k->v->readout = constant ? READOUT_mean : READOUT_interior;
    reason(k, (CheckReason){constant ? "readout-mean" : "readout-interior",
                            "the readout vector is not a fresh parameter",
                            sym_text(k->c->syms, def_of(k, d->use[0].d)->name),
                            {d->use[0].span, def_of(k, d->use[0].d)->span}});
}

static void outputs(Checker *k, DefId id) {
    const Def *d = def_of(k, id);
    if (d->op == PO_inner) inner(k, d);
    for (uint32_t i = 0; d->op == PO_output && i < d->narm; i++) outputs(k, d->arm[i].use.d);
}

/* ---- the conditions */

static void interior(Checker *k) {
    for (uint32_t i = 0; i < k->p->def.len; i++) {
        const Def *d = def_of(k, i);
        if (!k->below[i] || (d->op != PO_param && d->op != PO_matmul)) continue;
        for (uint32_t r = 0; r < k->readout.len; r++) {
            if (k->readout.data[r].fam != d->fam) continue;
            k->v->readout = READOUT_interior;
            reason(k, (CheckReason){"readout-interior",
                                    "the readout's parameter is also used inside the network",
                                    fam_name(k, d->fam), {k->readout.data[r].span, d->span}});
            return;
        }
    }
}

static void orientations(Checker *k) {
    for (FamId f = 0; f < k->p->fam.len; f++) {
        Span use[2] = {{0}, {0}};
        bool has[2] = {false, false};
        for (uint32_t i = 0; i < k->p->def.len; i++) {
            const Def *d = def_of(k, i);
            if (d->op != PO_matmul || d->fam != f) continue;
            has[d->transposed] = true;
            use[d->transposed] = d->span;
        }
        if (has[0] && has[1])
            reason(k, (CheckReason){"both-orientations", "the matrix is used as W and as W'",
                                    fam_name(k, f), {use[0], use[1]}});
    }
}

void check_program(Ctx *c, const Program *p, Verdict *out) {
    *out = (Verdict){0};
    Checker k = {.c = c, .p = p, .v = out, .condition = buf_new(c->a)};
    k.below = ARENA_ARRAY(c->a, bool, p->def.len);
    outputs(&k, p->out);
    interior(&k);
    orientations(&k);
    out->rung = out->reason.len ? RUNG_unchecked : RUNG_simple_gia;
    out->condition = k.condition.len ? buf_text(&k.condition) : NULL;
}

const char *rung_text(Rung r) { return r == RUNG_simple_gia ? "simple-gia" : "unchecked"; }

const char *readout_text(Readout r) {
    static const char *const text[] = {"independent", "mean", "interior"};
    return text[r];
}

bool rung_parse(const char *s, Rung *out) {
    for (Rung r = RUNG_unchecked; r <= RUNG_simple_gia; r++)
        if (!strcmp(s, rung_text(r))) {
            *out = r;
            return true;
        }
    return false;
}

/* ---- what can be run */

static void explain(Diag *d, const Verdict *v) {
    for (uint32_t i = 0; i < v->reason.len; i++) {
        const CheckReason *r = &v->reason.data[i];
        if (r->use[0].file) diag_label(d, r->use[0], "`%s`: %s", r->subject, r->text);
        if (r->use[1].file) diag_label(d, r->use[1], "`%s` is also used here", r->subject);
    }
}

bool check_runnable(Ctx *c, const Program *p, unsigned kernels, bool assume_gia) {
    Verdict v;
    const char *name = sym_text(c->syms, p->name);
    if (assume_gia) {
        diag(c->ds, check_assume_gia, p->span, name);
        return false;
    }
    check_program(c, p, &v);
    if (v.rung == RUNG_simple_gia) return true;
    Diag *d;
    if (kernels & 2) {
        d = diag(c->ds, check_needs_corrections, p->span, name, v.reason.data[0].text);
        explain(d, &v);
        diag_help(d, "`param v: vector ~ N(0, 1)`, used in the readout alone, makes it pass");
    }
    if (kernels & 1 && v.readout != READOUT_independent) {
        d = diag(c->ds, check_no_nngp, p->span, name, v.reason.data[0].text);
        explain(d, &v);
    } else if (!(kernels & 2)) {
        d = diag(c->ds, check_needs_corrections, p->span, name, v.reason.data[0].text);
        explain(d, &v);
    }
    return false;
}

#include "check/check.h"
#include "diag/diag.h"
#include "program/values.h"

typedef VEC(FamId) FamIds;

typedef struct Readout1 { /* one inner product v' x of the output */
    Use v, x;
    bool fresh;   /* v is made of parameters alone */
    bool mean;    /* with a nonzero mean, for the values in force */
    Span mean_at;
    FamIds fams;  /* families below v */
} Readout1;

typedef struct Checker {
    Ctx *c;
    const Program *p;
    Verdict *v;
    VEC(Readout1) readout;
    VEC(Sym) conditions; /* expressions that must be 0, as texts */
    Buf condition;
    bool *below;     /* [def]: below a vector that is read out */
} Checker;

static const Def *def_of(const Checker *k, DefId d) { return &k->p->def.data[d]; }

static const char *def_name(const Checker *k, DefId d) {
    return sym_text(k->c->syms, def_of(k, d)->name);
}

static const char *fam_name(const Checker *k, FamId f) {
    return sym_text(k->c->syms, k->p->fam.data[f].name);
}

static void reason(Checker *k, CheckReason r) { vec_push(k->c->a, &k->v->reason, r); }

static void fam_add(Checker *k, FamIds *list, FamId f) {
    for (uint32_t i = 0; i < list->len; i++)
        if (list->data[i] == f) return;
    vec_push(k->c->a, list, f);
}

/* ---- readout vectors */

/* A coefficient of the constant vector in a readout: 0 for all values, or 0 as the values are (then
 * the verdict carries it as a condition). */
static bool coefficient_zero(Checker *k, Fx f) {
    Buf b = buf_new(k->c->a);
    if (fx_is_zero(k->p->fx, f)) return true;
    if (program_value(k->p, f) != 0) return false;
    fx_print(k->p->fx, k->c->syms, &b, f);
    buf_puts(&b, " == 0");
    Sym text = intern(k->c->syms, buf_text(&b));
    for (uint32_t i = 0; i < k->conditions.len; i++)
        if (k->conditions.data[i] == text) return true;
    vec_push(k->c->a, &k->conditions, text);
    return true;
}

/* U basis(j): a column of an input matrix, as good as a vector of its own. */
static bool input_column(const Checker *k, const Def *d) {
    return d->op == PO_matmul && k->p->fam.data[d->fam].kind == FAM_input_matrix &&
           def_of(k, d->use[0].d)->op == PO_basis;
}

static bool fresh(const Checker *k, DefId id) {
    const Def *d = def_of(k, id);
    if (d->op == PO_param || d->op == PO_one || input_column(k, d)) return true;
    if (d->op != PO_lin || d->mu) return false;
    for (uint32_t i = 0; i < d->narm; i++)
        if (!fresh(k, d->arm[i].use.d)) return false;
    return true;
}

/* The nonzero mean of a fresh readout vector.  Only a sum over parameters has a mean of 0 for sure:
 * several constant parts are not added up. */
static void fresh_mean(Checker *k, DefId id, Readout1 *r) {
    const Def *d = def_of(k, id);
    if (d->op == PO_one) {
        r->mean = true;
        r->mean_at = d->span;
    }
    for (uint32_t i = 0; d->op == PO_lin && i < d->narm; i++) {
        const Def *o = def_of(k, d->arm[i].use.d);
        if (o->op == PO_one && coefficient_zero(k, d->arm[i].coef)) continue;
        fresh_mean(k, d->arm[i].use.d, r);
    }
}

static void mark(Checker *k, DefId id, bool *seen) {
    VEC(DefId) todo = {0};
    if (!seen[id]) vec_push(k->c->a, &todo, id);
    seen[id] = true;
    while (todo.len) {
        const Def *d = def_of(k, todo.data[--todo.len]);
        for (uint32_t i = 0; i < d->nuse + d->narm; i++) {
            DefId o = i < d->nuse ? d->use[i].d : d->arm[i - d->nuse].use.d;
            if (!seen[o]) vec_push(k->c->a, &todo, o);
            seen[o] = true;
        }
    }
}

/* In v' x either may be the readout vector: the one made of parameters.  (A scalar bias is an inner
 * product with ones.) */
static void inner(Checker *k, const Def *d) {
    bool right = !fresh(k, d->use[0].d) || def_of(k, d->use[0].d)->op == PO_one;
    bool swap = right && fresh(k, d->use[1].d) && def_of(k, d->use[1].d)->op != PO_one;
    Readout1 r = {.v = d->use[swap], .x = d->use[!swap]};
    bool *seen = ARENA_ARRAY(k->c->a, bool, k->p->def.len);
    r.fresh = fresh(k, r.v.d);
    if (r.fresh) fresh_mean(k, r.v.d, &r);
    mark(k, r.v.d, seen);
    for (DefId i = 1; i < k->p->def.len; i++) {
        ProgramOp op = def_of(k, i)->op;
        if (seen[i] && (op == PO_param || op == PO_matmul)) fam_add(k, &r.fams, def_of(k, i)->fam);
    }
    mark(k, r.x.d, k->below);
    vec_push(k->c->a, &k->readout, r);
}

static void outputs(Checker *k, DefId id) {
    const Def *d = def_of(k, id);
    if (d->op == PO_inner) inner(k, d);
    for (uint32_t i = 0; d->op == PO_output && i < d->narm; i++) outputs(k, d->arm[i].use.d);
}

/* ---- the conditions */

/* Where a family is used below a vector that is read out; 0: nowhere. */
static DefId used_below(const Checker *k, FamId f) {
    for (DefId i = 1; i < k->p->def.len; i++) {
        const Def *d = def_of(k, i);
        if (k->below[i] && (d->op == PO_param || d->op == PO_matmul) && d->fam == f) return i;
    }
    return 0;
}

static bool interior(Checker *k, const Readout1 *r) {
    for (uint32_t i = 0; i < r->fams.len; i++) {
        DefId at = used_below(k, r->fams.data[i]);
        if (!at) continue;
        k->v->readout = READOUT_interior;
        const char *text = r->fresh ? "the readout's parameter is also used inside the network"
                                    : "the readout vector depends on it, and so does the network";
        reason(k, (CheckReason){"readout-interior", text, fam_name(k, r->fams.data[i]),
                                {r->v.span, def_of(k, at)->span}});
        return true;
    }
    return false;
}

static void readout_conditions(Checker *k, const Readout1 *r) {
    if (interior(k, r) || (r->fresh && !r->mean)) return;
    if (k->v->readout == READOUT_independent) k->v->readout = READOUT_mean;
    const char *text = !r->fresh ? "the readout vector is not a parameter"
                       : def_of(k, r->v.d)->op == PO_one
                           ? "the readout is the constant vector"
                           : "the readout vector has a nonzero mean";
    Span at = r->fresh ? r->mean_at : def_of(k, r->v.d)->span;
    bool single = r->fresh && r->fams.len == 1;
    const char *name = single ? fam_name(k, r->fams.data[0]) : def_name(k, r->v.d);
    reason(k, (CheckReason){"readout-mean", text, name, {r->v.span, at}});
}

static void orientations(Checker *k) {
    for (FamId f = 0; f < k->p->fam.len; f++) {
        Span use[2] = {{0}, {0}};
        bool has[2] = {false, false};
        for (DefId i = 1; i < k->p->def.len; i++) {
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
    for (uint32_t i = 0; i < k.readout.len; i++) readout_conditions(&k, &k.readout.data[i]);
    orientations(&k);
    out->rung = out->reason.len ? RUNG_unchecked : RUNG_simple_gia;
    for (uint32_t i = 0; i < k.conditions.len; i++)
        buf_printf(&k.condition, "%s%s", i ? " and " : "", sym_text(c->syms, k.conditions.data[i]));
    out->condition = k.conditions.len ? buf_text(&k.condition) : NULL;
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
        bool made = !strcmp(r->condition, "readout-mean");
        if (r->use[1].file)
            diag_label(d, r->use[1], made ? "`%s` is made here" : "`%s` is also used here",
                       r->subject);
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

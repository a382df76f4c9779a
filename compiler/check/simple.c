/* Simple GIA Check (2006.14548, condition 1), on the forward pass alone. */
#include "check/checker.h"
#include "diag/diag.h"
#include <math.h>

typedef struct Looking {
    Checker *k;
    Simple *out;
    bool reasons, failed;
    bool *below; /* below a vector that is read out */
} Looking;

static CheckReason *fail(Looking *l, CheckClause clause, const char *text, const char *subject,
                         Span a, Span b) {
    CheckReason r = {.clause = clause, .text = text, .subject = subject, .use = {a, b},
                     .value = (double)NAN};
    l->failed = true;
    if (!l->reasons) return NULL;
    vec_push(l->k->a, &l->k->v->reason, r);
    return &vec_last(&l->k->v->reason);
}

/* ---- readout vectors */

/* U basis(j): a column of an input matrix, as good as a vector of its own. */
static bool input_column(const Checker *k, const Def *d) {
    return d->op == PO_matmul && fam_of(k, d->fam)->kind == FAM_input_matrix &&
           def_of(k, d->use[0].d)->op == PO_basis;
}

static bool deterministic(const Checker *k, Fx f) { return !fx_has(k->p->fx, f, FX_sref); }

static bool fresh(Checker *k, DefId id) {
    const Def *d = def_of(k, id);
    if (d->op == PO_param || d->op == PO_one || input_column(k, d)) return true;
    if (d->op != PO_lin || d->mu) return false;
    for (uint32_t i = 0; i < d->narm; i++) {
        if (fact_zero(k, d->arm[i].coef)) continue;
        if (!deterministic(k, d->arm[i].coef) || !fresh(k, d->arm[i].use.d)) return false;
    }
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
        bool before = r->mean;
        if (fact_zero(k, d->arm[i].coef)) continue;
        fresh_mean(k, d->arm[i].use.d, r);
        if (!before && r->mean && d->span.file) r->mean_at = d->span;
    }
}

static void families(Checker *k, DefId id, FamIds *out) {
    bool *seen = ARENA_ARRAY(k->a, bool, k->p->def.len);
    mark_below(k, id, seen, true);
    for (DefId i = 1; i < k->nforward; i++) {
        ProgramOp op = def_of(k, i)->op;
        if (seen[i] && (op == PO_param || op == PO_matmul)) fam_add(k, out, def_of(k, i)->fam);
    }
}

/* In v' x either may be the readout vector: the one made of parameters.  (A scalar bias is an inner
 * product with ones.) */
static void inner(Looking *l, const Def *d) {
    Checker *k = l->k;
    bool left = fresh(k, d->use[0].d), right = fresh(k, d->use[1].d);
    bool one0 = def_of(k, d->use[0].d)->op == PO_one, one1 = def_of(k, d->use[1].d)->op == PO_one;
    bool swap = (!left || one0) && right && !one1;
    Readout1 r = {.v = d->use[swap], .x = d->use[!swap]};
    if (fact_zero(k, d->f)) return;
    r.fresh = fresh(k, r.v.d);
    if (r.fresh) fresh_mean(k, r.v.d, &r);
    families(k, r.v.d, &r.fams);
    for (uint32_t i = 0; i < r.fams.len; i++) k->read_out[r.fams.data[i]] = true;
    mark_below(k, r.x.d, l->below, true);
    vec_push(k->a, &l->out->readout, r);
}

static void outputs(Looking *l, DefId id) {
    const Def *d = def_of(l->k, id);
    if (d->op == PO_inner) inner(l, d);
    for (uint32_t i = 0; d->op == PO_output && i < d->narm; i++)
        if (!fact_zero(l->k, d->arm[i].coef)) outputs(l, d->arm[i].use.d);
}

/* ---- the conditions */

/* Where a family is used below a vector that is read out; 0: nowhere. */
static DefId used_below(const Looking *l, FamId f) {
    for (DefId i = 1; i < l->k->nforward; i++) {
        const Def *d = def_of(l->k, i);
        if (l->below[i] && (d->op == PO_param || d->op == PO_matmul) && d->fam == f) return i;
    }
    return 0;
}

/* The reader of definition `of` that lies below a vector that is read out, where its place is not
 * in the inner product itself; else the definition. */
static Span reader_span(const Looking *l, DefId of, Span product) {
    for (DefId i = of; i < l->k->nforward; i++) {
        const DefIds *r = &l->k->reads[i];
        Span sp = def_of(l->k, i)->span;
        bool within = sp.file == product.file && sp.lo >= product.lo && sp.hi <= product.hi;
        for (uint32_t j = 0; l->below[i] && !within && j < r->len; j++)
            if (r->data[j] == of) return sp;
    }
    return def_of(l->k, of)->span;
}

static bool interior(Looking *l, const Readout1 *r) {
    Checker *k = l->k;
    for (uint32_t i = 0; i < r->fams.len; i++) {
        DefId at = used_below(l, r->fams.data[i]);
        if (!at) continue;
        k->v->readout = READOUT_interior;
        bool param = def_of(k, at)->op == PO_param;
        Span second = param ? reader_span(l, at, r->v.span) : def_of(k, at)->span;
        const char *text = r->fresh ? "the readout's parameter is also used inside the network"
                                    : "the readout vector depends on it, and so does the network";
        CheckReason *why = fail(l, CLAUSE_readout_interior, text, fam_name(k, r->fams.data[i]),
                                r->v.span, second);
        if (why) chain_find(k, r->x.d, at, why);
        return true;
    }
    return false;
}

static void readout_conditions(Looking *l, const Readout1 *r) {
    Checker *k = l->k;
    if (interior(l, r) || (r->fresh && !r->mean)) return;
    if (k->v->readout == READOUT_independent) k->v->readout = READOUT_mean;
    const char *text = !r->fresh ? "the readout vector is not a parameter"
                       : def_of(k, r->v.d)->op == PO_one
                           ? "the readout is the constant vector"
                           : "the readout vector has a nonzero mean";
    Span at = r->fresh ? r->mean_at : def_of(k, r->v.d)->span;
    bool single = r->fresh && r->fams.len == 1;
    const char *name = single ? fam_name(k, r->fams.data[0]) : def_name(k, r->v.d);
    fail(l, CLAUSE_readout_mean, text, name, r->v.span, at);
}

static void orientations(Looking *l) {
    Checker *k = l->k;
    bool *live = ARENA_ARRAY(k->a, bool, k->p->def.len);
    mark_below(k, k->p->out, live, true);
    for (FamId f = 0; f < k->p->fam.len; f++) {
        Span use[2] = {{0}, {0}};
        bool has[2] = {false, false};
        for (DefId i = 1; i < k->nforward; i++) {
            const Def *d = def_of(k, i);
            if (d->op != PO_matmul || d->fam != f || !live[i] || def_empty(k, i)) continue;
            if (!has[d->transposed]) use[d->transposed] = d->span;
            has[d->transposed] = true;
        }
        if (has[0] && has[1])
            fail(l, CLAUSE_orientations, "the matrix is used as W and as W' in the forward pass",
                 fam_name(k, f), use[1], use[0]);
    }
}

/* The output is a moment: n times it has the constant vector as readout. */
static void moment(Looking *l) {
    Checker *k = l->k;
    const Def *d = def_of(k, k->p->out);
    if (d->op == PO_inner || d->op == PO_output) return;
    k->v->readout = READOUT_mean;
    fail(l, CLAUSE_readout_mean, "the output is a moment: its readout is the constant vector",
         def_name(k, k->p->out), d->span, (Span){0});
}

void simple_check(Checker *k, Simple *out, bool reasons) {
    Looking l = {.k = k, .out = out, .reasons = reasons,
                 .below = ARENA_ARRAY(k->a, bool, k->p->def.len)};
    k->read_out = ARENA_ARRAY(k->a, bool, k->p->fam.len);
    out->readout.len = 0;
    out->passes = false;
    k->v->readout = READOUT_none;
    if (!k->p->is_program) {
        k->v->readout = READOUT_independent;
        moment(&l);
        outputs(&l, k->p->out);
        for (uint32_t i = 0; i < out->readout.len; i++)
            readout_conditions(&l, &out->readout.data[i]);
        orientations(&l);
        out->passes = !l.failed;
    }
}

/* The ladder: rungs from the top down, and what they depend on. */
#include "check/checker.h"
#include "diag/diag.h"
#include "program/values.h"
#include <math.h>

enum { MAX_FACTS = 12 };

static const char *const rungs[] = {"gia-fails", "undecided", "gia-exact", "bp-like", "simple-gia"};

const char *rung_text(Rung r) { return rungs[r]; }

const char *readout_text(Readout r) {
    static const char *const text[] = {"independent", "mean", "interior", "none"};
    return text[r];
}

const char *clause_name(CheckClause c) {
    static const char *const text[] = {
#define CLAUSE(id, name, text) name,
#include "check/clause.def"
    };
    return text[c];
}

const char *clause_text(CheckClause c) {
    static const char *const what[] = {
#define CLAUSE(id, name, text) text,
#include "check/clause.def"
    };
    return what[c];
}

bool rung_parse(const char *s, Rung *out) {
    for (Rung r = RUNG_gia_fails; r <= RUNG_simple_gia; r++)
        if (!strcmp(s, rung_text(r))) {
            *out = r;
            return true;
        }
    return false;
}

/* ---- the structural rungs under what is assumed to be 0 */

/* false: neither. */
static bool structural(Checker *k, Rung *rung, BpLike *bp, Simple *simple, bool reasons) {
    forms_forget(k);
    simple_check(k, simple, reasons);
    *bp = (BpLike){.passes = true};
    if (simple->passes) {
        *rung = RUNG_simple_gia;
        return true;
    }
    *rung = RUNG_bp_like;
    bplike_check(k, simple, bp, reasons);
    return bp->passes;
}

/* Is the rung still reached? */
static bool reaches(Checker *k, Rung want) {
    Rung got;
    BpLike bp;
    Simple simple = {0};
    bool found = structural(k, &got, &bp, &simple, false);
    if (want == RUNG_gia_exact && !found) {
        Verdict keep = *k->v;
        found = corrections_vanish(k) || (keep.unrolled && corrections_exact(k));
        *k->v = keep;
        return found;
    }
    return found && got >= want;
}

/* Drop assumptions that the rung does not need. */
static void minimise(Checker *k, Rung want) {
    Verdict keep = *k->v;
    for (uint32_t i = 0; i < k->zero.len; i++) k->zero.data[i].assumed = false;
    bool none = reaches(k, want);
    for (uint32_t i = 0; i < k->zero.len && !none; i++) k->zero.data[i].assumed = true;
    for (uint32_t i = 0; i < k->zero.len && i < MAX_FACTS && !none; i++) {
        k->zero.data[i].assumed = false;
        if (!reaches(k, want)) k->zero.data[i].assumed = true;
    }
    *k->v = keep;
    k->v->condition = facts_text(k);
}

/* ---- what other values would give */

static void scan(Checker *k, Fx f) {
    const FxNode *n = fx_node(k->p->fx, f);
    double v = n->op == FX_hyper ? program_value(k->p, f) : 0;
    bool known = v == 0 || isnan(v);
    for (uint32_t i = 0; i < k->zero.len && !known; i++) known = k->zero.data[i].f == f;
    if (!known && k->zero.len < 64) vec_push(k->a, &k->zero, (Zero){f, false});
    if (n->op == FX_mul || n->op == FX_neg || n->op == FX_pow)
        for (uint32_t i = 0; i < fx_arity(n->op); i++) scan(k, n->arg[i]);
}

/* One hyperparameter that is a factor of a coefficient, set to 0. */
static void look_higher(Checker *k, Rung have) {
    Verdict keep = *k->v;
    uint32_t n = k->zero.len;
    for (DefId d = 1; d < k->nforward; d++) {
        const Def *o = def_of(k, d);
        for (uint32_t i = 0; k->below_out[d] && o->op == PO_lin && i < o->narm; i++)
            scan(k, o->arm[i].coef);
    }
    const char *best = NULL;
    for (uint32_t i = n; i < k->zero.len && i < n + MAX_FACTS; i++) {
        k->zero.data[i].assumed = true;
        Rung got;
        BpLike bp;
        Simple simple = {0};
        if (structural(k, &got, &bp, &simple, false) && got > have) {
            Buf b = buf_new(k->a);
            fx_print(k->p->fx, k->c->syms, &b, k->zero.data[i].f);
            best = arena_printf(k->a, "%s while %s == 0", rung_text(got), buf_text(&b));
            have = got;
        }
        k->zero.data[i].assumed = false;
    }
    k->zero.len = n;
    *k->v = keep;
    k->v->higher = best;
}

/* ---- the verdict */

static void say_bplike(Checker *k, const BpLike *bp) {
    for (uint32_t i = 0; i < bp->special.len; i++) {
        FamId f = bp->special.data[i].fam;
        bool column = fam_of(k, f)->kind == FAM_input_matrix;
        vec_push(k->a, &k->v->special, f);
        vec_push(k->a, &k->v->why, arena_printf(k->a, "special vector%s `%s`",
                                                column ? "s: the columns of" : "", fam_name(k, f)));
    }
    for (FamId f = 0; bp->special.len && f < k->p->fam.len; f++)
        if (bp->backward[f])
            vec_push(k->a, &k->v->why,
                     arena_printf(k->a, "`%s'` is the forward orientation", fam_name(k, f)));
    if (!bp->special.len)
        vec_push(k->a, &k->v->why, "no matrix is used in both orientations");
}

static bool start(Ctx *c, const Program *p, const CheckProbe *probe, bool gradient, Checker *k,
                  Verdict *out) {
    *k = (Checker){.v = out, .probe = probe};
    if (!view_make(c, p, gradient, k)) return false;
    facts_collect(k);
    return true;
}

/* The two upper rungs; *found false: neither.  Gradients are formed only where they are asked
 * about. */
static bool upper(Ctx *c, const Program *p, const CheckProbe *probe, Checker *k, bool *found,
                  Verdict *out) {
    BpLike bp;
    Simple simple = {0};
    *out = (Verdict){0};
    if (!start(c, p, probe, false, k, out)) return false;
    simple_check(k, &simple, false);
    *found = simple.passes;
    out->rung = RUNG_simple_gia;
    if (*found) return true;
    if (!k->g && !start(c, p, probe, true, k, out)) return false;
    *found = structural(k, &out->rung, &bp, &simple, true);
    if (*found) say_bplike(k, &bp);
    return true;
}

bool check_program(Ctx *c, const Program *p, const CheckProbe *probe, Verdict *out) {
    Checker k;
    bool found;
    if (!upper(c, p, probe, &k, &found, out)) return false;
    if (!found && corrections_vanish(&k)) {
        out->rung = RUNG_gia_exact;
        found = true;
    }
    if (!found) corrections_unrolled(&k);
    if (out->rung >= RUNG_gia_exact) minimise(&k, out->rung);
    if (out->rung < RUNG_simple_gia) look_higher(&k, out->rung);
    return true;
}

/* ---- what can be run */

static void explain(Diag *d, const Verdict *v) {
    for (uint32_t i = 0; i < v->reason.len; i++) {
        const CheckReason *r = &v->reason.data[i];
        if (r->clause > CLAUSE_orientations) continue;
        if (r->use[0].file) diag_label(d, r->use[0], "`%s`: %s", r->subject, r->text);
        bool made = r->clause == CLAUSE_readout_mean;
        if (r->use[1].file)
            diag_label(d, r->use[1], made ? "`%s` is made here" : "`%s` is also used here",
                       r->subject);
    }
}

/* The NTK's forward form is right (2006.14548): simple-gia, or bp-like with every readout among the
 * special vectors, used there alone.  Moments of bp-like programs need no corrections. */
static bool forward_form(const Checker *k, const Verdict *v, bool found) {
    if (!found || v->rung == RUNG_simple_gia || k->p->is_program) return found;
    Simple simple = {0};
    Verdict other = *v;
    Checker again = *k;
    again.v = &other;
    simple_check(&again, &simple, false);
    if (other.readout != READOUT_independent || !simple.readout.len) return false;
    for (uint32_t i = 0; i < simple.readout.len; i++) {
        const FamIds *f = &simple.readout.data[i].fams;
        for (uint32_t j = 0; j < f->len; j++) {
            bool special = false;
            for (uint32_t s = 0; s < v->special.len; s++)
                special |= v->special.data[s] == f->data[j];
            if (!special) return false;
        }
    }
    return true;
}

/* What the verdict depends on is checked with the values of each run. */
static void require_conditions(Checker *k, Program *p) {
    minimise(k, k->v->rung);
    for (uint32_t i = 0; i < k->zero.len; i++) {
        const Zero *z = &k->zero.data[i];
        Buf b = buf_new(k->a);
        if (!z->assumed) continue;
        fx_print(p->fx, k->c->syms, &b, z->f);
        Fx abs = fx_op(p->fx, FX_abs, z->f, 0, 0);
        Check check = {CHECK_nonneg, fx_op(p->fx, FX_neg, abs, 0, 0),
                       arena_printf(k->a, "-abs(%s), as the kernel is that of %s == 0,",
                                    buf_text(&b), buf_text(&b)),
                       p->span};
        vec_push(k->a, &p->check, check);
    }
}

bool check_runnable(Ctx *c, Program *p, unsigned kernels, bool assume_gia) {
    Verdict v;
    Checker k;
    bool found;
    const char *name = sym_text(c->syms, p->name);
    if (assume_gia) {
        diag(c->ds, check_assume_gia, p->span, name);
        return false;
    }
    if (!upper(c, p, NULL, &k, &found, &v)) return false;
    if (forward_form(&k, &v, found)) {
        require_conditions(&k, p);
        return true;
    }
    const char *why = v.reason.len ? v.reason.data[0].text : rung_text(v.rung);
    Diag *d;
    if (kernels & 2) {
        d = diag(c->ds, check_needs_corrections, p->span, name, why);
        explain(d, &v);
        diag_help(d, "`param v: vector ~ N(0, 1)`, used in the readout alone, makes it pass");
    }
    if (kernels & 1 && v.readout != READOUT_independent) {
        d = diag(c->ds, check_no_nngp, p->span, name, why);
        explain(d, &v);
    } else if (!(kernels & 2)) {
        d = diag(c->ds, check_needs_corrections, p->span, name, why);
        explain(d, &v);
    }
    return false;
}

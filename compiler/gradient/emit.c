/* A contribution turned round: the reader's indices i become reductions, and e[f(i)] += term(i)
 * is an arm sum(i) [f(i) = j] term(i) of the adjoint of e[j]. */
#include "diag/diag.h"
#include "gradient/pass.h"

enum { MAX_TURNS = 64 }; /* times that an index may go round a circular dim */

typedef struct Flow {
    Pass *s;
    DefId target;
    const Aff *idx; /* of the target, in renamed names */
    ConsVec base;       /* ranges of the adjoint's dims */
    const AffSubst *as; /* what the reader's names are called while the arm is being made */
    DefId from;
} Flow;

/* No source has such a name: most reductions are gone before they need a proper one. */
static Sym working_name(Work *w, uint32_t k) {
    return intern(w->c->syms, arena_printf(w->a, "%%%u", k));
}

static Dim renamed(Work *w, Dim d, AffSubst *m, uint32_t *n) {
    Sym v = working_name(w, *n);
    Dim o = {v, aff_subst(w->x, d.lo, m, *n), aff_subst(w->x, d.hi, m, *n)};
    m[(*n)++] = (AffSubst){d.var, aff_name(w->x, v)};
    return o;
}

/* Reductions that are left get names of their own, after the reader's. */
static Arm with_names(Flow *f, Arm a) {
    Work *w = f->s->w;
    AffSubst *m = ARENA_ARRAY(w->a, AffSubst, a.nred);
    Dim *red = arena_copy(w->a, a.red, a.nred * sizeof *red);
    for (uint32_t i = 0; i < a.nred; i++) {
        uint32_t k = 0;
        while (aff_coef(f->as[k].to, red[i].var) != 1) k++;
        Sym v = intern_fresh(w->c->syms, sym_text(w->c->syms, f->as[k].name));
        m[i] = (AffSubst){red[i].var, aff_name(w->x, v)};
        red[i].var = v;
    }
    a.red = red;
    return arm_replace(w, a, m, a.nred);
}

static void finish(Flow *f, Arm a) {
    Work *w = f->s->w;
    if (!arm_simplify(w, &a, &f->base)) return;
    if (a.nred) a = with_names(f, a);
    vec_push(w->a, &w->made.data[f->s->adj[f->target]].term, (Term){a, f->from});
}

static Arm with_cons(Work *w, Arm a, Cons c) {
    Cons *v = ARENA_ARRAY(w->a, Cons, a.ncons + 1);
    if (a.ncons) memcpy(v, a.cons, a.ncons * sizeof *v);
    v[a.ncons++] = c;
    a.cons = v;
    return a;
}

static bool in_range(Flow *f, const Arm *a, Aff e, const Dim *d) {
    Work *w = f->s->w;
    ConsVec v = {0};
    for (uint32_t i = 0; i < f->base.len; i++) vec_push(w->a, &v, f->base.data[i]);
    for (uint32_t i = 0; i < a->nred; i++)
        cons_range(w->x, &v, a->red[i].var, a->red[i].lo, a->red[i].hi);
    for (uint32_t i = 0; i < a->ncons; i++) vec_push(w->a, &v, a->cons[i]);
    return aff_implied(w->x, v.data, v.len, cons_le(w->x, d->lo, e)) &&
           aff_implied(w->x, v.data, v.len, cons_lt(w->x, e, d->hi));
}

static bool fx_mentions(Work *w, Fx f, Sym v) {
    AffSubst away = {v, aff_const(INT32_MIN)}; /* an index no program has */
    return fx_subst(w->fx, f, &away, 1) != f;
}

/* Is reduction r free of everything but target index k and one index of the operand? */
static bool turns_alone(Flow *f, const Arm *a, uint32_t r, uint32_t k, uint32_t *at) {
    Work *w = f->s->w;
    Sym v = a->red[r].var;
    uint32_t found = 0;
    for (uint32_t i = 0; i < work_def(w, f->target)->ndim; i++)
        if (i != k && aff_mentions(f->idx[i], v)) return false;
    for (uint32_t i = 0; i < a->ncons; i++)
        if (cons_mentions(a->cons[i], v)) return false;
    for (uint32_t i = 0; i < a->nred; i++)
        if (aff_mentions(a->red[i].lo, v) || aff_mentions(a->red[i].hi, v)) return false;
    for (uint32_t i = 0; i < work_def(w, a->use.d)->ndim; i++) {
        if (!aff_mentions(a->use.idx[i], v)) continue;
        found++;
        *at = i;
    }
    return found == 1 && aff_eq(a->use.idx[*at], aff_name(w->x, v)) && !fx_mentions(w, a->coef, v);
}

/* Only the dims of a lin that is not loop-carried may be circular: other operands are copied to
 * one. */
static DefId circular(Pass *s, DefId id) {
    Work *w = s->w;
    const Made *m = &w->made.data[id];
    Def d = *work_def(w, id);
    if (d.op == PO_lin && !(m->part == GRAD_adjoint && work_def(w, m->of)->mu)) return id;
    for (uint32_t i = 0; i < s->copy.len; i++)
        if (w->made.data[s->copy.data[i]].from == id) return s->copy.data[i];
    Aff *idx = ARENA_ARRAY(w->a, Aff, d.ndim);
    for (uint32_t i = 0; i < d.ndim; i++) idx[i] = aff_name(w->x, d.dim[i].var);
    Arm *a = ARENA_NEW(w->a, Arm);
    *a = (Arm){.coef = fx_rat(w->fx, 1, 1), .use = {.d = id, .idx = idx, .span = d.span}};
    Def lin = {.op = PO_lin, .span = d.span, .dim = d.dim, .ndim = d.ndim, .width = d.width,
               .arm = a, .narm = 1};
    Made made = {.part = GRAD_part, .of = m->of, .from = id};
    vec_push(w->a, &s->copy, work_add(w, lin, "w", d.name, made));
    return vec_last(&s->copy);
}

/* The operand is read round the same circle: its dim gets the mark, and the index stays free.
 * Only where it is of this pass and its dim is as long as the target's. */
static bool wrap_on(Flow *f, Arm *a, uint32_t k) {
    Work *w = f->s->w;
    const Dim *t = &work_def(w, f->target)->dim[k];
    if (!a->use.d || a->use.d < f->s->first) return false;
    const Def *o = work_def(w, a->use.d);
    Aff len = aff_sub(w->x, t->hi, t->lo);
    for (uint32_t r = 0; r < a->nred; r++) {
        int32_t q = aff_coef(f->idx[k], a->red[r].var);
        uint32_t at;
        if ((q != 1 && q != -1) || !turns_alone(f, a, r, k, &at)) continue;
        if (!aff_eq(len, aff_sub(w->x, o->dim[at].hi, o->dim[at].lo)) ||
            !aff_eq(len, aff_sub(w->x, a->red[r].hi, a->red[r].lo)))
            continue;
        Aff j = aff_name(w->x, t->var), v = aff_name(w->x, a->red[r].var);
        Aff rest = aff_sub(w->x, f->idx[k], aff_scale(w->x, v, q));
        AffSubst to = {a->red[r].var, aff_scale(w->x, aff_sub(w->x, j, rest), q)};
        Dim *red = arena_copy(w->a, a->red, a->nred * sizeof *red);
        memmove(red + r, red + r + 1, (a->nred - r - 1) * sizeof *red);
        a->red = red;
        a->nred--;
        *a = arm_replace(w, *a, &to, 1);
        a->use.d = circular(f->s, a->use.d);
        work_def(w, a->use.d)->wrap |= 1u << at;
        return true;
    }
    return false;
}

/* Equalities of target index k and the following ones; a circular dim has one arm for each number
 * of turns that the index may make. */
static void match(Flow *f, Arm a, uint32_t k) {
    Work *w = f->s->w;
    const Def *t = work_def(w, f->target);
    if (k == t->ndim) {
        finish(f, a);
        return;
    }
    Aff j = aff_name(w->x, t->dim[k].var);
    if (!(t->wrap >> k & 1) || in_range(f, &a, f->idx[k], &t->dim[k])) {
        match(f, with_cons(w, a, cons_eq(w->x, f->idx[k], j)), k + 1);
        return;
    }
    if (wrap_on(f, &a, k)) {
        match(f, a, k + 1);
        return;
    }
    Aff len = aff_sub(w->x, t->dim[k].hi, t->dim[k].lo);
    for (int sign = -1; sign <= 1; sign += 2)
        for (int m = sign < 0; m <= MAX_TURNS; m++) {
            Aff at = aff_add(w->x, j, aff_scale(w->x, len, sign * m));
            Arm b = with_cons(w, a, cons_eq(w->x, f->idx[k], at)), probe = b;
            if (!arm_simplify(w, &probe, &f->base)) {
                if (m) break;
                continue;
            }
            if (m == MAX_TURNS && !f->s->failed) {
                diag(w->c->ds, gradient_turns, t->span, sym_text(w->c->syms, t->name), m);
                f->s->failed = true;
            }
            match(f, b, k + 1);
        }
}

void adjoint_add(Pass *s, Use target, const Scope *at, Fx coef, Use use, DefId from) {
    Work *w = s->w;
    if (!s->adj[target.d]) return;
    Flow f = {.s = s, .target = target.d, .from = from};
    const Def *t = work_def(w, target.d);
    for (uint32_t i = 0; i < s->out.ndim; i++)
        cons_range(w->x, &f.base, s->out.dim[i].var, s->out.dim[i].lo, s->out.dim[i].hi);
    for (uint32_t i = 0; i < t->ndim; i++)
        cons_range(w->x, &f.base, t->dim[i].var, t->dim[i].lo, t->dim[i].hi);
    AffSubst *m = ARENA_ARRAY(w->a, AffSubst, at->ndim + at->nred);
    uint32_t n = 0;
    Dim *red = ARENA_ARRAY(w->a, Dim, at->ndim + at->nred);
    for (uint32_t i = 0; i < at->ndim; i++) red[i] = renamed(w, at->dim[i], m, &n);
    for (uint32_t i = 0; i < at->nred; i++) red[at->ndim + i] = renamed(w, at->red[i], m, &n);
    Arm a = {.cons = at->cons, .ncons = at->ncons, .coef = coef, .use = use};
    a = arm_replace(w, a, m, n);
    a.red = red;
    a.nred = n;
    Aff *idx = ARENA_ARRAY(w->a, Aff, t->ndim);
    for (uint32_t i = 0; i < t->ndim; i++) idx[i] = aff_subst(w->x, target.idx[i], m, n);
    f.idx = idx;
    f.as = m;
    match(&f, a, 0);
}

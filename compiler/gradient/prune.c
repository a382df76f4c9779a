/* What is zero goes: adjoints that nothing flows into, and what is linear in them. */
#include "gradient/pass.h"

static bool is_live(const Pass *s, DefId d) {
    const Made *m = &s->w->made.data[d];
    if (m->part != GRAD_adjoint) return !m->from || s->w->made.data[m->from].live;
    for (uint32_t i = 0; i < m->term.len; i++) {
        DefId from = m->term.data[i].from;
        if (!from || s->w->made.data[from].live) return true;
    }
    return false;
}

/* Least fixpoint: what a seed reaches.  A cycle that no seed enters is zero. */
static void mark_live(Pass *s) {
    for (bool change = true; change;) {
        change = false;
        for (DefId d = s->first; d < s->w->p->def.len; d++) {
            Made *m = &s->w->made.data[d];
            if (m->live || !is_live(s, d)) continue;
            m->live = change = true;
        }
    }
}

static bool arm_same_but_coef(Work *w, const Arm *a, const Arm *b) {
    if (a->nred || b->nred || a->use.d != b->use.d || a->ncons != b->ncons) return false;
    for (uint32_t i = 0; i < a->ncons; i++)
        if (!cons_same(a->cons[i], b->cons[i])) return false;
    for (uint32_t i = 0; a->use.d && i < work_def(w, a->use.d)->ndim; i++)
        if (!aff_eq(a->use.idx[i], b->use.idx[i])) return false;
    return true;
}

static void arms_made(Pass *s, DefId d) {
    Work *w = s->w;
    VEC(Arm) v = {0};
    const Made *m = &w->made.data[d];
    for (uint32_t i = 0; i < m->term.len; i++) {
        Term t = m->term.data[i];
        uint32_t k = 0;
        if (t.from && !w->made.data[t.from].live) continue;
        while (k < v.len && !arm_same_but_coef(w, &v.data[k], &t.arm)) k++;
        if (k < v.len) v.data[k].coef = fx_add(w->fx, v.data[k].coef, t.arm.coef);
        else vec_push(w->a, &v, t.arm);
    }
    work_def(w, d)->arm = v.data;
    work_def(w, d)->narm = v.len;
}

/* Adjoints of scalars that are numbers (1 of a returned moment) stand as numbers in what reads
 * them. */
static Fx as_number(void *ctx, Fx sref) {
    Pass *s = ctx;
    DefId k = fx_node(s->w->fx, sref)->k;
    const Def *d = work_def(s->w, k);
    if (k < s->first || s->w->made.data[k].part != GRAD_adjoint || d->narm != 1) return 0;
    const Arm *a = &d->arm[0];
    return !a->nred && !a->ncons && fx_node(s->w->fx, a->coef)->op == FX_num ? a->coef : 0;
}

static void put_numbers(Pass *s, DefId id) {
    Work *w = s->w;
    Def *d = work_def(w, id);
    Arm *arm = arena_copy(w->a, d->arm, d->narm * sizeof *arm);
    for (uint32_t i = 0; i < d->narm; i++)
        arm[i].coef = fx_sref_map(w->fx, arm[i].coef, as_number, s);
    d->arm = arm;
}

void pass_prune(Pass *s) {
    Work *w = s->w;
    mark_live(s);
    for (DefId d = s->first; d < w->p->def.len; d++)
        if (w->made.data[d].part == GRAD_adjoint) arms_made(s, d);
    for (DefId d = s->first; d < w->p->def.len; d++) put_numbers(s, d);
    for (DefId d = 1; d < s->first; d++) {
        if (!s->adj[d]) continue;
        if (!w->made.data[s->adj[d]].live) s->adj[d] = 0;
        else if (work_def(w, d)->mu)
            work_def(w, s->adj[d])->mu = defs_below(w, s->adj[d], s->first)[s->adj[d]];
    }
}

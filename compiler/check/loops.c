/* Corrections proved to be 0 with the loops kept.  All are assumed to be 0 and each is verified,
 * which is sound by induction over the order of evaluation: then the Z of a product is its Gaussian
 * part, and Z^x is a function of vectors and Gaussian parts ("sources").  Where a set of sources is
 * negated together, their law stays the same; so E dZ^x / dg = 0 if each product in the
 * distributional derivative changes its sign for some such set. */
#include "check/checker.h"

enum { MAX_SETS = 400, MAX_ALL = 8, MAX_WORK = 3000000, LIKELY = 6 };

typedef struct Trial { /* a set of sources and what it does to the definitions of a cone */
    SourceSet set;
    Parity *of;    /* of Z, by definition */
    Parity *slope; /* of dZ / dg */
} Trial;

typedef struct Proof { /* of one matrix argument against one orientation of the matrix */
    Checker *k;
    Source src;      /* g */
    DefId top;
    DefIds cone;     /* vectors that Z^top is a function of */
    VEC(Trial) trial;
    bool *depends;   /* on g */
    uint8_t *state;  /* 0: not asked, 1: being asked, 2: yes, 3: no */
    const Parity *scalar; /* known parities of scalars */
} Proof;

/* ---- the cone */
static bool is_source_def(const Checker *k, DefId d) {
    const Def *o = def_of(k, d);
    return o->op != PO_lin && o->op != PO_nonlin;
}

static bool is_src(const Proof *q, DefId d) {
    const Def *o = def_of(q->k, d);
    return o->op == PO_matmul && o->fam == q->src.fam && o->transposed == q->src.transposed;
}

static void cone_of(Proof *q) {
    Checker *k = q->k;
    bool *seen = ARENA_ARRAY(k->a, bool, k->p->def.len);
    DefIds stack = {0};
    vec_push(k->a, &stack, q->top);
    seen[q->top] = true;
    while (stack.len) {
        DefId d = vec_pop(&stack);
        const DefIds *r = &k->reads[d];
        for (uint32_t i = 0; i < r->len && !is_source_def(k, d); i++) {
            if (seen[r->data[i]] || program_op_is_scalar(def_of(k, r->data[i])->op)) continue;
            seen[r->data[i]] = true;
            vec_push(k->a, &stack, r->data[i]);
        }
    }
    for (DefId d = 1; d < k->p->def.len; d++)
        if (seen[d]) vec_push(k->a, &q->cone, d);
}

static void find_depends(Proof *q) {
    Checker *k = q->k;
    q->depends = ARENA_ARRAY(k->a, bool, k->p->def.len);
    for (bool change = true; change;) {
        change = false;
        for (uint32_t i = 0; i < q->cone.len; i++) {
            DefId d = q->cone.data[i];
            if (q->depends[d]) continue;
            q->depends[d] = is_src(q, d);
            for (uint32_t j = 0; j < k->reads[d].len && !is_source_def(k, d); j++)
                q->depends[d] |= q->depends[k->reads[d].data[j]];
            change |= q->depends[d];
        }
    }
}

/* ---- trials */
static Parity slope_of(Proof *q, const Trial *t, DefId d) {
    Checker *k = q->k;
    const Def *o = def_of(k, d);
    if (is_src(q, d)) return PAR_even;
    if (!q->depends[d]) return PAR_zero;
    Parity r = PAR_zero;
    for (uint32_t i = 0; o->op == PO_lin && i < o->narm; i++) {
        if (fact_zero(k, o->arm[i].coef)) continue;
        Parity c = form_parity_of(k, d, def_form(k, d, i), t->of, false);
        r = parity_join(r, parity_mul(c, t->slope[o->arm[i].use.d]));
    }
    for (uint32_t i = 0; o->op == PO_nonlin && i < o->nuse; i++) {
        Parity s = t->slope[o->use[i].d];
        if (s == PAR_zero) continue;
        Form f = form_diff(k->forms, def_form(k, d, 0), i);
        r = parity_join(r, parity_mul(form_parity_of(k, d, f, t->of, false), s));
    }
    return r;
}

static void run_trial(Proof *q, const SourceSet *set) {
    Checker *k = q->k;
    uint32_t n = k->p->def.len;
    if (!set->len || q->trial.len >= MAX_SETS || k->work > MAX_WORK) return;
    k->work += q->cone.len + n / 8;
    Trial t = {.of = arena_copy(k->a, q->scalar, n * sizeof *t.of),
               .slope = ARENA_ARRAY(k->a, Parity, n)};
    for (uint32_t i = 0; i < set->len; i++) vec_push(k->a, &t.set, set->data[i]);
    parities_in(k, set, &q->cone, t.of);
    for (bool change = true; change;) {
        change = false;
        for (uint32_t i = 0; i < q->cone.len; i++) {
            DefId d = q->cone.data[i];
            Parity s = parity_join(t.slope[d], slope_of(q, &t, d));
            change |= s != t.slope[d];
            t.slope[d] = s;
        }
    }
    vec_push(k->a, &q->trial, t);
}

static SourceSet sources_of(Proof *q) {
    Checker *k = q->k;
    SourceSet s = {0};
    for (uint32_t i = 0; i < q->cone.len; i++) {
        const Def *d = def_of(k, q->cone.data[i]);
        if (d->op != PO_param && d->op != PO_matmul) continue;
        bool seen = false;
        for (uint32_t j = 0; j < s.len; j++)
            seen |= s.data[j].fam == d->fam && s.data[j].transposed == d->transposed;
        if (!seen) vec_push(k->a, &s, (Source){d->fam, d->transposed});
    }
    return s;
}

static void run_sets(Proof *q, const SourceSet *all, SourceSet *set, uint32_t from, uint32_t size) {
    if (q->trial.len >= MAX_SETS || q->k->work > MAX_WORK) return;
    if (set->len == size) {
        run_trial(q, set);
        return;
    }
    for (uint32_t i = from; i < all->len; i++) {
        vec_push(q->k->a, set, all->data[i]);
        run_sets(q, all, set, i + 1, size);
        set->len--;
    }
}

/* ---- proofs */
static bool prove(Proof *q, DefId d);

typedef struct Reading {
    const Proof *q;
    const Trial *t;
    const Def *d;
    DefId id;
    uint32_t split; /* this leaf has the parity `as` */
    Parity as;
} Reading;

static Parity leaf_parity(void *ctx, uint32_t leaf) {
    Reading *r = ctx;
    Checker *k = r->q->k;
    if (leaf == r->split) return r->as;
    if (leaf < r->d->nuse) return r->t->of[r->d->use[leaf].d];
    return r->t->of[fx_node(k->p->fx, k->def[r->id].sref.data[leaf - r->d->nuse])->k];
}

static bool vanishes(Parity p) { return p == PAR_odd || p == PAR_zero; }

/* E[m(u) dZ^use / dg] = 0 by one set; split: the operand with that number is its arm's vector. */
static bool mono_vanishes(Proof *q, DefId d, const Mono *m, DefId use, uint32_t split, DefId arm) {
    Reading r = {.q = q, .d = def_of(q->k, d), .id = d, .split = split};
    for (uint32_t i = 0; i < q->trial.len; i++) {
        r.t = &q->trial.data[i];
        if (arm) r.as = r.t->of[arm];
        Parity a = mono_parity(q->k->forms, m, leaf_parity, &r);
        if (vanishes(parity_mul(a, r.t->slope[use]))) return true;
    }
    return false;
}

/* The same, where an operand that the product is linear in may be taken apart. */
static bool mono_splits(Proof *q, DefId d, const Mono *m, DefId use) {
    Checker *k = q->k;
    const Def *o = def_of(k, d);
    if (mono_vanishes(q, d, m, use, UINT32_MAX, 0)) return true;
    for (uint32_t i = 0; i < m->n; i++) {
        Atom a = form_atom(k->forms, m->f[i].atom);
        if (a.kind != ATOM_leaf || a.k >= o->nuse || m->f[i].p != 1 || m->f[i].q != 1) continue;
        const Def *x = def_of(k, o->use[a.k].d);
        if (x->op != PO_lin || x->mu || x->narm < 2) continue;
        bool all = true;
        for (uint32_t j = 0; j < x->narm && all; j++)
            all = fact_zero(k, x->arm[j].coef) ||
                  mono_vanishes(q, d, m, use, a.k, x->arm[j].use.d);
        if (all) return true;
    }
    return false;
}

static bool prove_nonlin(Proof *q, DefId d) {
    Checker *k = q->k;
    const Def *o = def_of(k, d);
    for (uint32_t i = 0; i < o->nuse; i++) {
        if (!q->depends[o->use[i].d]) continue;
        Form f = form_diff(k->forms, def_form(k, d, 0), i);
        if (!f) return false;
        FormNode n = form_node(k->forms, f);
        for (uint32_t j = 0; j < n.n; j++)
            if (!mono_splits(q, d, &n.m[j], o->use[i].d)) return false;
    }
    return true;
}

static bool prove_lin(Proof *q, DefId d) {
    Checker *k = q->k;
    const Def *o = def_of(k, d);
    for (uint32_t i = 0; i < o->narm; i++) {
        if (fact_zero(k, o->arm[i].coef)) continue;
        if (form_parity_of(k, d, def_form(k, d, i), q->scalar, false) == PAR_zero) continue;
        if (!prove(q, o->arm[i].use.d)) return false;
    }
    return true;
}

static bool prove(Proof *q, DefId d) {
    Checker *k = q->k;
    if (!q->depends[d] || q->state[d] == 1 || q->state[d] == 2) return true;
    if (q->state[d] == 3) return false;
    q->state[d] = 1;
    bool yes = false;
    for (uint32_t i = 0; i < q->trial.len && !yes; i++)
        yes = vanishes(q->trial.data[i].slope[d]);
    if (!yes && def_of(k, d)->op == PO_lin) yes = prove_lin(q, d);
    if (!yes && def_of(k, d)->op == PO_nonlin) yes = prove_nonlin(q, d);
    q->state[d] = yes ? 2 : 3;
    return yes;
}

static void run_all_but_one(Proof *q, const SourceSet *all) {
    for (uint32_t i = 0; i < all->len; i++) {
        SourceSet but = {0};
        for (uint32_t j = 0; j < all->len; j++)
            if (j != i) vec_push(q->k->a, &but, all->data[j]);
        run_trial(q, &but);
    }
}

/* More and more sets, the likely ones first; after each stage the proof is tried. */
static bool proved(Proof *q, DefId top) {
    SourceSet set = {0};
    q->top = top;
    cone_of(q);
    find_depends(q);
    if (!q->depends[top]) return true;
    SourceSet all = sources_of(q);
    for (uint32_t stage = 1; stage < 3 + MAX_ALL; stage++) {
        uint32_t before = q->trial.len, size = stage < 2 ? stage : stage - 1;
        if (stage == 2) run_trial(q, &all), run_all_but_one(q, &all);
        else if (size <= 3 || all.len <= MAX_ALL) run_sets(q, &all, &set, 0, size);
        if (q->trial.len == before) continue;
        q->state = ARENA_ARRAY(q->k->a, uint8_t, q->k->p->def.len);
        if (prove(q, top)) return true;
    }
    return false;
}

/* ---- scalars that are 0 */

/* Is the moment 0, its argument being odd under some set? */
static bool moment_zero(Checker *k, DefId d, const Parity *scalar) {
    const Def *o = def_of(k, d);
    Proof q = {.k = k, .src = {UINT32_MAX, false}, .scalar = scalar};
    for (uint32_t i = 0; i < o->nuse; i++) { /* the union of both cones */
        q.top = o->use[i].d;
        cone_of(&q);
    }
    q.depends = ARENA_ARRAY(k->a, bool, k->p->def.len);
    SourceSet all = sources_of(&q), set = {0};
    run_sets(&q, &all, &set, 0, 1);
    run_sets(&q, &all, &set, 0, 2);
    for (uint32_t i = 0; i < q.trial.len; i++) {
        const Parity *of = q.trial.data[i].of;
        Parity r = of[o->use[0].d];
        if (o->nuse == 2) r = parity_mul(r, of[o->use[1].d]);
        if (vanishes(r)) return true;
    }
    return false;
}

static Parity *scalar_parities(Checker *k) {
    Parity *of = ARENA_ARRAY(k->a, Parity, k->p->def.len);
    for (DefId d = 1; d < k->p->def.len; d++) of[d] = PAR_even;
    for (DefId d = 1; d < k->p->def.len; d++) {
        ProgramOp op = def_of(k, d)->op;
        if (!k->needed[d]) continue;
        if ((op == PO_second || op == PO_mean) && moment_zero(k, d, of)) of[d] = PAR_zero;
        if (op != PO_scalar) continue;
        bool zero = true; /* all its arms are */
        const Def *o = def_of(k, d);
        for (uint32_t i = 0; i < o->narm && zero; i++)
            zero = fact_zero(k, o->arm[i].coef) ||
                   form_parity_of(k, d, def_form(k, d, i), of, false) == PAR_zero;
        if (zero) of[d] = PAR_zero;
    }
    return of;
}

static void say(Checker *k, const Proof *q, DefId d) {
    const Def *o = def_of(k, d);
    const char *how = "its argument does not depend on the opposite products";
    if (q->depends[q->top])
        how = "each product in the derivative of its argument changes its sign with some sources";
    vec_push(k->a, &k->v->why,
             arena_printf(k->a, "`%s`: the correction of `%s%s` is 0: %s", def_name(k, d),
                          fam_name(k, o->fam), o->transposed ? "'" : "", how));
}

/* ---- the likely sets at once for all products: everything but one orientation, one orientation
 * alone; and on which orientations a vector depends */

typedef struct Likely {
    Parity *of[LIKELY]; /* bit 0: products by W' instead of W; + 2: and vectors that are not read
                           out; + 4: and all vectors */
    bool *depends[2]; /* on products by W, by W' */
} Likely;

static void likely_depends(Checker *k, const DefIds *at, Likely *l) {
    for (int t = 0; t < 2; t++) {
        bool *on = l->depends[t] = ARENA_ARRAY(k->a, bool, k->p->def.len);
        for (bool change = true; change;) {
            change = false;
            for (uint32_t i = 0; i < at->len; i++) {
                DefId d = at->data[i];
                if (on[d]) continue;
                on[d] = is_product(k, d) && def_of(k, d)->transposed == t;
                for (uint32_t j = 0; j < k->reads[d].len && !is_source_def(k, d) && !on[d]; j++)
                    on[d] = on[k->reads[d].data[j]];
                change |= on[d];
            }
        }
    }
}

static void likely_sets(Checker *k, const Parity *scalar, Likely *l) {
    DefIds at = {0};
    for (DefId d = 1; d < k->p->def.len; d++)
        if (k->needed[d] && !program_op_is_scalar(def_of(k, d)->op)) vec_push(k->a, &at, d);
    for (uint32_t s = 0; s < LIKELY; s++) {
        SourceSet set = {0};
        for (FamId f = 0; f < k->p->fam.len; f++) {
            bool matrix = fam_of(k, f)->kind == FAM_matrix;
            if (matrix || s >= 4 || (s >= 2 && !k->read_out[f]))
                vec_push(k->a, &set, (Source){f, matrix && (s & 1)});
        }
        l->of[s] = arena_copy(k->a, scalar, k->p->def.len * sizeof *scalar);
        parities_in(k, &set, &at, l->of[s]);
    }
    likely_depends(k, &at, l);
}

/* No correction of a product of that orientation of any matrix by x, or all 0. */
static bool likely_zero(const Likely *l, DefId x, bool transposed) {
    if (!l->depends[!transposed][x]) return true;
    for (uint32_t s = 0; s < LIKELY; s++) {
        bool in = (s & 1) == !transposed; /* the opposite products are negated */
        if (l->of[s][x] == PAR_zero || l->of[s][x] == (in ? PAR_even : PAR_odd)) return true;
    }
    return false;
}

bool corrections_vanish(Checker *k) {
    bool *both = families_both(k);
    Likely likely;
    uint32_t said = k->v->why.len;
    k->work = 0;
    const Parity *scalar = scalar_parities(k);
    likely_sets(k, scalar, &likely);
    for (DefId d = 1; d < k->p->def.len; d++) {
        const Def *o = def_of(k, d);
        if (!k->needed[d] || !is_product(k, d) || !both[o->fam] || def_empty(k, d)) continue;
        Proof q = {.k = k, .src = {o->fam, !o->transposed}, .scalar = scalar};
        q.top = o->use[0].d;
        q.depends = likely.depends[!o->transposed];
        if (!likely_zero(&likely, q.top, o->transposed) && !proved(&q, q.top)) {
            k->v->why.len = said;
            return false;
        }
        say(k, &q, d);
    }
    return true;
}

/* BP-like (2006.14548, definition A.3): the search for special vectors and orientations. */
#include "check/checker.h"
#include <math.h>

enum { MAX_SETS = 200 };

typedef struct Search {
    Checker *k;
    BpLike *out;
    bool *both;     /* families used in both orientations */
    bool *backward;
    SourceSet candidate;
    uint32_t nreadout; /* of the candidates, the first */
    uint32_t tried;
} Search;

bool *families_both(Checker *k) {
    bool *has[2];
    for (int t = 0; t < 2; t++) has[t] = ARENA_ARRAY(k->a, bool, k->p->fam.len);
    for (DefId d = 1; d < k->p->def.len; d++)
        if (k->needed[d] && is_product(k, d) && !def_empty(k, d))
            has[def_of(k, d)->transposed][def_of(k, d)->fam] = true;
    for (FamId f = 0; f < k->p->fam.len; f++)
        has[0][f] = has[0][f] && has[1][f] && !fact_zero(k, fam_of(k, f)->s2);
    return has[0];
}

static bool any_both(const Search *s) {
    for (FamId f = 0; f < s->k->p->fam.len; f++)
        if (s->both[f]) return true;
    return false;
}

/* Readout vectors first, then other vectors, then input matrices. */
static void candidates(Search *s, const Simple *simple) {
    Checker *k = s->k;
    FamIds order = {0};
    for (uint32_t i = 0; i < simple->readout.len; i++)
        for (uint32_t j = 0; j < simple->readout.data[i].fams.len; j++) {
            FamId f = simple->readout.data[i].fams.data[j];
            if (fam_of(k, f)->kind == FAM_vector) fam_add(k, &order, f);
        }
    s->nreadout = order.len;
    for (int kind = 0; kind < 2; kind++)
        for (DefId d = 1; d < k->p->def.len; d++) {
            const Def *o = def_of(k, d);
            if (!k->needed[d] || (o->op != PO_param && o->op != PO_matmul)) continue;
            if (fam_of(k, o->fam)->kind == (kind ? FAM_input_matrix : FAM_vector))
                fam_add(k, &order, o->fam);
        }
    for (uint32_t i = 0; i < order.len; i++)
        vec_push(k->a, &s->candidate, (Source){order.data[i], false});
}

/* A use of matrix f that makes `backward` no possible orientation; 0: none. */
static DefId obstacle(Search *s, const Parities *q, FamId f, bool backward,
                      CheckClause *clause) {
    Checker *k = s->k;
    for (DefId d = 1; d < k->p->def.len; d++) {
        const Def *o = def_of(k, d);
        if (!k->needed[d] || o->op != PO_matmul || o->fam != f || def_empty(k, d)) continue;
        Parity x = q->of[o->use[0].d];
        bool forward = o->transposed == backward;
        if (forward ? !q->contains[o->use[0].d] : x == PAR_odd || x == PAR_zero) continue;
        *clause = forward ? CLAUSE_contains : CLAUSE_not_odd;
        return d;
    }
    return 0;
}

static bool try_set(Search *s, const SourceSet *set) {
    Parities q;
    CheckClause clause;
    parities(s->k, set, &q);
    s->tried++;
    for (FamId f = 0; f < s->k->p->fam.len; f++) {
        if (!s->both[f]) continue;
        s->backward[f] = false;
        if (!obstacle(s, &q, f, false, &clause)) continue;
        s->backward[f] = true;
        if (obstacle(s, &q, f, true, &clause)) return false;
    }
    s->out->special = *set;
    return true;
}

/* All sets of `size` candidates that go on from `set`. */
static bool try_sets(Search *s, SourceSet *set, uint32_t from, uint32_t size) {
    if (set->len == size) return s->tried < MAX_SETS && try_set(s, set);
    for (uint32_t i = from; i < s->candidate.len && s->tried < MAX_SETS; i++) {
        vec_push(s->k->a, set, s->candidate.data[i]);
        if (try_sets(s, set, i + 1, size)) return true;
        set->len--;
    }
    return false;
}

/* All candidates, with and without the readout vectors: a linear network has a bias a layer. */
static bool try_all(Search *s) {
    for (uint32_t from = 0; from <= s->nreadout; from += s->nreadout ? s->nreadout : 1) {
        SourceSet set = {0};
        for (uint32_t i = from; i < s->candidate.len; i++)
            vec_push(s->k->a, &set, s->candidate.data[i]);
        if (set.len > 3 && try_set(s, &set)) return true;
    }
    return false;
}

/* ---- why not */

static DefId opposite_use(const Search *s, FamId f, bool transposed) {
    for (DefId d = 1; d < s->k->p->def.len; d++)
        if (s->k->needed[d] && is_product(s->k, d) && def_of(s->k, d)->fam == f &&
            def_of(s->k, d)->transposed == transposed)
            return d;
    return 0;
}

/* A definition of the set below `from`, as near as the order of definitions has it. */
static DefId special_below(const Search *s, const SourceSet *set, DefId from) {
    bool *seen = ARENA_ARRAY(s->k->a, bool, s->k->p->def.len);
    mark_below(s->k, from, seen, true);
    for (DefId d = 1; d < s->k->p->def.len; d++) {
        const Def *o = def_of(s->k, d);
        if (!seen[d] || (o->op != PO_param && o->op != PO_matmul)) continue;
        for (uint32_t i = 0; i < set->len; i++)
            if (set->data[i].fam == o->fam) return d;
    }
    return 0;
}

static void explain(Search *s) {
    Checker *k = s->k;
    SourceSet set = {0};
    Parities q;
    if (!s->candidate.len) {
        CheckReason none = {.clause = CLAUSE_no_special, .text = "there is no zero-mean vector",
                            .subject = sym_text(k->c->syms, k->p->name), .value = (double)NAN};
        vec_push(k->a, &k->v->reason, none);
        return;
    }
    vec_push(k->a, &set, s->candidate.data[0]);
    parities(k, &set, &q);
    for (FamId f = 0; f < k->p->fam.len; f++) {
        CheckClause clause = CLAUSE_not_odd, other;
        DefId at = s->both[f] ? obstacle(s, &q, f, false, &clause) : 0;
        if (!at || !obstacle(s, &q, f, true, &other)) continue;
        const Def *d = def_of(k, at);
        const char *name = fam_name(k, f), *v = fam_name(k, set.data[0].fam);
        CheckReason r = {.clause = clause, .subject = name, .value = (double)NAN};
        const char *how = clause == CLAUSE_not_odd ? "does not change its sign with" : "contains";
        r.text = arena_printf(k->a, "%s%s meets a vector that %s `%s`", name,
                              d->transposed ? "'" : "", how, v);
        DefId opp = opposite_use(s, f, !d->transposed);
        r.use[0] = d->span;
        r.use[1] = def_of(k, opp)->span;
        DefId down = clause == CLAUSE_contains ? special_below(s, &set, d->use[0].d) : opp;
        if (down) chain_find(k, d->use[0].d, down, &r);
        vec_push(k->a, &k->v->reason, r);
        return;
    }
}

void bplike_check(Checker *k, const Simple *simple, BpLike *out, bool reasons) {
    Search s = {.k = k, .out = out};
    *out = (BpLike){0};
    s.both = families_both(k);
    s.backward = ARENA_ARRAY(k->a, bool, k->p->fam.len);
    out->backward = s.backward;
    out->passes = !any_both(&s);
    if (out->passes) return;
    candidates(&s, simple);
    for (uint32_t size = 1; size <= 3 && !out->passes; size++) {
        SourceSet set = {0};
        out->passes = try_sets(&s, &set, 0, size);
    }
    if (!out->passes) out->passes = try_all(&s);
    if (!out->passes && reasons) explain(&s);
}

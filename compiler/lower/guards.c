/* Guards of the terms of a normalised array: which terms stand together, and which of them merely
 * pass another array on. */
#include "lower/normalise.h"

bool normal_guards_same(const LTerm *a, const LTerm *b) {
    if (a->ncons != b->ncons) return false;
    for (uint32_t i = 0; i < a->ncons; i++)
        if (!cons_same(a->cons[i], b->cons[i])) return false;
    return true;
}

/* Does a deny what b says?  (aff_feasible takes no notice of `not`.) */
static bool denies(const Normal *n, const LTerm *a, const LTerm *b) {
    for (uint32_t i = 0; i < a->ncons; i++) {
        bool all = a->cons[i].kind == CONS_not;
        for (uint32_t k = 0; all && k < a->cons[i].nof; k++)
            all = aff_implied(n->l->aff, b->cons, b->ncons, a->cons[i].of[k]);
        if (all) return true;
    }
    return false;
}

bool normal_guards_overlap(const Normal *n, LArrayId id, uint32_t i, uint32_t k) {
    const LArray *r = &n->l->array.data[id];
    const LTerm *a = &n->eq[id].term[i], *b = &n->eq[id].term[k];
    if (denies(n, a, b) || denies(n, b, a)) return false;
    ConsVec all = {0};
    for (uint32_t j = 0; j < a->ncons; j++) vec_push(n->a, &all, a->cons[j]);
    for (uint32_t j = 0; j < b->ncons; j++) vec_push(n->a, &all, b->cons[j]);
    for (uint32_t j = 0; j < r->ncons; j++) vec_push(n->a, &all, r->cons[j]);
    return aff_feasible(n->l->aff, all.data, all.len);
}

bool normal_guards_within(const Normal *n, LArrayId id, uint32_t i, uint32_t k) {
    const LArray *r = &n->l->array.data[id];
    const LTerm *a = &n->eq[id].term[i], *b = &n->eq[id].term[k];
    ConsVec all = {0};
    for (uint32_t j = 0; j < r->naxis; j++)
        cons_range(n->l->aff, &all, r->axis[j].var, r->axis[j].lo, r->axis[j].hi);
    for (uint32_t j = 0; j < a->ncons; j++) vec_push(n->a, &all, a->cons[j]);
    for (uint32_t j = 0; j < b->ncons; j++)
        if (!aff_implied(n->l->aff, all.data, all.len, b->cons[j])) return false;
    return true;
}

LTerm normal_under(Normal *n, const LTerm *t, const Cons *more, uint32_t nmore) {
    LTerm o = *t;
    Cons *cs = ARENA_ARRAY(n->a, Cons, t->ncons + nmore);
    for (uint32_t i = 0; i < t->ncons; i++) cs[i] = t->cons[i];
    for (uint32_t i = 0; i < nmore; i++) cs[t->ncons + i] = more[i];
    o.cons = cs;
    o.ncons += nmore;
    return o;
}

bool normal_guard_alone(const Normal *n, LArrayId id, uint32_t i) {
    const LTerms *eq = &n->eq[id];
    for (uint32_t k = 0; k < eq->n; k++)
        if (!normal_guards_same(&eq->term[i], &eq->term[k]) &&
            normal_guards_overlap(n, id, i, k))
            return false;
    return true;
}

/* Term i is one operand times 1, the only one wherever its guards hold. */
static bool is_lone(Normal *n, LArrayId id, uint32_t i, Part *p) {
    const LTerms *eq = &n->eq[id];
    if (!normal_part(n, &eq->term[i], p) || !p->operand || p->scale) return false;
    if (!fx_is_num(n->l->fx, p->coef, 1)) return false;
    for (uint32_t k = 0; k < eq->n; k++)
        if (k != i && normal_guards_same(&eq->term[i], &eq->term[k])) return false;
    return normal_guard_alone(n, id, i);
}

bool normal_copies(Normal *n, LArrayId id, uint32_t i) {
    Part p;
    if (!is_lone(n, id, i, &p)) return false;
    if (p.operand->kind == LF_gram) return !n->info[id].at_zero;
    return n->info[p.operand->ref.array].unit;
}

/* The lone term of array twin under the guards of t; false: none. */
static bool lone_like(Normal *n, LArrayId twin, const LTerm *t, Part *p) {
    for (uint32_t k = 0; k < n->eq[twin].n; k++)
        if (normal_guards_same(t, &n->eq[twin].term[k])) return is_lone(n, twin, k, p);
    return false;
}

LArrayId normal_t_copies(Normal *n, LArrayId id, LArrayId twin, uint32_t i) {
    Part p, q;
    if (!twin || !is_lone(n, id, i, &p) || p.operand->kind != LF_ref) return 0;
    if (!lone_like(n, twin, &n->eq[id].term[i], &q) || q.operand->kind != LF_ref) return 0;
    LRef t = p.operand->ref, c = q.operand->ref;
    if (n->l->array.data[t.array].kind != LK_T || normal_c_twin(n, t.array) != c.array) return 0;
    for (uint32_t a = 0; a < n->l->array.data[c.array].naxis; a++)
        if (!aff_eq(t.idx[a], c.idx[a])) return 0;
    return t.array;
}

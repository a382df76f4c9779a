/* Corrections on the program unrolled at the probe: the witness, or proofs for these sizes. */
#include "check/limit1.h"
#include "program/values.h"
#include <math.h>

enum { MAX_COEFS = 2000, MORE_WORK = 30000 };

void coefficient_found(Limit1 *l, const Coefficient *c) {
    if (coefficient_worth(c) != WORTH_nonzero || l->found) return;
    l->found = true;
    formpool_budget(l->f, formpool_work(l->f) + MORE_WORK);
}

static void see_element(void *ctx, const int64_t *idx) {
    Limit1 *l = ((void **)ctx)[0];
    DefId d = *(DefId *)((void **)ctx)[1];
    if (l->coef.len > MAX_COEFS) limit1_stuck(l, "it has too many corrections");
    if (l->stuck) return;
    limit1_at(l, d, idx);
}

static void evaluate_all(Limit1 *l) {
    Checker *k = l->k;
    for (DefId d = 1; d < k->p->def.len && !l->stuck; d++) {
        if (!k->needed[d] || !is_product(k, d) || !l->both[def_of(k, d)->fam]) continue;
        void *ctx[2] = {l, &d};
        limit1_each(l, d, see_element, ctx);
    }
}

Worth coefficient_worth(const Coefficient *c) {
    if (c->value == FORM_ZERO) return WORTH_zero;
    return fabs(c->num.v) > 2 * c->num.err ? WORTH_nonzero : WORTH_unknown;
}

static const char *sizes_text(Limit1 *l) {
    Buf b = buf_new(l->a);
    for (uint32_t i = 0; i < l->size_used.len; i++)
        buf_printf(&b, "%s%s = %lld", i ? ", " : "", sym_text(l->c->syms, l->size_used.data[i]),
                   (long long)limit1_name(l, l->size_used.data[i]));
    return b.len ? buf_text(&b) : NULL;
}

/* Does every product of the form have this power? */
static bool in_all(const FormNode *n, const Power *w) {
    for (uint32_t i = 0; i < n->n; i++) {
        bool found = false;
        for (uint32_t j = 0; j < n->m[i].n; j++)
            found |= !memcmp(&n->m[i].f[j], w, sizeof *w);
        if (!found) return false;
    }
    return true;
}

/* c E[..], c what all products have in common without leaves. */
static const char *formula(Limit1 *l, Form slope) {
    FormNode n = form_node(l->f, slope);
    Form common = FORM_ONE;
    Buf b = buf_new(l->a);
    for (uint32_t j = 0; n.n && j < n.m[0].n; j++) {
        Power *w = ARENA_NEW(l->a, Power);
        *w = n.m[0].f[j];
        if (!form_atom(l->f, w->atom).leaves && in_all(&n, w))
            common = form_mul(l->f, common, form_of_mono(l->f, (Mono){1, 1, w, 1}));
    }
    if (n.n == 1)
        common = form_scale(l->f, common, n.m[0].num, n.m[0].den);
    Form rest = form_mul(l->f, slope, form_pow(l->f, common, -1, 1));
    if (!common || !rest) common = FORM_ONE, rest = slope;
    if (common != FORM_ONE || rest == FORM_ONE) form_print(l->f, &b, common, limit1_leaf_name, l);
    if (rest == FORM_ONE) return buf_text(&b);
    if (b.len) buf_puts(&b, " * ");
    Buf e = buf_new(l->a);
    form_print(l->f, &e, rest, limit1_leaf_name, l);
    buf_printf(&b, "E[%s]", e.len > 400 ? ".." : buf_text(&e));
    return buf_text(&b);
}

static CheckReason witness(Limit1 *l, const Coefficient *c, CheckClause clause) {
    Checker *k = l->k;
    const Def *d = def_of(k, c->def);
    DefId hat = l->leaf.data[c->hat].def;
    const char *w = fam_name(k, d->fam), *t = d->transposed ? "'" : "";
    CheckReason r = {.clause = clause, .subject = w, .value = c->num.v, .bound = c->num.err};
    r.formula = formula(l, c->slope);
    r.text = arena_printf(
        l->a, "`%s%s` meets `%s`, which correlates with `%s`, the product by `%s%s`", w, t,
        def_name(k, d->use[0].d), limit1_leaf_name(l, c->hat), w, d->transposed ? "" : "'");
    r.use[0] = d->span;
    r.use[1] = def_of(k, hat)->span;
    chain_find(k, d->use[0].d, hat, &r);
    for (uint32_t i = 0; i < l->coef.len; i++)
        r.nonzero += coefficient_worth(&l->coef.data[i]) == WORTH_nonzero;
    r.of = l->coef.len;
    r.partial = l->stuck;
    return r;
}

static void say(Limit1 *l) {
    for (uint32_t i = 0; i < l->coef.len; i++) {
        const Coefficient *c = &l->coef.data[i];
        vec_push(l->a, &l->k->v->why, arena_printf(l->a, "`%s`: %s = 0", def_name(l->k, c->def),
                                                   formula(l, c->slope)));
    }
}

/* Are all corrections proved to be 0, for these sizes? */
bool corrections_exact(Checker *k) {
    Limit1 *l = limit1_new(k, 1);
    evaluate_all(l);
    for (uint32_t i = 0; i < l->coef.len; i++)
        if (coefficient_worth(&l->coef.data[i]) != WORTH_zero) return false;
    return !l->stuck;
}

/* What is known after as much as could be done: the first correction of each worth. */
typedef struct Known {
    Limit1 *l;
    const Coefficient *first[3];
} Known;

static Known known(Checker *k, double stretch) {
    Known n = {.l = limit1_new(k, stretch)};
    evaluate_all(n.l);
    for (uint32_t i = 0; i < n.l->coef.len; i++) {
        Worth w = coefficient_worth(&n.l->coef.data[i]);
        if (!n.first[w]) n.first[w] = &n.l->coef.data[i];
    }
    return n;
}

static void give_up(Checker *k, const char *why) {
    k->v->rung = RUNG_undecided;
    CheckReason r = {.clause = CLAUSE_undecided, .text = why, .value = (double)NAN,
                     .subject = sym_text(k->c->syms, k->p->name)};
    vec_push(k->a, &k->v->reason, r);
}

/* A coefficient may be 0 at inputs of norm 1 alone: then other norms tell. */
void corrections_unrolled(Checker *k) {
    Known n = known(k, 1);
    const Coefficient *unknown = n.first[WORTH_unknown];
    if (!n.first[WORTH_nonzero] && unknown && isfinite(unknown->num.v) && !k->probe) {
        Known other = known(k, 1.37);
        if (other.first[WORTH_nonzero]) n = other;
    }
    Limit1 *l = n.l;
    if (n.first[WORTH_nonzero]) {
        k->v->rung = RUNG_gia_fails;
        vec_push(k->a, &k->v->reason, witness(l, n.first[WORTH_nonzero], CLAUSE_coefficient));
        if (l->stretch != 1)
            vec_last(&k->v->reason).text =
                arena_printf(k->a, "%s (0 at inputs of norm 1; the number is for norm^2 %g)",
                             vec_last(&k->v->reason).text, l->stretch);
    } else if (unknown) {
        k->v->rung = RUNG_undecided;
        vec_push(k->a, &k->v->reason, witness(l, n.first[WORTH_unknown], CLAUSE_undecided));
    } else if (l->stuck) {
        give_up(k, l->stuck);
    } else {
        k->v->rung = RUNG_gia_exact;
        k->v->unrolled = true;
        k->v->sizes = sizes_text(l);
        say(l);
    }
}

#include "kernel/depend.h"
#include "kernel/path.h"

static const KIns *instruction(const Depend *d, KVal v) { return &d->f->ins.data[v]; }

static bool own_array(const Depend *d, const KIns *i) {
    if (i->op == KO_store) return true;
    return i->op == KO_load && &d->k->fn[d->k->array.data[i->x].stage] == d->f;
}

void depend_collect(Depend *d, KVal v, AccessVec *out) {
    const KIns *i = instruction(d, v);
    if (own_array(d, i)) {
        uint32_t n = d->open.len;
        const Around *copy = n ? arena_copy(d->c->a, d->open.data, n * sizeof *copy) : NULL;
        vec_push(d->c->a, out, (Access){v, copy, n});
    }
    const uint32_t inner[2] = {i->block, i->block2};
    for (int b = 0; b < 2; b++) {
        if (!inner[b]) continue;
        vec_push(d->c->a, &d->open, (Around){v, b == 1});
        depend_block(d, inner[b], out);
        d->open.len--;
    }
}

void depend_block(Depend *d, uint32_t block, AccessVec *out) {
    const KBlock *b = &d->f->block.data[block];
    for (uint32_t n = 0; n < b->ins.len; n++) depend_collect(d, b->ins.data[n], out);
}

bool depend_matters(const Depend *d, const Access *a, const Access *b) {
    const KIns *i = instruction(d, a->v), *j = instruction(d, b->v);
    return i->x == j->x && (i->op == KO_store || j->op == KO_store);
}

/* The name of a second access's loop variable at this depth. */
static Sym twin_name(Depend *d, uint32_t depth) {
    if (depth >= d->ntwin) {
        uint32_t n = depth + 8;
        Sym *names = ARENA_ARRAY(d->c->a, Sym, n);
        for (uint32_t i = 0; i < n; i++)
            names[i] = i < d->ntwin ? d->twin[i] : intern_fresh(d->c->syms, "turn");
        d->twin = names;
        d->ntwin = n;
    }
    return d->twin[depth];
}

typedef VEC(AffSubst) SubstVec;

/* The substitution of a's loop variables from depth `common` on; twins: by twins, else none. */
static void twins_of(Depend *d, const Access *a, uint32_t common, SubstVec *out) {
    for (uint32_t i = common; i < a->naround; i++) {
        const KIns *k = instruction(d, a->around[i].ins);
        if (k->op != KO_loop) continue;
        AffSubst s = {k->var, aff_name(d->k->aff, twin_name(d, i))};
        vec_push(d->c->a, out, s);
    }
}

static void add(Depend *d, ConsVec *path, const SubstVec *s, Cons c) {
    path_assume(d->k->aff, d->c->a, path, cons_subst(d->k->aff, c, s->data, s->len));
}

static void add_loop(Depend *d, ConsVec *path, const SubstVec *s, const KIns *k) {
    ConsVec range = {0};
    path_loop(d->k->aff, d->c->a, &range, k);
    for (uint32_t j = 0; j < range.len; j++) add(d, path, s, range.data[j]);
}

/* What holds around a from depth `from` on. */
static void add_path(Depend *d, ConsVec *path, const SubstVec *s, const Access *a, uint32_t from) {
    AffCtx *x = d->k->aff;
    for (uint32_t i = from; i < a->naround; i++) {
        const KIns *k = instruction(d, a->around[i].ins);
        if (k->op == KO_loop) add_loop(d, path, s, k);
        else if (a->around[i].otherwise) add(d, path, s, cons_not(x, k->cons, k->ncons));
        else
            for (uint32_t j = 0; j < k->ncons; j++) add(d, path, s, k->cons[j]);
    }
}

/* Indices of one axis for which the two accesses may be of one place in memory; false: never. */
static bool add_equal(Depend *d, ConsVec *path, const KAxis *axis, Aff i, Aff j) {
    AffCtx *x = d->k->aff;
    Aff apart = aff_sub(x, i, j);
    if (axis->wrap) return true;
    if (axis->slices && !d->logical) return !aff_is_const(apart) || apart.c % axis->slices == 0;
    vec_push(d->c->a, path, cons_eq(x, i, j));
    return true;
}

static Cons turns_cons(Depend *d, const Access *a, const SubstVec *s, uint32_t common,
                       Turns turns) {
    AffCtx *x = d->k->aff;
    const KIns *k = instruction(d, a->around[common].ins);
    Aff first = aff_name(x, k->var), second = s->data[0].to;
    bool lower = (turns == TURNS_second_earlier) != k->down;
    return lower ? cons_lt(x, second, first) : cons_lt(x, first, second);
}

bool depend_meet(Depend *d, const Access *a, const Access *b, uint32_t common, Turns turns) {
    AffCtx *x = d->k->aff;
    const KIns *i = instruction(d, a->v), *j = instruction(d, b->v);
    ConsVec path = {0};
    SubstVec none = {0}, twin = {0};
    twins_of(d, b, common, &twin);
    add_path(d, &path, &none, a, 0);
    add_path(d, &path, &twin, b, common);
    if (turns != TURNS_any) vec_push(d->c->a, &path, turns_cons(d, a, &twin, common, turns));
    for (uint32_t n = 0; n < i->nidx; n++) {
        Aff other = aff_subst(x, j->idx[n], twin.data, twin.len);
        if (!add_equal(d, &path, &d->k->array.data[i->x].axis[n], i->idx[n], other)) return false;
    }
    return aff_feasible(x, path.data, path.len);
}

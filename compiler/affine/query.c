/* The queries: each is answered once per set of premises (memo), by elimination (solve.c). */
#include "affine/internal.h"
#include <string.h>

enum { MAX_KEY = MAX_CONS + 2 * MAX_VARS };

typedef struct Key {
    uint32_t n;
    uint32_t id[MAX_KEY];
} Key;

/* ---- hash-consed constraints: ids for memo keys */
static uint32_t mix(uint32_t h, uint32_t v) { return (h ^ v) * 16777619u; }

static uint32_t cons_hash(Cons c) {
    uint32_t h = mix(2166136261u, (uint32_t)c.kind);
    h = mix(h, (uint32_t)c.e.c);
    h = mix(h, (uint32_t)((uint64_t)c.e.c >> 32));
    for (uint32_t i = 0; i < c.e.nterm; i++)
        h = mix(mix(h, c.e.term[i].name), (uint32_t)c.e.term[i].k);
    return h ^ h >> 15;
}

static void cons_rehash(AffCtx *x) {
    x->ncons_slot *= 2;
    x->cons_slot = ARENA_ARRAY(x->a, uint32_t, x->ncons_slot);
    for (uint32_t k = 1; k < x->cons.len; k++) {
        uint32_t i = x->cons.data[k].hash & (x->ncons_slot - 1);
        while (x->cons_slot[i]) i = (i + 1) & (x->ncons_slot - 1);
        x->cons_slot[i] = k;
    }
}

static uint32_t cons_id(AffCtx *x, Cons c) {
    uint32_t h = cons_hash(c), i = h & (x->ncons_slot - 1);
    for (; x->cons_slot[i]; i = (i + 1) & (x->ncons_slot - 1)) {
        const ConsEntry *e = &x->cons.data[x->cons_slot[i]];
        if (e->hash == h && cons_same(e->c, c)) return x->cons_slot[i];
    }
    uint32_t id = x->cons.len;
    vec_push(x->a, &x->cons, (ConsEntry){h, c});
    x->cons_slot[i] = id;
    if (x->cons.len * 2 > x->ncons_slot) cons_rehash(x);
    return id;
}

/* ---- keys: the set of premises (sorted ids), then what the kind of query adds */
static void key_add(AffCtx *x, Key *k, const Cons *cs, uint32_t n) {
    for (uint32_t i = 0; i < n && k->n < MAX_CONS; i++) {
        if (cs[i].kind == CONS_not) continue;
        uint32_t id = cons_id(x, cs[i]), j = k->n;
        while (j && k->id[j - 1] > id) j--;
        if (j && k->id[j - 1] == id) continue;
        memmove(&k->id[j + 1], &k->id[j], (k->n - j) * sizeof *k->id);
        k->id[j] = id;
        k->n++;
    }
}

static void key_extra(Key *k, uint32_t v) {
    if (k->n < MAX_KEY) k->id[k->n++] = v;
}

static void memo_rehash(AffCtx *x) {
    x->nmemo_slot *= 2;
    x->memo_slot = ARENA_ARRAY(x->a, uint32_t, x->nmemo_slot);
    for (uint32_t k = 1; k < x->memo.len; k++) {
        uint32_t i = x->memo.data[k].hash & (x->nmemo_slot - 1);
        while (x->memo_slot[i]) i = (i + 1) & (x->nmemo_slot - 1);
        x->memo_slot[i] = k;
    }
}

/* The entry of a query; *fresh: it is new and must be filled. */
static Memo *memo_find(AffCtx *x, Key *k, QueryKind kind, bool *fresh) {
    key_extra(k, (uint32_t)kind);
    key_extra(k, x->generation);
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < k->n; i++) h = mix(h, k->id[i]);
    h ^= h >> 15;
    uint32_t i = h & (x->nmemo_slot - 1);
    *fresh = false;
    for (; x->memo_slot[i]; i = (i + 1) & (x->nmemo_slot - 1)) {
        Memo *m = &x->memo.data[x->memo_slot[i]];
        if (m->hash != h || m->nkey != k->n) continue;
        if (!memcmp(m->key, k->id, k->n * sizeof *k->id)) return m;
    }
    *fresh = true;
    vec_push(x->a, &x->memo,
             (Memo){.hash = h, .nkey = k->n, .key = arena_copy(x->a, k->id, k->n * sizeof *k->id)});
    uint32_t id = x->memo.len - 1;
    x->memo_slot[i] = id;
    if (x->memo.len * 2 > x->nmemo_slot) memo_rehash(x);
    return &x->memo.data[id];
}

/* ---- systems */
static bool touches(const System *s, Cons c) {
    for (uint32_t i = 0; i < c.e.nterm; i++)
        for (uint32_t v = 0; v < s->nvar; v++)
            if (s->name[v] == c.e.term[i].name) return true;
    return false;
}

/* Facts that share a size with the system, and those that share one with them, ..; then least
 * values. */
static void add_context(AffCtx *x, System *s) {
    bool used[64] = {0};
    uint32_t nfact = x->fact.len < 64 ? x->fact.len : 64;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < nfact; i++) {
            Cons c = x->fact.data[i];
            if (used[i] || c.kind == CONS_not || !touches(s, c)) continue;
            system_add(s, c.e, c.kind == CONS_eq);
            used[i] = again = true;
        }
    }
    for (uint32_t v = 0; v < s->nvar; v++) {
        const NameInfo *i = name_info(x, s->name[v]);
        if (!i->size || i->least == INT64_MIN) continue;
        AffTerm t = {s->name[v], 1};
        system_add(s, (Aff){&t, 1, -i->least}, false);
    }
}

static void add_premises(const AffCtx *x, System *s, const Key *k) {
    for (uint32_t i = 0; i < k->n; i++) {
        Cons c = x->cons.data[k->id[i]].c;
        system_add(s, c.e, c.kind == CONS_eq);
    }
}

/* More names than there is room for: the constraints of `goal`, then those that share a name with
 * what is there, and so on.  What is left out has nothing to do with the goal, or comes last. */
static void add_near(AffCtx *x, System *s, const Key *k, const Cons *goal, uint32_t ngoal) {
    bool used[MAX_KEY] = {0};
    system_clear(s);
    for (uint32_t i = 0; i < ngoal; i++)
        if (goal[i].kind != CONS_not) system_add(s, goal[i].e, goal[i].kind == CONS_eq);
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < k->n; i++) {
            Cons c = x->cons.data[k->id[i]].c;
            if (used[i] || !touches(s, c)) continue;
            system_add(s, c.e, c.kind == CONS_eq);
            used[i] = again = true;
        }
    }
}

static bool feasible_key(AffCtx *x, Key *k, const Cons *goal, uint32_t ngoal) {
    Key premises = *k;
    bool fresh, keep[MAX_VARS] = {0};
    Memo *m = memo_find(x, k, QUERY_feasible, &fresh);
    if (!fresh) return m->yes;
    System *s = x->sys;
    system_clear(s);
    s->fixes = true;
    add_premises(x, s, &premises);
    if (s->nvar == MAX_VARS && ngoal) add_near(x, s, &premises, goal, ngoal);
    add_context(x, s);
    s->fixes = false;
    system_eliminate(s, keep);
    return m->yes = !s->infeasible;
}

static bool feasible_with(AffCtx *x, const Cons *cs, uint32_t n, const Cons *more, uint32_t nmore) {
    Key k;
    k.n = 0;
    key_add(x, &k, more, nmore);
    key_add(x, &k, cs, n);
    return feasible_key(x, &k, more, nmore);
}

bool aff_feasible(AffCtx *x, const Cons *cs, uint32_t n) {
    return feasible_with(x, cs, n, NULL, 0);
}

/* Is e >= 0 one of the premises, or weaker than one? */
static bool stated(const Cons *cs, uint32_t n, Aff e) {
    for (uint32_t i = 0; i < n; i++) {
        if (cs[i].kind == CONS_not || cs[i].e.c > e.c) continue;
        if (cs[i].e.c < e.c && cs[i].kind == CONS_eq) continue;
        if (aff_eq(aff_plus(cs[i].e, e.c - cs[i].e.c), e)) return true;
    }
    return false;
}

static bool implied_ge(AffCtx *x, const Cons *cs, uint32_t n, Aff e) {
    if (aff_is_const(e) && e.c >= 0) return true;
    if (stated(cs, n, e)) return true;
    Cons no = cons_ge(aff_plus(aff_scale(x, e, -1), -1));
    return !feasible_with(x, cs, n, &no, 1);
}

bool aff_implied(AffCtx *x, const Cons *cs, uint32_t n, Cons c) {
    switch (c.kind) {
    case CONS_ge: return implied_ge(x, cs, n, c.e);
    case CONS_eq: return implied_ge(x, cs, n, c.e) && implied_ge(x, cs, n, aff_scale(x, c.e, -1));
    case CONS_not: break;
    }
    for (uint32_t i = 0; i < c.nof; i++)
        if (c.of[i].kind == CONS_not) return false;
    return !feasible_with(x, cs, n, c.of, c.nof);
}

static AffBounds read_bounds(const System *s, uint32_t z) {
    AffBounds b = {0};
    if (s->infeasible) return b;
    for (uint32_t i = 0; i < s->nrow; i++) {
        const Row *r = &s->row[i];
        int64_t k = r->k[z];
        if (k != 1 && k != -1) continue;
        int64_t v = k > 0 ? -r->c : r->c;
        if ((k > 0 || r->eq) && (!b.has_lo || v > b.lo)) b.has_lo = true, b.lo = v;
        if ((k < 0 || r->eq) && (!b.has_hi || v < b.hi)) b.has_hi = true, b.hi = v;
    }
    return b;
}

AffBounds aff_bounds(AffCtx *x, Aff e, const Cons *cs, uint32_t n) {
    if (aff_is_const(e)) return (AffBounds){true, true, e.c, e.c};
    Key k;
    k.n = 0;
    key_add(x, &k, cs, n);
    Key premises = k;
    bool fresh, keep[MAX_VARS] = {0};
    key_extra(&k, cons_id(x, cons_ge(e)));
    Memo *m = memo_find(x, &k, QUERY_bounds, &fresh);
    if (!fresh) return m->bounds;
    System *s = x->sys;
    system_clear(s);
    uint32_t z = system_column(s, 0); /* Sym 0 is no name: the value of e */
    keep[z] = true;
    add_premises(x, s, &premises);
    system_add_value(s, e, z);
    add_context(x, s);
    system_eliminate(s, keep);
    return m->bounds = read_bounds(s, z);
}

static void push_row(AffCtx *x, const System *s, const Row *r, ConsVec *out) {
    Aff e;
    if (!system_form(x, s, r, &e)) return;
    Cons c = r->eq ? cons_eq(x, e, aff_const(0)) : cons_ge(e);
    for (uint32_t i = 0; i < out->len && !r->eq; i++) { /* e >= 0 and -e >= 0: e = 0 */
        if (out->data[i].kind != CONS_ge || !aff_eq(aff_scale(x, out->data[i].e, -1), e)) continue;
        out->data[i] = cons_eq(x, e, aff_const(0));
        return;
    }
    vec_push(x->a, out, c);
}

static void project_fresh(AffCtx *x, Memo *m, const Key *premises, const Sym *elim,
                          uint32_t nelim) {
    System *s = x->sys;
    bool keep[MAX_VARS];
    system_clear(s);
    add_premises(x, s, premises);
    for (uint32_t v = 0; v < MAX_VARS; v++) {
        keep[v] = true;
        for (uint32_t i = 0; i < nelim && v < s->nvar; i++) keep[v] &= s->name[v] != elim[i];
    }
    system_eliminate(s, keep);
    ConsVec out = {0};
    for (uint32_t i = 0; i < s->nrow && !s->infeasible; i++) push_row(x, s, &s->row[i], &out);
    m->yes = !s->infeasible;
    m->out = out.data;
    m->nout = out.len;
}

bool aff_project(AffCtx *x, const Cons *cs, uint32_t n, const Sym *elim, uint32_t nelim,
                 ConsVec *out) {
    Key k;
    k.n = 0;
    key_add(x, &k, cs, n);
    Key premises = k;
    bool fresh;
    for (uint32_t i = 0; i < nelim && i < MAX_VARS; i++) key_extra(&k, elim[i]);
    key_extra(&k, nelim);
    Memo *m = memo_find(x, &k, QUERY_project, &fresh);
    if (fresh) project_fresh(x, m, &premises, elim, nelim < MAX_VARS ? nelim : MAX_VARS);
    for (uint32_t i = 0; i < m->nout; i++) vec_push(x->a, out, m->out[i]);
    return m->yes;
}

/* A loop variable of q with coefficient +-1 (0: none). */
static Sym unit_variable(const AffCtx *x, Aff q, int32_t *k) {
    for (uint32_t i = 0; i < q.nterm; i++) {
        *k = q.term[i].k;
        if ((*k == 1 || *k == -1) && !affctx_is_size(x, q.term[i].name)) return q.term[i].name;
    }
    return 0;
}

Aff aff_reduce(AffCtx *x, Aff e, const Cons *cs, uint32_t n) {
    VEC(Aff) eqs = {0};
    for (uint32_t i = 0; i < n; i++)
        if (cs[i].kind == CONS_eq) vec_push(x->a, &eqs, cs[i].e);
    while (eqs.len) {
        Aff q = vec_pop(&eqs);
        int32_t k;
        Sym v = unit_variable(x, q, &k);
        if (!v) continue;
        AffSubst s = {v, aff_scale(x, aff_sub(x, aff_scale(x, aff_name(x, v), k), q), k)};
        e = aff_subst(x, e, &s, 1);
        for (uint32_t i = 0; i < eqs.len; i++) eqs.data[i] = aff_subst(x, eqs.data[i], &s, 1);
    }
    return e;
}

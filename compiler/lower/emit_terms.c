/* Sums of guarded terms.  Guards are affine and uniform over lanes, so they become conditions of
 * the control flow: a case distinction with one sum a case where there are few different guards,
 * else an accumulator that conditions add to. */
#include "lower/emit.h"

enum { MAX_CASE_GUARDS = 4 };

uint32_t emit_cell(Emit *e, const char *what) {
    const char *name = arena_printf(e->c->a, "%s.%u", what, ++e->cells);
    return kernel_cell(e->k, e->c, e->b.stage, name);
}

/* A cell is an array of its stage: in one-sample code it is the sample's own. */
KVal emit_cell_load(Emit *e, uint32_t cell) {
    bool own = e->b.stage == KS_sample || e->b.stage == KS_series;
    return kb_load(&e->b, cell, own ? SIDE_x : SIDE_none, NULL, 0);
}

static KVal emit_factors(Emit *e, const LFactor *factor, uint32_t n) {
    KVal v = 0;
    for (uint32_t i = 0; i < n; i++) {
        KVal f = emit_factor(e, &factor[i]);
        v = v ? kb_op(&e->b, KO_mul, v, f, 0) : f;
    }
    return v ? v : kb_num(&e->b, 1);
}

static KVal emit_product(Emit *e, const LTerm *t) {
    return emit_factors(e, t->factor, t->nfactor);
}

static void path_push(Emit *e, Cons c) { vec_push(e->c->a, &e->path, c); }

static void add_to_cell(Emit *e, uint32_t cell, KVal v) {
    KVal old = emit_cell_load(e, cell);
    kb_store(&e->b, cell, NULL, 0, kb_op(&e->b, KO_add, old, v, 0));
}

static bool in_use(const Emit *e, Sym var) {
    for (uint32_t i = 0; i < e->path.len; i++)
        if (cons_mentions(e->path.data[i], var)) return true;
    return false;
}

/* A term inside the sum of another may bind the same name. */
static LTerm renamed(Emit *e, const LTerm *t) {
    AffSubst *m = ARENA_ARRAY(e->c->a, AffSubst, t->nred);
    Dim *red = arena_copy(e->c->a, t->red, t->nred * sizeof *red);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->nred; i++) {
        if (!in_use(e, red[i].var)) continue;
        Sym fresh = intern_fresh(e->c->syms, sym_text(e->c->syms, red[i].var));
        m[n++] = (AffSubst){red[i].var, aff_name(e->x, fresh)};
        red[i].var = fresh;
    }
    LTerm o = *t;
    o.red = red;
    return n ? lterms_subst(e->l, e->c->a, (LTerms){&o, 1}, m, n).term[0] : *t;
}

void emit_accumulate(Emit *e, const LTerm *term, uint32_t cell) {
    uint32_t mark = e->path.len;
    LTerm own = renamed(e, term), *t = &own;
    bool *used = ARENA_ARRAY(e->c->a, bool, t->ncons);
    Sym *var = ARENA_ARRAY(e->c->a, Sym, t->nred);
    for (uint32_t i = 0; i < t->nred; i++) var[i] = t->red[i].var;
    for (uint32_t i = 0; i < t->nred; i++)
        emit_loop_under(e, t->red[i], t->cons, t->ncons, var + i + 1, t->nred - i - 1, used);
    ConsVec need = {0};
    for (uint32_t i = 0; i < t->ncons; i++)
        if (!used[i] && !aff_implied(e->x, e->path.data, e->path.len, t->cons[i]))
            vec_push(e->c->a, &need, t->cons[i]);
    if (need.len) {
        kb_if(&e->b, need.data, need.len);
        for (uint32_t i = 0; i < need.len; i++) path_push(e, need.data[i]);
    }
    add_to_cell(e, cell, emit_product(e, t));
    if (need.len) kb_end(&e->b);
    for (uint32_t i = 0; i < t->nred; i++) kb_end(&e->b);
    e->path.len = mark;
}

static uint32_t axes(const Emit *e, const LFactor *f) {
    return e->l->array.data[f->ref.array].naxis;
}

static bool same_ref(const Emit *e, const LFactor *a, const LFactor *b) {
    bool same = a->kind == LF_ref && b->kind == LF_ref && a->ref.array == b->ref.array &&
                a->ref.side == b->ref.side;
    for (uint32_t i = 0; same && i < axes(e, a); i++)
        same = aff_eq(a->ref.idx[i], b->ref.idx[i]);
    return same;
}

/* An array of one sample, the same in all turns of the term's reductions. */
static bool is_scale(const Emit *e, const LTerm *t, const LFactor *f) {
    bool scale = f->kind == LF_ref && f->ref.side != SIDE_none;
    for (uint32_t i = 0; scale && i < axes(e, f); i++)
        for (uint32_t j = 0; j < t->nred; j++) scale &= !aff_mentions(f->ref.idx[i], t->red[j].var);
    return scale;
}

/* How many scales all of several terms begin with: the sum is multiplied by them. */
static uint32_t common_scales(const Emit *e, LTerms t) {
    for (uint32_t n = 0; t.n > 1; n++)
        for (uint32_t i = 0; i < t.n; i++) {
            const LTerm *m = &t.term[i];
            if (n >= m->nfactor || !is_scale(e, m, &m->factor[n]) ||
                !same_ref(e, &m->factor[n], &t.term[0].factor[n]))
                return n;
        }
    return 0;
}

static KVal emit_sum(Emit *e, LTerms t) {
    KVal sum = 0;
    uint32_t cell = 0;
    for (uint32_t i = 0; i < t.n; i++) {
        const LTerm *m = &t.term[i];
        if (m->nred) {
            if (!cell) {
                cell = emit_cell(e, "sum");
                kb_store(&e->b, cell, NULL, 0, kb_num(&e->b, 0));
            }
            emit_accumulate(e, m, cell);
        } else {
            KVal v = emit_product(e, m);
            sum = sum ? kb_op(&e->b, KO_add, sum, v, 0) : v;
        }
    }
    if (cell) {
        KVal v = emit_cell_load(e, cell);
        sum = sum ? kb_op(&e->b, KO_add, sum, v, 0) : v;
    }
    return sum ? sum : kb_num(&e->b, 0);
}

static KVal emit_plain(Emit *e, LTerms t) {
    uint32_t n = common_scales(e, t);
    if (!n) return emit_sum(e, t);
    KVal scale = emit_factors(e, t.term[0].factor, n);
    LTerm *rest = arena_copy(e->c->a, t.term, t.n * sizeof *rest);
    for (uint32_t i = 0; i < t.n; i++) {
        rest[i].factor += n;
        rest[i].nfactor -= n;
    }
    return kb_op(&e->b, KO_mul, scale, emit_sum(e, (LTerms){rest, t.n}), 0);
}

static bool mentions_reduction(const LTerm *t, Cons c) {
    for (uint32_t i = 0; i < t->nred; i++)
        if (cons_mentions(c, t->red[i].var)) return true;
    return false;
}

/* A guard that the path does not decide and that is not about a reduction of its own term. */
static const Cons *open_guard(Emit *e, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++)
        for (uint32_t k = 0; k < t.term[i].ncons; k++) {
            const Cons *c = &t.term[i].cons[k];
            if (!mentions_reduction(&t.term[i], *c) &&
                !aff_implied(e->x, e->path.data, e->path.len, *c))
                return c;
        }
    return NULL;
}

static bool contradicts(Emit *e, Cons c) {
    ConsVec p = {0};
    for (uint32_t i = 0; i < e->path.len; i++) vec_push(e->c->a, &p, e->path.data[i]);
    vec_push(e->c->a, &p, c);
    if (c.kind == CONS_not)
        return aff_implied(e->x, e->path.data, e->path.len, c.of[0]) && c.nof == 1;
    return !aff_feasible(e->x, p.data, p.len);
}

/* Terms whose guards can hold here. */
static LTerms surviving(Emit *e, LTerms t) {
    VEC(LTerm) out = {0};
    for (uint32_t i = 0; i < t.n; i++) {
        bool dead = false;
        for (uint32_t k = 0; k < t.term[i].ncons && !dead; k++)
            dead = !mentions_reduction(&t.term[i], t.term[i].cons[k]) &&
                   contradicts(e, t.term[i].cons[k]);
        if (!dead) vec_push(e->c->a, &out, t.term[i]);
    }
    return (LTerms){out.data, out.len};
}

static Cons complement(Emit *e, Cons c) {
    if (c.kind == CONS_ge) return cons_ge(aff_plus(aff_scale(e->x, c.e, -1), -1));
    if (c.kind == CONS_eq) {
        Cons above = cons_ge(aff_plus(c.e, -1)), ge = cons_ge(c.e);
        if (aff_implied(e->x, e->path.data, e->path.len, ge)) return above;
        Cons le = cons_ge(aff_scale(e->x, c.e, -1));
        if (aff_implied(e->x, e->path.data, e->path.len, le))
            return cons_ge(aff_plus(aff_scale(e->x, c.e, -1), -1));
    }
    return cons_not(e->x, &c, 1);
}

static void emit_cases(Emit *e, LTerms t, int depth, EmitStore *store, void *ctx) {
    t = surviving(e, t);
    const Cons *open = depth < MAX_CASE_GUARDS ? open_guard(e, t) : NULL;
    uint32_t mark = e->path.len;
    if (!open) {
        if (depth < MAX_CASE_GUARDS) {
            store(e, ctx, emit_plain(e, t));
            return;
        }
        uint32_t cell = emit_cell(e, "sum");
        kb_store(&e->b, cell, NULL, 0, kb_num(&e->b, 0));
        for (uint32_t i = 0; i < t.n; i++) emit_accumulate(e, &t.term[i], cell);
        store(e, ctx, emit_cell_load(e, cell));
        return;
    }
    Cons c = *open, n = complement(e, c);
    kb_if(&e->b, &c, 1);
    path_push(e, c);
    emit_cases(e, t, depth + 1, store, ctx);
    e->path.len = mark;
    kb_else(&e->b);
    path_push(e, n);
    emit_cases(e, t, depth + 1, store, ctx);
    e->path.len = mark;
    kb_end(&e->b);
}

void emit_terms(Emit *e, LTerms t, EmitStore *store, void *ctx) { emit_cases(e, t, 0, store, ctx); }

static void store_cell(Emit *e, void *ctx, KVal v) {
    kb_store(&e->b, *(uint32_t *)ctx, NULL, 0, v);
}

KVal emit_value(Emit *e, LTerms t) {
    t = surviving(e, t);
    if (!open_guard(e, t)) return emit_plain(e, t);
    uint32_t cell = emit_cell(e, "value");
    emit_terms(e, t, store_cell, &cell);
    return emit_cell_load(e, cell);
}

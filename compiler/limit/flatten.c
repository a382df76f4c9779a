/* A nonlinearity as one expression of Gaussian leaves (product.md, section 6): Gaussian
 * operands are leaves, nonlinearities are substituted, finite sums become sums with
 * coefficients, the constant vector is 1.  Guards that hold for some indices only split the
 * index range into cases.  A loop-carried operand that leads back to itself gains leaves with
 * every turn: not yet. */
#include "limit/derive.h"
#include "diag/diag.h"

enum { MAX_CASES = 16, MAX_SPLITS = 6, MAX_TURNS = 16, MAX_DEPTH = 64,
       MAX_LEAVES = 24 /* a side; leaf sets are 64-bit masks */ };

typedef struct Flatten {
    Derive *L;
    DefId root, last; /* last: the nonlinearity being substituted */
    Path path;
    VEC(Elem) leaf;
    Cons split; /* a guard that is neither true nor false, where `ambiguous` */
    bool ambiguous, failed;
    DefId mu[MAX_DEPTH]; /* loop-carried definitions being looked through */
    uint32_t nmu;
} Flatten;

typedef enum Truth { TRUTH_no, TRUTH_yes, TRUTH_unknown } Truth;

static Fx value_of(Flatten *f, Elem e);

static const char *name_of(Derive *L, DefId d) {
    return arena_printf(L->a, "`%s`", sym_text(L->c->syms, def_of(L, d)->name));
}

enum { MAX_QUOTE = 48 };

/* How the source calls a definition: its text where that is short, else its name. */
static const char *quoted(Derive *L, DefId d) {
    Span sp = def_of(L, d)->span;
    size_t len;
    const char *text = sp.file ? source_text(L->c->src, sp.file, &len) : NULL;
    if (!text || sp.hi > len || sp.hi <= sp.lo || sp.hi - sp.lo > MAX_QUOTE) return name_of(L, d);
    if (memchr(text + sp.lo, '\n', sp.hi - sp.lo)) return name_of(L, d);
    return arena_printf(L->a, "`%s`", arena_strndup(L->a, text + sp.lo, sp.hi - sp.lo));
}

static bool same_place(Derive *L, DefId a, DefId b) {
    Span x = def_of(L, a)->span, y = def_of(L, b)->span;
    return x.file == y.file && x.lo == y.lo && x.hi == y.hi;
}

static Fx refuse_stream(Flatten *f, DefId mu) {
    Derive *L = f->L;
    const Def *d = def_of(L, mu);
    const char *loop = sym_text(L->c->syms, d->dim[mu_dim(L, mu)].var), *q = quoted(L, mu);
    Diag *g = diag(L->c->ds, nonlin_stream, def_of(L, f->last)->span, quoted(L, f->last), q, loop);
    diag_label(g, d->span, "%s is a sum of more Gaussian vectors in every turn", q);
    diag_help(g, "apply a matrix to %s before the nonlinearity", q);
    f->failed = true;
    return 0;
}

static Fx refuse_sum(Flatten *f, DefId sum, Aff length) {
    Derive *L = f->L;
    Buf b = buf_new(L->a);
    aff_print(L->c->syms, &b, length);
    bool same = same_place(L, sum, f->last) && def_of(L, sum)->span.file;
    const char *q = same ? "its argument" : quoted(L, sum);
    Diag *g = diag(L->c->ds, nonlin_sum, def_of(L, f->last)->span, quoted(L, f->last), q,
                   buf_text(&b));
    if (!same) diag_label(g, def_of(L, sum)->span, "the sum is here");
    diag_help(g, "apply a matrix to %s before the nonlinearity", same ? "the sum" : q);
    f->failed = true;
    return 0;
}

/* Batch normalisation and the like: a function of a whole family. */
static Fx refuse_family(Flatten *f, DefId sum, Sym var) {
    Derive *L = f->L;
    bool same = same_place(L, sum, f->last) && def_of(L, sum)->span.file;
    const char *q = same ? "a sum" : quoted(L, sum);
    Diag *g = diag(L->c->ds, nonlin_family, def_of(L, f->last)->span, quoted(L, f->last), q,
                   sym_text(L->c->syms, var));
    if (!same) diag_label(g, def_of(L, sum)->span, "the sum is here");
    f->failed = true;
    return 0;
}

static Fx refuse_wrap(Flatten *f, DefId pad) {
    Derive *L = f->L;
    Diag *g = diag(L->c->ds, nonlin_wrap, def_of(L, f->last)->span, quoted(L, f->last));
    diag_label(g, def_of(L, pad)->span, "the padding is here");
    diag_help(g, "apply the nonlinearity before `pad`, or a matrix between the two");
    f->failed = true;
    return 0;
}

static Fx leaf_of(Flatten *f, Elem e) {
    for (uint32_t k = 0; k < f->leaf.len; k++)
        if (elem_same(f->L, f->leaf.data[k], e, f->path)) return fx_leaf(f->L->fx, k);
    if (f->leaf.len == MAX_LEAVES) return refuse_sum(f, f->last, aff_const(MAX_LEAVES + 1));
    vec_push(f->L->a, &f->leaf, e);
    return fx_leaf(f->L->fx, f->leaf.len - 1);
}

/* ---- guards */
static Truth truth(Flatten *f, Cons c) {
    AffCtx *x = f->L->x;
    if (aff_implied(x, f->path.c, f->path.n, c)) return TRUTH_yes;
    if (c.kind == CONS_not) {
        for (uint32_t i = 0; i < c.nof; i++)
            if (truth(f, c.of[i]) != TRUTH_yes) return TRUTH_unknown;
        return TRUTH_no;
    }
    Path p = path_and(f->L, f->path, &c, 1);
    return aff_feasible(x, p.c, p.n) ? TRUTH_unknown : TRUTH_no;
}

/* The first atomic part of c that is neither true nor false. */
static Cons undecided(Flatten *f, Cons c) {
    for (uint32_t i = 0; c.kind == CONS_not && i < c.nof; i++)
        if (truth(f, c.of[i]) == TRUTH_unknown) return undecided(f, c.of[i]);
    return c;
}

static Truth guards(Flatten *f, const Arm *arm, const AffSubst *m, uint32_t n) {
    Truth t = TRUTH_yes;
    for (uint32_t i = 0; i < arm->ncons; i++) {
        Cons c = cons_subst(f->L->x, arm->cons[i], m, n);
        switch (truth(f, c)) {
        case TRUTH_no: return TRUTH_no;
        case TRUTH_yes: break;
        case TRUTH_unknown:
            if (t == TRUTH_yes) f->split = undecided(f, c);
            t = TRUTH_unknown;
            break;
        }
    }
    return t;
}

/* ---- sums */
typedef struct ArmWalk {
    DefId sum;
    const Arm *arm;
    AffSubst *m; /* the sum's dims, then the reductions done so far */
    uint32_t n;
} ArmWalk;

static Fx arm_value(Flatten *f, ArmWalk *w) {
    Truth t = guards(f, w->arm, w->m, w->n);
    if (t == TRUTH_no) return fx_num(f->L->fx, 0);
    if (t == TRUTH_unknown) {
        f->ambiguous = true;
        return 0;
    }
    Fx v = value_of(f, elem_use(f->L, w->arm->use, w->m, w->n));
    return v ? fx_mul(f->L->fx, fx_subst(f->L->fx, w->arm->coef, w->m, w->n), v) : 0;
}

static bool over_positions(const Derive *L, Aff len) {
    for (uint32_t i = 0; i < len.nterm; i++)
        for (uint32_t k = 0; k < L->p->size.len; k++)
            if (L->p->size.data[k].name == len.term[i].name) return true;
    return false;
}

/* The sum over reductions r.. of the arm, written out. */
static Fx arm_sum(Flatten *f, ArmWalk *w, uint32_t r) {
    if (r == w->arm->nred) return arm_value(f, w);
    const Dim *d = &w->arm->red[r];
    Aff lo = aff_subst(f->L->x, d->lo, w->m, w->n), hi = aff_subst(f->L->x, d->hi, w->m, w->n);
    Aff len = aff_sub(f->L->x, hi, lo);
    if (!aff_is_const(len) && over_positions(f->L, len)) return refuse_family(f, w->sum, d->var);
    if (!aff_is_const(len) || len.c > MAX_TURNS) return refuse_sum(f, w->sum, len);
    Fx s = fx_num(f->L->fx, 0);
    uint32_t at = w->n;
    for (int64_t i = 0; i < len.c; i++) {
        w->m[at] = (AffSubst){d->var, aff_plus(lo, i)};
        w->n = at + 1;
        Fx v = arm_sum(f, w, r + 1);
        if (!v) return 0;
        s = fx_add(f->L->fx, s, v);
    }
    w->n = at;
    return s;
}

static Fx sum_value(Flatten *f, Elem e) {
    Derive *L = f->L;
    const DefFact *d = &L->def[e.d];
    Fx s = fx_num(L->fx, 0);
    for (uint32_t i = 0; i < d->narm; i++) {
        uint32_t n;
        const AffSubst *own = elem_bind(L, e, false, &n);
        ArmWalk w = {e.d, &d->arm[i], ARENA_ARRAY(L->a, AffSubst, n + d->arm[i].nred), n};
        if (n) memcpy(w.m, own, n * sizeof *own);
        Fx v = arm_sum(f, &w, 0);
        if (!v) return 0;
        s = fx_add(L->fx, s, v);
    }
    return s;
}

static Fx nonlin_value(Flatten *f, Elem e) {
    Derive *L = f->L;
    const Def *d = def_of(L, e.d);
    uint32_t n;
    const AffSubst *m = elem_bind(L, e, false, &n);
    Fx *v = ARENA_ARRAY(L->a, Fx, d->nuse);
    DefId outer = f->last;
    f->last = e.d;
    for (uint32_t i = 0; i < d->nuse; i++)
        if (!(v[i] = value_of(f, elem_use(L, d->use[i], m, n)))) return 0;
    f->last = outer;
    return fx_map(L->fx, fx_subst(L->fx, L->def[e.d].f, m, n), v, d->nuse, NULL, 0);
}

/* Is the element's index known not to leave its range? */
static bool wrap_inside(Flatten *f, Elem e) {
    Derive *L = f->L;
    const Def *d = def_of(L, e.d);
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, d->ndim);
    for (uint32_t k = 0; k < d->ndim; k++) {
        Aff lo = aff_subst(L->x, d->dim[k].lo, m, k), hi = aff_subst(L->x, d->dim[k].hi, m, k);
        m[k] = (AffSubst){d->dim[k].var, e.idx[k]};
        if (!(d->wrap >> k & 1)) continue;
        if (truth(f, cons_le(L->x, lo, e.idx[k])) != TRUTH_yes) return false;
        if (truth(f, cons_lt(L->x, e.idx[k], hi)) != TRUTH_yes) return false;
    }
    return true;
}

/* The value of an element over the leaves; 0: failed or ambiguous. */
static Fx value_of(Flatten *f, Elem e) {
    Derive *L = f->L;
    const Def *d = def_of(L, e.d);
    bool zero = L->def[e.d].gauss && L->def[e.d].centred && !L->def[e.d].zone.len;
    if (zero) return fx_num(L->fx, 0); /* no Gaussian above it, no mean */
    if (d->op == PO_one) return fx_num(L->fx, 1);
    if (d->op == PO_nonlin) return nonlin_value(f, e);
    if (d->op == PO_noise) return leaf_of(f, e);
    if (L->def[e.d].gauss && (L->def[e.d].zone.len || d->mu)) return leaf_of(f, e);
    if (d->op != PO_lin) bug("%s under a nonlinearity", name_of(L, e.d));
    if (!wrap_inside(f, e)) return refuse_wrap(f, e.d);
    if (!d->mu) return sum_value(f, e);
    for (uint32_t i = 0; i < f->nmu; i++)
        if (f->mu[i] == e.d) return refuse_stream(f, e.d);
    if (f->nmu == MAX_DEPTH) return refuse_stream(f, e.d);
    f->mu[f->nmu++] = e.d;
    Fx v = sum_value(f, e);
    f->nmu--;
    return v;
}

/* ---- cases */
typedef VEC(FlatCase) CaseVec;

static bool cases(Derive *L, DefId d, Path base, Path more, CaseVec *out);

static bool split_cases(Derive *L, DefId d, Path base, Path more, Cons c, CaseVec *out) {
    Cons branch[3] = {c};
    uint32_t n = 1;
    if (c.kind == CONS_eq) {
        branch[n++] = cons_ge(aff_plus(c.e, -1));
        branch[n++] = cons_ge(aff_plus(aff_scale(L->x, c.e, -1), -1));
    } else {
        branch[n++] = cons_not(L->x, &c, 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        Path m = path_and(L, more, &branch[i], 1), p = path_and(L, base, m.c, m.n);
        if (aff_feasible(L->x, p.c, p.n) && !cases(L, d, base, m, out)) return false;
    }
    return true;
}

static bool cases(Derive *L, DefId d, Path base, Path more, CaseVec *out) {
    Flatten f = {.L = L, .root = d, .last = d, .path = path_and(L, base, more.c, more.n)};
    Fx v = value_of(&f, elem_own(L, d));
    if (v) {
        vec_push(L->a, out, (FlatCase){more.c, more.n, v, f.leaf.data, f.leaf.len});
        return true;
    }
    if (!f.failed && f.ambiguous && more.n < MAX_SPLITS && out->len < MAX_CASES)
        return split_cases(L, d, base, more, f.split, out);
    if (!f.failed) refuse_stream(&f, f.nmu ? f.mu[f.nmu - 1] : d);
    return false;
}

const Flat *flat_of(Derive *L, DefId d) {
    DefFact *fact = &L->def[d];
    if (fact->flat) return fact->flat->n ? fact->flat : NULL;
    const Def *def = def_of(L, d);
    Flat *flat = ARENA_NEW(L->a, Flat);
    ConsVec v = {0};
    CaseVec out = {0};
    path_range(L, &v, def->dim, def->ndim, NULL, 0);
    if (!cases(L, d, (Path){v.data, v.len}, (Path){0}, &out)) {
        L->failed = true;
        out.len = 0;
    }
    flat->c = out.data;
    flat->n = out.len;
    for (uint32_t i = 0; i < out.len; i++) flat->jumps |= !fx_continuous(L->fx, out.data[i].f);
    fact->flat = flat;
    return flat->n ? flat : NULL;
}

FlatCase flat_at(Derive *L, const FlatCase *c, Elem e, bool right) {
    uint32_t n;
    const AffSubst *m = elem_bind(L, e, right, &n);
    Cons *cons = ARENA_ARRAY(L->a, Cons, c->ncons);
    Elem *leaf = ARENA_ARRAY(L->a, Elem, c->nleaf);
    for (uint32_t i = 0; i < c->ncons; i++) cons[i] = cons_subst(L->x, c->cons[i], m, n);
    for (uint32_t i = 0; i < c->nleaf; i++)
        leaf[i] = elem_use(L, (Use){.d = c->leaf[i].d, .idx = c->leaf[i].idx}, m, n);
    return (FlatCase){cons, c->ncons, fx_subst(L->fx, c->f, m, n), leaf, c->nleaf};
}

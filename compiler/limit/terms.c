/* Paths, elements, and terms put together. */
#include "limit/derive.h"

Path path_and(Derive *L, Path p, const Cons *c, uint32_t n) {
    if (!n) return p;
    Cons *v = ARENA_ARRAY(L->a, Cons, p.n + n);
    if (p.n) memcpy(v, p.c, p.n * sizeof *v);
    memcpy(v + p.n, c, n * sizeof *v);
    return (Path){v, p.n + n};
}

void path_range(Derive *L, ConsVec *v, const Dim *d, uint32_t n, const AffSubst *m, uint32_t nm) {
    for (uint32_t i = 0; i < n; i++) {
        Aff var = aff_subst(L->x, aff_name(L->x, d[i].var), m, nm);
        vec_push(L->a, v, cons_le(L->x, aff_subst(L->x, d[i].lo, m, nm), var));
        vec_push(L->a, v, cons_lt(L->x, var, aff_subst(L->x, d[i].hi, m, nm)));
    }
}

const AffSubst *elem_bind(Derive *L, Elem e, bool right, uint32_t *n) {
    const Def *d = def_of(L, e.d);
    uint32_t extra = right ? L->nright_sizes : 0;
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, d->ndim + extra);
    for (uint32_t i = 0; i < d->ndim; i++) m[i] = (AffSubst){d->dim[i].var, e.idx[i]};
    for (uint32_t i = 0; i < extra; i++) m[d->ndim + i] = L->right_sizes[i];
    *n = d->ndim + extra;
    return m;
}

Elem elem_own(Derive *L, DefId d) {
    const Def *def = def_of(L, d);
    Aff *idx = ARENA_ARRAY(L->a, Aff, def->ndim);
    for (uint32_t i = 0; i < def->ndim; i++) idx[i] = aff_name(L->x, def->dim[i].var);
    return (Elem){d, idx};
}

Elem elem_primed(Derive *L, DefId d) {
    const Def *def = def_of(L, d);
    Aff *idx = ARENA_ARRAY(L->a, Aff, def->ndim);
    for (uint32_t i = 0; i < def->ndim; i++)
        idx[i] = aff_name(L->x, affctx_prime(L->x, def->dim[i].var));
    return (Elem){d, idx};
}

Elem elem_use(Derive *L, Use u, const AffSubst *m, uint32_t n) {
    uint32_t nd = def_of(L, u.d)->ndim;
    Aff *idx = ARENA_ARRAY(L->a, Aff, nd);
    for (uint32_t i = 0; i < nd; i++) idx[i] = aff_subst(L->x, u.idx[i], m, n);
    idle_index(L, u.d, idx, m, n);
    return (Elem){u.d, idx};
}

bool elem_same(Derive *L, Elem a, Elem b, Path path) {
    if (a.d != b.d) return false;
    for (uint32_t i = 0; i < def_of(L, a.d)->ndim; i++) {
        if (aff_eq(a.idx[i], b.idx[i])) continue;
        if (!aff_implied(L->x, path.c, path.n, cons_eq(L->x, a.idx[i], b.idx[i]))) return false;
    }
    return true;
}

bool idx_size_only(const Derive *L, Elem e) {
    for (uint32_t i = 0; i < def_of(L, e.d)->ndim; i++)
        if (!aff_size_only(L->x, e.idx[i])) return false;
    return true;
}

LFactor factor_coef(Derive *L, Fx f) {
    (void)L;
    return (LFactor){.kind = LF_coef, .side = SIDE_none, .coef = f};
}

LFactor factor_scalar(Derive *L, Fx f, Side side, Path path) {
    LFactor o = factor_coef(L, f);
    if (!fx_has(L->fx, f, FX_sref)) return o;
    scalar_demand(L, f, side, path);
    o.side = side;
    return o;
}

LFactor factor_ref(uint32_t arr, Side side, const Aff *idx) {
    return (LFactor){.kind = LF_ref, .side = side, .ref = {arr, side, idx}};
}

void term_push(Derive *L, TermVec *out, const LFactor *f, uint32_t n) {
    vec_push(L->a, out, (LTerm){.factor = arena_copy(L->a, f, n * sizeof *f), .nfactor = n});
}

void terms_prefix(Derive *L, const Dim *red, uint32_t nred, const Cons *cons, uint32_t ncons,
                  const LFactor *f, uint32_t nf, const TermVec *t, TermVec *out) {
    for (uint32_t i = 0; i < t->len; i++) {
        LTerm s = t->data[i], r = s;
        if (nred) {
            Dim *d = ARENA_ARRAY(L->a, Dim, nred + s.nred);
            memcpy(d, red, nred * sizeof *d);
            if (s.nred) memcpy(d + nred, s.red, s.nred * sizeof *d);
            r.red = d;
            r.nred = nred + s.nred;
        }
        if (ncons) {
            Path p = path_and(L, (Path){0}, cons, ncons); /* cons may live on a stack */
            p = path_and(L, p, s.cons, s.ncons);
            r.cons = p.c;
            r.ncons = p.n;
        }
        if (nf) {
            LFactor *g = ARENA_ARRAY(L->a, LFactor, nf + s.nfactor);
            memcpy(g, f, nf * sizeof *g);
            if (s.nfactor) memcpy(g + nf, s.factor, s.nfactor * sizeof *g);
            r.factor = g;
            r.nfactor = nf + s.nfactor;
        }
        vec_push(L->a, out, r);
    }
}

LTerms terms_done(const TermVec *t) { return (LTerms){t->data, t->len}; }

/* The dim that a loop-carried definition steps along: its arms are guarded by var = lo and
 * var >= lo + 1. */
uint32_t mu_dim(Derive *L, DefId d) {
    const Def *def = def_of(L, d);
    for (uint32_t k = def->ndim; k-- > 0;) {
        Aff var = aff_sub(L->x, aff_name(L->x, def->dim[k].var), def->dim[k].lo);
        Cons first = cons_eq(L->x, var, aff_const(0)), later = cons_ge(aff_plus(var, -1));
        for (uint32_t i = 0; i < def->narm; i++)
            for (uint32_t j = 0; j < def->arm[i].ncons; j++)
                if (cons_same(def->arm[i].cons[j], first) || cons_same(def->arm[i].cons[j], later))
                    return k;
    }
    return def->ndim - 1;
}

/* ---- arms */
static bool name_used(Path path, Elem e, uint32_t ndim, const Dim *red, uint32_t nred, Sym name) {
    for (uint32_t i = 0; i < path.n; i++)
        if (cons_mentions(path.c[i], name)) return true;
    for (uint32_t i = 0; i < ndim; i++)
        if (aff_mentions(e.idx[i], name)) return true;
    for (uint32_t i = 0; i < nred; i++)
        if (red[i].var == name) return true;
    return false;
}

static Sym name_apart(Derive *L, Path path, Elem e, const Dim *red, uint32_t nred, Sym base,
                      bool right) {
    uint32_t ndim = def_of(L, e.d)->ndim;
    Sym name = right ? affctx_prime(L->x, base) : base;
    for (int k = 2; name_used(path, e, ndim, red, nred, name); k++) {
        const char *s = sym_text(L->c->syms, base);
        name = intern(L->c->syms, arena_printf(L->a, right ? "%s%d'" : "%s%d", s, k));
    }
    return name;
}

bool arm_open(Derive *L, Elem e, const Arm *arm, bool right, Side side, Path path, ArmAt *out) {
    uint32_t n, nd = 0;
    const AffSubst *own = elem_bind(L, e, side == SIDE_y, &n);
    AffSubst *m = ARENA_ARRAY(L->a, AffSubst, n + arm->nred);
    if (n) memcpy(m, own, n * sizeof *m);
    Dim *red = ARENA_ARRAY(L->a, Dim, arm->nred);
    ConsVec more = {0};
    for (; nd < arm->nred; nd++) {
        Sym v = name_apart(L, path, e, red, nd, arm->red[nd].var, right);
        red[nd] = (Dim){v, aff_subst(L->x, arm->red[nd].lo, m, n),
                        aff_subst(L->x, arm->red[nd].hi, m, n)};
        m[n++] = (AffSubst){arm->red[nd].var, aff_name(L->x, v)};
        cons_range(L->x, &more, v, red[nd].lo, red[nd].hi);
    }
    Cons *cons = ARENA_ARRAY(L->a, Cons, arm->ncons);
    for (uint32_t i = 0; i < arm->ncons; i++) {
        cons[i] = cons_subst(L->x, arm->cons[i], m, n);
        vec_push(L->a, &more, cons[i]);
    }
    Path p = path_and(L, path, more.data, more.len);
    if (more.len && !aff_feasible(L->x, p.c, p.n)) return false;
    *out = (ArmAt){.of = elem_use(L, arm->use, m, n), .path = p, .red = red, .nred = nd,
                   .cons = cons, .ncons = arm->ncons, .coef = fx_subst(L->fx, arm->coef, m, n),
                   .side = side};
    return true;
}

void arm_close(Derive *L, const ArmAt *at, const TermVec *t, TermVec *out) {
    LFactor f = factor_scalar(L, at->coef, at->side, at->path);
    uint32_t nf = fx_is_num(L->fx, at->coef, 1) ? 0 : 1;
    terms_prefix(L, at->red, at->nred, at->cons, at->ncons, &f, nf, t, out);
}

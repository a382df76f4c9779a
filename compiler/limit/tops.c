/* Which Gaussians stand above the last matrix of a definition, and from it which elements may
 * be correlated at all (product.md, section 3: top, corr).  Per family a zone of intervals,
 * least fixpoint over arms and operands; a bound that moves for the fourth time goes to
 * infinity. */
#include "limit/derive.h"
#include "diag/diag.h"

enum { MAX_MOVES = 3, MAX_FIDX = 8 };

static uint32_t nzone_iv(const Derive *L, DefId d, uint32_t nf) {
    return (nf + 1) * (def_of(L, d)->ndim + 1);
}

static Interval interval(AffCtx *x, Aff e, Path p) {
    AffBounds b = aff_bounds(x, e, p.c, p.n);
    return (Interval){b.has_lo, b.has_hi, b.lo, b.hi};
}

/* The zone of family members alpha[..] over the own dims of d under p. */
static Interval *zone_of(Derive *L, DefId d, const Aff *alpha, uint32_t nf, Path p) {
    const Def *def = def_of(L, d);
    uint32_t w = def->ndim + 1;
    Interval *iv = ARENA_ARRAY(L->a, Interval, nzone_iv(L, d, nf));
    for (uint32_t b = 0; b < def->ndim; b++) {
        Aff i = aff_name(L->x, def->dim[b].var);
        for (uint32_t k = 0; k < nf; k++)
            iv[k * w + b] = interval(L->x, aff_sub(L->x, alpha[k], i), p);
        iv[nf * w + b] = interval(L->x, i, p);
    }
    for (uint32_t k = 0; k < nf; k++) iv[k * w + def->ndim] = interval(L->x, alpha[k], p);
    return iv;
}

static Zone *zone_find(DefFact *f, uint32_t fam) {
    for (uint32_t i = 0; i < f->zone.len; i++)
        if (f->zone.data[i].fam == fam) return &f->zone.data[i];
    return NULL;
}

static bool join_lo(Interval *o, Interval n, bool moves) {
    if (!o->has_lo || (n.has_lo && n.lo >= o->lo)) return false;
    o->has_lo = n.has_lo && moves;
    o->lo = n.lo;
    return true;
}

static bool join_hi(Interval *o, Interval n, bool moves) {
    if (!o->has_hi || (n.has_hi && n.hi <= o->hi)) return false;
    o->has_hi = n.has_hi && moves;
    o->hi = n.hi;
    return true;
}

static void zone_join(Derive *L, DefId d, uint32_t fam, uint32_t nf, Interval *iv) {
    DefFact *f = &L->def[d];
    Zone *z = zone_find(f, fam);
    if (!z) {
        vec_push(L->a, &f->zone, (Zone){fam, nf, 0, iv});
        f->version++;
        return;
    }
    bool moves = ++z->joins <= MAX_MOVES, change = false;
    for (uint32_t i = 0; i < nzone_iv(L, d, nf); i++) {
        change |= join_lo(&z->iv[i], iv[i], moves);
        change |= join_hi(&z->iv[i], iv[i], moves);
    }
    f->version += change;
}

static void push_interval(Derive *L, ConsVec *v, Interval i, Aff e) {
    if (i.has_lo) vec_push(L->a, v, cons_ge(aff_plus(e, -i.lo)));
    if (i.has_hi) vec_push(L->a, v, cons_le(L->x, e, aff_const(i.hi)));
}

/* What the zone says of members alpha above element e.  An index of a wrapped dim may be any. */
static void zone_cons(Derive *L, ConsVec *v, const Zone *z, const Aff *alpha, Elem e) {
    uint32_t nd = def_of(L, e.d)->ndim, w = nd + 1, wrap = def_of(L, e.d)->wrap;
    for (uint32_t k = 0; k < z->nfidx; k++) {
        for (uint32_t b = 0; b < nd; b++)
            if (!(wrap >> b & 1))
                push_interval(L, v, z->iv[k * w + b], aff_sub(L->x, alpha[k], e.idx[b]));
        push_interval(L, v, z->iv[k * w + nd], alpha[k]);
    }
    for (uint32_t b = 0; b < nd; b++)
        if (!(wrap >> b & 1)) push_interval(L, v, z->iv[z->nfidx * w + b], e.idx[b]);
}

static const Aff *members(Derive *L, uint32_t nf, Sym *name) {
    if (nf > MAX_FIDX) bug("a family with %u indices", nf);
    Aff *alpha = ARENA_ARRAY(L->a, Aff, nf);
    for (uint32_t k = 0; k < nf; k++) {
        name[k] = intern(L->c->syms, arena_printf(L->a, "$a%u", k));
        alpha[k] = aff_name(L->x, name[k]);
    }
    return alpha;
}

/* ---- the fixpoint */
static void from_operand(Derive *L, DefId d, Use u, const Dim *red, uint32_t nred, const Cons *cons,
                         uint32_t ncons) {
    const DefFact *o = &L->def[u.d];
    const Def *def = def_of(L, d);
    for (uint32_t i = 0; i < o->zone.len; i++) {
        Zone z = o->zone.data[i];
        Sym name[MAX_FIDX];
        const Aff *alpha = members(L, z.nfidx, name);
        ConsVec v = {0};
        path_range(L, &v, def->dim, def->ndim, NULL, 0);
        path_range(L, &v, red, nred, NULL, 0);
        for (uint32_t k = 0; k < ncons; k++) vec_push(L->a, &v, cons[k]);
        zone_cons(L, &v, &z, alpha, (Elem){u.d, u.idx});
        if (!aff_feasible(L->x, v.data, v.len)) continue;
        zone_join(L, d, z.fam, z.nfidx, zone_of(L, d, alpha, z.nfidx, (Path){v.data, v.len}));
    }
}

static void atom_zone(Derive *L, DefId d) {
    const Def *def = def_of(L, d);
    bool data = def->op == PO_input || def->op == PO_basis;
    ConsVec v = {0};
    path_range(L, &v, def->dim, def->ndim, NULL, 0);
    uint32_t nf = data ? 0 : def->nfidx;
    zone_join(L, d, data ? L->p->fam.len : def->fam, nf,
              zone_of(L, d, def->fidx, nf, (Path){v.data, v.len}));
}

/* Changes of the operands' zones since the definition was last looked at. */
static uint32_t operand_versions(const Derive *L, DefId d) {
    const Def *def = def_of(L, d);
    uint32_t n = 0;
    if (def->op == PO_nonlin)
        for (uint32_t i = 0; i < def->nuse; i++) n += L->def[def->use[i].d].version;
    for (uint32_t i = 0; i < L->def[d].narm; i++) n += L->def[L->def[d].arm[i].use.d].version;
    return n;
}

static void propagate(Derive *L, DefId d) {
    const Def *def = def_of(L, d);
    if (def->op == PO_nonlin)
        for (uint32_t i = 0; i < def->nuse; i++)
            from_operand(L, d, def->use[i], NULL, 0, NULL, 0);
    for (uint32_t i = 0; i < L->def[d].narm; i++) {
        const Arm *m = &L->def[d].arm[i];
        from_operand(L, d, m->use, m->red, m->nred, m->cons, m->ncons);
    }
}

void tops_make(Derive *L) {
    uint32_t n = L->p->def.len, *seen = ARENA_ARRAY(L->a, uint32_t, n);
    for (DefId d = 1; d < n; d++) {
        ProgramOp op = def_of(L, d)->op;
        if (op == PO_input || op == PO_basis || op == PO_param || op == PO_matmul ||
            op == PO_noise)
            atom_zone(L, d);
    }
    for (bool again = true; again;) {
        again = false;
        for (DefId d = 1; d < n; d++) {
            ProgramOp op = def_of(L, d)->op;
            if (op != PO_nonlin && op != PO_lin) continue;
            uint32_t now = operand_versions(L, d);
            if (now == seen[d]) continue;
            seen[d] = now;
            propagate(L, d);
            again = true;
        }
    }
}

/* ---- correlation */
static bool cons_in(const ConsVec *v, Cons c) {
    for (uint32_t i = 0; i < v->len; i++)
        if (cons_same(v->data[i], c)) return true;
    return false;
}

typedef VEC(ConsVec) Conditions;

/* One family's condition; false: always. */
static bool add_condition(Derive *L, const Zone *za, const Zone *zb, Elem A, Elem B, Path path,
                          Conditions *out) {
    Sym name[MAX_FIDX];
    const Aff *alpha = members(L, za->nfidx, name);
    ConsVec v = {0}, c = {0}, rest = {0};
    zone_cons(L, &v, za, alpha, A);
    zone_cons(L, &v, zb, alpha, B);
    if (!aff_project(L->x, v.data, v.len, name, za->nfidx, &c)) return true;
    Path all = path_and(L, path, c.data, c.len);
    if (!aff_feasible(L->x, all.c, all.n)) return true;
    for (uint32_t i = 0; i < c.len; i++)
        if (!aff_implied(L->x, path.c, path.n, c.data[i])) vec_push(L->a, &rest, c.data[i]);
    if (!rest.len) return false;
    for (uint32_t i = 0; i < out->len; i++) {
        ConsVec *o = &out->data[i];
        uint32_t same = 0;
        for (uint32_t k = 0; k < rest.len; k++) same += cons_in(o, rest.data[k]);
        if (same == rest.len && same == o->len) return true;
    }
    vec_push(L->a, out, rest);
    return true;
}

static bool mentions_index(const Derive *L, Cons c, Elem e) {
    for (uint32_t i = 0; i < def_of(L, e.d)->ndim; i++)
        for (uint32_t k = 0; k < e.idx[i].nterm; k++)
            if (cons_mentions(c, e.idx[i].term[k].name)) return true;
    return false;
}

static bool has_names(const Derive *L, Elem e) {
    for (uint32_t i = 0; i < def_of(L, e.d)->ndim; i++)
        if (e.idx[i].nterm) return true;
    return false;
}

static bool implied_by_all(Derive *L, const Conditions *cs, Path path, Cons q) {
    for (uint32_t i = 0; i < cs->len; i++) {
        Path p = path_and(L, path, cs->data[i].data, cs->data[i].len);
        if (!aff_implied(L->x, p.c, p.n, q)) return false;
    }
    return true;
}

/* The hull of the union: what every family's condition implies.  One-sided limits are left to the
 * array's own equation. */
static Corr hull(Derive *L, const Conditions *cs, Elem A, Elem B, Path path) {
    ConsVec common = {0};
    bool both = has_names(L, A) && has_names(L, B);
    for (uint32_t i = 0; i < cs->len; i++) {
        for (uint32_t k = 0; k < cs->data[i].len; k++) {
            Cons q = cs->data[i].data[k];
            if (cons_in(&common, q) || (cs->len > 1 && !implied_by_all(L, cs, path, q))) continue;
            if (both && !(mentions_index(L, q, A) && mentions_index(L, q, B))) continue;
            vec_push(L->a, &common, q);
        }
    }
    return (Corr){common.len ? CORR_when : CORR_always, common.data, common.len};
}

Corr corr_of(Derive *L, Elem A, Elem B, Path path) {
    DefFact *fa = &L->def[A.d], *fb = &L->def[B.d];
    Conditions cs = {0};
    for (uint32_t i = 0; i < fa->zone.len; i++) {
        const Zone *zb = zone_find(fb, fa->zone.data[i].fam);
        if (zb && !add_condition(L, &fa->zone.data[i], zb, A, B, path, &cs))
            return (Corr){.kind = CORR_always};
    }
    return cs.len ? hull(L, &cs, A, B, path) : (Corr){.kind = CORR_never};
}

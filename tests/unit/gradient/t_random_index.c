/* Gradients of random programs made as such, without a source: arms with random index maps,
 * reductions, guards and circular dims, triangles, scalars, softmax, loop-carried vectors and
 * scalars. */
#include "differences.h"

enum { PROGRAMS = 300 };

typedef struct Gen {
    Ctx *c;
    Program *p;
    uint64_t seed;
    FamId W, U, v;
    Sym T;
    int names;
} Gen;

static uint32_t pick(Gen *g, uint32_t n) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t h = g->seed += 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((h ^ h >> 31) % n);
}

static Sym name(Gen *g, const char *base) {
    return intern(g->c->syms, arena_printf(g->c->a, "%s%d", base, g->names++));
}

static Aff size(Gen *g, int64_t plus) { return aff_plus(aff_name(g->p->aff, g->T), plus); }

/* Shapes: (), (T), (4), (T, 3), the triangle (T, i + 1), (T + 1) of what is carried. */
typedef enum Shape { S_none, S_line, S_four, S_plane, S_triangle, S_loop } Shape;

static uint32_t dims_of(Gen *g, Shape s, Dim **out) {
    static const uint32_t rank[] = {0, 1, 1, 2, 2, 1};
    Dim *d = *out = ARENA_ARRAY(g->c->a, Dim, 2);
    d[0] = (Dim){name(g, "i"), aff_const(0), size(g, s == S_loop)};
    if (s == S_four) d[0].hi = aff_const(4);
    d[1] = (Dim){name(g, "j"), aff_const(0), aff_const(3)};
    if (s == S_triangle) d[1].hi = aff_plus(aff_name(g->p->aff, d[0].var), 1);
    return rank[s];
}

static bool of_shape(const Def *d, Shape s) {
    if (s == S_none) return !d->ndim;
    if (s == S_plane || s == S_triangle)
        return d->ndim == 2 && aff_is_const(d->dim[1].hi) == (s == S_plane);
    return d->ndim == 1 && (s == S_four) == aff_is_const(d->dim[0].hi) &&
           (s == S_four || (s == S_loop) == (d->dim[0].hi.c == 1));
}

static DefId add(Gen *g, Shape s, Def d, const char *base) {
    Dim *dim;
    d.ndim = dims_of(g, s, &dim);
    if (d.dim == NULL) d.dim = dim;
    d.name = name(g, base);
    if (!program_op_is_scalar(d.op)) d.width = fx_rat(g->p->fx, 1, 1);
    vec_push(g->c->a, &g->p->def, d);
    return g->p->def.len - 1;
}

/* A vector of width n (a scalar), of a shape if `same` is set; 0: there is none. */
static DefId find(Gen *g, bool scalar, bool same, Shape s) {
    uint32_t n = g->p->def.len - 1, from = pick(g, n);
    for (uint32_t k = 0; k < n; k++) {
        DefId d = 1 + (from + k) % n;
        const Def *o = &g->p->def.data[d];
        if (program_op_is_scalar(o->op) != scalar || (!scalar && !o->width)) continue;
        if (!same || of_shape(o, s)) return d;
    }
    return 0;
}

static Use own(Gen *g, DefId d, const Dim *dim) {
    uint32_t n = g->p->def.data[d].ndim;
    Aff *idx = ARENA_ARRAY(g->c->a, Aff, n);
    for (uint32_t i = 0; i < n; i++) idx[i] = aff_name(g->p->aff, dim[i].var);
    return (Use){.d = d, .idx = idx};
}

/* ---- arms */
typedef struct Names { /* what an index may name */
    Sym var[6];
    uint32_t n;
    ConsVec cons;
} Names;

static Aff index_map(Gen *g, const Names *v) {
    AffCtx *x = g->p->aff;
    Aff e = aff_const(pick(g, 3));
    if (!v->n || !pick(g, 6)) return e;
    static const int32_t k[] = {1, 1, 1, 1, -1, 2};
    e = aff_add(x, aff_plus(e, -1),
                aff_scale(x, aff_name(x, v->var[pick(g, v->n)]), k[pick(g, 6)]));
    if (!pick(g, 3)) e = aff_add(x, e, aff_name(x, v->var[pick(g, v->n)]));
    if (!pick(g, 5)) e = aff_sub(x, size(g, -1), e);
    return e;
}

/* Element of d at random indices; guards keep them in range where the dim is not circular. */
static Use anywhere(Gen *g, DefId d, Names *v) {
    const Def *o = &g->p->def.data[d];
    AffCtx *x = g->p->aff;
    Aff *idx = ARENA_ARRAY(g->c->a, Aff, o->ndim);
    AffSubst *m = ARENA_ARRAY(g->c->a, AffSubst, o->ndim);
    for (uint32_t i = 0; i < o->ndim; i++) {
        idx[i] = index_map(g, v);
        m[i] = (AffSubst){o->dim[i].var, idx[i]};
        if (o->wrap >> i & 1) continue;
        vec_push(g->c->a, &v->cons, cons_le(x, aff_subst(x, o->dim[i].lo, m, i), idx[i]));
        vec_push(g->c->a, &v->cons, cons_lt(x, idx[i], aff_subst(x, o->dim[i].hi, m, i)));
    }
    return (Use){.d = d, .idx = idx};
}

static Fx coefficient(Gen *g, Names *v) {
    FxPool *f = g->p->fx;
    Fx k = fx_rat(f, 1 + pick(g, 3), 2);
    if (v->n && !pick(g, 3)) {
        Aff i = aff_name(g->p->aff, v->var[pick(g, v->n)]);
        k = fx_div(f, k, fx_add(f, fx_rat(f, 2, 1), fx_index(f, aff_scale(g->p->aff, i, 1))));
    }
    DefId s = pick(g, 2) ? find(g, true, false, S_none) : 0;
    if (!s) return k;
    Use u = anywhere(g, s, v);
    Fx r = fx_sref(f, s, u.idx, g->p->def.data[s].ndim);
    return fx_mul(f, k, pick(g, 2) ? r : fx_op(f, FX_sin, fx_add(f, r, k), 0, 0));
}

static Arm arm(Gen *g, const Dim *dim, uint32_t ndim, bool scalar) {
    AffCtx *x = g->p->aff;
    Names v = {0};
    Dim *red = ARENA_ARRAY(g->c->a, Dim, 2);
    Arm a = {.red = red, .nred = pick(g, 3)};
    for (uint32_t i = 0; i < ndim; i++) v.var[v.n++] = dim[i].var;
    for (uint32_t i = 0; i < a.nred; i++) {
        red[i] = (Dim){name(g, "k"), aff_const(0), pick(g, 2) ? size(g, 0) : aff_const(3)};
        if (v.n && !pick(g, 4)) red[i].hi = aff_plus(aff_name(x, v.var[0]), 1);
        v.var[v.n++] = red[i].var;
    }
    a.coef = coefficient(g, &v);
    if (!scalar) a.use = anywhere(g, find(g, false, false, S_none), &v);
    if (v.n && !pick(g, 3)) {
        Cons c = cons_eq(x, index_map(g, &v), aff_const(pick(g, 3)));
        vec_push(g->c->a, &v.cons, pick(g, 2) ? c : cons_not(x, &c, 1));
    }
    a.cons = v.cons.data;
    a.ncons = v.cons.len;
    return a;
}

static DefId linear(Gen *g, Shape s, bool scalar) {
    Dim *dim;
    uint32_t n = dims_of(g, s, &dim), narm = 1 + pick(g, 3);
    Arm *a = ARENA_ARRAY(g->c->a, Arm, narm);
    for (uint32_t i = 0; i < narm; i++) a[i] = arm(g, dim, n, scalar);
    Def d = {.op = scalar ? PO_scalar : PO_lin, .dim = dim, .arm = a, .narm = narm};
    return add(g, s, d, scalar ? "c" : "l");
}

/* ---- other definitions */
static void circular(Gen *g, Shape s) {
    DefId x = find(g, false, true, s);
    if (!x || s == S_triangle) return;
    Dim *dim;
    uint32_t n = dims_of(g, s, &dim);
    Arm *a = ARENA_NEW(g->c->a, Arm);
    *a = (Arm){.coef = fx_rat(g->p->fx, 1, 1), .use = own(g, x, dim)};
    Def d = {.op = PO_lin, .dim = dim, .wrap = n ? 1 + pick(g, (1u << n) - 1) : 0, .arm = a,
             .narm = 1};
    add(g, s, d, "p");
}

static DefId nonlinear(Gen *g, Shape s) {
    DefId x = find(g, false, true, s), y = find(g, false, true, s), t = find(g, true, true, s);
    FxPool *f = g->p->fx;
    if (!x) return 0;
    Dim *dim;
    uint32_t n = dims_of(g, s, &dim);
    Use *use = ARENA_ARRAY(g->c->a, Use, 2);
    use[0] = own(g, x, dim);
    use[1] = own(g, y, dim);
    Fx u = fx_leaf(f, 0), w = fx_leaf(f, 1), k = fx_rat(f, 1, 2);
    if (t) k = fx_sref(f, t, own(g, t, dim).idx, n);
    Fx form[] = {fx_op(f, FX_tanh, fx_add(f, u, w), 0, 0), fx_op(f, FX_sin, fx_mul(f, u, k), 0, 0),
                 fx_mul(f, fx_op(f, FX_tanh, u, 0, 0), fx_op(f, FX_cos, w, 0, 0)),
                 fx_op(f, FX_tanh, fx_mul(f, fx_mul(f, k, u), w), 0, 0)};
    uint32_t which = pick(g, 4);
    Def d = {.op = PO_nonlin, .dim = dim, .f = form[which], .use = use, .nuse = which == 1 ? 1 : 2};
    return add(g, s, d, "n");
}

static DefId product(Gen *g, Shape s, DefId x, const Dim *dim, uint32_t n) {
    Aff *at = ARENA_NEW(g->c->a, Aff);
    Use *use = ARENA_NEW(g->c->a, Use);
    *at = n && pick(g, 2) ? aff_name(g->p->aff, dim[0].var) : aff_const(1);
    *use = own(g, x, dim);
    Def d = {.op = PO_matmul, .dim = dim, .fam = g->W, .transposed = pick(g, 2), .fidx = at,
             .nfidx = 1, .use = use, .nuse = 1};
    return add(g, s, d, "m");
}

static void any_product(Gen *g, Shape s) {
    DefId x = find(g, false, true, s);
    Dim *dim;
    uint32_t n = dims_of(g, s, &dim);
    if (x) product(g, s, x, dim, n);
}

static void moment(Gen *g, Shape s) {
    DefId x = find(g, false, true, s), y = find(g, false, true, s);
    if (!x) return;
    Dim *dim;
    dims_of(g, s, &dim);
    Use *use = ARENA_ARRAY(g->c->a, Use, 2);
    use[0] = own(g, x, dim);
    use[1] = own(g, y, dim);
    bool mean = !pick(g, 3);
    Def d = {.op = mean ? PO_mean : PO_second, .dim = dim, .use = use, .nuse = mean ? 1 : 2};
    add(g, s, d, "s");
}

static void softmax(Gen *g) {
    Shape s = pick(g, 2) ? S_plane : S_triangle;
    DefId e = find(g, true, true, s);
    if (!e) return;
    Dim *dim;
    dims_of(g, s, &dim);
    Arm *a = ARENA_NEW(g->c->a, Arm);
    Cons *mask = ARENA_NEW(g->c->a, Cons);
    *mask = cons_le(g->p->aff, aff_name(g->p->aff, dim[1].var), aff_name(g->p->aff, dim[0].var));
    *a = (Arm){.coef = fx_sref(g->p->fx, e, own(g, e, dim).idx, 2), .cons = mask,
               .ncons = pick(g, 2)};
    add(g, s, (Def){.op = PO_softmax, .dim = dim, .over = a->ncons ? 1 : pick(g, 2),
                          .arm = a, .narm = 1}, "a");
}

/* m[0] = a start, m[l + 1] = W tanh(m[l] + b[l]) c[l], c carried too. */
static void carried(Gen *g) {
    AffCtx *x = g->p->aff;
    FxPool *f = g->p->fx;
    DefId b = find(g, false, true, S_line), start = find(g, false, true, S_none);
    if (!b || !start) return;
    Dim *dim, *loop, *scalar;
    dims_of(g, S_loop, &loop);
    dims_of(g, S_loop, &scalar);
    uint32_t n = dims_of(g, S_line, &dim);
    Arm *arm2 = ARENA_ARRAY(g->c->a, Arm, 2), *c = ARENA_ARRAY(g->c->a, Arm, 2);
    Def mu = {.op = PO_lin, .mu = true, .dim = loop, .arm = arm2, .narm = 2};
    Def mus = {.op = PO_scalar, .mu = true, .dim = scalar, .arm = c, .narm = 2};
    DefId m = add(g, S_loop, mu, "v"), r = add(g, S_loop, mus, "r");
    Use *use = ARENA_ARRAY(g->c->a, Use, 2), *two = ARENA_ARRAY(g->c->a, Use, 2);
    use[0] = own(g, m, dim);
    use[1] = own(g, b, dim);
    Fx k = fx_sref(f, r, own(g, r, dim).idx, 1);
    Fx arg = fx_add(f, fx_mul(f, k, fx_leaf(f, 0)), fx_leaf(f, 1));
    DefId y = add(g, S_line, (Def){.op = PO_nonlin, .dim = dim, .f = fx_op(f, FX_tanh, arg, 0, 0),
                                   .use = use, .nuse = 2}, "n");
    Dim *dim2, *dim3;
    dims_of(g, S_line, &dim2);
    dims_of(g, S_line, &dim3);
    DefId z = product(g, S_line, y, dim2, n);
    two[0] = own(g, z, dim3);
    two[1] = own(g, b, dim3);
    DefId q = add(g, S_line, (Def){.op = PO_second, .dim = dim3, .use = two, .nuse = 2}, "s");
    Sym names[] = {loop[0].var, scalar[0].var};
    for (int i = 0; i < 2; i++) {
        Aff l = aff_name(x, names[i]), *prev = ARENA_NEW(g->c->a, Aff);
        Cons *first = ARENA_NEW(g->c->a, Cons), *rest = ARENA_NEW(g->c->a, Cons);
        *first = cons_eq(x, l, aff_const(0));
        *rest = cons_le(x, aff_const(1), l);
        *prev = aff_plus(l, -1);
        Fx one = fx_rat(f, 1, 1), last = fx_sref(f, r, prev, 1);
        Fx next = fx_op(f, FX_sin, fx_add(f, last, fx_sref(f, q, prev, 1)), 0, 0);
        Arm *a = i ? c : arm2;
        a[0] = (Arm){.cons = first, .ncons = 1, .coef = one, .use = {.d = i ? 0 : start}};
        a[1] = (Arm){.cons = rest, .ncons = 1, .coef = i ? next : last,
                     .use = {.d = i ? 0 : z, .idx = i ? NULL : prev}};
    }
}

static Def source(Gen *g) {
    Dim *dim;
    dims_of(g, S_line, &dim);
    return (Def){.op = PO_input, .name = name(g, "x"), .dim = dim, .ndim = 1};
}

static void begin(Gen *g) {
    Program *p = g->p = ARENA_NEW(g->c->a, Program);
    Arena *a = g->c->a;
    p->name = intern(g->c->syms, "random");
    p->aff = affctx_new(a, g->c->syms);
    p->fx = fxpool_new(a, p->aff);
    g->T = intern(g->c->syms, "T");
    Fx one = fx_rat(p->fx, 1, 1);
    SizeDef z = {.name = g->T, .kind = SIZE_position};
    vec_push(a, &p->size, z);
    program_size_facts(p->aff, &z);
    Aff *axis = ARENA_NEW(a, Aff);
    *axis = aff_name(p->aff, g->T);
    vec_push(a, &p->input, (InputDecl){.name = name(g, "x"), .npos = 1, .size = axis});
    Fam f = {.trained = true, .s2 = one, .lr = one, .rows = one, .cols = one};
    f.name = intern(g->c->syms, "W"), f.kind = FAM_matrix, f.nindex = 1;
    vec_push(a, &p->fam, f);
    f.name = intern(g->c->syms, "U"), f.kind = FAM_input_matrix, f.nindex = 0, f.cols = 0;
    vec_push(a, &p->fam, f);
    f.name = intern(g->c->syms, "v"), f.kind = FAM_vector;
    vec_push(a, &p->fam, f);
    g->W = 0, g->U = 1, g->v = 2;
    vec_push(a, &p->def, (Def){0});
    Def in = source(g);
    vec_push(a, &p->def, in);
    Dim *dim;
    dims_of(g, S_line, &dim);
    Use *use = ARENA_NEW(a, Use);
    *use = own(g, 1, dim);
    add(g, S_line, (Def){.op = PO_matmul, .dim = dim, .fam = g->U, .use = use, .nuse = 1}, "h");
    add(g, S_none, (Def){.op = PO_param, .fam = g->v}, "v");
    add(g, S_none, (Def){.op = PO_one}, "one");
}

static void finish(Gen *g) {
    uint32_t narm = 4;
    Arm *a = ARENA_ARRAY(g->c->a, Arm, narm);
    for (uint32_t i = 0; i < narm; i++) a[i] = arm(g, NULL, 0, false);
    for (DefId d = g->p->def.len; d-- > 1;) { /* the last vector for certain, at its start */
        const Def *o = &g->p->def.data[d];
        if (program_op_is_scalar(o->op) || !o->width) continue;
        a[0] = (Arm){.coef = fx_rat(g->p->fx, 1, 1),
                     .use = {.d = d, .idx = ARENA_ARRAY(g->c->a, Aff, o->ndim)}};
        break;
    }
    DefId x = add(g, S_none, (Def){.op = PO_lin, .arm = a, .narm = narm}, "o");
    Use *use = ARENA_ARRAY(g->c->a, Use, 2);
    use[0] = (Use){.d = 3};
    use[1] = (Use){.d = x};
    g->p->out = add(g, S_none, (Def){.op = PO_inner, .f = fx_rat(g->p->fx, 1, 1), .use = use,
                                     .nuse = 2}, "f");
}

static Program *random_indices(Ctx *c, uint64_t seed, uint32_t steps) {
    Gen g = {.c = c, .seed = seed << 20};
    begin(&g);
    for (uint32_t i = 0; i < steps; i++) {
        Shape s = (Shape)pick(&g, S_triangle + 1);
        uint32_t kind = pick(&g, 12);
        if (kind < 4) linear(&g, s, false);
        else if (kind == 4) linear(&g, s, true);
        else if (kind == 5) circular(&g, s);
        else if (kind < 8) nonlinear(&g, s);
        else if (kind == 8) any_product(&g, s);
        else if (kind == 9) moment(&g, s);
        else if (kind == 10) softmax(&g);
        else carried(&g);
    }
    finish(&g);
    return g.p;
}

/* The shortest prefix of the same choices that fails is printed. */
static bool right(uint64_t seed, uint32_t steps, bool print) {
    Ctx c = ctx_new();
    Program *p = random_indices(&c, seed, steps);
    const char *unsound = program_verify(&c, p), *wrong = unsound;
    Gradient *g = unsound ? NULL : gradient_of(&c, p);
    if (g) wrong = differences(&c, g, seed, 3, 2 + (int64_t)(seed % 3));
    if (wrong && print)
        print_error("seed %llu, %u steps: %s\n%s\n%s", (unsigned long long)seed, steps, wrong,
                    printed(&c, p), g ? printed(&c, g->p) : "");
    arena_free(c.a);
    return !wrong;
}

static void indices(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        if (right(seed, 9, false)) continue;
        uint32_t steps = 1;
        while (steps < 9 && right(seed, steps, false)) steps++;
        right(seed, steps, true);
        fail();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(indices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

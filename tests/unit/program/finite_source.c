/* The source at width n = N, run statement by statement. */
#include "finite.h"

typedef enum Kind { NUM, VECTOR, COVECTOR, MATRIX, OUTPUT, FN, WORD, FAMILY } Kind;

typedef struct Val {
    Kind kind;
    uint32_t len;
    const double *x;      /* number (len 1), vector */
    const AstStmt *decl;  /* matrix, family of vectors */
    int64_t idx[MAX_INDEX];
    uint32_t nidx;
    double mean, var;     /* of a declaration; var / fan_in^fan */
    int fan;
    uint32_t rows, cols;
    const AstItem *fn;
    Sym word;
    uint32_t declared;    /* family of a declaration: its sizes */
    int64_t size[MAX_INDEX];
    struct Val *elem;     /* family: its members, at indices at[0..rank) */
    uint32_t nelem, cap, rank;
    int64_t at[MAX_INDEX];
    Sym pad;              /* family: what stands outside */
    Sym axis[MAX_INDEX];  /* family: the indices' names */
    bool transposed;      /* matrix */
} Val;



typedef struct Slot {
    Sym name;
    Val v;
} Slot;

typedef struct Run {
    Ctx *c;
    const Ast *ast;
    VEC(Slot) var;
    uint32_t call; /* first variable of the current call */
    int64_t loop[MAX_INDEX];
    uint32_t nloop;
    Sym n, fan_in, basis, dim, s_pad, zero, circular, moment, softmax, inf;
} Run;

static Val eval(Run *r, const AstExpr *x);
static Val block(Run *r, const AstBlock *b);

static Val num(Run *r, double v) {
    return (Val){.kind = NUM, .len = 1, .x = arena_copy(r->c->a, &v, sizeof v)};
}

static double at(const Val *v, uint32_t i) { return v->len == 1 ? v->x[0] : v->x[i]; }

static Slot *find(Run *r, Sym name) {
    for (uint32_t i = r->var.len; i-- > r->call;)
        if (r->var.data[i].name == name) return &r->var.data[i];
    return NULL;
}

static void set(Run *r, Sym name, Val v) {
    Slot *s = find(r, name);
    if (s)
        s->v = v;
    else
        vec_push(r->c->a, &r->var, (Slot){name, v});
}

/* ---- families */
static Val vector_of(Run *r, Val f);

static Val family(Run *r, uint32_t rank) {
    (void)r;
    return (Val){.kind = FAMILY, .rank = rank};
}

/* Member at (at[0..k), those of v where it is a family) is v. */
static void put(Run *r, Val *f, const int64_t *at, uint32_t k, Val v) {
    f->rank = k + (v.kind == FAMILY ? v.rank : 0);
    for (uint32_t i = 0; v.kind == FAMILY && i < v.nelem; i++) {
        int64_t all[MAX_INDEX] = {0};
        memcpy(all, at, k * sizeof *at);
        memcpy(all + k, v.elem[i].at, v.rank * sizeof *at);
        put(r, f, all, k + v.rank, v.elem[i]);
    }
    if (v.kind == FAMILY) return;
    memset(v.at, 0, sizeof v.at);
    memcpy(v.at, at, k * sizeof *at);
    for (uint32_t i = 0; i < f->nelem; i++)
        if (!memcmp(f->elem[i].at, v.at, sizeof v.at)) {
            f->elem[i] = v;
            return;
        }
    if (f->nelem == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 8;
        Val *all = ARENA_ARRAY(r->c->a, Val, f->cap);
        if (f->nelem) memcpy(all, f->elem, f->nelem * sizeof *all);
        f->elem = all;
    }
    f->elem[f->nelem++] = v;
}

static Val get(Run *r, const Val *f, const int64_t *at, uint32_t k) {
    Val part = family(r, f->rank - k);
    for (uint32_t i = 0; i < f->nelem; i++) {
        const Val *v = &f->elem[i];
        if (memcmp(v->at, at, k * sizeof *at)) continue;
        if (k == f->rank) return *v;
        put(r, &part, v->at + k, f->rank - k, *v);
    }
    if (!part.nelem) fail_msg("finite_source: an element that was not assigned");
    return part;
}

static void extent(const Val *f, uint32_t axis, int64_t *lo, int64_t *hi) {
    *lo = INT64_MAX;
    *hi = INT64_MIN;
    for (uint32_t i = 0; i < f->nelem; i++) {
        if (f->elem[i].at[axis] < *lo) *lo = f->elem[i].at[axis];
        if (f->elem[i].at[axis] >= *hi) *hi = f->elem[i].at[axis] + 1;
    }
}

/* A declared family as one of members. */
static Val whole(Run *r, Val v) {
    if (v.kind != FAMILY || !v.decl) return v;
    Val f = family(r, v.declared);
    int64_t at[MAX_INDEX] = {0};
    for (bool more = true; more;) {
        Val m = v;
        for (uint32_t i = 0; i < v.declared; i++) m.idx[m.nidx++] = at[i];
        put(r, &f, at, v.declared, vector_of(r, m));
        uint32_t i = v.declared;
        while (i > 0 && ++at[i - 1] == v.size[i - 1]) at[--i] = 0;
        more = i > 0;
    }
    return f;
}

/* f at every position: of arg[i] the first up[i] indices are gone through together. */
typedef Val Each(Run *r, void *ctx, Val *arg);
static Val map(Run *r, Val *arg, const uint32_t *up, uint32_t n, Each *f, void *ctx) {
    uint32_t first = 0, k;
    while (first < n && !up[first]) first++;
    if (first == n) return f(r, ctx, arg);
    k = up[first];
    Val out = family(r, k);
    memcpy(out.axis, arg[first].axis, sizeof out.axis);
    const int64_t *last = NULL;
    for (uint32_t i = 0; i < arg[first].nelem; i++) { /* members of equal start are neighbours */
        const int64_t *at = arg[first].elem[i].at;
        Val part[32];
        if (last && !memcmp(last, at, k * sizeof *at)) continue;
        last = at;
        for (uint32_t j = 0; j < n; j++) {
            assert_true(!up[j] || up[j] == k);
            part[j] = up[j] ? get(r, &arg[j], at, k) : arg[j];
        }
        put(r, &out, at, k, f(r, ctx, part));
    }
    return out;
}

static Val map_all(Run *r, Val *arg, uint32_t n, Each *f, void *ctx) {
    uint32_t up[32] = {0};
    for (uint32_t i = 0; i < n; i++) {
        arg[i] = whole(r, arg[i]);
        if (arg[i].kind == FAMILY) up[i] = arg[i].rank;
    }
    return map(r, arg, up, n, f, ctx);
}

/* ---- operators, coordinate by coordinate */
static double binary(AstBinop op, double a, double b) {
    switch (op) {
    case AB_add: return a + b;
    case AB_sub: return a - b;
    case AB_mul: return a * b;
    case AB_div: return a / b;
    case AB_pow: return pow(a, b);
    case AB_floordiv: return floor(a / b);
    case AB_mod: return a - b * floor(a / b);
    case AB_eq: return a == b;
    case AB_ne: return a != b;
    case AB_lt: return a < b;
    case AB_le: return a <= b;
    case AB_gt: return a > b;
    case AB_ge: return a >= b;
    case AB_and: return a != 0 && b != 0;
    case AB_or: return a != 0 || b != 0;
    }
    return NAN;
}

static Val coordinates(Run *r, AstBinop op, Val a, Val b) {
    uint32_t n = a.len > b.len ? a.len : b.len;
    double *x = ARENA_ARRAY(r->c->a, double, n);
    assert_true(a.len == b.len || a.len == 1 || b.len == 1);
    for (uint32_t i = 0; i < n; i++) x[i] = binary(op, at(&a, i), at(&b, i));
    Kind k = a.kind == NUM ? b.kind : a.kind;
    return (Val){.kind = k, .len = n, .x = x};
}

static Val product(Run *r, Val w, Val v) {
    bool t = w.transposed;
    uint32_t cols = w.cols ? w.cols : !t && v.len > 1 ? v.len : N;
    uint32_t n = t ? cols : w.rows, m = t ? w.rows : cols, from = w.decl->decl.name.span.lo;
    double *y = ARENA_ARRAY(r->c->a, double, n);
    double sd = sqrt(w.var * pow(cols, w.fan)) * (w.x ? w.x[0] : 1);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < m; j++)
            y[i] += sd * draw(from, w.idx, w.nidx, t ? j : i, t ? i : j) * at(&v, j);
    return (Val){.kind = VECTOR, .len = n, .x = y};
}

static Val inner(Run *r, Val v, Val x) {
    double s = 0;
    uint32_t n = v.len > x.len ? v.len : x.len;
    for (uint32_t i = 0; i < n; i++) s += at(&v, i) * at(&x, i);
    Val o = num(r, s);
    o.kind = OUTPUT;
    return o;
}

static Val operate_one(Run *r, void *ctx, Val *arg) {
    AstBinop op = *(AstBinop *)ctx;
    Val a = arg[0], b = arg[1];
    if (a.kind == MATRIX && op == AB_mul) return product(r, a, b);
    if (a.kind == COVECTOR && b.kind == MATRIX) {
        b.transposed = !b.transposed;
        a = product(r, b, a);
        a.kind = COVECTOR;
        return a;
    }
    if (b.kind == MATRIX) { /* number * matrix */
        b.x = num(r, a.x[0] * (b.x ? b.x[0] : 1)).x;
        return b;
    }
    if (a.kind == COVECTOR && op == AB_mul && b.kind == VECTOR) return inner(r, a, b);
    if (a.kind == WORD) return num(r, (a.word == b.word) == (op == AB_eq));
    return coordinates(r, op, a, b);
}

static Val operate(Run *r, AstBinop op, Val a, Val b) {
    return map_all(r, (Val[]){a, b}, 2, operate_one, &op);
}

/* ---- parameters */
static double entry(const Val *f, uint32_t i) {
    if (f->decl->decl.args.len == 1) /* bernoulli */
        return draw(f->decl->decl.name.span.lo, f->idx, f->nidx, i, 0) < f->var;
    return f->mean + sqrt(f->var) * draw(f->decl->decl.name.span.lo, f->idx, f->nidx, i, 0);
}

static Val vector_of(Run *r, Val f) {
    double *x = ARENA_ARRAY(r->c->a, double, f.rows);
    for (uint32_t i = 0; i < f.rows; i++) x[i] = entry(&f, i);
    return (Val){.kind = VECTOR, .len = f.rows, .x = x};
}

/* fan_in enters a law as a power only: found by evaluating at two values. */
static double law(Run *r, const AstExpr *x, double fan) {
    vec_push(r->c->a, &r->var, (Slot){r->fan_in, num(r, fan)});
    Val v = eval(r, x);
    r->var.len--;
    return v.x[0];
}

static void declare(Run *r, const AstStmt *s) {
    Val v = {.decl = s, .rows = N};
    const AstType *t = &s->decl.type;
    const AstExpr *var = vec_last(&s->decl.args).value;
    v.mean = law(r, s->decl.args.data[0].value, 1);
    v.var = law(r, var, 1);
    double ratio = v.var != 0 ? law(r, var, 2) / v.var : 1;
    v.fan = (int)lround(log2(ratio));
    memcpy(v.idx, r->loop, sizeof v.idx);
    v.nidx = r->nloop;
    uint32_t widths = 0;
    for (uint32_t i = 0; i < t->dims.len; i++) {
        double size = eval(r, t->dims.data[i].e).x[0];
        if (fmod(size, N) != 0) /* the tests' numbers of members are no multiples of N */
            v.size[v.declared++] = (int64_t)size;
        else if (!widths++)
            v.rows = (uint32_t)size;
        else
            v.cols = (uint32_t)size;
    }
    if (t->kind == AT_matrix) {
        v.kind = MATRIX;
    } else if (t->kind == AT_scalar) {
        double sum = 0;
        for (uint32_t i = 0; i < N; i++) sum += entry(&v, i) / sqrt(N);
        v = num(r, sum);
        v.kind = OUTPUT;
    } else if (v.declared) {
        v.kind = FAMILY;
    } else {
        v = vector_of(r, v);
    }
    vec_push(r->c->a, &r->var, (Slot){s->decl.name.sym, v});
}

/* ---- calls */
static double elementary(const char *f, double a, double b) {
    if (!strcmp(f, "max")) return a > b ? a : b;
    if (!strcmp(f, "min")) return a < b ? a : b;
    if (!strcmp(f, "exp")) return exp(a);
    if (!strcmp(f, "log")) return log(a);
    if (!strcmp(f, "sqrt")) return sqrt(a);
    if (!strcmp(f, "sin")) return sin(a);
    if (!strcmp(f, "cos")) return cos(a);
    if (!strcmp(f, "tanh")) return tanh(a);
    if (!strcmp(f, "erf")) return erf(a);
    if (!strcmp(f, "Phi")) return erfc(-a / sqrt(2)) / 2;
    if (!strcmp(f, "abs")) return fabs(a);
    if (!strcmp(f, "sign")) return (a > 0) - (a < 0);
    if (!strcmp(f, "step")) return a > 0;
    if (!strcmp(f, "ceil")) return ceil(a);
    if (!strcmp(f, "floor")) return floor(a);
    fail_msg("finite_source: no function %s", f);
    return NAN;
}

/* Sizes of `vector[H, W]` get their values, positions count from 0. */
static Val bind_sizes(Run *r, const AstParam *p, Val v) {
    Val f = family(r, v.rank);
    int64_t lo[MAX_INDEX], hi;
    for (uint32_t i = 0; i < v.rank; i++) {
        const AstExpr *x = p->type.dims.data[i].e;
        extent(&v, i, &lo[i], &hi);
        Slot *old = x->kind == AE_name ? find(r, x->name) : NULL;
        if (x->kind == AE_name && !old)
            vec_push(r->c->a, &r->var, (Slot){x->name, num(r, (double)(hi - lo[i]))});
        else
            assert_true(eval(r, x).x[0] == (double)(hi - lo[i]));
    }
    for (uint32_t k = 0; k < v.nelem; k++) {
        int64_t at[MAX_INDEX] = {0};
        for (uint32_t i = 0; i < v.rank; i++) at[i] = v.elem[k].at[i] - lo[i];
        put(r, &f, at, v.rank, v.elem[k]);
    }
    f.pad = v.pad;
    memcpy(f.axis, v.axis, sizeof f.axis);
    return f;
}

static Val call_once(Run *r, void *ctx, Val *given) {
    const AstItem *it = ctx;
    uint32_t call = r->call, len = r->var.len;
    r->call = len;
    for (uint32_t k = 0; k < it->params.len; k++) {
        const AstParam *p = &it->params.data[k];
        bool has = given[k].kind != NUM || given[k].len;
        Val v = has ? given[k] : eval(r, p->init);
        if (v.kind == FAMILY && p->type.dims.len) v = bind_sizes(r, p, v);
        vec_push(r->c->a, &r->var, (Slot){p->name.sym, v});
    }
    Val v = it->kind == AI_fn ? eval(r, it->body) : whole(r, block(r, &it->block));
    r->call = call;
    r->var.len = len;
    return v;
}

static Val call_item(Run *r, const AstItem *it, const AstArgs *args) {
    Val given[32];
    bool has[32] = {false};
    for (uint32_t i = 0; i < args->len; i++)
        for (uint32_t k = 0; k < it->params.len; k++)
            if (args->data[i].name.sym ? it->params.data[k].name.sym == args->data[i].name.sym
                                       : k == i) {
                given[k] = eval(r, args->data[i].value);
                has[k] = true;
            }
    uint32_t up[32] = {0};
    for (uint32_t k = 0; k < it->params.len; k++) {
        if (!has[k]) given[k] = (Val){.kind = NUM};
        given[k] = whole(r, given[k]);
        if (given[k].kind == FAMILY) up[k] = given[k].rank - it->params.data[k].type.dims.len;
    }
    return map(r, given, up, it->params.len, call_once, (void *)it);
}

static Val apply_one(Run *r, void *ctx, Val *arg) {
    const Val *f = ctx;
    Val a = arg[0], b = arg[1];
    uint32_t n = a.len > b.len ? a.len : b.len;
    double *x = ARENA_ARRAY(r->c->a, double, n);
    for (uint32_t i = 0; i < n; i++)
        x[i] = elementary(sym_text(r->c->syms, f->word), at(&a, i), at(&b, i));
    return (Val){.kind = a.kind == NUM ? b.kind : a.kind, .len = n, .x = x};
}

static Val apply(Run *r, Val *f, const AstArgs *args) {
    if (f->fn) return call_item(r, f->fn, args);
    Val a = eval(r, args->data[0].value), b = args->len > 1 ? eval(r, args->data[1].value) : a;
    return map_all(r, (Val[]){a, b}, 2, apply_one, f);
}

static Val moment_one(Run *r, void *ctx, Val *arg) {
    double sum = 0;
    (void)ctx;
    for (uint32_t i = 0; i < arg->len; i++) sum += arg->x[i];
    return num(r, sum / arg->len);
}

/* exp / the sum of exp over the elements that differ in the index of that name alone. */
static Val softmax(Run *r, Val f, Sym over) {
    Val out = family(r, f.rank);
    uint32_t axis = 0;
    while (f.axis[axis] != over) assert_true(++axis < f.rank);
    for (uint32_t i = 0; i < f.nelem; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < f.nelem; k++) {
            int64_t at[MAX_INDEX];
            memcpy(at, f.elem[k].at, sizeof at);
            at[axis] = f.elem[i].at[axis];
            if (!memcmp(at, f.elem[i].at, sizeof at)) sum += exp(f.elem[k].x[0]);
        }
        put(r, &out, f.elem[i].at, f.rank, num(r, exp(f.elem[i].x[0]) / sum));
    }
    memcpy(out.axis, f.axis, sizeof f.axis);
    return out;
}

static Val call(Run *r, const AstExpr *x) {
    Sym s = x->call.fn->kind == AE_name ? x->call.fn->name : 0;
    if (s == r->s_pad) {
        const AstExpr *how = x->call.args.data[1].value;
        Val v = whole(r, eval(r, x->call.args.data[0].value));
        Slot *w = find(r, how->name);
        v.pad = w ? w->v.word : how->name;
        return v;
    }
    if (s == r->moment) {
        Val v = eval(r, x->call.args.data[0].value);
        return map_all(r, &v, 1, moment_one, NULL);
    }
    if (s == r->softmax)
        return softmax(r, whole(r, eval(r, x->call.args.data[0].value)),
                       x->call.args.data[1].value->name);
    if (s == r->dim) return num(r, D);
    if (s == r->basis) {
        double *e = ARENA_ARRAY(r->c->a, double, D);
        e[(int)eval(r, x->call.args.data[0].value).x[0]] = 1;
        return (Val){.kind = VECTOR, .len = D, .x = e};
    }
    Val f = eval(r, x->call.fn);
    return apply(r, &f, &x->call.args);
}

/* ---- families */
static Val index_of(Run *r, const AstExpr *x) {
    Val f = eval(r, x->index.of);
    int64_t idx[MAX_INDEX] = {0};
    for (uint32_t i = 0; i < x->index.at.len; i++)
        idx[i] = (int64_t)lround(eval(r, x->index.at.data[i].e).x[0]);
    uint32_t n = x->index.at.len;
    if (f.kind == FAMILY && f.decl && n < f.declared) f = whole(r, f);
    if (f.decl) {
        for (uint32_t i = 0; i < n; i++) f.idx[f.nidx++] = idx[i];
        return f.kind == FAMILY ? vector_of(r, f) : f;
    }
    for (uint32_t i = 0; f.pad && i < n; i++) {
        int64_t lo, hi;
        extent(&f, i, &lo, &hi);
        if (f.pad == r->zero && (idx[i] < lo || idx[i] >= hi)) return num(r, 0);
        int64_t k = (idx[i] - lo) % (hi - lo);
        if (f.pad == r->circular) idx[i] = lo + (k < 0 ? k + hi - lo : k);
    }
    return get(r, &f, idx, n);
}

static void assign_element(Run *r, const AstStmt *s) {
    int64_t idx[MAX_INDEX] = {0};
    for (uint32_t i = 0; i < s->assign.at.len; i++)
        idx[i] = (int64_t)lround(eval(r, s->assign.at.data[i].e).x[0]);
    Val v = whole(r, eval(r, s->assign.value));
    Slot *slot = find(r, s->assign.name.sym);
    if (!slot) { /* visible in the whole call */
        vec_push(r->c->a, &r->var, (Slot){0, v});
        for (uint32_t i = r->var.len - 1; i > r->call; i--) r->var.data[i] = r->var.data[i - 1];
        r->var.data[r->call] = (Slot){s->assign.name.sym, family(r, 0)};
        slot = find(r, s->assign.name.sym);
    }
    for (uint32_t i = 0; i < s->assign.at.len; i++) {
        const AstExpr *e = s->assign.at.data[i].e;
        if (e->kind == AE_binary) e = e->binary.a;
        slot->v.axis[i] = e->kind == AE_name ? e->name : slot->v.axis[i];
    }
    if (v.kind == FAMILY) memcpy(slot->v.axis + s->assign.at.len, v.axis, v.rank * sizeof *v.axis);
    put(r, &slot->v, idx, s->assign.at.len, v);
}

/* ---- sums and loops */
static void reduce(Run *r, const AstExpr *x, uint32_t level, Val *sum, double *count) {
    if (level == x->reduce.ranges.len) {
        Val v = eval(r, x->reduce.body);
        *sum = *count > 0 ? operate(r, AB_add, *sum, v) : v;
        ++*count;
        return;
    }
    const AstRange *g = &x->reduce.ranges.data[level];
    int64_t lo = (int64_t)lround(eval(r, g->lo).x[0]), hi = (int64_t)lround(eval(r, g->hi).x[0]);
    for (int64_t k = lo; k < hi; k++) {
        vec_push(r->c->a, &r->var, (Slot){g->var.sym, num(r, (double)k)});
        r->loop[r->nloop++] = k;
        reduce(r, x, level + 1, sum, count);
        r->loop[--r->nloop] = 0;
        r->var.len--;
    }
}

static void stmts(Run *r, const AstStmts *list);

static void loop(Run *r, const AstRanges *ranges, uint32_t level, int64_t turns,
                 const AstBlock *b) {
    int64_t lo = 0, hi = turns;
    if (ranges && level == ranges->len) {
        stmts(r, &b->stmts);
        return;
    }
    if (ranges) {
        lo = (int64_t)lround(eval(r, ranges->data[level].lo).x[0]);
        hi = (int64_t)lround(eval(r, ranges->data[level].hi).x[0]);
    }
    for (int64_t k = lo; k < hi; k++) {
        uint32_t len = r->var.len;
        Sym last = len ? r->var.data[len - 1].name : 0;
        r->loop[r->nloop++] = k;
        if (ranges) {
            vec_push(r->c->a, &r->var, (Slot){ranges->data[level].var.sym, num(r, (double)k)});
            loop(r, ranges, level + 1, turns, b);
        } else {
            stmts(r, &b->stmts);
        }
        r->loop[--r->nloop] = 0;
        while (len && r->var.data[len - 1].name != last) len++; /* families were put before */
        r->var.len = len;
    }
}

static Val transpose_one(Run *r, void *ctx, Val *arg) {
    (void)r;
    (void)ctx;
    if (arg->kind == MATRIX) arg->transposed = !arg->transposed;
    else arg->kind = arg->kind == COVECTOR ? VECTOR : COVECTOR;
    return *arg;
}

static Val eval(Run *r, const AstExpr *x) {
    Val v, a;
    double count = 0;
    switch (x->kind) {
    case AE_num: return num(r, text_double(x->num.text, x->num.len, NULL));
    case AE_name: {
        Slot *s = find(r, x->name);
        if (s) return s->v;
        if (x->name == r->n) return num(r, N);
        if (x->name == r->inf) return num(r, INFINITY);
        v = (Val){.kind = FN, .fn = ast_find(r->ast, r->ast->main, x->name), .word = x->name};
        return v;
    }
    case AE_neg: return operate(r, AB_mul, num(r, -1), eval(r, x->arg));
    case AE_not:
        v = eval(r, x->arg);
        return operate(r, AB_eq, v, num(r, 0));
    case AE_transpose:
        v = eval(r, x->arg);
        return map_all(r, &v, 1, transpose_one, NULL);
    case AE_binary:
        a = eval(r, x->binary.a);
        return operate(r, x->binary.op, a, eval(r, x->binary.b));
    case AE_call: return call(r, x);
    case AE_index: return index_of(r, x);
    case AE_reduce:
        v = num(r, 0);
        reduce(r, x, 0, &v, &count);
        return x->reduce.op == AR_avg ? operate(r, AB_div, v, num(r, count)) : v;
    case AE_cond: {
        Val t = eval(r, x->cond.test), b;
        if (t.len == 1) return eval(r, t.x[0] != 0 ? x->cond.then : x->cond.other);
        a = eval(r, x->cond.then);
        b = eval(r, x->cond.other);
        double *y = ARENA_ARRAY(r->c->a, double, t.len);
        for (uint32_t i = 0; i < t.len; i++) y[i] = t.x[i] != 0 ? at(&a, i) : at(&b, i);
        return (Val){.kind = VECTOR, .len = t.len, .x = y};
    }
    case AE_list: break;
    }
    fail_msg("finite_source: no such expression");
    return num(r, 0);
}

static void stmts(Run *r, const AstStmts *list) {
    for (uint32_t i = 0; i < list->len; i++) {
        const AstStmt *s = list->data[i];
        if (s->kind == AS_assign && s->assign.at.len) assign_element(r, s);
        if (s->kind == AS_assign && !s->assign.at.len) {
            Val v = whole(r, eval(r, s->assign.value));
            if (v.kind == FAMILY && v.nelem) /* a copy: elements may be assigned anew */
                v.elem = arena_copy(r->c->a, v.elem, v.cap * sizeof *v.elem);
            set(r, s->assign.name.sym, v);
        }
        if (s->kind == AS_decl) declare(r, s);
        if (s->kind == AS_width) set(r, s->width.name.sym, eval(r, s->width.value));
        if (s->kind == AS_for) loop(r, &s->loop.ranges, 0, 0, &s->loop.body);
        if (s->kind == AS_repeat)
            loop(r, NULL, 0, (int64_t)lround(eval(r, s->repeat.count).x[0]), &s->repeat.body);
    }
}

static Val block(Run *r, const AstBlock *b) {
    stmts(r, &b->stmts);
    return eval(r, vec_last(&b->stmts)->value);
}

/* ---- the network */
static Val datum_at(Run *r, const AstParam *p, uint32_t input, const int64_t *at, uint32_t n) {
    if (p->type.kind == AT_data) return num(r, datum(input, at, n, 0));
    double *x = ARENA_ARRAY(r->c->a, double, D);
    for (uint32_t i = 0; i < D; i++) x[i] = datum(input, at, n, i);
    return (Val){.kind = VECTOR, .len = D, .x = x};
}

static Val input_value(Run *r, const AstParam *p, uint32_t input, const int64_t **size) {
    uint32_t n = p->type.dims.len;
    int64_t at[MAX_INDEX] = {0}, len[MAX_INDEX];
    if (!n) return datum_at(r, p, input, at, 0);
    for (uint32_t i = 0; i < n; i++) {
        const AstExpr *x = p->type.dims.data[i].e;
        if (x->kind == AE_name && !find(r, x->name))
            vec_push(r->c->a, &r->var, (Slot){x->name, num(r, (double)*(*size)++)});
        len[i] = (int64_t)eval(r, x).x[0];
    }
    Val f = family(r, n);
    for (bool more = true; more;) {
        put(r, &f, at, n, datum_at(r, p, input, at, n));
        uint32_t i = n;
        while (i > 0 && ++at[i - 1] == len[i - 1]) at[--i] = 0;
        more = i > 0;
    }
    return f;
}

static int by_index(const void *a, const void *b) {
    const Val *x = a, *y = b;
    for (uint32_t i = 0; i < MAX_INDEX; i++)
        if (x->at[i] != y->at[i]) return x->at[i] < y->at[i] ? -1 : 1;
    return 0;
}

uint32_t finite_source(Ctx *c, const Ast *ast, const AstItem *net, const int64_t *size,
                       double *out) {
    Run r = {.c = c, .ast = ast, .n = intern(c->syms, "n"), .fan_in = intern(c->syms, "fan_in"),
             .basis = intern(c->syms, "basis"), .dim = intern(c->syms, "dim"),
             .s_pad = intern(c->syms, "pad"), .zero = intern(c->syms, "zero"),
             .circular = intern(c->syms, "circular"), .moment = intern(c->syms, "moment"),
             .softmax = intern(c->syms, "softmax"), .inf = intern(c->syms, "inf")};
    uint32_t inputs = 0;
    for (uint32_t k = 0; k < net->params.len; k++) {
        const AstParam *p = &net->params.data[k];
        Val v;
        if (p->type.kind == AT_input || p->type.kind == AT_data) {
            v = input_value(&r, p, inputs++, &size);
        } else if (p->type.kind == AT_words) {
            v = (Val){.kind = WORD, .word = p->init->name};
            for (uint32_t i = 0; i < p->type.words.len; i++) { /* words stand for themselves */
                Sym w = p->type.words.data[i].sym;
                vec_push(c->a, &r.var, (Slot){w, {.kind = WORD, .word = w}});
            }
        } else {
            v = eval(&r, p->init);
        }
        vec_push(c->a, &r.var, (Slot){p->name.sym, v});
    }
    Val v = whole(&r, block(&r, &net->block));
    if (v.kind != FAMILY) {
        out[0] = v.x[0];
        return 1;
    }
    qsort(v.elem, v.nelem, sizeof *v.elem, by_index);
    for (uint32_t i = 0; i < v.nelem; i++) {
        assert_true(i < MAX_OUT);
        out[i] = v.elem[i].x[0];
    }
    return v.nelem;
}

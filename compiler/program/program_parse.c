/* Text -> program, line by line.  An error is reported once and sets `failed`; every function then
 * returns at once with some value, so that callers need to look only where they loop. */
#include "diag/diag.h"
#include "program/cursor.h"
#include "program/program_text.h"
#include <stdio.h>

enum { MAX_CONST_BITS = 50, MAX_FACTOR = 1 << 28 };

typedef struct UseCount { /* a use and its number of indices, compared once all dims are known */
    DefId d;
    uint32_t n, at;
} UseCount;

typedef struct Parser {
    Ctx *c;
    uint32_t file;
    bool failed;
    const char *line, *s; /* the line being read, without its comment; the place reached */
    uint32_t at;          /* offset of the line in the text */
    Program *p;
    DefId next;           /* the definition that the next `def` line is */
    VEC(UseCount) use;
    bool has_out;
} Parser;

static void fail_at(Parser *p, uint32_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void fail_at(Parser *p, uint32_t at, const char *fmt, ...) {
    if (p->failed) return;
    p->failed = true;
    va_list ap;
    va_start(ap, fmt);
    char what[256];
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    diag(p->c->ds, program_text, ((Span){p->file, at, at}), what);
}

static uint32_t here(const Parser *p) { return p->at + (uint32_t)(p->s - p->line); }

#define fail(p, ...) fail_at((p), here(p), __VA_ARGS__)

/* ---- tokens */
static bool accept(Parser *p, const char *t) { return !p->failed && cursor_take(&p->s, t); }

static void expect(Parser *p, const char *t) {
    if (!accept(p, t)) fail(p, "`%s` is expected here", t);
}

static uint32_t pick(Parser *p, const char *const *words, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (accept(p, words[i])) return i;
    fail(p, "`%s` or another word is expected here", words[0]);
    return 0;
}

static const char *read_string(Parser *p) {
    Buf b = buf_new(p->c->a);
    expect(p, "\"");
    if (p->failed) return "";
    for (; *p->s && *p->s != '"'; p->s++) {
        bool escape = *p->s == '\\' && p->s[1];
        if (escape) p->s++;
        buf_putc(&b, escape && *p->s == 'n' ? '\n' : *p->s);
    }
    if (*p->s) p->s++;
    else fail(p, "the text has no closing quote");
    return buf_text(&b);
}

static Sym read_name(Parser *p) {
    if (p->failed) return 0;
    cursor_blank(&p->s);
    Sym s = *p->s == '"' ? intern(p->c->syms, read_string(p)) : cursor_name(p->c->syms, &p->s);
    if (!s) fail(p, "a name is expected here");
    return s;
}

static int64_t read_int(Parser *p, int64_t least, int64_t most) {
    int64_t v = least;
    if (!p->failed && (!cursor_int(&p->s, &v) || v < least || v > most))
        fail(p, "a whole number is expected here");
    return v;
}

/* Small enough for what is printed to be read again. */
static bool aff_small(Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (a.term[i].k > MAX_FACTOR || a.term[i].k < -MAX_FACTOR) return false;
    return a.c >> MAX_CONST_BITS == 0 || a.c >> MAX_CONST_BITS == -1;
}

static bool cons_small(Cons c) {
    if (c.kind != CONS_not) return aff_small(c.e);
    for (uint32_t i = 0; i < c.nof; i++)
        if (!cons_small(c.of[i])) return false;
    return true;
}

static Aff read_aff(Parser *p) {
    Aff a = aff_const(0);
    if (!p->failed && (!cursor_aff(p->p->aff, p->c->syms, &p->s, &a) || !aff_small(a)))
        fail(p, "an index expression is expected here");
    return a;
}

static bool try_cons(Parser *p, Cons *out) {
    return cursor_cons(p->p->aff, p->c->a, p->c->syms, &p->s, out) && cons_small(*out);
}

static Fx read_fx(Parser *p) {
    Fx f = p->failed ? 0 : fx_parse(p->p->fx, p->c->syms, &p->s);
    if (!f) fail(p, "an expression is expected here");
    return f;
}

/* ` word value` where the word is next, else 0. */
static Fx read_clause(Parser *p, const char *word) { return accept(p, word) ? read_fx(p) : 0; }

/* ---- names of what was declared */
static uint32_t find_fam(Parser *p) {
    Sym s = read_name(p);
    for (uint32_t i = 0; i < p->p->fam.len; i++)
        if (p->p->fam.data[i].name == s && s) return i;
    fail(p, "there is no family `%s`", sym_text(p->c->syms, s));
    return 0;
}

static uint32_t find_input(Parser *p) {
    Sym s = read_name(p);
    for (uint32_t i = 0; i < p->p->input.len; i++)
        if (p->p->input.data[i].name == s && s) return i;
    fail(p, "there is no input `%s`", sym_text(p->c->syms, s));
    return 0;
}

static DefId find_def(Parser *p, Sym s) {
    for (DefId d = 1; d < p->p->def.len; d++)
        if (p->p->def.data[d].name == s && s) return d;
    fail(p, "there is no definition `%s`", sym_text(p->c->syms, s));
    return 0;
}

/* ---- lists */
static const Aff *read_idx(Parser *p, uint32_t *n) {
    VEC(Aff) idx = {0};
    if (accept(p, "[")) {
        do vec_push(p->c->a, &idx, read_aff(p));
        while (accept(p, ","));
        expect(p, "]");
    }
    *n = idx.len;
    return idx.data;
}

static Use read_use(Parser *p) {
    cursor_blank(&p->s);
    Use u = {.span = {p->file, here(p), here(p)}};
    u.d = find_def(p, read_name(p));
    u.span.hi = here(p);
    UseCount n = {.d = u.d, .at = u.span.lo};
    u.idx = read_idx(p, &n.n);
    vec_push(p->c->a, &p->use, n);
    return u;
}

static void read_uses(Parser *p, Def *d) {
    VEC(Use) use = {0};
    do vec_push(p->c->a, &use, read_use(p));
    while (accept(p, ","));
    d->use = use.data;
    d->nuse = use.len;
}

static const Dim *read_dims(Parser *p, uint32_t *n) {
    VEC(Dim) dim = {0};
    do {
        Dim d = {.var = read_name(p)};
        expect(p, "in");
        d.lo = read_aff(p);
        expect(p, "..");
        d.hi = read_aff(p);
        vec_push(p->c->a, &dim, d);
    } while (accept(p, ","));
    *n = dim.len;
    return dim.data;
}

/* ---- sums */
/* [cons & ..]: what stands in brackets here is no index, which is written ([l]). */
static void read_guard(Parser *p, Arm *a) {
    ConsVec cons = {0};
    Cons c;
    if (p->failed || !accept(p, "[")) return;
    do {
        if (!try_cons(p, &c)) {
            fail(p, "a condition is expected here");
            return;
        }
        vec_push(p->c->a, &cons, c);
    } while (accept(p, "&"));
    expect(p, "]");
    a->cons = cons.data;
    a->ncons = cons.len;
}

/* One token, or what stands in parentheses: the text alone is read, so that `*` ends it. */
static Fx read_coef(Parser *p) {
    if (p->failed) return 0;
    cursor_blank(&p->s);
    const char *end = p->s;
    int open = 0;
    do {
        open += (*end == '(') - (*end == ')');
        if (*end) end++;
    } while (*end && (open ? true : *p->s != '(' && !strchr(" *", *end)));
    const char *text = arena_strndup(p->c->a, p->s, (size_t)(end - p->s)), *at = text;
    Fx f = fx_parse(p->p->fx, p->c->syms, &at);
    cursor_blank(&at);
    if (!f || *at) fail(p, "a coefficient is expected here");
    p->s = end;
    expect(p, "*");
    return f;
}

static void read_arms(Parser *p, Def *d) {
    VEC(Arm) arm = {0};
    cursor_blank(&p->s);
    if (!*p->s) return;
    do {
        Arm a = {0};
        if (accept(p, "sum(")) {
            a.red = read_dims(p, &a.nred);
            expect(p, ")");
        }
        read_guard(p, &a);
        a.coef = read_coef(p);
        a.use = read_use(p);
        vec_push(p->c->a, &arm, a);
    } while (accept(p, "+"));
    d->arm = arm.data;
    d->narm = arm.len;
}

/* ---- lines */
static void read_size(Parser *p, Sym name) {
    if (!accept(p, "size")) return;
    int64_t least = INT64_MIN, most = (int64_t)1 << MAX_CONST_BITS;
    if (accept(p, "least")) least = read_int(p, -most, most);
    if (!p->failed) affctx_size(p->p->aff, name, least);
}

static void line_input(Parser *p) {
    InputDecl d = {.name = read_name(p)};
    VEC(Sym) size = {0};
    if (accept(p, "[")) {
        do {
            Sym s = read_name(p);
            read_size(p, s);
            vec_push(p->c->a, &size, s);
        } while (accept(p, ","));
        expect(p, "]");
    }
    d.npos = size.len;
    d.size = size.data;
    vec_push(p->c->a, &p->p->input, d);
}

static void line_hyper(Parser *p) {
    Hyper h = {.name = read_name(p)};
    expect(p, ":");
    h.kind = (HyperKind)pick(p, hyper_kind_word, NHYPER_WORD);
    if (h.kind == HYPER_int) read_size(p, h.name);
    h.fixed = accept(p, "fixed");
    h.given = accept(p, "given");
    if (!p->failed && cursor_is(&p->s, "\"")) h.text = read_string(p);
    h.init = read_clause(p, "=");
    vec_push(p->c->a, &p->p->hyper, h);
}

static void line_fact(Parser *p) {
    Cons c;
    if (try_cons(p, &c)) affctx_fact(p->p->aff, c);
    else fail(p, "a condition is expected here");
}

static void line_fam(Parser *p) {
    Fam f = {.name = read_name(p)};
    if (accept(p, "[")) {
        f.nindex = (uint32_t)read_int(p, 1, 1000);
        expect(p, "]");
    }
    expect(p, ":");
    f.kind = (FamKind)pick(p, fam_word, NFAM_WORD);
    f.s2 = read_clause(p, "~");
    f.lr = read_clause(p, "lr");
    f.rows = read_clause(p, "rows");
    f.cols = read_clause(p, "cols");
    f.trained = accept(p, "trained");
    f.lr_given = accept(p, "given");
    vec_push(p->c->a, &p->p->fam, f);
}

static void line_check(Parser *p) {
    Check c = {.kind = (CheckKind)pick(p, check_kind_word, NCHECK_WORD)};
    c.what = read_string(p);
    expect(p, "=");
    c.value = read_fx(p);
    vec_push(p->c->a, &p->p->check, c);
}

static ProgramOp read_op(Parser *p, bool *mu) {
    static const char *const word[PO_COUNT] = {
#define PO(name, rank, text) #name,
#include "program/program.def"
    };
    *mu = accept(p, "mu");
    return *mu ? PO_lin : (ProgramOp)pick(p, word, PO_COUNT);
}

static void read_member(Parser *p, Def *d) {
    d->fam = find_fam(p);
    d->fidx = read_idx(p, &d->nfidx);
}

static void read_value(Parser *p, Def *d) {
    switch (d->op) {
    case PO_input: d->input = find_input(p); break;
    case PO_basis:
        d->basis = read_aff(p);
        expect(p, "of");
        d->input = find_input(p);
        break;
    case PO_one: break;
    case PO_param: read_member(p, d); break;
    case PO_matmul:
        d->transposed = accept(p, "transposed");
        read_member(p, d);
        expect(p, "of");
        read_uses(p, d);
        break;
    case PO_lin:
    case PO_output: read_arms(p, d); break;
    case PO_nonlin:
    case PO_inner:
        d->f = read_fx(p);
        expect(p, "of");
        read_uses(p, d);
        break;
    }
}

static void line_def(Parser *p) {
    cursor_blank(&p->s);
    Def d = {.span = {p->file, here(p), here(p)}};
    d.name = read_name(p);
    d.span.hi = here(p);
    if (accept(p, "[")) {
        d.dim = read_dims(p, &d.ndim);
        expect(p, "]");
    }
    bool width = accept(p, "width"), none = width && accept(p, "none");
    if (width && !none) d.width = read_fx(p);
    expect(p, "=");
    if (p->failed) return;
    d.op = read_op(p, &d.mu);
    if (!width && width_is_one(d.op)) d.width = fx_rat(p->p->fx, 1, 1);
    if (!p->failed) read_value(p, &d);
    p->p->def.data[p->next++] = d;
}

static void line_out(Parser *p) {
    if (p->has_out) fail(p, "there is an output already");
    Use u = read_use(p);
    p->p->out = u.d;
    p->p->out_idx = u.idx;
    if (accept(p, "for")) p->p->out_dim = read_dims(p, &p->p->nout_dim);
    p->has_out = true;
}

static void read_line(Parser *p) {
    static const struct {
        const char *word;
        void (*read)(Parser *p);
    } kind[] = {{"def", line_def}, {"input", line_input}, {"hyper", line_hyper}, {"fam", line_fam},
                {"fact", line_fact}, {"check", line_check}, {"out", line_out}};
    enum { N = sizeof kind / sizeof *kind };
    cursor_blank(&p->s);
    if (!*p->s) return;
    uint32_t k = 0;
    if (!p->p->name) {
        expect(p, "program");
        p->p->name = read_name(p);
    } else {
        while (k < N && !accept(p, kind[k].word)) k++;
        if (k < N) kind[k].read(p);
        else fail(p, "a declaration or definition is expected here");
    }
    cursor_blank(&p->s);
    if (*p->s) fail(p, "the end of the line is expected here");
}

/* Up to a comment, which no quotes hide. */
static size_t line_length(const char *s) {
    bool quoted = false;
    size_t n = 0;
    for (; s[n] && s[n] != '\n' && (quoted || s[n] != ';'); n++) {
        if (s[n] == '"') quoted = !quoted;
        if (quoted && s[n] == '\\' && s[n + 1] && s[n + 1] != '\n') n++;
    }
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r')) n--;
    return n;
}

static void each_line(Parser *p, const char *text, void (*f)(Parser *p)) {
    const char *s = text;
    while (*s && !p->failed) {
        p->line = p->s = arena_strndup(p->c->a, s, line_length(s));
        p->at = (uint32_t)(s - text);
        f(p);
        s += strcspn(s, "\n");
        if (*s) s++;
    }
}

/* First walk: the names of the definitions, so that a mu may read a later one. */
static void declare(Parser *p) {
    if (!accept(p, "def")) return;
    Sym s = read_name(p);
    for (DefId d = 1; d < p->p->def.len; d++)
        if (p->p->def.data[d].name == s) fail(p, "`%s` is defined twice", sym_text(p->c->syms, s));
    vec_push(p->c->a, &p->p->def, (Def){.name = s});
}

static void check_uses(Parser *p) {
    for (uint32_t i = 0; i < p->use.len; i++) {
        const UseCount *u = &p->use.data[i];
        const Def *d = &p->p->def.data[u->d];
        if (u->n != d->ndim)
            fail_at(p, u->at, "`%s` has %u dims, not %u", sym_text(p->c->syms, d->name), d->ndim,
                    u->n);
    }
}

bool program_parse(Ctx *c, const char *text, uint32_t file, Program **out) {
    Parser p = {.c = c, .file = file, .next = 1};
    p.p = ARENA_NEW(c->a, Program);
    p.p->aff = affctx_new(c->a, c->syms);
    p.p->fx = fxpool_new(c->a, p.p->aff);
    vec_push(c->a, &p.p->def, (Def){0});
    each_line(&p, text, declare);
    each_line(&p, text, read_line);
    if (!p.p->name) fail(&p, "`program` and its name are expected here");
    if (!p.has_out) fail(&p, "there is no output");
    check_uses(&p);
    *out = p.p;
    return !p.failed;
}

/* Reading the text form of a program: one line a hyperparameter, family, check or definition. */
#include "diag/diag.h"
#include "program/cursor.h"
#include "program/program.h"

typedef VEC(const char *) Texts;

typedef struct Reader {
    Ctx *c;
    Arena *a;
    Program *p;
    const char *text, *s; /* the whole, and here */
    uint32_t file;
    uint32_t nout_idx;
    const char *want; /* what was expected where it stopped */
} Reader;

static bool want(Reader *r, const char *what) {
    if (!r->want) r->want = what;
    return false;
}

static bool take(Reader *r, const char *t) { return cursor_take(&r->s, t) || want(r, t); }

static Span span_here(Reader *r) {
    uint32_t at = (uint32_t)(r->s - r->text);
    return (Span){r->file, at, at};
}

static bool read_name(Reader *r, Sym *out) {
    *out = cursor_name(r->c->syms, &r->s);
    return *out || want(r, "a name");
}

static DefId def_named(const Program *p, Sym s) {
    for (uint32_t i = 1; i < p->def.len; i++)
        if (p->def.data[i].name == s) return i;
    return 0;
}

static uint32_t def_find(void *ctx, Sym name) { return def_named(ctx, name); }

static bool read_fx(Reader *r, Fx *out) {
    FxNames names = {.find = def_find, .ctx = r->p};
    *out = fx_parse_named(r->p->fx, r->c->syms, &r->s, &names);
    return *out || want(r, "an expression");
}

static bool read_aff(Reader *r, Aff *out) {
    return cursor_aff(r->p->aff, r->c->syms, &r->s, out) || want(r, "an index");
}

static bool read_count(Reader *r, uint32_t *out) {
    int64_t v;
    if (!cursor_int(&r->s, &v) || v < 0 || v > UINT32_MAX) return want(r, "a count");
    *out = (uint32_t)v;
    return true;
}

/* One of n words; the words must not be prefixes of each other's tokens. */
static bool read_word(Reader *r, const char *const *word, uint32_t n, uint32_t *out) {
    for (*out = 0; *out < n; ++*out)
        if (cursor_take(&r->s, word[*out])) return true;
    return want(r, word[0]);
}

static bool read_quoted(Reader *r, const char **out) {
    Buf b = buf_new(r->a);
    if (!take(r, "\"")) return false;
    while (*r->s && *r->s != '"' && *r->s != '\n') {
        char ch = *r->s++;
        if (ch == '\\' && *r->s) {
            ch = *r->s++;
            if (ch == 'n') ch = '\n';
        }
        buf_putc(&b, ch);
    }
    *out = buf_text(&b);
    return take(r, "\"");
}

/* ---- pieces of definitions */
static bool read_dims(Reader *r, const char *end, const Dim **out, uint32_t *n, uint32_t *wrap) {
    VEC(Dim) v = {0};
    uint32_t wraps = 0;
    do {
        Dim d;
        if (!read_name(r, &d.var) || !take(r, "in") || !read_aff(r, &d.lo) || !take(r, "..") ||
            !read_aff(r, &d.hi))
            return false;
        if (v.len < 32 && cursor_take(&r->s, "wrap")) wraps |= 1u << v.len;
        vec_push(r->a, &v, d);
    } while (cursor_take(&r->s, ","));
    *out = v.data;
    *n = v.len;
    if (wrap) *wrap = wraps;
    else if (wraps) return want(r, "a range");
    return !end || take(r, end);
}

static bool read_index(Reader *r, const Aff **out, uint32_t *n) {
    VEC(Aff) v = {0};
    *n = 0;
    *out = NULL;
    if (!cursor_take(&r->s, "[")) return true;
    do {
        Aff a;
        if (!read_aff(r, &a)) return false;
        vec_push(r->a, &v, a);
    } while (cursor_take(&r->s, ","));
    *out = v.data;
    *n = v.len;
    return take(r, "]");
}

static bool read_use(Reader *r, Use *out) {
    Sym s;
    uint32_t n;
    out->span = span_here(r);
    if (!read_name(r, &s)) return false;
    out->d = def_named(r->p, s);
    if (!out->d) return want(r, "the name of a definition");
    if (!read_index(r, &out->idx, &n)) return false;
    return n == r->p->def.data[out->d].ndim || want(r, "one index for each dim");
}

static bool read_cons(Reader *r, Arm *a) {
    ConsVec v = {0};
    do {
        Cons c;
        if (!cursor_cons(r->p->aff, r->a, r->c->syms, &r->s, &c)) return want(r, "a condition");
        vec_push(r->a, &v, c);
    } while (cursor_take(&r->s, "&"));
    a->cons = v.data;
    a->ncons = v.len;
    return take(r, "]");
}

static bool read_arm(Reader *r, Arm *a) {
    *a = (Arm){.coef = fx_rat(r->p->fx, 1, 1)};
    if (cursor_take(&r->s, "sum(") && !read_dims(r, ")", &a->red, &a->nred, NULL)) return false;
    if (cursor_take(&r->s, "[") && !read_cons(r, a)) return false;
    if (cursor_take(&r->s, "(")) {
        if (!read_fx(r, &a->coef) || !take(r, ")")) return false;
        if (!cursor_take(&r->s, "*")) return true; /* a scalar's */
    }
    return read_use(r, &a->use);
}

static bool read_arms(Reader *r, Def *d) {
    VEC(Arm) v = {0};
    if (cursor_take(&r->s, "0")) return true;
    do {
        Arm a;
        if (!read_arm(r, &a)) return false;
        vec_push(r->a, &v, a);
    } while (cursor_take(&r->s, "+"));
    d->arm = v.data;
    d->narm = v.len;
    return true;
}

static bool read_operands(Reader *r, Def *d) {
    VEC(Use) v = {0};
    do {
        Use u;
        if (!read_use(r, &u)) return false;
        vec_push(r->a, &v, u);
    } while (cursor_take(&r->s, ","));
    d->use = v.data;
    d->nuse = v.len;
    return true;
}

static bool read_uses(Reader *r, Def *d) {
    return read_fx(r, &d->f) && take(r, "of") && read_operands(r, d);
}

static bool read_softmax(Reader *r, Def *d) {
    return take(r, "over") && read_count(r, &d->over) && read_arms(r, d);
}

static bool read_member(Reader *r, Def *d) {
    Sym s;
    if (!read_name(r, &s)) return false;
    size_t n = strlen(sym_text(r->c->syms, s));
    if (n && sym_text(r->c->syms, s)[n - 1] == '\'') { /* W' : the prime is no part of the name */
        d->transposed = true;
        s = intern_n(r->c->syms, sym_text(r->c->syms, s), n - 1);
    }
    for (d->fam = 0; d->fam < r->p->fam.len; d->fam++)
        if (r->p->fam.data[d->fam].name == s) return read_index(r, &d->fidx, &d->nfidx);
    return want(r, "the name of a family");
}

static bool read_product(Reader *r, Def *d) {
    Use *u = ARENA_NEW(r->a, Use);
    if (!read_member(r, d) || !take(r, "*") || !read_use(r, u)) return false;
    d->use = u;
    d->nuse = 1;
    return true;
}

static bool read_body(Reader *r, Def *d) {
    static const char *const word[] = {
#define PO(name, rank, text) [PO_##name] = #name,
#include "program/program.def"
        [PO_COUNT] = "mu"};
    uint32_t op;
    if (!read_word(r, word, PO_COUNT + 1, &op)) return false;
    d->mu = op == PO_COUNT;
    if (d->mu) op = cursor_take(&r->s, "scalar") ? PO_scalar : PO_lin;
    d->op = (ProgramOp)op;
    if (d->op == PO_input || d->op == PO_basis || program_op_is_scalar(d->op)) d->width = 0;
    switch (d->op) {
    case PO_input: return read_count(r, &d->input);
    case PO_basis: return read_count(r, &d->input) && read_aff(r, &d->basis);
    case PO_one: return true;
    case PO_param:
    case PO_noise: return read_member(r, d);
    case PO_data: return read_count(r, &d->input);
    case PO_second:
    case PO_mean:
    case PO_grad: return read_operands(r, d);
    case PO_softmax: return read_softmax(r, d);
    case PO_matmul: return read_product(r, d);
    case PO_lin:
    case PO_scalar:
    case PO_output: return read_arms(r, d);
    case PO_nonlin:
    case PO_inner: return read_uses(r, d);
    }
    return false;
}

/* ---- lines */
static bool read_hyper(Reader *r) {
    static const char *const word[] = {"real", "int", "fn", "word"};
    Hyper h = {.span = span_here(r)};
    uint32_t kind;
    if (!read_name(r, &h.name) || !take(r, ":") || !read_word(r, word, 4, &kind)) return false;
    h.kind = (HyperKind)kind;
    h.given = cursor_take(&r->s, "given");
    h.fixed = cursor_take(&r->s, "fixed");
    if (h.kind == HYPER_int) affctx_size(r->p->aff, h.name, INT64_MIN);
    if (cursor_take(&r->s, "=")) {
        bool number = h.kind == HYPER_real || h.kind == HYPER_int;
        if (!(number ? read_fx(r, &h.init) : read_quoted(r, &h.text))) return false;
    }
    vec_push(r->a, &r->p->hyper, h);
    return true;
}

static bool read_family(Reader *r, FamKind kind) {
    Fam f = {.kind = kind, .span = span_here(r)};
    f.rows = f.cols = fx_rat(r->p->fx, 1, 1);
    if (!read_name(r, &f.name)) return false;
    if (cursor_take(&r->s, "[") && (!read_count(r, &f.nindex) || !take(r, "]"))) return false;
    if (!take(r, ":")) return false;
    if (kind == FAM_noise) {
        f.law = cursor_take(&r->s, "bernoulli") ? NOISE_bernoulli : NOISE_normal;
        if (f.law == NOISE_normal && !take(r, "normal")) return false;
    } else {
        f.trained = cursor_take(&r->s, "param");
        if (!f.trained && !take(r, "random")) return false;
    }
    if (!take(r, "s2") || !take(r, "=") || !read_fx(r, &f.s2)) return false;
    if (!take(r, ",") || !take(r, "lr") || !take(r, "=") || !read_fx(r, &f.lr)) return false;
    f.lr_given = cursor_take(&r->s, "given");
    while (cursor_take(&r->s, ",")) {
        bool rows = cursor_take(&r->s, "rows");
        if (!rows && !take(r, "cols")) return false;
        if (!take(r, "=") || !read_fx(r, rows ? &f.rows : &f.cols)) return false;
    }
    if (kind != FAM_matrix) f.cols = 0;
    vec_push(r->a, &r->p->fam, f);
    return true;
}

static bool read_check(Reader *r) {
    static const char *const word[] = {"finite", "nonneg", "positive"};
    Check k = {.span = span_here(r)};
    uint32_t kind;
    if (!read_word(r, word, 3, &kind) || !read_fx(r, &k.value) || !read_quoted(r, &k.what))
        return false;
    k.kind = (CheckKind)kind;
    const FxNode *n = fx_node(r->p->fx, k.value);
    if (k.kind == CHECK_nonneg && n->op == FX_index && aff_size_only(r->p->aff, n->aff))
        affctx_fact(r->p->aff, cons_ge(n->aff));
    vec_push(r->a, &r->p->check, k);
    return true;
}

static bool read_size(Reader *r) {
    static const char *const word[] = {"position", "floor", "max", "min"};
    SizeDef z = {.span = span_here(r)};
    uint32_t kind;
    int64_t k = 0;
    if (!read_name(r, &z.name) || !take(r, "=") || !read_word(r, word, 4, &kind)) return false;
    z.kind = (SizeKind)kind;
    if (z.kind != SIZE_position && (!take(r, "(") || !read_aff(r, &z.a) || !take(r, ")")))
        return false;
    if (z.kind == SIZE_floor && (!take(r, "/") || !cursor_int(&r->s, &k) || k < 1 || k > INT32_MAX))
        return want(r, "a divisor");
    if ((z.kind == SIZE_max || z.kind == SIZE_min) &&
        (!take(r, ",") || !take(r, "(") || !read_aff(r, &z.b) || !take(r, ")")))
        return false;
    z.k = (int32_t)k;
    vec_push(r->a, &r->p->size, z);
    program_size_facts(r->p->aff, &z);
    return true;
}

static bool read_input(Reader *r, bool is_data) {
    InputDecl d = {.span = span_here(r), .is_data = is_data};
    if (!read_name(r, &d.name) || !read_index(r, &d.size, &d.npos)) return false;
    vec_push(r->a, &r->p->input, d);
    return true;
}

/* First pass: the name and dims of a definition; the body is read once all names are known. */
static bool read_head(Reader *r, Texts *body) {
    Def d = {.span = span_here(r), .width = fx_rat(r->p->fx, 1, 1)};
    if (!read_name(r, &d.name)) return false;
    if (def_named(r->p, d.name)) return want(r, "a name that is not taken");
    if (cursor_take(&r->s, "[") && !read_dims(r, "]", &d.dim, &d.ndim, &d.wrap)) return false;
    if (cursor_take(&r->s, "data"))
        d.width = 0;
    else if (cursor_take(&r->s, "width") &&
             (!take(r, "(") || !read_fx(r, &d.width) || !take(r, ")")))
        return false;
    if (!take(r, "=")) return false;
    vec_push(r->a, &r->p->def, d);
    vec_push(r->a, body, r->s);
    r->s += strcspn(r->s, "\n");
    return true;
}

static bool read_return(Reader *r, Sym *out) {
    Program *p = r->p;
    if (!read_name(r, out) || !read_index(r, &p->out_idx, &r->nout_idx)) return false;
    return !cursor_take(&r->s, "for") || read_dims(r, NULL, &p->out_dim, &p->nout_dim, NULL);
}

static bool read_line(Reader *r, Texts *body, Sym *out) {
    if (cursor_take(&r->s, "program")) {
        r->p->is_program = true;
        return read_name(r, &r->p->name);
    }
    if (cursor_take(&r->s, "network")) return read_name(r, &r->p->name);
    if (cursor_take(&r->s, "size")) return read_size(r);
    if (cursor_take(&r->s, "input")) return read_input(r, false);
    if (cursor_take(&r->s, "data")) return read_input(r, true);
    if (cursor_take(&r->s, "noise")) return read_family(r, FAM_noise);
    if (cursor_take(&r->s, "hyper")) return read_hyper(r);
    if (cursor_take(&r->s, "matrix")) return read_family(r, FAM_matrix);
    if (cursor_take(&r->s, "input_matrix")) return read_family(r, FAM_input_matrix);
    if (cursor_take(&r->s, "vector")) return read_family(r, FAM_vector);
    if (cursor_take(&r->s, "check")) return read_check(r);
    if (cursor_take(&r->s, "def")) return read_head(r, body);
    if (cursor_take(&r->s, "return")) return read_return(r, out);
    return want(r, "`hyper`, `matrix`, `def` or another line");
}

static bool line_end(Reader *r) {
    cursor_blank(&r->s);
    if (*r->s == ';') r->s += strcspn(r->s, "\n"); /* a comment */
    if (*r->s && *r->s != '\n') return want(r, "the end of the line");
    if (*r->s) r->s++;
    return true;
}

static bool read_all(Reader *r) {
    Texts body = {0};
    Sym out = 0;
    while (*r->s) {
        cursor_blank(&r->s);
        if (*r->s && *r->s != '\n' && *r->s != ';' && !read_line(r, &body, &out)) return false;
        if (!line_end(r)) return false;
    }
    const char *end = r->s;
    for (uint32_t i = 0; i < body.len; i++) {
        Def d = r->p->def.data[i + 1];
        r->s = body.data[i];
        if (!read_body(r, &d) || !line_end(r)) return false;
        r->p->def.data[i + 1] = d;
    }
    r->s = end;
    r->p->out = out ? def_named(r->p, out) : 0;
    if (r->p->out && r->p->def.data[r->p->out].ndim != r->nout_idx)
        return want(r, "one index for each dim of the returned definition");
    return r->p->out || want(r, "`return` and the name of a definition");
}

bool program_parse(Ctx *c, const char *text, uint32_t file, Program **out) {
    Reader r = {.c = c, .a = c->a, .p = ARENA_NEW(c->a, Program), .text = text, .s = text,
                .file = file};
    r.p->aff = affctx_new(c->a, c->syms);
    r.p->fx = fxpool_new(c->a, r.p->aff);
    vec_push(c->a, &r.p->def, (Def){0});
    *out = r.p;
    if (read_all(&r)) return true;
    diag(c->ds, program_text, span_here(&r),
         arena_printf(c->a, "expected %s", r.want ? r.want : "a line"));
    return false;
}

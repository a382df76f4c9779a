/* Expressions as text, both ways.  Levels are those of the language. */
#include "program/fx_impl.h"
#include "program/cursor.h"
#include <math.h>
#include <stdio.h>

enum { L_IF, L_OR, L_AND, L_NOT, L_CMP, L_ADD, L_MUL, L_NEG, L_POW, L_ATOM };
enum { MAX_NEST = 500 };

static const uint8_t level_of[FX_COUNT] = {
    [FX_if] = L_IF,   [FX_or] = L_OR,   [FX_and] = L_AND, [FX_not] = L_NOT,
    [FX_gt] = L_CMP,  [FX_ge] = L_CMP,  [FX_eq] = L_CMP,  [FX_add] = L_ADD,
    [FX_sub] = L_ADD, [FX_mul] = L_MUL, [FX_div] = L_MUL, [FX_neg] = L_NEG,
    [FX_pow] = L_POW,
};

/* Operations written as name(a) or name(a, b). */
static bool is_function(FxOp op) { return fx_arity(op) > 0 && !level_of[op] && op != FX_if; }

/* ---- printing */
typedef struct Printer {
    const FxPool *p;
    const Intern *syms;
    Buf *b;
    const FxNames *names;
} Printer;

static bool numbered(const char *s, const char *prefix) {
    size_t n = strlen(prefix);
    if (strncmp(s, prefix, n) || !s[n]) return false;
    return strspn(s + n, "0123456789") == strlen(s + n);
}

/* Names that fx_parse would read as something else. */
static bool is_reserved(const char *s) {
    static const char *const word[] = {"if", "then", "else", "hyper", "dim", "inf", "nan",
                                       "and", "or", "not"};
    if (numbered(s, "u") || numbered(s, "th")) return true;
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (!strcmp(s, word[i])) return true;
    for (int op = 0; op < FX_COUNT; op++)
        if (is_function((FxOp)op) && !strcmp(s, fx_text((FxOp)op))) return true;
    return false;
}

/* Number of decimals after which p / q ends, at most 15; -1: it does not end. */
static int decimals_of(int64_t q) {
    int twos = 0, fives = 0;
    while (q % 2 == 0) q /= 2, twos++;
    while (q % 5 == 0) q /= 5, fives++;
    int n = twos > fives ? twos : fives;
    return q == 1 && n <= 15 ? n : -1;
}

static void print_decimal(Buf *b, int64_t p, int64_t q, int n) {
    __int128 v = p < 0 ? -(__int128)p : p;
    char digit[64];
    int len = 0;
    for (int i = 0; i < n; i++) v *= 10;
    for (v /= q; v || len <= n; v /= 10) digit[len++] = (char)('0' + (int)(v % 10));
    if (p < 0) buf_putc(b, '-');
    while (len) {
        buf_putc(b, digit[--len]);
        if (len == n) buf_putc(b, '.');
    }
}

static int num_level(const FxNode *n) {
    if (n->q > 1 && decimals_of(n->q) < 0) return L_MUL;
    return signbit(n->num) && !isnan(n->num) ? L_NEG : L_ATOM;
}

static void print_num(Buf *b, const FxNode *n) {
    if (n->q == 1)
        buf_printf(b, "%lld", (long long)n->p);
    else if (n->q && decimals_of(n->q) >= 0)
        print_decimal(b, n->p, n->q, decimals_of(n->q));
    else if (n->q)
        buf_printf(b, "%lld/%lld", (long long)n->p, (long long)n->q);
    else if (isinf(n->num))
        buf_puts(b, n->num < 0 ? "-inf" : "inf");
    else if (isnan(n->num))
        buf_puts(b, "nan");
    else
        buf_hex(b, n->num);
}

static void print(Printer *t, Fx f, int least);

static void print_args(Printer *t, const FxNode *n) {
    buf_putc(t->b, '(');
    for (uint32_t i = 0; i < fx_arity(n->op); i++) {
        if (i) buf_puts(t->b, ", ");
        print(t, n->arg[i], L_IF);
    }
    buf_putc(t->b, ')');
}

static void print_operator(Printer *t, const FxNode *n, int level) {
    if (n->op == FX_if) {
        buf_puts(t->b, "if ");
        print(t, n->arg[0], L_OR);
        buf_puts(t->b, " then ");
        print(t, n->arg[1], L_IF);
        buf_puts(t->b, " else ");
        print(t, n->arg[2], L_IF);
    } else if (fx_arity(n->op) == 1) {
        buf_puts(t->b, n->op == FX_not ? "not " : "-");
        print(t, n->arg[0], level);
    } else if (n->op == FX_pow) { /* groups to the right */
        print(t, n->arg[0], L_ATOM);
        buf_putc(t->b, '^');
        print(t, n->arg[1], L_POW);
    } else {
        print(t, n->arg[0], level == L_CMP ? level + 1 : level);
        buf_printf(t->b, " %s ", fx_text(n->op));
        print(t, n->arg[1], level + 1);
    }
}

static void print_sref(Printer *t, const FxNode *n) {
    Sym name = t->names ? t->names->name(t->names->ctx, n->k) : 0;
    if (name) buf_printf(t->b, "$%s", sym_text(t->syms, name));
    else buf_printf(t->b, "$%u", n->k);
    for (uint32_t i = 0; i < n->nidx; i++) {
        buf_puts(t->b, i ? ", " : "[");
        aff_print(t->syms, t->b, n->idx[i]);
    }
    if (n->nidx) buf_putc(t->b, ']');
}

static void print_leaf(Printer *t, const FxNode *n) {
    Buf *b = t->b;
    if (n->op == FX_num) {
        print_num(b, n);
    } else if (n->op == FX_leaf) {
        buf_printf(b, "u%u", n->k);
    } else if (n->op == FX_theta) {
        buf_printf(b, "th%u", n->k);
    } else if (n->op == FX_dim) {
        buf_printf(b, "dim(%u)", n->k);
    } else if (n->op == FX_hyper) {
        const char *s = sym_text(t->syms, n->k);
        buf_printf(b, is_reserved(s) ? "hyper(%s)" : "%s", s);
    } else if (n->op == FX_index) {
        buf_putc(b, '[');
        aff_print(t->syms, b, n->aff);
        buf_putc(b, ']');
    } else {
        print_sref(t, n);
    }
}

static void print(Printer *t, Fx f, int least) {
    const FxNode *n = fx_node(t->p, f);
    bool op = fx_arity(n->op) && !is_function(n->op);
    int level = n->op == FX_num ? num_level(n) : op ? level_of[n->op] : L_ATOM;
    if (level < least) buf_putc(t->b, '(');
    if (op) {
        print_operator(t, n, level);
    } else if (fx_arity(n->op)) {
        buf_puts(t->b, fx_text(n->op));
        print_args(t, n);
    } else {
        print_leaf(t, n);
    }
    if (level < least) buf_putc(t->b, ')');
}

void fx_print_named(const FxPool *p, const Intern *syms, Buf *b, Fx f, const FxNames *names) {
    print(&(Printer){p, syms, b, names}, f, L_IF);
}

void fx_print(const FxPool *p, const Intern *syms, Buf *b, Fx f) {
    fx_print_named(p, syms, b, f, NULL);
}

/* ---- parsing: 0 all the way up on an error */
typedef struct Reader {
    FxPool *p;
    Intern *syms;
    const char *s;
    int nest;
    const FxNames *names;
} Reader;

static Fx read_level(Reader *r, int level);

static Fx read_nested(Reader *r, int level) {
    if (r->nest >= MAX_NEST) return 0;
    r->nest++;
    Fx f = read_level(r, level);
    r->nest--;
    return f;
}

static Fx read_number(Reader *r) {
    size_t end, n = strspn(r->s, "0123456789.");
    bool hex = r->s[0] == '0' && (r->s[1] == 'x' || r->s[1] == 'X');
    double v = text_double(r->s, strlen(r->s), &end);
    if (!end) return 0;
    if (!hex && n < end) n = end;
    Fx f = hex ? fx_inexact(r->p, v) : fx_decimal(r->p, r->s, end);
    r->s += end;
    return f;
}

static Fx read_call(Reader *r, FxOp op) {
    Fx arg[3] = {0};
    if (!cursor_take(&r->s, "(")) return 0;
    for (uint32_t i = 0; i < fx_arity(op); i++) {
        if (i && !cursor_take(&r->s, ",")) return 0;
        if (!(arg[i] = read_nested(r, L_IF))) return 0;
    }
    return cursor_take(&r->s, ")") ? fx_op(r->p, op, arg[0], arg[1], arg[2]) : 0;
}

static Fx read_sref(Reader *r) {
    VEC(Aff) idx = {0};
    int64_t k = 0;
    if (*r->s >= '0' && *r->s <= '9') {
        if (!cursor_int(&r->s, &k) || k < 0 || k > UINT32_MAX) return 0;
    } else {
        Sym name = cursor_name(r->syms, &r->s);
        if (name && r->names) k = r->names->find(r->names->ctx, name);
        if (!k) return 0;
    }
    if (!cursor_take(&r->s, "[")) return fx_sref(r->p, (uint32_t)k, NULL, 0);
    do {
        Aff a;
        if (!cursor_aff(r->p->x, r->syms, &r->s, &a)) return 0;
        vec_push(r->p->a, &idx, a);
    } while (cursor_take(&r->s, ","));
    if (!cursor_take(&r->s, "]")) return 0;
    return fx_sref(r->p, (uint32_t)k, idx.data, idx.len);
}

/* u3, th3: the number, or -1. */
static int64_t read_numbered(const char *name, const char *prefix) {
    size_t n = strlen(prefix);
    if (!numbered(name, prefix) || strlen(name) > n + 6) return -1;
    int64_t k = 0;
    for (const char *c = name + n; *c; c++) k = k * 10 + (*c - '0');
    return k;
}

static Fx read_dim(Reader *r) {
    int64_t k;
    if (!cursor_take(&r->s, "(") || !cursor_int(&r->s, &k) || k < 0 || k > UINT32_MAX) return 0;
    return cursor_take(&r->s, ")") ? fx_dim(r->p, (uint32_t)k) : 0;
}

static Fx read_hyper(Reader *r) {
    Sym name;
    if (!cursor_take(&r->s, "(") || !(name = cursor_name(r->syms, &r->s))) return 0;
    return cursor_take(&r->s, ")") ? fx_hyper(r->p, name) : 0;
}

static Fx read_name(Reader *r) {
    Sym name = cursor_name(r->syms, &r->s);
    const char *t = sym_text(r->syms, name);
    int64_t k;
    if ((k = read_numbered(t, "u")) >= 0) return fx_leaf(r->p, (uint32_t)k);
    if ((k = read_numbered(t, "th")) >= 0) return fx_theta(r->p, (uint32_t)k);
    if (!strcmp(t, "inf")) return fx_inexact(r->p, (double)INFINITY);
    if (!strcmp(t, "nan")) return fx_inexact(r->p, (double)NAN);
    if (!strcmp(t, "dim")) return read_dim(r);
    if (!strcmp(t, "hyper")) return read_hyper(r);
    for (int op = 0; op < FX_COUNT; op++)
        if (is_function((FxOp)op) && !strcmp(t, fx_text((FxOp)op))) return read_call(r, (FxOp)op);
    return name && !is_reserved(t) ? fx_hyper(r->p, name) : 0;
}

static Fx read_index(Reader *r) {
    Aff a;
    if (!cursor_aff(r->p->x, r->syms, &r->s, &a) || !cursor_take(&r->s, "]")) return 0;
    return fx_index(r->p, a);
}

static Fx read_atom(Reader *r) {
    cursor_blank(&r->s);
    if ((*r->s >= '0' && *r->s <= '9') || *r->s == '.') return read_number(r);
    if (cursor_take(&r->s, "(")) {
        Fx f = read_nested(r, L_IF);
        return f && cursor_take(&r->s, ")") ? f : 0;
    }
    if (cursor_take(&r->s, "[")) return read_index(r);
    if (cursor_take(&r->s, "$")) return read_sref(r);
    return read_name(r);
}

static Fx read_pow(Reader *r) {
    Fx a = read_atom(r), b;
    if (!a || !cursor_take(&r->s, "^")) return a;
    return (b = read_nested(r, L_NEG)) ? fx_op(r->p, FX_pow, a, b, 0) : 0;
}

static Fx read_prefix(Reader *r, const char *t, FxOp op, int level) {
    if (!cursor_take(&r->s, t)) return read_level(r, level + 1);
    Fx a = read_nested(r, level);
    return a ? fx_op(r->p, op, a, 0, 0) : 0;
}

static Fx read_if(Reader *r) {
    Fx c, a, b;
    if (!cursor_take(&r->s, "if")) return read_level(r, L_OR);
    if (!(c = read_nested(r, L_OR)) || !cursor_take(&r->s, "then")) return 0;
    if (!(a = read_nested(r, L_IF)) || !cursor_take(&r->s, "else")) return 0;
    return (b = read_nested(r, L_IF)) ? fx_op(r->p, FX_if, c, a, b) : 0;
}

/* The binary operator of `level` that stands here, moved over; FX_num: none. */
static FxOp take_operator(Reader *r, int level) {
    static const FxOp order[] = {FX_ge, FX_gt, FX_eq, FX_add, FX_sub, FX_mul, FX_div, FX_and,
                                 FX_or};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (level_of[order[i]] == level && cursor_take(&r->s, fx_text(order[i]))) return order[i];
    return FX_num;
}

static Fx read_binary(Reader *r, int level) {
    Fx a = read_level(r, level + 1), b;
    FxOp op;
    while (a && (op = take_operator(r, level)) != FX_num) {
        if (!(b = read_level(r, level + 1))) return 0;
        a = fx_op(r->p, op, a, b, 0);
        if (level == L_CMP) break;
    }
    return a;
}

static Fx read_level(Reader *r, int level) {
    if (level == L_IF) return read_if(r);
    if (level == L_NOT) return read_prefix(r, "not", FX_not, level);
    if (level == L_NEG) return read_prefix(r, "-", FX_neg, level);
    if (level == L_POW) return read_pow(r);
    return read_binary(r, level);
}

Fx fx_parse(FxPool *p, Intern *syms, const char **s) { return fx_parse_named(p, syms, s, NULL); }

Fx fx_parse_named(FxPool *p, Intern *syms, const char **s, const FxNames *names) {
    Reader r = {p, syms, *s, 0, names};
    Fx f = read_level(&r, L_IF);
    if (f) *s = r.s;
    return f;
}

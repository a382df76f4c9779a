#include "diag/diag.h"
#include "kernel/parse.h"
#include <stdio.h>

enum { MAX_NOT = 16, MAX_TERMS = 200 };

void kp_fail(KParser *p, const char *fmt, ...) {
    if (p->failed) return;
    p->failed = true;
    va_list ap;
    va_start(ap, fmt);
    char what[256];
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    uint32_t at = (uint32_t)(p->s - p->text);
    diag(p->c->ds, kernel_text, ((Span){p->file, at, at + (*p->s ? 1 : 0)}), what);
}

void kp_space(KParser *p) {
    for (;; p->s++) {
        if (*p->s == ';')
            while (p->s[1] && p->s[1] != '\n') p->s++;
        else if (*p->s != ' ' && *p->s != '\n' && *p->s != '\t' && *p->s != '\r')
            return;
    }
}

bool kp_accept(KParser *p, const char *punct) {
    if (p->failed) return false;
    kp_space(p);
    size_t n = strlen(punct);
    if (strncmp(p->s, punct, n)) return false;
    p->s += n;
    return true;
}

void kp_expect(KParser *p, const char *punct) {
    if (!kp_accept(p, punct)) kp_fail(p, "`%s` is expected here", punct);
}

/* Length of the name that stands at s. */
static size_t name_length(const char *s) {
    size_t n = 0;
    if (digit(*s)) return 0;
    while (name_byte(s[n]) && !(s[n] == '.' && s[n + 1] == '.')) n++;
    return n;
}

bool kp_word(KParser *p, const char *word) {
    if (p->failed) return false;
    kp_space(p);
    size_t n = strlen(word);
    if (name_length(p->s) != n || strncmp(p->s, word, n)) return false;
    p->s += n;
    return true;
}

uint32_t kp_pick(KParser *p, const char *const *words, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (kp_word(p, words[i])) return i;
    return n;
}

const char *kp_string(KParser *p) {
    Buf b = buf_new(p->c->a);
    kp_expect(p, "\"");
    if (p->failed) return "";
    for (; *p->s && *p->s != '"'; p->s++) {
        if (*p->s == '\\' && p->s[1]) {
            p->s++;
            buf_putc(&b, *p->s == 'n' ? '\n' : *p->s);
        } else {
            buf_putc(&b, *p->s);
        }
    }
    if (*p->s != '"') kp_fail(p, "the text has no closing quote");
    else p->s++;
    return buf_text(&b);
}

Sym kp_name(KParser *p) {
    if (p->failed) return 0;
    kp_space(p);
    if (*p->s == '"') return intern(p->c->syms, kp_string(p));
    size_t n = name_length(p->s);
    if (!n) {
        kp_fail(p, "a name is expected here");
        return 0;
    }
    Sym s = intern_n(p->c->syms, p->s, n);
    p->s += n;
    return s;
}

int64_t kp_int(KParser *p) {
    if (p->failed) return 0;
    bool minus = kp_accept(p, "-");
    kp_space(p);
    if (!digit(*p->s)) kp_fail(p, "a whole number is expected here");
    int64_t v = 0;
    for (; digit(*p->s); p->s++) {
        v = 10 * v + (*p->s - '0');
        if (v >> 56) kp_fail(p, "the number is too large");
        if (p->failed) return 0;
    }
    return minus ? -v : v;
}

uint32_t kp_u32(KParser *p) {
    int64_t v = kp_int(p);
    if (v < 0 || v > INT32_MAX) kp_fail(p, "the number is out of range");
    return p->failed ? 0 : (uint32_t)v;
}

double kp_double(KParser *p) {
    if (p->failed) return 0;
    kp_space(p);
    size_t end = 0, n = 0;
    while (n < 64 && (name_byte(p->s[n]) || p->s[n] == '-' || p->s[n] == '+')) n++;
    double v = text_double(p->s, n, &end);
    if (!end) kp_fail(p, "a number is expected here");
    p->s += end;
    return v;
}

static int32_t factor(KParser *p, int64_t v) {
    if (v > INT32_MAX || v < -INT32_MAX) kp_fail(p, "the factor is out of range");
    return p->failed ? 0 : (int32_t)v;
}

/* A name in a form is printed as it is, so that it must read as one. */
static Sym form_name(KParser *p) {
    kp_space(p);
    if (*p->s == '"' || kp_word(p, "not")) kp_fail(p, "a loop variable or size is expected here");
    return kp_name(p);
}

/* integer, name, integer * name */
static Aff aff_term(KParser *p) {
    kp_space(p);
    if (!digit(*p->s)) {
        Sym s = form_name(p);
        return p->failed ? aff_const(0) : aff_name(p->aff, s);
    }
    int64_t v = kp_int(p);
    if (!kp_accept(p, "*")) return aff_const(v);
    int32_t k = factor(p, v);
    Sym s = form_name(p);
    return p->failed ? aff_const(0) : aff_scale(p->aff, aff_name(p->aff, s), k);
}

Aff kp_aff(KParser *p) {
    Aff sum = aff_const(0);
    bool minus = kp_accept(p, "-");
    for (int i = 0; !p->failed; i++) {
        Aff t = aff_term(p);
        sum = minus ? aff_sub(p->aff, sum, t) : aff_add(p->aff, sum, t);
        if (i == MAX_TERMS) kp_fail(p, "the sum is too long");
        minus = false;
        if (kp_accept(p, "-")) minus = true;
        else if (!kp_accept(p, "+")) break;
    }
    return sum;
}

static Cons cons_negated(KParser *p, Cons c) { return cons_not(p->aff, &c, 1); }

static Cons cons_compare(KParser *p) {
    Aff a = kp_aff(p);
    static const char *const op[] = {">=", "<=", "!=", "=", "<", ">"};
    uint32_t k = 0;
    while (k < 6 && !kp_accept(p, op[k])) k++;
    if (k == 6) kp_fail(p, "a comparison is expected here");
    Aff b = kp_aff(p);
    if (p->failed) return cons_ge(aff_const(0));
    switch (k) {
    case 0: return cons_le(p->aff, b, a);
    case 1: return cons_le(p->aff, a, b);
    case 2: return cons_negated(p, cons_eq(p->aff, a, b));
    case 3: return cons_eq(p->aff, a, b);
    case 4: return cons_lt(p->aff, a, b);
    default: return cons_lt(p->aff, b, a);
    }
}

static Cons cons_nested(KParser *p, int depth) {
    if (!kp_word(p, "not")) return cons_compare(p);
    ConsVec of = {0};
    kp_expect(p, "(");
    if (depth > MAX_NOT) kp_fail(p, "too many nested conditions");
    do vec_push(p->c->a, &of, p->failed ? cons_ge(aff_const(0)) : cons_nested(p, depth + 1));
    while (kp_accept(p, "&"));
    kp_expect(p, ")");
    return cons_not(p->aff, of.data, of.len);
}

Cons kp_cons(KParser *p) { return cons_nested(p, 0); }

Fx kp_fx(KParser *p) {
    if (p->failed) return 0;
    size_t n = strcspn(p->s, ";\n");
    const char *line = arena_strndup(p->c->a, p->s, n), *at = line;
    Fx f = fx_parse(p->k->fx, p->c->syms, &at);
    while (*at == ' ' || *at == '\r') at++;
    p->s += at - line;
    if (!f || *at) kp_fail(p, "an expression is expected here");
    return f;
}

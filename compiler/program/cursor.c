#include "program/cursor.h"
#include <stdlib.h>

enum { MAX_COEF = 1 << 30, MAX_NEST = 16 };

void cursor_blank(const char **s) {
    while (**s == ' ' || **s == '\t') ++*s;
}

static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool name_char(char c) { return letter(c) || (c >= '0' && c <= '9') || c == '\''; }

static bool cursor_is(const char **s, const char *t) {
    cursor_blank(s);
    size_t n = strlen(t);
    return !strncmp(*s, t, n) && !(letter(t[n - 1]) && name_char((*s)[n]));
}

bool cursor_take(const char **s, const char *t) {
    if (!cursor_is(s, t)) return false;
    *s += strlen(t);
    return true;
}

/* Letters, digits and primes; a dot between parts, as in `dense.W`. */
Sym cursor_name(Intern *syms, const char **s) {
    cursor_blank(s);
    const char *p = *s;
    if (!letter(*p)) return 0;
    while (name_char(*p) || (*p == '.' && letter(p[1]))) p++;
    Sym name = intern_n(syms, *s, (size_t)(p - *s));
    *s = p;
    return name;
}

bool cursor_int(const char **s, int64_t *out) {
    cursor_blank(s);
    const char *p = *s;
    bool neg = *p == '-';
    if (*p == '-' || *p == '+') p++;
    if (*p < '0' || *p > '9') return false;
    int64_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
            return false;
    *out = neg ? -v : v;
    *s = p;
    return true;
}

static bool cursor_term(AffCtx *x, Intern *syms, const char **s, Aff *out) {
    int64_t k = 1;
    if (cursor_int(s, &k)) {
        if (!cursor_take(s, "*")) {
            *out = aff_const(k);
            return true;
        }
        if (k > MAX_COEF || k < -MAX_COEF) return false;
    }
    Sym name = cursor_name(syms, s);
    if (!name) return false;
    *out = aff_scale(x, aff_name(x, name), (int32_t)k);
    return true;
}

bool cursor_aff(AffCtx *x, Intern *syms, const char **s, Aff *out) {
    Aff sum = aff_const(0), t;
    bool minus = cursor_take(s, "-");
    do {
        if (!cursor_term(x, syms, s, &t)) return false;
        if (llabs(t.c) > INT64_MAX / 4 || llabs(sum.c) > INT64_MAX / 4) return false;
        for (uint32_t i = 0; i < t.nterm; i++) {
            int64_t k = (int64_t)aff_coef(sum, t.term[i].name) + t.term[i].k;
            if (llabs(k) > MAX_COEF) return false;
        }
        sum = minus ? aff_sub(x, sum, t) : aff_add(x, sum, t);
        minus = cursor_take(s, "-");
    } while (minus || cursor_take(s, "+"));
    *out = sum;
    return true;
}

static bool cursor_not(AffCtx *x, Arena *a, Intern *syms, const char **s, Cons *out, int nest) {
    ConsVec of = {0};
    do {
        Cons c;
        if (cursor_take(s, "not(")) {
            if (nest >= MAX_NEST || !cursor_not(x, a, syms, s, &c, nest + 1)) return false;
        } else if (!cursor_cons(x, a, syms, s, &c)) {
            return false;
        }
        vec_push(a, &of, c);
    } while (cursor_take(s, "&"));
    *out = cons_not(x, of.data, of.len);
    return cursor_take(s, ")");
}

bool cursor_cons(AffCtx *x, Arena *a, Intern *syms, const char **s, Cons *out) {
    Aff l, r;
    if (cursor_take(s, "not(")) return cursor_not(x, a, syms, s, out, 0);
    if (!cursor_aff(x, syms, s, &l)) return false;
    if (cursor_take(s, ">=")) {
        if (!cursor_aff(x, syms, s, &r)) return false;
        *out = cons_le(x, r, l);
    } else if (cursor_take(s, "!=")) {
        if (!cursor_aff(x, syms, s, &r)) return false;
        Cons *eq = ARENA_NEW(a, Cons);
        *eq = cons_eq(x, l, r);
        *out = cons_not(x, eq, 1);
    } else {
        if (!cursor_take(s, "=") || !cursor_aff(x, syms, s, &r)) return false;
        *out = cons_eq(x, l, r);
    }
    return true;
}

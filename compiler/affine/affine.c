/* Forms and constraints: arithmetic, comparison, substitution, text.  No decisions here. */
#include "affine/internal.h"

Aff aff_const(int64_t c) { return (Aff){.c = c}; }

Aff aff_name(AffCtx *x, Sym name) {
    AffTerm *t = ARENA_NEW(x->a, AffTerm);
    *t = (AffTerm){name, 1};
    return (Aff){t, 1, 0};
}

static int32_t coefficient(AffCtx *x, int64_t k) {
    if (k >= -INT32_MAX && k <= INT32_MAX) return (int32_t)k;
    x->overflow = true;
    return 1;
}

static int64_t constant(AffCtx *x, int64_t a, int32_t k, int64_t b) {
    int64_t r;
    if (!__builtin_mul_overflow(b, (int64_t)k, &r) && !__builtin_add_overflow(a, r, &r)) return r;
    x->overflow = true;
    return 0;
}

bool affctx_overflow(const AffCtx *x) { return x->overflow; }

/* a + k * b */
static Aff combine(AffCtx *x, Aff a, Aff b, int32_t k) {
    int64_t c = constant(x, a.c, k, b.c);
    if (!b.nterm) return (Aff){a.term, a.nterm, c};
    AffTerm *t = ARENA_ARRAY(x->a, AffTerm, a.nterm + b.nterm);
    uint32_t n = 0, i = 0, j = 0;
    while (i < a.nterm || j < b.nterm) {
        if (j == b.nterm || (i < a.nterm && a.term[i].name < b.term[j].name)) {
            t[n++] = a.term[i++];
        } else if (i == a.nterm || b.term[j].name < a.term[i].name) {
            t[n++] = (AffTerm){b.term[j].name, coefficient(x, (int64_t)k * b.term[j].k)};
            j++;
        } else {
            int32_t s = coefficient(x, a.term[i].k + (int64_t)k * b.term[j].k);
            if (s) t[n++] = (AffTerm){a.term[i].name, s};
            i++, j++;
        }
    }
    return (Aff){n ? t : NULL, n, c};
}

Aff aff_add(AffCtx *x, Aff a, Aff b) { return a.nterm ? combine(x, a, b, 1) : aff_plus(b, a.c); }
Aff aff_sub(AffCtx *x, Aff a, Aff b) { return combine(x, a, b, -1); }
Aff aff_plus(Aff a, int64_t c) { return (Aff){a.term, a.nterm, a.c + c}; }

Aff aff_scale(AffCtx *x, Aff a, int32_t k) {
    if (k == 1) return a;
    return k ? combine(x, aff_const(0), a, k) : aff_const(0);
}

static const Aff *subst_find(const AffSubst *m, uint32_t n, Sym name) {
    for (uint32_t i = 0; i < n; i++)
        if (m[i].name == name) return &m[i].to;
    return NULL;
}

Aff aff_subst(AffCtx *x, Aff a, const AffSubst *m, uint32_t n) {
    bool any = false;
    for (uint32_t i = 0; i < a.nterm && !any; i++) any = subst_find(m, n, a.term[i].name);
    if (!any) return a;
    Aff r = aff_const(a.c);
    for (uint32_t i = 0; i < a.nterm; i++) {
        const Aff *to = subst_find(m, n, a.term[i].name);
        Aff one = {&a.term[i], 1, 0};
        r = to ? combine(x, r, *to, a.term[i].k) : combine(x, r, one, 1);
    }
    return r;
}

int32_t aff_coef(Aff a, Sym name) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (a.term[i].name == name) return a.term[i].k;
    return 0;
}

bool aff_mentions(Aff a, Sym name) { return aff_coef(a, name) != 0; }
bool aff_is_const(Aff a) { return !a.nterm; }

int aff_cmp(Aff a, Aff b) {
    for (uint32_t i = 0; i < a.nterm && i < b.nterm; i++) {
        if (a.term[i].name != b.term[i].name) return a.term[i].name < b.term[i].name ? -1 : 1;
        if (a.term[i].k != b.term[i].k) return a.term[i].k < b.term[i].k ? -1 : 1;
    }
    if (a.nterm != b.nterm) return a.nterm < b.nterm ? -1 : 1;
    return a.c < b.c ? -1 : a.c > b.c;
}

bool aff_eq(Aff a, Aff b) {
    if (a.nterm != b.nterm || a.c != b.c) return false;
    return a.term == b.term || !aff_cmp(a, b);
}

bool aff_size_only(const AffCtx *x, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!affctx_is_size(x, a.term[i].name)) return false;
    return true;
}

int64_t aff_at(Aff a, AffValue *value, void *ctx) {
    int64_t r = a.c;
    for (uint32_t i = 0; i < a.nterm; i++) r += a.term[i].k * value(ctx, a.term[i].name);
    return r;
}

/* ---- constraints */
Cons cons_ge(Aff e) { return (Cons){.kind = CONS_ge, .e = e}; }
Cons cons_le(AffCtx *x, Aff a, Aff b) { return cons_ge(aff_sub(x, b, a)); }
Cons cons_lt(AffCtx *x, Aff a, Aff b) { return cons_ge(aff_plus(aff_sub(x, b, a), -1)); }

/* The sign is fixed (first coefficient positive), so that equal equalities look the same. */
static Cons eq_of(AffCtx *x, Aff e) {
    bool flip = e.nterm ? e.term[0].k < 0 : e.c < 0;
    return (Cons){.kind = CONS_eq, .e = flip ? aff_scale(x, e, -1) : e};
}

Cons cons_eq(AffCtx *x, Aff a, Aff b) { return eq_of(x, aff_sub(x, a, b)); }

Cons cons_not(AffCtx *x, const Cons *of, uint32_t n) {
    if (!n) return cons_ge(aff_const(-1));
    if (n == 1 && of->kind == CONS_ge) return cons_ge(aff_plus(aff_scale(x, of->e, -1), -1));
    if (n == 1 && of->kind == CONS_not && of->nof == 1) return of->of[0];
    return (Cons){.kind = CONS_not, .of = arena_copy(x->a, of, n * sizeof *of), .nof = n};
}

Cons cons_subst(AffCtx *x, Cons c, const AffSubst *m, uint32_t n) {
    if (c.kind == CONS_ge) return cons_ge(aff_subst(x, c.e, m, n));
    if (c.kind == CONS_eq) return eq_of(x, aff_subst(x, c.e, m, n));
    Cons *of = ARENA_ARRAY(x->a, Cons, c.nof);
    for (uint32_t i = 0; i < c.nof; i++) of[i] = cons_subst(x, c.of[i], m, n);
    return (Cons){.kind = CONS_not, .of = of, .nof = c.nof};
}

bool cons_same(Cons a, Cons b) {
    if (a.kind != b.kind) return false;
    if (a.kind != CONS_not) return aff_eq(a.e, b.e);
    if (a.nof != b.nof) return false;
    for (uint32_t i = 0; i < a.nof; i++)
        if (!cons_same(a.of[i], b.of[i])) return false;
    return true;
}

bool cons_mentions(Cons c, Sym name) {
    if (c.kind != CONS_not) return aff_mentions(c.e, name);
    for (uint32_t i = 0; i < c.nof; i++)
        if (cons_mentions(c.of[i], name)) return true;
    return false;
}

void cons_range(AffCtx *x, ConsVec *v, Sym name, Aff lo, Aff hi) {
    Aff n = aff_name(x, name);
    vec_push(x->a, v, cons_le(x, lo, n));
    vec_push(x->a, v, cons_lt(x, n, hi));
}

bool cons_at(Cons c, AffValue *value, void *ctx) {
    if (c.kind == CONS_not) {
        for (uint32_t i = 0; i < c.nof; i++)
            if (!cons_at(c.of[i], value, ctx)) return true;
        return false;
    }
    int64_t v = aff_at(c.e, value, ctx);
    return c.kind == CONS_ge ? v >= 0 : v == 0;
}

/* ---- text */
static void print_term(const Intern *syms, Buf *b, AffTerm t) {
    if (t.k != 1) buf_printf(b, "%d*", t.k);
    buf_puts(b, sym_text(syms, t.name));
}

/* The terms of the given sign with sign * k, then c if it is positive. */
static void print_side(const Intern *syms, Buf *b, Aff a, int sign, int64_t c) {
    uint32_t start = b->len;
    for (uint32_t i = 0; i < a.nterm; i++) {
        if ((a.term[i].k > 0) != (sign > 0)) continue;
        if (b->len != start) buf_putc(b, '+');
        print_term(syms, b, (AffTerm){a.term[i].name, sign * a.term[i].k});
    }
    if (b->len == start) {
        buf_printf(b, "%lld", (long long)(c > 0 ? c : 0));
    } else if (c > 0) {
        buf_printf(b, "+%lld", (long long)c);
    }
}

void aff_print(const Intern *syms, Buf *b, Aff a) {
    bool positive = false;
    for (uint32_t i = 0; i < a.nterm; i++) positive |= a.term[i].k > 0;
    bool first_c = !positive && (a.c > 0 || !a.nterm);
    if (first_c) buf_printf(b, "%lld", (long long)a.c);
    if (positive) print_side(syms, b, a, 1, 0);
    for (uint32_t i = 0; i < a.nterm; i++) {
        if (a.term[i].k > 0) continue;
        buf_putc(b, '-');
        print_term(syms, b, (AffTerm){a.term[i].name, -a.term[i].k});
    }
    if (!first_c && a.c) buf_printf(b, "%+lld", (long long)a.c);
}

void cons_print(const Intern *syms, Buf *b, Cons c) {
    if (c.kind == CONS_not && !(c.nof == 1 && c.of->kind == CONS_eq)) {
        buf_puts(b, "not(");
        for (uint32_t i = 0; i < c.nof; i++) {
            if (i) buf_puts(b, " & ");
            cons_print(syms, b, c.of[i]);
        }
        buf_putc(b, ')');
        return;
    }
    Aff e = c.kind == CONS_not ? c.of->e : c.e;
    print_side(syms, b, e, 1, e.c);
    buf_puts(b, c.kind == CONS_ge ? ">=" : c.kind == CONS_eq ? "=" : "!=");
    print_side(syms, b, e, -1, -e.c);
}

/* What definitions, families and loop variables are called. */
#include "program/elab.h"
#include <stdlib.h>

static NameUse *use_of(Elab *e, NameSet *set, Sym s) {
    while (set->len <= s) vec_push(e->a, set, (NameUse){.next = 2});
    return &set->data[s];
}

void name_take(Elab *e, NameSet *set, Sym s) { use_of(e, set, s)->taken = true; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* base, base2, base3, .. : the first that is not taken (base_2 where base ends in a digit). */
static Sym fresh_in(Elab *e, NameSet *set, const char *base) {
    size_t n = strlen(base);
    bool digit = n && is_digit(base[n - 1]);
    Sym b = intern(e->c->syms, base), s = b;
    if (use_of(e, set, b)->taken) {
        uint32_t k = use_of(e, set, b)->next;
        do s = intern(e->c->syms, arena_printf(e->a, digit ? "%s_%u" : "%s%u", base, k++));
        while (use_of(e, set, s)->taken);
        use_of(e, set, b)->next = k;
    }
    name_take(e, set, s);
    return s;
}

/* Number k of the base is free again; below 2 it is none. */
static void number_free(Elab *e, NameSet *set, const char *base, size_t n, uint32_t k) {
    Sym b = intern_find(e->c->syms, base, n);
    if (b && k >= 2 && use_of(e, set, b)->next > k) use_of(e, set, b)->next = k;
}

/* As a number of either kind of base, where it is one. */
void name_free(Elab *e, NameSet *set, Sym s) {
    const char *t = sym_text(e->c->syms, s);
    size_t len = strlen(t), n = len;
    use_of(e, set, s)->taken = false;
    while (n && is_digit(t[n - 1])) n--;
    if (n == len) return;
    uint32_t k = (uint32_t)strtoul(t + n, NULL, 10);
    number_free(e, set, t, n, k);
    if (n > 1 && t[n - 1] == '_' && is_digit(t[n - 2])) number_free(e, set, t, n - 1, k);
}

Sym name_fresh(Elab *e, const char *base) { return fresh_in(e, &e->names, base); }

Sym fam_fresh(Elab *e, const char *base) { return fresh_in(e, &e->fam_names, base); }

Sym dim_fresh(Elab *e, Sym base) {
    Sym s = fresh_in(e, &e->dim_names, sym_text(e->c->syms, base));
    if (s != base) vec_push(e->a, &e->as_written, (AffSubst){s, aff_name(e->x, base)});
    return s;
}

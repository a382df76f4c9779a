#include "base/intern.h"
#include "base/vec.h"
#include <stdio.h>

struct Intern {
    Arena *a;
    VEC(const char *) text;
    uint32_t *slot, nslot; /* open addressing; 0 = empty */
};

Intern *intern_new(Arena *a) {
    Intern *t = ARENA_NEW(a, Intern);
    t->a = a;
    t->nslot = 256;
    t->slot = ARENA_ARRAY(a, uint32_t, t->nslot);
    vec_push(a, &t->text, "");
    return t;
}

static uint32_t hash(const char *s, size_t n) { /* FNV-1a */
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 16777619u;
    return h;
}

static uint32_t find(const Intern *t, const char *s, size_t n) {
    uint32_t i = hash(s, n) & (t->nslot - 1);
    for (; t->slot[i]; i = (i + 1) & (t->nslot - 1)) {
        const char *q = t->text.data[t->slot[i]];
        if (!strncmp(q, s, n) && !q[n]) break;
    }
    return i;
}

static void grow(Intern *t) {
    t->nslot *= 2;
    t->slot = ARENA_ARRAY(t->a, uint32_t, t->nslot);
    for (uint32_t k = 1; k < t->text.len; k++) {
        const char *s = t->text.data[k];
        t->slot[find(t, s, strlen(s))] = k;
    }
}

Sym intern_n(Intern *t, const char *s, size_t n) {
    uint32_t i = find(t, s, n);
    if (t->slot[i]) return t->slot[i];
    vec_push(t->a, &t->text, arena_strndup(t->a, s, n));
    Sym k = t->text.len - 1;
    t->slot[i] = k;
    if (t->text.len * 2 > t->nslot) grow(t);
    return k;
}

Sym intern(Intern *t, const char *s) { return intern_n(t, s, strlen(s)); }

Sym intern_find(const Intern *t, const char *s, size_t n) { return t->slot[find(t, s, n)]; }

Sym intern_fresh(Intern *t, const char *base) {
    size_t n = strlen(base);
    if (!t->slot[find(t, base, n)]) return intern_n(t, base, n);
    for (int k = 2;; k++) {
        char *s = arena_printf(t->a, "%s%d", base, k);
        if (!t->slot[find(t, s, strlen(s))]) return intern(t, s);
    }
}

const char *sym_text(const Intern *t, Sym s) { return s < t->text.len ? t->text.data[s] : "?"; }

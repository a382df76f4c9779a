/* Which names are sizes, primed copies, facts. */
#include "affine/internal.h"
#include <string.h>

AffCtx *affctx_new(Arena *a, Intern *syms) {
    AffCtx *x = ARENA_NEW(a, AffCtx);
    x->a = a;
    x->syms = syms;
    x->names = ARENA_NEW(a, NameTable);
    x->ncons_slot = x->nmemo_slot = 256;
    x->cons_slot = ARENA_ARRAY(a, uint32_t, x->ncons_slot);
    x->memo_slot = ARENA_ARRAY(a, uint32_t, x->nmemo_slot);
    vec_push(a, &x->cons, (ConsEntry){0});
    vec_push(a, &x->memo, (Memo){0});
    x->sys = ARENA_NEW(a, System);
    return x;
}

static NameInfo *info_at(const AffCtx *x, Sym name) {
    while (x->names->info.len <= name) vec_push(x->a, &x->names->info, (NameInfo){0});
    return &x->names->info.data[name];
}

Sym name_base(const AffCtx *x, Sym name) {
    NameInfo *i = info_at(x, name);
    if (!i->base) {
        const char *s = sym_text(x->syms, name);
        size_t n = strlen(s);
        while (n > 1 && s[n - 1] == '\'') n--;
        i->base = s[n] ? intern_n(x->syms, s, n) : name;
    }
    return i->base;
}

const NameInfo *name_info(const AffCtx *x, Sym name) {
    Sym base = name_base(x, name);
    return info_at(x, base);
}

Sym affctx_prime(AffCtx *x, Sym name) {
    return intern(x->syms, arena_printf(x->a, "%s'", sym_text(x->syms, name)));
}

Sym affctx_unprime(const AffCtx *x, Sym name) {
    const char *s = sym_text(x->syms, name);
    size_t n = strlen(s);
    return n && s[n - 1] == '\'' ? intern_n(x->syms, s, n - 1) : name;
}

void affctx_size(AffCtx *x, Sym name, int64_t least) {
    NameInfo *i = info_at(x, name);
    i->size = true;
    i->least = least;
    x->generation++;
}

bool affctx_is_size(const AffCtx *x, Sym name) { return name_info(x, name)->size; }

void affctx_fact(AffCtx *x, Cons c) {
    vec_push(x->a, &x->fact, c);
    x->generation++;
}

int64_t affctx_least(const AffCtx *x, Sym name) { return name_info(x, name)->least; }

uint32_t affctx_facts(const AffCtx *x, const Cons **out) {
    *out = x->fact.data;
    return x->fact.len;
}

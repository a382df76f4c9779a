/* Interned names: a Sym is an index into the table, 0 = none.  Equal names have equal Syms. */
#ifndef TPC_BASE_INTERN_H
#define TPC_BASE_INTERN_H
#include "base/arena.h"

typedef uint32_t Sym;
typedef struct Intern Intern;

Intern *intern_new(Arena *a);
Sym intern(Intern *t, const char *s);
Sym intern_n(Intern *t, const char *s, size_t n);
/* 0 where it is not in the table. */
Sym intern_find(const Intern *t, const char *s, size_t n);
/* A name that is not in the table yet: base, base2, base3, ... */
Sym intern_fresh(Intern *t, const char *base);
/* The text of a Sym; "" for 0.  Lives as long as the table. */
const char *sym_text(const Intern *t, Sym s);
#endif

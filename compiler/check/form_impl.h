/* The inside of the pool, for form*.c alone. */
#ifndef TPC_CHECK_FORM_IMPL_H
#define TPC_CHECK_FORM_IMPL_H
#include "check/form.h"
#include <stdlib.h>

typedef VEC(Mono) MonoVec;

struct FormPool {
    Ctx *c;
    Arena *a;
    FxPool *fx;
    VEC(Atom) atom;     /* [0] unused */
    VEC(FormSym) sym;   /* [0] unused */
    VEC(FormNode) form; /* [0]: no form */
    uint32_t *slot, nslot, *aslot, naslot;
    uint32_t depth;
    uint64_t work, budget; /* products of products so far; how many there may be, 0: any number */
};

enum { MAX_MONOS = 4096, MAX_EXPAND = 16 };

int64_t form_gcd(int64_t a, int64_t b);
/* false: the number does not fit. */
bool mono_scale(Mono *a, int64_t num, int64_t den);
uint32_t form_atom_intern(FormPool *p, Atom v);
Form form_of_atom(FormPool *p, uint32_t atom, int32_t num, int32_t den);
/* Sorts v, adds up equal products. */
Form sum_of(FormPool *p, MonoVec *v);
Form form_at_zero(FormPool *p, Form f, uint32_t leaf);
bool form_fn_odd(FormFn fn);
bool form_fn_even(FormFn fn);
#endif

/* The context behind affine.h, and the solver its queries run on. */
#ifndef TPC_AFFINE_INTERNAL_H
#define TPC_AFFINE_INTERNAL_H
#include "affine/affine.h"

enum { MAX_VARS = 24, MAX_CONS = 192 };

typedef struct Row { /* c + sum k[v] * v  >= 0, or = 0 */
    int64_t k[MAX_VARS];
    int64_t c;
    uint64_t from; /* which given rows it was combined from: bit r % 64 (sharing one undercounts) */
    bool eq;
} Row;

/* A system of rows over numbered variables.  Losing a row only makes the solution set larger, which
 * is safe for every query, so what does not fit (rows, variables, 64-bit numbers) is dropped. */
typedef struct System {
    Sym name[MAX_VARS];
    uint32_t nvar, nrow, neliminated;
    bool infeasible;
    bool fixes; /* variables of one value become equalities: for queries that only ask whether there
                   is a solution, and so read no rows */
    Row row[MAX_CONS], next[MAX_CONS];
} System;

typedef struct NameInfo {
    Sym base; /* without primes; 0 = not looked up yet */
    bool size;
    int64_t least;
} NameInfo;

typedef struct NameTable {
    VEC(NameInfo) info; /* by Sym */
} NameTable;

typedef enum QueryKind { QUERY_feasible, QUERY_bounds, QUERY_project } QueryKind;

typedef struct Memo {
    uint32_t hash, nkey;
    const uint32_t *key;
    bool yes;
    AffBounds bounds;
    const Cons *out;
    uint32_t nout;
} Memo;

typedef struct ConsEntry {
    uint32_t hash;
    Cons c;
} ConsEntry;

struct AffCtx {
    Arena *a;
    Intern *syms;
    NameTable *names;
    ConsVec fact;
    uint32_t generation; /* sizes and facts declared so far: part of every memo key */
    VEC(ConsEntry) cons; /* hash-consed constraints: position = id */
    uint32_t *cons_slot, ncons_slot;
    VEC(Memo) memo;
    uint32_t *memo_slot, nmemo_slot;
    System *sys;
    bool overflow;
};

/* name.c */
Sym name_base(const AffCtx *x, Sym name);
const NameInfo *name_info(const AffCtx *x, Sym name);

/* solve.c */
void system_clear(System *s);
/* Column of a name; MAX_VARS if there is no room. */
uint32_t system_column(System *s, Sym name);
void system_add(System *s, Aff e, bool eq);
/* e - z >= 0 and z - e >= 0, z a column (an equality would let z be eliminated by substitution). */
void system_add_value(System *s, Aff e, uint32_t z);
/* Eliminate every column that `keep` does not have; sets s->infeasible. */
void system_eliminate(System *s, const bool *keep);
/* The row as a form; false if a coefficient does not fit. */
bool system_form(AffCtx *x, const System *s, const Row *r, Aff *out);

#endif

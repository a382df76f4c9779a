/* Integer-affine forms over loop variables and sizes, and what can be proved about them.
 *
 * Names are interned Syms, unique in a program: a loop variable or a size.  Decisions are taken
 * over the rationals with integer tightening: `aff_feasible` may call an empty integer set
 * feasible (safe: a term or a demand too many), never the other way round. Everything is
 * immutable and lives in the context's arena; queries are memoised.  A query that would grow
 * beyond MAX_CONS constraints answers "feasible" / "unbounded". */
#ifndef TPC_AFFINE_H
#define TPC_AFFINE_H
#include "base/buf.h"
#include "base/ctx.h"
#include "base/vec.h"

typedef struct AffTerm {
    Sym name;
    int32_t k; /* never 0 */
} AffTerm;

typedef struct Aff { /* c + sum k_i * name_i, terms sorted by name */
    const AffTerm *term;
    uint32_t nterm;
    int64_t c;
} Aff;

typedef enum ConsKind { CONS_ge, CONS_eq, CONS_not } ConsKind;

typedef struct Cons { /* ge: e >= 0; eq: e = 0; not: not all of of[0..nof) hold */
    ConsKind kind;
    Aff e;
    const struct Cons *of;
    uint32_t nof;
} Cons;

typedef VEC(Cons) ConsVec;

typedef struct AffSubst { /* name -> form, applied simultaneously */
    Sym name;
    Aff to;
} AffSubst;

typedef struct AffCtx AffCtx;

AffCtx *affctx_new(Arena *a, Intern *syms);
/* The name of the right-hand copy, `l` -> `l'`; a primed name is a size exactly when its base
 * is one, with the same lower bound. */
Sym affctx_prime(AffCtx *x, Sym name);
/* `l'` -> `l`; a name without a prime stays. */
Sym affctx_unprime(const AffCtx *x, Sym name);
/* Declare a size (not a loop variable), known to be at least `least` (INT64_MIN: nothing known). */
void affctx_size(AffCtx *x, Sym name, int64_t least);
bool affctx_is_size(const AffCtx *x, Sym name);
/* A constraint between sizes that always holds (checked before a run). */
void affctx_fact(AffCtx *x, Cons c);
/* What was declared, for printing: least of a size (INT64_MIN: nothing known), the facts. */
int64_t affctx_least(const AffCtx *x, Sym name);
uint32_t affctx_facts(const AffCtx *x, const Cons **out);

/* A coefficient or constant did not fit (32, 64 bits) in some form made so far: forms are not to be
 * trusted.  The elaborator asks once, at the end, and refuses the program. */
bool affctx_overflow(const AffCtx *x);

Aff aff_const(int64_t c);
Aff aff_name(AffCtx *x, Sym name);
Aff aff_add(AffCtx *x, Aff a, Aff b);
Aff aff_sub(AffCtx *x, Aff a, Aff b);
Aff aff_plus(Aff a, int64_t c);
Aff aff_scale(AffCtx *x, Aff a, int32_t k);
Aff aff_subst(AffCtx *x, Aff a, const AffSubst *m, uint32_t n);
int32_t aff_coef(Aff a, Sym name);
bool aff_mentions(Aff a, Sym name);
bool aff_eq(Aff a, Aff b);
bool aff_is_const(Aff a);
/* No loop variable in it. */
bool aff_size_only(const AffCtx *x, Aff a);
int aff_cmp(Aff a, Aff b); /* a total order, for sorting */
/* `2*a+p-1`: positive terms, negative terms, constant (first where no term is positive: `1-l`). */
void aff_print(const Intern *syms, Buf *b, Aff a);

Cons cons_ge(Aff e);                         /* e >= 0 */
Cons cons_le(AffCtx *x, Aff a, Aff b);       /* a <= b */
Cons cons_lt(AffCtx *x, Aff a, Aff b);       /* a < b */
Cons cons_eq(AffCtx *x, Aff a, Aff b);       /* a = b */
/* The negation of a single ge is a ge. */
Cons cons_not(AffCtx *x, const Cons *of, uint32_t n);
Cons cons_subst(AffCtx *x, Cons c, const AffSubst *m, uint32_t n);
bool cons_same(Cons a, Cons b);
bool cons_mentions(Cons c, Sym name);
/* `a+p>=1`, `l=0`, `m!=l'` (not of one eq), `not(a & b)`: no term is negative on either side. */
void cons_print(const Intern *syms, Buf *b, Cons c);
/* pushes lo <= v and v < hi */
void cons_range(AffCtx *x, ConsVec *v, Sym name, Aff lo, Aff hi);

/* `not` constraints among cs are ignored where they are premises (safe: fewer premises). */
bool aff_feasible(AffCtx *x, const Cons *cs, uint32_t n);
bool aff_implied(AffCtx *x, const Cons *cs, uint32_t n, Cons c);
/* Constant bounds of e under cs; false in has_lo / has_hi where there is none. */
typedef struct AffBounds {
    bool has_lo, has_hi;
    int64_t lo, hi;
} AffBounds;
AffBounds aff_bounds(AffCtx *x, Aff e, const Cons *cs, uint32_t n);
/* What cs implies about the names not in elim; false if cs is infeasible. */
bool aff_project(AffCtx *x, const Cons *cs, uint32_t n, const Sym *elim, uint32_t nelim,
                 ConsVec *out);
/* e modulo the equalities of cs: loop variables are eliminated where one has coefficient +-1. */
Aff aff_reduce(AffCtx *x, Aff e, const Cons *cs, uint32_t n);
/* Truth at given values (for interpreters): value(ctx, name). */
typedef int64_t AffValue(void *ctx, Sym name);
int64_t aff_at(Aff a, AffValue *value, void *ctx);
bool cons_at(Cons c, AffValue *value, void *ctx);
#endif

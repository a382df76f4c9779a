/* Formulas: hash-consed sums of monomials  rational * product of atom^rational.
 * Atoms are symbols, pi, i, primes (for roots), functions and interned sums.  One canonical form is
 * kept by construction, so equal formulas are one number and common subexpressions are free. */
#ifndef TPC_GAUSS_FORMULA_H
#define TPC_GAUSS_FORMULA_H
#include "base/vec.h"
#include "program/fx.h"

typedef uint32_t Fm; /* 0 is the number zero */
typedef struct Rat {
    int64_t n, d; /* lowest terms, d > 0 */
} Rat;

typedef enum FnOp {
#define FN(name, nformula, nraw, text, slots) FN_##name,
#include "gauss/fn.def"
} FnOp;
enum {
    FN_COUNT = 0
#define FN(name, nformula, nraw, text, slots) +1
#include "gauss/fn.def"
};

typedef enum FmSymKind {
    SK_var,    /* variance of leaf i */
    SK_cov,    /* covariance of leaves i, j */
    SK_det,    /* var i var j - cov^2 */
    SK_mean,   /* mean of leaf i */
    SK_std,    /* unit pairs: standard deviation of leaf i */
    SK_c,      /* unit pairs: the correlation */
    SK_r,      /* unit pairs: 1 - c^2 */
    SK_scalar, /* a scalar expression (thetas, hyperparameters, indices) */
    SK_num     /* a positive number that is no small rational */
} FmSymKind;

/* When a value is known: once, per left sample, per right sample, per pair. */
enum { TIME_const = 0, TIME_left = 1, TIME_right = 2, TIME_pair = 3 };

typedef struct FmSym {
    FmSymKind kind;
    uint32_t i, j;
    Fx fx;
    double num;
    unsigned time;
    bool positive;
} FmSym;

typedef enum AtomKind { AK_prime, AK_pi, AK_i, AK_sym, AK_fn, AK_sum } AtomKind;

typedef struct Atom {
    AtomKind kind;
    uint32_t x;      /* prime; symbol; FnOp; sum: the formula */
    uint32_t arg[4]; /* fn */
} Atom;

typedef struct Power {
    Rat e;
    uint32_t atom, pad;
} Power;

typedef struct Mono {
    const Power *p; /* sorted by atom */
    uint32_t n;
} Mono;

typedef struct FmTerm {
    Rat c;
    uint32_t mono, pad; /* mono 0: the empty product */
} FmTerm;

typedef struct Sum {
    const FmTerm *t; /* sorted by mono */
    uint32_t n;
} Sum;

typedef struct Blobs { /* interned byte strings */
    VEC(const void *) data;
    VEC(uint32_t) size;
    uint32_t *slot, nslot;
} Blobs;

typedef struct FmPool {
    Arena *a;
    FxPool *fx;
    const Intern *syms;
    Blobs atoms, monos, sums;
    VEC(FmSym) sym;
    VEC(unsigned) atom_time;
    unsigned leaf_time[12];
    bool overflow; /* an integer did not fit, a root of a negative number, ..: results are void */
} FmPool;

FmPool *fmpool_new(Arena *a, FxPool *fx, const Intern *syms);
Sum fm_sum(const FmPool *p, Fm f);
Mono fm_mono(const FmPool *p, uint32_t mono);
const Atom *fm_atom(const FmPool *p, uint32_t atom);
const FmSym *fm_symbol(const FmPool *p, const Atom *a);

Rat rat(int64_t n, int64_t d);
Rat rat_mul(FmPool *p, Rat a, Rat b);
Rat rat_add(FmPool *p, Rat a, Rat b);
int rat_cmp(Rat a, Rat b);

Fm fm_rat(FmPool *p, Rat r);
static inline Fm fm_int(FmPool *p, int64_t n) { return n ? fm_rat(p, (Rat){n, 1}) : 0; }
static inline Fm fm_frac(FmPool *p, int64_t n, int64_t d) { return fm_rat(p, rat(n, d)); }
/* A rational where it is small, else a symbol of known value. */
Fm fm_double(FmPool *p, double v);
Fm fm_sym(FmPool *p, FmSym s);
Fm fm_pi(FmPool *p);
Fm fm_i(FmPool *p);
Fm fm_fn(FmPool *p, FnOp op, Fm a, Fm b, Fm c, Fm d); /* raw arguments first where it has any */
Fm fm_add(FmPool *p, Fm a, Fm b);
Fm fm_mul(FmPool *p, Fm a, Fm b);
Fm fm_scale(FmPool *p, Fm a, Rat r);
Fm fm_pow(FmPool *p, Fm a, Rat e);
/* One term: coefficient times monomial. */
Fm fm_term(FmPool *p, Rat c, uint32_t mono);
Fm fm_atom_pow(FmPool *p, uint32_t atom, Rat e);
static inline Fm fm_neg(FmPool *p, Fm a) { return fm_scale(p, a, (Rat){-1, 1}); }
static inline Fm fm_sub(FmPool *p, Fm a, Fm b) { return fm_add(p, a, fm_neg(p, b)); }
static inline Fm fm_inv(FmPool *p, Fm a) { return fm_pow(p, a, (Rat){-1, 1}); }
static inline Fm fm_sqrt(FmPool *p, Fm a) { return fm_pow(p, a, (Rat){1, 2}); }
/* (2 pi)^(n/2) */
Fm fm_2pi(FmPool *p, int n);
/* Product of monomials given as power lists: the coefficient that comes out goes to *c. */
uint32_t mono_product(FmPool *p, uint32_t a, uint32_t b, Rat *c);
uint32_t mono_from(FmPool *p, const Power *pw, uint32_t n, Rat *c);

bool fm_number(const FmPool *p, Fm f, Rat *out); /* a rational number? */
/* Value of a formula without run-time symbols. */
bool fm_const(const FmPool *p, Fm f, double *out);
/* +1, -1: known sign for all values of the symbols; 0: unknown (or zero). */
int fm_sign(const FmPool *p, Fm f);
/* Above a positive constant for sure: positive terms, one of them a constant. */
bool fm_bounded_below(const FmPool *p, Fm f);
unsigned fm_time(const FmPool *p, Fm f);
unsigned mono_time(const FmPool *p, uint32_t mono);
/* Does an atom of this kind (fn: of this op) occur? */
bool fm_has(const FmPool *p, Fm f, AtomKind kind, uint32_t x);
void fm_print(const FmPool *p, Buf *b, Fm f);
#endif

/* The tensor program of a network: typed, names resolved, layers inlined, loops kept.
 *
 * A program is a list of definitions, each an array over its dims (dynamic single assignment): a
 * system of recurrences `S[i..] = op(T[f(i)]..)` with affine index maps f.  A loop-carried variable
 * is a `lin` marked `mu`, over the loop's dim extended by one: v[lo] = init, v[l + 1] = value at
 * the end of turn l; a read before the assignment in turn l is v[l], a read after the loop v[hi].
 * Every cycle goes through a mu.  Dim variables are unique names: two definitions share a dim
 * variable exactly when they stand in the same source loop.
 *
 * Vectors of a nonzero mean are elaborated to lin: N(mu, s^2) is param + mu * one.  Whatever is
 * linear in its vectors is lin, never nonlin.  Widths: every vector has r * n coordinates. */
#ifndef TPC_PROGRAM_H
#define TPC_PROGRAM_H
#include "program/fx.h"

typedef enum ProgramOp {
#define PO(name, rank, text) PO_##name,
#include "program/program.def"
} ProgramOp;
enum {
    PO_COUNT = 0
#define PO(name, rank, text) +1
#include "program/program.def"
};

typedef uint32_t DefId; /* index into Program.def */
typedef uint32_t FamId; /* index into Program.fam */

typedef enum FamKind { FAM_matrix, FAM_input_matrix, FAM_vector } FamKind;

/* A family of independent parameters.  matrix: raw entries N(0, s2 / columns); input matrix: U, raw
 * entries N(0, s2 / d); vector: coordinates N(0, s2).  So C(W u, W v) = s2 C(u, v) in every case.
 * lr: learning-rate coefficient e of theory 5 in the same normalisation (NTK: lr = s2 by default);
 * lr is the number 0 for `random` and `lr 0`. */
typedef struct Fam {
    Sym name;
    FamKind kind;
    bool trained;  /* param, not random */
    bool lr_given; /* an `lr` clause stands in the source */
    Fx s2, lr;
    Fx rows, cols; /* widths in units of n (1 for n); cols unused for vectors, input matrices */
    uint32_t nindex;
    Span span;
} Fam;

typedef struct Dim { /* lo <= var < hi; bounds affine in earlier dims and sizes */
    Sym var;
    Aff lo, hi;
} Dim;

typedef struct Use { /* operand d[idx..] */
    DefId d;
    const Aff *idx; /* one per dim of d */
    Span span;
} Use;

typedef struct Arm { /* sum over red [cons] coef * d[idx] */
    const Dim *red;
    uint32_t nred;
    const Cons *cons;
    uint32_t ncons;
    Fx coef;
    Use use;
} Arm;

typedef struct Def {
    ProgramOp op;
    Sym name; /* the source's name where it has one, else made up; unique */
    Span span;
    const Dim *dim;
    uint32_t ndim;
    bool mu;
    Fx width;         /* r: coordinates in units of n; 0 for inputs and scalars */
    uint32_t
        input; /* input, basis: number of the input (basis: whose dimension it takes; see below) */
    Aff basis;        /* basis: k */
    FamId fam;        /* param, matmul */
    bool transposed;  /* matmul: W' x */
    const Aff *fidx;  /* param, matmul: index of the family member */
    uint32_t nfidx;
    const Use *use;   /* matmul: 1; nonlin: vectors = leaves of f; inner: v, x */
    uint32_t nuse;
    Fx f; /* nonlin: function of leaves (use[k]) and scalars; inner: coefficient, sqrt(n)
             divided out: v' x / sqrt(n) has 1 */
    const Arm *arm;   /* lin, output */
    uint32_t narm;
} Def;

typedef enum HyperKind { HYPER_real, HYPER_int, HYPER_fn, HYPER_word } HyperKind;

typedef struct Hyper {
    Sym name;
    HyperKind kind;
    Fx init; /* real, int: default, an expression of earlier hyperparameters (0: required) */
    bool given;       /* a --set fixes it: init is that value */
    bool fixed;       /* compiled in: fn, word, an int that multiplies an index or a size */
    const char *text; /* fn, word: the value in force */
    Span span;
} Hyper;

typedef struct InputDecl {
    Sym name;
    uint32_t npos;    /* position axes (0 here) */
    const Sym *size;  /* their size names */
    Span span;
} InputDecl;

/* What must hold before a run: checked by the runtime with the values in force. */
typedef enum CheckKind { CHECK_finite, CHECK_nonneg, CHECK_positive } CheckKind;
typedef struct Check {
    CheckKind kind;
    Fx value;         /* scalar expression of hyperparameters and sizes */
    const char *what; /* "variance of W", "turns of the loop at mlp.tp:7:5" */
    Span span;
} Check;

typedef struct Program {
    Sym name;
    Span span;
    FxPool *fx;
    AffCtx *aff; /* sizes: int hyperparameters (and later position sizes), with their facts */
    VEC(Hyper) hyper;
    VEC(InputDecl) input;
    VEC(Fam) fam;
    VEC(Def) def; /* operands before users, except through mu */
    VEC(Check) check;
    DefId out;    /* an inner or output definition (or a vector, for `moment` outputs later) */
    const Aff *out_idx;
    const Dim *out_dim; /* position axes of a returned family (none here) */
    uint32_t nout_dim;
} Program;

/* Elaborate network `name` (0: the only one, or the last of the main file) with values of
 * hyperparameters; set: name=value texts.  ast: the main file with imports and the standard
 * library. */
typedef struct Setting {
    const char *name, *value;
} Setting;
struct Ast;
bool program_elaborate(Ctx *c, const struct Ast *ast, Sym name, const Setting *set, uint32_t nset,
                       Program **out);

void program_print(const Ctx *c, Buf *b, const Program *p);
/* Reads what program_print wrote. */
bool program_parse(Ctx *c, const char *text, uint32_t file, Program **out);
/* Structure: operands exist, index counts and ranges fit (by aff_implied), cycles only through mu,
 * families of the right kind, widths agree.  NULL if sound, else what is wrong (in the arena). */
const char *program_verify(const Ctx *c, const Program *p);
#endif

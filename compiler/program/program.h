/* The tensor program of a network: typed, names resolved, layers inlined, loops kept.
 *
 * A program is a list of definitions, each an array over its dims (dynamic single assignment): a
 * system of recurrences `S[i..] = op(T[f(i)]..)` with affine index maps f.  A loop-carried variable
 * is a `lin` marked `mu`, over the loop's dim extended by one: v[lo] = init, v[l + 1] = value at
 * the end of turn l; a read before the assignment in turn l is v[l], a read after the loop v[hi].
 * Its adjoint (compiler/gradient) is a mu over the same dim that reads itself at l + 1.  Every
 * cycle goes through a mu.  Dim variables are unique names: two definitions share a dim variable
 * exactly when they stand in the same source loop.
 *
 * Scalars (data, moments, sums, softmax) are definitions too; an expression reads element idx of
 * scalar definition d as the node sref(d, idx), wherever expressions stand: coefficients of arms,
 * nonlinearities, other scalars.
 *
 * Position sizes (T of `input[T]`) are sizes that are bound when data arrives.  Sizes that are not
 * affine in others (T // 2, ceil, max, min) are names of their own, see SizeDef; what is known
 * about them are facts of the affine context.
 *
 * second and mean are sums over all coordinates divided by n, the reference width: of vectors of
 * r n coordinates r times the average.  `moment` of the language is the average, so 1 / r times it.
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

static inline bool program_op_is_scalar(ProgramOp op) {
    static const char rank[] = {
#define PO(name, rank, text) #rank[0],
#include "program/program.def"
    };
    return rank[op] == 'S';
}

typedef uint32_t DefId; /* index into Program.def */
typedef uint32_t FamId; /* index into Program.fam */

typedef enum FamKind { FAM_matrix, FAM_input_matrix, FAM_vector, FAM_noise } FamKind;
typedef enum NoiseLaw { NOISE_normal, NOISE_bernoulli } NoiseLaw;

/* A family of independent parameters.  matrix: raw entries N(0, s2 / columns); input matrix: U, raw
 * entries N(0, s2 / d); vector: coordinates N(0, s2).  So C(W u, W v) = s2 C(u, v) in every case,
 * where C is the average over coordinates.  Of a transposed product the same entries give
 * C(W' u, W' v) = s2 (rows / cols) C(u, v); and the corrections of W' carry rows / cols, too.
 * noise: coordinates drawn anew for every sample, N(0, s2) or 1 with probability s2 and else 0.
 * lr: learning-rate coefficient e of theory 5 in the same normalisation (NTK: lr = s2 by default);
 * lr is the number 0 for `random` and `lr 0`. */
typedef struct Fam {
    Sym name;
    FamKind kind;
    NoiseLaw law;
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

/* sum over red [cons] coef * d[idx]; of a scalar or softmax definition, where use.d is 0: sum over
 * red [cons] coef. */
typedef struct Arm {
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
    uint32_t wrap; /* bit k: reads take the index of dim k modulo hi - lo (circular padding) */
    bool mu;
    Fx width;         /* r: coordinates in units of n; 0 for inputs and scalars */
    uint32_t
        input; /* input, basis: number of the input (basis: whose dimension it takes; see below) */
    Aff basis;        /* basis: k */
    FamId fam;        /* param, matmul, noise */
    bool transposed;  /* matmul: W' x */
    const Aff *fidx;  /* param, matmul, noise: index of the family member */
    uint32_t nfidx;
    const Use *use;   /* matmul, mean: 1; second: 2; nonlin: vectors = leaves of f; inner: v, x;
                         grad: the vector, then the output */
    uint32_t nuse;
    Fx f; /* nonlin: function of leaves (use[k]) and scalars; inner: coefficient, sqrt(n)
             divided out: v' x / sqrt(n) has 1 */
    const Arm *arm;   /* lin, output, scalar; softmax: cases that exclude each other (an element
                         without a case counts as exp(-inf)) */
    uint32_t narm;
    uint32_t over;    /* softmax: number of the dim it sums to 1 over */
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
    bool is_data;     /* numbers per sample (`A: data[V, V]`), else vectors of R^d */
    uint32_t npos;    /* position axes */
    const Aff *size;  /* their sizes: a name of kind SIZE_position, a number, or affine in those */
    Span span;
} InputDecl;

typedef enum SizeKind {
    SIZE_position, /* bound by the data of the first input with that axis, or per sample */
    SIZE_floor,    /* floor(a / k), k > 0 */
    SIZE_max,      /* max(a, b) */
    SIZE_min       /* min(a, b) */
} SizeKind;

/* A size beyond the int hyperparameters; a, b are affine in hyperparameters and earlier sizes.
 * A size may differ between samples if it is a position size that does or is made of one. */
typedef struct SizeDef {
    Sym name;
    SizeKind kind;
    Aff a, b;
    int32_t k;
    Span span;
} SizeDef;

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
    bool is_program; /* `program`: returns moments; else a network, which returns outputs */
    AffCtx *aff; /* sizes: int hyperparameters and those of `size`, with their facts */
    VEC(Hyper) hyper;
    VEC(InputDecl) input;
    VEC(SizeDef) size;
    VEC(Sym) varying; /* position sizes that may differ between samples: the driver's choice, made
                         from `--size` and the data before the limit; others are one number */
    VEC(Fam) fam;
    VEC(Def) def; /* operands before users, except through mu */
    VEC(Check) check;
    DefId out;    /* inner, output; or another scalar: a moment (networks), any (programs) */
    const Aff *out_idx;
    const Dim *out_dim; /* position axes of a returned family */
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
/* Declare a size in the context: at least 1 where it is a position size, and what is known of it
 * (k q <= a <= k q + k - 1; m >= a, b). */
void program_size_facts(AffCtx *x, const SizeDef *z);
/* Is the size one of `varying`, or made of one? */
bool program_size_varies(const Program *p, Sym name);
/* Structure: operands exist, index counts and ranges fit (by aff_implied), cycles only through mu,
 * families of the right kind, widths agree.  NULL if sound, else what is wrong (in the arena). */
const char *program_verify(const Ctx *c, const Program *p);
#endif

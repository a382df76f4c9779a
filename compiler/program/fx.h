/* Scalar and coordinatewise expressions: hash-consed nodes, referred to by number.
 * A scalar expression has no `leaf`.  Values at a tie and derivatives there: language.md's table
 * (sign(0) = step(0) = 0; derivatives take the `else` branch). */
#ifndef TPC_PROGRAM_FX_H
#define TPC_PROGRAM_FX_H
#include "affine/affine.h"

typedef enum FxOp {
#define FX(name, arity, text) FX_##name,
#include "program/fx.def"
} FxOp;
enum {
    FX_COUNT = 0
#define FX(name, arity, text) +1
#include "program/fx.def"
};

typedef uint32_t Fx; /* index into the pool; 0 = none */

typedef struct FxNode {
    FxOp op;
    Fx arg[3];
    double num;       /* num */
    int64_t p, q;     /* num: exactly p / q, q > 0; q = 0 where it is not a small rational */
    uint32_t k;       /* leaf, theta, dim: number; hyper: Sym; sref: definition number */
    Aff aff;          /* index */
    const Aff *idx;   /* sref */
    uint32_t nidx;
} FxNode;

typedef struct FxPool FxPool;
FxPool *fxpool_new(Arena *a, AffCtx *x);
const FxNode *fx_node(const FxPool *p, Fx f);
uint32_t fx_arity(FxOp op);
const char *fx_text(FxOp op);

/* Constructors fold constants (exactly, in rationals, where both sides are exact), drop neutral
 * elements (x + 0, 1 * x, x / 1, x ^ 1), and turn 0 * x into 0.  They do nothing cleverer. */
Fx fx_num(FxPool *p, double v);
Fx fx_rat(FxPool *p, int64_t num, int64_t den);
/* A decimal literal, exact as a rational where it fits: "0.01" is 1/100. */
Fx fx_decimal(FxPool *p, const char *s, size_t n);
Fx fx_leaf(FxPool *p, uint32_t k);
Fx fx_theta(FxPool *p, uint32_t k);
Fx fx_hyper(FxPool *p, Sym name);
Fx fx_index(FxPool *p, Aff a);
Fx fx_dim(FxPool *p, uint32_t input);
Fx fx_sref(FxPool *p, uint32_t def, const Aff *idx, uint32_t n);
Fx fx_op(FxPool *p, FxOp op, Fx a, Fx b, Fx c); /* unused arguments 0 */
static inline Fx fx_add(FxPool *p, Fx a, Fx b) { return fx_op(p, FX_add, a, b, 0); }
static inline Fx fx_sub(FxPool *p, Fx a, Fx b) { return fx_op(p, FX_sub, a, b, 0); }
static inline Fx fx_mul(FxPool *p, Fx a, Fx b) { return fx_op(p, FX_mul, a, b, 0); }
static inline Fx fx_div(FxPool *p, Fx a, Fx b) { return fx_op(p, FX_div, a, b, 0); }

bool fx_is_num(const FxPool *p, Fx f, double v);
bool fx_is_zero(const FxPool *p, Fx f);
bool fx_has(const FxPool *p, Fx f, FxOp op);
/* Largest leaf (theta) number + 1. */
uint32_t fx_nleaf(const FxPool *p, Fx f);
uint32_t fx_ntheta(const FxPool *p, Fx f);
/* has[k] is set where leaf k occurs (other entries stay). */
void fx_leaves(const FxPool *p, Fx f, bool *has);
/* Number of nodes of f written out as a tree: shared ones count each time. */
double fx_size(const FxPool *p, Fx f);
/* Replace leaf k by leaf[k] (where k < nleaf), theta k by theta[k]; other nodes are rebuilt. */
Fx fx_map(FxPool *p, Fx f, const Fx *leaf, uint32_t nleaf, const Fx *theta, uint32_t ntheta);
/* Substitute names in index nodes and srefs. */
Fx fx_subst(FxPool *p, Fx f, const AffSubst *m, uint32_t n);
/* Replace hyperparameters by expressions: to(ctx, name) returns 0 to keep one. */
Fx fx_hypers(FxPool *p, Fx f, Fx (*to)(void *ctx, Sym name), void *ctx);
/* The distinct srefs of f, each once, in order of first occurrence. */
void fx_srefs(const FxPool *p, Fx f, void (*see)(void *ctx, Fx sref), void *ctx);
/* Replace srefs by expressions: to(ctx, sref) returns 0 to keep one. */
Fx fx_sref_map(FxPool *p, Fx f, Fx (*to)(void *ctx, Fx sref), void *ctx);
/* The almost-everywhere derivative by leaf k, as automatic differentiation takes it. */
Fx fx_diff(FxPool *p, Fx f, uint32_t k);

typedef struct FxEnv {
    const double *leaf, *theta;
    double (*hyper)(void *ctx, Sym name);
    int64_t (*name)(void *ctx, Sym name); /* loop variables and sizes in index nodes */
    double (*dim)(void *ctx, uint32_t input);
    double (*sref)(void *ctx, const FxNode *n); /* element n->idx of scalar definition n->k */
    void *ctx;
} FxEnv;
/* Value in double, by libm: the oracle of everything symbolic. */
double fx_eval(const FxPool *p, Fx f, const FxEnv *env);
/* Text as in the language: `max(u0, 0)`, leaves u0 u1 .., thetas th0 ..; reads back by fx_parse. */
void fx_print(const FxPool *p, const Intern *syms, Buf *b, Fx f);
/* Reads what fx_print wrote; NULL-terminated text at *s, which is moved on; 0 on a syntax error. */
Fx fx_parse(FxPool *p, Intern *syms, const char **s);
/* The same with scalar definitions by their names, `$score[s, t]` instead of `$7[s, t]`. */
typedef struct FxNames {
    Sym (*name)(void *ctx, uint32_t def);  /* 0: none */
    uint32_t (*find)(void *ctx, Sym name); /* 0: none of that name */
    void *ctx;
} FxNames;
void fx_print_named(const FxPool *p, const Intern *syms, Buf *b, Fx f, const FxNames *names);
Fx fx_parse_named(FxPool *p, Intern *syms, const char **s, const FxNames *names);
#endif

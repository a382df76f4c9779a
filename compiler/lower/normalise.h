/* State of the normalise pass, shared by its two files. */
#ifndef TPC_LOWER_NORMALISE_H
#define TPC_LOWER_NORMALISE_H
#include "lower/normal.h"

/* How a pair array of second moments is stored.
 *   plain: as it is;  arms: a sum of coef * operand over operands that are normalised themselves,
 * so c' = sum f f' c with sum f^2 = 1, and 1 - c' without cancellation;  gate: one expectation
 * whose complement gauss has in closed form;  rounded: the plain sum over the norms. */
typedef enum CMode { C_PLAIN, C_ARMS, C_GATE, C_ROUNDED } CMode;
/* What a tangent array is divided by.  arms: the norms of its own vector;  shared: those too, for
 * r = F(h) with F positively homogeneous and F'(0) = 0;  leaf: the norms of the leaf under F. */
typedef enum TMode { T_PLAIN, T_ARMS, T_SHARED, T_LEAF } TMode;

typedef struct Scale { /* one-sample array that a stored value has to be multiplied by, both sides
                        */
    LArrayId array;    /* 0: none */
    const Aff *x, *y;  /* its indices, in the axes of the scaled array */
} Scale;

typedef struct NormInfo {
    CMode c;
    TMode t;
    bool unit, need_e, need_o;
    bool apart; /* plain, and its c is an array of its own: a window's sum is scaled once */
    LArrayId c_array; /* apart: that array */
    bool exact; /* unit: 1 - c carries no rounding error of size 1 */
    LArrayId codefect; /* LK_O companion */
    Scale scale;       /* of T arrays; of C arrays: see root */
    Scale root;        /* C arrays: sqrt of the self second moments (0 where they are 0) */
} NormInfo;

typedef struct SelfInfo { /* per self array */
    LArrayId norm, root, inverse, zero;
    Sym zeros; /* measured: 1 if any sample has variance 0 */
} SelfInfo;

typedef struct Normal {
    Ctx *c;
    Limit *l;
    Arena *a;
    uint32_t n0;      /* arrays before the pass */
    NormInfo *info;   /* [n0] */
    SelfInfo *self;   /* [n0] */
    const LTerms *eq; /* [n0] the equations before the pass */
} Normal;

/* A term as coefficient times at most one operand; false: something else is in it. */
typedef struct Part {
    Fx coef;
    const LFactor *operand; /* NULL: none */
    const LFactor *scale;   /* times this of the left sample and of the right one; NULL: none */
} Part;
bool normal_part(Normal *n, const LTerm *t, Part *out);

LArrayId normal_norm(Normal *n, LArrayId self);
LArrayId normal_root(Normal *n, LArrayId self);
/* The indices of pair array id's own self array at its axes (left side). */
const Aff *normal_self_axes(Normal *n, LArrayId id);
/* normalise_eq.c: rewrite every equation. */
void normal_rewrite(Normal *n);
#endif

/* State of the normalise pass, shared by its two files. */
#ifndef TPC_LOWER_NORMALISE_H
#define TPC_LOWER_NORMALISE_H
#include "lower/normal.h"

/* How a pair array of second moments is stored.
 *   plain: as it is;  arms: a sum of coef * operand over operands that are normalised themselves,
 * so c' = sum f f' c with sum f^2 = 1, and 1 - c' without cancellation;  gate: one expectation
 * whose complement gauss has in closed form;  rounded: none of these: stored as it is, c apart. */
typedef enum CMode { C_PLAIN, C_ARMS, C_GATE, C_ROUNDED } CMode;
/* What a tangent array is divided by.  arms: the norms of its own vector;  shared: those too, for
 * r = F(h) with F positively homogeneous and F'(0) = 0;  leaf: the norms of the leaf under F;
 * copy: what shared arrays are divided by, of which it is a copy. */
typedef enum TMode { T_PLAIN, T_ARMS, T_SHARED, T_LEAF, T_COPY } TMode;

typedef struct Scale { /* one-sample array that a stored value has to be multiplied by, both sides
                        */
    LArrayId array;    /* 0: none */
    const Aff *x, *y;  /* its indices, in the axes of the scaled array */
} Scale;

typedef struct NormInfo {
    CMode c;
    TMode t;
    bool unit, need_e, need_o;
    bool at_zero; /* 1 - c has to be 1 where a sample has variance 0 (a leaf's has) */
    bool apart; /* plain, and its c is an array of its own: sums are made once, scaled once */
    LArrayId c_array; /* apart: that array */
    bool exact; /* unit: 1 - c carries no rounding error of size 1 */
    LArrayId codefect; /* LK_O companion */
    Scale scale;       /* of T arrays */
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
/* guards.c: terms under one set of guards. */
bool normal_guards_same(const LTerm *a, const LTerm *b);
/* A term under further guards. */
LTerm normal_under(Normal *n, const LTerm *t, const Cons *more, uint32_t nmore);
/* Do the guards of term k of equation id hold wherever those of term i do? */
bool normal_guards_within(const Normal *n, LArrayId id, uint32_t i, uint32_t k);
/* Can the guards of both terms of equation id hold at one element? */
bool normal_guards_overlap(const Normal *n, LArrayId id, uint32_t i, uint32_t k);
/* No other set of guards holds where those of term i of equation id do. */
bool normal_guard_alone(const Normal *n, LArrayId id, uint32_t i);
/* Is term i of the equation of second moments the normalised operand itself: nothing else beside
 * it, so its variance too is the operand's? */
bool normal_copies(Normal *n, LArrayId id, uint32_t i);
/* Likewise of a tangent array, twin the second moments of its vector: the tangent array passed on;
 * 0: none. */
LArrayId normal_t_copies(Normal *n, LArrayId id, LArrayId twin, uint32_t i);
/* The C pair array of the vector and index space of a T array; 0: none. */
LArrayId normal_c_twin(const Normal *n, LArrayId t);
/* measured.c: 1/2 where the self second moment is 0, else 0; sets SelfInfo.zeros. */
LArrayId normal_zero(Normal *n, LArrayId self);
/* Where (guards, a size of the run) one arm of equation id is so large in all samples that 1 + c is
 * not near 0; arm: the arrays of the arms' factors.  false: nowhere. */
bool normal_strong(Normal *n, LArrayId id, const LArrayId *arm, ConsVec *where);
/* Arrays of 1 + c that are read under such a guard only are computed under it. */
void normal_sink_codefects(Normal *n);
/* normalise_eq.c: rewrite every equation. */
void normal_rewrite(Normal *n);
#endif

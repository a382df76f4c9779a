/* The infinite-width limit of a program by the product program: two copies of it, x and x',
 * sharing parameters; a system of recurrences over arrays of second moments, tangent kernels
 * and means.
 *
 * After the demand fixpoint every array has only its *free* axes: a right dim that is equal
 * (with an offset) to a left one is written in the left one's variable, a fixed dim is gone.
 * So consumers see plain recurrences `A[axes] = sum of terms`, and need not know about links.
 * Right-hand copies of loop variables and per-sample sizes carry a prime in their names. */
#ifndef TPC_LIMIT_H
#define TPC_LIMIT_H
#include "kernel/kernel.h"

typedef enum LKind {
    LK_C, /* second moment E[Z^A Z^B] */
    LK_T, /* tangent kernel (forward form) */
    LK_M, /* mean E Z^A */
    LK_D, /* mean of the leaf-th derivative of a nonlin (that of fx_diff) */
    LK_S, /* scalar definition */
    /* made by the normalise pass (lower/normalise.c): */
    LK_N, /* s = sqrt(C self), 1 where C self is 0 */
    LK_F, /* a one-sample factor: value of a scalar expression of one-sample arrays */
    LK_E, /* defect 1 - c of a normalised pair array */
    LK_O, /* 1 + c, where c may be negative and its sign matters */
    /* made by the series pass (lower/series.c): */
    LK_H  /* Hermite coefficients: last axis k */
} LKind;

typedef enum LStage { LS_const, LS_sample, LS_series, LS_pair } LStage;
/* What a stored pair array holds. */
typedef enum LForm { FORM_plain, FORM_unit /* c = C / (s s'), theta = T / (s s') */ } LForm;

typedef uint32_t LArrayId; /* index into Limit.array; 0 is unused */

typedef struct LRef { /* element idx[0..naxis) of an array */
    LArrayId array;
    Side side;
    const Aff *idx;
} LRef;

typedef enum LFactorKind {
    LF_ref,    /* ref */
    LF_gram,   /* xi[..] . xi'[..] / d of inputs `in[0]`, `in[1]` (a basis vector: see basis) */
    LF_coef,   /* scalar expression (hyperparameters, sizes, indices) */
    LF_exp,    /* Gaussian expectation */
    LF_series, /* sum_k h[k] h'[k] c^k, or its derivative by c */
    LF_hermite, /* k-th Hermite coefficient of exp->F, k = the array's last axis */
    LF_scalar, /* scalar expression of array elements */
    LF_softmax /* e^logit over its sum along one axis of the array it stands in */
} LFactorKind;

typedef struct LGram { /* SIDE of both for a self Gram is x, else x and y */
    DefId def[2];      /* input, basis definitions (resolved: never lin) */
    const Aff *idx[2]; /* position indices (none without positions) */
    bool self;
    Side side;        /* self: the sample */
    LForm form;        /* pair: plain, or unit (c of the input Gram) after normalise */
    LKind kind;        /* LK_C: the value; LK_E, LK_O: 1 - c, 1 + c of the input Gram */
} LGram;

typedef struct LTerm LTerm;
typedef struct LTerms {
    const LTerm *term;
    uint32_t n;
} LTerms;

/* E[F(u_0..u_{nl-1}; theta) * G(u_nl.. ; theta)], or E F where G = 0. Leaves 0..nl-1 belong to
 * the left copy, nl..nleaf-1 to the right one.  nl = nleaf with a G: one copy (within one
 * sample, where both sides have leaves in common), and G is written in its leaves too. */
typedef struct LExp {
    Fx F, G;
    uint32_t nl, nleaf;
    Side lside, rside;   /* the copies' samples */
    const LTerms *cov;    /* [p * nleaf + q], p <= q: second moments; n = 0 with !indep: zero */
    const bool *indep;    /* [p * nleaf + q]: never correlated (the second moment is m_p m_q) */
    const LTerms *mean;   /* [nleaf]: n = 0 where centred */
    const struct LFactor *theta; /* coef, ref or scalar: of one sample, or of none */
    uint32_t ntheta;
    /* after normalise: pair (0, nl) of a one-leaf-a-side expectation reads these instead of cov */
    LRef unit, defect, codefect; /* array 0: not there */
    LRef norm[2];                /* s of leaf 0 and leaf nl */
    bool rounded;                /* and what it reads is not exactly c = 1 for equal samples */
    /* unit: E[F G] / (|F| |G|); complement: 1 - that */
    enum { EXP_value, EXP_unit, EXP_complement } want;
    const struct Expectation *plan; /* chosen by gauss (lower/expect.c) */
} LExp;

typedef struct LSeries { /* sum_k left[k] right[k] c^k over k < size of the axis; deriv: d/dc */
    LRef left, right;    /* LK_H arrays; idx without the last axis */
    const LExp *exp;     /* whose covariances give the correlation c */
    bool deriv;
} LSeries;

typedef struct LScalar LScalar;

/* The whole equation of a softmax array: an element's logit is the sum of `logit`; its terms
 * exclude each other, and an element without one counts as e^-inf.  A row without elements is
 * NaN. */
typedef struct LSoftmax {
    uint32_t over; /* axis of the array */
    LTerms logit;
} LSoftmax;

typedef struct LFactor {
    LFactorKind kind;
    Side side; /* coef: whose sizes and scalars */
    union {
        LRef ref;
        LGram gram;
        Fx coef;
        const LExp *exp;
        const LSeries *series;
        const LScalar *scalar;
        const LSoftmax *softmax;
    };
} LFactor;

struct LScalar { /* f with theta k = the value of factor arg[k] (ref or gram) */
    Fx f;
    const LFactor *arg;
    uint32_t narg;
};

struct LTerm { /* sum over red [cons] product of factors (empty product: 1) */
    const Dim *red;
    uint32_t nred;
    const Cons *cons;
    uint32_t ncons;
    const LFactor *factor;
    uint32_t nfactor;
};

typedef struct LArray {
    Sym name;          /* K.h.h, Th.r.r, mean.r, .. ; unique */
    LKind kind;
    LStage stage;
    LForm form;
    DefId A, B;        /* definitions (B = 0 beyond C, T, E, O) */
    uint32_t leaf;     /* D: which leaf */
    const Dim *axis;   /* bounds affine in earlier axes and sizes */
    uint32_t naxis;
    uint32_t wrap;     /* bit k: reads take index k modulo the extent of axis k */
    LTerms eq;         /* none where `data` is set */
    bool data;         /* S: numbers that come with a sample, see InputDecl */
    uint32_t input;    /* their number */
    /* Elements exist only where these hold, too: what the axes' bounds cannot say. */
    const Cons *cons;
    uint32_t ncons;
    /* [2 * naxis], or NULL: how far below and above the axes' ranges it is read, where it is 0 as
     * it is wherever an element does not exist (halo.c). */
    const int64_t *halo;
    const int64_t *rim; /* [2 * naxis], or NULL: the same below and above where elements exist */
    uint32_t group;    /* of Limit.group; 0: none */
    bool sums;         /* of a group: a number, its equation added up over the group's offsets */
    const char *finite; /* S, F: its numbers must be finite, else a message names this */
    bool nonneg;       /* proved >= 0 for all inputs */
    bool noisy;        /* C, T: noise enters; a pair of equal samples differs from self */
    /* Pair C and T: the self arrays C(A, A) at the left index and C(B, B) at the right one, in
     * terms of this array's axes; array 0 where they are not demanded. */
    LRef self[2];
    /* Self C arrays of one definition: index of their diagonal, in the first ndiag axes. */
    const Aff *diag;
    uint32_t ndiag;
    Span span;
} LArray;

/* Pair arrays over positions p, p' that only meet the same offset p' - p: they are computed for one
 * offset after the other, under loops over the offsets (made by lower/offset.c). */
typedef struct LGroup {
    const Dim *off; /* bounds affine in sizes */
    uint32_t noff;
} LGroup;

typedef struct LOutput {
    KernelKind kernel;
    const Dim *axis; /* positions of x, then of x' */
    uint32_t naxis;
    LTerms value;    /* plain */
    bool noisy;      /* a sample's kernel with itself is another than a pair's: */
    const Dim *self_axis;
    LTerms self;     /* that one, of side x */
} LOutput;

/* A size known after the sample stage: the maximum of a sample array, rounded up (made by
 * lower/). */
typedef struct LMeasure {
    Sym name;
    LArrayId array;
    int64_t cap;
} LMeasure;

typedef struct Limit {
    const Program *p;
    AffCtx *aff;
    FxPool *fx;
    VEC(LArray) array; /* [0] unused */
    VEC(LMeasure) measure;
    VEC(LGroup) group; /* [0] unused; those of which others read sums come first */
    LOutput out[KERNEL_COUNT];
    uint32_t nout;
    unsigned kernels; /* what was asked for */
    bool mirrored;    /* one-sample C arrays of (B, A) are read as those of (A, B) */
} Limit;

/* kernels: bit set of 1 << KernelKind.  A program that needs what is not there yet (a stream
 * that gains Gaussian leaves with every turn, ..) gets a diagnostic naming loop, nonlinearity
 * and sum. */
bool limit_derive(Ctx *c, const Program *p, unsigned kernels, Limit **out);
/* The same with one-sample second moments of (B, A) folded into those of (A, B): a second try where
 * no order of evaluation exists (product.md 9). */
bool limit_derive_mirrored(Ctx *c, const Program *p, unsigned kernels, Limit **out);
/* One equation a line, as in product.md 11; with methods and error estimates after lower_expect. */
void limit_print(const Ctx *c, Buf *b, const Limit *l);
/* Every read is inside its array's axes (by aff_implied), stages only read earlier or equal ones,
 * side y only in pair.  NULL if sound. */
const char *limit_verify(const Ctx *c, const Limit *l);
/* Is f >= 0 wherever its leaves are?  known(ctx, g): subexpressions that are, by other knowledge.
 */
bool fx_nonneg(const FxPool *p, Fx f, bool (*known)(void *ctx, Fx f), void *ctx);
#endif

/* Gaussian expectations of the user's coordinatewise expressions, derived symbolically.
 *
 * A query is E[F(u_0..) G(v_0..)] (or E F) over jointly Gaussian leaves whose covariances and means
 * are symbols with binding times.  The answer says how it is computed: a closed form (a hash-consed
 * formula over the symbols), a Hermite series, or quadrature split at the breaks, in at most three
 * dimensions after polynomial leaves are eliminated and independent groups are factored. */
#ifndef TPC_GAUSS_H
#define TPC_GAUSS_H
#include "kernel/kernel.h"

typedef struct GaussQuery {
    FxPool *fx;
    Fx F, G;             /* G = 0: E F.  Leaves 0..nl-1 occur in F, nl..nleaf-1 in G */
    uint32_t nl, nleaf;
    bool same;           /* one copy: F and G share the leaves */
    const bool *zero;    /* [p * nleaf + q], p < q: covariance is 0 for sure */
    const bool *centred; /* [nleaf] */
    bool unit;           /* one leaf a side: operands c, d, sign are offered (normalised arrays) */
    bool nonneg;         /* with unit: c >= 0 for sure */
    bool exact;          /* with unit: d >= 0 for sure, else a rounded d is clamped */
    const bool *theta_pos; /* [ntheta]: known > 0 (standard deviations, scales); may be NULL */
    bool distributional; /* E of the distributional derivative of F by leaf dleaf (G = 0) */
    uint32_t dleaf;
    bool no_series;      /* outside the pair stage: Hermite arrays are not there yet */
    bool no_closed;      /* quadrature in any case: the self-check of closed forms */
} GaussQuery;

typedef enum GaussMethod { GM_closed, GM_series, GM_quadrature, GM_none } GaussMethod;

typedef struct Expectation {
    GaussMethod method;
    uint32_t dims;           /* quadrature: dimensions of the integral */
    double error;            /* estimate, relative to sqrt(E F^2 E G^2) */
    const char *text;        /* for people: the formula, or `Hermite series of tanh(u0)` .. */
    const char *why_none;    /* GM_none: what is left, by name */
    bool zero;               /* identically 0 */
    bool needs_defect;       /* near |rho| = 1 it needs 1 - |rho| as an input (hard gates) */
    bool complement;         /* gauss_emit_complement is there (unit, F = G, homogeneous) */
    bool homogeneous;        /* gauss_emit_unit is there (unit, F and G homogeneous) */
    uint32_t degree[2];      /* homogeneous: F(s u) = s^degree F(u), s > 0 */
    uint32_t packed;         /* series: coefficient j is a_k, k = j (0), 2 j (1), 2 j + 1 (2) */
    /* series: quadrature where a variance is too large (gauss_emit_both); NULL: none */
    const struct Expectation *beyond;
    double norm2;            /* homogeneous: E F^2 / s^(2 degree) where it is a number, else 0 */
    double cost;             /* FMA slots per pair (gauss.md 5), for the time estimate */
    const void *data;        /* gauss's own */
} Expectation;

const Expectation *gauss_plan(Ctx *c, const GaussQuery *q);
/* Expectation.error, of a quadrature at these variances. */
double gauss_error(const Expectation *e, const double *var);

/* Values the emitter reads; 0 = not offered. */
typedef struct GaussOperands {
    const KVal *var;   /* [nleaf]: variances (covariance minus product of means) */
    const KVal *cov;   /* [p * nleaf + q], p < q: covariances of leaves; 0 where GaussQuery.zero */
    const KVal *mean;  /* [nleaf]; 0 where centred */
    const KVal *theta; /* [ntheta] */
    KVal s[2];         /* unit: standard deviations of leaf 0 and leaf nl */
    KVal c, d, sign;   /* unit: correlation, 1 - |rho|, and rho's sign as +1 / -1 */
} GaussOperands;
/* Append the computation of a closed form or a quadrature to b; zero variances are handled by masks
 * (a leaf of variance 0 is the constant F(mean), with the tie rules of fx.h). */
KVal gauss_emit(KBuild *b, const Expectation *e, const GaussOperands *o);
/* Homogeneous F and G (relu, leaky_relu, abs, step, relu^n, monomials of one leaf, breaks at 0):
 * E[F G] / (|F| |G|) as a function of c, d and sign alone, |F|^2 = E F^2; nothing else is read from
 * o.  Both variances must be positive: a side of variance 0 is the caller's mask. */
KVal gauss_emit_unit(KBuild *b, const Expectation *e, const GaussOperands *o);
/* F = G up to a positive factor: 1 - gauss_emit_unit, without cancellation near c = 1. */
KVal gauss_emit_complement(KBuild *b, const Expectation *e, const GaussOperands *o);
/* Any scalar or coordinatewise expression by kernel instructions, leaves and thetas given.  Ties as
 * in fx.h; log(1 + exp(x)) does not overflow.  Hyperparameters are found by name in Kernel.real. */
KVal gauss_emit_fx(KBuild *b, Fx f, const KVal *leaf, const KVal *theta);

/* ---- series: F of one smooth leaf (GM_series plans) */
typedef enum GaussParity { GP_none, GP_even, GP_odd } GaussParity;
typedef struct SeriesCaps { /* numbers of terms */
    int64_t terms;  /* the largest for which there are coefficients; one more: quadrature */
    int64_t served; /* the largest with a method; one more: none */
} SeriesCaps;
SeriesCaps gauss_series_caps(const Expectation *e, int side, bool slope);
/* Of Expectation.beyond: v[0] = E[F G] and, if `slope`, v[1] = E[F' G']. */
void gauss_emit_both(KBuild *b, const Expectation *e, bool slope, const GaussOperands *o,
                     KVal v[2]);
/* Number of terms K needed for variance q, emitted as a real value: a step function made at compile
 * time from the Hermite coefficients, for an error of Expectation.error in the value and, if
 * `slope`, in the series' derivative, too. */
KVal gauss_emit_terms(KBuild *b, const Expectation *e, int side, bool slope, KVal q);
/* Append loops that store the coefficients a_0 .. a_{K-1} of F (or G) in array[idx.., k],
 * K = terms <= cap.  F and G of one parity: a_k of that parity alone (Expectation.packed). */
void gauss_emit_hermite(KBuild *b, const Expectation *e, int side, bool slope,
                        const GaussOperands *o, uint32_t array, const Aff *idx, uint32_t nidx,
                        Aff terms, int64_t cap);

/* ---- for verdicts and other stages */
/* Value in double of a closed form or by adaptive quadrature, from numbers: the tests' entry. */
typedef struct GaussNumbers {
    const double *var, *cov, *mean, *theta;
    double c, d, sign;
} GaussNumbers;
double gauss_value(Ctx *c, const GaussQuery *q, const Expectation *e, const GaussNumbers *n);
/* The value of gauss_emit_unit or gauss_emit_complement. */
double gauss_value_unit(Ctx *c, const Expectation *e, const GaussNumbers *n, bool complement);
#endif

/* The normal form of coordinatewise expressions: a sum of
 *     coef * monomial * exp(linear - quadratic / 2) * gates * deltas * opaque factors.
 * A gate is H(l) = P(l + s w > 0), l affine in the leaves, w an own N(0,1): the indicator for s = 0
 * (hard), the normal cdf for s = 1 (soft).  A delta is delta(l). */
#ifndef TPC_GAUSS_NORMAL_H
#define TPC_GAUSS_NORMAL_H
#include "gauss/formula.h"

enum {
    MAX_LEAF = 12,
    MAX_GATE = 6,
    MAX_DELTA = 3,
    MAX_OPAQUE = 4,
    MAX_QUAD = MAX_LEAF * (MAX_LEAF + 1) / 2,
    MAX_TERMS = 64
};

typedef struct Gate {
    Fm a[MAX_LEAF]; /* hard: leading coefficient 1; soft: leading coefficient positive */
    Fm c;
    uint32_t soft;
} Gate;

typedef struct Key {
    uint8_t pow[MAX_LEAF];
    Fm lin[MAX_LEAF];
    Fm quad[MAX_QUAD]; /* exp(-1/2 sum_{a <= b} m quad[a, b] x_a x_b), m = 1 on the diagonal, else 2
                        */
    uint32_t gate[MAX_GATE]; /* sorted gate numbers, 0 = none */
    uint32_t delta[MAX_DELTA];
    Fx opq[MAX_OPAQUE]; /* sorted, 0 = none */
} Key;

typedef struct Term {
    Key key;
    Fm coef;
} Term;

typedef struct Normal {
    const Term *t;
    uint32_t n;
} Normal;

typedef struct NormalMemo {
    Fx f;
    const Normal *r; /* NULL: outside the class */
} NormalMemo;

typedef struct Norm { /* a normaliser: what all calls share */
    FmPool *p;
    FxPool *fx;
    Arena *a;
    Intern *syms;
    const bool *theta_pos;
    uint32_t ntheta;
    unsigned (*theta_time)(void *ctx, uint32_t k);
    void *ctx;
    VEC(Gate) gate; /* [0] unused */
    VEC(NormalMemo) memo;
    const char *why; /* of the last failure */
} Norm;

static inline uint32_t quad_at(uint32_t a, uint32_t b) { /* a <= b */
    return b * (b + 1) / 2 + a;
}

Norm *norm_new(Arena *a, FmPool *p, Intern *syms);
uint32_t leaf_set(const FxPool *fx, Fx f); /* bit set */

/* NULL: more than MAX_TERMS terms or more factors than a key holds; Norm.why says so. */
const Normal *nf_add(Norm *n, const Normal *a, const Normal *b);
const Normal *nf_mul(Norm *n, const Normal *a, const Normal *b);
const Normal *nf_scale(Norm *n, const Normal *a, Fm c);
const Normal *nf_const(Norm *n, Fm c);
const Normal *nf_leaf(Norm *n, uint32_t leaf);
const Normal *nf_key(Norm *n, const Key *k, Fm coef);
const Normal *nf_opaque(Norm *n, Fx f);
/* Gate of the affine l; soft gates keep their scale. */
const Normal *nf_gate(Norm *n, const Gate *l);
bool nf_affine(const Norm *n, const Normal *f, Gate *out);
bool nf_polynomial(const Normal *f);
bool nf_has_opaque(const Normal *f);
uint32_t key_leaves(const Norm *n, const Key *k);

/* The normal form of f (leaves: numbers in f + shift).  Never NULL: what is outside the class is
 * one opaque factor. */
const Normal *normalise(Norm *n, Fx f);
/* An exponential beside a gate: its closed form loses digits (e^q against a cdf tail). */
bool nf_tilted(const Normal *f);
/* Distributional derivative by a leaf; NULL if it is outside the class. */
const Normal *nf_diff(Norm *n, const Normal *f, uint32_t leaf);
void nf_print(const Norm *n, Buf *b, const Normal *f);
#endif

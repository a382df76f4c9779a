/* Quadrature of what has no closed form: one nest of loops a set of core leaves. */
#ifndef TPC_GAUSS_QUAD_H
#define TPC_GAUSS_QUAD_H
#include "gauss/plan.h"

enum { MAX_DIM = 3, MAX_BREAK = 6, MAX_NEST_INTEGRALS = 64 };
#define QUAD_RANGE 9.5 /* standard deviations around the mean */

/* Kinks and jumps of an expression in its leaves, added to the plan; sets pl->rough where one is at
 * no fixed place of a single leaf. */
void breaks_of(Plan *pl, Fx f);
void breaks_of_key(Plan *pl, const Key *k);
uint32_t breaks_count(const Plan *pl, uint32_t leaf);
double shape_slots(const FxPool *fx, Fx f);

/* Steps of the rule of smooth leaves in a nest. */
uint32_t quad_smooth_steps(const Plan *pl, uint32_t dims);
/* Sets Plan.scale and Plan.steps; returns the error of the rule: at variances up to 1,024 or, if
 * that takes too many steps, at 64. */
double quad_smooth_rule(Plan *pl, uint32_t dims);
/* The variance of this leaf up to which quadratures of the functions f are good; 0: none. */
double quad_reach(const Plan *pl, uint32_t dims, const Fx *f, uint32_t nf, uint32_t leaf);

typedef struct Elim { /* a leaf that occurs only as a power, given the nest's variables */
    uint32_t leaf;
    MVal gamma[MAX_DIM];
} Elim;

typedef struct Nest { /* integrals over one set of core leaves */
    Run *r;
    Mach *m;
    const Plan *pl;
    uint32_t n, leaf[MAX_DIM]; /* core leaves */
    uint32_t nint, in[MAX_NEST_INTEGRALS];
    uint32_t cell[MAX_NEST_INTEGRALS];
    uint32_t leaves[MAX_NEST_INTEGRALS][MAX_OPAQUE]; /* of an integral's factors */
    MVal mean[MAX_DIM], L[MAX_DIM][MAX_DIM];
    uint32_t nelim;
    Elim elim[MAX_LEAF];
    MVal R[MAX_LEAF][MAX_LEAF]; /* residual covariances of eliminated leaves */
    MVal elim_mean[MAX_LEAF];
    /* made once, not for every point of the levels outside; v NULL, npoint 0: not yet */
    MTable panel_t, panel_w, count;
    uint32_t points[MAX_DIM], npoint[MAX_DIM];
} Nest;

/* Values of the integrals of a nest: stored in its cells. */
void nest_prepare(Nest *q);
/* weight[k] times the factors of integral k that are complete once the first `done` leaves are
 * known (from: first of the newly known); y: leaf values by leaf number; z: the standard variables.
 */
void nest_factors(Nest *q, uint32_t from, uint32_t done, const MVal *y, MVal *weight);
void nest_add(Nest *q, const MVal *y, const MVal *z, const MVal *weight);
#endif

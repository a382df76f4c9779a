/* Hermite series of smooth functions of one leaf a side. */
#ifndef TPC_GAUSS_SERIES_H
#define TPC_GAUSS_SERIES_H
#include "gauss/plan.h"

/* Orders that a kernel may sum, steps of the table of variances, nodes of the rule in double. */
enum { MAX_ORDER = 1400, STEPS = 37, NODES = 481, SIDES = 2 };

struct Hermite {
    Fx f[SIDES], d[SIDES];    /* functions and derivatives */
    uint32_t leaf[SIDES];
    GaussParity parity[SIDES];
    uint32_t packed;          /* 0: all k, 1: even, 2: odd */
    bool lump;                /* where slopes are wanted the last coefficient holds the tail */
    double q[STEPS];          /* variances up to which .. */
    /* .. this many stored coefficients are enough for the value, and for value and slope */
    uint32_t terms[2][SIDES][STEPS];
    int last[2][SIDES];       /* step of the largest variance served; -1: none */
    double reach[2][SIDES];   /* variance up to which quadrature serves beyond it; 0: none */
};

bool series_applies(Plan *pl);
/* false: the series converges too slowly. */
bool series_plan(Plan *pl, Expectation *e);
/* Are these variances small enough for the value's series? */
bool series_serves(const Plan *pl, const double *var);
/* The series summed in double; c: correlation. */
double series_value(const Plan *pl, double c, const double *var, const double *mean);

/* series_orders.c: fills q, terms and last, as many of them as converge. */
void series_orders(const Plan *pl, Hermite *h);
/* Relative to E F^2 or E F'^2: what the orders left out may come to. */
extern const double series_tolerance[2];
/* Stored coefficients that cover the orders below k. */
uint32_t series_stored(const Hermite *h, uint32_t k);

/* The trapezoid rule and h_k at its nodes, in double. */
typedef struct Recurrence {
    double z[NODES], now[NODES], before[NODES];
} Recurrence;
/* *second: E F(mean + s z)^2 */
void recurrence_start(Recurrence *r, const FxPool *fx, Fx f, double mean, double s,
                      double *second);
/* a_k = E F h_k, k = 0, 1, .. in turn */
double recurrence_step(Recurrence *r, int k);
#endif

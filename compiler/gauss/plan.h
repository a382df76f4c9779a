/* What gauss_plan decided; the emitters read it. */
#ifndef TPC_GAUSS_PLAN_H
#define TPC_GAUSS_PLAN_H
#include "gauss/expect.h"
#include "gauss/gauss.h"
#include "gauss/mach.h"

enum { MAX_UNIT = 26, MAX_TAIL = 2 };

/* Homogeneous F and G: E F G / (|F| |G|) as a polynomial in d = 1 - |c| a branch of c's sign, plus
 * tails of fans (fan.h). */
typedef struct UnitForm {
    uint32_t n; /* coefficients */
    Fm pos[MAX_UNIT], neg[MAX_UNIT];
    uint32_t ntail;
    struct {
        uint32_t a, b;
        Fm coef; /* rho <= 0: coef * T; rho > 0: -(-1)^b coef * T */
    } tail[MAX_TAIL];
} UnitForm;

typedef struct Break { /* a kink or jump of the integrand at leaf = at */
    uint32_t leaf;
    Fm at;
} Break;

typedef struct Hermite Hermite; /* series.h */

typedef struct Plan {
    Ctx *c;
    GaussQuery q;
    FmPool *p;
    Norm *n;
    Expect *x;
    const Normal *F, *G; /* G: 1 where the query has none */
    Fm value, slope; /* slope: gauss_plan_both */
    bool unit;      /* symbols are s, c, r */
    bool mask;      /* zero variances need their own value */
    Fm mean[2];     /* mask: E F, E G */
    bool vanish[2]; /* mask: F (G) is 0 at variance 0 */
    Fx atmean[2];   /* what F (G) is at variance 0, as a function of the mean */
    UnitForm *form;
    Fm norm2[2];
    VEC(Break) breaks;
    bool rough; /* kinks that are not at known places of single leaves */
    double scale[MAX_LEAF]; /* size of the features of functions of a smooth leaf near 0; 0: 1 */
    uint32_t steps;         /* of the rule of smooth leaves; 0: as many as usual */
    double rule_error;      /* quadrature: error but for that of smooth leaves */
    const Hermite *series;
} Plan;

/* What the emitters read, on either machine. */
typedef struct Operands {
    Mach m;
    const MVal *var, *cov, *mean, *theta;
    MVal s[2], c, d, sign;
} Operands;

typedef struct Run Run; /* emit.c: values of formulas already computed */
Run *run_new(const Plan *pl, const Operands *o);
MVal run_value(Run *r, Fm f);
Mach *run_mach(Run *r);
const Operands *run_operands(const Run *r);
const Plan *run_plan(const Run *r);
/* Standard deviation of a leaf, 0 where its variance is 0. */
MVal run_std(Run *r, uint32_t leaf);
MVal run_mean(Run *r, uint32_t leaf);
MVal run_var(Run *r, uint32_t leaf);
MVal run_cov(Run *r, uint32_t i, uint32_t j);
/* c, 1 - |c|, c < 0 as a mask, of two leaves. */
typedef struct PairVal {
    bool have;
    MVal c, d, neg, sign;
} PairVal;
const PairVal *run_pair(Run *r, uint32_t i, uint32_t j);
/* Unit pairs: 1 - |c|, not below 0. */
MVal run_defect(Run *r);
/* A scalar or coordinatewise expression with the given leaves. */
MVal run_fx(Run *r, Fx f, const MVal *leaf);

MVal plan_unit(Run *r, bool complement);
/* Quadratures of F G and, in the same loops, of F' G' (Expectation.data of q: Plan.slope). */
const Expectation *gauss_plan_both(Ctx *c, const GaussQuery *q, Fx dF, Fx dG);
/* quad.c: all integrals of the plan. */
void quad_values(Run *r, MVal *out);
/* How the integrals of the plan will be computed; returns what is in the way, or NULL. */
const char *quad_plan(Plan *pl, Expectation *e);
/* Slots of a formula in the pair stage. */
double plan_cost(const Plan *pl, Fm f);
/* unit.c: the homogeneous form, where F and G are. */
bool unit_form(Plan *pl, Expectation *e);
#endif

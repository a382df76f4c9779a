/* One reverse pass: the adjoints for one output, appended to the program. */
#ifndef TPC_GRADIENT_PASS_H
#define TPC_GRADIENT_PASS_H
#include "gradient/gradient.h"

/* A contribution to an adjoint: sum over red [cons] coef * use.  Where the adjoint is a scalar's,
 * use.d is 0.  from: the definition of this pass that it is linear in; 0: a seed. */
typedef struct Term {
    Arm arm;
    DefId from;
} Term;

typedef struct Made { /* of a definition that a pass made */
    GradientPart part;
    DefId of;
    DefId from; /* parts: the definition of the pass that it is linear in */
    VEC(Term) term; /* adjoints */
    bool live;      /* not zero */
} Made;

typedef struct Work { /* the program being extended, and what is known of its definitions */
    Ctx *c;
    Arena *a;
    Program *p;
    FxPool *fx;
    AffCtx *x;
    VEC(Made) made; /* of each definition of p */
    uint8_t *taken; /* by Sym: a definition has that name */
    Sym ntaken;
} Work;

typedef struct Output { /* what is differentiated: element idx of a scalar, for all values of dim */
    DefId d;
    const Aff *idx;
    const Dim *dim; /* their names occur nowhere else */
    uint32_t ndim;
} Output;

typedef struct Pass {
    Work *w;
    Output out;
    const char *mark; /* "d", "d1": before the names of adjoints */
    DefId first;      /* definitions from here on are of this pass */
    DefId *adj;       /* of definitions below first; 0: none */
    VEC(DefId) copy;  /* lins with circular dims that copy another definition */
    bool failed;      /* diagnostics were added */
} Pass;

/* Where a contribution arises: at all indices of dim and red under cons. */
typedef struct Scope {
    const Dim *dim, *red;
    uint32_t ndim, nred;
    const Cons *cons;
    uint32_t ncons;
} Scope;

static inline Def *work_def(const Work *w, DefId d) { return &w->p->def.data[d]; }

/* pass.c: false: diagnostics were added. */
bool pass_run(Work *w, Output out, const char *mark, DefId **adjoint);
/* Append d, named `mark.base` or as near to it as is free. */
DefId work_add(Work *w, Def d, const char *mark, Sym base, Made m);
/* Make a definition of the pass over the output's dims, then those of s (guards ignored). */
DefId pass_part(Pass *s, Def d, const Scope *at, const char *mark, GradientPart part, DefId of,
                DefId from);
/* d[own dims of the output, then dims and reductions of at]. */
Use pass_use(Pass *s, DefId d, const Scope *at);
Fx pass_sref(Pass *s, DefId d, const Scope *at);

/* rules.c: contributions of a vector definition that has an adjoint. */
void rule_vector(Pass *s, DefId d);
/* A forward quantity over the indices of at: the arm's operand, 0 where its guards do not hold.
 * of: the definition it is made for. */
Use guarded_operand(Pass *s, DefId of, const Arm *a, const Scope *at);
/* scalars.c */
void rule_scalar(Pass *s, DefId d);
/* output.c: the contributions of the output itself. */
void rule_output(Pass *s);
/* Contributions of coefficient f through the scalars it reads: each df/dtheta times `weight`,
 * which is linear in definition from. */
void rule_coefficient(Pass *s, const Scope *at, Fx f, Fx weight, DefId from);
/* Does f read a scalar that has an adjoint? */
bool reads_scalar(Pass *s, Fx f);
/* df/d sref. */
Fx sref_slope(Pass *s, Fx f, Fx sref);
typedef VEC(Fx) FxVec;
/* The srefs of f whose definitions have adjoints. */
FxVec scalars_read(Pass *s, Fx f);

/* emit.c: adjoint of target.d at target.idx += coef * use, for all indices of at. */
void adjoint_add(Pass *s, Use target, const Scope *at, Fx coef, Use use, DefId from);
/* simplify.c: over the ranges of base; false: it contributes nothing. */
bool arm_simplify(Work *w, Arm *a, const ConsVec *base);
/* Names replaced everywhere in an arm; its reductions keep theirs. */
Arm arm_replace(Work *w, Arm a, const AffSubst *m, uint32_t n);
/* prune.c: what is zero goes; loop-carried adjoints are marked. */
void pass_prune(Pass *s);
/* order.c: operands before users, unreachable definitions left out; to: new number of each old
 * one, 0 where it was left out.  Those below `fixed` stay as they are; keep: what else stays
 * whether it is read or not. */
void work_order(Work *w, DefId fixed, const bool *keep, DefId **to);
/* [def] those from `first` on that top reads, directly or by way of such; top itself only if it
 * reads itself so. */
bool *defs_below(Work *w, DefId top, DefId first);
#endif

/* Programs written in C, for tests of the stages after elaboration.  A definition gets the dims
 * that are current when it is made. */
#ifndef TPC_TEST_BUILD_H
#define TPC_TEST_BUILD_H
#include "program/program.h"

typedef struct PB {
    Ctx c;
    Program *p;
    AffCtx *x;
    FxPool *fx;
    Dim dim[8];
    uint32_t ndim;
} PB;

PB *pb_new(const char *name); /* with an arena of its own: arena_free(b->c.a) */
Aff pb_name(PB *b, const char *s);
Aff pb_size(PB *b, const char *s, int64_t least);
Fx pb_real(PB *b, const char *s); /* a real hyperparameter */
void pb_push(PB *b, const char *var, Aff lo, Aff hi);
void pb_pop(PB *b);
Dim pb_dim(PB *b, const char *var, Aff lo, Aff hi);

FamId pb_fam(PB *b, FamKind kind, const char *name, Fx s2, Fx lr, uint32_t nindex);
DefId pb_input(PB *b, const char *name);
DefId pb_basis(PB *b, const char *name, uint32_t input, int64_t k);
DefId pb_one(PB *b);
/* idx.. as many as the definition has dims */
Use pb_at(PB *b, DefId d, ...);
Use pb_own(PB *b, DefId d); /* at the definition's own dims */
/* fidx.. as many as the family has indices */
DefId pb_param(PB *b, const char *name, FamId f, ...);
DefId pb_matmul(PB *b, const char *name, FamId f, Use u, ...);
DefId pb_lin(PB *b, const char *name);
/* the last current dim is the loop's, extended by one by the caller */
DefId pb_mu(PB *b, const char *name);
void pb_arm(PB *b, DefId lin, Fx coef, Use u);
void pb_arm_if(PB *b, DefId lin, Fx coef, Use u, Cons c);
void pb_arm_sum(PB *b, DefId lin, Fx coef, Use u, Dim red);
/* init at var = 0, next at var >= 1 (read at var - 1) */
void pb_mu_init(PB *b, DefId mu, Use u);
void pb_mu_next(PB *b, DefId mu, DefId d);
DefId pb_nonlin(PB *b, const char *name, Fx f, uint32_t n, ...); /* n uses */
DefId pb_relu(PB *b, const char *name, Use u);
DefId pb_output(PB *b, FamId readout, Use x); /* fresh readout vector; the program's output */
#endif

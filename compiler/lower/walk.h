/* Walking the equations of a limit: every array element read, with the constraints it is read
 * under. */
#ifndef TPC_LOWER_WALK_H
#define TPC_LOWER_WALK_H
#include "limit/limit.h"

typedef struct LUse {
    LArrayId reader; /* 0: an output */
    LRef ref;
    const Cons *path; /* the reader's axes, reductions and guards around the read */
    uint32_t npath;
} LUse;
typedef VEC(LUse) LUseVec;

/* Of a softmax array, else NULL. */
const LSoftmax *lsoftmax_of(const LArray *r);
/* The constraints lo <= var < hi of the array's axes. */
void larray_domain(AffCtx *x, Arena *a, const LArray *r, ConsVec *out);
/* All reads of terms under path. */
void lterms_uses(AffCtx *x, Arena *a, LArrayId reader, LTerms t, const Cons *path, uint32_t npath,
                 LUseVec *out);
/* All reads of an array's equation. */
void larray_uses(const Limit *l, Arena *a, LArrayId id, LUseVec *out);

/* Is the element read one of the array's wherever path holds?  Of one-sample arrays, at their own
 * sample's sizes. */
bool lref_exists(const Limit *l, Arena *a, LRef r, const Cons *path, uint32_t npath);

/* Rebuild terms with every factor passed through f (which may return it unchanged).  Nested terms
 * (those inside expectations and series) are not entered. */
typedef LFactor LFactorMap(void *ctx, LFactor f);
LTerms lterms_map(Arena *a, LTerms t, LFactorMap *f, void *ctx);
/* Every reference replaced by f of it, nested terms included. */
typedef LRef LRefMap(void *ctx, LRef r);
LTerms lterms_refs(Arena *a, LTerms t, LRefMap *f, void *ctx);
/* Names replaced everywhere, nested terms included. */
LTerms lterms_subst(const Limit *l, Arena *a, LTerms t, const AffSubst *m, uint32_t n);
LFactor lfactor_subst(const Limit *l, Arena *a, LFactor f, const AffSubst *m, uint32_t n);
LRef lref_subst(AffCtx *x, Arena *a, LRef r, const AffSubst *m, uint32_t n, uint32_t naxis);
#endif

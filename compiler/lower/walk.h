/* Walking the equations of a limit: every array element read, with the constraints it is read
 * under. */
#ifndef TPC_LOWER_WALK_H
#define TPC_LOWER_WALK_H
#include "limit/parts.h"

typedef struct LUse {
    LArrayId reader; /* 0: an output */
    LRef ref;
    const Cons *path; /* the reader's axes, reductions and guards around the read */
    uint32_t npath;
} LUse;
typedef VEC(LUse) LUseVec;

/* Of a softmax array, else NULL. */
const LSoftmax *lsoftmax_of(const LArray *r);
/* The array, of that stage, that a window sums: the only one that the term reads, whose other
 * factors are coefficients; NULL: none. */
const LRef *lterm_window(const Limit *l, const LTerm *t, LStage stage);
/* The constraints lo <= var < hi of the array's axes. */
void larray_domain(AffCtx *x, Arena *a, const LArray *r, ConsVec *out);
/* The lower (upper: above) bounds of axis k: its range's, and those of the conditions under which
 * elements exist. */
typedef VEC(Aff) AffVec;
void larray_bounds(AffCtx *x, Arena *a, const LArray *r, uint32_t k, bool above, AffVec *out);
/* All reads of terms under path. */
void lterms_uses(AffCtx *x, Arena *a, LArrayId reader, LTerms t, const Cons *path, uint32_t npath,
                 LUseVec *out);
/* All reads of an array's equation. */
void larray_uses(const Limit *l, Arena *a, LArrayId id, LUseVec *out);

/* Is the element read one of the array's wherever path holds?  Of one-sample arrays, at their own
 * sample's sizes. */
bool lref_exists(const Limit *l, Arena *a, LRef r, const Cons *path, uint32_t npath);
#endif

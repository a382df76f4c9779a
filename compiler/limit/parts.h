/* Equations rebuilt: the pieces of factors mapped, whatever their kind.  A pass that changes one
 * kind of piece spells out that kind only. */
#ifndef TPC_LIMIT_PARTS_H
#define TPC_LIMIT_PARTS_H
#include "limit/limit.h"

typedef LTerms LTermsMap(void *ctx, LTerms t);
typedef LFactor LFactorMap(void *ctx, LFactor f);
typedef LRef LRefMap(void *ctx, LRef r);

typedef struct LParts { /* what the pieces become; NULL: they stay */
    Arena *a;
    void *ctx;
    LTermsMap *terms;   /* second moments, means, logits */
    LFactorMap *factor; /* theta, arguments of scalar expressions */
    LRefMap *ref;       /* asked of references to an array only */
} LParts;

/* In the order in which the pieces are declared; second moments (p, q) for p <= q. */
LExp *lexp_parts(const LParts *m, const LExp *e);
LFactor lfactor_parts(const LParts *m, LFactor f);

/* Rebuild terms with every factor passed through f (which may return it unchanged).  Nested terms
 * (those inside expectations and series) are not entered. */
LTerms lterms_map(Arena *a, LTerms t, LFactorMap *f, void *ctx);
/* Every reference replaced by f of it, nested terms included. */
LTerms lterms_refs(Arena *a, LTerms t, LRefMap *f, void *ctx);

/* ---- subst.c: names replaced everywhere, nested terms included, but where a term's own
 * reduction has the name */
LTerms lterms_subst(const Limit *l, Arena *a, LTerms t, const AffSubst *m, uint32_t n);
LRef lref_subst(AffCtx *x, Arena *a, LRef r, const AffSubst *m, uint32_t n, uint32_t naxis);
#endif

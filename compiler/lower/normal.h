/* Normalised arrays (product.md 2b): what the passes of lower/ share about them. */
#ifndef TPC_LOWER_NORMAL_H
#define TPC_LOWER_NORMAL_H
#include "lower/lower.h"
#include "lower/same.h"
#include "lower/walk.h"

/* A pair array of second moments of one vector with itself, self arrays known at both indices. */
bool normal_candidate(const Limit *l, LArrayId id);
/* Can this expectation of array r's equation read its one cross covariance normalised? */
bool normal_is_unit(const Limit *l, const LArray *r, const LExp *e);
/* The cross covariance of an expectation of one centred leaf a side; array 0: it is not one. */
LRef normal_cross(const LExp *e);
/* Names of an array's axes replaced by the indices of a reference to it. */
const AffSubst *normal_subst(Arena *a, const LArray *r, const Aff *idx);
#endif

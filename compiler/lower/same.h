/* Equality of equations, and the same equation for the other sample. */
#ifndef TPC_LOWER_SAME_H
#define TPC_LOWER_SAME_H
#include "limit/limit.h"

bool lref_same(const Limit *l, LRef a, LRef b);
bool lfactor_same(const Limit *l, const LFactor *a, const LFactor *b);
bool lterms_same(const Limit *l, LTerms a, LTerms b);
/* Every side y becomes side x: the same one-sample value of the other sample. */
LFactor lfactor_left(Arena *a, LFactor f);
LTerms lterms_left(Arena *a, LTerms t);
#endif

/* What is known at a place in a kernel: ranges of loops, conditions of ifs. */
#ifndef TPC_KERNEL_PATH_H
#define TPC_KERNEL_PATH_H
#include "kernel/kernel.h"

/* Adds c.  Premises of the form `not` are lost on aff_implied, so that where all but one part of
 * one are implied, the negation of that part is added: l != 0 under l >= 0 gives l >= 1. */
void path_assume(AffCtx *x, Arena *a, ConsVec *path, Cons c);
/* Adds that not all of c[0..n) hold. */
void path_assume_not(AffCtx *x, Arena *a, ConsVec *path, const Cons *c, uint32_t n);
bool path_implies(AffCtx *x, const ConsVec *path, Cons c);
/* c cannot hold. */
bool path_excludes(AffCtx *x, Arena *a, ConsVec *path, Cons c);
/* Adds the range of a loop's variable. */
void path_loop(AffCtx *x, Arena *a, ConsVec *path, const KIns *loop);
#endif

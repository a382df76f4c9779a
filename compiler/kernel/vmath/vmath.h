/* Vector mathematics: the MACRO rows of kernel.def as expansions into PRIM rows, written once and
 * executed alike by the interpreter and the code generator.  Straight line, no branches; float64
 * or float32 by b->k->dtype.  Within 4 ulp (float32: 5) of the exact value for every finite
 * argument, but for: sin and cos of |x| >= 2^45 (float32: 2^18), which are NaN; bvn, whose error
 * is absolute (4e-16; float32: 4e-7).  NaN arguments give NaN.
 *
 * The order of operations is part of the definition: expanded code may be scheduled, shared and
 * folded, but not contracted or reassociated. */
#ifndef TPC_VMATH_H
#define TPC_VMATH_H
#include "kernel/kernel.h"

/* Append the expansion of op(arg[0], ..) to b; op is a MACRO row. */
KVal vmath_expand(KBuild *b, KOp op, const KVal *arg);
#endif

/* Which accesses of a function may meet the same element, and in which turns of their loops. */
#ifndef TPC_KERNEL_DEPEND_H
#define TPC_KERNEL_DEPEND_H
#include "kernel/op.h"

typedef struct Around { /* a loop, or a branch of an if, that an access stands in */
    KVal ins;
    bool otherwise;
} Around;

typedef struct Access {
    KVal v; /* load or store */
    const Around *around; /* outermost first */
    uint32_t naround;
} Access;
typedef VEC(Access) AccessVec;

typedef struct Depend {
    Ctx *c;
    Kernel *k;
    const KFn *f;
    VEC(Around) open; /* around the block that is looked at */
    Sym *twin;        /* by depth: names for the loop variables of a second access */
    uint32_t ntwin;
    bool logical; /* elements are told apart by their indices, not by their places in memory */
} Depend;

/* How the turns of two accesses' loops at one depth compare: the second's is the earlier one, the
 * later one, or may be any. */
typedef enum Turns { TURNS_second_earlier, TURNS_second_later, TURNS_any } Turns;

/* Loads and stores of the stage's own arrays in an instruction and the blocks inside it, in order.
 * d->open is what stands around it. */
void depend_collect(Depend *d, KVal v, AccessVec *out);
void depend_block(Depend *d, uint32_t block, AccessVec *out);
/* May a and b meet the same element where the first `common` things around them are the same, in
 * the same turns, and the loops that come next stand in this relation (TURNS_any: no
 * loops needed)? */
bool depend_meet(Depend *d, const Access *a, const Access *b, uint32_t common, Turns turns);
/* One of them is a store to the array that the other one accesses. */
bool depend_matters(const Depend *d, const Access *a, const Access *b);
#endif

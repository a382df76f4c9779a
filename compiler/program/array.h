/* Shared by array.c (elements) and family.c (the array as a whole). */
#ifndef TPC_PROGRAM_ARRAY_H
#define TPC_PROGRAM_ARRAY_H
#include "program/elab.h"

typedef struct Extent {
    Aff lo, hi;
} Extent;

/* The loop variable of position p of an element; 0: none. */
Sym elem_var(const Element *m, uint32_t p);
/* The range of an element's statement along position p, in the array's variables. */
Extent elem_extent(Elab *e, const Array *a, const Element *m, uint32_t p);
/* The element's loop variables in terms of the array's positions. */
uint32_t elem_subst(Elab *e, const Array *a, const Element *m, AffSubst *out);
/* Where the element at place i of the order is the one meant. */
void elem_guard(Elab *e, const Array *a, uint32_t p, const uint32_t *order, uint32_t i,
                ConsVec *guard);
/* The position along which the statements differ, and their order there; false after an error. */
bool array_order_of(Elab *e, Array *a, uint32_t *p, uint32_t *order);
void array_def(Elab *e, Array *a);
uint32_t outer_dims(Elab *e, const Array *a);
bool elem_loop_open(const Element *m, const ArrayRead *r);
ArrayRead read_here(Elab *e, const Aff *idx, Span sp);
/* Are the elements numbers (0 may stand for a vector)? */
bool is_numbers(Elab *e, const Array *a);
#endif

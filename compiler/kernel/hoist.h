/* Hoisting: what hoist.c finds and hoist_emit.c moves. */
#ifndef TPC_KERNEL_HOIST_H
#define TPC_KERNEL_HOIST_H
#include "kernel/rewrite.h"

/* What a value of the pair stage depends on. */
typedef enum Bind { BIND_const, BIND_x, BIND_y, BIND_pair } Bind;

/* A block of the pair function: the loop or the branch of an if that it is. */
typedef struct Frame {
    uint32_t parent; /* number of a frame; the body: 0, its own */
    KVal ins;        /* 0: the body */
    bool otherwise;  /* the else block */
} Frame;

typedef struct PlaceItem { /* a loop, or conditions */
    Sym var;               /* 0: conditions */
    Aff lo, hi;
    const Cons *cons;
    uint32_t ncons;
} PlaceItem;

/* Where a moved value is computed: loops whose variables are its axes, and conditions. */
typedef struct Place {
    VEC(PlaceItem) item;
} Place;

typedef struct Moved {
    uint32_t canon;  /* same number: same computation up to the side */
    KVal v;          /* one of them */
    uint32_t array;
    KStage stage;    /* where it is computed */
    uint32_t place;
} Moved;

typedef struct Hoist {
    Ctx *c;
    Kernel *k;
    KFn *f; /* the pair function */
    Bind *bind;
    bool *late;       /* needs measured sizes or series arrays */
    uint32_t *canon;
    uint32_t *frame_of;
    uint32_t *moved_of; /* of a value: its entry in moved; 0: stays */
    VEC(Frame) frame;
    VEC(Place) place;
    VEC(Moved) moved; /* [0] unused */
    VEC(Sym) deps;    /* scratch: loop variables that the value depends on */
    uint32_t *seen, walk; /* scratch: number of the walk over operands that met a value last */
} Hoist;

/* hoist_place.c: the place for the computation of v, as a number; equal places are one. */
uint32_t hoist_place(Hoist *h, KVal v);
/* The place's ranges and conditions. */
void place_path(const Hoist *h, const Place *p, ConsVec *out);
/* hoist_emit.c */
void hoist_emit(Hoist *h);
#endif

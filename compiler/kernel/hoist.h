/* Hoisting: what hoist.c finds and hoist_emit.c moves. */
#ifndef TPC_KERNEL_HOIST_H
#define TPC_KERNEL_HOIST_H
#include "kernel/keys.h"
#include "kernel/rewrite.h"

/* What a value of the pair stage depends on. */
typedef enum Bind { BIND_const, BIND_x, BIND_y, BIND_pair } Bind;

/* A block of the pair function: the loop or the branch of an if that it is. */
typedef struct Frame {
    uint32_t parent; /* number of a frame; the body: 0, its own */
    KVal ins;        /* 0: the body */
    bool otherwise;  /* the else block */
    bool rare;       /* under a condition on measured sizes: its values stay */
} Frame;

/* The computation of a value in another stage runs over axes of its own: an axis is a loop variable
 * of the pair stage (p), or a form of several that occurs in indices only as a whole (p + o, where
 * o is an offset).  Their names are the pair variables' without primes, so that the same
 * computation for the left sample over p and for the right one over p' is seen to be one. */
typedef struct HoistAxis {
    Sym name; /* in the other stage */
    Aff form; /* in the pair stage: no constant */
} HoistAxis;

typedef struct PlaceItem { /* a loop, or conditions; in names of the other stage */
    Sym var;               /* 0: conditions */
    const Aff *lo, *hi;
    uint32_t nlo, nhi;
    const Cons *cons;
    uint32_t ncons;
} PlaceItem;

/* Where a moved value is computed: loops whose variables are its axes, and conditions. */
typedef struct Place {
    VEC(PlaceItem) item;
} Place;

/* How a value of the pair stage is seen from the place of its computation. */
typedef struct Site {
    VEC(HoistAxis) axis;
    Bind bind;
} Site;

typedef struct Moved {
    uint32_t canon; /* same number: same computation */
    KVal v;         /* one of them, and its site */
    const Site *site;
    uint32_t array;
    KStage stage;   /* where it is computed */
    uint32_t place;
} Moved;

typedef struct Hoist {
    Ctx *c;
    Kernel *k;
    KFn *f; /* the pair function */
    Bind *bind;
    bool *late;         /* needs measured sizes or series arrays */
    uint32_t *frame_of;
    uint32_t *moved_of; /* of a value: its entry in moved; 0: stays */
    const Site **site_of; /* of a moved value: its own */
    VEC(Frame) frame;
    VEC(Place) place;
    VEC(Moved) moved; /* [0] unused */
    Keys *keys;       /* computations that were numbered */
    VEC(Sym) deps;    /* scratch: loop variables that the value depends on */
    uint32_t *seen, walk; /* scratch: number of the walk over operands that met a value last */
    uint32_t *canon;      /* scratch: numbers of the values met in this walk */
} Hoist;

/* In the walk of h->walk, v was met already; if not, it is from now on. */
static inline bool hoist_met(Hoist *h, KVal v) {
    if (h->seen[v] == h->walk) return true;
    h->seen[v] = h->walk;
    return false;
}

/* hoist_site.c: the axes of the computation of v.  False: there is no way to name them. */
bool site_make(Hoist *h, KVal v, Site *out);
/* A further axis, named after a variable. */
void site_add(Hoist *h, Site *s, Sym var, Aff form);
/* The value's loop variables are axes, without others. */
bool site_is_plain(const Site *s);
/* A form of the pair stage in names of the other one; false: it has variables beyond the axes. */
bool site_form(const Hoist *h, const Site *s, Aff a, Aff *out);
bool site_cons(const Hoist *h, const Site *s, Cons c, Cons *out);
/* Frames around v, outermost first. */
typedef VEC(uint32_t) FrameVec;
void frames_around(const Hoist *h, uint32_t frame, FrameVec *out);

/* hoist_place.c: the place for the computation of v, as a number; equal places are one.  *site gets
 * the axes.  False: there is none. */
bool hoist_place(Hoist *h, KVal v, Site *site, uint32_t *place);
/* hoist.c: the number of the computation of v, seen from the site; canon holds its operands'. */
uint32_t hoist_number(Hoist *h, const Site *s, KVal v);
/* hoist_emit.c */
void hoist_emit(Hoist *h);
#endif

/* The interpreter's code: instructions in one row per function, names resolved to numbers.
 * Blocks are gone: a loop or if knows where it ends. */
#ifndef TPC_KERNEL_INTERP_H
#define TPC_KERNEL_INTERP_H
#include "kernel/op.h"

typedef struct ITerm {
    uint32_t slot; /* of Run.env */
    int64_t k;
} ITerm;

typedef struct IAff {
    int64_t c;
    const ITerm *term;
    uint32_t nterm;
} IAff;

typedef struct ICons {
    ConsKind kind;
    IAff e;
    const struct ICons *of;
    uint32_t nof;
} ICons;

/* Beside the instructions of kernel.def: */
enum { IO_next = KO_COUNT, /* the next turn of the loop at `to`, if there is one */
       IO_jump };

typedef struct IIns {
    uint32_t op;
    uint32_t dst, arg[3]; /* registers */
    double num;           /* num; the value of a real is taken from the frame */
    uint32_t x;           /* real, table, array */
    bool fill;            /* store of the number 0: holds in all turns of a ring */
    Side side;
    const IAff *idx;
    uint32_t nidx;
    uint32_t slot; /* loop: its variable */
    const IAff *lo, *hi;
    uint32_t nlo, nhi;
    bool down;
    const ICons *cons;
    uint32_t ncons;
    uint32_t to; /* loop: after it; if: its else; next: its loop; jump */
} IIns;

typedef struct IAxis {
    IAff lo, hi;         /* of the left sample, and of the right one */
    IAff right_lo, right_hi;
    uint32_t slices;
    bool wrap;
} IAxis;

/* Where an array lies, from the frame. */
typedef enum IPlace { PLACE_const, PLACE_sample, PLACE_pair, PLACE_row, PLACE_cell } IPlace;

typedef struct IArray {
    IPlace place;
    const IAxis *axis;
    uint32_t naxis, axis0; /* number of its first axis among all: twice as many, those of the left
                              sample, then those of the right one */
    uint32_t cell;         /* PLACE_cell: which */
    bool input;
} IArray;

typedef struct ICode {
    const IIns *ins;
    uint32_t n, nreg;
} ICode;

enum { ITAG_FILL = 2 }; /* zeros from before a loop */

typedef struct ITags { /* checked mode: what each element of an array holds; 0: nothing */
    uint64_t *tag;
    int64_t n;
} ITags;

typedef struct Interp {
    TpDtype dtype;
    Arena *a;
    ICode code[KS_COUNT];
    const IArray *array;
    const KTable *table;
    uint32_t narray, naxes, ncell, nsize, nslot;
    uint64_t *faults; /* checked mode, else NULL */
    ITags *tags;      /* checked mode, by array */
} Interp;

typedef struct Run { /* one call */
    const Interp *in;
    const TpFrame *f;
    Arena *a;
    KStage stage;
    int64_t *env;      /* sizes, then loop variables */
    int64_t *lo, *ext; /* by axis: first index, stored extent */
    void *reg, *cell;  /* TP_BLOCK reals each */
    int64_t s;         /* first sample of the block; pair: first right sample */
    int64_t i;         /* pair: left sample */
    int64_t row;       /* pair: first column of the block in the row */
    bool tagged;       /* checked mode and the first block: its stores and loads speak for all */
} Run;

/* interp_decode.c */
void interp_decode(const Ctx *c, const Kernel *k, Interp *in);

/* interp.c */
int64_t iaff_at(const Run *r, const IAff *a);
int64_t iaff_largest(const Run *r, const IAff *a, uint32_t n);
int64_t iaff_smallest(const Run *r, const IAff *a, uint32_t n);
bool icons_at(const Run *r, const ICons *c);
/* Linear index of the element; the number of elements. */
int64_t run_element(Run *r, const IIns *i);
int64_t run_elements(const Run *r, const IIns *i);
#endif

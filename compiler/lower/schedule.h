/* Evaluation order of a limit's arrays: loops, fusion, storage (product.md 9).
 *
 * Per stage, the graph of reads between arrays; strongly connected components in topological order.
 * An array that does not read itself is a statement, all axes parallel.  For a component a *time*
 * is chosen: a loop name w and a mode - left (axis w, else w'), right (axis w', else w), max (the
 * larger of both).  Legal: no read points forward in time; useful: some read points strictly back.
 */
#ifndef TPC_LOWER_SCHEDULE_H
#define TPC_LOWER_SCHEDULE_H
#include "lower/walk.h"

typedef enum TimeMode { TIME_left, TIME_right, TIME_max } TimeMode;

typedef struct Node Node;
typedef VEC(Node *) NodeVec;
struct Node {
    bool loop;
    uint32_t group; /* the arrays of a group, under loops over its offsets; 0: loop or statement */
    LArrayId array; /* statement */
    Sym w;          /* loop: name (unprimed) and mode of its time */
    TimeMode mode;
    NodeVec body;
};

typedef struct Storage {
    uint32_t slices; /* 0: whole; else a ring along `axis` */
    uint32_t axis;
} Storage;

typedef struct Schedule {
    const Limit *l;
    NodeVec root[KS_COUNT];
    Storage *store; /* per array */
    /* Per array: its time is its axis plus this (retiming: arrays of a recurrence end in the same
     * turn, so that only first turns differ and code is not repeated for the last ones). */
    int64_t *shift;
} Schedule;

bool schedule_make(Ctx *c, const Limit *l, Schedule *out);
/* The axis of array r that is its time under (w, mode): index, or -1. */
int schedule_axis(const Intern *syms, const LArray *r, Sym w, TimeMode mode);
#endif

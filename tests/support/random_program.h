/* Random well-typed networks, as source text: pieces of multilayer, recurrent, tied and gated
 * networks, with moments and readouts of every kind.  One seed, one network; what fails is made
 * smaller piece by piece. */
#ifndef TEST_SUPPORT_RANDOM_PROGRAM_H
#define TEST_SUPPORT_RANDOM_PROGRAM_H
#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

enum { RANDOM_MAX_PIECES = 12 };

typedef enum RandomPiece {
    RP_dense,    /* W act(x) + b, a fresh matrix */
    RP_shared,   /* A act(x), A one of two matrices of the network */
    RP_tied,     /* A' act(x) */
    RP_sum,      /* (A act(x) + A' act(x)) / sqrt(2) */
    RP_gate,     /* act(x) * y */
    RP_residual, /* x + y / 2 */
    RP_norm,     /* layer norm */
    RP_scale,    /* (moment(x * y) + 0.5) * act(x) */
    RP_inside,   /* act((moment(x * y) + 0.5) * x) */
    RP_attend,   /* x + softmax attention over the positions of the input */
    RP_loop,     /* x <- A act(x) + y / 2, three times */
    RP_stack,    /* the same with fresh matrices */
    RP_zigzag,   /* x <- A' act(A x), twice */
    RP_rnn,      /* over the positions of the input, the average of the states */
    RP_shift,    /* x + 1 */
    RP_readout,  /* x + v / 2, v the readout */
    RP_COUNT
} RandomPiece;

typedef enum RandomReadout { RR_fresh, RR_mean, RR_moment, RR_COUNT } RandomReadout;

typedef struct RandomStep {
    RandomPiece kind;
    uint32_t x, y;   /* earlier vectors: 0 is the first layer, k the result of step k - 1 */
    uint32_t act, matrix;
    bool gone;       /* removed: stands for its x */
} RandomStep;

typedef struct RandomProgram {
    uint64_t seed;
    bool sequence;   /* of an input with positions */
    RandomReadout readout;
    bool odd_readout; /* by tanh(v) in place of v */
    RandomStep step[RANDOM_MAX_PIECES];
    uint32_t nstep;
    uint32_t act;    /* before the readout */
} RandomProgram;

typedef struct RandomOptions {
    uint32_t pieces;       /* at most; 0: 6 */
    bool smooth;           /* no kinks */
    unsigned without;      /* bit set of 1 << RandomPiece */
    bool fresh_readout;    /* RR_fresh only */
    bool special;          /* one in eight is linear, one in eight has an odd readout */
} RandomOptions;

RandomProgram random_program(uint64_t seed, RandomOptions o);
const char *random_text(Arena *a, const RandomProgram *p);
/* A program that still fails, and of which no piece can be taken away without its passing. */
RandomProgram random_shrink(RandomProgram p, bool (*fails)(void *ctx, const RandomProgram *p),
                            void *ctx);
#endif

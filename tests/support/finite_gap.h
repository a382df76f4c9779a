/* Does the NTK change when every transpose becomes an independent copy of its matrix? */
#ifndef TEST_SUPPORT_FINITE_GAP_H
#define TEST_SUPPORT_FINITE_GAP_H
#include "gradient/gradient.h"
#include "program/finite.h"

enum { GAP_DIM = 4, GAP_POSITIONS = 3 };

typedef struct Gap {
    double mean, error; /* Theta with true minus with copied transposes; its standard error */
    double size;        /* mean of |Theta| */
} Gap;

/* Over networks of width n with seeds first, first + 1, ..: the same parameters with and without
 * copies, of two samples x, x' that all
 * seeds share.  Gradient independence says that the mean tends to 0 as n grows. */
Gap finite_gap(const Gradient *g, uint32_t n, uint64_t first, uint32_t seeds);
/* The same of both out[0] = Theta(x, x) and out[1] = Theta(x, x'). */
void finite_gaps(const Gradient *g, uint32_t n, uint64_t first, uint32_t seeds, Gap out[2]);

/* The samples: coordinate i of an input at a position; norm 1 per coordinate, correlation 1/2. */
double gap_datum(bool second, uint32_t input, const int64_t *pos, uint32_t npos, uint32_t i);

/* Entries of matrices are GAP_LEVELS quantiles of the normal law, at variance 1: four from one
 * word.  Vectors and noise are as in finite_random. */
enum { GAP_LEVELS = 4096 };
typedef struct GapNetwork {
    FiniteRandom random;
    const double *level;
    void (*row)(void *ctx, const Program *p, FamId fam, const int64_t *idx, bool copy, uint32_t i,
                double *out, uint32_t n); /* finite_random's */
} GapNetwork;
const double *gap_levels(Arena *a);
/* Sample x (sample: 0) or x' of the network with this seed; r must live as long. */
FiniteEnv gap_network(GapNetwork *r, const double *level, uint64_t seed, uint64_t sample,
                      uint32_t n, bool copies);
#endif

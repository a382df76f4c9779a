/* For the machine it is compiled for (-march=native -ffp-contract=fast): vec.h.  LOCKSTEP positions
 * of a row advance through one Horner chain together. */
#include "cnn.h"
#include "vec.h"
#include <stdlib.h>
#include <string.h>

const char *bench_cnn_shape(void) { return VEC_BYTES == 64 ? "AVX-512" : "AVX2"; }

#define REAL double
#define TABLE Cnn64
#define NAME(name) name##_f64
#include "cnn_lanes.h"

#define REAL float
#define TABLE Cnn32
#define NAME(name) name##_f32
#include "cnn_lanes.h"

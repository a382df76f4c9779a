/* For the machine it is compiled for (-march=native -ffp-contract=fast): vec.h. */
#include "seq.h"
#include "vec.h"
#include <stdbool.h>

/* Sequential recursions work on so many vectors of pairs at a time. */
enum { BATCH = 4 };

const char *bench_seq_shape(void) { return VEC_BYTES == 64 ? "AVX-512" : "AVX2"; }

int bench_seq_lanes(SeqKind kind, int is_f32) {
    int w = VEC_BYTES / (is_f32 ? 4 : 8);
    return kind == SEQ_relu_last || kind == SEQ_norm ? BATCH * w : w;
}

#define REAL double
#define TABLE Seq64
#define NAME(name) name##_f64
#include "seq_lanes.h"

#define REAL float
#define TABLE Seq32
#define NAME(name) name##_f32
#include "seq_lanes.h"

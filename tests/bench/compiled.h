/* A compiled pair function with the arrays it works on, for timing it beside hand-written loops:
 * one block of samples, which are left and right ones. */
#ifndef TESTS_BENCH_COMPILED_H
#define TESTS_BENCH_COMPILED_H
#include "codegen/jit.h"
#include "values.h"

enum { COMPILED_SET = 16 };

typedef struct CompiledArgs {
    const char *kernel; /* file of what `tpc show --stage=kernel` prints */
    const char *set[COMPILED_SET]; /* name=value */
    int nset;
    TpDtype dtype;
    CodegenOptions o;
} CompiledArgs;

typedef struct Compiled {
    Arena *a;
    Ctx c;
    CompiledArgs args;
    Kernel *k;
    Jit jit;
    RtValues v;
    TpFrame frame;
    int left;       /* the left sample */
    double scratch; /* bytes of the pair function's arrays */
} Compiled;

/* Takes [name=]value as an option of the code generator or a setting; false: it is neither. */
bool compiled_arg(CompiledArgs *args, const char *text);
/* Compiles, with all position sizes `size` and d coordinates, and runs the functions of samples;
 * x[s * npoint + e]: samples' inputs, TP_BLOCK of them.  Errors end the process. */
void compiled_begin(Compiled *b, CompiledArgs args, int64_t size, int64_t d, const double *x,
                    int npoint, int left);
void compiled_end(Compiled *b);
/* Of the first `lanes` right samples: seconds per pair. */
double compiled_time(const Compiled *b, int reps);
/* Largest relative difference of an output (0 NNGP, 1 NTK) of n right samples from want[..]. */
double compiled_difference(const Compiled *b, int output, const void *want, int n);
/* "8 lanes, 2 x 1 vectors, 12 KiB of scratch, compiled in 3.4 ms" */
const char *compiled_text(const Compiled *b);

/* ---- numbers of the kernel's type; memory of n reals, 64-byte aligned, zero */
double bench_seconds(void); /* of this thread's processor time */
void *bench_reals(size_t n);
void bench_put(TpDtype type, void *p, size_t i, double v);
double bench_get(TpDtype type, const void *p, size_t i);
/* Sorts both; out: the medians of a, b and a / b (of those that stood side by side). */
void bench_medians(double *a, double *b, int n, double out[3]);
#endif

/* What a standalone kernel is to its runtime: the descriptors of its kernels, once per instruction
 * set.  Emitted as constant data by `tpc build`. */
#ifndef TP_IMAGE_H
#define TP_IMAGE_H
#include "abi.h"

typedef struct TpLevel {
    const char *isa; /* "x86-64-v4", "x86-64-v3", "x86-64-v2", "generic" */
    int32_t nkernel;
    const TpKernel *const *kernel; /* one per set of kernels that can be asked for */
} TpLevel;

typedef struct TpImage {
    int32_t abi; /* TP_ABI_VERSION */
    const char *name;
    int32_t nlevel;
    const TpLevel *level; /* best first */
} TpImage;

/* Does this processor (and its operating system) run code of that level? */
bool tp_isa_runs(const char *isa);
/* The best level that runs here; isa: that level only.  NULL: none. */
const TpLevel *tp_image_level(const TpImage *image, const char *isa);
/* The kernel with exactly this set of kernels (TpKernel.kernels); NULL: none. */
const TpKernel *tp_level_kernel(const TpLevel *level, uint32_t set);
/* A whole command line: ./kernel X.npy [Y.npy] -o K.npy ..; returns the exit code 0, 1 or 2. */
int tp_main(const TpImage *image, int argc, char **argv);
#endif

/* One evaluation: its state and its steps, in order. */
#ifndef TP_RUN_H
#define TP_RUN_H
#include "gram.h"
#include "npy.h"
#include "output.h"
#include "values.h"

typedef struct RtInput { /* one input of one side */
    Npy file;            /* fd < 0: data in memory */
    const double *x;     /* n rows of d */
    double *own;         /* the same, where read from the file */
    int64_t n, d;
    double *square;      /* |x|^2; padded with 0 */
    double *inverse;     /* 1 / |x|, 0 for rows of zeros; padded with 0 */
} RtInput;

typedef struct RtSide {
    const char *name;    /* "X" or "Y" */
    int64_t n, stride;   /* samples; the same up to a multiple of TP_BLOCK */
    RtInput *input;
    void **array;        /* sample and series arrays, by array number */
} RtSide;

typedef struct RtProduct { /* inputs whose scalar products pair arrays are made of */
    int32_t in[2];
    int32_t gram, unit, defect, codefect; /* those arrays; 0: not wanted */
} RtProduct;

typedef struct RtRun {
    const TpJob *job;
    const TpKernel *k;
    TpError *e;
    RtValues v;
    RtSide side[2];
    int nside;           /* 1: the training Gram of side[0] */
    void **carray;
    RtProduct *product;
    int32_t nproduct;
    RtOutputFile out[TP_NKERNEL];
    RtBlas blas;
    const RtLoops *loops;
    int threads;
    int64_t tile, real_size;
} RtRun;

static inline const RtSide *rt_right(const RtRun *r) { return &r->side[r->nside - 1]; }

/* ---- load.c */
bool rt_inputs_open(RtRun *r);  /* headers; names and shapes checked */
bool rt_inputs_read(RtRun *r);
void rt_inputs_close(RtRun *r);

/* ---- plan.c */
void rt_plan_tile(RtRun *r);
bool rt_products_find(RtRun *r);
/* Computed need in bytes; false with TP_E_MEMORY above what is allowed.  Series arrays count once
 * measured sizes are known. */
bool rt_plan_memory(RtRun *r, int64_t *bytes);

/* ---- samples.c */
bool rt_samples_run(RtRun *r); /* const and sample stages; measured sizes */
bool rt_series_run(RtRun *r);
void rt_samples_free(RtRun *r);

/* ---- pairs.c */
int64_t rt_pairs_scratch(const RtRun *r); /* bytes a thread needs */
bool rt_pairs_run(RtRun *r);

/* ---- products.c: rows of one product as the kernel's input arrays want them */
typedef struct RtRowBuffers {
    double *dot, *c, *e, *p, *g; /* one row each, from the first column computed on */
} RtRowBuffers;
/* x . y for a tile into dot[i * tile + j], columns beyond nj up to a multiple of TP_BLOCK zero. */
void rt_product_tile(const RtRun *r, const RtInput *x, const RtInput *y, int64_t i0, int64_t ni,
                     int64_t j0, int64_t nj, double *dot, double *pack);
/* Row of left sample i, columns [j, j + n) (n a multiple of TP_BLOCK), from b->dot. */
void rt_product_row(const RtRun *r, const RtProduct *p, int64_t i, int64_t j, int64_t n,
                    const RtRowBuffers *b);
#endif

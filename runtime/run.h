/* One evaluation: its state and its steps, in order. */
#ifndef TP_RUN_H
#define TP_RUN_H
#include "gram.h"
#include "npy.h"
#include "output.h"
#include "values.h"

typedef struct RtInput { /* one input of one side */
    Npy file;            /* fd < 0: data in memory */
    TpShape shape;       /* samples first */
    const double *x;     /* n rows of `row` numbers, by sample */
    double *own;         /* the same, where read from the file */
    int64_t n, row, d;   /* d: coordinates, 1 of data arguments */
    /* Inputs without positions, whose scalar products are taken; all by slot: */
    const double *slot;  /* rows */
    double *slot_own;    /* where they are not x */
    double *square;      /* |x|^2; padded with 0 */
    double *inverse;     /* 1 / |x|, 0 for rows of zeros; padded with 0 */
} RtInput;

typedef struct RtGroup { /* samples of equal sizes, which fill blocks of their own */
    int64_t *size;       /* all sizes of the kernel; right ones equal left ones */
    double *real;
    int64_t first;       /* first block; blocks end where the next group begins */
} RtGroup;

/* A slot is a sample's place in sample arrays.  Slots fill blocks of RtRun.block; where sizes vary,
 * samples lie in order of falling sizes and slots beyond a block's samples repeat the last one. */
typedef struct RtSide {
    const char *name;    /* "X" or "Y" */
    int64_t n, slots;    /* samples; slots, a multiple of the block */
    RtInput *input;
    int64_t *bound;      /* by size number: position sizes as the shapes have them; 0: none */
    double **length;     /* by size number: each sample's size; NULL: all have `bound` */
    RtGroup *group;
    int32_t ngroup;
    int64_t *sample;     /* of each slot */
    int32_t *of_block;   /* group of each block */
    int32_t *count;      /* samples of each block */
    int32_t *of_sample;  /* group of each sample */
    void **array;        /* sample and series arrays, by array number */
    int64_t *elements, *start; /* [array * ngroup + group]: of a block; first real of the group */
} RtSide;

typedef struct RtProduct { /* inputs whose scalar products pair arrays are made of */
    int32_t in[2];
    int32_t gram, unit, defect, codefect; /* those arrays; 0: not wanted */
} RtProduct;

typedef struct RtRun {
    const TpJob *job;
    const TpKernel *k;
    TpError *e;
    RtValues v;          /* sizes: those of the shapes of X, and Y as the right side */
    int64_t *least, *most; /* sizes over all groups */
    bool varies;         /* sizes may differ between samples: blocks of equal sizes */
    RtSide side[2];
    int nside;           /* 1: the training Gram of side[0] */
    void **carray;
    RtProduct *product;
    int32_t nproduct;
    int32_t diagonal[TP_NKERNEL]; /* sample arrays of a training Gram's diagonal; 0: none */
    TpShape shape;       /* of a result */
    RtOutputFile out[TP_NKERNEL];
    RtBlas blas;
    const RtLoops *loops;
    int threads;
    int64_t tile;        /* columns of a tile, rows of its scratch */
    int64_t tile_rows;   /* rows; divides TP_BLOCK where it is not `tile` */
    int64_t block;       /* samples of a block */
    int64_t lanes;       /* what the pair function rounds columns up to; 1, or at least 8 */
    int64_t wide_step;   /* columns at a time where results have position axes; 0: they have none */
    int64_t real_size;
} RtRun;

static inline const RtSide *rt_right(const RtRun *r) { return &r->side[r->nside - 1]; }
static inline bool rt_is_point(const RtRun *r, int32_t input) {
    return r->k->input[input].npos > 0 || r->k->input[input].is_data;
}

/* ---- load.c */
bool rt_inputs_open(RtRun *r); /* headers; names, ranks and numbers of samples checked */
bool rt_inputs_read(RtRun *r);
void rt_inputs_close(RtRun *r);
/* The file's name, or the input's. */
const char *rt_input_label(const RtInput *in, const char *name);

/* ---- sizes.c: position sizes, from shapes and per sample */
bool rt_sizes_bind(RtRun *r);

/* ---- groups.c: samples in blocks of equal sizes, and what is known then */
bool rt_groups_make(RtRun *r);
void rt_groups_free(RtRun *r);
bool rt_groups_check(const RtRun *r); /* the kernel's checks, for each group */

/* ---- products.c, also below */
bool rt_products_find(RtRun *r); /* products, outputs: which array is which */
int32_t rt_output_array(const RtRun *r, int kernel); /* the pair array of its result; 0: none */

/* ---- plan.c */
/* Are pairs so much work that each few of them are a call of their own? */
bool rt_has_positions(const RtRun *r);
void rt_plan_tile(RtRun *r);
bool rt_plan_result(RtRun *r); /* shape */
/* Computed need in bytes; false with TP_E_MEMORY above what is allowed.  Series arrays count once
 * measured sizes are known. */
bool rt_plan_memory(RtRun *r, TpReport *rep);

/* ---- arrays.c: storage of sample arrays */
bool rt_arrays_make(RtRun *r, RtSide *side, TpStage stage);
bool rt_arrays_const(RtRun *r);
void rt_arrays_free(RtRun *r);
/* Bytes of all sample arrays of one array number, both sides. */
int64_t rt_array_bytes(const RtRun *r, int32_t array);
/* Where the block lies. */
void *rt_block(const RtRun *r, const RtSide *side, int32_t array, int64_t block);
static inline int64_t rt_block_elements(const RtSide *s, int32_t array, int64_t block) {
    return s->elements[(int64_t)array * s->ngroup + s->of_block[block]];
}
/* Pointers to a block of all arrays, into to[narray]. */
void rt_block_pointers(const RtRun *r, const RtSide *side, int64_t block, void **to);
static inline void rt_put_real(const RtRun *r, void *array, int64_t i, double v) {
    if (r->k->dtype == TP_F32) ((float *)array)[i] = (float)v;
    else ((double *)array)[i] = v;
}
static inline double rt_get_real(const RtRun *r, const void *array, int64_t i) {
    return r->k->dtype == TP_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}
/* "(1, 2)" or "3": element e of an array of these extents. */
void rt_place_text(char *buf, size_t cap, const TpShape *extent, int64_t e);
void rt_array_shape(const TpArray *a, const int64_t *size, TpShape *extent);

/* ---- fill.c: what the runtime puts into sample arrays */
bool rt_arrays_fill(RtRun *r, RtSide *side);

/* ---- class.c: which samples are equal */
/* The first equal sample of each: of X into left[0..n), then of Y into right (NULL: none). */
bool rt_classes(const RtRun *r, int64_t *left, int64_t *right);
/* fn for each run of consecutive numbers of a sample that lie within its own sizes. */
typedef bool RtRunFn(void *ctx, int64_t at, int64_t n);
bool rt_each_run(const RtRun *r, const RtSide *side, int32_t input, int64_t sample, RtRunFn *fn,
                 void *ctx);

/* ---- samples.c */
bool rt_samples_run(RtRun *r); /* const and sample stages; measured sizes */
bool rt_series_run(RtRun *r);

/* ---- scratch.c: memory of one thread of the pair stage */
enum { RT_LEFT_ROWS = 8 }; /* left samples whose elements are laid out at a time: a cache line */
typedef struct RtScratch {
    char *block;         /* everything below lies in it */
    double *dot;         /* one tile a product */
    double *pack;
    struct RtRowBuffers *rows; /* by product */
    float **narrow;      /* float32 kernels: rows of pair inputs, by array number */
    char *out[TP_NKERNEL]; /* a tile; wide: [element * wide_step + column] */
    char *flip;          /* a tile, mirrored; wide: entries of a row */
    void **parray, **row, **xarray, **yarray;
    void **left[RT_LEFT_ROWS]; /* compact kernels: arrays of some left samples */
    int64_t *size;
    double *real;
} RtScratch;
int64_t rt_scratch_bytes(const RtRun *r);
bool rt_scratch_make(const RtRun *r, RtScratch *s);

/* ---- left.c: compact kernels: the elements of left slots [i, i + n), n <= RT_LEFT_ROWS, of one
 * block where sizes vary, one after the other */
void rt_left_gather(const RtRun *r, const RtScratch *s, int64_t i, int64_t n);

/* ---- store.c: from a thread's memory to the results */
typedef struct RtPairTile { /* in slots; of one block on each side where sizes vary */
    int64_t i0, ni, j0, nj;
} RtPairTile;
bool rt_store_tile(const RtRun *r, const RtScratch *s, const RtPairTile *t, TpError *e);
/* Results with position axes, of left slot i against slots [j, j + n); size: of the two groups. */
bool rt_store_wide(const RtRun *r, const RtScratch *s, const int64_t *size, int64_t i, int64_t j,
                   int64_t from, int64_t n, TpError *e);

/* ---- pairs.c */
bool rt_pairs_run(RtRun *r);

/* ---- rows of one product as the kernel's input arrays want them */
typedef struct RtRowBuffers {
    double *dot, *c, *e, *p, *g; /* one row each, from the first column computed on */
} RtRowBuffers;
/* x . y for a tile into dot[i * tile + j], columns beyond nj up to a multiple of TP_BLOCK zero. */
void rt_product_tile(const RtRun *r, const RtInput *x, const RtInput *y, int64_t i0, int64_t ni,
                     int64_t j0, int64_t nj, double *dot, double *pack);
/* Row of left slot i, columns [j, j + n) (n a multiple of TP_BLOCK), from b->dot. */
void rt_product_row(const RtRun *r, const RtProduct *p, int64_t i, int64_t j, int64_t n,
                    const RtRowBuffers *b);
#endif

/* The interface between a compiled kernel and its runtime: plain data and four functions.
 * The same descriptor is built in memory for the JIT and the interpreter, and emitted as constant
 * data into standalone kernels. */
#ifndef TP_ABI_H
#define TP_ABI_H
#include <stdbool.h>
#include <stdint.h>

enum { TP_ABI_VERSION = 1 };

typedef enum TpDtype { TP_F64, TP_F32 } TpDtype;

/* What the runtime puts into an input array. */
typedef enum TpInputKind {
    TP_IN_NONE,
    TP_IN_GRAM,      /* sample (self) or pair: x.x' / d */
    TP_IN_UNIT,      /* pair: c = x.x' / (|x| |x'|), 0 where a norm is 0; else 1 on the diagonal */
    TP_IN_DEFECT,    /* pair: 1 - c, no cancellation; 0 on the diagonal (1 where the norm is 0) */
    TP_IN_CODEFECT,  /* pair: 1 + c, no cancellation */
    TP_IN_NORM,      /* sample: |x| / sqrt d, and 1 where that is 0 */
    TP_IN_COLUMN,    /* sample: coordinate `column` of x[p..], over d: the Gram with basis(column);
                        axes: the input's positions */
    TP_IN_POINT,     /* sample: x[p..]_c over sqrt d; axes: the input's positions, then c in 0..d.
                        An input with positions has these, and no products above */
    TP_IN_DATA,      /* sample: the numbers of a data argument; axes: its own */
    TP_IN_CLASS,     /* sample: the number of the first sample (left ones first) whose inputs and
                        data are all equal to its own */
    TP_IN_DIRECTION  /* sample: x[p..]_c / |x[p..]|, 0 where the norm is 0; axes as TP_IN_POINT */
} TpInputKind;

typedef struct TpAffTerm {
    int32_t size; /* index into TpFrame.size */
    int32_t k;
} TpAffTerm;
typedef struct TpAff { /* c + sum k * size */
    int64_t c;
    const TpAffTerm *term;
    int32_t nterm;
} TpAff;

/* Scalar code: postfix over a stack of doubles.  Names are FxOp's (program/fx.def): */
typedef enum TpCodeOp {
    TPC_NUM,  /* push num */
    TPC_REAL, /* push real[x] */
    TPC_SIZE, /* push size[x] */
    TPC_ADD, TPC_SUB, TPC_MUL, TPC_DIV, TPC_POW, TPC_NEG, TPC_EXP, TPC_LOG, TPC_SQRT, TPC_SIN,
    TPC_COS, TPC_TANH, TPC_ERF, TPC_PHI, TPC_ABS, TPC_SIGN, TPC_STEP, TPC_MAX, TPC_MIN, TPC_GT,
    TPC_GE, TPC_EQ, TPC_AND, TPC_OR, TPC_NOT, TPC_IF /* pops else, then, condition */
} TpCodeOp;
typedef struct TpCodeIns {
    int32_t op;
    int32_t x;
    double num;
} TpCodeIns;
typedef struct TpCode {
    const TpCodeIns *ins;
    int32_t n; /* 0: no code (a hyperparameter without default) */
} TpCode;

typedef struct TpReal {
    const char *name;
    int32_t hyper; /* may be set; else derived */
    TpCode value;  /* default, or the derived value; evaluated by `order`, together with integer
                      hyperparameters */
    int32_t order;
} TpReal;

typedef enum TpSizeKind {
    TP_SIZE_HYPER,
    TP_SIZE_DIM,
    TP_SIZE_MEASURED,
    TP_SIZE_POSITION, /* of the data's shape, or per sample where it varies */
    TP_SIZE_FLOOR,    /* floor(value / k); value: of hyper, position, floor and max sizes */
    TP_SIZE_MAX,      /* value, an expression of such sizes (max, min) */
    TP_SIZE_RIGHT     /* size `of`, of the right sample */
} TpSizeKind;
typedef struct TpSize {
    const char *name;
    int32_t kind;
    TpCode value;  /* hyper: default; floor, max: see there */
    int32_t order; /* hyper: as TpReal's; floor, max: after those that the value mentions */
    int32_t input; /* dim */
    int32_t array; /* measured: sample array whose maximum it is, rounded up */
    int64_t cap;   /* measured: largest value there are coefficients for */
    int32_t k;     /* floor */
    int32_t of;    /* right */
    int32_t varies; /* may differ between samples: `--size` gives a position size's values */
} TpSize;

typedef struct TpFixed { /* a hyperparameter fixed when compiled */
    const char *name, *value;
} TpFixed;

typedef enum TpCheckKind { TP_CHECK_FINITE, TP_CHECK_NONNEG, TP_CHECK_POSITIVE } TpCheckKind;
typedef struct TpCheck {
    int32_t kind;
    TpCode value;
    const char *what; /* "variance of W at mlp.tp:7:5" */
} TpCheck;

typedef enum TpStage { TP_STAGE_CONST, TP_STAGE_SAMPLE, TP_STAGE_SERIES, TP_STAGE_PAIR } TpStage;
typedef enum TpClass { TP_STORED, TP_INPUT, TP_OUTPUT } TpClass;
typedef struct TpArray {
    const char *name;
    int32_t stage, class, input; /* TpStage, TpClass, TpInputKind */
    int32_t in[2];               /* input numbers */
    int32_t output;              /* class output: 0 nngp, 1 ntk; axes: positions of x, of x' */
    TpAff column;
    const TpAff *extent;         /* one per stored axis (rings: the number of slices) */
    int32_t naxis;
    const char *finite;          /* sample, stored: NULL, or what it is ("moment at net.tp:3:7"): a
                                    number that is not finite ends the run with a message that names
                                    it, the sample and the place in the axes */
    int32_t left;                /* sample, series: read by pair_fn of the left sample */
} TpArray;

/* What a function sees.  Real means double or float by the kernel's dtype.
 * Element (i0, i1, ..) of an array lies at linear index e = (i0 * extent1 + i1) * ..:
 *   const arrays:   carray[a][e]
 *   sample arrays:  xarray[a][tp_place(e, n, s)] for left sample s (yarray: right), n the number of
 *                   elements: blocks of TP_BLOCK samples, each with all its elements together, so
 *                   that what one tile needs stays in the cache
 *                   (TpKernel.block where that is set: long arrays want blocks that no function
 *                   reads in parts)
 *                   where TpKernel.compact is set, pair_fn has those of the left sample one after
 *                   the other instead: xarray[a][e] of the arrays with TpArray.left
 *   pair arrays:    parray[a][e * lanes + lane] (scratch of one thread, reused by the next lanes;
 *                   lanes: TpKernel.lanes); cells have no storage
 *   pair inputs, outputs: row[a][e * stride + j], j counting from the row's first column
 * Where sizes vary between samples, blocks hold samples of equal sizes, functions are called for
 * one left and one right block at a time, with s0, i, j0 counted in the block, xarray and yarray
 * pointing to the blocks, and size[] and real[] holding the sizes of the two and what is derived
 * from them; so n stands for the elements at those sizes.  No const array's extent has a size that
 * varies.
 * Diagonal of a training Gram: a sample array of class output, one for each kernel, takes the place
 * of the pair's value where noise makes a sample's kernel with itself another than a pair's.
 * Arrays are 64-byte aligned, hold whole blocks, and may be read and written up to their end. */
enum { TP_BLOCK = 64 };
static inline int64_t tp_place(int64_t element, int64_t elements, int64_t sample) {
    return (sample / TP_BLOCK * elements + element) * TP_BLOCK + sample % TP_BLOCK;
}
typedef struct TpFrame {
    const int64_t *size;
    const double *real;
    void *const *carray;
    void *const *xarray;
    void *const *yarray;
    void *const *parray;
    void *const *row;
    int64_t stride;
    void *self; /* the interpreter's state; NULL for compiled code */
} TpFrame;

typedef void TpConstFn(const TpFrame *f);
/* Samples [s0, s1) of the left arrays (xarray); both are multiples of TP_BLOCK. */
typedef void TpSampleFn(const TpFrame *f, int64_t s0, int64_t s1);
/* Left sample i against right samples [j0, j0 + n), n a multiple of `lanes`; row[a] points to the
 * elements of column j0. */
typedef void TpPairFn(const TpFrame *f, int64_t i, int64_t j0, int64_t n);

/* An array of data is (samples, positions.., d), of numbers (samples, axes..).  A position size is
 * found from an axis whose form it is the only unknown of; all other axes must agree. */
typedef struct TpInputDecl {
    const char *name;
    int32_t npos;
    int32_t is_data;   /* numbers: no last axis d */
    const TpAff *size; /* [npos] of the position axes */
} TpInputDecl;

typedef struct TpKernel {
    int32_t abi;
    int32_t dtype;
    uint32_t kernels; /* bit set: 1 nngp, 2 ntk */
    const char *name;
    int32_t ninput, nreal, nsize, nfixed, ncheck, narray;
    const TpInputDecl *input;
    const TpReal *real;
    const TpSize *size;
    const TpFixed *fixed;
    const TpCheck *check;
    const TpArray *array; /* [0] unused */
    TpConstFn *const_fn;  /* NULL where empty */
    TpSampleFn *sample_fn;
    TpSampleFn *series_fn;
    TpPairFn *pair_fn;
    int32_t lanes; /* that pair_fn works on at a time; divides TP_BLOCK; 0: TP_BLOCK */
    int32_t block;   /* samples of a block of sample arrays; divides TP_BLOCK, which 0 stands for */
    int32_t compact; /* pair_fn reads the left sample's arrays element by element, see TpFrame */
    void *self; /* copied into frames */
} TpKernel;
#endif

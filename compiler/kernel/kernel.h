/* Kernel recursions as structured code: loops over kernel arrays, four functions by binding time.
 *
 *   const: once per run;  sample: once per sample;  series: once per sample, when measured sizes
 *   are known;  pair: once per pair of samples.
 *
 * A lane is a sample (sample, series) or a pair with one left sample and consecutive right samples
 * (pair).  Control flow is uniform over lanes: loop bounds and conditions are affine in sizes and
 * loop variables.  Values are numbered in one space per function (a value is the instruction that
 * makes it) and are visible in their block and the blocks inside it.  What a loop carries goes
 * through arrays; an array of one element per lane (no axes) is a *cell*, which the code generator
 * keeps in registers.  Reals are float64 or float32 by Kernel.dtype; the interpreter and the code
 * generator execute the same primitive instructions and so agree bit for bit. */
#ifndef TPC_KERNEL_H
#define TPC_KERNEL_H
#include "program/program.h"
#include "abi.h" /* runtime/abi.h: TpDtype, TpKernel */

/* Whose per-sample array: the left or right sample of a pair; none: pair and const arrays. */
typedef enum Side { SIDE_none, SIDE_x, SIDE_y } Side;
/* The kernels of a network that can be asked for. */
typedef enum KernelKind { KERNEL_nngp, KERNEL_ntk, KERNEL_COUNT } KernelKind;

typedef enum KOp {
#define KOP(name, result, operands, flags) KO_##name,
#include "kernel/kernel.def"
} KOp;
enum {
    KO_COUNT = 0
#define KOP(name, result, operands, flags) +1
#include "kernel/kernel.def"
};
typedef enum KType { KT_NONE, KT_R, KT_M } KType;
typedef enum KFlag { KF_PRIM, KF_MACRO, KF_STRUCT } KFlag;

typedef uint32_t KVal; /* index into KFn.ins; 0 = none */

typedef struct KIns {
    KOp op;
    Side side;       /* load of a sample array inside pair: x or y; x inside sample and series */
    KVal arg[4];
    double num;      /* num */
    uint32_t x;      /* real, table, load, store: which */
    const Aff *idx;  /* load, store: one per declared axis (rings too); index, table: one */
    uint32_t nidx;
    /* loop: */
    Sym var;
    Aff lo, hi;      /* lo <= var < hi */
    const Aff *more_lo, *more_hi; /* further bounds: from the largest lo to the smallest hi */
    uint32_t nmore_lo, nmore_hi;
    bool down;
    uint32_t block;  /* loop body; if: then */
    /* if: */
    const Cons *cons;
    uint32_t ncons, block2; /* block2 0: no else */
    Span span;
} KIns;

typedef struct KBlock {
    VEC(KVal) ins;
} KBlock;

typedef enum KStage { KS_const, KS_sample, KS_series, KS_pair, KS_COUNT } KStage;

typedef struct KFn {
    VEC(KIns) ins;     /* [0] unused */
    VEC(KBlock) block; /* [0] unused, [1] the body */
} KFn;

typedef enum KArrayClass {
    KA_stored, /* filled by this kernel */
    KA_input,  /* filled by the runtime: Gram and what is made of it */
    KA_output  /* pair: a kernel value, stored once per pair; axes: positions of x, then of x'.
                  sample: what stands on the diagonal of a training Gram, see abi.h */
} KArrayClass;

typedef struct KAxis {
    Sym var;         /* for printing */
    Aff lo, hi;      /* bounding box: affine in sizes only */
    uint32_t slices; /* 0: whole, extent max(hi - lo, 0); d > 0: ring of d slices, index - lo modulo
                        d (d = 1: no storage axis).  Loads and stores index every axis. */
    bool wrap;       /* indices are taken modulo hi - lo (they may leave the box) */
} KAxis;

typedef struct KArray {
    Sym name;
    KStage stage;    /* const, sample, series (stored like sample), pair */
    KArrayClass class;
    const KAxis *axis;
    uint32_t naxis;
    TpInputKind input; /* class input: what the runtime puts there */
    uint32_t in[2];    /* class input: numbers of the program's inputs */
    Aff basis;         /* input column: which coordinate */
    KernelKind output;    /* class output */
    const char *finite;   /* sample, stored: must be finite, else a message names this */
} KArray;

typedef struct KTable {
    Sym name;
    const double *v;
    uint32_t n;
} KTable;

typedef struct KReal { /* a number of the run: hyperparameter, or derived from earlier ones */
    Sym name;
    Fx value; /* hyperparameter: its default (0: required); derived: its value */
    bool hyper;
} KReal;

typedef enum KSizeKind {
    KZ_hyper,    /* int hyperparameter, default `value` */
    KZ_dim,      /* dimension d of input `in` */
    KZ_measured, /* max over samples and elements of sample array `array`, at most `cap` */
    KZ_position, /* size of a position axis: of the data's shape, or given for each sample */
    KZ_floor,    /* floor(a / k) */
    KZ_max,      /* max(a, b) */
    KZ_min,      /* min(a, b) */
    KZ_right     /* the size `of`, of the right sample of a pair */
} KSizeKind;

typedef struct KSize {
    Sym name;
    KSizeKind kind;
    Fx value;
    uint32_t in, array;
    int64_t cap;
    Aff a, b;    /* floor, max, min */
    int32_t k;   /* floor */
    uint32_t of; /* right: number of the left one */
    bool varies; /* may differ between samples */
} KSize;

typedef struct Kernel {
    Sym name;
    AffCtx *aff;
    FxPool *fx;
    TpDtype dtype;
    unsigned kernels;       /* bit set of 1 << KernelKind */
    VEC(InputDecl) input;
    VEC(Hyper) fixed;       /* compiled-in hyperparameters: name and text */
    VEC(KReal) real;
    VEC(KSize) size;
    VEC(KArray) array;      /* [0] unused */
    VEC(KTable) table;
    VEC(Check) check;
    KFn fn[KS_COUNT];
} Kernel;

/* ---- building (kernel/build.c).  A builder appends to the current block of one function. */
typedef struct KBuild {
    Ctx *c;
    Kernel *k;
    KStage stage;
    VEC(uint32_t) open; /* blocks being filled, innermost last */
    Span span;
} KBuild;

Kernel *kernel_new(Ctx *c, AffCtx *aff, FxPool *fx);
KBuild kb_begin(Ctx *c, Kernel *k, KStage stage);
KVal kb_num(KBuild *b, double v);
/* Unused operands 0; folds constants of + - * / and neg, drops x + 0, x - 0, x * 1, x / 1. */
KVal kb_op(KBuild *b, KOp op, KVal x, KVal y, KVal z);
KVal kb_op4(KBuild *b, KOp op, KVal x, KVal y, KVal z, KVal w);
KVal kb_real(KBuild *b, uint32_t real);
KVal kb_index(KBuild *b, Aff a);
KVal kb_table(KBuild *b, uint32_t table, Aff idx);
KVal kb_load(KBuild *b, uint32_t array, Side side, const Aff *idx, uint32_t n);
void kb_store(KBuild *b, uint32_t array, const Aff *idx, uint32_t n, KVal v);
void kb_loop(KBuild *b, Sym var, Aff lo, Aff hi, bool down); /* opens the body */
/* From the largest of lo[0..nlo) to the smallest of hi[0..nhi); at least one of each. */
void kb_loop_in(KBuild *b, Sym var, const Aff *lo, uint32_t nlo, const Aff *hi, uint32_t nhi,
                bool down);
void kb_if(KBuild *b, const Cons *cons, uint32_t n);          /* opens the then block */
void kb_else(KBuild *b);
void kb_end(KBuild *b);                                       /* closes loop, then or else */
uint32_t kernel_array(Kernel *k, Ctx *c, KArray a);
uint32_t kernel_table(Kernel *k, Ctx *c, const char *name, const double *v, uint32_t n);
uint32_t kernel_cell(Kernel *k, Ctx *c, KStage stage, const char *name);
const KSize *kernel_size(const Kernel *k, Sym name); /* NULL: no size of the kernel */
/* A form of the sizes of one sample, for the right sample: sizes become their right twins where
 * they have one. */
Aff kernel_right(const Kernel *k, Aff a);
/* The bounds of an array's axis as an access of this side sees them. */
Aff kernel_axis_lo(const Kernel *k, const KAxis *x, Side side);
Aff kernel_axis_hi(const Kernel *k, const KAxis *x, Side side);

/* ---- stages */
/* Passes, in the order of kernel/pass.def; each is kernel -> the same kernel, in place. */
void kernel_fold(Ctx *c, Kernel *k);   /* constants, neutral elements, fma contraction */
void kernel_hoist(Ctx *c, Kernel *k);  /* one-sample values of the pair stage to sample arrays */
void kernel_fuse(Ctx *c, Kernel *k);   /* sibling loops over the same range into one */
void kernel_contract(Ctx *c, Kernel *k); /* axes of scratch that lives for one turn of a loop */
void kernel_lift(Ctx *c, Kernel *k);   /* what is the same in all turns out of loops */
void kernel_split(Ctx *c, Kernel *k);  /* peel conditions on loop variables out of loops */
void kernel_carry(Ctx *c, Kernel *k);  /* rings of the pair stage into cells */
void kernel_expand(Ctx *c, Kernel *k); /* vector mathematics into primitives (kernel/vmath) */
void kernel_once(Ctx *c, Kernel *k);   /* loops whose turns store the same numbers have one */
void kernel_mask(Ctx *c, Kernel *k);   /* products of choices become choices of products */
void kernel_cse(Ctx *c, Kernel *k);    /* equal pure values in scope; loads between stores */
void kernel_dce(Ctx *c, Kernel *k);
/* Run all of pass.def, verifying after each (debug builds, tests). */
bool kernel_optimise(Ctx *c, Kernel *k);
/* Run one by name; false: no such pass. */
bool kernel_pass(Ctx *c, Kernel *k, const char *name);

void kernel_print(const Ctx *c, Buf *b, const Kernel *k);
bool kernel_parse(Ctx *c, const char *text, uint32_t file, Kernel **out);
/* Types, scopes, arrays and indices in range of declared axes, stages, sides.  NULL if sound. */
const char *kernel_verify(const Ctx *c, const Kernel *k);

/* ---- what the runtime sees: the descriptor; its functions are left NULL */
TpKernel *kernel_describe(const Ctx *c, const Kernel *k, Arena *a);
/* The interpreter as functions of a descriptor (same ABI as compiled code); needs expanded code. */
void kernel_interpret(const Ctx *c, const Kernel *k, TpKernel *desc, Arena *a);
/* The same for one thread, counting in *faults the reads of elements that were never written or of
 * ring slices that were overwritten, and indices outside the declared axes. */
void kernel_interpret_checked(const Ctx *c, const Kernel *k, TpKernel *desc, Arena *a,
                              uint64_t *faults);
#endif

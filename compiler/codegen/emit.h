/* Inside the code generator: what its files share.  A module is filled by emit_kernel (the four
 * functions of a kernel for one instruction set) and describe_* (descriptors as constant data). */
#ifndef TPC_CODEGEN_EMIT_H
#define TPC_CODEGEN_EMIT_H
#include "codegen/codegen.h"
#include "codegen/target.h"
#include <llvm-c/Core.h>

enum { MAX_VECTORS = 16 }; /* u * g */

/* Vectors of w lanes; w = 1: scalars.  Integer vectors are as wide as reals. */
typedef enum Intrinsic { IN_fma, IN_fabs, IN_sqrt, IN_copysign, IN_nearbyint, IN_COUNT } Intrinsic;
typedef struct Shape {
    uint32_t w;
    LLVMTypeRef real, bits;
    LLVMTypeRef type[IN_COUNT];
    LLVMValueRef fn[IN_COUNT];
} Shape;

/* A value of the kernel function being emitted. */
typedef struct Val {
    LLVMValueRef one;   /* the same in all lanes: a scalar; else NULL */
    LLVMValueRef *lane; /* u * g vectors */
} Val;

typedef struct LoopVar {
    Sym name;
    LLVMValueRef v;
} LoopVar;

typedef struct Emit {
    Ctx *c;
    const Kernel *k;
    const Target *t;
    LLVMContextRef cx;
    LLVMModuleRef m;
    LLVMBuilderRef b;     /* where instructions go */
    LLVMBuilderRef entry; /* the function's first block: what depends on the frame only */
    LLVMBuilderRef turn;  /* the head of the lane loop: what depends on the lanes only */
    LLVMTypeRef i64, ptr;
    LLVMTypeRef scalar; /* float or double */
    unsigned invariant; /* kind of !invariant.load */
    LLVMValueRef empty; /* the metadata node !{} */
    LLVMValueRef *table;
    bool named;         /* values get names: for reading */
    /* the function */
    KStage stage;
    Shape one, vec;
    uint32_t u, g;
    LLVMValueRef fn;
    LLVMValueRef base; /* first lane of this turn of the lane loop, in elements; NULL: const */
    Val *val;
    LLVMValueRef **cell; /* by array: u * g stack slots, made registers by mem2reg; NULL: memory */
    /* loaded in the entry block where they are used; NULL: not yet */
    LLVMValueRef *size, *real, *carray, *xarray, *yarray, *parray, *row;
    VEC(LoopVar) var;
} Emit;

/* The pair function's shape; decided from its size, the processor and the wish in o. */
typedef struct Grouping {
    uint32_t w, u, g;
} Grouping;
Grouping pair_grouping(const Kernel *k, const Target *t, const CodegenOptions *o);

/* Functions of k for t, added to m: those of `stages` (bit set of 1 << KStage); NULL where the
 * kernel has nothing to do. */
typedef struct EmittedFns {
    LLVMValueRef fn[KS_COUNT];
} EmittedFns;
enum { ALL_STAGES = (1 << KS_COUNT) - 1 };
EmittedFns emit_kernel(Ctx *c, const Kernel *k, const Target *t, Grouping pair, LLVMModuleRef m,
                       const char *prefix, uint32_t stages);

/* ---- emit_op.c: one primitive on scalars or vectors of shape s */
LLVMValueRef emit_op(Emit *e, const Shape *s, KOp op, const LLVMValueRef *a);
LLVMValueRef emit_splat(Emit *e, LLVMValueRef one);
LLVMValueRef shape_real(const Shape *s, double v);
Shape shape_make(Emit *e, uint32_t w);

/* ---- emit_addr.c: affine forms and places in memory */
LLVMValueRef emit_aff(Emit *e, Aff a);
LLVMValueRef emit_cons(Emit *e, const Cons *c, uint32_t n);
/* Pointer to the first vector's element of an access; the v-th vector is v * w elements further.
 * Loads of one-sample and constant values point to the one element. */
LLVMValueRef emit_place(Emit *e, const KIns *ins);
LLVMValueRef emit_table_place(Emit *e, const KIns *ins);
/* frame->real[x] as a scalar of the kernel's type; loaded in the entry block. */
LLVMValueRef emit_real(Emit *e, uint32_t x);
/* Axes of an array that have storage: all but rings of one slice. */
bool axis_is_stored(const KAxis *x);

/* ---- schedule.c: the n instructions ins, no loops and ifs, in the order to emit them, u vectors
 * of each */
void schedule(Ctx *c, const Kernel *k, KStage stage, uint32_t u, const KVal *ins, uint32_t n,
              KVal *out);

/* ---- desc.c: descriptors as constant data */
LLVMValueRef describe_kernel(Ctx *c, LLVMModuleRef m, const TpKernel *d, const EmittedFns *f,
                             const char *symbol);
typedef struct DescribedLevel {
    const char *isa;
    LLVMValueRef *kernel; /* nkernel of the image */
} DescribedLevel;
LLVMValueRef describe_image(Ctx *c, LLVMModuleRef m, const char *name, const DescribedLevel *level,
                            uint32_t nlevel, uint32_t nkernel);
#endif

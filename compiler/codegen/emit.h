/* Inside the code generator: what its files share.  A module is filled by emit_kernel (the four
 * functions of a kernel for one instruction set) and describe_* (descriptors as constant data). */
#ifndef TPC_CODEGEN_EMIT_H
#define TPC_CODEGEN_EMIT_H
#include "codegen/codegen.h"
#include "codegen/target.h"
#include "kernel/depend.h"
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
    LLVMBuilderRef head; /* the head of its loop: what depends on it and on outer ones */
    int64_t shift;       /* what is emitted is for v + shift */
} LoopVar;

/* Turns of a loop that are emitted together (emit_jam.c): each has values and cells of its own. */
enum { MAX_JAM = 4 };
typedef struct Jam {
    uint32_t n; /* 0: no such loop is open */
    uint32_t at; /* its variable's number in Emit.var */
    Val *val[MAX_JAM];
    LLVMValueRef **cell[MAX_JAM];
} Jam;

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
    uint32_t block; /* samples of a block of sample arrays: a power of 2 */
    Shape one, vec;
    uint32_t u, g, lanes; /* lanes: u * g * w */
    LLVMValueRef fn;
    LLVMValueRef base; /* first lane of this turn of the lane loop, in elements; NULL: const */
    Val *val;
    bool *slid; /* by value: a load whose lanes are there already */
    LLVMValueRef **cell; /* by array: u * g stack slots, made registers by mem2reg; NULL: memory */
    /* loaded in the entry block where they are used; NULL: not yet */
    LLVMValueRef *size, *real, *carray, *xarray, *yarray, *parray, *row;
    LLVMValueRef stride; /* TpFrame.stride; NULL: not yet */
    VEC(LoopVar) var;
    VEC(Around) open; /* loops and ifs around the block that is emitted */
    Jam jam;
    /* lanes are turns of loops (emit_turns.c): of how many; 0: they are pairs.  While such a loop
     * is open its variable, and by array whether a cell has a value for each turn. */
    uint32_t strip;
    Sym turns;
    bool *wide;
    uint32_t nwide, nloop; /* instructions in such loops, in all loops */
} Emit;

/* The pair function's shape; decided from its size, the processor and the wish in o. */
typedef struct Grouping {
    uint32_t w, u, g;
    uint32_t strip; /* turns of a loop that are the lanes of a vector, of one pair; 0: none */
} Grouping;
/* Does the pair function take the left sample's arrays element by element (TpKernel.compact)? */
bool pair_is_compact(const Kernel *k);
/* Samples of a block of sample arrays (TpKernel.block). */
uint32_t sample_block(const Kernel *k, Grouping pair);
/* For so few right samples (o->right) that lanes had better be turns; w = 0: pairs. */
Grouping strip_grouping(const Kernel *k, const Target *t, const CodegenOptions *o);
Grouping pair_grouping(const Kernel *k, const Target *t, const CodegenOptions *o);

/* Functions of k for t, added to m: those of `stages` (bit set of 1 << KStage); NULL where the
 * kernel has nothing to do. */
typedef struct EmittedFns {
    LLVMValueRef fn[KS_COUNT];
    bool strips; /* the larger part of the code in loops has turns as lanes */
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

/* ---- emit_slide.c: loads of a loop's block that find in a register what another loaded before */
typedef struct Slide {
    KVal v, next; /* v in a turn is what next is in the turn before */
    LLVMValueRef *first, *phi;
} Slide;
typedef VEC(Slide) SlideVec;
void slide_find(const Emit *e, const KIns *loop, SlideVec *out);

/* ---- emit_jam.c: turns of a loop side by side, where inner loops sum */
/* How many turns of the loop are emitted together; 1: one after the other. */
uint32_t jam_turns(Emit *e, KVal loop);
/* Emits turns by n from lo on, as long as n are left, and returns the next one. */
LLVMValueRef emit_jammed(Emit *e, const KIns *loop, LLVMValueRef lo, LLVMValueRef hi, uint32_t n);
/* n turns of the last open loop from its variable on. */
typedef void EmitTurns(Emit *e, const KIns *loop, uint32_t n);
/* Turns by n from lo on, as long as n are left; all: as long as any are, the last n then end at hi,
 * some of them done twice.  The first turn that is left. */
LLVMValueRef emit_strides(Emit *e, const KIns *loop, LLVMValueRef lo, LLVMValueRef hi, uint32_t n,
                          bool all, EmitTurns *turns);
/* What is emitted next is of turn j. */
void jam_select(Emit *e, uint32_t j);
/* Is an array's element that one turn stores accessed in another? */
bool turns_meet(Emit *e, KVal loop);

/* ---- emit_turns.c: turns of a loop as lanes */
/* Can they be?  size: instructions inside. */
bool turns_are_lanes(Emit *e, KVal loop, uint32_t *size);
/* Emits all turns w at a time if there are w at least; the first turn that is left. */
LLVMValueRef emit_by_turns(Emit *e, const KIns *loop, LLVMValueRef lo, LLVMValueRef hi, uint32_t w);
/* In such a loop: does the load give the turns different values? */
bool turns_differ(const Emit *e, const KIns *load);

/* ---- emit.c */
LLVMBasicBlockRef block_new(Emit *e, const char *name);
LLVMValueRef *lanes_new(Emit *e);
void emit_block(Emit *e, uint32_t block);
/* The same in all lanes of the function. */
bool load_uniform(const Emit *e, const KIns *ins);

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

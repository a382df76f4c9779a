/* Kernel -> machine code, by LLVM: in memory (JIT), as an object file, or as text to look at.
 *
 * Requires an expanded kernel: primitive instructions, loops and ifs only.  Float64 results are bit
 * for bit those of the interpreter (kernel_interpret) on every instruction set: no contraction, no
 * reassociation, no approximate instructions.
 *
 * The generator is a module of its own (libtpc_codegen.so), so that commands which make no code
 * never load LLVM: codegen_load brings it in, everything else goes through the table it returns.
 * Linking an object to an executable or a library needs no LLVM: codegen/link.h. */
#ifndef TPC_CODEGEN_H
#define TPC_CODEGEN_H
#include "image.h" /* runtime/image.h: TpImage */
#include "kernel/kernel.h"
#include <pthread.h>

/* Instruction sets by name: "x86-64-v2", "x86-64-v3", "x86-64-v4", "generic" (no particular
 * processor of the host's architecture), "native" or "host" (the best that this processor runs,
 * tuned for it).  NULL is "host". */
typedef struct CodegenOptions {
    const char *isa;
    uint32_t u, g; /* pair: g groups of u vectors in lockstep; 0: chosen for kernel and processor */
    uint32_t right; /* how many right samples there will be, if few; 0: not known */
} CodegenOptions;

/* Milliseconds of each phase. */
typedef struct CodegenTime {
    double init, build, verify, passes, codegen, link;
} CodegenTime;

typedef struct Jit {
    const TpKernel *kernel; /* its descriptor lives in the arena of the context, its code in here */
    CodegenTime time;
    uint32_t w, u, g; /* lanes of a vector, and the shape of the pair function */
    bool strips;      /* lanes are turns of loops over positions, of one pair at a time */
    void *code;       /* owned: jit_free */
} Jit;

/* What an object file holds: the kernels that can be asked for, for each instruction set. */
typedef struct CodegenImage {
    const char *name; /* identifier: symbols are made from it */
    const Kernel *const *kernel;
    uint32_t nkernel;
    const char *const *isa; /* best first; NULL: all of the host's architecture (v4, v3, v2) */
    uint32_t nisa;
    bool main; /* also `main`, which calls tp_main(&image, argc, argv) */
} CodegenImage;

typedef enum CodegenText { CODEGEN_LLVM, CODEGEN_ASM } CodegenText;

typedef struct CodegenBytes {
    const void *data;
    size_t len;
} CodegenBytes;

enum { CODEGEN_VERSION = 1 };

typedef struct CodegenApi {
    uint32_t version; /* CODEGEN_VERSION */
    uint32_t shape;   /* CODEGEN_SHAPE of the module's build */
    const char *llvm; /* "19.1.7" */
    bool (*jit)(Ctx *c, const Kernel *k, const CodegenOptions *o, Jit *out);
    void (*jit_free)(Jit *j);
    bool (*object)(Ctx *c, const CodegenImage *im, CodegenBytes *out); /* in the context's arena */
    bool (*text)(Ctx *c, const Kernel *k, const CodegenOptions *o, CodegenText what, Buf *out);
} CodegenApi;

/* Name of the table in the module. */
#define CODEGEN_SYMBOL "tpc_codegen_api"

/* The generator.  path: the module's file; NULL: beside the program and where it was installed.
 * NULL: it cannot be had (a diagnostic says why).  It stays loaded until the process ends. */
const CodegenApi *codegen_load(Ctx *c, const char *path);
/* Loading in a thread of its own: the stages before run meanwhile (it takes 3 ms, with a shared
 * libLLVM 12).  It must end before the process does, which would tear libraries down while they
 * are being set up. */
typedef struct CodegenPreload {
    pthread_t thread;
    bool begun;
} CodegenPreload;
void codegen_preload(CodegenPreload *p);
void codegen_preload_end(CodegenPreload *p);

enum { CODEGEN_MESSAGES = 0
#define DIAG(code, severity, id, format) +code
#include "diag/diag.def"
};
/* Changes with the layout of what program and module share, so that mixed builds are refused. */
#define CODEGEN_SHAPE                                                                          \
    ((uint32_t)(TP_ABI_VERSION + KO_COUNT * 3 + sizeof(Ctx) * 5 + sizeof(Kernel) * 7 +         \
                sizeof(KIns) * 11 + sizeof(KArray) * 13 + sizeof(KAxis) * 17 +                 \
                sizeof(KSize) * 19 + sizeof(TpFrame) * 23 + sizeof(TpKernel) * 29 +            \
                sizeof(TpArray) * 31 + sizeof(Buf) * 37 + sizeof(Jit) * 41 +                   \
                sizeof(CodegenImage) * 43 + sizeof(CodegenApi) * 47 + CODEGEN_MESSAGES * 53))
#endif

/* A module on its way through LLVM: begun, filled by the emitter, verified, cleaned up, written. */
#ifndef TPC_CODEGEN_UNIT_H
#define TPC_CODEGEN_UNIT_H
#include "codegen/emit.h"

typedef enum UnitNames { UNIT_BARE, UNIT_NAMED } UnitNames;

typedef struct Unit { /* owns everything in it: unit_end */
    LLVMContextRef cx;
    LLVMModuleRef m;
    LLVMTargetMachineRef tm;
    const char *name; /* of the kernel, for messages */
} Unit;

/* False (with diagnostics): there is nothing to end. */
bool unit_begin(Ctx *c, Unit *u, const char *name, UnitNames names);
void unit_end(Unit *u);
/* Verify, run the passes; adds to t. */
bool unit_finish(Ctx *c, Unit *u, CodegenTime *t);
/* Object or assembly; the buffer is the caller's. */
bool unit_write(Ctx *c, Unit *u, LLVMCodeGenFileType what, CodegenTime *t,
                LLVMMemoryBufferRef *out);
/* Milliseconds of a clock that only goes forward. */
double unit_clock(void);
/* A message of LLVM's about u, which is freed. */
void unit_error(Ctx *c, const char *name, char *message);
#endif

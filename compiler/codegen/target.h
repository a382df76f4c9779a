/* Instruction sets: what LLVM is told, and what the emitter must know. */
#ifndef TPC_CODEGEN_TARGET_H
#define TPC_CODEGEN_TARGET_H
#include "base/ctx.h"
#include <llvm-c/TargetMachine.h>

typedef struct Target {
    const char *isa;      /* level name of TpLevel */
    const char *cpu;      /* "target-cpu" */
    const char *features; /* "target-features"; "" */
    const char *tune;     /* "tune-cpu"; NULL */
    uint32_t bits;        /* of a vector register */
    bool fma;             /* has the instruction */
} Target;

/* LLVM's own initialisation: once per process, from any thread. */
void target_init(void);
bool target_find(Ctx *c, const char *isa, Target *out);
/* Levels of the host's architecture, best first. */
const char *const *target_levels(uint32_t *n);
/* A machine of the host's architecture; functions carry their own instruction set.  Owned. */
LLVMTargetMachineRef target_machine(Ctx *c);
#endif

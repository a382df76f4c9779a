#include "codegen/target.h"
#include "codegen/codegen.h"
#include "diag/diag.h"
#include <llvm-c/Core.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <pthread.h>
#include <string.h>

/* LLVM's pre-register-allocation scheduler undoes the order of emission (u vectors in lockstep,
 * groups after one another), which costs 10-15 % on the recursions this compiler exists for.  Loop
 * strength reduction finds nothing in the emitter's addresses and takes a third of compile time. */
static void init_llvm(void) {
    const char *const argv[] = {"tpc", "-enable-misched=false", "-disable-lsr"};
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMParseCommandLineOptions((int)(sizeof argv / sizeof *argv), argv, "");
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
void target_init(void) { pthread_once(&once, init_llvm); }

#if defined(__x86_64__)
static const Target levels[] = {
    {"x86-64-v4", "x86-64-v4", "", NULL, 512, true},
    {"x86-64-v3", "x86-64-v3", "", NULL, 256, true},
    {"x86-64-v2", "x86-64-v2", "", NULL, 128, false},
};
static const char *const level_names[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};
static const Target generic = {"generic", "x86-64", "", NULL, 128, false};
#elif defined(__aarch64__)
static const Target levels[] = {{"generic", "generic", "", NULL, 128, true}};
static const char *const level_names[] = {"generic"};
static const Target generic = {"generic", "generic", "", NULL, 128, true};
#else
static const Target levels[] = {{"generic", "", "", NULL, 128, false}};
static const char *const level_names[] = {"generic"};
static const Target generic = {"generic", "", "", NULL, 128, false};
#endif
enum { NLEVEL = sizeof levels / sizeof *levels };

const char *const *target_levels(uint32_t *n) {
    *n = NLEVEL;
    return level_names;
}

/* The best level the host runs, tuned for its processor: it needs no more than the level does. */
static Target host(Ctx *c) {
    Target t = generic;
    for (int i = NLEVEL - 1; i >= 0; i--)
        if (tp_isa_runs(levels[i].isa)) t = levels[i];
    char *cpu = LLVMGetHostCPUName();
    t.tune = arena_strdup(c->a, cpu);
    LLVMDisposeMessage(cpu);
    return t;
}

bool target_find(Ctx *c, const char *isa, Target *out) {
    if (!isa || !strcmp(isa, "native") || !strcmp(isa, "host")) {
        *out = host(c);
        return true;
    }
    for (int i = 0; i < NLEVEL; i++)
        if (!strcmp(isa, levels[i].isa)) {
            *out = levels[i];
            return true;
        }
    *out = generic;
    if (!strcmp(isa, "generic")) return true;
    Diag *d = diag(c->ds, codegen_target, (Span){0}, isa, "there is no such instruction set");
    for (int i = 0; i < NLEVEL; i++) diag_note(d, "known: `%s`", levels[i].isa);
    return false;
}

LLVMTargetMachineRef target_machine(Ctx *c) {
    char *triple = LLVMGetDefaultTargetTriple(), *why = NULL;
    LLVMTargetRef target;
    LLVMTargetMachineRef tm = NULL;
    if (!LLVMGetTargetFromTriple(triple, &target, &why))
        tm = LLVMCreateTargetMachine(target, triple, generic.cpu, "", LLVMCodeGenLevelDefault,
                                     LLVMRelocPIC, LLVMCodeModelDefault);
    if (!tm)
        diag(c->ds, codegen_target, (Span){0}, triple, why ? why : "LLVM has no such target");
    LLVMDisposeMessage(triple);
    LLVMDisposeMessage(why);
    return tm;
}

#include "codegen/unit.h"
#include "diag/diag.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <time.h>

/* The emitter writes vector code in the order it wants: cells into registers and equal address
 * arithmetic merged is all that is left to do.  default<O3> gains nothing and takes 30 times as
 * long. */
static const char passes[] = "function(mem2reg,early-cse)";

double unit_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

void unit_error(Ctx *c, const char *name, char *message) {
    diag(c->ds, codegen_failed, (Span){0}, name, message ? message : "unknown reason");
    LLVMDisposeMessage(message);
}

bool unit_begin(Ctx *c, Unit *u, const char *name, UnitNames names) {
    target_init();
    *u = (Unit){.name = name, .tm = target_machine(c)};
    if (!u->tm) return false;
    u->cx = LLVMContextCreate();
    LLVMContextSetDiscardValueNames(u->cx, names == UNIT_BARE);
    u->m = LLVMModuleCreateWithNameInContext(name, u->cx);
    char *triple = LLVMGetTargetMachineTriple(u->tm);
    LLVMSetTarget(u->m, triple);
    LLVMDisposeMessage(triple);
    LLVMTargetDataRef td = LLVMCreateTargetDataLayout(u->tm);
    LLVMSetModuleDataLayout(u->m, td);
    LLVMDisposeTargetData(td);
    return true;
}

void unit_end(Unit *u) {
    LLVMDisposeModule(u->m);
    LLVMContextDispose(u->cx);
    LLVMDisposeTargetMachine(u->tm);
}

static bool verify(Ctx *c, Unit *u) {
    char *why = NULL;
    bool bad = LLVMVerifyModule(u->m, LLVMReturnStatusAction, &why);
    if (bad) {
        unit_error(c, u->name, why);
        return false;
    }
    LLVMDisposeMessage(why);
    return true;
}

static bool run_passes(Ctx *c, Unit *u) {
    LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
    LLVMErrorRef err = LLVMRunPasses(u->m, passes, u->tm, o);
    LLVMDisposePassBuilderOptions(o);
    if (!err) return true;
    char *text = LLVMGetErrorMessage(err);
    diag(c->ds, codegen_failed, (Span){0}, u->name, text);
    LLVMDisposeErrorMessage(text);
    return false;
}

bool unit_finish(Ctx *c, Unit *u, CodegenTime *t) {
    double t0 = unit_clock();
    if (!verify(c, u)) return false;
    double t1 = unit_clock();
    if (!run_passes(c, u)) return false;
    t->verify += t1 - t0;
    t->passes += unit_clock() - t1;
    return true;
}

bool unit_write(Ctx *c, Unit *u, LLVMCodeGenFileType what, CodegenTime *t,
                LLVMMemoryBufferRef *out) {
    char *why = NULL;
    double t0 = unit_clock();
    if (LLVMTargetMachineEmitToMemoryBuffer(u->tm, u->m, what, &why, out)) {
        unit_error(c, u->name, why);
        return false;
    }
    t->codegen += unit_clock() - t0;
    return true;
}

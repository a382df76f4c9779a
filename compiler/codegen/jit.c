/* Code in memory: an object file made there and linked by ORC. */
#include "codegen/jit.h"
#include "codegen/unit.h"
#include "diag/diag.h"
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/TargetMachine.h>
#include <math.h>
#include <string.h>

/* What compiled code may call, where the instruction set lacks an operation.  It sees no other
 * symbol of the process. */
typedef void Code(void);
typedef struct Extern {
    const char *name;
    Code *code;
} Extern;
static const Extern externs[] = {{"fma", (Code *)fma},
                                 {"fmaf", (Code *)fmaf},
                                 {"nearbyint", (Code *)nearbyint},
                                 {"nearbyintf", (Code *)nearbyintf}};
enum { NEXTERN = sizeof externs / sizeof *externs };

static bool orc_ok(Ctx *c, const char *name, LLVMErrorRef err) {
    if (!err) return true;
    char *text = LLVMGetErrorMessage(err);
    diag(c->ds, codegen_failed, (Span){0}, name, text);
    LLVMDisposeErrorMessage(text);
    return false;
}

static LLVMErrorRef define_externs(LLVMOrcLLJITRef j) {
    LLVMOrcCSymbolMapPair pair[NEXTERN];
    for (int i = 0; i < NEXTERN; i++) {
        const Extern *x = &externs[i];
        uint64_t at = (uint64_t)(uintptr_t)x->code;
        LLVMJITSymbolFlags flags = {LLVMJITSymbolGenericFlagsExported, 0};
        pair[i] = (LLVMOrcCSymbolMapPair){LLVMOrcLLJITMangleAndIntern(j, x->name), {at, flags}};
    }
    LLVMOrcMaterializationUnitRef mu = LLVMOrcAbsoluteSymbols(pair, NEXTERN);
    LLVMErrorRef err = LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(j), mu);
    if (err) LLVMOrcDisposeMaterializationUnit(mu);
    return err;
}

static bool lookup(Ctx *c, LLVMOrcLLJITRef j, const Kernel *k, const EmittedFns *f,
                   const char *const *symbol, TpKernel *desc) {
    LLVMOrcExecutorAddress at[KS_COUNT] = {0};
    const char *name = sym_text(c->syms, k->name);
    for (int s = 0; s < KS_COUNT; s++)
        if (f->fn[s] && !orc_ok(c, name, LLVMOrcLLJITLookup(j, &at[s], symbol[s]))) return false;
    desc->const_fn = (TpConstFn *)(uintptr_t)at[KS_const];
    desc->sample_fn = (TpSampleFn *)(uintptr_t)at[KS_sample];
    desc->series_fn = (TpSampleFn *)(uintptr_t)at[KS_series];
    desc->pair_fn = (TpPairFn *)(uintptr_t)at[KS_pair];
    return true;
}

/* Takes the object over; *out owns the code. */
static bool link_object(Ctx *c, const char *name, LLVMMemoryBufferRef object,
                        LLVMOrcLLJITRef *out) {
    if (!orc_ok(c, name, LLVMOrcCreateLLJIT(out, NULL))) {
        LLVMDisposeMemoryBuffer(object);
        return false;
    }
    LLVMErrorRef err = define_externs(*out);
    if (err)
        LLVMDisposeMemoryBuffer(object);
    else
        err = LLVMOrcLLJITAddObjectFile(*out, LLVMOrcLLJITGetMainJITDylib(*out), object);
    if (orc_ok(c, name, err)) return true;
    LLVMConsumeError(LLVMOrcDisposeLLJIT(*out));
    return false;
}

static bool jit_code(Ctx *c, Unit *u, const Kernel *k, const Target *t, Jit *out) {
    LLVMMemoryBufferRef object;
    LLVMOrcLLJITRef j;
    const char *symbol[KS_COUNT];
    double t0 = unit_clock();
    EmittedFns f = emit_kernel(c, k, t, (Grouping){out->w, out->u, out->g}, u->m, "tp");
    out->time.build = unit_clock() - t0;
    for (int s = 0; s < KS_COUNT; s++) {
        size_t len;
        symbol[s] = f.fn[s] ? arena_strdup(c->a, LLVMGetValueName2(f.fn[s], &len)) : NULL;
    }
    if (!unit_finish(c, u, &out->time)) return false;
    if (!unit_write(c, u, LLVMObjectFile, &out->time, &object)) return false;
    TpKernel *desc = kernel_describe(c, k, c->a);
    double t1 = unit_clock();
    if (!link_object(c, u->name, object, &j)) return false;
    if (!lookup(c, j, k, &f, symbol, desc)) {
        LLVMConsumeError(LLVMOrcDisposeLLJIT(j));
        return false;
    }
    out->time.link = unit_clock() - t1;
    out->kernel = desc;
    out->code = j;
    return true;
}

bool codegen_jit(Ctx *c, const Kernel *k, const CodegenOptions *o, Jit *out) {
    Unit u;
    Target t;
    double t0 = unit_clock();
    *out = (Jit){0};
    if (!target_find(c, o->isa, &t)) return false;
    if (!unit_begin(c, &u, sym_text(c->syms, k->name), UNIT_BARE)) return false;
    Grouping n = pair_grouping(k, &t, o);
    out->time.init = unit_clock() - t0;
    out->w = n.w;
    out->u = n.u;
    out->g = n.g;
    bool ok = jit_code(c, &u, k, &t, out);
    unit_end(&u);
    return ok;
}

void codegen_jit_free(Jit *j) {
    if (j->code) LLVMConsumeError(LLVMOrcDisposeLLJIT(j->code));
    j->code = NULL;
    j->kernel = NULL;
}

/* Code in memory: an object file made there and linked by ORC. */
#include "codegen/jit.h"
#include "codegen/unit.h"
#include "diag/diag.h"
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/TargetMachine.h>
#include <math.h>
#include <pthread.h>
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
    if (at[KS_const]) desc->const_fn = (TpConstFn *)(uintptr_t)at[KS_const];
    if (at[KS_sample]) desc->sample_fn = (TpSampleFn *)(uintptr_t)at[KS_sample];
    if (at[KS_series]) desc->series_fn = (TpSampleFn *)(uintptr_t)at[KS_series];
    if (at[KS_pair]) desc->pair_fn = (TpPairFn *)(uintptr_t)at[KS_pair];
    return true;
}

/* ---- parts: the pair function, and the others beside it in a thread of its own */

typedef struct Part {
    Ctx c; /* the side part's is private: contexts belong to one thread */
    Unit u;
    EmittedFns f;
    const char *symbol[KS_COUNT];
    LLVMMemoryBufferRef object; /* NULL: it failed */
    CodegenTime time;
} Part;

enum { PAIR_PART, SIDE_PART, NPART };
static const uint32_t part_stages[NPART] = {1u << KS_pair, ALL_STAGES & ~(1u << KS_pair)};

static bool part_begin(Ctx *c, const Kernel *k, const Target *t, Grouping n, int which, Part *p) {
    *p = (Part){.c = *c};
    if (!unit_begin(c, &p->u, sym_text(c->syms, k->name), UNIT_BARE)) return false;
    double t0 = unit_clock();
    p->f = emit_kernel(c, k, t, n, p->u.m, "tp", part_stages[which]);
    p->time.build = unit_clock() - t0;
    for (int s = 0; s < KS_COUNT; s++) {
        size_t len;
        LLVMValueRef fn = p->f.fn[s];
        p->symbol[s] = fn ? arena_strdup(c->a, LLVMGetValueName2(fn, &len)) : NULL;
    }
    return true;
}

static void *part_compile(void *ctx) {
    Part *p = ctx;
    if (!unit_finish(&p->c, &p->u, &p->time) ||
        !unit_write(&p->c, &p->u, LLVMObjectFile, &p->time, &p->object))
        p->object = NULL;
    return NULL;
}

/* What the side part had to say comes to the caller's diagnostics as one message. */
static void part_report(Ctx *c, const Part *p) {
    Buf b = buf_new(c->a);
    diags_render(p->c.ds, (DiagRender){DIAG_SHORT, false}, &b);
    diag(c->ds, codegen_failed, (Span){0}, p->u.name, buf_text(&b));
}

static bool parts_compile(Ctx *c, Part part[NPART]) {
    Part *side = &part[SIDE_PART];
    pthread_t thread;
    Arena *a = arena_new(0, NULL, NULL);
    side->c.a = a;
    side->c.ds = diags_new(a, c->src);
    bool threaded = !pthread_create(&thread, NULL, part_compile, side);
    part_compile(&part[PAIR_PART]);
    if (threaded) pthread_join(thread, NULL);
    else part_compile(side);
    if (!side->object) part_report(c, side);
    arena_free(a);
    return side->object && part[PAIR_PART].object;
}

/* Takes the objects over; *out owns the code. */
static bool link_objects(Ctx *c, const char *name, Part part[NPART], LLVMOrcLLJITRef *out) {
    if (!orc_ok(c, name, LLVMOrcCreateLLJIT(out, NULL))) return false;
    LLVMErrorRef err = define_externs(*out);
    for (int i = 0; i < NPART && !err; i++) {
        err = LLVMOrcLLJITAddObjectFile(*out, LLVMOrcLLJITGetMainJITDylib(*out), part[i].object);
        part[i].object = NULL;
    }
    if (orc_ok(c, name, err)) return true;
    LLVMConsumeError(LLVMOrcDisposeLLJIT(*out));
    return false;
}

static bool parts_link(Ctx *c, const Kernel *k, Grouping n, Part part[NPART], Jit *out) {
    LLVMOrcLLJITRef j;
    TpKernel *desc = kernel_describe(c, k, c->a);
    if (!link_objects(c, part[0].u.name, part, &j)) return false;
    for (int i = 0; i < NPART; i++) {
        if (lookup(c, j, k, &part[i].f, part[i].symbol, desc)) continue;
        LLVMConsumeError(LLVMOrcDisposeLLJIT(j));
        return false;
    }
    desc->lanes = (int32_t)(n.u * n.g * n.w);
    desc->block = (int32_t)sample_block(k, n);
    desc->compact = pair_is_compact(k);
    out->kernel = desc;
    out->code = j;
    return true;
}

/* Times are those of the pair part; what the other one takes longer counts as its code generation.
 */
static void add_times(CodegenTime *t, const CodegenTime *pair, double wall) {
    t->build = pair->build;
    t->verify = pair->verify;
    t->passes = pair->passes;
    t->codegen = wall - pair->verify - pair->passes;
}

bool codegen_jit(Ctx *c, const Kernel *k, const CodegenOptions *o, Jit *out) {
    Part part[NPART];
    Target t;
    double t0 = unit_clock();
    int begun = 0;
    *out = (Jit){0};
    if (!target_find(c, o->isa, &t)) return false;
    Grouping n = strip_grouping(k, &t, o);
    if (n.w && part_begin(c, k, &t, n, PAIR_PART, &part[PAIR_PART])) {
        begun = part[PAIR_PART].f.strips;
        if (!begun) unit_end(&part[PAIR_PART].u);
    }
    if (!begun) n = pair_grouping(k, &t, o);
    out->w = n.strip ? n.strip : n.w;
    out->u = n.u;
    out->g = n.g;
    out->strips = n.strip > 0;
    while (begun < NPART && part_begin(c, k, &t, n, begun, &part[begun])) begun++;
    double t1 = unit_clock();
    out->time.init = t1 - t0 - (begun ? part[0].time.build : 0);
    bool ok = begun == NPART && parts_compile(c, part);
    double t2 = unit_clock();
    ok = ok && parts_link(c, k, n, part, out);
    if (ok) add_times(&out->time, &part[PAIR_PART].time, t2 - t1);
    out->time.link = unit_clock() - t2;
    for (int i = 0; i < begun; i++) {
        if (begun == NPART && part[i].object) LLVMDisposeMemoryBuffer(part[i].object);
        unit_end(&part[i].u);
    }
    return ok;
}

void codegen_jit_free(Jit *j) {
    if (j->code) LLVMConsumeError(LLVMOrcDisposeLLJIT(j->code));
    j->code = NULL;
    j->kernel = NULL;
}

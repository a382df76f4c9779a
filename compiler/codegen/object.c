/* Object files: every kernel for every instruction set, descriptors, and the image that lists
 * them. */
#include "codegen/jit.h"
#include "codegen/unit.h"
#include "diag/diag.h"
#include <string.h>

/* int main(int argc, char **argv) { return tp_main(&image, argc, argv); } */
static void emit_main(LLVMModuleRef m, LLVMValueRef image) {
    LLVMContextRef cx = LLVMGetModuleContext(m);
    LLVMTypeRef i32 = LLVMInt32TypeInContext(cx), ptr = LLVMPointerTypeInContext(cx, 0);
    LLVMTypeRef run = LLVMFunctionType(i32, (LLVMTypeRef[]){ptr, i32, ptr}, 3, 0);
    LLVMTypeRef entry = LLVMFunctionType(i32, (LLVMTypeRef[]){i32, ptr}, 2, 0);
    LLVMValueRef tp_main = LLVMAddFunction(m, "tp_main", run);
    LLVMValueRef f = LLVMAddFunction(m, "main", entry);
    LLVMBuilderRef b = LLVMCreateBuilderInContext(cx);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(cx, f, ""));
    LLVMValueRef arg[] = {image, LLVMGetParam(f, 0), LLVMGetParam(f, 1)};
    LLVMBuildRet(b, LLVMBuildCall2(b, run, tp_main, arg, 3, ""));
    LLVMDisposeBuilder(b);
}

static const char *kinds_text(unsigned kernels) {
    if (kernels == 1u << KERNEL_nngp) return "nngp";
    if (kernels == 1u << KERNEL_ntk) return "ntk";
    return "both";
}

/* "x86-64-v3" -> "v3" */
static const char *isa_suffix(const char *isa) {
    const char *dash = strrchr(isa, '-');
    return dash ? dash + 1 : isa;
}

static LLVMValueRef add_kernel(Ctx *c, Unit *u, const CodegenImage *im, const Kernel *k,
                               const Target *t) {
    const char *what = arena_printf(c->a, "%s_%s_%s", im->name, kinds_text(k->kernels),
                                    isa_suffix(t->isa));
    Grouping n = pair_grouping(k, t, &(CodegenOptions){0});
    EmittedFns f = emit_kernel(c, k, t, n, u->m, arena_printf(c->a, "tp_fn_%s", what),
                               ALL_STAGES);
    for (int s = 0; s < KS_COUNT; s++)
        if (f.fn[s]) LLVMSetLinkage(f.fn[s], LLVMInternalLinkage);
    TpKernel *d = kernel_describe(c, k, c->a);
    d->lanes = (int32_t)(n.u * n.g * n.w);
    d->block = (int32_t)sample_block(k, n);
    d->compact = pair_is_compact(k);
    return describe_kernel(c, u->m, d, &f, arena_printf(c->a, "tp_kernel_%s", what));
}

static bool fill(Ctx *c, Unit *u, const CodegenImage *im) {
    uint32_t nisa = im->nisa;
    const char *const *isa = im->isa ? im->isa : target_levels(&nisa);
    DescribedLevel *level = ARENA_ARRAY(c->a, DescribedLevel, nisa);
    for (uint32_t i = 0; i < nisa; i++) {
        Target t;
        if (!target_find(c, isa[i], &t)) return false;
        level[i] = (DescribedLevel){t.isa, ARENA_ARRAY(c->a, LLVMValueRef, im->nkernel)};
        for (uint32_t j = 0; j < im->nkernel; j++)
            level[i].kernel[j] = add_kernel(c, u, im, im->kernel[j], &t);
    }
    LLVMValueRef image = describe_image(c, u->m, im->name, level, nisa, im->nkernel);
    if (im->main) emit_main(u->m, image);
    return true;
}

bool codegen_object(Ctx *c, const CodegenImage *im, CodegenBytes *out) {
    Unit u;
    CodegenTime t = {0};
    LLVMMemoryBufferRef object;
    if (!unit_begin(c, &u, im->name, UNIT_BARE)) return false;
    bool ok = fill(c, &u, im) && unit_finish(c, &u, &t) &&
              unit_write(c, &u, LLVMObjectFile, &t, &object);
    if (ok) {
        out->len = LLVMGetBufferSize(object);
        out->data = arena_copy(c->a, LLVMGetBufferStart(object), out->len);
        LLVMDisposeMemoryBuffer(object);
    }
    unit_end(&u);
    return ok;
}

static bool text(Ctx *c, Unit *u, CodegenText what, Buf *out) {
    CodegenTime t = {0};
    LLVMMemoryBufferRef asm_text;
    if (!unit_finish(c, u, &t)) return false;
    if (what == CODEGEN_LLVM) {
        char *s = LLVMPrintModuleToString(u->m);
        buf_puts(out, s);
        LLVMDisposeMessage(s);
        return true;
    }
    if (!unit_write(c, u, LLVMAssemblyFile, &t, &asm_text)) return false;
    buf_putn(out, LLVMGetBufferStart(asm_text), LLVMGetBufferSize(asm_text));
    LLVMDisposeMemoryBuffer(asm_text);
    return true;
}

bool codegen_text(Ctx *c, const Kernel *k, const CodegenOptions *o, CodegenText what, Buf *out) {
    Unit u;
    Target t;
    const char *name = sym_text(c->syms, k->name);
    if (!target_find(c, o->isa, &t)) return false;
    if (!unit_begin(c, &u, name, what == CODEGEN_LLVM ? UNIT_NAMED : UNIT_BARE)) return false;
    emit_kernel(c, k, &t, pair_grouping(k, &t, o), u.m, name, ALL_STAGES);
    bool ok = text(c, &u, what, out);
    unit_end(&u);
    return ok;
}

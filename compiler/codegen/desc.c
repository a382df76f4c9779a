/* Descriptors (runtime/abi.h, runtime/image.h) as constant data of a module: the C structs are
 * walked by tables of their fields; offsets are compared with LLVM's for the target. */
#include "codegen/emit.h"
#include "diag/diag.h"
#include <llvm-c/Target.h>
#include <stddef.h>
#include <string.h>

typedef enum FieldKind {
    FIELD_I32, FIELD_I64, FIELD_F64, FIELD_TEXT,
    FIELD_STRUCT, /* a struct of layout `of` in place */
    FIELD_ARRAY,  /* pointer to as many of layout `of` as the int32 at `count` says */
    FIELD_NULL,   /* a pointer that is NULL at first */
    FIELD_CODE    /* function of stage `count` */
} FieldKind;

typedef struct Layout Layout;
typedef struct Field {
    FieldKind kind;
    size_t at;
    const Layout *of;
    size_t count;
} Field;
struct Layout {
    size_t size;
    const Field *field;
    unsigned nfield;
};

#define LAYOUT(T, ...)                                                                            \
    static const Field T##_field[] = {__VA_ARGS__};                                               \
    static const Layout T##_layout = {sizeof(T), T##_field, sizeof T##_field / sizeof *T##_field};
#define I32(T, f) {FIELD_I32, offsetof(T, f), NULL, 0}
#define I64(T, f) {FIELD_I64, offsetof(T, f), NULL, 0}
#define F64(T, f) {FIELD_F64, offsetof(T, f), NULL, 0}
#define TEXT(T, f) {FIELD_TEXT, offsetof(T, f), NULL, 0}
#define STRUCT(T, f, of) {FIELD_STRUCT, offsetof(T, f), &of##_layout, 0}
#define ARRAY(T, f, of, n) {FIELD_ARRAY, offsetof(T, f), &of##_layout, offsetof(T, n)}
#define EMPTY(T, f) {FIELD_NULL, offsetof(T, f), NULL, 0}
#define CODE(T, f, stage) {FIELD_CODE, offsetof(T, f), NULL, stage}

LAYOUT(TpAffTerm, I32(TpAffTerm, size), I32(TpAffTerm, k))
LAYOUT(TpAff, I64(TpAff, c), ARRAY(TpAff, term, TpAffTerm, nterm), I32(TpAff, nterm))
LAYOUT(TpCodeIns, I32(TpCodeIns, op), I32(TpCodeIns, x), F64(TpCodeIns, num))
LAYOUT(TpCode, ARRAY(TpCode, ins, TpCodeIns, n), I32(TpCode, n))
LAYOUT(TpReal, TEXT(TpReal, name), I32(TpReal, hyper), STRUCT(TpReal, value, TpCode),
       I32(TpReal, order))
LAYOUT(TpSize, TEXT(TpSize, name), I32(TpSize, kind), STRUCT(TpSize, value, TpCode),
       I32(TpSize, order), I32(TpSize, input), I32(TpSize, array), I64(TpSize, cap),
       I32(TpSize, k), I32(TpSize, of), I32(TpSize, varies))
LAYOUT(TpFixed, TEXT(TpFixed, name), TEXT(TpFixed, value))
LAYOUT(TpCheck, I32(TpCheck, kind), STRUCT(TpCheck, value, TpCode), TEXT(TpCheck, what))
LAYOUT(TpArray, TEXT(TpArray, name), I32(TpArray, stage), I32(TpArray, class),
       I32(TpArray, input), I32(TpArray, in[0]), I32(TpArray, in[1]), I32(TpArray, output),
       STRUCT(TpArray, column, TpAff), ARRAY(TpArray, extent, TpAff, naxis), I32(TpArray, naxis),
       TEXT(TpArray, finite), I32(TpArray, left))
LAYOUT(TpInputDecl, TEXT(TpInputDecl, name), I32(TpInputDecl, npos), I32(TpInputDecl, is_data),
       ARRAY(TpInputDecl, size, TpAff, npos))
LAYOUT(TpKernel, I32(TpKernel, abi), I32(TpKernel, dtype), I32(TpKernel, kernels),
       TEXT(TpKernel, name), I32(TpKernel, ninput), I32(TpKernel, nreal), I32(TpKernel, nsize),
       I32(TpKernel, nfixed), I32(TpKernel, ncheck), I32(TpKernel, narray),
       ARRAY(TpKernel, input, TpInputDecl, ninput), ARRAY(TpKernel, real, TpReal, nreal),
       ARRAY(TpKernel, size, TpSize, nsize), ARRAY(TpKernel, fixed, TpFixed, nfixed),
       ARRAY(TpKernel, check, TpCheck, ncheck), ARRAY(TpKernel, array, TpArray, narray),
       CODE(TpKernel, const_fn, KS_const), CODE(TpKernel, sample_fn, KS_sample),
       CODE(TpKernel, series_fn, KS_series), CODE(TpKernel, pair_fn, KS_pair),
       I32(TpKernel, lanes), I32(TpKernel, block),
       I32(TpKernel, compact), EMPTY(TpKernel, self))

typedef struct Describe {
    Ctx *c;
    LLVMModuleRef m;
    LLVMContextRef cx;
    LLVMTypeRef i32, i64, ptr;
    const EmittedFns *fns;
} Describe;

static Describe describe_begin(Ctx *c, LLVMModuleRef m, const EmittedFns *f) {
    LLVMContextRef cx = LLVMGetModuleContext(m);
    return (Describe){c, m, cx, LLVMInt32TypeInContext(cx), LLVMInt64TypeInContext(cx),
                      LLVMPointerTypeInContext(cx, 0), f};
}

static LLVMValueRef constant(Describe *d, LLVMValueRef init, const char *name,
                             LLVMLinkage linkage) {
    LLVMValueRef g = LLVMAddGlobal(d->m, LLVMTypeOf(init), name);
    LLVMSetInitializer(g, init);
    LLVMSetGlobalConstant(g, 1);
    LLVMSetLinkage(g, linkage);
    return g;
}

static LLVMValueRef text_value(Describe *d, const char *s) {
    if (!s) return LLVMConstNull(d->ptr);
    LLVMValueRef init = LLVMConstStringInContext(d->cx, s, (unsigned)strlen(s), 0);
    return constant(d, init, "text", LLVMPrivateLinkage);
}

static LLVMValueRef struct_value(Describe *d, const Layout *l, const char *p);

static LLVMValueRef array_value(Describe *d, const Layout *of, const char *p, int32_t n) {
    if (n <= 0 || !p) return LLVMConstNull(d->ptr);
    LLVMValueRef *v = ARENA_ARRAY(d->c->a, LLVMValueRef, n);
    for (int32_t i = 0; i < n; i++) v[i] = struct_value(d, of, p + (size_t)i * of->size);
    LLVMValueRef init = LLVMConstArray2(LLVMTypeOf(v[0]), v, (uint64_t)n);
    return constant(d, init, "data", LLVMPrivateLinkage);
}

static LLVMValueRef field_value(Describe *d, const Field *f, const char *p) {
    int32_t i32, n;
    int64_t i64;
    double f64;
    const char *at;
    switch (f->kind) {
    case FIELD_I32:
        memcpy(&i32, p + f->at, sizeof i32);
        return LLVMConstInt(d->i32, (unsigned long long)(int64_t)i32, 1);
    case FIELD_I64:
        memcpy(&i64, p + f->at, sizeof i64);
        return LLVMConstInt(d->i64, (unsigned long long)i64, 1);
    case FIELD_F64:
        memcpy(&f64, p + f->at, sizeof f64);
        return LLVMConstReal(LLVMDoubleTypeInContext(d->cx), f64);
    case FIELD_TEXT:
        memcpy(&at, p + f->at, sizeof at);
        return text_value(d, at);
    case FIELD_STRUCT: return struct_value(d, f->of, p + f->at);
    case FIELD_ARRAY:
        memcpy(&at, p + f->at, sizeof at);
        memcpy(&n, p + f->count, sizeof n);
        return array_value(d, f->of, at, n);
    case FIELD_CODE:
        if (d->fns->fn[f->count]) return d->fns->fn[f->count];
        return LLVMConstNull(d->ptr);
    case FIELD_NULL: return LLVMConstNull(d->ptr);
    }
    bug("codegen: field of kind %d", (int)f->kind);
}

static void check_layout(Describe *d, const Layout *l, LLVMTypeRef t) {
    LLVMTargetDataRef td = LLVMGetModuleDataLayout(d->m);
    for (unsigned i = 0; i < l->nfield; i++)
        if (LLVMOffsetOfElement(td, t, i) != l->field[i].at)
            bug("codegen: field %u of a descriptor lies elsewhere on the target", i);
    if (LLVMABISizeOfType(td, t) != l->size) bug("codegen: a descriptor has another size there");
}

static LLVMValueRef struct_value(Describe *d, const Layout *l, const char *p) {
    LLVMValueRef v[32];
    for (unsigned i = 0; i < l->nfield; i++) v[i] = field_value(d, &l->field[i], p);
    LLVMValueRef s = LLVMConstStructInContext(d->cx, v, l->nfield, 0);
    check_layout(d, l, LLVMTypeOf(s));
    return s;
}

LLVMValueRef describe_kernel(Ctx *c, LLVMModuleRef m, const TpKernel *k, const EmittedFns *f,
                             const char *symbol) {
    Describe d = describe_begin(c, m, f);
    return constant(&d, struct_value(&d, &TpKernel_layout, (const char *)k), symbol,
                    LLVMExternalLinkage);
}

static LLVMValueRef pointers(Describe *d, LLVMValueRef *p, uint32_t n) {
    return constant(d, LLVMConstArray2(d->ptr, p, n), "kernels", LLVMPrivateLinkage);
}

/* TpLevel {isa, nkernel, kernel} */
static LLVMValueRef level_value(Describe *d, const DescribedLevel *l, uint32_t nkernel) {
    LLVMValueRef v[] = {text_value(d, l->isa), LLVMConstInt(d->i32, nkernel, 0),
                        pointers(d, l->kernel, nkernel)};
    return LLVMConstStructInContext(d->cx, v, 3, 0);
}

/* TpImage {abi, name, nlevel, level} */
LLVMValueRef describe_image(Ctx *c, LLVMModuleRef m, const char *name, const DescribedLevel *level,
                            uint32_t nlevel, uint32_t nkernel) {
    Describe d = describe_begin(c, m, NULL);
    LLVMValueRef *l = ARENA_ARRAY(c->a, LLVMValueRef, nlevel);
    for (uint32_t i = 0; i < nlevel; i++) l[i] = level_value(&d, &level[i], nkernel);
    LLVMValueRef list = constant(&d, LLVMConstArray2(LLVMTypeOf(l[0]), l, nlevel), "levels",
                                 LLVMPrivateLinkage);
    LLVMValueRef v[] = {LLVMConstInt(d.i32, TP_ABI_VERSION, 0), text_value(&d, name),
                        LLVMConstInt(d.i32, nlevel, 0), list};
    const char *symbol = arena_printf(c->a, "tp_image_%s", name);
    return constant(&d, LLVMConstStructInContext(d.cx, v, 4, 0), symbol, LLVMExternalLinkage);
}

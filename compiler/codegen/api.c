/* The module's one exported symbol. */
#include "codegen/jit.h"

extern const CodegenApi tpc_codegen_api;
__attribute__((visibility("default"))) const CodegenApi tpc_codegen_api = {
    .version = CODEGEN_VERSION,
    .shape = CODEGEN_SHAPE,
    .llvm = TPC_LLVM_VERSION,
    .jit = codegen_jit,
    .jit_free = codegen_jit_free,
    .object = codegen_object,
    .text = codegen_text,
};

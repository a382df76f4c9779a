/* The entries of the table CodegenApi. */
#ifndef TPC_CODEGEN_JIT_H
#define TPC_CODEGEN_JIT_H
#include "codegen/codegen.h"

bool codegen_jit(Ctx *c, const Kernel *k, const CodegenOptions *o, Jit *out);
void codegen_jit_free(Jit *j);
bool codegen_object(Ctx *c, const CodegenImage *im, CodegenBytes *out);
bool codegen_text(Ctx *c, const Kernel *k, const CodegenOptions *o, CodegenText what, Buf *out);
#endif

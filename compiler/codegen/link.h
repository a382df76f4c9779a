/* From an object file to a standalone kernel: executable, shared library, or the object itself with
 * its header.  Needs no LLVM; executables and libraries need the machine's C compiler as linker. */
#ifndef TPC_CODEGEN_LINK_H
#define TPC_CODEGEN_LINK_H
#include "codegen/codegen.h"

typedef enum LinkKind {
    LINK_EXECUTABLE,
    LINK_SHARED, /* OUTPUT and the header OUTPUT with .h instead of .so */
    LINK_OBJECT  /* OUTPUT, the header, and libtpcrt.a beside it: what it has to be linked with */
} LinkKind;

typedef struct LinkJob {
    LinkKind kind;
    const char *name;    /* CodegenImage.name */
    CodegenBytes object; /* executables: made with `main` */
    const char *output;
    const char *cc;      /* the compiler command, blank-separated words; NULL: $CC, else cc */
} LinkJob;

/* Outputs are written beside their places and renamed: whole or not at all.  Temporary files are
 * removed whatever happens, as long as signals do not end the process. */
bool link_kernel(Ctx *c, const LinkJob *job);
#endif

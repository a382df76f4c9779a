/* The runtime's archive as bytes of the compiler. */
#include "runtime_archive.h" /* TPC_RUNTIME_ARCHIVE: its path */

#define SECTION ".section .rodata.tpc_runtime,\"a\"\n"

__asm__(SECTION
        ".globl tpc_runtime_archive\n"
        ".globl tpc_runtime_archive_end\n"
        ".balign 16\n"
        "tpc_runtime_archive:\n"
        ".incbin \"" TPC_RUNTIME_ARCHIVE "\"\n"
        "tpc_runtime_archive_end:\n"
        ".byte 0\n"
        ".previous\n");

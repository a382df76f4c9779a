/* Where tiles of a result go: memory, or a .npy file written beside its target and renamed. */
#ifndef TP_OUTPUT_H
#define TP_OUTPUT_H
#include "rt.h"

typedef struct RtOutputFile {
    bool wanted;
    TpDtype dtype;
    int64_t n, m;
    void *data;  /* memory; NULL: a file */
    bool owned;  /* data is ours until rt_output_commit */
    int fd;
    char *target, *temp; /* owned */
    TpCleanup *cleanup;
    int slot;            /* in cleanup; -1: none */
} RtOutputFile;

/* Take memory, or create the temporary file and reserve its space. */
bool rt_output_open(RtOutputFile *o, const TpOutput *where, TpDtype dtype, int64_t n, int64_t m,
                    TpCleanup *cleanup, TpError *e);
/* Rows [i0, i0 + ni), columns [j0, j0 + nj) from src[i * ld + j].  Any thread; tiles do not
 * overlap. */
bool rt_output_tile(const RtOutputFile *o, int64_t i0, int64_t ni, int64_t j0, int64_t nj,
                    const void *src, int64_t ld, TpError *e);
/* Make the file durable under its name. */
bool rt_output_commit(RtOutputFile *o, TpError *e);
/* Remove what was not committed. */
void rt_output_close(RtOutputFile *o);
#endif

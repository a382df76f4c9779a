/* Where tiles of a result go: memory, or a .npy file written beside its target and renamed. */
#ifndef TP_OUTPUT_H
#define TP_OUTPUT_H
#include "rt.h"

typedef struct RtOutputFile {
    bool wanted;
    TpDtype dtype;
    TpShape shape;
    int64_t m, entry; /* columns; numbers of an entry (i, j): its position axes */
    int head;         /* bytes before the first number */
    void *data;  /* memory; NULL: a file */
    bool owned;  /* data is ours until rt_output_commit */
    int fd;
    char *target, *temp; /* owned */
    TpCleanup *cleanup;
    int slot;            /* in cleanup; -1: none */
} RtOutputFile;

/* Take memory, or create the temporary file and reserve its space. */
bool rt_output_open(RtOutputFile *o, const TpOutput *where, TpDtype dtype, const TpShape *shape,
                    TpCleanup *cleanup, TpError *e);
/* Entries (i, j), .., (i, j + n - 1), one after the other.  Any thread; runs do not overlap. */
bool rt_output_run(const RtOutputFile *o, int64_t i, int64_t j, int64_t n, const void *src,
                   TpError *e);
/* Make the file durable under its name. */
bool rt_output_commit(RtOutputFile *o, TpError *e);
/* Remove what was not committed. */
void rt_output_close(RtOutputFile *o);
#endif

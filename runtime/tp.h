/* Evaluating a kernel: data in, Gram matrices out.
 * Nothing here prints, exits, installs signal handlers or keeps state between calls; errors are
 * values with a text for the user. */
#ifndef TP_H
#define TP_H
#include "abi.h"
#include <stdatomic.h>
#include <stddef.h>

typedef enum TpStatus {
    TP_OK,
    TP_E_USAGE,   /* the call itself: a kernel that is not there, an output that is an input */
    TP_E_DATA,    /* an input array */
    TP_E_SETTING, /* a hyperparameter */
    TP_E_MEMORY,  /* more memory than allowed, or than there is */
    TP_E_OUTPUT,  /* a file that cannot be written */
    TP_E_NUMBER,  /* a result that is not finite */
    TP_E_STOPPED, /* the stop flag was raised */
    TP_E_SYSTEM,  /* threads */
    TP_E_ABI      /* the kernel was made for another version of the runtime */
} TpStatus;

typedef struct TpError {
    int code; /* TpStatus */
    char text[1024];
} TpError;

enum { TP_RANK = 32 };
typedef struct TpShape {
    int rank;
    int64_t len[TP_RANK];
} TpShape;

/* An input array: a file, or numbers in memory of shape (n, axis[0], .., axis[naxis - 1], d), row
 * by row, without the last axis where d is 0.  All NULL: none. */
typedef struct TpData {
    const char *path;
    const double *rows;
    int64_t n, d;
    const int64_t *axis;
    int naxis;
} TpData;

typedef struct TpNamed { /* something by name; y only where the job has a right side */
    const char *name;
    TpData x, y;
} TpNamed;

/* Where a kernel matrix goes: a file, the caller's memory (reals of the kernel's dtype, of the
 * shape that tp_plan tells: nx * ny, times positions where the kernel has such axes), or, with
 * `keep`, memory that tp_run allocates and the caller frees. */
typedef struct TpOutput {
    const char *path;
    void *data;
    bool keep;
} TpOutput;

/* Temporary files that exist now.  A signal handler may call tp_cleanup_unlink. */
enum { TP_CLEANUP_MAX = 4 };
typedef struct TpCleanup {
    _Atomic(char *) path[TP_CLEANUP_MAX];
} TpCleanup;
void tp_cleanup_unlink(TpCleanup *c); /* async-signal-safe */

typedef enum TpBlasChoice {
    TP_BLAS_AUTO, /* OpenBLAS, BLIS or MKL where found and the product is worth it; may set
                     OPENBLAS_CORETYPE and OPENBLAS_NUM_THREADS in the environment before loading */
    TP_BLAS_NONE  /* own loop */
} TpBlasChoice;

/* Called about ten times a second by the calling thread; left < 0: not known yet. */
typedef void TpProgressFn(void *ctx, double done, double left);
/* A line worth showing: the estimated time of a long run. */
typedef void TpNoteFn(void *ctx, const char *text);

enum { TP_NKERNEL = 2 }; /* 0 nngp, 1 ntk */

typedef struct TpJob {
    const TpKernel *kernel;
    TpData x, y; /* the first input; no y: the training Gram of x */
    const TpNamed *more; /* further inputs, and data arguments */
    int nmore;
    const TpNamed *size; /* position sizes that differ between samples: one whole number for each */
    int nsize;
    const char *const *set; /* "name=value" */
    int nset;
    int threads;    /* 0: one per processor */
    int64_t memory; /* bytes allowed, at most the machine's; 0: half of the machine's */
    TpOutput out[TP_NKERNEL];
    TpBlasChoice blas;
    const _Atomic int *stop; /* NULL, or a flag: not 0 ends the run with TP_E_STOPPED */
    TpCleanup *cleanup;      /* NULL, or where temporary files are listed while they exist */
    TpProgressFn *progress;
    TpNoteFn *note;
    void *ctx; /* of progress and note */
} TpJob;

typedef struct TpReport {
    int64_t nx, ny;
    int64_t bytes; /* computed need */
    int64_t scratch; /* of it, for each thread */
    TpShape shape;   /* of a result: nx, ny, positions of x, positions of y */
    int64_t sizes;   /* different sizes of samples, where they vary; else 1 */
    int threads, tile;
    char blas[80]; /* library and core, or "own loop" */
    double load_s, sample_s, pair_s, total_s;
    void *data[TP_NKERNEL]; /* outputs with `keep`; free() them */
} TpReport;

/* Evaluate.  On failure no output file exists and report->data is NULL.  report may be NULL. */
bool tp_run(const TpJob *job, TpReport *report, TpError *err);

/* The same without evaluating: shapes and settings are checked, the report has what is known before
 * a run (nx, ny, shape, threads, tile, memory). */
bool tp_plan(const TpJob *job, TpReport *report, TpError *err);

/* Shape of a .npy file, from its header. */
bool tp_shape(const char *path, TpShape *shape, TpError *err);
/* "(3, 4)" */
void tp_shape_text(char *buf, size_t cap, const TpShape *shape);
/* Check settings against a kernel without data ("name=value", see TpJob.set). */
bool tp_check_settings(const TpKernel *k, const char *const *set, int nset, TpError *err);
/* Bytes from "512M", "4G", "1.5GiB", "4096"; false: not a size. */
bool tp_parse_bytes(const char *s, int64_t *bytes);
/* Names of kernels in a bit set from "ntk", "nngp,ntk"; 0: not a list of kernels. */
uint32_t tp_parse_kernels(const char *s);
const char *tp_kernel_name(int kernel);
/* "K.npy" -> "K.ntk.npy": where one of several kernels goes. */
void tp_output_path(char *buf, size_t cap, const char *out, int kernel);

/* A result as aligned text, where it is small enough to look at; like snprintf, returns the length
 * that the whole text has.  With position axes, a matrix of positions for each pair of samples. */
enum { TP_TABLE_ROWS = 64, TP_TABLE_COLS = 16 };
bool tp_table_fits(const TpShape *shape);
size_t tp_table(char *buf, size_t cap, const void *data, TpDtype dtype, const TpShape *shape);

/* A progress line for a terminal, redrawn in place: "\r[####    ] 48 %, 1 min 20 s left".  Writes
 * into buf. */
void tp_progress_text(char *buf, size_t cap, double done, double left);
/* "1 h 20 min", "12 s", "0.3 s" */
void tp_duration_text(char *buf, size_t cap, double seconds);
/* "1.5 GiB" */
void tp_bytes_text(char *buf, size_t cap, double bytes);
/* A run in some lines, for -v. */
void tp_report_text(char *buf, size_t cap, const TpJob *job, const TpReport *r);

/* The text of a C header for the shared library of a kernel: tpc_kernel.h and the image's name.
 * Returns the length of the whole text, like snprintf. */
size_t tp_header_text(char *buf, size_t cap, const char *name);
#endif

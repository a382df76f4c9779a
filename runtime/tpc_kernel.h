/* A kernel built by `tpc build --shared`, as a C library.
 *
 *     TpcKernel *k;
 *     if (tpc_kernel_new(&k, &TPC_IMAGE, TPC_NTK)) ..
 *     tpc_kernel_set(k, "depth", 10);
 *     if (tpc_kernel_eval(k, x, n, NULL, 0, d, NULL, ntk)) puts(tpc_kernel_error(k));
 *     tpc_kernel_free(k);
 *
 * Functions return 0 or one of the codes below, and never print, exit or touch signals.  There is
 * no state outside a TpcKernel: one may be used by one thread at a time, several by several. */
#ifndef TPC_KERNEL_API
#define TPC_KERNEL_API
#ifdef __cplusplus
extern "C" {
#endif

struct TpImage;
typedef struct TpcKernel TpcKernel;

enum { TPC_NNGP = 1, TPC_NTK = 2 }; /* sets of kernels: or them together */
enum {
    TPC_OK,
    TPC_E_USAGE,   /* the call: a kernel or an input that is not there */
    TPC_E_DATA,    /* an input array */
    TPC_E_SETTING, /* a hyperparameter */
    TPC_E_MEMORY,
    TPC_E_OUTPUT,
    TPC_E_NUMBER,  /* a result that is not finite */
    TPC_E_STOPPED, /* by tpc_kernel_stop */
    TPC_E_SYSTEM,
    TPC_E_ABI      /* image and runtime of different versions of tpc */
};

/* The kernels `which` of an image. */
int tpc_kernel_new(TpcKernel **out, const struct TpImage *image, int which);
void tpc_kernel_free(TpcKernel *k);
/* A hyperparameter, until it is set again; name and value are checked by tpc_kernel_eval. */
int tpc_kernel_set(TpcKernel *k, const char *name, double value);
/* Threads of an evaluation; 0: one per processor (the default). */
int tpc_kernel_threads(TpcKernel *k, int threads);
/* Bytes an evaluation may take; 0: half of the machine's (the default). */
int tpc_kernel_memory(TpcKernel *k, long long bytes);
/* 1: let large products use OpenBLAS, BLIS or MKL where installed.  Their thread count, which is
 * one for the process, is 1 during the call, and OPENBLAS_CORETYPE and OPENBLAS_NUM_THREADS may be
 * set in the environment before loading.  0: own loop (the default). */
int tpc_kernel_blas(TpcKernel *k, int on);
/* Further inputs of the network by name: as many rows as x and y of tpc_kernel_eval, each of d
 * numbers. The arrays must live until the evaluation ends. */
int tpc_kernel_input(TpcKernel *k, const char *name, const double *x, const double *y, long long d);
/* Lengths of the n position axes of an input (also of the first one, whose numbers tpc_kernel_eval
 * takes), or of all axes of a data argument (with d = 0 in tpc_kernel_input): arrays are then
 * (samples, axes.., d).  y NULL: as x.  Lengths are copied and count until they are set again. */
int tpc_kernel_axes(TpcKernel *k, const char *name, const long long *x, const long long *y, int n);
/* A size that differs between samples: one for each of x, one for each of y, where the kernel was
 * built with --size.  Copied, until set again; nx 0: as the axes are. */
int tpc_kernel_sizes(TpcKernel *k, const char *name, const long long *x, long long nx,
                     const long long *y, long long ny);
/* Kernel matrices of nx rows x (d numbers each) against ny rows y; y NULL: against x itself.  nngp
 * and ntk hold nx * ny (nx * nx) numbers of the kernel's type and are NULL where not wanted. */
int tpc_kernel_eval(TpcKernel *k, const double *x, long long nx, const double *y, long long ny,
                    long long d, void *nngp, void *ntk);
/* Axes of such a result: nx, ny and, where the network returns a family, positions of x, then of y;
 * results hold as many numbers as their product says.  At most *naxis lengths are written; *naxis
 * becomes their number. */
int tpc_kernel_shape(TpcKernel *k, const double *x, long long nx, const double *y, long long ny,
                     long long d, long long *axis, int *naxis);
/* 4: results are float; 8: double. */
int tpc_kernel_real_size(const TpcKernel *k);
/* End a running evaluation soon.  Any thread; async-signal-safe. */
void tpc_kernel_stop(TpcKernel *k);
/* What went wrong in the last call that failed. */
const char *tpc_kernel_error(const TpcKernel *k);

#ifdef __cplusplus
}
#endif
#endif

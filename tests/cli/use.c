/* Uses a kernel of `tpc build --shared` or --object as a library; exit 0 if all calls answer well.
 *
 *     use ROWS N D OUT        ROWS: n * d doubles; OUT: nngp and ntk at depth 5 */
#include "mlp.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double *x, *nngp, *ntk;
static int n, d, bad;

static void want(int got, int expected, const char *what, const TpcKernel *k) {
    const char *text = k ? tpc_kernel_error(k) : "";
    if (got == expected && (!k || !*text == !got)) return;
    fprintf(stderr, "%s: %d, expected %d: %s\n", what, got, expected, text);
    bad = 1;
}

static int eval(TpcKernel *k) { return tpc_kernel_eval(k, x, n, NULL, 0, d, nngp, ntk); }

/* A wrong setting is refused and, set again, forgotten. */
static void setting(TpcKernel *k, const char *name, double wrong, double right) {
    tpc_kernel_set(k, name, wrong);
    want(eval(k), TPC_E_SETTING, name, k);
    tpc_kernel_set(k, name, right);
    want(eval(k), TPC_OK, name, k);
}

static void data(TpcKernel *k) {
    double keep = x[0];
    x[0] = NAN;
    want(eval(k), TPC_E_DATA, "nan", k);
    x[0] = keep;
    want(tpc_kernel_eval(k, x, 0, NULL, 0, d, nngp, ntk), TPC_E_DATA, "no rows", k);
    tpc_kernel_memory(k, 1000);
    want(eval(k), TPC_E_MEMORY, "memory", k);
    tpc_kernel_memory(k, 0);
}

static void unknown_name(void) {
    TpcKernel *k;
    want(tpc_kernel_new(&k, &tp_image_mlp, TPC_NTK), TPC_OK, "new", NULL);
    tpc_kernel_set(k, "deep", 3);
    want(tpc_kernel_eval(k, x, n, NULL, 0, d, NULL, ntk), TPC_E_SETTING, "deep", k);
    tpc_kernel_free(k);
    want(tpc_kernel_new(&k, &tp_image_mlp, 8), TPC_E_USAGE, "no such kernel", NULL);
    tpc_kernel_free(NULL);
}

static int read_rows(const char *path) {
    FILE *f = fopen(path, "rb");
    size_t all = (size_t)n * (size_t)d;
    x = malloc(all * sizeof *x);
    int ok = f && x && fread(x, sizeof *x, all, f) == all;
    if (f) fclose(f);
    return ok;
}

static int write_results(const char *path) {
    FILE *f = fopen(path, "wb");
    size_t all = (size_t)n * (size_t)n;
    int ok = f && fwrite(nngp, 8, all, f) == all && fwrite(ntk, 8, all, f) == all;
    return f && !fclose(f) && ok;
}

int main(int argc, char **argv) {
    TpcKernel *k;
    if (argc != 5) return 2;
    n = atoi(argv[2]);
    d = atoi(argv[3]);
    nngp = malloc((size_t)n * (size_t)n * 8);
    ntk = malloc((size_t)n * (size_t)n * 8);
    if (!nngp || !ntk || !read_rows(argv[1])) return 2;
    want(tpc_kernel_new(&k, &tp_image_mlp, TPC_NNGP | TPC_NTK), TPC_OK, "new", NULL);
    want(tpc_kernel_real_size(k), 8, "real size", NULL);
    tpc_kernel_threads(k, 2);
    setting(k, "gain", NAN, 1.4);
    setting(k, "depth", -1, 3);
    setting(k, "depth", 2.5, 5);
    data(k);
    unknown_name();
    want(eval(k), TPC_OK, "eval", k);
    tpc_kernel_free(k);
    return write_results(argv[4]) ? bad : 2;
}

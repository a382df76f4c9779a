/* Any bytes as a .npy file: an error with a text, or numbers that are all finite. */
#include "npy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check_numbers(const Npy *f) {
    int64_t n = f->h.n * f->h.row, all = 1;
    for (int i = 0; i < f->h.shape.rank; i++) all *= f->h.shape.len[i];
    check(all == n, "shape and numbers disagree");
    TpError e = {.code = TP_OK};
    double *x = malloc((size_t)n * 8);
    bool ok = rt_npy_read(f, x, NULL, &e);
    check(ok == !e.code && ok == !*e.text, "answer and error disagree");
    for (int64_t i = 0; ok && i < n; i++) check(isfinite(x[i]) != 0, "a number is not finite");
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int fd = memfd_create("fuzz", 0);
    char path[40];
    Npy f;
    TpError e = {.code = TP_OK};
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool ok = rt_npy_open(&f, path, &e);
    check(ok == !e.code && ok == !*e.text, "answer and error disagree");
    if (ok) check_numbers(&f);
    if (ok) rt_npy_close(&f);
    close(fd);
    return 0;
}

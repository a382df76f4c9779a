/* Any lines as --set, --memory and --kernel: errors with texts, or values in their ranges. */
#include "../unit/runtime/kernel_relu.h"
#include "values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_LINES = 16 };

static void check(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static int split(char *text, const char *line[MAX_LINES]) {
    int n = 0;
    for (char *p = text; p && n < MAX_LINES; n++) {
        line[n] = p;
        p = strchr(p, '\n');
        if (p) *p++ = 0;
    }
    return n;
}

static void settings(const char *const *line, int n) {
    const int64_t dim = 3;
    TpError e = {.code = TP_OK};
    RtValues v;
    bool ok = rt_values_make(&v, &relu_kernel, line, n, &dim, &e);
    check(ok == !e.code && ok == !*e.text, "answer and error disagree");
    if (!ok) return;
    check(isfinite(v.real[R_W]) && isfinite(v.real[R_B]), "a value is not finite");
    check(v.size[S_DEPTH] >= -1000000000 && v.size[S_DEPTH] <= 1000000000, "a size out of range");
    rt_values_check(v.k, v.real, v.size, "", &e);
    rt_values_free(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    const char *line[MAX_LINES];
    int64_t bytes;
    if (size) memcpy(text, data, size);
    text[size] = 0;
    int n = split(text, line);
    settings(line, n);
    for (int i = 0; i < n; i++) {
        if (tp_parse_bytes(line[i], &bytes)) check(bytes > 0, "a size of no bytes");
        check(tp_parse_kernels(line[i]) < 4, "an unknown kernel");
    }
    free(text);
    return 0;
}

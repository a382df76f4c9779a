/* Temporary files and .npy arrays for the runtime's tests. */
#ifndef FIXTURE_H
#define FIXTURE_H
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rt.h"

static inline const char *folder(void) {
    static char path[64];
    if (*path) return path;
    strcpy(path, "/tmp/tpc-runtime-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

/* Names in the folder; eight may be in use at once. */
static inline const char *in_folder(const char *name) {
    static char path[8][160];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", folder(), name);
    return p;
}

static inline int files_in_folder(void) {
    char cmd[128];
    int n = -1;
    snprintf(cmd, sizeof cmd, "ls -A %s | wc -l", folder());
    FILE *f = popen(cmd, "r");
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

static inline int remove_folder(void **state) {
    char cmd[128];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder());
    return system(cmd);
}

static inline const char *write_file(const char *name, const void *data, size_t len) {
    const char *path = in_folder(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
    return path;
}

/* A .npy file of any version with this dictionary and these bytes. */
static inline const char *write_npy(const char *name, int version, const char *dict,
                                    const void *data, size_t len) {
    size_t start = version == 1 ? 10 : 12, head = start + strlen(dict) + 1;
    unsigned char *p = calloc(1, head + len);
    memcpy(p, "\x93NUMPY", 6);
    p[6] = (unsigned char)version;
    size_t n = head - start;
    for (size_t i = 0; i < (version == 1 ? 2 : 4); i++) p[8 + i] = (unsigned char)(n >> 8 * i);
    memcpy(p + start, dict, n - 1);
    p[head - 1] = '\n';
    if (len) memcpy(p + head, data, len);
    const char *path = write_file(name, p, head + len);
    free(p);
    return path;
}

static inline const char *write_f8(const char *name, const double *v, int64_t n, int64_t d) {
    char dict[128];
    snprintf(dict, sizeof dict, "{'descr': '<f8', 'fortran_order': False, 'shape': (%lld, %lld), }",
             (long long)n, (long long)d);
    return write_npy(name, 1, dict, v, (size_t)(n * d) * 8);
}

static inline uint64_t next_bits(uint64_t *s) {
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* Uniform in (-1, 1). */
static inline double next_uniform(uint64_t *s) { return (double)(int64_t)next_bits(s) * 0x1p-63; }

static inline double *random_rows(uint64_t seed, int64_t n, int64_t d) {
    double *x = malloc((size_t)(n * d) * 8);
    uint64_t s = seed * 0x9E3779B97F4A7C15u + 1;
    for (int64_t i = 0; i < n * d; i++) x[i] = next_uniform(&s);
    return x;
}

static inline void assert_text(const TpError *e, int code, const char *part) {
    if (e->code == code && strstr(e->text, part)) return;
    fail_msg("expected code %d with `%s`, got %d: %s", code, part, e->code, e->text);
}
#endif

/* A result that is larger than what the evaluation keeps in memory: N = 6,000 by default, or as
 * TPC_LARGE_N says (30000: a result of 7.2 GB).  Skipped where the disk is too small. */
#include "fixture.h"
#include "kernel_relu.h"
#include "tp.h"
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

/* Code, BLAS and its buffers, tiles of two threads; sanitizers keep shadows of it all. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SPARE_MIB = 2048 };
#else
enum { SPARE_MIB = 160 };
#endif
enum { D = 784 };

static int64_t sample_count(void) {
    const char *s = getenv("TPC_LARGE_N");
    return s ? atoll(s) : 6000;
}

static const char *write_bytes(int64_t n) {
    char dict[100];
    unsigned char *x = malloc((size_t)(n * D));
    uint64_t s = 1;
    for (int64_t i = 0; i < n * D; i++) x[i] = (unsigned char)next_bits(&s);
    snprintf(dict, sizeof dict, "{'descr': '|u1', 'fortran_order': False, 'shape': (%lld, %d), }",
             (long long)n, D);
    const char *path = write_npy("x.npy", 1, dict, x, (size_t)(n * D));
    free(x);
    return path;
}

static void cheap_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    const double *c = f->row[A_UNIT], *e = f->row[A_DEFECT];
    (void)i, (void)j0;
    for (int64_t k = 0; k < n; k++) ((double *)f->row[A_NTK])[k] = c[k] + e[k];
}

/* In a process of its own, whose peak is its own. */
static int evaluate(const char *x, const char *out, int64_t n) {
    TpKernel k;
    TpArray array[A_COUNT];
    TpError e;
    struct rusage u;
    relu_only(&k, array, 1);
    k.pair_fn = cheap_pair;
    TpJob job = {.kernel = &k, .x = {.path = x}, .threads = 2, .out = {[1] = {.path = out}}};
    if (!tp_run(&job, NULL, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    getrusage(RUSAGE_SELF, &u);
    int64_t limit = n * D * 8 / 1024 + SPARE_MIB * 1024;
    if (u.ru_maxrss <= limit) return 0;
    fprintf(stderr, "peak %ld KiB, expected at most %lld\n", u.ru_maxrss, (long long)limit);
    return 2;
}

static void check_entries(const char *path, int64_t n) {
    FILE *f = fopen(path, "rb");
    double *row = malloc((size_t)n * 8);
    assert_non_null(f);
    for (int64_t i = 0; i < n; i += n / 50) {
        assert_int_equal(fseeko(f, 128 + i * n * 8, SEEK_SET), 0);
        assert_int_equal(fread(row, 8, (size_t)n, f), n);
        for (int64_t j = 0; j < n; j++) assert_true(fabs(row[j] - 1) <= 3e-16);
    }
    free(row);
    fclose(f);
}

static bool disk_has(int64_t bytes) {
    struct statvfs s;
    return !statvfs(folder(), &s) && (double)s.f_bavail * (double)s.f_frsize > (double)bytes;
}

static void result_is_not_kept_in_memory(void **state) {
    (void)state;
    int64_t n = sample_count();
    int status;
    if (!disk_has(n * n * 8 + n * D + (INT64_C(1) << 28))) skip();
    const char *x = write_bytes(n), *out = in_folder("k.npy");
    fflush(NULL);
    pid_t child = fork();
    if (!child) _exit(evaluate(x, out, n));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    check_entries(out, n);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(result_is_not_kept_in_memory)};
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}

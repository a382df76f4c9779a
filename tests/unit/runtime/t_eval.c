/* Evaluation of a kernel written by hand: values, bitwise independence of threads, limits, errors.
 */
#include "fixture.h"
#include "kernel_relu.h"
#include "npy.h"
#include "tp.h"
#include <signal.h>
#include <sys/resource.h>

#define N 150
#define M 70
#define D 13

static double *X, *Y; /* N x D, M x D; X has a row of zeros and a pair of equal rows */

static int make_data(void **state) {
    (void)state;
    X = random_rows(1, N, D);
    Y = random_rows(2, M, D);
    memset(X + 5 * D, 0, D * 8);
    memcpy(X + 140 * D, X + 3 * D, D * 8);
    return 0;
}

static int drop_data(void **state) {
    free(X);
    free(Y);
    return remove_folder(state);
}

static TpJob memory_job(double *nngp, double *ntk) {
    return (TpJob){.kernel = &relu_kernel, .x = {.rows = X, .n = N, .d = D}, .threads = 1,
                   .out = {{.data = nngp}, {.data = ntk}}};
}

static void run(const TpJob *job) {
    TpError e;
    if (!tp_run(job, NULL, &e)) fail_msg("%s", e.text);
}

static TpError run_fails(const TpJob *job) {
    TpError e;
    assert_false(tp_run(job, NULL, &e));
    return e;
}

/* The recursion of kernel_relu.h in long double, from the rows. */
static void direct(const double *x, const double *y, int depth, double *k_out, double *t_out) {
    const long double w = 2, b = 0.25L, pi = acosl(-1);
    long double xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < D; i++) {
        xx += (long double)x[i] * x[i];
        yy += (long double)y[i] * y[i];
        xy += (long double)x[i] * y[i];
    }
    long double qx = b + w * xx / D, qy = b + w * yy / D, k = b + w * xy / D, t = k;
    for (int l = 0; l < depth; l++) {
        long double s = sqrtl(qx * qy), c = fminl(k / s, 1), a = acosl(c);
        k = b + w * s * (sqrtl(1 - c * c) + c * (pi - a)) / (2 * pi);
        t = k + w * t * (pi - a) / (2 * pi);
        qx = b + w / 2 * qx;
        qy = b + w / 2 * qy;
    }
    *k_out = (double)k;
    *t_out = (double)t;
}

/* The recursion loses half of the digits near c = 1. */
static void check_values(const double *k, const double *t, const double *y, int m, int depth) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < m; j++) {
            double ke, te;
            direct(X + i * D, y + j * D, depth, &ke, &te);
            assert_true(fabs(k[i * m + j] - ke) <= 1e-12 * fabs(ke));
            assert_true(fabs(t[i * m + j] - te) <= 1e-7 * fabs(te));
        }
}

static void values_are_right(void **state) {
    (void)state;
    static double k[N * N], t[N * N];
    TpJob job = memory_job(k, t);
    run(&job);
    check_values(k, t, X, N, 3);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) assert_true(k[i * N + j] == k[j * N + i]);
    job.y = (TpData){.rows = Y, .n = M, .d = D};
    const char *set[] = {"depth=5"};
    job.set = set;
    job.nset = 1;
    run(&job);
    check_values(k, t, Y, M, 5);
}

static void full_equals_symmetric(void **state) {
    (void)state;
    static double k[N * N], t[N * N], kf[N * N], tf[N * N];
    TpJob job = memory_job(k, t);
    run(&job);
    job.y = job.x;
    job.out[0].data = kf;
    job.out[1].data = tf;
    run(&job);
    for (int i = 0; i < N; i++)
        for (int j = i + 1; j < N; j++) {
            assert_memory_equal(&k[i * N + j], &kf[i * N + j], 8);
            assert_memory_equal(&t[i * N + j], &tf[i * N + j], 8);
        }
}

static void threads_change_nothing(void **state) {
    (void)state;
    enum { BIG = 700 };
    double *x = random_rows(3, BIG, D);
    double *first = malloc(BIG * BIG * 16), *other = malloc(BIG * BIG * 16);
    static const int threads[] = {1, 2, 3, 7};
    for (int i = 0; i < 4; i++) {
        double *out = i ? other : first;
        TpJob job = memory_job(out, out + BIG * BIG);
        job.x = (TpData){.rows = x, .n = BIG, .d = D};
        job.threads = threads[i];
        run(&job);
        if (i) assert_memory_equal(first, other, BIG * BIG * 16);
    }
    free(x);
    free(first);
    free(other);
}

static void files_equal_memory(void **state) {
    (void)state;
    static double k[N * N], t[N * N], file[N * N];
    TpJob job = memory_job(k, t);
    run(&job);
    job.x = (TpData){.path = write_f8("x.npy", X, N, D)};
    job.out[0] = (TpOutput){.path = in_folder("k.nngp.npy")};
    job.out[1] = (TpOutput){.path = in_folder("k.ntk.npy")};
    run(&job);
    for (int o = 0; o < 2; o++) {
        Npy f;
        TpError e = {.code = TP_OK};
        assert_true(rt_npy_open(&f, job.out[o].path, &e));
        assert_true(rt_npy_read(&f, file, NULL, &e));
        rt_npy_close(&f);
        assert_memory_equal(file, o ? t : k, sizeof file);
        unlink(job.out[o].path);
    }
    assert_int_equal(files_in_folder(), 1);
}

static void one_sample_works(void **state) {
    (void)state;
    double k, t, ke, te;
    TpJob job = memory_job(&k, &t);
    job.x.n = 1;
    run(&job);
    direct(X, X, 3, &ke, &te);
    assert_true(fabs(k - ke) <= 1e-14 * ke && fabs(t - te) <= 1e-14 * te);
}

static void keep_allocates(void **state) {
    (void)state;
    TpJob job = memory_job(NULL, NULL);
    TpReport r;
    TpError e;
    job.out[1].keep = true;
    assert_true(tp_run(&job, &r, &e));
    assert_null(r.data[0]);
    assert_non_null(r.data[1]);
    assert_int_equal(r.nx, N);
    free(r.data[1]);
}

static void settings_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *set, *text;
    } bad[] = {
        {"depht=3", "has no hyperparameter `depht`: did you mean `depth`?; it has w, bias, depth"},
        {"zzzzzzzz=3", "has no hyperparameter `zzzzzzzz`; it has w, bias, depth"},
        {"half=3", "has no hyperparameter `half`"},
        {"d=3", "has no hyperparameter `d`"},
        {"w", "`w` is not a setting: expected NAME=VALUE"},
        {"=3", "`=3` is not a setting"},
        {"w=", "`` is not a number: expected w=NUMBER"},
        {"w=1,5", "`1,5` is not a number"},
        {"w= 1", "` 1` is not a number"},
        {"w=0x10", "`0x10` is not a number"},
        {"w=nan", "w must be finite, but is set to nan"},
        {"w=inf", "w must be finite"},
        {"w=1e999", "w must be finite"},
        {"w=-1", "variance of W at mlp.tp:7:5 is -1; it must be at least 0"},
        {"bias=-0.5", "variance of b at mlp.tp:8:5 is -0.5; it must be at least 0"},
        {"depth=2.5",
         "depth must be a whole number from -1000000000 to 1000000000, but is set to 2.5"},
        {"depth=1e12", "depth must be a whole number"},
        {"depth=x", "`x` is not a whole number"},
        {"readout=2",
         "`readout` was fixed to 1.0 when this kernel was built; to change it, build `mlp` "
         "anew with --set readout=VALUE"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        TpJob job = memory_job(NULL, NULL);
        job.set = &bad[i].set;
        job.nset = 1;
        TpError e = run_fails(&job);
        assert_text(&e, TP_E_SETTING, bad[i].text);
    }
}

static void memory_is_limited(void **state) {
    (void)state;
    TpJob job = memory_job(NULL, NULL);
    const char *set[] = {"depth=1000000"};
    job.out[0].keep = true;
    job.set = set;
    job.nset = 1;
    job.memory = 64 << 20;
    TpError e = run_fails(&job);
    assert_text(&e, TP_E_MEMORY,
                "more than the 64 MiB allowed; the largest array, q, takes 1.43 GiB");
    set[0] = "depth=1000000000";
    job.memory = INT64_MAX;
    e = run_fails(&job);
    assert_int_equal(e.code, TP_E_MEMORY);
}

static void bad_data_is_refused(void **state) {
    (void)state;
    TpJob job = memory_job(NULL, NULL);
    job.y = (TpData){.rows = Y, .n = M, .d = D - 1};
    TpError e = run_fails(&job);
    assert_text(&e, TP_E_DATA, "x has 12 columns, but x has 13");
    job.y = (TpData){.rows = Y, .n = 0, .d = D};
    e = run_fails(&job);
    assert_text(&e, TP_E_DATA, "shape (0, 13); expected at least one sample");
    double *bad = random_rows(9, N, D);
    bad[17 * D + 2] = NAN;
    job = memory_job(NULL, NULL);
    job.x.rows = bad;
    e = run_fails(&job);
    assert_text(&e, TP_E_DATA, "row 17 (from 0) of X holds NaN or inf");
    for (int k = 0; k < D; k++) bad[17 * D + k] = 1e160;
    e = run_fails(&job);
    assert_text(&e, TP_E_DATA, "row 17 (from 0) of X is too large");
    for (int k = 0; k < D; k++) bad[17 * D + k] = 1e-160;
    e = run_fails(&job);
    assert_text(&e, TP_E_DATA, "row 17 (from 0) of X is too small");
    free(bad);
    job = memory_job(NULL, NULL);
    const TpNamed more = {"z", {.rows = X, .n = N, .d = D}, {.rows = NULL}};
    job.more = &more;
    job.nmore = 1;
    e = run_fails(&job);
    assert_text(&e, TP_E_USAGE, "has no input `z`; its first is `x`");
    job = memory_job(NULL, NULL);
    job.x = (TpData){.path = NULL};
    e = run_fails(&job);
    assert_text(&e, TP_E_USAGE, "input `x` of `mlp` is missing");
}

/* The first pair in order is named, whatever the threads do. */
static void infinite_results_are_named(void **state) {
    (void)state;
    double *x = random_rows(4, 300, D);
    for (int k = 0; k < D; k++) x[200 * D + k] = 1e140;
    for (int threads = 1; threads < 4; threads++) {
        TpJob job = memory_job(NULL, NULL);
        const char *set[] = {"w=1e30"};
        job.x = (TpData){.rows = x, .n = 300, .d = D};
        job.set = set;
        job.nset = 1;
        job.threads = threads;
        job.out[1].path = in_folder("inf.npy");
        TpError e = run_fails(&job);
        assert_text(&e, TP_E_NUMBER, "the NNGP of samples 0 and 200 is ");
        assert_int_not_equal(access(job.out[1].path, F_OK), 0);
    }
    free(x);
}

static void wrong_kernels_are_refused(void **state) {
    (void)state;
    TpKernel k = relu_kernel;
    TpJob job = memory_job(NULL, NULL);
    job.kernel = &k;
    k.kernels = 1;
    job.out[1].keep = true;
    TpError e = run_fails(&job);
    assert_text(&e, TP_E_USAGE, "the NTK was asked for, but `mlp` was compiled without it");
    k.abi = 99;
    e = run_fails(&job);
    assert_text(&e, TP_E_ABI, "is for version 99 of the runtime");
}

/* ---- output files */

static void output_over_input_is_refused(void **state) {
    (void)state;
    TpJob job = memory_job(NULL, NULL);
    job.x = (TpData){.path = write_f8("in.npy", X, N, D)};
    job.out[1].path = in_folder("link.npy");
    assert_int_equal(symlink(job.x.path, job.out[1].path), 0);
    TpError e = run_fails(&job);
    assert_text(&e, TP_E_USAGE, "the result would replace the data");
    unlink(job.out[1].path);
    unlink(job.x.path);
}

static void unwritable_output_is_refused(void **state) {
    (void)state;
    int before = files_in_folder();
    TpJob job = memory_job(NULL, NULL);
    job.out[1].path = in_folder("no/such/folder/k.npy");
    TpError e = run_fails(&job);
    assert_text(&e, TP_E_OUTPUT, "cannot be created: No such file or directory");
    job.out[1].path = folder();
    e = run_fails(&job);
    assert_text(&e, TP_E_OUTPUT, "is a folder; expected the name of a .npy file");
    job.out[1].path = "/dev/null";
    e = run_fails(&job);
    assert_text(&e, TP_E_OUTPUT, "/dev/null is not a regular file");
    job.out[1].path = job.out[0].path = in_folder("same.npy");
    e = run_fails(&job);
    assert_text(&e, TP_E_USAGE, "two kernels cannot have the one output");
    assert_int_equal(files_in_folder(), before);
}

static void full_disk_leaves_nothing(void **state) {
    (void)state;
    int before = files_in_folder();
    struct rlimit old, small = {4096, 4096};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    TpJob job = memory_job(NULL, NULL);
    job.out[1].path = in_folder("big.npy");
    TpError e = run_fails(&job);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_text(&e, TP_E_OUTPUT, "176 KiB cannot be reserved: File too large");
    assert_int_equal(files_in_folder(), before);
}

static void stop_leaves_nothing(void **state) {
    (void)state;
    int before = files_in_folder();
    const _Atomic int stop = 1;
    TpJob job = memory_job(NULL, NULL);
    job.stop = &stop;
    job.out[1].path = in_folder("stopped.npy");
    TpError e = run_fails(&job);
    assert_int_equal(e.code, TP_E_STOPPED);
    assert_int_equal(files_in_folder(), before);
}

/* What a second signal does: the list knows the file while it exists. */
static TpCleanup list;
static int listed;
static void unlink_listed(void *ctx, double done, double left) {
    (void)ctx, (void)left;
    if (done >= 1) return;
    for (int i = 0; i < TP_CLEANUP_MAX; i++) listed += atomic_load(&list.path[i]) != NULL;
    tp_cleanup_unlink(&list);
}

static void slow_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    usleep(2000);
    relu_pair(f, i, j0, n);
}

static void cleanup_removes_the_file(void **state) {
    (void)state;
    int before = files_in_folder();
    TpKernel slow = relu_kernel;
    slow.pair_fn = slow_pair;
    TpJob job = memory_job(NULL, NULL);
    job.kernel = &slow;
    job.cleanup = &list;
    job.progress = unlink_listed;
    job.out[1].path = in_folder("gone.npy");
    TpError e = run_fails(&job);
    assert_text(&e, TP_E_OUTPUT, "cannot be replaced: No such file");
    assert_true(listed > 0);
    for (int i = 0; i < TP_CLEANUP_MAX; i++) assert_null(atomic_load(&list.path[i]));
    assert_int_equal(files_in_folder(), before);
}

static void slower_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    usleep(50000);
    relu_pair(f, i, j0, n);
}

static _Atomic int stop_long;
static char noted[200];
static void stop_at_note(void *ctx, const char *text) {
    (void)ctx;
    snprintf(noted, sizeof noted, "%s", text);
    atomic_store(&stop_long, 1);
}

static void long_runs_are_announced(void **state) {
    (void)state;
    TpKernel slow = relu_kernel;
    slow.pair_fn = slower_pair;
    TpJob job = memory_job(NULL, NULL);
    job.kernel = &slow;
    job.note = stop_at_note;
    job.stop = &stop_long;
    TpError e = run_fails(&job);
    assert_int_equal(e.code, TP_E_STOPPED);
    assert_non_null(strstr(noted, "estimated time: "));
}

static void output_keeps_links_and_modes(void **state) {
    (void)state;
    TpJob job = memory_job(NULL, NULL);
    const char *target = in_folder("target.npy"), *link = in_folder("k.npy");
    struct stat st;
    mode_t mask = umask(022);
    assert_int_equal(symlink(write_file("target.npy", "old", 3), link), 0);
    job.out[1].path = link;
    run(&job);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 128 + N * N * 8);
    assert_int_equal(st.st_mode & 0777, 0644);
    umask(mask);
    unlink(link);
    unlink(target);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_right),
        cmocka_unit_test(full_equals_symmetric),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(files_equal_memory),
        cmocka_unit_test(one_sample_works),
        cmocka_unit_test(keep_allocates),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(bad_data_is_refused),
        cmocka_unit_test(infinite_results_are_named),
        cmocka_unit_test(wrong_kernels_are_refused),
        cmocka_unit_test(output_over_input_is_refused),
        cmocka_unit_test(unwritable_output_is_refused),
        cmocka_unit_test(full_disk_leaves_nothing),
        cmocka_unit_test(stop_leaves_nothing),
        cmocka_unit_test(cleanup_removes_the_file),
        cmocka_unit_test(long_runs_are_announced),
        cmocka_unit_test(output_keeps_links_and_modes),
    };
    return cmocka_run_group_tests(tests, make_data, drop_data);
}

/* The command line of standalone kernels, and the C interface of shared ones. */
#include "fixture.h"
#include "image.h"
#include "kernel_positions.h"
#include "kernel_relu.h"
#include "npy.h"
#include "tpc_kernel.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

enum { N = 6, D = 4 };

static TpKernel only[2];
static TpArray arrays[2][A_COUNT];
static const TpKernel *const kernels[] = {&only[0], &only[1], &relu_kernel};
static const TpLevel levels[] = {{"no-such-processor", 3, kernels}, {"generic", 3, kernels}};
static const TpImage image = {TP_ABI_VERSION, "mlp", 2, levels};

static void slow_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    usleep(20000);
    relu_pair(f, i, j0, n);
}
static TpKernel slow;
static const TpKernel *const slow_kernels[] = {&slow};
static const TpLevel slow_level = {"generic", 1, slow_kernels};
static const TpImage slow_image = {TP_ABI_VERSION, "slow", 1, &slow_level};

/* Kernels of positions: numbers, sizes that vary. */
static Positions net;
static const TpKernel *const net_kernels[] = {&net.k};
static const TpLevel net_level = {"generic", 1, net_kernels};
static const TpImage net_image = {TP_ABI_VERSION, "net", 1, &net_level};

enum { T = 4 };
static void make_positions(void) {
    double *x = random_rows(5, N, T * D), *a = random_rows(6, N, T);
    static const double len[N] = {4, 1, 3, 2, 4, 2};
    char dict[200];
    positions_make(&net, true, true, false, 8);
    snprintf(dict, sizeof dict, "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d, %d)}",
             N, T, D);
    write_npy("px.npy", 1, dict, x, N * T * D * 8);
    write_f8("pa.npy", a, N, T);
    snprintf(dict, sizeof dict, "{'descr': '<f8', 'fortran_order': False, 'shape': (%d,)}", N);
    write_npy("len.npy", 1, dict, len, N * 8);
    free(x);
    free(a);
}

static int make(void **state) {
    (void)state;
    make_positions();
    double *x = random_rows(1, 100, D);
    relu_only(&only[0], arrays[0], 0);
    relu_only(&only[1], arrays[1], 1);
    slow = relu_kernel;
    slow.pair_fn = slow_pair;
    write_f8("x.npy", x, N, D);
    write_f8("big.npy", x, 100, D);
    free(x);
    return 0;
}

static const char *slurp(const char *name) {
    static char text[2][10000];
    static int next;
    char *p = text[next++ % 2];
    FILE *f = fopen(in_folder(name), "r");
    assert_non_null(f);
    size_t n = fread(p, 1, sizeof text[0] - 1, f);
    p[n] = 0;
    fclose(f);
    return p;
}

static pid_t start(const TpImage *im, const char *args) {
    fflush(NULL);
    pid_t child = fork();
    if (child) return child;
    char line[1000], *argv[40];
    int argc = 0;
    snprintf(line, sizeof line, "./kernel %s", args);
    for (char *p = strtok(line, " "); p; p = strtok(NULL, " ")) argv[argc++] = p;
    argv[argc] = NULL;
    if (chdir(folder()) || !freopen("out.txt", "w", stdout) || !freopen("err.txt", "w", stderr))
        _exit(99);
    int code = tp_main(im, argc, argv);
    fflush(NULL);
    _exit(code);
}

static int command_of(const TpImage *im, const char *args) {
    int status;
    pid_t child = start(im, args);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void expect_of(const TpImage *im, const char *args, int code, const char *err) {
    int got = command_of(im, args);
    const char *text = slurp("err.txt");
    if (got != code || (*err ? !strstr(text, err) : *text))
        fail_msg("%s: exit %d, expected %d; stderr: %s", args, got, code, text);
}

static void expect(const char *args, int code, const char *err) {
    expect_of(&image, args, code, err);
}

static void prints_small_results(void **state) {
    (void)state;
    expect("x.npy", 0, "");
    const char *out = slurp("out.txt");
    int lines = 0;
    for (const char *p = out; *p; p++) lines += *p == '\n';
    assert_int_equal(lines, N);
    expect("x.npy x.npy --kernel nngp,ntk --set depth=1", 0, "");
    out = slurp("out.txt");
    assert_non_null(strstr(out, "NNGP\n"));
    assert_non_null(strstr(out, "NTK\n"));
    expect("big.npy", 2, "a result of 100 x 100 is too large to print: give -o FILE");
}

static void writes_files(void **state) {
    (void)state;
    TpShape s;
    TpError e;
    expect("x.npy big.npy -o K.npy --threads 2 --set depth=10 --memory 1G --blas none", 0, "");
    assert_true(tp_shape(in_folder("K.npy"), &s, &e));
    assert_true(s.rank == 2 && s.len[0] == N && s.len[1] == 100);
    expect("x.npy -o K.npy --kernel=ntk,nngp -v", 0, "products by own loop");
    assert_true(tp_shape(in_folder("K.nngp.npy"), &s, &e));
    assert_true(tp_shape(in_folder("K.ntk.npy"), &s, &e));
    assert_true(s.len[0] == N && s.len[1] == N);
}

static void wrong_usage_is_2(void **state) {
    (void)state;
    expect("", 2, "X.npy is missing");
    expect("a b c", 2, "c: expected at most X.npy and Y.npy");
    expect("x.npy --nonsense", 2, "--nonsense");
    expect("x.npy --kernel nngq", 2, "--kernel nngq: expected ntk, nngp or nngp,ntk");
    expect("x.npy --threads 0", 2, "--threads 0: expected a whole number from 1 to 1024");
    expect("x.npy --threads two", 2, "--threads two");
    expect("x.npy --memory lots", 2, "--memory lots: expected a size such as 512M or 4G");
    expect("x.npy --blas maybe", 2, "--blas maybe: expected auto or none");
    expect("x.npy --data z", 2, "--data z: expected NAME=X.npy[,Y.npy]");
    expect("x.npy --isa pdp11", 2, "--isa pdp11: not in this program");
    expect("x.npy -o x.npy", 2, "the result would replace the data");
    expect("x.npy --data z=x.npy", 2, "has no input `z`");
}

static void errors_are_1(void **state) {
    (void)state;
    expect("absent.npy -o K.npy", 1, "error: absent.npy cannot be opened");
    expect("x.npy --set depth=x", 1, "error: `x` is not a whole number");
    expect("x.npy --set depth=1000000 --memory 1M", 1, "more than the 1 MiB allowed");
    expect("x.npy -o no/K.npy", 1, "no/K.npy cannot be created");
}

static void help_lists_what_can_be_set(void **state) {
    (void)state;
    expect("--help", 0, "");
    const char *out = slurp("out.txt");
    assert_non_null(strstr(out, "usage: ./kernel X.npy [Y.npy]"));
    assert_non_null(strstr(out, "(here: nngp | ntk | nngp,ntk; default ntk)"));
    assert_non_null(strstr(out, "  w = 2\n"));
    assert_non_null(strstr(out, "  depth = 3, a whole number\n"));
    assert_non_null(strstr(out, "  readout = 1.0, fixed\n"));
    assert_non_null(strstr(out, "examples:"));
    expect("--version", 0, "");
    assert_non_null(strstr(slurp("out.txt"), "mlp, built by tpc "));
}

static void positions_on_the_command_line(void **state) {
    (void)state;
    TpShape s;
    TpError e;
    const char *all = "px.npy --kernel nngp,ntk --data A=pa.npy --size T=len.npy -o P.npy";
    expect_of(&net_image, all, 0, "");
    assert_true(tp_shape(in_folder("P.nngp.npy"), &s, &e));
    const TpShape want = {4, {N, N, T, T}};
    assert_true(s.rank == 4 && !memcmp(s.len, want.len, 4 * 8));
    expect_of(&net_image, "px.npy px.npy --kernel nngp,ntk --data A=pa.npy,pa.npy -o P.npy", 0, "");
    expect_of(&net_image, "px.npy --kernel nngp,ntk --data A=pa.npy", 2,
              "a result of shape (6, 6, 4, 4) is too large to print: give -o FILE");
    expect_of(&net_image, "px.npy --kernel nngp,ntk -o P.npy", 2, "input `A` of `net` is missing");
    expect_of(&net_image, "px.npy --size T -o P.npy", 2,
              "--size T: expected NAME=X_SIZES.npy[,Y_SIZES.npy]");
    expect_of(&net_image, "px.npy --kernel nngp,ntk --data A=pa.npy --size V=len.npy -o P.npy", 2,
              "has no size `V`; it has T");
    expect_of(&net_image, "x.npy --kernel nngp,ntk --data A=pa.npy -o P.npy", 1,
              "x.npy has shape (6, 4) of rank 2; expected rank 3: (N, T, d)");
    expect_of(&net_image, "--help", 0, "");
    assert_non_null(strstr(slurp("out.txt"), "inputs: x (N, T, d), A (N, T)\n"));
}

static void signals_leave_no_file(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    int before = files_in_folder();
    for (int i = 0; i < 2; i++) {
        int status;
        pid_t child = start(&slow_image, "big.npy -o Slow.npy --kernel nngp,ntk");
        for (int t = 0; files_in_folder() == before && t < 200; t++) usleep(10000);
        assert_int_equal(files_in_folder(), before + 2);
        kill(child, signals[i]);
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_int_equal(files_in_folder(), before);
    }
}

/* ---- tpc_kernel.h */

static void library_evaluates(void **state) {
    (void)state;
    double *x = random_rows(3, N, D), a[N * N], b[N * N], wide[N * N];
    TpcKernel *k, *both;
    assert_int_equal(tpc_kernel_new(&k, &image, TPC_NTK), TPC_OK);
    assert_int_equal(tpc_kernel_new(&both, &image, TPC_NNGP | TPC_NTK), TPC_OK);
    assert_int_equal(tpc_kernel_real_size(k), 8);
    assert_int_equal(tpc_kernel_set(k, "depth", 7), TPC_OK);
    assert_int_equal(tpc_kernel_eval(k, x, N, NULL, 0, D, NULL, a), TPC_OK);
    assert_int_equal(tpc_kernel_set(both, "depth", 7), TPC_OK);
    assert_int_equal(tpc_kernel_threads(both, 3), TPC_OK);
    assert_int_equal(tpc_kernel_eval(both, x, N, x, N, D, wide, b), TPC_OK);
    for (int i = 0; i < N; i++)
        for (int j = i + 1; j < N; j++) assert_memory_equal(&a[i * N + j], &b[i * N + j], 8);
    assert_int_equal(tpc_kernel_eval(k, x, N, NULL, 0, D, a, b), TPC_E_USAGE);
    assert_non_null(strstr(tpc_kernel_error(k), "the NNGP was asked for"));
    assert_int_equal(tpc_kernel_set(k, "depht", 7), TPC_OK);
    assert_int_equal(tpc_kernel_eval(k, x, N, NULL, 0, D, NULL, a), TPC_E_SETTING);
    assert_non_null(strstr(tpc_kernel_error(k), "did you mean `depth`?"));
    assert_int_equal(tpc_kernel_input(both, "z", x, NULL, D), TPC_OK);
    assert_int_equal(tpc_kernel_eval(both, x, N, NULL, 0, D, a, b), TPC_E_USAGE);
    tpc_kernel_memory(both, 1);
    tpc_kernel_blas(both, 1);
    tpc_kernel_free(k);
    tpc_kernel_free(both);
    free(x);
}

static void library_takes_positions(void **state) {
    (void)state;
    double *x = random_rows(7, N, T * D), *a = random_rows(8, N, T);
    double nngp[2 * N * 2 * T], ntk[2 * N * 2 * T];
    const long long axes[] = {T}, shorter[] = {2}, xl[] = {1, 2, 4, 3, 2, 1}, yl[] = {2, 1};
    long long shape[4];
    int rank = 4;
    TpcKernel *k;
    assert_int_equal(tpc_kernel_new(&k, &net_image, 3), TPC_OK);
    assert_int_equal(tpc_kernel_axes(k, "x", axes, shorter, 1), TPC_OK);
    assert_int_equal(tpc_kernel_axes(k, "A", axes, shorter, 1), TPC_OK);
    assert_int_equal(tpc_kernel_input(k, "A", a, a, 0), TPC_OK);
    assert_int_equal(tpc_kernel_sizes(k, "T", xl, N, yl, 2), TPC_OK);
    assert_int_equal(tpc_kernel_shape(k, x, N, x, 2, D, shape, &rank), TPC_OK);
    assert_int_equal(rank, 4);
    assert_true(shape[0] == N && shape[1] == 2 && shape[2] == T && shape[3] == 2);
    assert_int_equal(tpc_kernel_eval(k, x, N, x, 2, D, nngp, ntk), TPC_OK);
    double g = 0; /* sample 2 at position 3 with sample 0 at position 1 */
    for (int c = 0; c < D; c++) g += x[(2 * T + 3) * D + c] * x[D + c] / D;
    double got = nngp[((2 * 2 + 0) * T + 3) * 2 + 1];
    assert_true(fabs(got - g - 0.25) <= 1e-14);
    assert_true(isnan(nngp[((1 * 2 + 0) * T + 3) * 2 + 1]));
    assert_int_equal(tpc_kernel_sizes(k, "T", NULL, 0, NULL, 0), TPC_OK);
    assert_int_equal(tpc_kernel_eval(k, x, N, x, 2, D, nngp, ntk), TPC_OK);
    assert_true(isfinite(nngp[((1 * 2 + 0) * T + 3) * 2 + 1]));
    assert_int_equal(tpc_kernel_axes(k, "A", axes, axes, 99), TPC_E_USAGE);
    assert_int_equal(tpc_kernel_axes(k, "x", axes, shorter, 0), TPC_OK);
    assert_int_equal(tpc_kernel_eval(k, x, N, x, 2, D, nngp, ntk), TPC_E_DATA);
    assert_non_null(strstr(tpc_kernel_error(k), "expected rank 3: (N, T, d)"));
    tpc_kernel_free(k);
    free(x);
    free(a);
}

static void library_checks_the_image(void **state) {
    (void)state;
    TpcKernel *k;
    TpImage other = image;
    assert_int_equal(tpc_kernel_new(&k, &image, 8), TPC_E_USAGE);
    assert_null(k);
    other.abi = 99;
    assert_int_equal(tpc_kernel_new(&k, &other, TPC_NTK), TPC_E_ABI);
    tpc_kernel_free(NULL);
}

static void *stop_soon(void *k) {
    usleep(50000);
    tpc_kernel_stop(k);
    return NULL;
}

static void library_can_be_stopped(void **state) {
    (void)state;
    double *x = random_rows(3, 100, D), *out = malloc(100 * 100 * 8);
    TpcKernel *k;
    pthread_t t;
    assert_int_equal(tpc_kernel_new(&k, &slow_image, 3), TPC_OK);
    tpc_kernel_threads(k, 1);
    pthread_create(&t, NULL, stop_soon, k);
    assert_int_equal(tpc_kernel_eval(k, x, 100, NULL, 0, D, NULL, out), TPC_E_STOPPED);
    pthread_join(t, NULL);
    tpc_kernel_free(k);
    free(x);
    free(out);
}

/* The header that `tpc build --shared` writes is C that names the image. */
static void header_compiles(void **state) {
    (void)state;
    static char text[10000];
    size_t n = tp_header_text(text, sizeof text, "mlp");
    assert_true(n < sizeof text);
    assert_int_equal(n, strlen(text));
    assert_null(strstr(text, "TPC_IMAGE"));
    assert_non_null(strstr(text, "extern const struct TpImage tp_image_mlp;"));
    char cmd[500];
    const char *src =
        "#include \"mlp.h\"\nint main(void) { TpcKernel *k; return tpc_kernel_new(&k, "
        "&tp_image_mlp, TPC_NTK); }\n";
    write_file("mlp.h", text, n);
    snprintf(cmd, sizeof cmd, "cc -std=c99 -Wall -Wextra -Werror -pedantic -c -o %s %s",
             in_folder("use.o"), write_file("use.c", src, strlen(src)));
    assert_int_equal(system(cmd), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_small_results),
        cmocka_unit_test(writes_files),
        cmocka_unit_test(wrong_usage_is_2),
        cmocka_unit_test(errors_are_1),
        cmocka_unit_test(help_lists_what_can_be_set),
        cmocka_unit_test(positions_on_the_command_line),
        cmocka_unit_test(signals_leave_no_file),
        cmocka_unit_test(library_evaluates),
        cmocka_unit_test(library_takes_positions),
        cmocka_unit_test(library_checks_the_image),
        cmocka_unit_test(library_can_be_stopped),
        cmocka_unit_test(header_compiles),
    };
    return cmocka_run_group_tests(tests, make, remove_folder);
}

/* The normalised kernel computes what the plain one does: every network of tests/oracle/programs
 * and of the library, run by the interpreter with and without the pass. */
#include "lk.h"

enum { DIM = 5 };

typedef struct Data {
    double x[2][LK_SAMPLES][DIM]; /* rows of all inputs, far from parallel */
} Data;

static double dot(const double *a, const double *b) {
    double s = 0;
    for (int i = 0; i < DIM; i++) s += a[i] * b[i];
    return s / (double)DIM;
}

static const double *row_of(const Data *d, int side, int s) { return d->x[side][s]; }

static double sample_input(void *ctx, const TpArray *a, int side, int s) {
    const double *x = row_of(ctx, side, s);
    if (a->input == TP_IN_COLUMN) return x[a->column.c] / (double)DIM;
    double q = dot(x, x);
    return a->input == TP_IN_NORM ? sqrt(q) : q;
}

static double pair_input(void *ctx, const TpArray *a, int i, int j) {
    const double *x = row_of(ctx, 0, i), *y = row_of(ctx, 1, j);
    double k = dot(x, y), c = k / sqrt(dot(x, x) * dot(y, y));
    PairInput v = pair_input_of(k, c);
    return pair_input_at(&v, a);
}

static void make_data(Data *d) {
    uint64_t seed = 5;
    for (int side = 0; side < 2; side++)
        for (int s = 0; s < LK_SAMPLES; s++)
            for (int i = 0; i < DIM; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                d->x[side][s][i] = (double)(seed >> 11) * 0x1p-52 - 1;
            }
}

static const char *file_text(Arena *a, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s", path);
    char *s = arena_alloc(a, 1 << 16);
    s[fread(s, 1, (1 << 16) - 1, f)] = 0;
    fclose(f);
    return s;
}

typedef struct Result {
    double v[2][LK_SAMPLES];
} Result;

static void evaluate(const char *text, const char *network, bool normalise, Data *d, Result *out) {
    Lk r = {.c = ctx_new()};
    r.l = lk_limit(&r.c, text, network, NULL, 0);
    lk_kernel(&r, normalise, TP_F64);
    lk_samples(&r, NULL, 0, sample_input, d);
    lk_row(&r, 3, pair_input, d);
    for (int k = 0; k < 2; k++)
        for (int j = 0; j < LK_SAMPLES; j++) out->v[k][j] = lk_out(&r, (KernelKind)k, j);
    lk_free(&r);
}

static void compare(const char *path, const char *text, const char *network, Data *d) {
    Result a, b;
    evaluate(text, network, false, d, &a);
    evaluate(text, network, true, d, &b);
    for (int k = 0; k < 2; k++) {
        double size = 0, worst = 0;
        for (int j = 0; j < LK_SAMPLES; j++) {
            size = fmax(size, fabs(a.v[k][j]));
            worst = fmax(worst, fabs(a.v[k][j] - b.v[k][j]));
        }
        if (!(worst <= 1e-12 * size))
            fail_msg("%s, %s, kernel %d: differ by %.2e of %.2e", path, network, k, worst, size);
    }
}

static bool is_refused(const char *network) { return !strcmp(network, "post_inside"); }

static void all_of(const char *name, Data *d) {
    Arena *a = arena_new(0, NULL, NULL);
    const char *path = arena_printf(a, "%s/%s", TEST_ROOT, name), *text = file_text(a, path);
    for (const char *s = text; (s = strstr(s, "\nnetwork ")); s++) {
        const char *from = s + strlen("\nnetwork ");
        const char *network = arena_strndup(a, from, strcspn(from, "("));
        if (!is_refused(network)) compare(name, text, network, d);
    }
    arena_free(a);
}

static void programs(void **state) {
    (void)state;
    static const char *const name[] = {"sums", "residual", "connect", "gates", "means", "learning"};
    Data d;
    make_data(&d);
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        char path[80];
        snprintf(path, sizeof path, "tests/oracle/programs/%s.tp", name[i]);
        all_of(path, &d);
    }
}

static void library(void **state) {
    (void)state;
    Data d;
    make_data(&d);
    all_of("stdlib/layers.tp", &d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(programs), cmocka_unit_test(library)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

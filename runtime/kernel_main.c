/* The command line of standalone kernels.  The only file of the runtime that prints and exits. */
#include "image.h"
#include "rt.h"
#include "values.h"
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TPC_VERSION
#define TPC_VERSION "unknown"
#endif

enum { EXIT_OK, EXIT_ERROR, EXIT_WRONG_USAGE, MAX_LIST = 256 };

/* What a signal handler must reach; nothing else of the runtime is static. */
static TpCleanup temp_files;
static _Atomic int stop_signal;

/* The first signal asks for an orderly end, the second takes it. */
static void on_signal(int sig) {
    int none = 0;
    if (atomic_compare_exchange_strong(&stop_signal, &none, sig)) return;
    tp_cleanup_unlink(&temp_files);
    _exit(128 + sig);
}

static void catch_signals(void) {
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    a.sa_handler = SIG_IGN; /* a full file system is an error code, not a signal */
    sigaction(SIGXFSZ, &a, NULL);
    sigaction(SIGPIPE, &a, NULL);
}

typedef struct Line {
    const TpImage *image;
    const char *program, *out, *isa, *file[2];
    int nfile;
    uint32_t kernels;
    const char *set[MAX_LIST];
    TpNamed more[MAX_LIST], size[MAX_LIST];
    TpJob job;
    bool verbose;
} Line;

__attribute__((format(printf, 2, 3))) static int wrong(const Line *l, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "error: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nhelp: %s --help\n", l->program);
    va_end(ap);
    return EXIT_WRONG_USAGE;
}

#define USAGE                                                                                     \
    "usage: %s X.npy [Y.npy] [-o K.npy] [option...]\n"                                            \
    "\n"                                                                                          \
    "Kernel matrices of the network `%s` on the samples of X, or of X against Y.\n"               \
    "\n"                                                                                          \
    "  -o, --output FILE    write the matrix to FILE; of two kernels K.nngp.npy, K.ntk.npy.\n"   \
    "                       Without it a small result is printed\n"                               \
    "  --kernel LIST        ntk, nngp or nngp,ntk (here: %s; default %s)\n"                       \
    "  --set NAME=VALUE     a hyperparameter, see below\n"                                        \
    "  --data NAME=X[,Y]    files of a further input or data argument\n"                          \
    "  --size NAME=X[,Y]    files of a size that differs between samples: one number a sample\n" \
    "  --threads N          default: one per processor; results do not depend on it\n"            \
    "  --memory SIZE        most memory to take, as 4G; default: half of the machine's\n"         \
    "  --blas auto|none     matrix products by an installed BLAS, or by the own loop\n"           \
    "  --isa NAME           use code for x86-64-v4, -v3 or -v2; default: the best that runs\n"   \
    "  -v, --verbose        what was done and how long it took\n"                                 \
    "  -h, --help           this text\n"                                                          \
    "  --version            the versions of tpc and of the code\n"                                \
    "\n"                                                                                          \
    "inputs:"

static const char *kernel_set_text(uint32_t set) {
    return set == 3 ? "nngp,ntk" : set == 2 ? "ntk" : "nngp";
}

static void kernel_sets(const TpLevel *level, char *buf, size_t cap) {
    RtText t = {buf, cap, 0};
    *buf = 0;
    for (int32_t i = 0; i < level->nkernel; i++)
        rt_put(&t, "%s%s", i ? " | " : "", kernel_set_text(level->kernel[i]->kernels));
}

static uint32_t default_kernels(const TpLevel *level) {
    return tp_level_kernel(level, 2) ? 2 : level->nkernel ? level->kernel[0]->kernels : 0;
}

/* "x (N, T, d)" */
static void help_input(const TpKernel *k, int32_t i) {
    char shape[300];
    rt_input_text(shape, sizeof shape, k, i);
    printf("%s %s %s", i ? "," : "", k->input[i].name, shape);
}

static int help(const Line *l, const TpLevel *level) {
    char sets[100], settings[8192];
    kernel_sets(level, sets, sizeof sets);
    const TpKernel *k = tp_level_kernel(level, default_kernels(level));
    printf(USAGE, l->program, l->image->name, sets, kernel_set_text(default_kernels(level)));
    for (int32_t i = 0; k && i < k->ninput; i++) help_input(k, i);
    if (!k || !rt_settings_text(settings, sizeof settings, k)) printf("\nhyperparameters: none\n");
    else printf("\nhyperparameters:\n%s", settings);
    printf("\nexamples:\n  %s X.npy -o K.npy\n  %s X.npy Y.npy --threads 2 -o K.npy\n", l->program,
           l->program);
    return EXIT_OK;
}

/* "NAME=X[,Y]" */
static bool add_named(TpNamed *list, int *n, char *arg) {
    char *eq = strchr(arg, '='), *comma = eq ? strchr(eq, ',') : NULL;
    if (!eq || eq == arg || !eq[1] || *n == MAX_LIST) return false;
    *eq = 0;
    if (comma) *comma = 0;
    list[(*n)++] = (TpNamed){arg, {.path = eq + 1}, {.path = comma ? comma + 1 : NULL}};
    return true;
}

static bool parse_threads(const char *s, int *out) {
    double x;
    if (!rt_parse_double(s, &x) || !(x >= 1 && x <= 1024) || x != (double)(int)x) return false;
    *out = (int)x;
    return true;
}

enum { OPT_KERNEL = 256, OPT_SET, OPT_DATA, OPT_SIZE, OPT_THREADS, OPT_MEMORY, OPT_BLAS, OPT_ISA };
enum { OPT_VERSION = OPT_ISA + 1 };
static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},      {"kernel", required_argument, NULL, OPT_KERNEL},
    {"set", required_argument, NULL, OPT_SET},     {"data", required_argument, NULL, OPT_DATA},
    {"size", required_argument, NULL, OPT_SIZE},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"memory", required_argument, NULL, OPT_MEMORY}, {"blas", required_argument, NULL, OPT_BLAS},
    {"isa", required_argument, NULL, OPT_ISA},     {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},              {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0}};

static int option(Line *l, int c, char *arg) {
    switch (c) {
    case 'o': l->out = arg; return EXIT_OK;
    case 'v': l->verbose = true; return EXIT_OK;
    case OPT_ISA: l->isa = arg; return EXIT_OK;
    case OPT_KERNEL:
        l->kernels = tp_parse_kernels(arg);
        return l->kernels ? EXIT_OK : wrong(l, "--kernel %s: expected ntk, nngp or nngp,ntk", arg);
    case OPT_SET:
        if (l->job.nset == MAX_LIST) return wrong(l, "--set %s: too many settings", arg);
        if (!strchr(arg, '=')) return wrong(l, "--set %s: expected NAME=VALUE", arg);
        l->set[l->job.nset++] = arg;
        return EXIT_OK;
    case OPT_DATA:
        return add_named(l->more, &l->job.nmore, arg)
                   ? EXIT_OK
                   : wrong(l, "--data %s: expected NAME=X.npy[,Y.npy]", arg);
    case OPT_SIZE:
        return add_named(l->size, &l->job.nsize, arg)
                   ? EXIT_OK
                   : wrong(l, "--size %s: expected NAME=X_SIZES.npy[,Y_SIZES.npy]", arg);
    case OPT_THREADS:
        return parse_threads(arg, &l->job.threads)
                   ? EXIT_OK
                   : wrong(l, "--threads %s: expected a whole number from 1 to 1024", arg);
    case OPT_MEMORY:
        return tp_parse_bytes(arg, &l->job.memory)
                   ? EXIT_OK
                   : wrong(l, "--memory %s: expected a size such as 512M or 4G", arg);
    case OPT_BLAS:
        l->job.blas = strcmp(arg, "none") ? TP_BLAS_AUTO : TP_BLAS_NONE;
        return !strcmp(arg, "none") || !strcmp(arg, "auto")
                   ? EXIT_OK
                   : wrong(l, "--blas %s: expected auto or none", arg);
    default: return wrong(l, "not an option");
    }
}

/* 0: go on; else 1 + exit code. */
static int parse(Line *l, const TpLevel *level, int argc, char **argv) {
    int c;
    opterr = 1;
    optind = 0;
    while ((c = getopt_long(argc, argv, "o:vh", options, NULL)) != -1) {
        if (c == 'h') return 1 + help(l, level);
        if (c == OPT_VERSION) {
            printf("%s, built by tpc %s; runs its code for %s here\n", l->image->name, TPC_VERSION,
                   level->isa);
            return 1 + EXIT_OK;
        }
        int bad = option(l, c, optarg);
        if (bad) return 1 + bad;
    }
    for (; optind < argc; optind++) {
        if (l->nfile == 2)
            return 1 + wrong(l, "%s: expected at most X.npy and Y.npy", argv[optind]);
        l->file[l->nfile++] = argv[optind];
    }
    return 0;
}

static void print_note(void *ctx, const char *text) {
    (void)ctx;
    fprintf(stderr, "%s\n", text);
}

static void print_progress(void *ctx, double done, double left) {
    char text[256];
    (void)ctx;
    tp_progress_text(text, sizeof text, done, left);
    fputs(text, stderr);
    if (done >= 1) fputs("\r\033[K", stderr);
}

static int failed(const TpError *e) {
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    int sig = atomic_load(&stop_signal);
    if (sig) {
        signal(sig, SIG_DFL);
        raise(sig);
    }
    fprintf(stderr, "error: %s\n", e->text);
    return e->code == TP_E_USAGE ? EXIT_WRONG_USAGE : EXIT_ERROR;
}

/* A result without -o must fit a screen: found out before it is computed. */
static int check_table(const Line *l, TpError *e) {
    TpReport r;
    char shape[300];
    if (!tp_plan(&l->job, &r, e)) return failed(e);
    if (tp_table_fits(&r.shape)) return EXIT_OK;
    tp_shape_text(shape, sizeof shape, &r.shape);
    if (r.shape.rank > 2)
        return wrong(l, "a result of shape %s is too large to print: give -o FILE", shape);
    return wrong(l, "a result of %lld x %lld is too large to print: give -o FILE", (long long)r.nx,
                 (long long)r.ny);
}

static int print_tables(const Line *l, const TpReport *r) {
    TpDtype dtype = (TpDtype)l->job.kernel->dtype;
    for (int k = 0; k < TP_NKERNEL; k++) {
        if (!r->data[k]) continue;
        size_t len = tp_table(NULL, 0, r->data[k], dtype, &r->shape);
        char *text = malloc(len + 1);
        if (!text) return EXIT_ERROR;
        tp_table(text, len + 1, r->data[k], dtype, &r->shape);
        if (l->kernels == 3) printf("%s\n", tp_kernel_name(k));
        fputs(text, stdout);
        free(text);
        free(r->data[k]);
    }
    return fflush(stdout) ? EXIT_ERROR : EXIT_OK;
}

static void set_outputs(Line *l, char path[TP_NKERNEL][4200]) {
    for (int k = 0; k < TP_NKERNEL; k++) {
        if (!(l->kernels >> k & 1)) continue;
        if (l->kernels == 3 && l->out) tp_output_path(path[k], sizeof path[k], l->out, k);
        l->job.out[k].path = !l->out ? NULL : l->kernels == 3 ? path[k] : l->out;
        l->job.out[k].keep = !l->out;
    }
}

static int run(Line *l) {
    char path[TP_NKERNEL][4200];
    TpError e = {.code = TP_OK};
    TpReport r;
    set_outputs(l, path);
    l->job.x.path = l->file[0];
    l->job.y.path = l->file[1];
    l->job.set = l->set;
    l->job.more = l->more;
    l->job.size = l->size;
    l->job.stop = &stop_signal;
    l->job.cleanup = &temp_files;
    l->job.note = print_note;
    if (isatty(STDERR_FILENO)) l->job.progress = print_progress;
    int bad = l->out ? EXIT_OK : check_table(l, &e);
    if (bad) return bad;
    catch_signals();
    if (!tp_run(&l->job, &r, &e)) return failed(&e);
    if (l->verbose) {
        char text[1000];
        tp_report_text(text, sizeof text, &l->job, &r);
        fputs(text, stderr);
    }
    return l->out ? EXIT_OK : print_tables(l, &r);
}

static const TpLevel *pick_level(const Line *l) {
    const TpLevel *level = tp_image_level(l->image, l->isa);
    if (level) return level;
    if (l->isa)
        fprintf(stderr, "error: --isa %s: not in this program, or not run by this processor\n",
                l->isa);
    else fprintf(stderr, "error: `%s` has no code that this processor runs\n", l->image->name);
    return NULL;
}

int tp_main(const TpImage *image, int argc, char **argv) {
    Line l = {.image = image, .program = argc ? argv[0] : image->name};
    if (image->abi != TP_ABI_VERSION) {
        fprintf(stderr, "error: `%s` was built for another version of the runtime\n", image->name);
        return EXIT_ERROR;
    }
    const TpLevel *level = pick_level(&l);
    if (!level) return EXIT_ERROR;
    int end = parse(&l, level, argc, argv);
    if (end) return end - 1;
    if (l.isa) level = pick_level(&l);
    if (!level) return EXIT_WRONG_USAGE;
    if (!l.nfile) return wrong(&l, "X.npy is missing");
    if (!l.kernels) l.kernels = default_kernels(level);
    l.job.kernel = tp_level_kernel(level, l.kernels);
    if (!l.job.kernel)
        return wrong(&l, "--kernel %s: this program was built without it",
                     kernel_set_text(l.kernels));
    return run(&l);
}

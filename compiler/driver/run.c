/* tpc run: compile for this machine and evaluate. */
#include "check/check.h"
#include "driver/driver.h"
#include "driver/signals.h"
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int failed(Session *s, const char *text) {
    int code = session_end(s);
    fprintf(stderr, "tpc: %s\n", text);
    return code ? code : EXIT_ERROR;
}

/* Settings that the compiled kernel takes: all but those fixed when it was compiled. */
static void job_settings(Session *s, const TpKernel *k, TpJob *job) {
    Texts t = {0};
    for (uint32_t i = 0; i < s->o->set.len; i++) {
        bool fixed = false;
        for (int f = 0; f < k->nfixed; f++)
            fixed |= !strcmp(k->fixed[f].name, s->o->set.data[i].name);
        if (!fixed) vec_push(s->a, &t, s->o->set_text.data[i]);
    }
    job->set = t.data;
    job->nset = (int)t.len;
}

static void job_outputs(Session *s, TpJob *job) {
    unsigned ks = s->o->kernels;
    bool several = (ks & (ks - 1)) != 0;
    for (int k = 0; k < TP_NKERNEL; k++) {
        if (!(ks >> k & 1)) continue;
        if (!s->o->output) {
            job->out[k].keep = true;
            continue;
        }
        size_t cap = strlen(s->o->output) + 16;
        char *path = arena_alloc(s->a, cap);
        if (several) tp_output_path(path, cap, s->o->output, k);
        job->out[k].path = several ? path : s->o->output;
    }
}

static void show_progress(void *ctx, double done, double left) {
    char line[160];
    (void)ctx;
    tp_progress_text(line, sizeof line, done, left);
    fputs(line, stderr);
    fflush(stderr);
}

static void show_note(void *ctx, const char *text) {
    (void)ctx;
    fprintf(stderr, "tpc: %s\n", text);
}

static void print_tables(Session *s, const TpReport *r) {
    unsigned ks = s->o->kernels;
    bool several = (ks & (ks - 1)) != 0;
    for (int k = 0; k < TP_NKERNEL; k++) {
        if (!(ks >> k & 1) || !r->data[k]) continue;
        size_t n = tp_table(NULL, 0, r->data[k], s->o->dtype, &r->shape);
        char *text = arena_alloc(s->a, n + 1);
        tp_table(text, n + 1, r->data[k], s->o->dtype, &r->shape);
        if (several) printf("%s\n", tp_kernel_name(k));
        fputs(text, stdout);
        free(r->data[k]);
    }
}

/* Without -o the result is printed, so it must be small: said before anything is computed. */
static bool printable(Session *s, const TpJob *job) {
    TpError err;
    TpReport r;
    char shape[300];
    if (s->o->output || !tp_plan(job, &r, &err)) return true; /* tp_run says what is wrong */
    if (tp_table_fits(&r.shape)) return true;
    tp_shape_text(shape, sizeof shape, &r.shape);
    if (r.shape.rank > 2)
        fprintf(stderr, "tpc: the result has shape %s, too large to print: give a file, as in "
                        "-o K.npy\n", shape);
    else fprintf(stderr, "tpc: the result has %lld x %lld entries, too many to print: "
                         "give a file, as in -o K.npy\n", (long long)r.nx, (long long)r.ny);
    return false;
}

static int evaluate(Session *s, TpJob *job) {
    Signals sig = {0};
    TpReport report;
    TpError err;
    if (!printable(s, job)) return EXIT_USAGE;
    bool bar = isatty(2) && s->o->format == DIAG_HUMAN;
    job->stop = &sig.stop;
    job->cleanup = &sig.cleanup;
    job->progress = bar ? show_progress : NULL;
    job->note = s->o->format == DIAG_JSON ? NULL : show_note;
    signals_install(&sig);
    bool ok = tp_run(job, &report, &err);
    signals_remove();
    if (bar) fputs("\r\033[K", stderr);
    if (!ok) {
        int stop = sig.stop;
        failed(s, err.text);
        return err.code == TP_E_USAGE ? EXIT_USAGE : stop ? 128 + stop : EXIT_ERROR;
    }
    if (s->o->verbose) {
        char text[2048];
        tp_report_text(text, sizeof text, job, &report);
        fputs(text, stderr);
    }
    int code = session_end(s);
    print_tables(s, &report);
    return code;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void show_times(const Session *s, double start, double front, const Jit *j) {
    if (!s->o->verbose) return;
    fprintf(stderr, "compiled in %.1f ms: to kernel code %.1f, LLVM %.1f (%u x %u vectors of "
                    "%u%s)\n", now_ms() - start, front - start,
            j->time.init + j->time.build + j->time.verify + j->time.passes + j->time.codegen +
                j->time.link, j->u, j->g, j->w, j->strips ? " positions" : "");
}

/* How many right samples there are, if they may be fewer than the lanes of a vector; else 0. */
static uint32_t few_right(const TpJob *job) {
    enum { FEW = 16 };
    TpShape s;
    TpError e;
    const char *path = job->y.path ? job->y.path : job->x.path;
    if (!path || !tp_shape(path, &s, &e) || s.rank < 1) return 0;
    return s.len[0] >= 1 && s.len[0] <= FEW ? (uint32_t)s.len[0] : 0;
}

static int run_compiled(Session *s, const Kernel *k, TpJob *job, double start) {
    double front = now_ms();
    job_outputs(s, job);
    if (s->o->interpreter) {
        TpKernel *desc = kernel_describe(&s->c, k, s->a);
        kernel_interpret(&s->c, k, desc, s->a);
        job->kernel = desc;
        job_settings(s, desc, job);
        return evaluate(s, job);
    }
    const CodegenApi *api = codegen_load(&s->c, NULL);
    Jit jit;
    CodegenOptions co = {.isa = s->o->target, .right = few_right(job)};
    if (!api || !api->jit(&s->c, k, &co, &jit)) return session_end(s);
    show_times(s, start, front, &jit);
    job->kernel = jit.kernel;
    job_settings(s, jit.kernel, job);
    int code = evaluate(s, job);
    api->jit_free(&jit);
    return code;
}

int command_run(Session *s) {
    Options *o = s->o;
    if (o->args.len < 2 || o->args.len > 3) {
        options_help(stderr, 'r');
        return EXIT_USAGE;
    }
    Compiled k;
    double start = now_ms();
    TpJob job = {.threads = o->threads, .blas = o->no_blas ? TP_BLAS_NONE : TP_BLAS_AUTO};
    if (!data_of(s, &job)) return EXIT_USAGE;
    if (!o->interpreter) codegen_preload(&s->preload);
    if (!compile_file(s, o->args.data[0], o->kernels, UPTO_PROGRAM, &k)) return session_end(s);
    if (!check_runnable(&s->c, k.program, o->kernels, o->assume_gia)) return session_end(s);
    data_shapes_vary(s, k.program, &job);
    if (!compile_program(s, k.program, o->kernels, UPTO_KERNEL, &k)) return session_end(s);
    if (o->verbose) {
        Buf b = buf_new(s->a);
        limit_print(&s->c, &b, k.limit);
        fputs(buf_text(&b), stderr);
    }
    return run_compiled(s, k.kernel, &job, start);
}

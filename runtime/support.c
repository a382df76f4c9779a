#include "rt.h"
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bool rt_fail(TpError *e, TpStatus code, const char *fmt, ...) {
    if (e->code) return false;
    e->code = (int)code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return false;
}

const char *rt_path(const char *path) {
    size_t n = strlen(path);
    return n > 300 ? path + n - 300 : path;
}

void *rt_alloc(int64_t bytes, TpError *e) {
    size_t n = bytes > 0 ? (size_t)rt_round_up(bytes, 64) : 64;
    void *p = aligned_alloc(64, n);
    if (!p) rt_fail(e, TP_E_MEMORY, "out of memory: %lld bytes could not be had", (long long)bytes);
    return p;
}

void *rt_zalloc(int64_t bytes, TpError *e) {
    void *p = rt_alloc(bytes, e);
    if (p) memset(p, 0, (size_t)rt_max(bytes, 0));
    return p;
}

void rt_free(void *p) { free(p); }

double rt_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct Worker {
    pthread_t thread;
    RtWorkFn *fn;
    void *ctx;
    int index;
} Worker;

static void *worker_main(void *p) {
    Worker *w = p;
    w->fn(w->ctx, w->index);
    return NULL;
}

/* Threads inherit a mask with all signals blocked, so that handlers run in the caller. */
static int start(Worker *w, int n, RtWorkFn *fn, void *ctx) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int started = 1;
    for (; started < n; started++) {
        w[started] = (Worker){.fn = fn, .ctx = ctx, .index = started};
        if (pthread_create(&w[started].thread, NULL, worker_main, &w[started])) break;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

/* Work is taken from queues, so fewer workers than wished for do all of it, only slower. */
bool rt_parallel(int n, RtWorkFn *fn, void *ctx, TpError *e) {
    Worker *w = rt_zalloc((int64_t)sizeof(Worker) * rt_max(n, 1), e);
    if (!w) return false;
    int started = start(w, n, fn, ctx);
    fn(ctx, 0);
    for (int i = 1; i < started; i++) pthread_join(w[i].thread, NULL);
    rt_free(w);
    return true;
}

int rt_processors(void) {
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) return (int)rt_max(CPU_COUNT(&set), 1);
    return (int)rt_max(sysconf(_SC_NPROCESSORS_ONLN), 1);
}

static int64_t group_limit(void) {
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");
    if (!f) return INT64_MAX;
    long long v = 0;
    int got = fscanf(f, "%lld", &v);
    fclose(f);
    return got == 1 && v > 0 ? v : INT64_MAX;
}

int64_t rt_machine_memory(void) {
    return rt_min((int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE), group_limit());
}

/* A host program may have set a locale with a decimal comma. */
bool rt_parse_double(const char *s, double *x) {
    if (!*s || strchr(" \t\n\r\f\v", *s) || strpbrk(s, "xX")) return false;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c) return false;
    char *end;
    *x = strtod_l(s, &end, c);
    freelocale(c);
    return end != s && !*end;
}

void rt_number(char *buf, size_t cap, int digits, double x) {
    snprintf(buf, cap, "%.*g", digits, x);
    for (char *p = buf; *p; p++)
        if (*p == ',') *p = '.';
}

bool tp_parse_bytes(const char *s, int64_t *bytes) {
    size_t n = strspn(s, "0123456789.");
    char num[40];
    double x;
    if (!n || n >= sizeof num) return false;
    memcpy(num, s, n);
    num[n] = 0;
    if (!rt_parse_double(num, &x)) return false;
    static const char units[] = "KMGT";
    const char *u = s[n] ? strchr(units, s[n] & ~0x20) : NULL;
    const char *rest = s + n;
    if (u && *u) {
        for (int i = 0; i <= u - units; i++) x *= 1024;
        rest++;
        if (*rest == 'i') rest++;
    }
    if (*rest == 'B') rest++;
    if (*rest || !(x >= 1 && x < 9e18)) return false;
    *bytes = (int64_t)x;
    return true;
}

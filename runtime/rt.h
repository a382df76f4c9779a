/* Shared inside the runtime: errors, memory, threads.  Internal symbols begin with rt_. */
#ifndef TP_RT_H
#define TP_RT_H
#include "tp.h"

/* Fill an error and return false.  The first error stays. */
bool rt_fail(TpError *e, TpStatus code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The end of a long path, so that a message keeps its meaning. */
const char *rt_path(const char *path);

/* 64-byte aligned; rt_free() takes NULL too.  Fails with TP_E_MEMORY. */
void *rt_alloc(int64_t bytes, TpError *e);
void *rt_zalloc(int64_t bytes, TpError *e);
void rt_free(void *p);

static inline bool rt_stopped(const _Atomic int *stop) {
    return stop && atomic_load_explicit(stop, memory_order_relaxed);
}
double rt_now(void); /* seconds, monotonic */
static inline int64_t rt_round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
static inline int64_t rt_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t rt_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t rt_real_size(int dtype) { return dtype == TP_F32 ? 4 : 8; }

/* fn(ctx, w) for workers w = 0..n, worker 0 in the calling thread; signals go to that thread. */
typedef void RtWorkFn(void *ctx, int worker);
bool rt_parallel(int n, RtWorkFn *fn, void *ctx, TpError *e);
int rt_processors(void);
/* The memory this process may have: the machine's, or its control group's. */
int64_t rt_machine_memory(void);

/* Number in the C locale; the whole of s must be one. */
bool rt_parse_double(const char *s, double *x);
/* "%.*g" in the C locale. */
void rt_number(char *buf, size_t cap, int digits, double x);
#endif

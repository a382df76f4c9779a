/* What a run needs, before it takes it. */
#include "run.h"
#include <stdio.h>

/* Small problems in small tiles, so that all threads have work; large ones in tiles that a matrix
 * product likes.  Depends on the data only: not on threads or memory. */
void rt_plan_tile(RtRun *r) {
    int64_t n = rt_max(r->side[0].n, rt_right(r)->n);
    r->tile = n <= 1024 ? 64 : n <= 4096 ? 128 : n <= 16384 ? 256 : 512;
}

/* Sums stick at INT64_MAX. */
static int64_t plus(int64_t a, int64_t b) {
    int64_t s;
    return __builtin_add_overflow(a, b, &s) ? INT64_MAX : s;
}

static int64_t times(int64_t a, int64_t b) {
    int64_t s;
    return __builtin_mul_overflow(a, b, &s) ? INT64_MAX : s;
}

typedef struct Need {
    int64_t data, arrays, threads, results;
    int64_t largest; /* bytes of the largest kernel array */
    const char *largest_name;
} Need;

static void need_data(const RtRun *r, Need *n) {
    for (int s = 0; s < r->nside; s++)
        for (int32_t i = 0; i < r->k->ninput; i++) {
            const RtInput *in = &r->side[s].input[i];
            if (in->file.path) n->data = plus(n->data, times(times(in->n, in->d), 8));
            n->data = plus(n->data, times(r->side[s].stride, 16));
        }
}

static void need_arrays(const RtRun *r, Need *n) {
    int64_t lanes = r->side[0].stride + (r->nside > 1 ? r->side[1].stride : 0);
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage == TP_STAGE_PAIR) continue;
        int64_t bytes = times(rt_array_elements(x, r->v.size), r->real_size);
        if (x->stage != TP_STAGE_CONST) bytes = times(bytes, lanes);
        n->arrays = plus(n->arrays, bytes);
        if (bytes <= n->largest) continue;
        n->largest = bytes;
        n->largest_name = x->name;
    }
}

static void need_results(const RtRun *r, Need *n) {
    for (int k = 0; k < TP_NKERNEL; k++)
        if (r->job->out[k].keep && !r->job->out[k].path)
            n->results = plus(n->results, times(times(r->side[0].n, rt_right(r)->n), r->real_size));
}

static bool too_much(const RtRun *r, const Need *n, int64_t all, int64_t allowed) {
    char a[32], w[32], d[32], s[32], t[32], k[32], l[32];
    tp_bytes_text(a, sizeof a, (double)all);
    tp_bytes_text(w, sizeof w, (double)allowed);
    tp_bytes_text(d, sizeof d, (double)n->data);
    tp_bytes_text(s, sizeof s, (double)n->arrays);
    tp_bytes_text(t, sizeof t, (double)n->threads);
    tp_bytes_text(k, sizeof k, (double)n->results);
    tp_bytes_text(l, sizeof l, (double)n->largest);
    return rt_fail(
        r->e, TP_E_MEMORY,
        "this run needs %s of memory (data %s, arrays of the samples %s, "
        "%d thread%s %s, results %s), more than the %s allowed; the largest array, %s, takes "
        "%s. Allow more with --memory, or use fewer samples, fewer threads or smaller sizes",
        a, d, s, r->threads, r->threads == 1 ? "" : "s", t, k, w, n->largest_name ? n->largest_name : "-", l);
}

bool rt_plan_memory(RtRun *r, int64_t *bytes) {
    Need n = {0};
    need_data(r, &n);
    need_arrays(r, &n);
    need_results(r, &n);
    n.threads = times(r->threads, plus(rt_pairs_scratch(r), r->blas.dgemm ? 32 << 20 : 0));
    int64_t all = plus(plus(n.data, n.arrays), plus(plus(n.threads, n.results), 2 * NPY_BUFFER));
    int64_t machine = rt_machine_memory();
    int64_t allowed = r->job->memory ? rt_min(r->job->memory, machine) : machine / 2;
    *bytes = all;
    return all <= allowed || too_much(r, &n, all, allowed);
}

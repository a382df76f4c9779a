/* What a run needs, before it takes it. */
#include "run.h"
#include <stdio.h>

bool rt_has_positions(const RtRun *r) {
    for (int32_t i = 0; i < r->k->ninput; i++)
        if (r->k->input[i].npos && !r->k->input[i].is_data) return true;
    return r->varies;
}

/* Small problems in small tiles, so that all threads have work; large ones in tiles that a matrix
 * product likes.  A pair of samples with positions is work enough for a thread.  Depends on the
 * data only: not on threads or memory. */
void rt_plan_tile(RtRun *r) {
    int64_t n = rt_max(r->side[0].n, rt_right(r)->n), lanes = r->k->lanes;
    r->tile = r->varies || n <= 1024 ? 64 : n <= 4096 ? 128 : n <= 16384 ? 256 : 512;
    r->lanes = lanes > 0 ? lanes : TP_BLOCK;
    if (lanes != 1 || !rt_has_positions(r)) r->lanes = rt_max(r->lanes, 8);
    r->tile_rows = r->tile;
    if (!rt_has_positions(r)) return;
    r->tile = TP_BLOCK;
    r->tile_rows = n <= 64 ? 1 : n <= 512 ? 8 : TP_BLOCK;
}

/* ---- the shape of a result */

static const TpArray *pair_output(const RtRun *r) {
    for (int32_t a = 1; a < r->k->narray; a++)
        if (r->k->array[a].stage == TP_STAGE_PAIR && r->k->array[a].class == TP_OUTPUT)
            return &r->k->array[a];
    return NULL;
}

/* Left and right axes at the sizes of the data's shapes and of every group. */
static void widen(const RtRun *r, const TpArray *a, const int64_t *left, const int64_t *right,
                  int64_t *size, TpShape *s) {
    for (int32_t z = 0; z < r->k->nsize; z++)
        size[z] = r->k->size[z].kind == TP_SIZE_RIGHT ? right[r->k->size[z].of] : left[z];
    for (int32_t k = 0; k < a->naxis; k++)
        s->len[2 + k] = rt_max(s->len[2 + k], rt_aff_value(&a->extent[k], size));
}

bool rt_plan_result(RtRun *r) {
    const TpArray *a = pair_output(r);
    const RtSide *x = &r->side[0], *y = rt_right(r);
    r->shape = (TpShape){.rank = 2, .len = {x->n, y->n}};
    if (!a || !a->naxis) return true;
    int64_t *size = rt_alloc(r->k->nsize * 8, r->e), all = rt_max(x->n, 1);
    if (!size || a->naxis % 2 || a->naxis > TP_RANK - 2) {
        rt_free(size);
        return size && rt_fail(r->e, TP_E_ABI, "internal error: axes of the result of `%s`",
                               r->k->name);
    }
    r->shape.rank += a->naxis;
    for (int32_t k = 0; k < a->naxis; k++) r->shape.len[2 + k] = 1;
    for (int32_t k = 0; k < a->naxis; k++)
        r->shape.len[2 + k] = rt_max(1, rt_aff_value(&a->extent[k], r->v.size));
    for (int32_t g = 0; g < x->ngroup; g++)
        widen(r, a, x->group[g].size, y->group[0].size, size, &r->shape);
    for (int32_t g = 0; g < y->ngroup; g++)
        widen(r, a, x->group[0].size, y->group[g].size, size, &r->shape);
    rt_free(size);
    for (int i = 1; i < r->shape.rank; i++)
        if (__builtin_mul_overflow(all, r->shape.len[i], &all) || all > INT64_MAX / 64) {
            char text[200];
            tp_shape_text(text, sizeof text, &r->shape);
            return rt_fail(r->e, TP_E_MEMORY, "a result of shape %s is too large", text);
        }
    return true;
}

/* ---- memory */

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
            if (in->file.path) n->data = plus(n->data, times(times(in->n, in->row), 8));
            if (rt_is_point(r, i)) continue;
            n->data = plus(n->data, times(r->side[s].slots, 16));
            if (r->varies) n->data = plus(n->data, times(times(r->side[s].slots, in->d), 8));
        }
}

static void need_arrays(const RtRun *r, Need *n) {
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->stage == TP_STAGE_PAIR) continue;
        int64_t bytes = x->stage == TP_STAGE_CONST
                            ? times(rt_array_elements(x, r->v.size), r->real_size)
                            : rt_array_bytes(r, a);
        n->arrays = plus(n->arrays, bytes);
        if (bytes <= n->largest) continue;
        n->largest = bytes;
        n->largest_name = x->name;
    }
}

static void need_results(const RtRun *r, Need *n) {
    int64_t bytes = r->real_size;
    for (int i = 0; i < r->shape.rank; i++) bytes = times(bytes, r->shape.len[i]);
    for (int k = 0; k < TP_NKERNEL; k++)
        if (r->job->out[k].keep && !r->job->out[k].path) n->results = plus(n->results, bytes);
}

static bool too_much(const RtRun *r, const Need *n, int64_t all, int64_t allowed) {
    char a[32], w[32], d[32], s[32], t[32], k[32], l[32], one[32];
    tp_bytes_text(a, sizeof a, (double)all);
    tp_bytes_text(w, sizeof w, (double)allowed);
    tp_bytes_text(d, sizeof d, (double)n->data);
    tp_bytes_text(s, sizeof s, (double)n->arrays);
    tp_bytes_text(t, sizeof t, (double)n->threads);
    tp_bytes_text(one, sizeof one, (double)(n->threads / r->threads));
    tp_bytes_text(k, sizeof k, (double)n->results);
    tp_bytes_text(l, sizeof l, (double)n->largest);
    return rt_fail(
        r->e, TP_E_MEMORY,
        "this run needs %s of memory (data %s, arrays of the samples %s, %d thread%s %s, %s each, "
        "results %s), more than the %s allowed; the largest array, %s, takes %s. Allow more with "
        "--memory, or use fewer samples, fewer threads or smaller sizes",
        a, d, s, r->threads, r->threads == 1 ? "" : "s", t, one, k, w,
        n->largest_name ? n->largest_name : "-", l);
}

bool rt_plan_memory(RtRun *r, TpReport *rep) {
    Need n = {0};
    need_data(r, &n);
    need_arrays(r, &n);
    need_results(r, &n);
    rep->scratch = plus(rt_scratch_bytes(r), r->blas.dgemm ? 32 << 20 : 0);
    n.threads = times(r->threads, rep->scratch);
    int64_t all = plus(plus(n.data, n.arrays), plus(plus(n.threads, n.results), 2 * NPY_BUFFER));
    int64_t machine = rt_machine_memory();
    int64_t allowed = r->job->memory ? rt_min(r->job->memory, machine) : machine / 2;
    rep->bytes = all;
    return all <= allowed || too_much(r, &n, all, allowed);
}

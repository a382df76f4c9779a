#include "run.h"
#include <stdlib.h>
#include <string.h>

const char *tp_kernel_name(int kernel) { return kernel ? "NTK" : "NNGP"; }

static bool check_job(const TpJob *job, TpError *e) {
    const TpKernel *k = job->kernel;
    if (k->abi != TP_ABI_VERSION)
        return rt_fail(e, TP_E_ABI,
                       "the kernel `%s` is for version %d of the runtime, this is version %d",
                       k->name, k->abi, TP_ABI_VERSION);
    for (int i = 0; i < TP_NKERNEL; i++) {
        const TpOutput *o = &job->out[i];
        if ((o->path || o->data || o->keep) && !(k->kernels >> i & 1))
            return rt_fail(e, TP_E_USAGE, "the %s was asked for, but `%s` was compiled without it",
                           tp_kernel_name(i), k->name);
    }
    const char *a = job->out[0].path, *b = job->out[1].path;
    return !a || !b || strcmp(a, b) ||
           rt_fail(e, TP_E_USAGE, "two kernels cannot have the one output %s", rt_path(a));
}

static double work(const RtRun *r) {
    double madds = 0, n = (double)r->side[0].n, m = (double)rt_right(r)->n;
    for (int32_t i = 0; i < r->nproduct; i++)
        madds += n * (r->nside == 1 ? n / 2 : m) * (double)r->side[0].input[r->product[i].in[0]].d;
    return madds;
}

static int thread_count(const RtRun *r) {
    int64_t wish = r->job->threads > 0 ? r->job->threads : rt_processors();
    int64_t tiles = ((r->side[0].slots + r->tile_rows - 1) / r->tile_rows) *
                    ((rt_right(r)->slots + r->tile - 1) / r->tile);
    return (int)rt_min(rt_min(wish, 1024), rt_max(tiles, 1));
}

static bool make_values(RtRun *r) {
    int64_t *dim = rt_alloc(r->k->ninput * 8, r->e);
    for (int32_t i = 0; dim && i < r->k->ninput; i++) dim[i] = r->side[0].input[i].d;
    bool ok = dim && rt_values_make(&r->v, r->k, r->job->set, r->job->nset, dim, r->e);
    rt_free(dim);
    return ok;
}

/* Columns at a time of a result with position axes: what a thread keeps of it stays in a cache of
 * the second level, and is at least what the pair function works on. */
enum { WIDE_BYTES = 1 << 20 };
static void plan_wide(RtRun *r) {
    int64_t entry = r->real_size;
    if (!r->wide_step) return;
    for (int i = 2; i < r->shape.rank; i++) entry *= r->shape.len[i];
    while (r->wide_step > r->lanes && r->wide_step * entry > WIDE_BYTES) r->wide_step /= 2;
}

/* Up to where memory is taken: shapes, numbers, plan. */
static bool prepare(RtRun *r, TpReport *rep) {
    if (!rt_inputs_open(r) || !make_values(r) || !rt_sizes_bind(r) || !rt_groups_make(r) ||
        !rt_groups_check(r))
        return false;
    rt_plan_tile(r);
    if (!rt_products_find(r) || !rt_plan_result(r)) return false;
    plan_wide(r);
    rt_blas_find(&r->blas, r->job->blas, work(r));
    r->threads = thread_count(r);
    rep->nx = r->side[0].n;
    rep->ny = rt_right(r)->n;
    rep->shape = r->shape;
    rep->sizes = rt_max(r->side[0].ngroup, rt_right(r)->ngroup);
    rep->threads = r->threads;
    rep->tile = (int)r->tile;
    memcpy(rep->blas, r->blas.name, sizeof rep->blas);
    return rt_plan_memory(r, rep);
}

static bool open_outputs(RtRun *r) {
    for (int i = 0; i < TP_NKERNEL; i++) {
        const TpOutput *o = &r->job->out[i];
        if ((o->path || o->data || o->keep) &&
            !rt_output_open(&r->out[i], o, (TpDtype)r->k->dtype, &r->shape, r->job->cleanup, r->e))
            return false;
    }
    return true;
}

static bool compute(RtRun *r, TpReport *rep) {
    double t0 = rt_now();
    if (!rt_inputs_read(r)) return false;
    double t1 = rt_now();
    if (!rt_samples_run(r) || !rt_plan_memory(r, rep) || !rt_series_run(r)) return false;
    double t2 = rt_now();
    if (!rt_pairs_run(r)) return false;
    double t3 = rt_now();
    rep->load_s = t1 - t0;
    rep->sample_s = t2 - t1;
    rep->pair_s = t3 - t2;
    return true;
}

static bool commit(RtRun *r, TpReport *rep) {
    for (int i = 0; i < TP_NKERNEL; i++)
        if (r->out[i].wanted && !rt_output_commit(&r->out[i], r->e)) return false;
    for (int i = 0; i < TP_NKERNEL; i++)
        if (r->out[i].wanted && r->job->out[i].keep && !r->job->out[i].path)
            rep->data[i] = r->out[i].data;
    return true;
}

static RtRun begin(const TpJob *job, TpError *err) {
    *err = (TpError){.code = TP_OK};
    return (RtRun){.job = job, .k = job->kernel, .e = err, .v = {.k = job->kernel},
                   .block = job->kernel->block > 0 ? job->kernel->block : TP_BLOCK,
                   .loops = rt_loops(), .real_size = rt_real_size(job->kernel->dtype)};
}

static void end(RtRun *r) {
    for (int i = 0; i < TP_NKERNEL; i++) rt_output_close(&r->out[i]);
    rt_arrays_free(r);
    rt_inputs_close(r);
    rt_groups_free(r);
    rt_values_free(&r->v);
    rt_free(r->product);
    rt_blas_done(&r->blas);
}

bool tp_plan(const TpJob *job, TpReport *report, TpError *err) {
    RtRun r = begin(job, err);
    *report = (TpReport){.nx = 0};
    bool ok = check_job(job, err) && prepare(&r, report);
    end(&r);
    return ok;
}

bool tp_run(const TpJob *job, TpReport *report, TpError *err) {
    TpReport rep = {.nx = 0};
    double start = rt_now();
    RtRun r = begin(job, err);
    bool ok = check_job(job, err) && prepare(&r, &rep) && open_outputs(&r) && compute(&r, &rep) &&
              commit(&r, &rep);
    if (ok && job->progress) job->progress(job->ctx, 1, 0);
    end(&r);
    rep.total_s = rt_now() - start;
    if (report) *report = rep;
    return ok;
}

/* Inputs of a run: which array is which, their shapes, their numbers. */
#include "run.h"
#include <string.h>
#include <sys/stat.h>

static bool given(const TpData *d) { return d->path || d->rows; }

static const TpNamed *named(const RtRun *r, const char *name) {
    for (int i = 0; i < r->job->nmore; i++)
        if (!strcmp(r->job->more[i].name, name)) return &r->job->more[i];
    return NULL;
}

/* The data of input number i on side s (0: x, 1: y). */
static const TpData *source(const RtRun *r, int32_t i, int s) {
    const TpNamed *m = named(r, r->k->input[i].name);
    if (i == 0 && !m) return s ? &r->job->y : &r->job->x;
    return !m ? NULL : s ? &m->y : &m->x;
}

static bool check_names(const RtRun *r) {
    for (int m = 0; m < r->job->nmore; m++) {
        const char *name = r->job->more[m].name;
        bool known = false;
        for (int32_t i = 0; i < r->k->ninput; i++) known |= !strcmp(r->k->input[i].name, name);
        if (!known)
            return rt_fail(r->e, TP_E_USAGE, "`%s` has no input `%.200s`; its first is `%s`",
                           r->k->name, name, r->k->ninput ? r->k->input[0].name : "");
    }
    for (int32_t i = 0; i < r->k->ninput; i++)
        if (r->k->input[i].npos)
            return rt_fail(r->e, TP_E_DATA,
                           "input `%s` has position axes, which this version cannot "
                           "read yet",
                           r->k->input[i].name);
    return true;
}

static bool open_one(RtRun *r, RtSide *side, int32_t i, int s) {
    RtInput *in = &side->input[i];
    const TpData *d = source(r, i, s);
    const char *name = r->k->input[i].name;
    if (!d || !given(d))
        return rt_fail(r->e, TP_E_USAGE,
                       "input `%s` of `%s` is missing%s: give it by --data %s=FILE%s", name,
                       r->k->name, s ? " for Y" : "", name, r->nside > 1 ? ",FILE_FOR_Y" : "");
    if (d->path) {
        if (!rt_npy_open(&in->file, d->path, r->e)) return false;
        in->n = in->file.h.n;
        in->d = in->file.h.d;
        return true;
    }
    in->x = d->rows;
    in->n = d->n;
    in->d = d->d;
    if (in->n > 0 && in->d > 0 && in->n < INT64_MAX / 64 / in->d) return true;
    return rt_fail(r->e, TP_E_DATA,
                   "input `%s` has shape (%lld, %lld); expected at least one sample and "
                   "one coordinate",
                   name, (long long)in->n, (long long)in->d);
}

static const char *label(const RtInput *in, const char *name) {
    return in->file.path ? rt_path(in->file.path) : name;
}

static bool check_shapes(const RtRun *r, const RtSide *side) {
    for (int32_t i = 0; i < r->k->ninput; i++) {
        const RtInput *in = &side->input[i], *first = &side->input[0], *x = &r->side[0].input[i];
        const char *name = r->k->input[i].name;
        if (in->n != first->n)
            return rt_fail(r->e, TP_E_DATA,
                           "%s has %lld samples, but %s has %lld: all inputs of %s "
                           "need as many",
                           label(in, name), (long long)in->n, label(first, r->k->input[0].name),
                           (long long)first->n, side->name);
        if (in->d != x->d)
            return rt_fail(r->e, TP_E_DATA,
                           "%s has %lld columns, but %s has %lld: samples of input "
                           "`%s` need one dimension",
                           label(in, name), (long long)in->d, label(x, name), (long long)x->d,
                           name);
    }
    return true;
}

static bool is_output(const RtRun *r, const Npy *f) {
    for (int k = 0; k < TP_NKERNEL; k++) {
        struct stat st;
        const char *path = r->job->out[k].path;
        if (!path || stat(path, &st) || st.st_dev != f->dev || st.st_ino != f->ino) continue;
        rt_fail(r->e, TP_E_USAGE,
                "the output %s is the input %s: the result would replace the data", rt_path(path),
                rt_path(f->path));
        return true;
    }
    return false;
}

static bool open_side(RtRun *r, int s) {
    RtSide *side = &r->side[s];
    side->name = s ? "Y" : "X";
    side->input = rt_zalloc(r->k->ninput * (int64_t)sizeof(RtInput), r->e);
    if (!side->input) return false;
    for (int32_t i = 0; i < r->k->ninput; i++) side->input[i].file.fd = -1;
    for (int32_t i = 0; i < r->k->ninput; i++)
        if (!open_one(r, side, i, s)) return false;
    side->n = side->input[0].n;
    side->stride = rt_round_up(side->n, TP_BLOCK);
    for (int32_t i = 0; i < r->k->ninput; i++)
        if (side->input[i].file.fd >= 0 && is_output(r, &side->input[i].file)) return false;
    return check_shapes(r, side);
}

bool rt_inputs_open(RtRun *r) {
    r->nside = given(&r->job->y) ? 2 : 1;
    if (r->k->ninput < 1) return rt_fail(r->e, TP_E_USAGE, "`%s` has no inputs", r->k->name);
    const TpNamed *first = named(r, r->k->input[0].name);
    if (first && given(&first->y)) r->nside = 2;
    return check_names(r) && open_side(r, 0) && (r->nside == 1 || open_side(r, 1));
}

static bool read_one(RtRun *r, const RtSide *side, RtInput *in) {
    int64_t bytes = side->stride * 8;
    in->square = rt_zalloc(bytes, r->e);
    in->inverse = rt_zalloc(bytes, r->e);
    if (!in->square || !in->inverse) return false;
    if (in->file.fd >= 0) {
        in->x = in->own = rt_alloc(in->n * in->d * 8, r->e);
        if (!in->own || !rt_npy_read(&in->file, in->own, r->job->stop, r->e)) return false;
        rt_npy_close(&in->file);
        return true;
    }
    for (int64_t i = 0; i < in->n; i++)
        if (!r->loops->finite(in->x + i * in->d, in->d))
            return rt_fail(r->e, TP_E_DATA,
                           "row %lld (from 0) of %s holds NaN or inf; expected finite "
                           "numbers",
                           (long long)i, side->name);
    return true;
}

bool rt_inputs_read(RtRun *r) {
    for (int s = 0; s < r->nside; s++)
        for (int32_t i = 0; i < r->k->ninput; i++)
            if (!read_one(r, &r->side[s], &r->side[s].input[i])) return false;
    return true;
}

void rt_inputs_close(RtRun *r) {
    for (int s = 0; s < 2; s++) {
        RtSide *side = &r->side[s];
        for (int32_t i = 0; side->input && i < r->k->ninput; i++) {
            rt_npy_close(&side->input[i].file);
            rt_free(side->input[i].own);
            rt_free(side->input[i].square);
            rt_free(side->input[i].inverse);
        }
        rt_free(side->input);
        side->input = NULL;
    }
}

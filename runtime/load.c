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
    return true;
}

static TpShape memory_shape(const TpData *d) {
    TpShape s = {.rank = 1, .len = {d->n}};
    for (int i = 0; i < d->naxis && s.rank < TP_RANK - 1; i++) s.len[s.rank++] = d->axis[i];
    if (d->d) s.len[s.rank++] = d->d;
    return s;
}

static bool check_rank(const RtRun *r, const RtInput *in, int32_t i) {
    const TpInputDecl *decl = &r->k->input[i];
    int rank = 1 + decl->npos + !decl->is_data;
    char have[200], need[200];
    tp_shape_text(have, sizeof have, &in->shape);
    rt_input_text(need, sizeof need, r->k, i);
    return in->shape.rank == rank ||
           rt_fail(r->e, TP_E_DATA, "%s has shape %s of rank %d; expected rank %d: %s%s",
                   rt_input_label(in, decl->name), have, in->shape.rank, rank, need,
                   rank == 2 && !decl->is_data ? ", one sample a row" : "");
}

/* Numbers of a sample; false: too many, or an axis without length. */
static bool count_row(RtInput *in) {
    in->row = 1;
    for (int i = 0; i < in->shape.rank; i++)
        if (in->shape.len[i] <= 0) return false;
    for (int i = 1; i < in->shape.rank; i++)
        if (__builtin_mul_overflow(in->row, in->shape.len[i], &in->row)) return false;
    return in->shape.len[0] < INT64_MAX / 64 / in->row;
}

static bool open_one(RtRun *r, RtSide *side, int32_t i, int s) {
    RtInput *in = &side->input[i];
    const TpData *d = source(r, i, s);
    const char *name = r->k->input[i].name;
    char have[200];
    if (!d || !given(d))
        return rt_fail(r->e, TP_E_USAGE,
                       "input `%s` of `%s` is missing%s: give it by --data %s=FILE%s", name,
                       r->k->name, s ? " for Y" : "", name, r->nside > 1 ? ",FILE_FOR_Y" : "");
    if (d->path) {
        if (!rt_npy_open(&in->file, d->path, r->e)) return false;
        in->shape = in->file.h.shape;
    } else {
        in->x = d->rows;
        in->shape = memory_shape(d);
    }
    tp_shape_text(have, sizeof have, &in->shape);
    bool sized = count_row(in);
    if (!sized && in->shape.rank == 1 + r->k->input[i].npos + !r->k->input[i].is_data)
        return rt_fail(r->e, TP_E_DATA,
                       "input `%s` has shape %s; expected at least one sample and one coordinate",
                       name, have);
    if (!check_rank(r, in, i)) return false;
    in->n = in->shape.len[0];
    in->d = r->k->input[i].is_data ? 1 : in->shape.len[in->shape.rank - 1];
    return true;
}

const char *rt_input_label(const RtInput *in, const char *name) {
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
                           rt_input_label(in, name), (long long)in->n,
                           rt_input_label(first, r->k->input[0].name), (long long)first->n,
                           side->name);
        if (in->d != x->d)
            return rt_fail(r->e, TP_E_DATA,
                           "%s has %lld columns, but %s has %lld: samples of input "
                           "`%s` need one dimension",
                           rt_input_label(in, name), (long long)in->d, rt_input_label(x, name),
                           (long long)x->d, name);
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

/* Rows of an input without positions, by slot. */
static bool place_rows(RtRun *r, const RtSide *side, RtInput *in) {
    in->square = rt_zalloc(side->slots * 8, r->e);
    in->inverse = rt_zalloc(side->slots * 8, r->e);
    in->slot = in->x;
    if (!in->square || !in->inverse || !r->varies) return in->square && in->inverse;
    double *to = rt_alloc(side->slots * in->d * 8, r->e);
    in->slot = in->slot_own = to;
    for (int64_t i = 0; to && i < side->slots; i++)
        memcpy(to + i * in->d, in->x + side->sample[i] * in->d, (size_t)in->d * 8);
    return to != NULL;
}

typedef struct FiniteCheck {
    const RtRun *r;
    const double *x;
} FiniteCheck;

static bool run_is_finite(void *ctx, int64_t at, int64_t n) {
    const FiniteCheck *c = ctx;
    return c->r->loops->finite(c->x + at, n);
}

/* Of numbers in memory, and of padded ones, where only a sample's own sizes count. */
static bool check_finite(const RtRun *r, const RtSide *side, int32_t i) {
    const RtInput *in = &side->input[i];
    for (int64_t s = 0; s < in->n; s++) {
        FiniteCheck c = {r, in->x + s * in->row};
        if (!rt_each_run(r, side, i, s, run_is_finite, &c))
            return rt_fail(r->e, TP_E_DATA,
                           "row %lld (from 0) of %s holds NaN or inf; expected finite numbers",
                           (long long)s, in->file.path ? rt_path(in->file.path)
                                         : i           ? r->k->input[i].name
                                                       : side->name);
    }
    return true;
}

static bool read_one(RtRun *r, const RtSide *side, int32_t i) {
    RtInput *in = &side->input[i];
    bool file = in->file.fd >= 0;
    in->file.padded = r->varies && rt_is_point(r, i);
    if (file) {
        in->x = in->own = rt_alloc(in->n * in->row * 8, r->e);
        if (!in->own || !rt_npy_read(&in->file, in->own, r->job->stop, r->e)) return false;
        rt_npy_close(&in->file);
    }
    if ((!file || in->file.padded) && !check_finite(r, side, i)) return false;
    return rt_is_point(r, i) || place_rows(r, side, in);
}

bool rt_inputs_read(RtRun *r) {
    for (int s = 0; s < r->nside; s++)
        for (int32_t i = 0; i < r->k->ninput; i++)
            if (!read_one(r, &r->side[s], i)) return false;
    return true;
}

void rt_inputs_close(RtRun *r) {
    for (int s = 0; s < 2; s++) {
        RtSide *side = &r->side[s];
        for (int32_t i = 0; side->input && i < r->k->ninput; i++) {
            rt_npy_close(&side->input[i].file);
            rt_free(side->input[i].own);
            rt_free(side->input[i].slot_own);
            rt_free(side->input[i].square);
            rt_free(side->input[i].inverse);
        }
        rt_free(side->input);
        side->input = NULL;
    }
}

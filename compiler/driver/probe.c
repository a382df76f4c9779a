/* --probe X.npy: the first sample of a file as the input at which coefficients are evaluated; other
 * inputs and data arguments keep their default. */
#include "driver/verdict.h"
#include "npy.h"
#include <math.h>

typedef struct Sample { /* the first input's values: positions, then d coordinates */
    const double *x;
    int64_t len[TP_RANK], d;
    uint32_t npos;
    const Program *p;
} Sample;

static const double *row(const Sample *s, const int64_t *pos) {
    int64_t at = 0;
    for (uint32_t i = 0; i < s->npos; i++) at = at * s->len[i] + pos[i];
    return s->x + at * s->d;
}

static int64_t probe_dim(void *ctx, uint32_t input) {
    const Sample *s = ctx;
    return input == 0 ? s->d : 4;
}

static int64_t probe_size(void *ctx, Sym name) {
    const Sample *s = ctx;
    const InputDecl *in = &s->p->input.data[0];
    for (uint32_t i = 0; i < s->npos; i++) {
        const AffTerm *t = in->size[i].term;
        if (in->size[i].nterm == 1 && t->name == name && t->k == 1)
            return s->len[i] - in->size[i].c;
    }
    return 4;
}

static double probe_gram(void *ctx, uint32_t in1, const int64_t *pos1, uint32_t in2,
                         const int64_t *pos2) {
    const Sample *s = ctx;
    if (in1 != in2) return 0;
    if (in1) return 1;
    const double *a = row(s, pos1), *b = row(s, pos2);
    double sum = 0;
    for (int64_t i = 0; i < s->d; i++) sum += a[i] * b[i];
    return sum / (double)s->d;
}

static double probe_coordinate(void *ctx, uint32_t input, const int64_t *pos, int64_t k) {
    const Sample *s = ctx;
    return input == 0 && k >= 0 && k < s->d ? row(s, pos)[k] : 0;
}

static bool fits(Session *s, const Program *p, const Npy *f) {
    uint32_t npos = p->input.len ? p->input.data[0].npos : 0;
    if (p->input.len && !p->input.data[0].is_data && f->h.n > 0 &&
        f->h.shape.rank == (int)npos + 2)
        return true;
    diag(s->c.ds, probe_shape, (Span){0}, s->o->probe, (int)npos + 2);
    return false;
}

bool probe_of(Session *s, const Program *p, const CheckProbe **out) {
    *out = NULL;
    if (!s->o->probe) return true;
    Npy f;
    TpError e;
    if (!rt_npy_open(&f, s->o->probe, &e)) {
        diag(s->c.ds, probe_unreadable, (Span){0}, e.text);
        return false;
    }
    bool ok = fits(s, p, &f);
    double *x = ok ? ARENA_ARRAY(s->a, double, f.h.n * f.h.row) : NULL;
    _Atomic int stop = 0;
    if (ok && !rt_npy_read(&f, x, &stop, &e)) {
        diag(s->c.ds, probe_unreadable, (Span){0}, e.text);
        ok = false;
    }
    rt_npy_close(&f);
    if (!ok) return false;
    Sample *t = ARENA_NEW(s->a, Sample);
    *t = (Sample){.x = x, .p = p, .npos = p->input.data[0].npos};
    for (uint32_t i = 0; i < t->npos; i++) t->len[i] = f.h.shape.len[i + 1];
    t->d = f.h.shape.len[t->npos + 1];
    CheckProbe *probe = ARENA_NEW(s->a, CheckProbe);
    *probe = (CheckProbe){.size = probe_size, .dim = probe_dim, .gram = probe_gram,
                          .coordinate = probe_coordinate, .ctx = t};
    *out = probe;
    return true;
}

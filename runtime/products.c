#include "run.h"
#include <limits.h>
#include <string.h>

static RtProduct *product_for(RtRun *r, const TpArray *a) {
    for (int32_t i = 0; i < r->nproduct; i++)
        if (r->product[i].in[0] == a->in[0] && r->product[i].in[1] == a->in[1])
            return &r->product[i];
    r->product[r->nproduct] = (RtProduct){.in = {a->in[0], a->in[1]}};
    return &r->product[r->nproduct++];
}

static int32_t *product_slot(RtProduct *p, int32_t kind) {
    switch ((TpInputKind)kind) {
    case TP_IN_GRAM: return &p->gram;
    case TP_IN_UNIT: return &p->unit;
    case TP_IN_DEFECT: return &p->defect;
    case TP_IN_CODEFECT: return &p->codefect;
    case TP_IN_NONE: case TP_IN_NORM: case TP_IN_COLUMN: case TP_IN_POINT: case TP_IN_DATA:
    case TP_IN_CLASS: case TP_IN_DIRECTION: break;
    }
    return NULL;
}

static bool check_dims(const RtRun *r, const TpArray *a) {
    int64_t d0 = r->side[0].input[a->in[0]].d, d1 = r->side[0].input[a->in[1]].d;
    return d0 == d1 ||
           rt_fail(r->e, TP_E_DATA,
                   "inputs `%s` and `%s` meet in a scalar product, but have %lld and %lld "
                   "columns",
                   r->k->input[a->in[0]].name, r->k->input[a->in[1]].name, (long long)d0,
                   (long long)d1);
}

static bool bad_array(const RtRun *r, const TpArray *a) {
    return rt_fail(r->e, TP_E_ABI, "internal error: array %s of `%s`", a->name, r->k->name);
}

static bool in_range(const RtRun *r, const TpArray *x) {
    for (int i = 0; i < 2; i++)
        if (x->in[i] < 0 || x->in[i] >= r->k->ninput) return false;
    return true;
}

/* Is it an array of one sample's places? */
static bool of_places(const TpArray *x) {
    return x->input == TP_IN_NORM || x->input == TP_IN_COLUMN || x->input == TP_IN_POINT ||
           x->input == TP_IN_DATA || x->input == TP_IN_CLASS || x->input == TP_IN_DIRECTION;
}

static bool take_input(RtRun *r, int32_t a) {
    const TpArray *x = &r->k->array[a];
    if (!in_range(r, x)) return bad_array(r, x);
    if (of_places(x)) return x->stage == TP_STAGE_SAMPLE || bad_array(r, x);
    if (rt_is_point(r, x->in[0]) || rt_is_point(r, x->in[1])) return bad_array(r, x);
    if (!check_dims(r, x)) return false;
    if (x->stage != TP_STAGE_PAIR) return x->input == TP_IN_GRAM || bad_array(r, x);
    int32_t *slot = product_slot(product_for(r, x), x->input);
    if (!slot || *slot) return bad_array(r, x);
    *slot = a;
    return true;
}

static bool take_output(RtRun *r, int32_t a) {
    const TpArray *x = &r->k->array[a];
    if (!(r->k->kernels >> x->output & 1) || x->naxis % 2) return bad_array(r, x);
    if (x->naxis && x->stage == TP_STAGE_PAIR) r->wide_step = TP_BLOCK;
    if (x->stage == TP_STAGE_SAMPLE && r->nside == 1) r->diagonal[x->output] = a;
    return x->stage == TP_STAGE_PAIR || x->stage == TP_STAGE_SAMPLE || bad_array(r, x);
}

int32_t rt_output_array(const RtRun *r, int k) {
    for (int32_t a = 1; a < r->k->narray; a++)
        if (r->k->array[a].stage == TP_STAGE_PAIR && r->k->array[a].class == TP_OUTPUT &&
            r->k->array[a].output == k)
            return a;
    return 0;
}

/* Pair inputs and cross Grams of one sample; both need one dimension. */
bool rt_products_find(RtRun *r) {
    r->product = rt_zalloc(r->k->narray * (int64_t)sizeof(RtProduct), r->e);
    if (!r->product) return false;
    for (int32_t a = 1; a < r->k->narray; a++) {
        const TpArray *x = &r->k->array[a];
        if (x->class == TP_INPUT && !take_input(r, a)) return false;
        if (x->class == TP_OUTPUT && !take_output(r, a)) return false;
    }
    return true;
}

/* Column-major BLAS sees the transposes: dot' = y x'. */
static void blas_tile(RtDgemm *dgemm, const RtTile *t) {
    const int m = (int)t->nj, n = (int)t->ni, k = (int)t->d, ldc = (int)t->ldc;
    const double one = 1, zero = 0;
    dgemm("T", "N", &m, &n, &k, &one, t->y, &k, t->x, &k, &zero, t->c, &ldc);
}

void rt_product_tile(const RtRun *r, const RtInput *x, const RtInput *y, int64_t i0, int64_t ni,
                     int64_t j0, int64_t nj, double *dot, double *pack) {
    RtTile t = {x->slot + i0 * x->d, y->slot + j0 * y->d, ni, nj, x->d, dot, r->tile, pack};
    if (r->blas.dgemm && x->d < INT_MAX) blas_tile(r->blas.dgemm, &t);
    else r->loops->tile(&t);
    int64_t pad = rt_round_up(nj, TP_BLOCK) - nj;
    for (int64_t i = 0; pad && i < ni; i++)
        memset(dot + i * r->tile + nj, 0, (size_t)pad * sizeof *dot);
}

/* One entry whose rows are nearly parallel or antiparallel. */
static void near_entry(const RtRun *r, const RtProduct *p, int64_t i, int64_t j, int64_t k,
                       const RtRowBuffers *b) {
    const RtInput *x = &r->side[0].input[p->in[0]], *y = &rt_right(r)->input[p->in[1]];
    bool anti = b->c[k] < 0;
    double v = r->loops->defect(x->slot + i * x->d, y->slot + (j + k) * y->d, x->d, anti ? -1 : 1,
                                x->square[i], y->square[j + k]);
    b->c[k] = anti ? v - 1 : 1 - v;
    b->e[k] = anti ? 2 - v : v;
    b->p[k] = anti ? v : 2 - v;
}

static void near_entries(const RtRun *r, const RtProduct *p, int64_t i, int64_t j, int64_t n,
                         const RtRowBuffers *b) {
    for (int64_t k = 0; k < n; k++)
        if (b->e[k] < RT_NEAR || b->p[k] < RT_NEAR) near_entry(r, p, i, j, k, b);
}

/* A sample with itself: exact, and the same number as the sample's own Gram. */
static void diagonal(const RtRun *r, const RtProduct *p, int64_t i, int64_t k,
                     const RtRowBuffers *b) {
    const RtInput *x = &r->side[0].input[p->in[0]];
    bool zero = x->square[i] == 0;
    b->dot[k] = x->square[i];
    b->c[k] = zero ? 0 : 1;
    b->e[k] = zero ? 1 : 0;
    b->p[k] = zero ? 1 : 2;
}

void rt_product_row(const RtRun *r, const RtProduct *p, int64_t i, int64_t j, int64_t n,
                    const RtRowBuffers *b) {
    const RtInput *x = &r->side[0].input[p->in[0]], *y = &rt_right(r)->input[p->in[1]];
    bool itself = r->nside == 1 && p->in[0] == p->in[1] && i >= j && i < j + n;
    if (p->unit || p->defect || p->codefect) {
        RtRow row = {b->dot, x->inverse[i], y->inverse + j, n, b->c, b->e, b->p};
        if (r->loops->unit(&row)) near_entries(r, p, i, j, n, b);
    }
    if (itself) diagonal(r, p, i, i - j, b);
    if (!p->gram) return;
    for (int64_t k = 0; k < n; k++) b->g[k] = b->dot[k] / (double)x->d;
}

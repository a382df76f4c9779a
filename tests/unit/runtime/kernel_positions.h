/* Kernels with positions written by hand against the ABI, in float64: input x[T], data A[T], with
 *     G(p, p') = x[p] . x'[p'] / d,    H = T // 2.
 * Numbers:   nngp = sum_pp' A[p] A'[p'] G(p, p') / (T T'),
 *            ntk  = sum over p < H, p' < H' of G(p, p'), plus 100 where the samples are equal.
 * Families:  nngp[p, p'] = G(p, p') + 1 / T,   ntk[p, p'] = A[p] G(p, p'): deliberately not
 * symmetric, so that a mirrored result shows which of two samples was the left one. */
#ifndef KERNEL_POSITIONS_H
#define KERNEL_POSITIONS_H
#include "abi.h"

enum { P_T, P_H, P_D, P_TR, P_HR, P_SIZES };
enum { P_POINT = 1, P_A, P_CLASS, P_SUM, P_SELF, P_G, P_NNGP, P_NTK, P_COUNT };
enum { P_INV_T, P_REALS };

static inline int64_t point_place(const TpFrame *f, int64_t t, int64_t p, int64_t c, int64_t s) {
    return tp_place(p * f->size[P_D] + c, t * f->size[P_D], s);
}

/* The sum of a sample's own numbers, to see that sample arrays have their own sizes. */
static inline void positions_sample(const TpFrame *f, int64_t s0, int64_t s1) {
    const double *a = f->xarray[P_A];
    double *sum = f->xarray[P_SUM], *self = f->xarray[P_SELF];
    int64_t t = f->size[P_T];
    for (int64_t s = s0; s < s1; s++) {
        double all = 0;
        for (int64_t p = 0; p < t; p++) {
            all += a[tp_place(p, t, s)];
            sum[tp_place(p, t, s)] = all;
        }
        for (int64_t e = 0; e < t * t; e++) self[tp_place(e, t * t, s)] = 1000 + (double)e;
    }
}

static inline void positions_gram(const TpFrame *f, int64_t tr, int64_t i, int64_t j, int64_t lanes,
                                  int64_t lane) {
    const double *x = f->xarray[P_POINT], *y = f->yarray[P_POINT];
    double *g = f->parray[P_G];
    int64_t t = f->size[P_T];
    for (int64_t p = 0; p < t; p++)
        for (int64_t q = 0; q < tr; q++) {
            double v = 0;
            for (int64_t c = 0; c < f->size[P_D]; c++)
                v += x[point_place(f, t, p, c, i)] * y[point_place(f, tr, q, c, j)];
            g[(p * tr + q) * lanes + lane] = v;
        }
}

/* The results of one pair at column k of the rows. */
static inline void positions_results(const TpFrame *f, const int64_t tr[2], int64_t i, int64_t j,
                                     int64_t lanes, int64_t k, bool wide) {
    const double *a = f->xarray[P_A], *b = f->yarray[P_A], *sum = f->yarray[P_SUM];
    const double *g = f->parray[P_G];
    double *nngp = f->row[P_NNGP], *ntk = f->row[P_NTK], all = 0, part = 0;
    int64_t t = f->size[P_T], lane = k % lanes, n = tr[0];
    for (int64_t p = 0; p < t; p++)
        for (int64_t q = 0; q < n; q++) {
            double v = g[(p * n + q) * lanes + lane];
            double bq = sum[tp_place(q, n, j)] - (q ? sum[tp_place(q - 1, n, j)] : 0);
            (void)b;
            all += a[tp_place(p, t, i)] * bq * v;
            if (p < f->size[P_H] && q < tr[1]) part += v;
            if (!wide) continue;
            nngp[(p * n + q) * f->stride + k] = v + f->real[P_INV_T];
            ntk[(p * n + q) * f->stride + k] = a[tp_place(p, t, i)] * v;
        }
    if (wide) return;
    nngp[k] = all / (double)(t * n);
    const double *cx = f->xarray[P_CLASS], *cy = f->yarray[P_CLASS];
    ntk[k] = part + (cx[i] == cy[j] ? 100 : 0);
}

/* self: the descriptor, which tells lanes, axes and whether sizes vary. */
static inline void positions_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    const TpKernel *k = f->self;
    bool varies = k->nsize == P_SIZES, wide = k->array[P_NNGP].naxis > 0;
    int64_t tr[2] = {f->size[varies ? P_TR : P_T], f->size[varies ? P_HR : P_H]};
    for (int64_t at = 0; at < n; at++) {
        positions_gram(f, tr[0], i, j0 + at, k->lanes, at % k->lanes);
        positions_results(f, tr, i, j0 + at, k->lanes, at, wide);
    }
}

typedef struct Positions { /* all tables of one such kernel */
    TpKernel k;
    TpArray array[P_COUNT];
    TpSize size[P_SIZES];
    TpReal real[P_REALS];
    TpInputDecl input[2];
    TpAffTerm term[P_SIZES];
    TpAff aff[P_SIZES], point[2], pair[2], self[2];
} Positions;

static const TpCodeIns positions_code[] = {
    {TPC_SIZE, P_T, 0}, {TPC_NUM, 0, 1}, {TPC_SIZE, P_T, 0}, {TPC_DIV, 0, 0}};

static inline void positions_arrays(Positions *n, bool wide, bool diagonal) {
    const TpAff *t = &n->aff[P_T];
    TpArray *a = n->array;
    a[P_POINT] = (TpArray){.name = "point", .stage = TP_STAGE_SAMPLE, .class = TP_INPUT,
                           .input = TP_IN_POINT, .extent = n->point, .naxis = 2};
    a[P_A] = (TpArray){.name = "a", .stage = TP_STAGE_SAMPLE, .class = TP_INPUT,
                       .input = TP_IN_DATA, .in = {1, 1}, .extent = t, .naxis = 1};
    a[P_CLASS] = (TpArray){.name = "class", .stage = TP_STAGE_SAMPLE, .class = TP_INPUT,
                           .input = TP_IN_CLASS};
    a[P_SUM] = (TpArray){.name = "sum", .stage = TP_STAGE_SAMPLE, .extent = t, .naxis = 1,
                         .finite = "sum at net.tp:3:7"};
    a[P_SELF] = (TpArray){.name = "self", .stage = TP_STAGE_SAMPLE, .extent = n->self, .naxis = 2};
    if (diagonal) a[P_SELF].class = TP_OUTPUT;
    a[P_G] = (TpArray){.name = "g", .stage = TP_STAGE_PAIR, .extent = n->pair, .naxis = 2};
    for (int o = 0; o < 2; o++)
        a[P_NNGP + o] = (TpArray){.name = "out", .stage = TP_STAGE_PAIR, .class = TP_OUTPUT,
                                  .output = o, .extent = n->pair, .naxis = wide ? 2 : 0};
}

static inline void positions_make(Positions *n, bool varies, bool wide, bool diagonal, int lanes) {
    *n = (Positions){.k = {.abi = TP_ABI_VERSION, .dtype = TP_F64, .kernels = 3, .name = "net"}};
    n->size[P_T] = (TpSize){.name = "T", .kind = TP_SIZE_POSITION, .varies = varies};
    n->size[P_H] = (TpSize){.name = "H", .kind = TP_SIZE_FLOOR, .k = 2, .varies = varies,
                            .value = {positions_code, 1}};
    n->size[P_D] = (TpSize){.name = "d", .kind = TP_SIZE_DIM};
    n->size[P_TR] = (TpSize){.name = "T'", .kind = TP_SIZE_RIGHT, .of = P_T};
    n->size[P_HR] = (TpSize){.name = "H'", .kind = TP_SIZE_RIGHT, .of = P_H};
    for (int z = 0; z < P_SIZES; z++) {
        n->term[z] = (TpAffTerm){z, 1};
        n->aff[z] = (TpAff){0, &n->term[z], 1};
    }
    n->point[0] = n->pair[0] = n->self[0] = n->self[1] = n->aff[P_T];
    n->point[1] = n->aff[P_D];
    n->pair[1] = n->aff[varies ? P_TR : P_T];
    n->real[P_INV_T] = (TpReal){"1 / T", 0, {positions_code + 1, 3}, 0};
    n->input[0] = (TpInputDecl){"x", 1, 0, &n->aff[P_T]};
    n->input[1] = (TpInputDecl){"A", 1, 1, &n->aff[P_T]};
    positions_arrays(n, wide, diagonal);
    n->k.ninput = 2;
    n->k.nreal = P_REALS;
    n->k.nsize = varies ? P_SIZES : P_TR;
    n->k.narray = P_COUNT;
    n->k.input = n->input;
    n->k.real = n->real;
    n->k.size = n->size;
    n->k.array = n->array;
    n->k.sample_fn = positions_sample;
    n->k.pair_fn = positions_pair;
    n->k.lanes = lanes;
    n->k.self = &n->k;
}
#endif

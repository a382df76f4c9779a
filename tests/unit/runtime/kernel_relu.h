/* A kernel written by hand against the ABI: a ReLU network of `depth` layers with bias,
 *     q' = b + w q / 2,   K' = b + w sqrt(q q') (sqrt(1 - c^2) + c (pi - acos c)) / (2 pi),
 * and its NTK, in float64.  Input c comes as 1 - e, so that unit and defect must agree. */
#ifndef KERNEL_RELU_H
#define KERNEL_RELU_H
#include "abi.h"
#include <math.h>

enum { R_W, R_B, R_HALF, S_DEPTH = 0, S_DIM };
enum { A_SELF = 1, A_Q, A_FACTOR, A_UNIT, A_DEFECT, A_GRAM, A_K, A_NNGP, A_NTK, A_COUNT };

static inline void relu_const(const TpFrame *f) {
    double *factor = f->carray[A_FACTOR];
    for (int64_t l = 0; l < f->size[S_DEPTH]; l++) factor[l] = f->real[R_W];
}

static inline void relu_sample(const TpFrame *f, int64_t s0, int64_t s1) {
    const double *self = f->xarray[A_SELF];
    double *q = f->xarray[A_Q];
    int64_t n = f->size[S_DEPTH] + 1; /* elements of q */
    for (int64_t s = s0; s < s1; s++) {
        q[tp_place(0, n, s)] = f->real[R_B] + f->real[R_W] * self[s];
        for (int64_t l = 0; l < f->size[S_DEPTH]; l++)
            q[tp_place(l + 1, n, s)] = f->real[R_B] + f->real[R_HALF] * q[tp_place(l, n, s)];
    }
}

static inline void relu_layer(double w, double b, double qx, double qy, double *k, double *theta) {
    const double pi = 3.14159265358979323846;
    double s = sqrt(qx * qy), c = s > 0 ? fmax(fmin(*k / s, 1), -1) : 1, angle = acos(c);
    *k = b + w * s * (sqrt(1 - c * c) + c * (pi - angle)) / (2 * pi);
    *theta = *k + w * *theta * (pi - angle) / (2 * pi);
}

static inline void relu_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    const double *qx = f->xarray[A_Q], *qy = f->yarray[A_Q], *factor = f->carray[A_FACTOR];
    const double *xs = f->xarray[A_SELF], *ys = f->yarray[A_SELF];
    const double *e = f->row[A_DEFECT];
    double *k = f->parray[A_K], *nngp = f->row[A_NNGP], *ntk = f->row[A_NTK];
    for (int64_t at = 0; at < n; at += TP_BLOCK)
        for (int64_t l = 0; l < TP_BLOCK; l++) {
            int64_t j = j0 + at + l, depth = f->size[S_DEPTH];
            k[l] = f->real[R_B] + f->real[R_W] * (1 - e[at + l]) * sqrt(xs[i] * ys[j]);
            double theta = k[l];
            for (int64_t t = 0; t < depth; t++) {
                k[(t + 1) * TP_BLOCK + l] = k[t * TP_BLOCK + l];
                relu_layer(factor[t], f->real[R_B], qx[tp_place(t, depth + 1, i)],
                           qy[tp_place(t, depth + 1, j)],
                           &k[(t + 1) * TP_BLOCK + l], &theta);
            }
            if (nngp) nngp[at + l] = k[depth * TP_BLOCK + l];
            if (ntk) ntk[at + l] = theta;
        }
}

static const TpCodeIns relu_code[] = {
    {TPC_NUM, 0, 2.0},  {TPC_NUM, 0, 0.25}, {TPC_REAL, R_W, 0}, {TPC_NUM, 0, 2}, {TPC_DIV, 0, 0},
    {TPC_NUM, 0, 3.0},  {TPC_REAL, R_W, 0}, {TPC_REAL, R_B, 0},
};
static const TpReal relu_real[] = {
    [R_W] = {"w", 1, {&relu_code[0], 1}, 0},
    [R_B] = {"bias", 1, {&relu_code[1], 1}, 1},
    [R_HALF] = {"half", 0, {&relu_code[2], 3}, 3},
};
static const TpSize relu_size[] = {
    [S_DEPTH] = {.name = "depth", .kind = TP_SIZE_HYPER, .value = {&relu_code[5], 1}, .order = 2},
    [S_DIM] = {.name = "d", .kind = TP_SIZE_DIM},
};
static const TpCheck relu_check[] = {
    {TP_CHECK_NONNEG, {&relu_code[6], 1}, "variance of W at mlp.tp:7:5"},
    {TP_CHECK_NONNEG, {&relu_code[7], 1}, "variance of b at mlp.tp:8:5"},
};
static const TpAffTerm relu_depth = {S_DEPTH, 1};
static const TpAff relu_axis[] = {{1, &relu_depth, 1}, {0, &relu_depth, 1}};
static const TpFixed relu_fixed[] = {{"readout", "1.0"}};
static const TpInputDecl relu_input[] = {{.name = "x"}};
static const TpArray relu_array[A_COUNT] = {
    [A_SELF] = {.name = "self", .stage = TP_STAGE_SAMPLE, .class = TP_INPUT, .input = TP_IN_GRAM},
    [A_Q] = {.name = "q", .stage = TP_STAGE_SAMPLE, .class = TP_STORED,
             .extent = &relu_axis[0], .naxis = 1},
    [A_FACTOR] = {.name = "factor", .stage = TP_STAGE_CONST, .class = TP_STORED,
                  .extent = &relu_axis[1], .naxis = 1},
    [A_UNIT] = {.name = "unit", .stage = TP_STAGE_PAIR, .class = TP_INPUT, .input = TP_IN_UNIT},
    [A_DEFECT] = {.name = "defect", .stage = TP_STAGE_PAIR, .class = TP_INPUT,
                  .input = TP_IN_DEFECT},
    [A_GRAM] = {.name = "gram", .stage = TP_STAGE_PAIR, .class = TP_INPUT, .input = TP_IN_GRAM},
    [A_K] = {.name = "k", .stage = TP_STAGE_PAIR, .class = TP_STORED,
             .extent = &relu_axis[0], .naxis = 1},
    [A_NNGP] = {.name = "nngp", .stage = TP_STAGE_PAIR, .class = TP_OUTPUT},
    [A_NTK] = {.name = "ntk", .stage = TP_STAGE_PAIR, .class = TP_OUTPUT, .output = 1},
};
static const TpKernel relu_kernel = {
    .abi = TP_ABI_VERSION, .dtype = TP_F64, .kernels = 3, .name = "mlp",
    .ninput = 1, .nreal = 3, .nsize = 2, .nfixed = 1, .ncheck = 2, .narray = A_COUNT,
    .input = relu_input, .real = relu_real, .size = relu_size, .fixed = relu_fixed,
    .check = relu_check, .array = relu_array, .const_fn = relu_const, .sample_fn = relu_sample,
    .pair_fn = relu_pair};

/* The same with one of the two results. */
static inline void relu_only(TpKernel *k, TpArray array[A_COUNT], int output) {
    *k = relu_kernel;
    k->kernels = 1u << output;
    for (int a = 0; a < A_COUNT; a++) array[a] = relu_array[a];
    array[output ? A_NNGP : A_NTK].class = TP_STORED;
    array[output ? A_NNGP : A_NTK].stage = TP_STAGE_CONST;
    k->array = array;
}
#endif

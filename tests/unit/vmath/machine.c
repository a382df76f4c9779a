#include "machine.h"
#include "diag/diag.h"
#include "kernel/op.h"
#include "kernel/vmath/vmath.h"
#include <math.h>
#include <stdlib.h>

typedef struct Machine {
    Ctx c;
    Kernel *k;
    uint32_t nargs;
} Machine;

static uint32_t sample_array(Machine *m, const char *name) {
    return kernel_array(m->k, &m->c, (KArray){.name = intern(m->c.syms, name), .stage = KS_sample});
}

/* Sample arrays 1 .. nargs hold the arguments, the following ones the results of ops. */
static Machine machine_new(const KOp *ops, TpDtype dtype) {
    Machine m = {0};
    m.c.a = arena_new(0, NULL, NULL);
    m.c.syms = intern_new(m.c.a);
    m.k = kernel_new(&m.c, NULL, NULL);
    m.k->name = intern(m.c.syms, "vmath");
    m.k->dtype = dtype;
    m.nargs = kop_info(ops[0])->nargs;
    KBuild b = kb_begin(&m.c, m.k, KS_sample);
    KVal arg[4];
    for (uint32_t i = 0; i < m.nargs; i++)
        arg[i] = kb_load(&b, sample_array(&m, "x"), SIDE_x, NULL, 0);
    for (; *ops != (KOp)KO_COUNT; ops++) {
        KVal v = vmath_expand(&b, *ops, arg);
        kb_store(&b, sample_array(&m, "out"), NULL, 0, v);
    }
    return m;
}

static void machine_free(Machine *m) { arena_free(m->c.a); }

static void put_real(void *p, TpDtype dtype, size_t i, double v) {
    if (dtype == TP_F64) ((double *)p)[i] = v;
    else ((float *)p)[i] = (float)v;
}

static double get_real(const void *p, TpDtype dtype, size_t i) {
    return dtype == TP_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

void machine_run(KOp op, TpDtype dtype, const double *const *arg, double *out, size_t n) {
    Machine m = machine_new((KOp[]){op, (KOp)KO_COUNT}, dtype);
    size_t padded = (n + TP_BLOCK - 1) / TP_BLOCK * TP_BLOCK;
    void *array[6] = {0};
    for (uint32_t x = 1; x <= m.nargs + 1; x++) {
        array[x] = aligned_alloc(64, padded * sizeof(double));
        memset(array[x], 0, padded * sizeof(double));
        for (size_t i = 0; x <= m.nargs && i < n; i++) put_real(array[x], dtype, i, arg[x - 1][i]);
    }
    TpKernel desc = {0};
    kernel_interpret(&m.c, m.k, &desc, m.c.a);
    TpFrame f = {.xarray = array, .self = desc.self};
    desc.sample_fn(&f, 0, (int64_t)padded);
    for (size_t i = 0; i < n; i++) out[i] = get_real(array[m.nargs + 1], dtype, i);
    for (uint32_t x = 1; x <= m.nargs + 1; x++) free(array[x]);
    machine_free(&m);
}

double machine_call(KOp op, TpDtype dtype, double x, double y, double z, double w) {
    const double *arg[] = {&x, &y, &z, &w};
    double out;
    machine_run(op, dtype, arg, &out, 1);
    return out;
}

uint32_t machine_count(const KOp *ops, TpDtype dtype, KOp counted) {
    Machine m = machine_new(ops, dtype);
    kernel_cse(&m.c, m.k);
    uint32_t n = 0;
    const KFn *f = &m.k->fn[KS_sample];
    const KBlock *body = &f->block.data[1];
    for (uint32_t i = 0; i < body->ins.len; i++) n += f->ins.data[body->ins.data[i]].op == counted;
    machine_free(&m);
    return n;
}

double ulp_error(TpDtype dtype, double got, long double exact) {
    int bits = dtype == TP_F64 ? 53 : 24, least = dtype == TP_F64 ? -1021 : -125, e;
    int most = dtype == TP_F64 ? 1024 : 128;
    if (isnan(exact)) return isnan(got) ? 0 : INFINITY;
    if (exact == 0) return got == 0 ? 0 : fabs(got) / ldexp(1, least - bits);
    frexpl(exact, &e);
    if (isinf(exact) || e > most) return isinf(got) && (got > 0) == (exact > 0) ? 0 : INFINITY;
    if (e < least) e = least;
    if (isinf(got)) got = copysign(ldexp(1, most), got);
    return (double)(fabsl((long double)got - exact) / ldexpl(1, e - bits));
}

double random_unit(Random *r) {
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return (double)(r->s * 0x2545f4914f6cdd1d >> 11) * 0x1p-53;
}

double random_between(Random *r, double lo, double hi) { return lo + (hi - lo) * random_unit(r); }

double random_scaled(Random *r, double lo, double hi) {
    return exp(random_between(r, log(lo), log(hi)));
}

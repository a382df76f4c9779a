/* Kernels executed by the ABI of runtime/abi.h, block by block of lanes: the oracle of compiled
 * code, and of every pass.  Not fast: about 20 ns per instruction and block. */
#include "kernel/interp.h"
#include "kernel/prim.h"

int64_t iaff_at(const Run *r, const IAff *a) {
    int64_t v = a->c;
    for (uint32_t i = 0; i < a->nterm; i++) v += a->term[i].k * r->env[a->term[i].slot];
    return v;
}

bool icons_at(const Run *r, const ICons *c) {
    if (c->kind == CONS_not) {
        for (uint32_t i = 0; i < c->nof; i++)
            if (!icons_at(r, &c->of[i])) return true;
        return false;
    }
    int64_t v = iaff_at(r, &c->e);
    return c->kind == CONS_ge ? v >= 0 : v == 0;
}

static void fault(const Run *r) { ++*r->in->faults; }

/* A read must find what the last store to this logical element left there. */
static void check_tag(Run *r, const IIns *i, int64_t e, uint64_t tag) {
    ITags *t = &r->in->tags[i->x];
    if (e < 0 || e >= t->n) return fault(r);
    if (i->op == KO_store) t->tag[e] = tag;
    else if (t->tag[e] != tag) fault(r);
}

int64_t run_element(Run *r, const IIns *i) {
    const IArray *a = &r->in->array[i->x];
    int64_t e = 0;
    uint64_t tag = 1;
    bool outside = false;
    for (uint32_t j = 0; j < a->naxis; j++) {
        int64_t k = iaff_at(r, &i->idx[j]) - r->lo[a->axis0 + j];
        int64_t d = a->axis[j].slices;
        outside |= k < 0 || (!d && k >= r->ext[a->axis0 + j]);
        if (d) tag = tag * 0x9e3779b97f4a7c15 + (uint64_t)k;
        if (d) k %= d;
        e = e * r->ext[a->axis0 + j] + k;
    }
    if (!r->tagged || a->input || a->place == PLACE_row) return e;
    if (!outside) check_tag(r, i, e, tag);
    else fault(r);
    return outside ? 0 : e;
}

/* Number of elements of the array. */
static int64_t run_elements(const Run *r, const IIns *i) {
    const IArray *a = &r->in->array[i->x];
    int64_t n = 1;
    for (uint32_t j = 0; j < a->naxis; j++) n *= r->ext[a->axis0 + j];
    return n;
}

#define T double
#define F(name) name
#define B(name) bits_##name##_f64
#define N(name) name##_f64
#include "kernel/interp_lanes.h"

#define T float
#define F(name) name##f
#define B(name) bits_##name##_f32
#define N(name) name##_f32
#include "kernel/interp_lanes.h"

static void run(Run *r) {
    if (r->in->dtype == TP_F64) run_f64(r);
    else run_f32(r);
    r->tagged = false;
}

/* Elements of an array, and its axes at the sizes in force. */
static int64_t array_extents(Run *r, const IArray *a) {
    int64_t n = 1;
    for (uint32_t j = 0; j < a->naxis; j++) {
        int64_t lo = iaff_at(r, &a->axis[j].lo), len = iaff_at(r, &a->axis[j].hi) - lo;
        r->lo[a->axis0 + j] = lo;
        r->ext[a->axis0 + j] = a->axis[j].slices ? a->axis[j].slices : len > 0 ? len : 0;
        n *= r->ext[a->axis0 + j];
    }
    return n;
}

/* Forget what this stage's arrays held.  Series arrays go with the sample stage. */
static bool starts_anew(KStage stage, IPlace place) {
    switch (stage) {
    case KS_const: return place == PLACE_const;
    case KS_sample: return place == PLACE_sample;
    case KS_pair: return place == PLACE_pair || place == PLACE_cell;
    case KS_series:
    case KS_COUNT: return false;
    }
    return false;
}

static void clear_tags(Run *r, const IArray *a, ITags *t, int64_t n) {
    if (t->n != n) {
        t->tag = ARENA_ARRAY(r->in->a, uint64_t, n);
        t->n = n;
    } else if (n && starts_anew(r->stage, a->place)) {
        memset(t->tag, 0, (size_t)n * sizeof *t->tag);
    }
}

static Run run_begin(const TpFrame *f, KStage stage) {
    const Interp *in = f->self;
    Arena *a = arena_new(0, NULL, NULL);
    size_t block = TP_BLOCK * (in->dtype == TP_F64 ? sizeof(double) : sizeof(float));
    Run r = {.in = in, .f = f, .a = a, .stage = stage, .tagged = in->faults};
    r.env = ARENA_ARRAY(a, int64_t, in->nslot + 1);
    r.lo = ARENA_ARRAY(a, int64_t, in->naxes);
    r.ext = ARENA_ARRAY(a, int64_t, in->naxes);
    r.reg = arena_alloc(a, (in->code[stage].nreg + 1) * block);
    r.cell = arena_alloc(a, (in->ncell + 1) * block);
    if (in->nsize) memcpy(r.env, f->size, in->nsize * sizeof *r.env);
    for (uint32_t x = 1; x < in->narray; x++) {
        int64_t n = array_extents(&r, &in->array[x]);
        if (in->faults) clear_tags(&r, &in->array[x], &in->tags[x], n);
    }
    return r;
}

static void interp_const(const TpFrame *f) {
    Run r = run_begin(f, KS_const);
    run(&r);
    arena_free(r.a);
}

static void run_samples(const TpFrame *f, KStage stage, int64_t s0, int64_t s1) {
    Run r = run_begin(f, stage);
    for (r.s = s0; r.s < s1; r.s += TP_BLOCK) run(&r);
    arena_free(r.a);
}

static void interp_sample(const TpFrame *f, int64_t s0, int64_t s1) {
    run_samples(f, KS_sample, s0, s1);
}

static void interp_series(const TpFrame *f, int64_t s0, int64_t s1) {
    run_samples(f, KS_series, s0, s1);
}

static void interp_pair(const TpFrame *f, int64_t i, int64_t j0, int64_t n) {
    Run r = run_begin(f, KS_pair);
    r.i = i;
    for (; r.row < n; r.row += TP_BLOCK) {
        r.s = j0 + r.row;
        run(&r);
    }
    arena_free(r.a);
}

void kernel_interpret_checked(const Ctx *c, const Kernel *k, TpKernel *desc, Arena *a,
                              uint64_t *faults) {
    Interp *in = ARENA_NEW(a, Interp);
    in->a = a;
    in->faults = faults;
    interp_decode(c, k, in);
    if (faults) in->tags = ARENA_ARRAY(a, ITags, in->narray);
    desc->self = in;
    desc->const_fn = in->code[KS_const].n ? interp_const : NULL;
    desc->sample_fn = in->code[KS_sample].n ? interp_sample : NULL;
    desc->series_fn = in->code[KS_series].n ? interp_series : NULL;
    desc->pair_fn = in->code[KS_pair].n ? interp_pair : NULL;
}

void kernel_interpret(const Ctx *c, const Kernel *k, TpKernel *desc, Arena *a) {
    kernel_interpret_checked(c, k, desc, a, NULL);
}

/* Kernels executed by the ABI of runtime/abi.h, block by block of lanes: the oracle of compiled
 * code, and of every pass.  Not fast: about 20 ns per instruction and block. */
#include "kernel/interp.h"
#include "kernel/prim.h"

int64_t iaff_at(const Run *r, const IAff *a) {
    int64_t v = a->c;
    for (uint32_t i = 0; i < a->nterm; i++) v += a->term[i].k * r->env[a->term[i].slot];
    return v;
}

int64_t iaff_largest(const Run *r, const IAff *a, uint32_t n) {
    int64_t v = iaff_at(r, &a[0]);
    for (uint32_t i = 1; i < n; i++) {
        int64_t w = iaff_at(r, &a[i]);
        v = w > v ? w : v;
    }
    return v;
}

int64_t iaff_smallest(const Run *r, const IAff *a, uint32_t n) {
    int64_t v = iaff_at(r, &a[0]);
    for (uint32_t i = 1; i < n; i++) {
        int64_t w = iaff_at(r, &a[i]);
        v = w < v ? w : v;
    }
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
    if (i->op == KO_store) t->tag[e] = i->fill ? ITAG_FILL : tag;
    else if (t->tag[e] != tag && t->tag[e] != ITAG_FILL) fault(r);
}

/* The first of the axes as the access sees them. */
static uint32_t first_axis(const IArray *a, const IIns *i) {
    return a->axis0 + (i->side == SIDE_y ? a->naxis : 0);
}

/* k modulo n, also below 0; 0 where there are no elements. */
static int64_t wrapped(int64_t k, int64_t n) { return n ? (k % n + n) % n : 0; }

int64_t run_element(Run *r, const IIns *i) {
    const IArray *a = &r->in->array[i->x];
    uint32_t axis0 = first_axis(a, i);
    int64_t e = 0;
    uint64_t tag = 1;
    bool outside = false;
    for (uint32_t j = 0; j < a->naxis; j++) {
        int64_t k = iaff_at(r, &i->idx[j]) - r->lo[axis0 + j];
        int64_t d = a->axis[j].slices;
        if (a->axis[j].wrap) k = wrapped(k, r->ext[axis0 + j]);
        outside |= k < 0 || (!d && k >= r->ext[axis0 + j]);
        if (d) tag = tag * 0x9e3779b97f4a7c15 + (uint64_t)k;
        if (d) k %= d;
        e = e * r->ext[axis0 + j] + k;
    }
    if (!r->tagged || a->input || a->place == PLACE_row) return e;
    if (!outside) check_tag(r, i, e, tag);
    else fault(r);
    return outside ? 0 : e;
}

int64_t run_elements(const Run *r, const IIns *i) {
    const IArray *a = &r->in->array[i->x];
    int64_t n = 1;
    for (uint32_t j = 0; j < a->naxis; j++) n *= r->ext[first_axis(a, i) + j];
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

static int64_t axis_extent(Run *r, const IAxis *x, uint32_t k, const IAff *lo, const IAff *hi) {
    int64_t len = iaff_at(r, hi) - iaff_at(r, lo);
    r->lo[k] = iaff_at(r, lo);
    return r->ext[k] = x->slices ? x->slices : len > 0 ? len : 0;
}

/* Elements of an array, of the right samples too, and its axes at the sizes in force. */
static int64_t array_extents(Run *r, const IArray *a) {
    int64_t n = 1;
    for (uint32_t j = 0; j < a->naxis; j++) {
        const IAxis *x = &a->axis[j];
        n *= axis_extent(r, x, a->axis0 + j, &x->lo, &x->hi);
        axis_extent(r, x, a->axis0 + a->naxis + j, &x->right_lo, &x->right_hi);
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
    desc->lanes = TP_BLOCK;
    desc->const_fn = in->code[KS_const].n ? interp_const : NULL;
    desc->sample_fn = in->code[KS_sample].n ? interp_sample : NULL;
    desc->series_fn = in->code[KS_series].n ? interp_series : NULL;
    desc->pair_fn = in->code[KS_pair].n ? interp_pair : NULL;
}

void kernel_interpret(const Ctx *c, const Kernel *k, TpKernel *desc, Arena *a) {
    kernel_interpret_checked(c, k, desc, a, NULL);
}

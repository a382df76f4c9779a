/* Kernel -> the interpreter's code. */
#include "diag/diag.h"
#include "kernel/interp.h"

typedef struct Decoder {
    const Ctx *c;
    const Kernel *k;
    Interp *in;
    const KFn *f;
    VEC(IIns) out;
    VEC(Sym) loop;  /* open loops: their slots follow the sizes */
    uint32_t *reg;  /* of a value */
    uint32_t nreg;
} Decoder;

static uint32_t slot_of(const Decoder *d, Sym name) {
    for (uint32_t i = d->loop.len; i-- > 0;)
        if (d->loop.data[i] == name) return d->k->size.len + i;
    for (uint32_t i = 0; i < d->k->size.len; i++)
        if (d->k->size.data[i].name == name) return i;
    bug("kernel_interpret: no size or loop variable `%s`", sym_text(d->c->syms, name));
}

static IAff decode_aff(const Decoder *d, Aff a) {
    ITerm *t = ARENA_ARRAY(d->in->a, ITerm, a.nterm);
    for (uint32_t i = 0; i < a.nterm; i++)
        t[i] = (ITerm){slot_of(d, a.term[i].name), a.term[i].k};
    return (IAff){a.c, t, a.nterm};
}

static const ICons *decode_cons(const Decoder *d, const Cons *c, uint32_t n) {
    ICons *out = ARENA_ARRAY(d->in->a, ICons, n);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (ICons){.kind = c[i].kind, .nof = c[i].nof};
        if (c[i].kind == CONS_not) out[i].of = decode_cons(d, c[i].of, c[i].nof);
        else out[i].e = decode_aff(d, c[i].e);
    }
    return out;
}

static void decode_block(Decoder *d, uint32_t block);

static uint32_t put(Decoder *d, IIns i) {
    vec_push(d->in->a, &d->out, i);
    return d->out.len - 1;
}

static const IAff *decode_bounds(const Decoder *d, Aff first, const Aff *more, uint32_t nmore) {
    IAff *out = ARENA_ARRAY(d->in->a, IAff, nmore + 1);
    out[0] = decode_aff(d, first);
    for (uint32_t i = 0; i < nmore; i++) out[i + 1] = decode_aff(d, more[i]);
    return out;
}

static void decode_loop(Decoder *d, const KIns *k) {
    IIns i = {.op = KO_loop, .down = k->down, .slot = d->k->size.len + d->loop.len};
    i.lo = decode_bounds(d, k->lo, k->more_lo, k->nmore_lo);
    i.hi = decode_bounds(d, k->hi, k->more_hi, k->nmore_hi);
    i.nlo = k->nmore_lo + 1;
    i.nhi = k->nmore_hi + 1;
    uint32_t at = put(d, i);
    vec_push(d->in->a, &d->loop, k->var);
    if (d->in->nslot < d->k->size.len + d->loop.len) d->in->nslot = d->k->size.len + d->loop.len;
    decode_block(d, k->block);
    d->loop.len--;
    i.op = IO_next;
    i.to = at;
    d->out.data[at].to = put(d, i) + 1;
}

static void decode_if(Decoder *d, const KIns *k) {
    uint32_t at = put(d, (IIns){.op = KO_if, .ncons = k->ncons,
                                .cons = decode_cons(d, k->cons, k->ncons)});
    decode_block(d, k->block);
    uint32_t skip = k->block2 ? put(d, (IIns){.op = IO_jump}) : 0;
    d->out.data[at].to = d->out.len;
    if (!k->block2) return;
    decode_block(d, k->block2);
    d->out.data[skip].to = d->out.len;
}

static void decode_ins(Decoder *d, KVal v) {
    const KIns *k = &d->f->ins.data[v];
    const KOpInfo *info = kop_info(k->op);
    if (k->op == KO_loop) return decode_loop(d, k);
    if (k->op == KO_if) return decode_if(d, k);
    if (info->flag != KF_PRIM) bug("kernel_interpret: %s is not expanded", info->name);
    IIns i = {.op = k->op, .num = k->num, .x = k->x, .side = k->side, .nidx = k->nidx};
    double number;
    i.fill = k->op == KO_store && kval_num(d->f, k->arg[0], &number) && number == 0;
    IAff *idx = ARENA_ARRAY(d->in->a, IAff, k->nidx);
    for (uint32_t j = 0; j < k->nidx; j++) idx[j] = decode_aff(d, k->idx[j]);
    i.idx = idx;
    for (uint32_t j = 0; j < info->nargs; j++) i.arg[j] = d->reg[k->arg[j]];
    if (info->result != KT_NONE) i.dst = d->reg[v] = d->nreg++;
    put(d, i);
}

static void decode_block(Decoder *d, uint32_t block) {
    const KBlock *b = &d->f->block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) decode_ins(d, b->ins.data[i]);
}

static IPlace array_place(const KArray *a, bool stored_axis) {
    switch (a->stage) {
    case KS_const: return PLACE_const;
    case KS_sample:
    case KS_series: return PLACE_sample;
    case KS_pair: break;
    case KS_COUNT: bug("array_place");
    }
    if (a->class != KA_stored) return PLACE_row;
    return stored_axis ? PLACE_pair : PLACE_cell;
}

static void decode_arrays(Decoder *d) {
    Interp *in = d->in;
    in->narray = d->k->array.len;
    IArray *out = ARENA_ARRAY(in->a, IArray, in->narray);
    for (uint32_t x = 1; x < in->narray; x++) {
        const KArray *a = &d->k->array.data[x];
        IAxis *axis = ARENA_ARRAY(in->a, IAxis, a->naxis);
        bool stored = false;
        for (uint32_t j = 0; j < a->naxis; j++) {
            const KAxis *s = &a->axis[j];
            axis[j] = (IAxis){decode_aff(d, s->lo), decode_aff(d, s->hi),
                              decode_aff(d, kernel_axis_lo(d->k, s, SIDE_y)),
                              decode_aff(d, kernel_axis_hi(d->k, s, SIDE_y)), s->slices, s->wrap};
            stored |= axis[j].slices != 1;
        }
        out[x] = (IArray){.place = array_place(a, stored), .axis = axis, .naxis = a->naxis,
                          .axis0 = in->naxes, .input = a->class == KA_input};
        in->naxes += 2 * a->naxis;
        if (out[x].place == PLACE_cell) out[x].cell = in->ncell++;
    }
    in->array = out;
}

void interp_decode(const Ctx *c, const Kernel *k, Interp *in) {
    Decoder d = {.c = c, .k = k, .in = in};
    in->dtype = k->dtype;
    in->nsize = in->nslot = k->size.len;
    in->table = k->table.data;
    decode_arrays(&d);
    for (int s = 0; s < KS_COUNT; s++) {
        d.f = &k->fn[s];
        d.reg = ARENA_ARRAY(in->a, uint32_t, d.f->ins.len);
        d.nreg = 0;
        d.out.len = d.out.cap = 0;
        decode_block(&d, 1);
        in->code[s] = (ICode){d.out.data, d.out.len, d.nreg};
    }
}

#include "diag/diag.h"
#include "kernel/op.h"

static const KOpInfo infos[KO_COUNT] = {
#define R KT_R
#define M KT_M
#define NONE KT_NONE
#define KOP(name, result, operands, flags) \
    [KO_##name] = {#name, result, operands, sizeof operands - 1, KF_##flags},
#include "kernel/kernel.def"
#undef R
#undef M
#undef NONE
};

const KOpInfo *kop_info(KOp op) { return &infos[op]; }

bool kop_pure(KOp op) {
    return infos[op].flag != KF_STRUCT && op != KO_load && op != KO_store;
}

bool kop_commutes(KOp op) {
    return op == KO_add || op == KO_mul || op == KO_fma || op == KO_eq || op == KO_and ||
           op == KO_or;
}

void kfn_init(KFn *f, Arena *a) {
    *f = (KFn){0};
    vec_push(a, &f->ins, (KIns){0});
    vec_push(a, &f->block, (KBlock){0});
    vec_push(a, &f->block, (KBlock){0});
}

Kernel *kernel_new(Ctx *c, AffCtx *aff, FxPool *fx) {
    Kernel *k = ARENA_NEW(c->a, Kernel);
    k->aff = aff;
    k->fx = fx;
    vec_push(c->a, &k->array, (KArray){0});
    for (int s = 0; s < KS_COUNT; s++) kfn_init(&k->fn[s], c->a);
    return k;
}

static bool name_taken(const Kernel *k, Sym name) {
    for (uint32_t i = 1; i < k->array.len; i++)
        if (k->array.data[i].name == name) return true;
    for (uint32_t i = 0; i < k->table.len; i++)
        if (k->table.data[i].name == name) return true;
    return false;
}

/* Texts refer to arrays and tables by name, so names are made unique. */
static Sym name_unique(const Kernel *k, Ctx *c, Sym name) {
    if (!name_taken(k, name)) return name;
    return intern_fresh(c->syms, sym_text(c->syms, name));
}

uint32_t kernel_array(Kernel *k, Ctx *c, KArray a) {
    a.name = name_unique(k, c, a.name);
    vec_push(c->a, &k->array, a);
    return k->array.len - 1;
}

uint32_t kernel_table(Kernel *k, Ctx *c, const char *name, const double *v, uint32_t n) {
    KTable t = {name_unique(k, c, intern(c->syms, name)), arena_copy(c->a, v, n * sizeof *v), n};
    vec_push(c->a, &k->table, t);
    return k->table.len - 1;
}

uint32_t kernel_cell(Kernel *k, Ctx *c, KStage stage, const char *name) {
    return kernel_array(k, c, (KArray){.name = intern(c->syms, name), .stage = stage});
}

const KSize *kernel_size(const Kernel *k, Sym name) {
    for (uint32_t i = 0; i < k->size.len; i++)
        if (k->size.data[i].name == name) return &k->size.data[i];
    return NULL;
}

/* The right twin of a size; 0: it has none. */
static Sym right_twin(const Kernel *k, Sym name) {
    for (uint32_t i = 0; i < k->size.len; i++) {
        const KSize *z = &k->size.data[i];
        if (z->kind == KZ_right && k->size.data[z->of].name == name) return z->name;
    }
    return 0;
}

Aff kernel_right(const Kernel *k, Aff a) {
    AffSubst s[16];
    uint32_t n = 0;
    for (uint32_t i = 0; i < a.nterm; i++) {
        Sym twin = right_twin(k, a.term[i].name);
        if (!twin) continue;
        if (n == sizeof s / sizeof *s) bug("kernel_right: a form of too many sizes");
        s[n++] = (AffSubst){a.term[i].name, aff_name(k->aff, twin)};
    }
    return n ? aff_subst(k->aff, a, s, n) : a;
}

Aff kernel_axis_lo(const Kernel *k, const KAxis *x, Side side) {
    return side == SIDE_y ? kernel_right(k, x->lo) : x->lo;
}

Aff kernel_axis_hi(const Kernel *k, const KAxis *x, Side side) {
    return side == SIDE_y ? kernel_right(k, x->hi) : x->hi;
}

KBuild kb_begin(Ctx *c, Kernel *k, KStage stage) {
    KBuild b = {.c = c, .k = k, .stage = stage};
    vec_push(c->a, &b.open, 1);
    return b;
}

static KFn *fn(const KBuild *b) { return &b->k->fn[b->stage]; }

uint32_t kb_block(KBuild *b) {
    vec_push(b->c->a, &fn(b)->block, (KBlock){0});
    return fn(b)->block.len - 1;
}

KVal kb_emit(KBuild *b, KIns ins) {
    KFn *f = fn(b);
    if (!ins.span.file) ins.span = b->span;
    vec_push(b->c->a, &f->ins, ins);
    KVal v = f->ins.len - 1;
    vec_push(b->c->a, &f->block.data[vec_last(&b->open)].ins, v);
    return v;
}

bool kins_mentions(const KIns *k, Sym name) {
    bool found = false;
    for (uint32_t i = 0; i < k->nidx; i++) found |= aff_mentions(k->idx[i], name);
    for (uint32_t i = 0; i < k->ncons; i++) found |= cons_mentions(k->cons[i], name);
    if (k->op != KO_loop) return found;
    found |= aff_mentions(k->lo, name) || aff_mentions(k->hi, name);
    for (uint32_t i = 0; i < k->nmore_lo; i++) found |= aff_mentions(k->more_lo[i], name);
    for (uint32_t i = 0; i < k->nmore_hi; i++) found |= aff_mentions(k->more_hi[i], name);
    return found;
}

bool kfn_stores(const KFn *f, uint32_t block, uint32_t array) {
    const KBlock *b = &f->block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) {
        const KIns *k = &f->ins.data[b->ins.data[i]];
        if (k->op == KO_store && k->x == array) return true;
        if (k->block && kfn_stores(f, k->block, array)) return true;
        if (k->block2 && kfn_stores(f, k->block2, array)) return true;
    }
    return false;
}

bool kval_num(const KFn *f, KVal v, double *out) {
    const KIns *i = &f->ins.data[v];
    if (!v || i->op != KO_num) return false;
    *out = i->num;
    return true;
}

const Aff *aff_copy(Arena *a, const Aff *idx, uint32_t n) {
    return n ? arena_copy(a, idx, n * sizeof *idx) : NULL;
}

KVal kb_num(KBuild *b, double v) { return kb_emit(b, (KIns){.op = KO_num, .num = v}); }

/* The operand that op leaves as it is, or 0.  x + 0 is x but for the sign of a zero. */
static KVal neutral(const KFn *f, KOp op, KVal x, KVal y) {
    double u = 0, v = 0;
    bool cx = kval_num(f, x, &u), cy = kval_num(f, y, &v);
    if (op == KO_add && cx && u == 0) return y;
    if ((op == KO_add || op == KO_sub) && cy && v == 0) return x;
    if (op == KO_mul && cx && u == 1) return y;
    if ((op == KO_mul || op == KO_div) && cy && v == 1) return x;
    return 0;
}

KVal kb_op4(KBuild *b, KOp op, KVal x, KVal y, KVal z, KVal w) {
    const KFn *f = fn(b);
    bool plain = op == KO_add || op == KO_sub || op == KO_mul || op == KO_div || op == KO_neg;
    double a[3] = {0};
    if (plain && kval_num(f, x, &a[0]) && (op == KO_neg || kval_num(f, y, &a[1])))
        return kb_num(b, prim_real(b->k->dtype, op, a));
    KVal same = plain && op != KO_neg ? neutral(f, op, x, y) : 0;
    return same ? same : kb_emit(b, (KIns){.op = op, .arg = {x, y, z, w}});
}

KVal kb_op(KBuild *b, KOp op, KVal x, KVal y, KVal z) { return kb_op4(b, op, x, y, z, 0); }

KVal kb_real(KBuild *b, uint32_t real) { return kb_emit(b, (KIns){.op = KO_real, .x = real}); }

KVal kb_index(KBuild *b, Aff a) {
    if (aff_is_const(a)) return kb_num(b, (double)a.c);
    return kb_emit(b, (KIns){.op = KO_index, .idx = aff_copy(b->c->a, &a, 1), .nidx = 1});
}

KVal kb_table(KBuild *b, uint32_t table, Aff idx) {
    return kb_emit(b, (KIns){.op = KO_table, .x = table, .nidx = 1,
                             .idx = aff_copy(b->c->a, &idx, 1)});
}

KVal kb_load(KBuild *b, uint32_t array, Side side, const Aff *idx, uint32_t n) {
    return kb_emit(b, (KIns){.op = KO_load, .x = array, .side = side, .nidx = n,
                             .idx = aff_copy(b->c->a, idx, n)});
}

void kb_store(KBuild *b, uint32_t array, const Aff *idx, uint32_t n, KVal v) {
    kb_emit(b, (KIns){.op = KO_store, .x = array, .nidx = n, .idx = aff_copy(b->c->a, idx, n),
                      .arg = {v}});
}

void kb_loop_like(KBuild *b, const KIns *loop) {
    KIns i = {.op = KO_loop, .var = loop->var, .lo = loop->lo, .hi = loop->hi,
              .more_lo = loop->more_lo, .nmore_lo = loop->nmore_lo, .more_hi = loop->more_hi,
              .nmore_hi = loop->nmore_hi, .down = loop->down};
    i.block = kb_block(b);
    kb_emit(b, i);
    vec_push(b->c->a, &b->open, i.block);
}

void kb_loop_in(KBuild *b, Sym var, const Aff *lo, uint32_t nlo, const Aff *hi, uint32_t nhi,
                bool down) {
    if (!nlo || !nhi) bug("kb_loop_in: a loop without bounds");
    kb_loop_like(b, &(KIns){.var = var, .lo = lo[0], .hi = hi[0], .nmore_lo = nlo - 1,
                            .more_lo = aff_copy(b->c->a, lo + 1, nlo - 1), .nmore_hi = nhi - 1,
                            .more_hi = aff_copy(b->c->a, hi + 1, nhi - 1), .down = down});
}

void kb_loop(KBuild *b, Sym var, Aff lo, Aff hi, bool down) {
    kb_loop_in(b, var, &lo, 1, &hi, 1, down);
}

void kb_if(KBuild *b, const Cons *cons, uint32_t n) {
    uint32_t then = kb_block(b);
    const Cons *copy = n ? arena_copy(b->c->a, cons, n * sizeof *cons) : NULL;
    kb_emit(b, (KIns){.op = KO_if, .cons = copy, .ncons = n, .block = then});
    vec_push(b->c->a, &b->open, then);
}

void kb_else(KBuild *b) {
    if (b->open.len < 2) bug("kb_else outside an if");
    KFn *f = fn(b);
    KVal v = vec_last(&f->block.data[b->open.data[b->open.len - 2]].ins);
    if (f->ins.data[v].op != KO_if || f->ins.data[v].block2) bug("kb_else without its if");
    uint32_t other = kb_block(b);
    f->ins.data[v].block2 = other;
    vec_last(&b->open) = other;
}

void kb_end(KBuild *b) {
    if (b->open.len < 2) bug("kb_end: nothing is open");
    b->open.len--;
}

/* Constants, neutral elements, signs; then products that are used once, by a sum, become fma.
 * Every rewriting but the last is exact (up to the sign of a zero).  Runs before expansion: the
 * code of vector mathematics must not be contracted. */
#include "kernel/rewrite.h"
#include <math.h>
#include <stdlib.h>

/* ---- first sweep: values */
typedef enum Truth { UNKNOWN, NEVER, ALWAYS } Truth;
static Truth truth(bool b) { return b ? ALWAYS : NEVER; }

typedef struct Fold {
    Truth *mask; /* by old value */
} Fold;

static bool is_op(const Rewrite *r, KVal v, KOp op) { return rewrite_new(r, v)->op == op; }
static KVal arg_of(const Rewrite *r, KVal v, int j) { return rewrite_new(r, v)->arg[j]; }
static bool num_of(const Rewrite *r, KVal v, double *out) {
    return kval_num(rewrite_to(r), v, out);
}
static bool is_num(const Rewrite *r, KVal v, double x) {
    double y;
    return num_of(r, v, &y) && y == x;
}

/* All operands are numbers: the value is one. */
static KVal fold_constant(Rewrite *r, const KIns *ins) {
    const KOpInfo *info = kop_info(ins->op);
    double a[3] = {0};
    if (info->flag != KF_PRIM || info->result != KT_R || !info->nargs) return 0;
    if (ins->op == KO_select) return 0;
    for (uint32_t j = 0; j < info->nargs; j++)
        if (!num_of(r, ins->arg[j], &a[j])) return 0;
    return kb_num(&r->b, prim_real(r->k->dtype, ins->op, a));
}

/* x / 2^k as the product with 2^-k: the same real number, rounded once. */
static KVal fold_division(Rewrite *r, const KIns *ins) {
    double d;
    int e, most = r->k->dtype == TP_F64 ? 1000 : 120;
    if (!num_of(r, ins->arg[1], &d) || fabs(frexp(d, &e)) != 0.5 || abs(e) > most) return 0;
    return kb_op(&r->b, KO_mul, ins->arg[0], kb_num(&r->b, 1 / d), 0);
}

/* fma with a known product or a neutral operand. */
static KVal fold_fma(Rewrite *r, const KIns *ins) {
    KVal a = ins->arg[0], b = ins->arg[1], c = ins->arg[2];
    if (is_num(r, a, 1)) return kb_op(&r->b, KO_add, b, c, 0);
    if (is_num(r, b, 1)) return kb_op(&r->b, KO_add, a, c, 0);
    if (is_num(r, c, 0)) return kb_op(&r->b, KO_mul, a, b, 0);
    return 0;
}

/* A bound that holds already. */
static KVal fold_bound(const Rewrite *r, const KIns *ins) {
    KVal a = ins->arg[0], b = ins->arg[1];
    double u, v;
    if (!is_op(r, a, ins->op)) return 0;
    for (int i = 0; i < 2; i++) {
        KVal inner = arg_of(r, a, i);
        bool same = num_of(r, inner, &u) && num_of(r, b, &v) && u == v;
        if (inner == b || same) return a;
    }
    return 0;
}

/* Move signs outwards, where a sum or a difference takes them up. */
static KVal fold_sign(Rewrite *r, const KIns *ins) {
    KVal a = ins->arg[0], b = ins->arg[1];
    bool na = is_op(r, a, KO_neg), nb = b && is_op(r, b, KO_neg);
    switch ((int)ins->op) {
    case KO_add:
        if (nb) return kb_op(&r->b, KO_sub, a, arg_of(r, b, 0), 0);
        if (na) return kb_op(&r->b, KO_sub, b, arg_of(r, a, 0), 0);
        break;
    case KO_sub:
        if (nb) return kb_op(&r->b, KO_add, a, arg_of(r, b, 0), 0);
        if (is_num(r, a, 0)) return kb_op(&r->b, KO_neg, b, 0, 0);
        break;
    case KO_mul:
    case KO_div:
        if (na && nb) return kb_op(&r->b, ins->op, arg_of(r, a, 0), arg_of(r, b, 0), 0);
        if (is_num(r, b, -1)) return kb_op(&r->b, KO_neg, a, 0, 0);
        if (is_num(r, a, -1) && ins->op == KO_mul) return kb_op(&r->b, KO_neg, b, 0, 0);
        break;
    case KO_neg:
        if (na) return arg_of(r, a, 0);
        break;
    case KO_abs:
        if (na || is_op(r, a, KO_abs)) return kb_op(&r->b, KO_abs, arg_of(r, a, 0), 0, 0);
        break;
    case KO_min:
    case KO_max:
        if (a == b) return a;
        return fold_bound(r, ins);
    }
    return 0;
}

/* Two choices by one mask, added or subtracted, where one arm adds zero: one choice. */
static KVal fold_choices(Rewrite *r, const KIns *ins) {
    KVal a = ins->arg[0], b = ins->arg[1];
    if (ins->op != KO_add && ins->op != KO_sub) return 0;
    if (!is_op(r, a, KO_select) || !is_op(r, b, KO_select) || arg_of(r, a, 0) != arg_of(r, b, 0))
        return 0;
    KVal a1 = arg_of(r, a, 1), a2 = arg_of(r, a, 2), b1 = arg_of(r, b, 1), b2 = arg_of(r, b, 2);
    if (!is_num(r, a1, 0) && !is_num(r, a2, 0) && !is_num(r, b1, 0) && !is_num(r, b2, 0)) return 0;
    KIns first = {.op = ins->op, .arg = {a1, b1}}, second = {.op = ins->op, .arg = {a2, b2}};
    KVal x = fold_sign(r, &first), y = fold_sign(r, &second);
    if (!x) x = kb_op(&r->b, ins->op, a1, b1, 0);
    if (!y) y = kb_op(&r->b, ins->op, a2, b2, 0);
    return kb_op(&r->b, KO_select, arg_of(r, a, 0), x, y);
}

/* A comparison of one of two numbers, chosen by a mask, with a number: that mask, its negation, or
 * known; 0: none of this. */
static KVal fold_chosen(Rewrite *r, const KIns *ins) {
    KVal s = ins->arg[0];
    double a, b, c;
    if (!is_op(r, s, KO_select) || !num_of(r, ins->arg[1], &c)) return 0;
    if (!num_of(r, arg_of(r, s, 1), &a) || !num_of(r, arg_of(r, s, 2), &b)) return 0;
    bool then = prim_compare(r->k->dtype, ins->op, a, c);
    if (then == prim_compare(r->k->dtype, ins->op, b, c)) return 0;
    return then ? arg_of(r, s, 0) : kb_op(&r->b, KO_not, arg_of(r, s, 0), 0, 0);
}

static Truth fold_mask(Rewrite *r, KVal old, const KIns *ins) {
    const Fold *f = r->self;
    const KIns *from = &r->from.ins.data[old];
    Truth p = f->mask[from->arg[0]], q = f->mask[from->arg[1]];
    double a, b;
    switch ((int)ins->op) {
    case KO_lt:
    case KO_le:
    case KO_eq:
        if (!num_of(r, ins->arg[0], &a) || !num_of(r, ins->arg[1], &b)) return UNKNOWN;
        return truth(prim_compare(r->k->dtype, ins->op, a, b));
    case KO_and:
        if (p == NEVER || q == NEVER) return NEVER;
        return p == ALWAYS && q == ALWAYS ? ALWAYS : UNKNOWN;
    case KO_or:
        if (p == ALWAYS || q == ALWAYS) return ALWAYS;
        return p == NEVER && q == NEVER ? NEVER : UNKNOWN;
    case KO_not: return p == UNKNOWN ? UNKNOWN : truth(p == NEVER);
    }
    return UNKNOWN;
}

static KVal fold_select(const Rewrite *r, KVal old, const KIns *ins) {
    const Fold *f = r->self;
    Truth m = f->mask[r->from.ins.data[old].arg[0]];
    if (ins->arg[1] == ins->arg[2] || m == ALWAYS) return ins->arg[1];
    return m == NEVER ? ins->arg[2] : 0;
}

static KVal fold_ins(Rewrite *r, KVal old, KIns ins) {
    const KOpInfo *info = kop_info(ins.op);
    KVal v = 0;
    if (info->result == KT_M) {
        ((Fold *)r->self)->mask[old] = fold_mask(r, old, &ins);
        if (info->operands[0] == 'r') v = fold_chosen(r, &ins);
        return v ? v : rewrite_copy(r, ins);
    }
    if (ins.op == KO_index && aff_is_const(ins.idx[0])) return kb_num(&r->b, (double)ins.idx[0].c);
    if (ins.op == KO_table && aff_is_const(ins.idx[0]))
        return kb_num(&r->b, r->k->table.data[ins.x].v[ins.idx[0].c]);
    if (info->flag != KF_PRIM || info->result != KT_R || !info->nargs) return rewrite_copy(r, ins);
    if (ins.op == KO_select) v = fold_select(r, old, &ins);
    else if (ins.op == KO_fma) v = fold_fma(r, &ins);
    else v = fold_choices(r, &ins);
    if (!v && ins.op != KO_select && ins.op != KO_fma) v = fold_sign(r, &ins);
    if (ins.op == KO_select && !v && is_op(r, ins.arg[0], KO_not))
        v = kb_op(&r->b, KO_select, arg_of(r, ins.arg[0], 0), ins.arg[2], ins.arg[1]);
    if (!v) v = fold_constant(r, &ins);
    if (!v && ins.op == KO_div) v = fold_division(r, &ins);
    if (v) return v;
    return kb_op(&r->b, ins.op, ins.arg[0], ins.arg[1], ins.arg[2]);
}

/* ---- second sweep: contraction */
typedef struct Contract {
    uint32_t *uses;  /* of an old value */
    uint32_t *block; /* that holds it */
    KVal *product;   /* of a sum: the product it takes in */
    bool *taken;     /* this product goes into a sum */
} Contract;

static bool contractible(const KFn *f, const Contract *t, KVal p, uint32_t block) {
    return f->ins.data[p].op == KO_mul && t->uses[p] == 1 && t->block[p] == block && !t->taken[p];
}

static void contract_plan(const KFn *f, Contract *t) {
    for (uint32_t b = 1; b < f->block.len; b++)
        for (uint32_t i = 0; i < f->block.data[b].ins.len; i++) {
            KVal v = f->block.data[b].ins.data[i];
            const KIns *ins = &f->ins.data[v];
            t->block[v] = b;
            for (uint32_t j = 0; j < kop_info(ins->op)->nargs; j++) t->uses[ins->arg[j]]++;
        }
    for (KVal v = 1; v < f->ins.len; v++) {
        const KIns *ins = &f->ins.data[v];
        if (ins->op != KO_add && ins->op != KO_sub) continue;
        for (int j = 0; j < 2 && !t->product[v]; j++)
            if (contractible(f, t, ins->arg[j], t->block[v])) t->product[v] = ins->arg[j];
        t->taken[t->product[v]] = t->product[v] != 0;
    }
}

static KVal negated(Rewrite *r, KVal v) { return kb_op(&r->b, KO_neg, v, 0, 0); }

static KVal contract_ins(Rewrite *r, KVal old, KIns ins) {
    const Contract *t = r->self;
    KVal p = t->product[old];
    if (t->taken[old]) return 0; /* computed where it is added */
    if (!p) return rewrite_copy(r, ins);
    const KIns *mul = &r->from.ins.data[p];
    KVal a = r->map[mul->arg[0]], b = r->map[mul->arg[1]];
    bool first = r->from.ins.data[old].arg[0] == p;
    KVal c = ins.arg[first ? 1 : 0];
    if (ins.op == KO_sub && first) c = negated(r, c);
    if (ins.op == KO_sub && !first) a = negated(r, a);
    return kb_op(&r->b, KO_fma, a, b, c);
}

void kernel_fold(Ctx *c, Kernel *k) {
    for (int s = 0; s < KS_COUNT; s++) {
        Fold f = {ARENA_ARRAY(c->a, Truth, k->fn[s].ins.len)};
        rewrite_fn(c, k, (KStage)s, fold_ins, &f);
        const KFn *fn = &k->fn[s];
        uint32_t n = fn->ins.len;
        Contract t = {ARENA_ARRAY(c->a, uint32_t, n), ARENA_ARRAY(c->a, uint32_t, n),
                      ARENA_ARRAY(c->a, KVal, n), ARENA_ARRAY(c->a, bool, n)};
        contract_plan(fn, &t);
        rewrite_fn(c, k, (KStage)s, contract_ins, &t);
    }
}

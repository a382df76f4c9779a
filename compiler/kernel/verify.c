/* Is the kernel sound?  The first fault found, as a sentence. */
#include "kernel/op.h"
#include "kernel/path.h"
#include <stdio.h>

typedef struct Verifier {
    const Ctx *c;
    const Kernel *k;
    AffCtx *x;
    const char *fault;
    KStage stage;
    const KFn *f;
    uint8_t *state;     /* of a value: 0 not met, 1 visible, 2 out of scope */
    uint8_t *block;     /* entered */
    ConsVec path;       /* ranges and conditions around the current place */
    VEC(Sym) open;      /* loop variables */
    KVal at;
} Verifier;

static bool fault(Verifier *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fault(Verifier *v, const char *fmt, ...) {
    static const char *const stage[] = {"const", "sample", "series", "pair"};
    if (v->fault) return false;
    va_list ap;
    va_start(ap, fmt);
    char what[300];
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    v->fault = v->f ? arena_printf(v->c->a, "%s, %s (instruction %u): %s", stage[v->stage],
                                   kop_info(v->f->ins.data[v->at].op)->name, v->at, what)
                    : arena_strdup(v->c->a, what);
    return false;
}

static const char *text(const Verifier *v, Sym s) { return sym_text(v->c->syms, s); }

static const char *aff_text(const Verifier *v, Aff a) {
    Buf b = buf_new(v->c->a);
    aff_print(v->c->syms, &b, a);
    return buf_text(&b);
}

static const KSize *size_of(const Kernel *k, Sym name) {
    for (uint32_t i = 0; i < k->size.len; i++)
        if (k->size.data[i].name == name) return &k->size.data[i];
    return NULL;
}

/* Sizes of the kernel (measured ones only where they are known) and open loop variables. */
static bool check_names(Verifier *v, Aff a, bool measured) {
    for (uint32_t i = 0; i < a.nterm; i++) {
        Sym s = a.term[i].name;
        bool open = false;
        for (uint32_t j = 0; j < v->open.len; j++) open |= v->open.data[j] == s;
        const KSize *z = size_of(v->k, s);
        if (!open && !z)
            return fault(v, "`%s` is neither a size nor a loop variable here", text(v, s));
        if (!open && z->kind == KZ_measured && !measured)
            return fault(v, "the measured size `%s` is not known here yet", text(v, s));
    }
    return true;
}

static bool check_value(Verifier *v, Fx f) {
    const FxPool *p = v->k->fx;
    if (!f) return true;
    if (fx_nleaf(p, f) || fx_ntheta(p, f) || fx_has(p, f, FX_sref))
        return fault(v, "an expression is not a scalar of hyperparameters and sizes");
    return true;
}

/* ---- declarations */
static bool check_input_array(Verifier *v, const KArray *a) {
    bool gram = a->input == TP_IN_GRAM, sample = a->input == TP_IN_NORM || a->input == TP_IN_COLUMN;
    if (a->naxis || a->input == TP_IN_NONE)
        return fault(v, "input array `%s` has axes or holds nothing", text(v, a->name));
    if (!(a->stage == KS_pair && !sample) && !(a->stage == KS_sample && (sample || gram)))
        return fault(v, "input array `%s` is of the wrong stage", text(v, a->name));
    for (int j = 0; j < 2; j++)
        if (a->in[j] >= v->k->input.len)
            return fault(v, "input array `%s` is of input %u, which is not declared",
                         text(v, a->name), a->in[j]);
    return check_names(v, a->basis, false);
}

static bool check_array(Verifier *v, const KArray *a) {
    for (uint32_t j = 0; j < a->naxis; j++)
        if (!check_names(v, a->axis[j].lo, a->stage >= KS_series) ||
            !check_names(v, a->axis[j].hi, a->stage >= KS_series))
            return false;
    switch (a->class) {
    case KA_stored: return true;
    case KA_input: return check_input_array(v, a);
    case KA_output:
        if (a->stage != KS_pair || a->naxis)
            return fault(v, "output array `%s` must be of the pair stage, without axes",
                         text(v, a->name));
        if (!(v->k->kernels >> a->output & 1))
            return fault(v, "output array `%s` is of a kernel that is not asked for",
                         text(v, a->name));
        return true;
    }
    return true;
}

static bool check_sizes(Verifier *v) {
    const Kernel *k = v->k;
    for (uint32_t i = 0; i < k->size.len; i++) {
        const KSize *z = &k->size.data[i];
        if (size_of(k, z->name) != z) return fault(v, "size `%s` stands twice", text(v, z->name));
        if (!affctx_is_size(v->x, z->name))
            return fault(v, "size `%s` is not declared as one", text(v, z->name));
        if (z->kind == KZ_dim && z->in >= k->input.len)
            return fault(v, "size `%s` is of input %u, which is not declared", text(v, z->name),
                         z->in);
        if (z->kind != KZ_measured) continue;
        const KArray *a = z->array && z->array < k->array.len ? &k->array.data[z->array] : NULL;
        if (!a || a->stage != KS_sample || a->class != KA_stored)
            return fault(v, "size `%s` must measure a stored sample array", text(v, z->name));
    }
    return true;
}

static bool check_unique(Verifier *v) {
    const Kernel *k = v->k;
    uint32_t na = k->array.len, n = na + k->table.len;
    Sym *name = ARENA_ARRAY(v->c->a, Sym, n + 1);
    for (uint32_t i = 1; i < n; i++) {
        name[i] = i < na ? k->array.data[i].name : k->table.data[i - na].name;
        for (uint32_t j = 1; j < i; j++)
            if (name[i] == name[j]) return fault(v, "name `%s` stands twice", text(v, name[i]));
    }
    for (uint32_t i = 0; i < k->real.len; i++)
        for (uint32_t j = 0; j < i; j++)
            if (k->real.data[i].name == k->real.data[j].name)
                return fault(v, "number `%s` stands twice", text(v, k->real.data[i].name));
    return true;
}

static bool check_head(Verifier *v) {
    const Kernel *k = v->k;
    bool ok = check_unique(v) && check_sizes(v);
    for (uint32_t i = 1; ok && i < k->array.len; i++) ok = check_array(v, &k->array.data[i]);
    for (uint32_t i = 0; ok && i < k->size.len; i++) ok = check_value(v, k->size.data[i].value);
    for (uint32_t i = 0; ok && i < k->real.len; i++) ok = check_value(v, k->real.data[i].value);
    for (uint32_t i = 0; ok && i < k->check.len; i++) ok = check_value(v, k->check.data[i].value);
    return ok;
}

/* ---- code */
static bool check_range(Verifier *v, const char *what, Aff i, Aff lo, Aff hi) {
    AffCtx *x = v->x;
    if (!check_names(v, i, v->stage >= KS_series)) return false;
    if (!path_implies(x, &v->path, cons_le(x, lo, i)))
        return fault(v, "index %s of %s may lie below %s", aff_text(v, i), what, aff_text(v, lo));
    if (!path_implies(x, &v->path, cons_lt(x, i, hi)))
        return fault(v, "index %s of %s may reach %s", aff_text(v, i), what, aff_text(v, hi));
    return true;
}

static bool check_load(Verifier *v, const KIns *i, const KArray *a) {
    if (a->class == KA_output) return fault(v, "an output is read");
    if (a->stage > v->stage)
        return fault(v, "array `%s` belongs to a later stage", text(v, a->name));
    bool sided = a->stage == KS_sample || a->stage == KS_series;
    if (sided != (i->side != SIDE_none))
        return fault(v, "array `%s` is read %s", text(v, a->name),
                     sided ? "without a side" : "with a side");
    if (i->side == SIDE_y && v->stage != KS_pair) return fault(v, "side y outside the pair stage");
    return true;
}

static bool check_store(Verifier *v, const KIns *i, const KArray *a) {
    if (a->class == KA_input) return fault(v, "a store to input array `%s`", text(v, a->name));
    if (a->stage != v->stage)
        return fault(v, "array `%s` belongs to another stage", text(v, a->name));
    return i->side == SIDE_none || fault(v, "a store has a side");
}

static bool check_access(Verifier *v, const KIns *i) {
    if (!i->x || i->x >= v->k->array.len) return fault(v, "there is no array %u", i->x);
    const KArray *a = &v->k->array.data[i->x];
    if (i->nidx != a->naxis)
        return fault(v, "%u indices of `%s`, which has %u axes", i->nidx, text(v, a->name),
                     a->naxis);
    for (uint32_t j = 0; j < a->naxis; j++)
        if (!check_range(v, text(v, a->name), i->idx[j], a->axis[j].lo, a->axis[j].hi))
            return false;
    return i->op == KO_load ? check_load(v, i, a) : check_store(v, i, a);
}

static bool check_operands(Verifier *v, const KIns *i) {
    const KOpInfo *info = kop_info(i->op);
    for (uint32_t j = 0; j < info->nargs; j++) {
        KVal a = i->arg[j];
        if (!a || a >= v->f->ins.len || v->state[a] != 1)
            return fault(v, "operand %u is not a value that is visible here", j + 1);
        KType t = kop_info(v->f->ins.data[a].op)->result;
        if (t != (info->operands[j] == 'm' ? KT_M : KT_R))
            return fault(v, "operand %u is not a %s", j + 1,
                         info->operands[j] == 'm' ? "mask" : "real number");
    }
    return true;
}

static bool check_block(Verifier *v, uint32_t block);

static bool check_loop(Verifier *v, const KIns *i) {
    bool late = v->stage >= KS_series;
    if (!check_names(v, i->lo, late) || !check_names(v, i->hi, late)) return false;
    for (uint32_t j = 0; j < v->open.len; j++)
        if (v->open.data[j] == i->var)
            return fault(v, "loop variable `%s` is in use", text(v, i->var));
    if (!i->var || affctx_is_size(v->x, i->var) || size_of(v->k, i->var))
        return fault(v, "`%s` cannot be a loop variable", text(v, i->var));
    uint32_t keep = v->path.len;
    cons_range(v->x, &v->path, i->var, i->lo, i->hi);
    vec_push(v->c->a, &v->open, i->var);
    bool ok = check_block(v, i->block);
    v->open.len--;
    v->path.len = keep;
    return ok;
}

static bool check_cons(Verifier *v, const Cons *c) {
    if (c->kind != CONS_not) return check_names(v, c->e, v->stage >= KS_series);
    for (uint32_t j = 0; j < c->nof; j++)
        if (!check_cons(v, &c->of[j])) return false;
    return true;
}

static bool check_if(Verifier *v, const KIns *i) {
    uint32_t keep = v->path.len;
    if (!i->ncons) return fault(v, "no condition");
    for (uint32_t j = 0; j < i->ncons; j++) {
        if (!check_cons(v, &i->cons[j])) return false;
        path_assume(v->x, v->c->a, &v->path, i->cons[j]);
    }
    bool ok = check_block(v, i->block);
    v->path.len = keep;
    if (!ok || !i->block2) return ok;
    path_assume_not(v->x, v->c->a, &v->path, i->cons, i->ncons);
    ok = check_block(v, i->block2);
    v->path.len = keep;
    return ok;
}

static bool check_ins(Verifier *v, const KIns *i) {
    switch ((int)i->op) {
    case KO_real: return i->x < v->k->real.len || fault(v, "there is no number %u", i->x);
    case KO_index: return check_names(v, i->idx[0], v->stage >= KS_series);
    case KO_table:
        if (i->x >= v->k->table.len) return fault(v, "there is no table %u", i->x);
        return check_range(v, "the table", i->idx[0], aff_const(0),
                           aff_const(v->k->table.data[i->x].n));
    case KO_load:
    case KO_store: return check_operands(v, i) && check_access(v, i);
    case KO_loop: return check_loop(v, i);
    case KO_if: return check_if(v, i);
    }
    return check_operands(v, i);
}

static bool check_block(Verifier *v, uint32_t block) {
    if (!block || block >= v->f->block.len || v->block[block])
        return fault(v, "block %u does not exist or is used twice", block);
    v->block[block] = 1;
    const KBlock *b = &v->f->block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) {
        KVal val = b->ins.data[i];
        v->at = val < v->f->ins.len ? val : 0;
        if (!v->at || v->state[val]) return fault(v, "value %u is missing or defined twice", val);
        if (!check_ins(v, &v->f->ins.data[val])) return false;
        v->state[val] = 1;
    }
    for (uint32_t i = 0; i < b->ins.len; i++) v->state[b->ins.data[i]] = 2;
    return true;
}

const char *kernel_verify(const Ctx *c, const Kernel *k) {
    Verifier v = {.c = c, .k = k, .x = k->aff};
    bool ok = check_head(&v);
    for (int s = 0; ok && s < KS_COUNT; s++) {
        v.f = &k->fn[s];
        v.stage = (KStage)s;
        v.state = ARENA_ARRAY(c->a, uint8_t, v.f->ins.len);
        v.block = ARENA_ARRAY(c->a, uint8_t, v.f->block.len);
        ok = check_block(&v, 1);
    }
    return v.fault;
}

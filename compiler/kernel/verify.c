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

/* Is the size known to functions of the stage, and one number there? */
static bool check_size_known(Verifier *v, const KSize *z, KStage stage) {
    if (z->kind == KZ_measured && stage < KS_series)
        return fault(v, "the measured size `%s` is not known here yet", text(v, z->name));
    if (z->kind == KZ_right && stage != KS_pair)
        return fault(v, "the right sample's size `%s` outside the pair stage", text(v, z->name));
    if (z->varies && stage == KS_const)
        return fault(v, "the size `%s` is not the same for all samples", text(v, z->name));
    return true;
}

/* Sizes that the stage knows, and open loop variables. */
static bool check_names(Verifier *v, Aff a, KStage stage) {
    for (uint32_t i = 0; i < a.nterm; i++) {
        Sym s = a.term[i].name;
        bool open = false;
        for (uint32_t j = 0; j < v->open.len; j++) open |= v->open.data[j] == s;
        const KSize *z = kernel_size(v->k, s);
        if (!open && !z)
            return fault(v, "`%s` is neither a size nor a loop variable here", text(v, s));
        if (!open && !check_size_known(v, z, stage)) return false;
    }
    return true;
}

/* The number has a size in it that differs between samples. */
static bool value_varies(const Verifier *v, Fx f, uint32_t depth) {
    const FxNode *n = f ? fx_node(v->k->fx, f) : NULL;
    if (!n) return false;
    for (uint32_t i = 0; n->op == FX_index && i < n->aff.nterm; i++) {
        const KSize *z = kernel_size(v->k, n->aff.term[i].name);
        if (z && (z->varies || z->kind == KZ_right)) return true;
    }
    for (uint32_t i = 0; n->op == FX_hyper && i < v->k->real.len; i++) {
        const KReal *r = &v->k->real.data[i];
        bool deeper = r->name == n->k && depth < v->k->real.len; /* a cycle ends */
        if (deeper && value_varies(v, r->value, depth + 1)) return true;
    }
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (value_varies(v, n->arg[i], depth)) return true;
    return false;
}

static bool check_real(Verifier *v, const KIns *i) {
    if (i->x >= v->k->real.len) return fault(v, "there is no number %u", i->x);
    const KReal *r = &v->k->real.data[i->x];
    return v->stage != KS_const || !value_varies(v, r->value, 0) ||
           fault(v, "the number `%s` is not the same for all samples", text(v, r->name));
}

static bool check_value(Verifier *v, Fx f) {
    const FxPool *p = v->k->fx;
    if (!f) return true;
    if (fx_nleaf(p, f) || fx_ntheta(p, f) || fx_has(p, f, FX_sref))
        return fault(v, "an expression is not a scalar of hyperparameters and sizes");
    return true;
}

/* ---- declarations */
typedef struct InputRule {
    bool sample, pair; /* the stages it may have */
    bool positions;    /* axes: those of the input */
} InputRule;
static const InputRule input_rule[] = {
    [TP_IN_GRAM] = {true, true, false},      [TP_IN_UNIT] = {false, true, false},
    [TP_IN_DEFECT] = {false, true, false},   [TP_IN_CODEFECT] = {false, true, false},
    [TP_IN_NORM] = {true, false, false},     [TP_IN_COLUMN] = {true, false, true},
    [TP_IN_POINT] = {true, false, true},     [TP_IN_DATA] = {true, false, true},
    [TP_IN_CLASS] = {true, false, false},    [TP_IN_DIRECTION] = {true, false, true},
};

static bool same_axis(const KAxis *x, Aff hi) {
    return !x->slices && !x->wrap && aff_eq(x->lo, aff_const(0)) && aff_eq(x->hi, hi);
}

/* 0..d of the input */
static bool dimension_axis(const Kernel *k, const KAxis *x, uint32_t in) {
    if (x->hi.nterm != 1 || !same_axis(x, x->hi) || x->hi.c || x->hi.term[0].k != 1) return false;
    const KSize *z = kernel_size(k, x->hi.term[0].name);
    return z && z->kind == KZ_dim && z->in == in;
}

static bool check_input_axes(Verifier *v, const KArray *a) {
    const InputDecl *in = &v->k->input.data[a->in[0]];
    uint32_t n = input_rule[a->input].positions ? in->npos : 0;
    bool point = a->input == TP_IN_POINT || a->input == TP_IN_DIRECTION, ok = a->naxis == n + point;
    for (uint32_t j = 0; ok && j < n; j++) ok = same_axis(&a->axis[j], in->size[j]);
    if (ok && point) ok = dimension_axis(v->k, &a->axis[n], a->in[0]);
    if (!ok) return fault(v, "input array `%s` has other axes than its input", text(v, a->name));
    return in->is_data == (a->input == TP_IN_DATA) || a->input == TP_IN_CLASS ||
           fault(v, "input array `%s` is %s", text(v, a->name),
                 in->is_data ? "of numbers, not vectors" : "of vectors, not numbers");
}

static bool check_input_array(Verifier *v, const KArray *a) {
    if (a->input == TP_IN_NONE) return fault(v, "input array `%s` holds nothing", text(v, a->name));
    const InputRule *r = &input_rule[a->input];
    if (!(a->stage == KS_pair && r->pair) && !(a->stage == KS_sample && r->sample))
        return fault(v, "input array `%s` is of the wrong stage", text(v, a->name));
    for (int j = 0; j < 2; j++)
        if (a->in[j] >= v->k->input.len)
            return fault(v, "input array `%s` is of input %u, which is not declared",
                         text(v, a->name), a->in[j]);
    return check_input_axes(v, a) && check_names(v, a->basis, KS_const);
}

static bool check_axes(Verifier *v, const KArray *a) {
    for (uint32_t j = 0; j < a->naxis; j++) {
        if (!check_names(v, a->axis[j].lo, a->stage) || !check_names(v, a->axis[j].hi, a->stage))
            return false;
        if (a->axis[j].wrap && a->axis[j].slices)
            return fault(v, "an axis of `%s` is a ring and wraps", text(v, a->name));
    }
    return !a->finite || (a->stage == KS_sample && a->class == KA_stored) ||
           fault(v, "array `%s` is checked, but no stored sample array", text(v, a->name));
}

static bool check_array(Verifier *v, const KArray *a) {
    if (!check_axes(v, a)) return false;
    switch (a->class) {
    case KA_stored: return true;
    case KA_input: return check_input_array(v, a);
    case KA_output:
        if (a->stage != KS_pair && a->stage != KS_sample)
            return fault(v, "output array `%s` must be of the pair or sample stage",
                         text(v, a->name));
        if (!(v->k->kernels >> a->output & 1))
            return fault(v, "output array `%s` is of a kernel that is not asked for",
                         text(v, a->name));
        return true;
    }
    return true;
}

/* Made of sizes that stand before it; it varies if one of them does. */
static bool check_made(Verifier *v, const KSize *z) {
    const Aff part[2] = {z->a, z->b};
    bool varies = false;
    for (int i = 0; i < 2; i++)
        for (uint32_t j = 0; j < part[i].nterm; j++) {
            const KSize *of = kernel_size(v->k, part[i].term[j].name);
            if (!of || of >= z || of->kind == KZ_measured || of->kind == KZ_right)
                return fault(v, "size `%s` is made of what is no size before it",
                             text(v, z->name));
            varies |= of->varies;
        }
    if (z->kind == KZ_floor && z->k <= 0)
        return fault(v, "size `%s` divides by %d", text(v, z->name), (int)z->k);
    return varies == z->varies ||
           fault(v, "size `%s` must vary as those that it is made of", text(v, z->name));
}

static bool check_size(Verifier *v, const KSize *z) {
    const Kernel *k = v->k;
    const KArray *a = z->array && z->array < k->array.len ? &k->array.data[z->array] : NULL;
    switch (z->kind) {
    case KZ_hyper:
    case KZ_position: return true;
    case KZ_dim:
        return z->in < k->input.len || fault(v, "size `%s` is of input %u, which is not declared",
                                             text(v, z->name), z->in);
    case KZ_measured:
        return (a && a->stage == KS_sample && a->class == KA_stored) ||
               fault(v, "size `%s` must measure a stored sample array", text(v, z->name));
    case KZ_floor:
    case KZ_max:
    case KZ_min: return check_made(v, z);
    case KZ_right:
        return (z->of < k->size.len && k->size.data[z->of].kind != KZ_right &&
                k->size.data[z->of].varies) ||
               fault(v, "size `%s` is the right twin of a size that does not vary",
                     text(v, z->name));
    }
    return true;
}

static bool check_sizes(Verifier *v) {
    const Kernel *k = v->k;
    for (uint32_t i = 0; i < k->size.len; i++) {
        const KSize *z = &k->size.data[i];
        if (kernel_size(k, z->name) != z)
            return fault(v, "size `%s` stands twice", text(v, z->name));
        if (!affctx_is_size(v->x, z->name))
            return fault(v, "size `%s` is not declared as one", text(v, z->name));
        if (z->varies && (z->kind == KZ_hyper || z->kind == KZ_dim || z->kind == KZ_measured))
            return fault(v, "size `%s` cannot vary", text(v, z->name));
        if (!check_size(v, z)) return false;
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
    for (uint32_t i = 0; ok && i < k->input.len; i++)
        for (uint32_t j = 0; ok && j < k->input.data[i].npos; j++)
            ok = check_names(v, k->input.data[i].size[j], KS_sample);
    for (uint32_t i = 1; ok && i < k->array.len; i++) ok = check_array(v, &k->array.data[i]);
    for (uint32_t i = 0; ok && i < k->size.len; i++) ok = check_value(v, k->size.data[i].value);
    for (uint32_t i = 0; ok && i < k->real.len; i++) ok = check_value(v, k->real.data[i].value);
    for (uint32_t i = 0; ok && i < k->check.len; i++) ok = check_value(v, k->check.data[i].value);
    return ok;
}

/* ---- code */
static bool check_range(Verifier *v, const char *what, Aff i, Aff lo, Aff hi) {
    AffCtx *x = v->x;
    if (!check_names(v, i, v->stage)) return false;
    if (!path_implies(x, &v->path, cons_le(x, lo, i)))
        return fault(v, "index %s of %s may lie below %s", aff_text(v, i), what, aff_text(v, lo));
    if (!path_implies(x, &v->path, cons_lt(x, i, hi)))
        return fault(v, "index %s of %s may reach %s", aff_text(v, i), what, aff_text(v, hi));
    return true;
}

/* No size is left that is the left sample's. */
static bool check_twins(Verifier *v, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++) {
        const KSize *z = kernel_size(v->k, a.term[i].name);
        if (z && z->varies && z->kind != KZ_right)
            return fault(v, "size `%s` of the right sample has no name", text(v, z->name));
    }
    return true;
}

static bool check_index(Verifier *v, const char *what, Aff i, const KAxis *x, Side side) {
    Aff lo = kernel_axis_lo(v->k, x, side), hi = kernel_axis_hi(v->k, x, side);
    if (!x->wrap) return check_range(v, what, i, lo, hi);
    if (!check_names(v, i, v->stage)) return false;
    return path_implies(v->x, &v->path, cons_lt(v->x, lo, hi)) ||
           fault(v, "an axis of %s that wraps may be empty", what);
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
    for (uint32_t j = 0; i->side == SIDE_y && j < a->naxis; j++)
        if (!check_twins(v, kernel_axis_lo(v->k, &a->axis[j], SIDE_y)) ||
            !check_twins(v, kernel_axis_hi(v->k, &a->axis[j], SIDE_y)))
            return false;
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
        if (!check_index(v, text(v, a->name), i->idx[j], &a->axis[j], i->side)) return false;
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
    if (!check_names(v, i->lo, v->stage) || !check_names(v, i->hi, v->stage)) return false;
    for (uint32_t j = 0; j < i->nmore_lo; j++)
        if (!check_names(v, i->more_lo[j], v->stage)) return false;
    for (uint32_t j = 0; j < i->nmore_hi; j++)
        if (!check_names(v, i->more_hi[j], v->stage)) return false;
    for (uint32_t j = 0; j < v->open.len; j++)
        if (v->open.data[j] == i->var)
            return fault(v, "loop variable `%s` is in use", text(v, i->var));
    if (!i->var || affctx_is_size(v->x, i->var) || kernel_size(v->k, i->var))
        return fault(v, "`%s` cannot be a loop variable", text(v, i->var));
    uint32_t keep = v->path.len;
    path_loop(v->x, v->c->a, &v->path, i);
    vec_push(v->c->a, &v->open, i->var);
    bool ok = check_block(v, i->block);
    v->open.len--;
    v->path.len = keep;
    return ok;
}

static bool check_cons(Verifier *v, const Cons *c) {
    if (c->kind != CONS_not) return check_names(v, c->e, v->stage);
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
    case KO_real: return check_real(v, i);
    case KO_index: return check_names(v, i->idx[0], v->stage);
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

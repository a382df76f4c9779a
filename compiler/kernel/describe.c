/* Kernel -> the descriptor that runtimes read (runtime/abi.h). */
#include "diag/diag.h"
#include "kernel/kernel.h"

typedef struct Describer {
    const Ctx *c;
    const Kernel *k;
    Arena *a;
    VEC(TpCodeIns) code;
} Describer;

static int32_t size_number(const Describer *d, Sym name) {
    for (uint32_t i = 0; i < d->k->size.len; i++)
        if (d->k->size.data[i].name == name) return (int32_t)i;
    return -1;
}

static int32_t real_number(const Describer *d, Sym name) {
    for (uint32_t i = 0; i < d->k->real.len; i++)
        if (d->k->real.data[i].name == name) return (int32_t)i;
    return -1;
}

static TpAff describe_aff(Describer *d, Aff a) {
    TpAffTerm *t = ARENA_ARRAY(d->a, TpAffTerm, a.nterm);
    for (uint32_t i = 0; i < a.nterm; i++) {
        t[i] = (TpAffTerm){size_number(d, a.term[i].name), a.term[i].k};
        if (t[i].size < 0)
            bug("kernel_describe: `%s` is no size", sym_text(d->c->syms, a.term[i].name));
    }
    return (TpAff){a.c, t, (int32_t)a.nterm};
}

/* ---- scalar code */
static void code_put(Describer *d, TpCodeOp op, int32_t x, double num) {
    vec_push(d->a, &d->code, (TpCodeIns){(int32_t)op, x, num});
}

static void code_aff(Describer *d, Aff a) {
    code_put(d, TPC_NUM, 0, (double)a.c);
    for (uint32_t i = 0; i < a.nterm; i++) {
        code_put(d, TPC_SIZE, size_number(d, a.term[i].name), 0);
        code_put(d, TPC_NUM, 0, (double)a.term[i].k);
        code_put(d, TPC_MUL, 0, 0);
        code_put(d, TPC_ADD, 0, 0);
    }
}

static void code_hyper(Describer *d, Sym name) {
    int32_t r = real_number(d, name), z = size_number(d, name);
    if (r >= 0) code_put(d, TPC_REAL, r, 0);
    else if (z >= 0) code_put(d, TPC_SIZE, z, 0);
    else bug("kernel_describe: no hyperparameter `%s`", sym_text(d->c->syms, name));
}

static void code_dim(Describer *d, uint32_t input) {
    for (uint32_t i = 0; i < d->k->size.len; i++) {
        const KSize *z = &d->k->size.data[i];
        if (z->kind != KZ_dim || z->in != input) continue;
        code_put(d, TPC_SIZE, (int32_t)i, 0);
        return;
    }
    bug("kernel_describe: the kernel has no size for the dimension of input %u", input);
}

static const int32_t code_of[FX_COUNT] = {
    [FX_add] = TPC_ADD,   [FX_sub] = TPC_SUB, [FX_mul] = TPC_MUL,   [FX_div] = TPC_DIV,
    [FX_pow] = TPC_POW,   [FX_neg] = TPC_NEG, [FX_exp] = TPC_EXP,   [FX_log] = TPC_LOG,
    [FX_sqrt] = TPC_SQRT, [FX_sin] = TPC_SIN, [FX_cos] = TPC_COS,   [FX_tanh] = TPC_TANH,
    [FX_erf] = TPC_ERF,   [FX_Phi] = TPC_PHI, [FX_abs] = TPC_ABS,   [FX_sign] = TPC_SIGN,
    [FX_step] = TPC_STEP, [FX_max] = TPC_MAX, [FX_min] = TPC_MIN,   [FX_gt] = TPC_GT,
    [FX_ge] = TPC_GE,     [FX_eq] = TPC_EQ,   [FX_and] = TPC_AND,   [FX_or] = TPC_OR,
    [FX_not] = TPC_NOT,   [FX_if] = TPC_IF,
};

static void code_fx(Describer *d, Fx f) {
    const FxNode *n = fx_node(d->k->fx, f);
    switch ((int)n->op) {
    case FX_num: return code_put(d, TPC_NUM, 0, n->num);
    case FX_hyper: return code_hyper(d, n->k);
    case FX_index: return code_aff(d, n->aff);
    case FX_dim: return code_dim(d, n->k);
    }
    if (!code_of[n->op]) bug("kernel_describe: %s in a number of the run", fx_text(n->op));
    for (uint32_t i = 0; i < fx_arity(n->op); i++) code_fx(d, n->arg[i]);
    code_put(d, (TpCodeOp)code_of[n->op], 0, 0);
}

static void code_begin(Describer *d) {
    d->code.data = NULL;
    d->code.len = d->code.cap = 0;
}

static TpCode code_end(Describer *d) {
    return (TpCode){d->code.data, (int32_t)d->code.len};
}

static TpCode describe_fx(Describer *d, Fx f) {
    code_begin(d);
    if (f) code_fx(d, f);
    return code_end(d);
}

/* ---- order of evaluation: every number after those that its value mentions */
typedef struct Orders {
    int32_t *real, *size; /* -1: not yet */
} Orders;

static bool aff_known(const Describer *d, const Orders *o, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++) {
        int32_t z = size_number(d, a.term[i].name);
        if (z >= 0 && o->size[z] < 0) return false;
    }
    return true;
}

static bool fx_known(const Describer *d, const Orders *o, Fx f) {
    if (!f) return true;
    const FxNode *n = fx_node(d->k->fx, f);
    if (n->op == FX_index) return aff_known(d, o, n->aff);
    if (n->op == FX_hyper) {
        int32_t r = real_number(d, n->k), z = size_number(d, n->k);
        return r >= 0 ? o->real[r] >= 0 : z < 0 || o->size[z] >= 0;
    }
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (!fx_known(d, o, n->arg[i])) return false;
    return true;
}

/* Sizes that are there before anything is evaluated, or that others wait for no more. */
static bool size_given(const KSize *z) {
    return z->kind == KZ_dim || z->kind == KZ_measured || z->kind == KZ_position;
}

static bool size_known(const Describer *d, const Orders *o, const KSize *z) {
    if (z->kind == KZ_right) return o->size[z->of] >= 0;
    return fx_known(d, o, z->value) && aff_known(d, o, z->a) && aff_known(d, o, z->b);
}

static Orders evaluation_order(const Describer *d) {
    const Kernel *k = d->k;
    Orders o = {ARENA_ARRAY(d->a, int32_t, k->real.len), ARENA_ARRAY(d->a, int32_t, k->size.len)};
    int32_t next = 0, last = -1;
    for (uint32_t i = 0; i < k->real.len; i++) o.real[i] = -1;
    for (uint32_t i = 0; i < k->size.len; i++) o.size[i] = size_given(&k->size.data[i]) ? 0 : -1;
    while (next != last) {
        last = next;
        for (uint32_t i = 0; i < k->size.len; i++)
            if (o.size[i] < 0 && size_known(d, &o, &k->size.data[i])) o.size[i] = next++;
        for (uint32_t i = 0; i < k->real.len; i++)
            if (o.real[i] < 0 && fx_known(d, &o, k->real.data[i].value)) o.real[i] = next++;
    }
    for (uint32_t i = 0; i < k->real.len; i++)
        if (o.real[i] < 0) bug("kernel_describe: a number of the run depends on itself");
    for (uint32_t i = 0; i < k->size.len; i++)
        if (o.size[i] < 0) bug("kernel_describe: a size depends on itself");
    return o;
}

/* ---- the lists */
static const TpReal *describe_reals(Describer *d, const Orders *o) {
    TpReal *out = ARENA_ARRAY(d->a, TpReal, d->k->real.len);
    for (uint32_t i = 0; i < d->k->real.len; i++) {
        const KReal *r = &d->k->real.data[i];
        out[i] = (TpReal){arena_strdup(d->a, sym_text(d->c->syms, r->name)), r->hyper,
                          describe_fx(d, r->value), o->real[i]};
    }
    return out;
}

static TpCode describe_extreme(Describer *d, const KSize *z) {
    code_begin(d);
    code_aff(d, z->a);
    code_aff(d, z->b);
    code_put(d, z->kind == KZ_max ? TPC_MAX : TPC_MIN, 0, 0);
    return code_end(d);
}

static TpCode size_code(Describer *d, const KSize *z) {
    switch (z->kind) {
    case KZ_hyper: return describe_fx(d, z->value);
    case KZ_floor:
        code_begin(d);
        code_aff(d, z->a);
        return code_end(d);
    case KZ_max:
    case KZ_min: return describe_extreme(d, z);
    case KZ_dim:
    case KZ_measured:
    case KZ_position:
    case KZ_right: break;
    }
    return (TpCode){NULL, 0};
}

static int32_t size_kind(KSizeKind kind) {
    switch (kind) {
    case KZ_hyper: return TP_SIZE_HYPER;
    case KZ_dim: return TP_SIZE_DIM;
    case KZ_measured: return TP_SIZE_MEASURED;
    case KZ_position: return TP_SIZE_POSITION;
    case KZ_floor: return TP_SIZE_FLOOR;
    case KZ_max:
    case KZ_min: return TP_SIZE_MAX;
    case KZ_right: return TP_SIZE_RIGHT;
    }
    bug("kernel_describe: size of kind %d", (int)kind);
}

static const TpSize *describe_sizes(Describer *d, const Orders *o) {
    TpSize *out = ARENA_ARRAY(d->a, TpSize, d->k->size.len);
    for (uint32_t i = 0; i < d->k->size.len; i++) {
        const KSize *z = &d->k->size.data[i];
        out[i] = (TpSize){.name = arena_strdup(d->a, sym_text(d->c->syms, z->name)),
                          .kind = size_kind(z->kind), .value = size_code(d, z),
                          .order = o->size[i], .input = (int32_t)z->in, .array = (int32_t)z->array,
                          .cap = z->cap, .k = z->k, .of = (int32_t)z->of, .varies = z->varies};
    }
    return out;
}

static bool read_left(const Kernel *k, uint32_t array) {
    const KFn *f = &k->fn[KS_pair];
    for (uint32_t i = 1; i < f->ins.len; i++)
        if (f->ins.data[i].op == KO_load && f->ins.data[i].x == array &&
            f->ins.data[i].side == SIDE_x)
            return true;
    return false;
}

static TpArray describe_array(Describer *d, uint32_t array) {
    const KArray *a = &d->k->array.data[array];
    TpAff *extent = ARENA_ARRAY(d->a, TpAff, a->naxis);
    int32_t n = 0;
    for (uint32_t i = 0; i < a->naxis; i++) {
        const KAxis *x = &a->axis[i];
        if (x->slices == 1) continue;
        extent[n++] = describe_aff(d, x->slices ? aff_const(x->slices)
                                                : aff_sub(d->k->aff, x->hi, x->lo));
    }
    return (TpArray){.name = arena_strdup(d->a, sym_text(d->c->syms, a->name)),
                     .stage = (int32_t)a->stage, .class = (int32_t)a->class,
                     .input = (int32_t)a->input, .in = {(int32_t)a->in[0], (int32_t)a->in[1]},
                     .output = (int32_t)a->output, .column = describe_aff(d, a->basis),
                     .extent = extent, .naxis = n, .left = read_left(d->k, array),
                     .finite = a->finite ? arena_strdup(d->a, a->finite) : NULL};
}

static const TpArray *describe_arrays(Describer *d) {
    TpArray *out = ARENA_ARRAY(d->a, TpArray, d->k->array.len);
    for (uint32_t i = 1; i < d->k->array.len; i++)
        out[i] = describe_array(d, i);
    return out;
}

static const TpCheck *describe_checks(Describer *d) {
    TpCheck *out = ARENA_ARRAY(d->a, TpCheck, d->k->check.len);
    for (uint32_t i = 0; i < d->k->check.len; i++) {
        const Check *c = &d->k->check.data[i];
        out[i] = (TpCheck){(int32_t)c->kind, describe_fx(d, c->value), arena_strdup(d->a, c->what)};
    }
    return out;
}

static const TpAff *describe_affs(Describer *d, const Aff *a, uint32_t n) {
    TpAff *out = ARENA_ARRAY(d->a, TpAff, n);
    for (uint32_t i = 0; i < n; i++) out[i] = describe_aff(d, a[i]);
    return out;
}

static const TpInputDecl *describe_inputs(Describer *d) {
    TpInputDecl *out = ARENA_ARRAY(d->a, TpInputDecl, d->k->input.len);
    for (uint32_t i = 0; i < d->k->input.len; i++) {
        const InputDecl *x = &d->k->input.data[i];
        out[i] = (TpInputDecl){arena_strdup(d->a, sym_text(d->c->syms, x->name)),
                               (int32_t)x->npos, x->is_data, describe_affs(d, x->size, x->npos)};
    }
    return out;
}

/* The value in force as text: what was given, or the number. */
static const char *fixed_text(Describer *d, const Hyper *h) {
    if (h->text || !h->init) return h->text ? arena_strdup(d->a, h->text) : "";
    Buf b = buf_new(d->a);
    fx_print(d->k->fx, d->c->syms, &b, h->init);
    return buf_text(&b);
}

static const TpFixed *describe_fixed(Describer *d) {
    TpFixed *out = ARENA_ARRAY(d->a, TpFixed, d->k->fixed.len);
    for (uint32_t i = 0; i < d->k->fixed.len; i++) {
        const Hyper *h = &d->k->fixed.data[i];
        out[i] = (TpFixed){arena_strdup(d->a, sym_text(d->c->syms, h->name)), fixed_text(d, h)};
    }
    return out;
}

TpKernel *kernel_describe(const Ctx *c, const Kernel *k, Arena *a) {
    Describer d = {.c = c, .k = k, .a = a};
    Orders o = evaluation_order(&d);
    TpKernel *t = ARENA_NEW(a, TpKernel);
    *t = (TpKernel){
        .abi = TP_ABI_VERSION,
        .dtype = (int32_t)k->dtype,
        .kernels = k->kernels,
        .name = arena_strdup(a, sym_text(c->syms, k->name)),
        .ninput = (int32_t)k->input.len,
        .nreal = (int32_t)k->real.len,
        .nsize = (int32_t)k->size.len,
        .nfixed = (int32_t)k->fixed.len,
        .ncheck = (int32_t)k->check.len,
        .narray = (int32_t)k->array.len,
        .input = describe_inputs(&d),
        .real = describe_reals(&d, &o),
        .size = describe_sizes(&d, &o),
        .fixed = describe_fixed(&d),
        .check = describe_checks(&d),
        .array = describe_arrays(&d),
        .lanes = TP_BLOCK,
    };
    return t;
}

_Static_assert((int)KS_pair == TP_STAGE_PAIR &&
                   (int)KA_output == TP_OUTPUT && (int)CHECK_positive == TP_CHECK_POSITIVE &&
                   (int)KERNEL_ntk == 1,
               "the descriptor's numbers are the compiler's enumerators");

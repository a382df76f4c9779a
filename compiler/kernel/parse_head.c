#include "kernel/parse.h"

static void read_input(KParser *p, bool is_data) {
    InputDecl d = {.name = kp_name(p), .is_data = is_data};
    VEC(Aff) size = {0};
    if (kp_accept(p, "[")) {
        do vec_push(p->c->a, &size, kp_aff(p));
        while (kp_accept(p, ","));
        kp_expect(p, "]");
    }
    d.npos = size.len;
    d.size = size.data;
    vec_push(p->c->a, &p->k->input, d);
}

static void head_input(KParser *p) { read_input(p, false); }
static void head_data(KParser *p) { read_input(p, true); }

static void head_fixed(KParser *p) {
    uint32_t kind = kp_pick(p, hyper_word, 4);
    if (kind == 4) kp_fail(p, "real, int, fn or word is expected here");
    Hyper h = {.name = kp_name(p), .kind = (HyperKind)(kind & 3), .given = true, .fixed = true};
    kp_space(p);
    if (*p->s == '"') h.text = kp_string(p);
    if (kp_accept(p, "=")) h.init = kp_fx(p);
    vec_push(p->c->a, &p->k->fixed, h);
}

static void size_pair(KParser *p, KSize *z) {
    z->a = kp_aff(p);
    kp_expect(p, ",");
    z->b = kp_aff(p);
}

/* Sizes made of others. */
static bool size_made(KParser *p, KSize *z, Sym *right_of) {
    if (kp_word(p, "floor")) {
        z->kind = KZ_floor;
        z->a = kp_aff(p);
        kp_expect(p, "/");
        z->k = (int32_t)kp_u32(p);
    } else if (kp_word(p, "max")) {
        z->kind = KZ_max;
        size_pair(p, z);
    } else if (kp_word(p, "min")) {
        z->kind = KZ_min;
        size_pair(p, z);
    } else if (kp_word(p, "right")) {
        z->kind = KZ_right;
        *right_of = kp_name(p);
    } else {
        return false;
    }
    return true;
}

static void head_size(KParser *p) {
    KSize z = {.name = kp_name(p)};
    Sym measured = 0, right_of = 0;
    int64_t least = INT64_MIN;
    if (kp_word(p, "hyper")) {
        z.kind = KZ_hyper;
    } else if (kp_word(p, "dim")) {
        z.kind = KZ_dim;
        z.in = kp_u32(p);
    } else if (kp_word(p, "measured")) {
        z.kind = KZ_measured;
        measured = kp_name(p);
    } else if (kp_word(p, "position")) {
        z.kind = KZ_position;
    } else if (!size_made(p, &z, &right_of)) {
        kp_fail(p, "hyper, dim, measured, position, floor, max, min or right is expected here");
    }
    z.varies = kp_word(p, "varies");
    if (kp_word(p, "cap")) z.cap = kp_int(p);
    if (kp_word(p, "least")) least = kp_int(p);
    if (p->failed) return;
    affctx_size(p->aff, z.name, least);
    if (kp_accept(p, "=")) z.value = kp_fx(p);
    vec_push(p->c->a, &p->k->size, z);
    vec_push(p->c->a, &p->measured, measured);
    vec_push(p->c->a, &p->right_of, right_of);
}

static void head_real(KParser *p) {
    KReal r = {.name = kp_name(p)};
    r.hyper = kp_word(p, "hyper");
    if (kp_accept(p, "=")) r.value = kp_fx(p);
    if (!r.hyper && !r.value) kp_fail(p, "a derived number needs a value");
    vec_push(p->c->a, &p->k->real, r);
}

static void head_check(KParser *p) {
    uint32_t kind = kp_pick(p, check_word, 3);
    if (kind == 3) kp_fail(p, "finite, nonneg or positive is expected here");
    Check c = {.kind = (CheckKind)(kind % 3), .what = kp_string(p)};
    kp_expect(p, "=");
    c.value = kp_fx(p);
    vec_push(p->c->a, &p->k->check, c);
}

static void head_table(KParser *p) {
    KTable t = {.name = kp_name(p)};
    VEC(double) v = {0};
    kp_expect(p, "=");
    do vec_push(p->c->a, &v, kp_double(p));
    while (kp_accept(p, ","));
    t.v = v.data;
    t.n = v.len;
    vec_push(p->c->a, &p->k->table, t);
}

static void array_class(KParser *p, KArray *a) {
    if (kp_word(p, "input")) {
        a->class = KA_input;
        uint32_t kind = kp_pick(p, input_word, NINPUT_WORD);
        if (kind == NINPUT_WORD) kp_fail(p, "what the input array holds is expected here");
        a->input = (TpInputKind)(kind % NINPUT_WORD);
        a->in[0] = kp_u32(p);
        a->in[1] = kp_u32(p);
        if (a->input == TP_IN_COLUMN) a->basis = kp_aff(p);
    } else if (kp_word(p, "output")) {
        a->class = KA_output;
        uint32_t kind = kp_pick(p, kind_word, KERNEL_COUNT);
        if (kind == KERNEL_COUNT) kp_fail(p, "nngp or ntk is expected here");
        a->output = (KernelKind)(kind % KERNEL_COUNT);
    }
}

static KAxis array_axis(KParser *p) {
    KAxis x = {.var = kp_name(p)};
    if (!kp_word(p, "in")) kp_fail(p, "in is expected here");
    x.lo = kp_aff(p);
    kp_expect(p, "..");
    x.hi = kp_aff(p);
    if (kp_word(p, "ring")) {
        x.slices = kp_u32(p);
        if (!x.slices) kp_fail(p, "a ring needs a slice");
    }
    x.wrap = kp_word(p, "wrap");
    return x;
}

static void head_array(KParser *p) {
    KArray a = {.name = kp_name(p)};
    uint32_t stage = kp_pick(p, stage_word, KS_COUNT);
    if (stage == KS_COUNT) kp_fail(p, "a stage is expected here");
    a.stage = (KStage)(stage % KS_COUNT);
    array_class(p, &a);
    VEC(KAxis) axis = {0};
    if (kp_accept(p, "[")) {
        do vec_push(p->c->a, &axis, array_axis(p));
        while (kp_accept(p, ","));
        kp_expect(p, "]");
    }
    a.axis = axis.data;
    a.naxis = axis.len;
    if (kp_word(p, "finite")) a.finite = kp_string(p);
    vec_push(p->c->a, &p->k->array, a);
}

static void head_first_line(KParser *p) {
    Kernel *k = p->k;
    if (!kp_word(p, "kernel")) kp_fail(p, "kernel is expected here");
    k->name = kp_name(p);
    if (kp_word(p, "f32")) k->dtype = TP_F32;
    else if (!kp_word(p, "f64")) kp_fail(p, "f64 or f32 is expected here");
    for (uint32_t i; (i = kp_pick(p, kind_word, KERNEL_COUNT)) < KERNEL_COUNT;)
        k->kernels |= 1u << i;
}

static void resolve_measured(KParser *p) {
    for (uint32_t i = 0; i < p->measured.len && !p->failed; i++) {
        if (!p->measured.data[i]) continue;
        KSize *z = &p->k->size.data[i];
        for (uint32_t j = 1; j < p->k->array.len; j++)
            if (p->k->array.data[j].name == p->measured.data[i]) z->array = j;
        if (!z->array)
            kp_fail(p, "`%s` measures no declared array", sym_text(p->c->syms, z->name));
    }
}

static void resolve_right(KParser *p) {
    for (uint32_t i = 0; i < p->right_of.len && !p->failed; i++) {
        if (!p->right_of.data[i]) continue;
        const KSize *of = kernel_size(p->k, p->right_of.data[i]);
        if (of) p->k->size.data[i].of = (uint32_t)(of - p->k->size.data);
        else kp_fail(p, "`%s` is the right twin of no declared size",
                     sym_text(p->c->syms, p->k->size.data[i].name));
    }
}

void kp_head(KParser *p) {
    static const struct {
        const char *word;
        void (*read)(KParser *p);
    } decl[] = {{"input", head_input}, {"data", head_data},   {"fixed", head_fixed},
                {"size", head_size},   {"real", head_real},   {"check", head_check},
                {"table", head_table}, {"array", head_array}};
    enum { N = sizeof decl / sizeof *decl };
    head_first_line(p);
    for (uint32_t i = 0; i < N && !p->failed;) {
        if (kp_word(p, "fact")) {
            Cons c = kp_cons(p);
            if (!p->failed) affctx_fact(p->aff, c);
        } else if (kp_word(p, decl[i].word)) {
            decl[i].read(p);
            i = 0;
        } else {
            i++;
        }
    }
    resolve_measured(p);
    resolve_right(p);
}

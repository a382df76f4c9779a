/* Text -> kernel: the functions. */
#include "diag/diag.h"
#include "kernel/parse.h"

enum { MAX_DEPTH = 100 };

static void code_block(KParser *p);

static bool code_op(KParser *p, KOp *op) {
    for (uint32_t i = 0; i < KO_COUNT; i++)
        if (kop_info((KOp)i)->flag != KF_STRUCT && kp_word(p, kop_info((KOp)i)->name)) {
            *op = (KOp)i;
            return true;
        }
    kp_fail(p, "an instruction is expected here");
    return false;
}

static KVal code_value(KParser *p) {
    kp_expect(p, "%");
    uint32_t n = kp_u32(p);
    if (p->failed) return 0;
    if (n >= p->value.len) {
        kp_fail(p, "%%%u is not defined", n);
        return 0;
    }
    return p->value.data[n];
}

/* [i, ..] */
static void code_idx(KParser *p, KIns *i) {
    VEC(Aff) idx = {0};
    if (kp_accept(p, "[")) {
        do vec_push(p->c->a, &idx, kp_aff(p));
        while (kp_accept(p, ","));
        kp_expect(p, "]");
    }
    i->idx = idx.data;
    i->nidx = idx.len;
}

static void code_real(KParser *p, KIns *i) {
    Sym s = kp_name(p);
    for (uint32_t k = 0; k < p->k->real.len; k++)
        if (p->k->real.data[k].name == s) {
            i->x = k;
            return;
        }
    kp_fail(p, "there is no number of this name");
}

static void code_table(KParser *p, KIns *i) {
    Sym s = kp_name(p);
    for (uint32_t k = 0; k < p->k->table.len; k++)
        if (p->k->table.data[k].name == s) {
            i->x = k;
            code_idx(p, i);
            if (i->nidx != 1) kp_fail(p, "a table has one index");
            return;
        }
    kp_fail(p, "there is no table of this name");
}

static void code_access(KParser *p, KIns *i) {
    Sym s = kp_name(p);
    for (uint32_t k = 1; k < p->k->array.len; k++)
        if (p->k->array.data[k].name == s) i->x = k;
    if (!i->x) kp_fail(p, "there is no array of this name");
    if (kp_accept(p, "@x")) i->side = SIDE_x;
    else if (kp_accept(p, "@y")) i->side = SIDE_y;
    code_idx(p, i);
}

static KIns code_ins(KParser *p) {
    KIns i = {.op = KO_num};
    if (!code_op(p, &i.op)) return i;
    switch ((int)i.op) {
    case KO_num: i.num = kp_double(p); break;
    case KO_real: code_real(p, &i); break;
    case KO_table: code_table(p, &i); break;
    case KO_load: code_access(p, &i); break;
    case KO_index: {
        Aff a = kp_aff(p);
        i.idx = aff_copy(p->c->a, &a, 1);
        i.nidx = 1;
        break;
    }
    case KO_store:
        code_access(p, &i);
        kp_expect(p, ",");
        break;
    }
    for (uint32_t k = 0; k < kop_info(i.op)->nargs && !p->failed; k++) {
        if (k) kp_expect(p, ",");
        i.arg[k] = code_value(p);
    }
    return i;
}

static void code_assign(KParser *p) {
    uint32_t n = kp_u32(p);
    if (n != p->value.len) kp_fail(p, "values are numbered in order: %%%u", p->value.len);
    kp_expect(p, "=");
    KIns i = code_ins(p);
    if (kop_info(i.op)->result == KT_NONE) kp_fail(p, "%s has no value", kop_info(i.op)->name);
    if (!p->failed) vec_push(p->c->a, &p->value, kb_emit(&p->b, i));
}

typedef VEC(Aff) AffVec;

/* A form, or `max(..)`, `min(..)` of several; of: which. */
static AffVec code_bound(KParser *p, const char *of) {
    const char *start = p->s;
    AffVec out = {0};
    if (!(kp_word(p, of) && kp_accept(p, "("))) {
        p->s = start;
        vec_push(p->c->a, &out, kp_aff(p));
        return out;
    }
    do vec_push(p->c->a, &out, kp_aff(p));
    while (kp_accept(p, ","));
    kp_expect(p, ")");
    return out;
}

static void code_loop(KParser *p) {
    Sym var = kp_name(p);
    if (!kp_word(p, "in")) kp_fail(p, "in is expected here");
    AffVec lo = code_bound(p, "max");
    kp_expect(p, "..");
    AffVec hi = code_bound(p, "min");
    bool down = kp_word(p, "down");
    if (p->failed) return;
    kb_loop_in(&p->b, var, lo.data, lo.len, hi.data, hi.len, down);
    code_block(p);
    kb_end(&p->b);
}

static void code_if(KParser *p) {
    ConsVec cons = {0};
    do vec_push(p->c->a, &cons, kp_cons(p));
    while (kp_accept(p, "&"));
    if (p->failed) return;
    kb_if(&p->b, cons.data, cons.len);
    code_block(p);
    if (!p->failed && kp_word(p, "else")) {
        kb_else(&p->b);
        code_block(p);
    }
    kb_end(&p->b);
}

static void code_line(KParser *p) {
    if (kp_accept(p, "%")) return code_assign(p);
    if (kp_word(p, "for")) return code_loop(p);
    if (kp_word(p, "if")) return code_if(p);
    KIns i = code_ins(p);
    const KOpInfo *info = kop_info(i.op);
    if (info->result != KT_NONE) kp_fail(p, "the value of %s is lost", info->name);
    if (!p->failed) kb_emit(&p->b, i);
}

static void code_block(KParser *p) {
    kp_expect(p, "{");
    if (++p->depth > MAX_DEPTH) kp_fail(p, "blocks are nested too deeply");
    while (!p->failed && !kp_accept(p, "}")) code_line(p);
    p->depth--;
}

bool kernel_read(Ctx *c, const char *text, uint32_t file, Kernel **out) {
    KParser p = {.c = c, .text = text, .s = text, .file = file};
    p.aff = affctx_new(c->a, c->syms);
    p.k = kernel_new(c, p.aff, fxpool_new(c->a, p.aff));
    kp_head(&p);
    for (uint32_t s = 0; s < KS_COUNT && !p.failed; s++) {
        if (!kp_word(&p, stage_word[s])) continue;
        p.b = kb_begin(c, p.k, (KStage)s);
        p.value.len = 0;
        code_block(&p);
    }
    kp_space(&p);
    if (!p.failed && *p.s) kp_fail(&p, "const, sample, series or pair is expected here");
    *out = p.k;
    return !p.failed;
}

bool kernel_parse(Ctx *c, const char *text, uint32_t file, Kernel **out) {
    if (!kernel_read(c, text, file, out)) return false;
    const char *fault = kernel_verify(c, *out);
    if (fault) diag(c->ds, kernel_unsound, ((Span){file, 0, 0}), fault);
    return !fault;
}

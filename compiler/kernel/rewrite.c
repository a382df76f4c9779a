#include "kernel/rewrite.h"

static Aff subst_aff(const Rewrite *r, Aff a) {
    for (uint32_t i = r->subst.len; i-- > 0;) a = aff_subst(r->k->aff, a, &r->subst.data[i], 1);
    return a;
}

static Cons subst_cons(const Rewrite *r, Cons c) {
    for (uint32_t i = r->subst.len; i-- > 0;) c = cons_subst(r->k->aff, c, &r->subst.data[i], 1);
    return c;
}

static const Aff *subst_affs(const Rewrite *r, const Aff *a, uint32_t n) {
    Aff *out = n ? ARENA_ARRAY(r->c->a, Aff, n) : NULL;
    for (uint32_t j = 0; j < n; j++) out[j] = subst_aff(r, a[j]);
    return out;
}

static KIns subst_ins(const Rewrite *r, KIns ins) {
    Arena *a = r->c->a;
    ins.idx = subst_affs(r, ins.idx, ins.nidx);
    if (ins.op == KO_loop) {
        ins.lo = subst_aff(r, ins.lo);
        ins.hi = subst_aff(r, ins.hi);
        ins.more_lo = subst_affs(r, ins.more_lo, ins.nmore_lo);
        ins.more_hi = subst_affs(r, ins.more_hi, ins.nmore_hi);
    }
    if (ins.ncons) {
        Cons *cons = ARENA_ARRAY(a, Cons, ins.ncons);
        for (uint32_t j = 0; j < ins.ncons; j++) cons[j] = subst_cons(r, ins.cons[j]);
        ins.cons = cons;
    }
    return ins;
}

void rewrite_block(Rewrite *r, uint32_t block) {
    const KBlock *b = &r->from.block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) {
        KVal old = b->ins.data[i];
        KIns ins = r->from.ins.data[old];
        for (uint32_t j = 0; j < kop_info(ins.op)->nargs; j++) ins.arg[j] = r->map[ins.arg[j]];
        if (r->subst.len) ins = subst_ins(r, ins);
        r->b.span = ins.span;
        r->map[old] = r->ins(r, old, ins);
    }
}

KVal rewrite_copy(Rewrite *r, KIns ins) {
    uint32_t body = ins.block, other = ins.block2;
    if (ins.op == KO_loop) {
        kb_loop_like(&r->b, &ins);
        rewrite_block(r, body);
        kb_end(&r->b);
        return 0;
    }
    if (ins.op == KO_if) {
        kb_if(&r->b, ins.cons, ins.ncons);
        rewrite_block(r, body);
        if (other) {
            kb_else(&r->b);
            rewrite_block(r, other);
        }
        kb_end(&r->b);
        return 0;
    }
    return kb_emit(&r->b, ins);
}

Rewrite rewrite_begin(Ctx *c, Kernel *k, KStage stage, RewriteIns *ins, void *self) {
    Rewrite r = {.c = c, .k = k, .stage = stage, .from = k->fn[stage], .ins = ins, .self = self};
    r.map = ARENA_ARRAY(c->a, KVal, r.from.ins.len);
    kfn_init(&k->fn[stage], c->a);
    r.b = kb_begin(c, k, stage);
    return r;
}

void rewrite_fn(Ctx *c, Kernel *k, KStage stage, RewriteIns *ins, void *self) {
    Rewrite r = rewrite_begin(c, k, stage, ins, self);
    rewrite_block(&r, 1);
}

/* Products of data vectors: what the runtime has computed where no positions are involved, else a
 * sum over coordinates. */
#include "lower/emit.h"

static KVal basis_pair(Emit *e, const Def *p, const Def *q) { /* [k = l] / d */
    Aff d = aff_sub(e->x, p->basis, q->basis);
    if (!aff_is_const(d) || d.c) return kb_num(&e->b, 0);
    return emit_scalar(e, fx_op(e->fx, FX_div, fx_num(e->fx, 1), fx_dim(e->fx, p->input), 0), NULL);
}

static TpInputKind gram_kind(const LGram *g) {
    if (g->kind == LK_E) return TP_IN_DEFECT;
    if (g->kind == LK_O) return TP_IN_CODEFECT;
    return g->form == FORM_unit ? TP_IN_UNIT : TP_IN_GRAM;
}

static Side gram_side(const Emit *e, const LGram *g, int which) {
    if (e->b.stage != KS_pair) return SIDE_x;
    if (g->self) return g->side == SIDE_y ? SIDE_y : SIDE_x;
    return which ? SIDE_y : SIDE_x;
}

static KVal load_point(Emit *e, const LGram *g, int which, Aff at) {
    const Def *d = &e->l->p->def.data[g->def[which]];
    TpInputKind kind = g->form == FORM_unit ? TP_IN_DIRECTION : TP_IN_POINT;
    uint32_t arr = emit_input(e, kind, KS_sample, d->input, d->input, aff_const(0));
    Aff *idx = ARENA_ARRAY(e->c->a, Aff, d->ndim + 1);
    for (uint32_t i = 0; i < d->ndim; i++) idx[i] = g->idx[which][i];
    idx[d->ndim] = at;
    return kb_load(&e->b, arr, gram_side(e, g, which), idx, d->ndim + 1);
}

/* Two inputs that meet in a product have as many coordinates: checked before a run. */
static void same_dims(Emit *e, uint32_t p, uint32_t q) {
    const Program *pr = e->l->p;
    Fx d = fx_sub(e->fx, fx_dim(e->fx, p), fx_dim(e->fx, q));
    const char *of[2] = {sym_text(e->c->syms, pr->input.data[p].name),
                         sym_text(e->c->syms, pr->input.data[q].name)};
    for (int i = 0; i < 2; i++) {
        Check k = {CHECK_nonneg, i ? fx_op(e->fx, FX_neg, d, 0, 0) : d,
                   arena_printf(e->c->a, "coordinates of `%s` beyond those of `%s`, which it meets "
                                "in a product,", of[i], of[1 - i]), pr->input.data[p].span};
        for (uint32_t j = 0; j < e->k->check.len; j++)
            if (e->k->check.data[j].value == k.value) return;
        vec_push(e->c->a, &e->k->check, k);
    }
}

/* sum(c in 0..d) x[p, c] x'[p', c], the points divided by sqrt d; of directions u: u . u', and
 * 1 - that as |u - u'|^2 / 2, 1 + that as |u + u'|^2 / 2, which hold where neither is 0. */
static KVal emit_points(Emit *e, const LGram *g) {
    const Def *p = &e->l->p->def.data[g->def[0]], *q = &e->l->p->def.data[g->def[1]];
    uint32_t cell = emit_cell(e, "gram");
    Sym c = intern_fresh(e->c->syms, "c");
    Aff at = aff_name(e->x, c);
    kb_store(&e->b, cell, NULL, 0, kb_num(&e->b, 0));
    Aff zero = aff_const(0), end[2] = {aff_name(e->x, emit_dim(e, p->input)),
                                       aff_name(e->x, emit_dim(e, q->input))};
    if (p->input != q->input) same_dims(e, p->input, q->input);
    kb_loop_in(&e->b, c, &zero, 1, end, p->input == q->input ? 1 : 2, false);
    KVal x = load_point(e, g, 0, at), y = load_point(e, g, 1, at);
    KVal old = emit_cell_load(e, cell);
    bool square = g->form == FORM_unit && g->kind != LK_C;
    if (square)
        x = y = kb_op(&e->b, g->kind == LK_E ? KO_sub : KO_add, x, y, 0);
    kb_store(&e->b, cell, NULL, 0, kb_op(&e->b, KO_fma, x, y, old));
    kb_end(&e->b);
    KVal v = emit_cell_load(e, cell);
    return square ? kb_op(&e->b, KO_mul, v, kb_num(&e->b, 0.5), 0) : v;
}

KVal emit_gram(Emit *e, const LGram *g) {
    const Program *pr = e->l->p;
    const Def *p = &pr->def.data[g->def[0]], *q = &pr->def.data[g->def[1]];
    bool pb = p->op == PO_basis, qb = q->op == PO_basis;
    if (pb && qb) return basis_pair(e, p, q);
    if (pb || qb) { /* xi_k / d of one sample */
        const Def *in = pb ? q : p, *b = pb ? p : q;
        uint32_t arr = emit_input(e, TP_IN_COLUMN, KS_sample, in->input, in->input, b->basis);
        return kb_load(&e->b, arr, gram_side(e, g, pb), g->idx[pb], in->ndim);
    }
    if (pr->input.data[p->input].npos || pr->input.data[q->input].npos) return emit_points(e, g);
    KStage stage = g->self ? KS_sample : KS_pair;
    uint32_t arr = emit_input(e, gram_kind(g), stage, p->input, q->input, aff_const(0));
    return kb_load(&e->b, arr, g->self ? gram_side(e, g, 0) : SIDE_none, NULL, 0);
}

/* Softmax rows of one sample, or of all: largest logit, exponentials and their sum, quotients. */
#include "lower/emit.h"
#include <float.h>

typedef struct Row {
    Emit *e;
    const LSoftmax *of;
    Dim over;
    uint32_t array, most, sum; /* the latter two are cells */
    const Aff *idx;
    uint32_t n;
} Row;

static void put(Row *r, KVal v) { kb_store(&r->e->b, r->array, r->idx, r->n, v); }
static KVal get(Row *r) {
    Side side = r->e->b.stage == KS_const ? SIDE_none : SIDE_x;
    return kb_load(&r->e->b, r->array, side, r->idx, r->n);
}

static void put_cell(Row *r, uint32_t cell, KVal v) { kb_store(&r->e->b, cell, NULL, 0, v); }

static void first_pass(Row *r, const LTerm *t) {
    Emit *e = r->e;
    LTerm free = *t;
    free.ncons = 0;
    KVal v = emit_value(e, (LTerms){&free, 1}), most = emit_cell_load(e, r->most);
    put(r, v);
    put_cell(r, r->most, kb_op(&e->b, KO_max, v, most, 0));
}

static void second_pass(Row *r, const LTerm *t) {
    Emit *e = r->e;
    (void)t;
    KVal d = kb_op(&e->b, KO_sub, get(r), emit_cell_load(e, r->most), 0);
    KVal v = kb_op(&e->b, KO_exp, d, 0, 0);
    put(r, v);
    put_cell(r, r->sum, kb_op(&e->b, KO_add, emit_cell_load(e, r->sum), v, 0));
}

static uint32_t open_row(Row *r) {
    Emit *e = r->e;
    uint32_t mark = e->path.len;
    kb_loop(&e->b, r->over.var, r->over.lo, r->over.hi, false);
    cons_range(e->x, &e->path, r->over.var, r->over.lo, r->over.hi);
    return mark;
}

static void close_row(Row *r, uint32_t mark) {
    kb_end(&r->e->b);
    r->e->path.len = mark;
}

/* Each case of the logit where its guards hold. */
static void cases(Row *r, void (*pass)(Row *r, const LTerm *t)) {
    Emit *e = r->e;
    for (uint32_t i = 0; i < r->of->logit.n; i++) {
        const LTerm *t = &r->of->logit.term[i];
        uint32_t mark = e->path.len;
        ConsVec need = {0};
        for (uint32_t k = 0; k < t->ncons; k++)
            if (!aff_implied(e->x, e->path.data, e->path.len, t->cons[k]))
                vec_push(e->c->a, &need, t->cons[k]);
        if (need.len) kb_if(&e->b, need.data, need.len);
        for (uint32_t k = 0; k < need.len; k++) vec_push(e->c->a, &e->path, need.data[k]);
        pass(r, t);
        if (need.len) kb_end(&e->b);
        e->path.len = mark;
    }
}

void emit_softmax(Emit *e, uint32_t array, const LSoftmax *s, Dim over, const Aff *idx,
                  uint32_t n) {
    Row r = {e, s, over, array, emit_cell(e, "most"), emit_cell(e, "sum"), idx, n};
    put_cell(&r, r.most, kb_num(&e->b, -DBL_MAX));
    put_cell(&r, r.sum, kb_num(&e->b, 0));
    uint32_t mark = open_row(&r);
    put(&r, kb_num(&e->b, 0)); /* what no case covers */
    cases(&r, first_pass);
    close_row(&r, mark);
    mark = open_row(&r);
    cases(&r, second_pass);
    close_row(&r, mark);
    mark = open_row(&r);
    put(&r, kb_op(&e->b, KO_div, get(&r), emit_cell_load(e, r.sum), 0));
    close_row(&r, mark);
}

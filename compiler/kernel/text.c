/* Kernel -> text.  Values are numbered in the order of printing, from 0, anew in every function. */
#include "kernel/op.h"
#include "kernel/text.h"

typedef struct Printer {
    const Ctx *c;
    Buf *b;
    const Kernel *k;
    const KFn *f;
    uint32_t *number; /* of a value in this function */
    uint32_t next;
    int depth;
} Printer;

static void put_quoted(Buf *b, const char *s) {
    buf_putc(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') buf_putc(b, '\\');
        if (*s == '\n') buf_puts(b, "\\n");
        else buf_putc(b, *s);
    }
    buf_putc(b, '"');
}

static void put_name(Printer *p, Sym name) {
    const char *s = sym_text(p->c->syms, name);
    bool plain = *s && !digit(*s);
    for (const char *t = s; *t; t++) plain &= name_byte(*t);
    if (plain) buf_puts(p->b, s);
    else put_quoted(p->b, s);
}

static void put_fx(Printer *p, Fx f) { fx_print(p->k->fx, p->c->syms, p->b, f); }
static void put_aff(Printer *p, Aff a) { aff_print(p->c->syms, p->b, a); }

static void put_head(Printer *p) {
    const Kernel *k = p->k;
    buf_puts(p->b, "kernel ");
    put_name(p, k->name);
    buf_puts(p->b, k->dtype == TP_F64 ? " f64" : " f32");
    for (int i = 0; i < KERNEL_COUNT; i++)
        if (k->kernels >> i & 1) buf_printf(p->b, " %s", kind_word[i]);
    buf_putc(p->b, '\n');
    for (uint32_t i = 0; i < k->input.len; i++) {
        const InputDecl *d = &k->input.data[i];
        buf_puts(p->b, d->is_data ? "data " : "input ");
        put_name(p, d->name);
        for (uint32_t j = 0; j < d->npos; j++) {
            buf_puts(p->b, j ? ", " : " [");
            put_aff(p, d->size[j]);
        }
        buf_puts(p->b, d->npos ? "]\n" : "\n");
    }
    for (uint32_t i = 0; i < k->fixed.len; i++) {
        const Hyper *h = &k->fixed.data[i];
        buf_printf(p->b, "fixed %s ", hyper_word[h->kind]);
        put_name(p, h->name);
        if (h->text) {
            buf_putc(p->b, ' ');
            put_quoted(p->b, h->text);
        }
        if (h->init) {
            buf_puts(p->b, " = ");
            put_fx(p, h->init);
        }
        buf_putc(p->b, '\n');
    }
}

static void put_size(Printer *p, const KSize *z) {
    buf_puts(p->b, "size ");
    put_name(p, z->name);
    switch (z->kind) {
    case KZ_hyper: buf_puts(p->b, " hyper"); break;
    case KZ_dim: buf_printf(p->b, " dim %u", z->in); break;
    case KZ_measured:
        buf_puts(p->b, " measured ");
        put_name(p, p->k->array.data[z->array].name);
        break;
    case KZ_position: buf_puts(p->b, " position"); break;
    case KZ_floor:
        buf_puts(p->b, " floor ");
        put_aff(p, z->a);
        buf_printf(p->b, " / %d", (int)z->k);
        break;
    case KZ_max:
    case KZ_min:
        buf_puts(p->b, z->kind == KZ_max ? " max " : " min ");
        put_aff(p, z->a);
        buf_puts(p->b, ", ");
        put_aff(p, z->b);
        break;
    case KZ_right:
        buf_puts(p->b, " right ");
        put_name(p, p->k->size.data[z->of].name);
        break;
    }
    if (z->varies) buf_puts(p->b, " varies");
    if (z->cap) buf_printf(p->b, " cap %lld", (long long)z->cap);
    int64_t least = affctx_least(p->k->aff, z->name);
    if (affctx_is_size(p->k->aff, z->name) && least != INT64_MIN)
        buf_printf(p->b, " least %lld", (long long)least);
    if (z->value) {
        buf_puts(p->b, " = ");
        put_fx(p, z->value);
    }
    buf_putc(p->b, '\n');
}

static void put_numbers(Printer *p) {
    const Kernel *k = p->k;
    for (uint32_t i = 0; i < k->size.len; i++) put_size(p, &k->size.data[i]);
    const Cons *fact;
    uint32_t nfact = affctx_facts(k->aff, &fact);
    for (uint32_t i = 0; i < nfact; i++) {
        buf_puts(p->b, "fact ");
        cons_print(p->c->syms, p->b, fact[i]);
        buf_putc(p->b, '\n');
    }
    for (uint32_t i = 0; i < k->real.len; i++) {
        const KReal *r = &k->real.data[i];
        buf_puts(p->b, "real ");
        put_name(p, r->name);
        if (r->hyper) buf_puts(p->b, " hyper");
        if (r->value) {
            buf_puts(p->b, " = ");
            put_fx(p, r->value);
        }
        buf_putc(p->b, '\n');
    }
    for (uint32_t i = 0; i < k->check.len; i++) {
        const Check *c = &k->check.data[i];
        buf_printf(p->b, "check %s ", check_word[c->kind]);
        put_quoted(p->b, c->what);
        buf_puts(p->b, " = ");
        put_fx(p, c->value);
        buf_putc(p->b, '\n');
    }
}

static void put_class(Printer *p, const KArray *a) {
    switch (a->class) {
    case KA_stored: break;
    case KA_input:
        buf_printf(p->b, " input %s", input_word[a->input]);
        buf_printf(p->b, " %u %u", a->in[0], a->in[1]);
        if (a->input == TP_IN_COLUMN) {
            buf_putc(p->b, ' ');
            put_aff(p, a->basis);
        }
        break;
    case KA_output: buf_printf(p->b, " output %s", kind_word[a->output]); break;
    }
}

static void put_array(Printer *p, const KArray *a) {
    buf_puts(p->b, "array ");
    put_name(p, a->name);
    buf_printf(p->b, " %s", stage_word[a->stage]);
    put_class(p, a);
    for (uint32_t i = 0; i < a->naxis; i++) {
        const KAxis *x = &a->axis[i];
        buf_puts(p->b, i ? ", " : " [");
        if (x->var) put_name(p, x->var);
        else buf_putc(p->b, '_');
        buf_puts(p->b, " in ");
        put_aff(p, x->lo);
        buf_puts(p->b, "..");
        put_aff(p, x->hi);
        if (x->slices) buf_printf(p->b, " ring %u", x->slices);
        if (x->wrap) buf_puts(p->b, " wrap");
    }
    if (a->naxis) buf_putc(p->b, ']');
    if (a->finite) {
        buf_puts(p->b, " finite ");
        put_quoted(p->b, a->finite);
    }
    buf_putc(p->b, '\n');
}

static void put_tables(Printer *p) {
    for (uint32_t i = 0; i < p->k->table.len; i++) {
        const KTable *t = &p->k->table.data[i];
        buf_puts(p->b, "table ");
        put_name(p, t->name);
        for (uint32_t j = 0; j < t->n; j++) {
            buf_puts(p->b, j ? ", " : " = ");
            buf_hex(p->b, t->v[j]);
        }
        buf_putc(p->b, '\n');
    }
    for (uint32_t i = 1; i < p->k->array.len; i++) put_array(p, &p->k->array.data[i]);
}

static void put_idx(Printer *p, const KIns *i) {
    for (uint32_t j = 0; j < i->nidx; j++) {
        buf_puts(p->b, j ? ", " : "[");
        put_aff(p, i->idx[j]);
    }
    if (i->nidx) buf_putc(p->b, ']');
}

static void put_block(Printer *p, uint32_t block);

static void put_cons(Printer *p, const KIns *i) {
    for (uint32_t j = 0; j < i->ncons; j++) {
        if (j) buf_puts(p->b, " & ");
        cons_print(p->c->syms, p->b, i->cons[j]);
    }
}

static void put_body(Printer *p, uint32_t block) {
    buf_puts(p->b, " {\n");
    p->depth++;
    put_block(p, block);
    p->depth--;
    buf_pad(p->b, 4 * p->depth);
    buf_putc(p->b, '}');
}

/* A bound, or `max(..)`, `min(..)` of several. */
static void put_bound(Printer *p, const char *of, Aff first, const Aff *more, uint32_t nmore) {
    if (nmore) buf_printf(p->b, "%s(", of);
    put_aff(p, first);
    for (uint32_t j = 0; j < nmore; j++) {
        buf_puts(p->b, ", ");
        put_aff(p, more[j]);
    }
    if (nmore) buf_putc(p->b, ')');
}

static void put_struct(Printer *p, const KIns *i) {
    if (i->op == KO_loop) {
        buf_puts(p->b, "for ");
        put_name(p, i->var);
        buf_puts(p->b, " in ");
        put_bound(p, "max", i->lo, i->more_lo, i->nmore_lo);
        buf_puts(p->b, "..");
        put_bound(p, "min", i->hi, i->more_hi, i->nmore_hi);
        if (i->down) buf_puts(p->b, " down");
        put_body(p, i->block);
        return;
    }
    buf_puts(p->b, "if ");
    put_cons(p, i);
    put_body(p, i->block);
    if (i->block2) {
        buf_puts(p->b, " else");
        put_body(p, i->block2);
    }
}

static void put_access(Printer *p, const KIns *i) {
    put_name(p, p->k->array.data[i->x].name);
    if (i->side != SIDE_none) buf_puts(p->b, i->side == SIDE_x ? "@x" : "@y");
    put_idx(p, i);
}

/* What stands after the name of the instruction. */
static void put_operands(Printer *p, const KIns *i) {
    const KOpInfo *info = kop_info(i->op);
    switch ((int)i->op) {
    case KO_num: buf_hex(p->b, i->num); break;
    case KO_real: put_name(p, p->k->real.data[i->x].name); break;
    case KO_index: put_aff(p, i->idx[0]); break;
    case KO_table:
        put_name(p, p->k->table.data[i->x].name);
        put_idx(p, i);
        break;
    case KO_load: put_access(p, i); break;
    case KO_store:
        put_access(p, i);
        buf_puts(p->b, ", ");
        break;
    }
    for (uint32_t j = 0; j < info->nargs; j++)
        buf_printf(p->b, "%s%%%u", j ? ", " : "", p->number[i->arg[j]]);
}

static void put_ins(Printer *p, KVal v) {
    const KIns *i = &p->f->ins.data[v];
    const KOpInfo *info = kop_info(i->op);
    buf_pad(p->b, 4 * p->depth);
    if (info->flag == KF_STRUCT) {
        put_struct(p, i);
    } else {
        if (info->result != KT_NONE) {
            p->number[v] = p->next++;
            buf_printf(p->b, "%%%u = ", p->number[v]);
        }
        buf_printf(p->b, "%s ", info->name);
        put_operands(p, i);
    }
    buf_putc(p->b, '\n');
}

static void put_block(Printer *p, uint32_t block) {
    const KBlock *b = &p->f->block.data[block];
    for (uint32_t i = 0; i < b->ins.len; i++) put_ins(p, b->ins.data[i]);
}

void kernel_print(const Ctx *c, Buf *b, const Kernel *k) {
    Printer p = {.c = c, .b = b, .k = k};
    put_head(&p);
    put_numbers(&p);
    put_tables(&p);
    for (int s = 0; s < KS_COUNT; s++) {
        p.f = &k->fn[s];
        if (!p.f->block.data[1].ins.len) continue;
        p.number = ARENA_ARRAY(c->a, uint32_t, p.f->ins.len);
        p.next = 0;
        buf_printf(b, "\n%s", stage_word[s]);
        put_body(&p, 1);
        buf_putc(b, '\n');
    }
}

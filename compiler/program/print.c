/* The program as text: what parse.c reads. */
#include "program/program.h"

static const char *const hyper_kind[] = {"real", "int", "fn", "word"};
static const char *const fam_kind[] = {"matrix", "input_matrix", "vector", "noise"};
static const char *const noise_law[] = {"normal", "bernoulli"};
static const char *const size_kind[] = {"position", "floor", "max", "min"};
static const char *const check_kind[] = {"finite", "nonneg", "positive"};

static const char *const op_name[] = {
#define PO(name, rank, text) [PO_##name] = #name,
#include "program/program.def"
};

typedef struct Printer {
    const Ctx *c;
    Buf *b;
    const Program *p;
} Printer;

static const char *name(Printer *t, Sym s) { return sym_text(t->c->syms, s); }
static Sym def_name(void *ctx, uint32_t d) {
    const Program *p = ctx;
    return d < p->def.len ? p->def.data[d].name : 0;
}

static void fx(Printer *t, Fx f) {
    FxNames names = {.name = def_name, .ctx = (void *)t->p};
    fx_print_named(t->p->fx, t->c->syms, t->b, f, &names);
}

static void quoted(Buf *b, const char *s) {
    buf_putc(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') buf_putc(b, '\\');
        if (*s == '\n')
            buf_puts(b, "\\n");
        else
            buf_putc(b, *s);
    }
    buf_putc(b, '"');
}

static void index_list(Printer *t, const Aff *idx, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        buf_puts(t->b, i ? ", " : "[");
        aff_print(t->c->syms, t->b, idx[i]);
    }
    if (n) buf_putc(t->b, ']');
}

static void dims(Printer *t, const Dim *d, uint32_t n, uint32_t wrap) {
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_puts(t->b, ", ");
        buf_printf(t->b, "%s in ", name(t, d[i].var));
        aff_print(t->c->syms, t->b, d[i].lo);
        buf_puts(t->b, "..");
        aff_print(t->c->syms, t->b, d[i].hi);
        if (wrap >> i & 1) buf_puts(t->b, " wrap");
    }
}

static void use(Printer *t, Use u) {
    const Def *d = &t->p->def.data[u.d];
    buf_puts(t->b, name(t, d->name));
    index_list(t, u.idx, d->ndim);
}

static void uses(Printer *t, const Def *d) {
    for (uint32_t i = 0; i < d->nuse; i++) {
        if (i) buf_puts(t->b, ", ");
        use(t, d->use[i]);
    }
}

static void arm(Printer *t, const Arm *a) {
    if (a->nred) {
        buf_puts(t->b, "sum(");
        dims(t, a->red, a->nred, 0);
        buf_puts(t->b, ") ");
    }
    for (uint32_t i = 0; i < a->ncons; i++) {
        buf_puts(t->b, i ? " & " : "[");
        cons_print(t->c->syms, t->b, a->cons[i]);
    }
    if (a->ncons) buf_puts(t->b, "] ");
    if (!a->use.d || !fx_is_num(t->p->fx, a->coef, 1)) {
        buf_putc(t->b, '(');
        fx(t, a->coef);
        buf_puts(t->b, a->use.d ? ") * " : ")");
    }
    if (a->use.d) use(t, a->use);
}

static void arms(Printer *t, const Def *d) {
    for (uint32_t i = 0; i < d->narm; i++) {
        if (i) buf_puts(t->b, " + ");
        arm(t, &d->arm[i]);
    }
    if (!d->narm) buf_putc(t->b, '0');
}

static void family_member(Printer *t, const Def *d) {
    buf_printf(t->b, "%s%s", name(t, t->p->fam.data[d->fam].name), d->transposed ? "'" : "");
    index_list(t, d->fidx, d->nfidx);
}

static void body(Printer *t, const Def *d) {
    if (d->mu) buf_puts(t->b, "mu ");
    if (!d->mu || d->op != PO_lin) buf_printf(t->b, "%s ", op_name[d->op]);
    switch (d->op) {
    case PO_input: buf_printf(t->b, "%u", d->input); break;
    case PO_basis:
        buf_printf(t->b, "%u ", d->input);
        aff_print(t->c->syms, t->b, d->basis);
        break;
    case PO_one: t->b->data[--t->b->len] = 0; break; /* the blank after it */
    case PO_param:
    case PO_noise: family_member(t, d); break;
    case PO_data: buf_printf(t->b, "%u", d->input); break;
    case PO_second:
    case PO_mean:
    case PO_grad: uses(t, d); break;
    case PO_softmax:
        buf_printf(t->b, "over %u ", d->over);
        arms(t, d);
        break;
    case PO_matmul:
        family_member(t, d);
        buf_puts(t->b, " * ");
        use(t, d->use[0]);
        break;
    case PO_lin:
    case PO_scalar:
    case PO_output: arms(t, d); break;
    case PO_nonlin:
    case PO_inner:
        fx(t, d->f);
        buf_puts(t->b, " of ");
        uses(t, d);
        break;
    }
}

static bool has_width(const Def *d) {
    return d->op != PO_input && d->op != PO_basis && !program_op_is_scalar(d->op);
}

static void definition(Printer *t, const Def *d) {
    buf_printf(t->b, "def %s", name(t, d->name));
    if (d->ndim) {
        buf_putc(t->b, '[');
        dims(t, d->dim, d->ndim, d->wrap);
        buf_putc(t->b, ']');
    }
    if (has_width(d) && !d->width) {
        buf_puts(t->b, " data");
    } else if (has_width(d) && !fx_is_num(t->p->fx, d->width, 1)) {
        buf_puts(t->b, " width (");
        fx(t, d->width);
        buf_putc(t->b, ')');
    }
    buf_puts(t->b, " = ");
    body(t, d);
    buf_putc(t->b, '\n');
}

static void hyper(Printer *t, const Hyper *h) {
    buf_printf(t->b, "hyper %s: %s%s%s", name(t, h->name), hyper_kind[h->kind],
               h->given ? " given" : "", h->fixed ? " fixed" : "");
    if (h->init) {
        buf_puts(t->b, " = ");
        fx(t, h->init);
    } else if (h->text) {
        buf_puts(t->b, " = ");
        quoted(t->b, h->text);
    }
    buf_putc(t->b, '\n');
}

static void family(Printer *t, const Fam *f) {
    buf_printf(t->b, "%s %s", fam_kind[f->kind], name(t, f->name));
    if (f->nindex) buf_printf(t->b, "[%u]", f->nindex);
    if (f->kind == FAM_noise) buf_printf(t->b, ": %s s2 = ", noise_law[f->law]);
    else buf_printf(t->b, ": %s s2 = ", f->trained ? "param" : "random");
    fx(t, f->s2);
    buf_puts(t->b, ", lr = ");
    fx(t, f->lr);
    if (f->lr_given) buf_puts(t->b, " given");
    if (!fx_is_num(t->p->fx, f->rows, 1)) {
        buf_puts(t->b, ", rows = ");
        fx(t, f->rows);
    }
    if (f->cols && !fx_is_num(t->p->fx, f->cols, 1)) {
        buf_puts(t->b, ", cols = ");
        fx(t, f->cols);
    }
    buf_putc(t->b, '\n');
}

static void check(Printer *t, const Check *k) {
    buf_printf(t->b, "check %s ", check_kind[k->kind]);
    fx(t, k->value);
    buf_putc(t->b, ' ');
    quoted(t->b, k->what ? k->what : "");
    buf_putc(t->b, '\n');
}

/* `size T2 = floor (T + 1) / 2`, `size m = max (a), (b)`, `size T = position` */
static void size(Printer *t, const SizeDef *z) {
    buf_printf(t->b, "size %s = %s", name(t, z->name), size_kind[z->kind]);
    if (z->kind != SIZE_position) {
        buf_puts(t->b, " (");
        aff_print(t->c->syms, t->b, z->a);
        buf_puts(t->b, z->kind == SIZE_floor ? ") / " : "), (");
        if (z->kind == SIZE_floor) buf_printf(t->b, "%d", (int)z->k);
        else aff_print(t->c->syms, t->b, z->b);
        if (z->kind != SIZE_floor) buf_putc(t->b, ')');
    }
    buf_putc(t->b, '\n');
}

static void input(Printer *t, const InputDecl *d) {
    buf_printf(t->b, "%s %s", d->is_data ? "data" : "input", name(t, d->name));
    index_list(t, d->size, d->npos);
    buf_putc(t->b, '\n');
}

void program_print(const Ctx *c, Buf *b, const Program *p) {
    Printer t = {c, b, p};
    buf_printf(b, "%s %s\n", p->is_program ? "program" : "network", name(&t, p->name));
    for (uint32_t i = 0; i < p->hyper.len; i++) hyper(&t, &p->hyper.data[i]);
    for (uint32_t i = 0; i < p->size.len; i++) size(&t, &p->size.data[i]);
    for (uint32_t i = 0; i < p->input.len; i++) input(&t, &p->input.data[i]);
    for (uint32_t i = 0; i < p->fam.len; i++) family(&t, &p->fam.data[i]);
    for (uint32_t i = 0; i < p->check.len; i++) check(&t, &p->check.data[i]);
    for (uint32_t i = 1; i < p->def.len; i++) definition(&t, &p->def.data[i]);
    buf_printf(b, "return %s", name(&t, p->def.data[p->out].name));
    index_list(&t, p->out_idx, p->def.data[p->out].ndim);
    if (p->nout_dim) buf_puts(b, " for ");
    dims(&t, p->out_dim, p->nout_dim, 0);
    buf_putc(b, '\n');
}

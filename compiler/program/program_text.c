/* Program -> text.  See program_text.h for the form. */
#include "program/program_text.h"
#include "program/cursor.h"

typedef struct Printer {
    Intern *syms;
    Buf *b;
    const Program *p;
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

/* Bare where the reader takes all of it as one name. */
static void put_name(Printer *t, Sym name) {
    const char *s = sym_text(t->syms, name), *end = s;
    if (*s != ' ' && cursor_name(t->syms, &end) && !*end) buf_puts(t->b, s);
    else put_quoted(t->b, s);
}

static void put_fx(Printer *t, Fx f) { fx_print(t->p->fx, t->syms, t->b, f); }
static void put_aff(Printer *t, Aff a) { aff_print(t->syms, t->b, a); }

/* ` word value` */
static void put_clause(Printer *t, const char *word, Fx f) {
    buf_printf(t->b, " %s ", word);
    put_fx(t, f);
}

static void put_idx(Printer *t, const Aff *idx, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        buf_puts(t->b, i ? ", " : "[");
        put_aff(t, idx[i]);
    }
    if (n) buf_putc(t->b, ']');
}

static void put_dims(Printer *t, const char *open, const Dim *d, uint32_t n, const char *close) {
    for (uint32_t i = 0; i < n; i++) {
        buf_puts(t->b, i ? ", " : open);
        put_name(t, d[i].var);
        buf_puts(t->b, " in ");
        put_aff(t, d[i].lo);
        buf_puts(t->b, "..");
        put_aff(t, d[i].hi);
    }
    if (n) buf_puts(t->b, close);
}

/* ---- declarations */
static void put_size(Printer *t, Sym name) {
    int64_t least = affctx_least(t->p->aff, name);
    if (!affctx_is_size(t->p->aff, name)) return;
    buf_puts(t->b, " size");
    if (least != INT64_MIN) buf_printf(t->b, " least %lld", (long long)least);
}

static void put_input(Printer *t, const InputDecl *d) {
    buf_puts(t->b, "input ");
    put_name(t, d->name);
    for (uint32_t i = 0; i < d->npos; i++) {
        buf_puts(t->b, i ? ", " : " [");
        put_name(t, d->size[i]);
        put_size(t, d->size[i]);
    }
    buf_puts(t->b, d->npos ? "]\n" : "\n");
}

static void put_hyper(Printer *t, const Hyper *h) {
    buf_puts(t->b, "hyper ");
    put_name(t, h->name);
    buf_printf(t->b, ": %s", hyper_kind_word[h->kind]);
    if (h->kind == HYPER_int) put_size(t, h->name);
    if (h->fixed) buf_puts(t->b, " fixed");
    if (h->given) buf_puts(t->b, " given");
    if (h->text) {
        buf_putc(t->b, ' ');
        put_quoted(t->b, h->text);
    }
    if (h->init) put_clause(t, "=", h->init);
    buf_putc(t->b, '\n');
}

static void put_fam(Printer *t, const Fam *f) {
    buf_puts(t->b, "fam ");
    put_name(t, f->name);
    if (f->nindex) buf_printf(t->b, "[%u]", f->nindex);
    buf_printf(t->b, ": %s", fam_word[f->kind]);
    if (f->s2) put_clause(t, "~", f->s2);
    if (f->lr) put_clause(t, "lr", f->lr);
    if (f->rows) put_clause(t, "rows", f->rows);
    if (f->cols) put_clause(t, "cols", f->cols);
    if (f->trained) buf_puts(t->b, " trained");
    buf_puts(t->b, f->lr_given ? " given\n" : "\n");
}

static void put_head(Printer *t) {
    const Program *p = t->p;
    buf_puts(t->b, "program ");
    put_name(t, p->name);
    buf_putc(t->b, '\n');
    for (uint32_t i = 0; i < p->input.len; i++) put_input(t, &p->input.data[i]);
    for (uint32_t i = 0; i < p->hyper.len; i++) put_hyper(t, &p->hyper.data[i]);
    const Cons *fact;
    uint32_t nfact = affctx_facts(p->aff, &fact);
    for (uint32_t i = 0; i < nfact; i++) {
        buf_puts(t->b, "fact ");
        cons_print(t->syms, t->b, fact[i]);
        buf_putc(t->b, '\n');
    }
    for (uint32_t i = 0; i < p->fam.len; i++)
        if (p->fam.data[i].name) put_fam(t, &p->fam.data[i]);
    for (uint32_t i = 0; i < p->check.len; i++) {
        const Check *c = &p->check.data[i];
        buf_printf(t->b, "check %s ", check_kind_word[c->kind]);
        put_quoted(t->b, c->what);
        put_clause(t, "=", c->value);
        buf_putc(t->b, '\n');
    }
}

/* ---- definitions */
static void put_element(Printer *t, DefId d, const Aff *idx) {
    const Def *of = &t->p->def.data[d];
    put_name(t, of->name);
    put_idx(t, idx, of->ndim);
}

static void put_uses(Printer *t, const Def *d) {
    for (uint32_t i = 0; i < d->nuse; i++) {
        buf_puts(t->b, i ? ", " : " of ");
        put_element(t, d->use[i].d, d->use[i].idx);
    }
}

/* Bare where it is one token, so that it ends before the ` *`. */
static void put_coef(Printer *t, Fx f) {
    Buf b = buf_new(t->b->a);
    fx_print(t->p->fx, t->syms, &b, f);
    const char *s = buf_text(&b);
    bool bare = strcspn(s, " ()[]+-*/^") == strlen(s);
    buf_printf(t->b, bare ? "%s * " : "(%s) * ", s);
}

static void put_arm(Printer *t, const Arm *a) {
    put_dims(t, "sum(", a->red, a->nred, ") ");
    for (uint32_t i = 0; i < a->ncons; i++) {
        buf_puts(t->b, i ? " & " : "[");
        cons_print(t->syms, t->b, a->cons[i]);
    }
    if (a->ncons) buf_puts(t->b, "] ");
    put_coef(t, a->coef);
    put_element(t, a->use.d, a->use.idx);
}

static void put_member(Printer *t, const Def *d) {
    put_name(t, t->p->fam.data[d->fam].name);
    put_idx(t, d->fidx, d->nfidx);
}

static void put_input_name(Printer *t, uint32_t input) {
    if (input < t->p->input.len) put_name(t, t->p->input.data[input].name);
}

static void put_value(Printer *t, const Def *d) {
    static const char *const word[] = {
#define PO(name, rank, text) #name,
#include "program/program.def"
    };
    buf_printf(t->b, " = %s ", d->mu ? "mu" : word[d->op]);
    switch (d->op) {
    case PO_input: put_input_name(t, d->input); break;
    case PO_basis:
        put_aff(t, d->basis);
        buf_puts(t->b, " of ");
        put_input_name(t, d->input);
        break;
    case PO_one: break;
    case PO_param: put_member(t, d); break;
    case PO_matmul:
        if (d->transposed) buf_puts(t->b, "transposed ");
        put_member(t, d);
        put_uses(t, d);
        break;
    case PO_lin:
    case PO_output:
        for (uint32_t i = 0; i < d->narm; i++) {
            if (i) buf_puts(t->b, " + ");
            put_arm(t, &d->arm[i]);
        }
        break;
    case PO_nonlin:
    case PO_inner:
        put_fx(t, d->f);
        put_uses(t, d);
        break;
    }
    while (t->b->data[t->b->len - 1] == ' ') t->b->len--;
}

static void put_def(Printer *t, const Def *d) {
    buf_puts(t->b, "def ");
    put_name(t, d->name);
    put_dims(t, "[", d->dim, d->ndim, "]");
    Fx usual = width_is_one(d->op) ? fx_rat(t->p->fx, 1, 1) : 0;
    if (d->width && d->width != usual) put_clause(t, "width", d->width);
    else if (!d->width && usual) buf_puts(t->b, " width none");
    put_value(t, d);
    buf_putc(t->b, '\n');
}

void program_print(const Ctx *c, Buf *b, const Program *p) {
    Printer t = {c->syms, b, p};
    put_head(&t);
    for (DefId d = 0; d < p->def.len; d++)
        if (p->def.data[d].name) put_def(&t, &p->def.data[d]);
    if (p->out >= p->def.len || !p->def.data[p->out].name) return;
    buf_puts(b, "out ");
    put_element(&t, p->out, p->out_idx);
    put_dims(&t, " for ", p->out_dim, p->nout_dim, "");
    buf_putc(b, '\n');
}

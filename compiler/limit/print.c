/* The limit as text: one equation a line, by stage.  `q.h.h@x[l]` is the second moment of one
 * sample, `K.h.h` that of a pair, `Th.h.h` its tangent kernel, G the Gram of the data. */
#include "gauss/gauss.h"
#include "limit/limit.h"

typedef struct Print {
    const Limit *l;
    const Intern *syms;
    Buf *b;
} Print;

static void print_terms(Print *p, LTerms t);
static void print_factor(Print *p, const LFactor *f);

static void print_side(Print *p, Side s) {
    switch (s) {
    case SIDE_x: buf_puts(p->b, "@x"); break;
    case SIDE_y: buf_puts(p->b, "@y"); break;
    case SIDE_none: break;
    }
}

static void print_idx(Print *p, const Aff *idx, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        buf_putc(p->b, i ? ',' : '[');
        aff_print(p->syms, p->b, idx[i]);
    }
    if (n) buf_putc(p->b, ']');
}

static void print_ref(Print *p, LRef r) {
    const LArray *a = &p->l->array.data[r.array];
    buf_puts(p->b, sym_text(p->syms, a->name));
    print_side(p, r.side);
    print_idx(p, r.idx, a->naxis);
}

static void print_gram(Print *p, const LGram *g) {
    static const char *const what[] = {[LK_E] = "1-", [LK_O] = "1+"};
    if (g->kind == LK_E || g->kind == LK_O) buf_puts(p->b, what[g->kind]);
    buf_puts(p->b, g->form == FORM_unit ? "c" : "G");
    print_side(p, g->self ? g->side : SIDE_none);
    const Program *q = p->l->p;
    if (g->def[0] != g->def[1] || q->input.len > 1) {
        const char *s = sym_text(p->syms, q->def.data[g->def[0]].name);
        buf_printf(p->b, "(%s,%s)", s, sym_text(p->syms, q->def.data[g->def[1]].name));
    }
    print_idx(p, g->idx[0], q->def.data[g->def[0]].ndim);
    print_idx(p, g->idx[1], q->def.data[g->def[1]].ndim);
}

static void print_moment(Print *p, const LExp *e, uint32_t i, uint32_t k) {
    const LTerms *c = &e->cov[i * e->nleaf + k];
    if (!c->n) return;
    buf_printf(p->b, ", u%uu%u=", i, k);
    print_terms(p, *c);
}

static void print_thetas(Print *p, const LExp *e) {
    for (uint32_t k = 0; k < e->ntheta; k++) {
        buf_printf(p->b, ", th%u=", k);
        if (e->theta[k].kind == LF_coef) fx_print(p->l->fx, p->syms, p->b, e->theta[k].coef);
        else print_factor(p, &e->theta[k]);
    }
}

static void print_named(Print *p, const char *name, LRef r) {
    if (!r.array) return;
    buf_printf(p->b, ", %s=", name);
    print_ref(p, r);
}

static bool is_infix(FxOp op) {
    return op == FX_add || op == FX_sub || op == FX_neg || op == FX_if || op == FX_index ||
           op == FX_gt || op == FX_ge || op == FX_eq || op == FX_and || op == FX_or || op == FX_not;
}

/* An expression as a factor of a product. */
static void print_operand(Print *p, Fx f) {
    bool paren = is_infix(fx_node(p->l->fx, f)->op);
    if (paren) buf_putc(p->b, '(');
    fx_print(p->l->fx, p->syms, p->b, f);
    if (paren) buf_putc(p->b, ')');
}

static void print_product(Print *p, Fx f) {
    const FxNode *n = fx_node(p->l->fx, f);
    if (n->op != FX_mul) return print_operand(p, f);
    Fx left = n->arg[0], right = n->arg[1];
    print_product(p, left);
    buf_puts(p->b, " * ");
    print_product(p, right);
}

static void print_exp(Print *p, const LExp *e) {
    buf_puts(p->b, "E{");
    if (e->G) {
        print_operand(p, e->F);
        buf_puts(p->b, " * ");
        print_operand(p, e->G);
    } else {
        fx_print(p->l->fx, p->syms, p->b, e->F);
    }
    uint32_t bar = p->b->len;
    for (uint32_t i = 0; i < e->nleaf; i++)
        for (uint32_t k = i; k < e->nleaf; k++) print_moment(p, e, i, k);
    for (uint32_t i = 0; i < e->nleaf; i++) {
        if (!e->mean[i].n) continue;
        buf_printf(p->b, ", mean u%u=", i);
        print_terms(p, e->mean[i]);
    }
    print_named(p, "c", e->unit);
    print_named(p, "1-c", e->defect);
    print_named(p, "1+c", e->codefect);
    print_named(p, "s", e->norm[0]);
    print_named(p, "s'", e->norm[1]);
    print_thetas(p, e);
    if (p->b->len > bar) { /* the first ", " becomes " | " */
        char *rest = arena_strndup(p->b->a, p->b->data + bar + 2, p->b->len - bar - 2);
        p->b->len = bar;
        buf_printf(p->b, " | %s", rest);
    }
    buf_putc(p->b, '}');
}

/* Hermite coefficients: the last index, k, is not part of the reference. */
static void print_hermite(Print *p, LRef r) {
    const LArray *a = &p->l->array.data[r.array];
    buf_puts(p->b, sym_text(p->syms, a->name));
    print_side(p, r.side);
    print_idx(p, r.idx, a->naxis - 1);
}

static void print_series(Print *p, const LSeries *s) {
    buf_puts(p->b, s->deriv ? "dseries{" : "series{");
    print_hermite(p, s->left);
    buf_puts(p->b, " * ");
    print_hermite(p, s->right);
    buf_puts(p->b, " of ");
    print_exp(p, s->exp);
    buf_putc(p->b, '}');
}

static void print_scalar(Print *p, const LScalar *s) {
    buf_puts(p->b, "f{");
    fx_print(p->l->fx, p->syms, p->b, s->f);
    for (uint32_t k = 0; k < s->narg; k++) {
        buf_printf(p->b, "%s th%u=", k ? "," : " |", k);
        print_factor(p, &s->arg[k]);
    }
    buf_putc(p->b, '}');
}

static void print_factor(Print *p, const LFactor *f) {
    switch (f->kind) {
    case LF_ref: print_ref(p, f->ref); break;
    case LF_gram: print_gram(p, &f->gram); break;
    case LF_coef: print_product(p, f->coef); break;
    case LF_exp: print_exp(p, f->exp); break;
    case LF_series: print_series(p, f->series); break;
    case LF_hermite:
        buf_puts(p->b, "hermite");
        print_exp(p, f->exp);
        break;
    case LF_scalar: print_scalar(p, f->scalar); break;
    case LF_softmax:
        buf_printf(p->b, "softmax%u{", f->softmax->over);
        print_terms(p, f->softmax->logit);
        buf_putc(p->b, '}');
        break;
    }
}

static void print_cons(Print *p, const Cons *c, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        buf_puts(p->b, i ? " & " : "[");
        cons_print(p->syms, p->b, c[i]);
    }
    if (n) buf_putc(p->b, ']');
}

static void print_term(Print *p, const LTerm *t) {
    for (uint32_t i = 0; i < t->nred; i++) {
        buf_printf(p->b, "%s%s in ", i ? ", " : "sum(", sym_text(p->syms, t->red[i].var));
        aff_print(p->syms, p->b, t->red[i].lo);
        buf_puts(p->b, "..");
        aff_print(p->syms, p->b, t->red[i].hi);
    }
    if (t->nred) buf_puts(p->b, ") ");
    print_cons(p, t->cons, t->ncons);
    if (t->ncons) buf_putc(p->b, ' ');
    for (uint32_t i = 0; i < t->nfactor; i++) {
        if (i) buf_puts(p->b, " * ");
        print_factor(p, &t->factor[i]);
    }
    if (!t->nfactor) buf_putc(p->b, '1');
}

static void print_terms(Print *p, LTerms t) {
    for (uint32_t i = 0; i < t.n; i++) {
        if (i) buf_puts(p->b, " + ");
        print_term(p, &t.term[i]);
    }
    if (!t.n) buf_putc(p->b, '0');
}

static void print_axes(Print *p, const LArray *r) {
    for (uint32_t i = 0; i < r->naxis; i++) {
        const Dim *d = &r->axis[i];
        buf_printf(p->b, "%s%s%s", i ? ", " : "[", r->wrap >> i & 1 ? "wrap " : "",
                   sym_text(p->syms, d->var));
        if (!aff_is_const(d->lo) || d->lo.c) {
            buf_puts(p->b, " in ");
            aff_print(p->syms, p->b, d->lo);
            buf_puts(p->b, "..");
        } else {
            buf_putc(p->b, '<');
        }
        aff_print(p->syms, p->b, d->hi);
    }
    if (r->naxis) buf_putc(p->b, ']');
}

/* ---- how the expectations are computed, where that is decided */
static void print_plan(Print *p, const LArray *r) {
    for (uint32_t i = 0; i < r->eq.n; i++) {
        for (uint32_t k = 0; k < r->eq.term[i].nfactor; k++) {
            const LFactor *f = &r->eq.term[i].factor[k];
            bool exp = f->kind == LF_exp || f->kind == LF_hermite;
            const Expectation *e = exp ? f->exp->plan : NULL;
            if (!e) continue;
            buf_printf(p->b, "   ; %s", e->text ? e->text : "");
            if (e->error > 0) {
                buf_puts(p->b, ", error ");
                buf_printf(p->b, "%.1e", e->error);
            }
        }
    }
}

static void print_array(Print *p, const LArray *r) {
    buf_puts(p->b, "  ");
    buf_puts(p->b, sym_text(p->syms, r->name));
    print_axes(p, r);
    print_cons(p, r->cons, r->ncons);
    if (r->form == FORM_unit) buf_puts(p->b, " unit");
    if (r->nonneg && r->stage == LS_pair && r->kind == LK_C) buf_puts(p->b, " >= 0");
    buf_puts(p->b, " = ");
    if (r->data) buf_puts(p->b, "data");
    else print_terms(p, r->eq);
    print_plan(p, r);
    buf_putc(p->b, '\n');
}

static void print_output(Print *p, const char *kernel, const char *of, const Dim *axis, uint32_t n,
                         LTerms t) {
    LArray like = {.axis = axis, .naxis = n};
    buf_printf(p->b, "%s%s", kernel, of);
    print_axes(p, &like);
    buf_puts(p->b, " = ");
    print_terms(p, t);
    buf_putc(p->b, '\n');
}

void limit_print(const Ctx *c, Buf *b, const Limit *l) {
    static const char *const stage[] = {"const", "sample", "series", "pair"};
    static const char *const kernel[] = {[KERNEL_nngp] = "nngp", [KERNEL_ntk] = "ntk"};
    Print p = {l, c->syms, b};
    for (int s = LS_const; s <= LS_pair; s++) {
        bool any = false;
        for (LArrayId i = 1; i < l->array.len; i++) {
            if (l->array.data[i].stage != (LStage)s) continue;
            if (!any) buf_printf(b, "%s\n", stage[s]);
            any = true;
            print_array(&p, &l->array.data[i]);
        }
    }
    for (uint32_t k = 0; k < l->nout; k++) {
        const LOutput *o = &l->out[k];
        print_output(&p, kernel[o->kernel], "", o->axis, o->naxis, o->value);
        if (o->noisy) print_output(&p, kernel[o->kernel], " self", o->self_axis, o->naxis, o->self);
    }
}

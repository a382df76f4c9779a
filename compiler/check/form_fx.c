/* From expressions to normal forms and back; values and text. */
#include "check/form_impl.h"
#include "diag/diag.h"
#include <math.h>

typedef struct Reader {
    FormPool *p;
    const FormEnv *env;
} Reader;

static Form read(Reader *r, Fx f);

static Form half_one_plus(FormPool *p, Form f) {
    return form_scale(p, form_add(p, FORM_ONE, f), 1, 2);
}

static Form step_of(FormPool *p, Form a) { return half_one_plus(p, form_fn(p, FF_sign, a)); }

/* q where f = q g, a rational or a product of symbols; 0: not so. */
static Form ratio(FormPool *p, Form f, Form g) {
    FormNode a = p->form.data[f], b = p->form.data[g];
    if (!f || !g || !a.n || a.n != b.n) return 0;
    Form q = form_mul(p, form_of_mono(p, a.m[0]), form_pow(p, form_of_mono(p, b.m[0]), -1, 1));
    return q && !p->form.data[q].leaves && form_mul(p, q, g) == f ? q : 0;
}

/* b + (a - b) step(c), of a condition c > 0; max(c, 0) where a - b is a multiple of c. */
static Form select_step(FormPool *p, Form c, Form a, Form b) {
    Form d = form_sub(p, a, b), q = ratio(p, d, c);
    if (q) {
        Form ramp = form_scale(p, form_add(p, c, form_fn(p, FF_abs, c)), 1, 2);
        return form_add(p, b, form_mul(p, q, ramp));
    }
    return form_add(p, b, form_mul(p, d, step_of(p, c)));
}

static Form read_if(Reader *r, const FxNode *n) {
    FormPool *p = r->p;
    FxNode c = *fx_node(p->fx, n->arg[0]);
    Form a = read(r, n->arg[1]), b = read(r, n->arg[2]);
    if (a == b) return a;
    if (c.op == FX_gt || c.op == FX_ge) {
        Form d = form_sub(p, read(r, c.arg[0]), read(r, c.arg[1]));
        if (d && p->form.data[d].leaves) return select_step(p, d, a, b);
    }
    Form cond = read(r, n->arg[0]);
    return form_add(p, b, form_mul(p, cond, form_sub(p, a, b)));
}

static Form read_pow(Reader *r, const FxNode *n) {
    FormPool *p = r->p;
    Form a = read(r, n->arg[0]);
    FxNode k = *fx_node(p->fx, n->arg[1]);
    if (k.op == FX_num && k.q > 0 && k.p > -1000 && k.p < 1000 && k.q < 1000)
        return form_pow(p, a, (int32_t)k.p, (int32_t)k.q);
    Form e = read(r, n->arg[1]);
    if (e && form_is_number(p, e)) {
        FormNode v = p->form.data[e];
        if (!v.n) return FORM_ONE;
        if (v.m[0].num < 1000 && v.m[0].num > -1000 && v.m[0].den < 1000)
            return form_pow(p, a, (int32_t)v.m[0].num, (int32_t)v.m[0].den);
    }
    if (e && !p->form.data[e].leaves) { /* 2 k is an integer, by its value */
        double v = 2 * form_value(p, e).v;
        if (v == rint(v) && fabs(v) < 64)
            return (int64_t)v % 2 ? form_pow(p, a, (int32_t)v, 2)
                                  : form_pow(p, a, (int32_t)v / 2, 1);
    }
    return form_fn(p, FF_exp, form_mul(p, e, form_fn(p, FF_log, a)));
}

static Form read_div(Reader *r, const FxNode *n) {
    FormPool *p = r->p;
    Form a = read(r, n->arg[0]);
    FxNode d = *fx_node(p->fx, n->arg[1]);
    if (d.op == FX_pow) {
        FxNode k = *fx_node(p->fx, d.arg[1]);
        if (k.op == FX_num && k.q == 1 && k.p > 0 && k.p < 64)
            return form_div(p, a, read(r, d.arg[0]), (int32_t)k.p);
    }
    return form_div(p, a, read(r, n->arg[1]), 1);
}

/* max (sign 1) and min (sign -1) */
static Form read_max(Reader *r, const FxNode *n, int sign) {
    FormPool *p = r->p;
    Form a = read(r, n->arg[0]), b = read(r, n->arg[1]);
    Form d = form_fn(p, FF_abs, form_sub(p, a, b));
    return form_scale(p, form_add(p, form_add(p, a, b), form_scale(p, d, sign, 1)), 1, 2);
}

static Form read_num(FormPool *p, const FxNode *n) {
    return n->q > 0 ? form_rat(p, n->p, n->q) : isfinite(n->num) ? form_number(p, n->num) : 0;
}

static Form read_function(Reader *r, const FxNode *n) {
    FormPool *p = r->p;
    Form a = read(r, n->arg[0]);
    switch (n->op) {
    case FX_exp: return form_fn(p, FF_exp, a);
    case FX_log: return form_fn(p, FF_log, a);
    case FX_sin: return form_fn(p, FF_sin, a);
    case FX_cos: return form_fn(p, FF_cos, a);
    case FX_tanh: return form_fn(p, FF_tanh, a);
    case FX_erf: return form_fn(p, FF_erf, a);
    case FX_abs: return form_fn(p, FF_abs, a);
    case FX_sign: return form_fn(p, FF_sign, a);
    case FX_Phi: return half_one_plus(p, form_fn(p, FF_Q, a));
    case FX_step: return step_of(p, a);
    case FX_sqrt: return form_pow(p, a, 1, 2);
    case FX_neg: return form_scale(p, a, -1, 1);
    case FX_not: return form_sub(p, FORM_ONE, a);
    case FX_num: case FX_leaf: case FX_theta: case FX_hyper: case FX_index: case FX_dim:
    case FX_sref: case FX_add: case FX_sub: case FX_mul: case FX_div: case FX_pow: case FX_max:
    case FX_min: case FX_gt: case FX_ge: case FX_eq: case FX_and: case FX_or: case FX_if: break;
    }
    bug("form: `%s` is no function", fx_text(n->op));
}

static Form read_two(Reader *r, const FxNode *n) {
    FormPool *p = r->p;
    Form a = read(r, n->arg[0]), b = read(r, n->arg[1]);
    if (n->op == FX_add) return form_add(p, a, b);
    if (n->op == FX_sub) return form_sub(p, a, b);
    if (n->op == FX_mul || n->op == FX_and) return form_mul(p, a, b);
    if (n->op == FX_or) return form_sub(p, form_add(p, a, b), form_mul(p, a, b));
    Form d = form_sub(p, a, b); /* a comparison of what depends on leaves */
    if (n->op == FX_eq) return d == FORM_ZERO ? FORM_ONE : FORM_ZERO;
    if (d == FORM_ZERO) return n->op == FX_ge ? FORM_ONE : FORM_ZERO;
    return step_of(p, d);
}

static Form read_node(Reader *r, const FxNode *n, Fx f) {
    switch (n->op) {
    case FX_num: return read_num(r->p, n);
    case FX_leaf: return r->env->leaf(r->env->ctx, n->k);
    case FX_theta: case FX_hyper: case FX_index: case FX_dim: case FX_sref:
        return r->env->scalar(r->env->ctx, f);
    case FX_if: return read_if(r, n);
    case FX_pow: return read_pow(r, n);
    case FX_div: return read_div(r, n);
    case FX_max: return read_max(r, n, 1);
    case FX_min: return read_max(r, n, -1);
    case FX_gt: case FX_ge: case FX_eq:
        if (!fx_has(r->p->fx, f, FX_leaf)) return r->env->scalar(r->env->ctx, f);
        return read_two(r, n);
    case FX_add: case FX_sub: case FX_mul: case FX_and: case FX_or: return read_two(r, n);
    case FX_neg: case FX_exp: case FX_log: case FX_sqrt: case FX_sin: case FX_cos: case FX_tanh:
    case FX_erf: case FX_Phi: case FX_abs: case FX_sign: case FX_step: case FX_not:
        return read_function(r, n);
    }
    return 0;
}

static Form read(Reader *r, Fx f) {
    FxNode n = *fx_node(r->p->fx, f);
    return read_node(r, &n, f);
}

Form form_from_fx(FormPool *p, Fx f, const FormEnv *env) { return read(&(Reader){p, env}, f); }

/* ---- values */
static double mono_number(const Mono *m) { return (double)m->num / (double)m->den; }

static Num num_mul(Num a, Num b) {
    return (Num){a.v * b.v, fabs(a.v) * b.err + fabs(b.v) * a.err + a.err * b.err};
}

static Num num_pow(Num a, const Power *w) {
    double e = (double)w->p / w->q, v = pow(a.v, e);
    double slope = a.v != 0 ? fabs(e * v / a.v) : 1;
    return (Num){v, slope * a.err};
}

static Num fn_value(FormFn fn, Num a) {
    switch (fn) {
    case FF_exp: return (Num){exp(a.v), exp(a.v) * a.err};
    case FF_log: return (Num){log(a.v), a.err / fabs(a.v)};
    case FF_sin: return (Num){sin(a.v), a.err};
    case FF_cos: return (Num){cos(a.v), a.err};
    case FF_tanh: return (Num){tanh(a.v), a.err};
    case FF_erf: return (Num){erf(a.v), 2 * a.err};
    case FF_Q: return (Num){erf(a.v * M_SQRT1_2), a.err};
    case FF_abs: return (Num){fabs(a.v), a.err};
    case FF_sign: return (Num){(a.v > 0) - (a.v < 0), fabs(a.v) > a.err ? 0 : 1};
    case FF_delta: break;
    }
    return (Num){(double)NAN, INFINITY};
}

static Num atom_value(FormPool *p, Atom a) {
    if (a.kind == ATOM_sym) return (Num){p->sym.data[a.k].v, p->sym.data[a.k].err};
    if (a.kind == ATOM_leaf) return (Num){(double)NAN, INFINITY};
    Num x = form_value(p, a.arg);
    return a.kind == ATOM_base ? x : fn_value(a.fn, x);
}

Num form_value(FormPool *p, Form f) {
    if (!f) return (Num){(double)NAN, INFINITY};
    FormNode n = p->form.data[f];
    if (n.known) return n.value;
    Num sum = {0, 0};
    for (uint32_t i = 0; i < n.n; i++) {
        Num t = {mono_number(&n.m[i]), 0};
        for (uint32_t j = 0; j < n.m[i].n; j++)
            t = num_mul(t, num_pow(atom_value(p, p->atom.data[n.m[i].f[j].atom]),
                                   &n.m[i].f[j]));
        sum = (Num){sum.v + t.v, sum.err + t.err + 4e-16 * fabs(t.v)};
    }
    p->form.data[f].known = true;
    p->form.data[f].value = sum;
    return sum;
}

/* ---- back to expressions */
typedef struct Writer {
    FormPool *p;
    Fx (*leaf)(void *ctx, uint32_t k);
    void *ctx;
} Writer;

static Fx write_form(Writer *w, Form f);

static Fx write_fn(Writer *w, FormFn fn, Fx a) {
    FxPool *fx = w->p->fx;
    switch (fn) {
    case FF_exp: return fx_op(fx, FX_exp, a, 0, 0);
    case FF_log: return fx_op(fx, FX_log, a, 0, 0);
    case FF_sin: return fx_op(fx, FX_sin, a, 0, 0);
    case FF_cos: return fx_op(fx, FX_cos, a, 0, 0);
    case FF_tanh: return fx_op(fx, FX_tanh, a, 0, 0);
    case FF_erf: return fx_op(fx, FX_erf, a, 0, 0);
    case FF_Q:
        return fx_sub(fx, fx_mul(fx, fx_rat(fx, 2, 1), fx_op(fx, FX_Phi, a, 0, 0)),
                      fx_rat(fx, 1, 1));
    case FF_abs: return fx_op(fx, FX_abs, a, 0, 0);
    case FF_sign: return fx_op(fx, FX_sign, a, 0, 0);
    case FF_delta: break;
    }
    return 0;
}

static Fx write_atom(Writer *w, Atom a) {
    if (a.kind == ATOM_sym) return fx_num(w->p->fx, w->p->sym.data[a.k].v);
    if (a.kind == ATOM_leaf) return w->leaf(w->ctx, a.k);
    Fx arg = write_form(w, a.arg);
    if (!arg) return 0;
    return a.kind == ATOM_base ? arg : write_fn(w, a.fn, arg);
}

static Fx write_mono(Writer *w, const Mono *m) {
    FxPool *fx = w->p->fx;
    Fx r = fx_rat(fx, m->num, m->den);
    for (uint32_t i = 0; i < m->n; i++) {
        Fx a = write_atom(w, w->p->atom.data[m->f[i].atom]);
        if (!a) return 0;
        if (m->f[i].p != 1 || m->f[i].q != 1)
            a = fx_op(fx, FX_pow, a, fx_rat(fx, m->f[i].p, m->f[i].q), 0);
        r = fx_mul(fx, r, a);
    }
    return r;
}

static Fx write_form(Writer *w, Form f) {
    if (!f) return 0;
    FormNode n = w->p->form.data[f];
    Fx r = fx_rat(w->p->fx, 0, 1);
    for (uint32_t i = 0; i < n.n; i++) {
        Fx t = write_mono(w, &n.m[i]);
        if (!t) return 0;
        r = fx_add(w->p->fx, r, t);
    }
    return r;
}

Fx form_to_fx(FormPool *p, Form f, Fx (*leaf)(void *ctx, uint32_t k), void *ctx) {
    return write_form(&(Writer){p, leaf, ctx}, f);
}

/* ---- text */
typedef struct Printer {
    FormPool *p;
    Buf *b;
    const char *(*leaf)(void *ctx, uint32_t k);
    void *ctx;
} Printer;

static void print_form(Printer *t, Form f, bool nested);

static void print_sym(Printer *t, const FormSym *s) {
    switch (s->kind) {
    case SYM_fx: fx_print(t->p->fx, t->p->c->syms, t->b, s->fx); break;
    case SYM_number: buf_printf(t->b, "%.6g", s->v); break;
    case SYM_named: buf_puts(t->b, s->text); break;
    case SYM_mean:
        buf_puts(t->b, "E[");
        print_form(t, s->of, false);
        buf_putc(t->b, ']');
        break;
    }
}

static void print_power(Printer *t, const Power *w) {
    static const char *const text[] = {
#define FF(name, parity, text) text,
#include "check/form.def"
    };
    Atom a = t->p->atom.data[w->atom];
    if (a.kind == ATOM_leaf) buf_puts(t->b, t->leaf(t->ctx, a.k));
    if (a.kind == ATOM_sym) print_sym(t, &t->p->sym.data[a.k]);
    if (a.kind == ATOM_fn) buf_puts(t->b, text[a.fn]);
    bool number = a.kind == ATOM_base && form_is_number(t->p, a.arg);
    if (number) print_form(t, a.arg, true);
    if (a.kind == ATOM_fn || (a.kind == ATOM_base && !number)) {
        buf_putc(t->b, '(');
        print_form(t, a.arg, false);
        buf_putc(t->b, ')');
    }
    if (w->q != 1) buf_printf(t->b, "^(%d/%d)", w->p, w->q);
    else if (w->p != 1) buf_printf(t->b, "^%d", w->p);
}

static void print_mono(Printer *t, const Mono *m, bool first) {
    int64_t num = m->num < 0 ? -m->num : m->num;
    if (first) buf_puts(t->b, m->num < 0 ? "-" : "");
    else buf_puts(t->b, m->num < 0 ? " - " : " + ");
    bool any = num != 1 || m->den != 1 || !m->n;
    if (any) buf_printf(t->b, "%lld", (long long)num);
    if (m->den != 1) buf_printf(t->b, "/%lld", (long long)m->den);
    for (int leaves = 0; leaves < 2; leaves++) /* symbols first */
        for (uint32_t i = 0; i < m->n; i++) {
            if (t->p->atom.data[m->f[i].atom].leaves != leaves) continue;
            if (any) buf_puts(t->b, " * ");
            any = true;
            print_power(t, &m->f[i]);
        }
}

enum { MAX_TEXT = 2000 }; /* nested expectations would grow without end */

static void print_form(Printer *t, Form f, bool nested) {
    if (t->b->len > MAX_TEXT) {
        buf_puts(t->b, "..");
        return;
    }
    FormNode n = t->p->form.data[f];
    if (!f) buf_puts(t->b, "?");
    else if (!n.n) buf_putc(t->b, '0');
    bool paren = nested && n.n > 1;
    if (paren) buf_putc(t->b, '(');
    for (uint32_t i = 0; i < n.n && t->b->len <= MAX_TEXT; i++) print_mono(t, &n.m[i], !i);
    if (paren) buf_putc(t->b, ')');
}

void form_print(FormPool *p, Buf *b, Form f, const char *(*leaf)(void *ctx, uint32_t k),
                void *ctx) {
    print_form(&(Printer){p, b, leaf, ctx}, f, false);
}

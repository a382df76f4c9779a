/* The network's parameters: inputs, and hyperparameters with the values they are set to. */
#include "program/elab.h"
#include "program/values.h"
#include "syntax/syntax.h"
#include <math.h>
#include <stdlib.h>

static void fix_name(Elab *e, Sym name, bool *any) {
    const Hyper *h = program_hyper(e->p, name);
    if (!h || h->kind != HYPER_int || h->fixed) return;
    for (uint32_t i = 0; i < e->learnt->fixed.len; i++)
        if (e->learnt->fixed.data[i] == name) return;
    vec_push(e->a, &e->learnt->fixed, name);
    *any = true;
    if (h->init && fx_has(e->fx, h->init, FX_index)) fix_hypers(e, h->init);
}

static void fix_walk(Elab *e, Fx f, bool *any) {
    const FxNode *n = fx_node(e->fx, f);
    for (uint32_t i = 0; n->op == FX_index && i < n->aff.nterm; i++)
        fix_name(e, n->aff.term[i].name, any);
    for (uint32_t i = 0; i < fx_arity(n->op); i++) fix_walk(e, n->arg[i], any);
}

bool fix_hypers(Elab *e, Fx f) {
    bool any = false;
    fix_walk(e, f, &any);
    e->restart |= any;
    return any;
}

static bool is_fixed(const Elab *e, Sym name) {
    for (uint32_t i = 0; i < e->learnt->fixed.len; i++)
        if (e->learnt->fixed.data[i] == name) return true;
    return false;
}

Value hyper_value(Elab *e, const Hyper *h) {
    if (h->kind == HYPER_real) return val_fx(fx_hyper(e->fx, h->name));
    if (!h->fixed) return val_int(e, aff_name(e->x, h->name));
    return val_int(e, aff_const((int64_t)program_value(e->p, h->init)));
}

/* ---- settings */
static const SetText *setting_of(const Elab *e, Sym name) {
    for (uint32_t i = 0; i < e->nset; i++)
        if (e->set[i].name == name) return &e->set[i];
    return NULL;
}

static void bad_setting(Elab *e, const SetText *s, const char *want, const AstParam *p) {
    Diag *d = diag(e->c->ds, bad_setting, s->span, s->text, sym_text(e->c->syms, s->name), want);
    diag_label(d, p->span, "`%s` is declared here", sym_text(e->c->syms, s->name));
}

/* A constant: no hyperparameter, no vector, no power of n. */
static bool is_constant(Elab *e, const Value *v) {
    return v->kind == VAL_number && num_pure(v->num) && !fx_has(e->fx, v->num.f, FX_hyper) &&
           !fx_has(e->fx, v->num.f, FX_index);
}

static bool number_set(Elab *e, const AstParam *p, const SetText *s, Fx *init) {
    bool whole = p->type.kind == AT_int;
    const char *want = whole ? "an integer" : "a finite number";
    Value v = s->expr ? eval(e, s->expr) : val_none();
    if (v.kind == VAL_none) return false;
    if (!is_constant(e, &v) || (whole && !(v.is_int && v.has_aff)) ||
        !isfinite(program_value(e->p, v.num.f))) {
        bad_setting(e, s, want, p);
        return false;
    }
    *init = v.num.f;
    return true;
}

static bool number_default(Elab *e, const AstParam *p, Fx *init) {
    const char *name = sym_text(e->c->syms, p->name.sym);
    *init = 0;
    if (!p->init) {
        Diag *d = diag(e->c->ds, setting_missing, p->span, name);
        diag_help(d, "set it with `--set %s=..`, or give it a default", name);
        return false;
    }
    Value v = eval(e, p->init);
    if (v.kind == VAL_none) return false;
    bool whole = p->type.kind == AT_int;
    if (v.kind != VAL_number || (whole && !v.is_int)) {
        diag(e->c->ds, type_expected, p->init->span, whole ? "an integer" : "a number",
             value_kind(e, &v));
        return false;
    }
    if (!num_pure(v.num)) {
        diag(e->c->ds, power_function, p->init->span, "a hyperparameter");
        return false;
    }
    *init = v.num.f;
    double x = program_value(e->p, v.num.f);
    if (isfinite(x)) return true;
    diag(e->c->ds, not_finite, p->init->span, "a hyperparameter");
    return false;
}

static bool load_number(Elab *e, const AstParam *p, Value *out) {
    const SetText *s = setting_of(e, p->name.sym);
    bool whole = p->type.kind == AT_int;
    Hyper h = {.name = p->name.sym, .kind = whole ? HYPER_int : HYPER_real, .given = s != NULL,
               .fixed = whole && is_fixed(e, p->name.sym), .span = p->span};
    bool ok = s ? number_set(e, p, s, &h.init) : number_default(e, p, &h.init);
    if (!ok) return false;
    if (whole) {
        affctx_size(e->x, h.name, INT64_MIN);
        name_take(e, &e->dim_names, h.name);
    }
    *out = hyper_value(e, &h);
    vec_push(e->a, &e->p->hyper, h);
    return true;
}

static const char *expr_source(Elab *e, const AstExpr *x) {
    size_t len;
    const char *t = source_text(e->c->src, x->span.file, &len);
    return t && x->span.hi <= len ? arena_strndup(e->a, t + x->span.lo, x->span.hi - x->span.lo)
                                  : "";
}

/* A function or a word: compiled in. */
static bool load_choice(Elab *e, const AstParam *p, Value *out) {
    const SetText *s = setting_of(e, p->name.sym);
    const AstExpr *x = s ? s->expr : p->init;
    const char *name = sym_text(e->c->syms, p->name.sym);
    if (s && !x) return false;
    if (!x) {
        Diag *d = diag(e->c->ds, setting_missing, p->span, name);
        diag_help(d, "set it with `--set %s=..`, or give it a default", name);
        return false;
    }
    bool words = p->type.kind == AT_words;
    const char *kind = "something else";
    *out = val_none();
    for (uint32_t i = 0; words && i < p->type.words.len; i++)
        if (ast_is_name(x, p->type.words.data[i].sym))
            *out = (Value){.kind = VAL_word, .word = x->name, .span = x->span};
    if (!words) *out = eval(e, x);
    if (!words && out->kind == VAL_none) return false;
    if (!words) kind = value_kind(e, out);
    if (!words && out->kind != VAL_fn) *out = val_none();
    if (out->kind == VAL_none) {
        Buf b = buf_new(e->a);
        buf_puts(&b, words ? "one of the words " : "a function");
        for (uint32_t i = 0; words && i < p->type.words.len; i++)
            buf_printf(&b, "%s`%s`", i ? ", " : "",
                       sym_text(e->c->syms, p->type.words.data[i].sym));
        if (s)
            bad_setting(e, s, buf_text(&b), p);
        else
            diag(e->c->ds, type_expected, x->span, buf_text(&b), kind);
        return false;
    }
    vec_push(e->a, &e->p->hyper,
             (Hyper){.name = p->name.sym, .kind = words ? HYPER_word : HYPER_fn, .given = s != NULL,
                     .fixed = true, .text = expr_source(e, x), .span = p->span});
    return true;
}

/* ---- inputs */
static bool load_axes(Elab *e, const AstItem *net, const AstParam *p, Aff **sizes, Dim **dims) {
    uint32_t n = p->type.dims.len;
    Aff *size = *sizes = ARENA_ARRAY(e->a, Aff, n);
    Dim *dim = *dims = ARENA_ARRAY(e->a, Dim, n);
    for (uint32_t i = 0; i < n; i++) {
        if (!size_input(e, net, p->type.dims.data[i].e, &size[i])) return false;
        dim[i] = (Dim){dim_fresh(e, intern(e->c->syms, "i")), aff_const(0), size[i]};
    }
    return true;
}

/* A family over its axes, or one vector. */
static bool load_input(Elab *e, const AstItem *net, const AstParam *p, Value *out) {
    const char *name = sym_text(e->c->syms, p->name.sym);
    uint32_t n = p->type.dims.len;
    Aff *size;
    Dim *dim;
    if (!load_axes(e, net, p, &size, &dim)) return false;
    Def d = {.op = PO_input, .input = e->p->input.len, .dim = dim, .ndim = n, .span = p->span};
    vec_push(e->a, &e->p->input,
             (InputDecl){.name = p->name.sym, .npos = n, .size = size, .span = p->span});
    DefId id = def_reserve(e, d, name);
    def_rename(e, id, p->name.sym);
    *out = family_new(e, dim, n, vec_use(e, def_own(e, id, p->span), 0, true), p->span);
    return true;
}

/* Numbers that come with each sample: a family over their axes, or one. */
static bool load_data(Elab *e, const AstItem *net, const AstParam *p, Value *out) {
    Aff *size;
    Dim *dim;
    if (!load_axes(e, net, p, &size, &dim)) return false;
    uint32_t n = p->type.dims.len;
    Def d = {.op = PO_data, .input = e->p->input.len, .dim = dim, .ndim = n, .span = p->span};
    vec_push(e->a, &e->p->input, (InputDecl){.name = p->name.sym, .is_data = true, .npos = n,
                                             .size = size, .span = p->span});
    DefId id = def_reserve(e, d, sym_text(e->c->syms, p->name.sym));
    def_rename(e, id, p->name.sym);
    *out = family_new(e, dim, n, val_fx(scalar_use(e, def_own(e, id, p->span))), p->span);
    return true;
}

static bool load_param(Elab *e, const AstItem *net, const AstParam *p, Value *out) {
    switch (p->type.kind) {
    case AT_input: return load_input(e, net, p, out);
    case AT_real:
    case AT_int: return load_number(e, p, out);
    case AT_fn:
    case AT_words: return load_choice(e, p, out);
    case AT_data: return load_data(e, net, p, out);
    case AT_scalar:
    case AT_vector:
    case AT_matrix: {
        Diag *d = diag(e->c->ds, network_parameter, p->type.span, ast_type_text(p->type.kind),
                       sym_text(e->c->syms, p->name.sym));
        diag_help(d, "declare it inside: `param %s: %s ~ N(0, ..)`",
                  sym_text(e->c->syms, p->name.sym), ast_type_text(p->type.kind));
        break;
    }
    }
    return false;
}

static void unknown_settings(Elab *e, const AstItem *net) {
    Syms names = {0};
    Buf all = buf_new(e->a);
    for (uint32_t i = 0; i < net->params.len; i++) {
        const AstParam *p = &net->params.data[i];
        if (p->type.kind == AT_input || p->type.kind == AT_data) continue;
        buf_printf(&all, "%s`%s`", names.len ? ", " : "", sym_text(e->c->syms, p->name.sym));
        vec_push(e->a, &names, p->name.sym);
    }
    for (uint32_t i = 0; i < e->nset; i++) {
        bool known = false;
        for (uint32_t k = 0; k < names.len; k++) known |= names.data[k] == e->set[i].name;
        if (known) continue;
        const char *s = sym_text(e->c->syms, e->set[i].name), *near = nearest_name(e, s, &names);
        Diag *d = diag(e->c->ds, unknown_setting, net->name.span,
                       sym_text(e->c->syms, net->name.sym), s);
        if (names.len)
            diag_note(d, "its hyperparameters are %s", buf_text(&all));
        else
            diag_note(d, "it has no hyperparameters");
        if (near) diag_help(d, "is `%s` meant?", near);
    }
}

bool hypers_load(Elab *e, const AstItem *net) {
    bool ok = true, input = false;
    uint32_t before = diags_errors(e->c->ds);
    unknown_settings(e, net);
    for (uint32_t i = 0; i < net->params.len && !e->restart; i++) {
        const AstParam *p = &net->params.data[i];
        Value v = val_none();
        if (p->type.kind == AT_input) input = true;
        if (!load_param(e, net, p, &v)) ok = false, v = val_none();
        var_put(e, e->scope.len - 1, p->name.sym, v, p->name.span);
    }
    bool bare = net->kind == AI_program;
    if (!input && !bare && !e->restart) {
        Diag *d = diag(e->c->ds, no_input, net->name.span, sym_text(e->c->syms, net->name.sym));
        diag_help(d, "give it one: `network %s(x: input, ..)`",
                  sym_text(e->c->syms, net->name.sym));
    }
    return ok && (input || bare) && diags_errors(e->c->ds) == before;
}

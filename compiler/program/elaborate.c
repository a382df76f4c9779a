/* From the syntax tree to the program: see elab.h for how. */
#include "program/elab.h"
#include "program/values.h"
#include "syntax/syntax.h"
#include <math.h>

static Elab *elab_new(Ctx *c, const Ast *ast, Learnt *learnt) {
    Elab *e = ARENA_NEW(c->a, Elab);
    Intern *s = c->syms;
    e->c = c;
    e->a = c->a;
    e->ast = ast;
    e->file = ast->main;
    e->learnt = learnt;
    e->p = ARENA_NEW(c->a, Program);
    e->p->aff = e->x = affctx_new(c->a, s);
    e->p->fx = e->fx = fxpool_new(c->a, e->x);
    e->sym.n = intern(s, "n");
    e->sym.fan_in = intern(s, "fan_in");
    e->sym.inf = intern(s, "inf");
    e->sym.N = intern(s, "N");
    e->sym.moment = intern(s, "moment");
    e->sym.grad = intern(s, "grad");
    e->sym.softmax = intern(s, "softmax");
    e->sym.pad = intern(s, "pad");
    e->sym.deriv = intern(s, "deriv");
    e->sym.basis = intern(s, "basis");
    e->sym.dim = intern(s, "dim");
    e->sym.ceil = intern(s, "ceil");
    e->sym.floor = intern(s, "floor");
    e->sym.over = intern(s, "over");
    e->sym.bernoulli = intern(s, "bernoulli");
    vec_push(e->a, &e->p->def, (Def){0}); /* definition 0: none */
    vec_push(e->a, &e->user_named, true);
    vec_push(e->a, &e->open, false);
    scope_open(e, true);
    return e;
}

/* ---- the network */
static void list_networks(Elab *e, Diag *d, Syms *names) {
    Buf all = buf_new(e->a);
    for (uint32_t i = 0; i < e->ast->main->items.len; i++) {
        const AstItem *it = e->ast->main->items.data[i];
        if (it->kind != AI_network && it->kind != AI_program) continue;
        buf_printf(&all, "%s`%s`", names->len ? ", " : "", sym_text(e->c->syms, it->name.sym));
        vec_push(e->a, names, it->name.sym);
    }
    if (names->len) diag_note(d, "there are %s", buf_text(&all));
}

static const AstItem *network_last(const Ast *ast) {
    const AstItem *found = NULL;
    for (uint32_t i = 0; i < ast->main->items.len; i++) {
        const AstItem *it = ast->main->items.data[i];
        bool better = it->kind == AI_network || (it->kind == AI_program && !found);
        if (better && (!found || found->kind != AI_network || it->kind == AI_network)) found = it;
    }
    return found;
}

static const AstItem *network_find(Elab *e, Sym name) {
    Span start = {e->ast->main->file, 0, 0};
    const AstItem *it = name ? ast_find(e->ast, e->ast->main, name) : network_last(e->ast);
    if (!it && !name) {
        Diag *d = diag(e->c->ds, network_none, start);
        diag_help(d, "a network is declared by `network f(x: input) { .. }`");
        return NULL;
    }
    if (!it || (it->kind != AI_network && it->kind != AI_program)) {
        Syms names = {0};
        const char *s = sym_text(e->c->syms, name);
        Diag *d = diag(e->c->ds, unknown_network, start, s);
        list_networks(e, d, &names);
        const char *near = nearest_name(e, s, &names);
        if (near) diag_help(d, "is `%s` meant?", near);
        return NULL;
    }
    return it;
}

/* ---- settings: texts to expressions, once */
static bool settings_read(Ctx *c, const Setting *set, uint32_t n, SetText *out) {
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t file = source_add(c->src, arena_printf(c->a, "--set %s", set[i].name),
                                   set[i].value, strlen(set[i].value));
        SetText *s = &out[i];
        s->name = intern(c->syms, set[i].name);
        s->text = set[i].value;
        s->span = (Span){file, 0, (uint32_t)strlen(set[i].value)};
        s->expr = syntax_parse_expr(c, file);
        ok &= s->expr != NULL;
        for (uint32_t k = 0; k < i; k++)
            if (out[k].name == s->name) {
                Diag *d = diag(c->ds, setting_twice, s->span, set[i].name);
                diag_label(d, out[k].span, "the first one is here");
                ok = false;
            }
    }
    return ok;
}

/* ---- one attempt */
static uint32_t learnt_size(const Learnt *l) {
    return l->fixed.len + l->numbers.len + l->grad + l->arrays;
}

static bool attempt(Elab *e, const AstItem *net) {
    uint32_t errors = diags_errors(e->c->ds);
    vec_push(e->a, &e->call, (Call){.item = net, .span = net->name.span});
    e->file = ast_file_of(e->ast, net->span);
    if (!e->file) bug("program_elaborate: the network's file is missing");
    if (!hypers_load(e, net) || e->restart) return false;
    Value v = exec_block(e, &net->block, true);
    if (e->restart) return false;
    bool ok = v.kind != VAL_none;
    Span sp = net->name.span;
    if (net->block.stmts.len) {
        const AstStmt *last = vec_last(&net->block.stmts);
        if (last->kind == AS_return) sp = last->value->span;
    }
    if (ok && diags_errors(e->c->ds) == errors) ok = output_finish(e, v, sp);
    if (e->restart) return false;
    scope_close(e);
    if (e->restart) return false;
    return ok && diags_errors(e->c->ds) == errors;
}

bool program_elaborate(Ctx *c, const Ast *ast, Sym name, const Setting *set, uint32_t nset,
                       Program **out) {
    Learnt learnt = {0};
    SetText *texts = ARENA_ARRAY(c->a, SetText, nset);
    const AstItem *net = network_find(elab_new(c, ast, &learnt), name);
    if (!net || !settings_read(c, set, nset, texts)) return false;
    uint32_t errors = diags_errors(c->ds);
    for (;;) {
        uint32_t known = learnt_size(&learnt);
        Elab *e = elab_new(c, ast, &learnt);
        e->set = texts;
        e->nset = nset;
        e->p->name = net->name.sym;
        e->p->is_program = net->kind == AI_program;
        e->p->span = net->name.span;
        if (attempt(e, net)) {
            if (affctx_overflow(e->x)) {
                diag(c->ds, limit_overflow, e->p->span, sym_text(c->syms, e->p->name));
                return false;
            }
            program_tidy(e);
            *out = e->p;
            return true;
        }
        if (!e->restart || diags_errors(c->ds) != errors) return false;
        if (known == learnt_size(&learnt))
            bug("program_elaborate: started again with nothing learnt");
    }
}

bool program_const(Ctx *c, const Ast *ast, const AstExpr *x, double *out) {
    Learnt learnt = {0};
    Elab *e = elab_new(c, ast, &learnt);
    e->p->span = x->span;
    e->file = ast_file_of(ast, x->span) ? ast_file_of(ast, x->span) : ast->main;
    uint32_t errors = diags_errors(c->ds);
    Value v = eval(e, x);
    if (v.kind == VAL_none || diags_errors(c->ds) != errors) return false;
    if (v.kind != VAL_number || !num_pure(v.num)) {
        diag(c->ds, type_expected, x->span, "a constant", value_kind(e, &v));
        return false;
    }
    *out = program_value(e->p, v.num.f);
    return true;
}

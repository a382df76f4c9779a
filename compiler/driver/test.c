/* tpc test: the test blocks of files.  Kernels are evaluated by the interpreter, so that tests need
 * no code generator. */
#include "check/check.h"
#include "driver/driver.h"
#include "tp.h"
#include <math.h>
#include <stdlib.h>

typedef struct Testing {
    Session *s; /* of the test at hand: diagnostics of one test do not reach the next */
    Ast *ast;
    const AstItem *it;
    Program *program; /* NULL: it was refused */
    uint32_t passed, failed;
    Buf why;
} Testing;

/* ---- constant expressions */

typedef double Fn1(double);
static double phi_cdf(double x) { return erfc(-x / sqrt(2)) / 2; }

static bool constant(Testing *t, const AstExpr *e, double *out);

static bool call(Testing *t, const AstExpr *e, double *out) {
    static const struct {
        const char *name;
        Fn1 *fn;
    } table[] = {{"sqrt", sqrt}, {"exp", exp}, {"log", log},  {"sin", sin},    {"cos", cos},
                 {"tanh", tanh}, {"erf", erf}, {"abs", fabs}, {"Phi", phi_cdf}};
    double x;
    if (e->call.fn->kind != AE_name || e->call.args.len != 1 ||
        !constant(t, e->call.args.data[0].value, &x))
        return false;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(sym_text(t->s->c.syms, e->call.fn->name), table[i].name)) {
            *out = table[i].fn(x);
            return true;
        }
    return false;
}

static bool binary(Testing *t, const AstExpr *e, double *out) {
    double a, b;
    if (!constant(t, e->binary.a, &a) || !constant(t, e->binary.b, &b)) return false;
    switch (e->binary.op) {
    case AB_add: *out = a + b; return true;
    case AB_sub: *out = a - b; return true;
    case AB_mul: *out = a * b; return true;
    case AB_div: *out = a / b; return true;
    case AB_pow: *out = pow(a, b); return true;
    case AB_floordiv: *out = floor(a / b); return true;
    case AB_mod: *out = a - b * floor(a / b); return true;
    case AB_or:
    case AB_and:
    case AB_eq:
    case AB_ne:
    case AB_lt:
    case AB_le:
    case AB_gt:
    case AB_ge: return false;
    }
    return false;
}

static bool constant(Testing *t, const AstExpr *e, double *out) {
    switch (e->kind) {
    case AE_num: *out = text_double(e->num.text, e->num.len, NULL); return true;
    case AE_neg:
        if (!constant(t, e->arg, out)) return false;
        *out = -*out;
        return true;
    case AE_binary: return binary(t, e, out);
    case AE_call: return call(t, e, out);
    case AE_name:
        *out = M_PI;
        return !strcmp(sym_text(t->s->c.syms, e->name), "pi");
    case AE_not:
    case AE_transpose:
    case AE_index:
    case AE_reduce:
    case AE_cond:
    case AE_list: return false;
    }
    return false;
}

static bool need_constant(Testing *t, const AstExpr *e, double *out) {
    if (constant(t, e, out)) return true;
    diag(t->s->c.ds, test_not_constant, e->span);
    return false;
}

/* ---- kernels of literal rows */

static double *row_of(Testing *t, const AstExpr *e, int64_t *d) {
    if (e->kind != AE_list || !e->list.len || e->list.data[0]->kind == AE_list) {
        diag(t->s->c.ds, test_row, e->span);
        return NULL;
    }
    double *x = ARENA_ARRAY(t->s->a, double, e->list.len);
    for (uint32_t i = 0; i < e->list.len; i++)
        if (!need_constant(t, e->list.data[i], &x[i])) return NULL;
    *d = e->list.len;
    return x;
}

static bool kernel_value(Testing *t, int which, const AstCheck *ck, double *out) {
    Session *s = t->s;
    TpJob job = {.threads = 1, .blas = TP_BLAS_NONE};
    TpData *side[2] = {&job.x, &job.y};
    if (ck->args.len != 2) {
        diag(s->c.ds, test_two_rows, ck->span);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        side[i]->rows = row_of(t, ck->args.data[i].value, &side[i]->d);
        side[i]->n = 1;
        if (!side[i]->rows) return false;
    }
    Compiled k = {0};
    unsigned set = 1u << which;
    if (!check_runnable(&s->c, t->program, set, false)) return false;
    if (!compile_program(s, t->program, set, UPTO_KERNEL, &k)) return false;
    TpKernel *desc = kernel_describe(&s->c, k.kernel, s->a);
    kernel_interpret(&s->c, k.kernel, desc, s->a);
    job.kernel = desc;
    job.out[which].data = out;
    TpError err;
    if (tp_run(&job, NULL, &err)) return true;
    diag(s->c.ds, test_run_failed, ck->span, err.text);
    return false;
}

/* ---- checks */

static void check_value(Testing *t, const AstCheck *ck) {
    double got = 0, want, tol = 0;
    const char *name = sym_text(t->s->c.syms, ck->name.sym);
    int which = !strcmp(name, "ntk") ? KERNEL_ntk : KERNEL_nngp;
    if (!t->program) return;
    if (!ck->called || (strcmp(name, "ntk") && strcmp(name, "nngp"))) {
        diag(t->s->c.ds, test_no_value, ck->span, name);
        return;
    }
    if (!need_constant(t, ck->value, &want)) return;
    if (ck->tol && !need_constant(t, ck->tol, &tol)) return;
    if (!kernel_value(t, which, ck, &got)) return;
    if (fabs(got - want) <= tol) return;
    buf_printf(&t->why, "\n    %s: got %.17g, expected %.17g +- %g",
               source_place(t->s->c.src, t->s->a, ck->span), got, want, tol);
}

static void check_verdict(Testing *t, const AstCheck *ck) {
    Verdict v;
    if (!t->program) return;
    check_program(&t->s->c, t->program, &v);
    const char *want = sym_text(t->s->c.syms, ck->name.sym);
    if (strcmp(want, rung_text(v.rung)))
        buf_printf(&t->why, "\n    %s: verdict %s, expected %s",
                   source_place(t->s->c.src, t->s->a, ck->span), rung_text(v.rung), want);
}

static bool expects_error(const AstItem *it) {
    for (uint32_t i = 0; i < it->test.checks.len; i++)
        if (it->test.checks.data[i].kind == AC_error) return true;
    return false;
}

static void check_errors(Testing *t) {
    Compiled k = {0};
    if (t->program && check_runnable(&t->s->c, t->program, 3, false))
        compile_program(t->s, t->program, 3, UPTO_KERNEL, &k);
    for (uint32_t i = 0; i < t->it->test.checks.len; i++) {
        const AstCheck *ck = &t->it->test.checks.data[i];
        if (ck->kind != AC_error) continue;
        const char *code = sym_text(t->s->c.syms, ck->name.sym);
        if (!diags_has(t->s->c.ds, diag_code_of(code)))
            buf_printf(&t->why, "\n    %s: no error %s",
                       source_place(t->s->c.src, t->s->a, ck->span), code);
    }
}

static void settings_of(Testing *t, Options *o) {
    for (uint32_t i = 0; i < t->it->test.args.len; i++) {
        const AstArg *a = &t->it->test.args.data[i];
        size_t len;
        const char *text = source_text(t->s->c.src, a->value->span.file, &len);
        Span sp = a->value->span;
        Setting s = {sym_text(t->s->c.syms, a->name.sym),
                     arena_strndup(t->s->a, text + sp.lo, sp.hi - sp.lo)};
        vec_push(t->s->a, &o->set, s);
    }
}

static void run_test(Testing *t) {
    Session *s = t->s;
    Options o = *s->o;
    settings_of(t, &o);
    s->c.ds = diags_new(s->a, s->c.src);
    t->why = buf_new(s->a);
    t->program = NULL;
    bool ok = program_elaborate(&s->c, t->ast, t->it->test.target.sym, o.set.data, o.set.len,
                                &t->program);
    if (!ok) t->program = NULL;
    bool errors = expects_error(t->it);
    if (errors) check_errors(t);
    for (uint32_t i = 0; i < t->it->test.checks.len && !errors; i++) {
        const AstCheck *ck = &t->it->test.checks.data[i];
        if (ck->kind == AC_verdict) check_verdict(t, ck);
        else check_value(t, ck);
    }
    bool bad = t->why.len || (!errors && diags_errors(s->c.ds));
    printf("%s %s%s\n", bad ? "FAIL" : "ok  ", sym_text(s->c.syms, t->it->name.sym),
           buf_text(&t->why));
    if (bad && !errors) {
        fflush(stdout);
        session_end(s);
    }
    if (bad) t->failed++;
    else t->passed++;
}

static bool test_file(Session *outer, const char *path, uint32_t *passed, uint32_t *failed) {
    Arena *a = arena_new((size_t)4 << 30, NULL, NULL);
    Session s;
    session_begin(&s, a, outer->o);
    Testing t = {.s = &s};
    bool ok = load_file(&s, path, &t.ast);
    if (!ok) session_end(&s);
    for (uint32_t i = 0; ok && i < t.ast->main->items.len; i++) {
        t.it = t.ast->main->items.data[i];
        if (t.it->kind == AI_test) run_test(&t);
    }
    *passed += t.passed;
    *failed += t.failed;
    arena_free(a);
    return ok;
}

int command_test(Session *s) {
    if (!s->o->args.len) {
        options_help(stderr, 't');
        return EXIT_USAGE;
    }
    uint32_t passed = 0, failed = 0;
    bool ok = true;
    for (uint32_t i = 0; i < s->o->args.len; i++) {
        Texts files = {0};
        if (!files_of(s, s->o->args.data[i], &files)) {
            fprintf(stderr, "tpc: there are no .tp files in %s\n", s->o->args.data[i]);
            ok = false;
        }
        for (uint32_t f = 0; f < files.len; f++)
            ok &= test_file(s, files.data[f], &passed, &failed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return ok && !failed ? EXIT_OK : EXIT_ERROR;
}

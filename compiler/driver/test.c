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

/* ---- kernels of literal data */

static bool literal_row(Testing *t, const AstExpr *e, TpData *out) {
    if (e->kind == AE_list && e->list.len) return literal_data(t->s, e, out);
    diag(t->s->c.ds, test_row, e->span);
    return false;
}

static const AstExpr *positional(const AstCheck *ck, int which) {
    for (uint32_t i = 0; i < ck->args.len; i++)
        if (!ck->args.data[i].name.sym && !which--) return ck->args.data[i].value;
    return NULL;
}

/* The two values of the first input; as many positional arguments. */
static bool first_input(Testing *t, const AstCheck *ck, TpJob *job) {
    const AstExpr *x = positional(ck, 0), *y = positional(ck, 1);
    if (x && y && !positional(ck, 2))
        return literal_row(t, x, &job->x) && literal_row(t, y, &job->y);
    diag(t->s->c.ds, test_two_rows, ck->span);
    return false;
}

static bool known_input(const Testing *t, Sym name) {
    for (uint32_t i = 1; i < t->program->input.len; i++)
        if (t->program->input.data[i].name == name) return true;
    return false;
}

/* name = [value in the first sample, value in the second] */
static bool further_inputs(Testing *t, const AstCheck *ck, TpJob *job) {
    TpNamed *list = ARENA_ARRAY(t->s->a, TpNamed, ck->args.len);
    for (uint32_t i = 0; i < ck->args.len; i++) {
        const AstArg *a = &ck->args.data[i];
        const char *name = a->name.sym ? sym_text(t->s->c.syms, a->name.sym) : NULL;
        if (!name) continue;
        TpNamed *in = &list[job->nmore++];
        in->name = name;
        if (!known_input(t, a->name.sym) || a->value->kind != AE_list || a->value->list.len != 2) {
            diag(t->s->c.ds, test_input, a->value->span, name, name);
            return false;
        }
        if (!literal_data(t->s, a->value->list.data[0], &in->x) ||
            !literal_data(t->s, a->value->list.data[1], &in->y))
            return false;
    }
    job->more = list;
    return true;
}

/* Axes of a literal with those of the input: (positions.., d), or all axes of a data argument. */
static void vary_between(Testing *t, const InputDecl *in, const TpData *x, const TpData *y) {
    int64_t len[2][TP_RANK] = {{0}};
    const TpData *side[2] = {x, y};
    for (int k = 0; k < 2; k++) {
        int n = side[k]->naxis + (side[k]->d > 0);
        if (n < (int)in->npos) return;
        for (int i = 0; i < n; i++)
            len[k][i] = i < side[k]->naxis ? side[k]->axis[i] : side[k]->d;
    }
    data_axes_vary(t->s, t->program, in, len[0], len[1]);
}

/* Sizes that the two samples have in common are one number. */
static void set_varying(Testing *t, const TpJob *job) {
    Program *p = t->program;
    p->varying.len = 0;
    if (p->input.len) vary_between(t, &p->input.data[0], &job->x, &job->y);
    for (int m = 0; m < job->nmore; m++)
        for (uint32_t i = 0; i < p->input.len; i++)
            if (!strcmp(sym_text(t->s->c.syms, p->input.data[i].name), job->more[m].name))
                vary_between(t, &p->input.data[i], &job->more[m].x, &job->more[m].y);
}

/* The number itself, or of a returned family the element [positions of x, positions of x']. */
static bool element_of(Testing *t, const AstCheck *ck, const TpShape *shape, const double *v,
                       double *out) {
    int64_t at = 0;
    if ((int)ck->at.len != shape->rank - 2) {
        diag(t->s->c.ds, test_element, ck->span, shape->rank - 2, (int)ck->at.len);
        return false;
    }
    for (uint32_t i = 0; i < ck->at.len; i++) {
        double x;
        int64_t n = shape->len[2 + i];
        if (!literal_number(t->s, ck->at.data[i].e, &x)) return false;
        if (!(x >= 0 && x < (double)n && x == floor(x))) {
            diag(t->s->c.ds, test_element_range, ck->at.data[i].e->span, (int)n - 1);
            return false;
        }
        at = at * n + (int64_t)x;
    }
    *out = v[at];
    return true;
}

static bool kernel_value(Testing *t, int which, const AstCheck *ck, double *out) {
    Session *s = t->s;
    TpJob job = {.threads = 1, .blas = TP_BLAS_NONE};
    if (!first_input(t, ck, &job) || !further_inputs(t, ck, &job)) return false;
    Compiled k = {0};
    unsigned set = 1u << which;
    if (!check_runnable(&s->c, t->program, set, false)) return false;
    set_varying(t, &job);
    if (!compile_program(s, t->program, set, UPTO_KERNEL, &k)) return false;
    TpKernel *desc = kernel_describe(&s->c, k.kernel, s->a);
    kernel_interpret(&s->c, k.kernel, desc, s->a);
    TpReport report;
    TpError err;
    job.kernel = desc;
    job.out[which].keep = true;
    if (!tp_run(&job, &report, &err)) {
        diag(s->c.ds, test_run_failed, ck->span, err.text);
        return false;
    }
    bool ok = element_of(t, ck, &report.shape, report.data[which], out);
    free(report.data[which]);
    return ok;
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
    if (!literal_number(t->s, ck->value, &want)) return;
    if (ck->tol && !literal_number(t->s, ck->tol, &tol)) return;
    if (!kernel_value(t, which, ck, &got)) return;
    if (fabs(got - want) <= tol) return;
    buf_printf(&t->why, "\n    %s: got %.17g, expected %.17g +- %g",
               source_place(t->s->c.src, t->s->a, ck->span), got, want, tol);
}

static void check_verdict(Testing *t, const AstCheck *ck) {
    Verdict v;
    if (!t->program) return;
    if (!check_program(&t->s->c, t->program, NULL, &v)) return;
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

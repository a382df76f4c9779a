/* Any text as a source file, through the whole compiler down to the kernel IR: errors, or forms
 * that their verifiers accept and whose text reads back.  A program may ask for more memory than
 * MEMORY: that ends its input without a finding.  Hyperparameters keep their defaults. */
#include "diag/diag.h"
#include "gradient/gradient.h"
#include "lower/lower.h"
#include "syntax/syntax.h"
#include <setjmp.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 1 << 29, MAX_SIZE = 4000, MAX_DEFS = 60 };

typedef struct Text {
    const char *s;
    size_t len;
} Text;

static void too_much(void *ctx, size_t wanted) {
    (void)wanted;
    longjmp(*(jmp_buf *)ctx, 1);
}

static const char *read_main(void *ctx, Arena *a, const char *path, size_t *len, const char **why) {
    const Text *t = ctx;
    (void)a;
    *why = "there are no other files";
    if (strcmp(path, "f.tp")) return NULL;
    *len = t->len;
    return t->s;
}

static void sound(const char *stage, const char *wrong) {
    if (wrong) bug("%s: %s", stage, wrong);
}

static void read_back(Ctx *c, const Program *p) {
    Buf once = buf_new(c->a), twice = buf_new(c->a);
    Program *q;
    program_print(c, &once, p);
    uint32_t file = source_add(c->src, "f.tprog", buf_text(&once), once.len);
    if (!program_parse(c, buf_text(&once), file, &q))
        bug("does not read back:\n%s", buf_text(&once));
    program_print(c, &twice, q);
    if (strcmp(buf_text(&once), buf_text(&twice)))
        bug("printing twice differs:\n%s\n%s", buf_text(&once), buf_text(&twice));
    sound("read back", program_verify(c, q));
}

static bool answer(Ctx *c, uint32_t errors, bool ok, const char *stage) {
    if (ok == (diags_errors(c->ds) > errors)) bug("%s: errors and the answer disagree", stage);
    return ok;
}

static void lower(Ctx *c, Limit *l) {
    uint32_t e = diags_errors(c->ds);
    Kernel *k;
    if (!answer(c, e, lower_expect(c, l), "lower_expect")) return;
    if (!answer(c, e, lower_normalise(c, l), "lower_normalise")) return;
    if (!answer(c, e, lower_series(c, l), "lower_series")) return;
    sound("normalised limit", limit_verify(c, l));
    if (!answer(c, e, lower_kernel(c, l, TP_F64, &k), "lower_kernel")) return;
    sound("kernel", kernel_verify(c, k));
    if (!answer(c, e, kernel_optimise(c, k), "kernel_optimise")) return;
    sound("optimised kernel", kernel_verify(c, k));
}

static bool differentiate(Ctx *c, const Program *p) {
    uint32_t e = diags_errors(c->ds);
    Gradient *g;
    if (!answer(c, e, gradient_make(c, p, &g), "gradient_make")) return false;
    sound("gradient", program_verify(c, g->p));
    read_back(c, g->p);
    return true;
}

static void network(Ctx *c, const Ast *ast, Sym name) {
    uint32_t e = diags_errors(c->ds);
    Program *p;
    Limit *l;
    if (!answer(c, e, program_elaborate(c, ast, name, NULL, 0, &p), "program_elaborate")) return;
    sound("program", program_verify(c, p));
    read_back(c, p);
    if (p->def.len > MAX_DEFS || !differentiate(c, p)) return;
    e = diags_errors(c->ds);
    if (!answer(c, e, limit_derive(c, p, 3, &l), "limit_derive")) return;
    sound("limit", limit_verify(c, l));
    lower(c, l);
}

static void source(Ctx *c, Text t) {
    SyntaxFiles f = {.main = "f.tp", .read = read_main, .ctx = &t};
    Ast *ast;
    f.lib = syntax_stdlib(&f.nlib);
    if (!answer(c, 0, syntax_load(c, &f, &ast), "syntax_load")) return;
    for (uint32_t i = 0; i < ast->main->items.len && !diags_full(c->ds); i++) {
        const AstItem *it = ast->main->items.data[i];
        if (it->kind == AI_network) network(c, ast, it->name.sym);
    }
    Buf b = buf_new(c->a);
    diags_render(c->ds, (DiagRender){DIAG_HUMAN, true}, &b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > MAX_SIZE) return 0;
    jmp_buf out;
    Arena *a = arena_new(MEMORY, too_much, &out);
    if (!setjmp(out)) {
        Ctx c = {a, intern_new(a), sources_new(a), NULL};
        c.ds = diags_new(a, c.src);
        source(&c, (Text){arena_strndup(a, (const char *)data, size), size});
    }
    arena_free(a);
    return 0;
}

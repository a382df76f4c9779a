/* Any lines `name=value` as settings of a network: an error, or a sound program. */
#include "program/values.h"
#include "diag/diag.h"
#include "syntax/syntax.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_LINES = 16 };

static const char network[] =
    "network f(x: input, depth: int = 3, k: int = 2, gain = sqrt(2), act: fn = relu,\n"
    "          p: zero | circular = zero) {\n"
    "    param W: matrix[2 * k * k + 10] ~ N(0, gain / fan_in)\n"
    "    h = dense(x, bias = gain / 10)\n"
    "    repeat depth { h = dense(act(h)) + (if p == zero then h else 0) }\n"
    "    return readout(sum(i in 0..2, j in 0..2) W[i * k + j] * act(h))\n"
    "}\n";

static const char *read_text(void *ctx, Arena *a, const char *path, size_t *len, const char **why) {
    (void)ctx;
    (void)a;
    (void)path;
    *why = NULL;
    *len = strlen(network);
    return network;
}

static uint32_t split(char *text, Setting *out) {
    uint32_t n = 0;
    for (char *line = text; line && n < MAX_LINES;) {
        char *next = strchr(line, '\n'), *eq;
        if (next) *next++ = 0;
        eq = strchr(line, '=');
        if (eq) {
            *eq = 0;
            out[n++] = (Setting){line, eq + 1};
        }
        line = next;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {a, intern_new(a), sources_new(a), NULL};
    c.ds = diags_new(a, c.src);
    Setting set[MAX_LINES];
    uint32_t n = split(arena_strndup(a, (const char *)data, size), set);
    SyntaxFiles f = {.main = "f.tp", .read = read_text};
    Ast *ast;
    Program *p;
    double value;
    f.lib = syntax_stdlib(&f.nlib);
    if (!syntax_load(&c, &f, &ast)) bug("the network does not parse");
    bool ok = program_elaborate(&c, ast, 0, set, n, &p);
    if (ok == (diags_errors(c.ds) > 0)) bug("errors and the elaborator's answer disagree");
    if (ok && program_verify(&c, p)) bug("unsound: %s", program_verify(&c, p));
    if (ok) program_failed_check(p, &value);
    Buf b = buf_new(a);
    diags_render(c.ds, (DiagRender){DIAG_HUMAN, true}, &b);
    arena_free(a);
    return 0;
}

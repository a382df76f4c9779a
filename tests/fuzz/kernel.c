/* Any bytes as kernel text: print and parse are each other's inverse, errors and answers agree, and
 * what the verifier accepts it accepts after every pass. */
#include "diag/diag.h"
#include "kernel/parse.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *print(const Ctx *c, const Kernel *k) {
    Buf b = buf_new(c->a);
    kernel_print(c, &b, k);
    return buf_text(&b);
}

static void round_trip(Ctx *c, const Kernel *k) {
    const char *once = print(c, k);
    Kernel *back;
    if (!kernel_read(c, once, 0, &back)) bug("the printed text does not parse:\n%s", once);
    const char *twice = print(c, back);
    if (strcmp(once, twice)) bug("printing twice differs:\n%s\n----\n%s", once, twice);
}

static void passes(Ctx *c, Kernel *k) {
    static const char *const name[] = {"fold", "cse", "hoist", "split", "dce"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        kernel_pass(c, k, name[i]);
        const char *fault = kernel_verify(c, k);
        if (fault) bug("after %s: %s\n%s", name[i], fault, print(c, k));
        round_trip(c, k);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Arena *a = arena_new(0, NULL, NULL);
    Ctx c = {a, intern_new(a), sources_new(a), NULL};
    c.ds = diags_new(a, c.src);
    const char *text = arena_strndup(a, (const char *)data, size);
    Kernel *k;
    bool ok = kernel_read(&c, text, source_add(c.src, "f.kir", text, strlen(text)), &k);
    if (ok == (diags_errors(c.ds) > 0)) bug("errors and the reader's answer disagree");
    if (ok) round_trip(&c, k);
    if (ok && !kernel_verify(&c, k)) passes(&c, k);
    arena_free(a);
    return 0;
}

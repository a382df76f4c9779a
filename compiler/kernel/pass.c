#include "diag/diag.h"
#include "kernel/kernel.h"

typedef struct Pass {
    const char *name;
    void (*run)(Ctx *c, Kernel *k);
} Pass;

static const Pass passes[] = {
#define PASS(name, what) {#name, kernel_##name},
#include "kernel/pass.def"
};
enum { NPASS = sizeof passes / sizeof *passes };

static void run(Ctx *c, Kernel *k, const Pass *p) {
    p->run(c, k);
#ifndef NDEBUG
    const char *fault = kernel_verify(c, k);
    if (!fault) return;
    Buf b = buf_new(c->a);
    kernel_print(c, &b, k);
    bug("after pass %s: %s\n%s", p->name, fault, buf_text(&b));
#endif
}

bool kernel_optimise(Ctx *c, Kernel *k) {
    for (int i = 0; i < NPASS; i++) run(c, k, &passes[i]);
    return true;
}

bool kernel_pass(Ctx *c, Kernel *k, const char *name) {
    for (int i = 0; i < NPASS; i++) {
        if (strcmp(passes[i].name, name)) continue;
        run(c, k, &passes[i]);
        return true;
    }
    return false;
}

/* The stages in order.  Each output is verified (debug builds: always; release: cheap enough too).
 */
#include "driver/driver.h"
#include "lower/lower.h"

bool load_file(Session *s, const char *path, Ast **out) {
    uint32_t nlib;
    const SyntaxText *lib = syntax_stdlib(&nlib);
    SyntaxFiles f = {.main = path, .dirs = s->o->include.data, .ndirs = s->o->include.len,
                     .lib = lib, .nlib = nlib, .read = syntax_read_disk,
                     .resolve = syntax_resolve_disk};
    return syntax_load(&s->c, &f, out);
}

void networks_of(Session *s, const Ast *ast, const char *only, Syms *out) {
    for (uint32_t i = 0; i < ast->main->items.len; i++) {
        const AstItem *it = ast->main->items.data[i];
        if (it->kind != AI_network && it->kind != AI_program) continue;
        if (!only || it->name.sym == intern(s->c.syms, only)) vec_push(s->a, out, it->name.sym);
    }
}

static void sound(const char *stage, const char *wrong) {
    if (wrong) bug("%s: %s", stage, wrong);
}

/* Where no order of evaluation exists, one may with C(B, A) read as C(A, B) . */
static bool derive(Ctx *c, const Program *p, unsigned kernels, Limit **out) {
    Limit *mirrored;
    if (!limit_derive(c, p, kernels, out)) return false;
    if (lower_has_order(c, *out)) return true;
    if (limit_derive_mirrored(c, p, kernels, &mirrored) && lower_has_order(c, mirrored))
        *out = mirrored;
    return true;
}

bool compile_program(Session *s, Program *p, unsigned kernels, Upto upto, Compiled *out) {
    Ctx *c = &s->c;
    sound("program", program_verify(c, p));
    out->program = p;
    if (upto == UPTO_PROGRAM) return true;
    if (upto == UPTO_GRADIENT) {
        if (!gradient_make(c, p, &out->gradient)) return false;
        sound("gradient", program_verify(c, out->gradient->p));
        return true;
    }
    if (!derive(c, p, kernels, &out->limit)) return false;
    sound("limit", limit_verify(c, out->limit));
    if (!lower_expect(c, out->limit)) return false;
    if (upto < UPTO_KERNEL) return true;
    if (!lower_normalise(c, out->limit) || !lower_series(c, out->limit)) return false;
    if (!lower_offset(c, out->limit) || !lower_box(c, out->limit)) return false;
    if (!lower_halo(c, out->limit)) return false;
    sound("normalised limit", limit_verify(c, out->limit));
    if (!lower_kernel(c, out->limit, s->o->dtype, &out->kernel)) return false;
    sound("kernel", kernel_verify(c, out->kernel));
    if (!kernel_optimise(c, out->kernel)) return false;
    sound("optimised kernel", kernel_verify(c, out->kernel));
    return true;
}

bool compile_file(Session *s, const char *path, unsigned kernels, Upto upto, Compiled *out) {
    *out = (Compiled){0};
    if (!load_file(s, path, &out->ast)) return false;
    if (upto == UPTO_AST) return true;
    Sym name = s->o->network ? intern(s->c.syms, s->o->network) : 0;
    Program *p;
    if (!program_elaborate(&s->c, out->ast, name, s->o->set.data, s->o->set.len, &p)) return false;
    if (!data_options_vary(s, p)) return false;
    return compile_program(s, p, kernels, upto, out);
}

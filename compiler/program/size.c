/* Sizes beyond the int hyperparameters: what is known of them. */
#include "program/program.h"

void program_size_facts(AffCtx *x, const SizeDef *z) {
    affctx_size(x, z->name, z->kind == SIZE_position ? 1 : INT64_MIN);
    Aff q = aff_name(x, z->name);
    AffBounds a = aff_bounds(x, z->a, NULL, 0), b = aff_bounds(x, z->b, NULL, 0);
    switch (z->kind) {
    case SIZE_position: break;
    case SIZE_floor: {
        Aff rest = aff_sub(x, z->a, aff_scale(x, q, z->k));
        affctx_fact(x, cons_ge(rest));
        affctx_fact(x, cons_le(x, rest, aff_const(z->k - 1)));
        break;
    }
    case SIZE_max:
        affctx_fact(x, cons_le(x, z->a, q));
        affctx_fact(x, cons_le(x, z->b, q));
        if (a.has_hi && b.has_hi)
            affctx_fact(x, cons_le(x, q, aff_const(a.hi > b.hi ? a.hi : b.hi)));
        break;
    case SIZE_min:
        affctx_fact(x, cons_le(x, q, z->a));
        affctx_fact(x, cons_le(x, q, z->b));
        if (a.has_lo && b.has_lo)
            affctx_fact(x, cons_le(x, aff_const(a.lo < b.lo ? a.lo : b.lo), q));
        break;
    }
}

static const SizeDef *size_named(const Program *p, Sym name) {
    for (uint32_t i = 0; i < p->size.len; i++)
        if (p->size.data[i].name == name) return &p->size.data[i];
    return NULL;
}

static bool aff_varies(const Program *p, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (program_size_varies(p, a.term[i].name)) return true;
    return false;
}

bool program_size_varies(const Program *p, Sym name) {
    const SizeDef *z = size_named(p, name);
    for (uint32_t i = 0; i < p->varying.len; i++)
        if (p->varying.data[i] == name) return true;
    return z && (aff_varies(p, z->a) || aff_varies(p, z->b));
}

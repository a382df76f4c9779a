/* Sizes of positions: names that the data bind, and integer arithmetic on them. */
#include "program/elab.h"
#include <stdlib.h>

enum { MAX_DIVISOR = 1 << 20 };

/* ---- sizes between the brackets of a parameter */
static bool param_of(const AstItem *it, Sym name) {
    for (uint32_t i = 0; i < it->params.len; i++)
        if (it->params.data[i].name.sym == name) return true;
    return false;
}

static Aff size_declare(Elab *e, SizeDef z) {
    vec_push(e->a, &e->p->size, z);
    program_size_facts(e->x, &z);
    return aff_name(e->x, z.name);
}

bool size_input(Elab *e, const AstItem *net, const AstExpr *x, Aff *out) {
    bool fresh = x->kind == AE_name && !var_find(e, x->name) && !param_of(net, x->name) &&
                 x->name != e->sym.n && x->name != e->sym.inf && x->name != e->sym.fan_in;
    if (fresh) {
        name_take(e, &e->dim_names, x->name);
        *out = size_declare(e, (SizeDef){.name = x->name, .kind = SIZE_position, .span = x->span});
        var_put(e, e->scope.len - 1, x->name, val_int(e, *out), x->span);
        return true;
    }
    if (!eval_int(e, x, "a size", out)) return false;
    ConsVec none = {0};
    if (must_hold(e, &none, aff_plus(*out, -1), "size less one", x->span)) return true;
    diag(e->c->ds, size_empty, x->span, aff_written(e, *out));
    return false;
}

bool size_bind(Elab *e, const AstExpr *x, Aff is, const char *owner, Span sp) {
    Aff want;
    if (x->kind == AE_name && !var_local(e, x->name)) {
        var_put(e, e->scope.len - 1, x->name, val_int(e, is), x->span);
        return true;
    }
    if (!eval_int(e, x, "a size", &want)) return false;
    const char *what = arena_printf(e->a, "difference of the sizes %s and %s",
                                    aff_written(e, want), aff_written(e, is));
    if (sizes_equal(e, want, is, what, sp)) return true;
    Diag *d = diag(e->c->ds, size_mismatch, sp, owner, aff_written(e, want), aff_written(e, is));
    diag_label(d, x->span, "the size is declared here");
    return false;
}

/* ---- sizes that are not affine in others */
static Aff size_made(Elab *e, SizeDef z, const char *base) {
    for (uint32_t i = 0; i < e->p->size.len; i++) {
        const SizeDef *s = &e->p->size.data[i];
        if (s->kind == z.kind && s->k == z.k && aff_eq(s->a, z.a) && aff_eq(s->b, z.b))
            return aff_name(e->x, s->name);
    }
    z.name = dim_fresh(e, intern(e->c->syms, base));
    return size_declare(e, z);
}

static int64_t floor_of(int64_t a, int64_t k) { return a / k - (a % k < 0); }

bool size_floor(Elab *e, Aff a, int32_t k, Span sp, Aff *out) {
    Aff whole_part = aff_const(floor_of(a.c, k)), rest = aff_const(a.c - k * whole_part.c);
    for (uint32_t i = 0; i < a.nterm; i++) {
        Aff name = aff_name(e->x, a.term[i].name);
        int32_t times = (int32_t)floor_of(a.term[i].k, k), left = a.term[i].k - times * k;
        whole_part = aff_add(e->x, whole_part, aff_scale(e->x, name, times));
        rest = aff_add(e->x, rest, aff_scale(e->x, name, left));
    }
    *out = whole_part;
    if (!rest.nterm) return true;
    if (!aff_size_only(e->x, rest)) return false;
    const char *base = sym_text(e->c->syms, rest.term[0].name);
    SizeDef z = {.kind = SIZE_floor, .a = rest, .k = k, .span = sp};
    *out = aff_add(e->x, whole_part, size_made(e, z, arena_printf(e->a, "%s_%d", base, (int)k)));
    return true;
}

bool size_extreme(Elab *e, bool max, Aff a, Aff b, Span sp, Aff *out) {
    bool a_least = aff_implied(e->x, NULL, 0, cons_le(e->x, a, b));
    bool b_least = aff_implied(e->x, NULL, 0, cons_le(e->x, b, a));
    *out = a_least == max ? b : a;
    if (a_least || b_least) return true;
    if (!aff_size_only(e->x, a) || !aff_size_only(e->x, b)) return false;
    SizeDef z = {.kind = max ? SIZE_max : SIZE_min, .a = a, .b = b, .span = sp};
    *out = size_made(e, z, max ? "larger" : "smaller");
    return true;
}

/* ---- rational forms */
static bool ratio_scale(Elab *e, Aff *a, int32_t *k, int64_t p, int64_t q) {
    if (!q) return false;
    if (q < 0) p = -p, q = -q;
    if (llabs(p) > MAX_DIVISOR || q * *k > MAX_DIVISOR) return false;
    *a = aff_scale(e->x, *a, (int32_t)p);
    *k = (int32_t)(q * *k);
    return true;
}

static bool ratio_sum(Elab *e, const FxNode *n, Aff *a, int32_t *k) {
    Aff b;
    int32_t l;
    if (!fx_ratio(e, n->arg[0], a, k) || !fx_ratio(e, n->arg[1], &b, &l)) return false;
    if ((int64_t)*k * l > MAX_DIVISOR) return false;
    Aff x = aff_scale(e->x, *a, l), y = aff_scale(e->x, b, *k);
    *a = n->op == FX_add ? aff_add(e->x, x, y) : aff_sub(e->x, x, y);
    *k *= l;
    return true;
}

bool fx_ratio(Elab *e, Fx f, Aff *a, int32_t *k) {
    const FxNode n = *fx_node(e->fx, f);
    Aff b;
    int32_t l;
    *k = 1;
    if (n.op == FX_index) *a = n.aff;
    if (n.op == FX_index) return true;
    if (n.op == FX_num) {
        *a = aff_const(n.p);
        *k = (int32_t)n.q;
        return n.q && n.q <= MAX_DIVISOR;
    }
    if (n.op == FX_add || n.op == FX_sub) return ratio_sum(e, &n, a, k);
    if (n.op == FX_neg) return fx_ratio(e, n.arg[0], a, k) && ratio_scale(e, a, k, -1, 1);
    if (n.op != FX_mul && n.op != FX_div) return false;
    if (!fx_ratio(e, n.arg[0], a, k) || !fx_ratio(e, n.arg[1], &b, &l)) return false;
    if (n.op == FX_div) return aff_is_const(b) && ratio_scale(e, a, k, l, b.c);
    if (aff_is_const(b)) return ratio_scale(e, a, k, b.c, l);
    if (!aff_is_const(*a)) return false;
    int64_t p = a->c, q = *k;
    *a = b;
    *k = l;
    return ratio_scale(e, a, k, p, q);
}

bool has_position(Elab *e, Fx f) {
    const FxNode *n = fx_node(e->fx, f);
    for (uint32_t i = 0; n->op == FX_index && i < n->aff.nterm; i++)
        for (uint32_t k = 0; k < e->p->size.len; k++)
            if (e->p->size.data[k].name == n->aff.term[i].name) return true;
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (has_position(e, n->arg[i])) return true;
    return false;
}

/* grad(f, h): sqrt(n) times the derivative of an output by a vector, a vector of the program. */
#include "program/elab.h"

/* The element of a definition that the vector is; false: it is an expression. */
static bool is_element(Elab *e, const Value *v, Use *out) {
    const FxNode *n = fx_node(e->fx, v->num.f);
    if (v->kind != VAL_vector || n->op != FX_leaf || !num_pure(v->num)) return false;
    const Atom *a = &e->atom.data[n->k];
    if (a->kind != ATOM_use) return false;
    *out = a->use;
    return true;
}

static Value grad_of(Elab *e, Value *arg, Span sp, Span at) {
    Use u[2];
    for (int i = 0; i < 2; i++)
        if (arg[i].kind == VAL_none) return arg[i];
    if (arg[0].kind != VAL_output || arg[1].kind != VAL_vector || arg[1].is_input) {
        Diag *d = diag(e->c->ds, grad_arguments, sp, value_kind(e, &arg[0]),
                       value_kind(e, &arg[1]));
        diag_help(d, "`grad(f, h)` is sqrt(n) df/dh: f = v' * x / sqrt(n), h a vector before it");
        return val_none();
    }
    if (!is_element(e, &arg[1], &u[0])) {
        Diag *d = diag(e->c->ds, grad_vector, at);
        diag_help(d, "give the vector a name where it is made, and use it by this name");
        return val_none();
    }
    if (!output_define(e, &arg[0], sp, &u[1])) return val_none();
    Def d = {.op = PO_grad, .width = arg[1].width, .use = arena_copy(e->a, u, sizeof u), .nuse = 2,
             .span = sp};
    const char *of = sym_text(e->c->syms, e->p->def.data[u[0].d].name);
    Use g = def_make(e, d, arena_printf(e->a, "d_%s", of));
    return vec_use(e, g, arg[1].width, false);
}

/* The first gradient: definitions that have a name in the source must be kept as they stand, and an
 * element of an array of several statements must be read as the array's. */
static bool names_kept(Elab *e, const AstExpr *by) {
    const AstExpr *of = by->kind == AE_index ? by->index.of : by;
    const Var *v = of->kind == AE_name ? var_find(e, of->name) : NULL;
    const Array *a = v && v->value.kind == VAL_array ? v->value.array : NULL;
    bool arrays = a && a->bypassed && a->elem.len > 1;
    if (e->learnt->grad && (e->learnt->arrays || !arrays)) return true;
    e->learnt->grad = true;
    e->learnt->arrays |= arrays;
    e->restart = true;
    return false;
}

Value call_grad(Elab *e, const AstExpr *x) {
    const AstArgs *args = &x->call.args;
    Value v[2];
    if (args->len != 2) {
        diag(e->c->ds, argument_count, x->span, "grad", 2u, args->len);
        return val_none();
    }
    if (!names_kept(e, args->data[1].value)) return val_none();
    for (int i = 0; i < 2; i++)
        v[i] = whole(e, eval(e, args->data[i].value), args->data[i].value->span);
    Span at = args->data[1].value->span;
    if (v[0].kind == VAL_family || v[1].kind != VAL_family) return grad_of(e, v, x->span, at);
    Lift l; /* by all members of a family */
    if (!lift_open(e, &v[1], NULL, 1, x->span, &l)) return val_none();
    return lift_close(e, &l, grad_of(e, v, x->span, at), x->span);
}

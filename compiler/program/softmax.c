/* softmax(score, over = t): weights exp(score) / sum over t of exp(score), of deterministic
 * numbers. */
#include "program/elab.h"

static Sym name_written(const Elab *e, Sym var) {
    for (uint32_t i = 0; i < e->as_written.len; i++)
        if (e->as_written.data[i].name == var) return e->as_written.data[i].to.term[0].name;
    return var;
}

/* The number of the position that the source calls `name`. */
static bool position_named(Elab *e, const Value *v, Sym name, Span sp, uint32_t *out) {
    Buf b = buf_new(e->a);
    for (*out = 0; *out < v->npos; ++*out)
        if (name_written(e, v->pos[*out].var) == name) return true;
    for (uint32_t i = 0; i < v->npos; i++)
        buf_printf(&b, "%s`%s`", i ? ", " : "",
                   sym_text(e->c->syms, name_written(e, v->pos[i].var)));
    Diag *d = diag(e->c->ds, softmax_over, sp);
    diag_note(d, "the family's definition has %s", buf_text(&b));
    return false;
}

static Value softmax_at(Elab *e, Value m, Sym over, Span sp) {
    ArmVec arms = {0};
    if (m.num.n || m.num.fan) {
        diag(e->c->ds, power_function, sp, "`softmax`");
        return val_none();
    }
    scalar_cases(e, num_fx(e, m.num), &arms);
    if (!arms.len) {
        diag(e->c->ds, softmax_empty, sp);
        return val_none();
    }
    Def d = {.op = PO_softmax, .arm = arms.data, .narm = arms.len, .span = sp};
    return val_fx(scalar_use(e, def_make_over(e, d, over, "softmax")));
}

Value call_softmax(Elab *e, const AstExpr *x) {
    const AstArgs *args = &x->call.args;
    bool ok = args->len == 2 && !args->data[0].name.sym && args->data[1].name.sym == e->sym.over &&
              args->data[1].value->kind == AE_name;
    if (!ok) {
        Diag *d = diag(e->c->ds, softmax_over, x->span);
        diag_help(d, "write `softmax(score, over = t)` of `score[s, t] = ..`");
        return val_none();
    }
    const AstExpr *of = args->data[0].value, *over = args->data[1].value;
    Value v = whole(e, eval(e, of), of->span);
    Lift l;
    uint32_t k;
    if (v.kind == VAL_none) return v;
    if (v.kind != VAL_family || v.of->kind != VAL_number) {
        Diag *d = diag(e->c->ds, softmax_family, of->span, value_kind(e, &v));
        diag_help(d, "it is for numbers by positions, moments for example: "
                     "`score[s, t] = moment(k[s] * k[t])`");
        return val_none();
    }
    if (!position_named(e, &v, over->name, over->span, &k)) return val_none();
    if (!lift_open(e, &v, NULL, 1, x->span, &l)) return val_none();
    return lift_close(e, &l, softmax_at(e, v, l.pos[k].var, x->span), x->span);
}

/* param, random, width: parameter families and the scaling of their laws with the width. */
#include "program/elab.h"
#include <math.h>

static bool is_zero(Elab *e, Num n) { return fx_is_zero(e->fx, n.f); }

void check_add(Elab *e, CheckKind kind, Fx v, const char *what, Span sp) {
    const FxNode *n = fx_node(e->fx, v);
    if (n->op == FX_num && isfinite(n->num)) return;
    for (uint32_t i = 0; i < e->p->check.len; i++)
        if (e->p->check.data[i].kind == kind && e->p->check.data[i].value == v) return;
    vec_push(e->a, &e->p->check, (Check){kind, v, what, sp});
}

/* Does f mention a loop variable? */
bool has_loop(Elab *e, Fx f) {
    const FxNode *n = fx_node(e->fx, f);
    if (n->op == FX_index) return !aff_size_only(e->x, n->aff);
    for (uint32_t i = 0; i < fx_arity(n->op); i++)
        if (has_loop(e, n->arg[i])) return true;
    return false;
}

static const char *source_of(Elab *e, Span sp) {
    size_t len;
    const char *t = source_text(e->c->src, sp.file, &len);
    if (!t || sp.hi > len || sp.lo > sp.hi) return "";
    return arena_strndup(e->a, t + sp.lo, sp.hi - sp.lo);
}

/* ---- scaling: what the variance must be times to keep results of order one */
static bool variance_order(Elab *e, Family *f, int32_t off, const char *want) {
    if (!off) return true;
    const char *name = sym_text(e->c->syms, f->name), *s = source_of(e, f->var_span);
    Diag *d = diag(e->c->ds, variance_power, f->var_span, name, num_power(e, off), want);
    if (f->kind != FAM_vector && !f->var.n && !f->var.fan) {
        bool atom = strcspn(s, " +-*/") == strlen(s);
        diag_fix(d, f->var_span, arena_printf(e->a, atom ? "%s / fan_in" : "(%s) / fan_in", s),
                 "divide by `fan_in`");
    } else if (f->law == LAW_input) {
        diag_help(d, "data has a dimension of its own: `fan_in`, not n");
    } else {
        diag_help(d, "multiply the variance by `%s`", num_power(e, -off));
    }
    f->poison = true;
    return false;
}

/* f = fixed * sizes, where sizes has the factors that depend on position sizes. */
static void factor_sizes(Elab *e, Fx f, Fx *fixed, Fx *sizes) {
    const FxNode n = *fx_node(e->fx, f);
    Fx a[2], b[2];
    *fixed = *sizes = fx_rat(e->fx, 1, 1);
    if (!has_position(e, f)) {
        *fixed = f;
    } else if (n.op == FX_mul || n.op == FX_div) {
        factor_sizes(e, n.arg[0], &a[0], &a[1]);
        factor_sizes(e, n.arg[1], &b[0], &b[1]);
        *fixed = fx_op(e->fx, n.op, a[0], b[0], 0);
        *sizes = fx_op(e->fx, n.op, a[1], b[1], 0);
    } else {
        *sizes = f;
    }
}

/* The variance of a member may depend on sizes, which may differ between samples: what is shared is
 * the member without them. */
static void family_unsize(Elab *e, Family *f, Fx *s2, Fx *lr) {
    Fx fixed, sizes, lr_fixed, lr_sizes;
    bool same = *lr == *s2;
    if (!has_position(e, *s2)) return;
    factor_sizes(e, *s2, &fixed, &sizes);
    f->scale = fx_op(e->fx, FX_sqrt, sizes, 0, 0);
    *s2 = fixed;
    factor_sizes(e, *lr, &lr_fixed, &lr_sizes);
    if (same)
        *lr = fixed;
    else if (lr_sizes == sizes)
        *lr = lr_fixed;
    else
        *lr = fx_div(e->fx, *lr, sizes);
}

/* The family as the program has it: s2 and lr in the normalisation of Fam. */
static void family_add(Elab *e, Family *f, Fx s2) {
    Fx lr = f->lr_given ? num_fx(e, f->lr) : s2;
    const char *name = sym_text(e->c->syms, f->name);
    const char *of = f->noise && f->noise_law == NOISE_bernoulli ? "probability" : "variance";
    if (!f->trained) lr = fx_rat(e->fx, 0, 1);
    f->scale = fx_rat(e->fx, 1, 1);
    if (!has_loop(e, s2)) family_unsize(e, f, &s2, &lr);
    if (has_loop(e, s2)) { /* member = standard deviation * member of variance one */
        f->scale = fx_op(e->fx, FX_sqrt, s2, 0, 0);
        if (f->trained) lr = lr == s2 ? fx_rat(e->fx, 1, 1) : fx_div(e->fx, lr, s2);
        s2 = fx_rat(e->fx, 1, 1);
    }
    if (has_loop(e, lr)) {
        diag(e->c->ds, later_lr_index, f->lr_span, name);
        f->poison = true;
    }
    if (!has_loop(e, s2))
        check_add(e, CHECK_nonneg, s2, arena_printf(e->a, "%s of %s", of, name), f->var_span);
    if (f->lr_given && !has_loop(e, lr))
        check_add(e, CHECK_nonneg, lr, arena_printf(e->a, "learning rate of %s", name), f->lr_span);
    FamKind kind = f->law == LAW_input ? FAM_input_matrix : f->noise ? FAM_noise : f->kind;
    f->id = e->p->fam.len;
    vec_push(e->a, &e->p->fam,
             (Fam){.name = f->unique, .kind = kind, .law = f->noise_law, .trained = f->trained,
                   .lr_given = f->lr_given, .s2 = s2, .lr = lr, .rows = f->rows,
                   .cols = kind == FAM_matrix ? f->cols : 0, .nindex = f->nown + f->nsize,
                   .span = f->span});
}

static bool family_again(Elab *e, Family *f, Fx cols, bool is_input, Span sp) {
    const char *name = sym_text(e->c->syms, f->name);
    if ((f->law == LAW_input) != is_input) {
        Diag *d = diag(e->c->ds, matrix_both, sp, name);
        diag_label(d, f->span, "`%s` is declared here", name);
        diag_help(d, "use one matrix for the data and another for vectors of the network");
        return false;
    }
    if (is_input || !cols || cols == f->cols) return true;
    Diag *d = diag(e->c->ds, columns, sp, name, width_text(e, f->cols), width_text(e, cols));
    diag_label(d, f->span, "`%s` is declared here", name);
    return false;
}

/* First use of a matrix: what it is applied to says what fan_in is. */
bool family_settle(Elab *e, Family *f, Fx cols, bool is_input, uint32_t input, Span sp) {
    if (f->poison) return false;
    if (f->law != LAW_unused) return family_again(e, f, cols, is_input, sp);
    if (is_input && f->cols) {
        diag(e->c->ds, matrix_both, sp, sym_text(e->c->syms, f->name));
        return false;
    }
    f->law = is_input ? LAW_input : LAW_hidden;
    Num s2 = f->var;
    if (is_input) {
        s2.fan = 0;
        if (!variance_order(e, f, s2.n, "a number over `fan_in`")) return false;
        Num d = {.f = fx_rat(e->fx, 1, 1), .d = f->var.fan + QUARTER, .din = input};
        s2 = num_mul(e, s2, d);
    } else {
        if (!f->cols) f->cols = cols ? cols : fx_rat(e->fx, 1, 1);
        else if (cols && cols != f->cols) return family_again(e, f, cols, is_input, sp);
        if (!variance_order(e, f, s2.n + s2.fan + QUARTER, "proportional to 1 / `fan_in`"))
            return false;
        Fx r = f->cols;
        const FxNode *q = fx_node(e->fx, s2.f);
        if (!s2.fan && q->op == FX_div && q->arg[1] == r) /* g / m with as many columns */
            s2.f = q->arg[0];
        else if (s2.fan != -QUARTER)
            s2.f = fx_mul(e->fx, s2.f, fx_op(e->fx, FX_pow, r, fx_rat(e->fx, s2.fan + QUARTER,
                                                                      QUARTER), 0));
        s2.n = s2.fan = 0;
    }
    family_add(e, f, num_fx(e, s2));
    return !f->poison;
}

/* ---- reading the declaration */
static bool decl_law(Elab *e, const AstStmt *s, Family *f) {
    if (f->noise) return noise_law(e, s, f);
    if (s->decl.law.sym != e->sym.N) {
        Diag *d = diag(e->c->ds, unknown_law, s->decl.law.span,
                       sym_text(e->c->syms, s->decl.law.sym));
        diag_help(d, "parameters are Gaussian: `N(mean, variance)`");
        return false;
    }
    if (s->decl.args.len == 2 && !s->decl.args.data[0].name.sym && !s->decl.args.data[1].name.sym)
        return true;
    diag(e->c->ds, law_arguments, s->decl.law.span);
    return false;
}

bool decl_number(Elab *e, const AstExpr *x, const char *what, Num *out) {
    Value v = eval(e, x);
    if (v.kind == VAL_none) return false;
    if (v.kind != VAL_number) {
        diag(e->c->ds, type_expected, x->span, what, value_kind(e, &v));
        return false;
    }
    *out = v.num;
    if (has_scalar(e, v.num.f)) {
        diag(e->c->ds, run_time_number, x->span, what);
        return false;
    }
    const FxNode *n = fx_node(e->fx, v.num.f);
    if (n->op != FX_num || isfinite(n->num)) return true;
    diag(e->c->ds, not_finite, x->span, what);
    return false;
}

static bool decl_nonneg(Elab *e, const AstExpr *x, Num v, const char *what) {
    const FxNode *n = fx_node(e->fx, v.f);
    if (n->op != FX_num || n->num >= 0) return true;
    diag(e->c->ds, negative, x->span, what);
    return false;
}

/* Sizes in the type's brackets: a multiple of n is a width, anything else a number of members. */
static bool decl_sizes(Elab *e, Family *f, const AstType *t) {
    AffVec size = {0};
    VEC(Fx) width = {0};
    for (uint32_t i = 0; i < t->dims.len; i++) {
        const AstExpr *x = t->dims.data[i].e;
        Value v = eval(e, x);
        Aff a;
        if (v.kind == VAL_none) return false;
        if (v.kind == VAL_number && v.num.n == QUARTER && !v.num.fan && !v.num.d) {
            vec_push(e->a, &width, v.num.f);
        } else if (width.len) {
            diag(e->c->ds, width_last, x->span);
            return false;
        } else {
            if (!eval_int(e, x, "a size", &a)) return false;
            vec_push(e->a, &size, a);
        }
    }
    if (width.len > (f->kind == FAM_vector ? 1u : 2u)) {
        diag(e->c->ds, width_count, t->span, ast_type_text(t->kind), width.len);
        return false;
    }
    f->size = size.data;
    f->nsize = size.len;
    f->rows = width.len ? width.data[0] : fx_rat(e->fx, 1, 1);
    f->cols = width.len > 1 ? width.data[1] : 0;
    return true;
}

static bool decl_numbers(Elab *e, const AstStmt *s, Family *f) {
    if (f->noise && f->noise_law == NOISE_bernoulli) return noise_numbers(e, s, f);
    const AstExpr *mean = s->decl.args.data[0].value, *var = s->decl.args.data[1].value;
    const AstExpr *lr = s->decl.lr;
    if (f->kind != FAM_vector) e->fan_of = f;
    bool ok = decl_number(e, mean, "a mean", &f->mean);
    ok &= decl_number(e, var, "a variance", &f->var);
    if (lr) ok &= decl_number(e, lr, "a learning rate", &f->lr);
    e->fan_of = NULL;
    if (!ok || !decl_nonneg(e, var, f->var, "a variance")) return false;
    if (lr && !decl_nonneg(e, lr, f->lr, "a learning rate")) return false;
    f->var_span = var->span;
    f->lr_given = lr != NULL;
    f->lr_span = lr ? lr->span : s->span;
    if (lr && !f->trained) {
        diag(e->c->ds, lr_of_random, lr->span, sym_text(e->c->syms, f->name));
        return false;
    }
    if (f->kind != FAM_vector && !is_zero(e, f->mean)) {
        diag(e->c->ds, matrix_mean, mean->span, sym_text(e->c->syms, f->name));
        return false;
    }
    if (f->mean.n || f->mean.fan || (lr && (f->lr.n || f->lr.fan))) {
        const AstExpr *x = f->mean.n || f->mean.fan ? mean : lr;
        diag(e->c->ds, mean_power, x->span, x == mean ? "mean" : "learning rate",
             num_power(e, x == mean ? f->mean.n + f->mean.fan : f->lr.n + f->lr.fan));
        return false;
    }
    return true;
}

static void warn_untrained(Elab *e, const AstStmt *s, const Family *f) {
    if (!f->trained) return;
    const AstExpr *var = s->decl.args.data[1].value;
    if ( f->lr_given || var->kind != AE_num || !is_zero(e, f->var)) return;
    Diag *d = diag(e->c->ds, zero_untrained, s->span, sym_text(e->c->syms, f->name));
    diag_help(d, "give it a learning rate: `lr 1`");
}

/* ---- vectors */
static bool is_nothing(Elab *e, const Family *f) { /* variance 0 and never trained away from it */
    return is_zero(e, f->var) && (!f->trained || !f->lr_given || is_zero(e, f->lr));
}

/* The definition of a whole family of vectors, over the loops around it and its own sizes. */
static DefId vecs_def(Elab *e, Family *f) {
    uint32_t n = f->nown + f->nsize, k = 0;
    Aff *fidx = ARENA_ARRAY(e->a, Aff, n);
    Dim *dim = ARENA_ARRAY(e->a, Dim, n);
    for (uint32_t i = 0; i < e->frame.len; i++)
        if (e->frame.data[i].is_loop && !e->frame.data[i].implicit && k < f->nown)
            dim[k++] = e->frame.data[i].dim;
    for (uint32_t i = 0; i < f->nsize; i++)
        dim[k++] = (Dim){dim_fresh(e, intern(e->c->syms, "i")), aff_const(0), f->size[i]};
    for (uint32_t i = 0; i < n; i++) fidx[i] = aff_name(e->x, dim[i].var);
    Def d = {.op = f->noise ? PO_noise : PO_param, .width = f->rows, .fam = f->id, .fidx = fidx,
             .nfidx = n, .dim = dim, .ndim = n, .span = f->span};
    DefId id = def_reserve(e, d, sym_text(e->c->syms, f->name));
    def_rename(e, id, f->name);
    return id;
}

static Value vec_mean(Elab *e, const Family *f, Value v) {
    v.num.f = fx_add(e->fx, fx_mul(e->fx, f->scale, v.num.f), num_fx(e, f->mean));
    return v;
}

/* Member idx of a declared family of vectors (or the only one). */
Value vecs_member(Elab *e, Value fam, const Aff *idx, Span sp) {
    Family *f = fam.fam;
    if (f->poison) return val_none();
    if (is_nothing(e, f)) return to_vector(val_num(f->mean), sp);
    DefId d = f->def;
    uint32_t n = e->p->def.data[d].ndim;
    Aff *all = ARENA_ARRAY(e->a, Aff, n);
    for (uint32_t i = 0; i < f->nown; i++) all[i] = f->own[i];
    for (uint32_t i = f->nown; i < n; i++) all[i] = idx[i - f->nown];
    return vec_mean(e, f, vec_use(e, (Use){d, all, sp}, f->rows, false));
}

static void decl_vector(Elab *e, const AstStmt *s, Family *f) {
    Value v = {.kind = VAL_vecs, .fam = f, .width = f->rows, .span = f->span};
    f->law = LAW_hidden;
    f->poison |= !variance_order(e, f, f->var.n + f->var.fan, "of order one");
    if (!f->poison && !is_nothing(e, f)) {
        family_add(e, f, num_fx(e, f->var));
        if (!f->poison) f->def = vecs_def(e, f);
    }
    if (f->poison) v = val_none();
    if (v.kind == VAL_vecs && !f->nsize) {
        v = vecs_member(e, v, NULL, s->decl.name.span);
        v.width = f->rows;
        if (!is_zero(e, f->mean) && v.kind == VAL_vector)
            v = vec_named(e, v, f->name, s->decl.name.span);
    }
    var_put(e, e->scope.len - 1, f->name, v, s->decl.name.span);
}

/* A readout bias c ~ N(0, s^2) is c' 1 / sqrt(n) of a vector of the same law. */
static void decl_scalar(Elab *e, const AstStmt *s, Family *f) {
    Value v = {.kind = VAL_output, .span = f->span};
    if (!is_zero(e, f->mean)) {
        diag(e->c->ds, scalar_mean, s->decl.args.data[0].value->span,
             sym_text(e->c->syms, f->name));
        v = val_none();
    } else if (!variance_order(e, f, f->var.n + f->var.fan, "of order one")) {
        v = val_none();
    } else if (!is_nothing(e, f)) {
        family_add(e, f, num_fx(e, f->var));
        Use c = def_own(e, f->poison ? 0 : vecs_def(e, f), f->span);
        Value left = vec_use(e, c, f->rows, false);
        left.num.f = fx_mul(e->fx, left.num.f, f->scale);
        v = output_of(e, left, val_int(e, aff_const(1)), f->span);
        v.out.data[0].coef.n = 0;
    }
    var_put(e, e->scope.len - 1, f->name, v, s->decl.name.span);
}

/* A second declaration of a name in one block would quietly make another parameter. */
static void declared_once(Elab *e, AstName name) {
    const Var *old = var_local(e, name.sym);
    if (!old) return;
    const char *s = sym_text(e->c->syms, name.sym);
    Diag *d = diag(e->c->ds, defined_twice, name.span, s);
    diag_label(d, old->span, "first defined here");
}

void exec_decl(Elab *e, const AstStmt *s) {
    const AstType *t = &s->decl.type;
    declared_once(e, s->decl.name);
    Family *f = ARENA_NEW(e->a, Family);
    f->name = s->decl.name.sym;
    f->unique = fam_fresh(e, sym_text(e->c->syms, f->name));
    f->span = s->decl.name.span;
    f->trained = s->decl.kind == AD_param;
    f->kind = t->kind == AT_matrix ? FAM_matrix : FAM_vector;
    f->rows = f->scale = fx_rat(e->fx, 1, 1);
    f->noise = s->decl.kind == AD_noise;
    if (f->noise && t->kind != AT_vector) {
        diag(e->c->ds, noise_type, t->span, sym_text(e->c->syms, f->name));
    } else if (t->kind != AT_matrix && t->kind != AT_vector && t->kind != AT_scalar) {
        diag(e->c->ds, decl_type, t->span, ast_decl_text(s->decl.kind),
             sym_text(e->c->syms, f->name));
    } else if (decl_law(e, s, f) && decl_sizes(e, f, t) && decl_numbers(e, s, f)) {
        f->own = affs_names(e, e->frame.data, e->frame.len, &f->nown);
        warn_untrained(e, s, f);
        if (t->kind == AT_vector) {
            decl_vector(e, s, f);
        } else if (t->kind == AT_scalar) {
            decl_scalar(e, s, f);
        } else {
            Value v = {.kind = VAL_matrix, .fam = f, .span = f->span,
                       .num = {.f = fx_rat(e->fx, 1, 1)}};
            var_put(e, e->scope.len - 1, f->name, v, f->span);
        }
        return;
    }
    var_put(e, e->scope.len - 1, f->name, val_none(), f->span);
}

void exec_width(Elab *e, const AstStmt *s) {
    declared_once(e, s->width.name);
    Value v = eval(e, s->width.value);
    double known;
    if (v.kind != VAL_none && (v.kind != VAL_number || v.num.n != QUARTER || v.num.fan)) {
        Diag *d = diag(e->c->ds, width_value, s->width.value->span,
                       sym_text(e->c->syms, s->width.name.sym));
        diag_help(d, "a width is a positive number times `n`: `width m = 2 * n`");
        v = val_none();
    }
    if (v.kind == VAL_number) {
        Fx r = num_fx(e, v.num);
        Num ratio = {.f = r};
        if (value_is_const(e, val_num(ratio), &known) && !(known > 0)) {
            diag(e->c->ds, negative, s->width.value->span, "a width");
            v = val_none();
        }
        check_add(e, CHECK_positive, r,
                  arena_printf(e->a, "width %s", sym_text(e->c->syms, s->width.name.sym)), s->span);
        v.num = (Num){.f = r, .n = QUARTER};
    }
    var_put(e, e->scope.len - 1, s->width.name.sym, v, s->width.name.span);
}

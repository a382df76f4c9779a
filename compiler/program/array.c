/* Indexed definitions: `x[0] = ..` and `x[l + 1] = ..` in a loop make one array over its positions.
 *
 * Each position of an element's index is a loop variable plus a constant, or free of the loops
 * between the array's scope and the statement, and every such loop has its position: so each
 * element is assigned once, and the ranges of the statements must join without gap or overlap along
 * one position. */
#include "program/array.h"

static const char *array_name(Elab *e, const Array *a) { return sym_text(e->c->syms, a->name); }

Sym elem_var(const Element *m, uint32_t p) {
    for (uint32_t i = 0; i < m->nframe; i++)
        if (m->frame[i].is_loop && aff_uses(m->idx[p], m->frame[i].dim.var))
            return m->frame[i].dim.var;
    return 0;
}

/* ---- making the array's definition */
void array_def(Elab *e, Array *a) {
    Dims dim = {0};
    Syms open = {0};
    Sym *var = ARENA_ARRAY(e->a, Sym, a->npos);
    for (uint32_t i = 0; i < a->nframe; i++)
        if (e->frame.data[i].is_loop) vec_push(e->a, &dim, e->frame.data[i].dim);
    for (uint32_t i = a->nframe; i < e->frame.len; i++)
        if (e->frame.data[i].is_loop && !e->frame.data[i].reduction)
            vec_push(e->a, &open, e->frame.data[i].dim.var);
    for (uint32_t p = 0; p < a->npos; p++) {
        for (uint32_t k = 0; k < a->elem.len && !var[p]; k++)
            var[p] = elem_var(&a->elem.data[k], p);
        if (!var[p] && !a->elem.len && open.len == a->npos) var[p] = open.data[p];
        if (!var[p] && open.len == 1 && a->npos == 1) var[p] = open.data[0];
        if (!var[p]) var[p] = dim_fresh(e, intern(e->c->syms, "i"));
        vec_push(e->a, &dim, (Dim){var[p], aff_const(0), aff_const(0)});
    }
    if (!a->width && !a->is_input) a->width = fx_rat(e->fx, 1, 1);
    a->var = var;
    a->def = def_reserve(e, (Def){.op = PO_lin, .dim = dim.data, .ndim = dim.len,
                                  .width = a->width, .span = a->span}, array_name(e, a));
    def_rename(e, a->def, a->name);
    Def *d = &e->p->def.data[a->def];
    if (a->scalar) d->op = PO_scalar, d->width = 0;
    e->open.data[a->def] = true;
}

uint32_t outer_dims(Elab *e, const Array *a) {
    return e->p->def.data[a->def].ndim - a->npos;
}

/* ---- intervals of the statements */
uint32_t elem_subst(Elab *e, const Array *a, const Element *m, AffSubst *out) {
    uint32_t n = 0;
    for (uint32_t p = 0; p < a->npos; p++) {
        Sym v = elem_var(m, p);
        if (!v) continue;
        Aff rest = aff_sub(e->x, m->idx[p], aff_name(e->x, v));
        out[n++] = (AffSubst){v, aff_sub(e->x, aff_name(e->x, a->var[p]), rest)};
    }
    return n;
}

Extent elem_extent(Elab *e, const Array *a, const Element *m, uint32_t p) {
    Sym v = elem_var(m, p);
    if (!v) return (Extent){m->idx[p], aff_plus(m->idx[p], 1)};
    AffSubst *sub = ARENA_ARRAY(e->a, AffSubst, a->npos);
    uint32_t n = elem_subst(e, a, m, sub);
    Aff rest = aff_sub(e->x, m->idx[p], aff_name(e->x, v));
    for (uint32_t i = 0; i < m->nframe; i++)
        if (m->frame[i].is_loop && m->frame[i].dim.var == v)
            return (Extent){aff_add(e->x, aff_subst(e->x, m->frame[i].dim.lo, sub, n), rest),
                            aff_add(e->x, aff_subst(e->x, m->frame[i].dim.hi, sub, n), rest)};
    bug("elem_extent: loop not found");
}

/* The position along which the statements differ; false: along more than one. */
static bool split_position(Elab *e, const Array *a, uint32_t *out) {
    bool found = false;
    *out = 0;
    for (uint32_t p = 0; p < a->npos; p++) {
        Extent first = elem_extent(e, a, &a->elem.data[0], p);
        for (uint32_t k = 1; k < a->elem.len; k++) {
            Extent x = elem_extent(e, a, &a->elem.data[k], p);
            if (aff_eq(x.lo, first.lo) && aff_eq(x.hi, first.hi)) continue;
            if (found && *out != p) return false;
            *out = p;
            found = true;
        }
    }
    return true;
}

/* Statements in the order of their ranges; false: a gap or an overlap. */
static bool chain(Elab *e, const Array *a, uint32_t p, uint32_t *order) {
    uint32_t n = a->elem.len;
    for (uint32_t start = 0; start < n; start++) {
        bool *used = ARENA_ARRAY(e->a, bool, n);
        uint32_t len = 0, at = start;
        while (len < n && at < n) {
            used[at] = true;
            order[len++] = at;
            Aff hi = elem_extent(e, a, &a->elem.data[at], p).hi;
            for (at = 0; at < n; at++)
                if (!used[at] && aff_eq(elem_extent(e, a, &a->elem.data[at], p).lo, hi)) break;
        }
        if (len == n) return true;
    }
    return false;
}

/* ---- closing the array */
static void elem_arms(Elab *e, const Array *a, const Element *m, const ConsVec *guard,
                      ArmVec *out) {
    AffSubst *sub = ARENA_ARRAY(e->a, AffSubst, a->npos);
    uint32_t n = elem_subst(e, a, m, sub);
    ArmVec arms = {0};
    Value v = to_vector(m->value, m->span);
    if (a->scalar) scalar_arms(e, v.num.f, &arms);
    else vec_arms(e, v.num.f, a->width, m->span, &arms);
    for (uint32_t i = 0; i < arms.len; i++) {
        Arm b = arm_subst(e, arms.data[i], sub, n);
        ConsVec cons = {0};
        for (uint32_t k = 0; k < guard->len; k++) vec_push(e->a, &cons, guard->data[k]);
        for (uint32_t k = 0; k < b.ncons; k++) vec_push(e->a, &cons, b.cons[k]);
        b.cons = cons.data;
        b.ncons = cons.len;
        vec_push(e->a, out, b);
    }
}

void elem_guard(Elab *e, const Array *a, uint32_t p, const uint32_t *order, uint32_t i,
                ConsVec *guard) {
    uint32_t n = a->elem.len;
    Aff var = aff_name(e->x, a->var[p]);
    Extent x = elem_extent(e, a, &a->elem.data[order[i]], p);
    if (n > 1 && aff_eq(aff_plus(x.lo, 1), x.hi)) {
        vec_push(e->a, guard, cons_eq(e->x, var, x.lo));
    } else if (n > 1) {
        if (i) vec_push(e->a, guard, cons_le(e->x, x.lo, var));
        if (i + 1 < n) vec_push(e->a, guard, cons_lt(e->x, var, x.hi));
    }
}

static void array_fill(Elab *e, Array *a, uint32_t p, const uint32_t *order) {
    ArmVec arms = {0};
    uint32_t n = a->elem.len;
    for (uint32_t i = 0; i < n; i++) {
        ConsVec guard = {0};
        elem_guard(e, a, p, order, i, &guard);
        elem_arms(e, a, &a->elem.data[order[i]], &guard, &arms);
    }
    Def *d = &e->p->def.data[a->def];
    uint32_t outer = outer_dims(e, a);
    Dim *dim = arena_copy(e->a, d->dim, d->ndim * sizeof *dim);
    for (uint32_t k = 0; k < a->npos; k++) {
        Extent lo = elem_extent(e, a, &a->elem.data[k == p ? order[0] : 0], k);
        Extent hi = elem_extent(e, a, &a->elem.data[k == p ? order[n - 1] : 0], k);
        dim[outer + k].lo = lo.lo;
        dim[outer + k].hi = hi.hi;
    }
    d = &e->p->def.data[a->def];
    d->dim = dim;
    d->arm = arms.data;
    d->narm = arms.len;
    d->mu = a->recursive;
    bool zero = a->elem.data[0].value.kind == VAL_number && !a->scalar;
    if (zero) number_found(e, a->def, &arms, a->span);
}

static bool read_fits(Elab *e, const Array *a, const ArrayRead *r) {
    const Def *d = &e->p->def.data[a->def];
    uint32_t outer = outer_dims(e, a);
    AffSubst *m = ARENA_ARRAY(e->a, AffSubst, a->npos);
    for (uint32_t p = 0; p < a->npos; p++) {
        Aff lo = aff_subst(e->x, d->dim[outer + p].lo, m, p);
        Aff hi = aff_subst(e->x, d->dim[outer + p].hi, m, p);
        ConsVec path = {.data = (Cons *)r->path, .len = r->npath};
        if (!index_fits(e, &path, r->idx[p], lo, hi, r->span, array_name(e, a))) {
            Diag *g = index_outside(e, r->idx[p], lo, hi, r->span, array_name(e, a));
            diag_label(g, a->span, "`%s` is defined here", array_name(e, a));
            return false;
        }
        m[p] = (AffSubst){d->dim[outer + p].var, r->idx[p]};
    }
    return true;
}

bool array_order_of(Elab *e, Array *a, uint32_t *p, uint32_t *order) {
    if (a->elem.len && split_position(e, a, p) && chain(e, a, *p, order)) return true;
    Diag *d = diag(e->c->ds, array_gap, a->span, array_name(e, a));
    for (uint32_t i = 1; i < a->elem.len; i++) diag_label(d, a->elem.data[i].span, "and here");
    a->poison = true;
    return false;
}

void array_finish(Elab *e, Array *a) {
    uint32_t p, *order = ARENA_ARRAY(e->a, uint32_t, a->elem.len);
    a->done = true;
    if (!a->def || a->poison || e->restart || !e->open.data[a->def]) return;
    e->open.data[a->def] = false;
    if (!array_order_of(e, a, &p, order)) return;
    array_fill(e, a, p, order);
    for (uint32_t i = 0; i < a->read.len; i++)
        if (!read_fits(e, a, &a->read.data[i])) return;
}

/* ---- order of reads and assignments */
static bool frame_open(const uint32_t *open, uint32_t n, uint32_t id) {
    for (uint32_t i = 0; i < n; i++)
        if (open[i] == id) return true;
    return false;
}

/* In a turn of the element's loops: is what is read assigned before?  Either in an earlier turn (an
 * outer position is smaller, the ones before it are equal), in this one if `after`, or not at all
 * in these loops. */
static bool read_before(Elab *e, const Element *m, const ArrayRead *r, uint32_t npos, bool after) {
    ConsVec path = {0};
    for (uint32_t i = 0; i < r->npath; i++) vec_push(e->a, &path, r->path[i]);
    bool loops = false;
    for (uint32_t i = 0; i < m->nframe; i++) {
        if (!m->frame[i].is_loop || !frame_open(r->open, r->nopen, m->frame[i].id)) continue;
        loops = true;
        for (uint32_t p = 0; p < npos; p++) {
            if (!aff_uses(m->idx[p], m->frame[i].dim.var)) continue;
            if (aff_implied(e->x, path.data, path.len, cons_lt(e->x, r->idx[p], m->idx[p])))
                return true;
            Cons c = cons_le(e->x, r->idx[p], m->idx[p]);
            if (!aff_implied(e->x, path.data, path.len, c)) return false;
            vec_push(e->a, &path, cons_eq(e->x, r->idx[p], m->idx[p]));
        }
    }
    return !loops || after;
}

static void read_too_early(Elab *e, const Array *a, const Element *m, Span sp) {
    Diag *d = diag(e->c->ds, array_order, sp, array_name(e, a));
    diag_label(d, m->span, "it is assigned here");
}

bool elem_loop_open(const Element *m, const ArrayRead *r) {
    for (uint32_t i = 0; i < m->nframe; i++)
        if (m->frame[i].is_loop && frame_open(r->open, r->nopen, m->frame[i].id)) return true;
    return false;
}

ArrayRead read_here(Elab *e, const Aff *idx, Span sp) {
    ConsVec path = {0};
    VEC(uint32_t) open = {0};
    path_cons(e, 0, &path);
    for (uint32_t i = 0; i < e->frame.len; i++)
        if (e->frame.data[i].is_loop) vec_push(e->a, &open, e->frame.data[i].id);
    return (ArrayRead){idx, path.data, path.len, open.data, open.len, sp};
}

/* Is the element at idx certainly one of this statement? */
static bool elem_has(Elab *e, const Array *a, const Element *m, const ArrayRead *r) {
    AffSubst *sub = ARENA_ARRAY(e->a, AffSubst, a->npos);
    uint32_t n = 0;
    for (uint32_t p = 0; p < a->npos; p++) {
        Sym v = elem_var(m, p);
        if (!v) {
            if (!aff_implied(e->x, r->path, r->npath, cons_eq(e->x, r->idx[p], m->idx[p])))
                return false;
            continue;
        }
        Aff rest = aff_sub(e->x, m->idx[p], aff_name(e->x, v));
        sub[n++] = (AffSubst){v, aff_sub(e->x, r->idx[p], rest)};
    }
    for (uint32_t i = 0; i < m->nframe; i++) {
        if (!m->frame[i].is_loop) continue;
        Dim d = m->frame[i].dim;
        Aff at = aff_subst(e->x, aff_name(e->x, d.var), sub, n);
        Aff lo = aff_subst(e->x, d.lo, sub, n), hi = aff_subst(e->x, d.hi, sub, n);
        if (!aff_implied(e->x, r->path, r->npath, cons_le(e->x, lo, at)) ||
            !aff_implied(e->x, r->path, r->npath, cons_lt(e->x, at, hi)))
            return false;
    }
    return true;
}

/* The statement's value with its loop variables replaced. */
static Value elem_value(Elab *e, const Array *a, const Element *m, const ArrayRead *r) {
    AffSubst *sub = ARENA_ARRAY(e->a, AffSubst, a->npos);
    uint32_t n = 0;
    for (uint32_t p = 0; p < a->npos; p++) {
        Sym v = elem_var(m, p);
        if (!v) continue;
        Aff rest = aff_sub(e->x, m->idx[p], aff_name(e->x, v));
        sub[n++] = (AffSubst){v, aff_sub(e->x, r->idx[p], rest)};
    }
    return value_subst(e, m->value, sub, n);
}

bool is_numbers(Elab *e, const Array *a) {
    const Value *v = &a->elem.data[0].value;
    if (v->kind != VAL_number) return false;
    return a->scalar || !fx_is_zero(e->fx, v->num.f) || a->numbers || starts_as_number(e, a->span);
}

/* A number or an output where it is certain which statement assigned it. */
static bool known_read(Elab *e, Array *a, const ArrayRead *r, Value *out) {
    for (uint32_t i = a->elem.len; i-- > 0;) {
        const Element *m = &a->elem.data[i];
        if (!elem_has(e, a, m, r)) continue;
        if (elem_loop_open(m, r) && !read_before(e, m, r, a->npos, true)) continue;
        *out = elem_value(e, a, m, r);
        return true;
    }
    return false;
}

/* The numbers become a definition. */
static bool numbers_define(Elab *e, Array *a) {
    for (uint32_t i = 0; i < a->elem.len; i++)
        if (!scalar_order(e, &a->elem.data[i].value, a->elem.data[i].span)) return false;
    a->scalar = true;
    return true;
}

Value array_read(Elab *e, Array *a, const Aff *idx, uint32_t n, Span sp) {
    if (a->poison) return val_none();
    if (n != a->npos) {
        Diag *d = diag(e->c->ds, index_count, sp, array_name(e, a), a->npos, n);
        diag_label(d, a->span, "`%s` is defined here", array_name(e, a));
        return val_none();
    }
    ArrayRead r = read_here(e, idx, sp);
    bool outputs = a->elem.len && a->elem.data[0].value.kind == VAL_output;
    if (outputs || (a->elem.len && !a->def && is_numbers(e, a))) {
        Value v;
        if (known_read(e, a, &r, &v)) return v;
        if (outputs) diag(e->c->ds, array_number, sp, array_name(e, a));
        if (outputs || !numbers_define(e, a)) return val_none();
    }
    if (!a->def && a->elem.len == 1 && !e->learnt->arrays &&
        elem_has(e, a, &a->elem.data[0], &r) &&
        (!elem_loop_open(&a->elem.data[0], &r) ||
         read_before(e, &a->elem.data[0], &r, a->npos, true))) {
        a->bypassed = true;
        return elem_value(e, a, &a->elem.data[0], &r);
    }
    for (uint32_t i = 0; i < a->elem.len; i++) {
        const Element *m = &a->elem.data[i];
        if (!elem_loop_open(m, &r)) continue;
        a->recursive = true;
        if (read_before(e, m, &r, a->npos, true)) continue;
        read_too_early(e, a, m, sp);
        return val_none();
    }
    if (!a->def) array_def(e, a);
    vec_push(e->a, &a->read, r);
    if (a->done) {
        array_finish(e, a);
        if (!read_fits(e, a, &r)) return val_none();
    }
    AffVec all = {0};
    for (uint32_t i = 0; i < a->nframe; i++)
        if (e->frame.data[i].is_loop)
            vec_push(e->a, &all, aff_name(e->x, e->frame.data[i].dim.var));
    for (uint32_t i = 0; i < n; i++) vec_push(e->a, &all, idx[i]);
    Use u = {a->def, all.data, sp};
    return a->scalar ? val_fx(scalar_use(e, u)) : vec_use(e, u, a->width, a->is_input);
}

/* ---- assignment */
static uint32_t call_frames(Elab *e) { /* loops of the callers are not ours to index */
    for (uint32_t s = e->scope.len; s-- > 0;)
        if (e->scope.data[s].call) return e->scope.data[s].nframe;
    return 0;
}

/* The scope of a new array: outside the loops that its index mentions. */
static Array *array_new(Elab *e, const AstStmt *s, const Aff *idx, uint32_t n) {
    uint32_t nf = e->frame.len, scope = e->scope.len - 1;
    for (uint32_t i = e->frame.len; i-- > call_frames(e);)
        for (uint32_t p = 0; p < n; p++)
            if (e->frame.data[i].is_loop && aff_uses(idx[p], e->frame.data[i].dim.var)) nf = i;
    while (e->scope.data[scope].nframe > nf && !e->scope.data[scope].call) scope--;
    Array *a = ARENA_NEW(e->a, Array);
    a->name = s->assign.name.sym;
    a->span = s->assign.name.span;
    a->npos = n;
    a->nframe = e->scope.data[scope].nframe;
    const AstItem *in = vec_last(&e->call).item;
    a->numbers = in->kind != AI_fn && infer_number(e, &in->block.stmts, a->name);
    vec_push(e->a, &e->scope.data[scope].arrays, a);
    var_put(e, scope, a->name, (Value){.kind = VAL_array, .array = a, .span = a->span}, a->span);
    return a;
}

/* Every loop between the array's scope and here has one position, which is it plus a constant. */
static bool index_form(Elab *e, const Array *a, const Aff *idx, uint32_t n, const AstStmt *s) {
    bool ok = true;
    for (uint32_t i = a->nframe; i < e->frame.len; i++) {
        const Frame *f = &e->frame.data[i];
        uint32_t seen = 0;
        for (uint32_t p = 0; f->is_loop && p < n; p++) {
            int32_t k = aff_coef(idx[p], f->dim.var);
            seen += k != 0;
            ok &= k == 0 || k == 1;
        }
        ok &= !f->is_loop || seen == 1;
    }
    for (uint32_t p = 0; p < n; p++) {
        uint32_t seen = 0;
        for (uint32_t i = a->nframe; i < e->frame.len; i++)
            seen += e->frame.data[i].is_loop && aff_uses(idx[p], e->frame.data[i].dim.var);
        ok &= seen <= 1;
    }
    if (ok) return true;
    Diag *d = diag(e->c->ds, array_index, s->assign.at.data[0].e->span, array_name(e, a));
    diag_note(d, "every loop around the assignment has one position of its own in the index");
    return false;
}

static Value element_value(Elab *e, Array *a, Value v, Span sp) {
    if (v.kind == VAL_none) return v;
    bool outputs = a->elem.len && a->elem.data[0].value.kind == VAL_output;
    if (v.kind == VAL_output && (outputs || !a->elem.len) && !a->def) return v;
    if ((v.kind != VAL_number && v.kind != VAL_vector) || outputs) {
        const char *want = outputs ? "an inner product, as the other elements are"
                                   : "a vector or a number";
        diag(e->c->ds, type_expected, sp, want, value_kind(e, &v));
        return val_none();
    }
    bool zero = v.kind == VAL_number && fx_is_zero(e->fx, v.num.f);
    bool number = a->elem.len && is_numbers(e, a);
    if (v.kind == VAL_number && !zero && !a->scalar && ((!number && a->elem.len) || a->def)) {
        v = to_vector(v, sp); /* broadcasts beside vectors */
    } else if (v.kind == VAL_vector && number) {
        diag(e->c->ds, type_expected, sp, "a number, as the other elements are",
             value_kind(e, &v));
        return val_none();
    }
    if (v.kind == VAL_number && a->scalar) return scalar_order(e, &v, sp) ? v : val_none();
    if (v.kind == VAL_number && !a->elem.len) return scalar_named(e, v, a->name, a->span);
    if (v.kind != VAL_vector) return v;
    if (!vec_order(e, &v, sp)) return val_none();
    if (!a->elem.len && !a->def) return vec_named(e, v, a->name, a->span);
    ArmVec arms = {0};
    vec_arms(e, v.num.f, a->width ? a->width : v.width, sp, &arms);
    v.num.f = arms_value(e, &arms, v.width ? v.width : fx_rat(e->fx, 1, 1), v.is_input, sp);
    return v;
}

static bool element_width(Elab *e, Array *a, const Value *v, Span sp) {
    bool other = a->def;
    for (uint32_t i = 0; i < a->elem.len; i++) other |= a->elem.data[i].value.kind == VAL_vector;
    if (v->kind == VAL_vector && other && v->is_input != a->is_input) {
        diag(e->c->ds, input_mixed, sp, a->is_input ? "data vectors" : "vectors",
             value_kind(e, v));
        return false;
    }
    if (v->kind == VAL_vector) a->is_input = v->is_input;
    if (v->kind != VAL_vector || !v->width) return true;
    if (!a->width) a->width = v->width;
    if (a->width == v->width) return true;
    diag(e->c->ds, width_mismatch, sp, width_text(e, a->width), width_text(e, v->width));
    return false;
}

/* An element that is a family: its positions are further ones of the array. */
static Value element_positions(Elab *e, Value v, AffVec *idx, const AstStmt *s) {
    Lift l;
    if (v.kind != VAL_family || (v.of->kind != VAL_vector && v.of->kind != VAL_number)) return v;
    v = family_plain(e, v, sym_text(e->c->syms, s->assign.name.sym), s->assign.value->span);
    if (v.kind == VAL_none || !lift_open(e, &v, NULL, 1, s->span, &l)) return val_none();
    for (uint32_t i = 0; i < l.npos; i++) vec_push(e->a, idx, aff_name(e->x, l.pos[i].var));
    return v;
}

void array_assign(Elab *e, const AstStmt *s) {
    AffVec idx = {0};
    Sym name = s->assign.name.sym;
    for (uint32_t i = 0; i < s->assign.at.len; i++) {
        Aff v;
        if (!eval_int(e, s->assign.at.data[i].e, "an index", &v)) return;
        vec_push(e->a, &idx, v);
    }
    Var *old = var_find(e, name);
    if (old && old->value.kind != VAL_array) {
        if (old->value.kind == VAL_none) return;
        Diag *d = diag(e->c->ds, array_mixed, s->assign.name.span, sym_text(e->c->syms, name));
        diag_label(d, old->span, "it is assigned as a whole here");
        old->value = val_none();
        return;
    }
    Array *a = old ? old->value.array : array_new(e, s, idx.data, idx.len);
    if (a->poison || !index_form(e, a, idx.data, idx.len, s)) {
        a->poison = true;
        return;
    }
    Value v = whole(e, eval(e, s->assign.value), s->assign.value->span);
    uint32_t keep = e->frame.len;
    v = element_positions(e, v, &idx, s);
    if (!a->elem.len && !a->def) a->npos = idx.len;
    if (idx.len != a->npos) {
        diag(e->c->ds, index_count, s->span, array_name(e, a), a->npos, idx.len);
        v = val_none();
    }
    v = element_value(e, a, v, s->assign.value->span);
    if (v.kind == VAL_none || !element_width(e, a, &v, s->assign.value->span)) {
        a->poison = true;
        e->frame.len = keep;
        return;
    }
    uint32_t nf = e->frame.len - a->nframe;
    Element m = {.idx = idx.data, .value = v, .span = s->assign.name.span, .nframe = nf};
    if (nf) m.frame = arena_copy(e->a, e->frame.data + a->nframe, nf * sizeof(Frame));
    e->frame.len = keep;
    for (uint32_t i = 0; i < a->read.len; i++) {
        const ArrayRead *r = &a->read.data[i];
        if (!elem_loop_open(&m, r)) continue;
        a->recursive = true;
        if (read_before(e, &m, r, a->npos, false)) continue;
        read_too_early(e, a, &m, r->span);
        a->poison = true;
        return;
    }
    if (a->done) {
        Diag *d = diag(e->c->ds, array_order, m.span, array_name(e, a));
        diag_note(d, "it was used as a whole before");
        a->poison = true;
        return;
    }
    vec_push(e->a, &a->elem, m);
}

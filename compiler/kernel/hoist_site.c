/* The axes of a moved value, and forms of the pair stage as they read there. */
#include "diag/diag.h"
#include "kernel/hoist.h"
#include "kernel/path.h"

static bool is_variable(const Hoist *h, Sym s) { return !affctx_is_size(h->k->aff, s); }

/* The part of a form that loop variables have. */
static Aff variable_part(const Hoist *h, Aff a) {
    Aff out = aff_const(0);
    for (uint32_t i = 0; i < a.nterm; i++)
        if (is_variable(h, a.term[i].name))
            out = aff_add(h->k->aff, out, aff_scale(h->k->aff, aff_name(h->k->aff, a.term[i].name),
                                                    a.term[i].k));
    return out;
}

typedef VEC(Aff) FormVec;

static void add_form(const Hoist *h, FormVec *forms, Aff a) {
    Aff part = variable_part(h, a);
    if (!part.nterm) return;
    for (uint32_t i = 0; i < forms->len; i++)
        if (aff_eq(forms->data[i], part)) return;
    vec_push(h->c->a, forms, part);
}

/* What stands in indices of the computation of v. */
static void value_forms(Hoist *h, KVal v, FormVec *forms) {
    const KIns *i = &h->f->ins.data[v];
    if (hoist_met(h, v)) return;
    for (uint32_t j = 0; j < i->nidx; j++) add_form(h, forms, i->idx[j]);
    for (uint32_t j = 0; j < kop_info(i->op)->nargs; j++) value_forms(h, i->arg[j], forms);
}

void frames_around(const Hoist *h, uint32_t frame, FrameVec *out) {
    if (!h->frame.data[frame].ins) return;
    frames_around(h, h->frame.data[frame].parent, out);
    vec_push(h->c->a, out, frame);
}

static bool has_axis(const Site *s, Sym name) {
    for (uint32_t i = 0; i < s->axis.len; i++)
        if (s->axis.data[i].name == name) return true;
    return false;
}

/* `p''` -> `p`; if that is taken, the name as it is, or a new one. */
static Sym axis_name(const Hoist *h, const Site *s, Sym var) {
    const char *text = sym_text(h->c->syms, var);
    size_t n = strlen(text);
    while (n > 1 && text[n - 1] == '\'') n--;
    Sym bare = intern_n(h->c->syms, text, n);
    if (!has_axis(s, bare) && is_variable(h, bare) && !kernel_size(h->k, bare)) return bare;
    return has_axis(s, var) ? intern_fresh(h->c->syms, text) : var;
}

void site_add(Hoist *h, Site *s, Sym var, Aff form) {
    vec_push(h->c->a, &s->axis, (HoistAxis){axis_name(h, s, var), form});
}

static bool is_single(const FormVec *forms, Sym var) {
    for (uint32_t i = 0; i < forms->len; i++)
        if (forms->data[i].nterm == 1 && forms->data[i].term[0].name == var) return true;
    return false;
}

/* The form has a variable that stands nowhere alone. */
static bool is_composite(const FormVec *forms, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++)
        if (!is_single(forms, a.term[i].name)) return true;
    return false;
}

static Sym loop_of(const Hoist *h, const FrameVec *around, uint32_t i) {
    const KIns *k = &h->f->ins.data[h->frame.data[around->data[i]].ins];
    return k->op == KO_loop ? k->var : 0;
}

/* Single variables, outermost first; then composite forms, by their innermost variables. */
static void add_axes(Hoist *h, const FormVec *forms, const FrameVec *around, Site *s) {
    for (uint32_t i = 0; i < around->len; i++) {
        Sym var = loop_of(h, around, i);
        if (!var || !is_single(forms, var)) continue;
        site_add(h, s, var, aff_name(h->k->aff, var));
    }
    for (uint32_t i = 0; i < around->len; i++)
        for (uint32_t j = 0; j < forms->len; j++) {
            Aff a = forms->data[j];
            Sym var = loop_of(h, around, i);
            bool here = var && aff_coef(a, var) && is_composite(forms, a);
            for (uint32_t k = i + 1; here && k < around->len; k++)
                here = !loop_of(h, around, k) || !aff_coef(a, loop_of(h, around, k));
            if (here) site_add(h, s, var, a);
        }
}

bool site_make(Hoist *h, KVal v, Site *out) {
    FormVec forms = {0};
    FrameVec around = {0};
    *out = (Site){.bind = h->bind[v]};
    frames_around(h, h->frame_of[v], &around);
    h->walk++;
    value_forms(h, v, &forms);
    add_axes(h, &forms, &around, out);
    for (uint32_t i = 0; i < forms.len; i++) {
        Aff unused;
        if (!site_form(h, out, forms.data[i], &unused)) return false;
    }
    return true;
}

bool site_is_plain(const Site *s) {
    for (uint32_t i = 0; i < s->axis.len; i++)
        if (s->axis.data[i].form.nterm > 1) return false;
    return true;
}

/* Sizes of the right sample are, where its values are computed, those of the sample. */
static Aff own_sizes(const Hoist *h, Aff a) {
    for (uint32_t i = 0; i < h->k->size.len; i++) {
        const KSize *z = &h->k->size.data[i];
        if (z->kind != KZ_right || !aff_mentions(a, z->name)) continue;
        AffSubst s = {z->name, aff_name(h->k->aff, h->k->size.data[z->of].name)};
        a = aff_subst(h->k->aff, a, &s, 1);
    }
    return a;
}

/* *rest less k times the axis's form, if all of that is in it; k: 0 if not. */
static int32_t take_axis(const Hoist *h, const HoistAxis *x, Aff *rest) {
    int32_t first = x->form.term[0].k, k = aff_coef(*rest, x->form.term[0].name);
    if (!k || k % first) return 0;
    Aff left = aff_sub(h->k->aff, *rest, aff_scale(h->k->aff, x->form, k / first));
    for (uint32_t i = 0; i < x->form.nterm; i++)
        if (aff_mentions(left, x->form.term[i].name)) return 0;
    *rest = left;
    return k / first;
}

/* Composite axes first: a single variable may stand in them too. */
bool site_form(const Hoist *h, const Site *s, Aff a, Aff *out) {
    AffCtx *x = h->k->aff;
    Aff rest = a, sum = aff_const(0);
    for (uint32_t i = s->axis.len; i-- > 0;) {
        const HoistAxis *t = &s->axis.data[i];
        int32_t k = take_axis(h, t, &rest);
        sum = aff_add(x, sum, aff_scale(x, aff_name(x, t->name), k));
    }
    if (!aff_size_only(x, rest)) return false;
    *out = aff_add(x, sum, s->bind == BIND_y ? own_sizes(h, rest) : rest);
    return true;
}

bool site_cons(const Hoist *h, const Site *s, Cons c, Cons *out) {
    *out = c;
    if (c.kind != CONS_not) return site_form(h, s, c.e, &out->e);
    Cons *of = ARENA_ARRAY(h->c->a, Cons, c.nof);
    for (uint32_t i = 0; i < c.nof; i++)
        if (!site_cons(h, s, c.of[i], &of[i])) return false;
    *out = cons_not(h->k->aff, of, c.nof);
    return true;
}

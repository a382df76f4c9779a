/* Names: scopes of variables, and the loops and conditions around the current place. */
#include "program/elab.h"

Var *var_local(Elab *e, Sym name) {
    for (uint32_t i = e->var.len; i-- > vec_last(&e->scope).first;)
        if (e->var.data[i].name == name) return &e->var.data[i];
    return NULL;
}

Var *var_find(Elab *e, Sym name) {
    for (uint32_t s = e->scope.len; s-- > 0;) {
        uint32_t end = s + 1 < e->scope.len ? e->scope.data[s + 1].first : e->var.len;
        for (uint32_t i = end; i-- > e->scope.data[s].first;)
            if (e->var.data[i].name == name) return &e->var.data[i];
        if (e->scope.data[s].call) break;
    }
    return NULL;
}

/* Insert into a scope that need not be the innermost. */
void var_put(Elab *e, uint32_t scope, Sym name, Value v, Span sp) {
    uint32_t at = scope + 1 < e->scope.len ? e->scope.data[scope + 1].first : e->var.len;
    vec_push(e->a, &e->var, (Var){0});
    for (uint32_t i = e->var.len - 1; i > at; i--) e->var.data[i] = e->var.data[i - 1];
    e->var.data[at] = (Var){name, v, sp};
    for (uint32_t s = scope + 1; s < e->scope.len; s++) e->scope.data[s].first++;
}

void var_set(Elab *e, Sym name, Value v, Span sp) {
    Var *old = var_find(e, name);
    if (old) {
        old->value = v;
        old->span = sp;
    } else {
        var_put(e, e->scope.len - 1, name, v, sp);
    }
}

void scope_open(Elab *e, bool call) {
    vec_push(e->a, &e->scope,
             (Scope){.first = e->var.len, .nframe = e->frame.len, .call = call});
}

void scope_close(Elab *e) {
    Scope *s = &vec_last(&e->scope);
    for (uint32_t i = 0; i < s->arrays.len; i++) array_finish(e, s->arrays.data[i]);
    s = &vec_last(&e->scope);
    e->var.len = s->first;
    e->scope.len--;
}

void frame_loop(Elab *e, Dim d, bool reduction, Span sp) {
    vec_push(e->a, &e->frame, (Frame){.is_loop = true, .reduction = reduction, .dim = d,
                                      .id = ++e->loops, .span = sp});
}

void frame_cond(Elab *e, Cons c) { vec_push(e->a, &e->frame, (Frame){.cons = c}); }

static void frames_cons(Elab *e, const Frame *f, uint32_t n, ConsVec *out) {
    for (uint32_t i = 0; i < n; i++) {
        if (f[i].is_loop)
            cons_range(e->x, out, f[i].dim.var, f[i].dim.lo, f[i].dim.hi);
        else
            vec_push(e->a, out, f[i].cons);
    }
}

void path_cons(Elab *e, uint32_t from, ConsVec *out) {
    if (from < e->frame.len) frames_cons(e, e->frame.data + from, e->frame.len - from, out);
}

/* The variables of the source's loops, as index forms. */
Aff *affs_names(Elab *e, const Frame *f, uint32_t n, uint32_t *count) {
    AffVec v = {0};
    for (uint32_t i = 0; i < n; i++)
        if (f[i].is_loop && !f[i].implicit) vec_push(e->a, &v, aff_name(e->x, f[i].dim.var));
    *count = v.len;
    return v.data;
}

/* ---- nearest name: edit distance, for "did you mean" */
static uint32_t distance(const char *a, const char *b) {
    enum { MAX = 40 };
    size_t n = strlen(a), m = strlen(b);
    uint32_t row[MAX + 1];
    if (n > MAX || m > MAX) return MAX;
    for (size_t j = 0; j <= m; j++) row[j] = (uint32_t)j;
    for (size_t i = 1; i <= n; i++) {
        uint32_t diag = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            uint32_t best = diag + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diag = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

const char *nearest_name(Elab *e, const char *want, const Syms *list) {
    const char *best = NULL;
    uint32_t least = (uint32_t)strlen(want) / 3 + 1;
    for (uint32_t i = 0; i < list->len; i++) {
        const char *s = sym_text(e->c->syms, list->data[i]);
        uint32_t d = distance(want, s);
        if (d < strlen(want) && d <= least && (!best || d < least)) best = s, least = d;
    }
    return best;
}

/* Data of a run: which arrays, and the sizes that may differ between samples. */
#include "driver/driver.h"

/* "NAME=X.npy[,Y.npy]" */
static bool named_files(Session *s, const char *option, const char *text, TpNamed *out) {
    const char *eq = strchr(text, '=');
    if (!eq || eq == text || !eq[1]) {
        fprintf(stderr, "tpc: --%s %s: expected NAME=X.npy[,Y.npy]\n", option, text);
        return false;
    }
    const char *comma = strchr(eq, ',');
    *out = (TpNamed){.name = arena_strndup(s->a, text, (size_t)(eq - text))};
    out->x.path = comma ? arena_strndup(s->a, eq + 1, (size_t)(comma - eq - 1)) : eq + 1;
    out->y.path = comma ? comma + 1 : NULL;
    return true;
}

static bool named_list(Session *s, const char *option, const Texts *t, const TpNamed **out,
                       int *n) {
    TpNamed *list = ARENA_ARRAY(s->a, TpNamed, t->len);
    for (uint32_t i = 0; i < t->len; i++)
        if (!named_files(s, option, t->data[i], &list[i])) return false;
    *out = list;
    *n = (int)t->len;
    return true;
}

bool data_of(Session *s, TpJob *job) {
    Options *o = s->o;
    job->x.path = o->args.data[1];
    job->y.path = o->args.len > 2 ? o->args.data[2] : NULL;
    if (!named_list(s, "data", &o->data, &job->more, &job->nmore)) return false;
    if (!named_list(s, "size", &o->size, &job->size, &job->nsize)) return false;
    if (!o->memory || tp_parse_bytes(o->memory, &job->memory)) return true;
    fprintf(stderr, "tpc: --memory=%s: a size as 512M or 4G\n", o->memory);
    return false;
}

/* ---- sizes that may differ */

static void vary_aff(Session *s, Program *p, Aff a);

/* A position size itself; of a size made of others, those. */
static void vary_name(Session *s, Program *p, Sym name) {
    for (uint32_t i = 0; i < p->varying.len; i++)
        if (p->varying.data[i] == name) return;
    for (uint32_t i = 0; i < p->size.len; i++) {
        const SizeDef *z = &p->size.data[i];
        if (z->name != name) continue;
        if (z->kind == SIZE_position) vec_push(s->a, &p->varying, name);
        vary_aff(s, p, z->a);
        vary_aff(s, p, z->b);
    }
}

static void vary_aff(Session *s, Program *p, Aff a) {
    for (uint32_t i = 0; i < a.nterm; i++) vary_name(s, p, a.term[i].name);
}

void data_axes_vary(Session *s, Program *p, const InputDecl *in, const int64_t *x,
                    const int64_t *y) {
    for (uint32_t k = 0; k < in->npos; k++)
        if (x[k] != y[k]) vary_aff(s, p, in->size[k]);
}

bool data_options_vary(Session *s, Program *p) {
    for (uint32_t i = 0; i < s->o->size.len; i++) {
        const char *text = s->o->size.data[i];
        const char *name = arena_strndup(s->a, text, strcspn(text, "="));
        uint32_t before = p->varying.len;
        vary_name(s, p, intern(s->c.syms, name));
        if (p->varying.len > before) continue;
        Buf b = buf_new(s->a);
        for (uint32_t k = 0; k < p->size.len; k++)
            if (p->size.data[k].kind == SIZE_position)
                buf_printf(&b, "%s`%s`", b.len ? ", " : "; there is ",
                           sym_text(s->c.syms, p->size.data[k].name));
        bool given = false;
        for (uint32_t k = 0; k < before; k++)
            given |= p->varying.data[k] == intern(s->c.syms, name);
        if (given) continue;
        diag(s->c.ds, no_size, (Span){0}, sym_text(s->c.syms, p->name), name, buf_text(&b));
        return false;
    }
    return true;
}

static const TpNamed *named(const TpJob *job, const char *name) {
    for (int i = 0; i < job->nmore; i++)
        if (!strcmp(job->more[i].name, name)) return &job->more[i];
    return NULL;
}

/* Files that cannot be read, or are not of the rank expected, are the evaluation's to refuse. */
void data_shapes_vary(Session *s, Program *p, const TpJob *job) {
    for (uint32_t i = 0; i < p->input.len; i++) {
        const InputDecl *in = &p->input.data[i];
        const TpNamed *m = named(job, sym_text(s->c.syms, in->name));
        const char *x = m ? m->x.path : i ? NULL : job->x.path;
        const char *y = m ? m->y.path : i ? NULL : job->y.path;
        TpShape a, b;
        TpError e;
        if (!x || !y || !tp_shape(x, &a, &e) || !tp_shape(y, &b, &e)) continue;
        if (a.rank > (int)in->npos && b.rank > (int)in->npos)
            data_axes_vary(s, p, in, a.len + 1, b.len + 1);
    }
}

#include "values.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whole-number hyperparameters lie in [-MAX_INT, MAX_INT]: more turns than that never end. */
#define MAX_INT 1000000000

void rt_put(RtText *t, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    size_t at = t->len < t->cap ? t->len : t->cap;
    int n = vsnprintf(t->cap ? t->buf + at : NULL, t->cap - at, fmt, ap);
    va_end(ap);
    t->len += n > 0 ? (size_t)n : 0;
}

void rt_put_aff(RtText *t, const TpKernel *k, const TpAff *a) {
    for (int32_t i = 0; i < a->nterm; i++) {
        int32_t f = a->term[i].k;
        const char *name = k->size[a->term[i].size].name;
        rt_put(t, "%s", i ? f < 0 ? " - " : " + " : f < 0 ? "-" : "");
        if (f == 1 || f == -1) rt_put(t, "%s", name);
        else rt_put(t, "%d*%s", f < 0 ? -f : f, name);
    }
    if (!a->nterm) rt_put(t, "%lld", (long long)a->c);
    else if (a->c)
        rt_put(t, " %c %lld", a->c < 0 ? '-' : '+', (long long)(a->c < 0 ? -a->c : a->c));
}

void rt_input_text(char *buf, size_t cap, const TpKernel *k, int32_t input) {
    const TpInputDecl *decl = &k->input[input];
    RtText t = {buf, cap, 0};
    rt_put(&t, "(N");
    for (int32_t i = 0; i < decl->npos; i++) {
        rt_put(&t, ", ");
        rt_put_aff(&t, k, &decl->size[i]);
    }
    rt_put(&t, decl->is_data ? decl->npos ? ")" : ",)" : ", d)");
}

static bool is_hyper_size(const TpSize *s) { return s->kind == TP_SIZE_HYPER; }

/* ---- names */

static size_t edit_distance(const char *a, const char *b) {
    enum { MAX = 64 };
    size_t n = strlen(a), m = strlen(b), row[MAX + 1];
    if (n > MAX || m > MAX) return MAX;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

typedef struct Nearest {
    const char *wanted, *name;
    size_t distance;
} Nearest;

static void consider(Nearest *n, RtText *list, const char *name) {
    size_t d = edit_distance(n->wanted, name);
    rt_put(list, "%s%s", list->len ? ", " : "", name);
    if (d < n->distance) *n = (Nearest){n->wanted, name, d};
}

static bool unknown_name(const TpKernel *k, const char *name, TpError *e) {
    char buf[500] = "";
    RtText list = {buf, sizeof buf, 0};
    Nearest near = {name, NULL, strlen(name) / 2 + 2};
    for (int32_t i = 0; i < k->nreal; i++)
        if (k->real[i].hyper) consider(&near, &list, k->real[i].name);
    for (int32_t i = 0; i < k->nsize; i++)
        if (is_hyper_size(&k->size[i])) consider(&near, &list, k->size[i].name);
    if (!list.len)
        return rt_fail(e, TP_E_SETTING, "`%s` has no hyperparameters to set, but `%.200s` is set",
                       k->name, name);
    return rt_fail(e, TP_E_SETTING, "`%s` has no hyperparameter `%.200s`%s%s%s; it has %s", k->name,
                   name, near.name ? ": did you mean `" : "", near.name ? near.name : "",
                   near.name ? "`?" : "", buf);
}

/* ---- settings: values by place in the descriptor, NaN where not set */

typedef struct Settings {
    double *real, *size;
} Settings;

static bool fixed_name(const TpKernel *k, const TpFixed *f, TpError *e) {
    return rt_fail(e, TP_E_SETTING,
                   "`%s` was fixed to %s when this kernel was built; to change it, "
                   "build `%s` anew with --set %s=VALUE",
                   f->name, f->value, k->name, f->name);
}

static bool set_real(const TpReal *r, const char *text, double *out, TpError *e) {
    if (!rt_parse_double(text, out))
        return rt_fail(e, TP_E_SETTING, "`%.200s` is not a number: expected %s=NUMBER", text,
                       r->name);
    return isfinite(*out) ||
           rt_fail(e, TP_E_SETTING, "%s must be finite, but is set to %.100s", r->name, text);
}

static bool set_size(const TpSize *s, const char *text, double *out, TpError *e) {
    if (!rt_parse_double(text, out))
        return rt_fail(e, TP_E_SETTING, "`%.200s` is not a whole number: expected %s=NUMBER", text,
                       s->name);
    return (fabs(*out) <= MAX_INT && *out == floor(*out)) ||
           rt_fail(e, TP_E_SETTING, "%s must be a whole number from %d to %d, but is set to %.100s",
                   s->name, -MAX_INT, MAX_INT, text);
}

static bool set_named(const TpKernel *k, const Settings *s, const char *name, const char *text,
                      TpError *e) {
    for (int32_t i = 0; i < k->nreal; i++)
        if (k->real[i].hyper && !strcmp(k->real[i].name, name))
            return set_real(&k->real[i], text, &s->real[i], e);
    for (int32_t i = 0; i < k->nsize; i++)
        if (is_hyper_size(&k->size[i]) && !strcmp(k->size[i].name, name))
            return set_size(&k->size[i], text, &s->size[i], e);
    for (int32_t i = 0; i < k->nfixed; i++)
        if (!strcmp(k->fixed[i].name, name)) return fixed_name(k, &k->fixed[i], e);
    return unknown_name(k, name, e);
}

static bool set_one(const TpKernel *k, const Settings *s, const char *setting, TpError *e) {
    const char *eq = strchr(setting, '=');
    if (!eq || eq == setting || eq - setting > 200)
        return rt_fail(e, TP_E_SETTING, "`%.200s` is not a setting: expected NAME=VALUE", setting);
    char name[201];
    memcpy(name, setting, (size_t)(eq - setting));
    name[eq - setting] = 0;
    return set_named(k, s, name, eq + 1, e);
}

/* ---- values in order of declaration */

static bool missing(const char *name, TpError *e) {
    return rt_fail(e, TP_E_SETTING, "hyperparameter `%s` has no default: set %s=VALUE", name, name);
}

static bool real_value(const RtValues *v, const Settings *s, int32_t i, TpError *e) {
    const TpReal *r = &v->k->real[i];
    if (r->hyper && !isnan(s->real[i])) v->real[i] = s->real[i];
    else if (r->hyper && !r->value.n) return missing(r->name, e);
    else v->real[i] = rt_code_value(&r->value, v->real, v->size);
    return !r->hyper || isfinite(v->real[i]) ||
           rt_fail(e, TP_E_SETTING, "the default of `%s` is not finite with these settings",
                   r->name);
}

static bool size_value(const RtValues *v, const Settings *s, int32_t i, TpError *e) {
    const TpSize *z = &v->k->size[i];
    double x = s->size[i];
    if (isnan(x) && !z->value.n) return missing(z->name, e);
    if (isnan(x)) x = rt_code_value(&z->value, v->real, v->size);
    if (!(fabs(x) <= MAX_INT && x == floor(x)))
        return rt_fail(e, TP_E_SETTING,
                       "the default of `%s` is not a whole number with these settings", z->name);
    v->size[i] = (int64_t)x;
    return true;
}

static int by_order(const void *a, const void *b) {
    const RtStep *x = a, *y = b;
    if (x->order != y->order) return x->order > y->order ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static int32_t list_steps(const TpKernel *k, RtStep *o) {
    int32_t n = 0;
    for (int32_t i = 0; i < k->nreal; i++) o[n++] = (RtStep){k->real[i].order, i, false};
    for (int32_t i = 0; i < k->nsize; i++)
        if (k->size[i].value.n || is_hyper_size(&k->size[i]))
            o[n++] = (RtStep){k->size[i].order, i, true};
    qsort(o, (size_t)n, sizeof *o, by_order);
    return n;
}

static bool evaluate(const RtValues *v, const Settings *s, TpError *e) {
    bool ok = true;
    for (int32_t i = 0; ok && i < v->nstep; i++) {
        const RtStep *o = &v->step[i];
        if (!o->is_size) ok = real_value(v, s, o->index, e);
        else if (is_hyper_size(&v->k->size[o->index])) ok = size_value(v, s, o->index, e);
    }
    return ok;
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t derived_size(const TpSize *z, const double *real, const int64_t *size) {
    double x = rt_code_value(&z->value, real, size);
    int64_t whole = fabs(x) < 0x1p62 ? (int64_t)floor(x) : 0;
    return z->kind == TP_SIZE_FLOOR ? floor_div(whole, z->k > 0 ? z->k : 1) : whole;
}

void rt_values_derive(const RtValues *v, const int64_t *position, const int64_t *right,
                      int64_t *size, double *real) {
    const TpKernel *k = v->k;
    for (int32_t i = 0; i < k->nsize; i++)
        size[i] = k->size[i].kind == TP_SIZE_POSITION ? position[i] : v->size[i];
    for (int32_t i = 0; i < k->nreal; i++) real[i] = v->real[i];
    for (int32_t i = 0; i < v->nstep; i++) {
        const RtStep *o = &v->step[i];
        if (o->is_size && !is_hyper_size(&k->size[o->index]))
            size[o->index] = derived_size(&k->size[o->index], real, size);
    }
    for (int32_t i = 0; i < k->nsize; i++)
        if (k->size[i].kind == TP_SIZE_RIGHT) size[i] = (right ? right : size)[k->size[i].of];
    for (int32_t i = 0; i < v->nstep; i++) {
        int32_t r = v->step[i].index;
        if (!v->step[i].is_size && !k->real[r].hyper)
            real[r] = rt_code_value(&k->real[r].value, real, size);
    }
}

static bool settings_make(Settings *s, const TpKernel *k, const char *const *set, int nset,
                          TpError *e) {
    s->real = rt_alloc(k->nreal * 8, e);
    s->size = rt_alloc(k->nsize * 8, e);
    if (!s->real || !s->size) return false;
    for (int32_t i = 0; i < k->nreal; i++) s->real[i] = NAN;
    for (int32_t i = 0; i < k->nsize; i++) s->size[i] = NAN;
    for (int i = 0; i < nset; i++)
        if (!set_one(k, s, set[i], e)) return false;
    return true;
}

bool rt_values_make(RtValues *v, const TpKernel *k, const char *const *set, int nset,
                    const int64_t *dim, TpError *e) {
    *v = (RtValues){k, rt_zalloc(k->nsize * 8, e), rt_zalloc(k->nreal * 8, e),
                    rt_alloc((k->nreal + k->nsize) * (int64_t)sizeof(RtStep), e), 0};
    Settings s = {NULL, NULL};
    bool ok = v->size && v->real && v->step && settings_make(&s, k, set, nset, e);
    for (int32_t i = 0; ok && i < k->nsize; i++) {
        if (k->size[i].kind == TP_SIZE_DIM) v->size[i] = dim[k->size[i].input];
        if (k->size[i].kind == TP_SIZE_POSITION) v->size[i] = 1;
    }
    if (ok) v->nstep = list_steps(k, v->step);
    ok = ok && evaluate(v, &s, e);
    if (ok) rt_values_derive(v, v->size, NULL, v->size, v->real);
    rt_free(s.real);
    rt_free(s.size);
    if (!ok) rt_values_free(v);
    return ok;
}

void rt_values_free(RtValues *v) {
    rt_free(v->size);
    rt_free(v->real);
    rt_free(v->step);
    *v = (RtValues){.k = v->k};
}

bool rt_values_check(const TpKernel *k, const double *real, const int64_t *size, const char *where,
                     TpError *e) {
    for (int32_t i = 0; i < k->ncheck; i++) {
        const TpCheck *c = &k->check[i];
        double x = rt_code_value(&c->value, real, size);
        const char *need = NULL;
        if (!isfinite(x)) need = "finite";
        else if (c->kind == TP_CHECK_NONNEG && x < 0) need = "at least 0";
        else if (c->kind == TP_CHECK_POSITIVE && x <= 0) need = "above 0";
        char num[40];
        rt_number(num, sizeof num, 10, x);
        if (need)
            return rt_fail(e, TP_E_SETTING, "%s is %s; it must be %s%s", c->what, num, need, where);
    }
    return true;
}

bool tp_check_settings(const TpKernel *k, const char *const *set, int nset, TpError *err) {
    RtValues v;
    *err = (TpError){.code = TP_OK};
    int64_t *dim = rt_alloc(k->ninput * 8, err);
    for (int32_t i = 0; dim && i < k->ninput; i++) dim[i] = 1;
    bool ok = dim && rt_values_make(&v, k, set, nset, dim, err);
    if (ok) rt_values_free(&v);
    rt_free(dim);
    return ok;
}

/* ---- the list of settings */

static void put_setting(RtText *t, const char *name, const TpCode *code, double value, bool whole) {
    char num[40];
    rt_number(num, sizeof num, 10, value);
    rt_put(t, "  %s", name);
    if (!code->n) rt_put(t, " (must be set)");
    else if (isfinite(value)) rt_put(t, " = %s", num);
    else rt_put(t, " (default from other settings)");
    rt_put(t, whole ? ", a whole number\n" : "\n");
}

/* Defaults may depend on hyperparameters that have none: those values are not shown. */
static void put_defaults(RtText *t, const TpKernel *k, const RtStep *o, int32_t n, double *real,
                         int64_t *size) {
    for (int32_t i = 0; i < n; i++) {
        int32_t at = o[i].index;
        if (o[i].is_size && !is_hyper_size(&k->size[at])) continue;
        const TpCode *code = o[i].is_size ? &k->size[at].value : &k->real[at].value;
        double x = code->n ? rt_code_value(code, real, size) : NAN;
        if (o[i].is_size) size[at] = fabs(x) <= MAX_INT ? (int64_t)x : 0;
        else real[at] = x;
        if (o[i].is_size) put_setting(t, k->size[at].name, code, x, true);
        else if (k->real[at].hyper) put_setting(t, k->real[at].name, code, x, false);
    }
    for (int32_t i = 0; i < k->nfixed; i++)
        rt_put(t, "  %s = %s, fixed\n", k->fixed[i].name, k->fixed[i].value);
}

size_t rt_settings_text(char *buf, size_t cap, const TpKernel *k) {
    RtText t = {buf, cap, 0};
    TpError none = {.code = TP_OK};
    RtStep *o = rt_alloc((k->nreal + k->nsize) * (int64_t)sizeof(RtStep), &none);
    double *real = rt_zalloc(k->nreal * 8, &none);
    int64_t *size = rt_zalloc(k->nsize * 8, &none);
    if (cap) *buf = 0;
    if (o && real && size) put_defaults(&t, k, o, list_steps(k, o), real, size);
    rt_free(o);
    rt_free(real);
    rt_free(size);
    return t.len;
}

/* The header of a .npy file: a Python dictionary of three known keys.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#include "npy.h"
#include <stdio.h>
#include <string.h>

static const char *const code[] = {
#define NPY(code, ctype, name) #code,
#include "npy.def"
};
static const int item_size[] = {
#define NPY(code, ctype, name) (int)sizeof(ctype),
#include "npy.def"
};

_Static_assert(sizeof code / sizeof *code == NPY_COUNT, "a code per type");

typedef struct Reader {
    const char *p, *end;
    const char *path;
    TpError *e;
} Reader;

static bool garbled(Reader *r, const char *what) {
    return rt_fail(r->e, TP_E_DATA, "%s: garbled .npy header: expected %s", rt_path(r->path), what);
}

static void skip(Reader *r) {
    while (r->p < r->end && strchr(" \t\n\r", *r->p) && *r->p) r->p++;
}

static bool take(Reader *r, char c) {
    skip(r);
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static bool string(Reader *r, char *out, size_t cap, const char *what) {
    skip(r);
    if (r->p == r->end || (*r->p != '\'' && *r->p != '"')) return garbled(r, what);
    char quote = *r->p++;
    size_t n = 0;
    for (; r->p < r->end && *r->p != quote; r->p++) {
        if (n + 1 == cap || *r->p < ' ' || *r->p > '~') return garbled(r, what);
        out[n++] = *r->p;
    }
    out[n] = 0;
    return take(r, quote) || garbled(r, what);
}

static bool word(Reader *r, const char *w) {
    skip(r);
    size_t n = strlen(w);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, w, n)) return false;
    r->p += n;
    return true;
}

typedef struct Kind {
    char code[3];
    const char *what;
} Kind;

static const char *kind_name(const char *t) {
    static const Kind kinds[] = {{"O", "Python objects"}, {"c", "complex numbers"},
                                 {"S", "byte strings"},   {"U", "text"},
                                 {"M", "dates"},          {"m", "time differences"},
                                 {"V", "raw records"},    {"b1", "truth values"},
                                 {"f2", "float16"},       {"f", "extended floats"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strncmp(t, kinds[i].code, strlen(kinds[i].code))) return kinds[i].what;
    return "an unknown type";
}

static bool type_of(Reader *r, const char *descr, NpyType *out) {
    bool order = *descr && strchr("<>=|", *descr);
    const char *t = descr + order;
    for (int i = 0; i < NPY_COUNT; i++) {
        if (strcmp(t, code[i])) continue;
        if (*descr == '>' && item_size[i] > 1)
            return rt_fail(r->e, TP_E_DATA,
                           "%s holds big-endian numbers ('%s'); expected little-endian float64, "
                           "float32 or integers", rt_path(r->path), descr);
        *out = (NpyType)i;
        return true;
    }
    return rt_fail(r->e, TP_E_DATA, "%s holds %s ('%s'); expected float64, float32 or integers",
                   rt_path(r->path), kind_name(t), descr);
}

static bool descr_value(Reader *r, NpyType *out) {
    char s[32];
    skip(r);
    if (r->p < r->end && *r->p == '[')
        return rt_fail(r->e, TP_E_DATA, "%s holds structured records; expected float64, float32 or "
                       "integers", rt_path(r->path));
    return string(r, s, sizeof s, "a type name after 'descr'") && type_of(r, s, out);
}

static bool length(Reader *r, int64_t *out) {
    skip(r);
    const char *p = r->p;
    int64_t v = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *r->p - '0', &v))
            return garbled(r, "a shape of lengths below 2^63");
    if (r->p == p) return garbled(r, "whole numbers in the shape");
    if (r->p < r->end && *r->p == 'L') r->p++; /* Python 2 */
    *out = v;
    return true;
}

static bool shape_value(Reader *r, TpShape *s) {
    s->rank = 0;
    if (!take(r, '(')) return garbled(r, "a tuple after 'shape'");
    while (!take(r, ')')) {
        if (s->rank == TP_RANK) return garbled(r, "at most 32 axes");
        if (!length(r, &s->len[s->rank++])) return false;
        if (take(r, ',')) continue;
        if (take(r, ')')) break;
        return garbled(r, "`,` or `)` in the shape");
    }
    return true;
}

static bool order_value(Reader *r, bool *fortran) {
    *fortran = word(r, "True");
    return *fortran || word(r, "False") || garbled(r, "True or False after 'fortran_order'");
}

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4 };

static bool entry(Reader *r, NpyHeader *h, TpShape *s, int *seen) {
    char key[32];
    if (!string(r, key, sizeof key, "a key in quotes")) return false;
    if (!take(r, ':')) return garbled(r, "`:` after a key");
    int which = !strcmp(key, "descr")           ? HAS_DESCR
                : !strcmp(key, "fortran_order") ? HAS_ORDER
                : !strcmp(key, "shape")         ? HAS_SHAPE
                                                : 0;
    if (!which || (*seen & which))
        return garbled(r, "the keys descr, fortran_order and shape, once");
    *seen |= which;
    if (which == HAS_DESCR) return descr_value(r, &h->type);
    if (which == HAS_ORDER) return order_value(r, &h->fortran);
    return shape_value(r, s);
}

static bool dictionary(Reader *r, NpyHeader *h, TpShape *s) {
    int seen = 0;
    if (!take(r, '{')) return garbled(r, "`{`");
    while (!take(r, '}')) {
        if (!entry(r, h, s, &seen)) return false;
        if (take(r, ',')) continue;
        if (take(r, '}')) break;
        return garbled(r, "`,` or `}`");
    }
    skip(r);
    if (r->p != r->end) return garbled(r, "nothing after `}`");
    return seen == (HAS_DESCR | HAS_ORDER | HAS_SHAPE) ||
           garbled(r, "the keys descr, fortran_order and shape");
}

void tp_shape_text(char *buf, size_t cap, const TpShape *s) {
    size_t n = (size_t)snprintf(buf, cap, "(");
    for (int i = 0; i < s->rank && n < cap; i++)
        n += (size_t)snprintf(buf + n, cap - n, i ? ", %lld" : "%lld", (long long)s->len[i]);
    if (n < cap) snprintf(buf + n, cap - n, s->rank == 1 ? ",)" : ")");
}

static bool count_numbers(NpyHeader *h, int64_t *bytes) {
    h->n = h->shape.len[0];
    h->row = 1;
    for (int i = 1; i < h->shape.rank; i++)
        if (__builtin_mul_overflow(h->row, h->shape.len[i], &h->row)) return false;
    return !__builtin_mul_overflow(h->n, h->row, bytes) &&
           !__builtin_mul_overflow(*bytes, item_size[h->type], bytes) && *bytes <= INT64_MAX / 4;
}

static bool check_shape(const Reader *r, NpyHeader *h, int64_t size) {
    const TpShape *s = &h->shape;
    char text[256];
    tp_shape_text(text, sizeof text, s);
    const char *path = rt_path(r->path);
    if (!s->rank)
        return rt_fail(r->e, TP_E_DATA, "%s holds a single number; expected samples", path);
    for (int i = 0; i < s->rank; i++)
        if (!s->len[i])
            return rt_fail(r->e, TP_E_DATA, "%s has shape %s; expected %s", path, text,
                           i ? "no axis of length 0" : "at least one sample (N > 0)");
    int64_t bytes;
    if (!count_numbers(h, &bytes))
        return rt_fail(r->e, TP_E_DATA, "%s has shape %s, more than a file can hold", path, text);
    if (size - h->offset < bytes)
        return rt_fail(r->e, TP_E_DATA, "%s is truncated: shape %s needs %lld bytes after the "
                       "header, the file has %lld", path, text, (long long)bytes,
                       (long long)(size - h->offset));
    if (size - h->offset > bytes)
        return rt_fail(r->e, TP_E_DATA,
                       "%s is longer than its header says: shape %s needs %lld bytes "
                       "after the header, the file has %lld",
                       path, text, (long long)bytes, (long long)(size - h->offset));
    return true;
}

bool rt_npy_parse(const unsigned char *data, int64_t len, int64_t size, const char *path,
                  NpyHeader *h, TpError *e) {
    const char *name = rt_path(path);
    if (len < 10 || memcmp(data, "\x93NUMPY", 6))
        return rt_fail(e, TP_E_DATA, "%s is not a .npy file: it does not begin with \\x93NUMPY",
                       name);
    if (data[6] < 1 || data[6] > 3 || data[7])
        return rt_fail(e, TP_E_DATA, "%s has .npy version %d.%d; expected 1.0, 2.0 or 3.0", name,
                       data[6], data[7]);
    int start = data[6] == 1 ? 10 : 12;
    if (len < start) return rt_fail(e, TP_E_DATA, "%s is truncated in its header", name);
    int64_t n = data[8] | data[9] << 8;
    if (data[6] > 1) n |= (int64_t)data[10] << 16 | (int64_t)data[11] << 24;
    if (n > NPY_MAX_HEADER - 12)
        return rt_fail(e, TP_E_DATA, "%s announces a header of %lld bytes; expected at most %d",
                       name, (long long)n, NPY_MAX_HEADER - 12);
    if (start + n > len) return rt_fail(e, TP_E_DATA, "%s is truncated in its header", name);
    const char *p = (const char *)data + start;
    Reader r = {p, p + n, path, e};
    *h = (NpyHeader){.offset = start + n};
    return dictionary(&r, h, &h->shape) && check_shape(&r, h, size);
}

int rt_npy_header(char out[NPY_HEADER], TpDtype dtype, const TpShape *shape) {
    char text[NPY_HEADER], axes[NPY_HEADER - 128];
    tp_shape_text(axes, sizeof axes, shape);
    int len = snprintf(text, sizeof text,
                       "{'descr': '<f%d', 'fortran_order': False, 'shape': %s, }",
                       (int)rt_real_size(dtype), axes);
    int all = (int)rt_max(rt_round_up(10 + len + 1, 64), 128);
    memset(out, ' ', (size_t)all);
    memcpy(out, "\x93NUMPY\x01\0", 8);
    out[8] = (char)((all - 10) & 255);
    out[9] = (char)((all - 10) >> 8);
    memcpy(out + 10, text, (size_t)len);
    out[all - 1] = '\n';
    return all;
}

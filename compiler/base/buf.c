#include "base/buf.h"
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void room(Buf *b, size_t n) {
    if (b->len + n + 1 <= b->cap) return;
    size_t cap = b->cap ? (size_t)b->cap * 2 : 128;
    while (cap < b->len + n + 1) cap *= 2;
    char *p = arena_alloc(b->a, cap);
    if (b->len) memcpy(p, b->data, b->len);
    b->data = p;
    b->cap = (uint32_t)cap;
}

void buf_putn(Buf *b, const char *s, size_t n) {
    room(b, n);
    memcpy(b->data + b->len, s, n);
    b->len += (uint32_t)n;
    b->data[b->len] = 0;
}

void buf_puts(Buf *b, const char *s) { buf_putn(b, s, strlen(s)); }
void buf_putc(Buf *b, char c) { buf_putn(b, &c, 1); }

void buf_pad(Buf *b, int n) {
    while (n-- > 0) buf_putc(b, ' ');
}

void buf_printf(Buf *b, const char *fmt, ...) {
    va_list ap, ap2;
    va_start(ap, fmt);
    va_copy(ap2, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    room(b, (size_t)n);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap2);
    va_end(ap2);
    b->len += (uint32_t)n;
}

/* The program never calls setlocale, but a host of libtpc may have: mend the decimal point. */
static void put_number(Buf *b, char *s) {
    for (char *p = s; *p; p++)
        if (*p == ',') *p = '.';
    buf_puts(b, s);
}

void buf_double(Buf *b, double x) {
    char s[40];
    if (isnan(x)) return buf_puts(b, "nan");
    if (isinf(x)) return buf_puts(b, x > 0 ? "inf" : "-inf");
    for (int p = 1; p <= 17; p++) {
        snprintf(s, sizeof s, "%.*g", p, x);
        if (strtod(s, NULL) == x) break;
    }
    put_number(b, s);
}

void buf_hex(Buf *b, double x) {
    char s[40];
    snprintf(s, sizeof s, "%a", x);
    put_number(b, s);
}

const char *buf_text(const Buf *b) { return b->data ? b->data : ""; }

double text_double(const char *s, size_t n, size_t *end) {
    char tmp[512], *e;
    if (n >= sizeof tmp) n = sizeof tmp - 1;
    memcpy(tmp, s, n);
    tmp[n] = 0;
    char point = *localeconv()->decimal_point;
    if (point != '.')
        for (char *p = tmp; *p; p++)
            if (*p == '.') *p = point;
    double x = strtod(tmp, &e);
    if (end) *end = (size_t)(e - tmp);
    return x;
}

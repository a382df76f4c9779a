/* Text that grows, in an arena.  Numbers are printed in the C locale whatever the program's is. */
#ifndef TPC_BASE_BUF_H
#define TPC_BASE_BUF_H
#include "base/arena.h"

typedef struct Buf {
    Arena *a;
    char *data; /* NUL-terminated once anything was put */
    uint32_t len, cap;
} Buf;

static inline Buf buf_new(Arena *a) { return (Buf){a, 0, 0, 0}; }
void buf_puts(Buf *b, const char *s);
void buf_putn(Buf *b, const char *s, size_t n);
void buf_putc(Buf *b, char c);
void buf_printf(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* n spaces */
void buf_pad(Buf *b, int n);
/* Shortest decimal text that reads back as x; "inf", "-inf", "nan". */
void buf_double(Buf *b, double x);
/* Exact hexadecimal text (%a). */
void buf_hex(Buf *b, double x);
/* The text so far, never NULL. */
const char *buf_text(const Buf *b);
/* strtod of the C locale on s[0..n); *end gets the number of characters read. */
double text_double(const char *s, size_t n, size_t *end);
#endif

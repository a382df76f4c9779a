/* UTF-8 as the terminal shows it. */
#ifndef TPC_DIAG_TEXT_H
#define TPC_DIAG_TEXT_H
#include "base/arena.h"
#include <stdbool.h>

/* Decodes one character of s[0..n), n > 0: *cp gets the code point; returns its bytes, or 0 where
 * the bytes are no UTF-8 (overlong forms, surrogates and values above 10FFFF are none). */
uint32_t utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Columns of a code point on a terminal: 0 combining, 2 East Asian wide, else 1. */
uint32_t utf8_width(uint32_t cp);
/* C0 and C1 controls (newline and tab too), bidirectional overrides, byte order mark. */
bool utf8_is_control(uint32_t cp);
/* The text with what is not UTF-8 or is a control character (but newline) replaced by U+FFFD. */
const char *text_clean(Arena *a, const char *s);
#endif

#include "diag/text.h"
#include "base/buf.h"
#include <string.h>

static bool tail(const char *s, size_t n, uint32_t k) {
    if (n < k) return false;
    for (uint32_t i = 1; i < k; i++)
        if (((unsigned char)s[i] & 0xC0) != 0x80) return false;
    return true;
}

uint32_t utf8_decode(const char *s, size_t n, uint32_t *cp) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char c = (unsigned char)s[0];
    uint32_t k = c < 0x80             ? 1
                 : (c & 0xE0) == 0xC0 ? 2
                 : (c & 0xF0) == 0xE0 ? 3
                 : (c & 0xF8) == 0xF0 ? 4
                                      : 0;
    if (!k || !tail(s, n, k)) return 0;
    uint32_t v = k == 1 ? c : c & (0x7Fu >> k);
    for (uint32_t i = 1; i < k; i++) v = v << 6 | ((unsigned char)s[i] & 0x3F);
    if (v < least[k] || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000)) return 0;
    *cp = v;
    return k;
}

typedef struct CodeRange {
    uint32_t lo, hi;
} CodeRange;

/* Main blocks of Unicode 15's EastAsianWidth W and F; enough to place a caret. */
static const CodeRange wide[] = {
    {0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0x33FF}, {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF}, {0xA000, 0xA4CF}, {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
    {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};
static const CodeRange combining[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
    {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
};

static bool in(const CodeRange *r, size_t n, uint32_t cp) {
    for (size_t i = 0; i < n; i++)
        if (cp >= r[i].lo && cp <= r[i].hi) return true;
    return false;
}

uint32_t utf8_width(uint32_t cp) {
    if (in(combining, sizeof combining / sizeof *combining, cp)) return 0;
    return in(wide, sizeof wide / sizeof *wide, cp) ? 2 : 1;
}

bool utf8_is_control(uint32_t cp) {
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029 ||
           (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

const char *text_clean(Arena *a, const char *s) {
    size_t n = strlen(s);
    Buf b = buf_new(a);
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0, k = utf8_decode(s + i, n - i, &cp);
        if (k && (!utf8_is_control(cp) || cp == '\n'))
            buf_putn(&b, s + i, k);
        else
            buf_puts(&b, "\xEF\xBF\xBD");
        i += k ? k : 1;
    }
    return buf_text(&b);
}

/* Actions of the scanner: values of tokens, and what is no token. */
#include "diag/text.h"
#include "syntax/parser.h"
#include "tp.tab.h"

Span scan_advance(Parser *p, uint32_t n) {
    Span sp = {p->file, p->pos, p->pos + n};
    p->pos += n;
    return sp;
}

void scan_back(Parser *p, Span *sp, uint32_t keep) {
    sp->hi = sp->lo + keep;
    p->pos = sp->hi;
}

void scan_newline(Parser *p, Span sp) {
    (void)sp;
    p->newline = true;
}

void scan_comment(Parser *p, Span sp) {
    while (sp.hi > sp.lo && strchr(" \t\r", p->text[sp.hi - 1])) sp.hi--;
    vec_push(p->c->a, &p->out->comments, sp);
}

bool scan_in_test(const Parser *p) { return p->test; }

static Sym text_sym(Parser *p, Span sp) {
    return intern_n(p->c->syms, p->text + sp.lo, sp.hi - sp.lo);
}

typedef struct Keyword {
    const char *text;
    int token;
} Keyword;

static const Keyword keywords[] = {
    {"import", TOK_IMPORT}, {"fn", TOK_FN},         {"layer", TOK_LAYER}, {"network", TOK_NETWORK},
    {"program", TOK_PROGRAM}, {"test", TOK_TEST},   {"param", TOK_PARAM}, {"random", TOK_RANDOM},
    {"noise", TOK_NOISE},   {"width", TOK_WIDTH},   {"for", TOK_FOR},     {"in", TOK_IN},
    {"repeat", TOK_REPEAT}, {"return", TOK_RETURN}, {"if", TOK_IF},       {"then", TOK_THEN},
    {"else", TOK_ELSE},     {"and", TOK_AND},       {"or", TOK_OR},       {"not", TOK_NOT},
};

typedef struct Range {
    uint32_t lo, hi;
} Range;

/* Beyond ASCII: what is not part of a name.  Letters of all scripts, subscripts, primes of letters
 * and the mathematical alphabets are; spaces, punctuation, operators, superscripts and emoji are
 * not. */
static const Range not_name[] = {
    {0x80, 0xA9}, {0xAB, 0xB4}, {0xB6, 0xB9}, {0xBB, 0xBF}, {0xD7, 0xD7}, {0xF7, 0xF7},
    {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x207F}, {0x20A0, 0x20CF}, {0x2190, 0x2201},
    {0x2203, 0x2206}, {0x2208, 0x2BFF}, {0x2E00, 0x2E7F}, {0x3000, 0x3004}, {0x3008, 0x3020},
    {0xD800, 0xF8FF}, {0xFE00, 0xFE1F}, {0xFE30, 0xFE6F}, {0xFEFF, 0xFF0F}, {0xFF1A, 0xFF20},
    {0xFFF0, 0xFFFF}, {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF},
};

static bool name_char(uint32_t cp) {
    for (size_t i = 0; i < sizeof not_name / sizeof *not_name; i++)
        if (cp >= not_name[i].lo && cp <= not_name[i].hi) return false;
    return true;
}

typedef struct Instead {
    const char *found, *use, *why;
    int token; /* what is read in its place; 0: it stays a name */
} Instead;

static const Instead instead[] = {
    {"**", "^", "a power is written `^`", '^'},
    {"&&", "and", "`and` joins conditions", TOK_AND},
    {"||", "or", "`or` joins conditions", TOK_OR},
    {"!", "not ", "a condition is negated by `not`", TOK_NOT},
    {"@", "*", "a matrix product is written `*`", '*'},
    {"\xC3\x97", "*", "a product is written `*`", '*'},
    {"\xC2\xB7", "*", "a product is written `*`", '*'},
    {"\xC3\xB7", "/", "a quotient is written `/`", '/'},
    {"\xE2\x88\x92", "-", "the minus sign is the ASCII one", '-'},
    {"\xE2\x80\x93", "-", "the minus sign is the ASCII one", '-'},
    {"\xE2\x89\xA4", "<=", "write `<=`", TOK_LE},
    {"\xE2\x89\xA5", ">=", "write `>=`", TOK_GE},
    {"\xE2\x89\xA0", "!=", "write `!=`", TOK_NE},
    {"\xC2\xB2", "^2", "a power is written `^`", 0},
    {"\xC2\xB3", "^3", "a power is written `^`", 0},
    {"\xC2\xB1", "+-", "a tolerance is written `+-`", TOK_PLUSMINUS},
    {"\xE2\x88\x9E", "inf", "infinity is written `inf`", TOK_NAME},
    {"\xE2\x88\x9A", "sqrt", "a square root is written `sqrt(x)`", TOK_NAME},
    {"\xE2\x80\x99", "'", "the transpose is the ASCII quote", '\''},
    {"\xE2\x80\xB2", "'", "the transpose is the ASCII quote", '\''},
    {"\xC2\xA0", " ", "this is a no-break space", 0},
};

/* What to write in the place of these bytes; NULL: no advice. */
static const Instead *instead_of(const Parser *p, Span sp) {
    size_t n = sp.hi - sp.lo;
    const char *t = p->text + sp.lo;
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
        const char *found = instead[i].found;
        if (*found == *t && !strncmp(found, t, n) && !found[n]) return &instead[i];
    }
    return NULL;
}

static void check_name(Parser *p, Span sp) {
    for (uint32_t i = sp.lo; i < sp.hi;) {
        uint32_t cp = 0, k = utf8_decode(p->text + i, sp.hi - i, &cp);
        if (!k) return; /* scan_valid saw to it */
        if (!name_char(cp)) scan_bad_character(p, (Span){p->file, i, i + k});
        i += k;
    }
}

int scan_name(Parser *p, Span sp, TPY_STYPE *v) {
    size_t n = sp.hi - sp.lo;
    const char *t = p->text + sp.lo;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (*keywords[i].text == *t && !strncmp(keywords[i].text, t, n) && !keywords[i].text[n])
            return keywords[i].token;
    check_name(p, sp);
    v->sym = text_sym(p, sp);
    const Instead *x = instead_of(p, sp);
    return x && x->token ? x->token : TOK_NAME;
}

int scan_number(Parser *p, Span sp, TPY_STYPE *v) {
    v->sym = text_sym(p, sp);
    return TOK_NUMBER;
}

int scan_bad_number(Parser *p, Span sp, TPY_STYPE *v) {
    const char *s = p->text + sp.lo;
    uint32_t k = 0, n = sp.hi - sp.lo;
    while (k < n && (strchr("0123456789.", s[k]))) k++;
    Diag *d = diag(p->c->ds, malformed_number, sp, arena_strndup(p->c->a, s, n));
    if (k < n && s[k - 1] != '.')
        diag_fix(d, sp, arena_printf(p->c->a, "%.*s * %.*s", (int)k, s, (int)(n - k), s + k),
                 "a product is written with `*`");
    v->sym = text_sym(p, (Span){sp.file, sp.lo, sp.lo + 1});
    return TOK_NUMBER;
}

int scan_string(Parser *p, Span sp, TPY_STYPE *v) {
    v->sym = text_sym(p, (Span){sp.file, sp.lo + 1, sp.hi - 1});
    return TOK_STRING;
}

int scan_open_string(Parser *p, Span sp, TPY_STYPE *v) {
    diag(p->c->ds, open_string, sp);
    p->bad = sp.lo;
    v->sym = text_sym(p, (Span){sp.file, sp.lo + 1, sp.hi});
    return TOK_STRING;
}

void scan_bad_character(Parser *p, Span sp) {
    const char *s = arena_strndup(p->c->a, p->text + sp.lo, sp.hi - sp.lo);
    Diag *d = diag(p->c->ds, unknown_character, sp, s);
    const Instead *x = instead_of(p, sp);
    if (!x || !x->token) p->bad = sp.hi;
    if (x) diag_fix(d, sp, x->use, "%s", x->why);
}

bool scan_valid(Parser *p) {
    bool ok = true;
    for (uint32_t i = 0; i < p->len;) {
        if (p->text[i] >= ' ' && p->text[i] <= '~') {
            i++;
            continue;
        }
        uint32_t cp = 0, k = utf8_decode(p->text + i, p->len - i, &cp);
        Span sp = {p->file, i, i + (k ? k : 1)};
        if (!k) {
            Diag *d = diag(p->c->ds, not_utf8, sp, (unsigned char)p->text[i]);
            diag_help(d, "save the file as UTF-8");
            return false; /* what follows is in an unknown encoding as well */
        }
        bool line_end =
            cp == '\n' || cp == '\t' || (cp == '\r' && i + 1 < p->len && p->text[i + 1] == '\n');
        bool mark = cp == 0xFEFF && i == 0;
        if (utf8_is_control(cp) && !line_end && !mark) {
            diag(p->c->ds, control_character, sp, cp);
            ok = false;
        }
        i += k;
    }
    return ok;
}

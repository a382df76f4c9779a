/* State of one parse, shared by scanner, token.c and grammar; private to this stage. */
#ifndef TPC_SYNTAX_PARSER_H
#define TPC_SYNTAX_PARSER_H
#include "diag/diag.h"
#include "syntax/syntax.h"

enum { MAX_EXPECTED = 80, MAX_BLOCKS = 64 };

typedef union TPY_STYPE TPY_STYPE;

typedef struct Token {
    int kind;
    Sym sym;      /* name, number, text in quotes */
    Span span;
    bool newline; /* a line's end stands between it and the token before */
} Token;

typedef struct Parser {
    Ctx *c;
    uint32_t file;
    const char *text;
    uint32_t len;
    AstFile *out;
    AstExpr *only;    /* of an expression alone */
    void *scanner;    /* flex's */
    uint32_t pos;     /* of the scanner */
    uint32_t end;     /* of the last token scanned: where the file ends for the reader */
    uint32_t bad;     /* after the last character that was reported and left out; 0: none */
    bool newline;     /* the scanner passed a line's end */
    int start;        /* START_FILE or START_EXPR, until it was handed out; then 0 */
    Token last, held; /* handed out last; read but not handed out yet (kind -1: none) */
    uint32_t brackets; /* open ( and [ */
    VEC(Span) braces; /* open { */
    bool test;        /* in a test: `+-` is one token, lists are data */
    bool recover;     /* bison is discarding tokens */
    int skip;         /* while recovering: discard up to this number of braces; -1: nothing */
    bool stop;        /* nothing more is read: nested too deeply */
    Sym reserved[3], lr;
} Parser;

static inline Span span_join(Span a, Span b) {
    return (Span){a.file, a.lo, b.hi > a.lo ? b.hi : a.lo};
}
static inline Span span_after(Span a) { return (Span){a.file, a.hi, a.hi}; }

/* Actions of the scanner: scan.c. */
Span scan_advance(Parser *p, uint32_t n);
void scan_back(Parser *p, Span *sp, uint32_t keep);
void scan_newline(Parser *p, Span sp);
void scan_comment(Parser *p, Span sp);
int scan_name(Parser *p, Span sp, TPY_STYPE *v);
int scan_number(Parser *p, Span sp, TPY_STYPE *v);
int scan_bad_number(Parser *p, Span sp, TPY_STYPE *v);
int scan_string(Parser *p, Span sp, TPY_STYPE *v);
int scan_open_string(Parser *p, Span sp, TPY_STYPE *v);
void scan_bad_character(Parser *p, Span sp);
bool scan_in_test(const Parser *p);
/* May this source be scanned: UTF-8 without control characters?  Reports where not. */
bool scan_valid(Parser *p);

/* What the parser hands out when it meets a token it has no use for: report.c. */
typedef struct Expected {
    const char *found_text; /* bison's name of the token */
    const char *want[MAX_EXPECTED];
    int nwant;
    Span at;
} Expected;
void report_unexpected(Parser *p, const Expected *e);
void report_too_deep(Parser *p, Span at, int limit);

int tpy_lex(TPY_STYPE *v, Span *sp, Parser *p);
void tpy_error(const Span *sp, Parser *p, const char *msg);
int tpy_parse(Parser *p);
#endif

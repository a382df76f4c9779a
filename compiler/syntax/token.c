/* Between scanner and grammar: the ends of statements.
 *
 * Inside ( ) and [ ] a line's end means nothing.  Elsewhere it ends a statement if the last token
 * can stand at an end and the next one does not continue the line (an operator, `then`, `else`,
 * `{`, a closing bracket).  `;` outside brackets is an end too; repeated ends are one.
 *
 * Two repairs keep one mistake from hiding the rest of the file: a bracket left open is given up at
 * a line that cannot go on inside it, and blocks left open are closed before `fn`, `layer`, ... at
 * the start of a statement (with an error). */
#include "syntax/parser.h"
#include "tp.tab.h"

enum { NONE = -1 };

static Token scan(Parser *p) {
    extern int tpl_lex(TPY_STYPE *, Span *, void *);
    TPY_STYPE v = {0};
    Token t = {0};
    p->newline = false;
    t.kind = tpl_lex(&v, &t.span, p->scanner);
    t.newline = p->newline;
    if (t.kind == TOK_NAME || t.kind == TOK_NUMBER || t.kind == TOK_STRING) t.sym = v.sym;
    if (t.kind == TOK_END)
        t.span = (Span){p->file, p->end, p->end};
    else
        p->end = t.span.hi;
    return t;
}

static Token take(Parser *p) {
    Token t = p->held;
    if (t.kind == NONE) return scan(p);
    p->held.kind = NONE;
    return t;
}

static bool is_item(int kind) {
    switch (kind) {
    case TOK_IMPORT: case TOK_FN: case TOK_LAYER: case TOK_NETWORK: case TOK_PROGRAM: case TOK_TEST:
        return true;
    default: return false; /* tokens are bison's numbers, not an enumeration of ours */
    }
}

static bool is_statement(int kind) {
    switch (kind) {
    case TOK_PARAM: case TOK_RANDOM: case TOK_NOISE: case TOK_WIDTH: case TOK_FOR: case TOK_REPEAT:
    case TOK_RETURN:
        return true;
    default: return false;
    }
}

static bool can_end(int kind) {
    switch (kind) {
    case TOK_NAME: case TOK_NUMBER: case TOK_STRING: case TOK_RETURN: case TOK_FN:
    case ')': case ']': case '}': case '\'':
        return true;
    default: return false;
    }
}

/* Begins something new: never the rest of an expression that was complete before. */
static bool begins(int kind) {
    return is_item(kind) || is_statement(kind) || kind == TOK_NAME || kind == TOK_NUMBER ||
           kind == TOK_STRING || kind == TOK_END || kind == '}';
}

/* A keyword of a statement or definition (`fn` after `:` is a type). */
static bool begins_block_line(const Parser *p, const Token *t) {
    return is_statement(t->kind) ||
           (is_item(t->kind) && !(t->kind == TOK_FN && p->last.kind == ':'));
}

static bool continues(int kind) {
    switch (kind) {
    case '{': case ')': case ']': case ',':
    case '+': case '-': case '*': case '/': case '%': case '^':
    case '<': case '>': case '=': case '~': case ':': case '|':
    case TOK_THEN: case TOK_ELSE: case TOK_AND: case TOK_OR: case TOK_EQ: case TOK_NE: case TOK_LE:
    case TOK_GE: case TOK_FLOORDIV: case TOK_DOTDOT: case TOK_PLUSMINUS: case TOK_IN:
        return true;
    default: return false;
    }
}

/* Before the token is handed out: brackets that were never closed. */
static void give_up_brackets(Parser *p, const Token *t) {
    if (!p->brackets) return;
    bool new_line = t->newline && can_end(p->last.kind) && begins(t->kind);
    if (new_line || t->kind == '{' || t->kind == '}' || t->kind == TOK_END ||
        (t->newline && begins_block_line(p, t)))
        p->brackets = 0;
}

static Token terminator(const Parser *p) {
    return (Token){.kind = TOK_TERM, .span = span_after(p->last.span)};
}

static bool at_start(const Parser *p) {
    return p->last.kind == TOK_TERM || p->last.kind == '{' || p->last.kind == NONE;
}

static Token close_block(Parser *p, Token t) {
    static const char *const text[] = {"import", "fn", "layer", "network", "program", "test"};
    static const int kind[] = {TOK_IMPORT, TOK_FN, TOK_LAYER, TOK_NETWORK, TOK_PROGRAM, TOK_TEST};
    uint32_t k = 0;
    while (kind[k] != t.kind) k++;
    Diag *d = diag(p->c->ds, unclosed_block, t.span, text[k]);
    diag_label(d, vec_last(&p->braces), "opened here");
    p->held = t;
    p->held.newline = true; /* it stands on a line of its own from here on */
    return (Token){.kind = '}', .span = span_after(p->last.span)};
}

/* Keeps count of what is open.  False: too deep. */
static bool track(Parser *p, const Token *t) {
    switch (t->kind) {
    case '(': case '[': return ++p->brackets <= AST_MAX_DEPTH;
    case ')': case ']': p->brackets -= p->brackets ? 1 : 0; return true;
    case '{': vec_push(p->c->a, &p->braces, t->span); return p->braces.len <= MAX_BLOCKS;
    case '}':
        if (p->braces.len) p->braces.len--;
        if (!p->braces.len) p->test = false;
        return true;
    case TOK_TEST: p->test = true; return true;
    default: return true;
    }
}

/* While bison discards: whole blocks, so that what follows is not read at the wrong depth. */
static Token skip_blocks(Parser *p, Token t) {
    if (p->skip < 0 && t.kind == '{') {
        p->skip = (int)p->braces.len;
        track(p, &t);
        t = take(p);
    }
    while (p->skip >= 0) {
        bool end = t.kind == TOK_END || (t.newline && is_item(t.kind) && t.kind != TOK_FN);
        if (!end) track(p, &t);
        if (end || ((int)p->braces.len <= p->skip && t.kind == '}')) {
            p->braces.len = (uint32_t)p->skip;
            p->last = (Token){.kind = '}', .span = t.span};
            p->skip = NONE;
            p->brackets = 0;
            if (!end) t = take(p);
            else t.newline = true;
            break;
        }
        t = take(p);
    }
    return t;
}

/* Does a statement end before t, outside brackets?  A keyword that begins something new ends even
 * one that is not complete, so that the error stays on its own line. */
static bool ends_line(const Parser *p, const Token *t) {
    if (can_end(p->last.kind)) return t->kind == TOK_END || (t->newline && !continues(t->kind));
    return t->newline && !at_start(p) && begins_block_line(p, t);
}

static Token next(Parser *p) {
    if (p->stop) return (Token){.kind = TOK_END, .span = span_after(p->last.span)};
    for (;;) {
        Token t = take(p);
        if (p->recover) t = skip_blocks(p, t);
        give_up_brackets(p, &t);
        if (!p->brackets && ends_line(p, &t)) {
            p->held = t;
            p->held.newline = false;
            return terminator(p);
        }
        if (t.kind == ';' && !p->brackets) {
            if (at_start(p)) continue;
            t.kind = TOK_TERM;
            return t;
        }
        if (is_item(t.kind) && at_start(p) && p->braces.len) t = close_block(p, t);
        if (!track(p, &t)) {
            report_too_deep(p, t.span, t.kind == '{' ? MAX_BLOCKS : AST_MAX_DEPTH);
            return (Token){.kind = TOK_END, .span = t.span};
        }
        return t;
    }
}

int tpy_lex(TPY_STYPE *v, Span *sp, Parser *p) {
    if (p->start) {
        int start = p->start;
        p->start = 0;
        *sp = (Span){p->file, 0, 0};
        return start;
    }
    Token t = next(p);
    if (t.kind == TOK_TERM || t.kind == '}' || t.kind == TOK_END) p->recover = false;
    p->last = t;
    v->sym = t.sym;
    *sp = t.span;
    return t.kind;
}

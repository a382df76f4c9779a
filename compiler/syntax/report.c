/* Syntax errors: what was expected and what was found, in the reader's words. */
#include "syntax/parser.h"
#include "tp.tab.h"

/* Tokens that are always expected together, and the words for them.  Earlier groups win. */
typedef struct Group {
    const char *words, *mark, *members; /* mark: the token that tells that the group is expected */
} Group;

static const Group groups[] = {
    {"a definition (`fn`, `layer`, `network`, `program`, `test`) or `import`", "`layer`",
     "`import` `fn` `layer` `network` `program` `test`"},
    {"a statement", "`param`", "`param` `random` `noise` `width` `for` `repeat` `return` name"},
    {"an expression", "number", "number name `(` `[` `-` `not` `if`"},
    {"", "`*`", "`+` `-` `*` `/` `//` `%` `^` `'` `(` `[` `==` `!=` `<` `<=` `>` `>=` `and` `or`"},
};
enum { NGROUPS = sizeof groups / sizeof *groups, OPERATORS = NGROUPS - 1, MAX_LISTED = 5 };

static bool wanted(const Expected *e, const char *name) {
    for (int i = 0; i < e->nwant; i++)
        if (!strcmp(e->want[i], name)) return true;
    return false;
}

static bool member(const char *members, const char *name) {
    size_t n = strlen(name);
    for (const char *s = members; (s = strstr(s, name)); s += n)
        if ((s == members || s[-1] == ' ') && (!s[n] || s[n] == ' ')) return true;
    return false;
}

/* The words for what is expected; operators only where nothing else is. */
static const char *describe(Parser *p, const Expected *e) {
    const char *list[MAX_EXPECTED + NGROUPS];
    bool grouped[NGROUPS];
    int n = 0;
    for (int g = 0; g < NGROUPS; g++) {
        grouped[g] = wanted(e, groups[g].mark);
        if (grouped[g] && *groups[g].words) list[n++] = groups[g].words;
    }
    for (int i = 0; i < e->nwant; i++) {
        bool covered = !strcmp(e->want[i], "end of file") && n;
        covered |= !strcmp(e->want[i], "end of line") && wanted(e, "end of file");
        /* after a value that may turn out to be an argument's name or a loop variable */
        if (grouped[OPERATORS]) covered |= member("`in` `=` `|`", e->want[i]);
        for (int g = 0; g < NGROUPS; g++)
            covered |= grouped[g] && member(groups[g].members, e->want[i]);
        if (!covered) list[n++] = e->want[i];
    }
    if (!n) return grouped[OPERATORS] ? "an operator" : "something else";
    Buf b = buf_new(p->c->a);
    if (n > MAX_LISTED) n = MAX_LISTED;
    for (int i = 0; i < n; i++) {
        if (i) buf_puts(&b, i + 1 == n ? " or " : ", ");
        bool article = *list[i] == 'n' || *list[i] == 't';
        buf_puts(&b, article ? "a " : !strncmp(list[i], "end", 3) ? "the " : "");
        buf_puts(&b, list[i]);
    }
    return buf_text(&b);
}

static const char *found(Parser *p, const Expected *e) {
    if (!strcmp(e->found_text, "end of file")) return "the end of the file";
    uint32_t n = e->at.hi - e->at.lo;
    if (!n) return strcmp(e->found_text, "end of line") ? e->found_text : "the end of the line";
    return arena_printf(p->c->a, "`%.*s`", (int)(n < 60 ? n : 60), p->text + e->at.lo);
}

static bool is_keyword(const char *found) {
    return found[0] == '`' && found[1] >= 'a' && found[1] <= 'z';
}

static bool starts_value(const char *found) {
    return !strcmp(found, "name") || !strcmp(found, "number");
}

static char byte_at(const Parser *p, uint32_t i) { return i < p->len ? p->text[i] : 0; }

static void hint(Parser *p, const Expected *e, Diag *d) {
    const char *f = e->found_text;
    bool after_value = wanted(e, "`*`");
    char next = byte_at(p, e->at.hi);
    if (is_keyword(f) && wanted(e, "name") && !wanted(e, "`param`"))
        diag_note(d, "%s is a keyword and cannot be a name", f);
    else if (wanted(e, "`else`") && !wanted(e, "`then`"))
        diag_help(d,
                  "`if` is an expression: it needs a value for both cases, `if c then a else b`");
    else if (!strcmp(f, "`=`") && wanted(e, "`==`"))
        diag_fix(d, e->at, "==", "equality is written `==`");
    else if (next == '=' && wanted(e, "`=`") && strchr("+-*/", byte_at(p, e->at.lo)) && *f == '`')
        diag_help(d, "there is no `%c=`: write the sum out, `x = x %c ...`", byte_at(p, e->at.lo),
                  byte_at(p, e->at.lo));
    else if (starts_value(f) && after_value && p->braces.len + p->brackets)
        diag_help(d, "a product is written with `*`");
    else if (!strcmp(f, "`+`") && wanted(e, "number"))
        diag_help(d, "a sign `+` is left out");
    else if (wanted(e, "`param`") && (starts_value(f) || !strcmp(f, "`(`")))
        diag_help(d, "a statement is `name = value`, a declaration, a loop or `return`");
}

/* Does the token stand right after a character that was reported and skipped?  It explains the
 * error. */
static bool follows_bad(const Parser *p, Span at) {
    if (!p->bad) return false;
    uint32_t i = p->bad;
    while (i < at.lo && (p->text[i] == ' ' || p->text[i] == '\t')) i++;
    return i >= at.lo;
}

void report_unexpected(Parser *p, const Expected *e) {
    bool closes = !strcmp(e->found_text, "end of line") || !strcmp(e->found_text, "`}`") ||
                  !strcmp(e->found_text, "end of file");
    p->recover = !closes;
    if (!strcmp(e->found_text, "`{`")) p->skip = (int)p->braces.len - 1;
    if (p->stop || follows_bad(p, e->at)) return;
    Diag *d = diag(p->c->ds, unexpected_token, e->at, describe(p, e), found(p, e));
    if (!strcmp(e->found_text, "end of file") && p->braces.len)
        diag_label(d, vec_last(&p->braces), "this block is never closed");
    hint(p, e, d);
}

void report_too_deep(Parser *p, Span at, int limit) {
    if (!p->stop) diag(p->c->ds, nested_too_deeply, at, limit);
    p->stop = true;
}

/* Bison calls it where its stack is full only: syntax errors go through report_unexpected. */
void tpy_error(const Span *sp, Parser *p, const char *msg) {
    (void)msg;
    report_too_deep(p, *sp, AST_MAX_DEPTH);
}

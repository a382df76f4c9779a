#include "syntax/parser.h"
#include "tp.tab.h"

/* flex's interface; its generated header needs flex's own macros. */
int tpl_lex_init_extra(Parser *p, void **scanner);
void *tpl__scan_bytes(const char *s, int n, void *scanner);
int tpl_lex_destroy(void *scanner);

enum { MAX_MIB = 16 };

static void parser_init(Parser *p, Ctx *c, uint32_t file, AstFile *out, int start) {
    size_t len;
    *p = (Parser){.c = c, .file = file, .out = out, .start = start, .skip = -1};
    p->text = source_text(c->src, file, &len);
    p->len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
    p->last.kind = p->held.kind = -1;
    p->last.span = (Span){file, 0, 0};
    p->reserved[0] = intern(c->syms, "n");
    p->reserved[1] = intern(c->syms, "fan_in");
    p->reserved[2] = intern(c->syms, "inf");
    p->lr = intern(c->syms, "lr");
}

static bool parser_run(Parser *p) {
    uint32_t before = diags_errors(p->c->ds);
    if (p->len > MAX_MIB << 20) {
        diag(p->c->ds, source_too_large, ((Span){p->file, 0, 0}), source_path(p->c->src, p->file),
             MAX_MIB);
        return false;
    }
    if (!scan_valid(p)) return false;
    if (p->len >= 3 && !memcmp(p->text, "\xEF\xBB\xBF", 3)) p->pos = 3; /* byte order mark */
    if (tpl_lex_init_extra(p, &p->scanner)) bug("the scanner could not be set up");
    tpl__scan_bytes(p->text + p->pos, (int)(p->len - p->pos), p->scanner);
    bool ok = !tpy_parse(p);
    tpl_lex_destroy(p->scanner);
    return ok && diags_errors(p->c->ds) == before;
}

bool syntax_parse(Ctx *c, uint32_t file, AstRole role, AstFile **out) {
    AstFile *f = ARENA_NEW(c->a, AstFile);
    f->file = file;
    f->role = role;
    vec_push(c->a, &f->sees, f);
    *out = f;
    Parser p;
    parser_init(&p, c, file, f, TOK_START_FILE);
    return parser_run(&p);
}

AstExpr *syntax_parse_expr(Ctx *c, uint32_t file) {
    AstFile *f = ARENA_NEW(c->a, AstFile);
    Parser p;
    parser_init(&p, c, file, f, TOK_START_EXPR);
    return parser_run(&p) ? p.only : NULL;
}

/* Standard mends: a readout of mean zero, a fresh readout vector, an untied copy of a matrix. */
#include "driver/verdict.h"
#include <string.h>

static const AstStmt *decl_in(const AstBlock *b, Sym name) {
    for (uint32_t i = 0; i < b->stmts.len; i++) {
        const AstStmt *t = b->stmts.data[i];
        const AstStmt *in = NULL;
        if (t->kind == AS_decl && t->decl.name.sym == name) return t;
        if (t->kind == AS_for) in = decl_in(&t->loop.body, name);
        if (t->kind == AS_repeat) in = decl_in(&t->repeat.body, name);
        if (in) return in;
    }
    return NULL;
}

/* The declaration of `name` in the item of the main file that a place lies in. */
static const AstStmt *decl_at(const Ast *ast, Span at, Sym name) {
    for (uint32_t i = 0; i < ast->main->items.len; i++) {
        const AstItem *it = ast->main->items.data[i];
        if (it->kind != AI_network && it->kind != AI_program && it->kind != AI_layer) continue;
        if (it->span.file == at.file && it->span.lo <= at.lo && at.hi <= it->span.hi)
            return decl_in(&it->block, name);
    }
    return NULL;
}

static const char *text_of(Session *s, Span sp) {
    size_t len;
    const char *t = source_text(s->c.src, sp.file, &len);
    return arena_strndup(s->a, t + sp.lo, sp.hi - sp.lo);
}

/* A line behind a statement. */
static void add_line(Session *s, Mends *out, const AstStmt *after, const char *text,
                     const char *what) {
    LineCol lc = source_linecol(s->c.src, after->span.file, after->span.lo);
    Buf b = buf_new(s->a);
    buf_putc(&b, '\n');
    buf_pad(&b, (int)lc.col - 1);
    buf_puts(&b, text);
    Span end = {after->span.file, after->span.hi, after->span.hi};
    vec_push(s->a, out, (Mend){end, buf_text(&b), what});
}

/* The name where it stands as a word in a span; lo = hi = 0: nowhere. */
static Span word_in(Session *s, Span sp, const char *word) {
    size_t len, n = strlen(word);
    const char *t = source_text(s->c.src, sp.file, &len);
    for (uint32_t i = sp.lo; i + n <= sp.hi; i++) {
        const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
        bool start = i == sp.lo || !strchr(letters, t[i - 1]);
        bool end = i + n == len || !t[i + n] || !strchr(letters, t[i + n]);
        if (start && end && !memcmp(t + i, word, n))
            return (Span){sp.file, i, i + (uint32_t)n};
    }
    return (Span){0};
}

static const char *declaration(Session *s, const AstStmt *decl, const char *name) {
    Span w = word_in(s, decl->span, sym_text(s->c.syms, decl->decl.name.sym));
    Span before = {decl->span.file, decl->span.lo, w.lo}, after = {decl->span.file, w.hi,
                                                                  decl->span.hi};
    return arena_printf(s->a, "%s%s%s", text_of(s, before), name, text_of(s, after));
}

/* `param v: vector ~ N(mu, ..)`: mu becomes 0. */
static void mend_mean(Session *s, const AstStmt *decl, Mends *out) {
    const AstArgs *args = &decl->decl.args;
    if (args->len != 2) return;
    Span mean = args->data[0].value->span, variance = args->data[1].value->span;
    bool constant = !strcmp(text_of(s, variance), "0");
    if (constant) mean.hi = variance.hi;
    vec_push(s->a, out,
             (Mend){mean, constant ? "0, 1" : "0", "sample the readout with mean 0"});
}

/* A copy of the declaration under a new name, and the name at one use. */
static void mend_copy(Session *s, const AstStmt *decl, Span use, const char *what, Mends *out) {
    const char *old = sym_text(s->c.syms, decl->decl.name.sym);
    const char *name = arena_printf(s->a, "%s_copy", old);
    Span at = word_in(s, use, old);
    if (!at.file) return;
    vec_push(s->a, out, (Mend){at, name, what});
    add_line(s, out, decl, declaration(s, decl, name), what);
}

void mends_of(Session *s, const Ast *ast, const CheckReason *r, Mends *out) {
    const AstStmt *decl = NULL;
    bool simple = r->clause == CLAUSE_readout_mean || r->clause == CLAUSE_readout_interior ||
                  r->clause == CLAUSE_orientations;
    if (simple && r->use[0].file) decl = decl_at(ast, r->use[0], intern(s->c.syms, r->subject));
    if (!decl) return;
    if (r->clause == CLAUSE_readout_mean) mend_mean(s, decl, out);
    else if (r->clause == CLAUSE_orientations)
        mend_copy(s, decl, r->use[0], "use an independent copy", out);
    else mend_copy(s, decl, r->use[0], "read out with a vector of its own", out);
}

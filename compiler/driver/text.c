/* Commands about texts: fmt, explain, list. */
#include "driver/driver.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- fmt */

/* Replace a file's contents through a temporary file beside it, keeping its mode. */
static bool replace(Session *s, const char *path, const Buf *b) {
    struct stat st;
    char *tmp = arena_printf(s->a, "%s.XXXXXX", path);
    int fd = stat(path, &st) ? -1 : mkstemp(tmp);
    if (fd < 0) goto fail;
    FILE *f = fdopen(fd, "w");
    bool ok = f && fwrite(buf_text(b), 1, b->len, f) == b->len && !fflush(f) && !fsync(fd) &&
              !fchmod(fd, st.st_mode & 07777);
    if (f) ok = !fclose(f) && ok;
    if (ok && !rename(tmp, path)) return true;
    int why = errno;
    unlink(tmp);
    errno = why;
fail:
    diag(s->c.ds, cannot_write, (Span){0}, path, strerror(errno));
    return false;
}

static bool format_file(Session *s, const char *path, bool *changed) {
    const char *why;
    size_t len;
    const char *text = syntax_read_disk(NULL, s->a, path, &len, &why);
    if (!text) {
        diag(s->c.ds, cannot_read, (Span){0}, path, why);
        return false;
    }
    AstFile *f;
    if (!syntax_parse(&s->c, source_add(s->c.src, path, text, len), AST_MAIN, &f)) return false;
    Buf b = buf_new(s->a);
    syntax_format(&s->c, f, &b);
    if (b.len == len && !memcmp(buf_text(&b), text, len)) return true;
    *changed = true;
    if (!s->o->check_only) return replace(s, path, &b);
    printf("%s is not formatted\n", path);
    return true;
}

int command_fmt(Session *s) {
    if (!s->o->args.len) {
        options_help(stderr, 'f');
        return EXIT_USAGE;
    }
    bool changed = false;
    for (uint32_t i = 0; i < s->o->args.len; i++) format_file(s, s->o->args.data[i], &changed);
    int code = session_end(s);
    return code ? code : s->o->check_only && changed ? EXIT_ERROR : EXIT_OK;
}

/* ---- explain */

int command_explain(Session *s) {
    if (s->o->args.len != 1) {
        options_help(stderr, 'e');
        return EXIT_USAGE;
    }
    const char *page = diag_page(diag_code_of(s->o->args.data[0]));
    if (page) {
        fputs(page, stdout);
        return EXIT_OK;
    }
    fprintf(stderr, "tpc: there is no diagnostic `%s`; codes look like TP0102\n",
            s->o->args.data[0]);
    return EXIT_ERROR;
}

/* ---- list */

/* The comment lines that stand directly above an item. */
static Span above(const Session *s, const AstFile *f, const AstItem *it) {
    size_t len;
    const char *t = source_text(s->c.src, f->file, &len);
    Span sp = {f->file, it->span.lo, it->span.lo};
    for (uint32_t i = f->comments.len; i-- > 0;) {
        Span c = f->comments.data[i];
        if (c.hi > sp.lo) continue;
        uint32_t k = c.hi;
        while (k < sp.lo && (t[k] == '\n' || t[k] == ' ' || t[k] == '\r')) k++;
        uint32_t newlines = 0;
        for (uint32_t j = c.hi; j < sp.lo; j++) newlines += t[j] == '\n';
        if (k < sp.lo || newlines != 1) break;
        sp.lo = c.lo;
    }
    return sp;
}

static void list_line(const Session *s, const AstFile *f, const AstItem *it) {
    size_t len;
    const char *t = source_text(s->c.src, f->file, &len);
    Span doc = above(s, f, it);
    size_t n = strcspn(t + doc.lo, "\n");
    const char *first = t + doc.lo;
    if (doc.lo == it->span.lo) n = 0;
    while (n && (*first == '#' || *first == ' ')) first++, n--;
    printf("  %-8s%-23s%.*s\n", ast_item_text(it->kind), sym_text(s->c.syms, it->name.sym), (int)n,
           n ? first : "");
}

static void list_source(const Session *s, const AstFile *f, const AstItem *it) {
    size_t len;
    const char *t = source_text(s->c.src, f->file, &len);
    Span doc = above(s, f, it);
    printf("%.*s\n", (int)(it->span.hi - doc.lo), t + doc.lo);
}

int command_list(Session *s) {
    uint32_t nlib, found = 0;
    const SyntaxText *lib = syntax_stdlib(&nlib);
    const char *name = s->o->args.len ? s->o->args.data[0] : NULL;
    for (uint32_t i = 0; i < nlib; i++) {
        AstFile *f;
        uint32_t file = source_add(s->c.src, lib[i].name, lib[i].text, lib[i].len);
        if (!syntax_parse(&s->c, file, AST_STDLIB, &f)) return session_end(s);
        if (!name) printf("%s%s\n", i ? "\n" : "", lib[i].name);
        for (uint32_t k = 0; k < f->items.len; k++) {
            const AstItem *it = f->items.data[k];
            if (it->kind == AI_test || it->kind == AI_import) continue;
            if (!name) list_line(s, f, it);
            else if (it->name.sym == intern(s->c.syms, name)) list_source(s, f, it), found++;
        }
    }
    if (!name || found) return session_end(s);
    fprintf(stderr, "tpc: the standard library has no `%s`; `tpc list` shows what it has\n", name);
    return EXIT_ERROR;
}

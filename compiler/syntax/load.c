/* A main file with what it imports.  Each file is read once, whatever ways lead to it; its identity
 * is its resolved path. */
#include "diag/diag.h"
#include "syntax/path.h"
#include "syntax/syntax.h"
#include <stdlib.h>

enum { MAX_DEPTH = 64, MAX_FILES = 256 };

typedef enum LoadState { LOAD_running, LOAD_done } LoadState;

typedef struct Loaded {
    const char *id; /* resolved path */
    AstFile *file;
    LoadState state;
} Loaded;

typedef struct Loader {
    Ctx *c;
    const SyntaxFiles *f;
    Ast *ast;
    VEC(Loaded) files;
    VEC(const char *) roots; /* resolved folders that imports may lie in */
    uint32_t depth;
    bool ok;
} Loader;

static const char *resolve(Loader *l, const char *path) {
    return l->f->resolve ? l->f->resolve(l->f->ctx, l->c->a, path) : path_clean(l->c->a, path);
}

static bool inside(const Loader *l, const char *id) {
    for (uint32_t i = 0; i < l->roots.len; i++)
        if (path_inside(id, l->roots.data[i])) return true;
    return false;
}

static AstFile *load_file(Loader *l, const char *path, const char *id, AstRole role, Span at,
                          const char *as);

static bool sees(const AstFile *f, const AstFile *g) {
    for (uint32_t i = 0; i < f->sees.len; i++)
        if (f->sees.data[i] == g) return true;
    return false;
}

/* The first of the importing file's folder and the -I folders that holds the file. */
static AstFile *load_import(Loader *l, const char *from, const AstItem *it) {
    const char *why = "No such file or directory";
    for (uint32_t i = 0; i <= l->f->ndirs; i++) {
        const char *dir = i ? l->f->dirs[i - 1] : path_dir(l->c->a, from);
        const char *path = path_join(l->c->a, dir, it->import.path);
        const char *id = resolve(l, path);
        if (!id) continue;
        if (!inside(l, id)) {
            Diag *d = diag(l->c->ds, import_outside, it->import.span, it->import.path);
            diag_help(d, "move the file there, or name its folder with -I");
            return l->ok = false, NULL;
        }
        size_t len;
        if (i < l->f->ndirs && !l->f->read(l->f->ctx, l->c->a, path, &len, &why)) continue;
        return load_file(l, path, id, AST_IMPORTED, it->import.span, it->import.path);
    }
    diag(l->c->ds, import_unreadable, it->import.span, it->import.path, why);
    l->ok = false;
    return NULL;
}

/* The text in quotes ends on its line; else it was reported, and names no file. */
static bool is_closed(const Loader *l, Span sp) {
    size_t len;
    const char *t = source_text(l->c->src, sp.file, &len);
    return sp.hi >= sp.lo + 2 && sp.hi <= len && t[sp.hi - 1] == '"';
}

static void load_imports(Loader *l, AstFile *f, const char *path) {
    for (uint32_t i = 0; i < f->items.len; i++) {
        AstItem *it = f->items.data[i];
        if (it->kind != AI_import || f->role == AST_STDLIB) continue;
        if (!is_closed(l, it->import.span)) continue;
        AstFile *g = load_import(l, path, it);
        it->import.file = g;
        for (uint32_t k = 0; g && k < g->sees.len; k++)
            if (!sees(f, g->sees.data[k])) vec_push(l->c->a, &f->sees, g->sees.data[k]);
    }
}

/* A file met again: fine if it is complete, a cycle if we are inside it. */
static AstFile *load_again(Loader *l, const Loaded *x, Span at, const char *as) {
    if (x->state == LOAD_done) return x->file;
    diag(l->c->ds, import_cycle, at, as);
    l->ok = false;
    return NULL;
}

static bool may_load(Loader *l, Span at) {
    if (l->depth >= MAX_DEPTH)
        diag(l->c->ds, import_too_deep, at, MAX_DEPTH);
    else if (l->files.len >= MAX_FILES)
        diag(l->c->ds, too_many_imports, at, MAX_FILES);
    else
        return true;
    return l->ok = false;
}

static AstFile *load_text(Loader *l, const char *path, const char *text, size_t len, AstRole role) {
    AstFile *f;
    uint32_t file = source_add(l->c->src, path, text, len);
    if (!syntax_parse(l->c, file, role, &f)) l->ok = false;
    return f;
}

static AstFile *load_file(Loader *l, const char *path, const char *id, AstRole role, Span at,
                          const char *as) {
    for (uint32_t i = 0; i < l->files.len; i++)
        if (!strcmp(l->files.data[i].id, id)) return load_again(l, &l->files.data[i], at, as);
    if (!may_load(l, at)) return NULL;
    size_t len = 0;
    const char *why = "it cannot be read", *text = l->f->read(l->f->ctx, l->c->a, path, &len, &why);
    if (!text) {
        if (role == AST_MAIN)
            diag(l->c->ds, cannot_read, ((Span){0, 0, 0}), path, why);
        else
            diag(l->c->ds, import_unreadable, at, as, why);
        return l->ok = false, NULL;
    }
    AstFile *f = load_text(l, path, text, len, role);
    uint32_t k = l->files.len;
    vec_push(l->c->a, &l->files, ((Loaded){id, f, LOAD_running}));
    l->depth++;
    load_imports(l, f, path);
    l->depth--;
    l->files.data[k].state = LOAD_done;
    vec_push(l->c->a, &l->ast->files, f);
    return f;
}

static int by_name(const void *pa, const void *pb) {
    const AstItem *a = *(AstItem *const *)pa, *b = *(AstItem *const *)pb;
    if (a->name.sym != b->name.sym) return a->name.sym < b->name.sym ? -1 : 1;
    if (a->span.file != b->span.file) return a->span.file < b->span.file ? -1 : 1;
    return a->span.lo < b->span.lo ? -1 : a->span.lo > b->span.lo;
}

/* Names are unique in the user's files together, and in the library; the user's hide the library's.
 */
static void check_unique(Loader *l, bool lib) {
    AstItems v = {0};
    for (uint32_t i = 0; i < l->ast->files.len; i++) {
        const AstFile *f = l->ast->files.data[i];
        for (uint32_t k = 0; (f->role == AST_STDLIB) == lib && k < f->items.len; k++) {
            AstItem *it = f->items.data[k];
            if (it->kind != AI_import && it->kind != AI_test) vec_push(l->c->a, &v, it);
        }
    }
    if (v.len) qsort(v.data, v.len, sizeof *v.data, by_name);
    for (uint32_t i = 1; i < v.len; i++) {
        if (v.data[i]->name.sym != v.data[i - 1]->name.sym) continue;
        const char *s = sym_text(l->c->syms, v.data[i]->name.sym);
        Diag *d = diag(l->c->ds, defined_twice, v.data[i]->name.span, s);
        diag_label(d, v.data[i - 1]->name.span, "first defined here");
        l->ok = false;
    }
}

static void load_lib(Loader *l) {
    for (uint32_t i = 0; i < l->f->nlib; i++) {
        const SyntaxText *t = &l->f->lib[i];
        const char *path = arena_printf(l->c->a, "stdlib/%s", t->name);
        AstFile *f = load_text(l, path, t->text, t->len, AST_STDLIB);
        vec_push(l->c->a, &l->ast->files, f);
    }
}

bool syntax_load(Ctx *c, const SyntaxFiles *f, Ast **out) {
    Loader l = {.c = c, .f = f, .ast = ARENA_NEW(c->a, Ast), .ok = true};
    *out = l.ast;
    const char *main_dir = resolve(&l, path_dir(c->a, f->main));
    if (main_dir) vec_push(c->a, &l.roots, main_dir);
    for (uint32_t i = 0; i < f->ndirs; i++) {
        const char *dir = resolve(&l, f->dirs[i]);
        if (dir) vec_push(c->a, &l.roots, dir);
    }
    const char *id = resolve(&l, f->main);
    l.ast->main = load_file(&l, f->main, id ? id : f->main, AST_MAIN, (Span){0, 0, 0}, f->main);
    AstFiles user = l.ast->files;
    l.ast->files = (AstFiles){0};
    load_lib(&l);
    for (uint32_t i = 0; i < user.len; i++) vec_push(c->a, &l.ast->files, user.data[i]);
    check_unique(&l, true);
    check_unique(&l, false);
    return l.ok && l.ast->main;
}

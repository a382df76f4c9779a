#include "syntax/ast.h"

const char *ast_binop_text(AstBinop op) {
    static const char *const text[] = {
#define AST_BINOP(name, text) [AB_##name] = text,
#include "syntax/ast.def"
    };
    return text[op];
}

const char *ast_type_text(AstTypeKind k) {
    static const char *const text[] = {
#define AST_TYPE(name, text) [AT_##name] = text,
#include "syntax/ast.def"
    };
    return text[k];
}

const char *ast_item_text(AstItemKind k) {
    static const char *const text[] = {
#define AST_ITEM(name) [AI_##name] = #name,
#include "syntax/ast.def"
    };
    return text[k];
}

const char *ast_reduce_text(AstReduce r) {
    switch (r) {
    case AR_sum: return "sum";
    case AR_avg: return "avg";
    case AR_max: return "max";
    }
    return "";
}

const char *ast_decl_text(AstDeclKind k) {
    switch (k) {
    case AD_param: return "param";
    case AD_random: return "random";
    case AD_noise: return "noise";
    }
    return "";
}

static const AstItem *find_in(const AstFile *f, Sym name) {
    for (uint32_t i = f->items.len; i-- > 0;) {
        const AstItem *it = f->items.data[i];
        if (it->name.sym == name && it->kind != AI_test && it->kind != AI_import) return it;
    }
    return NULL;
}

const AstItem *ast_find(const Ast *t, const AstFile *from, Sym name) {
    const AstItem *it = NULL;
    for (uint32_t i = 0; !it && i < from->sees.len; i++) it = find_in(from->sees.data[i], name);
    for (uint32_t i = 0; !it && i < t->files.len; i++)
        if (t->files.data[i]->role == AST_STDLIB) it = find_in(t->files.data[i], name);
    return it;
}

const AstFile *ast_file_of(const Ast *t, Span sp) {
    for (uint32_t i = 0; i < t->files.len; i++)
        if (t->files.data[i]->file == sp.file && sp.file) return t->files.data[i];
    return NULL;
}

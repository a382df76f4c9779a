/* The syntax tree of .tp files: what stands in the source, names unresolved, a Span on every node.
 *
 * Made by the parser, immutable afterwards; everything lives in Ctx.a.  Lists are {data, len}.
 * Names are Syms of Ctx.syms.  Numbers keep their text, so that 0.1 can be read exactly.
 *
 *     switch (e->kind) {
 *     case AE_num: fx_decimal(p, e->num.text, e->num.len);
 *     case AE_binary: e->binary.op, e->binary.a, e->binary.b
 *     case AE_call: e->call.fn (an expression: deriv(phi)(h)), e->call.args.data[k].value
 *
 * The parser has already refused: an assignment to or a declaration of n, fan_in, inf; two items of
 * one name in the user's files; two parameters of one name; unknown types; a reduction other than
 * sum, avg, max; positional after named arguments; lists outside tests; nesting deeper than
 * AST_MAX_DEPTH (so recursion over a tree is safe). */
#ifndef TPC_SYNTAX_AST_H
#define TPC_SYNTAX_AST_H
#include "base/ctx.h"
#include "base/vec.h"

enum { AST_MAX_DEPTH = 200 };

typedef enum AstExprKind {
#define AST_EXPR(name) AE_##name,
#include "syntax/ast.def"
} AstExprKind;

typedef enum AstBinop {
#define AST_BINOP(name, text) AB_##name,
#include "syntax/ast.def"
} AstBinop;

typedef enum AstStmtKind {
#define AST_STMT(name) AS_##name,
#include "syntax/ast.def"
} AstStmtKind;

typedef enum AstItemKind {
#define AST_ITEM(name) AI_##name,
#include "syntax/ast.def"
} AstItemKind;

typedef enum AstTypeKind {
#define AST_TYPE(name, text) AT_##name,
#include "syntax/ast.def"
} AstTypeKind;

typedef enum AstCheckKind {
#define AST_CHECK(name) AC_##name,
#include "syntax/ast.def"
} AstCheckKind;

typedef struct AstExpr AstExpr;
typedef VEC(AstExpr *) AstExprs;

typedef struct AstName { /* a name where it is defined or used as a word */
    Sym sym;
    Span span;
} AstName;
typedef VEC(AstName) AstNames;

typedef struct AstArg { /* value, or name = value (name.sym != 0) */
    AstName name;
    AstExpr *value;
} AstArg;
typedef VEC(AstArg) AstArgs;

typedef struct AstIndex { /* one entry between brackets */
    AstExpr *e;
    bool semi; /* a `;` stands before it, not a `,`: F[p; q] is {p, false}, {q, true} */
} AstIndex;
typedef VEC(AstIndex) AstIndices;

typedef struct AstRange { /* var in lo..hi, hi excluded */
    AstName var;
    AstExpr *lo, *hi;
    Span span;
} AstRange;
typedef VEC(AstRange) AstRanges;

typedef enum AstReduce { AR_sum, AR_avg, AR_max } AstReduce;

struct AstExpr {
    AstExprKind kind;
    bool paren; /* stood in parentheses; matters to the formatter alone */
    uint16_t depth; /* height of the tree below, >= 1 */
    Span span;  /* without those parentheses */
    union {
        struct {
            const char *text; /* NUL-terminated */
            uint32_t len;
        } num;
        Sym name;
        AstExpr *arg; /* neg, not, transpose */
        struct {
            AstBinop op;
            AstExpr *a, *b;
            Span at; /* of the operator */
        } binary;
        struct {
            AstExpr *fn;
            AstArgs args;
        } call;
        struct {
            AstExpr *of;
            AstIndices at;
        } index;
        struct {
            AstReduce op;
            Span op_span;
            AstRanges ranges; /* at least one; later ones may use earlier variables */
            AstExpr *body;
        } reduce;
        struct {
            AstExpr *test, *then, *other;
        } cond;
        AstExprs list;
    };
};

/* `vector[H, W]`, `matrix[k; m, n]`, `int`, `zero | circular`.  What an entry of `dims` is (width
 * or index) depends on the names declared by `width`: language manual, 'Sizes'. */
typedef struct AstType {
    AstTypeKind kind;
    bool given; /* written down, not the default */
    Span span;
    AstIndices dims; /* vector, matrix, input, data */
    AstNames words;  /* words: at least two */
} AstType;

typedef struct AstParam {
    AstName name;
    AstType type;
    AstExpr *init; /* NULL: required */
    Span span;
} AstParam;
typedef VEC(AstParam) AstParams;

typedef struct AstStmt AstStmt;
typedef VEC(AstStmt *) AstStmts;

typedef struct AstBlock { /* { ... } */
    AstStmts stmts;
    Span span; /* with its braces */
} AstBlock;

typedef enum AstDeclKind { AD_param, AD_random, AD_noise } AstDeclKind;

struct AstStmt {
    AstStmtKind kind;
    Span span;
    union {
        struct {
            AstName name;
            AstIndices at; /* empty: a plain name */
            AstExpr *value;
        } assign;
        struct {
            AstDeclKind kind;
            AstName name;
            AstType type;
            AstName law; /* N, bernoulli, .. : not checked here */
            AstArgs args;
            AstExpr *lr; /* NULL: no lr clause */
        } decl;
        struct {
            AstName name;
            AstExpr *value;
        } width;
        struct {
            AstRanges ranges;
            AstBlock body;
        } loop; /* for */
        struct {
            AstExpr *count;
            AstBlock body;
        } repeat;
        AstExpr *value; /* return */
    };
};

typedef struct AstCheck { /* a line of a test */
    AstCheckKind kind;
    Span span;
    AstName name;  /* verdict: simple-gia; error: TP0217; value: nngp, ntk, or a returned moment */
    bool called;   /* value: rows of data follow in parentheses */
    AstArgs args;  /* lists (AE_list), nested for positions; or one number */
    AstIndices at; /* value: [2], the element meant */
    AstExpr *value, *tol;
} AstCheck;
typedef VEC(AstCheck) AstChecks;

typedef struct AstFile AstFile;

typedef struct AstItem {
    AstItemKind kind;
    Span span;
    AstName name;     /* all but import */
    AstParams params; /* fn, layer, network, program */
    union {
        struct {
            const char *path; /* as written */
            Span span;
            AstFile *file; /* NULL: it could not be loaded (an error was reported) */
        } import;
        AstExpr *body; /* fn */
        AstBlock block; /* layer, network, program */
        struct {
            AstName target;
            AstArgs args;
            AstChecks checks;
            Span block; /* { ... } of the checks */
        } test;
    };
} AstItem;
typedef VEC(AstItem *) AstItems;
typedef VEC(AstFile *) AstFiles;

typedef enum AstRole { AST_MAIN, AST_IMPORTED, AST_STDLIB } AstRole;

struct AstFile {
    uint32_t file; /* number in Ctx.src */
    AstRole role;
    AstItems items; /* in the order of the source */
    AstFiles sees;  /* itself, then the files it imports, and what they import: no file twice */
    VEC(Span) comments; /* from `#` to the line's end, in order */
};

/* A main file with all it needs. */
typedef struct Ast {
    AstFile *main;
    AstFiles files; /* every file once; an imported file before its importer, the library first */
} Ast;

/* The item (fn, layer, network, program; never a test or import) that `name` means in `from`: its
 * own, then those of files it imports, then the standard library's; in a library file the library
 * alone.  NULL: none. */
const AstItem *ast_find(const Ast *t, const AstFile *from, Sym name);
/* The file an item (or any span) stands in; NULL for span.file = 0. */
const AstFile *ast_file_of(const Ast *t, Span sp);
/* Is e the plain name `s`?  e.g. ast_is_name(e, intern(c->syms, "inf")) */
static inline bool ast_is_name(const AstExpr *e, Sym s) {
    return e->kind == AE_name && e->name == s;
}

const char *ast_binop_text(AstBinop op);
const char *ast_type_text(AstTypeKind k);
const char *ast_item_text(AstItemKind k);
const char *ast_reduce_text(AstReduce r);
const char *ast_decl_text(AstDeclKind k);
#endif

/* Constructors of the syntax tree, for the grammar's actions: each makes one node and checks what a
 * grammar cannot say. */
#ifndef TPC_SYNTAX_BUILD_H
#define TPC_SYNTAX_BUILD_H
#include "syntax/parser.h"

AstExpr *expr_num(Parser *p, Span sp, Sym text);
AstExpr *expr_name(Parser *p, Span sp, Sym name);
AstExpr *expr_unary(Parser *p, Span sp, AstExprKind kind, AstExpr *a);
AstExpr *expr_binary(Parser *p, Span sp, AstBinop op, AstExpr *a, Span at, AstExpr *b);
AstExpr *expr_call(Parser *p, Span sp, AstExpr *fn, AstArgs args);
AstExpr *expr_index(Parser *p, Span sp, AstExpr *of, AstIndices at);
AstExpr *expr_reduce(Parser *p, Span sp, AstExpr *op, AstRanges ranges, AstExpr *body);
AstExpr *expr_cond(Parser *p, Span sp, AstExpr *test, AstExpr *then, AstExpr *other);
AstExpr *expr_list(Parser *p, Span sp, AstExprs items);
AstExpr *expr_paren(AstExpr *e);

AstItem *item_import(Parser *p, Span sp, Sym path, Span at);
AstItem *item_fn(Parser *p, Span sp, AstName name, AstParams params, AstExpr *body);
AstItem *item_net(Parser *p, Span sp, AstItemKind kind, AstName name, AstParams params, AstBlock b);
AstItem *item_test(Parser *p, Span sp, AstName name, AstName target, AstArgs args, AstChecks checks,
                   Span block);

AstStmt *stmt_assign(Parser *p, Span sp, AstName name, AstIndices at, AstExpr *value);
AstStmt *stmt_decl(Parser *p, Span sp, AstDeclKind kind, AstName name, AstType type, AstName law,
                   AstArgs args, AstExpr *lr);
AstStmt *stmt_width(Parser *p, Span sp, AstName name, AstExpr *value);
AstStmt *stmt_for(Parser *p, Span sp, AstRanges ranges, AstBlock body);
AstStmt *stmt_repeat(Parser *p, Span sp, AstExpr *count, AstBlock body);
AstStmt *stmt_return(Parser *p, Span sp, AstExpr *value);
AstExpr *lr_clause(Parser *p, AstName word, AstExpr *value);

AstType type_default(AstName name);
AstType type_named(Parser *p, Span sp, AstName name, AstIndices dims, Span brackets);
AstType type_fn(Span sp);
AstType type_words(Span sp, AstNames words);

AstCheck check_word(Parser *p, Span sp, AstName kind, AstName word);
AstCheck check_value(Span sp, AstName name, AstArgs args, Span parens, AstIndices at,
                     AstExpr *value, AstExpr *tol);
AstName name_hyphen(Parser *p, Span sp, AstName a, AstName b);
AstRange range_new(Parser *p, Span sp, AstName var, AstExpr *lo, AstExpr *hi);

void item_push(Parser *p, AstItem *i);
void stmt_push(Parser *p, AstStmts *v, AstStmt *s);
void param_push(Parser *p, AstParams *v, AstParam x);
void word_push(Parser *p, AstNames *v, AstName x);
void check_push(Parser *p, AstChecks *v, AstCheck x);
void arg_push(Parser *p, AstArgs *v, AstArg x);
void index_push(Parser *p, AstIndices *v, bool semi, AstExpr *e);
void range_push(Parser *p, AstRanges *v, AstRange x);
void expr_push(Parser *p, AstExprs *v, AstExpr *e);
#endif

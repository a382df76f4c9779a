/* The grammar of .tp files.  Actions only call the constructors of compiler/syntax/build.c. */
%require "3.8"
%define api.pure full
%define api.prefix {tpy_}
%define api.token.prefix {TOK_}
%define api.location.type {Span}
%define api.value.union.name TPY_STYPE
%define parse.error custom
%define parse.lac full
%locations
%param {Parser *p}
%expect 0

%code requires {
#include "syntax/parser.h"
}
%code {
#include "syntax/build.h"
#define YYLLOC_DEFAULT(Current, Rhs, N)                                                          \
    ((Current) = (N) ? span_join(YYRHSLOC(Rhs, 1), YYRHSLOC(Rhs, N)) : span_after(YYRHSLOC(Rhs, 0)))
}
%initial-action { (void)yynerrs; @$ = (Span){p->file, 0, 0}; }

%union {
    Sym sym;
    AstExpr *expr;
    AstExprs exprs;
    AstName name;
    AstNames names;
    AstArg arg;
    AstArgs args;
    AstIndices indices;
    AstRange range;
    AstRanges ranges;
    AstType type;
    AstParam param;
    AstParams params;
    AstStmt *stmt;
    AstStmts stmts;
    AstBlock block;
    AstItem *item;
    AstCheck check;
    AstChecks checks;
    AstBinop binop;
}

%token END 0 "end of file" TERM "end of line"
%token START_FILE "the beginning of a file" START_EXPR "the beginning of an expression"
%token <sym> NAME "name" NUMBER "number" STRING "text in quotes"
%token IMPORT "`import`" FN "`fn`" LAYER "`layer`" NETWORK "`network`" PROGRAM "`program`"
%token TEST "`test`"
%token PARAM "`param`" RANDOM "`random`" NOISE "`noise`" WIDTH "`width`" FOR "`for`" IN "`in`"
%token REPEAT "`repeat`" RETURN "`return`" IF "`if`" THEN "`then`" ELSE "`else`"
%token AND "`and`" OR "`or`" NOT "`not`"
%token EQ "`==`" NE "`!=`" LE "`<=`" GE "`>=`" FLOORDIV "`//`" DOTDOT "`..`" PLUSMINUS "`+-`"
%token '+' "`+`" '-' "`-`" '*' "`*`" '/' "`/`" '%' "`%`" '^' "`^`" '\'' "`'`" '<' "`<`" '>' "`>`"
%token '(' "`(`" ')' "`)`" '[' "`[`" ']' "`]`" '{' "`{`" '}' "`}`"
%token ',' "`,`" ';' "`;`" ':' "`:`" '=' "`=`" '~' "`~`" '|' "`|`"

/* Loosest first; the levels of ast.def. */
%precedence ELSE
%left OR
%left AND
%precedence NOT
%nonassoc EQ NE LE GE '<' '>'
%left '+' '-'
%precedence REDUCE /* sum(i in 0..k) a * b + c is (sum a * b) + c */
%left '*' '/' FLOORDIV '%'
%precedence NEG    /* -x^2 is -(x^2), -x * y is (-x) * y */
%right '^'
%precedence '\'' '(' '['

%type <item> item
%type <stmt> stmt
%type <stmts> lines
%type <block> block
%type <checks> checks check_lines
%type <check> check
%type <params> params param_list
%type <param> param
%type <type> type
%type <names> words
%type <name> name rung
%type <args> args arg_list opt_args
%type <arg> arg
%type <indices> indices opt_indices
%type <ranges> ranges
%type <range> range
%type <expr> expr opt_lr value
%type <exprs> exprs

%%
start: START_FILE items
     | START_EXPR expr end_of_expr   { p->only = $2; }
end_of_expr: %empty | TERM

items: %empty
     | items item TERM   { item_push(p, $2); }
     | items error TERM  { yyerrok; }

item: IMPORT STRING                            { $$ = item_import(p, @$, $2, @2); }
    | FN name '(' params ')' '=' expr          { $$ = item_fn(p, @$, $2, $4, $7); }
    | LAYER name '(' params ')' block          { $$ = item_net(p, @$, AI_layer, $2, $4, $6); }
    | NETWORK name '(' params ')' block        { $$ = item_net(p, @$, AI_network, $2, $4, $6); }
    | PROGRAM name '(' params ')' block        { $$ = item_net(p, @$, AI_program, $2, $4, $6); }
    | TEST name ':' name opt_args checks       { $$ = item_test(p, @$, $2, $4, $5, $6, @6); }

block: '{' lines '}'       { $$ = (AstBlock){$2, @$}; }
    | '{' lines stmt '}'   { $$ = (AstBlock){$2, @$}; stmt_push(p, &$$.stmts, $3); }
    | '{' lines error '}'  { $$ = (AstBlock){$2, @$}; yyerrok; }

lines: %empty              { $$ = (AstStmts){0}; }
    | lines stmt TERM      { $$ = $1; stmt_push(p, &$$, $2); }
    | lines error TERM     { $$ = $1; yyerrok; }

stmt: name opt_indices '=' expr  { $$ = stmt_assign(p, @$, $1, $2, $4); }
    | PARAM name ':' type '~' name '(' args ')' opt_lr
        { $$ = stmt_decl(p, @$, AD_param, $2, $4, $6, $8, $10); }
    | RANDOM name ':' type '~' name '(' args ')' opt_lr
        { $$ = stmt_decl(p, @$, AD_random, $2, $4, $6, $8, $10); }
    | NOISE name ':' type '~' name '(' args ')' opt_lr
        { $$ = stmt_decl(p, @$, AD_noise, $2, $4, $6, $8, $10); }
    | WIDTH name '=' expr        { $$ = stmt_width(p, @$, $2, $4); }
    | FOR ranges block           { $$ = stmt_for(p, @$, $2, $3); }
    | REPEAT expr block          { $$ = stmt_repeat(p, @$, $2, $3); }
    | RETURN expr                { $$ = stmt_return(p, @$, $2); }

opt_lr: %empty             { $$ = NULL; }
    | name expr            { $$ = lr_clause(p, $1, $2); }

params: %empty             { $$ = (AstParams){0}; }
    | param_list
    | param_list ','

param_list: param          { $$ = (AstParams){0}; param_push(p, &$$, $1); }
    | param_list ',' param { $$ = $1; param_push(p, &$$, $3); }

param: name                { $$ = (AstParam){$1, type_default($1), NULL, @$}; }
    | name ':' type        { $$ = (AstParam){$1, $3, NULL, @$}; }
    | name '=' expr        { $$ = (AstParam){$1, type_default($1), $3, @$}; }
    | name ':' type '=' expr { $$ = (AstParam){$1, $3, $5, @$}; }

type: name                 { $$ = type_named(p, @$, $1, (AstIndices){0}, @1); }
    | name '[' indices ']' { $$ = type_named(p, @$, $1, $3, span_join(@2, @4)); }
    | FN                   { $$ = type_fn(@$); }
    | words                { $$ = type_words(@$, $1); }

words: name '|' name       { $$ = (AstNames){0}; word_push(p, &$$, $1); word_push(p, &$$, $3); }
    | words '|' name       { $$ = $1; word_push(p, &$$, $3); }

checks: '{' check_lines '}'       { $$ = $2; }
    | '{' check_lines check '}'   { $$ = $2; check_push(p, &$$, $3); }
    | '{' check_lines error '}'   { $$ = $2; yyerrok; }

check_lines: %empty               { $$ = (AstChecks){0}; }
    | check_lines check TERM      { $$ = $1; check_push(p, &$$, $2); }
    | check_lines error TERM      { $$ = $1; yyerrok; }

check: name rung                { $$ = check_word(p, @$, $1, $2); }
    | name opt_args opt_indices '=' expr PLUSMINUS expr
        { $$ = check_value(@$, $1, $2, @2, $3, $5, $7); }

rung: name
    | rung '-' name             { $$ = name_hyphen(p, @$, $1, $3); }

opt_args: %empty           { $$ = (AstArgs){0}; }
    | '(' args ')'         { $$ = $2; }

opt_indices: %empty        { $$ = (AstIndices){0}; }
    | '[' indices ']'      { $$ = $2; }

args: %empty               { $$ = (AstArgs){0}; }
    | arg_list
    | arg_list ','

arg_list: arg              { $$ = (AstArgs){0}; arg_push(p, &$$, $1); }
    | arg_list ',' arg     { $$ = $1; arg_push(p, &$$, $3); }

arg: expr                  { $$ = (AstArg){{0}, $1}; }
    | name '=' expr        { $$ = (AstArg){$1, $3}; }

indices: expr              { $$ = (AstIndices){0}; index_push(p, &$$, false, $1); }
    | indices ',' expr     { $$ = $1; index_push(p, &$$, false, $3); }
    | indices ';' expr     { $$ = $1; index_push(p, &$$, true, $3); }

ranges: range              { $$ = (AstRanges){0}; range_push(p, &$$, $1); }
    | ranges ',' range     { $$ = $1; range_push(p, &$$, $3); }

range: name IN expr DOTDOT expr  { $$ = range_new(p, @$, $1, $3, $5); }

exprs: expr                { $$ = (AstExprs){0}; expr_push(p, &$$, $1); }
    | exprs ',' expr       { $$ = $1; expr_push(p, &$$, $3); }

name: NAME                 { $$ = (AstName){$1, @$}; }

value: NUMBER              { $$ = expr_num(p, @$, $1); }
    | name                 { $$ = expr_name(p, @$, $1.sym); }
    | '(' expr ')'         { $$ = expr_paren($2); }
    | '[' exprs ']'        { $$ = expr_list(p, @$, $2); }

expr: value
    | '-' expr %prec NEG   { $$ = expr_unary(p, @$, AE_neg, $2); }
    | NOT expr             { $$ = expr_unary(p, @$, AE_not, $2); }
    | expr '\''            { $$ = expr_unary(p, @$, AE_transpose, $1); }
    | expr '+' expr        { $$ = expr_binary(p, @$, AB_add, $1, @2, $3); }
    | expr '-' expr        { $$ = expr_binary(p, @$, AB_sub, $1, @2, $3); }
    | expr '*' expr        { $$ = expr_binary(p, @$, AB_mul, $1, @2, $3); }
    | expr '/' expr        { $$ = expr_binary(p, @$, AB_div, $1, @2, $3); }
    | expr FLOORDIV expr   { $$ = expr_binary(p, @$, AB_floordiv, $1, @2, $3); }
    | expr '%' expr        { $$ = expr_binary(p, @$, AB_mod, $1, @2, $3); }
    | expr '^' expr        { $$ = expr_binary(p, @$, AB_pow, $1, @2, $3); }
    | expr EQ expr         { $$ = expr_binary(p, @$, AB_eq, $1, @2, $3); }
    | expr NE expr         { $$ = expr_binary(p, @$, AB_ne, $1, @2, $3); }
    | expr '<' expr        { $$ = expr_binary(p, @$, AB_lt, $1, @2, $3); }
    | expr LE expr         { $$ = expr_binary(p, @$, AB_le, $1, @2, $3); }
    | expr '>' expr        { $$ = expr_binary(p, @$, AB_gt, $1, @2, $3); }
    | expr GE expr         { $$ = expr_binary(p, @$, AB_ge, $1, @2, $3); }
    | expr AND expr        { $$ = expr_binary(p, @$, AB_and, $1, @2, $3); }
    | expr OR expr         { $$ = expr_binary(p, @$, AB_or, $1, @2, $3); }
    | expr '(' args ')'    { $$ = expr_call(p, @$, $1, $3); }
    | expr '[' indices ']' { $$ = expr_index(p, @$, $1, $3); }
    | expr '(' ranges ')' expr %prec REDUCE { $$ = expr_reduce(p, @$, $1, $3, $5); }
    | IF expr THEN expr ELSE expr { $$ = expr_cond(p, @$, $2, $4, $6); }
%%
static int yyreport_syntax_error(const yypcontext_t *x, Parser *p) {
    yysymbol_kind_t want[MAX_EXPECTED];
    Expected e = {.at = *yypcontext_location(x)};
    int n = yypcontext_expected_tokens(x, want, MAX_EXPECTED);
    e.found_text = yysymbol_name(yypcontext_token(x));
    for (int i = 0; i < n; i++) e.want[e.nwant++] = yysymbol_name(want[i]);
    report_unexpected(p, &e);
    return 0;
}

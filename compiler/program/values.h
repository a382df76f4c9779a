/* Values in force: what a program's hyperparameters are without further settings. */
#ifndef TPC_PROGRAM_VALUES_H
#define TPC_PROGRAM_VALUES_H
#include "program/program.h"

const Hyper *program_hyper(const Program *p, Sym name); /* NULL: none of that name */
/* Value of a scalar expression without vectors; NaN where a hyperparameter has no value. */
double program_value(const Program *p, Fx f);
/* The first check that the values in force violate (*value: what it is); NULL if there is none. */
const Check *program_failed_check(const Program *p, double *value);
/* A constant expression of a test block ("2 / pi()", fns of the source), in double.  False: errors
 * were reported. */
struct Ast;
struct AstExpr;
bool program_const(Ctx *c, const struct Ast *ast, const struct AstExpr *x, double *out);
#endif

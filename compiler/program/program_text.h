/* The text form of a program: one declaration or definition a line, `;` begins a comment.
 *
 *     program mlp
 *     input x
 *     hyper depth: int size least 1 = 3
 *     hyper act: fn fixed "relu"
 *     fact depth>=2
 *     fam W[1]: matrix ~ sw lr sw rows 1 cols 1 trained
 *     check nonneg "variance of W" = sw
 *     def h[l in 0..depth] = mu [l=0] 1 * h0 + [l>=1] (a + 1) * y[l-1]
 *     def s = lin sum(m in 0..depth) 1 * r[m]
 *     def r[l in 0..depth] width 2 = nonlin max(u0, 0) of h[l]
 *     out f
 *
 * A coefficient is one number or name, or stands in parentheses.  The width of a vector is 1 where
 * none is given.  Words that printer and parser share stand here. */
#ifndef TPC_PROGRAM_TEXT_H
#define TPC_PROGRAM_TEXT_H
#include "program/program.h"

static const char *const fam_word[] = {"matrix", "input_matrix", "vector"};
static const char *const hyper_kind_word[] = {"real", "int", "fn", "word"};
static const char *const check_kind_word[] = {"finite", "nonneg", "positive"};
enum { NFAM_WORD = 3, NHYPER_WORD = 4, NCHECK_WORD = 3 };

/* Width where the text gives none: 1 for vectors that are not data, else there is none. */
static inline bool width_is_one(ProgramOp op) {
    switch (op) {
    case PO_one:
    case PO_param:
    case PO_matmul:
    case PO_lin:
    case PO_nonlin: return true;
    case PO_input:
    case PO_basis:
    case PO_inner:
    case PO_output: return false;
    }
    return false;
}
#endif

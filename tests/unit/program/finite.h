/* Networks of finite width, by two interpreters that share nothing but the draws of parameters: of
 * the syntax tree as a reader of the language would run it, and of the elaborated program. */
#ifndef TEST_PROGRAM_FINITE_H
#define TEST_PROGRAM_FINITE_H
#include "common.h"

enum { N = 7, D = 5, MAX_INDEX = 8, MAX_SIZES = 4, MAX_OUT = 512 };

/* Entry (i, j) of member idx of the parameter declared at byte `at`: numbers in (-1.8, 1.8). */
static inline double draw(uint32_t at, const int64_t *idx, uint32_t n, uint32_t i, uint32_t j) {
    uint64_t h = at * 0x9e3779b97f4a7c15u + 1;
    for (uint32_t k = 0; k < n; k++) h = (h ^ (uint64_t)(idx[k] + 17)) * 0xff51afd7ed558ccdu;
    h = (h ^ (i * 2654435761u + j * 40503u + 7)) * 0xc4ceb9fe1a85ec53u;
    h ^= h >> 29;
    h *= 0x94d049bb133111ebu;
    h ^= h >> 32;
    return ((double)(h >> 11) / 9007199254740992.0 - 0.5) * 3.4641016151377544;
}

static inline double datum(uint32_t input, const int64_t *pos, uint32_t n, uint32_t i) {
    return draw(1000000 + input, pos, n, i, 0);
}

/* size: of the positions, in the order in which the inputs name them.  Returns the number of
 * outputs (more than one: of a family, in the order of its indices). */
uint32_t finite_source(Ctx *c, const Ast *ast, const AstItem *net, const int64_t *size,
                       double *out);
uint32_t finite_program(Ctx *c, const Program *p, const int64_t *size, double *out);
/* Do the program's checks hold at these sizes, and is no family empty? */
bool finite_holds(Ctx *c, const Program *p, const int64_t *size);
#endif

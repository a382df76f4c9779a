/* What can be read off an expression tree. */
#ifndef TPC_GAUSS_SHAPE_H
#define TPC_GAUSS_SHAPE_H
#include "program/fx.h"

bool shape_has_theta(const FxPool *fx, Fx f, uint32_t k);
/* No max, min, abs, sign, step, comparison or `if` whose argument has a leaf. */
bool shape_smooth(const FxPool *fx, Fx f);
/* Only numbers and leaves below: its values are known at compile time. */
bool shape_numeric(const FxPool *fx, Fx f);
/* f with every leaf at u; false: not numeric. */
bool shape_value(const FxPool *fx, Fx f, double u, double *out);
#endif

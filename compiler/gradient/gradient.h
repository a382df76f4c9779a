/* Reverse-mode differentiation, program to program: what is computed forward and backward, with
 * loops and positions kept (theory of adjoints: 2006.14548, section 5 and appendix on
 * backpropagation as a tensor program).
 *
 * Output f: the adjoint of a vector x is dx = sqrt(n) df/dx, that of a scalar theta is
 * dtheta = df/dtheta / sqrt(n), n the reference width.  Where f is a moment, sqrt(n) f takes its
 * place: then dx = n df/dx, and dtheta = df/dtheta.  Moments are sums over coordinates divided by
 * n whatever the vector's width, so no width ratio occurs in the rules:
 *
 *     f = k v'x / sqrt(n)          dx += k v,  dv += k x
 *     y = W x;  y = W' x           dx += W' dy;  dx += W dy
 *     y = sum c x                  dx += c dy;  dtheta += <dy x> dc/dtheta
 *     y = F(x..; theta..)          dx_k += (dF/dx_k) dy;  dtheta += <dy dF/dtheta>
 *     theta = <x y>;  <x>          dx += dtheta y,  dy += dtheta x;  dx += dtheta 1
 *     theta = sum F(theta'..)      dtheta' += dtheta dF/dtheta'
 *     a = softmax(e) over t        de = a (da - sum over t of a da)
 *
 * dF is the almost-everywhere derivative (fx_diff).  Data, noise's law, constants and vectors of
 * the data's dimension have no adjoint; a parameter has one.  The adjoint of x[j] is a definition
 * over the dims of x, never reversed: a reader y[i] of x[f(i)] contributes the sum over those i
 * with f(i) = j.  For a returned family f[t..] the dims t of the output come first.  A
 * loop-carried x[l], which reads x[l - 1], has a loop-carried adjoint, which reads dx[l + 1].
 * What is zero is left out, and so is an adjoint no contribution of which is left.
 *
 * Names: `d.x` the adjoint of x, `t.y` what y passes on to an operand (`t.y.u` where that is
 * its operand u of several), `w.t.y` a copy that is read circularly, `c.y`, `q.y`, `p.y`, `e.a`,
 * `s.a` parts of scalars' adjoints.
 * Every definition made here has the span of the one it was made for.
 *
 * `grad` definitions become lins that read the adjoint of their output, made by a pass of its own
 * (`d1.x`, .. in a network; in a program the first has `d.x`).  A gradient that its own output
 * depends on is an error. */
#ifndef TPC_GRADIENT_H
#define TPC_GRADIENT_H
#include "program/program.h"

typedef enum GradientPart {
    GRAD_forward, /* a definition of the program; a `grad` has become a lin */
    GRAD_adjoint, /* of `of` */
    GRAD_product, /* W' dy of the product `of`, or its mirror: the opposite use of the matrix */
    GRAD_pull,    /* (dF/dx) dy of the nonlin `of` */
    GRAD_part     /* other: moments of dy, parts of softmax, guarded operands, circular copies */
} GradientPart;

typedef struct Gradient {
    Program *p;          /* sizes, families, expressions shared with the program it was made from */
    uint32_t nforward;   /* definitions 1..nforward-1: the program's, with those its grads need */
    DefId *from;         /* of a definition of the source program: its number here */
    /* of each definition of p */
    GradientPart *part;
    DefId *of;           /* the definition it was made for; itself where part is GRAD_forward */
    DefId *adjoint;      /* for the program's output; 0: zero, or there is none */
    uint32_t nout;       /* adjoints have this many dims of the output first */
    bool moment;         /* the output is a moment */
} Gradient;

/* Programs have no single output: of them, only `grad` is expanded and every adjoint entry is 0.
 * False: diagnostics were added.  The result is sound (program_verify) and in the order of
 * definitions that program.h asks for. */
bool gradient_make(Ctx *c, const Program *p, Gradient **out);
#endif

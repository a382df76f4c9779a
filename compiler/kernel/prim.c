/* The scalar twins as functions: for constant folding. */
#include "kernel/prim.h"
#include "diag/diag.h"
#include "kernel/op.h"

#define PRIM1(name, expr) case KO_##name: return (void)b, (void)c, expr;
#define PRIM2(name, expr) case KO_##name: return (void)c, expr;
#define PRIM3(name, expr) case KO_##name: return expr;
#define COMPARE(name, expr)
static double real_f64(KOp op, double a, double b, double c) {
#define F(name) name
#define B(name) bits_##name##_f64
    switch ((int)op) {
#include "kernel/prim.def"
    }
    bug("prim_real: %s", kop_info(op)->name);
#undef F
#undef B
}

#define PRIM1(name, expr) case KO_##name: return (void)b, (void)c, expr;
#define PRIM2(name, expr) case KO_##name: return (void)c, expr;
#define PRIM3(name, expr) case KO_##name: return expr;
#define COMPARE(name, expr)
static float real_f32(KOp op, float a, float b, float c) {
#define F(name) name##f
#define B(name) bits_##name##_f32
    switch ((int)op) {
#include "kernel/prim.def"
    }
    bug("prim_real: %s", kop_info(op)->name);
#undef F
#undef B
}

double prim_real(TpDtype dtype, KOp op, const double arg[3]) {
    if (dtype == TP_F64) return real_f64(op, arg[0], arg[1], arg[2]);
    return (double)real_f32(op, (float)arg[0], (float)arg[1], (float)arg[2]);
}

#define PRIM1(name, expr)
#define PRIM2(name, expr)
#define PRIM3(name, expr)
#define COMPARE(name, expr) case KO_##name: return expr;
static bool compare(KOp op, double a, double b) {
#define F(name) name
#define B(name) name
    switch ((int)op) {
#include "kernel/prim.def"
    }
    bug("prim_compare: %s", kop_info(op)->name);
#undef F
#undef B
}

bool prim_compare(TpDtype dtype, KOp op, double a, double b) {
    if (dtype == TP_F64) return compare(op, a, b);
    return compare(op, (double)(float)a, (double)(float)b);
}

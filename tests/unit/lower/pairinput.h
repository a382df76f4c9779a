/* The numbers of one pair of samples, by the kind of input array that holds them. */
#ifndef TEST_LOWER_PAIRINPUT_H
#define TEST_LOWER_PAIRINPUT_H
#include "diag/diag.h"
#include "kernel/kernel.h"

typedef struct PairInput {
    double gram, unit, defect, codefect;
} PairInput;

static inline PairInput pair_input_of(double gram, double c) {
    return (PairInput){gram, c, 1 - c, 1 + c};
}

static inline double pair_input_at(const PairInput *p, const TpArray *a) {
    switch ((TpInputKind)a->input) {
    case TP_IN_GRAM: return p->gram;
    case TP_IN_UNIT: return p->unit;
    case TP_IN_DEFECT: return p->defect;
    case TP_IN_CODEFECT: return p->codefect;
    case TP_IN_NONE:
    case TP_IN_NORM:
    case TP_IN_COLUMN:
    case TP_IN_POINT:
    case TP_IN_DIRECTION:
    case TP_IN_DATA:
    case TP_IN_CLASS: break;
    }
    bug("input %d of a pair", a->input);
}
#endif

/* Hermite series of smooth functions of one leaf a side. */
#ifndef TPC_GAUSS_SERIES_H
#define TPC_GAUSS_SERIES_H
#include "gauss/plan.h"

bool series_applies(Plan *pl);
/* false: the series converges too slowly. */
bool series_plan(Plan *pl, Expectation *e);
/* The series summed in double; c: correlation. */
double series_value(const Plan *pl, double c, const double *var, const double *mean);
#endif

#ifndef TEST_PROGRAM_RANDOM_POSITIONS_H
#define TEST_PROGRAM_RANDOM_POSITIONS_H
#include "common.h"
const char *random_positions(Arena *a, uint64_t seed);
#endif

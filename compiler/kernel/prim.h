/* Primitive instructions that work on the bits of a real, in both precisions.
 * All are total: what kernel.def calls unspecified is here what the same integer operations give
 * in compiled code, so that the two agree on it as well. */
#ifndef TPC_KERNEL_PRIM_H
#define TPC_KERNEL_PRIM_H
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t bits_of_f64(double a) {
    uint64_t u;
    memcpy(&u, &a, sizeof u);
    return u;
}

static inline double f64_of_bits(uint64_t u) {
    double a;
    memcpy(&a, &u, sizeof a);
    return a;
}

static inline uint32_t bits_of_f32(float a) {
    uint32_t u;
    memcpy(&u, &a, sizeof u);
    return u;
}

static inline float f32_of_bits(uint32_t u) {
    float a;
    memcpy(&a, &u, sizeof a);
    return a;
}

/* Adding 1.5 * 2^52 leaves the whole number a in the low bits of the sum. */
static inline double bits_pow2_f64(double a) {
    return f64_of_bits(bits_of_f64(a + (0x1.8p52 + 1023)) << 52);
}

static inline float bits_pow2_f32(float a) {
    return f32_of_bits(bits_of_f32(a + (0x1.8p23f + 127)) << 23);
}

static inline double bits_exponent_f64(double a) {
    return (double)((int32_t)(bits_of_f64(a) >> 52 & 0x7ff) - 1023);
}

static inline float bits_exponent_f32(float a) {
    return (float)((int32_t)(bits_of_f32(a) >> 23 & 0xff) - 127);
}

static inline double bits_mantissa_f64(double a) {
    return f64_of_bits((bits_of_f64(a) & 0x800fffffffffffff) | 0x3ff0000000000000);
}

static inline float bits_mantissa_f32(float a) {
    return f32_of_bits((bits_of_f32(a) & 0x807fffff) | 0x3f800000);
}
#endif

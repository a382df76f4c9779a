/* Vectors of float64 and float32 (GCC vector extensions) for the machine it is compiled for:
 * -march=native; -DVEC_BYTES=32 forces AVX2 where AVX-512 is there. */
#ifndef TESTS_BENCH_VEC_H
#define TESTS_BENCH_VEC_H
#include "kernel/vmath/coefficients.h"
#include <immintrin.h>

#ifndef VEC_BYTES
#ifdef __AVX512F__
#define VEC_BYTES 64
#else
#define VEC_BYTES 32
#endif
#endif
#ifndef VEC_LOCKSTEP
#define VEC_LOCKSTEP (VEC_BYTES == 64 ? 2 : 4)
#endif
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")
/* how many vectors advance through one Horner chain together */
enum { LOCKSTEP = VEC_LOCKSTEP };

typedef double Vec_f64 __attribute__((vector_size(VEC_BYTES)));
typedef float Vec_f32 __attribute__((vector_size(VEC_BYTES)));

/* sqrt, |x|, max; positive(s, t): s > 0 ? t : 0; reflect(c, t): c >= 0 ? 1 - t : t (blendv goes
 * by the sign bit) */
#if VEC_BYTES == 64
INLINE Vec_f64 sqrt_f64(Vec_f64 x) { return (Vec_f64)_mm512_sqrt_pd((__m512d)x); }
INLINE Vec_f32 sqrt_f32(Vec_f32 x) { return (Vec_f32)_mm512_sqrt_ps((__m512)x); }
INLINE Vec_f64 abs_f64(Vec_f64 x) { return (Vec_f64)_mm512_abs_pd((__m512d)x); }
INLINE Vec_f32 abs_f32(Vec_f32 x) { return (Vec_f32)_mm512_abs_ps((__m512)x); }
INLINE Vec_f64 max_f64(Vec_f64 x, Vec_f64 y) {
    return (Vec_f64)_mm512_max_pd((__m512d)x, (__m512d)y);
}
INLINE Vec_f32 max_f32(Vec_f32 x, Vec_f32 y) {
    return (Vec_f32)_mm512_max_ps((__m512)x, (__m512)y);
}
INLINE Vec_f64 positive_f64(Vec_f64 s, Vec_f64 t) {
    __mmask8 some = _mm512_cmp_pd_mask((__m512d)s, _mm512_setzero_pd(), _CMP_GT_OQ);
    return (Vec_f64)_mm512_maskz_mov_pd(some, (__m512d)t);
}
INLINE Vec_f32 positive_f32(Vec_f32 s, Vec_f32 t) {
    __mmask16 some = _mm512_cmp_ps_mask((__m512)s, _mm512_setzero_ps(), _CMP_GT_OQ);
    return (Vec_f32)_mm512_maskz_mov_ps(some, (__m512)t);
}
INLINE Vec_f64 reflect_f64(Vec_f64 c, Vec_f64 t) {
    __mmask8 acute = _mm512_cmp_pd_mask((__m512d)c, _mm512_setzero_pd(), _CMP_GE_OQ);
    return (Vec_f64)_mm512_mask_sub_pd((__m512d)t, acute, _mm512_set1_pd(1), (__m512d)t);
}
INLINE Vec_f32 reflect_f32(Vec_f32 c, Vec_f32 t) {
    __mmask16 acute = _mm512_cmp_ps_mask((__m512)c, _mm512_setzero_ps(), _CMP_GE_OQ);
    return (Vec_f32)_mm512_mask_sub_ps((__m512)t, acute, _mm512_set1_ps(1), (__m512)t);
}
#else
INLINE Vec_f64 sqrt_f64(Vec_f64 x) { return (Vec_f64)_mm256_sqrt_pd((__m256d)x); }
INLINE Vec_f32 sqrt_f32(Vec_f32 x) { return (Vec_f32)_mm256_sqrt_ps((__m256)x); }
INLINE Vec_f64 abs_f64(Vec_f64 x) {
    return (Vec_f64)_mm256_andnot_pd(_mm256_set1_pd(-0.0), (__m256d)x);
}
INLINE Vec_f32 abs_f32(Vec_f32 x) {
    return (Vec_f32)_mm256_andnot_ps(_mm256_set1_ps(-0.0f), (__m256)x);
}
INLINE Vec_f64 max_f64(Vec_f64 x, Vec_f64 y) {
    return (Vec_f64)_mm256_max_pd((__m256d)x, (__m256d)y);
}
INLINE Vec_f32 max_f32(Vec_f32 x, Vec_f32 y) {
    return (Vec_f32)_mm256_max_ps((__m256)x, (__m256)y);
}
INLINE Vec_f64 positive_f64(Vec_f64 s, Vec_f64 t) {
    __m256d some = _mm256_cmp_pd((__m256d)s, _mm256_setzero_pd(), _CMP_GT_OQ);
    return (Vec_f64)_mm256_and_pd(some, (__m256d)t);
}
INLINE Vec_f32 positive_f32(Vec_f32 s, Vec_f32 t) {
    __m256 some = _mm256_cmp_ps((__m256)s, _mm256_setzero_ps(), _CMP_GT_OQ);
    return (Vec_f32)_mm256_and_ps(some, (__m256)t);
}
INLINE Vec_f64 reflect_f64(Vec_f64 c, Vec_f64 t) {
    return (Vec_f64)_mm256_blendv_pd((__m256d)(1 - t), (__m256d)t, (__m256d)c);
}
INLINE Vec_f32 reflect_f32(Vec_f32 c, Vec_f32 t) {
    return (Vec_f32)_mm256_blendv_ps((__m256)(1 - t), (__m256)t, (__m256)c);
}
#endif

#define REAL double
#define ROUNDING 0x1p-49
#define NAME(name) name##_f64
#include "kappa_lanes.h"

#define REAL float
#define ROUNDING 0x1p-20
#define NAME(name) name##_f32
#include "kappa_lanes.h"
#endif

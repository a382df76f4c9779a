/* GCC vector extensions, for the machine it is compiled for (-march=native -ffp-contract=fast);
 * -DRECUR_BYTES=32 forces AVX2 where AVX-512 is there.  RECUR_LOCKSTEP vectors advance through one
 * Horner chain together; RECUR_GROUPS such groups follow one another inside a layer, which on some
 * machines hides the end of a layer behind the next group's beginning. */
#include "recur.h"
#include "kernel/vmath/coefficients.h"
#include <immintrin.h>

#ifndef RECUR_BYTES
#ifdef __AVX512F__
#define RECUR_BYTES 64
#else
#define RECUR_BYTES 32
#endif
#endif
#ifndef RECUR_LOCKSTEP /* the fastest on Zen 4 */
#define RECUR_LOCKSTEP (RECUR_BYTES == 64 ? 2 : 3)
#endif
#ifndef RECUR_GROUPS
#define RECUR_GROUPS 2
#endif
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")
enum { LOCKSTEP = RECUR_LOCKSTEP, GROUPS = RECUR_GROUPS };

const char *bench_recur_shape(void) { return RECUR_BYTES == 64 ? "AVX-512" : "AVX2"; }

typedef double Vec_f64 __attribute__((vector_size(RECUR_BYTES)));
typedef float Vec_f32 __attribute__((vector_size(RECUR_BYTES)));

#if RECUR_BYTES == 64
INLINE Vec_f64 sqrt_f64(Vec_f64 x) { return (Vec_f64)_mm512_sqrt_pd((__m512d)x); }
INLINE Vec_f32 sqrt_f32(Vec_f32 x) { return (Vec_f32)_mm512_sqrt_ps((__m512)x); }
INLINE Vec_f64 min_f64(Vec_f64 x, Vec_f64 y) {
    return (Vec_f64)_mm512_min_pd((__m512d)x, (__m512d)y);
}
INLINE Vec_f32 min_f32(Vec_f32 x, Vec_f32 y) {
    return (Vec_f32)_mm512_min_ps((__m512)x, (__m512)y);
}
/* d <= 1 ? 1 - t : t */
INLINE Vec_f64 reflect_f64(Vec_f64 d, Vec_f64 t) {
    __m512d one = _mm512_set1_pd(1);
    __mmask8 acute = _mm512_cmp_pd_mask((__m512d)d, one, _CMP_LE_OQ);
    return (Vec_f64)_mm512_mask_sub_pd((__m512d)t, acute, one, (__m512d)t);
}
INLINE Vec_f32 reflect_f32(Vec_f32 d, Vec_f32 t) {
    __m512 one = _mm512_set1_ps(1);
    __mmask16 acute = _mm512_cmp_ps_mask((__m512)d, one, _CMP_LE_OQ);
    return (Vec_f32)_mm512_mask_sub_ps((__m512)t, acute, one, (__m512)t);
}
#else
INLINE Vec_f64 sqrt_f64(Vec_f64 x) { return (Vec_f64)_mm256_sqrt_pd((__m256d)x); }
INLINE Vec_f32 sqrt_f32(Vec_f32 x) { return (Vec_f32)_mm256_sqrt_ps((__m256)x); }
INLINE Vec_f64 min_f64(Vec_f64 x, Vec_f64 y) {
    return (Vec_f64)_mm256_min_pd((__m256d)x, (__m256d)y);
}
INLINE Vec_f32 min_f32(Vec_f32 x, Vec_f32 y) {
    return (Vec_f32)_mm256_min_ps((__m256)x, (__m256)y);
}
/* d <= 1 ? 1 - t : t; blendv goes by the sign bit of 1 - d */
INLINE Vec_f64 reflect_f64(Vec_f64 d, Vec_f64 t) {
    return (Vec_f64)_mm256_blendv_pd((__m256d)(1 - t), (__m256d)t, (__m256d)(1 - d));
}
INLINE Vec_f32 reflect_f32(Vec_f32 d, Vec_f32 t) {
    return (Vec_f32)_mm256_blendv_ps((__m256)(1 - t), (__m256)t, (__m256)(1 - d));
}
#endif

#define REAL double
#define TABLE RecurTable64
#define NAME(name) name##_f64
#include "recur_lanes.h"

#define REAL float
#define TABLE RecurTable32
#define NAME(name) name##_f32
#include "recur_lanes.h"

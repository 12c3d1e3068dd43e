/* avx2.c: eight lanes, AVX2 with FMA. Compiled for any x86-64; chosen at start where the processor has both. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static bool usable_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#define LANES 8
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define VARIANT(name) name##_avx2
#define VARIANT_NAME "avx2"

typedef float vf __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));

#define VFMA(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define VSQRT(a) ((vf)_mm256_sqrt_ps((__m256)(a)))
#define VSPLAT(x) ((vf)_mm256_set1_ps(x))

#include "mpi-runner/kernels/cpu/variant.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int aic_no_avx2;
#endif

/* avx512.c: sixteen lanes, AVX-512F. Compiled for any x86-64; chosen at start where the processor has it. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static bool usable_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
}

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx2,fma")
#endif

#define LANES 16
#define TILE_ROWS 12
#define TILE_VECTORS 2
#define VARIANT(name) name##_avx512
#define VARIANT_NAME "avx512"

typedef float vf __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));

#define VFMA(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define VSQRT(a) ((vf)_mm512_sqrt_ps((__m512)(a)))
#define VSPLAT(x) ((vf)_mm512_set1_ps(x))

#include "mpi-runner/kernels/cpu/variant.inc"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int aic_no_avx512;
#endif

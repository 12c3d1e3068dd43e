/* scalar.c: the portable variant; four lanes that any compiler lowers to what it has. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define VARIANT(name) name##_scalar
#define VARIANT_NAME "scalar"

typedef float vf __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));

#define VFMA(a, b, c) ((vf){fmaf((a)[0], (b)[0], (c)[0]), fmaf((a)[1], (b)[1], (c)[1]), fmaf((a)[2], (b)[2], (c)[2]), \
                            fmaf((a)[3], (b)[3], (c)[3])})
#define VSQRT(a) ((vf){sqrtf((a)[0]), sqrtf((a)[1]), sqrtf((a)[2]), sqrtf((a)[3])})
#define VSPLAT(x) ((vf){(x), (x), (x), (x)})

static bool usable_scalar(void)
{
	return true;
}

#include "mpi-runner/kernels/cpu/variant.inc"

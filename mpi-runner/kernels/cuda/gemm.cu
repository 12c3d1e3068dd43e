/* gemm.cu: matrix products in which every output is one chain of fmaf over the inner dimension in order: no split of that dimension,
 * no tensor cores. */
#include "mpi-runner/kernels/cuda/kernels.h"

#define TILE_K 8

#define NAME gemm_128
#define MICRO 8
#define SPLIT 0
#include "mpi-runner/kernels/cuda/gemm_tile.inc"

#define NAME gemm_64
#define MICRO 4
#define SPLIT 0
#include "mpi-runner/kernels/cuda/gemm_tile.inc"

#define NAME gemm_64_split
#define MICRO 4
#define SPLIT 1
#include "mpi-runner/kernels/cuda/gemm_tile.inc"

enum { PRODUCTS_MAX = 65535, BUSY = 132 }; /* products in a launch; blocks below which smaller tiles fill a GPU better */

static size_t tiles_of(const aic_cu_product *p, size_t tile)
{
	return (p->m + tile - 1) / tile * ((p->n + tile - 1) / tile);
}

static void launch(cudaStream_t s, aic_cu_product p)
{
	if (p.split)
		LAUNCH(gemm_64_split, tiles_of(&p, 64), 1, p.count, THREADS, s, p);
	else if (tiles_of(&p, 128) * p.count >= BUSY)
		LAUNCH(gemm_128, tiles_of(&p, 128), 1, p.count, THREADS, s, p);
	else
		LAUNCH(gemm_64, tiles_of(&p, 64), 1, p.count, THREADS, s, p);
}

void aic_cu_gemm(cudaStream_t s, aic_cu_product p)
{
	size_t most = PRODUCTS_MAX / p.heads * p.heads, left = p.count;

	if (p.m == 0 || p.n == 0)
		return;
	for (; left > 0; left -= p.count) {
		p.count = left < most ? left : most;
		launch(s, p);
		p.a.data += p.count / p.heads * p.a.outer;
		p.b.data += p.count / p.heads * p.b.outer;
		p.c += p.count / p.heads * p.c_outer;
	}
}

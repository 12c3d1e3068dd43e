/* image.cu: what convolutions and pooling ask beside matrix products. */
#include "mpi-runner/kernels/cuda/kernels.h"

typedef struct { aic_cu_image g; const float *x; float *columns; } unfold_args;
KERNEL(unfold, THREADS)
{
	aic_cu_image g = a.g;
	size_t places = g.out_height * g.out_width, depth = g.channels * g.kernel * g.kernel;

	EACH(i, g.samples * depth * places) {
		size_t place = i % places, tap = i / places % depth, sample = i / places / depth;
		size_t c = tap / (g.kernel * g.kernel), ky = tap / g.kernel % g.kernel, kx = tap % g.kernel;
		size_t y = place / g.out_width * g.stride + ky, x = place % g.out_width * g.stride + kx;
		int inside = y >= g.pad && x >= g.pad && y - g.pad < g.height && x - g.pad < g.width;
		a.columns[i] = inside ? a.x[((sample * g.channels + c) * g.height + y - g.pad) * g.width + x - g.pad] : 0.0f;
	}
}

void aic_cu_unfold(cudaStream_t s, aic_cu_image g, const float *x, float *columns)
{
	unfold_args a = {g, x, columns};
	LAUNCH(unfold, aic_blocks(g.samples * g.channels * g.kernel * g.kernel * g.out_height * g.out_width), 1, 1, THREADS, s, a);
}

/* The output whose tap k sees input `in`, if there is one. */
INLINE int seen_by(size_t in, size_t k, size_t pad, size_t stride, size_t outputs, size_t *out)
{
	if (in + pad < k || (in + pad - k) % stride != 0)
		return 0;
	*out = (in + pad - k) / stride;
	return *out < outputs;
}

typedef struct { aic_cu_image g; const float *columns; float *dx; } fold_args;
KERNEL(fold, THREADS)
{
	aic_cu_image g = a.g;
	size_t plane = g.height * g.width, places = g.out_height * g.out_width;

	EACH(i, g.samples * g.channels * plane) {
		const float *columns = a.columns + i / plane * g.kernel * g.kernel * places;
		size_t y = i % plane / g.width, x = i % g.width, oy = 0, ox = 0;
		float sum = 0.0f;
		for (size_t ky = 0; ky < g.kernel; ky++) {
			if (!seen_by(y, ky, g.pad, g.stride, g.out_height, &oy))
				continue;
			for (size_t kx = 0; kx < g.kernel; kx++)
				if (seen_by(x, kx, g.pad, g.stride, g.out_width, &ox))
					sum = sum + columns[(ky * g.kernel + kx) * places + oy * g.out_width + ox];
		}
		a.dx[i] = sum;
	}
}

void aic_cu_fold(cudaStream_t s, aic_cu_image g, const float *columns, float *dx)
{
	fold_args a = {g, columns, dx};
	LAUNCH(fold, aic_blocks(g.samples * g.channels * g.height * g.width), 1, 1, THREADS, s, a);
}

typedef struct { aic_cu_image g; const float *x; float *y; uint32_t *winner; } maxpool_args;
KERNEL(maxpool, THREADS)
{
	aic_cu_image g = a.g;
	size_t places = g.out_height * g.out_width;

	EACH(i, g.samples * g.channels * places) {
		const float *x = a.x + i / places * g.height * g.width;
		size_t corner = i % places / g.out_width * g.kernel * g.width + i % g.out_width * g.kernel, best = corner;
		for (size_t ky = 0; ky < g.kernel; ky++)
			for (size_t at = corner + ky * g.width; at < corner + ky * g.width + g.kernel; at++)
				best = x[at] > x[best] ? at : best;
		a.winner[i] = (uint32_t)best;
		a.y[i] = x[best];
	}
}

void aic_cu_maxpool(cudaStream_t s, aic_cu_image g, const float *x, float *y, uint32_t *winner)
{
	maxpool_args a = {g, x, y, winner};
	LAUNCH(maxpool, aic_blocks(g.samples * g.channels * g.out_height * g.out_width), 1, 1, THREADS, s, a);
}

typedef struct { size_t n, places, plane; const uint32_t *winner; const float *dy; float *dx; } maxpool_back_args;
KERNEL(maxpool_back, THREADS) { EACH(i, a.n) a.dx[i / a.places * a.plane + a.winner[i]] = a.dy[i]; }

void aic_cu_maxpool_back(cudaStream_t s, aic_cu_image g, const uint32_t *winner, const float *dy, float *dx)
{
	size_t planes = g.samples * g.channels, places = g.out_height * g.out_width, plane = g.height * g.width;
	maxpool_back_args a = {planes * places, places, plane, winner, dy, dx};

	cudaMemsetAsync(dx, 0, planes * plane * sizeof(float), s);
	LAUNCH(maxpool_back, aic_blocks(a.n), 1, 1, THREADS, s, a);
}

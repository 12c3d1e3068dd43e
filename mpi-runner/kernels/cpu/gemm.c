#include "mpi-runner/kernels/cpu/gemm.h"

#include <math.h>
#include <stdlib.h>

#include "common/bytes.h"

/* Block sizes: a panel of A (mr x DEPTH) stays in the first cache, the block of B (DEPTH x COLS) in the second. */
enum { DEPTH = 320, COLS = 384, ROWS = 240, ALIGN = 64 };
/* Below this many multiplications a product is not worth a second thread. */
static const size_t THREAD_WORK = 1u << 17;

static float *aligned_floats(size_t n)
{
	float *p = aligned_alloc(ALIGN, (n * sizeof(float) + ALIGN - 1) / ALIGN * ALIGN);
	if (!p)
		abort();
	return p;
}

aic_code aic_cpu_open(aic_cpu **out, const char *simd, unsigned threads, aic_error *err)
{
	aic_cpu *cpu = aic_xcalloc(1, sizeof(*cpu));
	aic_code rc = aic_kernels_choose(&cpu->k, simd, err);

	*out = NULL;
	if (rc == AIC_OK)
		rc = aic_threads_new(&cpu->threads, threads, err);
	if (rc != AIC_OK) {
		free(cpu);
		return rc;
	}
	cpu->pack = aic_xcalloc(threads, sizeof(*cpu->pack));
	for (unsigned t = 0; t < threads; t++)
		cpu->pack[t] = aligned_floats((size_t)DEPTH * (COLS + cpu->k->nr + ROWS + cpu->k->mr) + ALIGN);
	*out = cpu;
	return AIC_OK;
}

void aic_cpu_close(aic_cpu *cpu)
{
	if (!cpu)
		return;
	for (unsigned t = 0; t < aic_threads_count(cpu->threads); t++)
		free(cpu->pack[t]);
	free(cpu->pack);
	aic_threads_free(cpu->threads);
	free(cpu);
}

static size_t at_most(size_t n, size_t limit)
{
	return n < limit ? n : limit;
}

static const float *at(aic_matrix x, size_t i, size_t j)
{
	return x.data + i * x.row + j * x.col;
}

/* Packs `lines` rows of x (depth long) into panels of `width` rows. */
static void pack_block(const aic_kernels *k, float *to, size_t width, const float *x, size_t lines, size_t depth, size_t row, size_t col)
{
	for (size_t i = 0; i < lines; i += width)
		k->pack(to + i * depth, width, x + i * row, at_most(lines - i, width), depth, row, col);
}

/* a: packed panels (row 1), or its rows as they lie. */
static void multiply_block(const aic_kernels *k, size_t rows, size_t cols, size_t depth, const float *a, size_t row, const float *b,
                           float *c, size_t ldc, bool continues)
{
	size_t panel = row == 1 ? depth : row;

	for (size_t i = 0; i < rows; i += k->mr)
		for (size_t j = 0; j < cols; j += k->nr)
			k->tile(at_most(rows - i, k->mr), at_most(cols - j, k->nr), depth, a + i * panel, row, b + j * depth, c + i * ldc + j,
			        ldc, continues);
}

static void multiply(const aic_kernels *k, float *room, size_t m, size_t n, size_t depth, aic_matrix a, aic_matrix b, float *c,
                     size_t ldc, bool continues)
{
	size_t rows_block = ROWS / k->mr * k->mr, cols_block = COLS / k->nr * k->nr;
	float *pack_a = room, *pack_b = room + (size_t)DEPTH * (ROWS + k->mr);
	if (n < k->nr && n <= k->mr && a.col == 1 && b.row == 1 && a.row > 1) {
		k->thin(m, n, depth, a.data, a.row, b.data, b.col, c, ldc, continues);
		return;
	}
	bool as_it_lies = n <= k->nr && a.col == 1 && a.row > 1; /* each row is used once: packing would not pay */

	for (size_t j = 0; j < n; j += cols_block) {
		size_t cols = at_most(n - j, cols_block);
		for (size_t p = 0; p < depth; p += DEPTH) {
			size_t len = at_most(depth - p, DEPTH);
			pack_block(k, pack_b, k->nr, at(b, p, j), cols, len, b.col, b.row);
			for (size_t i = 0; i < m; i += rows_block) {
				size_t rows = at_most(m - i, rows_block);
				if (!as_it_lies)
					pack_block(k, pack_a, k->mr, at(a, i, p), rows, len, a.row, a.col);
				multiply_block(k, rows, cols, len, as_it_lies ? at(a, i, p) : pack_a, as_it_lies ? a.row : 1, pack_b, c + i * ldc + j,
				               ldc, continues || p > 0);
			}
		}
	}
}

typedef struct {
	const aic_cpu *cpu;
	size_t m, n, k;
	aic_matrix a, b;
	float *c;
	size_t ldc;
	bool continues;
} product;

static void share_of_rows(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const product *p = ctx;
	aic_matrix a = {at(p->a, begin, 0), p->a.row, p->a.col};
	multiply(p->cpu->k, p->cpu->pack[thread], end - begin, p->n, p->k, a, p->b, p->c + begin * p->ldc, p->ldc, p->continues);
}

static void share_of_columns(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const product *p = ctx;
	aic_matrix b = {at(p->b, 0, begin), p->b.row, p->b.col};
	multiply(p->cpu->k, p->cpu->pack[thread], p->m, end - begin, p->k, p->a, b, p->c + begin, p->ldc, p->continues);
}

static void clear(size_t m, size_t n, float *c, size_t ldc)
{
	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < n; j++)
			c[i * ldc + j] = 0.0f;
}

void aic_gemm_alone(const aic_cpu *cpu, unsigned thread, size_t m, size_t n, size_t k, aic_matrix a, aic_matrix b, float *c, size_t ldc,
                    bool continues)
{
	if (k == 0 && !continues)
		clear(m, n, c, ldc);
	else if (m > 0 && n > 0 && k > 0)
		multiply(cpu->k, cpu->pack[thread], m, n, k, a, b, c, ldc, continues);
}

void aic_gemm(const aic_cpu *cpu, size_t m, size_t n, size_t k, aic_matrix a, aic_matrix b, float *c, size_t ldc, bool continues)
{
	product p = {cpu, m, n, k, a, b, c, ldc, continues};

	if (m == 0 || n == 0 || k == 0 || m * n * k < THREAD_WORK)
		aic_gemm_alone(cpu, 0, m, n, k, a, b, c, ldc, continues);
	else if (m >= n)
		aic_threads_run(cpu->threads, m, cpu->k->mr, share_of_rows, &p);
	else
		aic_threads_run(cpu->threads, n, cpu->k->nr, share_of_columns, &p);
}

void aic_gemm_reference(size_t m, size_t n, size_t k, aic_matrix a, aic_matrix b, float *c, size_t ldc, bool continues)
{
	for (size_t i = 0; i < m; i++) {
		for (size_t j = 0; j < n; j++) {
			float sum = continues ? c[i * ldc + j] : 0.0f;
			for (size_t p = 0; p < k; p++)
				sum = fmaf(*at(a, i, p), *at(b, p, j), sum);
			c[i * ldc + j] = sum;
		}
	}
}

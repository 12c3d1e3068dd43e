#include "mpi-runner/layers/layers.h"

#include <stdio.h>
#include <string.h>

static const aic_layer_kind *const kinds[] = {
	&aic_layer_linear, &aic_layer_conv2d, &aic_layer_maxpool, &aic_layer_relu, &aic_layer_gelu, &aic_layer_layernorm,
	&aic_layer_embedding, &aic_layer_attention, &aic_layer_dropout, &aic_layer_residual_open, &aic_layer_residual_close,
};

const aic_layer_kind *aic_layer_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

void aic_layer_names(char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && n < size; i++)
		if (!strchr(kinds[i]->name, '(') && !strchr(kinds[i]->name, ')'))
			n += (size_t)snprintf(buf + n, size - n, "%s, ", kinds[i]->name);
	if (n < size)
		snprintf(buf + n, size - n, "{residual: [...]}");
}

typedef struct {
	const aic_cpu *cpu;
	size_t rows, cols;
	const float *x;
	float *sum;
} sums;

static void sums_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const sums *s = ctx;
	(void)thread;
	s->cpu->k->column_sums(s->rows, end - begin, s->cols, s->x + begin, s->sum + begin);
}

void aic_column_sums(const aic_cpu *cpu, size_t rows, size_t cols, const float *x, float *sum)
{
	sums s = {cpu, rows, cols, x, sum};
	aic_threads_run(cpu->threads, cols, 128, sums_share, &s);
}

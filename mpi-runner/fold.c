#include "mpi-runner/fold.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

void aic_fold_init(aic_fold *f, const aic_cpu *cpu, aic_collective *c, uint32_t shards, size_t n)
{
	*f = (aic_fold){.k = cpu->k, .gpu = cpu->gpu, .shards = shards, .n = n};
	f->first = aic_shard_begin(shards, c->size, c->rank);
	f->end = aic_shard_begin(shards, c->size, c->rank + 1);
	bool sums = !f->gpu || (c->size > 1 && !f->gpu->joined); /* else GPUs do it among themselves */
	if (sums && aic_reduction_open(&f->sum, c, shards, n, &f->failed) == AIC_OK && !f->gpu)
		memcpy(f->vector, f->sum.partial, f->sum.partials * sizeof(f->vector[0]));
}

void aic_fold_free(aic_fold *f)
{
	for (size_t i = 0; i < sizeof(f->vector) / sizeof(f->vector[0]); i++) {
		if (f->gpu)
			f->gpu->kind->release(f->gpu, f->vector[i]);
		else if (i >= f->sum.partials || f->vector[i] != f->sum.partial[i])
			free(f->vector[i]);
	}
	if (f->sum.c)
		aic_reduction_close(&f->sum);
	*f = (aic_fold){0};
}

void aic_fold_begin(aic_fold *f)
{
	f->depth = 0;
}

static float *vector_at(aic_fold *f, size_t depth)
{
	if (!f->vector[depth] && f->gpu)
		f->vector[depth] = f->gpu->kind->room(f->gpu, f->n * sizeof(float));
	else if (!f->vector[depth])
		f->vector[depth] = aic_xmalloc(f->n * sizeof(float));
	return f->vector[depth];
}

float *aic_fold_open(aic_fold *f, uint32_t shard)
{
	float *v = vector_at(f, f->depth);

	if (f->gpu)
		f->gpu->kind->zero(f->gpu, v, f->n * sizeof(float));
	else
		memset(v, 0, f->n * sizeof(float));
	f->tree[f->depth++] = (aic_subtree){shard, 1};
	f->whole = f->n;
	return v;
}

/* The vector that was opened last, elements [from, whole), goes where the tree allows. */
static void add_piece(aic_fold *f, size_t from)
{
	aic_subtree top = f->tree[f->depth - 1];

	for (size_t d = f->depth; d > 1 && aic_tree_siblings(f->tree[d - 2], top); d--) {
		const float *x = f->vector[d - 1] + from;
		if (f->gpu)
			f->gpu->kind->add(f->gpu, f->whole - from, x, f->vector[d - 2] + from);
		else
			f->k->add(f->whole - from, x, f->vector[d - 2] + from);
		top = (aic_subtree){f->tree[d - 2].first, 2 * top.count};
	}
	f->whole = from;
}

void aic_fold_ready(aic_fold *f, size_t from)
{
	if (f->gpu || f->failed.code != AIC_OK || from >= f->whole)
		return;
	add_piece(f, from);
	(void)aic_reduction_ready(&f->sum, from, &f->failed);
}

void aic_fold_shut(aic_fold *f)
{
	add_piece(f, 0);
	for (; f->depth > 1 && aic_tree_siblings(f->tree[f->depth - 2], f->tree[f->depth - 1]); f->depth--)
		f->tree[f->depth - 2].count *= 2;
}

/* The other ranks may have a GPU or none. */
static aic_code sum_at_home(aic_fold *f, float *out, aic_error *err)
{
	for (size_t i = 0; f->gpu && i < f->sum.partials; i++)
		f->gpu->kind->download(f->gpu, f->sum.partial[i], f->vector[i], f->n * sizeof(float));
	aic_code rc = aic_reduction_finish(&f->sum, err);
	if (rc == AIC_OK && f->gpu)
		f->gpu->kind->upload(f->gpu, out, f->sum.sum, f->n * sizeof(float));
	return rc;
}

aic_code aic_fold_finish(aic_fold *f, aic_collective *c, float **sum, aic_error *err)
{
	aic_code rc = f->failed.code;

	*sum = f->gpu ? vector_at(f, 0) : f->sum.sum;
	if (rc != AIC_OK)
		*err = f->failed;
	else if (f->sum.c)
		rc = sum_at_home(f, *sum, err);
	else if (c->size > 1)
		rc = f->gpu->kind->tree_sum(f->gpu, c, f->shards, f->vector, f->n, *sum, err);
	return rc;
}

#include "mpi-runner/collective.h"

#include <string.h>
#include <stdlib.h>
#include <stdio.h>

#include "common/bytes.h"
#include "mpi-runner/tree.h"

static void self_abort(aic_collective *c, int status)
{
	(void)c;
	exit(status);
}

static void self_close(aic_collective *c)
{
	free(c);
}

static const aic_collective_kind self_kind = {.name = "self", .abort = self_abort, .close = self_close};

aic_code aic_collective_self(aic_collective **c, aic_error *err)
{
	(void)err;
	*c = aic_xcalloc(1, sizeof(**c));
	**c = (aic_collective){.kind = &self_kind, .rank = 0, .size = 1};
	return AIC_OK;
}

void aic_collective_close(aic_collective *c)
{
	if (c)
		c->kind->close(c);
}

void aic_collective_abort(aic_collective *c, int status)
{
	c->kind->abort(c, status);
}

static float *floats(size_t n)
{
	return aic_xmalloc((n ? n : 1) * sizeof(float));
}

aic_code aic_reduction_open(aic_reduction *r, aic_collective *c, uint32_t shards, size_t n, aic_error *err)
{
	aic_subtree tree[AIC_PARTIALS_MAX];

	*r = (aic_reduction){.c = c, .shards = shards, .n = n, .ready = n};
	r->partials = aic_tree_partials(shards, c->size, c->rank, tree);
	if (c->size > 1 && n > 0)
		return c->kind->reduction_open(r, err);
	for (size_t i = 0; i < r->partials; i++)
		r->partial[i] = floats(n);
	r->sum = r->partial[0];
	return AIC_OK;
}

void aic_reduction_close(aic_reduction *r)
{
	if (r->own)
		r->c->kind->reduction_close(r);
	else
		for (size_t i = 0; i < r->partials; i++)
			free(r->partial[i]);
	*r = (aic_reduction){0};
}

aic_code aic_reduction_ready(aic_reduction *r, size_t from, aic_error *err)
{
	if (from >= r->ready)
		return AIC_OK;
	r->ready = from;
	return r->own ? r->c->kind->reduction_ready(r, err) : AIC_OK;
}

aic_code aic_reduction_finish(aic_reduction *r, aic_error *err)
{
	aic_code rc = aic_reduction_ready(r, 0, err);

	if (rc == AIC_OK && r->own)
		rc = r->c->kind->reduction_finish(r, err);
	r->ready = r->n;
	return rc;
}

aic_code aic_collective_sum(aic_collective *c, uint64_t *v, size_t n, aic_error *err)
{
	return c->size > 1 ? c->kind->sum(c, v, n, err) : AIC_OK;
}

aic_code aic_collective_broadcast(aic_collective *c, void *data, size_t len, aic_error *err)
{
	return c->size > 1 && len > 0 ? c->kind->broadcast(c, data, len, 0, err) : AIC_OK;
}

aic_code aic_collective_agree(aic_collective *c, aic_code mine, aic_error *err)
{
	if (c->size == 1)
		return mine;
	uint64_t *failed = aic_xcalloc(c->size, sizeof(*failed));
	failed[c->rank] = mine != AIC_OK;
	aic_error local, theirs = {0};
	aic_code rc = aic_collective_sum(c, failed, c->size, &local);
	unsigned first = 0;
	while (rc == AIC_OK && first < c->size && !failed[first])
		first++;
	if (rc == AIC_OK && first < c->size) {
		if (first == c->rank) {
			theirs = *err;
			theirs.code = mine;
		}
		rc = c->kind->broadcast(c, &theirs, sizeof(theirs), first, &local);
		if (rc == AIC_OK)
			rc = aic_fail(err, theirs.code, "rank %u: %.700s", first, theirs.message);
		else
			*err = local;
	} else if (rc != AIC_OK) {
		*err = local;
	}
	free(failed);
	return rc;
}

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

static const aic_collective_kind self_kind = {"self", NULL, NULL, NULL, self_abort, self_close};

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

aic_code aic_collective_tree_sum(aic_collective *c, uint32_t shards, float *const *partial, size_t n, float *out, aic_error *err)
{
	if (n == 0)
		return AIC_OK;
	if (c->size > 1)
		return c->kind->tree_sum(c, shards, partial, n, out, err);
	if (out != partial[0])
		memcpy(out, partial[0], n * sizeof(float));
	return AIC_OK;
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

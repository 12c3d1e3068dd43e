/* nccl.c: sums between GPUs by grouped NCCL sends and receives, in tree.h's tree: NCCL moves, this module's kernels add, so that
 * the bits are those of any other way. */
#include "mpi-runner/kernels/cuda/gpu.h"

#include <sched.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/time.h"
#include "mpi-runner/tree.h"

#ifdef AIC_WITH_NCCL

enum { SLICE_GRAIN = 32, TIMEOUT_SECONDS = 300 };

struct aic_cuda_ranks {
	ncclComm_t comm;
	float *room; /* other ranks' partials of this rank's slice */
	size_t room_len;
	int64_t timeout_ms;
};

static aic_code fail_nccl(ncclResult_t r, const char *what, aic_error *err)
{
	return r == ncclSuccess ? AIC_OK : aic_fail(err, AIC_SYSTEM, "NCCL: %s failed: %s", what, ncclGetErrorString(r));
}

aic_code aic_cuda_join(aic_gpu *base, aic_collective *c, aic_error *err)
{
	cuda_gpu *g = (cuda_gpu *)base;
	const char *seconds = getenv("AIC_TIMEOUT");
	ncclUniqueId id = {0};
	aic_code rc = AIC_OK;

	if (c->rank == 0)
		rc = fail_nccl(ncclGetUniqueId(&id), "making an id", err);
	rc = aic_collective_agree(c, rc, err);
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(c, &id, sizeof(id), err);
	if (rc != AIC_OK)
		return rc;
	g->ranks = aic_xcalloc(1, sizeof(*g->ranks));
	g->ranks->timeout_ms = 1000 * (seconds && atoll(seconds) > 0 ? atoll(seconds) : TIMEOUT_SECONDS);
	return fail_nccl(ncclCommInitRank(&g->ranks->comm, (int)c->size, id, (int)c->rank), "joining the ranks", err);
}

void aic_cuda_leave(cuda_gpu *g)
{
	if (!g->ranks)
		return;
	if (g->ranks->comm)
		ncclCommDestroy(g->ranks->comm);
	cudaFree(g->ranks->room);
	free(g->ranks);
}

static size_t slice_begin(size_t n, unsigned ranks, unsigned rank)
{
	size_t grains = (n + SLICE_GRAIN - 1) / SLICE_GRAIN, at = (size_t)((unsigned long long)grains * rank / ranks) * SLICE_GRAIN;
	return rank == ranks || at > n ? n : at;
}

static size_t slice_len(size_t n, unsigned ranks, unsigned rank)
{
	return slice_begin(n, ranks, rank + 1) - slice_begin(n, ranks, rank);
}

static void keep_first(ncclResult_t *first, ncclResult_t r)
{
	*first = *first == ncclSuccess ? r : *first;
}

/* Partials of all ranks in shard order: my slice of each; others' arrive in the room. */
static size_t exchange_partials(cuda_gpu *g, const aic_collective *c, uint32_t shards, float *const *own, size_t n, aic_subtree *tree,
                                float **part, ncclResult_t *result)
{
	size_t at = slice_begin(n, c->size, c->rank), len = slice_len(n, c->size, c->rank), parts = 0, used = 0, mine = 0;

	keep_first(result, ncclGroupStart());
	for (unsigned r = 0; r < c->size; r++) {
		size_t count = aic_tree_partials(shards, c->size, r, tree + parts);
		for (size_t i = 0; i < count; i++) {
			part[parts] = r == c->rank ? own[i] + at : g->ranks->room + len * used++;
			if (r != c->rank && len > 0)
				keep_first(result, ncclRecv(part[parts], len, ncclFloat, (int)r, g->ranks->comm, g->stream));
			parts++;
		}
		mine = r == c->rank ? count : mine;
	}
	for (unsigned r = 0; r < c->size; r++)
		for (size_t i = 0; i < mine && r != c->rank && slice_len(n, c->size, r) > 0; i++)
			keep_first(result, ncclSend(own[i] + slice_begin(n, c->size, r), slice_len(n, c->size, r), ncclFloat, (int)r, g->ranks->comm,
			                            g->stream));
	keep_first(result, ncclGroupEnd());
	return parts;
}

/* As aic_tree_combine, whole vectors at a time; the sum ends in out. */
static void combine(cuda_gpu *g, const aic_subtree *tree, float *const *part, size_t parts, size_t len, float *out)
{
	aic_subtree stack[2 * AIC_PARTIALS_MAX];
	float *sum[2 * AIC_PARTIALS_MAX];
	size_t top = 0;

	for (size_t p = 0; p < parts; p++) {
		stack[top] = tree[p];
		sum[top++] = part[p];
		while (top > 1 && aic_tree_siblings(stack[top - 2], stack[top - 1])) {
			aic_cu_add(g->stream, len, sum[top - 1], sum[top - 2]);
			stack[top - 2].count *= 2;
			top--;
		}
	}
	if (sum[0] != out)
		aic_cuda_failed(g, cudaMemcpyAsync(out, sum[0], len * sizeof(float), cudaMemcpyDeviceToDevice, g->stream), "copying");
}

static void share_slices(cuda_gpu *g, const aic_collective *c, size_t n, float *out, ncclResult_t *result)
{
	size_t at = slice_begin(n, c->size, c->rank), len = slice_len(n, c->size, c->rank);

	keep_first(result, ncclGroupStart());
	for (unsigned r = 0; r < c->size; r++) {
		if (r == c->rank)
			continue;
		if (slice_len(n, c->size, r) > 0)
			keep_first(result, ncclRecv(out + slice_begin(n, c->size, r), slice_len(n, c->size, r), ncclFloat, (int)r, g->ranks->comm, g->stream));
		if (len > 0)
			keep_first(result, ncclSend(out + at, len, ncclFloat, (int)r, g->ranks->comm, g->stream));
	}
	keep_first(result, ncclGroupEnd());
}

/* Until the stream is done: a peer that died would let it hang. */
static aic_code wait_for_it(cuda_gpu *g, aic_error *err)
{
	int64_t deadline = aic_monotonic_ms() + g->ranks->timeout_ms;

	for (;;) {
		cudaError_t e = cudaStreamQuery(g->stream);
		ncclResult_t r = ncclSuccess;
		if (e == cudaSuccess)
			return AIC_OK;
		if (e != cudaErrorNotReady && aic_cuda_failed(g, e, "its work")) {
			*err = g->failure;
			return err->code;
		}
		if (ncclCommGetAsyncError(g->ranks->comm, &r) == ncclSuccess && r != ncclSuccess)
			return fail_nccl(r, "summing the gradient", err);
		if (aic_monotonic_ms() > deadline) {
			ncclCommAbort(g->ranks->comm);
			g->ranks->comm = NULL;
			return aic_fail(err, AIC_UNREACHABLE, "NCCL: summing the gradient has taken %lld s: look at the ranks' logs and at the network "
			                "between them (NCCL_DEBUG=INFO), or raise AIC_TIMEOUT", (long long)g->ranks->timeout_ms / 1000);
		}
		sched_yield();
	}
}

aic_code aic_cuda_tree_sum(aic_gpu *base, aic_collective *c, uint32_t shards, float *const *partial, size_t n, float *out, aic_error *err)
{
	cuda_gpu *g = (cuda_gpu *)base;
	size_t len = slice_len(n, c->size, c->rank), total = 0;
	ncclResult_t result = ncclSuccess;
	uint64_t here = 0;

	/* meets the other ranks while the GPU still works: who is late is told by name */
	aic_code rc = aic_collective_sum(c, &here, 1, err);
	if (rc != AIC_OK || n == 0)
		return rc;
	aic_subtree own[AIC_PARTIALS_MAX];
	for (unsigned r = 0; r < c->size; r++)
		total += aic_tree_partials(shards, c->size, r, own);
	if (g->ranks->room_len < total * len) {
		base->kind->release(base, g->ranks->room);
		g->ranks->room_len = total * len;
		g->ranks->room = base->kind->room(base, total * len * sizeof(float));
	}
	aic_subtree *tree = aic_xcalloc(total + AIC_PARTIALS_MAX, sizeof(*tree));
	float **part = aic_xcalloc(total, sizeof(*part));
	if (!g->failed) {
		size_t parts = exchange_partials(g, c, shards, partial, n, tree, part, &result);
		if (result == ncclSuccess && len > 0)
			combine(g, tree, part, parts, len, out + slice_begin(n, c->size, c->rank));
		if (result == ncclSuccess)
			share_slices(g, c, n, out, &result);
	}
	free(tree);
	free(part);
	rc = fail_nccl(result, "summing the gradient", err);
	if (rc == AIC_OK && g->failed) {
		*err = g->failure;
		rc = err->code;
	}
	return rc == AIC_OK ? wait_for_it(g, err) : rc;
}

#endif

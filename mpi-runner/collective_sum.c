/* collective_sum.c: the sum over shards between ranks, in buckets from the end of the vector.
 *
 * Each rank owns a slice of each bucket. A node has one copy of the sum, and in memory that its ranks share their partials. For
 * each slice one rank of a node is its worker: the owner on the owner's node, else one of the node's ranks in turn.
 *
 *   1. when all ranks of the node have their partials of a bucket ready, the worker sums, within the tree, what its node has of the slice;
 *   2. workers on other nodes send that to the owner, which completes the tree into its node's sum;
 *   3. the owner sends the slice to the workers of the other nodes, which receive it into their nodes' sums.
 *
 * On a single node 1 is all, and no message is sent. Where memory cannot be shared each rank is a node of its own. */
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/collective_mpi.h"
#include "mpi-runner/node_memory.h"

enum { BUCKET = 1 << 18, GRAIN = 16, PAGE_FLOATS = 1024, WINDOW = 4, TAG_WHOLE = 99, TAG_PARTIAL = 100, NAP_MS = 100 };
static const char what[] = "summing the gradient";

/* Of a rank, for the others of its node: buckets that are ready, and rounds that it has finished, since the start. */
typedef struct {
	_Alignas(64) _Atomic uint64_t ready, done;
} slot;

typedef struct {
	aic_bell bell;
	slot slot[];
} control;

typedef struct {
	unsigned node;
	aic_subtree tree;
	float *part; /* of my own node: whole vectors */
} piece;

typedef struct {
	aic_mpi *mpi;
	unsigned ranks, rank, nodes, node, locals, local;
	unsigned *node_of;       /* of each rank */
	unsigned *member, *first; /* node m's ranks are member[first[m] .. first[m + 1]) */
	aic_node_memory memory;
	void *alone;             /* in its stead, where I am a node of my own */
	control *control;
	piece *own, *all;        /* what my node has, a rank's partial each; what all nodes bring after 1; in shard order */
	size_t owns, pieces;
	aic_subtree *tree;       /* work space */
	float **part, *room;     /* received pieces: WINDOW x others x longest slice */
	size_t others, longest;
	size_t buckets, started, combined, closed;
	uint64_t round;
	aic_mpi_batch batch[WINDOW];
} sums;

static size_t rounded(size_t n)
{
	return (n + PAGE_FLOATS - 1) / PAGE_FLOATS * PAGE_FLOATS;
}

/* --- who is where --- */

static aic_code settle(aic_mpi *m, int code, aic_error *err)
{
	return code == MPI_SUCCESS ? aic_mpi_batch_finish(m, &m->batch, "preparing the sums", err) : aic_mpi_fail(code, "preparing the sums", err);
}

/* One value of each rank of comm. */
static aic_code gather(aic_mpi *m, MPI_Comm comm, unsigned mine, unsigned *all, aic_error *err)
{
	int code = MPI_Iallgather(&mine, 1, MPI_UNSIGNED, all, 1, MPI_UNSIGNED, comm, aic_mpi_batch_next(&m->batch, 0));
	return settle(m, code, err);
}

/* The ranks of my node share `len` bytes. *shared: all of them do. */
static aic_code share_memory(sums *s, unsigned local, unsigned locals, size_t len, bool *shared, aic_error *err)
{
	aic_mpi *m = s->mpi;
	aic_node_memory_place place = {0};
	aic_error why;
	unsigned *joined = aic_xcalloc(locals, sizeof(*joined));
	bool here = local == 0 && aic_node_memory_make(&s->memory, len, &place, &why) == AIC_OK;

	aic_code rc = settle(m, MPI_Ibcast(&place, (int)sizeof(place), MPI_BYTE, 0, m->node, aic_mpi_batch_next(&m->batch, 0)), err);
	if (rc == AIC_OK && local > 0 && place.len > 0)
		here = aic_node_memory_join(&s->memory, &place, &why) == AIC_OK;
	if (rc == AIC_OK)
		rc = gather(m, m->node, here, joined, err);
	*shared = rc == AIC_OK;
	for (unsigned i = 0; i < locals; i++)
		*shared = *shared && joined[i];
	if (!*shared && here)
		aic_node_memory_free(&s->memory);
	aic_node_memory_seal(&s->memory);
	free(joined);
	return rc;
}

static size_t partials_of(const aic_reduction *r, unsigned rank)
{
	aic_subtree tree[AIC_PARTIALS_MAX];
	return aic_tree_partials(r->shards, r->c->size, rank, tree);
}

/* control, sum, then each local rank's partials; in floats */
static size_t control_floats(unsigned locals)
{
	return rounded((sizeof(control) + locals * sizeof(slot)) / sizeof(float) + 1);
}

static aic_code meet(sums *s, const aic_reduction *r, aic_error *err)
{
	aic_mpi *m = s->mpi;
	int local = 0, locals = 1;
	bool shared = false;

	MPI_Comm_rank(m->node, &local);
	MPI_Comm_size(m->node, &locals);
	unsigned *neighbour = aic_xcalloc((size_t)locals, sizeof(*neighbour)), *leader = aic_xcalloc(s->ranks, sizeof(*leader));
	aic_code rc = gather(m, m->node, s->rank, neighbour, err);
	size_t floats = control_floats((unsigned)locals) + rounded(r->n);
	for (int i = 0; i < locals; i++)
		floats += partials_of(r, neighbour[i]) * rounded(r->n);
	if (rc == AIC_OK && locals > 1)
		rc = share_memory(s, (unsigned)local, (unsigned)locals, floats * sizeof(float), &shared, err);
	if (rc == AIC_OK)
		rc = gather(m, m->comm, shared ? neighbour[0] : s->rank, leader, err);
	for (unsigned q = 0; rc == AIC_OK && q < s->ranks; q++) { /* nodes are counted in the order of their leaders */
		if (leader[q] == q) {
			for (unsigned p = q, at = s->first[s->nodes]; p < s->ranks; p++) {
				if (leader[p] == q) {
					s->node_of[p] = s->nodes;
					s->member[at++] = p;
				}
				s->first[s->nodes + 1] = at;
			}
			s->nodes++;
		}
	}
	s->node = s->node_of[s->rank];
	s->locals = s->first[s->node + 1] - s->first[s->node];
	while (rc == AIC_OK && s->member[s->first[s->node] + s->local] != s->rank)
		s->local++;
	free(neighbour);
	free(leader);
	return rc;
}

/* Who on a node works for rank q's slices. */
static unsigned worker(const sums *s, unsigned node, unsigned q)
{
	unsigned count = s->first[node + 1] - s->first[node];
	return s->node_of[q] == node ? q : s->member[s->first[node] + q % count];
}

/* --- memory --- */

static void lay_out(sums *s, aic_reduction *r)
{
	size_t n = rounded(r->n), floats = control_floats(s->locals) + n + (s->memory.at ? 0 : r->partials * n);

	if (!s->memory.at) {
		s->alone = aligned_alloc(64, floats * sizeof(float));
		if (!s->alone)
			abort();
		memset(s->alone, 0, control_floats(s->locals) * sizeof(float));
	}
	float *at = s->memory.at ? s->memory.at : s->alone;
	s->control = (control *)(void *)at;
	r->sum = at + control_floats(s->locals);
	at = r->sum + n;
	s->own = aic_xcalloc((size_t)s->locals * AIC_PARTIALS_MAX, sizeof(*s->own));
	for (unsigned i = 0; i < s->locals; i++) {
		aic_subtree tree[AIC_PARTIALS_MAX];
		unsigned rank = s->member[s->first[s->node] + i];
		size_t count = aic_tree_partials(r->shards, s->ranks, rank, tree);
		for (size_t p = 0; p < count; p++, at += n) {
			s->own[s->owns++] = (piece){s->node, tree[p], at};
			if (rank == s->rank)
				r->partial[p] = at;
		}
	}
}

static int in_shard_order(const void *a, const void *b)
{
	const piece *x = a, *y = b;
	return (x->tree.first > y->tree.first) - (x->tree.first < y->tree.first);
}

/* Members are in rank order, and so are their shards: what a node has is in order. */
static void list_pieces(sums *s, const aic_reduction *r)
{
	s->tree = aic_xcalloc((size_t)s->ranks * AIC_PARTIALS_MAX, sizeof(*s->tree));
	s->part = aic_xcalloc((size_t)s->ranks * AIC_PARTIALS_MAX, sizeof(*s->part));
	s->all = aic_xcalloc((size_t)s->ranks * AIC_PARTIALS_MAX, sizeof(*s->all));
	for (unsigned node = 0; node < s->nodes; node++) {
		size_t parts = 0;
		for (unsigned i = s->first[node]; i < s->first[node + 1]; i++)
			parts += aic_tree_partials(r->shards, s->ranks, s->member[i], s->tree + parts);
		parts = aic_tree_reduce(s->tree, NULL, parts, 0);
		for (size_t p = 0; p < parts; p++)
			s->all[s->pieces++] = (piece){node, s->tree[p], NULL};
		s->others += node == s->node ? 0 : parts;
	}
	qsort(s->all, s->pieces, sizeof(*s->all), in_shard_order);
	size_t most = (r->n < BUCKET ? r->n : BUCKET) / GRAIN + 1;
	s->longest = (most / s->ranks + 1) * GRAIN;
	s->room = aic_xmalloc((WINDOW * s->others * s->longest + 1) * sizeof(float));
}

aic_code aic_mpi_reduction_open(aic_reduction *r, aic_error *err)
{
	sums *s = aic_xcalloc(1, sizeof(*s));

	r->own = s;
	s->mpi = r->c->own;
	s->ranks = r->c->size;
	s->rank = r->c->rank;
	s->memory.fd = -1;
	s->node_of = aic_xcalloc(s->ranks, sizeof(*s->node_of));
	s->member = aic_xcalloc(s->ranks, sizeof(*s->member));
	s->first = aic_xcalloc(s->ranks + 1, sizeof(*s->first));
	s->buckets = (r->n + BUCKET - 1) / BUCKET;
	uint64_t none = 0;
	aic_code rc = aic_collective_sum(r->c, &none, 1, err); /* names who does not come; after it nobody is late */
	if (rc == AIC_OK)
		rc = meet(s, r, err);
	if (rc != AIC_OK)
		return rc;
	lay_out(s, r);
	list_pieces(s, r);
	return AIC_OK;
}

void aic_mpi_reduction_close(aic_reduction *r)
{
	sums *s = r->own;

	for (size_t i = 0; i < WINDOW; i++) {
		free(s->batch[i].request);
		free(s->batch[i].peer);
	}
	aic_node_memory_free(&s->memory);
	free(s->alone);
	free(s->node_of);
	free(s->member);
	free(s->first);
	free(s->own);
	free(s->all);
	free(s->tree);
	free(s->part);
	free(s->room);
	free(s);
}

/* --- a bucket --- */

typedef struct {
	size_t at, len;
} range;

/* Rank q's slice of a bucket; buckets are counted from the end. */
static range slice(const aic_reduction *r, size_t bucket, unsigned q)
{
	size_t high = r->n - bucket * BUCKET, low = high > BUCKET ? high - BUCKET : 0, ranks = r->c->size;
	size_t grains = (high - low + GRAIN - 1) / GRAIN, from = low + grains * q / ranks * GRAIN, to = low + grains * (q + 1) / ranks * GRAIN;

	from = from < high ? from : high;
	to = to < high ? to : high;
	return (range){from, to - from};
}

static void own_parts(const sums *s, size_t at)
{
	for (size_t i = 0; i < s->owns; i++) {
		s->tree[i] = s->own[i].tree;
		s->part[i] = s->own[i].part + at;
	}
}

/* The nth piece of others in the bucket's room. */
static float *room_of(const sums *s, size_t bucket, size_t nth)
{
	return s->room + (bucket % WINDOW * s->others + nth) * s->longest;
}

/* My own slice, on several nodes: what the others will send. */
static aic_code expect(sums *s, size_t bucket, size_t len, aic_error *err)
{
	unsigned *seen = aic_xcalloc(s->nodes, sizeof(*seen));
	aic_code rc = AIC_OK;

	for (size_t i = 0, nth = 0; rc == AIC_OK && i < s->pieces; i++) {
		unsigned node = s->all[i].node;
		if (node != s->node)
			rc = aic_mpi_receive(s->mpi, &s->batch[bucket % WINDOW], worker(s, node, s->rank), TAG_PARTIAL + (int)seen[node]++,
			                     room_of(s, bucket, nth++), len, err);
	}
	free(seen);
	return rc;
}

static aic_code start(sums *s, aic_reduction *r, size_t bucket, aic_error *err)
{
	aic_mpi_batch *batch = &s->batch[bucket % WINDOW];
	aic_code rc = AIC_OK;

	for (unsigned step = 0; rc == AIC_OK && step < s->ranks; step++) {
		unsigned q = (s->rank + step) % s->ranks;
		range of_q = slice(r, bucket, q);
		if (of_q.len == 0 || worker(s, s->node, q) != s->rank)
			continue;
		own_parts(s, of_q.at);
		if (s->nodes == 1) {
			aic_tree_combine(s->tree, s->part, s->owns, of_q.len, r->sum + of_q.at);
			continue;
		}
		size_t parts = aic_tree_reduce(s->tree, s->part, s->owns, of_q.len);
		if (q == s->rank)
			rc = expect(s, bucket, of_q.len, err);
		else
			for (size_t i = 0; rc == AIC_OK && i < parts; i++)
				rc = aic_mpi_send(s->mpi, batch, q, TAG_PARTIAL + (int)i, s->part[i], of_q.len, err);
	}
	return rc;
}

/* The owner completes the tree: what is reduced of my node lies where its first partial was. */
static void complete(sums *s, aic_reduction *r, size_t bucket, range mine)
{
	size_t nth = 0;

	for (size_t i = 0; i < s->pieces; i++) {
		const piece *p = &s->all[i];
		s->tree[i] = p->tree;
		if (p->node != s->node) {
			s->part[i] = room_of(s, bucket, nth++);
			continue;
		}
		for (size_t o = 0; o < s->owns; o++)
			if (s->own[o].tree.first == p->tree.first)
				s->part[i] = s->own[o].part + mine.at;
	}
	aic_tree_combine(s->tree, s->part, s->pieces, mine.len, r->sum + mine.at);
}

static aic_code combine(sums *s, aic_reduction *r, size_t bucket, aic_error *err)
{
	aic_mpi_batch *batch = &s->batch[bucket % WINDOW];
	range mine = slice(r, bucket, s->rank);
	aic_code rc = AIC_OK;

	if (s->nodes == 1)
		return AIC_OK;
	if (mine.len > 0)
		complete(s, r, bucket, mine);
	for (unsigned node = 0; rc == AIC_OK && node < s->nodes; node++)
		if (node != s->node)
			rc = aic_mpi_send(s->mpi, batch, worker(s, node, s->rank), TAG_WHOLE, r->sum + mine.at, mine.len, err);
	for (unsigned q = 0; rc == AIC_OK && q < s->ranks; q++) {
		range of_q = slice(r, bucket, q);
		if (s->node_of[q] != s->node && worker(s, s->node, q) == s->rank)
			rc = aic_mpi_receive(s->mpi, batch, q, TAG_WHOLE, r->sum + of_q.at, of_q.len, err);
	}
	return rc;
}

/* --- a round --- */

static bool all_ready(const sums *s, size_t bucket, unsigned *late)
{
	for (*late = 0; *late < s->locals; ++*late)
		if (atomic_load_explicit(&s->control->slot[*late].ready, memory_order_acquire) <= s->round * s->buckets + bucket)
			return false;
	return true;
}

static bool all_done(const sums *s, unsigned *late)
{
	for (*late = 0; *late < s->locals; ++*late)
		if (atomic_load_explicit(&s->control->slot[*late].done, memory_order_acquire) <= s->round)
			return false;
	return true;
}

/* Does what can be done without waiting; *moved: something was. */
static aic_code advance(sums *s, aic_reduction *r, bool *moved, aic_error *err)
{
	unsigned late;
	bool gone = true;
	aic_code rc = AIC_OK;

	*moved = false;
	for (; rc == AIC_OK && s->started < s->buckets && s->started < s->closed + WINDOW && all_ready(s, s->started, &late); *moved = true)
		rc = start(s, r, s->started++, err);
	for (; rc == AIC_OK && s->combined < s->started; *moved = true) {
		rc = aic_mpi_batch_test(&s->batch[s->combined % WINDOW], &gone, what, err);
		if (rc != AIC_OK || !gone)
			break;
		rc = combine(s, r, s->combined++, err);
	}
	for (; rc == AIC_OK && s->closed < s->combined; *moved = true) {
		rc = aic_mpi_batch_test(&s->batch[s->closed % WINDOW], &gone, what, err);
		if (rc != AIC_OK || !gone)
			break;
		s->closed++;
	}
	return rc;
}

aic_code aic_mpi_reduction_ready(aic_reduction *r, aic_error *err)
{
	sums *s = r->own;
	size_t complete = r->ready == 0 ? s->buckets : (r->n - r->ready) / BUCKET;
	uint64_t mark = s->round * s->buckets + complete;
	_Atomic uint64_t *mine = &s->control->slot[s->local].ready;
	bool moved;

	if (atomic_load_explicit(mine, memory_order_relaxed) < mark) {
		atomic_store_explicit(mine, mark, memory_order_release);
		aic_bell_ring(&s->control->bell);
	}
	return advance(s, r, &moved, err);
}

/* Sleeps until a rank of my node rings, or, with messages under way, only lets others run. */
static void nap(sums *s, uint32_t seen)
{
	if (s->closed < s->started || s->locals == 1)
		sched_yield();
	else
		aic_bell_wait(&s->control->bell, seen, NAP_MS);
}

/* Somebody for whom I wait. */
static unsigned suspect(const sums *s)
{
	unsigned late = 0;

	if (s->closed < s->started)
		return aic_mpi_batch_peer(&s->batch[(s->combined < s->started ? s->combined : s->closed) % WINDOW]);
	if (s->started < s->buckets)
		all_ready(s, s->started, &late);
	else
		all_done(s, &late);
	return s->member[s->first[s->node] + (late < s->locals ? late : 0)];
}

aic_code aic_mpi_reduction_finish(aic_reduction *r, aic_error *err)
{
	sums *s = r->own;
	int64_t since = 0;
	bool told = false;
	unsigned late;

	for (;;) {
		uint32_t seen = atomic_load(&s->control->bell.rung);
		bool moved;
		aic_code rc = advance(s, r, &moved, err);
		if (rc != AIC_OK)
			return rc;
		if (s->closed == s->buckets && !told) {
			atomic_store_explicit(&s->control->slot[s->local].done, s->round + 1, memory_order_release);
			aic_bell_ring(&s->control->bell);
			told = true;
		}
		if (told && all_done(s, &late))
			break;
		if (moved) {
			since = 0;
			continue;
		}
		rc = aic_mpi_wait(s->mpi, what, &since, suspect(s), err);
		if (rc != AIC_OK)
			return rc;
		nap(s, seen);
	}
	s->round++;
	s->started = s->combined = s->closed = 0;
	return AIC_OK;
}

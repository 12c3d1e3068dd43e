/* collective_mpi.c: collectives over MPI. Sums travel as messages between pairs, not through MPI_Allreduce, whose order of
 * additions depends on the library, the sizes and the number of ranks. */
#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/time.h"
#include "mpi-runner/collective.h"
#include "mpi-runner/tree.h"

#if defined(__has_feature)
#define HAS_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#else
#define HAS_ASAN 0
#endif
#if HAS_ASAN
#include <sanitizer/lsan_interface.h>
#endif

enum { TIMEOUT_SECONDS = 300, SLICE_GRAIN = 16, TAG_PARTIAL = 100, TAG_WHOLE = 99 };

typedef struct {
	MPI_Comm comm;
	int64_t timeout_ms;
	MPI_Request *request; /* of the exchange under way */
	unsigned *peer;       /* whose rank each request waits for */
	size_t requests, request_room;
	float *room;          /* received partials of this rank's slice */
	size_t room_len;
} mpi;

static aic_code fail_mpi(int code, const char *what, aic_error *err)
{
	char text[MPI_MAX_ERROR_STRING];
	int len = 0;

	MPI_Error_string(code, text, &len);
	return aic_fail(err, AIC_SYSTEM, "MPI: %s failed: %.*s", what, len, text);
}

static MPI_Request *next_request(mpi *m, unsigned peer)
{
	if (m->requests == m->request_room) {
		m->request_room = m->request_room ? 2 * m->request_room : 64;
		m->request = aic_xrealloc(m->request, m->request_room * sizeof(MPI_Request));
		m->peer = aic_xrealloc(m->peer, m->request_room * sizeof(*m->peer));
	}
	m->peer[m->requests] = peer;
	m->request[m->requests] = MPI_REQUEST_NULL;
	return &m->request[m->requests++];
}

static aic_code send_floats(mpi *m, unsigned peer, int tag, const float *data, size_t n, aic_error *err)
{
	int rc = n ? MPI_Isend(data, (int)n, MPI_FLOAT, (int)peer, tag, m->comm, next_request(m, peer)) : MPI_SUCCESS;
	return rc == MPI_SUCCESS ? AIC_OK : fail_mpi(rc, "sending", err);
}

static aic_code receive_floats(mpi *m, unsigned peer, int tag, float *data, size_t n, aic_error *err)
{
	int rc = n ? MPI_Irecv(data, (int)n, MPI_FLOAT, (int)peer, tag, m->comm, next_request(m, peer)) : MPI_SUCCESS;
	return rc == MPI_SUCCESS ? AIC_OK : fail_mpi(rc, "receiving", err);
}

static aic_code fail_late(const mpi *m, const char *what, aic_error *err)
{
	for (size_t i = 0; i < m->requests; i++)
		if (m->request[i] != MPI_REQUEST_NULL)
			return aic_fail(err, AIC_UNREACHABLE, "%s: rank %u has not answered for %lld s: look at its log and node, or raise AIC_TIMEOUT",
			                what, m->peer[i], (long long)m->timeout_ms / 1000);
	return AIC_OK;
}

/* Waits for all requests, giving the processor away meanwhile: several ranks may share a core. */
static aic_code finish(mpi *m, const char *what, aic_error *err)
{
	int64_t deadline = 0;
	aic_code rc = AIC_OK;

	for (unsigned turn = 0;; turn++) {
		int done = 0, code = MPI_Testall((int)m->requests, m->request, &done, MPI_STATUSES_IGNORE);
		if (code != MPI_SUCCESS) {
			rc = fail_mpi(code, what, err);
			break;
		}
		if (done)
			break;
		if (turn % 64 == 63) {
			int64_t now = aic_monotonic_ms();
			deadline = deadline ? deadline : now + m->timeout_ms;
			if (now > deadline) {
				rc = fail_late(m, what, err);
				break;
			}
		}
		sched_yield();
	}
	m->requests = 0;
	return rc;
}

/* --- the tree sum: partial slices to their owners, the tree there, whole slices back --- */

static size_t slice_begin(size_t n, unsigned ranks, unsigned rank)
{
	size_t grains = (n + SLICE_GRAIN - 1) / SLICE_GRAIN;
	size_t at = (size_t)((unsigned long long)grains * rank / ranks) * SLICE_GRAIN;
	return rank == ranks || at > n ? n : at;
}

static size_t slice_len(size_t n, unsigned ranks, unsigned rank)
{
	return slice_begin(n, ranks, rank + 1) - slice_begin(n, ranks, rank);
}

/* Posts the receives of my slice of every other rank's partials; part[] and tree[] list all partials in shard order. */
static aic_code receive_partials(aic_collective *c, uint32_t shards, float *const *own, size_t n, aic_subtree *tree, float **part,
                                 size_t *parts, aic_error *err)
{
	mpi *m = c->own;
	size_t len = slice_len(n, c->size, c->rank), at = slice_begin(n, c->size, c->rank), used = 0;
	aic_code rc = AIC_OK;

	*parts = 0;
	for (unsigned r = 0; rc == AIC_OK && r < c->size; r++) {
		size_t count = aic_tree_partials(shards, c->size, r, tree + *parts);
		for (size_t i = 0; rc == AIC_OK && i < count; i++) {
			float *to = r == c->rank ? own[i] + at : m->room + len * used++;
			part[(*parts)++] = to;
			if (r != c->rank)
				rc = receive_floats(m, r, TAG_PARTIAL + (int)i, to, len, err);
		}
	}
	return rc;
}

static aic_code send_partials(aic_collective *c, float *const *own, size_t count, size_t n, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (unsigned step = 1; rc == AIC_OK && step < c->size; step++) {
		unsigned peer = (c->rank + step) % c->size;
		for (size_t i = 0; rc == AIC_OK && i < count; i++)
			rc = send_floats(c->own, peer, TAG_PARTIAL + (int)i, own[i] + slice_begin(n, c->size, peer), slice_len(n, c->size, peer), err);
	}
	return rc;
}

static aic_code share_slices(aic_collective *c, size_t n, float *out, aic_error *err)
{
	size_t at = slice_begin(n, c->size, c->rank), len = slice_len(n, c->size, c->rank);
	aic_code rc = AIC_OK;

	for (unsigned step = 1; rc == AIC_OK && step < c->size; step++) {
		unsigned from = (c->rank + c->size - step) % c->size;
		rc = receive_floats(c->own, from, TAG_WHOLE, out + slice_begin(n, c->size, from), slice_len(n, c->size, from), err);
	}
	for (unsigned step = 1; rc == AIC_OK && step < c->size; step++)
		rc = send_floats(c->own, (c->rank + step) % c->size, TAG_WHOLE, out + at, len, err);
	return rc == AIC_OK ? finish(c->own, "collecting the summed gradient", err) : rc;
}

static size_t all_partials(const aic_collective *c, uint32_t shards)
{
	aic_subtree tree[AIC_PARTIALS_MAX];
	size_t n = 0;
	for (unsigned r = 0; r < c->size; r++)
		n += aic_tree_partials(shards, c->size, r, tree);
	return n;
}

static aic_code mpi_tree_sum(aic_collective *c, uint32_t shards, float *const *partial, size_t n, float *out, aic_error *err)
{
	mpi *m = c->own;
	aic_subtree mine[AIC_PARTIALS_MAX];
	size_t count = aic_tree_partials(shards, c->size, c->rank, mine), total = all_partials(c, shards), parts = 0;
	size_t at = slice_begin(n, c->size, c->rank), len = slice_len(n, c->size, c->rank);

	if (n > INT_MAX)
		return aic_fail(err, AIC_USAGE, "a vector of %zu values is summed in one piece: at most %d are possible", n, INT_MAX);
	if (m->room_len < total * len) {
		m->room_len = total * len;
		free(m->room);
		m->room = aic_xmalloc(m->room_len * sizeof(float));
	}
	aic_subtree *tree = aic_xcalloc(total + AIC_PARTIALS_MAX, sizeof(*tree));
	float **part = aic_xcalloc(total, sizeof(*part));
	aic_code rc = receive_partials(c, shards, partial, n, tree, part, &parts, err);
	if (rc == AIC_OK)
		rc = send_partials(c, partial, count, n, err);
	if (rc == AIC_OK)
		rc = finish(m, "summing the gradient", err);
	if (rc == AIC_OK) {
		if (len > 0)
			aic_tree_combine(tree, part, parts, len, out + at);
		rc = share_slices(c, n, out, err);
	}
	free(tree);
	free(part);
	return rc;
}

static aic_code mpi_sum(aic_collective *c, uint64_t *v, size_t n, aic_error *err)
{
	mpi *m = c->own;
	int rc = MPI_Iallreduce(MPI_IN_PLACE, v, (int)n, MPI_UINT64_T, MPI_SUM, m->comm, next_request(m, c->rank));
	return rc == MPI_SUCCESS ? finish(m, "adding counters", err) : fail_mpi(rc, "adding counters", err);
}

static aic_code mpi_broadcast(aic_collective *c, void *data, size_t len, unsigned root, aic_error *err)
{
	mpi *m = c->own;
	aic_code rc = AIC_OK;

	for (size_t at = 0; rc == AIC_OK && at < len; at += (size_t)1 << 28) {
		size_t piece = len - at < (size_t)1 << 28 ? len - at : (size_t)1 << 28;
		int code = MPI_Ibcast((char *)data + at, (int)piece, MPI_BYTE, (int)root, m->comm, next_request(m, root));
		rc = code == MPI_SUCCESS ? finish(m, "broadcasting", err) : fail_mpi(code, "broadcasting", err);
	}
	return rc;
}

static void mpi_abort(aic_collective *c, int status)
{
	mpi *m = c->own;
	MPI_Abort(m->comm, status);
}

/* OpenMPI leaks while it starts, in components that it unloads again: nothing that a suppression could name. */
static int start(int *argc, char ***argv)
{
	int provided = 0;
#if HAS_ASAN
	__lsan_disable();
#endif
	int code = MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
#if HAS_ASAN
	__lsan_enable();
#endif
	return code;
}

/* Leaks are looked for while the components are still loaded, so that tests/mpi/lsan.supp can name them. */
static void finalize(void)
{
#if HAS_ASAN
	__lsan_do_leak_check();
#endif
	MPI_Finalize();
}

static void mpi_close(aic_collective *c)
{
	mpi *m = c->own;

	finalize();
	free(m->request);
	free(m->peer);
	free(m->room);
	free(m);
	free(c);
}

static const aic_collective_kind mpi_kind = {"mpi", mpi_tree_sum, mpi_sum, mpi_broadcast, mpi_abort, mpi_close};

static long number_in(const char *name)
{
	const char *text = getenv(name);
	return text && *text ? strtol(text, NULL, 10) : 0;
}

/* Under mpirun its own word counts; else the step's, as srun sets it. 0: nobody says. */
static long expected_size(void)
{
	if (number_in("OMPI_COMM_WORLD_SIZE") > 0)
		return number_in("OMPI_COMM_WORLD_SIZE");
	if (!getenv("SLURM_PROCID"))
		return 0;
	return number_in("SLURM_STEP_NUM_TASKS") > 0 ? number_in("SLURM_STEP_NUM_TASKS") : number_in("SLURM_NTASKS");
}

aic_code aic_collective_mpi(aic_collective **out, int *argc, char ***argv, aic_error *err)
{
	int size = 0, rank = 0;

	*out = NULL;
	int code = start(argc, argv);
	if (code != MPI_SUCCESS)
		return fail_mpi(code, "starting", err);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	long expected = expected_size();
	if (expected > 0 && expected != size) {
		finalize();
		return aic_fail(err, AIC_USAGE, "MPI counts %d rank(s), the Slurm step has %ld tasks: start with srun --mpi=pmix, under which the "
		                "tasks find each other", size, expected);
	}
	mpi *m = aic_xcalloc(1, sizeof(*m));
	m->comm = MPI_COMM_WORLD;
	m->timeout_ms = 1000 * (number_in("AIC_TIMEOUT") > 0 ? number_in("AIC_TIMEOUT") : TIMEOUT_SECONDS);
	*out = aic_xcalloc(1, sizeof(**out));
	**out = (aic_collective){.kind = &mpi_kind, .rank = (unsigned)rank, .size = (unsigned)size, .own = m};
	return AIC_OK;
}

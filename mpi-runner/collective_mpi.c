/* collective_mpi.c: collectives over MPI. Sums travel as messages between pairs, not through MPI_Allreduce, whose order of
 * additions depends on the library, the sizes and the number of ranks. */
#include "mpi-runner/collective_mpi.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/time.h"

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

enum { TIMEOUT_SECONDS = 300, TAG_WAITING = 97, TAG_COUNTERS = 98, WORDS_IN_TIMEOUT = 20, SILENCE = 4 };

aic_code aic_mpi_fail(int code, const char *what, aic_error *err)
{
	char text[MPI_MAX_ERROR_STRING];
	int len = 0;

	MPI_Error_string(code, text, &len);
	return aic_fail(err, AIC_SYSTEM, "MPI: %s failed: %.*s", what, len, text);
}

/* Hears who else is waiting, and says that I am. */
static void say_waiting(aic_mpi *m, int64_t now, unsigned ranks, unsigned me)
{
	MPI_Status status;
	MPI_Request request;
	int there = 0;

	while (MPI_Iprobe(MPI_ANY_SOURCE, TAG_WAITING, m->comm, &there, &status) == MPI_SUCCESS && there) {
		MPI_Recv(NULL, 0, MPI_BYTE, status.MPI_SOURCE, TAG_WAITING, m->comm, MPI_STATUS_IGNORE);
		m->heard[status.MPI_SOURCE] = now;
	}
	for (unsigned r = 0; r < ranks; r++)
		if (r != me && MPI_Isend(NULL, 0, MPI_BYTE, (int)r, TAG_WAITING, m->comm, &request) == MPI_SUCCESS)
			MPI_Request_free(&request);
	m->heard[me] = m->said = now;
}

aic_code aic_mpi_wait(aic_mpi *m, const char *what, int64_t *since, unsigned suspect, aic_error *err)
{
	int64_t now = aic_monotonic_ms(), turn = m->timeout_ms / WORDS_IN_TIMEOUT, asleep = now - m->looked;
	int ranks = 0, me = 0;

	m->looked = now;
	if (*since == 0 || asleep > SILENCE * turn) /* who stood still itself accuses nobody */
		*since = now;
	if (now - *since < turn || now - m->said < turn)
		return AIC_OK;
	MPI_Comm_size(m->comm, &ranks);
	MPI_Comm_rank(m->comm, &me);
	say_waiting(m, now, (unsigned)ranks, (unsigned)me);
	if (now - *since < m->timeout_ms)
		return AIC_OK;
	for (unsigned r = 0; r < (unsigned)ranks; r++)
		if (m->heard[r] < m->heard[suspect])
			suspect = r;
	return aic_fail(err, AIC_UNREACHABLE, "%s: rank %u has not answered for %lld s: look at its log and node, or raise AIC_TIMEOUT", what,
	                suspect, (long long)m->timeout_ms / 1000);
}

MPI_Request *aic_mpi_batch_next(aic_mpi_batch *b, unsigned peer)
{
	if (b->count == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		b->request = aic_xrealloc(b->request, b->room * sizeof(MPI_Request));
		b->peer = aic_xrealloc(b->peer, b->room * sizeof(*b->peer));
	}
	b->peer[b->count] = peer;
	b->request[b->count] = MPI_REQUEST_NULL;
	return &b->request[b->count++];
}

aic_code aic_mpi_send(aic_mpi *m, aic_mpi_batch *b, unsigned peer, int tag, const float *data, size_t n, aic_error *err)
{
	int rc = n ? MPI_Isend(data, (int)n, MPI_FLOAT, (int)peer, tag, m->comm, aic_mpi_batch_next(b, peer)) : MPI_SUCCESS;
	return rc == MPI_SUCCESS ? AIC_OK : aic_mpi_fail(rc, "sending", err);
}

aic_code aic_mpi_receive(aic_mpi *m, aic_mpi_batch *b, unsigned peer, int tag, float *data, size_t n, aic_error *err)
{
	int rc = n ? MPI_Irecv(data, (int)n, MPI_FLOAT, (int)peer, tag, m->comm, aic_mpi_batch_next(b, peer)) : MPI_SUCCESS;
	return rc == MPI_SUCCESS ? AIC_OK : aic_mpi_fail(rc, "receiving", err);
}

aic_code aic_mpi_batch_test(aic_mpi_batch *b, bool *done, const char *what, aic_error *err)
{
	int all = 0, code = MPI_Testall((int)b->count, b->request, &all, MPI_STATUSES_IGNORE);

	*done = all;
	if (all)
		b->count = 0;
	return code == MPI_SUCCESS ? AIC_OK : aic_mpi_fail(code, what, err);
}

unsigned aic_mpi_batch_peer(const aic_mpi_batch *b)
{
	size_t i = 0;
	while (i + 1 < b->count && b->request[i] == MPI_REQUEST_NULL)
		i++;
	return b->count ? b->peer[i] : 0;
}

aic_code aic_mpi_batch_finish(aic_mpi *m, aic_mpi_batch *b, const char *what, aic_error *err)
{
	int64_t since = 0;
	bool done = false;
	aic_code rc = AIC_OK;

	for (unsigned turn = 0; rc == AIC_OK; turn++) {
		rc = aic_mpi_batch_test(b, &done, what, err);
		if (rc != AIC_OK || done)
			break;
		if (turn % 64 == 63)
			rc = aic_mpi_wait(m, what, &since, aic_mpi_batch_peer(b), err);
		sched_yield();
	}
	b->count = 0;
	return rc;
}

/* Rank 0 adds and tells, rather than MPI_Allreduce, which would not say whom it waits for. */
static aic_code mpi_sum(aic_collective *c, uint64_t *v, size_t n, aic_error *err)
{
	static const char what[] = "adding counters";
	aic_mpi *m = c->own;
	uint64_t *theirs = c->rank == 0 ? aic_xcalloc((size_t)c->size * n, sizeof(*theirs)) : NULL;
	int code = MPI_SUCCESS;

	for (unsigned r = 1; theirs && code == MPI_SUCCESS && r < c->size; r++)
		code = MPI_Irecv(theirs + r * n, (int)n, MPI_UINT64_T, (int)r, TAG_COUNTERS, m->comm, aic_mpi_batch_next(&m->batch, r));
	if (!theirs)
		code = MPI_Isend(v, (int)n, MPI_UINT64_T, 0, TAG_COUNTERS, m->comm, aic_mpi_batch_next(&m->batch, 0));
	aic_code rc = code == MPI_SUCCESS ? aic_mpi_batch_finish(m, &m->batch, what, err) : aic_mpi_fail(code, what, err);
	for (size_t i = 0; theirs && i < (c->size - 1) * n; i++)
		v[i % n] += theirs[n + i];
	free(theirs);
	if (rc != AIC_OK)
		return rc;
	code = MPI_Ibcast(v, (int)n, MPI_UINT64_T, 0, m->comm, aic_mpi_batch_next(&m->batch, 0));
	return code == MPI_SUCCESS ? aic_mpi_batch_finish(m, &m->batch, what, err) : aic_mpi_fail(code, what, err);
}

static aic_code mpi_broadcast(aic_collective *c, void *data, size_t len, unsigned root, aic_error *err)
{
	aic_mpi *m = c->own;
	aic_code rc = AIC_OK;

	for (size_t at = 0; rc == AIC_OK && at < len; at += (size_t)1 << 28) {
		size_t piece = len - at < (size_t)1 << 28 ? len - at : (size_t)1 << 28;
		int code = MPI_Ibcast((char *)data + at, (int)piece, MPI_BYTE, (int)root, m->comm, aic_mpi_batch_next(&m->batch, root));
		rc = code == MPI_SUCCESS ? aic_mpi_batch_finish(m, &m->batch, "broadcasting", err) : aic_mpi_fail(code, "broadcasting", err);
	}
	return rc;
}

static void mpi_abort(aic_collective *c, int status)
{
	aic_mpi *m = c->own;
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
	aic_mpi *m = c->own;

	finalize();
	free(m->batch.request);
	free(m->batch.peer);
	free(m->heard);
	free(m);
	free(c);
}

static const aic_collective_kind mpi_kind = {
	.name = "mpi",
	.reduction_open = aic_mpi_reduction_open,
	.reduction_ready = aic_mpi_reduction_ready,
	.reduction_finish = aic_mpi_reduction_finish,
	.reduction_close = aic_mpi_reduction_close,
	.sum = mpi_sum,
	.broadcast = mpi_broadcast,
	.abort = mpi_abort,
	.close = mpi_close,
};

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

/* The ranks on my node; AIC_NODE_RANKS: at most so many of them, as if the others were on further nodes. */
static MPI_Comm node_of(int rank)
{
	MPI_Comm node, part;
	int local = 0;

	if (MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node) != MPI_SUCCESS)
		return MPI_COMM_SELF;
	if (number_in("AIC_NODE_RANKS") <= 0)
		return node;
	MPI_Comm_rank(node, &local);
	int code = MPI_Comm_split(node, local / (int)number_in("AIC_NODE_RANKS"), rank, &part);
	MPI_Comm_free(&node);
	return code == MPI_SUCCESS ? part : MPI_COMM_SELF;
}

aic_code aic_collective_mpi(aic_collective **out, int *argc, char ***argv, aic_error *err)
{
	int size = 0, rank = 0;

	*out = NULL;
	int code = start(argc, argv);
	if (code != MPI_SUCCESS)
		return aic_mpi_fail(code, "starting", err);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	long expected = expected_size();
	if (expected > 0 && expected != size) {
		finalize();
		return aic_fail(err, AIC_USAGE, "MPI counts %d rank(s), the Slurm step has %ld tasks: start with srun --mpi=pmix, under which the "
		                "tasks find each other", size, expected);
	}
	aic_mpi *m = aic_xcalloc(1, sizeof(*m));
	m->comm = MPI_COMM_WORLD;
	m->node = node_of(rank);
	m->heard = aic_xcalloc((size_t)size, sizeof(*m->heard));
	m->timeout_ms = 1000 * (number_in("AIC_TIMEOUT") > 0 ? number_in("AIC_TIMEOUT") : TIMEOUT_SECONDS);
	*out = aic_xcalloc(1, sizeof(**out));
	**out = (aic_collective){.kind = &mpi_kind, .rank = (unsigned)rank, .size = (unsigned)size, .own = m};
	return AIC_OK;
}

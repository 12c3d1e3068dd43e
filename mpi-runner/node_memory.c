#define _GNU_SOURCE /* memfd_create */
#include "mpi-runner/node_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SPINS = 200, PAGE = 4096 };

/* The token stands in a page of its own, before what the caller sees. */
static aic_code map(aic_node_memory *m, aic_error *err)
{
	char *at = mmap(NULL, m->len + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);

	if (at == MAP_FAILED) {
		close(m->fd);
		m->fd = -1;
		return aic_fail_errno(err, "mapping %zu bytes of shared memory", m->len);
	}
	m->at = at + PAGE;
	return AIC_OK;
}

static uint64_t *token_of(const aic_node_memory *m)
{
	return (uint64_t *)(void *)((char *)m->at - PAGE);
}

aic_code aic_node_memory_make(aic_node_memory *m, size_t len, aic_node_memory_place *place, aic_error *err)
{
	*m = (aic_node_memory){.len = (len + PAGE - 1) / PAGE * PAGE, .fd = memfd_create("aic-node-memory", MFD_CLOEXEC)};
	if (m->fd < 0 || ftruncate(m->fd, (off_t)(m->len + PAGE)) != 0) {
		if (m->fd >= 0)
			close(m->fd);
		m->fd = -1;
		return aic_fail_errno(err, "making %zu bytes of shared memory", len);
	}
	if (map(m, err) != AIC_OK)
		return AIC_SYSTEM;
	if (getrandom(token_of(m), sizeof(uint64_t), 0) != (ssize_t)sizeof(uint64_t))
		*token_of(m) = (uint64_t)getpid();
	*place = (aic_node_memory_place){getpid(), m->fd, m->len, *token_of(m)};
	return AIC_OK;
}

aic_code aic_node_memory_join(aic_node_memory *m, const aic_node_memory_place *place, aic_error *err)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%lld/fd/%lld", (long long)place->pid, (long long)place->fd);
	*m = (aic_node_memory){.len = (size_t)place->len, .fd = open(path, O_RDWR | O_CLOEXEC)};
	if (m->fd < 0)
		return aic_fail(err, AIC_UNREACHABLE, "%s cannot be opened from here", path);
	if (fstat(m->fd, &st) != 0 || (uint64_t)st.st_size != place->len + PAGE) {
		aic_node_memory_seal(m);
		return aic_fail(err, AIC_UNREACHABLE, "%s is another node's or container's", path);
	}
	if (map(m, err) != AIC_OK)
		return AIC_SYSTEM;
	if (*token_of(m) != place->token) {
		aic_node_memory_free(m);
		return aic_fail(err, AIC_UNREACHABLE, "%s is another node's or container's", path);
	}
	return AIC_OK;
}

void aic_node_memory_seal(aic_node_memory *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

void aic_node_memory_free(aic_node_memory *m)
{
	aic_node_memory_seal(m);
	if (m->at)
		munmap((char *)m->at - PAGE, m->len + PAGE);
	m->at = NULL;
}

static void futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	syscall(SYS_futex, (void *)word, op, value, timeout, NULL, 0);
}

void aic_bell_ring(aic_bell *b)
{
	atomic_fetch_add(&b->rung, 1);
	if (atomic_load(&b->waiting) > 0)
		futex(&b->rung, FUTEX_WAKE, INT32_MAX, NULL);
}

void aic_bell_wait(aic_bell *b, uint32_t seen, unsigned milliseconds)
{
	const struct timespec most = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};

	for (int i = 0; i < SPINS; i++)
		if (atomic_load_explicit(&b->rung, memory_order_acquire) != seen)
			return;
	atomic_fetch_add(&b->waiting, 1);
	futex(&b->rung, FUTEX_WAIT, seen, &most);
	atomic_fetch_sub(&b->waiting, 1);
}

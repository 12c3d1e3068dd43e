/* node_memory.h: memory that several processes of one node and user share. It has no name in a file system, so nothing is left
 * behind, whoever is killed; and a bell by which they wait for each other without keeping the processor busy. */
#ifndef AIC_NODE_MEMORY_H
#define AIC_NODE_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct {
	void *at; /* whole pages, zero at first; NULL: none */
	size_t len;
	int fd;
} aic_node_memory;

/* What another process needs to join. */
typedef struct {
	int64_t pid, fd;
	uint64_t len, token;
} aic_node_memory_place;

aic_code aic_node_memory_make(aic_node_memory *m, size_t len, aic_node_memory_place *place, aic_error *err);
/* AIC_UNREACHABLE where it cannot be reached from here: another node or container. */
aic_code aic_node_memory_join(aic_node_memory *m, const aic_node_memory_place *place, aic_error *err);
/* From now on nobody joins. */
void aic_node_memory_seal(aic_node_memory *m);
void aic_node_memory_free(aic_node_memory *m);

/* A bell in shared memory, zero at first. Read `rung` before looking whether there is something to do, then wait for a change. */
typedef struct {
	_Atomic uint32_t rung, waiting;
} aic_bell;

void aic_bell_ring(aic_bell *b);
void aic_bell_wait(aic_bell *b, uint32_t seen, unsigned milliseconds);

#endif

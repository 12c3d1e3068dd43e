/* collective_mpi.h: what collective_mpi.c and collective_sum.c share. */
#ifndef AIC_COLLECTIVE_MPI_H
#define AIC_COLLECTIVE_MPI_H

#include <mpi.h>
#include <stdbool.h>

#include "mpi-runner/collective.h"

/* Messages under way and whose rank each waits for. */
typedef struct {
	MPI_Request *request;
	unsigned *peer;
	size_t count, room;
} aic_mpi_batch;

typedef struct {
	MPI_Comm comm, node; /* all ranks; those that may share memory */
	int64_t timeout_ms;
	aic_mpi_batch batch; /* of the call under way */
	int64_t *heard;      /* when each rank last said that it is waiting, too; 0: never */
	int64_t said, looked; /* when I last said so, and last looked at the clock */
} aic_mpi;

aic_code aic_mpi_fail(int code, const char *what, aic_error *err);
/* I am waiting for `what`; *since: 0 at first. Who waits long says so to all, from time to time; after the time-out the late rank is the one
 * that has been silent longest: `suspect`, or another for which the suspect itself waits. */
aic_code aic_mpi_wait(aic_mpi *m, const char *what, int64_t *since, unsigned suspect, aic_error *err);

MPI_Request *aic_mpi_batch_next(aic_mpi_batch *b, unsigned peer);
aic_code aic_mpi_send(aic_mpi *m, aic_mpi_batch *b, unsigned peer, int tag, const float *data, size_t n, aic_error *err);
aic_code aic_mpi_receive(aic_mpi *m, aic_mpi_batch *b, unsigned peer, int tag, float *data, size_t n, aic_error *err);
/* *done: all messages have gone and come, and the batch is empty again. */
aic_code aic_mpi_batch_test(aic_mpi_batch *b, bool *done, const char *what, aic_error *err);
unsigned aic_mpi_batch_peer(const aic_mpi_batch *b); /* one that it waits for */
/* Waits for all, giving the processor away meanwhile: several ranks may share a core. */
aic_code aic_mpi_batch_finish(aic_mpi *m, aic_mpi_batch *b, const char *what, aic_error *err);

/* collective_sum.c */
aic_code aic_mpi_reduction_open(aic_reduction *r, aic_error *err);
aic_code aic_mpi_reduction_ready(aic_reduction *r, aic_error *err);
aic_code aic_mpi_reduction_finish(aic_reduction *r, aic_error *err);
void aic_mpi_reduction_close(aic_reduction *r);

#endif

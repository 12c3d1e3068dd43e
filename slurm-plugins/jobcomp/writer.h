/* writer.h: from slurmctld's hook to the spool on disk without making slurmctld wait.
 *
 * aic_writer_put() only takes a lock that the thread holds for a pointer exchange. The thread appends what it finds within
 * 20 ms (SIGKILL of slurmctld loses only what waits in memory) and calls fdatasync at most every sync_ms (a crash of the
 * machine loses at most that window). A spool that cannot be written (full disk, wrong owner) is tried again every second;
 * records wait in memory meanwhile, up to max_bytes, and one line says so. */
#ifndef AIC_JOBCOMP_WRITER_H
#define AIC_JOBCOMP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

#define AIC_WRITER_SYNC_MS 1000
#define AIC_WRITER_MAX_BYTES (256u << 20)
#define AIC_WRITER_DRAIN_MS 5000

typedef struct {
	const char *dir;                                    /* copied */
	uint32_t sync_ms;
	size_t max_bytes;
	uint32_t drain_ms;                                  /* how long aic_writer_stop() waits for a spool that fails */
	void (*log)(bool is_error, const char *message);    /* called from any thread */
} aic_writer_options;

typedef struct aic_writer aic_writer;

aic_code aic_writer_start(aic_writer **w, const aic_writer_options *options, aic_error *err);
/* Takes over record's memory (record becomes empty). AIC_FULL where max_bytes are waiting: the record is dropped and counted. */
aic_code aic_writer_put(aic_writer *w, aic_bytes *record, aic_error *err);
/* Writes what waits, ends the thread and frees w. Returns the number of records that could not be written. NULL does nothing. */
uint64_t aic_writer_stop(aic_writer *w);

#endif

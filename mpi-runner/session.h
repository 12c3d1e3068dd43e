/* session.h: the training session of a run, by rank 0: opened before the first step, committed to beside the training, closed at its end.
 * It never stops a training: where there is none, `said` says why. Files: doc/formats/session-dir.md. */
#ifndef AIC_SESSION_H
#define AIC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/session_call.h"

typedef struct aic_session aic_session;

typedef struct {
	const char *folder;        /* the run's; it is there */
	bool off;                  /* none is wanted; a run that has one keeps its seed */
	bool fresh;                /* what the folder holds of an earlier session is of another run */
	bool resumes;              /* steps were done already, with the seed that the folder's record has */
	const void *spec;          /* the specification's bytes, or a program's command */
	size_t spec_len;
	const char *spec_file;     /* its path; NULL: none */
	const char *asset;         /* name of the data set, "" for none */
	aic_hash data;
	aic_session_class determinism;
	const char *device;        /* class D1: in words */
	uint32_t shards;
	uint64_t seed;             /* the specification's */
	uint64_t every, steps;     /* between checkpoints; in all */
	uint64_t checkpoint_bytes; /* of one */
} aic_session_request;

#define AIC_SESSION_SAID 512

/* *s: NULL where there is no session. *seed: to train with. said: one line for the user; "" outside of Slurm and where there is no
 * aic.yaml. Waits a few seconds at most. */
void aic_session_begin(aic_session **s, const aic_session_request *q, uint64_t *seed, char said[AIC_SESSION_SAID]);
/* A checkpoint is durable at path; by any one thread. */
void aic_session_saved(aic_session *s, uint64_t step, const aic_hash *chain, const aic_hash *root, const char *path);
/* What is not delivered within a few seconds is delivered later, by others; said tells it, else is "". Frees s. */
void aic_session_finish(aic_session *s, uint64_t steps, aic_session_end end, char said[AIC_SESSION_SAID]);
/* CPU seconds that the session took beside checkpoints, so far. */
double aic_session_cpu(const aic_session *s);

#endif

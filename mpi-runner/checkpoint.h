/* checkpoint.h: the state of a training in one file that is whole or not there (doc/formats/checkpoint.md). */
#ifndef AIC_CHECKPOINT_H
#define AIC_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"

#define AIC_CHECKPOINT_SECTIONS 3

typedef struct {
	aic_hash identity;      /* of the specification and its data */
	uint64_t step;          /* steps done */
	uint64_t parameters;
	float power1, power2;   /* optimizer: running products */
	float *section[AIC_CHECKPOINT_SECTIONS]; /* weights, means, squares (NULL where the optimizer has none): parameters each */
} aic_checkpoint;

/* Writes FOLDER/step-STEP.aickpt and removes all but the newest `keep`. */
aic_code aic_checkpoint_save(const aic_checkpoint *c, const char *folder, uint64_t keep, aic_error *err);

/* Removes all checkpoints of the folder: a fresh start. */
void aic_checkpoint_clear(const char *folder);

/* Fills c (identity, parameters and sections given by the caller as what it expects) from the newest whole checkpoint.
 * AIC_NOT_FOUND where there is none; AIC_REFUSED where it belongs to another specification, data or model. A damaged file is
 * passed over for the next older one; damaged, if not NULL, is then given its message (else empty). */
aic_code aic_checkpoint_load(aic_checkpoint *c, const char *folder, aic_error *damaged, aic_error *err);

/* SHA-256 over the values as little-endian IEEE binary32. */
aic_hash aic_floats_hash(const float *v, size_t n);

#endif

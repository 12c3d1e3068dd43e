/* checkpoint.h: the state of a training in one file that is whole or not there (doc/formats/checkpoint.md). */
#ifndef AIC_CHECKPOINT_H
#define AIC_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"
#include "mpi-runner/commit.h"

#define AIC_CHECKPOINT_SUFFIX ".aickpt"

typedef struct {
	aic_train_state state;
	aic_segment segment; /* up to state.step */
	float *section[AIC_COMMIT_SECTIONS_MAX]; /* weights, means, squares: state.sections of state.parameters values */
} aic_checkpoint;

/* --- a folder of them --- */

/* Writes FOLDER/step-STEP.aickpt (temporary file, fsync, rename, fsync of the folder), then removes all but the newest `keep`. leaf: one
 * for each chunk (commit.h); NULL: made here. */
aic_code aic_checkpoint_save(const aic_checkpoint *c, const aic_hash *leaf, const char *folder, uint64_t keep, aic_error *err);

/* Removes what a training that was killed had begun to write. */
void aic_checkpoint_tidy(const char *folder);
/* Removes all checkpoints of the folder: a fresh start. */
void aic_checkpoint_clear(const char *folder);

/* Steps of the checkpoints in folder, newest first; the caller frees. */
size_t aic_checkpoint_list(const char *folder, int64_t **steps);
void aic_checkpoint_path(char *path, const char *folder, int64_t step); /* PATH_MAX bytes of room */
/* The newest by its name, whole or not; false where there is none. */
bool aic_checkpoint_newest(const char *folder, char *path, size_t size);

/* Fills c from the newest whole checkpoint; the caller gives sections, and state.identity, parameters and sections as what it expects.
 * AIC_NOT_FOUND where there is none; AIC_REFUSED where it belongs to another specification, data or model. A damaged file is
 * passed over for the next older one; damaged, if not NULL, is then given its message (else empty). */
aic_code aic_checkpoint_load(aic_checkpoint *c, const char *folder, aic_error *damaged, aic_error *err);

/* --- one file (checkpoint_file.c) --- */

/* Bytes of such a file. */
uint64_t aic_checkpoint_size(const aic_checkpoint *c);
/* Writes and fsyncs. */
aic_code aic_checkpoint_write(const aic_checkpoint *c, const aic_hash *leaf, const char *path, aic_error *err);
/* As aic_checkpoint_load, of one file; AIC_CORRUPT names what does not fit, which another root than `root` does not (NULL: any). */
aic_code aic_checkpoint_read(aic_checkpoint *c, const aic_hash *root, const char *path, aic_error *err);
/* State, segment (the caller frees it) and root, all consistent, without reading weights and moments. */
aic_code aic_checkpoint_head(aic_checkpoint *c, aic_hash *root, const char *path, aic_error *err);
/* Reads and checks all of a file whatever training it is of: state, segment (the caller frees it) and root. Sections stay NULL. */
aic_code aic_checkpoint_check(aic_checkpoint *c, aic_hash *root, const char *path, aic_error *err);

/* SHA-256 over the values as little-endian IEEE binary32. */
aic_hash aic_floats_hash(const float *v, size_t n);

#endif

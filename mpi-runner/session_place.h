/* session_place.h: a run's checkpoints in its session's folder of the store. Internal to session.c. */
#ifndef AIC_SESSION_PLACE_H
#define AIC_SESSION_PLACE_H

#include "common/session_record.h"

/* Queues the commitment, then puts the file at path into r->store; nothing where the step is none that is committed to. */
aic_code aic_session_place(const aic_session_record *r, const aic_committed *c, const char *path, aic_error *err);
/* The checkpoints of the run's folder that the store lacks, since the run was killed between the two. */
aic_code aic_session_place_missing(const aic_session_record *r, const char *folder, aic_error *err);
/* The files beside the checkpoints: record, what a verifier needs, specification. */
aic_code aic_session_place_files(const aic_session_record *r, const void *spec, size_t spec_len, aic_error *err);

#endif

/* verify.h: drawn segments of a session, run again from the checkpoints that were committed to. */
#ifndef AIC_VERIFY_H
#define AIC_VERIFY_H

#include <stdbool.h>

#include "common/error.h"
#include "common/verification.h"
#include "mpi-runner/collective.h"

typedef struct {
	const char *question; /* file: what is asked (doc/formats/verification.md) */
	const char *folder;   /* the session's (doc/formats/session-dir.md) */
	bool quiet;           /* no progress line */
} aic_verify_options;

/* Every rank calls this, and gets the same. Failures are those of this site alone (memory, its own files, a lost rank): what the other
 * side did or left undone is a result. *stopped: ended early by a signal, without a result. */
aic_code aic_verify_session(aic_collective *c, const aic_verify_options *o, aic_verification_result *r, bool *stopped, aic_error *err);

#endif

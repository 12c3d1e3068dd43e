/* train.h: a whole training: specification, data, model, steps, checkpoints, test. */
#ifndef AIC_TRAIN_H
#define AIC_TRAIN_H

#include <stdbool.h>

#include "common/error.h"
#include "mpi-runner/collective.h"

#define AIC_EXIT_STOPPED 75 /* EX_TEMPFAIL: stopped by a signal at a step boundary, to be started again */

typedef struct {
	const char *spec;    /* path, read by rank 0 */
	const char *run_dir; /* folder; NULL: NAME.aic, NAME the model's */
	bool fresh;          /* ignore and remove checkpoints */
	bool quiet;          /* no progress line */
	bool no_session;     /* open none: the specification's seed counts */
} aic_train_options;

/* Every rank calls this. *stopped: ended early by a signal, checkpoint saved. The failure that comes back is the same on all ranks,
 * except where a rank is lost (AIC_UNREACHABLE) or MPI itself fails (AIC_SYSTEM): then the caller aborts the collective. */
aic_code aic_train(aic_collective *c, const aic_train_options *options, bool *stopped, aic_error *err);

#endif

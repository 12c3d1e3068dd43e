/* verify_step.h: which step is the first that differs. */
#ifndef AIC_VERIFY_STEP_H
#define AIC_VERIFY_STEP_H

#include "common/verification.h"
#include "mpi-runner/commit.h"

/* mine: the steps of the segment as they were computed; theirs: those in the file of the checkpoint that ends it, whose root and chain are as
 * committed, NULL where there is no such file. The first step, counted from 1 as `steps done` after it, whose bits differ; the segment's last where
 * none does or theirs are not known: weights, moments or chain that do not follow from the steps stand there. */
uint64_t aic_verify_first_wrong(const aic_verification_segment *asked, const aic_segment *mine, const aic_segment *theirs);

#endif
